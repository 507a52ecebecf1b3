//! The usable rows of a table.

use std::ops::RangeInclusive;

/// Rows of finite numbers: events, and what they are conditioned on.
///
/// Values are row-major `f32`, the precision in which the chip sees them.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Dataset {
    event_names: Vec<String>,
    context_names: Vec<String>,
    rows: usize,
    events: Vec<f32>,
    context: Vec<f32>,
    /// One for each row, or none.
    weights: Vec<f32>,
}

impl Dataset {
    /// A data set without rows.
    pub fn new(event_names: Vec<String>, context_names: Vec<String>) -> Self {
        Self {
            event_names,
            context_names,
            ..Self::default()
        }
    }

    /// Makes room for so many more rows, and no others.
    pub(super) fn reserve_exact(&mut self, rows: usize) {
        self.events.reserve_exact(rows * self.event_names.len());
        self.context.reserve_exact(rows * self.context_names.len());
    }

    /// Adds a row.
    ///
    /// # Panics
    /// If a slice has another length than the names.
    pub fn push(&mut self, event: &[f32], context: &[f32]) {
        assert_eq!(event.len(), self.event_names.len(), "channels of the event");
        assert_eq!(
            context.len(),
            self.context_names.len(),
            "channels of the context"
        );
        self.events.extend_from_slice(event);
        self.context.extend_from_slice(context);
        self.rows += 1;
    }

    /// The rows of the given numbers, in that order.
    ///
    /// # Panics
    /// If there is no such row.
    #[must_use]
    pub fn select(&self, rows: &[usize]) -> Self {
        let mut part = Self::new(self.event_names.clone(), self.context_names.clone());
        for row in rows {
            part.push(self.event(*row), self.context(*row));
        }
        if !self.weights.is_empty() {
            part.weights = rows.iter().map(|row| self.weights[*row]).collect();
        }
        part
    }

    /// Gives each row a weight; an empty list takes them away.
    ///
    /// # Panics
    /// If there is not one for each row.
    #[must_use]
    pub fn weighted(mut self, weights: Vec<f32>) -> Self {
        assert!(
            weights.is_empty() || weights.len() == self.rows,
            "a weight for each row"
        );
        self.weights = weights;
        self
    }

    /// The weights of the rows; none if all count the same.
    pub fn weights(&self) -> &[f32] {
        &self.weights
    }

    /// The smallest and the largest value of each column, events first.
    ///
    /// Without rows they are empty.
    pub fn ranges(&self) -> Vec<RangeInclusive<f32>> {
        let columns = |values: &[f32], count: usize| -> Vec<RangeInclusive<f32>> {
            let mut ranges = vec![[f32::INFINITY, f32::NEG_INFINITY]; count];
            for row in values.chunks_exact(count.max(1)) {
                for ([min, max], value) in ranges.iter_mut().zip(row) {
                    (*min, *max) = (min.min(*value), max.max(*value));
                }
            }
            ranges.iter().map(|[min, max]| *min..=*max).collect()
        };
        let mut ranges = columns(&self.events, self.event_dim());
        ranges.extend(columns(&self.context, self.context_dim()));
        ranges
    }

    /// Number of rows.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// Channels of an event, D.
    pub fn event_dim(&self) -> usize {
        self.event_names.len()
    }

    /// Channels of the context, C; 0 without context.
    pub fn context_dim(&self) -> usize {
        self.context_names.len()
    }

    /// Names of the events' columns.
    pub fn event_names(&self) -> &[String] {
        &self.event_names
    }

    /// Names of the contexts' columns.
    pub fn context_names(&self) -> &[String] {
        &self.context_names
    }

    /// All events, rows × D.
    pub fn events(&self) -> &[f32] {
        &self.events
    }

    /// All contexts, rows × C.
    pub fn contexts(&self) -> &[f32] {
        &self.context
    }

    /// The event of one row.
    ///
    /// # Panics
    /// If there is no such row.
    pub fn event(&self, row: usize) -> &[f32] {
        let d = self.event_dim();
        &self.events[row * d..(row + 1) * d]
    }

    /// The context of one row; empty without context.
    ///
    /// # Panics
    /// If there is no such row.
    pub fn context(&self, row: usize) -> &[f32] {
        let c = self.context_dim();
        &self.context[row * c..(row + 1) * c]
    }

    /// A digest of names and values, to recognise the data by: FNV-1a of 64 bits.
    pub fn digest(&self) -> u64 {
        let mut digest = Digest::new(&self.event_names, &self.context_names);
        for row in 0..self.rows {
            digest.row(self.event(row), self.context(row));
        }
        digest.value()
    }
}

/// FNV-1a, 64 bits, over the names of events and context (each ended by a zero byte) and the bits of
/// the values, little-endian, row by row, events first. Zeros count as positive.
#[derive(Debug, Clone)]
pub(super) struct Digest(u64);

impl Digest {
    /// Of a table without rows.
    pub(super) fn new(event_names: &[String], context_names: &[String]) -> Self {
        let mut digest = Self(0xcbf2_9ce4_8422_2325);
        for name in event_names.iter().chain(context_names) {
            name.bytes().chain([0]).for_each(|byte| digest.feed(byte));
        }
        digest
    }

    /// Adds a row.
    pub(super) fn row(&mut self, event: &[f32], context: &[f32]) {
        for value in event.iter().chain(context) {
            let bytes = (value + 0.0).to_bits().to_le_bytes();
            bytes.into_iter().for_each(|byte| self.feed(byte));
        }
    }

    /// The digest of what was added.
    pub(super) fn value(&self) -> u64 {
        self.0
    }

    fn feed(&mut self, byte: u8) {
        self.0 = (self.0 ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::names;

    #[test]
    fn rows_keep_events_and_context_apart() {
        let mut data = Dataset::new(names(&["a", "b"]), names(&["t"]));
        data.push(&[1.0, 2.0], &[9.0]);
        data.push(&[3.0, 4.0], &[8.0]);
        assert_eq!(
            (data.rows(), data.event_dim(), data.context_dim()),
            (2, 2, 1)
        );
        assert_eq!(
            (data.event(1), data.context(1)),
            (&[3.0, 4.0][..], &[8.0][..])
        );
        let swapped = data.select(&[1, 0]);
        assert_eq!(swapped.events(), [3.0, 4.0, 1.0, 2.0]);
        assert_eq!(swapped.contexts(), [8.0, 9.0]);
        assert_eq!(data.ranges(), [1.0..=3.0, 2.0..=4.0, 8.0..=9.0]);
        let weighted = data.clone().weighted(vec![0.5, 2.0]);
        assert_eq!(weighted.select(&[1, 0]).weights(), [2.0, 0.5]);
    }

    #[test]
    fn the_digest_is_fnv_and_sees_every_value_and_name() {
        // The published value of the empty string.
        assert_eq!(Dataset::default().digest(), 0xcbf2_9ce4_8422_2325);
        let base = {
            let mut data = Dataset::new(names(&["a"]), vec![]);
            data.push(&[0.0], &[]);
            data
        };
        let variant = |name: &str, value: f32| {
            let mut data = Dataset::new(names(&[name]), vec![]);
            data.push(&[value], &[]);
            data.digest()
        };
        assert_eq!(base.digest(), variant("a", -0.0));
        assert_ne!(base.digest(), variant("b", 0.0));
        assert_ne!(base.digest(), variant("a", f32::MIN_POSITIVE));
    }
}
