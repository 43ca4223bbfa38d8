//! Tools on gists.

use archal_core::clone::Arguments;
use serde_json::{Value, json};

use super::plain::{flag, get, paging, write};
use super::shapes;
use super::{Failure, Outcome};
use crate::engine::mcp::{Asker, required_text, segment, text};
use crate::github::issue_lists::time;

/// `list_gists`.
pub(super) fn list(arguments: &Arguments, asker: &mut Asker<'_>) -> Outcome {
    let username = text(arguments, "username")?;
    let since = text(arguments, "since")?;
    if !since.is_empty() && time(since).is_none() {
        return Err(Failure::Refused(format!(
            "invalid since timestamp: invalid ISO 8601 timestamp: {since} (supported formats: YYYY-MM-DDThh:mm:ssZ or YYYY-MM-DD)"
        )));
    }
    let midnight = if since.is_empty() || since.contains('T') {
        ""
    } else {
        "T00:00:00Z"
    };
    let mut query = vec![("since", format!("{since}{midnight}"))];
    query.extend(paging(arguments)?);
    let path = match username {
        "" => "/gists".to_owned(),
        username => format!("/users/{}/gists", segment(username)),
    };
    let mut listed = get(asker, &path, &query, "failed to list gists")?;
    shapes::without_empty(&mut listed);
    Ok(shapes::text(&listed))
}

/// `get_gist`.
pub(super) fn one(arguments: &Arguments, asker: &mut Asker<'_>) -> Outcome {
    let id = required_text(arguments, "gist_id")?;
    let path = format!("/gists/{}", segment(id));
    let mut gist = get(asker, &path, &[], "failed to get gist")?;
    shapes::without_empty(&mut gist);
    Ok(shapes::text(&gist))
}

fn written(gist: &Value) -> String {
    shapes::text(&json!({"id": gist["id"], "url": gist["html_url"]}))
}

/// `create_gist`.
pub(super) fn create(arguments: &Arguments, asker: &mut Asker<'_>) -> Outcome {
    let description = text(arguments, "description")?;
    let name = required_text(arguments, "filename")?;
    let content = required_text(arguments, "content")?;
    let public = flag(arguments, "public", false)?;
    let body = json!({
        "files": {name: {"content": content}}, "public": public, "description": description,
    });
    let made = write(asker, "POST", "/gists", &body, "failed to create gist")?;
    Ok(written(&made))
}

/// `update_gist`.
pub(super) fn update(arguments: &Arguments, asker: &mut Asker<'_>) -> Outcome {
    let id = required_text(arguments, "gist_id")?;
    let description = text(arguments, "description")?;
    let name = required_text(arguments, "filename")?;
    let content = required_text(arguments, "content")?;
    let mut body = json!({"files": {name: {"filename": name, "content": content}}});
    if arguments.contains_key("description") {
        body["description"] = description.into();
    }
    let path = format!("/gists/{}", segment(id));
    let made = write(asker, "PATCH", &path, &body, "failed to update gist")?;
    Ok(written(&made))
}
