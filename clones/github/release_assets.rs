//! Files of releases.

use std::sync::Arc;

use archal_core::clone::{Rendered, Spool, ViewValue};
use bytes::Bytes;
use percent_encoding::percent_decode_str;
use sha2::{Digest, Sha256};

use super::access::{self, not_found};
use super::dialect::{invalid, page};
use super::tables::{ASSETS, ASSETS_BY_RELEASE, RELEASES, asset, release};
use super::{complete, refs, releases};
use crate::engine::git::{Objects, Oid};
use crate::engine::input::{Input, Inputs, Kind};
use crate::engine::key::{Key, Part, folded};
use crate::engine::pack::{Call, Refusal, Reply};
use crate::engine::row::{Draft, Row, text};

/// Files beyond this many bytes are on disk alone.
const IN_MEMORY: i64 = 8 * 1024 * 1024;

/// What a body of `PATCH …/releases/assets/{asset_id}` holds.
pub(super) const CHANGE: &[Input] = &[
    Input::new("name", Kind::Text),
    Input::new("label", Kind::TextOrNull),
    Input::new("state", Kind::Text),
];

/// Guard: the path names a file of a release that the caller sees.
pub(super) fn known_asset(call: &mut Call<'_>) -> Result<(), Refusal> {
    let repo = access::repo_name(call)?;
    let key = Key::new([folded(&repo), Part::Int(call.number("asset_id"))]);
    let row = call
        .root()
        .get(ASSETS, &key)
        .cloned()
        .ok_or_else(not_found)?;
    call.params
        .push(("release_id", row.int(asset::RELEASE).to_string().into()));
    releases::known_release(call)?;
    call.found.push((ASSETS, row));
    Ok(())
}

/// The files of the release that the path names.
pub(super) fn of_release(call: &Call<'_>) -> Result<Key, Refusal> {
    let row = call.row(RELEASES)?;
    Ok(call.root().key(RELEASES, &row))
}

/// `GET …/releases/{release_id}/assets`.
pub(super) fn list(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let key = of_release(call)?;
    let root = call.root();
    let page = page(call, root.count(ASSETS, ASSETS_BY_RELEASE, &key));
    let rows = root.group(ASSETS, ASSETS_BY_RELEASE, &key);
    let rows = rows.into_iter().flat_map(|rows| rows.values());
    let rows = rows.skip(page.skip()).take(page.take());
    Ok(Reply::rows(root, ASSETS, rows, Some(page)))
}

/// `GET …/releases/assets/{asset_id}`: the row, or the file itself for who asks for bytes.
pub(super) fn get(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let row = call.row(ASSETS)?;
    let accepted = call.request.header("accept").unwrap_or_default();
    if accepted.contains("application/octet-stream") {
        return download(call, &row);
    }
    Ok(Reply::row(200, call.root(), ASSETS, &row))
}

/// The file itself; that it was fetched is counted.
pub(super) fn download(call: &mut Call<'_>, row: &Row) -> Result<Reply, Refusal> {
    let oid: Option<Oid> = row.text(asset::SHA).parse().ok();
    let oid = oid.ok_or_else(not_found)?;
    let objects = Arc::clone(call.root().objects());
    let mut reply = if row.int(asset::SIZE) > IN_MEMORY {
        let spool = objects.blob_file(&oid).map_err(|_| not_found())?;
        let said = format!("[{} bytes, {}]", spool.length(), row.text(asset::DIGEST));
        let mut reply = Reply::new(200, Rendered::from(Bytes::from(said)));
        reply.spool = Some(spool);
        reply
    } else {
        let bytes = objects.blob(&oid).ok_or_else(not_found)?;
        Reply::new(200, Rendered::from(bytes))
    };
    let mut draft = row.draft();
    let count = row.int(asset::DOWNLOADS).saturating_add(1);
    draft.set(asset::DOWNLOADS, ViewValue::Int(count));
    call.transaction.replace(ASSETS, row, draft);
    reply.content_type = Some(row.text(asset::CONTENT_TYPE).to_owned().into());
    Ok(reply)
}

/// `GET /{owner}/{repo}/releases/download/{tag}/{name}` at `github.com`.
pub(super) fn by_name(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let repo = access::repo_name(call)?;
    let of = releases::of_tag(call.root(), &repo, call.param("tag")).ok_or_else(not_found)?;
    let key = call.root().key(RELEASES, &of);
    let files = call.root().group(ASSETS, ASSETS_BY_RELEASE, &key);
    let mut files = files.into_iter().flat_map(|files| files.values());
    let row = files.find(|row| row.text(asset::NAME) == call.param("name"));
    let row = row.cloned().ok_or_else(not_found)?;
    download(call, &row)
}

/// `POST …/releases/{release_id}/assets` at `uploads.github.com`: the body is the file.
pub(super) fn upload(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    if call.request.host == "api.github.com" {
        return Err(not_found());
    }
    let to = call.row(RELEASES)?;
    let name = call.query("name").map(str::to_owned);
    let name = name.ok_or_else(|| invalid("ReleaseAsset", "name", "missing_field"))?;
    let name = file_name(&name);
    check_name(call, &to, &name, None)?;
    if call.request.body.is_empty() && call.request.spool.is_none() {
        return Err(invalid("ReleaseAsset", "size", "missing_field"));
    }
    let id = call.transaction.next_id(ASSETS);
    let mut draft = call.root().blank(ASSETS);
    draft.set(asset::REPO, to.value(release::REPO).clone());
    draft.set(asset::RELEASE, to.value(release::ID).clone());
    draft.set(asset::TAG, to.value(release::TAG).clone());
    draft.set(asset::NAME, text(name));
    draft.set(asset::ID, ViewValue::Int(id));
    if let Some(label) = call.query("label") {
        draft.set(asset::LABEL, text(label));
    }
    if let Some(kind) = call.request.header("content-type") {
        draft.set(asset::CONTENT_TYPE, text(kind));
    }
    draft.set(asset::UPLOADER, text(access::login(call)?));
    draft.set(asset::CREATED_AT, ViewValue::Time(call.now));
    draft.set(asset::UPDATED_AT, ViewValue::Time(call.now));
    match &call.request.spool {
        Some(spool) => hold_file(call.root().objects(), &mut draft, spool)?,
        None => hold(call.root().objects(), &mut draft, &call.request.body),
    }
    complete::content::name_asset(call.root(), &mut draft);
    let row = call.transaction.put(ASSETS, draft);
    releases::touch(call, to.text(release::REPO), to.int(release::ID), call.now);
    let mut reply = Reply::row(201, call.root(), ASSETS, &row);
    reply.location = Some(format!(
        "{}/repos/{}/releases/assets/{id}",
        super::render::API,
        to.text(release::REPO)
    ));
    Ok(reply)
}

/// Keeps the bytes of a file among the session's objects and says in the row what they are.
pub(super) fn hold(objects: &Objects, draft: &mut Draft, bytes: &[u8]) {
    let oid = objects.put_blob(bytes.to_vec());
    let digest = Sha256::digest(bytes);
    let digest: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
    let size = i64::try_from(bytes.len()).unwrap_or(i64::MAX);
    draft.set(asset::SHA, text(oid.to_string()));
    draft.or(asset::SIZE, || ViewValue::Int(size));
    draft.or(asset::DIGEST, || text(format!("sha256:{digest}")));
    draft.set(asset::CONTENT, ViewValue::Null);
}

/// The same for a file that is too long for memory.
fn hold_file(objects: &Objects, draft: &mut Draft, spool: &Spool) -> Result<(), Refusal> {
    let oid = objects
        .put_file(spool.path())
        .map_err(|failure| refs::failed(&failure))?;
    let size = i64::try_from(spool.length()).unwrap_or(i64::MAX);
    draft.set(asset::SHA, text(oid.to_string()));
    draft.set(asset::SIZE, ViewValue::Int(size));
    draft.set(asset::DIGEST, text(spool.hash().unwrap_or_default()));
    draft.set(asset::CONTENT, ViewValue::Null);
    Ok(())
}

/// A file's name as GitHub keeps it: what is neither letter, digit nor `-_.+@` becomes a dot.
fn file_name(name: &str) -> String {
    let name = percent_decode_str(name).decode_utf8_lossy();
    let kept = name.chars().map(|c| {
        let keeps = c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | '+' | '@');
        if keeps { c } else { '.' }
    });
    kept.collect()
}

fn check_name(call: &Call<'_>, to: &Row, name: &str, own: Option<i64>) -> Result<(), Refusal> {
    let key = call.root().key(RELEASES, to);
    let files = call.root().group(ASSETS, ASSETS_BY_RELEASE, &key);
    let taken = files.into_iter().flat_map(|files| files.values());
    let mut taken = taken.filter(|row| Some(row.int(asset::ID)) != own);
    if taken.any(|row| row.text(asset::NAME) == name) {
        return Err(invalid("ReleaseAsset", "name", "already_exists"));
    }
    Ok(())
}

/// Changes a file's row as a body asks.
pub(super) fn change(call: &mut Call<'_>, old: &Row, inputs: Inputs) -> Result<Draft, Refusal> {
    let mut draft = old.draft();
    if let Some(name) = inputs.text("name") {
        if name.is_empty() {
            return Err(invalid("ReleaseAsset", "name", "missing_field"));
        }
        let to = call.row(RELEASES)?;
        let name = file_name(name);
        check_name(call, &to, &name, Some(old.int(asset::ID)))?;
        draft.set(asset::NAME, text(name));
    }
    if inputs.has("label") {
        draft.set(
            asset::LABEL,
            inputs.text("label").map_or(ViewValue::Null, text),
        );
    }
    if draft != old.draft() {
        draft.set(asset::UPDATED_AT, ViewValue::Time(call.now));
    }
    Ok(draft)
}

/// Renders the release of a file anew.
pub(super) fn touch_release(call: &mut Call<'_>, row: &Row) {
    let repo = row.text(asset::REPO).to_owned();
    releases::touch(call, &repo, row.int(asset::RELEASE), call.now);
}
