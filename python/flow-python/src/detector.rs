//! One sample in, one verdict out: the runtime's `Detector`, for sizes known at run time.

use crate::array::finite;
use crate::error::CalibrationError;
use crate::held::Held;
use crate::model::{Model, table_of_events};
use crate::rows::Sample;
use flow_embedded::window::Feature;
use flow_train::data::Past;
use pyo3::prelude::*;
use std::sync::Arc;

/// What a detector says about one sample.
#[pyclass(frozen, get_all, module = "flow_embedded")]
pub(crate) struct Verdict {
    /// Log-likelihood in nats, in the units of the data.
    log_prob: f32,
    /// Conformal p-value, in (0, 1].
    p_value: f32,
    /// Whether the p-value is at most the model's alpha.
    alarm: bool,
}

#[pymethods]
impl Verdict {
    fn __repr__(&self) -> String {
        let Self {
            log_prob, p_value, ..
        } = self;
        let alarm = if self.alarm { ", alarm" } else { "" };
        format!("<Verdict: {log_prob} nats, p {p_value}{alarm}>")
    }
}

/// Watches a stream of samples with a calibrated model, as the chip does.
///
/// A model that is conditioned on the past of its stream gets it from the samples that were observed.
#[pyclass(module = "flow_embedded")]
pub(crate) struct Detector {
    held: Arc<Held>,
    past: Past,
    observed: u64,
    alarms: u64,
}

#[pymethods]
impl Detector {
    #[new]
    fn new(model: &Model) -> PyResult<Self> {
        let held = Arc::clone(model.held());
        table_of_events(&held)?;
        let header = held.header();
        let features: Vec<Feature> = header.features.iter().collect();
        Ok(Self {
            past: Past::new(&features, header.event.len()),
            observed: 0,
            alarms: 0,
            held,
        })
    }

    /// Scores one sample given its context; None while a model that needs the past has not enough of it.
    ///
    /// A sample with names (a mapping, a row of pandas, a named tuple) is matched by name, and may hold the
    /// context; a list or an array goes by position.
    #[pyo3(signature = (sample, context=None))]
    fn observe(
        &mut self,
        sample: &Bound<'_, PyAny>,
        context: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<Option<Verdict>> {
        let held = Arc::clone(&self.held);
        let header = held.header();
        let given = header.context.skip(header.features.len());
        let channels = header.event;
        let own = Sample::new(sample, context, [channels, given])?;
        let (sample, context) = (own.event(), own.context());
        let usable = finite(sample, channels).and_then(|()| finite(context, given));
        if let Err(fault) = usable {
            // The stream has gone on by one, though nobody knows where to.
            self.past.missing(1);
            return Err(fault);
        }
        let mut full = Vec::with_capacity(header.context.len());
        let primed = match self.past.features() {
            Some(features) => {
                full.extend_from_slice(features);
                true
            }
            None => false,
        };
        self.past.push(sample);
        if !primed {
            return Ok(None);
        }
        full.extend_from_slice(context);
        let Some(table) = held.flow().calibration_given(&full) else {
            return Err(CalibrationError::new_err("the model is not calibrated"));
        };
        let log_prob = held.scorer().log_prob_of(sample, &full);
        let p_value = table.p_value(log_prob);
        let alarm = p_value <= table.alpha();
        self.observed += 1;
        self.alarms += u64::from(alarm);
        Ok(Some(Verdict {
            log_prob,
            p_value,
            alarm,
        }))
    }

    /// The samples that got a verdict since the start or the last reset.
    #[getter]
    fn observed(&self) -> u64 {
        self.observed
    }

    /// The alarms among them.
    #[getter]
    fn alarms(&self) -> u64 {
        self.alarms
    }

    /// Forgets all samples, the past of the stream among them.
    fn reset(&mut self) {
        self.past.reset();
        (self.observed, self.alarms) = (0, 0);
    }

    fn __repr__(&self) -> String {
        let Self {
            observed, alarms, ..
        } = self;
        format!("<Detector: {observed} samples observed, {alarms} alarms>")
    }
}
