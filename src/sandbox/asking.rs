//! Asks an installed program for its version.
//!
//! It is the user's own program and is not held, only not waited for.

use std::io::Read;
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::time::Duration;

use archal_core::environment::Environment;

/// A program that does not answer by then is not usable.
const PATIENCE: Duration = Duration::from_secs(5);
/// More than this is no answer to a question for a version.
const MAX_ANSWER: u64 = 4_096;

/// The program's answer on stdout, or why there is none, for a person.
pub fn run(program: &str, arguments: &[&str], environment: &Environment) -> Result<String, String> {
    let mut child = Command::new(program)
        .args(arguments)
        .env_clear()
        .envs(&environment.variables)
        .current_dir(&environment.directory)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .map_err(|error| match error.kind() {
            std::io::ErrorKind::NotFound => format!("{program} is not installed"),
            _ => format!("{program} cannot be started: {error}"),
        })?;
    let (send, receive) = mpsc::channel();
    let stdout = child.stdout.take();
    std::thread::spawn(move || {
        let mut answer = String::new();
        let read = stdout.map_or(Ok(0), |out| {
            out.take(MAX_ANSWER).read_to_string(&mut answer)
        });
        // The receiver is gone only when the program was too slow.
        _ = send.send(read.map(|_| answer));
    });
    let answer = receive.recv_timeout(PATIENCE);
    if answer.is_err() {
        // It may have ended by itself in between.
        _ = child.kill();
    }
    let status = child.wait().map_err(|error| error.to_string())?;
    match answer {
        Err(_) => Err(format!("{program} does not answer")),
        Ok(Err(error)) => Err(format!("{program} answers with no text: {error}")),
        Ok(Ok(_)) if !status.success() => Err(format!("{program} ended with {status}")),
        Ok(Ok(text)) => Ok(text.trim().to_owned()),
    }
}

/// Major and minor of the first version number in `text`: `git version 2.39.5 (…)`.
pub fn version(text: &str) -> Option<(u32, u32)> {
    text.split_whitespace().find_map(|word| {
        let mut parts = word.split('.');
        let major = parts.next()?.parse().ok()?;
        let minor = parts.next()?.parse().ok()?;
        Some((major, minor))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_found_in_what_programs_say() {
        assert_eq!(version("git version 2.39.5"), Some((2, 39)));
        assert_eq!(version("git version 2.50.1 (Apple Git-155)"), Some((2, 50)));
        assert_eq!(version("Python 3.11.7"), Some((3, 11)));
        assert_eq!(version("no version"), None);
    }

    #[test]
    fn a_program_that_is_not_there_is_named() {
        let environment = Environment {
            variables: [("PATH".to_owned(), "/nowhere".to_owned())].into(),
            directory: std::env::temp_dir(),
        };
        let missing = run("archal-no-such-program", &[], &environment);
        assert_eq!(
            missing,
            Err("archal-no-such-program is not installed".to_owned())
        );
    }
}
