//! Content generation: `POST <base>/v1beta/models/<model>:generateContent`.

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Value, json};

use super::{ANSWER_TOKENS, Asked, Ended, Reply, WireRequest, count, text};
use crate::budget::prices::Tokens;
use crate::judge::answer;

/// What a model's name may hold in a path.
const NAME: &percent_encoding::AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

pub(super) fn request(base: &str, asked: &Asked<'_>) -> WireRequest {
    let mut body = json!({
        "systemInstruction": {"parts": [{"text": asked.system}]},
        "contents": [{"role": "user", "parts": [{"text": asked.user}]}],
        "generationConfig": {"maxOutputTokens": ANSWER_TOKENS},
    });
    if asked.is_held {
        body["generationConfig"]["responseMimeType"] = "application/json".into();
        body["generationConfig"]["responseJsonSchema"] = answer::schema(asked.shape);
    }
    let name = asked.model.strip_prefix("models/").unwrap_or(asked.model);
    let name = utf8_percent_encode(name, NAME);
    let base = base.strip_suffix("/v1beta").unwrap_or(base);
    WireRequest {
        url: format!("{base}/v1beta/models/{name}:generateContent"),
        headers: &[],
        key_header: ("x-goog-api-key", ""),
        body,
    }
}

pub(super) fn reply(body: &Value) -> Option<Reply> {
    let blocked = text(body, "/promptFeedback/blockReason");
    let candidate = body.pointer("/candidates/0");
    if blocked.is_none() && candidate.is_none() {
        return None;
    }
    let words = candidate
        .and_then(|candidate| candidate.pointer("/content/parts")?.as_array())
        .into_iter()
        .flatten()
        .filter(|part| part.get("thought") != Some(&Value::Bool(true)))
        .filter_map(|part| text(part, "/text"))
        .collect();
    let finish = candidate.and_then(|candidate| text(candidate, "/finishReason"));
    let ended = match (blocked, finish) {
        (Some(why), _) => Some(Ended::Refused(why.to_owned())),
        (None, Some("MAX_TOKENS")) => Some(Ended::TooLong),
        (
            None,
            Some(
                why @ ("SAFETY" | "RECITATION" | "LANGUAGE" | "BLOCKLIST" | "PROHIBITED_CONTENT"
                | "SPII"),
            ),
        ) => Some(Ended::Refused(why.to_owned())),
        _ => None,
    };
    let tokens = count(body, "/usageMetadata/promptTokenCount").map(|input| {
        let of = |name: &str| count(body, &format!("/usageMetadata/{name}")).unwrap_or_default();
        Tokens {
            input,
            cache_read: of("cachedContentTokenCount").min(input),
            cache_write: 0,
            // Thinking is paid as output and counted apart.
            output: of("candidatesTokenCount").saturating_add(of("thoughtsTokenCount")),
        }
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
    fn the_model_stands_in_the_path_and_nothing_else_does() {
        let asked = Asked {
            model: "models/gemini-2.5-pro",
            system: "rules",
            user: "question",
            tokens: 10,
            is_held: false,
            shape: answer::Shape::Verdict,
        };
        let request = request("https://generativelanguage.googleapis.com", &asked);
        assert_eq!(
            request.url,
            "https://generativelanguage.googleapis.com/v1beta/models/gemini-2.5-pro:generateContent"
        );
        insta::assert_snapshot!(request.body, @r#"{"contents":[{"parts":[{"text":"question"}],"role":"user"}],"generationConfig":{"maxOutputTokens":8192},"systemInstruction":{"parts":[{"text":"rules"}]}}"#);
        let sly = Asked {
            model: "../x?key=1",
            ..asked
        };
        assert!(
            super::request("", &sly)
                .url
                .ends_with("/models/..%2Fx%3Fkey%3D1:generateContent")
        );
    }

    #[test]
    fn published_answers_are_read() {
        let body = json!({
            "candidates": [{
                "content": {
                    "parts": [{"text": "hm", "thought": true}, {"text": "An "}, {"text": "answer"}],
                    "role": "model",
                },
                "finishReason": "STOP",
                "index": 0,
            }],
            "usageMetadata": {
                "promptTokenCount": 8, "candidatesTokenCount": 20, "totalTokenCount": 1_000,
                "thoughtsTokenCount": 972, "cachedContentTokenCount": 3,
            },
            "modelVersion": "gemini-2.5-pro",
        });
        let reply = reply(&body).expect("an answer");
        assert_eq!((reply.text.as_str(), &reply.ended), ("An answer", &None));
        let tokens = reply.tokens.expect("counted");
        assert_eq!(
            (tokens.input, tokens.cache_read, tokens.output),
            (8, 3, 992)
        );

        let blocked = json!({"promptFeedback": {"blockReason": "SAFETY"}});
        let ended = super::reply(&blocked).expect("an answer").ended;
        assert_eq!(ended, Some(Ended::Refused("SAFETY".to_owned())));
        let cut = json!({"candidates": [{"finishReason": "MAX_TOKENS"}]});
        assert_eq!(
            super::reply(&cut).expect("an answer").ended,
            Some(Ended::TooLong)
        );
        assert_eq!(super::reply(&json!({})), None);
    }
}
