//! zuko's layout (read from version 1.6.0): `transform.transforms.T`, data's side first, then the base.

use super::dense::{Dense, add_columns, chain};
use super::state::State;
use super::{ImportError, Shape};
use crate::model::{BaseParts, CategoricalParts, ConditionerParts, FlowParts, LayerParts};
use flow_embedded::artefact::{Activation, Direction, Form, Transformer};

/// The version that is known.
pub(super) const VERSION: &str = "1.6.0";

/// `|ln 1e-3|`, by which zuko softly clips the logarithms of scales.
const LOG_SCALE_BOUND: f32 = 6.907_755_4;
/// Of zuko's splines.
const BOUND: f32 = 5.0;

/// Takes a flow apart.
pub(super) fn parts(
    state: &mut State,
    shape: Shape,
    activation: Activation,
) -> Result<FlowParts<f64>, ImportError> {
    let mut layers = Vec::new();
    for index in 0.. {
        let name = format!("transform.transforms.{index}.");
        if !state.has(&name) {
            break;
        }
        layers.push(layer(state, &name, shape, activation)?);
    }
    let location = state.vector("base.loc", shape.event)?;
    let scale = state.vector("base.scale", shape.event)?;
    if location.iter().any(|own| *own != 0.0) || scale.iter().any(|own| *own != 1.0) {
        if scale.iter().any(|own| *own <= 0.0) {
            return Err(ImportError::unsupported(
                "base.scale",
                "a scale is not positive",
            ));
        }
        layers.push(LayerParts::ElementWise {
            shift: location
                .iter()
                .zip(&scale)
                .map(|(own, scale)| -own / scale)
                .collect(),
            scale: scale.iter().map(|own| own.recip()).collect(),
        });
    }
    Ok(FlowParts {
        event: shape.event,
        context: shape.context,
        circular: Vec::new(),
        categorical: CategoricalParts::default(),
        layers,
        base: BaseParts::Normal,
    })
}

fn layer(
    state: &mut State,
    name: &str,
    shape: Shape,
    activation: Activation,
) -> Result<LayerParts<f64>, ImportError> {
    let order = format!("{name}order");
    let mask = format!("{name}mask");
    if state.has(&order) {
        let ranks = state.vector(&order, shape.event)?;
        return autoregressive(state, name, &ranks, shape, activation);
    }
    if state.has(&mask) {
        let constant = state.vector(&mask, shape.event)?;
        return coupling(state, name, &constant, shape, activation);
    }
    if state.has(&format!("{name}hyper.")) {
        return element_wise(state, name, shape, activation);
    }
    let (key, _) = state.left().unwrap_or((name, 0));
    Err(ImportError::unsupported(
        key,
        "no autoregressive, coupling or element-wise transform",
    ))
}

/// A transform by a MADE: channels of one rank are conditioned by those of lower ranks.
fn autoregressive(
    state: &mut State,
    name: &str,
    ranks: &[f64],
    shape: Shape,
    activation: Activation,
) -> Result<LayerParts<f64>, ImportError> {
    let mut order: Vec<usize> = (0..shape.event).collect();
    order.sort_by(|a, b| ranks[*a].total_cmp(&ranks[*b]));
    let groups = order.chunk_by(|a, b| ranks[*a] == ranks[*b]);
    let groups = groups.map(<[usize]>::len).collect();
    // zuko's columns are the event and then the context.
    let context = shape.event..shape.event + shape.context;
    let columns = context.chain(order.iter().copied()).collect();
    let (transformer, conditioner) = conditioner(
        state,
        name,
        shape.event + shape.context,
        columns,
        &order,
        activation,
    )?;
    Ok(LayerParts::Autoregressive {
        order,
        groups,
        direction: Direction::Normalizing,
        transformer,
        conditioner,
    })
}

/// A transform of each channel by itself, given the context: one group of channels.
fn element_wise(
    state: &mut State,
    name: &str,
    shape: Shape,
    activation: Activation,
) -> Result<LayerParts<f64>, ImportError> {
    let order: Vec<usize> = (0..shape.event).collect();
    let columns = (0..shape.context).collect();
    let (transformer, mut conditioner) =
        conditioner(state, name, shape.context, columns, &order, activation)?;
    if let Some(first) = conditioner.dense.first_mut() {
        add_columns(first, shape.event);
    }
    Ok(LayerParts::Autoregressive {
        order,
        groups: vec![shape.event],
        direction: Direction::Normalizing,
        transformer,
        conditioner,
    })
}

/// A transform of some channels given the others, which are `constant`, and the context.
fn coupling(
    state: &mut State,
    name: &str,
    constant: &[f64],
    shape: Shape,
    activation: Activation,
) -> Result<LayerParts<f64>, ImportError> {
    let transformed: Vec<usize> = (0..shape.event)
        .filter(|own| constant[*own] == 0.0)
        .collect();
    let given = shape.event - transformed.len();
    let columns = (given..given + shape.context).chain(0..given).collect();
    // The rows of the transformed channels, in their order.
    let rows: Vec<usize> = (0..transformed.len()).collect();
    let inputs = given + shape.context;
    let (transformer, conditioner) = conditioner(state, name, inputs, columns, &rows, activation)?;
    Ok(LayerParts::Coupling {
        transformed,
        transformer,
        conditioner,
    })
}

/// The perceptron of a transform, whose last rows are the parameters of one channel after another.
fn conditioner(
    state: &mut State,
    name: &str,
    inputs: usize,
    columns: Vec<usize>,
    channels: &[usize],
    activation: Activation,
) -> Result<(Transformer, ConditionerParts<f64>), ImportError> {
    let mut layers: Vec<Dense> = Vec::new();
    // Activations stand between the dense layers.
    for place in (0..).step_by(2) {
        let own = format!("{name}hyper.{place}");
        if !state.has(&format!("{own}.weight")) {
            break;
        }
        let inputs = layers.last().map_or(inputs, Dense::rows);
        layers.push(Dense::take(state, &own, inputs)?);
    }
    let outputs = layers.last().map_or(0, Dense::rows);
    if layers.is_empty() || state.has(&format!("{name}hyper.")) {
        return Err(ImportError::unsupported(
            &format!("{name}hyper"),
            "no plain perceptron: residual and other blocks can't be represented",
        ));
    }
    let parameters = outputs / channels.len();
    let transformer = match parameters {
        _ if parameters * channels.len() != outputs => None,
        1 => Some(Transformer::Shift),
        2 => Some(Transformer::Affine {
            log_scale_bound: LOG_SCALE_BOUND,
        }),
        // K widths, K heights and K − 1 derivatives.
        _ if (parameters + 1).is_multiple_of(3) => u8::try_from((parameters + 1) / 3)
            .ok()
            .map(|bins| Transformer::Spline { bins, bound: BOUND }),
        _ => None,
    };
    let transformer = transformer.ok_or_else(|| {
        ImportError::unsupported(
            &format!("{name}hyper"),
            &format!(
                "{outputs} outputs for {} channels are no parameters of a shift, an affine map or a spline",
                channels.len()
            ),
        )
    })?;
    let rows = channels.iter();
    let rows = rows.flat_map(|channel| channel * parameters..(channel + 1) * parameters);
    Ok((
        transformer,
        ConditionerParts {
            activation,
            form: Form::Plain,
            dense: chain(&layers, columns, rows.collect()),
        },
    ))
}
