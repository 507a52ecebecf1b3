//! The false-alarm promise: split-conformal p-values from held-out normal rows.
//!
//! A row's p-value is the rank of its log-likelihood `s` among `n` calibration rows that the model
//! has not seen:
//!
//! ```text
//! p(s) = (1 + #{calibration rows with log_prob ≤ s}) / (n + 1)       alarm when p ≤ alpha
//! ```
//!
//! If a new normal row and the calibration rows are exchangeable (their order carries no
//! information; independent draws from one source are), then `P(p ≤ alpha) ≤ alpha` for every
//! alpha, whatever the model and the data (Vovk, Gammerman & Shafer 2005, "Algorithmic Learning in a
//! Random World"; Laxhammar & Falkman 2010). A bad model costs detections, never the promise.
//!
//! # What the promise says
//! It is an average over calibrations: this one table may be off by the luck of its rows. With `n`
//! calibration rows the false-alarm rate of a given table scatters around alpha with a standard
//! deviation of about `√(alpha (1 − alpha) / n)`: for alpha = 0.01, n = 99 by ±0.01, n = 10,000 by
//! ±0.001.
//!
//! # Where it does not hold
//! - **Autocorrelated streams.** Rows sampled faster than the process moves repeat each other: 10,000
//!   rows of a machine with five states hold five observations. The average over time still comes
//!   close to alpha if calibration saw every state in proportion, but alarms come in bursts, and a
//!   state that calibration missed alarms throughout. Count the *effective* rows (rows over the
//!   autocorrelation time), calibrate on whole recordings that are apart in time from those trained
//!   on (`--group`, or a split by time), and take a larger alpha, or act on several alarms in a row,
//!   when the effective rows are few.
//! - **Drift.** A sensor that ages, another unit, another season: the new rows are not exchangeable
//!   with the old ones. Recalibrate on fresh normal rows (`flow calibrate`); a split by time shows
//!   today's drift in its calibration part instead of hiding it.
//! - **A random split of one recording** puts neighbours of every calibration row into training; the
//!   model has then all but seen them, and the promise fails on the next recording.
//!
//! # The table on the chip
//! Thinned to at most [`MAX_ENTRIES`] entries `(log_prob, p)`, ascending; the first entry *above* the
//! row's log-likelihood gives its p-value, 1 past the last. p-values are rounded up only, so the
//! promise survives thinning. They are exact for the least likely rows and at alpha, so that alarms
//! are those of the full table.
//!
//! The rows of a fleet are too many for one memory: a [`Sketch`] adds up their log-likelihoods part
//! by part, in constant memory, and gives the table of all of them.
//!
//! # The promise over a stream
//! A p-value judges one sample. [`SequentialDesign`] weighs samples together, so that small deviations
//! which last are found, and promises the number of false alarms in any time (see
//! [`flow_embedded::detect::evidence`]). That promise is not an average over calibrations: it holds for
//! the table at hand, but for a probability `delta`. [`FalseAlarms`] reads it in the user's words.
//!
//! # Its conditions
//! [`Standing`] says whether the calibration rows bear a promise out. [`check_unseen`] refuses the very
//! rows that the model was made from.
//!
//! `flow-train` re-exports this crate as `flow_train::calibrate`.
#![forbid(unsafe_code)]

mod bets;
mod binomial;
mod chain;
mod design;
mod designer;
mod dirichlet;
mod draft;
mod error;
mod independence;
mod mondrian;
mod normal;
mod promise;
mod ranks;
mod seen;
mod sketch;
mod standing;
mod statistic;
mod table;

pub use binomial::{Rate, clopper_pearson};
pub use design::{DesignError, MIN_ROWS, SequentialDesign, SequentialScheme};
pub use error::CalibrationError;
pub use independence::{Finding, Independence, effective_rows};
pub use mondrian::{MAX_CATEGORIES, MondrianError, MondrianTables};
pub use promise::{FalseAlarms, PromiseError};
pub use seen::check_unseen;
pub use sketch::{MAX_SCORES, Sketch, Sketcher};
pub use standing::{Examination, Standing, Unexamined};
pub use statistic::{Calibration, Statistic, Statistics};
pub use table::{CalibrationTable, MAX_ENTRIES, round_up, threshold};

/// The examples of the package's page.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
