//! A source inside the watcher: what is told of it, and when it is asked again.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use archal_core::clock::{FakeClock, Timestamp};
use archal_core::diagnostic::Diagnostic;
use archal_core::environment::Environment;
use archal_core::id::SequentialIds;
use archal_core::program::{NotStarted, Program, Programs, Talk};
use archal_core::pull::{
    Asking, Estimate, INTERVAL, Opened, Page, Point, PullError, PullErrorKind, PullSource, Rows,
};
use archal_core::push::Kept;
use archal_core::redact::Redactor;
use archal_core::source::{DecodedTrace, OptionInfo, OptionKind, SourceDescriptor, SourceStyle};
use archal_core::stability::Stability;
use archal_core::trace::TraceIdentity;
use serde_json::Value;

use super::scripted::{Scripted, Service};
use crate::ingest::feed::{self, FeedHealth};
use crate::ingest::import::{Known, Ledger, LedgerError};
use crate::ingest::pack::Packed;
use crate::ingest::pull::asking::said;
use crate::ingest::pull::rates::SharedRates;
use crate::ingest::registry::{Options, Source};
use crate::ingest::subscription::{self, Subscription};
use crate::sandbox::StopToken;

const OPTIONS: &[OptionInfo] = &[
    OptionInfo {
        name: "does",
        about: "what it does when it is asked",
        kind: OptionKind::Choice(&["answer", "deny", "limit", "panic"]),
        default: Some("answer"),
        is_required: false,
    },
    INTERVAL,
    OptionInfo {
        name: "keyEnv",
        about: "the variable that holds its key",
        kind: OptionKind::Variable,
        default: None,
        is_required: false,
    },
];

const PROVIDERS: &[SourceDescriptor] = &[SourceDescriptor {
    name: "scripted",
    about: "a service for tests",
    stability: Stability::Beta,
    style: SourceStyle::Pull,
    options: OPTIONS,
    files: None,
    pull: Some(PullSource {
        open,
        hosts: |_| Vec::new(),
    }),
    push: None,
}];

fn open(asking: Asking) -> Result<Opened, PullError> {
    let does = asking.options.text("does").unwrap_or_default().to_owned();
    let key = asking.options.secret("keyEnv").map(str::to_owned);
    Ok(Opened::Rows(Box::new(Doing {
        does,
        key,
        scripted: Scripted::new(Service {
            page: 10,
            ..Service::default()
        }),
    })))
}

struct Doing {
    does: String,
    key: Option<String>,
    scripted: Scripted,
}

impl Rows for Doing {
    fn check(&mut self) -> Vec<Point> {
        self.scripted.check()
    }

    fn sample(&mut self) -> Result<Page, PullError> {
        self.scripted.sample()
    }

    fn estimate(&mut self, cursor: &Value) -> Result<Option<Estimate>, PullError> {
        self.scripted.estimate(cursor)
    }

    fn page(&mut self, cursor: &Value) -> Result<Page, PullError> {
        match self.does.as_str() {
            "deny" => {
                let key = self.key.as_deref().unwrap_or_default();
                let said = format!("the key {key} is not known");
                Err(PullError::new(PullErrorKind::Denied, said).advice("make another key"))
            }
            "limit" => {
                let after = Some(Duration::from_secs(77));
                Err(PullError::new(
                    PullErrorKind::Limited { after },
                    "too much was asked",
                ))
            }
            "panic" => panic!("a fault of the source"),
            _ => self.scripted.page(cursor),
        }
    }

    fn assemble(
        &self,
        trace: &str,
        kept: Kept,
        findings: &mut Vec<Diagnostic>,
    ) -> Option<DecodedTrace> {
        self.scripted.assemble(trace, kept, findings)
    }
}

struct Nothing;

impl Ledger for Nothing {
    fn known(
        &self,
        _: &Path,
        traces: &[(&TraceIdentity, &str)],
    ) -> Result<Vec<Known>, LedgerError> {
        Ok(vec![Known::New; traces.len()])
    }

    fn place(&self, _: &Path, _: &TraceIdentity) -> Result<Option<PathBuf>, LedgerError> {
        Ok(None)
    }

    fn note(&self, _: &str, _: &Packed) -> Result<(), LedgerError> {
        Ok(())
    }
}

fn options(pairs: &[(&str, &str)]) -> Options {
    let pairs = pairs.iter();
    let said: BTreeMap<String, String> = pairs
        .map(|(name, text)| ((*name).to_owned(), (*text).to_owned()))
        .collect();
    Options::new(said, OPTIONS)
}

fn environment() -> Environment {
    Environment {
        variables: BTreeMap::from([("A_KEY".to_owned(), "sesame-4711".to_owned())]),
        ..Environment::default()
    }
}

/// No program is started here.
struct NoPrograms;

impl Programs for NoPrograms {
    fn start(&self, program: &Program) -> Result<Box<dyn Talk>, NotStarted> {
        Err(NotStarted {
            reason: format!(
                "{} is not started: none is in this test",
                program.path.display()
            ),
            advice: None,
        })
    }
}

/// What is first told of a source that does this.
fn first_told(does: &str) -> FeedHealth {
    let folder = tempfile::tempdir().expect("a folder");
    let clock = Arc::new(FakeClock::new(Timestamp::UNIX_EPOCH));
    let subscription = Subscription {
        source: Source {
            name: "prod".to_owned(),
            provider: "scripted".to_owned(),
            is_enabled: true,
            options: options(&[("does", does), ("keyEnv", "A_KEY")]),
            trace_dir: folder.path().join("traces"),
            problems: Vec::new(),
        },
        spool: folder.path().join("spool"),
        programs: Arc::new(NoPrograms),
        redactor: Redactor::new([7; 32], []),
        environment: environment(),
        rates: Arc::new(SharedRates::new(clock.clone())),
        clock,
        ids: Arc::new(SequentialIds::new(1)),
    };
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
