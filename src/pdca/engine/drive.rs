//! The loop: what comes next is done, and the machine is told what came of it.

use std::collections::BTreeMap;

use archal_core::clock::Timestamp;
use serde_json::{Map, Value, json};

use crate::pdca::artifacts;
use crate::pdca::cost::Gate;
use crate::pdca::event::{Kind, NewEvent};
use crate::pdca::feedback;
use crate::pdca::finding::{Confidence, Open, Review, Route, Status};
use crate::pdca::machine::course::{Course, Decided, End, Step};
use crate::pdca::metrics;
use crate::pdca::outline::counted;
use crate::pdca::prompt::{Ask, Material};
use crate::pdca::role::{Phase, Role};
use crate::reproduce::workplace::Workplace;

use super::agent::{self, Call, Said, Worked};
use super::change::{self, Taken};
use super::money;
use super::process;
use super::shadows::look;
use super::stage::{EngineError, Stage};
use super::telling::{doing, facts, heading, mark, seconds, summary};
use super::{act, check};

/// What a run remembers beside where it is.
#[derive(Debug, Default)]
pub struct Memo {
    /// When it began.
    pub began: Timestamp,
    /// The events that what comes next follows from, where they are not the usual ones.
    pub(super) after: Vec<u64>,
    /// The event with which the phase began.
    pub(super) transition: Option<u64>,
    /// The verdicts of this cycle and of the one before.
    pub(super) verdicts: BTreeMap<Role, u64>,
    pub(super) verdicts_before: BTreeMap<Role, u64>,
    /// The reviews of this cycle.
    pub reviews: Vec<(Role, Review)>,
    /// What was open at the end of each cycle.
    pub findings: Vec<Vec<Open>>,
    /// How far each cycle came.
    pub(super) convergence: Vec<f64>,
    /// How often each agent was started in this cycle.
    pub(super) attempts: BTreeMap<String, u32>,
    /// Agents started in all.
    pub agents: u64,
    /// Findings that were fixed.
    pub fixes: u64,
    /// What it cost so far in US dollars.
    pub spent: f64,
    /// Whether some of it is not known but estimated.
    pub is_estimated: bool,
    /// The failure modes that showed in the whole run: role and name.
    pub(super) shadows: Vec<(String, String)>,
    /// What a role is told at its next start.
    pub(super) corrections: BTreeMap<Role, String>,
    /// A scenario that still fails with the change.
    pub(super) held: Option<Open>,
    /// The commit that was reviewed.
    pub(super) reviewed: Option<String>,
    /// Whether the merge was taken back because its tests failed.
    pub(super) is_taken_back: bool,
    /// Who cost more than an agent may.
    pub(super) too_dear: Option<String>,
    /// Why it ended, for people.
    pub why: String,
    /// How sure the Creator is.
    pub confidence: Option<Confidence>,
}

/// Works until the run ends.
///
/// # Errors
///
/// When an artifact cannot be kept, or git or a copy fails; the branch stays.
pub fn drive(stage: &Stage<'_>, course: &mut Course, memo: &mut Memo) -> Result<End, EngineError> {
    loop {
        if stage.stop.is_stopped() {
            course.end(End::Stopped);
        }
        match course.next().clone() {
            Step::Agent(Role::Maker) => make(stage, course, memo)?,
            Step::Agent(Role::Guardian) => check::guard(stage, course, memo)?,
            Step::Agent(role) => plan(stage, course, memo, role)?,
            Step::RiskResearch => {
                let said = one(stage, course, memo, (Role::Explorer, Ask::Risks), None)?;
                if let Some(worked) = said {
                    keep(stage, artifacts::MINI_EXPLORER, &worked.said.text)?;
                    complete(
                        stage,
                        memo,
                        course,
                        Role::Explorer,
                        &worked.said,
                        &[artifacts::MINI_EXPLORER],
                    );
                    course.risks_researched();
                }
            }
            Step::Reviewers(roles) => check::others(stage, course, memo, &roles)?,
            Step::Enter(phase) => enter(stage, course, memo, phase)?,
            Step::Rule => act::rule(stage, course, memo)?,
            Step::Merge => act::merge(stage, course, memo)?,
            Step::CycleBack => act::cycle_back(stage, course, memo)?,
            Step::End(end) => return Ok(end),
        }
    }
}

fn plan(
    stage: &Stage<'_>,
    course: &mut Course,
    memo: &mut Memo,
    role: Role,
) -> Result<(), EngineError> {
    let has_research = stage.artifacts.has(artifacts::EXPLORER);
    let ask = match role == Role::Creator && !has_research {
        true => Ask::Reflect,
        false => Ask::Usual,
    };
    let Some(worked) = one(stage, course, memo, (role, ask), None)? else {
        return Ok(());
    };
    if look(stage, course, memo, role, &worked.said.text)? {
        return Ok(());
    }
    let name = match role {
        Role::Explorer => artifacts::EXPLORER,
        _ => artifacts::CREATOR,
    };
    keep(stage, name, &worked.said.text)?;
    let seq = complete(stage, memo, course, role, &worked.said, &[name]);
    memo.after = seq.into_iter().collect();
    if role == Role::Explorer {
        course.explored();
        return Ok(());
    }
    let confidence = Confidence::read(&worked.said.text);
    memo.confidence = Some(confidence);
    let decided = course.created(&confidence);
    decide(stage, Phase::Plan, decided.as_ref(), seq);
    if matches!(course.next(), Step::End(End::NeedsUser)) {
        memo.why = "the Creator does not understand the task well enough: say more, or answer what it asks in its proposal"
            .to_owned();
    }
    Ok(())
}

fn make(stage: &Stage<'_>, course: &mut Course, memo: &mut Memo) -> Result<(), EngineError> {
    let mut going_on: Option<Workplace> = None;
    loop {
        let ask = match going_on {
            None => Ask::Usual,
            Some(_) => Ask::Commit,
        };
        let is_second = going_on.is_some();
        let Some(worked) = one(stage, course, memo, (Role::Maker, ask), going_on.take())? else {
            return Ok(());
        };
        keep(stage, artifacts::MAKER, &worked.said.text)?;
        let left = match change::uncommitted(stage, &worked.place) {
            Ok(left) => left,
            Err(why) => return refuse(stage, course, memo, &worked, &why),
        };
        if !left.is_empty() && !is_second {
            let said = &worked.said;
            complete(stage, memo, course, Role::Maker, said, &[artifacts::MAKER]);
            (stage.warn)(&format!(
                "the Maker left changes that are not committed ({}); it is sent back to commit",
                left.join(", ")
            ));
            going_on = Some(worked.place);
            continue;
        }
        if !left.is_empty() {
            let why = format!(
                "it left changes that are not committed: {}",
                left.join(", ")
            );
            return refuse(stage, course, memo, &worked, &why);
        }
        let (files, diff) = match change::take(stage, &worked.place)? {
            Taken::Change { files, diff } => (files, diff),
            Taken::NoCommits => {
                return refuse(stage, course, memo, &worked, "it committed nothing");
            }
            Taken::Refused(why) => return refuse(stage, course, memo, &worked, &why),
        };
        stage
            .artifacts
            .write(artifacts::FILES, &stage.scrubber.bytes(&files))?;
        stage
            .artifacts
            .write(artifacts::DIFF, &stage.scrubber.bytes(&diff))?;
        if look(stage, course, memo, Role::Maker, &worked.said.text)? {
            return Ok(());
        }
        let names = [artifacts::MAKER, artifacts::FILES, artifacts::DIFF];
        let seq = complete(stage, memo, course, Role::Maker, &worked.said, &names);
        memo.after = seq.into_iter().collect();
        course.made();
        return Ok(());
    }
}

fn refuse(
    stage: &Stage<'_>,
    course: &mut Course,
    memo: &mut Memo,
    worked: &Worked,
    why: &str,
) -> Result<(), EngineError> {
    let why = stage.scrubber.text(why);
    complete(
        stage,
        memo,
        course,
        Role::Maker,
        &worked.said,
        &[artifacts::MAKER],
    );
    memo.why = format!("the Maker's work cannot be taken: {why}");
    course.end(End::Blocked);
    Ok(())
}

fn enter(
    stage: &Stage<'_>,
    course: &mut Course,
    memo: &mut Memo,
    phase: Phase,
) -> Result<(), EngineError> {
    if phase == Phase::Do && stage.is_dry_run {
        memo.why = "only the plan was wanted".to_owned();
        course.end(End::Planned);
        return Ok(());
    }
    let from = match phase {
        Phase::Plan => Phase::Act,
        Phase::Do if course.is_pipeline() && course.cycle() > 1 => Phase::Act,
        Phase::Do => Phase::Plan,
        Phase::Check => Phase::Do,
        Phase::Act => Phase::Check,
    };
    let mut data = json!({"from": from, "to": phase});
    if phase != Phase::Act {
        data["artifacts_so_far"] = json!(stage.artifacts.names()?);
    }
    let event = NewEvent::new(Kind::PhaseTransition, phase, data);
    let event = match memo.after.is_empty() {
        true => event,
        false => event.after(std::mem::take(&mut memo.after)),
    };
    memo.transition = stage.emit(event);
    course.entered(phase);
    Ok(())
}

/// Starts one agent and waits for it. None where it did not return, or cannot go on: the run has
/// ended then.
pub(super) fn one(
    stage: &Stage<'_>,
    course: &mut Course,
    memo: &mut Memo,
    (role, ask): (Role, Ask),
    place: Option<Workplace>,
) -> Result<Option<Worked>, EngineError> {
    if !money::affords(stage, course, memo, &[role]) {
        return Ok(None);
    }
    let material = material(stage)?;
    let commit = commit_for(stage, role);
    let attempt = begin(stage, memo, course, (role, ask), &commit);
    let model = model(stage, course, memo, role);
    let worked = agent::work(
        &stage.of_agent(role, Vec::new()),
        &Call {
            role,
            ask,
            workflow: course.workflow(),
            cycle: course.cycle(),
            attempt,
            commit: &commit,
            material: &material,
            model: model.as_deref(),
            correction: memo.corrections.get(&role).map(String::as_str),
        },
        place,
    )?;
    money::charge(stage, memo, [(role, &worked.said)]);
    Ok(returned(stage, course, memo, role, &worked.said).then_some(worked))
}

/// Whether an agent came back with something to go on with; otherwise the run ends.
pub(super) fn returned(
    stage: &Stage<'_>,
    course: &mut Course,
    memo: &mut Memo,
    role: Role,
    said: &Said,
) -> bool {
    if let Some(why) = &said.failure {
        let mut data = facts(role, said, &[]);
        data.insert("error".to_owned(), true.into());
        data.insert("reason".to_owned(), why.as_str().into());
        stage.emit(event_of(Kind::AgentComplete, role, data));
        memo.why = format!("{role} did not return: {why}");
        (stage.tell)(&format!("{} -> failed: {why}", heading(role)));
        let end = if said.was_stopped {
            End::Stopped
        } else {
            End::Failed
        };
        course.end(end);
        return false;
    }
    let end = match said.status {
        Status::Done | Status::DoneWithConcerns => return true,
        Status::NeedsContext => End::NeedsUser,
        Status::Blocked => End::Blocked,
    };
    stage.emit(event_of(Kind::AgentComplete, role, facts(role, said, &[])));
    let word = said.status.name();
    memo.why = format!("{role} says {word}: {}", summary(&said.text));
    (stage.tell)(&format!("{} -> {word}", heading(role)));
    course.end(end);
    false
}

/// Tells that an agent starts; which start of it in the cycle this is.
pub(super) fn begin(
    stage: &Stage<'_>,
    memo: &mut Memo,
    course: &Course,
    (role, ask): (Role, Ask),
    commit: &str,
) -> u32 {
    let name = process::name(role, ask == Ask::Risks);
    let attempt = memo.attempts.entry(name).or_default();
    *attempt += 1;
    let attempt = *attempt;
    memo.agents += 1;
    let data = json!({
        "archetype": role,
        "prompt_summary": doing(role),
        "cycle": course.cycle(),
        "model": model(stage, course, memo, role),
        "commit": commit,
    });
    let event = NewEvent::new(Kind::AgentStart, role.phase(), data).by(role);
    // The Creator builds on the Explorer, everybody else on the beginning of the phase.
    let event = match (role, memo.after.as_slice(), memo.transition) {
        (Role::Creator, [_, ..], _) => event.after(memo.after.clone()),
        (_, _, Some(transition)) if role.phase() == Phase::Check => event.after([transition]),
        _ => event,
    };
    stage.emit(event);
    (stage.show)(&heading(role));
    attempt
}

/// Tells that an agent has ended well.
pub(super) fn complete(
    stage: &Stage<'_>,
    memo: &Memo,
    course: &Course,
    role: Role,
    said: &Said,
    names: &[&str],
) -> Option<u64> {
    let mut data = facts(role, said, names);
    data.insert("cycle".to_owned(), course.cycle().into());
    if role == Role::Maker {
        data.extend(figures(stage));
    }
    let seq = stage.emit(event_of(Kind::AgentComplete, role, data));
    let mut told = format!("{:.1}s", seconds(said.duration_ms));
    match (role, memo.confidence, names) {
        (Role::Creator, _, _) => {
            let confidence = Confidence::read(&said.text);
            told.push_str(&format!(
                ", confidence: {:.2}",
                confidence.solution_completeness
            ));
        }
        (Role::Maker, _, [_, files, ..]) => {
            let files = stage
                .artifacts
                .read(files)
                .ok()
                .flatten()
                .unwrap_or_default();
            told.push_str(&format!(
                ", {}",
                counted(files.lines().count() as u64, "file")
            ));
        }
        _ => {}
    }
    if role.phase() != Phase::Check {
        (stage.tell)(&format!("{} -> done ({told})", heading(role)));
    }
    seq
}

/// The figures of the domain, of the change as it is.
pub(super) fn figures(stage: &Stage<'_>) -> Map<String, Value> {
    let diff = stage.artifacts.read(artifacts::DIFF).ok().flatten();
    let figures = diff.map(|diff| metrics::of_change(&diff, &stage.domain.metrics));
    figures.unwrap_or_default()
}

fn event_of(kind: Kind, role: Role, data: Map<String, Value>) -> NewEvent {
    NewEvent::new(kind, role.phase(), Value::Object(data)).by(role)
}

/// Puts a decision on record.
pub(super) fn decide(
    stage: &Stage<'_>,
    phase: Phase,
    decided: Option<&Decided>,
    after: Option<u64>,
) {
    let Some(decided) = decided else {
        return;
    };
    let event = NewEvent::new(
        Kind::Decision,
        phase,
        json!({
            "what": decided.what,
            "chosen": decided.chosen,
            "rationale": decided.rationale,
        }),
    );
    stage.emit(match after {
        Some(seq) => event.after([seq]),
        None => event,
    });
    (stage.tell)(&format!(
        "{} {}: {} ({})",
        mark(phase),
        decided.what,
        decided.chosen,
        decided.rationale
    ));
}

/// Keeps what an agent said.
pub(super) fn keep(stage: &Stage<'_>, name: &str, text: &str) -> Result<(), EngineError> {
    Ok(stage.artifacts.write(name, text.as_bytes())?)
}

/// What there is to tell, from the artifacts.
pub(super) fn material(stage: &Stage<'_>) -> Result<Material, EngineError> {
    let read = |name: &str| stage.artifacts.read(name);
    // What an earlier cycle hands on, or the tests of a merge that failed after the last.
    let feedback = read(artifacts::FEEDBACK)?;
    let of_maker = match stage.record.is_pipeline {
        // Nobody plans anew: what blocks is the Maker's, whoever found it.
        true => feedback.clone(),
        false => feedback
            .as_deref()
            .and_then(|feedback| feedback::section(feedback, Route::Maker)),
    };
    Ok(Material {
        task: stage.record.task.clone(),
        research: read(artifacts::EXPLORER)?,
        risk_research: read(artifacts::MINI_EXPLORER)?,
        proposal: read(artifacts::CREATOR)?,
        maker_feedback: of_maker,
        feedback,
        report: read(artifacts::MAKER)?,
        diff: read(artifacts::DIFF)?,
    })
}

/// The commit an agent looks at: those who plan and who question the plan do not see the change.
pub(super) fn commit_for(stage: &Stage<'_>, role: Role) -> String {
    match role {
        Role::Explorer | Role::Skeptic => stage.record.base.clone(),
        _ => change::tip(stage.repo, stage.path(), &stage.record.branch)
            .unwrap_or_else(|| stage.record.base.clone()),
    }
}

/// The model of a role; a smaller one for reviewers once most of the budget is spent.
pub(super) fn model(stage: &Stage<'_>, course: &Course, memo: &Memo, role: Role) -> Option<String> {
    let models = &stage.settings.config.models;
    let model = models.of(role, course.workflow(), stage.domain.model(role))?;
    let gate = money::gate(stage, memo);
    let is_scarce = matches!(gate, Gate::Downgrade | Gate::Finish | Gate::Stop);
    Some(match is_scarce && role.phase() == Phase::Check {
        true => model.replace("sonnet", "haiku"),
        false => model.to_owned(),
    })
}
