//! Runs that were begun and count for nothing: half made, or of a scenario that has changed since. What
//! they cost is spent all the same, and stays with the plan of their suite.

use std::fs;
use std::path::Path;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::budget::prices::Prices;
use crate::store::atomic::WriteError;
use crate::store::layout::Layout;

use super::cost::{self, Sum};
use super::environment::METRICS_FILE;
use super::plan::{PlanError, SuitePlan};
use super::result::RunCost;
use super::score::CriterionReport;
use super::scrub::Scrubber;

/// A run that counts for nothing.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Discarded {
    /// The id it had; it may have been made again under it.
    pub run: String,
    /// What it cost, as far as it is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cost: Option<RunCost>,
}

/// What runs cost that count for nothing.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct DiscardedCost {
    /// How many there were.
    pub runs: usize,
    /// Dollars, as far as they are known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub usd: Option<f64>,
    /// Those whose cost is not known, or not all of it.
    pub unknown_runs: usize,
}

impl Discarded {
    /// A run that was broken off, of what it left in its folder; `asked` is what was decided of it.
    pub fn broken_off(
        run: &str,
        evidence: &Path,
        asked: &[CriterionReport],
        (scrubber, prices): (&Scrubber, &Prices),
    ) -> Self {
        let said = scrubber.file(&evidence.join(METRICS_FILE));
        let mut cost = cost::of_run(said.as_deref(), asked, Some(prices));
        if let Some(cost) = &mut cost {
            // What the question cost that was under way nobody knows, nor whether there was one.
            cost.source = super::result::CostSource::Unknown;
        }
        Self {
            run: run.to_owned(),
            cost,
        }
    }
}

/// What they cost together; none where there are none.
pub fn sum(discarded: &[Discarded]) -> Option<DiscardedCost> {
    let sum = Sum::of(discarded.iter().map(|one| one.cost.as_ref()));
    (!discarded.is_empty()).then(|| DiscardedCost {
        runs: discarded.len(),
        usd: sum.usd.map(crate::budget::amount::Usd::dollars),
        unknown_runs: sum.unknown_runs,
    })
}

/// Takes away what a process that was killed left of the plan's runs: it is nothing to go on with. The
/// plan has what it cost before the evidence of it is gone, so a kill between the two counts it
/// twice and never not at all.
pub fn leftovers(
    plan: &mut SuitePlan,
    layout: &Layout,
    with: (&Scrubber, &Prices),
) -> Result<(), PlanError> {
    let finished = plan.finished(layout);
    let mut left = Vec::new();
    for (at, scenario) in plan.scenarios.iter().enumerate() {
        for (run, id) in scenario.runs.iter().enumerate() {
            let folder = layout.run(id);
            if !finished.contains_key(&(at, run)) && folder.exists() {
                left.push(Discarded::broken_off(id, &folder, &[], with));
            }
        }
    }
    if left.is_empty() {
        return Ok(());
    }
    let folders: Vec<_> = left.iter().map(|one| layout.run(&one.run)).collect();
    plan.discarded.extend(left);
    plan.write(layout)?;
    for folder in folders {
        remove(&folder)?;
    }
    Ok(())
}

/// Takes away a folder with all that is in it; one that is not there is fine.
pub fn remove(folder: &Path) -> Result<(), WriteError> {
    match fs::remove_dir_all(folder) {
        Err(source) if source.kind() != std::io::ErrorKind::NotFound => Err(WriteError::Io {
            path: folder.to_owned(),
            source,
        }),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use archal_core::environment::Environment;
    use archal_core::id::SequentialIds;
    use archal_core::redact::Redactor;

    use crate::run::plan::Present;
    use crate::run::request::Request;

    use super::*;

    #[test]
    fn what_a_killed_run_cost_is_known_before_its_evidence_is_gone() {
        let folder = tempfile::tempdir().expect("a folder");
        let layout = Layout::of(folder.path(), None);
        let present = Present {
            scenario: "a".to_owned(),
            path: "a.md".into(),
            inputs: String::new(),
            runs: 3,
        };
        let ids = SequentialIds::new(1);
        let mut plan = SuitePlan::new(
            &ids,
            String::new(),
            Request::default(),
            String::new(),
            &[present],
        );
        let [paid, silent, _never_begun] = plan.scenarios[0].runs.as_slice() else {
            panic!("three runs");
        };
        let (paid, silent) = (layout.run(paid), layout.run(silent));
        for left in [&paid, &silent] {
            fs::create_dir_all(left).expect("writable");
        }
        fs::write(paid.join(METRICS_FILE), r#"{"costUsd": 0.25}"#).expect("writable");
        let environment = Environment {
            variables: BTreeMap::new(),
            directory: folder.path().to_owned(),
        };
        let scrubber = Scrubber::new(Redactor::new([5; 32], []), &environment, &[]);
        let prices = Prices::load(None).expect("archal's own");
        leftovers(&mut plan, &layout, (&scrubber, &prices)).expect("taken away");
        assert!(!paid.exists() && !silent.exists());
        let kept = SuitePlan::read(&layout, &plan.suite).expect("a plan");
        assert_eq!(kept.discarded, plan.discarded);
        let sum = sum(&kept.discarded).expect("two");
        // Whether a judge had been asked of the first is not known.
        assert_eq!((sum.runs, sum.usd, sum.unknown_runs), (2, Some(0.25), 2));
        leftovers(&mut plan, &layout, (&scrubber, &prices)).expect("nothing is left");
        assert_eq!(plan.discarded.len(), 2);
    }
}
