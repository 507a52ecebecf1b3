//! The files that a command line names: what is read, and what is written.
//!
//! ```text
//! command line ──► Given, Target ──► bind ──► command ──► Output::create(Target)
//!                   read   written    every target is compared with every file that is read
//! ```
//!
//! Readers of this module's siblings take a [`Given`], and [`Output`](super::output::Output) takes a
//! [`Target`]. Both come from the command line alone, so no command can write a file without this
//! comparison. A unit test refuses options that are bare paths.

mod given;
mod identity;
mod reads;
mod target;

pub(super) use given::Given;
pub(super) use target::Target;

use crate::Error;
use clap::builder::{PathBufValueParser, TypedValueParser};
use clap::{Arg, ArgMatches, Command};
use reads::Reads;
use std::path::PathBuf;
use std::sync::Arc;

/// Parses the model that `-o` may replace, see [`new_model`].
pub(super) fn old_model() -> impl TypedValueParser<Value = Given> {
    PathBufValueParser::new().map(Given::revised)
}

/// Parses the `-o` that may name the [`old_model`]: calibrating or quantising it in place.
pub(super) fn new_model() -> impl TypedValueParser<Value = Target> {
    PathBufValueParser::new().map(Target::revising)
}

/// What a command line does with files.
#[derive(Debug, Clone, Copy)]
pub(super) struct Named {
    /// An output is the standard output, where a report has no place.
    pub(super) to_stdout: bool,
}

/// Tells the targets of a command line what the command reads.
///
/// # Errors
/// A target is a file that is read, two targets are one file, or what can be read once is named twice.
pub(super) fn bind(command: &Command, matches: &ArgMatches) -> Result<Named, Error> {
    let (mut given, mut targets) = (Vec::new(), Vec::new());
    if let Some((name, matches)) = matches.subcommand() {
        let command = command.find_subcommand(name);
        for argument in command.into_iter().flat_map(Command::get_arguments) {
            let id = argument.get_id().as_str();
            // Of another type, or not given.
            let own = matches.try_get_many::<Given>(id).ok().flatten();
            given.extend(own.into_iter().flatten().cloned());
            let own = matches.try_get_many::<Target>(id).ok().flatten();
            let own = own.into_iter().flatten().cloned();
            targets.extend(own.map(|target| (option(argument), target)));
        }
    }
    let reads = Arc::new(Reads::of(&given)?);
    for own in &given {
        own.bind(&reads);
    }
    for (option, own) in &targets {
        own.bind(&reads, option);
    }
    for (index, (option, own)) in targets.iter().enumerate() {
        own.check()?;
        for (other_option, other) in &targets[..index] {
            if own.is_same(other) {
                return Err(Error::Usage(format!(
                    "{other_option} {other} and {option} {own} are one file, and the second would overwrite the \
                     first: name another file with {option}"
                )));
            }
        }
    }
    Ok(Named {
        to_stdout: targets.iter().any(|(_, own)| own.is_stdout()),
    })
}

/// An option as it is typed.
fn option(argument: &Arg) -> String {
    match (argument.get_short(), argument.get_long()) {
        (Some(short), _) => format!("-{short}"),
        (None, Some(long)) => format!("--{long}"),
        (None, None) => argument.get_id().as_str().to_uppercase(),
    }
}

impl clap::builder::ValueParserFactory for Given {
    type Parser = clap::builder::MapValueParser<PathBufValueParser, fn(PathBuf) -> Self>;

    fn value_parser() -> Self::Parser {
        PathBufValueParser::new().map(Self::new)
    }
}

impl clap::builder::ValueParserFactory for Target {
    type Parser = clap::builder::MapValueParser<PathBufValueParser, fn(PathBuf) -> Self>;

    fn value_parser() -> Self::Parser {
        PathBufValueParser::new().map(Self::new)
    }
}

#[cfg(test)]
mod tests {
    use crate::Cli;
    use clap::CommandFactory as _;
    use clap::builder::ValueParser;
    use std::path::PathBuf;

    #[test]
    fn every_path_of_a_command_is_read_or_written() {
        let bare = clap::value_parser!(PathBuf).type_id();
        let mut paths = 0;
        for command in Cli::command().get_subcommands() {
            for argument in command.get_arguments() {
                let own = argument.get_value_parser().type_id();
                assert!(
                    own != bare,
                    "{} {}: make it a Given or a Target",
                    command.get_name(),
                    argument.get_id()
                );
                let named = [
                    ValueParser::new(clap::value_parser!(super::Given)).type_id(),
                    ValueParser::new(clap::value_parser!(super::Target)).type_id(),
                ];
                paths += usize::from(named.contains(&own));
            }
        }
        assert!(paths > 20, "{paths} paths were found");
    }
}
