//! Verdicts as scores in the services that traces came from, where a source says so (`sendScores`).
//!
//! Only a source of the registry is sent to, and only what it brought itself. One score stands on a
//! trace: its id is made of the trace, so that a later verdict takes the place of an earlier one, and
//! what is sent twice is there once.

use std::time::Duration;

use archal_core::clock::Clock;
use archal_core::hash;
use archal_core::pull::{OpenScores, PullError, PullErrorKind, Score, Scores};
use archal_core::source::SourceDescriptor;
use archal_core::trace::TraceIdentity;
use serde_json::json;

use crate::attach::engine::{Attached, Engine};
use crate::attach::intake::IntakeError;
use crate::attach::notice::next_try;
use crate::attach::state::notices::Outcome;
use crate::attach::state::results::{self, StoredResult};
use crate::attach::state::{State, packed};
use crate::ingest::pull::asking::{self, Unseen};
use crate::ingest::registry::{Places, Registry, Source};
use crate::report::causes::chain;
use crate::sandbox::stop::StopToken;
use crate::store::database::DatabaseError;

use super::Sent;
use super::event::ResultEvent;

/// The most scores of one turn: each is a request, at the rate that the service allows.
pub const AT_ONCE: usize = 8;

/// Sources that take verdicts.
pub struct Takers(Vec<Source>);

impl Takers {
    /// Those of a registry.
    fn of_registry(registry: &Registry, providers: &[SourceDescriptor]) -> Self {
        let takes = |source: &&Source| opener(source, providers).is_some();
        Self(registry.sources().iter().filter(takes).cloned().collect())
    }

    /// The one that is told of a grade.
    pub fn of(&self, identity: &TraceIdentity, event: &ResultEvent) -> Option<&str> {
        // Where there is no verdict there is nothing to say of the trace.
        event.label()?;
        let names = self.0.iter().map(|source| source.name.as_str());
        names.into_iter().find(|name| *name == identity.source)
    }

    /// Their names.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|source| source.name.as_str())
    }
}

/// What opens a source that is to be sent to; none where it is not.
fn opener(
    source: &Source,
    providers: &[SourceDescriptor],
) -> Option<(&'static [archal_core::source::OptionInfo], OpenScores)> {
    let is_asked = source.is_enabled
        && source.problems.is_empty()
        && source.options.switch(archal_core::pull::SEND_SCORES.name);
    let provider = source.descriptor(providers).filter(|_| is_asked)?;
    Some((provider.options, provider.pull?.scores?))
}

/// Why nothing can be sent to a source.
enum Closed {
    /// It does not want it.
    Unwanted,
    /// It cannot be opened as it stands.
    For(PullError),
}

impl Engine {
    /// Which sources take verdicts at present. A registry that cannot be read has none.
    pub(in crate::attach) fn takers(&self) -> Takers {
        let surround = self.surround();
        let places = Places::of(&surround.repo, &surround.layout, &surround.environment);
        let registry = Registry::read(&places, surround.sources);
        registry.map_or(Takers(Vec::new()), |registry| {
            Takers::of_registry(&registry, surround.sources)
        })
    }

    /// Sends what is due to the source `taker`.
    pub(in crate::attach) fn send_scores(
        &self,
        attached: &Attached,
        taker: &str,
        due: Vec<StoredResult>,
        stop: &StopToken,
    ) -> Result<Sent, IntakeError> {
        let opened = self.scores_of(attached, taker, stop)?;
        let clock = self.surround().clock.as_ref();
        let sending = Sending {
            state: &self.state,
            taker,
            clock,
        };
        Ok(match opened {
            Ok((mut scores, unseen)) => sending.send(scores.as_mut(), &unseen, &due)?,
            Err(Closed::Unwanted) => sending.unwanted(&due)?,
            Err(Closed::For(error)) => sending.put_off(&due, &error)?,
        })
    }

    fn scores_of(
        &self,
        attached: &Attached,
        taker: &str,
        stop: &StopToken,
    ) -> Result<Result<(Box<dyn Scores>, Unseen), Closed>, IntakeError> {
        let surround = self.surround();
        let places = Places::of(&surround.repo, &surround.layout, &surround.environment);
        let registry = match Registry::read(&places, surround.sources) {
            Ok(registry) => registry,
            Err(error) => {
                let error = PullError::new(PullErrorKind::Options, chain(&error));
                return Ok(Err(Closed::For(error)));
            }
        };
        let sources = registry.sources();
        let source = sources.iter().find(|source| source.name == taker);
        let found = source.and_then(|source| Some((source, opener(source, surround.sources)?)));
        let Some((source, (options, open))) = found else {
            return Ok(Err(Closed::Unwanted));
        };
        let ready = self.ready(attached, false)?;
        let subscription = self.subscription(source, &ready);
        let opened = asking::open_scores(&subscription, options, open, stop);
        let opened = opened.map_err(Closed::For);
        Ok(opened.map(|scores| (scores, Unseen::of(&subscription))))
    }
}

/// Scores of one source on their way.
struct Sending<'a> {
    state: &'a State,
    taker: &'a str,
    clock: &'a dyn Clock,
}

impl Sending<'_> {
    /// One after the other, until the service wants none for now. The database is not held meanwhile.
    fn send(
        &self,
        scores: &mut dyn Scores,
        unseen: &Unseen,
        due: &[StoredResult],
    ) -> Result<Sent, DatabaseError> {
        let mut sent = Sent::default();
        for (place, result) in due.iter().enumerate() {
            let Some(score) = result.event.as_ref().and_then(score) else {
                // A later archal wrote it.
                self.close(result, Outcome::GivenUp, None)?;
                sent.given_up += 1;
                continue;
            };
            if !self.has_brought(result)? {
                let reason = format!("`{}` did not bring the trace {}", self.taker, score.trace);
                self.later_alone(result, &unseen.text(&reason), &mut sent)?;
                continue;
            }
            match scores.give(&score).map_err(|error| unseen.error(error)) {
                Ok(()) => {
                    self.close(result, Outcome::Sent, None)?;
                    sent.taken += 1;
                }
                Err(error) if error.kind == PullErrorKind::Stopped => break,
                // What is refused for what it is takes no other with it.
                Err(error) if error.kind == PullErrorKind::Answer => {
                    self.close(result, Outcome::GivenUp, Some(&error.message))?;
                    sent.given_up += 1;
                    sent.failed = Some(error.message);
                }
                Err(error) => {
                    self.later(&due[place..], &error, &mut sent)?;
                    break;
                }
            }
        }
        Ok(sent)
    }

    /// Puts all off: the source cannot be opened.
    fn put_off(&self, due: &[StoredResult], error: &PullError) -> Result<Sent, DatabaseError> {
        let mut sent = Sent::default();
        self.later(due, error, &mut sent)?;
        Ok(sent)
    }

    /// Tries some again later, and with them all that goes there; what was tried often enough is given
    /// up.
    fn later(
        &self,
        these: &[StoredResult],
        error: &PullError,
        sent: &mut Sent,
    ) -> Result<(), DatabaseError> {
        let (reason, after) = in_words(error);
        let now = self.clock.now();
        let mut left = Vec::new();
        let mut next = None;
        for result in these {
            match next_try(result.tries, after, now) {
                Some(due) => {
                    next = next.max(Some(due));
                    left.push(result.clone());
                }
                None => {
                    self.close(result, Outcome::GivenUp, Some(&reason))?;
                    sent.given_up += 1;
                    sent.failed = Some(reason.clone());
                }
            }
        }
        if let Some(next) = next {
            self.state
                .write(|rows| results::put_off(rows, &left, &reason, (now, next)))?;
            sent.put_off = Some(reason);
        }
        Ok(())
    }

    /// The same of one, for a reason of its own.
    fn later_alone(
        &self,
        result: &StoredResult,
        reason: &str,
        sent: &mut Sent,
    ) -> Result<(), DatabaseError> {
        match next_try(result.tries, None, self.clock.now()) {
            Some(next) => {
                self.state
                    .write(|rows| results::put_off_alone(rows, result.id, reason, next))?;
                sent.put_off = Some(reason.to_owned());
            }
            None => {
                self.close(result, Outcome::GivenUp, Some(reason))?;
                sent.given_up += 1;
                sent.failed = Some(reason.to_owned());
            }
        }
        Ok(())
    }

    /// Closes what nobody takes any more.
    fn unwanted(&self, due: &[StoredResult]) -> Result<Sent, DatabaseError> {
        for result in due {
            self.close(result, Outcome::Unwanted, None)?;
        }
        Ok(Sent {
            given_up: due.len(),
            ..Sent::default()
        })
    }

    fn close(
        &self,
        result: &StoredResult,
        outcome: Outcome,
        error: Option<&str>,
    ) -> Result<(), DatabaseError> {
        let now = self.clock.now();
        self.state
            .write(|rows| results::close(rows, result.id, outcome, error, now))
    }

    /// Whether the source itself brought the trace.
    fn has_brought(&self, result: &StoredResult) -> Result<bool, DatabaseError> {
        let Some(event) = &result.event else {
            return Ok(false);
        };
        let trace = (event.project.as_str(), event.trace.as_str());
        self.state
            .read(|rows| packed::came_by(rows, self.taker, trace))
    }
}

/// A verdict as a score; none where there is no verdict.
fn score(event: &ResultEvent) -> Option<Score> {
    let whole = format!("{}\0{}", event.project, event.trace);
    let findings: Vec<_> = event.scored.iter().skip(1).collect();
    let findings = findings
        .iter()
        .map(|finding| json!({"rule": finding.name, "observation": finding.span}));
    Some(Score {
        id: format!("archal-{:016x}", hash::sixty_four_bits(whole.as_bytes())),
        trace: event.trace.clone(),
        label: event.label()?.to_owned(),
        comment: event
            .scored
            .first()
            .and_then(|verdict| verdict.explanation.clone())
            .unwrap_or_default(),
        environment: event.environment.clone(),
        metadata: json!({
            "revision": event.revision,
            "findings": findings.collect::<Vec<_>>(),
        }),
    })
}

/// Why something was not taken, and when it is worth another try.
fn in_words(error: &PullError) -> (String, Option<Duration>) {
    let after = match error.kind {
        PullErrorKind::Limited { after } => after,
        _ => None,
    };
    let words = match &error.advice {
        Some(advice) => format!("{}; {advice}", error.message),
        None => error.message.clone(),
    };
    (words, after)
}

#[cfg(test)]
mod tests {
    use std::path::{Path, PathBuf};

    use archal_core::clock::{FakeClock, Timestamp};
    use archal_core::redact::Redactor;

    use super::*;
    use crate::attach::results::event::Scored;
    use crate::attach::state::{attachments, jobs, traces};
    use crate::config::grade::ResultsOn;
    use crate::ingest::pack::Packed;
    use crate::store::layout::Layout;

    /// A service that answers as it is told, then takes everything.
    struct Scripted {
        refusals: Vec<PullErrorKind>,
        given: Vec<Score>,
    }

    impl Scores for Scripted {
        fn give(&mut self, score: &Score) -> Result<(), PullError> {
            self.given.push(score.clone());
            match self.refusals.pop() {
                Some(kind) => Err(PullError::new(kind, "no")),
                None => Ok(()),
            }
        }
    }

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).expect("in range")
    }

    /// A state with a verdict on each of these traces; `prod` brought those that begin with `t`.
    fn with(names: &[&str]) -> (tempfile::TempDir, State, i64) {
        let folder = tempfile::tempdir().expect("temporary folder");
        let layout = Layout::of(folder.path(), None);
        let state = State::open(&layout, false).expect("opened").state;
        let home = state.write(|change| {
            let home = attachments::attach(change, Path::new("/traces"), &json!({}), at(1))?;
            for name in names {
                let identity = TraceIdentity {
                    source: "prod".to_owned(),
                    project: "p".to_owned(),
                    trace: (*name).to_owned(),
                };
                let known = traces::known(change, &identity)?;
                let new = jobs::NewJob {
                    trace: &known,
                    attachment: home,
                    revision: "r",
                    age: (None, 1),
                    file: Path::new("t.json"),
                    import_hash: "x",
                    is_asked: false,
                };
                let job = jobs::begin(change, &new, at(1))?;
                let event = ResultEvent {
                    key: format!("result-{name}"),
                    at: at(2),
                    project: "p".to_owned(),
                    trace: (*name).to_owned(),
                    environment: Some("production".to_owned()),
                    revision: "r".to_owned(),
                    verdict: "fail".to_owned(),
                    scored: vec![Scored {
                        label: Some("fail".to_owned()),
                        explanation: Some("why".to_owned()),
                        ..Scored::default()
                    }],
                };
                results::add(change, job, &event, ("prod", ResultsOn::Change))?;
                if name.starts_with('t') {
                    let packed = Packed {
                        path: PathBuf::from(format!("/traces/{name}.json")),
                        traces: vec![(identity, "r".to_owned())],
                        bytes: 1,
                    };
                    packed::note(change, "prod", &packed, at(1))?;
                }
            }
            Ok(home)
        });
        (folder, state, home.expect("written"))
    }

    /// Sends what is due at `second`; what came of it, and what was given.
    fn sent(
        state: &State,
        home: i64,
        second: i64,
        refusals: &[PullErrorKind],
    ) -> (Sent, Vec<Score>) {
        let due = state.read(|rows| results::due(rows, home, "prod", (at(second), 9)));
        let clock = FakeClock::new(at(second));
        let sending = Sending {
            state,
            taker: "prod",
            clock: &clock,
        };
        let mut scores = Scripted {
            refusals: refusals.iter().rev().copied().collect(),
            given: Vec::new(),
        };
        let unseen = Unseen::new(&Redactor::new([7; 32], []), []);
        let sent = sending.send(&mut scores, &unseen, &due.expect("read"));
        (sent.expect("written"), scores.given)
    }

    fn due(state: &State, home: i64, second: i64) -> usize {
        let due = state.read(|rows| results::due(rows, home, "prod", (at(second), 9)));
        due.expect("read").len()
    }

    #[test]
    fn what_a_service_does_not_take_now_is_left_until_it_said_so() {
        let (_folder, state, home) = with(&["t1", "t2", "t3"]);
        let after = Some(Duration::from_secs(41));
        let limited = PullErrorKind::Limited { after };
        let (came, given) = sent(&state, home, 9, &[limited]);
        assert_eq!((came.taken, given.len()), (0, 1), "nobody else is tried");
        assert_eq!((due(&state, home, 49), due(&state, home, 50)), (0, 3));
        let (came, given) = sent(&state, home, 50, &[]);
        assert_eq!((came.taken, given.len()), (3, 3));
        assert_eq!(due(&state, home, 9_999), 0);
        let ids: std::collections::BTreeSet<&str> =
            given.iter().map(|one| one.id.as_str()).collect();
        assert_eq!(ids.len(), 3, "an id for each trace");
        assert_eq!(given[0].environment.as_deref(), Some("production"));
    }

    #[test]
    fn one_that_is_refused_takes_no_other_with_it() {
        let (_folder, state, home) = with(&["t1", "t2"]);
        let (came, _) = sent(&state, home, 9, &[PullErrorKind::Answer]);
        assert_eq!((came.taken, came.given_up), (1, 1));
        assert_eq!(due(&state, home, 1_000_000), 0);
    }

    #[test]
    fn tries_come_to_an_end() {
        let (_folder, state, home) = with(&["t1"]);
        let mut second = 9;
        let mut tries = 0;
        loop {
            let (came, given) = sent(&state, home, second, &[PullErrorKind::Denied]);
            tries += given.len();
            if came.given_up == 1 {
                break;
            }
            assert!(came.put_off.is_some() && tries < 50, "{came:?}");
            second += 25 * 3_600;
        }
        assert_eq!(tries, 8);
    }

    #[test]
    fn what_somebody_else_dropped_is_not_told_of() {
        let (_folder, state, home) = with(&["forged", "t1"]);
        let (came, given) = sent(&state, home, 9, &[]);
        assert_eq!(
            given
                .iter()
                .map(|one| one.trace.as_str())
                .collect::<Vec<_>>(),
            ["t1"]
        );
        assert!(
            came.put_off
                .is_some_and(|why| why.contains("did not bring"))
        );
    }
}
