//! The command `flow`.

use std::process::ExitCode;

fn main() -> ExitCode {
    flow_train::cli::main()
}
