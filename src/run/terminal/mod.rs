//! A suite for a person at a terminal: a line a run as it ends, then what failed, what every
//! scenario came to, one line of sums and the next command.
//!
//! - [`progress`]: the line of a run that ended.
//! - `failure`: the runs of a scenario that did not pass, equal ones once.
//! - [`summary`]: the whole.
//! - [`comparison`]: two suites beside each other.
//! - [`evidence`]: the calls of a run and what they changed.
//! - [`page`]: lines, wrapped where a terminal is narrow.

pub mod comparison;
pub mod evidence;
mod failure;
pub mod page;
pub mod progress;
pub mod summary;

use std::path::Path;

use crate::report::style::Style;

use super::render::words;
use super::score::{RunStatus, ScenarioStatus};

pub use failure::Stderr;
pub use words::route;

/// How much is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub enum Detail {
    /// What did not pass, by name, and the sums.
    Quiet,
    /// What did not pass with its evidence, every scenario with its criteria.
    #[default]
    Usual,
    /// The same with more of the evidence, and passed runs too.
    All,
}

/// How a suite is shown.
#[derive(Debug, Clone, Copy, Default)]
pub struct Look<'a> {
    /// Columns of the terminal; none where lines are not wrapped.
    pub width: Option<usize>,
    /// How much is told.
    pub detail: Detail,
    /// The folder paths are shown relative to.
    pub base: Option<&'a Path>,
}

/// Columns of the word that begins a line.
const MARK: usize = 12;

/// The status of a run, painted, at the end of its column.
fn run_mark(status: RunStatus) -> String {
    let (word, style) = match status {
        RunStatus::Passed => ("PASS", Style::Good),
        RunStatus::Failed => ("FAIL", Style::Error),
        RunStatus::Inconclusive => ("INCONCLUSIVE", Style::Warning),
    };
    mark(word, style)
}

/// The status of a scenario, painted, at the end of its column.
fn scenario_mark(status: ScenarioStatus, quarantined: bool) -> String {
    let (word, style) = match status {
        ScenarioStatus::Passed => ("PASS", Style::Good),
        _ if quarantined => ("QUARANTINED", Style::Warning),
        ScenarioStatus::Failed => ("FAIL", Style::Error),
        ScenarioStatus::Flaky => ("FLAKY", Style::Warning),
        ScenarioStatus::Inconclusive => ("INCONCLUSIVE", Style::Warning),
    };
    mark(word, style)
}

/// A word, painted, at the end of its column.
fn mark(word: &str, style: Style) -> String {
    format!(
        "{}{}",
        " ".repeat(MARK.saturating_sub(word.len())),
        style.paint(word)
    )
}
