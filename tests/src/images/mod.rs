//! Flows over images beside other models: the figures of `docs/images.md`.

pub mod digits;

use anyhow::Result;
use digits::Digits;
use flow_embedded::artefact::LoadedFlow;
use flow_train::data::Dataset;
use flow_train::evaluate::{Bits, Scorer};

/// Points in the cell of each row by which bits are computed.
pub const DRAWS: usize = 32;

/// Bits per pixel of rows; by the dequantiser, if there is one.
///
/// # Errors
/// An artefact can't be loaded, or they are not of the same images.
pub fn bits(model: &[u8], dequantiser: Option<&[u8]>, rows: &Dataset) -> Result<Bits> {
    let flow = LoadedFlow::from_bytes(model)?;
    let scorer = Scorer::new(&flow)?;
    let bits = match dequantiser {
        None => Bits::of(&scorer, rows, DRAWS, 0),
        Some(bytes) => {
            let own = LoadedFlow::from_bytes(bytes)?;
            Bits::of_dequantiser(&scorer, &own, rows, DRAWS, 0)?
        }
    };
    bits.ok_or_else(|| anyhow::anyhow!("the pixels are not rounded"))
}

/// The share of drawn digits that five nearest neighbours among the real training digits take for what they were asked
/// to be, one for each test row.
///
/// # Errors
/// The artefact can't be loaded.
pub fn recognised(model: &[u8], digits: &Digits) -> Result<f64> {
    let drawn = digits::draw(model, &digits.test, 5)?;
    let right = drawn
        .chunks_exact(digits::PIXELS)
        .zip(&digits.test_labels)
        .filter(|(image, label)| digits.nearest(image) == **label);
    Ok(right.count() as f64 / digits.test_labels.len() as f64)
}
