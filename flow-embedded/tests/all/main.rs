//! The integration tests of flow-embedded, in one program.

#[cfg(all(feature = "libm", feature = "micromath"))]
mod accuracy;
#[cfg(feature = "libm")]
mod activation;
mod by_context;
mod categorical;
#[cfg(feature = "defmt")]
mod defmt;
mod fixed;
mod infinite;
mod kernels;
mod recalibration;
mod spline_reference;
mod state;
mod window;
