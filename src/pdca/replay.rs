//! Looking back at runs: their decisions in order, what other weights would have decided, and two runs
//! beside each other.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Serialize;

use super::event::{Event, Kind};
use super::finding::Verdict;
use super::outline::{Outline, clean};

/// A decision of a run.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct Moment {
    /// The event.
    pub seq: u64,
    /// When.
    pub ts: String,
    /// Its kind.
    pub kind: String,
    /// The phase.
    pub phase: String,
    /// Who decided; nobody where a rule did.
    pub agent: Option<String>,
    /// What was decided.
    pub decided: String,
    /// How sure the agent was.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub confidence: Option<f64>,
}

/// The decisions of a run, in order.
pub fn timeline(events: &[Event]) -> Vec<Moment> {
    events.iter().filter_map(moment).collect()
}

fn moment(event: &Event) -> Option<Moment> {
    let text = |name: &str| event.text(name).map(clean).unwrap_or_default();
    let decided = match event.kind {
        Kind::Decision => format!("{} → {}", text("what"), text("chosen")),
        Kind::DecisionPoint => text("decision"),
        Kind::ReviewVerdict => text("verdict").to_uppercase().replace('_', " "),
        Kind::CycleBoundary => {
            let next = event.text("decision").or_else(|| event.text("next_action"));
            next.map(clean).unwrap_or_default()
        }
        Kind::ShadowDetected => format!("shadow {}", text("shadow")),
        Kind::WiggumBreak => format!("{} break", text("type")),
        Kind::RunComplete => text("status"),
        _ => return None,
    };
    Some(Moment {
        seq: event.seq,
        ts: clean(&event.ts),
        kind: event.kind.to_string(),
        phase: clean(&event.phase),
        agent: event.role().map(clean),
        decided,
        confidence: event.amount("confidence"),
    })
}

/// What reviewers would have decided together.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct WhatIf {
    /// The last verdict of each reviewer.
    pub verdicts: Vec<Weighed>,
    /// The share of the weight that did not approve.
    pub score: f64,
    /// From which share on the change is blocked.
    pub threshold: f64,
    /// `BLOCK` or `APPROVE`.
    pub outcome: String,
    /// How the run ended.
    pub actual: String,
}

/// A verdict and its weight.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct Weighed {
    /// The reviewer.
    pub agent: String,
    /// Its verdict.
    pub verdict: String,
    /// Its weight.
    pub weight: f64,
    /// Whether it approved.
    pub approved: bool,
}

/// What the last verdicts of a run come to under `weights` by reviewer, 1 where none is given; none
/// where nobody with any weight said anything.
pub fn what_if(
    events: &[Event],
    weights: &BTreeMap<String, f64>,
    threshold: f64,
) -> Option<WhatIf> {
    let mut last: BTreeMap<String, String> = BTreeMap::new();
    for event in events
        .iter()
        .filter(|event| event.kind == Kind::ReviewVerdict)
    {
        if let (Some(agent), Some(verdict)) = (event.role(), event.text("verdict")) {
            last.insert(clean(agent), clean(verdict));
        }
    }
    let verdicts: Vec<Weighed> = last
        .into_iter()
        .map(|(agent, verdict)| Weighed {
            weight: weights.get(&agent).copied().unwrap_or(1.0),
            approved: Verdict::parse(&verdict).is_some_and(Verdict::approves),
            verdict: verdict.to_uppercase().replace('_', " "),
            agent,
        })
        .collect();
    let all: f64 = verdicts.iter().map(|one| one.weight).sum();
    if all <= 0.0 {
        return None;
    }
    // A sum of nothing would be a zero with a sign.
    let against = verdicts
        .iter()
        .filter(|one| !one.approved)
        .fold(0.0, |sum, one| sum + one.weight);
    let score = against / all;
    let outcome = if score >= threshold {
        "BLOCK"
    } else {
        "APPROVE"
    };
    Some(WhatIf {
        verdicts,
        score,
        threshold,
        outcome: outcome.to_owned(),
        actual: Outline::of(events).status,
    })
}

/// Two runs beside each other.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct Compared {
    /// What is compared.
    pub rows: Vec<Row>,
}

/// A figure of two runs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Row {
    /// What it is.
    pub name: String,
    /// Of the first.
    pub first: String,
    /// Of the second.
    pub second: String,
    /// Whether they differ.
    pub differs: bool,
}

/// Two runs beside each other.
pub fn compare(first: &[Event], second: &[Event]) -> Compared {
    let (one, other) = (Outline::of(first), Outline::of(second));
    let verdicts = |events: &[Event]| {
        let last = what_if(events, &BTreeMap::new(), 1.0);
        let said = last.map(|last| last.verdicts).unwrap_or_default();
        let said: Vec<String> = said
            .iter()
            .map(|one| format!("{} {}", one.agent, one.verdict))
            .collect();
        said.join(", ")
    };
    let decisions = |events: &[Event]| {
        let made: Vec<String> = events
            .iter()
            .filter(|event| event.kind == Kind::Decision)
            .filter_map(moment)
            .map(|moment| moment.decided)
            .collect();
        made.join(", ")
    };
    let known = |value: Option<String>| value.unwrap_or_else(|| "unknown".to_owned());
    let money = |outline: &Outline| known(outline.cost_usd.map(|usd| format!("${usd:.2}")));
    let time = |outline: &Outline| known(outline.seconds.map(super::report::duration));
    let rows = [
        ("task", one.task.clone(), other.task.clone()),
        ("status", one.status.clone(), other.status.clone()),
        (
            "workflow",
            known(one.workflow.clone()),
            known(other.workflow.clone()),
        ),
        ("cycles", one.cycles.to_string(), other.cycles.to_string()),
        ("agents", one.agents.to_string(), other.agents.to_string()),
        ("fixes", one.fixes.to_string(), other.fixes.to_string()),
        ("duration", time(&one), time(&other)),
        ("cost", money(&one), money(&other)),
        ("decisions", decisions(first), decisions(second)),
        ("verdicts", verdicts(first), verdicts(second)),
    ];
    let row = |(name, first, second): (&str, String, String)| Row {
        name: name.to_owned(),
        differs: first != second,
        first,
        second,
    };
    Compared {
        rows: rows.into_iter().map(row).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pdca::log::parse;

    const LOG: &str = r#"{"seq":1,"type":"run.start","phase":"plan","data":{"task":"x"}}
{"seq":2,"type":"review.verdict","phase":"check","agent":"guardian","data":{"verdict":"rejected"}}
{"seq":3,"type":"review.verdict","phase":"check","agent":"guardian","data":{"verdict":"APPROVED"}}
{"seq":4,"type":"review.verdict","phase":"check","agent":"sage","data":{"verdict":"needs_changes"}}
{"seq":5,"type":"decision.point","phase":"check","agent":"sage","data":{"decision":"block","confidence":0.7}}
{"seq":6,"type":"run.complete","phase":"act","data":{"status":"stopped"}}
"#;

    #[test]
    fn other_weights_decide_otherwise() {
        let events = parse(LOG.as_bytes()).events;
        let outcome = |weights: &[(&str, f64)], threshold| {
            let weights = weights
                .iter()
                .map(|(role, weight)| ((*role).to_owned(), *weight));
            what_if(&events, &weights.collect(), threshold)
                .map(|found| (found.outcome, found.score))
        };
        assert_eq!(outcome(&[], 0.5), Some(("BLOCK".to_owned(), 0.5)));
        assert_eq!(
            outcome(&[("guardian", 3.0)], 0.5),
            Some(("APPROVE".to_owned(), 0.25))
        );
        assert_eq!(
            outcome(&[("guardian", 3.0)], 0.25),
            Some(("BLOCK".to_owned(), 0.25))
        );
        assert_eq!(outcome(&[("guardian", 0.0), ("sage", 0.0)], 0.5), None);
        assert_eq!(what_if(&[], &BTreeMap::new(), 0.5), None);
    }

    #[test]
    fn decisions_are_told_in_order_and_two_runs_by_what_differs() {
        let events = parse(LOG.as_bytes()).events;
        let decided: Vec<String> = timeline(&events)
            .into_iter()
            .map(|one| one.decided)
            .collect();
        assert_eq!(
            decided,
            ["REJECTED", "APPROVED", "NEEDS CHANGES", "block", "stopped"]
        );
        let compared = compare(&events, &events[..3]);
        let differing: Vec<&str> = compared
            .rows
            .iter()
            .filter(|row| row.differs)
            .map(|row| row.name.as_str())
            .collect();
        assert_eq!(differing, ["status", "verdicts"]);
    }
}
