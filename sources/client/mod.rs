//! The HTTP client of sources that ask a service.
//!
//! - `address`: which base URLs there may be.
//! - `exchange`: one request, bounded in time and size, cut short when the end is asked for.
//! - `failure`: why there is no answer, as the source sees it and as people are told.
//! - `listing`: a page of rows as a service writes it.
//!
//! Tries, pauses and the shared rate stand here. Redirects are not followed, so a credential goes to
//! the host that was named and to no other.

mod address;
mod exchange;
mod failure;
pub(crate) mod listing;

#[cfg(test)]
mod tests;
#[cfg(test)]
pub(crate) mod world;

use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use archal_core::clock::Timestamp;
use archal_core::pull::{Asking, PullError, Rates, Stop};
use backon::{BackoffBuilder, ExponentialBuilder};
use reqwest::Method;
use serde_json::Value;

pub(crate) use address::{Address, host_of};
pub(crate) use failure::{Advice, Failure};

use exchange::Exchange;

/// Times that a request is sent when the service has a fault.
const TRIES: usize = 5;
/// Times that a service may say "not now" to one request.
const HELD: usize = 10;
/// The first pause after a fault; each next one is twice as long.
const FIRST_PAUSE: Duration = Duration::from_millis(500);
/// The longest pause after a fault.
const LONGEST_PAUSE: Duration = Duration::from_secs(8);
/// A service that wants a longer pause is asked again another time.
const LONGEST_HOLD: Duration = Duration::from_secs(15 * 60);

/// Whoever asks once waits no longer for its turn.
const LONGEST_TURN: Duration = Duration::from_secs(60);

/// What a client is made of.
pub(crate) struct Settings<'a> {
    /// The service, as people call it.
    pub(crate) service: &'static str,
    /// Where it is.
    pub(crate) address: Address,
    /// What goes with every request, most of it secret.
    pub(crate) headers: Vec<(&'static str, String)>,
    /// What may never be told.
    pub(crate) secrets: Vec<&'a str>,
    /// How long to wait where the service says "not now" and not for how long.
    pub(crate) hold: Duration,
    /// What mends the usual faults.
    pub(crate) advice: Advice,
}

/// A rate that is shared by all who ask the same service.
#[derive(Debug, Clone)]
pub(crate) struct Rate {
    /// Its name.
    pub(crate) bucket: String,
    /// Requests a minute.
    pub(crate) per_minute: NonZeroU32,
}

/// Asks one service.
pub(crate) struct Client {
    exchange: Exchange,
    hold: Duration,
    advice: Advice,
    clock: Arc<dyn archal_core::clock::Clock>,
    rates: Arc<dyn Rates>,
    stop: Arc<dyn Stop>,
}

/// What is asked.
#[derive(Debug, Clone)]
pub(crate) struct Request<'a> {
    /// Whether a body goes with it.
    pub(crate) body: Option<Value>,
    /// Behind the base address, with its leading slash.
    pub(crate) path: &'a str,
    /// Its parameters, in their order.
    pub(crate) query: Vec<(&'a str, String)>,
    /// Which rate it counts on.
    pub(crate) rate: &'a Rate,
    /// Whether a fault is told after two tries: whoever asks knows a smaller question.
    pub(crate) is_divisible: bool,
}

impl Request<'_> {
    fn method(&self) -> Method {
        if self.body.is_some() {
            Method::POST
        } else {
            Method::GET
        }
    }
}

/// What was answered: JSON, as far as can be told without reading it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Answer {
    /// The body, unpacked.
    pub(crate) body: Vec<u8>,
    /// What time it is there.
    pub(crate) date: Option<Timestamp>,
}

/// What asking took.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Spent {
    /// Requests, tries among them.
    pub(crate) requests: u64,
    /// Bytes that came, as they came.
    pub(crate) bytes: u64,
}

impl Client {
    /// A client; nothing is sent yet.
    ///
    /// # Errors
    ///
    /// When a secret cannot be sent in a header.
    pub(crate) fn new(settings: Settings<'_>, asking: &Asking) -> Result<Self, PullError> {
        let advice = settings.advice;
        Ok(Self {
            hold: settings.hold,
            exchange: Exchange::new(settings)?,
            advice,
            clock: Arc::clone(&asking.clock),
            rates: Arc::clone(&asking.rates),
            stop: Arc::clone(&asking.stop),
        })
    }

    /// The time here.
    pub(crate) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// Asks until there is an answer or no hope of one.
    ///
    /// # Errors
    ///
    /// When there is none.
    pub(crate) fn ask(&self, request: &Request<'_>, spent: &mut Spent) -> Result<Answer, Failure> {
        let tries = if request.is_divisible { 2 } else { TRIES };
        let mut pauses = ExponentialBuilder::new()
            .with_min_delay(FIRST_PAUSE)
            .with_max_delay(LONGEST_PAUSE)
            .with_max_times(tries - 1)
            .build();
        let mut held = 0;
        loop {
            let rate = request.rate;
            let turn = self.rates.take(&rate.bucket, rate.per_minute);
            if turn > LONGEST_HOLD {
                // An earlier question was told to wait: so is this one.
                return Err(held_for(turn));
            }
            // A turn at the own pace is no news.
            let pace = Duration::from_secs(60) / rate.per_minute.get();
            if turn > 2 * pace {
                self.wait_for(turn)?;
            } else {
                self.wait(turn)?;
            }
            spent.requests += 1;
            let stop = self.stop.as_ref();
            let came = self
                .exchange
                .send(request.method(), request, stop, self.clock.now());
            spent.bytes = spent.bytes.saturating_add(came.bytes);
            let failure = match came.answer {
                Ok(answer) => return Ok(answer),
                Err(failure) => failure,
            };
            if let Failure::Refused {
                status: 429, after, ..
            } = failure
            {
                let pause = after.unwrap_or(self.hold);
                self.rates.hold(&rate.bucket, pause);
                held += 1;
                if held > HELD || pause > LONGEST_HOLD {
                    return Err(failure);
                }
                self.wait_for(pause)?;
                continue;
            }
            let pause = failure.is_passing().then(|| pauses.next()).flatten();
            let Some(pause) = pause else {
                return Err(failure);
            };
            let said = match failure {
                Failure::Refused { after, .. } => after.unwrap_or_default(),
                _ => Duration::ZERO,
            };
            if said > LONGEST_HOLD {
                return Err(failure);
            }
            if said > pause {
                self.wait_for(said)?;
            } else {
                self.wait(pause)?;
            }
        }
    }

    /// Asks once, at the rate that is allowed. What a service says of how long to wait holds for all
    /// who ask it, and is waited for by whoever asks again.
    ///
    /// # Errors
    ///
    /// When there is no answer.
    pub(crate) fn once(&self, request: &Request<'_>) -> Result<Answer, Failure> {
        let rate = request.rate;
        let turn = self.rates.take(&rate.bucket, rate.per_minute);
        if turn > LONGEST_TURN {
            // Somebody else was told to wait: so is whoever asks here, who has other things to do.
            return Err(held_for(turn));
        }
        self.wait(turn)?;
        let stop = self.stop.as_ref();
        let came = self
            .exchange
            .send(request.method(), request, stop, self.clock.now());
        if let Err(Failure::Refused {
            status: 429, after, ..
        }) = &came.answer
        {
            let pause = after.unwrap_or(self.hold).min(LONGEST_HOLD);
            self.rates.hold(&rate.bucket, pause);
        }
        came.answer
    }

    /// A failure as people are told.
    pub(crate) fn told(&self, failure: Failure) -> PullError {
        failure.told(self.exchange.service(), self.exchange.host(), &self.advice)
    }

    fn wait(&self, pause: Duration) -> Result<(), Failure> {
        let is_over = if pause.is_zero() {
            self.stop.is_asked()
        } else {
            self.stop.wait(pause)
        };
        ended(is_over)
    }

    /// Waits because the service asked for it.
    fn wait_for(&self, pause: Duration) -> Result<(), Failure> {
        let service = self.exchange.service();
        let seconds = pause.as_secs();
        let why = format!("{service} asks to be asked again in {seconds} s; waiting");
        ended(self.stop.wait_because(pause, &why))
    }
}

fn ended(is_over: bool) -> Result<(), Failure> {
    if is_over {
        Err(Failure::Stopped)
    } else {
        Ok(())
    }
}

/// What a service said to somebody who asked the same.
fn held_for(turn: Duration) -> Failure {
    Failure::Refused {
        status: 429,
        said: format!("it asks to be asked again in {} s", turn.as_secs()),
        after: Some(turn),
    }
}
