//! What GitHub tells webhooks of a change: events with their payloads, signed.
//!
//! - `happened`: which events a change is. `payload`: their bodies. [`push`]: the one of pushes.

mod happened;
mod payload;
mod push;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use archal_core::clone::{Delivery, Rendered};
use bytes::Bytes;
use hmac::{Hmac, KeyInit, Mac};
use sha1::Sha1;
use sha2::Sha256;

use super::tables::{HOOKS, HOOKS_BY_REPO, REPOS, hook, repo};
use crate::engine::fingerprint::{self, mix};
use crate::engine::key::Key;
use crate::engine::pack::Announcing;
use crate::engine::row::Row;

use happened::Happened;

/// The deliveries that a call causes, in order of what happened and of the webhooks' numbers.
pub(super) fn announce(of: &Announcing<'_>) -> Vec<Delivery> {
    if of.after.rows(HOOKS).is_empty() {
        return Vec::new();
    }
    let mut deliveries = Vec::new();
    for happened in happened::all(of) {
        for hook in hooks_of(of, &happened) {
            let number = deliveries.len();
            deliveries.push(delivery(of, &happened, &hook, number));
        }
    }
    deliveries
}

/// The webhooks that are told of an event.
fn hooks_of(of: &Announcing<'_>, happened: &Happened) -> Vec<Arc<Row>> {
    let group = of
        .after
        .group(HOOKS, HOOKS_BY_REPO, &Key::folded(&happened.repo));
    let told = |row: &&Arc<Row>| match &happened.only {
        Some(only) => Arc::ptr_eq(row, only),
        None => {
            row.bool(hook::ACTIVE)
                && row
                    .texts(hook::EVENTS)
                    .any(|event| event == "*" || event == happened.event)
        }
    };
    let rows = group.into_iter().flat_map(|rows| rows.values());
    rows.filter(told).cloned().collect()
}

fn delivery(of: &Announcing<'_>, happened: &Happened, to: &Row, number: usize) -> Delivery {
    let payload = payload::of(of, happened, to);
    let is_form = to.text(hook::CONTENT_TYPE) == "form";
    let body = if is_form { form(&payload) } else { payload };
    let salt = mix(of.after.ids(), of.after.version());
    let seed = fingerprint::bytes(mix(salt, number as u64), to.text(hook::URL).as_bytes());
    let id = guid(seed);
    let kind = if is_form {
        "application/x-www-form-urlencoded"
    } else {
        "application/json"
    };
    let target = of.after.named(REPOS, &happened.repo);
    let target = target.map_or(0, |row| row.int(repo::ID));
    let headers = vec![
        ("accept", "*/*".to_owned()),
        ("content-type", kind.to_owned()),
        ("user-agent", "GitHub-Hookshot/044aadd".to_owned()),
        ("x-github-delivery", id.clone()),
        ("x-github-event", happened.event.to_owned()),
        ("x-github-hook-id", to.int(hook::ID).to_string()),
        ("x-github-hook-installation-target-id", target.to_string()),
        (
            "x-github-hook-installation-target-type",
            "repository".to_owned(),
        ),
    ];
    let event = match &happened.action {
        Some(action) => format!("{}.{action}", happened.event),
        None => happened.event.to_owned(),
    };
    Delivery {
        id,
        hook: format!("{}:{}", to.text(hook::REPO), to.int(hook::ID)),
        event,
        url: to.text(hook::URL).to_owned(),
        unchecked: to.text(hook::INSECURE_SSL) == "1",
        headers,
        volatile_headers: signatures(to.text_or_null(hook::SECRET), &body.wire),
        body,
        again: false,
    }
}

/// The signatures of a body under a webhook's secret; none where it has none.
fn signatures(secret: Option<&str>, body: &[u8]) -> Vec<(&'static str, String)> {
    let Some(secret) = secret else {
        return Vec::new();
    };
    let secret = secret.as_bytes();
    // A key of any length is a key.
    let old = Hmac::<Sha1>::new_from_slice(secret)
        .map(|mac| mac.chain_update(body).finalize().into_bytes());
    let new = Hmac::<Sha256>::new_from_slice(secret)
        .map(|mac| mac.chain_update(body).finalize().into_bytes());
    let hex = |bytes: &[u8]| -> String { bytes.iter().map(|byte| format!("{byte:02x}")).collect() };
    let old = old.map(|mac| ("x-hub-signature", format!("sha1={}", hex(&mac))));
    let new = new.map(|mac| ("x-hub-signature-256", format!("sha256={}", hex(&mac))));
    old.into_iter().chain(new).collect()
}

/// A payload as the one field of a form.
fn form(payload: &Rendered) -> Rendered {
    let encoded = |bytes: &Bytes| {
        let text = String::from_utf8_lossy(bytes);
        let mut form = form_urlencoded::Serializer::new(String::new());
        Bytes::from(form.append_pair("payload", &text).finish())
    };
    Rendered {
        wire: encoded(&payload.wire),
        evidence: encoded(&payload.evidence),
    }
}

/// An id in the form of a UUID.
fn guid(seed: u64) -> String {
    let (a, b) = (mix(seed, 1), mix(seed, 2));
    format!(
        "{:08x}-{:04x}-11ef-{:04x}-{:012x}",
        a >> 32,
        a & 0xffff,
        (b >> 48) & 0x3fff | 0x8000,
        b & 0xffff_ffff_ffff
    )
}
