//! Rules that protect branches.

use super::nodes;
use crate::engine::graphql::arguments::Args;
use crate::engine::graphql::connection::Connection;
use crate::engine::graphql::model::{Object, Outcome, Value};
use crate::engine::key::{Key, folded};
use crate::engine::pack::Call;
use crate::engine::row::Row;
use crate::github::refs;
use crate::github::tables::{PROTECTIONS, PROTECTIONS_BY_REPO, protection, repo};
use std::sync::Arc;

/// The rule of a row.
fn object(call: &Call<'_>, repo_row: &Arc<Row>, row: &Row) -> Object {
    let branch = row.text(protection::BRANCH);
    let full = format!("refs/heads/{branch}");
    let name = repo_row.text(repo::FULL_NAME);
    let refs = refs::get(call.root(), name, &full);
    let refs = refs.map(|_| super::git::reference(repo_row, &full));
    let contexts: Vec<&str> = row.texts(protection::CONTEXTS).collect();
    let checks = !contexts.is_empty() || row.bool(protection::STRICT);
    let reviews = row.value(protection::REVIEWS) != &archal_core::clone::ViewValue::Null;
    let has = |column: usize| row.texts(column).next().is_some();
    Object::made(
        "BranchProtectionRule",
        vec![
            ("id", nodes::made("BPR", &format!("{name}:{branch}")).into()),
            ("databaseId", row.int(protection::ID).into()),
            ("pattern", Value::text(branch)),
            ("repository", Object::row("Repository", repo_row).into()),
            ("matchingRefs", Connection::of(refs).into()),
            ("requiresStatusChecks", checks.into()),
            (
                "requiresStrictStatusChecks",
                row.bool(protection::STRICT).into(),
            ),
            ("requiredStatusCheckContexts", contexts.into()),
            ("requiresApprovingReviews", reviews.into()),
            (
                "requiredApprovingReviewCount",
                reviews.then(|| row.int(protection::REVIEWS)).into(),
            ),
            (
                "dismissesStaleReviews",
                row.bool(protection::DISMISS_STALE_REVIEWS).into(),
            ),
            (
                "requiresCodeOwnerReviews",
                row.bool(protection::CODE_OWNERS).into(),
            ),
            (
                "requireLastPushApproval",
                row.bool(protection::LAST_PUSH).into(),
            ),
            (
                "isAdminEnforced",
                row.bool(protection::ENFORCE_ADMINS).into(),
            ),
            ("requiresLinearHistory", row.bool(protection::LINEAR).into()),
            (
                "requiresCommitSignatures",
                row.bool(protection::SIGNATURES).into(),
            ),
            (
                "requiresConversationResolution",
                row.bool(protection::CONVERSATIONS).into(),
            ),
            ("requiresDeployments", false.into()),
            ("allowsForcePushes", row.bool(protection::FORCE).into()),
            ("allowsDeletions", row.bool(protection::DELETIONS).into()),
            (
                "blocksCreations",
                row.bool(protection::BLOCK_CREATIONS).into(),
            ),
            ("lockBranch", row.bool(protection::LOCK).into()),
            (
                "lockAllowsFetchAndMerge",
                row.bool(protection::FORK_SYNCING).into(),
            ),
            (
                "restrictsPushes",
                (has(protection::PUSH_USERS)
                    || has(protection::PUSH_TEAMS)
                    || has(protection::PUSH_APPS))
                .into(),
            ),
            (
                "restrictsReviewDismissals",
                has(protection::DISMISSAL_USERS).into(),
            ),
        ],
    )
}

/// `branchProtectionRules` of a repository.
pub(super) fn all(call: &Call<'_>, it: &Object, _: &Args) -> Outcome {
    let row = it.shown()?;
    let key = Key::folded(row.text(repo::FULL_NAME));
    let rows = call.root().group(PROTECTIONS, PROTECTIONS_BY_REPO, &key);
    let rows = rows.into_iter().flat_map(|rows| rows.values());
    Ok(Connection::of(rows.map(|one| object(call, row, one))).into())
}

/// `branchProtectionRule` of a branch.
pub(super) fn of_ref(call: &Call<'_>, it: &Object, _: &Args) -> Outcome {
    let row = it.shown()?;
    let Some(branch) = it.part.strip_prefix("refs/heads/") else {
        return Ok(Value::Null);
    };
    let key = Key::new([
        folded(row.text(repo::FULL_NAME)),
        crate::engine::key::Part::Text(branch.into()),
    ]);
    let found = call.root().get(PROTECTIONS, &key);
    Ok(found.map(|one| object(call, row, one)).into())
}
