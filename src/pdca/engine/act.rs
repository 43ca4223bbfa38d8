//! Act: the reviews are put together and ruled on, and what was ruled is done.

use serde_json::json;

use crate::pdca::artifacts;
use crate::pdca::consolidate::{self, Consolidated};
use crate::pdca::convergence::{Convergence, is_same_set, oscillating};
use crate::pdca::event::{Kind, NewEvent};
use crate::pdca::feedback;
use crate::pdca::finding::{Finding, Open, Route, Severity};
use crate::pdca::machine::breaks::{self, Signs};
use crate::pdca::machine::course::{Course, End, Step};
use crate::pdca::machine::ruling::{Matter, Review, Ruling};
use crate::pdca::role::Phase;
use crate::pdca::shadow;

use super::drive::{Memo, decide};
use super::landing::{self, Landed, Merge, Prepared};
use super::stage::{EngineError, Stage};
use super::{check, command, money};

/// What failed tests are called among the findings.
const TESTS: &str = "post-merge-test";

/// Puts the reviews together and rules.
pub(super) fn rule(
    stage: &Stage<'_>,
    course: &mut Course,
    memo: &mut Memo,
) -> Result<(), EngineError> {
    if memo.reviews.is_empty() {
        memo.reviews = check::kept_reviews(stage, course.workflow().reviewers())?;
    }
    let cycle = course.cycle();
    let found = together(stage, memo, cycle)?;
    fixed(stage, memo, &found, cycle)?;
    let (before, last) = match memo.findings.as_slice() {
        [.., before, last] => (before.as_slice(), last.as_slice()),
        [last] => (&[][..], last.as_slice()),
        [] => (&[][..], &[][..]),
    };
    let signs = Signs {
        oscillating: oscillating(before, last, &found.open).len(),
        convergence: memo.convergence.clone(),
        is_unchanged: is_same_set(last, &found.open),
        spent_percent: money::budget(stage, memo).map(|budget| percent(memo.spent, budget)),
    };
    of_system(stage, memo, cycle)?;
    let broken = breaks::look(&signs);
    let reviews: Vec<Review> = memo
        .reviews
        .iter()
        .map(|(role, review)| Review::of(*role, review))
        .collect();
    let open: Vec<Matter> = found.open.iter().map(matter).collect();
    let (ruled, decided) = course.ruled(&reviews, open, broken.first());
    if ruled.ruling == Ruling::Break {
        let triggers: Vec<_> = broken
            .iter()
            .map(|one| json!({"type": one.trigger, "reason": one.reason}))
            .collect();
        let is_hard = broken.iter().any(|one| one.is_hard);
        let kind = if is_hard { "hard" } else { "soft" };
        let data = json!({"wiggum_break": true, "type": kind, "triggers": triggers});
        stage.emit(NewEvent::new(Kind::WiggumBreak, Phase::Act, data));
        let reasons: Vec<&str> = broken.iter().map(|one| one.reason.as_str()).collect();
        memo.why = reasons.join("; ");
    }
    decide(stage, Phase::Act, decided.as_ref(), None);
    let ruling = ruled.ruling;
    // Before the cycle counts as over: one that is gone on with is told of it.
    if matches!(course.next(), Step::CycleBack) {
        let document = feedback::document(cycle, &found);
        stage
            .artifacts
            .write(artifacts::FEEDBACK, document.as_bytes())?;
    }
    stage.emit(NewEvent::new(
        Kind::CycleBoundary,
        Phase::Act,
        json!({
            "cycle": cycle,
            "max_cycles": course.limit(),
            "exit_condition": "all_approved",
            "met": ruling == Ruling::Merge,
            "next_action": ruling.next_action(),
            "decision": ruling.decision(),
            "reason": ruling.reason(),
            "critical": found.count(Severity::Critical),
            "warning": found.count(Severity::Warning),
            "info": found.count(Severity::Info),
            "convergence": memo.convergence.last(),
            "commit": memo.reviewed,
        }),
    ));
    let told = format!(
        "{} CRITICAL, {} WARNING, {} INFO",
        found.count(Severity::Critical),
        found.count(Severity::Warning),
        found.count(Severity::Info)
    );
    match ruling {
        Ruling::SameCritical => {
            memo.why = "the same CRITICAL was found in two cycles running".to_owned();
        }
        Ruling::NoCyclesLeft => {
            memo.why = format!("{told} after the last of {} cycles", course.limit());
        }
        _ => {}
    }
    let next = match ruling {
        Ruling::Merge => "All approved",
        Ruling::Escalate | Ruling::CycleBack => "Next cycle",
        _ => "Stopped",
    };
    (stage.tell)(&format!("[Act]   {next}: {told}"));
    memo.findings.push(found.open);
    Ok(())
}

fn together(stage: &Stage<'_>, memo: &mut Memo, cycle: u32) -> Result<Consolidated, EngineError> {
    let previous = memo.findings.last().cloned().unwrap_or_default();
    let reviews = memo.reviews.iter().map(|(role, review)| (*role, review));
    let mut found = consolidate::consolidate(reviews, &previous);
    if let Some(held) = memo.held.take() {
        found.add(held, &previous);
    }
    write_json(stage, &artifacts::findings(cycle), &found.open)?;
    if cycle > 1 {
        let earlier = memo
            .findings
            .split_last()
            .map_or(&[][..], |(_, earlier)| earlier);
        let convergence = Convergence::of(earlier, &previous, &found.open);
        write_json(stage, &artifacts::convergence(cycle), &convergence)?;
        memo.convergence.push(convergence.convergence_score);
    }
    Ok(found)
}

/// Tells the failure modes of the whole cycle, which are nobody's alone.
fn of_system(stage: &Stage<'_>, memo: &Memo, cycle: u32) -> Result<(), EngineError> {
    if stage.settings.config.shadows == Some(false) {
        return Ok(());
    }
    let read = |name: &str| stage.artifacts.read(name).map(Option::unwrap_or_default);
    let (diff, proposal) = (read(artifacts::DIFF)?, read(artifacts::CREATOR)?);
    for shadow in shadow::of_cycle(&memo.reviews, &diff, &proposal) {
        let data = json!({
            "archetype": "system",
            "shadow": shadow.name,
            "trigger": shadow.trigger,
            "action": "corrective_action",
            "cycle": cycle,
        });
        let mut event = NewEvent::new(Kind::ShadowDetected, Phase::Act, data);
        event.agent = Some("system".to_owned());
        stage.emit(event);
    }
    Ok(())
}

/// Tells each finding of the last cycle that is no more.
fn fixed(
    stage: &Stage<'_>,
    memo: &mut Memo,
    found: &Consolidated,
    cycle: u32,
) -> Result<(), EngineError> {
    if found.resolved.is_empty() {
        return Ok(());
    }
    let known = stage.artifacts.read(artifacts::FIXES)?;
    let mut lines = known.unwrap_or_default();
    for open in &found.resolved {
        let finding = &open.finding;
        let source = finding.source.first();
        let data = json!({
            "source": source,
            "finding": finding.description,
            "file": finding.file,
            "line": finding.line,
        });
        let review = source.and_then(|role| memo.verdicts_before.get(role));
        let event = NewEvent::new(Kind::FixApplied, Phase::Act, data.clone());
        stage.emit(match review {
            Some(seq) => event.after([*seq]),
            None => event,
        });
        memo.fixes += 1;
        let mut line = data;
        line["fixed_in_cycle"] = cycle.into();
        lines.push_str(&format!("{line}\n"));
    }
    Ok(stage.artifacts.write(artifacts::FIXES, lines.as_bytes())?)
}

/// Puts the cycle away.
pub(super) fn cycle_back(
    stage: &Stage<'_>,
    course: &mut Course,
    memo: &mut Memo,
) -> Result<(), EngineError> {
    let cycle = course.cycle();
    if std::mem::take(&mut memo.is_taken_back) {
        told_cycle_back(stage);
    }
    if !stage.artifacts.has(artifacts::FIXES) {
        stage.artifacts.write(artifacts::FIXES, b"")?;
    }
    stage.artifacts.archive(cycle)?;
    memo.verdicts_before = std::mem::take(&mut memo.verdicts);
    memo.reviews.clear();
    memo.attempts.clear();
    memo.reviewed = None;
    memo.after.clear();
    memo.transition = None;
    course.cycled_back();
    (stage.tell)(&format!("Cycle {}/{}", course.cycle(), course.limit()));
    Ok(())
}

/// Tells that a cycle ends because of the tests: its boundary was told before they ran, and said that it merges.
pub(super) fn told_cycle_back(stage: &Stage<'_>) {
    stage.emit(NewEvent::new(
        Kind::Decision,
        Phase::Act,
        json!({
            "what": "cycle",
            "chosen": "cycle_back",
            "rationale": "the tests fail after the merge",
        }),
    ));
}

/// Keeps what failed tests say, beside what was open, for whoever works next, and gives what is open now.
///
/// # Errors
///
/// When it cannot be kept.
pub fn keep_failed_tests(
    stage: &Stage<'_>,
    cycle: u32,
    open: &[Open],
    how: &str,
) -> Result<Vec<Open>, EngineError> {
    // Those that failed before fail again.
    let others = open.iter().filter(|open| open.id != TESTS).cloned();
    let found = Consolidated {
        open: std::iter::once(failed_tests(how)).chain(others).collect(),
        resolved: Vec::new(),
    };
    let document = feedback::document(cycle, &found);
    stage
        .artifacts
        .write(artifacts::FEEDBACK, document.as_bytes())?;
    write_json(stage, &artifacts::findings(cycle), &found.open)?;
    Ok(found.open)
}

/// Merges what is approved, where that may be done now.
pub(super) fn merge(
    stage: &Stage<'_>,
    course: &mut Course,
    memo: &mut Memo,
) -> Result<(), EngineError> {
    if !stage.merges {
        memo.why = format!("say yes with `archal pdca merge {}`", stage.run);
        course.end(End::AwaitingMerge);
        return Ok(());
    }
    let Some(reviewed) = memo.reviewed.clone() else {
        memo.why = "which commit was reviewed is not on record; the branch stays".to_owned();
        course.end(End::NotMerged);
        return Ok(());
    };
    let end = match land(stage, course.cycle(), Some(&reviewed))? {
        Merged::Yes(_) => End::Merged,
        Merged::Conflict => {
            memo.why = format!(
                "{} conflicts with {}; the branch stays, merge it by hand",
                stage.record.branch, stage.record.base_branch
            );
            End::Conflict
        }
        Merged::Forbidden => {
            memo.why = "a hook forbids the merge; the branch stays".to_owned();
            End::HookAbort
        }
        Merged::Not(why) => {
            memo.why = format!("not merged: {why}; the branch stays");
            End::NotMerged
        }
        Merged::TestsFailed(how) => {
            course.tests_failed(matter(&failed_tests(&how)));
            memo.why = "the tests fail after the merge, which was taken back".to_owned();
            memo.is_taken_back = true;
            if let Some(last) = memo.findings.last_mut() {
                *last = keep_failed_tests(stage, course.cycle(), last, &how)?;
            }
            return Ok(());
        }
        Merged::Stopped => End::Stopped,
    };
    course.end(end);
    Ok(())
}

/// What came of merging.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Merged {
    /// It is merged, by this commit.
    Yes(Merge),
    /// It conflicts.
    Conflict,
    /// A hook forbids it.
    Forbidden,
    /// It was not done, and why.
    Not(String),
    /// The tests fail; the branch was never moved.
    TestsFailed(String),
    /// archal was asked to stop.
    Stopped,
}

/// Hooks, the merge, its tests, and only then the branch of the user. Only what was `reviewed` is merged, where
/// that is said.
///
/// # Errors
///
/// When git or a copy fails.
pub fn land(stage: &Stage<'_>, cycle: u32, reviewed: Option<&str>) -> Result<Merged, EngineError> {
    let hooks = &stage.settings.hooks;
    let variables = [
        ("ARCHEFLOW_BRANCH", stage.record.branch.clone()),
        ("ARCHEFLOW_TARGET", stage.record.base_branch.clone()),
    ];
    let at = (Phase::Act, cycle);
    if !command::hook(stage, "pre-merge", hooks.pre_merge.as_ref(), at, &variables)? {
        return Ok(Merged::Forbidden);
    }
    let merge = match landing::prepare(stage, reviewed)? {
        Prepared::Ready(merge) => merge,
        Prepared::Unreviewed => {
            return Ok(Merged::Not(format!(
                "{} has commits that nobody reviewed: archal pdca run --run-id {} --start-from check",
                stage.record.branch, stage.run
            )));
        }
        Prepared::Conflict => return Ok(Merged::Conflict),
        Prepared::Nothing => {
            // Killed after the branch was moved and before that was told.
            let base = &stage.record.base_branch;
            return Ok(
                match landing::merge_of(stage.repo, stage.path(), base, stage.run)? {
                    Some(commit) => Merged::Yes(Merge {
                        onto: commit.clone(),
                        commit,
                    }),
                    None => Merged::Not("there is nothing to merge".to_owned()),
                },
            );
        }
        Prepared::NoTarget => {
            let branch = &stage.record.base_branch;
            return Ok(Merged::Not(format!("there is no branch {branch} any more")));
        }
    };
    if let Some(ran) = landing::test(stage, &merge, cycle)? {
        if ran.was_stopped {
            return Ok(Merged::Stopped);
        }
        if !ran.passed {
            let data = json!({
                "what": "post_merge_test",
                "chosen": "revert",
                "rationale": format!("the test command {}", ran.how),
            });
            stage.emit(NewEvent::new(Kind::Decision, Phase::Act, data));
            (stage.tell)(&format!(
                "[Act]   Tests after the merge: it {}; taken back",
                ran.how
            ));
            return Ok(Merged::TestsFailed(format!(
                "{}\n{}",
                ran.how, ran.last_words
            )));
        }
    }
    let branch = &stage.record.base_branch;
    let turn = stage.place.landing();
    let landed = landing::land(stage.repo, stage.path(), &turn, (branch, &merge))?;
    if let Landed::No(why) = landed {
        return Ok(Merged::Not(why));
    }
    (stage.tell)(&format!("[Act]   Merged to {branch}"));
    command::hook(
        stage,
        "post-merge",
        hooks.post_merge.as_ref(),
        at,
        &variables,
    )?;
    Ok(Merged::Yes(merge))
}

fn failed_tests(how: &str) -> Open {
    let words: Vec<&str> = how.split_whitespace().collect();
    Open {
        id: TESTS.to_owned(),
        finding: Finding {
            file: None,
            line: None,
            severity: Severity::Critical,
            category: "testing".to_owned(),
            description: format!("integration test failure: {}", words.join(" ")),
            fix: None,
            source: Vec::new(),
            text: how.to_owned(),
            downgraded: None,
        },
        routes_to: Route::Maker,
        cycles_open: 1,
    }
}

/// A finding as far as the machine needs it.
pub fn matter(open: &Open) -> Matter {
    Matter {
        id: open.id.clone(),
        is_critical: open.finding.severity == Severity::Critical,
    }
}

fn write_json(
    stage: &Stage<'_>,
    name: &str,
    value: &impl serde::Serialize,
) -> Result<(), EngineError> {
    let bytes = crate::store::atomic::json_bytes(&stage.artifacts.path(name), value)?;
    Ok(stage.artifacts.write(name, &bytes)?)
}

/// A part of a budget in whole percent.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a float is cut off at the ends of the integers"
)]
pub(super) fn percent(spent: f64, budget: f64) -> u64 {
    match budget > 0.0 {
        true => (spent / budget * 100.0).round() as u64,
        false => 100,
    }
}
