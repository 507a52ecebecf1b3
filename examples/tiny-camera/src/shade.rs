//! Pixels as characters.

use crate::map::{PIXELS, SIDE};

/// From cold to warm.
const SHADES: [u8; 10] = *b" .:-=+*#%@";
/// Nats from which a pixel of a map has the next mark: seldom, and hardly ever, in a normal frame.
const MARKS: [(f32, u8); 4] = [(100.0, b'@'), (30.0, b'#'), (10.0, b'+'), (3.0, b'-')];

/// A frame in shades between its coldest and its warmest pixel.
pub fn grey(frame: &[f32; PIXELS]) -> [u8; PIXELS] {
    let low = frame.iter().copied().fold(f32::INFINITY, f32::min);
    let high = frame.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    // A frame of one value is all cold.
    let scale = SHADES.len() as f32 / (high - low).max(f32::MIN_POSITIVE);
    frame.map(|value| {
        let shade = ((value - low) * scale) as usize;
        let last = SHADES.len() - 1;
        SHADES.get(shade.min(last)).copied().unwrap_or(b' ')
    })
}

/// A map by how many nats each pixel contributes.
pub fn marks(contributions: &[f32; PIXELS]) -> [u8; PIXELS] {
    contributions.map(|nats| {
        let reached = MARKS.iter().find(|(least, _)| nats >= *least);
        reached.map_or(b'.', |(_, mark)| *mark)
    })
}

/// The rows of a frame.
pub fn rows(characters: &[u8; PIXELS]) -> impl Iterator<Item = &[u8]> {
    characters.chunks(SIDE)
}
