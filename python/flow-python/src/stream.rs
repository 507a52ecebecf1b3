//! The context that a model computes from the past of its own stream.

use crate::array::{finite, room};
use crate::error::UnsupportedError;
use crate::held::Held;
use crate::rows::Rows;
use flow_embedded::window::Feature;
use flow_train::data::Past;
use numpy::{PyArray1, PyArray2, PyArrayMethods as _};
use pyo3::prelude::*;

/// The context of each row of a stream, NaN where there is not enough past; `context` is what the model
/// is given beside.
pub(crate) fn context_of<'py>(
    py: Python<'py>,
    held: &Held,
    events: &Bound<'py, PyAny>,
    context: Option<&Bound<'py, PyAny>>,
) -> PyResult<Bound<'py, PyArray2<f32>>> {
    let header = held.header();
    let own = header.features.len();
    if own == 0 {
        return Err(UnsupportedError::new_err(
            "the model does not look at the past of its stream: give its context, if it has one, as it is",
        ));
    }
    let (channels, given) = (header.event, header.context.skip(own));
    let features: Vec<Feature> = header.features.iter().collect();
    let rows = Rows::new(events, context, [channels, given])?;
    let (events, contexts) = (rows.events(), rows.contexts());
    let count = rows.rows().saturating_mul(header.context.len());
    let values = py.detach(|| {
        finite(events, channels)?;
        finite(contexts, given)?;
        let mut past = Past::new(&features, channels.len());
        let mut values = room(count)?;
        for (row, event) in events.chunks_exact(channels.len()).enumerate() {
            match past.features() {
                Some(features) => values.extend_from_slice(features),
                None => values.resize(values.len() + own, f32::NAN),
            }
            values.extend_from_slice(&contexts[row * given.len()..][..given.len()]);
            past.push(event);
        }
        PyResult::Ok(values)
    })?;
    PyArray1::from_vec(py, values).reshape([rows.rows(), header.context.len()])
}
