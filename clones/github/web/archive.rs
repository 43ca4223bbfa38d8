//! Archives, at `codeload.github.com`, and the way there.

use std::sync::Arc;

use archal_core::clone::{Done, Rendered, Work};

use super::raw::may_read;
use crate::engine::git::archive::Format;
use crate::engine::git::{GitFailure, Oid};
use crate::engine::pack::{Call, Refusal, Reply};
use crate::engine::root::Root;
use crate::github::refs::{self, HEADS, TAGS};
use crate::github::tables::{REPOS, name_of, repo};

/// What kinds there are, by the word in the path; the older ones name their folder otherwise.
const KINDS: &[(&str, Format, bool)] = &[
    ("legacy.tar.gz", Format::TarGz, true),
    ("legacy.zip", Format::Zip, true),
    ("tar.gz", Format::TarGz, false),
    ("zip", Format::Zip, false),
];

/// What is asked for.
struct Asked {
    commit: Oid,
    format: Format,
    folder: String,
}

fn asked(call: &Call<'_>) -> Result<Asked, Refusal> {
    let not_found = || Refusal::new(404, "404: Not Found");
    let kind = call.param("format");
    let (_, format, is_older) = KINDS
        .iter()
        .find(|(name, ..)| *name == kind)
        .ok_or_else(not_found)?;
    let row = call.row(REPOS)?;
    let (root, name) = (call.root(), row.text(repo::FULL_NAME));
    let asked = call.param("ref");
    let commit = refs::resolve(root, name, asked).ok_or_else(not_found)?;
    let folder = if *is_older {
        let commit = root.objects().short(&commit, 7);
        format!("{}-{commit}", name.replace('/', "-"))
    } else {
        let short = asked.strip_prefix(HEADS).or(asked.strip_prefix(TAGS));
        let short = short.unwrap_or(asked);
        // A tag `v1.0` has the folder `repo-1.0`.
        let version = short
            .strip_prefix('v')
            .filter(|rest| rest.starts_with(|c: char| c.is_ascii_digit()));
        let short = version.unwrap_or(short).replace('/', "-");
        format!("{}-{short}", name_of(name))
    };
    Ok(Asked {
        commit,
        format: *format,
        folder,
    })
}

/// `GET /{owner}/{repo}/{format}/{ref}` at `codeload.github.com`.
pub(in crate::github) fn begin(call: &mut Call<'_>) -> Result<Work, Refusal> {
    may_read(call)?;
    let Asked {
        commit,
        format,
        folder,
    } = asked(call)?;
    let objects = Arc::clone(call.root().objects());
    Ok(Work::new(move || objects.archive(&commit, format, &folder)))
}

/// The archive.
pub(in crate::github) fn end(call: &mut Call<'_>, done: Done) -> Result<Reply, Refusal> {
    may_read(call)?;
    let Asked {
        commit,
        format,
        folder,
    } = asked(call)?;
    let made: Option<Result<Vec<u8>, GitFailure>> = done.take();
    let made = made.ok_or_else(|| Refusal::new(500, "Internal Server Error"))?;
    let wire = made.map_err(|failure| refs::failed(&failure))?;
    let root = call.root();
    let said = |text: String| root.said(&text).unwrap_or(text);
    // Its files have the time of the commit, so its bytes follow the clock.
    let evidence = said(format!("{} of {commit} in {folder}/", format.name()));
    let kind = match format {
        Format::TarGz => "application/x-gzip",
        Format::Zip => "application/zip",
    };
    let name = format!("attachment; filename={folder}.{}", format.name());
    Ok(Reply {
        status: 200,
        body: Some(Rendered {
            wire: wire.into(),
            evidence: evidence.into(),
        }),
        content_type: Some(kind.into()),
        headers: vec![("content-disposition", name)],
        ..Reply::default()
    })
}

/// `GET /{owner}/{repo}/archive/{path}` at `github.com`: `refs/heads/main.zip` is elsewhere.
pub(in crate::github) fn elsewhere(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    may_read(call)?;
    let row = call.row(REPOS)?;
    let path = call.param("path");
    let found = [".tar.gz", ".zip"]
        .into_iter()
        .find_map(|ending| Some((path.strip_suffix(ending)?, &ending[1..])));
    let not_found = || Refusal::new(404, "Not Found");
    let (name, kind) = found.ok_or_else(not_found)?;
    known(call.root(), row.text(repo::FULL_NAME), name).ok_or_else(not_found)?;
    Ok(Reply {
        status: 302,
        location: Some(format!(
            "https://codeload.github.com/{}/{kind}/{name}",
            row.text(repo::FULL_NAME)
        )),
        ..Reply::default()
    })
}

fn known(root: &Root, repo_name: &str, name: &str) -> Option<Oid> {
    refs::resolve(root, repo_name, name)
}
