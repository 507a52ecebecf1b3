//! What crosses crates, in one program: each that links all of them takes seconds to link.

mod amortised;
mod artefact;
mod batch;
mod bits;
mod blame;
mod cost;
mod crates;
mod detection;
mod examples;
mod extremes;
mod firmware;
mod frozen;
mod generated;
mod images;
mod log_sentinel;
mod noise;
mod passes;
mod programs;
mod reference;
mod released;
mod sensor;
mod sensor_calibration;
mod sensor_noise;
mod sequential;
mod tiny_camera;
mod variational;
