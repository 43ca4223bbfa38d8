//! A pass that is killed anywhere: the next one goes on, and every trace is there once.

use std::panic::{AssertUnwindSafe, catch_unwind};

use super::bench::{BEFORE, Place};
use super::passes::service;
use super::scripted::Scripted;

/// Moments of each seed at which everything ends.
const MOMENTS: i64 = 50;

/// What the service has later.
fn later(service: &Scripted) {
    for trace in (0..30).step_by(3) {
        service.write(&format!("t-{trace:03}"), "late", 1, "came late", BEFORE);
        service.write(&format!("t-{:03}", trace + 1), "b", 2, "edited", BEFORE);
    }
    for trace in 30..40 {
        service.write(&format!("t-{trace:03}"), "root", 1, "new", BEFORE);
    }
}

fn fresh() -> Scripted {
    let service = service(30);
    let mut inner = service.service();
    inner.page = 11;
    inner.is_untidy = true;
    inner.has_no_checkpoints = false;
    inner.empty_every = Some(4);
    drop(inner);
    service
}

/// Passes until one comes to its end; how often it was killed.
fn through(place: &Place, service: &Scripted) -> u32 {
    let mut killed = 0;
    while catch_unwind(AssertUnwindSafe(|| place.pass(service))).is_err() {
        killed += 1;
        assert!(killed < 3, "it is killed once");
    }
    killed
}

#[test]
fn whoever_is_killed_at_any_moment_has_every_trace_once_at_its_newest_revision() {
    let (place, service) = (Place::new(), fresh());
    let all = i64::MAX;
    through(&place, &service);
    later(&service);
    through(&place, &service);
    place.has_all(&service);
    let moments = all - place.clock.left();
    assert!(moments > MOMENTS, "{moments}");

    // xorshift, so that the moments are the same in every run.
    let mut seed: u64 = 0x9e37_79b9_7f4a_7c15;
    for _ in 0..MOMENTS {
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        let moment = i64::try_from(seed % moments.unsigned_abs()).expect("small");
        let (place, service) = (Place::new(), fresh());
        place.clock.end_after(moment);
        let mut killed = through(&place, &service);
        later(&service);
        killed += through(&place, &service);
        assert_eq!(killed, 1, "at {moment}");
        place.has_all(&service);
        // And nothing is left to do.
        let report = place.pass(&service);
        assert_eq!(
            (report.new, report.updated, report.waiting),
            (0, 0, 0),
            "at {moment}"
        );
    }
}

#[test]
fn what_came_after_a_pass_broke_off_comes_with_the_one_that_goes_on() {
    let (place, service) = (Place::new(), service(30));
    {
        let mut inner = service.service();
        (inner.is_windowed, inner.page) = (true, 11);
        inner.fails_every = Some(3);
    }
    let begun = BEFORE.parse().expect("a time");
    place
        .store()
        .begin(None, None, false, begun)
        .expect("begun");
    place.tried(&service).1.expect_err("it breaks off");
    service.service().fails_every = None;
    later(&service);
    place.pass(&service);
    place.has_all(&service);
    // Whoever came to the end asks once.
    place.store().end(None, begun).expect("ended");
    let before = service.service().requests;
    place.pass(&service);
    assert_eq!(service.service().requests, before + 1);
}
