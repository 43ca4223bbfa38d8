//! Tools on projects: lists, one thing of a project, and the writing of items.
//!
//! Projects, fields and items are those of the REST operations. Status updates, views, new projects
//! and iterations are not modelled.

use archal_core::clone::Arguments;
use serde_json::{Map, Value, json};

use super::plain::{self, graph, put, succeeded};
use super::project_items::{self, shown};
use super::shapes::{self, of};
use super::{Failure, Outcome};
use crate::engine::mcp::{
    Answered, Asker, number_or, required_number, required_text, segment, text, texts,
};

/// Most things a page.
const PAGE: i64 = 50;

pub(super) fn refuse<T>(text: impl Into<String>) -> Result<T, Failure> {
    Err(Failure::Refused(text.into()))
}

/// A project that a tool is about.
pub(super) struct Place<'a> {
    pub(super) owner: &'a str,
    /// `org` or `user`.
    pub(super) kind: String,
    pub(super) number: i64,
}

impl<'a> Place<'a> {
    /// The project that the arguments name; whose it is is looked up where they do not say.
    fn of(arguments: &'a Arguments, asker: &mut Asker<'_>) -> Result<Self, Failure> {
        let owner = required_text(arguments, "owner")?;
        let number = required_number(arguments, "project_number")?;
        let kind = match text(arguments, "owner_type")? {
            "" => detected(asker, owner, number)?,
            kind => kind.to_owned(),
        };
        Ok(Self {
            owner,
            kind,
            number,
        })
    }

    /// Its path.
    pub(super) fn path(&self) -> String {
        format!("{}/{}", list_path(self.owner, &self.kind), self.number)
    }

    /// What GraphQL says of it; `selection` is what is asked.
    pub(super) fn asked(
        &self,
        asker: &mut Asker<'_>,
        selection: &str,
        what: &str,
    ) -> Result<Value, Failure> {
        let root = if self.kind == "org" {
            "organization"
        } else {
            "user"
        };
        let query = format!(
            "query($owner: String!, $number: Int!) {{ {root}(login: $owner) {{ projectV2(number: $number) {{ {selection} }} }} }}"
        );
        let variables = json!({"owner": self.owner, "number": self.number});
        let mut data = graph(asker, &query, &variables, what)?;
        Ok(data[root]["projectV2"].take())
    }
}

fn list_path(owner: &str, kind: &str) -> String {
    let kind = if kind == "org" { "orgs" } else { "users" };
    format!("/{kind}/{}/projectsV2", segment(owner))
}

/// Whether an account is a user or an organization.
fn detected(asker: &mut Asker<'_>, owner: &str, number: i64) -> Result<String, Failure> {
    let account = asker.get(&format!("/users/{}", segment(owner)), &[]);
    match of(&account.body, "type") {
        "User" if account.succeeded() => return Ok("user".to_owned()),
        "Organization" if account.succeeded() => return Ok("org".to_owned()),
        _ => {}
    }
    for kind in ["user", "org"] {
        let path = format!("{}/{number}", list_path(owner, kind));
        if asker.get(&path, &[]).succeeded() {
            return Ok(kind.to_owned());
        }
    }
    refuse(format!(
        "could not determine owner type for {owner} with project {number}: owner is neither a user nor an org with this project"
    ))
}

/// The page that is asked for, by its cursors.
fn paging(arguments: &Arguments) -> Result<plain::Query, Failure> {
    let size = number_or(arguments, "per_page", PAGE)?.min(PAGE);
    Ok(vec![
        ("per_page", size.to_string()),
        ("after", text(arguments, "after")?.to_owned()),
        ("before", text(arguments, "before")?.to_owned()),
    ])
}

fn ask(asker: &mut Asker<'_>, path: &str, query: &[(&'static str, String)]) -> Answered {
    let query: Vec<(&str, &str)> = query
        .iter()
        .filter(|(_, value)| !value.is_empty())
        .map(|(name, value)| (*name, value.as_str()))
        .collect();
    asker.get(path, &query)
}

fn items(body: &Value) -> impl Iterator<Item = &Value> {
    body.as_array().into_iter().flatten()
}

/// `projects_list`.
pub(super) fn list(arguments: &Arguments, asker: &mut Asker<'_>) -> Outcome {
    let method = required_text(arguments, "method")?;
    let owner = required_text(arguments, "owner")?;
    match method {
        "list_projects" => match text(arguments, "owner_type")? {
            "" => of_both(arguments, asker, owner),
            kind => {
                let answered = all(arguments, asker, owner, kind)?;
                let info = plain::page_info(&answered);
                let body = succeeded(answered, "failed to list projects")?;
                let projects: Vec<Value> = items(&body).map(|one| project(one, kind)).collect();
                Ok(shapes::text(
                    &json!({"projects": projects, "pageInfo": info}),
                ))
            }
        },
        "list_project_fields" => {
            let place = Place::of(arguments, asker)?;
            let path = format!("{}/fields", place.path());
            let answered = ask(asker, &path, &paging(arguments)?);
            let info = plain::page_info(&answered);
            let mut fields = succeeded(answered, "failed to list project fields")?;
            shapes::without_empty(&mut fields);
            Ok(shapes::text(&json!({"fields": fields, "pageInfo": info})))
        }
        "list_project_items" => {
            let place = Place::of(arguments, asker)?;
            let search = text(arguments, "query")?;
            let fields = field_ids(arguments, asker, &place)?;
            let mut query = paging(arguments)?;
            query.push(("q", search.to_owned()));
            query.push(("fields", fields));
            let answered = ask(asker, &format!("{}/items", place.path()), &query);
            let info = plain::page_info(&answered);
            let body = succeeded(answered, "failed to list project items")?;
            let shown: Vec<Value> = items(&body).map(shown).collect();
            Ok(shapes::text(&json!({"items": shown, "pageInfo": info})))
        }
        "list_project_status_updates" => Err(STATUS_UPDATES),
        "list_project_views" => Err(VIEWS),
        other => refuse(format!("unknown method: {other}")),
    }
}

const STATUS_UPDATES: Failure = Failure::Unmodelled("status updates of projects");
const VIEWS: Failure = Failure::Unmodelled("views of projects");

fn all(
    arguments: &Arguments,
    asker: &mut Asker<'_>,
    owner: &str,
    kind: &str,
) -> Result<Answered, Failure> {
    let mut query = paging(arguments)?;
    query.push(("q", text(arguments, "query")?.to_owned()));
    Ok(ask(asker, &list_path(owner, kind), &query))
}

/// Projects of an account of which the caller does not say what it is: both lists.
fn of_both(arguments: &Arguments, asker: &mut Asker<'_>, owner: &str) -> Outcome {
    let mut projects = Vec::new();
    let mut info = None;
    for kind in ["user", "org"] {
        let answered = all(arguments, asker, owner, kind)?;
        if answered.succeeded() {
            projects.extend(items(&answered.body).map(|one| project(one, kind)));
            info = Some(plain::page_info(&answered));
        }
    }
    let Some(info) = info else {
        return refuse(format!(
            "failed to list projects for owner '{owner}': not found as user or organization"
        ));
    };
    let projects = if projects.is_empty() {
        Value::Null
    } else {
        projects.into()
    };
    Ok(shapes::text(&json!({
        "projects": projects,
        "note": "Results include both user and org projects. Each project includes 'owner_type' field. Pagination is limited when owner_type is not specified - specify 'owner_type' for full pagination support.",
        "pageInfo": info,
    })))
}

/// A project; `kind` is said in lists.
fn project(project: &Value, kind: &str) -> Value {
    let mut shown = plain::pick(
        project,
        "id node_id title public number created_at updated_at closed_at? deleted_at?",
    );
    for name in ["description", "short_description"] {
        shown.insert(name.to_owned(), of(project, name).into());
    }
    for name in ["owner", "creator"] {
        if let Some(user) = shapes::user(&project[name]) {
            shown.insert(name.to_owned(), user);
        }
    }
    put(&mut shown, "owner_type", kind.into());
    shown.into()
}

/// The numbers of the fields that are to be shown of items, joined as a query wants them.
fn field_ids(
    arguments: &Arguments,
    asker: &mut Asker<'_>,
    place: &Place<'_>,
) -> Result<String, Failure> {
    let given = match arguments.get("fields") {
        None | Some(Value::Null) => Vec::new(),
        Some(Value::Array(fields)) => fields
            .iter()
            .map(|field| match field {
                Value::String(text) => Ok(text.clone()),
                Value::Number(number) => Ok(number.to_string()),
                other => refuse(format!(
                    "failed to convert element {other} to int64: expected string"
                )),
            })
            .collect::<Result<_, _>>()?,
        Some(_) => return refuse("parameter fields could not be coerced to []int64"),
    };
    let names = texts(arguments, "field_names")?;
    if names.is_empty() {
        return Ok(given.join(","));
    }
    if !given.is_empty() {
        return refuse("provide either 'fields' or 'field_names', not both");
    }
    let known = project_items::fields(asker, place)?;
    let ids: Vec<String> = names
        .into_iter()
        .map(|name| {
            let hints = (
                format!(
                    "no project field named {name:?} on project {}#{}",
                    place.owner, place.number
                ),
                "multiple fields share this name; pass numeric IDs via 'fields' to disambiguate",
            );
            let field = project_items::named(&known, name, &hints.0, hints.1)?;
            Ok(field["databaseId"].to_string())
        })
        .collect::<Result<_, Failure>>()?;
    Ok(ids.join(","))
}

/// `projects_get`.
pub(super) fn one(arguments: &Arguments, asker: &mut Asker<'_>) -> Outcome {
    let method = required_text(arguments, "method")?;
    match method {
        "get_project_status_update" => return Err(STATUS_UPDATES),
        "get_project_view" => return Err(VIEWS),
        _ => {}
    }
    let place = Place::of(arguments, asker)?;
    match method {
        "get_project" => {
            let found = plain::get(asker, &place.path(), &[], "failed to get project")?;
            Ok(shapes::text(&project(&found, "")))
        }
        "get_project_field" => {
            let field = required_number(arguments, "field_id")?;
            let path = format!("{}/fields/{field}", place.path());
            let mut found = plain::get(asker, &path, &[], "failed to get project field")?;
            shapes::without_empty(&mut found);
            Ok(shapes::text(&found))
        }
        "get_project_item" => {
            let item = required_number(arguments, "item_id")?;
            let fields = field_ids(arguments, asker, &place)?;
            let path = format!("{}/items/{item}", place.path());
            let query = [("fields", fields)];
            let found = plain::get(asker, &path, &query, "failed to get project item")?;
            Ok(shapes::text(&shown(&found)))
        }
        other => refuse(format!("unknown method: {other}")),
    }
}

/// `projects_write`.
pub(super) fn write(arguments: &Arguments, asker: &mut Asker<'_>) -> Outcome {
    let method = required_text(arguments, "method")?;
    required_text(arguments, "owner")?;
    if method == "create_project" {
        return Err(Failure::Unmodelled("new projects"));
    }
    let place = Place::of(arguments, asker)?;
    match method {
        "add_project_item" => add(arguments, asker, &place),
        "update_project_item" => project_items::update(arguments, asker, &place),
        "update_project_items" => project_items::update_all(arguments, asker, &place),
        "delete_project_item" => {
            let item = required_number(arguments, "item_id")?;
            let answered = asker.delete(&format!("{}/items/{item}", place.path()));
            succeeded(answered, "failed to delete a project item")?;
            Ok("project item successfully deleted".to_owned())
        }
        "create_project_status_update" => Err(STATUS_UPDATES),
        "create_iteration_field" => Err(Failure::Unmodelled("new fields of projects")),
        "create_project_view" | "update_project_view" | "delete_project_view" => Err(VIEWS),
        other => refuse(format!("unknown method: {other}")),
    }
}

fn add(arguments: &Arguments, asker: &mut Asker<'_>, place: &Place<'_>) -> Outcome {
    let kind = required_text(arguments, "item_type")?;
    let owner = required_text(arguments, "item_owner")?;
    let repo = required_text(arguments, "item_repo")?;
    let (root, argument) = match kind {
        "issue" => ("issue", "issue_number"),
        "pull_request" => ("pullRequest", "pull_request_number"),
        _ => return refuse("item_type must be either 'issue' or 'pull_request'"),
    };
    let Ok(number) = required_number(arguments, argument) else {
        return refuse(format!("{argument} is required when item_type is '{kind}'"));
    };
    let query = format!(
        "query($owner: String!, $repo: String!, $number: Int!) {{ repository(owner: $owner, name: $repo) {{ {root}(number: $number) {{ id }} }} }}"
    );
    let variables = json!({"owner": owner, "repo": repo, "number": number});
    let thing = if kind == "issue" {
        "issue"
    } else {
        "pull request"
    };
    let what =
        format!("failed to resolve {kind}: failed to resolve {thing} {owner}/{repo}#{number}");
    let content = graph(asker, &query, &variables, &what)?;
    let project = place.asked(asker, "id", "failed to resolve project ID")?;
    let query = "mutation($input: AddProjectV2ItemByIdInput!) { addProjectV2ItemById(input: $input) { item { id fullDatabaseId } } }";
    let input = json!({"input": {
        "projectId": project["id"],
        "contentId": content["repository"][root]["id"],
    }});
    let made = graph(asker, query, &input, "failed to add a project item")?;
    let made = &made["addProjectV2ItemById"]["item"];
    let mut shown = Map::new();
    shown.insert("id".to_owned(), made["id"].clone());
    shown.insert(
        "message".to_owned(),
        format!(
            "Successfully added {kind} {owner}/{repo}#{number} to project {}/{}",
            place.owner, place.number
        )
        .into(),
    );
    let full = of(made, "fullDatabaseId");
    put(&mut shown, "full_database_id", full.into());
    if let Ok(id) = full.parse::<i64>() {
        shown.insert("item_id".to_owned(), id.into());
    }
    Ok(shapes::text(&shown))
}
