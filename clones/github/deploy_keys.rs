//! Deploy keys.

use archal_core::clone::ViewValue;

use super::access::{self, not_found};
use super::dialect::invalid;
use super::tables::{DEPLOY_KEYS, deploy_key};
use crate::engine::input::{Input, Inputs, Kind};
use crate::engine::key::{Key, Part, folded};
use crate::engine::pack::{Call, Refusal};
use crate::engine::row::{Draft, text};

/// What a body of `POST …/keys` holds.
pub(super) const NEW: &[Input] = &[
    Input::new("title", Kind::Text),
    Input::new("key", Kind::Text).required(),
    Input::new("read_only", Kind::Bool),
];

/// Guard: the path names a deploy key of the repository.
pub(super) fn known_deploy_key(call: &mut Call<'_>) -> Result<(), Refusal> {
    let repo = access::repo_name(call)?;
    let key = Key::new([folded(&repo), Part::Int(call.number("key_id"))]);
    let row = call.root().get(DEPLOY_KEYS, &key).cloned();
    call.found.push((DEPLOY_KEYS, row.ok_or_else(not_found)?));
    Ok(())
}

/// Makes the row of a new deploy key.
pub(super) fn make(call: &mut Call<'_>, inputs: Inputs) -> Result<Draft, Refusal> {
    let given = inputs.text("key").unwrap_or_default().trim();
    let mut words = given.split_whitespace();
    let kind = words.next().unwrap_or_default();
    let body = words.next().unwrap_or_default();
    let known = matches!(
        kind,
        "ssh-rsa"
            | "ssh-ed25519"
            | "ecdsa-sha2-nistp256"
            | "ecdsa-sha2-nistp384"
            | "ecdsa-sha2-nistp521"
            | "sk-ssh-ed25519@openssh.com"
            | "sk-ecdsa-sha2-nistp256@openssh.com"
    );
    if !known || !body.starts_with("AAAA") {
        return Err(
            Refusal::new(422, "Validation Failed").with(vec![serde_json::json!({
                "resource": "PublicKey", "code": "custom", "field": "key",
                "message": "key is invalid. You must supply a key in OpenSSH public key format"
            })]),
        );
    }
    // A key opens one repository only; GitHub tells keys apart without their comments.
    let key = format!("{kind} {body}");
    let mut taken = call.root().rows(DEPLOY_KEYS).values();
    if taken.any(|row| row.text(deploy_key::KEY) == key) {
        return Err(
            Refusal::new(422, "Validation Failed").with(vec![serde_json::json!({
                "resource": "PublicKey", "code": "custom", "field": "key",
                "message": "key is already in use"
            })]),
        );
    }
    if inputs.text("title").is_some_and(|title| title.len() > 255) {
        return Err(invalid("PublicKey", "title", "invalid"));
    }
    let id = call.transaction.next_id(DEPLOY_KEYS);
    let mut draft = call.root().blank(DEPLOY_KEYS);
    draft.set(deploy_key::REPO, text(access::repo_name(call)?));
    draft.set(deploy_key::ID, ViewValue::Int(id));
    draft.set(deploy_key::KEY, text(key));
    draft.set(
        deploy_key::TITLE,
        text(inputs.text("title").unwrap_or_default()),
    );
    let read_only = inputs.bool("read_only").unwrap_or(false);
    draft.set(deploy_key::READ_ONLY, ViewValue::Bool(read_only));
    draft.set(deploy_key::ADDED_BY, text(access::login(call)?));
    draft.set(deploy_key::CREATED_AT, ViewValue::Time(call.now));
    Ok(draft)
}
