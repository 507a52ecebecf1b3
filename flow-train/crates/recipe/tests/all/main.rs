//! The integration tests of training in one go, in one program.

mod categorical;
mod past;
mod train;
