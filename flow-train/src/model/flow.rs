//! A flow: its layers and their parameters.

use super::autoregressive::Autoregressive;
use super::bijection::Layer;
use super::coupling::Coupling;
use super::parts::{DenseParts, LayerKind, LayerParts};
use super::pass::Pass;
use super::real::Real;
use super::spec::{Family, ModelError, Spec, check_bound};
use crate::random::Random;

/// Events that are evaluated at a time.
const CHUNK: usize = 256;
/// The initial weights of output layers are this fraction of the usual, so that the flow starts near the identity.
const OUTPUT_GAIN: f64 = 0.1;

/// A normalizing flow over standardised events, given standardised contexts.
#[derive(Clone, Debug, PartialEq)]
pub struct Flow<T> {
    event: usize,
    context: usize,
    layers: Vec<Layer>,
    parameters: Vec<T>,
}

impl<T: Real> Flow<T> {
    /// A flow of the given shape, near the identity; the same seed gives the same parameters.
    ///
    /// Weights and biases are uniform within `1 / sqrt(visible inputs)`, those of output layers a tenth of that.
    ///
    /// # Errors
    /// What [`Spec::validate`] finds.
    pub fn new(spec: &Spec, seed: u64) -> Result<Self, ModelError> {
        spec.validate()?;
        let mut layers = Vec::with_capacity(spec.layers);
        let mut offset = 0;
        for index in 0..spec.layers {
            let layer = make_layer(spec, index, offset);
            offset += layer.get::<T>().parameters();
            layers.push(layer);
        }
        let mut parameters = vec![T::ZERO; offset];
        let mut random = Random::new(seed);
        for layer in &layers {
            let dense = &layer.conditioner().dense;
            for (index, dense_layer) in dense.iter().enumerate() {
                let gain = if index + 1 == dense.len() {
                    OUTPUT_GAIN
                } else {
                    1.0
                };
                let (weights, biases) = dense_layer.split_mut(&mut parameters);
                let rows = weights
                    .chunks_exact_mut(dense_layer.inputs)
                    .zip(biases)
                    .zip(&dense_layer.prefix);
                for ((row, bias), &prefix) in rows {
                    let reach = gain / (prefix.max(1) as f64).sqrt();
                    let mut draw = || T::from_f64(reach * (2.0 * random.uniform() - 1.0));
                    row[..prefix].fill_with(&mut draw);
                    *bias = draw();
                }
            }
        }
        Ok(Self {
            event: spec.event,
            context: spec.context,
            layers,
            parameters,
        })
    }

    /// Puts a flow together from its parts, such as a loaded artefact's.
    ///
    /// # Errors
    /// [`ModelError::Parts`] with the layer if sizes don't fit, a mask isn't a staircase or lets a channel see
    /// itself, or a parameter isn't finite.
    pub fn from_parts(
        event: usize,
        context: usize,
        parts: Vec<LayerParts<T>>,
    ) -> Result<Self, ModelError> {
        if event == 0 {
            return Err(ModelError::NoEvent);
        }
        if parts.is_empty() {
            return Err(ModelError::NoLayers);
        }
        let mut layers = Vec::with_capacity(parts.len());
        let mut parameters = Vec::new();
        for (layer, part) in parts.into_iter().enumerate() {
            check_bound(part.log_scale_bound)?;
            part.check(event, context)
                .map_err(|fault| ModelError::Parts { layer, fault })?;
            let staircases = part
                .dense
                .iter()
                .map(|dense| dense.prefix.clone())
                .collect();
            let (activation, bound, offset) =
                (part.activation, part.log_scale_bound, parameters.len());
            layers.push(match part.kind {
                LayerKind::Coupling { transformed } => Layer::Coupling(Coupling::new(
                    event,
                    context,
                    transformed,
                    staircases,
                    activation,
                    bound,
                    offset,
                )),
                LayerKind::Autoregressive { order } => Layer::Autoregressive(Autoregressive::new(
                    context, order, staircases, activation, bound, offset,
                )),
            });
            for DenseParts {
                weights, biases, ..
            } in part.dense
            {
                parameters.extend(weights);
                parameters.extend(biases);
            }
        }
        Ok(Self {
            event,
            context,
            layers,
            parameters,
        })
    }

    /// The layers, data's side first, with copies of their parameters.
    #[must_use]
    pub fn to_parts(&self) -> Vec<LayerParts<T>> {
        self.layers
            .iter()
            .map(|layer| layer.get::<T>().to_parts(&self.parameters))
            .collect()
    }

    /// Number of event channels.
    #[must_use]
    pub fn event(&self) -> usize {
        self.event
    }

    /// Number of context channels.
    #[must_use]
    pub fn context(&self) -> usize {
        self.context
    }

    /// All parameters; masked weights are among them, exactly 0.
    #[must_use]
    pub fn parameters(&self) -> &[T] {
        &self.parameters
    }

    /// All parameters; whoever writes must leave masked weights at 0.
    pub fn parameters_mut(&mut self) -> &mut [T] {
        &mut self.parameters
    }

    pub(crate) fn layers(&self) -> &[Layer] {
        &self.layers
    }

    /// Maps events to the base; `z` is `[rows x event]`, and `log_det` gets `ln |dz/dx|` of each, in nats.
    ///
    /// # Panics
    /// If the slices' lengths don't agree.
    pub fn normalize_and_log_det(
        &self,
        events: &[T],
        contexts: &[T],
        z: &mut [T],
        log_det: &mut [T],
    ) {
        assert_eq!(z.len(), events.len(), "one base value for each event value");
        self.for_each_chunk(events, contexts, log_det.len(), |pass, start, rows| {
            let (base, dets) = pass.base();
            for row in 0..rows {
                for channel in 0..self.event {
                    z[(start + row) * self.event + channel] = base.row(channel)[row];
                }
            }
            log_det[start..start + rows].copy_from_slice(&dets[..rows]);
        });
    }

    /// Natural logarithm of the density of each event given its context, in standardised units.
    ///
    /// # Panics
    /// If the slices' lengths don't agree.
    pub fn log_prob(&self, events: &[T], contexts: &[T], log_prob: &mut [T]) {
        let norm = T::from_f64(log_norm(self.event));
        self.for_each_chunk(events, contexts, log_prob.len(), |pass, start, rows| {
            for (out, &nll) in log_prob[start..start + rows]
                .iter_mut()
                .zip(pass.energies())
            {
                *out = norm - nll;
            }
        });
    }

    /// Maps one base value to an event, in place.
    ///
    /// # Panics
    /// If the slices' lengths aren't those of the flow.
    pub fn generate(&self, context: &[T], event: &mut [T]) {
        assert_eq!(
            (context.len(), event.len()),
            (self.context, self.event),
            "context and event of the flow"
        );
        for layer in self.layers.iter().rev() {
            layer.get::<T>().generate(&self.parameters, context, event);
        }
    }

    fn for_each_chunk(
        &self,
        events: &[T],
        contexts: &[T],
        rows: usize,
        mut then: impl FnMut(&Pass<T>, usize, usize),
    ) {
        assert_eq!(events.len(), rows * self.event, "rows x event values");
        assert_eq!(contexts.len(), rows * self.context, "rows x context values");
        let mut pass = Pass::new(self, CHUNK.min(rows));
        for start in (0..rows).step_by(CHUNK) {
            let end = rows.min(start + CHUNK);
            pass.load(
                &events[start * self.event..end * self.event],
                &contexts[start * self.context..end * self.context],
            );
            pass.forward(self);
            then(&pass, start, end - start);
        }
    }
}

impl From<&Flow<f32>> for Flow<f64> {
    fn from(flow: &Flow<f32>) -> Self {
        Self {
            event: flow.event,
            context: flow.context,
            layers: flow.layers.clone(),
            parameters: flow.parameters.iter().map(|&value| value.into()).collect(),
        }
    }
}

/// `-D/2 ln(2 pi)`.
pub(crate) fn log_norm(event: usize) -> f64 {
    -0.5 * event as f64 * std::f64::consts::TAU.ln()
}

fn make_layer(spec: &Spec, index: usize, offset: usize) -> Layer {
    let (event, context) = (spec.event, spec.context);
    match spec.family {
        Family::RealNvp => {
            let transformed: Vec<usize> = (0..event)
                .filter(|channel| channel % 2 != index % 2)
                .collect();
            let inputs = context + event - transformed.len();
            let staircases = Coupling::staircases(inputs, &spec.hidden, transformed.len());
            Layer::Coupling(Coupling::new(
                event,
                context,
                transformed,
                staircases,
                spec.activation,
                spec.log_scale_bound,
                offset,
            ))
        }
        Family::Maf => {
            let order = if index.is_multiple_of(2) {
                (0..event).collect()
            } else {
                (0..event).rev().collect()
            };
            let staircases = Autoregressive::staircases(event, context, &spec.hidden);
            Layer::Autoregressive(Autoregressive::new(
                context,
                order,
                staircases,
                spec.activation,
                spec.log_scale_bound,
                offset,
            ))
        }
    }
}
