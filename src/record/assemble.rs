//! The trace of a recorded command.

use std::collections::BTreeMap;

use archal_core::clock::Timestamp;
use archal_core::redact::{Literals, RedactionCounts, Redactor};
use archal_core::trace::{Completeness, Span, SpanKind, Status, Trace};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::call::Entry;
use super::model;
use super::tools::{self, Turn};

/// How a command ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    /// With a code.
    Code(i32),
    /// By a signal.
    Signal(i32),
    /// Nobody knows: archal was killed before it.
    Unseen,
}

/// A command that is recorded.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Command {
    /// The trace's id.
    pub id: String,
    /// The program, without its folder.
    pub name: String,
    /// What it was asked: the command line, unless something better is known.
    pub input: String,
    /// When it was started.
    pub started_at: Timestamp,
    /// What else is said of it.
    pub metadata: BTreeMap<String, Value>,
}

/// The end of a command.
#[derive(Debug, Clone, Copy)]
pub struct End<'a> {
    /// How it ended.
    pub ended: Ended,
    /// When it had ended.
    pub ended_at: Timestamp,
    /// The end of what it wrote to stdout; none where that is not known.
    pub stdout: Option<&'a str>,
    /// Calls of which nothing is known.
    pub dropped: u64,
}

/// A trace, redacted and with its revision.
#[derive(Debug)]
pub struct Assembled {
    /// It.
    pub trace: Trace,
    /// How many values were taken out.
    pub redactions: u64,
    /// Bodies that are not kept at all, and their bytes.
    pub cut: (usize, u64),
}

/// Makes the trace of a command and of its calls, in order of their beginning. Secrets are taken out:
/// those that are known by value, others by the rules.
pub fn trace(
    command: Command,
    mut calls: Vec<Entry>,
    end: End<'_>,
    literals: &Literals,
    redactor: &Redactor,
) -> Assembled {
    for call in &mut calls {
        call.span.ended_at.get_or_insert(end.ended_at);
    }
    let turns: Vec<Turn<'_>> = calls
        .iter()
        .filter_map(|one| {
            Some(Turn {
                call: one.span.llm.as_ref()?,
                answered: one.answered,
                failed: &one.failed,
                started_at: one.span.started_at?,
                ended_at: one.span.ended_at?,
            })
        })
        .collect();
    let of_tools = tools::spans(&turns);
    let last = turns.last();
    let last_said = last.and_then(|turn| model::said(turn.call, turn.answered));
    let model = last.and_then(|turn| turn.call.model.clone());
    let cut = calls.iter().flat_map(|call| &call.unkept);
    let cut = cut.fold((0, 0), |(count, bytes), more| (count + 1, bytes + more));
    let mut redactions: u64 = calls.iter().map(|call| call.redactions).sum();
    let of_tools = of_tools.into_iter().map(|span| Entry {
        span,
        ..Entry::default()
    });
    calls.extend(of_tools);
    calls.sort_by_key(|one| one.span.started_at);
    let output = last_said.or_else(|| {
        let said = end.stdout?.trim();
        (!said.is_empty()).then(|| said.to_owned())
    });
    let error = match end.ended {
        Ended::Code(0) => None,
        Ended::Code(code) => Some(format!("the command ended with {code}")),
        Ended::Signal(signal) => Some(format!("the command was ended by signal {signal}")),
        Ended::Unseen => Some("archal was killed before the command ended".to_owned()),
    };
    let status = match error {
        None => Status::Ok,
        Some(_) => Status::Error,
    };
    let width = calls.len().to_string().len();
    let id = |number: usize| format!("r{number:0width$}");
    let root = Span {
        id: id(0),
        name: command.name.clone(),
        kind: SpanKind::Agent,
        started_at: Some(command.started_at),
        ended_at: Some(end.ended_at),
        status,
        error: error.clone(),
        input: Some(Value::from(command.input.as_str())),
        output: output.clone().map(Value::from),
        ..Span::default()
    };
    let mut completeness = Completeness {
        dropped: end.dropped,
        ..Completeness::default()
    };
    let mut spans = vec![root];
    for (mut one, number) in calls.into_iter().zip(1..) {
        one.span.id = id(number);
        one.span.parent_id = Some(id(0));
        let places = one.cut.iter().map(|part| format!("spans[{number}].{part}"));
        completeness.truncated.extend(places);
        spans.push(one.span);
    }
    let mut trace = Trace {
        id: command.id,
        name: command.name,
        started_at: Some(command.started_at),
        ended_at: Some(end.ended_at),
        status,
        error,
        input: Some(Value::from(command.input)),
        output: output.map(Value::from),
        model,
        metadata: command.metadata,
        completeness,
        spans,
        ..Trace::default()
    };
    redactions += clean(&mut trace, literals, redactor);
    trace.renew_revision();
    Assembled {
        trace,
        redactions,
        cut,
    }
}

/// Takes secrets out of a trace, and gives how many places that were.
pub fn clean(trace: &mut Trace, literals: &Literals, redactor: &Redactor) -> u64 {
    let by_value = literals.trace(trace);
    let mut counts = RedactionCounts::new();
    redactor.trace(trace, &mut counts);
    by_value + counts.values().sum::<u64>()
}

#[cfg(test)]
#[path = "assemble_tests.rs"]
mod tests;
