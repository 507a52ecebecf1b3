//! A flow: its layers, its base and their parameters.

use super::autoregressive::{self, Autoregressive};
use super::base::Base;
use super::bijection::{Dimensions, Layer, Precision};
use super::build::Builder;
use super::categorical::Categorical;
use super::conditioner::Conditioner;
use super::coupling::Coupling;
use super::element_wise::ElementWise;
use super::image::{ConvolutionalCoupling, Planes, Pointwise};
use super::linear::Linear;
use super::parts::{
    DenseParts, FactorsParts, FlowParts, LayerParts, ScalesParts, check_finite, check_permutation,
};
use super::pass::{Pass, Sizes};
use super::permutation::Permutation;
use super::real::Real;
use super::spec::{ModelError, Spec, check_transformer};
use flow_host::random::Random;
use std::ops::Range;

/// Events that are evaluated at a time.
const CHUNK: usize = 256;

/// A normalizing flow over standardised events, given standardised contexts.
#[derive(Clone, Debug, PartialEq)]
pub struct Flow<T> {
    event: usize,
    context: usize,
    circular: Vec<usize>,
    categorical: Categorical,
    layers: Vec<Layer>,
    base: Base,
    parameters: Vec<T>,
}

impl<T: Precision> Flow<T> {
    /// A flow of the given shape, near the identity; the same seed gives the same parameters.
    ///
    /// Weights and biases are uniform within `1 / sqrt(visible inputs)`, those of output layers a tenth of that.
    ///
    /// # Errors
    /// What [`Spec::validate`] finds.
    pub fn new(spec: &Spec, seed: u64) -> Result<Self, ModelError> {
        spec.validate()?;
        let mut random = Random::new(seed);
        let categorical = |offset| {
            Categorical::new(&spec.categorical, spec.event, spec.context, offset)
                .map_err(|fault| ModelError::Categorical { fault })
        };
        let sizes = categorical(0)?;
        let inner = spec.continuous(sizes.continuous(), sizes.features());
        let (layers, count) = match inner.event {
            0 => (Vec::new(), 0),
            _ => Builder::layers(&inner, &mut random),
        };
        let base = Base::new(inner.base, inner.event, &inner.circular, count);
        let categorical = categorical(count + base.parameters())?;
        let mut parameters = vec![T::ZERO; count + base.parameters() + categorical.parameters()];
        for layer in &layers {
            layer.get::<T>().initialise(&mut parameters, &mut random);
        }
        base.initialise(&mut parameters, &mut random);
        categorical.initialise(&mut parameters, &mut random);
        if spec.regression {
            // So that the flow starts from the prediction, and the past feeds back through nothing else.
            let conditioners = layers.iter().filter_map(Layer::conditioner);
            conditioners.for_each(|own| own.initialise_as_identity(&mut parameters));
        }
        Ok(Self {
            event: spec.event,
            context: spec.context,
            circular: spec.circular.clone(),
            categorical,
            layers,
            base,
            parameters,
        })
    }

    /// Puts a flow together from its parts, such as a loaded artefact's.
    ///
    /// # Errors
    /// [`ModelError::Parts`] with the layer if sizes don't fit, a mask isn't a staircase or lets a channel see
    /// itself, or a parameter isn't finite; [`ModelError::Base`] likewise.
    pub fn from_parts(parts: FlowParts<T>) -> Result<Self, ModelError> {
        if parts.event == 0 {
            return Err(ModelError::NoEvent);
        }
        let fault = |fault| ModelError::Categorical { fault };
        let (sizes, _) =
            Categorical::from_parts(parts.categorical.clone(), parts.event, parts.context, 0)
                .map_err(fault)?;
        let (channels, features) = (sizes.continuous(), sizes.features());
        if parts.layers.is_empty() && !channels.is_empty() {
            return Err(ModelError::NoLayers);
        }
        let angles = channels.iter().enumerate();
        let angles = angles.filter(|(_, channel)| parts.circular.contains(channel));
        let angles: Vec<usize> = angles.map(|(place, _)| place).collect();
        let dimensions = Dimensions {
            event: channels.len(),
            context: features,
            circular: &angles,
        };
        let mut layers = Vec::with_capacity(parts.layers.len());
        let mut parameters = Vec::new();
        for (layer, part) in parts.layers.into_iter().enumerate() {
            if let LayerParts::Coupling { transformer, .. }
            | LayerParts::Autoregressive { transformer, .. }
            | LayerParts::Convolutional { transformer, .. } = &part
            {
                check_transformer(*transformer)?;
            }
            let (own, values) = make_layer(dimensions, part, parameters.len())
                .map_err(|fault| ModelError::Parts { layer, fault })?;
            layers.push(own);
            parameters.extend(values);
        }
        let (base, values) =
            Base::from_parts(parts.base, channels.len(), &angles, parameters.len())
                .map_err(|fault| ModelError::Base { fault })?;
        parameters.extend(values);
        let (categorical, values) = Categorical::from_parts(
            parts.categorical,
            parts.event,
            parts.context,
            parameters.len(),
        )
        .map_err(fault)?;
        parameters.extend(values);
        Ok(Self {
            event: parts.event,
            context: parts.context,
            circular: parts.circular,
            categorical,
            layers,
            base,
            parameters,
        })
    }

    /// The flow taken apart, with copies of its parameters.
    #[must_use]
    pub fn to_parts(&self) -> FlowParts<T> {
        let layers = self.layers.iter();
        FlowParts {
            event: self.event,
            context: self.context,
            circular: self.circular.clone(),
            categorical: self.categorical.to_parts(&self.parameters),
            layers: layers
                .map(|layer| layer.get::<T>().to_parts(&self.parameters))
                .collect(),
            base: self.base.to_parts(&self.parameters),
        }
    }

    /// Number of event channels.
    #[must_use]
    pub fn event(&self) -> usize {
        self.event
    }

    /// Numbers of the context: one for each channel, two for an angle.
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

    /// Where the weights of each row of a conditioner lie among the parameters, masked ones and biases left out.
    pub fn weight_rows(&self) -> Vec<Range<usize>> {
        let mut rows: Vec<Range<usize>> = self.layers.iter().flat_map(Layer::weight_rows).collect();
        let heads = self.categorical.heads().iter();
        rows.extend(heads.flat_map(Conditioner::weight_rows));
        rows
    }

    /// Multiply-accumulates that scoring one event, or sampling one, needs: masked weights left out, and each unit
    /// evaluated once.
    #[must_use]
    pub fn macs(&self) -> usize {
        let layers = self.layers.iter();
        let layers: usize = layers.map(|layer| layer.get::<T>().macs()).sum();
        layers + self.categorical.macs()
    }

    /// Numbers that an artefact stores for the flow.
    #[must_use]
    pub fn stored(&self) -> usize {
        let layers = self.layers.iter();
        let layers: usize = layers.map(|layer| layer.get::<T>().stored()).sum();
        layers + self.base.stored() + self.categorical.stored()
    }

    pub(crate) fn layers(&self) -> &[Layer] {
        &self.layers
    }

    /// The event channels that the layers act on, ascending: all but the categorical ones.
    #[must_use]
    pub fn continuous(&self) -> &[usize] {
        self.categorical.continuous()
    }

    /// The numbers that condition the layers: those of the context, and embeddings.
    #[must_use]
    pub fn conditioning(&self) -> usize {
        self.categorical.features()
    }

    pub(crate) fn categorical(&self) -> &Categorical {
        &self.categorical
    }

    pub(crate) fn base(&self) -> &Base {
        &self.base
    }

    /// Lets layers start from the moments of what reaches them, for these rows: each element-wise layer from mean and
    /// variance (ActNorm, Kingma & Dhariwal 2018), and each autoregressive layer of shifts or scales whose conditioner
    /// has no hidden units from the least-squares prediction of its channels.
    ///
    /// # Panics
    /// If the slices' lengths don't agree.
    pub fn set_moments(&mut self, events: &[T], contexts: &[T]) {
        let rows = events.len() / self.event;
        for index in 0..self.layers.len() {
            match self.layers[index].clone() {
                Layer::ElementWise(layer) => {
                    let mut pass = Pass::new(self, rows);
                    pass.load(self, events, contexts, &[]);
                    pass.forward(self);
                    layer.set_moments(pass.input(index), rows, &mut self.parameters);
                }
                Layer::Autoregressive(layer) if layer.is_regression() => {
                    let mut sums = layer.regression();
                    let mut pass = self.pass(events, contexts, rows);
                    for rows in chunks(rows) {
                        let own = rows.start * self.event..rows.end * self.event;
                        pass.load(self, &events[own], self.contexts(contexts, &rows), &[]);
                        pass.forward(self);
                        let read = pass.read(index).expect("an autoregression reads");
                        sums.add(read, rows.len());
                    }
                    layer.set_regression(&sums, &mut self.parameters);
                }
                _ => {}
            }
        }
    }

    /// Maps events to the base, codes of categories left as they are; `z` is `[rows x event]`, and `log_det` gets `ln |dz/dx|` of each, in nats.
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
        let mut pass = self.pass(events, contexts, log_det.len());
        for rows in chunks(log_det.len()) {
            let own = rows.start * self.event..rows.end * self.event;
            pass.load(
                self,
                &events[own.clone()],
                self.contexts(contexts, &rows),
                &[],
            );
            pass.forward(self);
            pass.base(self, &mut z[own], &mut log_det[rows]);
        }
    }

    /// Natural logarithm of the density of each event given its context, in standardised units.
    ///
    /// # Panics
    /// If the slices' lengths don't agree.
    pub fn log_prob(&self, events: &[T], contexts: &[T], log_prob: &mut [T]) {
        let norm = T::from_f64(self.base.log_norm());
        let mut pass = self.pass(events, contexts, log_prob.len());
        for rows in chunks(log_prob.len()) {
            let own = rows.start * self.event..rows.end * self.event;
            pass.load(self, &events[own], self.contexts(contexts, &rows), &[]);
            pass.forward(self);
            for (out, &energy) in log_prob[rows].iter_mut().zip(pass.energies()) {
                *out = norm - energy;
            }
        }
    }

    /// What the log-likelihoods of rows consist of, by sizes: for bounds on what rounding does to them.
    ///
    /// # Panics
    /// If the slices' lengths don't agree.
    pub fn sizes(&self, events: &[T], contexts: &[T]) -> Sizes<T> {
        let rows = events.len() / self.event;
        let mut pass = self.pass(events, contexts, rows);
        let mut all = Sizes::default();
        for rows in chunks(rows) {
            let own = rows.start * self.event..rows.end * self.event;
            pass.load(self, &events[own], self.contexts(contexts, &rows), &[]);
            all.extend(pass.sizes(self));
        }
        all
    }

    /// Maps base values `[rows x event]` to events, in place; `log_det` gets `ln |dx/dz|` of each, in nats. Each
    /// hidden unit is evaluated once, also where channels become known one after the other.
    ///
    /// # Panics
    /// If the slices' lengths don't agree.
    pub fn generate_and_log_det(&self, values: &mut [T], contexts: &[T], log_det: &mut [T]) {
        let mut pass = self.pass(values, contexts, log_det.len());
        for rows in chunks(log_det.len()) {
            let own = rows.start * self.event..rows.end * self.event;
            pass.load_base(self, &values[own.clone()], self.contexts(contexts, &rows));
            pass.generate(self);
            pass.data(self, &mut values[own], &mut log_det[rows]);
        }
    }

    /// The gradient by the parameters of a loss on generated events, for losses of one's own: from base values
    /// `[rows x event]`, and the loss's derivatives by the events and by the log-determinants that
    /// [`Flow::generate_and_log_det`] gives for them. The base values are held fixed, so parameters of a trained base
    /// get 0.
    ///
    /// # Panics
    /// If the slices' lengths don't agree.
    #[must_use]
    pub fn generate_backward(
        &self,
        z: &[T],
        contexts: &[T],
        d_events: &[T],
        d_log_det: &[T],
    ) -> Vec<T> {
        assert_eq!(d_events.len(), z.len(), "a derivative for each value");
        let mut pass = self.pass(z, contexts, d_log_det.len());
        let mut sum = vec![T::ZERO; self.parameters.len()];
        let mut part = sum.clone();
        for rows in chunks(d_log_det.len()) {
            let own = rows.start * self.event..rows.end * self.event;
            pass.load_base(self, &z[own.clone()], self.contexts(contexts, &rows));
            pass.generate(self);
            pass.generate_backward(self, &d_events[own], &d_log_det[rows], &mut part);
            let pairs = sum.iter_mut().zip(&part);
            pairs.for_each(|(sum, &part)| *sum += part);
        }
        sum
    }

    /// Memory for chunks of as many rows as the slices hold.
    fn pass(&self, values: &[T], contexts: &[T], rows: usize) -> Pass<T> {
        assert_eq!(values.len(), rows * self.event, "rows x event values");
        assert_eq!(contexts.len(), rows * self.context, "rows x context values");
        Pass::new(self, CHUNK.min(rows))
    }

    fn contexts<'c>(&self, contexts: &'c [T], rows: &Range<usize>) -> &'c [T] {
        &contexts[rows.start * self.context..rows.end * self.context]
    }
}

/// The rows that are evaluated at a time.
fn chunks(rows: usize) -> impl Iterator<Item = Range<usize>> {
    (0..rows)
        .step_by(CHUNK)
        .map(move |start| start..rows.min(start + CHUNK))
}

impl From<&Flow<f32>> for Flow<f64> {
    fn from(flow: &Flow<f32>) -> Self {
        Self {
            event: flow.event,
            context: flow.context,
            circular: flow.circular.clone(),
            categorical: flow.categorical.clone(),
            layers: flow.layers.clone(),
            base: flow.base.clone(),
            parameters: flow.parameters.iter().map(|&value| value.into()).collect(),
        }
    }
}

/// A layer from its parts, and its parameters, which will lie from `offset` on.
fn make_layer<T: Real>(
    dimensions: Dimensions<'_>,
    parts: LayerParts<T>,
    offset: usize,
) -> Result<(Layer, Vec<T>), String> {
    let event = dimensions.event;
    let flatten = |dense: Vec<DenseParts<T>>| {
        let dense = dense.into_iter();
        dense
            .flat_map(|dense| [dense.weights, dense.biases])
            .flatten()
            .collect()
    };
    Ok(match parts {
        LayerParts::Coupling {
            transformed,
            transformer,
            conditioner,
        } => {
            Coupling::check(dimensions, &transformed, transformer, &conditioner)?;
            let form = conditioner.perceptron();
            let layer = Coupling::new(dimensions, &transformed, transformer, form, offset);
            (Layer::Coupling(layer), flatten(conditioner.dense))
        }
        LayerParts::Autoregressive {
            order,
            groups,
            direction,
            transformer,
            conditioner,
        } => {
            let order = autoregressive::Order {
                channels: &order,
                groups: &groups,
            };
            Autoregressive::check(dimensions, order, transformer, &conditioner)?;
            let form = conditioner.perceptron();
            let layer =
                Autoregressive::new(dimensions, order, direction, transformer, form, offset);
            (Layer::Autoregressive(layer), flatten(conditioner.dense))
        }
        LayerParts::Linear {
            permutation,
            factors,
        } => {
            check_permutation(&permutation, event)?;
            check_factors(event, &factors)?;
            let parameters = Linear::parameters_of(&factors);
            (Layer::Linear(Linear::new(permutation, offset)), parameters)
        }
        LayerParts::ElementWise(ScalesParts { scale, shift }) => {
            if scale.len() != event || shift.len() != event {
                return Err(format!("expected {event} scales and shifts"));
            }
            check_finite(scale.iter().chain(&shift))?;
            if scale.iter().any(|scale| *scale <= T::ZERO) {
                return Err("scales must be positive".into());
            }
            let log_scale = scale.iter().map(|s| T::from_f64(s.to_f64().ln()));
            let parameters = log_scale.chain(shift.iter().copied()).collect();
            (
                Layer::ElementWise(ElementWise::new(event, offset)),
                parameters,
            )
        }
        LayerParts::Permutation(order) => {
            check_permutation(&order, event)?;
            (Layer::Permutation(Permutation::new(order)), Vec::new())
        }
        LayerParts::Convolutional {
            given,
            transformed,
            transformer,
            conditioner,
        } => {
            ConvolutionalCoupling::check(
                dimensions,
                &given,
                &transformed,
                transformer,
                &conditioner,
            )?;
            let (form, context) = (conditioner.form(), dimensions.context);
            let layer =
                ConvolutionalCoupling::new(context, given, transformed, transformer, &form, offset);
            let weights = conditioner.layers.into_iter().flat_map(|own| own.weights);
            (Layer::Convolutional(layer), weights.collect())
        }
        LayerParts::Pointwise { planes, factors } => {
            Planes::check(&[&planes], event)?;
            check_factors(planes.count(), &factors)?;
            let parameters = Linear::parameters_of(&factors);
            (Layer::Pointwise(Pointwise::new(planes, offset)), parameters)
        }
    })
}

/// Checks the factors of a linear layer over so many channels.
fn check_factors<T: Real>(
    channels: usize,
    FactorsParts { lower, upper, bias }: &FactorsParts<T>,
) -> Result<(), String> {
    let size = channels * channels;
    if lower.len() != size || upper.len() != size || bias.len() != channels {
        return Err(format!(
            "expected two matrices of {channels} x {channels} and {channels} biases"
        ));
    }
    check_finite(lower.iter().chain(upper).chain(bias))?;
    match upper.iter().step_by(channels + 1).any(|d| *d <= T::ZERO) {
        true => Err("the diagonal of U must be positive".into()),
        false => Ok(()),
    }
}
