//! The ledger: what each operation leaves.

use std::fs;

use super::super::entry::Cost;
use super::super::prices::Computed;
use super::super::repair::{Repaired, repair};
use super::super::summary::{Selection, day_of};
use super::*;

fn usd(text: &str) -> Usd {
    text.parse().expect("an amount")
}

fn at(text: &str) -> Timestamp {
    text.parse().expect("a time")
}

pub(super) fn noon() -> Timestamp {
    at("2026-11-21T12:00:00Z")
}

pub(super) fn caps(per_trace: &str, per_day: &str) -> Caps {
    Caps {
        per_trace: per_trace.parse().expect("a cap"),
        per_day: per_day.parse().expect("a cap"),
    }
}

fn uncapped() -> Caps {
    caps("none", "none")
}

fn key(attempt: &str) -> AttemptKey {
    AttemptKey {
        repo: "/repo".to_owned(),
        attempt: attempt.to_owned(),
    }
}

pub(super) fn request(attempt: &str, estimate: Option<&str>) -> Request {
    Request {
        key: key(attempt),
        kind: "fix".to_owned(),
        trace: Some("t".to_owned()),
        estimate: estimate.map(usd),
    }
}

struct World {
    folder: TempDir,
    ledger: Ledger,
}

fn world() -> World {
    let folder = tempfile::tempdir().expect("temporary folder");
    let (ledger, warning) =
        Ledger::open(Some(&folder.path().join("archal/ledger.db"))).expect("opened");
    assert_eq!(warning, None);
    World { folder, ledger }
}

impl World {
    fn path(&self) -> PathBuf {
        self.folder.path().join("archal/ledger.db")
    }

    /// Reserves within wide caps.
    fn reserved(&self, attempt: &str, estimate: Option<&str>) -> Entry {
        let reservation = self
            .ledger
            .reserve(&request(attempt, estimate), &caps("none", "none"), noon())
            .expect("reserved");
        assert!(reservation.is_new);
        reservation.entry
    }

    /// Asks, and says what came out.
    fn asked(&self, attempt: &str, estimate: Option<&str>, caps: &Caps, now: Timestamp) -> String {
        match self.ledger.reserve(&request(attempt, estimate), caps, now) {
            Ok(reservation) => format!("ok {}", reservation.is_new),
            Err(error) => error.to_string(),
        }
    }
}

fn shown(entry: &Entry) -> String {
    let amount = |amount: Option<Usd>| amount.map_or("?".to_owned(), |amount| amount.to_string());
    format!(
        "{} {} of {} ({}), counts {}",
        entry.state.word(),
        amount(entry.cost_usd),
        amount(entry.held()),
        entry.cost_source.map_or("-", CostSource::word),
        entry.counted_usd
    )
}

#[test]
fn a_reservation_within_the_caps_is_made_once() {
    let world = world();
    let caps = caps("1.00", "1.50");
    assert_eq!(world.asked("a", Some("0.60"), &caps, noon()), "ok true");
    // The same attempt again, whatever it asks for now.
    assert_eq!(world.asked("a", Some("9"), &caps, noon()), "ok false");
    assert_eq!(
        world.asked("b", Some("0.41"), &caps, noon()),
        "the budget of this trace is used up: $0.41 asked for, $0.00 spent and $0.60 reserved of $1.00"
    );
    assert_eq!(world.asked("b", Some("0.40"), &caps, noon()), "ok true");
    let mut other = request("c", Some("0.51"));
    other.trace = Some("u".to_owned());
    other.key.repo = "/other".to_owned();
    let denied = world
        .ledger
        .reserve(&other, &caps, noon())
        .expect_err("denied");
    assert_eq!(
        denied.to_string(),
        "the budget of the day is used up: $0.51 asked for, $0.00 spent and $1.00 reserved of $1.50"
    );
    // The same trace id in another repository is another trace.
    other.trace = Some("t".to_owned());
    other.estimate = Some(usd("0.50"));
    assert!(
        world
            .ledger
            .reserve(&other, &caps, noon())
            .expect("fits")
            .is_new
    );
}

#[test]
fn an_unknown_estimate_is_refused_only_when_nothing_is_left() {
    let world = world();
    let caps = caps("none", "1.00");
    assert_eq!(world.asked("a", Some("0.999999"), &caps, noon()), "ok true");
    assert_eq!(world.asked("b", None, &caps, noon()), "ok true");
    assert_eq!(world.asked("c", Some("0.000001"), &caps, noon()), "ok true");
    assert_eq!(
        world.asked("d", None, &caps, noon()),
        "the budget of the day is used up: an unknown cost asked for, $0.00 spent and $1.00 reserved of $1.00"
    );
    // What costs nothing fits a used-up cap, and everything fits where there is none.
    assert_eq!(world.asked("e", Some("0"), &caps, noon()), "ok true");
    let none = uncapped();
    assert_eq!(world.asked("f", None, &none, noon()), "ok true");
    assert_eq!(
        world.asked("g", Some("9000000000000"), &none, noon()),
        "ok true"
    );
    // A sum that does not fit is over every cap.
    assert!(
        world
            .asked("h", Some("9000000000000"), &caps, noon())
            .contains("used up")
    );
}

#[test]
fn a_day_begins_at_midnight_utc_and_a_clock_set_back_frees_nothing() {
    let world = world();
    let caps = caps("none", "1.00");
    assert_eq!(
        world.asked("a", Some("1"), &caps, at("2026-11-21T23:59:59.999999Z")),
        "ok true"
    );
    assert_eq!(
        world.asked("b", Some("1"), &caps, at("2026-11-22T00:00:00Z")),
        "ok true"
    );
    for now in [
        "2026-11-21T00:00:00Z",
        "2026-11-22T23:59:59Z",
        "1969-12-31T23:59:59Z",
    ] {
        assert!(
            world
                .asked("c", Some("0.01"), &caps, at(now))
                .contains("of the day"),
            "{now}"
        );
    }
    assert_eq!(
        world.asked("c", Some("1"), &caps, at("2026-11-23T00:00:00Z")),
        "ok true"
    );
}

#[test]
fn each_end_leaves_what_it_says_and_comes_once() {
    let world = world();
    let ledger = &world.ledger;
    let charge = |attempt: &str, cost: Cost| {
        let charge = Charge {
            cost,
            tokens: Some(Tokens::with_cache_apart(1, 2, 3, 4)),
        };
        ledger.charge(&key(attempt), &charge).expect("charged")
    };

    assert_eq!(
        shown(&world.reserved("above", Some("0.10"))),
        "reserved ? of 0.10 (-), counts 0.10"
    );
    let entry = charge("above", Cost::Reported(usd("0.25")));
    assert_eq!(
        shown(&entry),
        "charged 0.25 of 0.10 (reported), counts 0.25"
    );
    assert_eq!(
        entry.tokens,
        Some(Tokens {
            input: 6,
            cache_read: 2,
            cache_write: 3,
            output: 4
        })
    );
    for after in [
        charge("above", Cost::Reported(usd("9"))),
        ledger.meter(&key("above"), usd("9")).expect("noted"),
        ledger.release(&key("above")).expect("noted"),
        ledger.interrupted(&key("above")).expect("noted"),
    ] {
        assert_eq!(after, entry);
    }

    world.reserved("below", Some("0.10"));
    let computed = Computed {
        amount: usd("0.02"),
        prices: "p1".to_owned(),
    };
    let entry = charge("below", Cost::Computed(computed));
    assert_eq!(
        shown(&entry),
        "charged 0.02 of 0.10 (computed), counts 0.02"
    );
    assert_eq!(entry.prices.as_deref(), Some("p1"));

    world.reserved("unknown", Some("0.10"));
    assert_eq!(
        shown(&charge("unknown", Cost::Unknown)),
        "charged ? of 0.10 (unknown), counts 0.10"
    );
    world.reserved("nothing known", None);
    assert_eq!(
        shown(&charge("nothing known", Cost::Reserved)),
        "charged ? of ? (unknown), counts 0.00"
    );
    world.reserved("reserved", Some("0.10"));
    assert_eq!(
        shown(&charge("reserved", Cost::Reserved)),
        "charged 0.10 of 0.10 (reserved), counts 0.10"
    );

    world.reserved("released", Some("0.10"));
    let entry = ledger.release(&key("released")).expect("released");
    assert_eq!(shown(&entry), "released ? of 0.10 (-), counts 0.00");
    assert_eq!(ledger.release(&key("released")).expect("noted"), entry);
    assert_eq!(
        ledger.meter(&key("released"), usd("1")).expect("noted"),
        entry
    );
    // It never began, so it may be reserved again; and if it did run after all, that is paid.
    assert_eq!(
        shown(&world.reserved("released", Some("0.30"))),
        "reserved ? of 0.30 (-), counts 0.30"
    );
    ledger.release(&key("released")).expect("released");
    assert_eq!(
        shown(&charge("released", Cost::Reported(usd("0.05")))),
        "charged 0.05 of 0.30 (reported), counts 0.05"
    );

    let gone = ledger
        .charge(&key("never"), &Cost::Unknown.into())
        .expect_err("unheard of");
    assert_eq!(
        gone.to_string(),
        "attempt never of /repo is not in the budget ledger"
    );
}

#[test]
fn what_was_cut_off_is_charged_as_metered_or_whole() {
    let world = world();
    let ledger = &world.ledger;
    let interrupted = |attempt: &str| shown(&ledger.interrupted(&key(attempt)).expect("noted"));
    world.reserved("metered", Some("0.10"));
    ledger.meter(&key("metered"), usd("0.04")).expect("noted");
    let late = ledger.meter(&key("metered"), usd("0.03")).expect("noted");
    assert_eq!(shown(&late), "reserved ? of 0.10 (-), counts 0.10");
    assert_eq!(
        interrupted("metered"),
        "charged 0.04 of 0.10 (reserved), counts 0.04"
    );
    world.reserved("whole", Some("0.10"));
    assert_eq!(
        interrupted("whole"),
        "charged 0.10 of 0.10 (reserved), counts 0.10"
    );
    world.reserved("unknown", None);
    assert_eq!(
        interrupted("unknown"),
        "charged ? of ? (unknown), counts 0.00"
    );
    // More than was reserved is taken from the caps while it runs, and never given back.
    world.reserved("dear", Some("0.10"));
    let dear = ledger.meter(&key("dear"), usd("0.70")).expect("noted");
    assert_eq!(shown(&dear), "reserved ? of 0.70 (-), counts 0.70");
    let entry = ledger.release(&key("dear")).expect("noted");
    assert_eq!(
        shown(&entry),
        "charged 0.70 of 0.70 (reserved), counts 0.70"
    );
    assert!(entry.interrupted);
}

#[test]
fn a_start_settles_what_a_crash_left_open_in_its_own_repository() {
    let world = world();
    for attempt in ["recorded", "not recorded", "ended"] {
        world.reserved(attempt, Some("0.10"));
    }
    world
        .ledger
        .charge(&key("ended"), &Cost::Unknown.into())
        .expect("charged");
    let mut elsewhere = request("recorded", Some("0.10"));
    elsewhere.key.repo = "/elsewhere".to_owned();
    world
        .ledger
        .reserve(&elsewhere, &caps("none", "none"), noon())
        .expect("reserved");

    let recover = || {
        let recovered = world
            .ledger
            .recover(Path::new("/repo"), |id| id == "recorded")
            .expect("settled");
        let names = |entries: Vec<Entry>| {
            entries
                .into_iter()
                .map(|entry| entry.attempt)
                .collect::<Vec<_>>()
        };
        (names(recovered.released), names(recovered.interrupted))
    };
    assert_eq!(
        recover(),
        (vec!["not recorded".to_owned()], vec!["recorded".to_owned()])
    );
    assert_eq!(recover(), (vec![], vec![]));
    let open: Vec<Entry> = world
        .ledger
        .entries(&Selection::default())
        .expect("read")
        .into_iter()
        .filter(|entry| entry.state == State::Reserved)
        .collect();
    assert_eq!(open.len(), 1);
    assert_eq!(open[0].repo, "/elsewhere");
}

#[test]
fn a_start_over_another_state_folder_settles_nothing_of_the_first() {
    let world = world();
    let [one, other] = ["one", "other"].map(|name| {
        let folder = world.folder.path().join(name);
        fs::create_dir(&folder).expect("writable");
        world.ledger.held_by(&folder)
    });
    let uncapped = uncapped();
    for (ledger, attempt) in [(&one, "of one"), (&other, "of other")] {
        ledger
            .reserve(&request(attempt, Some("0.10")), &uncapped, noon())
            .expect("reserved");
    }
    let repo = Path::new("/repo");
    assert_eq!(one.reserved(repo).expect("read"), ["of one"]);
    let recovered = other.recover(repo, |_| false).expect("settled");
    assert_eq!(recovered.released.len(), 1);
    assert_eq!(recovered.released[0].attempt, "of other");
    assert_eq!(recovered.interrupted, []);
    // Nobody can say what became of an attempt whose rows are gone.
    fs::remove_dir(world.folder.path().join("one")).expect("empty");
    let recovered = other.recover(repo, |_| false).expect("settled");
    assert_eq!(recovered.interrupted.len(), 1);
    assert_eq!(recovered.interrupted[0].attempt, "of one");
}

#[test]
fn a_report_adds_up_and_unknown_costs_are_counted_and_no_zero() {
    let world = world();
    let ledger = &world.ledger;
    for (attempt, estimate) in [
        ("a", Some("0.50")),
        ("b", Some("0.20")),
        ("c", None),
        ("d", Some("0.30")),
        ("e", Some("1")),
    ] {
        world.reserved(attempt, estimate);
    }
    ledger
        .charge(&key("a"), &Cost::Reported(usd("0.40")).into())
        .expect("charged");
    ledger
        .charge(&key("b"), &Cost::Unknown.into())
        .expect("charged");
    ledger
        .charge(&key("c"), &Cost::Unknown.into())
        .expect("charged");
    ledger.release(&key("e")).expect("released");
    let mut later = request("f", Some("0.05"));
    later.key.repo = "/other".to_owned();
    later.kind = "reproduce".to_owned();
    ledger
        .reserve(&later, &caps("none", "none"), at("2026-11-25T00:00:00Z"))
        .expect("reserved");

    let today = day_of(noon());
    let report = ledger
        .report(today, None, 3, &caps("1", "2"), noon())
        .expect("read");
    let totals = &report.totals;
    assert_eq!(
        (totals.spent_usd, totals.reserved_usd, totals.held_usd),
        (usd("0.40"), usd("0.35"), usd("0.20"))
    );
    assert_eq!((totals.attempts, totals.unknown_cost), (5, 2));
    assert_eq!(report.left_usd, Some(usd("1.05")));
    assert_eq!(report.dated_ahead_usd, usd("0.05"));
    let names = |groups: &[super::super::summary::Group]| {
        groups
            .iter()
            .map(|group| format!("{} {}", group.name, group.totals.taken()))
            .collect::<Vec<_>>()
    };
    assert_eq!(names(&report.projects), ["/other 0.05", "/repo 0.90"]);
    assert_eq!(names(&report.kinds), ["fix 0.90", "reproduce 0.05"]);
    let last: Vec<&str> = report
        .entries
        .iter()
        .map(|entry| entry.attempt.as_str())
        .collect();
    assert_eq!(last, ["f", "e", "d"]);

    // As seen from tomorrow, that day is over: what is dated later is no part of it.
    let tomorrow = at("2026-11-22T00:00:00Z");
    let report = ledger
        .report(today, Some("/repo"), 9, &caps("1", "none"), tomorrow)
        .expect("read");
    assert_eq!(
        (report.totals.taken(), report.left_usd),
        (usd("0.90"), None)
    );
    assert_eq!(report.projects.len(), 1);
    assert_eq!(report.dated_ahead_usd, Usd::ZERO);
    let json = serde_json::to_value(&report).expect("a document");
    assert_eq!(json["entries"][2]["costUsd"], serde_json::Value::Null);
}

#[test]
fn without_a_home_the_ledger_is_private_and_says_so() {
    let folder = tempfile::tempdir().expect("temporary folder");
    let file = folder.path().join("file");
    fs::write(&file, "").expect("writable");
    for path in [None, Some(file.join("archal/ledger.db"))] {
        let (ledger, warning) = Ledger::open(path.as_deref()).expect("opened");
        assert!(
            warning
                .expect("said")
                .starts_with("the budget counts this run only")
        );
        let reserve =
            |attempt: &str| ledger.reserve(&request(attempt, Some("1")), &caps("1", "1"), noon());
        assert!(reserve("a").expect("reserved").is_new);
        assert!(matches!(reserve("b"), Err(ReserveError::Denied(_))));
        let private = ledger.path().to_owned();
        assert!(private.exists());
        drop(ledger);
        assert!(!private.exists());
    }
}

#[test]
fn a_broken_ledger_keeps_money_until_the_user_repairs_it() {
    let world = world();
    let path = world.path();
    assert_eq!(repair(&path, noon()).expect("whole"), Repaired::Redated(0));
    drop(world.ledger);
    for text in [
        "no database at all, whatever its name says",
        "SQLite format 3\0 and then nothing of the kind",
    ] {
        fs::write(&path, text).expect("writable");
        for _ in 0..2 {
            let error = Ledger::open(Some(&path)).expect_err("broken");
            assert!(matches!(error, LedgerError::Broken(_)), "{error:?}");
            assert_eq!(error.hint(), Some("archal budget repair"));
            assert!(Ledger::existing(&path).is_err());
        }
        assert_eq!(fs::read_to_string(&path).expect("untouched"), text);
        let Repaired::SetAside(aside) = repair(&path, noon()).expect("repaired") else {
            panic!("not set aside");
        };
        assert_eq!(fs::read_to_string(aside).expect("kept"), text);
        Ledger::open(Some(&path)).expect("a new one");
    }
    // A database, but not this one.
    Connection::open(&path)
        .expect("opened")
        .execute_batch("DROP TABLE entries")
        .expect("written");
    let (ledger, _) = Ledger::open(Some(&path)).expect("a database");
    let error = ledger
        .reserve(&request("a", None), &caps("1", "1"), noon())
        .expect_err("no table");
    assert!(
        matches!(error, ReserveError::Ledger(LedgerError::Broken(_))),
        "{error:?}"
    );
    drop(ledger);
    assert!(matches!(repair(&path, noon()), Ok(Repaired::SetAside(_))));
}

#[test]
fn a_newer_or_closed_ledger_is_refused_and_left_alone() {
    let world = world();
    let path = world.path();
    drop(world.ledger);
    let raw = Connection::open(&path).expect("opened");
    raw.pragma_update(None, "user_version", 99)
        .expect("written");
    drop(raw);
    assert!(matches!(
        Ledger::open(Some(&path)),
        Err(LedgerError::Newer(_))
    ));
    assert!(matches!(repair(&path, noon()), Err(LedgerError::Newer(_))));
    // A folder of that name is no ledger: nothing may be spent until somebody looks.
    let folder = world.folder.path().join("folder/ledger.db");
    fs::create_dir_all(&folder).expect("writable");
    assert!(matches!(
        Ledger::open(Some(&folder)),
        Err(LedgerError::Broken(_))
    ));
}

#[test]
fn repair_dates_the_future_today() {
    let world = world();
    let ahead = at("2030-01-01T00:00:00Z");
    let all = caps("none", "1");
    assert_eq!(world.asked("a", Some("1"), &all, ahead), "ok true");
    let tomorrow = at("2026-11-22T09:00:00Z");
    assert!(
        world
            .asked("b", Some("1"), &all, tomorrow)
            .contains("of the day")
    );
    assert_eq!(
        repair(&world.path(), noon()).expect("whole"),
        Repaired::Redated(1)
    );
    assert!(
        world
            .asked("b", Some("1"), &all, noon())
            .contains("of the day")
    );
    assert_eq!(world.asked("b", Some("1"), &all, tomorrow), "ok true");
}
