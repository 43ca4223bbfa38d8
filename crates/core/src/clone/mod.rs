//! The plug point of service clones.
//!
//! A clone is a stateful behavioural copy of a service. It is synchronous and owns nothing
//! but its state: the host hands it one request at a time with the virtual time, and takes
//! back a response, what changed, and evidence that is the same bytes for the same calls.
//!
//! The descriptor is what the rest of archal knows of a service: hosts, operations, the
//! schema of the criteria view, the shape of a seed, and how recorded exchanges prove state.
//!
//! - `delivery`: what a service tells others by itself.
//! - `time`: times in a clone's state, and how seeds and evidence write them.
//! - `observation`: what recorded exchanges prove.
//! - `recorded`: what recorded calls of tools and SDKs say of the service's answers.
//! - `tool`: the tools of the service's official MCP server.
//! - `transfer`: bodies in files, and calls that take long.
//! - `trouble`: what goes wrong on purpose.
//! - [`vocabulary`]: the words for what is in it.

mod delivery;
mod observation;
mod recorded;
mod time;
mod tool;
mod transfer;
mod trouble;
pub mod vocabulary;

use std::any::Any;
use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;

use crate::diagnostic::Diagnostic;
use crate::stability::Stability;

pub use delivery::{Attempt, Delivery, Missed, Receipt};
pub use observation::{Exchange, Fact, Observation, PartHolds, Touched};
pub use recorded::{RecordedTool, Restored, SdkMethod};
pub use time::{Stamp, offset, seed_time};
pub use tool::{Arguments, Ask, FileContent, McpFace, Tool, ToolAnswer};
pub use transfer::{Done, Progress, Spool, Work};
pub use trouble::{EVERY_OPERATION, Fault, FaultEffect, NoEffect, NoRateLimit, RateLimit, Trouble};

/// A service clone as the catalogue lists it.
#[derive(Clone, Copy)]
pub struct CloneDescriptor {
    /// The clone's name, a lower-snake noun after the service: `github`.
    pub name: &'static str,
    /// One line for lists.
    pub about: &'static str,
    /// How far it can be relied on.
    pub stability: Stability,
    /// The host names it answers for, lower case.
    pub hosts: &'static [&'static str],
    /// Real host names of the service that are not modelled yet; calls to them are refused.
    pub other_hosts: &'static [&'static str],
    /// Environment variables an agent takes its credentials from, with the dummy the clone knows.
    pub credentials: &'static [(&'static str, &'static str)],
    /// Named starting states, sorted by name.
    pub seeds: &'static [NamedSeed],
    /// Field and parameter names that carry identity or paging; redaction never changes them.
    pub keep_fields: &'static [&'static str],
    /// The operations it models, sorted by id.
    pub operations: &'static [OperationInfo],
    /// What it could model, where its service publishes that.
    pub coverage: Option<&'static Coverage>,
    /// The criteria view: one collection of objects for each kind of thing.
    pub collections: &'static [Collection],
    /// The words for what is in it, a document of [`vocabulary::Vocabulary`]; empty for none.
    pub vocabulary: &'static str,
    /// The tables of a seed document, parents before children.
    pub tables: &'static [SeedTable],
    /// The key of a row of a seed document, by its table; none where the row does not say it.
    pub row_key: fn(&str, &Value) -> Option<String>,
    /// The JSON Schema of a seed document.
    pub seed_schema: fn() -> Value,
    /// The service's official MCP server, where its tools are modelled.
    pub mcp: Option<&'static McpFace>,
    /// Methods of published SDKs that are not named after the operations they call, sorted by what
    /// they are called on and name.
    pub sdk: &'static [SdkMethod],
    /// Opens a clone on a starting state.
    pub open: fn(&OpenClone<'_>) -> Result<Box<dyn ServiceClone>, Vec<Diagnostic>>,
    /// Opens a clone on a state that [`CloneState::save`] wrote, exactly as it was.
    pub reopen: fn(&Value) -> Result<Box<dyn ServiceClone>, Vec<Diagnostic>>,
    /// What clients are told that take a base URL in place of the service's own hosts.
    pub base_urls: &'static [BaseUrl],
    /// The modelled operation a request addresses.
    pub operation_of: fn(host: &str, method: &str, path: &str) -> Option<&'static str>,
    /// Whether a request asks to change something: host, method, path and body.
    pub changes: fn(host: &str, method: &str, path: &str, body: Option<&Value>) -> bool,
    /// What a recorded exchange proves about the service's state.
    pub observe: fn(&Exchange<'_>) -> Observation,
}

/// Whether a request asks to change something where its method alone says so, as
/// [`CloneDescriptor::changes`] takes it.
pub fn changes_by_method(_: &str, method: &str, _: &str, _: Option<&Value>) -> bool {
    !matches!(method, "GET" | "HEAD" | "OPTIONS")
}

impl CloneDescriptor {
    /// The hosts it answers for, that of its official MCP server among them.
    pub fn every_host(&self) -> impl Iterator<Item = &'static str> + use<> {
        let remote = self.mcp.and_then(|face| face.remote);
        self.hosts
            .iter()
            .copied()
            .chain(remote.map(|(host, _)| host))
    }
}

impl fmt::Debug for CloneDescriptor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CloneDescriptor")
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

/// A part of a service that clients reach by a base URL.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct BaseUrl {
    /// What it is: `rest`, `graphql`, `git`.
    pub name: &'static str,
    /// The host whose place the base URL takes; one of [`CloneDescriptor::hosts`].
    pub host: &'static str,
    /// What stands behind host and port.
    pub path: &'static str,
    /// The variables in which clients and scripts look for it.
    pub variables: &'static [&'static str],
}

/// A starting state that comes with a clone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
pub struct NamedSeed {
    /// Its name: `stale-issues`.
    pub name: &'static str,
    /// What is in it, one line.
    pub about: &'static str,
}

/// One operation of a service.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct OperationInfo {
    /// The id in the published description where there is one: `issues/list-for-repo`.
    pub id: &'static str,
    /// The method in capitals.
    pub method: &'static str,
    /// The path with parameters in braces.
    pub path: &'static str,
    /// What it does, one line.
    pub about: &'static str,
}

/// What a clone could model and what agents call, so that people see what it lacks.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct Coverage {
    /// Every operation that the service publishes: id, method, path; sorted by id.
    pub published: &'static [(&'static str, &'static str, &'static str)],
    /// The requests that agents are known to send, sorted by operation.
    pub called: &'static [Called],
    /// Where the list of requests comes from, one line.
    pub called_by: &'static str,
}

/// A request that agents are known to send.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Called {
    /// The id of the operation that answers it where it is modelled.
    pub operation: &'static str,
    /// The method in capitals.
    pub method: &'static str,
    /// The path with parameters in braces.
    pub path: &'static str,
}

/// How to open a clone.
#[derive(Debug, Clone, Copy)]
pub struct OpenClone<'a> {
    /// The run's base time: virtual now at its start, whole seconds. Seed times are relative to it.
    pub base: Timestamp,
    /// Seeds the id generators; the same number gives the same ids.
    pub ids: u64,
    /// The starting state.
    pub seed: Seed<'a>,
}

/// A starting state.
#[derive(Debug, Clone, Copy)]
pub enum Seed<'a> {
    /// One that comes with the clone.
    Named(&'a str),
    /// A document of the clone's seed schema: an object of tables, each a list of rows.
    Document(&'a Value),
}

/// One request. Header names are lower case.
#[derive(Debug, Clone, Default)]
pub struct CloneRequest {
    /// The method in capitals.
    pub method: String,
    /// `http` or `https`.
    pub scheme: String,
    /// The host as the client named it, without port, lower case.
    pub host: String,
    /// The path as sent, percent-encoded, beginning with `/`.
    pub path: String,
    /// The query as sent, without `?`; empty where there is none.
    pub query: String,
    /// Headers in the order sent.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Bytes,
    /// The body where it is too long for memory; [`Self::body`] is empty then.
    pub spool: Option<Spool>,
}

impl CloneRequest {
    /// The first header of that lower-case name.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(key, _)| key == name)
            .map(|(_, value)| value.as_str())
    }
}

/// Bytes for the client and the same bytes for evidence, in which each time is written as its
/// offset from the run's base or as `+run`. The two are equal where no time occurs.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Rendered {
    /// What the client gets.
    pub wire: Bytes,
    /// What is written down.
    pub evidence: Bytes,
}

impl From<Bytes> for Rendered {
    fn from(bytes: Bytes) -> Self {
        Self {
            wire: bytes.clone(),
            evidence: bytes,
        }
    }
}

/// What a clone answers.
#[derive(Debug, Clone, Default)]
pub struct CloneResponse {
    /// The HTTP status.
    pub status: u16,
    /// Headers that are the same for the same calls; `content-length` and `date` are the host's.
    pub headers: Vec<(&'static str, String)>,
    /// Headers that depend on the clock (rate-limit resets); kept out of the call record.
    pub volatile_headers: Vec<(&'static str, String)>,
    /// The body.
    pub body: Rendered,
    /// The body for the client where it is too long for memory; evidence is in [`Self::body`].
    pub spool: Option<Spool>,
    /// What is written down of the request's body, where that is not what it is: what the bytes
    /// of a program stand for.
    pub request_said: Option<String>,
    /// The operation that answered, where one is modelled.
    pub operation: Option<&'static str>,
    /// The published operation that is not modelled, where the request was for one.
    pub unmodelled: Option<String>,
    /// Who the clone took the caller for.
    pub principal: Option<String>,
    /// How many rows the whole list has, where the answer is a page of one.
    pub total: Option<u64>,
    /// The rows this call changed, in order.
    pub changes: Vec<RowChange>,
    /// The state's version before the call.
    pub root_before: u64,
    /// The state's version after the call.
    pub root_after: u64,
    /// What the service tells webhooks of it, in order.
    pub deliveries: Vec<Delivery>,
    /// What went wrong with it on purpose. The clone has done what it can of it; delays and ends
    /// of connections are for the host.
    pub fault: Option<FaultEffect>,
}

/// A row that a call changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct RowChange {
    /// The table.
    pub table: &'static str,
    /// The row's natural key, `acme/webapp#7`.
    pub key: String,
    /// What happened to it.
    pub change: ChangeKind,
}

/// What happened to a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum ChangeKind {
    /// It is new.
    Added,
    /// It is gone.
    Removed,
    /// A field of it is different.
    Changed,
}

/// A running clone.
pub trait ServiceClone: Send {
    /// Answers one request at virtual time `now`. Total: bad input gets the service's own error.
    fn call(&mut self, request: &CloneRequest, now: Timestamp) -> CloneResponse;

    /// Begins a request. What is left as work is done by the caller, wherever it likes, and given
    /// to [`Self::finish`]; other requests may come in between.
    fn begin(&mut self, request: &CloneRequest, now: Timestamp) -> Progress {
        Progress::Answered(Box::new(self.call(request, now)))
    }

    /// Answers the request that [`Self::begin`] left as work, with what the work came to.
    fn finish(&mut self, request: &CloneRequest, done: Done, now: Timestamp) -> CloneResponse {
        drop(done);
        self.call(request, now)
    }

    /// From now on this goes wrong; what did before no longer does. Counts begin anew.
    fn trouble(&mut self, trouble: Trouble);

    /// Takes what became of a delivery. It is no change of the state: `state`, `diff` and evidence
    /// of other calls are the same whatever it is.
    fn attempted(&mut self, attempt: Attempt) {
        drop(attempt);
    }

    /// The state as it is now; cheap, shares everything unchanged.
    fn state(&self) -> Arc<dyn CloneState>;

    /// What changed between the opening and now, folded so that each row occurs once, in the
    /// order of collection and key.
    fn diff(&self) -> Vec<RowDiff>;

    /// Goes back to the opening. What is counted beside the state, calls and rates, begins anew.
    fn reset(&mut self);

    /// Goes on from a state that this clone, or the one it was forked from, was in; the opening
    /// stays what it is. What is counted beside the state begins anew. False, with nothing done,
    /// for a state of another kind of clone.
    #[must_use = "a state of another clone is not taken"]
    fn restore(&mut self, state: &dyn CloneState) -> bool;

    /// A clone that begins where this one is; from then on neither sees what the other does.
    fn fork(&self) -> Box<dyn ServiceClone>;
}

/// A state of a clone that stays as it is.
pub trait CloneState: Any + Send + Sync {
    /// The rows of a collection of the criteria view in order of key; empty for an unknown name.
    fn rows(&self, collection: &str) -> Vec<ViewRow>;

    /// All tables in the shape of a seed document, times as in evidence; the same bytes for the
    /// same calls.
    fn to_json(&self) -> Value;

    /// What evidence of this state counts times from.
    fn base(&self) -> Timestamp;

    /// `text` with every time that was handed out up to this state written as in evidence. It is
    /// asked of a state, so that writing evidence down holds nobody up who calls the clone.
    fn evidence_text(&self, text: &str) -> String;

    /// What is different in `after`, as [`ServiceClone::diff`] tells it; nothing for a state of
    /// another kind of clone.
    fn diff(&self, after: &dyn CloneState) -> Vec<RowDiff>;

    /// The whole state with everything that later answers depend on, for
    /// [`CloneDescriptor::reopen`]: exact times, numbers given out, versions.
    ///
    /// # Errors
    ///
    /// When a part of it cannot be had: a state without it could not be opened again.
    fn save(&self) -> Result<Value, String>;
}

/// A row of the criteria view.
#[derive(Debug, Clone, PartialEq)]
pub struct ViewRow {
    /// The natural key.
    pub key: String,
    /// Its fields in the order of the collection.
    pub fields: Vec<(&'static str, ViewValue)>,
}

/// What became of a row.
#[derive(Debug, Clone, PartialEq)]
pub struct RowDiff {
    /// The collection.
    pub collection: &'static str,
    /// Before, none for a new row.
    pub before: Option<ViewRow>,
    /// After, none for a row that is gone.
    pub after: Option<ViewRow>,
}

/// A value of the criteria view.
#[derive(Debug, Clone, PartialEq)]
pub enum ViewValue {
    /// Declared but absent.
    Null,
    /// A truth value.
    Bool(bool),
    /// A whole number; money is in minor units.
    Int(i64),
    /// Text.
    Text(Arc<str>),
    /// A time.
    Time(Stamp),
    /// A list.
    List(Vec<ViewValue>),
    /// An object, fields in declared order.
    Object(Vec<(&'static str, ViewValue)>),
}

impl ViewValue {
    /// As JSON for evidence, times relative to `base`.
    pub fn to_json(&self, base: Timestamp) -> Value {
        match self {
            Self::Null => Value::Null,
            Self::Bool(value) => Value::from(*value),
            Self::Int(value) => Value::from(*value),
            Self::Text(value) => Value::from(value.as_ref()),
            Self::Time(stamp) => Value::from(stamp.evidence(base)),
            Self::List(items) => items.iter().map(|item| item.to_json(base)).collect(),
            Self::Object(fields) => object_to_json(fields, base),
        }
    }
}

impl ViewRow {
    /// As JSON for evidence, times relative to `base`.
    pub fn to_json(&self, base: Timestamp) -> Value {
        object_to_json(&self.fields, base)
    }
}

fn object_to_json(fields: &[(&'static str, ViewValue)], base: Timestamp) -> Value {
    fields
        .iter()
        .map(|(name, value)| ((*name).to_owned(), value.to_json(base)))
        .collect::<serde_json::Map<_, _>>()
        .into()
}

/// The schema of one collection of the criteria view.
#[derive(Debug, Clone, Copy, Serialize, JsonSchema)]
pub struct Collection {
    /// Its name in criteria: `issues`.
    pub name: &'static str,
    /// What is in it, one line.
    pub about: &'static str,
    /// The fields of each object, in the service's own REST names.
    pub fields: &'static [ViewField],
}

/// A field of the criteria view.
#[derive(Debug, Clone, Copy, Serialize, JsonSchema)]
pub struct ViewField {
    /// Its name.
    pub name: &'static str,
    /// What it holds; it may be null wherever `nullable` says so.
    pub kind: FieldKind,
    /// Whether it may be null.
    pub nullable: bool,
}

/// What a field holds.
#[derive(Debug, Clone, Copy, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum FieldKind {
    /// A truth value.
    Bool,
    /// A whole number.
    Int,
    /// Text.
    Text,
    /// A time.
    Time,
    /// A list of one kind.
    List(&'static FieldKind),
    /// An object.
    Object(&'static [ViewField]),
}

/// A table of a seed document.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct SeedTable {
    /// Its name, the key in the document: `issues`.
    pub name: &'static str,
    /// How a key is written, for people: `owner/repo#number`.
    pub key: &'static str,
    /// Its columns.
    pub fields: &'static [SeedField],
}

/// A column of a seed table.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct SeedField {
    /// Its name.
    pub name: &'static str,
    /// What it holds.
    pub kind: FieldKind,
    /// Whether a row without it is refused.
    pub required: bool,
    /// Whether a state rebuilt from a trace is only right when the trace proves it. Fields
    /// that are not may take their default: no later call and no criterion reads them alone.
    pub must_be_proved: bool,
    /// The table whose key it holds, or, for a list, whose keys its items hold.
    pub references: Option<&'static str>,
}
