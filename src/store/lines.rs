//! Files of lines that only ever grow.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::Path;

use super::atomic::WriteError;

/// Appends whole lines in one write and waits until they are on the disk, making folders. A line
/// that a crash cut off is closed first, so that it spoils no other.
///
/// # Errors
///
/// When the file cannot be written.
pub fn append(path: &Path, lines: &[u8]) -> Result<(), WriteError> {
    grow(path, lines).map_err(|source| WriteError::Io {
        path: path.to_owned(),
        source,
    })
}

fn grow(path: &Path, lines: &[u8]) -> io::Result<()> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    let mut bytes = Vec::with_capacity(lines.len() + 1);
    if ends_within_a_line(path)? {
        bytes.push(b'\n');
    }
    bytes.extend_from_slice(lines);
    let mut file = OpenOptions::new().append(true).create(true).open(path)?;
    file.write_all(&bytes)?;
    file.sync_all()
}

fn ends_within_a_line(path: &Path) -> io::Result<bool> {
    let mut file = match File::open(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
        file => file?,
    };
    if file.seek(SeekFrom::End(0))? == 0 {
        return Ok(false);
    }
    file.seek(SeekFrom::End(-1))?;
    let mut last = [0];
    file.read_exact(&mut last)?;
    Ok(last != *b"\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_added_and_a_cut_one_is_closed() {
        let folder = tempfile::tempdir().expect("temporary folder");
        let path = folder.path().join("deep/x.jsonl");
        append(&path, b"1\n").expect("written");
        append(&path, b"2\n").expect("written");
        assert_eq!(fs::read(&path).expect("there"), b"1\n2\n");
        fs::write(&path, "1\n{cut").expect("written");
        append(&path, b"3\n").expect("written");
        assert_eq!(fs::read(&path).expect("there"), b"1\n{cut\n3\n");
    }
}
