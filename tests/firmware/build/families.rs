//! The modules of the firmware.

use std::error::Error;
use std::fs;
use std::path::Path;

use flow_codegen::{Options, compile};

use crate::artefacts::Flow;

/// What takes the place of a flow where a firmware is weighed without one.
const NOTHING: &str = "\
pub const CHANNELS: usize = 4;

pub struct Model;

impl ::flow_embedded::Density<4> for Model {
    fn log_prob(&self, event: &[f32; 4], _: &[f32; 0]) -> f32 {
        event[0]
    }
}

impl ::flow_embedded::Sampler<4> for Model {
    fn sample<R: ::rand_core::Rng + ?Sized>(&self, rng: &mut R, _: &[f32; 0]) -> [f32; 4] {
        [f32::from_bits(rng.next_u32()); 4]
    }
}
";

/// Writes to a folder, for every flow, `NAME.rs`, and `alone_NAME.rs` for a binary that has no other.
pub(crate) fn generate(folder: &Path) -> Result<(), Box<dyn Error>> {
    let write = |name: &str, text: &str| fs::write(folder.join(format!("{name}.rs")), text);
    for flow in Flow::all() {
        let options = Options {
            type_name: Some("Model".to_owned()),
            optimise: flow.optimise,
            ..Options::default()
        };
        let (name, event) = (&flow.name, flow.event);
        let source = format!("{name}.flow");
        let (text, _) = compile(&flow.artefact()?, Path::new(&source), &options)?;
        write(name, &text)?;
        let module = format!("include!(concat!(env!(\"OUT_DIR\"), \"/{name}.rs\"));\n");
        let channels = format!("pub const CHANNELS: usize = {event};\n");
        write(&format!("alone_{name}"), &(module + &channels))?;
    }
    write("alone_nothing", NOTHING)?;
    write("alone_nothing_scored", NOTHING)?;
    Ok(())
}
