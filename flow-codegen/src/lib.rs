//! Compiles trained flows to Rust.
