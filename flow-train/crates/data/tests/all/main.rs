//! The integration tests of recordings, in one program.

mod memory_limit;
mod out_of_core;
mod parquet_tables;
