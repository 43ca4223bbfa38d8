//! Why there is no answer.

use std::time::Duration;

use archal_core::pull::{PullError, PullErrorKind};

/// Why there is no answer, as a source decides by it. Nothing of a secret is in any of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Failure {
    /// The end was asked for.
    Stopped,
    /// There is no connection.
    Unreachable(String),
    /// No whole answer came in time.
    Late(Duration),
    /// The answer ended before its end.
    Cut,
    /// The answer is larger than any that is taken.
    TooLarge(usize),
    /// The answer is no JSON.
    NotJson,
    /// It was answered, and not with what was asked for.
    Refused {
        /// The status.
        status: u16,
        /// What was said, short.
        said: String,
        /// When it is worth another try.
        after: Option<Duration>,
    },
}

/// What mends the usual faults of a service.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Advice {
    /// Who asks is not known.
    pub(crate) denied: &'static str,
    /// There is nothing by that name.
    pub(crate) missing: &'static str,
    /// Nobody answers.
    pub(crate) unreachable: &'static str,
    /// Too much was asked.
    pub(crate) limited: &'static str,
}

impl Failure {
    /// Whether the same question may be answered a moment later.
    pub(super) fn is_passing(&self) -> bool {
        match self {
            Self::Unreachable(_) | Self::Late(_) | Self::Cut => true,
            Self::Refused { status, .. } => *status >= 500 || *status == 408,
            Self::Stopped | Self::TooLarge(_) | Self::NotJson => false,
        }
    }

    /// Whether a smaller question may be answered.
    pub(crate) fn is_of_size(&self) -> bool {
        match self {
            Self::Late(_) | Self::Cut | Self::TooLarge(_) => true,
            Self::Refused { status, .. } => *status >= 500 || matches!(status, 408 | 413 | 422),
            Self::Stopped | Self::Unreachable(_) | Self::NotJson => false,
        }
    }

    /// Whether it is the size for certain. What else [`Self::is_of_size`] may be an outage, too.
    pub(crate) fn is_too_large(&self) -> bool {
        match self {
            Self::TooLarge(_) => true,
            Self::Refused { status, .. } => matches!(status, 413 | 422),
            _ => false,
        }
    }

    /// Whether the service does not know the path.
    pub(crate) fn is_not_found(&self) -> bool {
        matches!(self, Self::Refused { status: 404, .. })
    }

    /// As people are told.
    pub(super) fn told(self, service: &str, host: &str, advice: &Advice) -> PullError {
        use PullErrorKind as Kind;
        let (kind, message, advice) = match self {
            Self::Stopped => {
                return PullError::new(Kind::Stopped, "it was stopped");
            }
            Self::Unreachable(why) => (
                Kind::Unreachable,
                format!("{service} at {host} cannot be reached: {why}"),
                advice.unreachable,
            ),
            Self::Late(time) => (
                Kind::Unreachable,
                format!(
                    "{service} at {host} gave no whole answer in {} s",
                    time.as_secs()
                ),
                advice.unreachable,
            ),
            Self::Cut => (
                Kind::Unreachable,
                format!("the answers of {service} at {host} end before their end"),
                advice.unreachable,
            ),
            Self::TooLarge(most) => (
                Kind::Answer,
                format!("{service} at {host} answers with more than {most} bytes"),
                advice.unreachable,
            ),
            Self::NotJson => (
                Kind::Answer,
                format!("what answers at {host} does not speak the API of {service}"),
                advice.missing,
            ),
            Self::Refused {
                status,
                said,
                after,
            } => {
                let message = if said.is_empty() {
                    format!("{service} at {host} answered {status}")
                } else {
                    format!("{service} at {host} answered {status}: {said}")
                };
                match status {
                    401 | 403 => (Kind::Denied, message, advice.denied),
                    404 => (Kind::Missing, message, advice.missing),
                    429 => (Kind::Limited { after }, message, advice.limited),
                    300..=399 => (
                        Kind::Answer,
                        format!("{message}; redirects are not followed"),
                        advice.missing,
                    ),
                    408 | 500.. => (Kind::Unreachable, message, advice.unreachable),
                    _ => (Kind::Answer, message, advice.missing),
                }
            }
        };
        PullError::new(kind, message).advice(advice)
    }
}
