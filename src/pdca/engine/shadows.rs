//! The failure modes of roles: looked for in what each agent wrote, with what follows.

use serde_json::json;

use crate::pdca::artifacts;
use crate::pdca::event::{Kind, NewEvent};
use crate::pdca::machine::course::{Course, End};
use crate::pdca::role::Role;
use crate::pdca::shadow::{self, Seen};

use super::drive::Memo;
use super::stage::{EngineError, Stage};

/// Looks for the failure mode of a role in what it wrote. The first time the role is told at its next
/// start, the second time another agent takes its place, the third time the user is asked: the run ends.
pub(super) fn look(
    stage: &Stage<'_>,
    course: &mut Course,
    memo: &mut Memo,
    role: Role,
    text: &str,
) -> Result<bool, EngineError> {
    if stage.settings.config.shadows == Some(false) {
        return Ok(false);
    }
    let read = |name: &str| stage.artifacts.read(name).map(Option::unwrap_or_default);
    let (diff, proposal) = (read(artifacts::DIFF)?, read(artifacts::CREATOR)?);
    let seen = Seen {
        output: text,
        diff: &diff,
        proposal: &proposal,
    };
    let Some(shadow) = shadow::detect(role, &seen) else {
        return Ok(false);
    };
    let kind = (role.to_string(), shadow.name.to_owned());
    memo.shadows.push(kind.clone());
    let times = memo.shadows.iter().filter(|one| **one == kind).count();
    let step = shadow::step(u32::try_from(times).unwrap_or(u32::MAX));
    let action = match step {
        shadow::Step::Correct => "correction_prompt",
        shadow::Step::Replace => "replace",
        shadow::Step::Ask => "ask_user",
    };
    let data = json!({
        "archetype": role,
        "shadow": shadow.name,
        "trigger": shadow.trigger,
        "action": action,
        "cycle": course.cycle(),
    });
    stage.emit(NewEvent::new(Kind::ShadowDetected, role.phase(), data).by(role));
    (stage.tell)(&format!("{role} shows {}: {}", shadow.name, shadow.trigger));
    match step {
        shadow::Step::Correct => {
            memo.corrections.insert(role, shadow.correction.to_owned());
        }
        // Every start is another agent; it is not told what the one before it was told in vain.
        shadow::Step::Replace => {
            memo.corrections.remove(&role);
        }
        shadow::Step::Ask => {
            memo.why = format!(
                "{role} showed {} for the third time ({}): say the task in another scope",
                shadow.name, shadow.trigger
            );
            course.end(End::NeedsUser);
            return Ok(true);
        }
    }
    Ok(false)
}
