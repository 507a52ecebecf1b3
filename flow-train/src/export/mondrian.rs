//! Calibration tables by context, owned.

use super::ExportError;
use crate::calibrate::MondrianTables;
use flow_embedded::artefact::{Category, LoadedFlow, Mondrian};

/// Calibration tables by context: see [`Mondrian`].
#[derive(Clone, Debug, PartialEq)]
pub struct DraftMondrian {
    /// The context channel, from 0.
    pub channel: u8,
    /// Its listed values, ascending.
    pub categories: Vec<DraftCategory>,
}

/// A listed value of the context channel.
#[derive(Clone, Debug, PartialEq)]
pub struct DraftCategory {
    /// The value.
    pub value: f32,
    /// The calibration rows with this value.
    pub rows: u32,
    /// Pairs `(log_prob, p_value)`, ascending in both.
    pub table: Vec<(f32, f32)>,
}

impl From<&MondrianTables> for DraftMondrian {
    fn from(own: &MondrianTables) -> Self {
        let categories = own.tables().iter().map(|(value, table)| DraftCategory {
            value: *value,
            rows: table.rows(),
            table: table.entries().to_vec(),
        });
        Self {
            // An artefact has at most 256 context channels.
            channel: own.channel() as u8,
            categories: categories.collect(),
        }
    }
}

impl DraftMondrian {
    pub(super) fn from_loaded(flow: &LoadedFlow<'_>) -> Option<Self> {
        let own = flow.header().mondrian?;
        let categories = flow.calibrations_by_context();
        let categories = categories.map(|(category, table)| DraftCategory {
            value: category.value,
            rows: category.rows,
            table: table.entries().collect(),
        });
        Some(Self {
            channel: own.channel,
            categories: categories.collect(),
        })
    }

    /// The list of values, as an artefact has it.
    pub(super) fn bytes(&self) -> Result<Vec<u8>, ExportError> {
        let bytes = self.categories.iter().map(|own| {
            let found = own.table.len();
            let entries = u16::try_from(found).map_err(|_| ExportError::TooMany {
                what: "calibration entries",
                found,
                limit: usize::from(u16::MAX),
            })?;
            let category = Category {
                value: own.value,
                rows: own.rows,
                entries,
            };
            Ok(category.to_bytes())
        });
        Ok(bytes.collect::<Result<Vec<_>, ExportError>>()?.concat())
    }

    /// The same with `bytes` as its list of values.
    pub(super) fn schema<'b>(&self, bytes: &'b [u8]) -> Mondrian<'b> {
        Mondrian {
            channel: self.channel,
            categories: bytes,
        }
    }

    /// The tables, as an artefact has them.
    pub(super) fn weights(&self) -> impl Iterator<Item = f32> {
        let entries = self.categories.iter().flat_map(|own| &own.table);
        entries.flat_map(|(score, p_value)| [*score, *p_value])
    }
}
