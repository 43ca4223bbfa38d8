//! Who calls, what they may do, and which rows a path names.

use std::sync::Arc;

use archal_core::clone::CloneRequest;
use base64::Engine;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

use super::tables::{COMMENTS, ISSUES, LABELS, REPOS, USERS, comment, issue, owner_of, repo, user};
use crate::engine::key::{Key, Part, folded, same};
use crate::engine::pack::{Call, Refusal};
use crate::engine::root::Root;
use crate::engine::row::Row;

/// The one token the clone knows. It has the shape of a personal access token, and is none.
pub(super) const TOKEN: &str = "ghp_archalLocalCloneDummyToken0000000000";

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
    fn of(name: &str) -> Option<Self> {
        match name {
            "pull" => Some(Self::Pull),
            "triage" => Some(Self::Triage),
            "push" => Some(Self::Push),
            "maintain" => Some(Self::Maintain),
            "admin" => Some(Self::Admin),
            _ => None,
        }
    }
}

/// Who a request's credentials belong to.
pub(super) fn caller(root: &Root, request: &CloneRequest) -> Result<Option<Arc<Row>>, Refusal> {
    let Some(header) = request.header("authorization") else {
        return Ok(None);
    };
    let known = token(header).is_some_and(|token| token == TOKEN);
    let actor = root.actor().and_then(|key| root.get(USERS, key));
    match actor {
        Some(actor) if known => Ok(Some(Arc::clone(actor))),
        _ => Err(Refusal::new(401, "Bad credentials").see("")),
    }
}

/// The token in an `Authorization` header: `token X`, `Bearer X`, or either half of Basic.
fn token(header: &str) -> Option<String> {
    let (scheme, rest) = header.trim().split_once(' ')?;
    let rest = rest.trim();
    if scheme.eq_ignore_ascii_case("token") || scheme.eq_ignore_ascii_case("bearer") {
        return Some(rest.to_owned());
    }
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let decoded = String::from_utf8(BASE64.decode(rest).ok()?).ok()?;
    let (name, password) = decoded.split_once(':')?;
    let bare = password.is_empty() || password == "x-oauth-basic";
    Some(if bare { name } else { password }.to_owned())
}

/// Standard base64, padded or not, as clients write it.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true),
);

/// What a caller may do with a repository; none where they do not see it.
pub(super) fn permission(root: &Root, row: &Row, caller: Option<&Row>) -> Option<Permission> {
    let everybody = (!row.bool(repo::PRIVATE)).then_some(Permission::Pull);
    let Some(caller) = caller else {
        return everybody;
    };
    let login = caller.text(user::LOGIN);
    if root.actor() == Some(&Key::folded(login)) {
        let own = Permission::of(row.text(repo::PERMISSION));
        return own.max(everybody);
    }
    if same(owner_of(row.text(repo::FULL_NAME)), login) {
        return Some(Permission::Admin);
    }
    let collaborates = row.texts(repo::COLLABORATORS).any(|one| same(one, login));
    if collaborates {
        Some(Permission::Push)
    } else {
        everybody
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
    everybody
        || same(owner_of(row.text(repo::FULL_NAME)), login)
        || row.texts(repo::COLLABORATORS).any(|one| same(one, login))
}

/// What an author is to a repository.
pub(super) fn association(root: &Root, row: &Row, login: &str) -> &'static str {
    let owner = owner_of(row.text(repo::FULL_NAME));
    if same(owner, login) {
        return "OWNER";
    }
    let caller = root.get(USERS, &Key::folded(login)).map(AsRef::as_ref);
    let writes = permission(root, row, caller).is_some_and(|found| found >= Permission::Triage);
    let organisation = root
        .get(USERS, &Key::folded(owner))
        .is_some_and(|owner| owner.text(user::TYPE) == "Organization");
    match (writes, organisation) {
        (true, true) => "MEMBER",
        (true, false) => "COLLABORATOR",
        (false, _) => "NONE",
    }
}

/// The caller's permission for the repository that the path names.
fn own_permission(call: &Call<'_>) -> Result<Option<Permission>, Refusal> {
    let row = call.row(REPOS)?;
    Ok(permission(call.root(), &row, call.caller.as_deref()))
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
    let row = call.root().named(REPOS, &name).cloned();
    let row = row.ok_or_else(not_found)?;
    permission(call.root(), &row, call.caller.as_deref()).ok_or_else(not_found)?;
    call.found.push((REPOS, row));
    Ok(())
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

/// Guard: the path names an issue of the repository.
pub(super) fn known_issue(call: &mut Call<'_>) -> Result<(), Refusal> {
    let repo = call.row(REPOS)?;
    let number = call.number("issue_number");
    let key = Key::new([folded(repo.text(repo::FULL_NAME)), Part::Int(number)]);
    let row = call.root().get(ISSUES, &key).cloned();
    call.found.push((ISSUES, row.ok_or_else(not_found)?));
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

#[cfg(test)]
mod tests {
    #[test]
    fn tokens_are_found_in_every_scheme() {
        for header in [
            "token abc",
            "Bearer abc",
            "bearer  abc ",
            "Basic bWU6YWJj",
            "Basic YWJjOngtb2F1dGgtYmFzaWM=",
            "basic YWJjOg==",
        ] {
            assert_eq!(super::token(header).as_deref(), Some("abc"), "{header}");
        }
        for header in ["abc", "Digest abc", "Basic !", "Basic", ""] {
            assert_eq!(super::token(header), None, "{header}");
        }
    }

    #[test]
    fn the_token_has_the_length_of_a_real_one() {
        assert_eq!(super::TOKEN.len(), 40);
    }
}
