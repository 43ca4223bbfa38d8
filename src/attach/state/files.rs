//! The files of attached directories and what became of each.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use archal_core::clock::Timestamp;
use archal_core::diagnostic::Diagnostic;
use rusqlite::{Connection, OptionalExtension, Row, params};

use super::super::job::FileRow;
use super::time_text;

/// Writes what became of a file; `stamp` tells the content that was looked at.
pub fn put(
    connection: &Connection,
    attachment: i64,
    file: &FileRow,
    stamp: &[u8],
    now: Timestamp,
) -> rusqlite::Result<()> {
    let diagnostics = (!file.diagnostics.is_empty())
        .then(|| serde_json::to_string(&file.diagnostics).unwrap_or_default());
    connection
        .prepare_cached(
            "INSERT INTO files (attachment, path, stamp, status, reason, dialect, traces,
               redactions, diagnostics, looked_at)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)
             ON CONFLICT (attachment, path) DO UPDATE SET stamp = ?3, status = ?4, reason = ?5,
               dialect = ?6, traces = ?7, redactions = ?8, diagnostics = ?9, looked_at = ?10",
        )?
        .execute(params![
            attachment,
            file.path.as_os_str().as_bytes(),
            stamp,
            file.status,
            file.reason,
            file.dialect,
            file.traces,
            file.redactions,
            diagnostics,
            time_text(now),
        ])?;
    Ok(())
}

/// The stamp of a file that was looked at.
pub fn stamp(
    connection: &Connection,
    attachment: i64,
    path: &Path,
) -> rusqlite::Result<Option<Vec<u8>>> {
    connection
        .prepare_cached("SELECT stamp FROM files WHERE attachment = ?1 AND path = ?2")?
        .query_row(params![attachment, path.as_os_str().as_bytes()], |row| {
            row.get(0)
        })
        .optional()
}

/// Up to `most` files of a directory that have a stamp, in the order of their paths, those after
/// `path` only.
pub fn after(
    connection: &Connection,
    attachment: i64,
    path: Option<&Path>,
    most: usize,
) -> rusqlite::Result<Vec<PathBuf>> {
    connection
        .prepare_cached(
            "SELECT path FROM files WHERE attachment = ?1 AND path > ?2 AND stamp <> x''
             ORDER BY path LIMIT ?3",
        )?
        .query_map(
            params![
                attachment,
                path.map_or(&b""[..], |path| path.as_os_str().as_bytes()),
                most
            ],
            |row| {
                let path: Vec<u8> = row.get(0)?;
                Ok(PathBuf::from(OsStr::from_bytes(&path)))
            },
        )?
        .collect()
}

/// Adds to what is told of a file that was looked at; nothing where it was not.
pub fn add_note(
    connection: &Connection,
    attachment: i64,
    path: &Path,
    note: Diagnostic,
) -> rusqlite::Result<()> {
    let key = params![attachment, path.as_os_str().as_bytes()];
    let told: Option<Option<String>> = connection
        .prepare_cached("SELECT diagnostics FROM files WHERE attachment = ?1 AND path = ?2")?
        .query_row(key, |row| row.get(0))
        .optional()?;
    let Some(told) = told else { return Ok(()) };
    let mut told = diagnostics(told);
    if told.contains(&note) {
        return Ok(());
    }
    told.push(note);
    connection
        .prepare_cached("UPDATE files SET diagnostics = ?3 WHERE attachment = ?1 AND path = ?2")?
        .execute(params![
            attachment,
            path.as_os_str().as_bytes(),
            serde_json::to_string(&told).unwrap_or_default()
        ])?;
    Ok(())
}

/// Forgets a file that is gone and gave no trace; one that gave traces stays as their origin.
pub fn gone(connection: &Connection, attachment: i64, path: &Path) -> rusqlite::Result<()> {
    connection
        .prepare_cached(
            "DELETE FROM files WHERE attachment = ?1 AND path = ?2 AND status <> 'imported'",
        )?
        .execute(params![attachment, path.as_os_str().as_bytes()])?;
    Ok(())
}

/// Forgets that a file was looked at, so that it is looked at again.
pub fn forget(connection: &Connection, attachment: i64, path: &Path) -> rusqlite::Result<()> {
    connection
        .prepare_cached("DELETE FROM files WHERE attachment = ?1 AND path = ?2")?
        .execute(params![attachment, path.as_os_str().as_bytes()])?;
    Ok(())
}

/// The files of a directory, by path; only those that gave no trace or less than all where
/// `to_tell`. At most `most`.
pub fn list(
    connection: &Connection,
    attachment: i64,
    to_tell: bool,
    most: usize,
) -> rusqlite::Result<Vec<FileRow>> {
    connection
        .prepare_cached(&listing(to_tell))?
        .query_map(params![attachment, most], of_row)?
        .collect()
}

fn listing(to_tell: bool) -> String {
    // As the index `files_to_list` says it, so that SQLite takes that.
    let condition = if to_tell {
        "AND (status <> 'imported' OR diagnostics IS NOT NULL)"
    } else {
        ""
    };
    format!(
        "SELECT path, status, reason, dialect, traces, redactions, diagnostics FROM files
         WHERE attachment = ?1 {condition} ORDER BY path LIMIT ?2"
    )
}

fn of_row(row: &Row<'_>) -> rusqlite::Result<FileRow> {
    let path: Vec<u8> = row.get(0)?;
    Ok(FileRow {
        path: PathBuf::from(OsStr::from_bytes(&path)),
        status: row.get(1)?,
        reason: row.get(2)?,
        dialect: row.get(3)?,
        traces: row.get(4)?,
        redactions: row.get(5)?,
        diagnostics: diagnostics(row.get(6)?),
    })
}

fn diagnostics(kept: Option<String>) -> Vec<Diagnostic> {
    kept.and_then(|text| serde_json::from_str(&text).ok())
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::super::State;
    use super::*;
    use crate::store::layout::Layout;

    #[test]
    fn files_to_tell_are_found_without_looking_at_the_others() {
        let folder = tempfile::tempdir().expect("temporary folder");
        let layout = Layout::of(folder.path(), None);
        let state = State::open(&layout, true).expect("opened").state;
        let plan: String = state
            .read(|rows| {
                let question = format!("EXPLAIN QUERY PLAN {}", listing(true));
                rows.query_row(&question, params![1, 10], |row| row.get(3))
            })
            .expect("planned");
        assert!(plan.contains("files_to_list"), "{plan}");
    }
}
