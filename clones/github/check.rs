//! How the tests of this clone call it.

use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Duration;

use archal_core::clone::{
    Attempt, CloneRequest, CloneResponse, OpenClone, Receipt, Seed, ServiceClone,
};
use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

use super::{DESCRIPTOR, access::TOKEN};

/// The base time of all tests.
pub(super) fn base() -> Timestamp {
    "2026-01-10T12:00:00Z".parse().expect("valid")
}

/// A clone on a seed; `base` is its base time.
pub(super) fn open_at(seed: Seed<'_>, base: Timestamp) -> Box<dyn ServiceClone> {
    (DESCRIPTOR.open)(&OpenClone { base, ids: 7, seed }).expect("a seed that opens")
}

/// A clone on a named seed.
pub(super) fn open(seed: &str) -> Box<dyn ServiceClone> {
    open_at(Seed::Named(seed), base())
}

/// A request with credentials: `POST /path?query <accept: text/html> {"body": 1}`. The target may
/// be a whole URL of another host; headers in angle brackets are added, or put in the place of the
/// credentials.
pub(super) fn request(line: &str) -> CloneRequest {
    let (method, rest) = line.split_once(' ').unwrap_or((line, ""));
    let (target, mut rest) = rest.split_once(' ').unwrap_or((rest, ""));
    let mut headers = vec![
        ("user-agent".to_owned(), "tests".to_owned()),
        ("authorization".to_owned(), format!("Bearer {TOKEN}")),
    ];
    while let Some((header, body)) = rest
        .strip_prefix('<')
        .and_then(|inside| inside.split_once('>'))
    {
        let (name, value) = header.split_once(": ").expect("a header");
        headers.retain(|(known, _)| known != name);
        headers.push((name.to_owned(), value.to_owned()));
        rest = body.trim_start();
    }
    let (host, target) = match target.strip_prefix("https://") {
        Some(target) => {
            let at = target.find('/').unwrap_or(target.len());
            target.split_at(at)
        }
        None => ("api.github.com", target),
    };
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    CloneRequest {
        method: method.to_owned(),
        scheme: "https".to_owned(),
        host: host.to_owned(),
        path: path.to_owned(),
        query: query.to_owned(),
        headers,
        body: rest.to_owned().into(),
        spool: None,
    }
}

/// Sends a request a minute after the base. Every webhook that is told of it answers at once.
pub(super) fn send(clone: &mut dyn ServiceClone, line: &str) -> CloneResponse {
    let at = base() + SignedDuration::from_mins(1);
    let response = clone.call(&request(line), at);
    taken(clone, &response, at);
    response
}

/// Tells a clone that the receivers of what a call told webhooks took it.
pub(super) fn taken(clone: &mut dyn ServiceClone, response: &CloneResponse, at: Timestamp) {
    for delivery in &response.deliveries {
        let receipt = Receipt {
            status: 202,
            headers: vec![("content-type".to_owned(), "text/plain".to_owned())],
            body: "taken".into(),
        };
        clone.attempted(Attempt {
            delivery: Arc::new(delivery.clone()),
            at,
            took: Duration::from_millis(270),
            outcome: Ok(receipt),
        });
    }
}

/// Sends a request without credentials.
pub(super) fn send_unsigned(clone: &mut dyn ServiceClone, line: &str) -> CloneResponse {
    let mut request = request(line);
    request.headers.retain(|(name, _)| name != "authorization");
    clone.call(&request, base() + SignedDuration::from_mins(1))
}

/// The body as the client reads it.
pub(super) fn json(response: &CloneResponse) -> Value {
    if response.body.wire.is_empty() {
        return Value::Null;
    }
    serde_json::from_slice(&response.body.wire).expect("a JSON body")
}

/// Sends requests one after the other and writes down, for each, status, what changed, and the
/// fields of the evidence that `shown` names as JSON pointers; of lists, those of every item.
pub(super) fn check(clone: &mut dyn ServiceClone, lines: &[&str], shown: &[&str]) -> String {
    let mut out = String::new();
    for line in lines {
        let response = send(clone, line);
        // Writing to a String cannot fail.
        _ = writeln!(out, "{line}\n  {}", response.status);
        for change in &response.changes {
            let kind = serde_json::to_value(change.change).expect("serialises");
            let kind = kind.as_str().unwrap_or_default().to_owned();
            _ = writeln!(out, "  {kind} {} {}", change.table, change.key);
        }
        if response.body.evidence.is_empty() {
            continue;
        }
        let body: Value = serde_json::from_slice(&response.body.evidence).expect("a JSON body");
        if response.status >= 400 {
            _ = writeln!(out, "  {body}");
            continue;
        }
        let items = match &body {
            Value::Array(items) => items.clone(),
            body => vec![body.clone()],
        };
        for item in items {
            let fields: Vec<String> = shown
                .iter()
                .filter_map(|pointer| Some(item.pointer(pointer)?.to_string()))
                .collect();
            if !fields.is_empty() {
                _ = writeln!(out, "  {}", fields.join(" "));
            }
        }
    }
    out
}
