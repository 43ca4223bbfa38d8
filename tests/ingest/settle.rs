//! Files that are not finished: when they are read, and what becomes of them.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use archal::ingest::watch::Stamp;
use archal::ingest::watch::settle::{Look, Settled, Settling};
use archal::ingest::{FileReport, FileStatus, read_bytes};
use proptest::prelude::*;

use super::{SOURCE, redactor};

const RECORD: &str =
    r#"{"schema":"archal.trace.upload-batch","version":1,"traces":[{"id":"t-1"}]}"#;

fn seconds(seconds: f64) -> Duration {
    Duration::from_secs_f64(seconds)
}

/// The stamp of the first file of that size.
fn sized(size: u64) -> Stamp {
    Stamp {
        device: 1,
        inode: 1,
        size,
        modified_ns: 0,
    }
}

fn report(path: &str, text: &str) -> FileReport {
    read_bytes(SOURCE, Path::new(path), text.as_bytes(), &redactor(), None)
}

/// Records of which the last is cut.
fn records() -> FileReport {
    report("a.jsonl", &format!("{RECORD}\n{}", &RECORD[..20]))
}

/// A document that is cut.
fn document() -> FileReport {
    report("a.json", &RECORD[..20])
}

#[track_caller]
fn waits_until(settled: &Settled) -> Duration {
    match settled {
        Settled::Waiting {
            report,
            look_again_at,
        } => {
            assert_eq!(report.traces, []);
            *look_again_at
        }
        Settled::Final(report) => panic!("{report:?}"),
    }
}

#[track_caller]
fn final_report(settled: Settled) -> FileReport {
    match settled {
        Settled::Final(report) => report,
        Settled::Waiting { .. } => panic!("{settled:?}"),
    }
}

#[test]
fn records_that_stand_still_for_two_seconds_are_taken() {
    let mut settling = Settling::default();
    let path = Path::new("a.jsonl");
    assert_eq!(settling.look(path, sized(9), seconds(1.0)), Look::Read);
    let settled = settling.after_read(path, sized(9), records(), seconds(1.0));
    assert_eq!(waits_until(&settled), seconds(3.0));
    assert_eq!(settling.next(), Some(seconds(3.0)));
    assert_eq!(settling.due(seconds(2.9), 9), [] as [PathBuf; 0]);
    assert_eq!(settling.due(seconds(3.0), 9), [path]);
    assert_eq!(settling.look(path, sized(9), seconds(3.0)), Look::Read);
    let settled = settling.after_read(path, sized(9), records(), seconds(3.0));
    let report = final_report(settled);
    assert_eq!(report.status, FileStatus::Imported);
    assert_eq!(report.traces.len(), 1);
    assert_eq!(settling.look(path, sized(9), seconds(4.0)), Look::Unchanged);
}

#[test]
fn anything_else_is_rejected_after_a_minute_and_read_again_when_it_changes() {
    let mut settling = Settling::default();
    let path = Path::new("a.json");
    let settled = settling.after_read(path, sized(9), document(), seconds(0.0));
    assert_eq!(waits_until(&settled), seconds(60.0));
    assert_eq!(settling.waiting(), 1);
    assert_eq!(
        settling.look(path, sized(9), seconds(30.0)),
        Look::Later(seconds(60.0))
    );
    assert_eq!(settling.due(seconds(60.0), 9), [path]);
    assert_eq!(settling.look(path, sized(9), seconds(60.0)), Look::Read);
    let settled = settling.after_read(path, sized(9), document(), seconds(60.0));
    let report = final_report(settled);
    assert!(
        matches!(&report.status, FileStatus::Rejected { reason } if reason.starts_with("incomplete: ")),
        "{:?}",
        report.status
    );
    assert_eq!(settling.waiting(), 0);
    assert_eq!(settling.look(path, sized(10), seconds(61.0)), Look::Read);
    let whole = report_of_whole();
    let settled = settling.after_read(path, sized(10), whole, seconds(61.0));
    assert_eq!(final_report(settled).status, FileStatus::Imported);
}

fn report_of_whole() -> FileReport {
    report("a.json", RECORD)
}

#[test]
fn growth_puts_the_decision_off() {
    let mut settling = Settling::default();
    let path = Path::new("a.jsonl");
    for second in 0..10 {
        let now = seconds(f64::from(second));
        let stamp = sized(u64::try_from(second).expect("small") + 1);
        if settling.look(path, stamp, now) == Look::Read {
            let settled = settling.after_read(path, stamp, records(), now);
            waits_until(&settled);
        }
    }
    assert_eq!(
        settling.look(path, sized(10), seconds(10.9)),
        Look::Later(seconds(11.0))
    );
    assert_eq!(settling.look(path, sized(10), seconds(11.0)), Look::Read);
    let settled = settling.after_read(path, sized(10), records(), seconds(11.0));
    assert_eq!(final_report(settled).traces.len(), 1);
}

#[test]
fn a_file_that_is_finished_soon_after_its_first_read_is_read_at_once() {
    let mut settling = Settling::default();
    let path = Path::new("a.json");
    settling.after_read(path, sized(9), document(), seconds(0.0));
    assert_eq!(settling.look(path, sized(10), seconds(0.01)), Look::Read);
}

#[test]
fn a_file_renamed_into_the_place_of_another_is_read_at_once() {
    let mut settling = Settling::default();
    let path = Path::new("a.json");
    for round in 0..100 {
        let stamp = Stamp {
            inode: round,
            ..sized(9)
        };
        let now = Duration::from_millis(round);
        assert_eq!(settling.look(path, stamp, now), Look::Read, "{round}");
        settling.after_read(path, stamp, report_of_whole(), now);
    }
}

/// Grows a file each millisecond for `length` and says when it was read.
fn reads_of_growth(length: Duration, read: fn() -> FileReport) -> (Vec<Duration>, usize) {
    let mut settling = Settling::default();
    let path = Path::new("a.jsonl");
    let mut reads = Vec::new();
    let mut taken = 0;
    for milli in 0..u64::try_from(length.as_millis()).expect("short") {
        let now = Duration::from_millis(milli);
        let stamp = sized(milli + 1);
        if settling.look(path, stamp, now) == Look::Read {
            reads.push(now);
            let settled = settling.after_read(path, stamp, read(), now);
            taken += usize::from(matches!(settled, Settled::Final(_)));
        }
    }
    (reads, taken)
}

#[test]
fn a_file_that_grows_is_read_a_handful_of_times() {
    for read in [records, document, report_of_whole] {
        let (reads, _) = reads_of_growth(Duration::from_secs(5), read);
        assert_eq!(
            reads,
            [0, 1, 501, 1501, 3501].map(Duration::from_millis),
            "each pause twice as long"
        );
    }
}

#[test]
fn a_file_that_never_rests_still_gives_its_whole_records() {
    let (reads, taken) = reads_of_growth(Duration::from_mins(10), records);
    assert!(reads.len() < 20, "{reads:?}");
    assert!(taken >= 5, "{taken} of {reads:?}");
    let (_, taken) = reads_of_growth(Duration::from_mins(10), document);
    assert_eq!(taken, 0);
}

#[test]
fn a_change_seen_while_the_file_was_read_is_read_too() {
    let mut settling = Settling::default();
    let path = Path::new("a.json");
    settling.after_read(path, sized(9), document(), seconds(0.0));
    assert_eq!(settling.look(path, sized(10), seconds(1.0)), Look::Read);
    assert_eq!(settling.look(path, sized(11), seconds(1.1)), Look::Read);
    let settled = settling.after_read(path, sized(10), report_of_whole(), seconds(1.2));
    final_report(settled);
    assert_eq!(settling.due(seconds(3.1), 9), [path]);
    assert_eq!(settling.look(path, sized(11), seconds(3.1)), Look::Read);
}

#[test]
fn who_does_not_answer_is_named_again_and_who_is_gone_is_not() {
    let mut settling = Settling::default();
    for name in ["a", "b"] {
        settling.after_read(Path::new(name), sized(9), records(), seconds(0.0));
    }
    assert_eq!(settling.due(seconds(2.0), 1), [Path::new("a")]);
    assert_eq!(settling.due(seconds(2.0), 9), [Path::new("b")]);
    assert_eq!(settling.due(seconds(2.0), 9), [] as [PathBuf; 0]);
    settling.forget(Path::new("a"));
    assert_eq!(settling.due(seconds(4.0), 9), [Path::new("b")]);
}

#[test]
fn a_bounded_number_of_files_is_remembered_and_the_finished_give_way() {
    let mut settling = Settling::new(10);
    let name = |kind: &str, number: u64| PathBuf::from(format!("{kind}-{number}"));
    for number in 0..10 {
        settling.after_read(
            &name("done", number),
            sized(9),
            report_of_whole(),
            seconds(0.0),
        );
    }
    for number in 0..20 {
        let settled = settling.after_read(&name("cut", number), sized(9), records(), seconds(0.0));
        waits_until(&settled);
    }
    assert_eq!(settling.waiting(), 10);
    assert_eq!(settling.due(seconds(2.0), 99).len(), 10);
    // One that found no place is read when it is told again.
    assert_eq!(
        settling.look(&name("cut", 19), sized(9), seconds(9.0)),
        Look::Read
    );
}

proptest! {
    /// Whatever the writers do: each file ends as it is at last, within a bounded time after
    /// the last change and with a bounded number of reads.
    #[test]
    fn every_file_is_decided_about(
        writes in proptest::collection::vec((0..3_u64, 0..5_000_u64, any::<bool>()), 1..60),
    ) {
        let mut settling = Settling::default();
        let mut disk: BTreeMap<PathBuf, Stamp> = BTreeMap::new();
        let mut done: BTreeMap<PathBuf, Stamp> = BTreeMap::new();
        let mut reads = 0;
        let mut now = Duration::ZERO;
        let mut visit = |settling: &mut Settling, path: &Path, stamp: Stamp, now: Duration| {
            if settling.look(path, stamp, now) == Look::Read {
                reads += 1;
                let settled = settling.after_read(path, stamp, records(), now);
                if matches!(settled, Settled::Final(_)) {
                    done.insert(path.to_owned(), stamp);
                }
            }
        };
        let rounds = writes.len();
        for (file, pause, is_renamed) in writes {
            let path = PathBuf::from(format!("{file}.jsonl"));
            let stamp = disk.entry(path.clone()).or_insert(sized(0));
            stamp.size += 1;
            stamp.inode += u64::from(is_renamed);
            visit(&mut settling, &path, *stamp, now);
            now += Duration::from_millis(pause);
            for path in settling.due(now, 9) {
                visit(&mut settling, &path, disk[&path], now);
            }
        }
        for _ in 0..10 {
            now += Duration::from_secs(2);
            for path in settling.due(now, 9) {
                visit(&mut settling, &path, disk[&path], now);
            }
        }
        prop_assert!(reads <= 3 * rounds + 9, "{} reads", reads);
        prop_assert_eq!(done, disk);
        prop_assert_eq!(settling.waiting(), 0);
    }
}
