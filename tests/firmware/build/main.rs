//! Writes the memory map of the target's board and, on request, the flows of every family.

mod families;

use std::error::Error;
use std::path::Path;
use std::{env, fs};

/// Flash and RAM of the board that stands for a target.
fn memory(target: &str) -> &'static str {
    // Some linkers insist on the spaces.
    if target.starts_with("thumbv6m") {
        "MEMORY\n{\n  FLASH : ORIGIN = 0x00000000, LENGTH = 256K\n  RAM : ORIGIN = 0x20000000, LENGTH = 16K\n}\n"
    } else {
        "MEMORY\n{\n  FLASH : ORIGIN = 0x00000000, LENGTH = 4M\n  RAM : ORIGIN = 0x20000000, LENGTH = 4M\n}\n"
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let out = env::var("OUT_DIR")?;
    let target = env::var("TARGET")?;
    fs::write(Path::new(&out).join("memory.x"), memory(&target))?;
    println!("cargo::rustc-link-search={out}");
    println!("cargo::rustc-link-arg-bins=-Tlink.x");
    println!("cargo::rerun-if-changed=build");
    if env::var_os("CARGO_FEATURE_FAMILIES").is_some() {
        families::generate(Path::new(&out))?;
    }
    Ok(())
}
