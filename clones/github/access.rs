//! Who calls, what they may do, and which rows a path names.

use std::sync::Arc;

#[cfg(test)]
pub(super) use super::credentials::TOKEN;
use super::credentials::{Credential, Kind};
use super::render::API;
use super::tables::{
    COMMENTS, FORMER_NAMES, ISSUES, LABELS, REPOS, REPOS_BY_ID, USERS, comment, former_name, issue,
    owner_of, repo, user,
};
use super::{collaborators, orgs, teams};
use crate::engine::input::{Input, Inputs};
use crate::engine::key::{Key, Part, folded, same};
use crate::engine::pack::{Call, Refusal};
use crate::engine::root::Root;
use crate::engine::row::Row;
use crate::engine::running;

/// What a caller may do with a repository.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Permission {
    /// Read.
    Pull,
    /// Manage issues.
    Triage,
    /// Write.
    Push,
    /// Manage the repository.
    Maintain,
    /// Everything.
    Admin,
}

impl Permission {
    /// The permission of that name.
    pub(super) fn of(name: &str) -> Option<Self> {
        match name {
            "pull" | "read" => Some(Self::Pull),
            "triage" => Some(Self::Triage),
            "push" | "write" => Some(Self::Push),
            "maintain" => Some(Self::Maintain),
            "admin" => Some(Self::Admin),
            _ => None,
        }
    }
}

/// What a caller may do with a repository; none where they do not see it.
pub(super) fn permission(root: &Root, row: &Row, caller: Option<&Row>) -> Option<Permission> {
    let everybody = (!row.bool(repo::PRIVATE)).then_some(Permission::Pull);
    let Some(caller) = caller else {
        return everybody;
    };
    held(root, row, caller.text(user::LOGIN)).max(everybody)
}

/// What somebody may do with a repository by more than being able to see it.
fn held(root: &Root, row: &Row, login: &str) -> Option<Permission> {
    let owner = owner_of(row.text(repo::FULL_NAME));
    let given = collaborator(row, login).max(teams::permission(root, row, login));
    if root.actor() == Some(&Key::folded(login)) {
        // A seed says what the actor may do; what they were given later comes to that.
        let member = orgs::is_listed(root, owner, login);
        let by_owner = member.then(|| of_owner(root, owner, login)).flatten();
        let own = Permission::of(row.text(repo::PERMISSION));
        return own.max(given).max(by_owner);
    }
    given.max(of_owner(root, owner, login))
}

/// What somebody may do with all repositories of an owner.
pub(super) fn of_owner(root: &Root, owner: &str, login: &str) -> Option<Permission> {
    if same(owner, login) {
        return Some(Permission::Admin);
    }
    match orgs::role(root, owner, login)? {
        "admin" => Some(Permission::Admin),
        _ => base(root, owner),
    }
}

/// What the actor may do with the repositories of an owner, as the column of it has it.
pub(super) fn of_actor(root: &Root, owner: &str) -> &'static str {
    let actor = root.actor().and_then(|key| root.get(USERS, key));
    let own = actor.and_then(|actor| of_owner(root, owner, actor.text(user::LOGIN)));
    own.map_or("none", collaborators::column_name)
}

/// What a collaborator may do; none where they are none.
pub(super) fn collaborator(row: &Row, login: &str) -> Option<Permission> {
    let collaborates = row.texts(repo::COLLABORATORS).any(|one| same(one, login));
    let role = row.texts(repo::COLLABORATOR_ROLES).find_map(|one| {
        let (name, role) = one.split_once(':')?;
        same(name, login).then(|| Permission::of(role)).flatten()
    });
    collaborates.then(|| role.unwrap_or(Permission::Push))
}

/// What every member of an organisation may do with its repositories.
fn base(root: &Root, owner: &str) -> Option<Permission> {
    let row = root.get(USERS, &Key::folded(owner))?;
    match row.text_or_null(user::DEFAULT_PERMISSION).unwrap_or("read") {
        "none" => None,
        "write" => Some(Permission::Push),
        "admin" => Some(Permission::Admin),
        _ => Some(Permission::Pull),
    }
}

/// Whether a user can be assigned to issues of a repository.
pub(super) fn assignable(root: &Root, row: &Row, login: &str) -> bool {
    let Some(found) = root.get(USERS, &Key::folded(login)) else {
        return false;
    };
    if found.text(user::TYPE) == "Organization" {
        return false;
    }
    let everybody = row.value(repo::COLLABORATORS) == &archal_core::clone::ViewValue::Null;
    // Reading what everybody may read is no role; being the actor of a seed that says so is none.
    let actor = root.actor() == Some(&Key::folded(login));
    let least = if actor {
        Permission::Triage
    } else {
        Permission::Pull
    };
    everybody || held(root, row, login) >= Some(least)
}

/// What an author is to a repository.
pub(super) fn association(root: &Root, row: &Row, login: &str) -> &'static str {
    let owner = owner_of(row.text(repo::FULL_NAME));
    if same(owner, login) {
        return "OWNER";
    }
    if orgs::role(root, owner, login).is_some() {
        return "MEMBER";
    }
    if collaborator(row, login).is_some() {
        return "COLLABORATOR";
    }
    // Teams are of members. Who may write without being one was let in from outside.
    if teams::permission(root, row, login).is_some() {
        return "MEMBER";
    }
    let caller = root.get(USERS, &Key::folded(login)).map(AsRef::as_ref);
    match permission(root, row, caller) {
        Some(found) if found >= Permission::Triage => "COLLABORATOR",
        _ => "NONE",
    }
}

/// The caller's permission for the repository that the path names.
fn own_permission(call: &Call<'_>) -> Result<Option<Permission>, Refusal> {
    let row = call.row(REPOS)?;
    Ok(sees(call, &row))
}

/// What the caller may do with a repository by who they are and by what their token is for; none
/// where they do not see it.
pub(super) fn sees(call: &Call<'_>, row: &Row) -> Option<Permission> {
    let root = call.root();
    let everybody = (!row.bool(repo::PRIVATE)).then_some(Permission::Pull);
    let Some(credential) = Credential::of(root, call.request) else {
        return everybody;
    };
    let own = permission(root, row, call.caller.as_deref());
    let covered = credential.covers(row.text(repo::FULL_NAME));
    match credential.kind() {
        Kind::Scoped if credential.has(&["repo"]) => own,
        // Without the scope a public repository is written to with `public_repo` alone.
        Kind::Scoped if credential.has(&["public_repo"]) => own.filter(|_| everybody.is_some()),
        Kind::Scoped => everybody,
        Kind::FineGrained => own.filter(|_| covered).max(everybody),
        // An app acts by its own permissions, whoever its user is.
        Kind::Installation if covered => Some(Permission::Admin),
        Kind::Installation => everybody,
    }
}

/// Whether the caller's token is for something of a repository: `contents` and `read` or `write`.
pub(super) fn reaches(call: &Call<'_>, row: &Row, what: &str, level: &str) -> bool {
    let open = level == "read" && !row.bool(repo::PRIVATE);
    let credential = Credential::of(call.root(), call.request);
    credential.is_none_or(|credential| {
        open || credential.kind() == Kind::Scoped || credential.permits(what, level)
    })
}

/// Whether the caller may do at least that with the repository that the path names.
pub(super) fn may(call: &Call<'_>, least: Permission) -> Result<bool, Refusal> {
    let signed_in = call.caller.is_some();
    Ok(signed_in && own_permission(call)?.is_some_and(|found| found >= least))
}

/// The answer to what is not there, or not for the caller to see.
pub(super) fn not_found() -> Refusal {
    Refusal::new(404, "Not Found")
}

/// The answer to a caller who may read but not do this.
pub(super) fn forbidden() -> Refusal {
    Refusal::new(403, "Must have admin rights to Repository.")
}

/// The login of the caller.
pub(super) fn login(call: &Call<'_>) -> Result<String, Refusal> {
    call.caller
        .as_ref()
        .map(|row| row.text(user::LOGIN).to_owned())
        .ok_or_else(|| Refusal::new(401, "Requires authentication"))
}

/// Guard: the caller has credentials.
pub(super) fn signed_in(call: &mut Call<'_>) -> Result<(), Refusal> {
    login(call).map(drop)
}

/// Guard: the path names a repository that the caller sees.
pub(super) fn seen_repo(call: &mut Call<'_>) -> Result<(), Refusal> {
    let name = format!("{}/{}", call.param("owner"), call.param("repo"));
    let Some(row) = call.root().named(REPOS, &name).cloned() else {
        return Err(moved(call, &name).unwrap_or_else(not_found));
    };
    sees(call, &row).ok_or_else(not_found)?;
    call.found.push((REPOS, row));
    Ok(())
}

/// The way to a repository that has another name by now.
fn moved(call: &Call<'_>, name: &str) -> Option<Refusal> {
    let root = call.root();
    let former = root.named(FORMER_NAMES, name)?;
    let id = former.int(former_name::REPO_ID);
    let row = repo_of_id(root, id)?;
    sees(call, row)?;
    let rest = call.request.path.splitn(5, '/').nth(4);
    let mut url = format!("{API}/repositories/{id}");
    if let Some(rest) = rest {
        url.push('/');
        url.push_str(rest);
    }
    if !call.request.query.is_empty() {
        url.push('?');
        url.push_str(&call.request.query);
    }
    let read = matches!(call.request.method.as_str(), "GET" | "HEAD");
    let (status, message) = if read {
        (301, "Moved Permanently")
    } else {
        (307, "Temporary Redirect")
    };
    let mut refusal = Refusal::new(status, message)
        .see("guides/best-practices-for-using-the-rest-api#follow-redirects");
    refusal.fields.push(("url", url.as_str().into()));
    refusal.headers.push(("location", url));
    Some(refusal)
}

/// The repository of that number.
pub(super) fn repo_of_id(root: &Root, id: i64) -> Option<&Arc<Row>> {
    let group = root.group(REPOS, REPOS_BY_ID, &Key::new([Part::Int(id)]))?;
    group.values().next()
}

/// The repository that a path is about.
pub(super) fn repo_of_path<'r>(root: &'r Root, path: &str) -> Option<&'r Row> {
    let mut parts = path.strip_prefix("/repos/")?.split('/');
    let name = format!("{}/{}", parts.next()?, parts.next()?);
    root.named(REPOS, &name).map(AsRef::as_ref)
}

/// The path of a repository by its name, where a request has its number.
pub(super) fn canonical(root: &Root, path: &str) -> Option<String> {
    let rest = path.strip_prefix("/repositories/")?;
    let (id, rest) = rest
        .split_once('/')
        .map_or((rest, None), |(id, rest)| (id, Some(rest)));
    let row = repo_of_id(root, id.parse().ok()?)?;
    let name = row.text(repo::FULL_NAME);
    Some(match rest {
        None => format!("/repos/{name}"),
        Some(rest) => format!("/repos/{name}/{rest}"),
    })
}

/// Guard: the repository has issues.
pub(super) fn with_issues(call: &mut Call<'_>) -> Result<(), Refusal> {
    if call.row(REPOS)?.bool(repo::HAS_ISSUES) {
        Ok(())
    } else {
        Err(Refusal::new(
            410,
            "Issues has been disabled in this repository.",
        ))
    }
}

/// Guard: the repository takes writes, and the caller has credentials.
pub(super) fn writable(call: &mut Call<'_>) -> Result<(), Refusal> {
    signed_in(call)?;
    if call.row(REPOS)?.bool(repo::ARCHIVED) {
        return Err(Refusal::new(
            403,
            "Repository was archived so is read-only.",
        ));
    }
    Ok(())
}

/// Guard: the caller may manage issues.
pub(super) fn may_triage(call: &mut Call<'_>) -> Result<(), Refusal> {
    may(call, Permission::Triage)?
        .then_some(())
        .ok_or_else(forbidden)
}

/// Guard: the caller may write.
pub(super) fn may_push(call: &mut Call<'_>) -> Result<(), Refusal> {
    may(call, Permission::Push)?
        .then_some(())
        .ok_or_else(forbidden)
}

/// Guard: the caller may manage the repository.
pub(super) fn may_admin(call: &mut Call<'_>) -> Result<(), Refusal> {
    may(call, Permission::Admin)?
        .then_some(())
        .ok_or_else(forbidden)
}

/// Guard: the caller may see what only administrators see; whoever may not is not told of it.
pub(super) fn sees_admin(call: &mut Call<'_>) -> Result<(), Refusal> {
    may(call, Permission::Admin)?
        .then_some(())
        .ok_or_else(not_found)
}

/// The body of a call by what the operation declares.
pub(super) fn body(call: &Call<'_>, declared: &'static [Input]) -> Result<Inputs, Refusal> {
    running::read(call, declared, call.root().pack())
}

/// Whether a login is that of somebody who can act.
pub(super) fn is_user(root: &Root, login: &str) -> bool {
    let row = root.get(USERS, &Key::folded(login));
    row.is_some_and(|row| row.text(user::TYPE) != "Organization")
}

/// Guard: the path names an issue of the repository.
pub(super) fn known_issue(call: &mut Call<'_>) -> Result<(), Refusal> {
    let repo = call.row(REPOS)?;
    let number = call.number("issue_number");
    let key = Key::new([folded(repo.text(repo::FULL_NAME)), Part::Int(number)]);
    let Some(row) = call.root().get(ISSUES, &key).cloned() else {
        return Err(super::transfers::moved(call, &key).unwrap_or_else(not_found));
    };
    call.found.push((ISSUES, row));
    Ok(())
}

/// Guard: the path names a comment of the repository.
pub(super) fn known_comment(call: &mut Call<'_>) -> Result<(), Refusal> {
    let repo = call.row(REPOS)?;
    let id = call.number("comment_id");
    let key = Key::new([folded(repo.text(repo::FULL_NAME)), Part::Int(id)]);
    let row = call.root().get(COMMENTS, &key).cloned();
    call.found.push((COMMENTS, row.ok_or_else(not_found)?));
    Ok(())
}

/// Guard: the path names a label of the repository.
pub(super) fn known_label(call: &mut Call<'_>) -> Result<(), Refusal> {
    let repo = call.row(REPOS)?;
    let key = Key::new([
        folded(repo.text(repo::FULL_NAME)),
        folded(call.param("name")),
    ]);
    let row = call.root().get(LABELS, &key).cloned();
    call.found.push((LABELS, row.ok_or_else(not_found)?));
    Ok(())
}

/// Guard: the caller wrote the issue or may manage issues.
pub(super) fn may_edit_issue(call: &mut Call<'_>) -> Result<(), Refusal> {
    let row = call.row(ISSUES)?;
    let own = same(row.text(issue::USER), &login(call)?);
    (own || may(call, Permission::Triage)?)
        .then_some(())
        .ok_or_else(forbidden)
}

/// Guard: the caller wrote the comment or may write to the repository.
pub(super) fn may_edit_comment(call: &mut Call<'_>) -> Result<(), Refusal> {
    let row = call.row(COMMENTS)?;
    let own = same(row.text(comment::USER), &login(call)?);
    (own || may(call, Permission::Push)?)
        .then_some(())
        .ok_or_else(forbidden)
}

/// The name of the repository that the path names, as the row has it.
pub(super) fn repo_name(call: &Call<'_>) -> Result<String, Refusal> {
    Ok(call.row(REPOS)?.text(repo::FULL_NAME).to_owned())
}
