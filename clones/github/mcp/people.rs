//! Tools on teams, and on the types of issues that organizations have.

use archal_core::clone::Arguments;
use serde_json::{Value, json};

use super::Outcome;
use super::plain::{self, get, graph};
use super::shapes;
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
