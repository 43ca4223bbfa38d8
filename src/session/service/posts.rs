//! What a session tells webhooks, for whoever looks at it, lets it go, or wants it once more.

use archal_core::redact::RedactionCounts;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::super::webhooks::{NotAgain, Outcome, Recent};
use super::desk::{encoded, usage};
use super::live::Live;
use crate::host::protocol::Refusal;

/// What is told webhooks.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Posts {
    /// Whether deliveries wait until somebody asks for them.
    pub held: bool,
    /// The last deliveries, or those that were asked for, in order.
    pub deliveries: Vec<Post>,
}

/// A delivery.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Post {
    /// Its number in the session.
    pub number: u64,
    /// The service's id of it; one that is sent again has the same.
    pub id: String,
    /// The number of the delivery that it repeats.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub again: Option<u64>,
    /// The clone that tells it.
    pub clone: String,
    /// The webhook, `acme/webapp:7`.
    pub hook: String,
    /// What happened, `issues.opened`.
    pub event: String,
    /// Where it goes, redacted.
    pub url: String,
    /// `held`, `waiting`, `answered`, `failed` or `not-sent`.
    pub outcome: String,
    /// The receiver's status.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    /// Why it was not answered.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// The last ones.
pub(super) fn list(live: &Live) -> Result<Value, Refusal> {
    let (held, recent) = live.session.shared.webhooks.recent();
    told(live, held, recent)
}

/// Sends what is held, and waits for what it comes to.
pub(super) fn deliver(live: &Live, which: &[u64]) -> Result<Value, Refusal> {
    let webhooks = &live.session.shared.webhooks;
    let (held, recent) = webhooks.recent();
    let waits = |number: &u64| recent.iter().any(|one| one.number == *number && one.held);
    if let Some(number) = which.iter().find(|number| !waits(number)) {
        let known = recent.iter().any(|one| one.number == *number);
        let message = match known {
            true => format!("delivery {number} is not held"),
            false => format!("session {} knows of no delivery {number}", live.name),
        };
        return Err(usage(message).hint("archal clone webhooks"));
    }
    let sent = webhooks.deliver(which, live.session.shared.ledger.now());
    told(live, held, webhooks.known(&sent))
}

/// Sends a delivery once more, and waits for what it comes to.
pub(super) fn again(live: &Live, number: u64) -> Result<Value, Refusal> {
    let webhooks = &live.session.shared.webhooks;
    let now = live.session.shared.ledger.now();
    let sent = webhooks.again(number, now).map_err(|why| match why {
        NotAgain::Unknown => usage(format!(
            "session {} knows of no delivery {number}",
            live.name
        ))
        .hint("archal clone webhooks"),
        NotAgain::Waits => usage(format!("delivery {number} has not been sent"))
            .hint(format!("archal clone webhooks --deliver {number}")),
    })?;
    let (held, _) = webhooks.recent();
    told(live, held, webhooks.known(&[sent]))
}

fn told(live: &Live, held: bool, recent: Vec<Recent>) -> Result<Value, Refusal> {
    let deliveries = recent.into_iter().map(|one| post(live, one)).collect();
    encoded(&Posts { held, deliveries })
}

fn post(live: &Live, recent: Recent) -> Post {
    let clean = live.session.clean();
    let mut counts = RedactionCounts::new();
    let (outcome, status, reason) = match recent.outcome {
        Some(Outcome::Answered(status)) => ("answered", Some(status), None),
        Some(Outcome::Failed(reason)) => ("failed", None, Some(reason)),
        Some(Outcome::NotSent(reason)) => ("not-sent", None, Some(reason)),
        None if recent.held => ("held", None, None),
        None => ("waiting", None, None),
    };
    Post {
        number: recent.number,
        id: recent.delivery.id.clone(),
        again: recent.again,
        clone: live.clones[recent.clone].name.to_owned(),
        hook: clean.text(&recent.delivery.hook),
        event: recent.delivery.event.clone(),
        url: clean.url(&recent.delivery.url, &mut counts),
        outcome: outcome.to_owned(),
        status,
        reason: reason.map(|reason| clean.text(&reason)),
    }
}
