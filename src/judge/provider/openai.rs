//! Chat completions: `POST <base>/chat/completions`.

use serde_json::{Value, json};

use super::{ANSWER_TOKENS, Asked, Ended, Reply, WireRequest, count, text};
use crate::budget::amount::Usd;
use crate::budget::prices::Tokens;
use crate::judge::answer;

/// Models that take the limit under its new name, by how their names begin.
const NEW_LIMIT: &[&str] = &["gpt-5", "gpt-6", "o1", "o3", "o4"];

pub(super) fn request(base: &str, asked: &Asked<'_>) -> WireRequest {
    let name = asked.model.rsplit('/').next().unwrap_or(asked.model);
    let limit = if NEW_LIMIT.iter().any(|begin| name.starts_with(begin)) {
        "max_completion_tokens"
    } else {
        "max_tokens"
    };
    let mut body = json!({
        "model": asked.model,
        "messages": [
            {"role": "system", "content": asked.system},
            {"role": "user", "content": asked.user},
        ],
        limit: ANSWER_TOKENS,
    });
    if asked.is_held {
        body["response_format"] = json!({
            "type": "json_schema",
            "json_schema": {"name": "verdict", "strict": true, "schema": answer::schema(asked.shape)},
        });
    }
    WireRequest {
        url: format!("{base}/chat/completions"),
        headers: &[],
        key_header: ("authorization", "Bearer "),
        body,
    }
}

pub(super) fn reply(body: &Value) -> Option<Reply> {
    let choice = body.pointer("/choices/0")?;
    let content = match choice.pointer("/message/content") {
        Some(Value::String(content)) => content.clone(),
        // Some servers answer in parts, as requests may be written.
        Some(Value::Array(parts)) => parts
            .iter()
            .filter_map(|part| text(part, "/text"))
            .collect(),
        _ => String::new(),
    };
    let refusal = text(choice, "/message/refusal").filter(|refusal| !refusal.is_empty());
    let ended = match (text(choice, "/finish_reason"), refusal) {
        (_, Some(refusal)) => Some(Ended::Refused(refusal.to_owned())),
        (Some("content_filter"), None) => Some(Ended::Refused("content_filter".to_owned())),
        (Some("length"), None) => Some(Ended::TooLong),
        _ => None,
    };
    let tokens = count(body, "/usage/prompt_tokens").map(|input| Tokens {
        input,
        cache_read: count(body, "/usage/prompt_tokens_details/cached_tokens")
            .unwrap_or_default()
            .min(input),
        cache_write: 0,
        output: count(body, "/usage/completion_tokens").unwrap_or_default(),
    });
    Some(Reply {
        text: content,
        ended,
        tokens,
        // Routers of many providers bill by themselves and say how much.
        cost: body
            .pointer("/usage/cost")
            .and_then(Value::as_f64)
            .and_then(Usd::reported),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(model: &str, is_held: bool) -> Asked<'_> {
        Asked {
            model,
            system: "rules",
            user: "question",
            tokens: 10,
            is_held,
            shape: answer::Shape::Verdict,
        }
    }

    #[test]
    fn the_limit_has_the_name_its_model_knows() {
        let request = request("https://api.openai.com/v1", &asked("gpt-4.1", false));
        assert_eq!(request.url, "https://api.openai.com/v1/chat/completions");
        insta::assert_snapshot!(request.body, @r#"{"max_tokens":8192,"messages":[{"content":"rules","role":"system"},{"content":"question","role":"user"}],"model":"gpt-4.1"}"#);
        let limit =
            |model| super::request("", &asked(model, true)).body["max_completion_tokens"].clone();
        assert_eq!(limit("openai/gpt-5-mini"), 8192);
        assert_eq!(limit("o4-mini"), 8192);
        assert_eq!(limit("gpt-4o"), Value::Null);
    }

    #[test]
    fn published_answers_are_read() {
        let body = json!({
            "id": "chatcmpl-B9MBs8CjcvOU2jLn4n570S5qMJKcT",
            "object": "chat.completion",
            "created": 1_741_569_952,
            "model": "gpt-4.1-2025-04-14",
            "choices": [{
                "index": 0,
                "message": {"role": "assistant", "content": "Hello!", "refusal": null, "annotations": []},
                "logprobs": null,
                "finish_reason": "stop",
            }],
            "usage": {
                "prompt_tokens": 19, "completion_tokens": 10, "total_tokens": 29,
                "prompt_tokens_details": {"cached_tokens": 8, "audio_tokens": 0},
                "completion_tokens_details": {"reasoning_tokens": 0},
            },
        });
        let reply = reply(&body).expect("an answer");
        assert_eq!((reply.text.as_str(), &reply.ended), ("Hello!", &None));
        let tokens = reply.tokens.expect("counted");
        assert_eq!(
            (tokens.input, tokens.cache_read, tokens.output),
            (19, 8, 10)
        );

        let refused = json!({"choices": [{
            "message": {"role": "assistant", "content": null, "refusal": "I'm sorry, I cannot assist with that request."},
            "finish_reason": "stop",
        }], "usage": {"prompt_tokens": 1, "completion_tokens": 1, "cost": 0.000_012}});
        let reply = super::reply(&refused).expect("an answer");
        assert!(matches!(reply.ended, Some(Ended::Refused(why)) if why.starts_with("I'm sorry")));
        assert_eq!(reply.cost.map(Usd::micros), Some(12));
        assert_eq!(super::reply(&json!({"choices": []})), None);
    }
}
