//! A model, and what can be asked of it.

use crate::array::{column, finite};
use crate::channel::Channel;
use crate::error::{CalibrationError, NonFiniteError, UnsupportedError};
use crate::held::Held;
use crate::rows::{Context, Rows};
use crate::{lines, pool, sample, stream};
use flow_embedded::artefact::{CalibrationTable, Judged};
use flow_train::atomic_file;
use flow_train::foreign::{Medium, show};
use numpy::{IntoPyArray as _, PyArray1, PyArray2};
use pyo3::prelude::*;
use pyo3::types::PyBytes;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// What a model is restored from.
type Pickled<'py, 'm> = (Bound<'py, PyBytes>, Option<&'m str>);

/// One number for each row.
type Numbers<'py> = Bound<'py, PyArray1<f32>>;

/// A calibrated flow, as `flow train` or `train` made it.
///
/// It does not change, and threads may share it. All scoring and sampling is done without the GIL,
/// by as many threads as there are cores (or as RAYON_NUM_THREADS says), with the bits of the chip.
///
/// Tables and rows that have names are matched to the channels by name, in any order; columns that the
/// model does not know are left out, and one that is missing or there twice raises ShapeError. What has
/// no names goes by position. A table with names may hold the context beside the events. A missing value
/// raises NonFiniteError.
#[pyclass(frozen, module = "flow_embedded")]
pub(crate) struct Model {
    held: Arc<Held>,
    /// Why its file would be wrong on a device's raw rows, if it would.
    scaled: Option<Arc<str>>,
}

impl Model {
    /// Validates the bytes of an artefact; `place` is where they come from.
    pub(crate) fn of(bytes: Vec<u8>, place: &str) -> PyResult<Self> {
        let held = Arc::new(Held::new(bytes, place)?);
        Ok(Self { held, scaled: None })
    }

    /// The same model, which was trained on scaled rows.
    pub(crate) fn of_scaled_rows(&self, why: &str) -> Self {
        Self {
            held: Arc::clone(&self.held),
            scaled: Some(why.into()),
        }
    }

    /// Refuses to let a model of scaled rows out, unless the caller knows about it.
    fn leaves(&self, as_is: bool) -> PyResult<()> {
        match &self.scaled {
            Some(why) if !as_is => Err(UnsupportedError::new_err(format!(
                "{why}, and the device has raw rows, on which this model would be wrong: train on raw rows, since a flow \
                 standardises its columns by itself, or put the scaler of a scikit-learn pipeline into the model by \
                 flow_embedded.from_pipeline(pipeline); pass as_is=True if the device's rows are like those of the \
                 training"
            ))),
            _ => Ok(()),
        }
    }

    pub(crate) fn held(&self) -> &Arc<Held> {
        &self.held
    }

    /// The log-likelihood of each of these rows.
    fn scored(&self, py: Python<'_>, rows: &Rows<'_>) -> PyResult<Vec<f32>> {
        let held = &*self.held;
        let (events, contexts) = (rows.events(), rows.contexts());
        py.detach(|| {
            finite(events, held.header().event)?;
            finite(contexts, held.header().context)?;
            pool::share(|| held.scorer().log_probs_of(events, contexts))
        })
    }

    fn rows<'py>(
        &self,
        events: &Bound<'py, PyAny>,
        context: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<Rows<'py>> {
        let header = self.held.header();
        Rows::new(events, context, [header.event, header.context])
    }

    /// The p-values of log-likelihoods, each given its context.
    fn judged(&self, log_probs: &[f32], contexts: &[f32]) -> PyResult<Vec<f32>> {
        table_of_events(&self.held)?;
        let flow = self.held.flow();
        let width = flow.header().context.len();
        let p_value = |(row, log_prob): (usize, &f32)| {
            let table = flow.calibration_given(&contexts[row * width..][..width]);
            table.map_or(f32::NAN, |table| table.p_value(*log_prob))
        };
        Ok(log_probs.iter().enumerate().map(p_value).collect())
    }
}

#[pymethods]
impl Model {
    /// Reads a model from a file.
    #[staticmethod]
    #[expect(clippy::needless_pass_by_value, reason = "made of what Python gives")]
    fn load(py: Python<'_>, path: PathBuf) -> PyResult<Self> {
        py.detach(|| {
            let bytes = std::fs::read(&path);
            let bytes = bytes.map_err(|fault| in_file(&path, "read", &fault))?;
            Self::of(bytes, &show(&path.to_string_lossy(), Medium::Line))
        })
    }

    /// A model from the bytes of its file.
    #[staticmethod]
    fn from_bytes(data: Vec<u8>) -> PyResult<Self> {
        Self::of(data, "the bytes")
    }

    /// The bytes of its file, the same as those that the chip loads; `as_is` as for `save`.
    #[pyo3(signature = (*, as_is=false))]
    fn to_bytes<'py>(&self, py: Python<'py>, as_is: bool) -> PyResult<Bound<'py, PyBytes>> {
        self.leaves(as_is)?;
        Ok(PyBytes::new(py, self.held.bytes()))
    }

    /// Writes the model to a file, which is replaced when the new one is complete.
    ///
    /// A model of scaled rows raises UnsupportedError: `flow_embedded.from_pipeline` puts scalers into a
    /// model, and `as_is=True` saves it for a device whose rows are like those of the training.
    #[pyo3(signature = (path, *, as_is=false))]
    #[expect(clippy::needless_pass_by_value, reason = "made of what Python gives")]
    fn save(&self, py: Python<'_>, path: PathBuf, as_is: bool) -> PyResult<()> {
        self.leaves(as_is)?;
        py.detach(|| atomic_file::write(&path, self.held.bytes()))
            .map_err(|fault| in_file(&path, "written", &fault))
    }

    /// The log-likelihood of each row, in nats, in the units of the data.
    #[pyo3(signature = (events, context=None))]
    fn log_prob<'py>(
        &self,
        py: Python<'py>,
        events: &Bound<'py, PyAny>,
        context: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<Numbers<'py>> {
        let rows = self.rows(events, context)?;
        Ok(self.scored(py, &rows)?.into_pyarray(py))
    }

    /// The conformal p-value of each row, in (0, 1].
    #[pyo3(signature = (events, context=None))]
    fn p_value<'py>(
        &self,
        py: Python<'py>,
        events: &Bound<'py, PyAny>,
        context: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<Numbers<'py>> {
        // Before anything is computed in vain.
        table_of_events(&self.held)?;
        let rows = self.rows(events, context)?;
        let log_probs = self.scored(py, &rows)?;
        let contexts = rows.contexts();
        let p_values = py.detach(|| self.judged(&log_probs, contexts))?;
        Ok(p_values.into_pyarray(py))
    }

    /// The conformal p-values of log-likelihoods that are known already.
    #[pyo3(signature = (log_probs, context=None))]
    fn p_value_of<'py>(
        &self,
        py: Python<'py>,
        log_probs: &Bound<'py, PyAny>,
        context: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<Numbers<'py>> {
        let log_probs = column(log_probs, "log-likelihoods")?;
        let log_probs = log_probs.values();
        if let Some(row) = log_probs.iter().position(|own| own.is_nan()) {
            return Err(NonFiniteError::new_err(format!(
                "row {row}: the log-likelihood is NaN, or it is missing; leave the row out"
            )));
        }
        let channels = self.held.header().context;
        let context = Context::new(context, channels, log_probs.len())?;
        finite(context.values(), channels)?;
        Ok(self.judged(log_probs, context.values())?.into_pyarray(py))
    }

    /// Draws `n` rows in the units of the data, as `flow sample` and the chip do for the same seed.
    #[pyo3(signature = (n=1, context=None, *, seed=None, round=false))]
    fn sample<'py>(
        &self,
        py: Python<'py>,
        n: usize,
        context: Option<&Bound<'py, PyAny>>,
        seed: Option<u64>,
        round: bool,
    ) -> PyResult<Bound<'py, PyArray2<f32>>> {
        sample::draw(py, &self.held, n, context, seed, round)
    }

    /// The context of each row of a stream, for a model that is conditioned on the stream's own past.
    #[pyo3(signature = (events, context=None))]
    fn context_of<'py>(
        &self,
        py: Python<'py>,
        events: &Bound<'py, PyAny>,
        context: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, PyArray2<f32>>> {
        stream::context_of(py, &self.held, events, context)
    }

    /// The log-likelihood and the p-value of each line of a text, for a model of one.
    fn score_lines<'py>(
        &self,
        py: Python<'py>,
        text: &str,
    ) -> PyResult<(Numbers<'py>, Option<Numbers<'py>>)> {
        let (log_probs, p_values) = py.detach(|| lines::score(&self.held, text))?;
        Ok((
            log_probs.into_pyarray(py),
            p_values.map(|own| own.into_pyarray(py)),
        ))
    }

    /// The model's name.
    #[getter]
    fn name(&self) -> &str {
        self.held.header().name
    }

    /// The channels of an event, in order.
    #[getter]
    fn channels(&self) -> Vec<Channel> {
        let header = self.held.header();
        let event = header.event.iter();
        event.map(|channel| Channel::of(channel, header)).collect()
    }

    /// The channels of the context, in order; those computed from the past of the events come first.
    #[getter]
    fn context_channels(&self) -> Vec<Channel> {
        let header = self.held.header();
        let context = header.context.iter();
        context
            .map(|channel| Channel::of(channel, header))
            .collect()
    }

    /// How many of the context's channels are computed from the past of the events.
    #[getter]
    fn past_channels(&self) -> usize {
        self.held.header().features.len()
    }

    /// The false-alarm rate that is promised; None if the model is not calibrated.
    #[getter]
    fn alpha(&self) -> Option<f64> {
        let table = self.held.flow().calibration()?;
        Some(as_written(table.alpha()))
    }

    /// The log-likelihood below which there is an alarm; None if there never is.
    ///
    /// A model that is calibrated by context may have others for some of its values.
    #[getter]
    fn threshold(&self) -> Option<f32> {
        let table = self.held.flow().calibration()?;
        let alarms = |(_, p_value): &(f32, f32)| *p_value <= table.alpha();
        let last = table.entries().take_while(alarms).last();
        last.map(|(log_prob, _)| log_prob)
    }

    /// What the weights are stored as: `f32`, `f16`, `i16` or `i8`.
    #[getter]
    fn weights(&self) -> &'static str {
        let own = self.held.header().quantisation;
        own.map_or("f32", |own| own.weights.name())
    }

    /// The command that made the model.
    #[getter]
    fn command(&self) -> &str {
        self.held.header().provenance.command
    }

    fn __repr__(&self) -> String {
        let header = self.held.header();
        let promise = match self.alpha() {
            Some(alpha) => format!("alpha {alpha}"),
            None => "not calibrated".to_owned(),
        };
        format!(
            "<Model {:?}: {} channels, {} of context, {} layers, {}, {promise}>",
            header.name,
            header.event.len(),
            header.context.len(),
            header.layers.len(),
            self.weights(),
        )
    }

    /// Two models are equal if their bytes are.
    fn __eq__(&self, other: &Self) -> bool {
        self.held.bytes() == other.held.bytes()
    }

    fn __hash__(&self) -> u64 {
        use std::hash::{DefaultHasher, Hash as _, Hasher as _};
        let mut hasher = DefaultHasher::new();
        self.held.bytes().hash(&mut hasher);
        hasher.finish()
    }

    /// For pickle and copy.
    fn __reduce__<'py>(&self, py: Python<'py>) -> PyResult<(Bound<'py, PyAny>, Pickled<'py, '_>)> {
        let make = py.import("flow_embedded._flow")?.getattr("restore")?;
        let bytes = PyBytes::new(py, self.held.bytes());
        Ok((make, (bytes, self.scaled.as_deref())))
    }
}

/// A model from a pickle.
#[pyfunction]
#[pyo3(signature = (data, scaled))]
pub(crate) fn restore(data: Vec<u8>, scaled: Option<&str>) -> PyResult<Model> {
    let model = Model::of(data, "the pickle")?;
    Ok(match scaled {
        Some(why) => model.of_scaled_rows(why),
        None => model,
    })
}

/// The same model, which can't be saved unless the caller says that its rows need `why` first.
#[pyfunction]
pub(crate) fn of_scaled_rows(model: &Model, why: &str) -> Model {
    model.of_scaled_rows(why)
}

/// The calibration of a model that judges events.
pub(crate) fn table_of_events(held: &Held) -> PyResult<CalibrationTable<'_>> {
    let judges = held.header().calibration.map(|own| own.judges);
    match held.flow().calibration().zip(judges) {
        Some((table, Judged::Events)) => Ok(table),
        Some((_, Judged::Lines)) => Err(CalibrationError::new_err(
            "the model is calibrated on the lines of a text and promises nothing of single characters: \
             use score_lines",
        )),
        None => Err(CalibrationError::new_err(
            "the model is not calibrated, so there are no p-values: calibrate it with flow calibrate, or train it on \
             more rows",
        )),
    }
}

/// The decimal number that a rate was given as: six digits.
fn as_written(rate: f32) -> f64 {
    format!("{rate:.5e}").parse().unwrap_or(f64::from(rate))
}

/// The exception of Python for what the system said about a file.
fn in_file(path: &Path, done: &str, fault: &io::Error) -> PyErr {
    let path = show(&path.to_string_lossy(), Medium::Line);
    let text = format!("{path} can't be {done}: {fault}");
    io::Error::new(fault.kind(), text).into()
}
