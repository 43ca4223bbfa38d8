//! What a rebuilt state rests on, for people and programs: each field with what proves it.

use std::collections::BTreeMap;

use archal_core::trace::Trace;
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;

use super::exchanges::TracedCalls;
use super::replay::{Agreement, Replay};
use super::seed::{Conflict, Missing, Reconstruction, Synthesised};
use super::{Context, Owned, exchanges, owned};
use crate::run::scenarios::Prepared;

/// A rebuilt state with what it rests on.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Explanation {
    /// The trace's id.
    pub trace: String,
    /// Each row with its fields.
    pub rows: Vec<ExplainedRow>,
    /// What was made up.
    pub synthesised: Vec<Synthesised>,
    /// Evidence that contradicts other evidence.
    pub conflicts: Vec<Conflict>,
    /// What the trace does not prove.
    pub missing: Vec<Missing>,
    /// How far the trace's own calls on this state answer as they did; none where the state
    /// cannot be opened.
    pub agreement: Option<Agreement>,
    /// Why the state cannot be opened.
    pub refused: Vec<String>,
    /// Each span that proves something, with the call that it was.
    pub spans: BTreeMap<String, String>,
}

/// A row of a rebuilt state.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ExplainedRow {
    /// The clone.
    pub clone: String,
    /// The table.
    pub table: String,
    /// The row's key, or what a list is of.
    pub key: String,
    /// What proves each field: a span, or where the repository says it.
    pub fields: BTreeMap<String, String>,
}

/// Rebuilds the state before a trace began and says what it rests on. The scenario that the trace
/// belongs to comes with its own states.
pub fn explain(
    trace: &Trace,
    context: &Context<'_>,
    matched: Option<(&Prepared, &[Owned])>,
) -> (Explanation, Reconstruction) {
    let (rebuilt, _) = owned::rebuilt(trace, context, matched);
    let traced = exchanges::of(trace, context);
    let (agreement, refused) = match Replay::run(&rebuilt, &traced, context.clones) {
        Ok(replay) => (Some(replay.agreement()), Vec::new()),
        Err(found) => {
            let told = found.iter().map(|one| one.message.clone());
            (None, told.collect())
        }
    };
    let explanation = Explanation {
        trace: trace.id.clone(),
        rows: rows(&rebuilt),
        synthesised: rebuilt.synthesised.clone(),
        conflicts: rebuilt.conflicts.clone(),
        missing: rebuilt.missing.clone(),
        agreement,
        refused,
        spans: spans(&traced),
    };
    (explanation, rebuilt)
}

/// The proofs by row, in order of clone, table and key.
fn rows(rebuilt: &Reconstruction) -> Vec<ExplainedRow> {
    let mut rows: BTreeMap<(&str, &str, &str), BTreeMap<String, String>> = BTreeMap::new();
    for (path, proof) in &rebuilt.proofs {
        // A key may have spaces in it; the names before and after have none, but files may.
        let mut words = path.splitn(3, ' ');
        let (Some(clone), Some(table), Some(rest)) = (words.next(), words.next(), words.next())
        else {
            continue;
        };
        let (key, field) = split_field(rest);
        rows.entry((clone, table, key))
            .or_default()
            .insert(field.to_owned(), proof.clone());
    }
    rows.into_iter()
        .map(|((clone, table, key), fields)| ExplainedRow {
            clone: clone.to_owned(),
            table: table.to_owned(),
            key: key.to_owned(),
            fields,
        })
        .collect()
}

fn split_field(rest: &str) -> (&str, &str) {
    let marks = [" files/", " page "];
    let at = marks.iter().find_map(|mark| rest.find(mark));
    match at.or_else(|| rest.rfind(' ')) {
        Some(at) => (&rest[..at], &rest[at + 1..]),
        None => (rest, ""),
    }
}

/// The calls by span.
fn spans(traced: &TracedCalls<'_>) -> BTreeMap<String, String> {
    let calls = traced.calls.iter();
    calls
        .map(|call| (call.span.to_owned(), call.line()))
        .collect()
}

impl Explanation {
    /// Whether the state is all there and opens.
    pub fn is_whole(&self) -> bool {
        self.missing.is_empty() && self.refused.is_empty()
    }

    /// As lines for people.
    pub fn lines(&self) -> Vec<String> {
        let mut lines = vec![format!("trace {}", self.trace)];
        for row in &self.rows {
            lines.push(format!("{} {} {}", row.clone, row.table, row.key));
            let mut by_proof: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
            for (field, proof) in &row.fields {
                by_proof.entry(proof).or_default().push(field);
            }
            for (proof, fields) in by_proof {
                let call = self.spans.get(proof).map(String::as_str);
                let told = call.map_or_else(|| proof.to_owned(), |call| format!("{proof}  {call}"));
                lines.push(format!("  {}: {told}", fields.join(", ")));
            }
        }
        let mut section = |name: &str, told: Vec<String>| {
            if !told.is_empty() {
                lines.push(format!("{name}:"));
                lines.extend(told.into_iter().map(|line| format!("  {line}")));
            }
        };
        section("made up", texts(&self.synthesised));
        section("conflicts", texts(&self.conflicts));
        let missing = self.missing.iter().map(|one| {
            let Missing {
                clone,
                entity,
                field,
                why,
                span,
                how,
            } = one;
            format!("{field} of {clone} {entity}: {why} ({span}); {how}")
        });
        section("missing", missing.collect());
        section("the state cannot be opened", self.refused.clone());
        if let Some(agreement) = &self.agreement {
            lines.push(format!(
                "replay: {} of {} calls answer as recorded",
                agreement.agreeing, agreement.calls
            ));
            lines.extend(agreement.differences.iter().map(|line| format!("  {line}")));
        }
        lines
    }
}

fn texts<T: ToString>(items: &[T]) -> Vec<String> {
    items.iter().map(ToString::to_string).collect()
}

/// What traces prove: `archal seed explain --json`.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct Explained {
    /// Each trace.
    pub traces: Vec<ExplainedTrace>,
}

/// What a trace proves, with the state that was rebuilt of it.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct ExplainedTrace {
    /// What the state rests on.
    #[serde(flatten)]
    pub explanation: Explanation,
    /// What times in the state are offsets from.
    pub base: Timestamp,
    /// A seed document for each clone that the trace called.
    pub seeds: BTreeMap<String, Value>,
}

impl From<(Explanation, Reconstruction)> for ExplainedTrace {
    fn from((explanation, rebuilt): (Explanation, Reconstruction)) -> Self {
        Self {
            explanation,
            base: rebuilt.base,
            seeds: rebuilt.seeds,
        }
    }
}
