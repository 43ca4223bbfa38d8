//! Tools on a repository's labels.

use std::cmp::Reverse;

use archal_core::clone::Arguments;
use serde_json::{Map, Value, json};

use super::issues::repository;
use super::plain;
use super::shapes::{self, no_repository, of, refused_graph};
use super::{Failure, Outcome};
use crate::engine::mcp::{Answered, Asker, required_text, segment, text};

/// Most labels that a list shows.
const SHOWN: usize = 100;
/// Most pages of labels that are looked at for their use.
const PAGES: usize = 100;

/// `get_label`.
pub(super) fn get(arguments: &Arguments, asker: &mut Asker<'_>) -> Outcome {
    let owner = required_text(arguments, "owner")?;
    let repo = required_text(arguments, "repo")?;
    let name = required_text(arguments, "name")?;
    let answered = asker.get(&path_of(owner, repo, name), &[]);
    if !answered.succeeded() {
        return Err(missing(&answered, owner, repo, name));
    }
    Ok(shapes::text(&shapes::label(&answered.body)))
}

/// `list_label`: those first that most issues have.
pub(super) fn list(arguments: &Arguments, asker: &mut Asker<'_>) -> Outcome {
    let owner = required_text(arguments, "owner")?;
    let repo = required_text(arguments, "repo")?;
    let path = format!("{}/labels", repository(owner, repo));
    let answered = asker.get(&path, &[("per_page", "100")]);
    let Value::Array(labels) = &answered.body else {
        let missing = no_repository(owner, repo);
        return Err(refused_graph("Failed to list labels", &answered, &missing));
    };
    let total = answered.total.unwrap_or(labels.len() as u64);
    // A recording shows labels trimmed, and in the order that the tool gave them.
    let is_whole = labels.first().is_some_and(|label| label["url"].is_string());
    let labels = match is_whole {
        true => by_use(asker, owner, repo)?,
        false => labels.iter().map(shapes::label).collect(),
    };
    Ok(shapes::text(
        &json!({"labels": labels, "totalCount": total}),
    ))
}

/// The labels that most issues and pull requests have.
fn by_use(asker: &mut Asker<'_>, owner: &str, repo: &str) -> Result<Vec<Value>, Failure> {
    let query = "query($owner: String!, $repo: String!, $after: String) { repository(owner: $owner, name: $repo) { labels(first: 100, after: $after) { nodes { id name color description issues { totalCount } pullRequests { totalCount } } pageInfo { hasNextPage endCursor } } } }";
    let mut all = Vec::new();
    let mut after = Value::Null;
    for _ in 0..PAGES {
        let variables = json!({"owner": owner, "repo": repo, "after": after});
        let mut data = plain::graph(asker, query, &variables, "Failed to list labels")?;
        let found = &mut data["repository"]["labels"];
        if let Value::Array(nodes) = found["nodes"].take() {
            all.extend(nodes);
        }
        if found["pageInfo"]["hasNextPage"] != true {
            break;
        }
        after = found["pageInfo"]["endCursor"].take();
    }
    let uses = |label: &Value| {
        let of = |name: &str| label[name]["totalCount"].as_u64().unwrap_or_default();
        Reverse(of("issues") + of("pullRequests"))
    };
    all.sort_by_key(uses);
    let shown = all.iter().take(SHOWN).map(|label| {
        json!({
            "id": label["id"],
            "name": label["name"],
            "color": label["color"],
            "description": of(label, "description"),
        })
    });
    Ok(shown.collect())
}

/// `label_write`.
pub(super) fn write(arguments: &Arguments, asker: &mut Asker<'_>) -> Outcome {
    let method = required_text(arguments, "method")?.to_lowercase();
    let owner = required_text(arguments, "owner")?;
    let repo = required_text(arguments, "repo")?;
    let name = required_text(arguments, "name")?;
    // Of another type these are as if they were absent.
    let optional = |field: &str| text(arguments, field).unwrap_or_default();
    let new_name = optional("new_name");
    let color = optional("color");
    let description = optional("description");
    let mut fields = Map::new();
    for (field, value) in [("color", color), ("description", description)] {
        if !value.is_empty() {
            fields.insert(field.to_owned(), value.into());
        }
    }
    match method.as_str() {
        "create" if color.is_empty() => {
            Err(Failure::Refused("color is required for create".to_owned()))
        }
        "create" => {
            fields.insert("name".to_owned(), name.into());
            let path = format!("{}/labels", repository(owner, repo));
            let answered = asker.write("POST", &path, &fields.into());
            if answered.status == 404 {
                let missing = no_repository(owner, repo);
                return Err(refused_graph(
                    "Failed to find repository",
                    &answered,
                    &missing,
                ));
            }
            done(&answered, "create", "created", of(&answered.body, "name"))
        }
        "update" if new_name.is_empty() && fields.is_empty() => Err(Failure::Refused(
            "at least one of new_name, color, or description must be provided for update"
                .to_owned(),
        )),
        "update" => {
            if !new_name.is_empty() {
                fields.insert("new_name".to_owned(), new_name.into());
            }
            let path = path_of(owner, repo, name);
            let answered = asker.write("PATCH", &path, &fields.into());
            if answered.status == 404 {
                return Err(missing(&answered, owner, repo, name));
            }
            done(&answered, "update", "updated", of(&answered.body, "name"))
        }
        "delete" => {
            let answered = asker.delete(&path_of(owner, repo, name));
            if answered.status == 404 {
                return Err(missing(&answered, owner, repo, name));
            }
            done(&answered, "delete", "deleted", name)
        }
        other => Err(Failure::Refused(format!(
            "unknown method: {other}. Supported methods are: create, update, delete"
        ))),
    }
}

fn path_of(owner: &str, repo: &str, name: &str) -> String {
    format!("{}/labels/{}", repository(owner, repo), segment(name))
}

fn missing(answered: &Answered, owner: &str, repo: &str, name: &str) -> Failure {
    if answered.status == 404 {
        Failure::Refused(format!("label '{name}' not found in {owner}/{repo}"))
    } else {
        refused_graph("Failed to find label", answered, "")
    }
}

fn done(answered: &Answered, verb: &str, past: &str, name: &str) -> Outcome {
    if answered.succeeded() {
        Ok(format!("label '{name}' {past} successfully"))
    } else {
        let what = format!("Failed to {verb} label");
        Err(refused_graph(&what, answered, ""))
    }
}
