//! Runs before a change ships as jobs of the watcher, handed over by a person or begun for a commit,
//! through the real binary.

use std::fs::{self, OpenOptions};
use std::os::unix::fs::OpenOptionsExt;
use std::path::PathBuf;

use nix::errno::Errno;
use nix::fcntl::OFlag;
use nix::sys::signal::{Signal, kill};
use nix::sys::stat::Mode;
use nix::unistd::{Pid, mkfifo};
use serde_json::{Value, json};

use super::watched::Watched;
use crate::cli::schema::holds;

/// Begins, says so, and goes on when the test opens the other end of its pipe.
const HELD: &str = "echo begun >> begun\ncat gate\nexec python3 agent.py\n";
const SCENARIO: &str = "archal/close-stale-issues.md";

/// A repository whose agent waits for [`open`] in each run.
fn held() -> Watched {
    let watched = Watched::new(HELD);
    watched
        .world
        .write("agent/.gitignore", ".archal/\nbegun\n__pycache__/\n");
    watched.commit("what a run leaves");
    mkfifo(&gate(&watched), Mode::S_IRWXU).expect("a pipe");
    watched
}

fn gate(watched: &Watched) -> PathBuf {
    watched.path("agent/gate")
}

/// Lets the run that waits go on: returns when it has the other end. Opened without waiting, since an
/// agent that died has none.
fn open(watched: &Watched) {
    let nonblocking = OFlag::O_NONBLOCK.bits();
    watched.until("the run reads its pipe", |_| {
        let mut options = OpenOptions::new();
        options.write(true).custom_flags(nonblocking);
        match options.open(gate(watched)) {
            Ok(_) => true,
            Err(error) if error.raw_os_error() == Some(Errno::ENXIO as i32) => false,
            Err(error) => panic!("the pipe: {error}"),
        }
    });
}

/// How many runs of the agent were begun.
fn begun(watched: &Watched) -> usize {
    let begun = fs::read_to_string(watched.path("agent/begun")).unwrap_or_default();
    begun.lines().count()
}

/// Hands a run over.
fn hand_over(watched: &Watched) -> Value {
    let scenario = format!("agent/{SCENARIO}");
    let arguments = [
        "preprod",
        "run",
        "-c",
        "agent/.archal.json",
        &scenario,
        "--dry-run",
        "--background",
        "--json",
    ];
    watched.world.run(&arguments).ended(0).json()
}

fn told<'a>(value: &'a Value, pointer: &str) -> &'a str {
    value
        .pointer(pointer)
        .and_then(Value::as_str)
        .unwrap_or_else(|| panic!("no {pointer} in {value:#}"))
}

/// A file that a document names.
fn kept(watched: &Watched, path: &str) -> String {
    let root = watched.root();
    let path = path.replace("$TEST_ENV", &root.to_string_lossy());
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// The only job there is.
fn only(status: &Value) -> &Value {
    assert_eq!(
        status["submitted"].as_array().map(Vec::len),
        Some(1),
        "{status:#}"
    );
    &status["submitted"][0]
}

#[test]
fn a_run_that_is_handed_over_ends_as_in_a_terminal_and_its_watcher_with_it() {
    let watched = held();
    let handed = hand_over(&watched);
    assert_eq!(handed["schema"], "archal.submitted");
    holds(&handed);
    assert_eq!(handed["isStarted"], true, "{handed:#}");
    let id = told(&handed, "/job/id");
    watched.until("the run is begun", |_| begun(&watched) == 1);
    let status = watched.status();
    assert_eq!(only(&status)["status"], "running", "{status:#}");
    holds(&status);
    let running = &status["watcher"]["doing"]["running"][0];
    assert_eq!(running["id"], id, "{status:#}");
    assert_eq!(running["kind"], "preprod");
    // One at a time, in a terminal as well.
    let beside = ["preprod", "run", "-c", "agent/.archal.json", "--dry-run"];
    let beside = watched.world.run(&beside).ended(3);
    assert!(beside.stderr.contains("another preprod run"), "{beside}");

    open(&watched);
    let status = watched.until("the end of all", |status| {
        status["watcher"]["state"] == "none"
    });
    let job = only(&status);
    assert_eq!(job["status"], "ended", "{status:#}");
    assert_eq!(job["exitCode"], 1, "{status:#}");
    assert_eq!(job["reason"], "dry_run (classified)", "{status:#}");
    let artifacts = told(job, "/artifacts");
    let result = kept(&watched, &format!("{artifacts}/preprod-result.json"));
    let result: Value = serde_json::from_str(&result).expect("JSON");
    assert_eq!(result["status"], "dry_run", "{result:#}");
    assert_eq!(result["scenarios"].as_array().map(Vec::len), Some(1));
    let log = kept(&watched, told(job, "/log"));
    assert!(log.contains("close-stale-issues"), "{log}");
    holds(&watched.trace(id).expect("known"));
    let one = watched.archal("attach-status", &[id]).ended(0);
    assert!(one.stdout.contains("exit code: 1"), "{one}");
    assert!(one.stdout.contains(artifacts), "{one}");
}

#[test]
fn a_job_outlives_its_watcher_and_ends_with_everything_of_the_repository() {
    let watched = held();
    watched.attach("traces", &["--execution-policy", "observe"]);
    let handed = hand_over(&watched);
    assert_eq!(handed["isStarted"], false, "{handed:#}");
    watched.until("the run is begun", |_| begun(&watched) == 1);
    let pid = watched.pid().expect("it runs");
    kill(Pid::from_raw(pid), Signal::SIGKILL).expect("it lives");
    watched.until("it is seen", |status| status["watcher"]["state"] == "dead");

    // The directory that is attached again brings the job with it.
    watched.attach("traces", &["--execution-policy", "observe"]);
    watched.until("it is begun again", |_| begun(&watched) == 2);
    open(&watched);
    let status = watched.until("its end", |status| only(status)["status"] == "ended");
    let job = only(&status);
    assert_eq!(
        (&job["exitCode"], &job["tries"]),
        (&json!(1), &json!(2)),
        "{status:#}"
    );
    let log = kept(&watched, told(job, "/log"));
    assert!(log.contains("going on with"), "{log}");
    // What is attached stays attached.
    assert_eq!(status["watcher"]["state"], "running");

    let second = hand_over(&watched);
    watched.until("another one is begun", |_| begun(&watched) == 3);
    // The directory goes, and the process stays for its job.
    let one = watched.says("detach", &["traces"]);
    assert!(!one.contains("the watcher ended"), "{one}");
    assert!(one.contains("handed over go on"), "{one}");
    let all = watched.archal("detach", &["--all", "--json"]);
    let all = all.ended(0).json();
    holds(&all);
    let id = told(&second, "/job/id");
    assert_eq!(all["cancelled"], json!([id]), "{all:#}");
    assert_eq!(all["ended"], true, "{all:#}");
    let status = watched.status();
    assert_eq!(status["submitted"][0]["id"], id, "{status:#}");
    assert_eq!(status["submitted"][0]["status"], "cancelled", "{status:#}");
    // It is not gone on with.
    watched.attach("traces", &["--execution-policy", "observe"]);
    let status = watched.status();
    assert_eq!(status["submitted"][0]["status"], "cancelled", "{status:#}");
    assert_eq!(begun(&watched), 3);
}

#[test]
fn a_commit_is_run_where_the_configuration_says_so_and_the_newest_one_wins() {
    let watched = held();
    watched.configure(json!({"preprod": {"onCommit": true, "scenarios": [SCENARIO]}}));
    watched.commit("what is there when it begins");
    watched.attach("traces", &["--execution-policy", "observe"]);
    watched.world.write("agent/notes.md", "one\n");
    watched.commit("a commit");
    watched.until("it is run", |_| begun(&watched) == 1);
    let status = watched.status();
    let first = only(&status).clone();
    assert_eq!(first["commit"].as_str(), Some(&*head(&watched)));

    // While it runs two more come.
    for text in ["two\n", "three\n"] {
        watched.world.write("agent/notes.md", text);
        watched.commit(text.trim());
        let commit = head(&watched);
        watched.until("it waits", |status| {
            status["submitted"][0]["commit"] == commit.as_str()
        });
    }
    let status = watched.status();
    let standing = |status: &Value| -> Vec<String> {
        let all = status["submitted"].as_array().expect("a list");
        all.iter()
            .map(|job| told(job, "/status").to_owned())
            .collect()
    };
    assert_eq!(standing(&status), ["queued", "running", "superseded"]);
    open(&watched);
    watched.until("the newest is run", |_| begun(&watched) == 2);
    open(&watched);
    let status = watched.until("its end", |status| {
        standing(status) == ["ended", "superseded", "ended"]
    });
    // As the configuration says: there is no fixer.
    assert_eq!(status["submitted"][0]["exitCode"], 3, "{status:#}");
    assert_eq!(
        status["submitted"][0]["reason"], "blocked (no_fixer)",
        "{status:#}"
    );
    assert_eq!(status["submitted"][2]["id"], first["id"]);
}

fn head(watched: &Watched) -> String {
    let repo = watched.path("agent");
    archal::git::command::head(&repo, "/usr/local/bin:/usr/bin:/bin").expect("a commit")
}
