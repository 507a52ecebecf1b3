//! The frames that the firmware of the example sees in place of an array.

use super::{Fault, Frame, SIDE, faulty, normal};
use std::fmt::Write as _;

/// Normal frames among them, and their seed; each fault has the next one.
const SEEN: (usize, u64) = (3, 4);
/// The faults, of each its first frame.
const FAULTS: [Fault; 4] = [
    Fault::HotSpot(4.0),
    Fault::Stuck,
    Fault::Blocked,
    Fault::Fan,
];

/// The frames with their names: the first that the simulator makes of each kind.
pub fn seen() -> Vec<(String, Frame)> {
    let (rows, seed) = SEEN;
    let normal = normal(rows, seed).into_iter();
    let normal = normal.map(|frame| ("normal".to_owned(), frame));
    let faults = FAULTS
        .into_iter()
        .zip(seed + 1..)
        .flat_map(|(fault, seed)| {
            let [(frame, has)] = faulty(fault, 1, seed).try_into().ok()?;
            let name = match has.first() {
                Some(place) => {
                    let (row, column) = (place / SIDE, place % SIDE);
                    format!("{} at row {row}, column {column}", fault.name())
                }
                None => fault.name(),
            };
            Some((name, frame))
        });
    normal.chain(faults).collect()
}

/// The module `frames.rs` of the example.
pub fn module() -> String {
    let frames = seen();
    let mut text = format!(
        "\
//! What the array says, in place of one.
//!
//! Written by `cargo run --release -p flow-tests --bin camera frames`, from the root of the repository.

use crate::map::PIXELS;

/// A frame, in °C.
pub struct Frame {{
    /// What it shows.
    pub name: &'static str,
    /// The pixels, row by row from the top left.
    pub pixels: [f32; PIXELS],
    /// The array's own thermistor.
    pub ambient: f32,
}}

impl Frame {{
    /// What is modelled: by how much each pixel is above the thermistor.
    pub fn above(&self) -> [f32; PIXELS] {{
        self.pixels.map(|celsius| celsius - self.ambient)
    }}
}}

#[rustfmt::skip]
pub static FRAMES: [Frame; {}] = [
",
        frames.len()
    );
    for (name, frame) in frames {
        // Writing to a string can't fail.
        let _ = writeln!(
            text,
            "    Frame {{\n        name: {name:?},\n        pixels: ["
        );
        for row in frame.pixels.chunks(SIDE) {
            let row: Vec<String> = row.iter().map(|own| format!("{own:?}")).collect();
            let _ = writeln!(text, "            {},", row.join(", "));
        }
        let _ = writeln!(
            text,
            "        ],\n        ambient: {:?},\n    }},",
            frame.ambient
        );
    }
    text.push_str("];\n");
    text
}
