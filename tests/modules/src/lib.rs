//! The generated modules that tests, test firmware and the proof of no panic compile: one table, from
//! frozen artefacts.
//!
//! A build script writes the modules that it needs by [`generate`]. `tests/tests/all/generated.rs` holds
//! the same text to what is committed in `tests/golden`.
#![forbid(unsafe_code)]

mod table;

pub use table::all;

use flow_codegen::{Options, compile};
use std::error::Error;
use std::fs;
use std::path::Path;

/// A module: what is compiled, and how.
#[derive(Clone, Debug)]
pub struct Module {
    /// The folder, which says how the module differs from the row's own: empty, or such as `i8_size`.
    pub folder: &'static str,
    /// The file's name without its ending.
    pub name: String,
    /// The row of the table of flows, which the source path `ROW.flow` in the text names.
    pub row: String,
    /// The entry of the frozen vectors.
    pub entry: String,
    /// The bytes of the `.flow` file.
    pub artefact: Vec<u8>,
    /// Event channels.
    pub event: usize,
    /// Context channels.
    pub context: usize,
    /// What it is compiled with.
    pub options: Options,
}

impl Module {
    /// Folder and name: `maf`, `i8/maf`.
    pub fn path(&self) -> String {
        match self.folder {
            "" => self.name.clone(),
            folder => format!("{folder}/{}", self.name),
        }
    }

    /// The text of the module.
    ///
    /// # Errors
    /// As [`flow_codegen::compile`].
    pub fn compile(&self) -> Result<String, flow_codegen::Error> {
        let source = format!("{}.flow", self.row);
        let (text, _) = compile(&self.artefact, Path::new(&source), &self.options)?;
        Ok(text)
    }
}

/// Writes the wanted modules into a folder, as `NAME.rs` and `FOLDER/NAME.rs`, and returns them.
///
/// # Errors
/// The frozen vectors are damaged, an artefact is refused, or a file cannot be written.
pub fn generate(
    folder: &Path,
    wanted: impl Fn(&Module) -> bool,
) -> Result<Vec<Module>, Box<dyn Error>> {
    let mut modules = all()?;
    modules.retain(wanted);
    for module in &modules {
        let place = folder.join(module.folder);
        fs::create_dir_all(&place)?;
        let text = module
            .compile()
            .map_err(|fault| format!("{}: {fault}", module.path()))?;
        let file = place.join(&module.name).with_extension("rs");
        // What is rewritten would be compiled anew.
        if fs::read_to_string(&file).ok().as_ref() != Some(&text) {
            fs::write(file, text)?;
        }
    }
    Ok(modules)
}
