//! Who may use the addresses of a session's own: programs of this machine, and no page in a
//! browser that made its own name mean this machine.

use http::Uri;
use http::header::{HOST, HeaderMap, ORIGIN};
use http::uri::Authority;

/// The names that mean this machine, and that no name server can give to another's page.
const OWN: [&str; 3] = ["127.0.0.1", "localhost", "[::1]"];
/// Where a browser says who asks.
const FETCH_SITE: &str = "sec-fetch-site";

/// Why a request to one of a session's own addresses is not taken; none where it is.
pub(super) fn refuses(uri: &Uri, headers: &HeaderMap) -> Option<&'static str> {
    let mut named = uri.authority().cloned().into_iter().map(Some);
    let hosts = headers.get_all(HOST).iter();
    let mut hosts = hosts.map(|host| host.to_str().ok()?.parse::<Authority>().ok());
    let is_named = uri.authority().is_some() || headers.contains_key(HOST);
    let is_one = |host: Option<Authority>| host.is_some_and(|host| is_own(&host));
    if !is_named || !named.all(is_one) || !hosts.all(is_one) {
        return Some(
            "this address is this machine's alone: its host is 127.0.0.1, localhost or [::1]\n",
        );
    }
    let is_local = |origin: &str| {
        let origin = origin.parse::<Uri>().ok();
        origin.is_some_and(|origin| origin.authority().is_some_and(is_own))
    };
    let mut origins = headers.get_all(ORIGIN).iter();
    let is_foreign = |origin: &http::HeaderValue| !origin.to_str().is_ok_and(is_local);
    let mut sites = headers.get_all(FETCH_SITE).iter();
    if origins.any(is_foreign) || sites.any(|site| site == "cross-site") {
        return Some("this address is not for pages of other hosts in a browser\n");
    }
    None
}

fn is_own(authority: &Authority) -> bool {
    let host = authority.host();
    !authority.as_str().contains('@') && OWN.iter().any(|own| host.eq_ignore_ascii_case(own))
}

#[cfg(test)]
mod tests {
    use http::{HeaderValue, Request};

    use super::*;

    fn taken(uri: &str, headers: &[(&'static str, &'static str)]) -> bool {
        let mut request = Request::get(uri).body(()).expect("a request");
        for (name, value) in headers {
            let value = HeaderValue::from_static(value);
            request.headers_mut().append(*name, value);
        }
        refuses(request.uri(), request.headers()).is_none()
    }

    #[test]
    fn only_this_machine_s_own_names_are_taken() {
        for host in [
            "127.0.0.1",
            "127.0.0.1:1",
            "LocalHost:80",
            "[::1]",
            "[::1]:9",
        ] {
            assert!(taken("/", &[("host", host)]), "{host}");
        }
        let foreign = [
            "127.0.0.1.evil.test",
            "localhost.evil.test:80",
            "127.0.0.1@evil.test",
            "evil.test@127.0.0.1",
            "evil.test",
            "127.0.0.2",
            "localhost.",
            "",
        ];
        for host in foreign {
            assert!(!taken("/", &[("host", host)]), "{host}");
        }
        assert!(!taken("/", &[]));
        assert!(taken("http://localhost:1/x", &[]));
        assert!(!taken("http://evil.test/", &[("host", "localhost")]));
        assert!(!taken("http://localhost/", &[("host", "evil.test")]));
        assert!(!taken("/", &[("host", "localhost"), ("host", "evil.test")]));
    }

    #[test]
    fn pages_of_other_hosts_are_not_taken() {
        let with = |name, value| taken("/", &[("host", "127.0.0.1:80"), (name, value)]);
        assert!(with("origin", "http://localhost:3000"));
        assert!(with("sec-fetch-site", "same-origin"));
        for origin in ["https://evil.test", "null", "http://localhost.evil.test"] {
            assert!(!with("origin", origin), "{origin}");
        }
        assert!(!with("sec-fetch-site", "cross-site"));
    }
}
