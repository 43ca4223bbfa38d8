//! Agents whose process ended with archal's: their end is told and their cost counted when the run goes on.

use std::collections::BTreeSet;

use serde_json::json;

use crate::pdca::event::{Event, Kind, NewEvent};

use super::process;
use super::stage::{EngineError, Stage};

/// What is told of them.
const WHY: &str = "archal ended while it worked";

/// The events of a run that goes on, with the ends of agents that were cut off. Nobody else works on it, so
/// what is on record as running is not.
///
/// # Errors
///
/// When log or records cannot be read, or records not be written.
pub fn told(stage: &Stage<'_>) -> Result<Vec<Event>, EngineError> {
    let events = || Ok::<_, EngineError>(stage.log.read()?.unwrap_or_default().events);
    let before = events()?;
    let ends = before
        .iter()
        .filter(|event| event.kind == Kind::AgentComplete);
    let ended: BTreeSet<u64> = ends.filter_map(|event| event.number("process")).collect();
    for record in stage.processes.read()? {
        let is_told = record.what != process::AGENT || ended.contains(&record.number);
        let role = process::role(&record.name);
        if let Some(role) = role.filter(|_| !is_told) {
            let data = json!({
                "archetype": role,
                "duration_ms": record.duration_ms,
                "artifacts": [],
                "process": record.number,
                "cycle": record.cycle,
                "estimated_cost_usd": record.cost_usd.unwrap_or_default(),
                "cost_estimated": record.cost_estimated,
                "error": true,
                "reason": WHY,
            });
            stage.emit(NewEvent::new(Kind::AgentComplete, record.phase, data).by(role));
        }
        if record.is_running() {
            stage.processes.add(&record.cut_off())?;
        }
    }
    events()
}
