//! Which directories are attached, with which flags.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use archal_core::clock::Timestamp;
use rusqlite::{Connection, OptionalExtension, Row, params};
use serde_json::Value;

use super::time_text;

/// One directory that is or was attached.
#[derive(Debug, Clone, PartialEq)]
pub struct Attachment {
    /// Its row.
    pub id: i64,
    /// The directory, absolute.
    pub directory: PathBuf,
    /// The flags it was attached with, as the command line gave them.
    pub flags: Value,
    /// Whether it is attached now.
    pub is_attached: bool,
}

/// Attaches a directory, or changes the flags of one that is attached.
pub fn attach(
    connection: &Connection,
    directory: &Path,
    flags: &Value,
    now: Timestamp,
) -> rusqlite::Result<i64> {
    connection.query_row(
        "INSERT INTO attachments (directory, flags, attached_at) VALUES (?1, ?2, ?3)
         ON CONFLICT (directory) DO UPDATE SET flags = ?2, attached_at = ?3, detached_at = NULL
         RETURNING id",
        params![
            directory.as_os_str().as_bytes(),
            flags.to_string(),
            time_text(now)
        ],
        |row| row.get(0),
    )
}

/// The row of a directory for a pass that attaches nothing; what is attached stays as it is.
pub fn pass(
    connection: &Connection,
    directory: &Path,
    flags: &Value,
    now: Timestamp,
) -> rusqlite::Result<i64> {
    connection.query_row(
        "INSERT INTO attachments (directory, flags, attached_at, detached_at)
         VALUES (?1, ?2, ?3, ?3)
         ON CONFLICT (directory) DO UPDATE
           SET flags = CASE WHEN detached_at IS NULL THEN flags ELSE ?2 END
         RETURNING id",
        params![
            directory.as_os_str().as_bytes(),
            flags.to_string(),
            time_text(now)
        ],
        |row| row.get(0),
    )
}

/// Detaches a directory; false where it was not attached.
pub fn detach(connection: &Connection, directory: &Path, now: Timestamp) -> rusqlite::Result<bool> {
    let changed = connection.execute(
        "UPDATE attachments SET detached_at = ?2 WHERE directory = ?1 AND detached_at IS NULL",
        params![directory.as_os_str().as_bytes(), time_text(now)],
    )?;
    Ok(changed > 0)
}

/// Every directory that was ever attached, in the order in which they were.
pub fn all(connection: &Connection) -> rusqlite::Result<Vec<Attachment>> {
    connection
        .prepare_cached("SELECT id, directory, flags, detached_at FROM attachments ORDER BY id")?
        .query_map([], of_row)?
        .collect()
}

/// The attachment of a directory.
pub fn of(connection: &Connection, directory: &Path) -> rusqlite::Result<Option<Attachment>> {
    connection
        .prepare_cached(
            "SELECT id, directory, flags, detached_at FROM attachments WHERE directory = ?1",
        )?
        .query_row([directory.as_os_str().as_bytes()], of_row)
        .optional()
}

fn of_row(row: &Row<'_>) -> rusqlite::Result<Attachment> {
    let directory: Vec<u8> = row.get(1)?;
    let flags: String = row.get(2)?;
    Ok(Attachment {
        id: row.get(0)?,
        directory: PathBuf::from(OsStr::from_bytes(&directory)),
        flags: serde_json::from_str(&flags).unwrap_or_default(),
        is_attached: row.get::<_, Option<String>>(3)?.is_none(),
    })
}
