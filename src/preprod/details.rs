//! The text of a pull request of the loop, with the table of the proof.

use std::path::PathBuf;

use serde::Serialize;

use crate::fix::publish::details::filled;

use super::report::{AttemptOutcome, FailureOutcome, ValidationOutcome};

/// The text of a pull request.
#[derive(Debug, Serialize)]
pub struct Details<'a> {
    /// What it repairs.
    pub title: &'a str,
    /// The commit that the patch applies to.
    pub base: &'a str,
    /// What failed before.
    pub failures: &'a [FailureOutcome],
    /// The attempt whose patch it is.
    pub attempt: &'a AttemptOutcome,
    /// How many attempts were made.
    pub attempts: usize,
    /// The validation command's end.
    pub validation: Option<&'a ValidationOutcome>,
    /// Files in use that git did not track.
    pub carried: &'a [PathBuf],
    /// What it cost, in one line.
    pub cost: &'a str,
    /// The command that runs the scenarios.
    pub next: &'a str,
}

const TEMPLATE: &str = include_str!("pr-details.md.jinja");

/// Renders the text; what comes from runs and fixers stands in code spans only.
///
/// # Errors
///
/// When the template cannot be filled, which is a fault of archal.
pub fn details(details: &Details<'_>) -> Result<String, minijinja::Error> {
    filled(TEMPLATE, details)
}
