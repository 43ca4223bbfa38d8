//! Several at once on one ledger: threads, and connections as processes have them.

use std::sync::Barrier;
use std::thread;

use super::super::entry::Cost;
use super::tests::{caps, noon, request};
use super::*;

#[test]
fn threads_share_a_ledger() {
    fn shared<T: Clone + Send + Sync + 'static>(_: &T) {}
    let folder = tempfile::tempdir().expect("temporary folder");
    let path = folder.path().join("ledger.db");
    let (ledger, _) = Ledger::open(Some(&path)).expect("opened");
    shared(&ledger);
    let caps = caps("none", "0.10");
    let won: usize = thread::scope(|scope| {
        let threads: Vec<_> = (0..4)
            .map(|thread| {
                let (ledger, caps) = (ledger.clone(), &caps);
                scope.spawn(move || {
                    let reserve = |round| {
                        let request = request(&format!("{thread}-{round}"), Some("0.01"));
                        ledger.reserve(&request, caps, noon()).is_ok()
                    };
                    (0..5).filter(|round| reserve(*round)).count()
                })
            })
            .collect();
        let joined = threads.into_iter().map(|thread| thread.join());
        joined.map(|won| won.expect("no panic")).sum()
    });
    assert_eq!(won, 10);
}

#[test]
fn racing_processes_never_reserve_more_than_the_cap() {
    const RACERS: usize = 4;
    let folder = tempfile::tempdir().expect("temporary folder");
    let path = folder.path().join("archal/ledger.db");
    let start = Barrier::new(RACERS);
    let won: usize = thread::scope(|scope| {
        let racers: Vec<_> = (0..RACERS)
            .map(|racer| {
                let (path, start) = (&path, &start);
                scope.spawn(move || {
                    start.wait();
                    // Each opens the file itself, also the first time, as processes do.
                    let (ledger, _) = Ledger::open(Some(path)).expect("opened");
                    let mut won = 0;
                    for round in 0..12 {
                        let attempt = format!("{racer}-{round}");
                        let mut request = request(&attempt, Some("0.30"));
                        request.trace = None;
                        match ledger.reserve(&request, &caps("1", "5"), noon()) {
                            Ok(reservation) => {
                                assert!(reservation.is_new);
                                won += 1;
                                ledger
                                    .charge(&request.key, &Cost::Reserved.into())
                                    .expect("charged");
                            }
                            Err(ReserveError::Denied(_)) => {}
                            Err(error) => panic!("{error:?}"),
                        }
                    }
                    won
                })
            })
            .collect();
        racers
            .into_iter()
            .map(|racer| racer.join().expect("no panic"))
            .sum()
    });
    // 16 times 0.30 is 4.80; a seventeenth would be above 5.
    assert_eq!(won, 16);
}
