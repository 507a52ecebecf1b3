//! A model of scaled rows, made one of raw rows.

use crate::error::{FlowError, UnsupportedError};
use crate::model::Model;
use crate::train::recording::{differ, printable};
use flow_train::artefact::{Draft, Scaling};
use pyo3::prelude::*;

/// The model of raw rows that a model of `(raw − offset) · factor` stands for, with new names of its event channels.
#[pyfunction]
#[expect(clippy::needless_pass_by_value, reason = "made of what Python gives")]
pub(crate) fn rescale(
    py: Python<'_>,
    model: &Model,
    names: Vec<String>,
    offsets: Vec<f64>,
    factors: Vec<f64>,
    command: &str,
) -> PyResult<Model> {
    let names = printable(&names, "the pipeline")?;
    py.detach(|| {
        let mut draft = Draft::from_loaded(model.held().flow());
        for (channel, name) in draft.event.iter_mut().zip(names) {
            channel.name = name;
        }
        differ(
            draft
                .event
                .iter()
                .chain(&draft.context)
                .map(|own| &own.name),
        )?;
        draft.note(command);
        let scalings = offsets.into_iter().zip(factors);
        let scalings = scalings.map(|(offset, factor)| Scaling { offset, factor });
        let draft = draft.before_scaling(&scalings.collect::<Vec<_>>());
        let draft = draft.map_err(|fault| UnsupportedError::new_err(fault.to_string()))?;
        let bytes = draft.encode();
        let bytes = bytes.map_err(|fault| FlowError::new_err(fault.to_string()))?;
        Model::of(bytes, "the model of raw rows")
    })
}
