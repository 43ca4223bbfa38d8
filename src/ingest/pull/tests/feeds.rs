//! A source inside the watcher: what is told of it, and when it is asked again.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use archal_core::pull::PullErrorKind;

use super::provider::{Nothing, OPTIONS, PROVIDERS, environment, options, subscription};
use crate::ingest::feed::{self, FeedHealth};
use crate::ingest::pull::asking::said;
use crate::ingest::subscription;
use crate::sandbox::StopToken;

/// What is first told of a source that does this.
fn first_told(does: &str) -> FeedHealth {
    let folder = tempfile::tempdir().expect("a folder");
    let subscription = subscription(folder.path(), does);
    let feed = subscription::feed(subscription, PROVIDERS, Arc::new(Nothing)).expect("a feed");
    let (stop, heard) = (StopToken::new(), Arc::new(Mutex::new(None)));
    let (ends, kept) = (stop.clone(), heard.clone());
    let told = move |health| {
        kept.lock().expect("whole").get_or_insert(health);
        ends.stop();
    };
    let thread = feed::supervise(feed, stop, Duration::from_secs(1), Box::new(told));
    thread.expect("a thread").join().expect("no panic gets out");
    let health = heard.lock().expect("whole").take();
    health.expect("something is told")
}

#[test]
fn what_a_source_does_is_told_with_what_mends_it_and_without_its_key() {
    assert_eq!(first_told("answer"), FeedHealth::Healthy);
    let FeedHealth::Failing { reason, .. } = first_told("deny") else {
        panic!("denied");
    };
    assert!(
        reason.contains("is not known; make another key"),
        "{reason}"
    );
    assert!(!reason.contains("sesame"), "{reason}");
    let FeedHealth::Degraded { reason, .. } = first_told("limit") else {
        panic!("limited");
    };
    assert_eq!(reason, "too much was asked; it is asked again in 77 s");
    let FeedHealth::Failing { reason, .. } = first_told("panic") else {
        panic!("a fault");
    };
    assert!(reason.contains("a fault that `scripted` finds"), "{reason}");
}

#[test]
fn options_are_read_by_their_kind_and_a_variable_that_is_not_set_is_named() {
    let read = said(
        &options(&[("keyEnv", "A_KEY")]),
        OPTIONS,
        Some(&environment()),
    );
    let read = read.expect("all are set");
    assert_eq!(read.text("does"), Some("answer"));
    assert_eq!(read.duration("interval"), Some(Duration::from_secs(60)));
    assert_eq!(read.secret("keyEnv"), Some("sesame-4711"));
    assert!(!format!("{read:?}").contains("sesame"));
    let unset = said(
        &options(&[("keyEnv", "NO_KEY")]),
        OPTIONS,
        Some(&environment()),
    );
    let unset = unset.expect_err("not set");
    assert_eq!(unset.kind, PullErrorKind::Options);
    assert_eq!(
        unset.message,
        "the variable NO_KEY, which `keyEnv` names, is not set"
    );
    assert_eq!(unset.advice.as_deref(), Some("export NO_KEY=…"));
    let looked =
        said(&options(&[("keyEnv", "NO_KEY")]), OPTIONS, None).expect("no variable is read");
    assert_eq!(looked.secret("keyEnv"), None);
}
