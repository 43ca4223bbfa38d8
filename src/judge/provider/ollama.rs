//! Chat: `POST <base>/api/chat`.

use serde_json::{Value, json};

use super::{ANSWER_TOKENS, Asked, Ended, Reply, WireRequest, count, text};
use crate::budget::prices::Tokens;
use crate::judge::answer;

/// Windows are multiples of this, so that a model is not loaded anew for each question.
const WINDOW: u64 = 8_192;

pub(super) fn request(base: &str, asked: &Asked<'_>) -> WireRequest {
    // Without it the server silently drops the beginning of what is longer than its default.
    let window = (asked.tokens + ANSWER_TOKENS).div_ceil(WINDOW) * WINDOW;
    let mut body = json!({
        "model": asked.model,
        "stream": false,
        "messages": [
            {"role": "system", "content": asked.system},
            {"role": "user", "content": asked.user},
        ],
        "options": {"temperature": 0, "num_ctx": window, "num_predict": ANSWER_TOKENS},
    });
    if asked.is_held {
        body["format"] = answer::schema(asked.shape);
    }
    WireRequest {
        url: format!("{base}/api/chat"),
        headers: &[],
        key_header: ("authorization", "Bearer "),
        body,
    }
}

pub(super) fn reply(body: &Value) -> Option<Reply> {
    let words = text(body, "/message/content")?.to_owned();
    let ended = (text(body, "/done_reason") == Some("length")).then_some(Ended::TooLong);
    let tokens = count(body, "/prompt_eval_count").map(|input| Tokens {
        input,
        cache_read: 0,
        cache_write: 0,
        output: count(body, "/eval_count").unwrap_or_default(),
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
    fn the_window_holds_the_question_and_its_answer() {
        let asked = |tokens| Asked {
            model: "qwen3",
            system: "rules",
            user: "question",
            tokens,
            is_held: true,
            shape: answer::Shape::Verdict,
        };
        let request = request("http://localhost:11434", &asked(10));
        assert_eq!(request.url, "http://localhost:11434/api/chat");
        assert_eq!(request.body["options"]["num_ctx"], 16_384);
        assert_eq!(request.body["stream"], false);
        assert_eq!(request.body["format"]["type"], "object");
        let long = super::request("", &asked(20_000));
        assert_eq!(long.body["options"]["num_ctx"], 32_768);
    }

    #[test]
    fn published_answers_are_read() {
        let body = json!({
            "model": "llama3.2",
            "created_at": "2023-12-12T14:13:43.416799Z",
            "message": {"role": "assistant", "content": "Hello! How are you today?"},
            "done": true,
            "done_reason": "stop",
            "total_duration": 5_191_566_416_u64,
            "prompt_eval_count": 26,
            "eval_count": 298,
        });
        let reply = reply(&body).expect("an answer");
        assert_eq!(reply.text, "Hello! How are you today?");
        assert_eq!(
            reply.tokens.map(|tokens| (tokens.input, tokens.output)),
            Some((26, 298))
        );
        let cut = json!({"message": {"content": "{"}, "done_reason": "length"});
        assert_eq!(
            super::reply(&cut).expect("an answer").ended,
            Some(Ended::TooLong)
        );
        assert_eq!(super::reply(&json!({"error": "model not found"})), None);
    }
}
