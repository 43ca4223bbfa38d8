//! Traces made from the shipped one: the same run of the same agent, under new ids and times.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};

/// The shipped trace.
const SHIPPED: &str =
    include_str!("../../examples/issue-janitor/traces/2026-11-20-sweep.otlp.json");
/// Its id.
const ID: &str = "54dfda3a4e38af25ae64ea7496a0d45b";
/// The issues of the short one: open ones, stale ones, and two with the label that is overlooked.
const KEPT: [u64; 6] = [52, 42, 41, 12, 10, 2];
/// Between two traces, in nanoseconds.
const APART: u64 = 1_000_000_000;

/// Which trace is made in numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// As it is shipped: 97 spans.
    Whole,
    /// The same with six issues instead of 46: 19 spans.
    Short,
}

/// A trace that can be made again under another id.
pub(crate) struct Template {
    document: Value,
}

impl Template {
    /// The shipped trace, or a short one made of it.
    pub(crate) fn new(kind: Kind) -> Self {
        let mut document: Value = serde_json::from_str(SHIPPED).expect("the shipped trace");
        if kind == Kind::Short {
            shorten(spans(&mut document));
        }
        Self { document }
    }

    /// The trace under the id of that number.
    pub(crate) fn bytes(&mut self, number: u64) -> Vec<u8> {
        let id = id(number);
        for span in spans(&mut self.document) {
            span["traceId"] = json!(id);
            for edge in ["startTimeUnixNano", "endTimeUnixNano"] {
                let time: u64 = text(&span[edge]).parse().expect("nanoseconds");
                span[edge] = json!((time + APART).to_string());
            }
        }
        serde_json::to_vec(&self.document).expect("JSON")
    }

    /// Writes a trace of that number to a file.
    pub(crate) fn write(&mut self, number: u64, path: &Path) {
        fs::write(path, self.bytes(number)).expect("a writable folder");
    }
}

/// The id of a trace, which is its name too.
pub(crate) fn id(number: u64) -> String {
    format!("{number:08x}{}", &ID[8..])
}

fn spans(document: &mut Value) -> &mut Vec<Value> {
    document["resourceSpans"][0]["scopeSpans"][0]["spans"]
        .as_array_mut()
        .expect("spans")
}

fn text(value: &Value) -> &str {
    value.as_str().expect("text")
}

fn attribute<'a>(span: &'a mut Value, key: &str) -> Option<&'a mut Value> {
    span["attributes"]
        .as_array_mut()?
        .iter_mut()
        .find(|attribute| attribute["key"] == key)
        .map(|attribute| &mut attribute["value"]["stringValue"])
}

/// Leaves the calls about [`KEPT`], and one page that lists them.
fn shorten(spans: &mut Vec<Value>) {
    let mut listed = Vec::new();
    for span in spans.iter_mut().filter(|span| span["name"] == "GET") {
        let body = attribute(span, "http.response.body").expect("a page");
        let page: Vec<Value> = serde_json::from_str(text(body)).expect("issues");
        let is_kept = |issue: &Value| issue["number"].as_u64().is_some_and(|n| KEPT.contains(&n));
        listed.extend(page.into_iter().filter(is_kept));
    }
    let page = Value::from(listed).to_string();
    let mut is_first = true;
    spans.retain_mut(|span| match text(&span["name"]) {
        "GET" => {
            let attributes = span["attributes"].as_array_mut().expect("attributes");
            attributes.retain(|attribute| attribute["key"] != "http.response.header.link");
            if let Some(body) = attribute(span, "http.response.body") {
                *body = json!(page);
            }
            std::mem::take(&mut is_first)
        }
        "POST" | "PATCH" => {
            let url = attribute(span, "url.full").expect("an address");
            let number = text(url).split('/').find_map(|part| part.parse().ok());
            number.is_some_and(|number: u64| KEPT.contains(&number))
        }
        "execute_tool list_stale_issues" => {
            let result = attribute(span, "gen_ai.tool.call.result").expect("a result");
            *result = json!("[42, 41, 12, 10, 2]");
            true
        }
        "execute_tool close_issue" => {
            let arguments = attribute(span, "gen_ai.tool.call.arguments").expect("arguments");
            let arguments: Value = serde_json::from_str(text(arguments)).expect("JSON");
            arguments["number"]
                .as_u64()
                .is_some_and(|n| KEPT.contains(&n))
        }
        _ => {
            let said = attribute(span, "gen_ai.output.messages").expect("an answer");
            *said = json!(text(said).replace("31 stale", "5 stale"));
            true
        }
    });
}
