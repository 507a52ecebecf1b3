//! The committed models of floating point, for the binary `corpus`.

#[path = "../src/damage.rs"]
mod damage;

use std::error::Error;
use std::fmt::Write;
use std::fs;
use std::path::Path;

use flow_embedded::LoadedFlow;
use flow_embedded::artefact::{
    Activation, Base, Channel as Column, Conditioner, Coupling, Domain, Form, Header, Layer, List,
    Provenance, Transformer, Units, encode, encoded_len,
};
use flow_embedded::math::Backend;
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
    let (mut scratch, mut longest) = (0, 0);
    for entry in flow_frozen::entries()?.iter().filter(|own| own.is_float()) {
        scratch = scratch.max(LoadedFlow::from_bytes(entry.artefact())?.scratch_len());
        longest = longest.max(entry.artefact().len());
    }
    let mut models = String::new();
    for (index, entry) in flow_frozen::entries()?.iter().enumerate() {
        if !entry.is_float() {
            continue;
        }
        let path = artefacts.join(format!("{index}.flow"));
        fs::write(&path, entry.artefact())?;
        models += &model(entry, &path, scratch)?;
    }
    fs::write(folder.join("wrapping.flow"), wrapping()?)?;
    let text = format!(
        "/// The most numbers of scratch memory that a model needs.\nconst SCRATCH: usize = {scratch};\n\
         /// The bytes of the largest artefact.\nconst LONGEST: usize = {longest};\n\n\
         static MODELS: &[Model] = &[\n{models}];\n"
    );
    fs::write(folder.join("corpus.rs"), text)?;
    Ok(())
}

fn model(entry: &Entry, path: &Path, scratch: usize) -> Result<String, Box<dyn Error>> {
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
    let artefact = entry.artefact();
    let (mut copy, mut scratch) = (artefact.to_vec(), vec![0.0; scratch]);
    let damaged = damage::digest(artefact, entry.seed(), &mut copy, &mut scratch);
    writeln!(text, "        damaged: {damaged},")?;
    Ok(text + "    },\n")
}

/// As Rust writes them.
fn channels(channels: &[Channel]) -> String {
    let own = channels.iter().map(|own| format!("Channel::{own:?}"));
    format!("[{}]", own.collect::<Vec<_>>().join(", "))
}

/// A coupling whose layers claim so many weights that their number wraps round in 32 bits, to the few
/// that the artefact has.
fn wrapping() -> Result<Vec<u8>, Box<dyn Error>> {
    const HIDDEN: [u16; 3] = [65_535, 65_279, 256];
    let hidden = HIDDEN.map(u16::to_le_bytes);
    let column = |name| Column {
        name,
        unit: "",
        domain: Domain::Real,
        grid: None,
        mean: 0.0,
        inv_std: 1.0,
    };
    let transformer = Transformer::Affine {
        log_scale_bound: 2.0,
    };
    let layer = Layer::Coupling(Coupling {
        transformed: &[1],
        transformer,
        conditioner: Conditioner {
            activation: Activation::Relu,
            form: Form::Plain,
            hidden: hidden.iter().map(|units| Units(units)).collect(),
        },
    });
    // One given channel, the hidden layers, two parameters.
    let mut inputs = 1;
    let rows = HIDDEN.map(u64::from).into_iter().chain([2]);
    let claimed: u64 = rows
        .map(|rows| rows * (std::mem::replace(&mut inputs, rows) + 1))
        .sum();
    let weights = vec![0.0; usize::try_from(claimed % (1 << 32))?];
    let (columns, layers) = (["a", "b"].map(column), [layer]);
    let header = Header {
        name: "wrapping",
        event: List::new(&columns),
        context: List::default(),
        layers: List::new(&layers),
        base: Base::Normal,
        math: Backend::Polynomial,
        log_norm: -1.837_877,
        calibration: None,
        evaluation: None,
        provenance: Provenance {
            created_by: "flow-firmware",
            command: "",
            data_digest: 0,
            rows: 0,
            seed: 0,
        },
        quantisation: None,
        features: List::default(),
        sequential: None,
        noise: None,
        mondrian: None,
        vocabularies: List::default(),
        heads: List::default(),
    };
    let mut buffer = vec![0; encoded_len(&header, weights.len())?];
    Ok(encode(&header, &weights, &mut buffer)?.to_vec())
}
