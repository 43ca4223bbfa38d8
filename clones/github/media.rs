//! Media types: what `Accept` asks for, and the forms of texts that follow from it.

use archal_core::clone::{CloneRequest, Rendered};
use serde_json::Value;

use super::markdown::{to_html, to_text};
use crate::engine::fingerprint::mix;
use crate::engine::pack::{Refusal, Reply};
use crate::engine::route::Route;

/// In which form a text is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    /// As it was written.
    Raw,
    /// Its words.
    Text,
    /// As a page shows it.
    Html,
    /// All three.
    Full,
}

/// Operations whose answers have texts in Markdown.
const PROSE: &[&str] = &["gists/", "issues/", "pulls/", "repos/", "search/issues"];

/// The media types that a request accepts, without their parameters.
fn accepted(request: &CloneRequest) -> impl Iterator<Item = &str> {
    let header = request.header("accept").unwrap_or("*/*");
    header
        .split(',')
        .map(|one| one.split(';').next().unwrap_or_default().trim())
}

/// The part of a media type of GitHub's that is neither its name nor a version, as in
/// `application/vnd.github.v3.raw+json`, and the format.
fn github(kind: &str) -> Option<(&str, &str)> {
    let rest = kind.strip_prefix("application/vnd.github")?;
    let (rest, format) = rest.split_once('+').unwrap_or((rest, ""));
    let rest = rest.strip_prefix('.').unwrap_or(rest);
    let rest = ["v3", "v4", "beta"]
        .iter()
        .find_map(|version| rest.strip_prefix(version))
        .unwrap_or(rest);
    Some((rest.strip_prefix('.').unwrap_or(rest), format))
}

/// Refuses a request that accepts nothing that GitHub's API answers with.
pub(super) fn check(request: &CloneRequest, route: &Route) -> Result<(), Refusal> {
    let known = accepted(request).any(|kind| {
        matches!(kind, "" | "*/*" | "application/*" | "application/json")
            || kind.ends_with("+json")
            || github(kind).is_some()
    });
    // These answer in another type than JSON.
    let other = ["actions/download", "markdown/", "meta/", "repos/"]
        .iter()
        .any(|id| route.info.id.starts_with(id));
    if known || other {
        return Ok(());
    }
    let asked = request.header("accept").unwrap_or_default();
    let message =
        format!("Unsupported 'Accept' header: '{asked}'. Must accept 'application/json'.");
    Err(Refusal::new(415, message))
}

/// What `X-GitHub-Media-Type` says.
pub(super) fn header(request: &CloneRequest) -> String {
    let asked = accepted(request).find_map(github);
    let asked_plainly = accepted(request).any(|kind| matches!(kind, "*/*" | "application/json"));
    match asked {
        Some(("", _)) => "github.v3; format=json".to_owned(),
        Some((param, "")) => format!("github.v3; param={param}"),
        Some((param, format)) => format!("github.v3; param={param}; format={format}"),
        None if asked_plainly => "github.v3; format=json".to_owned(),
        None => "unknown, github.v3".to_owned(),
    }
}

/// Whether a request asks for that media type of GitHub's.
pub(super) fn asks_for(request: &CloneRequest, what: &str) -> bool {
    let mut asked = accepted(request).filter_map(github);
    asked.any(|(param, _)| param == what)
}

fn form(request: &CloneRequest) -> Form {
    let asked = accepted(request).filter_map(github);
    asked
        .filter_map(|(param, _)| match param {
            "raw" => Some(Form::Raw),
            "text" => Some(Form::Text),
            "html" => Some(Form::Html),
            "full" => Some(Form::Full),
            _ => None,
        })
        .next()
        .unwrap_or(Form::Raw)
}

/// Gives the texts of an answer the form that the request asks for.
pub(super) fn shape(request: &CloneRequest, route: &Route, reply: &mut Reply) {
    let form = form(request);
    let has_prose = PROSE.iter().any(|id| route.info.id.starts_with(id));
    if form == Form::Raw || !has_prose || reply.content_type.is_some() || reply.status >= 300 {
        return;
    }
    if let Some(body) = &reply.body {
        let shaped = |bytes: &[u8]| match std::str::from_utf8(bytes) {
            Ok(text) => shaped(text, form).into(),
            Err(_) => bytes::Bytes::copy_from_slice(bytes),
        };
        reply.body = Some(Rendered {
            wire: shaped(&body.wire),
            evidence: shaped(&body.evidence),
        });
        reply.tag = reply.tag.map(|tag| mix(tag, form as u64));
    }
}

/// JSON with each `body` that is a text or null written in that form, all else as it was.
fn shaped(json: &str, form: Form) -> String {
    const KEY: &str = "\"body\":";
    let mut out = String::with_capacity(json.len() * 2);
    let mut rest = json;
    while let Some(at) = strings_of(rest).find(|at| rest[*at..].starts_with(KEY)) {
        let (before, after) = rest.split_at(at);
        out.push_str(before);
        let value = &after[KEY.len()..];
        let length = if value.starts_with('"') {
            string_length(value)
        } else {
            "null".len()
        };
        let (value, after) = value.split_at(length.min(value.len()));
        write(value, form, &mut out);
        rest = after;
    }
    out.push_str(rest);
    out
}

fn write(value: &str, form: Form, out: &mut String) {
    let text = serde_json::from_str::<Option<String>>(value).ok().flatten();
    let field = |name: &str, text: Option<String>| format!("\"{name}\":{}", Value::from(text));
    let words = || field("body_text", text.as_deref().map(to_text));
    let page = || field("body_html", text.as_deref().map(|text| to_html(text, true)));
    match form {
        Form::Raw => out.push_str(&format!("\"body\":{value}")),
        Form::Text => out.push_str(&words()),
        Form::Html => out.push_str(&page()),
        Form::Full => out.push_str(&format!("\"body\":{value},{},{}", words(), page())),
    }
}

/// Where the strings of a piece of JSON begin, in order.
fn strings_of(json: &str) -> impl Iterator<Item = usize> {
    let mut at = 0;
    std::iter::from_fn(move || {
        let start = at + json.get(at..)?.find('"')?;
        at = start + string_length(&json[start..]);
        Some(start)
    })
}

/// How many bytes the string that `json` begins with takes, quotes included.
fn string_length(json: &str) -> usize {
    let mut escaped = false;
    for (at, byte) in json.bytes().enumerate().skip(1) {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'"' => return at + 1,
            _ => {}
        }
    }
    json.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_take_the_form_asked_for_and_all_else_stays() {
        let json = r#"[{"a":"\"body\":","body":"*x* \"q\"","b":1},{"body":null}]"#;
        assert_eq!(
            shaped(json, Form::Text),
            r#"[{"a":"\"body\":","body_text":"x \"q\"","b":1},{"body_text":null}]"#
        );
        assert_eq!(
            shaped(json, Form::Full),
            r#"[{"a":"\"body\":","body":"*x* \"q\"","body_text":"x \"q\"","body_html":"<p><em>x</em> \"q\"</p>","b":1},{"body":null,"body_text":null,"body_html":null}]"#
        );
    }

    #[test]
    fn media_types_are_read_with_and_without_a_version() {
        for (accept, says) in [
            (
                "application/vnd.github.v3.raw+json",
                "github.v3; param=raw; format=json",
            ),
            (
                "application/vnd.github.html+json",
                "github.v3; param=html; format=json",
            ),
            ("application/vnd.github.v3+json", "github.v3; format=json"),
            ("application/vnd.github+json", "github.v3; format=json"),
            ("application/vnd.github.v3.diff", "github.v3; param=diff"),
            ("*/*", "github.v3; format=json"),
            ("text/html", "unknown, github.v3"),
        ] {
            let request = CloneRequest {
                headers: vec![("accept".to_owned(), accept.to_owned())],
                ..CloneRequest::default()
            };
            assert_eq!(header(&request), says, "{accept}");
        }
    }
}
