//! Exports of rows, and what becomes of them.

use archal_core::trace::{ScoreOrigin, SpanKind, Status, Trace};
use proptest::prelude::*;
use serde_json::json;

use super::super::decode;
use super::*;

const API: &[u8] = include_bytes!("../fixtures/langfuse-api.json");
const EXPORT: &[u8] = include_bytes!("../fixtures/langfuse-export.jsonl");
const BRAINTRUST: &[u8] = include_bytes!("../fixtures/braintrust.jsonl");
const LANGSMITH: &[u8] = include_bytes!("../fixtures/langsmith.jsonl");

/// The only trace of a file in a dialect, with its project.
fn only(bytes: &[u8], dialect: &str) -> (Trace, Option<String>, Decoded) {
    let mut decoded = decode(bytes);
    assert_eq!(decoded.dialect, Some(dialect), "{:?}", decoded.diagnostics);
    assert_eq!(decoded.traces.len(), 1);
    let one = decoded.traces.remove(0);
    (one.trace, one.project, decoded)
}

/// Each span with what it is part of, its kind and its error.
fn tree(trace: &Trace) -> Vec<String> {
    let spans = trace.spans.iter();
    let line = |span: &archal_core::trace::Span| {
        let parent = span.parent_id.as_deref().unwrap_or("-");
        let error = span.error.as_deref().unwrap_or("");
        format!("{} < {parent} {:?} {error}", span.name, span.kind)
            .trim_end()
            .to_owned()
    };
    spans.map(line).collect()
}

#[test]
fn an_answer_of_langfuse_is_a_file() {
    let (trace, project, decoded) = only(API, "langfuse");
    assert_eq!(project.as_deref(), Some("p1"));
    assert_eq!(
        tree(&trace),
        [
            "triage < - Agent",
            "chat < o-root Llm",
            "list_issues < o-root Tool rate limited",
            "GET < o-tool Http",
        ]
    );
    assert_eq!(trace.output, Some(json!("could not")));
    assert_eq!(trace.environment, None, "`default` is what nobody said");
    assert_eq!(trace.tags, ["nightly"]);
    let tool = trace.spans[2].tool.as_ref().expect("a call");
    assert_eq!(tool.call_id.as_deref(), Some("c1"));
    assert_eq!(tool.arguments, Some(json!({"state": "open"})));
    let http = trace.spans[3].http.as_ref().expect("a call");
    assert_eq!(http.status, Some(403));
    let cost = trace.spans[1]
        .llm
        .as_ref()
        .and_then(|llm| llm.usage.cost_usd);
    assert_eq!(cost, Some(0.25), "a price that came as text");
    let kept = &trace.spans[0].attributes["langfuse.observation.metadata.image"];
    assert!(
        kept.as_str()
            .is_some_and(|text| text.starts_with("@@@langfuseMedia"))
    );
    let codes: Vec<&str> = decoded
        .diagnostics
        .iter()
        .map(|one| one.code.as_str())
        .collect();
    assert_eq!(codes, ["trace/bad-row"], "one that is of no trace");
    assert!(decoded.is_in_parts);
}

#[test]
fn an_export_of_langfuse_says_no_zone_and_means_utc() {
    let (trace, project, _) = only(EXPORT, "langfuse");
    assert_eq!(project.as_deref(), Some("p1"));
    assert_eq!(
        trace.started_at.map(|at| at.to_string()).as_deref(),
        Some("2026-03-01T10:00:00.123456Z")
    );
    assert_eq!(tree(&trace), ["triage < - Other", "chat < o-root Llm"]);
    assert_eq!(trace.release.as_deref(), Some("v7"));
    let usage = &trace.spans[1].llm.as_ref().expect("a call").usage;
    assert_eq!(
        (usage.input_tokens, usage.output_tokens, usage.cost_usd),
        (Some(10), Some(2), None)
    );
    let scores: Vec<_> = trace
        .scores
        .iter()
        .map(|one| (&*one.name, &one.value, one.origin))
        .collect();
    assert_eq!(scores, [("helpful", &json!("no"), ScoreOrigin::Human)]);
}

#[test]
fn a_trace_of_a_release_before_four_is_a_file() {
    let file = br#"{"id":"lf-3","timestamp":"2026-03-01T10:00:00Z","name":"triage","projectId":"p1","input":"a","output":"b",
      "observations":[{"id":"x","type":"SPAN","name":"one","startTime":"2026-03-01T10:00:01Z","endTime":"2026-03-01T10:00:02Z"},
       {"id":"y","type":"EVENT","name":"two","startTime":"2026-03-01T10:00:03Z"}],"scores":[{"id":"s","traceId":"lf-3","name":"ok","value":1,"dataType":"BOOLEAN","source":"API","timestamp":"2026-03-01T10:00:03Z"}]}"#;
    let (trace, _, decoded) = only(file, "langfuse");
    assert_eq!(decoded.diagnostics, []);
    assert_eq!(
        tree(&trace),
        [
            "triage < - Agent",
            "one < t-lf-3 Other",
            "two < t-lf-3 Event"
        ]
    );
    assert_eq!(trace.scores[0].value, json!(true));
}

#[test]
fn of_rows_of_braintrust_the_later_write_counts_and_a_judge_is_not_heard() {
    let (trace, project, decoded) = only(BRAINTRUST, "braintrust");
    assert_eq!(project.as_deref(), Some("p-1"));
    assert_eq!(
        tree(&trace),
        [
            "triage < - Other",
            "chat < b-root Llm",
            "list_issues < b-root Tool"
        ]
    );
    assert_eq!(trace.output, Some(json!("could not")));
    assert_eq!(trace.model.as_deref(), Some("gpt-5"));
    let tool = trace.spans[2].tool.as_ref().expect("a call");
    assert!(tool.result_is_error, "it answered, with an error");
    assert_eq!(trace.spans[2].status, Status::Unset);
    assert!(!format!("{trace:?}").contains("the judge's own words"));
    assert_eq!(decoded.diagnostics, []);
    // In the order of another export, as an answer.
    let mut lines: Vec<&str> = std::str::from_utf8(BRAINTRUST)
        .expect("text")
        .lines()
        .collect();
    lines.reverse();
    for list in ["data", "events"] {
        let answer = format!("{{\"{list}\":[{}],\"cursor\":null}}", lines.join(","));
        assert_eq!(only(answer.as_bytes(), "braintrust").0, trace);
    }
}

#[test]
fn what_bt_notes_for_itself_is_no_trace() {
    let accepts = |path: &str| (super::super::FORMAT.accepts)(std::path::Path::new(path));
    assert!(accepts("bt-sync/project_logs/p/pull/part-000001.jsonl"));
    assert!(!accepts("bt-sync/project_logs/p/pull/manifest.json"));
    assert!(accepts("exports/manifest.json"));
}

#[test]
fn an_export_without_the_spans_below_is_told() {
    let roots = br#"{"id":"a","root_span_id":"a","span_id":"a","is_root":true,"span_attributes":{"name":"t"},"output":"x"}"#;
    let codes: Vec<String> = decode(roots)
        .diagnostics
        .into_iter()
        .map(|one| one.code)
        .collect();
    assert_eq!(codes, ["braintrust/roots-only"]);
}

#[test]
fn runs_of_langsmith_are_what_their_exporter_says() {
    let (trace, project, _) = only(LANGSMITH, "langsmith");
    assert_eq!(project.as_deref(), Some("support"));
    let root = "11111111-0000-0000-0000-000000000001";
    assert_eq!(
        tree(&trace),
        [
            "triage < - Other".to_owned(),
            format!("ChatOpenAI < {root} Llm"),
            format!("list_issues < {root} Tool RateLimitError('rate limited')"),
        ]
    );
    assert_eq!(trace.input, Some(json!("close stale issues")));
    assert_eq!(trace.output, Some(json!("could not")));
    assert_eq!(trace.model.as_deref(), Some("gpt-5"));
    assert_eq!(trace.scores[0].value, json!(0.0));
    let tool = trace.spans[2].tool.as_ref().expect("a call");
    assert_eq!(tool.call_id.as_deref(), Some("c1"));
    assert_eq!(tool.arguments, Some(json!({"state": "open"})));
    assert_eq!(trace.spans[1].kind, SpanKind::Llm);
}

#[test]
fn runs_in_runs_are_runs() {
    let file = br#"{"id":"r","run_type":"chain","name":"triage","inputs":{},"child_runs":[{"id":"c","run_type":"tool","name":"t",
        "child_runs":[{"id":"d","run_type":"llm","name":"m"}]}]}"#;
    let (trace, _, _) = only(file, "langsmith");
    let mut tree = tree(&trace);
    tree.sort();
    assert_eq!(tree, ["m < c Llm", "t < r Tool", "triage < - Other"]);
}

#[test]
fn hostile_rows_cost_themselves() {
    let deep = format!("{}1{}", "[".repeat(500), "]".repeat(500));
    for file in [
        format!(r#"{{"id":"a","traceId":"t","type":"SPAN","startTime":"x","metadata":{deep},"input":"\ud83d"}}"#),
        r#"{"id":{},"traceId":[],"type":7,"startTime":{}}"#.to_owned(),
        r#"{"data":[{"id":"a","traceId":"t","type":"TOOL","startTime":"2026-01-01T00:00:00Z"},7,null,[]]}"#.to_owned(),
        r#"{"root_span_id":"a","span_id":"a","span_parents":["a","a"],"metrics":{"start":1e300,"end":-1e300},"scores":7,"metadata":"x","span_attributes":[]}"#.to_owned(),
        r#"{"id":"a","run_type":"tool","trace_id":"a","parent_run_id":"a","inputs":7,"outputs":[],"extra":"{","feedback_stats":[1],"child_runs":[[],{}]}"#.to_owned(),
    ] {
        let decoded = decode(file.as_bytes());
        assert!(decoded.dialect.is_some(), "{file}");
        assert!(decoded.traces.len() <= 1);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn lines_in_any_order_are_one_trace(order in Just((0..5_usize).collect::<Vec<_>>()).prop_shuffle()) {
        let lines: Vec<&str> = std::str::from_utf8(BRAINTRUST).expect("text").lines().collect();
        let mixed: Vec<&str> = order.into_iter().map(|at| lines[at]).collect();
        let (trace, _, _) = only(mixed.join("\n").as_bytes(), "braintrust");
        prop_assert_eq!(trace, only(BRAINTRUST, "braintrust").0);
    }
}

/// One trace of each file, joined in this order.
fn joined(files: &[&str]) -> Trace {
    let parts = files.iter().map(|file| {
        let mut decoded = decode(file.as_bytes());
        assert!(decoded.is_in_parts);
        decoded.traces.remove(0).trace
    });
    parts
        .reduce(|earlier, later| (super::super::FORMAT.join)(earlier, later))
        .expect("a part")
}

#[test]
fn a_row_that_is_exported_again_takes_the_place_of_what_it_was_in_whatever_order_files_are_read() {
    let root = |version: &str, rest: &str| {
        format!(
            r#"{{"id":"r","span_id":"s","root_span_id":"s","is_root":true,"_xact_id":"{version}","span_attributes":{{"name":"run","type":"task"}},"metrics":{{"start":1772366400,"end":1772366409}},{rest}}}"#
        )
    };
    let first = root(
        "1000192665000000000",
        r#""output":"Closed 8 issues of a long list","error":"rate limited","scores":{"ok":0.5,"other":1}"#,
    );
    let again = root(
        "1000192666000000000",
        r#""output":"no","error":null,"scores":{"ok":0.9}"#,
    );
    let child = r#"{"id":"c","span_id":"t","root_span_id":"s","span_parents":["s"],"is_root":false,"_xact_id":"1000192664000000000","span_attributes":{"name":"list","type":"tool"},"input":{"a":1},"metrics":{"start":1772366401}}"#;
    let files = [first.as_str(), again.as_str(), child];
    for order in [
        [0, 1, 2],
        [1, 0, 2],
        [2, 0, 1],
        [0, 2, 1],
        [1, 2, 0],
        [2, 1, 0],
    ] {
        let trace = joined(&order.map(|at: usize| files[at]));
        assert_eq!(trace.spans.len(), 2, "{order:?}");
        assert_eq!(trace.output, Some(json!("no")), "{order:?}");
        assert_eq!(trace.spans[0].output, Some(json!("no")), "{order:?}");
        assert_eq!(
            (trace.status, trace.error),
            (Status::Unset, None),
            "{order:?}"
        );
        let mut scores: Vec<_> = trace
            .scores
            .iter()
            .map(|one| (&*one.name, &one.value))
            .collect();
        scores.sort_by_key(|one| one.0);
        assert_eq!(
            scores,
            [("ok", &json!(0.9)), ("other", &json!(1))],
            "{order:?}"
        );
    }

    let observation = |updated: &str, output: &str, level: &str| {
        format!(
            r#"{{"id":"o","trace_id":"lf","project_id":"p","type":"SPAN","name":"run","start_time":"2026-03-01 10:00:00","end_time":"2026-03-01 10:00:09","updated_at":"{updated}","output":"{output}","level":"{level}"}}"#
        )
    };
    let first = observation("2026-03-01 10:00:09", "all of a long answer", "ERROR");
    let again = observation("2026-03-01 11:00:00", "short", "DEFAULT");
    for files in [[&*first, &*again], [&*again, &*first]] {
        let trace = joined(&files);
        assert_eq!(trace.output, Some(json!("short")));
        assert_ne!(trace.status, Status::Error);
        assert_eq!(trace.spans.len(), 1);
    }
}

#[test]
fn runs_that_are_too_many_are_counted_as_lost() {
    let inner = (0..100_003).map(|at| format!(r#"{{"id":"{at}","run_type":"tool"}}"#));
    let inner: Vec<String> = inner.collect();
    let file = format!(
        r#"{{"id":"root","run_type":"chain","trace_id":"t","child_runs":[{}]}}"#,
        inner.join(",")
    );
    let (trace, _, decoded) = only(file.as_bytes(), "langsmith");
    assert_eq!(trace.spans.len(), 100_000);
    assert_eq!(trace.completeness.dropped, 4);
    assert_eq!(decoded.diagnostics[0].code, "trace/too-many");
}

#[test]
fn scores_in_a_file_of_their_own_are_a_part_of_their_trace() {
    let observations = r#"{"id":"o","trace_id":"lf","project_id":"p","type":"SPAN","name":"run","start_time":"2026-03-01 10:00:00","end_time":"2026-03-01 10:00:09"}"#;
    let score = |id: &str, name: &str, value: i64| {
        format!(
            r#"{{"id":"{id}","trace_id":"lf","project_id":"p","name":"{name}","value":{value},"data_type":"NUMERIC","source":"ANNOTATION","timestamp":"2026-03-01 10:01:00"}}"#
        )
    };
    let first = format!(
        "{}\n{}",
        score("s1", "helpful", 0),
        score("s2", "polite", 1)
    );
    let (alone, project, decoded) = only(first.as_bytes(), "langfuse");
    assert_eq!((alone.id.as_str(), project.as_deref()), ("lf", Some("p")));
    assert!(alone.spans.is_empty() && decoded.diagnostics.is_empty());
    let edited = score("s1", "helpful", 1);
    for files in [
        [observations, &*first, &*edited],
        [&*first, observations, &*edited],
    ] {
        let trace = joined(&files);
        assert_eq!(trace.spans.len(), 1);
        let scores: Vec<_> = trace
            .scores
            .iter()
            .map(|one| (&*one.name, &one.value))
            .collect();
        assert_eq!(scores, [("helpful", &json!(1)), ("polite", &json!(1))]);
    }
}
