//! The `replay` clone: a service without a clone answers as it did in the trace.
//!
//! A request gets the recorded answer to the same method, host, path, query and body; one that
//! was made several times gets its answers in their order. Times in the arguments may differ, since those of an
//! attempt are later than those of the trace, and times in the answers are moved with them.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use archal_core::clock::{Timestamp, rfc3339_seconds, truncate_to_second};
use archal_core::clone::{CloneDescriptor, CloneRequest, CloneResponse, Rendered, offset};
use archal_core::trace::{HttpExchange, Span, Trace};
use bytes::Bytes;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use crate::reconstruct::Missing;
use crate::reconstruct::hosts;
use crate::reproduce::likeness::{self, Fields, first_difference, same_text};
use crate::run::stand_in::{REPLAY, StandIn};

use super::playing::{self, Answers, unrecorded};

/// Most exchanges of one trace that are replayed.
const EXCHANGES: usize = 10_000;
/// Response headers that clients act on; all others are left out.
const HEADERS: &[&str] = &[
    "content-type",
    "etag",
    "last-modified",
    "link",
    "location",
    "retry-after",
    "x-next-page",
    "x-total-count",
    "x-total-pages",
];

static DESCRIPTOR: CloneDescriptor = playing::descriptor(
    REPLAY,
    "Recorded answers of services without a clone",
    &[],
    playing::open::<Recording>,
);

/// The services of a trace that can be replayed.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Replayed {
    recording: Recording,
    spans: BTreeSet<String>,
}

/// What services answered, and which of it was given.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Recording {
    /// When the trace began.
    started: Timestamp,
    exchanges: Arc<Vec<Recorded>>,
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    given: BTreeSet<usize>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Recorded {
    method: String,
    host: String,
    path: String,
    /// Query and body.
    arguments: Value,
    status: u16,
    headers: BTreeMap<String, String>,
    body: Option<Value>,
}

impl Replayed {
    /// The calls of services without a clone whose answers the trace holds.
    pub fn of(trace: &Trace, clones: &[CloneDescriptor]) -> Self {
        let mut spans: Vec<(&Span, &HttpExchange)> = trace
            .spans
            .iter()
            .filter_map(|span| Some((span, span.http.as_ref()?)))
            .collect();
        spans.sort_by_key(|(span, _)| span.started_at);
        let mut found = Self::default();
        let mut exchanges = Vec::new();
        for (span, http) in spans {
            let Some(exchange) = recorded(http) else {
                continue;
            };
            let host = exchange.host.as_str();
            let has_clone = clones.iter().any(|clone| {
                clone.every_host().any(|known| known == host) || clone.other_hosts.contains(&host)
            });
            let is_aside = hosts::is_aside(host, None, &exchange.method, &exchange.path);
            if !has_clone && !is_aside && exchanges.len() < EXCHANGES {
                found.spans.insert(span.id.clone());
                exchanges.push(exchange);
            }
        }
        let started = trace.started_at.map(truncate_to_second);
        found.recording = Recording {
            started: started.unwrap_or(Timestamp::UNIX_EPOCH),
            exchanges: Arc::new(exchanges),
            given: BTreeSet::new(),
        };
        found
    }

    /// Takes out what is missing only because a service has no clone, where it is replayed.
    pub fn fills(&self, missing: &mut Vec<Missing>) {
        missing.retain(|one| one.clone != "none" || !self.spans.contains(&one.span));
    }

    /// The hosts that are replayed, in order.
    pub fn hosts(&self) -> Vec<String> {
        let exchanges = self.recording.exchanges.iter();
        let hosts: BTreeSet<&String> = exchanges.map(|exchange| &exchange.host).collect();
        hosts.into_iter().cloned().collect()
    }

    /// The clone; none where nothing is replayed.
    pub fn stand_in(&self) -> Option<StandIn> {
        let hosts = self.hosts();
        (!hosts.is_empty()).then(|| StandIn {
            clone: &DESCRIPTOR,
            hosts,
            recorded: serde_json::to_value(&self.recording).unwrap_or_default(),
        })
    }
}

/// An exchange that can be replayed: at a service's own port, with its answer.
fn recorded(http: &HttpExchange) -> Option<Recorded> {
    let uri: http::Uri = http.url.split('#').next()?.parse().ok()?;
    let host = uri.host()?.trim_end_matches('.').to_ascii_lowercase();
    let is_name = host.contains('.')
        && host.parse::<std::net::IpAddr>().is_err()
        && host
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b".-_".contains(&byte));
    if !is_name || !matches!(uri.port_u16(), None | Some(80 | 443)) {
        return None;
    }
    let status = http.status?;
    let is_empty = http.method == "HEAD" || matches!(status, 100..=199 | 204 | 205 | 304);
    if http.response_body.is_none() && !is_empty {
        // Nobody can tell an empty answer from one that was not recorded.
        return None;
    }
    Some(Recorded {
        method: http.method.clone(),
        host,
        path: uri.path().to_owned(),
        arguments: arguments(uri.query().unwrap_or_default(), http.request_body.clone()),
        status,
        headers: http.response_headers.clone(),
        body: http.response_body.clone(),
    })
}

/// Query and body, in a form that does not depend on how they were written.
fn arguments(query: &str, body: Option<Value>) -> Value {
    let mut named: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (name, value) in form_urlencoded::parse(query.as_bytes()) {
        named
            .entry(name.into_owned())
            .or_default()
            .push(value.into_owned());
    }
    let mut all: Map<String, Value> = named
        .into_iter()
        .map(|(name, mut values)| {
            values.sort();
            let value = match values.as_slice() {
                [one] => Value::from(one.clone()),
                _ => Value::from(values),
            };
            (name, value)
        })
        .collect();
    if let Some(body) = body {
        all.insert("body".to_owned(), body);
    }
    Value::Object(all)
}

impl Recording {
    /// The exchange that a request repeats; why there is none otherwise.
    fn find(&self, request: &CloneRequest, arguments: &Value) -> Result<usize, String> {
        let path = decoded(&request.path);
        let same_place: Vec<(usize, &Recorded)> = self
            .exchanges
            .iter()
            .enumerate()
            .filter(|(_, one)| {
                one.method == request.method
                    && one.host == request.host
                    && same_text(&decoded(&one.path), &path)
            })
            .collect();
        let left = || same_place.iter().filter(|(at, _)| !self.given.contains(at));
        let exact = left().find(|(_, one)| one.arguments == *arguments);
        let unlike = |one: &Recorded| first_difference(&one.arguments, arguments, Fields::Exact);
        if let Some((at, _)) = exact.or_else(|| left().find(|(_, one)| unlike(one).is_none())) {
            return Ok(*at);
        }
        let repeated = same_place
            .iter()
            .filter(|(_, one)| unlike(one).is_none())
            .count();
        if repeated > 0 {
            return Err(format!(
                "the trace has this call {repeated} times, and the agent makes it once more"
            ));
        }
        Err(match same_place.iter().find_map(|(_, one)| unlike(one)) {
            Some(unlike) => format!(
                "the agent sends `{}` {} where the trace has {}",
                unlike.at, unlike.second, unlike.first
            ),
            None => "the trace has no call of it".to_owned(),
        })
    }
}

fn decoded(path: &str) -> String {
    percent_encoding::percent_decode_str(path)
        .decode_utf8_lossy()
        .into_owned()
}

impl Answers for Recording {
    fn answer(&mut self, request: &CloneRequest, base: Timestamp) -> CloneResponse {
        let body = match &request.body[..] {
            [] => None,
            bytes => Some(
                serde_json::from_slice(bytes)
                    .unwrap_or_else(|_| Value::String(String::from_utf8_lossy(bytes).into_owned())),
            ),
        };
        let at = match self.find(request, &arguments(&request.query, body)) {
            Ok(at) => at,
            Err(why) => {
                let what = format!(
                    "{} https://{}{} has no recorded answer: {why}",
                    request.method,
                    request.host,
                    likeness::cut(&request.path)
                );
                let told = json!({"error": "archal: no recorded answer", "message": what});
                return unrecorded(501, what, &told);
            }
        };
        self.given.insert(at);
        let found = &self.exchanges[at];
        let body = match &found.body {
            None => Rendered::default(),
            Some(Value::String(text)) => Bytes::from(text.clone()).into(),
            Some(document) => Rendered {
                wire: moved(document, self.started, &|at| {
                    let since = at.duration_since(self.started);
                    base.checked_add(since)
                        .map_or_else(|_| at.to_string(), rfc3339_seconds)
                }),
                evidence: moved(document, self.started, &|at| offset(at, self.started)),
            },
        };
        let is_document = matches!(&found.body, Some(body) if !body.is_string());
        let mut headers: Vec<(&'static str, String)> = HEADERS
            .iter()
            .filter_map(|name| Some((*name, found.headers.get(*name)?.clone())))
            .collect();
        if is_document && !headers.iter().any(|(name, _)| *name == "content-type") {
            headers.push(("content-type", "application/json".to_owned()));
        }
        CloneResponse {
            status: found.status,
            headers,
            body,
            ..CloneResponse::default()
        }
    }

    fn given(&self) -> usize {
        self.given.len()
    }
}

/// A document with each time in it written anew.
fn moved(document: &Value, started: Timestamp, write: &dyn Fn(Timestamp) -> String) -> Bytes {
    fn walk(value: &mut Value, write: &dyn Fn(Timestamp) -> String) {
        match value {
            Value::String(text) => {
                // Shorter ones are days and numbers, which may be anything.
                if text.len() >= 20
                    && let Ok(at) = text.parse::<Timestamp>()
                {
                    *text = write(at);
                }
            }
            Value::Array(items) => items.iter_mut().for_each(|item| walk(item, write)),
            Value::Object(fields) => fields.values_mut().for_each(|field| walk(field, write)),
            Value::Null | Value::Bool(_) | Value::Number(_) => {}
        }
    }
    let mut document = document.clone();
    if started != Timestamp::UNIX_EPOCH {
        walk(&mut document, write);
    }
    Bytes::from(document.to_string())
}

#[cfg(test)]
mod tests {
    use archal_core::clone::{OpenClone, Seed};

    use super::*;

    fn called(id: &str, line: &str, request: Value, status: u16, answer: Value) -> Span {
        let (method, url) = line.split_once(' ').expect("method and URL");
        Span {
            id: id.to_owned(),
            http: Some(HttpExchange {
                method: method.to_owned(),
                url: url.to_owned(),
                status: Some(status),
                request_body: Some(request).filter(|body| !body.is_null()),
                response_body: Some(answer).filter(|body| !body.is_null()),
                ..HttpExchange::default()
            }),
            ..Span::default()
        }
    }

    fn trace() -> Trace {
        let at = "2026-01-02T03:04:05Z";
        Trace {
            started_at: Some(at.parse().expect("a time")),
            spans: vec![
                called(
                    "1",
                    "GET https://rates.example.com/v1/rates?to=EUR&from=USD",
                    Value::Null,
                    200,
                    json!({"rate": 2, "at": at}),
                ),
                called(
                    "2",
                    "GET https://rates.example.com/v1/rates?to=EUR&from=USD",
                    Value::Null,
                    200,
                    json!({"rate": 3}),
                ),
                called(
                    "3",
                    "POST https://mail.example.com/send",
                    json!({"to": "a", "since": "2026-01-01T00:00:00Z"}),
                    202,
                    json!("queued"),
                ),
                called(
                    "4",
                    "GET https://mail.example.com/unread",
                    Value::Null,
                    200,
                    Value::Null,
                ),
                called("5", "GET http://10.0.0.1/", Value::Null, 200, json!({})),
                called(
                    "6",
                    "GET https://rates.example.com:8443/",
                    Value::Null,
                    200,
                    json!({}),
                ),
                called(
                    "7",
                    "GET https://api.openai.com/v1/models",
                    Value::Null,
                    200,
                    json!({}),
                ),
                called(
                    "8",
                    "GET https://api.echo.test/notes",
                    Value::Null,
                    200,
                    json!([]),
                ),
                called(
                    "9",
                    "PATCH https://mail.example.com/lists/1",
                    json!({"name": "a"}),
                    200,
                    Value::Null,
                ),
                called(
                    "10",
                    "DELETE https://mail.example.com/lists/1",
                    Value::Null,
                    204,
                    Value::Null,
                ),
            ],
            ..Trace::default()
        }
    }

    #[test]
    fn requests_get_their_recorded_answers_and_the_first_other_one_is_named() {
        let replay = Replayed::of(&trace(), &[archal_testkit::echo_clone::ECHO]);
        let stand_in = replay.stand_in().expect("something is replayed");
        assert_eq!(stand_in.hosts, ["mail.example.com", "rates.example.com"]);
        let base: Timestamp = "2026-06-01T00:00:00Z".parse().expect("a time");
        let mut clone = (stand_in.clone.open)(&OpenClone {
            base,
            ids: 1,
            seed: Seed::Document(&stand_in.recorded),
        })
        .expect("opened");
        let mut ask = |line: &str, body: Value| {
            let (method, url) = line.split_once(' ').expect("method and URL");
            let (host, rest) = url.split_once('/').expect("host and path");
            let (path, query) = rest.split_once('?').unwrap_or((rest, ""));
            let answer = clone.call(
                &CloneRequest {
                    method: method.to_owned(),
                    host: host.to_owned(),
                    path: format!("/{path}"),
                    query: query.to_owned(),
                    body: match body {
                        Value::Null => Bytes::new(),
                        body => Bytes::from(body.to_string()),
                    },
                    ..CloneRequest::default()
                },
                base,
            );
            let text = |bytes: &Bytes| String::from_utf8_lossy(bytes).into_owned();
            match answer.unmodelled {
                Some(why) => why,
                None => format!(
                    "{} {} {}",
                    answer.status,
                    text(&answer.body.wire),
                    text(&answer.body.evidence)
                ),
            }
        };
        let told = [
            ask(
                "GET rates.example.com/v1/rates?from=USD&to=EUR",
                Value::Null,
            ),
            ask(
                "GET rates.example.com/v1/rates?from=USD&to=EUR",
                Value::Null,
            ),
            ask(
                "GET rates.example.com/v1/rates?from=USD&to=EUR",
                Value::Null,
            ),
            ask(
                "GET rates.example.com/v1/rates?from=USD&to=GBP",
                Value::Null,
            ),
            ask(
                "POST mail.example.com/send",
                json!({"since": "2026-05-31T00:00:00Z", "to": "a"}),
            ),
            ask(
                "POST mail.example.com/send",
                json!({"since": "2026-05-31T00:00:00Z", "to": "b"}),
            ),
            ask("DELETE mail.example.com/send", Value::Null),
        ];
        insta::assert_snapshot!(told.join("\n"), @r#"
        200 {"at":"2026-06-01T00:00:00Z","rate":2} {"at":"+0s","rate":2}
        200 {"rate":3} {"rate":3}
        GET https://rates.example.com/v1/rates has no recorded answer: the trace has this call 2 times, and the agent makes it once more
        GET https://rates.example.com/v1/rates has no recorded answer: the agent sends `to` "GBP" where the trace has "EUR"
        202 queued queued
        POST https://mail.example.com/send has no recorded answer: the agent sends `body.to` "b" where the trace has "a"
        DELETE https://mail.example.com/send has no recorded answer: the trace has no call of it
        "#);
    }

    #[test]
    fn only_what_is_replayed_is_no_longer_missing() {
        let replay = Replayed::of(&trace(), &[archal_testkit::echo_clone::ECHO]);
        let missing = |clone: &str, span: &str| Missing {
            clone: clone.to_owned(),
            entity: String::new(),
            field: "state".to_owned(),
            why: String::new(),
            span: span.to_owned(),
            how: String::new(),
        };
        let mut all: Vec<Missing> = (1..=10)
            .map(|span| missing("none", &span.to_string()))
            .collect();
        all.push(missing("echo", "1"));
        replay.fills(&mut all);
        let left: Vec<&str> = all.iter().map(|one| one.span.as_str()).collect();
        assert_eq!(left, ["4", "5", "6", "7", "8", "9", "1"]);
        assert_eq!(
            Replayed::of(&Trace::default(), &[])
                .stand_in()
                .map(|made| made.hosts),
            None
        );
    }
}
