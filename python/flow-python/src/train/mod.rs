//! Training from arrays, as `flow train` does from a table.
//!
//! ```text
//! arrays ──► recording ─┐
//! options ─► Recipe ────┴─► flow_train::train on a thread of its own ──► Trained
//!                             └─ news, while this one looks for signals
//! ```

mod options;
pub(crate) mod recording;
mod run;
mod scaled;

use crate::error::FlowError;
use crate::model::Model;
use flow_train::fit::Stop;
use options::Options;
use pyo3::prelude::*;

/// How far training has come.
#[pyclass(frozen, get_all, module = "flow_embedded")]
pub(crate) struct Progress {
    /// Epochs done.
    epoch: usize,
    /// Epochs at most.
    epochs: usize,
    /// Mean log-likelihood of the validation rows, in nats.
    log_prob: f64,
    /// The best so far.
    best: f64,
}

impl From<flow_train::train::Progress> for Progress {
    fn from(own: flow_train::train::Progress) -> Self {
        Self {
            epoch: own.epoch,
            epochs: own.epochs,
            log_prob: own.log_prob,
            best: own.best,
        }
    }
}

#[pymethods]
impl Progress {
    fn __repr__(&self) -> String {
        let Self {
            epoch,
            epochs,
            log_prob,
            best,
        } = self;
        format!("<Progress: epoch {epoch} of {epochs}, {log_prob:.3} nats, best {best:.3}>")
    }
}

/// A model, and what became of its training.
#[pyclass(frozen, get_all, module = "flow_embedded")]
pub(crate) struct Trained {
    /// The model.
    model: Py<Model>,
    /// Rows that trained, validated and calibrated.
    rows: (usize, usize, usize),
    /// Its kind: `nice`, `realnvp`, `nsf`, `maf`, `iaf` or `nsf-ar`.
    family: &'static str,
    /// Layers of that kind.
    layers: usize,
    /// Units of the hidden layers in each.
    hidden: Vec<usize>,
    /// Standard deviation of the noise added to training rows, in standard deviations of each column.
    smoothing: f32,
    /// Epochs begun.
    epochs: usize,
    /// The epoch that the model is of.
    best_epoch: usize,
    /// Why training ended: `finished`, `early` (no further improvement) or `interrupted`.
    stop: &'static str,
    /// Mean log-likelihood of the calibration rows, in nats.
    log_prob: f64,
    /// Its standard error, for rows that are independent.
    log_prob_stderr: f64,
    /// What that is above the log-likelihood of a Gaussian, in nats per row; None where none can be fitted.
    gain_over_gaussian: Option<f64>,
    /// Why the model promises no false-alarm rate; None if it does.
    no_promise: Option<String>,
    /// Whether the calibration rows bear the promise out; None without a promise, or if that was not examined.
    promise_stands: Option<bool>,
    /// What is known of the promise's conditions, in a sentence; None without a promise.
    standing: Option<String>,
    /// What was found out about columns: domains and rounding, one sentence each.
    columns: Vec<String>,
}

impl Trained {
    /// `scaled` is what the rows look like, if a scaler was there.
    fn new(
        py: Python<'_>,
        own: flow_train::train::Trained,
        scaled: Option<&str>,
    ) -> PyResult<Self> {
        let [train, validate, calibrate] = own.rows;
        let model = Model::of(own.bytes, "the trained model")?;
        let model = match scaled {
            Some(look) => {
                model.of_scaled_rows(&format!("the rows of the training look scaled: {look}"))
            }
            None => model,
        };
        let promised = own.calibration.is_ok();
        let choices = own.choices.iter().filter(|choice| choice.is_notable());
        Ok(Self {
            model: Py::new(py, model)?,
            rows: (train, validate, calibrate),
            family: own.spec.family.name(),
            layers: own.spec.layers,
            hidden: own.spec.conditioner.hidden,
            smoothing: own.config.noise,
            epochs: own.fit.epochs,
            best_epoch: own.fit.best_epoch,
            stop: match own.fit.stop {
                Stop::Finished => "finished",
                Stop::Early => "early",
                Stop::Interrupted => "interrupted",
            },
            log_prob: own.log_prob.mean,
            log_prob_stderr: own.log_prob.stderr,
            gain_over_gaussian: own.gain_over_gaussian,
            promise_stands: promised.then(|| own.standing.stands()).flatten(),
            standing: promised.then(|| own.standing.to_string()),
            no_promise: own.calibration.err().map(|fault| fault.to_string()),
            columns: choices.map(ToString::to_string).collect(),
        })
    }
}

#[pymethods]
impl Trained {
    fn __repr__(&self) -> String {
        let Self {
            family,
            epochs,
            log_prob,
            log_prob_stderr,
            ..
        } = self;
        format!(
            "<Trained: {family}, {epochs} epochs, {log_prob:.3} ± {log_prob_stderr:.3} nats per row held out>"
        )
    }
}

/// Trains on rows; `options` has all that the signature of `flow_embedded.train` has, by name.
#[pyfunction]
#[expect(clippy::needless_pass_by_value, reason = "made of what Python gives")]
pub(crate) fn train(
    py: Python<'_>,
    events: &Bound<'_, PyAny>,
    context: Option<&Bound<'_, PyAny>>,
    options: &Bound<'_, PyAny>,
    progress: Option<Py<PyAny>>,
) -> PyResult<Trained> {
    let options = Options::of(options)?;
    let recording = recording::of(events, context, &options)?;
    let recipe = options.recipe(&recording)?;
    let trained = run::run(py, &recording, &recipe, progress.as_ref())?;
    let scaled = py.detach(|| scaled::found(&recording, |name| options.is_categorical(name)));
    match trained {
        Some(trained) => Trained::new(py, trained, scaled.as_deref()),
        None => Err(FlowError::new_err(
            "training broke off by a fault of its own, which was printed: please report it with the rows and options \
             that lead to it",
        )),
    }
}
