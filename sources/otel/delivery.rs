//! OTLP spans on their way to the spool and back.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use archal_core::diagnostic::Diagnostic;
use archal_core::push::{Delivery, Kept, PushedSpan};
use archal_core::source::DecodedTrace;
use serde_json::{Map, Value, json};

use crate::merge::merge;
use crate::otlp::{self, Attributes, LooseEvent, OtlpSpan, Request};

/// The key of a loose event's body: spans have no such field.
const LOOSE: &str = "loose";

/// A request as the engine takes it.
pub(super) fn delivery(request: Request) -> Delivery {
    let mut delivery = Delivery {
        lost: request.lost,
        ..Delivery::default()
    };
    // By address: the spans of a request share what the request says once. An address is one
    // resource's for as long as that lives.
    let mut alive: Vec<Arc<Attributes>> = Vec::new();
    let mut places: BTreeMap<usize, usize> = BTreeMap::new();
    for mut span in request.spans {
        let resource = std::mem::take(&mut span.resource);
        let shared = *places
            .entry(Arc::as_ptr(&resource) as usize)
            .or_insert_with(|| {
                let members = resource.iter().map(|(k, v)| (k.clone(), v.clone()));
                delivery.shared.push(Value::Object(members.collect()));
                alive.push(Arc::clone(&resource));
                delivery.shared.len() - 1
            });
        delivery.spans.push(PushedSpan {
            trace: span.trace_id.clone(),
            ends_root: span.parent_id.is_none() && span.end.is_some(),
            shared: Some(shared),
            body: body(span),
        });
    }
    for event in request.events {
        delivery.spans.push(PushedSpan {
            trace: event.trace_id.clone(),
            ends_root: false,
            shared: None,
            body: json!({ LOOSE: event }),
        });
    }
    delivery
}

/// The span as JSON. What is large in it is moved and not copied.
fn body(mut span: OtlpSpan) -> Value {
    let attributes: Map<String, Value> = std::mem::take(&mut span.attributes).into_iter().collect();
    let mut body = serde_json::to_value(&span).unwrap_or_default();
    if let Value::Object(members) = &mut body {
        members.insert("attributes".to_owned(), Value::Object(attributes));
    }
    body
}

/// Puts the spans of one trace together again, and adds them to what was given out.
pub(super) fn assemble(
    trace: &str,
    kept: Kept,
    diagnostics: &mut Vec<Diagnostic>,
) -> Option<DecodedTrace> {
    let Kept {
        spans,
        mut lost,
        earlier,
    } = kept;
    let mut request = Request::default();
    // With each the value it was read of: an address is its own for as long as it lives.
    let mut resources: BTreeMap<usize, (Arc<Value>, Arc<Attributes>)> = BTreeMap::new();
    for kept in spans {
        let resource = kept.shared.map(|shared| {
            let known = resources.entry(Arc::as_ptr(&shared) as usize);
            let (_, read) = known.or_insert_with(|| {
                let read = serde_json::from_value(shared.as_ref().clone()).unwrap_or_default();
                (shared, Arc::new(read))
            });
            Arc::clone(read)
        });
        let mut body = kept.body;
        if let Some(event) = body.get_mut(LOOSE) {
            match serde_json::from_value::<LooseEvent>(event.take()) {
                Ok(event) => request.events.push(event),
                Err(_) => lost = lost.saturating_add(1),
            }
            continue;
        }
        match serde_json::from_value::<OtlpSpan>(body) {
            Ok(mut span) => {
                span.resource = resource.unwrap_or_default();
                // The engine knows the trace by what it is called after redaction.
                trace.clone_into(&mut span.trace_id);
                request.spans.push(span);
            }
            Err(_) => lost = lost.saturating_add(1),
        }
    }
    for event in &mut request.events {
        trace.clone_into(&mut event.trace_id);
    }
    request.lost.insert(trace.to_owned(), lost);
    let Some(mut whole) = earlier else {
        return otlp::assemble(request, diagnostics).pop();
    };
    let here: BTreeSet<&str> = request.spans.iter().map(|one| &*one.span_id).collect();
    let (own, late) = std::mem::take(&mut request.events)
        .into_iter()
        .partition(|event| here.contains(event.span_id.as_str()));
    request.events = own;
    let mut is_more = lost > whole.trace.completeness.dropped;
    if is_more {
        whole.trace.completeness.dropped = lost;
    }
    if let Some(part) = otlp::assemble(request, diagnostics).pop() {
        whole = merge(whole, part);
        is_more = true;
    }
    is_more |= otlp::late::give(&mut whole, late, diagnostics);
    is_more.then_some(whole)
}

#[cfg(test)]
mod tests {
    use archal_core::push::KeptSpan;

    use super::*;

    const EXPORT: &str = r#"{"resourceSpans":[{"resource":{"attributes":[{"key":"service.name",
        "value":{"stringValue":"triage"}}]},"scopeSpans":[{"scope":{"name":"s"},"spans":[
        {"traceId":"5b8efff798038103d269b633813fc60c","spanId":"eee19b7ec3c1b174","name":"run",
         "startTimeUnixNano":"1544712660000000000","endTimeUnixNano":"1544712661000000000"},
        {"traceId":"5b8efff798038103d269b633813fc60c","spanId":"eee19b7ec3c1b175",
         "parentSpanId":"eee19b7ec3c1b174","name":"chat","startTimeUnixNano":"1544712660100000000",
         "endTimeUnixNano":"1544712660200000000",
         "attributes":[{"key":"gen_ai.request.model","value":{"stringValue":"m"}}]}]}]}]}"#;

    fn of(spans: Vec<KeptSpan>, lost: u64) -> Kept {
        Kept {
            spans,
            lost,
            earlier: None,
        }
    }

    #[test]
    fn spans_that_were_kept_give_the_trace_that_they_give_at_once() {
        let request = || otlp::decode_json(EXPORT.as_bytes()).expect("an export");
        let mut diagnostics = Vec::new();
        let at_once = otlp::assemble(request(), &mut diagnostics);
        let delivery = delivery(request());
        assert_eq!(delivery.shared.len(), 1, "the resource is kept once");
        let ends: Vec<bool> = delivery.spans.iter().map(|span| span.ends_root).collect();
        assert_eq!(ends, [true, false]);
        let shared: Vec<Arc<Value>> = delivery.shared.into_iter().map(Arc::new).collect();
        let kept = delivery
            .spans
            .into_iter()
            .rev()
            .map(|span| KeptSpan {
                shared: span.shared.map(|at| Arc::clone(&shared[at])),
                body: span.body,
            })
            .collect();
        let later = assemble(
            "5b8efff798038103d269b633813fc60c",
            of(kept, 0),
            &mut diagnostics,
        );
        assert_eq!(later, at_once.into_iter().next());
        assert_eq!(
            later.and_then(|decoded| decoded.project).as_deref(),
            Some("triage")
        );
    }

    #[test]
    fn what_was_lost_is_counted_and_nothing_is_no_trace() {
        let mut diagnostics = Vec::new();
        let bad = KeptSpan {
            shared: None,
            body: Value::from(7),
        };
        assert_eq!(
            assemble("t", of(vec![bad.clone()], 0), &mut diagnostics),
            None
        );
        let request = otlp::decode_json(EXPORT.as_bytes()).expect("an export");
        let body = delivery(request).spans.remove(0).body;
        let good = KeptSpan { shared: None, body };
        let trace = assemble("t", of(vec![good, bad], 2), &mut diagnostics).expect("a trace");
        assert_eq!(trace.trace.completeness.dropped, 3);
    }
}
