//! Calls that failed for reasons outside the service's state: they prove nothing of it, and a clone
//! on that state is not expected to fail like them.

use archal_core::trace::HttpExchange;
use serde_json::Value;

/// Words of errors of connections and of those who carry requests.
const WORDS: &[&str] = &[
    "abuse detection",
    "bad gateway",
    "broken pipe",
    "connect error",
    "connection aborted",
    "connection closed",
    "connection error",
    "connection refused",
    "connection reset",
    "context deadline exceeded",
    "deadline exceeded",
    "econnrefused",
    "econnreset",
    "enotfound",
    "etimedout",
    "fetch failed",
    "gateway timeout",
    "internal server error",
    "max retries exceeded",
    "name resolution",
    "network error",
    "rate limit",
    "read timed out",
    "service unavailable",
    "socket hang up",
    "temporarily unavailable",
    "timed out",
    "timeout",
    "too many requests",
];

/// Why a call failed, where that is outside the service's state. `words` are what the span or the
/// result of the tool says went wrong.
pub(super) fn of(http: &HttpExchange, words: Option<&str>) -> Option<String> {
    match http.status {
        Some(status @ (408 | 425 | 429 | 500..)) => Some(format!("the service answered {status}")),
        Some(403) if is_limited(http) => {
            Some("the service answered 403 for a rate limit".to_owned())
        }
        Some(_) => None,
        None => {
            let words = words?;
            let lower = words[..words.floor_char_boundary(2_000)].to_lowercase();
            if let Some(status) = status_in(&lower) {
                return Some(format!("the service answered {status}"));
            }
            let known = WORDS.iter().find(|known| lower.contains(**known))?;
            Some(format!("there was no answer: {known}"))
        }
    }
}

/// The status that an error of a client begins with or names, where it is one of the service's own troubles.
fn status_in(words: &str) -> Option<u16> {
    let named = words.split_once("status code ").map(|(_, after)| after);
    let is_digit = |c: &char| c.is_ascii_digit();
    [Some(words), named].into_iter().flatten().find_map(|text| {
        let digits: String = text.chars().take_while(is_digit).collect();
        let status = digits.parse().ok()?;
        matches!(status, 408 | 425 | 429 | 500..=599).then_some(status)
    })
}

/// A refusal for having called too often, which GitHub and others send as 403, too.
fn is_limited(http: &HttpExchange) -> bool {
    let header = |name: &str| http.response_headers.get(name).map(String::as_str);
    let message = http.response_body.as_ref().map_or(String::new(), |body| {
        let text = body.get("message").and_then(Value::as_str);
        text.or(body.as_str()).unwrap_or_default().to_lowercase()
    });
    header("retry-after").is_some()
        || header("x-ratelimit-remaining") == Some("0")
        || message.contains("rate limit")
        || message.contains("abuse detection")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn answered(status: Option<u16>, message: &str) -> HttpExchange {
        HttpExchange {
            status,
            response_body: Some(json!({"message": message})),
            ..HttpExchange::default()
        }
    }

    #[test]
    fn faults_of_the_way_are_told_from_what_the_state_says() {
        let said = |status, message: &str, words| of(&answered(status, message), words);
        for (status, message, words) in [
            (Some(503), "", None),
            (Some(429), "", None),
            (Some(403), "You have exceeded a secondary rate limit", None),
            (None, "", Some("ReadTimeout: read timed out")),
            (None, "", Some("TypeError: fetch failed")),
            (
                None,
                "",
                Some("502 We couldn't respond in time (POST https://…)"),
            ),
            (None, "", Some("Request failed with status code 503")),
        ] {
            assert!(
                said(status, message, words).is_some(),
                "{status:?} {message} {words:?}"
            );
        }
        for (status, message, words) in [
            (Some(200), "rate limit", None),
            (Some(403), "Resource not accessible by integration", None),
            (Some(404), "Not Found", Some("timeout")),
            (None, "", Some("KeyError: 'number'")),
            (None, "", Some("KeyError: 502")),
            (None, "", Some("404 Not Found")),
            (None, "", Some("5020 issues are too many")),
            (None, "", None),
        ] {
            assert_eq!(
                said(status, message, words),
                None,
                "{status:?} {message} {words:?}"
            );
        }
    }
}
