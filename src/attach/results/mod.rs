//! Verdicts sent back to where traces are kept: OpenTelemetry's `gen_ai.evaluation.result`, and scores.
//!
//! - [`event`]: what is told of a grade.
//! - `otlp`: the same as an OTLP request for logs.
//! - [`scores`]: the same as scores of the services that traces came from.
//!
//! Results are rows ([`super::state::results`]) that are written with the grade; [`Sender`] posts
//! those that are due. No job waits for one. A receiver that is not there is asked again later,
//! as for notices; what it took is never sent again, and what it may have taken when archal was
//! killed comes again under the same `archal.result.id`.

pub mod event;
mod otlp;
pub mod scores;

use std::time::Duration;

use archal_core::clock::Clock;
use archal_core::environment::Environment;
use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};

use crate::config::grade::GradeResults;
use crate::config::notice;
use crate::run::scrub::Scrubber;
use crate::store::database::DatabaseError;

use super::notice::webhook::Posting;
use super::notice::{self as notices, Told};
use super::state::State;
use super::state::notices::Outcome;
use super::state::results::{self, StoredResult};
use event::ResultEvent;
use otlp::Partly;

/// How long a receiver may take to answer.
pub const TIMEOUT: Duration = Duration::from_secs(10);
/// The most results of one request.
pub const AT_ONCE: usize = 64;

/// Who sends results, and what it may use for that.
pub struct Sender<'a> {
    /// Where to.
    pub settings: &'a GradeResults,
    /// The caller's variables: those of headers, and proxies.
    pub environment: &'a Environment,
    /// What must not reach a row.
    pub scrubber: &'a Scrubber,
    /// The time.
    pub clock: &'a dyn Clock,
    /// How long a receiver may take: [`TIMEOUT`].
    pub timeout: Duration,
}

/// What a step of sending came to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Sent {
    /// Results that were taken.
    pub taken: usize,
    /// Results that nobody will get.
    pub given_up: usize,
    /// Why the others are tried again, where some are.
    pub put_off: Option<String>,
    /// Why some cannot be sent at all.
    pub failed: Option<String>,
}

impl Sender<'_> {
    /// The host that results go to, as people know it.
    pub fn host(&self) -> Option<String> {
        notice::host(&self.settings.url()?)
    }

    /// Sends results that are due; those that are taken are closed. The database is not held
    /// meanwhile.
    ///
    /// # Errors
    ///
    /// When the database refuses. A receiver that is not there is no error.
    pub fn send(&self, state: &State, due: Vec<StoredResult>) -> Result<Sent, DatabaseError> {
        let mut sent = Sent::default();
        let events: Vec<ResultEvent> = due.iter().filter_map(|one| one.event.clone()).collect();
        let (told, partly) = self.post(&events);
        match told {
            Told::Stopped => {}
            Told::Taken => {
                // Which of them were not kept is not said, and they must not be sent again.
                let all = count(&events);
                let rejected = partly.as_ref().map_or(0, |partly| partly.rejected);
                let is_kept = rejected == 0 || rejected < all;
                let reason = partly.as_ref().map(|partly| self.words(partly, all));
                let outcome = if is_kept {
                    Outcome::Sent
                } else {
                    Outcome::GivenUp
                };
                self.close(state, &due, outcome, reason.as_deref())?;
                sent.taken = due.len();
                sent.failed = reason.filter(|_| rejected > 0);
            }
            Told::Later { reason, after } => {
                let now = self.clock.now();
                let tries = due.iter().map(|result| result.tries).min().unwrap_or(0);
                match notices::next_try(tries, after, now) {
                    Some(next) => {
                        state.write(|rows| results::put_off(rows, &due, &reason, (now, next)))?;
                        sent.put_off = Some(reason);
                    }
                    None => {
                        self.close(state, &due, Outcome::GivenUp, Some(&reason))?;
                        sent.failed = Some(reason);
                    }
                }
            }
            Told::Never { outcome, reason } if due.len() == 1 || outcome == Outcome::Unwanted => {
                self.close(state, &due, outcome, Some(&reason))?;
                if outcome != Outcome::Unwanted {
                    sent.failed = Some(reason);
                }
            }
            // One that is refused takes no other with it.
            Told::Never { .. } => {
                for result in due {
                    let one = self.send(state, vec![result])?;
                    sent.taken += one.taken;
                    sent.put_off = one.put_off.or(sent.put_off);
                    sent.failed = one.failed.or(sent.failed);
                }
            }
        }
        Ok(sent)
    }

    fn close(
        &self,
        state: &State,
        these: &[StoredResult],
        outcome: Outcome,
        error: Option<&str>,
    ) -> Result<(), DatabaseError> {
        let now = self.clock.now();
        state.write(|rows| {
            for result in these {
                results::close(rows, result.id, outcome, error, now)?;
            }
            Ok(())
        })
    }

    /// Posts results once, without an outbox.
    ///
    /// # Errors
    ///
    /// Why they were not taken.
    pub fn once(&self, events: &[ResultEvent]) -> Result<(), String> {
        for some in events.chunks(AT_ONCE) {
            let (told, partly) = self.post(some);
            match told {
                Told::Taken => {
                    if let Some(partly) = partly.filter(|partly| partly.rejected > 0) {
                        return Err(self.words(&partly, count(some)));
                    }
                }
                Told::Stopped => return Err("it was stopped".to_owned()),
                Told::Later { reason, .. } | Told::Never { reason, .. } => return Err(reason),
            }
        }
        Ok(())
    }

    fn post(&self, events: &[ResultEvent]) -> (Told, Option<Partly>) {
        let Some(url) = self.settings.url() else {
            let told = Told::Never {
                outcome: Outcome::Unwanted,
                reason: "grade.results names no endpoint".to_owned(),
            };
            return (told, None);
        };
        let headers = match self.headers() {
            Ok(headers) => headers,
            Err(reason) => {
                let told = Told::Later {
                    reason,
                    after: None,
                };
                return (told, None);
            }
        };
        let posted = Posting {
            url: &url,
            headers,
            body: otlp::request(events),
            timeout: self.timeout,
            environment: self.environment,
        }
        .send(self.clock);
        let told = match posted.told {
            // A token is mended without a word to archal.
            Told::Never { reason, .. } if posted.is_locked_out => Told::Later {
                reason: format!("{reason}; grade.results.headersEnv names what it is shown"),
                after: None,
            },
            told => told,
        };
        (told, otlp::partly(&posted.answer))
    }

    /// What a receiver did not keep, for a person.
    fn words(&self, partly: &Partly, all: u64) -> String {
        let host = self.host().unwrap_or_default();
        let message = self.scrubber.text(&partly.message);
        let colon = if message.is_empty() { "" } else { ": " };
        match partly.rejected {
            0 => format!("{host} took them and says{colon}{message}"),
            rejected => format!("{host} did not keep {rejected} of {all} events{colon}{message}"),
        }
    }

    /// The headers with their values, which are kept nowhere.
    fn headers(&self) -> Result<HeaderMap, String> {
        let mut headers = HeaderMap::new();
        headers.insert(
            CONTENT_TYPE,
            HeaderValue::from_static("application/x-protobuf"),
        );
        for (name, variable) in &self.settings.headers_env {
            let value = self.environment.get(variable).ok_or_else(|| {
                format!("the variable {variable}, which grade.results.headersEnv names, is not set")
            })?;
            let name = HeaderName::from_bytes(name.as_bytes());
            let value = HeaderValue::from_str(value.trim());
            let (Ok(name), Ok(mut value)) = (name, value) else {
                return Err(format!(
                    "the variable {variable} holds characters that no header has"
                ));
            };
            value.set_sensitive(true);
            headers.insert(name, value);
        }
        Ok(headers)
    }
}

/// How many events results are on the wire.
fn count(events: &[ResultEvent]) -> u64 {
    events.iter().map(|event| event.scored.len() as u64).sum()
}
