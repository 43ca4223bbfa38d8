//! GitHub's other hosts: git over HTTP at `github.com`, files at `raw.githubusercontent.com`,
//! archives at `codeload.github.com`. They speak plain text, not the REST API's JSON.
//!
//! - [`git`]: clone, fetch and push. [`rules`]: which pushes GitHub refuses.
//! - [`raw`], [`archive`]: files and archives.

pub(super) mod archive;
#[cfg(test)]
mod files_tests;
pub(super) mod git;
#[cfg(test)]
mod git_tests;
pub(super) mod raw;
mod rules;
#[cfg(test)]
mod served;

use archal_core::clone::{CloneResponse, Rendered};
use bytes::Bytes;

use crate::engine::pack::{Answering, Refusal};
use crate::engine::route::Route;

/// Whether an operation is one of another host's than the REST API's.
pub(super) fn is_web(route: Option<&Route>) -> bool {
    route.is_some_and(|route| route.info.id.starts_with("web/"))
}

/// The body of a refusal: text, which git shows behind `remote:`.
pub(super) fn refusal(refusal: &Refusal) -> Rendered {
    let text = match (refusal.status, refusal.message.as_ref()) {
        (401, "Bad credentials") => {
            "Invalid username or token. Password authentication is not supported for Git \
             operations."
        }
        (_, message) => message,
    };
    Rendered::from(Bytes::from(text.to_owned()))
}

/// The headers that every answer has.
pub(super) fn headers(of: &Answering<'_>, response: &mut CloneResponse) {
    let headers = &mut response.headers;
    headers.push(("server", "github.com".to_owned()));
    let has = |headers: &[(&str, String)], name| headers.iter().any(|(one, _)| *one == name);
    if response.status == 401 {
        headers.push(("www-authenticate", "Basic realm=\"GitHub\"".to_owned()));
    }
    if !matches!(response.status, 204 | 302 | 304) && !has(headers, "content-type") {
        headers.push(("content-type", "text/plain; charset=utf-8".to_owned()));
    }
    headers.push(("x-github-request-id", super::dialect::request_id(of)));
    headers.push(("x-content-type-options", "nosniff".to_owned()));
    headers.push(("x-frame-options", "DENY".to_owned()));
}
