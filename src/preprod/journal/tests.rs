//! What a step may spend, and what ends it.

use archal_core::clock::{FakeClock, Timestamp};
use archal_core::id::SequentialIds;

use super::*;

fn usd(cents: i64) -> Usd {
    Usd::from_micros(cents * 10_000).expect("not below zero")
}

/// What a run of a dollar is made of.
struct Desk {
    folder: tempfile::TempDir,
    prices: Prices,
    ids: SequentialIds,
    work: StopToken,
}

impl Desk {
    fn new() -> Self {
        Self {
            folder: tempfile::tempdir().expect("a folder"),
            prices: Prices::load(None).expect("archal's own"),
            ids: SequentialIds::new(1),
            work: StopToken::new(),
        }
    }

    fn journal(&self, fixer_has_key: bool) -> RunJournal<'_> {
        let path = self.folder.path();
        let ledger = Ledger::open(Some(&path.join("ledger.db"))).expect("usable");
        let purse = Purse {
            repo: path,
            ledger: ledger.0,
            caps: Caps {
                per_trace: Cap::AtMost(usd(100)),
                per_day: Cap::NONE,
            },
            run: "preprod/run-1".to_owned(),
            fixer_share: Some(usd(25)),
            fixer_has_key,
            prices: &self.prices,
        };
        let clock: Arc<dyn Clock> = Arc::new(FakeClock::new(Timestamp::UNIX_EPOCH));
        let folders = (path, path);
        RunJournal::new(purse, (clock, &self.ids), folders, &self.work)
    }
}

fn fixer(journal: &RunJournal<'_>, slot: u32) -> AttemptId {
    let key = StepKey {
        phase: Phase::Fixer,
        slot,
    };
    let begun = journal.begin(&key, &Estimate::UNKNOWN).expect("allowed");
    assert_eq!(begun.may_spend, Some(usd(25).micros()));
    begun.id
}

#[test]
fn what_a_step_reserved_is_not_spent_before_it_spends_it() {
    let desk = Desk::new();
    let journal = desk.journal(true);
    let run = journal.open("run/s", "run", Some(usd(100))).expect("fits");
    journal.told(&run, usd(60));
    assert!(!journal.is_capped() && !desk.work.is_asked());
    journal.told(&run, usd(100));
    assert!(journal.is_capped() && desk.work.is_stopped());
}

#[test]
fn a_fixer_at_its_share_is_ended_alone_and_one_at_the_cap_with_everything() {
    let desk = Desk::new();
    let journal = desk.journal(true);
    let (id, end) = (fixer(&journal, 1), desk.work.within());
    journal.ends(&id, &end);
    journal.told(&id, usd(24));
    assert!(!end.is_asked() && journal.over(&id).is_none());
    journal.told(&id, usd(30));
    assert_eq!(journal.over(&id), Some(usd(25)));
    assert!(end.is_stopped() && !desk.work.is_asked() && !journal.is_capped());
    journal.told(&id, usd(100));
    assert!(desk.work.is_stopped() && journal.is_capped());
}

#[test]
fn a_fixer_without_a_key_holds_nothing_at_its_end_and_its_cost_stays_unknown() {
    for (has_key, held) in [(true, usd(25)), (false, Usd::ZERO)] {
        let desk = Desk::new();
        let journal = desk.journal(has_key);
        let id = fixer(&journal, 1);
        journal
            .end(&id, &Value::Null, &Spent::UNKNOWN)
            .expect("written");
        let totals = journal.totals().expect("readable");
        assert_eq!((totals.held_usd, totals.unknown_cost), (held, 1));
    }
}

#[test]
fn a_step_that_was_cut_off_before_it_said_what_it_spent_is_paid_with_what_it_reserved() {
    let desk = Desk::new();
    let journal = desk.journal(false);
    let silent = journal.open("run/silent", "run", Some(usd(10)));
    let heard = journal.open("run/heard", "run", Some(usd(10)));
    let (_silent, heard) = (silent.expect("allowed"), heard.expect("allowed"));
    journal.told(&heard, usd(3));
    drop(journal);
    let path = desk.folder.path();
    let ledger = Ledger::open(Some(&path.join("ledger.db"))).expect("usable");
    let whole = settle(path, &ledger.0, path, &desk.prices).expect("settled");
    assert_eq!(whole, BTreeSet::from(["run/silent".to_owned()]));
    let again = settle(path, &ledger.0, path, &desk.prices).expect("settled");
    assert_eq!(again, BTreeSet::new());
}
