//! The helper's second stage: process 1 of the child's namespaces.
//!
//! Its end, for whatever reason, makes the kernel kill every process in them.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use nix::errno::Errno;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use super::confine::stage::Stage;
use super::control::{self, Order, Report, Start};
use super::{launch, loopback, mounts, privileges, redirect};

/// Processes of the helper itself inside the user namespace: the first stage and two threads here.
const OWN_TASKS: u64 = 3;

/// Where programs listen that are meant for their own machine.
const LOOPBACK: [IpAddr; 2] = [
    IpAddr::V4(Ipv4Addr::LOCALHOST),
    IpAddr::V6(Ipv6Addr::LOCALHOST),
];
/// A loopback answers at once, unless whoever listens takes no connection.
const CONNECT: Duration = Duration::from_millis(500);

/// Prepares the namespaces, starts the child, reaps until it ends, and ends.
pub(super) fn main(control: UnixStream) -> ExitCode {
    let (start, stdin) = match control::receive::<Order>(&control) {
        Ok(Some((Order::Start(start), beside))) => (start, beside.into_iter().next()),
        _ => return ExitCode::FAILURE,
    };
    if let Err(reason) = privileges::close_memory() {
        return not_started(&control, reason);
    }
    match prepare_and_start(&control, &start, stdin) {
        Ok(running) => reap_until_end(&running),
        Err(reason) => not_started(&control, reason),
    }
}

fn not_started(control: &UnixStream, reason: String) -> ExitCode {
    match control::send(control, &Report::NotStarted { reason }, &[]) {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => ExitCode::FAILURE,
    }
}

/// Both threads send over it, a frame at a time.
type Reports = Arc<Mutex<UnixStream>>;

/// A child that was started.
struct Running {
    child: u32,
    reports: Reports,
    stage: Option<Stage>,
    /// Whether everything was told to end, so that nothing runs on of its own accord.
    is_ending: Arc<AtomicBool>,
}

fn prepare_and_start(
    control: &UnixStream,
    start: &Start,
    stdin: Option<OwnedFd>,
) -> Result<Running, String> {
    mounts::make_private().map_err(|error| format!("mounts cannot be made private: {error}"))?;
    let has_own_proc = mounts::own_proc();
    let mut stage = Stage::of(start);
    if let Some(stage) = &mut stage {
        stage.show(start, has_own_proc);
    }
    let mut sockets = Vec::new();
    let mut not_led = None;
    if start.own_network {
        loopback::up().map_err(|error| format!("the loopback cannot be brought up: {error}"))?;
        sockets = loopback::sockets(&start.tcp, &start.udp)
            .map_err(|error| format!("archal's ports cannot be opened: {error}"))?;
        let led = start.redirect.as_ref().map(redirect::install);
        not_led = led.and_then(|led| led.err().map(|error| error.to_string()));
        mounts::hide_name_services();
        mounts::hide_sockets(&start.hidden)?;
    } else if let Some(stage) = &mut stage {
        stage.hide_sockets(&start.hidden);
    }
    if let Some(stage) = &mut stage {
        stage.lacks(&start.not_hidden);
    }
    for bind in &start.optional_binds {
        if bind.source.exists() && bind.target.exists() {
            mount(bind)?;
        }
    }
    for bind in &start.binds {
        mount(bind)?;
    }
    privileges::drop_all().map_err(|error| format!("capabilities cannot be dropped: {error}"))?;
    // Changing credentials clears the death signal, so it is set only now.
    die_with_parent()?;
    let mut limited = privileges::limit(start, || OWN_TASKS);
    if let Some(stage) = &mut stage {
        limited = stage.close(start, limited)?;
    }
    let mut command = launch::command(start, None)?;
    if let Some(stdin) = stdin {
        command.stdin(stdin);
    }
    let ready = Report::Ready {
        process_limit: limited.to_owned(),
        not_led,
        confined: stage.as_ref().map(|stage| stage.confined(start)),
    };
    control::send(control, &ready, &sockets).map_err(|error| error.to_string())?;
    drop(sockets);
    let child = command
        .spawn()
        .map_err(|error| launch::failure(&start.command[0], &error))?;
    let no_thread = |error: io::Error| format!("the helper has no second thread: {error}");
    let reports = Arc::new(Mutex::new(control.try_clone().map_err(no_thread)?));
    let running = Running {
        child: child.id(),
        reports,
        stage,
        is_ending: Arc::default(),
    };
    follow_orders(control, &running).map_err(no_thread)?;
    Ok(running)
}

fn mount(bind: &super::child::Bind) -> Result<(), String> {
    mounts::bind(bind).map_err(|error| {
        format!(
            "{} cannot be shown at {}: {error}",
            bind.source.display(),
            bind.target.display()
        )
    })
}

/// Asks for SIGKILL when the first stage ends.
pub(super) fn die_with_parent() -> Result<(), String> {
    rustix::process::set_parent_process_death_signal(Some(rustix::process::Signal::KILL))
        .map_err(|error| format!("the death signal cannot be set: {error}"))
}

/// Follows archal's orders on a thread of its own; ends the process when archal is gone.
fn follow_orders(control: &UnixStream, running: &Running) -> io::Result<()> {
    let control = control.try_clone()?;
    let (child, reports) = (running.child, Arc::clone(&running.reports));
    let is_ending = Arc::clone(&running.is_ending);
    // Everything in the namespace but this process; an error means nobody is left.
    let all = move |signal| {
        is_ending.store(true, Ordering::SeqCst);
        kill(Pid::from_raw(-1), signal).ok();
    };
    std::thread::Builder::new()
        .name("orders".to_owned())
        .stack_size(128 * 1024)
        .spawn(move || {
            loop {
                match control::receive::<Order>(&control) {
                    Ok(Some((Order::Connect { number, port }, _))) => {
                        connect(&reports, number, port);
                    }
                    Ok(Some((Order::Terminate, _))) => all(Signal::SIGTERM),
                    // Not this process, which still has to say what it saw; it ends with the child.
                    Ok(Some((Order::Kill, _))) => all(Signal::SIGKILL),
                    Ok(Some((Order::Signal(number), _))) => {
                        if let Ok(signal) = Signal::try_from(number) {
                            kill(Pid::from_raw(child.cast_signed()), signal).ok();
                        }
                    }
                    _ => leave(),
                }
            }
        })
        .map(drop)
}

/// Connects to what the child listens on, at either address of its loopback.
fn connect(reports: &Reports, number: u64, port: u16) {
    let mut error = None;
    let mut sockets = Vec::new();
    for address in LOOPBACK {
        match TcpStream::connect_timeout(&SocketAddr::new(address, port), CONNECT) {
            Ok(stream) => {
                sockets.push(OwnedFd::from(stream));
                break;
            }
            Err(failed) => {
                error = Some(failed.raw_os_error().unwrap_or(Errno::ETIMEDOUT as i32));
            }
        }
    }
    // A failure means that archal is gone, which the next order shows.
    send(reports, &Report::Connected { number, error }, &sockets).ok();
}

fn send(reports: &Reports, report: &Report, sockets: &[OwnedFd]) -> io::Result<()> {
    let control = reports.lock().unwrap_or_else(PoisonError::into_inner);
    control::send(&control, report, sockets)
}

fn reap_until_end(running: &Running) -> ExitCode {
    let mut report = wait_for(running.child);
    if let (Report::Ended { refused, .. }, Some(stage)) = (&mut report, &running.stage) {
        *refused = stage.refused(running.is_ending.load(Ordering::SeqCst));
    }
    match send(&running.reports, &report, &[]) {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => ExitCode::FAILURE,
    }
}

/// Reaps every process that is handed to this one until `child` is among them.
pub(super) fn wait_for(child: u32) -> Report {
    loop {
        match rustix::process::wait(rustix::process::WaitOptions::empty()) {
            Ok(Some((pid, status))) if pid.as_raw_nonzero().get().unsigned_abs() == child => {
                return Report::Ended {
                    code: status.exit_status(),
                    signal: status.terminating_signal(),
                    refused: Vec::new(),
                };
            }
            Ok(_) | Err(rustix::io::Errno::INTR) => {}
            Err(error) => {
                return Report::NotStarted {
                    reason: format!("the child was lost: {error}"),
                };
            }
        }
    }
}

/// Ends the helper from a thread beside the one that waits: archal is gone or asked for it.
#[expect(
    clippy::disallowed_methods,
    reason = "the end of this process is what ends the child; it owns nothing else"
)]
fn leave() -> ! {
    std::process::exit(0)
}
