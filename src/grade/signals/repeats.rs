//! Calls made again and again.

use std::collections::HashMap;

use archal_core::grade::{Finding, Owner};

use super::super::facts::effect::words;
use super::super::facts::{Call, Effect, Facts, short};
use super::{Rule, negation};

/// Calls that are meant to be made again.
const WAITS: &[&str] = &["poll", "sleep", "think", "wait"];

/// What `calls` must hold to where no change is made twice.
const NO_CHANGE_TWICE: &str = "calls.filter(c, c.method != \"GET\" && c.status < 400).all(c, calls.filter(d, d.method == c.method && d.path == c.path && d.request == c.request && d.status < 400).size() == 1)";

fn waits(call: &Call<'_>) -> bool {
    words(&call.name)
        .iter()
        .any(|word| WAITS.contains(&word.as_str()))
}

/// Whether two calls were answered alike.
fn alike(one: &Call<'_>, other: &Call<'_>) -> bool {
    one.key == other.key && one.failure == other.failure && one.result == other.result
}

pub(super) fn repeat(rule: &Rule, facts: &Facts<'_>, found: &mut Vec<Finding>) {
    let mut groups: HashMap<u64, Vec<&Call<'_>>> = HashMap::new();
    for call in facts.calls.iter().filter(|call| !waits(call)) {
        let group = groups.entry(call.key).or_default();
        // A change in between makes looking again sensible.
        let changed = group.last().is_some_and(|last| {
            !alike(last, call)
                || facts
                    .calls_in(last.step + 1..call.step)
                    .any(|between| between.wrote())
        });
        if changed {
            group.clear();
        }
        group.push(call);
        if group.len() == 3 {
            found.push(rule.finding(
                &call.name,
                format!(
                    "{} was called three times alike, with the same result",
                    call.name
                ),
                group.iter().map(|call| call.span),
                &call.arguments.as_deref().map(short).unwrap_or_default(),
                Owner::Agent,
            ));
            return;
        }
    }
}

pub(super) fn alternation(rule: &Rule, facts: &Facts<'_>, found: &mut Vec<Finding>) {
    for window in facts.calls.windows(6) {
        let [a, b, rest @ ..] = window else { continue };
        if a.key == b.key || waits(a) || waits(b) {
            continue;
        }
        let by_turns = rest
            .chunks_exact(2)
            .all(|pair| matches!(pair, [c, d] if alike(a, c) && alike(b, d)));
        if by_turns {
            found.push(rule.finding(
                &format!("{} {}", a.name, b.name),
                format!(
                    "{} and {} were called by turns, three times alike",
                    a.name, b.name
                ),
                window.iter().map(|call| call.span),
                &a.arguments.as_deref().map(short).unwrap_or_default(),
                Owner::Agent,
            ));
            return;
        }
    }
}

pub(super) fn drifting_retries(rule: &Rule, facts: &Facts<'_>, found: &mut Vec<Finding>) {
    let mut failed: HashMap<&str, Vec<&Call<'_>>> = HashMap::new();
    for call in &facts.calls {
        let group = failed.entry(call.name.as_ref()).or_default();
        if call.failure.is_none() {
            group.clear();
            continue;
        }
        // A shell runs other commands each time, and tests that fail are work.
        if call.effect == Effect::Unknown && call.name == "bash" {
            continue;
        }
        group.push(call);
        let drifts = group.windows(2).any(|pair| pair[0].key != pair[1].key);
        if group.len() >= 3 && drifts {
            let failure = call.failure.as_ref();
            found.push(rule.finding(
                &call.name,
                format!(
                    "{} failed three times in a row with changing arguments",
                    call.name
                ),
                group.iter().map(|call| call.span),
                failure.map_or("", |failure| &failure.text),
                failure.map_or(Owner::Agent, |failure| failure.kind.owner()),
            ));
            return;
        }
    }
}

pub(super) fn repeated_change(rule: &Rule, facts: &Facts<'_>, found: &mut Vec<Finding>) {
    let mut first: HashMap<u64, &Call<'_>> = HashMap::new();
    for call in facts
        .calls
        .iter()
        .filter(|call| call.effect == Effect::Write)
    {
        let Some(before) = first.insert(call.key, call) else {
            continue;
        };
        let how = match (&before.failure, &call.failure) {
            (None, None) if before.answered && call.answered => "was made twice",
            (Some(_), Some(_)) => "failed and was tried again unchanged",
            _ => continue,
        };
        let mut finding = rule.finding(
            &call.name,
            format!("the same {} {how}", call.name),
            [before.span, call.span],
            &call.arguments.as_deref().map(short).unwrap_or_default(),
            Owner::Agent,
        );
        if call.failure.is_none() {
            finding.negation = negation("No change is made twice", NO_CHANGE_TWICE);
        }
        found.push(finding);
        return;
    }
}
