//! JSON with comments, with the place of every value.

use std::collections::BTreeMap;

use archal_core::diagnostic::{Diagnostic, Span};
use jsonc_parser::ast;
use jsonc_parser::common::Ranged;
use jsonc_parser::{CollectOptions, ParseOptions};
use serde_json::Value;

/// A value, where it stands, and the same of everything in it.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Node {
    pub(super) span: Span,
    pub(super) kind: NodeKind,
}

#[derive(Debug, Clone, PartialEq)]
pub(super) enum NodeKind {
    Object(Vec<Member>),
    Array(Vec<Node>),
    /// Null, a truth value, a number or a string.
    Scalar(Value),
}

/// A member of an object.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Member {
    pub(super) name: String,
    /// Where the name stands.
    pub(super) name_span: Span,
    pub(super) value: Node,
}

impl Node {
    /// The value without places.
    pub(super) fn to_value(&self) -> Value {
        match &self.kind {
            NodeKind::Object(members) => members
                .iter()
                .map(|member| (member.name.clone(), member.value.to_value()))
                .collect::<serde_json::Map<_, _>>()
                .into(),
            NodeKind::Array(items) => items.iter().map(Self::to_value).collect(),
            NodeKind::Scalar(value) => value.clone(),
        }
    }

    /// The place of every value by its dotted path; items of lists by their number.
    pub(super) fn spans(&self) -> BTreeMap<String, Span> {
        let mut spans = BTreeMap::new();
        self.collect_spans("", &mut spans);
        spans
    }

    fn collect_spans(&self, path: &str, spans: &mut BTreeMap<String, Span>) {
        spans.insert(path.to_owned(), self.span);
        match &self.kind {
            NodeKind::Object(members) => {
                for member in members {
                    member.value.collect_spans(&join(path, &member.name), spans);
                }
            }
            NodeKind::Array(items) => {
                for (at, item) in items.iter().enumerate() {
                    item.collect_spans(&join(path, &at.to_string()), spans);
                }
            }
            NodeKind::Scalar(_) => {}
        }
    }
}

/// A dotted path.
pub(super) fn join(path: &str, name: &str) -> String {
    if path.is_empty() {
        name.to_owned()
    } else {
        format!("{path}.{name}")
    }
}

/// Where a part of a string stands: `part` counts bytes of its value, `whole` is the place of its
/// literal. None where that is no string.
pub(super) fn inside(text: &str, whole: Span, part: Span) -> Option<Span> {
    let literal = text.get(whole.start..whole.end)?;
    let inner = literal.strip_prefix('"')?.strip_suffix('"')?;
    // The place in the literal of each place of the value that is asked for.
    let place = |wanted: usize| {
        let (mut value, mut at) = (0, 0);
        while value < wanted && at < inner.len() {
            let (of_value, of_literal) = one_character(&inner[at..]);
            value += of_value;
            at += of_literal;
        }
        whole.start + 1 + at
    };
    Some(Span {
        start: place(part.start),
        end: place(part.end),
    })
}

/// How many bytes the first character of a literal's inside has as a value, and how many it is
/// written with.
fn one_character(literal: &str) -> (usize, usize) {
    let unit = |at: usize| {
        let digits = literal.get(at..at + 6)?.strip_prefix("\\u")?;
        u16::from_str_radix(digits, 16).ok()
    };
    let first = literal.chars().next().map_or(1, char::len_utf8);
    if !literal.starts_with('\\') {
        return (first, first);
    }
    match (unit(0), unit(6)) {
        (Some(high @ 0xd800..=0xdbff), Some(low @ 0xdc00..=0xdfff)) => {
            let both = char::decode_utf16([high, low]).next();
            let length = both.and_then(Result::ok).map_or(3, char::len_utf8);
            (length, 12)
        }
        (Some(one), _) => {
            let one = char::from_u32(u32::from(one)).map_or(3, char::len_utf8);
            (one, 6)
        }
        (None, _) => (1, 2.min(literal.len())),
    }
}

/// Parses JSON with comments and trailing commas; nothing else of JSON5.
pub(super) fn parse(text: &str) -> Result<Node, Diagnostic> {
    parse_as(text, true)
}

/// Parses JSON and nothing else: what archal writes again would lose its comments.
pub(super) fn parse_plain(text: &str) -> Result<Node, Diagnostic> {
    parse_as(text, false)
}

fn parse_as(text: &str, is_relaxed: bool) -> Result<Node, Diagnostic> {
    // An editor's byte-order mark is no content; places stay those of the file.
    let offset = if text.starts_with('\u{feff}') {
        '\u{feff}'.len_utf8()
    } else {
        0
    };
    let options = ParseOptions {
        allow_comments: is_relaxed,
        allow_trailing_commas: is_relaxed,
        allow_loose_object_property_names: false,
        allow_missing_commas: false,
        allow_single_quoted_strings: false,
        allow_hexadecimal_numbers: false,
        allow_unary_plus_numbers: false,
        allow_bare_decimal_point_numbers: false,
        allow_non_finite_numbers: false,
        allow_extended_string_escapes: false,
    };
    let parsed = jsonc_parser::parse_to_ast(&text[offset..], &CollectOptions::default(), &options)
        .map_err(|error| {
            let mut message = error.kind().to_string();
            if let Some(first) = message.get_mut(..1) {
                first.make_ascii_lowercase();
            }
            let range = error.range();
            Diagnostic::error("config/not-json", message)
                .at(range.start + offset..range.end + offset)
        })?;
    let value = parsed.value.ok_or_else(|| {
        Diagnostic::error("config/empty", "the file holds no JSON object")
            .at(0..text.len())
            .with_help("the smallest configuration is `{}`")
    })?;
    let limits = Place { text, offset };
    limits.node(&value)
}

struct Place<'a> {
    text: &'a str,
    offset: usize,
}

impl Place<'_> {
    fn span(&self, value: &impl Ranged) -> Span {
        let end = (value.end() + self.offset).min(self.text.len());
        Span {
            start: (value.start() + self.offset).min(end),
            end,
        }
    }

    fn node(&self, value: &ast::Value<'_>) -> Result<Node, Diagnostic> {
        let span = self.span(value);
        let kind = match value {
            ast::Value::Object(object) => {
                let mut members: Vec<Member> = Vec::new();
                for property in &object.properties {
                    let name = property.name.as_str().to_owned();
                    let name_span = self.span(&property.name);
                    if members.iter().any(|member| member.name == name) {
                        return Err(Diagnostic::error(
                            "config/duplicate-key",
                            format!("`{name}` is set twice"),
                        )
                        .at(name_span));
                    }
                    members.push(Member {
                        name,
                        name_span,
                        value: self.node(&property.value)?,
                    });
                }
                NodeKind::Object(members)
            }
            ast::Value::Array(array) => NodeKind::Array(
                array
                    .elements
                    .iter()
                    .map(|element| self.node(element))
                    .collect::<Result<_, _>>()?,
            ),
            ast::Value::StringLit(literal) => NodeKind::Scalar(Value::from(literal.value.as_ref())),
            ast::Value::NumberLit(literal) => {
                NodeKind::Scalar(serde_json::from_str(literal.value).map_err(|_| {
                    Diagnostic::error("config/number", "this number is out of range").at(span)
                })?)
            }
            ast::Value::BooleanLit(literal) => NodeKind::Scalar(Value::from(literal.value)),
            ast::Value::NullKeyword(_) => NodeKind::Scalar(Value::Null),
        };
        Ok(Node { span, kind })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_of_a_string_is_found_behind_its_escapes() {
        let text = r#"{"cel": "a == \"é\\u00e9\\ud83d\\ude00\" && nam"}"#.replace("\\\\", "\\");
        let node = parse(&text).expect("an object");
        let value = node.to_value()["cel"].as_str().expect("text").to_owned();
        let whole = node.spans()["cel"];
        for wanted in ["nam", "a ==", "\u{1f600}"] {
            let start = value.find(wanted).expect("there");
            let part = Span::from(start..start + wanted.len());
            let found = inside(&text, whole, part).expect("a string");
            let shown = &text[found.start..found.end];
            let read: String = serde_json::from_str(&format!("\"{shown}\"")).expect("a string");
            assert_eq!(read, wanted);
        }
        assert_eq!(inside("[1]", Span::from(0..3), Span::from(0..1)), None);
    }
}
