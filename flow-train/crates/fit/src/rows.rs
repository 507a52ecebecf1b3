//! Where a training's rows come from.

use flow_data::RowStore;
use flow_host::random::Random;
use flow_model::Batch;
use std::io;

/// The order of a pass over rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// As they are stored, the same in every pass.
    Stored,
    /// In an order that depends on the seed alone (and on the rows), as close to uniformly random as the source
    /// can make it.
    Shuffled {
        /// A new one for each pass.
        seed: u64,
    },
}

/// A source of rows in raw units, passed over again and again: in memory, or streamed from a file.
///
/// Rows of weight 0 count for nothing; a source may leave them out.
pub trait Rows: Send {
    /// Rows of one pass.
    fn rows(&self) -> usize;

    /// Event channels and context channels of a row.
    fn channels(&self) -> (usize, usize);

    /// Whether rows have weights.
    fn weighted(&self) -> bool;

    /// Starts a pass.
    ///
    /// # Errors
    /// The source can't be read.
    fn begin(&mut self, order: Order) -> io::Result<()>;

    /// Writes the next rows of the pass: as many as `events` holds, or as are left, and returns how many.
    ///
    /// `events` is `[rows x event channels]`, `contexts` is `[rows x context channels]`, both row-major; `weights`
    /// holds one number a row, and is not to be read if rows have no weights.
    ///
    /// # Errors
    /// The source can't be read.
    fn next(
        &mut self,
        events: &mut [f32],
        contexts: &mut [f32],
        weights: &mut [f32],
    ) -> io::Result<usize>;
}

/// The training rows of a table that is larger than memory. As stored means in the order of the seed 0.
impl Rows for RowStore {
    fn rows(&self) -> usize {
        self.rows()
    }

    fn channels(&self) -> (usize, usize) {
        (self.event_dim(), self.context_dim())
    }

    fn weighted(&self) -> bool {
        self.is_weighted()
    }

    fn begin(&mut self, order: Order) -> io::Result<()> {
        self.start_epoch(match order {
            Order::Stored => 0,
            Order::Shuffled { seed } => seed,
        })
    }

    fn next(
        &mut self,
        events: &mut [f32],
        contexts: &mut [f32],
        weights: &mut [f32],
    ) -> io::Result<usize> {
        self.next_batch(events, contexts, weights)
    }
}

/// Why rows can't be used.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum RowsError {
    /// There are none, or the values don't make rows.
    #[error("{0}")]
    Shape(String),
    /// NaN or infinity in the data.
    #[error("row {row} has a value that is not finite")]
    NonFinite {
        /// Index of the row, from 0.
        row: usize,
    },
    /// A weight that is none.
    #[error("row {row} has the weight {weight}; a weight is finite and not negative")]
    Weight {
        /// Index of the row, from 0.
        row: usize,
        /// Its weight.
        weight: f32,
    },
    /// A prepared value beyond `f32`.
    #[error(
        "a value of {kind} channel {channel} is outside the channel's domain, or too far from the other values for \
         f32; look for extreme values"
    )]
    Unprepared {
        /// `event` or `context`.
        kind: &'static str,
        /// Index of the channel, from 0.
        channel: usize,
    },
    /// The source can't be read.
    #[error("can't be read: {0}")]
    Read(String),
}

/// Rows in memory.
#[derive(Clone, Debug)]
pub struct InMemory<'a> {
    batch: Batch<'a, f32>,
    event: usize,
    context: usize,
    /// The rows that count, as they are stored.
    used: Vec<usize>,
    /// The same in the order of the pass.
    order: Vec<usize>,
    position: usize,
}

impl<'a> InMemory<'a> {
    /// Rows of `event` event channels and `context` context channels.
    ///
    /// # Errors
    /// Values that don't make rows, or none; a value that is not finite; a weight that is none, or all of them 0.
    pub fn new(batch: Batch<'a, f32>, event: usize, context: usize) -> Result<Self, RowsError> {
        let rows = batch.events.len().checked_div(event).unwrap_or(0);
        if rows == 0 {
            return Err(RowsError::Shape("there are none".into()));
        }
        if batch.events.len() != rows * event || batch.contexts.len() != rows * context {
            return Err(RowsError::Shape(format!(
                "{} event and {} context values don't make rows of {event} and {context}",
                batch.events.len(),
                batch.contexts.len()
            )));
        }
        let bad = |values: &[f32], channels: usize| {
            let index = values.iter().position(|value| !value.is_finite());
            index.map(|index| index / channels)
        };
        if let Some(row) = bad(batch.events, event).or_else(|| bad(batch.contexts, context)) {
            return Err(RowsError::NonFinite { row });
        }
        let used = used(batch.weights, rows)?;
        Ok(Self {
            order: used.clone(),
            used,
            batch,
            event,
            context,
            position: 0,
        })
    }
}

/// The rows whose weight is not 0.
fn used(weights: &[f32], rows: usize) -> Result<Vec<usize>, RowsError> {
    if weights.is_empty() {
        return Ok((0..rows).collect());
    }
    if weights.len() != rows {
        let fault = format!("{} weights for {rows} rows", weights.len());
        return Err(RowsError::Shape(fault));
    }
    let bad = |weight: &f32| !(weight.is_finite() && *weight >= 0.0);
    if let Some(row) = weights.iter().position(bad) {
        let weight = weights[row];
        return Err(RowsError::Weight { row, weight });
    }
    let order: Vec<usize> = (0..rows).filter(|row| weights[*row] > 0.0).collect();
    if order.is_empty() {
        return Err(RowsError::Shape("all weights are 0".into()));
    }
    Ok(order)
}

impl Rows for InMemory<'_> {
    fn rows(&self) -> usize {
        self.order.len()
    }

    fn channels(&self) -> (usize, usize) {
        (self.event, self.context)
    }

    fn weighted(&self) -> bool {
        !self.batch.weights.is_empty()
    }

    fn begin(&mut self, order: Order) -> io::Result<()> {
        self.position = 0;
        // From the stored order, so that a pass does not depend on the passes before.
        self.order.copy_from_slice(&self.used);
        if let Order::Shuffled { seed } = order {
            Random::new(seed).shuffle(&mut self.order);
        }
        Ok(())
    }

    fn next(
        &mut self,
        events: &mut [f32],
        contexts: &mut [f32],
        weights: &mut [f32],
    ) -> io::Result<usize> {
        let (event, context) = (self.event, self.context);
        let left = &self.order[self.position..];
        let count = left.len().min(events.len() / event);
        for (slot, &row) in left[..count].iter().enumerate() {
            events[slot * event..][..event]
                .copy_from_slice(&self.batch.events[row * event..][..event]);
            contexts[slot * context..][..context]
                .copy_from_slice(&self.batch.contexts[row * context..][..context]);
        }
        if self.weighted() {
            for (weight, &row) in weights.iter_mut().zip(&left[..count]) {
                *weight = self.batch.weights[row];
            }
        }
        self.position += count;
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pass_gives_each_row_once_in_the_order_of_its_seed() {
        let events: Vec<f32> = (0..20).map(|value| value as f32).collect();
        let contexts: Vec<f32> = (0..10).map(|value| 100.0 + value as f32).collect();
        let weights: Vec<f32> = (0..10).map(|row| (row % 3) as f32).collect();
        let batch = Batch {
            events: &events,
            contexts: &contexts,
            weights: &weights,
        };
        let mut source = InMemory::new(batch, 2, 1).expect("rows");
        assert_eq!((source.rows(), source.channels()), (6, (2, 1)));
        let mut pass = |order| {
            source.begin(order).expect("memory");
            let (mut e, mut c, mut w) = ([0.0; 8], [0.0; 4], [0.0; 4]);
            let mut rows = Vec::new();
            loop {
                let count = source.next(&mut e, &mut c, &mut w).expect("memory");
                if count == 0 {
                    return rows;
                }
                for row in 0..count {
                    rows.push([e[2 * row], e[2 * row + 1], c[row], w[row]]);
                }
            }
        };
        let stored: Vec<[f32; 4]> = [1, 2, 4, 5, 7, 8]
            .map(|row| row as f32)
            .map(|row| [2.0 * row, 2.0 * row + 1.0, 100.0 + row, row % 3.0])
            .to_vec();
        let shuffled = pass(Order::Shuffled { seed: 1 });
        assert_eq!(pass(Order::Stored), stored);
        assert_eq!(pass(Order::Shuffled { seed: 1 }), shuffled);
        assert_ne!(pass(Order::Shuffled { seed: 2 }), shuffled);
        let mut sorted = shuffled;
        sorted.sort_by(|a, b| a[0].total_cmp(&b[0]));
        assert_eq!(sorted, stored);
    }

    #[test]
    fn what_makes_no_rows_is_told() {
        let error = |events: &[f32], weights: &[f32]| {
            let batch = Batch {
                events,
                contexts: &[],
                weights,
            };
            InMemory::new(batch, 2, 0).expect_err("refused").to_string()
        };
        assert_eq!(error(&[], &[]), "there are none");
        assert_eq!(
            error(&[1.0; 3], &[]),
            "3 event and 0 context values don't make rows of 2 and 0"
        );
        assert_eq!(
            error(&[1.0, 2.0, 3.0, f32::NAN], &[]),
            "row 1 has a value that is not finite"
        );
        assert_eq!(error(&[1.0; 4], &[1.0]), "1 weights for 2 rows");
        assert_eq!(error(&[1.0; 4], &[0.0; 2]), "all weights are 0");
        assert_eq!(
            error(&[1.0; 4], &[1.0, -1.0]),
            "row 1 has the weight -1; a weight is finite and not negative"
        );
    }
}
