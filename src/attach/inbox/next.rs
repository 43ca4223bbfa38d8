//! What to do about a failure, as commands to copy.

use std::path::Path;

use crate::attach::handoff::quoted;
use crate::attach::job::{JobReport, Status};
use crate::attach::state::failures::{Failure, FailureStatus};
use crate::attach::state::jobs::StoredJob;
use crate::fix::publish;

use super::Desk;
use super::document::Next;

/// Flags with which a fixer may run.
const FIX: &str = "--execution-policy fix --allow-external-execution --fix-command '<command>'";

/// What is next for a group, whose job stands so and came from that directory.
pub(super) fn next(
    desk: &Desk,
    failure: &Failure,
    job: Option<&StoredJob>,
    directory: Option<&Path>,
) -> Next {
    let repo = quoted(&desk.shown);
    let said = |text: &str, commands: Vec<String>| Next {
        text: text.to_owned(),
        commands,
    };
    let issue = |action: &str| {
        let at = if desk.shown == Path::new(".") {
            String::new()
        } else {
            format!(" --repo {repo}")
        };
        format!("archal issue {action} {}{at}", failure.name)
    };
    if failure.status == FailureStatus::Dismissed {
        return said(
            "nothing: it is dismissed, and its traces are not worked on",
            vec![issue("reopen")],
        );
    }
    let Some(job) = job else {
        return said("nothing: no trace shows it any more", Vec::new());
    };
    let trace = quoted(Path::new(&job.report.name));
    let directory = directory.map_or_else(|| "<trace-dir>".to_owned(), quoted);
    let attach = |flags: &str| format!("archal attach {directory} --repo {repo} {flags}");
    let again = |stage: &str| {
        let from = if stage.is_empty() {
            String::new()
        } else {
            format!(" --from {stage}")
        };
        format!("archal attach-reprocess --repo {repo} {trace}{from}")
    };
    let status = format!("archal attach-status --repo {repo} {trace}");
    match job.report.status {
        Status::Queued | Status::Running => said("archal works on it", vec![status]),
        Status::WaitingBudget => said(
            "it waits for money: raise the cap, or wait for the next day",
            vec!["archal budget".to_owned()],
        ),
        Status::FailedGrade => said(
            "run the agent on it, to see whether HEAD still fails",
            vec![attach("--execution-policy reproduce")],
        ),
        // What these flags allow goes on by itself, with what was paid for already.
        Status::Reproduced => said("let a fixer repair the agent", vec![attach(FIX)]),
        Status::FixBlocked => said("give what is missing", vec![attach(FIX)]),
        Status::FixFailed => said(
            "look at what the fixer did (proof.json, rejected.patch), then try again",
            vec![again("reproduce")],
        ),
        Status::Fixed if is_applied(desk, &failure.name) => said(
            "nothing: its regression is in the checkout, so the patch is applied",
            Vec::new(),
        ),
        Status::Fixed if open_request(&job.report).is_some() => said(
            &format!("review {}", open_request(&job.report).unwrap_or_default()),
            vec![status],
        ),
        Status::Fixed => match &job.report.patch {
            Some(patch) => said(
                "review the patch and apply it",
                vec![format!("git -C {repo} apply {}", quoted(patch))],
            ),
            None => said("see the pull request", vec![status]),
        },
        Status::Blocked => said("give what is missing, then go on", vec![again("")]),
        Status::Flaky => said(
            "more attempts say how often it fails",
            vec![
                attach("--execution-policy reproduce --reproduce-runs 10"),
                again("reproduce"),
            ],
        ),
        Status::NotReproduced | Status::AlreadyFixed => said(
            "nothing, if HEAD repaired it; else say that it is no failure, or look again",
            vec![
                format!("{} --reason '<why>'", issue("dismiss")),
                again("reproduce"),
            ],
        ),
        Status::Cancelled | Status::Error => said("try again", vec![again("")]),
        Status::GroupMember => said(
            "no trace of it was worked on: choose one",
            vec![again("reproduce")],
        ),
        Status::Ok | Status::Unsure | Status::Observed | Status::Superseded => said(
            "its trace was looked at again; see how it stands",
            vec![status],
        ),
    }
}

/// The page of what is published and open.
fn open_request(job: &JobReport) -> Option<&str> {
    let request = job.published.as_ref()?.request.as_ref()?;
    (request.state == "open").then_some(request.url.as_str())
}

/// The patch brings the regression: where that is in the checkout, it was applied.
fn is_applied(desk: &Desk, group: &str) -> bool {
    let name = format!("{group}.md");
    desk.repo.join(publish::FOLDER).join(name).exists()
}
