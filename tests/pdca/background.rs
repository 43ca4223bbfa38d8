//! Runs as jobs of the repository's watcher.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::time::{Duration, Instant};

use archal::sandbox::StopToken;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::{Value, json};

use super::{CREATOR, EXPLORER, MAKER, World, approves};
use crate::cli::schema::holds;

/// A bound for what happens soon unless something is broken.
const SOON: Duration = Duration::from_secs(90);
/// Between two looks.
const LOOK: Duration = Duration::from_millis(50);
const HANGS: &str = "- role: maker\n  hangs: true\n  says: waiting\n";

/// A world whose watcher ends with it.
struct Watched(World);

impl Drop for Watched {
    fn drop(&mut self) {
        // It may have ended by itself.
        drop(self.0.env.run(&["detach", "--all", "--now"]));
    }
}

impl Watched {
    /// Hands a run over; what is told of it.
    fn hand_over(&self, arguments: &[&str]) -> Value {
        let mut all = vec!["run"];
        all.extend(arguments);
        all.extend(["--background", "--json"]);
        let handed = self.0.pdca(&all).ended(0).json();
        assert_eq!(handed["schema"], "archal.submitted");
        holds(&handed);
        handed
    }

    /// Brings a watcher, and with it what waits.
    fn watch(&self) {
        let attach = ["attach", "traces", "--create", "--execution-policy"];
        let attach = [&attach[..], &["observe"]].concat();
        drop(self.0.env.run(&attach).ended(0));
    }

    fn status(&self) -> Value {
        let status = ["attach-status", "--json"];
        self.0.env.run(&status).ended(0).json()
    }

    fn until(&self, what: &str, mut is_so: impl FnMut(&Value) -> bool) -> Value {
        let until = Instant::now() + SOON;
        loop {
            let status = self.status();
            if is_so(&status) {
                return status;
            }
            assert!(
                Instant::now() < until,
                "{what}: it did not come to be: {status:#}"
            );
            StopToken::new().wait(LOOK);
        }
    }

    /// Waits until the only job stands so; gives it.
    fn until_job(&self, wanted: &str) -> Value {
        let status = self.until(wanted, |status| only(status)["status"] == wanted);
        only(&status).clone()
    }

    /// Waits until the agents of a run that were begun are so many.
    fn until_begun(&self, run: &str, agents: usize) {
        let path = self.0.place("events", &format!("{run}.jsonl"));
        let until = Instant::now() + SOON;
        loop {
            let log = fs::read_to_string(&path).unwrap_or_default();
            if log.matches("\"agent.start\"").count() == agents {
                return;
            }
            assert!(Instant::now() < until, "{agents} agents: {log}");
            StopToken::new().wait(LOOK);
        }
    }
}

/// The only job there is.
fn only(status: &Value) -> &Value {
    let jobs = status["submitted"].as_array().expect("a list");
    assert_eq!(jobs.len(), 1, "{status:#}");
    &jobs[0]
}

/// The run that a job works on.
fn run_of(job: &Value) -> String {
    let arguments = job["arguments"].as_array().expect("a list");
    let at = arguments.iter().position(|one| one == "--run-id");
    let id = &arguments[at.expect("a run") + 1];
    id.as_str().expect("an id").to_owned()
}

fn log_of(world: &World, job: &Value) -> String {
    let root = world.env.home().parent().expect("a parent").to_owned();
    let path = job["log"].as_str().expect("a path");
    let path = path.replace(
        "$TEST_ENV",
        &root.canonicalize().expect("there").to_string_lossy(),
    );
    fs::read_to_string(Path::new(&path)).expect("a log")
}

#[test]
fn a_run_outlives_the_watcher_that_has_it_and_goes_on_where_it_was() {
    let watched = Watched(World::new(&[EXPLORER, CREATOR, HANGS]));
    let world = &watched.0;
    let handed = watched.hand_over(&["Add a greeting", "--workflow", "standard", "--yes"]);
    assert_eq!(handed["isStarted"], true, "{handed:#}");
    let run = run_of(&handed["job"]);
    watched.until_begun(&run, 3);
    let status = watched.status();
    holds(&status);
    assert_eq!(only(&status)["status"], "running", "{status:#}");
    assert_eq!(status["watcher"]["doing"]["running"][0]["kind"], "pdca");
    // Twice at once it would be the same job.
    let again = world
        .pdca(&["run", "--run-id", &run, "--background"])
        .ended(2);
    assert!(again.stderr.contains("works on the artifacts"), "{again}");
    let beside = world.pdca(&["run", "--run-id", &run]).ended(3);
    assert!(beside.stderr.contains("another process"), "{beside}");

    let pid = handed["pid"].as_i64().expect("a number");
    kill(
        Pid::from_raw(pid.try_into().expect("small")),
        Signal::SIGKILL,
    )
    .expect("it lives");
    watched.until("it is seen", |status| status["watcher"]["state"] == "dead");
    world.script(&[MAKER, &approves("guardian")]);
    watched.watch();
    let job = watched.until_job("ended");
    assert_eq!(
        (&job["exitCode"], &job["tries"]),
        (&json!(0), &json!(2)),
        "{job:#}"
    );
    assert_eq!(job["reason"], "merged", "{job:#}");
    assert!(world.main().contains("Add a greeting"), "{}", world.main());
    let log = world.log(&run);
    assert_eq!(log.matches("agent.complete plan").count(), 2, "{log}");
    assert_eq!(log.matches("resumed_from").count(), 1, "{log}");
    let over = world
        .pdca(&["run", "--run-id", &run, "--background"])
        .ended(2);
    assert!(over.stderr.contains("is over: it is merged"), "{over}");
    // Its money is in the user's ledger, of both processes that worked on it.
    let budget = world.env.run(&["budget", "--json"]).ended(0).json();
    let entries = budget["entries"].as_array().expect("a list");
    let own = |entry: &&Value| entry["trace"] == run.as_str() && entry["state"] == "charged";
    assert_eq!(entries.iter().filter(own).count(), 2, "{budget:#}");
    assert_ne!(budget["totals"]["spentUsd"], 0.0, "{budget:#}");
}

#[test]
fn a_job_waits_for_its_run_in_a_terminal_and_ends_with_everything_of_the_repository() {
    let watched = Watched(World::new(&[CREATOR, HANGS]));
    let world = &watched.0;
    let (run, _) = world.run(0, &["--workflow", "fast", "--dry-run"]);
    let go_on = ["pdca", "run", "--run-id", &run, "--start-from", "do"];
    let mut terminal = world.env.command(&go_on).spawn().expect("the built binary");
    let stderr = BufReader::new(terminal.stderr.take().expect("a pipe"));
    let mut lines = stderr.lines().map_while(Result::ok);
    assert!(lines.any(|line| line.contains("cycle 1/1")));
    watched.until_begun(&run, 2);

    let handed = watched.hand_over(&["--run-id", &run, "--start-from", "do"]);
    watched.until("it waits", |status| {
        let job = only(status);
        job["status"] == "running" && log_of(world, job).contains("waits for its end")
    });
    terminal.kill().expect("my own child");
    terminal.wait().expect("my own child");
    watched.until_begun(&run, 3);

    let all = world
        .env
        .run(&["detach", "--all", "--json"])
        .ended(0)
        .json();
    assert_eq!(all["cancelled"], json!([handed["job"]["id"]]), "{all:#}");
    let status = watched.status();
    assert_eq!(only(&status)["status"], "cancelled", "{status:#}");
    // Nobody has it any more.
    world.script(&[MAKER, &approves("guardian")]);
    let (_, document) = world.document(0, &["run", "--run-id", &run, "--yes", "--json"]);
    assert_eq!(document["status"], "merged");
}
