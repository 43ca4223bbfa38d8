//! The end of a run for a person or an agent that takes over: everything needed to go on, in one block.

use std::fmt::Write as _;

use crate::budget::summary::Totals;

use super::report::PreprodResult;
use super::status::word;

/// The block.
pub fn text(result: &PreprodResult) -> String {
    let mut out = String::new();
    let mut line = |name: &str, text: &str| {
        // Writing to a String cannot fail.
        _ = writeln!(out, "  {name:<10} {text}");
    };
    line("command", &result.command);
    line("repo", &result.repo.display().to_string());
    for one in &result.scenarios {
        let text = format!(
            "{}: {}",
            one.path.display(),
            match &one.status {
                Some(status) => format!("{}, {} runs passed", word(status), one.passed),
                None => "not run".to_owned(),
            }
        );
        line("scenario", &text);
    }
    for failure in &result.failures {
        let text = format!(
            "{}: {}: {} ({})",
            failure.scenario,
            word(&failure.category),
            failure.summary,
            failure.rule
        );
        line("failure", &text);
    }
    for one in &result.differing {
        line("differs", &one.line());
    }
    for attempt in &result.attempts {
        let text = format!(
            "{}: {}: {}",
            attempt.number,
            word(&attempt.outcome),
            attempt.reason
        );
        line("attempt", &text);
        for proved in &attempt.proved {
            if let Some(held_back) = &proved.held_back {
                let status = word(&held_back.status);
                let text = format!("held-back variation of {}: {status}", proved.scenario);
                line("", &text);
            }
        }
        for breach in &attempt.breaches {
            line("", &breach.reason());
        }
        if !attempt.review.is_empty() {
            line("", &format!("for review: {}", attempt.review.join(", ")));
        }
        if !attempt.reverted.is_empty() {
            line("", &format!("put back: {}", attempt.reverted.join(", ")));
        }
    }
    line("policy", &policy(result));
    if let Some(validation) = &result.validation {
        let text = format!("`{}` {}", validation.command, validation.how);
        line("validation", &text);
    }
    let ended = format!(
        "{} ({}): {}",
        result.status.name(),
        result.stop_reason.name(),
        result.explanation
    );
    line("ended", &ended);
    line("cost", &cost(&result.costs.totals));
    line("artifacts", &result.artifacts.display().to_string());
    for file in &result.deciding {
        line("", &file.display().to_string());
    }
    if let Some(patch) = &result.patch {
        let apply = format!(
            "git -C {} apply {}",
            crate::report::shell::quoted(&result.repo),
            crate::report::shell::quoted(patch)
        );
        line("patch", &apply);
    }
    line("pr", &pr(result));
    if let Some(blocker) = &result.blocker {
        line("blocker", blocker);
    }
    line("next", &result.next);
    out
}

/// The pull request, or why there is none.
fn pr(result: &PreprodResult) -> String {
    match (&result.pr, result.policy.open_pr) {
        (Some(published), _) => published.line(),
        (None, true) => "none: nothing was published".to_owned(),
        (None, false) => "none was asked for".to_owned(),
    }
}

fn policy(result: &PreprodResult) -> String {
    let policy = &result.policy;
    let allowed = match policy.allow_external_execution {
        true => "external commands allowed",
        false => "external commands not allowed",
    };
    let pr = match (policy.open_pr, &policy.pr_command) {
        (false, _) => "no pull request".to_owned(),
        (true, None) => "a draft pull request".to_owned(),
        (true, Some(command)) => format!("a draft pull request by `{command}`"),
    };
    format!(
        "{} fix attempts, {allowed}, fixer {}, validation {}, {pr}, budget {} a run and {} a day, sandbox {} ({} enforced), containment {}",
        policy.max_fix_attempts,
        policy.fixer.as_deref().unwrap_or("none"),
        policy.validation_command.as_deref().unwrap_or("none"),
        policy.budget_usd,
        policy.per_day_usd,
        policy.sandbox,
        policy.sandbox_enforced,
        policy.containment,
    )
}

/// What was spent, and how much of it is not known.
pub fn cost(totals: &Totals) -> String {
    if totals.attempts == 0 {
        return "nothing".to_owned();
    }
    let mut text = format!("${} known", totals.spent_usd);
    if totals.unknown_cost > 0 {
        text.push_str(&format!(
            ", {} of {} steps at unknown cost",
            totals.unknown_cost, totals.attempts
        ));
    }
    text
}
