//! The inbox as a person reads it.

use std::fmt::Write as _;
use std::path::Path;

use crate::attach::handoff::{quoted, status};
use crate::attach::inbox::document::{
    AttemptLine, Decided, Issue, IssueDetails, IssueList, IssueReasons, TraceReasons,
};
use crate::attach::state::failures::FailureStatus;
use crate::grade::tiers::Tier;
use crate::report::style::Style;

/// The most traces that are listed of a failure.
const TRACES: usize = 10;
/// The most rows of missing evidence.
const MISSING: usize = 5;

/// The list.
pub(super) fn list(list: &IssueList, shown: &Path) -> String {
    let mut out = String::new();
    // Writing to a String cannot fail, here and below.
    if !list.is_attached {
        _ = writeln!(out, "nothing was attached to {} yet", list.repo.display());
        _ = writeln!(out, "  archal attach <trace-dir> --repo {}", quoted(shown));
        return out;
    }
    for issue in &list.issues {
        heading(&mut out, issue);
        next(&mut out, issue);
    }
    if list.issues.is_empty() {
        out.push_str("no failure\n");
    }
    let left_out: Vec<String> = list
        .left_out
        .iter()
        .map(|(status, count)| format!("{count} {status}"))
        .collect();
    if !left_out.is_empty() {
        let left_out = left_out.join(", ");
        _ = writeln!(out, "left out: {left_out}; archal issue list --all");
    }
    out
}

fn heading(out: &mut String, issue: &Issue) {
    let stands = match issue.status {
        FailureStatus::Fixed => Style::Good,
        FailureStatus::Dismissed => Style::Faint,
        FailureStatus::Open | FailureStatus::Confirmed | FailureStatus::Reopened => Style::Error,
    };
    let traces = match issue.traces {
        1 => "1 trace".to_owned(),
        traces => format!("{traces} traces"),
    };
    _ = writeln!(
        out,
        "{} {}  {traces}, {}",
        stands.paint(issue.status.name()),
        Style::Heading.paint(&issue.group),
        seen(issue)
    );
    _ = writeln!(out, "  {}", line(&issue.title));
    if let Some(note) = &issue.note {
        _ = writeln!(out, "  said of it: {}", line(note));
    }
    if let Some(job) = &issue.job {
        _ = writeln!(
            out,
            "  {} ({}): {}",
            status(job.status),
            job.trace,
            line(&job.reason)
        );
    }
}

fn seen(issue: &Issue) -> String {
    let (first, last) = (time(&issue.first_seen), time(&issue.last_seen));
    if first == last {
        format!("seen {last}")
    } else {
        format!("first seen {first}, last {last}")
    }
}

/// `2026-01-02T03:04:05.678Z` to the minute.
fn time(text: &str) -> String {
    let minute = text.get(..16).unwrap_or(text);
    minute.replace('T', " ")
}

fn next(out: &mut String, issue: &Issue) {
    _ = writeln!(out, "  next: {}", issue.next.text);
    for command in &issue.next.commands {
        _ = writeln!(out, "    {}", Style::Hint.paint(command));
    }
}

/// One line of what may be several.
fn line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// One failure.
pub(super) fn details(details: &IssueDetails) -> String {
    let mut out = String::new();
    heading(&mut out, &details.issue);
    _ = writeln!(out, "traces:");
    for member in details.members.iter().take(TRACES) {
        let leads = if member.leads { ", worked on" } else { "" };
        let file = member.file.display();
        let stands = status(member.status);
        _ = writeln!(out, "  {} ({stands}{leads}) from {file}", member.trace);
    }
    let shown = details.members.len().min(TRACES) as u64;
    if details.issue.traces > shown {
        let more = details.issue.traces - shown;
        _ = writeln!(out, "  and {more} more");
    }
    if let Some(red) = details.red {
        let base = details.base.as_deref().unwrap_or("HEAD");
        let base = base.get(..12).unwrap_or(base);
        _ = writeln!(out, "red: {red} attempts on {base} show it");
    }
    attempts(&mut out, &details.attempts);
    if let Some(green) = details.green {
        _ = writeln!(out, "green: {green} runs with the patch show none");
    }
    if !details.missing.is_empty() {
        _ = writeln!(out, "missing:");
        for missing in details.missing.iter().take(MISSING) {
            let what = format!("{} of {}", missing.field, missing.entity);
            _ = writeln!(
                out,
                "  {}: {}; {}",
                line(&what),
                line(&missing.why),
                line(&missing.how)
            );
        }
        if details.missing.len() > MISSING {
            _ = writeln!(
                out,
                "  and {} more, see seed.json",
                details.missing.len() - MISSING
            );
        }
    }
    if !details.artifacts.is_empty() {
        _ = writeln!(out, "files:");
        for path in &details.artifacts {
            _ = writeln!(out, "  {}", path.display());
        }
    }
    for (part, at) in &details.pruned {
        let what = match part.as_str() {
            "runs" => "the evidence of its runs was",
            _ => "its import, grade and seed were",
        };
        _ = writeln!(out, "{what} removed on {}, being old", time(at));
    }
    if let Some(published) = &details.published {
        _ = writeln!(out, "published: {}", line(&published.line()));
    }
    if let Some(patch) = &details.patch {
        _ = writeln!(out, "patch: {}", patch.display());
    }
    if !details.history.is_empty() {
        _ = writeln!(out, "history:");
        for change in &details.history {
            let (stage, stands) = (change.stage.name(), change.status.name());
            let reason = if change.reason.is_empty() {
                String::new()
            } else {
                format!(": {}", line(&change.reason))
            };
            _ = writeln!(out, "  {} {stage} {stands}{reason}", time(&change.at));
        }
    }
    if !details.notices.is_empty() {
        _ = writeln!(out, "told:");
        for notice in &details.notices {
            let event = notice.event.map_or("?", |event| event.name());
            let outcome = notice
                .outcome
                .map_or("to be sent", |outcome| outcome.name());
            let error = notice.error.as_deref().unwrap_or_default();
            let error = if error.is_empty() {
                String::new()
            } else {
                format!(" ({})", line(error))
            };
            _ = writeln!(out, "  {} {event}: {outcome}{error}", time(&notice.at));
        }
    }
    next(&mut out, &details.issue);
    out
}

fn attempts(out: &mut String, attempts: &[AttemptLine]) {
    for attempt in attempts {
        let why = attempt
            .why
            .as_deref()
            .map_or_else(String::new, |why| format!(" ({})", line(why)));
        let evidence = attempt
            .evidence
            .as_ref()
            .map_or_else(String::new, |folder| format!("  {}", folder.display()));
        _ = writeln!(
            out,
            "  attempt {}: {}{why}{evidence}",
            attempt.number, attempt.shown
        );
    }
}

/// Why.
pub(super) fn reasons(reasons: &IssueReasons) -> String {
    let mut out = String::new();
    heading(&mut out, &reasons.issue);
    for trace in &reasons.traces {
        graded(&mut out, trace);
    }
    if reasons.more_traces > 0 {
        _ = writeln!(
            out,
            "and {} more traces that show the same",
            reasons.more_traces
        );
    }
    if let Some(shown) = &reasons.reproduction {
        let red = shown
            .red
            .map_or_else(String::new, |red| format!(", red {red}"));
        let base = shown.base.get(..12).unwrap_or(&shown.base);
        _ = writeln!(out, "run again on {base}: {}{red}", shown.outcome);
        attempts(&mut out, &shown.attempts);
    }
    if !reasons.not_checked.is_empty() {
        _ = writeln!(out, "not checked:");
        for what in &reasons.not_checked {
            _ = writeln!(out, "  {}", line(what));
        }
    }
    next(&mut out, &reasons.issue);
    out
}

fn graded(out: &mut String, trace: &TraceReasons) {
    _ = writeln!(out, "trace {}", trace.trace);
    if let Some(reason) = &trace.unavailable {
        _ = writeln!(out, "  its grade cannot be told: {reason}");
        return;
    }
    _ = writeln!(out, "  {}", line(&trace.summary));
    if let Some(scenario) = &trace.scenario {
        _ = writeln!(out, "  scenario: {scenario}");
    }
    for finding in &trace.findings {
        let sure = (finding.confidence * 100.0).round();
        _ = writeln!(
            out,
            "  finding: {} [{}, tier {}, {}, {sure}%]",
            line(&finding.summary),
            finding.rule,
            Tier::of(finding).number(),
            finding.owner.name()
        );
        if let Some(operation) = &finding.operation {
            let entity = finding.entity.as_deref().unwrap_or("nothing");
            _ = writeln!(out, "    decided by {operation} on {entity}");
        }
        if !finding.spans.is_empty() {
            _ = writeln!(out, "    spans: {}", finding.spans.join(", "));
        }
        if !finding.excerpt.is_empty() {
            _ = writeln!(out, "    evidence: {}", line(&finding.excerpt));
        }
    }
    for criterion in &trace.criteria {
        _ = writeln!(out, "  broken: {}", line(&criterion.label));
        if let Some(cel) = &criterion.cel {
            _ = writeln!(out, "    {}", line(cel));
        }
    }
    if let Some(step) = &trace.first_bad_step {
        _ = writeln!(out, "  first bad step: span {step}");
    }
    for tier in &trace.tiers {
        _ = writeln!(out, "  {}", line(&tier.to_string()));
    }
    if let Some(agreement) = &trace.agreement {
        let (agreeing, calls) = (agreement.agreeing, agreement.calls);
        _ = writeln!(
            out,
            "  replay: {agreeing} of {calls} calls answer as recorded"
        );
    }
    _ = writeln!(out, "  see: {}", trace.grade.display());
}

/// What was decided.
pub(super) fn decided(decided: &Decided) -> String {
    let mut out = String::new();
    let stands = decided.issue.status.name();
    let (group, before) = (&decided.issue.group, decided.before.name());
    _ = writeln!(out, "{group} is {stands} (was {before})");
    _ = writeln!(
        out,
        "  labels: {} in {}",
        decided.labels,
        decided.labels_file.display()
    );
    if decided.jobs > 0 {
        let what = match decided.issue.status {
            FailureStatus::Dismissed => "taken out of the queue",
            _ => "put back into the queue",
        };
        _ = writeln!(out, "  jobs {what}: {}", decided.jobs);
    }
    next(&mut out, &decided.issue);
    out
}
