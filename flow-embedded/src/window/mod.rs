//! Streaming context: numbers computed from a stream's own past.
//!
//! A stream's samples depend on those before them. A flow that is conditioned on
//! lags, differences, moments or moving averages of the past models what is new
//! in each sample; its p-values are then far closer to independent than those of
//! a flow that sees each sample alone. [`Feature`] says what is computed,
//! [`Window`] keeps what it takes. Trainer and chip run this very code, so a
//! recording gives the same bits on both.
//!
//! All features are of the *past*, up to the sample before the present one: ask
//! for them, score the sample, and then push it.
//!
//! ```
//! use flow_embedded::window::{Feature, Window};
//!
//! const FEATURES: [Feature; 2] = [
//!     Feature::Lag { channel: 0, steps: 1 },
//!     Feature::Mean { channel: 0, steps: 4 },
//! ];
//! let mut window = Window::<1, 4>::new();
//! let mut past = [0.0; 2];
//! for x in [1.0, 2.0, 3.0, 6.0] {
//!     assert!(!window.features(&FEATURES, &mut past));
//!     window.push(&FEATURES, &[x]);
//! }
//! assert!(window.features(&FEATURES, &mut past));
//! assert_eq!(past, [6.0, 3.0]);
//! ```
//!
//! # Missing samples
//! A sample with a NaN or an infinity counts as missing, and so does one that is
//! reported by [`Window::missing`]. The ring is emptied, since it must not join
//! what was apart: it is full again after as many samples as the features reach
//! back. A moving average holds its value; each missing sample costs it one of
//! those that it rests on, so that it is ready again after as many samples as
//! were missing, and has forgotten all after a gap of its own length.

mod average;
mod feature;
mod ring;
mod state;

pub use feature::{Feature, MAX_SHIFT, MAX_STEPS};

use average::Average;
use ring::Ring;

/// A flow whose first `W` context channels are computed from the past of its `D`
/// event channels: the last `N` samples, and `A` moving averages. Generated code
/// implements it.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not conditioned on the past of its stream, so it has no window: run `flow train recording.csv --lags 1,2 -o model.flow` and generate its module",
    label = "no model that is conditioned on the past",
    note = "`--differences`, `--means`, `--deviations` and `--averages` condition on the past, too"
)]
pub trait Windowed<const D: usize, const W: usize, const N: usize, const A: usize> {
    /// What the first context channels are, in order.
    const FEATURES: [Feature; W];

    /// A window of the size that the features need, without a past.
    fn window(&self) -> Window<D, N, A> {
        Window::new()
    }
}

impl<F, const D: usize, const W: usize, const N: usize, const A: usize> Windowed<D, W, N, A> for &F
where
    F: Windowed<D, W, N, A>,
{
    const FEATURES: [Feature; W] = F::FEATURES;
}

/// The past of a stream of `D` channels: its last `N` samples, and `A` moving
/// averages.
///
/// Takes `4 · D · N + 12 · A` bytes and a few more. Each call takes a time that
/// depends on the features alone. The features are given with each call, so that
/// they stay in flash: they must be the same in all calls, and fit the window as
/// [`Window::fits`] says, or it is never primed.
///
/// [`save`](Self::save) and [`restore`](Self::restore) take it over a reboot: a state that is
/// damaged, or of another model, is refused.
#[derive(Clone, Debug, PartialEq)]
pub struct Window<const D: usize, const N: usize, const A: usize = 0> {
    ring: Ring<D, N>,
    /// Of the features that are averages, in their order.
    averages: [Average; A],
}

impl<const D: usize, const N: usize, const A: usize> Window<D, N, A> {
    /// A window without a past.
    pub const fn new() -> Self {
        Self {
            ring: Ring::new(),
            averages: [Average::new(); A],
        }
    }

    /// A window whose past is this sample, again and again, for as long as the
    /// features reach back.
    pub fn filled(features: &[Feature], sample: &[f32; D]) -> Self {
        let mut window = Self::new();
        for (own, (channel, shift)) in window.averages.iter_mut().zip(moving(features)) {
            if let Some(x) = sample.get(channel) {
                *own = Average::filled(*x, shift);
            }
        }
        window.ring.fill(*sample);
        window
    }

    /// Whether the window has room for the features, and the stream their
    /// channels.
    pub fn fits(features: &[Feature]) -> bool {
        let mut own = features.iter();
        own.all(|feature| feature.is_valid(D) && feature.depth() <= N)
            && moving(features).count() <= A
    }

    /// Takes the present sample into the past. One with a NaN or an infinity is
    /// [`missing`](Self::missing).
    pub fn push(&mut self, features: &[Feature], sample: &[f32; D]) {
        if !sample.iter().all(|x| x.is_finite()) {
            return self.missing();
        }
        for (own, (channel, shift)) in self.averages.iter_mut().zip(moving(features)) {
            if let Some(x) = sample.get(channel) {
                own.push(*x, shift);
            }
        }
        self.ring.push(*sample);
    }

    /// Says that the present sample is missing: see the [module](self).
    pub fn missing(&mut self) {
        self.ring.clear();
        for average in &mut self.averages {
            average.missing();
        }
    }

    /// Whether there is enough past for the features.
    pub fn is_primed(&self, features: &[Feature]) -> bool {
        let mut averages = self.averages.iter().zip(moving(features));
        Self::fits(features)
            && features.iter().all(|own| own.depth() <= self.ring.len())
            && averages.all(|(own, (_, shift))| own.is_primed(shift))
    }

    /// Computes the features of the sample that comes next into `values`, one
    /// for each; whether it did: the window must be primed, `values` as long as
    /// `features`, and the results within `f32`. Else `values` is worth nothing.
    pub fn features(&self, features: &[Feature], values: &mut [f32]) -> bool {
        if values.len() != features.len() || !self.is_primed(features) {
            return false;
        }
        let mut averages = self.averages.iter();
        for (value, feature) in values.iter_mut().zip(features) {
            *value = match *feature {
                Feature::Average { .. } => averages.next().map_or(f32::NAN, Average::value),
                _ => self.ring.feature(feature),
            };
        }
        values.iter().all(|value| value.is_finite())
    }

    /// The whole context of the sample that comes next: the features, then what
    /// is `given`. `None` if the features are not to be had, or `C` is not the
    /// sum of both.
    pub fn context<const C: usize>(&self, features: &[Feature], given: &[f32]) -> Option<[f32; C]> {
        let mut context = [0.0; C];
        let (past, rest) = context.split_at_mut_checked(features.len())?;
        if rest.len() != given.len() || !self.features(features, past) {
            return None;
        }
        for (value, given) in rest.iter_mut().zip(given) {
            *value = *given;
        }
        Some(context)
    }

    /// Forgets the past.
    pub fn reset(&mut self) {
        *self = Self::new();
    }
}

impl<const D: usize, const N: usize, const A: usize> Default for Window<D, N, A> {
    fn default() -> Self {
        Self::new()
    }
}

/// Channel and shift of the moving averages among the features, in order.
fn moving(features: &[Feature]) -> impl Iterator<Item = (usize, u8)> + '_ {
    features.iter().filter_map(|feature| match *feature {
        Feature::Average { channel, shift } => Some((usize::from(channel), shift)),
        _ => None,
    })
}
