//! A stand-in for a judge: it answers the judge's questions about recorded runs by two simple
//! rules, so that asking, believing and measuring can be tried without a model. It reads what it is
//! shown and nothing else, knows no labels, and says nothing about how good a model would be.
//!
//! - What was asked for was not done, where the agent's last words say that it could not be, or hand
//!   it to a person.
//! - What the agent told is not so, where it names an amount of dollars that stands in no other
//!   step and not in its instructions.
//!
//! Of everything else it is unsure.

use std::sync::LazyLock;

use regex::Regex;
use serde_json::{Value, json};

use crate::fake_judge::{Asked, Say};

static AMOUNT: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r"\$(\d[\d,]*(?:\.\d+)?)").ok());
static GIVEN_UP: LazyLock<Option<Regex>> = LazyLock::new(|| {
    let words = r"(?i)(unable to|cannot|can't|could not|couldn't|transfer(?:red|ring)? you|human agent)[^.!?\n]{8,60}";
    Regex::new(words).ok()
});

/// What it says to a question.
pub fn say(asked: &Asked) -> Say {
    Say::Text(answer(asked.question()).to_string())
}

/// The answer to a question about a recorded run.
pub fn answer(question: &str) -> Value {
    let statement = section(question, "statement");
    let steps: Vec<Value> = section(question, "steps")
        .lines()
        .filter_map(|line| serde_json::from_str(line).ok())
        .collect();
    let found = if statement.contains("told the person") {
        amount(&steps, &section(question, "instructions"))
    } else if statement.contains("asked for") {
        given_up(&steps)
    } else {
        None
    };
    let is_opposite = statement.starts_with("The agent") || statement.starts_with("Something");
    match found {
        Some((step, quote, reason)) => json!({
            "reason": reason, "quotes": [quote], "step": step, "owner": "agent",
            "verdict": if is_opposite { "pass" } else { "fail" },
        }),
        None => json!({
            "reason": "neither of its two rules says anything",
            "quotes": [], "step": 0, "owner": "agent", "verdict": "unsure",
        }),
    }
}

/// What stands between the fences of a section.
fn section(question: &str, name: &str) -> String {
    let Some((_, rest)) = question.split_once(&format!("<<<{name} ")) else {
        return String::new();
    };
    let Some((code, rest)) = rest.split_once('\n') else {
        return String::new();
    };
    let end = rest.find(&format!("\n{code} {name}>>>"));
    rest[..end.unwrap_or(rest.len())].to_owned()
}

fn said(step: &Value) -> Option<(u64, &str)> {
    (step["by"] == "agent").then_some(())?;
    Some((step["step"].as_u64()?, step["said"].as_str()?))
}

/// The agent's last words, where they give up.
fn given_up(steps: &[Value]) -> Option<(u64, String, &'static str)> {
    let (step, words) = steps.iter().rev().find_map(said)?;
    let found = GIVEN_UP.as_ref()?.find(words)?;
    let reason = "the agent's last words say that it was not done";
    Some((step, found.as_str().trim().to_owned(), reason))
}

/// An amount that the agent told and nobody else.
fn amount(steps: &[Value], instructions: &str) -> Option<(u64, String, &'static str)> {
    let plain = |text: &str| text.replace(',', "");
    let others: Vec<String> = steps
        .iter()
        .filter(|step| said(step).is_none())
        .map(|step| plain(&step.to_string()))
        .chain([plain(instructions)])
        .collect();
    for (step, words) in steps.iter().filter_map(said) {
        for amount in AMOUNT.as_ref()?.captures_iter(words) {
            let (whole, number) = (amount.get(0)?, plain(amount.get(1)?.as_str()));
            let number = number.trim_end_matches(".00").trim_end_matches(".0");
            if others.iter().any(|other| other.contains(number)) {
                continue;
            }
            // As long as a quote has to be.
            let from = words[..whole.start()].char_indices().rev().nth(20);
            let from = from.map_or(0, |(at, _)| at);
            let quote = words[from..whole.end()].trim().to_owned();
            let reason = "no other step names that amount";
            return Some((step, quote, reason));
        }
    }
    None
}
