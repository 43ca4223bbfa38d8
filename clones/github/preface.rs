//! What GitHub says before it looks at an operation: preflights, versions, media types, scopes.

use archal_core::clone::CloneRequest;

use super::{access, media, scopes};
use crate::engine::pack::{Prefacing, Refusal, Reply};

/// The versions of the REST API.
pub(super) const VERSIONS: &[&str] = &["2022-11-28", "2026-03-10"];
/// The version where a request asks for none.
pub(super) const VERSION: &str = VERSIONS[0];

/// What a request is told before any operation.
pub(super) fn preface(of: &Prefacing<'_>) -> Result<Option<Reply>, Refusal> {
    let request = of.request;
    if request.method == "OPTIONS" {
        return Ok(Some(Reply::empty()));
    }
    let named = |name: &str| !name.trim().is_empty();
    if !request.header("user-agent").is_some_and(named) {
        let message = "Request forbidden by administrative rules. Please make sure your request \
                       has a User-Agent header \
                       (https://docs.github.com/en/rest/overview/resources-in-the-rest-api#user-agent-required). \
                       Check https://developer.github.com for other possible causes.";
        return Err(Refusal::new(403, message).see(""));
    }
    let Some(route) = of.route else {
        return Ok(None);
    };
    if let Some(version) = request.header("x-github-api-version")
        && !VERSIONS.contains(&version)
    {
        let message = format!("\"{version}\" is not a supported version of the REST API.");
        return Err(Refusal::new(400, message).see("about-the-rest-api/api-versions"));
    }
    if !route.info.id.starts_with("web/") {
        media::check(request, route)?;
        let path = access::canonical(of.root, &request.path);
        let path = path.as_deref().unwrap_or(&request.path);
        scopes::check(of.root, request, route, path)?;
    }
    Ok(None)
}

/// The version that a request asks for.
pub(super) fn version(request: &CloneRequest) -> &'static str {
    let asked = request.header("x-github-api-version");
    let known = VERSIONS.iter().find(|known| Some(**known) == asked);
    known.copied().unwrap_or(VERSION)
}
