//! The program has no start-up code: the linker is told what to keep. It compiles generated modules
//! from the folder `FLOW_MODULES`, which `cargo xtask no-panic` fills. A build script of each target
//! would have to build the compiler anew.

use std::env;
use std::path::Path;

fn main() -> Result<(), String> {
    println!("cargo::rustc-link-arg-bins=--entry=prove");
    println!("cargo::rustc-link-arg-bins=--gc-sections");
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-env-changed=FLOW_MODULES");
    let folder = env::var("FLOW_MODULES").map_err(
        |_| "FLOW_MODULES names no folder of generated modules: build by `cargo xtask no-panic`",
    )?;
    if !Path::new(&folder).join("maf.rs").is_file() {
        return Err(format!("{folder} holds no generated modules"));
    }
    println!("cargo::rustc-env=FLOW_MODULES={folder}");
    Ok(())
}
