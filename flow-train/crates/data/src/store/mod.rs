//! Tables that are larger than the memory they may take.
//!
//! ```text
//! load_within ──► Recording                    it fits
//!            └──► Survey ──► RowStore          it does not
//!                  counts     training rows in buckets on disk,
//!                             held-out rows in memory
//! ```
//!
//! A large table is read twice: to count its usable rows (and those of each group), then to deal
//! them out. So its parts are exactly those that the table would have in memory. Training rows go,
//! at random, to buckets of which one fits into memory; an epoch visits bucket after bucket.

mod plan;
mod rows;
mod spool;
mod survey;

pub use rows::{HeldOut, RowStore};
pub use survey::{Division, Loaded, Memory, Survey, load_within};
