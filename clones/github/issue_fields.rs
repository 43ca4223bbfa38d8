//! Fields that the issues of an organisation have, and what issues hold in them.

use std::sync::Arc;

use archal_core::clone::ViewValue;
use serde_json::Value;

use super::dialect::{invalid, invalid_value, page};
use super::issue_types::{org, own_org, refused};
use super::render::field::{option_id, values};
use super::tables::{
    COLORS, ISSUE_FIELD_VALUES, ISSUE_FIELDS, ISSUE_FIELDS_BY_ORG, ISSUE_TYPES, ISSUES, TABLES,
    VALUES_BY_FIELD, VALUES_BY_ISSUE, field_value, issue, issue_field, issue_key, owner_of,
    repo_of,
};
use super::{access, complete, issues};
use crate::engine::input::{Input, Inputs, Kind};
use crate::engine::key::{Key, folded, same};
use crate::engine::pack::{Call, Refusal, Reply};
use crate::engine::root::Root;
use crate::engine::row::{Draft, Row, list as texts, text};
use crate::engine::running::read;
use crate::engine::writer::Writer;

const NEW: &[Input] = &[
    Input::new("name", Kind::Text).required(),
    Input::new("data_type", Kind::Text).required(),
    Input::new("description", Kind::TextOrNull),
    Input::new("visibility", Kind::Text),
    Input::new("options", Kind::Any),
];

const CHANGE: &[Input] = &[
    Input::new("name", Kind::Text),
    Input::new("description", Kind::TextOrNull),
    Input::new("visibility", Kind::Text),
    Input::new("options", Kind::Any),
];

const VALUES: &[Input] = &[Input::new("issue_field_values", Kind::Any)];

/// The type of an issue.
pub(super) fn type_of<'r>(root: &'r Root, row: &Row) -> Option<&'r Arc<Row>> {
    let kind = row.text_or_null(issue::TYPE)?;
    let org = owner_of(row.text(issue::REPO));
    root.get(ISSUE_TYPES, &Key::new([folded(org), folded(kind)]))
}

fn of_org(root: &Root, org: &str) -> Vec<Arc<Row>> {
    let rows = root.group(ISSUE_FIELDS, ISSUE_FIELDS_BY_ORG, &Key::folded(org));
    let rows = rows.into_iter().flat_map(|rows| rows.values());
    rows.cloned().collect()
}

/// `GET /orgs/{org}/issue-fields`.
pub(super) fn list(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    access::login(call)?;
    let org = org(call)?;
    let rows = of_org(call.root(), &org);
    Ok(Reply::rows(call.root(), ISSUE_FIELDS, rows.iter(), None))
}

/// `POST /orgs/{org}/issue-fields`.
pub(super) fn create(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let org = own_org(call)?;
    let inputs = read(call, NEW, call.root().pack())?;
    let kind = inputs.text("data_type").unwrap_or_default().to_owned();
    let known = ["text", "date", "single_select", "multi_select", "number"];
    if !known.contains(&kind.as_str()) {
        return Err(refused("data_type", "invalid"));
    }
    let mut draft = Draft::empty(TABLES[ISSUE_FIELDS].columns.len());
    let id = call.transaction.next_id(ISSUE_FIELDS);
    draft.set(issue_field::ORG, text(org.as_str()));
    draft.set(issue_field::ID, ViewValue::Int(id));
    draft.set(issue_field::DATA_TYPE, text(kind.as_str()));
    draft.set(issue_field::VISIBILITY, text("all"));
    draft.set(issue_field::CREATED_AT, ViewValue::Time(call.now));
    write(call, &org, &inputs, &mut draft, None)?;
    let none = draft.texts(issue_field::OPTIONS).is_empty();
    if kind.ends_with("_select") && none {
        return Err(refused("options", "missing_field"));
    }
    complete::name_issue_field(&mut draft);
    let row = call.transaction.put(ISSUE_FIELDS, draft);
    Ok(Reply::row(200, call.root(), ISSUE_FIELDS, &row))
}

fn write(
    call: &Call<'_>,
    org: &str,
    inputs: &Inputs,
    draft: &mut Draft,
    old: Option<&Row>,
) -> Result<(), Refusal> {
    if let Some(name) = inputs.text("name").map(str::trim) {
        if name.is_empty() {
            return Err(refused("name", "missing_field"));
        }
        let key = Key::new([folded(org), folded(name)]);
        let own = old.is_some_and(|old| same(old.text(issue_field::NAME), name));
        if !own && call.root().get(ISSUE_FIELDS, &key).is_some() {
            return Err(refused("name", "already_exists"));
        }
        draft.set(issue_field::NAME, text(name));
    }
    if inputs.has("description") {
        let about = inputs.text("description");
        draft.set(
            issue_field::DESCRIPTION,
            about.map_or(ViewValue::Null, text),
        );
    }
    match inputs.text("visibility") {
        None => {}
        Some(seen @ ("all" | "organization_members_only")) => {
            draft.set(issue_field::VISIBILITY, text(seen));
        }
        Some(_) => return Err(refused("visibility", "invalid")),
    }
    if let Some(options) = inputs.value("options").filter(|value| !value.is_null()) {
        write_options(options, draft)?;
    }
    draft.set(issue_field::UPDATED_AT, ViewValue::Time(call.now));
    Ok(())
}

fn write_options(options: &Value, draft: &mut Draft) -> Result<(), Refusal> {
    let wrong = || refused("options", "invalid");
    let mut all: Vec<&Value> = options.as_array().ok_or_else(wrong)?.iter().collect();
    all.sort_by_key(|option| option["priority"].as_i64().unwrap_or(i64::MAX));
    let (mut names, mut colors, mut abouts) = (Vec::new(), Vec::new(), Vec::new());
    for option in all {
        let name = option["name"].as_str().ok_or_else(wrong)?;
        let color = option["color"].as_str().unwrap_or("gray");
        if name.trim().is_empty() || names.contains(&name) || !COLORS.contains(&color) {
            return Err(wrong());
        }
        names.push(name);
        colors.push(color);
        abouts.push(option["description"].as_str().unwrap_or_default());
    }
    draft.set(issue_field::OPTIONS, texts(names));
    draft.set(issue_field::OPTION_COLORS, texts(colors));
    draft.set(issue_field::OPTION_DESCRIPTIONS, texts(abouts));
    Ok(())
}

fn found(call: &Call<'_>, org: &str) -> Result<Arc<Row>, Refusal> {
    let id = call.number("issue_field_id");
    let rows = of_org(call.root(), org);
    let row = rows.into_iter().find(|row| row.int(issue_field::ID) == id);
    row.ok_or_else(access::not_found)
}

/// `PATCH /orgs/{org}/issue-fields/{issue_field_id}`.
pub(super) fn update(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let org = own_org(call)?;
    let old = found(call, &org)?;
    let inputs = read(call, CHANGE, call.root().pack())?;
    let mut draft = old.draft();
    write(call, &org, &inputs, &mut draft, Some(&old))?;
    let held = held_in(call, &old);
    let options = inputs.value("options").cloned().unwrap_or_default();
    for row in &held {
        let key = call.root().key(ISSUE_FIELD_VALUES, row);
        call.transaction.remove(ISSUE_FIELD_VALUES, &key);
    }
    let row = call.transaction.replace(ISSUE_FIELDS, &old, draft);
    let name = format!("{org}:{}", row.text(issue_field::NAME));
    for value in held {
        let kept = kept_values(&old, &row, &value, &options);
        let mut draft = value.draft();
        draft.set(field_value::FIELD, text(name.as_str()));
        if !kept.is_empty() {
            draft.set(field_value::VALUES, texts(kept));
            call.transaction.put(ISSUE_FIELD_VALUES, draft);
        }
        show_anew(call, &value);
    }
    Ok(Reply::row(200, call.root(), ISSUE_FIELDS, &row))
}

/// The values of an issue that a changed field still has; a renamed option is told by its number.
fn kept_values(old: &Row, new: &Row, value: &Row, options: &Value) -> Vec<String> {
    let select = new.text(issue_field::DATA_TYPE).ends_with("_select");
    let renamed = |name: &str| {
        let id = option_id(old, name);
        let options = options.as_array()?;
        let option = options.iter().find(|one| one["id"].as_i64() == Some(id))?;
        option["name"].as_str().map(str::to_owned)
    };
    value
        .texts(field_value::VALUES)
        .map(|name| renamed(name).unwrap_or_else(|| name.to_owned()))
        .filter(|name| !select || new.texts(issue_field::OPTIONS).any(|one| one == name))
        .collect()
}

fn held_in(call: &Call<'_>, field: &Row) -> Vec<Arc<Row>> {
    let root = call.root();
    let rows = root.group(
        ISSUE_FIELD_VALUES,
        VALUES_BY_FIELD,
        &root.key(ISSUE_FIELDS, field),
    );
    let rows = rows.into_iter().flat_map(|rows| rows.values());
    rows.cloned().collect()
}

fn show_anew(call: &mut Call<'_>, value: &Row) {
    if let Some(key) = issue_key(value.text(field_value::ISSUE)) {
        call.transaction.render_anew(ISSUES, &key);
    }
}

/// `DELETE /orgs/{org}/issue-fields/{issue_field_id}`.
pub(super) fn delete(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let org = own_org(call)?;
    let old = found(call, &org)?;
    let held = held_in(call, &old);
    let key = call.root().key(ISSUE_FIELDS, &old);
    call.transaction.remove(ISSUE_FIELDS, &key);
    for value in held {
        show_anew(call, &value);
    }
    Ok(Reply::empty())
}

/// `GET …/issues/{issue_number}/issue-field-values`.
pub(super) fn list_values(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let row = call.row(ISSUES)?;
    let key = call.root().key(ISSUES, &row);
    let page = page(
        call,
        call.root().count(ISSUE_FIELD_VALUES, VALUES_BY_ISSUE, &key),
    );
    // An issue has 25 of them at most, so they are on the first page.
    let mut writer = Writer::new(call.root());
    if page.skip() == 0 {
        values(call.root(), &key, &mut writer);
    } else {
        writer.raw("[]");
    }
    let mut reply = Reply::written(200, writer.finish(), row.version());
    reply.page = Some(page);
    Ok(reply)
}

fn answer(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let row = call.row(ISSUES)?;
    let mut draft = row.draft();
    draft.set(issue::UPDATED_AT, ViewValue::Time(call.now));
    issues::write(call, draft)?;
    let key = call.root().key(ISSUES, &row);
    call.transaction.render_anew(ISSUES, &key);
    let mut writer = Writer::new(call.root());
    values(call.root(), &key, &mut writer);
    Ok(Reply::new(200, writer.finish()))
}

/// `POST …/issues/{issue_number}/issue-field-values`: an empty list takes all away.
pub(super) fn add_values(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let inputs = read(call, VALUES, call.root().pack())?;
    let name = name_of(call)?;
    if inputs
        .value("issue_field_values")
        .and_then(Value::as_array)
        .is_some_and(Vec::is_empty)
    {
        clear(call, &name);
    }
    write_asked(call, &name, &inputs)?;
    answer(call)
}

/// `PUT …/issues/{issue_number}/issue-field-values`.
pub(super) fn set_values(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let inputs = read(call, VALUES, call.root().pack())?;
    let name = name_of(call)?;
    clear(call, &name);
    write_asked(call, &name, &inputs)?;
    answer(call)
}

/// `DELETE …/issues/{issue_number}/issue-field-values/{issue_field_id}`.
pub(super) fn delete_value(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let name = name_of(call)?;
    let field = found(call, owner_of(repo_of(&name)))?;
    let field = (TABLES[ISSUE_FIELDS].name_of)(&field);
    let key = Key::new([folded(&name), folded(&field)]);
    if call.root().get(ISSUE_FIELD_VALUES, &key).is_none() {
        return Err(access::not_found());
    }
    call.transaction.remove(ISSUE_FIELD_VALUES, &key);
    answer(call)?;
    Ok(Reply::empty())
}

fn name_of(call: &Call<'_>) -> Result<String, Refusal> {
    let row = call.row(ISSUES)?;
    Ok((TABLES[ISSUES].name_of)(&row))
}

fn clear(call: &mut Call<'_>, name: &str) {
    let Some(key) = issue_key(name) else { return };
    let root = call.root();
    let rows = root.group(ISSUE_FIELD_VALUES, VALUES_BY_ISSUE, &key);
    let rows = rows.into_iter().flat_map(|rows| rows.values());
    let keys: Vec<Key> = rows.map(|row| root.key(ISSUE_FIELD_VALUES, row)).collect();
    for key in keys {
        call.transaction.remove(ISSUE_FIELD_VALUES, &key);
    }
}

/// Writes the values that a body gives an issue; whether it gives any. Only who may write to the
/// repository sets them.
pub(super) fn write_asked(
    call: &mut Call<'_>,
    name: &str,
    inputs: &Inputs,
) -> Result<bool, Refusal> {
    const RESOURCE: &str = "IssueFieldValue";
    let Some(asked) = inputs.value("issue_field_values") else {
        return Ok(false);
    };
    let asked = asked.as_array().filter(|asked| asked.len() <= 25);
    let asked = asked.ok_or_else(|| invalid(RESOURCE, "issue_field_values", "invalid"))?;
    if asked.is_empty() {
        return Ok(false);
    }
    if !access::may(call, access::Permission::Push)? {
        return Err(access::forbidden());
    }
    let fields = of_org(call.root(), owner_of(repo_of(name)));
    for one in asked {
        let id = one["field_id"].as_i64();
        let field = fields
            .iter()
            .find(|row| Some(row.int(issue_field::ID)) == id)
            .ok_or_else(|| invalid(RESOURCE, "field_id", "invalid"))?;
        let values = checked(field, &one["value"])
            .ok_or_else(|| invalid_value(RESOURCE, "value", &one["value"].to_string()))?;
        let mut draft = Draft::empty(TABLES[ISSUE_FIELD_VALUES].columns.len());
        draft.set(field_value::ISSUE, text(name));
        draft.set(
            field_value::FIELD,
            text((TABLES[ISSUE_FIELDS].name_of)(field)),
        );
        draft.set(field_value::VALUES, texts(values));
        call.transaction.put(ISSUE_FIELD_VALUES, draft);
    }
    Ok(true)
}

/// A value as a field takes it; none where it does not.
fn checked(field: &Row, value: &Value) -> Option<Vec<String>> {
    let option = |name: &str| {
        let mut options = field.texts(issue_field::OPTIONS);
        options.find(|one| *one == name).map(str::to_owned)
    };
    match field.text(issue_field::DATA_TYPE) {
        "number" => value.as_number().map(|number| vec![number.to_string()]),
        "single_select" => Some(vec![option(value.as_str()?)?]),
        "multi_select" => value
            .as_array()?
            .iter()
            .map(|one| option(one.as_str()?))
            .collect(),
        "date" => {
            let date = value.as_str()?;
            date.parse::<jiff::civil::Date>().ok()?;
            Some(vec![date.to_owned()])
        }
        _ => Some(vec![value.as_str()?.to_owned()]),
    }
}
