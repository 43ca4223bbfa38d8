//! What a model said in a trace, turn by turn.

use std::collections::{BTreeMap, BTreeSet};

use archal_core::trace::{Message, Part, Span, SpanKind, Trace, Usage};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::conversation::{self, Item};

/// Most steps from a span to its root.
const DEPTH: usize = 256;

/// One turn.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Turn {
    /// The span it was recorded in.
    pub span: String,
    /// The model.
    pub model: Option<String>,
    /// What was asked.
    pub asked: Vec<Item>,
    /// What was answered.
    pub answer: Vec<Item>,
    /// Tokens.
    pub usage: Usage,
}

/// The turns of a trace in order of time; why they cannot be replayed where what was asked or
/// answered is not there: a turn of which the question is not known would answer any. Of spans inside each other, as a framework and its client write them, the inner counts.
pub fn of(trace: &Trace) -> Result<Vec<Turn>, String> {
    let is_call = |span: &&Span| span.llm.is_some() || span.kind == SpanKind::Llm;
    let parents: BTreeMap<&str, &str> = trace
        .spans
        .iter()
        .filter_map(|span| Some((span.id.as_str(), span.parent_id.as_deref()?)))
        .collect();
    let mut outer: BTreeSet<&str> = BTreeSet::new();
    for span in trace.spans.iter().filter(is_call) {
        let mut at = span.id.as_str();
        for _ in 0..DEPTH {
            let Some(parent) = parents.get(at) else {
                break;
            };
            at = parent;
            outer.insert(at);
        }
    }
    let mut calls: Vec<&Span> = trace
        .spans
        .iter()
        .filter(is_call)
        .filter(|span| !outer.contains(span.id.as_str()))
        .collect();
    calls.sort_by_key(|span| span.started_at);
    calls
        .iter()
        .enumerate()
        .map(|(at, span)| {
            let lacks = |what: &str| {
                let number = at + 1;
                let id = &span.id;
                format!(
                    "the trace does not hold what the model {what} in turn {number} (span {id})"
                )
            };
            let turn = turn(span).ok_or_else(|| lacks("answered"))?;
            match turn.asked.is_empty() {
                true => Err(lacks("was asked")),
                false => Ok(turn),
            }
        })
        .collect()
}

fn turn(span: &Span) -> Option<Turn> {
    let empty = Vec::new();
    let messages = span.llm.as_ref().map_or(&empty, |call| &call.messages);
    let asked = messages
        .iter()
        .rposition(|message| !is_models(message))
        .map_or(0, |last| last + 1);
    let mut answer = conversation::of_messages(&messages[asked..]);
    if answer.is_empty()
        && let Some(Value::String(text)) = &span.output
    {
        answer = conversation::of_messages(&[Message {
            role: "assistant".to_owned(),
            parts: vec![Part::Text { text: text.clone() }],
        }]);
    }
    (!answer.is_empty()).then(|| Turn {
        span: span.id.clone(),
        model: span.llm.as_ref().and_then(|call| call.model.clone()),
        asked: conversation::of_messages(&messages[..asked]),
        answer,
        usage: span
            .llm
            .as_ref()
            .map(|call| call.usage.clone())
            .unwrap_or_default(),
    })
}

fn is_models(message: &Message) -> bool {
    matches!(message.role.as_str(), "assistant" | "ai" | "model")
}

#[cfg(test)]
mod tests {
    use archal_core::trace::LlmCall;

    use super::*;

    fn said(role: &str, text: &str) -> Message {
        Message {
            role: role.to_owned(),
            parts: vec![Part::Text {
                text: text.to_owned(),
            }],
        }
    }

    fn span(id: &str, parent: Option<&str>, messages: Vec<Message>) -> Span {
        Span {
            id: id.to_owned(),
            parent_id: parent.map(str::to_owned),
            kind: SpanKind::Llm,
            llm: Some(LlmCall {
                messages,
                ..LlmCall::default()
            }),
            ..Span::default()
        }
    }

    #[test]
    fn the_inner_of_two_spans_counts_and_a_turn_without_an_answer_is_named() {
        let mut trace = Trace {
            spans: vec![
                span(
                    "outer",
                    None,
                    vec![said("user", "a"), said("assistant", "b")],
                ),
                span(
                    "inner",
                    Some("outer"),
                    vec![said("user", "a"), said("assistant", "c")],
                ),
            ],
            ..Trace::default()
        };
        let turns = of(&trace).expect("answers are there");
        assert_eq!(turns.len(), 1);
        assert_eq!((turns[0].span.as_str(), turns[0].asked.len()), ("inner", 1));
        trace
            .spans
            .push(span("open", None, vec![said("user", "d")]));
        assert_eq!(
            of(&trace).expect_err("one has none"),
            "the trace does not hold what the model answered in turn 2 (span open)"
        );
        trace.spans[2].output = Some(Value::from("e"));
        assert_eq!(of(&trace).expect("it is there").len(), 2);
        trace
            .spans
            .push(span("unasked", None, vec![said("assistant", "f")]));
        assert_eq!(
            of(&trace).expect_err("one has no question"),
            "the trace does not hold what the model was asked in turn 3 (span unasked)"
        );
    }
}
