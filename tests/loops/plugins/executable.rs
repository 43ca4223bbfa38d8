//! Plugins that are programs of their own.

use rusqlite::Connection;

use super::*;

/// The database of an agent with two runs that ended and one that did not.
pub(super) fn database(world: &TestEnv) -> String {
    let path = world.repo().join("runs.db");
    let connection = Connection::open(&path).expect("a database");
    connection
        .execute_batch(
            r#"CREATE TABLE runs (id TEXT PRIMARY KEY, name TEXT, started_at TEXT, ended_at TEXT, status TEXT,
                   input TEXT, output TEXT, updated_at INTEGER NOT NULL);
               CREATE TABLE steps (run_id TEXT, number INTEGER, tool TEXT, arguments TEXT, result TEXT,
                   is_error INTEGER, started_at TEXT, ended_at TEXT);
               INSERT INTO runs VALUES
                   ('r1', 'triage', '2026-03-01T12:00:00Z', '2026-03-01T12:00:09Z', 'ok', '"close"', '"closed"', 1),
                   ('r2', 'triage', '2026-03-01T13:00:00Z', '2026-03-01T13:00:09Z', 'error', 'plain', NULL, 1),
                   ('r3', 'triage', '2026-03-01T14:00:00Z', NULL, 'unset', NULL, NULL, 2);
               INSERT INTO steps VALUES
                   ('r1', 1, 'list_issues', '{"state":"open"}', '[]', 0, '2026-03-01T12:00:01Z', '2026-03-01T12:00:02Z');"#,
        )
        .expect("tables");
    format!(
        "config={{\"database\":\"{}\"}}",
        path.to_str().expect("UTF-8")
    )
}

pub(super) fn worked(world: &TestEnv) -> PathBuf {
    let text = fs::read_to_string(ours("plugins/example-sqlite/plugin.py")).expect("there");
    program(world, "plugin.py", &text)
}

#[test]
fn the_worked_one_gives_the_runs_of_a_database() {
    let world = world();
    let plugin = worked(&world);
    let config = database(&world);
    assert_eq!(given(check(&world, &plugin, &[&config])), (2, 0));
    let text = world.run(&[
        "plugin",
        "check",
        plugin.to_str().expect("UTF-8"),
        "--option",
        &config,
    ]);
    let text = text.ended(0).stdout;
    for told in [
        "sqlite-runs 0.1.0, protocol 1",
        "3 runs",
        "traces: 2",
        "trace-source connect custom",
    ] {
        assert!(text.contains(told), "{text}");
    }
    let refused = missing(check(&world, &plugin, &[]));
    assert!(refused.contains("`database`"), "{refused}");
}

/// A plugin that says what it is, and then does something else than it is asked.
pub(super) fn playing(world: &TestEnv, name: &str, then: &str) -> PathBuf {
    let script = format!(
        r#"#!/bin/sh
read -r line
echo '{{"id":1,"reply":"description","protocol":1,"name":"bad","version":"1"}}'
read -r line
echo 'last words' >&2
{then}
"#
    );
    program(world, name, &script)
}

#[test]
fn what_a_plugin_does_wrong_is_told_of_it() {
    let trace = r#"{"id":2,"reply":"trace","trace":{"id":"t"}}"#;
    let flood = format!("yes '{trace}'");
    for (then, options, told) in [
        (
            "kill -SEGV $$",
            &[][..],
            "the plugin ended before it had answered: SIGSEGV (signal 11) ended it; it said: last words",
        ),
        ("kill -ABRT $$", &[], "SIGABRT (signal 6) ended it"),
        (
            "exit 3",
            &[],
            "it exited with status 3; it said: last words",
        ),
        ("exit 0", &[], "it ended before it had answered"),
        ("sleep 1000", &["silence=1s"], "it said nothing for 1 s"),
        (
            "while :; do echo '{\"id\":1,\"reply\":\"end\"}'; sleep 0.1; done",
            &["timeout=1s"],
            "it was not done after 1 s",
        ),
        (
            &flood,
            &["maxBytes=1MiB"],
            "it wrote more than 1048576 bytes for one answer",
        ),
        (
            "head -c 1073741824 /dev/zero | tr '\\0' a",
            &["maxLine=1MiB"],
            "it wrote a line of more than 1048576 bytes",
        ),
        ("yes nonsense", &[], "its stdout is for replies alone"),
    ] {
        let world = world();
        let plugin = playing(&world, "bad", then);
        let said = missing(check(&world, &plugin, options));
        assert!(said.contains(told), "{then}: {said}");
    }
}

#[test]
fn one_that_lies_about_its_version_or_takes_all_memory_is_refused() {
    let world = world();
    let plugin = program(
        &world,
        "later",
        "#!/bin/sh\necho '{\"id\":1,\"reply\":\"description\",\"protocol\":9,\"name\":\"n\",\"version\":\"1\"}'\nread -r line\n",
    );
    let said = missing(check(&world, &plugin, &[]));
    assert_eq!(
        said,
        "the plugin `n` speaks protocol 9, and this archal speaks 1"
    );
    let plugin = program(
        &world,
        "hungry",
        "#!/usr/bin/env python3\ninput()\nbytearray(1 << 30)\nprint('{}')\n",
    );
    let said = missing(check(&world, &plugin, &["memory=128MiB"]));
    assert!(said.contains("MemoryError"), "{said}");
}

#[test]
fn it_is_given_the_variables_that_are_named_and_gives_no_secret_back() {
    let mut world = world();
    let secret = "correct-horse-battery-staple";
    world.set("MY_KEY", secret).set("OTHER_KEY", "another");
    let plugin = playing(
        &world,
        "bad",
        r#"echo "{\"id\":2,\"reply\":\"point\",\"name\":\"reach\",\"standing\":\"ready\",\"detail\":\"key $MY_KEY, other ${OTHER_KEY:-none}\"}"
echo "$MY_KEY" >&2
exit 1"#,
    );
    let output = check(&world, &plugin, &["variables=MY_KEY"]).ended(1);
    assert!(!output.stdout.contains(secret), "{output}");
    let document = output.json();
    let seen = document["parts"][1]["detail"].as_str().expect("text");
    assert!(
        seen.starts_with("key ") && seen.ends_with(", other none"),
        "{seen}"
    );
    let unset = missing(check(&world, &plugin, &["variables=NOT_THERE"]));
    assert!(unset.contains("NOT_THERE"), "{unset}");
}
