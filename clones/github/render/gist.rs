//! Gists and comments on them.

use archal_core::clone::{Stamp, ViewValue};

use super::{API, user};
use crate::engine::key::{Key, same};
use crate::engine::root::Root;
use crate::engine::row::Row;
use crate::engine::writer::Writer;
use crate::github::tables::{
    COMMENTS_BY_GIST, FILES_BY_GIST, GIST_COMMENTS, GIST_FILES, GISTS, gist,
    gist_comment as column, gist_file,
};

/// Where the files of gists are handed out.
pub(in crate::github) const HOST: &str = "gist.githubusercontent.com";

/// The most bytes of a file inside an answer.
const MOST_CONTENT: usize = 1_000_000;

/// A revision of a gist.
pub(in crate::github) struct Revision<'r> {
    /// From 1.
    pub number: i64,
    /// Forty hex digits.
    pub version: &'r str,
    /// Who made it.
    pub user: &'r str,
    /// When.
    pub at: Option<Stamp>,
    /// Lines that came.
    pub additions: i64,
    /// Lines that went.
    pub deletions: i64,
}

/// The revisions of a gist, newest first.
pub(in crate::github) fn revisions(row: &Row) -> Vec<Revision<'_>> {
    let ViewValue::List(items) = row.value(gist::HISTORY) else {
        return Vec::new();
    };
    let mut out: Vec<Revision<'_>> = items
        .iter()
        .zip(1..)
        .filter_map(|(item, number)| {
            let ViewValue::Object(fields) = item else {
                return None;
            };
            let field = |name: &str| {
                let found = fields.iter().find(|(key, _)| *key == name);
                found.map(|(_, value)| value)
            };
            let text = |name: &str| match field(name) {
                Some(ViewValue::Text(text)) => text.as_ref(),
                _ => "",
            };
            let int = |name: &str| match field(name) {
                Some(ViewValue::Int(value)) => *value,
                _ => 0,
            };
            Some(Revision {
                number,
                version: text("version"),
                user: text("user"),
                at: match field("committed_at") {
                    Some(ViewValue::Time(stamp)) => Some(*stamp),
                    _ => None,
                },
                additions: int("additions"),
                deletions: int("deletions"),
            })
        })
        .collect();
    out.reverse();
    out
}

/// The files of a revision of a gist.
pub(in crate::github) fn files<'r>(
    root: &'r Root,
    id: &str,
    revision: i64,
) -> impl Iterator<Item = &'r std::sync::Arc<Row>> + use<'r> {
    let group = root.group(GIST_FILES, FILES_BY_GIST, &Key::folded(id));
    let rows = group.into_iter().flat_map(|rows| rows.values());
    rows.filter(move |row| row.int(gist_file::REVISION) == revision)
}

/// A gist inside lists.
pub(in crate::github) fn listed(root: &Root, row: &Row, out: &mut Writer) {
    let latest = revisions(row).first().map_or(1, |latest| latest.number);
    out.raw("{");
    fields(root, row, latest, false, out);
    out.raw("}");
}

/// A gist as it was in a revision, with what is in its files.
pub(in crate::github) fn full(root: &Root, row: &Row, revision: i64, out: &mut Writer) {
    out.raw("{");
    fields(root, row, revision, true, out);
    out.key("forks").raw("[");
    let id = row.text(gist::ID);
    let copies = root.rows(GISTS).values();
    for copy in copies.filter(|copy| same(copy.text(gist::FORK_OF), id)) {
        out.item();
        fork(root, copy, out);
    }
    out.raw("]").key("history").raw("[");
    for revision in revisions(row) {
        out.item();
        commit(root, row, &revision, out);
    }
    out.raw("]");
    let origin = row.text_or_null(gist::FORK_OF);
    if let Some(origin) = origin.and_then(|id| root.get(GISTS, &Key::folded(id))) {
        out.key("fork_of");
        listed(root, origin, out);
    }
    out.raw("}");
}

fn fork(root: &Root, row: &Row, out: &mut Writer) {
    let id = row.text(gist::ID);
    out.raw("{").key("url").text(&format!("{API}/gists/{id}"));
    out.key("id").text(id);
    out.key("user");
    match row
        .text_or_null(gist::USER)
        .and_then(|login| root.get(crate::github::tables::USERS, &Key::folded(login)))
    {
        Some(owner) => user::profile(root, owner, false, out),
        None => {
            out.raw("null");
        }
    }
    out.key("created_at").time(row.time(gist::CREATED_AT));
    out.key("updated_at").time(row.time(gist::UPDATED_AT));
    out.raw("}");
}

/// A revision.
pub(in crate::github) fn commit(root: &Root, row: &Row, of: &Revision<'_>, out: &mut Writer) {
    let url = format!("{API}/gists/{}/{}", row.text(gist::ID), of.version);
    out.raw("{").key("user");
    user::named(root, Some(of.user), out);
    out.key("version").text(of.version);
    out.key("committed_at").time(of.at);
    out.key("change_status").raw("{");
    out.key("total").int(of.additions + of.deletions);
    out.key("additions").int(of.additions);
    out.key("deletions").int(of.deletions).raw("}");
    out.key("url").text(&url).raw("}");
}

fn fields(root: &Root, row: &Row, revision: i64, content: bool, out: &mut Writer) {
    let id = row.text(gist::ID);
    let owner = row.text(gist::USER);
    let url = format!("{API}/gists/{id}");
    let git = format!("https://gist.github.com/{id}.git");
    out.key("url").text(&url);
    out.key("forks_url").text(&format!("{url}/forks"));
    out.key("commits_url").text(&format!("{url}/commits"));
    out.key("id").text(id);
    out.key("node_id").text(row.text(gist::NODE_ID));
    out.key("git_pull_url").text(&git);
    out.key("git_push_url").text(&git);
    out.key("html_url")
        .text(&format!("https://gist.github.com/{owner}/{id}"));
    let known = revisions(row);
    let version = known.iter().find(|one| one.number == revision);
    let version = version.map_or("", |one| one.version);
    out.key("files").raw("{");
    for one in files(root, id, revision) {
        let name = one.text(gist_file::NAME);
        let (kind, language) = kind_of(name);
        let text = one.text(gist_file::CONTENT);
        out.item().text(name).raw(":{");
        out.key("filename").text(name);
        out.key("type").text(kind);
        out.key("language").text_or_null(language);
        out.key("raw_url")
            .text(&format!("https://{HOST}/{owner}/{id}/raw/{version}/{name}"));
        out.key("size")
            .int(i64::try_from(text.len()).unwrap_or(i64::MAX));
        if content {
            out.key("truncated").bool(text.len() > MOST_CONTENT);
            let cut = |text: &str| text[..text.floor_char_boundary(MOST_CONTENT)].to_owned();
            out.key("content")
                .both(&cut(text), &cut(one.said(gist_file::CONTENT)));
            out.key("encoding").text("utf-8");
        }
        out.raw("}");
    }
    out.raw("}");
    out.key("public").bool(row.bool(gist::PUBLIC));
    out.key("created_at").time(row.time(gist::CREATED_AT));
    out.key("updated_at").time(row.time(gist::UPDATED_AT));
    out.key("description").prose(row, gist::DESCRIPTION);
    let comments = root.count(GIST_COMMENTS, COMMENTS_BY_GIST, &Key::folded(id));
    out.key("comments").raw(&comments.to_string());
    out.key("comments_enabled").bool(true);
    out.key("user").raw("null");
    out.key("comments_url").text(&format!("{url}/comments"));
    out.key("owner");
    user::named(root, Some(owner), out);
    out.key("truncated").bool(false);
}

/// The media type and the language of a file by its name.
pub(in crate::github) fn kind_of(name: &str) -> (&'static str, Option<&'static str>) {
    match name.rsplit_once('.').map_or("", |(_, end)| end) {
        "md" => ("text/markdown", Some("Markdown")),
        "js" | "mjs" => ("application/javascript", Some("JavaScript")),
        "ts" => ("application/x-typescript", Some("TypeScript")),
        "py" => ("application/x-python", Some("Python")),
        "rs" => ("text/plain", Some("Rust")),
        "go" => ("text/plain", Some("Go")),
        "rb" => ("application/x-ruby", Some("Ruby")),
        "java" => ("text/x-java", Some("Java")),
        "c" | "h" => ("text/plain", Some("C")),
        "sh" => ("application/x-sh", Some("Shell")),
        "json" => ("application/json", Some("JSON")),
        "yml" | "yaml" => ("text/x-yaml", Some("YAML")),
        "html" => ("text/html", Some("HTML")),
        "css" => ("text/css", Some("CSS")),
        "sql" => ("application/sql", Some("SQL")),
        "csv" => ("text/csv", Some("CSV")),
        "txt" => ("text/plain", Some("Text")),
        _ => ("text/plain", None),
    }
}

/// A comment on a gist.
pub(in crate::github) fn comment(root: &Root, row: &Row, out: &mut Writer) {
    let id = row.text(column::GIST);
    let number = row.int(column::ID);
    let owner = root.get(GISTS, &Key::folded(id));
    let own = owner.is_some_and(|gist| same(gist.text(gist::USER), row.text(column::USER)));
    out.raw("{").key("id").int(number);
    out.key("node_id").text(row.text(column::NODE_ID));
    out.key("url")
        .text(&format!("{API}/gists/{id}/comments/{number}"));
    out.key("body").prose(row, column::BODY);
    out.key("user");
    user::named(root, row.text_or_null(column::USER), out);
    out.key("author_association")
        .text(if own { "OWNER" } else { "NONE" });
    out.key("created_at").time(row.time(column::CREATED_AT));
    out.key("updated_at").time(row.time(column::UPDATED_AT));
    out.raw("}");
}
