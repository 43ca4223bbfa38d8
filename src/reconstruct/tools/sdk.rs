//! Calls of SDK methods: by the ids of operations, by routes, and by the tables of the clones.

use archal_core::clone::{Arguments, CloneDescriptor, OperationInfo};
use archal_core::trace::HttpExchange;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

use super::names::{self, CARRIERS};
use super::template;
use super::{Answer, Meaning, Request, ToolUse};

/// Arguments of clients that are no parameters of the operation.
const OPTIONS: &[&str] = &[
    "baseUrl",
    "client",
    "github",
    "headers",
    "mediaType",
    "method",
    "octokit",
    "repository",
    "request",
    "route",
    "self",
    "url",
];
/// Arguments in which `owner/name` stands, for two parameters of a path.
const PAIRS: &[&str] = &[
    "full_name",
    "fullName",
    "repo",
    "repo_full_name",
    "repository",
    "self",
];

/// An operation that a name means.
struct Found<'a> {
    clone: &'a CloneDescriptor,
    operation: &'a OperationInfo,
    /// Parameters that the SDK names otherwise.
    renamed: &'static [(&'static str, &'static str)],
    /// The parameter that the SDK sends in Base64.
    encoded: Option<&'static str>,
    /// Whether the name says whose method it is.
    is_sure: bool,
}

/// What a call was; none where its name is no method that is known.
pub(super) fn meaning(used: &ToolUse<'_>, clones: &[CloneDescriptor]) -> Option<Meaning> {
    let found = by_route(used, clones)
        .or_else(|| by_id(used.name, clones))
        .or_else(|| by_table(used, clones))?;
    let clone = found.clone;
    let unclear = |why: String| {
        found.is_sure.then_some(Meaning::Unclear {
            clone: Some(clone.name),
            field: "arguments",
            why,
        })
    };
    let Some(arguments) = &used.arguments else {
        return unclear("the arguments of the call were not captured".to_owned());
    };
    let host = clone.hosts.first()?;
    let mut left = arguments.clone();
    let path = match path(&found, &mut left) {
        Ok(path) => path,
        Err(absent) => {
            return unclear(format!(
                "{} needs `{absent}`, and the call has no argument of that name",
                found.operation.id
            ));
        }
    };
    left.retain(|name, value| !OPTIONS.contains(&name.as_str()) && !value.is_null());
    if let Some(name) = found.encoded
        && let Some(Value::String(text)) = left.get_mut(name)
    {
        *text = STANDARD.encode(text.as_bytes());
    }
    let method = found.operation.method;
    let carries = matches!(method, "PATCH" | "POST" | "PUT");
    let mut query = String::new();
    let mut request_body = None;
    if carries {
        let data = left.remove("data").filter(|_| left.is_empty());
        request_body = Some(data.unwrap_or(Value::Object(left)));
    } else {
        let pairs = left
            .iter()
            .filter_map(|(name, value)| Some((renamed(&found, name), template::text(value)?)));
        query = form_urlencoded::Serializer::new(query)
            .extend_pairs(pairs)
            .finish();
    }
    let answer = Answer::of(used, method, |result| Ok(Some(result.clone())));
    let named = || super::named_by(&path, method);
    let http = HttpExchange {
        method: method.to_owned(),
        url: super::url(host, &path, &query),
        status: answer.status,
        response_headers: answer.headers,
        request_body,
        response_body: answer.body.or_else(|| answer.is_done.then(named).flatten()),
        ..HttpExchange::default()
    };
    Some(Meaning::Calls {
        requests: vec![Request {
            clone: clone.name,
            host: (*host).to_owned(),
            path,
            query,
            http,
            is_silent: answer.is_silent,
            is_refused: answer.is_silent,
        }],
        tool: None,
    })
}

/// `octokit.request("GET /repos/{owner}/{repo}", …)`.
fn by_route<'a>(used: &ToolUse<'_>, clones: &'a [CloneDescriptor]) -> Option<Found<'a>> {
    let words = names::words(used.name);
    if words.last().map(String::as_str) != Some("request") {
        return None;
    }
    let route = used.arguments.as_ref()?.get("route")?.as_str()?;
    let (method, path) = route.split_once(' ')?;
    clones.iter().find_map(|clone| {
        let is_named = words
            .iter()
            .any(|word| word == clone.name || word == "octokit");
        let operation = clone
            .operations
            .iter()
            .find(|one| one.method == method && one.path == path)?;
        is_named.then_some(Found {
            clone,
            operation,
            renamed: &[],
            encoded: None,
            is_sure: true,
        })
    })
}

/// `octokit.rest.issues.listForRepo`, `github.issues.list_for_repo`, `issues/list-for-repo`.
fn by_id<'a>(name: &str, clones: &'a [CloneDescriptor]) -> Option<Found<'a>> {
    let words = names::words(name);
    let mut found = clones.iter().filter_map(|clone| {
        let before = words
            .iter()
            .take_while(|word| **word == clone.name || CARRIERS.contains(&word.as_str()))
            .count();
        let rest: Vec<&str> = words[before..]
            .iter()
            .map(String::as_str)
            .filter(|word| *word != "async")
            .collect();
        // One word is a verb at most.
        if rest.len() < 2 {
            return None;
        }
        let operation = clone.operations.iter().find(|one| is_id(one.id, &rest))?;
        let is_sure = words[..before]
            .iter()
            .any(|word| *word == clone.name || word == "octokit");
        Some(Found {
            clone,
            operation,
            renamed: &[],
            encoded: None,
            is_sure,
        })
    });
    let first = found.next()?;
    match found.next() {
        Some(other) if !first.is_sure => other.is_sure.then_some(other),
        _ => Some(first),
    }
}

/// Whether an id has these words, whatever stands between them.
fn is_id(id: &str, words: &[&str]) -> bool {
    let mut rest = id.chars().filter(char::is_ascii_alphanumeric);
    let mut letters = words
        .iter()
        .flat_map(|word| word.chars())
        .filter(char::is_ascii_alphanumeric);
    let same = letters.all(|c| {
        rest.next()
            .is_some_and(|other| other.eq_ignore_ascii_case(&c))
    });
    same && rest.next().is_none()
}

/// `repo.get_issue`, by the clone's table of methods. A method that calls one operation or another is
/// that one whose path its arguments fill.
fn by_table<'a>(used: &ToolUse<'_>, clones: &'a [CloneDescriptor]) -> Option<Found<'a>> {
    let (before, method) = names::bounded(used.name).rsplit_once('.')?;
    let on: String = names::words(before.rsplit('.').next()?).concat();
    if on.is_empty() {
        return None;
    }
    let words = names::words(before);
    let mut all: Vec<(Found<'a>, &'static str)> = Vec::new();
    for clone in clones {
        for known in clone.sdk.iter().filter(|known| known.name == method) {
            let Some(operation) = clone
                .operations
                .iter()
                .find(|one| one.id == known.operation)
            else {
                continue;
            };
            let found = Found {
                clone,
                operation,
                renamed: known.parameters,
                encoded: known.encoded,
                is_sure: words.iter().any(|word| word == clone.name),
            };
            all.push((found, known.on));
        }
    }
    // `issue` is an Issue, `repo` a Repository, and `release` a GitRelease where nothing else ends so.
    let class = {
        let classes = || all.iter().map(|(_, class)| *class);
        let is = |class: &&str| class.eq_ignore_ascii_case(&on);
        let begins = |class: &&str| on.len() > 1 && class.to_ascii_lowercase().starts_with(&on);
        let ends = |class: &&str| on.len() > 2 && class.to_ascii_lowercase().ends_with(&on);
        let mut ending = classes().filter(ends);
        let last = ending
            .next()
            .filter(|first| ending.all(|other| other == *first));
        classes()
            .find(is)
            .or_else(|| classes().find(begins))
            .or(last)?
    };
    let mut own: Vec<Found<'a>> = all
        .into_iter()
        .filter_map(|(found, on)| (on == class).then_some(found))
        .collect();
    let fits = |found: &Found<'_>| {
        let mut arguments = used.arguments.clone().unwrap_or_default();
        path(found, &mut arguments).is_ok()
    };
    let at = own.iter().position(fits).unwrap_or(0);
    Some(own.swap_remove(at))
}

/// The operation's name for an argument.
fn renamed<'n>(found: &Found<'_>, name: &'n str) -> &'n str {
    let known = found.renamed.iter().find(|(own, _)| *own == name);
    known.map_or(name, |(_, operation)| operation)
}

/// The operation's path with what the arguments say, which are taken out; or what it lacks.
fn path(found: &Found<'_>, arguments: &mut Arguments) -> Result<String, String> {
    for (own, name) in found.renamed {
        if let Some(value) = arguments.remove(*own) {
            arguments.insert((*name).to_owned(), value);
        }
    }
    fill(found.operation.path, arguments)
}

/// A path with what the arguments say, which are taken out; or the parameter that it lacks.
pub(super) fn fill(template: &str, arguments: &mut Arguments) -> Result<String, String> {
    let segments: Vec<&str> = template.split('/').collect();
    split_pair(&segments, arguments);
    let mut out = Vec::with_capacity(segments.len());
    for segment in segments {
        let Some(name) = segment
            .strip_prefix('{')
            .and_then(|name| name.strip_suffix('}'))
        else {
            out.push(segment.to_owned());
            continue;
        };
        let own = arguments
            .keys()
            .find(|own| names::words(own).concat() == names::words(name).concat())
            .cloned();
        let value = own.and_then(|own| arguments.remove(&own));
        let text = value.as_ref().and_then(template::text);
        let text = text.filter(|text| !text.is_empty()).ok_or(name)?;
        // What is a path itself keeps its slashes.
        let parts: Vec<String> = text.split('/').map(template::segment).collect();
        out.push(parts.join("/"));
    }
    Ok(out.join("/"))
}

/// `acme/webapp` under one name, for two parameters that follow each other.
fn split_pair(segments: &[&str], arguments: &mut Arguments) {
    let parameter = |segment: &str| {
        let name = segment.strip_prefix('{')?.strip_suffix('}')?;
        Some(name.to_owned())
    };
    let Some((first, second)) = segments
        .windows(2)
        .find_map(|pair| Some((parameter(pair[0])?, parameter(pair[1])?)))
    else {
        return;
    };
    if arguments.get(&first).is_some_and(|value| !value.is_null()) {
        return;
    }
    let pair = PAIRS.iter().find_map(|name| {
        let text = arguments.get(*name)?.as_str()?;
        // Python writes `Repository(full_name="acme/webapp")` for one.
        let text = text.split('"').nth(1).unwrap_or(text);
        let (owner, rest) = text.split_once('/')?;
        let is_pair = !owner.is_empty() && !rest.is_empty() && !rest.contains('/');
        is_pair.then(|| (owner.to_owned(), rest.to_owned()))
    });
    if let Some((owner, rest)) = pair {
        arguments.insert(first, owner.into());
        arguments.insert(second, rest.into());
    }
}
