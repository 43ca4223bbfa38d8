//! Tools on teams, and on the types and fields of issues that organizations have.

use archal_core::clone::Arguments;
use serde_json::{Value, json};

use super::Outcome;
use super::plain::{self, get, graph, put};
use super::shapes::{self, of};
use crate::engine::mcp::{Asker, required_text, segment, text};

/// `get_teams`.
pub(super) fn teams(arguments: &Arguments, asker: &mut Asker<'_>) -> Outcome {
    let user = text(arguments, "user")?;
    let login = match user {
        "" => get(asker, "/user", &[], "failed to get user")?["login"].clone(),
        user => user.into(),
    };
    let query = "query($login: String!) { user(login: $login) { organizations(first: 100) { nodes { login teams(first: 100, userLogins: [$login]) { nodes { name slug description } } } } } }";
    let data = graph(
        asker,
        query,
        &json!({"login": login}),
        "Failed to find teams",
    )?;
    let organizations = &data["user"]["organizations"]["nodes"];
    let shown = plain::each(organizations, &[], |organization| {
        let teams = plain::each(&organization["teams"]["nodes"], &[], |team| {
            json!({
                "name": team["name"],
                "slug": team["slug"],
                "description": team["description"].as_str().unwrap_or_default(),
            })
        });
        json!({"org": organization["login"], "teams": teams})
    });
    Ok(shapes::text(&shown))
}

/// `get_team_members`.
pub(super) fn members(arguments: &Arguments, asker: &mut Asker<'_>) -> Outcome {
    let variables = json!({
        "org": required_text(arguments, "org")?,
        "slug": required_text(arguments, "team_slug")?,
    });
    let query = "query($org: String!, $slug: String!) { organization(login: $org) { team(slug: $slug) { members(first: 100) { nodes { login } } } } }";
    let data = graph(asker, query, &variables, "Failed to get team members")?;
    let members = &data["organization"]["team"]["members"]["nodes"];
    let logins = plain::each(members, &[], |member| member["login"].clone());
    Ok(shapes::text(&logins))
}

/// `list_issue_types`.
pub(super) fn issue_types(arguments: &Arguments, asker: &mut Asker<'_>) -> Outcome {
    let owner = required_text(arguments, "owner")?;
    let path = match text(arguments, "repo")? {
        "" => format!("/orgs/{}/issue-types", segment(owner)),
        _ => format!("{}/issue-types", plain::repo(arguments)?),
    };
    let mut types: Value = get(asker, &path, &[], "failed to list issue types")?;
    shapes::without_empty(&mut types);
    Ok(shapes::text(&types))
}

/// `list_issue_fields`. A repository has those of its organization, and that of a user none.
pub(super) fn issue_fields(arguments: &Arguments, asker: &mut Asker<'_>) -> Outcome {
    let owner = required_text(arguments, "owner")?;
    let what = "failed to list issue fields";
    if !text(arguments, "repo")?.is_empty() {
        let answered = asker.get(&plain::repo(arguments)?, &[]);
        if !answered.succeeded() {
            let missing = shapes::no_repository(owner, text(arguments, "repo")?);
            return Err(shapes::refused_graph(what, &answered, &missing));
        }
        if of(&answered.body["owner"], "type") != "Organization" {
            return Ok("[]".to_owned());
        }
    }
    let answered = asker.get(&format!("/orgs/{}/issue-fields", segment(owner)), &[]);
    let Value::Array(fields) = &answered.body else {
        let missing = format!("Could not resolve to an Organization with the login of '{owner}'.");
        return Err(shapes::refused_graph(what, &answered, &missing));
    };
    // The official server does not know fields of several choices.
    let fields = fields
        .iter()
        .filter(|field| of(field, "data_type") != "multi_select");
    let shown: Vec<Value> = fields.map(issue_field).collect();
    Ok(shapes::text(&shown))
}

/// A field in the words of GraphQL, which has its kinds in capitals.
fn issue_field(field: &Value) -> Value {
    let mut out = plain::pick(field, "name description?");
    out.insert("id".to_owned(), field["node_id"].clone());
    out.insert("full_database_id".to_owned(), field["id"].clone());
    for name in ["data_type", "visibility"] {
        out.insert(name.to_owned(), of(field, name).to_uppercase().into());
    }
    let options = field["options"].as_array().into_iter().flatten();
    let options = options.map(|option| {
        let mut out = plain::pick(option, "name description? priority?");
        out.insert("id".to_owned(), option["id"].to_string().into());
        let color = of(option, "color").to_uppercase();
        out.insert("color".to_owned(), color.into());
        Value::from(out)
    });
    put(&mut out, "options", options.collect());
    out.into()
}
