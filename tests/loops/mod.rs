//! Whole loops through the real binary: the demonstration and what `archal attach` does when
//! something is missing, and `archal run` on harnesses that behave badly.
//!
//! They need Python 3 and git.

mod attach;
mod caught;
mod cheating;
mod check;
mod confined;
mod corpus;
mod cycles;
mod demo;
mod documents;
mod faults;
mod fixed_clock;
mod fixer_trial;
mod fixers;
mod flood;
mod harness;
mod hosted;
mod hostile;
mod installed;
mod judged;
mod killed;
mod misbehaving;
mod money;
mod plugins;
mod preprod;
mod published;
mod regressions;
mod repeatable;
mod reproduced;
mod resume;
mod scores;
mod submitted;
mod suite;
mod tended;
mod trace_folder;
mod trouble;
mod unmatched;
mod watched;
mod watching;

use std::path::{Path, PathBuf};

use archal_testkit::cli::TestEnv;

/// A world with the caller's programs.
fn world() -> TestEnv {
    let mut world = TestEnv::new(env!("CARGO_BIN_EXE_archal"));
    world.with_callers_programs();
    world
}

/// A world with the demonstration kept in `demo`, after the loop has run on it once.
fn kept_demo() -> (TestEnv, PathBuf) {
    let world = world();
    let output = world.run(&["demo", "--keep", "demo"]);
    assert_eq!(output.code, Some(0), "{output}");
    let folder = world.repo().join("demo");
    (world, folder)
}

/// The demonstration's repository in `demo`, on which nothing has run.
fn untouched_demo() -> (TestEnv, PathBuf) {
    let world = world();
    let example = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/issue-janitor");
    let folder = world.repo().join("demo");
    let copied = std::process::Command::new("cp")
        .arg("-R")
        .args([&example, &folder])
        .status();
    assert!(copied.is_ok_and(|status| status.success()));
    git(
        &world,
        "demo",
        &["init", "--quiet", "--initial-branch=main"],
    );
    git(&world, "demo", &["add", "--all"]);
    git(&world, "demo", &["commit", "--quiet", "-m", "first"]);
    (world, folder)
}

/// Runs git in a folder of the world.
fn git(world: &TestEnv, folder: &str, arguments: &[&str]) {
    let status = std::process::Command::new("git")
        .current_dir(world.repo().join(folder))
        .args(["-c", "user.name=t", "-c", "user.email=t@example.com"])
        .args(arguments)
        .stdout(std::process::Stdio::null())
        .status()
        .expect("git starts");
    assert!(status.success(), "git {arguments:?}");
}

/// Runs archal where the kernel allows no further user namespaces: a real refusal, made by a
/// namespace whose limit is zero.
fn run_without_namespaces(world: &TestEnv, arguments: &[&str]) -> std::process::Output {
    run_without_namespaces_by(world, &[], arguments)
}

/// The same by a program that becomes what it is given.
fn run_without_namespaces_by(
    world: &TestEnv,
    program: &[&str],
    arguments: &[&str],
) -> std::process::Output {
    let archal = world.command(arguments);
    let mut command = std::process::Command::new("unshare");
    command
        .args(["--user", "--map-root-user", "sh", "-c"])
        .arg("echo 0 > /proc/sys/user/max_user_namespaces && exec \"$@\"")
        .arg("sh")
        .args(program)
        .arg(archal.get_program())
        .args(archal.get_args())
        .env_clear();
    for (name, value) in archal.get_envs() {
        if let Some(value) = value {
            command.env(name, value);
        }
    }
    command
        .current_dir(world.repo())
        .stdin(std::process::Stdio::null())
        .output()
        .expect("unshare starts")
}

/// The evidence folder of a run's result.
fn evidence(world: &TestEnv, result: &serde_json::Value) -> PathBuf {
    let run = result["runId"].as_str().expect("a run id");
    world.repo().join(".archal/cache/runs").join(run)
}

/// Every file outside `.archal` with its content's length, `.git` included.
fn listing(folder: &Path) -> Vec<(String, u64)> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(next) = folders.pop() {
        for entry in std::fs::read_dir(next).expect("readable") {
            let path = entry.expect("readable").path();
            if path.ends_with(".archal") {
                continue;
            }
            if path.is_dir() {
                folders.push(path);
            } else {
                let length = path.metadata().expect("readable").len();
                found.push((path.display().to_string(), length));
            }
        }
    }
    found.sort();
    found
}

/// Takes out ids of runs and what a clock says.
fn without_times(value: &mut serde_json::Value) {
    use serde_json::Value;
    match value {
        Value::Object(fields) => {
            for (name, field) in fields {
                match name.as_str() {
                    "runId" | "durationMs" | "overheadMs" | "startedAt" | "atMs" | "tookMs" => {
                        *field = Value::Null;
                    }
                    // A commit where it is one, the run's virtual now elsewhere.
                    "base" if field.as_str().is_some_and(|base| base.ends_with('Z')) => {
                        *field = Value::Null;
                    }
                    _ => without_times(field),
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(without_times),
        _ => {}
    }
}

/// Leaves of the held-back variation how it ended: it is made of a secret that is another each time.
fn without_held_back_names(proof: &mut serde_json::Value) {
    if let Some(held_back) = proof.get_mut("heldBack") {
        *held_back = held_back["status"].take();
    }
}

/// The only folder in a folder.
fn only_folder(folder: &Path) -> PathBuf {
    let mut found: Vec<PathBuf> = std::fs::read_dir(folder)
        .expect("readable")
        .map(|entry| entry.expect("readable").path())
        .filter(|path| path.is_dir())
        .collect();
    assert_eq!(found.len(), 1, "{found:?}");
    found.remove(0)
}
