//! Red before, green after, nothing else broken.

use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use archal_core::confined::Confined;
use archal_core::fixer::FixRecord;

use crate::report::rate::Rate;
use crate::reproduce::attempts::AttemptRecord;
use crate::reproduce::decision::Shown;
use crate::reproduce::identity::FailureIdentity;
use crate::run::score::ScenarioStatus;

use super::conduct::Breach;
use super::variation::Changed;

/// The fewest green runs asked when the failure did not show every time.
pub const GREEN_RUNS_WHEN_UNSTEADY: u32 = 5;

/// Whether a fix holds, and on what evidence: `proof.json`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Proof {
    /// Always `archal.proof`.
    pub schema: String,
    /// The format's version.
    pub version: u32,
    /// Whether every part holds.
    pub proven: bool,
    /// Why, one sentence.
    pub reason: String,
    /// The commit the failure was reproduced on and the patch applies to.
    pub base: String,
    /// The failure.
    pub identity: FailureIdentity,
    /// Attempts on the base that showed the failure, of those that count.
    pub red: Rate,
    /// Runs with the patch that showed no failure, of all that were made.
    pub green: Rate,
    /// Each run with the patch.
    pub green_runs: Vec<AttemptRecord>,
    /// Every other scenario and the regression pack, before and after.
    pub others: Vec<Compared>,
    /// Scenario files that cannot be read and so could not be compared.
    pub unreadable: Vec<PathBuf>,
    /// The set-up command in the copy with the patch, where one is configured.
    #[serde(default)]
    pub set_up: Option<SetUp>,
    /// The validation command, where one is configured.
    pub validation: Option<Validation>,
    /// The variation the fixer never saw.
    pub held_back: HeldBack,
    /// Tests, scenarios and seeds the fixer changed; put back.
    pub reverted: Vec<String>,
    /// Manifests, lock files, CI and instructions the fixer changed; for a person to review.
    pub review: Vec<String>,
    /// Files the patch changes.
    pub changed: Vec<String>,
    /// What the fixer did beside repairing the agent, by the name of a rule.
    #[serde(default)]
    pub breaches: Vec<Breach>,
    /// The fixer's record.
    pub fixer: FixRecord,
}

/// One other scenario before and after.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Compared {
    /// The scenario's id.
    pub scenario: String,
    /// Without the patch.
    pub before: ScenarioStatus,
    /// With the patch.
    pub after: ScenarioStatus,
    /// Criteria that hold without the patch and not with it.
    pub newly_broken: Vec<String>,
    /// Whether its Config calls it flaky: then it is run and told, and decides nothing.
    #[serde(default)]
    pub quarantined: bool,
}

impl Compared {
    /// Whether the patch made it worse.
    pub fn is_worse(&self) -> bool {
        if self.quarantined {
            return false;
        }
        !self.newly_broken.is_empty()
            || (self.before == ScenarioStatus::Passed && self.after != ScenarioStatus::Passed)
    }
}

/// How the set-up command ran.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SetUp {
    /// The command.
    pub command: String,
    /// How far it was confined, in one line; `off` where it was not.
    pub sandbox: String,
    /// The same in its parts; null where it was not.
    pub confined: Option<Confined>,
}

impl SetUp {
    /// Of a command that was confined so.
    pub fn of(command: &str, confined: Option<&Confined>) -> Self {
        Self {
            command: command.to_owned(),
            sandbox: confined.map_or_else(|| "off".to_owned(), Confined::in_one_line),
            confined: confined.cloned(),
        }
    }
}

/// The validation command's end.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Validation {
    /// The command.
    pub command: String,
    /// Whether it succeeded.
    pub passed: bool,
    /// How far it was confined; null where it was not.
    #[serde(default)]
    pub confined: Option<Confined>,
}

/// What became of the held-back variation.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct HeldBack {
    /// How the patch did on it.
    pub status: HeldBackStatus,
    /// Why, and what was changed; one sentence.
    pub reason: String,
    /// What the variation changes; none where none was run with the patch.
    pub changed: Option<Changed>,
    /// Runs on it without the patch.
    pub base: Vec<AttemptRecord>,
    /// Runs on it with the patch.
    pub patched: Vec<AttemptRecord>,
}

/// How a patch did on the held-back variation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum HeldBackStatus {
    /// Every run with the patch is green.
    Passed,
    /// A run with the patch is not: the fix holds for the names of the trace only.
    Failed,
    /// There is no valid variation, or the proof had failed before. It counts as nothing.
    NotApplicable,
}

impl HeldBack {
    /// No variation was run with the patch.
    pub fn not_applicable(reason: &str) -> Self {
        Self {
            status: HeldBackStatus::NotApplicable,
            reason: reason.to_owned(),
            changed: None,
            base: Vec::new(),
            patched: Vec::new(),
        }
    }

    /// Why it keeps a patch from being proven, where it does.
    pub fn objection(&self) -> Option<String> {
        let has_failed = self.status == HeldBackStatus::Failed;
        has_failed.then(|| format!("held-back variation: {}", self.reason))
    }

    /// Whether the agent did its work there and failed: the patch fits what the fixer saw.
    pub fn is_special_cased(&self) -> bool {
        let is_red = |shown: &Shown| matches!(shown, Shown::RedSame | Shown::RedOther { .. });
        self.status == HeldBackStatus::Failed
            && self.patched.iter().any(|attempt| is_red(&attempt.shown))
    }
}

/// What a variation changes, as a list in words.
pub fn told(changed: &Changed) -> String {
    let mut parts = Vec::new();
    match changed.names.len() {
        0 => {}
        1 => parts.push("1 other name".to_owned()),
        many => parts.push(format!("{many} other names")),
    }
    if changed.numbers != 0 {
        parts.push("other numbers".to_owned());
    }
    if !changed.order.is_empty() {
        parts.push("another order of rows".to_owned());
    }
    if !changed.added.is_empty() {
        parts.push("more rows".to_owned());
    }
    if changed.earlier != 0 {
        parts.push(format!("times {} s further back", changed.earlier));
    }
    parts.join(", ")
}

/// How many green runs are asked: as many as were red, more when the failure did not show
/// every time.
pub fn green_runs(attempts: u32, red: Rate) -> u32 {
    if red.k < red.n {
        attempts.max(GREEN_RUNS_WHEN_UNSTEADY)
    } else {
        attempts
    }
}

/// Whether an agent that made calls makes none with the patch.
pub fn is_silenced(red: &[AttemptRecord], green: &[AttemptRecord]) -> bool {
    let calls = |attempts: &[AttemptRecord]| {
        let calls = attempts.iter().map(|attempt| attempt.run.calls);
        calls.max().unwrap_or(0)
    };
    calls(red) > 0 && calls(green) == 0
}

/// Why the parts do not prove the fix; none where they do.
pub fn objection(
    red: &[AttemptRecord],
    green: &[AttemptRecord],
    others: &[Compared],
    validation: Option<&Validation>,
) -> Option<String> {
    for attempt in green {
        let what = match &attempt.shown {
            Shown::Green => continue,
            Shown::RedSame => "the failure still shows".to_owned(),
            Shown::RedOther { failed } => format!("another failure shows: {}", failed.join(", ")),
            Shown::Void { cause, .. } => format!("the run says nothing: {cause}"),
        };
        return Some(format!("run {} with the patch: {what}", attempt.number));
    }
    if green.is_empty() {
        return Some("no run was made with the patch".to_owned());
    }
    if is_silenced(red, green) {
        return Some("with the patch the agent makes no call at all".to_owned());
    }
    if let Some(worse) = others.iter().find(|compared| compared.is_worse()) {
        return Some(match worse.newly_broken.first() {
            Some(criterion) => format!("scenario {} now breaks {criterion}", worse.scenario),
            None => format!("scenario {} passed before and does not now", worse.scenario),
        });
    }
    validation
        .filter(|validation| !validation.passed)
        .map(|validation| format!("the validation command failed: {}", validation.command))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unsteady_failure_asks_for_more_green_runs() {
        assert_eq!(green_runs(3, Rate::of(3, 3)), 3);
        assert_eq!(green_runs(3, Rate::of(2, 3)), 5);
        assert_eq!(green_runs(8, Rate::of(5, 8)), 8);
    }

    #[test]
    fn a_scenario_that_failed_before_may_fail_after() {
        let compared = |before, after| Compared {
            scenario: "s".to_owned(),
            before,
            after,
            newly_broken: Vec::new(),
            quarantined: false,
        };
        use ScenarioStatus::{Failed, Flaky, Passed};
        assert!(!compared(Failed, Failed).is_worse());
        assert!(!compared(Failed, Passed).is_worse());
        assert!(compared(Passed, Flaky).is_worse());
        let quarantined = Compared {
            quarantined: true,
            newly_broken: vec!["c".to_owned()],
            ..compared(Passed, Failed)
        };
        assert!(!quarantined.is_worse());
        assert_eq!(
            objection(&[], &[], &[], None),
            Some("no run was made with the patch".to_owned())
        );
    }
}
