//! Which job is graded next, and which wait for something else than their turn: for money, or for a
//! judge that could not be asked.

use std::time::Duration;

use archal_core::clock::Timestamp;
use rusqlite::{Connection, OptionalExtension, params};

use super::super::job::{Stage, Status};
use super::jobs::{self, StoredJob, ids, move_to};
use super::time_text;

/// Longer than any pause between two tries.
const LONGEST_WAIT: Duration = Duration::from_secs(25 * 3_600);

/// Takes the first job that waits to be graded and whose time has come: it runs from now on.
pub fn claim_to_grade(
    connection: &Connection,
    attachments: &[i64],
    now: Timestamp,
) -> rusqlite::Result<Option<StoredJob>> {
    let attachments = ids(attachments);
    // Looked for in an index of its own: a million may wait for a judge that is gone.
    let ready: Option<i64> = connection
        .prepare_cached(
            "SELECT min(id) FROM jobs INDEXED BY jobs_ready
             WHERE status = 'queued' AND due_at IS NULL AND stage IN ('import', 'grade', 'seed')
               AND attachment IN (SELECT value FROM json_each(?1))",
        )?
        .query_row([&attachments], |row| row.get(0))?;
    let next = match ready {
        Some(id) => Some(id),
        None => connection
            .prepare_cached(
                "SELECT id FROM jobs INDEXED BY jobs_due
                 WHERE (due_at <= ?2 OR due_at > ?3) AND status = 'queued'
                   AND attachment IN (SELECT value FROM json_each(?1)) ORDER BY due_at, id LIMIT 1",
            )?
            .query_row(
                params![attachments, time_text(now), time_text(latest(now))],
                |row| row.get(0),
            )
            .optional()?,
    };
    let Some(id) = next else { return Ok(None) };
    connection
        .prepare_cached("UPDATE jobs SET due_at = NULL, reason_code = NULL WHERE id = ?1")?
        .execute([id])?;
    let job = jobs::get(connection, id)?;
    move_to(connection, id, Stage::Grade, Status::Running, "", now)?;
    Ok(job)
}

/// Whether a job of these directories is graded now, or could be.
pub fn any_to_grade(
    connection: &Connection,
    attachments: &[i64],
    now: Timestamp,
) -> rusqlite::Result<bool> {
    connection
        .prepare_cached(
            "SELECT EXISTS (SELECT 1 FROM jobs WHERE status = 'running'
               AND stage IN ('import', 'grade', 'seed')
               AND attachment IN (SELECT value FROM json_each(?1)))
             OR EXISTS (SELECT 1 FROM jobs INDEXED BY jobs_ready WHERE status = 'queued'
               AND due_at IS NULL AND stage IN ('import', 'grade', 'seed')
               AND attachment IN (SELECT value FROM json_each(?1)))
             OR EXISTS (SELECT 1 FROM jobs INDEXED BY jobs_due
               WHERE (due_at <= ?2 OR due_at > ?3) AND status = 'queued'
               AND attachment IN (SELECT value FROM json_each(?1)))",
        )?
        .query_row(
            params![ids(attachments), time_text(now), time_text(latest(now))],
            |row| row.get(0),
        )
}

/// No job is put off for longer than a day: what is due later was written by a clock that was set
/// back since.
fn latest(now: Timestamp) -> Timestamp {
    now.checked_add(LONGEST_WAIT).unwrap_or(now)
}

/// When the first job of these directories is due that is not yet; none where there is none.
pub fn next_due(
    connection: &Connection,
    attachments: &[i64],
    now: Timestamp,
) -> rusqlite::Result<Option<Timestamp>> {
    let next: Option<String> = connection
        .prepare_cached(
            "SELECT due_at FROM jobs INDEXED BY jobs_due
             WHERE due_at > ?2 AND due_at <= ?3 AND status = 'queued'
               AND attachment IN (SELECT value FROM json_each(?1)) ORDER BY due_at LIMIT 1",
        )?
        .query_row(
            params![ids(attachments), time_text(now), time_text(latest(now))],
            |row| row.get(0),
        )
        .optional()?;
    Ok(next.and_then(|next| next.parse().ok()))
}

/// Puts off a job that was just put back into the queue, because its judge could not be asked.
pub fn put_off(connection: &Connection, id: i64, due: Timestamp) -> rusqlite::Result<()> {
    connection
        .prepare_cached("UPDATE jobs SET due_at = ?2, put_off = put_off + 1 WHERE id = ?1")?
        .execute(params![id, time_text(due)])?;
    for_money(connection, id)
}

/// How often a job was put off, but for those tries that somebody asked for.
pub fn put_off_times(connection: &Connection, id: i64) -> rusqlite::Result<u32> {
    connection
        .prepare_cached("SELECT put_off FROM jobs WHERE id = ?1")?
        .query_row([id], |row| row.get(0))
}

/// Notes that a job came to a pause in order: what was tried until now does not count against it.
pub fn for_money(connection: &Connection, id: i64) -> rusqlite::Result<()> {
    connection
        .prepare_cached(
            "UPDATE jobs SET tried_from =
               (SELECT coalesce(max(number), 0) FROM transitions WHERE job = ?1) WHERE id = ?1",
        )?
        .execute([id])?;
    Ok(())
}

/// Makes jobs of a directory due at once that are put off: something may be different now. Such a
/// try is not one of those after which a job is settled.
pub fn hurry(connection: &Connection, attachment: i64) -> rusqlite::Result<usize> {
    connection
        .prepare_cached(
            "UPDATE jobs SET due_at = NULL, put_off = max(put_off - 1, 0)
             WHERE due_at IS NOT NULL AND status = 'queued' AND attachment = ?1",
        )?
        .execute([attachment])
}

/// How often a job was begun since it last paused in order.
pub fn tries(connection: &Connection, id: i64) -> rusqlite::Result<i64> {
    connection
        .prepare_cached(
            "SELECT count(*) FROM transitions WHERE job = ?1 AND status = 'running'
               AND number > (SELECT tried_from FROM jobs WHERE id = ?1)",
        )?
        .query_row([id], |row| row.get(0))
}

/// Puts jobs that waited for money back into the queue.
pub fn requeue(connection: &Connection, now: Timestamp) -> rusqlite::Result<usize> {
    let waiting: Vec<(i64, String)> = connection
        .prepare_cached("SELECT id, stage FROM jobs WHERE status = 'waiting_budget' ORDER BY id")?
        .query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?
        .collect::<rusqlite::Result<_>>()?;
    for (id, stage) in &waiting {
        let stage = Stage::of(stage).unwrap_or(Stage::Reproduce);
        let reason = "money may be there again";
        move_to(connection, *id, stage, Status::Queued, reason, now)?;
    }
    Ok(waiting.len())
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use archal_core::trace::TraceIdentity;
    use serde_json::json;

    use super::super::{State, attachments, traces};
    use super::*;
    use crate::store::layout::Layout;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).expect("in range")
    }

    /// A state with three jobs of one directory, all queued to be graded, and the directory.
    fn three() -> (tempfile::TempDir, State, i64) {
        let folder = tempfile::tempdir().expect("temporary folder");
        let layout = Layout::of(folder.path(), None);
        let state = State::open(&layout, false).expect("opened").state;
        let home = state
            .write(|change| attachments::attach(change, Path::new("/t"), &json!({}), at(1)))
            .expect("written");
        for name in ["a", "b", "c"] {
            let identity = TraceIdentity {
                source: "file".to_owned(),
                project: String::new(),
                trace: name.to_owned(),
            };
            state
                .write(|change| {
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
                    let id = jobs::begin(change, &new, at(1))?;
                    move_to(change, id, Stage::Grade, Status::Queued, "", at(1))
                })
                .expect("written");
        }
        (folder, state, home)
    }

    /// The job that is taken then, which is put off until another time where that is said.
    fn claim(state: &State, home: i64, second: i64, until: Option<i64>) -> Option<i64> {
        let claimed = state.write(|change| {
            let job = claim_to_grade(change, &[home], at(second))?;
            if let (Some(job), Some(until)) = (&job, until) {
                move_to(change, job.id, Stage::Grade, Status::Queued, "", at(second))?;
                put_off(change, job.id, at(until))?;
            }
            Ok(job.map(|job| job.id))
        });
        claimed.expect("written")
    }

    fn end(state: &State, id: i64) {
        let ended =
            |change: &Connection| move_to(change, id, Stage::Grade, Status::Unsure, "", at(9));
        state.write(|change| ended(change)).expect("written");
    }

    #[test]
    fn what_is_put_off_holds_up_nobody_and_is_next_at_its_time() {
        let (_folder, state, home) = three();
        let any = |second| state.read(|rows| any_to_grade(rows, &[home], at(second)));
        let next = |second| state.read(|rows| next_due(rows, &[home], at(second)));
        assert_eq!(claim(&state, home, 2, Some(100)), Some(1));
        assert_eq!(claim(&state, home, 2, Some(60)), Some(2));
        assert_eq!(claim(&state, home, 2, None), Some(3));
        assert!(any(2).expect("read"), "one is graded now");
        end(&state, 3);
        assert_eq!(claim(&state, home, 59, None), None);
        assert!(!any(59).expect("read"), "others are gone on with");
        assert_eq!(next(59).expect("read"), Some(at(60)));
        // What is due already waits for a hand and no time.
        assert_eq!(next(60).expect("read"), Some(at(100)));
        assert!(any(60).expect("read"));
        assert_eq!(claim(&state, home, 60, Some(400)), Some(2));
        assert_eq!(claim(&state, home, 100, None), Some(1));
        // The clock was set back: it is not waited for the time it had.
        assert_eq!(next(-100_000).expect("read"), None);
        assert_eq!(claim(&state, home, -100_000, None), Some(2));
        let times = state.read(|rows| put_off_times(rows, 2));
        assert_eq!(times.expect("read"), 2);
    }

    #[test]
    fn a_try_that_somebody_asked_for_is_none_of_those_that_are_counted() {
        let (_folder, state, home) = three();
        let times = || state.read(|rows| put_off_times(rows, 1)).expect("read");
        claim(&state, home, 2, Some(60));
        for second in 3..9 {
            let hurried = state.write(|change| hurry(change, home)).expect("written");
            assert_eq!((hurried, times()), (1, 0));
            assert_eq!(claim(&state, home, second, Some(60)), Some(1));
            assert_eq!(times(), 1);
        }
    }

    #[test]
    fn only_tries_that_ended_with_archal_count_against_a_job() {
        let (_folder, state, home) = three();
        let tries = || state.read(|rows| tries(rows, 1)).expect("read");
        assert_eq!(tries(), 1, "it was begun at import");
        for _ in 0..30 {
            state.write(|change| hurry(change, home)).expect("written");
            claim(&state, home, 2, Some(60));
            assert_eq!(tries(), 0);
        }
        state.write(|change| hurry(change, home)).expect("written");
        claim(&state, home, 2, None);
        state
            .write(|change| jobs::requeue_running(change, at(3)))
            .expect("written");
        claim(&state, home, 3, None);
        assert_eq!(tries(), 2);
        state
            .write(|change| {
                move_to(change, 1, Stage::Grade, Status::WaitingBudget, "", at(3))?;
                for_money(change, 1)?;
                requeue(change, at(4))
            })
            .expect("written");
        assert_eq!(tries(), 0);
        assert_eq!(claim(&state, home, 4, None), Some(1));
    }
}
