//! How a run ends: the last event, its line in the index, its hook.

use archal_core::clock::rfc3339_seconds;
use serde_json::json;

use crate::pdca::event::{Kind, NewEvent};
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
    // A log that cannot be read ends no run otherwise than it ends.
    let events = stage.log.read().ok().flatten().unwrap_or_default().events;
    let shadows = events
        .iter()
        .filter(|event| event.kind == Kind::ShadowDetected);
    let mut data = json!({
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
    if let Some(data) = data.as_object_mut() {
        data.extend(super::drive::figures(stage));
    }
    stage.emit(NewEvent::new(Kind::RunComplete, Phase::Act, data));
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
        workflow: Some(super::begin::course(stage.record).way().to_owned()),
        status: status.to_owned(),
        cycles: Some(cycles),
    };
    Ok(index::append(stage.place, &line)?)
}
