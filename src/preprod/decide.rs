//! What follows from what is known: the loop's order as plain functions over values.
//!
//! Resolve, run, classify, (fix, run again)*, validate. Every stop is a [`StopReason`].

use crate::report::rate::Rate;
use crate::run::score::ScenarioStatus;

use super::failure::{Category, Failure};
use super::report::Tried;
use super::status::StopReason;

/// What the loop has to work with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Means {
    /// `--dry-run`.
    pub is_dry_run: bool,
    /// How many fix attempts are allowed.
    pub max_attempts: u32,
    /// Whether commands that are not the harness may run.
    pub is_allowed: bool,
    /// Whether something is named that could mend the agent.
    pub has_fixer: bool,
    /// Whether there is a validation command.
    pub has_validation: bool,
    /// Whether the sandbox that is required is missing.
    pub lacks_sandbox: bool,
}

/// What the loop does next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    /// It ends.
    Stop(StopReason),
    /// The validation command runs.
    Validate,
    /// It looks at the repository, and fixes.
    Fix,
}

/// The repository, when a fix phase would begin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tree {
    /// HEAD is what is there.
    Clean,
    /// Tracked files differ from HEAD.
    Changed,
    /// There is no repository, or no commit.
    Nothing,
}

/// Whether failures of a category go to a fixer.
pub fn is_fixable(category: Category, fix_harness: bool) -> bool {
    category == Category::Agent || (fix_harness && category == Category::Harness)
}

/// After the first run was classified.
pub fn after_first(failures: &[Failure], means: &Means) -> Next {
    if means.is_dry_run {
        return Next::Stop(StopReason::Classified);
    }
    if failures.is_empty() {
        return passed(means, StopReason::ScenariosPassed);
    }
    if !failures.iter().any(|failure| failure.for_fixer) {
        return Next::Stop(StopReason::NotTheAgent);
    }
    if means.max_attempts == 0 {
        return Next::Stop(StopReason::FixAttempts);
    }
    if !means.has_fixer {
        return Next::Stop(StopReason::NoFixer);
    }
    if !means.is_allowed {
        return Next::Stop(StopReason::ExternalExecutionNotAllowed);
    }
    if means.lacks_sandbox {
        return Next::Stop(StopReason::SandboxUnavailable);
    }
    Next::Fix
}

/// Before the fix phase touches anything.
pub fn before_fixing(tree: Tree) -> Option<StopReason> {
    match tree {
        Tree::Clean => None,
        Tree::Changed => Some(StopReason::TrackedFilesChanged),
        Tree::Nothing => Some(StopReason::NoRepository),
    }
}

/// The scenarios pass: `reason` is the end unless something has to be validated.
pub fn passed(means: &Means, reason: StopReason) -> Next {
    match (means.has_validation, means.is_allowed, means.lacks_sandbox) {
        (false, ..) => Next::Stop(reason),
        (true, false, _) => Next::Stop(StopReason::ExternalExecutionNotAllowed),
        (true, true, true) => Next::Stop(StopReason::SandboxUnavailable),
        (true, true, false) => Next::Validate,
    }
}

/// What a patch came to: `red` and `green` runs of each scenario that was the fixer's, an objection
/// of the proof, a scenario that is worse than before.
pub fn tried(green: &[Rate], objection: Option<String>, worse: Option<String>) -> (Tried, String) {
    if let Some(worse) = worse {
        return (Tried::Worse, worse);
    }
    if let Some(objection) = objection {
        return (Tried::StillFailing, objection);
    }
    match green.iter().find(|rate| rate.k < rate.n) {
        Some(rate) => (
            Tried::StillFailing,
            format!("{rate} runs pass with the patch"),
        ),
        None => (
            Tried::Fixed,
            "red without the patch, green with it, nothing else worse".to_owned(),
        ),
    }
}

/// After an attempt: none where the next one begins.
pub fn after_attempt(
    tried: Tried,
    left: &[Failure],
    differs: bool,
    (attempt, most): (u32, u32),
    means: &Means,
) -> Option<Next> {
    let is_open = left.iter().any(|failure| failure.for_fixer);
    match tried {
        // What failed in the checkout alone nobody has seen mended.
        Tried::Fixed if differs && !is_open => Some(Next::Stop(StopReason::NotReproduced)),
        Tried::Fixed if left.is_empty() => Some(passed(means, StopReason::Fixed)),
        // What a fixer could mend is mended; what is left is not its business.
        Tried::Fixed if !is_open => Some(Next::Stop(StopReason::NotTheAgent)),
        _ if attempt >= most => Some(Next::Stop(StopReason::FixAttempts)),
        _ => None,
    }
}

/// Why a scenario that was nobody's to mend is worse with the patch; none where it is not.
pub fn worse(
    scenario: &str,
    before: ScenarioStatus,
    after: ScenarioStatus,
    newly_broken: &[String],
) -> Option<String> {
    if let Some(criterion) = newly_broken.first() {
        return Some(format!("scenario {scenario} now breaks {criterion}"));
    }
    (before == ScenarioStatus::Passed && after != ScenarioStatus::Passed)
        .then(|| format!("scenario {scenario} passed before and does not now"))
}

#[cfg(test)]
mod tests {
    use super::super::failure::sample;
    use super::*;

    const ALL: Means = Means {
        is_dry_run: false,
        max_attempts: 2,
        is_allowed: true,
        has_fixer: true,
        has_validation: false,
        lacks_sandbox: false,
    };

    #[test]
    fn what_follows_the_first_run() {
        use StopReason::{
            Classified, ExternalExecutionNotAllowed, FixAttempts, NoFixer, NotTheAgent,
            SandboxUnavailable, ScenariosPassed,
        };
        let red = [sample("a", "x")];
        let mut foreign = red.clone();
        foreign[0].for_fixer = false;
        let none: [Failure; 0] = [];
        let stop = |reason| Next::Stop(reason);
        let table: [(&str, &[Failure], Means, Next); 12] = [
            ("green", &none, ALL, stop(ScenariosPassed)),
            (
                "green, validated",
                &none,
                Means {
                    has_validation: true,
                    ..ALL
                },
                Next::Validate,
            ),
            (
                "green, validation not allowed",
                &none,
                Means {
                    has_validation: true,
                    is_allowed: false,
                    ..ALL
                },
                stop(ExternalExecutionNotAllowed),
            ),
            (
                "green, nothing allowed and nothing asked",
                &none,
                Means {
                    is_allowed: false,
                    ..ALL
                },
                stop(ScenariosPassed),
            ),
            (
                "green, validation without its sandbox",
                &none,
                Means {
                    has_validation: true,
                    lacks_sandbox: true,
                    ..ALL
                },
                stop(SandboxUnavailable),
            ),
            (
                "dry",
                &red,
                Means {
                    is_dry_run: true,
                    ..ALL
                },
                stop(Classified),
            ),
            ("not the agent", &foreign, ALL, stop(NotTheAgent)),
            (
                "no attempts",
                &red,
                Means {
                    max_attempts: 0,
                    ..ALL
                },
                stop(FixAttempts),
            ),
            (
                "no fixer",
                &red,
                Means {
                    has_fixer: false,
                    ..ALL
                },
                stop(NoFixer),
            ),
            (
                "not allowed",
                &red,
                Means {
                    is_allowed: false,
                    ..ALL
                },
                stop(ExternalExecutionNotAllowed),
            ),
            (
                "no sandbox",
                &red,
                Means {
                    lacks_sandbox: true,
                    ..ALL
                },
                stop(SandboxUnavailable),
            ),
            ("fix", &red, ALL, Next::Fix),
        ];
        for (name, failures, means, next) in table {
            assert_eq!(after_first(failures, &means), next, "{name}");
        }
    }

    #[test]
    fn what_follows_an_attempt() {
        let red = [sample("a", "x")];
        let mut foreign = red.clone();
        foreign[0].for_fixer = false;
        let after = |tried, left: &[Failure], at| after_attempt(tried, left, false, (at, 2), &ALL);
        let stop = |reason| Some(Next::Stop(reason));
        assert_eq!(after(Tried::Fixed, &[], 1), stop(StopReason::Fixed));
        assert_eq!(
            after(Tried::Fixed, &foreign, 1),
            stop(StopReason::NotTheAgent)
        );
        assert_eq!(after(Tried::StillFailing, &red, 1), None);
        assert_eq!(after(Tried::NoPatch, &red, 1), None);
        assert_eq!(after(Tried::Worse, &red, 2), stop(StopReason::FixAttempts));
        let differing = |tried, left: &[Failure]| after_attempt(tried, left, true, (1, 2), &ALL);
        let not_reproduced = stop(StopReason::NotReproduced);
        assert_eq!(differing(Tried::Fixed, &[]), not_reproduced);
        assert_eq!(differing(Tried::Fixed, &foreign), not_reproduced);
        assert_eq!(differing(Tried::Fixed, &red), None);
    }

    #[test]
    fn a_patch_is_good_when_every_run_is_and_nothing_is_worse() {
        let word = |green: &[Rate], objection: Option<&str>, worse: Option<&str>| {
            tried(green, objection.map(Into::into), worse.map(Into::into)).0
        };
        assert_eq!(word(&[Rate::of(3, 3)], None, None), Tried::Fixed);
        assert_eq!(word(&[Rate::of(2, 3)], None, None), Tried::StillFailing);
        assert_eq!(
            word(&[Rate::of(3, 3)], Some("x"), None),
            Tried::StillFailing
        );
        assert_eq!(word(&[Rate::of(3, 3)], None, Some("x")), Tried::Worse);
        use ScenarioStatus::{Failed, Flaky, Passed};
        assert!(worse("s", Passed, Flaky, &[]).is_some());
        assert!(worse("s", Failed, Failed, &[]).is_none());
        assert!(worse("s", Failed, Failed, &["c".to_owned()]).is_some());
    }
}
