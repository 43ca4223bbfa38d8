//! `archal grade --send-results`: verdicts sent to where traces are kept.

use crate::attach::results::event::{ResultEvent, Told};
use crate::attach::results::{Sender, TIMEOUT};
use crate::cli::bench;
use crate::cli::context::CommandContext;
use crate::cli::error::CliError;
use crate::cli::exit::Exit;
use crate::config::Loaded;
use crate::config::grade::GradeResults;
use crate::grade::verdict::{Decided, FAIL, WEAK};
use crate::ingest::Imported;
use crate::run::scrub::Scrubber;
use archal_core::clock::Timestamp;
use archal_core::grade::{Finding, Verdict};

/// Verdicts on their way.
pub(super) struct Sending {
    settings: GradeResults,
    scrubber: Scrubber,
    now: Timestamp,
    events: Vec<ResultEvent>,
}

impl Sending {
    /// None where nothing is to be sent.
    pub(super) fn new(
        is_asked: bool,
        loaded: &Loaded,
        cx: &CommandContext,
    ) -> Result<Option<Self>, CliError> {
        if !is_asked {
            return Ok(None);
        }
        let settings = loaded.config.grade.results.clone();
        if settings.endpoint.is_none() {
            return Err(CliError::config("nobody is named that verdicts are sent to").hint(
                "name it in .archal.json: \"grade\": {\"results\": {\"endpoint\": \"http://localhost:4318\"}}",
            ));
        }
        Ok(Some(Self {
            settings,
            scrubber: bench::scrubber(cx, loaded)?,
            now: cx.clock.now(),
            events: Vec::new(),
        }))
    }

    /// One more verdict.
    pub(super) fn add(&mut self, imported: &Imported, decided: &Decided) {
        let is_enough = decided
            .findings
            .first()
            .is_some_and(|one| one.confidence >= FAIL);
        let least = if is_enough { FAIL } else { WEAK };
        let fails = decided.verdict == Verdict::Fail;
        let failing: Vec<Finding> = decided
            .findings
            .iter()
            .filter(|finding| fails && finding.confidence >= least)
            .cloned()
            .collect();
        self.events.push(ResultEvent::of(
            &imported.identity,
            &imported.trace,
            Told {
                verdict: decided.verdict,
                words: (&decided.reason, ""),
                failing: &failing,
            },
            &self.scrubber,
            self.now,
        ));
    }

    /// Sends them, and says what came of it.
    pub(super) fn send(self, cx: &CommandContext) -> Option<Exit> {
        let sender = Sender {
            settings: &self.settings,
            environment: &cx.environment,
            scrubber: &self.scrubber,
            clock: cx.clock.as_ref(),
            timeout: TIMEOUT,
        };
        let host = sender.host().unwrap_or_default();
        match sender.once(&self.events) {
            Ok(()) => {
                let count = self.events.len();
                cx.printer.note(format!("sent {count} verdicts to {host}"));
                None
            }
            Err(reason) => {
                cx.printer
                    .warning(format!("the verdicts were not sent: {reason}"));
                Some(Exit::CouldNotRun)
            }
        }
    }
}
