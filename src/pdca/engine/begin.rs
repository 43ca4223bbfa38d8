//! How a run begins, and how one goes on whose process has ended: from its log, artifacts and branch.

use std::fs;
use std::io;
use std::path::Path;

use archal_core::clock::Timestamp;
use serde_json::json;

use crate::git::command::{self, Git, GitError};
use crate::pdca::artifacts::{self, Artifacts};
use crate::pdca::event::{Event, Kind, NewEvent};
use crate::pdca::finding::{Confidence, Open};
use crate::pdca::machine::course::{Course, Limit};
use crate::pdca::machine::ruling::Review as Counted;
use crate::pdca::place::{Place, RunId};
use crate::pdca::role::{Phase, Role, Workflow};

use super::act::{self, matter};
use super::change::{branch_ref, tip};
use super::drive::{Memo, decide};
use super::money;
use super::stage::{EngineError, Record, Stage};

/// Files told of a tree that is not clean.
const MOST_NAMES: usize = 5;

/// What a new run is to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wanted {
    /// The task.
    pub task: String,
    /// The workflow.
    pub workflow: Workflow,
    /// Whether it goes once from the plan to the merge, in place of a workflow.
    pub is_pipeline: bool,
    /// Why that one.
    pub reason: String,
    /// The cycles that somebody said.
    pub max_cycles: Option<u32>,
    /// The domain.
    pub domain: String,
    /// What stands before the id in the name of the branch.
    pub branch_prefix: String,
}

/// Why a run cannot begin here.
#[derive(Debug, thiserror::Error)]
pub enum BeginError {
    /// No branch is checked out.
    #[error("no branch is checked out: a run is merged into the branch it began on")]
    Detached,
    /// The checkout has changes.
    #[error("the checkout has changes that are not committed: {}", .0.join(", "))]
    Dirty(Vec<String>),
    /// It has no commit.
    #[error("the repository has no commit yet")]
    NoCommit(#[source] GitError),
    /// No branch can have that name.
    #[error("`{0}` cannot be the beginning of a branch's name")]
    Prefix(String),
    /// The run is over.
    #[error("the run {run} is over: it is {status}")]
    Over {
        /// The run.
        run: RunId,
        /// How it ended.
        status: String,
    },
    /// Its state cannot be used.
    #[error(transparent)]
    Engine(#[from] EngineError),
}

/// Finds out where a run can begin, and writes down how it does. No event is written yet.
///
/// # Errors
///
/// When the checkout is not fit for it, or its state cannot be written.
pub fn begin(
    repo: &Path,
    path: &str,
    place: &Place,
    wanted: Wanted,
    now: Timestamp,
) -> Result<(RunId, Record), BeginError> {
    let git = || Git::new(repo, path);
    let base = command::head(repo, path).map_err(BeginError::NoCommit)?;
    let base_branch = git()
        .args(["symbolic-ref", "--quiet", "--short", "HEAD"])
        .line()
        .map_err(|_| BeginError::Detached)?;
    let changed = command::changed_tracked_files(repo, path).map_err(EngineError::from)?;
    if !changed.is_empty() {
        return Err(BeginError::Dirty(
            changed.into_iter().take(MOST_NAMES).collect(),
        ));
    }
    let prefix = &wanted.branch_prefix;
    let name = |run: &RunId| format!("{prefix}{run}");
    let named = RunId::of_task(now, &wanted.task, |_| false);
    let is_name = git()
        .args(["check-ref-format", &branch_ref(&name(&named))])
        .output()
        .is_ok();
    if prefix.starts_with('-') || !is_name {
        return Err(BeginError::Prefix(prefix.clone()));
    }
    place.prepare(&named).map_err(EngineError::from)?;
    let run = RunId::of_task(now, &wanted.task, |run| {
        place.artifacts(run).exists()
            || place.events(run).exists()
            || tip(repo, path, &name(run)).is_some()
            || is_claimed(&place.run(run))
    });
    place.prepare(&run).map_err(EngineError::from)?;
    let branch = name(&run);
    let record = Record {
        task: wanted.task,
        workflow: wanted.workflow,
        is_pipeline: wanted.is_pipeline,
        reason: wanted.reason,
        max_cycles: wanted.max_cycles,
        base_branch,
        base,
        branch,
        domain: wanted.domain,
    };
    record.write(place, &run)?;
    let artifacts = Artifacts::of(place.artifacts(&run));
    let written = artifacts.write(artifacts::TASK, record.task.as_bytes());
    written.map_err(EngineError::from)?;
    Ok((run, record))
}

/// Whether another run has this folder; otherwise it is made, which only one of two can do that begin at
/// once. Where it cannot be made, writing to it says why.
fn is_claimed(folder: &Path) -> bool {
    let parent = folder.parent().map_or(Ok(()), fs::create_dir_all);
    let made = parent.and_then(|()| fs::create_dir(folder));
    made.is_err_and(|error| error.kind() == io::ErrorKind::AlreadyExists)
}

/// Makes the branch of a run where it is not there.
///
/// # Errors
///
/// When git refuses.
pub fn make_branch(repo: &Path, path: &str, record: &Record) -> Result<(), EngineError> {
    if tip(repo, path, &record.branch).is_none() {
        let zero = "0".repeat(record.base.len());
        Git::new(repo, path)
            .args([
                "update-ref",
                &branch_ref(&record.branch),
                &record.base,
                &zero,
            ])
            .output()?;
    }
    Ok(())
}

fn limit(record: &Record) -> Limit {
    record.max_cycles.map_or(Limit::OfWorkflow, Limit::Said)
}

/// The way of a run, from its beginning.
pub fn course(record: &Record) -> Course {
    match record.is_pipeline {
        true => Course::pipeline(limit(record)),
        false => Course::new(record.workflow, limit(record)),
    }
}

/// The beginning of a run that was never worked on.
pub fn fresh(stage: &Stage<'_>) -> (Course, Memo) {
    let course = course(stage.record);
    let memo = Memo {
        began: stage.clock.now(),
        ..Memo::default()
    };
    (course, memo)
}

/// Tells that a run begins, or goes on.
pub fn announce(stage: &Stage<'_>, course: &Course, memo: &Memo, from: Option<Phase>) {
    let record = stage.record;
    let mut data = json!({
        "task": stage.scrubber.text(&record.task),
        "workflow": course.way(),
        "reason": record.reason,
        "max_cycles": course.limit(),
        "team": course.agents(),
        "domain": record.domain,
        "driver": stage.choice.shown(),
    });
    if let Some(budget) = money::budget(stage, memo) {
        data["budget_usd"] = json!(budget);
    }
    if let Some(phase) = from {
        data["resumed_from"] = json!(phase);
    }
    stage.emit(NewEvent::new(
        Kind::RunStart,
        from.unwrap_or(Phase::Plan),
        data,
    ));
}

/// # Errors
///
/// When the run has ended and cannot be gone on with at `phase`; without one, none can that has ended.
pub fn refuse_over(run: &RunId, events: &[Event], phase: Option<Phase>) -> Result<(), BeginError> {
    let over = events
        .iter()
        .rfind(|event| matches!(event.kind, Kind::RunComplete | Kind::RunMerged));
    let status = over.map(|event| match event.kind {
        Kind::RunMerged => "merged",
        _ => event.text("status").unwrap_or("over"),
    });
    let went_on = over.is_some_and(|over| {
        let later = |event: &&Event| event.kind == Kind::RunStart && event.seq > over.seq;
        events.iter().any(|event| later(&event))
    });
    match status.filter(|status| !went_on && (phase.is_none() || *status == "merged")) {
        None => Ok(()),
        Some(status) => Err(BeginError::Over {
            run: run.clone(),
            status: status.to_owned(),
        }),
    }
}

/// Where a run is, from what it left. `phase` is where it is to go on; without it, where it was.
///
/// # Errors
///
/// When the run is over, or an artifact is missing that the phase needs.
pub fn resumed(
    stage: &Stage<'_>,
    events: &[Event],
    phase: Option<Phase>,
) -> Result<(Course, Memo, Phase), BeginError> {
    refuse_over(stage.run, events, phase)?;
    let chose =
        |what: &str, chosen: &str| events.iter().any(|event| is_choice(event, what, chosen));
    let mut course = course(stage.record);
    if chose("confidence_gate", "upgrade_to_standard") {
        course = course.upgraded();
    }
    if chose("escalation", "upgrade_to_standard") {
        course = course.escalated();
    }
    let (mut cycle, mut now) = this_cycle(events);
    let makes = matches!(phase, Some(Phase::Plan | Phase::Do));
    if makes && cycle < course.limit() && was_taken_back(&now) {
        // What was approved and fails its tests is worked on in another cycle, and its reviews are kept.
        act::told_cycle_back(stage);
        cycle += 1;
        now.clear();
    }
    if cycle > 1 && !now.iter().any(|event| event.kind == Kind::AgentStart) {
        // It may have been cut off in the midst of this.
        stage
            .artifacts
            .archive(cycle - 1)
            .map_err(EngineError::from)?;
    }
    let from = phase.unwrap_or_else(|| {
        last_phase(&now).unwrap_or(match course.is_pipeline() && cycle > 1 {
            true => Phase::Do,
            false => Phase::Plan,
        })
    });
    let mut reviewers = course.workflow().reviewers().to_vec();
    if was_fast(&now) {
        reviewers = vec![Role::Guardian];
    } else if course.is_pipeline() && from == Phase::Act {
        let guardian = super::check::kept_reviews(stage, &[Role::Guardian])?;
        let is_clean = |(role, review): &(Role, _)| Counted::of(*role, review).is_clean();
        let needs_skeptic = !guardian.iter().all(is_clean);
        reviewers.retain(|role| *role != Role::Skeptic || needs_skeptic);
    }
    stage
        .artifacts
        .ready_for(from, &reviewers)
        .map_err(EngineError::from)?;
    let is_made = phase.is_none() && last_end(&now, Role::Maker).is_some();
    match from {
        Phase::Act => {}
        Phase::Do if is_made => stale(stage.artifacts, Phase::Check)?,
        from => stale(stage.artifacts, from)?,
    }
    let mut findings: Vec<Vec<Open>> = Vec::new();
    for number in 1..cycle {
        findings.push(kept_findings(stage.artifacts, number)?);
    }
    let history = findings
        .iter()
        .map(|open| open.iter().map(matter).collect())
        .collect();
    if phase.is_none() && from == Phase::Do {
        undo_cut_off(stage, &now)?;
    }
    let mut course = course.at(cycle, from, history);
    if stage.artifacts.has(artifacts::EXPLORER) {
        course = course.with_research();
    }
    let count = |kind: Kind| events.iter().filter(|event| event.kind == kind).count() as u64;
    let mut memo = Memo {
        began: events
            .first()
            .and_then(Event::at)
            .unwrap_or(stage.clock.now()),
        findings,
        agents: count(Kind::AgentStart),
        fixes: count(Kind::FixApplied),
        spent: spent(events),
        is_estimated: events.iter().any(Event::is_estimated),
        shadows: events.iter().filter_map(shadow_of).collect(),
        reviewed: now
            .iter()
            .rfind(|event| is_start(event, Role::Guardian))
            .and_then(|event| Some(event.text("commit")?.to_owned())),
        ..Memo::default()
    };
    if from == Phase::Act {
        memo.reviews = super::check::kept_reviews(stage, &reviewers)?;
    }
    if phase.is_none() {
        pass_over(stage, &now, from, &mut course, &mut memo)?;
    }
    Ok((course, memo, from))
}

/// What the agents of a run cost so far, in US dollars.
pub fn spent(events: &[Event]) -> f64 {
    let ends = events
        .iter()
        .filter(|event| event.kind == Kind::AgentComplete);
    ends.filter_map(|event| event.amount("estimated_cost_usd"))
        .sum()
}

fn is_choice(event: &Event, what: &str, chosen: &str) -> bool {
    event.kind == Kind::Decision
        && event.text("what") == Some(what)
        && event.text("chosen") == Some(chosen)
}

fn is_start(event: &Event, role: Role) -> bool {
    event.kind == Kind::AgentStart && event.role() == Some(role.name())
}

/// Whether a merge was taken back because its tests failed.
fn was_taken_back(now: &[&Event]) -> bool {
    now.iter()
        .any(|event| is_choice(event, "post_merge_test", "revert"))
}

/// The failure mode of a role that an event tells.
fn shadow_of(event: &Event) -> Option<(String, String)> {
    let is_one = event.kind == Kind::ShadowDetected;
    let (role, name) = (event.role()?, event.text("shadow")?);
    is_one.then(|| (role.to_owned(), name.to_owned()))
}

/// The number of the cycle, and the events in it. Tests that fail after a merge do not end a cycle by
/// themselves: it may have been the last, or a merge that was asked for later.
fn this_cycle(events: &[Event]) -> (u32, Vec<&Event>) {
    let ends_one = |event: &&Event| {
        (event.kind == Kind::CycleBoundary && event.text("next_action") == Some("cycle_back"))
            || is_choice(event, "cycle", "cycle_back")
    };
    let ends = || events.iter().filter(ends_one);
    let last = ends().map(|event| event.seq).max().unwrap_or(0);
    let now = events.iter().filter(|event| event.seq > last).collect();
    let cycle = u32::try_from(ends().count()).unwrap_or(u32::MAX);
    (cycle.saturating_add(1), now)
}

/// Whether Guardian alone reviewed. What was decided before its last start was of another Check.
fn was_fast(now: &[&Event]) -> bool {
    let start = now.iter().rfind(|event| is_start(event, Role::Guardian));
    let from = start.map_or(0, |event| event.seq);
    now.iter().any(|event| {
        event.seq > from && is_choice(event, "guardian_fast_path", "skip_remaining_reviewers")
    })
}

/// The phase it was in: the last it entered, or began in.
fn last_phase(now: &[&Event]) -> Option<Phase> {
    now.iter()
        .rfind(|event| matches!(event.kind, Kind::PhaseTransition | Kind::RunStart))
        .and_then(|event| event.phase.parse().ok())
}

/// The phase in which a run ended, where its log says that.
pub fn phase_of(events: &[Event]) -> Phase {
    last_phase(&this_cycle(events).1).unwrap_or(Phase::Plan)
}

/// The end of an agent that came back, where it is the last thing that any agent did.
fn last_end<'e>(now: &[&'e Event], role: Role) -> Option<&'e Event> {
    let last = now
        .iter()
        .rfind(|event| matches!(event.kind, Kind::AgentStart | Kind::AgentComplete))?;
    let came_back = last.kind == Kind::AgentComplete && !last.data.contains_key("error");
    (came_back && last.role() == Some(role.name())).then_some(*last)
}

/// Passes over the agent whose work was kept before its phase was cut off: nobody works twice.
fn pass_over(
    stage: &Stage<'_>,
    now: &[&Event],
    from: Phase,
    course: &mut Course,
    memo: &mut Memo,
) -> Result<(), EngineError> {
    let role = match from {
        Phase::Plan => Role::Creator,
        Phase::Do => Role::Maker,
        Phase::Check | Phase::Act => return Ok(()),
    };
    let Some(end) = last_end(now, role) else {
        return Ok(());
    };
    memo.after = vec![end.seq];
    if role == Role::Maker {
        course.made();
    } else if let Some(proposal) = stage.artifacts.read(artifacts::CREATOR)? {
        let confidence = Confidence::read(&proposal);
        memo.confidence = Some(confidence);
        let decided = course.created(&confidence);
        decide(stage, Phase::Plan, decided.as_ref(), Some(end.seq));
    }
    Ok(())
}

/// Takes the commits of a Maker that was cut off from the branch again: its successor begins where it did.
fn undo_cut_off(stage: &Stage<'_>, now: &[&Event]) -> Result<(), EngineError> {
    if last_end(now, Role::Maker).is_some() {
        return Ok(());
    }
    let start = now.iter().find(|event| is_start(event, Role::Maker));
    let commit = start.and_then(|event| event.text("commit"));
    let (path, branch) = (stage.path(), &stage.record.branch);
    if let (Some(commit), Some(tip)) = (commit, tip(stage.repo, path, branch))
        && commit != tip
    {
        Git::new(stage.repo, path)
            .args(["merge-base", "--is-ancestor", commit, &tip])
            .output()?;
        Git::new(stage.repo, path)
            .args(["update-ref", &branch_ref(branch), commit, &tip])
            .output()?;
    }
    Ok(())
}

/// Takes away what a phase makes anew, so that none of it is taken for the new.
fn stale(artifacts: &Artifacts, from: Phase) -> Result<(), EngineError> {
    for name in artifacts.names()? {
        let is_review = name.starts_with("check-");
        let is_change = name.starts_with("do-") && from < Phase::Check;
        if is_review || is_change {
            let path = artifacts.path(&name);
            fs::remove_file(&path).map_err(|source| EngineError::Read { path, source })?;
        }
    }
    Ok(())
}

/// What was open at the end of a cycle.
///
/// # Errors
///
/// When it is there and cannot be read.
pub fn kept_findings(artifacts: &Artifacts, cycle: u32) -> Result<Vec<Open>, EngineError> {
    let name = artifacts::findings(cycle);
    let Some(text) = artifacts.read(&name)? else {
        return Ok(Vec::new());
    };
    serde_json::from_str(&text).map_err(|source| EngineError::Form {
        path: artifacts.path(&name),
        source,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A log of lines of kind, phase, and role or `what=chosen`; `-` where there is neither.
    fn log(lines: &[&str]) -> Vec<Event> {
        let event = |(seq, line): (u64, &&str)| {
            let words: Vec<&str> = line.split(' ').collect();
            let data = match words[2].split_once('=') {
                Some(("next_action", action)) => json!({"next_action": action}),
                Some((what, chosen)) => json!({"what": what, "chosen": chosen}),
                None => json!({"archetype": words[2]}),
            };
            let event = json!({
                "ts": "2026-04-03T10:00:00Z", "run_id": "r", "seq": seq, "parent": [],
                "type": words[0], "phase": words[1], "agent": null, "data": data,
            });
            serde_json::from_value(event).expect("an event")
        };
        (1..).zip(lines).map(event).collect()
    }

    #[test]
    fn only_the_last_check_says_whether_guardian_reviewed_alone() {
        const ALONE: &str = "decision check guardian_fast_path=skip_remaining_reviewers";
        let once = ["agent.start check guardian", ALONE];
        let again = [
            &once[..],
            &["agent.start check guardian", "agent.start check sage"],
        ]
        .concat();
        for (lines, wanted) in [(&once[..], true), (&again[..], false), (&[ALONE][..], true)] {
            let events = log(lines);
            assert_eq!(was_fast(&this_cycle(&events).1), wanted, "{lines:?}");
        }
    }

    #[test]
    fn a_run_is_in_the_phase_it_last_entered_or_began_in() {
        let cut_off = [
            "run.start plan -",
            "phase.transition act -",
            "run.start check -",
        ];
        assert_eq!(phase_of(&log(&cut_off)), Phase::Check);
        assert_eq!(phase_of(&log(&cut_off[..2])), Phase::Act);
        assert_eq!(phase_of(&[]), Phase::Plan);
    }

    #[test]
    fn failed_tests_end_a_cycle_only_where_the_run_went_back() {
        let mut lines = vec![
            "run.start plan -",
            "cycle.boundary act next_action=cycle_back",
            "cycle.boundary act next_action=merge",
            "decision act post_merge_test=revert",
        ];
        let events = log(&lines);
        let (cycle, now) = this_cycle(&events);
        assert_eq!((cycle, now.len()), (2, 2));
        lines.push("decision act cycle=cycle_back");
        let events = log(&lines);
        let (cycle, now) = this_cycle(&events);
        assert_eq!((cycle, now.len()), (3, 0));
    }

    #[test]
    fn of_those_who_begin_a_run_at_once_one_has_it() {
        let root = tempfile::tempdir().expect("a folder");
        let folder = root.path().join("runs/r");
        let claimed = std::thread::scope(|scope| {
            let all = [(); 8].map(|()| scope.spawn(|| is_claimed(&folder)));
            all.map(|one| one.join().expect("no panic"))
        });
        let won = claimed.iter().filter(|is_claimed| !**is_claimed);
        assert_eq!(won.count(), 1);
        assert!(is_claimed(&folder));
    }
}
