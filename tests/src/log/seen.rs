//! The lines that the firmware of the example sees in place of a UART.

use super::{Fault, faulty, normal};
use std::fmt::Write as _;

/// Normal lines among them, and their seed; each fault has the next one.
const SEEN: (usize, u64) = (6, 20);

/// The faults.
const FAULTS: [Fault; 6] = [
    Fault::New,
    Fault::Cut,
    Fault::Garbled,
    Fault::Number(5),
    Fault::Number(8),
    Fault::Number(20),
];

/// Normal lines, and the first with each fault.
pub fn lines() -> Vec<String> {
    let (count, seed) = SEEN;
    let faults = FAULTS.into_iter().zip(seed + 1..);
    let faults = faults.flat_map(|(fault, seed)| faulty(fault, 1, seed));
    normal(count, seed).into_iter().chain(faults).collect()
}

/// The module `uart.rs` of the example.
pub fn module() -> String {
    let lines = lines();
    let mut text = format!(
        "\
//! What comes in over the UART, in place of one.
//!
//! Written by `cargo run --release -p flow-tests --bin log seen`, from the root of the repository.

/// Lines without their ends.
#[rustfmt::skip]
pub static LINES: [&str; {}] = [
",
        lines.len()
    );
    for line in lines {
        // Writing to a string can't fail.
        let _ = writeln!(text, "    {line:?},");
    }
    text.push_str("];\n");
    text
}
