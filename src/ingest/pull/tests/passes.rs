//! What comes: once, late, edited, twice, in another order, and what is not quiet.

use std::time::Duration;

use archal_core::clock::Timestamp;

use super::bench::{BEFORE, Place};
use super::scripted::{Scripted, Service};

/// A service with traces of four spans, the root last.
pub(super) fn service(traces: usize) -> Scripted {
    let scripted = Scripted::new(Service {
        page: 7,
        overlap: 5,
        // Its spans stand far apart: traces are whole at the end.
        has_no_checkpoints: true,
        ..Service::default()
    });
    for span in ["a", "b", "c", "root"] {
        for trace in 0..traces {
            let says = format!("{span} of {trace}");
            scripted.write(&format!("t-{trace:03}"), span, 1, &says, BEFORE);
        }
    }
    scripted
}

#[test]
fn every_trace_comes_once_and_a_second_pass_changes_nothing() {
    let (place, service) = (Place::new(), service(20));
    let report = place.pass(&service);
    assert_eq!((report.new, report.updated, report.waiting), (20, 0, 0));
    assert_eq!(
        (report.rows, report.changed_rows, report.pages),
        (80, 80, 12)
    );
    assert_eq!((report.requests, report.bytes), (12, 8_000));
    place.has_all(&service);
    let files = place.written().1;
    let again = place.pass(&service);
    assert_eq!((again.new, again.updated, again.unchanged), (0, 0, 0));
    // The overlap came again.
    assert_eq!((again.rows, again.changed_rows), (5, 0));
    assert_eq!(place.written().1, files);
}

#[test]
fn what_is_late_or_edited_makes_a_new_revision_and_an_older_version_does_not() {
    let (place, service) = (Place::new(), service(10));
    place.pass(&service);
    service.write("t-003", "late", 1, "came late", BEFORE);
    service.write("t-004", "b", 2, "edited", BEFORE);
    service.write("t-005", "b", 0, "older", BEFORE);
    service.write("t-006", "b", 1, "b of 6", BEFORE);
    let report = place.pass(&service);
    assert_eq!((report.new, report.updated, report.unchanged), (0, 2, 0));
    place.has_all(&service);
    // What is told of another version and says the same changes nothing.
    service.write("t-006", "b", 9, "b of 6", BEFORE);
    assert_eq!(place.pass(&service).changed_rows, 0);
    service.write("t-006", "b", 8, "between", BEFORE);
    assert_eq!(place.pass(&service).changed_rows, 0);
}

#[test]
fn untidy_and_empty_pages_give_the_same() {
    let (place, service) = (Place::new(), service(15));
    service.service().is_untidy = true;
    service.service().empty_every = Some(2);
    let report = place.pass(&service);
    assert_eq!((report.new, report.updated), (15, 0));
    place.has_all(&service);
}

#[test]
fn a_trace_waits_until_it_is_quiet_and_one_without_an_end_for_longer() {
    let (place, service) = (Place::new(), service(1));
    let soon = "2026-03-01T12:00:30Z";
    service.write("t-soon", "root", 1, "just now", soon);
    service.write("t-open", "a", 1, "has no end", soon);
    // Its clock is ahead of ours: it is quiet when nothing came for a while.
    service.write(
        "t-ahead",
        "root",
        1,
        "from tomorrow",
        "2026-03-02T12:00:00Z",
    );
    let report = place.pass(&service);
    assert_eq!((report.new, report.waiting), (1, 3));
    place.clock.advance(Duration::from_secs(120));
    let report = place.pass(&service);
    assert_eq!((report.new, report.waiting), (2, 1));
    place.clock.advance(Duration::from_secs(600));
    assert_eq!(place.pass(&service).new, 1);
    place.has_all(&service);
}

#[test]
fn what_came_late_for_rows_that_are_gone_is_added_to_the_batch_file() {
    let (mut place, service) = (Place::new(), service(3));
    place.pace.keep = Duration::from_secs(3600);
    place.pass(&service);
    assert_eq!(place.store().holds().expect("read").rows, 12);
    place.clock.advance(Duration::from_secs(7200));
    place.pass(&service);
    assert_eq!(place.store().holds().expect("read").rows, 0);
    service.write("t-001", "late", 1, "weeks later", BEFORE);
    let report = place.pass(&service);
    assert_eq!((report.new, report.updated), (0, 1), "{report:?}");
    place.has_all(&service);
    // The overlap brings rows again that are gone: nothing is new in them.
    service.service().overlap = 1_000;
    let report = place.pass(&service);
    assert_eq!((report.new, report.updated, report.unchanged), (0, 0, 3));
}

#[test]
fn a_limit_ends_a_pass_and_the_next_goes_on() {
    let (mut place, service) = (Place::new(), service(20));
    place.limit = Some(8);
    for wanted in [8, 8, 4] {
        let report = place.pass(&service);
        assert_eq!((report.new, report.is_limited), (wanted, wanted == 8));
    }
    place.has_all(&service);
}

#[test]
fn a_limit_ends_the_reading_where_rows_come_in_order() {
    let (mut place, service) = (Place::new(), service(0));
    service.service().is_in_order = true;
    let at = |second: i64| {
        let begun: Timestamp = BEFORE.parse().expect("a time");
        let second = Duration::from_secs(second.unsigned_abs());
        (begun - Duration::from_secs(100_000) + second).to_string()
    };
    // A run of two spans each half a minute; their ends come 20 seconds after the next has begun.
    for trace in 0..100 {
        let begins = trace * 30;
        if trace > 0 {
            let before = format!("t-{:03}", trace - 1);
            service.write(&before, "root", 1, "done", &at(begins + 20));
        }
        service.write(&format!("t-{trace:03}"), "a", 1, "begun", &at(begins));
    }
    place.limit = Some(2);
    let report = place.pass(&service);
    assert_eq!((report.new, report.is_limited), (2, true));
    // Two that are quiet for a minute, and not a hundred.
    assert!(report.rows <= 14, "{report:?}");
    place.limit = Some(5);
    assert_eq!(place.pass(&service).new, 5);
    place.limit = None;
    let report = place.pass(&service);
    assert_eq!(report.updated, 0, "none was given out before its end");
    place.has_all(&service);
}

#[test]
fn what_is_left_out_of_a_trace_is_told_with_its_id_once() {
    let (place, service) = (Place::new(), service(2));
    for trace in ["t-000", "t-001"] {
        service.write(trace, "late", 1, "just now", "2026-03-01T12:00:30Z");
    }
    assert_eq!(place.pass(&service).waiting, 2);
    // As it is kept of rows of which a trace has too many.
    let connection =
        rusqlite::Connection::open(crate::ingest::pull::store::path_of(&place.spool()))
            .expect("a store");
    let cut = "UPDATE rows SET body = NULL, size = 0 WHERE id IN ('a', 'b')
         AND trace = (SELECT id FROM traces WHERE name = 't-001')";
    assert_eq!(connection.execute(cut, []).expect("mine"), 2);
    place.clock.advance(Duration::from_secs(700));
    let report = place.pass(&service);
    assert_eq!((report.new, report.failed), (2, 0));
    let told: Vec<&str> = report
        .diagnostics
        .iter()
        .map(|finding| finding.message.as_str())
        .collect();
    assert_eq!(
        told,
        ["trace `t-001`: 2 of its rows are left out; of one trace 100000 and 64 MB are kept"]
    );
    assert!(place.pass(&service).diagnostics.is_empty());
}

/// Many traces of a row each, newest first; one lies around them, and one has no root.
fn newest_first() -> Scripted {
    let service = service(0);
    let mut inner = service.service();
    (inner.is_newest_first, inner.page, inner.overlap) = (true, 100, 0);
    drop(inner);
    for span in 20..40 {
        service.write("t-long", &format!("s{span}"), 1, "later", BEFORE);
    }
    service.write("t-rootless", "b", 1, "later", BEFORE);
    for trace in 0..1_100 {
        service.write(&format!("t-{trace:04}"), "root", 1, "short", BEFORE);
    }
    for span in 0..20 {
        service.write("t-long", &format!("s{span}"), 1, "earlier", BEFORE);
    }
    service.write("t-rootless", "a", 1, "earlier", BEFORE);
    service.write("t-long", "root", 1, "done", BEFORE);
    service
}

#[test]
fn where_rows_come_newest_first_a_trace_waits_for_its_root_and_one_without_for_the_end() {
    let (place, service) = (Place::new(), newest_first());
    let report = place.pass(&service);
    assert_eq!((report.new, report.updated, report.waiting), (1_102, 0, 0));
    assert!(report.written_files > 1, "what is new is given out first");
    place.has_all(&service);
}

#[test]
fn a_limit_gives_out_no_half_where_rows_come_newest_first() {
    let (mut place, service) = (Place::new(), newest_first());
    place.limit = Some(200);
    let mut new = 0;
    for _ in 0..5 {
        let report = place.pass(&service);
        assert!(report.is_limited);
        new += report.new;
        let written = place.written().0;
        assert!(!written.contains_key("t-long") && !written.contains_key("t-rootless"));
    }
    place.limit = None;
    let report = place.pass(&service);
    assert_eq!((new + report.new, report.updated), (1_102, 0));
    place.has_all(&service);
}

#[test]
fn what_is_older_than_asked_is_left_for_whoever_asks_for_it() {
    let (mut place, service) = (Place::new(), service(2));
    service.write("t-new", "root", 1, "newer", "2026-02-20T12:00:00Z");
    let since: Timestamp = "2026-02-10T00:00:00Z".parse().expect("a time");
    place.since = Some(since);
    let report = place.pass(&service);
    assert_eq!((report.new, report.older), (1, 2));
    place.since = None;
    assert_eq!(place.pass(&service).new, 2);
    place.has_all(&service);
}

#[test]
fn what_is_not_wanted_is_counted_once_a_pass() {
    let (mut place, service) = (Place::new(), service(40));
    service.service().has_no_checkpoints = false;
    place.since = Some("2026-02-10T00:00:00Z".parse().expect("a time"));
    // Traces are given out some times: the clock of a place goes fast.
    let report = place.pass(&service);
    assert_eq!((report.new, report.older), (0, 40));
    place.since = None;
    assert_eq!(place.pass(&service).new, 40);
    place.has_all(&service);
}

#[test]
fn rows_that_gave_no_trace_are_kept_no_longer_than_others() {
    let (mut place, service) = (Place::new(), service(3));
    place.floor = Some("2026-02-10T00:00:00Z".parse().expect("a time"));
    service.write("t-unmade", "root", 1, "not yet", "2026-02-20T12:00:00Z");
    let report = place.pass(&service);
    assert_eq!((report.new, report.older, report.unmade), (0, 3, 1));
    assert_eq!(place.store().holds().expect("read").rows, 13);
    place.pace.keep = Duration::from_secs(3600);
    place.clock.advance(Duration::from_secs(7200));
    place.pass(&service);
    assert_eq!(place.store().holds().expect("read").rows, 0);
}

#[test]
fn what_is_edited_back_is_written_again() {
    let (place, service) = (Place::new(), service(2));
    place.pass(&service);
    for (version, says) in [(2, "edited"), (3, "b of 1"), (4, "b of 1")] {
        service.write("t-001", "b", version, says, BEFORE);
        let report = place.pass(&service);
        assert_eq!(report.updated, u64::from(version < 4), "{version}");
        place.has_all(&service);
    }
}

#[test]
fn a_trace_that_fills_a_file_by_itself_is_given_out_with_it() {
    let (mut place, service) = (Place::new(), service(3));
    place.most_held = 100;
    let report = place.pass(&service);
    assert_eq!(
        (report.new, report.waiting, report.written_files),
        (3, 0, 3)
    );
    let again = place.pass(&service);
    assert_eq!((again.unchanged, again.waiting), (0, 0));
    place.has_all(&service);
}

#[test]
fn a_dry_pass_writes_nothing_to_the_directory() {
    let (mut place, service) = (Place::new(), service(4));
    place.is_dry = true;
    assert_eq!(place.pass(&service).new, 4);
    assert_eq!(place.written().1, 0);
}

#[test]
fn secrets_reach_neither_the_store_nor_a_file() {
    // One by its shape, and one that a variable of the source holds.
    for secret in [
        "ghp_16C7e42F292c6912E7710c838347Ae178B4a",
        "hunter2-of-the-service",
    ] {
        let (place, service) = (Place::new(), service(1));
        service.write("t-000", "b", 2, &format!("my token is {secret}"), BEFORE);
        let report = place.pass(&service);
        assert_eq!(report.new, 1);
        let text = serde_json::to_string(&place.written().0).expect("JSON");
        assert!(text.contains("my token is") && !text.contains(secret));
        for entry in std::fs::read_dir(place.spool()).expect("there").flatten() {
            let bytes = std::fs::read(entry.path()).expect("readable");
            let found = memchr::memmem::find(&bytes, secret.as_bytes());
            assert_eq!(found, None, "{:?}", entry.path());
        }
    }
}
