//! What criteria are decided on: the state of each clone before and after, the calls and the run.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use archal_core::clone::{CloneState, RowDiff};
use jiff::Timestamp;
use serde_json::Value;

/// Everything a criterion can read.
#[derive(Debug, Default)]
pub struct World<'a> {
    /// The clones of the run.
    pub clones: Vec<CloneWorld>,
    /// Every exchange with a clone, in order.
    pub calls: Vec<CallFact<'a>>,
    /// How the harness ended.
    pub run: RunFact,
    /// The agent's answer as text.
    pub output: String,
}

/// One clone's part of the world.
pub struct CloneWorld {
    /// The clone's name, the variable criteria read it by.
    pub name: String,
    /// Its state when the run began.
    pub before: Arc<dyn CloneState>,
    /// Its state when the run ended.
    pub after: Arc<dyn CloneState>,
    /// What changed in between, each row once.
    pub diff: Vec<RowDiff>,
    /// The run's base time, to which evidence writes times relative.
    pub base: Timestamp,
}

impl fmt::Debug for CloneWorld {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CloneWorld")
            .field("name", &self.name)
            .field("base", &self.base)
            .finish_non_exhaustive()
    }
}

/// One exchange with a clone.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct CallFact<'a> {
    /// Its place in the run, from 1.
    pub seq: i64,
    /// The clone that answered.
    pub clone: String,
    /// The operation, where one is modelled.
    pub operation: Option<String>,
    /// The tool it was made by, where it came over MCP.
    pub tool: Option<String>,
    /// The method in capitals.
    pub method: String,
    /// The path as sent, without query.
    pub path: String,
    /// The query as sent, without `?`; empty where there is none.
    pub query: String,
    /// Whether it asks to change something: what its method says, for GraphQL its operation, for a
    /// tool of the agent its name.
    pub changes: bool,
    /// The status of the response.
    pub status: i64,
    /// The request body as JSON, where it is any; that of a trace is the trace's own.
    pub request: Option<Cow<'a, Value>>,
    /// The response body as JSON, where it is any.
    pub response: Option<Cow<'a, Value>>,
}

impl CallFact<'_> {
    /// Path and query as sent.
    pub fn target(&self) -> String {
        let mark = if self.query.is_empty() { "" } else { "?" };
        format!("{}{mark}{}", self.path, self.query)
    }

    /// The same with bodies of its own.
    pub fn into_owned(self) -> CallFact<'static> {
        let owned = |body: Option<Cow<'_, Value>>| body.map(|body| Cow::Owned(body.into_owned()));
        CallFact {
            seq: self.seq,
            clone: self.clone,
            operation: self.operation,
            tool: self.tool,
            method: self.method,
            path: self.path,
            query: self.query,
            changes: self.changes,
            status: self.status,
            request: owned(self.request),
            response: owned(self.response),
        }
    }
}

/// How the harness ended.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct RunFact {
    /// Its exit code, none when a signal ended it.
    pub exit_code: Option<i64>,
    /// How long it ran, in milliseconds.
    pub duration_ms: i64,
    /// Whether it was stopped for running too long.
    pub timed_out: bool,
}
