//! Spans to traces, in whatever order they came.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use archal_core::diagnostic::Diagnostic;
use archal_core::source::DecodedTrace;
use archal_core::trace::{Span, SpanKind, Trace};
use serde_json::Value;

use super::events;
use super::http;
use super::model::{Attributes, OtlpSpan};
use super::request::{LooseEvent, Request};
use super::span::{self, Adapted, Facts};
use super::tools;
use crate::findings;
use crate::normalise::{has_content, normalise, shown};

/// What an SDK calls a service nobody named.
const UNNAMED_SERVICE: &str = "unknown_service";

/// Puts the spans of one or more requests together to traces, sorted by trace id. The same spans
/// in another order give the same traces. What the traces lack is in their completeness, what
/// contradicts itself in `diagnostics`; those of the request are left in it.
pub fn assemble(request: Request, diagnostics: &mut Vec<Diagnostic>) -> Vec<DecodedTrace> {
    let mut by_trace: BTreeMap<String, Vec<OtlpSpan>> = BTreeMap::new();
    for span in request.spans {
        by_trace
            .entry(span.trace_id.clone())
            .or_default()
            .push(span);
    }
    let mut loose: BTreeMap<String, Vec<LooseEvent>> = BTreeMap::new();
    for event in request.events {
        loose.entry(event.trace_id.clone()).or_default().push(event);
    }
    by_trace
        .into_iter()
        .map(|(id, spans)| {
            let lost = request.lost.get(&id).copied().unwrap_or(0);
            let loose = loose.remove(&id).unwrap_or_default();
            one_trace(id, spans, loose, lost, diagnostics)
        })
        .collect()
}

/// What is known of a span beside the span itself.
struct Beside {
    facts: Facts,
    truncated: Vec<String>,
    resource: Arc<Attributes>,
}

fn one_trace(
    id: String,
    spans: Vec<OtlpSpan>,
    loose: Vec<LooseEvent>,
    lost: u64,
    diagnostics: &mut Vec<Diagnostic>,
) -> DecodedTrace {
    let mut trace = Trace {
        id,
        ..Trace::default()
    };
    trace.completeness.dropped = lost;
    let mut beside: BTreeMap<String, Beside> = BTreeMap::new();
    let mut dialects = BTreeMap::new();
    let (spans, conflicts) = fullest_of_each(spans);
    if conflicts > 0 {
        findings::add(
            diagnostics,
            Diagnostic::warning(
                "trace/duplicate-span",
                format!(
                    "trace `{}`: different spans with one id, of which the fullest counts: {conflicts}",
                    shown(&trace.id)
                ),
            ),
        );
    }
    let mut spans: Vec<OtlpSpan> = spans.collect();
    let homeless = events::give(&mut spans, loose);
    if homeless > 0 {
        findings::add(
            diagnostics,
            Diagnostic::warning(
                "trace/loose-event",
                format!(
                    "trace `{}`: events of spans that are not in it: {homeless}",
                    shown(&trace.id)
                ),
            ),
        );
    }
    for span in spans {
        let resource = Arc::clone(&span.resource);
        let Adapted {
            span,
            facts,
            truncated,
            dropped,
            dialect,
        } = span::adapt(span);
        if let Some(dialect) = dialect {
            *dialects.entry(dialect).or_default() += 1;
        }
        trace.completeness.dropped = trace.completeness.dropped.saturating_add(dropped);
        beside.insert(
            span.id.clone(),
            Beside {
                facts,
                truncated,
                resource,
            },
        );
        trace.spans.push(span);
    }
    normalise(&mut trace, diagnostics);
    for id in http::give_bodies(&mut trace.spans) {
        if let Some(one) = beside.get_mut(&id) {
            one.truncated.push("http.responseBody".to_owned());
        }
    }
    let spans = trace.spans.len();
    let answered = beside
        .iter()
        .map(|(id, one)| (id.clone(), one.facts.answers))
        .collect();
    tools::join(&mut trace.spans, &answered);
    if trace.spans.len() > spans {
        // Calls without spans of their own got theirs.
        normalise(&mut trace, diagnostics);
    }
    trace.completeness.truncated = truncated_places(&trace.spans, &beside);
    let root = root_of(&trace, diagnostics);
    fill_from_root(&mut trace, root);
    let project = fill_from_facts(&mut trace, root, beside);
    trace.completeness.content = has_content(&trace);
    DecodedTrace {
        source: None,
        project,
        dialects,
        trace,
    }
}

/// One span of each id, the fullest, by a rule that does not depend on their order: some SDKs
/// write a span when it starts and again when it ends, and retried exports repeat spans.
/// Also how many different ones were left out.
fn fullest_of_each(spans: Vec<OtlpSpan>) -> (impl Iterator<Item = OtlpSpan>, usize) {
    let mut conflicts = 0;
    let fullness = |span: &OtlpSpan| {
        let text = format!("{span:?}");
        (span.end, text.len(), text)
    };
    // The fullness is kept: a large span with the id of many small ones is written out once.
    let mut fullest: BTreeMap<String, (OtlpSpan, Option<_>)> = BTreeMap::new();
    for span in spans {
        match fullest.entry(span.span_id.clone()) {
            Entry::Vacant(place) => {
                place.insert((span, None));
            }
            Entry::Occupied(mut place) => {
                let (kept, known) = place.get_mut();
                if *kept == span {
                    continue;
                }
                conflicts += 1;
                let its = fullness(&span);
                if *known.get_or_insert_with(|| fullness(kept)) < its {
                    *place.get_mut() = (span, Some(its));
                }
            }
        }
    }
    (fullest.into_values().map(|(span, _)| span), conflicts)
}

/// The root that stands for the trace: of several the agent's, then the earliest. Without one
/// the earliest span stands for it.
fn root_of(trace: &Trace, diagnostics: &mut Vec<Diagnostic>) -> Option<usize> {
    let root = trace
        .spans
        .iter()
        .enumerate()
        .filter(|(_, span)| span.parent_id.is_none())
        // The spans are sorted, and `min_by_key` keeps the first of equals.
        .min_by_key(|(_, span)| span.kind != SpanKind::Agent)
        .map(|(place, _)| place);
    if root.is_none() {
        findings::add(
            diagnostics,
            Diagnostic::warning(
                "trace/no-root",
                format!(
                    "trace `{}` has no root span; spans whose parent is not in it: {}",
                    shown(&trace.id),
                    trace.completeness.orphans
                ),
            ),
        );
    }
    root
}

fn fill_from_root(trace: &mut Trace, root: Option<usize>) {
    trace.started_at = trace.spans.iter().filter_map(|span| span.started_at).min();
    let Some(root) = root.and_then(|root| trace.spans.get(root)) else {
        // Without a root nobody said when and how the run ended.
        trace.name = trace
            .spans
            .first()
            .map(|span| span.name.clone())
            .unwrap_or_default();
        return;
    };
    trace.name = root.name.clone();
    trace.started_at = root.started_at.or(trace.started_at);
    trace.ended_at = root.ended_at;
    trace.status = root.status;
    trace.error = root.error.clone();
}

/// Fills what the root says, else its agents, else the calls of models; returns the project.
fn fill_from_facts(
    trace: &mut Trace,
    root: Option<usize>,
    mut beside: BTreeMap<String, Beside>,
) -> Option<String> {
    let mut order: Vec<usize> = root.into_iter().collect();
    for kind in [SpanKind::Agent, SpanKind::Llm] {
        order.extend((0..trace.spans.len()).filter(|place| trace.spans[*place].kind == kind));
    }
    order.extend(0..trace.spans.len());
    let mut seen = BTreeSet::new();
    order.retain(|place| seen.insert(*place));

    let model_calls = |place: &usize| trace.spans[*place].kind == SpanKind::Llm;
    // Of several calls of a model the first was asked and the last answered.
    let last_answer = order
        .iter()
        .rev()
        .filter(|place| model_calls(place))
        .filter_map(|place| beside.get(&trace.spans[*place].id))
        .find_map(|one| one.facts.output.clone());
    let mut resource = None;
    for place in order {
        let span = &trace.spans[place];
        let Some(one) = beside.remove(&span.id) else {
            continue;
        };
        let facts = one.facts;
        let speaks = Some(place) == root || matches!(span.kind, SpanKind::Agent | SpanKind::Llm);
        if speaks {
            trace.input = trace.input.take().or(facts.input);
            if span.kind != SpanKind::Llm || Some(place) == root {
                trace.output = trace.output.take().or(facts.output);
            }
        }
        trace.model = trace.model.take().or(facts.model);
        trace.session_id = trace.session_id.take().or(facts.session);
        trace.user_id = trace.user_id.take().or(facts.user);
        trace.environment = trace.environment.take().or(facts.environment);
        trace.release = trace.release.take().or(facts.release);
        if trace.tags.is_empty() {
            trace.tags = facts.tags;
        }
        trace.scores.extend(facts.scores);
        resource.get_or_insert(one.resource);
    }
    trace.output = trace.output.take().or(last_answer);
    resource.and_then(|resource| fill_from_resource(trace, &resource))
}

fn fill_from_resource(trace: &mut Trace, resource: &Attributes) -> Option<String> {
    let text = |names: &[&str]| {
        names
            .iter()
            .find_map(|name| resource.get(*name).and_then(Value::as_str))
            .filter(|text| !text.is_empty())
            .map(str::to_owned)
    };
    trace.environment = trace
        .environment
        .take()
        .or_else(|| text(&["deployment.environment.name", "deployment.environment"]));
    trace.release = trace.release.take().or_else(|| text(&["service.version"]));
    for (name, value) in resource {
        let taken = matches!(
            name.as_str(),
            "deployment.environment.name"
                | "deployment.environment"
                | "service.version"
                | "service.name"
        );
        if !taken {
            trace.metadata.insert(name.clone(), value.clone());
        }
    }
    text(&["service.name"]).filter(|name| !name.starts_with(UNNAMED_SERVICE))
}

fn truncated_places(spans: &[Span], beside: &BTreeMap<String, Beside>) -> Vec<String> {
    spans
        .iter()
        .enumerate()
        .filter_map(|(place, span)| Some((place, beside.get(&span.id)?)))
        .flat_map(|(place, one)| {
            let places: BTreeSet<&String> = one.truncated.iter().collect();
            places
                .into_iter()
                .map(move |at| format!("spans[{place}].{at}"))
                .collect::<Vec<_>>()
        })
        .collect()
}
