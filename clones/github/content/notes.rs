//! The notes of a release as GitHub writes them.

use super::refs as named;
use crate::engine::git::Oid;
use crate::engine::key::{Key, Part, folded};
use crate::engine::pack::{Call, Refusal};
use crate::engine::root::Root;
use crate::github::access::not_found;
use crate::github::render::WEB;
use crate::github::tables::{ISSUES, PULLS, PULLS_BY_REPO, issue, pull, release};
use crate::github::{refs, releases};

/// What GitHub proposes for a release.
#[derive(Debug)]
pub(in crate::github) struct Notes {
    /// Its title.
    pub name: String,
    /// Its notes, in Markdown.
    pub body: String,
}

/// The pull requests merged between two commits, a line each, in order of merging.
fn merged(root: &Root, repo: &str, since: Option<Oid>, at: &Oid) -> Vec<String> {
    let objects = root.objects();
    let commits = match since {
        Some(since) => objects.between(&since, at),
        None => objects.log(at).collect(),
    };
    let group = root.group(PULLS, PULLS_BY_REPO, &Key::folded(repo));
    let mut found: Vec<(usize, String)> = Vec::new();
    for row in group.into_iter().flat_map(|rows| rows.values()) {
        let merge: Option<Oid> = row.text(pull::MERGE_COMMIT_SHA).parse().ok();
        let place = commits.iter().position(|(oid, _)| Some(*oid) == merge);
        let number = row.int(pull::NUMBER);
        let key = Key::new([folded(repo), Part::Int(number)]);
        if let (Some(place), false, Some(of)) =
            (place, row.is_null(pull::MERGED_AT), root.get(ISSUES, &key))
        {
            let (title, user) = (of.text(issue::TITLE), of.text(issue::USER));
            let line = format!("{title} by @{user} in {WEB}/{repo}/pull/{number}");
            found.push((place, line));
        }
    }
    // Commits go from the newest on.
    found.sort_by_key(|(place, _)| std::cmp::Reverse(*place));
    found.into_iter().map(|(_, line)| line).collect()
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
    let changes = match &previous {
        Some(previous) => format!("{WEB}/{repo}/compare/{previous}...{tag}"),
        None => format!("{WEB}/{repo}/commits/{tag}"),
    };
    let since = previous
        .as_deref()
        .and_then(|tag| refs::tag(root, repo, tag));
    let since = since.and_then(|oid| root.objects().peel_to_commit(&oid));
    let merged = at.map_or_else(Vec::new, |at| merged(root, repo, since, &at));
    let mut body = String::new();
    if !merged.is_empty() {
        body.push_str("## What's Changed\n");
        for line in merged {
            body.push_str(&format!("* {line}\n"));
        }
        body.push_str("\n\n");
    }
    body.push_str(&format!("**Full Changelog**: {changes}"));
    Ok(Notes {
        name: tag.to_owned(),
        body,
    })
}
