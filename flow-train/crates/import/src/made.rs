//! The networks that nflows and normflows share: MADE and `ResidualNet`.

use super::dense::Dense;
use super::net::Net;
use super::state::State;
use super::{ImportError, Shape};
use flow_embedded::artefact::{Activation, ContextTerm, Form, PreActivation};

/// Whose MADE it is: they differ in what the context does.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Library {
    Nflows,
    Normflows,
}

/// Takes `NAME.initial_layer` and so on: a MADE.
pub(super) fn made(
    state: &mut State,
    name: &str,
    shape: Shape,
    library: Library,
    activation: Activation,
) -> Result<Net, ImportError> {
    let mut initial = masked(state, &format!("{name}.initial_layer"), shape.event)?;
    let context = match state.has(&format!("{name}.context_layer.")) {
        true => Some(Dense::take(
            state,
            &format!("{name}.context_layer"),
            shape.context,
        )?),
        false => None,
    };
    let mut start = None;
    match (context, library) {
        (None, _) => {}
        (Some(context), Library::Nflows) => start = Some(context),
        (Some(context), Library::Normflows) => initial = initial.beside(&context),
    }
    let blocks = format!("{name}.blocks.0.");
    if state.has(&format!("{blocks}linear_layers.")) || !state.has(&blocks) {
        let term = match (&start, library) {
            (Some(_), _) => ContextTerm::Added,
            (None, Library::Normflows) if initial.inputs > shape.event => ContextTerm::Gated,
            (None, _) => ContextTerm::Input,
        };
        return residual(state, name, initial, start, term, shape, activation);
    }
    let mut dense = vec![initial];
    for block in 0.. {
        let own = format!("{name}.blocks.{block}.");
        if !state.has(&own) {
            break;
        }
        let inputs = dense.last().map_or(0, Dense::rows);
        dense.push(masked(state, &format!("{own}linear"), inputs)?);
    }
    // There is nothing between the first two of normflows.
    if library == Library::Normflows && dense.len() > 1 {
        let first = dense.remove(0);
        dense[0] = first.then(&dense[0]);
    }
    let inputs = dense.last().map_or(0, Dense::rows);
    dense.push(masked(state, &format!("{name}.final_layer"), inputs)?);
    Ok(match start {
        None => Net::plain(activation, dense),
        Some(start) => {
            dense.insert(0, start);
            Net {
                activation,
                form: Form::ContextFirst,
                dense,
            }
        }
    })
}

/// Takes `NAME.initial_layer` and so on: a `ResidualNet` that reads so many channels.
pub(super) fn residual_net(
    state: &mut State,
    name: &str,
    channels: usize,
    shape: Shape,
    activation: Activation,
) -> Result<Net, ImportError> {
    let inputs = channels + shape.context;
    let initial = Dense::take(state, &format!("{name}.initial_layer"), inputs)?;
    let term = match shape.context {
        0 => ContextTerm::Input,
        _ => ContextTerm::Gated,
    };
    residual(state, name, initial, None, term, shape, activation)
}

/// Pre-activation blocks and the last layer.
fn residual(
    state: &mut State,
    name: &str,
    initial: Dense,
    start: Option<Dense>,
    context: ContextTerm,
    shape: Shape,
    activation: Activation,
) -> Result<Net, ImportError> {
    let units = initial.rows();
    let mut dense: Vec<Dense> = start.into_iter().chain([initial]).collect();
    let mut blocks = 0_u8;
    loop {
        let own = format!("{name}.blocks.{blocks}");
        if !state.has(&format!("{own}.")) {
            break;
        }
        if let Some((key, _)) = state.within(&format!("{own}.batch_norm")) {
            return Err(ImportError::unsupported(
                key,
                "normalisation of batches within a network",
            ));
        }
        let inner = [0, 1].map(|index| format!("{own}.linear_layers.{index}"));
        let [first, second] = inner.map(|own| masked(state, &own, units));
        let (first, second) = (first?, second?);
        let given =
            |state: &mut State| Dense::take(state, &format!("{own}.context_layer"), shape.context);
        match context {
            ContextTerm::Input => dense.extend([first, second]),
            ContextTerm::Added => dense.extend([given(state)?, first, second]),
            ContextTerm::Gated => {
                dense.extend([first, second]);
                dense.push(given(state)?);
            }
        }
        blocks = blocks
            .checked_add(1)
            .ok_or_else(|| ImportError::unsupported(&own, "more than 255 blocks"))?;
    }
    dense.push(masked(state, &format!("{name}.final_layer"), units)?);
    if blocks > 0 {
        let form = Form::PreActivation(PreActivation {
            blocks,
            activated: true,
            context,
        });
        return Ok(Net {
            activation,
            form,
            dense,
        });
    }
    // Nothing stands between the first layer and the last.
    match (dense.as_slice(), context) {
        ([first, last], _) => Ok(Net::plain(activation, vec![first.then(last)])),
        _ => Err(ImportError::unsupported(
            name,
            "a network without blocks whose context is activated",
        )),
    }
}

/// A layer with what only says how its mask was made.
fn masked(state: &mut State, name: &str, inputs: usize) -> Result<Dense, ImportError> {
    state.take(&format!("{name}.degrees"));
    Dense::take(state, name, inputs)
}
