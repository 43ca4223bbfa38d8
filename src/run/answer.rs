//! What the agent said, from its stdout.
//!
//! The contract, in order: the whole output is one JSON object with `text` or `payloads`; such
//! an object stands inside mixed output; NDJSON; plain text.

use serde_json::Value;

/// The agent's answer; empty where it said nothing.
pub fn of(stdout: &[u8]) -> String {
    let text = String::from_utf8_lossy(stdout);
    let text = text.trim();
    if let Some(answer) = serde_json::from_str(text).ok().and_then(|v| said(&v)) {
        return answer;
    }
    if let Some(answer) = embedded(text) {
        return answer;
    }
    let lines: Vec<String> = text
        .lines()
        .filter_map(|line| serde_json::from_str(line).ok())
        .filter_map(|value| said(&value))
        .collect();
    if !lines.is_empty() {
        return lines.join("\n");
    }
    text.lines()
        .map(str::trim)
        .filter(|line| !line.is_empty())
        .collect::<Vec<_>>()
        .join("\n")
}

fn said(value: &Value) -> Option<String> {
    let object = value.as_object()?;
    if let Some(text) = object.get("text").and_then(Value::as_str) {
        return Some(text.to_owned());
    }
    let payloads = object.get("payloads")?.as_array()?;
    let texts: Vec<&str> = payloads
        .iter()
        .filter_map(|payload| match payload {
            Value::String(text) => Some(text.as_str()),
            other => other.get("text").and_then(Value::as_str),
        })
        .collect();
    Some(texts.join("\n"))
}

/// The last outermost object in mixed output that says something, when no other line does.
fn embedded(text: &str) -> Option<String> {
    let mut starts = text
        .match_indices('{')
        .map(|(at, _)| at)
        .filter(|at| *at == 0 || text[..*at].ends_with('\n'));
    let mut found = None;
    let mut count = 0;
    // Bounded: a flood of braces must not make this quadratic.
    for start in starts.by_ref().take(1_000) {
        let mut values = serde_json::Deserializer::from_str(&text[start..]).into_iter::<Value>();
        if let Some(Ok(value)) = values.next()
            && let Some(answer) = said(&value)
        {
            found = Some(answer);
            count += 1;
        }
    }
    (count == 1).then_some(found).flatten()
}

#[cfg(test)]
mod tests {
    use super::of;

    fn check(stdout: &str, expected: &str) {
        assert_eq!(of(stdout.as_bytes()), expected);
    }

    #[test]
    fn the_contract_is_read_in_order() {
        check("{\"text\": \"done\"}\n", "done");
        check("{\"payloads\": [{\"text\": \"a\"}, \"b\"]}", "a\nb");
        check("starting\n{\n \"text\": \"done\"\n}\nbye", "done");
        check("{\"text\": \"a\"}\n{\"text\": \"b\"}\n", "a\nb");
        check("  hello \n\n world ", "hello\nworld");
        check("", "");
    }

    #[test]
    fn output_that_is_not_text_is_still_an_answer() {
        assert_eq!(of(&[0xff, b'a']), "\u{fffd}a");
        check("{\"other\": 1}", "{\"other\": 1}");
    }
}
