//! YAML files that people write, checked against the schema of what they are to be, with the place of
//! each mistake.

use std::fmt;

use archal_core::diagnostic::{Diagnostic, Span};
use schemars::JsonSchema;
use schemars::generate::SchemaSettings;
use serde::de::{DeserializeOwned, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::Value;
use serde_saphyr::{Location, Spanned};

use super::check;
use super::document::{Member, Node, NodeKind};
use super::strict::Read;

/// Reads the text of a file; an empty one is an empty object.
///
/// # Errors
///
/// Everything that is wrong with it.
pub fn read<T: DeserializeOwned + JsonSchema>(text: &str) -> Result<Read<T>, Vec<Diagnostic>> {
    let node = parse(text).map_err(|finding| vec![finding])?;
    let shape = SchemaSettings::draft2020_12()
        .with(|settings| settings.inline_subschemas = true)
        .into_generator()
        .into_root_schema_for::<T>();
    let findings = check::check_plain(&node, shape.as_value());
    if !findings.is_empty() {
        return Err(findings);
    }
    serde_json::from_value(node.to_value())
        .map(|value| Read::new(value, node.spans()))
        .map_err(|error| vec![Diagnostic::error("config/value", error.to_string()).at(node.span)])
}

fn parse(text: &str) -> Result<Node, Diagnostic> {
    if text.lines().all(|line| {
        let line = line.trim();
        line.is_empty() || line.starts_with('#') || line == "---"
    }) {
        return Ok(Node {
            span: Span { start: 0, end: 0 },
            kind: NodeKind::Object(Vec::new()),
        });
    }
    let inner: Spanned<Inner> = serde_saphyr::from_str(text).map_err(|error| {
        let error = error.without_snippet();
        let at = error
            .location()
            .map_or(0, |location| start(&location, text));
        let message = error.to_string();
        let message = message.lines().next().unwrap_or_default();
        let message = message.split(" at line ").next().unwrap_or_default();
        // The crate's advice to programmers is none to people.
        let message = message.split(", set ").next().unwrap_or_default();
        Diagnostic::error("config/syntax", message).at(Span { start: at, end: at })
    })?;
    Ok(node(inner, text))
}

fn node(inner: Spanned<Inner>, text: &str) -> Node {
    let span = span(&inner.referenced, text);
    let kind = match inner.value {
        Inner::Scalar(value) => NodeKind::Scalar(value),
        Inner::Array(items) => {
            NodeKind::Array(items.into_iter().map(|item| node(item, text)).collect())
        }
        Inner::Object(members) => NodeKind::Object(
            members
                .into_iter()
                .map(|(name, value)| Member {
                    name_span: self::span(&name.referenced, text),
                    name: name.value,
                    value: node(value, text),
                })
                .collect(),
        ),
    };
    Node { span, kind }
}

fn start(location: &Location, text: &str) -> usize {
    let at = location.span().byte_offset().unwrap_or(0);
    boundary(text, usize::try_from(at).unwrap_or(0))
}

fn span(location: &Location, text: &str) -> Span {
    let start = start(location, text);
    let length = location.span().byte_len().unwrap_or(0);
    let length = usize::try_from(length).unwrap_or(0);
    Span {
        start,
        end: boundary(text, start.saturating_add(length)).max(start),
    }
}

fn boundary(text: &str, at: usize) -> usize {
    let mut at = at.min(text.len());
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    at
}

/// Any value with the place of everything in it.
enum Inner {
    Object(Vec<(Spanned<String>, Spanned<Self>)>),
    Array(Vec<Spanned<Self>>),
    Scalar(Value),
}

impl<'de> Deserialize<'de> for Inner {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(AnyValue)
    }
}

struct AnyValue;

impl<'de> Visitor<'de> for AnyValue {
    type Value = Inner;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_bool<E>(self, value: bool) -> Result<Inner, E> {
        Ok(Inner::Scalar(value.into()))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Inner, E> {
        Ok(Inner::Scalar(value.into()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Inner, E> {
        Ok(Inner::Scalar(value.into()))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Inner, E> {
        Ok(Inner::Scalar(value.into()))
    }

    fn visit_str<E>(self, value: &str) -> Result<Inner, E> {
        Ok(Inner::Scalar(value.into()))
    }

    fn visit_unit<E>(self) -> Result<Inner, E> {
        Ok(Inner::Scalar(Value::Null))
    }

    fn visit_none<E>(self) -> Result<Inner, E> {
        Ok(Inner::Scalar(Value::Null))
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Inner, D::Error> {
        Inner::deserialize(deserializer)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Inner, A::Error> {
        let mut all = Vec::new();
        while let Some(item) = items.next_element()? {
            all.push(item);
        }
        Ok(Inner::Array(all))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Inner, A::Error> {
        let mut all = Vec::new();
        while let Some(member) = members.next_entry()? {
            all.push(member);
        }
        Ok(Inner::Object(all))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    #[derive(Debug, PartialEq, Deserialize, JsonSchema)]
    #[serde(deny_unknown_fields)]
    struct Example {
        /// A number.
        #[serde(default)]
        number: Option<u32>,
        /// Names.
        #[serde(default)]
        names: BTreeMap<String, Vec<String>>,
        /// Anything.
        #[serde(default)]
        any: Option<Value>,
    }

    fn findings(text: &str) -> Vec<String> {
        let findings = read::<Example>(text).expect_err("refused");
        let told = |finding: &Diagnostic| {
            let span = finding.span.expect("a place");
            format!("{} @ {:?}", finding.message, &text[span.start..span.end])
        };
        findings.iter().map(told).collect()
    }

    #[test]
    fn values_are_read_with_their_places() {
        let text = "# a file\nnumber: 3\nnames:\n  x: [a, 'b']\nany: {deep: [1, true, null]}\n";
        let read = read::<Example>(text).expect("sound");
        assert_eq!(read.value.number, Some(3));
        assert_eq!(read.value.names["x"], ["a", "b"]);
        let span = read.span("number").expect("a place");
        assert_eq!(&text[span.start..span.end], "3");
        for empty in ["", "# nothing\n---\n\n"] {
            assert_eq!(
                super::read::<Example>(empty).expect("empty").value.number,
                None
            );
        }
    }

    #[test]
    fn mistakes_are_told_where_they_are() {
        assert_eq!(
            findings("number: many\nnmaes: {}\n"),
            [
                "`number` must be a whole number, not a string @ \"many\"",
                "unknown key `nmaes` @ \"nmaes\""
            ]
        );
        assert_eq!(findings("- 1\n").len(), 1);
        assert_eq!(findings("number: 1\nnumber: 2\n").len(), 1);
        assert_eq!(findings("number: [1\n").len(), 1);
    }
}
