//! What the tests across crates share.

pub mod channels;
pub mod cost;
pub mod drafts;
pub mod sensor;
