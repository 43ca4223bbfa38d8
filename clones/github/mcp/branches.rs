//! Tools on branches and tags.

use archal_core::clone::Arguments;
use serde_json::{Value, json};

use super::Outcome;
use super::files::segments;
use super::plain::{self, get, paging, pick, write};
use super::shapes::{self, of};
use crate::engine::mcp::{Asker, required_text, text};

fn sha_of(item: &Value, fields: &str) -> Value {
    let mut out = pick(item, fields);
    out.insert("sha".to_owned(), item["commit"]["sha"].clone());
    out.into()
}

/// `list_branches`.
pub(super) fn list(arguments: &Arguments, asker: &mut Asker<'_>) -> Outcome {
    let path = format!("{}/branches", plain::repo(arguments)?);
    let listed = get(asker, &path, &paging(arguments)?, "failed to list branches")?;
    let branches = plain::each(&listed, &[], |branch| sha_of(branch, "name protected"));
    Ok(shapes::text(&branches))
}

/// `list_tags`.
pub(super) fn tags(arguments: &Arguments, asker: &mut Asker<'_>) -> Outcome {
    let path = format!("{}/tags", plain::repo(arguments)?);
    let listed = get(asker, &path, &paging(arguments)?, "failed to list tags")?;
    let tags = plain::each(&listed, &[], |tag| sha_of(tag, "name"));
    Ok(shapes::text(&tags))
}

/// `get_tag`.
pub(super) fn tag(arguments: &Arguments, asker: &mut Asker<'_>) -> Outcome {
    let repo = plain::repo(arguments)?;
    let tag = required_text(arguments, "tag")?;
    let path = format!("{repo}/git/ref/tags/{}", segments(tag));
    let found = get(asker, &path, &[], "failed to get tag reference")?;
    if found["object"]["type"] == "commit" {
        return Ok(shapes::text(&found));
    }
    let path = format!("{repo}/git/tags/{}", of(&found["object"], "sha"));
    let tag = get(asker, &path, &[], "failed to get tag object")?;
    Ok(shapes::text(&tag))
}

/// `create_branch`.
pub(super) fn create(arguments: &Arguments, asker: &mut Asker<'_>) -> Outcome {
    let repo = plain::repo(arguments)?;
    let branch = required_text(arguments, "branch")?;
    let mut from = text(arguments, "from_branch")?.to_owned();
    if from.is_empty() {
        let info = get(asker, &repo, &[], "failed to get repository")?;
        of(&info, "default_branch").clone_into(&mut from);
    }
    let path = format!("{repo}/git/ref/heads/{}", segments(&from));
    let found = get(asker, &path, &[], "failed to get reference")?;
    let body = json!({"ref": format!("refs/heads/{branch}"), "sha": found["object"]["sha"]});
    let path = format!("{repo}/git/refs");
    let made = write(asker, "POST", &path, &body, "failed to create branch")?;
    Ok(shapes::text(&made))
}
