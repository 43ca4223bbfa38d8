//! What `archal attach` says about a trace directory as a whole: folders that cannot be read, one
//! trace in several files.
#![cfg(unix)]

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::process::Command;

use archal_testkit::cli::TestEnv;
use serde_json::Value;

use super::{git, world};

const TRACE: &str = include_str!("../../examples/issue-janitor/traces/2026-11-20-sweep.otlp.json");

/// A repository with one commit.
fn repository() -> TestEnv {
    let world = world();
    world.write("agent/harness.sh", "true\n");
    git(&world, "agent", &["init", "--quiet"]);
    git(&world, "agent", &["add", "--all"]);
    git(&world, "agent", &["commit", "--quiet", "-m", "first"]);
    world
}

const OBSERVE: &[&str] = &[
    "attach",
    "traces",
    "--repo",
    "agent",
    "--once",
    "--foreground",
    "--execution-policy",
    "observe",
];

#[test]
fn a_folder_that_cannot_be_read_is_named_and_not_a_success() {
    let world = repository();
    world.write("traces/closed/t.json", TRACE);
    let closed = world.repo().join("traces/closed");
    fs::set_permissions(&closed, Permissions::from_mode(0o000)).expect("my own folder");
    // In a user namespace that maps nobody even root has to keep to the mode of a folder.
    let archal = world.command(OBSERVE);
    let mut command = Command::new("unshare");
    command
        .arg("--user")
        .arg(archal.get_program())
        .args(archal.get_args())
        .env_clear()
        .envs(
            archal
                .get_envs()
                .filter_map(|(name, value)| Some((name, value?))),
        )
        .current_dir(world.repo());
    let output = command.output().expect("unshare starts");
    fs::set_permissions(&closed, Permissions::from_mode(0o700)).expect("my own folder");
    let stdout = String::from_utf8_lossy(&output.stdout);
    let stderr = String::from_utf8_lossy(&output.stderr);
    let named = format!("trace/unreadable {}: cannot be looked at", closed.display());
    assert!(stdout.contains(&named), "{stdout}{stderr}");
    assert_eq!(output.status.code(), Some(3), "{stdout}{stderr}");
}

#[test]
fn of_one_trace_in_two_files_the_newest_counts_whatever_the_files_are_called() {
    let mut cut: Value = serde_json::from_str(TRACE).expect("JSON");
    let spans = cut["resourceSpans"][0]["scopeSpans"][0]["spans"]
        .as_array_mut()
        .expect("spans");
    spans.truncate(2);
    for (whole_name, cut_name) in [("a.json", "z.json"), ("z.json", "a.json")] {
        let world = repository();
        world.write(format!("traces/{whole_name}"), TRACE);
        world.write(format!("traces/{cut_name}"), &cut.to_string());
        let mut arguments = OBSERVE.to_vec();
        arguments.push("--json");
        let document = world.run(&arguments).ended(0).json();
        let jobs = document["jobs"].as_array().expect("a list");
        assert_eq!(jobs.len(), 1, "{document}");
        let file = jobs[0]["file"].as_str().expect("a path");
        assert!(file.ends_with(whole_name), "{file}");
        let files = document["files"].as_array().expect("a list");
        let told = |name: &str| {
            let ends = |file: &&Value| file["path"].as_str().is_some_and(|at| at.ends_with(name));
            let file = files.iter().find(ends).expect("it was read");
            let mut told = file["diagnostics"].as_array().expect("a list").clone();
            told.retain(|finding| finding["code"] == "trace/several-revisions");
            told
        };
        assert_eq!(told(whole_name), Vec::<Value>::new(), "{document}");
        let [finding] = &told(cut_name)[..] else {
            panic!("one finding: {document}");
        };
        let message = finding["message"].as_str().expect("text");
        assert!(message.contains(whole_name), "{finding}");
    }
}
