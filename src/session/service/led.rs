//! Commands that are led to a session by their variables alone, where they cannot have a network of
//! their own.

use std::collections::BTreeMap;
use std::io;
use std::path::Path;
use std::process::{Child, Command};

/// Starts a command in the caller's terminal, with the caller's streams and these variables.
///
/// # Errors
///
/// When it cannot be started; an empty one is none.
pub fn start(
    command: &[String],
    directory: &Path,
    variables: &BTreeMap<String, String>,
) -> io::Result<Child> {
    let (program, arguments) = command
        .split_first()
        .ok_or_else(|| io::Error::from(io::ErrorKind::InvalidInput))?;
    Command::new(program)
        .args(arguments)
        .env_clear()
        .envs(variables)
        .current_dir(directory)
        .spawn()
}
