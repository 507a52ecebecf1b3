//! Split-conformal p-values from a table in flash.

/// A density with a calibrated decision.
#[diagnostic::on_unimplemented(
    message = "`{Self}` has no calibration of single events, so it gives no p-values and no alarms: run `flow calibrate model.flow normal.csv` and generate its module again",
    label = "no model that is calibrated on events",
    note = "a module of `flow codegen --functions sample` has no calibration: leave the option out",
    note = "a model of a text is calibrated on its lines: `LineDetector` takes it",
    note = "a loaded model has its calibration after `ShapedFlow::calibrated`"
)]
pub trait Calibrated {
    /// Alarm when the p-value is at most this: the false-alarm rate promised.
    fn alpha(&self) -> f32;

    /// The conformal p-value of a log-likelihood, in (0, 1]; never smaller
    /// than the exact one. NaN counts as −∞, the least likely value.
    fn p_value(&self, log_prob: f32) -> f32;

    /// The same, by the calibration rows with the same value of a categorical
    /// context channel, if the model has tables by context (Mondrian conformal
    /// prediction, Vovk, Gammerman & Shafer 2005): then the promise holds within
    /// each listed value. For a value that isn't listed, and for a model without such
    /// tables, it is [`p_value`](Self::p_value).
    fn p_value_given(&self, log_prob: f32, context: &[f32]) -> f32 {
        let _ = context;
        self.p_value(log_prob)
    }
}

/// Looks a log-likelihood up in a calibration table of pairs
/// `(log_prob, p_value)` that ascends in both: the p-value of the first entry
/// that is more likely, or 1 past the last. Generated code calls this.
pub fn p_value(table: &[(f32, f32)], log_prob: f32) -> f32 {
    lookup(table, |entry| *entry, log_prob)
}

/// As [`p_value`], in the table of the category `given` among `categories`, pairs of a value and its
/// table; in the table `pooled` for a value that isn't listed. Generated code calls this.
pub fn p_value_given(
    pooled: &[(f32, f32)],
    categories: &[(f32, &[(f32, f32)])],
    given: Option<&f32>,
    log_prob: f32,
) -> f32 {
    let listed = categories.iter().find(|(value, _)| given == Some(value));
    p_value(listed.map_or(pooled, |(_, table)| table), log_prob)
}

pub(crate) fn lookup<E>(table: &[E], decode: impl Fn(&E) -> (f32, f32), log_prob: f32) -> f32 {
    let log_prob = if log_prob.is_nan() {
        f32::NEG_INFINITY
    } else {
        log_prob
    };
    let first_above = table.partition_point(|entry| decode(entry).0 <= log_prob);
    table.get(first_above).map_or(1.0, |entry| decode(entry).1)
}
