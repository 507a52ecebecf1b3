//! The integration tests of imports, in one program.

mod imports;
