//! What tests of several crates share.

pub mod alone;
pub mod forms;
