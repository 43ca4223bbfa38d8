//! Addresses in answers to clients that were given a base URL: what the service calls its own
//! host is for them where they reached it, or the second page of a list would be elsewhere.
//!
//! Only what the client gets is changed; the evidence has the service's own addresses.

use bytes::Bytes;
use http::header::{HOST, HeaderMap, HeaderValue, LINK, LOCATION};
use http::{Request, Response};
use http_body_util::{BodyExt, Full};

use super::door::{Door, Origin};

/// Fields that hold addresses of other hosts of the service which clients fetch from.
const FETCHED: &[&str] = &[
    "archive_url",
    "browser_download_url",
    "clone_url",
    "diff_url",
    "download_url",
    "patch_url",
    "raw_url",
    "tarball_url",
    "upload_url",
    "zipball_url",
];
/// The field for people, who are shown the service's own page.
const SHOWN: &str = "html_url";
/// Most bytes of an answer that is looked through.
const BODY: usize = 32 * 1024 * 1024;

/// How a client reached a clone.
pub(super) struct Reached {
    /// The host that the base URL takes the place of.
    host: &'static str,
    /// Each host with the URL in its place, that one first.
    places: Vec<(&'static str, String)>,
}

impl Reached {
    /// How this request did; none where it named the service's own host.
    pub(super) fn by<B>(
        origin: &Origin,
        request: &Request<B>,
        host: &str,
        clone: usize,
    ) -> Option<Self> {
        if !matches!(origin.door, Door::Base { .. } | Door::Host { .. }) {
            return None;
        }
        let shared = &origin.open.shared;
        let hosts = shared.clones[clone].clone.hosts;
        let host = *hosts.iter().find(|known| **known == host)?;
        // Its answers are about pages for people, and have one address: the one that was asked.
        if request.uri().path() == "/graphql" {
            return None;
        }
        let authority = request.headers().get(HOST)?.to_str().ok()?;
        let mut places = vec![(host, format!("http://{authority}"))];
        let others = shared.places.get().into_iter().flatten();
        places.extend(others.filter(|(other, _)| *other != host).cloned());
        Some(Self { host, places })
    }

    /// The answer with the addresses that this client can reach.
    pub(super) async fn localized(&self, answer: Response<Full<Bytes>>) -> Response<Full<Bytes>> {
        let (mut head, body) = answer.into_parts();
        self.headers(&mut head.headers);
        let is_json = head
            .headers
            .get(http::header::CONTENT_TYPE)
            .is_some_and(|kind| kind.as_bytes().starts_with(b"application/json"));
        if !is_json {
            return Response::from_parts(head, body);
        }
        let Ok(body) = body.collect().await;
        let bytes = body.to_bytes();
        let changed = std::str::from_utf8(&bytes)
            .ok()
            .filter(|text| text.len() <= BODY)
            .and_then(|text| self.body(text));
        let body = changed.map_or(bytes, Bytes::from);
        Response::from_parts(head, Full::new(body))
    }

    fn headers(&self, headers: &mut HeaderMap) {
        for name in [LINK, LOCATION] {
            let Some(value) = headers.get(&name).and_then(|value| value.to_str().ok()) else {
                continue;
            };
            let mut text = value.to_owned();
            for (host, place) in &self.places {
                text = text.replace(&format!("https://{host}/"), &format!("{place}/"));
            }
            if let Ok(value) = HeaderValue::from_str(&text) {
                headers.insert(name, value);
            }
        }
    }

    /// The text with changed addresses; none where nothing changes.
    fn body(&self, text: &str) -> Option<String> {
        const SCHEME: &str = "https://";
        let mark = format!("url\":\"{SCHEME}");
        let mut out = String::new();
        let mut copied = 0;
        for (at, _) in text.match_indices(&mark) {
            let begins = at + mark.len() - SCHEME.len();
            let rest = &text[begins + SCHEME.len()..];
            let named = rest.split(['/', '"', '?', '{', ':']).next().unwrap_or("");
            let place = self.places.iter().find(|(host, _)| *host == named);
            let Some((host, place)) = place.filter(|_| begins >= copied) else {
                continue;
            };
            let before = &text[..at + "url".len()];
            let field = before.rsplit('"').next().unwrap_or_default();
            if field == SHOWN || (*host != self.host && !FETCHED.contains(&field)) {
                continue;
            }
            out.push_str(&text[copied..begins]);
            out.push_str(place);
            copied = begins + SCHEME.len() + named.len();
        }
        (copied > 0).then(|| {
            out.push_str(&text[copied..]);
            out
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reached() -> Reached {
        Reached {
            host: "api.github.com",
            places: vec![
                ("api.github.com", "http://localhost:4401".to_owned()),
                ("github.com", "http://127.0.0.1:4402".to_owned()),
            ],
        }
    }

    #[test]
    fn addresses_of_the_service_lead_back_to_where_it_was_reached() {
        let body = concat!(
            r#"{"url":"https://api.github.com/repos/a/b","issue_url":"https://api.github.com","#,
            r#""labels_url":"https://api.github.com/labels{/name}","#,
            r#""html_url":"https://github.com/a/b","clone_url":"https://github.com/a/b.git","#,
            r#""target_url":"https://github.com/a/b/actions","avatar_url":"https://api.github.company/x","#,
            r#""title":"url\":\"https://api.github.com/ is the url","body":"https://api.github.com/"}"#,
        );
        insta::assert_snapshot!(reached().body(body).expect("changed"), @r#"{"url":"http://localhost:4401/repos/a/b","issue_url":"http://localhost:4401","labels_url":"http://localhost:4401/labels{/name}","html_url":"https://github.com/a/b","clone_url":"http://127.0.0.1:4402/a/b.git","target_url":"https://github.com/a/b/actions","avatar_url":"https://api.github.company/x","title":"url\":\"https://api.github.com/ is the url","body":"https://api.github.com/"}"#);
        assert_eq!(
            reached().body(r#"{"title":"https://api.github.com"}"#),
            None
        );
    }

    #[tokio::test]
    async fn links_and_redirections_lead_there_too_and_bodies_that_are_no_json_stay() {
        let answer = Response::builder()
            .header("link", "<https://api.github.com/user/repos?page=2>; rel=\"next\", <https://api.github.com/user/repos?page=9>; rel=\"last\"")
            .header("location", "https://github.com/a/b")
            .header("content-type", "text/plain")
            .body(Full::new(Bytes::from_static(b"url\":\"https://api.github.com/")))
            .expect("a response");
        let answer = reached().localized(answer).await;
        let header = |name: &str| answer.headers()[name].to_str().expect("text").to_owned();
        assert_eq!(
            header("link"),
            "<http://localhost:4401/user/repos?page=2>; rel=\"next\", <http://localhost:4401/user/repos?page=9>; rel=\"last\""
        );
        assert_eq!(header("location"), "http://127.0.0.1:4402/a/b");
        let Ok(body) = answer.into_body().collect().await;
        assert_eq!(
            body.to_bytes(),
            b"url\":\"https://api.github.com/".as_slice()
        );
    }
}
