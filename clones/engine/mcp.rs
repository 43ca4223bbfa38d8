//! Tool calls: arguments as official servers read them, and requests to the clone's operations.
//!
//! The official servers that clones stand for are written in Go over `map[string]any`; what they
//! say about a wrong argument comes from there, and agents correct themselves by it.

use archal_core::clone::{Arguments, Ask, CloneRequest};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::Value;

/// What stays as it is in a path segment.
const SEGMENT: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'_')
    .remove(b'.')
    .remove(b'~');

/// A text as one segment of a path.
pub(crate) fn segment(text: &str) -> String {
    utf8_percent_encode(text, SEGMENT).to_string()
}

/// A text that must be there and not be empty.
pub(crate) fn required_text<'a>(arguments: &'a Arguments, name: &str) -> Result<&'a str, String> {
    match arguments.get(name) {
        Some(Value::String(text)) if !text.is_empty() => Ok(text),
        None | Some(Value::String(_)) => Err(format!("missing required parameter: {name}")),
        Some(_) => Err(format!("parameter {name} is not of type string")),
    }
}

/// A text; empty where it is absent.
pub(crate) fn text<'a>(arguments: &'a Arguments, name: &str) -> Result<&'a str, String> {
    match arguments.get(name) {
        None => Ok(""),
        Some(Value::String(text)) => Ok(text),
        Some(other) => Err(format!(
            "parameter {name} is not of type string, is {}",
            go_type(other)
        )),
    }
}

/// A whole number that must be there and not be zero.
pub(crate) fn required_number(arguments: &Arguments, name: &str) -> Result<i64, String> {
    match number(arguments, name)? {
        Some(0) | None => Err(format!("missing required parameter: {name}")),
        Some(number) => Ok(number),
    }
}

/// A whole number, also one that is written as a text.
pub(crate) fn number(arguments: &Arguments, name: &str) -> Result<Option<i64>, String> {
    let wrong = |what: String| format!("parameter {name} is not a valid number: {what}");
    let value = match arguments.get(name) {
        None => return Ok(None),
        Some(Value::Number(number)) => number.as_f64().unwrap_or(f64::NAN),
        Some(Value::String(text)) => text
            .parse()
            .map_err(|_| wrong(format!("invalid numeric value: {text}")))?,
        Some(other) => return Err(wrong(format!("expected number, got {}", go_type(other)))),
    };
    if !value.is_finite() {
        return Err(wrong("non-finite numeric value".to_owned()));
    }
    if value.fract() != 0.0 {
        return Err(wrong(format!("non-integer numeric value: {value}")));
    }
    // Exact within the range in which a float holds every whole number.
    if value.abs() > 9_007_199_254_740_992.0 {
        return Err(wrong(format!("numeric value out of int range: {value}")));
    }
    #[expect(
        clippy::cast_possible_truncation,
        reason = "whole and within 2^53, as just checked"
    )]
    Ok(Some(value as i64))
}

/// A whole number, or the usual one where it is absent or zero.
pub(crate) fn number_or(arguments: &Arguments, name: &str, usual: i64) -> Result<i64, String> {
    Ok(number(arguments, name)?
        .filter(|number| *number != 0)
        .unwrap_or(usual))
}

/// A list of texts; empty where it is absent or null.
pub(crate) fn texts<'a>(arguments: &'a Arguments, name: &str) -> Result<Vec<&'a str>, String> {
    match arguments.get(name) {
        None | Some(Value::Null) => Ok(Vec::new()),
        Some(Value::Array(items)) => items
            .iter()
            .map(|item| {
                item.as_str().ok_or_else(|| {
                    format!(
                        "parameter {name} is not of type string, is {}",
                        go_type(item)
                    )
                })
            })
            .collect(),
        Some(other) => Err(format!(
            "parameter {name} could not be coerced to []string, is {}",
            go_type(other)
        )),
    }
}

/// The name Go has for the type of a decoded JSON value.
fn go_type(value: &Value) -> &'static str {
    match value {
        Value::Null => "<nil>",
        Value::Bool(_) => "bool",
        Value::Number(_) => "float64",
        Value::String(_) => "string",
        Value::Array(_) => "[]interface {}",
        Value::Object(_) => "map[string]interface {}",
    }
}

/// The media type of almost every answer.
const JSON: &str = "application/json";

/// Asks one host of the clone.
pub(crate) struct Asker<'a> {
    /// The host.
    pub host: &'static str,
    /// Sends a request.
    pub ask: Ask<'a>,
}

/// What an operation answered to a tool.
#[derive(Debug)]
pub(crate) struct Answered {
    /// The method asked with.
    pub method: &'static str,
    /// The address asked for.
    pub url: String,
    /// The status.
    pub status: u16,
    /// The body; null where there is none.
    pub body: Value,
    /// The body as text, whatever it is.
    pub text: String,
    /// Where the answer leads to.
    pub location: Option<String>,
    /// The links to its other pages.
    pub link: Option<String>,
    /// Rows of the whole list, where the answer is a page of one.
    pub total: Option<u64>,
}

impl Asker<'_> {
    /// Asks with a query of decoded pairs.
    pub(crate) fn get(&mut self, path: &str, query: &[(&str, &str)]) -> Answered {
        let query = form_urlencoded::Serializer::new(String::new())
            .extend_pairs(query)
            .finish();
        self.send("GET", path, query, None, JSON)
    }

    /// Asks for one of the other representations of a thing.
    pub(crate) fn get_as(&mut self, path: &str, accept: &str) -> Answered {
        self.send("GET", path, String::new(), None, accept)
    }

    /// Asks where an answer has led to, which may be at another host.
    pub(crate) fn follow(&mut self, url: &str) -> Answered {
        let rest = url.strip_prefix("https://").unwrap_or(url);
        let (host, rest) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
        let (path, query) = rest.split_once('?').unwrap_or((rest, ""));
        self.send_to(host, "GET", path, query.to_owned(), None, "*/*")
    }

    /// Asks with a body.
    pub(crate) fn write(&mut self, method: &'static str, path: &str, body: &Value) -> Answered {
        self.send(method, path, String::new(), Some(body), JSON)
    }

    /// Asks without query or body.
    pub(crate) fn delete(&mut self, path: &str) -> Answered {
        self.send("DELETE", path, String::new(), None, JSON)
    }

    fn send(
        &mut self,
        method: &'static str,
        path: &str,
        query: String,
        body: Option<&Value>,
        accept: &str,
    ) -> Answered {
        self.send_to(self.host, method, path, query, body, accept)
    }

    fn send_to(
        &mut self,
        host: &str,
        method: &'static str,
        path: &str,
        query: String,
        body: Option<&Value>,
        accept: &str,
    ) -> Answered {
        let mut url = format!("https://{host}{path}");
        if !query.is_empty() {
            url.push('?');
            url.push_str(&query);
        }
        let mut headers = vec![
            ("accept".to_owned(), accept.to_owned()),
            ("user-agent".to_owned(), "archal-mcp".to_owned()),
        ];
        if body.is_some() {
            headers.push(("content-type".to_owned(), "application/json".to_owned()));
        }
        let response = (self.ask)(CloneRequest {
            method: method.to_owned(),
            scheme: "https".to_owned(),
            host: host.to_owned(),
            path: path.to_owned(),
            query,
            headers,
            body: body.map(|body| body.to_string().into()).unwrap_or_default(),
            spool: None,
        });
        let header = |wanted: &str| {
            let mut headers = response.headers.iter().chain(&response.volatile_headers);
            let found = headers.find(|(name, _)| name.eq_ignore_ascii_case(wanted));
            found.map(|(_, value)| value.clone())
        };
        Answered {
            method,
            url,
            location: header("location"),
            link: header("link"),
            text: String::from_utf8_lossy(&response.body.wire).into_owned(),
            status: response.status,
            body: serde_json::from_slice(&response.body.wire).unwrap_or_default(),
            total: response.total,
        }
    }
}

impl Answered {
    /// Whether the operation did what was asked.
    pub(crate) fn succeeded(&self) -> bool {
        (200..300).contains(&self.status)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn arguments(text: &str) -> Arguments {
        serde_json::from_str(text).expect("an object")
    }

    #[test]
    fn arguments_are_refused_in_the_words_of_the_official_server() {
        let given = arguments(r#"{"a":1,"b":"","c":"7","d":1.5,"e":[1],"f":null,"g":{},"h":"x"}"#);
        let failures = [
            required_text(&given, "none").map(drop),
            required_text(&given, "a").map(drop),
            required_text(&given, "b").map(drop),
            text(&given, "f").map(drop),
            required_number(&given, "none").map(drop),
            number(&given, "d").map(drop),
            number(&given, "h").map(drop),
            number(&given, "g").map(drop),
            texts(&given, "e").map(drop),
            texts(&given, "g").map(drop),
        ]
        .map(|failure| failure.expect_err("refused"));
        insta::assert_snapshot!(failures.join("\n"), @r"
        missing required parameter: none
        parameter a is not of type string
        missing required parameter: b
        parameter f is not of type string, is <nil>
        missing required parameter: none
        parameter d is not a valid number: non-integer numeric value: 1.5
        parameter h is not a valid number: invalid numeric value: x
        parameter g is not a valid number: expected number, got map[string]interface {}
        parameter e is not of type string, is float64
        parameter g could not be coerced to []string, is map[string]interface {}
        ");
        assert_eq!(number(&given, "c"), Ok(Some(7)));
        assert_eq!(number_or(&given, "none", 30), Ok(30));
    }

    #[test]
    fn a_name_is_one_segment_whatever_is_in_it() {
        assert_eq!(segment("good first/issue?"), "good%20first%2Fissue%3F");
        assert_eq!(segment("../x"), "..%2Fx");
    }
}
