//! Messages: `POST <base>/v1/messages`.

use serde_json::{Value, json};

use super::{ANSWER_TOKENS, Asked, Ended, Reply, WireRequest, count, text};
use crate::budget::prices::Tokens;
use crate::judge::answer;

pub(super) fn request(base: &str, asked: &Asked<'_>) -> WireRequest {
    let mut body = json!({
        "model": asked.model,
        "max_tokens": ANSWER_TOKENS,
        "system": asked.system,
        "messages": [{"role": "user", "content": asked.user}],
    });
    if asked.is_held {
        body["output_config"] =
            json!({"format": {"type": "json_schema", "schema": answer::schema(asked.shape)}});
    }
    // Both ways of writing the base are in use.
    let base = base.strip_suffix("/v1").unwrap_or(base);
    WireRequest {
        url: format!("{base}/v1/messages"),
        headers: &[("anthropic-version", "2023-06-01")],
        key_header: ("x-api-key", ""),
        body,
    }
}

pub(super) fn reply(body: &Value) -> Option<Reply> {
    let content = body.get("content")?.as_array()?;
    let words = content
        .iter()
        .filter(|block| text(block, "/type") == Some("text"))
        .filter_map(|block| text(block, "/text"))
        .collect();
    let ended = match text(body, "/stop_reason") {
        Some("refusal") => Some(Ended::Refused("refusal".to_owned())),
        Some("max_tokens" | "model_context_window_exceeded") => Some(Ended::TooLong),
        _ => None,
    };
    let tokens = count(body, "/usage/input_tokens").map(|input| {
        let of = |name: &str| count(body, name).unwrap_or_default();
        Tokens::with_cache_apart(
            input,
            of("/usage/cache_read_input_tokens"),
            of("/usage/cache_creation_input_tokens"),
            of("/usage/output_tokens"),
        )
    });
    Some(Reply {
        text: words,
        ended,
        tokens,
        cost: None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_question_is_one_message() {
        let asked = Asked {
            model: "claude-sonnet-4-6",
            system: "rules",
            user: "question",
            tokens: 10,
            is_held: false,
            shape: answer::Shape::Verdict,
        };
        let request = request("https://api.anthropic.com/v1", &asked);
        assert_eq!(request.url, "https://api.anthropic.com/v1/messages");
        insta::assert_snapshot!(request.body, @r#"{"max_tokens":8192,"messages":[{"content":"question","role":"user"}],"model":"claude-sonnet-4-6","system":"rules"}"#);
        let held = Asked {
            is_held: true,
            shape: answer::Shape::Verdict,
            ..asked
        };
        let body = super::request("", &held).body;
        assert_eq!(body["output_config"]["format"]["type"], "json_schema");
    }

    #[test]
    fn published_answers_are_read() {
        let body = json!({
            "id": "msg_013Zva2CMHLNnXjNJJKqJ2EF",
            "type": "message",
            "role": "assistant",
            "model": "claude-sonnet-4-6",
            "content": [
                {"type": "thinking", "thinking": "hm", "signature": "x"},
                {"type": "text", "text": "Hi! My name is Claude."},
            ],
            "stop_reason": "end_turn",
            "stop_sequence": null,
            "usage": {
                "input_tokens": 2_095, "output_tokens": 503,
                "cache_creation_input_tokens": 30, "cache_read_input_tokens": 70,
            },
        });
        let reply = reply(&body).expect("an answer");
        assert_eq!(reply.text, "Hi! My name is Claude.");
        assert_eq!(
            reply.tokens,
            Some(Tokens {
                input: 2_195,
                cache_read: 70,
                cache_write: 30,
                output: 503
            })
        );
        let ended = |why| {
            let body = json!({"content": [], "stop_reason": why});
            super::reply(&body).expect("an answer").ended
        };
        assert_eq!(ended("refusal"), Some(Ended::Refused("refusal".to_owned())));
        assert_eq!(ended("max_tokens"), Some(Ended::TooLong));
        assert_eq!(super::reply(&json!({"type": "error"})), None);
    }
}
