//! Trains on a thread of its own, so that this one hears signals and calls back.

use super::Progress;
use crate::error::TrainingError;
use crate::pool;
use flow_train::data::Recording;
use flow_train::train::{Recipe, TrainError, Trained, train};
use pyo3::prelude::*;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::Duration;

/// How long Ctrl-C may wait to be heard.
const POLL: Duration = Duration::from_millis(50);

/// What messages call the rows, where the command has the path of a table.
const SOURCE: &str = "the table of the events";

/// Trains without the GIL; nothing if training panicked. `progress` is called after every epoch, and ends
/// training with the best model so far when it gives False.
///
/// # Errors
/// What training says; or what a signal or `progress` raised, once training has ended because of it.
pub(super) fn run(
    py: Python<'_>,
    recording: &Recording,
    recipe: &Recipe,
    progress: Option<&Py<PyAny>>,
) -> PyResult<Option<Trained>> {
    let stop = AtomicBool::new(false);
    let pool = pool::new()?;
    let trained: Option<Result<Trained, TrainError>> = py.detach(|| {
        thread::scope(|scope| {
            let (sender, receiver) = mpsc::channel();
            let (answer, answered) = mpsc::channel();
            let (stop, pool, wanted) = (&stop, &pool, progress.is_some());
            let task = scope.spawn(move || {
                let tell = move |news| {
                    // An epoch is over when it has been talked about. The other end listens until this
                    // thread is done.
                    if wanted && sender.send(news).is_ok() {
                        let _ = answered.recv();
                    }
                };
                pool.install(|| train(Path::new(SOURCE), recording, recipe, stop, tell))
            });
            let mut raised = None;
            loop {
                let news = match receiver.recv_timeout(POLL) {
                    Ok(news) => Some(news),
                    Err(RecvTimeoutError::Timeout) => None,
                    Err(RecvTimeoutError::Disconnected) => break,
                };
                let told = news.is_some();
                if raised.is_none() {
                    match Python::attach(|py| listen(py, progress, news)) {
                        Ok(true) => {}
                        Ok(false) => stop.store(true, Ordering::Relaxed),
                        Err(fault) => {
                            stop.store(true, Ordering::Relaxed);
                            raised = Some(fault);
                        }
                    }
                }
                if told {
                    // The thread has gone only if it panicked, which it is asked about below.
                    let _ = answer.send(());
                }
            }
            let trained = task.join();
            match raised {
                Some(fault) => Err(fault),
                None => Ok(trained.ok()),
            }
        })
    })?;
    trained
        .transpose()
        .map_err(|fault| TrainingError::new_err(fault.to_string()))
}

/// Looks for signals and passes news on; whether to go on.
fn listen(
    py: Python<'_>,
    progress: Option<&Py<PyAny>>,
    news: Option<flow_train::train::Progress>,
) -> PyResult<bool> {
    py.check_signals()?;
    let Some((progress, news)) = progress.zip(news) else {
        return Ok(true);
    };
    let answer = progress.call1(py, (Progress::from(news),))?;
    Ok(!answer.bind(py).is(pyo3::types::PyBool::new(py, false)))
}
