//! Runs a checked expression over a world, within bounds.

use std::sync::Arc;
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::thread;
use std::time::Duration;

use cel::common::types::CelBool;
use cel::{Context, ExecutionError, Value};
use serde::Serialize;

use super::compile::Compiled;
use super::cost::{MAX_STEPS, estimate};
use super::evidence::{Evidence, EvidenceRow, gather};
use super::syntax::{ENVIRONMENT, Parsed, STACK_BYTES};
use super::values::{Variables, variables};
use super::world::World;

/// How long an evaluation may take before it is abandoned.
const TIME_LIMIT: Duration = Duration::from_secs(2);
/// The longest text of an error that is kept, in characters; the crate prints whole values.
const MAX_ERROR: usize = 300;

/// What became of a criterion in one run.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct CriterionResult {
    /// The outcome.
    #[serde(flatten)]
    pub status: CriterionStatus,
    /// Whether it passed only because there was nothing to look at.
    pub vacuous: bool,
    /// The rows that decided it: those that break it, or those that matched. At most
    /// [`EvidenceRow::MOST`].
    pub rows: Vec<EvidenceRow>,
    /// How many rows there were before the cut.
    pub rows_total: usize,
    /// The expression; empty for a judged criterion.
    pub cel: String,
    /// What was found, one line for people.
    pub explanation: String,
}

/// The outcome of a criterion.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "status", rename_all = "kebab-case")]
pub enum CriterionStatus {
    /// It holds.
    Pass,
    /// It does not hold.
    Fail,
    /// It could not be decided; the run is inconclusive.
    Error {
        /// Why.
        message: String,
    },
    /// It was not decided and does not count.
    NotEvaluated {
        /// Why.
        reason: String,
    },
}

impl CriterionResult {
    /// The result of a criterion that was not decided and does not count.
    pub fn not_evaluated(reason: impl Into<String>) -> Self {
        let reason = reason.into();
        Self {
            explanation: reason.clone(),
            status: CriterionStatus::NotEvaluated { reason },
            vacuous: false,
            rows: Vec::new(),
            rows_total: 0,
            cel: String::new(),
        }
    }

    fn error(cel: &str, message: impl Into<String>) -> Self {
        let message = message.into();
        Self {
            explanation: message.clone(),
            status: CriterionStatus::Error { message },
            vacuous: false,
            rows: Vec::new(),
            rows_total: 0,
            cel: cel.to_owned(),
        }
    }
}

/// Decides a criterion. Whatever goes wrong is [`CriterionStatus::Error`]: a value that is
/// missing at run time, an estimate above ten million steps, more than two seconds.
pub fn evaluate(compiled: &Compiled, world: &World) -> CriterionResult {
    evaluate_within(compiled, world, TIME_LIMIT)
}

pub(super) fn evaluate_within(
    compiled: &Compiled,
    world: &World,
    limit: Duration,
) -> CriterionResult {
    let source = compiled.source();
    for reference in &compiled.references.collections {
        if !world
            .clones
            .iter()
            .any(|clone| clone.name == reference.clone)
        {
            return CriterionResult::error(
                source,
                format!("the run had no {} clone", reference.clone),
            );
        }
    }
    let variables = variables(world, &compiled.references);
    let steps = estimate(&compiled.parsed.expr, &variables.values);
    if steps > MAX_STEPS {
        return CriterionResult::error(
            source,
            format!("it would take about {steps} steps, more than {MAX_STEPS} are not taken"),
        );
    }
    match on_worker(Arc::clone(&compiled.parsed), variables, limit) {
        Ok((passed, evidence)) => CriterionResult {
            status: if passed {
                CriterionStatus::Pass
            } else {
                CriterionStatus::Fail
            },
            vacuous: passed && evidence.vacuous,
            rows_total: evidence.total,
            rows: evidence.rows,
            cel: source.to_owned(),
            explanation: evidence.explanation,
        },
        Err(message) => CriterionResult::error(source, message),
    }
}

/// What a worker reports: the verdict first, then what decided it.
enum Report {
    Verdict(Result<bool, String>),
    Evidence(Evidence),
}

/// Evaluates on a thread of its own, which is left behind when it takes too long: an
/// evaluation cannot be interrupted, and it only holds values of its own. Looking for what
/// decided it has the same time again, and is not worth the verdict.
fn on_worker(
    parsed: Arc<Parsed>,
    variables: Variables,
    limit: Duration,
) -> Result<(bool, Evidence), String> {
    let (sender, receiver) = mpsc::channel();
    thread::Builder::new()
        .name("criterion".to_owned())
        .stack_size(STACK_BYTES)
        .spawn(move || decide(&parsed, variables, &sender))
        .map_err(|error| format!("no thread for its evaluation could be started: {error}"))?;
    let passed = match receiver.recv_timeout(limit) {
        Ok(Report::Verdict(verdict)) => verdict?,
        Err(RecvTimeoutError::Timeout) => {
            let seconds = limit.as_secs_f32();
            return Err(format!("its evaluation was abandoned after {seconds} s"));
        }
        Ok(Report::Evidence(_)) | Err(RecvTimeoutError::Disconnected) => {
            return Err("its evaluation stopped unexpectedly".to_owned());
        }
    };
    let evidence = match receiver.recv_timeout(limit) {
        Ok(Report::Evidence(evidence)) => evidence,
        Ok(Report::Verdict(_)) | Err(_) => Evidence {
            explanation: "what decided it could not be found in time".to_owned(),
            ..Evidence::default()
        },
    };
    Ok((passed, evidence))
}

/// Evaluates and reports. The receiver is gone once the evaluation has been given up.
fn decide(parsed: &Parsed, variables: Variables, sender: &Sender<Report>) {
    let Variables { values, times } = variables;
    let mut context = Context::with_env(Arc::clone(&ENVIRONMENT));
    for (name, value) in values {
        context.add_variable_as_val(name, value);
    }
    let verdict = verdict(parsed, &context);
    let passed = verdict.clone();
    if sender.send(Report::Verdict(verdict)).is_err() {
        return;
    }
    if let Ok(passed) = passed {
        let evidence = gather(parsed, &context, &times, passed);
        sender.send(Report::Evidence(evidence)).ok();
    }
}

fn verdict(parsed: &Parsed, context: &Context<'_, '_>) -> Result<bool, String> {
    let outcome = Value::resolve_val(&parsed.expr, context).map_err(|error| error_text(&error))?;
    outcome
        .downcast_ref::<CelBool>()
        .map(|value| *value.inner())
        .ok_or_else(|| {
            let kind = outcome.get_type().name();
            format!("it is neither true nor false but of type {kind}")
        })
}

/// The error in the words of this house, cut to a line.
fn error_text(error: &ExecutionError) -> String {
    let text = match error {
        ExecutionError::NoSuchKey(key) => format!("there is no `{key}` in a value it reads"),
        ExecutionError::IndexOutOfBounds(Value::Int(index)) => {
            format!("a list has no item {index}")
        }
        ExecutionError::IndexOutOfBounds(_) => "a list has no such item".to_owned(),
        ExecutionError::DivisionByZero(_) | ExecutionError::RemainderByZero(_) => {
            "it divides by zero".to_owned()
        }
        ExecutionError::FunctionError { function, message } => format!("{function}: {message}"),
        ExecutionError::NoSuchOverload(overload) => {
            let types: Vec<&str> = overload
                .argument_types()
                .iter()
                .map(String::as_str)
                .collect();
            let name = overload.function().trim_matches('_').trim_matches('@');
            if types.contains(&"null_type") {
                format!("`{name}` met a null; test the field with `!= null` first")
            } else {
                format!("`{name}` does not take {}", types.join(" and "))
            }
        }
        other => other.to_string(),
    };
    let line = text.lines().next().unwrap_or_default();
    match line.char_indices().nth(MAX_ERROR) {
        Some((end, _)) => format!("{}…", &line[..end]),
        None => line.to_owned(),
    }
}
