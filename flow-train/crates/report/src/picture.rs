//! Images in rows and columns, as a PNG.

use std::io::{self, Write};

/// A side of a shown image, about, in pixels of the picture.
const SHOWN: usize = 48;
/// What lies between images.
const BACKGROUND: u8 = 96;

/// Shades of grey, row by row.
struct Picture {
    width: usize,
    pixels: Vec<u8>,
}

/// Writes sheets of images side by side as a PNG, each sheet as square as it can be. The images of a sheet follow one
/// another, each of `size` (width and height in pixels), row by row; the ends of `range` are black and white.
///
/// # Errors
/// `output` can't be written.
pub fn write(
    [width, height]: [usize; 2],
    sheets: &[&[f32]],
    range: [f32; 2],
    output: &mut impl Write,
) -> io::Result<()> {
    let picture = Picture::new([width, height], sheets, range);
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
        png::EncodingError::IoError(fault) => fault,
        other => io::Error::other(other),
    })?;
    output.flush()
}

impl Picture {
    fn new([width, height]: [usize; 2], sheets: &[&[f32]], range: [f32; 2]) -> Self {
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

    #[test]
    fn images_stand_in_rows_and_sheets_beside_each_other() {
        let (one, other) = ([0.0, 1.0, 1.0, 0.0, 0.5, 2.0], [1.0, 1.0]);
        let picture = Picture::new([2, 1], &[&one, &other], [0.0, 1.0]);
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
}
