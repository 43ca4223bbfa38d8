//! What goes on beside the work on traces: people are told of failures, decide of them while a
//! watcher runs, what is old goes, and a low disk is waited out.
#![cfg(unix)]

use std::fs;
use std::path::Path;
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use archal::sandbox::StopToken;
use archal_testkit::cli::{Output, TestEnv};
use serde_json::{Value, json};

use super::{git, world};
use crate::notices::{answer, got, serve};

/// A bound for everything that is waited for.
const LATEST: Duration = Duration::from_secs(100);

/// The example as a repository `agent` with one commit, and some keys of its configuration.
fn example(keys: &Value) -> TestEnv {
    let world = world();
    let example = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/issue-janitor");
    let copied = Command::new("cp")
        .arg("-R")
        .args([&example, &world.repo().join("agent")])
        .status();
    assert!(copied.is_ok_and(|status| status.success()));
    set(&world, keys);
    git(&world, "agent", &["init", "--quiet"]);
    git(&world, "agent", &["add", "--all"]);
    git(&world, "agent", &["commit", "--quiet", "-m", "first"]);
    world
}

/// Sets keys of the configuration.
fn set(world: &TestEnv, keys: &Value) {
    let path = "agent/.archal.json";
    let mut config: Value = serde_json::from_str(&world.read(path)).expect("JSON");
    for (key, value) in keys.as_object().expect("keys") {
        config[key] = value.clone();
    }
    world.write(path, &config.to_string());
}

/// A watcher that is ended with the test.
struct Watched(TestEnv);

impl Drop for Watched {
    fn drop(&mut self) {
        let ended = self.0.run(&["detach", "--all", "--now", "--repo", "agent"]);
        if !thread::panicking() {
            assert_eq!(ended.code, Some(0), "{ended}");
        }
    }
}

impl Watched {
    fn run(&self, arguments: &[&str]) -> Output {
        self.0.run(arguments).ended(0)
    }

    fn done(&self, arguments: &[&str]) {
        let output = self.0.run(arguments);
        assert_eq!(output.code, Some(0), "{output}");
    }

    fn job(&self) -> Value {
        let status = self.run(&["attach-status", "--repo", "agent", "--json"]);
        status.json()["newest"][0].clone()
    }

    /// Waits until the job ends so.
    fn until_ended(&self, status: &str) -> Value {
        let mut job = Value::Null;
        until(&format!("the job ends {status}"), || {
            job = self.job();
            job["status"] == status
        });
        job
    }
}

/// Waits for what must come true.
fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let latest = Instant::now() + LATEST;
    while !is_so() {
        assert!(Instant::now() < latest, "{what}: it did not come to that");
        StopToken::new().wait(Duration::from_millis(20));
    }
}

#[test]
fn a_failure_is_told_and_what_a_person_decides_of_it_counts_at_once() {
    let taken = answer("204 No Content", "");
    let (url, told) = serve(&[&taken, &taken]);
    let notify = json!({
        "policy": "grade", "reproduceRuns": 1, "poll": 86_400,
        "notify": {"webhook": url, "on": ["new", "reproduced"]},
    });
    let world = example(&json!({"attach": notify}));
    let attach = ["attach", "agent/traces", "--repo", "agent"];
    let once = [&attach[..], &["--once", "--foreground", "--json"]].concat();
    let first = world.run(&once);
    assert_eq!(first.code, Some(1), "{first}");
    let job = first.json()["jobs"][0].clone();
    let group = job["group"].as_str().expect("a group").to_owned();
    let notice = got(&told).body;
    assert_eq!(
        (&notice["event"], &notice["group"]),
        (&json!("new"), &json!(group))
    );
    assert!(!first.stderr.contains("not delivered"), "{first}");

    let why = ["--reason", "the test account", "--repo", "agent"];
    let dismiss = [&["issue", "dismiss", &group][..], &why].concat();
    let dismissed = world.run(&dismiss);
    assert_eq!(dismissed.code, Some(0), "{dismissed}");
    // It is graded no further, by the reason that a reopening looks for.
    world.write("agent/.archal/cache/runs/run-old/result.json", "{}");
    let old = world.repo().join("agent/.archal/cache/runs/run-old");
    for path in [old.join("result.json"), old.clone()] {
        let touched = Command::new("touch")
            .args(["-d", "2020-01-01"])
            .arg(path)
            .status();
        assert!(touched.is_ok_and(|status| status.success()));
    }
    let further = [&attach[..], &["--execution-policy", "reproduce"]].concat();
    let further = world.run(&further);
    assert_eq!(further.code, Some(0), "{further}");
    let watched = Watched(world);
    let job = watched.until_ended("group_member");
    assert_eq!(job["reason"], "the failure was dismissed");
    // What is old went when the watcher started.
    until("the old run is gone", || !old.exists());

    let reopened = watched.run(&["issue", "reopen", &group, "--repo", "agent", "--json"]);
    assert_eq!(reopened.json()["jobs"], 1, "{reopened}");
    // The watcher would not look by itself today.
    watched.until_ended("reproduced");
    let notice = got(&told).body;
    assert_eq!(notice["event"], "reproduced", "{notice}");

    // Everything of the trace goes, and comes back when a person asks.
    watched.done(&dismiss);
    set(&watched.0, &json!({"retention": {"maxBytes": "1KB"}}));
    watched.done(&["prune", "--repo", "agent"]);
    let name = job["name"].as_str().expect("a name").to_owned();
    let import = watched
        .0
        .repo()
        .join(format!("agent/.archal/attach/imports/{name}.json"));
    assert!(!import.exists(), "{}", import.display());
    watched.done(&["attach-reprocess", &name, "--repo", "agent"]);
    let job = watched.until_ended("reproduced");
    assert_eq!(job["name"], json!(name));
    assert!(import.exists());
}

#[test]
fn each_directory_tells_by_its_own_settings_and_what_was_blocked_is_told_later() {
    let world = example(&json!({}));
    for name in ["one", "two"] {
        let told = world.repo().join(format!("told-{name}"));
        let command = format!("cp \"$ARCHAL_NOTICE_FILE\" {}", told.display());
        let settings = json!({"policy": "grade", "notify": {"command": command, "on": ["new"]}});
        let mut config: Value =
            serde_json::from_str(&world.read("agent/.archal.json")).expect("JSON");
        config["attach"] = settings;
        world.write(format!("agent/{name}.json"), &config.to_string());
    }
    fs::create_dir(world.repo().join("first")).expect("writable");
    let watched = Watched(world);
    let attach = |directory: &str, config: &str, more: &[&str]| {
        let config = format!("agent/{config}.json");
        let fixed = ["attach", directory, "--repo", "agent", "--config", &config];
        watched.done(&[&fixed[..], more].concat());
    };
    let permission = ["--allow-external-execution"];
    attach("first", "one", &permission);
    attach("agent/traces", "two", &[]);
    let group = watched.until_ended("failed_grade")["group"].clone();
    let show = [
        "issue",
        "show",
        group.as_str().expect("a group"),
        "--repo",
        "agent",
    ];
    until("it is blocked", || {
        let shown = watched.run(&show);
        shown
            .stdout
            .contains("new: blocked (the notify command may not run")
    });
    let told = |name: &str| watched.0.repo().join(format!("told-{name}"));
    assert!(!told("one").exists() && !told("two").exists());
    attach("agent/traces", "two", &permission);
    until("it is told", || told("two").exists());
    assert!(!told("one").exists(), "the first directory is not asked");
}

#[test]
fn what_was_pruned_is_not_derived_again_unless_somebody_asks() {
    let world = example(&json!({
        "attach": {"policy": "grade", "reproduceRuns": 1},
        "retention": {"maxBytes": "1KB"},
    }));
    let attach = |policy: &str| {
        let arguments = ["attach", "agent/traces", "--repo", "agent", "--once"];
        let policy = ["--foreground", "--json", "--execution-policy", policy];
        world.run(&[&arguments[..], &policy].concat())
    };
    let observed = attach("observe");
    assert_eq!(observed.code, Some(0), "{observed}");
    let name = observed.json()["jobs"][0]["name"].clone();
    let name = name.as_str().expect("a name");
    let pruned = world.run(&["prune", "--repo", "agent"]);
    assert_eq!(pruned.code, Some(0), "{pruned}");
    let import = world
        .repo()
        .join(format!("agent/.archal/attach/imports/{name}.json"));
    assert!(!import.exists());
    // The flags allow more now, but its import is gone for good.
    let graded = attach("grade");
    assert_eq!(graded.code, Some(3), "{graded}");
    let job = graded.json()["jobs"][0].clone();
    assert_eq!(job["status"], "blocked", "{job}");
    let reason = job["reason"].as_str().expect("text");
    assert!(reason.contains("because it was old"), "{reason}");
    assert!(
        reason.contains(&format!("--from import {name}")),
        "{reason}"
    );
    assert!(!import.exists());
    let again = ["attach-reprocess", "--from", "import", name];
    let again = world.run(&[&again[..], &["--repo", "agent"]].concat());
    assert_eq!(again.code, Some(0), "{again}");
    let graded = attach("grade");
    assert_eq!(
        graded.json()["jobs"][0]["status"],
        "failed_grade",
        "{graded}"
    );
    assert!(import.exists());
}

/// Fills a small disk, attaches, makes room, and waits for what comes of it. `$1` is archal.
#[cfg(target_os = "linux")]
const LOW_DISK: &str = r#"
set -eu
mount -t tmpfs -o size=128m none "$ARCHAL_STATE_DIR"
head -c 129000000 /dev/zero > "$ARCHAL_STATE_DIR/filled"
"$1" attach agent/traces --repo agent --once --foreground > once.out 2> once.err && exit 70 || echo $? > once.code
"$1" attach agent/traces --repo agent > /dev/null
tries=0
until "$1" attach-status --repo agent > low.out && grep -q '^paused ' low.out; do
  tries=$((tries + 1)); [ $tries -lt 600 ]; sleep 0.1
done
rm "$ARCHAL_STATE_DIR/filled"
until "$1" attach-status --repo agent > room.out && grep -q 'failed_grade ' room.out; do
  tries=$((tries + 1)); [ $tries -lt 1200 ]; sleep 0.1
done
"$1" detach --all --now --repo agent > /dev/null
"#;

#[test]
#[cfg(target_os = "linux")]
fn a_low_disk_pauses_import_and_work_goes_on_when_there_is_room() {
    let mut world = example(&json!({"attach": {"policy": "grade"}}));
    let small = world.repo().join("small");
    fs::create_dir(&small).expect("writable");
    world.set("ARCHAL_STATE_DIR", small.display().to_string());
    let archal = world.command(&[]);
    let output = Command::new("unshare")
        .args([
            "--user",
            "--map-root-user",
            "--mount",
            "sh",
            "-c",
            LOW_DISK,
            "sh",
        ])
        .arg(archal.get_program())
        .env_clear()
        .envs(
            archal
                .get_envs()
                .filter_map(|(name, value)| Some((name, value?))),
        )
        .current_dir(world.repo())
        .output()
        .expect("unshare starts");
    let told = |name: &str| fs::read_to_string(world.repo().join(name)).unwrap_or_default();
    let all: String = ["once.err", "low.out", "room.out"].map(told).join("\n");
    assert!(
        output.status.success(),
        "{all}\n{}",
        String::from_utf8_lossy(&output.stderr)
    );
    assert_eq!(told("once.code").trim(), "3", "{all}");
    assert!(told("once.err").contains("is low"), "{all}");
    assert!(told("low.out").contains("archal prune"), "{all}");
    assert!(!told("room.out").contains("paused"), "{all}");
}
