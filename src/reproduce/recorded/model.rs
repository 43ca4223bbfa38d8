//! The agent's model, replayed: each request that is as in the trace gets the turn that followed
//! there. The first that is not ends what an attempt can say.

use std::collections::BTreeSet;
use std::sync::Arc;

use archal_core::clock::{Timestamp, truncate_to_second};
use archal_core::clone::{CloneDescriptor, CloneRequest, CloneResponse};
use archal_core::trace::Trace;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::run::stand_in::{MODEL, StandIn};

use super::answers::Answer;
use super::conversation::{Protocol, of_request, unlike};
use super::playing::{self, Answers, unrecorded};
use super::turns::{self, Turn};

/// Providers whose protocol is one of those that are replayed.
const PROVIDERS: &[&str] = &[
    "api.anthropic.com",
    "api.deepseek.com",
    "api.fireworks.ai",
    "api.groq.com",
    "api.mistral.ai",
    "api.openai.com",
    "api.together.xyz",
    "api.x.ai",
    "openrouter.ai",
];
/// Attributes of a call of a model that name the host it went to.
const SERVERS: &[&str] = &["server.address", "gen_ai.server.address"];

static DESCRIPTOR: CloneDescriptor = playing::descriptor(
    MODEL,
    "Recorded turns of the agent's model",
    // Clients want a key; nobody looks at it.
    &[
        ("ANTHROPIC_API_KEY", "sk-ant-recorded"),
        ("DEEPSEEK_API_KEY", "recorded"),
        ("FIREWORKS_API_KEY", "recorded"),
        ("GROQ_API_KEY", "recorded"),
        ("MISTRAL_API_KEY", "recorded"),
        ("OPENAI_API_KEY", "sk-recorded"),
        ("OPENROUTER_API_KEY", "sk-or-recorded"),
        ("TOGETHER_API_KEY", "recorded"),
        ("XAI_API_KEY", "recorded"),
    ],
    playing::open::<Recording>,
);

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Recording {
    started: Timestamp,
    turns: Arc<Vec<Turn>>,
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    given: BTreeSet<usize>,
    /// In what the first other request differed.
    #[serde(default)]
    diverged: Option<String>,
    /// Requests that were answered or not.
    #[serde(default)]
    asked: usize,
}

/// The model of a trace; why its turns cannot be replayed otherwise. It answers at the hosts of the
/// usual providers, and at those that the trace names, as far as no clone does.
pub fn stand_in(trace: &Trace, clones: &[CloneDescriptor]) -> Result<StandIn, String> {
    let turns = turns::of(trace)?;
    let named = trace
        .spans
        .iter()
        .filter(|span| span.llm.is_some())
        .flat_map(|span| SERVERS.iter().filter_map(|name| span.attributes.get(*name)))
        .filter_map(Value::as_str)
        .map(str::to_ascii_lowercase)
        .filter(|host| is_name(host));
    let hosts: BTreeSet<String> = PROVIDERS
        .iter()
        .map(|host| (*host).to_owned())
        .chain(named)
        .filter(|host| {
            !clones
                .iter()
                .any(|clone| clone.every_host().any(|known| known == host))
        })
        .collect();
    let recording = Recording {
        started: trace
            .started_at
            .map_or(Timestamp::UNIX_EPOCH, truncate_to_second),
        turns: Arc::new(turns),
        given: BTreeSet::new(),
        diverged: None,
        asked: 0,
    };
    Ok(StandIn {
        clone: &DESCRIPTOR,
        hosts: hosts.into_iter().collect(),
        recorded: serde_json::to_value(&recording).unwrap_or_default(),
    })
}

fn is_name(host: &str) -> bool {
    host.contains('.')
        && host.len() <= 253
        && host.parse::<std::net::IpAddr>().is_err()
        && host
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b".-".contains(&byte))
}

impl Recording {
    /// The turn that answers a request; in what the request differs otherwise.
    fn next(&self, protocol: Protocol, request: &Value) -> Result<usize, String> {
        let asked = of_request(protocol, request);
        let mut left = (0..self.turns.len()).filter(|at| !self.given.contains(at));
        let Some(first) = left.next() else {
            return Err(format!(
                "the trace has {} turns and no more",
                self.turns.len()
            ));
        };
        let differs = |at: usize| unlike(&self.turns[at].asked, &asked);
        let Some(text) = differs(first) else {
            return Ok(first);
        };
        // Agents that ask several things at once may ask them in another order.
        match left.find(|at| differs(*at).is_none()) {
            Some(later) => Ok(later),
            None => Err(text),
        }
    }
}

impl Answers for Recording {
    fn answer(&mut self, request: &CloneRequest, _: Timestamp) -> CloneResponse {
        self.asked += 1;
        let number = self.asked;
        let Some(protocol) = Protocol::of(&request.method, &request.path) else {
            let what = format!(
                "{} https://{}{} is no request of a model that can be replayed",
                request.method, request.host, request.path
            );
            return refusal(what);
        };
        if let Some(before) = &self.diverged {
            return refusal(before.clone());
        }
        let body = serde_json::from_slice(&request.body).unwrap_or_default();
        match self.next(protocol, &body) {
            Ok(at) => {
                self.given.insert(at);
                Answer {
                    protocol,
                    turn: &self.turns[at],
                    number: at + 1,
                    started: self.started,
                    request: &body,
                }
                .response()
            }
            Err(why) => {
                let what = format!(
                    "diverged: request {number} to the model differs from the trace's: {why}"
                );
                self.diverged = Some(what.clone());
                refusal(what)
            }
        }
    }

    fn given(&self) -> usize {
        self.given.len()
    }
}

/// Clients take it as final, in either protocol.
fn refusal(what: String) -> CloneResponse {
    let body = json!({
        "type": "error",
        "error": {"type": "invalid_request_error", "code": "diverged", "param": null, "message": what},
    });
    unrecorded(400, what, &body)
}

#[cfg(test)]
mod tests {
    use archal_core::clone::{OpenClone, Seed, ServiceClone};
    use archal_core::trace::{LlmCall, Message, Part, Span, Usage};
    use bytes::Bytes;

    use super::*;

    fn text(role: &str, text: &str) -> Message {
        Message {
            role: role.to_owned(),
            parts: vec![Part::Text {
                text: text.to_owned(),
            }],
        }
    }

    fn turn(id: &str, messages: Vec<Message>) -> Span {
        Span {
            id: id.to_owned(),
            llm: Some(LlmCall {
                model: Some("gpt-x".to_owned()),
                messages,
                usage: Usage {
                    input_tokens: Some(12),
                    output_tokens: Some(3),
                    ..Usage::default()
                },
            }),
            ..Span::default()
        }
    }

    fn opened() -> (Box<dyn ServiceClone>, Vec<String>) {
        let asks = Message {
            role: "assistant".to_owned(),
            parts: vec![Part::ToolCall {
                id: Some("c1".to_owned()),
                name: "close".to_owned(),
                arguments: Some(json!({"number": 7})),
            }],
        };
        let answered = Message {
            role: "tool".to_owned(),
            parts: vec![Part::ToolResult {
                id: Some("c1".to_owned()),
                result: Some(json!({"state": "closed", "at": "2026-01-02T03:04:05Z"})),
            }],
        };
        let mut last = turn(
            "2",
            vec![
                text("user", "Close 7."),
                asks.clone(),
                answered,
                text("assistant", "Done."),
            ],
        );
        last.attributes.insert(
            "server.address".to_owned(),
            Value::from("Gateway.example.com"),
        );
        let trace = Trace {
            spans: vec![turn("1", vec![text("user", "Close 7."), asks]), last],
            ..Trace::default()
        };
        let made = stand_in(&trace, &[]).expect("turns are there");
        let clone = (made.clone.open)(&OpenClone {
            base: Timestamp::UNIX_EPOCH,
            ids: 1,
            seed: Seed::Document(&made.recorded),
        });
        (clone.expect("opened"), made.hosts)
    }

    fn ask(clone: &mut dyn ServiceClone, path: &str, body: &Value) -> String {
        let answer = clone.call(
            &CloneRequest {
                method: "POST".to_owned(),
                host: "api.openai.com".to_owned(),
                path: path.to_owned(),
                body: Bytes::from(body.to_string()),
                ..CloneRequest::default()
            },
            Timestamp::UNIX_EPOCH,
        );
        match answer.unmodelled {
            Some(why) => format!("{} {why}", answer.status),
            None => String::from_utf8_lossy(&answer.body.wire).into_owned(),
        }
    }

    fn first() -> Value {
        json!({"model": "gpt-x", "messages": [
            {"role": "system", "content": "Not in the trace."},
            {"role": "user", "content": "Close 7."},
        ]})
    }

    fn second(state: &str) -> Value {
        let result = json!({"state": state, "at": "2027-05-06T07:08:09Z", "more": 1}).to_string();
        json!({"model": "gpt-x", "stream": true, "messages": [
            {"role": "user", "content": "Close 7."},
            {"role": "assistant", "content": null, "tool_calls": [
                {"id": "c1", "type": "function", "function": {"name": "close", "arguments": "{\"number\":7}"}},
            ]},
            {"role": "tool", "tool_call_id": "c1", "content": result},
        ]})
    }

    #[test]
    fn turns_are_given_as_long_as_requests_are_the_same() {
        let (mut clone, hosts) = opened();
        assert!(
            hosts.contains(&"gateway.example.com".to_owned()),
            "{hosts:?}"
        );
        let told = [
            ask(&mut *clone, "/v1/chat/completions", &first()),
            ask(&mut *clone, "/v1/chat/completions", &second("closed")),
            ask(&mut *clone, "/v1/chat/completions", &second("closed")),
            ask(&mut *clone, "/v1/embeddings", &json!({})),
        ];
        insta::assert_snapshot!(told.join("\n"), @r#"
        {"choices":[{"finish_reason":"tool_calls","index":0,"logprobs":null,"message":{"content":null,"refusal":null,"role":"assistant","tool_calls":[{"function":{"arguments":"{\"number\":7}","name":"close"},"id":"c1","type":"function"}]}}],"created":0,"id":"chatcmpl-recorded1","model":"gpt-x","object":"chat.completion","usage":{"completion_tokens":3,"prompt_tokens":12,"total_tokens":15}}
        data: {"choices":[{"delta":{"content":"","role":"assistant"},"finish_reason":null,"index":0,"logprobs":null}],"created":0,"id":"chatcmpl-recorded2","model":"gpt-x","object":"chat.completion.chunk"}

        data: {"choices":[{"delta":{"content":"Done."},"finish_reason":null,"index":0,"logprobs":null}],"created":0,"id":"chatcmpl-recorded2","model":"gpt-x","object":"chat.completion.chunk"}

        data: {"choices":[{"delta":{},"finish_reason":"stop","index":0,"logprobs":null}],"created":0,"id":"chatcmpl-recorded2","model":"gpt-x","object":"chat.completion.chunk"}

        data: [DONE]


        400 diverged: request 3 to the model differs from the trace's: the trace has 2 turns and no more
        400 POST https://api.openai.com/v1/embeddings is no request of a model that can be replayed
        "#);
    }

    #[test]
    fn the_first_other_request_is_named_and_nothing_is_answered_after_it() {
        let (mut clone, _) = opened();
        ask(&mut *clone, "/v1/chat/completions", &first());
        let told = [
            ask(&mut *clone, "/v1/chat/completions", &second("open")),
            ask(&mut *clone, "/v1/chat/completions", &second("closed")),
        ];
        insta::assert_snapshot!(told.join("\n"), @r#"
        400 diverged: request 2 to the model differs from the trace's: part 3: a tool answered `state` "open" where the trace has "closed"
        400 diverged: request 2 to the model differs from the trace's: part 3: a tool answered `state` "open" where the trace has "closed"
        "#);
    }

    #[test]
    fn every_protocol_gets_the_turn_in_its_own_form() {
        let asked = [
            (
                "/v1/messages",
                json!({"messages": [{"role": "user", "content": "Close 7."}]}),
            ),
            (
                "/v1/messages",
                json!({"stream": true, "messages": [{"role": "user", "content": "Close 7."}]}),
            ),
            ("/v1/responses", json!({"input": "Close 7."})),
            (
                "/v1/responses",
                json!({"input": "Close 7.", "stream": true}),
            ),
        ];
        let told: Vec<String> = asked
            .iter()
            .map(|(path, body)| ask(&mut *opened().0, path, body))
            .collect();
        insta::assert_snapshot!(told.join("\n"), @r#"
        {"content":[{"id":"c1","input":{"number":7},"name":"close","type":"tool_use"}],"id":"msg_recorded1","model":"gpt-x","role":"assistant","stop_reason":"tool_use","stop_sequence":null,"type":"message","usage":{"input_tokens":12,"output_tokens":3}}
        event: message_start
        data: {"message":{"content":[],"id":"msg_recorded1","model":"gpt-x","role":"assistant","stop_reason":null,"stop_sequence":null,"type":"message","usage":{"input_tokens":12,"output_tokens":0}},"type":"message_start"}

        event: content_block_start
        data: {"content_block":{"id":"c1","input":{},"name":"close","type":"tool_use"},"index":0,"type":"content_block_start"}

        event: content_block_delta
        data: {"delta":{"partial_json":"{\"number\":7}","type":"input_json_delta"},"index":0,"type":"content_block_delta"}

        event: content_block_stop
        data: {"index":0,"type":"content_block_stop"}

        event: message_delta
        data: {"delta":{"stop_reason":"tool_use","stop_sequence":null},"type":"message_delta","usage":{"output_tokens":3}}

        event: message_stop
        data: {"type":"message_stop"}


        {"created_at":0,"error":null,"id":"resp_recorded1","incomplete_details":null,"instructions":null,"metadata":{},"model":"gpt-x","object":"response","output":[{"arguments":"{\"number\":7}","call_id":"c1","id":"fc_1_1","name":"close","status":"completed","type":"function_call"}],"parallel_tool_calls":true,"status":"completed","temperature":1.0,"tool_choice":"auto","tools":[],"top_p":1.0,"usage":{"input_tokens":12,"input_tokens_details":{"cached_tokens":0},"output_tokens":3,"output_tokens_details":{"reasoning_tokens":0},"total_tokens":15}}
        event: response.created
        data: {"response":{"created_at":0,"error":null,"id":"resp_recorded1","incomplete_details":null,"instructions":null,"metadata":{},"model":"gpt-x","object":"response","output":[],"parallel_tool_calls":true,"status":"in_progress","temperature":1.0,"tool_choice":"auto","tools":[],"top_p":1.0,"usage":null},"sequence_number":0,"type":"response.created"}

        event: response.in_progress
        data: {"response":{"created_at":0,"error":null,"id":"resp_recorded1","incomplete_details":null,"instructions":null,"metadata":{},"model":"gpt-x","object":"response","output":[],"parallel_tool_calls":true,"status":"in_progress","temperature":1.0,"tool_choice":"auto","tools":[],"top_p":1.0,"usage":null},"sequence_number":1,"type":"response.in_progress"}

        event: response.output_item.added
        data: {"item":{"arguments":"","call_id":"c1","id":"fc_1_1","name":"close","status":"in_progress","type":"function_call"},"output_index":0,"sequence_number":2,"type":"response.output_item.added"}

        event: response.function_call_arguments.delta
        data: {"delta":"{\"number\":7}","item_id":"fc_1_1","output_index":0,"sequence_number":3,"type":"response.function_call_arguments.delta"}

        event: response.function_call_arguments.done
        data: {"arguments":"{\"number\":7}","item_id":"fc_1_1","output_index":0,"sequence_number":4,"type":"response.function_call_arguments.done"}

        event: response.output_item.done
        data: {"item":{"arguments":"{\"number\":7}","call_id":"c1","id":"fc_1_1","name":"close","status":"completed","type":"function_call"},"output_index":0,"sequence_number":5,"type":"response.output_item.done"}

        event: response.completed
        data: {"response":{"created_at":0,"error":null,"id":"resp_recorded1","incomplete_details":null,"instructions":null,"metadata":{},"model":"gpt-x","object":"response","output":[{"arguments":"{\"number\":7}","call_id":"c1","id":"fc_1_1","name":"close","status":"completed","type":"function_call"}],"parallel_tool_calls":true,"status":"completed","temperature":1.0,"tool_choice":"auto","tools":[],"top_p":1.0,"usage":{"input_tokens":12,"input_tokens_details":{"cached_tokens":0},"output_tokens":3,"output_tokens_details":{"reasoning_tokens":0},"total_tokens":15}},"sequence_number":6,"type":"response.completed"}
        "#);
    }
}
