//! What is remembered between two pages.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use archal_core::clock::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Rows of a page, to begin with.
const FIRST_ROWS: u32 = 200;
/// Rows of a page at most; more is refused.
const MOST_ROWS: u32 = 1_000;
/// An answer that is larger is not made larger still.
const LARGE: usize = 8 << 20;
/// Bits of an `_xact_id` below its seconds.
const BELOW_SECONDS: u32 = 16;
/// Its bits above them.
const ABOVE_SECONDS: i64 = 0x0de1 << 48;

/// Everything a source has to remember.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Cursor {
    /// What was asked.
    pub(super) host: String,
    /// Ids of projects by the names that were given.
    pub(super) ids: BTreeMap<String, String>,
    /// The highest write that whole passes have seen, by project.
    pub(super) high: BTreeMap<String, i64>,
    /// Passes under way, by project.
    pub(super) passes: BTreeMap<String, Pass>,
    /// Projects that are at their end in this pass.
    pub(super) done: BTreeSet<String>,
    /// Those of them that could not be read.
    pub(super) failed: BTreeSet<String>,
    /// Rows of a page.
    pub(super) rows: u32,
}

/// A pass over one project.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Pass {
    /// Writes above this one are asked for; all where there is none.
    pub(super) above: Option<i64>,
    /// The highest write so far.
    pub(super) seen: Option<i64>,
    /// The number of a write at the time it began, by the clock of the service. A row that is edited
    /// keeps its place, so one that was read already shows later edits to the next pass alone.
    pub(super) began: Option<i64>,
    /// Where to go on.
    pub(super) cursor: Option<String>,
    /// Pages in a row that brought nothing.
    pub(super) empty: u32,
}

impl Cursor {
    /// What the engine has stored; nothing where that cannot be read or is of another host.
    pub(super) fn read(value: &Value, host: &str) -> Self {
        let mut cursor: Self = serde_json::from_value(value.clone()).unwrap_or_default();
        if cursor.host != host {
            cursor = Self {
                host: host.to_owned(),
                ..Self::default()
            };
        }
        if cursor.rows == 0 {
            cursor.rows = FIRST_ROWS;
        }
        cursor
    }

    /// As the engine stores it.
    pub(super) fn value(&self) -> Value {
        serde_json::to_value(self).unwrap_or_default()
    }

    /// Half as many rows; false where there is nothing to halve.
    pub(super) fn fewer(&mut self) -> bool {
        let could = self.rows > 1;
        self.rows = (self.rows / 2).max(1);
        could
    }

    /// A few more rows, where the answers are small.
    pub(super) fn more(&mut self, size: usize) {
        let grown = self.rows + self.rows.div_ceil(8);
        if size / self.rows.max(1) as usize * (grown as usize) < LARGE {
            self.rows = grown.min(MOST_ROWS);
        }
    }

    /// A pass over a project is at its end.
    pub(super) fn finish(&mut self, project: &str, pass: &Pass) {
        let high = self.high.get(project).copied();
        let seen = pass.seen.map(|seen| seen.min(pass.began.unwrap_or(seen)));
        if let Some(seen) = seen.max(high) {
            self.high.insert(project.to_owned(), seen);
        }
        self.done.insert(project.to_owned());
    }

    /// A project cannot be read in this pass.
    pub(super) fn fail(&mut self, project: &str) {
        self.done.insert(project.to_owned());
        self.failed.insert(project.to_owned());
    }

    /// What is known of a name that is another project's by now.
    pub(super) fn forget(&mut self, project: &str) {
        self.high.remove(project);
        self.passes.remove(project);
    }
}

impl Pass {
    /// What was written after the highest write that was seen, and a little before: writes may be shown
    /// in another order than they were numbered in. The number has the time in it.
    pub(super) fn above(high: Option<i64>, overlap: Duration) -> Self {
        let seconds = i64::try_from(overlap.as_secs()).unwrap_or(i64::MAX >> BELOW_SECONDS);
        let by = seconds.min(i64::MAX >> BELOW_SECONDS) << BELOW_SECONDS;
        Self {
            above: high.map(|high| high.saturating_sub(by).max(0)),
            ..Self::default()
        }
    }
}

/// The number of a write at that time.
pub(super) fn write_at(time: Timestamp) -> i64 {
    ABOVE_SECONDS | (time.as_second() << BELOW_SECONDS)
}
