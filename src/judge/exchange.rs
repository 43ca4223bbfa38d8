//! One question until it is answered or given up: tries, pauses, and what each failure means.

use std::sync::atomic::Ordering;
use std::time::Duration;

use archal_core::hash;
use serde_json::Value;

use crate::config::schema::JudgeProvider;

use super::ask::{Judge, NotJudged, Pause, Why};
use super::provider::{self, Asked, Reply};
use super::retry;
use super::transport::{Answered, SendError, Transport};

/// A request that was not answered.
pub(super) struct Failure {
    pub(super) not: NotJudged,
    /// Whether the server may take money for it.
    pub(super) may_cost: bool,
    /// Whether nothing would be different for the next question.
    pub(super) is_final: bool,
    /// Whether it is the judge's trouble and not this question's own.
    pub(super) blames_judge: bool,
}

impl Judge<'_> {
    /// Sends a request, again where its failure may pass; whether an earlier try may have cost
    /// something, too.
    pub(super) fn exchange(
        &self,
        asked: &Asked<'_>,
        key: Option<&str>,
        pause: &dyn Pause,
    ) -> Result<(Reply, bool), Failure> {
        let transport = self.transport()?;
        let mut pauses = retry::pauses(hash::sixty_four_bits(asked.user.as_bytes()));
        let mut may_have_cost = false;
        loop {
            let is_held = asked.is_held && !self.is_loose.load(Ordering::Relaxed);
            let request = provider::request(&self.settings.judge, &Asked { is_held, ..*asked });
            let sent = transport.post(&request, key, pause);
            let passing = match sent {
                Ok(answered) if (200..300).contains(&answered.status) => {
                    match self.read(&answered) {
                        Some(reply) => {
                            self.is_there();
                            return Ok((reply, may_have_cost));
                        }
                        None => {
                            let host = self.settings.host();
                            let reason = format!(
                                "{host} does not answer as {} does",
                                self.settings.judge.provider.name()
                            );
                            let hint = "`judge.provider` and `judge.baseUrl` in .archal.json";
                            return Err(Failure {
                                may_cost: true,
                                ..unavailable(reason, Some(hint.to_owned()))
                            });
                        }
                    }
                }
                Ok(answered) if is_held && self.cannot_hold(&answered) => {
                    // The words of the question ask for the same; the server cannot be made to.
                    self.is_loose.store(true, Ordering::Relaxed);
                    continue;
                }
                Ok(answered) => self.passing(&answered, key).map_err(|failure| Failure {
                    may_cost: may_have_cost,
                    ..failure
                })?,
                Err(SendError::Unreachable(reason)) => (self.unreachable(&reason), None),
                Err(SendError::Broken(reason)) => {
                    may_have_cost = true;
                    let host = self.settings.host();
                    let reason = format!("{host} broke off: {reason}");
                    (unavailable(reason, None), None)
                }
                Err(error) => return Err(self.not_sent(&error)),
            };
            let (failure, after) = passing;
            let failure = Failure {
                may_cost: may_have_cost,
                ..failure
            };
            let Some(wait) = pauses.next() else {
                return Err(failure);
            };
            let wait = after.unwrap_or(wait);
            if wait > retry::LONGEST {
                return Err(failure);
            }
            if pause.pause(wait) {
                return Err(Failure {
                    not: stopped(),
                    blames_judge: false,
                    ..failure
                });
            }
        }
    }

    /// The connection, made ready when it is first needed.
    pub(super) fn transport(&self) -> Result<&Transport, Failure> {
        let transport = self
            .transport
            .get_or_init(|| Transport::new(&self.settings, &self.environment));
        transport.as_ref().map_err(|error| {
            unavailable(format!("the judge cannot be asked: {error}"), None).for_good()
        })
    }

    fn read(&self, answered: &Answered) -> Option<Reply> {
        provider::read(self.settings.judge.provider, &answered.body)
    }

    fn cannot_hold(&self, answered: &Answered) -> bool {
        let body: Option<Value> = serde_json::from_slice(&answered.body).ok();
        matches!(answered.status, 400 | 404 | 422 | 500 | 501)
            && body
                .as_ref()
                .and_then(provider::complaint)
                .is_some_and(provider::is_about_schema)
    }

    /// A status that may pass, with the pause that was asked for.
    ///
    /// # Errors
    ///
    /// A status that will not pass.
    fn passing(
        &self,
        answered: &Answered,
        key: Option<&str>,
    ) -> Result<(Failure, Option<Duration>), Failure> {
        let (host, status) = (self.settings.host(), answered.status);
        let variable = &self.settings.key_variable;
        if matches!(status, 401 | 403) {
            // What the server says of a key may hold a part of it.
            let reason = match key {
                Some(_) => format!("{host} refuses the key in ${variable} ({status})"),
                None => format!("{host} wants a key and ${variable} is not set ({status})"),
            };
            let hint = Some(format!("export {variable}=<the judge's key>"));
            return Err(unavailable(reason, hint).for_good());
        }
        let body: Option<Value> = serde_json::from_slice(&answered.body).ok();
        let words = body.as_ref().and_then(provider::complaint);
        let words = words.map_or_else(String::new, |words| {
            format!(": {}", self.harmless(words, key))
        });
        let reason = format!("{host} answered {status}{words}");
        if retry::is_passing(status) {
            let after = answered.retry_after.as_deref();
            let after = after.and_then(|text| retry::after(text, self.clock.now()));
            let reason = match after.filter(|after| *after > retry::LONGEST) {
                Some(after) => format!("{reason}; it asks to wait {} s", after.as_secs()),
                None => reason,
            };
            return Ok((unavailable(reason, None), after));
        }
        let hint = match status {
            404 => "`judge.model` and `judge.baseUrl` in .archal.json, or --judge-model <MODEL>",
            300..400 => "redirects are not followed: give `judge.baseUrl` the address it leads to",
            _ => "`judge` in .archal.json",
        };
        let failure = unavailable(reason, Some(hint.to_owned()));
        // A model that is not there is not there for the next question either; a question that is
        // too long is this one's own trouble.
        Err(match status {
            404 | 300..400 => failure.for_good(),
            // An account without money has none for the next question either.
            400..500 if status != 402 => {
                self.is_there();
                Failure {
                    blames_judge: false,
                    ..failure
                }
            }
            _ => failure,
        })
    }

    fn unreachable(&self, reason: &str) -> Failure {
        let host = self.settings.host();
        let hint = match self.settings.judge.provider {
            JudgeProvider::Ollama => "ollama serve",
            _ => "archal doctor --network",
        };
        unavailable(
            format!("{host} cannot be reached: {reason}"),
            Some(hint.to_owned()),
        )
    }

    pub(super) fn not_sent(&self, error: &SendError) -> Failure {
        let host = self.settings.host();
        let (reason, hint) = match error {
            SendError::Stopped => {
                return Failure {
                    not: stopped(),
                    may_cost: true,
                    is_final: false,
                    blames_judge: false,
                };
            }
            SendError::BadKey => {
                let variable = &self.settings.key_variable;
                let reason = format!("the key in ${variable} holds characters that no key has");
                let hint = format!("export {variable}=<the judge's key>");
                return unavailable(reason, Some(hint)).for_good();
            }
            SendError::Late => (
                format!(
                    "{host} gave no whole answer in {} s",
                    self.settings.timeout.as_secs_f32()
                ),
                "`judge.timeout` in .archal.json",
            ),
            SendError::TooLarge => (
                format!("{host} answered with more than 4 MiB"),
                "`judge.baseUrl` in .archal.json",
            ),
            SendError::Unreachable(reason) => return self.unreachable(reason),
            SendError::BadAddress => {
                let reason = format!("{} is no address", self.settings.judge.base_url);
                let hint = "`judge.baseUrl` in .archal.json".to_owned();
                return unavailable(reason, Some(hint)).for_good();
            }
            SendError::Broken(reason) => (
                format!("{host} broke off: {reason}"),
                "archal doctor --network",
            ),
        };
        Failure {
            may_cost: true,
            ..unavailable(reason, Some(hint.to_owned()))
        }
    }
}

impl Failure {
    pub(super) fn for_good(self) -> Self {
        Self {
            is_final: true,
            ..self
        }
    }
}

pub(super) fn unavailable(reason: String, hint: Option<String>) -> Failure {
    Failure {
        not: NotJudged {
            why: Why::Unavailable,
            reason,
            hint,
            paid: None,
        },
        may_cost: false,
        is_final: false,
        blames_judge: true,
    }
}

pub(super) fn stopped() -> NotJudged {
    NotJudged {
        why: Why::Stopped,
        reason: "archal was asked to stop before the judge had answered".to_owned(),
        hint: None,
        paid: None,
    }
}
