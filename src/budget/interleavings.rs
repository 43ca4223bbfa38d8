//! Two watchers and a run in the foreground on one ledger, in any order, with clocks that step:
//! the ledger against a plain model of it.

use std::path::{Path, PathBuf};

use archal_core::clock::Timestamp;
use jiff::SignedDuration;
use proptest::prelude::*;

use super::amount::Usd;
use super::cap::{Cap, Caps, WhichCap};
use super::entry::{AttemptKey, Cost, Entry, Request, State};
use super::ledger::{Ledger, ReserveError};
use super::summary::{Selection, day_of};

/// Two watchers, and a run in the repository of the first one.
const REPOS: [&str; 3] = ["/one", "/two", "/one"];
const TRACES: [&str; 2] = ["t", "u"];

/// What one of the three processes does. Attempts are taken modulo what there is.
#[derive(Debug, Clone)]
enum Step {
    Reserve {
        attempt: u8,
        trace: usize,
        estimate: Option<i64>,
    },
    Meter {
        attempt: u8,
        so_far: i64,
    },
    Charge {
        attempt: u8,
        cost: Option<i64>,
    },
    Release {
        attempt: u8,
    },
    /// It dies and starts again; every second attempt was recorded by then.
    Crash,
    /// The clock steps, also back.
    Clock {
        minutes: i64,
    },
}

fn step() -> impl Strategy<Value = (usize, Step)> {
    let attempt = 0..12_u8;
    let micros = prop_oneof![4 => 0..400_000_i64, 1 => 400_000..2_000_000_i64];
    let estimate = prop::option::weighted(0.9, micros.clone());
    let cost = prop::option::weighted(0.8, micros.clone());
    let step = prop_oneof![
        6 => (attempt.clone(), 0..TRACES.len(), estimate)
            .prop_map(|(attempt, trace, estimate)| Step::Reserve { attempt, trace, estimate }),
        2 => (attempt.clone(), micros).prop_map(|(attempt, so_far)| Step::Meter { attempt, so_far }),
        3 => (attempt.clone(), cost).prop_map(|(attempt, cost)| Step::Charge { attempt, cost }),
        1 => attempt.prop_map(|attempt| Step::Release { attempt }),
        1 => Just(Step::Crash),
        2 => (-3_000..3_000_i64).prop_map(|minutes| Step::Clock { minutes }),
    ];
    (0..REPOS.len(), step)
}

/// One attempt in the model.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Known {
    repo: &'static str,
    attempt: String,
    trace: &'static str,
    at: Timestamp,
    state: State,
    reserved: Option<i64>,
    metered: Option<i64>,
    cost: Option<i64>,
    /// It was released. What it is charged all the same goes beyond a reservation that is gone.
    given_back: bool,
}

impl Known {
    fn held(&self) -> i64 {
        self.reserved.unwrap_or(0).max(self.metered.unwrap_or(0))
    }

    fn taken(&self) -> i64 {
        match self.state {
            State::Released => 0,
            State::Reserved => self.held(),
            State::Charged => self.cost.unwrap_or(self.held()),
        }
    }

    /// What it took beyond its own reservation.
    fn excess(&self) -> i64 {
        let reserved = self.reserved.filter(|_| !self.given_back).unwrap_or(0);
        (self.taken() - reserved).max(0)
    }

    fn give_back(&mut self) {
        self.state = State::Released;
        self.given_back = true;
    }

    fn cut_off(&mut self) {
        self.state = State::Charged;
        self.cost = self.metered.or(self.reserved);
    }

    fn agrees(&self, entry: &Entry) -> bool {
        let micros = |amount: Option<Usd>| amount.map(Usd::micros);
        entry.repo == self.repo
            && entry.attempt == self.attempt
            && entry.at == self.at
            && entry.state == self.state
            && micros(entry.reserved_usd) == self.reserved
            && micros(entry.metered_usd) == self.metered
            && micros(entry.cost_usd) == self.cost
            && entry.counted_usd.micros() == self.taken()
    }
}

struct World {
    path: PathBuf,
    /// One connection for each process.
    processes: Vec<Ledger>,
    caps: Caps,
    cap_of_trace: i64,
    cap_of_day: i64,
    now: Timestamp,
    model: Vec<Known>,
}

fn usd(micros: i64) -> Usd {
    Usd::from_micros(micros).expect("not below zero")
}

impl World {
    fn new(folder: &Path, cap_of_trace: i64, cap_of_day: i64) -> Self {
        let path = folder.join("ledger.db");
        let open = |_: &&str| Ledger::open(Some(&path)).expect("opened").0;
        Self {
            processes: REPOS.iter().map(open).collect(),
            caps: Caps {
                per_trace: Cap::AtMost(usd(cap_of_trace)),
                per_day: Cap::AtMost(usd(cap_of_day)),
            },
            cap_of_trace,
            cap_of_day,
            now: "2026-11-21T12:00:00Z".parse().expect("a time"),
            model: Vec::new(),
            path,
        }
    }

    /// The watcher and the run in its repository have attempts of their own.
    fn key(&self, process: usize, attempt: u8) -> AttemptKey {
        AttemptKey {
            repo: REPOS[process].to_owned(),
            attempt: format!("{process}-{attempt}"),
        }
    }

    fn known(&mut self, key: &AttemptKey) -> Option<&mut Known> {
        let is_it = |known: &&mut Known| known.repo == key.repo && known.attempt == key.attempt;
        self.model.iter_mut().find(is_it)
    }

    fn take(&mut self, process: usize, step: &Step) -> Result<(), TestCaseError> {
        let ledger = self.processes[process].clone();
        match step {
            Step::Clock { minutes } => {
                let by = SignedDuration::from_mins(*minutes);
                self.now = self.now.checked_add(by).expect("in range");
            }
            Step::Reserve {
                attempt,
                trace,
                estimate,
            } => {
                self.reserve(process, *attempt, TRACES[*trace], *estimate)?;
            }
            Step::Meter { attempt, so_far } => {
                let key = self.key(process, *attempt);
                let outcome = ledger.meter(&key, usd(*so_far));
                let Some(known) = self.known(&key) else {
                    prop_assert!(outcome.is_err());
                    return Ok(());
                };
                if known.state == State::Reserved {
                    known.metered = known.metered.max(Some(*so_far));
                }
            }
            Step::Charge { attempt, cost } => {
                let key = self.key(process, *attempt);
                let charge = cost
                    .map_or(Cost::Unknown, |cost| Cost::Reported(usd(cost)))
                    .into();
                let outcome = ledger.charge(&key, &charge);
                let Some(known) = self.known(&key) else {
                    prop_assert!(outcome.is_err());
                    return Ok(());
                };
                if known.state != State::Charged {
                    known.state = State::Charged;
                    known.cost = *cost;
                }
            }
            Step::Release { attempt } => {
                let key = self.key(process, *attempt);
                let outcome = ledger.release(&key);
                let Some(known) = self.known(&key) else {
                    prop_assert!(outcome.is_err());
                    return Ok(());
                };
                if known.state == State::Reserved && known.metered.unwrap_or(0) > 0 {
                    known.cut_off();
                } else if known.state == State::Reserved {
                    known.give_back();
                }
            }
            Step::Crash => {
                // The processes of a repository end together: one lock is theirs.
                let repo = REPOS[process];
                for (at, _) in REPOS
                    .iter()
                    .enumerate()
                    .filter(|(_, other)| **other == repo)
                {
                    self.processes[at] = Ledger::open(Some(&self.path)).expect("opened").0;
                }
                let is_known = |attempt: &str| attempt.ends_with(['0', '2', '4', '6', '8']);
                self.processes[process]
                    .recover(Path::new(repo), is_known)
                    .expect("settled");
                for known in self.model.iter_mut().filter(|known| known.repo == repo) {
                    if known.state != State::Reserved {
                        continue;
                    }
                    if is_known(&known.attempt) || known.metered.unwrap_or(0) > 0 {
                        known.cut_off();
                    } else {
                        known.give_back();
                    }
                }
            }
        }
        Ok(())
    }

    fn reserve(
        &mut self,
        process: usize,
        attempt: u8,
        trace: &'static str,
        estimate: Option<i64>,
    ) -> Result<(), TestCaseError> {
        let key = self.key(process, attempt);
        let repo = REPOS[process];
        let request = Request {
            key: key.clone(),
            kind: "fix".to_owned(),
            trace: Some(trace.to_owned()),
            estimate: estimate.map(usd),
        };
        let outcome = self.processes[process].reserve(&request, &self.caps, self.now);
        let is_open = |known: &&mut Known| known.state != State::Released;
        if self.known(&key).filter(is_open).is_some() {
            prop_assert!(matches!(outcome, Ok(found) if !found.is_new));
            return Ok(());
        }
        let today = day_of(self.now);
        let sum = |wanted: &dyn Fn(&Known) -> bool| -> i64 {
            let wanted = self.model.iter().filter(|known| wanted(known));
            wanted.map(Known::taken).sum()
        };
        let of_trace = sum(&|known| known.repo == repo && known.trace == trace);
        let of_day = sum(&|known| day_of(known.at) >= today);
        let over = |taken: i64, cap: i64| match estimate {
            Some(estimate) => taken + estimate > cap,
            None => taken >= cap,
        };
        let expected = if over(of_trace, self.cap_of_trace) {
            Some(WhichCap::Trace)
        } else if over(of_day, self.cap_of_day) {
            Some(WhichCap::Day)
        } else {
            None
        };
        let denied = match outcome {
            Ok(reservation) => {
                prop_assert!(reservation.is_new);
                None
            }
            Err(ReserveError::Denied(denied)) => Some(denied.which),
            Err(ReserveError::Ledger(error)) => panic!("{error:?}"),
        };
        prop_assert_eq!(denied, expected);
        if expected.is_none() {
            self.model
                .retain(|known| (known.repo, &known.attempt) != (repo, &key.attempt));
            self.model.push(Known {
                repo,
                attempt: key.attempt,
                trace,
                at: self.now,
                state: State::Reserved,
                reserved: estimate,
                metered: None,
                cost: None,
                given_back: false,
            });
        }
        Ok(())
    }

    /// No day and no trace takes more than its cap, but for what attempts took beyond what they
    /// had reserved; and the file is what the model says.
    fn check(&self) -> Result<(), TestCaseError> {
        let entries = self.processes[0]
            .entries(&Selection::default())
            .expect("read");
        prop_assert_eq!(entries.len(), self.model.len());
        for known in &self.model {
            prop_assert!(
                entries.iter().any(|entry| known.agrees(entry)),
                "{:?} not in {:?}",
                known,
                entries
            );
        }
        for one in &self.model {
            let sums = |wanted: &dyn Fn(&Known) -> bool| {
                let wanted = self.model.iter().filter(|known| wanted(known));
                wanted.fold((0, 0), |(taken, excess), known| {
                    (taken + known.taken(), excess + known.excess())
                })
            };
            let (taken, excess) = sums(&|known| day_of(known.at) == day_of(one.at));
            prop_assert!(
                taken <= self.cap_of_day + excess,
                "{} of a day, {} beyond",
                taken,
                excess
            );
            let (taken, excess) = sums(&|known| (known.repo, known.trace) == (one.repo, one.trace));
            prop_assert!(
                taken <= self.cap_of_trace + excess,
                "{} of a trace, {} beyond",
                taken,
                excess
            );
        }
        Ok(())
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn caps_hold_whatever_is_done_in_whatever_order(
        steps in prop::collection::vec(step(), 1..60),
        cap_of_trace in 0..3_000_000_i64,
        cap_of_day in 0..3_000_000_i64,
    ) {
        let folder = tempfile::tempdir().expect("temporary folder");
        let mut world = World::new(folder.path(), cap_of_trace, cap_of_day);
        for (process, step) in &steps {
            world.take(*process, step)?;
            world.check()?;
        }
    }
}
