//! Dense layers in assembly for Cortex-M cores with a single-precision FPU
//! (M4F, M7, M33, M55): what `flow-embedded` runs there with its feature
//! `cortex-m-asm`. On other targets the crate is empty.
//!
//! Why assembly: a multiply-accumulate of a dense layer takes one instruction
//! to load the weight and one `vmla.f32`, unless weights are loaded many at a
//! time (`vldmia`), which the compiler does not do. The loop here takes 51
//! instructions for the 44 multiply-accumulates of 4 inputs and 11 rows; what the
//! compiler makes of the same panel takes about 2.5 for each.
//!
//! The order of operations is that of `flow_embedded::kernels::dot`: one
//! accumulator a row, inputs in ascending order, product rounded and sum
//! rounded (`vmla`, and not the fused `vfma`). The firmware under test holds
//! every size against it, bit for bit.
#![no_std]

#[cfg(all(target_arch = "arm", target_os = "none", target_abi = "eabihf"))]
mod panel;

#[cfg(all(target_arch = "arm", target_os = "none", target_abi = "eabihf"))]
pub use panel::{PANEL_ROWS, panel};
