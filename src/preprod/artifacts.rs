//! The files of a run: `preprod-result.json`, `preprod-failures.json`, `junit.xml`, `report.html` and
//! `runs.html`. Secrets are taken out before anything is written.

use std::fs;
use std::path::{Path, PathBuf};

use crate::fix::publish::record;
use crate::run::kept::evidence::{self, Limits};
use crate::run::render::{html, junit};
use crate::run::report::SuiteReport;
use crate::run::result::RunResult;
use crate::run::scrub::Scrubber;
use crate::store::atomic::{self, Durability, WriteError};

use super::failure::{Failure, FailuresDocument};
use super::page;
use super::report::{PreprodResult, SCHEMA, VERSION};

/// The result.
pub const RESULT: &str = "preprod-result.json";
/// The failures.
pub const FAILURES: &str = "preprod-failures.json";
/// What tools read that know test results.
pub const JUNIT: &str = "junit.xml";
/// The page.
pub const PAGE: &str = "report.html";
/// Every run on a page.
pub const RUNS: &str = "runs.html";
/// Which run it is, from its beginning on.
pub const RUN: &str = "run.json";
/// One of these is there where preprod wrote.
const OWN: &[&str] = &[RESULT, RUN];
/// All of them, which a run begins by taking away.
pub const ALL: &[&str] = &[RESULT, FAILURES, JUNIT, PAGE, RUNS];

/// Bytes of an output that are read to tell its end.
const OUTPUT: u64 = 64 << 10;

/// Why they cannot be written.
#[derive(Debug, thiserror::Error)]
pub enum ArtifactError {
    /// A file.
    #[error(transparent)]
    Write(#[from] WriteError),
    /// A document without secrets.
    #[error("the result cannot be encoded")]
    Encode(#[source] serde_json::Error),
    /// The page.
    #[error("the page cannot be filled")]
    Page(#[source] minijinja::Error),
    /// The XML.
    #[error("the XML cannot be written")]
    Junit(#[source] junit::JunitError),
}

/// What `preprod-result.json` holds.
#[derive(serde::Serialize)]
struct ResultFile<'a> {
    schema: &'a str,
    version: u32,
    #[serde(flatten)]
    result: &'a PreprodResult,
}

/// Writes all of them into `folder`; `runs` are those of the last trial, or of the first run.
/// Returns the result as it was written.
///
/// # Errors
///
/// When one cannot be written.
pub fn write(
    folder: &Path,
    result: &PreprodResult,
    failures: &[Failure],
    runs: Option<&SuiteReport>,
    scrubber: &Scrubber,
) -> Result<PreprodResult, ArtifactError> {
    let result = scrubber.document(result).map_err(ArtifactError::Encode)?;
    let failures = failures
        .iter()
        .map(|failure| scrubber.document(failure))
        .collect::<Result<Vec<Failure>, _>>()
        .map_err(ArtifactError::Encode)?;
    let document = FailuresDocument::of(&failures);
    atomic::write_json(&folder.join(FAILURES), &document, Durability::Derived)?;
    let base = Some(result.repo.as_path());
    if let Some(runs) = runs {
        let stderr = |run: &RunResult| {
            evidence::tail(&run.evidence.join("stderr"), OUTPUT)
                .map(|tail| tail.text)
                .unwrap_or_default()
        };
        let xml = junit::of(runs, base, &stderr).map_err(ArtifactError::Junit)?;
        atomic::write(&folder.join(JUNIT), xml.as_bytes(), Durability::Derived)?;
        let room = html::Room::default();
        let limits = Limits {
            calls: room.calls,
            rows: room.rows,
            output: room.text as u64,
        };
        let read = |run: &RunResult| evidence::read(&run.evidence, limits);
        let text = html::of(runs, base, &read, room).map_err(ArtifactError::Page)?;
        atomic::write(&folder.join(RUNS), text.as_bytes(), Durability::Derived)?;
    }
    if runs.is_none() {
        forget(folder, &[JUNIT, RUNS])?;
    }
    let text = page::of(&result, &failures, runs.is_some()).map_err(ArtifactError::Page)?;
    atomic::write(&folder.join(PAGE), text.as_bytes(), Durability::Derived)?;
    // The last: whoever sees it finds the others.
    let whole = ResultFile {
        schema: SCHEMA,
        version: VERSION,
        result: &result,
    };
    atomic::write_json(&folder.join(RESULT), &whole, Durability::Synced)?;
    Ok(result)
}

/// The files that justify a decision, those that are there.
pub fn deciding(folder: &Path, patch: Option<&Path>, has_pr: bool) -> Vec<PathBuf> {
    let mut files = vec![folder.join(RESULT), folder.join(FAILURES)];
    files.extend(patch.map(Path::to_owned));
    files.extend(has_pr.then(|| folder.join(record::FILE)));
    files
}

/// A folder that holds files of somebody else's.
#[derive(Debug, thiserror::Error)]
#[error("{} is not empty and holds no artifacts of preprod, so nothing is written there", folder.display())]
pub struct Foreign {
    folder: PathBuf,
}

/// Refuses a folder in which something lies and nothing says that preprod wrote there: its files have
/// names that other tools use, too.
///
/// # Errors
///
/// [`Foreign`] where it is one.
pub fn refuse_foreign(folder: &Path) -> Result<(), Foreign> {
    let is_own = |name: &&str| folder.join(name).is_file();
    let is_empty = fs::read_dir(folder).map_or(true, |mut entries| entries.next().is_none());
    match is_empty || OWN.iter().any(is_own) {
        true => Ok(()),
        false => Err(Foreign {
            folder: folder.to_owned(),
        }),
    }
}

/// Takes away what an earlier run left at the end of its way, so that nobody takes it for this one's.
///
/// # Errors
///
/// When a file cannot be removed.
pub fn forget(folder: &Path, names: &[&str]) -> Result<(), WriteError> {
    for name in names {
        let path = folder.join(name);
        match fs::remove_file(&path) {
            Err(source) if source.kind() != std::io::ErrorKind::NotFound => {
                return Err(WriteError::Io { path, source });
            }
            _ => {}
        }
    }
    Ok(())
}
