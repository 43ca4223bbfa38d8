//! The trait of a plugin, and what it gives out through.

use std::fmt;

use serde_json::Value;

use crate::message::{Description, Error, ErrorKind, Point, Pull, Reply, Severity, SpanReply};

/// A source of traces.
pub trait Plugin: Sized + Send + 'static {
    /// What it is.
    fn describe() -> Description;

    /// Makes ready to pull, with what the user said of it.
    ///
    /// # Errors
    ///
    /// When that cannot be.
    fn open(config: &Value) -> Result<Self, Failure>;

    /// Whether it could pull, without pulling: credentials, reach, schema. Nothing of it is kept.
    ///
    /// # Errors
    ///
    /// When it could not.
    fn check(&mut self, _out: &mut Output<'_>) -> Result<(), Failure> {
        Ok(())
    }

    /// Gives out what there is behind the cursor, with a cursor now and then: what stands before it
    /// may be kept, and the next pull goes on there. Where it ends without an error there is nothing
    /// more for now.
    ///
    /// # Errors
    ///
    /// When there is no answer. What came before the last cursor counts.
    fn pull(&mut self, pull: &Pull, out: &mut Output<'_>) -> Result<(), Failure>;
}

/// Where a plugin gives out what it has.
pub struct Output<'a> {
    push: &'a mut dyn FnMut(&[u8]) -> bool,
}

impl fmt::Debug for Output<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Output").finish_non_exhaustive()
    }
}

/// Nothing more is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stopped;

impl<'a> Output<'a> {
    /// Over what takes a reply as JSON, without the id of its request, and says whether more is wanted.
    pub fn new(push: &'a mut dyn FnMut(&[u8]) -> bool) -> Self {
        Self { push }
    }

    /// A whole trace.
    ///
    /// # Errors
    ///
    /// When nothing more is wanted: leave, with `?`.
    pub fn trace(&mut self, trace: Value) -> Result<(), Stopped> {
        self.reply(&Reply::Trace {
            project: None,
            trace,
        })
    }

    /// One span of a trace of which so much is known.
    ///
    /// # Errors
    ///
    /// When nothing more is wanted: leave, with `?`.
    pub fn span(&mut self, trace: Value, span: Value) -> Result<(), Stopped> {
        self.reply(&Reply::Span(SpanReply {
            project: None,
            trace,
            span,
            version: None,
        }))
    }

    /// A row in a shape of its own, which the user's mapping explains.
    ///
    /// # Errors
    ///
    /// When nothing more is wanted: leave, with `?`.
    pub fn row(&mut self, row: Value) -> Result<(), Stopped> {
        self.reply(&Reply::Row { row, version: None })
    }

    /// Something that was looked at, in answer to a check.
    ///
    /// # Errors
    ///
    /// When nothing more is wanted: leave, with `?`.
    pub fn point(&mut self, point: Point) -> Result<(), Stopped> {
        self.reply(&Reply::Point(point))
    }

    /// What could not be read, or is worth knowing.
    ///
    /// # Errors
    ///
    /// When nothing more is wanted: leave, with `?`.
    pub fn diagnostic(
        &mut self,
        severity: Severity,
        message: impl Into<String>,
    ) -> Result<(), Stopped> {
        self.reply(&Reply::Diagnostic {
            severity,
            message: message.into(),
        })
    }

    /// Everything so far may be kept; the next pull goes on here.
    ///
    /// # Errors
    ///
    /// When nothing more is wanted: leave, with `?`.
    pub fn cursor(&mut self, cursor: Value) -> Result<(), Stopped> {
        self.reply(&Reply::Cursor {
            cursor,
            whole: false,
        })
    }

    /// Any reply.
    ///
    /// # Errors
    ///
    /// When nothing more is wanted: leave, with `?`.
    pub fn reply(&mut self, reply: &Reply) -> Result<(), Stopped> {
        let line = serde_json::to_vec(reply).map_err(|_| Stopped)?;
        self.raw(&line)
    }

    /// Any reply as JSON, as it is.
    ///
    /// # Errors
    ///
    /// When nothing more is wanted: leave, with `?`.
    pub fn raw(&mut self, reply: &[u8]) -> Result<(), Stopped> {
        if (self.push)(reply) {
            Ok(())
        } else {
            Err(Stopped)
        }
    }
}

/// Why there is no answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// What is told; none where nothing more was wanted.
    pub(crate) error: Option<Error>,
}

impl Failure {
    /// Trouble of a kind, in one sentence without a full stop, never with a secret in it.
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self {
            error: Some(Error {
                kind,
                message: message.into(),
                advice: None,
                retry_after: None,
            }),
        }
    }

    /// With the command or setting that mends it.
    #[must_use]
    pub fn advice(mut self, advice: impl Into<String>) -> Self {
        if let Some(error) = &mut self.error {
            error.advice = Some(advice.into());
        }
        self
    }

    /// With when it is worth another try, in seconds.
    #[must_use]
    pub fn retry_after(mut self, seconds: u64) -> Self {
        if let Some(error) = &mut self.error {
            error.retry_after = Some(seconds);
        }
        self
    }
}

impl From<Stopped> for Failure {
    fn from(_: Stopped) -> Self {
        Self { error: None }
    }
}
