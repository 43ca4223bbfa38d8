//! What the result of a call says of the service's answer.

use std::collections::BTreeMap;

use serde_json::Value;

use super::ToolUse;

/// Fields of what an SDK answers, which tell it from a body.
const ENVELOPE: &[&str] = &["data", "headers", "status", "url"];
/// Words that follow the status in an error.
const REASONS: &[&str] = &[
    "bad gateway",
    "bad request",
    "client error",
    "conflict",
    "forbidden",
    "gateway timeout",
    "gone",
    "internal server error",
    "method not allowed",
    "not acceptable",
    "not found",
    "server error",
    "service unavailable",
    "too many requests",
    "unauthorized",
    "unprocessable",
    "validation",
];

/// How far a text is read for the status of an error that nothing marks as one.
const UNMARKED: usize = 300;
/// Words that come before what an error says went wrong.
const BEFORE: &[&str] = &[
    "a",
    "an",
    "api",
    "call",
    "client",
    "code",
    "from",
    "github",
    "got",
    "http",
    "https",
    "received",
    "request",
    "responded",
    "response",
    "returned",
    "returns",
    "server",
    "service",
    "status",
    "the",
    "to",
    "tool",
    "unexpected",
    "with",
];
/// Words that an error begins with.
const FAILS: &[&str] = &[
    "cannot",
    "could",
    "couldn't",
    "error",
    "exception",
    "failed",
    "failure",
    "forbidden",
    "not",
    "traceback",
    "unable",
    "unauthorized",
];

/// A service's answer, as far as a result shows it.
#[derive(Debug, Default)]
pub(super) struct Answer {
    pub(super) status: Option<u16>,
    pub(super) headers: BTreeMap<String, String>,
    pub(super) body: Option<Value>,
    /// Whether the call succeeded and shows nothing of the answer.
    pub(super) is_done: bool,
    /// Whether it says nothing, and that is no gap of the record: it failed, and not how.
    pub(super) is_silent: bool,
}

impl Answer {
    /// Reads a result. `body` finds the answer's body in it, or the error that it tells of.
    pub(super) fn of(
        used: &ToolUse<'_>,
        method: &str,
        body: impl FnOnce(&Value) -> Result<Option<Value>, Value>,
    ) -> Self {
        let result = &used.result;
        let Some(value) = &result.value else {
            return if result.is_error {
                Self::failed(&Value::Null)
            } else {
                Self::default()
            };
        };
        // Many tools catch an error and answer with its words.
        let is_refusal = value.as_str().is_some_and(is_refusal);
        if result.is_error || is_refusal {
            return Self::failed(value);
        }
        let done = Self {
            status: Some(match method {
                "DELETE" => 204,
                "POST" => 201,
                _ => 200,
            }),
            ..Self::default()
        };
        let shown = match body(value) {
            Ok(shown) => shown,
            Err(error) => return Self::failed(&error),
        };
        match shown {
            Some(Value::Object(fields)) if is_envelope(&fields) => {
                let status = fields.get("status").and_then(Value::as_u64);
                let headers = fields.get("headers").and_then(Value::as_object);
                let data = fields.get("data").filter(|data| !data.is_null());
                let body = data.filter(|data| **data != "").cloned();
                // What comes with headers and without a body is an answer that has none.
                let implied = match (&body, done.status) {
                    (None, _) => Some(204),
                    (Some(_), Some(204)) => Some(200),
                    (Some(_), status) => status,
                };
                Self {
                    status: status.and_then(|status| status.try_into().ok()).or(implied),
                    headers: headers
                        .into_iter()
                        .flatten()
                        .filter_map(|(name, value)| {
                            Some((name.to_lowercase(), super::template::text(value)?))
                        })
                        .collect(),
                    body,
                    ..done
                }
            }
            Some(body @ (Value::Object(_) | Value::Array(_))) => Self {
                status: done
                    .status
                    .map(|status| if status == 204 { 200 } else { status }),
                body: Some(body),
                ..done
            },
            _ => Self {
                is_done: method != "GET",
                ..done
            },
        }
    }

    fn failed(error: &Value) -> Self {
        let text = match error {
            Value::String(text) => text.clone(),
            other => other.to_string(),
        };
        let status = error
            .get("status")
            .and_then(|status| status.as_u64().or_else(|| status.as_str()?.parse().ok()))
            .and_then(|status| u16::try_from(status).ok())
            .filter(|status| (400..600).contains(status))
            .or_else(|| status_in(&text));
        Self {
            status,
            body: status.map(|_| serde_json::json!({"message": text})),
            is_silent: status.is_none(),
            ..Self::default()
        }
    }
}

/// `data` with the headers and status of its answer, or with less of them: what is recorded of it
/// depends on who hands it on.
fn is_envelope(fields: &serde_json::Map<String, Value>) -> bool {
    fields.contains_key("data") && fields.keys().all(|name| ENVELOPE.contains(&name.as_str()))
}

/// Whether a result that is not marked as an error is one all the same. What a tool says that
/// succeeded may well name a status somewhere: in the title of an issue, in a file.
fn is_refusal(text: &str) -> bool {
    let start = &text[..text.floor_char_boundary(UNMARKED)];
    let lower = start.to_ascii_lowercase();
    let words = lower.split(|c: char| !c.is_alphanumeric() && !matches!(c, '.' | '_' | '\''));
    let mut words = words
        .map(|word| word.trim_matches(['.', '_', '\'']))
        .filter(|word| !word.is_empty() && !BEFORE.contains(word));
    let begins_as_one = words.next().is_some_and(|word| {
        FAILS.contains(&word)
            || word.ends_with("error")
            || word.ends_with("exception")
            || word
                .parse()
                .is_ok_and(|status: u16| (400..600).contains(&status))
    });
    begins_as_one && status_in(start).is_some()
}

/// The HTTP status that the words of an error name.
pub(super) fn status_in(text: &str) -> Option<u16> {
    let lower = text[..text.floor_char_boundary(2_000)].to_ascii_lowercase();
    let mut from = 0;
    while let Some(at) = lower[from..].find(|c: char| c.is_ascii_digit()) {
        let start = from + at;
        let length = lower[start..]
            .chars()
            .take_while(char::is_ascii_digit)
            .count();
        let (before, behind) = (&lower[..start], &lower[start + length..]);
        from = start + length;
        let Some(status) = lower[start..from]
            .parse()
            .ok()
            .filter(|status| (400..600).contains(status))
        else {
            continue;
        };
        let behind = behind.trim_start_matches([' ', ':', ')', ']', '-', ',', '\'', '"']);
        let before = before.trim_end_matches([' ', ':', '=', '(', '[', '\'', '"']);
        let is_said = before.ends_with("status")
            || before.ends_with("status code")
            || before.ends_with("status_code")
            || before.ends_with("http")
            || before.ends_with("httperror")
            || before.ends_with("code");
        if is_said
            || behind.starts_with('{')
            || REASONS.iter().any(|reason| behind.starts_with(reason))
        {
            return Some(status);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_an_error_where_it_begins_as_one() {
        for text in [
            "404 Client Error: Not Found for url: https://api.github.com",
            "Request failed with status code 422",
            "github.GithubException.UnknownObjectException: 404 {\"message\": \"Not Found\"}",
            "HTTP 503",
            "GitHub API error: 404 Not Found",
            "Error executing tool: HTTP 500",
            "Not found (HTTP 404)",
        ] {
            assert!(is_refusal(text), "{text}");
        }
        for text in [
            "Closed #7 \"API gives HTTP 503\"",
            "#7: the client gets HTTP 404 for every page",
            "Commented on 7: failed with status code 500",
            "error.log is attached, without a status",
        ] {
            assert!(!is_refusal(text), "{text}");
        }
    }

    #[test]
    fn a_status_is_read_where_it_is_one() {
        for (text, status) in [
            ("HttpError: Not Found - https://docs.github.com/rest", None),
            (
                "404 Client Error: Not Found for url: https://api.github.com",
                Some(404),
            ),
            ("Request failed with status code 422", Some(422)),
            (
                "github.GithubException.UnknownObjectException: 404 {\"message\": \"Not Found\"}",
                Some(404),
            ),
            ("HTTP 503", Some(503)),
            ("issue 404 is closed", None),
            (
                "failed to get issue: GET https://api.github.com/x: 403 Forbidden []",
                Some(403),
            ),
            ("", None),
        ] {
            assert_eq!(status_in(text), status, "{text}");
        }
    }
}
