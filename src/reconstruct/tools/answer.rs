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
        let is_refusal = value.as_str().is_some_and(|text| status_in(text).is_some());
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
