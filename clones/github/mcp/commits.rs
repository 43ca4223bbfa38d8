//! Tools on commits.

use archal_core::clone::Arguments;
use serde_json::{Map, Value};

use super::files::segments;
use super::plain::{self, get, paging, pick, put};
use super::shapes;
use super::{Failure, Outcome};
use crate::engine::mcp::{Asker, required_text, text, texts};
use crate::github::issue_lists::time;

/// A commit without its files.
fn core(commit: &Value) -> Map<String, Value> {
    let mut out = pick(commit, "sha html_url");
    let mut inner = pick(&commit["commit"], "message");
    for who in ["author", "committer"] {
        let signature = pick(&commit["commit"][who], "name? email? date?");
        inner.insert(who.to_owned(), signature.into());
        if let Some(user) = shapes::user(&commit[who]) {
            out.insert(who.to_owned(), user);
        }
    }
    out.insert("commit".to_owned(), inner.into());
    out
}

/// `get_commit`.
pub(super) fn one(arguments: &Arguments, asker: &mut Asker<'_>) -> Outcome {
    let repo = plain::repo(arguments)?;
    let sha = required_text(arguments, "sha")?;
    let detail = text(arguments, "detail")?;
    if !matches!(detail, "" | "none" | "stats" | "full_patch") {
        return Err(Failure::Refused(format!(
            "invalid detail {detail:?}: must be one of \"none\", \"stats\", \"full_patch\""
        )));
    }
    let path = format!("{repo}/commits/{}", segments(sha));
    let what = format!("failed to get commit: {sha}");
    let commit = get(asker, &path, &paging(arguments)?, &what)?;
    let mut out = core(&commit);
    if detail != "none" {
        let stats = pick(&commit["stats"], "additions? deletions? total?");
        out.insert("stats".to_owned(), stats.into());
        let shape: fn(&Value) -> Value = if detail == "full_patch" {
            |file| {
                pick(
                    file,
                    "filename status? additions? deletions? changes? patch?",
                )
                .into()
            }
        } else {
            |file| pick(file, "filename status? additions? deletions? changes?").into()
        };
        put(&mut out, "files", plain::each(&commit["files"], &[], shape));
    }
    Ok(shapes::text(&out))
}

/// `list_commits`.
pub(super) fn list(arguments: &Arguments, asker: &mut Asker<'_>) -> Outcome {
    let path = format!("{}/commits", plain::repo(arguments)?);
    let fields = texts(arguments, "fields")?;
    let names = ["sha", "author", "path", "since", "until"];
    let mut query = plain::texts_of(arguments, &names)?;
    query.extend(paging(arguments)?);
    for (name, value) in &mut query {
        if !matches!(*name, "since" | "until") || value.is_empty() {
            continue;
        }
        let Some(_) = time(value) else {
            return Err(Failure::Refused(format!(
                "invalid {name} timestamp: invalid ISO 8601 timestamp: {value} (supported formats: YYYY-MM-DDThh:mm:ssZ or YYYY-MM-DD)"
            )));
        };
        if !value.contains('T') {
            value.push_str("T00:00:00Z");
        }
    }
    let what = format!("failed to list commits: {}", text(arguments, "sha")?);
    let listed = get(asker, &path, &query, &what)?;
    let commits = plain::each(&listed, &fields, |commit| core(commit).into());
    Ok(shapes::text(&commits))
}

/// `search_commits`.
pub(super) fn search(arguments: &Arguments, asker: &mut Asker<'_>) -> Outcome {
    let query = required_text(arguments, "query")?;
    let mut asked = vec![("q", query.to_owned())];
    asked.extend(plain::texts_of(arguments, &["sort", "order"])?);
    asked.extend(paging(arguments)?);
    let what = format!("failed to search commits with query '{query}'");
    let found = get(asker, "/search/commits", &asked, &what)?;
    let items = plain::each(&found["items"], &[], |commit| {
        let mut out = core(commit);
        let repository = pick(&commit["repository"], "full_name html_url? private?");
        out.insert("repository".to_owned(), repository.into());
        out.into()
    });
    let mut out = pick(&found, "total_count incomplete_results");
    out.insert("items".to_owned(), items);
    Ok(shapes::text(&out))
}
