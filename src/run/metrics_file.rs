//! What is wrong with the figures an agent left in `AGENT_METRICS_FILE`.
//!
//! What they say is read by [`super::cost`]; a figure that is none is unknown and no failure. Whoever
//! wrote it should know.

use serde_json::{Map, Value};

use super::cost;

/// Keys of whole numbers, in both cases.
const COUNTS: &[&str] = &[
    "inputTokens",
    "input_tokens",
    "outputTokens",
    "output_tokens",
];
/// Keys of amounts of money.
const AMOUNTS: &[&str] = &["costUsd", "cost_usd"];
/// Keys of names.
const NAMES: &[&str] = &["model", "provider"];

/// One sentence for each thing that is wrong.
pub(super) fn notes(report: &[u8]) -> Vec<String> {
    let note = |what: String| format!("AGENT_METRICS_FILE: {what}");
    let figures: Map<String, Value> = match serde_json::from_slice(report) {
        Ok(Value::Object(figures)) => figures,
        Ok(_) => return vec![note("it is no JSON object".to_owned())],
        Err(error) => return vec![note(format!("it is no JSON: {error}"))],
    };
    if cost::metrics(report).is_none() {
        let size = report.len();
        return vec![note(format!(
            "it has {size} bytes, and at most 64 KiB are taken into the result"
        ))];
    }
    let wrong = |keys: &[&str], fits: fn(&Value) -> bool, what: &str| {
        keys.iter()
            .filter(|key| {
                figures
                    .get(**key)
                    .is_some_and(|value| !value.is_null() && !fits(value))
            })
            .map(|key| note(format!("{key} is not {what}")))
            .collect::<Vec<_>>()
    };
    let is_amount = |value: &Value| value.as_f64().is_some_and(|usd| usd >= 0.0);
    let mut notes = wrong(COUNTS, Value::is_u64, "a whole number");
    notes.extend(wrong(AMOUNTS, is_amount, "an amount in US dollars"));
    notes.extend(wrong(NAMES, Value::is_string, "a name"));
    notes
}

#[cfg(test)]
mod tests {
    use super::notes;

    #[test]
    fn figures_that_are_none_are_named() {
        assert_eq!(
            notes(br#"{"inputTokens":1,"costUsd":0.5,"model":"m","more":[]}"#),
            Vec::<String>::new()
        );
        let told = [
            notes(b"[1]"),
            notes(b"{"),
            notes(br#"{"input_tokens":1.5,"outputTokens":null,"costUsd":"1","model":7}"#),
            notes(format!("{{\"a\":\"{}\"}}", "x".repeat(70_000)).as_bytes()),
        ];
        insta::assert_snapshot!(told.concat().join("\n"), @r"
        AGENT_METRICS_FILE: it is no JSON object
        AGENT_METRICS_FILE: it is no JSON: EOF while parsing an object at line 1 column 1
        AGENT_METRICS_FILE: input_tokens is not a whole number
        AGENT_METRICS_FILE: costUsd is not an amount in US dollars
        AGENT_METRICS_FILE: model is not a name
        AGENT_METRICS_FILE: it has 70008 bytes, and at most 64 KiB are taken into the result
        ");
    }
}
