//! The fix phase in order: HEAD in a private copy, then attempts until the scenarios pass or no more
//! are allowed, then the validation command.

use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};

use archal_core::hash;

use crate::fix::conduct::{Breach, BreachRule, Consequence};
use crate::fix::proof;
use crate::fix::repair::RepairError;
use crate::report::causes::chain;
use crate::reproduce::attempts::StepError;
use crate::reproduce::journal::Refused;
use crate::reproduce::workplace::WorkplaceError;
use crate::run::attempt::AttemptError;
use crate::run::score::ScenarioStatus;
use crate::run::totals;
use crate::store::atomic::WriteError;

use super::brief::Brief;
use super::carried::Carried;
use super::decide::{self, Means, Next};
use super::differing::{self, Differing};
use super::failure::Failure;
use super::mending::{HELD_BACK, MendError, Mended, Mender, PATCH, is_unusable};
use super::pull_request::PublisherError;
use super::report::{AttemptOutcome, HeldBackOutcome, Proved, Tried, ValidationOutcome};
use super::scene;
use super::second;
use super::status::StopReason;
use super::trial::{Trial, Trials, Which};
use super::validation::{Validator, ValidatorError};
use super::variation::Examined;

/// Why the fix phase came to no end of its own.
#[derive(Debug, thiserror::Error)]
pub enum CourseError {
    /// archal was asked to stop, or the money was spent while something worked.
    #[error("stopped before the loop had ended")]
    Stopped,
    /// A cap leaves no money for what comes next.
    #[error("{0}")]
    Budget(String),
    /// No private copy in which the agent can run.
    #[error("{0}")]
    Workspace(String),
    /// A run or an attempt could not be carried out.
    #[error(transparent)]
    Step(Box<dyn std::error::Error + Send + Sync>),
}

impl From<Refused> for CourseError {
    fn from(refused: Refused) -> Self {
        match refused {
            Refused::Budget { reason } => Self::Budget(reason),
            Refused::Stopped => Self::Stopped,
            error @ Refused::State(_) => Self::Step(Box::new(error)),
        }
    }
}

impl From<WorkplaceError> for CourseError {
    fn from(error: WorkplaceError) -> Self {
        match error {
            WorkplaceError::Stopped => Self::Stopped,
            error => Self::Workspace(chain(&error)),
        }
    }
}

impl From<StepError> for CourseError {
    fn from(error: StepError) -> Self {
        match error {
            error if error.is_stopped() => Self::Stopped,
            StepError::Refused(refused) => refused.into(),
            StepError::Workplace(error) => error.into(),
            StepError::Attempt(error @ AttemptError::Harness(_)) => Self::Workspace(chain(&error)),
            error => Self::Step(Box::new(error)),
        }
    }
}

impl From<MendError> for CourseError {
    fn from(error: MendError) -> Self {
        match error {
            MendError::Stopped => Self::Stopped,
            MendError::Refused(refused) => refused.into(),
            MendError::Workplace(error) => error.into(),
            error => Self::Step(Box::new(error)),
        }
    }
}

impl From<RepairError> for CourseError {
    fn from(error: RepairError) -> Self {
        match error {
            error if error.is_stopped() => Self::Stopped,
            RepairError::Refused(refused) => refused.into(),
            RepairError::Workplace(error) => error.into(),
            RepairError::Attempt(error @ AttemptError::Harness(_)) => {
                Self::Workspace(chain(&error))
            }
            error => Self::Step(Box::new(error)),
        }
    }
}

impl From<ValidatorError> for CourseError {
    fn from(error: ValidatorError) -> Self {
        match error {
            ValidatorError::Stopped => Self::Stopped,
            ValidatorError::Workplace(error) => error.into(),
            error => Self::Step(Box::new(error)),
        }
    }
}

impl From<PublisherError> for CourseError {
    fn from(error: PublisherError) -> Self {
        match error {
            PublisherError::Stopped => Self::Stopped,
            PublisherError::Refused(refused) => refused.into(),
            PublisherError::Workplace(error) => error.into(),
            error => Self::Step(Box::new(error)),
        }
    }
}

impl From<WriteError> for CourseError {
    fn from(error: WriteError) -> Self {
        Self::Step(Box::new(error))
    }
}

/// What the fix phase is made of.
pub struct Course<'a> {
    /// Runs the scenarios in private copies.
    pub trials: &'a Trials<'a>,
    /// Makes the attempts.
    pub mender: &'a Mender<'a>,
    /// Files in use that git does not track.
    pub carried: &'a Carried,
    /// Runs the validation command, where there is one.
    pub validator: Option<&'a Validator<'a>>,
    /// What there is to work with.
    pub means: Means,
    /// Whether failures of the harness go to the fixer, too.
    pub fix_harness: bool,
    /// What failed in the first run, as the judge has it.
    pub first: &'a [Failure],
    /// How often what is to be mended is run at the least, without a patch and with it.
    pub proof_runs: u32,
}

/// How the fix phase ended.
pub struct Ended {
    /// Why.
    pub reason: StopReason,
    /// The same for a person.
    pub explanation: String,
    /// Each attempt.
    pub attempts: Vec<AttemptOutcome>,
    /// What was the fixer's, as it failed without a patch.
    pub asked: Vec<Failure>,
    /// What failed otherwise in the checkout.
    pub differing: Vec<Differing>,
    /// The last trial, of the scenarios that were asked for.
    pub last: Trial,
    /// What fails in it.
    pub failures: Vec<Failure>,
    /// The validation command's end.
    pub validation: Option<ValidationOutcome>,
    /// The patch with which every scenario passes that was the fixer's.
    pub patch: Option<PathBuf>,
}

/// What came of it so far: the attempts, the last trial after that of HEAD, what fails.
type Facts = (Vec<AttemptOutcome>, Option<Trial>, Vec<Failure>);

/// What is known when HEAD has run in a private copy.
struct Ground {
    /// The scenarios at HEAD.
    base: Trial,
    /// The places of those that are the fixer's.
    targets: Vec<usize>,
    /// How they fail.
    asked: Vec<Failure>,
    /// What failed otherwise in the checkout.
    differing: Vec<Differing>,
}

/// One line for a person at each step.
pub type Told<'t> = &'t mut dyn FnMut(&str);

impl Course<'_> {
    /// Goes through the fix phase.
    ///
    /// # Errors
    ///
    /// When it was stopped, has no money or cannot be carried out.
    pub fn run(&self, told: Told<'_>) -> Result<Ended, CourseError> {
        told("running the scenarios in a private copy of HEAD");
        let ready = self.trials.ready;
        let (ground, mut failures) = self.ground(told)?;
        if ground.targets.is_empty() {
            let explanation = told_of(&ground.differing);
            let why = (StopReason::NotReproduced, explanation);
            let facts = (Vec::new(), None, failures);
            return Ok(self.ended(why, ground, facts, None));
        }
        let Ground { base, targets, .. } = &ground;
        let mut attempts: Vec<AttemptOutcome> = Vec::new();
        let mut last: Option<Trial> = None;
        let mut before = self.carried.patch.clone();
        for number in 1..=self.means.max_attempts {
            told(&format!(
                "fix attempt {number} of {}: {}",
                self.means.max_attempts,
                self.mender.shop.name()
            ));
            let about = about(&failures);
            let brief = Brief {
                attempt: number,
                failures: &failures,
                ready,
            };
            let checks = AtomicU32::new(0);
            let trials = self.trials;
            let check = |patch: &[u8]| {
                let check = checks.fetch_add(1, Ordering::Relaxed) + 1;
                trials.checked((number, check), patch, targets)
            };
            let (mended, patch) = self.mender.attempt(&brief, (&before, &about), &check)?;
            if is_unusable(mended.fixer.end) {
                let explanation = mended.reason.clone().unwrap_or_default();
                attempts.push(self.untried(number, mended));
                let why = (StopReason::FixerUnavailable, explanation);
                return Ok(self.ended(why, ground, (attempts, last, failures), None));
            }
            if mended.patch.is_none() {
                let outcome = self.untried(number, mended);
                told(&format!("attempt {number}: {}", outcome.reason));
                attempts.push(outcome);
                let next = self.next(Tried::NoPatch, &failures, number, &ground);
                if let Some(Next::Stop(reason)) = next {
                    return Ok(self.spent(reason, ground, (attempts, last, failures)));
                }
                continue;
            }
            let mut outcome = self.untried(number, mended);
            let trial = match self.tried(&mut outcome, &patch, base, targets) {
                Ok(trial) => trial,
                // A fix that leaves no agent to run is a fix that failed.
                Err(CourseError::Workspace(why)) => {
                    outcome.outcome = Tried::Worse;
                    outcome.reason = format!("with the patch there is no agent to run: {why}");
                    told(&format!("attempt {number}: {}", outcome.reason));
                    attempts.push(outcome);
                    if number >= self.means.max_attempts {
                        let reason = StopReason::FixAttempts;
                        return Ok(self.spent(reason, ground, (attempts, last, failures)));
                    }
                    continue;
                }
                Err(error) => return Err(error),
            };
            told(&format!("attempt {number}: {}", outcome.reason));
            let tried = outcome.outcome;
            attempts.push(outcome);
            let left = self.failures(&trial, &|at| targets.contains(&at));
            let next = self.next(tried, &left, number, &ground);
            let own = self.mender.folder_of(number).join(PATCH);
            match next {
                Some(Next::Validate) => {
                    let facts = (attempts, Some(trial), left);
                    return self.validated(&patch, own, ground, facts, told);
                }
                Some(Next::Stop(reason)) if tried == Tried::Fixed => {
                    let explanation = match (reason, left.first()) {
                        (StopReason::NotReproduced, _) => Some(format!(
                            "the fixer's part is mended; {}",
                            told_of(&ground.differing)
                        )),
                        (_, None) => attempts.last().map(|one| one.reason.clone()),
                        (_, Some(first)) => Some(format!(
                            "the fixer's part is mended; what still fails is not the agent's: {}",
                            first.line()
                        )),
                    };
                    let why = (reason, explanation.unwrap_or_default());
                    let facts = (attempts, Some(trial), left);
                    return Ok(self.ended(why, ground, facts, Some(own)));
                }
                Some(Next::Stop(reason)) => {
                    return Ok(self.spent(reason, ground, (attempts, Some(trial), left)));
                }
                Some(Next::Fix) | None => {}
            }
            // What made something worse, or was refused, is no ground to go on from.
            if !matches!(tried, Tried::Worse | Tried::Refused) {
                before = patch;
                last = Some(trial);
                // A patch may pass every run and be no proof: then there is nothing new to say.
                if left.iter().any(|failure| failure.for_fixer) {
                    failures = left;
                }
            }
        }
        let facts = (attempts, last, failures);
        Ok(self.spent(StopReason::FixAttempts, ground, facts))
    }

    /// HEAD in a private copy, beside what the checkout showed; with what fails of it.
    fn ground(&self, told: &mut dyn FnMut(&str)) -> Result<(Ground, Vec<Failure>), CourseError> {
        let ready = self.trials.ready;
        let failed_first = |at: usize| {
            let mut first = self.first.iter().filter(|failure| failure.for_fixer);
            first.any(|failure| failure.path == ready[at].scenario().path)
        };
        let count = |at: usize| match failed_first(at) {
            true => ready[at].runs.max(self.proof_runs),
            false => ready[at].runs,
        };
        let base = self.trials.make(Which::Base, &self.carried.patch, &count)?;
        let found = self.failures(&base, &|_| true);
        let differing = differing::compare(self.first, &found);
        for one in &differing {
            told(&one.line());
        }
        let is_shared = |one: &&Failure| {
            let mut first = self.first.iter().filter(|first| first.for_fixer);
            one.for_fixer && first.any(|first| differing::is_same(first, one))
        };
        let asked: Vec<Failure> = found.iter().filter(is_shared).cloned().collect();
        let is_target = |at: &usize| asked.iter().any(|one| one.path == base.reports[*at].path);
        let targets: Vec<usize> = (0..self.trials.asked).filter(is_target).collect();
        let failures = self.failures(&base, &|at| targets.contains(&at));
        let ground = Ground {
            base,
            targets,
            asked,
            differing,
        };
        Ok((ground, failures))
    }

    fn next(&self, tried: Tried, left: &[Failure], number: u32, ground: &Ground) -> Option<Next> {
        let differs = !ground.differing.is_empty();
        let at = (number, self.means.max_attempts);
        decide::after_attempt(tried, left, differs, at, &self.means)
    }

    /// What fails of the scenarios that were asked for; `may_go` says which places may be a fixer's.
    fn failures(&self, trial: &Trial, may_go: &dyn Fn(usize) -> bool) -> Vec<Failure> {
        let options = self.trials.options;
        let reports = &trial.reports[..self.trials.asked];
        let tags = totals::tags(reports, &options.tag_thresholds);
        let missed: Vec<&str> = tags
            .iter()
            .filter(|tag| tag.status != ScenarioStatus::Passed)
            .map(|tag| tag.tag.as_str())
            .collect();
        let may_fix = |category| decide::is_fixable(category, self.fix_harness);
        let ready = self.trials.ready;
        let mut failures = scene::failures(ready, reports, &missed, options.strict, &may_fix);
        second::overrule(&mut failures, self.first, &may_fix);
        for failure in &mut failures {
            let at = reports.iter().position(|one| one.path == failure.path);
            failure.for_fixer &= at.is_some_and(may_go);
        }
        failures
    }

    /// The patch of an attempt on every scenario.
    fn tried(
        &self,
        outcome: &mut AttemptOutcome,
        patch: &[u8],
        base: &Trial,
        targets: &[usize],
    ) -> Result<Trial, CourseError> {
        let number = outcome.number;
        let ready = self.trials.ready;
        // A failure that did not show every time takes more runs to be gone.
        let count = |at: usize| match targets.contains(&at) {
            true => proof::green_runs(ready[at].runs.max(self.proof_runs), base.red(at)),
            false => ready[at].runs,
        };
        let trial = self.trials.make(Which::Patched(number), patch, &count)?;
        let mut objection = None;
        let mut worse = None;
        for at in 0..ready.len() {
            let scenario = &trial.reports[at].scenario;
            if targets.contains(&at) {
                let (red, green) = (&base.records[at], &trial.records[at]);
                let found = proof::objection(red, green, &[], None);
                objection = objection.or(found.map(|why| format!("{scenario}: {why}")));
                outcome.proved.push(Proved {
                    scenario: scenario.clone(),
                    red: base.red(at),
                    green: trial.green(at),
                    runs: green.iter().map(|one| one.run.run_id.clone()).collect(),
                    held_back: None,
                });
            } else {
                let compared = base.compared(&trial, at);
                let counts = !compared.quarantined;
                worse = worse.or_else(|| {
                    let broken = &compared.newly_broken;
                    decide::worse(scenario, compared.before, compared.after, broken)
                        .filter(|_| counts)
                });
                outcome.others.push(compared);
            }
        }
        let green: Vec<_> = outcome.proved.iter().map(|one| one.green).collect();
        (outcome.outcome, outcome.reason) = decide::tried(&green, objection, worse);
        let is_silenced =
            |at: &&usize| proof::is_silenced(&base.records[**at], &trial.records[**at]);
        let is_good = green.iter().all(|rate| rate.k == rate.n);
        if let Some(at) = targets.iter().find(is_silenced).filter(|_| is_good) {
            let scenario = &trial.reports[*at].scenario;
            let detail = format!("in {scenario} the agent makes no call at all with the patch");
            refuse(outcome, BreachRule::AgentSilenced, detail);
        }
        if outcome.outcome == Tried::Fixed {
            self.examine(outcome, patch, base, targets)?;
        }
        Ok(trial)
    }

    /// A patch that repairs what failed, on variations that the fixer never saw.
    fn examine(
        &self,
        outcome: &mut AttemptOutcome,
        patch: &[u8],
        base: &Trial,
        targets: &[usize],
    ) -> Result<(), CourseError> {
        let number = outcome.number;
        let examined = Examined {
            number,
            patch,
            before: &self.carried.patch,
            runs: self.proof_runs,
            base,
            asked: self.mender.asked,
        };
        let folder = self.mender.folder_of(number).join(HELD_BACK);
        for (place, at) in targets.iter().enumerate() {
            let held_back = self.trials.held_back(&examined, *at, &folder)?;
            let objection = held_back.objection();
            let is_special_cased = held_back.is_special_cased();
            if let Some(proved) = outcome.proved.get_mut(place) {
                proved.held_back = Some(HeldBackOutcome {
                    status: held_back.status,
                    reason: held_back.reason,
                });
            }
            let Some(objection) = objection else { continue };
            let detail = format!("{}: {objection}", base.reports[*at].scenario);
            if is_special_cased {
                refuse(outcome, BreachRule::SpecialCased, detail);
            } else {
                outcome.outcome = Tried::Refused;
                outcome.reason = detail;
            }
            return Ok(());
        }
        Ok(())
    }

    /// An attempt as far as it is known before it was tried.
    fn untried(&self, number: u32, mended: Mended) -> AttemptOutcome {
        AttemptOutcome {
            number,
            outcome: Tried::NoPatch,
            reason: mended.reason.unwrap_or_default(),
            patch: mended
                .patch
                .is_some()
                .then(|| self.mender.folder_of(number).join(PATCH)),
            fixer: mended.fixer,
            reverted: mended.reverted,
            review: mended.review,
            changed: mended.changed,
            breaches: mended.breaches,
            proved: Vec::new(),
            others: Vec::new(),
        }
    }

    fn ended(
        &self,
        (reason, explanation): (StopReason, String),
        ground: Ground,
        (attempts, last, failures): Facts,
        patch: Option<PathBuf>,
    ) -> Ended {
        let mut last = last.unwrap_or(ground.base);
        last.reports.truncate(self.trials.asked);
        last.records.truncate(self.trials.asked);
        Ended {
            reason,
            explanation,
            attempts,
            asked: ground.asked,
            differing: ground.differing,
            last,
            failures,
            validation: None,
            patch,
        }
    }

    /// No further attempt is allowed.
    fn spent(&self, reason: StopReason, ground: Ground, facts: Facts) -> Ended {
        let made = facts.0.len();
        let last = facts.0.last().map_or("", |one| one.reason.as_str());
        let attempts = match made {
            1 => "1 fix attempt was".to_owned(),
            many => format!("{many} fix attempts were"),
        };
        let explanation = format!("{attempts} made, and the last came to: {last}");
        self.ended((reason, explanation), ground, facts, None)
    }

    /// The validation command on the patch.
    fn validated(
        &self,
        patch: &[u8],
        file: PathBuf,
        ground: Ground,
        facts: Facts,
        told: Told<'_>,
    ) -> Result<Ended, CourseError> {
        let Some(validator) = self.validator else {
            let why = (StopReason::Fixed, String::new());
            return Ok(self.ended(why, ground, facts, Some(file)));
        };
        told(&format!("validating with `{}`", validator.command));
        let outcome = validator.in_copy(&self.trials.workshop, patch)?;
        let reason = match outcome.passed {
            true => StopReason::Fixed,
            false => StopReason::ValidationCommand,
        };
        let explanation = match outcome.passed {
            true => {
                "the scenarios pass with the patch, and so does the validation command".to_owned()
            }
            false => format!(
                "the scenarios pass with the patch; the validation command {}",
                outcome.how
            ),
        };
        let mut ended = self.ended((reason, explanation), ground, facts, Some(file));
        ended.validation = Some(outcome);
        Ok(ended)
    }
}

/// Refuses a patch by a rule for fixers.
fn refuse(outcome: &mut AttemptOutcome, rule: BreachRule, detail: String) {
    let breach = Breach::new(rule, detail, Consequence::Refused);
    outcome.outcome = Tried::Refused;
    outcome.reason = breach.reason();
    outcome.breaches.push(breach);
}

/// What differs between the checkout and a private copy, and what mends it.
fn told_of(differing: &[Differing]) -> String {
    let lines: Vec<String> = differing.iter().map(Differing::line).collect();
    format!(
        "{}; the environment is cleared there: name what the agent needs in workspace.env, agentKeys or workspace.share",
        lines.join("; ")
    )
}

/// What a fixer is to mend, without what differs between two lives of the same run.
fn about(failures: &[Failure]) -> String {
    let all: Vec<_> = failures
        .iter()
        .map(|failure| {
            let criteria: Vec<&str> = failure.criteria.iter().map(|one| one.id.as_str()).collect();
            (
                &failure.scenario,
                failure.classification.category,
                failure.for_fixer,
                criteria,
            )
        })
        .collect();
    hash::of_json(&all)
}
