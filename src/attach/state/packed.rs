//! Which traces archal itself put into the files of trace directories.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use archal_core::clock::{Clock, Timestamp};
use archal_core::trace::TraceIdentity;
use rusqlite::{Connection, OptionalExtension, params};

use crate::ingest::import::{Known, Ledger, LedgerError};
use crate::ingest::pack::Packed;

use super::{State, time_text};

/// How a revision of a trace stands in a directory. What stands in a file that is gone is not
/// there, unless it was worked on; of what stands in files the newest counts as the last that came.
pub fn known(
    connection: &Connection,
    directory: &Path,
    identity: &TraceIdentity,
    revision: &str,
) -> rusqlite::Result<Known> {
    let worked_on: Option<bool> = connection
        .prepare_cached(
            "SELECT max(jobs.revision = ?4) FROM traces JOIN jobs ON jobs.trace = traces.id
             WHERE traces.trace = ?3 AND traces.source = ?1 AND traces.project = ?2",
        )?
        .query_row(
            params![identity.source, identity.project, identity.trace, revision],
            |row| row.get(0),
        )
        .optional()?
        .flatten();
    let rows: Vec<(String, Vec<u8>)> = connection
        .prepare_cached(
            "SELECT packed.revision, packed_files.path
             FROM packed JOIN packed_files ON packed_files.id = packed.file
             WHERE packed.trace = ?3 AND packed.source = ?1 AND packed.project = ?2
               AND packed_files.directory = ?4
             ORDER BY packed_files.id DESC",
        )?
        .query_map(
            params![
                identity.source,
                identity.project,
                identity.trace,
                directory.as_os_str().as_bytes()
            ],
            |row| Ok((row.get(0)?, row.get(1)?)),
        )?
        .collect::<rusqlite::Result<_>>()?;
    let mut is_newest = true;
    for (packed, path) in rows {
        if !Path::new(OsStr::from_bytes(&path)).exists() {
            continue;
        }
        if packed == revision {
            return Ok(if is_newest {
                Known::Same
            } else {
                Known::Earlier
            });
        }
        is_newest = false;
    }
    Ok(match worked_on {
        Some(true) if is_newest => Known::Same,
        Some(true) => Known::Earlier,
        Some(false) => Known::Changed,
        None if is_newest => Known::New,
        None => Known::Changed,
    })
}

/// The file of a directory that has the newest revision of a trace.
pub fn place(
    connection: &Connection,
    directory: &Path,
    identity: &TraceIdentity,
) -> rusqlite::Result<Option<PathBuf>> {
    let mut newest_first = connection.prepare_cached(
        "SELECT packed_files.path
         FROM packed JOIN packed_files ON packed_files.id = packed.file
         WHERE packed.trace = ?3 AND packed.source = ?1 AND packed.project = ?2
           AND packed_files.directory = ?4
         ORDER BY packed_files.id DESC",
    )?;
    let mut rows = newest_first.query(params![
        identity.source,
        identity.project,
        identity.trace,
        directory.as_os_str().as_bytes()
    ])?;
    while let Some(row) = rows.next()? {
        let path: Vec<u8> = row.get(0)?;
        let path = Path::new(OsStr::from_bytes(&path));
        if path.exists() {
            return Ok(Some(path.to_owned()));
        }
    }
    Ok(None)
}

/// Notes a file that was written for a source.
pub fn note(
    connection: &Connection,
    source: &str,
    packed: &Packed,
    now: Timestamp,
) -> rusqlite::Result<()> {
    let directory = packed.path.parent().unwrap_or(Path::new(""));
    let file: i64 = connection
        .prepare_cached(
            "INSERT INTO packed_files (path, directory, registered, traces, bytes, at)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6)
             ON CONFLICT (path) DO UPDATE SET at = ?6
             RETURNING id",
        )?
        .query_row(
            params![
                packed.path.as_os_str().as_bytes(),
                directory.as_os_str().as_bytes(),
                source,
                packed.traces.len(),
                packed.bytes,
                time_text(now)
            ],
            |row| row.get(0),
        )?;
    let mut insert = connection.prepare_cached(
        "INSERT OR IGNORE INTO packed (trace, source, project, file, revision)
         VALUES (?1, ?2, ?3, ?4, ?5)",
    )?;
    for (identity, revision) in &packed.traces {
        insert.execute(params![
            identity.trace,
            identity.source,
            identity.project,
            file,
            revision
        ])?;
    }
    Ok(())
}

/// Whether a trace was brought by the source of that name. Files that others drop may say so, too.
pub fn came_by(
    connection: &Connection,
    source: &str,
    (project, trace): (&str, &str),
) -> rusqlite::Result<bool> {
    connection
        .prepare_cached(
            "SELECT EXISTS (SELECT 1 FROM packed JOIN packed_files ON packed_files.id = packed.file
             WHERE packed.trace = ?3 AND packed.source = ?1 AND packed.project = ?2
               AND packed_files.registered = ?1)",
        )?
        .query_row(params![source, project, trace], |row| row.get(0))
}

/// What came of a source.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Came {
    /// Its traces that were worked on, and those that archal packed and nobody worked on yet.
    pub traces: u64,
    /// When the last of them was taken in or packed.
    pub last: Option<String>,
}

/// What came of the source of that name.
pub fn came(connection: &Connection, source: &str) -> rusqlite::Result<Came> {
    connection
        .prepare_cached(
            "WITH came (trace, source, project, at) AS (
               SELECT traces.trace, traces.source, traces.project, jobs.created_at
               FROM traces JOIN jobs ON jobs.trace = traces.id WHERE traces.source = ?1
               UNION ALL
               SELECT packed.trace, packed.source, packed.project, packed_files.at
               FROM packed JOIN packed_files ON packed_files.id = packed.file
               WHERE packed_files.registered = ?1
             )
             SELECT count(*), max(at)
             FROM (SELECT max(at) AS at FROM came GROUP BY trace, source, project)",
        )?
        .query_row([source], |row| {
            Ok(Came {
                traces: row.get(0)?,
                last: row.get(1)?,
            })
        })
}

/// The ledger of imports, over the state of a repository.
pub struct PackedLedger<'a> {
    state: &'a State,
    clock: &'a dyn Clock,
}

impl State {
    /// What stands in the files of trace directories, as an import asks for it.
    pub fn ledger<'a>(&'a self, clock: &'a dyn Clock) -> PackedLedger<'a> {
        PackedLedger { state: self, clock }
    }
}

impl Ledger for PackedLedger<'_> {
    fn known(
        &self,
        directory: &Path,
        traces: &[(&TraceIdentity, &str)],
    ) -> Result<Vec<Known>, LedgerError> {
        let known = self.state.read(|connection| {
            traces
                .iter()
                .map(|(identity, revision)| known(connection, directory, identity, revision))
                .collect()
        })?;
        Ok(known)
    }

    fn place(
        &self,
        directory: &Path,
        identity: &TraceIdentity,
    ) -> Result<Option<PathBuf>, LedgerError> {
        let found = self
            .state
            .read(|connection| place(connection, directory, identity))?;
        Ok(found)
    }

    fn note(&self, source: &str, packed: &Packed) -> Result<(), LedgerError> {
        let now = self.clock.now();
        self.state
            .write(|change| note(change, source, packed, now))?;
        Ok(())
    }
}

/// The same, for whoever keeps the state to himself.
pub struct OwnedLedger {
    state: State,
    clock: Arc<dyn Clock>,
}

impl OwnedLedger {
    /// Over a state that was opened beside whoever works with it.
    pub fn new(state: State, clock: Arc<dyn Clock>) -> Self {
        Self { state, clock }
    }
}

impl Ledger for OwnedLedger {
    fn known(
        &self,
        directory: &Path,
        traces: &[(&TraceIdentity, &str)],
    ) -> Result<Vec<Known>, LedgerError> {
        self.state
            .ledger(self.clock.as_ref())
            .known(directory, traces)
    }

    fn place(
        &self,
        directory: &Path,
        identity: &TraceIdentity,
    ) -> Result<Option<PathBuf>, LedgerError> {
        self.state
            .ledger(self.clock.as_ref())
            .place(directory, identity)
    }

    fn note(&self, source: &str, packed: &Packed) -> Result<(), LedgerError> {
        self.state.ledger(self.clock.as_ref()).note(source, packed)
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use archal_core::clock::FakeClock;

    use super::*;
    use crate::store::layout::Layout;

    #[test]
    fn a_revision_that_another_one_followed_is_told_from_the_newest() {
        let folder = tempfile::tempdir().expect("temporary folder");
        let layout = Layout::of(folder.path(), None);
        let state = State::open(&layout, false).expect("opened").state;
        let clock = FakeClock::new("2026-03-01T12:00:00Z".parse().expect("a time"));
        let (ledger, directory) = (state.ledger(&clock), folder.path());
        let identity = TraceIdentity {
            source: "prod".to_owned(),
            project: String::new(),
            trace: "t-1".to_owned(),
        };
        let known = |revision: &str| {
            let asked = [(&identity, revision)];
            ledger.known(directory, &asked).expect("read")[0]
        };
        let write = |name: &str, revision: &str| {
            let path = directory.join(name);
            fs::write(&path, revision).expect("writable");
            let packed = Packed {
                path,
                bytes: 1,
                traces: vec![(identity.clone(), revision.to_owned())],
            };
            ledger.note("prod", &packed).expect("noted");
        };
        assert_eq!(known("a"), Known::New);
        write("1.json", "a");
        assert_eq!((known("a"), known("b")), (Known::Same, Known::Changed));
        write("2.json", "b");
        assert_eq!((known("a"), known("b")), (Known::Earlier, Known::Same));
        write("3.json", "a");
        assert_eq!((known("a"), known("b")), (Known::Same, Known::Earlier));
        // What stands in a file that is gone is not there.
        fs::remove_file(directory.join("3.json")).expect("mine");
        assert_eq!((known("a"), known("b")), (Known::Earlier, Known::Same));
    }
}
