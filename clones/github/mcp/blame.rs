//! The tool that tells which commit wrote which lines of a file.

use std::collections::BTreeMap;

use archal_core::clone::Arguments;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use super::plain::graph;
use super::shapes::{self, of};
use super::{Failure, Outcome};
use crate::engine::mcp::{Asker, number, number_or, required_text, text};

/// Most ranges that are looked at for one answer.
const RANGES: usize = 1_000;
/// Ranges a page, where the tool is not told.
const PAGE: i64 = 30;
/// What a cursor begins with.
const CURSOR: &str = "blame-range:";

fn refuse<T>(text: impl Into<String>) -> Result<T, Failure> {
    Err(Failure::Refused(text.into()))
}

/// A path that names a file below the root of a repository.
fn path(arguments: &Arguments) -> Result<&str, Failure> {
    let path = required_text(arguments, "path")?;
    if path.trim().is_empty() {
        return refuse("path must not be empty");
    }
    if path.starts_with('/') {
        return refuse("path must be relative to the repository root (no leading '/')");
    }
    if path.split('/').any(|part| part == "..") {
        return refuse("path must not contain '..' segments");
    }
    if path.chars().any(|c| c < ' ' || c == '\u{7f}') {
        return refuse("path must not contain control characters");
    }
    Ok(path)
}

/// A line of the window that is asked for.
fn line(arguments: &Arguments, name: &str) -> Result<Option<i64>, Failure> {
    let line = number(arguments, name)?;
    if arguments.contains_key(name) && line.unwrap_or_default() < 1 {
        return refuse(format!("{name} must be omitted or >= 1"));
    }
    Ok(line)
}

fn cursor(at: usize) -> String {
    URL_SAFE_NO_PAD.encode(format!("{CURSOR}{at}"))
}

/// The place that a cursor stands for.
fn place(cursor: &str) -> Option<usize> {
    if cursor.is_empty() {
        return Some(0);
    }
    let decoded = String::from_utf8(URL_SAFE_NO_PAD.decode(cursor).ok()?).ok()?;
    decoded.strip_prefix(CURSOR)?.parse().ok()
}

/// `get_file_blame`.
pub(super) fn call(arguments: &Arguments, asker: &mut Asker<'_>) -> Outcome {
    let owner = required_text(arguments, "owner")?;
    let repo = required_text(arguments, "repo")?;
    let path = path(arguments)?;
    let asked = text(arguments, "ref")?;
    let start = line(arguments, "start_line")?;
    let end = line(arguments, "end_line")?;
    if let (Some(start), Some(end)) = (start, end)
        && end < start
    {
        return refuse("end_line must be >= start_line when both are provided");
    }
    if arguments.contains_key("page") {
        return refuse(
            "This tool uses cursor-based pagination. Use the 'after' parameter with the 'endCursor' value from the previous response instead of 'page'.",
        );
    }
    let after = text(arguments, "after")?;
    let size = number_or(arguments, "perPage", PAGE)?;
    let given = number(arguments, "perPage")?;
    if arguments.contains_key("perPage") && !given.is_some_and(|size| (1..=100).contains(&size)) {
        return refuse("perPage must be between 1 and 100 when provided");
    }
    let Some(after) = place(after) else {
        return refuse("after cursor is invalid");
    };
    let expression = if asked.is_empty() { "HEAD" } else { asked };
    let blame = "blame(path: $path) { ranges { startingLine endingLine age commit { oid message committedDate author { name email user { login url } } } } }";
    let query = format!(
        "query($owner: String!, $repo: String!, $ref: String!, $path: String!) {{ repository(owner: $owner, name: $repo) {{ defaultBranchRef {{ name }} object(expression: $ref) {{ __typename ... on Commit {{ {blame} }} ... on Tag {{ target {{ __typename ... on Commit {{ {blame} }} }} }} }} }} }}"
    );
    let variables = json!({"owner": owner, "repo": repo, "ref": expression, "path": path});
    let what = format!("failed to get blame for file: {path}");
    let data = graph(asker, &query, &variables, &what)?;
    let found = &data["repository"];
    let commit = commit(&found["object"], expression, owner, repo)?;
    let shown = match (asked, of(&found["defaultBranchRef"], "name")) {
        ("", "") => expression,
        ("", name) => name,
        (asked, _) => asked,
    };
    let size = usize::try_from(size).unwrap_or_default();
    let page = page(commit, (start, end), after, size);
    let mut result = json!({
        "repository": format!("{owner}/{repo}"),
        "path": path,
        "ref": shown,
        "ranges": page.ranges,
        "commits": page.commits,
        "pageInfo": page.info,
        "total_ranges": page.total,
    });
    if page.total > RANGES {
        result["truncated"] = true.into();
    }
    Ok(shapes::text(&result))
}

/// The commit that a ref leads to, directly or by an annotated tag.
fn commit<'a>(
    object: &'a Value,
    asked: &str,
    owner: &str,
    repo: &str,
) -> Result<&'a Value, Failure> {
    match of(object, "__typename") {
        "Commit" => Ok(object),
        "" => refuse(format!("ref {asked:?} was not found in {owner}/{repo}")),
        "Tag" if of(&object["target"], "__typename") == "Commit" => Ok(&object["target"]),
        "Tag" => refuse(format!(
            "ref {asked:?} resolved to a tag in {owner}/{repo}, but the tag target did not resolve to a commit (resolved to {})",
            match of(&object["target"], "__typename") {
                "" => "unknown",
                kind => kind,
            }
        )),
        kind => refuse(format!(
            "ref {asked:?} did not resolve to a commit in {owner}/{repo} (resolved to {kind})"
        )),
    }
}

/// A page of ranges.
struct Page {
    ranges: Vec<Value>,
    commits: BTreeMap<String, Value>,
    info: Value,
    total: usize,
}

fn page(commit: &Value, window: (Option<i64>, Option<i64>), after: usize, size: usize) -> Page {
    let (first, last) = (window.0.unwrap_or(1), window.1.unwrap_or(i64::MAX));
    let mut ranges = Vec::new();
    let mut commits = BTreeMap::new();
    let mut total = 0;
    for range in commit["blame"]["ranges"].as_array().into_iter().flatten() {
        let start = range["startingLine"].as_i64().unwrap_or_default();
        let end = range["endingLine"].as_i64().unwrap_or_default();
        if end < first || start > last {
            continue;
        }
        let at = total;
        total += 1;
        if at >= RANGES || at < after || ranges.len() >= size {
            continue;
        }
        let by = &range["commit"];
        let sha = of(by, "oid");
        ranges.push(json!({
            "starting_line": start.max(first),
            "ending_line": end.min(last),
            "age": range["age"],
            "commit_sha": sha,
        }));
        commits
            .entry(sha.to_owned())
            .or_insert_with(|| told(sha, by));
    }
    let most = total.min(RANGES);
    let seen = (after + ranges.len()).min(most);
    let mut info = json!({
        "hasNextPage": seen < most,
        "hasPreviousPage": after > 0,
        "startCursor": "",
        "endCursor": "",
    });
    if !ranges.is_empty() {
        info["startCursor"] = cursor(after).into();
        info["endCursor"] = cursor(seen).into();
    }
    Page {
        ranges,
        commits,
        info,
        total,
    }
}

fn told(sha: &str, commit: &Value) -> Value {
    let by = &commit["author"];
    let mut author = json!({"name": of(by, "name"), "email": of(by, "email")});
    if by["user"].is_object() {
        author["login"] = by["user"]["login"].clone();
        author["url"] = by["user"]["url"].clone();
    }
    let headline = of(commit, "message").split('\n').next().unwrap_or_default();
    json!({
        "sha": sha,
        "message_headline": headline.trim_end_matches([' ', '\t', '\r']),
        "committed_date": commit["committedDate"],
        "author": author,
    })
}
