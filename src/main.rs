//! The `archal` binary.

use std::process::ExitCode;

fn main() -> ExitCode {
    archal::app::main(archal::cli::main)
}
