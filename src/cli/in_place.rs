//! Programs that stand in archal's place: they have its terminal and streams, get its signals, and end
//! it with their code.

use std::collections::BTreeMap;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use super::context::CommandContext;
use super::error::CliError;
use crate::host::forwarding::Forwarding;
use crate::sandbox::child::{ChildOutcome, ChildSpec};
use crate::session::service::led;

/// How a program ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ended {
    /// With a code.
    Code(i32),
    /// By a signal.
    Signal(i32),
}

impl Ended {
    /// The code that shells give to it.
    pub(crate) fn code(self) -> u8 {
        let code = match self {
            Self::Code(code) => code,
            Self::Signal(signal) => 128 + signal,
        };
        u8::try_from(code).unwrap_or(u8::MAX)
    }
}

/// From SIGTERM to SIGKILL, for a program that has no limit of time.
const GRACE: Duration = Duration::from_secs(5);

/// A program that has archal's own streams, and as long as it wants.
pub(crate) fn attended(
    command: &[String],
    environment: BTreeMap<String, String>,
    cx: &CommandContext,
) -> ChildSpec {
    ChildSpec {
        command: command.to_owned(),
        directory: cx.environment.directory.clone(),
        environment,
        timeout: Duration::MAX,
        idle: None,
        grace: GRACE,
        output_cap: 0,
        binds: Vec::new(),
        process_limit: None,
        confine: None,
    }
}

/// How one that was held ended.
///
/// # Errors
///
/// When it could not be started.
pub(crate) fn held(outcome: ChildOutcome) -> Result<Ended, CliError> {
    match outcome {
        ChildOutcome::Exited { code } => Ok(Ended::Code(code)),
        ChildOutcome::Killed { signal } => Ok(Ended::Signal(signal)),
        ChildOutcome::NotStarted { reason } => Err(CliError::environment(reason)),
        ChildOutcome::TimedOut | ChildOutcome::Stopped => Ok(Ended::Signal(Signal::SIGTERM as i32)),
    }
}

/// Runs one on this machine's network, led by variables.
///
/// # Errors
///
/// When it cannot be started or waited for.
pub(crate) fn led(
    command: &[String],
    directory: &Path,
    variables: &BTreeMap<String, String>,
) -> Result<Ended, CliError> {
    let mut child = led::start(command, directory, variables).map_err(|error| {
        let program = command.first().map_or("", String::as_str);
        CliError::environment(format!("{program} cannot be started: {error}"))
    })?;
    let id = Pid::from_raw(child.id().cast_signed());
    let forwarding = Forwarding::begin(move |signal| {
        if let Ok(signal) = Signal::try_from(signal) {
            // It may have ended already.
            kill(id, signal).ok();
        }
    });
    let status = child.wait().map_err(CliError::environment)?;
    drop(forwarding);
    Ok(match (status.code(), status.signal()) {
        (Some(code), _) => Ended::Code(code),
        (None, signal) => Ended::Signal(signal.unwrap_or(0)),
    })
}
