//! nflows' layout (read from version 0.14): `_transform`, data's side first, then `_distribution`.

use super::dense::Dense;
use super::layers::{Conditioned, contiguous, inverted, scaled, unconditional};
use super::lu;
use super::made::{Library, made, residual_net};
use super::net::Net;
use super::settings::Choice;
use super::spline::{divide_sizes, floored};
use super::state::State;
use super::{Choices, ImportError, Shape};
use flow_embedded::artefact::{Activation, Direction, Ends, FlooredSpline, Scale, Transformer};
use flow_model::{BaseParts, LayerParts, ScalesParts};

/// The version that is known.
pub(super) const VERSION: &str = "0.14";

/// What it adds to the scale of an affine map, and to a diagonal.
pub(super) const LEAST: f64 = 1e-3;
/// Of its splines.
const BOUND: f64 = 1.0;

/// Takes a flow apart.
pub(super) fn parts(
    state: &mut State,
    shape: Shape,
    choices: &Choices<'_>,
) -> Result<(Vec<LayerParts<f64>>, BaseParts<f64>), ImportError> {
    let mut layers = transform(state, "_transform.", shape, choices)?;
    // The normalising constant of some versions.
    state.take("_distribution._log_z");
    if state.has("_distribution.mean_") {
        let mean = state.shaped("_distribution.mean_", &[shape.event])?;
        let log_std = state.shaped("_distribution.log_std_", &[shape.event])?;
        layers.push(super::standardised(&mean, &log_std));
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
    let has = |state: &State, key: &str| state.has(&format!("{name}{key}"));
    if has(state, "_transforms.") {
        let mut layers = Vec::new();
        for own in state.members(&format!("{name}_transforms.")) {
            layers.extend(transform(state, &own, shape, choices)?);
        }
        return Ok(layers);
    }
    if has(state, "_transform.") {
        let own = format!("{name}_transform.");
        return inverted(name, transform(state, &own, shape, choices)?);
    }
    let choice = choices.at(name)?;
    let layer = if has(state, "_permutation") {
        let order = state.permutation(&format!("{name}_permutation"), shape.event)?;
        LayerParts::Permutation(order)
    } else if has(state, "autoregressive_net.") {
        autoregressive(state, name, shape, &choice)?
    } else if has(state, "transform_net.") {
        return coupling(state, name, shape, BOUND, &choice);
    } else if has(state, "lower_entries") {
        lu::linear(state, name, (0..shape.event).collect(), choice.eps(LEAST))?
    } else if has(state, "running_mean") {
        batch_norm(state, name, shape, choice.eps(1e-5))?
    } else if has(state, "log_scale") {
        state.take(&format!("{name}initialized"));
        let scale = state.vector(&format!("{name}log_scale"), shape.event)?;
        LayerParts::ElementWise(ScalesParts {
            scale: scale.iter().map(|own| own.exp()).collect(),
            shift: state.vector(&format!("{name}shift"), shape.event)?,
        })
    } else if has(state, "_scale") {
        let mut spread = |key: &str| {
            let own = state.all(&format!("{name}{key}"))?;
            Ok(match own.as_slice() {
                [all] => vec![*all; shape.event],
                _ => own,
            })
        };
        LayerParts::ElementWise(ScalesParts {
            scale: spread("_scale")?,
            shift: spread("_shift")?,
        })
    } else {
        return Err(super::unknown(state, name));
    };
    Ok(vec![layer])
}

fn autoregressive(
    state: &mut State,
    name: &str,
    shape: Shape,
    choice: &Choice<'_>,
) -> Result<LayerParts<f64>, ImportError> {
    let key = format!("{name}autoregressive_net");
    let mut net = made(state, &key, shape, Library::Nflows, choice.activation()?)?;
    let count = super::per_channel(&key, net.outputs(), shape.event)?;
    let (transformer, rows) = if count == 2 {
        // The scale is first.
        let rows = contiguous(shape.event, &[1, 0]);
        let map = choice.scale_map(&["softplus", "sigmoid"])?;
        let scale = affine_scale(&mut net, &rows, map == 1, choice.eps(LEAST));
        (scaled(scale), rows)
    } else {
        // Its MADE has no `hidden_features` for sizes to be divided by.
        splines(&mut net, &key, shape.event, BOUND, 1.0, choice)?
    };
    let own = Conditioned {
        key,
        net,
        transformer,
        rows,
    };
    own.autoregressive(shape, Direction::Normalizing)
}

/// `sigmoid(a + 2)` or `softplus(a)`, and a least scale: what is added to the parameter goes into its row.
pub(super) fn affine_scale(
    net: &mut Net,
    rows: &[Vec<usize>],
    is_sigmoid: bool,
    least: f64,
) -> Scale {
    let least = least as f32;
    if !is_sigmoid {
        return Scale::Softplus { least };
    }
    if let Some(output) = net.output() {
        rows.iter().for_each(|own| output.shift_row(own[1], 2.0));
    }
    Scale::Sigmoid { least }
}

/// Splines of contiguous parameters, whose least sizes are fractions of all.
pub(super) fn splines(
    net: &mut Net,
    key: &str,
    channels: usize,
    bound: f64,
    divisor: f64,
    choice: &Choice<'_>,
) -> Result<(Transformer, Vec<Vec<usize>>), ImportError> {
    let count = super::per_channel(key, net.outputs(), channels)?;
    let own = spline(key, count, bound, choice)?;
    let rows = contiguous(channels, &(0..count).collect::<Vec<_>>());
    let divisor = choice.stated(|own| own.divisor).unwrap_or(divisor);
    divide_sizes(net, &rows, own.bins, divisor);
    Ok((Transformer::FlooredSpline(own), rows))
}

fn spline(
    key: &str,
    parameters: usize,
    bound: f64,
    choice: &Choice<'_>,
) -> Result<FlooredSpline, ImportError> {
    let bound = choice.bound(bound);
    let least = choice.least_size()? * 2.0 * bound;
    floored(key, parameters, Ends::Smooth, bound, least, choice)
}

/// A coupling, and behind it what is done to the channels that condition it, if anything.
pub(super) fn coupling(
    state: &mut State,
    name: &str,
    shape: Shape,
    bound: f64,
    choice: &Choice<'_>,
) -> Result<Vec<LayerParts<f64>>, ImportError> {
    let identity = state.indices(&format!("{name}identity_features"), shape.event)?;
    let transformed = state.indices(&format!("{name}transform_features"), shape.event)?;
    let mut sorted = [identity.clone(), transformed.clone()].concat();
    sorted.sort_unstable();
    if !sorted.into_iter().eq(0..shape.event) || transformed.is_empty() || identity.is_empty() {
        return Err(ImportError::unsupported(
            &format!("{name}transform_features"),
            "and `identity_features` do not share the channels among them",
        ));
    }
    let key = format!("{name}transform_net");
    let activation = choice.activation()?;
    let (mut net, divisor) = match state.has(&format!("{key}._input_layer.")) {
        true => (perceptron(state, &key, identity.len(), activation)?, 1.0),
        false => {
            let net = residual_net(state, &key, identity.len(), shape, activation)?;
            let hidden = net.dense.first().map_or(1, Dense::rows) as f64;
            (net, hidden.sqrt())
        }
    };
    let channels = transformed.len();
    let count = super::per_channel(&key, net.outputs(), channels)?;
    let (transformer, rows) = match count {
        1 => (Transformer::Shift, contiguous(channels, &[0])),
        2 => {
            // All shifts, and then all scales.
            let rows: Vec<Vec<usize>> =
                (0..channels).map(|own| vec![own, channels + own]).collect();
            let map = choice.scale_map(&["sigmoid", "softplus"])?;
            let scale = affine_scale(&mut net, &rows, map == 0, LEAST);
            (scaled(scale), rows)
        }
        _ => splines(&mut net, &key, channels, bound, divisor, choice)?,
    };
    let own = Conditioned {
        key,
        net,
        transformer,
        rows,
    };
    let mut layers = vec![own.coupling(shape, transformed)];
    let key = format!("{name}unconditional_transform.unnormalized_");
    if state.has(&key) {
        let channels = identity.len();
        let mut rows = |what: &str| -> Result<Vec<Vec<f64>>, ImportError> {
            let values = state.all(&format!("{key}{what}"))?;
            let count = super::per_channel(&format!("{key}{what}"), values.len(), channels)?;
            Ok(values.chunks(count).map(<[f64]>::to_vec).collect())
        };
        let [widths, heights, slopes] = ["widths", "heights", "derivatives"].map(&mut rows);
        let (widths, heights, slopes) = (widths?, heights?, slopes?);
        let sides = widths.iter().zip(&heights).zip(&slopes);
        let all: Vec<Vec<f64>> = sides
            .map(|((widths, heights), slopes)| [&**widths, heights, slopes].concat())
            .collect();
        let spline = spline(&key, all.first().map_or(0, Vec::len), bound, choice)?;
        let transformer = Transformer::FlooredSpline(spline);
        layers.push(unconditional(shape, identity, transformer, all.concat()));
    }
    Ok(layers)
}

/// nflows' `MLP`, which sees no context.
fn perceptron(
    state: &mut State,
    name: &str,
    channels: usize,
    activation: Activation,
) -> Result<Net, ImportError> {
    let mut dense = vec![Dense::take(
        state,
        &format!("{name}._input_layer"),
        channels,
    )?];
    let mut inner = (0..).map(|index| format!("{name}._hidden_layers.{index}"));
    let mut next = inner.next().filter(|own| state.has(&format!("{own}.")));
    while let Some(own) = next {
        let inputs = dense.last().map_or(0, Dense::rows);
        dense.push(Dense::take(state, &own, inputs)?);
        next = inner.next().filter(|own| state.has(&format!("{own}.")));
    }
    let inputs = dense.last().map_or(0, Dense::rows);
    dense.push(Dense::take(
        state,
        &format!("{name}._output_layer"),
        inputs,
    )?);
    Ok(Net::plain(activation, dense))
}

/// As in evaluation: an affine map of each channel.
fn batch_norm(
    state: &mut State,
    name: &str,
    shape: Shape,
    eps: f64,
) -> Result<LayerParts<f64>, ImportError> {
    let mut take = |key: &str| state.vector(&format!("{name}{key}"), shape.event);
    let (weight, bias) = (take("unconstrained_weight")?, take("bias")?);
    let (mean, variance) = (take("running_mean")?, take("running_var")?);
    let scale: Vec<f64> = weight
        .iter()
        .zip(&variance)
        .map(|(weight, variance)| (lu::softplus(*weight) + eps) / (variance + eps).sqrt())
        .collect();
    let means = mean.iter().zip(&scale).zip(&bias);
    Ok(LayerParts::ElementWise(ScalesParts {
        shift: means
            .map(|((mean, scale), bias)| bias - mean * scale)
            .collect(),
        scale,
    }))
}
