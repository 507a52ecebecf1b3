//! Posteriors beside those of proven samplers: the figures of `docs/posterior.md`.

pub mod targets;
pub mod variational;
