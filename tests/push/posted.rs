//! Whole traces posted to the `http` source.

use std::collections::BTreeMap;

use serde_json::json;

use super::served::{Served, TOKEN, at_once, options, traces};

fn bearer() -> String {
    format!("Bearer {TOKEN}")
}

#[test]
fn a_batch_is_taken_from_who_has_the_token() {
    let folder = tempfile::tempdir().expect("a folder");
    let served = Served::start(options("http", folder.path(), at_once()));
    let batch = json!({"schema": "archal.trace.upload-batch", "version": 1, "complete": true,
        "source": {"project": "support"},
        "traces": [{"id": "t-1", "name": "run", "metadata": {"password": "hunter2-horse"}}]})
    .to_string();
    let bearer = bearer();
    for wrong in ["", "Bearer x", TOKEN] {
        let answer = served.post("/v1/batches", &[("authorization", wrong)], batch.as_bytes());
        assert_eq!(answer.status, 401, "{wrong}");
    }
    let authorization = ("authorization", bearer.as_str());
    let answer = served.post("/v1/batches", &[authorization], batch.as_bytes());
    assert_eq!(
        (answer.status, answer.json()["accepted"].as_u64()),
        (200, Some(1))
    );
    assert_eq!(served.packed().traces, 1);
    let read = traces(&served.traces);
    assert_eq!(read["t-1"].name, "run");
    assert!(!format!("{read:?}").contains("hunter2"));
    // The same again is the same revision, and a changed one another.
    let before = read["t-1"].revision.clone();
    for (name, is_same) in [("run", true), ("run again", false)] {
        let batch = batch.replace("\"run\"", &format!("\"{name}\""));
        served.post("/v1/batches", &[authorization], batch.as_bytes());
        served.packed();
        assert_eq!(traces(&served.traces)["t-1"].revision == before, is_same);
    }
    let bad = served.post("/v1/batches", &[authorization], b"{\"traces\": []}");
    assert_eq!(bad.status, 400);
}

#[test]
fn a_shape_of_somebodys_own_is_read_by_its_mapping() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut options = options("http", folder.path(), at_once());
    options.mapping = BTreeMap::from([
        ("id".to_owned(), "run.id".to_owned()),
        ("input".to_owned(), "run.question".to_owned()),
    ]);
    let served = Served::start(options.clone());
    let bearer = bearer();
    let body = json!({"run": {"id": "r-7", "question": "why"}}).to_string();
    let headers = [("authorization", bearer.as_str())];
    let answer = served.post("/v1/traces/custom", &headers, body.as_bytes());
    assert_eq!(answer.status, 200, "{answer:?}");
    served.packed();
    let read = traces(&served.traces);
    assert_eq!(read["r-7"].input, Some(json!("why")));
    served.end();
    options.mapping.insert("inptu".to_owned(), "x".to_owned());
    let error = Served::try_start(options.clone()).err().expect("wrong");
    assert!(
        error.to_string().contains("did you mean `input`"),
        "{error}"
    );
    options.mapping.clear();
    options.token = None;
    let error = Served::try_start(options).err().expect("no token");
    assert!(error.to_string().contains("needs a token"), "{error}");
}
