//! One export, whichever door it came in by.

use std::sync::Arc;
use std::time::Duration;

use archal_core::push::{Intake, Refusal};
use bytes::Bytes;

use super::answer::{Encoding, Signal, Taken};
use super::delivery;
use crate::otlp::{self, Request, Undecodable};

/// A message that arrived.
pub(super) struct Export {
    /// What it exports.
    pub(super) signal: Signal,
    /// How it is written.
    pub(super) encoding: Encoding,
    /// It.
    pub(super) body: Bytes,
}

/// What became of an export.
pub(super) enum Outcome {
    /// It is on the disk, as far as it can be read.
    Taken(Taken),
    /// Nothing of it can be read.
    Unreadable(String),
    /// It can be sent again.
    Refused(Refusal),
}

impl Export {
    /// Decodes it, hands it over and waits until it is on the disk. `held` is let go once the
    /// intake has it: what is decoded is many times as large.
    pub(super) async fn take(self, intake: &Arc<dyn Intake>, held: impl Send + 'static) -> Outcome {
        let intake = Arc::clone(intake);
        let work = tokio::task::spawn_blocking(move || {
            let (request, taken) = self.decode()?;
            let kept = intake.take(delivery::delivery(request));
            drop(held);
            Ok::<_, Undecodable>((kept, taken))
        });
        match work.await {
            Ok(Ok((kept, taken))) => match kept.await {
                Ok(()) => Outcome::Taken(taken),
                Err(refusal) => Outcome::Refused(refusal),
            },
            Ok(Err(undecodable)) => Outcome::Unreadable(undecodable.to_string()),
            Err(_) => Outcome::Refused(Refusal {
                reason: "archal has a fault that this request finds".to_owned(),
                retry_after: Duration::from_secs(60),
            }),
        }
    }

    fn decode(self) -> Result<(Request, Taken), Undecodable> {
        let request = match (self.signal, self.encoding) {
            (Signal::Metrics, _) => {
                let message = if self.body.is_empty() {
                    String::new()
                } else {
                    "archal reads traces; metrics are not kept".to_owned()
                };
                let taken = Taken {
                    rejected: 0,
                    message,
                };
                return Ok((Request::default(), taken));
            }
            (_, Encoding::Json) => otlp::decode_json(&self.body)?,
            (Signal::Traces, Encoding::Protobuf) => otlp::decode_protobuf(self.body)?,
            (Signal::Logs, Encoding::Protobuf) => otlp::decode_protobuf_logs(self.body)?,
        };
        let mut message = request.rejection().unwrap_or_default().to_owned();
        if message.is_empty() && request.other_logs > 0 {
            message = format!(
                "of logs only events of spans are kept; records that are none: {}",
                request.other_logs
            );
        }
        let taken = Taken {
            rejected: request.rejected,
            message,
        };
        Ok((request, taken))
    }
}
