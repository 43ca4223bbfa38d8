//! What the judge may cost: a cap for this invocation, and the day's in the user's ledger.
//!
//! Both are asked before a question is sent, and told afterwards what it really cost.

use std::path::PathBuf;
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};

use archal_core::clock::Timestamp;

use crate::budget::amount::Usd;
use crate::budget::cap::{Cap, Caps};
use crate::budget::entry::{AttemptKey, Charge, Cost, Request};
use crate::budget::ledger::{Ledger, LedgerError, ReserveError};

use super::settings::Settings;

/// The money of one invocation. Several runs may take from it at once.
#[derive(Debug)]
pub struct Purse {
    ledger: Option<PathBuf>,
    cap: Cap,
    caps: Caps,
    repo: PathBuf,
    /// What every question is for whose asker names nothing else, and its cap.
    work: OnceLock<(String, Cap)>,
    book: OnceLock<Result<Ledger, Refusal>>,
    taken: Mutex<Taken>,
}

#[derive(Debug, Default)]
struct Taken {
    /// Known to be spent, or held for what is not known.
    spent: Usd,
    /// Asked for and not yet ended.
    reserved: Usd,
    notes: Vec<String>,
}

/// Why nothing may be spent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refusal {
    /// The cap of the invocation or the day would be passed.
    Spent {
        /// The same for a person.
        reason: String,
        /// What to do about it.
        hint: String,
    },
    /// The ledger cannot be used.
    Ledger {
        /// Why.
        reason: String,
        /// The command that mends it.
        hint: Option<String>,
    },
}

/// Money taken for one question.
#[derive(Debug)]
pub(super) struct Ticket {
    key: AttemptKey,
    reserved: Usd,
}

impl Purse {
    /// The purse of an invocation; `ledger` is the user's, opened when the first question is asked.
    pub fn new(settings: &Settings, ledger: Option<PathBuf>) -> Self {
        Self {
            ledger,
            cap: settings.cap,
            caps: settings.caps,
            repo: settings.repo.clone(),
            work: OnceLock::new(),
            book: OnceLock::new(),
            taken: Mutex::default(),
        }
    }

    /// The same over a ledger that is open.
    pub fn over(settings: &Settings, ledger: Ledger) -> Self {
        let purse = Self::new(settings, None);
        // Nobody else has it yet, so it is empty.
        purse.book.set(Ok(ledger)).ok();
        purse
    }

    /// What a person should know of how money was counted; each once.
    pub fn notes(&self) -> Vec<String> {
        std::mem::take(&mut self.taken().notes)
    }

    /// Counts every question from now on with the work of that name, and holds it to its cap.
    pub(super) fn count_with(&self, work: &str, cap: Cap) {
        self.work.set((work.to_owned(), cap)).ok();
    }

    /// Takes what a question to `model` is expected to cost; none is a price that nobody knows.
    pub(super) fn reserve(
        &self,
        attempt: &str,
        trace: Option<&str>,
        model: &str,
        estimate: Option<Usd>,
        now: Timestamp,
    ) -> Result<Ticket, Refusal> {
        let book = self.book.get_or_init(|| self.open()).as_ref();
        let book = book.map_err(Clone::clone)?;
        if estimate.is_none() {
            let note = format!(
                "what `{model}` costs is not known, so no budget holds the judge before it is passed: the file that `budget.prices` names can say it"
            );
            let notes = &mut self.taken().notes;
            if !notes.contains(&note) {
                notes.push(note);
            }
        }
        let work = self.work.get();
        let trace = trace.or(work.map(|(name, _)| name.as_str()));
        let caps = Caps {
            per_trace: work.map_or(self.caps.per_trace, |(_, cap)| *cap),
            ..self.caps
        };
        let asked = estimate.unwrap_or_default();
        if let Cap::AtMost(cap) = self.cap {
            let mut taken = self.taken();
            let sum = taken.spent.saturating_add(taken.reserved);
            let fits = match estimate {
                Some(asked) => sum.saturating_add(asked) <= cap,
                None => sum < cap,
            };
            if !fits {
                return Err(Refusal::Spent {
                    reason: format!(
                        "the judge's budget of ${cap} for one invocation is used up: ${sum} is spent or reserved and the next question may cost {}",
                        estimate.map_or_else(
                            || "what nobody knows".to_owned(),
                            |asked| format!("${asked}")
                        )
                    ),
                    hint: "raise `judge.budgetUsd` in .archal.json".to_owned(),
                });
            }
            taken.reserved = taken.reserved.saturating_add(asked);
        }
        let ticket = Ticket {
            key: AttemptKey::new(&self.repo, attempt),
            reserved: asked,
        };
        let request = Request {
            key: ticket.key.clone(),
            kind: "judge".to_owned(),
            trace: trace.map(str::to_owned),
            estimate,
        };
        match book.reserve(&request, &caps, now) {
            Ok(_) => Ok(ticket),
            Err(error) => {
                self.give_back(&ticket, Usd::ZERO);
                Err(match error {
                    ReserveError::Denied(denied) => Refusal::Spent {
                        reason: match work {
                            Some(_) => denied.to_string().replace("of this trace", "of this run"),
                            None => denied.to_string(),
                        },
                        hint: "archal budget".to_owned(),
                    },
                    ReserveError::Ledger(error) => closed(&error),
                })
            }
        }
    }

    /// Notes what a question did cost.
    pub(super) fn settle(&self, ticket: &Ticket, charge: &Charge) {
        let cost = match &charge.cost {
            Cost::Reported(amount) => *amount,
            Cost::Computed(computed) => computed.amount,
            Cost::Reserved | Cost::Unknown | Cost::Unpaid => ticket.reserved,
        };
        self.give_back(ticket, cost);
        self.told(|book| book.charge(&ticket.key, charge).map(drop));
    }

    /// Gives back what a question would have cost that was never answered.
    pub(super) fn release(&self, ticket: &Ticket) {
        self.give_back(ticket, Usd::ZERO);
        self.told(|book| book.release(&ticket.key).map(drop));
    }

    fn give_back(&self, ticket: &Ticket, spent: Usd) {
        let mut taken = self.taken();
        taken.reserved = taken.reserved.saturating_sub(ticket.reserved);
        taken.spent = taken.spent.saturating_add(spent);
    }

    /// What the ledger does not take stays reserved there: the caps hold, and it is told.
    fn told(&self, step: impl FnOnce(&Ledger) -> Result<(), LedgerError>) {
        let Some(Ok(book)) = self.book.get() else {
            return;
        };
        if let Err(error) = step(book) {
            let note = format!("what the judge cost could not be noted: {error}");
            self.taken().notes.push(note);
        }
    }

    fn open(&self) -> Result<Ledger, Refusal> {
        match Ledger::open(self.ledger.as_deref()) {
            Ok((ledger, warning)) => {
                self.taken().notes.extend(warning);
                Ok(ledger)
            }
            Err(error) => Err(closed(&error)),
        }
    }

    fn taken(&self) -> MutexGuard<'_, Taken> {
        // Sums are valid whatever happened to whoever held them.
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn closed(error: &LedgerError) -> Refusal {
    Refusal::Ledger {
        reason: error.to_string(),
        hint: error.hint().map(str::to_owned),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::judge::Chosen;
    use crate::config::schema::JudgeProvider;
    use std::time::Duration;

    fn usd(micros: i64) -> Usd {
        Usd::from_micros(micros).expect("not below zero")
    }

    fn purse(cap: Cap, per_day: Cap, folder: &std::path::Path) -> Purse {
        let settings = Settings {
            judge: Chosen {
                provider: JudgeProvider::OpenAi,
                model: "m".to_owned(),
                base_url: "http://127.0.0.1:9".to_owned(),
                needs_key: false,
            },
            is_forced: false,
            key_variable: "K".to_owned(),
            cap,
            caps: Caps {
                per_trace: Cap::NONE,
                per_day,
            },
            connect_timeout: Duration::from_secs(1),
            timeout: Duration::from_secs(1),
            repo: folder.to_owned(),
        };
        Purse::new(&settings, Some(folder.join("ledger.db")))
    }

    fn told(refusal: Refusal) -> String {
        match refusal {
            Refusal::Spent { reason, hint } => format!("{reason} | {hint}"),
            Refusal::Ledger { reason, .. } => reason,
        }
    }

    #[test]
    fn what_is_reserved_is_taken_until_it_is_known() {
        let folder = tempfile::tempdir().expect("temporary folder");
        let purse = purse(Cap::AtMost(usd(100)), Cap::NONE, folder.path());
        let now = Timestamp::UNIX_EPOCH;
        let first = purse
            .reserve("a", None, "m", Some(usd(60)), now)
            .expect("fits");
        insta::assert_snapshot!(told(purse.reserve("b", None, "m", Some(usd(60)), now).expect_err("too much")), @"the judge's budget of $0.0001 for one invocation is used up: $0.00006 is spent or reserved and the next question may cost $0.00006 | raise `judge.budgetUsd` in .archal.json");
        purse.settle(&first, &Cost::Reported(usd(10)).into());
        let second = purse
            .reserve("b", None, "m", Some(usd(60)), now)
            .expect("fits now");
        // What nobody knows is taken for all that was reserved.
        purse.settle(&second, &Cost::Unknown.into());
        let third = purse
            .reserve("c", None, "m", None, now)
            .expect("something is left");
        purse.release(&third);
        assert!(purse.reserve("d", None, "m", Some(usd(31)), now).is_err());
        assert!(purse.reserve("d", None, "m", Some(usd(30)), now).is_ok());
        assert!(purse.reserve("e", None, "m", None, now).is_err());
        let notes = purse.notes();
        assert!(notes.len() == 1 && notes[0].starts_with("what `m` costs is not known"));
    }

    #[test]
    fn what_is_asked_for_a_piece_of_work_is_held_to_its_cap() {
        let folder = tempfile::tempdir().expect("temporary folder");
        let purse = purse(Cap::NONE, Cap::NONE, folder.path());
        let now = Timestamp::UNIX_EPOCH;
        purse.count_with("preprod/run-1", Cap::AtMost(usd(50)));
        let first = purse.reserve("a", None, "m", Some(usd(40)), now);
        purse.settle(&first.expect("fits"), &Cost::Reported(usd(40)).into());
        insta::assert_snapshot!(told(purse.reserve("b", None, "m", Some(usd(20)), now).expect_err("too much")), @"the budget of this run is used up: $0.00002 asked for, $0.00004 spent and $0.00 reserved of $0.00005 | archal budget");
        let ledger = Ledger::existing(&folder.path().join("ledger.db"));
        let ledger = ledger.expect("readable").expect("there");
        let repo = crate::budget::entry::repo_name(folder.path());
        let (totals, _) = ledger.of_trace(&repo, "preprod/run-1").expect("readable");
        assert_eq!(totals.spent_usd, usd(40));
    }

    #[test]
    fn the_cap_of_the_day_holds_too_and_gives_the_invocations_back() {
        let folder = tempfile::tempdir().expect("temporary folder");
        let purse = purse(Cap::AtMost(usd(100)), Cap::AtMost(usd(50)), folder.path());
        let now = Timestamp::UNIX_EPOCH;
        insta::assert_snapshot!(told(purse.reserve("a", None, "m", Some(usd(60)), now).expect_err("too much")), @"the budget of the day is used up: $0.00006 asked for, $0.00 spent and $0.00 reserved of $0.00005 | archal budget");
        assert!(purse.reserve("b", None, "m", Some(usd(50)), now).is_ok());
    }
}
