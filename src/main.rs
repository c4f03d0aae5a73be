//! Parses the command line, runs the command, maps the outcome to the exit code.

use std::process::ExitCode;

fn main() -> ExitCode {
    transload::cli::main()
}
