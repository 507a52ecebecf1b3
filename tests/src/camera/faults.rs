//! What may go wrong in the room and in the array.

use super::scene::{AMBIENT, PIXELS, SIDE, Scene};
use crate::sensor::Normals;

/// Something that is not normal.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Fault {
    /// One pixel, anywhere, looks at something that is warmer by so many kelvin; a tenth of that reaches its neighbours.
    HotSpot(f64),
    /// Something of the array's own temperature and 3 K stands before 3 × 3 pixels.
    Blocked,
    /// One pixel says the same whatever it sees, a temperature that the room may have.
    Stuck,
    /// The motor's fan stands still: its housing is warmer than its load explains, and no warm air comes out.
    Fan,
}

impl Fault {
    /// Those of the example.
    pub const ALL: [Self; 6] = [
        Self::HotSpot(1.0),
        Self::HotSpot(2.0),
        Self::HotSpot(4.0),
        Self::Stuck,
        Self::Blocked,
        Self::Fan,
    ];

    /// In words.
    pub fn name(self) -> String {
        match self {
            Self::HotSpot(kelvin) => format!("hot spot, {kelvin} K"),
            Self::Blocked => "blocked, 3 × 3".into(),
            Self::Stuck => "stuck pixel".into(),
            Self::Fan => "fan stands still".into(),
        }
    }

    /// Puts itself into what the pixels look at, and tells which they are; the motor's fault is in the scene.
    pub(super) fn put(
        self,
        scene: &Scene,
        celsius: &mut [f64; PIXELS],
        normals: &mut Normals,
    ) -> Vec<usize> {
        let mut below = |end: usize| ((normals.uniform() * end as f64) as usize).min(end - 1);
        match self {
            Self::HotSpot(kelvin) => {
                let pixel = below(PIXELS);
                for (place, own) in celsius.iter_mut().enumerate() {
                    let [dx, dy] = [place % SIDE, place / SIDE];
                    let off = dx.abs_diff(pixel % SIDE) + dy.abs_diff(pixel / SIDE);
                    *own += kelvin * [1.0, 0.1].get(off).copied().unwrap_or(0.0);
                }
                vec![pixel]
            }
            Self::Stuck => {
                let pixel = below(PIXELS);
                let [low, high] = AMBIENT;
                celsius[pixel] = low + (high - low) * normals.uniform();
                vec![pixel]
            }
            Self::Blocked => {
                let (left, top) = (below(SIDE - 2), below(SIDE - 2));
                let pixels = (0..9).map(|place| (top + place / 3) * SIDE + left + place % 3);
                let pixels: Vec<usize> = pixels.collect();
                for pixel in &pixels {
                    celsius[*pixel] = scene.ambient + 3.0;
                }
                pixels
            }
            Self::Fan => vec![],
        }
    }
}
