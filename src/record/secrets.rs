//! What must not stand in a trace: credentials of requests are left out whole, and looked for by
//! their value wherever else they stand.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use archal_core::redact::Redactor;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::session::recording::recorder::Call;

/// A shorter value is no key, and replacing it would blank out ordinary words.
const SHORTEST: usize = 8;
/// Most bytes of all credentials that are looked for.
const MOST: usize = 1 << 20;
/// Longest piece of letters in one case that is taken for a word.
const WORD: usize = 12;
/// Headers of requests that a trace has: what a request asks for, and what joins it to others. Any
/// other may be a service's own way to take a credential.
const REQUEST: &[&str] = &[
    "accept",
    "accept-language",
    "anthropic-beta",
    "anthropic-version",
    "content-encoding",
    "content-type",
    "idempotency-key",
    "if-match",
    "if-modified-since",
    "if-none-match",
    "if-unmodified-since",
    "openai-beta",
    "prefer",
    "range",
    "traceparent",
    "user-agent",
    "x-github-api-version",
    "x-http-method-override",
    "x-request-id",
];
/// Headers that carry credentials of services, beside the names that the rules know.
const CREDENTIALS: &[&str] = &[
    "auth",
    "auth-key",
    "auth-token",
    "cf-access-client-secret",
    "cf-access-jwt-assertion",
    "cf-access-token",
    "circle-token",
    "dd-api-key",
    "dd-application-key",
    "deploy-token",
    "job-token",
    "ocp-apim-subscription-key",
    "token",
    "x-access-token",
    "x-algolia-api-key",
    "x-api-token",
    "x-auth",
    "x-auth-key",
    "x-authorization",
    "x-cisco-meraki-api-key",
    "x-consul-token",
    "x-figma-token",
    "x-forwarded-access-token",
    "x-functions-key",
    "x-gitlab-token",
    "x-goog-iam-authorization-token",
    "x-honeycomb-team",
    "x-insert-key",
    "x-key",
    "x-nomad-token",
    "x-parse-master-key",
    "x-parse-rest-api-key",
    "x-plex-token",
    "x-postmark-account-token",
    "x-postmark-server-token",
    "x-rapidapi-key",
    "x-redmine-api-key",
    "x-serverless-authorization",
    "x-session-id",
    "x-session-token",
    "x-shopify-access-token",
    "x-shopify-storefront-access-token",
    "x-subscription-token",
    "x-token",
    "x-trackertoken",
    "x-typesense-api-key",
    "x-user-token",
    "xi-api-key",
];
/// Schemes whose values sign one request and are good for no other.
const SIGNATURES: &[&str] = &[
    "aws4-hmac-sha256",
    "aws4-ecdsa-p256-sha256",
    "digest",
    "signature",
];

/// The headers of a request that stand in a trace.
pub fn request_headers(headers: &[(String, String)]) -> BTreeMap<String, String> {
    let kept = headers
        .iter()
        .filter(|(name, _)| REQUEST.contains(&name.as_str()));
    one_a_name(kept)
}

/// The headers of an answer that stand in a trace: all but those that set credentials.
pub fn response_headers(
    headers: &[(String, String)],
    redactor: &Redactor,
) -> BTreeMap<String, String> {
    let kept = headers
        .iter()
        .filter(|(name, _)| !redactor.is_secret_key(name));
    one_a_name(kept)
}

fn one_a_name<'a>(headers: impl Iterator<Item = &'a (String, String)>) -> BTreeMap<String, String> {
    let mut joined: BTreeMap<String, String> = BTreeMap::new();
    for (name, value) in headers {
        match joined.get_mut(name) {
            Some(known) => {
                known.push_str(", ");
                known.push_str(value);
            }
            None => {
                joined.insert(name.clone(), value.clone());
            }
        }
    }
    joined
}

/// The credentials of a recording, by value: those that calls were made with, and those that answers
/// set.
#[derive(Default)]
pub struct Known {
    values: BTreeSet<String>,
    bytes: usize,
}

/// The values stay out of logs.
impl fmt::Debug for Known {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Known").finish_non_exhaustive()
    }
}

impl Known {
    /// Adds those of a call.
    pub fn add(&mut self, call: &Call, redactor: &Redactor) -> Added {
        let mut added = Added {
            new: Vec::new(),
            is_all: true,
        };
        for value in of_call(call, redactor) {
            if self.values.contains(&value) {
                continue;
            }
            if self.bytes + value.len() > MOST {
                added.is_all = false;
                continue;
            }
            self.bytes += value.len();
            self.values.insert(value.clone());
            added.new.push(value);
        }
        added
    }

    /// All of them.
    pub fn values(&self) -> impl Iterator<Item = &str> {
        self.values.iter().map(String::as_str)
    }
}

/// What became of the credentials of a call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Added {
    /// Those that were not known.
    pub new: Vec<String>,
    /// Whether all of the call's are known now. Else they are more than are looked for, and what the
    /// call says may hold one.
    pub is_all: bool,
}

/// The credentials in the headers of a call.
fn of_call(call: &Call, redactor: &Redactor) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let is_credential = |name: &str| {
        !REQUEST.contains(&name)
            && (redactor.is_secret_key(name) || CREDENTIALS.binary_search(&name).is_ok())
    };
    for (name, value) in call.request_headers.iter().chain(&call.response_headers) {
        if is_credential(name) {
            of_value(name, value, &mut found);
        }
    }
    found
}

/// The secrets in a header's value: behind its scheme, in its cookies, in what is encoded.
fn of_value(name: &str, value: &str, found: &mut BTreeSet<String>) {
    let mut add = |secret: &str| {
        let secret = secret.trim().trim_matches('"');
        if secret.len() >= SHORTEST {
            found.insert(secret.to_owned());
        }
    };
    if name == "cookie" || name == "set-cookie" {
        let pairs: Vec<&str> = match name {
            // What stands behind the first says how long and where it is good.
            "set-cookie" => value.split(';').take(1).collect(),
            _ => value.split(';').collect(),
        };
        let values = pairs.iter().filter_map(|pair| pair.split_once('='));
        let values = values.map(|(_, value)| value.trim());
        return values.filter(|value| !is_plain(value)).for_each(add);
    }
    let (scheme, rest) = value.split_once(' ').unwrap_or(("", value));
    if SIGNATURES
        .iter()
        .any(|known| scheme.eq_ignore_ascii_case(known))
    {
        return;
    }
    add(rest);
    if scheme.eq_ignore_ascii_case("basic")
        && let Ok(decoded) = STANDARD.decode(rest.trim())
    {
        let decoded = String::from_utf8_lossy(&decoded);
        add(&decoded);
        if let Some((_, password)) = decoded.split_once(':') {
            add(password);
        }
    }
}

/// Whether a cookie is made of words and numbers, as settings, languages and numbers of users are:
/// replacing it everywhere would blank out what has nothing to do with it.
fn is_plain(value: &str) -> bool {
    value.split(|c: char| !c.is_alphanumeric()).all(|piece| {
        let letters = piece.strip_prefix(char::is_uppercase).unwrap_or(piece);
        let is_word = piece.chars().count() <= WORD
            && (letters.chars().all(char::is_lowercase) || piece.chars().all(char::is_uppercase));
        is_word || piece.bytes().all(|byte| byte.is_ascii_digit())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
        let pairs = pairs.iter();
        pairs
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect()
    }

    fn found(request: &[(&str, &str)], response: &[(&str, &str)]) -> Vec<String> {
        let call = Call {
            request_headers: headers(request),
            response_headers: headers(response),
            ..Call::default()
        };
        let mut known = Known::default();
        let redactor = Redactor::new([7; 32], []);
        assert!(known.add(&call, &redactor).is_all);
        known.values().map(str::to_owned).collect()
    }

    #[test]
    fn credentials_are_found_by_value_however_they_are_sent() {
        let request = [
            ("authorization", "Basic bWU6aHVudGVyMjIyMg=="),
            ("x-vault-token", "hvs.a-token-of-a-vault"),
            ("x-api-key", "key-of-a-service"),
            ("x-functions-key", "key-of-functions"),
            ("cookie", "theme=dark; session=abcdefghij0k"),
            ("user-agent", "an-agent-of-mine"),
            ("idempotency-key", "2f1c9a7e-0000"),
            ("x-token", "abc"),
        ];
        let response = [("set-cookie", "sid=zyxwvu9tsrq; Path=/; HttpOnly")];
        assert_eq!(
            found(&request, &response),
            [
                "abcdefghij0k",
                "bWU6aHVudGVyMjIyMg==",
                "hunter2222",
                "hvs.a-token-of-a-vault",
                "key-of-a-service",
                "key-of-functions",
                "me:hunter2222",
                "zyxwvu9tsrq"
            ]
        );
        let kept = request_headers(&headers(&request));
        let kept: Vec<&str> = kept.keys().map(String::as_str).collect();
        assert_eq!(kept, ["idempotency-key", "user-agent"]);
        let redactor = Redactor::new([7; 32], []);
        assert!(response_headers(&headers(&response), &redactor).is_empty());
    }

    #[test]
    fn headers_that_only_sound_like_credentials_are_none() {
        let request = [
            ("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ=="),
            ("x-atlassian-token", "no-check-of-it"),
            ("x-snowflake-authorization-token-type", "KEYPAIR_JWT"),
            ("x-author-name", "Octavia Octopus"),
            ("x-keyboard-layout", "querty-de-latin1"),
            ("x-monkey-count", "12345678"),
            ("idempotency-key", "2f1c9a7e-0000"),
            (
                "authorization",
                "AWS4-HMAC-SHA256 Credential=AKIA/20260101/eu/s3/aws4_request, Signature=0123",
            ),
        ];
        assert_eq!(found(&request, &[]), [""; 0]);
        assert!(CREDENTIALS.is_sorted() && REQUEST.is_sorted());
    }

    #[test]
    fn cookies_that_are_words_and_numbers_are_looked_for_nowhere() {
        let plain = "lang=en-GB; theme=dark-mode; repo=hello-service; user_id=123456789012; seen=2026-03-01; \
                     tab=Pull Requests; state=UNCONFIRMED; empty=";
        let secret = "a=4f9d2c81b7e05a36; b=s%3AKq1; c=ABCDEFGHIJKLMNOP; d=tokenWithCaseInIt; e=eyJhbGciOi.eyJzdWIi.c2ln";
        assert_eq!(found(&[("cookie", plain)], &[]), [""; 0]);
        assert_eq!(
            found(
                &[("cookie", secret)],
                &[("set-cookie", "done=deleted-it; Path=/")]
            ),
            [
                "4f9d2c81b7e05a36",
                "ABCDEFGHIJKLMNOP",
                "eyJhbGciOi.eyJzdWIi.c2ln",
                "tokenWithCaseInIt",
            ]
        );
    }

    #[test]
    fn there_is_an_end_to_the_credentials_that_are_looked_for() {
        let redactor = Redactor::new([7; 32], []);
        let mut known = Known::default();
        let call = |value: String| Call {
            request_headers: vec![("authorization".to_owned(), value)],
            ..Call::default()
        };
        let added = |known: &mut Known, value: String| {
            let added = known.add(&call(value), &redactor);
            (added.new.len(), added.is_all)
        };
        assert_eq!(added(&mut known, "x".repeat(MOST)), (1, true));
        assert_eq!(
            added(&mut known, "x".repeat(MOST)),
            (0, true),
            "it is known"
        );
        assert_eq!(
            added(&mut known, "one-more-credential".to_owned()),
            (0, false)
        );
        assert_eq!(known.values().count(), 1);
    }
}
