//! Verdicts that are to be sent, and what became of that: a second outbox.
//!
//! A result is a row that is written in the transaction that puts its grade down, and closed when
//! it was taken: so none is lost, and none that was taken is sent again.

use std::time::Duration;

use archal_core::clock::Timestamp;
use rusqlite::{Connection, OptionalExtension, Row, params};

use super::notices::Outcome;
use super::time_text;
use crate::attach::results::event::ResultEvent;
use crate::config::grade::ResultsOn;

/// Longer than any pause between two tries.
const LONGEST_WAIT: Duration = Duration::from_secs(25 * 3_600);

/// A result as its row has it.
#[derive(Debug, Clone, PartialEq)]
pub struct StoredResult {
    /// Its row.
    pub id: i64,
    /// The directory its trace came from.
    pub attachment: i64,
    /// The source that takes it as a score; empty where it goes to `grade.results`.
    pub taker: String,
    /// What is sent; none where it is closed, or a later archal wrote it.
    pub event: Option<ResultEvent>,
    /// How often it was tried.
    pub tries: u32,
    /// What became of it; none while it is open.
    pub outcome: Option<String>,
    /// Why it was not taken the last time.
    pub error: Option<String>,
}

/// Writes down that a grade is to be sent to `taker`; call it in the transaction that puts the grade down.
/// False where it was before, or tells of no change and only changes are sent. What was given up
/// was not sent.
pub fn add(
    connection: &Connection,
    job: i64,
    event: &ResultEvent,
    (taker, on): (&str, ResultsOn),
) -> rusqlite::Result<bool> {
    let (trace, attachment): (i64, i64) = connection
        .prepare_cached("SELECT trace, attachment FROM jobs WHERE id = ?1")?
        .query_row([job], |row| Ok((row.get(0)?, row.get(1)?)))?;
    let last: Option<(String, String)> = connection
        .prepare_cached(
            "SELECT revision, verdict FROM results
             WHERE trace = ?1 AND taker = ?2 AND (closed_at IS NULL OR outcome = 'sent')
             ORDER BY id DESC LIMIT 1",
        )?
        .query_row(params![trace, taker], |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()?;
    let is_known = last.is_some_and(|(revision, verdict)| {
        let is_of_revision = on == ResultsOn::Change || revision == event.revision;
        is_of_revision && verdict == event.verdict
    });
    if is_known {
        return Ok(false);
    }
    let body = serde_json::to_string(event).unwrap_or_default();
    connection
        .prepare_cached(
            "INSERT INTO results (trace, attachment, revision, verdict, body, due_at, taker)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
        )?
        .execute(params![
            trace,
            attachment,
            event.revision,
            event.verdict,
            body,
            time_text(event.at),
            taker
        ])?;
    Ok(true)
}

/// Who has results of this directory that are due.
pub fn takers(
    connection: &Connection,
    attachment: i64,
    now: Timestamp,
) -> rusqlite::Result<Vec<String>> {
    connection
        .prepare_cached(
            "SELECT DISTINCT taker FROM results
             WHERE closed_at IS NULL AND (due_at <= ?1 OR due_at > ?2) AND attachment = ?3
             ORDER BY taker",
        )?
        .query_map(
            params![time_text(now), time_text(latest(now)), attachment],
            |row| row.get(0),
        )?
        .collect()
}

/// Results of a directory for a taker that are due, the first due first. Those of others wait until
/// they are attached: they are told by the settings of their own.
pub fn due(
    connection: &Connection,
    attachment: i64,
    taker: &str,
    (now, most): (Timestamp, usize),
) -> rusqlite::Result<Vec<StoredResult>> {
    connection
        .prepare_cached(
            "SELECT id, attachment, body, tries, outcome, error, taker FROM results
             WHERE closed_at IS NULL AND (due_at <= ?1 OR due_at > ?3)
               AND attachment = ?4 AND taker = ?5
             ORDER BY due_at, id LIMIT ?2",
        )?
        .query_map(
            params![
                time_text(now),
                most,
                time_text(latest(now)),
                attachment,
                taker
            ],
            of_row,
        )?
        .collect()
}

/// None is put off for longer than a day: what is due later was written by a clock that was set
/// back since.
fn latest(now: Timestamp) -> Timestamp {
    now.checked_add(LONGEST_WAIT).unwrap_or(now)
}

/// When the next open one of these directories is due, at the earliest now; none where there is
/// none.
pub fn next_due(
    connection: &Connection,
    attachments: &[i64],
    now: Timestamp,
) -> rusqlite::Result<Option<Timestamp>> {
    let (first, last): (Option<String>, Option<String>) = connection
        .prepare_cached(
            "SELECT min(due_at), max(due_at) FROM results
             WHERE closed_at IS NULL AND attachment IN (SELECT value FROM json_each(?1))",
        )?
        .query_row([rows(attachments)], |row| Ok((row.get(0)?, row.get(1)?)))?;
    let [first, last] = [first, last].map(|text| text.and_then(|text| text.parse().ok()));
    if last.is_some_and(|last: Timestamp| last > latest(now)) {
        return Ok(Some(now));
    }
    Ok(first.map(|first: Timestamp| first.max(now)))
}

/// Every result of a trace, oldest first.
pub fn of_trace(connection: &Connection, trace: i64) -> rusqlite::Result<Vec<StoredResult>> {
    connection
        .prepare_cached(
            "SELECT id, attachment, body, tries, outcome, error, taker FROM results
             WHERE trace = ?1 ORDER BY id",
        )?
        .query_map([trace], of_row)?
        .collect()
}

/// Writes that some were tried in vain and when they are to be tried again, and puts off with them
/// what else of their directory and taker is due: it goes to the same place.
pub fn put_off(
    connection: &Connection,
    tried: &[StoredResult],
    error: &str,
    (now, due): (Timestamp, Timestamp),
) -> rusqlite::Result<()> {
    for result in tried {
        put_off_alone(connection, result.id, error, due)?;
        connection
            .prepare_cached(
                "UPDATE results SET due_at = ?2
                 WHERE attachment = ?1 AND taker = ?4 AND closed_at IS NULL AND due_at <= ?3",
            )?
            .execute(params![
                result.attachment,
                time_text(due),
                time_text(now),
                result.taker
            ])?;
    }
    Ok(())
}

/// The same of one, for a reason that concerns no other.
pub fn put_off_alone(
    connection: &Connection,
    id: i64,
    error: &str,
    due: Timestamp,
) -> rusqlite::Result<()> {
    connection
        .prepare_cached(
            "UPDATE results SET tries = tries + 1, error = ?2, due_at = ?3
             WHERE id = ?1 AND closed_at IS NULL",
        )?
        .execute(params![id, error, time_text(due)])?;
    Ok(())
}

/// Closes a result, and drops what it told: it is never sent again. What nobody asked for is kept
/// until somebody does: [`reopen_unwanted`].
pub fn close(
    connection: &Connection,
    id: i64,
    outcome: Outcome,
    error: Option<&str>,
    now: Timestamp,
) -> rusqlite::Result<()> {
    connection
        .prepare_cached(
            "UPDATE results SET outcome = ?2, error = ?3, closed_at = ?4,
               body = iif(?2 = 'unwanted', body, ''),
               tries = tries + (?2 IN ('sent', 'given_up'))
             WHERE id = ?1 AND closed_at IS NULL",
        )?
        .execute(params![id, outcome.name(), error, time_text(now)])?;
    Ok(())
}

/// Opens results of a directory for a taker again that nobody asked for when they were due, where they
/// are the last of their trace; they are due at once.
pub fn reopen_unwanted(
    connection: &Connection,
    attachment: i64,
    taker: &str,
    now: Timestamp,
) -> rusqlite::Result<usize> {
    connection
        .prepare_cached(
            "UPDATE results SET outcome = NULL, error = NULL, closed_at = NULL, due_at = ?2
             WHERE outcome = 'unwanted' AND attachment = ?1 AND taker = ?3
               AND id = (SELECT max(id) FROM results AS other
                         WHERE other.trace = results.trace AND other.taker = results.taker)",
        )?
        .execute(params![attachment, time_text(now), taker])
}

/// Removes up to `most` results that were closed before `before`, from those behind the row `after`;
/// the row up to which was looked, none where there are no more. Of each trace the last that each taker
/// was sent stays: by it the next is a change or none.
pub fn prune(
    connection: &Connection,
    before: Timestamp,
    after: i64,
    most: usize,
) -> rusqlite::Result<Option<i64>> {
    let closed: Vec<(i64, bool)> = connection
        .prepare_cached(
            "SELECT id, outcome IS 'sent' AND NOT EXISTS (SELECT 1 FROM results AS later
               WHERE later.trace = results.trace AND later.taker = results.taker
                 AND later.id > results.id AND later.outcome = 'sent')
             FROM results WHERE id > ?1 AND closed_at < ?2 ORDER BY id LIMIT ?3",
        )?
        .query_map(params![after, time_text(before), most], |row| {
            Ok((row.get(0)?, row.get(1)?))
        })?
        .collect::<rusqlite::Result<_>>()?;
    let mut delete = connection.prepare_cached("DELETE FROM results WHERE id = ?1")?;
    for (id, _) in closed.iter().filter(|(_, stays)| !stays) {
        delete.execute([id])?;
    }
    Ok(closed.last().map(|(id, _)| *id))
}

/// How many of these directories are not closed.
pub fn count_open(connection: &Connection, attachments: &[i64]) -> rusqlite::Result<u64> {
    connection
        .prepare_cached(
            "SELECT count(*) FROM results
             WHERE closed_at IS NULL AND attachment IN (SELECT value FROM json_each(?1))",
        )?
        .query_row([rows(attachments)], |row| row.get(0))
}

/// Rows as SQLite's `json_each` takes them.
fn rows(attachments: &[i64]) -> String {
    serde_json::to_string(attachments).unwrap_or_default()
}

fn of_row(row: &Row<'_>) -> rusqlite::Result<StoredResult> {
    let body: String = row.get(2)?;
    Ok(StoredResult {
        id: row.get(0)?,
        attachment: row.get(1)?,
        event: serde_json::from_str(&body).ok(),
        tries: row.get(3)?,
        outcome: row.get(4)?,
        error: row.get(5)?,
        taker: row.get(6)?,
    })
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use archal_core::trace::TraceIdentity;
    use serde_json::json;

    use super::super::{State, attachments, jobs, traces};
    use super::*;
    use crate::store::layout::Layout;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).expect("in range")
    }

    /// A state, two directories, and a job of a trace from each.
    fn two() -> (tempfile::TempDir, State, [(i64, i64); 2]) {
        let folder = tempfile::tempdir().expect("temporary folder");
        let layout = Layout::of(folder.path(), None);
        let state = State::open(&layout, false).expect("opened").state;
        let begun = ["one", "two"].map(|name| {
            let identity = TraceIdentity {
                source: "file".to_owned(),
                project: String::new(),
                trace: name.to_owned(),
            };
            let begun = state.write(|change| {
                let directory = Path::new("/traces").join(name);
                let home = attachments::attach(change, &directory, &json!({}), at(1))?;
                let known = traces::known(change, &identity)?;
                let new = jobs::NewJob {
                    trace: &known,
                    attachment: home,
                    revision: "r",
                    age: (None, 1),
                    file: Path::new("t.json"),
                    import_hash: "x",
                    is_asked: false,
                };
                Ok((home, jobs::begin(change, &new, at(1))?))
            });
            begun.expect("written")
        });
        (folder, state, begun)
    }

    fn event(verdict: &str, second: i64) -> ResultEvent {
        ResultEvent {
            key: format!("result-{second}"),
            at: at(second),
            project: String::new(),
            trace: "t".to_owned(),
            environment: None,
            revision: second.to_string(),
            verdict: verdict.to_owned(),
            scored: Vec::new(),
        }
    }

    const TOLD: (&str, ResultsOn) = ("", ResultsOn::Change);

    fn due_ids(state: &State, home: i64, taker: &str, second: i64) -> Vec<i64> {
        let due = state.read(|rows| due(rows, home, taker, (at(second), 9)));
        due.expect("read").into_iter().map(|one| one.id).collect()
    }

    #[test]
    fn those_of_a_directory_that_is_not_attached_wait_for_it() {
        let (_folder, state, [(one, of_one), (two, of_two)]) = two();
        state
            .write(|change| {
                add(change, of_one, &event("fail", 2), TOLD)?;
                add(change, of_two, &event("fail", 3), TOLD)
            })
            .expect("written");
        let next = |homes: &[i64]| state.read(|rows| next_due(rows, homes, at(9)));
        let open = |homes: &[i64]| state.read(|rows| count_open(rows, homes));
        assert_eq!(due_ids(&state, two, "", 9), [2]);
        assert_eq!(due_ids(&state, one, "", 9), [1]);
        state
            .write(|change| close(change, 2, Outcome::Sent, None, at(9)))
            .expect("written");
        // Nothing is due for the other: whoever sends for it sleeps.
        assert_eq!(next(&[two]).expect("read"), None);
        assert_eq!(next(&[one]).expect("read"), Some(at(9)));
        assert_eq!(open(&[two]).expect("read"), 0);
        assert_eq!(open(&[one, two]).expect("read"), 1);
    }

    #[test]
    fn what_is_closed_keeps_no_body_but_for_what_nobody_asked_for_yet() {
        let (_folder, state, [(home, job), _]) = two();
        let add_new = |verdict, second| {
            let new = event(verdict, second);
            let added = state.write(|change| add(change, job, &new, TOLD));
            added.expect("written")
        };
        let end = |id, outcome| {
            let closed = state.write(|change| close(change, id, outcome, None, at(50)));
            closed.expect("written");
        };
        let reopen = || {
            let reopened = state.write(|change| reopen_unwanted(change, home, "", at(60)));
            reopened.expect("written")
        };
        let bodies = || {
            let all = state
                .read(|rows| of_trace(rows, 1))
                .expect("read")
                .into_iter();
            all.map(|one| one.event.is_some()).collect::<Vec<_>>()
        };
        assert!(add_new("fail", 1));
        end(1, Outcome::Sent);
        assert!(!add_new("fail", 2), "it is no change");
        assert!(add_new("ok", 3));
        end(2, Outcome::Unwanted);
        assert_eq!(bodies(), [false, true]);
        assert_eq!((reopen(), reopen()), (1, 0));
        assert_eq!(due_ids(&state, home, "", 60), [2]);
        end(2, Outcome::Unwanted);
        // What came after it says more.
        assert!(add_new("unsure", 4));
        assert_eq!(reopen(), 0);
        end(3, Outcome::GivenUp);
        assert_eq!(bodies(), [false, true, false]);
        assert!(add_new("unsure", 5), "what was given up was not sent");
    }

    #[test]
    fn each_taker_has_results_of_its_own() {
        let (_folder, state, [(home, job), _]) = two();
        for (taker, second) in [("", 2), ("prod", 3), ("prod", 4)] {
            let on = (taker, ResultsOn::Every);
            let added = state.write(|change| add(change, job, &event("fail", second), on));
            assert!(added.expect("written"));
        }
        let takers = |second| state.read(|rows| takers(rows, home, at(second)));
        assert_eq!(takers(9).expect("read"), ["", "prod"]);
        // What holds up one holds up what else goes there, and nothing else.
        let of_prod = state.read(|rows| due(rows, home, "prod", (at(9), 1)));
        let of_prod = of_prod.expect("read");
        state
            .write(|change| put_off(change, &of_prod, "no", (at(9), at(60))))
            .expect("written");
        assert_eq!(takers(9).expect("read"), [""]);
        assert_eq!(due_ids(&state, home, "prod", 60), [2, 3]);
        state
            .write(|change| {
                put_off_alone(change, 2, "no", at(99))?;
                close(change, 1, Outcome::Unwanted, None, at(60))?;
                close(change, 3, Outcome::Unwanted, None, at(60))?;
                reopen_unwanted(change, home, "", at(60))
            })
            .expect("written");
        assert_eq!(due_ids(&state, home, "", 60), [1]);
        assert_eq!(due_ids(&state, home, "prod", 60), [0; 0]);
        assert_eq!(due_ids(&state, home, "prod", 99), [2]);
    }

    #[test]
    fn old_ones_go_but_the_last_of_a_trace_that_was_sent() {
        let (_folder, state, [(_, of_one), (_, of_two)]) = two();
        let closes = [
            (of_one, "fail", Outcome::Sent, 10),
            (of_one, "ok", Outcome::Sent, 10),
            (of_one, "fail", Outcome::GivenUp, 10),
            (of_one, "unsure", Outcome::GivenUp, 99),
            (of_two, "fail", Outcome::Unwanted, 10),
        ];
        for (number, (job, verdict, outcome, second)) in (1..).zip(closes) {
            state
                .write(|change| {
                    assert!(add(change, job, &event(verdict, number), TOLD)?);
                    close(change, number, outcome, None, at(second))
                })
                .expect("written");
        }
        let open = event("ok", 7);
        state
            .write(|change| add(change, of_two, &open, TOLD))
            .expect("written");
        let (mut seen, mut rounds) = (0, 0);
        while let Some(next) = state
            .write(|change| prune(change, at(50), seen, 2))
            .expect("written")
        {
            (seen, rounds) = (next, rounds + 1);
        }
        assert_eq!((seen, rounds), (5, 2));
        let left = |trace| {
            let all = state.read(|rows| of_trace(rows, trace)).expect("read");
            all.into_iter().map(|one| one.id).collect::<Vec<_>>()
        };
        assert_eq!((left(1), left(2)), (vec![2, 4], vec![6]));
    }
}
