//! Traces of batch files as archal writes them, read in one go.
//!
//! What others write may say null for "nothing", repeat fields or nest without end; `batch` reads that field
//! by field, and whatever is not read here.

use archal_core::trace::{Part, Span, Trace};
use serde_json::Value;
use serde_json::value::RawValue;

use crate::raw;
use crate::straight::MAX_DEPTH;

/// Gives the traces of a list one by one until one is not taken or is to be read field by field; how many
/// were taken, or none where that was all of them.
pub(super) fn read(traces: &RawValue, take: &mut dyn FnMut(Trace) -> bool) -> Option<usize> {
    raw::each_read(traces, |trace: Trace| {
        !trace.id.is_empty() && is_flat(&trace) && take(trace)
    })
}

/// Whether all values of a trace are far from the depth at which they could not be read again.
fn is_flat(trace: &Trace) -> bool {
    let fits = |value: &Value| raw::fits(value, MAX_DEPTH.into());
    let all =
        |values: &[&Option<Value>]| values.iter().all(|value| value.as_ref().is_none_or(fits));
    let in_span = |span: &Span| {
        let tool = span.tool.as_ref();
        let http = span.http.as_ref();
        let mut parts = span
            .llm
            .iter()
            .flat_map(|llm| &llm.messages)
            .flat_map(|message| &message.parts);
        all(&[&span.input, &span.output])
            && span.attributes.values().all(fits)
            && tool.is_none_or(|tool| all(&[&tool.arguments, &tool.result]))
            && http.is_none_or(|http| all(&[&http.request_body, &http.response_body]))
            && parts.all(|part| match part {
                Part::ToolCall {
                    arguments: value, ..
                }
                | Part::ToolResult { result: value, .. } => value.as_ref().is_none_or(fits),
                Part::Text { .. } | Part::Media { .. } => true,
            })
    };
    all(&[&trace.input, &trace.output])
        && trace.metadata.values().all(fits)
        && trace.scores.iter().all(|score| fits(&score.value))
        && trace.spans.iter().all(in_span)
}
