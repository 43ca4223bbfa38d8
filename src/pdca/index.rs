//! `events/index.jsonl`: a line for each run that ended; of several of one run the last holds.

use std::io;

use serde::{Deserialize, Serialize};

use super::place::{Place, PlaceError, RunId, refuse_link};
use crate::store::atomic::WriteError;
use crate::store::lines;

/// A line of the index.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct IndexLine {
    /// The run.
    pub run_id: String,
    /// When it ended.
    #[serde(default)]
    pub ts: String,
    /// Its task.
    #[serde(default)]
    pub task: String,
    /// Its workflow; later logs leave it out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub workflow: Option<String>,
    /// How it ended.
    #[serde(default)]
    pub status: String,
    /// Its cycles; later logs leave them out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cycles: Option<u64>,
}

/// Appends a line. What is in it must be redacted by now.
///
/// # Errors
///
/// When the index cannot be written.
pub fn append(place: &Place, line: &IndexLine) -> Result<(), PlaceError> {
    let path = place.index();
    refuse_link(&path)?;
    let mut bytes = serde_json::to_vec(line).map_err(|source| WriteError::Encode {
        path: path.clone(),
        source,
    })?;
    bytes.push(b'\n');
    Ok(lines::append(&path, &bytes)?)
}

/// The last line of each run, in the order in which runs ended last. Lines that are none, or that name
/// no possible run, are passed over.
///
/// # Errors
///
/// When the index is there and cannot be read.
pub fn read(place: &Place) -> io::Result<Vec<IndexLine>> {
    let bytes = match std::fs::read(place.index()) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        bytes => bytes?,
    };
    let mut all: Vec<IndexLine> = Vec::new();
    for line in bytes.split(|byte| *byte == b'\n') {
        let Ok(line) = serde_json::from_slice::<IndexLine>(line) else {
            continue;
        };
        if RunId::new(&line.run_id).is_ok() {
            all.retain(|known| known.run_id != line.run_id);
            all.push(line);
        }
    }
    Ok(all)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_line_of_a_run_holds_in_either_format() {
        let folder = tempfile::tempdir().expect("a folder");
        let place = Place::of(folder.path());
        assert_eq!(read(&place).expect("none"), []);
        let line = |run: &str, status: &str| IndexLine {
            run_id: run.to_owned(),
            status: status.to_owned(),
            ..IndexLine::default()
        };
        append(&place, &line("a", "awaiting_merge")).expect("written");
        append(&place, &line("b", "stopped")).expect("written");
        let foreign = b"{\"run_id\":\"../x\"}\nnot json\n{\"run_id\":\"a\",\"status\":\"merged\",\"task\":\"t\",\"ts\":\"x\"}\n";
        lines::append(&place.index(), foreign).expect("written");
        let read = read(&place).expect("readable");
        let told: Vec<_> = read
            .iter()
            .map(|line| (&*line.run_id, &*line.status))
            .collect();
        assert_eq!(told, [("b", "stopped"), ("a", "merged")]);
    }
}
