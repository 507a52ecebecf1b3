//! Sequential tests: evidence that grows sample by sample, against a fixed calibration table.
//!
//! Each sample gives a few *statistics*: its log-likelihood, and a latent coordinate for each
//! channel. A statistic is placed among thresholds that are order statistics of the calibration
//! rows, which makes it the number of a bin. A *bet* scores the bin, as a log-likelihood ratio would,
//! in steps of its own; the score of most bins is negative. A bet on a *repeat* scores that a
//! statistic stays in the bin of the sample before. Each bet adds up its scores, never below zero,
//! and gives an alarm at its threshold (CUSUM, Page 1954); then all bets start again:
//!
//! ```text
//! w ← max(0, w + score)        alarm when w ≥ threshold of any bet, then w ← 0 for all
//! ```
//!
//! # The promise
//! Scores and thresholds are designed (`flow_train::calibrate`) for an average run length `A`: let
//! samples be independent given their context, and distributed as the calibration rows. Then, given
//! this very table, but for a probability `delta` over calibrations,
//!
//! - false alarms among `t` samples number at most `t / A` in the mean, for every `t`; so the
//!   probability of any is at most `t / A`;
//! - the mean number of samples up to a false alarm is at least `A`.
//!
//! *Proof.* Let bet `i` alone have the run length `A_i`; the design is `Σ 1 / A_i ≤ 1 / A`. Whatever a
//! bet has added up by sample `s`, it is at least what a fresh start has, and a larger `w` stays at
//! least as large under the same scores. So a wait `T` that has lasted is no longer than a fresh one
//! ("new better than used"):
//!
//! ```text
//! P(T > s + t) ≤ P(T > s) P(T > t)
//! ```
//!
//! and the alarms of a bet that starts again after each of its own number at most `t / A_i` among `t`
//! samples in the mean (Barlow & Proschan 1975). That all bets start again after an alarm of any only
//! takes from their sums. Hence the first statement, however the bets depend on each other; and the
//! second, as waits between alarms are alike. ∎
//!
//! All of it is integers: the same on every core, and no rounding to account for.

mod sequential;
mod state;
mod table;

pub use sequential::{Evidence, SequentialTest};
pub(crate) use table::check;
pub use table::{Bet, EvidenceTable, Pattern, TableError};

/// The previous bin of a statistic before its first sample.
const NONE: u8 = u8::MAX;
