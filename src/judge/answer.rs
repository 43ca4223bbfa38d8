//! What the judge answers, read strictly.

use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Value, json};

use super::evidence::clean;

/// The most quotes that are read.
const QUOTES: usize = 20;
/// The longest reason that is kept, in bytes.
const REASON: usize = 2_000;

/// What the judge decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// The criterion holds.
    Pass,
    /// It does not.
    Fail,
    /// The evidence does not say.
    Unsure,
}

/// An answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Answer {
    /// What it decided.
    pub verdict: Verdict,
    /// What it quotes.
    #[serde(default)]
    pub quotes: Vec<String>,
    /// Why.
    #[serde(default)]
    pub reason: String,
    /// The number of the step at which it first went wrong, where that was asked.
    #[serde(
        default,
        deserialize_with = "number",
        skip_serializing_if = "Option::is_none"
    )]
    pub step: Option<u64>,
    /// Who has to act, where that was asked.
    #[serde(
        default,
        deserialize_with = "word",
        skip_serializing_if = "Option::is_none"
    )]
    pub owner: Option<String>,
}

/// A number; what is none, beside an answer that can be read, is as if it were not there.
fn number<'de, D: Deserializer<'de>>(given: D) -> Result<Option<u64>, D::Error> {
    Ok(Value::deserialize(given)?.as_u64())
}

fn word<'de, D: Deserializer<'de>>(given: D) -> Result<Option<String>, D::Error> {
    Ok(Value::deserialize(given)?.as_str().map(str::to_owned))
}

/// What an answer holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    /// A verdict with its quotes and reason.
    Verdict,
    /// The same, with the step at which it first went wrong and who has to act.
    Step,
}

/// Reads an answer: one JSON object, which may stand in a fence or between words.
///
/// # Errors
///
/// Why it is none, for the judge to read.
pub fn read(text: &str) -> Result<Answer, String> {
    let text = text.trim();
    let object = match (text.find('{'), text.rfind('}')) {
        (Some(start), Some(end)) if start < end => &text[start..=end],
        _ => return Err("it holds no JSON object".to_owned()),
    };
    let mut answer: Answer = serde_json::from_str(object).map_err(|error| error.to_string())?;
    if answer.quotes.len() > QUOTES {
        return Err(format!("it has more than {QUOTES} quotes"));
    }
    let reason = clean(&answer.reason);
    answer.reason = reason[..reason.floor_char_boundary(REASON)]
        .trim()
        .to_owned();
    Ok(answer)
}

/// The shape of an answer as JSON Schema, in the words that all providers understand.
pub(super) fn schema(shape: Shape) -> Value {
    let mut schema = json!({
        "type": "object",
        "properties": {
            "reason": {"type": "string"},
            "quotes": {"type": "array", "items": {"type": "string"}},
            "verdict": {"type": "string", "enum": ["pass", "fail", "unsure"]},
        },
        "required": ["reason", "quotes", "verdict"],
        "additionalProperties": false,
    });
    if shape == Shape::Step {
        schema["properties"]["step"] = json!({"type": "integer"});
        schema["properties"]["owner"] =
            json!({"type": "string", "enum": ["agent", "user", "environment", "harness"]});
        schema["required"] = json!(["reason", "quotes", "step", "owner", "verdict"]);
    }
    schema
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str) -> String {
        match read(text) {
            Ok(answer) => format!("{:?} {:?} {}", answer.verdict, answer.quotes, answer.reason),
            Err(error) => error,
        }
    }

    #[test]
    fn one_object_is_read_wherever_it_stands() {
        insta::assert_snapshot!(shown(r#"{"verdict": "pass", "quotes": ["a"], "reason": "b"}"#), @r#"Pass ["a"] b"#);
        insta::assert_snapshot!(shown("Here:\n```json\n{\"verdict\": \"unsure\", \"more\": 1}\n```"), @"Unsure [] ");
    }

    #[test]
    fn everything_else_is_refused_and_says_why() {
        insta::assert_snapshot!(shown("PASS"), @"it holds no JSON object");
        insta::assert_snapshot!(shown("} {"), @"it holds no JSON object");
        insta::assert_snapshot!(shown(r#"{"verdict": "maybe"}"#), @"unknown variant `maybe`, expected one of `pass`, `fail`, `unsure` at line 1 column 19");
        insta::assert_snapshot!(shown(r#"{"quotes": []}"#), @"missing field `verdict` at line 1 column 14");
        insta::assert_snapshot!(shown(r#"{"verdict": "fail", "verdict": "pass"}"#), @"duplicate field `verdict` at line 1 column 29");
        // An agent's own object beside the judge's is no way to choose.
        insta::assert_snapshot!(shown(r#"{"verdict": "fail"} and {"verdict": "pass"}"#), @"trailing characters at line 1 column 21");
        insta::assert_snapshot!(shown(r#"{"verdict": "pass", "quotes": ["a""#), @"it holds no JSON object");
        insta::assert_snapshot!(shown(&format!(r#"{{"verdict": "pass", "quotes": {:?}}}"#, vec!["a"; 21])), @"it has more than 20 quotes");
    }
}
