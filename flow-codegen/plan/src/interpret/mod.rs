//! What the code of a plan computes, without compiling it: the same kernels in
//! the same order, so the same bits.
//!
//! The desk scores with it what has no other form there: models of integers.
//! And it holds the passes to each other: a plan gives the same before and
//! after.

mod conditioner;
mod float;
mod image;
mod integer;
mod kernels;
mod walk;

pub use float::Activations;

use crate::plan::vectors;
use crate::{Checked, Error, Optimise, Passes, Plan, passes};
use float::Float;
use flow_embedded::artefact::{Form, Header, LoadedFlow};
use flow_embedded::fixed::Saturation;
use flow_embedded::math::{Backend, Libm, Math, Micromath, Polynomial};
use integer::Integer;

/// Takes the golden vectors of a model of integers from its integers.
pub fn score_golden(plan: &mut Plan, header: &Header<'_>) {
    let golden = vectors(header, |event, context| {
        let mut saturation = Saturation::new();
        Integer::new(plan, &mut saturation)
            .log_prob(event, context)
            .0
    });
    plan.golden = golden;
}

/// A model, interpreted.
pub struct Interpreter(Plan);

impl Interpreter {
    /// Interprets a model as the compiler would emit it.
    ///
    /// # Errors
    /// The model can't have the form that its artefact asks for.
    pub fn new(checked: &Checked<'_>, passes: Passes) -> Result<Self, Error> {
        let plan = Plan::new(checked);
        let quantisation = checked.flow.header().quantisation.as_ref();
        passes::run(plan, passes, Optimise::default(), quantisation).map(Self)
    }

    /// Interprets a loaded flow, all passes on.
    ///
    /// # Errors
    /// As [`new`](Self::new).
    pub fn of(flow: &LoadedFlow<'_>) -> Result<Self, Error> {
        Self::new(&Checked::from(flow.clone()), Passes::default())
    }

    /// The log-likelihood of an event in nats; for a model of integers also
    /// how many of its values were clamped to their formats.
    ///
    /// # Panics
    /// The slices are not as long as the model has channels.
    pub fn log_prob(&self, event: &[f32], context: &[f32]) -> (f32, u32) {
        let (log_prob, _, clamped) = self.log_prob_and_latents(event, context);
        (log_prob, clamped)
    }

    /// The same, with the latent coordinates of the event between them.
    ///
    /// # Panics
    /// As [`log_prob`](Self::log_prob).
    pub fn log_prob_and_latents(&self, event: &[f32], context: &[f32]) -> (f32, Vec<f32>, u32) {
        let plan = &self.0;
        assert_eq!(event.len(), plan.all.len(), "event channels");
        assert_eq!(context.len(), plan.context.len(), "context channels");
        if plan.is_integer() {
            let mut saturation = Saturation::new();
            let found = Integer::new(plan, &mut saturation).log_prob(event, context);
            return (found.0, found.1, saturation.count());
        }
        let (log_prob, latents) = match plan.math {
            Backend::Polynomial => Float::<Polynomial>::new(plan).log_prob(event, context),
            Backend::Libm => Float::<Libm>::new(plan).log_prob(event, context),
            Backend::Micromath => Float::<Micromath>::new(plan).log_prob(event, context),
        };
        (log_prob, latents, 0)
    }

    /// Base to data: the event of a base event, for a model of `f32`. Categories stay as
    /// they are.
    ///
    /// # Panics
    /// As [`log_prob`](Self::log_prob).
    pub fn generate(&self, base: &[f32], context: &[f32]) -> Vec<f32> {
        let plan = &self.0;
        assert_eq!(base.len(), plan.all.len(), "event channels");
        assert_eq!(context.len(), plan.context.len(), "context channels");
        match plan.math {
            Backend::Polynomial => Float::<Polynomial>::new(plan).generate(base, context),
            Backend::Libm => Float::<Libm>::new(plan).generate(base, context),
            Backend::Micromath => Float::<Micromath>::new(plan).generate(base, context),
        }
    }

    /// The bits behind the point of activations that suit some events, row
    /// after row, for a model of `f32` that is to be quantised to integers: see
    /// [`Quantisation`](flow_embedded::artefact::Quantisation).
    ///
    /// Inputs hold at least 32 standard deviations. Everything holds eight times
    /// what the events need, because a conditioner extrapolates, but no more than
    /// sixteen times what 999 in 1000 of them need, so that an outlier does not
    /// cost all others their digits. What lies beyond is clamped when the model
    /// runs, and counted.
    ///
    /// # Panics
    /// The slices do not hold whole rows, as many of one as of the other.
    pub fn fractions(&self, events: &[f32], contexts: &[f32]) -> Vec<u8> {
        let ranges = self.ranges(events, contexts);
        let conditional = self
            .0
            .layers
            .iter()
            .filter_map(|own| own.bijection.conditional());
        let fractions = conditional.zip(ranges).flat_map(|(own, ranges)| {
            let input = ranges.first().copied().unwrap_or_default();
            let input = fraction(input.max(INPUT_RANGE));
            let mut hidden: Vec<u8> = (1..ranges.len())
                .map(|dense| match own.activation {
                    _ if own.reads(dense, false).is_none() => input,
                    // Within ±1, which 15 bits would not hold.
                    activation
                        if activation.is_bounded()
                            && own.form != Form::Residual
                            && own.reads_activated(dense) =>
                    {
                        14
                    }
                    _ => fraction(ranges[dense]),
                })
                .collect();
            if own.form == Form::Residual {
                let least = hidden.iter().copied().min().unwrap_or_default();
                hidden.fill(least);
            }
            std::iter::once(input).chain(hidden)
        });
        fractions.collect()
    }

    /// What the conditioners of a model of `f32` read for an event.
    ///
    /// # Panics
    /// As [`log_prob`](Self::log_prob).
    pub fn activations(&self, event: &[f32], context: &[f32]) -> Activations {
        fn observe<M: Math>(plan: &Plan, event: &[f32], context: &[f32]) -> Activations {
            let mut arithmetic = Float::<M>::new(plan);
            arithmetic.log_prob(event, context);
            arithmetic.into_activations()
        }
        match self.0.math {
            Backend::Polynomial => observe::<Polynomial>(&self.0, event, context),
            Backend::Libm => observe::<Libm>(&self.0, event, context),
            Backend::Micromath => observe::<Micromath>(&self.0, event, context),
        }
    }

    /// The sizes that activations are to hold: what each dense layer of each
    /// conditioner reads.
    fn ranges(&self, events: &[f32], contexts: &[f32]) -> Vec<Vec<f32>> {
        let (event, context) = (self.0.all.len(), self.0.context.len());
        // The largest size of each kind, by event.
        let conditional = self
            .0
            .layers
            .iter()
            .filter_map(|own| own.bijection.conditional());
        let mut sizes: Vec<Vec<Vec<f32>>> = conditional
            .map(|own| vec![Vec::new(); 1 + own.hidden.len()])
            .collect();
        for (row, event) in events.chunks_exact(event).enumerate() {
            let activations = self.activations(event, &contexts[row * context..][..context]);
            for (sizes, units) in sizes.iter_mut().flatten().zip(activations.iter().flatten()) {
                let size = units
                    .iter()
                    .fold(0.0, |most: f32, unit| most.max(unit.abs()));
                if size.is_finite() {
                    sizes.push(size);
                }
            }
        }
        let conditioner = |kinds: Vec<Vec<f32>>| kinds.into_iter().map(range).collect();
        sizes.into_iter().map(conditioner).collect()
    }
}

/// What holds nearly all sizes, and some more.
fn range(mut sizes: Vec<f32>) -> f32 {
    sizes.sort_unstable_by(f32::total_cmp);
    let at = |share: f64| {
        let place = (share * sizes.len() as f64).ceil() as usize;
        sizes.get(place.max(1) - 1).copied().unwrap_or_default()
    };
    f32::min(8.0 * at(1.0), 16.0 * at(0.999))
}

/// What inputs hold at least, in standard deviations.
const INPUT_RANGE: f32 = 32.0;

/// The most bits behind the point that hold a size.
fn fraction(size: f32) -> u8 {
    (0..=15)
        .rev()
        .find(|bits| size * f32::from(1u16 << bits) <= f32::from(i16::MAX))
        .unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::fraction;

    #[test]
    fn fractions_hold_their_size() {
        assert_eq!(fraction(0.0), 15);
        assert_eq!(fraction(0.99), 15);
        assert_eq!(fraction(1.0), 14);
        assert_eq!(fraction(16.0), 10);
        assert_eq!(fraction(1e9), 0);
    }
}
