//! The report of a run, in Markdown, from its log.

use std::fmt::Write;

use serde_json::Value;

use super::dag;
use super::event::{Event, Kind};
use super::outline::{Outline, clean, cost_of, tokens_of};
use crate::report::style::harmless;

/// A finding as a verdict in a log tells it, in either format.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Told {
    severity: String,
    description: String,
}

/// The whole report.
pub fn document(events: &[Event]) -> String {
    let outline = Outline::of(events);
    let mut text = String::new();
    head(&mut text, &outline);
    if let Some(config) = events
        .iter()
        .find(|event| event.kind == Kind::RunStart)
        .and_then(|event| event.data.get("config"))
    {
        line(&mut text, "## Configuration\n");
        let config = match config {
            Value::String(config) => config.clone(),
            other => format!("{other:#}"),
        };
        fenced(&mut text, config.lines());
    }
    line(&mut text, "## Process Flow\n");
    let flow: Vec<String> = dag::render(events)
        .iter()
        .map(|line| harmless(line, false).into_owned())
        .collect();
    fenced(&mut text, flow.iter().map(String::as_str));
    phases(&mut text, events);
    comparison(&mut text, events);
    artifacts(&mut text, events);
    text
}

fn head(text: &mut String, outline: &Outline) {
    let task = if outline.task.is_empty() {
        "a run"
    } else {
        &outline.task
    };
    line(text, &format!("# Report: {task}\n"));
    let workflow = outline.workflow.as_deref().unwrap_or("unknown workflow");
    line(
        text,
        &format!(
            "> Run `{}` | Workflow: {workflow} | Team: {}\n",
            outline.run_id,
            outline.team.join(", ")
        ),
    );
    line(text, "## Overview\n");
    line(text, "| | |\n|---|---|");
    let cost = outline.cost_usd.map(|usd| format!("${usd:.2}"));
    for (name, value) in [
        ("Status", Some(outline.status.clone())),
        ("PDCA Cycles", Some(outline.cycles.to_string())),
        ("Agents", Some(outline.agents.to_string())),
        ("Fixes", Some(outline.fixes.to_string())),
        ("Shadows", Some(outline.shadows.to_string())),
        ("Duration", outline.seconds.map(duration)),
        ("Cost", cost),
    ] {
        if let Some(value) = value {
            line(text, &format!("| {name} | {} |", value.replace('|', "\\|")));
        }
    }
    for (name, figure) in &outline.figures {
        line(text, &format!("| {name} | {figure} |"));
    }
    line(text, "");
}

fn phases(text: &mut String, events: &[Event]) {
    line(text, "## Phases\n");
    let mut phase = "";
    for event in events {
        let entry = entry(event);
        if entry.is_empty() {
            continue;
        }
        if event.phase != phase {
            phase = &event.phase;
            line(text, &format!("### {}\n", clean(phase).to_uppercase()));
        }
        line(text, &entry);
        line(text, "");
    }
}

/// What the report says of an event; nothing of most.
fn entry(event: &Event) -> String {
    let said = |name: &str| event.text(name).map(clean).unwrap_or_default();
    let role = event.role().map(clean).unwrap_or_default();
    match &event.kind {
        Kind::AgentComplete => agent(event, &role),
        Kind::AgentFailed | Kind::AgentTimeout => {
            format!("**{role}** did not return: {}", said("reason"))
        }
        Kind::Decision => {
            let mut entry = format!("**Decision: {}** → {}", said("what"), said("chosen"));
            let rationale = said("rationale");
            if !rationale.is_empty() {
                entry.push_str(&format!(" — {rationale}"));
            }
            for rejected in list(event, "alternatives") {
                let part = |name: &str| rejected.get(name).and_then(Value::as_str).map(clean);
                let label = part("label").or_else(|| part("id")).unwrap_or_default();
                let reason = part("reason_rejected").unwrap_or_default();
                entry.push_str(&format!("\n- not {label}: {reason}"));
            }
            entry
        }
        Kind::DecisionPoint => format!("**{role}** decided: {}", said("decision")),
        Kind::ReviewVerdict => {
            let verdict = said("verdict").to_uppercase().replace('_', " ");
            let mut entry = format!("**{role}** → {verdict}");
            for finding in findings(event) {
                entry.push_str(&format!(
                    "\n- [{}] {}",
                    finding.severity, finding.description
                ));
            }
            entry
        }
        Kind::FixApplied => {
            let place = match event.number("line") {
                Some(line) => format!("{}:{line}", said("file")),
                None => said("file"),
            };
            format!(
                "**Fix** ({}): {} ({place})",
                said("source"),
                said("finding")
            )
        }
        Kind::EvidenceDowngrade => format!(
            "**Downgrade** ({role}): {} → {}, {}",
            said("from"),
            said("to"),
            said("reason").replace('_', " ")
        ),
        Kind::ShadowDetected => format!(
            "**Shadow** ({role}): {} — {}; {}",
            said("shadow"),
            said("trigger"),
            said("action").replace('_', " ")
        ),
        Kind::CycleBoundary => boundary(event),
        Kind::WiggumBreak => {
            let mut entry = format!("**Wiggum break** ({})", said("type"));
            for trigger in list(event, "triggers") {
                let reason = trigger.get("reason").and_then(Value::as_str).map(clean);
                entry.push_str(&format!("\n- {}", reason.unwrap_or_default()));
            }
            entry
        }
        Kind::RunMerged => format!("**Merged** into {} ({})", said("base"), said("strategy")),
        _ => String::new(),
    }
}

fn agent(event: &Event, role: &str) -> String {
    let mut facts = Vec::new();
    if let Some(ms) = event.number("duration_ms") {
        facts.push(duration(ms / 1000));
    }
    let tokens = tokens_of(event);
    if tokens > 0 {
        facts.push(format!("{tokens} tokens"));
    }
    if let Some(usd) = cost_of(event) {
        let estimated = event.is_estimated();
        facts.push(format!(
            "${usd:.2}{}",
            if estimated { " estimated" } else { "" }
        ));
    }
    let failed = event.data.get("error") == Some(&Value::Bool(true));
    let mut entry = format!("**{role}**");
    if failed {
        entry.push_str(" failed");
    }
    if !facts.is_empty() {
        entry.push_str(&format!(" ({})", facts.join(", ")));
    }
    if let Some(summary) = event
        .text("summary")
        .map(clean)
        .filter(|text| !text.is_empty())
    {
        entry.push_str(&format!(": {summary}"));
    }
    let names: Vec<String> = names(event).collect();
    if !names.is_empty() {
        entry.push_str(&format!("\n- artifacts: {}", names.join(", ")));
    }
    entry
}

fn boundary(event: &Event) -> String {
    let count = |name: &str| event.number(name).unwrap_or(0);
    let said = |name: &str| event.text(name).map(clean);
    let condition = said("exit_condition").unwrap_or_else(|| "none".to_owned());
    let next = said("decision")
        .or_else(|| said("next_action"))
        .unwrap_or_default();
    let counts = ["critical", "warning", "info"];
    let tally = if counts.iter().any(|name| event.number(name).is_some()) {
        format!(
            " ({} CRITICAL, {} WARNING, {} INFO)",
            count("critical"),
            count("warning"),
            count("info")
        )
    } else {
        String::new()
    };
    format!(
        "**Cycle {}/{}** — exit condition: {condition}{tally} → {next}",
        count("cycle"),
        count("max_cycles")
    )
}

/// What came, went and stayed from cycle to cycle, by what was said word for word.
fn comparison(text: &mut String, events: &[Event]) {
    let boundaries: Vec<u64> = events
        .iter()
        .filter(|event| event.kind == Kind::CycleBoundary)
        .map(|event| event.seq)
        .collect();
    if boundaries.len() < 2 {
        return;
    }
    line(text, "## Cycle Comparison\n");
    let mut cycles: Vec<Vec<Told>> = vec![Vec::new(); boundaries.len() + 1];
    for event in events
        .iter()
        .filter(|event| event.kind == Kind::ReviewVerdict)
    {
        let cycle = boundaries.partition_point(|seq| *seq < event.seq);
        for finding in findings(event) {
            if !cycles[cycle].contains(&finding) {
                cycles[cycle].push(finding);
            }
        }
    }
    // After the last boundary there is a cycle only where somebody said something.
    if cycles.last().is_some_and(Vec::is_empty) {
        cycles.pop();
    }
    for (number, pair) in (1..).zip(cycles.windows(2)) {
        let (before, after) = (&pair[0], &pair[1]);
        let number: u32 = number;
        line(text, &format!("### Cycle {number} → {}\n", number + 1));
        if before.is_empty() && after.is_empty() {
            line(text, "(No findings to compare)\n");
            continue;
        }
        let has =
            |all: &[Told], one: &Told| all.iter().any(|other| other.description == one.description);
        let fresh = after.iter().filter(|one| !has(before, one)).collect();
        let gone = before.iter().filter(|one| !has(after, one)).collect();
        let kept = after.iter().filter(|one| has(before, one)).collect();
        let lists: [(&str, Vec<&Told>); 3] =
            [("New", fresh), ("Resolved", gone), ("Persistent", kept)];
        for (name, list) in lists {
            if list.is_empty() {
                continue;
            }
            line(text, &format!("**{name}:**\n"));
            for told in list {
                line(text, &format!("- [{}] {}", told.severity, told.description));
            }
            line(text, "");
        }
    }
}

fn artifacts(text: &mut String, events: &[Event]) {
    let of_run = events
        .iter()
        .rev()
        .find(|event| event.kind == Kind::RunComplete)
        .map(|event| names(event).collect::<Vec<String>>())
        .filter(|names| !names.is_empty());
    let all = of_run.unwrap_or_else(|| {
        let mut all: Vec<String> = events
            .iter()
            .filter(|event| event.kind == Kind::AgentComplete)
            .flat_map(names)
            .collect();
        all.sort();
        all.dedup();
        all
    });
    if !all.is_empty() {
        line(text, "## Artifacts\n");
        for name in all {
            line(text, &format!("- `{name}`"));
        }
    }
}

fn names(event: &Event) -> impl Iterator<Item = String> {
    list(event, "artifacts").filter_map(|name| Some(clean(name.as_str()?)))
}

fn list<'a>(event: &'a Event, name: &str) -> impl Iterator<Item = &'a Value> + use<'a> {
    let list = event.data.get(name).and_then(Value::as_array);
    list.into_iter().flatten()
}

fn findings(event: &Event) -> impl Iterator<Item = Told> {
    list(event, "findings").map(|finding| {
        let part = |name: &str| finding.get(name).and_then(Value::as_str).map(clean);
        Told {
            severity: part("severity").unwrap_or_default().to_uppercase(),
            description: part("description").unwrap_or_default(),
        }
    })
}

/// Seconds as people say them.
pub fn duration(seconds: u64) -> String {
    match (seconds / 60, seconds % 60) {
        (0, seconds) => format!("{seconds}s"),
        (minutes, seconds) => format!("{minutes}m {seconds}s"),
    }
}

fn line(text: &mut String, line: &str) {
    text.push_str(line);
    text.push('\n');
}

/// A block in a fence that nothing in it can close.
fn fenced<'a>(text: &mut String, lines: impl Iterator<Item = &'a str> + Clone) {
    let longest = lines
        .clone()
        .map(|line| line.trim_start().chars().take_while(|c| *c == '`').count())
        .max()
        .unwrap_or(0);
    let fence = "`".repeat((longest + 1).max(3));
    line(text, &fence);
    for one in lines {
        line(text, &harmless(one, false));
    }
    let written = writeln!(text, "{fence}\n");
    debug_assert!(written.is_ok(), "a string takes everything");
}

#[cfg(test)]
mod tests;
