//! The files of a spool: their names, reading single lines of them, taking them away.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use super::record::Place;

/// Files that are open at once for reading.
const MOST_OPEN: usize = 16;

/// The files of one spool, as its reader sees them.
#[derive(Debug)]
pub struct Segments {
    folder: PathBuf,
    open: BTreeMap<u32, File>,
}

/// The file of a segment.
pub fn path(folder: &Path, number: u32) -> PathBuf {
    folder.join(format!("{number:08}.seg"))
}

/// The numbers of the segments that are there, in order.
///
/// # Errors
///
/// When the folder cannot be listed; one that is not there is empty.
pub fn numbers(folder: &Path) -> io::Result<Vec<u32>> {
    let entries = match fs::read_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries?,
    };
    let mut numbers = Vec::new();
    for entry in entries {
        let name = entry?.file_name();
        let number = name.to_str().and_then(|name| name.strip_suffix(".seg"));
        numbers.extend(number.and_then(|number| number.parse::<u32>().ok()));
    }
    numbers.sort_unstable();
    Ok(numbers)
}

impl Segments {
    /// Those of a folder.
    pub fn of(folder: &Path) -> Self {
        Self {
            folder: folder.to_owned(),
            open: BTreeMap::new(),
        }
    }

    /// Reads one line.
    ///
    /// # Errors
    ///
    /// When its segment is gone, cannot be read or is shorter.
    pub fn read(&mut self, place: Place) -> io::Result<Vec<u8>> {
        if !self.open.contains_key(&place.segment) {
            if self.open.len() >= MOST_OPEN {
                self.open.pop_first();
            }
            let file = File::open(path(&self.folder, place.segment))?;
            self.open.insert(place.segment, file);
        }
        let mut bytes = vec![0; place.length as usize];
        match self.open.get(&place.segment) {
            Some(file) => file.read_exact_at(&mut bytes, u64::from(place.offset))?,
            None => return Err(io::ErrorKind::NotFound.into()),
        }
        Ok(bytes)
    }

    /// Takes a segment away; returns how many bytes it had.
    ///
    /// # Errors
    ///
    /// When the file cannot be removed; one that is gone is fine.
    pub fn remove(&mut self, number: u32) -> io::Result<u64> {
        self.open.remove(&number);
        let path = path(&self.folder, number);
        let gone = |error: io::Error| match error.kind() {
            io::ErrorKind::NotFound => Ok(0),
            _ => Err(error),
        };
        let bytes = match fs::metadata(&path) {
            Ok(metadata) => metadata.len(),
            Err(error) => return gone(error),
        };
        fs::remove_file(&path).map_or_else(gone, |()| Ok(bytes))
    }
}
