//! Verdicts sent back to where traces are kept: OpenTelemetry's `gen_ai.evaluation.result`.
//!
//! - [`event`]: what is told of a grade.
//! - `otlp`: the same as an OTLP request for logs.
//!
//! Results are rows ([`super::state::results`]) that are written with the grade; [`Sender`] posts
//! those that are due. No job waits for one. A receiver that is not there is asked again later,
//! as for notices; what it took is never sent again, and what it may have taken when archal was
//! killed comes again under the same `archal.result.id`.

pub mod event;
mod otlp;

use std::time::Duration;

use archal_core::clock::Clock;
use archal_core::environment::Environment;
use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};

use crate::config::grade::GradeResults;
use crate::config::notice;
use crate::store::database::DatabaseError;

use super::notice::webhook::Posting;
use super::notice::{self as notices, Told};
use super::state::State;
use super::state::notices::Outcome;
use super::state::results::{self, StoredResult};
use event::ResultEvent;

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
        match self.tell(&due) {
            Told::Stopped => {}
            Told::Taken => {
                self.close(state, &due, Outcome::Sent, None)?;
                sent.taken = due.len();
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

    fn tell(&self, due: &[StoredResult]) -> Told {
        let events: Vec<ResultEvent> = due.iter().filter_map(|one| one.event.clone()).collect();
        self.post(&events)
    }

    /// Posts results once, without an outbox.
    ///
    /// # Errors
    ///
    /// Why they were not taken.
    pub fn once(&self, events: &[ResultEvent]) -> Result<(), String> {
        for some in events.chunks(AT_ONCE) {
            match self.post(some) {
                Told::Taken => {}
                Told::Stopped => return Err("it was stopped".to_owned()),
                Told::Later { reason, .. } | Told::Never { reason, .. } => return Err(reason),
            }
        }
        Ok(())
    }

    fn post(&self, events: &[ResultEvent]) -> Told {
        let Some(url) = self.settings.url() else {
            return Told::Never {
                outcome: Outcome::Unwanted,
                reason: "grade.results names no endpoint".to_owned(),
            };
        };
        let headers = match self.headers() {
            Ok(headers) => headers,
            Err(reason) => {
                return Told::Later {
                    reason,
                    after: None,
                };
            }
        };
        Posting {
            url: &url,
            headers,
            body: otlp::request(events),
            timeout: self.timeout,
            environment: self.environment,
        }
        .send(self.clock)
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
