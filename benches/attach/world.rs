//! A home, a repository made from the shipped example, and the watcher of it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;
use std::thread;
use std::time::{Duration, Instant};

use archal::attach::state::{State, tallies};
use archal::store::layout::Layout;
use serde_json::Value;

/// The archal that is measured, where it is another than the one built for this.
pub(crate) static BINARY: OnceLock<PathBuf> = OnceLock::new();

/// How long anything is waited for.
const DEADLINE: Duration = Duration::from_secs(3600);
/// Between two looks at something that takes long.
const LOOK: Duration = Duration::from_millis(50);

/// A world of its own.
pub(crate) struct World {
    root: tempfile::TempDir,
}

/// A watcher that runs.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Running {
    /// Its process.
    pub(crate) pid: u32,
    /// How long `archal attach` took to say that it is ready.
    pub(crate) ready: Duration,
}

impl World {
    /// The repository, committed; nothing was ever attached.
    pub(crate) fn new() -> Self {
        let world = Self {
            root: tempfile::Builder::new()
                .prefix("archal-bench-")
                .tempdir()
                .expect("a temporary folder"),
        };
        for folder in ["home", "traces"] {
            fs::create_dir(world.at(folder)).expect("new");
        }
        let example = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/issue-janitor");
        copy(&example, &world.repo());
        for arguments in [
            "init --quiet",
            "add --all",
            "-c user.name=bench -c user.email=bench@example.com commit --quiet --message=first",
        ] {
            let mut git = world.command("git");
            git.args(arguments.split(' ')).current_dir(world.repo());
            assert!(git.status().expect("git").success());
        }
        world
    }

    /// Something in it.
    pub(crate) fn at(&self, name: &str) -> PathBuf {
        self.root.path().join(name)
    }

    /// The repository.
    pub(crate) fn repo(&self) -> PathBuf {
        self.at("repo")
    }

    /// The directory that is attached.
    pub(crate) fn traces(&self) -> PathBuf {
        self.at("traces")
    }

    /// Where state is kept.
    pub(crate) fn layout(&self) -> Layout {
        Layout::of(&self.repo(), None)
    }

    fn command(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        command
            .env_clear()
            .env("PATH", "/usr/local/bin:/usr/bin:/bin")
            .env("HOME", self.at("home"))
            .env("LC_ALL", "C.UTF-8")
            .stdin(Stdio::null());
        command
    }

    /// Runs archal to its end; what it writes as JSON, and how long it took.
    pub(crate) fn archal(&self, arguments: &[&str]) -> (Value, Duration) {
        let built = Path::new(env!("CARGO_BIN_EXE_archal"));
        let binary = BINARY.get().map_or(built, PathBuf::as_path);
        let mut command = self.command(&binary.display().to_string());
        command.args(arguments).arg("--repo").arg(self.repo());
        let begun = Instant::now();
        let output = command.output().expect("the built binary");
        let took = begun.elapsed();
        assert!(
            output.status.success(),
            "archal {arguments:?}: {}",
            String::from_utf8_lossy(&output.stderr)
        );
        let document = serde_json::from_slice(&output.stdout).unwrap_or_default();
        (document, took)
    }

    /// Attaches the directory in the background.
    pub(crate) fn attach(&self, policy: &str) -> Running {
        let traces = self.traces().display().to_string();
        let arguments = ["attach", &traces, "--execution-policy", policy, "--json"];
        let (document, ready) = self.archal(&arguments);
        let pid = document["pid"].as_u64().expect("a process");
        Running {
            pid: pid.try_into().expect("a process"),
            ready,
        }
    }

    /// Ends the watcher and waits for it.
    pub(crate) fn detach(&self, running: Running) {
        self.archal(&["detach", "--all"]);
        let process = PathBuf::from(format!("/proc/{}", running.pid));
        until(|| !process.exists(), LOOK);
    }

    /// How many jobs there are, and how many of them are at their end.
    pub(crate) fn jobs(&self) -> (u64, u64) {
        let Some(look) = State::look(&self.layout()).expect("a state") else {
            return (0, 0);
        };
        let counts = look
            .read(|connection| tallies::jobs(connection, None))
            .expect("answered");
        let all = counts.iter().map(|(_, _, number)| number).sum();
        let ended = counts
            .iter()
            .filter(|(status, _, _)| status.is_terminal())
            .map(|(_, _, number)| number)
            .sum();
        (all, ended)
    }

    /// Waits until so many jobs are at their end.
    pub(crate) fn until_ended(&self, expected: u64) {
        until(|| self.jobs().1 >= expected, LOOK);
    }

    /// What the watcher says of itself.
    pub(crate) fn status(&self) -> (Value, Duration) {
        self.archal(&["attach-status", "--json"])
    }

    /// Waits until the watcher has walked through the directory once.
    pub(crate) fn until_scanned(&self) {
        let is_scanned = || self.status().0["watcher"]["doing"]["attached"][0]["isScanned"] == true;
        until(is_scanned, LOOK * 10);
    }
}

/// Waits for something, looking at it again and again.
pub(crate) fn until(done: impl Fn() -> bool, pause: Duration) {
    let begun = Instant::now();
    while !done() {
        assert!(begun.elapsed() < DEADLINE, "waited for too long");
        thread::sleep(pause);
    }
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir(to).expect("new");
    for entry in fs::read_dir(from).expect("the shipped example") {
        let entry = entry.expect("an entry");
        let (name, kind) = (entry.file_name(), entry.file_type().expect("a kind"));
        if kind.is_dir() {
            copy(&entry.path(), &to.join(name));
        } else {
            fs::copy(entry.path(), to.join(name)).expect("copied");
        }
    }
}
