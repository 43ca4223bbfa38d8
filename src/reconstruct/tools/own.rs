//! The agent's own tools, as the repository says what they stand for.

use archal_core::clone::CloneDescriptor;
use archal_core::trace::HttpExchange;

use crate::config::schema::ToolMapping;
use crate::config::tools::CallTemplate;

use super::template;
use super::{Answer, Meaning, Request, ToolUse};

/// What a call was by its mapping.
pub(super) fn meaning(
    mapping: &ToolMapping,
    used: &ToolUse<'_>,
    clones: &[CloneDescriptor],
) -> Meaning {
    if mapping.local {
        return Meaning::Local;
    }
    let unclear = |clone, field, why: String| Meaning::Unclear { clone, field, why };
    let name = mapping.clone.as_deref().unwrap_or_default();
    let Some(clone) = clones.iter().find(|clone| clone.name == name) else {
        let why = format!("its mapping in `tools` names the clone `{name}`, and there is none");
        return unclear(None, "clone", why);
    };
    let read = mapping.call.as_deref().map(CallTemplate::read);
    let (Some(Ok(template)), Some(host)) = (read, clone.hosts.first()) else {
        let why = "its mapping in `tools` cannot be read".to_owned();
        return unclear(Some(clone.name), "call", why);
    };
    let Some(arguments) = &used.arguments else {
        let why = "the arguments of the call were not captured".to_owned();
        return unclear(Some(clone.name), "arguments", why);
    };
    let path = match template::path(&template.path, arguments) {
        Ok(path) => path,
        Err(absent) => {
            let why = format!(
                "its mapping in `tools` needs the argument `{absent}`, and the call has none"
            );
            return unclear(Some(clone.name), "arguments", why);
        }
    };
    let pairs = template
        .query
        .iter()
        .filter_map(|(name, value)| Some((name, template::filled(value, arguments)?)));
    let query = form_urlencoded::Serializer::new(String::new())
        .extend_pairs(pairs)
        .finish();
    let carries = matches!(template.method.as_str(), "PATCH" | "POST" | "PUT");
    let request_body = match &mapping.body {
        Some(body) => Some(template::body(body.iter(), arguments)),
        None if carries => {
            let named: Vec<&str> = template.arguments().collect();
            let rest = arguments
                .iter()
                .filter(|(name, value)| !value.is_null() && !named.contains(&name.as_str()));
            Some(
                rest.map(|(name, value)| (name.clone(), value.clone()))
                    .collect(),
            )
        }
        None => None,
    };
    let answer = Answer::of(used, &template.method, |result| {
        let failed = mapping
            .error
            .as_deref()
            .and_then(|pointer| result.pointer(pointer))
            .filter(|error| !error.is_null() && **error != false && **error != "");
        if let Some(error) = failed {
            return Err(error.clone());
        }
        Ok(match &mapping.result {
            Some(pointer) => result.pointer(pointer).cloned(),
            None => Some(result.clone()),
        })
    });
    let http = HttpExchange {
        method: template.method.clone(),
        url: super::url(host, &path, &query),
        status: answer.status,
        response_headers: answer.headers,
        request_body,
        response_body: answer.body.or_else(|| {
            answer
                .is_done
                .then(|| super::named_by(&path, &template.method))
                .flatten()
        }),
        ..HttpExchange::default()
    };
    Meaning::Calls {
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
    }
}
