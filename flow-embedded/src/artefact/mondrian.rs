//! The calibration tables of an artefact by context.

use super::error::invalid;
use super::{Fault, Header, LoadError, Place};
use serde::{Deserialize, Serialize};

/// A calibration table for each listed value of a context channel, so that the
/// false-alarm promise holds within each: Mondrian conformal prediction (Vovk,
/// Gammerman & Shafer 2005). Any other value has the table of all rows.
///
/// The tables lie at the end of the weights, one after another, as pairs
/// `(log_prob, p_value)`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Mondrian<'a> {
    /// The context channel, from 0.
    pub channel: u8,
    /// Its listed values, ascending, [`CATEGORY_BYTES`] bytes each: the value, its
    /// calibration rows, the entries of its table, all little-endian.
    pub categories: &'a [u8],
}

/// Bytes of a category in an artefact.
pub const CATEGORY_BYTES: usize = 10;

/// A listed value of the context channel.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Category {
    /// The value.
    pub value: f32,
    /// The calibration rows with this value.
    pub rows: u32,
    /// The entries of its table.
    pub entries: u16,
}

impl Category {
    /// As an artefact has it.
    pub const fn to_bytes(self) -> [u8; CATEGORY_BYTES] {
        let [a, b, c, d] = self.value.to_le_bytes();
        let [e, f, g, h] = self.rows.to_le_bytes();
        let [i, j] = self.entries.to_le_bytes();
        [a, b, c, d, e, f, g, h, i, j]
    }

    const fn from_bytes([a, b, c, d, e, f, g, h, i, j]: [u8; CATEGORY_BYTES]) -> Self {
        Self {
            value: f32::from_le_bytes([a, b, c, d]),
            rows: u32::from_le_bytes([e, f, g, h]),
            entries: u16::from_le_bytes([i, j]),
        }
    }
}

impl<'a> Mondrian<'a> {
    /// The listed values, ascending.
    pub fn categories(&self) -> impl ExactSizeIterator<Item = Category> + Clone + use<'a> {
        let (categories, _) = self.categories.as_chunks::<CATEGORY_BYTES>();
        categories.iter().map(|bytes| Category::from_bytes(*bytes))
    }

    /// Numbers of all tables.
    fn numbers(&self) -> usize {
        self.categories().fold(0, |sum: usize, own| {
            sum.saturating_add(usize::from(own.entries).saturating_mul(2))
        })
    }
}

/// What is behind the pooled calibration table: the numbers of the sequential test, and the tables by
/// context.
type Split<'a> = (&'a [[u8; 4]], &'a [[[u8; 4]; 2]]);

/// Divides what is left behind the pooled calibration table, and checks the list of values.
pub(super) fn split<'a>(
    header: &Header<'_>,
    numbers: &'a [[u8; 4]],
) -> Result<Split<'a>, LoadError> {
    let fail = |fault| Err(invalid(Place::Mondrian, fault));
    let Some(own) = &header.mondrian else {
        return Ok((numbers, &[]));
    };
    if usize::from(own.channel) >= header.context.len() {
        return fail(Fault::NoChannel);
    }
    let (_, rest) = own.categories.as_chunks::<CATEGORY_BYTES>();
    let values = own.categories().map(|category| category.value);
    let ascending = values.clone().is_sorted_by(|low, high| low < high);
    if own.categories.is_empty() || !rest.is_empty() || !ascending || header.calibration.is_none() {
        return fail(Fault::BadTable);
    }
    if !values.clone().all(f32::is_finite) {
        return fail(Fault::NotFinite);
    }
    let behind = numbers.len().checked_sub(own.numbers());
    let Some((test, tables)) = behind.and_then(|at| numbers.split_at_checked(at)) else {
        return fail(Fault::WrongWeightCount);
    };
    let (tables, _) = tables.as_chunks::<2>();
    Ok((test, tables))
}
