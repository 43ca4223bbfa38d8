//! Labels of repositories and of issues.

use archal_core::clone::ViewValue;

use super::dialect::{bad_input, invalid, page};
use super::tables::{ISSUES, LABELS, issue, label};
use super::{access, complete, issues, render};
use crate::engine::input::{Input, Inputs, Kind, Problem, json, names};
use crate::engine::key::{Key, folded, same};
use crate::engine::pack::{Call, Refusal, Reply};
use crate::engine::row::{Draft, Row, list as texts, text};

/// Most characters of a name.
const LONGEST_NAME: usize = 50;
/// Most characters of a description.
const LONGEST_DESCRIPTION: usize = 100;

/// What a body of `POST …/labels` holds.
pub(super) const NEW: &[Input] = &[
    Input::new("name", Kind::Text),
    Input::new("color", Kind::Text),
    Input::new("description", Kind::TextOrNull),
];

/// What a body of `PATCH …/labels/{name}` holds.
pub(super) const CHANGE: &[Input] = &[
    Input::new("new_name", Kind::Text),
    Input::new("name", Kind::Text),
    Input::new("color", Kind::Text),
    Input::new("description", Kind::TextOrNull),
];

/// The address of a label.
pub(super) fn url(row: &Row) -> String {
    render::label::url(row.text(label::REPO), row.text(label::NAME))
}

/// Makes the row of a new label.
pub(super) fn make(call: &mut Call<'_>, inputs: Inputs) -> Result<Draft, Refusal> {
    let name = inputs.text("name").unwrap_or_default().trim();
    check_name(call, name, None)?;
    let color = color(&inputs)?.unwrap_or_else(|| "ededed".to_owned());
    check_description(&inputs)?;
    let mut draft = fresh(call, name)?;
    draft.set(label::COLOR, text(color));
    if let Some(about) = inputs.text("description") {
        draft.set(label::DESCRIPTION, text(about));
    }
    Ok(draft)
}

/// Changes a label as a body asks.
pub(super) fn change(call: &mut Call<'_>, old: &Row, inputs: Inputs) -> Result<Draft, Refusal> {
    let mut draft = old.draft();
    if let Some(name) = inputs.text("new_name").or(inputs.text("name")) {
        check_name(call, name.trim(), Some(old))?;
        draft.set(label::NAME, text(name.trim()));
    }
    if let Some(color) = color(&inputs)? {
        draft.set(label::COLOR, text(color));
    }
    if inputs.has("description") {
        check_description(&inputs)?;
        let about = inputs.text("description");
        draft.set(label::DESCRIPTION, about.map_or(ViewValue::Null, text));
    }
    Ok(draft)
}

/// A label with nothing but its name.
fn fresh(call: &mut Call<'_>, name: &str) -> Result<Draft, Refusal> {
    let repo = access::repo_name(call)?;
    Ok(fresh_in(call, &repo, name))
}

/// A label of a repository with nothing but its name.
pub(super) fn fresh_in(call: &mut Call<'_>, repo: &str, name: &str) -> Draft {
    let id = call.transaction.next_id(LABELS);
    let mut draft = Draft::empty(call.root().pack().tables[LABELS].columns.len());
    draft.set(label::REPO, text(repo));
    draft.set(label::NAME, text(name));
    draft.set(label::ID, ViewValue::Int(id));
    draft.set(label::COLOR, text("ededed"));
    draft.set(label::DEFAULT, ViewValue::Bool(false));
    complete::name_label(call.root(), &mut draft);
    draft
}

fn check_name(call: &Call<'_>, name: &str, old: Option<&Row>) -> Result<(), Refusal> {
    if name.is_empty() {
        return Err(invalid("Label", "name", "missing_field"));
    }
    if name.chars().count() > LONGEST_NAME {
        return Err(invalid("Label", "name", "invalid"));
    }
    let key = Key::new([folded(&access::repo_name(call)?), folded(name)]);
    let taken = call.root().get(LABELS, &key).is_some();
    let own = old.is_some_and(|old| same(old.text(label::NAME), name));
    if taken && !own {
        return Err(invalid("Label", "name", "already_exists"));
    }
    Ok(())
}

fn color(inputs: &Inputs) -> Result<Option<String>, Refusal> {
    match inputs.text("color") {
        None => Ok(None),
        Some(color) if color.len() == 6 && color.bytes().all(|byte| byte.is_ascii_hexdigit()) => {
            Ok(Some(color.to_lowercase()))
        }
        Some(_) => Err(invalid("Label", "color", "invalid")),
    }
}

fn check_description(inputs: &Inputs) -> Result<(), Refusal> {
    match inputs.text("description") {
        Some(about) if about.chars().count() > LONGEST_DESCRIPTION => {
            Err(invalid("Label", "description", "invalid"))
        }
        _ => Ok(()),
    }
}

/// The names as the repository's labels write them, each once; labels it lacks are made.
pub(super) fn known_or_made(call: &mut Call<'_>, names: &[&str]) -> Result<Vec<String>, Refusal> {
    let repo = access::repo_name(call)?;
    let mut known: Vec<String> = Vec::new();
    for name in names {
        let name = name.trim();
        if name.is_empty() || name.chars().count() > LONGEST_NAME {
            return Err(invalid("Label", "name", "invalid"));
        }
        let key = Key::new([folded(&repo), folded(name)]);
        let name = match call.root().get(LABELS, &key) {
            Some(row) => row.text(label::NAME).to_owned(),
            None => {
                let draft = fresh(call, name)?;
                call.transaction.put(LABELS, draft);
                name.to_owned()
            }
        };
        if !known.contains(&name) {
            known.push(name);
        }
    }
    if issues::too_many_labels(known.len()) {
        return Err(invalid("Issue", "labels", "invalid"));
    }
    Ok(known)
}

/// `GET …/issues/{issue_number}/labels`.
pub(super) fn list_on_issue(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let row = call.row(ISSUES)?;
    let page = page(call, row.texts(issue::LABELS).count());
    let root = call.root();
    let rows = rows_of(call, &row);
    let rows = rows.iter().skip(page.skip()).take(page.take());
    Ok(Reply::rows(root, LABELS, rows, Some(page)))
}

/// `POST …/issues/{issue_number}/labels`.
pub(super) fn add(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let asked = names_asked(call)?;
    let row = call.row(ISSUES)?;
    let all: Vec<&str> = row
        .texts(issue::LABELS)
        .chain(asked.iter().map(String::as_str))
        .collect();
    write(call, &all)
}

/// `PUT …/issues/{issue_number}/labels`.
pub(super) fn set(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let asked = names_asked(call)?;
    let all: Vec<&str> = asked.iter().map(String::as_str).collect();
    write(call, &all)
}

/// `DELETE …/issues/{issue_number}/labels/{name}`.
pub(super) fn remove(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let row = call.row(ISSUES)?;
    let name = call.param("name").to_owned();
    let left: Vec<&str> = row
        .texts(issue::LABELS)
        .filter(|label| !same(label, &name))
        .collect();
    if left.len() == row.texts(issue::LABELS).count() {
        return Err(Refusal::new(404, "Label does not exist"));
    }
    write(call, &left)
}

/// `DELETE …/issues/{issue_number}/labels`.
pub(super) fn remove_all(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    write(call, &[])?;
    Ok(Reply::empty())
}

/// Gives the issue exactly these labels and answers them.
fn write(call: &mut Call<'_>, names: &[&str]) -> Result<Reply, Refusal> {
    let old = call.row(ISSUES)?;
    let names = known_or_made(call, names)?;
    let mut draft = old.draft();
    draft.set(issue::LABELS, texts(names));
    let row = issues::write(call, draft)?;
    let rows = rows_of(call, &row);
    Ok(Reply::rows(call.root(), LABELS, rows.iter(), None))
}

fn rows_of(call: &Call<'_>, row: &Row) -> Vec<std::sync::Arc<Row>> {
    let repo = folded(row.text(issue::REPO));
    row.texts(issue::LABELS)
        .filter_map(|name| {
            let key = Key::new([repo.clone(), folded(name)]);
            call.root().get(LABELS, &key).cloned()
        })
        .collect()
}

/// The names in a body: `{"labels": […]}` or the bare list, each a text or an object.
fn names_asked(call: &Call<'_>) -> Result<Vec<String>, Refusal> {
    let body = json(&call.request.body).map_err(|problem| bad_input(&problem))?;
    let items = match &body {
        serde_json::Value::Array(items) => items,
        serde_json::Value::Object(fields) => match fields.get("labels") {
            Some(serde_json::Value::Array(items)) => items,
            None => return Err(bad_input(&Problem::Absent("labels"))),
            Some(other) => {
                return Err(bad_input(&Problem::Type {
                    field: "labels".to_owned(),
                    value: other.clone(),
                    expected: "array",
                }));
            }
        },
        _ => return Err(bad_input(&Problem::NotAnObject)),
    };
    names("labels", items).map_err(|problem| bad_input(&problem))
}
