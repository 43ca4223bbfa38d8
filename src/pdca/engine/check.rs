//! The reviews: Guardian's alone and first, then the others side by side.

use std::path::PathBuf;
use std::thread;

use serde_json::json;

use crate::pdca::artifacts;
use crate::pdca::event::{Kind, NewEvent};
use crate::pdca::evidence;
use crate::pdca::finding::{Finding, Review, Severity, Verdict};
use crate::pdca::machine::course::Course;
use crate::pdca::machine::ruling;
use crate::pdca::prompt::Ask;
use crate::pdca::role::{Phase, Role};
use crate::reproduce::workplace::Workplace;

use super::agent::{self, Call, Said, Worked};
use super::drive::{self, Memo};
use super::held;
use super::money;
use super::shadows::look;
use super::stage::{EngineError, Stage};
use super::telling::{heading, mark, title};

/// Guardian reviews.
pub(super) fn guard(
    stage: &Stage<'_>,
    course: &mut Course,
    memo: &mut Memo,
) -> Result<(), EngineError> {
    memo.reviews.clear();
    memo.verdicts.clear();
    if !held::look(stage, course, memo)? {
        return Ok(());
    }
    let role = Role::Guardian;
    let Some(worked) = drive::one(stage, course, memo, (role, Ask::Usual), None)? else {
        return Ok(());
    };
    memo.reviewed = Some(worked.place.base().to_owned());
    take(stage, course, memo, role, &worked.said)?;
    if look(stage, course, memo, role, &worked.said.text)? {
        return Ok(());
    }
    let review = memo.reviews.last().map(|(_, review)| review);
    let Some(counted) = review.map(|review| ruling::Review::of(role, review)) else {
        return Ok(());
    };
    let decided = course.guarded(&counted);
    let seq = memo.verdicts.get(&role).copied();
    drive::decide(stage, Phase::Check, decided.as_ref(), seq);
    memo.after = memo.verdicts.values().copied().collect();
    Ok(())
}

/// The others review at the same time.
pub(super) fn others(
    stage: &Stage<'_>,
    course: &mut Course,
    memo: &mut Memo,
    roles: &[Role],
) -> Result<(), EngineError> {
    if !money::affords(stage, course, memo, roles) {
        return Ok(());
    }
    let material = drive::material(stage)?;
    // All copies are there before anybody starts, so that nobody can look into another's.
    let copies = roles.iter().map(|role| {
        let commit = drive::commit_for(stage, *role);
        Ok(stage.workshop(&commit).open(&[])?)
    });
    let copies: Vec<Workplace> = copies.collect::<Result<_, EngineError>>()?;
    let folders: Vec<PathBuf> = copies.iter().map(|copy| copy.folder().to_owned()).collect();
    let mut calls = Vec::new();
    for (at, role) in roles.iter().enumerate() {
        let commit = drive::commit_for(stage, *role);
        let attempt = drive::begin(stage, memo, course, (*role, Ask::Usual), &commit);
        let model = drive::model(stage, course, memo, *role);
        let correction = memo.corrections.get(role).cloned();
        let mut others = folders.clone();
        others.remove(at);
        let own = stage.of_agent(*role, others);
        calls.push((*role, attempt, commit, model, correction, own));
    }
    if roles.len() > 1 {
        let names: Vec<String> = roles.iter().copied().map(title).collect();
        (stage.show)(&format!(
            "{} {} reviewing...",
            mark(Phase::Check),
            names.join(", ")
        ));
    }
    let (workflow, cycle) = (course.workflow(), course.cycle());
    // Nobody's copy goes while another may still have to be kept out of it.
    let worked: Vec<Result<Worked, EngineError>> = thread::scope(|scope| {
        let started: Vec<_> = calls
            .iter()
            .zip(copies)
            .map(|((role, attempt, commit, model, correction, own), copy)| {
                let call = Call {
                    role: *role,
                    ask: Ask::Usual,
                    workflow,
                    cycle,
                    attempt: *attempt,
                    commit,
                    material: &material,
                    model: model.as_deref(),
                    correction: correction.as_deref(),
                };
                scope.spawn(move || agent::work(own, &call, Some(copy)))
            })
            .collect();
        started
            .into_iter()
            .map(|one| match one.join() {
                Ok(worked) => worked,
                Err(panic) => std::panic::resume_unwind(panic),
            })
            .collect()
    });
    let worked: Vec<Worked> = worked.into_iter().collect::<Result<_, _>>()?;
    let each = || {
        roles
            .iter()
            .copied()
            .zip(worked.iter().map(|one| &one.said))
    };
    money::charge(stage, memo, each());
    let mut is_whole = true;
    for (role, said) in each() {
        // What the others said is kept whatever became of one.
        match is_whole {
            true if drive::returned(stage, course, memo, role, said) => {
                take(stage, course, memo, role, said)?;
                is_whole = !look(stage, course, memo, role, &said.text)?;
            }
            true => is_whole = false,
            false if said.failure.is_none() => take(stage, course, memo, role, said)?,
            false => {}
        }
    }
    if is_whole {
        course.reviewed();
        memo.after = memo.verdicts.values().copied().collect();
    }
    Ok(())
}

/// Keeps a review, after the evidence gate, and its verdict.
fn take(
    stage: &Stage<'_>,
    course: &Course,
    memo: &mut Memo,
    role: Role,
    said: &Said,
) -> Result<(), EngineError> {
    let file = artifacts::review(role);
    let gated = evidence::gate(role, &said.text, &file);
    if gated.text.is_some() {
        drive::keep(stage, &artifacts::original(&file), &said.text)?;
    }
    drive::keep(stage, &file, gated.text.as_deref().unwrap_or(&said.text))?;
    drive::complete(stage, memo, course, role, said, &[&file]);
    for downgrade in &gated.downgrades {
        let data = json!({
            "archetype": role,
            "from": downgrade.from,
            "to": "INFO",
            "reason": downgrade.reason,
            "line": downgrade.line,
            "file": file,
        });
        stage.emit(NewEvent::new(Kind::EvidenceDowngrade, Phase::Check, data).by(role));
    }
    let review = with_reason(gated.review, role);
    let verdict = review.outcome();
    let data = json!({
        "archetype": role,
        "verdict": verdict,
        "findings": review.findings,
        "cycle": course.cycle(),
    });
    let seq = stage.emit(NewEvent::new(Kind::ReviewVerdict, Phase::Check, data).by(role));
    if let Some(seq) = seq {
        memo.verdicts.insert(role, seq);
    }
    let counts: Vec<String> = [Severity::Critical, Severity::Warning, Severity::Info]
        .iter()
        .map(|severity| (review.count(*severity), severity))
        .filter(|(count, _)| *count > 0)
        .map(|(count, severity)| format!("{count} {severity}"))
        .collect();
    let counts = match counts.is_empty() {
        true => String::new(),
        false => format!(" ({})", counts.join(", ")),
    };
    (stage.tell)(&format!("{} -> {verdict}{counts}", heading(role)));
    memo.reviews.push((role, review));
    Ok(())
}

/// A rejection that names nothing, or in words that are no finding, is a finding itself: the next cycle would
/// not hear of it.
pub(super) fn with_reason(mut review: Review, role: Role) -> Review {
    let description = match &review.unread {
        Some(line) => format!("{role} names a severity where no finding can be read: {line}"),
        None if !review.findings.is_empty() || review.outcome() != Verdict::Rejected => {
            return review;
        }
        None if review.verdict.is_some() => format!("{role} rejected without naming a finding"),
        None => format!("{role} gave no verdict that can be read"),
    };
    review.findings.push(Finding {
        file: None,
        line: None,
        severity: Severity::Info,
        category: "consistency".to_owned(),
        description,
        fix: None,
        source: vec![role],
        text: String::new(),
        downgraded: None,
    });
    // With a finding of archal's own it is no approval either.
    review.verdict = Some(Verdict::Rejected);
    review
}

/// The reviews of a cycle as they were kept, for a run that goes on at Act.
///
/// # Errors
///
/// When one cannot be read.
pub fn kept_reviews(stage: &Stage<'_>, roles: &[Role]) -> Result<Vec<(Role, Review)>, EngineError> {
    let mut reviews = Vec::new();
    for role in roles {
        let file = artifacts::review(*role);
        if let Some(text) = stage.artifacts.read(&file)? {
            let gated = evidence::gate(*role, &text, &file);
            reviews.push((*role, with_reason(gated.review, *role)));
        }
    }
    Ok(reviews)
}
