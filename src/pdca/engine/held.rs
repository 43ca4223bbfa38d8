//! The failing scenarios as the first reviewer of Check: who repairs an agent is held to them before
//! anybody reads the change.

use archal_core::fixer::Checked;
use serde_json::json;

use crate::git::command::Git;
use crate::pdca::consolidate;
use crate::pdca::event::{Kind, NewEvent};
use crate::pdca::finding::{Finding, Open, Route, Severity, Verdict};
use crate::pdca::machine::course::{Course, End};
use crate::pdca::role::Phase;

use super::change::branch_ref;
use super::drive::{Memo, keep};
use super::stage::{EngineError, Stage};

/// What it is called among reviewers.
const NAME: &str = "scenario";
/// Its review.
const REVIEW: &str = "check-scenario.md";

/// What a change is held to.
#[derive(Clone, Copy)]
pub struct Held<'a> {
    /// The commit from which the change counts.
    pub base: &'a str,
    /// Runs the failing scenarios with it.
    pub check: &'a (dyn Fn(&[u8]) -> Checked + Sync),
}

/// Runs the failing scenarios with the change of the run, where it is held to some. Says whether Check goes on.
pub(super) fn look(
    stage: &Stage<'_>,
    course: &mut Course,
    memo: &mut Memo,
) -> Result<bool, EngineError> {
    let Some(held) = stage.held else {
        return Ok(true);
    };
    (stage.tell)("[Check] Scenario running...");
    let patch = Git::new(stage.repo, stage.path())
        .args(["diff", "--binary", "--full-index", "--no-color"])
        .args(["--no-ext-diff", "--no-textconv", held.base])
        .arg(branch_ref(&stage.record.branch))
        .output()?;
    let why = match (held.check)(&patch) {
        Checked::Passes => None,
        Checked::Fails(why) => Some(stage.scrubber.text(&why)),
        Checked::Unknown(why) => {
            let why = stage.scrubber.text(&why);
            memo.why = format!("the failing scenario cannot be run with the change: {why}");
            course.end(End::Failed);
            return Ok(false);
        }
        Checked::Stopped => {
            course.end(End::Stopped);
            return Ok(false);
        }
    };
    let verdict = match why {
        None => Verdict::Approved,
        Some(_) => Verdict::Rejected,
    };
    let open = why.as_deref().map(open);
    let review = match &why {
        None => "The failing scenarios pass with this change.\n".to_owned(),
        Some(why) => format!("A failing scenario still fails with this change.\n\n{why}\n"),
    };
    keep(
        stage,
        REVIEW,
        &format!("{review}\n### Verdict: {verdict}\n"),
    )?;
    let findings: Vec<&Finding> = open.iter().map(|open| &open.finding).collect();
    let mut event = NewEvent::new(
        Kind::ReviewVerdict,
        Phase::Check,
        json!({
            "archetype": NAME,
            "verdict": verdict,
            "findings": findings,
            "cycle": course.cycle(),
        }),
    );
    event.agent = Some(NAME.to_owned());
    stage.emit(event);
    (stage.tell)(&format!("[Check] Scenario running... -> {verdict}"));
    memo.held = open;
    Ok(true)
}

/// A scenario that still fails, as a finding: the same one in every cycle in which the same does not hold.
fn open(why: &str) -> Open {
    let words: Vec<&str> = why.split_whitespace().collect();
    let finding = Finding {
        file: None,
        line: None,
        severity: Severity::Critical,
        category: "testing".to_owned(),
        description: format!("the failing scenario still fails: {}", words.join(" ")),
        fix: None,
        source: Vec::new(),
        text: why.to_owned(),
        downgraded: None,
    };
    Open {
        id: consolidate::identity(&finding),
        finding,
        routes_to: Route::Maker,
        cycles_open: 1,
    }
}
