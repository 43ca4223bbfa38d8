//! `archal grade --judge`: the judge about traces that nothing else decides.

use archal_core::grade::Verdict;
use archal_core::id;
use archal_core::trace::Trace;

use crate::cli::bench;
use crate::cli::context::CommandContext;
use crate::cli::error::CliError;

use crate::config::Loaded;
use crate::grade::facts::Facts;
use crate::grade::judged::{self, Asking, Judgement};
use crate::grade::verdict::{self, Decided};
use crate::grade::{claims, signals};
use crate::host::interrupts::{Hangup, Interrupts};
use crate::judge::Judge;
use crate::run::judged::Until;
use crate::run::scrub::Scrubber;

/// Who decides about traces: the tiers that need nobody, and the judge where one is asked.
pub(super) struct Grader<'a> {
    judging: Option<Judging<'a>>,
}

struct Judging<'a> {
    judge: Judge<'a>,
    scrubber: Scrubber,
    interrupts: Interrupts,
    cx: &'a CommandContext,
}

/// Somebody asked to stop.
pub(super) struct Interrupted;

impl<'a> Grader<'a> {
    /// The grader of a command line; `is_asked` says that the judge was asked for there.
    pub(super) fn new(
        is_asked: bool,
        loaded: &Loaded,
        cx: &'a CommandContext,
    ) -> Result<Self, CliError> {
        if !is_asked && !loaded.config.grade.judge {
            return Ok(Self { judging: None });
        }
        let scrubber = bench::scrubber(cx, loaded)?;
        let Some(judge) = bench::judge(&scrubber, loaded, false, cx)? else {
            return Err(CliError::config("no judge is configured")
                .hint("name one in .archal.json: \"judge\": {\"model\": \"gpt-5-mini\"}")
                .hint("archal grade <PATH> grades without one"));
        };
        // What it answers is kept there; where nothing can be, it is asked again.
        bench::layout(&loaded.directory, cx).ok();
        let interrupts = Interrupts::listen(Hangup::Ends, |_| {}).map_err(CliError::environment)?;
        Ok(Self {
            judging: Some(Judging {
                judge,
                scrubber,
                interrupts,
                cx,
            }),
        })
    }

    /// Decides about a trace, and gives what the judge said where it was asked.
    pub(super) fn decide(
        &self,
        trace: &Trace,
    ) -> Result<(Decided, Option<Judgement>), Interrupted> {
        let facts = Facts::of(trace);
        let alone = verdict::alone(trace);
        let Some(judging) = &self.judging else {
            return Ok((alone, None));
        };
        if !judged::is_wanted(&facts, alone.verdict) {
            return Ok((alone, None));
        }
        let own = id::prefixed(judging.cx.ids.as_ref(), "judge");
        let asking = Asking {
            judge: &judging.judge,
            scrubber: &judging.scrubber,
            attempt: &format!("grade/{own}"),
            trace: None,
            pause: &Until(judging.interrupts.token()),
        };
        let judgement = judged::ask(&facts, &asking).map_err(|_| Interrupted)?;
        let mut findings = signals::find(&facts);
        findings.extend(claims::find(&facts));
        findings.extend(judgement.findings.iter().cloned());
        let decided = verdict::decide(&facts, findings, signals::praised(&facts));
        Ok((decided, Some(judgement)))
    }

    /// Says what kept the judge from answering, and whether anything did.
    pub(super) fn told(&self, cx: &CommandContext) -> Option<crate::cli::exit::Exit> {
        let judge = &self.judging.as_ref()?.judge;
        for note in judge.notes() {
            cx.printer.note(note);
        }
        let standing = judge.standing();
        let budget = standing.spent.is_some();
        let mut kept = false;
        for not in [standing.spent, standing.unavailable].into_iter().flatten() {
            kept = true;
            cx.printer.warning(format!(
                "the judge was not asked about every trace, so the other tiers decide there: {}",
                not.reason
            ));
            if let Some(hint) = not.hint {
                cx.printer.note(format!("hint: {hint}"));
            }
        }
        kept.then_some(match budget {
            true => crate::cli::exit::Exit::Budget,
            false => crate::cli::exit::Exit::CouldNotRun,
        })
    }
}

/// The words of a verdict that a judge had a part in.
pub(super) fn reason(decided: &Decided, judgement: Option<&Judgement>) -> String {
    match judgement {
        Some(judgement) if decided.verdict == Verdict::Unsure => {
            format!("{} (judge: {})", decided.reason, judgement.note())
        }
        _ => decided.reason.clone(),
    }
}
