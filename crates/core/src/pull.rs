//! The plug point of sources that are asked: they say what they have, a page at a time.
//!
//! A source owns a protocol: what to ask, how to go on, what a limit looks like, how rows become a
//! trace. The engine owns what lies on the disk: it redacts a page, stores its rows together with
//! the cursor behind them in one transaction, puts traces together when they are quiet, and writes
//! them as batch files. So whoever is killed anywhere repeats a page at most, and a page that is
//! repeated changes nothing.

use std::collections::BTreeMap;
use std::fmt;
use std::io::Write;
use std::num::NonZeroU32;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;

use crate::clock::{Clock, Timestamp};
use crate::diagnostic::Diagnostic;
use crate::hash;
use crate::program::Programs;
use crate::push::Kept;
use crate::reach::Reach;
use crate::source::{DecodedTrace, OptionInfo, OptionKind};

/// The side of a source that is asked.
#[derive(Clone, Copy)]
pub struct PullSource {
    /// Makes ready to ask; sends nothing yet.
    pub open: fn(Asking) -> Result<Opened, PullError>,
    /// Whom it would contact with these options, as `host` or `host:port`, for those who look before
    /// they allow it. What variables hold is among the options where they are set, and never told.
    pub hosts: fn(&Said) -> Vec<String>,
    /// Whom it asks with what, as far as somebody has to allow it.
    pub reach: Reach,
    /// The options that say what is asked, and not how: a cursor says nothing where one of them is
    /// another. None for a source that ties its cursor to them itself.
    pub asks: &'static [&'static str],
    /// Makes ready to give verdicts back as scores, and sends nothing yet; none where the service takes
    /// none. Whoever can has the option [`SEND_SCORES`], and without it nothing is given.
    pub scores: Option<OpenScores>,
}

/// Makes ready to give verdicts back.
pub type OpenScores = fn(Asking) -> Result<Box<dyn Scores>, PullError>;

/// Whether verdicts are given back; the option of every source that can.
pub const SEND_SCORES: OptionInfo = OptionInfo {
    name: "sendScores",
    about: "whether the verdict on each of its traces is written there as a score",
    kind: OptionKind::Switch,
    default: Some("false"),
    is_required: false,
};

/// The name under which verdicts are told. A score of that name is no evidence: archal said it.
pub const VERDICT: &str = "archal.grade";

/// How long to wait between two passes; options of every source that is asked may be these three.
pub const INTERVAL: OptionInfo = OptionInfo {
    name: "interval",
    about: "how long to wait between two passes",
    kind: OptionKind::Duration,
    default: Some("60s"),
    is_required: false,
};

/// How long rows are kept for what comes late.
pub const KEEP: OptionInfo = OptionInfo {
    name: "keep",
    about: "how long rows are kept for what comes late",
    kind: OptionKind::Duration,
    default: Some("30d"),
    is_required: false,
};

/// How long a trace must be quiet.
pub const SETTLE: OptionInfo = OptionInfo {
    name: "settle",
    about: "how long a trace whose root has ended must be quiet before it is given out",
    kind: OptionKind::Duration,
    default: Some("60s"),
    is_required: false,
};

impl fmt::Debug for PullSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PullSource").finish_non_exhaustive()
    }
}

/// What a source that is asked is made of.
pub enum Opened {
    /// Rows that are put together to traces.
    Rows(Box<dyn Rows>),
    /// Files somewhere else: any that the `file` source reads.
    Objects(Box<dyn Objects>),
}

impl fmt::Debug for Opened {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Rows(_) => "Rows",
            Self::Objects(_) => "Objects",
        })
    }
}

/// What a source is given to ask with.
#[derive(Clone)]
pub struct Asking {
    /// The name it is registered under.
    pub name: String,
    /// What was said of it, checked, over what holds where nobody says.
    pub options: Said,
    /// Traces that began before are not wanted; where nobody says, everything is.
    pub since: Option<Timestamp>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// How often may be asked, shared by all sources of the process.
    pub rates: Arc<dyn Rates>,
    /// What starts programs, for a source that asks one.
    pub programs: Arc<dyn Programs>,
    /// How to wait, and when to end.
    pub stop: Arc<dyn Stop>,
}

impl fmt::Debug for Asking {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Asking")
            .field("name", &self.name)
            .field("since", &self.since)
            .finish_non_exhaustive()
    }
}

/// Waiting that ends early when the process is to end.
pub trait Stop: Send + Sync {
    /// Whether to end.
    fn is_asked(&self) -> bool;

    /// Waits so long; true where the wait was broken off because the end was asked for.
    fn wait(&self, pause: Duration) -> bool;

    /// The same, and why: somebody who looks on is told where it is long. Never with a secret in it.
    fn wait_because(&self, pause: Duration, why: &str) -> bool {
        let _ = why;
        self.wait(pause)
    }
}

/// How often services may be asked. Limits are those of an organisation or a host, so all sources
/// that meet the same one share its bucket.
pub trait Rates: Send + Sync {
    /// Takes a place for a request in the bucket of that name, and says how long to wait before it
    /// is sent. The first to name a bucket says how many there are a minute.
    fn take(&self, bucket: &str, per_minute: NonZeroU32) -> Duration;

    /// Nobody sends anything of that bucket for so long: the service said so.
    fn hold(&self, bucket: &str, pause: Duration);
}

/// Options as a source reads them.
#[derive(Clone, Default, PartialEq)]
pub struct Said {
    values: BTreeMap<String, SaidValue>,
}

/// The value of an option.
#[derive(Clone, PartialEq)]
pub enum SaidValue {
    /// Text, a choice.
    Text(String),
    /// A whole number, or a size in bytes.
    Number(u64),
    /// A switch.
    Switch(bool),
    /// A duration.
    Duration(Duration),
    /// A file or folder.
    Path(PathBuf),
    /// What the variable that was named holds. Never shown.
    Secret(String),
}

impl Said {
    /// Of these values, by option.
    pub fn new(values: BTreeMap<String, SaidValue>) -> Self {
        Self { values }
    }

    /// A text or choice.
    pub fn text(&self, name: &str) -> Option<&str> {
        match self.values.get(name)? {
            SaidValue::Text(text) => Some(text),
            _ => None,
        }
    }

    /// A number, or a size in bytes.
    pub fn number(&self, name: &str) -> Option<u64> {
        match self.values.get(name)? {
            SaidValue::Number(number) => Some(*number),
            _ => None,
        }
    }

    /// Whether a switch is on; it is off where nobody says.
    pub fn switch(&self, name: &str) -> bool {
        matches!(self.values.get(name), Some(SaidValue::Switch(true)))
    }

    /// A duration.
    pub fn duration(&self, name: &str) -> Option<Duration> {
        match self.values.get(name)? {
            SaidValue::Duration(duration) => Some(*duration),
            _ => None,
        }
    }

    /// A file or folder.
    pub fn path(&self, name: &str) -> Option<&PathBuf> {
        match self.values.get(name)? {
            SaidValue::Path(path) => Some(path),
            _ => None,
        }
    }

    /// What tells these options from others of which one of those names is another. No value can be read
    /// in it.
    pub fn fingerprint(&self, names: &[&str]) -> String {
        let values: Vec<Value> = names
            .iter()
            .map(|name| match self.values.get(*name) {
                None => Value::Null,
                Some(SaidValue::Text(text) | SaidValue::Secret(text)) => text.as_str().into(),
                Some(SaidValue::Number(number)) => (*number).into(),
                Some(SaidValue::Switch(is_on)) => (*is_on).into(),
                Some(SaidValue::Duration(duration)) => format!("{duration:?}").into(),
                Some(SaidValue::Path(path)) => path.to_string_lossy().into(),
            })
            .collect();
        hash::of_json(&values)
    }

    /// What the variable of an option holds; none where no variable is named.
    pub fn secret(&self, name: &str) -> Option<&str> {
        match self.values.get(name)? {
            SaidValue::Secret(secret) => Some(secret),
            _ => None,
        }
    }
}

impl fmt::Debug for Said {
    /// Names alone: values may be secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.values.keys()).finish()
    }
}

/// Rows that somebody else keeps: the spans of traces, in any order, again when they changed.
///
/// Everything a source has to remember stands in the cursor. It is its own business what that is:
/// the engine stores it with the rows in front of it, and hands it back.
pub trait Rows: Send {
    /// What is ready, without importing anything: credentials, reach, schema.
    fn check(&mut self) -> Vec<Point>;

    /// A page of the newest rows, to show what there is. It is put together and not stored.
    ///
    /// # Errors
    ///
    /// When there is no answer.
    fn sample(&mut self) -> Result<Page, PullError>;

    /// How much there is from `cursor` on; none where that cannot be told for little.
    ///
    /// # Errors
    ///
    /// When there is no answer.
    fn estimate(&mut self, cursor: &Value) -> Result<Option<Estimate>, PullError>;

    /// The page at `cursor`, which is null for a source that was never asked. A pass ends with a
    /// page whose [`Page::is_last`] is set; the next one begins at its cursor, and reads again what
    /// may have come late. A page with no rows is no end.
    ///
    /// # Errors
    ///
    /// When there is no answer, though retries and pauses were made here: the cursor stays, and the
    /// page is asked for again some time.
    fn page(&mut self, cursor: &Value) -> Result<Page, PullError>;

    /// Puts one trace together: the same rows give the same trace, in whatever order they came and
    /// however often, and with what was given out earlier the union of both. None where no row can
    /// be read, and where a finding that is no error says why there is no trace yet.
    fn assemble(
        &self,
        trace: &str,
        kept: Kept,
        findings: &mut Vec<Diagnostic>,
    ) -> Option<DecodedTrace>;
}

/// A service that takes verdicts on its traces.
pub trait Scores: Send {
    /// Writes one. The same id again takes the place of what was there. One try: whoever asks knows
    /// when to try again.
    ///
    /// # Errors
    ///
    /// When it was not taken.
    fn give(&mut self, score: &Score) -> Result<(), PullError>;
}

/// A verdict as it is given back.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Score {
    /// The same for each verdict on a trace, so that there is one.
    pub id: String,
    /// The trace, as its service calls it.
    pub trace: String,
    /// `ok`, `fail` or `unsure`.
    pub label: String,
    /// Why, without secrets.
    pub comment: String,
    /// Where the trace was recorded.
    pub environment: Option<String>,
    /// More that programs may read.
    pub metadata: Value,
}

/// What one answer brought, not yet redacted.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Page {
    /// Its rows.
    pub rows: Vec<Row>,
    /// Traces that came whole.
    pub traces: Vec<DecodedTrace>,
    /// Where to go on.
    pub cursor: Value,
    /// Whether there is nothing more for now.
    pub is_last: bool,
    /// Whether the rows so far make whole traces as far as is known: what is quiet may be written.
    pub is_checkpoint: bool,
    /// The same of traces whose root is here and has ended, where the rest of others may still come: rows come
    /// newest first, and this is the border of a stretch of time.
    pub is_rooted_whole: bool,
    /// Up to when everything is here, where the rows come in the order in which they were written: what was
    /// quiet then may be written by whoever wants only so much.
    pub reached: Option<Timestamp>,
    /// Requests it took, retries among them.
    pub requests: u64,
    /// Bytes that came, as they came.
    pub bytes: u64,
    /// What could not be read, and what is worth knowing: a deprecated answer.
    pub findings: Vec<Diagnostic>,
}

/// A row, as far as the engine has to know it, and the rest in a form that only its source reads.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Row {
    /// What its trace goes by.
    pub trace: String,
    /// What it goes by in its trace: a row with the same id takes the place of an earlier one.
    pub id: String,
    /// Of two versions the higher counts; of equal ones, and where there is none, what came last.
    pub version: Option<i64>,
    /// Whether it is the end of its trace's root.
    pub ends_root: bool,
    /// When what it tells of ended, or was last changed: a trace is quiet when that is long ago.
    pub at: Option<Timestamp>,
    /// The row as [`Rows::assemble`] reads it. Redaction goes by the names of keys in it.
    pub body: Value,
}

/// How much there is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Estimate {
    /// Rows, or objects.
    pub rows: Option<u64>,
    /// Requests.
    pub requests: Option<u64>,
    /// How long it will take at the rate that is allowed.
    pub time: Option<Duration>,
}

/// Files in a store of objects.
pub trait Objects: Send {
    /// What is ready, without importing anything: credentials, reach, whether it may be listed and
    /// read.
    fn check(&mut self) -> Vec<Point>;

    /// One page of the listing behind `place`, which is none for its beginning.
    ///
    /// # Errors
    ///
    /// When there is no answer, though retries and pauses were made here.
    fn list(&mut self, place: Option<&str>) -> Result<Listing, PullError>;

    /// Writes the bytes of an object as it was listed; how many.
    ///
    /// # Errors
    ///
    /// [`PullErrorKind::Changed`] where there is another version of it by now, or none.
    fn read(&mut self, object: &Object, into: &mut dyn Write) -> Result<u64, PullError>;
}

/// A page of a listing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Listing {
    /// The objects, in the order in which the service has them.
    pub objects: Vec<Object>,
    /// Where to go on; none at the end. A page may be empty without being the last.
    pub next: Option<String>,
    /// Requests it took.
    pub requests: u64,
}

/// An object as it was listed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Object {
    /// Its key. Hostile: never a path.
    pub key: String,
    /// What tells this content from any other under the key: an entity tag or a generation.
    pub version: String,
    /// Its size in bytes.
    pub size: u64,
    /// When it was last written.
    pub modified: Option<Timestamp>,
}

/// One thing that was looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Point {
    /// What: `credentials`, `reach`, `schema`.
    pub name: &'static str,
    /// How it stands.
    pub standing: Standing,
    /// In one sentence, without a full stop.
    pub detail: String,
    /// The command or setting that mends it.
    pub advice: Option<String>,
}

/// How something stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// As it should be.
    Ready,
    /// It works, not as well as it could.
    Limited,
    /// Without it nothing can be imported.
    Missing,
}

/// Why there is no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct PullError {
    /// What kind of trouble.
    pub kind: PullErrorKind,
    /// In one sentence, without a full stop. Never with a secret in it.
    pub message: String,
    /// The command or setting that mends it.
    pub advice: Option<String>,
}

/// What kind of trouble.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PullErrorKind {
    /// The end was asked for.
    Stopped,
    /// The options do not fit together, or a variable is not set.
    Options,
    /// Who asks is not known, or may not.
    Denied,
    /// There is nothing under that name: no project, no table, no bucket.
    Missing,
    /// Nobody answers, or with a fault of their own. Worth another try.
    Unreachable,
    /// Too much was asked in too short a time.
    Limited {
        /// When it is worth another try, where that was said.
        after: Option<Duration>,
    },
    /// The answer is not what it should be.
    Answer,
    /// What was listed is another by now.
    Changed,
    /// It is there, and nobody may read it before it is taken out of an archive.
    Archived,
}

impl PullError {
    /// Trouble of a kind.
    pub fn new(kind: PullErrorKind, message: impl Into<String>) -> Self {
        Self {
            kind,
            message: message.into(),
            advice: None,
        }
    }

    /// With what mends it.
    #[must_use]
    pub fn advice(mut self, advice: impl Into<String>) -> Self {
        self.advice = Some(advice.into());
        self
    }
}
