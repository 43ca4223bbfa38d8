//! Forks.

use std::sync::Arc;

use archal_core::clone::ViewValue;

use super::access::{self, not_found};
use super::tables::{REPOS, REPOS_BY_PARENT, USERS, name_of, repo, user};
use super::{creation, orgs, refs, repos};
use crate::engine::git::Oid;
use crate::engine::input::{Input, Kind};
use crate::engine::key::Key;
use crate::engine::pack::{Call, Refusal, Reply};
use crate::engine::row::{Row, text};

/// `GET …/forks`.
pub(super) fn list(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let key = Key::folded(&access::repo_name(call)?);
    let root = call.root();
    let group = root.group(REPOS, REPOS_BY_PARENT, &key);
    let rows = group.into_iter().flat_map(|rows| rows.values());
    let mut rows: Vec<&Arc<Row>> = rows
        .filter(|row| access::sees(call, row).is_some())
        .collect();
    match call.query("sort") {
        Some("oldest") => {}
        Some("stargazers" | "watchers") => {
            rows.sort_by_key(|row| std::cmp::Reverse(row.int(repo::STARGAZERS)));
        }
        _ => rows.reverse(),
    }
    Ok(repos::page_of(call, &rows))
}

const NEW: &[Input] = &[
    Input::new("organization", Kind::TextOrNull),
    Input::new("name", Kind::TextOrNull),
    Input::new("default_branch_only", Kind::Bool),
];

/// `POST …/forks`.
pub(super) fn create(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let inputs = access::body(call, NEW)?;
    let of = call.row(REPOS)?;
    let full_name = of.text(repo::FULL_NAME).to_owned();
    let login = access::login(call)?;
    let owner = match inputs.text("organization").filter(|org| !org.is_empty()) {
        None => login,
        Some(org) => {
            let row = call.root().get(USERS, &Key::folded(org)).cloned();
            let row = row.filter(|row| row.text(user::TYPE) == "Organization");
            let row = row.ok_or_else(not_found)?;
            orgs::check_takes_repos(call, row.text(user::LOGIN))?;
            row.text(user::LOGIN).to_owned()
        }
    };
    if refs::is_empty(call.root(), &full_name) {
        return Err(Refusal::new(
            403,
            "The repository exists, but it contains no Git content. Empty repositories cannot be forked.",
        ));
    }
    if of.bool(repo::PRIVATE) && !of.bool(repo::ALLOW_FORKING) {
        return Err(Refusal::new(403, "This repository does not allow forking."));
    }
    if creation::belongs_to(&of, &owner) {
        return Ok(repos::full(call, 202, &of));
    }
    let known = call
        .root()
        .group(REPOS, REPOS_BY_PARENT, &Key::folded(&full_name));
    let known = known
        .into_iter()
        .flat_map(|rows| rows.values())
        .find(|row| creation::belongs_to(row, &owner))
        .cloned();
    if let Some(row) = known {
        return Ok(repos::full(call, 202, &row));
    }
    let asked = inputs.text("name").filter(|name| !name.is_empty());
    let name = creation::repository_name(asked.unwrap_or(name_of(&full_name)))?;
    // A name that is taken gets a number behind it.
    let fork_name = (0..1_000)
        .map(|number| match number {
            0 => format!("{owner}/{name}"),
            number => format!("{owner}/{name}-{number}"),
        })
        .find(|full_name| call.root().named(REPOS, full_name).is_none());
    let fork_name = fork_name.ok_or_else(|| Refusal::new(422, "Validation Failed"))?;
    let mut draft = creation::fresh(call, &fork_name);
    for column in [
        repo::PRIVATE,
        repo::DESCRIPTION,
        repo::HOMEPAGE,
        repo::LANGUAGE,
        repo::DEFAULT_BRANCH,
        repo::SIZE,
        repo::LICENSE,
        repo::PUSHED_AT,
    ] {
        draft.set(column, of.value(column).clone());
    }
    draft.set(repo::FORK, ViewValue::Bool(true));
    draft.set(repo::PARENT, text(full_name.as_str()));
    draft.set(repo::HAS_ISSUES, ViewValue::Bool(false));
    creation::put(call, draft);
    let only_default = inputs.bool("default_branch_only") == Some(true);
    let default = format!("{}{}", refs::HEADS, of.text(repo::DEFAULT_BRANCH));
    let all: Vec<(String, Oid)> = refs::below(call.root(), &full_name, "refs/")
        .filter(|(name, _)| {
            let kept = name.starts_with(refs::HEADS) || name.starts_with(refs::TAGS);
            if only_default { *name == default } else { kept }
        })
        .map(|(name, oid)| (name.to_owned(), oid))
        .collect();
    for (name, oid) in all {
        refs::copy(call, &fork_name, &name, oid);
    }
    let mut counted = of.draft();
    counted.set(
        repo::FORKS,
        ViewValue::Int(of.int(repo::FORKS).saturating_add(1)),
    );
    call.transaction.put(REPOS, counted);
    let row = call.root().named(REPOS, &fork_name).cloned();
    let row = row.ok_or_else(not_found)?;
    Ok(repos::full(call, 202, &row))
}
