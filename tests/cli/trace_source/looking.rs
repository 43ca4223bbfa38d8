//! `archal trace-source test`, `status`, `serve` and `watch`, where no watcher runs.

use std::net::TcpListener;

use serde_json::{Value, json};

use super::{batch, environment, trace};

fn parts(report: &Value) -> Vec<(String, String)> {
    let text = |value: &Value| value.as_str().expect("a text").to_owned();
    let parts = report["parts"].as_array().expect("a list").iter();
    parts
        .map(|part| (text(&part["name"]), text(&part["status"])))
        .collect()
}

#[test]
fn what_is_missing_is_told_line_by_line() {
    let mut environment = environment();
    environment.write("exports/a.json", &batch("prod", &[trace("t-1", "done")]));
    drop(
        environment
            .run(&[
                "trace-source",
                "connect",
                "file",
                "--option",
                "path=exports",
            ])
            .ended(0),
    );
    let told = environment
        .run(&["trace-source", "test", "--json"])
        .ended(3)
        .json();
    crate::cli::schema::holds(&told);
    let of = |name: &str, status: &str| (name.to_owned(), status.to_owned());
    assert_eq!(
        parts(&told),
        [
            of("source", "ready"),
            of("reads", "ready"),
            of("directory", "limited"),
            of("traces", "ready"),
            // A trace without a call shows no state.
            of("evidence", "missing"),
        ]
    );
    assert_eq!(
        (&told["ready"], &told["evidence"]["traces"]),
        (&json!(false), &json!(1))
    );

    // A port that somebody has, and a variable that nobody set.
    let taken = TcpListener::bind("127.0.0.1:0").expect("a port");
    let listen = format!("listen={}", taken.local_addr().expect("bound"));
    drop(
        environment
            .run(&[
                "trace-source",
                "connect",
                "http",
                "--option",
                &listen,
                "--option",
                "tokenEnv=PUSH_TOKEN",
            ])
            .ended(0),
    );
    let told = environment
        .run(&["trace-source", "test", "http", "--json"])
        .ended(3)
        .json();
    let missing = [of("variables", "missing"), of("listens", "missing")];
    assert_eq!(parts(&told)[1..3], missing, "{told:#}");
    drop(taken);
    environment.set("PUSH_TOKEN", "x");
    let told = environment
        .run(&["trace-source", "test", "http", "--json"])
        .ended(0)
        .json();
    assert_eq!(
        parts(&told)[1..3],
        [of("variables", "ready"), of("listens", "ready")]
    );
}

#[test]
fn what_became_of_the_objects_of_a_store_is_counted() {
    let environment = environment();
    let status = |arguments: &[&str]| {
        let all: Vec<&str> = ["trace-source", "status"]
            .iter()
            .chain(arguments)
            .copied()
            .collect();
        environment.run(&all).ended(0)
    };
    for (id, key) in [("t-1", "a"), ("t-2", "in/b"), ("t-3", "c")] {
        let text = batch("prod", &[trace(id, "done")]);
        environment.write(format!("mirror/{key}.json"), &text);
    }
    environment.write("mirror/d.json", "no trace at all");
    let mut connect = vec!["trace-source", "connect", "s3"];
    for option in ["bucket=traces", "mirror=mirror"] {
        connect.extend(["--option", option]);
    }
    drop(environment.run(&connect).ended(0));
    assert_eq!(
        status(&["--json"]).json()["sources"][0]["objects"],
        Value::Null
    );
    drop(environment.run(&["trace-source", "sync"]));
    let told = status(&["--json"]).json();
    crate::cli::schema::holds(&told);
    let objects = json!({"read": 3, "failed": 1, "refused": 0, "unnamed": 0});
    assert_eq!(told["sources"][0]["objects"], objects);
    let shown = status(&[]).stdout;
    let line = "  holds    3 objects read, 1 without traces\n";
    assert!(shown.contains(line), "{shown}");
}

#[test]
fn a_source_that_does_not_run_says_what_would_run_it() {
    let environment = environment();
    environment.write("exports/a.json", &batch("prod", &[trace("t-1", "done")]));
    let connect = |arguments: &[&str]| {
        let all: Vec<&str> = ["trace-source", "connect"]
            .iter()
            .chain(arguments)
            .copied()
            .collect();
        drop(environment.run(&all).ended(0));
    };
    connect(&["file", "--option", "path=exports"]);
    connect(&["otel"]);
    drop(environment.run(&["trace-source", "sync", "file"]).ended(0));
    let told = environment
        .run(&["trace-source", "status", "--json"])
        .ended(0)
        .json();
    crate::cli::schema::holds(&told);
    assert_eq!(told["hasWatcher"], false);
    let file = &told["sources"][0];
    assert_eq!(
        (&file["traces"], &file["isRunning"]),
        (&json!(1), &json!(false))
    );
    let shown = environment.run(&["trace-source", "status"]).ended(0).stdout;
    assert!(shown.contains("archal trace-source sync file"), "{shown}");
    assert!(
        shown.contains("archal attach .archal/traces --repo ."),
        "{shown}"
    );
    let pushed = environment.run(&["trace-source", "watch", "otel"]).ended(2);
    assert!(pushed.stderr.contains("push source"), "{pushed}");
    let pulled = environment.run(&["trace-source", "serve", "file"]).ended(2);
    assert!(pulled.stderr.contains("pull source"), "{pulled}");
}
