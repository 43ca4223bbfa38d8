//! Traces in archal's own shape: those that came whole, and those put together of spans.

use archal_core::diagnostic::Diagnostic;
use archal_core::push::Kept;
use archal_core::source::DecodedTrace;
use archal_core::trace::{BATCH_SCHEMA, BATCH_VERSION, Status, Trace};
use serde_json::{Map, Value, json};

use crate::findings;
use crate::merge::merge;

/// Traces of one project, each as JSON.
pub(super) fn decode(
    traces: &[(Option<String>, String)],
    diagnostics: &mut Vec<Diagnostic>,
) -> Vec<DecodedTrace> {
    let Some((project, _)) = traces.first() else {
        return Vec::new();
    };
    let head = json!({"project": project});
    let size: usize = traces.iter().map(|(_, trace)| trace.len() + 1).sum();
    let mut batch = String::with_capacity(size + 200);
    batch.push_str(&format!(
        "{{\"schema\":\"{BATCH_SCHEMA}\",\"version\":{BATCH_VERSION},\"source\":{head},\"traces\":["
    ));
    for (place, (_, trace)) in traces.iter().enumerate() {
        if place > 0 {
            batch.push(',');
        }
        batch.push_str(trace);
    }
    batch.push_str("]}");
    let decoded = crate::file::decode(batch.as_bytes());
    for finding in decoded.diagnostics {
        // Nobody sees the text that the place would be in.
        findings::add(
            diagnostics,
            Diagnostic {
                span: None,
                ..finding
            },
        );
    }
    decoded.traces
}

/// One trace of what came of it. The order in which it came is of no account.
pub(super) fn assemble(
    id: &str,
    kept: Kept,
    diagnostics: &mut Vec<Diagnostic>,
) -> Option<DecodedTrace> {
    let mut bodies: Vec<Value> = kept.spans.into_iter().map(|span| span.body).collect();
    bodies.retain(|body| body.get("span").is_some_and(Value::is_object));
    if bodies.is_empty() {
        return kept.earlier;
    }
    bodies.sort_by_cached_key(rank);
    bodies.dedup();
    let project = bodies
        .iter()
        .find_map(|body| body.get("project")?.as_str().map(str::to_owned));
    let mut trace = Map::new();
    let mut spans = Vec::with_capacity(bodies.len());
    for mut body in bodies {
        if let Some(Value::Object(fields)) = body.get_mut("trace").map(Value::take) {
            for (name, value) in fields.into_iter().filter(|(_, value)| !value.is_null()) {
                trace.entry(name).or_insert(value);
            }
        }
        spans.extend(body.get_mut("span").map(Value::take));
    }
    trace.insert("id".to_owned(), id.into());
    trace.insert("spans".to_owned(), spans.into());
    let one = (project, Value::Object(trace).to_string());
    let decoded = decode(&[one], diagnostics).pop();
    let mut made = match (kept.earlier, decoded) {
        (Some(earlier), Some(later)) => merge(earlier, later),
        (earlier, later) => earlier.or(later)?,
    };
    let completeness = &mut made.trace.completeness;
    completeness.dropped = completeness.dropped.saturating_add(kept.lost);
    of_the_root(&mut made.trace);
    Some(made)
}

/// The root's row first, then by time and id, then by everything: so the same rows come in one order.
fn rank(body: &Value) -> (bool, String, String, String) {
    let span = &body["span"];
    let text = |field: &str| span[field].as_str().unwrap_or_default().to_owned();
    let is_inner = span.get("parentId").is_some_and(|parent| !parent.is_null());
    (is_inner, text("startedAt"), text("id"), body.to_string())
}

/// What nobody said of the trace, its root says.
fn of_the_root(trace: &mut Trace) {
    let began = trace.spans.iter().filter_map(|span| span.started_at).min();
    trace.started_at = trace.started_at.or(began);
    let Some(root) = trace.spans.iter().find(|span| span.parent_id.is_none()) else {
        return;
    };
    if trace.name.is_empty() {
        trace.name.clone_from(&root.name);
    }
    if trace.status == Status::Unset {
        trace.status = root.status;
    }
    trace.ended_at = trace.ended_at.or(root.ended_at);
    for (mine, its) in [
        (&mut trace.input, &root.input),
        (&mut trace.output, &root.output),
    ] {
        if mine.is_none() {
            mine.clone_from(its);
        }
    }
    if trace.error.is_none() {
        trace.error.clone_from(&root.error);
    }
}
