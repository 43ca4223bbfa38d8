//! Organisations and their members.

use std::sync::Arc;

use archal_core::clone::ViewValue;

use super::access::{self, not_found};
use super::credentials::{Credential, Kind as Credentials};
use super::dialect::{invalid_value, page};
use super::people::set_profile;
use super::render::org;
use super::tables::{MEMBERS_BY_ORG, ORG_MEMBERS, ORGS_BY_MEMBER, USERS, org_member, user};
use super::{lists, render, teams};
use crate::engine::input::{Input, Kind};
use crate::engine::key::{Key, folded, same};
use crate::engine::pack::{Call, Refusal, Reply};
use crate::engine::root::Root;
use crate::engine::row::{Row, text};
use crate::engine::running::read;
use crate::engine::writer::Writer;

/// What a body of `PATCH /orgs/{org}` holds.
const CHANGE: &[Input] = &[
    Input::new("name", Kind::TextOrNull),
    Input::new("email", Kind::TextOrNull),
    Input::new("blog", Kind::TextOrNull),
    Input::new("twitter_username", Kind::TextOrNull),
    Input::new("company", Kind::TextOrNull),
    Input::new("location", Kind::TextOrNull),
    Input::new("description", Kind::TextOrNull),
    Input::new("default_repository_permission", Kind::Text),
];

const ROLE: &[Input] = &[Input::new("role", Kind::Text)];

/// What a user is in an organisation: `admin`, `member`, or nothing.
pub(super) fn role<'r>(root: &'r Root, name: &str, login: &str) -> Option<&'r str> {
    let key = Key::new([folded(name), folded(login)]);
    if let Some(row) = root.get(ORG_MEMBERS, &key) {
        return Some(row.text(org_member::ROLE));
    }
    // A seed that says nothing of members means the caller's own organisation.
    let unsaid = root.count(ORG_MEMBERS, MEMBERS_BY_ORG, &Key::folded(name)) == 0;
    let actor = root.actor() == Some(&Key::folded(login));
    let owner = root.get(USERS, &Key::folded(name));
    let organised = owner.is_some_and(|row| row.text(user::TYPE) == "Organization");
    (unsaid && actor && organised).then_some("admin")
}

/// Whether it is written down that a user is in an organisation.
pub(super) fn is_listed(root: &Root, name: &str, login: &str) -> bool {
    let key = Key::new([folded(name), folded(login)]);
    root.get(ORG_MEMBERS, &key).is_some()
}

/// Refuses an organisation that the caller may not put repositories into. Apps may where they
/// were let into it.
pub(super) fn check_takes_repos(call: &Call<'_>, name: &str) -> Result<(), Refusal> {
    let credential = Credential::of(call.root(), call.request);
    let app = credential.is_some_and(|found| found.kind() == Credentials::Installation);
    if app || own_role(call, name).is_some() {
        return Ok(());
    }
    Err(Refusal::new(
        403,
        "You need admin access to the organization before adding a repository to it.",
    ))
}

/// What the caller is in an organisation.
pub(super) fn own_role<'r>(call: &'r Call<'_>, name: &str) -> Option<&'r str> {
    let login = call.caller.as_ref()?.text(user::LOGIN);
    role(call.root(), name, login)
}

/// Guard: the path names an organisation.
pub(super) fn known_org(call: &mut Call<'_>) -> Result<(), Refusal> {
    let row = call.root().get(USERS, &Key::folded(call.param("org")));
    let row = row.filter(|row| row.text(user::TYPE) == "Organization");
    let row = row.cloned().ok_or_else(not_found)?;
    call.found.push((USERS, row));
    Ok(())
}

/// Guard: the caller is in the organisation.
pub(super) fn inside(call: &mut Call<'_>) -> Result<(), Refusal> {
    access::login(call)?;
    let org = name(call)?;
    own_role(call, &org).map(drop).ok_or_else(not_found)
}

/// Guard: the caller owns the organisation.
pub(super) fn owns(call: &mut Call<'_>) -> Result<(), Refusal> {
    access::login(call)?;
    let org = name(call)?;
    match own_role(call, &org) {
        Some("admin") => Ok(()),
        Some(_) => Err(Refusal::new(
            403,
            "You must be an admin of this organization.",
        )),
        None => Err(not_found()),
    }
}

/// The login of the organisation that the path names, as its row writes it.
pub(super) fn name(call: &Call<'_>) -> Result<String, Refusal> {
    Ok(call.row(USERS)?.text(user::LOGIN).to_owned())
}

/// `GET /orgs/{org}`.
pub(super) fn get(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let row = call.row(USERS)?;
    let inside = own_role(call, row.text(user::LOGIN)).is_some();
    let root = call.root();
    Ok(lists::one(call, 200, &row, |row, out| {
        org::full(root, row, inside, out);
    }))
}

/// `PATCH /orgs/{org}`.
pub(super) fn update(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let inputs = read(call, CHANGE, call.root().pack())?;
    let old = call.row(USERS)?;
    let mut draft = old.draft();
    set_profile(&inputs, &mut draft)?;
    if let Some(permission) = inputs.text("default_repository_permission") {
        if !matches!(permission, "read" | "write" | "admin" | "none") {
            return Err(invalid_value(
                "Organization",
                "default_repository_permission",
                permission,
            ));
        }
        draft.set(user::DEFAULT_PERMISSION, text(permission));
    }
    let row = if draft == old.draft() {
        old
    } else {
        draft.set(user::UPDATED_AT, ViewValue::Time(call.now));
        call.transaction.put(USERS, draft)
    };
    let root = call.root();
    Ok(lists::one(call, 200, &row, |row, out| {
        org::full(root, row, true, out);
    }))
}

/// `GET /organizations`.
pub(super) fn list(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let since: i64 = call
        .query("since")
        .and_then(|since| since.parse().ok())
        .unwrap_or(0);
    let root = call.root();
    let mut rows: Vec<&Arc<Row>> = root.rows(USERS).values().collect();
    rows.retain(|row| row.text(user::TYPE) == "Organization" && row.int(user::ID) > since);
    rows.sort_by_key(|row| row.int(user::ID));
    Ok(lists::plain(call, &rows, org::simple))
}

/// `GET /users/{username}/orgs` and `GET /user/orgs`.
pub(super) fn list_of_user(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let own = call.param("username").is_empty();
    let login = if own {
        access::login(call)?
    } else {
        let row = call.root().get(USERS, &Key::folded(call.param("username")));
        row.ok_or_else(not_found)?.text(user::LOGIN).to_owned()
    };
    let root = call.root();
    let rows: Vec<&Arc<Row>> = orgs_of(root, &login)
        .into_iter()
        .filter(|(org, row)| {
            // What is private shows to those who are in it too.
            own || row.is_some_and(|row| row.bool(org_member::PUBLIC))
                || own_role(call, org.text(user::LOGIN)).is_some()
        })
        .map(|(org, _)| org)
        .collect();
    Ok(lists::plain(call, &rows, org::simple))
}

/// The organisations that a user is in, with the row that says so where there is one.
fn orgs_of<'r>(root: &'r Root, login: &str) -> Vec<(&'r Arc<Row>, Option<&'r Arc<Row>>)> {
    let group = root.group(ORG_MEMBERS, ORGS_BY_MEMBER, &Key::folded(login));
    let mut out: Vec<_> = group
        .into_iter()
        .flat_map(|rows| rows.values())
        .filter_map(|row| {
            let org = root.get(USERS, &Key::folded(row.text(org_member::ORG)))?;
            Some((org, Some(row)))
        })
        .collect();
    let unsaid = root.rows(USERS).values().filter(|row| {
        row.text(user::TYPE) == "Organization"
            && root.count(ORG_MEMBERS, MEMBERS_BY_ORG, &root.key(USERS, row)) == 0
            && role(root, row.text(user::LOGIN), login).is_some()
    });
    out.extend(unsaid.map(|row| (row, None)));
    out
}

/// Members of an organisation with what they are; `public` shows only who says so.
fn members<'r>(root: &'r Root, org: &str, public: bool) -> Vec<(&'r Arc<Row>, &'r str)> {
    let group = root.group(ORG_MEMBERS, MEMBERS_BY_ORG, &Key::folded(org));
    let said = group.into_iter().flat_map(|rows| rows.values());
    let said = said.filter(|row| !public || row.bool(org_member::PUBLIC));
    let mut out: Vec<_> = said
        .filter_map(|row| {
            let member = root.get(USERS, &Key::folded(row.text(org_member::USER)))?;
            Some((member, row.text(org_member::ROLE)))
        })
        .collect();
    let actor = root.actor().and_then(|key| root.get(USERS, key));
    if group.is_none()
        && !public
        && let Some(actor) = actor
    {
        out.push((actor, "admin"));
    }
    out
}

/// `GET /orgs/{org}/members` and `GET /orgs/{org}/public_members`.
pub(super) fn list_members(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let org = name(call)?;
    let path = call.request.path.trim_end_matches('/');
    let public = path.ends_with("/public_members") || own_role(call, &org).is_none();
    let asked = call.query("role").unwrap_or("all");
    if !matches!(asked, "all" | "admin" | "member") {
        return Err(invalid_value("Organization", "role", asked));
    }
    let root = call.root();
    let rows: Vec<&Arc<Row>> = members(root, &org, public)
        .into_iter()
        .filter(|(_, role)| asked == "all" || *role == asked)
        .map(|(row, _)| row)
        .collect();
    let page = page(call, rows.len());
    let rows = rows.into_iter().skip(page.skip()).take(page.take());
    Ok(Reply::rows(root, USERS, rows, Some(page)))
}

/// `GET /orgs/{org}/members/{username}`.
pub(super) fn check_member(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let org = name(call)?;
    let login = call.param("username").to_owned();
    if own_role(call, &org).is_none() {
        let url = format!("{}/orgs/{org}/public_members/{login}", render::API);
        return Ok(Reply {
            status: 302,
            location: Some(url),
            ..Reply::default()
        });
    }
    let found = role(call.root(), &org, &login).map(|_| Reply::empty());
    found.ok_or_else(not_found)
}

/// `GET /orgs/{org}/public_members/{username}`.
pub(super) fn check_public(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let org = name(call)?;
    let key = Key::new([folded(&org), folded(call.param("username"))]);
    let row = call.root().get(ORG_MEMBERS, &key);
    let row = row.filter(|row| row.bool(org_member::PUBLIC));
    row.map(|_| Reply::empty()).ok_or_else(not_found)
}

/// `PUT` and `DELETE /orgs/{org}/public_members/{username}`: members do that for themselves.
pub(super) fn set_public(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let org = name(call)?;
    let login = access::login(call)?;
    if !same(&login, call.param("username")) {
        return Err(Refusal::new(
            403,
            "Must be the user to publicize membership.",
        ));
    }
    let public = call.request.method == "PUT";
    let role = role(call.root(), &org, &login)
        .ok_or_else(not_found)?
        .to_owned();
    put_member(call, &org, &login, &role, Some(public));
    Ok(Reply::empty())
}

fn put_member(call: &mut Call<'_>, org: &str, login: &str, role: &str, public: Option<bool>) {
    let key = Key::new([folded(org), folded(login)]);
    settle(call, org);
    let old = call.root().get(ORG_MEMBERS, &key).cloned();
    let mut draft = old
        .as_ref()
        .map_or_else(|| call.root().blank(ORG_MEMBERS), |row| row.draft());
    draft.set(org_member::ORG, text(org));
    draft.set(org_member::USER, text(login));
    draft.set(org_member::ROLE, text(role));
    if let Some(public) = public {
        draft.set(org_member::PUBLIC, ViewValue::Bool(public));
    }
    if old.is_none_or(|row| row.draft() != draft) {
        call.transaction.put(ORG_MEMBERS, draft);
    }
}

/// Writes down what was meant by a seed that says nothing of members, before one comes or goes.
fn settle(call: &mut Call<'_>, org: &str) {
    let unsaid = call
        .root()
        .count(ORG_MEMBERS, MEMBERS_BY_ORG, &Key::folded(org))
        == 0;
    let actor = call.root().actor().cloned();
    let actor = actor.and_then(|key| call.root().get(USERS, &key).cloned());
    if let Some(actor) = actor.filter(|_| unsaid) {
        let mut draft = call.root().blank(ORG_MEMBERS);
        draft.set(org_member::ORG, text(org));
        draft.set(org_member::USER, text(actor.text(user::LOGIN)));
        draft.set(org_member::ROLE, text("admin"));
        call.transaction.put(ORG_MEMBERS, draft);
    }
}

/// `DELETE /orgs/{org}/members/{username}` and `DELETE /orgs/{org}/memberships/{username}`.
pub(super) fn remove_member(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let org = name(call)?;
    let key = Key::new([folded(&org), folded(call.param("username"))]);
    settle(call, &org);
    let old = call.root().get(ORG_MEMBERS, &key).cloned();
    let old = old.ok_or_else(not_found)?;
    check_owner_stays(call, &org, &old, "member")?;
    call.transaction.remove(ORG_MEMBERS, &key);
    teams::leave_all(call, &org, old.text(org_member::USER));
    Ok(Reply::empty())
}

/// Refuses to take the last owner from an organisation.
fn check_owner_stays(call: &Call<'_>, org: &str, old: &Row, role: &str) -> Result<(), Refusal> {
    let group = call
        .root()
        .group(ORG_MEMBERS, MEMBERS_BY_ORG, &Key::folded(org));
    let owners = group.into_iter().flat_map(|rows| rows.values());
    let owners = owners.filter(|row| row.text(org_member::ROLE) == "admin");
    if old.text(org_member::ROLE) == "admin" && role != "admin" && owners.count() < 2 {
        return Err(Refusal::new(
            403,
            "Cannot remove the last owner of an organization.",
        ));
    }
    Ok(())
}

/// `GET …/memberships/…`: of a user in an organisation, or of the caller.
pub(super) fn get_membership(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let org = call.row(USERS)?;
    let login = member_named(call)?;
    let root = call.root();
    let role = role(root, org.text(user::LOGIN), &login).ok_or_else(not_found)?;
    Ok(lists::one(call, 200, &org, |org, out| {
        org::membership(root, org, &login, role, out);
    }))
}

fn member_named(call: &Call<'_>) -> Result<String, Refusal> {
    match call.param("username") {
        "" => access::login(call),
        name => {
            let row = call.root().get(USERS, &Key::folded(name));
            Ok(row.ok_or_else(not_found)?.text(user::LOGIN).to_owned())
        }
    }
}

/// `PUT /orgs/{org}/memberships/{username}`. Whom an owner adds is in at once: the clone's users
/// do not answer invitations.
pub(super) fn set_membership(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let inputs = read(call, ROLE, call.root().pack())?;
    let role = inputs.text("role").unwrap_or("member");
    if !matches!(role, "admin" | "member") {
        return Err(invalid_value("OrganizationMembership", "role", role));
    }
    let org = name(call)?;
    let login = member_named(call)?;
    settle(call, &org);
    let key = Key::new([folded(&org), folded(&login)]);
    if let Some(old) = call.root().get(ORG_MEMBERS, &key) {
        check_owner_stays(call, &org, old, role)?;
    }
    put_member(call, &org, &login, role, None);
    get_membership(call)
}

/// `GET /user/memberships/orgs`.
pub(super) fn own_memberships(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let login = access::login(call)?;
    let root = call.root();
    let mut rows: Vec<&Arc<Row>> = orgs_of(root, &login)
        .into_iter()
        .map(|(org, _)| org)
        .collect();
    match call.query("state") {
        None | Some("active") => {}
        // Whom an owner adds is in at once.
        Some("pending") => rows.clear(),
        Some(other) => return Err(invalid_value("OrganizationMembership", "state", other)),
    }
    Ok(lists::plain(call, &rows, |row: &Row, out: &mut Writer| {
        let role = role(root, row.text(user::LOGIN), &login).unwrap_or("member");
        org::membership(root, row, &login, role, out);
    }))
}
