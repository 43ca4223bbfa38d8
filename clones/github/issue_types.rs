//! Types of issues that an organisation has.

use archal_core::clone::ViewValue;

use super::dialect::invalid_value;
use super::orgs::own_role;
use super::tables::{
    COLORS, ISSUE_TYPES, ISSUE_TYPES_BY_ORG, ISSUES, REPOS, TABLES, USERS, issue, issue_type,
    owner_of, repo, user,
};
use super::{access, complete};
use crate::engine::input::{Input, Inputs, Kind};
use crate::engine::key::{Key, folded, same};
use crate::engine::pack::{Call, Refusal, Reply};
use crate::engine::row::{Draft, Row, text};
use crate::engine::running::read;

const BODY: &[Input] = &[
    Input::new("name", Kind::Text).required(),
    Input::new("is_enabled", Kind::Any).required(),
    Input::new("description", Kind::TextOrNull),
    Input::new("color", Kind::TextOrNull),
];

/// Most types of an organisation.
const MOST: usize = 25;

/// The organisation that the path names, as its row writes it.
pub(super) fn org(call: &Call<'_>) -> Result<String, Refusal> {
    let row = call.root().get(USERS, &Key::folded(call.param("org")));
    let row = row.filter(|row| row.text(user::TYPE) == "Organization");
    let row = row.ok_or_else(access::not_found)?;
    Ok(row.text(user::LOGIN).to_owned())
}

/// The organisation that the path names, for a caller who may change what it is made of.
pub(super) fn own_org(call: &Call<'_>) -> Result<String, Refusal> {
    access::login(call)?;
    let org = org(call)?;
    let owns = own_role(call, &org) == Some("admin");
    owns.then_some(org)
        .ok_or_else(|| Refusal::new(403, "Must be an organization owner to manage its issues."))
}

/// `Validation Failed` as operations on organisations say it: in words.
pub(super) fn refused(field: &str, code: &str) -> Refusal {
    let what = match code {
        "already_exists" => "has already been taken",
        "missing_field" => "can't be blank",
        "too_many" => "has too many of them",
        _ => "is invalid",
    };
    let name = format!("{}{}", field[..1].to_uppercase(), &field[1..]).replace('_', " ");
    Refusal::new(422, "Validation Failed").with(vec![format!("{name} {what}").into()])
}

fn group<'r>(
    call: &'r Call<'_>,
    org: &str,
) -> impl Iterator<Item = &'r std::sync::Arc<Row>> + use<'r> {
    call.root()
        .group(ISSUE_TYPES, ISSUE_TYPES_BY_ORG, &Key::folded(org))
        .into_iter()
        .flat_map(|rows| rows.values())
}

/// `GET /orgs/{org}/issue-types`.
pub(super) fn list(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    access::login(call)?;
    let org = org(call)?;
    Ok(Reply::rows(
        call.root(),
        ISSUE_TYPES,
        group(call, &org),
        None,
    ))
}

/// `GET /repos/{owner}/{repo}/issue-types`.
pub(super) fn list_for_repo(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let repo = call.row(REPOS)?;
    let org = owner_of(repo.text(repo::FULL_NAME));
    let enabled = group(call, org).filter(|row| row.bool(issue_type::IS_ENABLED));
    Ok(Reply::rows(call.root(), ISSUE_TYPES, enabled, None))
}

fn write(call: &mut Call<'_>, org: &str, old: Option<&Row>) -> Result<Reply, Refusal> {
    let inputs = read(call, BODY, call.root().pack())?;
    let name = inputs.text("name").unwrap_or_default().trim();
    if name.is_empty() {
        return Err(refused("name", "missing_field"));
    }
    let key = Key::new([folded(org), folded(name)]);
    let own = old.is_some_and(|old| same(old.text(issue_type::NAME), name));
    if !own && call.root().get(ISSUE_TYPES, &key).is_some() {
        return Err(refused("name", "already_exists"));
    }
    if old.is_none() && group(call, org).count() >= MOST {
        return Err(refused("organization", "too_many"));
    }
    let color = inputs.text("color");
    if let Some(color) = color
        && !COLORS.contains(&color)
    {
        return Err(refused("color", "invalid"));
    }
    let enabled = inputs.value("is_enabled").and_then(|value| value.as_bool());
    let enabled = enabled.ok_or_else(|| refused("is_enabled", "invalid"))?;
    let mut draft = match old {
        Some(old) => old.draft(),
        None => {
            let mut draft = Draft::empty(TABLES[ISSUE_TYPES].columns.len());
            let id = call.transaction.next_id(ISSUE_TYPES);
            draft.set(issue_type::ORG, text(org));
            draft.set(issue_type::ID, ViewValue::Int(id));
            draft.set(issue_type::CREATED_AT, ViewValue::Time(call.now));
            complete::name_issue_type(&mut draft);
            draft
        }
    };
    draft.set(issue_type::NAME, text(name));
    draft.set(issue_type::IS_ENABLED, ViewValue::Bool(enabled));
    for (field, column) in [
        ("description", issue_type::DESCRIPTION),
        ("color", issue_type::COLOR),
    ] {
        if inputs.has(field) {
            let value = inputs.text(field).map_or(ViewValue::Null, text);
            draft.set(column, value);
        }
    }
    draft.set(issue_type::UPDATED_AT, ViewValue::Time(call.now));
    let row = match old {
        Some(old) => call.transaction.replace(ISSUE_TYPES, old, draft),
        None => call.transaction.put(ISSUE_TYPES, draft),
    };
    if let Some(old) = old {
        follow(call, old, Some(name));
    }
    Ok(Reply::row(200, call.root(), ISSUE_TYPES, &row))
}

/// Issues of a type take its new name, or lose it; all show it anew.
fn follow(call: &mut Call<'_>, old: &Row, name: Option<&str>) {
    let (org, kind) = (old.text(issue_type::ORG), old.text(issue_type::NAME));
    let rows: Vec<_> = call
        .root()
        .rows(ISSUES)
        .values()
        .filter(|row| {
            row.text_or_null(issue::TYPE) == Some(kind)
                && same(owner_of(row.text(issue::REPO)), org)
        })
        .cloned()
        .collect();
    for row in rows {
        let key = call.root().key(ISSUES, &row);
        if name == Some(kind) {
            call.transaction.render_anew(ISSUES, &key);
            continue;
        }
        let mut draft = row.draft();
        draft.set(issue::TYPE, name.map_or(ViewValue::Null, text));
        call.transaction.put(ISSUES, draft);
    }
}

/// `POST /orgs/{org}/issue-types`.
pub(super) fn create(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let org = own_org(call)?;
    write(call, &org, None)
}

fn found(call: &Call<'_>, org: &str) -> Result<std::sync::Arc<Row>, Refusal> {
    let id = call.number("issue_type_id");
    let row = group(call, org).find(|row| row.int(issue_type::ID) == id);
    row.cloned().ok_or_else(access::not_found)
}

/// `PUT /orgs/{org}/issue-types/{issue_type_id}`.
pub(super) fn update(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let org = own_org(call)?;
    let old = found(call, &org)?;
    write(call, &org, Some(&old))
}

/// `DELETE /orgs/{org}/issue-types/{issue_type_id}`.
pub(super) fn delete(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let org = own_org(call)?;
    let old = found(call, &org)?;
    let key = call.root().key(ISSUE_TYPES, &old);
    call.transaction.remove(ISSUE_TYPES, &key);
    follow(call, &old, None);
    Ok(Reply::empty())
}

/// The type that a body gives an issue: a name of the organisation's, or null.
pub(super) fn asked(call: &Call<'_>, inputs: &Inputs) -> Result<Option<ViewValue>, Refusal> {
    if !inputs.has("type") {
        return Ok(None);
    }
    let Some(name) = inputs.text("type").filter(|name| !name.is_empty()) else {
        return Ok(Some(ViewValue::Null));
    };
    let repo = access::repo_name(call)?;
    let key = Key::new([folded(owner_of(&repo)), folded(name)]);
    let row = call.root().get(ISSUE_TYPES, &key);
    let row = row.filter(|row| row.bool(issue_type::IS_ENABLED));
    let row = row.ok_or_else(|| invalid_value("Issue", "type", name))?;
    Ok(Some(row.value(issue_type::NAME).clone()))
}
