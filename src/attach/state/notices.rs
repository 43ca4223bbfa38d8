//! What is to be told of failures, and what became of that: the outbox.
//!
//! A notice is a row that is written in the transaction of the change it tells of, so that none
//! is lost and none tells of what never was. It is delivered later, by a step of its own.

use std::time::Duration;

use archal_core::clock::Timestamp;
use archal_core::hash;
use rusqlite::{Connection, OptionalExtension, Row, params};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::failures::FailureStatus;
use super::time_text;
use crate::config::schema::NoticeEvent;

/// What became of a notice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// It was taken.
    Sent,
    /// It may not be sent, or the place it goes to is not known.
    Blocked,
    /// It was refused, or tried often enough.
    GivenUp,
    /// Nobody asked for it.
    Unwanted,
    /// The group was dismissed.
    Muted,
}

impl Outcome {
    const ALL: [Self; 5] = [
        Self::Sent,
        Self::Blocked,
        Self::GivenUp,
        Self::Unwanted,
        Self::Muted,
    ];

    /// As it is written in reports and rows.
    pub fn name(self) -> &'static str {
        match self {
            Self::Sent => "sent",
            Self::Blocked => "blocked",
            Self::GivenUp => "given_up",
            Self::Unwanted => "unwanted",
            Self::Muted => "muted",
        }
    }
}

/// A notice as its row has it.
#[derive(Debug, Clone, PartialEq)]
pub struct StoredNotice {
    /// Its row.
    pub id: i64,
    /// Its id for whoever is told, the same at each try.
    pub key: String,
    /// The group.
    pub failure: String,
    /// What happened; none where a later archal wrote it.
    pub event: Option<NoticeEvent>,
    /// What is told.
    pub body: Value,
    /// When it is to be tried next, or was to be the last time.
    pub due_at: String,
    /// How often it was tried.
    pub tries: u32,
    /// When it was closed.
    pub closed_at: Option<String>,
    /// What became of it; none while it is open.
    pub outcome: Option<Outcome>,
    /// Why it was not taken the last time.
    pub error: Option<String>,
}

/// Longer than any pause between two tries.
const LONGEST_WAIT: Duration = Duration::from_secs(25 * 3_600);

const COLUMNS: &str = "id, key, failure, event, body, due_at, tries, sent_at, outcome, error";
/// The attachment that the group of a notice came by.
const HOME: &str = "coalesce(
  (SELECT jobs.attachment FROM failures JOIN jobs ON jobs.id = failures.leader
    WHERE failures.name = notices.failure),
  (SELECT attachment FROM jobs WHERE jobs.failure = notices.failure ORDER BY id LIMIT 1))";

/// Writes down that something is to be told from `due` on; call it in the transaction of the
/// change. None where it was told already or the group is dismissed.
///
/// A group that is shown by a thousand traces is one notice: what was told is told again only
/// after the group was fixed or reopened, and `new` never.
pub fn add(
    connection: &Connection,
    failure: &str,
    event: NoticeEvent,
    body: &Value,
    due: Timestamp,
) -> rusqlite::Result<Option<i64>> {
    let is_muted: Option<bool> = connection
        .prepare_cached("SELECT status = ?2 FROM failures WHERE name = ?1")?
        .query_row(params![failure, FailureStatus::Dismissed.name()], |row| {
            row.get(0)
        })
        .optional()?;
    if is_muted == Some(true) || is_told(connection, failure, event)? {
        return Ok(None);
    }
    let due = time_text(due);
    let id = connection
        .prepare_cached(
            "INSERT INTO notices (failure, event, body, due_at) VALUES (?1, ?2, ?3, ?4)",
        )?
        .insert(params![failure, event.name(), body.to_string(), due])?;
    // Row numbers begin again when a broken state is put aside; these do not.
    let key = hash::sha256(format!("{failure}\n{}\n{due}\n{id}", event.name()).as_bytes());
    let key = key.trim_start_matches("sha256:");
    let key = format!("notice-{}", key.get(..16).unwrap_or(key));
    connection
        .prepare_cached("UPDATE notices SET key = ?2 WHERE id = ?1")?
        .execute(params![id, key])?;
    Ok(Some(id))
}

fn is_told(connection: &Connection, failure: &str, event: NoticeEvent) -> rusqlite::Result<bool> {
    let question = match event {
        NoticeEvent::New => {
            "SELECT EXISTS (SELECT 1 FROM notices WHERE failure = ?1 AND event = ?2)"
        }
        NoticeEvent::Fixed | NoticeEvent::Reopened => {
            "SELECT coalesce((SELECT event = ?2 FROM notices WHERE failure = ?1
               AND event IN ('fixed', 'reopened') ORDER BY id DESC LIMIT 1), 0)"
        }
        NoticeEvent::Reproduced | NoticeEvent::Blocked | NoticeEvent::FixFailed => {
            "SELECT EXISTS (SELECT 1 FROM notices WHERE failure = ?1 AND event = ?2 AND id >
               coalesce((SELECT max(id) FROM notices WHERE failure = ?1
                 AND event IN ('fixed', 'reopened')), 0))"
        }
    };
    connection
        .prepare_cached(question)?
        .query_row(params![failure, event.name()], |row| row.get(0))
}

/// Notices that are due, the first due first.
pub fn due(
    connection: &Connection,
    now: Timestamp,
    most: usize,
) -> rusqlite::Result<Vec<StoredNotice>> {
    due_where(connection, "1", "[]", now, most)
}

/// The same of groups that came by these directories, or by none. Those of others wait until they
/// are attached: they are told by the settings of their own.
pub fn due_of(
    connection: &Connection,
    attachments: &[i64],
    now: Timestamp,
    most: usize,
) -> rusqlite::Result<Vec<StoredNotice>> {
    due_where(connection, &of_these(4), &rows(attachments), now, most)
}

fn due_where(
    connection: &Connection,
    condition: &str,
    attachments: &str,
    now: Timestamp,
    most: usize,
) -> rusqlite::Result<Vec<StoredNotice>> {
    connection
        .prepare_cached(&format!(
            "SELECT {COLUMNS} FROM notices WHERE sent_at IS NULL AND (due_at <= ?1 OR due_at > ?3)
               AND (?4 IS NULL OR {condition}) ORDER BY due_at, id LIMIT ?2"
        ))?
        .query_map(
            params![time_text(now), most, time_text(latest(now)), attachments],
            of_row,
        )?
        .collect()
}

/// Whether the group of a notice came by a directory of the list that is that parameter, or by none.
fn of_these(parameter: usize) -> String {
    format!("coalesce({HOME} IN (SELECT value FROM json_each(?{parameter})), 1)")
}

/// Rows as SQLite's `json_each` takes them.
fn rows(attachments: &[i64]) -> String {
    serde_json::to_string(attachments).unwrap_or_default()
}

/// No notice is put off for longer than a day: what is due later was written by a clock that was
/// set back since.
fn latest(now: Timestamp) -> Timestamp {
    now.checked_add(LONGEST_WAIT).unwrap_or(now)
}

/// Opens notices again that could not be told for want of a permission or a place, of groups that
/// came by an attachment and that nobody dismissed; they are due at once.
pub fn reopen_blocked(
    connection: &Connection,
    attachment: i64,
    now: Timestamp,
) -> rusqlite::Result<usize> {
    let blocked: Vec<(i64, String)> = connection
        .prepare_cached(
            "SELECT id, failure FROM notices WHERE outcome = ?1 AND NOT EXISTS
               (SELECT 1 FROM failures WHERE name = failure AND status = ?2)",
        )?
        .query_map(
            params![Outcome::Blocked.name(), FailureStatus::Dismissed.name()],
            |row| Ok((row.get(0)?, row.get(1)?)),
        )?
        .collect::<rusqlite::Result<_>>()?;
    let mut reopened = 0;
    for (id, failure) in blocked {
        if home(connection, &failure)? == Some(attachment) {
            reopened += connection
                .prepare_cached(
                    "UPDATE notices SET outcome = NULL, sent_at = NULL, due_at = ?2 WHERE id = ?1",
                )?
                .execute(params![id, time_text(now)])?;
        }
    }
    Ok(reopened)
}

/// The attachment that a group came by: that of the job that leads it, else of its first.
pub fn home(connection: &Connection, failure: &str) -> rusqlite::Result<Option<i64>> {
    connection
        .prepare_cached(&format!(
            "SELECT {HOME} FROM (SELECT ?1 AS failure) AS notices"
        ))?
        .query_row([failure], |row| row.get(0))
}

/// When the next open notice is due, at the earliest now; none where there is none.
pub fn next_due(connection: &Connection, now: Timestamp) -> rusqlite::Result<Option<Timestamp>> {
    next_due_where(connection, "1", "[]", now)
}

/// The same of groups that came by these directories, or by none.
pub fn next_due_of(
    connection: &Connection,
    attachments: &[i64],
    now: Timestamp,
) -> rusqlite::Result<Option<Timestamp>> {
    next_due_where(connection, &of_these(1), &rows(attachments), now)
}

fn next_due_where(
    connection: &Connection,
    condition: &str,
    attachments: &str,
    now: Timestamp,
) -> rusqlite::Result<Option<Timestamp>> {
    let (first, last): (Option<String>, Option<String>) = connection
        .prepare_cached(&format!(
            "SELECT min(due_at), max(due_at) FROM notices
             WHERE sent_at IS NULL AND (?1 IS NULL OR {condition})"
        ))?
        .query_row([attachments], |row| Ok((row.get(0)?, row.get(1)?)))?;
    let [first, last] = [first, last].map(|text| text.and_then(|text| text.parse().ok()));
    if last.is_some_and(|last: Timestamp| last > latest(now)) {
        return Ok(Some(now));
    }
    Ok(first.map(|first: Timestamp| first.max(now)))
}

/// The notices of a group, oldest first.
pub fn of_failure(connection: &Connection, failure: &str) -> rusqlite::Result<Vec<StoredNotice>> {
    connection
        .prepare_cached(&format!(
            "SELECT {COLUMNS} FROM notices WHERE failure = ?1 ORDER BY id"
        ))?
        .query_map([failure], of_row)?
        .collect()
}

/// Writes that a notice was tried in vain and when it is to be tried again.
pub fn put_off(
    connection: &Connection,
    id: i64,
    error: &str,
    due: Timestamp,
) -> rusqlite::Result<()> {
    connection
        .prepare_cached(
            "UPDATE notices SET tries = tries + 1, error = ?2, due_at = ?3
             WHERE id = ?1 AND sent_at IS NULL",
        )?
        .execute(params![id, error, time_text(due)])?;
    Ok(())
}

/// Closes a notice; it is never looked at again.
pub fn close(
    connection: &Connection,
    id: i64,
    outcome: Outcome,
    error: Option<&str>,
    now: Timestamp,
) -> rusqlite::Result<()> {
    connection
        .prepare_cached(
            "UPDATE notices SET outcome = ?2, error = ?3, sent_at = ?4,
               tries = tries + (?2 IN ('sent', 'given_up'))
             WHERE id = ?1 AND sent_at IS NULL",
        )?
        .execute(params![id, outcome.name(), error, time_text(now)])?;
    Ok(())
}

/// Closes what is still to be told of a group, because a person dismissed it.
pub fn mute(connection: &Connection, failure: &str, now: Timestamp) -> rusqlite::Result<usize> {
    connection
        .prepare_cached(
            "UPDATE notices SET outcome = ?2, sent_at = ?3
             WHERE failure = ?1 AND sent_at IS NULL",
        )?
        .execute(params![failure, Outcome::Muted.name(), time_text(now)])
}

/// How many notices of groups that came by these directories, or by none, are not closed.
pub fn count_open(connection: &Connection, attachments: &[i64]) -> rusqlite::Result<u64> {
    connection
        .prepare_cached(&format!(
            "SELECT count(*) FROM notices WHERE sent_at IS NULL AND {}",
            of_these(1)
        ))?
        .query_row([rows(attachments)], |row| row.get(0))
}

fn of_row(row: &Row<'_>) -> rusqlite::Result<StoredNotice> {
    let event: String = row.get(3)?;
    let body: String = row.get(4)?;
    let outcome: Option<String> = row.get(8)?;
    Ok(StoredNotice {
        id: row.get(0)?,
        key: row.get(1)?,
        failure: row.get(2)?,
        event: serde_json::from_value(Value::String(event)).ok(),
        body: serde_json::from_str(&body).unwrap_or_default(),
        due_at: row.get(5)?,
        tries: row.get(6)?,
        closed_at: row.get(7)?,
        outcome: outcome.and_then(|name| {
            Outcome::ALL
                .into_iter()
                .find(|outcome| outcome.name() == name)
        }),
        error: row.get(9)?,
    })
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::super::{State, attachments, failures, jobs, traces};
    use super::*;
    use crate::store::layout::Layout;
    use NoticeEvent::{Blocked, Fixed, New, Reopened};
    use serde_json::json;

    fn state() -> (tempfile::TempDir, State) {
        let folder = tempfile::tempdir().expect("temporary folder");
        let layout = Layout::of(folder.path(), None);
        let state = State::open(&layout, false).expect("opened").state;
        (folder, state)
    }

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).expect("in range")
    }

    #[test]
    fn a_thousand_traces_of_one_failure_are_one_notice() {
        let (_folder, state) = state();
        let told = |event| {
            state
                .write(|change| add(change, "g", event, &json!({}), at(1)))
                .expect("written")
                .is_some()
        };
        assert!(told(New));
        for _ in 0..1_000 {
            assert!(!told(New));
        }
        let order = [
            Blocked, Blocked, Fixed, Fixed, Blocked, Reopened, Reopened, Blocked, Fixed,
        ];
        let expected = [true, false, true, false, true, true, false, true, true];
        for (event, expected) in order.into_iter().zip(expected) {
            assert_eq!(told(event), expected, "{event:?}");
        }
        assert!(!told(New));
        let all = state.read(|rows| of_failure(rows, "g")).expect("read");
        let mut keys: Vec<&str> = all.iter().map(|notice| notice.key.as_str()).collect();
        keys.sort_unstable();
        keys.dedup();
        assert_eq!(keys.len(), 7, "each has an id of its own");
    }

    #[test]
    fn a_dismissed_group_is_silent_and_what_was_due_is_closed() {
        let (_folder, state) = state();
        state
            .write(|change| {
                failures::seen(change, "g", &json!({}), "t", at(1))?;
                add(change, "g", New, &json!({"a": 1}), at(1))?;
                failures::set_status(change, "g", FailureStatus::Dismissed, None, at(2))?;
                mute(change, "g", at(2))
            })
            .expect("written");
        let told = state.write(|change| add(change, "g", Blocked, &json!({}), at(3)));
        assert_eq!(told.expect("written"), None);
        assert_eq!(state.read(|rows| due(rows, at(9), 9)).expect("read"), []);
        let all = state.read(|rows| of_failure(rows, "g")).expect("read");
        assert_eq!(all[0].outcome, Some(Outcome::Muted));
    }

    #[test]
    fn what_could_not_be_told_is_open_again_when_the_directory_of_its_group_can_tell() {
        let (_folder, state) = state();
        let identity = |trace: &str| archal_core::trace::TraceIdentity {
            source: "file".to_owned(),
            project: "p".to_owned(),
            trace: trace.to_owned(),
        };
        // Two groups, each come by a directory of its own.
        let homes: Vec<i64> = ["one", "two"]
            .into_iter()
            .map(|group| {
                let made = state.write(|change| {
                    let directory = Path::new("/traces").join(group);
                    let home = attachments::attach(change, &directory, &json!({}), at(1))?;
                    failures::seen(change, group, &json!({}), "t", at(1))?;
                    let known = traces::known(change, &identity(group))?;
                    let new = jobs::NewJob {
                        trace: &known,
                        attachment: home,
                        revision: "r",
                        age: (None, 1),
                        file: Path::new("t.json"),
                        import_hash: "x",
                        is_asked: false,
                    };
                    let job = jobs::begin(change, &new, at(1))?;
                    change.execute(
                        "UPDATE jobs SET failure = ?2 WHERE id = ?1",
                        params![job, group],
                    )?;
                    let notice = add(change, group, New, &json!({}), at(1))?.expect("new");
                    close(change, notice, Outcome::Blocked, Some("no"), at(2))?;
                    Ok(home)
                });
                made.expect("written")
            })
            .collect();
        // Whatever is open of one waits until that is attached; of no directory it is anybody's.
        let of = |homes: &[i64]| {
            let due = state.read(|rows| due_of(rows, homes, at(9), 9));
            let due = due.expect("read").into_iter();
            due.map(|notice| notice.failure).collect::<Vec<_>>()
        };
        let anybodys = state.write(|change| add(change, "none", New, &json!({}), at(1)));
        let anybodys = anybodys.expect("written").expect("new");
        assert_eq!(of(&homes[..1]), ["none"]);
        state
            .write(|change| close(change, anybodys, Outcome::Sent, None, at(2)))
            .expect("written");
        let reopen = |home| {
            let reopened = state.write(|change| reopen_blocked(change, home, at(3)));
            reopened.expect("written")
        };
        assert_eq!(reopen(homes[1]), 1);
        let open = state.read(|rows| due(rows, at(3), 9)).expect("read");
        assert_eq!(open.len(), 1);
        assert_eq!((open[0].failure.as_str(), open[0].outcome), ("two", None));
        assert_eq!(
            (of(&homes[..1]), of(&homes)),
            (vec![], vec!["two".to_owned()])
        );
        let next = |homes: &[i64]| state.read(|rows| next_due_of(rows, homes, at(9)));
        assert_eq!(next(&homes[..1]).expect("read"), None);
        assert_eq!(next(&homes[1..]).expect("read"), Some(at(9)));
        let open = state.read(|rows| count_open(rows, &homes[..1]));
        assert_eq!(open.expect("read"), 0);
        let dismissed = FailureStatus::Dismissed;
        state
            .write(|change| failures::set_status(change, "one", dismissed, None, at(3)))
            .expect("written");
        assert_eq!(reopen(homes[0]), 0, "nobody wants to hear of it");
    }

    #[test]
    fn what_was_put_off_is_due_at_its_time_and_what_is_closed_never() {
        let (_folder, state) = state();
        let id = state
            .write(|change| add(change, "g", New, &json!({}), at(1)))
            .expect("written")
            .expect("new");
        let due_at = |second| {
            let found = state.read(|rows| due(rows, at(second), 9)).expect("read");
            found.len()
        };
        assert_eq!((due_at(0), due_at(1)), (0, 1));
        state
            .write(|change| put_off(change, id, "hung", at(60)))
            .expect("written");
        assert_eq!((due_at(59), due_at(60)), (0, 1));
        let next = |now| state.read(|rows| next_due(rows, at(now))).expect("read");
        assert_eq!((next(2), next(99)), (Some(at(60)), Some(at(99))));
        // The clock was set back: it is not waited for the time it had.
        assert_eq!((due_at(-100_000), next(-100_000)), (1, Some(at(-100_000))));
        state
            .write(|change| close(change, id, Outcome::Sent, None, at(61)))
            .expect("written");
        assert_eq!(due_at(99), 0);
        let all = state.read(|rows| of_failure(rows, "g")).expect("read");
        assert_eq!((all[0].tries, all[0].outcome), (2, Some(Outcome::Sent)));
    }
}
