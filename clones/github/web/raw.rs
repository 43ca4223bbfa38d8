//! Files as they are, at `raw.githubusercontent.com`.

use archal_core::clone::Rendered;

use crate::engine::fingerprint;
use crate::engine::git::diff::is_binary;
use crate::engine::git::{Mode, Oid};
use crate::engine::pack::{Call, Refusal, Reply};
use crate::engine::root::Root;
use crate::github::access::{reaches, sees};
use crate::github::refs::{self, HEADS, TAGS};
use crate::github::tables::{REPOS, repo};

fn not_found() -> Refusal {
    Refusal::new(404, "404: Not Found")
}

/// Guard: the path names a repository that the caller sees. Nobody is asked who they are.
pub(in crate::github) fn may_read(call: &mut Call<'_>) -> Result<(), Refusal> {
    let name = format!("{}/{}", call.param("owner"), call.param("repo"));
    let row = call.root().named(REPOS, &name).cloned();
    let row = row.ok_or_else(not_found)?;
    sees(call, &row).ok_or_else(not_found)?;
    if !reaches(call, &row, "contents", "read") {
        return Err(not_found());
    }
    call.found.push((REPOS, row));
    Ok(())
}

/// `GET /{owner}/{repo}/{sha}/{path}`: a file of a commit, a branch or a tag.
pub(in crate::github) fn get(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let row = call.row(REPOS)?;
    let root = call.root();
    let objects = root.objects();
    let asked = format!("{}/{}", call.param("sha"), call.param("path"));
    let (commit, path) = split(root, row.text(repo::FULL_NAME), &asked).ok_or_else(not_found)?;
    let tree = objects.commit(&commit).ok_or_else(not_found)?.tree;
    let entry = objects.entry_at(&tree, path).ok_or_else(not_found)?;
    if matches!(entry.mode, Mode::Tree | Mode::Submodule) {
        return Err(not_found());
    }
    let bytes = objects.blob(&entry.oid).ok_or_else(not_found)?;
    let evidence = match std::str::from_utf8(&bytes) {
        Ok(text) => root.said(text).map_or_else(|| bytes.clone(), Into::into),
        Err(_) => bytes.clone(),
    };
    let tag = fingerprint::bytes(root.ids(), &evidence);
    Ok(Reply {
        status: 200,
        content_type: Some(kind_of(path, &bytes).into()),
        headers: vec![
            ("cache-control", "max-age=300".to_owned()),
            ("access-control-allow-origin", "*".to_owned()),
        ],
        body: Some(Rendered {
            wire: bytes,
            evidence,
        }),
        tag: Some(tag),
        ..Reply::default()
    })
}

/// What is a ref at the start of a path, and the path behind it. Names of branches and tags may
/// have slashes: the shortest that is there is it.
fn split<'p>(root: &Root, repo_name: &str, asked: &'p str) -> Option<(Oid, &'p str)> {
    let prefixes = asked.match_indices('/').map(|(at, _)| at);
    let mut found = prefixes.filter_map(|at| {
        let (name, path) = (&asked[..at], &asked[at + 1..]);
        let is_full = name.starts_with(HEADS) || name.starts_with(TAGS);
        // `refs` alone is no branch of that name.
        let is_part = matches!(name, "refs" | "refs/heads" | "refs/tags");
        if is_part || (asked.starts_with("refs/") && !is_full) {
            return None;
        }
        refs::resolve(root, repo_name, name).map(|oid| (oid, path))
    });
    found.next()
}

/// Text is shown as text, whatever it is; pictures as what they are.
fn kind_of(path: &str, bytes: &[u8]) -> &'static str {
    let ending = path.rsplit('.').next().unwrap_or_default();
    match ending.to_ascii_lowercase().as_str() {
        "gif" => "image/gif",
        "jpeg" | "jpg" => "image/jpeg",
        "png" => "image/png",
        "webp" => "image/webp",
        "svg" => "image/svg+xml",
        _ if is_binary(bytes) => "application/octet-stream",
        _ => "text/plain; charset=utf-8",
    }
}
