//! Where a frame is unusual.
//!
//! A place contributes as many nats as the frame becomes likelier once the pixels there are filled in from around them and
//! all others stay: the flow is evaluated with and without, so the gain is exact. A small fault is undone by its own
//! pixel; a large one by none, so squares of 3 × 3 are tried as well. That is 129 evaluations: for frames that gave an
//! alarm.

use flow_embedded::Density;
use flow_embedded::detect::blame_by;

/// Pixels along a side.
pub(crate) const SIDE: usize = 8;
/// Pixels of a frame.
pub(crate) const PIXELS: usize = SIDE * SIDE;
/// A square is to blame where it gains so many times as much as any pixel: filling in more takes away more noise, too,
/// which is a gain of a few nats in any frame.
const LARGER: f32 = 2.0;

/// Where a frame is unusual.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Map {
    /// Nats that each place contributes, by the pixel in its middle; not below zero.
    pub contributions: [f32; PIXELS],
    /// The place that contributes most.
    pub pixel: usize,
    /// Pixels along a side of a place: 1 or 3.
    pub side: usize,
}

impl Map {
    /// Looks for the place that makes a frame unlikely.
    pub fn of<F: Density<PIXELS, 1>>(flow: &F, frame: &[f32; PIXELS], ambient: f32) -> Self {
        let log_prob = flow.log_prob(frame, &[ambient]);
        let [pixels, squares] =
            [0, 1].map(|reach| Self::by_places(flow, frame, ambient, log_prob, reach));
        match squares.most() > LARGER * pixels.most() {
            true => squares,
            false => pixels,
        }
    }

    /// Nats that the foremost place contributes.
    pub fn most(&self) -> f32 {
        self.contributions.iter().copied().fold(0.0, f32::max)
    }

    /// Fills in the pixels within `reach` of each pixel in turn.
    fn by_places<F: Density<PIXELS, 1>>(
        flow: &F,
        frame: &[f32; PIXELS],
        ambient: f32,
        log_prob: f32,
        reach: usize,
    ) -> Self {
        let around: [[f32; 1]; PIXELS] =
            core::array::from_fn(|middle| [mean_around(frame, middle, reach)]);
        let filled_in = |middle: usize, value: f32| {
            let mut other = *frame;
            for (pixel, own) in other.iter_mut().enumerate() {
                if distance(pixel, middle) <= reach {
                    *own = value;
                }
            }
            flow.log_prob(&other, &[ambient])
        };
        let mut contributions = [0.0; PIXELS];
        let values = around.iter().map(<[f32; 1]>::as_slice);
        Self {
            pixel: blame_by(log_prob, filled_in, values, &mut contributions),
            contributions,
            side: 2 * reach + 1,
        }
    }
}

/// The mean of the pixels that are next to those within `reach`; fewer at the edges of the frame.
fn mean_around(frame: &[f32; PIXELS], middle: usize, reach: usize) -> f32 {
    let (mut sum, mut count) = (0.0, 0.0);
    for (pixel, value) in frame.iter().enumerate() {
        if distance(pixel, middle) == reach + 1 {
            sum += value;
            count += 1.0;
        }
    }
    sum / count
}

/// The larger of the distances in rows and in columns.
fn distance(a: usize, b: usize) -> usize {
    let columns = (a % SIDE).abs_diff(b % SIDE);
    columns.max((a / SIDE).abs_diff(b / SIDE))
}
