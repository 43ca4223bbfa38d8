//! Where a pass is, and where the next one begins.
//!
//! A row gets its time when its transaction begins, and is seen when that ends. So a pass begins an
//! overlap before the end of the one before it: whatever took no longer than that to be written is
//! found. Of a growing number nobody knows when it was given out; there the largest ones that were
//! seen are noted with the time, and a pass begins at the one that was seen an overlap before the
//! pass before it.

use std::collections::BTreeMap;
use std::time::Duration;

use archal_core::clock::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::query::Window;

/// The version of the cursor.
const VERSION: u32 = 1;
/// Marks that are kept: each pass may leave one, and few are far apart.
const MAX_MARKS: usize = 64;

/// The state of a source.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Cursor {
    version: u32,
    /// By what their rows are.
    pub(super) tables: BTreeMap<String, TableCursor>,
    /// Whether a pass is under way.
    pub(super) is_open: bool,
    /// When the last pass over everything began, by the server's clock.
    pub(super) scanned: Option<Timestamp>,
}

/// The state of one table.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct TableCursor {
    /// What the rest belongs to.
    pub(super) of: String,
    /// Where the pass began.
    pub(super) from: Option<String>,
    /// Where it is: the last row that was read.
    pub(super) place: Option<Place>,
    /// Where it ends, in the form of the column; the next one begins an overlap before.
    pub(super) until: Option<String>,
    /// When it began, by the server's clock.
    pub(super) began: Option<Timestamp>,
    /// Whether it is through.
    pub(super) is_done: bool,
    /// How many pages it took.
    pub(super) pages: u64,
    /// The largest numbers that were seen, by when they were, oldest first.
    pub(super) marks: Vec<Mark>,
    /// The largest number that was ever seen.
    pub(super) largest: Option<String>,
}

/// A row's place in the order.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Place {
    /// The time as the database wrote it, to its last digit.
    pub(super) at: Option<String>,
    pub(super) key: Vec<String>,
}

/// A number and when it was the largest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Mark {
    pub(super) seen: Timestamp,
    pub(super) key: String,
}

impl Cursor {
    /// Reads one that was handed back; null, and what an unknown version wrote, begin anew.
    pub(super) fn read(value: &Value) -> Self {
        Self::deserialize(value)
            .ok()
            .filter(|cursor| cursor.version == VERSION)
            .unwrap_or_else(|| Self {
                version: VERSION,
                ..Self::default()
            })
    }

    pub(super) fn write(&self) -> Value {
        serde_json::to_value(self).unwrap_or_default()
    }

    /// Whether everything is to be read again, in a pass that begins now.
    pub(super) fn is_due(&self, rescan: Option<Duration>, now: Timestamp) -> bool {
        match (rescan, self.scanned) {
            (Some(every), Some(last)) => {
                now.duration_since(last) >= every.try_into().unwrap_or(jiff::SignedDuration::MAX)
            }
            _ => self.scanned.is_none(),
        }
    }
}

impl TableCursor {
    /// The rows of the next page.
    pub(super) fn window(&self) -> Window {
        Window {
            from: self.from.clone().filter(|_| self.place.is_none()),
            behind: self.place.clone().map(|place| (place.at, place.key)),
            until: self.until.clone(),
        }
    }

    /// Notes where a page ended.
    pub(super) fn advance(&mut self, place: Place) {
        if place.at.is_none()
            && let Some(key) = place.key.first()
            && self
                .largest
                .as_deref()
                .is_none_or(|largest| is_larger(key, largest))
        {
            self.largest = Some(key.clone());
        }
        self.place = Some(place);
    }

    /// Notes, when a pass is through, how far it came. `seen` is the time after that: no number below
    /// the largest was given out later.
    pub(super) fn mark(&mut self, seen: Timestamp, overlap: Duration) {
        let Some(key) = self.largest.clone() else {
            return;
        };
        // Marks that are close together say the same; a pass begins at one that is old enough.
        let apart = (overlap / 16).try_into().unwrap_or_default();
        let is_close = |mark: &Mark| seen.duration_since(mark.seen) < apart;
        if self.marks.last().is_none_or(|last| !is_close(last)) {
            self.marks.push(Mark { seen, key });
        }
        // Of those before the one that the next pass begins at, none is needed.
        let needed = self.start_of_next(overlap);
        self.marks.drain(..needed.unwrap_or(0));
        let excess = self.marks.len().saturating_sub(MAX_MARKS);
        if excess > 0 {
            self.marks.drain(1..=excess);
        }
    }

    /// The place among the marks at which the pass behind this one begins.
    pub(super) fn start_of_next(&self, overlap: Duration) -> Option<usize> {
        let horizon = self.began?.checked_sub(overlap).ok()?;
        self.marks.iter().rposition(|mark| mark.seen <= horizon)
    }
}

/// Whether a whole number is larger than another, both as text, of any size.
fn is_larger(one: &str, other: &str) -> bool {
    match (one.parse::<i128>(), other.parse::<i128>()) {
        (Ok(one), Ok(other)) => one > other,
        _ => one.len() > other.len() || (one.len() == other.len() && one > other),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OVERLAP: Duration = Duration::from_secs(300);

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).expect("a time")
    }

    fn pass(cursor: &mut TableCursor, second: i64, largest: &str) {
        cursor.began = Some(at(second));
        cursor.advance(Place {
            at: None,
            key: vec![largest.to_owned()],
        });
        cursor.mark(at(second), OVERLAP);
    }

    #[test]
    fn a_growing_number_is_read_again_from_what_was_seen_an_overlap_ago() {
        let mut cursor = TableCursor::default();
        let mut begins = Vec::new();
        for pass_number in 0..30_i64 {
            pass(
                &mut cursor,
                pass_number * 60,
                &(pass_number * 10).to_string(),
            );
            let start = cursor.start_of_next(OVERLAP);
            begins.push(start.map(|start| cursor.marks[start].key.clone()));
        }
        assert_eq!(begins[4], None, "everything until an overlap has gone by");
        assert_eq!(begins[5].as_deref(), Some("0"));
        assert_eq!(begins[29].as_deref(), Some("240"));
        assert!(cursor.marks.len() < 20, "{}", cursor.marks.len());
    }

    #[test]
    fn passes_that_come_quickly_leave_few_marks_and_lose_none_that_is_needed() {
        let mut cursor = TableCursor::default();
        for second in 0..10_000_i64 {
            pass(&mut cursor, second, &second.to_string());
            assert!(cursor.marks.len() <= MAX_MARKS);
        }
        let start = cursor.start_of_next(OVERLAP).expect("a mark");
        let key: i64 = cursor.marks[start].key.parse().expect("a number");
        assert!((9_650..=9_700).contains(&key), "{key}");
    }

    #[test]
    fn the_largest_number_stays_though_an_earlier_one_is_read_again() {
        let mut cursor = TableCursor::default();
        for key in ["9", "10", "3"] {
            cursor.advance(Place {
                at: None,
                key: vec![key.to_owned()],
            });
        }
        assert_eq!(cursor.largest.as_deref(), Some("10"));
    }

    #[test]
    fn a_cursor_comes_back_as_it_was_and_nonsense_begins_anew() {
        let mut cursor = Cursor::read(&Value::Null);
        cursor.tables.insert(
            "spans".to_owned(),
            TableCursor {
                place: Some(Place {
                    at: Some("2026-01-01 00:00:00.123456+00".to_owned()),
                    key: vec!["a".to_owned(), "b".to_owned()],
                }),
                ..TableCursor::default()
            },
        );
        assert_eq!(Cursor::read(&cursor.write()), cursor);
        for nonsense in [
            serde_json::json!({"version": 2}),
            serde_json::json!([1]),
            Value::from("x"),
        ] {
            assert_eq!(Cursor::read(&nonsense), Cursor::read(&Value::Null));
        }
    }

    #[test]
    fn everything_is_read_once_and_again_when_it_is_due() {
        let mut cursor = Cursor::read(&Value::Null);
        assert!(cursor.is_due(None, at(0)));
        cursor.scanned = Some(at(0));
        assert!(!cursor.is_due(None, at(1_000_000)));
        let day = Some(Duration::from_secs(86_400));
        assert!(!cursor.is_due(day, at(86_399)));
        assert!(cursor.is_due(day, at(86_400)));
    }
}
