//! What a run left in its folder, cut to what can be shown.
//!
//! Files are read up to a limit and lines up to a number, so that a run that made a million calls
//! is shown as one with so many, and not at all at the cost of memory.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom};
use std::path::Path;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::run::transcript::{self, Transcript};
use crate::session::evidence::{CallTiming, McpCall, RecordedMessage};

/// Bytes of a JSON file that is read whole.
const DOCUMENT: u64 = 64 << 20;
/// Bytes of a file of lines that are looked through.
const LINES: u64 = 512 << 20;

/// How much is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Calls.
    pub calls: usize,
    /// Rows of each kind of change of a collection.
    pub rows: usize,
    /// Bytes of each output, from its end.
    pub output: u64,
}

/// What a run left.
#[derive(Debug, Clone, Default, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Evidence {
    /// The first calls.
    pub calls: Vec<Call>,
    /// Calls after those.
    pub calls_left_out: usize,
    /// What changed, by clone and collection.
    pub changes: Vec<Collection>,
    /// The run as it went.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub transcript: Option<Transcript>,
    /// What the harness printed.
    pub stdout: Tail,
    /// What it printed as errors.
    pub stderr: Tail,
    /// Files that cannot be read, each with why.
    pub unreadable: Vec<String>,
}

/// A line of `calls.jsonl`, as far as it is shown, with its time.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Call {
    /// Position in the run, from 1.
    pub seq: u64,
    /// The clone that answered.
    pub clone: String,
    /// The operation, where one is modelled.
    #[serde(default)]
    pub operation: Option<String>,
    /// The published operation that is not modelled.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unmodelled: Option<String>,
    /// The tool that made it, where the agent called one over MCP.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mcp: Option<McpCall>,
    /// The method.
    pub method: String,
    /// Path and query.
    pub path: String,
    /// What was sent.
    pub request: RecordedMessage,
    /// The status answered.
    pub status: u16,
    /// What was answered.
    pub response: RecordedMessage,
    /// The rows it changed.
    #[serde(default)]
    pub changes: Vec<Value>,
    /// From the whole request read to the response handed over, in microseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub latency_us: Option<u64>,
}

/// What changed in one collection of a clone.
#[derive(Debug, Clone, Default, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Collection {
    /// The clone.
    pub clone: String,
    /// The collection.
    pub collection: String,
    /// Rows that are new.
    pub added: Vec<Value>,
    /// Rows that are gone.
    pub removed: Vec<Value>,
    /// Rows that changed.
    pub changed: Vec<ChangedRow>,
    /// Rows of all three that are not told.
    pub left_out: usize,
}

/// A row that changed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ChangedRow {
    /// Its key.
    #[serde(default)]
    pub key: Value,
    /// The row before.
    #[serde(default)]
    pub before: Value,
    /// The row after.
    #[serde(default)]
    pub after: Value,
    /// The fields that differ.
    #[serde(default)]
    pub fields: Vec<String>,
}

/// The end of an output.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Tail {
    /// Its last bytes as text.
    pub text: String,
    /// Bytes before those.
    pub bytes_left_out: u64,
}

impl Call {
    /// What was called: the operation, and the tool that called it where there was one.
    pub fn what(&self) -> String {
        let operation = match (&self.operation, &self.unmodelled) {
            (Some(operation), _) => operation.clone(),
            (None, Some(unmodelled)) => format!("{unmodelled} (not modelled)"),
            (None, None) => "no operation".to_owned(),
        };
        match &self.mcp {
            Some(mcp) => format!("tool {}: {operation}", mcp.tool),
            None => operation,
        }
    }
}

/// Reads what a run left. A file that is not there is nothing; one that cannot be read is said.
pub fn read(folder: &Path, limits: Limits) -> Evidence {
    let mut evidence = Evidence::default();
    let mut told = Vec::new();
    let mut or_told = |name: &str, error: String| told.push(format!("{name}: {error}"));
    match calls(folder, limits.calls) {
        Ok((calls, left_out)) => {
            evidence.calls = calls;
            evidence.calls_left_out = left_out;
        }
        Err(error) => or_told("calls.jsonl", error.to_string()),
    }
    match document::<BTreeMap<String, BTreeMap<String, Diff>>>(&folder.join("diff.json")) {
        Ok(diff) => evidence.changes = changes(diff.unwrap_or_default(), limits.rows),
        Err(error) => or_told("diff.json", error),
    }
    match document(&folder.join(transcript::FILE)) {
        Ok(found) => evidence.transcript = found,
        Err(error) => or_told(transcript::FILE, error),
    }
    for (name, place) in [
        ("stdout", &mut evidence.stdout),
        ("stderr", &mut evidence.stderr),
    ] {
        match tail(&folder.join(name), limits.output) {
            Ok(text) => *place = text,
            Err(error) => or_told(name, error.to_string()),
        }
    }
    evidence.unreadable = told;
    evidence
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Diff {
    added: Vec<Value>,
    removed: Vec<Value>,
    changed: Vec<ChangedRow>,
}

fn changes(diff: BTreeMap<String, BTreeMap<String, Diff>>, most: usize) -> Vec<Collection> {
    let mut all = Vec::new();
    for (clone, collections) in diff {
        for (collection, mut diff) in collections {
            let rows = diff.added.len() + diff.removed.len() + diff.changed.len();
            diff.added.truncate(most);
            diff.removed.truncate(most);
            diff.changed.truncate(most);
            let kept = diff.added.len() + diff.removed.len() + diff.changed.len();
            all.push(Collection {
                clone: clone.clone(),
                collection,
                added: diff.added,
                removed: diff.removed,
                changed: diff.changed,
                left_out: rows - kept,
            });
        }
    }
    all
}

/// A JSON document; none where there is no such file.
pub(super) fn document<T: for<'de> Deserialize<'de>>(path: &Path) -> Result<Option<T>, String> {
    let file = match regular(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        file => file.map_err(|error| error.to_string())?,
    };
    let mut bytes = Vec::new();
    let read = file.take(DOCUMENT + 1).read_to_end(&mut bytes);
    read.map_err(|error| error.to_string())?;
    if bytes.len() as u64 > DOCUMENT {
        return Err(format!("larger than {} MiB", DOCUMENT >> 20));
    }
    serde_json::from_slice(&bytes)
        .map(Some)
        .map_err(|error| error.to_string())
}

/// Opens a file; a link, a pipe or a folder in its place is not evidence.
fn regular(path: &Path) -> io::Result<File> {
    if !path.symlink_metadata()?.is_file() {
        return Err(io::Error::other("not a file"));
    }
    File::open(path)
}

fn calls(folder: &Path, most: usize) -> io::Result<(Vec<Call>, usize)> {
    let mut left_out = 0;
    let mut calls: Vec<Call> = Vec::new();
    lines(&folder.join("calls.jsonl"), |line| {
        if calls.len() < most {
            calls.push(serde_json::from_slice(line).map_err(io::Error::other)?);
        } else {
            left_out += 1;
        }
        Ok(())
    })?;
    let mut at = 0;
    lines(&folder.join("timings.jsonl"), |line| {
        // Both files are in the order of calls.
        if at < calls.len() {
            let timing: CallTiming = serde_json::from_slice(line).map_err(io::Error::other)?;
            if let Some(call) = calls.get_mut(at).filter(|call| call.seq == timing.seq) {
                call.latency_us = Some(timing.latency_us);
            }
            at += 1;
        }
        Ok(())
    })?;
    Ok((calls, left_out))
}

/// Hands over each line of a file that is not empty; nothing where there is none.
fn lines(path: &Path, mut each: impl FnMut(&[u8]) -> io::Result<()>) -> io::Result<()> {
    let file = match regular(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        file => file?,
    };
    let mut reader = BufReader::new(file.take(LINES));
    let mut line = Vec::new();
    loop {
        line.clear();
        if reader.read_until(b'\n', &mut line)? == 0 {
            return Ok(());
        }
        let text = line.trim_ascii();
        if !text.is_empty() {
            each(text)?;
        }
    }
}

/// The last bytes of a file as text, from the beginning of a line; nothing where there is none.
pub fn tail(path: &Path, most: u64) -> io::Result<Tail> {
    let mut file = match regular(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Tail::default()),
        file => file?,
    };
    let length = file.metadata()?.len();
    // From the byte before, which says whether a line begins there.
    let mut skipped = length.saturating_sub(most.saturating_add(1));
    file.seek(SeekFrom::Start(skipped))?;
    let mut bytes = Vec::new();
    file.take(most.saturating_add(1)).read_to_end(&mut bytes)?;
    if length > most {
        let end = bytes.iter().position(|byte| *byte == b'\n').unwrap_or(0);
        bytes.drain(..=end.min(bytes.len().saturating_sub(1)));
        skipped += end as u64 + 1;
    }
    Ok(Tail {
        text: String::from_utf8_lossy(&bytes).into_owned(),
        bytes_left_out: skipped,
    })
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    const LIMITS: Limits = Limits {
        calls: 2,
        rows: 1,
        output: 12,
    };

    fn call(seq: u64) -> String {
        format!(
            r#"{{"seq":{seq},"clone":"github","operation":"issues/get","mcp":{{"tool":"get_issue","call":1}},"host":"api.github.com","method":"GET","path":"/x","principal":null,"request":{{"headers":{{}},"body":null}},"status":200,"response":{{"headers":{{}},"body":{{"a":1}}}},"changes":[{{"table":"issues","key":"a#1","change":"changed"}}],"rootBefore":0,"rootAfter":0}}"#
        )
    }

    #[test]
    fn a_run_is_read_back_up_to_its_limits() {
        let folder = tempfile::tempdir().expect("a folder");
        let write =
            |name: &str, text: &str| fs::write(folder.path().join(name), text).expect("written");
        write(
            "calls.jsonl",
            &format!("{}\n{}\n{}\n", call(1), call(2), call(3)),
        );
        write(
            "timings.jsonl",
            r#"{"seq":1,"at":"a","wall":"w","latencyUs":7,"headers":{}}"#,
        );
        write(
            "diff.json",
            r#"{"github":{"issues":{"added":[1,2],"removed":[],"changed":[{"key":"k","before":{"a":1},"after":{"a":2},"fields":["a"]}]}}}"#,
        );
        write("stderr", "first line\nsecond line\n");
        let evidence = read(folder.path(), LIMITS);
        assert_eq!((evidence.calls.len(), evidence.calls_left_out), (2, 1));
        assert_eq!(evidence.calls[0].latency_us, Some(7));
        assert_eq!(evidence.calls[1].latency_us, None);
        assert_eq!(evidence.calls[1].what(), "tool get_issue: issues/get");
        assert_eq!(evidence.changes[0].left_out, 1);
        assert_eq!(evidence.changes[0].changed[0].fields, ["a"]);
        assert_eq!(evidence.stderr.text, "second line\n");
        assert_eq!(evidence.stderr.bytes_left_out, 11);
        assert_eq!(evidence.stdout, Tail::default());
        assert_eq!(evidence.unreadable, [""; 0]);
    }

    #[test]
    fn what_cannot_be_read_is_said_and_the_rest_is_there() {
        let folder = tempfile::tempdir().expect("a folder");
        fs::write(folder.path().join("calls.jsonl"), "{half").expect("written");
        fs::create_dir(folder.path().join("stdout")).expect("made");
        fs::write(folder.path().join("stderr"), "there\n").expect("written");
        let evidence = read(
            folder.path(),
            Limits {
                output: 100,
                ..LIMITS
            },
        );
        assert_eq!(evidence.stderr.text, "there\n");
        assert_eq!(evidence.unreadable.len(), 2, "{:?}", evidence.unreadable);
        assert!(evidence.unreadable[1].starts_with("stdout: not a file"));
    }
}
