//! Projects, their fields and items.

use archal_core::clone::ViewValue;

use super::{API, issue as write_issue, user};
use crate::engine::fingerprint;
use crate::engine::key::Key;
use crate::engine::root::Root;
use crate::engine::row::Row;
use crate::engine::writer::Writer;
use crate::github::markdown::to_html;
use crate::github::tables::{
    ISSUES, PULLS, USERS, issue, project as column, project_field, project_item, user as account,
};

/// The address of a project.
fn url(root: &Root, row: &Row) -> String {
    let (owner, number) = (row.text(column::OWNER), row.int(column::NUMBER));
    let of = root.get(USERS, &Key::folded(owner));
    let kind = match of {
        Some(of) if of.text(account::TYPE) == "Organization" => "orgs",
        _ => "users",
    };
    format!("{API}/{kind}/{owner}/projectsV2/{number}")
}

/// A project.
pub(in crate::github) fn project(root: &Root, row: &Row, out: &mut Writer) {
    out.raw("{").key("id").int(row.int(column::ID));
    out.key("node_id").text(row.text(column::NODE_ID));
    for (name, at) in [("owner", column::OWNER), ("creator", column::CREATOR)] {
        out.key(name);
        user::named(root, row.text_or_null(at), out);
    }
    out.key("title").prose(row, column::TITLE);
    out.key("description").prose(row, column::DESCRIPTION);
    out.key("public").bool(row.bool(column::PUBLIC));
    for (name, at) in [
        ("closed_at", column::CLOSED_AT),
        ("created_at", column::CREATED_AT),
        ("updated_at", column::UPDATED_AT),
    ] {
        out.key(name).time(row.time(at));
    }
    out.key("number").int(row.int(column::NUMBER));
    out.key("short_description")
        .text_or_null(row.text_or_null(column::SHORT));
    out.raw(r#","deleted_at":null,"deleted_by":null"#);
    out.key("state").text(row.text(column::STATE));
    out.raw(r#","latest_status_update":null,"is_template":false}"#);
}

/// The id of an option of a field: it follows from the field and the name.
pub(in crate::github) fn option_id(row: &Row, name: &str) -> String {
    let print = fingerprint::bytes(row.int(project_field::ID).unsigned_abs(), name.as_bytes());
    format!("{:08x}", print >> 32)
}

/// A field of a project.
pub(in crate::github) fn field(of: &Row, row: &Row, out: &mut Writer) {
    let owner = of.text(column::OWNER);
    out.raw("{").key("id").int(row.int(project_field::ID));
    out.key("node_id").text(row.text(project_field::NODE_ID));
    let number = of.int(column::NUMBER);
    out.key("project_url")
        .text(&format!("{API}/projectsV2/{owner}/{number}"));
    out.key("name").text(row.text(project_field::NAME));
    out.key("data_type").text(row.text(project_field::TYPE));
    if row.text(project_field::TYPE) == "single_select" {
        out.key("options").raw("[");
        for name in row.texts(project_field::OPTIONS) {
            out.item();
            option(row, name, out);
        }
        out.raw("]");
    }
    out.key("created_at")
        .time(row.time(project_field::CREATED_AT));
    out.key("updated_at")
        .time(row.time(project_field::UPDATED_AT));
    out.raw("}");
}

fn option(row: &Row, name: &str, out: &mut Writer) {
    out.raw("{").key("id").text(&option_id(row, name));
    out.key("name").raw("{").key("raw").text(name);
    out.key("html").text(&to_html(name, false)).raw("}");
    out.raw(r#","description":{"raw":"","html":""},"color":"GRAY"}"#);
}

/// Whether an issue is a pull request.
pub(in crate::github) fn is_pull(root: &Root, row: &Row) -> bool {
    root.get(PULLS, &root.key(ISSUES, row)).is_some()
}

/// The title of an item.
pub(in crate::github) fn title<'r>(root: &'r Root, row: &'r Row) -> &'r str {
    match root.named(ISSUES, row.text(project_item::ISSUE)) {
        Some(of) => of.text(issue::TITLE),
        None => row.text(project_item::TITLE),
    }
}

/// What an item holds, by the name of the field.
pub(in crate::github) fn values(row: &Row) -> Vec<(String, String)> {
    let ViewValue::List(items) = row.value(project_item::VALUES) else {
        return Vec::new();
    };
    let pair = |item: &ViewValue| {
        let ViewValue::Object(fields) = item else {
            return None;
        };
        let text = |name: &str| {
            let found = fields.iter().find(|(key, _)| *key == name);
            match found {
                Some((_, ViewValue::Text(text))) => Some(text.to_string()),
                _ => None,
            }
        };
        Some((text("field")?, text("value")?))
    };
    items.iter().filter_map(pair).collect()
}

fn begin(root: &Root, of: &Row, row: &Row, out: &mut Writer) {
    let issue = root.named(ISSUES, row.text(project_item::ISSUE));
    out.raw("{").key("id").int(row.int(project_item::ID));
    out.key("node_id").text(row.text(project_item::NODE_ID));
    out.key("project_url").text(&url(root, of));
    out.key("content_type").text(match issue {
        Some(issue) if is_pull(root, issue) => "PullRequest",
        Some(_) => "Issue",
        None => "DraftIssue",
    });
    out.key("content");
    match issue {
        Some(issue) => {
            write_issue::issue(root, issue, out);
        }
        None => draft(root, row, out),
    }
    out.key("creator");
    user::named(root, row.text_or_null(project_item::CREATOR), out);
    for (name, at) in [
        ("created_at", project_item::CREATED_AT),
        ("updated_at", project_item::UPDATED_AT),
        ("archived_at", project_item::ARCHIVED_AT),
    ] {
        out.key(name).time(row.time(at));
    }
    let url = format!("{}/items/{}", url(root, of), row.int(project_item::ID));
    out.key("item_url").text(&url);
}

fn draft(root: &Root, row: &Row, out: &mut Writer) {
    out.raw("{").key("id").int(row.int(project_item::ID));
    out.key("node_id").text(row.text(project_item::NODE_ID));
    out.key("title").prose(row, project_item::TITLE);
    out.key("body").prose(row, project_item::BODY);
    out.key("user");
    user::named(root, row.text_or_null(project_item::CREATOR), out);
    for (name, at) in [
        ("created_at", project_item::CREATED_AT),
        ("updated_at", project_item::UPDATED_AT),
    ] {
        out.key(name).time(row.time(at));
    }
    out.raw("}");
}

/// An item as it is answered when it is added.
pub(in crate::github) fn simple(root: &Root, of: &Row, row: &Row, out: &mut Writer) {
    begin(root, of, row, out);
    out.raw("}");
}

/// An item with what it holds in these fields.
pub(in crate::github) fn item(
    root: &Root,
    of: &Row,
    row: &Row,
    shown: &[&std::sync::Arc<Row>],
    out: &mut Writer,
) {
    begin(root, of, row, out);
    let held = values(row);
    out.key("fields").raw("[");
    for field in shown {
        let name = field.text(project_field::NAME);
        let kind = field.text(project_field::TYPE);
        let found = held.iter().find(|(known, _)| known == name);
        let found = found.map(|(_, value)| value.as_str());
        out.item()
            .raw("{")
            .key("id")
            .int(field.int(project_field::ID));
        out.key("name").text(name);
        out.key("data_type").text(kind);
        out.key("value");
        match (kind, found) {
            ("title", _) => {
                let title = title(root, row);
                let html = to_html(title, false);
                out.raw("{").key("raw").text(title);
                out.key("html").text(&html).raw("}");
            }
            ("single_select", Some(value)) => option(field, value, out),
            ("number", Some(value)) => {
                // Whatever is no number was refused.
                let number = value.parse::<f64>().map(|number| number.to_string());
                out.raw(number.as_deref().unwrap_or("null"));
            }
            (_, found) => {
                out.text_or_null(found);
            }
        }
        out.raw("}");
    }
    out.raw("]}");
}
