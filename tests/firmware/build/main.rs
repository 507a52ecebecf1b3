//! Links for a board and generates the flows of every family.

mod artefacts;
mod families;

use std::env;
use std::error::Error;
use std::path::Path;

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo::rustc-link-arg-bins=-Tlink.x");
    println!("cargo::rerun-if-changed=build");
    families::generate(Path::new(&env::var("OUT_DIR")?))
}
