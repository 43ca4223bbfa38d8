//! Sources that fail, go in circles, tell secrets or have faults.

use archal_core::diagnostic::Diagnostic;
use archal_core::pull::{Estimate, Page, Point, PullError, PullErrorKind, Rows};
use archal_core::push::Kept;
use archal_core::source::DecodedTrace;
use serde_json::{Value, json};

use super::bench::{BEFORE, Place};
use super::passes::service;
use super::scripted::Scripted;
use crate::ingest::pull::report::PassError;
use crate::store::space::Space;

#[test]
fn a_page_that_fails_is_asked_for_again_and_what_came_is_kept() {
    let (place, service) = (Place::new(), service(12));
    service.service().fails_every = Some(3);
    let mut failures = 0;
    loop {
        let (_, ended) = place.tried(&service);
        match ended {
            Ok(()) => break,
            Err(PassError::Pull(error)) => {
                assert_eq!(error.kind, PullErrorKind::Unreachable);
                failures += 1;
                let standing = place.store().standing().expect("read");
                assert_eq!(standing.error.expect("noted").0, "nobody answers");
            }
            Err(other) => panic!("{other}"),
        }
        assert!(failures < 50, "it comes to an end");
    }
    assert!(failures > 0);
    assert_eq!(place.store().standing().expect("read").error, None);
    place.has_all(&service);
}

#[test]
fn a_fault_costs_the_trace_that_finds_it() {
    let (place, service) = (Place::new(), service(6));
    service.write("t-002", "b", 2, "a fault", BEFORE);
    service.write("t-004", "b", 2, "nothing", BEFORE);
    let report = place.pass(&service);
    assert_eq!((report.new, report.failed), (4, 2));
    assert_eq!(report.waiting, 0, "it is not tried again and again");
    let told: Vec<&str> = report
        .diagnostics
        .iter()
        .map(|finding| finding.message.as_str())
        .collect();
    assert!(
        told.iter()
            .any(|line| line.contains("t-002") && line.contains("fault"))
    );
    assert!(told.contains(&"a row says nothing"));
    // Another version of the row can be read.
    service.write("t-002", "b", 3, "well again", BEFORE);
    service.write("t-004", "b", 3, "well again", BEFORE);
    assert_eq!(place.pass(&service).new, 2);
    place.has_all(&service);
}

/// A source whose pages are a list of cursors.
struct Cursors(std::vec::IntoIter<Value>, Scripted);

impl Rows for Cursors {
    fn check(&mut self) -> Vec<Point> {
        self.1.check()
    }

    fn sample(&mut self) -> Result<Page, PullError> {
        self.1.sample()
    }

    fn estimate(&mut self, cursor: &Value) -> Result<Option<Estimate>, PullError> {
        self.1.estimate(cursor)
    }

    fn page(&mut self, _: &Value) -> Result<Page, PullError> {
        Ok(Page {
            cursor: self.0.next().expect("a circle is noticed"),
            requests: 1,
            ..Page::default()
        })
    }

    fn assemble(
        &self,
        trace: &str,
        kept: Kept,
        findings: &mut Vec<Diagnostic>,
    ) -> Option<DecodedTrace> {
        self.1.assemble(trace, kept, findings)
    }
}

fn told(cursors: &[Value]) -> String {
    let place = Place::new();
    let pages = cursors.to_vec();
    let (report, ended) = place.with(&mut Cursors(pages.into_iter(), service(0)));
    assert!(report.pages <= cursors.len() as u64);
    let error = ended.expect_err("no end").to_string();
    let standing = place.store().standing().expect("read");
    assert_eq!(standing.error.expect("noted").0, error);
    error
}

#[test]
fn a_source_that_goes_in_circles_is_ended_in_words() {
    let same = told(&[json!({"at": 1}), json!({"at": 1})]);
    assert_eq!(
        same,
        "`scripted` goes in circles: page 2 names itself as the next one"
    );
    let back = told(&[json!(1), json!(2), json!(3), json!(1)]);
    assert_eq!(
        back,
        "`scripted` goes in circles: page 4 names one as the next that was there before"
    );
    let start = told(&[json!(1), Value::Null]);
    assert!(start.contains("there before"), "{start}");
}

#[test]
fn a_cursor_with_the_secret_of_the_source_is_not_kept_and_not_told() {
    let secret = "hunter2-of-the-service";
    let error = told(&[
        json!({"at": 1}),
        json!({"next": format!("/rows?key={secret}")}),
    ]);
    assert!(
        error.contains("holds the secret") && !error.contains(secret),
        "{error}"
    );
}

#[test]
fn a_row_whose_id_looks_like_a_secret_ends_no_pass() {
    let place = Place::new();
    let id = "ghp_16C7e42F292c6912E7710c838347Ae178B4a";
    let pages = vec![
        json!({"key": "t-1"}),
        json!({"key": id}),
        json!({"key": id}),
    ];
    let (report, ended) = place.with(&mut Cursors(pages.into_iter(), service(0)));
    assert_eq!(report.pages, 2, "{report:?}");
    let error = ended.expect_err("no end").to_string();
    assert!(
        error.contains("names itself as the next one") && !error.contains(id),
        "{error}"
    );
}

#[test]
fn rows_without_a_trace_or_with_a_huge_name_are_findings() {
    let (place, service) = (Place::new(), service(2));
    service.write("", "a", 1, "of no trace", BEFORE);
    service.write(&"x".repeat(50_000), "a", 1, "of a huge one", BEFORE);
    service.write("t-000", &"y".repeat(50_000), 1, "a huge id", BEFORE);
    let report = place.pass(&service);
    assert_eq!((report.new, report.failed), (2, 2));
    let held = place.store().holds().expect("read");
    assert_eq!((held.rows, held.traces), (9, 2));
}

#[test]
fn a_disk_that_is_nearly_full_takes_nothing_in_before_there_is_room() {
    let (mut place, service) = (Place::new(), service(5));
    let room = place.room;
    place.room = Space {
        free: 4_000_000,
        total: 100_000_000,
    };
    let (report, ended) = place.tried(&service);
    let error = ended.expect_err("full");
    assert!(error.is_full() && error.advice().is_some());
    assert!(
        error.to_string().ends_with("4 MB free of 100 MB"),
        "{error}"
    );
    assert_eq!((report.pages, place.written().1), (0, 0));
    let standing = place.store().standing().expect("read");
    assert!(standing.error.is_some());
    // Nor is what came before written, and whoever keeps nothing asks nevertheless.
    place.room = room;
    place.pass(&service);
    service.write("t-000", "b", 2, "edited", BEFORE);
    place.is_dry = true;
    place.room.free = 0;
    place.room.total = 100;
    assert_eq!(place.pass(&service).updated, 1);
}

#[test]
fn an_end_that_is_asked_for_is_no_failure() {
    let (place, service) = (Place::new(), service(5));
    place.stop.ask();
    let report = place.pass(&service);
    assert!(report.is_interrupted);
    assert_eq!(report.pages, 0);
}
