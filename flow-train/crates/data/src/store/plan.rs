//! How the memory limit is shared out.

use crate::DataError;

/// Bytes of a value.
pub(super) const VALUE: u64 = size_of::<f32>() as u64;

/// Bytes that a row's place in the order of visits takes.
const PLACE: u64 = size_of::<u32>() as u64;

/// The largest block: beyond this, reading is no faster.
const LARGEST_BLOCK: u64 = 1 << 20;

/// How many rows are held where. Of the limit, one half is for the bucket that is visited, an eighth
/// each for the blocks being filled, the validation rows, the calibration rows and the groups' names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Plan {
    /// Buckets that the training rows are dealt into.
    pub(super) buckets: usize,
    /// Rows that are written at once.
    pub(super) block_rows: usize,
    /// Rows of the validation part, and of the calibration part, that are kept at most.
    pub(super) held_out: usize,
}

impl Plan {
    /// For so many training rows of so many values each.
    ///
    /// # Errors
    /// The limit is too small: blocks of one row would not fit.
    pub(super) fn new(rows: usize, width: usize, limit: u64) -> Result<Self, DataError> {
        let (rows, row) = (rows as u64, width as u64 * VALUE);
        let share = limit / 8;
        let capacity = (4 * share / (row + PLACE)).min(u64::from(u32::MAX));
        let need = || {
            // Blocks of one row of each of the buckets take an eighth of the limit L, and a bucket
            // takes half of it: L²/16 = rows · row · (row + place).
            let square = 16.0 * rows as f64 * row as f64 * (row + PLACE) as f64;
            (square.sqrt() as u64).max(16 * (row + PLACE))
        };
        if capacity == 0 {
            return Err(DataError::MemoryLimit {
                need: need(),
                limit,
            });
        }
        let buckets = rows.div_ceil(capacity).max(1);
        let block_rows = (share / buckets).min(LARGEST_BLOCK) / row;
        if block_rows == 0 {
            return Err(DataError::MemoryLimit {
                need: need(),
                limit,
            });
        }
        Ok(Self {
            buckets: buckets as usize,
            block_rows: block_rows as usize,
            held_out: (share / row) as usize,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_share_keeps_within_the_limit() {
        for (rows, width, limit) in [
            (1_000_000, 9, 1 << 20),
            (10, 1, 1 << 10),
            (3_000_000_000, 33, 4 << 30),
        ] {
            let plan = Plan::new(rows, width, limit).expect("fits");
            let row = width as u64 * VALUE;
            let bucket = rows.div_ceil(plan.buckets) as u64;
            assert!(bucket * (row + PLACE) <= limit / 2);
            assert!(plan.buckets as u64 * plan.block_rows as u64 * row <= limit / 8);
            assert!(plan.held_out as u64 * row <= limit / 8);
        }
    }

    #[test]
    fn what_is_said_to_be_needed_is_enough() {
        for (rows, width) in [(1_000_000_000, 30), (1000, 4), (3, 1)] {
            let error = Plan::new(rows, width, 40).expect_err("too little");
            let DataError::MemoryLimit { need, .. } = error else {
                panic!("{error}");
            };
            // Whole buckets and blocks take a little more than the square root says.
            assert!(
                Plan::new(rows, width, need + need / 4).is_ok(),
                "{rows} {need}"
            );
        }
    }
}
