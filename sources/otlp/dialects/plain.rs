//! Names without a convention, archal's own among them.

use serde_json::Value;

use super::{Dialect, Heading, Said};
use crate::otlp::attributes::{Taking, text_of};

pub(super) const DIALECT: Dialect = Dialect {
    name: "plain",
    fits: |taking, _| {
        let names = [INPUT, OUTPUT, SESSION, USER, TAGS];
        names.iter().copied().flatten().any(|name| taking.has(name))
    },
    read,
};

const INPUT: &[&str] = &["input", "input.value", "archal.input"];
const OUTPUT: &[&str] = &["output", "output.value", "archal.output"];

const SESSION: &[&str] = &["session.id"];
const USER: &[&str] = &["user.id", "enduser.id"];
const TAGS: &[&str] = &["archal.tags", "trace.tags", "tags"];

fn read(taking: &mut Taking, _: &mut Heading<'_>) -> Said {
    Said {
        input: taking.json(INPUT, "input"),
        output: taking.json(OUTPUT, "output"),
        session: taking.text(SESSION),
        user: taking.text(USER),
        tags: tags(taking, TAGS),
        ..Said::default()
    }
}

/// Tags as a list or as words between commas.
pub(super) fn tags(taking: &mut Taking, names: &[&str]) -> Vec<String> {
    match taking.value(names) {
        Some(Value::Array(tags)) => tags.iter().filter_map(text_of).collect(),
        Some(Value::String(tags)) => tags
            .split(',')
            .map(|tag| tag.trim().to_owned())
            .filter(|tag| !tag.is_empty())
            .collect(),
        _ => Vec::new(),
    }
}
