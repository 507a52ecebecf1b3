//! Anomaly detection: a sample in, a verdict with a promise out.
//!
//! The nonconformity of a sample is its negative log-likelihood, and its
//! p-value is split-conformal (Vovk, Gammerman & Shafer 2005): one plus the
//! calibration rows that were at most as likely, over one plus all calibration
//! rows. If the sample and the calibration rows are exchangeable, then
//! `P(p ≤ alpha) ≤ alpha`, whatever the model is worth: that is the
//! false-alarm promise. The table on the chip is a thinned one; it rounds
//! p-values up only, so the promise stands.
//!
//! Over all contexts, that is: a rare one may give more false alarms than `alpha` of its samples. A
//! model with calibration tables by context, one for each listed value of a categorical channel, keeps
//! the promise within each value (`flow calibrate --by`). A value that isn't listed is judged by the
//! table of all rows, and nothing is promised of it.
//!
//! The promise speaks of each sample on its own and over calibrations. It does
//! **not** hold where samples are not exchangeable with the calibration rows:
//! within an autocorrelated stream alarms come in clusters, and a sensor that
//! drifts leaves the calibration behind. Calibrate on recordings that are as
//! long and as varied as the use, keep whole recordings apart from training,
//! and recalibrate after a change: at the desk, or slowly and within bounds on
//! the device (see [`adaptive`]).
//!
//! Over a stream, single samples are weighed together: a [`StreamDetector`] collects the evidence of
//! many small deviations and of few large ones, and promises how seldom it is wrong (see
//! [`evidence`]). Whether a fault or a [drift](Change) gave an alarm, the verdict says; which channel is to
//! blame, [`blame`] finds out.
//!
//! The samples of a text are its lines: a [`LineDetector`] takes it character by character.

pub mod adaptive;
mod blame;
mod change;
mod conformal;
mod detector;
pub mod evidence;
mod lines;
mod stream;
mod verdict;

pub use blame::{Blame, blame, blame_by, replace_past};
pub use change::Change;
pub(crate) use conformal::lookup;
pub use conformal::{Calibrated, p_value, p_value_given};
pub use detector::Detector;
pub use evidence::{Evidence, EvidenceTable, SequentialTest};
pub use lines::{CalibratedLines, LineDetector, LineScore, LineVerdict};
pub use stream::{Sequential, StreamDetector, StreamVerdict};
pub use verdict::{ObserveError, Verdict};
