//! Traces for tests, recorded from calls that a clone really answers.

use std::collections::BTreeMap;

use archal_core::clone::{CloneDescriptor, CloneRequest, OpenClone, Seed, ServiceClone};
use archal_core::grade::{Finding, Negation, Owner};
use archal_core::trace::{HttpExchange, Span, SpanKind, ToolCall, Trace, TraceIdentity};
use bytes::Bytes;
use jiff::Timestamp;
use serde_json::{Value, json};

use crate::reconstruct::exchanges::TracedCalls;
use crate::reconstruct::replay::Replay;
use crate::reconstruct::tools::Tools;
use crate::reconstruct::{self, Context, Reconstruction, exchanges};

/// The clones there are.
pub(crate) fn clones() -> &'static [CloneDescriptor] {
    archal_clones::ALL
}

/// A trace that is being recorded.
pub(crate) struct Recording {
    clone: Box<dyn ServiceClone>,
    pub(crate) trace: Trace,
    seconds: i64,
}

impl Recording {
    /// Begins on a repository with three open issues, the second labelled `keep-open`.
    pub(crate) fn begin() -> Self {
        let base: Timestamp = "2026-03-01T12:00:00Z".parse().expect("a time");
        let seed = json!({
            "users": [{"login": "acme"}, {"login": "mona"}],
            "repos": [{"full_name": "acme/shop"}],
            "labels": [{"repo": "acme/shop", "name": "keep-open"}],
            "issues": [
                {"repo": "acme/shop", "number": 1, "title": "Crash", "created_at": "-200d", "updated_at": "-150d"},
                {"repo": "acme/shop", "number": 2, "title": "Typo", "labels": ["keep-open"], "created_at": "-200d", "updated_at": "-150d"},
                {"repo": "acme/shop", "number": 3, "title": "Slow", "created_at": "-20d", "updated_at": "-10d"},
            ],
        });
        let github = clones().iter().find(|clone| clone.name == "github");
        let opened = (github.expect("there").open)(&OpenClone {
            base,
            ids: 7,
            seed: Seed::Document(&seed),
        });
        Self {
            clone: opened.expect("a seed"),
            trace: Trace {
                id: "t-1".to_owned(),
                name: "sweep".to_owned(),
                input: Some(json!("Close stale issues in acme/shop")),
                started_at: Some(base),
                ..Trace::default()
            },
            seconds: 0,
        }
    }

    fn next(&mut self) -> (String, Timestamp) {
        self.seconds += 1;
        let start = self.trace.started_at.expect("set");
        let at = start
            .checked_add(jiff::SignedDuration::from_secs(self.seconds))
            .expect("in range");
        (format!("s-{}", self.seconds), at)
    }

    /// Makes a call of GitHub.
    pub(crate) fn call(&mut self, method: &str, path: &str, body: Option<Value>) -> Value {
        let (id, at) = self.next();
        let github = clones().iter().find(|clone| clone.name == "github");
        let (_, credential) = github.expect("there").credentials[0];
        let (path_only, query) = path.split_once('?').unwrap_or((path, ""));
        let response = self.clone.call(
            &CloneRequest {
                method: method.to_owned(),
                scheme: "https".to_owned(),
                host: "api.github.com".to_owned(),
                path: path_only.to_owned(),
                query: query.to_owned(),
                headers: vec![
                    ("accept".to_owned(), "application/json".to_owned()),
                    ("user-agent".to_owned(), "test".to_owned()),
                    ("authorization".to_owned(), format!("Bearer {credential}")),
                    ("content-type".to_owned(), "application/json".to_owned()),
                ],
                body: body
                    .as_ref()
                    .map_or_else(Bytes::new, |body| Bytes::from(body.to_string())),
                spool: None,
            },
            at,
        );
        let answer: Value = serde_json::from_slice(&response.body.wire).unwrap_or(Value::Null);
        let headers: BTreeMap<String, String> = response
            .headers
            .iter()
            .map(|(name, value)| ((*name).to_owned(), value.clone()))
            .collect();
        self.trace.spans.push(Span {
            id,
            kind: SpanKind::Http,
            started_at: Some(at),
            http: Some(HttpExchange {
                method: method.to_owned(),
                url: format!("https://api.github.com{path}"),
                status: Some(response.status),
                response_headers: headers,
                request_body: body,
                response_body: Some(answer.clone()),
                ..HttpExchange::default()
            }),
            ..Span::default()
        });
        answer
    }

    /// Lists the open issues, as an agent does that looks first.
    pub(crate) fn list(&mut self) {
        self.call(
            "GET",
            "/repos/acme/shop/issues?state=open&per_page=30",
            None,
        );
    }

    /// Closes an issue.
    pub(crate) fn close(&mut self, number: u64) {
        let path = format!("/repos/acme/shop/issues/{number}");
        self.call("PATCH", &path, Some(json!({"state": "closed"})));
    }

    /// Comments on an issue.
    pub(crate) fn comment(&mut self, number: u64) {
        let path = format!("/repos/acme/shop/issues/{number}/comments");
        self.call("POST", &path, Some(json!({"body": "no activity"})));
    }

    /// What the agent was asked, and what it answers; after instructions, where there are some.
    pub(crate) fn says(&mut self, instructions: Option<&str>, asked: &str, answer: &str) {
        let (id, at) = self.next();
        let message = |role: &str, text: &str| json!({"role": role, "parts": [{"type": "text", "text": text}]});
        let mut messages: Vec<Value> = instructions
            .map(|text| message("system", text))
            .into_iter()
            .collect();
        messages.push(message("user", asked));
        messages.push(message("assistant", answer));
        let span = json!({"id": id, "name": "chat", "kind": "llm", "startedAt": at, "llm": {"messages": messages}});
        let span: Span = serde_json::from_value(span).expect("a span");
        self.trace.spans.push(span);
    }

    /// A call of a tool that no service is known to answer.
    pub(crate) fn tool(&mut self, name: &str, arguments: Value, result: Value) {
        let (id, at) = self.next();
        self.trace.spans.push(Span {
            id,
            kind: SpanKind::Tool,
            started_at: Some(at),
            tool: Some(ToolCall {
                name: name.to_owned(),
                arguments: Some(arguments),
                result: Some(result),
                ..ToolCall::default()
            }),
            ..Span::default()
        });
    }
}

/// A trace with what grading makes of it before it decides.
pub(crate) struct Looked<'a> {
    pub(crate) trace: &'a Trace,
    pub(crate) rebuilt: Reconstruction,
    pub(crate) traced: TracedCalls<'a>,
    pub(crate) replay: Result<Replay, String>,
}

impl<'a> Looked<'a> {
    pub(crate) fn at(trace: &'a Trace) -> Self {
        let tools = Tools::default();
        let context = Context {
            clones: clones(),
            tools: &tools,
            owned: &[],
        };
        let rebuilt = reconstruct::reconstruct(trace, &context);
        let traced = exchanges::of(trace, &context);
        let replay = match rebuilt.missing.first() {
            Some(missing) => Err(format!("{} is not known", missing.entity)),
            None => Replay::run(&rebuilt, &traced, clones())
                .map_err(|refused| refused[0].message.clone()),
        };
        Self {
            trace,
            rebuilt,
            traced,
            replay,
        }
    }

    pub(crate) fn replay(&self) -> Result<&Replay, &str> {
        self.replay.as_ref().map_err(String::as_str)
    }
}

/// The identity of the recorded trace.
pub(crate) fn identity() -> TraceIdentity {
    TraceIdentity {
        source: "file".to_owned(),
        project: "shop".to_owned(),
        trace: "t-1".to_owned(),
    }
}

/// A finding of an earlier tier, as sure as that.
pub(crate) fn finding(rule: &str, confidence: f64, cel: Option<&str>) -> Finding {
    Finding {
        rule: rule.to_owned(),
        subject: "calls".to_owned(),
        summary: format!("{rule} fired"),
        spans: vec!["s-2".to_owned()],
        excerpt: String::new(),
        owner: Owner::Agent,
        confidence,
        operation: None,
        entity: None,
        rows: Vec::new(),
        negation: cel.map(|cel| Negation {
            sentence: format!("What {rule} asks for holds"),
            cel: cel.to_owned(),
        }),
    }
}
