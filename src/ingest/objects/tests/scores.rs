//! Exports whose scores stand in files of their own.

use std::collections::BTreeMap;
use std::fs;

use archal_core::pull::SaidValue;
use archal_core::source::{Decoded, DecodedTrace, FileFormat};
use archal_core::trace::{Score, ScoreOrigin, Span, Trace, TraceIdentity};
use serde_json::Value;

use super::world::World;
use crate::ingest::import::Ledger as _;

/// Lines of `span <trace>` or `score <trace> <value>`; what a file has of a trace is a part of it.
const FORMAT: FileFormat = FileFormat {
    accepts: |_| true,
    decode,
    join: |mut earlier, later| {
        earlier.scores = later.scores;
        earlier
    },
    lines: None,
};

fn decode(bytes: &[u8]) -> Decoded {
    let text = String::from_utf8_lossy(bytes);
    let mut traces: BTreeMap<&str, Trace> = BTreeMap::new();
    for line in text.lines() {
        let words: Vec<&str> = line.split(' ').collect();
        let trace = traces.entry(words[1]).or_default();
        words[1].clone_into(&mut trace.id);
        match words[0] {
            "span" => trace.spans.push(Span::default()),
            _ => trace.scores.push(Score {
                name: "helpful".to_owned(),
                value: words[2].into(),
                origin: ScoreOrigin::Human,
                comment: None,
            }),
        }
    }
    Decoded {
        dialect: Some("lines"),
        complete: true,
        is_in_parts: true,
        traces: traces
            .into_values()
            .map(|trace| DecodedTrace {
                trace,
                ..DecodedTrace::default()
            })
            .collect(),
        ..Decoded::default()
    }
}

/// The scores of the newest trace in the directory, and how many traces files there have.
fn written(world: &World) -> (Vec<Value>, usize) {
    let folder = world.folder.path().join("traces");
    let mut files: Vec<_> = fs::read_dir(folder)
        .expect("a folder")
        .map(|entry| entry.expect("an entry").path())
        .collect();
    files.sort();
    let traces: Vec<Value> = files
        .iter()
        .flat_map(|path| {
            let text = fs::read_to_string(path).expect("a batch file");
            let batch: Value = serde_json::from_str(&text).expect("JSON");
            batch["traces"].as_array().expect("a list").clone()
        })
        .collect();
    let values = traces.last().map(|trace| trace["scores"].clone());
    let values = values.unwrap_or_default();
    let values = values.as_array().into_iter().flatten();
    (
        values.map(|score| score["value"].clone()).collect(),
        traces.len(),
    )
}

#[test]
fn scores_in_files_of_their_own_join_their_trace_and_are_no_failure() {
    let mut world = World::new(10);
    world.format = FORMAT;
    world.say("manifests", SaidValue::Text("langfuse".to_owned()));
    world.say("suffix", SaidValue::Text(".jsonl".to_owned()));
    let export = |world: &mut World, at: u32, files: &[(&str, &str)]| {
        let named: Vec<Value> = files
            .iter()
            .map(|(table, text)| {
                let key = format!("p/{table}/{at}.jsonl");
                world.store.put(&key, text);
                serde_json::json!({"key": key, "table": table, "format": "JSONL"})
            })
            .collect();
        let manifest = serde_json::json!({"version": 1, "files": named}).to_string();
        world
            .store
            .put(&format!("p/manifests/{at}.json"), &manifest);
    };
    let first = [("observations_v2", "span lf"), ("scores", "score lf no")];
    export(&mut world, 1, &first);
    let report = world.report();
    assert_eq!(
        (report.traces.new, report.traces.failed),
        (1, 0),
        "{report:#?}"
    );
    assert_eq!(written(&world), (vec!["no".into()], 1));

    // Given later, and one of a trace that nobody has.
    let later = [("scores", "score lf yes\nscore strange no")];
    export(&mut world, 2, &later);
    let report = world.report();
    assert_eq!(
        (
            report.traces.new,
            report.traces.updated,
            report.traces.failed
        ),
        (0, 1, 0),
        "{report:#?}"
    );
    assert_eq!(report.failed_objects, 0);
    let told = &report.traces.diagnostics;
    assert!(
        told.iter().any(|one| one.message.contains("`strange`")),
        "{told:?}"
    );
    assert_eq!(written(&world), (vec!["yes".into()], 2));
}

#[test]
fn scores_that_came_before_their_trace_join_it_when_it_comes() {
    let mut world = World::new(10);
    world.format = FORMAT;
    world.store.put("a/scores", "score late no");
    world.store.put("b/other", "span other");
    let report = world.report();
    assert_eq!((report.traces.new, report.traces.failed), (1, 0));
    // In the listing before its trace, and of a trace that nobody ever has.
    world
        .store
        .put("c/scores", "score soon yes\nscore never no");
    world.store.put("d/spans", "span late\nspan soon");
    world.taken();
    let report = world.report();
    assert_eq!(
        (report.traces.new, report.traces.updated),
        (2, 2),
        "{report:#?}"
    );
    let mut read = world.taken().1;
    read.sort();
    assert_eq!(read, ["a/scores", "c/scores", "c/scores", "d/spans"]);
    assert_eq!(scores_of(&world, "late"), ["no"]);
    assert_eq!(scores_of(&world, "soon"), ["yes"]);

    // Nothing is read again where no trace came, nor what found its trace.
    assert_eq!(
        (world.report().traces.updated, world.taken().1.len()),
        (0, 0)
    );
    world.store.put("e/spans", "span more");
    world.report();
    assert_eq!(world.taken().1, ["e/spans", "c/scores"]);
}

/// The scores of a trace as it was last written.
fn scores_of(world: &World, trace: &str) -> Vec<Value> {
    let identity = TraceIdentity {
        source: "bucket".to_owned(),
        project: String::new(),
        trace: trace.to_owned(),
    };
    let place = world.noted.place(world.folder.path(), &identity);
    let path = place.expect("a ledger").expect("noted");
    let text = fs::read_to_string(path).expect("a batch file");
    let batch: Value = serde_json::from_str(&text).expect("JSON");
    let traces = batch["traces"].as_array().expect("a list").iter();
    let scores = traces.filter(|one| one["id"] == trace);
    let scores = scores.flat_map(|one| one["scores"].as_array().into_iter().flatten());
    scores.map(|score| score["value"].clone()).collect()
}
