//! A record for every process that a run started, one a line.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::pdca::place::{Place, RunId};
use crate::pdca::role::{Phase, Role};
use crate::store::atomic::{self, Durability, WriteError};
use crate::store::lines;

/// The file of the records, in the folder of a run.
const RECORDS: &str = "processes.jsonl";

/// A process that a run started.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ProcessRecord {
    /// From 1, in the order in which they were started.
    pub number: u64,
    /// `agent`, `hook` or `test`.
    pub what: String,
    /// The role of an agent, or the name of a hook.
    pub name: String,
    /// The phase.
    pub phase: Phase,
    /// The cycle.
    pub cycle: u32,
    /// Which start of the same agent in the cycle it was.
    pub attempt: u32,
    /// The process that held it and all that it started; null where nothing was started.
    pub pid: Option<u32>,
    /// Program and arguments, without secrets.
    pub argv: Vec<String>,
    /// When it was started.
    pub started_at: String,
    /// When it and all that it started had ended.
    pub ended_at: String,
    /// Wall time in milliseconds.
    pub duration_ms: u64,
    /// Bytes of its prompt.
    pub prompt_bytes: u64,
    /// Bytes it wrote to stdout.
    pub stdout_bytes: u64,
    /// Bytes it wrote to stderr.
    pub stderr_bytes: u64,
    /// How it ended, in a word.
    pub end: String,
    /// Its exit status, where it had one.
    pub exit_code: Option<i32>,
    /// How it was held: `namespaces` or `pgroup`.
    pub containment: String,
    /// How far it was confined.
    pub sandbox: String,
    /// What it cost in US dollars; unknown is null.
    pub cost_usd: Option<f64>,
    /// Whether that is an estimate.
    pub cost_estimated: bool,
    /// Tokens it sent; unknown is null.
    pub tokens_input: Option<u64>,
    /// Tokens it received; unknown is null.
    pub tokens_output: Option<u64>,
    /// The model, where it is known.
    pub model: Option<String>,
}

/// The records of a run.
#[derive(Debug)]
pub struct Processes {
    folder: PathBuf,
    last: Mutex<u64>,
}

impl Processes {
    /// Those of a run; what was recorded before stays.
    pub fn of(place: &Place, run: &RunId) -> Self {
        let folder = place.run(run);
        let count = fs::read_to_string(folder.join(RECORDS));
        let count = count.map_or(0, |text| text.lines().count());
        let count = u64::try_from(count).unwrap_or_default();
        let last = count.max(last_kept(&folder));
        Self {
            folder,
            last: Mutex::new(last),
        }
    }

    /// The number of the next process.
    pub fn number(&self) -> u64 {
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        *last += 1;
        *last
    }

    /// Keeps a file of a process: `prompt.md` or `output.log`.
    ///
    /// # Errors
    ///
    /// When it cannot be written.
    pub fn keep(
        &self,
        number: u64,
        name: &str,
        what: &str,
        bytes: &[u8],
    ) -> Result<(), WriteError> {
        let path = self.folder.join(format!("{number:03}-{name}-{what}"));
        atomic::write(&path, bytes, Durability::Derived)
    }

    /// Adds a record.
    ///
    /// # Errors
    ///
    /// When it cannot be written.
    pub fn add(&self, record: &ProcessRecord) -> Result<(), WriteError> {
        let path = self.folder.join(RECORDS);
        let mut line = serde_json::to_vec(record).map_err(|source| WriteError::Encode {
            path: path.clone(),
            source,
        })?;
        line.push(b'\n');
        // Side by side they would write into each other.
        let _alone = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        lines::append(&path, &line)
    }

    /// Every record of a run; lines that are none are passed over.
    ///
    /// # Errors
    ///
    /// When they are there and cannot be read.
    pub fn read(&self) -> io::Result<Vec<ProcessRecord>> {
        match fs::read_to_string(self.folder.join(RECORDS)) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
            text => Ok(text?
                .lines()
                .filter_map(|line| serde_json::from_str(line).ok())
                .collect()),
        }
    }
}

/// The highest number of a kept file: a process that was killed with archal has one and no record.
fn last_kept(folder: &Path) -> u64 {
    let names = fs::read_dir(folder).into_iter().flatten();
    names
        .filter_map(|entry| {
            let name = entry.ok()?.file_name().into_string().ok()?;
            name.split_once('-')?.0.parse().ok()
        })
        .max()
        .unwrap_or(0)
}

/// The name of an agent in records: its role, and `mini-explorer` where it only looks at risks.
pub fn name(role: Role, is_mini: bool) -> String {
    match is_mini {
        true => format!("mini-{role}"),
        false => role.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_whose_files_are_there_is_not_given_again() {
        let folder = tempfile::tempdir().expect("a folder");
        let place = Place::of(folder.path());
        let run = RunId::new("r").expect("an id");
        let first = Processes::of(&place, &run);
        assert_eq!(first.number(), 1);
        let killed = first.number();
        fs::create_dir_all(place.run(&run)).expect("a folder");
        let kept = first.keep(killed, "maker", "prompt.md", b"make it");
        kept.expect("written");
        assert_eq!(Processes::of(&place, &run).number(), 3);
    }
}
