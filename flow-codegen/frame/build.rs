//! Writes the memory map of the target's board.

use std::error::Error;
use std::path::Path;
use std::{env, fs};

/// Flash and RAM of the board that stands for a target; with the feature `large`, of the largest.
fn memory(target: &str) -> String {
    let [flash, ram] = match target {
        "thumbv6m-none-eabi" if env::var_os("CARGO_FEATURE_LARGE").is_none() => {
            [(0x0000_0000, "256K"), (0x2000_0000, "16K")]
        }
        "thumbv8m.main-none-eabihf" => [(0x1000_0000, "4M"), (0x3800_0000, "4M")],
        // One memory, of which the linker gets two parts.
        "riscv32imc-unknown-none-elf" => [(0x8000_0000, "4M"), (0x8040_0000, "4M")],
        _ => [(0x0000_0000, "4M"), (0x2000_0000, "4M")],
    };
    // Some linkers insist on the spaces.
    let region = |name: &str, (origin, length): (u32, &str)| {
        format!("  {name} : ORIGIN = {origin:#010x}, LENGTH = {length}\n")
    };
    let mut text = format!(
        "MEMORY\n{{\n{}{}}}\n",
        region("FLASH", flash),
        region("RAM", ram)
    );
    if target.starts_with("riscv") {
        for (alias, place) in [
            ("TEXT", "FLASH"),
            ("RODATA", "FLASH"),
            ("DATA", "RAM"),
            ("BSS", "RAM"),
            ("HEAP", "RAM"),
            ("STACK", "RAM"),
        ] {
            text += &format!("REGION_ALIAS(\"REGION_{alias}\", {place});\n");
        }
    }
    text
}

fn main() -> Result<(), Box<dyn Error>> {
    let out = env::var("OUT_DIR")?;
    fs::write(
        Path::new(&out).join("memory.x"),
        memory(&env::var("TARGET")?),
    )?;
    println!("cargo::rustc-link-search={out}");
    println!("cargo::rerun-if-changed=build.rs");
    Ok(())
}
