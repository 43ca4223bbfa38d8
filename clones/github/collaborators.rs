//! Who works on a repository beside its owner.

use std::sync::Arc;

use archal_core::clone::ViewValue;
use serde_json::json;

use super::access::{self, Permission, not_found};
use super::dialect::page;
use super::render::repo::{Detail, permissions, repo as write_repo};
use super::render::{API, WEB, user as shown};
use super::tables::{
    INVITATIONS, INVITATIONS_BY_REPO, ISSUES, ISSUES_BY_REPO, REPOS, USERS, invitation, issue,
    owner_of, repo, user,
};
use super::{changes, complete};
use crate::engine::input::{Input, Kind};
use crate::engine::key::{Key, Part, folded, same};
use crate::engine::pack::{Call, Refusal, Reply};
use crate::engine::root::Root;
use crate::engine::row::{Row, list as texts, text};
use crate::engine::writer::Writer;

/// What a permission is called in a role.
fn role(permission: Permission) -> &'static str {
    match permission {
        Permission::Pull => "read",
        Permission::Triage => "triage",
        Permission::Push => "write",
        Permission::Maintain => "maintain",
        Permission::Admin => "admin",
    }
}

/// What a role is called in a list of collaborators' roles.
pub(super) fn column_name(permission: Permission) -> &'static str {
    match permission {
        Permission::Pull => "pull",
        Permission::Push => "push",
        other => role(other),
    }
}

/// What somebody may do, who is an owner, a collaborator, or everybody else.
fn permission_of(root: &Root, row: &Row, login: &str) -> Option<Permission> {
    let found = root.get(USERS, &Key::folded(login));
    access::permission(root, row, found.map(AsRef::as_ref))
}

/// The logins of those who work on a repository: a user who owns it, then collaborators.
fn members(root: &Root, row: &Row) -> Vec<String> {
    let owner = owner_of(row.text(repo::FULL_NAME));
    let mut logins = Vec::new();
    if access::is_user(root, owner) {
        logins.push(owner.to_owned());
    }
    // In an organisation the actor is one of those who work there.
    let actor = root.actor().and_then(|key| root.get(USERS, key));
    let actor = actor.map(|actor| actor.text(user::LOGIN).to_owned());
    let writes = Permission::of(row.text(repo::PERMISSION)) > Some(Permission::Pull);
    let more = row.texts(repo::COLLABORATORS).map(str::to_owned);
    for login in actor.filter(|_| writes).into_iter().chain(more) {
        if !logins.iter().any(|known| same(known, &login)) {
            logins.push(login);
        }
    }
    logins
}

fn write_member(root: &Root, login: &str, permission: Permission, out: &mut Writer) {
    if let Some(row) = root.get(USERS, &Key::folded(login)) {
        out.reopened(&root.rendered(USERS, row).0);
        permissions(permission, out);
        out.key("role_name").text(role(permission));
        out.raw("}");
    }
}

/// `GET …/collaborators`.
pub(super) fn list(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let row = call.row(REPOS)?;
    let root = call.root();
    let least = call.query("permission").and_then(Permission::of);
    let owner = owner_of(row.text(repo::FULL_NAME));
    let outside = call.query("affiliation") == Some("outside");
    let mut found = Vec::new();
    for login in members(root, &row) {
        let permission = permission_of(root, &row, &login).unwrap_or(Permission::Pull);
        let fits = least.is_none_or(|least| permission >= least);
        if fits && !(outside && same(owner, &login)) {
            found.push((login, permission));
        }
    }
    let page = page(call, found.len());
    let mut writer = Writer::new(root);
    writer.raw("[");
    for (login, permission) in found.iter().skip(page.skip()).take(page.take()) {
        writer.item();
        write_member(root, login, *permission, &mut writer);
    }
    writer.raw("]");
    let mut reply = Reply::written(200, writer.finish(), row.version());
    reply.page = Some(page);
    Ok(reply)
}

/// `GET …/collaborators/{username}`.
pub(super) fn check(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let row = call.row(REPOS)?;
    let login = call.param("username");
    let found = members(call.root(), &row)
        .iter()
        .any(|one| same(one, login));
    found.then(Reply::empty).ok_or_else(not_found)
}

/// `GET …/collaborators/{username}/permission`.
pub(super) fn permission_level(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let row = call.row(REPOS)?;
    let root = call.root();
    let found = root.get(USERS, &Key::folded(call.param("username")));
    let found = found
        .cloned()
        .ok_or_else(|| Refusal::new(404, format!("{} is not a user", call.param("username"))))?;
    let login = found.text(user::LOGIN);
    let permission = permission_of(root, &row, login);
    // The old word for a role: what is between read and write is the lower of the two.
    let word = match permission {
        None => "none",
        Some(Permission::Pull | Permission::Triage) => "read",
        Some(Permission::Push | Permission::Maintain) => "write",
        Some(Permission::Admin) => "admin",
    };
    let mut writer = Writer::new(root);
    writer.raw("{").key("permission").text(word);
    writer.key("user");
    write_member(
        root,
        login,
        permission.unwrap_or(Permission::Pull),
        &mut writer,
    );
    writer
        .key("role_name")
        .text(permission.map_or("none", role))
        .raw("}");
    Ok(Reply::written(200, writer.finish(), row.version()))
}

const ADD: &[Input] = &[Input::new("permission", Kind::Text)];

/// `PUT …/collaborators/{username}`: who is new is invited, who is there gets the role at once.
pub(super) fn add(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let inputs = access::body(call, ADD)?;
    let row = call.row(REPOS)?;
    let asked = inputs.text("permission").unwrap_or("push");
    let permission = Permission::of(asked).ok_or_else(|| {
        Refusal::new(422, "Validation Failed").with(vec![json!({
            "resource": "Repository", "code": "custom", "field": "permission",
            "message": format!("{asked} is not a permission")
        })])
    })?;
    let found = call
        .root()
        .get(USERS, &Key::folded(call.param("username")))
        .cloned();
    let found = found.filter(|found| found.text(user::TYPE) != "Organization");
    let login = found.ok_or_else(not_found)?.text(user::LOGIN).to_owned();
    if same(owner_of(row.text(repo::FULL_NAME)), &login) {
        return Err(Refusal::new(422, "Validation Failed").with(vec![json!({
            "resource": "Repository", "code": "custom",
            "message": "Repository owner cannot be a collaborator"
        })]));
    }
    if access::collaborator(&row, &login).is_some() {
        set_role(call, &row, &login, permission);
        return Ok(Reply::empty());
    }
    let repo_name = row.text(repo::FULL_NAME).to_owned();
    let group = call
        .root()
        .group(INVITATIONS, INVITATIONS_BY_REPO, &Key::folded(&repo_name));
    let known = group
        .into_iter()
        .flat_map(|rows| rows.values())
        .find(|one| same(one.text(invitation::INVITEE), &login))
        .cloned();
    let id = match &known {
        Some(known) => known.int(invitation::ID),
        None => call.transaction.next_id(INVITATIONS),
    };
    let mut draft = call.root().blank(INVITATIONS);
    draft.set(invitation::REPO, text(repo_name));
    draft.set(invitation::ID, ViewValue::Int(id));
    draft.set(invitation::INVITEE, text(login));
    draft.set(invitation::INVITER, text(access::login(call)?));
    draft.set(invitation::PERMISSIONS, text(role(permission)));
    draft.set(invitation::CREATED_AT, ViewValue::Time(call.now));
    complete::content::name_invitation(call.root(), &mut draft);
    let made = call.transaction.put(INVITATIONS, draft);
    Ok(invitation_reply(call, 201, &made))
}

/// Makes somebody a collaborator with a role.
fn set_role(call: &mut Call<'_>, row: &Row, login: &str, permission: Permission) {
    let mut logins: Vec<String> = row.texts(repo::COLLABORATORS).map(str::to_owned).collect();
    if !logins.iter().any(|one| same(one, login)) {
        logins.push(login.to_owned());
    }
    let mut roles = others_roles(row, login);
    if permission != Permission::Push {
        roles.push(format!("{login}:{}", column_name(permission)));
    }
    let mut draft = row.draft();
    draft.set(repo::COLLABORATORS, texts(logins));
    draft.set(repo::COLLABORATOR_ROLES, texts(roles));
    call.transaction.put(REPOS, draft);
}

fn others_roles(row: &Row, login: &str) -> Vec<String> {
    let other = |one: &&str| {
        one.split_once(':')
            .is_none_or(|(name, _)| !same(name, login))
    };
    row.texts(repo::COLLABORATOR_ROLES)
        .filter(other)
        .map(str::to_owned)
        .collect()
}

/// `DELETE …/collaborators/{username}`.
pub(super) fn remove(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let row = call.row(REPOS)?;
    let login = call.param("username").to_owned();
    let left: Vec<String> = row
        .texts(repo::COLLABORATORS)
        .filter(|one| !same(one, &login))
        .map(str::to_owned)
        .collect();
    if left.len() != row.texts(repo::COLLABORATORS).count() {
        let mut draft = row.draft();
        draft.set(repo::COLLABORATORS, texts(left));
        draft.set(repo::COLLABORATOR_ROLES, texts(others_roles(&row, &login)));
        let row = call.transaction.put(REPOS, draft);
        unassign(call, &row, &login);
    }
    let group = call.root().group(
        INVITATIONS,
        INVITATIONS_BY_REPO,
        &Key::folded(row.text(repo::FULL_NAME)),
    );
    let invited: Vec<Key> = group
        .into_iter()
        .flat_map(|rows| rows.values())
        .filter(|one| same(one.text(invitation::INVITEE), &login))
        .map(|one| call.root().key(INVITATIONS, one))
        .collect();
    for key in invited {
        call.transaction.remove(INVITATIONS, &key);
    }
    Ok(Reply::empty())
}

/// Takes somebody from the issues of a repository in which they have no role any more.
fn unassign(call: &mut Call<'_>, row: &Row, login: &str) {
    if access::assignable(call.root(), row, login) {
        return;
    }
    let group = call.root().group(
        ISSUES,
        ISSUES_BY_REPO,
        &Key::folded(row.text(repo::FULL_NAME)),
    );
    let assigned: Vec<Arc<Row>> = group
        .into_iter()
        .flat_map(|rows| rows.values())
        .filter(|on| on.texts(issue::ASSIGNEES).any(|one| same(one, login)))
        .cloned()
        .collect();
    for on in assigned {
        let left = on.texts(issue::ASSIGNEES).filter(|one| !same(one, login));
        let mut draft = on.draft();
        draft.set(issue::ASSIGNEES, texts(left.map(str::to_owned)));
        draft.set(issue::UPDATED_AT, ViewValue::Time(call.now));
        let new = call.transaction.put(ISSUES, draft);
        changes::record(call, Some(&on), &new);
    }
}

fn write_invitation(root: &Root, row: &Row, out: &mut Writer) {
    let name = row.text(invitation::REPO);
    let id = row.int(invitation::ID);
    out.raw("{").key("id").int(id);
    out.key("node_id").text(row.text(invitation::NODE_ID));
    out.key("repository");
    match root.named(REPOS, name) {
        Some(of) => write_repo(root, of, Detail::Inner, None, out),
        None => {
            out.raw("null");
        }
    }
    out.key("invitee");
    shown::named(root, row.text_or_null(invitation::INVITEE), out);
    out.key("inviter");
    shown::named(root, row.text_or_null(invitation::INVITER), out);
    out.key("permissions")
        .text(row.text(invitation::PERMISSIONS));
    out.key("created_at").time(row.time(invitation::CREATED_AT));
    out.key("expired").bool(false);
    out.key("url")
        .text(&format!("{API}/user/repository_invitations/{id}"));
    out.key("html_url")
        .text(&format!("{WEB}/{name}/invitations"));
    out.raw("}");
}

fn invitation_reply(call: &Call<'_>, status: u16, row: &Row) -> Reply {
    let mut writer = Writer::new(call.root());
    write_invitation(call.root(), row, &mut writer);
    Reply::written(status, writer.finish(), row.version())
}

/// Guard: the path names an invitation to the repository.
pub(super) fn known_invitation(call: &mut Call<'_>) -> Result<(), Refusal> {
    let repo = access::repo_name(call)?;
    let key = Key::new([folded(&repo), Part::Int(call.number("invitation_id"))]);
    let row = call.root().get(INVITATIONS, &key).cloned();
    call.found.push((INVITATIONS, row.ok_or_else(not_found)?));
    Ok(())
}

/// Guard: the path names an invitation of the caller.
pub(super) fn own_invitation(call: &mut Call<'_>) -> Result<(), Refusal> {
    let login = access::login(call)?;
    let id = call.number("invitation_id");
    let mut rows = call.root().rows(INVITATIONS).values();
    let row = rows
        .find(|row| row.int(invitation::ID) == id && same(row.text(invitation::INVITEE), &login))
        .cloned();
    call.found.push((INVITATIONS, row.ok_or_else(not_found)?));
    Ok(())
}

fn invitations(call: &Call<'_>, fits: impl Fn(&Row) -> bool) -> Reply {
    let root = call.root();
    let rows: Vec<_> = root
        .rows(INVITATIONS)
        .values()
        .filter(|row| fits(row))
        .collect();
    let page = page(call, rows.len());
    let mut writer = Writer::new(root);
    writer.raw("[");
    for row in rows.iter().skip(page.skip()).take(page.take()) {
        writer.item();
        write_invitation(root, row, &mut writer);
    }
    writer.raw("]");
    let mut reply = Reply::written(200, writer.finish(), page.fingerprint());
    reply.page = Some(page);
    reply
}

/// `GET …/invitations`.
pub(super) fn list_invitations(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let name = access::repo_name(call)?;
    Ok(invitations(call, |row| {
        same(row.text(invitation::REPO), &name)
    }))
}

/// `GET /user/repository_invitations`.
pub(super) fn own_invitations(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let login = access::login(call)?;
    Ok(invitations(call, |row| {
        same(row.text(invitation::INVITEE), &login)
    }))
}

/// `PATCH …/invitations/{invitation_id}`.
pub(super) fn change_invitation(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    const ROLE: &[Input] = &[Input::new("permissions", Kind::Text)];
    let inputs = access::body(call, ROLE)?;
    let old = call.row(INVITATIONS)?;
    let mut draft = old.draft();
    if let Some(asked) = inputs.text("permissions") {
        let permission = Permission::of(asked);
        let permission = permission.ok_or_else(|| {
            super::dialect::invalid("RepositoryInvitation", "permissions", "invalid")
        })?;
        draft.set(invitation::PERMISSIONS, text(role(permission)));
    }
    let row = call.transaction.put(INVITATIONS, draft);
    Ok(invitation_reply(call, 200, &row))
}

/// `DELETE …/invitations/{invitation_id}` and `DELETE /user/repository_invitations/{invitation_id}`.
pub(super) fn delete_invitation(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let row = call.row(INVITATIONS)?;
    let key = call.root().key(INVITATIONS, &row);
    call.transaction.remove(INVITATIONS, &key);
    Ok(Reply::empty())
}

/// `PATCH /user/repository_invitations/{invitation_id}`: the caller accepts.
pub(super) fn accept_invitation(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let row = call.row(INVITATIONS)?;
    let of = call
        .root()
        .named(REPOS, row.text(invitation::REPO))
        .cloned();
    let of = of.ok_or_else(not_found)?;
    let permission = Permission::of(row.text(invitation::PERMISSIONS));
    let login = row.text(invitation::INVITEE);
    set_role(call, &of, login, permission.unwrap_or(Permission::Push));
    delete_invitation(call)
}
