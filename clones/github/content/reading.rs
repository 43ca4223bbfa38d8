//! Files and folders by their path, as the contents API shows them.

use archal_core::clone::Rendered;
use bytes::Bytes;
use percent_encoding::utf8_percent_encode;

use super::data::{self, LARGEST};
use super::refs as named;
use crate::engine::git::{Mode, Objects, Oid, TreeEntry};
use crate::engine::pack::{Call, Refusal, Reply};
use crate::engine::root::Root;
use crate::engine::row::Row;
use crate::engine::writer::Writer;
use crate::github::access::not_found;
use crate::github::refs;
use crate::github::render::{API, PATH, WEB};
use crate::github::tables::{REPOS, repo};

/// Files over this many bytes are shown without their content.
const LARGEST_SHOWN: usize = 1024 * 1024;
/// The most entries of a folder that are shown.
const MOST_ENTRIES: usize = 1_000;

fn accepts(call: &Call<'_>, kind: &str) -> bool {
    let accepted = call.request.header("accept").unwrap_or_default();
    [".v3.", "."]
        .iter()
        .any(|version| accepted.contains(&format!("application/vnd.github{version}{kind}")))
}

/// Whether the bytes of a file are asked for.
pub(in crate::github) fn wants_raw(call: &Call<'_>) -> bool {
    accepts(call, "raw")
}

/// The bytes of a file.
pub(in crate::github) fn raw(call: &Call<'_>, bytes: Bytes) -> Reply {
    let said = std::str::from_utf8(&bytes)
        .ok()
        .and_then(|text| call.root().said(text));
    let evidence = said.map_or_else(|| bytes.clone(), |said| said.into_bytes().into());
    let body = Rendered {
        wire: bytes,
        evidence,
    };
    let mut reply = Reply::written(200, body, 0);
    reply.content_type = Some("application/vnd.github.raw+json; charset=utf-8".into());
    reply
}

/// A place in a repository at a commit.
pub(in crate::github) struct Place<'a> {
    /// The repository.
    pub of: &'a Row,
    /// What addresses say in `ref`.
    pub at: &'a str,
}

impl Place<'_> {
    fn url(&self, path: &str) -> String {
        let name = self.of.text(repo::FULL_NAME);
        let path = utf8_percent_encode(path, PATH);
        let at = utf8_percent_encode(self.at, PATH);
        format!("{API}/repos/{name}/contents/{path}?ref={at}")
    }

    fn web(&self, kind: &str, path: &str) -> String {
        let name = self.of.text(repo::FULL_NAME);
        let path = utf8_percent_encode(path, PATH);
        format!(
            "{WEB}/{name}/{kind}/{}/{path}",
            utf8_percent_encode(self.at, PATH)
        )
    }

    fn git(&self, kind: &str, oid: &Oid) -> String {
        format!(
            "{API}/repos/{}/git/{kind}/{oid}",
            self.of.text(repo::FULL_NAME)
        )
    }

    /// The fields that every kind of entry has, left open; `kind` is what `type` says.
    pub(in crate::github) fn open(
        &self,
        objects: &Objects,
        path: &str,
        entry: &TreeEntry,
        kind: &str,
        out: &mut Writer,
    ) {
        let name = path.rsplit('/').next().unwrap_or(path);
        let url = self.url(path);
        let is_blob = matches!(entry.mode, Mode::File | Mode::Executable | Mode::Link);
        let size = if is_blob {
            objects.blob(&entry.oid).map_or(0, |bytes| bytes.len())
        } else {
            0
        };
        let git = match entry.mode {
            Mode::Tree => Some(self.git("trees", &entry.oid)),
            Mode::Submodule => None,
            _ => Some(self.git("blobs", &entry.oid)),
        };
        let html = match entry.mode {
            Mode::Tree => Some(self.web("tree", path)),
            Mode::Submodule => None,
            _ => Some(self.web("blob", path)),
        };
        out.raw("{").key("name").text(name);
        out.key("path").text(path);
        out.key("sha").oid(&entry.oid);
        out.key("size").int(i64::try_from(size).unwrap_or(i64::MAX));
        out.key("url").text(&url);
        out.key("html_url").text_or_null(html.as_deref());
        out.key("git_url").text_or_null(git.as_deref());
        out.key("download_url");
        if is_blob {
            let name = self.of.text(repo::FULL_NAME);
            let path = utf8_percent_encode(path, PATH);
            let at = utf8_percent_encode(self.at, PATH);
            out.text(&format!(
                "https://raw.githubusercontent.com/{name}/{at}/{path}"
            ));
        } else {
            out.raw("null");
        }
        out.key("type").text(kind);
        out.key("_links").raw("{").key("self").text(&url);
        out.key("git").text_or_null(git.as_deref());
        out.key("html").text_or_null(html.as_deref()).raw("}");
    }

    /// The entries of a folder as a list.
    fn folder(&self, root: &Root, path: &str, oid: &Oid, out: &mut Writer) {
        out.raw("[");
        let entries = root.objects().tree(oid).unwrap_or_default();
        for entry in entries.iter().take(MOST_ENTRIES) {
            let below = if path.is_empty() {
                entry.name.clone()
            } else {
                format!("{path}/{}", entry.name)
            };
            let kind = match entry.mode {
                Mode::Tree => "dir",
                Mode::Link => "symlink",
                // Lists call a submodule a file, as they always did.
                Mode::File | Mode::Executable | Mode::Submodule => "file",
            };
            out.item();
            self.open(root.objects(), &below, entry, kind, out);
            out.raw("}");
        }
        out.raw("]");
    }

    /// A file with its content.
    pub(in crate::github) fn file(
        &self,
        root: &Root,
        path: &str,
        entry: &TreeEntry,
        bytes: &Bytes,
        out: &mut Writer,
    ) {
        self.open(root.objects(), path, entry, "file", out);
        out.key("content");
        if bytes.len() > LARGEST_SHOWN {
            out.text("").key("encoding").text("none");
        } else {
            data::content(root, bytes, out);
            out.key("encoding").text("base64");
        }
        out.raw("}");
    }
}

/// The tree that the query asks for, and what addresses call it.
fn asked_tree(call: &Call<'_>, of: &Row) -> Result<(Oid, String), Refusal> {
    let name = of.text(repo::FULL_NAME);
    let root = call.root();
    if refs::is_empty(root, name) {
        return Err(Refusal::new(404, "This repository is empty."));
    }
    let asked = call.query("ref").unwrap_or(of.text(repo::DEFAULT_BRANCH));
    let commit = named::commit_of(root, name, asked)
        .and_then(|oid| root.objects().commit(&oid))
        .ok_or_else(|| {
            let missing = || Refusal::new(404, format!("No commit found for the ref {asked}"));
            refs::gap(root, name, asked).unwrap_or_else(missing)
        })?;
    let shown = asked.strip_prefix(refs::HEADS).unwrap_or(asked);
    Ok((commit.tree, shown.to_owned()))
}

/// `GET …/contents/{path}`.
pub(in crate::github) fn get(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let of = call.row(REPOS)?;
    let path = call.param("path").trim_matches('/').to_owned();
    let (tree, at) = asked_tree(call, &of)?;
    let root = call.root();
    let entry = root
        .objects()
        .entry_at(&tree, &path)
        .ok_or_else(not_found)?;
    let place = Place { of: &of, at: &at };
    answer(call, &place, &tree, &path, &entry)
}

fn answer(
    call: &Call<'_>,
    place: &Place<'_>,
    tree: &Oid,
    path: &str,
    entry: &TreeEntry,
) -> Result<Reply, Refusal> {
    let root = call.root();
    let objects = root.objects();
    if accepts(call, "html") && entry.mode != Mode::Tree {
        return Err(Refusal::gap(
            "repos/get-content",
            "rendering a file as HTML",
        ));
    }
    let mut writer = Writer::with_capacity(root, 8_192, 8_192);
    match entry.mode {
        Mode::Tree if accepts(call, "object") => {
            place.open(objects, path, entry, "dir", &mut writer);
            writer.key("entries");
            place.folder(root, path, &entry.oid, &mut writer);
            writer.raw("}");
        }
        Mode::Tree => place.folder(root, path, &entry.oid, &mut writer),
        Mode::Submodule => {
            let modules = submodules(root, tree);
            let url = modules.iter().find(|(at, _)| at == path);
            place.open(objects, path, entry, "submodule", &mut writer);
            writer
                .key("submodule_git_url")
                .text(url.map_or("", |(_, url)| url));
            writer.raw("}");
        }
        Mode::Link => {
            let target = objects.blob(&entry.oid).ok_or_else(not_found)?;
            let target = String::from_utf8_lossy(&target).into_owned();
            // A link to a file of the repository is shown as that file.
            let found = followed(path, &target)
                .and_then(|path| objects.entry_at(tree, &path))
                .filter(|found| matches!(found.mode, Mode::File | Mode::Executable));
            if let Some(found) = found {
                let found = TreeEntry {
                    name: entry.name.clone(),
                    ..found
                };
                return answer(call, place, tree, path, &found);
            }
            if wants_raw(call) {
                return Ok(raw(call, target.into_bytes().into()));
            }
            place.open(objects, path, entry, "symlink", &mut writer);
            writer.key("target").text(&target).raw("}");
        }
        Mode::File | Mode::Executable => {
            let bytes = objects.blob(&entry.oid).ok_or_else(not_found)?;
            if bytes.len() > LARGEST {
                return Err(data::too_large());
            }
            if wants_raw(call) {
                return Ok(raw(call, bytes));
            }
            place.file(root, path, entry, &bytes, &mut writer);
        }
    }
    Ok(Reply::written(200, writer.finish(), 0))
}

/// The path that a link leads to; none where it leads out of the repository.
fn followed(from: &str, target: &str) -> Option<String> {
    if target.starts_with('/') {
        return None;
    }
    let mut parts: Vec<&str> = from.split('/').collect();
    parts.pop();
    for part in target.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop()?;
            }
            part => parts.push(part),
        }
    }
    Some(parts.join("/"))
}

/// The paths and addresses in `.gitmodules`.
fn submodules(root: &Root, tree: &Oid) -> Vec<(String, String)> {
    let objects = root.objects();
    let file = objects.entry_at(tree, ".gitmodules");
    let bytes = file.and_then(|entry| objects.blob(&entry.oid));
    let text = bytes.map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
    let mut out: Vec<(String, String)> = Vec::new();
    let mut path = String::new();
    let mut url = String::new();
    for line in text.unwrap_or_default().lines().chain(["["]) {
        let line = line.trim();
        if line.starts_with('[') {
            if !path.is_empty() {
                out.push((std::mem::take(&mut path), std::mem::take(&mut url)));
            }
        } else if let Some((name, value)) = line.split_once('=') {
            match name.trim() {
                "path" => value.trim().clone_into(&mut path),
                "url" => value.trim().clone_into(&mut url),
                _ => {}
            }
        }
    }
    out
}

/// `GET …/readme` and `GET …/readme/{dir}`.
pub(in crate::github) fn readme(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let of = call.row(REPOS)?;
    let (tree, at) = asked_tree(call, &of).map_err(|_| not_found())?;
    let asked = call.param("dir").trim_matches('/').to_owned();
    let folders = if asked.is_empty() {
        vec![".github".to_owned(), String::new(), "docs".to_owned()]
    } else {
        vec![asked]
    };
    let objects = call.root().objects();
    let found = folders.iter().find_map(|folder| {
        let oid = objects.entry_at(&tree, folder)?.oid;
        let entries = objects.tree(&oid)?;
        let mut fit: Vec<TreeEntry> = entries
            .into_iter()
            .filter(|entry| entry.mode != Mode::Tree && is_readme(&entry.name))
            .collect();
        // Markdown comes before other kinds.
        fit.sort_by_key(|entry| {
            (
                !entry.name.to_lowercase().ends_with(".md"),
                entry.name.clone(),
            )
        });
        let entry = fit.into_iter().next()?;
        let path = if folder.is_empty() {
            entry.name.clone()
        } else {
            format!("{folder}/{}", entry.name)
        };
        Some((path, entry))
    });
    let (path, entry) = found.ok_or_else(not_found)?;
    let place = Place { of: &of, at: &at };
    answer(call, &place, &tree, &path, &entry)
}

fn is_readme(name: &str) -> bool {
    let name = name.to_lowercase();
    let rest = name.strip_prefix("readme");
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
}
