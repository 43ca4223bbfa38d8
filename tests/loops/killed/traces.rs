//! Traces made of the example's own: one fact of each is changed.

use std::collections::BTreeSet;

use archal_testkit::cli::TestEnv;
use serde_json::Value;

const TRACE: &str =
    include_str!("../../../examples/issue-janitor/traces/2026-11-20-sweep.otlp.json");
/// The id of the example's trace.
const OWN_ID: &str = "54dfda3a4e38af25ae64ea7496a0d45b";

/// The example's trace alone: it ends fixed.
pub(super) fn one(world: &TestEnv, folder: &str) {
    world.write(format!("{folder}/first.json"), TRACE);
}

/// Traces that end in different ways, and a file that is none. Of the three that show one
/// failure the one with the hostile id is worked on, since it comes first.
pub(super) fn several(world: &TestEnv, folder: &str) {
    one(world, folder);
    let write = |name: &str, text: &str| world.write(format!("{folder}/{name}"), text);
    write("second.json", &with_id("64dfda3a4e38af25ae64ea7496a0d45b"));
    write("hostile.json", &with_id("../../x"));
    write("cut.json", &TRACE[..TRACE.len() / 2]);
    others(world, folder);
}

/// A trace that shows no failure and one that is blocked.
pub(super) fn others(world: &TestEnv, folder: &str) {
    let write = |name: &str, text: &str| world.write(format!("{folder}/{name}"), text);
    write("ok.json", &harmless("84dfda3a4e38af25ae64ea7496a0d45b"));
    write(
        "blocked.json",
        &without_a_page("74dfda3a4e38af25ae64ea7496a0d45b"),
    );
}

fn with_id(id: &str) -> String {
    TRACE.replace(OWN_ID, id)
}

/// Without the second page of the list of issues.
fn without_a_page(id: &str) -> String {
    let mut lists = 0;
    changed(id, |span| {
        lists += u32::from(span["name"] == "GET");
        span["name"] != "GET" || lists != 2
    })
}

/// Without whatever was done to issues that are to be kept.
fn harmless(id: &str) -> String {
    let mut kept = BTreeSet::new();
    changed(id, |span| {
        if span["name"] == "GET" {
            let body = attribute(span, "http.response.body").expect("a body");
            let issues: Vec<Value> = serde_json::from_str(&body).expect("a list");
            for issue in issues {
                let mut labels = issue["labels"].as_array().expect("a list").iter();
                if labels.any(|label| label["name"] == "keep-open") {
                    kept.insert(issue["number"].as_u64().expect("a number"));
                }
            }
        }
        number(span).is_none_or(|number| !kept.contains(&number))
    })
}

fn changed(id: &str, mut keep: impl FnMut(&Value) -> bool) -> String {
    let mut trace: Value = serde_json::from_str(&with_id(id)).expect("JSON");
    trace["resourceSpans"][0]["scopeSpans"][0]["spans"]
        .as_array_mut()
        .expect("spans")
        .retain(|span| keep(span));
    trace.to_string()
}

/// The issue that a span is about.
fn number(span: &Value) -> Option<u64> {
    if let Some(arguments) = attribute(span, "gen_ai.tool.call.arguments") {
        let arguments: Value = serde_json::from_str(&arguments).expect("JSON");
        return arguments["number"].as_u64();
    }
    let address = attribute(span, "url.full")?;
    let (_, after) = address.split_once("/issues/")?;
    after.split('/').next()?.parse().ok()
}

fn attribute(span: &Value, name: &str) -> Option<String> {
    let attributes = span["attributes"].as_array().expect("a list");
    let found = attributes.iter().find(|one| one["key"] == name)?;
    Some(found["value"]["stringValue"].as_str()?.to_owned())
}
