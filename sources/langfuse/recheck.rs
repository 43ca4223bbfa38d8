//! Once a day: what came late or was changed, behind what passes read again anyway.
//!
//! Langfuse tells when a row was touched, and cannot be asked by it. So the times alone of all rows of
//! two days are listed, and traces of which a row was touched after a pass last saw it are fetched
//! again, whole.

use std::time::Duration;

use archal_core::clock::Timestamp;
use archal_core::pull::{Page, PullError};
use serde_json::{Map, Value};

use super::adapter::Fields;
use super::cursor::{Api, Cursor, Pass, Stage};
use super::observations::{self, Wanted};
use super::{Langfuse, alone, legacy, row};
use crate::client::Failure;

/// How long after it came a row may be shown only.
const LAG: Duration = Duration::from_secs(15 * 60);
/// How far before the last look counts as not seen by it.
const DOUBT: Duration = Duration::from_secs(3600);

/// One page of the look; the stage behind it.
pub(super) fn page(
    source: &mut Langfuse,
    api: Api,
    state: &mut Cursor,
    pass: &Pass,
    stage: Stage,
    page: &mut Page,
) -> Result<Option<Stage>, PullError> {
    let Stage::Recheck {
        mut walk,
        mut is_listed,
        mut changed,
        mut cursor,
    } = stage
    else {
        return Ok(None);
    };
    if let Some(trace) = changed.first().cloned() {
        let rows = state.rows;
        let fetched = alone::fetch(source, api, |source| match api {
            Api::V2 => {
                let wanted = Wanted::Trace(&trace);
                observations::fetch(source, state, wanted, cursor.as_deref()).map(Some)
            }
            Api::Legacy => legacy::fetch(source, &trace, page).map(|()| None),
        });
        cursor = match fetched.map_err(|failure| source.client.told(failure))? {
            Ok(Some(listed)) => {
                let next = listed.after(cursor.as_deref())?;
                observations::take(source, listed.rows, page);
                next
            }
            Ok(None) => None,
            Err(failure) => {
                // That says nothing of how large the pages of others may be.
                state.rows = rows;
                alone::tell(source, &trace, failure);
                None
            }
        };
        if cursor.is_none() {
            changed.remove(0);
            page.is_checkpoint = true;
        }
    } else if !is_listed && let Some(window) = walk.window() {
        let known = Known {
            overlap: source.settings.overlap,
            last: state.rechecked,
        };
        let listed = match api {
            Api::V2 => observations::list_times(source, state, window, walk.cursor.as_deref()),
            Api::Legacy => legacy::list(source, window, walk.page, pass.began),
        };
        let listed = match listed {
            Ok(listed) => listed,
            Err(Failure::Refused { status: 422, .. }) if walk.halve(pass.began) => {
                if api == Api::Legacy {
                    // A number counts from the beginning of its window.
                    walk.page = 1;
                }
                return Ok(Some(Stage::Recheck {
                    walk,
                    is_listed,
                    changed,
                    cursor,
                }));
            }
            Err(failure) => return Err(source.client.told(failure)),
        };
        changed = known.changed(&listed.rows);
        let next = listed.after(walk.cursor.as_deref())?;
        let has_more = match api {
            Api::V2 => next.is_some(),
            Api::Legacy => legacy::has_more(&listed, walk.page),
        };
        if has_more {
            walk.page += 1;
            walk.cursor = next;
        } else {
            walk.next_window();
            is_listed = walk.window().is_none();
        }
    }
    let is_over = is_listed && changed.is_empty();
    Ok((!is_over).then_some(Stage::Recheck {
        walk,
        is_listed,
        changed,
        cursor,
    }))
}

/// What earlier passes have seen.
struct Known {
    overlap: Duration,
    /// When the last look began.
    last: Option<Timestamp>,
}

impl Known {
    /// The traces with a row that was touched after it was last seen.
    fn changed(&self, rows: &[Map<String, Value>]) -> Vec<String> {
        let mut traces: Vec<String> = rows
            .iter()
            .filter(|row| self.is_changed(row))
            .filter_map(|row| {
                let fields = Fields(row);
                let id = fields.text("traceId").or(fields.text("id"))?;
                Some(id.to_owned())
            })
            .collect();
        traces.sort();
        traces.dedup();
        traces
    }

    fn is_changed(&self, row: &Map<String, Value>) -> bool {
        let fields = Fields(row);
        let start = fields.time("startTime").or(fields.time("timestamp"));
        let (Some(start), Some(touched)) = (start, row::touched(row)) else {
            return false;
        };
        // The pass that last read so early a start began at least the overlap after it.
        let seen = Duration::try_from(touched.duration_since(start)).unwrap_or_default();
        let is_late = seen + LAG > self.overlap;
        let is_new = self.last.is_none_or(|last| {
            let before = Duration::try_from(last.duration_since(touched)).unwrap_or_default();
            before < DOUBT
        });
        is_late && is_new
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_was_touched_behind_the_overlap_is_fetched_once() {
        let known = Known {
            overlap: Duration::from_secs(1800),
            last: Some("2026-01-02T00:00:00Z".parse().expect("a time")),
        };
        let row = |start: &str, updated: &str| {
            let row =
                json!({"id": "o", "traceId": start, "startTime": start, "updatedAt": updated});
            match row {
                Value::Object(row) => row,
                _ => unreachable!("it is an object"),
            }
        };
        let rows = [
            row("2026-01-02T01:00:00Z", "2026-01-02T01:05:00Z"),
            row("2026-01-02T02:00:00Z", "2026-01-02T02:20:00Z"),
            row("2026-01-01T03:00:00Z", "2026-01-02T08:00:00Z"),
            row("2026-01-01T04:00:00Z", "2026-01-01T09:00:00Z"),
        ];
        assert_eq!(
            known.changed(&rows),
            ["2026-01-01T03:00:00Z", "2026-01-02T02:00:00Z"]
        );
    }
}
