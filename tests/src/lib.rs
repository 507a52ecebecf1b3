//! What the tests across crates share.

pub mod channels;
pub mod cost;
pub mod detection;
pub mod drafts;
pub mod sensor;
