//! Who may call: programs of this machine, and no web page that a browser on it shows.
//!
//! A page of any site can make a browser post to loopback, and a name that its owner points at
//! loopback makes even the answers readable. Browsers say in `Origin` which page asks and in `Host`
//! under which name.

use std::net::IpAddr;

use axum::body::Body;
use axum::extract::Request;
use axum::http::{HeaderMap, Response, StatusCode, Uri, header};
use axum::middleware::Next;

/// Answers 403 where host or origin are not this machine.
pub(super) async fn only_local(request: Request, next: Next) -> Response<Body> {
    if is_local(request.uri(), request.headers()) {
        return next.run(request).await;
    }
    let mut response = Response::new(Body::from(
        "only programs of this machine may call, by a loopback address or localhost\n",
    ));
    *response.status_mut() = StatusCode::FORBIDDEN;
    response
}

fn is_local(uri: &Uri, headers: &HeaderMap) -> bool {
    let mut hosts = headers.get_all(header::HOST).iter();
    let origins = headers.get_all(header::ORIGIN).iter();
    // HTTP/2 has the authority in place of the header.
    let authority = uri.authority().map(|authority| authority.as_str());
    authority.is_none_or(is_loopback)
        && hosts.all(|host| host.to_str().is_ok_and(is_loopback))
        && origins.into_iter().all(|origin| {
            let origin = origin.to_str().ok();
            let host = origin.and_then(|origin| origin.split_once("://"));
            host.is_some_and(|(_, host)| is_loopback(host))
        })
}

/// Of a host with or without its port.
fn is_loopback(authority: &str) -> bool {
    let host = match authority.rsplit_once(':') {
        Some((host, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => host,
        _ => authority,
    };
    let address = host
        .strip_prefix('[')
        .and_then(|host| host.strip_suffix(']'))
        .unwrap_or(host);
    host.eq_ignore_ascii_case("localhost")
        || address
            .parse::<IpAddr>()
            .is_ok_and(|address| address.to_canonical().is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_loopback_names_and_pages_are_let_in() {
        for (host, origin, is_in) in [
            ("127.0.0.1:4318", None, true),
            ("localhost", None, true),
            ("[::1]:4318", None, true),
            ("LOCALHOST:1", Some("http://localhost:3000"), true),
            ("rebound.example:4318", None, false),
            ("127.0.0.1.rebound.example", None, false),
            ("127.0.0.1:4318", Some("https://page.example"), false),
            ("127.0.0.1:4318", Some("null"), false),
            ("10.0.0.1:4318", None, false),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(header::HOST, host.parse().expect("a header"));
            if let Some(origin) = origin {
                headers.insert(header::ORIGIN, origin.parse().expect("a header"));
            }
            let bare = Uri::from_static("/v1/traces");
            assert_eq!(is_local(&bare, &headers), is_in, "{host} {origin:?}");
        }
        let rebound = Uri::from_static("http://rebound.example:4317/v1");
        assert!(!is_local(&rebound, &HeaderMap::new()));
    }
}
