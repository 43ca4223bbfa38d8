//! Search qualifiers that look at pull requests.

use super::reviews;
use super::rules::{self, Check};
use crate::engine::key::same;
use crate::engine::root::Root;
use crate::engine::row::Row;
use crate::github::tables::{ISSUES, PULLS, issue, pull, review};

/// Whether a search knows a qualifier of pull requests by that name.
pub(in crate::github) fn is_qualifier(name: &str) -> bool {
    matches!(
        name,
        "base"
            | "draft"
            | "head"
            | "linked"
            | "merged"
            | "review"
            | "review-requested"
            | "reviewed-by"
            | "sha"
            | "status"
            | "team-review-requested"
            | "user-review-requested"
    )
}

/// The pull request that an issue row is.
pub(in crate::github) fn pull_of<'r>(root: &'r Root, on: &Row) -> Option<&'r Row> {
    root.get(PULLS, &root.key(ISSUES, on)).map(AsRef::as_ref)
}

/// Whether `is:value` holds; none where it does not look at pull requests.
pub(in crate::github) fn is(root: &Root, on: &Row, value: &str) -> Option<bool> {
    let row = pull_of(root, on);
    Some(match value {
        "issue" => row.is_none(),
        "pr" | "pull-request" => row.is_some(),
        "merged" => row.is_some_and(|row| row.time(pull::MERGED_AT).is_some()),
        "unmerged" => row.is_some_and(|row| row.time(pull::MERGED_AT).is_none()),
        "draft" => row.is_some_and(|row| row.bool(pull::DRAFT)),
        _ => return None,
    })
}

/// Whether a qualifier of pull requests holds. `within` says whether a time in seconds lies in
/// the range that the value is.
pub(in crate::github) fn holds(
    root: &Root,
    on: &Row,
    name: &str,
    value: &str,
    within: impl Fn(i64) -> bool,
) -> bool {
    let Some(row) = pull_of(root, on) else {
        return false;
    };
    match name {
        "base" => row.text(pull::BASE) == value,
        "head" => row.text(pull::HEAD).starts_with(value),
        "draft" => row.bool(pull::DRAFT) == (value == "true"),
        "merged" => row
            .time(pull::MERGED_AT)
            .is_some_and(|merged| within(merged.at.as_second())),
        "sha" => value.len() >= 7 && row.text(pull::HEAD_SHA).starts_with(value),
        "review" => {
            let opinions = reviews::opinions(root, row);
            let any = reviews::of(root, row).any(|row| row.text(review::STATE) != "PENDING");
            match value {
                "none" => !any,
                "required" => rules::of(root, row).approvals > opinions.approvals,
                "approved" => opinions.approvals > 0 && !opinions.changes_requested,
                "changes_requested" | "changes-requested" => opinions.changes_requested,
                _ => false,
            }
        }
        "reviewed-by" => reviews::of(root, row)
            .any(|row| row.text(review::STATE) != "PENDING" && same(row.text(review::USER), value)),
        "review-requested" | "user-review-requested" => {
            row.texts(pull::REVIEWERS).any(|login| same(login, value))
        }
        "team-review-requested" => {
            let slug = value.rsplit('/').next().unwrap_or(value);
            row.texts(pull::TEAMS).any(|team| same(team, slug))
        }
        "status" => {
            let checks = rules::checks(root, row);
            let has = |sought| checks.iter().any(|(_, check)| *check == sought);
            match value {
                "failure" => has(Check::Failed),
                "pending" => has(Check::Pending) && !has(Check::Failed),
                "success" => !checks.is_empty() && !has(Check::Failed) && !has(Check::Pending),
                _ => false,
            }
        }
        "linked" => value == "issue" && closes_any(root, on, row),
        _ => false,
    }
}

fn closes_any(root: &Root, on: &Row, row: &Row) -> bool {
    super::keywords::closes(on.text(issue::BODY), row.text(pull::REPO))
        .iter()
        .any(|name| root.named(ISSUES, name).is_some())
}
