//! Compiles the generated modules. The program has no start-up code: the linker is told what to keep.

use std::env;
use std::error::Error;
use std::path::Path;

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo::rustc-link-arg-bins=--entry=prove");
    println!("cargo::rustc-link-arg-bins=--gc-sections");
    println!("cargo::rerun-if-changed=build.rs");
    let out = env::var_os("OUT_DIR").ok_or("cargo sets OUT_DIR")?;
    let modules = Path::new(&out).join("golden");
    flow_modules::generate(&modules, |own| matches!(own.folder, "" | "f16"))?;
    Ok(())
}
