//! Runs that are killed, and gone on with: nothing is paid twice, nothing is left.

use std::collections::BTreeMap;
use std::fs;
use std::process::Child;
use std::time::{Duration, Instant};

use archal::budget::entry::{Entry, State, repo_name};
use archal::budget::ledger::Ledger;
use archal::sandbox::StopToken;
use archal_testkit::cli::TestEnv;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;

use super::{OUT, RIGHT, arguments, ended, is, janitor, listing, preprod, text, workplaces};

/// A bound for everything that is waited for.
const LATEST: Duration = Duration::from_secs(110);
/// Between two looks.
const LOOK: Duration = Duration::from_millis(2);
/// It is killed at most so often.
const MOST: usize = 40;

fn fixing(command: &str) -> Vec<&str> {
    arguments(&["--fix-command", command, "--allow-external-execution"])
}

/// The files of a folder; none where there is none.
fn names(world: &TestEnv, folder: &str) -> Vec<String> {
    let entries = fs::read_dir(world.repo().join(folder))
        .into_iter()
        .flatten();
    let name = |entry: std::io::Result<fs::DirEntry>| entry.ok()?.file_name().into_string().ok();
    let mut names: Vec<String> = entries.filter_map(name).collect();
    names.retain(|name| name.ends_with(".json"));
    names.sort();
    names
}

/// Steps that were begun and steps that have ended, as the disk has them.
fn steps(world: &TestEnv) -> (Vec<String>, Vec<String>) {
    (
        names(world, "janitor/.archal/preprod/open"),
        names(world, &format!("{OUT}/steps")),
    )
}

pub(super) fn entries(world: &TestEnv, run: &str) -> Vec<Entry> {
    let path = world.home().join(".local/state/archal/ledger.db");
    let ledger = Ledger::existing(&path).expect("readable").expect("there");
    let repo = repo_name(&world.repo().join("janitor"));
    ledger.of_trace(&repo, run).expect("readable").1
}

fn document(world: &TestEnv) -> Value {
    serde_json::from_str(&world.read(format!("{OUT}/preprod-result.json"))).expect("JSON")
}

/// How many steps are open, and which have ended.
type Seen = (usize, Vec<String>);

/// Waits until what is open or ended is something else than `seen`, and kills; whether it was killed.
fn killed_at_the_next_step(world: &TestEnv, mut child: Child, seen: &mut Vec<Seen>) -> bool {
    let began = Instant::now();
    loop {
        if child.try_wait().expect("my own child").is_some() {
            return false;
        }
        let (open, ended) = steps(world);
        let now = (open.len(), ended);
        if !seen.contains(&now) {
            seen.push(now);
            child.kill().expect("my own child");
            child.wait().expect("my own child");
            return true;
        }
        assert!(began.elapsed() < LATEST, "nothing happened after {seen:?}");
        StopToken::new().wait(LOOK);
    }
}

#[test]
fn a_run_that_is_killed_at_every_step_pays_each_once_and_leaves_nothing() {
    let undisturbed = janitor();
    let output = preprod(
        &undisturbed,
        &["--fix-command", RIGHT, "--allow-external-execution"],
    );
    is(&ended(&undisturbed, &output), "passed", "fixed", 0);
    let expected = steps(&undisturbed);

    let world = janitor();
    let before = listing(&world.repo().join("janitor"));
    let mut seen = vec![(0, Vec::new())];
    let mut kills = 0;
    while kills < MOST {
        let child = world.command(&fixing(RIGHT)).spawn().expect("the binary");
        if !killed_at_the_next_step(&world, child, &mut seen) {
            break;
        }
        kills += 1;
    }
    // In the midst of each of the six steps at the least.
    assert!(kills >= 6, "{kills} kills: {seen:?}");
    let output = preprod(
        &world,
        &["--fix-command", RIGHT, "--allow-external-execution"],
    );
    is(&ended(&world, &output), "passed", "fixed", 0);

    let found = steps(&world);
    assert_eq!(found.0, Vec::<String>::new());
    // The first run's step has the name of its suite.
    let kinds = |names: &[String]| {
        let of = |name: &String| name.split("-").next().unwrap_or_default().to_owned();
        names.iter().map(of).collect::<Vec<_>>()
    };
    assert_eq!(kinds(&found.1), kinds(&expected.1));
    let document = document(&world);
    let mut whole: BTreeMap<String, usize> = BTreeMap::new();
    for entry in entries(&world, &text(&document["costs"]["run"])) {
        assert_ne!(entry.state, State::Reserved, "{entry:?}");
        if entry.state == State::Charged && !entry.interrupted {
            *whole.entry(entry.kind).or_default() += 1;
        }
    }
    // One whole fixer; one run at HEAD and one with the patch, of the scenario and of its variation.
    assert_eq!(whole.get("fix"), Some(&1), "{whole:?}");
    assert_eq!(whole.get("rerun"), Some(&4), "{whole:?}");
    assert_eq!(listing(&world.repo().join("janitor")), before);
    assert_eq!(workplaces(&world), Vec::<std::path::PathBuf>::new());
}

#[test]
fn the_same_command_again_makes_nothing_again_and_what_changed_again() {
    let world = janitor();
    let command = ["--fix-command", RIGHT, "--allow-external-execution"];
    let output = preprod(&world, &command);
    is(&ended(&world, &output), "passed", "fixed", 0);
    let first = document(&world);
    let run = text(&first["costs"]["run"]);
    let paid = entries(&world, &run).len();

    let output = preprod(&world, &command);
    is(&ended(&world, &output), "passed", "fixed", 0);
    let again = document(&world);
    assert_eq!(again["scenarios"], first["scenarios"]);
    assert_eq!(again["attempts"], first["attempts"]);
    assert_eq!(entries(&world, &run).len(), paid);

    // Another commit is another agent.
    world.write("janitor/NOTES.md", "x\n");
    super::commit(&world);
    let output = preprod(&world, &command);
    is(&ended(&world, &output), "passed", "fixed", 0);
    assert!(entries(&world, &run).len() > paid);
}

#[test]
fn ctrl_c_keeps_what_was_finished_and_tells_how_to_go_on() {
    let world = janitor();
    let child = world
        .command(&fixing("sleep 600"))
        .spawn()
        .expect("the binary");
    let began = Instant::now();
    // The fixer is the first step that is open while three have ended: the first run, HEAD and it.
    while steps(&world).1.len() < 2 || steps(&world).0.is_empty() {
        assert!(began.elapsed() < LATEST);
        StopToken::new().wait(LOOK);
    }
    let pid = i32::try_from(child.id()).expect("a process id");
    kill(Pid::from_raw(pid), Signal::SIGINT).expect("my own child");
    let output = child.wait_with_output().expect("my own child");
    assert_eq!(output.status.code(), Some(130));
    let told: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert_eq!(told["schema"], "archal.preprod-interrupted");
    assert!(text(&told["next"]).contains("--artifacts out"), "{told}");
    assert_eq!(steps(&world).0, Vec::<String>::new());
    assert_eq!(workplaces(&world), Vec::<std::path::PathBuf>::new());
}

#[test]
fn two_runs_at_once_do_not_work_on_one_repository() {
    let world = janitor();
    let mut child = world
        .command(&fixing("sleep 600"))
        .spawn()
        .expect("the binary");
    let began = Instant::now();
    while steps(&world).1.is_empty() {
        assert!(began.elapsed() < LATEST);
        StopToken::new().wait(LOOK);
    }
    // Also one that has nothing to do: what is in the folder is the other's.
    let output = preprod(&world, &["--tag", "nothing-has-this"]);
    assert_eq!(output.code, Some(3), "{output}");
    assert!(output.stderr.contains("another preprod run"), "{output}");
    assert!(!world.repo().join(OUT).join("preprod-result.json").exists());
    let pid = i32::try_from(child.id()).expect("a process id");
    kill(Pid::from_raw(pid), Signal::SIGINT).expect("my own child");
    child.wait().expect("my own child");
}
