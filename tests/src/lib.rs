//! What the tests across crates share.

pub mod autoregression;
pub mod camera;
pub mod channels;
pub mod chip;
pub mod cost;
pub mod detection;
pub mod drafts;
pub mod example;
pub mod frozen;
pub mod images;
pub mod log;
pub mod noise;
pub mod posterior;
pub mod sensor;
pub mod text;
