//! The demonstration told on one screen.

use std::fmt::Write as _;
use std::path::Path;

use serde::Deserialize;
use serde_json::Value;

use crate::attach::handoff::{quoted, status};
use crate::attach::job::{JobReport, Status};
use crate::attach::report::PassReport;
use crate::fix::proof::{self, HeldBack, HeldBackStatus};
use crate::report::style::Style;

use super::example::FIX_COMMAND;

/// What happened, what was proven and where to look.
pub(super) fn text(
    report: &PassReport,
    folder: &Path,
    kept: Option<&Path>,
    seconds: f64,
) -> String {
    let mut out = String::new();
    for job in &report.jobs {
        one(&mut out, report, job, folder);
    }
    // Writing to a String cannot fail.
    _ = writeln!(
        out,
        "\nThe whole loop took {seconds:.1} s, with no key and no network.\n"
    );
    match kept {
        Some(kept) => next_in(&mut out, report, kept),
        None => {
            _ = writeln!(
                out,
                "The example was in a temporary folder and is gone. To look at every file it wrote:"
            );
            _ = writeln!(out, "  {}", Style::Hint.paint("archal demo --keep"));
        }
    }
    out
}

fn one(out: &mut String, report: &PassReport, job: &JobReport, folder: &Path) {
    let mut line = |label: &str, text: &str| {
        _ = writeln!(
            out,
            "{} {text}",
            Style::Heading.paint(&format!("{label:<11}"))
        );
    };
    let shown = |path: &Path| {
        path.strip_prefix(folder)
            .unwrap_or(path)
            .display()
            .to_string()
    };
    let grade = read(report, job, "grades", "grade.json");
    let seed = read(report, job, "seeds", "seed.json");
    let manifest = read(report, job, "runs", "manifest.json");
    let proved = read(report, job, "fixes", "proof.json");
    line("trace", &shown(&job.file));
    if let Some(finding) = grade.pointer("/findings/0") {
        line(
            "failed",
            &Style::Error.paint(finding["summary"].as_str().unwrap_or_default()),
        );
        if let Some(rows) = finding["rows"].as_array() {
            line("evidence", &evidence(rows));
        }
    }
    if let Some(agreement) = grade.get("agreement").filter(|value| !value.is_null()) {
        line("rebuilt", &rows(&seed));
        line(
            "replayed",
            &format!(
                "{} of the trace's {} calls get the recorded answer from it",
                agreement["agreeing"], agreement["calls"]
            ),
        );
    }
    if let Some(red) = job.red {
        let route = manifest
            .pointer("/attempts/0/route/level")
            .and_then(Value::as_str)
            .unwrap_or("unknown");
        let reason = manifest
            .pointer("/attempts/0/route/reason")
            .and_then(Value::as_str)
            .map_or_else(String::new, |reason| {
                format!("; isolated does not work here: {reason}")
            });
        line(
            "reproduced",
            &format!(
                "{} on HEAD, at https://api.github.com (route {route}{reason})",
                Style::Error.paint(&format!("red {red}"))
            ),
        );
    }
    if job.green.is_some() {
        let files = proved["changed"]
            .as_array()
            .map(|files| {
                files
                    .iter()
                    .filter_map(Value::as_str)
                    .collect::<Vec<_>>()
                    .join(", ")
            })
            .unwrap_or_default();
        line("fixed", &format!("`{FIX_COMMAND}` changed {files}"));
    }
    if let Some(green) = job.green {
        line(
            "proven",
            &format!(
                "{} with the patch, on the same state; nothing else is worse",
                Style::Good.paint(&format!("green {green}"))
            ),
        );
    }
    if let Ok(held_back) = HeldBack::deserialize(&proved["heldBack"]) {
        line("held back", &never_seen(&held_back));
    }
    if job.status != Status::Fixed {
        line("ended", &format!("{}: {}", status(job.status), job.reason));
    }
    for (index, artifact) in job.artifacts.iter().take(4).enumerate() {
        line(if index == 0 { "kept" } else { "" }, &shown(&artifact.path));
    }
}

/// How the patch did on what the fixer never saw.
fn never_seen(held_back: &HeldBack) -> String {
    match (held_back.status, &held_back.changed) {
        (HeldBackStatus::Passed, Some(changed)) => format!(
            "{} on a variation that the fixer never saw: {}",
            Style::Good.paint("green, too,"),
            proof::told(changed)
        ),
        (HeldBackStatus::Passed | HeldBackStatus::Failed, _) => {
            Style::Error.paint(&held_back.reason)
        }
        (HeldBackStatus::NotApplicable, _) => format!("not checked: {}", held_back.reason),
    }
}

/// The first rows that show the failure.
fn evidence(rows: &[Value]) -> String {
    let keys: Vec<&str> = rows.iter().filter_map(|row| row["key"].as_str()).collect();
    let shown = keys.iter().take(3).copied().collect::<Vec<_>>().join(", ");
    match keys.len() {
        0..=3 => shown,
        more => format!("{shown} and {} more", more - 3),
    }
}

/// `46 issues, 5 labels, 1 repos`.
fn rows(seed: &Value) -> String {
    let Some(tables) = seed.pointer("/seeds/github").and_then(Value::as_object) else {
        return "nothing".to_owned();
    };
    tables
        .iter()
        .filter_map(|(name, rows)| Some(format!("{} {name}", rows.as_array()?.len())))
        .collect::<Vec<_>>()
        .join(", ")
}

/// An artifact of the job; null where it was not written.
fn read(report: &PassReport, job: &JobReport, stage: &str, name: &str) -> Value {
    let path = report
        .repo
        .join(".archal/attach")
        .join(stage)
        .join(&job.name)
        .join(name);
    std::fs::read(path)
        .ok()
        .and_then(|bytes| serde_json::from_slice(&bytes).ok())
        .unwrap_or(Value::Null)
}

fn next_in(out: &mut String, report: &PassReport, kept: &Path) {
    _ = writeln!(out, "Next, in the copy that was kept:");
    _ = writeln!(
        out,
        "  {}",
        Style::Hint.paint(&format!("cd {}", quoted(kept)))
    );
    for job in &report.jobs {
        if let Some(patch) = &job.patch {
            let patch = patch.strip_prefix(&report.repo).unwrap_or(patch);
            _ = writeln!(
                out,
                "  {}",
                Style::Hint.paint(&format!("git apply {}", quoted(patch)))
            );
        }
    }
    _ = writeln!(out, "  {}", Style::Hint.paint("archal run"));
}
