//! The line of a run that ended.

use crate::report::style::Style;
use crate::run::render::words;
use crate::run::result::RunResult;

use super::{Look, page::Page, run_mark};

/// One line for a run that ended: `PASS [   0.412s] close-stale-issues 2/5 run-3f9c0a1b2c3d`.
///
/// `planned` is how many runs its scenario is to have.
pub fn line(result: &RunResult, planned: Option<u32>, look: Look<'_>) -> String {
    let place = match planned {
        Some(1) => String::new(),
        Some(planned) => format!(" {}/{planned}", result.index),
        None => format!(" #{}", result.index),
    };
    let slow = slow(result);
    let mut page = Page::new(look.width);
    page.hanging(
        0,
        &format!(
            "{} {} ",
            run_mark(result.score.status),
            time(result.duration_ms)
        ),
        &format!(
            "{}{place}{slow} {}",
            result.scenario,
            Style::Faint.paint(&result.run_id)
        ),
    );
    page.into_text().trim_end().to_owned()
}

/// `[   0.412s]`, so that points stand under each other.
pub(super) fn time(milliseconds: u64) -> String {
    format!("[{:>9}]", words::seconds(milliseconds))
}

/// The mark of a run that took long.
pub(super) fn slow(result: &RunResult) -> String {
    if words::is_slow(result) {
        format!(" {}", Style::Warning.paint("SLOW"))
    } else {
        String::new()
    }
}
