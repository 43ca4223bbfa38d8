//! The notes of a release as GitHub writes them.

use super::refs as named;
use crate::engine::pack::{Call, Refusal};
use crate::github::access::not_found;
use crate::github::render::WEB;
use crate::github::tables::release;
use crate::github::{refs, releases};

/// What GitHub proposes for a release.
#[derive(Debug)]
pub(in crate::github) struct Notes {
    /// Its title.
    pub name: String,
    /// Its notes, in Markdown.
    pub body: String,
}

/// The notes of what came between the release before, or the one that the caller names, and a
/// tag that is there or will be made on `target`.
pub(in crate::github) fn between(
    call: &Call<'_>,
    repo: &str,
    tag: &str,
    target: &str,
    previous: Option<&str>,
) -> Result<Notes, Refusal> {
    let root = call.root();
    let at = refs::tag(root, repo, tag)
        .and_then(|oid| root.objects().peel_to_commit(&oid))
        .or_else(|| named::commit_of(root, repo, target));
    if at.is_none() {
        return Err(Refusal::new(404, "Not Found"));
    }
    let previous = match previous {
        Some(name) => {
            refs::tag(root, repo, name).ok_or_else(not_found)?;
            Some(name.to_owned())
        }
        None => releases::latest_of(root, repo)
            .map(|row| row.text(release::TAG).to_owned())
            .filter(|known| known != tag),
    };
    let changes = match previous {
        Some(previous) => format!("{WEB}/{repo}/compare/{previous}...{tag}"),
        None => format!("{WEB}/{repo}/commits/{tag}"),
    };
    Ok(Notes {
        name: tag.to_owned(),
        body: format!("**Full Changelog**: {changes}"),
    })
}
