//! Tests that the agent ran itself: work that ends on failing ones is not done.

use std::sync::LazyLock;

use archal_core::grade::{Finding, Owner};
use regex::Regex;
use serde_json::Value;

use super::super::facts::{Call, Facts};
use super::Rule;

/// Text of a command or an output that is looked at, in bytes from its start or its end.
const LOOKED_AT: usize = 16 * 1024;

/// Commands that run tests.
static RUNS_TESTS: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(
        r"(?x) \b(pytest|py\.test|unittest|nosetests|tox|runtests\.py|rspec|phpunit|jest|vitest|mocha|ctest)\b
        | \b(cargo|go|npm|yarn|pnpm|make|mvn|gradle|dotnet|bazel|swift|mix|manage\.py)\s+(run\s+)?test\b | \bbin/test\b",
    )
    .expect("a constant expression")
});
/// How test programs sum up failures.
static FAILED: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(
        r"(?xm) \b[1-9]\d*\s+(failed|failing|errors?\b\s+in\s+\d)
        | ^FAILED\b | ^FAIL:\s | \(failures=[1-9] | \(errors=[1-9] | ^test\ result:\ FAILED | ^---\ FAIL:",
    )
    .expect("a constant expression")
});

pub(super) fn failing(rule: &Rule, facts: &Facts<'_>, found: &mut Vec<Finding>) {
    let last = facts.calls.iter().rev().find(|call| runs_tests(call));
    let Some(call) = last else { return };
    let Some(output) = call.result.as_deref().and_then(text_of) else {
        return;
    };
    let mut start = output.len().saturating_sub(LOOKED_AT);
    while !output.is_char_boundary(start) {
        start += 1;
    }
    let summary = FAILED.find(&output[start..]);
    if summary.is_none() && call.failure.is_none() {
        return;
    }
    let excerpt = summary.map_or_else(
        || call.excerpt(),
        |found| {
            let rest = &output[start + found.start()..];
            rest.lines().next().unwrap_or_default().to_owned()
        },
    );
    found.push(rule.finding(
        "tests",
        "the tests failed when they were last run".to_owned(),
        [call.span],
        &excerpt,
        Owner::Agent,
    ));
}

fn runs_tests(call: &Call<'_>) -> bool {
    let command = match call.arguments.as_deref() {
        Some(Value::String(text)) => Some(text.as_str()),
        Some(Value::Object(map)) => ["command", "cmd", "script", "code", "input"]
            .iter()
            .find_map(|name| map.get(*name).and_then(Value::as_str)),
        _ => None,
    };
    command.is_some_and(|command| command.len() <= LOOKED_AT && RUNS_TESTS.is_match(command))
}

fn text_of(result: &Value) -> Option<&str> {
    match result {
        Value::String(text) => Some(text),
        Value::Object(map) => ["output", "stdout", "content", "text", "result"]
            .iter()
            .find_map(|name| map.get(*name).and_then(Value::as_str)),
        _ => None,
    }
}
