//! Events of spans that were given out before: what they tell is added to the trace as it stands in
//! its file.
//!
//! Results of evaluations come minutes after a run, and exporters of logs have queues of their own. What
//! the span said before stays; an event adds what is missing.

use std::collections::{BTreeMap, BTreeSet};

use archal_core::diagnostic::Diagnostic;
use archal_core::source::DecodedTrace;
use archal_core::trace::{LlmCall, Message, Span, SpanKind, Trace};
use serde_json::Value;

use super::model::OtlpSpan;
use super::request::LooseEvent;
use super::span::{self, Adapted, Facts};
use super::{events, tools};
use crate::findings;
use crate::merge::{add_scores, cut_places, put_cut_places};
use crate::normalise::{has_content, normalise, shown};

/// Where a span keeps events that no dialect knows.
const OTHERS: &str = "otel.events";

/// Gives events to the spans of a trace that was given out. Whether it says more than before.
pub(crate) fn give(
    decoded: &mut DecodedTrace,
    events: Vec<LooseEvent>,
    diagnostics: &mut Vec<Diagnostic>,
) -> bool {
    let trace = &mut decoded.trace;
    let meant: BTreeSet<&str> = events.iter().map(|one| one.span_id.as_str()).collect();
    let mut bare: Vec<OtlpSpan> = trace
        .spans
        .iter()
        .filter(|span| meant.contains(span.id.as_str()))
        .map(bare)
        .collect();
    let homeless = events::give(&mut bare, events);
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
    let mut told: BTreeMap<String, Adapted> = bare
        .into_iter()
        .map(|bare| (bare.span_id.clone(), span::adapt(bare)))
        .collect();
    let cut: Vec<(String, String)> = cut_places(trace).collect();
    let has_output = trace.output.is_some();
    let mut answered = BTreeMap::new();
    let mut is_more = false;
    // In order of time: the first was asked, the last answered.
    for place in 0..trace.spans.len() {
        let Some(adapted) = told.remove(&trace.spans[place].id) else {
            continue;
        };
        answered.insert(adapted.span.id.clone(), adapted.facts.answers);
        is_more |= add(&mut trace.spans[place], adapted.span, adapted.facts.answers);
        let speaks = matches!(trace.spans[place].kind, SpanKind::Agent | SpanKind::Llm);
        is_more |= add_facts(trace, adapted.facts, speaks, has_output);
    }
    if is_more {
        let spans = trace.spans.len();
        tools::join(&mut trace.spans, &answered);
        if trace.spans.len() > spans {
            normalise(trace, diagnostics);
        }
        put_cut_places(trace, cut);
        trace.completeness.content = has_content(trace);
        trace.revision.clear();
    }
    is_more
}

/// A span as far as dialects need it to understand its events.
fn bare(span: &Span) -> OtlpSpan {
    let operation = match span.kind {
        SpanKind::Agent => Some("invoke_agent"),
        SpanKind::Llm => Some("chat"),
        SpanKind::Retrieval => Some("retrieval"),
        SpanKind::Tool => Some("execute_tool"),
        SpanKind::Http | SpanKind::Event | SpanKind::Other => None,
    };
    let name = |operation: &str| ("gen_ai.operation.name".to_owned(), Value::from(operation));
    OtlpSpan {
        span_id: span.id.clone(),
        attributes: operation.map(name).into_iter().collect(),
        ..OtlpSpan::default()
    }
}

/// Adds what a span's events told of it.
fn add(span: &mut Span, told: Span, answers: usize) -> bool {
    let mut is_more = fill(&mut span.input, told.input) | fill(&mut span.output, told.output);
    is_more |= fill(&mut span.error, told.error);
    if let (Some(mine), Some(theirs)) = (&mut span.tool, told.tool) {
        is_more |= fill(&mut mine.arguments, theirs.arguments);
        if fill(&mut mine.result, theirs.result) {
            mine.result_is_error = theirs.result_is_error;
            is_more = true;
        }
    }
    if let (Some(mine), Some(theirs)) = (&mut span.llm, told.llm) {
        is_more |= add_call(mine, theirs, answers);
    }
    for (name, value) in told.attributes {
        match span.attributes.get_mut(&name) {
            None => {
                span.attributes.insert(name, value);
                is_more = true;
            }
            Some(Value::Array(known)) if name == OTHERS => {
                let Value::Array(values) = value else {
                    continue;
                };
                for one in values {
                    if !known.contains(&one) {
                        known.push(one);
                        is_more = true;
                    }
                }
            }
            Some(_) => {}
        }
    }
    is_more
}

fn add_call(mine: &mut LlmCall, theirs: LlmCall, answers: usize) -> bool {
    let mut is_more = fill(&mut mine.model, theirs.model);
    let (usage, told) = (&mut mine.usage, theirs.usage);
    is_more |= fill(&mut usage.input_tokens, told.input_tokens);
    is_more |= fill(&mut usage.output_tokens, told.output_tokens);
    is_more |= fill(&mut usage.cached_tokens, told.cached_tokens);
    is_more |= fill(&mut usage.cost_usd, told.cost_usd);
    let mut asked = theirs.messages;
    let mut answered = asked.split_off(asked.len().saturating_sub(answers));
    let is_new = |message: &Message| !mine.messages.contains(message);
    asked.retain(is_new);
    answered.retain(is_new);
    is_more |= !asked.is_empty() || !answered.is_empty();
    // What the model answered stands behind what it was asked.
    let is_answer = |message: &&Message| message.role == "assistant";
    let trailing = mine.messages.iter().rev().take_while(is_answer).count();
    let at = mine.messages.len() - trailing;
    mine.messages.splice(at..at, asked);
    mine.messages.append(&mut answered);
    is_more
}

/// Adds what a span's events told of the whole trace.
fn add_facts(trace: &mut Trace, facts: Facts, speaks: bool, has_output: bool) -> bool {
    let mut is_more = fill(&mut trace.model, facts.model);
    is_more |= fill(&mut trace.session_id, facts.session);
    is_more |= fill(&mut trace.user_id, facts.user);
    if speaks {
        is_more |= fill(&mut trace.input, facts.input);
        if !has_output && facts.output.is_some() {
            trace.output = facts.output;
            is_more = true;
        }
    }
    is_more | add_scores(&mut trace.scores, facts.scores)
}

/// Fills what nobody said before.
fn fill<T>(mine: &mut Option<T>, theirs: Option<T>) -> bool {
    let is_more = mine.is_none() && theirs.is_some();
    if is_more {
        *mine = theirs;
    }
    is_more
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::otlp::{assemble, decode_json, decode_protobuf, decode_protobuf_logs};

    const SPANS: &[u8] = include_bytes!("fixtures/sdk/otel_events.pb");
    const LOGS: &[u8] = include_bytes!("fixtures/sdk/otel_events.logs.pb");

    #[test]
    fn events_that_come_late_tell_what_they_tell_in_time() {
        let spans = || decode_protobuf(SPANS.to_vec()).expect("an export");
        let logs = decode_protobuf_logs(LOGS.to_vec()).expect("an export");
        assert!(logs.events.len() > 4);
        let mut whole = spans();
        whole.events.clone_from(&logs.events);
        let mut diagnostics = Vec::new();
        let in_time = assemble(whole, &mut diagnostics).remove(0).trace;
        assert!(in_time.spans.iter().any(|span| span.tool.is_some()));
        let mut late = assemble(spans(), &mut diagnostics).remove(0);
        assert_ne!(late.trace, in_time);
        assert!(give(&mut late, logs.events.clone(), &mut diagnostics));
        assert_eq!(late.trace, in_time);
        assert!(!give(&mut late, logs.events, &mut diagnostics), "again");
        assert_eq!(late.trace, in_time);
        assert_eq!(diagnostics, []);
    }

    #[test]
    fn what_was_said_stays_and_what_nobody_knows_is_told() {
        let spans = r#"{"resourceSpans":[{"scopeSpans":[{"spans":[{"traceId":"t","spanId":"s","name":"chat",
            "attributes":{"gen_ai.operation.name":"chat","gen_ai.request.model":"m",
            "gen_ai.input.messages":"[{\"role\":\"user\",\"content\":\"close it\"}]"}}]}]}]}"#;
        let request = decode_json(spans.as_bytes()).expect("an export");
        let mut diagnostics = Vec::new();
        let mut given = assemble(request, &mut diagnostics).remove(0);
        let event = |span: &str, name: &str, attributes: Value| LooseEvent {
            trace_id: "t".to_owned(),
            span_id: span.to_owned(),
            event: crate::otlp::OtlpEvent {
                name: name.to_owned(),
                at: None,
                attributes: serde_json::from_value(attributes).expect("an object"),
            },
        };
        let body = |text: &str| serde_json::json!({"body": {"content": text}});
        let events = vec![
            event("s", "gen_ai.user.message", body("close it")),
            event("s", "gen_ai.choice", body("Closed.")),
            event(
                "s",
                "gen_ai.evaluation.result",
                serde_json::json!({"gen_ai.evaluation.name": "helpful", "gen_ai.evaluation.score.value": 0.2}),
            ),
            event("s", "cache.miss", serde_json::json!({"key": "a"})),
            event("gone", "gen_ai.choice", body("Nothing.")),
        ];
        assert!(give(&mut given, events.clone(), &mut diagnostics));
        let trace = &given.trace;
        let messages = &trace.spans[0].llm.as_ref().expect("a call").messages;
        let roles: Vec<&str> = messages.iter().map(|one| one.role.as_str()).collect();
        assert_eq!(roles, ["user", "assistant"]);
        assert_eq!(trace.output, Some("Closed.".into()));
        assert_eq!(trace.scores.len(), 1);
        assert_eq!(trace.spans[0].attributes[OTHERS][0]["name"], "cache.miss");
        let codes: Vec<&str> = diagnostics.iter().map(|one| one.code.as_str()).collect();
        assert_eq!(codes, ["trace/loose-event"]);
        assert!(!give(&mut given, events, &mut diagnostics), "again");
    }
}
