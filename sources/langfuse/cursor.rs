//! What is remembered between two pages.

use std::time::Duration;

use archal_core::clock::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Rows of a page, to begin with: with their content a thousand are more than Langfuse Cloud sends.
const FIRST_ROWS: u32 = 100;
/// Rows of a page at most.
const MOST_ROWS: u32 = 1_000;
/// An answer that is larger is not made larger still. Langfuse Cloud sends 5 MB.
const LARGE: usize = 3 << 20;

/// Everything a source has to remember.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Cursor {
    /// What was asked; another one may have another release.
    pub(super) host: String,
    /// What that release understands.
    pub(super) api: Option<Api>,
    /// When the last whole pass began, by the clock of the service.
    pub(super) began: Option<Timestamp>,
    /// When the last look for changes began.
    pub(super) rechecked: Option<Timestamp>,
    /// The pass under way.
    pub(super) pass: Option<Pass>,
    /// Rows of a page.
    pub(super) rows: u32,
    /// Names of metadata that is longer than what is sent unasked.
    pub(super) expand: Vec<String>,
    /// Whether it was told that the answers are on their way out.
    pub(super) is_deprecation_told: bool,
}

/// What a release understands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Api {
    /// Observations as such, since release 4.
    V2,
    /// Traces with their observations, before.
    Legacy,
}

/// A pass under way.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Pass {
    /// When it began, by the clock of the service.
    pub(super) began: Timestamp,
    /// What it reads from on; all there is for the first one.
    pub(super) from: Option<Timestamp>,
    /// Whether it looks for changes, too.
    pub(super) is_recheck: bool,
    /// Where it is.
    pub(super) stage: Stage,
}

/// Where a pass is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", tag = "at")]
pub(super) enum Stage {
    /// Scores, by cursor, or by page before release 4.
    Scores {
        /// Where to go on.
        cursor: Option<String>,
        /// The number of the page where there is no cursor.
        page: u32,
        /// Whether pages have numbers.
        is_numbered: bool,
    },
    /// Observations or traces.
    Rows(Walk),
    /// What changed.
    Recheck {
        /// Where in the list of times.
        walk: Walk,
        /// Whether the list is at its end.
        is_listed: bool,
        /// Traces to be fetched.
        changed: Vec<String>,
        /// Where in the first of them.
        cursor: Option<String>,
    },
}

/// A walk over windows of time, the last of the list first.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Walk {
    /// The windows that are left.
    pub(super) windows: Vec<Window>,
    /// Where in the last one.
    pub(super) cursor: Option<String>,
    /// The number of the page where there is no cursor.
    pub(super) page: u32,
    /// Traces of that page that were not fetched yet.
    pub(super) traces: Vec<String>,
    /// How far the last window was read, from its end.
    pub(super) reached: Option<Timestamp>,
    /// Pages in a row that brought nothing.
    pub(super) empty: u32,
}

/// From a time on, and before another.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Window {
    pub(super) from: Option<Timestamp>,
    pub(super) to: Option<Timestamp>,
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
    pub(super) fn more(&mut self, size: usize, most: u32) {
        let grown = self.rows + self.rows.div_ceil(8);
        let would_be = size / self.rows.max(1) as usize * grown as usize;
        if would_be < LARGE {
            self.rows = grown.min(most.min(MOST_ROWS));
        }
    }
}

impl Walk {
    /// Over everything from a time on. Where there is a lot, what is new is read and given out first.
    pub(super) fn over(from: Option<Timestamp>, now: Timestamp) -> Self {
        let mut windows = Vec::new();
        let mut to = None;
        for days in [7, 30, 90, 365] {
            let Some(start) = before(now, Duration::from_secs(days * 24 * 3600)) else {
                break;
            };
            if from.is_some_and(|from| from >= start) {
                break;
            }
            let from = Some(start);
            windows.push(Window { from, to });
            to = from;
        }
        windows.push(Window { from, to });
        windows.reverse();
        Self {
            windows,
            page: 1,
            ..Self::default()
        }
    }

    /// The window that is read.
    pub(super) fn window(&self) -> Option<Window> {
        self.windows.last().copied()
    }

    /// The window that is read is at its end.
    pub(super) fn next_window(&mut self) {
        self.windows.pop();
        self.cursor = None;
        self.page = 1;
        self.reached = None;
        self.empty = 0;
    }

    /// Reads the later half of what is left of the window, and the earlier half after it. False where
    /// the window is too small.
    pub(super) fn halve(&mut self, now: Timestamp) -> bool {
        let Some(window) = self.windows.last_mut() else {
            return false;
        };
        let end = self.reached.or(window.to).unwrap_or(now);
        let middle = match window.from {
            Some(from) => {
                let half = end.duration_since(from).as_millis() / 2;
                let half = u64::try_from(half).unwrap_or_default();
                if half < 500 {
                    return false;
                }
                before(end, Duration::from_millis(half))
            }
            None => before(end, Duration::from_secs(30 * 24 * 3600)),
        };
        let Some(middle) = middle else {
            return false;
        };
        let earlier = Window {
            from: window.from,
            to: Some(middle),
        };
        window.from = Some(middle);
        let later = self.windows.pop();
        self.windows.push(earlier);
        self.windows.extend(later);
        true
    }
}

/// So long before.
pub(super) fn before(time: Timestamp, by: Duration) -> Option<Timestamp> {
    time.checked_sub(jiff::SignedDuration::try_from(by).ok()?)
        .ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().expect("a time")
    }

    #[test]
    fn windows_meet_and_the_newest_is_read_first() {
        let now = at("2026-06-01T00:00:00Z");
        let all = Walk::over(None, now);
        assert_eq!(all.windows.len(), 5);
        assert_eq!(all.windows[0].from, None);
        assert_eq!(all.window().and_then(|window| window.to), None);
        for pair in all.windows.windows(2) {
            assert_eq!(pair[0].to, pair[1].from);
        }
        let short = Walk::over(Some(at("2026-05-31T00:00:00Z")), now);
        assert_eq!(short.windows.len(), 1);
    }

    #[test]
    fn a_window_is_halved_until_it_is_a_moment() {
        let now = at("2026-06-01T00:00:00Z");
        let mut walk = Walk::over(Some(at("2026-05-31T00:00:00Z")), now);
        assert!(walk.halve(now));
        assert_eq!(
            walk.window().and_then(|window| window.from),
            Some(at("2026-05-31T12:00:00Z"))
        );
        let mut halved = 1;
        while walk.halve(now) {
            halved += 1;
            assert!(halved < 64);
        }
        for pair in walk.windows.windows(2) {
            assert_eq!(pair[0].to, pair[1].from, "nothing lies between two windows");
        }
    }

    #[test]
    fn pages_grow_while_answers_are_small() {
        let mut cursor = Cursor::read(&Value::Null, "h");
        assert!(cursor.fewer());
        assert_eq!(cursor.rows, 50);
        cursor.more(50 * 1024, 1_000);
        assert_eq!(cursor.rows, 57);
        cursor.more(4 << 20, 1_000);
        assert_eq!(cursor.rows, 57);
        for _ in 0..100 {
            cursor.more(1_000, 1_000);
        }
        assert_eq!(cursor.rows, 1_000);
    }
}
