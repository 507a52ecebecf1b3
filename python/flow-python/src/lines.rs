//! Lines of a text, judged as a whole.

use crate::error::UnsupportedError;
use crate::held::Held;
use crate::pool;
use flow_embedded::detect::LineScore;
use flow_train::evaluate::Lines;
use pyo3::PyResult;

/// The log-likelihood of each line, and its p-value if the model is calibrated; NaN for lines that begin
/// without enough past, as the first one does.
pub(crate) fn score(held: &Held, text: &str) -> PyResult<(Vec<f32>, Option<Vec<f32>>)> {
    let Some(mut lines) = Lines::new(held.scorer()) else {
        return Err(UnsupportedError::new_err(
            "the model is none of a text with lines: flow train --text makes one; use log_prob for rows",
        ));
    };
    let scored = pool::share(|| lines.score(text))?;
    let log_probs = scored.iter();
    let log_probs = log_probs.map(|line| line.as_ref().map_or(f32::NAN, LineScore::log_prob));
    let log_probs: Vec<f32> = log_probs.collect();
    let p_values = held.flow().calibration().map(|table| {
        let own = scored.iter().zip(&log_probs);
        let p_value = own.map(|(line, log_prob)| match line {
            Some(_) => table.p_value(*log_prob),
            None => f32::NAN,
        });
        p_value.collect()
    });
    Ok((log_probs, p_values))
}
