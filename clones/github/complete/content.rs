//! What follows in the seed rows of releases, checks, hooks, keys and protections from the rest.

use archal_core::clone::ViewValue;
use archal_core::diagnostic::Diagnostic;

use super::{actor, base64, copy, days_ago, node_id, repo_id};
use crate::engine::key::{Key, Part, folded};
use crate::engine::pack::Completing;
use crate::engine::root::Root;
use crate::engine::row::{Draft, list, text};
use crate::engine::table::TableId;
use crate::github::content::{history, refs};
use crate::github::tables::{
    ASSETS, CHECK_RUNS, CHECK_SUITES, CHECK_SUITES_BY_COMMIT, DEPLOY_KEYS, HOOKS, INVITATIONS,
    PROTECTIONS, RELEASES, RELEASES_BY_TAG, REPOS, STATUSES, asset, check_run, check_suite,
    deploy_key, hook, invitation, protection, release, repo, status,
};
use crate::github::{checks, release_assets};

/// Fills in a row of one of these tables.
pub(in crate::github) fn complete(cx: &mut Completing<'_>, table: TableId, draft: &mut Draft) {
    match table {
        RELEASES => complete_release(cx, draft),
        ASSETS => complete_asset(cx, draft),
        STATUSES => complete_status(cx, draft),
        CHECK_SUITES => complete_suite(cx, draft),
        CHECK_RUNS => complete_run(cx, draft),
        DEPLOY_KEYS => {
            draft.or(deploy_key::ADDED_BY, || actor(cx));
            draft.or(deploy_key::CREATED_AT, || days_ago(cx, 30));
        }
        HOOKS => {
            draft.or(hook::EVENTS, || list(["push"]));
            draft.or(hook::CREATED_AT, || days_ago(cx, 30));
            copy(draft, hook::UPDATED_AT, hook::CREATED_AT);
        }
        PROTECTIONS => {
            let restricted = [protection::PUSH_TEAMS, protection::PUSH_APPS]
                .iter()
                .any(|column| !draft.is_null(*column));
            if restricted {
                draft.or(protection::PUSH_USERS, || ViewValue::List(Vec::new()));
            }
        }
        INVITATIONS => {
            draft.or(invitation::INVITER, || actor(cx));
            draft.or(invitation::CREATED_AT, || days_ago(cx, 1));
            name_invitation(cx.transaction.root(), draft);
        }
        _ => history::complete(cx, table, draft),
    }
}

fn complete_release(cx: &mut Completing<'_>, draft: &mut Draft) {
    let repo_name = draft.text(release::REPO).to_owned();
    let root = cx.transaction.root();
    let row = root.named(REPOS, &repo_name);
    let default = row.map_or(ViewValue::Null, |row| {
        row.value(repo::DEFAULT_BRANCH).clone()
    });
    draft.or(release::TARGET, || default);
    draft.or(release::AUTHOR, || actor(cx));
    draft.or(release::CREATED_AT, || days_ago(cx, 10));
    if *draft.get(release::DRAFT) != ViewValue::Bool(true) {
        copy(draft, release::PUBLISHED_AT, release::CREATED_AT);
        let (tag, target) = (draft.text(release::TAG), draft.text(release::TARGET));
        refs::tag_in_seed(cx, &repo_name, tag, target);
    }
    copy(draft, release::UPDATED_AT, release::PUBLISHED_AT);
    copy(draft, release::UPDATED_AT, release::CREATED_AT);
    name_release(cx.transaction.root(), draft);
}

/// Gives a release its GraphQL id.
pub(in crate::github) fn name_release(root: &Root, draft: &mut Draft) {
    let ids = [
        repo_id(root, draft.text(release::REPO)),
        draft.int(release::ID),
    ];
    draft.or(release::NODE_ID, || text(node_id("RE", &ids)));
}

fn complete_asset(cx: &mut Completing<'_>, draft: &mut Draft) {
    let repo_name = draft.text(asset::REPO).to_owned();
    let root = cx.transaction.root();
    let by_id = Key::new([folded(&repo_name), Part::Int(draft.int(asset::RELEASE))]);
    let by_tag = Key::new([
        folded(&repo_name),
        Part::Text(draft.text(asset::TAG).into()),
    ]);
    let found = root.get(RELEASES, &by_id).or_else(|| {
        let group = root.group(RELEASES, RELEASES_BY_TAG, &by_tag)?;
        group.values().next_back()
    });
    let Some(row) = found.cloned() else {
        let problem = format!(
            "{:?} is a file of no release of {repo_name}",
            draft.text(asset::NAME)
        );
        let help = "say which with release_id or tag_name";
        cx.diagnostics
            .push(Diagnostic::error("seed/dangling", problem).with_help(help));
        return;
    };
    draft.set(asset::RELEASE, row.value(release::ID).clone());
    draft.set(asset::TAG, row.value(release::TAG).clone());
    draft.or(asset::UPLOADER, || row.value(release::AUTHOR).clone());
    draft.or(asset::CREATED_AT, || row.value(release::CREATED_AT).clone());
    copy(draft, asset::UPDATED_AT, asset::CREATED_AT);
    if draft.is_null(asset::SHA) {
        let content = draft.text(asset::CONTENT).to_owned();
        release_assets::hold(cx.transaction.root().objects(), draft, content.as_bytes());
    }
    name_asset(cx.transaction.root(), draft);
}

/// Gives a file of a release its GraphQL id.
pub(in crate::github) fn name_asset(root: &Root, draft: &mut Draft) {
    let ids = [repo_id(root, draft.text(asset::REPO)), draft.int(asset::ID)];
    draft.or(asset::NODE_ID, || text(node_id("RA", &ids)));
}

/// The commit that a seed names by branch, tag or id; told of where there is none.
fn commit(cx: &mut Completing<'_>, draft: &mut Draft, repo_column: usize, column: usize) {
    let repo_name = draft.text(repo_column).to_owned();
    let asked = draft.text(column).to_owned();
    match refs::commit_of(cx.transaction.root(), &repo_name, &asked) {
        Some(oid) => {
            draft.set(column, text(oid.to_string()));
        }
        // Commits that a trace shows are not all in the seed that is made of it.
        None if asked.len() == 40 && asked.bytes().all(|byte| byte.is_ascii_hexdigit()) => {}
        None => {
            let problem = format!("{asked:?} is no branch, tag or commit of {repo_name}");
            cx.diagnostics
                .push(Diagnostic::error("seed/dangling", problem));
        }
    }
}

fn complete_status(cx: &mut Completing<'_>, draft: &mut Draft) {
    commit(cx, draft, status::REPO, status::SHA);
    draft.or(status::CREATOR, || actor(cx));
    draft.or(status::CREATED_AT, || days_ago(cx, 1));
    copy(draft, status::UPDATED_AT, status::CREATED_AT);
    name_status(cx.transaction.root(), draft);
}

/// Gives a status its GraphQL id.
pub(in crate::github) fn name_status(root: &Root, draft: &mut Draft) {
    let ids = [
        repo_id(root, draft.text(status::REPO)),
        draft.int(status::ID),
    ];
    draft.or(status::NODE_ID, || text(node_id("SC", &ids)));
}

fn complete_suite(cx: &mut Completing<'_>, draft: &mut Draft) {
    let asked = draft.text(check_suite::HEAD_SHA).to_owned();
    commit(cx, draft, check_suite::REPO, check_suite::HEAD_SHA);
    if draft.text(check_suite::HEAD_SHA) != asked {
        draft.or(check_suite::HEAD_BRANCH, || text(asked));
    }
    draft.or(check_suite::CREATED_AT, || days_ago(cx, 1));
    copy(draft, check_suite::UPDATED_AT, check_suite::CREATED_AT);
    name_suite(cx.transaction.root(), draft);
}

/// Gives a check suite its GraphQL id.
pub(in crate::github) fn name_suite(root: &Root, draft: &mut Draft) {
    let ids = [
        repo_id(root, draft.text(check_suite::REPO)),
        draft.int(check_suite::ID),
    ];
    draft.or(check_suite::NODE_ID, || text(node_id("CS", &ids)));
}

fn complete_run(cx: &mut Completing<'_>, draft: &mut Draft) {
    commit(cx, draft, check_run::REPO, check_run::HEAD_SHA);
    let concluded = !draft.is_null(check_run::CONCLUSION);
    let status = if concluded { "completed" } else { "queued" };
    draft.or(check_run::STATUS, || text(status));
    if concluded != (draft.text(check_run::STATUS) == "completed") {
        let problem = "a check run has a conclusion when its status is completed, and only then";
        cx.diagnostics
            .push(Diagnostic::error("seed/state", problem));
    }
    if draft.text(check_run::STATUS) != "queued" {
        draft.or(check_run::STARTED_AT, || days_ago(cx, 1));
    }
    if concluded {
        copy(draft, check_run::COMPLETED_AT, check_run::STARTED_AT);
    }
    if draft.is_null(check_run::SUITE) {
        let repo_name = draft.text(check_run::REPO).to_owned();
        let sha = draft.text(check_run::HEAD_SHA).to_owned();
        let key = Key::new([folded(&repo_name), Part::Text(sha.as_str().into())]);
        let root = cx.transaction.root();
        let group = root.group(CHECK_SUITES, CHECK_SUITES_BY_COMMIT, &key);
        let mut suites = group.into_iter().flat_map(|rows| rows.values());
        let app = draft.text(check_run::APP);
        let found = suites.find(|row| row.text(check_suite::APP) == app);
        let id = match found {
            Some(row) => row.int(check_suite::ID),
            None => {
                let at = days_ago(cx, 1);
                checks::add_suite(cx.transaction, &repo_name, &sha, app, at)
            }
        };
        draft.set(check_run::SUITE, ViewValue::Int(id));
    }
    name_run(cx.transaction.root(), draft);
}

/// Gives a check run its GraphQL id.
pub(in crate::github) fn name_run(root: &Root, draft: &mut Draft) {
    let ids = [
        repo_id(root, draft.text(check_run::REPO)),
        draft.int(check_run::ID),
    ];
    draft.or(check_run::NODE_ID, || text(node_id("CR", &ids)));
}

/// Gives an invitation its GraphQL id.
pub(in crate::github) fn name_invitation(root: &Root, draft: &mut Draft) {
    let ids = [
        repo_id(root, draft.text(invitation::REPO)),
        draft.int(invitation::ID),
    ];
    draft.or(invitation::NODE_ID, || text(node_id("RI", &ids)));
}

/// The GraphQL id of something in a repository that has a name or hash instead of a number.
pub(in crate::github) fn named_node_id(kind: &str, repo_id: i64, name: &str) -> String {
    let mut packed = vec![0x93, 0];
    match u32::try_from(repo_id) {
        Ok(id) => {
            packed.push(0xce);
            packed.extend_from_slice(&id.to_be_bytes());
        }
        Err(_) => {
            packed.push(0xcf);
            packed.extend_from_slice(&repo_id.to_be_bytes());
        }
    }
    let length = u16::try_from(name.len()).unwrap_or(u16::MAX);
    match u8::try_from(length) {
        Ok(short) if short < 32 => packed.push(0xa0 | short),
        _ => {
            packed.push(0xda);
            packed.extend_from_slice(&length.to_be_bytes());
        }
    }
    packed.extend_from_slice(name.as_bytes());
    format!("{kind}_{}", base64(&packed))
}
