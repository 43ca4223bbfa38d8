//! Tools on releases.

use archal_core::clone::Arguments;
use serde_json::Value;

use super::plain::{self, get, paging, pick};
use super::shapes;
use super::{Failure, Outcome};
use crate::engine::mcp::{Asker, required_text, segment, texts};

fn shape(release: &Value) -> Value {
    let mut out = pick(
        release,
        "id tag_name name? body? html_url published_at? prerelease draft",
    );
    if let Some(author) = shapes::user(&release["author"]) {
        out.insert("author".to_owned(), author);
    }
    out.into()
}

/// `list_releases`.
pub(super) fn list(arguments: &Arguments, asker: &mut Asker<'_>) -> Outcome {
    let path = format!("{}/releases", plain::repo(arguments)?);
    let fields = texts(arguments, "fields")?;
    let query = paging(arguments)?;
    let listed = get(asker, &path, &query, "failed to list releases").map_err(fault)?;
    Ok(shapes::text(&plain::each(&listed, &fields, shape)))
}

/// `get_latest_release`.
pub(super) fn latest(arguments: &Arguments, asker: &mut Asker<'_>) -> Outcome {
    let path = format!("{}/releases/latest", plain::repo(arguments)?);
    let found = get(asker, &path, &[], "failed to get latest release").map_err(fault)?;
    Ok(whole(found))
}

/// `get_release_by_tag`.
pub(super) fn by_tag(arguments: &Arguments, asker: &mut Asker<'_>) -> Outcome {
    let repo = plain::repo(arguments)?;
    let tag = required_text(arguments, "tag")?;
    let path = format!("{repo}/releases/tags/{}", segment(tag));
    let what = format!("failed to get release by tag: {tag}");
    Ok(whole(get(asker, &path, &[], &what)?))
}

fn whole(mut release: Value) -> String {
    shapes::without_empty(&mut release);
    shapes::text(&release)
}

/// The official server answers these refusals with an error of the protocol.
fn fault(failure: Failure) -> Failure {
    match failure {
        Failure::Refused(text) => Failure::Fault(text),
        other => other,
    }
}
