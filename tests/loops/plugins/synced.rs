//! A plugin as a source: connected, tested, synced, and its traces where attach looks for them.

use std::collections::BTreeSet;

use super::super::watched::{Watched, batch, one};
use super::*;

/// The ids of all traces in the trace directory of the repository.
fn ids(world: &TestEnv) -> BTreeSet<String> {
    let folder = world.repo().join(".archal/traces");
    let mut ids = BTreeSet::new();
    for entry in fs::read_dir(folder).into_iter().flatten() {
        let path = entry.expect("an entry").path();
        if path.extension().is_none_or(|ending| ending != "json") {
            continue;
        }
        let text = fs::read_to_string(&path).expect("readable");
        let batch: Value = serde_json::from_str(&text).expect("a batch");
        let traces = batch["traces"].as_array().expect("traces");
        ids.extend(
            traces
                .iter()
                .filter_map(|trace| Some(trace["id"].as_str()?.to_owned())),
        );
    }
    ids
}

/// Registers a plugin as `mine`.
fn connect(world: &TestEnv, plugin: &Path, options: &[&str]) {
    let path = format!("path={}", plugin.display());
    let mut arguments = vec!["trace-source", "connect", "custom", "--name", "mine"];
    for option in [path.as_str()].iter().chain(options) {
        arguments.extend(["--option", option]);
    }
    drop(world.run(&arguments).ended(0));
}

fn sync(world: &TestEnv) -> (u64, u64) {
    let output = world.run(&["trace-source", "sync", "mine", "--json"]);
    let document = output.ended(0).json();
    let count = |name: &str| document[name].as_u64().expect("a number");
    (count("new"), count("failed"))
}

#[test]
fn the_runs_of_a_database_come_once_and_a_new_one_later() {
    let world = world();
    let plugin = executable::worked(&world);
    connect(&world, &plugin, &[&executable::database(&world)]);
    let shared = world.read(".archal/trace-sources.json");
    assert!(!shared.contains("plugin.py"), "{shared}");
    // Nobody said yet which call its tool makes, so no state can be rebuilt.
    let tested = world.run(&["trace-source", "test", "mine"]).ended(3);
    assert!(tested.stdout.contains("sqlite-runs 0.1.0"), "{tested}");
    assert!(tested.stdout.contains("score 100 of 100"), "{tested}");
    assert_eq!(sync(&world), (2, 0));
    assert_eq!(ids(&world), ["r1", "r2"].map(str::to_owned).into());
    assert_eq!(sync(&world), (0, 0));
    let connection = rusqlite::Connection::open(world.repo().join("runs.db")).expect("there");
    connection
        .execute(
            "UPDATE runs SET ended_at = '2026-03-01T14:00:09Z', updated_at = 3 WHERE id = 'r3'",
            [],
        )
        .expect("a change");
    assert_eq!(sync(&world), (1, 0));
    assert_eq!(ids(&world).len(), 3);
}

#[test]
fn steps_of_a_log_are_put_together_to_traces() {
    let world = world();
    let library = library::worked(&world);
    let log = world.write(
        "runs.log",
        "2026-03-01T12:00:01Z\t2026-03-01T12:00:02Z\trun-1\ts-1\tlist_issues\t{}\t[]\n\
         2026-03-01T12:00:00Z\t2026-03-01T12:00:09Z\trun-1\trun\t\t\"close\"\t\"closed\"\n",
    );
    let config = format!("config={{\"log\":\"{}\"}}", log.display());
    connect(&world, &library, &[&config]);
    assert_eq!(sync(&world), (1, 0));
    assert_eq!(ids(&world), ["run-1".to_owned()].into());
}

#[test]
fn a_plugin_that_crashes_is_trouble_of_its_source_alone() {
    let world = world();
    let bad = executable::playing(&world, "bad", "kill -SEGV $$");
    connect(&world, &bad, &[]);
    let tested = world.run(&["trace-source", "test", "mine"]).ended(3);
    assert!(tested.stdout.contains("SIGSEGV"), "{tested}");
    let synced = world.run(&["trace-source", "sync", "mine"]).ended(3);
    assert!(synced.stderr.contains("SIGSEGV"), "{synced}");
    // The same registry has a source that works, which is as it was.
    let exports = world.write("exports/t.json", r#"{"schema":"archal.trace.upload-batch","version":1,"complete":true,"traces":[{"id":"t-1","name":"run"}]}"#);
    let path = format!("path={}", exports.parent().expect("a folder").display());
    drop(
        world
            .run(&[
                "trace-source",
                "connect",
                "file",
                "--name",
                "exports",
                "--option",
                &path,
            ])
            .ended(0),
    );
    drop(world.run(&["trace-source", "sync", "exports"]).ended(0));
    assert_eq!(ids(&world), ["t-1".to_owned()].into());
}

#[test]
fn the_watcher_outlives_plugins_that_crash_and_hang_and_feeds_the_others() {
    let watched = Watched::new("exec python3 agent.py\n");
    let world = &watched.world;
    let connect = |name: &str, provider: &str, options: &[&str]| {
        let mut arguments = vec!["connect", provider, "--name", name, "--trace-dir", "traces"];
        for option in options {
            arguments.extend(["--option", option]);
        }
        watched.says("trace-source", &arguments);
    };
    for (name, then) in [("crashes", "kill -SEGV $$"), ("hangs", "sleep 1000")] {
        let path = format!("path={}", executable::playing(world, name, then).display());
        connect(name, "custom", &[&path, "silence=1s"]);
    }
    fs::create_dir(watched.path("exports")).expect("a new folder");
    connect("good", "file", &["path=exports", "interval=1s"]);
    watched.attach("traces", &["--execution-policy", "observe", "--poll", "1"]);
    let told = |status: &Value, name: &str, what: &str| {
        let sources = status["watcher"]["doing"]["attached"][0]["sources"].as_array();
        let mut sources = sources.into_iter().flatten();
        let source = sources.find(|source| source["name"] == name);
        source.is_some_and(|source| source["health"].to_string().contains(what))
    };
    watched.until("both are told of", |status| {
        told(status, "crashes", "SIGSEGV") && told(status, "hangs", "it said nothing for 1 s")
    });
    watched.arrive("exports/a.json", &batch("a", &[one("first")]));
    watched.until_trace("first", "observed");
}
