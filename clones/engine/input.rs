//! Request bodies: what an operation takes, and what is wrong with what it got.

use std::collections::BTreeMap;

use serde_json::Value;

/// A field of a request body.
pub(crate) struct Input {
    /// Its name.
    pub name: &'static str,
    /// What it holds.
    pub kind: Kind,
    /// Whether a body without it is refused.
    pub required: bool,
}

impl Input {
    /// A field that may be absent.
    pub(crate) const fn new(name: &'static str, kind: Kind) -> Self {
        Self {
            name,
            kind,
            required: false,
        }
    }

    /// A body without it is refused.
    pub(crate) const fn required(mut self) -> Self {
        self.required = true;
        self
    }
}

/// What a field of a request body holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Text.
    Text,
    /// Text or a number, which is taken as text; null is as if it were absent.
    Title,
    /// Text or null.
    TextOrNull,
    /// True or false.
    Bool,
    /// A whole number.
    Int,
    /// An object; null is as if it were absent.
    Object,
    /// A list of texts; null is as if it were absent.
    Texts,
    /// A list of names, each a text or an object with a `name`; null is as if it were absent.
    Names,
    /// Whatever: the operation looks at it itself.
    Any,
}

/// What is wrong with a body.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Problem {
    /// It is not JSON.
    NotJson,
    /// It is not an object.
    NotAnObject,
    /// A required field is absent.
    Absent(&'static str),
    /// A field, or an item of a list, is of another type.
    Type {
        /// Where: `title`, `labels/0`.
        field: String,
        /// What is there.
        value: Value,
        /// What should be: `string`.
        expected: &'static str,
    },
}

/// The fields of a body that passed.
#[derive(Debug, Default)]
pub(crate) struct Inputs(BTreeMap<&'static str, Value>);

impl Inputs {
    /// Reads a body. Fields that are not declared are ignored, as services do.
    pub(crate) fn read(body: &[u8], declared: &'static [Input]) -> Result<Self, Problem> {
        let mut given = match json(body)? {
            Value::Object(given) => given,
            _ => return Err(Problem::NotAnObject),
        };
        let mut inputs = BTreeMap::new();
        for input in declared {
            match given.remove(input.name) {
                None if input.required => return Err(Problem::Absent(input.name)),
                None => {}
                Some(value) => {
                    if let Some(value) = checked(input, value)? {
                        inputs.insert(input.name, value);
                    }
                }
            }
        }
        Ok(Self(inputs))
    }

    /// Whether a field was given.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.0.contains_key(name)
    }

    /// A field as it was given.
    pub(crate) fn value(&self, name: &str) -> Option<&Value> {
        self.0.get(name)
    }

    /// A text.
    pub(crate) fn text(&self, name: &str) -> Option<&str> {
        self.0.get(name).and_then(Value::as_str)
    }

    /// A truth value.
    pub(crate) fn bool(&self, name: &str) -> Option<bool> {
        self.0.get(name).and_then(Value::as_bool)
    }

    /// A whole number.
    pub(crate) fn int(&self, name: &str) -> Option<i64> {
        self.0.get(name).and_then(Value::as_i64)
    }

    /// A list of texts.
    pub(crate) fn texts(&self, name: &str) -> Option<Vec<&str>> {
        let items = self.0.get(name)?.as_array()?;
        Some(items.iter().filter_map(Value::as_str).collect())
    }
}

/// A body as JSON; nothing at all is an empty object.
pub(crate) fn json(body: &[u8]) -> Result<Value, Problem> {
    if body.iter().all(u8::is_ascii_whitespace) {
        return Ok(Value::Object(serde_json::Map::new()));
    }
    serde_json::from_slice(body).map_err(|_| Problem::NotJson)
}

/// The names of a list, each a text or an object with a `name`.
pub(crate) fn names(field: &str, items: &[Value]) -> Result<Vec<String>, Problem> {
    items
        .iter()
        .enumerate()
        .map(|(at, item)| {
            item.as_str()
                .or_else(|| item.get("name").and_then(Value::as_str))
                .map(str::to_owned)
                .ok_or_else(|| Problem::Type {
                    field: format!("{field}/{at}"),
                    value: item.clone(),
                    expected: "string",
                })
        })
        .collect()
}

fn checked(input: &Input, value: Value) -> Result<Option<Value>, Problem> {
    let wrong = |value: Value, expected| {
        Err(Problem::Type {
            field: input.name.to_owned(),
            value,
            expected,
        })
    };
    match (input.kind, value) {
        (Kind::Any, value) => Ok(Some(value)),
        (Kind::Text | Kind::Title | Kind::TextOrNull, value @ Value::String(_))
        | (Kind::TextOrNull, value @ Value::Null) => Ok(Some(value)),
        (Kind::Title, Value::Number(number)) => Ok(Some(Value::from(number.to_string()))),
        (Kind::Bool, value @ Value::Bool(_)) | (Kind::Object, value @ Value::Object(_)) => {
            Ok(Some(value))
        }
        (Kind::Int, Value::Number(number)) if number.is_i64() => Ok(Some(Value::Number(number))),
        (Kind::Title | Kind::Texts | Kind::Names | Kind::Object, Value::Null) => Ok(None),
        (Kind::Texts, Value::Array(items)) => {
            match items.iter().position(|item| !item.is_string()) {
                None => Ok(Some(Value::Array(items))),
                Some(at) => Err(Problem::Type {
                    field: format!("{}/{at}", input.name),
                    value: items[at].clone(),
                    expected: "string",
                }),
            }
        }
        (Kind::Names, Value::Array(items)) => Ok(Some(names(input.name, &items)?.into())),
        (Kind::Texts | Kind::Names, value) => wrong(value, "array"),
        (Kind::Bool, value) => wrong(value, "boolean"),
        (Kind::Int, value) => wrong(value, "integer"),
        (Kind::Object, value) => wrong(value, "object"),
        (Kind::Text | Kind::Title | Kind::TextOrNull, value) => wrong(value, "string"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DECLARED: &[Input] = &[
        Input {
            name: "title",
            kind: Kind::Title,
            required: true,
        },
        Input {
            name: "labels",
            kind: Kind::Names,
            required: false,
        },
        Input {
            name: "body",
            kind: Kind::TextOrNull,
            required: false,
        },
    ];

    #[test]
    fn bodies_are_read_by_what_is_declared() {
        let read = |body: &str| Inputs::read(body.as_bytes(), DECLARED);
        let inputs =
            read(r#"{"title":7,"labels":["a",{"name":"b"}],"body":null,"x":1}"#).expect("fits");
        assert_eq!(inputs.text("title"), Some("7"));
        assert_eq!(inputs.texts("labels"), Some(vec!["a", "b"]));
        assert!(inputs.has("body") && !inputs.has("x"));
        assert_eq!(read("{").err(), Some(Problem::NotJson));
        assert_eq!(read("[]").err(), Some(Problem::NotAnObject));
        assert_eq!(read("").err(), Some(Problem::Absent("title")));
        assert_eq!(
            read(r#"{"title":"t","labels":["a",3]}"#).err(),
            Some(Problem::Type {
                field: "labels/1".to_owned(),
                value: Value::from(3),
                expected: "string"
            })
        );
    }
}
