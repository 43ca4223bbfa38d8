//! How many files and jobs stand how, kept with every change by triggers of the database:
//! counting a million rows takes longer than people wait.

use rusqlite::Connection;

use super::super::job::{Stage, Status};
use super::jobs::{stage, status};

/// How many files of a directory have a stamp.
pub fn stamped(connection: &Connection, attachment: i64) -> rusqlite::Result<u64> {
    connection
        .prepare_cached(
            "SELECT coalesce(sum(files), 0) FROM file_tallies WHERE attachment = ?1 AND stamped",
        )?
        .query_row([attachment], |row| row.get(0))
}

/// How many files of a directory have each status.
pub fn files(connection: &Connection, attachment: i64) -> rusqlite::Result<Vec<(String, u64)>> {
    connection
        .prepare_cached(
            "SELECT status, sum(files) FROM file_tallies WHERE attachment = ?1 AND files > 0
             GROUP BY status ORDER BY status",
        )?
        .query_map([attachment], |row| Ok((row.get(0)?, row.get(1)?)))?
        .collect()
}

/// How many jobs of a directory, or of all, stand in each status and stage.
pub fn jobs(
    connection: &Connection,
    attachment: Option<i64>,
) -> rusqlite::Result<Vec<(Status, Stage, u64)>> {
    connection
        .prepare_cached(
            "SELECT status, stage, sum(jobs) FROM job_tallies
             WHERE (?1 IS NULL OR attachment = ?1) AND jobs > 0 GROUP BY status, stage",
        )?
        .query_map([attachment], |row| {
            Ok((status(row, 0)?, stage(row, 1)?, row.get(2)?))
        })?
        .collect()
}

/// Why jobs are blocked, most first: code, cause and number.
pub fn causes(connection: &Connection) -> rusqlite::Result<Vec<(String, String, u64)>> {
    connection
        .prepare_cached(
            "SELECT code, cause, sum(jobs) FROM job_tallies
             WHERE status IN ('blocked', 'fix_blocked') AND jobs > 0
             GROUP BY 1, 2 ORDER BY 3 DESC, 1, 2",
        )?
        .query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?
        .collect()
}

#[cfg(test)]
mod tests {
    use archal_core::trace::TraceIdentity;
    use proptest::prelude::*;

    use std::path::{Path, PathBuf};

    use super::super::super::job::{FileRow, JobReport};
    use super::super::files::{forget, gone, put};
    use super::super::{State, attachments, jobs, schema, traces, waits};
    use super::*;
    use crate::store::database::{self, Promise};
    use crate::store::layout::Layout;
    use archal_core::clock::Timestamp;

    const NOW: Timestamp = Timestamp::UNIX_EPOCH;
    const NAMES: u8 = 6;

    /// Something that happens to the file and the jobs of a name.
    #[derive(Debug, Clone)]
    enum Happens {
        Looked {
            name: u8,
            is_imported: bool,
            has_stamp: bool,
        },
        Gone(u8),
        Forgotten(u8),
        Began(u8),
        Put {
            name: u8,
            status: Status,
            cause: Option<u8>,
        },
        Moved {
            name: u8,
            status: Status,
        },
        RunningRequeued,
        WaitingRequeued,
        EndedRequeued(Status),
    }

    fn happens() -> impl Strategy<Value = Happens> {
        let name = || 0..NAMES;
        let status = || proptest::sample::select(Status::ALL.to_vec());
        prop_oneof![
            4 => (name(), any::<bool>(), any::<bool>()).prop_map(|(name, is_imported, has_stamp)| {
                Happens::Looked { name, is_imported, has_stamp }
            }),
            1 => name().prop_map(Happens::Gone),
            1 => name().prop_map(Happens::Forgotten),
            3 => name().prop_map(Happens::Began),
            6 => (name(), status(), proptest::option::of(0..2_u8)).prop_map(
                |(name, status, cause)| Happens::Put { name, status, cause }
            ),
            3 => (name(), status()).prop_map(|(name, status)| Happens::Moved { name, status }),
            1 => Just(Happens::RunningRequeued),
            1 => Just(Happens::WaitingRequeued),
            1 => status().prop_map(Happens::EndedRequeued),
        ]
    }

    fn row(name: u8, is_imported: bool) -> FileRow {
        FileRow {
            path: PathBuf::from(format!("/traces/{name}.json")),
            status: if is_imported { "imported" } else { "waiting" }.to_owned(),
            reason: None,
            dialect: None,
            traces: 1,
            redactions: 0,
            diagnostics: Vec::new(),
        }
    }

    fn identity(name: u8) -> TraceIdentity {
        TraceIdentity {
            source: "file".to_owned(),
            project: String::new(),
            trace: format!("t-{name}"),
        }
    }

    fn happen(rows: &Connection, attachment: i64, what: &Happens) -> rusqlite::Result<()> {
        let path = |name: u8| row(name, true).path;
        let newest = |name: u8| {
            let trace = traces::known(rows, &identity(name))?;
            jobs::newest(rows, trace.id)
        };
        match *what {
            Happens::Looked {
                name,
                is_imported,
                has_stamp,
            } => {
                let stamp: &[u8] = if has_stamp { &[name] } else { &[] };
                put(rows, attachment, &row(name, is_imported), stamp, NOW)?;
            }
            Happens::Gone(name) => gone(rows, attachment, &path(name))?,
            Happens::Forgotten(name) => forget(rows, attachment, &path(name))?,
            Happens::Began(name) => {
                let trace = traces::known(rows, &identity(name))?;
                let new = jobs::NewJob {
                    trace: &trace,
                    attachment,
                    revision: "r",
                    age: (None, 1),
                    file: &path(name),
                    import_hash: "",
                    is_asked: false,
                };
                jobs::begin(rows, &new, NOW)?;
            }
            Happens::Put {
                name,
                status,
                cause,
            } => {
                if let Some(job) = newest(name)? {
                    let report = JobReport {
                        status,
                        stage: Stage::Grade,
                        reason: format!("of {name}"),
                        reason_code: cause.map(|cause| format!("code {cause}")),
                        cause: cause.map(|cause| format!("cause {cause}")),
                        ..job.report
                    };
                    jobs::put(rows, job.id, &report, None, NOW)?;
                }
            }
            Happens::Moved { name, status } => {
                if let Some(job) = newest(name)? {
                    jobs::move_to(rows, job.id, Stage::Fix, status, "moved", NOW)?;
                }
            }
            Happens::RunningRequeued => drop(jobs::requeue_running(rows, NOW)?),
            Happens::WaitingRequeued => drop(waits::requeue(rows, NOW)?),
            Happens::EndedRequeued(status) => {
                let to = (status, Stage::Reproduce);
                jobs::requeue_ended(rows, attachment, to, "may go on", NOW)?;
            }
        }
        Ok(())
    }

    type Told = (
        Vec<(String, u64)>,
        u64,
        Vec<(String, String, u64)>,
        Vec<(String, String, u64)>,
    );

    fn told(rows: &Connection, attachment: i64) -> rusqlite::Result<Told> {
        let mut jobs: Vec<(String, String, u64)> = jobs(rows, Some(attachment))?
            .into_iter()
            .map(|(status, stage, jobs)| (status.name().to_owned(), stage.name().to_owned(), jobs))
            .collect();
        jobs.sort();
        let files = files(rows, attachment)?;
        Ok((files, stamped(rows, attachment)?, jobs, causes(rows)?))
    }

    /// The same, counted row by row.
    fn counted(rows: &Connection, attachment: i64) -> rusqlite::Result<Told> {
        let three = |question: &str| -> rusqlite::Result<Vec<(String, String, u64)>> {
            rows.prepare(question)?
                .query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?
                .collect()
        };
        let files = rows
            .prepare(
                "SELECT status, count(*) FROM files WHERE attachment = ?1 GROUP BY 1 ORDER BY 1",
            )?
            .query_map([attachment], |row| Ok((row.get(0)?, row.get(1)?)))?
            .collect::<rusqlite::Result<_>>()?;
        let stamped = rows.query_row(
            "SELECT count(*) FROM files WHERE attachment = ?1 AND stamp <> x''",
            [attachment],
            |row| row.get(0),
        )?;
        let jobs = three("SELECT status, stage, count(*) FROM jobs GROUP BY 1, 2 ORDER BY 1, 2")?;
        let causes = three(
            "SELECT coalesce(reason_code, ''), coalesce(cause, reason), count(*) FROM jobs
             WHERE status IN ('blocked', 'fix_blocked') GROUP BY 1, 2 ORDER BY 3 DESC, 1, 2",
        )?;
        Ok((files, stamped, jobs, causes))
    }

    fn layout() -> (tempfile::TempDir, Layout) {
        let folder = tempfile::tempdir().expect("temporary folder");
        let layout = Layout::of(folder.path(), None);
        layout.prepare().expect("writable");
        (folder, layout)
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(48))]
        #[test]
        fn what_is_told_is_what_counting_gives(
            before in proptest::collection::vec(happens(), 0..40),
            after in proptest::collection::vec(happens(), 0..40),
        ) {
            let (_folder, layout) = layout();
            // Written by an archal that kept no count.
            let path = layout.state_database();
            let older = database::open(&path, &schema::MIGRATIONS[..2], Promise::Whole)
                .expect("opened");
            attachments::attach(&older, Path::new("/traces"), &serde_json::json!({}), NOW)
                .expect("written");
            // What jobs hold since then is written, too, and is not what counts here.
            older.execute_batch("ALTER TABLE jobs ADD COLUMN published TEXT").expect("added");
            for what in before {
                happen(&older, 1, &what).expect("written");
            }
            older.execute_batch("ALTER TABLE jobs DROP COLUMN published").expect("dropped");
            drop(older);
            let state = State::open(&layout, true).expect("opened").state;
            let told_now = || state.read(|rows| told(rows, 1)).expect("read");
            let counted_now = || state.read(|rows| counted(rows, 1)).expect("read");
            prop_assert_eq!(told_now(), counted_now());
            for what in after {
                state.write(|rows| happen(rows, 1, &what)).expect("written");
            }
            prop_assert_eq!(told_now(), counted_now());
        }
    }

    #[test]
    fn jobs_that_may_go_on_say_so_in_their_transitions() {
        let (_folder, layout) = layout();
        let state = State::open(&layout, true).expect("opened").state;
        let went = state
            .write(|rows| {
                for directory in ["/one", "/two"] {
                    let flags = serde_json::json!({});
                    attachments::attach(rows, Path::new(directory), &flags, NOW)?;
                }
                for (name, attachment) in [(1, 1), (2, 2), (3, 1)] {
                    happen(rows, attachment, &Happens::Began(name))?;
                    let status = if name == 3 {
                        Status::Ok
                    } else {
                        Status::FailedGrade
                    };
                    happen(rows, attachment, &Happens::Moved { name, status })?;
                }
                let to = (Status::FailedGrade, Stage::Reproduce);
                assert_eq!(jobs::requeue_ended(rows, 1, to, "may go on", NOW)?, 1);
                (1..=3)
                    .map(|id| {
                        let last = jobs::transitions(rows, id)?.pop().expect("it began");
                        Ok((last.stage, last.status, last.reason))
                    })
                    .collect::<rusqlite::Result<Vec<_>>>()
            })
            .expect("written");
        let stayed = |status| (Stage::Fix, status, "moved".to_owned());
        let goes_on = (Stage::Reproduce, Status::Queued, "may go on".to_owned());
        assert_eq!(
            went,
            [goes_on, stayed(Status::FailedGrade), stayed(Status::Ok)]
        );
    }
}
