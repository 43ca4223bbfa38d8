//! The binary's hidden modes.

use std::fs;
use std::io;
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::process::{Command, ExitCode};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use nix::sched::{CloneFlags, unshare};
use signal_hook::consts::{SIGINT, SIGQUIT};

use super::control::{self, Report};
use super::hold::HELPER_ARGUMENT;
use super::inherited::close_inherited;
use super::{init, privileges, subreaper};

/// Runs the mode that the arguments behind [`HELPER_ARGUMENT`] name.
pub(super) fn helper(arguments: &[String]) -> ExitCode {
    let Some((mode, rest)) = arguments.split_first() else {
        return ExitCode::FAILURE;
    };
    match mode.as_str() {
        "namespaces" => {
            close_inherited();
            with_control(|control| namespaces(&control, rest))
        }
        "init" => with_control(init::main),
        "pgroup" => {
            close_inherited();
            with_control(|control| {
                join_cgroup(rest);
                detach();
                subreaper::main(control)
            })
        }
        "become" => subreaper::become_child(rest),
        "nothing" => ExitCode::SUCCESS,
        _ => ExitCode::FAILURE,
    }
}

fn with_control(mode: impl FnOnce(UnixStream) -> ExitCode) -> ExitCode {
    match io::stdin().as_fd().try_clone_to_owned() {
        Ok(control) => mode(UnixStream::from(control)),
        Err(_) => ExitCode::FAILURE,
    }
}

/// The first stage: makes the namespaces and starts process 1 in them. `rest` is `own` or
/// `host` for the network, or `attached` for an own one and the caller's terminal, and optionally a
/// cgroup to join.
fn namespaces(control: &UnixStream, rest: &[String]) -> ExitCode {
    join_cgroup(rest.get(1..).unwrap_or_default());
    let network = rest.first().map_or("host", String::as_str);
    if network == "attached" {
        outlive_the_terminals_signals();
    } else {
        detach();
    }
    let own_network = network != "host";
    match enter(own_network).and_then(|()| start_init()) {
        Ok(code) => code,
        Err(reason) => match control::send(control, &Report::NotStarted { reason }, &[]) {
            Ok(()) => ExitCode::SUCCESS,
            Err(_) => ExitCode::FAILURE,
        },
    }
}

fn enter(own_network: bool) -> Result<(), String> {
    let user = rustix::process::geteuid().as_raw();
    let group = rustix::process::getegid().as_raw();
    let mut flags = CloneFlags::CLONE_NEWUSER
        | CloneFlags::CLONE_NEWNS
        | CloneFlags::CLONE_NEWPID
        | CloneFlags::CLONE_NEWIPC;
    if own_network {
        flags |= CloneFlags::CLONE_NEWNET;
    }
    unshare(flags)
        .map_err(|error| format!("user namespaces are not permitted here (unshare: {error})"))?;
    // Without `deny` the kernel lets nobody but root map a group.
    write("/proc/self/setgroups", "deny")?;
    write("/proc/self/uid_map", &format!("{user} {user} 1"))?;
    write("/proc/self/gid_map", &format!("{group} {group} 1"))?;
    privileges::keep_across_exec().map_err(|error| {
        format!(
            "user namespaces give no capabilities here, as some AppArmor profiles have it ({error})"
        )
    })?;
    init::die_with_parent()
}

fn write(path: &str, text: &str) -> Result<(), String> {
    fs::write(path, text).map_err(|error| format!("{path} cannot be written: {error}"))
}

fn start_init() -> Result<ExitCode, String> {
    let mut child = Command::new("/proc/self/exe")
        .args([HELPER_ARGUMENT, "init"])
        .env_clear()
        .spawn()
        .map_err(|error| format!("the helper cannot be started again: {error}"))?;
    let status = child
        .wait()
        .map_err(|error| format!("the helper's second stage was lost: {error}"))?;
    Ok(if status.success() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

/// Leaves what the terminal says to the program: the end of this stage would be the program's.
/// Handlers, since signals that are ignored stay so in the program; process 1 of a namespace needs
/// none.
fn outlive_the_terminals_signals() {
    let nothing = Arc::new(AtomicBool::new(false));
    for signal in [SIGINT, SIGQUIT] {
        // Without one the program ends with this stage, which is what was asked for, too.
        signal_hook::flag::register(signal, Arc::clone(&nothing)).ok();
    }
}

fn join_cgroup(rest: &[String]) {
    if let [folder, ..] = rest {
        // Whether this worked is read back where the limit is reported.
        fs::write(format!("{folder}/cgroup.procs"), "0").ok();
    }
}

/// Leaves archal's session, so that Ctrl-C reaches archal alone, which ends the child.
fn detach() {
    // Fails only for the leader of a process group, which a spawned process is not.
    rustix::process::setsid().ok();
}
