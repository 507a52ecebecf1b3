//! What a model of a text writes on the desk.

use flow_embedded::artefact::LoadedFlow;
use flow_embedded::rand_core::Rng;
use flow_train::data::Past;

/// The names of so many characters, each drawn given those before it; before the first one is `start` again and again.
///
/// # Panics
/// If the model is none of a text.
pub fn written(
    flow: &LoadedFlow<'_>,
    rng: &mut impl Rng,
    start: f32,
    characters: usize,
) -> Vec<String> {
    let header = flow.header();
    let mut scratch = vec![0.0; flow.scratch_len()];
    let mut event = [start];
    let features: Vec<_> = header.features.iter().collect();
    let vocabulary = header.vocabularies.first().expect("a text");
    let mut past = Past::filled(&features, &event);
    let draw = |_| {
        let context = past.features().expect("filled").to_vec();
        flow.sample(rng, &context, &mut event, &mut scratch)
            .expect("its shape");
        past.push(&event);
        let name = vocabulary.name(event[0]);
        name.expect("a code").to_owned()
    };
    (0..characters).map(draw).collect()
}
