//! A made-up irrigation node that keeps a log, as in the example `log-sentinel`: its lines, and lines that are unlike its
//! past.

mod faults;
mod node;
pub mod seen;
pub mod trials;

pub use faults::Fault;

use crate::sensor::Normals;
use node::Node;

/// Lines that the model of the example is trained on, and their seed.
pub const TRAINING: (usize, u64) = (20_000, 1);
/// Those that it is calibrated on.
pub const CALIBRATION: (usize, u64) = (20_000, 3);
/// Those that it is checked on.
pub const FRESH: (usize, u64) = (20_000, 2);

/// So many lines of a node that works, in their order.
pub fn normal(lines: usize, seed: u64) -> Vec<String> {
    let mut node = Node::new(seed);
    let mut log = vec![];
    while log.len() < lines {
        node.minute(&mut log);
    }
    log.truncate(lines);
    log
}

/// So many lines with a fault.
pub fn faulty(fault: Fault, lines: usize, seed: u64) -> Vec<String> {
    let mut normals = Normals::new(seed);
    // Others than those that are normal by this seed.
    let log = normal(2 * lines, seed + 1000);
    let pairs = log.chunks_exact(2);
    pairs
        .map(|pair| fault.line([&pair[0], &pair[1]], &mut normals))
        .collect()
}

/// A whole number below `end`, all as likely.
fn below(end: usize, normals: &mut Normals) -> usize {
    ((normals.uniform() * end as f64) as usize).min(end - 1)
}
