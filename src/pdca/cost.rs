//! What agents cost: estimates before, the ledger of a day, and the gates of a budget.

use std::collections::BTreeMap;
use std::io;

use archal_core::clock::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::place::{Place, PlaceError, refuse_link};
use super::role::Role;
use crate::budget::amount::Usd;
use crate::store::atomic::WriteError;
use crate::store::lines;

/// From how much of a budget on a run warns, unless it is told otherwise.
const WARN_PERCENT: u8 = 80;

/// What a role's agent usually costs, in micro-dollars: typical tokens at prices of usual models.
pub const fn estimate(role: Role) -> Usd {
    let micros = match role {
        Role::Explorer | Role::Trickster => 22_400,
        Role::Creator => 126_000,
        Role::Maker => 225_000,
        Role::Guardian => 20_000,
        Role::Skeptic => 18_400,
        Role::Sage => 96_000,
    };
    match Usd::from_micros(micros) {
        Some(usd) => usd,
        None => Usd::ZERO,
    }
}

/// What a run may cost by these estimates: all its cycles, the Explorer once.
pub fn estimate_of_run(agents: &[Role], cycles: u32) -> Usd {
    let mut sum = Usd::ZERO;
    for cycle in 0..cycles {
        for role in agents {
            if *role != Role::Explorer || cycle == 0 {
                sum = sum.saturating_add(estimate(*role));
            }
        }
    }
    sum
}

/// What a run may still do for its money.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Gate {
    /// Anything.
    Open,
    /// Half is spent: it is told.
    Half,
    /// 80 percent are spent: reviewers take a smaller model.
    Downgrade,
    /// 95 percent are spent: what is begun is finished.
    Finish,
    /// All is spent.
    Stop,
}

impl Gate {
    /// Where `spent` of `budget` stands; without a budget nothing closes.
    pub fn of(spent: Usd, budget: Option<Usd>) -> Self {
        let Some(budget) = budget else {
            return Self::Open;
        };
        // In thousandths, so that 94.9 percent are not 95.
        let share =
            |part: i128| i128::from(spent.micros()) * 1000 >= i128::from(budget.micros()) * part;
        if share(1000) {
            Self::Stop
        } else if share(950) {
            Self::Finish
        } else if share(800) {
            Self::Downgrade
        } else if share(500) {
            Self::Half
        } else {
            Self::Open
        }
    }
}

/// Whether agents that may cost `estimate` fit into what is left of `budget`, all in US dollars.
pub fn affords(spent: f64, estimate: f64, budget: f64) -> bool {
    spent + estimate <= budget
}

/// Whether `spent` of `budget` is worth a warning.
pub fn warns(spent: Usd, budget: Option<Usd>, percent: Option<u8>) -> bool {
    let percent = percent.unwrap_or(WARN_PERCENT);
    budget.is_some_and(|budget| {
        i128::from(spent.micros()) * 100 >= i128::from(budget.micros()) * i128::from(percent)
    })
}

/// What an agent cost, in the ledger of the day on which it started: a line of `costs/<date>.jsonl`. It is
/// entered with an estimate before it starts and again at its end.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct RunCost {
    /// When it was written.
    pub ts: String,
    /// The run.
    pub run_id: String,
    /// The number of the agent's process: the last line of one holds. A line without is added to all others.
    #[serde(default)]
    pub process: Option<u64>,
    /// What it cost.
    pub cost_usd: Usd,
    /// Input.
    #[serde(default)]
    pub tokens_input: u64,
    /// Output.
    #[serde(default)]
    pub tokens_output: u64,
    /// Whether some of it is not known but estimated.
    #[serde(default)]
    pub cost_estimated: bool,
    /// The models.
    #[serde(default)]
    pub models: Vec<String>,
    /// The domain.
    #[serde(default)]
    pub domain: Option<String>,
}

/// Enters a cost into the ledger of a day.
///
/// # Errors
///
/// When the ledger cannot be written.
pub fn record(place: &Place, day: Timestamp, cost: &RunCost) -> Result<(), PlaceError> {
    let path = place.costs(day);
    refuse_link(&path)?;
    let mut bytes = serde_json::to_vec(cost).map_err(|source| WriteError::Encode {
        path: path.clone(),
        source,
    })?;
    bytes.push(b'\n');
    Ok(lines::append(&path, &bytes)?)
}

/// What runs of the day cost by now; lines that are none are passed over.
///
/// # Errors
///
/// When the ledger is there and cannot be read.
pub fn spent_on(place: &Place, now: Timestamp) -> io::Result<Usd> {
    let bytes = match std::fs::read(place.costs(now)) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Usd::ZERO),
        bytes => bytes?,
    };
    let mut sum = Usd::ZERO;
    let mut of_processes: BTreeMap<(String, u64), Usd> = BTreeMap::new();
    for line in bytes.split(|byte| *byte == b'\n') {
        let Ok(cost) = serde_json::from_slice::<RunCost>(line) else {
            continue;
        };
        match cost.process {
            Some(process) => _ = of_processes.insert((cost.run_id, process), cost.cost_usd),
            None => sum = sum.saturating_add(cost.cost_usd),
        }
    }
    let add = |sum: Usd, cost: &Usd| sum.saturating_add(*cost);
    Ok(of_processes.values().fold(sum, add))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pdca::role::Workflow;

    fn usd(text: &str) -> Usd {
        text.parse().expect("an amount")
    }

    #[test]
    fn gates_close_at_their_shares_and_never_without_a_budget() {
        for (spent, gate) in [
            ("0", Gate::Open),
            ("0.999999", Gate::Open),
            ("1", Gate::Half),
            ("1.6", Gate::Downgrade),
            ("1.899", Gate::Downgrade),
            ("1.9", Gate::Finish),
            ("2", Gate::Stop),
            ("9", Gate::Stop),
        ] {
            assert_eq!(Gate::of(usd(spent), Some(usd("2"))), gate, "{spent}");
            assert_eq!(Gate::of(usd(spent), None), Gate::Open);
        }
        assert_eq!(Gate::of(usd("0"), Some(usd("0"))), Gate::Stop);
        assert!(warns(usd("1.5"), Some(usd("2")), Some(75)));
        assert!(!warns(usd("1.5"), Some(usd("2")), None));
    }

    #[test]
    fn estimates_count_the_explorer_once() {
        let of = |workflow: Workflow, cycles| estimate_of_run(&workflow.agents(), cycles);
        assert_eq!(of(Workflow::Fast, 1), usd("0.371"));
        assert_eq!(of(Workflow::Standard, 1), usd("0.5078"));
        assert_eq!(of(Workflow::Standard, 2), usd("0.9932"));
    }

    #[test]
    fn the_ledger_of_a_day_is_summed_up_whoever_wrote_it() {
        let folder = tempfile::tempdir().expect("a folder");
        let place = Place::of(folder.path());
        let now: Timestamp = "2026-04-03T10:00:00Z".parse().expect("a time");
        assert_eq!(spent_on(&place, now).expect("none"), Usd::ZERO);
        let cost = |amount: &str| RunCost {
            run_id: "r".to_owned(),
            cost_usd: usd(amount),
            ..RunCost::default()
        };
        record(&place, now, &cost("0.5")).expect("written");
        lines::append(&place.costs(now), b"not json\n{\"cut").expect("written");
        record(&place, now, &cost("0.25")).expect("written");
        assert_eq!(spent_on(&place, now).expect("readable"), usd("0.75"));
        // An estimate before, what it was after; a process that was cut off has its estimate alone.
        for (process, amount) in [(1, "0.1"), (1, "4"), (2, "0.2")] {
            let cost = RunCost {
                process: Some(process),
                ..cost(amount)
            };
            record(&place, now, &cost).expect("written");
        }
        assert_eq!(spent_on(&place, now).expect("readable"), usd("4.95"));
        assert!(place.costs(now).ends_with("costs/2026-04-03.jsonl"));
    }
}
