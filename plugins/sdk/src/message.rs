//! The protocol: a line of JSON for each request, and one for each reply.
//!
//! Unknown fields and unknown replies are passed over, so that either side may know more than the
//! other. What changes what is there gets another [`PROTOCOL`].

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// The version of the protocol. Both sides say it; they talk only where it is the same.
pub const PROTOCOL: u32 = 1;

/// A line to a plugin.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct RequestLine {
    /// What the replies to it carry.
    pub id: u64,
    /// What is asked.
    #[serde(flatten)]
    pub request: Request,
}

/// What a plugin is asked.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(tag = "request", rename_all = "camelCase")]
pub enum Request {
    /// What it is. Always the first; answered by a `description`.
    Describe {
        /// The version of the protocol that is spoken.
        protocol: u32,
    },
    /// Whether it could pull, without pulling. Answered by any number of `point`, and `end`.
    Check {
        /// What the user said of it.
        config: Value,
    },
    /// Traces. Answered by any number of `trace`, `span`, `row`, `diagnostic` and `cursor`, and `end`.
    Pull(Pull),
    /// The request with this line's id is wanted no more. Its `end` is still waited for, for a moment.
    Cancel,
}

/// A request for traces.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", default)]
pub struct Pull {
    /// What the user said of it.
    pub config: Value,
    /// The last cursor that was kept; null where none was.
    pub cursor: Value,
    /// Traces that began before this time are not wanted, RFC 3339.
    pub since: Option<String>,
    /// About how many traces, spans or rows are wanted before a cursor.
    pub most: u32,
    /// Whether only a sample is wanted, the newest if that can be had; it is shown and not kept.
    pub sample: bool,
}

/// A line from a plugin.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ReplyLine {
    /// The id of the request.
    pub id: u64,
    /// What is replied.
    #[serde(flatten)]
    pub reply: Reply,
}

/// What a plugin replies.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(tag = "reply", rename_all = "camelCase")]
pub enum Reply {
    /// What it is; the whole answer to `describe`.
    Description(Description),
    /// One thing that was looked at.
    Point(Point),
    /// A whole trace.
    Trace {
        /// The project it belongs to.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        project: Option<String>,
        /// The trace, as `archal schema trace` has those of a batch.
        trace: Value,
    },
    /// One span of a trace whose other spans come before or after it.
    Span(SpanReply),
    /// A row in a shape of its own, which the mapping of the source explains.
    Row {
        /// The row, an object.
        row: Value,
        /// Of two versions of a span the higher counts; where there is none, the later.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        version: Option<i64>,
    },
    /// What could not be read, or is worth knowing.
    Diagnostic {
        /// How bad it is.
        severity: Severity,
        /// In one sentence, without a full stop.
        message: String,
    },
    /// Everything before it may be kept, and the next pull goes on here.
    Cursor {
        /// Anything: it is kept and handed back.
        cursor: Value,
        /// Whether the spans so far make whole traces, as far as is known.
        #[serde(default)]
        whole: bool,
    },
    /// The answer is complete.
    End {
        /// Whether there is more already: then it is asked again at once.
        #[serde(default)]
        more: bool,
    },
    /// There is no answer, or no more of it. Nothing follows.
    Error(Error),
}

/// What a plugin is.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct Description {
    /// The version of the protocol that it speaks.
    pub protocol: u32,
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: String,
    /// What it reads, in one line.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub about: Option<String>,
    /// What the user can say of it. Where this is not empty, anything else is refused.
    #[serde(default)]
    pub options: Vec<Needed>,
    /// The environment variables that it reads, secrets among them.
    #[serde(default)]
    pub variables: Vec<Needed>,
}

impl Description {
    /// Of a plugin that needs nothing.
    pub fn new(name: impl Into<String>, version: impl Into<String>) -> Self {
        Self {
            protocol: PROTOCOL,
            name: name.into(),
            version: version.into(),
            ..Self::default()
        }
    }
}

/// Something that a plugin is to be told.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct Needed {
    /// Its name.
    pub name: String,
    /// What it is, in one line.
    #[serde(default)]
    pub about: String,
    /// Whether nothing works without it.
    #[serde(default)]
    pub required: bool,
}

/// One thing that was looked at: credentials, whether somebody answers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct Point {
    /// What: `credentials`, `reach`, `schema`.
    pub name: String,
    /// How it stands.
    pub standing: Standing,
    /// In one sentence, without a full stop.
    pub detail: String,
    /// The command or setting that mends it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub advice: Option<String>,
}

/// How something stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum Standing {
    /// As it should be.
    Ready,
    /// It works, not as well as it could.
    Limited,
    /// Without it nothing can be pulled.
    Missing,
}

/// A span by itself.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct SpanReply {
    /// The project it belongs to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub project: Option<String>,
    /// What is known of its trace: an object with its `id`, and other fields of a trace.
    pub trace: Value,
    /// The span, as `archal schema trace` has those of a trace.
    pub span: Value,
    /// Of two versions of a span the higher counts; where there is none, the later.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<i64>,
}

/// How bad something is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Something is lost.
    Error,
    /// Something may be.
    Warning,
    /// Worth knowing.
    Note,
}

/// Why there is no answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct Error {
    /// What kind of trouble.
    pub kind: ErrorKind,
    /// In one sentence, without a full stop, never with a secret in it.
    pub message: String,
    /// The command or setting that mends it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub advice: Option<String>,
    /// When it is worth another try, in seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_after: Option<u64>,
}

/// What kind of trouble.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub enum ErrorKind {
    /// What the user said does not fit together.
    Options,
    /// Who asks is not known, or may not.
    Denied,
    /// There is nothing under that name.
    Missing,
    /// Nobody answers, or with a fault of their own. Worth another try.
    Unreachable,
    /// Too much was asked in too short a time.
    Limited,
    /// What came is not what it should be; a fault of the plugin, too.
    Answer,
}
