//! Compiles `model.flow` to Rust and names the linker script and the memory map.

use std::env;
use std::error::Error;

fn main() -> Result<(), Box<dyn Error>> {
    // Writes OUT_DIR/model.rs, and again whenever the model changes.
    flow_codegen::Builder::new("model.flow").generate()?;

    // `link.x` comes from cortex-m-rt and includes the `memory.x` beside this file.
    println!(
        "cargo::rustc-link-search={}",
        env::var("CARGO_MANIFEST_DIR")?
    );
    println!("cargo::rustc-link-arg-bins=-Tlink.x");
    println!("cargo::rerun-if-changed=memory.x");
    Ok(())
}
