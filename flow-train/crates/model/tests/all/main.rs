//! The integration tests of trainable flows, in one program.

mod errors;
mod laws;
mod parallel;
mod zuko;
