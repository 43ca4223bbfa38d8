//! What a scenario is before any agent has done anything: whether its starting states open, and
//! which of its criteria hold on them already.

use std::collections::BTreeMap;
use std::sync::Arc;

use archal_core::clone::{CloneDescriptor, CloneState, OpenClone, Seed};
use archal_core::diagnostic::Diagnostic;
use jiff::Timestamp;

use super::criteria::sentence::Present;
use super::criteria::{
    self, CloneWorld, Compiled, CriterionResult, CriterionStatus, RunFact, World,
};
use super::spec::{Check, Criterion, Scenario};

/// Seeds the ids of clones that are only looked at.
const IDS: u64 = 1;

/// A scenario's starting states, opened.
pub struct Untouched {
    /// The state of each clone, in the scenario's order.
    pub states: Vec<(String, Arc<dyn CloneState>)>,
    /// Why a clone refuses its state.
    pub refused: Vec<(String, Vec<Diagnostic>)>,
    /// What each criterion comes to after a run in which the agent did nothing and exited with 0,
    /// in the scenario's order; none for judged ones and where a clone refuses its state.
    pub criteria: Vec<Option<CriterionResult>>,
}

impl Untouched {
    /// The criteria of `scenario` that hold though nothing was done.
    pub fn holding<'s>(&self, scenario: &'s Scenario) -> Vec<&'s Criterion> {
        self.having(scenario, |result| result.status == CriterionStatus::Pass)
    }

    /// The criteria of `scenario` that are decided without a judge.
    pub fn decided<'s>(&self, scenario: &'s Scenario) -> Vec<&'s Criterion> {
        self.having(scenario, |_| true)
    }

    /// What the states hold already of that which a sentence may mean as a change: a criterion
    /// that says `3 issues are closed` of a state with closed issues is better said without doubt.
    pub fn present<'s>(
        &self,
        scenario: &'s Scenario,
        catalogue: &[CloneDescriptor],
        base: Timestamp,
    ) -> Vec<(&'s Criterion, &'s Present)> {
        let named: Vec<&CloneDescriptor> = catalogue
            .iter()
            .filter(|clone| self.states.iter().any(|(name, _)| name == clone.name))
            .collect();
        let world = idle(&self.states, base);
        let holds = |cel: &str| {
            criteria::compile(cel, &named).is_ok_and(|compiled| {
                criteria::evaluate(&compiled, &world).status == CriterionStatus::Pass
            })
        };
        let mut found = Vec::new();
        for criterion in &scenario.criteria {
            if let Check::Cel {
                sentence: Some(sentence),
                ..
            } = &criterion.check
                && let Some(readings) = &sentence.readings
            {
                let there = readings.present.iter().find(|present| holds(&present.cel));
                found.extend(there.map(|present| (criterion, present)));
            }
        }
        found
    }

    fn having<'s>(
        &self,
        scenario: &'s Scenario,
        wanted: impl Fn(&CriterionResult) -> bool,
    ) -> Vec<&'s Criterion> {
        let both = scenario.criteria.iter().zip(&self.criteria);
        both.filter(|(_, result)| result.as_ref().is_some_and(&wanted))
            .map(|(criterion, _)| criterion)
            .collect()
    }
}

/// Opens the clones of a scenario on `seeds` (its own where that names none) and decides its
/// criteria on them. `compiled` stands beside the criteria.
pub fn untouched(
    scenario: &Scenario,
    compiled: &[Option<Compiled>],
    seeds: &BTreeMap<String, Seed<'_>>,
    catalogue: &[CloneDescriptor],
    base: Timestamp,
) -> Untouched {
    let mut found = Untouched {
        states: Vec::new(),
        refused: Vec::new(),
        criteria: Vec::new(),
    };
    for name in &scenario.config.clones {
        let Some(clone) = catalogue.iter().find(|clone| clone.name == name) else {
            continue;
        };
        let how = OpenClone {
            base,
            ids: IDS,
            seed: seeds.get(name).copied().unwrap_or(scenario.seed_for(name)),
        };
        match (clone.open)(&how) {
            Ok(opened) => found.states.push((name.clone(), opened.state())),
            Err(diagnostics) => found.refused.push((name.clone(), diagnostics)),
        }
    }
    let world = found.refused.is_empty().then(|| idle(&found.states, base));
    found.criteria = scenario
        .criteria
        .iter()
        .zip(compiled)
        .map(
            |(criterion, compiled)| match (&criterion.check, compiled, &world) {
                (Check::Cel { .. }, Some(compiled), Some(world)) => {
                    Some(criteria::evaluate(compiled, world))
                }
                _ => None,
            },
        )
        .collect();
    found
}

/// A run in which nothing happened.
fn idle(states: &[(String, Arc<dyn CloneState>)], base: Timestamp) -> World<'_> {
    World {
        clones: states
            .iter()
            .map(|(name, state)| CloneWorld {
                name: name.clone(),
                before: Arc::clone(state),
                after: Arc::clone(state),
                diff: Vec::new(),
                base,
            })
            .collect(),
        run: RunFact {
            exit_code: Some(0),
            ..RunFact::default()
        },
        ..World::default()
    }
}
