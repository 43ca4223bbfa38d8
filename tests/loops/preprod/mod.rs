//! The loop before a change ships, through the real binary on an example repository: every way to
//! end, what a fixer is given and what it may not do, and what is gone on with after a kill.

mod ends;
mod fixers;
mod judged;
mod planned;
mod published;
mod resumed;
mod whole;

use std::path::{Path, PathBuf};
use std::process::Command;

use archal_testkit::cli::{Output, TestEnv};
use serde_json::Value;

use super::{git, listing, world};

/// Repairs the example's agent.
const RIGHT: &str = "python3 fix.py";
/// Where the artifacts go, outside of the repository.
const OUT: &str = "out";

/// A world with the example repository in `janitor`, committed: what is to be mended is run once
/// without the patch and once with it.
pub(super) fn janitor() -> TestEnv {
    let world = shipped();
    let config = world.read("janitor/.archal.json");
    assert!(config.contains(r#""reproduceRuns": 3"#), "{config}");
    let config = config.replace(r#""reproduceRuns": 3"#, r#""reproduceRuns": 1"#);
    world.write("janitor/.archal.json", &config);
    commit(&world);
    world
}

/// The same as it is shipped.
fn shipped() -> TestEnv {
    let mut world = world();
    // What the agent writes into the checkout is not what is looked at.
    world.set("PYTHONDONTWRITEBYTECODE", "1");
    let example = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/issue-janitor");
    let copied = Command::new("cp")
        .arg("-R")
        .args([&example, &world.repo().join("janitor")])
        .status();
    assert!(copied.is_ok_and(|status| status.success()));
    commit(&world);
    world
}

/// Makes a first commit of what is there, or another one.
fn commit(world: &TestEnv) {
    if !world.repo().join("janitor/.git").exists() {
        git(world, "janitor", &["init", "--quiet"]);
    }
    git(world, "janitor", &["add", "--all"]);
    git(world, "janitor", &["commit", "--quiet", "-m", "x"]);
}

/// Writes a second scenario, which the agent passes: it leaves a comment on what it closes.
fn say_why(world: &TestEnv, path: &str) {
    let scenario = world.read("janitor/archal/close-stale-issues.md");
    let other: Vec<&str> = scenario
        .lines()
        .filter(|line| !line.starts_with("- [D]") || line.contains("Every closed issue has"))
        .filter(|line| !line.starts_with("match:"))
        .collect();
    let other = other
        .join("\n")
        .replace("# Close stale issues", "# Say why");
    world.write(path, &other);
}

/// The arguments of `preprod run` on the example, with more.
fn arguments<'a>(more: &[&'a str]) -> Vec<&'a str> {
    let mut all = vec![
        "preprod",
        "run",
        "--json",
        "-c",
        "janitor/.archal.json",
        "--artifacts",
        OUT,
    ];
    all.extend(more);
    all
}

/// Runs the loop on the example.
pub(super) fn preprod(world: &TestEnv, more: &[&str]) -> Output {
    world.run(&arguments(more))
}

/// Status, reason and exit code of a run, which leaves the same in its artifacts.
fn ended(world: &TestEnv, output: &Output) -> (String, String, i32) {
    let document = output.json();
    let kept = world.named(&world.read(format!("{OUT}/preprod-result.json")));
    assert_eq!(
        document,
        serde_json::from_str::<Value>(&kept).expect("JSON")
    );
    (
        text(&document["status"]),
        text(&document["stopReason"]),
        output.code.expect("it exited"),
    )
}

fn text(value: &Value) -> String {
    value.as_str().expect("text").to_owned()
}

fn is(found: &(String, String, i32), status: &str, reason: &str, code: i32) {
    assert_eq!(
        (found.0.as_str(), found.1.as_str(), found.2),
        (status, reason, code)
    );
}

/// Private copies of repositories that are there.
fn workplaces(world: &TestEnv) -> Vec<PathBuf> {
    let folder = world.home().join(".cache/archal/workspaces");
    std::fs::read_dir(folder)
        .into_iter()
        .flatten()
        .map(|entry| entry.expect("readable").path())
        .filter(|path| path.is_dir())
        .collect()
}
