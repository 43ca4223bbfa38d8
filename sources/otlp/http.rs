//! HTTP semantic conventions, stable names and older ones.

use std::collections::BTreeMap;

use archal_core::trace::{HttpExchange, Span};
use serde_json::Value;

use super::attributes::{Taking, text_of};
use super::model::Side;

/// There is no standard attribute for bodies; these are the ones in use.
const REQUEST_BODY: &[&str] = &[
    "archal.http.request_body",
    "http.request.body",
    "http.request.body.content",
    "http.request.body.text",
    "http.request.body.data",
    "http.request_body",
];
const RESPONSE_BODY: &[&str] = &[
    "archal.http.response_body",
    "http.response.body",
    "http.response.body.content",
    "http.response.body.text",
    "http.response.body.data",
    "http.response_body",
];

/// The exchange of a span that called a service; none for other spans, and none for the span of
/// a server that was called: the agent did not make that call.
pub(super) fn exchange(taking: &mut Taking, side: Side) -> Option<HttpExchange> {
    if matches!(side, Side::Server | Side::Consumer) {
        return None;
    }
    let method = taking.peek_text(&["http.request.method", "http.method"])?;
    let url = url(taking)?;
    taking.value(&["http.request.method"]);
    taking.value(&["http.method"]);
    // A method the instrumentation did not know stands under another name.
    let original = taking.text(&["http.request.method_original"]);
    let method = match original {
        Some(original) if method == "_OTHER" => original,
        _ => method,
    };
    let status = taking
        .count(&["http.response.status_code"])
        .or_else(|| taking.count(&["http.status_code"]))
        .and_then(|status| u16::try_from(status).ok());
    Some(HttpExchange {
        method: method.to_ascii_uppercase(),
        url,
        status,
        request_headers: headers(taking, "http.request.header."),
        response_headers: headers(taking, "http.response.header."),
        request_body: taking.json(REQUEST_BODY, "http.requestBody"),
        response_body: taking.json(RESPONSE_BODY, "http.responseBody"),
    })
}

/// Gives bodies that stand in a child of the exchange to the exchange: Logfire's instrumentation
/// writes a span of its own when the response is read. Returns the spans whose body looks cut.
pub(super) fn give_bodies(spans: &mut [Span]) -> Vec<String> {
    let lacking: BTreeMap<String, usize> = spans
        .iter()
        .enumerate()
        .filter(|(_, span)| {
            let http = span.http.as_ref();
            http.is_some_and(|http| http.response_body.is_none())
        })
        .map(|(place, span)| (span.id.clone(), place))
        .collect();
    let mut cut = Vec::new();
    for place in 0..spans.len() {
        let child = &spans[place];
        let holds = |name: &&&str| child.attributes.contains_key(**name);
        let Some(name) = RESPONSE_BODY.iter().find(holds) else {
            continue;
        };
        let parent = child.parent_id.as_ref().and_then(|id| lacking.get(id));
        let (Some(parent), None) = (parent.copied(), &child.http) else {
            continue;
        };
        let mut taking = Taking::new(std::mem::take(&mut spans[place].attributes));
        let body = taking.json(&[name], "http.responseBody");
        let (rest, truncated) = taking.rest();
        spans[place].attributes = rest;
        if let Some(http) = &mut spans[parent].http {
            http.response_body = http.response_body.take().or(body);
        }
        if !truncated.is_empty() {
            cut.push(spans[parent].id.clone());
        }
    }
    cut
}

/// The absolute URL as recorded, else put together of its parts.
fn url(taking: &mut Taking) -> Option<String> {
    let whole = taking
        .text(&["url.full"])
        .or_else(|| taking.text(&["http.url"]));
    if whole.as_ref().is_some_and(|url| url.contains("://")) {
        return whole;
    }
    let Some(host) = taking.peek_text(&["server.address", "http.host", "net.peer.name"]) else {
        if let Some(relative) = whole {
            taking.put("url.full", Value::String(relative));
        }
        return None;
    };
    let scheme = taking
        .text(&["url.scheme", "http.scheme"])
        .unwrap_or_else(|| "https".to_owned());
    let port = taking
        .text(&["server.port", "net.peer.port"])
        .filter(|port| !host.contains(':') && !is_default_port(&scheme, port))
        .map_or_else(String::new, |port| format!(":{port}"));
    let path = taking
        .text(&["url.path", "http.target"])
        .or(whole)
        .unwrap_or_else(|| "/".to_owned());
    let slash = if path.starts_with('/') { "" } else { "/" };
    let query = taking
        .text(&["url.query"])
        .filter(|_| !path.contains('?'))
        .map_or_else(String::new, |query| {
            format!("?{}", query.trim_start_matches('?'))
        });
    Some(format!("{scheme}://{host}{port}{slash}{path}{query}"))
}

fn is_default_port(scheme: &str, port: &str) -> bool {
    matches!((scheme, port), ("https", "443") | ("http", "80"))
}

/// Headers come as lists of values; older conventions wrote `_` for `-`.
fn headers(taking: &mut Taking, prefix: &str) -> BTreeMap<String, String> {
    taking
        .prefixed(prefix)
        .into_iter()
        .filter_map(|(name, value)| {
            let text = match &value {
                Value::Array(values) => {
                    let values: Vec<String> = values.iter().filter_map(text_of).collect();
                    values.join(", ")
                }
                scalar => text_of(scalar)?,
            };
            Some((name.to_ascii_lowercase().replace('_', "-"), text))
        })
        .collect()
}
