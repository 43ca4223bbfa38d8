//! How GitHub's REST API refuses, pages and labels its answers.

use archal_core::clone::{CloneResponse, Rendered};
use serde_json::{Value, json};

use super::credentials::{Credential, Kind};
use super::tables::user;
use super::{media, preface, scopes, web};
use crate::engine::fingerprint::mix;
use crate::engine::input::Problem;
use crate::engine::pack::{Answering, Call, Limited, Refusal};
use crate::engine::page::Page;
use crate::engine::rate::Allowance;
use crate::engine::route::{Published, Route};

const DOCS: &str = "https://docs.github.com/rest";

/// The body of a refusal.
pub(super) fn refusal(refusal: &Refusal, route: Option<&Route>) -> Rendered {
    if web::is_web(route) {
        return web::refusal(refusal);
    }
    let page = refusal
        .docs
        .or(route.map(|route| route.docs))
        .filter(|page| !page.is_empty());
    let docs = page.map_or_else(
        || DOCS.to_owned(),
        |page| match page.strip_prefix("graphql") {
            Some(_) => format!("https://docs.github.com/{page}"),
            None => format!("{DOCS}/{page}"),
        },
    );
    let mut body = format!("{{\"message\":{}", Value::from(refusal.message.as_ref()));
    if !refusal.errors.is_empty() {
        body.push_str(&format!(
            ",\"errors\":{}",
            Value::Array(refusal.errors.clone())
        ));
    }
    for (name, value) in &refusal.fields {
        body.push_str(&format!(",\"{name}\":{value}"));
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

/// `Validation Failed` in one sentence, as the newer operations say it.
pub(super) fn invalid_in_words(field: &str, value: &str) -> Refusal {
    let said = format!("{value:?} is not a valid value of {field}");
    Refusal::new(422, "Validation Failed").with(vec![Value::from(said)])
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

/// How many calls a rate allows, and in how many seconds.
pub(super) fn allowance(rate: &str, signed_in: bool) -> Allowance {
    match (rate, signed_in) {
        ("search", true) => (30, 60),
        ("search" | "code_search", false) | ("code_search", true) => (10, 60),
        ("source_import" | "dependency_snapshots", true) => (100, 60),
        ("code_scanning_autofix", true) => (10, 60),
        ("code_scanning_upload", true) => (1_000, 3_600),
        ("actions_runner_registration", true) => (10_000, 3_600),
        ("scim", true) => (15_000, 3_600),
        ("graphql", false) => (0, 3_600),
        (_, true) => (5_000, 3_600),
        (_, false) => (60, 3_600),
    }
}

/// What GitHub says to a caller whose calls are used up, or who sends too many at once.
pub(super) fn limited(of: &Limited<'_>) -> Refusal {
    if of.burst {
        let mut refusal = Refusal::new(
            403,
            "You have exceeded a secondary rate limit. Please wait a few minutes before you try again.",
        )
        .see("overview/rate-limits-for-the-rest-api#about-secondary-rate-limits");
        refusal.headers.push(("retry-after", "60".to_owned()));
        return refusal;
    }
    let message = match of.caller {
        Some(caller) => {
            let id = caller.int(user::ID);
            format!("API rate limit exceeded for user ID {id}.")
        }
        None => "API rate limit exceeded for 127.0.0.1. (But here's the good news: Authenticated                  requests get a higher rate limit. Check out the documentation for more details.)"
            .to_owned(),
    };
    Refusal::new(403, message).see("overview/rate-limits-for-the-rest-api")
}

/// What GitHub says when it fails with that status for no reason of the caller's.
pub(super) fn failing(status: u16) -> Refusal {
    let message = match status {
        401 => "Bad credentials",
        403 => "Resource not accessible by personal access token",
        404 => "Not Found",
        409 => "Conflict",
        410 => "Gone",
        422 => "Validation Failed",
        429 => "Too Many Requests",
        502 | 504 => {
            "We couldn't respond to your request in time. Sorry about that. Please try resubmitting your request and contact us if the problem persists."
        }
        503 => "Service Unavailable",
        _ => "Server Error",
    };
    Refusal::new(status, message).see("")
}

/// The headers that every answer has.
pub(super) fn headers(of: &Answering<'_>, response: &mut CloneResponse) {
    if web::is_web(of.route) {
        return web::headers(of, response);
    }
    let signed_in = of.caller.is_some();
    let (limit, used) = (of.standing.limit, of.standing.used);
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
        headers.append(&mut granted(of));
    }
    headers.push(("x-github-media-type", media::header(of.request)));
    let version = preface::version(of.request).to_owned();
    headers.push(("x-github-api-version-selected", version));
    headers.push(("x-ratelimit-limit", limit.to_string()));
    headers.push((
        "x-ratelimit-remaining",
        limit.saturating_sub(used).to_string(),
    ));
    headers.push(("x-ratelimit-used", used.to_string()));
    headers.push(("x-ratelimit-resource", of.rate.to_owned()));
    headers.push(("x-github-request-id", request_id(of)));
    headers.push(("access-control-allow-origin", "*".to_owned()));
    if of.request.method == "OPTIONS" {
        headers.append(&mut preflight());
    }
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
    response
        .volatile_headers
        .push(("x-ratelimit-reset", of.standing.reset.to_string()));
}

/// What the token may do and what the operation asks of it.
fn granted(of: &Answering<'_>) -> Vec<(&'static str, String)> {
    let Some(credential) = Credential::of(of.root, of.request) else {
        return Vec::new();
    };
    if credential.kind() == Kind::Scoped {
        return vec![
            ("x-oauth-scopes", credential.scopes().join(", ")),
            ("x-accepted-oauth-scopes", scopes::accepted(of.route)),
        ];
    }
    let needed = of.route.and_then(scopes::permission);
    needed
        .map(|(permission, level)| {
            let needed = format!("{permission}={level}");
            ("x-accepted-github-permissions", needed)
        })
        .into_iter()
        .collect()
}

/// What a preflight is told.
fn preflight() -> Vec<(&'static str, String)> {
    [
        (
            "access-control-allow-headers",
            "Authorization, Content-Type, If-Match, If-Modified-Since, If-None-Match, \
             If-Unmodified-Since, Accept-Encoding, X-GitHub-OTP, X-Requested-With, User-Agent, \
             GraphQL-Features, X-Github-Next-Global-ID, X-GitHub-Api-Version",
        ),
        (
            "access-control-allow-methods",
            "GET, POST, PATCH, PUT, DELETE",
        ),
        ("access-control-max-age", "86400"),
    ]
    .map(|(name, value)| (name, value.to_owned()))
    .into()
}

/// `E1A2:3B4C5D:6E7F80:12AB34:65A1B2C3`, from the generator's seed and the number of the call.
pub(super) fn request_id(of: &Answering<'_>) -> String {
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
