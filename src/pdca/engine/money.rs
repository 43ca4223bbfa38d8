//! Money: whether there is some for an agent before it starts, and what is told of what it cost.

use archal_core::clock::{Timestamp, rfc3339_seconds};
use serde_json::json;

use crate::budget::amount::Usd;
use crate::pdca::cost::{self, Gate, RunCost};
use crate::pdca::event::{Kind, NewEvent};
use crate::pdca::machine::course::{Course, End};
use crate::pdca::role::{Phase, Role};

use super::agent::Said;
use super::drive::Memo;
use super::stage::{EngineError, Stage};

/// Enters what an agent may cost into the ledger of its day before it starts, so that it counts whatever
/// becomes of archal.
///
/// # Errors
///
/// When it cannot be written: nothing is spent that no budget could hold.
pub(super) fn reserve(
    stage: &Stage<'_>,
    number: u64,
    role: Role,
    day: Timestamp,
) -> Result<(), EngineError> {
    let cost = RunCost {
        cost_usd: cost::estimate(role),
        cost_estimated: true,
        ..line(stage, number)
    };
    Ok(cost::record(stage.place, day, &cost)?)
}

/// Enters what it did cost. Where that fails the estimate stays: its work is done and paid.
pub(super) fn enter(stage: &Stage<'_>, number: u64, said: &Said, day: Timestamp) {
    let (tokens_input, tokens_output) = said.tokens.unwrap_or_default();
    let cost = RunCost {
        cost_usd: usd(said.cost_usd),
        tokens_input,
        tokens_output,
        cost_estimated: said.cost_estimated,
        models: said.model.iter().cloned().collect(),
        ..line(stage, number)
    };
    if let Err(error) = cost::record(stage.place, day, &cost) {
        (stage.warn)(&format!("what it cost could not be noted: {error}"));
    }
}

fn line(stage: &Stage<'_>, number: u64) -> RunCost {
    RunCost {
        ts: rfc3339_seconds(stage.clock.now()),
        run_id: stage.run.to_string(),
        process: Some(number),
        domain: Some(stage.record.domain.clone()),
        ..RunCost::default()
    }
}

/// What the run may cost in all: its own budget, and what is left of the day's beside what it spent.
pub(super) fn budget(stage: &Stage<'_>, memo: &Memo) -> Option<f64> {
    let of_day = stage.settings.config.costs.daily_usd.map(|day| {
        // A ledger that cannot be read counts as spent.
        let spent = cost::spent_on(stage.place, stage.clock.now());
        let left = spent.map_or(0.0, |spent| (day.dollars() - spent.dollars()).max(0.0));
        memo.spent + left
    });
    match (stage.budget_usd, of_day) {
        (Some(own), Some(of_day)) => Some(own.min(of_day)),
        (own, of_day) => own.or(of_day),
    }
}

/// Counts what agents cost that worked side by side, and tells where that passes a mark.
pub(super) fn charge<'s>(
    stage: &Stage<'_>,
    memo: &mut Memo,
    agents: impl IntoIterator<Item = (Role, &'s Said)>,
) {
    let before = memo.spent;
    let costs = &stage.settings.config.costs;
    let most = costs.per_agent_usd.map(|usd| usd.dollars());
    for (role, said) in agents {
        memo.spent += said.cost_usd;
        memo.is_estimated |= said.cost_estimated;
        if let Some(most) = most.filter(|most| said.cost_usd > *most) {
            memo.too_dear = Some(format!(
                "{role} cost ${:.2}, and an agent may cost ${most:.2}",
                said.cost_usd
            ));
        }
    }
    let Some(budget) = budget(stage, memo) else {
        return;
    };
    let gate = |spent| Gate::of(usd(spent), Some(usd(budget)));
    let warns = |spent| cost::warns(usd(spent), Some(usd(budget)), costs.warn_at_percent);
    let is_half = gate(before) == Gate::Open && gate(memo.spent) != Gate::Open;
    if is_half || (!warns(before) && warns(memo.spent)) {
        (stage.warn)(&format!("${:.2} of ${budget:.2} are spent", memo.spent));
    }
}

/// How far what was spent is into the budget.
pub(super) fn gate(stage: &Stage<'_>, memo: &Memo) -> Gate {
    Gate::of(usd(memo.spent), budget(stage, memo).map(usd))
}

fn usd(dollars: f64) -> Usd {
    Usd::reported(dollars).unwrap_or_default()
}

/// Whether there is money for these; otherwise the run ends.
pub(super) fn affords(
    stage: &Stage<'_>,
    course: &mut Course,
    memo: &mut Memo,
    roles: &[Role],
) -> bool {
    if let Some(why) = memo.too_dear.take() {
        return stop(stage, course, memo, roles, why);
    }
    let Some(budget) = budget(stage, memo) else {
        return true;
    };
    let estimate: f64 = roles
        .iter()
        .map(|role| cost::estimate(*role).dollars())
        .sum();
    if cost::affords(memo.spent, estimate, budget) {
        return true;
    }
    let names: Vec<&str> = roles.iter().map(|role| role.name()).collect();
    let why = format!(
        "{} would cost about ${estimate:.2}, and ${:.2} of ${budget:.2} are spent",
        names.join(", "),
        memo.spent
    );
    stop(stage, course, memo, roles, why)
}

fn stop(
    stage: &Stage<'_>,
    course: &mut Course,
    memo: &mut Memo,
    roles: &[Role],
    why: String,
) -> bool {
    stage.emit(NewEvent::new(
        Kind::Decision,
        roles.first().map_or(Phase::Act, |role| role.phase()),
        json!({"what": "budget", "chosen": "stop", "rationale": why}),
    ));
    memo.why = why;
    course.end(End::Budget);
    false
}
