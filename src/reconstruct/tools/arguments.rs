//! The arguments of a recorded call, out of what frameworks wrap them in.

use archal_core::clone::Arguments;
use serde_json::Value;

/// The most wrappings that are taken off.
const DEPTH: usize = 6;
/// Fields in which frameworks hand on the arguments, where nothing else is said beside them.
const WRAPPERS: &[&str] = &[
    "arguments",
    "args",
    "input",
    "inputs",
    "kwargs",
    "parameters",
    "params",
    "tool_input",
];
/// Fields that say something of the call and nothing of its arguments.
const BESIDE: &[&str] = &[
    "callbacks",
    "config",
    "id",
    "metadata",
    "name",
    "run_id",
    "tags",
    "tool",
    "tool_call_id",
    "tool_name",
    "type",
];

/// The arguments; none where they were not captured or are no object.
pub(super) fn of(recorded: Option<&Value>) -> Option<Arguments> {
    let mut value = recorded?.clone();
    for _ in 0..DEPTH {
        value = match value {
            Value::String(text) if text.trim().is_empty() => return Some(Arguments::new()),
            Value::String(text) => serde_json::from_str(&text).ok().filter(Value::is_object)?,
            // Options of a method call, alone or behind the words of a route.
            Value::Array(items) => match <[Value; 1]>::try_from(items) {
                Ok([only]) => only,
                Err(items) => return positional(items),
            },
            Value::Object(fields) => match unwrapped(&fields) {
                Some(inner) => inner,
                None => return Some(fields),
            },
            Value::Null | Value::Bool(_) | Value::Number(_) => return None,
        };
    }
    None
}

/// `["GET /repos/{owner}/{repo}", {…}]`, as `octokit.request` is called.
fn positional(items: Vec<Value>) -> Option<Arguments> {
    let [Value::String(route), Value::Object(options)] = <[Value; 2]>::try_from(items).ok()? else {
        return None;
    };
    let mut options = options;
    options.insert("route".to_owned(), Value::String(route));
    Some(options)
}

fn unwrapped(fields: &Arguments) -> Option<Value> {
    let says = |value: &Value| match value {
        Value::Null => false,
        Value::Array(items) => !items.is_empty(),
        Value::Object(fields) => !fields.is_empty(),
        Value::String(text) => text.trim_start().starts_with(['{', '[']),
        Value::Bool(_) | Value::Number(_) => true,
    };
    let is_wrapper = |name: &String| WRAPPERS.contains(&name.as_str());
    let is_beside = |name: &String| is_wrapper(name) || BESIDE.contains(&name.as_str());
    if !fields.keys().all(is_beside) {
        return None;
    }
    let mut inner = fields
        .iter()
        .filter(|(name, value)| is_wrapper(name) && says(value))
        .filter(|(_, value)| value.is_object() || value.is_string() || value.is_array());
    let (_, found) = inner.next()?;
    inner.next().is_none().then(|| found.clone())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn wrappings_are_taken_off_and_arguments_stay() {
        let plain = json!({"owner": "acme", "id": 7});
        let text = plain.to_string();
        for wrapped in [
            plain.clone(),
            json!(text),
            json!({"input": text}),
            json!({"args": [], "kwargs": plain}),
            json!({"inputs": plain, "tags": [], "metadata": {"a": 1}}),
            json!({"name": "t", "arguments": plain}),
            json!([plain]),
        ] {
            assert_eq!(
                of(Some(&wrapped)).map(Value::from),
                Some(plain.clone()),
                "{wrapped}"
            );
        }
        // A tool may well take one argument of that name.
        for own in [
            json!({"input": "hello"}),
            json!({"name": "bug", "id": 1}),
            json!({}),
        ] {
            assert_eq!(of(Some(&own)).map(Value::from), Some(own.clone()), "{own}");
        }
        let request = json!(["GET /user", {"a": 1}]);
        let expected = json!({"route": "GET /user", "a": 1});
        assert_eq!(of(Some(&request)).map(Value::from), Some(expected));
        for none in [json!(null), json!(7), json!("free text"), json!([1, 2, 3])] {
            assert_eq!(of(Some(&none)), None, "{none}");
        }
        assert_eq!(of(None), None);
    }
}
