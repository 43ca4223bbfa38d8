//! A provider whose source does what its options say.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use archal_core::clock::FakeClock;
use archal_core::diagnostic::Diagnostic;
use archal_core::environment::Environment;
use archal_core::id::SequentialIds;
use archal_core::program::{NotStarted, Program, Programs, Talk};
use archal_core::pull::{
    Asking, Estimate, INTERVAL, Opened, Page, Point, PullError, PullErrorKind, PullSource, Rows,
};
use archal_core::push::Kept;
use archal_core::reach::Reach;
use archal_core::redact::Redactor;
use archal_core::source::{DecodedTrace, OptionInfo, OptionKind, SourceDescriptor, SourceStyle};
use archal_core::stability::Stability;
use archal_core::trace::TraceIdentity;
use serde_json::{Value, json};

use super::bench::NOW;
use super::passes;
use super::scripted::Scripted;
use crate::ingest::import::{Known, Ledger, LedgerError};
use crate::ingest::pack::Packed;
use crate::ingest::pull::rates::SharedRates;
use crate::ingest::registry::{Options, Source};
use crate::ingest::subscription::Subscription;

pub(super) const OPTIONS: &[OptionInfo] = &[
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

pub(super) const PROVIDERS: &[SourceDescriptor] = &[SourceDescriptor {
    name: "scripted",
    about: "a service for tests",
    stability: Stability::Beta,
    style: SourceStyle::Pull,
    options: OPTIONS,
    files: None,
    pull: Some(PullSource {
        open,
        hosts: |_| Vec::new(),
        reach: Reach {
            options: &["keyEnv"],
            is_usual: |_| true,
            told: |_| "asks nobody".to_owned(),
        },
        asks: &["does", "keyEnv"],
        scores: None,
    }),
    push: None,
}];

fn open(asking: Asking) -> Result<Opened, PullError> {
    let does = asking.options.text("does").unwrap_or_default().to_owned();
    let key = asking.options.secret("keyEnv").map(str::to_owned);
    let scripted = passes::service(3);
    // Where a pass of before had ended.
    let ended = json!({"from": 12, "ended": true});
    scripted.service().issued.insert(ended.to_string());
    Ok(Opened::Rows(Box::new(Doing {
        does,
        key,
        scripted,
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

/// A directory in which nothing stands.
pub(super) struct Nothing;

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

/// What was said.
pub(super) fn options(pairs: &[(&str, &str)]) -> Options {
    let pairs = pairs.iter();
    let said: BTreeMap<String, String> = pairs
        .map(|(name, text)| ((*name).to_owned(), (*text).to_owned()))
        .collect();
    Options::new(said, OPTIONS)
}

pub(super) fn environment() -> Environment {
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

/// A source that does this, with all that is its own in a folder.
pub(super) fn subscription(folder: &Path, does: &str) -> Subscription {
    let clock = Arc::new(FakeClock::new(NOW.parse().expect("a time")));
    Subscription {
        source: Source {
            name: "prod".to_owned(),
            provider: "scripted".to_owned(),
            is_enabled: true,
            options: options(&[("does", does), ("keyEnv", "A_KEY")]),
            trace_dir: folder.join("traces"),
            problems: Vec::new(),
        },
        spool: folder.join("spool"),
        programs: Arc::new(NoPrograms),
        redactor: Redactor::new([7; 32], []),
        environment: environment(),
        rates: Arc::new(SharedRates::new(clock.clone())),
        clock,
        ids: Arc::new(SequentialIds::new(1)),
    }
}
