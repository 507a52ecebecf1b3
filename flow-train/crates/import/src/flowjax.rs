//! FlowJAX's layout (read from version 19.1.2): leaves of a tree by their paths, those of all layers stacked.

use super::dense::Dense;
use super::layers::{Conditioned, contiguous, inverted, scaled};
use super::lu::{inverse_softplus, softplus};
use super::net::Net;
use super::settings::{Choice, PLAIN_SOFTPLUS};
use super::spline::floored;
use super::state::{State, Tensor};
use super::{Choices, ImportError, Shape};
use flow_embedded::artefact::{Direction, Ends, Scale, Transformer};
use flow_model::{BaseParts, LayerParts};

/// The version that is known.
pub(super) const VERSION: &str = "19.1.2";

/// What an affine transformer adds to its scale.
const LEAST_SCALE: f64 = 1e-2;
/// The least width and height of a spline's bin.
const LEAST_WIDTH: f64 = 1e-3;
/// A spline's interval, which has no default.
const BOUND: f64 = 5.0;

/// Takes a flow apart.
pub(super) fn parts(
    state: &mut State,
    shape: Shape,
    choices: &Choices<'_>,
) -> Result<(Vec<LayerParts<f64>>, BaseParts<f64>), ImportError> {
    let place = Place::find(state)?;
    let choice = choices.at(&place.layer)?;
    let count = place.layers(state);
    let mut layers = Vec::new();
    for index in 0..count {
        layers.push(place.bijection(state, index, shape, &choice)?);
        layers.extend(place.permutation(state, index, shape.event)?);
    }
    state.forget(&place.layer);
    state.forget(&place.permutation);
    if !place.inverted {
        layers = inverted(&place.layer, layers)?;
    }
    layers.extend(base(state, shape)?);
    Ok((layers, BaseParts::Normal))
}

/// Where the layers are.
struct Place {
    /// How the keys of a bijection begin.
    layer: String,
    /// And those of the permutation behind it.
    permutation: String,
    /// Whether data go through the layers as they stand: `Invert`, FlowJAX's default.
    inverted: bool,
    is_autoregressive: bool,
}

impl Place {
    fn find(state: &State) -> Result<Self, ImportError> {
        for (mark, is_autoregressive) in [(MASKED, true), (COUPLING, false)] {
            let Some(layer) = state.keys().find_map(|key| {
                let (layer, _) = key.split_once(mark)?;
                Some(layer.to_owned())
            }) else {
                continue;
            };
            // One channel has no permutation, hence no chain.
            let chain = layer.strip_suffix(".bijections[0]").unwrap_or(&layer);
            return Ok(Self {
                permutation: format!("{chain}.bijections[1]."),
                // Of `Transformed`, of `Invert` and of `Scan`.
                inverted: chain.matches(".bijection").count() > 2,
                is_autoregressive,
                layer: format!("{layer}."),
            });
        }
        Err(super::unknown(state, ""))
    }

    /// The number of layers: the leading axis.
    fn layers(&self, state: &State) -> usize {
        let first = state.within(&self.layer);
        first.map_or(0, |(_, own)| own.shape.first().copied().unwrap_or(0))
    }

    fn permutation(
        &self,
        state: &State,
        index: usize,
        channels: usize,
    ) -> Result<Option<LayerParts<f64>>, ImportError> {
        let key = format!("{}permutation[0]", self.permutation);
        match state.slice(&key, index) {
            Ok(own) => {
                let mut one = State::default();
                one.insert(key.clone(), own);
                let order = one.permutation(&key, channels)?;
                Ok(Some(LayerParts::Permutation(order)))
            }
            // Two channels change places.
            Err(_) if channels == 2 => Ok(Some(LayerParts::Permutation(vec![1, 0]))),
            Err(_) if channels == 1 => Ok(None),
            Err(fault) => Err(fault),
        }
    }

    fn bijection(
        &self,
        state: &State,
        index: usize,
        shape: Shape,
        choice: &Choice<'_>,
    ) -> Result<LayerParts<f64>, ImportError> {
        let kept = shape.event / 2;
        let (mark, inputs, channels) = match self.is_autoregressive {
            true => (MASKED, shape.event, shape.event),
            false => (COUPLING, kept, shape.event - kept),
        };
        // Keys of a layer end in a dot, marks begin with one.
        let key = format!("{}{}", self.layer.trim_end_matches('.'), mark);
        let net = network(state, &key, index, inputs + shape.context, choice)?;
        let mut own = conditioned(key, net, channels, choice)?;
        match self.is_autoregressive {
            true => own.autoregressive(shape, Direction::Normalizing),
            false if kept == 0 => {
                // One channel: nothing conditions it but the context.
                if let Some(first) = own.net.dense.first_mut() {
                    *first = first.behind(shape.event);
                }
                own.autoregressive(shape, Direction::Normalizing)
            }
            false => Ok(own.coupling(shape, (kept..shape.event).collect())),
        }
    }
}

const MASKED: &str = ".masked_autoregressive_mlp.";
const COUPLING: &str = ".conditioner.";

/// The perceptron of one layer, whose masked weights have two leaves.
fn network(
    state: &State,
    key: &str,
    index: usize,
    inputs: usize,
    choice: &Choice<'_>,
) -> Result<Net, ImportError> {
    let mut dense: Vec<Dense> = Vec::new();
    for place in 0.. {
        let own = format!("{key}layers[{place}].");
        if !state.has(&own) {
            break;
        }
        let take = |name: &str| state.slice(&format!("{own}{name}"), index);
        let (weights, mask) = match state.has(&format!("{own}weight.args[1]")) {
            true => (take("weight.args[1]")?, Some(take("weight.args[0]")?)),
            false => (take("weight")?, None),
        };
        let biases = take("bias")?;
        let inputs = dense.last().map_or(inputs, Dense::rows);
        let fits = |own: &Tensor| own.shape == [biases.values.len(), inputs];
        if !fits(&weights) || mask.as_ref().is_some_and(|own| !fits(own)) {
            let expected = format!("{} rows of {inputs} in each layer", biases.values.len());
            return Err(ImportError::shape(
                &format!("{own}weight"),
                &weights,
                &expected,
            ));
        }
        let mask = mask.map(|own| own.values);
        dense.push(Dense::new(
            inputs,
            weights.values,
            biases.values,
            mask.as_deref(),
        ));
    }
    Ok(Net::plain(choice.activation()?, dense))
}

/// The network's numbers are offsets to the transformer's parameters as it was made.
fn conditioned(
    key: String,
    mut net: Net,
    channels: usize,
    choice: &Choice<'_>,
) -> Result<Conditioned, ImportError> {
    let count = super::per_channel(&key, net.outputs(), channels)?;
    let rows = contiguous(channels, &(0..count).collect::<Vec<_>>());
    let mut init = vec![0.0; count];
    let transformer = if count == 2 {
        let usual = match choice.scale_map(&["softplus", PLAIN_SOFTPLUS])? {
            // The transformer of a flow that was given none.
            0 => LEAST_SCALE,
            _ => 0.0,
        };
        let least = choice.stated(|own| own.min_scale).unwrap_or(usual);
        init[1] = inverse_softplus(1.0 - least);
        scaled(Scale::Softplus {
            least: least as f32,
        })
    } else {
        let least = choice.stated(|own| own.min_width).unwrap_or(LEAST_WIDTH);
        let bound = choice.bound(BOUND);
        let own = floored(&key, count, Ends::Free, bound, least, choice)?;
        let slopes = 2 * usize::from(own.bins)..;
        init[slopes].fill(inverse_softplus(1.0 - choice.least_slope()));
        Transformer::FlooredSpline(own)
    };
    if let Some(stated) = choice.stated(|own| own.init.clone()) {
        if stated.len() != count {
            return Err(ImportError::unsupported(
                &format!("{key}: init"),
                &format!("holds {} numbers, expected {count}", stated.len()),
            ));
        }
        init = stated;
    }
    if let Some(output) = net.output() {
        for own in &rows {
            own.iter()
                .zip(&init)
                .for_each(|(row, by)| output.shift_row(*row, *by));
        }
    }
    Ok(Conditioned {
        key,
        net,
        transformer,
        rows,
    })
}

/// Normal distributions of a location and a scale.
fn base(state: &mut State, shape: Shape) -> Result<Option<LayerParts<f64>>, ImportError> {
    let name = ".base_dist.bijection.";
    if !state.has(name) {
        return Ok(None);
    }
    let mean = state.shaped(&format!("{name}loc"), &[shape.event])?;
    let scale = state.shaped(&format!("{name}scale.args[0]"), &[shape.event])?;
    let log_std: Vec<f64> = scale.iter().map(|own| softplus(*own).ln()).collect();
    Ok(Some(super::standardised(&mean, &log_std)))
}
