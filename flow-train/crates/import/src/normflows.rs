//! normflows' layout (read from version 1.7.3): `flows`, the base's side first, and `q0`.

use super::dense::Dense;
use super::layers::{Conditioned, argsort, contiguous, inverted, opposite, scaled};
use super::lu;
use super::made::{Library, made};
use super::net::Net;
use super::nflows::{LEAST, affine_scale, coupling, splines};
use super::settings::Choice;
use super::state::State;
use super::{Choices, ImportError, Shape};
use flow_embedded::artefact::{Activation, Direction, Scale, Transformer};
use flow_model::{BaseParts, LayerParts};

/// The version that is known.
pub(super) const VERSION: &str = "1.7.3";

/// Of its splines.
const BOUND: f64 = 3.0;

/// Takes a flow apart.
pub(super) fn parts(
    state: &mut State,
    shape: Shape,
    choices: &Choices<'_>,
) -> Result<(Vec<LayerParts<f64>>, BaseParts<f64>), ImportError> {
    let mut layers = Vec::new();
    // The last flow may have no tensors.
    let count = children(state, "flows.", choices) + usize::from(choices.guess.last_swaps);
    for index in (0..count).rev() {
        let name = format!("flows.{index}.");
        layers.extend(flow(state, &name, shape, choices)?);
    }
    let base = base(state, shape, &mut layers)?;
    Ok((layers, base))
}

/// The number of flows whose keys begin so, as far as tensors and statements tell.
fn children(state: &State, name: &str, choices: &Choices<'_>) -> usize {
    let stated = choices.layers.iter().map(|layer| layer.key.as_str());
    let keys = state.keys().chain(stated);
    let index = |key: &str| -> Option<usize> {
        let (index, _) = key.strip_prefix(name)?.split_once('.')?;
        index.parse().ok()
    };
    keys.filter_map(index).max().map_or(0, |last| last + 1)
}

/// The distribution `q0`; a location and a scale are a layer.
fn base(
    state: &mut State,
    shape: Shape,
    layers: &mut Vec<LayerParts<f64>>,
) -> Result<BaseParts<f64>, ImportError> {
    if !state.has("q0.weight_scores") {
        let mean = state.shaped("q0.loc", &[shape.event])?;
        let log_std = state.shaped("q0.log_scale", &[shape.event])?;
        layers.push(super::standardised(&mean, &log_std));
        return Ok(BaseParts::Normal);
    }
    let scores = state.all("q0.weight_scores")?;
    let components = scores.len();
    let mean = state.shaped("q0.loc", &[components, shape.event])?;
    let log_std = state.shaped("q0.log_scale", &[components, shape.event])?;
    let largest = scores.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let sum: f64 = scores.iter().map(|own| (own - largest).exp()).sum();
    Ok(BaseParts::Mixture {
        log_weights: scores.iter().map(|own| own - largest - sum.ln()).collect(),
        mean,
        std: log_std.iter().map(|own| own.exp()).collect(),
    })
}

/// The layers of a flow, from data to base.
fn flow(
    state: &mut State,
    name: &str,
    shape: Shape,
    choices: &Choices<'_>,
) -> Result<Vec<LayerParts<f64>>, ImportError> {
    let has = |state: &State, key: &str| state.has(&format!("{name}{key}"));
    if has(state, "_flows.") {
        let mut layers = Vec::new();
        for index in (0..children(state, &format!("{name}_flows."), choices)).rev() {
            let own = format!("{name}_flows.{index}.");
            layers.extend(flow(state, &own, shape, choices)?);
        }
        return Ok(layers);
    }
    if has(state, "flow.") {
        return inverted(name, flow(state, &format!("{name}flow."), shape, choices)?);
    }
    let choice = choices.at(name)?;
    let layer = if has(state, "mprqat.") {
        let key = format!("{name}mprqat.autoregressive_net");
        let mut net = made(state, &key, shape, Library::Normflows, choice.activation()?)?;
        let (transformer, rows) = splines(&mut net, &key, shape.event, BOUND, 1.0, &choice)?;
        let own = Conditioned {
            key,
            net,
            transformer,
            rows,
        };
        own.autoregressive(shape, Direction::Normalizing)?
    } else if has(state, "prqct.") {
        return coupling(state, &format!("{name}prqct."), shape, BOUND, &choice);
    } else if has(state, "autoregressive_net.") {
        let key = format!("{name}autoregressive_net");
        let mut net = made(state, &key, shape, Library::Normflows, choice.activation()?)?;
        super::per_channel(&key, net.outputs(), shape.event)?;
        let rows = contiguous(shape.event, &[1, 0]);
        let map = choice.scale_map(&["sigmoid", "softplus"])?;
        let scale = affine_scale(&mut net, &rows, map == 0, choice.eps(LEAST));
        let own = Conditioned {
            key,
            net,
            transformer: scaled(scale),
            rows,
        };
        // One pass takes the base to data.
        own.autoregressive(shape, Direction::Generative)?
    } else if has(state, "flows.1.param_map.") {
        affine_block(state, name, shape, &choice)?
    } else if has(state, "b") {
        masked_affine(state, name, shape, &choice)?
    } else if has(state, "linear.lower_entries") {
        let key = format!("{name}permutation._permutation");
        let order = state.permutation(&key, shape.event)?;
        lu::linear(state, &format!("{name}linear."), order, choice.eps(LEAST))?
    } else if has(state, "perm") {
        let order = state.permutation(&format!("{name}perm"), shape.event)?;
        state.take(&format!("{name}inv_perm"));
        LayerParts::Permutation(argsort(&order))
    } else if has(state, "s") && has(state, "t") {
        constant(state, name, shape)?
    } else if has(state, "sign_S") || has(state, "W") {
        return matrix(state, name, shape);
    } else if !state.has(name) {
        // No tensor: the halves change places.
        let half = shape.event.div_ceil(2);
        LayerParts::Permutation((half..shape.event).chain(0..half).collect())
    } else {
        return Err(super::unknown(state, name));
    };
    Ok(vec![layer])
}

/// `z * exp(s) + t` from the base to data, for each channel.
fn constant(state: &mut State, name: &str, shape: Shape) -> Result<LayerParts<f64>, ImportError> {
    state.take(&format!("{name}data_dep_init_done"));
    let scale = state.shaped(&format!("{name}s"), &[shape.event])?;
    let shift = state.shaped(&format!("{name}t"), &[shape.event])?;
    Ok(super::standardised(&shift, &scale))
}

/// `InvertibleAffine`: a row of data times `W`, which is a matrix or `P L U`.
fn matrix(
    state: &mut State,
    name: &str,
    shape: Shape,
) -> Result<Vec<LayerParts<f64>>, ImportError> {
    let n = shape.event;
    let whole = match state.has(&format!("{name}W")) {
        true => Some(state.shaped(&format!("{name}W"), &[n, n])?),
        false => None,
    };
    let mut square = |key: &str| state.shaped(&format!("{name}{key}"), &[n, n]);
    let places = || (0..n).flat_map(|row| (0..n).map(move |column| (row, column)));
    let whole = match whole {
        Some(whole) => whole,
        None => {
            let [order, lower, upper] = ["P", "L", "U"].map(&mut square);
            let (order, mut lower, mut upper) = (order?, lower?, upper?);
            square("eye")?;
            let signs = state.vector(&format!("{name}sign_S"), n)?;
            let logs = state.vector(&format!("{name}log_S"), n)?;
            for (row, column) in places() {
                let place = row * n + column;
                if column >= row {
                    lower[place] = if row == column { 1.0 } else { 0.0 };
                }
                if column <= row {
                    upper[place] = 0.0;
                }
                if row == column {
                    upper[place] = signs[row] * logs[row].exp();
                }
            }
            product(&product(&order, &lower, n), &upper, n)
        }
    };
    // A row times a matrix is its transpose times a column.
    let transposed: Vec<f64> = places()
        .map(|(row, column)| whole[column * n + row])
        .collect();
    Ok(lu::dense(name, &transposed, n)?.into())
}

/// Of two square matrices.
fn product(a: &[f64], b: &[f64], n: usize) -> Vec<f64> {
    let sum = |row: usize, column: usize| (0..n).map(|k| a[row * n + k] * b[k * n + column]).sum();
    let places = (0..n).flat_map(|row| (0..n).map(move |column| (row, column)));
    places.map(|(row, column)| sum(row, column)).collect()
}

/// An affine coupling between halves of the channels.
fn affine_block(
    state: &mut State,
    name: &str,
    shape: Shape,
    choice: &Choice<'_>,
) -> Result<LayerParts<f64>, ImportError> {
    let split = choice.stated(|own| own.split.clone());
    let first = shape.event.div_ceil(2);
    let transformed: Vec<usize> = match split.as_deref().unwrap_or("channel") {
        "channel" => (first..shape.event).collect(),
        "channel_inv" => (0..first).collect(),
        "checkerboard" => (0..shape.event).step_by(2).collect(),
        "checkerboard_inv" => (1..shape.event).step_by(2).collect(),
        other => {
            return Err(ImportError::unsupported(
                &format!("{name}: split"),
                &format!("{other} is no way to split channels"),
            ));
        }
    };
    let key = format!("{name}flows.1.param_map");
    let given = shape.event - transformed.len();
    let mut net = perceptron(state, &key, given, choice.activation()?)?;
    let count = super::per_channel(&key, net.outputs(), transformed.len())?;
    if count == 1 {
        return shifts(
            key,
            net,
            contiguous(transformed.len(), &[0]),
            shape,
            transformed,
        );
    }
    if count != 2 {
        return Err(ImportError::unsupported(
            &key,
            &format!("{count} parameters of a channel, expected shift and scale"),
        ));
    }
    let rows = contiguous(transformed.len(), &[0, 1]);
    let transformer = match choice.scale_map(&["exp", "sigmoid_inv", "sigmoid"])? {
        0 => scaled(Scale::Exponential { least: 0.0 }),
        1 => scaled(affine_scale(&mut net, &rows, true, 0.0)),
        _ => {
            // One over a sigmoid: 1 + e^−a.
            if let Some(output) = net.output() {
                for own in &rows {
                    output.shift_row(own[1], 2.0);
                    output.scale_row(own[1], -1.0);
                }
            }
            scaled(Scale::Exponential { least: 1.0 })
        }
    };
    generative(key, net, transformer, rows, shape, transformed)
}

/// The network has `net.0`, `net.2` and so on.
fn perceptron(
    state: &mut State,
    name: &str,
    channels: usize,
    activation: Activation,
) -> Result<Net, ImportError> {
    let mut dense: Vec<Dense> = Vec::new();
    for place in (0..).step_by(2) {
        let own = format!("{name}.net.{place}");
        if !state.has(&format!("{own}.weight")) {
            break;
        }
        let inputs = dense.last().map_or(channels, Dense::rows);
        dense.push(Dense::take(state, &own, inputs)?);
    }
    match state.within(&format!("{name}.net.")) {
        Some((key, _)) => Err(ImportError::unsupported(
            key,
            "a network with more than layers and activations",
        )),
        None if dense.is_empty() => Err(ImportError::unsupported(name, "no network")),
        None => Ok(Net::plain(activation, dense)),
    }
}

/// `b z + (1 − b) (z exp(s(b z)) + t(b z))` from the base to data.
fn masked_affine(
    state: &mut State,
    name: &str,
    shape: Shape,
    choice: &Choice<'_>,
) -> Result<LayerParts<f64>, ImportError> {
    let mask = state.shaped(&format!("{name}b"), &[shape.event])?;
    let transformed: Vec<usize> = (0..shape.event).filter(|own| mask[*own] == 0.0).collect();
    let kept: Vec<usize> = (0..shape.event).filter(|own| mask[*own] != 0.0).collect();
    if kept.iter().any(|own| mask[*own] != 1.0) || kept.is_empty() || transformed.is_empty() {
        return Err(ImportError::unsupported(
            &format!("{name}b"),
            "a mask of zeros and ones is needed, and of both",
        ));
    }
    let activation = choice.activation()?;
    let mut nets = Vec::new();
    for own in ["t", "s"] {
        let key = format!("{name}{own}");
        if state.has(&format!("{key}.")) {
            let mut net = perceptron(state, &key, shape.event, activation)?;
            if net.outputs() != shape.event {
                return Err(ImportError::unsupported(
                    &key,
                    "does not put out a number for each channel",
                ));
            }
            if let Some(first) = net.dense.first_mut() {
                *first = first.of_columns(&kept);
            }
            nets.push(net);
        } else if own == "t" {
            return Err(ImportError::unsupported(&key, "a coupling without shifts"));
        }
    }
    let key = name.to_owned();
    let mut nets = nets.into_iter();
    let (Some(shift), scale) = (nets.next(), nets.next()) else {
        return Err(ImportError::unsupported(&key, "no network"));
    };
    let Some(scale) = scale else {
        let rows: Vec<Vec<usize>> = transformed.iter().map(|own| vec![*own]).collect();
        return shifts(key, shift, rows, shape, transformed);
    };
    if shift.dense.len() != scale.dense.len() {
        return Err(ImportError::unsupported(
            &key,
            "the networks of shift and scale are of different depths",
        ));
    }
    let layers = shift.dense.iter().zip(&scale.dense).enumerate();
    let dense = layers.map(|(index, (shift, scale))| match index {
        // Both see the same channels.
        0 => shift.clone().above(scale.clone()),
        _ => shift.apart(scale),
    });
    let net = Net::plain(activation, dense.collect());
    let rows = transformed
        .iter()
        .map(|own| vec![*own, shape.event + own])
        .collect();
    let exponential = scaled(Scale::Exponential { least: 0.0 });
    generative(key, net, exponential, rows, shape, transformed)
}

/// A coupling that maps the base to data as it stands.
fn generative(
    key: String,
    net: Net,
    transformer: Transformer,
    rows: Vec<Vec<usize>>,
    shape: Shape,
    transformed: Vec<usize>,
) -> Result<LayerParts<f64>, ImportError> {
    let transformer =
        opposite(transformer).ok_or_else(|| ImportError::unsupported(&key, "can't be inverted"))?;
    let own = Conditioned {
        key,
        net,
        transformer,
        rows,
    };
    Ok(own.coupling(shape, transformed))
}

/// `z + shift` from the base to data.
fn shifts(
    key: String,
    mut net: Net,
    rows: Vec<Vec<usize>>,
    shape: Shape,
    transformed: Vec<usize>,
) -> Result<LayerParts<f64>, ImportError> {
    if let Some(output) = net.output() {
        for row in rows.concat() {
            output.scale_row(row, -1.0);
        }
    }
    let own = Conditioned {
        key,
        net,
        transformer: Transformer::Shift,
        rows,
    };
    Ok(own.coupling(shape, transformed))
}
