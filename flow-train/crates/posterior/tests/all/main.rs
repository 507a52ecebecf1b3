//! The integration tests of posteriors, in one program.

mod amortised;
mod variational;
