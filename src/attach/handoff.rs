//! A pass for a person: where each trace ended and what to do next.

use std::fmt::Write as _;

pub use crate::report::shell::quoted;

use super::job::{JobReport, Status};
use super::report::PassReport;

/// The end of a pass as text.
pub fn text(report: &PassReport) -> String {
    let mut out = String::new();
    for file in &report.files {
        if file.status != "imported" {
            // Writing to a String cannot fail.
            _ = writeln!(
                out,
                "{} {}: {}",
                file.status,
                file.path.display(),
                file.reason.as_deref().unwrap_or("no reason given")
            );
        }
        for finding in &file.diagnostics {
            _ = writeln!(out, "  {}: {}", finding.code, finding.message);
        }
    }
    for finding in &report.diagnostics {
        let place = finding
            .file
            .as_ref()
            .map_or_else(String::new, |file| format!(" {}", file.display()));
        _ = writeln!(out, "{}{place}: {}", finding.code, finding.message);
    }
    for job in &report.jobs {
        one(&mut out, report, job);
    }
    if report.jobs.is_empty() {
        _ = writeln!(
            out,
            "no trace was found in {}",
            report.trace_directory.display()
        );
    }
    if let Some(budget) = &report.budget {
        _ = writeln!(out, "budget: {budget}; see archal budget");
    }
    out
}

fn one(out: &mut String, report: &PassReport, job: &JobReport) {
    _ = writeln!(out, "{} {}", status(job.status), job.name);
    _ = writeln!(out, "  {}", job.reason);
    for missing in job.missing.iter().take(5) {
        _ = writeln!(
            out,
            "  missing: {} of {}: {}; {}",
            missing.field, missing.entity, missing.why, missing.how
        );
    }
    if job.missing.len() > 5 {
        _ = writeln!(
            out,
            "  missing: and {} more, see seed.json",
            job.missing.len() - 5
        );
    }
    if let Some(group) = &job.group {
        _ = writeln!(out, "  group: {group}");
    }
    if let Some(red) = job.red {
        let green = job.green.map_or_else(String::new, |green| {
            format!(", green {green} with the patch")
        });
        _ = writeln!(out, "  proof: red {red} on HEAD{green}");
    }
    for artifact in job.artifacts.iter().take(4) {
        _ = writeln!(out, "  see: {}", artifact.path.display());
    }
    if let Some(published) = &job.published {
        _ = writeln!(out, "  published: {}", published.line());
    }
    if let Some(patch) = &job.patch {
        _ = writeln!(
            out,
            "  next: git -C {} apply {}",
            quoted(&report.repo),
            quoted(patch)
        );
    }
}

/// The status as it is written in reports.
pub fn status(status: Status) -> String {
    serde_json::to_value(status)
        .ok()
        .and_then(|value| value.as_str().map(str::to_owned))
        .unwrap_or_default()
}
