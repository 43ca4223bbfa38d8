//! What the agent said, from its stdout.
//!
//! The contract, in order: the whole output is one JSON object with `text` or `payloads`; such
//! objects stand inside mixed output, or one on each line; plain text outside of JSON. An agent may
//! print anything, so looking takes no longer than the output is long, but for a constant.

use serde_json::Value;

/// How often a piece of the output is looked at before what is left of it is taken as plain.
const LOOKS: usize = 8;

/// The agent's answer; empty where it said nothing.
pub fn of(stdout: &[u8]) -> String {
    let text = String::from_utf8_lossy(stdout);
    let text = text.trim_start_matches('\u{feff}').trim();
    if let Some(answer) = serde_json::from_str(text).ok().and_then(|v| said(&v)) {
        return answer;
    }
    let mut answers = Vec::new();
    let mut rest = String::new();
    let mut copied = 0;
    for (start, end, value) in objects(text) {
        rest.push_str(&text[copied..start]);
        copied = end;
        answers.extend(said(&value));
    }
    if !answers.is_empty() {
        return answers.join("\n");
    }
    rest.push_str(&text[copied..]);
    let outside = plain(&rest);
    // An agent that prints nothing but JSON of its own has said that.
    if outside.is_empty() {
        plain(text)
    } else {
        outside
    }
}

fn plain(text: &str) -> String {
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
    lines.collect::<Vec<_>>().join("\n")
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

/// The outermost objects, and where they begin and end.
fn objects(text: &str) -> Vec<(usize, usize, Value)> {
    let bytes = text.as_bytes();
    let mut found = Vec::new();
    let mut looks = bytes.len().saturating_mul(LOOKS);
    let mut at = 0;
    while let Some(start) = bytes[at..].iter().position(|byte| *byte == b'{') {
        let start = at + start;
        let (length, looked) = balanced(&bytes[start..]);
        let end = start + length.unwrap_or_default();
        match serde_json::from_str(&text[start..end]) {
            Ok(value) => {
                found.push((start, end, value));
                at = end;
            }
            // Braces around something else, or one that nothing closes: what follows the first
            // may still be an object.
            Err(_) => at = start + 1,
        }
        match looks.checked_sub(looked) {
            Some(left) => looks = left,
            None => break,
        }
    }
    found
}

/// How long the object at the beginning of `bytes` is, where it is one, and how far that was
/// looked for.
fn balanced(bytes: &[u8]) -> (Option<usize>, usize) {
    let mut depth = 0_usize;
    let mut in_text = false;
    let mut escaped = false;
    for (at, byte) in bytes.iter().enumerate() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if in_text => escaped = true,
            b'"' => in_text = !in_text,
            // No text of JSON goes over a line's end, so this was never one.
            b'\n' if in_text => return (None, at),
            b'{' if !in_text => depth += 1,
            b'}' if !in_text => {
                depth -= 1;
                if depth == 0 {
                    return (Some(at + 1), at);
                }
            }
            _ => {}
        }
    }
    (None, bytes.len())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn check(stdout: &str, expected: &str) {
        assert_eq!(of(stdout.as_bytes()), expected, "{stdout}");
    }

    #[test]
    fn the_contract_is_read_in_order() {
        check("{\"text\": \"done\"}\n", "done");
        check(
            "{\"payloads\": [{\"text\": \"a\"}, \"b\", {\"image\": 1}]}",
            "a\nb",
        );
        check("starting\n{\n \"text\": \"done\"\n}\nbye", "done");
        check("INFO {\"text\": \"done\"} in 3 s", "done");
        check(
            "{\"text\": \"a\"}\n{\"step\": 1}\n{\"text\": \"b\"}\n",
            "a\nb",
        );
        check("  hello \n\n world ", "hello\nworld");
        check("hello\n{\"step\": 1}\nworld", "hello\nworld");
        check("", "");
    }

    #[test]
    fn output_that_is_not_text_is_still_an_answer() {
        assert_eq!(of(&[0xff, b'a']), "\u{fffd}a");
        check("{\"other\": 1}", "{\"other\": 1}");
        check("{\"text\": 1}", "{\"text\": 1}");
    }

    #[test]
    fn braces_that_are_no_json_hide_nothing() {
        check("if (x) {\n{\"text\": \"done\"}", "done");
        check("{ weird } {\"text\": \"done\"}", "done");
        check("map { a: {\"text\": \"done\"} }", "done");
        check("say \"{\n{\"text\": \"a } { b\"}", "a } { b");
        check("{\"text\": \"half", "{\"text\": \"half");
        check("\u{feff}{\"text\": \"done\"}", "done");
        check("[{\"text\": \"done\"}]", "done");
    }

    #[test]
    fn a_flood_of_braces_is_read_in_time_that_grows_with_its_length() {
        let flood = format!("{}{}", "{\"a\":[".repeat(1_000_000), "1,".repeat(500_000));
        assert_eq!(of(flood.as_bytes()), flood);
    }

    proptest! {
        #[test]
        fn any_bytes_are_read(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
            of(&bytes);
        }

        #[test]
        fn anything_that_looks_like_json_is_read(text in r#"[{}\[\]":,a\\\n 1]{0,200}"#) {
            of(text.as_bytes());
        }

        #[test]
        fn what_an_object_says_comes_back_whatever_stands_around_it(
            said in any::<String>(), before in "[a-z\n :]{0,40}", after in "[a-z\n :]{0,40}",
        ) {
            for object in [json!({"text": said}), json!({"payloads": [said]})] {
                let mixed = format!("{before}{object:#}{after}");
                prop_assert_eq!(of(mixed.as_bytes()), said.clone());
            }
        }

        #[test]
        fn lines_of_objects_come_back_in_order(said in proptest::collection::vec(any::<String>(), 1..8)) {
            let lines: String = said.iter().map(|text| format!("{}\n", json!({"text": text}))).collect();
            prop_assert_eq!(of(lines.as_bytes()), said.join("\n"));
        }
    }
}
