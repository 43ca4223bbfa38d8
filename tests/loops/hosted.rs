//! Sources of the registry inside a watcher in the background, through the real binary.

use std::fs;
use std::net::{SocketAddr, TcpStream};

use serde_json::{Value, json};

use super::watched::{SWEEP, SWEEP_ID, Watched, batch, one};
use crate::push::served::post;

const HARNESS: &str = "exec python3 agent.py\n";
const OBSERVE: &[&str] = &["--execution-policy", "observe", "--poll", "1"];

/// A file source `name` that reads a folder every second and puts its traces into `traces`.
fn connect(watched: &Watched, name: &str, folder: &str) {
    let path = format!("path={folder}");
    let all = [
        "connect",
        "file",
        "--name",
        name,
        "--option",
        &path,
        "--option",
        "interval=1s",
        "--trace-dir",
        "traces",
    ];
    watched.says("trace-source", &all);
}

/// How a source of the only attached directory does; null where it does not run.
fn source(status: &Value, name: &str) -> Value {
    let sources = status["watcher"]["doing"]["attached"][0]["sources"].as_array();
    let mut sources = sources.into_iter().flatten();
    let found = sources.find(|source| source["name"] == name);
    found.cloned().unwrap_or_default()
}

#[test]
fn a_source_that_fails_is_shown_and_the_others_go_on() {
    let watched = Watched::new(HARNESS);
    fs::create_dir(watched.path("exports")).expect("a new folder");
    connect(&watched, "good", "exports");
    connect(&watched, "bad", "nowhere");
    // Whoever connected it did not mean that host.
    let foreign = [
        "connect",
        "langfuse",
        "--name",
        "foreign",
        "--option",
        "host=http://127.0.0.1:7",
        "--trace-dir",
        "traces",
    ];
    watched.says("trace-source", &foreign);
    let registry = watched.state().join("trace-sources.json");
    let shared = fs::read_to_string(&registry).expect("there");
    let shared = shared.replace("127.0.0.1:7", "127.0.0.1:9");
    watched
        .world
        .write("agent/.archal/trace-sources.json", &shared);
    watched.attach("traces", OBSERVE);
    watched.until("the bad one is unhealthy", |status| {
        source(status, "bad")["health"]["state"] == "failing"
    });
    watched.arrive("exports/a.json", &batch("a", &[one("first")]));
    watched.until_trace("first", "observed");
    let status = watched.status();
    assert_eq!(
        source(&status, "good")["health"]["state"],
        "healthy",
        "{status:#}"
    );
    let shown = watched.says("attach-status", &[]);
    assert!(
        shown.contains("source bad (file): unhealthy: there is no "),
        "{shown}"
    );
    assert!(shown.contains("source good (file): reads "), "{shown}");
    assert!(
        shown.contains("source foreign (langfuse): unhealthy: not allowed on this machine: it sends LANGFUSE_PUBLIC_KEY and LANGFUSE_SECRET_KEY to http://127.0.0.1:9, and writes traces into "),
        "{shown}"
    );
    assert!(
        shown.contains("outside of the repository; archal trace-source allow foreign"),
        "{shown}"
    );

    // It is tried again, and mends itself.
    fs::create_dir(watched.path("nowhere")).expect("a new folder");
    watched.arrive("nowhere/b.json", &batch("b", &[one("second")]));
    watched.until_trace("second", "observed");
    let told = watched
        .archal("trace-source", &["status", "--json"])
        .ended(3)
        .json();
    let bad = &told["sources"][0];
    assert_eq!(
        (&bad["name"], &bad["isRunning"]),
        (&json!("bad"), &json!(true))
    );
    assert_eq!(
        (&bad["traces"], &told["sources"][2]["traces"]),
        (&json!(1), &json!(1))
    );
}

#[test]
fn what_the_registry_says_is_done_while_the_watcher_runs() {
    let watched = Watched::new(HARNESS);
    fs::create_dir(watched.path("exports")).expect("a new folder");
    watched.attach("traces", OBSERVE);
    assert_eq!(source(&watched.status(), "late"), Value::Null);
    connect(&watched, "late", "exports");
    watched.until("it runs", |status| {
        source(status, "late")["health"]["state"] == "healthy"
    });
    let twice = watched.archal("trace-source", &["watch", "late"]).ended(3);
    assert!(
        twice.stderr.contains("the watcher runs `late` already"),
        "{twice}"
    );
    watched.says("trace-source", &["disable", "late"]);
    watched.until("it ended", |status| source(status, "late").is_null());
    // A registry that somebody broke is told of, and what runs goes on.
    watched.says("trace-source", &["use", "late"]);
    let registry = watched.state().join("trace-sources.json");
    let good = fs::read_to_string(&registry).expect("there");
    watched
        .world
        .write("agent/.archal/trace-sources.json", "{\"schema\": 1}");
    let status = watched.until("it is told of", |status| {
        status["watcher"]["doing"]["attached"][0]["problems"]
            .to_string()
            .contains("trace-sources.json")
    });
    assert_eq!(
        source(&status, "late")["health"]["state"],
        "healthy",
        "{status:#}"
    );
    watched
        .world
        .write("agent/.archal/trace-sources.json", &good);
    watched.until("it is well again", |status| {
        status["watcher"]["doing"]["attached"][0]["problems"] == json!([])
    });
}

#[test]
fn sources_are_left_out_where_that_is_said_and_end_with_their_directory() {
    let watched = Watched::new(HARNESS);
    fs::create_dir(watched.path("exports")).expect("a new folder");
    connect(&watched, "prod", "exports");
    watched.attach("other", OBSERVE);
    let mut without = OBSERVE.to_vec();
    without.push("--no-sources");
    watched.attach("traces", &without);
    watched.arrive("exports/a.json", &batch("a", &[one("first")]));
    let of = |status: &Value| status["watcher"]["doing"]["attached"].to_string();
    assert!(!of(&watched.status()).contains("\"prod\""));
    // Attached again without the flag, it runs.
    watched.attach("traces", OBSERVE);
    watched.until_trace("first", "observed");
    watched.says("detach", &["traces"]);
    watched.arrive("exports/b.json", &batch("b", &[one("second")]));
    watched.until("it is left", |status| !of(status).contains("\"prod\""));
    let packed = fs::read_dir(watched.path("traces")).expect("there").count();
    assert_eq!(packed, 1);
    assert!(
        watched.log().contains("source prod: ended"),
        "{}",
        watched.log()
    );
}

/// Where a push source of the only attached directory listens; none while it does not.
fn listens(status: &Value, name: &str) -> Option<SocketAddr> {
    let detail = source(status, name)["detail"].as_str()?.to_owned();
    let (_, at) = detail.split_once("http ")?;
    at.split(';').next()?.trim().parse().ok()
}

#[test]
fn what_is_sent_to_the_watcher_is_graded_until_the_directory_is_detached() {
    let watched = Watched::new(HARNESS);
    let connect = [
        "connect",
        "otel",
        "--name",
        "prod",
        "--option",
        "listen=127.0.0.1:0",
        "--option",
        "grpcListen=off",
        "--option",
        "settle=0s",
        "--trace-dir",
        "traces",
    ];
    watched.says("trace-source", &connect);
    watched.attach("traces", &["--execution-policy", "grade", "--poll", "1"]);
    let status = watched.until("it listens", |status| listens(status, "prod").is_some());
    let at = listens(&status, "prod").expect("looked at");
    let json = ("content-type", "application/json");
    let answer = post(at, "/v1/traces", &[json], SWEEP.as_bytes());
    assert_eq!(answer.status, 200);
    let told = watched.until_trace(SWEEP_ID, "failed_grade");
    assert_eq!(told["job"]["trace"]["source"], "prod", "{told:#}");
    let told = watched.archal("trace-source", &["status", "prod", "--json"]);
    let told = told.ended(0).json();
    let prod = &told["sources"][0];
    assert_eq!(
        (&prod["isRunning"], &prod["traces"]),
        (&json!(true), &json!(1)),
        "{told:#}"
    );
    watched.says("detach", &["traces"]);
    assert!(TcpStream::connect(at).is_err(), "nobody listens any more");
}
