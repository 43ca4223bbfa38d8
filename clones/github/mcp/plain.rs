//! What plain tools share: pages, requests that must succeed, and the trimming of objects.

use archal_core::clone::Arguments;
use serde_json::{Map, Value, json};

use super::Failure;
use super::issues::repository;
use super::shapes::{self, of};
use crate::engine::mcp::{Answered, Asker, number_or, required_text, text};

/// Pairs of a query; empty values are left out.
pub(super) type Query = Vec<(&'static str, String)>;

/// The path of the repository that `owner` and `repo` name.
pub(super) fn repo(arguments: &Arguments) -> Result<String, Failure> {
    let owner = required_text(arguments, "owner")?;
    Ok(repository(owner, required_text(arguments, "repo")?))
}

/// The page asked for.
pub(super) fn paging(arguments: &Arguments) -> Result<Query, Failure> {
    let page = number_or(arguments, "page", 1)?.to_string();
    let size = number_or(arguments, "perPage", 30)?.to_string();
    Ok(vec![("page", page), ("per_page", size)])
}

/// Texts among the arguments, as pairs of a query.
pub(super) fn texts_of(arguments: &Arguments, names: &[&'static str]) -> Result<Query, Failure> {
    names
        .iter()
        .map(|name| Ok((*name, text(arguments, name)?.to_owned())))
        .collect()
}

/// A truth value, or the usual one where it is absent.
pub(super) fn flag(arguments: &Arguments, name: &str, usual: bool) -> Result<bool, Failure> {
    match arguments.get(name) {
        None => Ok(usual),
        Some(Value::Bool(flag)) => Ok(*flag),
        Some(_) => Err(Failure::Refused(format!(
            "parameter {name} is not of type bool"
        ))),
    }
}

/// What a path answers, or `what` went wrong.
pub(super) fn get(
    asker: &mut Asker<'_>,
    path: &str,
    query: &[(&'static str, String)],
    what: &str,
) -> Result<Value, Failure> {
    let query: Vec<(&str, &str)> = query
        .iter()
        .filter(|(_, value)| !value.is_empty())
        .map(|(name, value)| (*name, value.as_str()))
        .collect();
    succeeded(asker.get(path, &query), what)
}

/// What writing answers, or `what` went wrong.
pub(super) fn write(
    asker: &mut Asker<'_>,
    method: &'static str,
    path: &str,
    body: &Value,
    what: &str,
) -> Result<Value, Failure> {
    succeeded(asker.write(method, path, body), what)
}

/// The body of an answer that is not a refusal.
pub(super) fn succeeded(answered: Answered, what: &str) -> Result<Value, Failure> {
    if answered.succeeded() {
        Ok(answered.body)
    } else {
        Err(shapes::refused(what, &answered))
    }
}

/// The data that GraphQL answers, or the first of its errors after `what`.
pub(super) fn graph(
    asker: &mut Asker<'_>,
    query: &str,
    variables: &Value,
    what: &str,
) -> Result<Value, Failure> {
    let body = json!({"query": query, "variables": variables});
    let mut answered = asker.write("POST", "/graphql", &body);
    if !answered.succeeded() {
        return Err(shapes::refused(what, &answered));
    }
    let error = &answered.body["errors"][0];
    if error.is_object() {
        let message = of(error, "message");
        let text = if what.is_empty() {
            message.to_owned()
        } else {
            format!("{what}: {message}")
        };
        return Err(Failure::Refused(text));
    }
    Ok(answered.body["data"].take())
}

/// Where the pages before and after an answer begin, as its links say.
pub(super) fn page_info(answered: &Answered) -> Value {
    let cursor = |name: &str, relation: &str| {
        let links = answered.link.as_deref().unwrap_or_default();
        let link = links.split(", ").find_map(|link| {
            let (address, kind) = link.split_once(">; ")?;
            (kind == format!("rel=\"{relation}\"")).then_some(address)
        })?;
        let (_, query) = link.split_once('?')?;
        let found = form_urlencoded::parse(query.as_bytes()).find(|(key, _)| key == name)?;
        Some(found.1.into_owned())
    };
    let (next, previous) = (cursor("after", "next"), cursor("before", "prev"));
    let mut info = json!({
        "hasNextPage": next.is_some(),
        "hasPreviousPage": previous.is_some(),
    });
    for (name, cursor) in [("nextCursor", next), ("prevCursor", previous)] {
        if let Some(cursor) = cursor {
            info[name] = cursor.into();
        }
    }
    info
}

/// Fields of an object: those named, and those with a question mark only where they say something.
pub(super) fn pick(object: &Value, fields: &str) -> Map<String, Value> {
    let mut out = Map::new();
    for field in fields.split_whitespace() {
        let (name, is_optional) = match field.strip_suffix('?') {
            Some(name) => (name, true),
            None => (field, false),
        };
        let value = &object[name];
        if !is_optional || says(value) {
            out.insert(name.to_owned(), value.clone());
        }
    }
    out
}

/// Puts in a value that says something.
pub(super) fn put(out: &mut Map<String, Value>, name: &str, value: Value) {
    if says(&value) {
        out.insert(name.to_owned(), value);
    }
}

fn says(value: &Value) -> bool {
    match value {
        Value::Null | Value::Bool(false) => false,
        Value::String(text) => !text.is_empty(),
        Value::Number(number) => number.as_f64() != Some(0.0),
        Value::Array(items) => !items.is_empty(),
        Value::Object(_) | Value::Bool(true) => true,
    }
}

/// The items of a list, each as `shape` shows it and with only the fields asked for.
pub(super) fn each(list: &Value, fields: &[&str], shape: fn(&Value) -> Value) -> Value {
    let items = list.as_array().into_iter().flatten();
    items
        .map(|item| shapes::only(shape(item), fields))
        .collect()
}
