//! A made-up motor room seen by an array of 8 × 8 thermopiles, as in the example `tiny-camera`: frames to train on, faults to
//! find, and how often they are found and located.

mod faults;
pub mod frames;
mod scene;
pub mod trials;

pub use faults::Fault;
pub use scene::{AMBIENT, PIXELS, SIDE, STEP};

use crate::sensor::Normals;
use scene::Scene;
use std::fmt::Write as _;

/// What the array says at one time: temperatures in °C row by row from the top left, and its thermistor.
#[derive(Debug, Clone, PartialEq)]
pub struct Frame {
    /// The pixels.
    pub pixels: [f32; PIXELS],
    /// The temperature of the array itself.
    pub ambient: f32,
}

impl Frame {
    /// What is modelled: by how much each pixel is above the thermistor. The subtraction is that of the firmware.
    pub fn above(&self) -> [f32; PIXELS] {
        self.pixels.map(|celsius| celsius - self.ambient)
    }
}

/// Normal frames that the model of the example is trained on, and their seed.
pub const TRAINING: (usize, u64) = (40_000, 1);
/// Those that it is checked on.
pub const FRESH: (usize, u64) = (20_000, 2);

/// So many frames, minutes and hours apart: independent of each other, as the false-alarm promise assumes.
pub fn normal(rows: usize, seed: u64) -> Vec<Frame> {
    let mut normals = Normals::new(seed);
    let frame = |_| Scene::drawn(&mut normals).seen(None, &mut normals).0;
    (0..rows).map(frame).collect()
}

/// So many frames with a fault, and the pixels that have it: none where the whole machine does.
pub fn faulty(fault: Fault, rows: usize, seed: u64) -> Vec<(Frame, Vec<usize>)> {
    let mut normals = Normals::new(seed);
    let frame = |_| {
        let scene = Scene::drawn(&mut normals);
        // A fan that stands still is seen while the motor runs.
        let scene = match fault {
            Fault::Fan => scene.running(&mut normals),
            _ => scene,
        };
        scene.seen(Some(fault), &mut normals)
    };
    (0..rows).map(frame).collect()
}

/// Frames as CSV: the pixels p0 to p63 and the thermistor.
pub fn csv(frames: &[Frame]) -> String {
    let mut text: String = (0..PIXELS).map(|pixel| format!("p{pixel},")).collect();
    text.push_str("ambient\n");
    for frame in frames {
        for value in frame.pixels {
            // Writing to a string can't fail.
            let _ = write!(text, "{value},");
        }
        let _ = writeln!(text, "{}", frame.ambient);
    }
    text
}
