//! Who is assigned, and who can be.

use super::access;
use super::dialect::page;
use super::issues::{self, push_login};
use super::tables::{ISSUES, REPOS, USERS, issue, user};
use crate::engine::input::{Input, Kind};
use crate::engine::key::same;
use crate::engine::pack::{Call, Refusal, Reply};
use crate::engine::row::list as texts;
use crate::engine::running::read;

const NAMES: &[Input] = &[Input {
    name: "assignees",
    kind: Kind::Texts,
    required: false,
}];

/// `GET …/assignees`.
pub(super) fn list(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let repo = call.row(REPOS)?;
    let root = call.root();
    let rows: Vec<_> = root
        .rows(USERS)
        .values()
        .filter(|row| access::assignable(root, &repo, row.text(user::LOGIN)))
        .collect();
    let page = page(call, rows.len());
    let rows = rows.into_iter().skip(page.skip()).take(page.take());
    Ok(Reply::rows(root, USERS, rows, Some(page)))
}

/// `GET …/assignees/{assignee}`.
pub(super) fn check(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let repo = call.row(REPOS)?;
    if access::assignable(call.root(), &repo, call.param("assignee")) {
        Ok(Reply::empty())
    } else {
        Err(access::not_found())
    }
}

/// `POST …/issues/{issue_number}/assignees`. Who cannot be assigned is passed over in silence.
pub(super) fn add(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let repo = call.row(REPOS)?;
    let old = call.row(ISSUES)?;
    let mut logins: Vec<String> = old.texts(issue::ASSIGNEES).map(str::to_owned).collect();
    for name in asked(call)? {
        if access::assignable(call.root(), &repo, &name) {
            push_login(call.root(), &mut logins, &name);
        }
    }
    write(call, 201, logins)
}

/// `DELETE …/issues/{issue_number}/assignees`.
pub(super) fn remove(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let names = asked(call)?;
    let old = call.row(ISSUES)?;
    let logins = old
        .texts(issue::ASSIGNEES)
        .filter(|login| !names.iter().any(|name| same(name, login)))
        .map(str::to_owned)
        .collect();
    write(call, 200, logins)
}

fn asked(call: &Call<'_>) -> Result<Vec<String>, Refusal> {
    let inputs = read(call, NAMES, call.root().pack())?;
    let names = inputs.texts("assignees").unwrap_or_default();
    Ok(names.into_iter().map(str::to_owned).collect())
}

fn write(call: &mut Call<'_>, status: u16, logins: Vec<String>) -> Result<Reply, Refusal> {
    let old = call.row(ISSUES)?;
    let mut draft = old.draft();
    draft.set(issue::ASSIGNEES, texts(logins));
    let row = issues::write(call, draft)?;
    Ok(Reply::row(status, call.root(), ISSUES, &row))
}
