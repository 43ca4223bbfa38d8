//! A delivery as a line of `webhooks.jsonl`.

use std::sync::Arc;

use archal_core::redact::RedactionCounts;
use serde_json::json;

use super::super::evidence::{RecordedMessage, WebhookRecord};
use super::super::record::{self, Clean};
use super::outbox::Posted;
use super::send::Outcome;
use crate::session::server::Shared;

/// Deliveries as evidence has them.
pub(in crate::session) fn whole(
    shared: &Shared,
    posted: Vec<Posted>,
    clean: Clean<'_>,
) -> Vec<WebhookRecord> {
    let name = |posted: &Posted| shared.clones[posted.clone].clone.name;
    let one = |posted: Posted| evidence(name(&posted), posted, clean);
    posted.into_iter().map(one).collect()
}

/// One delivery, redacted. Its body needs no clone to be written: it was with the call.
fn evidence(name: &str, posted: Posted, clean: Clean<'_>) -> WebhookRecord {
    let mut counts = RedactionCounts::new();
    let Posted {
        seq,
        fault,
        delivery,
        outcome,
        ..
    } = posted;
    let delivery = Arc::unwrap_or_clone(delivery);
    let body = match std::str::from_utf8(&delivery.body.evidence) {
        // The payload is the one field of a form: JSON, whose secrets are found as such.
        Ok(text) if text.starts_with("payload=") => {
            let payload = form_urlencoded::parse(text.as_bytes()).next();
            let payload = payload.map(|(_, text)| text.into_owned());
            let payload = payload.unwrap_or_default();
            json!({"payload": record::body(payload.as_bytes(), clean, &mut counts)})
        }
        _ => record::body(&delivery.body.evidence, clean, &mut counts),
    };
    let mut headers = delivery
        .headers
        .iter()
        .map(|(name, value)| ((*name).to_owned(), clean.text(value)))
        .collect();
    clean.redactor.headers(&mut headers, &mut counts);
    let (outcome, status, reason) = match outcome {
        Some(Outcome::Answered(status)) => ("answered", Some(status), None),
        Some(Outcome::Failed(reason)) => ("failed", None, Some(reason)),
        Some(Outcome::NotSent(reason)) => ("not-sent", None, Some(reason)),
        None => ("waiting", None, None),
    };
    WebhookRecord {
        seq,
        clone: name.to_owned(),
        id: delivery.id,
        hook: clean.text(&delivery.hook),
        event: delivery.event,
        url: clean.url(&delivery.url, &mut counts),
        request: RecordedMessage { headers, body },
        outcome: outcome.to_owned(),
        status,
        reason: reason.map(|reason| clean.text(&reason)),
        fault: fault.map(|fault| fault.to_string()),
    }
}
