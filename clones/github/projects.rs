//! Projects of users and organisations: fields, items and what items hold.

use std::sync::Arc;

use archal_core::clone::ViewValue;
use serde_json::Value;

use super::access::{self, not_found};
use super::dialect::{invalid, invalid_value};
use super::render::project as render;
use super::tables::{
    FIELDS_BY_PROJECT, ISSUES, ITEMS_BY_PROJECT, PROJECT_FIELDS, PROJECT_ITEMS, PROJECTS,
    PROJECTS_BY_OWNER, USERS, issue, project, project_field, project_item, user,
};
use super::{complete, lists, orgs};
use crate::engine::input::{Input, Kind};
use crate::engine::key::{Key, Part, folded, same};
use crate::engine::pack::{Call, Refusal, Reply};
use crate::engine::root::Root;
use crate::engine::row::{Draft, Row, text};
use crate::engine::running::read;

/// What a body that adds an item holds.
const ADD: &[Input] = &[
    Input::new("type", Kind::Text).required(),
    Input::new("id", Kind::Int),
    Input::new("owner", Kind::Text),
    Input::new("repo", Kind::Text),
    Input::new("number", Kind::Int),
];

const DRAFT: &[Input] = &[
    Input::new("title", Kind::Text).required(),
    Input::new("body", Kind::TextOrNull),
];

const FIELDS: &[Input] = &[Input::new("fields", Kind::Any).required()];

/// Guard: the path names an account.
pub(super) fn known_owner(call: &mut Call<'_>) -> Result<(), Refusal> {
    let root = call.root();
    let row = match (call.param("org"), call.param("username")) {
        ("", "") => {
            let id = call.number("user_id");
            root.rows(USERS)
                .values()
                .find(|row| row.int(user::ID) == id)
        }
        ("", name) => root
            .get(USERS, &Key::folded(name))
            .filter(|row| row.text(user::TYPE) != "Organization"),
        (org, _) => root
            .get(USERS, &Key::folded(org))
            .filter(|row| row.text(user::TYPE) == "Organization"),
    };
    let row = row.cloned().ok_or_else(not_found)?;
    call.found.push((USERS, row));
    Ok(())
}

/// Guard: the path names a project of the account that the caller sees.
pub(super) fn known_project(call: &mut Call<'_>) -> Result<(), Refusal> {
    let owner = orgs::name(call)?;
    let key = Key::new([folded(&owner), Part::Int(call.number("project_number"))]);
    let row = call.root().get(PROJECTS, &key).cloned();
    let row = row.filter(|row| sees(call, row)).ok_or_else(not_found)?;
    call.found.push((PROJECTS, row));
    Ok(())
}

/// Whether the caller is of the project's owner.
pub(super) fn inside(call: &Call<'_>, owner: &str) -> bool {
    let own = call
        .caller
        .as_ref()
        .is_some_and(|caller| same(caller.text(user::LOGIN), owner));
    own || orgs::own_role(call, owner).is_some()
}

/// Whether the caller sees a project.
pub(super) fn sees(call: &Call<'_>, row: &Row) -> bool {
    row.bool(project::PUBLIC) || inside(call, row.text(project::OWNER))
}

/// Guard: the caller may change the project.
pub(super) fn may_change(call: &mut Call<'_>) -> Result<(), Refusal> {
    access::login(call)?;
    let owner = call.row(PROJECTS)?.text(project::OWNER).to_owned();
    inside(call, &owner)
        .then_some(())
        .ok_or_else(|| Refusal::new(403, "You do not have permission to change this project."))
}

/// Guard: the path names an item of the project.
pub(super) fn known_item(call: &mut Call<'_>) -> Result<(), Refusal> {
    let of = call.row(PROJECTS)?;
    let key = in_project(&of, call.number("item_id"));
    let row = call.root().get(PROJECT_ITEMS, &key).cloned();
    call.found.push((PROJECT_ITEMS, row.ok_or_else(not_found)?));
    Ok(())
}

fn in_project(of: &Row, id: i64) -> Key {
    Key::new([
        folded(of.text(project::OWNER)),
        Part::Int(of.int(project::NUMBER)),
        Part::Int(id),
    ])
}

fn name_of(of: &Row) -> String {
    format!("{}/{}", of.text(project::OWNER), of.int(project::NUMBER))
}

fn group_of(of: &Row) -> Key {
    Key::new([
        folded(of.text(project::OWNER)),
        Part::Int(of.int(project::NUMBER)),
    ])
}

/// `GET …/projectsV2`.
pub(super) fn list(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let owner = orgs::name(call)?;
    let root = call.root();
    let group = root.group(PROJECTS, PROJECTS_BY_OWNER, &Key::folded(&owner));
    let asked = call.query("q").unwrap_or_default().to_lowercase();
    let fits = |row: &Row| {
        asked.split_whitespace().all(|word| match word {
            "is:open" => row.text(project::STATE) == "open",
            "is:closed" => row.text(project::STATE) == "closed",
            "is:public" => row.bool(project::PUBLIC),
            "is:private" => !row.bool(project::PUBLIC),
            word => row.text(project::TITLE).to_lowercase().contains(word),
        })
    };
    let rows = group.into_iter().flat_map(|rows| rows.values());
    let rows: Vec<&Arc<Row>> = rows.filter(|row| sees(call, row) && fits(row)).collect();
    let id = |row: &Row| row.int(project::NUMBER).to_string();
    Ok(lists::by_cursor(call, &rows, id, |row, out| {
        render::project(root, row, out);
    }))
}

/// `GET …/projectsV2/{project_number}`.
pub(super) fn get(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let row = call.row(PROJECTS)?;
    let root = call.root();
    Ok(lists::one(call, 200, &row, |row, out| {
        render::project(root, row, out);
    }))
}

/// `GET …/fields`.
pub(super) fn list_fields(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let of = call.row(PROJECTS)?;
    let root = call.root();
    let rows = fields(root, &of);
    let id = |row: &Row| row.int(project_field::ID).to_string();
    Ok(lists::by_cursor(call, &rows, id, |row, out| {
        render::field(&of, row, out);
    }))
}

fn fields<'r>(root: &'r Root, of: &Row) -> Vec<&'r Arc<Row>> {
    let group = root.group(PROJECT_FIELDS, FIELDS_BY_PROJECT, &group_of(of));
    group.into_iter().flat_map(|rows| rows.values()).collect()
}

/// `GET …/fields/{field_id}`.
pub(super) fn get_field(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let of = call.row(PROJECTS)?;
    let key = in_project(&of, call.number("field_id"));
    let row = call.root().get(PROJECT_FIELDS, &key).cloned();
    let row = row.ok_or_else(not_found)?;
    Ok(lists::one(call, 200, &row, |row, out| {
        render::field(&of, row, out);
    }))
}

/// The fields that a call wants of items: those that it names, or the title.
fn shown<'r>(call: &Call<'_>, all: &[&'r Arc<Row>]) -> Result<Vec<&'r Arc<Row>>, Refusal> {
    let asked: Vec<&str> = call
        .query
        .iter()
        .filter(|(key, _)| key == "fields" || key == "fields[]")
        .flat_map(|(_, value)| value.split(','))
        .filter(|one| !one.is_empty())
        .collect();
    if asked.is_empty() {
        let title = |row: &&&'r Arc<Row>| row.text(project_field::TYPE) == "title";
        return Ok(all.iter().filter(title).copied().collect());
    }
    asked
        .into_iter()
        .map(|id| {
            let number = id.parse::<i64>().ok();
            let found = all
                .iter()
                .find(|row| number == Some(row.int(project_field::ID)));
            found
                .copied()
                .ok_or_else(|| invalid_value("ProjectV2Item", "fields", id))
        })
        .collect()
}

/// `GET …/items`.
pub(super) fn list_items(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let of = call.row(PROJECTS)?;
    let root = call.root();
    let all = fields(root, &of);
    let shown = shown(call, &all)?;
    let group = root.group(PROJECT_ITEMS, ITEMS_BY_PROJECT, &group_of(&of));
    let rows = group.into_iter().flat_map(|rows| rows.values());
    let asked = call.query("q").unwrap_or_default().to_lowercase();
    let fits = |row: &Row| asked.split_whitespace().all(|word| fits(root, row, word));
    let rows: Vec<&Arc<Row>> = rows.filter(|row| fits(row)).collect();
    let id = |row: &Row| row.int(project_item::ID).to_string();
    Ok(lists::by_cursor(call, &rows, id, |row, out| {
        render::item(root, &of, row, &shown, out);
    }))
}

/// Whether an item is what a word of a query asks for: a qualifier, or a part of its title.
fn fits(root: &Root, row: &Row, word: &str) -> bool {
    let of = root.named(ISSUES, row.text(project_item::ISSUE));
    let state = of.map_or("", |row| row.text(issue::STATE));
    match word {
        "is:open" => state == "open",
        "is:closed" => state == "closed",
        "is:issue" => of.is_some_and(|row| !render::is_pull(root, row)),
        "is:pr" => of.is_some_and(|row| render::is_pull(root, row)),
        "is:draft" => of.is_none(),
        word => match word.split_once(':') {
            Some((name, value)) => {
                let held = render::values(row);
                let value = value.trim_matches('"');
                held.iter()
                    .any(|(field, held)| same(field, name) && same(held, value))
            }
            None => render::title(root, row).to_lowercase().contains(word),
        },
    }
}

/// `GET …/items/{item_id}`.
pub(super) fn get_item(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let row = call.row(PROJECT_ITEMS)?;
    answer(call, 200, &row)
}

fn answer(call: &Call<'_>, status: u16, row: &Row) -> Result<Reply, Refusal> {
    let of = call.row(PROJECTS)?;
    let root = call.root();
    let all = fields(root, &of);
    let shown = shown(call, &all)?;
    Ok(lists::one(call, status, row, |row, out| {
        render::item(root, &of, row, &shown, out);
    }))
}

/// `POST …/items`.
pub(super) fn add_item(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let inputs = read(call, ADD, call.root().pack())?;
    let kind = inputs.text("type").unwrap_or_default();
    if !matches!(kind, "Issue" | "PullRequest") {
        return Err(invalid_value("ProjectV2Item", "type", kind));
    }
    let root = call.root();
    let found = match (inputs.int("id"), inputs.int("number")) {
        (Some(id), _) => root
            .rows(ISSUES)
            .values()
            .find(|row| row.int(issue::ID) == id),
        (None, Some(number)) => {
            let owner = inputs.text("owner").unwrap_or_default();
            let repo = inputs.text("repo").unwrap_or_default();
            root.named(ISSUES, &format!("{owner}/{repo}#{number}"))
        }
        (None, None) => return Err(invalid("ProjectV2Item", "id", "missing_field")),
    };
    let seen = found.filter(|row| {
        let repo = root.named(super::tables::REPOS, row.text(issue::REPO));
        let seen = repo.is_some_and(|repo| access::sees(call, repo).is_some());
        seen && render::is_pull(root, row) == (kind == "PullRequest")
    });
    let row = seen.cloned().ok_or_else(not_found)?;
    let name = format!("{}#{}", row.text(issue::REPO), row.int(issue::NUMBER));
    let of = call.row(PROJECTS)?;
    let group = call
        .root()
        .group(PROJECT_ITEMS, ITEMS_BY_PROJECT, &group_of(&of));
    let known = group
        .into_iter()
        .flat_map(|rows| rows.values())
        .find(|item| same(item.text(project_item::ISSUE), &name))
        .cloned();
    // What is there already is answered as it is.
    if let Some(known) = known {
        return simple(call, &known);
    }
    let mut draft = new_item(call, &of)?;
    draft.set(project_item::ISSUE, text(name));
    let row = call.transaction.put(PROJECT_ITEMS, draft);
    simple(call, &row)
}

fn simple(call: &Call<'_>, row: &Row) -> Result<Reply, Refusal> {
    let of = call.row(PROJECTS)?;
    let root = call.root();
    Ok(lists::one(call, 201, row, |row, out| {
        render::simple(root, &of, row, out);
    }))
}

fn new_item(call: &mut Call<'_>, of: &Row) -> Result<Draft, Refusal> {
    let mut draft = call.root().blank(PROJECT_ITEMS);
    draft.set(project_item::PROJECT, text(name_of(of)));
    draft.set(project_item::CREATOR, text(access::login(call)?));
    draft.set(project_item::CREATED_AT, ViewValue::Time(call.now));
    draft.set(project_item::UPDATED_AT, ViewValue::Time(call.now));
    let id = call.transaction.next_id(PROJECT_ITEMS);
    draft.set(project_item::ID, ViewValue::Int(id));
    name_item(&mut draft);
    Ok(draft)
}

/// Gives an item its GraphQL id.
pub(super) fn name_item(draft: &mut Draft) {
    let id = draft.int(project_item::ID);
    draft.or(project_item::NODE_ID, || {
        text(complete::node_id("PVTI", &[id]))
    });
}

/// `POST …/drafts`.
pub(super) fn add_draft(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let inputs = read(call, DRAFT, call.root().pack())?;
    let title = inputs.text("title").unwrap_or_default();
    if title.trim().is_empty() {
        return Err(invalid("ProjectV2Item", "title", "missing_field"));
    }
    let of = call.row(PROJECTS)?;
    let mut draft = new_item(call, &of)?;
    draft.set(project_item::TITLE, text(title));
    let body = inputs.text("body");
    draft.set(project_item::BODY, body.map_or(ViewValue::Null, text));
    let row = call.transaction.put(PROJECT_ITEMS, draft);
    simple(call, &row)
}

/// `PATCH …/items/{item_id}`.
pub(super) fn update_item(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let inputs = read(call, FIELDS, call.root().pack())?;
    let of = call.row(PROJECTS)?;
    let old = call.row(PROJECT_ITEMS)?;
    let given = inputs.value("fields").and_then(Value::as_array);
    let given = given.ok_or_else(|| invalid("ProjectV2Item", "fields", "invalid"))?;
    let mut held = render::values(&old);
    for change in given {
        let id = change.get("id").and_then(Value::as_i64).unwrap_or(0);
        let key = in_project(&of, id);
        let field = call.root().get(PROJECT_FIELDS, &key).cloned();
        let field =
            field.ok_or_else(|| invalid_value("ProjectV2Item", "fields", &id.to_string()))?;
        let name = field.text(project_field::NAME).to_owned();
        held.retain(|(known, _)| *known != name);
        if let Some(value) = value_for(&field, change.get("value"))? {
            held.push((name, value));
        }
    }
    let values = held.into_iter().map(|(field, value)| {
        ViewValue::Object(vec![("field", text(field)), ("value", text(value))])
    });
    let mut draft = old.draft();
    draft.set(project_item::VALUES, ViewValue::List(values.collect()));
    let row = if draft == old.draft() {
        old
    } else {
        draft.set(project_item::UPDATED_AT, ViewValue::Time(call.now));
        call.transaction.put(PROJECT_ITEMS, draft)
    };
    answer(call, 200, &row)
}

/// What a field is to hold; none where it is to hold nothing.
fn value_for(field: &Row, given: Option<&Value>) -> Result<Option<String>, Refusal> {
    let bad = |value: &Value| invalid_value("ProjectV2Item", "value", &value.to_string());
    let given = match given {
        None | Some(Value::Null) => return Ok(None),
        Some(given) => given,
    };
    let as_text = given.as_str();
    let value = match field.text(project_field::TYPE) {
        "text" => as_text.map(str::to_owned),
        "number" => given.as_f64().map(|number| number.to_string()),
        "date" => as_text
            .filter(|date| date.parse::<jiff::civil::Date>().is_ok())
            .map(str::to_owned),
        // An option by its id or its name.
        "single_select" | "iteration" => field
            .texts(project_field::OPTIONS)
            .find(|name| as_text == Some(name) || as_text == Some(&render::option_id(field, name)))
            .map(str::to_owned),
        kind => {
            let message = format!("The value of a field of type {kind} cannot be set.");
            return Err(Refusal::new(422, message));
        }
    };
    value.map(Some).ok_or_else(|| bad(given))
}
