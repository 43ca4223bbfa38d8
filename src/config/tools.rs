//! What the agent's own tools stand for, read from the words of the file.

use std::collections::BTreeMap;

use archal_core::diagnostic::Diagnostic;
use serde_json::Value;

use super::schema::ToolMapping;

/// The methods that a request can have.
const METHODS: &[&str] = &["DELETE", "GET", "HEAD", "PATCH", "POST", "PUT"];

/// A part of a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Piece {
    /// As it stands.
    Text(String),
    /// An argument of the call.
    Argument {
        /// Its name; dots lead into objects: `filter.state`.
        name: String,
        /// Whether the slashes in it are part of the path: `{+repository}`.
        is_path: bool,
    },
}

/// A request with arguments in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CallTemplate {
    /// The method in capitals.
    pub method: String,
    /// The path.
    pub path: Vec<Piece>,
    /// The query: names, and values that are left out where an argument in them is.
    pub query: Vec<(String, Vec<Piece>)>,
}

impl CallTemplate {
    /// Reads `GET /repos/{owner}/{repo}/issues?state={state}`.
    ///
    /// # Errors
    /// What is wrong with it, to follow "it".
    pub fn read(text: &str) -> Result<Self, String> {
        let (method, rest) = text
            .trim()
            .split_once(char::is_whitespace)
            .ok_or("is no method and path: `GET /repos/{owner}/{repo}`")?;
        if !METHODS.contains(&method) {
            return Err(format!(
                "has the method `{method}`; it is one of {}",
                METHODS.join(", ")
            ));
        }
        let rest = rest.trim_start();
        if !rest.starts_with('/') {
            return Err(
                "has a path that does not begin with `/`; the clone says the host".to_owned(),
            );
        }
        let (path, query) = rest.split_once('?').unwrap_or((rest, ""));
        if path.contains(char::is_whitespace) || path.contains('#') {
            return Err("has a space or a `#` in its path".to_owned());
        }
        let query = query
            .split('&')
            .filter(|pair| !pair.is_empty())
            .map(|pair| {
                let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
                Ok((name.to_owned(), pieces(value)?))
            })
            .collect::<Result<_, String>>()?;
        Ok(Self {
            method: method.to_owned(),
            path: pieces(path)?,
            query,
        })
    }

    /// The names of the arguments in it.
    pub fn arguments(&self) -> impl Iterator<Item = &str> {
        let in_query = self.query.iter().flat_map(|(_, value)| value);
        self.path
            .iter()
            .chain(in_query)
            .filter_map(|piece| match piece {
                Piece::Argument { name, .. } => Some(name.as_str()),
                Piece::Text(_) => None,
            })
    }
}

/// The parts of a text; `{{` and `}}` are braces of its own.
///
/// # Errors
/// What is wrong with it, to follow "it".
pub fn pieces(text: &str) -> Result<Vec<Piece>, String> {
    let mut found = Vec::new();
    let mut plain = String::new();
    let mut rest = text;
    while let Some(at) = rest.find(['{', '}']) {
        plain.push_str(&rest[..at]);
        let (brace, behind) = rest[at..].split_at(1);
        if let Some(behind) = behind.strip_prefix(brace) {
            plain.push_str(brace);
            rest = behind;
            continue;
        }
        if brace == "}" {
            return Err("has a `}` without `{`; `}}` stands for a brace".to_owned());
        }
        let (name, behind) = behind
            .split_once('}')
            .ok_or("has a `{` without `}`; `{{` stands for a brace")?;
        let (name, is_path) = match name.strip_prefix('+') {
            Some(name) => (name, true),
            None => (name, false),
        };
        if name.is_empty() || name.contains('{') {
            return Err("has a pair of braces that names no argument".to_owned());
        }
        if !plain.is_empty() {
            found.push(Piece::Text(std::mem::take(&mut plain)));
        }
        let name = name.to_owned();
        found.push(Piece::Argument { name, is_path });
        rest = behind;
    }
    plain.push_str(rest);
    if !plain.is_empty() {
        found.push(Piece::Text(plain));
    }
    Ok(found)
}

/// What is wrong with the mappings: the key and the finding.
pub(super) fn problem(tools: &BTreeMap<String, ToolMapping>) -> Option<(String, Diagnostic)> {
    tools.iter().find_map(|(name, mapping)| {
        let (key, message, help) = wrong(mapping)?;
        let key = match key {
            "" => String::new(),
            key => format!(".{key}"),
        };
        let finding =
            Diagnostic::error("config/tools", format!("the mapping of `{name}` {message}"));
        Some((format!("tools.{name}{key}"), finding.with_help(help)))
    })
}

const EXAMPLE: &str =
    r#"{"clone": "github", "call": "GET /repos/{owner}/{repo}/issues?state={state}"}"#;

fn wrong(mapping: &ToolMapping) -> Option<(&'static str, String, &'static str)> {
    if mapping.local {
        let says_more = mapping.clone.is_some()
            || mapping.call.is_some()
            || mapping.body.is_some()
            || mapping.result.is_some()
            || mapping.error.is_some();
        return says_more.then(|| {
            let message = "is `local` and says more: what is local calls nothing";
            ("", message.to_owned(), r#"{"local": true}"#)
        });
    }
    let Some(call) = &mapping.call else {
        let message = "says neither `call` nor `\"local\": true`";
        return Some(("", message.to_owned(), EXAMPLE));
    };
    if mapping.clone.is_none() {
        let message = "does not say which `clone` it calls";
        return Some(("", message.to_owned(), EXAMPLE));
    }
    if let Err(reason) = CallTemplate::read(call) {
        return Some(("call", format!("cannot be read: it {reason}"), EXAMPLE));
    }
    let body = mapping.body.iter().flat_map(BTreeMap::values);
    if let Some(reason) = body.filter_map(wrong_in).next() {
        let help = r#""body": {"title": "{title}", "labels": ["bug"]}"#;
        return Some((
            "body",
            format!("cannot be read: a text of its body {reason}"),
            help,
        ));
    }
    for (key, pointer) in [("result", &mapping.result), ("error", &mapping.error)] {
        if pointer
            .as_ref()
            .is_some_and(|pointer| !pointer.starts_with('/'))
        {
            let message = format!("has a `{key}` that is no JSON pointer: it begins with `/`");
            return Some((key, message, r#""result": "/data/issues""#));
        }
    }
    None
}

/// What is wrong with a text in a body.
fn wrong_in(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => pieces(text).err(),
        Value::Array(items) => items.iter().find_map(wrong_in),
        Value::Object(fields) => fields.values().find_map(wrong_in),
        Value::Null | Value::Bool(_) | Value::Number(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problem_of(mapping: &str) -> String {
        let mapping = serde_json::from_str(mapping).expect("a mapping");
        let tools = BTreeMap::from([("t".to_owned(), mapping)]);
        problem(&tools).map_or_else(String::new, |(at, finding)| {
            format!("{at}: {}", finding.message)
        })
    }

    #[test]
    fn sound_mappings_are_taken() {
        for sound in [
            r#"{"local": true}"#,
            r#"{"clone": "github", "call": "GET /repos/{owner}/{repo}/issues?state={state}&per_page=100"}"#,
            r#"{"clone": "github", "call": "POST /repos/{+repository}/issues",
                "body": {"title": "{title}", "labels": ["bug", "{label}"], "body": "{{as is}}"},
                "result": "/issue", "error": "/error/message"}"#,
        ] {
            assert_eq!(problem_of(sound), "", "{sound}");
        }
    }

    #[test]
    fn mistakes_are_told_at_their_key() {
        let told: Vec<String> = [
            "{}",
            r#"{"call": "GET /user"}"#,
            r#"{"local": true, "call": "GET /user"}"#,
            r#"{"clone": "github", "call": "/user"}"#,
            r#"{"clone": "github", "call": "FETCH /user"}"#,
            r#"{"clone": "github", "call": "GET https://api.github.com/user"}"#,
            r#"{"clone": "github", "call": "GET /users/{name"}"#,
            r#"{"clone": "github", "call": "GET /users/name}"}"#,
            r#"{"clone": "github", "call": "GET /users/{}"}"#,
            r#"{"clone": "github", "call": "GET /user", "body": {"a": [{"b": "{"}]}}"#,
            r#"{"clone": "github", "call": "GET /user", "result": "data"}"#,
        ]
        .map(problem_of)
        .to_vec();
        insta::assert_snapshot!(told.join("\n"), @r#"
        tools.t: the mapping of `t` says neither `call` nor `"local": true`
        tools.t: the mapping of `t` does not say which `clone` it calls
        tools.t: the mapping of `t` is `local` and says more: what is local calls nothing
        tools.t.call: the mapping of `t` cannot be read: it is no method and path: `GET /repos/{owner}/{repo}`
        tools.t.call: the mapping of `t` cannot be read: it has the method `FETCH`; it is one of DELETE, GET, HEAD, PATCH, POST, PUT
        tools.t.call: the mapping of `t` cannot be read: it has a path that does not begin with `/`; the clone says the host
        tools.t.call: the mapping of `t` cannot be read: it has a `{` without `}`; `{{` stands for a brace
        tools.t.call: the mapping of `t` cannot be read: it has a `}` without `{`; `}}` stands for a brace
        tools.t.call: the mapping of `t` cannot be read: it has a pair of braces that names no argument
        tools.t.body: the mapping of `t` cannot be read: a text of its body has a `{` without `}`; `{{` stands for a brace
        tools.t.result: the mapping of `t` has a `result` that is no JSON pointer: it begins with `/`
        "#);
    }

    #[test]
    fn texts_are_read_into_pieces() {
        let template = CallTemplate::read("GET /r/{+repo}/i?state={s}&q=a{{b}}").expect("sound");
        let argument = |name: &str, is_path| Piece::Argument {
            name: name.to_owned(),
            is_path,
        };
        let text = |text: &str| Piece::Text(text.to_owned());
        assert_eq!(
            template.path,
            [text("/r/"), argument("repo", true), text("/i")]
        );
        assert_eq!(
            template.query,
            [
                ("state".to_owned(), vec![argument("s", false)]),
                ("q".to_owned(), vec![text("a{b}")]),
            ]
        );
        assert_eq!(template.arguments().collect::<Vec<_>>(), ["repo", "s"]);
    }
}
