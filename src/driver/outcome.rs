//! From exit, records and tree to an outcome.

pub use archal_core::fixer::FixEnd as Outcome;

use crate::sandbox::child::ChildOutcome;

use super::records::{Reading, TroubleKind};

/// Exit codes of programs that a signal ended and that say so themselves: interrupted, killed,
/// asked to end.
const SIGNALLED: &[i32] = &[130, 137, 143];

/// What a run came to. `exits` are the agent's own exit codes; `changed` says whether the tree
/// changed and is asked only where it decides.
pub fn decide(
    child: &ChildOutcome,
    exits: &[(i32, TroubleKind)],
    reading: &Reading,
    changed: &dyn Fn() -> bool,
) -> Outcome {
    let code = match child {
        ChildOutcome::Exited { code } => *code,
        ChildOutcome::Killed { .. } => return Outcome::Killed,
        ChildOutcome::TimedOut => return Outcome::Timeout,
        ChildOutcome::Stopped => return Outcome::Stopped,
        ChildOutcome::NotStarted { .. } => return Outcome::NotStarted,
    };
    let said = reading.trouble.as_ref().map(|trouble| trouble.kind);
    let by_code = exits.iter().find(|(exit, _)| *exit == code);
    let by_code = by_code.map(|(_, kind)| *kind);
    // A record says more than a number, unless it says nothing.
    let kind = said
        .filter(|kind| *kind != TroubleKind::Other)
        .or(by_code)
        .or(said);
    match kind {
        Some(TroubleKind::Auth) => Outcome::Auth,
        Some(TroubleKind::Quota) => Outcome::Quota,
        Some(TroubleKind::LimitTurns) => Outcome::LimitTurns,
        Some(TroubleKind::LimitBudget) => Outcome::LimitBudget,
        Some(TroubleKind::Denied) => Outcome::Denied,
        Some(TroubleKind::Other) => Outcome::ToolError,
        None if SIGNALLED.contains(&code) => Outcome::Killed,
        None if code != 0 => Outcome::ToolError,
        None if !reading.ended => Outcome::NoResult,
        None if changed() => Outcome::Changed,
        None if reading.denied > 0 => Outcome::Denied,
        None => Outcome::NoChange,
    }
}
