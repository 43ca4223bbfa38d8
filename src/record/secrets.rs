//! What must not stand in a trace: credentials of requests are left out whole, and looked for by
//! their value wherever else they stand.

use std::collections::{BTreeMap, BTreeSet};

use archal_core::redact::Redactor;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::session::recording::recorder::Call;

/// A shorter value is no key, and replacing it would blank out ordinary words.
const SHORTEST: usize = 8;
/// Headers of requests that a trace has: what a request asks for, and what joins it to others. Any
/// other may be a service's own way to take a credential.
const REQUEST: &[&str] = &[
    "accept",
    "accept-language",
    "anthropic-beta",
    "anthropic-version",
    "content-encoding",
    "content-type",
    "idempotency-key",
    "if-match",
    "if-modified-since",
    "if-none-match",
    "if-unmodified-since",
    "openai-beta",
    "prefer",
    "range",
    "traceparent",
    "user-agent",
    "x-github-api-version",
    "x-http-method-override",
    "x-request-id",
];
/// Headers of requests that are no credentials, and that nobody needs.
const PLAIN: &[&str] = &[
    "accept-encoding",
    "baggage",
    "cache-control",
    "connection",
    "content-length",
    "date",
    "host",
    "origin",
    "pragma",
    "referer",
    "te",
    "tracestate",
];

/// The headers of a request that stand in a trace.
pub fn request_headers(headers: &[(String, String)]) -> BTreeMap<String, String> {
    let kept = headers
        .iter()
        .filter(|(name, _)| REQUEST.contains(&name.as_str()));
    one_a_name(kept)
}

/// The headers of an answer that stand in a trace: all but those that set credentials.
pub fn response_headers(
    headers: &[(String, String)],
    redactor: &Redactor,
) -> BTreeMap<String, String> {
    let kept = headers
        .iter()
        .filter(|(name, _)| !redactor.is_secret_key(name));
    one_a_name(kept)
}

fn one_a_name<'a>(headers: impl Iterator<Item = &'a (String, String)>) -> BTreeMap<String, String> {
    let mut joined: BTreeMap<String, String> = BTreeMap::new();
    for (name, value) in headers {
        match joined.get_mut(name) {
            Some(known) => {
                known.push_str(", ");
                known.push_str(value);
            }
            None => {
                joined.insert(name.clone(), value.clone());
            }
        }
    }
    joined
}

/// The credentials that calls were made with, by value, and those that answers set.
pub fn of_calls(calls: &[Call], redactor: &Redactor) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for call in calls {
        for (name, value) in &call.request_headers {
            // Names that the rules know, and those of services that they do not know.
            let says = [
                "auth",
                "token",
                "key",
                "secret",
                "cookie",
                "password",
                "credential",
            ];
            let is_plain = REQUEST.contains(&name.as_str()) || PLAIN.contains(&name.as_str());
            let is_said = says.iter().any(|part| name.contains(part));
            if redactor.is_secret_key(name) || (is_said && !is_plain) {
                of_value(name, value, &mut found);
            }
        }
        for (name, value) in &call.response_headers {
            if redactor.is_secret_key(name) {
                of_value(name, value, &mut found);
            }
        }
    }
    found
}

/// The secrets in a header's value: behind its scheme, in its cookies, in what is encoded.
fn of_value(name: &str, value: &str, found: &mut BTreeSet<String>) {
    let mut add = |secret: &str| {
        let secret = secret.trim().trim_matches('"');
        if secret.len() >= SHORTEST {
            found.insert(secret.to_owned());
        }
    };
    if name == "cookie" || name == "set-cookie" {
        let pairs: Vec<&str> = match name {
            // What stands behind the first says how long and where it is good.
            "set-cookie" => value.split(';').take(1).collect(),
            _ => value.split(';').collect(),
        };
        let values = pairs.iter().filter_map(|pair| pair.split_once('='));
        return values.for_each(|(_, value)| add(value));
    }
    let (scheme, rest) = value.split_once(' ').unwrap_or(("", value));
    add(rest);
    if scheme.eq_ignore_ascii_case("basic")
        && let Ok(decoded) = STANDARD.decode(rest.trim())
    {
        let decoded = String::from_utf8_lossy(&decoded);
        add(&decoded);
        if let Some((_, password)) = decoded.split_once(':') {
            add(password);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
        let pairs = pairs.iter();
        pairs
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect()
    }

    #[test]
    fn credentials_are_found_by_value_however_they_are_sent() {
        let call = Call {
            request_headers: headers(&[
                ("authorization", "Basic bWU6aHVudGVyMjIyMg=="),
                ("x-vault-token", "hvs.a-token-of-a-vault"),
                ("x-api-key", "key-of-a-service"),
                ("cookie", "theme=dark; session=abcdefghij"),
                ("user-agent", "an-agent-of-mine"),
                ("idempotency-key", "2f1c9a7e-0000"),
                ("x-short-token", "abc"),
            ]),
            response_headers: headers(&[("set-cookie", "sid=zyxwvutsrq; Path=/; HttpOnly")]),
            ..Call::default()
        };
        let redactor = Redactor::new([7; 32], []);
        let found = of_calls(std::slice::from_ref(&call), &redactor);
        let found: Vec<&str> = found.iter().map(String::as_str).collect();
        assert_eq!(
            found,
            [
                "abcdefghij",
                "bWU6aHVudGVyMjIyMg==",
                "hunter2222",
                "hvs.a-token-of-a-vault",
                "key-of-a-service",
                "me:hunter2222",
                "zyxwvutsrq"
            ]
        );
        let kept = request_headers(&call.request_headers);
        let kept: Vec<&str> = kept.keys().map(String::as_str).collect();
        assert_eq!(kept, ["idempotency-key", "user-agent"]);
        assert!(response_headers(&call.response_headers, &redactor).is_empty());
    }
}
