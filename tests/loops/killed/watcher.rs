//! The watcher in the background is killed, and started again by a person who knows nothing of
//! that.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::net::UnixStream;

use rustix::process::{Pid, Signal};
use serde_json::Value;

use super::Dice;
use super::stage::{Stage, until};
use super::traces;

/// How often it is killed.
const KILLS: u32 = 4;

/// How the watcher and the jobs stand.
fn status(stage: &Stage) -> Value {
    let arguments = ["attach-status", "--repo", "agent", "--json"];
    stage.world.run(&arguments).ended(0).json()
}

/// The status of each job by its trace's name.
fn jobs(status: &Value) -> BTreeMap<String, String> {
    let text = |value: &Value| value.as_str().expect("text").to_owned();
    let jobs = status["newest"].as_array().expect("a list");
    jobs.iter()
        .map(|job| (text(&job["name"]), text(&job["status"])))
        .collect()
}

/// The process that says it is the watcher.
fn process(stage: &Stage) -> (i32, Value) {
    let record = fs::read(stage.state().join("watcher.json")).expect("a record");
    let record: Value = serde_json::from_slice(&record).expect("JSON");
    let id = record["pid"].as_i64().expect("a number");
    (i32::try_from(id).expect("a process"), record)
}

#[test]
fn a_killed_watcher_goes_on_with_every_directory() {
    let stage = Stage::new(false);
    traces::one(&stage.world, "some");
    traces::others(&stage.world, "others");
    let attach = |folder: &str| {
        let output = stage.world.run(&stage.attach(folder)).ended(0);
        output.json()["pid"].as_i64().expect("a process")
    };
    let both = [attach("some"), attach("others")];
    assert_eq!(both[0], both[1], "one process for both");
    let mut dice = Dice::new();
    let seed = dice.seed();
    for kill in 0..KILLS {
        // Somewhere on the way of the one job that runs children.
        let steps = usize::try_from(dice.below(4)).expect("small");
        until("a step of the job", || {
            let job = stage.attempts();
            let over = jobs(&status(&stage)).values().all(|one| one != "running");
            (job > steps || over && job > 0)
                .then_some(())
                .ok_or(job.to_string())
        });
        let (id, record) = process(&stage);
        let killed = Pid::from_raw(id).expect("a process");
        let is_watcher = |line: &String| line.starts_with(&format!("{id} "));
        assert!(stage.processes().iter().any(is_watcher), "{record}");
        rustix::process::kill_process(killed, Signal::KILL).expect("my own process");
        stage.until_dead(id);
        let dead = status(&stage);
        assert_eq!(dead["watcher"]["state"], "dead", "seed {seed}, kill {kill}");
        let socket = record["socket"].as_str().expect("a path");
        assert!(UnixStream::connect(socket).is_err(), "nobody listens");
        // Whichever directory is named, the other one comes with it.
        attach(["some", "others"][usize::try_from(dice.below(2)).expect("small")]);
        let alive = status(&stage);
        assert_eq!(alive["watcher"]["state"], "running", "{alive}");
        assert_eq!(alive["attached"].as_array().map(Vec::len), Some(2));
        let (_, record) = process(&stage);
        let socket = record["socket"].as_str().expect("a path");
        assert!(UnixStream::connect(socket).is_ok(), "{record}");
    }
    let expected = BTreeMap::from(
        [
            ("54dfda3a4e38af25ae64ea7496a0d45b", "fixed"),
            ("74dfda3a4e38af25ae64ea7496a0d45b", "blocked"),
            ("84dfda3a4e38af25ae64ea7496a0d45b", "ok"),
        ]
        .map(|(name, status)| (name.to_owned(), status.to_owned())),
    );
    until("the end of every job", || {
        let found = jobs(&status(&stage));
        (found == expected)
            .then_some(())
            .ok_or(format!("{found:?}"))
    });
    let arguments = ["detach", "--all", "--repo", "agent"];
    let (id, _) = process(&stage);
    let detached = stage.world.run(&arguments).ended(0);
    assert!(detached.stdout.contains("the watcher ended"), "{detached}");
    stage.until_dead(id);
    let left: Vec<String> = stage
        .names()
        .into_iter()
        .filter(|name| is_litter(name))
        .collect();
    let log = fs::read_to_string(stage.state().join("attach/watcher.log"));
    assert!(
        left.is_empty(),
        "seed {seed}: {left:#?}\n{}",
        log.unwrap_or_default()
    );
}

/// Whether a file or folder has no place in a repository in which nothing runs.
fn is_litter(name: &str) -> bool {
    let last = name.rsplit('/').next().unwrap_or(name);
    let is_private = last.starts_with("archal-");
    let is_unfinished = last.ends_with(".tmp") || last.ends_with(".part");
    let is_of_a_process = ["watcher.json", "watcher.sock"].contains(&last);
    is_private || is_unfinished || is_of_a_process
}
