//! The threads that share the rows of a call.

use pyo3::PyResult;
use pyo3::exceptions::PyRuntimeError;
use rayon::{ThreadPool, ThreadPoolBuilder};
use std::process;
use std::sync::{Arc, Mutex, PoisonError};

/// The pool, and the process that it was made in: after a fork its threads are gone, and whoever
/// waited for them would wait for ever.
static POOL: Mutex<Option<(u32, Arc<ThreadPool>)>> = Mutex::new(None);

/// Runs a task that shares its work by rayon. As many threads as there are cores, or as
/// `RAYON_NUM_THREADS` says.
pub(crate) fn share<R: Send>(task: impl FnOnce() -> R + Send) -> PyResult<R> {
    Ok(current()?.install(task))
}

fn current() -> PyResult<Arc<ThreadPool>> {
    let mut own = POOL.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some((process, pool)) = &*own
        && *process == process::id()
    {
        return Ok(Arc::clone(pool));
    }
    let pool = Arc::new(new()?);
    // That of the parent process is not dropped: its locks may be held by threads that aren't here.
    std::mem::forget(own.replace((process::id(), Arc::clone(&pool))));
    Ok(pool)
}

/// Threads for one task alone, which may wait in them for a call from Python that shares its work.
pub(crate) fn new() -> PyResult<ThreadPool> {
    let pool = ThreadPoolBuilder::new().build();
    pool.map_err(|fault| PyRuntimeError::new_err(format!("no threads can be started: {fault}")))
}
