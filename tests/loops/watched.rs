//! A repository with a watcher in the background, as a user has it.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use archal::sandbox::StopToken;
use archal_testkit::cli::{Output, TestEnv};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::{Value, json};

use super::{git, world};

/// A bound for what happens soon unless something is broken, also where many tests run at once.
const SOON: Duration = Duration::from_secs(90);
/// Between two looks.
const LOOK: Duration = Duration::from_millis(50);

/// The trace of a run that the scenario of the example fails.
pub(super) const SWEEP: &str =
    include_str!("../../examples/issue-janitor/traces/2026-11-20-sweep.otlp.json");
/// Its id.
pub(super) const SWEEP_ID: &str = "54dfda3a4e38af25ae64ea7496a0d45b";

const EXAMPLE: &[(&str, &str)] = &[
    (
        "agent.py",
        include_str!("../../examples/issue-janitor/agent.py"),
    ),
    (
        "github.py",
        include_str!("../../examples/issue-janitor/github.py"),
    ),
    (
        "telemetry.py",
        include_str!("../../examples/issue-janitor/telemetry.py"),
    ),
    (
        "fix.py",
        include_str!("../../examples/issue-janitor/fix.py"),
    ),
];
const SCENARIO: &str = include_str!("../../examples/issue-janitor/archal/close-stale-issues.md");

/// A world with the repository `agent`, and whatever watches it until this is dropped.
pub(super) struct Watched {
    pub(super) world: TestEnv,
}

impl Watched {
    /// The example's agent with its scenario, started by `harness`.
    pub(super) fn new(harness: &str) -> Self {
        let watched = Self::without_scenario(harness);
        watched.add_scenario();
        watched
    }

    /// The same before somebody wrote the scenario.
    pub(super) fn without_scenario(harness: &str) -> Self {
        let world = world();
        for (name, text) in EXAMPLE {
            world.write(format!("agent/{name}"), text);
        }
        world.write("agent/harness.sh", harness);
        world.write("agent/.gitignore", ".archal/\n");
        let other = SCENARIO.replace("*issue-janitor*", "another-agent");
        world.write("agent/archal/another.md", &other);
        let watched = Self { world };
        watched.configure(json!({}));
        git(&watched.world, "agent", &["init", "--quiet"]);
        watched.commit("first");
        watched
    }

    /// Two scenarios that say the same of traces of this name: those are blocked.
    pub(super) fn add_tie(&self, name: &str) {
        let tied = SCENARIO.replace("*issue-janitor*", name);
        for file in ["tied", "tied-too"] {
            self.world.write(format!("agent/archal/{file}.md"), &tied);
        }
        self.commit("two scenarios for the same traces");
    }

    pub(super) fn add_scenario(&self) {
        self.world
            .write("agent/archal/close-stale-issues.md", SCENARIO);
        self.commit("a scenario");
    }

    /// Writes the configuration with more keys for `attach`.
    pub(super) fn configure(&self, attach: Value) {
        let config = json!({
            "agent": {"command": "sh", "args": ["harness.sh"]},
            "clones": ["github"],
            "scenarios": ["archal"],
            "attach": attach,
        });
        self.world.write("agent/.archal.json", &config.to_string());
    }

    pub(super) fn commit(&self, what: &str) {
        git(&self.world, "agent", &["add", "--all"]);
        git(&self.world, "agent", &["commit", "--quiet", "-m", what]);
    }

    /// The folder of this world.
    pub(super) fn root(&self) -> PathBuf {
        let root = self.world.home().parent().expect("a parent").to_owned();
        root.canonicalize().expect("there")
    }

    /// Where the repository's state is.
    pub(super) fn state(&self) -> PathBuf {
        self.root().join("repo/agent/.archal")
    }

    pub(super) fn archal(&self, command: &str, more: &[&str]) -> Output {
        let mut arguments = vec![command];
        arguments.extend(more);
        arguments.extend(["--repo", "agent"]);
        self.world.run(&arguments)
    }

    /// What a command says that goes well.
    pub(super) fn says(&self, command: &str, more: &[&str]) -> String {
        self.archal(command, more).ended(0).to_string()
    }

    /// Attaches a directory, made where there is none, in the background.
    pub(super) fn attach(&self, directory: &str, more: &[&str]) -> String {
        let mut arguments = vec![directory, "--create"];
        arguments.extend(more);
        self.says("attach", &arguments)
    }

    pub(super) fn status(&self) -> Value {
        self.archal("attach-status", &["--json"]).ended(0).json()
    }

    /// Looks at the status until it is as it must come to be; gives it.
    pub(super) fn until(&self, what: &str, is_so: impl FnMut(&Value) -> bool) -> Value {
        self.until_within(SOON, what, is_so)
    }

    pub(super) fn until_within(
        &self,
        bound: Duration,
        what: &str,
        mut is_so: impl FnMut(&Value) -> bool,
    ) -> Value {
        let until = Instant::now() + bound;
        loop {
            let status = self.status();
            if is_so(&status) {
                return status;
            }
            assert!(
                Instant::now() < until,
                "{what}: it did not come to be: {status:#}\n{}",
                self.log()
            );
            StopToken::new().wait(LOOK);
        }
    }

    /// How a trace stands, with its transitions; none while it is not known.
    pub(super) fn trace(&self, name: &str) -> Option<Value> {
        let output = self.archal("attach-status", &[name, "--json"]);
        (output.code == Some(0)).then(|| output.json())
    }

    /// Waits until the newest job of a trace stands as said; gives what is told of it.
    pub(super) fn until_trace(&self, name: &str, status: &str) -> Value {
        let until = Instant::now() + SOON;
        loop {
            let told = self.trace(name);
            if let Some(told) = &told
                && told["job"]["status"] == status
            {
                return told.clone();
            }
            assert!(
                Instant::now() < until,
                "{name} did not become {status}: {told:#?}\n{}",
                self.log()
            );
            StopToken::new().wait(LOOK);
        }
    }

    pub(super) fn log(&self) -> String {
        fs::read_to_string(self.state().join("attach/watcher.log")).unwrap_or_default()
    }

    /// The process that watches.
    pub(super) fn pid(&self) -> Option<i32> {
        let record = fs::read(self.state().join("watcher.json")).ok()?;
        let record: Value = serde_json::from_slice(&record).ok()?;
        record["pid"].as_i64()?.try_into().ok()
    }

    /// Moves a file into place as a careful writer does.
    pub(super) fn arrive(&self, path: &str, text: &str) {
        let beside = self.world.write("beside", text);
        let to = self.world.repo().join(path);
        fs::create_dir_all(to.parent().expect("a folder")).expect("made");
        fs::rename(beside, to).expect("moved");
    }

    pub(super) fn path(&self, path: impl AsRef<Path>) -> PathBuf {
        self.root().join("repo").join(path)
    }
}

impl Drop for Watched {
    fn drop(&mut self) {
        let pid = self.pid();
        let output = self.archal("detach", &["--all", "--now"]);
        if output.code != Some(0)
            && let Some(pid) = pid
        {
            // It may have ended by itself.
            kill(Pid::from_raw(pid), Signal::SIGKILL).ok();
        }
    }
}

/// A trace of one span in the batch format.
pub(super) fn one(id: &str) -> Value {
    json!({
        "id": id,
        "name": "triage",
        "startedAt": "2026-01-01T00:00:00Z",
        "endedAt": "2026-01-01T00:00:01Z",
        "status": "ok",
        "input": "sort the tickets",
        "output": "done",
        "spans": [span("s1", 1)],
    })
}

/// A span that ended so many seconds after the beginning.
pub(super) fn span(id: &str, second: u32) -> Value {
    json!({
        "id": id,
        "name": "list_tickets",
        "kind": "tool",
        "startedAt": "2026-01-01T00:00:00Z",
        "endedAt": format!("2026-01-01T00:00:{second:02}Z"),
        "status": "ok",
        "tool": {"name": "list_tickets", "callId": "c1", "arguments": {}, "result": ["a", "b"]},
    })
}

/// A batch of traces as one line.
pub(super) fn batch(source: &str, traces: &[Value]) -> String {
    json!({
        "schema": "archal.trace.upload-batch",
        "version": 1,
        "complete": true,
        "source": {"name": source, "provider": "file", "project": "support"},
        "traces": traces,
    })
    .to_string()
}

/// How many files of an attached directory have a status.
pub(super) fn files(status: &Value, directory: &str, wanted: &str) -> u64 {
    let attached = status["attached"].as_array().expect("a list");
    attached
        .iter()
        .filter(|one| {
            let path = one["directory"].as_str().expect("a path");
            path.ends_with(&format!("/{directory}"))
        })
        .filter_map(|one| one["files"][wanted].as_u64())
        .sum()
}

/// How many jobs have a status.
pub(super) fn jobs(status: &Value, wanted: &str) -> u64 {
    status["jobs"][wanted].as_u64().unwrap_or_default()
}
