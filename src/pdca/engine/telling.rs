//! What is told of an agent: in the log, and in a line for people.

use serde_json::{Map, Value, json};

use crate::pdca::finding::Status;
use crate::pdca::role::{Phase, Role};

use super::agent::Said;

/// Letters of an answer's first line that are told as its summary.
const SUMMARY: usize = 120;

/// What the log says of an agent that has ended.
pub(super) fn facts(role: Role, said: &Said, names: &[&str]) -> Map<String, Value> {
    let mut data = Map::new();
    let mut set = |name: &str, value: Value| {
        data.insert(name.to_owned(), value);
    };
    set("archetype", json!(role));
    set("duration_ms", said.duration_ms.into());
    set("artifacts", json!(names));
    set("summary", summary(&said.text).into());
    set("process", said.process.into());
    if said.status != Status::Done {
        set("status", said.status.name().into());
    }
    if let Some((input, output)) = said.tokens {
        set("tokens_input", input.into());
        set("tokens_output", output.into());
    }
    set("estimated_cost_usd", json!(said.cost_usd));
    if said.cost_estimated {
        set("cost_estimated", true.into());
    }
    if let Some(model) = &said.model {
        set("model", model.as_str().into());
    }
    data
}

/// How a line of the display begins.
pub(super) fn mark(phase: Phase) -> String {
    let mark = match phase {
        Phase::Plan => "[Plan]",
        Phase::Do => "[Do]",
        Phase::Check => "[Check]",
        Phase::Act => "[Act]",
    };
    format!("{mark:<7}")
}

/// A line of the display before what came of it.
pub(super) fn heading(role: Role) -> String {
    format!("{} {} {}...", mark(role.phase()), title(role), doing(role))
}

/// A role's name as a line of the display has it.
pub(super) fn title(role: Role) -> String {
    let mut name = role.name().to_owned();
    name[..1].make_ascii_uppercase();
    name
}

/// What a role does.
pub(super) fn doing(role: Role) -> &'static str {
    match role {
        Role::Explorer => "researching",
        Role::Creator => "designing proposal",
        Role::Maker => "implementing",
        Role::Guardian | Role::Sage => "reviewing",
        Role::Skeptic => "challenging",
        Role::Trickster => "attacking",
    }
}

/// Milliseconds as seconds.
pub(super) fn seconds(milliseconds: u64) -> f64 {
    std::time::Duration::from_millis(milliseconds).as_secs_f64()
}

/// The first line that says something and is no heading.
pub(super) fn summary(text: &str) -> String {
    let line = text
        .lines()
        .map(str::trim)
        .find(|line| !line.is_empty() && !line.starts_with('#') && !line.starts_with('|'))
        .unwrap_or_default();
    line.chars().take(SUMMARY).collect()
}
