//! Events: one line of a run's log each, and the rule for what an event follows from.

use std::fmt;

use archal_core::clock::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::role::{Phase, Role};

/// What kind of event it is. Types that are not known are kept as they are.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Kind {
    /// A run began, or went on.
    RunStart,
    /// An agent was started.
    AgentStart,
    /// An agent ended.
    AgentComplete,
    /// An agent did not return a result (later format).
    AgentFailed,
    /// An agent did not return in time (later format).
    AgentTimeout,
    /// A phase began.
    PhaseTransition,
    /// Something was decided by rule.
    Decision,
    /// Something was decided by an agent.
    DecisionPoint,
    /// A reviewer's verdict.
    ReviewVerdict,
    /// A finding was fixed.
    FixApplied,
    /// A finding without evidence was made an `INFO`.
    EvidenceDowngrade,
    /// A failure mode of a role showed.
    ShadowDetected,
    /// A cycle ended.
    CycleBoundary,
    /// A circuit broke.
    WiggumBreak,
    /// A run ended.
    RunComplete,
    /// A run was merged after it had ended.
    RunMerged,
    /// Any other.
    Other(String),
}

const KINDS: [(Kind, &str); 16] = [
    (Kind::RunStart, "run.start"),
    (Kind::AgentStart, "agent.start"),
    (Kind::AgentComplete, "agent.complete"),
    (Kind::AgentFailed, "agent.failed"),
    (Kind::AgentTimeout, "agent.timeout"),
    (Kind::PhaseTransition, "phase.transition"),
    (Kind::Decision, "decision"),
    (Kind::DecisionPoint, "decision.point"),
    (Kind::ReviewVerdict, "review.verdict"),
    (Kind::FixApplied, "fix.applied"),
    (Kind::EvidenceDowngrade, "evidence.downgrade"),
    (Kind::ShadowDetected, "shadow.detected"),
    (Kind::CycleBoundary, "cycle.boundary"),
    (Kind::WiggumBreak, "wiggum.break"),
    (Kind::RunComplete, "run.complete"),
    (Kind::RunMerged, "run.merged"),
];

impl Kind {
    /// The text in the log.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Other(text) => text,
            known => KINDS
                .iter()
                .find(|(kind, _)| kind == known)
                .map_or("", |(_, text)| text),
        }
    }
}

impl From<&str> for Kind {
    fn from(text: &str) -> Self {
        KINDS
            .into_iter()
            .find(|(_, known)| *known == text)
            .map_or_else(|| Self::Other(text.to_owned()), |(kind, _)| kind)
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Serialize for Kind {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for Kind {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Self::from(String::deserialize(deserializer)?.as_str()))
    }
}

/// A line of a run's log.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Event {
    /// When, in UTC with whole seconds.
    pub ts: String,
    /// The run.
    pub run_id: String,
    /// From 1, without gaps.
    pub seq: u64,
    /// The events it follows from; none for a root.
    pub parent: Vec<u64>,
    /// What kind it is.
    #[serde(rename = "type")]
    #[schemars(with = "String")]
    pub kind: Kind,
    /// The phase it belongs to: `plan`, `do`, `check` or `act`.
    pub phase: String,
    /// The role, where it is about one.
    pub agent: Option<String>,
    /// The rest, by kind.
    pub data: Map<String, Value>,
}

impl Event {
    /// When, where the log says it readably.
    pub fn at(&self) -> Option<Timestamp> {
        self.ts.parse().ok()
    }

    /// A text of its data.
    pub fn text(&self, name: &str) -> Option<&str> {
        self.data.get(name).and_then(Value::as_str)
    }

    /// A whole number of its data; what is none counts as absent.
    pub fn number(&self, name: &str) -> Option<u64> {
        self.data.get(name).and_then(Value::as_u64)
    }

    /// Any finite number of its data that is not negative; what is none counts as absent.
    pub fn amount(&self, name: &str) -> Option<f64> {
        let number = self.data.get(name).and_then(Value::as_f64);
        number.filter(|number| number.is_finite() && *number >= 0.0)
    }

    /// Whether what an agent cost is not known but estimated.
    pub fn is_estimated(&self) -> bool {
        self.data.get("cost_estimated") == Some(&Value::Bool(true))
    }

    /// The role it is about: the agent, or else what its data names.
    pub fn role(&self) -> Option<&str> {
        self.agent.as_deref().or_else(|| self.text("archetype"))
    }
}

/// What an event follows from.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Parents {
    /// By the rule of [`automatic_parents`].
    #[default]
    Automatic,
    /// These; none for a root.
    Listed(Vec<u64>),
}

/// An event that is to be appended; the log gives it its number and time.
#[derive(Debug, Clone, PartialEq)]
pub struct NewEvent {
    /// What kind it is.
    pub kind: Kind,
    /// The phase it belongs to; a transition belongs to the new one.
    pub phase: Phase,
    /// The role or `system`, where it is about one.
    pub agent: Option<String>,
    /// What it follows from.
    pub parents: Parents,
    /// The rest.
    pub data: Map<String, Value>,
}

impl NewEvent {
    /// An event about no agent. `data` is an object; anything else is left out.
    pub fn new(kind: Kind, phase: Phase, data: Value) -> Self {
        Self {
            kind,
            phase,
            agent: None,
            parents: Parents::Automatic,
            data: match data {
                Value::Object(data) => data,
                _ => Map::new(),
            },
        }
    }

    /// The same event about an agent.
    #[must_use]
    pub fn by(mut self, role: Role) -> Self {
        self.agent = Some(role.name().to_owned());
        self
    }

    /// The same event with these parents.
    #[must_use]
    pub fn after(mut self, parents: impl IntoIterator<Item = u64>) -> Self {
        self.parents = Parents::Listed(parents.into_iter().collect());
        self
    }
}

/// What an event follows from when nobody says it.
///
/// The first event and a start of the run: nothing. What an agent said: the last start of the same
/// agent. Everything else, and what an agent said that never started: the last start, transition or
/// boundary; else the last event. `before` are the events there are, the last first.
pub fn automatic_parents(
    kind: &Kind,
    agent: Option<&str>,
    before: impl IntoIterator<Item = Event>,
) -> Vec<u64> {
    if *kind == Kind::RunStart {
        return Vec::new();
    }
    let is_of_agent = matches!(
        kind,
        Kind::AgentComplete
            | Kind::AgentFailed
            | Kind::AgentTimeout
            | Kind::ReviewVerdict
            | Kind::ShadowDetected
            | Kind::DecisionPoint
    );
    let agent = agent.filter(|_| is_of_agent);
    let (mut last, mut step) = (None, None);
    for event in before {
        last.get_or_insert(event.seq);
        match event.kind {
            Kind::AgentStart if agent.is_some() && event.agent.as_deref() == agent => {
                return vec![event.seq];
            }
            Kind::RunStart | Kind::PhaseTransition | Kind::CycleBoundary => {
                step.get_or_insert(event.seq);
                if agent.is_none() {
                    break;
                }
            }
            _ => {}
        }
    }
    step.or(last).into_iter().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn events(kinds: &[(&str, Option<&str>)]) -> Vec<Event> {
        let mut all: Vec<Event> = Vec::new();
        for (seq, (kind, agent)) in (1..).zip(kinds) {
            let kind = Kind::from(*kind);
            let parent = automatic_parents(&kind, *agent, all.iter().rev().cloned());
            all.push(Event {
                ts: String::new(),
                run_id: "r".to_owned(),
                seq,
                parent,
                kind,
                phase: "plan".to_owned(),
                agent: agent.map(str::to_owned),
                data: Map::new(),
            });
        }
        all
    }

    #[test]
    fn the_documented_run_has_the_documented_parents() {
        let all = events(&[
            ("run.start", None),
            ("agent.start", Some("creator")),
            ("agent.start", Some("explorer")),
            ("agent.complete", Some("creator")),
            ("shadow.detected", Some("creator")),
            ("review.verdict", Some("guardian")),
            ("cycle.boundary", None),
            ("agent.start", Some("creator")),
            ("agent.complete", Some("creator")),
        ]);
        let parents: Vec<&[u64]> = all.iter().map(|event| event.parent.as_slice()).collect();
        let wanted: [&[u64]; 9] = [&[], &[1], &[1], &[2], &[2], &[1], &[1], &[7], &[8]];
        assert_eq!(parents, wanted);
    }

    #[test]
    fn without_a_start_an_event_follows_the_last_one_and_a_second_start_nothing() {
        let all = events(&[("x.y", None), ("note", None), ("run.start", None)]);
        assert_eq!(all[1].parent, [1]);
        assert!(all[2].parent.is_empty());
    }

    #[test]
    fn every_kind_has_its_own_text_and_unknown_ones_stay() {
        for (kind, text) in KINDS {
            assert_eq!(Kind::from(text), kind);
            assert_eq!(kind.as_str(), text);
        }
        assert_eq!(Kind::from("multi.start").as_str(), "multi.start");
    }
}
