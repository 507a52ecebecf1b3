use super::layout::Layout;
use super::walk::{Scratch, Walk};
use super::{COMMON_VALUES, Category, Header, LoadError, ShapeError};
use crate::detect::lookup;
use crate::kernels::round_to_grid;
#[cfg(feature = "libm")]
use crate::math::Libm;
#[cfg(feature = "micromath")]
use crate::math::Micromath;
use crate::math::{Backend, Math, Polynomial};
use crate::state::Digest;
use rand_core::Rng;

/// A validated artefact, borrowed in place.
///
/// Shapes are known at run time only: slices come in, and the caller lends
/// [`scratch_len`](Self::scratch_len) floats of memory. With the shape known
/// at compile time, [`shaped`](Self::shaped) gives [`Density`](crate::Density)
/// and [`Sampler`](crate::Sampler). Results have the same bits as those of the
/// generated module.
///
/// The struct itself takes less than 1 KiB on a 32-bit core (`tests/no-panic` holds this sentence to
/// the compiler): lists of the header and weights stay where they are, and are decoded as they are
/// read.
#[derive(Clone, Debug)]
pub struct LoadedFlow<'a> {
    header: Header<'a>,
    layout: Layout,
    digest: Digest,
    /// Embedding tables, then heads.
    discrete: &'a [[u8; 4]],
    /// Layers, and what lies behind them.
    weights: &'a [[u8; 4]],
    base: &'a [[u8; 4]],
    table: &'a [[[u8; 4]; 2]],
    /// Thresholds and common values of the sequential test.
    test: &'a [[u8; 4]],
    /// The calibration tables by context, one after another.
    by_context: &'a [[[u8; 4]; 2]],
}

/// Stored numbers.
fn numbers<'a>(bytes: &'a [[u8; 4]]) -> impl ExactSizeIterator<Item = f32> + Clone + 'a {
    bytes.iter().map(|bytes| f32::from_le_bytes(*bytes))
}

impl<'a> LoadedFlow<'a> {
    /// Takes parts that `validate` has checked.
    pub(super) fn new(
        header: Header<'a>,
        layout: Layout,
        digest: Digest,
        [discrete, weights, base, test]: [&'a [[u8; 4]]; 4],
        [table, by_context]: [&'a [[[u8; 4]; 2]]; 2],
    ) -> Self {
        Self {
            header,
            layout,
            digest,
            discrete,
            weights,
            base,
            table,
            test,
            by_context,
        }
    }

    /// The same flow through other elementary functions. Its calibration and its
    /// evaluation hold for its own and are left behind.
    ///
    /// # Errors
    /// This build lacks the backend.
    pub fn with_math(mut self, math: Backend) -> Result<Self, LoadError> {
        if !math.is_available() {
            return Err(LoadError::BackendMissing(math));
        }
        if math != self.header.math {
            self.header.math = math;
            self.digest = self.digest.through(math);
            self.header.calibration = None;
            self.header.evaluation = None;
            self.header.sequential = None;
            self.header.mondrian = None;
            (self.table, self.test, self.by_context) = (&[], &[], &[]);
        }
        Ok(self)
    }

    /// Tells this model, with its calibration, from others: the digest that the generated module of
    /// the same artefact has.
    pub fn digest(&self) -> Digest {
        self.digest
    }

    /// Everything about the flow but its weights.
    pub fn header(&self) -> &Header<'a> {
        &self.header
    }

    /// The weights of layer `index` as stored (see the parent module); none past
    /// the last layer.
    pub fn layer_weights(&self, index: usize) -> impl ExactSizeIterator<Item = f32> + Clone + 'a {
        let own = Some(self.layout.weights(index)).filter(|_| index < self.header.layers.len());
        let own = own.and_then(|own| self.weights.get(own));
        numbers(own.unwrap_or_default())
    }

    /// The embedding table of a vocabulary as stored, row by row; none past the last.
    pub fn embeddings(&self, vocabulary: usize) -> impl ExactSizeIterator<Item = f32> + Clone + 'a {
        let own = self.header.embeddings(vocabulary, self.discrete);
        numbers(own.map_or(&[], |(_, table)| table))
    }

    /// The weights of a head as stored, counted among the categorical event channels;
    /// none past the last.
    pub fn head_weights(&self, head: usize) -> impl ExactSizeIterator<Item = f32> + Clone + 'a {
        let before = self.header.categorical().take(head);
        let start: usize = before.map(|own| own.weights()).sum();
        let length = self.header.categorical().nth(head);
        let length = length.map_or(0, |own| own.weights());
        let start = self.layout.embeddings + start;
        let own = self.discrete.get(start..).unwrap_or_default();
        numbers(own.get(..length).unwrap_or_default())
    }

    /// The numbers of the base distribution as stored: see
    /// [`Base::weights`](super::Base::weights).
    pub fn base_weights(&self) -> impl ExactSizeIterator<Item = f32> + Clone + 'a {
        numbers(self.base)
    }

    /// The calibration table, if the model was calibrated.
    pub fn calibration(&self) -> Option<CalibrationTable<'a>> {
        let calibration = self.header.calibration?;
        Some(CalibrationTable {
            alpha: calibration.alpha,
            entries: self.table,
        })
    }

    /// The listed values of the context with a calibration table of their own, and
    /// the tables; none without [`Mondrian`](super::Mondrian).
    pub fn calibrations_by_context(
        &self,
    ) -> impl Iterator<Item = (Category, CalibrationTable<'a>)> + Clone + 'a {
        let own = self.header.mondrian;
        let categories = own.into_iter().flat_map(|own| own.categories());
        let alpha = self.header.calibration.map_or(0.0, |own| own.alpha);
        let mut rest = self.by_context;
        categories.map_while(move |category| {
            let (entries, behind) = rest.split_at_checked(category.entries.into())?;
            rest = behind;
            Some((category, CalibrationTable { alpha, entries }))
        })
    }

    /// The calibration table for a context: that of its listed value, or else the
    /// one of all rows; `None` if the model was not calibrated.
    pub fn calibration_given(&self, context: &[f32]) -> Option<CalibrationTable<'a>> {
        let own = self.header.mondrian;
        let given = own.and_then(|own| context.get(usize::from(own.channel)));
        let listed = given.and_then(|given| {
            let mut tables = self.calibrations_by_context();
            tables.find(|(category, _)| category.value == *given)
        });
        listed.map_or_else(|| self.calibration(), |(_, table)| Some(table))
    }

    /// The thresholds of the sequential test, of one statistic after another; none
    /// without a test.
    pub fn test_thresholds(&self) -> impl ExactSizeIterator<Item = f32> + Clone + 'a {
        let common = self.header.event.len() * COMMON_VALUES;
        let count = self.test.len().saturating_sub(common);
        numbers(self.test.get(..count).unwrap_or_default())
    }

    /// Values of each event channel that are common, [`COMMON_VALUES`] of one
    /// channel after another; none without a sequential test.
    pub fn common_values(&self) -> impl ExactSizeIterator<Item = f32> + Clone + 'a {
        let thresholds = self.test_thresholds().len();
        numbers(self.test.get(thresholds..).unwrap_or_default())
    }

    /// The floats of scratch memory that scoring and sampling need.
    pub fn scratch_len(&self) -> usize {
        self.layout.scratch(self.header.event.len())
    }

    /// The log-likelihood of one event in nats, in the units of the raw data;
    /// as [`Density::log_prob`](crate::Density::log_prob).
    ///
    /// # Errors
    /// A slice's length does not fit the flow, or the model is quantised to
    /// integers. Scratch memory may be longer than needed; its content does not
    /// matter.
    pub fn log_prob(
        &self,
        event: &[f32],
        context: &[f32],
        scratch: &mut [f32],
    ) -> Result<f32, ShapeError> {
        self.check(event.len(), context.len())?;
        let scratch = self.scratch(scratch)?;
        Ok(match self.header.math {
            Backend::Polynomial => self.walk::<Polynomial>().log_prob(event, context, scratch),
            #[cfg(feature = "libm")]
            Backend::Libm => self.walk::<Libm>().log_prob(event, context, scratch),
            #[cfg(feature = "micromath")]
            Backend::Micromath => self.walk::<Micromath>().log_prob(event, context, scratch),
            // `from_bytes` has refused backends that are not built in.
            #[allow(unreachable_patterns)]
            _ => f32::NAN,
        })
    }

    /// The log-likelihood of one event, and its latent coordinates; as
    /// [`Latents::log_prob_and_latents`](crate::Latents::log_prob_and_latents).
    ///
    /// # Errors
    /// As [`log_prob`](Self::log_prob); `latents` is as long as an event.
    pub fn log_prob_and_latents(
        &self,
        event: &[f32],
        context: &[f32],
        latents: &mut [f32],
        scratch: &mut [f32],
    ) -> Result<f32, ShapeError> {
        self.check(latents.len(), context.len())?;
        let log_prob = self.log_prob(event, context, scratch)?;
        // The event comes first in scratch memory, and has become the latents.
        latents.iter_mut().zip(scratch).for_each(|(z, x)| *z = *x);
        Ok(log_prob)
    }

    /// Draws one event into `event`, in the units of the raw data; as
    /// [`Sampler::sample`](crate::Sampler::sample).
    ///
    /// # Errors
    /// A slice's length does not fit the flow, or the model is quantised to
    /// integers.
    pub fn sample<R: Rng + ?Sized>(
        &self,
        rng: &mut R,
        context: &[f32],
        event: &mut [f32],
        scratch: &mut [f32],
    ) -> Result<(), ShapeError> {
        self.check(event.len(), context.len())?;
        let scratch = self.scratch(scratch)?;
        match self.header.math {
            Backend::Polynomial => self
                .walk::<Polynomial>()
                .sample(rng, context, event, scratch),
            #[cfg(feature = "libm")]
            Backend::Libm => self.walk::<Libm>().sample(rng, context, event, scratch),
            #[cfg(feature = "micromath")]
            Backend::Micromath => self
                .walk::<Micromath>()
                .sample(rng, context, event, scratch),
            #[allow(unreachable_patterns)]
            _ => event.fill(f32::NAN),
        }
        Ok(())
    }

    /// Rounds the channels that have a grid to the nearest value on it, in
    /// place; as [`Sampler::round_to_grid`](crate::Sampler::round_to_grid).
    pub fn round_to_grid(&self, event: &mut [f32]) {
        let channels = self.header.event.standardisations();
        for (x, channel) in event.iter_mut().zip(channels) {
            if let Some(grid) = channel.grid {
                *x = round_to_grid(*x, grid.offset, grid.step);
            }
        }
    }

    /// Whether the model is computed with integers.
    pub fn is_integer(&self) -> bool {
        let quantisation = self.header.quantisation.as_ref();
        quantisation.is_some_and(|own| own.weights.is_integer())
    }

    fn check(&self, event: usize, context: usize) -> Result<(), ShapeError> {
        if self.is_integer() {
            return Err(ShapeError::Quantised);
        }
        let (expected_event, expected_context) =
            (self.header.event.len(), self.header.context.len());
        if event != expected_event {
            return Err(ShapeError::Event {
                expected: expected_event,
                found: event,
            });
        }
        if context != expected_context {
            return Err(ShapeError::Context {
                expected: expected_context,
                found: context,
            });
        }
        Ok(())
    }

    fn walk<M: Math>(&self) -> Walk<'_, M> {
        let weights = [self.discrete, self.weights, self.base];
        Walk::new(&self.header, &self.layout, weights)
    }

    fn scratch<'s>(&self, memory: &'s mut [f32]) -> Result<Scratch<'s>, ShapeError> {
        let found = memory.len();
        Scratch::split(self.header.event.len(), &self.layout, memory).ok_or(ShapeError::Scratch {
            expected: self.scratch_len(),
            found,
        })
    }
}

/// The conformal calibration of a loaded flow.
#[derive(Clone, Copy, Debug)]
pub struct CalibrationTable<'a> {
    alpha: f32,
    entries: &'a [[[u8; 4]; 2]],
}

impl CalibrationTable<'_> {
    /// Alarm when the p-value is at most this.
    pub fn alpha(&self) -> f32 {
        self.alpha
    }

    /// The conformal p-value of a log-likelihood; as
    /// [`Calibrated::p_value`](crate::Calibrated::p_value).
    pub fn p_value(&self, log_prob: f32) -> f32 {
        lookup(self.entries, decode, log_prob)
    }

    /// The table as pairs `(log_prob, p_value)`, ascending.
    pub fn entries(&self) -> impl ExactSizeIterator<Item = (f32, f32)> + '_ {
        self.entries.iter().map(decode)
    }
}

fn decode([score, p_value]: &[[u8; 4]; 2]) -> (f32, f32) {
    (f32::from_le_bytes(*score), f32::from_le_bytes(*p_value))
}
