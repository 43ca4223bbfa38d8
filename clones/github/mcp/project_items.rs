//! Items of projects as tools show them, and what tools put into their fields.

use archal_core::clone::Arguments;
use serde_json::{Map, Value, json};

use super::plain::{self, graph, put};
use super::projects::{Place, refuse};
use super::shapes::{self, each, of};
use super::{Failure, Outcome};
use crate::engine::mcp::{Asker, required_number, required_text};

/// Most items that one call changes.
const MOST: usize = 50;

/// An item, trimmed.
pub(super) fn shown(item: &Value) -> Value {
    let mut out = plain::pick(
        item,
        "id node_id? content_type? archived_at? created_at? updated_at?",
    );
    if item["content"].is_object() {
        out.insert("content".to_owned(), content(&item["content"]).into());
    }
    let fields = item["fields"].as_array().into_iter().flatten();
    put(&mut out, "fields", fields.map(field).collect());
    put(&mut out, "creator", item["creator"]["login"].clone());
    out.into()
}

/// The issue, pull request or draft that an item is.
fn content(content: &Value) -> Map<String, Value> {
    let mut out = plain::pick(
        content,
        "id? node_id? number? title? state? state_reason? html_url? comments? draft? merged? created_at? updated_at? closed_at? merged_at?",
    );
    let repository = of(content, "repository_url").split_once("/repos/");
    put(
        &mut out,
        "repository",
        repository.map_or("", |(_, name)| name).into(),
    );
    put(&mut out, "author", content["user"]["login"].clone());
    put(
        &mut out,
        "assignees",
        each(&content["assignees"], "login").into(),
    );
    put(&mut out, "labels", each(&content["labels"], "name").into());
    put(&mut out, "milestone", content["milestone"]["title"].clone());
    out
}

fn field(field: &Value) -> Value {
    let mut out = plain::pick(field, "id? name? data_type?");
    let value = match &field["value"] {
        // What is written as text and as HTML is shown as it was written.
        Value::Object(texts) if texts.contains_key("raw") => texts["raw"].clone(),
        Value::Object(option) if option.contains_key("color") => json!({
            "id": option["id"],
            "name": option["name"]["raw"],
            "color": option["color"],
        }),
        other => other.clone(),
    };
    if !value.is_null() {
        out.insert("value".to_owned(), value);
    }
    out.into()
}

/// The fields of a project as GraphQL tells them.
pub(super) fn fields(asker: &mut Asker<'_>, place: &Place<'_>) -> Result<Vec<Value>, Failure> {
    let plain = "id databaseId name dataType";
    let selection = format!(
        "fields(first: 100) {{ nodes {{ ... on ProjectV2Field {{ {plain} }} ... on ProjectV2IterationField {{ {plain} }} ... on ProjectV2SingleSelectField {{ {plain} options {{ id name }} }} }} }}"
    );
    let mut found = place.asked(asker, &selection, "failed to list project fields")?;
    match found["fields"]["nodes"].take() {
        Value::Array(fields) => Ok(fields),
        _ => Ok(Vec::new()),
    }
}

/// What a name did not lead to, as a document that an agent can read.
fn unresolved(kind: &str, name: &str, hint: &str, candidates: Vec<Value>) -> Failure {
    let mut told = json!({"error": kind, "name": name, "hint": hint});
    if !candidates.is_empty() {
        told["candidates"] = candidates.into();
    }
    Failure::Refused(told.to_string())
}

/// The one field of a name; the hints are for none and for several.
pub(super) fn named<'a>(
    fields: &'a [Value],
    name: &str,
    none: &str,
    several: &str,
) -> Result<&'a Value, Failure> {
    let same = |field: &&Value| of(field, "name").to_lowercase() == name.to_lowercase();
    let found: Vec<&Value> = fields.iter().filter(same).collect();
    match found[..] {
        [field] => Ok(field),
        [] => {
            let candidate =
                |field: &Value| json!({"name": field["name"], "data_type": field["dataType"]});
            let candidates = fields.iter().map(candidate).collect();
            Err(unresolved("field_not_found", name, none, candidates))
        }
        _ => {
            let candidate = |field: &&Value| json!({"id": field["databaseId"].to_string(), "data_type": field["dataType"]});
            let candidates = found.iter().map(candidate).collect();
            Err(unresolved("field_ambiguous", name, several, candidates))
        }
    }
}

/// The number of an option of a field, by its name or by itself.
fn option(field: &Value, asked: &str) -> Result<Value, Failure> {
    let options: Vec<&Value> = field["options"].as_array().into_iter().flatten().collect();
    let same = |option: &&&Value| of(option, "name").to_lowercase() == asked.to_lowercase();
    let found: Vec<&&Value> = options.iter().filter(same).collect();
    let name = of(field, "name");
    match found[..] {
        [option] => Ok(option["id"].clone()),
        [] if options.iter().any(|option| of(option, "id") == asked) => Ok(asked.into()),
        [] => {
            let candidates = options.iter().map(|one| json!({"name": one["name"]}));
            let hint = format!(
                "no option named {asked:?} on field {name:?}; see candidates for available options"
            );
            let candidates = candidates.collect();
            Err(unresolved("option_not_found", asked, &hint, candidates))
        }
        _ => {
            let candidates = found.iter().map(|one| json!({"id": one["id"]}));
            let hint = format!("multiple options on field {name:?} share the name {asked:?}");
            let candidates = candidates.collect();
            Err(unresolved("option_ambiguous", asked, &hint, candidates))
        }
    }
}

/// What `updated_field` says: the number of a field, and what it is to hold.
fn change(
    arguments: &Arguments,
    asker: &mut Asker<'_>,
    place: &Place<'_>,
) -> Result<Value, Failure> {
    let given = match arguments.get("updated_field") {
        None => return refuse("missing required parameter: updated_field"),
        Some(Value::Object(given)) => given,
        Some(_) => return refuse("updated_field must be an object"),
    };
    let Some(value) = given.get("value") else {
        return refuse("updated_field.value is required");
    };
    let name = match (given.get("id"), given.get("name")) {
        (Some(_), Some(_)) => {
            return refuse("updated_field must set either id or name, not both");
        }
        (None, None) => return refuse("updated_field requires either id or name"),
        (Some(id), None) => {
            return match id.as_f64() {
                Some(number) if number.fract() == 0.0 => {
                    Ok(json!({"id": required_number(given, "id")?, "value": value}))
                }
                Some(number) => refuse(format!(
                    "updated_field.id: value must be a valid integer (got {number})"
                )),
                None => refuse("updated_field.id: value must be a number"),
            };
        }
        (None, Some(name)) => name.as_str().unwrap_or_default(),
    };
    if name.is_empty() {
        return refuse("updated_field.name must be a non-empty string");
    }
    let known = fields(asker, place)?;
    let none = format!(
        "no project field named {name:?} on project {}#{}; see candidates for available names",
        place.owner, place.number
    );
    let several = "multiple fields share this name; pass updated_field.id to disambiguate";
    let field = named(&known, name, &none, several)?;
    let value = match value {
        Value::String(asked) if of(field, "dataType") == "SINGLE_SELECT" && !asked.is_empty() => {
            option(field, asked)?
        }
        other => other.clone(),
    };
    Ok(json!({"id": field["databaseId"], "value": value}))
}

/// The number of the item that an issue is in a project.
fn of_issue(
    arguments: &Arguments,
    asker: &mut Asker<'_>,
    place: &Place<'_>,
) -> Result<i64, Failure> {
    let issue = || {
        Ok::<_, String>((
            required_text(arguments, "item_owner")?,
            required_text(arguments, "item_repo")?,
            required_number(arguments, "issue_number")?,
        ))
    };
    let Ok((owner, repo, number)) = issue() else {
        return refuse(
            "update_project_item requires either item_id, or item_owner + item_repo + issue_number to resolve the item by issue",
        );
    };
    let project = place.asked(asker, "id", "failed to resolve project ID")?;
    let query = "query($owner: String!, $repo: String!, $number: Int!) { repository(owner: $owner, name: $repo) { issue(number: $number) { projectItems(first: 100, includeArchived: true) { nodes { fullDatabaseId project { id } } } } } }";
    let variables = json!({"owner": owner, "repo": repo, "number": number});
    let name = format!("{owner}/{repo}#{number}");
    let what = format!("failed to resolve project item for {name}");
    let data = graph(asker, query, &variables, &what)?;
    let items = &data["repository"]["issue"]["projectItems"]["nodes"];
    let mut items = items.as_array().into_iter().flatten();
    let found = items.find(|item| item["project"]["id"] == project["id"]);
    let id = found.and_then(|item| of(item, "fullDatabaseId").parse().ok());
    id.ok_or_else(|| {
        unresolved(
            "item_not_in_project",
            &name,
            "the issue exists but is not an item on the named project; add it first via add_project_item",
            Vec::new(),
        )
    })
}

/// The method `update_project_item`.
pub(super) fn update(arguments: &Arguments, asker: &mut Asker<'_>, place: &Place<'_>) -> Outcome {
    let item = if arguments.contains_key("item_id") {
        required_number(arguments, "item_id")?
    } else {
        of_issue(arguments, asker, place)?
    };
    let change = change(arguments, asker, place)?;
    let body = json!({"fields": [change]});
    let path = format!("{}/items/{item}", place.path());
    let what = "failed to update a project item";
    let item = plain::write(asker, "PATCH", &path, &body, what)?;
    Ok(shapes::text(&shown(&item)))
}

/// The method `update_project_items`: what is wrong with one keeps no other from its change.
pub(super) fn update_all(
    arguments: &Arguments,
    asker: &mut Asker<'_>,
    place: &Place<'_>,
) -> Outcome {
    let items = match arguments.get("items") {
        None => return refuse("missing required parameter: items"),
        Some(Value::Array(items)) => items,
        Some(_) => return refuse("items must be an array"),
    };
    if items.is_empty() {
        return refuse("items must contain at least one entry");
    }
    if items.len() > MOST {
        return refuse(format!(
            "items exceeds maximum of {MOST} entries per call (got {})",
            items.len()
        ));
    }
    let change = change(arguments, asker, place)?;
    let mut done: Vec<(i64, usize)> = Vec::new();
    let mut results = Vec::new();
    for (index, item) in items.iter().enumerate() {
        let wrong = |(code, message): (&str, String)| json!({"code": code, "message": message});
        let outcome = reference(index, item, asker, place).and_then(|id| {
            if let Some((_, first)) = done.iter().find(|(known, _)| *known == id) {
                let message = format!(
                    "items[{index}] targets the same project item as items[{first}]; each item may only be written once per call"
                );
                return Err(wrong(("duplicate_target", message)));
            }
            done.push((id, index));
            let path = format!("{}/items/{id}", place.path());
            let answered = asker.write("PATCH", &path, &json!({"fields": [change]}));
            if answered.succeeded() {
                return Ok(json!({
                    "node_id": answered.body["node_id"],
                    "full_database_id": id.to_string(),
                    "item_id": id,
                }));
            }
            let message = shapes::client_error(&answered);
            Err(wrong(("item_not_found", message)))
        });
        let mut told = match outcome {
            Ok(item) => json!({"index": index, "status": "succeeded", "item": item}),
            Err(error) => json!({"index": index, "status": "failed", "error": error}),
        };
        if item.is_object() {
            let names = "node_id? item_id? item_owner? item_repo? issue_number?";
            told["ref"] = plain::pick(item, names).into();
        }
        results.push(told);
    }
    let succeeded = results
        .iter()
        .filter(|result| result["status"] == "succeeded")
        .count();
    let text = shapes::text(&json!({
        "total": items.len(),
        "succeeded": succeeded,
        "failed": items.len() - succeeded,
        "unknown": 0,
        "results": results,
    }));
    if succeeded == 0 {
        return refuse(text);
    }
    Ok(text)
}

/// The number of the item that an entry means, or what is wrong with the entry.
fn reference(
    index: usize,
    entry: &Value,
    asker: &mut Asker<'_>,
    place: &Place<'_>,
) -> Result<i64, Value> {
    let wrong = |code: &str, message: String| json!({"code": code, "message": message});
    let Some(fields) = entry.as_object() else {
        let message = format!("items[{index}] must be an object");
        return Err(wrong("invalid_item", message));
    };
    if fields.contains_key("updated_field") {
        let message = format!(
            "items[{index}].updated_field is not supported; use the top-level updated_field"
        );
        return Err(wrong("invalid_item", message));
    }
    let has = |name: &str| fields.contains_key(name);
    let by_issue = has("item_owner") || has("item_repo") || has("issue_number");
    let forms = [has("node_id"), has("item_id"), by_issue];
    let forms = forms.into_iter().filter(|there| *there).count();
    if forms != 1 {
        let more = if forms == 0 {
            "each item requires exactly one of node_id, item_id, or item_owner + item_repo + issue_number"
        } else {
            "each item must set exactly one of node_id, item_id, or item_owner + item_repo + issue_number, not more than one"
        };
        return Err(wrong("invalid_item_ref", more.to_owned()));
    }
    let failed = |failure: Failure| match failure {
        Failure::Refused(text) | Failure::Fault(text) => {
            let structured: Option<Value> = serde_json::from_str(&text).ok();
            match structured.as_ref().and_then(|told| told["error"].as_str()) {
                Some(code) => wrong(code, text.clone()),
                None => wrong("invalid_item_ref", text),
            }
        }
        Failure::Unmodelled(what) => wrong("invalid_item_ref", what.to_owned()),
    };
    if has("item_id") {
        let id = required_number(fields, "item_id");
        return id.map_err(|text| wrong("invalid_item_ref", text));
    }
    if by_issue {
        return of_issue(fields, asker, place).map_err(failed);
    }
    let id = required_text(fields, "node_id");
    let id = id.map_err(|text| wrong("invalid_item_ref", text))?;
    let query = "query($id: ID!) { node(id: $id) { ... on ProjectV2Item { fullDatabaseId } } }";
    let data = graph(asker, query, &json!({"id": id}), "").map_err(failed)?;
    let found = of(&data["node"], "fullDatabaseId").parse();
    found.map_err(|_| wrong("item_not_found", format!("{id:?} is no item of a project")))
}
