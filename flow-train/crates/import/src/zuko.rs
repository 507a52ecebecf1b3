//! zuko's layout (read from version 1.6.0): `transform.transforms.T`, data's side first, then the base.

use super::dense::Dense;
use super::layers::{Conditioned, contiguous, inverted};
use super::net::Net;
use super::settings::Choice;
use super::state::State;
use super::{Choices, ImportError, Shape};
use flow_embedded::artefact::{
    Activation, ContextTerm, Direction, Form, PreActivation, Transformer,
};
use flow_model::{BaseParts, LayerParts};

/// The version that is known.
pub(super) const VERSION: &str = "1.6.0";

/// `|ln 1e-3|`, by which zuko softly clips the logarithms of scales.
const LOG_SCALE_BOUND: f32 = 6.907_755_4;
/// The least slope behind it, the only one whose splines the runtime has.
const SLOPE: f64 = 1e-3;
/// Of its splines.
const BOUND: f64 = 5.0;

/// Takes a flow apart.
pub(super) fn parts(
    state: &mut State,
    shape: Shape,
    choices: &Choices<'_>,
) -> Result<(Vec<LayerParts<f64>>, BaseParts<f64>), ImportError> {
    let mut layers = transform(state, "transform.", shape, choices)?;
    let location = state.vector("base.loc", shape.event)?;
    let scale = state.vector("base.scale", shape.event)?;
    if location.iter().any(|own| *own != 0.0) || scale.iter().any(|own| *own != 1.0) {
        let log_std: Vec<f64> = scale.iter().map(|own| own.ln()).collect();
        if !log_std.iter().all(|own| own.is_finite()) {
            return Err(ImportError::unsupported(
                "base.scale",
                "a scale is not positive",
            ));
        }
        layers.push(super::standardised(&location, &log_std));
    }
    Ok((layers, BaseParts::Normal))
}

/// The layers of a transform, which may be made of others.
fn transform(
    state: &mut State,
    name: &str,
    shape: Shape,
    choices: &Choices<'_>,
) -> Result<Vec<LayerParts<f64>>, ImportError> {
    if state.has(&format!("{name}transforms.")) {
        let mut layers = Vec::new();
        for own in state.members(&format!("{name}transforms.")) {
            layers.extend(transform(state, &own, shape, choices)?);
        }
        return Ok(layers);
    }
    let own = format!("{name}transform.");
    if state.has(&own) {
        return inverted(name, transform(state, &own, shape, choices)?);
    }
    Ok(vec![layer(state, name, shape, &choices.at(name)?)?])
}

fn layer(
    state: &mut State,
    name: &str,
    shape: Shape,
    choice: &Choice<'_>,
) -> Result<LayerParts<f64>, ImportError> {
    let mask = format!("{name}mask");
    if state.has(&mask) {
        // Where it is 1, a channel conditions the others.
        let constant = state.vector(&mask, shape.event)?;
        let transformed: Vec<usize> = (0..shape.event)
            .filter(|own| constant[*own] == 0.0)
            .collect();
        let given = shape.event - transformed.len();
        let net = network(state, name, given + shape.context, choice)?;
        let own = conditioned(name, net, transformed.len(), choice)?;
        return Ok(own.coupling(shape, transformed));
    }
    // Ranks of channels, which the masks tell, too.
    state.take(&format!("{name}order"));
    let masked = format!("{name}hyper.0.mask");
    if state.has(&masked) {
        let net = network(state, name, shape.event + shape.context, choice)?;
        let own = conditioned(name, net, shape.event, choice)?;
        return own.autoregressive(shape, Direction::Normalizing);
    }
    if state.has(&format!("{name}hyper.")) {
        // Each channel by itself, given the context: one group.
        let mut net = network(state, name, shape.context, choice)?;
        if let Some(first) = net.dense.first_mut() {
            *first = first.behind(shape.event);
        }
        let own = conditioned(name, net, shape.event, choice)?;
        return own.autoregressive(shape, Direction::Normalizing);
    }
    if state.has(&format!("{name}phi.")) {
        // Likewise, given nothing.
        let net = parameters(state, name, shape)?;
        let own = conditioned(name, net, shape.event, choice)?;
        return own.autoregressive(shape, Direction::Normalizing);
    }
    Err(super::unknown(state, name))
}

/// Parameters that nothing conditions: each tensor holds some of each channel's.
fn parameters(state: &mut State, name: &str, shape: Shape) -> Result<Net, ImportError> {
    let mut channels = vec![Vec::new(); shape.event];
    for index in 0.. {
        let key = format!("{name}phi.{index}");
        if !state.has(&key) {
            break;
        }
        let values = state.all(&key)?;
        let count = super::per_channel(&key, values.len(), shape.event)?;
        for (channel, own) in channels.iter_mut().zip(values.chunks(count)) {
            channel.extend_from_slice(own);
        }
    }
    let inputs = shape.event + shape.context;
    let dense = Dense::constant(inputs, channels.concat());
    Ok(Net::plain(Activation::Relu, vec![dense]))
}

/// A perceptron, or one with residual blocks.
fn network(
    state: &mut State,
    name: &str,
    inputs: usize,
    choice: &Choice<'_>,
) -> Result<Net, ImportError> {
    let hyper = format!("{name}hyper");
    let activation = choice.activation()?;
    if state.has(&format!("{hyper}.1.0.")) {
        return residual(state, &hyper, inputs, choice);
    }
    let mut dense: Vec<Dense> = Vec::new();
    // Activations stand between the dense layers.
    for place in (0..).step_by(2) {
        let own = format!("{hyper}.{place}");
        if !state.has(&format!("{own}.weight")) {
            break;
        }
        let inputs = dense.last().map_or(inputs, Dense::rows);
        dense.push(Dense::take(state, &own, inputs)?);
    }
    match state.within(&format!("{hyper}.")) {
        Some((key, _)) => Err(ImportError::unsupported(
            key,
            "a network with more than layers and activations",
        )),
        None => Ok(Net::plain(activation, dense)),
    }
}

/// `x + W' act(W x)` by turns, between a first and a last layer.
fn residual(
    state: &mut State,
    hyper: &str,
    inputs: usize,
    choice: &Choice<'_>,
) -> Result<Net, ImportError> {
    let first = Dense::take(state, &format!("{hyper}.0"), inputs)?;
    let units = first.rows();
    let mut dense = vec![first];
    let mut blocks = 0_u8;
    loop {
        let own = format!("{hyper}.{}", usize::from(blocks) + 1);
        if !state.has(&format!("{own}.0.")) {
            dense.push(Dense::take(state, &own, units)?);
            break;
        }
        for inner in ["0", "2"] {
            dense.push(Dense::take(state, &format!("{own}.{inner}"), units)?);
        }
        blocks = blocks
            .checked_add(1)
            .ok_or_else(|| ImportError::unsupported(&own, "more than 255 blocks"))?;
    }
    if let Some((key, _)) = state.within(&format!("{hyper}.")) {
        return Err(ImportError::unsupported(
            key,
            "residual blocks of different widths",
        ));
    }
    Ok(Net {
        activation: choice.activation()?,
        form: Form::PreActivation(PreActivation {
            blocks,
            activated: false,
            context: ContextTerm::Input,
        }),
        dense,
    })
}

/// The network's last rows are the parameters of one channel after another.
fn conditioned(
    name: &str,
    net: Net,
    channels: usize,
    choice: &Choice<'_>,
) -> Result<Conditioned, ImportError> {
    let key = format!("{name}hyper");
    if choice
        .stated(|own| own.slope)
        .is_some_and(|own| own != SLOPE)
    {
        return Err(ImportError::unsupported(
            &format!("{name}: slope"),
            &format!("another least slope than {SLOPE}"),
        ));
    }
    let count = super::per_channel(&key, net.outputs(), channels)?;
    let transformer = match count {
        1 => Some(Transformer::Shift),
        2 => Some(Transformer::Affine {
            log_scale_bound: LOG_SCALE_BOUND,
        }),
        // K widths, K heights and K − 1 derivatives.
        _ if (count + 1).is_multiple_of(3) => {
            u8::try_from((count + 1) / 3)
                .ok()
                .map(|bins| Transformer::Spline {
                    bins,
                    bound: choice.bound(BOUND) as f32,
                })
        }
        _ => None,
    };
    let transformer = transformer.ok_or_else(|| {
        ImportError::unsupported(
            &key,
            &format!("{count} parameters of a channel are those of no shift, affine map or spline"),
        )
    })?;
    Ok(Conditioned {
        key,
        net,
        transformer,
        rows: contiguous(channels, &(0..count).collect::<Vec<_>>()),
    })
}
