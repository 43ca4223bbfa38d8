//! The helper where namespaces are not to be had: a child subreaper.
//!
//! Every orphan among the child's descendants becomes its own child, so it can find and kill
//! all of them, when the child ends or when archal is gone.

use std::fs;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::process::{Command, ExitCode};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use rustix::process::WaitOptions;

use super::confine::stage::Stage;
use super::control::{self, Order, Report, Start};
use super::hold::HELPER_ARGUMENT;
use super::{init, launch, privileges, processes};

/// How long descendants are hunted; processes stuck in the kernel outlive any signal.
const HUNT: Duration = Duration::from_secs(5);

/// Starts the child, and ends every descendant when it ends or archal is gone.
pub(super) fn main(control: UnixStream) -> ExitCode {
    let (start, stdin) = match control::receive::<Order>(&control) {
        Ok(Some((Order::Start(start), beside))) => (start, beside.into_iter().next()),
        _ => return ExitCode::FAILURE,
    };
    let report = match begin(&control, &start, stdin) {
        Ok(child) => init::wait_for(child),
        Err(reason) => Report::NotStarted { reason },
    };
    end_all();
    match control::send(&control, &report, &[]) {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => ExitCode::FAILURE,
    }
}

/// The stage between: becomes the program (found, named and given `arguments`) so that it dies
/// with the helper.
pub(super) fn become_child(arguments: &[String]) -> ExitCode {
    let [program, name, arguments @ ..] = arguments else {
        return ExitCode::FAILURE;
    };
    let prepared = rustix::process::setsid()
        .map_err(|error| error.to_string())
        .and_then(|_| {
            rustix::thread::set_no_new_privs(true).map_err(|error| error.to_string())?;
            init::die_with_parent()
        });
    if prepared.is_err() {
        return ExitCode::from(126);
    }
    // The helper checked the program before; what is left is a broken interpreter line, which a
    // shell answers with the same status.
    let _error = Command::new(program).arg0(name).args(arguments).exec();
    ExitCode::from(127)
}

fn begin(control: &UnixStream, start: &Start, stdin: Option<OwnedFd>) -> Result<u32, String> {
    rustix::process::set_child_subreaper(Some(rustix::process::getpid()))
        .map_err(|error| format!("orphans cannot be adopted: {error}"))?;
    if let Some(bind) = start.binds.first() {
        return Err(format!(
            "{} cannot be shown at {} without namespaces",
            bind.source.display(),
            bind.target.display()
        ));
    }
    let mut limited = privileges::limit(start, tasks_of_user);
    privileges::close_memory()?;
    let mut stage = Stage::of(start);
    if let Some(stage) = &mut stage {
        // What holds this thread holds the child, and cannot be had without it. Root's capabilities would
        // open what its owner closed, this process's memory among it.
        privileges::drop_all()
            .map_err(|error| format!("privileges cannot be given up: {error}"))?;
        limited = stage.close(start, limited)?;
    }
    let mut command = launch::command(start, Some(&[HELPER_ARGUMENT, "become"]))?;
    if let Some(stdin) = stdin {
        command.stdin(stdin);
    }
    let ready = Report::Ready {
        process_limit: limited.to_owned(),
        not_led: None,
        confined: stage.as_ref().map(|stage| stage.confined(start)),
    };
    control::send(control, &ready, &[]).map_err(|error| error.to_string())?;
    let child = command
        .spawn()
        .map_err(|error| launch::failure(&start.command[0], &error))?;
    follow_orders(control).map_err(|error| format!("the helper has no second thread: {error}"))?;
    Ok(child.id())
}

fn follow_orders(control: &UnixStream) -> std::io::Result<()> {
    let control = control.try_clone()?;
    std::thread::Builder::new()
        .name("orders".to_owned())
        .stack_size(256 * 1024)
        .spawn(move || {
            loop {
                match control::receive::<Order>(&control) {
                    Ok(Some((Order::Terminate, _))) => signal_all(Signal::SIGTERM),
                    Ok(Some((Order::Kill, _))) => signal_all(Signal::SIGKILL),
                    // Asked only of a child with a network of its own.
                    Ok(Some((Order::Connect { .. }, _))) => {}
                    _ => break,
                }
            }
            end_all();
            leave()
        })
        .map(drop)
}

/// Kills every descendant, again and again until none is left.
fn end_all() {
    let until = Instant::now() + HUNT;
    while Instant::now() < until {
        signal_all(Signal::SIGKILL);
        loop {
            match rustix::process::wait(WaitOptions::NOHANG) {
                Ok(Some(_)) => {}
                Ok(None) => break,
                // No child is left, and a subreaper's descendants are its children in the end.
                Err(rustix::io::Errno::CHILD) => return,
                Err(_) => break,
            }
        }
        std::thread::sleep(Duration::from_millis(2));
    }
}

fn signal_all(signal: Signal) {
    let table: Vec<_> = processes::all().collect();
    let own = rustix::process::getpid().as_raw_nonzero().get();
    for pid in processes::descendants(&table, [own]) {
        // It may have ended in between.
        kill(Pid::from_raw(pid), signal).ok();
    }
}

/// Threads of all processes of this user.
fn tasks_of_user() -> u64 {
    use std::os::unix::fs::MetadataExt;
    let user = rustix::process::getuid().as_raw();
    processes::all()
        .filter(|process| {
            fs::metadata(format!("/proc/{}", process.id))
                .is_ok_and(|metadata| metadata.uid() == user)
        })
        .map(|process| process.threads)
        .sum()
}

/// Ends the helper from a thread beside the one that waits: archal is gone or asked for it.
#[expect(
    clippy::disallowed_methods,
    reason = "the end of this process is what ends the child; it owns nothing else"
)]
fn leave() -> ! {
    std::process::exit(0)
}
