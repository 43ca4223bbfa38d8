//! `archal trace-source`.
//!
//! - `allowing`: what somebody who cloned a repository allows it.
//! - `asking`: services that are asked, on the loopback.
//! - `registry`: connect, list, use, disable.
//! - `import`: files that lie elsewhere. `hosted`: `archal attach --source`.
//! - `looking`: what is ready, what runs.

mod allowing;
mod asking;
mod hosted;
mod import;
mod looking;
mod registry;
mod serving;

use std::fs;

use archal_testkit::cli::TestEnv;
use serde_json::{Value, json};

/// A repository.
fn environment() -> TestEnv {
    let environment = super::environment();
    fs::create_dir(environment.repo().join(".git")).expect("a new folder");
    environment
}

/// A trace of which the answer is `answer`.
fn trace(id: &str, answer: &str) -> Value {
    json!({
        "id": id,
        "name": "triage",
        "startedAt": "2026-11-20T08:00:00Z",
        "endedAt": "2026-11-20T08:00:09Z",
        "input": "close stale issues",
        "output": answer,
        "spans": [{"id": "s-1", "name": "agent", "kind": "agent"}],
    })
}

/// A batch file of one source.
fn batch(source: &str, traces: &[Value]) -> String {
    json!({
        "schema": "archal.trace.upload-batch",
        "version": 1,
        "complete": true,
        "source": {"name": source, "project": "support"},
        "traces": traces,
    })
    .to_string()
}
