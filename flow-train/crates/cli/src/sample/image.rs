//! Rows that are images, as a picture.

use crate::Error;
use crate::options::Size;
use flow_embedded::artefact::{Channels, Domain, Grid};

/// The most images of one picture.
pub(super) const MOST: u64 = 10_000;

/// Checks that the columns of a model can be the pixels, row by row.
pub(super) fn check(size: Size, columns: usize) -> Result<(), Error> {
    let Size { width, height } = size;
    match width * height == columns {
        true => Ok(()),
        false => Err(Error::Usage(format!(
            "--image {width}x{height}: that is {} pixels, and the model has {columns} columns; they must \
                 be the pixels, row by row",
            width * height
        ))),
    }
}

/// The values that are black and white: the ends of the channels' domains where all have some, or the last values of
/// their grids before them; else the least and the largest of the images.
pub(super) fn range(channels: Channels<'_>, images: &[f32]) -> [f32; 2] {
    let ends = channels.iter().map(|channel| match channel.domain {
        Domain::Bounded { low, high } => Some(match channel.grid {
            None => [low, high],
            Some(Grid { offset, step }) => {
                let at = |steps: f32| offset + step * steps;
                let first = ((low - offset) / step + 0.5).ceil();
                let last = ((high - offset) / step - 0.5).floor();
                [at(first), at(last)]
            }
        }),
        _ => None,
    });
    let ends: Option<Vec<[f32; 2]>> = ends.collect();
    let seen = || images.iter().map(|x| [*x, *x]).collect();
    let all = ends.unwrap_or_else(seen).into_iter();
    let [low, high] = all
        .reduce(|[a, b], [low, high]| [a.min(low), b.max(high)])
        .unwrap_or([0.0, 1.0]);
    match low < high {
        true => [low, high],
        false => [low - 0.5, low + 0.5],
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use flow_embedded::artefact;

    #[test]
    fn sizes_that_are_none_are_refused() {
        for text in ["", "8", "8x", "x8", "0x8", "8x65", "8x8x8", "-1x3", "8X8"] {
            assert!(text.parse::<Size>().is_err(), "{text}");
        }
        assert!(
            "8x8"
                .parse::<Size>()
                .is_ok_and(|size| super::check(size, 64).is_ok() && super::check(size, 63).is_err())
        );
    }

    #[test]
    fn shades_span_what_is_shown() {
        let channel = |domain: Domain, step: Option<f32>| artefact::Channel {
            name: "",
            unit: "",
            domain,
            grid: step.map(|step| Grid { offset: 2.0, step }),
            mean: 0.0,
            inv_std: 1.0,
        };
        let bounded = |low: f32, high: f32| Domain::Bounded { low, high };
        let real = [channel(Domain::Real, None)];
        assert_eq!(range(Channels::new(&real), &[3.0, -1.0, 2.0]), [-1.0, 3.0]);
        assert_eq!(range(Channels::new(&real), &[2.0, 2.0]), [1.5, 2.5]);
        let end = [channel(bounded(-1.0, 2.0), None)];
        assert_eq!(range(Channels::new(&end), &[9.0]), [-1.0, 2.0]);
        for beyond in [0.5, 1.0] {
            let pixel = [channel(bounded(-beyond, 16.0 + beyond), Some(1.0))];
            assert_eq!(range(Channels::new(&pixel), &[]), [0.0, 16.0]);
        }
    }
}
