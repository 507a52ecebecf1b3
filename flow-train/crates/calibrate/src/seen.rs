//! Rows that a model was made from can't calibrate it.

use super::CalibrationError;
use flow_embedded::artefact::Header;

/// Refuses the very table that a model was made from, which `digest` tells
/// (`Dataset::digest` of `flow-data`). Most of its rows trained the model, which gives them a
/// higher likelihood than new ones, so that new rows would alarm more often than promised.
///
/// A part of that table, or the table with other rows beside it, has another digest and passes. So
/// does every table for a model that notes no digest, such as an imported one.
///
/// # Errors
/// The table is the one that the model was made from.
pub fn check_unseen(header: &Header<'_>, digest: u64) -> Result<(), CalibrationError> {
    match header.provenance.data_digest {
        own if own != 0 && own == digest => Err(CalibrationError::TrainingRows { digest }),
        _ => Ok(()),
    }
}
