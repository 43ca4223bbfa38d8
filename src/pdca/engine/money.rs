//! Money: whether there is some for an agent before it starts, and what is told of what it cost.

use serde_json::json;

use crate::budget::amount::Usd;
use crate::pdca::cost::{self, Gate};
use crate::pdca::event::{Kind, NewEvent};
use crate::pdca::machine::course::{Course, End};
use crate::pdca::role::{Phase, Role};

use super::agent::Said;
use super::drive::Memo;
use super::stage::Stage;

/// Counts what an agent cost, and tells where that passes a mark.
pub(super) fn charge(stage: &Stage<'_>, memo: &mut Memo, role: Role, said: &Said) {
    let before = memo.spent;
    memo.spent += said.cost_usd;
    memo.is_estimated |= said.cost_estimated;
    let costs = &stage.settings.config.costs;
    let most = costs.per_agent_usd.map(|usd| usd.dollars());
    if let Some(most) = most.filter(|most| said.cost_usd > *most) {
        memo.too_dear = Some(format!(
            "{role} cost ${:.2}, and an agent may cost ${most:.2}",
            said.cost_usd
        ));
    }
    let gate = |spent| gate(stage, spent);
    let budget = stage.budget_usd.map(usd);
    let warns = |spent| cost::warns(usd(spent), budget, costs.warn_at_percent);
    let is_half = gate(before) == Gate::Open && gate(memo.spent) != Gate::Open;
    if is_half || (!warns(before) && warns(memo.spent)) {
        let of = stage.budget_usd.unwrap_or_default();
        (stage.warn)(&format!("${:.2} of ${of:.2} are spent", memo.spent));
    }
}

/// How far what was spent is into the budget.
pub(super) fn gate(stage: &Stage<'_>, spent: f64) -> Gate {
    Gate::of(usd(spent), stage.budget_usd.map(usd))
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
    let Some(budget) = stage.budget_usd else {
        return true;
    };
    let estimate: f64 = roles
        .iter()
        .map(|role| cost::estimate(*role).dollars())
        .sum();
    if memo.spent + estimate <= budget {
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
