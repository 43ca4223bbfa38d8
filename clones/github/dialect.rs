//! How GitHub's REST API refuses, pages and labels its answers.

use archal_core::clone::{CloneResponse, Rendered};
use serde_json::{Value, json};

use crate::engine::fingerprint::mix;
use crate::engine::input::Problem;
use crate::engine::pack::{Answering, Call, Refusal};
use crate::engine::page::Page;
use crate::engine::route::{Published, Route};

const DOCS: &str = "https://docs.github.com/rest";

/// The body of a refusal.
pub(super) fn refusal(refusal: &Refusal, route: Option<&Route>) -> Rendered {
    let page = refusal
        .docs
        .or(route.map(|route| route.docs))
        .filter(|page| !page.is_empty());
    let docs = page.map_or_else(|| DOCS.to_owned(), |page| format!("{DOCS}/{page}"));
    let mut body = format!("{{\"message\":{}", Value::from(refusal.message.as_ref()));
    if !refusal.errors.is_empty() {
        body.push_str(&format!(
            ",\"errors\":{}",
            Value::Array(refusal.errors.clone())
        ));
    }
    body.push_str(&format!(
        ",\"documentation_url\":{},\"status\":\"{}\"}}",
        Value::from(docs),
        refusal.status
    ));
    Rendered::from(bytes::Bytes::from(body))
}

/// A path that GitHub does not have.
pub(super) fn unknown() -> Refusal {
    Refusal::new(404, "Not Found")
}

/// An operation that GitHub has and this clone has not.
pub(super) fn unmodelled(published: &Published) -> Refusal {
    Refusal::new(
        501,
        format!("{} is not modelled by this local clone", published.0),
    )
}

/// A body that is not what the operation takes.
pub(super) fn bad_input(problem: &Problem) -> Refusal {
    match problem {
        Problem::NotJson => Refusal::new(400, "Problems parsing JSON"),
        Problem::NotAnObject => Refusal::new(400, "Body should be a JSON object"),
        Problem::Absent(name) => Refusal::new(
            422,
            format!("Invalid request.\n\n\"{name}\" wasn't supplied."),
        ),
        Problem::Type {
            field,
            value,
            expected,
        } => {
            let value = match value {
                Value::Null => "nil".to_owned(),
                value => value.to_string(),
            };
            let article = if expected.starts_with(['a', 'o']) {
                "an"
            } else {
                "a"
            };
            Refusal::new(
                422,
                format!(
                    "Invalid request.\n\nFor 'properties/{field}', {value} is not {article} {expected}."
                ),
            )
        }
    }
}

/// `Validation Failed` for one field.
pub(super) fn invalid(resource: &str, field: &str, code: &str) -> Refusal {
    Refusal::new(422, "Validation Failed").with(vec![
        json!({"resource": resource, "field": field, "code": code}),
    ])
}

/// `Validation Failed` for a value of one field.
pub(super) fn invalid_value(resource: &str, field: &str, value: &str) -> Refusal {
    Refusal::new(422, "Validation Failed").with(vec![
        json!({"value": value, "resource": resource, "field": field, "code": "invalid"}),
    ])
}

/// The page a call asks for: 30 rows where it does not say, 100 at most.
pub(super) fn page(call: &Call<'_>, total: usize) -> Page {
    Page::asked(call, 30, 100, total)
}

/// The rate an operation counts against.
pub(super) fn rate(route: Option<&'static Route>) -> &'static str {
    match route {
        Some(route) if route.info.id.starts_with("search/") => "search",
        Some(route) if route.info.id == "graphql" => "graphql",
        _ => "core",
    }
}

/// The headers that every answer has.
pub(super) fn headers(of: &Answering<'_>, response: &mut CloneResponse) {
    let signed_in = of.caller.is_some();
    let (limit, window) = match (of.rate, signed_in) {
        ("search", true) => (30, 60),
        ("search", false) => (10, 60),
        (_, true) => (5_000, 3_600),
        (_, false) => (60, 3_600),
    };
    // The count starts anew before it runs out: refusals by rate are faults that a scenario asks
    // for, and a count that followed the clock would differ between runs of the same calls.
    let used = of.used % (limit - 1) + 1;
    let headers = &mut response.headers;
    headers.push(("server", "github.com".to_owned()));
    let has_kind = headers.iter().any(|(name, _)| *name == "content-type");
    if !matches!(response.status, 204 | 304) && !has_kind {
        let kind = "application/json; charset=utf-8";
        headers.push(("content-type", kind.to_owned()));
    }
    if response.status < 400 && response.status != 204 {
        let who = if signed_in { "private" } else { "public" };
        headers.push(("cache-control", format!("{who}, max-age=60, s-maxage=60")));
        let vary = if signed_in {
            "Accept, Authorization, Cookie, X-GitHub-OTP, Accept-Encoding, Accept, X-Requested-With"
        } else {
            "Accept, Accept-Encoding, Accept, X-Requested-With"
        };
        headers.push(("vary", vary.to_owned()));
    }
    if signed_in {
        headers.push(("x-oauth-scopes", "read:org, repo, user".to_owned()));
        headers.push(("x-accepted-oauth-scopes", "repo".to_owned()));
    }
    headers.push(("x-github-media-type", "github.v3; format=json".to_owned()));
    headers.push(("x-github-api-version-selected", "2022-11-28".to_owned()));
    headers.push(("x-ratelimit-limit", limit.to_string()));
    headers.push(("x-ratelimit-remaining", (limit - used).to_string()));
    headers.push(("x-ratelimit-used", used.to_string()));
    headers.push(("x-ratelimit-resource", of.rate.to_owned()));
    headers.push(("x-github-request-id", request_id(of)));
    headers.push(("access-control-allow-origin", "*".to_owned()));
    headers.push((
        "access-control-expose-headers",
        "ETag, Link, Location, Retry-After, X-GitHub-OTP, X-RateLimit-Limit, \
         X-RateLimit-Remaining, X-RateLimit-Used, X-RateLimit-Resource, X-RateLimit-Reset, \
         X-OAuth-Scopes, X-Accepted-OAuth-Scopes, X-Poll-Interval, X-GitHub-Media-Type, \
         X-GitHub-SSO, X-GitHub-Request-Id, Deprecation, Sunset"
            .to_owned(),
    ));
    headers.push(("x-content-type-options", "nosniff".to_owned()));
    headers.push(("x-frame-options", "deny".to_owned()));
    let reset = of.first + window;
    response
        .volatile_headers
        .push(("x-ratelimit-reset", reset.to_string()));
}

/// `E1A2:3B4C5D:6E7F80:12AB34:65A1B2C3`, from the generator's seed and the number of the call.
fn request_id(of: &Answering<'_>) -> String {
    let a = mix(of.root.ids(), of.calls);
    let b = mix(a, of.calls);
    format!(
        "{:04X}:{:06X}:{:06X}:{:06X}:{:08X}",
        a & 0xffff,
        (a >> 16) & 0xff_ffff,
        (a >> 40) & 0xff_ffff,
        b & 0xff_ffff,
        b >> 32
    )
}
