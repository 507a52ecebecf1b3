//! Parameters of a device, inferred from its own readings.
//!
//! A flow over parameters given an observation, trained on simulations (`flow train
//! --columns PARAMETERS --context OBSERVED`, or `flow_train::posterior::amortised`),
//! answers each observation with a posterior at once: training was the inference
//! (Papamakarios & Murray 2016; Greenberg, Nonnenmacher & Macke 2019). [`Posterior`]
//! asks it for a draw, a density, or a summary, all in bounded time: each takes a
//! fixed number of evaluations, and each of these a fixed number of instructions but
//! for branches.
//!
//! An answer is only as good as the simulator. An observation unlike any that was
//! simulated gets an answer that looks as sure as others: watch the observations with
//! a [`Detector`](crate::Detector) of their own where that may happen.

use crate::density::{Density, Sampler};
use crate::math::{Math, Polynomial};
use core::fmt;
use rand_core::Rng;

/// A posterior over `P` parameters given `O` observed numbers, by a flow `F` whose
/// events are the parameters and whose context is the observation.
///
/// # Examples
/// A generated model implements both traits; here a hand-written one stands in for
/// it: an offset is half of what is seen, give or take 1.
/// ```
/// use flow_embedded::posterior::{Posterior, PosteriorError};
/// use flow_embedded::rand_core::Rng;
/// use flow_embedded::{Sampler, base, golden::Words, math::Polynomial};
///
/// struct Offset;
///
/// impl Sampler<1, 1> for Offset {
///     fn sample<R: Rng + ?Sized>(&self, rng: &mut R, [seen]: &[f32; 1]) -> [f32; 1] {
///         [0.5 * seen + base::normal::<Polynomial, _>(rng)]
///     }
/// }
///
/// let (posterior, mut rng) = (Posterior::new(Offset), Words::new(4));
/// let [offset] = posterior.mean_and_sd::<400>(&[6.0], &mut rng)?;
/// assert!((offset.mean - 3.0).abs() < 0.15 && (offset.sd - 1.0).abs() < 0.1);
/// let [(low, high)] = posterior.interval::<399, 20>(&[6.0], &mut rng)?;
/// assert!((low - 1.36).abs() < 0.3 && (high - 4.64).abs() < 0.3);
/// let missing = posterior.sample(&[f32::NAN], &mut rng);
/// assert_eq!(missing, Err(PosteriorError::NonFinite { channel: 0 }));
/// # Ok::<(), PosteriorError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Posterior<F, const P: usize, const O: usize> {
    flow: F,
}

/// Mean and standard deviation of one parameter.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Estimate {
    /// Of the draws, in the parameter's units.
    pub mean: f32,
    /// Of the draws (unbiased variance), in the parameter's units.
    pub sd: f32,
}

/// Why a [`Posterior`] gave no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum PosteriorError {
    /// A number of the observation is NaN or infinite.
    NonFinite {
        /// Its place, from 0.
        channel: usize,
    },
    /// A parameter whose density was asked for is NaN or infinite.
    NonFiniteParameter {
        /// Its place, from 0.
        channel: usize,
    },
    /// A draw overflows `f32`: the observation is far from those that were simulated.
    Overflow,
}

impl fmt::Display for PosteriorError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::NonFinite { channel } => {
                write!(f, "number {channel} of the observation is not finite")
            }
            Self::NonFiniteParameter { channel } => {
                write!(f, "parameter {channel} is not finite")
            }
            Self::Overflow => write!(
                f,
                "a draw overflows: the observation is far from those that were simulated"
            ),
        }
    }
}

impl core::error::Error for PosteriorError {}

impl<F, const P: usize, const O: usize> Posterior<F, P, O> {
    /// The posterior that a flow describes.
    pub const fn new(flow: F) -> Self {
        Self { flow }
    }

    /// The flow.
    pub const fn flow(&self) -> &F {
        &self.flow
    }

    /// The log-density of parameters given an observation, in nats, in the
    /// parameters' units; −∞ for parameters outside the domain of the prior.
    ///
    /// # Errors
    /// A number of the parameters or of the observation is not finite.
    pub fn log_prob(
        &self,
        parameters: &[f32; P],
        observation: &[f32; O],
    ) -> Result<f32, PosteriorError>
    where
        F: Density<P, O>,
    {
        finite(observation)?;
        match parameters.iter().position(|x| !x.is_finite()) {
            Some(channel) => Err(PosteriorError::NonFiniteParameter { channel }),
            None => Ok(self.flow.log_prob(parameters, observation)),
        }
    }

    /// Draws parameters given an observation: one evaluation of the flow, and as many
    /// words from the generator as [`Sampler::sample`] takes. Parameters that the
    /// simulator has on a grid are drawn on it.
    ///
    /// # Errors
    /// A number of the observation is not finite, or the draw overflows.
    pub fn sample(
        &self,
        observation: &[f32; O],
        rng: &mut (impl Rng + ?Sized),
    ) -> Result<[f32; P], PosteriorError>
    where
        F: Sampler<P, O>,
    {
        finite(observation)?;
        let mut parameters = self.flow.sample(rng, observation);
        self.flow.round_to_grid(&mut parameters);
        match parameters.iter().all(|x| x.is_finite()) {
            true => Ok(parameters),
            false => Err(PosteriorError::Overflow),
        }
    }

    /// Mean and standard deviation of each parameter, from `N` draws: `N` evaluations.
    ///
    /// Chance moves the mean by `sd / √N` (one standard error) and the deviation by
    /// `1 / √(2 N)` of itself, if the posterior is about normal: 5 % and 3.5 % for 400
    /// draws. Rounding is far below that: the sums are Welford's (1962), around the
    /// first draw, so that they are off by a few millionths of the deviation, however
    /// large the mean is; the mean is then rounded once. For an angle
    /// these are those of its value between the ends of the turn, and mean little
    /// where draws lie around both of them.
    ///
    /// # Errors
    /// As [`sample`](Self::sample).
    pub fn mean_and_sd<const N: usize>(
        &self,
        observation: &[f32; O],
        rng: &mut (impl Rng + ?Sized),
    ) -> Result<[Estimate; P], PosteriorError>
    where
        F: Sampler<P, O>,
    {
        const { assert!(N >= 2, "two draws have a deviation") };
        // The first draw, the mean of what others are off it, and their sum of squares.
        let mut moments = self
            .sample(observation, rng)?
            .map(|value| [value, 0.0, 0.0]);
        for draw in 2..=N {
            let share = 1.0 / draw as f32;
            let parameters = self.sample(observation, rng)?;
            for ([first, mean, squares], value) in moments.iter_mut().zip(parameters) {
                let value = value - *first;
                let off = value - *mean;
                *mean += off * share;
                *squares += off * (value - *mean);
            }
        }
        let share = 1.0 / (N - 1) as f32;
        Ok(moments.map(|[first, mean, squares]| Estimate {
            mean: first + mean,
            sd: Polynomial::sqrt(squares * share),
        }))
    }

    /// An interval of each parameter: from the `K`-th least of `N` draws to the `K`-th
    /// largest, by `N` evaluations and `8 · K · P` bytes.
    ///
    /// It holds the truth with the probability `(N + 1 − 2 K) / (N + 1)`, exactly, for
    /// observations as they were simulated, if the posterior is calibrated: the truth is
    /// then as likely to have any place among the draws as any other. 199 draws and
    /// `K = 10` make 90 %, 399 and 10 make 95 %.
    ///
    /// # Errors
    /// As [`sample`](Self::sample).
    pub fn interval<const N: usize, const K: usize>(
        &self,
        observation: &[f32; O],
        rng: &mut (impl Rng + ?Sized),
    ) -> Result<[(f32, f32); P], PosteriorError>
    where
        F: Sampler<P, O>,
    {
        const { assert!(K >= 1 && 2 * K <= N, "an interval between two draws") };
        // Ascending and, negated, descending.
        let mut least = [[f32::INFINITY; K]; P];
        let mut largest = least;
        for _ in 0..N {
            let parameters = self.sample(observation, rng)?;
            for ((least, largest), value) in least.iter_mut().zip(&mut largest).zip(parameters) {
                insert(least, value);
                insert(largest, -value);
            }
        }
        let mut intervals = [(f32::NAN, f32::NAN); P];
        for ((own, least), largest) in intervals.iter_mut().zip(&least).zip(&largest) {
            if let (Some(low), Some(high)) = (least.last(), largest.last()) {
                *own = (*low, -*high);
            }
        }
        Ok(intervals)
    }
}

/// Puts a value in its place among ascending ones, the largest of which drops out.
fn insert(ascending: &mut [f32], value: f32) {
    let mut carried = value;
    for own in ascending {
        if carried < *own {
            core::mem::swap(own, &mut carried);
        }
    }
}

fn finite(observation: &[f32]) -> Result<(), PosteriorError> {
    match observation.iter().position(|x| !x.is_finite()) {
        Some(channel) => Err(PosteriorError::NonFinite { channel }),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::normal;
    use crate::golden::Words;

    /// Two parameters, the first around what is seen and large, the second twice its
    /// deviation from it.
    struct Pair;

    impl Sampler<2, 1> for Pair {
        fn sample<R: Rng + ?Sized>(&self, rng: &mut R, [seen]: &[f32; 1]) -> [f32; 2] {
            let z = normal::<Polynomial, _>(rng);
            [seen + 50.0 * z, 2.0 * z]
        }

        fn round_to_grid(&self, [first, _]: &mut [f32; 2]) {
            *first = ((*first * 4.0) as i32) as f32 * 0.25;
        }
    }

    impl Density<2, 1> for Pair {
        fn log_prob(&self, [first, second]: &[f32; 2], [seen]: &[f32; 1]) -> f32 {
            first + second - seen
        }
    }

    const PAIR: Posterior<Pair, 2, 1> = Posterior::new(Pair);

    #[test]
    fn moments_are_those_of_the_draws() {
        const DRAWS: usize = 1000;
        let found = PAIR
            .mean_and_sd::<DRAWS>(&[10_000.0], &mut Words::new(3))
            .expect("finite");
        let mut rng = Words::new(3);
        let draws: [[f64; 2]; DRAWS] = core::array::from_fn(|_| {
            PAIR.sample(&[10_000.0], &mut rng)
                .expect("finite")
                .map(f64::from)
        });
        for (channel, own) in found.iter().enumerate() {
            let mean = draws.iter().map(|draw| draw[channel]).sum::<f64>() / DRAWS as f64;
            let squares = draws.iter().map(|draw| (draw[channel] - mean).powi(2));
            let variance = squares.sum::<f64>() / (DRAWS - 1) as f64;
            let sd = f64::from(own.sd);
            // A few units of the last place of 10,000 in the mean.
            let error = (f64::from(own.mean) - mean).abs();
            assert!(error < 3e-7 * (mean.abs() + sd), "mean {} {mean}", own.mean);
            assert!((sd * sd / variance - 1.0).abs() < 3e-5, "{sd} {variance}");
        }
    }

    #[test]
    fn an_interval_is_between_order_statistics() {
        let found = PAIR
            .interval::<99, 5>(&[0.0], &mut Words::new(4))
            .expect("finite");
        let mut rng = Words::new(4);
        let mut draws: [[f32; 2]; 99] =
            core::array::from_fn(|_| PAIR.sample(&[0.0], &mut rng).expect("finite"));
        for (channel, interval) in found.into_iter().enumerate() {
            draws.sort_by(|a, b| a[channel].total_cmp(&b[channel]));
            assert_eq!(interval, (draws[4][channel], draws[94][channel]));
        }
    }

    #[test]
    fn what_is_not_finite_is_refused() {
        let mut rng = Words::new(5);
        let nan = Err(PosteriorError::NonFinite { channel: 0 });
        assert_eq!(PAIR.sample(&[f32::NAN], &mut rng), nan);
        assert_eq!(
            PAIR.mean_and_sd::<9>(&[f32::INFINITY], &mut rng),
            Err(PosteriorError::NonFinite { channel: 0 })
        );
        assert_eq!(
            PAIR.log_prob(&[0.0, f32::NAN], &[1.0]),
            Err(PosteriorError::NonFiniteParameter { channel: 1 })
        );
        assert_eq!(PAIR.log_prob(&[3.0, 1.0], &[1.0]), Ok(3.0));
    }

    #[test]
    fn a_draw_that_overflows_is_an_error() {
        struct Far;
        impl Sampler<1, 1> for Far {
            fn sample<R: Rng + ?Sized>(&self, _: &mut R, [seen]: &[f32; 1]) -> [f32; 1] {
                [seen * f32::MAX]
            }
        }
        let posterior = Posterior::new(Far);
        let mut rng = Words::new(6);
        assert_eq!(
            posterior.interval::<2, 1>(&[2.0], &mut rng),
            Err(PosteriorError::Overflow)
        );
        assert_eq!(posterior.sample(&[1.0], &mut rng), Ok([f32::MAX]));
    }
}
