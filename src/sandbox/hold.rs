//! The way in: run a child, find out how children can be held here, and the binary's hidden modes.

use std::net::{SocketAddr, TcpListener, UdpSocket};
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::{Mutex, OnceLock, PoisonError};
use std::thread::JoinHandle;

use serde::{Deserialize, Serialize};

use super::broker::Broker;
use super::child::{Bind, ChildEnd, ChildOutcome, ChildSpec, Containment};
use super::stop::StopToken;

/// The first argument that makes the binary a helper instead of the program.
pub const HELPER_ARGUMENT: &str = "__contain";

/// How a child is to be held.
#[derive(Debug, Clone, Copy)]
pub struct Hold<'a> {
    /// The archal binary, which is re-executed as the helper; an absolute path.
    pub helper: &'a Path,
    /// Namespaces where [`probe`] says they work, else the process group.
    pub containment: Containment,
    /// Ends the child as its timeout would, and is told apart; none where nobody can ask for it.
    pub stop: Option<&'a StopToken>,
}

impl Hold<'_> {
    pub(super) fn is_stopped(&self) -> bool {
        self.stop.is_some_and(StopToken::is_stopped)
    }
}

/// A network of its own for a child: nothing but its loopback, with sockets that archal serves.
pub struct OwnNetwork<'a> {
    /// Where to listen for connections; every IPv4 address is the child's own.
    pub tcp: &'a [SocketAddr],
    /// UDP ports to receive on, on 127.0.0.1.
    pub udp: &'a [u16],
    /// Where connections to all other addresses are led; the kernel refuses them where none.
    pub redirect: Option<Redirect>,
    /// Unix sockets of the host's programs that the child may reach; all others are hidden.
    pub visible: &'a [PathBuf],
    /// Files shown over others where both exist; those that do not are left out.
    pub files: &'a [Bind],
    /// Takes what there is of it before the child starts.
    pub serve: &'a mut dyn FnMut(InsideNetwork),
}

/// Where connections of a child are led that none of its network's listeners is for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Redirect {
    /// The port on 127.0.0.1 that all of them come to.
    pub to: u16,
    /// Ports that have listeners of their own on every address.
    pub except: Vec<u16>,
    /// The port on 127.0.0.1 that questions for names come to, whichever server they are for.
    pub names: u16,
}

/// Sockets that belong to a child's network and are served from outside, in the order asked for.
#[derive(Debug)]
pub struct InsideSockets {
    /// Listeners.
    pub tcp: Vec<TcpListener>,
    /// Datagram sockets.
    pub udp: Vec<UdpSocket>,
}

/// A child's network, as it is reached from outside.
#[derive(Debug)]
pub struct InsideNetwork {
    /// Its sockets.
    pub sockets: InsideSockets,
    /// Makes connections into the network for as long as the child runs.
    pub broker: Broker,
    /// Why connections to other addresses could not be led as asked for.
    pub not_led: Option<String>,
}

/// What holding children is possible here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Probe {
    /// Whether user, mount, PID and network namespaces work; otherwise why not, for a person.
    pub namespaces: Result<(), String>,
}

impl Probe {
    /// The best containment that works.
    pub fn containment(&self) -> Containment {
        match self.namespaces {
            Ok(()) => Containment::Namespaces,
            Err(_) => Containment::Pgroup,
        }
    }
}

/// A [`probe`] that may still be going on, or begins when somebody asks for it.
#[derive(Debug)]
pub struct Probing {
    helper: PathBuf,
    thread: Mutex<Option<JoinHandle<Probe>>>,
    found: OnceLock<Probe>,
}

impl Probing {
    /// What was found out before; where nothing was, a probe begins with the helper at that path.
    pub fn of(known: Option<Probe>, helper: &Path) -> Self {
        let later = Self::later(known, helper);
        if later.found.get().is_some() {
            return later;
        }
        let path = helper.to_owned();
        // It is the end of its thread that would be the end of the child, so it waits there.
        let thread = std::thread::Builder::new()
            .name("archal-probe".to_owned())
            .spawn(move || probe(&path));
        Self {
            thread: Mutex::new(thread.ok()),
            ..later
        }
    }

    /// The same, but what is not known is tried when it is asked for.
    pub fn later(known: Option<Probe>, helper: &Path) -> Self {
        Self {
            helper: helper.to_owned(),
            thread: Mutex::default(),
            found: known.map_or_else(OnceLock::new, OnceLock::from),
        }
    }

    /// What it found; waits for it the first time.
    pub fn wait(&self) -> &Probe {
        self.found.get_or_init(|| {
            let mut thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner);
            let Some(thread) = thread.take() else {
                return probe(&self.helper);
            };
            thread.join().unwrap_or_else(|_| Probe {
                namespaces: Err("the trial of namespaces failed; this is a fault of archal".into()),
            })
        })
    }
}

/// Runs a child on the host's network and waits for the end of it and all its descendants.
///
/// Blocks; the calling thread's end would be the child's end. Nothing is inherited but what
/// the spec names. Every failure to start is an outcome, never an error.
pub fn run(spec: &ChildSpec, hold: &Hold<'_>) -> ChildEnd {
    held(spec, hold, None)
}

/// [`run`]s a child in a network of its own. Needs namespaces.
pub fn run_isolated(spec: &ChildSpec, hold: &Hold<'_>, network: OwnNetwork<'_>) -> ChildEnd {
    if hold.containment != Containment::Namespaces {
        return not_started(
            hold.containment,
            "a network of its own needs namespaces".to_owned(),
        );
    }
    held(spec, hold, Some(network))
}

/// [`run_isolated`]s a child that keeps the caller's stdin, stdout and stderr, and stands in the
/// caller's terminal, so that Ctrl-C reaches it; nothing of what it writes is kept. `started` gets the
/// way to send it signals.
pub fn run_attached(
    spec: &ChildSpec,
    hold: &Hold<'_>,
    network: OwnNetwork<'_>,
    started: &mut dyn FnMut(Signals),
) -> ChildEnd {
    if hold.containment != Containment::Namespaces {
        return not_started(
            hold.containment,
            "a network of its own needs namespaces".to_owned(),
        );
    }
    platform_run(spec, hold, Some(network), Streams::Callers(started))
}

/// [`run`]s a child that reads and writes pipes which the caller holds; what it writes to stderr is kept.
pub(super) fn run_piped(spec: &ChildSpec, hold: &Hold<'_>, pipes: Pipes) -> ChildEnd {
    if hold.is_stopped() {
        return nothing_ran(hold.containment, ChildOutcome::Stopped);
    }
    platform_run(spec, hold, None, Streams::Piped(pipes))
}

/// What a child reads and writes.
pub(super) enum Streams<'a> {
    /// It has nothing to read, and what it writes is kept.
    Kept,
    /// The caller's own; whoever is given the way to send it signals gets it.
    Callers(&'a mut dyn FnMut(Signals)),
    /// Pipes; stderr is kept.
    Piped(Pipes),
}

/// The child's ends of two pipes.
#[derive(Debug)]
pub(super) struct Pipes {
    /// What it reads.
    pub(super) stdin: OwnedFd,
    /// What it writes.
    pub(super) stdout: OwnedFd,
}

fn held(spec: &ChildSpec, hold: &Hold<'_>, network: Option<OwnNetwork<'_>>) -> ChildEnd {
    if hold.is_stopped() {
        return nothing_ran(hold.containment, ChildOutcome::Stopped);
    }
    platform_run(spec, hold, network, Streams::Kept)
}

/// The way to send signals to a child that keeps the caller's terminal.
#[derive(Debug)]
pub struct Signals {
    #[cfg(target_os = "linux")]
    pub(super) control: std::sync::Arc<Mutex<std::os::unix::net::UnixStream>>,
}

impl Signals {
    /// Sends a signal by its number to the program itself; one that has ended gets none.
    pub fn send(&self, signal: i32) {
        #[cfg(target_os = "linux")]
        {
            let order = super::control::Order::Signal(signal);
            let control = self.control.lock();
            // Whoever panicked with it had sent its frame or not.
            let control = control.unwrap_or_else(PoisonError::into_inner);
            super::control::send(&control, &order, &[]).ok();
        }
        #[cfg(not(target_os = "linux"))]
        let _nobody = signal;
    }
}

/// Tries for real whether namespaces work here, with the helper at that path; takes milliseconds.
pub fn probe(helper: &Path) -> Probe {
    platform_probe(helper)
}

/// Tries for real whether connections of a child can be led to one listener, where namespaces work.
///
/// # Errors
///
/// Why they cannot, for a person.
pub fn probe_redirect(helper: &Path) -> Result<(), String> {
    let mut led = Err("no child could be started".to_owned());
    let spec = nothing();
    let hold = Hold {
        helper,
        containment: Containment::Namespaces,
        stop: None,
    };
    let network = OwnNetwork {
        tcp: &[],
        udp: &[],
        redirect: Some(Redirect {
            to: 1,
            except: Vec::new(),
            names: 1,
        }),
        visible: &[],
        files: &[],
        serve: &mut |network| led = network.not_led.map_or(Ok(()), Err),
    };
    run_isolated(&spec, &hold, network);
    led
}

/// A child that does nothing.
pub(super) fn nothing() -> ChildSpec {
    ChildSpec {
        command: vec![
            "/proc/self/exe".to_owned(),
            HELPER_ARGUMENT.to_owned(),
            "nothing".to_owned(),
        ],
        directory: "/".into(),
        environment: std::collections::BTreeMap::new(),
        timeout: std::time::Duration::from_secs(5),
        idle: None,
        grace: std::time::Duration::ZERO,
        output_cap: 4096,
        binds: Vec::new(),
        process_limit: None,
        confine: None,
    }
}

/// Where programs of this machine listen: on its loopback, and on Unix sockets with a path.
pub fn listening() -> (Vec<SocketAddr>, Vec<PathBuf>) {
    platform_listening()
}

/// Runs the helper mode that `arguments` (without the program's name) ask for; none when they
/// ask for no helper mode.
///
/// Must be called before the process has a second thread.
pub fn helper_main(arguments: &[String]) -> Option<ExitCode> {
    let (first, rest) = arguments.split_first()?;
    if first != HELPER_ARGUMENT {
        return None;
    }
    Some(platform_helper(rest))
}

/// The end of a child that never started.
pub fn not_started(containment: Containment, reason: String) -> ChildEnd {
    nothing_ran(containment, ChildOutcome::NotStarted { reason })
}

fn nothing_ran(containment: Containment, outcome: ChildOutcome) -> ChildEnd {
    ChildEnd {
        outcome,
        pid: None,
        stdout: Vec::new(),
        stderr: Vec::new(),
        stdout_tail: Vec::new(),
        was_idle: false,
        stdout_dropped: 0,
        stderr_dropped: 0,
        duration: std::time::Duration::ZERO,
        alive: std::time::Duration::ZERO,
        containment,
        process_limit: NOT_ENFORCED.to_owned(),
        confined: None,
    }
}

/// What is recorded where nothing enforces a process limit.
pub(super) const NOT_ENFORCED: &str = "not enforced";

#[cfg(target_os = "linux")]
use super::linux::{listening as platform_listening, probe as platform_probe, run as platform_run};
#[cfg(target_os = "linux")]
use super::modes::helper as platform_helper;
#[cfg(not(target_os = "linux"))]
use super::portable::{
    helper as platform_helper, listening as platform_listening, probe as platform_probe,
    run as platform_run,
};
