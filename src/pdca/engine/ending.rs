//! How a run ends: the last event, its costs, its line in the index, its hook.

use archal_core::clock::rfc3339_seconds;
use serde_json::json;

use crate::budget::amount::Usd;
use crate::pdca::cost::{self, RunCost};
use crate::pdca::event::{Event, Kind, NewEvent};
use crate::pdca::index::{self, IndexLine};
use crate::pdca::machine::course::{Course, End};
use crate::pdca::role::Phase;

use super::command;
use super::drive::Memo;
use super::stage::{EngineError, Stage};

/// Puts the end of a run on record. One that was only planned, or stopped by the user, is not over.
///
/// # Errors
///
/// When its files cannot be written.
pub fn finish(
    stage: &Stage<'_>,
    course: &Course,
    memo: &Memo,
    end: End,
) -> Result<(), EngineError> {
    if matches!(end, End::Planned | End::Stopped) {
        return Ok(());
    }
    let now = stage.clock.now();
    let events = stage.log.read()?.unwrap_or_default().events;
    let shadows = events
        .iter()
        .filter(|event| event.kind == Kind::ShadowDetected);
    let data = json!({
        "status": end.status(),
        "reason": memo.why,
        "cycles": course.cycle(),
        "agents_total": memo.agents,
        "fixes_total": memo.fixes,
        "shadows": shadows.count(),
        "duration_ms": now.duration_since(memo.began).as_millis().max(0),
        "cost_usd": memo.spent,
        "artifacts": stage.artifacts.names()?,
    });
    stage.emit(NewEvent::new(Kind::RunComplete, Phase::Act, data));
    spent(stage, memo, &events);
    line(stage, end.status(), course.cycle().into())?;
    let variables = [
        ("ARCHEFLOW_STATUS", end.status().to_owned()),
        ("ARCHEFLOW_CYCLES", course.cycle().to_string()),
    ];
    let hook = stage.settings.hooks.run_complete.as_ref();
    let at = (Phase::Act, course.cycle());
    command::hook(stage, "run-complete", hook, at, &variables)?;
    Ok(())
}

/// Adds the run to the index; the last line of a run counts.
///
/// # Errors
///
/// When it cannot be written.
pub fn line(stage: &Stage<'_>, status: &str, cycles: u64) -> Result<(), EngineError> {
    let line = IndexLine {
        run_id: stage.run.to_string(),
        ts: rfc3339_seconds(stage.clock.now()),
        task: stage.scrubber.text(&stage.record.task),
        workflow: Some(stage.record.workflow.to_string()),
        status: status.to_owned(),
        cycles: Some(cycles),
    };
    Ok(index::append(stage.place, &line)?)
}

/// Notes what it cost. The note is for budgets of days; the run is over whether it is kept or not.
fn spent(stage: &Stage<'_>, memo: &Memo, events: &[Event]) {
    // A run that goes on after it had ended was noted up to there.
    let noted = events.iter().rfind(|event| event.kind == Kind::RunComplete);
    let from = noted.map_or(0, |event| event.seq);
    let before = noted.and_then(|event| event.amount("cost_usd"));
    let is_new = |event: &&Event| event.kind == Kind::AgentComplete && event.seq > from;
    let ends = || events.iter().filter(is_new);
    let tokens = |name: &str| ends().filter_map(|event| event.number(name)).sum();
    let mut models: Vec<String> = ends()
        .filter_map(|event| event.text("model").map(str::to_owned))
        .collect();
    models.sort();
    models.dedup();
    let now = stage.clock.now();
    let noted = cost::record(
        stage.place,
        now,
        &RunCost {
            ts: rfc3339_seconds(now),
            run_id: stage.run.to_string(),
            cost_usd: Usd::reported((memo.spent - before.unwrap_or(0.0)).max(0.0))
                .unwrap_or_default(),
            tokens_input: tokens("tokens_input"),
            tokens_output: tokens("tokens_output"),
            cost_estimated: ends().any(Event::is_estimated),
            models,
            domain: Some(stage.record.domain.clone()),
        },
    );
    if let Err(error) = noted {
        (stage.warn)(&format!("what it cost could not be noted: {error}"));
    }
}
