//! What became of deliveries of webhooks: told by the host, beside the state.

use std::collections::VecDeque;
use std::sync::Arc;

use archal_core::clone::Attempt;

use super::fingerprint::{self, mix};

/// Most attempts that are remembered, and bytes of what they sent and were answered.
const MOST: usize = 250;
const BYTES: usize = 16 * 1024 * 1024;

/// The last attempts, oldest first.
#[derive(Debug, Default)]
pub(crate) struct Attempts {
    kept: VecDeque<(i64, Arc<Attempt>)>,
    bytes: usize,
}

impl Attempts {
    /// One more, in the place of the oldest where there are too many.
    pub(super) fn push(&mut self, attempt: Attempt) {
        let id = self.id_of(&attempt.delivery.id);
        self.bytes += size(&attempt);
        self.kept.push_back((id, Arc::new(attempt)));
        while self.kept.len() > MOST || self.bytes > BYTES {
            let Some((_, old)) = self.kept.pop_front() else {
                break;
            };
            self.bytes -= size(&old);
        }
    }

    /// Newest first, each with its number.
    pub(crate) fn newest(&self) -> impl Iterator<Item = (i64, &Arc<Attempt>)> {
        self.kept.iter().rev().map(|(id, attempt)| (*id, attempt))
    }

    /// A number of 11 digits that follows from the delivery alone and from how often it was tried:
    /// in which order receivers answer does not change it.
    fn id_of(&self, delivery: &str) -> i64 {
        let before = |(_, attempt): &&(i64, Arc<Attempt>)| attempt.delivery.id == delivery;
        let before = self.kept.iter().filter(before).count() as u64;
        let number = mix(fingerprint::bytes(before, delivery.as_bytes()), before);
        10_000_000_000 + (number % 89_999_999_999).cast_signed()
    }
}

fn size(attempt: &Attempt) -> usize {
    let body = &attempt.delivery.body;
    let answered = attempt.outcome.as_ref().map_or(0, |one| one.body.len());
    body.wire.len() + body.evidence.len() + answered
}
