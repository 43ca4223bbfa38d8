//! Secrets and variables of workflows.

use std::sync::Arc;

use archal_core::clone::ViewValue;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::access::{self, not_found};
use super::lists;
use super::render::actions as render;
use super::tables::{
    REPOS, SECRETS, SECRETS_BY_REPO, VARIABLES, VARIABLES_BY_REPO, secret, variable,
};
use crate::engine::fingerprint;
use crate::engine::input::{Input, Kind};
use crate::engine::key::{Key, folded};
use crate::engine::pack::{Call, Refusal, Reply};
use crate::engine::root::Root;
use crate::engine::row::{Row, text};
use crate::engine::running::read;
use crate::engine::table::TableId;
use crate::engine::writer::Writer;

const SECRET: &[Input] = &[
    Input::new("encrypted_value", Kind::Text).required(),
    Input::new("key_id", Kind::Text).required(),
];

const NEW_VARIABLE: &[Input] = &[
    Input::new("name", Kind::Text).required(),
    Input::new("value", Kind::Text).required(),
];

const CHANGE_VARIABLE: &[Input] = &[
    Input::new("name", Kind::Text),
    Input::new("value", Kind::Text),
];

/// What a sealed box has beside its content: a public key and an authenticator.
const SEAL: usize = 48;
/// Most bytes of a secret or a variable.
const LARGEST: usize = 48 * 1024;

fn rows<'r>(
    call: &'r Call<'_>,
    table: TableId,
    index: usize,
) -> Result<Vec<&'r Arc<Row>>, Refusal> {
    let repo = access::repo_name(call)?;
    let group = call.root().group(table, index, &Key::folded(&repo));
    Ok(group.into_iter().flat_map(|rows| rows.values()).collect())
}

/// Guard: the path names a secret of the repository.
pub(super) fn known_secret(call: &mut Call<'_>) -> Result<(), Refusal> {
    known(call, SECRETS, "secret_name")
}

/// Guard: the path names a variable of the repository.
pub(super) fn known_variable(call: &mut Call<'_>) -> Result<(), Refusal> {
    known(call, VARIABLES, "name")
}

fn key(call: &Call<'_>, name: &str) -> Result<Key, Refusal> {
    let repo = access::repo_name(call)?;
    Ok(Key::new([folded(&repo), folded(name)]))
}

fn known(call: &mut Call<'_>, table: TableId, param: &str) -> Result<(), Refusal> {
    let key = key(call, call.param(param))?;
    let row = call.root().get(table, &key).cloned();
    call.found.push((table, row.ok_or_else(not_found)?));
    Ok(())
}

/// `GET …/actions/secrets`.
pub(super) fn list(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let rows = rows(call, SECRETS, SECRETS_BY_REPO)?;
    let root = call.root();
    Ok(lists::counted(call, "secrets", &rows, |row, out| {
        render::secret(root, row, out);
    }))
}

/// The key that values are sealed with, and its number. Nobody opens what is sealed: a secret is
/// its name.
fn public_key(root: &Root, repo: &Row) -> (String, String) {
    let seed = fingerprint::bytes(
        root.ids(),
        repo.text(super::tables::repo::NODE_ID).as_bytes(),
    );
    let mut bytes = Vec::with_capacity(32);
    let mut state = seed;
    while bytes.len() < 32 {
        state = fingerprint::mix(state, seed);
        bytes.extend_from_slice(&state.to_le_bytes());
    }
    let id = 568_250_000_000_000_000 + seed % 1_000_000_000_000_000;
    (id.to_string(), STANDARD.encode(bytes))
}

/// `GET …/actions/secrets/public-key`.
pub(super) fn get_public_key(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let repo = call.row(REPOS)?;
    let (id, key) = public_key(call.root(), &repo);
    Ok(lists::one(call, 200, &repo, |_, out| {
        out.raw("{").key("key_id").text(&id);
        out.key("key").text(&key).raw("}");
    }))
}

/// Whether something may be called that.
fn checked_name(kind: &str, name: &str) -> Result<String, Refusal> {
    let name = name.to_ascii_uppercase();
    let fits = name
        .bytes()
        .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    if !fits || name.is_empty() || name.starts_with(|c: char| c.is_ascii_digit()) {
        let message = format!(
            "{kind} names can only contain alphanumeric characters ([a-z], [A-Z], [0-9]) or \
             underscores (_). Spaces are not allowed. Must start with a letter ([a-z], [A-Z]) or \
             underscores (_)."
        );
        return Err(Refusal::new(422, message));
    }
    if name.starts_with("GITHUB_") {
        let message = format!("{kind} names must not start with GITHUB_.");
        return Err(Refusal::new(422, message));
    }
    Ok(name)
}

/// `PUT …/actions/secrets/{secret_name}`.
pub(super) fn put(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let inputs = read(call, SECRET, call.root().pack())?;
    let name = checked_name("Secret", call.param("secret_name"))?;
    let repo = call.row(REPOS)?;
    let (id, _) = public_key(call.root(), &repo);
    if inputs.text("key_id") != Some(&id) {
        let message = "The key_id does not match the public key of the repository.";
        return Err(Refusal::new(422, message));
    }
    let sealed = STANDARD.decode(inputs.text("encrypted_value").unwrap_or_default());
    let sealed = sealed.ok().filter(|sealed| sealed.len() >= SEAL);
    let Some(sealed) = sealed else {
        return Err(Refusal::new(
            422,
            "encrypted_value is not a value that was sealed with the public key.",
        ));
    };
    if sealed.len() > LARGEST + SEAL {
        return Err(Refusal::new(
            422,
            "Secret value must not be larger than 48 KB.",
        ));
    }
    let old = call.root().get(SECRETS, &key(call, &name)?).cloned();
    let mut draft = match &old {
        Some(old) => old.draft(),
        None => call.root().blank(SECRETS),
    };
    draft.set(secret::REPO, text(access::repo_name(call)?));
    draft.set(secret::NAME, text(name));
    draft.or(secret::CREATED_AT, || ViewValue::Time(call.now));
    draft.set(secret::UPDATED_AT, ViewValue::Time(call.now));
    call.transaction.put(SECRETS, draft);
    Ok(if old.is_some() {
        Reply::empty()
    } else {
        created(call)
    })
}

fn created(call: &Call<'_>) -> Reply {
    let mut out = Writer::new(call.root());
    out.raw("{}");
    Reply::new(201, out.finish())
}

/// `GET …/actions/variables`. Ten to a page where the call does not say.
pub(super) fn list_variables(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let rows = rows(call, VARIABLES, VARIABLES_BY_REPO)?;
    let root = call.root();
    Ok(lists::counted(call, "variables", &rows, |row, out| {
        render::variable(root, row, out);
    }))
}

/// `POST …/actions/variables`.
pub(super) fn create_variable(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let inputs = read(call, NEW_VARIABLE, call.root().pack())?;
    let name = checked_name("Variable", inputs.text("name").unwrap_or_default())?;
    if call.root().get(VARIABLES, &key(call, &name)?).is_some() {
        let message = "Already exists - Variable already exists";
        return Err(Refusal::new(409, message));
    }
    let value = sized(inputs.text("value").unwrap_or_default())?;
    let mut draft = call.root().blank(VARIABLES);
    draft.set(variable::REPO, text(access::repo_name(call)?));
    draft.set(variable::NAME, text(name));
    draft.set(variable::VALUE, text(value));
    draft.set(variable::CREATED_AT, ViewValue::Time(call.now));
    draft.set(variable::UPDATED_AT, ViewValue::Time(call.now));
    call.transaction.put(VARIABLES, draft);
    Ok(created(call))
}

fn sized(value: &str) -> Result<&str, Refusal> {
    if value.len() > LARGEST {
        return Err(Refusal::new(
            422,
            "Variable value must not be larger than 48 KB.",
        ));
    }
    Ok(value)
}

/// `PATCH …/actions/variables/{name}`.
pub(super) fn update_variable(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let inputs = read(call, CHANGE_VARIABLE, call.root().pack())?;
    let old = call.row(VARIABLES)?;
    let mut draft = old.draft();
    if let Some(name) = inputs.text("name") {
        let name = checked_name("Variable", name)?;
        let other = key(call, &name)?;
        let taken = call.root().get(VARIABLES, &other).is_some();
        if taken && other != call.root().key(VARIABLES, &old) {
            return Err(Refusal::new(
                409,
                "Already exists - Variable already exists",
            ));
        }
        draft.set(variable::NAME, text(name));
    }
    if let Some(value) = inputs.text("value") {
        draft.set(variable::VALUE, text(sized(value)?));
    }
    draft.set(variable::UPDATED_AT, ViewValue::Time(call.now));
    call.transaction.replace(VARIABLES, &old, draft);
    Ok(Reply::empty())
}
