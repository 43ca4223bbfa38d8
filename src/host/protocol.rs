//! What is said over the control socket: one line of JSON asks, one or more answer.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::queue::WorkKind;

/// The version of what is said. It goes up with every change that an older side would misunderstand.
pub const PROTOCOL: u32 = 1;
/// Most bytes of a request.
pub const REQUEST_LIMIT: usize = 1 << 20;
/// Most bytes of one line of an answer.
pub const REPLY_LIMIT: usize = 64 << 20;

/// What a watcher can be asked.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "do")]
pub enum Request {
    /// What it is doing.
    Status,
    /// Watch one more directory, or the same one with other options.
    Attach {
        /// The options; the attach module's own.
        payload: Value,
    },
    /// Stop watching.
    Detach {
        /// Which trace directory; none with `all`.
        directory: Option<String>,
        /// Everything of this repository.
        all: bool,
        /// Without grace for the steps that run.
        now: bool,
    },
    /// Open ended jobs again.
    Reprocess {
        /// Which, and from where on; the attach module's own.
        payload: Value,
    },
    /// Look again for work: somebody changed the state beside the watcher.
    Wake,
    /// Take a job over from the command line.
    Submit {
        /// Of what kind.
        kind: WorkKind,
        /// The job; its kind's own.
        payload: Value,
    },
    /// End, as soon as the steps that run have had their grace.
    Stop,
}

/// One line of an answer. The last one is `done` or `refused`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "reply")]
pub enum Reply {
    /// Something to tell the person who waits.
    Progress {
        /// The line.
        text: String,
    },
    /// It was done.
    Done {
        /// What came of it; the request's own.
        payload: Value,
    },
    /// It was not done.
    Refused(Refusal),
}

/// Why a request was not done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("{message}")]
pub struct Refusal {
    /// Of what kind the reason is.
    pub kind: RefusalKind,
    /// For a person.
    pub message: String,
    /// What was behind it, outermost first.
    #[serde(default)]
    pub causes: Vec<String>,
    /// Commands that mend it.
    #[serde(default)]
    pub hints: Vec<String>,
}

/// Of what kind a refusal is, as the command line tells errors apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RefusalKind {
    /// The two sides are of different versions.
    Protocol,
    /// What was asked makes no sense.
    Usage,
    /// The configuration is wrong.
    Config,
    /// Something is missing or does not work.
    Environment,
    /// Too much is being asked at once.
    Busy,
    /// The process ends and takes nothing over any more.
    Ending,
    /// A bug.
    Internal,
}

impl Refusal {
    /// A refusal without causes and hints.
    pub fn new(kind: RefusalKind, message: impl Into<String>) -> Self {
        Self {
            kind,
            message: message.into(),
            causes: Vec::new(),
            hints: Vec::new(),
        }
    }

    /// A refusal because of an error, with its causes.
    pub fn of(kind: RefusalKind, error: &dyn std::error::Error) -> Self {
        let mut refusal = Self::new(kind, error.to_string());
        let mut next = error.source();
        while let Some(cause) = next {
            refusal.causes.push(cause.to_string());
            next = cause.source();
        }
        refusal
    }

    /// With a command that mends it.
    #[must_use]
    pub fn hint(mut self, command: impl Into<String>) -> Self {
        self.hints.push(command.into());
        self
    }
}

#[derive(Serialize)]
struct Said<'a, T> {
    protocol: u32,
    #[serde(flatten)]
    what: &'a T,
}

#[derive(Deserialize)]
struct Version {
    protocol: u32,
}

/// A request or a reply as a line with its end.
pub(super) fn line(what: &impl Serialize) -> serde_json::Result<Vec<u8>> {
    let mut line = serde_json::to_vec(&Said {
        protocol: PROTOCOL,
        what,
    })?;
    line.push(b'\n');
    Ok(line)
}

/// The request in a line.
///
/// # Errors
///
/// Why there is none, for whoever sent it.
pub fn request(line: &[u8]) -> Result<Request, Refusal> {
    let malformed = |error: &dyn std::fmt::Display| {
        Refusal::new(
            RefusalKind::Usage,
            format!("this is no request of protocol {PROTOCOL}: {error}"),
        )
    };
    // The version first: whatever else differs follows from it.
    let said: Version = serde_json::from_slice(line).map_err(|error| malformed(&error))?;
    if said.protocol != PROTOCOL {
        return Err(Refusal::new(
            RefusalKind::Protocol,
            format!(
                "the watcher of this repository is archal {} and speaks protocol {PROTOCOL}, not {}",
                env!("CARGO_PKG_VERSION"),
                said.protocol
            ),
        ));
    }
    serde_json::from_slice(line).map_err(|error| malformed(&error))
}

/// The reply in a line; none where it is none of this protocol.
pub fn reply(line: &[u8]) -> Option<Reply> {
    let said: Version = serde_json::from_slice(line).ok()?;
    if said.protocol != PROTOCOL {
        return None;
    }
    serde_json::from_slice(line).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_is_asked_and_answered_arrives() {
        let requests = [
            Request::Status,
            Request::Attach {
                payload: json!({"directory": "traces"}),
            },
            Request::Detach {
                directory: None,
                all: true,
                now: false,
            },
            Request::Reprocess {
                payload: json!(["t1"]),
            },
            Request::Wake,
            Request::Submit {
                kind: WorkKind::Preprod,
                payload: Value::Null,
            },
            Request::Stop,
        ];
        for asked in requests {
            let line = line(&asked).expect("a line");
            assert_eq!(line.iter().filter(|byte| **byte == b'\n').count(), 1);
            assert_eq!(request(&line), Ok(asked));
        }
        let refused =
            Refusal::new(RefusalKind::Config, "a\nb").hint("archal attach --create traces");
        for answered in [
            Reply::Progress {
                text: "one".to_owned(),
            },
            Reply::Done {
                payload: json!({"protocol": 7}),
            },
            Reply::Refused(refused),
        ] {
            let line = line(&answered).expect("a line");
            assert_eq!(line.iter().filter(|byte| **byte == b'\n').count(), 1);
            assert_eq!(reply(&line), Some(answered));
        }
    }

    #[test]
    fn another_version_is_told_before_anything_else_is_understood() {
        let line = br#"{"protocol":2,"do":"fly","to":"the moon"}"#;
        let refused = request(line).expect_err("refused");
        assert_eq!(refused.kind, RefusalKind::Protocol);
        for line in [
            &b"\xff\n"[..],
            b"{}\n",
            br#"{"protocol":1,"do":"fly"}"#,
            br#"{"protocol":1,"do":"attach"}"#,
            b"",
        ] {
            assert_eq!(
                request(line).expect_err("refused").kind,
                RefusalKind::Usage,
                "{line:?}"
            );
        }
    }
}
