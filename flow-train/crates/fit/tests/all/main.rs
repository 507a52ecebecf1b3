//! The integration tests of fitting, in one program.

mod allocations;
mod fit;
