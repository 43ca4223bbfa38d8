//! Which pushes GitHub refuses, and what it says behind `remote:`.

use crate::engine::key::same;
use crate::engine::pack::Call;
use crate::engine::root::Root;
use crate::engine::row::Row;
use crate::github::access::{Permission, sees};
use crate::github::protections;
use crate::github::refs::{self, Pushed};
use crate::github::tables::{protection, repo, user};

/// A change of a ref that is refused.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Declined {
    /// What git shows behind `[remote rejected]`.
    pub reason: String,
    /// What people read, each a line.
    pub notes: Vec<String>,
}

impl Declined {
    /// A refusal without notes.
    pub(super) fn plain(reason: &str) -> Self {
        Self {
            reason: reason.to_owned(),
            notes: Vec::new(),
        }
    }
}

/// Why a change of a ref is refused; none where it is taken.
pub(super) fn decline(call: &Call<'_>, row: &Row, wanted: &Pushed) -> Option<Declined> {
    let root = call.root();
    if wanted.after.is_none() && wanted.branch() == Some(row.text(repo::DEFAULT_BRANCH)) {
        let reason = format!("refusing to delete the current branch: {}", wanted.name);
        return Some(Declined::plain(&reason));
    }
    if wanted.before.is_none() && !refs::well_formed(&wanted.name) {
        return Some(bad_name(&wanted.name));
    }
    let branch = wanted.branch()?;
    let rules = protections::of(root, row.text(repo::FULL_NAME), branch)?;
    let problems = problems(call, row, rules, wanted);
    if problems.is_empty() {
        return None;
    }
    let head = format!(
        "error: GH006: Protected branch update failed for {}.\n",
        wanted.name
    );
    let lines = problems.into_iter().map(|line| format!("error: {line}\n"));
    Some(Declined {
        reason: "protected branch hook declined".to_owned(),
        notes: [head, "error: \n".to_owned()]
            .into_iter()
            .chain(lines)
            .collect(),
    })
}

fn bad_name(name: &str) -> Declined {
    let short = name.splitn(3, '/').nth(2).unwrap_or_default();
    if short.len() == 40 && short.bytes().all(|c| c.is_ascii_hexdigit()) {
        let note = "error: GH002: Sorry, branch or tag names consisting of 40 hex characters are \
                    not allowed.\n";
        return Declined {
            reason: "pre-receive hook declined".to_owned(),
            notes: vec![
                note.to_owned(),
                format!("error: Invalid branch or tag name \"{short}\"\n"),
            ],
        };
    }
    Declined::plain("funny refname")
}

/// What the protection of a branch has against a push.
fn problems(call: &Call<'_>, row: &Row, rules: &Row, wanted: &Pushed) -> Vec<String> {
    let root = call.root();
    let is_admin = sees(call, row) == Some(Permission::Admin);
    let is_bound = rules.bool(protection::ENFORCE_ADMINS) || !is_admin;
    let mut out = Vec::new();
    let (before, after) = (wanted.before, wanted.after);
    // These hold for everybody: who may do it is said by the rule itself.
    if after.is_none() {
        if !rules.bool(protection::DELETIONS) {
            out.push("Cannot delete this branch".to_owned());
        }
        return out;
    }
    if let (Some(before), Some(after)) = (before, after)
        && !rules.bool(protection::FORCE)
        && !root.objects().is_ancestor(&before, &after)
    {
        out.push("Cannot force-push to this branch".to_owned());
    }
    if !is_bound {
        return out;
    }
    if rules.bool(protection::LOCK) {
        out.push("Cannot change this locked branch".to_owned());
    }
    let login = call.caller.as_deref().map(|row| row.text(user::LOGIN));
    let is_named = login.is_some_and(|login| {
        rules
            .texts(protection::PUSH_USERS)
            .any(|one| same(one, login))
    });
    let is_restricted = !rules.is_null(protection::PUSH_USERS) && !is_named;
    if is_restricted && (before.is_some() || rules.bool(protection::BLOCK_CREATIONS)) {
        out.push("You're not authorized to push to this branch.".to_owned());
    }
    if before.is_none() {
        return out;
    }
    let reviews = rules.int(protection::REVIEWS);
    if !rules.is_null(protection::REVIEWS) {
        out.push("Changes must be made through a pull request.".to_owned());
        if reviews > 0 {
            let s = if reviews == 1 { "" } else { "s" };
            out.push(format!(
                "At least {reviews} approving review{s} is required by reviewers with write access."
            ));
        }
    }
    let checks: Vec<&str> = rules.texts(protection::CONTEXTS).collect();
    match checks[..] {
        [] => {}
        [one] => out.push(format!("Required status check \"{one}\" is expected.")),
        _ => {
            let count = checks.len();
            out.push(format!(
                "{count} of {count} required status checks are expected."
            ));
        }
    }
    if let (Some(before), Some(after)) = (before, after) {
        let new = root.objects().between(&before, &after);
        if rules.bool(protection::LINEAR) && new.iter().any(|(_, one)| one.parents.len() > 1) {
            out.push("This branch must not contain merge commits.".to_owned());
        }
        if rules.bool(protection::SIGNATURES) && new.iter().any(|(_, one)| one.signature.is_none())
        {
            out.push("Commits must have verified signatures.".to_owned());
        }
    }
    out
}

/// What GitHub says after a branch was made: how to open a pull request from it.
pub(super) fn invitation(root: &Root, row: &Row, wanted: &Pushed) -> Vec<String> {
    let (name, default) = (row.text(repo::FULL_NAME), row.text(repo::DEFAULT_BRANCH));
    let is_new = wanted.before.is_none() && wanted.after.is_some();
    match wanted.branch() {
        Some(branch)
            if is_new && branch != default && refs::branch(root, name, default).is_some() =>
        {
            vec![
                "\n".to_owned(),
                format!("Create a pull request for '{branch}' on GitHub by visiting:\n"),
                format!("     https://github.com/{name}/pull/new/{branch}\n"),
                "\n".to_owned(),
            ]
        }
        _ => Vec::new(),
    }
}
