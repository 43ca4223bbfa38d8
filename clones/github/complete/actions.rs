//! What follows in a seed row of Actions from the rest of it.

use std::time::Duration;

use archal_core::clone::{Stamp, ViewValue};
use archal_core::diagnostic::Diagnostic;

use super::{actor, node_id, repo_id};
use crate::engine::pack::Completing;
use crate::engine::row::{Draft, list, text};
use crate::engine::table::TableId;
use crate::github::refs;
use crate::github::social::{DAY, ago, copy};
use crate::github::tables::{
    ARTIFACTS, JOBS, REPOS, SECRETS, VARIABLES, WORKFLOW_RUNS, WORKFLOWS, artifact, job, repo, run,
    secret, variable, workflow,
};
use crate::github::workflows;

/// Fills in a row.
pub(super) fn complete(cx: &mut Completing<'_>, table: TableId, draft: &mut Draft) {
    match table {
        WORKFLOWS => workflow(cx, draft),
        WORKFLOW_RUNS => run(cx, draft),
        JOBS => job(cx, draft),
        ARTIFACTS => artifact(cx, draft),
        SECRETS => kept(
            cx,
            draft,
            secret::CREATED_AT,
            secret::UPDATED_AT,
            secret::NAME,
        ),
        VARIABLES => kept(
            cx,
            draft,
            variable::CREATED_AT,
            variable::UPDATED_AT,
            variable::NAME,
        ),
        _ => {}
    }
}

fn kept(cx: &Completing<'_>, draft: &mut Draft, created: usize, updated: usize, name: usize) {
    let name_in_capitals = draft.text(name).to_ascii_uppercase();
    draft.set(name, text(name_in_capitals));
    draft.or(created, || ago(cx, 100 * DAY));
    copy(draft, updated, created);
}

fn workflow(cx: &Completing<'_>, draft: &mut Draft) {
    let ids = [
        repo_id(cx.transaction.root(), draft.text(workflow::REPO)),
        draft.int(workflow::ID),
    ];
    draft.or(workflow::NODE_ID, || text(node_id("W", &ids)));
    copy(draft, workflow::NAME, workflow::PATH);
    draft.or(workflow::TRIGGERS, || list(["push", "workflow_dispatch"]));
    draft.or(workflow::JOBS, || list(["build"]));
    draft.or(workflow::CREATED_AT, || ago(cx, 200 * DAY));
    copy(draft, workflow::UPDATED_AT, workflow::CREATED_AT);
}

fn run(cx: &mut Completing<'_>, draft: &mut Draft) {
    let root = cx.transaction.root();
    let Some(of) = root.named(WORKFLOWS, draft.text(run::WORKFLOW)).cloned() else {
        // That it names no workflow is told already.
        return;
    };
    let repo_name = of.text(workflow::REPO).to_owned();
    let ids = [repo_id(root, &repo_name), draft.int(run::ID)];
    let branch = root
        .named(REPOS, &repo_name)
        .map_or("main", |row| row.text(repo::DEFAULT_BRANCH))
        .to_owned();
    let number = workflows::last_number(root, &of) + 1;
    draft.or(run::NODE_ID, || text(node_id("WFR", &ids)));
    draft.or(run::NUMBER, || ViewValue::Int(number));
    draft.or(run::BRANCH, || text(branch));
    let head = refs::branch(root, &repo_name, draft.text(run::BRANCH));
    match head {
        Some(oid) => {
            draft.or(run::SHA, || text(oid.to_string()));
        }
        None if draft.is_null(run::SHA) => {
            let problem = format!("{repo_name} has no branch {:?}", draft.text(run::BRANCH));
            let help = "add the branch to refs, or say head_sha";
            cx.diagnostics
                .push(Diagnostic::error("seed/dangling", problem).with_help(help));
        }
        None => {}
    }
    if draft.text(run::STATUS) == "completed" {
        draft.or(run::CONCLUSION, || text("success"));
    } else if !draft.is_null(run::CONCLUSION) {
        let problem = "a run that is not completed has no conclusion";
        cx.diagnostics
            .push(Diagnostic::error("seed/state", problem));
    }
    draft.or(run::TITLE, || text(of.text(workflow::NAME)));
    draft.or(run::ACTOR, || actor(cx));
    copy(draft, run::TRIGGERING_ACTOR, run::ACTOR);
    draft.or(run::CREATED_AT, || ago(cx, DAY));
    copy(draft, run::STARTED_AT, run::CREATED_AT);
    copy(draft, run::UPDATED_AT, run::STARTED_AT);
}

fn job(cx: &mut Completing<'_>, draft: &mut Draft) {
    let id = draft.int(job::ID);
    draft.or(job::NODE_ID, || text(node_id("CR", &[id])));
    let of = cx
        .transaction
        .root()
        .named(WORKFLOW_RUNS, draft.text(job::RUN));
    if let Some(of) = of.cloned() {
        draft.or(job::ATTEMPT, || of.value(run::ATTEMPT).clone());
        draft.or(job::STATUS, || of.value(run::STATUS).clone());
        draft.or(job::CREATED_AT, || of.value(run::STARTED_AT).clone());
    }
    if draft.text(job::STATUS) == "completed" {
        draft.or(job::CONCLUSION, || text("success"));
        copy(draft, job::STARTED_AT, job::CREATED_AT);
        copy(draft, job::COMPLETED_AT, job::STARTED_AT);
    } else {
        copy(draft, job::STARTED_AT, job::CREATED_AT);
    }
    draft.or(job::LABELS, || list(["ubuntu-latest"]));
    draft.or(job::LOG, || text(""));
}

fn artifact(cx: &mut Completing<'_>, draft: &mut Draft) {
    let id = draft.int(artifact::ID);
    draft.or(artifact::NODE_ID, || {
        text(node_id("MDg6QXJ0aWZhY3Q", &[id]))
    });
    let file = format!("{}.txt", draft.text(artifact::NAME));
    draft.or(artifact::FILE, || text(file));
    let of = cx
        .transaction
        .root()
        .named(WORKFLOW_RUNS, draft.text(artifact::RUN));
    let made = of.map_or(ViewValue::Null, |of| of.value(run::UPDATED_AT).clone());
    draft.or(artifact::CREATED_AT, || made);
    let expires = match draft.get(artifact::CREATED_AT) {
        ViewValue::Time(made) => {
            let at = made.at.checked_add(Duration::from_secs(90 * DAY));
            let at = at.unwrap_or(made.at);
            ViewValue::Time(Stamp { at, ..*made })
        }
        _ => ViewValue::Null,
    };
    draft.or(artifact::EXPIRES_AT, || expires);
}
