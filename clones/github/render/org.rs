//! Organisations.

use super::{API, WEB, user};
use crate::engine::key::Key;
use crate::engine::root::Root;
use crate::engine::row::Row;
use crate::engine::writer::Writer;
use crate::github::tables::{REPOS, REPOS_BY_OWNER, USERS, repo, user as column};

/// An organisation inside lists.
pub(in crate::github) fn simple(row: &Row, out: &mut Writer) {
    out.raw("{");
    fields(row, out);
    out.raw("}");
}

fn fields(row: &Row, out: &mut Writer) {
    let login = row.text(column::LOGIN);
    let id = row.int(column::ID);
    let url = format!("{API}/orgs/{login}");
    out.key("login").text(login);
    out.key("id").int(id);
    out.key("node_id").text(row.text(column::NODE_ID));
    out.key("url").text(&url);
    for (name, rest) in [
        ("repos_url", "/repos"),
        ("events_url", "/events"),
        ("hooks_url", "/hooks"),
        ("issues_url", "/issues"),
        ("members_url", "/members{/member}"),
        ("public_members_url", "/public_members{/member}"),
    ] {
        out.key(name).text(&format!("{url}{rest}"));
    }
    out.key("avatar_url")
        .text(&format!("https://avatars.githubusercontent.com/u/{id}?v=4"));
    out.key("description")
        .text_or_null(row.text_or_null(column::DESCRIPTION));
}

/// An organisation with its profile; with `inside`, as its members see it.
pub(in crate::github) fn full(root: &Root, row: &Row, inside: bool, out: &mut Writer) {
    let login = row.text(column::LOGIN);
    let owned = root.group(REPOS, REPOS_BY_OWNER, &Key::folded(login));
    let owned = owned.into_iter().flat_map(|repos| repos.values());
    let (mut public, mut private) = (0, 0);
    for one in owned {
        if one.bool(repo::PRIVATE) {
            private += 1;
        } else {
            public += 1;
        }
    }
    out.raw("{");
    fields(row, out);
    // Texts that are not set are left out, as the description has no null for them.
    for (name, at) in [
        ("name", column::NAME),
        ("company", column::COMPANY),
        ("blog", column::BLOG),
        ("location", column::LOCATION),
        ("email", column::EMAIL),
    ] {
        if let Some(text) = row.text_or_null(at).filter(|text| !text.is_empty()) {
            out.key(name).text(text);
        }
    }
    out.key("twitter_username")
        .text_or_null(row.text_or_null(column::TWITTER));
    out.key("is_verified").bool(false);
    out.key("has_organization_projects").bool(true);
    out.key("has_repository_projects").bool(true);
    out.key("public_repos").int(public);
    out.key("public_gists").int(0);
    out.key("followers").int(row.int(column::FOLLOWERS));
    out.key("following").int(0);
    out.key("html_url").text(&format!("{WEB}/{login}"));
    out.key("created_at").time(row.time(column::CREATED_AT));
    out.key("updated_at").time(row.time(column::UPDATED_AT));
    out.key("archived_at").raw("null");
    out.key("type").text("Organization");
    if inside {
        out.key("total_private_repos").int(private);
        out.key("owned_private_repos").int(private);
        let default = row.text_or_null(column::DEFAULT_PERMISSION);
        out.key("default_repository_permission")
            .text(default.unwrap_or("read"));
        out.key("members_can_create_repositories").bool(true);
        out.key("two_factor_requirement_enabled").bool(false);
    }
    out.raw("}");
}

/// What a user is in an organisation.
pub(in crate::github) fn membership(
    root: &Root,
    org: &Row,
    login: &str,
    role: &str,
    out: &mut Writer,
) {
    let name = org.text(column::LOGIN);
    out.raw("{");
    out.key("url")
        .text(&format!("{API}/orgs/{name}/memberships/{login}"));
    out.key("state").text("active");
    out.key("role").text(role);
    out.key("organization_url")
        .text(&format!("{API}/orgs/{name}"));
    out.key("user");
    user::named(root, Some(login), out);
    out.key("organization");
    if let Some(org) = root.get(USERS, &Key::folded(name)) {
        simple(org, out);
    }
    out.raw("}");
}
