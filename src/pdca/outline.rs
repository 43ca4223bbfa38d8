//! What a log comes to: task, status, counts, time and money of its run, in either format.

use std::collections::BTreeMap;

use archal_core::clock::Timestamp;
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;

use super::event::{Event, Kind};
use super::metrics;
use crate::report::style::harmless;

/// A run as its log tells it. Numbers of logs are not trusted: what is none is absent.
#[derive(Debug, Clone, Default, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Outline {
    /// The run.
    pub run_id: String,
    /// Its task.
    pub task: String,
    /// Its workflow; the one it was raised to, where it was.
    pub workflow: Option<String>,
    /// How it ended; `in-progress` while it has not.
    pub status: String,
    /// The roles that took part.
    pub team: Vec<String>,
    /// Its cycles.
    pub cycles: u64,
    /// The most it may have.
    pub max_cycles: Option<u64>,
    /// Agents that ended.
    pub agents: u64,
    /// Findings that were fixed.
    pub fixes: u64,
    /// Failure modes that showed.
    pub shadows: u64,
    /// From start to end, in seconds.
    pub seconds: Option<u64>,
    /// What the agents cost.
    pub cost_usd: Option<f64>,
    /// The figures of its domain that archal counted, by name.
    pub figures: BTreeMap<String, i64>,
    /// When it began.
    pub started: Option<String>,
}

/// The status of a run whose merge was taken back.
pub const ROLLED_BACK: &str = "rolled_back";
/// The status of a run that has not ended.
pub const IN_PROGRESS: &str = "in-progress";

impl Outline {
    /// The outline of a log.
    pub fn of(events: &[Event]) -> Self {
        let mut outline = Self {
            status: IN_PROGRESS.to_owned(),
            ..Self::default()
        };
        let mut roles: Vec<String> = Vec::new();
        let mut cost = None;
        let mut ended: Option<&Event> = None;
        let mut completed = 0;
        let mut fixed = 0;
        let mut shown = 0;
        for event in events {
            if outline.run_id.is_empty() {
                outline.run_id = clean(&event.run_id);
            }
            match &event.kind {
                Kind::RunStart => {
                    outline.begin(event);
                    // A run that goes on has not ended.
                    ended = None;
                    outline.status = IN_PROGRESS.to_owned();
                }
                Kind::AgentStart | Kind::AgentComplete | Kind::ReviewVerdict => {
                    let role = event.role().map(clean).unwrap_or_default();
                    if !role.is_empty() && !roles.contains(&role) {
                        roles.push(role);
                    }
                    if event.kind == Kind::AgentComplete {
                        completed += 1;
                        cost = cost_of(event).map(|usd| usd + cost.unwrap_or(0.0)).or(cost);
                    }
                }
                Kind::FixApplied => fixed += 1,
                Kind::ShadowDetected => shown += 1,
                Kind::CycleBoundary => {
                    outline.cycles = outline.cycles.max(event.number("cycle").unwrap_or(0));
                    outline.max_cycles = event.number("max_cycles").or(outline.max_cycles);
                }
                Kind::RunComplete => {
                    ended = Some(event);
                    outline.status = event.text("status").map_or("completed".to_owned(), clean);
                }
                Kind::RunMerged => outline.status = "merged".to_owned(),
                Kind::Decision if event.text("what") == Some("rollback") => {
                    outline.status = ROLLED_BACK.to_owned();
                }
                _ => {}
            }
        }
        if outline.team.is_empty() {
            outline.team = roles;
        }
        let said = |names: &[&str]| names.iter().find_map(|name| ended?.number(name));
        outline.cycles = said(&["cycles"]).unwrap_or(outline.cycles.max(1));
        outline.agents = said(&["agents_total", "agents"]).unwrap_or(completed);
        outline.fixes = said(&["fixes_total", "fixes"]).unwrap_or(fixed);
        outline.shadows = said(&["shadows"]).unwrap_or(shown);
        outline.cost_usd = cost;
        outline.figures = ended
            .into_iter()
            .flat_map(|end| {
                let figure =
                    |name: &&str| Some(((*name).to_owned(), end.data.get(*name)?.as_i64()?));
                metrics::COUNTED.iter().filter_map(figure)
            })
            .collect();
        outline.seconds = ended.and_then(|end| {
            end.number("duration_ms")
                .map(|ms| ms / 1000)
                .or_else(|| seconds(outline.begun()?, end.at()?))
        });
        outline
    }

    fn begin(&mut self, event: &Event) {
        if self.started.is_none() {
            self.task = event.text("task").map(clean).unwrap_or_default();
            self.started = event.at().map(|_| event.ts.clone());
        }
        if let Some(workflow) = event.text("workflow") {
            self.workflow = Some(clean(workflow));
        }
        self.max_cycles = event.number("max_cycles").or(self.max_cycles);
        match event.data.get("team") {
            Some(Value::String(team)) => self.team = vec![clean(team)],
            Some(Value::Array(team)) => {
                self.team = team.iter().filter_map(Value::as_str).map(clean).collect();
            }
            _ => {}
        }
    }

    /// When it began.
    pub fn begun(&self) -> Option<Timestamp> {
        self.started.as_deref()?.parse().ok()
    }

    /// Whether it has ended, however.
    pub fn has_ended(&self) -> bool {
        self.status != IN_PROGRESS
    }

    /// One line about it.
    pub fn line(&self) -> String {
        if !self.has_ended() {
            return format!("[{IN_PROGRESS}] {} [{}]", self.task, self.run_id);
        }
        let lasted = match self.seconds {
            None => String::new(),
            Some(seconds) if seconds < 60 => " (<1 min)".to_owned(),
            Some(seconds) => format!(" (~{} min)", (seconds + 30) / 60),
        };
        format!(
            "[{}] {} — {}, {}, {}{lasted} [{}]",
            self.status,
            self.task,
            counted(self.cycles, "cycle"),
            counted(self.agents, "agent"),
            counted(self.fixes, "fix"),
            self.run_id
        )
    }
}

/// So many cycles, agents, fixes, findings.
pub fn counted(number: u64, noun: &str) -> String {
    let plural = match (number, noun) {
        (1, _) => "",
        (_, "fix") => "es",
        _ => "s",
    };
    format!("{number} {noun}{plural}")
}

/// What an agent cost, in either format.
pub fn cost_of(event: &Event) -> Option<f64> {
    event
        .amount("estimated_cost_usd")
        .or_else(|| event.amount("cost_usd"))
}

/// The tokens of an agent, in either format.
pub fn tokens_of(event: &Event) -> u64 {
    let part = |name| event.number(name).unwrap_or(0);
    match event.number("tokens") {
        Some(tokens) => tokens,
        None => part("tokens_input").saturating_add(part("tokens_output")),
    }
}

/// Whole seconds from one time to a later one.
pub fn seconds(from: Timestamp, to: Timestamp) -> Option<u64> {
    u64::try_from(to.duration_since(from).as_secs()).ok()
}

/// A text of a log on one line, without what a terminal would act on.
pub fn clean(text: &str) -> String {
    let spaced: String = text
        .chars()
        .map(|c| {
            if matches!(
                c,
                '\n' | '\r' | '\t' | '\u{2028}' | '\u{2029}' | '\u{1e}' | '\u{1f}'
            ) {
                ' '
            } else {
                c
            }
        })
        .collect();
    harmless(&spaced, false).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pdca::log::parse;

    #[test]
    fn a_run_of_either_format_is_told_in_a_line() {
        let seed = r#"{"ts":"2026-04-03T10:00:00Z","run_id":"r","seq":1,"parent":[],"type":"run.start","phase":"plan","agent":null,"data":{"task":"Add \u001b[2Jauth","workflow":"fast","max_cycles":1}}
{"ts":"2026-04-03T10:00:10Z","run_id":"r","seq":2,"parent":[1],"type":"agent.complete","phase":"plan","agent":"creator","data":{"cost_usd":0.5}}
"#;
        let outline = Outline::of(&parse(seed.as_bytes()).events);
        assert_eq!(outline.line(), "[in-progress] Add auth [r]");
        assert_eq!((outline.agents, outline.cost_usd), (1, Some(0.5)));
        let ended = seed.to_owned()
            + r#"{"ts":"2026-04-03T10:03:10Z","run_id":"r","seq":3,"parent":[],"type":"run.complete","phase":"act","agent":null,"data":{"status":"completed","cycles":1,"agents_total":3,"fixes_total":"many","shadows":0}}
"#;
        let outline = Outline::of(&parse(ended.as_bytes()).events);
        assert_eq!(
            outline.line(),
            "[completed] Add auth — 1 cycle, 3 agents, 0 fixes (~3 min) [r]"
        );
        let merged = ended
            + r#"{"seq":4,"type":"run.merged","phase":"act","data":{"base":"main"}}
{"seq":5,"type":"decision","phase":"act","data":{"what":"rollback","chosen":"revert"}}
{"seq":6,"type":"run.start","phase":"do","data":{"resumed_from":"do","team":["maker"]}}
"#;
        let events = parse(merged.as_bytes()).events;
        assert_eq!(Outline::of(&events[..4]).status, "merged");
        assert_eq!(Outline::of(&events[..5]).status, ROLLED_BACK);
        let resumed = Outline::of(&events);
        assert_eq!(
            (resumed.status.as_str(), resumed.task.as_str()),
            ("in-progress", "Add auth")
        );
        assert_eq!(resumed.team, ["maker"]);
    }
}
