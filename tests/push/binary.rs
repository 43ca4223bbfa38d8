//! The built binary at work as a source that is pushed to.

use std::fs;
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use archal::sandbox::StopToken;
use archal_testkit::cli::TestEnv;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;

use super::served::PATIENCE;

/// Between two looks at the trace directory.
pub(crate) const LOOK: Duration = Duration::from_millis(50);

/// `archal trace-source serve`, until this is dropped.
pub(crate) struct Serving {
    /// The process.
    pub(crate) child: Child,
    /// Where it takes HTTP.
    pub(crate) http: SocketAddr,
    /// Where it takes gRPC.
    pub(crate) grpc: Option<SocketAddr>,
}

/// Registers `prod`, a source of OTLP that gives traces out as soon as they are quiet for `settle`.
pub(crate) fn connect(world: &TestEnv, settle: &str) {
    let settle = format!("settle={settle}");
    let options = ["listen=127.0.0.1:0", "grpcListen=127.0.0.1:0", &settle];
    let mut connect = vec!["trace-source", "connect", "otel", "--name", "prod"];
    for option in options {
        connect.extend(["--option", option]);
    }
    drop(world.run(&connect).ended(0));
}

impl Serving {
    /// Begins, in the working directory of `world`, which has a source `prod`.
    pub(crate) fn start(world: &TestEnv) -> Self {
        Self::start_as(world.command(&["trace-source", "serve", "prod"]))
    }

    /// The same by a command that becomes it.
    pub(crate) fn start_as(mut command: Command) -> Self {
        command.stdout(Stdio::piped()).stderr(Stdio::inherit());
        let mut child = command.spawn().expect("it starts");
        let out = child.stdout.take().expect("piped");
        let first = BufReader::new(out).lines().next();
        let first = first.expect("it says where it listens").expect("text");
        let http = address(&first, "http").unwrap_or_else(|| panic!("{first}"));
        let grpc = address(&first, "grpc");
        Self { child, http, grpc }
    }

    /// Asks it to end, as Ctrl-C does; its exit code.
    pub(crate) fn interrupt(mut self) -> Option<i32> {
        let pid = Pid::from_raw(i32::try_from(self.child.id()).expect("a pid"));
        kill(pid, Signal::SIGINT).expect("my own child");
        self.child.wait().expect("my own child").code()
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        // It may have ended by itself.
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

/// The address of a door, in what a source says of where it listens.
pub(crate) fn address(line: &str, door: &str) -> Option<SocketAddr> {
    let (_, after) = line.split_once("listens on ")?;
    let doors = after.split(';').next()?;
    let mut doors = doors
        .split(',')
        .filter_map(|door| door.trim().split_once(' '));
    doors.find(|(name, _)| *name == door)?.1.parse().ok()
}

/// The traces in the batch files of a directory, each as often as it was given out.
pub(crate) fn given_out(directory: &Path) -> Vec<Value> {
    let files = fs::read_dir(directory).into_iter().flatten().flatten();
    let mut traces = Vec::new();
    for file in files.filter(|file| file.path().extension().is_some_and(|end| end == "jsonl")) {
        let text = fs::read_to_string(file.path()).expect("a batch file");
        for line in text.lines() {
            let mut batch: Value = serde_json::from_str(line).expect("a batch");
            let given = batch["traces"].as_array_mut().expect("traces");
            traces.append(given);
        }
    }
    traces
}

/// The same once there are so many.
pub(crate) fn until_given_out(directory: &Path, wanted: usize) -> Vec<Value> {
    let until = Instant::now() + PATIENCE;
    loop {
        let traces = given_out(directory);
        if traces.len() >= wanted {
            return traces;
        }
        assert!(
            Instant::now() < until,
            "{} of {wanted} traces came",
            traces.len()
        );
        StopToken::new().wait(LOOK);
    }
}
