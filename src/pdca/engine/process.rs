//! A record for every process that a run started: a line before it starts, and one at its end, which holds.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use archal_core::clock::{Timestamp, rfc3339_seconds};
use archal_core::confined::Confined;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::pdca::place::{Place, RunId};
use crate::pdca::role::{Phase, Role};
use crate::sandbox::child::{ChildEnd, ChildOutcome, Containment};
use crate::store::atomic::{self, Durability, WriteError};
use crate::store::lines;

use super::stage::EngineError;

/// The file of the records, in the folder of a run.
const RECORDS: &str = "processes.jsonl";
/// What an agent is called among processes.
pub const AGENT: &str = "agent";
/// What stands before the role of an agent that only looks at risks.
const MINI: &str = "mini-";
/// The end of a process that has none yet.
const RUNNING: &str = "running";
/// The end of a process that ended with archal, which could not see how.
const CUT_OFF: &str = "cut_off";

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
    /// The process that held it and all that it started; null where nothing was started, and while it runs.
    pub pid: Option<u32>,
    /// Program and arguments, without secrets; of an agent's program the name alone while it runs.
    pub argv: Vec<String>,
    /// When it was started.
    pub started_at: String,
    /// When it and all that it started had ended; null while it runs, and where archal ended before it.
    pub ended_at: Option<String>,
    /// Wall time in milliseconds.
    pub duration_ms: u64,
    /// Bytes of its prompt.
    pub prompt_bytes: u64,
    /// Bytes it wrote to stdout.
    pub stdout_bytes: u64,
    /// Bytes it wrote to stderr.
    pub stderr_bytes: u64,
    /// How it ended, in a word: `running` where it has not, `cut_off` where it ended with archal.
    pub end: String,
    /// Its exit status, where it had one.
    pub exit_code: Option<i32>,
    /// How it was held: `namespaces` or `pgroup`; null while it runs.
    pub containment: Option<String>,
    /// How far it was confined; null while it runs.
    pub sandbox: Option<String>,
    /// What it cost in US dollars; unknown is null, and an estimate while it runs.
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

/// What is known of a process before it starts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Begun<'a> {
    /// Its number.
    pub number: u64,
    /// `agent`, `hook` or `test`.
    pub what: &'a str,
    /// The role of an agent, or the name of a hook.
    pub name: &'a str,
    /// Phase and cycle.
    pub at: (Phase, u32),
    /// Which start of the same agent in the cycle it is.
    pub attempt: u32,
    /// Program and arguments, without secrets.
    pub argv: Vec<String>,
    /// When it is started.
    pub started_at: Timestamp,
}

impl Begun<'_> {
    /// Its record until it has ended.
    pub fn record(self) -> ProcessRecord {
        ProcessRecord {
            number: self.number,
            what: self.what.to_owned(),
            name: self.name.to_owned(),
            phase: self.at.0,
            cycle: self.at.1,
            attempt: self.attempt,
            pid: None,
            argv: self.argv,
            started_at: rfc3339_seconds(self.started_at),
            ended_at: None,
            duration_ms: 0,
            prompt_bytes: 0,
            stdout_bytes: 0,
            stderr_bytes: 0,
            end: RUNNING.to_owned(),
            exit_code: None,
            containment: None,
            sandbox: None,
            cost_usd: None,
            cost_estimated: false,
            tokens_input: None,
            tokens_output: None,
            model: None,
        }
    }
}

impl ProcessRecord {
    /// Its record once it has ended.
    #[must_use]
    pub fn ended(self, end: &ChildEnd, at: Timestamp) -> Self {
        let word = match end.outcome {
            ChildOutcome::Exited { .. } => "exited",
            ChildOutcome::Killed { .. } => "killed",
            ChildOutcome::TimedOut => "timed_out",
            ChildOutcome::Stopped => "stopped",
            ChildOutcome::NotStarted { .. } => "not_started",
        };
        let containment = match end.containment {
            Containment::Namespaces => "namespaces",
            Containment::Pgroup => "pgroup",
        };
        let confined = end.confined.as_ref();
        let length = |bytes: &[u8], dropped: u64| bytes.len() as u64 + dropped;
        Self {
            pid: end.pid,
            ended_at: Some(rfc3339_seconds(at)),
            duration_ms: u64::try_from(end.duration.as_millis()).unwrap_or(u64::MAX),
            stdout_bytes: length(&end.stdout, end.stdout_dropped),
            stderr_bytes: length(&end.stderr, end.stderr_dropped),
            end: word.to_owned(),
            exit_code: match end.outcome {
                ChildOutcome::Exited { code } => Some(code),
                _ => None,
            },
            containment: Some(containment.to_owned()),
            sandbox: Some(confined.map_or_else(|| "off".to_owned(), Confined::in_one_line)),
            ..self
        }
    }

    /// Whether it has not ended.
    pub fn is_running(&self) -> bool {
        self.end == RUNNING
    }

    /// The record of one that ended with archal: what it cost stays estimated.
    #[must_use]
    pub fn cut_off(self) -> Self {
        Self {
            end: CUT_OFF.to_owned(),
            ..self
        }
    }
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
        // Records that cannot be read are told where they are asked for.
        let records = records(&folder).unwrap_or_default();
        let last = records.last().map_or(0, |record| record.number);
        let last = Mutex::new(last.max(last_kept(&folder)));
        Self { folder, last }
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

    /// The record of every process of a run, in the order of their numbers; lines that are none are passed over.
    ///
    /// # Errors
    ///
    /// When they are there and cannot be read.
    pub fn read(&self) -> Result<Vec<ProcessRecord>, EngineError> {
        records(&self.folder).map_err(|source| EngineError::Read {
            path: self.folder.join(RECORDS),
            source,
        })
    }
}

/// The last line of each number holds.
fn records(folder: &Path) -> io::Result<Vec<ProcessRecord>> {
    let text = match fs::read_to_string(folder.join(RECORDS)) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        text => text?,
    };
    let lines = text.lines();
    let read = lines.filter_map(|line| serde_json::from_str::<ProcessRecord>(line).ok());
    let last: BTreeMap<u64, ProcessRecord> = read.map(|record| (record.number, record)).collect();
    Ok(last.into_values().collect())
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
        true => format!("{MINI}{role}"),
        false => role.to_string(),
    }
}

/// The role of an agent of that name.
pub fn role(name: &str) -> Option<Role> {
    name.strip_prefix(MINI).unwrap_or(name).parse().ok()
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

    #[test]
    fn a_process_is_on_record_before_it_starts_and_its_last_line_holds() {
        let folder = tempfile::tempdir().expect("a folder");
        let place = Place::of(folder.path());
        let run = RunId::new("r").expect("an id");
        let processes = Processes::of(&place, &run);
        let begins = |name| {
            let begun = Begun {
                number: processes.number(),
                what: AGENT,
                name,
                at: (Phase::Check, 1),
                attempt: 1,
                argv: Vec::new(),
                started_at: Timestamp::UNIX_EPOCH,
            };
            let record = begun.record();
            processes.add(&record).expect("written");
            record
        };
        let (sage, skeptic) = (begins("sage"), begins("skeptic"));
        processes.add(&skeptic.cut_off()).expect("written");
        let read = Processes::of(&place, &run).read().expect("readable");
        let told: Vec<_> = read
            .iter()
            .map(|one| (one.number, one.name.as_str(), one.end.as_str()))
            .collect();
        assert_eq!(told, [(1, "sage", "running"), (2, "skeptic", "cut_off")]);
        assert!(sage.is_running() && !read[1].is_running());
        // Lines are no numbers.
        assert_eq!(Processes::of(&place, &run).number(), 3);
    }
}
