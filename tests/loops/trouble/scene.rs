//! A repository with the example agent and its failed trace, and a watcher that ends with it.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use archal_testkit::cli::TestEnv;
use serde_json::Value;

use super::super::{git, world};

/// How long something that must come true may take.
const PATIENCE: Duration = Duration::from_secs(120);
/// Between two looks.
const LOOK: Duration = Duration::from_millis(30);

pub(super) const TRACE: &str =
    include_str!("../../../examples/issue-janitor/traces/2026-11-20-sweep.otlp.json");
/// The name of that trace in paths and commands.
pub(super) const NAME: &str = "54dfda3a4e38af25ae64ea7496a0d45b";

/// Flags with which the example is repaired.
pub(super) const FIX: &[&str] = &[
    "--execution-policy",
    "fix",
    "--reproduce-runs",
    "2",
    "--allow-external-execution",
    "--fix-command",
    "python3 fix.py",
];

/// Flags with which nothing is run.
pub(super) const GRADE: &[&str] = &["--execution-policy", "grade"];

/// The example agent in `agent`, an empty trace directory beside it, and no watcher yet.
pub(super) struct Scene {
    pub(super) world: TestEnv,
    /// Where its state is.
    state: PathBuf,
}

impl Drop for Scene {
    fn drop(&mut self) {
        // Whatever the test has found: no process outlives it.
        let end = self
            .world
            .run(&["detach", "--all", "--now", "--repo", "agent"]);
        if end.code != Some(0) && !std::thread::panicking() {
            panic!("{end}");
        }
    }
}

impl Scene {
    pub(super) fn new() -> Self {
        Self::with(world(), &[])
    }

    /// The example in a world, with its state in a folder elsewhere.
    pub(super) fn with_state(mut world: TestEnv, state: &Path, before: &[(&str, &str)]) -> Self {
        world.set("ARCHAL_STATE_DIR", state.display().to_string());
        let mut scene = Self::with(world, before);
        state.clone_into(&mut scene.state);
        scene
    }

    /// The example in a world, with lines put in front of files of it.
    pub(super) fn with(world: TestEnv, before: &[(&str, &str)]) -> Self {
        let example = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/issue-janitor");
        let repo = world.repo().join("agent");
        copy(&example, &repo);
        fs::remove_dir_all(repo.join("traces")).expect("my own copy");
        for (file, lines) in before {
            let text = fs::read_to_string(repo.join(file)).expect("readable");
            fs::write(repo.join(file), format!("{lines}{text}")).expect("writable");
        }
        fs::create_dir(world.repo().join("traces")).expect("writable");
        git(&world, "agent", &["init", "--quiet"]);
        git(&world, "agent", &["add", "--all"]);
        git(&world, "agent", &["commit", "--quiet", "-m", "first"]);
        Self {
            world,
            state: repo.join(".archal"),
        }
    }

    /// Puts a file into the trace directory as careful writers do.
    pub(super) fn bring(&self, name: &str, text: &str) {
        let written = self.world.write(format!("{name}.tmp"), text);
        let to = self.world.repo().join("traces").join(name);
        fs::rename(written, to).expect("the same disk");
    }

    /// Attaches the trace directory; gives what was said beside the result.
    #[track_caller]
    pub(super) fn attach(&self, more: &[&str]) -> String {
        let mut arguments = vec!["attach", "traces", "--repo", "agent"];
        arguments.extend(more);
        self.world.run(&arguments).ended(0).stderr
    }

    /// Detaches the trace directory; gives what was said.
    #[track_caller]
    pub(super) fn detach(&self, more: &[&str]) -> String {
        let mut arguments = vec!["detach", "traces", "--repo", "agent"];
        arguments.extend(more);
        self.world.run(&arguments).ended(0).stdout
    }

    /// `attach-status --json`.
    pub(super) fn status(&self) -> Value {
        let arguments = ["attach-status", "--repo", "agent", "--json"];
        self.world.run(&arguments).ended(0).json()
    }

    /// The only job there is.
    pub(super) fn job(&self) -> Value {
        let jobs = self.status()["newest"].clone();
        assert_eq!(jobs.as_array().map(Vec::len), Some(1), "{jobs}");
        jobs[0].clone()
    }

    /// Looks at the status again and again until it is as wanted.
    #[track_caller]
    pub(super) fn until(&self, what: &str, is_so: impl Fn(&Value) -> bool) -> Value {
        let until = Instant::now() + PATIENCE;
        loop {
            let arguments = ["attach-status", "--repo", "agent", "--json"];
            let output = self.world.run(&arguments);
            let status = match output.code {
                Some(0) => output.json(),
                // Broken on purpose, or not there yet.
                _ => Value::Null,
            };
            if is_so(&status) {
                return status;
            }
            assert!(
                Instant::now() < until,
                "{what} did not come true: {status:#}\n{output}\n{}",
                self.log()
            );
            archal::sandbox::StopToken::new().wait(LOOK);
        }
    }

    /// Waits until so many jobs stand in a status.
    #[track_caller]
    pub(super) fn until_jobs(&self, status: &str, number: u64) -> Value {
        self.until(&format!("{number} {status}"), |now| {
            now["jobs"][status] == number
        })
    }

    /// What the watcher wrote down.
    pub(super) fn log(&self) -> String {
        fs::read_to_string(self.state("attach/watcher.log")).unwrap_or_default()
    }

    /// A file of the state folder.
    pub(super) fn state(&self, name: &str) -> PathBuf {
        self.state.join(name)
    }

    /// The watcher's process.
    pub(super) fn pid(&self) -> u64 {
        self.status()["watcher"]["pid"].as_u64().expect("a process")
    }

    /// Kills the watcher as the system does when memory runs out.
    pub(super) fn kill(&self) {
        let pid = self.pid();
        signal("KILL", pid);
        eventually("it is dead", || !is_alive(pid));
    }

    /// What was paid for: every entry of the ledger, as text that can be compared.
    pub(super) fn ledger(&self) -> Vec<String> {
        let path = self.world.home().join(".local/state/archal/ledger.db");
        let ledger = rusqlite::Connection::open(path).expect("a ledger");
        let rows = ledger
            .prepare("SELECT attempt, state FROM entries ORDER BY id")
            .expect("a table")
            .query_map([], |row| {
                let (attempt, state): (String, String) = (row.get(0)?, row.get(1)?);
                Ok(format!("{attempt} {state}"))
            })
            .expect("readable")
            .collect::<Result<_, _>>();
        rows.expect("readable")
    }

    /// The paid steps of the trace: their names and how they stand, in the order they were made.
    pub(super) fn steps(&self) -> Vec<String> {
        let arguments = ["attach-status", NAME, "--repo", "agent", "--json"];
        let status = self.world.run(&arguments).ended(0).json();
        steps_of(&status)
    }

    /// [`Self::steps`] where the trace may not be known yet.
    pub(super) fn try_steps(&self) -> Vec<String> {
        let arguments = ["attach-status", NAME, "--repo", "agent", "--json"];
        let output = self.world.run(&arguments);
        match output.code {
            Some(0) => steps_of(&output.json()),
            _ => Vec::new(),
        }
    }

    /// What runs in this world: every process that has its folder in an argument or a variable.
    pub(super) fn processes(&self) -> Vec<String> {
        let root = self.world.repo();
        let root = root.parent().expect("a world").display().to_string();
        let mut found = Vec::new();
        for entry in fs::read_dir("/proc").expect("/proc").flatten() {
            let name = entry.file_name();
            let Some(pid) = name.to_str().and_then(|name| name.parse().ok()) else {
                continue;
            };
            let told = |file: &str| {
                let bytes = fs::read(entry.path().join(file)).unwrap_or_default();
                String::from_utf8_lossy(&bytes).replace('\0', " ")
            };
            if (told("cmdline").contains(&root) || told("environ").contains(&root)) && is_alive(pid)
            {
                found.push(format!("{pid} {}", told("cmdline")));
            }
        }
        found
    }
}

fn steps_of(status: &Value) -> Vec<String> {
    let attempts = status["attempts"].as_array().expect("a list");
    attempts
        .iter()
        .map(|attempt| {
            let text = |field: &str| attempt[field].as_str().expect("text").to_owned();
            format!("{} {}", text("step"), text("state"))
        })
        .collect()
}

/// Waits until something has come true.
#[track_caller]
pub(super) fn eventually(what: &str, is_so: impl Fn() -> bool) {
    let until = Instant::now() + PATIENCE;
    while !is_so() {
        assert!(Instant::now() < until, "{what} did not come true");
        archal::sandbox::StopToken::new().wait(LOOK);
    }
}

/// Sends a signal to a process of this test.
pub(super) fn signal(name: &str, pid: u64) {
    let sent = std::process::Command::new("kill")
        .args([&format!("-{name}"), &pid.to_string()])
        .status()
        .expect("kill starts");
    assert!(sent.success(), "kill -{name} {pid}");
}

/// Whether a process runs; one that has ended and that nobody has asked about does not.
pub(super) fn is_alive(pid: u64) -> bool {
    fs::read_to_string(format!("/proc/{pid}/stat")).is_ok_and(|stat| {
        !stat
            .rsplit(')')
            .next()
            .is_some_and(|rest| rest.starts_with(" Z"))
    })
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("writable");
    for entry in fs::read_dir(from).expect("readable") {
        let path = entry.expect("readable").path();
        let target = to.join(path.file_name().expect("a name"));
        if path.is_dir() {
            copy(&path, &target);
        } else {
            fs::copy(&path, &target).expect("writable");
        }
    }
}
