//! Where a run is: the step that comes next, and what follows from each thing that happens.

use super::super::finding::Confidence;
use super::super::role::{Phase, Role, Workflow};
use super::breaks::Break;
use super::ruling::{self, Matter, Review, Ruled, Ruling};

/// What is to be done next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// One agent works.
    Agent(Role),
    /// The Explorer looks at the risks alone.
    RiskResearch,
    /// These review side by side.
    Reviewers(Vec<Role>),
    /// The next phase begins.
    Enter(Phase),
    /// The reviews are put together and ruled on.
    Rule,
    /// What is approved is merged.
    Merge,
    /// The cycle is put away and the next one begins.
    CycleBack,
    /// Nothing.
    End(End),
}

/// Why a run ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum End {
    /// It is merged.
    Merged,
    /// It is approved; somebody has to say yes to the merge.
    AwaitingMerge,
    /// It is approved, and the merge that was said yes to could not be done.
    NotMerged,
    /// Only the plan was wanted.
    Planned,
    /// There are findings and no cycles left.
    MaxCycles,
    /// The same CRITICAL was found twice running.
    Escalated,
    /// It did not come closer.
    Broken,
    /// Somebody has to answer a question.
    NeedsUser,
    /// An agent cannot do its part.
    Blocked,
    /// An agent did not return.
    Failed,
    /// The merge has conflicts.
    Conflict,
    /// A hook forbids it.
    HookAbort,
    /// The money is spent.
    Budget,
    /// archal was asked to stop.
    Stopped,
}

impl End {
    /// The status in `run.complete` and the index.
    pub fn status(self) -> &'static str {
        match self {
            Self::Merged => "merged",
            Self::AwaitingMerge | Self::NotMerged => "awaiting_merge",
            Self::Broken => "wiggum_break",
            Self::NeedsUser => "needs_user",
            Self::Failed | Self::Blocked => "failed",
            Self::Planned
            | Self::MaxCycles
            | Self::Escalated
            | Self::Conflict
            | Self::HookAbort
            | Self::Budget
            | Self::Stopped => "stopped",
        }
    }
}

/// Something that was decided by rule, for the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decided {
    /// What it is about.
    pub what: &'static str,
    /// What was chosen.
    pub chosen: &'static str,
    /// Why.
    pub rationale: String,
}

/// The cycles that a run may have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Limit {
    /// As many as the workflow has.
    OfWorkflow,
    /// As many as somebody said; no rule raises it.
    Said(u32),
}

/// The cycles of a pipeline: the pass, and a round of repair.
const PIPELINE_CYCLES: u32 = 2;

/// Where a run is.
#[derive(Debug, Clone, PartialEq)]
pub struct Course {
    workflow: Workflow,
    said: Option<u32>,
    limit: u32,
    cycle: u32,
    is_pipeline: bool,
    is_escalated: bool,
    has_research: bool,
    was_recreated: bool,
    next: Step,
    /// What was open at the end of each cycle, the first cycle first.
    history: Vec<Vec<Matter>>,
}

impl Course {
    /// The beginning of a run.
    pub fn new(workflow: Workflow, limit: Limit) -> Self {
        let said = match limit {
            Limit::OfWorkflow => None,
            Limit::Said(cycles) => Some(cycles.max(1)),
        };
        let mut course = Self {
            workflow,
            said,
            limit: said.unwrap_or(workflow.max_cycles()),
            cycle: 1,
            is_pipeline: false,
            is_escalated: false,
            has_research: false,
            was_recreated: false,
            next: Step::Rule,
            history: Vec::new(),
        };
        course.next = course.plan();
        course
    }

    /// The beginning of a run that goes once from the plan to the merge: nobody researches, who reviews comes
    /// one after another, and what blocks is mended in one round of the Maker alone.
    pub fn pipeline(limit: Limit) -> Self {
        let mut course = Self::new(Workflow::Standard, limit);
        course.is_pipeline = true;
        course.limit = course.limit.min(PIPELINE_CYCLES);
        course.next = course.plan();
        course
    }

    /// A run that goes on in a cycle, at the beginning of a phase. `history` is what was open at the end
    /// of the cycles before it.
    #[must_use]
    pub fn at(mut self, cycle: u32, phase: Phase, history: Vec<Vec<Matter>>) -> Self {
        self.cycle = cycle.max(1);
        self.history = history;
        self.next = match phase {
            Phase::Plan => self.plan(),
            Phase::Do => Step::Agent(Role::Maker),
            Phase::Check => Step::Agent(Role::Guardian),
            Phase::Act => Step::Rule,
        };
        self
    }

    /// The same, after the Explorer has worked.
    #[must_use]
    pub fn with_research(mut self) -> Self {
        self.has_research = true;
        if self.next == Step::Agent(Role::Explorer) {
            self.next = Step::Agent(Role::Creator);
        }
        self
    }

    /// The same, after the confidence gate made a fast run a standard one.
    #[must_use]
    pub fn upgraded(mut self) -> Self {
        self.upgrade();
        self
    }

    /// The same, after it was escalated.
    #[must_use]
    pub fn escalated(mut self) -> Self {
        self.escalate();
        self
    }

    /// What is to be done next.
    pub fn next(&self) -> &Step {
        &self.next
    }

    /// The workflow of this cycle.
    pub fn workflow(&self) -> Workflow {
        self.workflow
    }

    /// Whether it goes once from the plan to the merge.
    pub fn is_pipeline(&self) -> bool {
        self.is_pipeline
    }

    /// What its way is called: its workflow, or `pipeline`.
    pub fn way(&self) -> &'static str {
        match self.is_pipeline {
            true => "pipeline",
            false => self.workflow.name(),
        }
    }

    /// The agents of a whole cycle, in order.
    pub fn agents(&self) -> Vec<Role> {
        let mut agents = self.workflow.agents();
        agents.retain(|role| !self.is_pipeline || *role != Role::Explorer);
        agents
    }

    /// This cycle, from 1.
    pub fn cycle(&self) -> u32 {
        self.cycle
    }

    /// The cycles that there may be.
    pub fn limit(&self) -> u32 {
        self.limit
    }

    /// Whether a fast run became a standard one because of what Guardian found.
    pub fn is_escalated(&self) -> bool {
        self.is_escalated
    }

    /// What was open at the end of each cycle.
    pub fn history(&self) -> &[Vec<Matter>] {
        &self.history
    }

    /// It ends.
    pub fn end(&mut self, end: End) {
        self.next = Step::End(end);
    }

    /// The Explorer has worked.
    pub fn explored(&mut self) {
        self.has_research = true;
        self.next = Step::Agent(Role::Creator);
    }

    /// The Creator has worked: the confidence gate (A3).
    pub fn created(&mut self, confidence: &Confidence) -> Option<Decided> {
        let gate = |chosen, rationale| {
            Some(Decided {
                what: "confidence_gate",
                chosen,
                rationale,
            })
        };
        if confidence.lacks_understanding() {
            self.next = Step::End(End::NeedsUser);
            let score = confidence.task_understanding;
            return gate("pause", format!("task understanding scored {score:.2}"));
        }
        let may_upgrade = self.workflow == Workflow::Fast && !self.was_recreated;
        if confidence.lacks_completeness() && may_upgrade {
            self.was_recreated = true;
            self.upgrade();
            self.next = match self.has_research {
                true => Step::Agent(Role::Creator),
                false => Step::Agent(Role::Explorer),
            };
            let score = confidence.solution_completeness;
            return gate(
                "upgrade_to_standard",
                format!("solution completeness scored {score:.2}"),
            );
        }
        if confidence.lacks_risk() {
            self.next = Step::RiskResearch;
            let score = confidence.risk_coverage;
            return gate("mini_explorer", format!("risk coverage scored {score:.2}"));
        }
        self.next = Step::Enter(Phase::Do);
        None
    }

    /// The risks were looked at.
    pub fn risks_researched(&mut self) {
        self.next = Step::Enter(Phase::Do);
    }

    /// A phase has begun.
    pub fn entered(&mut self, phase: Phase) {
        self.next = match phase {
            Phase::Plan => self.plan(),
            Phase::Do => Step::Agent(Role::Maker),
            Phase::Check => Step::Agent(Role::Guardian),
            Phase::Act => Step::Rule,
        };
    }

    /// The Maker has worked, and committed.
    pub fn made(&mut self) {
        self.next = Step::Enter(Phase::Check);
    }

    /// Guardian has reviewed: its fast path (A2).
    pub fn guarded(&mut self, review: &Review) -> Option<Decided> {
        if self.is_pipeline {
            return self.guarded_in_pipeline(review);
        }
        let others = self.other_reviewers();
        if others.is_empty() {
            self.next = Step::Enter(Phase::Act);
            return None;
        }
        let is_first_of_thorough = self.workflow == Workflow::Thorough && self.cycle == 1;
        let is_clean = review.critical == 0 && review.warning == 0 && review.approves();
        if is_clean && !self.is_escalated && !is_first_of_thorough {
            self.next = Step::Enter(Phase::Act);
            return Some(Decided {
                what: "guardian_fast_path",
                chosen: "skip_remaining_reviewers",
                rationale: "0 CRITICAL, 0 WARNING".to_owned(),
            });
        }
        self.next = Step::Reviewers(others);
        None
    }

    /// Skeptic questions the plan only where Guardian found something; Sage reviews always.
    fn guarded_in_pipeline(&mut self, review: &Review) -> Option<Decided> {
        let is_clean = review.is_clean();
        let role = if is_clean { Role::Sage } else { Role::Skeptic };
        self.next = Step::Reviewers(vec![role]);
        is_clean.then(|| Decided {
            what: "pipeline",
            chosen: "skip_skeptic",
            rationale: "Guardian found nothing".to_owned(),
        })
    }

    /// Those who were to review have.
    pub fn reviewed(&mut self) {
        let was_skeptic = self.next == Step::Reviewers(vec![Role::Skeptic]);
        self.next = match self.is_pipeline && was_skeptic {
            true => Step::Reviewers(vec![Role::Sage]),
            false => Step::Enter(Phase::Act),
        };
    }

    /// The reviewers beside Guardian.
    pub fn other_reviewers(&self) -> Vec<Role> {
        let reviewers = self.workflow.reviewers().iter().copied();
        reviewers.filter(|role| *role != Role::Guardian).collect()
    }

    /// The reviews are put together: `open` is what they found, each once. Says what follows, and
    /// which rule was applied on the way.
    pub fn ruled(
        &mut self,
        reviews: &[Review],
        open: Vec<Matter>,
        broken: Option<&Break>,
    ) -> (Ruled, Option<Decided>) {
        let escalates = self.workflow == Workflow::Fast
            && !self.is_escalated
            && reviews
                .iter()
                .any(|review| review.role == Role::Guardian && review.critical >= 2);
        let before = self.history.last().map_or(&[][..], Vec::as_slice);
        // The limit that there is once the escalation has raised it.
        let limit = match escalates {
            true => self.raised_limit(),
            false => self.limit,
        };
        let ruled = ruling::rule(&ruling::Situation {
            reviews,
            open: &open,
            before,
            broken,
            escalates,
            has_cycles: self.cycle < limit,
        });
        let decided = (escalates && ruled.ruling == Ruling::Escalate).then(|| {
            self.escalate();
            Decided {
                what: "escalation",
                chosen: "upgrade_to_standard",
                rationale: "Guardian found 2 or more CRITICAL in a fast workflow".to_owned(),
            }
        });
        self.history.push(open);
        self.next = match ruled.ruling {
            Ruling::Break => Step::End(End::Broken),
            Ruling::SameCritical => Step::End(End::Escalated),
            Ruling::Merge => Step::Merge,
            Ruling::Escalate | Ruling::CycleBack => Step::CycleBack,
            Ruling::NoCyclesLeft => Step::End(End::MaxCycles),
        };
        (ruled, decided)
    }

    /// What was merged fails its tests: it is taken back, and the next cycle hears of it.
    pub fn tests_failed(&mut self, found: Matter) {
        match self.history.last_mut() {
            Some(open) => open.push(found),
            None => self.history.push(vec![found]),
        }
        self.next = match self.cycle < self.limit {
            true => Step::CycleBack,
            false => Step::End(End::MaxCycles),
        };
    }

    /// The cycle is put away.
    pub fn cycled_back(&mut self) {
        self.cycle += 1;
        self.was_recreated = false;
        self.next = match self.is_pipeline {
            true => Step::Enter(Phase::Do),
            false => self.plan(),
        };
    }

    /// The Explorer works once in a run.
    fn plan(&self) -> Step {
        let explores = self.agents().contains(&Role::Explorer);
        match explores && !self.has_research {
            true => Step::Agent(Role::Explorer),
            false => Step::Agent(Role::Creator),
        }
    }

    fn escalate(&mut self) {
        self.is_escalated = true;
        self.upgrade();
    }

    fn upgrade(&mut self) {
        self.limit = self.raised_limit();
        self.workflow = self.workflow.max(Workflow::Standard);
    }

    /// That of the standard workflow at least, but never more than was said.
    fn raised_limit(&self) -> u32 {
        let raised = self.limit.max(Workflow::Standard.max_cycles());
        self.said.unwrap_or(raised)
    }
}
