//! Gists.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use archal_core::clone::{Rendered, Stamp, ViewValue};
use serde_json::Value;

use super::access::{self, forbidden, not_found};
use super::dialect::{invalid, invalid_value};
use super::issue_lists::time;
use super::issues::check_body;
use super::render::gist as render;
use super::tables::{
    COMMENTS_BY_GIST, GIST_COMMENTS, GIST_FILES, GISTS, GISTS_BY_STAR, GISTS_BY_USER, USERS, gist,
    gist_comment, gist_file, user,
};
use super::{complete, lists};
use crate::engine::fingerprint;
use crate::engine::input::{Input, Inputs, Kind};
use crate::engine::key::{Key, Part, folded, same};
use crate::engine::pack::{Call, Refusal, Reply};
use crate::engine::row::{Draft, Row, list as texts, text};
use crate::engine::running::read;

/// What a body that writes a gist holds.
const BODY: &[Input] = &[
    Input::new("description", Kind::TextOrNull),
    Input::new("files", Kind::Object),
    Input::new("public", Kind::Any),
];

/// What a body that writes a comment holds.
pub(super) const COMMENT: &[Input] = &[Input::new("body", Kind::Text).required()];

/// Guard: the path names a gist; who knows the address of a secret one sees it.
pub(super) fn known_gist(call: &mut Call<'_>) -> Result<(), Refusal> {
    let row = call.root().get(GISTS, &Key::folded(call.param("gist_id")));
    let row = row.cloned().ok_or_else(not_found)?;
    call.found.push((GISTS, row));
    Ok(())
}

/// Guard: the gist is the caller's.
pub(super) fn owns_gist(call: &mut Call<'_>) -> Result<(), Refusal> {
    let login = access::login(call)?;
    let own = same(call.row(GISTS)?.text(gist::USER), &login);
    own.then_some(()).ok_or_else(not_found)
}

/// Guard: the path names a comment of the gist.
pub(super) fn known_gist_comment(call: &mut Call<'_>) -> Result<(), Refusal> {
    let key = Key::new([
        folded(call.param("gist_id")),
        Part::Int(call.number("comment_id")),
    ]);
    let row = call.root().get(GIST_COMMENTS, &key).cloned();
    call.found.push((GIST_COMMENTS, row.ok_or_else(not_found)?));
    Ok(())
}

/// Guard: the caller wrote the comment.
pub(super) fn wrote_gist_comment(call: &mut Call<'_>) -> Result<(), Refusal> {
    let login = access::login(call)?;
    let own = same(call.row(GIST_COMMENTS)?.text(gist_comment::USER), &login);
    own.then_some(()).ok_or_else(forbidden)
}

/// `GET /gists`: the caller's, or the public ones for who has no credentials.
pub(super) fn list(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    match call.caller.clone() {
        Some(caller) => {
            let login = caller.text(user::LOGIN).to_owned();
            answer(call, of_user(call, &login), |_| true)
        }
        None => list_public(call),
    }
}

/// `GET /gists/public`.
pub(super) fn list_public(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let rows = call.root().rows(GISTS).values().collect();
    answer(call, rows, |row| row.bool(gist::PUBLIC))
}

/// `GET /gists/starred`.
pub(super) fn list_starred(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let login = access::login(call)?;
    let group = call
        .root()
        .group(GISTS, GISTS_BY_STAR, &Key::folded(&login));
    let rows = group.into_iter().flat_map(|rows| rows.values()).collect();
    answer(call, rows, |_| true)
}

/// `GET /users/{username}/gists`.
pub(super) fn list_of_user(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let row = call.root().get(USERS, &Key::folded(call.param("username")));
    let login = row.ok_or_else(not_found)?.text(user::LOGIN).to_owned();
    answer(call, of_user(call, &login), |row| row.bool(gist::PUBLIC))
}

fn of_user<'r>(call: &'r Call<'_>, login: &str) -> Vec<&'r Arc<Row>> {
    let group = call.root().group(GISTS, GISTS_BY_USER, &Key::folded(login));
    group.into_iter().flat_map(|rows| rows.values()).collect()
}

fn answer(
    call: &Call<'_>,
    mut rows: Vec<&Arc<Row>>,
    shows: impl Fn(&Row) -> bool,
) -> Result<Reply, Refusal> {
    let since = match call.query("since") {
        None => None,
        Some(asked) => Some(time(asked).ok_or_else(|| invalid_value("Gist", "since", asked))?),
    };
    rows.retain(|row| {
        let updated = row.time(gist::UPDATED_AT);
        shows(row) && since.is_none_or(|since| updated.is_some_and(|stamp| stamp.at >= since))
    });
    rows.sort_by_key(|row| (row.seconds(gist::CREATED_AT), row.int(gist::NUMBER)));
    rows.reverse();
    let root = call.root();
    Ok(lists::plain(call, &rows, |row, out| {
        render::listed(root, row, out);
    }))
}

/// `GET /gists/{gist_id}`.
pub(super) fn get(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let row = call.row(GISTS)?;
    Ok(whole(call, 200, &row))
}

fn whole(call: &Call<'_>, status: u16, row: &Row) -> Reply {
    let root = call.root();
    let latest = latest(row);
    lists::one(call, status, row, |row, out| {
        render::full(root, row, latest, out);
    })
}

fn latest(row: &Row) -> i64 {
    let known = render::revisions(row);
    known.first().map_or(1, |revision| revision.number)
}

/// `GET /gists/{gist_id}/{sha}`.
pub(super) fn get_revision(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let row = call.row(GISTS)?;
    let asked = call.param("sha");
    let known = render::revisions(&row);
    let revision = known.iter().find(|revision| revision.version == asked);
    let revision = revision.ok_or_else(not_found)?.number;
    let root = call.root();
    Ok(lists::one(call, 200, &row, |row, out| {
        render::full(root, row, revision, out);
    }))
}

/// `GET /gists/{gist_id}/commits`.
pub(super) fn commits(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let row = call.row(GISTS)?;
    let root = call.root();
    let known = render::revisions(&row);
    Ok(lists::items(
        call,
        row.version(),
        &known,
        |revision, out| {
            render::commit(root, &row, revision, out);
        },
    ))
}

/// `GET /gists/{gist_id}/forks`.
pub(super) fn forks(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let of = call.row(GISTS)?;
    let root = call.root();
    let rows = root.rows(GISTS).values();
    let rows: Vec<&Arc<Row>> = rows
        .filter(|row| same(row.text(gist::FORK_OF), of.text(gist::ID)))
        .collect();
    Ok(lists::plain(call, &rows, |row, out| {
        render::listed(root, row, out);
    }))
}

/// The revision that a version stands for: it follows from the gist and the number.
fn version(id: &str, revision: i64) -> String {
    let mut out = String::new();
    let mut state = fingerprint::bytes(revision.unsigned_abs(), id.as_bytes());
    while out.len() < 40 {
        state = fingerprint::mix(state, 1);
        out.push_str(&format!("{state:016x}"));
    }
    out.truncate(40);
    out
}

fn revision(id: &str, number: i64, login: &str, at: Stamp, lines: (i64, i64)) -> ViewValue {
    ViewValue::Object(vec![
        ("version", text(version(id, number))),
        ("user", text(login)),
        ("committed_at", ViewValue::Time(at)),
        ("additions", ViewValue::Int(lines.0)),
        ("deletions", ViewValue::Int(lines.1)),
    ])
}

/// Gives a gist its address and its first revision.
pub(super) fn name_gist(draft: &mut Draft, ids: u64) {
    let number = draft.int(gist::NUMBER);
    let first = fingerprint::mix(ids, number.unsigned_abs());
    let second = fingerprint::mix(first, ids);
    draft.or(gist::ID, || text(format!("{first:016x}{second:016x}")));
    draft.or(gist::NODE_ID, || text(complete::node_id("G", &[number])));
    let (id, login) = (
        draft.text(gist::ID).to_owned(),
        draft.text(gist::USER).to_owned(),
    );
    if let ViewValue::Time(at) = *draft.get(gist::CREATED_AT) {
        draft.or(gist::HISTORY, || {
            ViewValue::List(vec![revision(&id, 1, &login, at, (0, 0))])
        });
    }
}

/// `POST /gists`.
pub(super) fn create(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let inputs = read(call, BODY, call.root().pack())?;
    let login = access::login(call)?;
    let changes = changes(&inputs)?;
    if changes.is_empty() {
        return Err(invalid("Gist", "files", "missing_field"));
    }
    let mut files = BTreeMap::new();
    for (name, change) in changes {
        match change.and_then(|change| change.content) {
            Some(content) if !content.is_empty() => {
                files.insert(name, content);
            }
            _ => return Err(invalid("Gist", "files", "missing_field")),
        }
    }
    let public = match inputs.value("public") {
        Some(Value::Bool(public)) => *public,
        Some(Value::String(public)) => public == "true",
        _ => false,
    };
    let mut draft = call.root().blank(GISTS);
    draft.set(gist::USER, text(login.as_str()));
    draft.set(gist::PUBLIC, ViewValue::Bool(public));
    let about = inputs.text("description").unwrap_or_default();
    draft.set(gist::DESCRIPTION, text(about));
    let row = put_new(call, draft, &files);
    let mut reply = whole(call, 201, &row);
    reply.location = Some(format!(
        "{}/gists/{}",
        super::render::API,
        row.text(gist::ID)
    ));
    Ok(reply)
}

fn put_new(call: &mut Call<'_>, mut draft: Draft, files: &BTreeMap<String, String>) -> Arc<Row> {
    let number = call.transaction.next_id(GISTS);
    draft.set(gist::NUMBER, ViewValue::Int(number));
    draft.set(gist::CREATED_AT, ViewValue::Time(call.now));
    draft.set(gist::UPDATED_AT, ViewValue::Time(call.now));
    name_gist(&mut draft, call.root().ids());
    let id = draft.text(gist::ID).to_owned();
    let login = draft.text(gist::USER).to_owned();
    let lines: usize = files.values().map(|content| content.lines().count()).sum();
    let lines = (i64::try_from(lines).unwrap_or(0), 0);
    let first = revision(&id, 1, &login, call.now, lines);
    draft.set(gist::HISTORY, ViewValue::List(vec![first]));
    let row = call.transaction.put(GISTS, draft);
    put_files(call, &id, 1, files);
    row
}

fn put_files(call: &mut Call<'_>, id: &str, revision: i64, files: &BTreeMap<String, String>) {
    for (name, content) in files {
        let mut draft = call.root().blank(GIST_FILES);
        draft.set(gist_file::GIST, text(id));
        draft.set(gist_file::REVISION, ViewValue::Int(revision));
        draft.set(gist_file::NAME, text(name.as_str()));
        draft.set(gist_file::CONTENT, text(content.as_str()));
        call.transaction.put(GIST_FILES, draft);
    }
}

/// What a body wants of a file; none where it is to go.
struct Change {
    name: Option<String>,
    content: Option<String>,
}

fn changes(inputs: &Inputs) -> Result<BTreeMap<String, Option<Change>>, Refusal> {
    let mut out = BTreeMap::new();
    let given = inputs.value("files").and_then(Value::as_object);
    for (name, file) in given.into_iter().flatten() {
        let change = match file {
            Value::Null => None,
            Value::Object(file) => Some(Change {
                name: file
                    .get("filename")
                    .and_then(Value::as_str)
                    .map(str::to_owned),
                content: file
                    .get("content")
                    .and_then(Value::as_str)
                    .map(str::to_owned),
            }),
            _ => return Err(invalid("Gist", "files", "invalid")),
        };
        if name.trim().is_empty() {
            return Err(invalid("Gist", "files", "invalid"));
        }
        out.insert(name.clone(), change);
    }
    Ok(out)
}

/// `PATCH /gists/{gist_id}`.
pub(super) fn update(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let inputs = read(call, BODY, call.root().pack())?;
    let old = call.row(GISTS)?;
    let id = old.text(gist::ID).to_owned();
    let number = latest(&old);
    let before: BTreeMap<String, String> = render::files(call.root(), &id, number)
        .map(|row| {
            let name = row.text(gist_file::NAME).to_owned();
            (name, row.text(gist_file::CONTENT).to_owned())
        })
        .collect();
    let mut after = before.clone();
    for (name, change) in changes(&inputs)? {
        let known = after.remove(&name);
        let Some(change) = change else { continue };
        let content = change.content.or(known);
        let content = content.ok_or_else(|| invalid("Gist", "files", "missing_field"))?;
        // A file without content goes, as one that is null.
        if !content.is_empty() {
            after.insert(change.name.unwrap_or(name), content);
        }
    }
    if after.is_empty() {
        return Err(invalid("Gist", "files", "missing_field"));
    }
    let mut draft = old.draft();
    if inputs.has("description") {
        let about = inputs.text("description");
        draft.set(gist::DESCRIPTION, about.map_or(ViewValue::Null, text));
    }
    if after != before {
        let lines = lines_changed(&before, &after);
        let mut history = match draft.get(gist::HISTORY) {
            ViewValue::List(items) => items.clone(),
            _ => Vec::new(),
        };
        let login = access::login(call)?;
        history.push(revision(&id, number + 1, &login, call.now, lines));
        draft.set(gist::HISTORY, ViewValue::List(history));
        put_files(call, &id, number + 1, &after);
    }
    let row = if draft == old.draft() {
        old
    } else {
        draft.set(gist::UPDATED_AT, ViewValue::Time(call.now));
        call.transaction.put(GISTS, draft)
    };
    Ok(whole(call, 200, &row))
}

/// How many lines came and went.
fn lines_changed(
    before: &BTreeMap<String, String>,
    after: &BTreeMap<String, String>,
) -> (i64, i64) {
    let mut counts: HashMap<(&str, &str), i64> = HashMap::new();
    for (files, by) in [(before, -1), (after, 1)] {
        for (name, content) in files {
            for line in content.lines() {
                *counts.entry((name, line)).or_default() += by;
            }
        }
    }
    let came = counts.values().filter(|count| **count > 0).sum();
    let went: i64 = counts.values().filter(|count| **count < 0).sum();
    (came, -went)
}

/// `POST /gists/{gist_id}/forks`.
pub(super) fn fork(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let of = call.row(GISTS)?;
    let login = access::login(call)?;
    if same(of.text(gist::USER), &login) {
        return Err(Refusal::new(422, "You cannot fork your own gist."));
    }
    let id = of.text(gist::ID).to_owned();
    let rows = render::files(call.root(), &id, latest(&of));
    let files: BTreeMap<String, String> = rows
        .map(|row| {
            let name = row.text(gist_file::NAME).to_owned();
            (name, row.text(gist_file::CONTENT).to_owned())
        })
        .collect();
    let mut draft = call.root().blank(GISTS);
    draft.set(gist::USER, text(login));
    draft.set(gist::PUBLIC, of.value(gist::PUBLIC).clone());
    draft.set(gist::DESCRIPTION, of.value(gist::DESCRIPTION).clone());
    draft.set(gist::FORK_OF, text(id));
    let row = put_new(call, draft, &files);
    let root = call.root();
    let mut reply = lists::one(call, 201, &row, |row, out| {
        render::listed(root, row, out);
    });
    reply.location = Some(format!(
        "{}/gists/{}",
        super::render::API,
        row.text(gist::ID)
    ));
    Ok(reply)
}

/// `GET /gists/{gist_id}/star`.
pub(super) fn check_star(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let login = access::login(call)?;
    let row = call.row(GISTS)?;
    if row.texts(gist::STARRED_BY).any(|one| same(one, &login)) {
        return Ok(Reply::empty());
    }
    // This refusal alone has nothing in it.
    Ok(Reply::new(404, Rendered::from(bytes::Bytes::from("{}"))))
}

/// `PUT` and `DELETE /gists/{gist_id}/star`.
pub(super) fn star(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let login = access::login(call)?;
    let row = call.row(GISTS)?;
    let mut names: Vec<String> = row
        .texts(gist::STARRED_BY)
        .filter(|one| !same(one, &login))
        .map(str::to_owned)
        .collect();
    if call.request.method == "PUT" {
        names.push(login);
    }
    let mut draft = row.draft();
    draft.set(gist::STARRED_BY, texts(names));
    if draft != row.draft() {
        call.transaction.put(GISTS, draft);
    }
    Ok(Reply::empty())
}

/// The key of the gist that the path names.
pub(super) fn of_gist(call: &Call<'_>) -> Result<Key, Refusal> {
    Ok(Key::folded(call.row(GISTS)?.text(gist::ID)))
}

/// The index that lists comments of a gist.
pub(super) const COMMENTS: usize = COMMENTS_BY_GIST;

/// Makes the row of a new comment.
pub(super) fn make_comment(call: &mut Call<'_>, inputs: Inputs) -> Result<Draft, Refusal> {
    let body = checked(&inputs)?;
    let of = call.row(GISTS)?;
    let mut draft = call.root().blank(GIST_COMMENTS);
    draft.set(gist_comment::GIST, text(of.text(gist::ID)));
    draft.set(gist_comment::USER, text(access::login(call)?));
    draft.set(gist_comment::BODY, text(body));
    draft.set(gist_comment::CREATED_AT, ViewValue::Time(call.now));
    draft.set(gist_comment::UPDATED_AT, ViewValue::Time(call.now));
    let id = call.transaction.next_id(GIST_COMMENTS);
    draft.set(gist_comment::ID, ViewValue::Int(id));
    draft.set(gist_comment::NODE_ID, text(complete::node_id("GC", &[id])));
    Ok(draft)
}

/// Changes a comment as a body asks.
pub(super) fn change_comment(
    call: &mut Call<'_>,
    old: &Row,
    inputs: Inputs,
) -> Result<Draft, Refusal> {
    let mut draft = old.draft();
    draft.set(gist_comment::BODY, text(checked(&inputs)?));
    draft.set(gist_comment::UPDATED_AT, ViewValue::Time(call.now));
    Ok(draft)
}

fn checked(inputs: &Inputs) -> Result<String, Refusal> {
    let body = inputs.text("body").unwrap_or_default();
    if body.trim().is_empty() {
        return Err(invalid("GistComment", "body", "missing_field"));
    }
    check_body("GistComment", Some(body))?;
    Ok(body.to_owned())
}

/// The address of a comment.
pub(super) fn comment_url(row: &Row) -> String {
    let (id, number) = (row.text(gist_comment::GIST), row.int(gist_comment::ID));
    format!("{}/gists/{id}/comments/{number}", super::render::API)
}

/// A file as it is, of the latest revision or of the one that the path names.
pub(super) fn raw(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let row = call.root().get(GISTS, &Key::folded(call.param("gist_id")));
    let row = row.cloned().ok_or_else(not_found)?;
    let path = call.param("path");
    let known = render::revisions(&row);
    let named = path.split_once('/').and_then(|(version, name)| {
        let found = known.iter().find(|revision| revision.version == version);
        found.map(|revision| (revision.number, name))
    });
    let (revision, name) = named.unwrap_or((latest(&row), path));
    let root = call.root();
    let mut files = render::files(root, row.text(gist::ID), revision);
    let file = files.find(|file| file.text(gist_file::NAME) == name);
    let file = file.ok_or_else(not_found)?;
    let bytes = |text: &str| bytes::Bytes::copy_from_slice(text.as_bytes());
    let mut reply = Reply::new(
        200,
        Rendered {
            wire: bytes(file.text(gist_file::CONTENT)),
            evidence: bytes(file.said(gist_file::CONTENT)),
        },
    );
    reply.content_type = Some("text/plain; charset=utf-8".into());
    Ok(reply)
}
