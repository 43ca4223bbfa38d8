//! Failed calls that were never made good. That some call failed shows nothing: agents try.

use std::collections::HashMap;

use archal_core::grade::Finding;

use super::super::facts::{Effect, Facts};
use super::super::negation;
use super::Rule;

pub(super) fn at_end(rule: &Rule, facts: &Facts<'_>, found: &mut Vec<Finding>) {
    let Some(last) = facts.calls.last() else {
        return;
    };
    let Some(failure) = &last.failure else { return };
    let mut finding = rule.finding(
        &format!("{}:{}", last.name, failure.kind.name()),
        format!("the last call, {}, failed", last.name),
        [last.span],
        &failure.text,
        failure.kind.owner(),
    );
    finding.negation = Some(negation::last_succeeds());
    found.push(finding);
}

pub(super) fn standing(rule: &Rule, facts: &Facts<'_>, found: &mut Vec<Finding>) {
    // The last time that each tool changed something.
    let good: HashMap<&str, usize> = facts
        .calls
        .iter()
        .enumerate()
        .filter(|(_, call)| call.wrote())
        .map(|(place, call)| (call.name.as_ref(), place))
        .collect();
    for (place, call) in facts.calls.iter().enumerate() {
        let Some(failure) = &call.failure else {
            continue;
        };
        if call.effect != Effect::Write || place + 1 == facts.calls.len() {
            continue;
        }
        if good
            .get(call.name.as_ref())
            .is_some_and(|later| *later > place)
        {
            continue;
        }
        let mut finding = rule.finding(
            &format!("{}:{}", call.name, failure.kind.name()),
            format!("{} failed and never succeeded after", call.name),
            [call.span],
            &failure.text,
            failure.kind.owner(),
        );
        finding.negation = Some(negation::made_good());
        found.push(finding);
        // One is enough: more of them are one failure.
        return;
    }
}
