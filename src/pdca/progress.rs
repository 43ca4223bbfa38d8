//! How a run goes on: `progress.md`, and the same as a document.

use std::fmt::Write;

use archal_core::clock::Timestamp;
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;

use super::dag;
use super::event::{Event, Kind};
use super::outline::{Outline, clean, cost_of, counted, seconds, tokens_of};
use super::report::duration;
use crate::report::style::harmless;

/// Where a run stands: the document of `archal pdca progress --json`.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct Progress {
    /// The run.
    pub run_id: String,
    /// Its task.
    pub task: String,
    /// Its workflow.
    pub workflow: Option<String>,
    /// `completed`, `running` while an agent works, `idle` between.
    pub status: String,
    /// The phase it is in.
    pub phase: String,
    /// The agent that works.
    pub active_agent: Option<String>,
    /// When it began.
    pub start_ts: Option<String>,
    /// What the agents cost.
    pub budget_used_usd: f64,
    /// What they may cost.
    pub budget_total_usd: Option<f64>,
    /// What was spent of it, in whole percent.
    pub budget_percent: Option<u64>,
    /// Agents that ended.
    pub completed: Vec<Done>,
    /// Agents that work.
    pub running: Vec<Working>,
    /// Phases that began.
    pub transitions: Vec<Turn>,
    /// Verdicts.
    pub verdicts: Vec<Said>,
    /// Findings that were fixed.
    pub fixes_count: u64,
    /// The kind of the last event.
    pub latest_event: Option<String>,
    /// How many there are.
    pub total_events: usize,
}

/// An agent that ended.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct Done {
    /// The event.
    pub seq: u64,
    /// Its role.
    pub agent: String,
    /// Its phase.
    pub phase: String,
    /// How long it took.
    pub duration_ms: Option<u64>,
    /// What it read and wrote.
    pub tokens: u64,
    /// What it cost.
    pub cost_usd: Option<f64>,
    /// Whether it gave no result.
    pub error: bool,
}

/// An agent that works.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Working {
    /// The event of its start.
    pub seq: u64,
    /// Its role.
    pub agent: String,
    /// Its phase.
    pub phase: String,
}

/// A phase that began.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Turn {
    /// The event.
    pub seq: u64,
    /// The phase before.
    pub from: String,
    /// The phase.
    pub to: String,
}

/// A verdict.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Said {
    /// The event.
    pub seq: u64,
    /// The reviewer.
    pub agent: String,
    /// In upper case.
    pub verdict: String,
    /// Its findings.
    pub findings: usize,
}

impl Progress {
    /// Where the run of a log stands.
    pub fn of(events: &[Event]) -> Self {
        let outline = Outline::of(events);
        let mut progress = Self {
            run_id: outline.run_id.clone(),
            task: outline.task.clone(),
            workflow: outline.workflow.clone(),
            status: String::new(),
            phase: String::new(),
            active_agent: None,
            start_ts: outline.started.clone(),
            budget_used_usd: outline.cost_usd.unwrap_or(0.0),
            budget_total_usd: events
                .iter()
                .filter(|event| event.kind == Kind::RunStart)
                .find_map(|event| event.amount("budget_usd")),
            budget_percent: None,
            completed: Vec::new(),
            running: Vec::new(),
            transitions: Vec::new(),
            verdicts: Vec::new(),
            fixes_count: outline.fixes,
            latest_event: events.last().map(|event| clean(event.kind.as_str())),
            total_events: events.len(),
        };
        for event in events {
            progress.take(event);
        }
        if outline.has_ended() {
            progress.running.clear();
        }
        progress.active_agent = progress.running.last().map(|one| one.agent.clone());
        progress.status = match (outline.has_ended(), progress.running.is_empty()) {
            (true, _) => "completed",
            (false, false) => "running",
            (false, true) => "idle",
        }
        .to_owned();
        progress.budget_percent = progress
            .budget_total_usd
            .filter(|total| *total > 0.0)
            .map(|total| percent(progress.budget_used_usd / total));
        progress
    }

    fn take(&mut self, event: &Event) {
        let agent = event.role().map(clean).unwrap_or_default();
        let text = |name: &str| event.text(name).map(clean).unwrap_or_default();
        if !event.phase.is_empty() {
            self.phase = clean(&event.phase);
        }
        match event.kind {
            // Whatever ran before a run goes on runs no more.
            Kind::RunStart => self.running.clear(),
            Kind::AgentStart => self.running.push(Working {
                seq: event.seq,
                agent,
                phase: clean(&event.phase),
            }),
            Kind::AgentComplete | Kind::AgentFailed | Kind::AgentTimeout => {
                // By its start, so that the agent of a later cycle is not taken for an earlier one.
                let own = self
                    .running
                    .iter()
                    .position(|one| event.parent.contains(&one.seq) && one.agent == agent)
                    .or_else(|| self.running.iter().position(|one| one.agent == agent));
                if let Some(own) = own {
                    self.running.remove(own);
                }
                let failed = event.data.get("error") == Some(&Value::Bool(true));
                self.completed.push(Done {
                    seq: event.seq,
                    agent,
                    phase: clean(&event.phase),
                    duration_ms: event.number("duration_ms"),
                    tokens: tokens_of(event),
                    cost_usd: cost_of(event),
                    error: failed || event.kind != Kind::AgentComplete,
                });
            }
            Kind::PhaseTransition => self.transitions.push(Turn {
                seq: event.seq,
                from: text("from"),
                to: text("to"),
            }),
            Kind::ReviewVerdict => {
                // In the seed's format the verdict is the end of a reviewer.
                self.running.retain(|one| one.agent != agent);
                self.verdicts.push(Said {
                    seq: event.seq,
                    agent,
                    verdict: text("verdict").to_uppercase().replace('_', " "),
                    findings: findings(event).len(),
                });
            }
            _ => {}
        }
    }

    /// `progress.md`.
    pub fn document(&self, events: &[Event], now: Timestamp) -> String {
        let mut out = format!("# Progress: {}\n\n", self.task);
        let phase = self.phase.to_uppercase();
        let status = match &self.active_agent {
            Some(agent) => format!("{} — {phase}: {agent}", self.status),
            None => format!("{} — {phase}", self.status),
        };
        push(&mut out, format!("**Status:** {status}"));
        let begun: Option<Timestamp> = self.start_ts.as_deref().and_then(|ts| ts.parse().ok());
        let last = events.last().and_then(Event::at);
        let until = if self.status == "completed" {
            last
        } else {
            Some(now)
        };
        let elapsed = begun.zip(until).and_then(|(from, to)| seconds(from, to));
        push(
            &mut out,
            format!(
                "**Started:** {} | **Elapsed:** {}",
                self.start_ts.as_deref().unwrap_or("unknown"),
                elapsed.map_or_else(|| "unknown".to_owned(), duration)
            ),
        );
        let used = self.budget_used_usd;
        push(
            &mut out,
            match (self.budget_total_usd, self.budget_percent) {
                (Some(total), Some(percent)) => {
                    format!("**Budget:** ${used:.2} / ${total:.2} ({percent}%)")
                }
                _ => format!("**Budget:** ${used:.2}, no budget set"),
            },
        );
        push(&mut out, "\n## Steps\n");
        for (_, line) in self.steps() {
            push(&mut out, line);
        }
        push(
            &mut out,
            format!(
                "\n## Latest Event\n\n{} ({} events)\n\n## Flow\n\n```",
                self.latest_event.as_deref().unwrap_or("none"),
                self.total_events
            ),
        );
        for line in dag::render(events) {
            // A fence in a log would close the block.
            push(&mut out, harmless(&line, false).replace("```", "'''"));
        }
        push(&mut out, "```");
        out
    }

    /// Steps done and under way, by number.
    fn steps(&self) -> Vec<(u64, String)> {
        let mut steps = Vec::new();
        for done in &self.completed {
            let mut facts = Vec::new();
            facts.extend(done.duration_ms.map(|ms| duration(ms / 1000)));
            if done.tokens >= 1000 {
                facts.push(format!("{}k tok", done.tokens / 1000));
            } else if done.tokens > 0 {
                facts.push(format!("{} tok", done.tokens));
            }
            facts.extend(done.cost_usd.map(|usd| format!("${usd:.2}")));
            if done.error {
                facts.push("failed".to_owned());
            }
            let facts = if facts.is_empty() {
                String::new()
            } else {
                format!(" ({})", facts.join(", "))
            };
            let line = format!("- [x] {}: {}{facts}", done.phase.to_uppercase(), done.agent);
            steps.push((done.seq, line));
        }
        for one in &self.running {
            let line = format!(
                "- [ ] **{}: {}** <- running",
                one.phase.to_uppercase(),
                one.agent
            );
            steps.push((one.seq, line));
        }
        for turn in &self.transitions {
            steps.push((turn.seq, format!("- [x] {} -> {}", turn.from, turn.to)));
        }
        for said in &self.verdicts {
            let line = format!(
                "- [x] {}: {} ({})",
                said.agent,
                said.verdict,
                counted(said.findings as u64, "finding")
            );
            steps.push((said.seq, line));
        }
        steps.sort_by_key(|(seq, _)| *seq);
        steps
    }
}

fn findings(event: &Event) -> &[Value] {
    let list = event.data.get("findings").and_then(Value::as_array);
    list.map(Vec::as_slice).unwrap_or_default()
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "the share is finite and not negative; a cast that is too large saturates"
)]
fn percent(share: f64) -> u64 {
    (share * 100.0).round() as u64
}

fn push(out: &mut String, line: impl AsRef<str>) {
    let written = writeln!(out, "{}", line.as_ref());
    debug_assert!(written.is_ok(), "a string takes everything");
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pdca::log::parse;

    const LOG: &str = r#"{"ts":"2026-04-03T10:00:00Z","run_id":"r","seq":1,"parent":[],"type":"run.start","phase":"plan","data":{"task":"Add auth","workflow":"fast","max_cycles":2,"budget_usd":2}}
{"seq":2,"parent":[1],"type":"agent.start","phase":"plan","agent":"creator"}
{"seq":3,"parent":[2],"type":"agent.complete","phase":"plan","agent":"creator","data":{"duration_ms":87000,"tokens":21500,"estimated_cost_usd":0.5}}
{"seq":4,"parent":[3],"type":"phase.transition","phase":"check","data":{"from":"do","to":"check"}}
{"seq":5,"parent":[4],"type":"agent.start","phase":"check","agent":"guardian"}
{"seq":6,"parent":[5],"type":"agent.complete","phase":"check","agent":"guardian","data":{"duration_ms":1000}}
{"seq":7,"parent":[5],"type":"review.verdict","phase":"check","agent":"guardian","data":{"verdict":"rejected","findings":[{"severity":"critical","description":"x"}]}}
{"seq":8,"parent":[7],"type":"cycle.boundary","phase":"act","data":{"cycle":1,"max_cycles":2,"next_action":"cycle_back"}}
{"seq":9,"parent":[8],"type":"agent.start","phase":"plan","agent":"creator"}
"#;

    #[test]
    fn the_agent_of_a_second_cycle_is_not_taken_for_the_first() {
        let events = parse(LOG.as_bytes()).events;
        let progress = Progress::of(&events);
        assert_eq!(progress.status, "running");
        assert_eq!(progress.active_agent.as_deref(), Some("creator"));
        assert_eq!(progress.running[0].seq, 9);
        assert_eq!(progress.budget_percent, Some(25));
        assert_eq!(Progress::of(&events[..4]).status, "idle");
        let now = "2026-04-03T10:02:00Z".parse().expect("a time");
        insta::assert_snapshot!(progress.document(&events, now));
    }
}
