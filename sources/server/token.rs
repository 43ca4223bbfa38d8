//! The bearer token of a source that has one.

use std::sync::Arc;

use archal_core::hash;
use axum::http::{HeaderMap, header};

/// What clients must send. Its hash is kept: comparing that tells nothing of the token.
#[derive(Debug, Clone)]
pub(crate) struct Token {
    hash: Arc<str>,
}

impl Token {
    /// Of a text.
    pub(crate) fn new(token: &str) -> Self {
        Self {
            hash: hash::sha256(token.as_bytes()).into(),
        }
    }

    /// Whether a request has it; how long that takes does not depend on where they differ.
    pub(crate) fn is_in(&self, headers: &HeaderMap) -> bool {
        let given = headers
            .get(header::AUTHORIZATION)
            .and_then(|value| value.to_str().ok())
            .and_then(|value| value.split_once(' '))
            .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"))
            .map(|(_, token)| hash::sha256(token.trim().as_bytes()))
            .unwrap_or_default();
        let differ = given
            .bytes()
            .zip(self.hash.bytes())
            .fold(0, |differ, (one, other)| differ | (one ^ other));
        given.len() == self.hash.len() && std::hint::black_box(differ) == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_whole_token_is_the_token() {
        let token = Token::new("a-long-token");
        let has = |value: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(header::AUTHORIZATION, value.parse().expect("a header"));
            token.is_in(&headers)
        };
        assert!(has("Bearer a-long-token") && has("bearer  a-long-token"));
        for wrong in [
            "Bearer a-long-toke",
            "Bearer ",
            "Basic a-long-token",
            "a-long-token",
            "x",
        ] {
            assert!(!has(wrong), "{wrong}");
        }
        assert!(!token.is_in(&HeaderMap::new()));
    }
}
