//! Tools on the files of a repository.

use archal_core::clone::{Arguments, FileContent, ToolAnswer};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::plain::{self, flag, get, paging, pick, put, write};
use super::shapes::{self, of, refused};
use super::{Failure, Outcome};
use crate::engine::mcp::{Asker, required_text, segment, text, texts};

/// Bytes from which a file is not shown.
const MOST: u64 = 1024 * 1024;
/// Paths that are proposed for one that leads nowhere.
const PROPOSED: usize = 3;

/// A path below `contents`, with its slashes.
fn contents_of(repo: &str, path: &str) -> String {
    format!("{repo}/contents/{}", segments(path))
}

/// A name with slashes in a path.
pub(super) fn segments(name: &str) -> String {
    let parts: Vec<String> = name.split('/').map(segment).collect();
    parts.join("/")
}

/// The full name and the commit of the ref that is meant, and whether it is another than was asked.
fn resolve(
    asker: &mut Asker<'_>,
    repo: &str,
    given: &str,
) -> Result<(String, String, bool), Failure> {
    let failed =
        |text: String| Failure::Refused(format!("failed to resolve git reference: {text}"));
    let full = |name: &str| {
        if name.starts_with("refs/") {
            name.to_owned()
        } else {
            format!("refs/{name}")
        }
    };
    let candidates = match given {
        "" => Vec::new(),
        name if name.starts_with("refs/")
            || name.starts_with("heads/")
            || name.starts_with("tags/") =>
        {
            vec![full(name)]
        }
        name => vec![format!("refs/heads/{name}"), format!("refs/tags/{name}")],
    };
    for name in &candidates {
        let path = format!("{repo}/git/ref/{}", segments(&name["refs/".len()..]));
        let answered = asker.get(&path, &[]);
        if answered.succeeded() {
            let sha = of(&answered.body["object"], "sha").to_owned();
            return Ok((name.clone(), sha, false));
        }
        if answered.status != 404 {
            let error = shapes::client_error(&answered);
            return Err(failed(format!("failed to get reference: {error}")));
        }
    }
    if !matches!(given, "" | "main" | "refs/heads/main" | "heads/main") {
        return Err(failed(if candidates.len() == 2 {
            format!("could not resolve ref {given:?} as a branch or a tag")
        } else {
            format!("failed to get final reference for {given:?}")
        }));
    }
    let answered = asker.get(repo, &[]);
    if !answered.succeeded() {
        let error = shapes::client_error(&answered);
        return Err(failed(format!("failed to get repository info: {error}")));
    }
    let name = format!("refs/heads/{}", of(&answered.body, "default_branch"));
    let path = format!("{repo}/git/ref/{}", segments(&name["refs/".len()..]));
    let answered = asker.get(&path, &[]);
    if !answered.succeeded() {
        let error = shapes::client_error(&answered);
        return Err(failed(format!(
            "failed to get default branch reference: {error}"
        )));
    }
    let sha = of(&answered.body["object"], "sha").to_owned();
    Ok((name, sha, !given.is_empty()))
}

/// `get_file_contents`.
pub(super) fn contents(
    arguments: &Arguments,
    asker: &mut Asker<'_>,
) -> Result<ToolAnswer, Failure> {
    let repo = plain::repo(arguments)?;
    let path = text(arguments, "path")?;
    let path = path.strip_prefix('/').unwrap_or(path);
    let given = text(arguments, "ref")?;
    let wanted = text(arguments, "sha")?;
    let fields = texts(arguments, "fields")?;
    let is_sha = |text: &str| text.len() == 40 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    let (name, sha, is_other) = if !wanted.is_empty() {
        (String::new(), wanted.to_owned(), false)
    } else if is_sha(given) {
        (String::new(), given.to_owned(), false)
    } else {
        resolve(asker, &repo, given)?
    };
    let answered = asker.get(&contents_of(&repo, path), &[("ref", &sha)]);
    if !answered.succeeded() {
        return near(asker, &repo, path, &name, &sha).map(ToolAnswer::Text);
    }
    if answered.body.is_array() {
        let listed = plain::each(&answered.body, &fields, |entry| {
            let mut entry = entry.clone();
            if let Value::Object(entry) = &mut entry {
                entry.remove("_links");
            }
            shapes::without_empty(&mut entry);
            entry
        });
        return Ok(ToolAnswer::Text(shapes::text(&listed)));
    }
    let note = if is_other {
        let branch = &name;
        format!(
            " Note: the provided ref '{given}' does not exist, default branch '{branch}' was used instead."
        )
    } else {
        String::new()
    };
    file(&answered.body, arguments, path, &sha, &note)
}

/// A file as a resource.
fn file(
    file: &Value,
    arguments: &Arguments,
    path: &str,
    sha: &str,
    note: &str,
) -> Result<ToolAnswer, Failure> {
    let owner = required_text(arguments, "owner")?;
    let repo = required_text(arguments, "repo")?;
    let blob = of(file, "sha");
    let uri = format!(
        "repo://{owner}/{repo}/sha/{sha}/contents/{}",
        segments(path)
    );
    match of(file, "type") {
        "submodule" => {
            let mut out = pick(file, "type path sha");
            put(&mut out, "git_url", file["submodule_git_url"].clone());
            put(&mut out, "note", note.trim().into());
            return Ok(ToolAnswer::Text(shapes::text(&out)));
        }
        "symlink" => {
            let mut out = pick(file, "type path sha target?");
            out.insert("content".to_owned(), "not_returned".into());
            put(&mut out, "note", note.trim().into());
            return Ok(ToolAnswer::Text(shapes::text(&out)));
        }
        _ => {}
    }
    let size = file["size"].as_u64().unwrap_or_default();
    if size >= MOST {
        let url = of(file, "download_url");
        return Ok(ToolAnswer::Text(format!(
            "File {path} is too large to display ({size} bytes). Use the download URL to fetch the content: {url} (SHA: {blob}){note}"
        )));
    }
    let encoded: String = of(file, "content").split_whitespace().collect();
    let bytes = STANDARD
        .decode(&encoded)
        .map_err(|error| Failure::Refused(format!("failed to inspect repository file: {error}")))?;
    let kind = if bytes.is_empty() {
        "empty file"
    } else if bytes.contains(&0) || std::str::from_utf8(&bytes).is_err() {
        "binary file"
    } else {
        "text file"
    };
    let (mime_type, content) = match String::from_utf8(bytes) {
        Ok(text) if kind == "empty file" => ("text/plain", FileContent::Text(text)),
        Ok(text) if kind == "text file" => ("text/plain; charset=utf-8", FileContent::Text(text)),
        _ => ("application/octet-stream", FileContent::Base64(encoded)),
    };
    Ok(ToolAnswer::File {
        text: format!("successfully downloaded {kind} (SHA: {blob}){note}"),
        uri,
        mime_type: mime_type.to_owned(),
        content,
    })
}

/// Paths that end in one that leads nowhere.
fn near(asker: &mut Asker<'_>, repo: &str, path: &str, name: &str, sha: &str) -> Outcome {
    let at = format!("{repo}/git/trees/{}", segment(sha));
    let recursive = [("recursive", "1".to_owned())];
    let tree = get(asker, &at, &recursive, "failed to get git tree")?;
    let (wanted, folders) = match path.strip_suffix('/') {
        Some(path) => (path, true),
        None => (path, false),
    };
    let found: Vec<String> = tree["tree"]
        .as_array()
        .into_iter()
        .flatten()
        .filter(|entry| !folders || entry["type"] == "tree")
        .filter(|entry| of(entry, "path").ends_with(wanted))
        .map(|entry| {
            let slash = if entry["type"] == "tree" { "/" } else { "" };
            format!("{}{slash}", of(entry, "path"))
        })
        .take(PROPOSED)
        .collect();
    if found.is_empty() {
        return Err(Failure::Refused("Failed to get file contents. The path does not point to a file or directory, or the file does not exist in the repository.".to_owned()));
    }
    Ok(format!(
        "Resolved potential matches in the repository tree (resolved refs: {}, matching files: {}).",
        json!({"ref": name, "sha": sha}),
        json!(found)
    ))
}

/// `create_or_update_file`.
pub(super) fn put_file(arguments: &Arguments, asker: &mut Asker<'_>) -> Outcome {
    let repo = plain::repo(arguments)?;
    let path = required_text(arguments, "path")?;
    let content = required_text(arguments, "content")?;
    let message = required_text(arguments, "message")?;
    let branch = required_text(arguments, "branch")?;
    let sha = text(arguments, "sha")?;
    let may_follow = flag(arguments, "allow_symlink_write", false)?;
    let path = path.strip_prefix('/').unwrap_or(path);
    let at = contents_of(&repo, path);
    let there = asker.get(&at, &[("ref", branch)]);
    let refuse = |text: String| Err(Failure::Refused(text));
    if !there.succeeded() && there.status != 404 {
        let what = if sha.is_empty() {
            "failed to check if file exists"
        } else {
            "failed to verify file SHA"
        };
        return Err(refused(what, &there));
    }
    if there.body.is_array() {
        return refuse(format!(
            "Path {path} is a directory, not a file. This tool only works with files."
        ));
    }
    if there.succeeded() {
        let current = of(&there.body, "sha");
        if sha.is_empty() {
            return refuse(format!(
                "File already exists at {path}. You must provide the current file's SHA when updating. Use git rev-parse {branch}:{path} to get the blob SHA, then retry with the sha parameter."
            ));
        }
        if current != sha {
            return refuse(format!(
                "SHA mismatch: provided SHA {sha} is stale. Current file SHA is {current}. Pull the latest changes and use git rev-parse {branch}:{path} to get the current SHA."
            ));
        }
        if !may_follow && there.body["type"] == "symlink" {
            let mut out = pick(&there.body, "target");
            out.insert("error".to_owned(), "symlink_write_requires_opt_in".into());
            out.insert("path".to_owned(), path.into());
            return refuse(shapes::text(&out));
        }
    }
    let mut body =
        json!({"message": message, "content": STANDARD.encode(content), "branch": branch});
    if !sha.is_empty() {
        body["sha"] = sha.into();
    }
    let made = write(asker, "PUT", &at, &body, "failed to create/update file")?;
    let mut commit = pick(&made["commit"], "sha message? html_url?");
    commit.insert(
        "author".to_owned(),
        pick(&made["commit"]["author"], "name? email? date?").into(),
    );
    let content = pick(&made["content"], "name path sha size? html_url");
    Ok(shapes::text(&json!({"content": content, "commit": commit})))
}

/// The head of a branch: its commit, or the answer that there is none.
fn head(asker: &mut Asker<'_>, repo: &str, branch: &str) -> crate::engine::mcp::Answered {
    asker.get(&format!("{repo}/git/ref/heads/{}", segments(branch)), &[])
}

/// Commits `entries` to the head of a branch; the commit and the ref.
fn commit(
    asker: &mut Asker<'_>,
    repo: &str,
    (branch, parent): (&str, &str),
    message: &str,
    entries: &Value,
) -> Result<(Value, Value), Failure> {
    let at = format!("{repo}/git/commits/{parent}");
    let base = get(asker, &at, &[], "failed to get base commit")?;
    let body = json!({"base_tree": base["tree"]["sha"], "tree": entries});
    let at = format!("{repo}/git/trees");
    let tree = write(asker, "POST", &at, &body, "failed to create tree")?;
    let body = json!({"message": message, "tree": tree["sha"], "parents": [parent]});
    let at = format!("{repo}/git/commits");
    let commit = write(asker, "POST", &at, &body, "failed to create commit")?;
    let at = format!("{repo}/git/refs/heads/{}", segments(branch));
    let body = json!({"sha": commit["sha"], "force": false});
    let moved = write(asker, "PATCH", &at, &body, "failed to update reference")?;
    Ok((commit, moved))
}

/// `delete_file`.
pub(super) fn delete(arguments: &Arguments, asker: &mut Asker<'_>) -> Outcome {
    let repo = plain::repo(arguments)?;
    let path = required_text(arguments, "path")?;
    let message = required_text(arguments, "message")?;
    let branch = required_text(arguments, "branch")?;
    let found = head(asker, &repo, branch);
    if !found.succeeded() {
        let error = shapes::client_error(&found);
        return Err(Failure::Fault(format!(
            "failed to get branch reference: {error}"
        )));
    }
    let parent = of(&found.body["object"], "sha");
    let entries = json!([{"path": path, "mode": "100644", "type": "blob", "sha": null}]);
    let (made, _) = commit(asker, &repo, (branch, parent), message, &entries)?;
    Ok(shapes::text(&json!({"commit": made, "content": null})))
}

/// `push_files`.
pub(super) fn push(arguments: &Arguments, asker: &mut Asker<'_>) -> Outcome {
    let repo = plain::repo(arguments)?;
    let branch = required_text(arguments, "branch")?;
    let message = required_text(arguments, "message")?;
    let refuse = |text: &str| Failure::Refused(text.to_owned());
    let Some(Value::Array(files)) = arguments.get("files") else {
        return Err(refuse(
            "files parameter must be an array of objects with path and content",
        ));
    };
    let mut found = head(asker, &repo, branch);
    if found.status == 409 {
        let info = get(asker, &repo, &[], "failed to initialize repository")?;
        let body =
            json!({"message": "Initial commit", "content": "", "branch": info["default_branch"]});
        let at = contents_of(&repo, "README.md");
        write(asker, "PUT", &at, &body, "failed to initialize repository")?;
        found = head(asker, &repo, branch);
    }
    if found.status == 404 {
        let what = "failed to create branch from default";
        let info = get(asker, &repo, &[], what)?;
        let from = head(asker, &repo, of(&info, "default_branch"));
        let from = plain::succeeded(from, what)?;
        let body = json!({"ref": format!("refs/heads/{branch}"), "sha": from["object"]["sha"]});
        write(asker, "POST", &format!("{repo}/git/refs"), &body, what)?;
        found = head(asker, &repo, branch);
    }
    let found = plain::succeeded(found, "failed to get branch reference")?;
    let mut entries = Vec::new();
    for file in files {
        if !file.is_object() {
            return Err(refuse("each file must be an object with path and content"));
        }
        let path = of(file, "path");
        if path.is_empty() {
            return Err(refuse("each file must have a path"));
        }
        let Some(content) = file["content"].as_str() else {
            return Err(refuse("each file must have content"));
        };
        entries.push(json!({"path": path, "mode": "100644", "type": "blob", "content": content}));
    }
    let parent = of(&found["object"], "sha");
    let (_, moved) = commit(asker, &repo, (branch, parent), message, &entries.into())?;
    Ok(shapes::text(&moved))
}

/// `get_repository_tree`.
pub(super) fn tree(arguments: &Arguments, asker: &mut Asker<'_>) -> Outcome {
    let repo = plain::repo(arguments)?;
    let mut sha = text(arguments, "tree_sha")?.to_owned();
    let recursive = flag(arguments, "recursive", false)?;
    let filter = text(arguments, "path_filter")?;
    if sha.is_empty() {
        let info = get(asker, &repo, &[], "failed to get repository info")?;
        of(&info, "default_branch").clone_into(&mut sha);
    }
    let at = format!("{repo}/git/trees/{}", segment(&sha));
    let deep = if recursive { "1" } else { "" };
    let query = [("recursive", deep.to_owned())];
    let tree = get(asker, &at, &query, "failed to get repository tree")?;
    let entries: Vec<Value> = tree["tree"]
        .as_array()
        .into_iter()
        .flatten()
        .filter(|entry| of(entry, "path").starts_with(filter))
        .map(|entry| {
            let mut out = pick(entry, "path type mode sha url");
            if entry["size"].is_number() {
                out.insert("size".to_owned(), entry["size"].clone());
            }
            out.into()
        })
        .collect();
    Ok(shapes::text(&json!({
        "sha": tree["sha"], "truncated": tree["truncated"], "count": entries.len(), "tree": entries,
        "tree_sha": sha, "owner": arguments["owner"], "repo": arguments["repo"],
        "recursive": recursive,
    })))
}

/// `search_code`.
pub(super) fn search(arguments: &Arguments, asker: &mut Asker<'_>) -> Outcome {
    let query = required_text(arguments, "query")?;
    let fields = texts(arguments, "fields")?;
    let mut asked = vec![("q", query.to_owned())];
    asked.extend(plain::texts_of(arguments, &["sort", "order"])?);
    asked.extend(paging(arguments)?);
    let what = format!("failed to search code with query '{query}'");
    let found = get(asker, "/search/code", &asked, &what)?;
    let items = plain::each(&found["items"], &fields, |item| {
        let mut out = pick(item, "name path sha text_matches?");
        out.insert(
            "repository".to_owned(),
            item["repository"]["full_name"].clone(),
        );
        out.into()
    });
    let mut out = pick(&found, "total_count incomplete_results");
    out.insert("items".to_owned(), items);
    Ok(shapes::text(&out))
}
