//! Asking: cache, money, key, request, answer, quotes.

use std::borrow::Cow;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use archal_core::clock::Clock;
use archal_core::environment::Environment;
use archal_core::redact::{RedactionCounts, Redactor};

use crate::budget::amount::Usd;
use crate::budget::cap::Cap;
use crate::budget::entry::{Charge, Cost, CostSource};
use crate::budget::prices::{Prices, Tokens};

use super::answer::{self, Answer, Verdict};
use super::cache::{self, Cache};
use super::evidence::clean;
use super::exchange::{Failure, stopped, unavailable};
use super::provider::{ANSWER_TOKENS, Asked, Ended, Reply};
use super::purse::{Purse, Refusal};
use super::question::{Prompt, Question};
use super::quotes;
use super::settings::Settings;
use super::transport::Transport;
use super::turns::Turns;

/// How often a judge is asked the same: a second time when its answer could not be read.
const ROUNDS: u32 = 2;
/// After so many questions in a row that nobody answered, none is asked for a while.
const PATIENCE: u32 = 3;
/// How long none is asked, until one finds out whether the judge is back.
const REST: Duration = Duration::from_secs(60);
/// The longest piece of a server's words that is told, in bytes.
const WORDS: usize = 240;

/// Whether work is to end, and pauses that end with it.
pub trait Pause: Sync {
    /// Whether work is to end.
    fn is_over(&self) -> bool;

    /// Waits so long, or until work is to end; whether it is.
    fn pause(&self, time: Duration) -> bool;
}

/// What the judge said of a criterion.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Judged {
    /// What it decided, as far as it is believed.
    pub verdict: Verdict,
    /// Why, and why it is not believed where it is not.
    pub reason: String,
    /// What it quoted and was found.
    pub quotes: Vec<String>,
    /// What of the run it was not shown, for want of room.
    pub left_out: Vec<String>,
    /// The model that was asked.
    pub model: String,
    /// Whether the answer was one given before.
    pub cached: bool,
    /// What it cost now; none where nobody knows.
    pub cost: Option<Usd>,
    /// How that is known.
    pub cost_source: CostSource,
    /// The number of the step at which it first went wrong, as it says, where that was asked.
    pub step: Option<u64>,
    /// Who has to act, as it says, where that was asked.
    pub owner: Option<String>,
}

/// Why nothing was judged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Why {
    /// The money is spent.
    Budget,
    /// The judge cannot be asked: no key, no connection, no such model.
    Unavailable,
    /// Somebody asked to stop.
    Stopped,
}

/// A criterion that the judge did not decide.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NotJudged {
    /// Why.
    pub why: Why,
    /// The same for a person.
    pub reason: String,
    /// What to do about it.
    pub hint: Option<String>,
    /// What was paid all the same; none where nothing can have been.
    pub paid: Option<Paid>,
}

/// Money for questions that came to nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Paid {
    /// The model that was asked.
    pub model: String,
    /// How much; none where nobody knows.
    pub cost: Option<Usd>,
    /// How that is known.
    pub source: CostSource,
}

/// What became of a question.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// It was answered.
    Judged(Judged),
    /// It was not.
    NotJudged(NotJudged),
}

/// Whom a question is charged to.
#[derive(Debug, Clone, Copy)]
pub struct Account<'a> {
    /// The attempt in the ledger.
    pub attempt: &'a str,
    /// The trace whose cap holds it, too.
    pub trace: Option<&'a str>,
}

/// How the judge stands after all questions, for the exit code.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Standing {
    /// A criterion that was not evaluated because the money was spent.
    pub spent: Option<NotJudged>,
    /// A criterion that was not evaluated because the judge could not be asked.
    pub unavailable: Option<NotJudged>,
}

/// A judge for one invocation. Several runs may ask at once.
pub struct Judge<'a> {
    pub(super) settings: Settings,
    pub(super) environment: Cow<'a, Environment>,
    redactor: Redactor,
    pub(super) clock: Arc<dyn Clock>,
    prices: Prices,
    purse: Purse,
    cache: Cache,
    pub(super) transport: OnceLock<Result<Transport, String>>,
    /// Whether the server cannot hold an answer to a schema.
    pub(super) is_loose: AtomicBool,
    asked: AtomicU64,
    turns: Turns,
    health: Mutex<Health>,
}

#[derive(Default)]
pub(super) struct Health {
    /// Why nothing is asked for a while.
    closed: Option<Closed>,
    failures: u32,
    standing: Standing,
}

struct Closed {
    not: NotJudged,
    /// When it was found out last, by the monotonic clock.
    since: Duration,
}

impl<'a> Judge<'a> {
    /// A judge; nothing is opened or sent before it is asked.
    pub fn new(
        settings: Settings,
        environment: Cow<'a, Environment>,
        redactor: Redactor,
        clock: Arc<dyn Clock>,
        prices: Prices,
        purse: Purse,
        cache: Cache,
    ) -> Self {
        Self {
            settings,
            environment,
            redactor,
            clock,
            prices,
            purse,
            cache,
            transport: OnceLock::new(),
            is_loose: AtomicBool::new(false),
            asked: AtomicU64::new(0),
            turns: Turns::default(),
            health: Mutex::default(),
        }
    }

    /// Who is asked, with what limits.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// How it stands, for the exit code.
    pub fn standing(&self) -> Standing {
        self.health().standing.clone()
    }

    /// What a person should know of how money was counted; each once.
    pub fn notes(&self) -> Vec<String> {
        self.purse.notes()
    }

    /// Counts what is asked from now on with the work of that name in the ledger, and holds it to
    /// its cap, too. The first word counts.
    pub fn count_with(&self, work: &str, cap: Cap) {
        self.purse.count_with(work, cap);
    }

    /// Asks a question. `attempt` names the run and the criterion in the ledger, `model` is the
    /// scenario's own.
    pub fn ask(
        &self,
        question: &Question,
        attempt: &str,
        model: Option<&str>,
        pause: &dyn Pause,
    ) -> Outcome {
        let account = Account {
            attempt,
            trace: None,
        };
        self.ask_prompt(&question.prompt(), account, model, pause)
    }

    /// The same for a question that is in words already.
    pub fn ask_prompt(
        &self,
        prompt: &Prompt,
        account: Account<'_>,
        model: Option<&str>,
        pause: &dyn Pause,
    ) -> Outcome {
        let model = model
            .filter(|_| !self.settings.is_forced)
            .unwrap_or(&self.settings.judge.model);
        let key = cache::key(&self.settings.judge, model, prompt);
        // Runs that did the same ask the same: the second waits for what the first is told.
        let _turn = self.turns.take(&key, pause);
        if let Some(judged) = self.known(&key, model, prompt) {
            return Outcome::Judged(judged);
        }
        let outcome = match self.closed(pause) {
            Some(not) => Err(not),
            None => self.asked_anew(prompt, account, model, pause),
        };
        match outcome {
            Ok(judged) => {
                if judged.verdict != Verdict::Unsure {
                    let answer = Answer {
                        verdict: judged.verdict,
                        quotes: judged.quotes.clone(),
                        reason: judged.reason.clone(),
                        step: judged.step,
                        owner: judged.owner.clone(),
                    };
                    let kept = self.cache.put(&key, model, &answer, self.clock.now());
                    if let Err(error) = kept {
                        tracing::debug!("an answer of the judge is not kept: {error}");
                    }
                }
                Outcome::Judged(judged)
            }
            Err(not) => {
                let mut health = self.health();
                let standing = match not.why {
                    Why::Budget => Some(&mut health.standing.spent),
                    Why::Unavailable => Some(&mut health.standing.unavailable),
                    Why::Stopped => None,
                };
                if let Some(standing) = standing {
                    standing.get_or_insert_with(|| not.clone());
                }
                Outcome::NotJudged(not)
            }
        }
    }

    /// An answer given before whose quotes are still there.
    fn known(&self, key: &str, model: &str, prompt: &Prompt) -> Option<Judged> {
        let answer = self.cache.get(key, self.clock.now())?;
        let quotes = quotes::verified(&answer.quotes, &prompt.shown).ok()?;
        (answer.verdict != Verdict::Unsure).then(|| Judged {
            verdict: answer.verdict,
            reason: answer.reason,
            quotes,
            left_out: prompt.shown.cuts.clone(),
            model: model.to_owned(),
            cached: true,
            cost: Some(Usd::ZERO),
            cost_source: CostSource::Computed,
            step: answer.step,
            owner: answer.owner,
        })
    }

    fn closed(&self, pause: &dyn Pause) -> Option<NotJudged> {
        if pause.is_over() {
            return Some(stopped());
        }
        let mut health = self.health();
        let closed = health.closed.as_mut()?;
        let now = self.clock.monotonic();
        if now.saturating_sub(closed.since) >= REST {
            // This question finds out whether it is back; the others wait for what comes of it.
            closed.since = now;
            return None;
        }
        Some(closed.not.clone())
    }

    fn asked_anew(
        &self,
        prompt: &Prompt,
        account: Account<'_>,
        model: &str,
        pause: &dyn Pause,
    ) -> Result<Judged, NotJudged> {
        let seen = self.health().failures;
        let key = self.key().map_err(|failure| self.failed(failure, seen))?;
        let mut judged = Judged {
            verdict: Verdict::Unsure,
            reason: String::new(),
            quotes: Vec::new(),
            left_out: prompt.shown.cuts.clone(),
            model: model.to_owned(),
            cached: false,
            cost: Some(Usd::ZERO),
            cost_source: CostSource::Reported,
            step: None,
            owner: None,
        };
        let mut unread: Option<String> = None;
        for _ in 0..ROUNDS {
            let user = match &unread {
                None => prompt.user.clone(),
                Some(error) => prompt.again(error),
            };
            let asked = Asked {
                model,
                system: &prompt.system,
                user: &user,
                tokens: prompt.tokens(),
                is_held: true,
                shape: prompt.shape,
            };
            let reply = self
                .paid(&asked, account, key, pause, &mut judged)
                .map_err(|failure| {
                    let not = self.failed(failure, seen);
                    NotJudged {
                        paid: spent(&judged),
                        ..not
                    }
                })?;
            match reply.ended {
                Some(Ended::Refused(why)) => {
                    let why = self.harmless(&why, key);
                    judged.reason = format!("the judge would not answer: {why}");
                    return Ok(judged);
                }
                Some(Ended::TooLong) => {
                    judged.reason =
                        format!("the judge's answer was longer than {ANSWER_TOKENS} tokens");
                    return Ok(judged);
                }
                None => {}
            }
            match answer::read(&reply.text) {
                Ok(answer) => {
                    self.believe(answer, prompt, key, &mut judged);
                    return Ok(judged);
                }
                Err(error) => unread = Some(self.harmless(&error, key)),
            }
        }
        let error = unread.unwrap_or_default();
        judged.reason = format!("the judge's answer could not be read, twice: {error}");
        Ok(judged)
    }

    /// Takes an answer as far as its quotes carry it.
    fn believe(&self, answer: Answer, prompt: &Prompt, key: Option<&str>, judged: &mut Judged) {
        let reason = self.redacted(&answer.reason, key);
        match quotes::verified(&answer.quotes, &prompt.shown) {
            Ok(quotes) => {
                judged.verdict = answer.verdict;
                judged.quotes = quotes;
                judged.reason = reason;
                judged.step = answer.step;
                judged.owner = answer.owner;
            }
            // Whoever does not decide need not prove anything.
            Err(_) if answer.verdict == Verdict::Unsure => judged.reason = reason,
            Err(error) => {
                let verdict = match answer.verdict {
                    Verdict::Pass => "pass",
                    Verdict::Fail | Verdict::Unsure => "fail",
                };
                let error = self.redacted(&error.to_string(), key);
                judged.reason = format!("{error}; it had answered {verdict}: {reason}");
            }
        }
    }

    /// One question with its money taken before and settled after.
    fn paid(
        &self,
        asked: &Asked<'_>,
        account: Account<'_>,
        key: Option<&str>,
        pause: &dyn Pause,
        judged: &mut Judged,
    ) -> Result<Reply, Failure> {
        if self.settings.is_free() && self.prices.find(asked.model).is_none() {
            judged.cost_source = CostSource::Computed;
            return self.exchange(asked, key, pause).map(|(reply, _)| reply);
        }
        let expected = Tokens {
            input: asked.tokens,
            output: ANSWER_TOKENS,
            ..Tokens::default()
        };
        let estimate = self.prices.cost(asked.model, &expected);
        let number = self.asked.fetch_add(1, Ordering::Relaxed);
        let ticket = self
            .purse
            .reserve(
                &format!("{}/{number}", account.attempt),
                account.trace,
                asked.model,
                estimate.map(|computed| computed.amount),
                self.clock.now(),
            )
            .map_err(refused)?;
        match self.exchange(asked, key, pause) {
            Ok((reply, may_cost_more)) => {
                let computed = reply
                    .tokens
                    .and_then(|tokens| self.prices.cost(asked.model, &tokens));
                let cost = match (reply.cost, computed) {
                    _ if may_cost_more => Cost::Unknown,
                    (Some(cost), _) => Cost::Reported(cost),
                    (None, Some(computed)) => Cost::Computed(computed),
                    (None, None) => Cost::Unknown,
                };
                add(judged, &cost);
                let tokens = reply.tokens;
                self.purse.settle(&ticket, &Charge { cost, tokens });
                Ok(reply)
            }
            Err(failure) => {
                if failure.may_cost {
                    add(judged, &Cost::Unknown);
                    self.purse.settle(&ticket, &Cost::Unknown.into());
                } else {
                    self.purse.release(&ticket);
                }
                Err(failure)
            }
        }
    }

    /// Remembers a failure, so that a judge that does not answer is left alone for a while. `seen` is
    /// how many failures there were when the question began: those of questions that were under way
    /// together are one.
    fn failed(&self, failure: Failure, seen: u32) -> NotJudged {
        let mut health = self.health();
        if failure.blames_judge {
            if health.failures <= seen {
                health.failures = health.failures.saturating_add(1);
            }
            if failure.is_final || health.failures >= PATIENCE {
                health.closed = Some(Closed {
                    not: failure.not.clone(),
                    since: self.clock.monotonic(),
                });
            }
        }
        failure.not
    }

    /// It has answered, whatever it said.
    pub(super) fn is_there(&self) {
        let mut health = self.health();
        health.failures = 0;
        health.closed = None;
    }

    /// Whether it can be asked, found out without a question: its key is there and would go nowhere
    /// in plain text, its address is one, and somebody listens there.
    ///
    /// # Errors
    ///
    /// Why not.
    pub fn ready(&self, pause: &dyn Pause) -> Result<(), NotJudged> {
        let key = self.key().map_err(|failure| failure.not)?;
        let transport = self.transport().map_err(|failure| failure.not)?;
        transport
            .reach(&self.settings, key, pause)
            .map_err(|error| self.not_sent(&error).not)
    }

    /// The key, read now.
    fn key(&self) -> Result<Option<&str>, Failure> {
        let variable = &self.settings.key_variable;
        let key = self.environment.get(variable).map(str::trim);
        let key = key.filter(|key| !key.is_empty());
        let not = |reason: String, hint: String| Err(unavailable(reason, Some(hint)).for_good());
        if key.is_none() && self.settings.judge.needs_key {
            return not(
                format!("${variable}, which holds the judge's key, is not set"),
                format!("export {variable}=<the judge's key>"),
            );
        }
        if key.is_some() && self.settings.is_open() {
            return not(
                format!(
                    "the key in ${variable} would go to {} in plain text",
                    self.settings.host()
                ),
                "give `judge.baseUrl` an address with https, or another `judge.apiKeyEnv` that is not set".to_owned(),
            );
        }
        Ok(key)
    }

    /// A server's words, short and without secrets.
    pub(super) fn harmless(&self, words: &str, key: Option<&str>) -> String {
        let words = self.redacted(words, key);
        let words: Vec<&str> = words.split_whitespace().collect();
        let words = words.join(" ");
        let end = words.floor_char_boundary(WORDS);
        let more = if end < words.len() { "…" } else { "" };
        format!("{}{more}", &words[..end])
    }

    fn redacted(&self, words: &str, key: Option<&str>) -> String {
        let mut words = clean(words);
        if let Some(key) = key {
            words = words.replace(key, &self.redactor.placeholder(key));
        }
        self.redactor.text(&words, &mut RedactionCounts::new())
    }

    pub(super) fn health(&self) -> MutexGuard<'_, Health> {
        // Counts and texts are valid whatever happened to whoever held them.
        self.health.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn refused(refusal: Refusal) -> Failure {
    let (why, reason, hint) = match refusal {
        Refusal::Spent { reason, hint } => (Why::Budget, reason, Some(hint)),
        Refusal::Ledger { reason, hint } => (Why::Unavailable, reason, hint),
    };
    Failure {
        not: NotJudged {
            why,
            reason,
            hint,
            paid: None,
        },
        may_cost: false,
        is_final: false,
        blames_judge: false,
    }
}

/// What was paid for an answer that never came.
fn spent(judged: &Judged) -> Option<Paid> {
    (judged.cost != Some(Usd::ZERO)).then(|| Paid {
        model: judged.model.clone(),
        cost: judged.cost,
        source: judged.cost_source,
    })
}

/// Adds what one round cost. What nobody knows of one is not known of the sum.
fn add(judged: &mut Judged, cost: &Cost) {
    let (amount, source) = match cost {
        Cost::Reported(amount) => (Some(*amount), judged.cost_source),
        Cost::Computed(computed) => (Some(computed.amount), CostSource::Computed),
        Cost::Reserved | Cost::Unknown | Cost::Unpaid => (None, CostSource::Unknown),
    };
    judged.cost = match (judged.cost, amount) {
        (Some(sum), Some(amount)) => Some(sum.saturating_add(amount)),
        _ => None,
    };
    judged.cost_source = if judged.cost.is_some() {
        source
    } else {
        CostSource::Unknown
    };
}
