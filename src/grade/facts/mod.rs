//! A trace as graders read it: what was said and done, in order, each call with its outcome.
//!
//! Made once for a trace and shared by all tiers.
//!
//! - `join`: spans and messages to one list of steps.
//! - [`effect`]: whether a call reads or writes.
//! - [`outcome`]: whether a call failed, and how.
//! - [`looks`]: what calls that look name, and whether they found nothing.
//! - `lost`: whether spans are known to be lost.

pub mod effect;
pub mod looks;
pub mod outcome;

mod join;
mod lost;

use std::borrow::Cow;

use archal_core::trace::{HttpExchange, Trace};
use serde_json::Value;

pub use effect::Effect;
pub use outcome::{Failure, FailureKind};

/// What graders know of a trace.
#[derive(Debug)]
pub struct Facts<'a> {
    /// The trace itself.
    pub trace: &'a Trace,
    /// What was said and done, in order.
    pub steps: Vec<Step<'a>>,
    /// The calls, in order.
    pub calls: Vec<Call<'a>>,
    /// Whether nothing is known to be missing; where something is, its absence shows nothing.
    pub whole: bool,
    /// Whether spans are known to be lost: what the run seems not to have done may be in those.
    pub lost: bool,
    /// Whether the words of the conversation were captured.
    pub conversation: bool,
}

/// One step of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step<'a> {
    /// What the agent was told to be: its instructions.
    Instructions(&'a str),
    /// A person said something.
    User(Said<'a>),
    /// The agent said something.
    Agent(Said<'a>),
    /// The agent called something: the place in [`Facts::calls`].
    Call(usize),
}

/// A text and the span it stands in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Said<'a> {
    /// The span.
    pub span: &'a str,
    /// The text.
    pub text: &'a str,
}

/// One call of a tool or a service.
#[derive(Debug, Clone)]
pub struct Call<'a> {
    /// The span that shows it.
    pub span: &'a str,
    /// The tool's name, or method and path.
    pub name: Cow<'a, str>,
    /// The arguments or the request body, JSON in text parsed.
    pub arguments: Option<Cow<'a, Value>>,
    /// The result or the response body, JSON in text parsed.
    pub result: Option<Cow<'a, Value>>,
    /// The exchange, where it was one.
    pub http: Option<&'a HttpExchange>,
    /// How it failed; none where it went well or nothing says so.
    pub failure: Option<Failure>,
    /// Whether it is known how it ended.
    pub answered: bool,
    /// Whether it changes something.
    pub effect: Effect,
    /// Equal for calls of one name with equal arguments.
    pub key: u64,
    /// Its place among the steps.
    pub step: usize,
}

impl Call<'_> {
    /// Whether it is known to have gone well.
    pub fn succeeded(&self) -> bool {
        self.answered && self.failure.is_none()
    }

    /// Whether it changed something.
    pub fn wrote(&self) -> bool {
        self.effect == Effect::Write && self.succeeded()
    }

    /// A short text of its result.
    pub fn excerpt(&self) -> String {
        match &self.failure {
            Some(failure) => failure.text.clone(),
            None => self.result.as_deref().map(short).unwrap_or_default(),
        }
    }
}

impl<'a> Facts<'a> {
    /// Reads a trace.
    pub fn of(trace: &'a Trace) -> Self {
        join::facts(trace)
    }

    /// The agent's last words, where it had the last word: nothing was called after them.
    pub fn last_words(&self) -> Option<Said<'a>> {
        for step in self.steps.iter().rev() {
            match step {
                Step::Agent(said) => return Some(*said),
                Step::Call(_) => break,
                Step::User(_) | Step::Instructions(_) => {}
            }
        }
        None
    }

    /// What people said, in order, with the place of each among the steps.
    pub fn said_by_users(&self) -> impl DoubleEndedIterator<Item = (usize, Said<'a>)> {
        self.steps
            .iter()
            .enumerate()
            .filter_map(|(place, step)| match step {
                Step::User(said) => Some((place, *said)),
                _ => None,
            })
    }
}

/// The start of a value as text, for people.
pub fn short(value: &Value) -> String {
    match value {
        Value::String(text) => start_of(text),
        other => start_of(&other.to_string()),
    }
}

/// The first 200 characters of a text, on one line.
pub fn start_of(text: &str) -> String {
    let mut out = String::new();
    for (count, c) in text.trim().chars().enumerate() {
        if count == 200 {
            out.push('…');
            break;
        }
        out.push(if c.is_control() { ' ' } else { c });
    }
    out
}
