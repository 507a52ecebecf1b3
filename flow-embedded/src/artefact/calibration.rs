//! The false-alarm promise: what its table is of, and what is checked of it.

use super::error::invalid;
use super::{Fault, Header, LoadError, Place};
use serde::{Deserialize, Serialize};

/// Split-conformal calibration on held-out normal data.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Calibration {
    /// Alarm when the p-value is at most this.
    pub alpha: f32,
    /// The calibration rows.
    pub rows: u32,
    /// The entries of the table `(log_prob, p_value)` behind the weights,
    /// ascending in both.
    pub entries: u16,
    /// What the rows are, and the promise is of.
    pub judges: Judged,
}

/// What a calibration table is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Judged {
    /// Events, by their log-likelihood.
    Events,
    /// Lines of a text, by the sum over their characters, the line break included:
    /// see [`LineDetector`](crate::detect::LineDetector).
    Lines,
}

/// Lines are of a text, and judged by one table.
pub(super) fn check_judged(header: &Header<'_>, judges: Judged) -> Result<(), LoadError> {
    let alone = header.mondrian.is_none() && header.sequential.is_none();
    match judges {
        Judged::Lines if !alone || header.line_break().is_none() => {
            Err(invalid(Place::Calibration, Fault::NoLines))
        }
        _ => Ok(()),
    }
}

/// A table ascends, and holds probabilities.
pub(super) fn check_table(
    alpha: f32,
    table: &[[[u8; 4]; 2]],
    place: Place,
) -> Result<(), LoadError> {
    let probability = |p: f32| p > 0.0 && p <= 1.0;
    let ascending = table.is_sorted_by(|[score_a, p_a], [score_b, p_b]| {
        f32::from_le_bytes(*score_a) <= f32::from_le_bytes(*score_b)
            && f32::from_le_bytes(*p_a) <= f32::from_le_bytes(*p_b)
    });
    let sound = table.iter().all(|[score, p]| {
        !f32::from_le_bytes(*score).is_nan() && probability(f32::from_le_bytes(*p))
    });
    if table.is_empty() || !ascending || !sound || !probability(alpha) {
        return Err(invalid(place, Fault::BadTable));
    }
    Ok(())
}
