//! Which spans of a trace were calls of a cloned service.

use std::collections::BTreeMap;

use archal_core::clone::Exchange;
use archal_core::trace::{HttpExchange, Span, Trace};
use jiff::Timestamp;

use super::Context;

/// Hosts of model providers: a call there is the agent thinking, not a service it acts on.
const MODEL_HOSTS: &[&str] = &[
    "api.anthropic.com",
    "api.mistral.ai",
    "api.openai.com",
    "generativelanguage.googleapis.com",
    "openrouter.ai",
];

/// The calls of a trace in order of time.
#[derive(Debug, Default)]
pub struct TracedCalls<'a> {
    /// Calls to services that have a clone.
    pub calls: Vec<TracedCall<'a>>,
    /// Spans that called a service without one, with its host.
    pub without_clone: Vec<(String, String)>,
}

/// One call of a cloned service.
#[derive(Debug, Clone)]
pub struct TracedCall<'a> {
    /// The span's id.
    pub span: &'a str,
    /// When it began.
    pub at: Option<Timestamp>,
    /// The clone's name.
    pub clone: &'static str,
    /// The host, lower case, without port.
    pub host: String,
    /// The path as sent.
    pub path: String,
    /// The query as sent.
    pub query: String,
    /// The recorded exchange.
    pub http: &'a HttpExchange,
}

impl TracedCall<'_> {
    /// The exchange as the clone's `observe` takes it; none where no response was captured.
    pub fn exchange(&self) -> Option<Exchange<'_>> {
        Some(Exchange {
            method: &self.http.method,
            host: &self.host,
            path: &self.path,
            query: &self.query,
            request_body: self.http.request_body.as_ref(),
            status: self.http.status?,
            response_headers: &self.http.response_headers,
            response_body: self.http.response_body.as_ref(),
        })
    }

    /// `GET /repos/acme/webapp/issues?page=2`, for people.
    pub fn line(&self) -> String {
        let mark = if self.query.is_empty() { "" } else { "?" };
        format!("{} {}{mark}{}", self.http.method, self.path, self.query)
    }
}

/// Finds the calls of cloned services among the HTTP spans of `trace`.
pub fn of<'a>(trace: &'a Trace, context: &Context<'_>) -> TracedCalls<'a> {
    let clones = context.clones;
    let mut found = TracedCalls::default();
    let hosts: BTreeMap<&str, &'static str> = clones
        .iter()
        .flat_map(|clone| {
            clone
                .hosts
                .iter()
                .chain(clone.other_hosts)
                .map(|host| (*host, clone.name))
        })
        .collect();
    let mut spans: Vec<(&Span, &HttpExchange)> = trace
        .spans
        .iter()
        .filter_map(|span| span.http.as_ref().map(|http| (span, http)))
        .collect();
    // A stable sort: spans without a time, or with the same one, stay in the order written.
    spans.sort_by_key(|(span, _)| span.started_at);
    for (span, http) in spans {
        let Some((host, path, query)) = split(&http.url) else {
            found
                .without_clone
                .push((span.id.clone(), http.url.clone()));
            continue;
        };
        match hosts.get(host.as_str()) {
            Some(clone) => found.calls.push(TracedCall {
                span: &span.id,
                at: span.started_at,
                clone,
                host,
                path,
                query,
                http,
            }),
            None if MODEL_HOSTS.contains(&host.as_str()) => {}
            None => found.without_clone.push((span.id.clone(), host)),
        }
    }
    found
}

/// Host, path and query of an absolute URL.
fn split(url: &str) -> Option<(String, String, String)> {
    let uri: http::Uri = url.split('#').next()?.parse().ok()?;
    let host = uri.host()?.to_ascii_lowercase();
    let path = if uri.path().is_empty() {
        "/"
    } else {
        uri.path()
    };
    Some((
        host,
        path.to_owned(),
        uri.query().unwrap_or_default().to_owned(),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_are_split_without_port_and_fragment() {
        assert_eq!(
            split("https://API.github.com:443/repos/a/b?page=2#x"),
            Some((
                "api.github.com".to_owned(),
                "/repos/a/b".to_owned(),
                "page=2".to_owned()
            ))
        );
        assert_eq!(split("/relative"), None);
    }
}
