//! Releases and their files.

use percent_encoding::utf8_percent_encode;

use super::{API, PATH, WEB, reaction, user};
use crate::engine::fingerprint;
use crate::engine::key::{Key, Part, folded};
use crate::engine::root::Root;
use crate::engine::row::Row;
use crate::engine::writer::Writer;
use crate::github::tables::{
    ASSETS, ASSETS_BY_RELEASE, REACTIONS, REACTIONS_BY_SUBJECT, asset, release,
};

/// The address of a release.
pub(in crate::github) fn url(row: &Row) -> String {
    let (repo, id) = (row.text(release::REPO), row.int(release::ID));
    format!("{API}/repos/{repo}/releases/{id}")
}

/// What the web calls the tag of a release: a draft has none yet.
pub(in crate::github) fn web_tag(row: &Row) -> String {
    if row.bool(release::DRAFT) {
        let print = fingerprint::mix(0, row.int(release::ID).unsigned_abs());
        let print = format!("{print:016x}{:04x}", print & 0xffff);
        return format!("untagged-{print}");
    }
    utf8_percent_encode(row.text(release::TAG), PATH).to_string()
}

/// A release.
pub(in crate::github) fn release(root: &Root, row: &Row, out: &mut Writer) {
    let repo = row.text(release::REPO);
    let id = row.int(release::ID);
    let url = url(row);
    let draft = row.bool(release::DRAFT);
    out.raw("{");
    out.key("url").text(&url);
    out.key("assets_url").text(&format!("{url}/assets"));
    out.key("upload_url").text(&format!(
        "https://uploads.github.com/repos/{repo}/releases/{id}/assets{{?name,label}}"
    ));
    let web = web_tag(row);
    out.key("html_url")
        .text(&format!("{WEB}/{repo}/releases/tag/{web}"));
    out.key("id").int(id);
    out.key("author");
    user::named(root, row.text_or_null(release::AUTHOR), out);
    out.key("node_id").text(row.text(release::NODE_ID));
    out.key("tag_name").text(row.text(release::TAG));
    out.key("target_commitish").text(row.text(release::TARGET));
    out.key("name").prose(row, release::NAME);
    out.key("draft").bool(draft);
    out.key("immutable").bool(false);
    out.key("prerelease").bool(row.bool(release::PRERELEASE));
    out.key("created_at").time(row.time(release::CREATED_AT));
    out.key("updated_at").time(row.time(release::UPDATED_AT));
    out.key("published_at")
        .time(row.time(release::PUBLISHED_AT));
    out.key("assets").raw("[");
    let files = Key::new([folded(repo), Part::Int(id)]);
    let files = root.group(ASSETS, ASSETS_BY_RELEASE, &files);
    for file in files.into_iter().flat_map(|files| files.values()) {
        out.item().rendered(&root.rendered(ASSETS, file).0);
    }
    out.raw("]");
    for (name, kind) in [("tarball_url", "tarball"), ("zipball_url", "zipball")] {
        out.key(name);
        if draft {
            out.raw("null");
        } else {
            out.text(&format!("{API}/repos/{repo}/{kind}/{web}"));
        }
    }
    out.key("body").prose(row, release::BODY);
    // GitHub says nothing of reactions where there are none.
    let node_id = row.text(release::NODE_ID);
    if root.count(REACTIONS, REACTIONS_BY_SUBJECT, &reaction::group(node_id)) > 0 {
        out.key("reactions");
        reaction::rollup(root, node_id, &url, out);
    }
    out.raw("}");
}

/// A file of a release. What it hangs on is written anew with it, so its address on the web may
/// name the tag.
pub(in crate::github) fn asset(root: &Root, row: &Row, out: &mut Writer) {
    let repo = row.text(asset::REPO);
    let id = row.int(asset::ID);
    out.raw("{");
    out.key("url")
        .text(&format!("{API}/repos/{repo}/releases/assets/{id}"));
    out.key("id").int(id);
    out.key("node_id").text(row.text(asset::NODE_ID));
    out.key("name").text(row.text(asset::NAME));
    out.key("label")
        .text_or_null(row.text_or_null(asset::LABEL));
    out.key("uploader");
    user::named(root, row.text_or_null(asset::UPLOADER), out);
    out.key("content_type").text(row.text(asset::CONTENT_TYPE));
    out.key("state").text("uploaded");
    out.key("size").int(row.int(asset::SIZE));
    out.key("digest")
        .text_or_null(row.text_or_null(asset::DIGEST));
    out.key("download_count").int(row.int(asset::DOWNLOADS));
    out.key("created_at").time(row.time(asset::CREATED_AT));
    out.key("updated_at").time(row.time(asset::UPDATED_AT));
    out.key("browser_download_url").text(&download_url(row));
    out.raw("}");
}

/// Where a file of a release is fetched.
pub(in crate::github) fn download_url(row: &Row) -> String {
    let tag = utf8_percent_encode(row.text(asset::TAG), PATH);
    let name = utf8_percent_encode(row.text(asset::NAME), PATH);
    format!(
        "{WEB}/{}/releases/download/{tag}/{name}",
        row.text(asset::REPO)
    )
}
