//! Events of spans that come as log records.
//!
//! The GenAI conventions moved content from attributes to events and back; the SDKs that follow
//! the events send them as logs, each with the ids of its span.

use std::collections::BTreeSet;

use jiff::Timestamp;
use serde_json::Value;

use super::model::{Attributes, OtlpEvent, OtlpSpan};
use super::request::LooseEvent;

/// A log record as read.
pub(super) struct Record {
    pub(super) trace_id: Option<String>,
    pub(super) span_id: Option<String>,
    pub(super) name: String,
    pub(super) at: Option<Timestamp>,
    pub(super) body: Value,
    pub(super) attributes: Attributes,
}

/// The event a record is; none for a record without a span or without an event's name: the lines
/// that a program logs are not part of its trace.
pub(super) fn of_a_span(mut record: Record) -> Option<LooseEvent> {
    let name = if record.name.is_empty() {
        // Before event names had a field of their own.
        match record.attributes.remove("event.name") {
            Some(Value::String(name)) if !name.is_empty() => name,
            _ => return None,
        }
    } else {
        record.name
    };
    if !record.body.is_null() {
        record.attributes.insert("body".to_owned(), record.body);
    }
    Some(LooseEvent {
        trace_id: record.trace_id?,
        span_id: record.span_id?,
        event: OtlpEvent {
            name,
            at: record.at,
            attributes: record.attributes,
        },
    })
}

/// Gives loose events of one trace to their spans, in order of time, and returns how many have
/// none. An event that a retried export brings twice counts once.
pub(super) fn give(spans: &mut [OtlpSpan], mut loose: Vec<LooseEvent>) -> u64 {
    if loose.is_empty() {
        return 0;
    }
    let mut seen = BTreeSet::new();
    loose.retain(|one| seen.insert(format!("{one:?}")));
    // Stable: clocks are coarse, and of events at one time the one that was sent first comes first.
    loose.sort_by(|one, other| (&one.span_id, one.event.at).cmp(&(&other.span_id, other.event.at)));
    let mut homeless = loose.len() as u64;
    for span in spans {
        let from = loose.partition_point(|one| one.span_id < span.span_id);
        let to = loose.partition_point(|one| one.span_id <= span.span_id);
        if from < to {
            homeless = homeless.saturating_sub((to - from) as u64);
            let events = loose[from..to].iter().map(|one| one.event.clone());
            span.events.extend(events);
        }
    }
    homeless
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_of_one_time_stay_in_the_order_they_were_sent_and_count_once() {
        let one = |name: &str| LooseEvent {
            trace_id: "t".to_owned(),
            span_id: "s".to_owned(),
            event: OtlpEvent {
                name: name.to_owned(),
                ..OtlpEvent::default()
            },
        };
        let mut spans = [OtlpSpan {
            span_id: "s".to_owned(),
            ..OtlpSpan::default()
        }];
        let sent = ["user", "assistant", "tool", "user", "assistant"].map(one);
        assert_eq!(give(&mut spans, sent.into()), 0);
        let names: Vec<&str> = spans[0]
            .events
            .iter()
            .map(|one| one.name.as_str())
            .collect();
        assert_eq!(names, ["user", "assistant", "tool"]);
    }
}
