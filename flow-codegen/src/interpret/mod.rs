//! What the code of a plan computes, without compiling it: the same kernels in
//! the same order, so the same bits.
//!
//! The desk scores with it what has no other form there: models of integers.
//! And it holds the passes to each other: a plan gives the same before and
//! after.

mod float;
mod integer;
mod walk;

use crate::{Checked, Error, Optimise, Passes, Plan, passes};
use float::Float;
use flow_embedded::fixed::Saturation;
use flow_embedded::math::{Backend, Libm, Math, Micromath, Polynomial};
use integer::Integer;

/// A model, interpreted.
pub struct Interpreter(Plan);

impl Interpreter {
    /// Interprets a model as the compiler would emit it.
    ///
    /// # Errors
    /// As [`compile`](crate::compile).
    pub fn new(checked: &Checked<'_>, passes: Passes) -> Result<Self, Error> {
        let plan = Plan::new(checked, Some("Model"))?;
        let quantisation = checked.flow.header().quantisation.as_ref();
        passes::run(plan, passes, Optimise::default(), quantisation).map(Self)
    }

    /// The log-likelihood of an event in nats; for a model of integers also
    /// how many of its values were clamped to their formats.
    ///
    /// # Panics
    /// The slices are not as long as the model has channels.
    pub fn log_prob(&self, event: &[f32], context: &[f32]) -> (f32, u32) {
        let plan = &self.0;
        assert_eq!(event.len(), plan.event.len(), "event channels");
        assert_eq!(context.len(), plan.context.len(), "context channels");
        if plan.is_integer() {
            let mut saturation = Saturation::new();
            let log_prob = Integer::new(plan, &mut saturation).log_prob(event, context);
            return (log_prob, saturation.count());
        }
        let log_prob = match plan.math {
            Backend::Polynomial => Float::<Polynomial>::new(plan).log_prob(event, context),
            Backend::Libm => Float::<Libm>::new(plan).log_prob(event, context),
            Backend::Micromath => Float::<Micromath>::new(plan).log_prob(event, context),
        };
        (log_prob, 0)
    }

    /// Base to data: the event of a base event, for a model of `f32`.
    ///
    /// # Panics
    /// As [`log_prob`](Self::log_prob).
    pub fn generate(&self, base: &[f32], context: &[f32]) -> Vec<f32> {
        let plan = &self.0;
        assert_eq!(base.len(), plan.event.len(), "event channels");
        assert_eq!(context.len(), plan.context.len(), "context channels");
        match plan.math {
            Backend::Polynomial => Float::<Polynomial>::new(plan).generate(base, context),
            Backend::Libm => Float::<Libm>::new(plan).generate(base, context),
            Backend::Micromath => Float::<Micromath>::new(plan).generate(base, context),
        }
    }

    /// The largest sizes that the activations of a model of `f32` take over
    /// some events, row after row: of each conditioner, layer by layer, its
    /// inputs and then each of its hidden layers.
    ///
    /// # Panics
    /// The slices do not hold whole rows, as many of one as of the other.
    pub fn ranges(&self, events: &[f32], contexts: &[f32]) -> Vec<f32> {
        fn observe<M: Math>(plan: &Plan, events: &[f32], contexts: &[f32]) -> Vec<f32> {
            let mut arithmetic = Float::<M>::new(plan);
            let (event, context) = (plan.event.len(), plan.context.len());
            for (row, event) in events.chunks_exact(event).enumerate() {
                arithmetic.log_prob(event, &contexts[row * context..][..context]);
            }
            arithmetic.into_ranges()
        }
        match self.0.math {
            Backend::Polynomial => observe::<Polynomial>(&self.0, events, contexts),
            Backend::Libm => observe::<Libm>(&self.0, events, contexts),
            Backend::Micromath => observe::<Micromath>(&self.0, events, contexts),
        }
    }
}
