//! The program has no start-up code: the linker is told what to keep.

fn main() {
    println!("cargo::rustc-link-arg-bins=--entry=prove");
    println!("cargo::rustc-link-arg-bins=--gc-sections");
    println!("cargo::rerun-if-changed=build.rs");
}
