//! From a request to a record of the spool: redacted, encoded, queued.

use std::sync::Arc;
use std::time::Duration;

use archal_core::push::{Delivery, Intake, Refusal, Waiting};
use archal_core::redact::{RedactionCounts, Redactor};
use tokio::sync::oneshot;

use crate::ingest::spool::{Spool, record};

/// The intake of a spool.
pub(super) struct Redacting {
    pub(super) redactor: Redactor,
    pub(super) spool: Arc<Spool>,
}

impl Intake for Redacting {
    fn take(&self, mut delivery: Delivery) -> Waiting<Result<(), Refusal>> {
        redact(&self.redactor, &mut delivery);
        let (tell, told) = oneshot::channel();
        match record::encode(&delivery) {
            Ok(record) if record.pieces.is_empty() => drop(tell.send(Ok(()))),
            Ok(record) => self
                .spool
                // A client that has gone is not told.
                .append(record, Box::new(move |outcome| drop(tell.send(outcome)))),
            Err(error) => drop(tell.send(Err(refused(&format!("it cannot be kept: {error}"))))),
        }
        Box::pin(async move {
            told.await
                .unwrap_or_else(|_| Err(refused("the spool has ended")))
        })
    }
}

fn refused(reason: &str) -> Refusal {
    Refusal {
        reason: reason.to_owned(),
        retry_after: Duration::from_secs(5),
    }
}

/// Takes secrets out of a delivery, before anything of it reaches a disk.
fn redact(redactor: &Redactor, delivery: &mut Delivery) {
    let mut counts = RedactionCounts::new();
    for span in &mut delivery.spans {
        span.trace = redactor.text(&span.trace, &mut counts);
    }
    let bodies = delivery.spans.iter_mut().map(|span| &mut span.body);
    let mut values: Vec<_> = delivery.shared.iter_mut().chain(bodies).collect();
    redactor.values(&mut values, &mut counts);
    for decoded in &mut delivery.traces {
        redactor.trace(&mut decoded.trace, &mut counts);
        for name in [&mut decoded.source, &mut decoded.project] {
            *name = name.as_deref().map(|name| redactor.text(name, &mut counts));
        }
    }
    delivery.lost = std::mem::take(&mut delivery.lost)
        .into_iter()
        .map(|(trace, lost)| (redactor.text(&trace, &mut counts), lost))
        .collect();
}

#[cfg(test)]
mod tests {
    use archal_core::push::PushedSpan;
    use serde_json::json;

    use super::*;

    #[test]
    fn a_secret_of_one_span_is_taken_out_of_the_others_of_the_request_too() {
        let span = |body| PushedSpan {
            body,
            ..PushedSpan::default()
        };
        let mut delivery = Delivery {
            shared: vec![json!({"service.name": "triage", "note": "hunter2-horse"})],
            spans: vec![
                span(json!({"attributes": {"password": "hunter2-horse"}})),
                span(json!({"attributes": {"error": "login with hunter2-horse failed"}})),
            ],
            ..Delivery::default()
        };
        redact(&Redactor::new([7; 32], []), &mut delivery);
        let text = format!("{delivery:?}");
        assert!(!text.contains("hunter2"), "{text}");
        assert!(text.contains("triage") && text.contains("login with"));
    }
}
