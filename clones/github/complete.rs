//! What follows in a seed row from the rest of it, and GitHub's GraphQL ids.
//!
//! - [`actions`]: workflows and what they leave.
//! - [`activity`]: rows of what happened and who is told of it.
//! - [`content`]: what is in repositories.
//! - [`discussions`]: discussions, their categories and comments.

mod actions;
mod activity;
pub(super) mod content;
mod discussions;

use std::time::Duration;

use archal_core::clone::{Stamp, ViewValue};
use archal_core::diagnostic::Diagnostic;

pub(super) use activity::{
    name_event, name_issue_field, name_issue_type, name_milestone, name_reaction,
};
pub(super) use discussions::{name_comment as name_discussion_comment, name_discussion};

use super::tables::{
    ADVISORIES, ARTIFACTS, CODE_ALERTS, COMMENTS, DEPENDABOT_ALERTS, DISCUSSION_CATEGORIES,
    DISCUSSION_COMMENTS, DISCUSSIONS, EVENTS, FINDINGS, FORMER_NAMES, GIST_COMMENTS, GISTS,
    ISSUE_FIELDS, ISSUE_TYPES, ISSUES, JOBS, LABELS, MILESTONES, NOTIFICATIONS, PROJECT_FIELDS,
    PROJECT_ITEMS, PROJECTS, PULLS, REACTIONS, REFS, REPO_ADVISORIES, REPO_SUBSCRIPTIONS, REPOS,
    REVIEW_COMMENTS, REVIEWS, SECRET_ALERTS, SECRETS, STARS, SUB_ISSUES, TEAMS,
    THREAD_SUBSCRIPTIONS, TOKENS, USERS, VARIABLES, WORKFLOW_RUNS, WORKFLOWS, comment, former_name,
    issue, issue_key, issue_type, label, milestone_key, owner_of, repo, repo_of, token, user,
};
use super::{access, pulls, refs, social};
use crate::engine::key::{Key, folded, same};
use crate::engine::pack::Completing;
use crate::engine::root::Root;
use crate::engine::row::{Draft, Row, list, text};
use crate::engine::table::TableId;

/// Fills in a row.
pub(super) fn complete(cx: &mut Completing<'_>, table: TableId, draft: &mut Draft) {
    match table {
        USERS => complete_user(cx, draft),
        REPOS => complete_repo(cx, draft),
        REFS => refs::complete(cx, draft),
        TOKENS => complete_token(cx, draft),
        FORMER_NAMES => complete_former_name(cx, draft),
        LABELS => complete_label(cx, draft),
        ISSUES => complete_issue(cx, draft),
        COMMENTS => complete_comment(cx, draft),
        DISCUSSION_CATEGORIES => discussions::complete_category(cx, draft),
        DISCUSSIONS => discussions::complete_discussion(cx, draft),
        DISCUSSION_COMMENTS => discussions::complete_comment(cx, draft),
        PULLS => pulls::seed::complete_pull(cx, draft),
        REVIEWS => pulls::seed::complete_review(cx, draft),
        REVIEW_COMMENTS => pulls::seed::complete_comment(cx, draft),
        ISSUE_FIELDS => activity::issue_field(cx, draft),
        ISSUE_TYPES => activity::issue_type(cx, draft),
        MILESTONES => activity::milestone(cx, draft),
        SUB_ISSUES => activity::sub_issue(cx, draft),
        WORKFLOWS | WORKFLOW_RUNS | JOBS | ARTIFACTS | SECRETS | VARIABLES => {
            actions::complete(cx, table, draft);
        }
        STARS | TEAMS | GISTS | GIST_COMMENTS | CODE_ALERTS | SECRET_ALERTS | DEPENDABOT_ALERTS
        | FINDINGS | ADVISORIES | REPO_ADVISORIES | PROJECTS | PROJECT_FIELDS | PROJECT_ITEMS => {
            social::complete(cx, table, draft);
        }
        EVENTS => activity::event(cx, draft),
        NOTIFICATIONS => activity::notification(cx, draft),
        REACTIONS => activity::reaction(cx, draft),
        REPO_SUBSCRIPTIONS => activity::repo_subscription(cx, draft),
        THREAD_SUBSCRIPTIONS => activity::thread_subscription(cx, draft),
        _ => content::complete(cx, table, draft),
    }
}

fn complete_user(cx: &Completing<'_>, draft: &mut Draft) {
    let id = draft.int(user::ID);
    let kind = if draft.text(user::TYPE) == "Organization" {
        "O"
    } else {
        "U"
    };
    draft.or(user::NODE_ID, || text(node_id(kind, &[id])));
    draft.or(user::CREATED_AT, || days_ago(cx, 1_000));
    copy(draft, user::UPDATED_AT, user::CREATED_AT);
}

fn complete_repo(cx: &mut Completing<'_>, draft: &mut Draft) {
    let full_name = draft.text(repo::FULL_NAME).to_owned();
    let owner = owner_of(&full_name);
    let root = cx.transaction.root();
    let row = root.get(USERS, &Key::folded(owner));
    let organisation = row.is_some_and(|row| row.text(user::TYPE) == "Organization");
    if row.is_none() {
        let problem = format!("{full_name} belongs to {owner:?}, which is no row of users");
        cx.diagnostics
            .push(Diagnostic::error("seed/dangling", problem));
    }
    let named = draft.text(repo::OWNER);
    if !named.is_empty() && !same(named, owner) {
        let problem = format!("the owner of {full_name} is not {named:?}");
        cx.diagnostics
            .push(Diagnostic::error("seed/owner", problem));
    }
    draft.set(repo::OWNER, text(owner));
    let id = draft.int(repo::ID);
    draft.or(repo::NODE_ID, || text(node_id("R", &[id])));
    let permission = if same(owner, cx.actor) || organisation {
        "admin"
    } else {
        "pull"
    };
    draft.or(repo::PERMISSION, || text(permission));
    draft.or(repo::CREATED_AT, || days_ago(cx, 400));
    copy(draft, repo::UPDATED_AT, repo::CREATED_AT);
    copy(draft, repo::PUSHED_AT, repo::UPDATED_AT);
    crate::github::content::history::first_commit(cx, draft);
}

fn complete_token(cx: &Completing<'_>, draft: &mut Draft) {
    draft.or(token::USER, || actor(cx));
}

fn complete_former_name(cx: &Completing<'_>, draft: &mut Draft) {
    let id = repo_id(cx.transaction.root(), draft.text(former_name::REPO));
    draft.set(former_name::REPO_ID, ViewValue::Int(id));
}

fn complete_label(cx: &Completing<'_>, draft: &mut Draft) {
    name_label(cx.transaction.root(), draft);
}

/// Gives a label its GraphQL id.
pub(super) fn name_label(root: &Root, draft: &mut Draft) {
    let ids = [repo_id(root, draft.text(label::REPO)), draft.int(label::ID)];
    draft.or(label::NODE_ID, || text(node_id("LA", &ids)));
}

fn complete_issue(cx: &mut Completing<'_>, draft: &mut Draft) {
    let repo_name = draft.text(issue::REPO).to_owned();
    if draft.int(issue::NUMBER) < 1 {
        let problem = "an issue's number is 1 or more";
        cx.diagnostics
            .push(Diagnostic::error("seed/number", problem));
    }
    let root = cx.transaction.root();
    let mut names = Vec::new();
    for name in draft.texts(issue::LABELS) {
        let key = Key::new([folded(&repo_name), folded(&name)]);
        if let Some(row) = root.get(LABELS, &key) {
            names.push(row.text(label::NAME).to_owned());
            continue;
        }
        let problem = format!("labels names {name:?}, which is no label of {repo_name}");
        let help = format!("add {{\"repo\": {repo_name:?}, \"name\": {name:?}}} to labels");
        cx.diagnostics
            .push(Diagnostic::error("seed/dangling", problem).with_help(help));
    }
    draft.set(issue::LABELS, list(names));
    let number = draft.int(issue::MILESTONE);
    if !draft.is_null(issue::MILESTONE)
        && root
            .get(MILESTONES, &milestone_key(&repo_name, number))
            .is_none()
    {
        let problem = format!("milestone is {number}, which is no milestone of {repo_name}");
        cx.diagnostics
            .push(Diagnostic::error("seed/dangling", problem));
    }
    if !draft.is_null(issue::TYPE) {
        let kind = draft.text(issue::TYPE).to_owned();
        let key = Key::new([folded(owner_of(&repo_name)), folded(&kind)]);
        match root.get(ISSUE_TYPES, &key) {
            Some(row) => _ = draft.set(issue::TYPE, row.value(issue_type::NAME).clone()),
            None => {
                let problem = format!("type is {kind:?}, which is no type of the organisation");
                cx.diagnostics
                    .push(Diagnostic::error("seed/dangling", problem));
            }
        }
    }
    draft.or(issue::USER, || actor(cx));
    draft.or(issue::CREATED_AT, || days_ago(cx, 30));
    copy(draft, issue::UPDATED_AT, issue::CLOSED_AT);
    copy(draft, issue::UPDATED_AT, issue::CREATED_AT);
    if draft.text(issue::STATE) == "closed" {
        copy(draft, issue::CLOSED_AT, issue::UPDATED_AT);
    } else if !draft.is_null(issue::CLOSED_AT) || !draft.is_null(issue::CLOSED_BY) {
        let problem = "an open issue has no closed_at and no closed_by";
        cx.diagnostics
            .push(Diagnostic::error("seed/state", problem));
    }
    name_issue(cx.transaction.root(), draft);
}

/// Gives an issue its GraphQL id and says what its author is.
pub(super) fn name_issue(root: &Root, draft: &mut Draft) {
    let repo_name = draft.text(issue::REPO).to_owned();
    let ids = [repo_id(root, &repo_name), draft.int(issue::ID)];
    draft.or(issue::NODE_ID, || text(node_id("I", &ids)));
    let author = draft.text(issue::USER).to_owned();
    draft.or(issue::AUTHOR_ASSOCIATION, || {
        association(root, &repo_name, &author)
    });
}

fn complete_comment(cx: &Completing<'_>, draft: &mut Draft) {
    draft.or(comment::USER, || actor(cx));
    let issue = issue_key(draft.text(comment::ISSUE));
    let issue = issue.and_then(|key| cx.transaction.root().get(ISSUES, &key));
    let opened = issue.map_or(ViewValue::Null, |row| row.value(issue::CREATED_AT).clone());
    draft.or(comment::CREATED_AT, || opened);
    draft.or(comment::CREATED_AT, || days_ago(cx, 30));
    copy(draft, comment::UPDATED_AT, comment::CREATED_AT);
    name_comment(cx.transaction.root(), draft);
}

/// Gives a comment its GraphQL id and says what its author is.
pub(super) fn name_comment(root: &Root, draft: &mut Draft) {
    let repo_name = repo_of(draft.text(comment::ISSUE)).to_owned();
    let ids = [repo_id(root, &repo_name), draft.int(comment::ID)];
    draft.or(comment::NODE_ID, || text(node_id("IC", &ids)));
    let author = draft.text(comment::USER).to_owned();
    draft.or(comment::AUTHOR_ASSOCIATION, || {
        association(root, &repo_name, &author)
    });
}

/// What an author is to a repository, by their names.
pub(super) fn association(root: &Root, repo_name: &str, login: &str) -> ViewValue {
    let row = root.named(REPOS, repo_name);
    text(row.map_or("NONE", |row| access::association(root, row, login)))
}

/// The number of a repository; zero where there is none of that name.
pub(super) fn repo_id(root: &Root, name: &str) -> i64 {
    let row: Option<&Row> = root.named(REPOS, name).map(AsRef::as_ref);
    row.map_or(0, |row| row.int(repo::ID))
}

/// The owner of the credentials.
pub(super) fn actor(cx: &Completing<'_>) -> ViewValue {
    if cx.actor.is_empty() {
        ViewValue::Null
    } else {
        text(cx.actor)
    }
}

/// Sets a field that is null to what another one holds.
pub(super) fn copy(draft: &mut Draft, to: usize, from: usize) {
    let value = draft.get(from).clone();
    draft.or(to, || value);
}

/// A time so many days before the base.
pub(super) fn days_ago(cx: &Completing<'_>, days: u64) -> ViewValue {
    let base = cx.transaction.root().base();
    let at = base
        .checked_sub(Duration::from_secs(days * 86_400))
        .unwrap_or(base);
    ViewValue::Time(Stamp { at, by_call: false })
}

/// A GraphQL id in GitHub's format: a prefix for the kind, then base64 of a MessagePack list of
/// a zero and the numbers on the way to the object.
pub(super) fn node_id(kind: &str, numbers: &[i64]) -> String {
    let length = u8::try_from(numbers.len()).unwrap_or(0) + 1;
    let mut packed = vec![0x90 | length, 0];
    for number in numbers {
        match u32::try_from(*number) {
            Ok(number) => {
                packed.push(0xce);
                packed.extend_from_slice(&number.to_be_bytes());
            }
            Err(_) => {
                packed.push(0xcf);
                packed.extend_from_slice(&number.to_be_bytes());
            }
        }
    }
    format!("{kind}_{}", base64(&packed))
}

fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let mut out = String::new();
    for chunk in bytes.chunks(3) {
        let word = chunk
            .iter()
            .chain([0, 0].iter())
            .take(3)
            .fold(0_usize, |word, byte| word << 8 | usize::from(*byte));
        for at in 0..=chunk.len() {
            out.push(char::from(DIGITS[word >> (18 - 6 * at) & 63]));
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::node_id;

    #[test]
    fn node_ids_have_githubs_format() {
        // MessagePack lists of the numbers of octocat and octocat/Hello-World.
        assert_eq!(node_id("U", &[583_231]), "U_kgDOAAjmPw");
        assert_eq!(node_id("R", &[1_296_269]), "R_kgDOABPHjQ");
        assert!(node_id("I", &[1_296_269, 2_200_000_000]).starts_with("I_kwDOABPHjc6"));
        assert!(node_id("LA", &[1_296_269, 6_500_000_000]).starts_with("LA_kwDOABPHjc8"));
    }
}
