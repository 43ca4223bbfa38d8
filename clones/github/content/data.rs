//! Git's objects as they are: blobs, trees, commits and annotated tags.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

use super::refs as named;
use super::{commits, people};
use crate::engine::git::{
    Commit, DEEPEST, Kind as ObjectKind, LONGEST_PATH, MOST_ENTRIES, Mode, Oid, PathChange, Tag,
    TreeEntry,
};
use crate::engine::input::{Input, Kind};
use crate::engine::pack::{Call, Refusal, Reply};
use crate::engine::root::Root;
use crate::engine::row::Row;
use crate::engine::writer::Writer;
use crate::github::access::{self, not_found};
use crate::github::complete::content::named_node_id;
use crate::github::events;
use crate::github::refs;
use crate::github::render::{API, WEB};
use crate::github::tables::{REPOS, repo};

/// The largest file that is answered.
pub(in crate::github) const LARGEST: usize = 100 * 1024 * 1024;

/// The answer to who asks for a larger file.
pub(in crate::github) fn too_large() -> Refusal {
    Refusal::new(403, "This API returns blobs up to 100 MB in size. The requested blob is too large to fetch via the API, but you can always clone the repository via Git.").with(vec![
        serde_json::json!({"resource": "Blob", "field": "data", "code": "too_large"}),
    ])
}

/// Base64 in lines of 60, each with its line feed, as GitHub writes it.
pub(in crate::github) fn lines(bytes: &[u8]) -> String {
    let coded = STANDARD.encode(bytes);
    let mut out = String::with_capacity(coded.len() + coded.len() / 60 + 1);
    let mut rest = coded.as_str();
    while !rest.is_empty() {
        let (line, tail) = rest.split_at(rest.len().min(60));
        out.push_str(line);
        out.push('\n');
        rest = tail;
    }
    out
}

/// The content of a file in base64; evidence has it without times that follow the clock.
pub(in crate::github) fn content(root: &Root, bytes: &[u8], out: &mut Writer) {
    let said = std::str::from_utf8(bytes)
        .ok()
        .and_then(|text| root.said(text));
    let wire = lines(bytes);
    match said {
        Some(said) => out.both(&wire, &lines(said.as_bytes())),
        None => out.text(&wire),
    };
}

/// Base64 as clients send it, with or without line feeds.
pub(in crate::github) fn decoded(text: &str) -> Option<Vec<u8>> {
    let bare: String = text.chars().filter(|c| !c.is_ascii_whitespace()).collect();
    STANDARD.decode(bare).ok()
}

/// The object that the path names, if the repository has it and it is of that kind.
fn id(call: &Call<'_>, of: &Row, param: &str, kind: ObjectKind) -> Result<Oid, Refusal> {
    let oid = call.param(param).parse().map_err(|_| not_found())?;
    has(call.root(), of, &oid, kind)
        .then_some(oid)
        .ok_or_else(not_found)
}

/// Whether a repository has an object of that kind.
fn has(root: &Root, of: &Row, oid: &Oid, kind: ObjectKind) -> bool {
    refs::object(root, of.text(repo::FULL_NAME), oid) == Some(kind)
}

fn node(of: &Row, kind: &str, oid: &Oid) -> String {
    named_node_id(kind, of.int(repo::ID), &oid.to_string())
}

fn git_url(of: &Row) -> String {
    format!("{API}/repos/{}/git", of.text(repo::FULL_NAME))
}

/// `GET …/git/blobs/{file_sha}`.
pub(in crate::github) fn get_blob(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let of = call.row(REPOS)?;
    let oid = id(call, &of, "file_sha", ObjectKind::Blob)?;
    let root = call.root();
    let bytes = root.objects().blob(&oid).ok_or_else(not_found)?;
    if bytes.len() > LARGEST {
        return Err(too_large());
    }
    if super::reading::wants_raw(call) {
        return Ok(super::reading::raw(call, bytes));
    }
    let mut writer = Writer::with_capacity(root, bytes.len() * 2, bytes.len() * 2);
    writer.raw("{").key("sha").oid(&oid);
    writer.key("node_id").text(&node(&of, "B", &oid));
    writer
        .key("size")
        .int(i64::try_from(bytes.len()).unwrap_or(i64::MAX));
    writer
        .key("url")
        .text(&format!("{}/blobs/{oid}", git_url(&of)));
    writer.key("content");
    content(root, &bytes, &mut writer);
    writer.key("encoding").text("base64").raw("}");
    Ok(Reply::written(200, writer.finish(), 0))
}

const BLOB: &[Input] = &[
    Input::new("content", Kind::Text).required(),
    Input::new("encoding", Kind::Text),
];

fn created(of: &Row, kind: &str, oid: &Oid, writer: Writer) -> Reply {
    let mut reply = Reply::new(201, writer.finish());
    reply.location = Some(format!("{}/{kind}/{oid}", git_url(of)));
    reply
}

/// `POST …/git/blobs`.
pub(in crate::github) fn create_blob(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let inputs = access::body(call, BLOB)?;
    let of = call.row(REPOS)?;
    let given = inputs.text("content").unwrap_or_default();
    let bytes = match inputs.text("encoding").unwrap_or("utf-8") {
        "base64" => {
            decoded(given).ok_or_else(|| Refusal::new(422, "content is not valid Base64"))?
        }
        "utf-8" => given.as_bytes().to_vec(),
        other => {
            let problem = format!("encoding {other:?} is not supported");
            return Err(Refusal::new(422, problem));
        }
    };
    if bytes.len() > LARGEST {
        return Err(too_large());
    }
    let objects = call.root().objects();
    let oid = objects.put_blob(bytes);
    objects.made_in(of.int(repo::ID), oid);
    let mut writer = Writer::new(call.root());
    writer.raw("{").key("sha").oid(&oid);
    writer
        .key("url")
        .text(&format!("{}/blobs/{oid}", git_url(&of)))
        .raw("}");
    Ok(created(&of, "blobs", &oid, writer))
}

/// `whole` where nothing is below the tree but the entries.
fn write_tree(
    root: &Root,
    of: &Row,
    oid: &Oid,
    (entries, whole): (&[(String, TreeEntry)], bool),
    out: &mut Writer,
) {
    let git = git_url(of);
    out.raw("{").key("sha").oid(oid);
    out.key("url").text(&format!("{git}/trees/{oid}"));
    out.key("tree").raw("[");
    for (path, entry) in entries.iter().take(MOST_ENTRIES) {
        let kind = entry.mode.kind();
        out.item().raw("{").key("path").text(path);
        out.key("mode").text(entry.mode.octal());
        out.key("type").text(kind.name());
        out.key("sha").oid(&entry.oid);
        match kind {
            ObjectKind::Blob => {
                let size = root
                    .objects()
                    .blob(&entry.oid)
                    .map_or(0, |bytes| bytes.len());
                out.key("size").int(i64::try_from(size).unwrap_or(i64::MAX));
                out.key("url").text(&format!("{git}/blobs/{}", entry.oid));
            }
            ObjectKind::Tree => {
                out.key("url").text(&format!("{git}/trees/{}", entry.oid));
            }
            ObjectKind::Commit | ObjectKind::Tag => {}
        }
        out.raw("}");
    }
    out.raw("]");
    out.key("truncated")
        .bool(!whole || entries.len() > MOST_ENTRIES);
    out.raw("}");
}

fn own_entries(root: &Root, oid: &Oid) -> Option<Vec<(String, TreeEntry)>> {
    let entries = root.objects().tree(oid)?;
    Some(
        entries
            .into_iter()
            .map(|entry| (entry.name.clone(), entry))
            .collect(),
    )
}

/// The tree that an id or a name leads to.
fn tree_of(root: &Root, repo_name: &str, asked: &str) -> Option<Oid> {
    let objects = root.objects();
    if let Ok(oid) = asked.parse::<Oid>()
        && refs::object(root, repo_name, &oid) == Some(ObjectKind::Tree)
    {
        return Some(oid);
    }
    let commit = named::commit_of(root, repo_name, asked)?;
    objects.commit(&commit).map(|commit| commit.tree)
}

/// `GET …/git/trees/{tree_sha}`.
pub(in crate::github) fn get_tree(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let of = call.row(REPOS)?;
    let root = call.root();
    let (name, asked) = (of.text(repo::FULL_NAME), call.param("tree_sha"));
    let oid = tree_of(root, name, asked)
        .ok_or_else(|| refs::gap(root, name, asked).unwrap_or_else(not_found))?;
    // Any value asks for all below, `0` and `false` too.
    let (entries, whole) = if call.query.iter().any(|(name, _)| name == "recursive") {
        root.objects().walk_whole(&oid)
    } else {
        (own_entries(root, &oid).ok_or_else(not_found)?, true)
    };
    let mut writer = Writer::with_capacity(root, 16_384, 16_384);
    write_tree(root, &of, &oid, (&entries, whole), &mut writer);
    Ok(Reply::written(200, writer.finish(), 0))
}

const TREE: &[Input] = &[
    Input::new("tree", Kind::Any).required(),
    Input::new("base_tree", Kind::TextOrNull),
];

/// Whether git takes a path for that of a file.
pub(in crate::github) fn fits(path: &str) -> bool {
    path.len() <= LONGEST_PATH
        && path.split('/').count() <= DEEPEST
        && path.split('/').all(|part| {
            !part.is_empty()
                && part != "."
                && part != ".."
                && !part.eq_ignore_ascii_case(".git")
                && !part.contains('\0')
        })
}

/// `POST …/git/trees`.
pub(in crate::github) fn create_tree(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let inputs = access::body(call, TREE)?;
    let of = call.row(REPOS)?;
    let root = call.root();
    let objects = root.objects();
    let base = match inputs.text("base_tree").filter(|base| !base.is_empty()) {
        None => None,
        Some(asked) => {
            let found = tree_of(root, of.text(repo::FULL_NAME), asked);
            Some(found.ok_or_else(|| Refusal::new(422, "base_tree is not a valid tree oid"))?)
        }
    };
    let Some(Value::Array(items)) = inputs.value("tree") else {
        return Err(Refusal::new(422, "Invalid tree info"));
    };
    if items.is_empty() {
        return Err(Refusal::new(422, "Invalid tree info"));
    }
    let changes: Vec<(String, PathChange)> = items
        .iter()
        .map(|item| entry(root, &of, item))
        .collect::<Result<_, _>>()?;
    let missing = changes.iter().find(|(path, change)| {
        let there = base.and_then(|base| objects.entry_at(&base, path));
        *change == PathChange::Remove && there.is_none()
    });
    if missing.is_some() {
        return Err(Refusal::new(422, "GitRPC::BadObjectState"));
    }
    let oid = objects.write_paths(base.as_ref(), &changes);
    objects.made_in(of.int(repo::ID), oid);
    let entries = own_entries(root, &oid).unwrap_or_default();
    let mut writer = Writer::with_capacity(root, 8_192, 8_192);
    write_tree(root, &of, &oid, (&entries, true), &mut writer);
    Ok(created(&of, "trees", &oid, writer))
}

fn entry(root: &Root, of: &Row, item: &Value) -> Result<(String, PathChange), Refusal> {
    let objects = root.objects();
    let path = item["path"].as_str().unwrap_or_default();
    if !fits(path) {
        return Err(Refusal::new(
            422,
            "tree.path contains a malformed path component",
        ));
    }
    if item.get("sha").is_some_and(Value::is_null) {
        return Ok((path.to_owned(), PathChange::Remove));
    }
    let kind = item["type"].as_str();
    let mode = item["mode"]
        .as_str()
        .and_then(Mode::from_octal)
        .or(match kind {
            Some("tree") => Some(Mode::Tree),
            Some("commit") => Some(Mode::Submodule),
            _ => None,
        });
    let mode = mode.ok_or_else(|| Refusal::new(422, "Must supply a valid tree.mode"))?;
    if kind.is_some_and(|kind| kind != mode.kind().name()) {
        return Err(Refusal::new(422, "tree.type does not match tree.mode"));
    }
    let oid = match (item["sha"].as_str(), item["content"].as_str()) {
        (Some(_), Some(_)) => {
            let problem = "Must supply either tree.sha or tree.content";
            return Err(Refusal::new(422, problem));
        }
        (Some(sha), None) => {
            let oid: Option<Oid> = sha.parse().ok();
            // A submodule's commit is in another repository.
            let oid = oid.filter(|oid| mode == Mode::Submodule || has(root, of, oid, mode.kind()));
            oid.ok_or_else(|| {
                let kind = mode.kind().name();
                Refusal::new(422, format!("tree.sha {sha} is not a valid {kind}"))
            })?
        }
        (None, Some(content)) if mode.kind() == ObjectKind::Blob => {
            objects.put_blob(content.as_bytes().to_vec())
        }
        (None, _) => {
            let problem = "Must supply either tree.sha or tree.content";
            return Err(Refusal::new(422, problem));
        }
    };
    Ok((path.to_owned(), PathChange::Put { mode, oid }))
}

/// A commit as git has it.
pub(in crate::github) fn write_commit(
    root: &Root,
    of: &Row,
    oid: &Oid,
    commit: &Commit,
    out: &mut Writer,
) {
    let git = git_url(of);
    let name = of.text(repo::FULL_NAME);
    out.raw("{").key("sha").oid(oid);
    out.key("node_id").text(&node(of, "C", oid));
    out.key("url").text(&format!("{git}/commits/{oid}"));
    out.key("html_url")
        .text(&format!("{WEB}/{name}/commit/{oid}"));
    out.key("author");
    people::write_signature(root, &commit.author, out);
    out.key("committer");
    people::write_signature(root, &commit.committer, out);
    out.key("tree").raw("{").key("sha").oid(&commit.tree);
    out.key("url")
        .text(&format!("{git}/trees/{}", commit.tree))
        .raw("}");
    out.key("message");
    commits::prose(root, commit.message.trim_end_matches('\n'), out);
    out.key("parents").raw("[");
    for parent in &commit.parents {
        out.item().raw("{").key("sha").oid(parent);
        out.key("url").text(&format!("{git}/commits/{parent}"));
        out.key("html_url")
            .text(&format!("{WEB}/{name}/commit/{parent}"))
            .raw("}");
    }
    out.raw("]").key("verification");
    commits::verification(commit.signature.as_deref(), out);
    out.raw("}");
}

/// `GET …/git/commits/{commit_sha}`.
pub(in crate::github) fn get_commit(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let of = call.row(REPOS)?;
    let oid = id(call, &of, "commit_sha", ObjectKind::Commit)?;
    let root = call.root();
    let commit = root.objects().commit(&oid).ok_or_else(not_found)?;
    let mut writer = Writer::with_capacity(root, 4_096, 4_096);
    write_commit(root, &of, &oid, &commit, &mut writer);
    Ok(Reply::written(200, writer.finish(), 0))
}

const COMMIT: &[Input] = &[
    Input::new("message", Kind::Text).required(),
    Input::new("tree", Kind::Text).required(),
    Input::new("parents", Kind::Texts),
    Input::new("author", Kind::Object),
    Input::new("committer", Kind::Object),
    Input::new("signature", Kind::Text),
];

/// `POST …/git/commits`.
pub(in crate::github) fn create_commit(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let inputs = access::body(call, COMMIT)?;
    let of = call.row(REPOS)?;
    let root = call.root();
    let objects = root.objects();
    let tree: Option<Oid> = inputs.text("tree").and_then(|sha| sha.parse().ok());
    let tree = tree.filter(|oid| has(root, &of, oid, ObjectKind::Tree));
    let tree = tree.ok_or_else(|| Refusal::new(422, "Tree SHA does not exist"))?;
    let parents = inputs.texts("parents").unwrap_or_default();
    let parents: Option<Vec<Oid>> = parents
        .into_iter()
        .map(|sha| {
            let oid: Oid = sha.parse().ok()?;
            has(root, &of, &oid, ObjectKind::Commit).then_some(oid)
        })
        .collect();
    let parents = parents
        .ok_or_else(|| Refusal::new(422, "Parent SHA does not exist or is not a commit object"))?;
    let usual = people::of_caller(call)?;
    let author = people::asked(inputs.value("author"), &usual)?;
    // Who is not named twice wrote and committed.
    let committer = match inputs.value("committer") {
        Some(given) => people::asked(Some(given), &usual)?,
        None => author.clone(),
    };
    let commit = Commit {
        tree,
        parents,
        author,
        committer,
        message: inputs.text("message").unwrap_or_default().to_owned(),
        signature: inputs.text("signature").map(str::to_owned),
    };
    let oid = events::commit(root, &commit);
    objects.made_in(of.int(repo::ID), oid);
    let mut writer = Writer::with_capacity(root, 4_096, 4_096);
    write_commit(root, &of, &oid, &commit, &mut writer);
    Ok(created(&of, "commits", &oid, writer))
}

fn write_tag(root: &Root, of: &Row, oid: &Oid, tag: &Tag, out: &mut Writer) {
    let git = git_url(of);
    out.raw("{").key("node_id").text(&node(of, "TA", oid));
    out.key("sha").oid(oid);
    out.key("url").text(&format!("{git}/tags/{oid}"));
    out.key("tagger");
    match &tag.tagger {
        Some(who) => people::write_signature(root, who, out),
        None => {
            out.raw(r#"{"name":"","email":"","date":"1970-01-01T00:00:00Z"}"#);
        }
    }
    out.key("object").raw("{").key("sha").oid(&tag.object);
    out.key("type").text(tag.kind.name());
    out.key("url")
        .text(&format!("{git}/{}s/{}", tag.kind.name(), tag.object))
        .raw("}");
    out.key("tag").text(&tag.name);
    out.key("message");
    commits::prose(root, tag.message.trim_end_matches('\n'), out);
    out.key("verification");
    commits::verification(tag.signature.as_deref(), out);
    out.raw("}");
}

/// `GET …/git/tags/{tag_sha}`.
pub(in crate::github) fn get_tag(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let of = call.row(REPOS)?;
    let oid = id(call, &of, "tag_sha", ObjectKind::Tag)?;
    let root = call.root();
    let tag = root.objects().tag(&oid).ok_or_else(not_found)?;
    let mut writer = Writer::new(root);
    write_tag(root, &of, &oid, &tag, &mut writer);
    Ok(Reply::written(200, writer.finish(), 0))
}

const TAG: &[Input] = &[
    Input::new("tag", Kind::Text).required(),
    Input::new("message", Kind::Text).required(),
    Input::new("object", Kind::Text).required(),
    Input::new("type", Kind::Text).required(),
    Input::new("tagger", Kind::Object),
];

/// `POST …/git/tags`: the object; a ref has to be made for it.
pub(in crate::github) fn create_tag(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let inputs = access::body(call, TAG)?;
    let of = call.row(REPOS)?;
    let root = call.root();
    let objects = root.objects();
    let kind = inputs.text("type").and_then(ObjectKind::named);
    let object: Option<Oid> = inputs.text("object").and_then(|sha| sha.parse().ok());
    let object = object.filter(|oid| kind.is_some_and(|kind| has(root, &of, oid, kind)));
    let (Some(object), Some(kind)) = (object, kind) else {
        return Err(Refusal::new(422, "Object does not exist"));
    };
    let usual = people::of_caller(call)?;
    let name = inputs.text("tag").unwrap_or_default();
    if !refs::well_formed(&format!("refs/tags/{name}")) {
        return Err(Refusal::new(
            422,
            format!("{name} is not a valid tag name."),
        ));
    }
    let mut message = inputs.text("message").unwrap_or_default().to_owned();
    if !message.ends_with('\n') {
        message.push('\n');
    }
    let tag = Tag {
        object,
        kind,
        name: name.to_owned(),
        tagger: Some(people::asked(inputs.value("tagger"), &usual)?),
        message,
        signature: None,
    };
    let oid = objects.put_tag(&tag);
    objects.made_in(of.int(repo::ID), oid);
    let mut writer = Writer::new(root);
    write_tag(root, &of, &oid, &tag, &mut writer);
    Ok(created(&of, "tags", &oid, writer))
}
