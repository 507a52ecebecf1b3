//! Links for a board and generates the flows of every family, the golden modules and the corpus.

mod artefacts;
mod corpus;
mod families;

use std::env;
use std::error::Error;
use std::path::Path;

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo::rustc-link-arg-bins=-Tlink.x");
    println!("cargo::rerun-if-changed=build");
    let out = env::var_os("OUT_DIR").ok_or("cargo sets OUT_DIR")?;
    let out = Path::new(&out);
    families::generate(out)?;
    // On chips half precision is what it is on the host: `f32` behind a conversion.
    flow_modules::generate(&out.join("golden"), |own| !own.folder.starts_with("f16"))?;
    corpus::generate(out)
}
