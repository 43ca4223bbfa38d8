//! Whether spans that a run had are known to be lost.

use std::collections::BTreeSet;

use archal_core::trace::{Part, SpanKind, Trace};

/// Whether something of the run is known to have been recorded and not to be here: what it seems
/// not to have done may be among that.
pub(super) fn are_some(trace: &Trace) -> bool {
    trace.completeness.dropped > 0 || lacks_parents(trace) || lacks_a_tool(trace)
}

/// Whether parents are missing below the root, or several. One alone that is missing above all
/// others is the caller's span, which is in the caller's trace.
fn lacks_parents(trace: &Trace) -> bool {
    let ids: BTreeSet<&str> = trace.spans.iter().map(|span| span.id.as_str()).collect();
    let parents = trace.spans.iter().map(|span| span.parent_id.as_deref());
    let missing: BTreeSet<&str> = parents
        .clone()
        .flatten()
        .filter(|parent| !ids.contains(parent))
        .collect();
    match missing.len() {
        0 => false,
        1 => parents.clone().any(|parent| parent.is_none()),
        _ => true,
    }
}

/// Whether messages show the result of a call that has no span, of a tool whose other calls have one.
fn lacks_a_tool(trace: &Trace) -> bool {
    let tools = || {
        let spans = trace.spans.iter();
        let tools = spans.filter(|span| span.kind == SpanKind::Tool);
        tools.filter_map(|span| span.tool.as_ref())
    };
    if tools().any(|tool| tool.call_id.is_none()) {
        return false;
    }
    let spanned: BTreeSet<&str> = tools().filter_map(|tool| tool.call_id.as_deref()).collect();
    let named: BTreeSet<&str> = tools().map(|tool| tool.name.as_str()).collect();
    let messages = trace.spans.iter().filter_map(|span| span.llm.as_ref());
    let parts = messages.flat_map(|llm| llm.messages.iter().flat_map(|message| &message.parts));
    let mut asked = BTreeSet::new();
    let mut answered = BTreeSet::new();
    for part in parts {
        match part {
            Part::ToolCall {
                id: Some(id), name, ..
            } if named.contains(name.as_str()) && !spanned.contains(id.as_str()) => {
                asked.insert(id.as_str());
            }
            Part::ToolResult { id: Some(id), .. } => {
                answered.insert(id.as_str());
            }
            _ => {}
        }
    }
    !asked.is_disjoint(&answered)
}

#[cfg(test)]
mod tests {
    use archal_core::trace::{LlmCall, Message, Span, ToolCall};

    use super::*;

    fn span(id: &str, parent: Option<&str>) -> Span {
        Span {
            id: id.to_owned(),
            parent_id: parent.map(str::to_owned),
            ..Span::default()
        }
    }

    fn trace(spans: Vec<Span>) -> Trace {
        Trace {
            spans,
            ..Trace::default()
        }
    }

    #[test]
    fn the_caller_of_a_run_is_in_another_trace_and_what_lies_below_its_root_is_not() {
        let whole = [span("a", None), span("b", Some("a"))];
        let called = [span("a", Some("x")), span("b", Some("a"))];
        let below = [span("a", None), span("b", Some("x"))];
        let several = [span("a", Some("x")), span("b", Some("y"))];
        let lost = [whole, called, below, several].map(|spans| are_some(&trace(spans.to_vec())));
        assert_eq!(lost, [false, false, true, true]);
    }

    #[test]
    fn a_result_without_the_span_of_its_call_is_a_sign_where_the_tool_has_others() {
        let tool = |id: &str, name: &str| Span {
            kind: SpanKind::Tool,
            tool: Some(ToolCall {
                name: name.to_owned(),
                call_id: Some(id.to_owned()),
                ..ToolCall::default()
            }),
            ..span(id, Some("root"))
        };
        let asked = |id: &str| Part::ToolCall {
            id: Some(id.to_owned()),
            name: "close".to_owned(),
            arguments: None,
        };
        let got = |id: &str| Part::ToolResult {
            id: Some(id.to_owned()),
            result: None,
        };
        let talk = |parts: Vec<Part>| Span {
            llm: Some(LlmCall {
                messages: vec![Message {
                    role: "assistant".to_owned(),
                    parts,
                }],
                ..LlmCall::default()
            }),
            ..span("root", None)
        };
        let turns = vec![asked("1"), got("1"), asked("2"), got("2")];
        let both = vec![talk(turns.clone()), tool("1", "close"), tool("2", "close")];
        let one = vec![talk(turns.clone()), tool("1", "close")];
        let elsewhere = vec![talk(turns), tool("3", "open")];
        // The last call was never made.
        let open = vec![
            talk(vec![asked("1"), got("1"), asked("2")]),
            tool("1", "close"),
        ];
        let lost = [both, one, elsewhere, open].map(|spans| are_some(&trace(spans)));
        assert_eq!(lost, [false, true, false, false]);
    }
}
