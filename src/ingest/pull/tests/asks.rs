//! One pass over a source that is registered, from its lock to its report; and a look at it.

use std::fs;
use std::path::Path;

use super::provider::{Nothing, PROVIDERS, subscription};
use crate::host::lock::FileLock;
use crate::ingest::pull::sample::sample;
use crate::ingest::pull::{self, Ask, PassError, PassReport, Told};
use crate::ingest::serve::lock_of;
use crate::ingest::subscription::Subscription;
use crate::sandbox::StopToken;

/// A pass, and what was told of it.
fn asked(folder: &Path, is_dry: bool) -> Result<(PassReport, Vec<String>), PassError> {
    asked_of(&subscription(folder, "answer"), None, is_dry)
}

fn asked_of(
    subscription: &Subscription,
    since: Option<&str>,
    is_dry: bool,
) -> Result<(PassReport, Vec<String>), PassError> {
    let ask = Ask {
        subscription,
        provider: &PROVIDERS[0],
        pull: PROVIDERS[0].pull.expect("it is asked"),
        ledger: &Nothing,
        since: since.map(|since| since.parse().expect("a time")),
        limit: None,
        is_dry,
        is_estimated: true,
        stop: &StopToken::new(),
        waits: None,
    };
    let mut told = Vec::new();
    let (report, ended) = pull::ask(&ask, &mut |one| {
        told.push(match one {
            Told::Estimate(estimate) => format!("about {:?}", estimate.rows),
            Told::Page(report) => format!("{} rows", report.rows),
            Told::Anew(path) => format!("anew: {}", path.file_name().expect("a name").display()),
        });
    })?;
    ended?;
    Ok((report, told))
}

#[test]
fn a_dry_pass_tells_what_would_come_and_keeps_nothing() {
    let folder = tempfile::tempdir().expect("a folder");
    for _ in 0..2 {
        let (report, told) = asked(folder.path(), true).expect("the end");
        assert_eq!((report.new, report.rows, report.is_dry_run), (3, 12, true));
        assert_eq!(told, ["about Some(12)", "7 rows", "12 rows"]);
        let left = fs::read_dir(folder.path()).expect("readable").count();
        assert_eq!(left, 0, "neither a spool nor a trace directory");
    }
    // After a pass that was kept, only what came since would come.
    asked(folder.path(), false).expect("the end");
    assert_eq!(asked(folder.path(), true).expect("the end").0.new, 0);
}

#[test]
fn a_broken_store_is_moved_aside_and_the_source_asked_from_its_beginning() {
    let folder = tempfile::tempdir().expect("a folder");
    asked(folder.path(), false).expect("the end");
    let spool = folder.path().join("spool");
    for name in ["rows.db-wal", "rows.db-shm"] {
        fs::remove_file(spool.join(name)).ok();
    }
    fs::write(spool.join("rows.db"), "no database, whatever its name says").expect("mine");
    let (report, told) = asked(folder.path(), false).expect("the end");
    assert_eq!(report.new, 3);
    assert_eq!(told[0], "anew: rows.db.broken-1");
}

#[test]
fn a_store_that_is_broken_further_in_ends_one_pass_and_not_the_next() {
    let folder = tempfile::tempdir().expect("a folder");
    asked(folder.path(), false).expect("the end");
    let path = folder.path().join("spool/rows.db");
    let mut bytes = fs::read(&path).expect("there");
    // Its header stays as it is: it opens.
    bytes[4096..].fill(0xA5);
    fs::write(&path, bytes).expect("mine");
    let error = asked(folder.path(), false).expect_err("broken");
    assert!(matches!(error, PassError::Store(_)), "{error}");
    assert_eq!(asked(folder.path(), false).expect("the end").0.new, 3);
}

#[test]
fn an_earlier_time_gives_what_was_passed_over_though_its_rows_come_as_they_were() {
    let folder = tempfile::tempdir().expect("a folder");
    let source = subscription(folder.path(), "answer");
    let since = |time| asked_of(&source, Some(time), false).expect("the end").0;
    let report = since("2026-02-20T00:00:00Z");
    assert_eq!((report.new, report.older), (0, 3));
    let report = since("2026-01-01T00:00:00Z");
    assert_eq!((report.new, report.changed_rows), (3, 0));
    assert_eq!(since("2025-01-01T00:00:00Z").new, 0);
}

#[test]
fn whoever_asks_for_something_else_begins_anew_and_is_told() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut source = subscription(folder.path(), "answer");
    let rows = |source: &Subscription| {
        let (report, _) = asked_of(source, None, false).expect("the end");
        let told = report.diagnostics.iter().map(|one| one.code.clone());
        (report.rows, told.collect::<Vec<_>>())
    };
    assert_eq!(rows(&source), (12, vec![]));
    let (again, told) = rows(&source);
    assert!(again < 12 && told.is_empty());
    let key = "sesame-4712".to_owned();
    source.environment.variables.insert("A_KEY".to_owned(), key);
    assert_eq!(rows(&source), (12, vec!["pull/anew".to_owned()]));
    assert_eq!(rows(&source), (again, vec![]));
}

#[test]
fn a_source_is_asked_by_one_process_at_a_time() {
    let folder = tempfile::tempdir().expect("a folder");
    let lock = FileLock::take(&lock_of(&folder.path().join("spool"))).expect("a lock");
    let error = asked(folder.path(), false).expect_err("taken");
    assert_eq!(
        error.to_string(),
        "another process asks `prod` at this moment"
    );
    drop(lock);
    asked(folder.path(), false).expect("the end");
}

#[test]
fn a_look_shows_the_newest_traces_and_keeps_nothing() {
    let folder = tempfile::tempdir().expect("a folder");
    let subscription = subscription(folder.path(), "answer");
    let pull = PROVIDERS[0].pull.expect("it is asked");
    let seen = sample(&subscription, &PROVIDERS[0], &pull, &StopToken::new()).expect("it opens");
    assert_eq!((seen.points.len(), seen.rows, seen.traces.len()), (1, 3, 3));
    let first = &seen.traces[0];
    assert_eq!(first.identity.project, "support");
    assert!(first.trace.revision.starts_with("sha256:"));
    assert_eq!(fs::read_dir(folder.path()).expect("readable").count(), 0);
}
