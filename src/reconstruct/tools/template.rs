//! Paths and bodies with arguments in them, filled in.

use archal_core::clone::Arguments;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Map, Value};

use crate::config::tools::{Piece, pieces};

/// What stays as it is in a path segment.
const SEGMENT: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'_')
    .remove(b'.')
    .remove(b'~');

/// The most levels of a body that are filled in.
const DEPTH: usize = 16;

/// An argument by its name, or by a path of names.
pub(super) fn argument<'a>(arguments: &'a Arguments, name: &str) -> Option<&'a Value> {
    let found = arguments.get(name).or_else(|| {
        let mut names = name.split('.');
        let first = arguments.get(names.next()?)?;
        names.try_fold(first, |value, name| match value {
            Value::Array(items) => items.get(name.parse::<usize>().ok()?),
            other => other.get(name),
        })
    });
    found.filter(|value| !value.is_null())
}

/// A value as a part of a text; none for what is no text.
pub(super) fn text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(_) | Value::Bool(_) => Some(value.to_string()),
        Value::Array(items) => {
            let texts: Option<Vec<String>> = items.iter().map(text).collect();
            texts.map(|texts| texts.join(","))
        }
        Value::Null | Value::Object(_) => None,
    }
}

/// One segment of a path.
pub(super) fn segment(text: &str) -> String {
    utf8_percent_encode(text, SEGMENT).to_string()
}

/// A path; or the argument that it lacks.
pub(super) fn path(parts: &[Piece], arguments: &Arguments) -> Result<String, String> {
    let mut out = String::new();
    for part in parts {
        match part {
            Piece::Text(text) => out.push_str(text),
            Piece::Argument { name, is_path } => {
                let value = argument(arguments, name)
                    .and_then(text)
                    .filter(|text| !text.is_empty());
                let value = value.ok_or_else(|| name.clone())?;
                if *is_path {
                    let segments: Vec<String> = value.split('/').map(segment).collect();
                    out.push_str(&segments.join("/"));
                } else {
                    out.push_str(&segment(&value));
                }
            }
        }
    }
    Ok(out)
}

/// A value of a query; none where an argument in it is absent.
pub(super) fn filled(parts: &[Piece], arguments: &Arguments) -> Option<String> {
    parts
        .iter()
        .map(|part| match part {
            Piece::Text(text) => Some(text.clone()),
            Piece::Argument { name, .. } => text(argument(arguments, name)?),
        })
        .collect()
}

/// A body; what holds an absent argument is left out.
pub(super) fn body<'a>(
    fields: impl Iterator<Item = (&'a String, &'a Value)>,
    arguments: &Arguments,
) -> Value {
    let fields: Map<String, Value> = fields
        .filter_map(|(name, value)| Some((name.clone(), within(value, arguments, 0)?)))
        .collect();
    fields.into()
}

fn within(value: &Value, arguments: &Arguments, depth: usize) -> Option<Value> {
    if depth > DEPTH {
        return None;
    }
    match value {
        Value::String(text) => match pieces(text).ok()?.as_slice() {
            [] => Some(value.clone()),
            // An argument alone keeps its type.
            [Piece::Argument { name, .. }] => argument(arguments, name).cloned(),
            parts => filled(parts, arguments).map(Value::String),
        },
        Value::Array(items) => items
            .iter()
            .map(|item| within(item, arguments, depth + 1))
            .filter(Option::is_some)
            .collect::<Option<Vec<_>>>()
            .map(Value::Array),
        Value::Object(fields) => {
            let fields: Map<String, Value> = fields
                .iter()
                .filter_map(|(name, value)| {
                    Some((name.clone(), within(value, arguments, depth + 1)?))
                })
                .collect();
            Some(fields.into())
        }
        other => Some(other.clone()),
    }
}
