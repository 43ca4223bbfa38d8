//! The plug point of service clones.
//!
//! A clone is a stateful behavioural copy of a service. It is synchronous and owns nothing
//! but its state: the host hands it one request at a time with the virtual time, and takes
//! back a response, what changed, and evidence that is the same bytes for the same calls.
//!
//! The descriptor is what the rest of archal knows of a service: hosts, operations, the
//! schema of the criteria view, the shape of a seed, and how recorded exchanges prove state.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use jiff::Timestamp;
use serde::Serialize;
use serde_json::Value;

use crate::clock;
use crate::diagnostic::Diagnostic;
use crate::stability::Stability;

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
    /// The criteria view: one collection of objects for each kind of thing.
    pub collections: &'static [Collection],
    /// The tables of a seed document, parents before children.
    pub tables: &'static [SeedTable],
    /// The JSON Schema of a seed document.
    pub seed_schema: fn() -> Value,
    /// Opens a clone on a starting state.
    pub open: fn(&OpenClone<'_>) -> Result<Box<dyn ServiceClone>, Vec<Diagnostic>>,
    /// The modelled operation a request addresses.
    pub operation_of: fn(method: &str, path: &str) -> Option<&'static str>,
    /// What a recorded exchange proves about the service's state.
    pub observe: fn(&Exchange<'_>) -> Observation,
}

impl fmt::Debug for CloneDescriptor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CloneDescriptor")
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

/// A starting state that comes with a clone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
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
    /// The operation that answered, where one is modelled.
    pub operation: Option<&'static str>,
    /// The published operation that is not modelled, where the request was for one.
    pub unmodelled: Option<String>,
    /// Who the clone took the caller for.
    pub principal: Option<String>,
    /// The rows this call changed, in order.
    pub changes: Vec<RowChange>,
    /// The state's version before the call.
    pub root_before: u64,
    /// The state's version after the call.
    pub root_after: u64,
}

/// A row that a call changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
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
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
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

    /// The state as it is now; cheap, shares everything unchanged.
    fn state(&self) -> Arc<dyn CloneState>;

    /// What changed between the opening and now, folded so that each row occurs once, in the
    /// order of collection and key.
    fn diff(&self) -> Vec<RowDiff>;

    /// `text` with every time this clone has handed out written as in evidence.
    fn evidence_text(&self, text: &str) -> String;
}

/// A state of a clone that stays as it is.
pub trait CloneState: Send + Sync {
    /// The rows of a collection of the criteria view in order of key; empty for an unknown name.
    fn rows(&self, collection: &str) -> Vec<ViewRow>;

    /// All tables in the shape of a seed document, times as in evidence; the same bytes for the
    /// same calls.
    fn to_json(&self) -> Value;
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

/// A time in a clone's state and where it comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Stamp {
    /// The time itself, whole seconds where the service has whole seconds.
    pub at: Timestamp,
    /// Whether a call of this run set it; otherwise the seed did.
    pub by_call: bool,
}

impl Stamp {
    /// How evidence writes it: `+run` when a call set it, else the offset from `base`: `-95d`.
    pub fn evidence(&self, base: Timestamp) -> String {
        if self.by_call {
            return "+run".to_owned();
        }
        offset(self.at, base)
    }
}

/// The offset of `at` from `base` in days, hours, minutes and seconds: `-95d`, `+1h30m`, `+0s`.
pub fn offset(at: Timestamp, base: Timestamp) -> String {
    let seconds = clock::truncate_to_second(at).as_second() - base.as_second();
    let sign = if seconds < 0 { '-' } else { '+' };
    let mut left = seconds.unsigned_abs();
    let mut out = String::from(sign);
    for (unit, size) in [('d', 86_400), ('h', 3_600), ('m', 60), ('s', 1)] {
        let count = left / size;
        left %= size;
        if count > 0 {
            out.push_str(&count.to_string());
            out.push(unit);
        }
    }
    if out.len() == 1 {
        out.push_str("0s");
    }
    out
}

/// A time as a seed may write it: RFC 3339, an [`offset`], or words: `95d ago`, `now`.
///
/// The present moment and offsets of zero stand one second before `base`, so that the text of a
/// seed time never equals the text of a time that a call sets.
pub fn seed_time(text: &str, base: Timestamp) -> Option<Timestamp> {
    let text = text.trim();
    let time = if text == "now" {
        base
    } else if let Some(past) = text.strip_suffix("ago") {
        shift(past, base, -1)?
    } else if let Some(past) = text.strip_prefix('-') {
        shift(past, base, -1)?
    } else if let Some(future) = text.strip_prefix('+') {
        shift(future, base, 1)?
    } else {
        text.parse().ok()?
    };
    if time == base {
        base.checked_sub(std::time::Duration::from_secs(1)).ok()
    } else {
        Some(time)
    }
}

fn shift(text: &str, base: Timestamp, sign: i64) -> Option<Timestamp> {
    let mut seconds: i64 = 0;
    let mut digits = String::new();
    let mut units = 0;
    for c in text.chars().filter(|c| !c.is_whitespace()) {
        if c.is_ascii_digit() {
            digits.push(c);
            continue;
        }
        let size = match c {
            'd' => 86_400,
            'h' => 3_600,
            'm' => 60,
            's' => 1,
            _ => return None,
        };
        let count: i64 = digits.parse().ok()?;
        digits.clear();
        seconds = seconds.checked_add(count.checked_mul(size)?)?;
        units += 1;
    }
    if !digits.is_empty() || units == 0 {
        return None;
    }
    Timestamp::from_second(base.as_second().checked_add(sign * seconds)?).ok()
}

/// The schema of one collection of the criteria view.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct Collection {
    /// Its name in criteria: `issues`.
    pub name: &'static str,
    /// What is in it, one line.
    pub about: &'static str,
    /// The fields of each object, in the service's own REST names.
    pub fields: &'static [ViewField],
}

/// A field of the criteria view.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct ViewField {
    /// Its name.
    pub name: &'static str,
    /// What it holds; it may be null wherever `nullable` says so.
    pub kind: FieldKind,
    /// Whether it may be null.
    pub nullable: bool,
}

/// What a field holds.
#[derive(Debug, Clone, Copy, Serialize)]
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

/// A recorded request and response, as a trace has it.
#[derive(Debug, Clone, Copy)]
pub struct Exchange<'a> {
    /// The method in capitals.
    pub method: &'a str,
    /// The host, lower case, without port.
    pub host: &'a str,
    /// The path as sent.
    pub path: &'a str,
    /// The query as sent, without `?`.
    pub query: &'a str,
    /// The request body; none where not captured or empty.
    pub request_body: Option<&'a Value>,
    /// The status.
    pub status: u16,
    /// Response headers that were captured, names in lower case.
    pub response_headers: &'a BTreeMap<String, String>,
    /// The response body; none where not captured or empty.
    pub response_body: Option<&'a Value>,
}

/// What one exchange proves.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Observation {
    /// The operation it was, where one is modelled.
    pub operation: Option<&'static str>,
    /// What it proves, in the order in which it must be applied.
    pub facts: Vec<Fact>,
    /// What could not be used, for the reader: a body that was not captured.
    pub gaps: Vec<String>,
}

/// One thing an exchange proves about the service's state. Field values are in the shape of the
/// seed document, times absolute in RFC 3339.
#[derive(Debug, Clone, PartialEq)]
pub enum Fact {
    /// A row was there, before and after the exchange.
    Row {
        /// The table.
        table: &'static str,
        /// Its key.
        key: String,
        /// What its fields were after the exchange.
        fields: BTreeMap<String, Value>,
        /// Fields the exchange may have set: their value before it is not shown by it.
        written: Vec<&'static str>,
    },
    /// A field holds at least that: what follows from the service having answered as it did. It
    /// counts only where no exchange shows the field itself.
    Implied {
        /// The table.
        table: &'static str,
        /// The row's key.
        key: String,
        /// The field.
        field: &'static str,
        /// Its value.
        value: Value,
    },
    /// The exchange made a row: it was not there before.
    Created {
        /// The table.
        table: &'static str,
        /// Its key.
        key: String,
    },
    /// The exchange removed a row: it was there before.
    Deleted {
        /// The table.
        table: &'static str,
        /// Its key.
        key: String,
    },
    /// A row was not there, or not visible to the caller.
    Absent {
        /// The table.
        table: &'static str,
        /// Its key.
        key: String,
    },
    /// One page of a list.
    Page {
        /// The table listed.
        table: &'static str,
        /// What was listed, for people and as identity: path and filters without paging.
        list: String,
        /// The page, from 1.
        page: u64,
        /// Rows a page.
        per_page: u64,
        /// Keys in the order answered.
        keys: Vec<String>,
        /// Whether more pages follow; none where the response does not say.
        more: Option<bool>,
    },
    /// A row has that many children in `table`, whether they were seen or not.
    Count {
        /// The table of the children.
        table: &'static str,
        /// The field of the child that holds the parent's key.
        field: &'static str,
        /// The parent's key.
        parent: String,
        /// How many there were before the exchange.
        count: u64,
    },
    /// Who the caller is.
    Actor {
        /// The key in the users' table.
        key: String,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    fn base() -> Timestamp {
        "2026-01-10T00:00:00Z".parse().expect("valid")
    }

    #[test]
    fn offsets_are_written_short_and_read_back() {
        for (seconds, text) in [
            (-95 * 86_400, "-95d"),
            (-5_400, "-1h30m"),
            (86_401, "+1d1s"),
        ] {
            let at = Timestamp::from_second(base().as_second() + seconds).expect("in range");
            assert_eq!(offset(at, base()), text);
            assert_eq!(seed_time(text, base()), Some(at));
        }
    }

    #[test]
    fn seed_times_take_words_and_never_equal_the_base() {
        let day_before: Timestamp = "2026-01-09T00:00:00Z".parse().expect("valid");
        assert_eq!(seed_time("1d ago", base()), Some(day_before));
        assert_eq!(seed_time("2026-01-09T00:00:00Z", base()), Some(day_before));
        let just_before: Timestamp = "2026-01-09T23:59:59Z".parse().expect("valid");
        assert_eq!(seed_time("now", base()), Some(just_before));
        assert_eq!(seed_time("0d ago", base()), Some(just_before));
        assert_eq!(seed_time("ago", base()), None);
        assert_eq!(seed_time("95x ago", base()), None);
        assert_eq!(seed_time("99999999999999999999d ago", base()), None);
    }

    #[test]
    fn evidence_tells_who_set_a_time() {
        let at = base();
        let by_call = Stamp { at, by_call: true };
        assert_eq!(by_call.evidence(base()), "+run");
        let by_seed = Stamp { at, by_call: false };
        assert_eq!(by_seed.evidence(base()), "+0s");
    }
}
