//! The result of a recorded call, out of what protocols and frameworks wrap it in.
//!
//! A result reaches a trace as content blocks of MCP, as a message of the framework, as text that
//! holds JSON, or as itself. What was cut is said to be; nothing is made up for it.

use serde_json::{Map, Value};

/// The most wrappings that are taken off.
const DEPTH: usize = 10;
/// What writers put where they cut a text.
const CUTS: &[&str] = &[
    "(truncated)",
    "...",
    "<truncated>",
    "[TRUNCATED]",
    "[truncated]",
    "…",
    "… (truncated)",
];
/// Fields that say something of a message and are no part of the result.
const BESIDE: &[&str] = &[
    "_meta",
    "additional_kwargs",
    "annotations",
    "artifact",
    "call_id",
    "duration_ms",
    "id",
    "is_error",
    "isError",
    "meta",
    "name",
    "response_metadata",
    "role",
    "status",
    "structuredContent",
    "structured_content",
    "success",
    "toolCallId",
    "toolName",
    "toolUseId",
    "tool_call_id",
    "tool_name",
    "tool_use_id",
    "type",
];
/// Fields in which the result stands, where nothing but the above is beside it.
const WRAPPERS: &[&str] = &[
    "content",
    "output",
    "result",
    "return_value",
    "text",
    "toolResult",
    "value",
];

/// A result as it was before it was wrapped.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Unwrapped {
    /// JSON where it is JSON, else text; none where it was not captured or is cut.
    pub(super) value: Option<Value>,
    /// Whether it says of itself that it is an error.
    pub(super) is_error: bool,
    /// What is cut of it.
    pub(super) cut: Option<&'static str>,
}

/// Takes the wrapping off; `is_cut` says that its writer is known to have cut it.
pub(super) fn of(recorded: Option<&Value>, says_error: bool, is_cut: bool) -> Unwrapped {
    let mut found = Unwrapped {
        is_error: says_error,
        ..Unwrapped::default()
    };
    let Some(recorded) = recorded else {
        return found;
    };
    let mut value = recorded.clone();
    for _ in 0..DEPTH {
        match peel(value, &mut found) {
            Peeled::More(inner) => value = inner,
            Peeled::Done(inner) => {
                let is_text = inner.is_string();
                found.value = Some(inner);
                // JSON that can still be read may have lost what stands deep in it.
                if is_cut && is_text {
                    found.cut = Some("its result was cut by whoever wrote it");
                }
                break;
            }
        }
        if found.cut.is_some() {
            return found;
        }
    }
    if is_cut {
        found.cut = Some("its result was cut by whoever wrote it");
    }
    if found.cut.is_some() {
        found.value = None;
    }
    found
}

enum Peeled {
    More(Value),
    Done(Value),
}

fn peel(value: Value, found: &mut Unwrapped) -> Peeled {
    match value {
        Value::String(text) => {
            let trimmed = text.trim();
            if !trimmed.starts_with(['{', '[', '"']) {
                return Peeled::Done(Value::String(text));
            }
            match serde_json::from_str(trimmed) {
                Ok(inner) => Peeled::More(inner),
                Err(error) => {
                    if error.is_eof() || CUTS.iter().any(|cut| trimmed.ends_with(cut)) {
                        found.cut = Some("its result was cut: its JSON does not end");
                    }
                    Peeled::Done(Value::String(text))
                }
            }
        }
        Value::Object(fields) => object(fields, found),
        Value::Array(items) => match parts(&items) {
            Some(joined) => Peeled::More(joined),
            None => Peeled::Done(Value::Array(items)),
        },
        other => Peeled::Done(other),
    }
}

fn object(fields: Map<String, Value>, found: &mut Unwrapped) -> Peeled {
    let is_true = |name: &str| fields.get(name) == Some(&Value::Bool(true));
    let status_says = fields.get("status") == Some(&Value::from("error"));
    // A message that a framework wrote down with the class it is of.
    if let (Some(Value::Object(inner)), Some(_)) = (fields.get("kwargs"), fields.get("lc")) {
        return Peeled::More(Value::Object(inner.clone()));
    }
    let mut wrapped = fields
        .iter()
        .filter(|(name, _)| WRAPPERS.contains(&name.as_str()));
    let (Some((name, inner)), None) = (wrapped.next(), wrapped.next()) else {
        return Peeled::Done(Value::Object(fields));
    };
    let is_bare = fields
        .keys()
        .all(|field| field == name || BESIDE.contains(&field.as_str()));
    // A comment of a service may well have a `content` and an `id`: only what a message says of
    // itself, or nothing at all, makes it a wrapping.
    let says_so = fields.len() == 1
        || [
            "isError",
            "is_error",
            "tool_call_id",
            "toolCallId",
            "toolUseId",
            "tool_use_id",
        ]
        .iter()
        .any(|field| fields.contains_key(*field))
        || fields.get("type").is_some_and(|kind| {
            ["text", "tool", "tool_result", "tool-result"]
                .iter()
                .any(|one| kind == *one)
        })
        || fields.get("role") == Some(&Value::from("tool"))
        || (name == "content" && parts_of(inner));
    if !is_bare || !says_so || matches!(inner, Value::Null | Value::Bool(_) | Value::Number(_)) {
        return Peeled::Done(Value::Object(fields));
    }
    found.is_error |= is_true("isError") || is_true("is_error") || status_says;
    Peeled::More(inner.clone())
}

fn parts_of(value: &Value) -> bool {
    value.as_array().is_some_and(|items| parts(items).is_some())
}

/// Parts of text as one value: alone, as a list of JSON objects, or one behind the other.
fn parts(items: &[Value]) -> Option<Value> {
    let texts: Vec<&Value> = items
        .iter()
        .map(|item| {
            let fields = item.as_object()?;
            let kind = fields.get("type").and_then(Value::as_str);
            match kind {
                Some("text" | "output_text" | "input_text") => fields.get("text"),
                None if fields.len() == 1 => fields.get("text").or_else(|| fields.get("json")),
                // A file beside the words for it.
                Some("resource" | "image") if items.len() > 1 => Some(&Value::Null),
                _ => None,
            }
        })
        .collect::<Option<_>>()?;
    let texts: Vec<&Value> = texts.into_iter().filter(|text| !text.is_null()).collect();
    match texts.as_slice() {
        [] => None,
        [only] => Some((*only).clone()),
        several => {
            let read = |text: &&Value| match text {
                Value::String(text) => serde_json::from_str(text).ok().filter(Value::is_object),
                other => Some((**other).clone()),
            };
            let objects: Option<Vec<Value>> = several.iter().map(read).collect();
            Some(objects.map_or_else(
                || {
                    let lines: Vec<&str> =
                        several.iter().filter_map(|text| text.as_str()).collect();
                    Value::String(lines.join("\n"))
                },
                Value::Array,
            ))
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn wrappings_are_taken_off() {
        let plain = json!({"number": 7, "title": "t"});
        let text = plain.to_string();
        for wrapped in [
            plain.clone(),
            json!(text),
            json!({"content": [{"type": "text", "text": text}]}),
            json!({"content": [{"type": "text", "text": text}], "isError": false}),
            json!([{"type": "text", "text": text}]),
            json!({"type": "tool", "content": text, "tool_call_id": "c", "name": "t", "status": "success"}),
            json!({"lc": 1, "type": "constructor", "id": ["ToolMessage"], "kwargs": {"content": text, "tool_call_id": "c"}}),
            json!({"result": plain}),
            json!({"output": text}),
            json!({"toolResult": {"toolUseId": "x", "status": "success", "content": [{"json": plain}]}}),
            json!(json!({"result": {"content": [{"type": "text", "text": text}]}}).to_string()),
        ] {
            let found = of(Some(&wrapped), false, false);
            assert_eq!(found.value, Some(plain.clone()), "{wrapped}");
            assert!(!found.is_error && found.cut.is_none(), "{wrapped}");
        }
        let several =
            json!([{"type": "text", "text": "{\"a\":1}"}, {"type": "text", "text": "{\"a\":2}"}]);
        assert_eq!(
            of(Some(&several), false, false).value,
            Some(json!([{"a": 1}, {"a": 2}]))
        );
    }

    #[test]
    fn what_only_looks_wrapped_stays() {
        for own in [
            json!({"id": 1, "content": "c"}),
            json!({"content": "aGk=", "encoding": "base64", "type": "file"}),
            json!({"value": 3}),
            json!([{"type": "issue", "text": "t"}]),
            json!([]),
            json!("closed issue 7"),
        ] {
            assert_eq!(
                of(Some(&own), false, false).value,
                Some(own.clone()),
                "{own}"
            );
        }
    }

    #[test]
    fn errors_and_cuts_are_said() {
        let refused =
            json!({"content": [{"type": "text", "text": "no such issue"}], "isError": true});
        let found = of(Some(&refused), false, false);
        assert_eq!(
            (found.value, found.is_error),
            (Some(json!("no such issue")), true)
        );
        for cut in [
            json!("[{\"number\": 7, \"ti"),
            json!("[{\"number\": 7}, …"),
            json!("{\"a\": \"b..."),
        ] {
            let found = of(Some(&cut), false, false);
            assert!(found.cut.is_some() && found.value.is_none(), "{cut}");
        }
        assert!(of(Some(&json!("fine")), false, true).cut.is_some());
        let absent = of(None, true, false);
        assert_eq!(
            (absent.value, absent.is_error, absent.cut),
            (None, true, None)
        );
    }
}
