//! Running a child through the helper, and watching clocks, pipes and the control socket.

use std::io;
use std::net::SocketAddr;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStderr, ChildStdout, Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use archal_core::confined::Confined;

use rustix::event::{PollFd, PollFlags, Timespec, poll};

use super::broker::Broker;
use super::cgroup::Cgroup;
use super::child::{ChildEnd, ChildOutcome, ChildSpec, Containment};
use super::confine::signs;
use super::control::{self, Order, Report, Start};
use super::hold::{
    self, HELPER_ARGUMENT, Hold, InsideNetwork, InsideSockets, NOT_ENFORCED, OwnNetwork, Probe,
    Signals, Streams, not_started,
};
use super::listening::{self, Others};
use super::mounts::LOOKUP_SOCKETS;
use super::orphans::{self, Running};
use super::pipes::Pipe;
use super::stop::{Alarm, StopToken};

/// How long after SIGKILL the helper itself is given up.
const KILL_PATIENCE: Duration = Duration::from_secs(10);
/// How long output is waited for once the child and its descendants are gone.
const OUTPUT_PATIENCE: Duration = Duration::from_secs(2);
/// Tasks of the helper inside a child's cgroup.
const HELPER_TASKS: u64 = 3;

/// Runs a child and waits for the end of it and all its descendants.
pub(super) fn run(
    spec: &ChildSpec,
    hold: &Hold<'_>,
    mut network: Option<OwnNetwork<'_>>,
    streams: Streams<'_>,
) -> ChildEnd {
    let started = Instant::now();
    let memory = spec.confine.as_ref().and_then(|confine| confine.memory);
    let cgroup = spec
        .process_limit
        .and_then(|limit| Cgroup::create(limit.saturating_add(HELPER_TASKS), memory));
    let order = start(spec, network.as_ref(), cgroup.as_ref());
    let network_of = match (&streams, &network) {
        (Streams::Callers(_), _) => "attached",
        (_, Some(_)) => "own",
        (_, None) => "host",
    };
    let (stdin, stdout, signalled) = match streams {
        Streams::Kept => (None, Some(Stdio::piped()), None),
        Streams::Callers(signalled) => (None, None, Some(signalled)),
        Streams::Piped(pipes) => (Some(pipes.stdin), Some(pipes.stdout.into()), None),
    };
    let order = Order::Start(Box::new(order));
    let spawned = spawn_helper(hold, network_of, cgroup.as_ref(), stdout).and_then(|helper| {
        let alarm = hold.stop.map(StopToken::alarm).transpose()?;
        let stdin = match signalled {
            Some(signalled) => {
                signalled(Signals {
                    control: Arc::clone(&helper.orders),
                });
                vec![io::stdin().as_fd().try_clone_to_owned()?]
            }
            None => Vec::from_iter(stdin),
        };
        control::send(&helper.control, &order, &stdin)?;
        Ok((helper, alarm))
    });
    let mut end = match spawned {
        Ok((helper, alarm)) => {
            Watch::new(helper, alarm, spec, hold.containment, started).until_end(&mut network)
        }
        Err(error) => not_started(
            hold.containment,
            format!(
                "the helper {} cannot be started: {error}",
                hold.helper.display()
            ),
        ),
    };
    end.duration = started.elapsed();
    end
}

/// Where programs of this machine listen.
pub(super) fn listening() -> (Vec<SocketAddr>, Vec<PathBuf>) {
    let others = listening::sockets(&[], true);
    (listening::local(), others.paths.into_iter().collect())
}

/// Tries namespaces with a child that does nothing.
pub(super) fn probe(helper: &Path) -> Probe {
    let spec = hold::nothing();
    let hold = Hold {
        helper,
        containment: Containment::Namespaces,
        stop: None,
    };
    let network = OwnNetwork {
        tcp: &[SocketAddr::from(([0, 0, 0, 0], 443))],
        udp: &[53],
        redirect: None,
        visible: &[],
        files: &[],
        serve: &mut |_| {},
    };
    let end = run(&spec, &hold, Some(network), Streams::Kept);
    Probe {
        namespaces: match end.outcome {
            ChildOutcome::Exited { code: 0 } => Ok(()),
            ChildOutcome::NotStarted { reason } => Err(with_cause(reason)),
            ChildOutcome::Exited { code } => Err(format!("a contained program ended with {code}")),
            ChildOutcome::Killed { signal } => {
                Err(format!("a contained program was killed by signal {signal}"))
            }
            ChildOutcome::TimedOut | ChildOutcome::Stopped => {
                Err("a contained program did not end".to_owned())
            }
        },
    }
}

/// The reason with the setting that is known to cause it, where one is on.
fn with_cause(reason: String) -> String {
    let causes = [
        ("kernel.apparmor_restrict_unprivileged_userns", "1"),
        ("kernel.unprivileged_userns_clone", "0"),
        ("user.max_user_namespaces", "0"),
    ];
    for (setting, value) in causes {
        let path = format!("/proc/sys/{}", setting.replace('.', "/"));
        if std::fs::read_to_string(path).is_ok_and(|found| found.trim() == value) {
            return format!("{reason}; {setting} is {value}");
        }
    }
    reason
}

fn start(spec: &ChildSpec, network: Option<&OwnNetwork<'_>>, cgroup: Option<&Cgroup>) -> Start {
    let is_confined = spec.confine.is_some();
    let others = match (network, is_confined) {
        (Some(network), _) => listening::sockets(network.visible, is_confined),
        // Who reaches what archal reaches may ask for names, too.
        (None, true) => listening::sockets(&LOOKUP_SOCKETS.map(PathBuf::from), true),
        (None, false) => Others::default(),
    };
    Start {
        command: spec.command.clone(),
        directory: spec.directory.clone(),
        environment: spec.environment.clone(),
        binds: spec.binds.clone(),
        optional_binds: network.map_or_else(Vec::new, |network| network.files.to_vec()),
        process_limit: spec.process_limit,
        cgroup: cgroup.map(|cgroup| cgroup.folder().to_owned()),
        own_network: network.is_some(),
        tcp: network.map_or_else(Vec::new, |network| network.tcp.to_vec()),
        udp: network.map_or_else(Vec::new, |network| network.udp.to_vec()),
        redirect: network.and_then(|network| network.redirect.clone()),
        hidden: others.paths.into_iter().collect(),
        not_hidden: others.unknown,
        confine: spec.confine.clone(),
        is_memory_limited: cgroup.is_some_and(|cgroup| cgroup.limits_memory),
    }
}

/// The side that sends orders, which the broker shares with the watch.
type Orders = Arc<Mutex<UnixStream>>;

struct Helper {
    process: Child,
    running: Running,
    control: UnixStream,
    orders: Orders,
    /// None where the child has the caller's, or a pipe of the caller's.
    stdout: Option<ChildStdout>,
    stderr: Option<ChildStderr>,
}

/// Starts the helper, whose stdout is the child's; the caller's streams are left to it where there is none.
fn spawn_helper(
    hold: &Hold<'_>,
    network: &str,
    cgroup: Option<&Cgroup>,
    stdout: Option<Stdio>,
) -> io::Result<Helper> {
    let (control, inside) = UnixStream::pair()?;
    let mut command = Command::new(hold.helper);
    command.arg(HELPER_ARGUMENT);
    match hold.containment {
        Containment::Namespaces => {
            command.args(["namespaces", network]);
        }
        Containment::Pgroup => {
            command.arg("pgroup");
        }
    }
    if let Some(cgroup) = cgroup {
        command.arg(cgroup.folder());
    }
    command
        .env_clear()
        .current_dir("/")
        .stdin(Stdio::from(OwnedFd::from(inside)));
    if let Some(stdout) = stdout {
        command.stdout(stdout).stderr(Stdio::piped());
    }
    let is_group = hold.containment == Containment::Pgroup;
    let (mut process, running) = orphans::start(&mut command, is_group)?;
    let (stdout, stderr) = (process.stdout.take(), process.stderr.take());
    let pipes = [
        stdout.as_ref().map(AsFd::as_fd),
        stderr.as_ref().map(AsFd::as_fd),
    ];
    for pipe in pipes.into_iter().flatten() {
        rustix::io::ioctl_fionbio(pipe, true)?;
    }
    let orders = Arc::new(Mutex::new(control.try_clone()?));
    Ok(Helper {
        process,
        running,
        control,
        orders,
        stdout,
        stderr,
    })
}

/// What is done to the child as time goes by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    Running,
    Terminating,
    Killing,
    GivenUp,
}

struct Watch {
    process: Child,
    running: Running,
    control: UnixStream,
    orders: Orders,
    broker: Broker,
    /// Until it rang.
    alarm: Option<Alarm>,
    stopped: bool,
    stdout: Pipe<ChildStdout>,
    stderr: Pipe<ChildStderr>,
    containment: Containment,
    deadline: Option<Instant>,
    /// How long it may be silent.
    idle: Option<Duration>,
    /// Since when it is.
    silent_since: Instant,
    was_idle: bool,
    phase: Phase,
    grace: Duration,
    process_limit: String,
    confined: Option<Confined>,
    outcome: Option<ChildOutcome>,
    /// When everything was ready for the program.
    ready: Option<Instant>,
    /// When its end was known.
    ended: Option<Instant>,
}

impl Watch {
    fn new(
        helper: Helper,
        alarm: Option<Alarm>,
        spec: &ChildSpec,
        containment: Containment,
        started: Instant,
    ) -> Self {
        let orders = Arc::clone(&helper.orders);
        let broker =
            Broker::new(move |number, port| send_order(&orders, &Order::Connect { number, port }));
        Self {
            process: helper.process,
            running: helper.running,
            control: helper.control,
            orders: helper.orders,
            broker,
            alarm,
            stopped: false,
            stdout: Pipe::new(helper.stdout, spec.output_cap),
            stderr: Pipe::new(helper.stderr, spec.output_cap),
            containment,
            deadline: started.checked_add(spec.timeout),
            idle: spec.idle,
            silent_since: started,
            was_idle: false,
            phase: Phase::Running,
            grace: spec.grace,
            process_limit: NOT_ENFORCED.to_owned(),
            confined: None,
            outcome: None,
            ready: None,
            ended: None,
        }
    }

    fn until_end(mut self, network: &mut Option<OwnNetwork<'_>>) -> ChildEnd {
        let mut buffer = vec![0; 64 * 1024];
        loop {
            let control_ready = match wait(
                Some(self.control.as_fd()),
                self.alarm.as_ref().map(AsFd::as_fd),
                self.stdout.open().map(AsFd::as_fd),
                self.stderr.open().map(AsFd::as_fd),
                self.next_look(),
            ) {
                Ok(ready) => {
                    self.read_pipes(ready, &mut buffer);
                    if ready.stop {
                        self.stop();
                    }
                    ready.control
                }
                // Only a broken argument or no memory: the end of the child is the safe answer.
                Err(_) => true,
            };
            if control_ready && !self.read_control(network) {
                self.ended = Some(Instant::now());
                break;
            }
            self.keep_time();
        }
        self.broker.close();
        // The helper ends only after everything it held; its own end is all that is left.
        let was_lost = self.phase == Phase::GivenUp || self.outcome.is_none();
        if was_lost {
            self.process.kill().ok();
        }
        self.process.wait().ok();
        // But not one that was killed, by the child itself perhaps.
        if was_lost && self.containment == Containment::Pgroup {
            orphans::end_all();
        }
        self.read_rest(&mut buffer);
        drop(self.running);
        let outcome = match self.outcome {
            Some(ChildOutcome::NotStarted { reason }) => ChildOutcome::NotStarted { reason },
            _ if self.phase != Phase::Running && self.stopped => ChildOutcome::Stopped,
            _ if self.phase != Phase::Running => ChildOutcome::TimedOut,
            Some(outcome) => outcome,
            None => ChildOutcome::Killed { signal: 9 },
        };
        let (stdout, stdout_tail, stdout_dropped) = self.stdout.finish();
        let (stderr, _, stderr_dropped) = self.stderr.finish();
        let mut confined = self.confined;
        if let Some(confined) = &mut confined {
            for stream in [&stdout, &stderr] {
                signs::read(stream, confined);
            }
        }
        ChildEnd {
            outcome,
            pid: Some(self.process.id()),
            stdout,
            stderr,
            stdout_tail,
            was_idle: self.was_idle,
            stdout_dropped,
            stderr_dropped,
            duration: Duration::ZERO,
            alive: match (self.ready, self.ended) {
                (Some(ready), Some(ended)) => ended.duration_since(ready),
                _ => Duration::ZERO,
            },
            containment: self.containment,
            process_limit: self.process_limit,
            confined,
        }
    }

    /// When its time is up, or its silence too long.
    fn next_look(&self) -> Option<Instant> {
        let silence = self
            .idle
            .filter(|_| self.phase == Phase::Running)
            .and_then(|idle| self.silent_since.checked_add(idle));
        [self.deadline, silence].into_iter().flatten().min()
    }

    /// Its time is up now, unless it was up before.
    fn stop(&mut self) {
        self.alarm = None;
        if self.phase == Phase::Running {
            self.stopped = true;
            self.deadline = Some(Instant::now());
        }
    }

    fn read_pipes(&mut self, ready: Ready, buffer: &mut [u8]) {
        let mut spoke = false;
        if ready.stdout {
            spoke |= self.stdout.read_some(buffer);
        }
        if ready.stderr {
            spoke |= self.stderr.read_some(buffer);
        }
        if spoke {
            self.silent_since = Instant::now();
        }
    }

    /// Reads one report; false when it was the last.
    fn read_control(&mut self, network: &mut Option<OwnNetwork<'_>>) -> bool {
        let ended = match control::receive::<Report>(&self.control) {
            // Said once: whoever says it again is not the helper as it was started.
            Ok(Some((Report::Ready { .. }, _))) if self.ready.is_some() => None,
            Ok(Some((
                Report::Ready {
                    process_limit,
                    not_led,
                    confined,
                },
                sockets,
            ))) => {
                self.process_limit = process_limit;
                self.confined = confined;
                if let Some(network) = network {
                    hand_over(network, sockets, self.broker.clone(), not_led);
                }
                self.silent_since = Instant::now();
                self.ready = Some(self.silent_since);
                return true;
            }
            Ok(Some((Report::Connected { number, error }, mut sockets))) => {
                let refused = || {
                    error.map_or_else(
                        || io::Error::other("the helper sent no connection"),
                        io::Error::from_raw_os_error,
                    )
                };
                self.broker
                    .answer(number, sockets.pop().ok_or_else(refused));
                return true;
            }
            Ok(Some((Report::NotStarted { reason }, _))) => {
                Some(ChildOutcome::NotStarted { reason })
            }
            Ok(Some((
                Report::Ended {
                    code,
                    signal,
                    refused,
                },
                _,
            ))) => {
                if let Some(confined) = &mut self.confined {
                    for refusal in refused {
                        confined.refuse(refusal.rule, refusal.what, refusal.by);
                    }
                }
                Some(match code {
                    Some(code) => ChildOutcome::Exited { code },
                    None => ChildOutcome::Killed {
                        signal: signal.unwrap_or(9),
                    },
                })
            }
            Ok(None) | Err(_) => None,
        };
        self.outcome = ended;
        false
    }

    /// Moves to the next phase when its time has come.
    fn keep_time(&mut self) {
        let now = Instant::now();
        if self.next_look().is_some_and(|look| look <= now)
            && self.deadline.is_none_or(|deadline| now < deadline)
        {
            self.was_idle = true;
            self.deadline = Some(now);
        }
        if self.deadline.is_none_or(|deadline| now < deadline) {
            return;
        }
        let (phase, order, wait) = match self.phase {
            Phase::Running => (Phase::Terminating, Some(Order::Terminate), self.grace),
            Phase::Terminating => (Phase::Killing, Some(Order::Kill), KILL_PATIENCE),
            Phase::Killing | Phase::GivenUp => (Phase::GivenUp, None, KILL_PATIENCE),
        };
        self.phase = phase;
        self.deadline = now.checked_add(wait);
        match order {
            Some(order) => {
                // A helper that is gone already is seen as the end of the control socket.
                send_order(&self.orders, &order).ok();
            }
            None => {
                self.process.kill().ok();
            }
        }
    }

    fn read_rest(&mut self, buffer: &mut [u8]) {
        let until = Instant::now().checked_add(OUTPUT_PATIENCE);
        while self.stdout.open().is_some() || self.stderr.open().is_some() {
            let ready = wait(
                None,
                None,
                self.stdout.open().map(AsFd::as_fd),
                self.stderr.open().map(AsFd::as_fd),
                until,
            );
            match ready {
                Ok(ready) if ready.stdout || ready.stderr => self.read_pipes(ready, buffer),
                Ok(_) if until.is_some_and(|until| Instant::now() < until) => {}
                Ok(_) | Err(_) => break,
            }
        }
    }
}

/// Sends a frame whole, whoever else sends.
fn send_order(orders: &Orders, order: &Order) -> io::Result<()> {
    let control = orders.lock().unwrap_or_else(PoisonError::into_inner);
    control::send(&control, order, &[])
}

fn hand_over(
    network: &mut OwnNetwork<'_>,
    sockets: Vec<OwnedFd>,
    broker: Broker,
    not_led: Option<String>,
) {
    let mut sockets = sockets.into_iter();
    let tcp = sockets
        .by_ref()
        .take(network.tcp.len())
        .map(Into::into)
        .collect();
    let udp = sockets.map(Into::into).collect();
    (network.serve)(InsideNetwork {
        sockets: InsideSockets { tcp, udp },
        broker,
        not_led,
    });
}

#[derive(Debug, Clone, Copy, Default)]
struct Ready {
    control: bool,
    stop: bool,
    stdout: bool,
    stderr: bool,
}

/// Waits until one of them can be read or the time has come.
fn wait(
    control: Option<BorrowedFd<'_>>,
    stop: Option<BorrowedFd<'_>>,
    stdout: Option<BorrowedFd<'_>>,
    stderr: Option<BorrowedFd<'_>>,
    deadline: Option<Instant>,
) -> io::Result<Ready> {
    let sources = [control, stop, stdout, stderr];
    let mut polled: Vec<PollFd<'_>> = sources
        .iter()
        .flatten()
        .map(|source| PollFd::from_borrowed_fd(*source, PollFlags::IN))
        .collect();
    let timeout = deadline.map(|deadline| {
        let left = deadline.saturating_duration_since(Instant::now());
        Timespec {
            // A wait of days is as good as any longer one: the caller asks again.
            tv_sec: left.as_secs().min(100_000).cast_signed(),
            tv_nsec: left.subsec_nanos().into(),
        }
    });
    match poll(&mut polled, timeout.as_ref()) {
        Ok(_) => {}
        Err(rustix::io::Errno::INTR) => return Ok(Ready::default()),
        Err(error) => return Err(error.into()),
    }
    let mut answers = polled.iter().map(|polled| !polled.revents().is_empty());
    let mut ready = [false; 4];
    for (slot, source) in ready.iter_mut().zip(sources) {
        if source.is_some() {
            *slot = answers.next().unwrap_or(false);
        }
    }
    let [control, stop, stdout, stderr] = ready;
    Ok(Ready {
        control,
        stop,
        stdout,
        stderr,
    })
}
