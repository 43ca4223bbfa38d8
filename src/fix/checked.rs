//! What runs with an unfinished change say to whoever makes it.

use archal_core::fixer::Checked;

use crate::reproduce::decision::Shown;
use crate::run::result::RunResult;
use crate::run::score::CriterionStatus;

/// Rows told of a criterion that does not hold.
const MOST_ROWS: usize = 5;

/// What runs of a failing scenario show.
pub fn of_runs<'r>(runs: impl Iterator<Item = (&'r Shown, &'r RunResult)>) -> Checked {
    let mut why = String::new();
    for (shown, run) in runs {
        match shown {
            Shown::Green => {}
            Shown::Void { cause, .. } => return Checked::Unknown(cause.clone()),
            Shown::RedSame | Shown::RedOther { .. } => why.push_str(&failed(run)),
        }
    }
    match why.is_empty() {
        true => Checked::Passes,
        false => Checked::Fails(why),
    }
}

/// The criteria of a run that do not hold, with the rows that show it.
pub fn failed(run: &RunResult) -> String {
    let mut text = String::new();
    for criterion in &run.criteria {
        if criterion.status != CriterionStatus::Fail {
            continue;
        }
        text.push_str(&format!("- {} does not hold", criterion.label));
        for row in criterion.rows.iter().take(MOST_ROWS) {
            text.push_str(&format!("; output: `{row}`"));
        }
        text.push('\n');
    }
    if text.is_empty() {
        text.push_str("- the run did not pass\n");
    }
    text
}
