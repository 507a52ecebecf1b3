//! Links for a board and, on request, generates the flows of every family.

mod artefacts;
mod families;

use std::env;
use std::error::Error;
use std::path::Path;

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo::rustc-link-arg-bins=-Tlink.x");
    println!("cargo::rerun-if-changed=build");
    if env::var_os("CARGO_FEATURE_FAMILIES").is_some() {
        families::generate(Path::new(&env::var("OUT_DIR")?))?;
    }
    Ok(())
}
