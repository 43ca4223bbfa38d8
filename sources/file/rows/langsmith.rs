//! Dialect `langsmith`: runs as LangSmith's SDK and API write them, with the runs in them, and as its
//! bulk export holds them.
//!
//! A run becomes a span with the attributes that LangSmith's own exporter writes over OpenTelemetry, so
//! the dialect of that name reads it.

use std::borrow::Cow;
use std::collections::BTreeMap;

use archal_core::diagnostic::Diagnostic;
use archal_core::hash;
use archal_core::push::Kept;
use archal_core::source::{Decoded, DecodedTrace};
use archal_core::trace::{Score, ScoreOrigin, Status};
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::{Map, Value};

use super::super::{Dialect, Wanted};
use super::{Gathered, bad, each_row, is_list_of};
use crate::document::Document;
use crate::findings;
use crate::langfuse::adapter::{parsed, time};
use crate::otlp::{self, OtlpSpan, Request};
use crate::raw::Record;

pub(in super::super) const DIALECT: Dialect = Dialect {
    name: "langsmith",
    fits: |record| is_row(record) || is_list_of(record, "runs", is_row),
    read,
    traces: Some(traces),
};

/// Runs in runs that one record may have.
const MAX_INNER: usize = 100_000;

fn is_row(record: &Record<'_>) -> bool {
    record.field(&["run_type"]).is_some() && record.field(&["id"]).is_some()
}

fn read(
    records: &[Record<'_>],
    document: &Document<'_>,
    is_wanted: Wanted<'_>,
    decoded: &mut Decoded,
) {
    gather(records, document, decoded).give(assemble, is_wanted, decoded);
}

/// What of a run says of which trace it is, where it says so itself.
#[derive(Default, Deserialize)]
#[serde(default)]
struct OfTrace<'a> {
    #[serde(borrow)]
    trace_id: Option<Cow<'a, str>>,
    /// Lists of runs, which are read.
    #[serde(alias = "child_runs")]
    runs: Option<IgnoredAny>,
}

fn traces(text: &str, told: &mut dyn FnMut(&str)) {
    match serde_json::from_str::<OfTrace<'_>>(text) {
        Ok(OfTrace {
            trace_id: Some(trace),
            runs: None,
        }) if !trace.is_empty() => told(&trace),
        _ => super::traces_of(text, gather, told),
    }
}

fn gather(records: &[Record<'_>], document: &Document<'_>, decoded: &mut Decoded) -> Gathered {
    let mut gathered = Gathered::default();
    each_row(records, "runs", document, decoded, |row, at, decoded| {
        let mut waiting = vec![(row, None::<(String, String)>)];
        let mut taken = 0;
        let mut beyond = BTreeMap::<String, u64>::new();
        while let Some((mut run, above)) = waiting.pop() {
            let inner = run.remove("child_runs");
            if let Some((trace, parent)) = above {
                run.entry("trace_id").or_insert(trace.into());
                run.entry("parent_run_id").or_insert(parent.into());
            }
            let (Some(trace), Some(id)) = (trace_of(&run), text(&run, "id").map(str::to_owned))
            else {
                bad(at.clone(), document, decoded);
                continue;
            };
            taken += 1;
            if let Some(Value::Array(inner)) = inner {
                for one in inner {
                    let Value::Object(one) = one else { continue };
                    if taken + waiting.len() < MAX_INNER {
                        waiting.push((one, Some((trace.clone(), id.clone()))));
                    } else {
                        *beyond.entry(trace.clone()).or_default() += 1;
                    }
                }
            }
            gathered.add(trace, Value::Object(run));
        }
        for (trace, runs) in beyond {
            gathered.lose(&trace, runs);
            findings::add(
                &mut decoded.diagnostics,
                Diagnostic::warning(
                    "trace/too-many",
                    format!(
                        "a run has more than {MAX_INNER} runs in it; left out, with all that is in them: {runs}"
                    ),
                )
                .at(document.place(at.clone())),
            );
        }
    });
    gathered
}

fn text<'a>(run: &'a Map<String, Value>, name: &str) -> Option<&'a str> {
    run.get(name)?.as_str().filter(|text| !text.is_empty())
}

/// The trace of a run: named, else the first id of its place among others, else itself.
fn trace_of(run: &Map<String, Value>) -> Option<String> {
    let first = || {
        let (_, id) = text(run, "dotted_order")?
            .split('.')
            .next()?
            .split_once('Z')?;
        Some(id)
    };
    let own = || parent_of(run).is_none().then(|| text(run, "id")).flatten();
    text(run, "trace_id")
        .or_else(first)
        .or_else(own)
        .map(str::to_owned)
}

fn parent_of(run: &Map<String, Value>) -> Option<&str> {
    let last = || run.get("parent_run_ids")?.as_array()?.last()?.as_str();
    text(run, "parent_run_id")
        .or_else(last)
        .filter(|id| !id.is_empty())
}

fn assemble(trace: &str, kept: Kept, diagnostics: &mut Vec<Diagnostic>) -> Option<DecodedTrace> {
    let mut request = Request::default();
    request.lost.insert(trace.to_owned(), kept.lost);
    let mut project = None;
    let mut scores = Vec::new();
    for one in kept.spans {
        let Value::Object(mut run) = one.body else {
            continue;
        };
        // Exports write objects as text.
        for name in ["inputs", "outputs", "extra", "feedback_stats"] {
            if let Some(value) = run.get_mut(name) {
                *value = parsed(value);
            }
        }
        project = project.or_else(|| text(&run, "session_name").map(str::to_owned));
        scores.extend(given(&run));
        request.spans.push(as_span(trace, &run));
    }
    let mut decoded = otlp::assemble(request, diagnostics).pop()?;
    decoded.project = project;
    decoded.trace.scores.extend(scores);
    Some(decoded)
}

/// What people and evaluators said of a run, summed up by name.
fn given(run: &Map<String, Value>) -> Vec<Score> {
    let stats = run.get("feedback_stats").and_then(Value::as_object);
    let stats = stats.into_iter().flatten();
    stats
        .filter_map(|(name, stat)| {
            let value = stat.get("avg").filter(|value| !value.is_null())?.clone();
            Some(Score {
                name: name.clone(),
                value,
                origin: ScoreOrigin::Api,
                comment: None,
            })
        })
        .collect()
}

fn as_span(trace: &str, run: &Map<String, Value>) -> OtlpSpan {
    let mut span = OtlpSpan {
        trace_id: trace.to_owned(),
        span_id: text(run, "id").unwrap_or_default().to_owned(),
        parent_id: parent_of(run).map(str::to_owned),
        name: text(run, "name").unwrap_or("run").to_owned(),
        start: text(run, "start_time").and_then(time),
        end: text(run, "end_time").and_then(time),
        ..OtlpSpan::default()
    };
    if span.span_id.is_empty() {
        span.span_id = hash::short(&Value::Object(run.clone()).to_string());
    }
    if let Some(error) = text(run, "error") {
        span.status = Status::Error;
        // The stack stands right behind the words.
        let (words, _) = error
            .split_once("Traceback (most recent call last)")
            .unwrap_or((error, ""));
        let words = if words.trim().is_empty() {
            error
        } else {
            words
        };
        span.status_message = Some(words.trim().to_owned());
    }
    let mut put = |name: &str, value: Option<&Value>| {
        if let Some(value) = value.filter(|value| !value.is_null()) {
            span.attributes.insert(name.to_owned(), value.clone());
        }
    };
    put("langsmith.span.kind", run.get("run_type"));
    put("gen_ai.prompt", run.get("inputs"));
    put("gen_ai.completion", run.get("outputs"));
    put("langsmith.span.tags", run.get("tags"));
    put("gen_ai.usage.input_tokens", run.get("prompt_tokens"));
    put("gen_ai.usage.output_tokens", run.get("completion_tokens"));
    let extra = run.get("extra");
    let metadata = extra
        .and_then(|extra| extra.get("metadata"))
        .and_then(Value::as_object);
    for (name, value) in metadata.into_iter().flatten() {
        put(&format!("langsmith.metadata.{name}"), Some(value));
    }
    let asked = extra.and_then(|extra| extra.get("invocation_params"));
    let of_asked = |name: &str| asked.and_then(|asked| asked.get(name));
    let model = metadata
        .and_then(|metadata| metadata.get("ls_model_name"))
        .or_else(|| of_asked("model"))
        .or_else(|| of_asked("model_name"));
    put("gen_ai.request.model", model);
    span
}
