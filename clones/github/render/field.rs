//! Types and fields of issues, and what an issue holds in them.

use crate::engine::fingerprint;
use crate::engine::key::Key;
use crate::engine::root::Root;
use crate::engine::row::Row;
use crate::engine::writer::Writer;
use crate::github::tables::{
    ISSUE_FIELD_VALUES, ISSUE_FIELDS, VALUES_BY_ISSUE, field_value, issue_field, issue_type,
};

/// A type of issues.
pub(in crate::github) fn issue_type(_: &Root, row: &Row, out: &mut Writer) {
    out.raw("{");
    out.key("id").int(row.int(issue_type::ID));
    out.key("node_id").text(row.text(issue_type::NODE_ID));
    out.key("name").text(row.text(issue_type::NAME));
    out.key("description")
        .text_or_null(row.text_or_null(issue_type::DESCRIPTION));
    out.key("color")
        .text_or_null(row.text_or_null(issue_type::COLOR));
    out.key("created_at").time(row.time(issue_type::CREATED_AT));
    out.key("updated_at").time(row.time(issue_type::UPDATED_AT));
    out.key("is_enabled").bool(row.bool(issue_type::IS_ENABLED));
    out.raw("}");
}

/// The number of an option: it stays while the option keeps its name.
pub(in crate::github) fn option_id(field: &Row, name: &str) -> i64 {
    let state = field.int(issue_field::ID).unsigned_abs();
    let hash = fingerprint::bytes(state, name.as_bytes());
    i64::try_from(hash & 0x3fff_ffff).unwrap_or(0)
}

fn color_of(field: &Row, at: usize) -> &str {
    field
        .texts(issue_field::OPTION_COLORS)
        .nth(at)
        .filter(|color| !color.is_empty())
        .unwrap_or("gray")
}

/// A field of issues.
pub(in crate::github) fn field(_: &Root, row: &Row, out: &mut Writer) {
    out.raw("{");
    out.key("id").int(row.int(issue_field::ID));
    out.key("node_id").text(row.text(issue_field::NODE_ID));
    out.key("name").text(row.text(issue_field::NAME));
    out.key("description")
        .text_or_null(row.text_or_null(issue_field::DESCRIPTION));
    out.key("data_type").text(row.text(issue_field::DATA_TYPE));
    out.key("visibility")
        .text(row.text(issue_field::VISIBILITY));
    out.key("options");
    if row.text(issue_field::DATA_TYPE).ends_with("_select") {
        out.raw("[");
        for (at, name) in row.texts(issue_field::OPTIONS).enumerate() {
            out.item().raw("{");
            out.key("id").int(option_id(row, name));
            out.key("name").text(name);
            let about = row.texts(issue_field::OPTION_DESCRIPTIONS).nth(at);
            out.key("description")
                .text_or_null(about.filter(|about| !about.is_empty()));
            out.key("color").text(color_of(row, at));
            out.key("priority").raw(&(at + 1).to_string());
            out.raw("}");
        }
        out.raw("]");
    } else {
        out.raw("null");
    }
    out.key("created_at")
        .time(row.time(issue_field::CREATED_AT));
    out.key("updated_at")
        .time(row.time(issue_field::UPDATED_AT));
    out.raw("}");
}

/// What an issue holds in all fields.
pub(in crate::github) fn values(root: &Root, key: &Key, out: &mut Writer) {
    out.raw("[");
    let rows = root.group(ISSUE_FIELD_VALUES, VALUES_BY_ISSUE, key);
    for row in rows.into_iter().flat_map(|rows| rows.values()) {
        if let Some(field) = root.named(ISSUE_FIELDS, row.text(field_value::FIELD)) {
            out.item();
            value(field, row, out);
        }
    }
    out.raw("]");
}

/// What an issue holds in a field.
fn value(field: &Row, row: &Row, out: &mut Writer) {
    let data_type = field.text(issue_field::DATA_TYPE);
    let first = row.texts(field_value::VALUES).next().unwrap_or_default();
    out.raw("{");
    out.key("issue_field_id").int(field.int(issue_field::ID));
    out.key("issue_field_name")
        .text(field.text(issue_field::NAME));
    out.key("node_id").text(field.text(issue_field::NODE_ID));
    out.key("data_type").text(data_type);
    out.key("value");
    match data_type {
        "number" => out.raw(first),
        "multi_select" => {
            let all: Vec<&str> = row.texts(field_value::VALUES).collect();
            out.text(&all.join(", "))
        }
        _ => out.text(first),
    };
    let option = |name: &str, out: &mut Writer| {
        let at = field
            .texts(issue_field::OPTIONS)
            .position(|one| one == name)
            .unwrap_or(usize::MAX);
        out.raw("{");
        out.key("id").int(option_id(field, name));
        out.key("name").text(name);
        out.key("color").text(color_of(field, at)).raw("}");
    };
    if data_type == "single_select" {
        out.key("single_select_option");
        option(first, out);
    }
    if data_type == "multi_select" {
        out.key("multi_select_options").raw("[");
        for name in row.texts(field_value::VALUES) {
            out.item();
            option(name, out);
        }
        out.raw("]");
    }
    out.raw("}");
}
