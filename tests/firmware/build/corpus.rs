//! The committed models of floating point, for the binary `corpus`.

use std::error::Error;
use std::fmt::Write;
use std::fs;
use std::path::Path;

use flow_embedded::LoadedFlow;
use flow_frozen::{Channel, Entry};

/// Inputs of each model, a part of those that the host checks: a chip without floating point takes its
/// time.
const INPUTS: usize = 24;
/// Samples of each model.
const SAMPLES: usize = 2;

/// Writes the artefacts to a folder, and `corpus.rs` with a table of them.
pub(crate) fn generate(folder: &Path) -> Result<(), Box<dyn Error>> {
    let artefacts = folder.join("corpus");
    fs::create_dir_all(&artefacts)?;
    let (mut models, mut scratch) = (String::new(), 0);
    for (index, entry) in flow_frozen::entries()?.iter().enumerate() {
        if !entry.is_float() {
            continue;
        }
        let path = artefacts.join(format!("{index}.flow"));
        fs::write(&path, entry.artefact())?;
        scratch = scratch.max(LoadedFlow::from_bytes(entry.artefact())?.scratch_len());
        models += &model(entry, &path)?;
    }
    let text = format!(
        "/// The most numbers of scratch memory that a model needs.\nconst SCRATCH: usize = {scratch};\n\n\
         static MODELS: &[Model] = &[\n{models}];\n"
    );
    fs::write(folder.join("corpus.rs"), text)?;
    Ok(())
}

fn model(entry: &Entry, path: &Path) -> Result<String, Box<dyn Error>> {
    let mut text = String::from("    Model {\n");
    writeln!(text, "        name: {:?},", entry.name())?;
    writeln!(text, "        artefact: include_bytes!({path:?}),")?;
    writeln!(text, "        event: &{},", channels(entry.event()))?;
    writeln!(text, "        context: &{},", channels(entry.context()))?;
    writeln!(text, "        seed: {},", entry.seed())?;
    writeln!(text, "        words: {},", entry.recipe().words_seed())?;
    let log_probs: Vec<u32> = entry.log_probs().iter().copied().take(INPUTS).collect();
    writeln!(text, "        log_probs: &{log_probs:?},")?;
    let samples = entry.samples().take(SAMPLES);
    let samples: Vec<u32> = samples.flat_map(|(_, bits)| bits.to_vec()).collect();
    writeln!(text, "        samples: &{samples:?},")?;
    Ok(text + "    },\n")
}

/// As Rust writes them.
fn channels(channels: &[Channel]) -> String {
    let own = channels.iter().map(|own| format!("Channel::{own:?}"));
    format!("[{}]", own.collect::<Vec<_>>().join(", "))
}
