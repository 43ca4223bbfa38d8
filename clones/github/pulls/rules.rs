//! What the protection of its base asks of a pull request.

use super::{compare, reviews, threads};
use crate::engine::key::same;
use crate::engine::pack::Call;
use crate::engine::root::Root;
use crate::engine::row::Row;
use crate::github::access::{self, Permission};
use crate::github::tables::{REPOS, check_run, protection, pull, review_comment, status};
use crate::github::{checks, protections, statuses};

/// What a check of a commit came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::github) enum Check {
    /// It passed, or does not matter.
    Passed,
    /// It runs, or is waited for.
    Pending,
    /// It failed.
    Failed,
}

/// What protects a branch.
#[derive(Debug, Clone, Default)]
pub(in crate::github) struct Rules {
    /// Checks that must have passed.
    pub contexts: Vec<String>,
    /// Whether the head must have all of the base.
    pub strict: bool,
    /// How many approvals it takes.
    pub approvals: usize,
    /// Whether reviews are asked for at all.
    pub reviews: bool,
    /// Whether a push takes approvals back.
    pub dismiss_stale: bool,
    /// Whether it binds administrators too.
    pub enforce_admins: bool,
    /// Whether merge commits are refused.
    pub linear: bool,
    /// Whether all threads must be resolved.
    pub conversations: bool,
    /// Whether the branch takes no writes at all.
    pub locked: bool,
}

/// The rules of the base of a pull request; none that bind where it is not protected.
pub(in crate::github) fn of(root: &Root, row: &Row) -> Rules {
    let Some(found) = protections::of(root, row.text(pull::REPO), row.text(pull::BASE)) else {
        return Rules::default();
    };
    let reviews = !found.is_null(protection::REVIEWS);
    Rules {
        contexts: found
            .texts(protection::CONTEXTS)
            .map(str::to_owned)
            .collect(),
        strict: !found.is_null(protection::CONTEXTS) && found.bool(protection::STRICT),
        approvals: usize::try_from(found.int(protection::REVIEWS)).unwrap_or(0),
        reviews,
        dismiss_stale: reviews && found.bool(protection::DISMISS_STALE_REVIEWS),
        enforce_admins: found.bool(protection::ENFORCE_ADMINS),
        linear: found.bool(protection::LINEAR),
        conversations: found.bool(protection::CONVERSATIONS),
        locked: found.bool(protection::LOCK),
    }
}

/// The checks of the head of a pull request by name, the last of each name.
pub(in crate::github) fn checks(root: &Root, row: &Row) -> Vec<(String, Check)> {
    let (repo, sha) = (row.text(pull::REPO), row.text(pull::HEAD_SHA));
    let mut out: Vec<(String, Check)> = Vec::new();
    for one in statuses::newest(root, repo, sha) {
        let check = match one.text(status::STATE) {
            "success" => Check::Passed,
            "pending" => Check::Pending,
            _ => Check::Failed,
        };
        out.push((one.text(status::CONTEXT).to_owned(), check));
    }
    for run in checks::runs_of_commit(root, repo, sha) {
        let name = run.text(check_run::NAME);
        if out.iter().any(|(known, _)| known == name) {
            continue;
        }
        let check = match (run.text(check_run::STATUS), run.text(check_run::CONCLUSION)) {
            ("completed", "success" | "neutral" | "skipped") => Check::Passed,
            ("completed", _) => Check::Failed,
            _ => Check::Pending,
        };
        out.push((name.to_owned(), check));
    }
    out
}

/// Why a pull request may not be merged; none where it may.
pub(in crate::github) fn blocked(root: &Root, row: &Row) -> Vec<String> {
    let rules = of(root, row);
    let mut out = Vec::new();
    if rules.locked {
        out.push("This branch must not be modified.".to_owned());
    }
    if rules.reviews {
        let opinions = reviews::opinions(root, row);
        if opinions.changes_requested {
            out.push("Changes must be addressed before merging.".to_owned());
        } else if opinions.approvals < rules.approvals {
            let (count, review) = match rules.approvals {
                1 => (1, "review is"),
                more => (more, "reviews are"),
            };
            out.push(format!(
                "At least {count} approving {review} required by reviewers with write access."
            ));
        }
    }
    let checks = checks(root, row);
    for context in &rules.contexts {
        let found = checks.iter().find(|(name, _)| name == context);
        let what = match found.map(|(_, check)| *check) {
            Some(Check::Passed) => continue,
            Some(Check::Pending) => "is pending",
            Some(Check::Failed) => "is failing",
            None => "is expected",
        };
        out.push(format!("Required status check \"{context}\" {what}."));
    }
    if rules.conversations {
        let open = threads::of(root, row)
            .iter()
            .any(|first| first.text_or_null(review_comment::RESOLVED_BY).is_none());
        if open {
            out.push("All comments must be resolved.".to_owned());
        }
    }
    out
}

/// Whether the head must be brought up to date with the base first.
pub(in crate::github) fn is_behind(root: &Root, row: &Row) -> bool {
    of(root, row).strict && compare::of(root, row).is_some_and(|at| at.from != at.base)
}

/// Whether the caller is one of those who may push to the base, where it names any.
pub(in crate::github) fn may_push(call: &Call<'_>, row: &Row) -> bool {
    let root = call.root();
    let found = protections::of(root, row.text(pull::REPO), row.text(pull::BASE));
    let Some(found) = found.filter(|found| !found.is_null(protection::PUSH_USERS)) else {
        return true;
    };
    access::login(call).is_ok_and(|login| {
        let mut named = found.texts(protection::PUSH_USERS);
        named.any(|one| same(one, &login))
    })
}

/// Whether the caller may merge past the rules: administrators, where they are not bound.
pub(in crate::github) fn may_bypass(call: &Call<'_>, row: &Row) -> bool {
    let root = call.root();
    let Some(repo) = root.named(REPOS, row.text(pull::REPO)) else {
        return false;
    };
    let admin = access::permission(root, repo, call.caller.as_deref())
        .is_some_and(|permission| permission >= Permission::Admin);
    admin && !of(root, row).enforce_admins
}
