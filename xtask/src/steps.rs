//! Running one program and saying so.
#![expect(
    clippy::print_stderr,
    clippy::disallowed_methods,
    reason = "a development command talks to the developer and does as cargo's variables say"
)]

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::{Duration, Instant};

/// How long nothing is said.
const SILENCE: Duration = Duration::from_secs(15);

/// Why a development command ends, and with which exit code.
#[derive(Debug)]
pub(crate) struct Failure {
    /// 1: a check failed. 3: something is missing on this machine.
    pub(crate) code: u8,
    pub(crate) message: String,
}

impl Failure {
    pub(crate) fn bad(message: impl Into<String>) -> Self {
        Self {
            code: 1,
            message: message.into(),
        }
    }

    pub(crate) fn missing(message: impl Into<String>) -> Self {
        Self {
            code: 3,
            message: message.into(),
        }
    }
}

/// Says something to the developer.
pub(crate) fn note(text: &str) {
    eprintln!("xtask: {text}");
}

/// The repository.
pub(crate) fn root() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.parent().unwrap_or(here).to_owned()
}

/// Where cargo builds.
pub(crate) fn target() -> PathBuf {
    let chosen = std::env::var_os("CARGO_TARGET_DIR").filter(|folder| !folder.is_empty());
    root().join(chosen.unwrap_or_else(|| OsString::from("target")))
}

/// The cargo that runs this, in the repository.
pub(crate) fn cargo(arguments: &[&str]) -> Command {
    let program = std::env::var_os("CARGO").unwrap_or_else(|| OsString::from("cargo"));
    let mut command = Command::new(program);
    command.args(arguments).current_dir(root());
    command
}

/// Says what runs, runs it with stdin closed, and fails where it fails.
pub(crate) fn run(command: &mut Command) -> Result<(), Failure> {
    let line = shown(command);
    note(&line);
    let status = command
        .stdin(Stdio::null())
        .status()
        .map_err(|error| Failure::missing(format!("`{line}` cannot be started: {error}")))?;
    if status.success() {
        Ok(())
    } else {
        Err(Failure::bad(format!("`{line}` ended with {status}")))
    }
}

/// [`run`]s what is silent for long, and says from time to time that it still does.
pub(crate) fn run_at_length(command: &mut Command) -> Result<(), Failure> {
    let (line, began) = (shown(command), Instant::now());
    let said = |what: &str| note(&format!("`{line}` {what} {} s", began.elapsed().as_secs()));
    std::thread::scope(|scope| {
        let (_ended, is_ended) = mpsc::channel::<()>();
        scope.spawn(move || {
            while is_ended.recv_timeout(SILENCE) == Err(RecvTimeoutError::Timeout) {
                said("is at it for");
            }
            said("took");
        });
        run(command)
    })
}

/// What a program writes to stdout when it succeeds.
pub(crate) fn output(command: &mut Command) -> Result<String, Failure> {
    let line = shown(command);
    let output = command
        .stdin(Stdio::null())
        .stderr(Stdio::inherit())
        .output()
        .map_err(|error| Failure::missing(format!("`{line}` cannot be started: {error}")))?;
    if !output.status.success() {
        return Err(Failure::bad(format!(
            "`{line}` ended with {}",
            output.status
        )));
    }
    String::from_utf8(output.stdout)
        .map_err(|error| Failure::bad(format!("`{line}` wrote no text: {error}")))
}

/// Whether a program can be started and succeeds.
pub(crate) fn answers(command: &mut Command) -> bool {
    command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success())
}

fn shown(command: &Command) -> String {
    let program = Path::new(command.get_program());
    let name = program.file_name().unwrap_or(program.as_os_str());
    let mut line = name.to_string_lossy().into_owned();
    for argument in command.get_args() {
        line.push(' ');
        line.push_str(&argument.to_string_lossy());
    }
    line
}
