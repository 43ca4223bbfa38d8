//! Issues that commits close when they reach the default branch: by a merge, a push, or a file
//! written.

use archal_core::clone::ViewValue;

use super::keywords;
use crate::engine::pack::Call;
use crate::engine::row::text;
use crate::github::access::{self, Permission};
use crate::github::changes;
use crate::github::refs::Pushed;
use crate::github::tables::{ISSUES, PULLS, REPOS, issue, repo, repo_of};

/// A branch was moved: what its new commits say they close is closed where it is the default one.
pub(in crate::github) fn follow(call: &mut Call<'_>, pushed: &Pushed) {
    let (Some(branch), Some(after), Ok(login)) =
        (pushed.branch(), pushed.after, access::login(call))
    else {
        return;
    };
    let root = call.root();
    let is_default = root
        .named(REPOS, &pushed.repo)
        .is_some_and(|row| row.text(repo::DEFAULT_BRANCH) == branch);
    if !is_default {
        return;
    }
    let commits = match pushed.before {
        Some(before) => root.objects().between(&before, &after),
        None => root.objects().log(&after).collect(),
    };
    // The oldest says it first.
    for (_, commit) in commits.iter().rev() {
        for name in keywords::closes(&commit.message, &pushed.repo) {
            close(call, &name, &pushed.repo, &login);
        }
    }
}

/// Closes an issue that is named in `from`; one of another repository only for who may write to
/// it.
pub(super) fn close(call: &mut Call<'_>, name: &str, from: &str, login: &str) {
    let root = call.root();
    let Some(on) = root.named(ISSUES, name).cloned() else {
        return;
    };
    if on.text(issue::STATE) != "open" || root.named(PULLS, name).is_some() {
        return;
    }
    let elsewhere = !crate::engine::key::same(repo_of(name), from);
    let writes = || {
        let of = root.named(REPOS, repo_of(name));
        of.is_some_and(|of| access::sees(call, of) >= Some(Permission::Push))
    };
    if elsewhere && !writes() {
        return;
    }
    let mut draft = on.draft();
    draft.set(issue::STATE, text("closed"));
    draft.set(issue::STATE_REASON, text("completed"));
    draft.set(issue::CLOSED_AT, ViewValue::Time(call.now));
    draft.set(issue::CLOSED_BY, text(login));
    draft.set(issue::UPDATED_AT, ViewValue::Time(call.now));
    let new = call.transaction.put(ISSUES, draft);
    changes::record(call, Some(&on), &new);
}
