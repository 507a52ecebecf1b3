//! The command `flow` as a user meets it: the real binary, real files, exit codes and sentences.

mod artefacts;
mod bad_input;
mod commands;
mod fleet;
mod flow;
mod image;
mod import;
mod measure;
mod noise;
mod noise_report;
mod overwriting;
mod past;
mod pipes;
mod promises;
mod sbc;
mod standing;
mod stated;
mod tables;
mod text;
mod train;
