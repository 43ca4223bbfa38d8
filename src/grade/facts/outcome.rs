//! Whether a call failed, and how.
//!
//! That a call failed is read where a protocol says it (status, error flag) or where an answer
//! begins as errors begin. What a result tells further in is content, and decides nothing.

use archal_core::grade::Owner;
use archal_core::trace::{HttpExchange, Span, Status};
use serde_json::{Map, Value};

use super::effect::{self, Effect};

/// How a call failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// What kind of failure it is.
    pub kind: FailureKind,
    /// What was said, short.
    pub text: String,
}

/// Kinds of failures.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum FailureKind {
    /// The arguments are not what the tool takes.
    InvalidArguments,
    /// There is no such tool.
    UnknownTool,
    /// The caller may not.
    Auth,
    /// What was named is not there.
    NotFound,
    /// Too many calls.
    RateLimit,
    /// No answer in time.
    Timeout,
    /// The service or the way to it is broken.
    Service,
    /// More text than the model takes.
    ContextOverflow,
    /// Anything else.
    Other,
}

impl FailureKind {
    /// The end of the rule's name.
    pub fn name(self) -> &'static str {
        match self {
            Self::InvalidArguments => "invalid-arguments",
            Self::UnknownTool => "unknown-tool",
            Self::Auth => "auth",
            Self::NotFound => "not-found",
            Self::RateLimit => "rate-limit",
            Self::Timeout => "timeout",
            Self::Service => "service",
            Self::ContextOverflow => "context-overflow",
            Self::Other => "error",
        }
    }

    /// Whether it goes away by itself, so that trying again is right.
    pub fn passes(self) -> bool {
        matches!(self, Self::RateLimit | Self::Timeout | Self::Service)
    }

    /// Who has to act on it.
    pub fn owner(self) -> Owner {
        match self {
            Self::InvalidArguments | Self::UnknownTool | Self::NotFound | Self::Other => {
                Owner::Agent
            }
            Self::Auth | Self::RateLimit | Self::Timeout | Self::Service => Owner::Environment,
            Self::ContextOverflow => Owner::Harness,
        }
    }
}

/// Words of error texts by kind, the surer kinds first.
const WORDS: &[(FailureKind, &[&str])] = &[
    (
        FailureKind::ContextOverflow,
        &[
            "context_length_exceeded",
            "context length",
            "maximum context",
            "prompt is too long",
            "context window",
        ],
    ),
    (
        FailureKind::RateLimit,
        &[
            "rate limit",
            "rate_limit",
            "ratelimit",
            "too many requests",
            "quota exceeded",
        ],
    ),
    (
        FailureKind::Timeout,
        &["timed out", "timeout", "deadline exceeded"],
    ),
    (
        FailureKind::UnknownTool,
        &[
            "unknown tool",
            "unknown function",
            "no such tool",
            "tool not found",
            "unknown action",
            "command not found",
        ],
    ),
    (
        FailureKind::Auth,
        &[
            "unauthorized",
            "forbidden",
            "permission denied",
            "access denied",
            "authentication",
            "bad credentials",
            "invalid token",
            "invalid api key",
        ],
    ),
    (
        FailureKind::Service,
        &[
            "internal server error",
            "bad gateway",
            "service unavailable",
            "connection refused",
            "connection reset",
            "econnre",
            "network is unreachable",
            "name resolution",
        ],
    ),
    (
        FailureKind::InvalidArguments,
        &[
            "invalid argument",
            "invalid parameter",
            "missing required",
            "required parameter",
            "unexpected keyword",
            "validation error",
            "validation failed",
            "is required",
            "unprocessable",
            "invalid value",
            "invalid input",
            "missing argument",
        ],
    ),
    (
        FailureKind::NotFound,
        &["not found", "does not exist", "no such", "not exist"],
    ),
];

/// How a span's call failed; none where nothing says that it did.
pub fn of_span(span: &Span) -> Option<Failure> {
    if let Some(failure) = span.http.as_ref().and_then(of_exchange) {
        return Some(failure);
    }
    let tool = span.tool.as_ref();
    let said = span.error.as_deref().filter(|text| !text.is_empty());
    let failed = span.status == Status::Error
        || said.is_some()
        || tool.is_some_and(|tool| tool.result_is_error);
    let result = tool.and_then(|tool| tool.result.as_ref());
    if !failed {
        let effect = tool.map_or(Effect::Unknown, |tool| effect::of_tool(&tool.name));
        return result.and_then(|result| of_result(result, effect));
    }
    let text = match (said, result) {
        (Some(said), _) => said.to_owned(),
        (None, Some(result)) => error_text(result),
        (None, None) => String::new(),
    };
    Some(failure(&text))
}

/// How an exchange failed: its status, for GraphQL its errors.
pub fn of_exchange(http: &HttpExchange) -> Option<Failure> {
    let status = http.status?;
    let body = http.response_body.as_ref();
    if status < 400 {
        let errors = body
            .filter(|_| http.url.contains("graphql"))
            .and_then(|body| body.get("errors"))
            .and_then(Value::as_array)
            .filter(|errors| !errors.is_empty())?;
        return Some(failure(&errors.first().map(error_text).unwrap_or_default()));
    }
    let text = body.map(error_text).unwrap_or_default();
    let kind = match status {
        400 | 405 | 406 | 409..=417 | 422 => FailureKind::InvalidArguments,
        403 if kind_of(&text) == FailureKind::RateLimit => FailureKind::RateLimit,
        401 | 403 | 407 => FailureKind::Auth,
        404 => FailureKind::NotFound,
        408 | 504 => FailureKind::Timeout,
        429 => FailureKind::RateLimit,
        500.. => FailureKind::Service,
        _ => FailureKind::Other,
    };
    Some(Failure {
        kind,
        text: super::start_of(&format!("{status} {text}")),
    })
}

/// How a result of a call with this effect says of itself that it is an error: in a field for
/// that, or by how it begins.
pub fn of_result(result: &Value, effect: Effect) -> Option<Failure> {
    let says = |value: &Value| match value {
        Value::Null | Value::Bool(false) => false,
        Value::String(text) => !text.is_empty(),
        Value::Array(items) => !items.is_empty(),
        Value::Object(map) => !map.is_empty(),
        // A count of errors that is zero, or the code of success.
        Value::Number(number) => number.as_f64() != Some(0.0),
        Value::Bool(true) => true,
    };
    let failed = match result {
        Value::Object(map) => {
            let is = |name: &str, value: bool| map.get(name) == Some(&Value::Bool(value));
            is("isError", true)
                || is("is_error", true)
                || is("ok", false)
                || is("success", false)
                || ["error", "errors"]
                    .iter()
                    .any(|name| map.get(*name).is_some_and(says))
                || map
                    .get("status")
                    .and_then(Value::as_str)
                    .is_some_and(|status| matches!(status, "error" | "failed" | "failure"))
                    && (effect != Effect::Read || tells_an_error(map))
        }
        Value::String(text) => begins_as_error(text),
        _ => false,
    };
    failed.then(|| failure(&error_text(result)))
}

/// Whether an answer has a field for what went wrong. What was looked up has a status too: a
/// payment that failed was found.
fn tells_an_error(map: &Map<String, Value>) -> bool {
    const FIELDS: &[&str] = &[
        "error_code",
        "error_message",
        "errorCode",
        "errorMessage",
        "traceback",
    ];
    FIELDS
        .iter()
        .any(|name| map.get(*name).is_some_and(|value| !value.is_null()))
        || (map.get("status").and_then(Value::as_str) == Some("error")
            && map.contains_key("message"))
}

/// How an error is introduced: a word for it and a colon, or a stack trace.
fn begins_as_error(text: &str) -> bool {
    let start: String = text.trim_start().chars().take(48).collect();
    let start = start.to_ascii_lowercase();
    if start.starts_with("traceback (most") || start.starts_with("error ") {
        return true;
    }
    // `Error:`, `ValueError:`, `TypeError [ERR]:`, `Tool error:`; an answer of prose has none.
    start.split_once(':').is_some_and(|(word, _)| {
        let words: Vec<&str> = word.split_whitespace().collect();
        words.len() <= 3
            && words
                .iter()
                .any(|word| word.ends_with("error") || word.ends_with("exception"))
    })
}

fn failure(text: &str) -> Failure {
    Failure {
        kind: kind_of(text),
        text: super::start_of(text),
    }
}

/// The kind that an error text's start speaks of.
pub fn kind_of(text: &str) -> FailureKind {
    let start: String = text.chars().take(400).collect();
    let start = start.to_lowercase();
    WORDS
        .iter()
        .find(|(_, words)| words.iter().any(|word| start.contains(word)))
        .map_or(FailureKind::Other, |(kind, _)| *kind)
}

/// What an error says: its message where it has one.
fn error_text(result: &Value) -> String {
    const FIELDS: &[&str] = &[
        "error", "errors", "message", "detail", "reason", "content", "text",
    ];
    let mut at = result;
    for _ in 0..4 {
        let next = match at {
            Value::Object(map) => FIELDS.iter().find_map(|field| map.get(*field)),
            Value::Array(items) => items.first(),
            _ => None,
        };
        match next {
            Some(next) if !next.is_null() => at = next,
            _ => break,
        }
    }
    match at {
        Value::String(text) => super::start_of(text),
        Value::Bool(_) | Value::Null => super::short(result),
        other => super::short(other),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn kind(result: Value) -> Option<FailureKind> {
        of_result(&result, Effect::Unknown).map(|failure| failure.kind)
    }

    #[test]
    fn errors_are_told_by_protocol_or_beginning_and_not_by_content() {
        assert_eq!(
            kind(json!("Error: user not found")),
            Some(FailureKind::NotFound)
        );
        assert_eq!(kind(json!("ValueError: bad")), Some(FailureKind::Other));
        assert_eq!(
            kind(json!({"error": {"message": "429 Too Many Requests"}})),
            Some(FailureKind::RateLimit)
        );
        assert_eq!(
            kind(json!({"ok": false, "error": "invalid_auth"})),
            Some(FailureKind::Other)
        );
        for fine in [
            json!("The log says: Error: user not found"),
            json!({"title": "Error: login fails", "error": null}),
            json!([{"error": "x"}]),
            json!({"errors": []}),
            json!({"created": 5, "errors": 0}),
            json!({"error": 0.0}),
            json!("No errors: all good"),
        ] {
            assert_eq!(kind(fine.clone()), None, "{fine}");
        }
    }

    #[test]
    fn the_status_of_what_was_looked_up_is_no_failure_of_the_look() {
        let failed = |result: Value, effect| of_result(&result, effect).is_some();
        let payment = json!({"id": "p1", "status": "failed"});
        assert!(!failed(payment.clone(), Effect::Read));
        assert!(failed(payment, Effect::Write));
        let told = json!({"status": "error", "message": "no such payment"});
        assert!(failed(told, Effect::Read));
        assert!(failed(
            json!({"status": "failed", "error_code": 7}),
            Effect::Read
        ));
        assert!(failed(json!({"errors": 2}), Effect::Read));
    }

    #[test]
    fn statuses_tell_the_kind() {
        let http = |status, body: Value| HttpExchange {
            status: Some(status),
            response_body: Some(body),
            ..HttpExchange::default()
        };
        let kind = |status, body| of_exchange(&http(status, body)).map(|failure| failure.kind);
        assert_eq!(kind(200, json!({"error": "no"})), None);
        assert_eq!(
            kind(403, json!({"message": "API rate limit exceeded"})),
            Some(FailureKind::RateLimit)
        );
        assert_eq!(
            kind(403, json!({"message": "Must have admin rights"})),
            Some(FailureKind::Auth)
        );
        assert_eq!(kind(422, json!(null)), Some(FailureKind::InvalidArguments));
        assert_eq!(kind(502, json!(null)), Some(FailureKind::Service));
    }
}
