//! The suite or run that was meant: an id, its beginning with or without the word before it, or
//! `last`.

use super::shelf::{RUN, ReadError, SUITE, Shelf};

/// What an id was of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Found {
    /// A suite.
    Suite(String),
    /// A run.
    Run(String),
}

/// Why nothing was found.
#[derive(Debug, thiserror::Error)]
pub enum LookupError {
    /// No suite ended yet.
    #[error("there is no suite yet")]
    Nothing,
    /// There is only one suite.
    #[error("there is only one suite, {only}")]
    Alone {
        /// It.
        only: String,
    },
    /// No id begins like that.
    #[error("no suite and no run begins with `{given}`")]
    Unknown {
        /// What was given.
        given: String,
    },
    /// Several ids begin like that.
    #[error("`{given}` is the beginning of several: {}", shown(candidates))]
    Several {
        /// What was given.
        given: String,
        /// Which ids begin with it.
        candidates: Vec<String>,
    },
    /// A run where a suite is needed.
    #[error("`{given}` is a run, and a suite is needed")]
    NoSuite {
        /// What was given.
        given: String,
    },
    /// The shelf cannot be read.
    #[error(transparent)]
    Read(#[from] ReadError),
}

/// Ids named when several fit.
const NAMED: usize = 5;

fn shown(candidates: &[String]) -> String {
    let mut text = candidates[..candidates.len().min(NAMED)].join(", ");
    if candidates.len() > NAMED {
        text.push_str(&format!(" and {} more", candidates.len() - NAMED));
    }
    text
}

/// Finds what was meant.
///
/// # Errors
///
/// When nothing or more than one thing is.
pub fn find(shelf: Shelf<'_>, given: &str) -> Result<Found, LookupError> {
    if given == "last" {
        return last(shelf).map(Found::Suite);
    }
    let suites = shelf.suites()?.into_iter().map(|place| place.id);
    let runs = shelf.runs()?.into_iter().map(|place| place.id);
    let begins = |id: &String, word: &str| {
        !given.is_empty()
            && (id.starts_with(given)
                || id
                    .strip_prefix(word)
                    .is_some_and(|rest| rest.starts_with(given)))
    };
    let mut found: Vec<Found> = suites
        .filter(|id| begins(id, SUITE))
        .map(Found::Suite)
        .chain(runs.filter(|id| begins(id, RUN)).map(Found::Run))
        .collect();
    let name = |found: &Found| match found {
        Found::Suite(id) | Found::Run(id) => id.clone(),
    };
    // A whole id may be the beginning of another.
    if let Some(at) = found.iter().position(|found| name(found) == given) {
        return Ok(found.swap_remove(at));
    }
    if found.len() > 1 {
        return Err(LookupError::Several {
            given: given.to_owned(),
            candidates: found.iter().map(name).collect(),
        });
    }
    found.pop().ok_or_else(|| LookupError::Unknown {
        given: given.to_owned(),
    })
}

/// Finds a suite.
///
/// # Errors
///
/// When nothing, more than one thing or a run is.
pub fn suite(shelf: Shelf<'_>, given: &str) -> Result<String, LookupError> {
    match find(shelf, given)? {
        Found::Suite(id) => Ok(id),
        Found::Run(id) => Err(LookupError::NoSuite { given: id }),
    }
}

/// The last suite that ended.
///
/// # Errors
///
/// When there is none.
pub fn last(shelf: Shelf<'_>) -> Result<String, LookupError> {
    shelf.last().ok_or(LookupError::Nothing)
}

/// The suite that ended before another one, by when they began.
///
/// # Errors
///
/// When there is none.
pub fn before(shelf: Shelf<'_>, suite: &str) -> Result<String, LookupError> {
    let began = shelf.head(suite).started_at;
    let earlier = shelf
        .suites()?
        .into_iter()
        .map(|place| shelf.head(&place.id))
        .filter(|head| head.totals.is_some() && head.suite != suite && head.started_at <= began)
        .max_by(|one, other| one.started_at.cmp(&other.started_at));
    earlier
        .map(|head| head.suite)
        .ok_or_else(|| LookupError::Alone {
            only: suite.to_owned(),
        })
}

#[cfg(test)]
mod tests {
    use std::fs;

    use crate::store::layout::Layout;

    use super::*;

    #[test]
    fn an_id_its_beginning_and_last_are_found() {
        let repo = tempfile::tempdir().expect("a folder");
        let layout = Layout::of(repo.path(), None);
        let shelf = Shelf { layout: &layout };
        let found = |given: &str| match find(shelf, given) {
            Ok(Found::Suite(id) | Found::Run(id)) => id,
            Err(error) => error.to_string(),
        };
        assert_eq!(found("last"), "there is no suite yet");
        for name in ["suite-aa1", "suite-aa12", "suite-b1"] {
            fs::create_dir_all(layout.suite(name)).expect("made");
        }
        for name in ["run-b2", "run-c1", "stray"] {
            fs::create_dir_all(layout.run(name)).expect("made");
        }
        assert_eq!(found("suite-aa1"), "suite-aa1");
        assert_eq!(found("aa12"), "suite-aa12");
        assert_eq!(found("run-c"), "run-c1");
        insta::assert_snapshot!(found("b"), @"`b` is the beginning of several: suite-b1, run-b2");
        insta::assert_snapshot!(found("stray"), @"no suite and no run begins with `stray`");
        insta::assert_snapshot!(found(""), @"no suite and no run begins with ``");
        insta::assert_snapshot!(found("../x"), @"no suite and no run begins with `../x`");
        fs::write(layout.last_run(), r#"{"suite": "suite-b1"}"#).expect("written");
        assert_eq!(found("last"), "suite-b1");
        let error = suite(shelf, "c1").expect_err("a run");
        insta::assert_snapshot!(error, @"`run-c1` is a run, and a suite is needed");
    }
}
