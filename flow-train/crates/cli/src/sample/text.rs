//! A text, drawn character by character.

use super::{Args, usage};
use crate::Error;
use crate::output::Output;
use flow_data::Past;
use flow_embedded::artefact::LoadedFlow;
use flow_embedded::window::Feature;
use rand_chacha::ChaCha8Rng;
use rand_core::SeedableRng;
use std::io::Write as _;

/// Writes so many characters that go on from a start: each is drawn given those before it, as a window on the chip that
/// begins as [`Window::filled`](flow_embedded::window::Window::filled) gives them.
pub(super) fn write(args: &Args, flow: &LoadedFlow<'_>, output: &mut Output) -> Result<(), Error> {
    let header = flow.header();
    let Some(own) = header.vocabularies.first() else {
        return Ok(());
    };
    // What a text begins after: a line, or a word.
    let start = own.code("\n").or(own.code(" ")).unwrap_or(0);
    let mut event = [start as f32];
    let features: Vec<Feature> = header.features.iter().collect();
    let mut past = Past::filled(&features, &event);
    let mut rng = ChaCha8Rng::seed_from_u64(args.seed);
    let mut scratch = vec![0.0; flow.scratch_len()];
    for _ in 0..args.rows {
        let context = past.features().unwrap_or_default().to_vec();
        flow.sample(&mut rng, &context, &mut event, &mut scratch)
            .map_err(usage)?;
        past.push(&event);
        let character = own.name(event[0]).unwrap_or_default();
        output
            .write_all(character.as_bytes())
            .map_err(Error::write(args.output.path()))?;
    }
    output.flush().map_err(Error::write(args.output.path()))
}
