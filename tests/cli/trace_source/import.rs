//! `archal trace-source import` and `sync`.

use std::fs;

use archal_testkit::cli::TestEnv;
use serde_json::{Value, json};

use super::{batch, environment, trace};

fn counts(report: &Value) -> [u64; 4] {
    ["new", "updated", "unchanged", "failed"].map(|name| report[name].as_u64().expect("a count"))
}

fn imported(environment: &TestEnv, arguments: &[&str], code: i32) -> Value {
    let mut all = vec!["trace-source", "import", "--json"];
    all.extend_from_slice(arguments);
    environment.run(&all).ended(code).json()
}

/// The ids in the batch files of a folder, and how many files there are.
fn packed(environment: &TestEnv, folder: &str) -> (usize, Vec<String>) {
    let folder = environment.repo().join(folder);
    let mut ids = Vec::new();
    let mut files = 0;
    for entry in fs::read_dir(folder).expect("a folder").flatten() {
        files += 1;
        let text = fs::read_to_string(entry.path()).expect("readable");
        let batch: Value = serde_json::from_str(&text).expect("JSON");
        assert_eq!(batch["complete"], true);
        for trace in batch["traces"].as_array().expect("a list") {
            ids.push(trace["id"].as_str().expect("an id").to_owned());
        }
    }
    ids.sort();
    (files, ids)
}

#[test]
fn files_of_any_dialect_are_packed_and_nothing_is_written_twice() {
    let environment = environment();
    let all: Vec<Value> = (0..3)
        .map(|number| trace(&format!("t-{number}"), "done"))
        .collect();
    environment.write("exports/a.json", &batch("prod", &all));
    let sweep = include_str!("../../../examples/issue-janitor/traces/2026-11-20-sweep.otlp.json");
    environment.write("exports/deep/sweep.json", sweep);
    environment.write("exports/broken.json", "{\"resourceSpans\": [");
    environment.write("exports/copy.json", &batch("prod", &all[..1]));

    let report = imported(&environment, &["exports"], 3);
    assert_eq!(counts(&report), [4, 0, 1, 1], "{report:#}");
    assert_eq!(
        report["dialects"],
        json!(["batch", "otlp-json: http, otel-genai"])
    );
    assert_eq!(report["files"], 4);
    // One file for each source and project.
    let (files, ids) = packed(&environment, ".archal/traces");
    assert_eq!((files, ids.len()), (2, 4));

    fs::remove_file(environment.repo().join("exports/broken.json")).expect("my own file");
    let again = imported(&environment, &["exports"], 0);
    assert_eq!(counts(&again), [0, 0, 5, 0]);
    assert_eq!(again["writtenFiles"], 0);

    environment.write(
        "exports/a.json",
        &batch("prod", &[trace("t-1", "not done")]),
    );
    let changed = imported(&environment, &["exports/a.json"], 0);
    assert_eq!(counts(&changed), [0, 1, 0, 0]);

    // Another directory has nothing of it; and what was taken away is not there.
    let elsewhere = imported(&environment, &["exports", "--trace-dir", "other"], 0);
    assert_eq!(counts(&elsewhere), [3, 0, 0, 0]);
    fs::remove_dir_all(environment.repo().join("other")).expect("my own folder");
    let anew = imported(&environment, &["exports", "--trace-dir", "other"], 0);
    assert_eq!(counts(&anew), [3, 0, 0, 0]);
}

/// A dump of one span of the trace `00…7a`, as a collector writes it.
fn span(number: u8, parent: Option<u8>) -> String {
    let id = |number: u8| format!("{number:016x}");
    json!({"resourceSpans": [{"scopeSpans": [{"spans": [{
        "traceId": format!("{:032x}", 0x7a),
        "spanId": id(number),
        "parentSpanId": parent.map(id).unwrap_or_default(),
        "name": format!("step {number}"),
        "startTimeUnixNano": format!("{}", 1_780_000_000_000_000_000_u64 + u64::from(number)),
        "endTimeUnixNano": "1780000001000000000",
    }]}]}]})
    .to_string()
}

#[test]
fn a_trace_whose_spans_are_in_several_files_is_one() {
    let environment = environment();
    environment.write("dumps/a.json", &span(2, Some(1)));
    environment.write("dumps/b.json", &span(3, Some(1)));
    let report = imported(&environment, &["dumps"], 0);
    assert_eq!(counts(&report), [1, 0, 0, 0], "{report:#}");

    // The root comes later, in a file of its own.
    environment.write("dumps/c.json", &span(1, None));
    let report = imported(&environment, &["dumps"], 0);
    assert_eq!(counts(&report), [0, 1, 2, 0], "{report:#}");
    let mut spans = Vec::new();
    for entry in fs::read_dir(environment.repo().join(".archal/traces"))
        .expect("a folder")
        .flatten()
    {
        let text = fs::read_to_string(entry.path()).expect("readable");
        let batch: Value = serde_json::from_str(&text).expect("JSON");
        let [trace] = batch["traces"].as_array().expect("a list").as_slice() else {
            panic!("{text}");
        };
        spans.push(trace["spans"].as_array().expect("a list").len());
        let orphans = &trace["completeness"]["orphans"];
        assert_eq!(*orphans, if spans.last() == Some(&3) { 0 } else { 2 });
    }
    spans.sort_unstable();
    assert_eq!(spans, [2, 3]);

    let again = imported(&environment, &["dumps"], 0);
    assert_eq!(counts(&again), [0, 0, 3, 0], "{again:#}");
    assert_eq!(again["writtenFiles"], 0);
}

#[test]
fn a_large_file_of_records_is_read_in_pieces_and_its_traces_are_whole() {
    let environment = environment();
    let whole = json!({"resourceSpans": []}).to_string();
    let blank = " ".repeat(1 << 20) + "\n";
    // More than is read as one, with the spans of one trace at both ends.
    let mut text = format!("{}\n{whole}\n", span(2, Some(1)));
    for _ in 0..48 {
        text += &blank;
    }
    text += &format!("{{nonsense\n{}\n", span(1, None));
    environment.write("large/spans.jsonl", &text);

    let report = imported(&environment, &["large"], 3);
    assert_eq!(counts(&report), [1, 0, 0, 1], "{report:#}");
    assert_eq!(report["bytes"], text.len());
    assert_eq!(report["dialects"], json!(["otlp-json"]));
    let findings = report["diagnostics"].as_array().expect("a list");
    let told = findings[0]["message"].as_str().expect("words");
    assert!(told.starts_with("line 51 is not JSON"), "{told}");
    let file = report["written"][0].as_str().expect("a file");
    let file = file.replace("$TEST_ENV/repo/", "");
    let batch: Value = serde_json::from_str(&environment.read(&file)).expect("JSON");
    let trace = &batch["traces"][0];
    assert_eq!(trace["spans"].as_array().map(Vec::len), Some(2));
    assert_eq!(trace["completeness"]["orphans"], 0);

    let again = imported(&environment, &["large"], 3);
    assert_eq!(counts(&again), [0, 0, 1, 1], "{again:#}");
}

#[test]
fn secrets_do_not_reach_the_trace_directory() {
    let environment = environment();
    let token = format!("{}{}", "ghp_", "q7WzT5mK9xR2vB8nL4cD6fHjQ1sY3uE0pG5a");
    environment.write(
        "a.json",
        &batch("prod", &[trace("t-1", &format!("use {token}"))]),
    );
    let report = imported(&environment, &["a.json"], 0);
    assert_eq!(report["redactions"], 1);
    let file = report["written"][0].as_str().expect("a file");
    let file = file.replace("$TEST_ENV/repo/", "");
    assert!(!environment.read(file).contains(&token));
}

#[test]
fn a_person_is_told_what_became_of_it_and_what_to_do_next() {
    let environment = environment();
    environment.write("a.json", &batch("prod", &[trace("t-1", "done")]));
    let told = environment
        .run(&["trace-source", "import", "a.json"])
        .ended(0)
        .with(r"in \d+\.\d+s", "in <time>")
        .with(r"\d+ B", "<size>");
    insta::assert_snapshot!(told, @"
    exit code: 0
    ----- stdout -----
    1 new, 0 updated, 0 unchanged, 0 failed
      read     1 file, <size> (batch) in <time>
      redacted 0 values
      wrote    1 batch file, <size>, in .archal/traces
      next     archal attach .archal/traces --repo .
    ----- stderr -----
    ");
    let missing = environment
        .run(&["trace-source", "import", "nowhere"])
        .ended(2);
    assert!(missing.stderr.contains("there is no nowhere"), "{missing}");
    let inside = environment
        .run(&["trace-source", "import", ".archal/traces"])
        .ended(2);
    assert!(
        inside
            .stderr
            .contains("archal attach .archal/traces --repo ."),
        "{inside}"
    );
}

#[test]
fn a_registered_file_source_is_synced_within_bounds() {
    let environment = environment();
    let mut old = trace("old", "done");
    old["endedAt"] = json!("2026-01-01T00:00:00Z");
    old["startedAt"] = json!("2026-01-01T00:00:00Z");
    let all = [old, trace("t-1", "done"), trace("t-2", "done")];
    environment.write("exports/a.json", &batch("prod", &all));
    drop(
        environment
            .run(&[
                "trace-source",
                "connect",
                "file",
                "--option",
                "path=exports",
                "--trace-dir",
                "in",
            ])
            .ended(0),
    );
    let synced = |arguments: &[&str]| {
        let mut all = vec!["trace-source", "sync", "--json"];
        all.extend_from_slice(arguments);
        environment.run(&all).ended(0).json()
    };
    let dry = synced(&["--dry-run"]);
    assert_eq!(
        (counts(&dry), &dry["writtenFiles"]),
        ([3, 0, 0, 0], &json!(0))
    );
    assert!(!environment.repo().join("in").exists());
    let century = synced(&["--since", "36500d", "--dry-run"]);
    assert_eq!(counts(&century), [3, 0, 0, 0]);
    let soon = ["trace-source", "sync", "--since", "soon"];
    let soon = environment.run(&soon).ended(2);
    assert!(soon.stderr.contains("nor a duration such as 7d"), "{soon}");
    let since = synced(&["--since", "2026-06-01T00:00:00Z", "--limit", "1"]);
    assert_eq!((counts(&since), &since["older"]), ([1, 0, 0, 0], &json!(1)));
    assert_eq!(since["isLimited"], true);
    let rest = synced(&[]);
    assert_eq!(counts(&rest), [2, 0, 1, 0]);
    assert_eq!(packed(&environment, "in").1, ["old", "t-1", "t-2"]);

    drop(
        environment
            .run(&["trace-source", "connect", "otel", "--use"])
            .ended(0),
    );
    let push = environment.run(&["trace-source", "sync"]).ended(2);
    assert!(push.stderr.contains("push source"), "{push}");
}
