//! A run in the user's ledger, under the cap of the day that everything of archal shares.

use archal_core::id;

use crate::budget::amount::Usd;
use crate::budget::cap::{self, Cap, Caps};
use crate::budget::entry::{AttemptKey, Charge, Cost, Request};
use crate::budget::ledger::{self, Ledger, LedgerError, ReserveError};
use crate::budget::summary::day_of;
use crate::cli::context::CommandContext;
use crate::cli::error::CliError;

use super::setup::{OneRun, Setup};

/// What these attempts are called in the ledger.
const KIND: &str = "pdca";

/// What a process that works on a run has reserved.
pub(super) struct Account {
    ledger: Ledger,
    key: AttemptKey,
    is_closed: bool,
    /// What is left of the day beside it, where the day has a cap.
    pub(super) left: Option<f64>,
}

/// Whether a run may spend something.
pub(super) enum Opened {
    /// It may.
    Open(Account),
    /// The day's cap forbids it.
    Denied(String),
}

impl Account {
    /// Reserves what the run may cost, or what is left of the day where that is less. What an earlier
    /// process of the run had reserved that was killed is charged: whoever calls has the run's lock.
    pub(super) fn open(
        setup: &Setup,
        one: &OneRun,
        estimate: Usd,
        cx: &CommandContext,
    ) -> Result<Opened, CliError> {
        let (ledger, warning) =
            Ledger::open(ledger::path(&cx.environment).as_deref()).map_err(failed)?;
        if let Some(warning) = warning {
            cx.printer.note(warning);
        }
        let ledger = ledger.held_by(&setup.place.run(&one.run));
        ledger.recover(&setup.repo, |_| true).map_err(failed)?;
        let per_day = &setup.loaded.config.budget.per_day_usd;
        let per_day = cap::of(&setup.loaded, "budget.perDayUsd", per_day).map_err(|finding| {
            CliError::config("the budget in the configuration cannot be used")
                .at([finding], setup.loaded.source.clone())
        })?;
        let caps = Caps {
            per_trace: Cap::NONE,
            per_day,
        };
        let now = cx.clock.now();
        let report = ledger.report(day_of(now), None, 0, &caps, now);
        let left = report.map_err(failed)?.left_usd;
        let request = Request {
            key: AttemptKey::new(&setup.repo, id::prefixed(cx.ids.as_ref(), "attempt")),
            kind: KIND.to_owned(),
            trace: Some(one.run.to_string()),
            // Nothing left asks for all the same, and is refused.
            estimate: Some(match left {
                Some(left) if left > Usd::ZERO => estimate.min(left),
                _ => estimate,
            }),
        };
        match ledger.reserve(&request, &caps, now) {
            Ok(_) => Ok(Opened::Open(Self {
                ledger,
                key: request.key,
                is_closed: false,
                left: left.map(Usd::dollars),
            })),
            Err(ReserveError::Denied(denied)) => Ok(Opened::Denied(denied.to_string())),
            Err(ReserveError::Ledger(error)) => Err(failed(error)),
        }
    }

    /// Enters what the run did cost since.
    pub(super) fn close(mut self, spent: f64) -> Result<(), CliError> {
        let spent = Usd::reported(spent.max(0.0)).unwrap_or_default();
        let charge = Charge::from(Cost::Reported(spent));
        self.is_closed = true;
        self.ledger.charge(&self.key, &charge).map_err(failed)?;
        Ok(())
    }
}

impl Drop for Account {
    fn drop(&mut self) {
        if !self.is_closed {
            // The run did not come to work; what cannot be given back the next process of it settles.
            self.ledger.release(&self.key).ok();
        }
    }
}

fn failed(error: LedgerError) -> CliError {
    let hint = error.hint();
    let error = CliError::environment(error);
    match hint {
        Some(hint) => error.hint(hint),
        None => error,
    }
}
