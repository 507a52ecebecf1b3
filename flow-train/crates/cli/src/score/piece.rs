//! Some rows of a table, so that memory stays constant.

use flow_data::{DataError, RowReader};
use flow_evaluate::Scorer;

/// Some rows of a table.
pub(crate) struct Piece<'s, 'f, 'a> {
    scorer: &'s Scorer<'f, 'a>,
    channels: usize,
    events: Vec<f32>,
    contexts: Vec<f32>,
    rows: Vec<Place>,
    kept: Kept,
}

/// What is known of a row before it is scored.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place {
    /// Whether it can be scored.
    pub(super) usable: bool,
    /// Whether another recording begins with it.
    pub(super) begins: bool,
}

/// Cells that are handed on, one after the other.
#[derive(Debug, Default)]
struct Kept {
    bytes: Vec<u8>,
    ends: Vec<usize>,
    /// Cells to a row.
    width: usize,
}

impl<'s, 'f, 'a> Piece<'s, 'f, 'a> {
    /// Its most rows: enough for all cores.
    const ROWS: usize = 16_384;

    pub(crate) fn new(scorer: &'s Scorer<'f, 'a>) -> Self {
        Self {
            scorer,
            channels: scorer.flow().header().event.len(),
            events: Vec::new(),
            contexts: Vec::new(),
            rows: Vec::new(),
            kept: Kept::default(),
        }
    }

    /// Reads the next rows in place of the last; false if there are none. `last` is the recording
    /// that the row before is of.
    pub(crate) fn read(
        &mut self,
        reader: &mut RowReader<'_>,
        last: &mut Vec<u8>,
    ) -> Result<bool, DataError> {
        self.events.clear();
        self.contexts.clear();
        self.rows.clear();
        self.kept.bytes.clear();
        self.kept.ends.clear();
        while self.rows.len() < Self::ROWS {
            let Some(row) = reader.next_row()? else {
                break;
            };
            let usable = row.fault.is_none() && row.primed;
            if usable {
                let (event, context) = row.values.split_at(self.channels);
                self.events.extend_from_slice(event);
                self.contexts.extend_from_slice(context);
            }
            let begins = row.group.is_some_and(|group| group != last.as_slice());
            if let Some(group) = row.group.filter(|_| begins) {
                last.clear();
                last.extend_from_slice(group);
            }
            self.rows.push(Place { usable, begins });
            let before = self.kept.ends.len();
            for cell in row.kept() {
                self.kept.bytes.extend_from_slice(&cell);
                self.kept.ends.push(self.kept.bytes.len());
            }
            self.kept.width = self.kept.ends.len() - before;
        }
        Ok(!self.rows.is_empty())
    }

    /// How many rows there are.
    pub(super) fn rows(&self) -> u64 {
        self.rows.len() as u64
    }

    /// The rows, in their order.
    pub(super) fn places(&self) -> &[Place] {
        &self.rows
    }

    /// Event and context of each row that can be scored.
    pub(super) fn usable(&self) -> impl Iterator<Item = (&[f32], &[f32])> {
        let width = self.contexts.len() / (self.events.len() / self.channels).max(1);
        let rows = self.events.chunks_exact(self.channels).enumerate();
        rows.map(move |(row, event)| (event, &self.contexts[row * width..][..width]))
    }

    /// The cells of a row that are handed on.
    pub(crate) fn kept(&self, row: usize) -> impl Iterator<Item = &[u8]> {
        let Kept { bytes, ends, width } = &self.kept;
        (row * width..(row + 1) * width).map(|cell| {
            let start = cell.checked_sub(1).map_or(0, |before| ends[before]);
            &bytes[start..ends[cell]]
        })
    }

    /// The log-likelihoods and the latents (row-major) of the rows that can be scored.
    pub(super) fn statistics(&self) -> (Vec<f32>, Vec<f32>) {
        let (events, contexts) = (&self.events, &self.contexts);
        let log_probs = self.scorer.log_probs_of(events, contexts);
        (log_probs, self.scorer.latents_of(events, contexts))
    }

    /// The log-likelihood of each row that can be scored, and its context.
    pub(crate) fn log_probs(&self) -> impl Iterator<Item = Option<(f32, &[f32])>> {
        let log_probs = self.scorer.log_probs_of(&self.events, &self.contexts);
        let contexts = self.usable().map(|(_, context)| context);
        let mut scored = log_probs.into_iter().zip(contexts);
        self.rows
            .iter()
            .map(move |row| if row.usable { scored.next() } else { None })
    }
}
