//! Holding a child where Linux's means are missing: by its process group alone. Written for
//! macOS and not run there.
//!
//! A descendant that leaves the process group is not found. A child outlives an archal that is
//! killed by SIGKILL.

use std::net::SocketAddr;
use std::os::fd::AsFd;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitCode, Stdio};
use std::time::{Duration, Instant};

use archal_core::confined::Confined;
use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;

use super::child::{ChildEnd, ChildOutcome, ChildSpec, Containment};
use super::confine::{Confine, Network, seatbelt, signs};
use super::hold::{Hold, NOT_ENFORCED, OwnNetwork, Probe, Streams, not_started};
use super::pipes::Pipe;

/// Between two looks at the child and its pipes.
const TICK: Duration = Duration::from_millis(5);

/// There are no hidden modes here.
pub(super) fn helper(_arguments: &[String]) -> ExitCode {
    ExitCode::FAILURE
}

/// There are no namespaces here.
pub(super) fn probe(_helper: &Path) -> Probe {
    Probe {
        namespaces: Err("namespaces need Linux".to_owned()),
    }
}

/// Nothing asks for it where there are no namespaces.
pub(super) fn listening() -> (Vec<SocketAddr>, Vec<PathBuf>) {
    (Vec::new(), Vec::new())
}

/// Runs a child and waits for the end of it and its process group.
pub(super) fn run(
    spec: &ChildSpec,
    hold: &Hold<'_>,
    network: Option<OwnNetwork<'_>>,
    streams: Streams<'_>,
) -> ChildEnd {
    let started = Instant::now();
    if hold.containment == Containment::Namespaces || network.is_some() {
        return not_started(hold.containment, "namespaces need Linux".to_owned());
    }
    let confined = spec.confine.as_ref().map(confined);
    if let (Some(confined), Some(confine)) = (&confined, &spec.confine)
        && !confine.demand.is_met(confined)
    {
        let missing = confined.missing.join("; ");
        let reason = format!("not confined as required: {missing}");
        return not_started(hold.containment, reason);
    }
    let mut end = match spawn(spec, streams) {
        Ok(child) => watch(child, spec, hold, started),
        Err(reason) => not_started(hold.containment, reason),
    };
    end.duration = started.elapsed();
    end.confined = confined.map(|mut confined| {
        for stream in [&end.stdout, &end.stderr] {
            signs::read(stream, &mut confined);
        }
        confined
    });
    end
}

/// What a profile of Seatbelt enforces.
fn confined(confine: &Confine) -> Confined {
    let by = || Some("seatbelt".to_owned());
    let mut confined = Confined::default();
    if !Path::new(seatbelt::PROGRAM).exists() {
        let reason = format!("files: {} is not there", seatbelt::PROGRAM);
        confined.missing.push(reason);
        return confined;
    }
    confined.files = by();
    confined.network = match confine.network {
        Network::Open => Some("open".to_owned()),
        Network::Held { .. } => by(),
    };
    for part in ["system calls", "processes", "memory"] {
        let reason = format!("{part}: nothing limits them on this system");
        confined.missing.push(reason);
    }
    confined
}

fn spawn(spec: &ChildSpec, streams: Streams<'_>) -> Result<Child, String> {
    let (name, arguments) = spec.command.split_first().ok_or("the command is empty")?;
    if let Some(bind) = spec.binds.first() {
        return Err(format!(
            "{} cannot be shown at {} without namespaces",
            bind.source.display(),
            bind.target.display()
        ));
    }
    if !spec.directory.is_dir() {
        return Err(format!(
            "the working directory {} does not exist",
            spec.directory.display()
        ));
    }
    let mut command = match &spec.confine {
        Some(confine) if Path::new(seatbelt::PROGRAM).exists() => {
            let mut command = Command::new(seatbelt::PROGRAM);
            command.args(["-p", &seatbelt::profile(confine)]).arg(name);
            command
        }
        _ => Command::new(name),
    };
    let (stdin, stdout) = match streams {
        Streams::Kept | Streams::Callers(_) => (Stdio::null(), Stdio::piped()),
        Streams::Piped(pipes) => (pipes.stdin.into(), pipes.stdout.into()),
    };
    let child = command
        .args(arguments)
        .current_dir(&spec.directory)
        .env_clear()
        .envs(&spec.environment)
        .process_group(0)
        .stdin(stdin)
        .stdout(stdout)
        .stderr(Stdio::piped())
        .spawn()
        .map_err(|error| format!("{name} could not be started: {error}"))?;
    Ok(child)
}

fn watch(mut child: Child, spec: &ChildSpec, hold: &Hold<'_>, started: Instant) -> ChildEnd {
    let group = Pid::from_raw(child.id().cast_signed());
    let mut stdout = child
        .stdout
        .take()
        .map(|pipe| Pipe::new(pipe, spec.output_cap));
    let mut stderr = child
        .stderr
        .take()
        .map(|pipe| Pipe::new(pipe, spec.output_cap));
    for pipe in [
        stdout.as_ref().and_then(Pipe::open).map(AsFd::as_fd),
        stderr.as_ref().and_then(Pipe::open).map(AsFd::as_fd),
    ]
    .into_iter()
    .flatten()
    {
        rustix::io::ioctl_fionbio(pipe, true).ok();
    }
    let mut buffer = vec![0; 64 * 1024];
    // When and why it was asked to end.
    let mut asked: Option<(Duration, ChildOutcome)> = None;
    let mut killed = false;
    let (mut silent_since, mut was_idle) = (started, false);
    let status = loop {
        for spoke in [
            stdout.as_mut().map(|pipe| pipe.read_some(&mut buffer)),
            stderr.as_mut().map(|pipe| pipe.read_some(&mut buffer)),
        ] {
            if spoke == Some(true) {
                silent_since = Instant::now();
            }
        }
        if let Ok(Some(status)) = child.try_wait() {
            break Some(status);
        }
        let elapsed = started.elapsed();
        let is_idle = spec.idle.is_some_and(|idle| silent_since.elapsed() >= idle);
        let why = if elapsed >= spec.timeout || is_idle {
            Some(ChildOutcome::TimedOut)
        } else if hold.is_stopped() {
            Some(ChildOutcome::Stopped)
        } else {
            None
        };
        if let (None, Some(why)) = (&asked, why) {
            was_idle = is_idle && elapsed < spec.timeout;
            asked = Some((elapsed, why));
            killpg(group, Signal::SIGTERM).ok();
        }
        let is_over = |at: Duration| elapsed >= at.saturating_add(spec.grace);
        if !killed && asked.as_ref().is_some_and(|(at, _)| is_over(*at)) {
            killed = true;
            killpg(group, Signal::SIGKILL).ok();
        }
        std::thread::sleep(TICK);
    };
    let alive = started.elapsed();
    killpg(group, Signal::SIGKILL).ok();
    let until = Instant::now() + Duration::from_secs(2);
    let is_open = |pipe: &Option<Pipe<_>>| pipe.as_ref().is_some_and(|pipe| pipe.open().is_some());
    while Instant::now() < until && is_open(&stdout) {
        if let Some(pipe) = &mut stdout {
            pipe.read_some(&mut buffer);
        }
    }
    while Instant::now() < until && stderr.as_ref().is_some_and(|pipe| pipe.open().is_some()) {
        if let Some(pipe) = &mut stderr {
            pipe.read_some(&mut buffer);
        }
    }
    let outcome = match (asked, status) {
        (Some((_, why)), _) => why,
        (None, Some(status)) => match status.code() {
            Some(code) => ChildOutcome::Exited { code },
            None => ChildOutcome::Killed {
                signal: status.signal().unwrap_or(9),
            },
        },
        (None, None) => ChildOutcome::Killed { signal: 9 },
    };
    let (stdout, stdout_tail, stdout_dropped) = stdout.map(Pipe::finish).unwrap_or_default();
    let (stderr, _, stderr_dropped) = stderr.map(Pipe::finish).unwrap_or_default();
    ChildEnd {
        outcome,
        pid: Some(child.id()),
        stdout,
        stderr,
        stdout_tail,
        was_idle,
        stdout_dropped,
        stderr_dropped,
        duration: Duration::ZERO,
        alive,
        containment: Containment::Pgroup,
        process_limit: NOT_ENFORCED.to_owned(),
        confined: None,
    }
}
