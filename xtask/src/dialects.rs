//! What SDKs export, recorded: the scripts of `tests/dialects` run a small agent under each of them,
//! and what comes out is what the tests of `sources/otlp` read.

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::steps::{Failure, root, run, target};
use crate::tools;

/// The SDK's script, the list of packages it runs with, and the name of the recording.
const PYTHON: &[(&str, &str, &str)] = &[
    ("http_old", "requirements", "http_old"),
    ("langsmith", "requirements", "langsmith"),
    ("logfire_http", "requirements", "logfire_http"),
    ("openinference", "requirements", "openinference"),
    ("openllmetry", "requirements", "openllmetry"),
    ("openllmetry", "requirements-old", "openllmetry_0_40"),
    ("otel_attributes", "requirements", "otel_attributes"),
    ("otel_events", "requirements", "otel_events"),
    ("pydantic_ai", "requirements", "pydantic_ai"),
    ("pydantic_ai_v1", "requirements-old", "pydantic_ai_v1"),
    ("pydantic_ai_v2", "requirements", "pydantic_ai_v2"),
];
/// Releases of the AI SDK.
const AI_SDK: &[&str] = &["4", "5", "6", "7"];

/// Records all of them anew; the snapshots then differ in ports and times at most.
pub(crate) fn record() -> Result<(), Failure> {
    let scripts = root().join("tests/dialects");
    let recordings = root().join("sources/otlp/fixtures/sdk");
    let folder = target().join("test-dialects");
    for list in ["requirements", "requirements-old"] {
        tools::python(&folder.join(list), &format!("dialects/python/{list}.txt"))?;
    }
    for (sdk, list, name) in PYTHON {
        run(Command::new(folder.join(list).join("bin/python"))
            .arg(scripts.join("python/record.py"))
            .arg(sdk)
            .arg(&recordings)
            .arg(name))?;
    }
    let js = folder.join("js");
    tools::javascript(&js, "dialects/js")?;
    copy_scripts(&scripts.join("js"), &js)?;
    for release in AI_SDK {
        run(Command::new("node")
            .arg(js.join("record.mjs"))
            .arg(release)
            .arg(&recordings))?;
    }
    Ok(())
}

/// A script of Node finds its packages beside itself.
fn copy_scripts(from: &Path, to: &Path) -> Result<(), Failure> {
    let failed = |error: std::io::Error| Failure::missing(format!("{}: {error}", to.display()));
    for entry in fs::read_dir(from).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        if path.extension().is_some_and(|ending| ending == "mjs") {
            let name = path.file_name().unwrap_or_default();
            fs::copy(&path, to.join(name)).map_err(failed)?;
        }
    }
    Ok(())
}
