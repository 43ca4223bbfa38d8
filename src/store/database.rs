//! SQLite files: opened with a version, checked, and put aside when they are broken.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use rusqlite::{Connection, ErrorCode, OpenFlags};

/// How long one process waits for another one's write.
const BUSY: Duration = Duration::from_secs(10);
/// How long it waits before it asks again, where SQLite does not wait by itself.
const PAUSE: Duration = Duration::from_millis(10);
/// SQLite's own files beside a database.
const COMPANIONS: [&str; 3] = ["", "-wal", "-shm"];

/// The steps that lead to the present form of a database, oldest first. A step that was
/// released is never changed; `PRAGMA user_version` counts those that were taken.
pub type Migrations = &'static [&'static str];

/// Why a database cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum DatabaseError {
    /// SQLite refused.
    #[error("{}", path.display())]
    Sqlite {
        /// The file.
        path: PathBuf,
        /// What SQLite says.
        source: rusqlite::Error,
    },
    /// Its folder could not be made, or a broken file not be put aside.
    #[error("{}", path.display())]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// The cause.
        source: io::Error,
    },
    /// A later archal wrote it.
    #[error("{} was written by a newer archal (form {found}, this one knows {known})", path.display())]
    Newer {
        /// The file.
        path: PathBuf,
        /// Its form.
        found: usize,
        /// The newest form known here.
        known: usize,
    },
    /// Its folder lies on another machine's disk.
    #[error("{} lies on a network file system ({kind}), where locks cannot be relied on", path.display())]
    Network {
        /// The file.
        path: PathBuf,
        /// The kind of file system.
        kind: String,
    },
    /// It is no database, or its content contradicts itself.
    #[error("{} is broken: {reason}", path.display())]
    Broken {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
}

impl DatabaseError {
    /// A failure of SQLite as this error: a broken file is told from a refusal.
    pub fn of(path: &Path, source: rusqlite::Error) -> Self {
        if is_broken(&source) {
            Self::Broken {
                path: path.to_owned(),
                reason: source.to_string(),
            }
        } else {
            Self::Sqlite {
                path: path.to_owned(),
                source,
            }
        }
    }

    /// Whether the file's content is lost, so that putting it aside is the way on.
    pub fn is_broken(&self) -> bool {
        matches!(self, Self::Broken { .. })
    }

    /// The command that mends it, where one does.
    pub fn way_out(&self) -> Option<&'static str> {
        match self {
            Self::Network { .. } => Some("export ARCHAL_STATE_DIR=<a folder on a local disk>"),
            Self::Io { .. } => Some("export ARCHAL_STATE_DIR=<a folder you may write>"),
            Self::Sqlite { .. } | Self::Newer { .. } | Self::Broken { .. } => None,
        }
    }

    /// Whether the disk is full.
    pub fn is_full(&self) -> bool {
        matches!(self, Self::Sqlite { source, .. } if source.sqlite_error_code() == Some(ErrorCode::DiskFull))
    }
}

fn is_broken(error: &rusqlite::Error) -> bool {
    matches!(
        error.sqlite_error_code(),
        Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase)
    )
}

/// What a database promises after a commit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Promise {
    /// It is whole after a crash of the system too; the last commits may be missing then.
    Whole,
    /// Every commit is on the disk.
    Synced,
}

/// Opens a database for reading and writing, readable by the user alone, and brings it to its
/// present form.
pub fn open(
    path: &Path,
    migrations: Migrations,
    promise: Promise,
) -> Result<Connection, DatabaseError> {
    let failed = |source| DatabaseError::of(path, source);
    no_folder(path)?;
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).map_err(|source| DatabaseError::Io {
            path: folder.to_owned(),
            source,
        })?;
    }
    born_private(path).map_err(|source| DatabaseError::Io {
        path: path.to_owned(),
        source,
    })?;
    let mut connection = Connection::open(path).map_err(failed)?;
    connection.busy_timeout(BUSY).map_err(failed)?;
    switch_to_wal(&connection).map_err(failed)?;
    let synchronous = match promise {
        Promise::Whole => "normal",
        Promise::Synced => "full",
    };
    connection
        .pragma_update(None, "synchronous", synchronous)
        .map_err(failed)?;
    connection
        .pragma_update(None, "foreign_keys", true)
        .map_err(failed)?;
    migrate(path, &mut connection, migrations)?;
    Ok(connection)
}

/// Opens a database that is there for reading; none where there is none.
pub fn open_to_read(
    path: &Path,
    migrations: Migrations,
) -> Result<Option<Connection>, DatabaseError> {
    let failed = |source| DatabaseError::of(path, source);
    if !path.exists() {
        return Ok(None);
    }
    no_folder(path)?;
    let (connection, found) = match opened_to_read(path) {
        Err(error) if is_closed(&error) && !has_log(path) => opened_as_it_is(path),
        opened => opened,
    }
    .map_err(failed)?;
    if found > migrations.len() {
        return Err(DatabaseError::Newer {
            path: path.to_owned(),
            found,
            known: migrations.len(),
        });
    }
    // One that an older archal wrote lacks tables; its next writer brings it up to date.
    Ok((found == migrations.len()).then_some(connection))
}

/// Opens for reading; gives the form, which is the first thing that is read.
fn opened_to_read(path: &Path) -> rusqlite::Result<(Connection, usize)> {
    let connection = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
    connection.busy_timeout(BUSY)?;
    let found = version(&connection)?;
    Ok((connection, found))
}

/// The same on a disk that cannot be written: readers would tell each other there where they are,
/// but nobody changes the file.
fn opened_as_it_is(path: &Path) -> rusqlite::Result<(Connection, usize)> {
    let mut address = "file:".to_owned();
    for byte in path.as_os_str().as_encoded_bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'/' | b'.' | b'_' | b'-' => {
                address.push(char::from(*byte));
            }
            other => address.push_str(&format!("%{other:02X}")),
        }
    }
    address.push_str("?immutable=1");
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_URI;
    let connection = Connection::open_with_flags(address, flags)?;
    let found = version(&connection)?;
    Ok((connection, found))
}

fn is_closed(error: &rusqlite::Error) -> bool {
    matches!(
        error.sqlite_error_code(),
        Some(ErrorCode::CannotOpen | ErrorCode::ReadOnly)
    )
}

/// Whether changes stand in the log beside a database that are not in its file.
fn has_log(path: &Path) -> bool {
    let mut log = path.as_os_str().to_owned();
    log.push("-wal");
    fs::metadata(log).is_ok_and(|log| log.len() > 0)
}

/// Reads all of a database and says what contradicts itself; takes time with its size.
pub fn check(path: &Path, connection: &Connection) -> Result<(), DatabaseError> {
    let found: String = connection
        .query_row("PRAGMA quick_check(1)", [], |row| row.get(0))
        .map_err(|source| DatabaseError::of(path, source))?;
    if found == "ok" {
        return Ok(());
    }
    Err(DatabaseError::Broken {
        path: path.to_owned(),
        reason: found,
    })
}

/// Moves a broken database to `<name>.broken-<n>`, the first free number, and says where.
pub fn set_aside(path: &Path) -> Result<PathBuf, DatabaseError> {
    let with = |end: &str| {
        let mut name = path.as_os_str().to_owned();
        name.push(end);
        PathBuf::from(name)
    };
    let mut number = 1;
    while COMPANIONS
        .iter()
        .any(|end| with(&format!(".broken-{number}{end}")).exists())
    {
        number += 1;
    }
    for end in COMPANIONS {
        let from = with(end);
        match fs::rename(&from, with(&format!(".broken-{number}{end}"))) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                return Err(DatabaseError::Io {
                    path: from,
                    source: error,
                });
            }
            _ => {}
        }
    }
    Ok(with(&format!(".broken-{number}")))
}

/// A folder where the file should be is no database, whatever SQLite says of it.
fn no_folder(path: &Path) -> Result<(), DatabaseError> {
    if path.is_dir() {
        return Err(DatabaseError::Broken {
            path: path.to_owned(),
            reason: "it is a folder".to_owned(),
        });
    }
    Ok(())
}

fn version(connection: &Connection) -> rusqlite::Result<usize> {
    let version: i64 = connection.query_row("PRAGMA user_version", [], |row| row.get(0))?;
    Ok(usize::try_from(version).unwrap_or(usize::MAX))
}

fn migrate(
    path: &Path,
    connection: &mut Connection,
    migrations: Migrations,
) -> Result<(), DatabaseError> {
    let failed = |source| DatabaseError::of(path, source);
    let known = migrations.len();
    if version(connection).map_err(failed)? == known {
        return Ok(());
    }
    let change = connection
        .transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)
        .map_err(failed)?;
    // Asked again: another process may have been first.
    let found = version(&change).map_err(failed)?;
    if found > known {
        return Err(DatabaseError::Newer {
            path: path.to_owned(),
            found,
            known,
        });
    }
    for step in migrations.iter().skip(found) {
        change.execute_batch(step).map_err(failed)?;
    }
    change
        .pragma_update(
            None,
            "user_version",
            i64::try_from(known).unwrap_or(i64::MAX),
        )
        .map_err(failed)?;
    change.commit().map_err(failed)
}

/// Several processes that make a database at once get in each other's way here, and SQLite
/// refuses instead of waiting: each would wait for the other.
fn switch_to_wal(connection: &Connection) -> rusqlite::Result<()> {
    let mut left = BUSY;
    loop {
        match connection.pragma_update(None, "journal_mode", "wal") {
            Err(error)
                if error.sqlite_error_code() == Some(ErrorCode::DatabaseBusy)
                    && !left.is_zero() =>
            {
                thread::sleep(PAUSE);
                left = left.saturating_sub(PAUSE);
            }
            outcome => return outcome,
        }
    }
}

/// Makes an empty file that only the user can read, unless there is one.
///
/// A file that is there is not opened: closing it again would take away the locks that other
/// connections of this process have on it. So a new one is closed before it gets its name.
#[cfg(unix)]
fn born_private(path: &Path) -> io::Result<()> {
    if path.exists() {
        return Ok(());
    }
    let folder = path.parent().unwrap_or(Path::new("."));
    // Temporary files are born 0600.
    let file = tempfile::Builder::new()
        .prefix(".database-")
        .suffix(".tmp")
        .tempfile_in(folder)?
        .into_temp_path();
    match file.persist_noclobber(path) {
        Err(error) if error.error.kind() != io::ErrorKind::AlreadyExists => Err(error.error),
        _ => Ok(()),
    }
}

#[cfg(not(unix))]
fn born_private(_path: &Path) -> io::Result<()> {
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const FIRST: Migrations = &["CREATE TABLE one (a INTEGER) STRICT"];
    const BOTH: Migrations = &[
        "CREATE TABLE one (a INTEGER) STRICT",
        "ALTER TABLE one ADD COLUMN b TEXT",
    ];

    #[test]
    fn a_database_is_brought_up_to_date_once_and_a_newer_one_is_left_alone() {
        let folder = tempfile::tempdir().expect("temporary folder");
        let path = folder.path().join("deep/state.db");
        let old = open(&path, FIRST, Promise::Whole).expect("opened");
        old.execute("INSERT INTO one VALUES (7)", [])
            .expect("written");
        drop(old);
        for _ in 0..2 {
            let new = open(&path, BOTH, Promise::Synced).expect("opened");
            let row: (i64, Option<String>) = new
                .query_row("SELECT a, b FROM one", [], |row| {
                    Ok((row.get(0)?, row.get(1)?))
                })
                .expect("kept");
            assert_eq!(row, (7, None));
            check(&path, &new).expect("whole");
        }
        let refused = open(&path, FIRST, Promise::Whole).expect_err("newer");
        assert!(refused.to_string().contains("newer archal (form 2"));
        assert!(matches!(
            open_to_read(&path, FIRST),
            Err(DatabaseError::Newer { .. })
        ));
    }

    #[test]
    fn a_broken_database_is_told_and_put_aside() {
        let folder = tempfile::tempdir().expect("temporary folder");
        let path = folder.path().join("state.db");
        for number in 1..=2 {
            fs::write(&path, "this is not a database, whatever its name says").expect("written");
            let error = open(&path, BOTH, Promise::Whole).expect_err("broken");
            assert!(error.is_broken(), "{error:?}");
            let aside = set_aside(&path).expect("moved");
            assert!(aside.ends_with(format!("state.db.broken-{number}")));
            assert!(aside.exists() && !path.exists());
        }
        open(&path, BOTH, Promise::Whole).expect("a new one");
    }

    #[test]
    fn several_can_make_it_at_once() {
        const SEVERAL: usize = 4;
        for _ in 0..20 {
            let folder = tempfile::tempdir().expect("temporary folder");
            let path = folder.path().join("new/state.db");
            let start = std::sync::Barrier::new(SEVERAL);
            thread::scope(|scope| {
                for _ in 0..SEVERAL {
                    scope.spawn(|| {
                        start.wait();
                        let database = open(&path, BOTH, Promise::Synced).expect("opened");
                        database
                            .execute("INSERT INTO one VALUES (1, NULL)", [])
                            .expect("written");
                    });
                }
            });
            let database = open(&path, BOTH, Promise::Whole).expect("opened");
            let rows: i64 = database
                .query_row("SELECT count(*) FROM one", [], |row| row.get(0))
                .expect("read");
            assert_eq!(rows, 4);
            let left = fs::read_dir(folder.path().join("new")).expect("readable");
            let names: Vec<_> = left
                .map(|file| file.expect("an entry").file_name())
                .collect();
            assert!(
                names
                    .iter()
                    .all(|name| name.to_string_lossy().starts_with("state.db"))
            );
        }
    }

    #[test]
    fn nobody_else_can_read_it_and_looking_makes_nothing() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().expect("temporary folder");
        let path = folder.path().join("state.db");
        assert!(open_to_read(&path, BOTH).expect("fine").is_none());
        assert!(!path.exists());
        open(&path, BOTH, Promise::Whole).expect("opened");
        let mode = fs::metadata(&path).expect("there").permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        assert!(open_to_read(&path, BOTH).expect("fine").is_some());
    }
}
