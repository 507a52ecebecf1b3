//! Recalibration on the device: a detector that follows slow change, within bounds.
//!
//! Log-likelihoods are raised by a few nats before they are looked up in the calibration table, and how
//! far is steered by the alarms, as in adaptive conformal inference (Gibbs & Candès 2021): an alarm
//! raises them by a step, less a part `alpha` of it; a sample without an alarm lowers them by that part.
//! So the rate of alarms returns to `alpha` after a slow change. What steers by alarms alone would also
//! fall silent by and by while a fault lasts; hence the [`Bounds`]. They hold for **every** sequence of
//! samples, and need no assumption:
//!
//! - *It never falls silent.* No log-likelihood is raised by more than `shift` nats. A sample that lies
//!   so far below the threshold of the shipped calibration gives an alarm, whatever came before. And
//!   none is lowered: every alarm is one of the shipped calibration too.
//! - *A burst does little.* After an alarm that counts, `rest` samples don't count, alarms or not. Any
//!   `n` samples in a row raise log-likelihoods by less than `shift / steps · ⌈n / (rest + 1)⌉` nats, if
//!   all of them are anomalies. What a burst has raised is lowered again by normal samples.
//! - *The rate is held.* Unless it [is exhausted](AdaptiveDetector::is_exhausted), at most
//!   `n / k + steps` of any `n` samples that count, in a row, give an alarm; `k` is `1 / alpha`,
//!   rounded.
//!
//! *Proof.* In units of `shift / (steps · k)`, a counted alarm adds `k − 1`, and a counted sample without
//! one takes 1; the sum stays in `0..=steps · k`. Alarms that count are `rest + 1` samples apart, and each
//! adds less than `k` units, which is the second statement. While the sum isn't cut off above, `A` alarms
//! among `n` samples leave it at least `k · A − n` higher than before, and it can't be higher by more than
//! `steps · k`; so `A ≤ n / k + steps`. ∎
//!
//! All of it is integers, but for the sum that raises a log-likelihood.
//!
//! Only the decision on single samples is recalibrated. The evidence of a
//! [`StreamDetector`](super::StreamDetector) isn't: a drift is what it is to report.

mod detector;
mod recalibrator;

pub use detector::AdaptiveDetector;
pub use recalibrator::{Bounds, Recalibrator};
