//! Teams.

use super::repo::permissions;
use super::{API, WEB, org};
use crate::engine::key::{Key, folded};
use crate::engine::root::Root;
use crate::engine::row::Row;
use crate::engine::writer::Writer;
use crate::github::access::Permission;
use crate::github::tables::{REPOS_BY_TEAM, TEAM_REPOS, TEAMS, USERS, team, user};

/// A team inside lists.
pub(in crate::github) fn team(root: &Root, row: &Row, out: &mut Writer) {
    out.raw("{");
    fields(root, row, out);
    let permission = Permission::of(row.text(team::PERMISSION)).unwrap_or(Permission::Pull);
    permissions(permission, out);
    parent(root, row, out);
    out.raw("}");
}

/// A team with its counts and its organisation.
pub(in crate::github) fn full(root: &Root, row: &Row, out: &mut Writer) {
    out.raw("{");
    fields(root, row, out);
    parent(root, row, out);
    let members = row.texts(team::MEMBERS).chain(row.texts(team::MAINTAINERS));
    out.key("members_count")
        .int(i64::try_from(members.count()).unwrap_or(0));
    let key = Key::new([folded(row.text(team::ORG)), folded(row.text(team::SLUG))]);
    let repos = root.count(TEAM_REPOS, REPOS_BY_TEAM, &key);
    out.key("repos_count")
        .int(i64::try_from(repos).unwrap_or(0));
    out.key("created_at").time(row.time(team::CREATED_AT));
    out.key("updated_at").time(row.time(team::UPDATED_AT));
    out.key("organization");
    match root.get(USERS, &Key::folded(row.text(team::ORG))) {
        Some(row) => org::full(root, row, false, out),
        None => {
            out.raw("null");
        }
    }
    out.raw("}");
}

fn fields(root: &Root, row: &Row, out: &mut Writer) {
    let (name, slug) = (row.text(team::ORG), row.text(team::SLUG));
    let owner = root.get(USERS, &Key::folded(name));
    let owner = owner.map_or(0, |row| row.int(user::ID));
    let id = row.int(team::ID);
    let url = format!("{API}/organizations/{owner}/team/{id}");
    out.key("name").text(row.text(team::NAME));
    out.key("id").int(id);
    out.key("node_id").text(row.text(team::NODE_ID));
    out.key("slug").text(slug);
    out.key("description")
        .text_or_null(row.text_or_null(team::DESCRIPTION));
    out.key("privacy").text(row.text(team::PRIVACY));
    out.key("notification_setting")
        .text(row.text(team::NOTIFICATIONS));
    out.key("url").text(&url);
    out.key("html_url")
        .text(&format!("{WEB}/orgs/{name}/teams/{slug}"));
    out.key("members_url")
        .text(&format!("{url}/members{{/member}}"));
    out.key("repositories_url").text(&format!("{url}/repos"));
    out.key("permission").text(row.text(team::PERMISSION));
    out.key("type").text("organization");
    out.key("organization_id").int(owner);
}

fn parent(root: &Root, row: &Row, out: &mut Writer) {
    let parent = row.text_or_null(team::PARENT).and_then(|slug| {
        let key = Key::new([folded(row.text(team::ORG)), folded(slug)]);
        root.get(TEAMS, &key)
    });
    out.key("parent");
    match parent {
        Some(parent) => {
            out.raw("{");
            fields(root, parent, out);
            out.raw("}");
        }
        None => {
            out.raw("null");
        }
    }
}
