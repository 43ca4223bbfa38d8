//! What a person said of traces, for measuring the grader on them: `labels.jsonl`.
//!
//! One line for each trace of a group at each decision, appended; of several lines on one
//! revision of a trace the last counts, and one without a label takes the others back.

use std::collections::BTreeMap;
use std::fs::{self, OpenOptions};
use std::io::{self, BufRead};
use std::path::{Path, PathBuf};

use archal_core::clock::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::attach::state::jobs::StoredJob;
use crate::attach::state::time_text;
use crate::store::atomic::WriteError;
use crate::store::layout::Layout;
use crate::store::lines;

/// Whether a trace shows a failure, as a person sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Label {
    /// It does.
    Fail,
    /// It does not.
    Ok,
}

/// A line of `labels.jsonl`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct LabelLine {
    /// Always `archal.label`.
    pub schema: String,
    /// The format's version.
    pub version: u32,
    /// The trace's source.
    pub source: String,
    /// The project there.
    pub project: String,
    /// The trace's id there.
    pub trace: String,
    /// The revision that was looked at.
    pub revision: String,
    /// What the person said; none takes back what was said before.
    pub label: Option<Label>,
    /// The group the trace was in.
    pub group: String,
    /// Why, in the person's words.
    pub reason: Option<String>,
    /// Always `user`.
    pub labelled_by: String,
    /// When.
    pub at: String,
}

/// Where labels are kept.
pub fn path(layout: &Layout) -> PathBuf {
    layout.attach("labels.jsonl")
}

/// What counts of what was said: of each revision of a trace the last line, where it has a label.
/// A line that cannot be read is passed over; no file is no label.
pub fn standing(layout: &Layout) -> io::Result<Vec<LabelLine>> {
    let file = match fs::File::open(path(layout)) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error),
    };
    let mut last: BTreeMap<[String; 4], LabelLine> = BTreeMap::new();
    for line in io::BufReader::new(file).lines() {
        let Ok(line) = serde_json::from_str::<LabelLine>(&line?) else {
            continue;
        };
        let about = [&line.source, &line.project, &line.trace, &line.revision].map(Clone::clone);
        last.insert(about, line);
    }
    Ok(last
        .into_values()
        .filter(|line| line.label.is_some())
        .collect())
}

/// The lines for the traces of a group.
pub(super) fn of(
    members: &[StoredJob],
    group: &str,
    label: Option<Label>,
    reason: Option<&str>,
    now: Timestamp,
) -> Vec<LabelLine> {
    members
        .iter()
        .map(|member| LabelLine {
            schema: "archal.label".to_owned(),
            version: 1,
            source: member.report.trace.source.clone(),
            project: member.report.trace.project.clone(),
            trace: member.report.trace.trace.clone(),
            revision: member.report.revision.clone(),
            label,
            group: group.to_owned(),
            reason: reason.map(str::to_owned),
            labelled_by: "user".to_owned(),
            at: time_text(now),
        })
        .collect()
}

/// Lines that were appended.
pub(super) struct Appended<'a> {
    path: &'a Path,
    before: u64,
    after: u64,
}

impl Appended<'_> {
    /// Takes them off again, where nobody appended others since.
    pub(super) fn take_back(&self) -> io::Result<()> {
        let file = OpenOptions::new().write(true).open(self.path)?;
        if file.metadata()?.len() == self.after {
            file.set_len(self.before)?;
            file.sync_all()?;
        }
        Ok(())
    }
}

/// Appends the lines; nobody can say them again, so they are on the disk when this returns.
pub(super) fn append<'a>(path: &'a Path, lines: &[LabelLine]) -> Result<Appended<'a>, WriteError> {
    let mut bytes = Vec::new();
    for line in lines {
        serde_json::to_writer(&mut bytes, line).map_err(|source| WriteError::Encode {
            path: path.to_owned(),
            source,
        })?;
        bytes.push(b'\n');
    }
    let length = || fs::metadata(path).map_or(0, |metadata| metadata.len());
    let before = length();
    let appended = lines::append(path, &bytes);
    let appended_now = Appended {
        path,
        before,
        after: length(),
    };
    if appended.is_err() {
        // A part of them may stand there.
        appended_now.take_back().ok();
    }
    appended.map(|()| appended_now)
}
