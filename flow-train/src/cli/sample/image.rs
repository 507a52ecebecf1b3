//! Rows that are images, as a picture.

use super::Output;
use crate::Error;
use crate::cli::options::Size;
use flow_embedded::artefact::{Channels, Domain, Grid};
use std::io::Write as _;
use std::path::Path;

/// The most images of one picture.
pub(super) const MOST: u64 = 10_000;

/// A side of a shown image, about, in pixels of the picture.
const SHOWN: usize = 48;
/// What lies between images.
const BACKGROUND: u8 = 96;

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

/// Shades of grey, row by row.
struct Picture {
    width: usize,
    pixels: Vec<u8>,
}

/// Writes sheets of images side by side as a PNG, each sheet as square as it can be.
pub(super) fn write(
    path: &Path,
    size: Size,
    sheets: &[&[f32]],
    range: [f32; 2],
    output: &mut Output,
) -> Result<(), Error> {
    let picture = Picture::new(size, sheets, range);
    let in_output = Error::write(path);
    let height = picture.pixels.len() / picture.width;
    let mut encoder = png::Encoder::new(&mut *output, picture.width as u32, height as u32);
    encoder.set_color(png::ColorType::Grayscale);
    encoder.set_depth(png::BitDepth::Eight);
    let written = encoder.write_header().and_then(|mut writer| {
        writer
            .write_image_data(&picture.pixels)
            .and_then(|()| writer.finish())
    });
    written.map_err(|fault| match fault {
        png::EncodingError::IoError(fault) => in_output(fault),
        other => in_output(std::io::Error::other(other)),
    })?;
    output.flush().map_err(&in_output)
}

impl Picture {
    fn new(size: Size, sheets: &[&[f32]], range: [f32; 2]) -> Self {
        let Size { width, height } = size;
        let scale = (SHOWN / width.max(height)).max(1);
        let gap = scale.div_ceil(2).max(2);
        let (cell_width, cell_height) = (width * scale + gap, height * scale + gap);
        let count = |sheet: &[f32]| sheet.len() / (width * height);
        let most = sheets
            .iter()
            .map(|sheet| count(sheet))
            .max()
            .unwrap_or(0)
            .max(1);
        let across = (1..).find(|side| side * side >= most).unwrap_or(1);
        let down = most.div_ceil(across);
        // Sheets stand as far apart as an image is wide.
        let sheet_width = across * cell_width + gap;
        let whole = sheets.len() * sheet_width + sheets.len().saturating_sub(1) * cell_width;
        let mut picture = Self {
            width: whole,
            pixels: vec![BACKGROUND; whole * (down * cell_height + gap)],
        };
        for (place, sheet) in sheets.iter().enumerate() {
            let left = place * (sheet_width + cell_width) + gap;
            for (index, image) in sheet.chunks_exact(width * height).enumerate() {
                let corner = (
                    left + index % across * cell_width,
                    gap + index / across * cell_height,
                );
                picture.draw(image, width, scale, corner, range);
            }
        }
        picture
    }

    fn draw(
        &mut self,
        image: &[f32],
        width: usize,
        scale: usize,
        (left, top): (usize, usize),
        [low, high]: [f32; 2],
    ) {
        for (index, value) in image.iter().enumerate() {
            let (x, y) = (left + index % width * scale, top + index / width * scale);
            // NaN, which no sample is, would be black.
            let shade = (255.0 * (value - low) / (high - low)).round() as u8;
            for row in y..y + scale {
                self.pixels[row * self.width + x..][..scale].fill(shade);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use flow_embedded::artefact;

    #[test]
    fn images_stand_in_rows_and_sheets_beside_each_other() {
        let size: Size = "2x1".parse().expect("a size");
        let (one, other) = ([0.0, 1.0, 1.0, 0.0, 0.5, 2.0], [1.0, 1.0]);
        let picture = Picture::new(size, &[&one, &other], [0.0, 1.0]);
        // 24 pixels a pixel, 12 between: two images of 48 in a row, and twice that with a cell between.
        let (gap, cell) = (12, 60);
        assert_eq!(picture.width, 2 * (2 * cell + gap) + cell);
        assert_eq!(picture.pixels.len() / picture.width, 2 * 36 + gap);
        let at = |x: usize, y: usize| picture.pixels[y * picture.width + x];
        assert_eq!(
            (at(0, 0), at(gap, gap), at(gap + 24, gap)),
            (BACKGROUND, 0, 255)
        );
        // The second image, the third in the row below, cut off at white; nothing in the fourth place.
        assert_eq!((at(gap + cell, gap), at(gap + cell + 24, gap)), (255, 0));
        assert_eq!((at(gap, gap + 36), at(gap + 24, gap + 36)), (128, 255));
        assert_eq!(at(gap + cell, gap + 36), BACKGROUND);
        // The other sheet.
        assert_eq!(at(2 * cell + gap + cell + gap, gap), 255);
    }

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
