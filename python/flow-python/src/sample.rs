//! Draws rows from a model, as `flow sample` does.

use crate::array::{finite, room};
use crate::error::{ShapeError, UnsupportedError};
use crate::held::Held;
use crate::pool;
use crate::rows::Context;
use flow_train::evaluate::Draw;
use numpy::{PyArray1, PyArray2, PyArrayMethods as _};
use pyo3::prelude::*;
use rand_chacha::ChaCha8Rng;
use rand_core::SeedableRng as _;

/// Draws `n` rows given a context; without a seed, by one of the system's.
pub(crate) fn draw<'py>(
    py: Python<'py>,
    held: &Held,
    n: usize,
    context: Option<&Bound<'py, PyAny>>,
    seed: Option<u64>,
    round: bool,
) -> PyResult<Bound<'py, PyArray2<f32>>> {
    let Some(batch) = held.scorer().batch() else {
        return Err(UnsupportedError::new_err(
            "the model is quantised to integers, which score and do not sample: sample from the model that it was \
             made from",
        ));
    };
    let header = held.header();
    let channels = header.event.len();
    // Noise computes what it has of its past by itself.
    let own = match header.noise {
        Some(_) => header.features.len(),
        None => 0,
    };
    let given = header.context.skip(own);
    let context = Context::new(context, given, n)?;
    let count = n.saturating_mul(channels);
    let mut events = room(count)?;
    events.resize(count, 0.0);
    let seed = match seed {
        Some(seed) => seed,
        None => {
            let system = py.import("secrets")?;
            system.call_method1("randbits", (64,))?.extract()?
        }
    };
    let contexts = context.values();
    let events = py.detach(|| {
        finite(contexts, given)?;
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let mut draw = Draw::new(batch, round, None);
        let drawn = pool::share(|| draw.fill(&mut rng, contexts, &mut events))?;
        drawn.map_err(|fault| ShapeError::new_err(fault.to_string()))?;
        PyResult::Ok(events)
    })?;
    PyArray1::from_vec(py, events).reshape([n, channels])
}
