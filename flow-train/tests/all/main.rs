//! The integration tests of flow-train, in one program: each that links the library takes seconds to link.

mod alone;
mod amortised;
mod categorical;
mod cli;
mod fit;
mod fit_allocations;
mod forms;
mod import;
mod memory_limit;
mod model_errors;
mod model_laws;
mod out_of_core;
mod parallel;
mod parquet_tables;
mod past;
mod train;
mod variational;
mod zuko;
