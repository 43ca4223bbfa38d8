//! Tools on whole repositories.

use archal_core::clone::Arguments;
use serde_json::{Value, json};

use super::Outcome;
use super::plain::{self, flag, get, paging, pick, write};
use super::shapes;
use crate::engine::mcp::{Asker, required_text, segment, text};

const FIELDS: &str = "id name full_name description? html_url language? stargazers_count forks_count open_issues_count updated_at? private fork archived default_branch?";

/// `search_repositories`.
pub(super) fn search(arguments: &Arguments, asker: &mut Asker<'_>) -> Outcome {
    let query = required_text(arguments, "query")?;
    let is_minimal = flag(arguments, "minimal_output", true)?;
    let mut asked = vec![("q", query.to_owned())];
    asked.extend(plain::texts_of(arguments, &["sort", "order"])?);
    asked.extend(paging(arguments)?);
    let what = format!("failed to search repositories with query '{query}'");
    let mut found = get(asker, "/search/repositories", &asked, &what)?;
    if !is_minimal {
        shapes::without_empty(&mut found);
        return Ok(shapes::text(&found));
    }
    let items = plain::each(&found["items"], &[], |repository| {
        let mut out = pick(repository, FIELDS);
        out.extend(pick(repository, "created_at? topics?"));
        out.into()
    });
    let mut out = pick(&found, "total_count incomplete_results");
    out.insert("items".to_owned(), items);
    Ok(shapes::text(&out))
}

/// `create_repository`.
pub(super) fn create(arguments: &Arguments, asker: &mut Asker<'_>) -> Outcome {
    let name = required_text(arguments, "name")?;
    let description = text(arguments, "description")?;
    let organization = text(arguments, "organization")?;
    let private = flag(arguments, "private", true)?;
    let auto_init = flag(arguments, "autoInit", false)?;
    let body = json!({
        "name": name, "description": description, "private": private, "auto_init": auto_init,
    });
    let path = match organization {
        "" => "/user/repos".to_owned(),
        organization => format!("/orgs/{}/repos", segment(organization)),
    };
    let made = write(asker, "POST", &path, &body, "failed to create repository")?;
    Ok(shapes::text(&shapes::written(&made)))
}

/// `fork_repository`. The client takes the status 202 for work in progress, and so says no more.
pub(super) fn fork(arguments: &Arguments, asker: &mut Asker<'_>) -> Outcome {
    let path = format!("{}/forks", plain::repo(arguments)?);
    let body = match text(arguments, "organization")? {
        "" => json!({}),
        organization => json!({"organization": organization}),
    };
    write(asker, "POST", &path, &body, "failed to fork repository")?;
    Ok("Fork is in progress".to_owned())
}

/// `list_repository_collaborators`.
pub(super) fn collaborators(arguments: &Arguments, asker: &mut Asker<'_>) -> Outcome {
    let path = format!("{}/collaborators", plain::repo(arguments)?);
    let mut query = plain::texts_of(arguments, &["affiliation"])?;
    query.extend(paging(arguments)?);
    let listed = get(asker, &path, &query, "failed to list collaborators")?;
    let people = plain::each(&listed, &[], |user| pick(user, "login id role_name").into());
    Ok(shapes::text(&people))
}

/// `list_starred_repositories`.
pub(super) fn starred(arguments: &Arguments, asker: &mut Asker<'_>) -> Outcome {
    let username = text(arguments, "username")?;
    let mut query = plain::texts_of(arguments, &["sort", "direction"])?;
    query.extend(paging(arguments)?);
    let path = match username {
        "" => "/user/starred".to_owned(),
        username => format!("/users/{}/starred", segment(username)),
    };
    let what = format!("failed to list starred repositories for user '{username}'");
    let listed = get(asker, &path, &query, &what)?;
    let shown = plain::each(&listed, &[], |repository| pick(repository, FIELDS).into());
    Ok(shapes::text(&shown))
}

fn starring(
    arguments: &Arguments,
    asker: &mut Asker<'_>,
    method: &'static str,
    verb: &str,
) -> Outcome {
    let owner = required_text(arguments, "owner")?;
    let repo = required_text(arguments, "repo")?;
    let path = format!("/user/starred/{}/{}", segment(owner), segment(repo));
    let what = format!("failed to {verb} repository {owner}/{repo}");
    write(asker, method, &path, &Value::Null, &what)?;
    Ok(format!("Successfully {verb}red repository {owner}/{repo}"))
}

/// `star_repository`.
pub(super) fn star(arguments: &Arguments, asker: &mut Asker<'_>) -> Outcome {
    starring(arguments, asker, "PUT", "star")
}

/// `unstar_repository`.
pub(super) fn unstar(arguments: &Arguments, asker: &mut Asker<'_>) -> Outcome {
    starring(arguments, asker, "DELETE", "unstar")
}
