//! The calls of tools that models asked for: what a model was answered stands in its next request, so
//! the call lies between the two.

use std::collections::{BTreeMap, VecDeque};

use archal_core::trace::{LlmCall, Part, Span, SpanKind, ToolCall};
use jiff::Timestamp;
use serde_json::Value;

/// What readers of a trace know a span by that was made of what messages tell.
const JOINED: (&str, &str) = ("archal.toolCall.joined", "from messages alone");
/// Most spans that are made.
const MOST: usize = 10_000;

/// A call of a model in its time.
#[derive(Debug, Clone, Copy)]
pub struct Turn<'a> {
    /// What was said.
    pub call: &'a LlmCall,
    /// How many of the last messages are what the model answered.
    pub answered: usize,
    /// The positions of results that are errors, among all parts.
    pub failed: &'a [usize],
    /// When it was asked.
    pub started_at: Timestamp,
    /// When it had answered.
    pub ended_at: Timestamp,
}

/// A call of a tool that waits for its result.
struct Waiting {
    name: String,
    arguments: Option<Value>,
    asked_at: Timestamp,
}

/// The spans of the calls whose results models were told. The turns are in order of their beginning.
pub fn spans(turns: &[Turn<'_>]) -> Vec<Span> {
    let mut waiting: BTreeMap<&str, VecDeque<Waiting>> = BTreeMap::new();
    let mut made: Vec<Span> = Vec::new();
    for turn in turns {
        let messages = &turn.call.messages;
        let (asked, answered) = messages.split_at(messages.len().saturating_sub(turn.answered));
        let asked = asked.iter().flat_map(|message| &message.parts);
        for (at, part) in asked.enumerate() {
            let Part::ToolResult {
                id: Some(id),
                result,
            } = part
            else {
                continue;
            };
            // Later requests say it again.
            let Some(call) = waiting.get_mut(id.as_str()).and_then(VecDeque::pop_front) else {
                continue;
            };
            if made.len() >= MOST {
                return made;
            }
            made.push(Span {
                name: call.name.clone(),
                kind: SpanKind::Tool,
                started_at: Some(call.asked_at),
                ended_at: Some(turn.started_at.max(call.asked_at)),
                tool: Some(ToolCall {
                    name: call.name,
                    call_id: Some(id.clone()),
                    arguments: call.arguments,
                    result: result.clone(),
                    result_is_error: turn.failed.contains(&at),
                }),
                attributes: [(JOINED.0.to_owned(), Value::from(JOINED.1))].into(),
                ..Span::default()
            });
        }
        for part in answered.iter().flat_map(|message| &message.parts) {
            if let Part::ToolCall {
                id: Some(id),
                name,
                arguments,
            } = part
            {
                waiting.entry(id).or_default().push_back(Waiting {
                    name: name.clone(),
                    arguments: arguments.clone(),
                    asked_at: turn.ended_at,
                });
            }
        }
    }
    made
}

#[cfg(test)]
mod tests {
    use archal_core::trace::Message;
    use serde_json::json;

    use super::*;

    fn call(asked: Vec<Part>, answered: Vec<Part>) -> LlmCall {
        let message = |role: &str, parts| Message {
            role: role.to_owned(),
            parts,
        };
        LlmCall {
            messages: vec![message("user", asked), message("assistant", answered)],
            ..LlmCall::default()
        }
    }

    #[test]
    fn a_call_lies_between_the_answer_that_asks_for_it_and_the_request_that_has_its_result() {
        let asks = |id: &str| Part::ToolCall {
            id: Some(id.to_owned()),
            name: format!("tool_{id}"),
            arguments: Some(json!({"of": id})),
        };
        let result = |id: &str| Part::ToolResult {
            id: Some(id.to_owned()),
            result: Some(json!(id)),
        };
        let calls = [
            call(vec![], vec![asks("c1"), asks("c2")]),
            call(
                vec![result("c1"), result("c2"), result("never")],
                vec![asks("c3")],
            ),
            call(vec![result("c1"), result("c2")], vec![]),
        ];
        let at = |second| Timestamp::from_second(second).expect("in range");
        let turns: Vec<Turn<'_>> = calls
            .iter()
            .zip([1, 5, 9])
            .map(|(call, start)| Turn {
                call,
                answered: 1,
                // The second call's: the later one tells the same again.
                failed: &[1],
                started_at: at(start),
                ended_at: at(start + 2),
            })
            .collect();
        let told: Vec<String> = spans(&turns)
            .iter()
            .map(|span| {
                let tool = span.tool.as_ref().expect("a tool");
                format!(
                    "{} {:?}-{:?} {} error={}",
                    span.name,
                    span.started_at.map(|at| at.as_second()),
                    span.ended_at.map(|at| at.as_second()),
                    tool.arguments.as_ref().expect("arguments"),
                    tool.result_is_error,
                )
            })
            .collect();
        assert_eq!(
            told,
            [
                "tool_c1 Some(3)-Some(5) {\"of\":\"c1\"} error=false",
                "tool_c2 Some(3)-Some(5) {\"of\":\"c2\"} error=true",
            ]
        );
    }
}
