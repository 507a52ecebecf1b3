//! The sequential test of an artefact.

use super::error::invalid;
use super::{Fault, Header, LoadError, Place};
use crate::detect::evidence::{self, Bet};
use serde::{Deserialize, Serialize};

/// A sequential test over a stream of events: see
/// [`evidence`](crate::detect::evidence). Its statistics are the log-likelihood of
/// an event, and then each of its latents.
///
/// Behind the calibration table lie the thresholds of one statistic after
/// another, and then [`COMMON_VALUES`] values of each event channel that are
/// common, for [`blame`](crate::detect::blame).
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Sequential<'a> {
    /// Thresholds of each statistic.
    pub edges: u8,
    /// The rows of scores, each an `i8`: see
    /// [`EvidenceTable`](crate::detect::EvidenceTable).
    pub scores: &'a [u8],
    /// The bets, [`BET_BYTES`] bytes each: the statistic, 0 for a level or 1 for a
    /// repeat, the row of scores (little-endian), the threshold.
    pub bets: &'a [u8],
    /// False alarms are at least so many samples apart, in the mean.
    pub run_length: f32,
    /// The probability, over calibrations, that they are not.
    pub delta: f32,
    /// The promise, as its author put it.
    pub promise: &'a str,
}

/// Bytes of a bet in an artefact.
pub const BET_BYTES: usize = 5;
/// Common values of each event channel in an artefact with a sequential test.
pub const COMMON_VALUES: usize = 5;

impl<'a> Sequential<'a> {
    /// The scores.
    pub fn scores(&self) -> impl ExactSizeIterator<Item = i8> + Clone + 'a {
        self.scores.iter().map(|score| i8::from_ne_bytes([*score]))
    }

    /// The bets; one of an unknown pattern counts as a repeat.
    pub fn bets(&self) -> impl ExactSizeIterator<Item = Bet> + Clone + 'a {
        let (bets, _) = self.bets.as_chunks::<BET_BYTES>();
        bets.iter()
            .map(|[statistic, pattern, low, high, threshold]| {
                let row = u16::from_le_bytes([*low, *high]);
                match pattern {
                    0 => Bet::level(*statistic, row, *threshold),
                    _ => Bet::repeat(*statistic, row, *threshold),
                }
            })
    }
}

/// Whether the test is one. `numbers` are all that is left behind the
/// calibration table.
pub(super) fn check(header: &Header<'_>, numbers: &[[u8; 4]]) -> Result<(), LoadError> {
    let fail = |fault| Err(invalid(Place::Sequential, fault));
    let Some(own) = &header.sequential else {
        return match numbers {
            [] => Ok(()),
            _ => Err(invalid(Place::Calibration, Fault::WrongWeightCount)),
        };
    };
    let (statistics, edges) = (1 + header.event.len(), usize::from(own.edges));
    let Some((thresholds, common)) = numbers.split_at_checked(statistics * edges) else {
        return fail(Fault::WrongWeightCount);
    };
    if common.len() != header.event.len() * COMMON_VALUES {
        return fail(Fault::WrongWeightCount);
    }
    let number = |bytes: &[u8; 4]| f32::from_le_bytes(*bytes);
    // A threshold of −∞ is a calibration row that the model finds impossible.
    let threshold = |x: f32| x.is_finite() || x == f32::NEG_INFINITY;
    let sound = thresholds.iter().all(|bytes| threshold(number(bytes)))
        && common.iter().all(|bytes| number(bytes).is_finite());
    if !sound {
        return fail(Fault::NotFinite);
    }
    let (bets, rest) = own.bets.as_chunks::<BET_BYTES>();
    let patterns = bets.iter().all(|[_, pattern, ..]| *pattern <= 1);
    let promise = own.run_length >= 1.0
        && own.run_length.is_finite()
        && own.delta > 0.0
        && own.delta < 1.0
        && !bets.is_empty();
    let sizes = [edges, statistics, own.scores.len()];
    let fits = evidence::check(sizes, thresholds.iter().map(number), own.bets());
    if !rest.is_empty() || !patterns || !promise || fits.is_err() {
        return fail(Fault::BadTest);
    }
    Ok(())
}
