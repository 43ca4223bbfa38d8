//! Which values never reach a disk, a log, a model or a child process.
//!
//! A closed list of key names is matched on the whole normalised name (or on the whole last
//! part of a dotted one), never by substring, and a keep list protects the fields that
//! reconstruction lives on. Placeholders are keyed hashes, so equal secrets stay equal.
//! [`trace`](Redactor::trace) covers every place of a trace that holds text.

mod text;
mod trace;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde_json::Value;
use sha2::{Digest, Sha256};

/// Key names whose values are secrets, normalised: lower case, letters and digits only.
const SECRET_KEYS: &[&str] = &[
    "accesskey",
    "accesstoken",
    "accountkey",
    "anthropicapikey",
    "apikey",
    "apisecret",
    "apitoken",
    "appsecret",
    "authorization",
    "authtoken",
    "awssecretaccesskey",
    "awssessiontoken",
    "bearertoken",
    "bottoken",
    "clientsecret",
    "connectionstring",
    "consumersecret",
    "cookie",
    "credential",
    "credentials",
    "csrftoken",
    "encryptionkey",
    "ghtoken",
    "githubtoken",
    "gitlabtoken",
    "idtoken",
    "jwt",
    "mysqlpwd",
    "oauthtoken",
    "openaiapikey",
    "passphrase",
    "passwd",
    "password",
    "personalaccesstoken",
    "privatekey",
    "privatetoken",
    "proxyauthorization",
    "pwd",
    "refreshtoken",
    "secret",
    "secretaccesskey",
    "secretkey",
    "securitytoken",
    "sessioncookie",
    "sessiontoken",
    "setcookie",
    "signingkey",
    "signingsecret",
    "slacktoken",
    "sshkey",
    "webhooksecret",
    "xamzsecuritytoken",
    "xapikey",
    "xauthtoken",
    "xcsrftoken",
    "xgithubtoken",
    "xgoogapikey",
    "xvaulttoken",
    "xxsrftoken",
];

/// Names that are secrets as parameters of a URL or form; as keys of JSON they are too common.
const SECRET_PARAMETERS: &[&str] = &[
    "sig",
    "signature",
    "token",
    "xamzcredential",
    "xamzsignature",
    "xgoogcredential",
    "xgoogsignature",
];

/// What comes before the secret itself in headers that name a scheme.
const SCHEMES: &[&str] = &["bearer", "basic", "token", "apikey", "digest", "bot"];

/// How deep JSON inside strings inside JSON is looked into.
const INNER_JSON: u8 = 4;

/// The redaction rules in force, with the user's key.
#[derive(Clone)]
pub struct Redactor {
    key: [u8; 32],
    keep: BTreeSet<String>,
}

/// The key is a secret itself and stays out of logs.
impl fmt::Debug for Redactor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Redactor")
            .field("keep", &self.keep)
            .finish_non_exhaustive()
    }
}

/// How often each rule fired.
pub type RedactionCounts = BTreeMap<String, u64>;

/// What one pass has done so far: counts, and the secrets met, so that a second pass finds
/// the same secret where no key names it.
#[derive(Debug, Default)]
struct Pass {
    counts: RedactionCounts,
    hits: u64,
    secrets: BTreeSet<String>,
}

impl Pass {
    fn hit(&mut self, rule: String, secret: &str) {
        *self.counts.entry(rule).or_default() += 1;
        self.hits += 1;
        // A short or word-like secret may be a name elsewhere; reconstruction lives on names.
        let strong = secret.len() >= 12
            && secret.bytes().any(|b| b.is_ascii_digit())
            && secret.bytes().any(|b| b.is_ascii_alphabetic());
        if strong && self.secrets.len() < 64 {
            self.secrets.insert(secret.to_owned());
        }
    }

    fn add_to(self, counts: &mut RedactionCounts) {
        for (rule, count) in self.counts {
            *counts.entry(rule).or_default() += count;
        }
    }
}

impl Redactor {
    /// Rules with a key for placeholders and the fields that must stay as they are.
    pub fn new<'a>(key: [u8; 32], keep: impl IntoIterator<Item = &'a str>) -> Self {
        Self {
            key,
            keep: keep.into_iter().map(normalise).collect(),
        }
    }

    /// Whether values under that key are secrets. Of a dotted name (`http.request.header.cookie`,
    /// `user[password]`) the last part counts as well.
    pub fn is_secret_key(&self, name: &str) -> bool {
        self.matches(name, SECRET_KEYS)
    }

    fn is_secret_parameter(&self, name: &str) -> bool {
        self.matches(name, SECRET_KEYS) || self.matches(name, SECRET_PARAMETERS)
    }

    fn matches(&self, name: &str, list: &[&str]) -> bool {
        if self.keeps(name) {
            return false;
        }
        let listed = |name: &str| list.binary_search(&normalise(name).as_str()).is_ok();
        listed(name) || listed(last_part(name))
    }

    fn keeps(&self, name: &str) -> bool {
        self.keep.contains(&normalise(name)) || self.keep.contains(&normalise(last_part(name)))
    }

    /// What stands in the place of a secret: `[redacted:3f9c0a1b]`, equal for equal secrets.
    pub fn placeholder(&self, secret: &str) -> String {
        format!("[redacted:{}]", self.keyed_hash(secret))
    }

    /// The first 32 bits of HMAC-SHA-256: without the key, not even a short secret can be guessed.
    fn keyed_hash(&self, secret: &str) -> String {
        let pad = |with: u8| {
            let mut block = [with; 64];
            for (byte, key) in block.iter_mut().zip(self.key) {
                *byte ^= key;
            }
            block
        };
        let mut inner = Sha256::new();
        inner.update(pad(0x36));
        inner.update(secret.as_bytes());
        let mut outer = Sha256::new();
        outer.update(pad(0x5c));
        outer.update(inner.finalize());
        let digest = outer.finalize();
        format!(
            "{:02x}{:02x}{:02x}{:02x}",
            digest[0], digest[1], digest[2], digest[3]
        )
    }

    /// Replaces the values of secret keys at any depth; strings that hold JSON, a form or URLs
    /// are looked into.
    pub fn value(&self, value: &mut Value, counts: &mut RedactionCounts) {
        let mut pass = Pass::default();
        self.walk(value, &mut pass, INNER_JSON);
        pass.add_to(counts);
    }

    /// Replaces the values of secret headers, and secrets in URLs of the others.
    pub fn headers(&self, headers: &mut BTreeMap<String, String>, counts: &mut RedactionCounts) {
        let mut pass = Pass::default();
        self.walk_headers(headers, &mut pass);
        pass.add_to(counts);
    }

    /// Replaces the user-info part and secret query values of a URL.
    pub fn url(&self, url: &str, counts: &mut RedactionCounts) -> String {
        let mut pass = Pass::default();
        let clean = self.clean_url(url, &mut pass);
        pass.add_to(counts);
        clean
    }

    fn walk(&self, value: &mut Value, pass: &mut Pass, depth: u8) {
        match value {
            Value::Object(map) => {
                self.named_pair(map, pass);
                for (name, inner) in map.iter_mut() {
                    if self.keeps(name) && !inner.is_object() && !inner.is_array() {
                        continue;
                    }
                    if self.is_secret_key(name) || self.is_long_token(name, inner) {
                        self.hide(name, inner, pass);
                    } else {
                        self.walk(inner, pass, depth);
                    }
                }
            }
            Value::Array(items) => {
                // Raw header lists are pairs: `["authorization", "Bearer …"]`.
                if let [Value::String(name), secret @ Value::String(_)] = items.as_mut_slice()
                    && self.is_secret_key(name)
                {
                    let name = name.clone();
                    self.hide(&name, secret, pass);
                    return;
                }
                for item in items {
                    self.walk(item, pass, depth);
                }
            }
            Value::String(text) => {
                if let Some(clean) = self.clean_text(text, pass, depth) {
                    *text = clean;
                }
            }
            Value::Null | Value::Bool(_) | Value::Number(_) => {}
        }
    }

    /// `{"name": "authorization", "value": "Bearer …"}`, as HAR files and header lists have it.
    fn named_pair(&self, map: &mut serde_json::Map<String, Value>, pass: &mut Pass) {
        let name = ["name", "key"]
            .iter()
            .find_map(|field| map.get(*field).and_then(Value::as_str))
            .filter(|name| self.is_secret_key(name))
            .map(str::to_owned);
        if let (Some(name), Some(value)) = (name, map.get_mut("value")) {
            self.hide(&name, value, pass);
        }
    }

    /// A key `token` names a secret often, and a piece of a model's answer as often.
    fn is_long_token(&self, name: &str, value: &Value) -> bool {
        matches!(last_part(name), "token" | "Token")
            && !self.keeps(name)
            && value
                .as_str()
                .is_some_and(|text| text.len() >= 16 && !text.contains(char::is_whitespace))
    }

    /// Puts a placeholder in the place of a secret. Truth values, null and empty text are no
    /// secrets and tell the reader something.
    fn hide(&self, name: &str, value: &mut Value, pass: &mut Pass) {
        let secret = match value {
            Value::Null | Value::Bool(_) => return,
            Value::String(text) => std::mem::take(text),
            // A header may come as a list of its values.
            Value::Array(items) if items.iter().all(Value::is_string) => {
                for item in items {
                    self.hide(name, item, pass);
                }
                return;
            }
            ref other => other.to_string(),
        };
        *value = Value::String(self.hidden(name, &secret, pass));
    }

    /// The text that stands for a secret; a scheme in front of it (`Bearer`) stays.
    fn hidden(&self, name: &str, secret: &str, pass: &mut Pass) -> String {
        let (scheme, bare) = split_scheme(secret);
        if bare.trim().is_empty() || is_placeholder(bare) {
            return secret.to_owned();
        }
        pass.hit(format!("key:{}", normalise(last_part(name))), bare);
        format!("{scheme}{}", self.placeholder(bare))
    }

    fn walk_headers(&self, headers: &mut BTreeMap<String, String>, pass: &mut Pass) {
        for (name, value) in headers {
            if self.keeps(name) {
                continue;
            }
            if self.is_secret_parameter(name) {
                *value = self.hidden(name, value, pass);
            } else if let Some(clean) = self.clean_text(value, pass, 1) {
                *value = clean;
            }
        }
    }
}

/// `Bearer abc` is the scheme `Bearer ` and the secret `abc`.
fn split_scheme(text: &str) -> (&str, &str) {
    match text.split_once(' ') {
        Some((scheme, rest)) if SCHEMES.contains(&scheme.to_ascii_lowercase().as_str()) => {
            (&text[..=scheme.len()], rest)
        }
        _ => ("", text),
    }
}

/// Exactly what [`Redactor::placeholder`] writes: text that merely begins like it is a secret still.
fn is_placeholder(text: &str) -> bool {
    text.strip_prefix("[redacted:")
        .and_then(|rest| rest.strip_suffix(']'))
        .is_some_and(is_short_hash)
}

fn is_short_hash(text: &str) -> bool {
    text.len() == 8 && text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
}

/// The last part of a dotted or bracketed name: `password` of `user[password]`.
fn last_part(name: &str) -> &str {
    name.trim_end_matches(']')
        .rsplit(['.', '[', '/', ':'])
        .next()
        .unwrap_or(name)
}

fn normalise(name: &str) -> String {
    name.chars()
        .filter(char::is_ascii_alphanumeric)
        .map(|c| c.to_ascii_lowercase())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn redactor() -> Redactor {
        Redactor::new([7; 32], ["page_token"])
    }

    #[test]
    fn the_lists_are_sorted_and_normalised() {
        for list in [SECRET_KEYS, SECRET_PARAMETERS] {
            assert!(list.is_sorted());
            assert!(list.iter().all(|key| normalise(key) == *key));
        }
    }

    #[test]
    fn the_keyed_hash_is_the_published_hmac() {
        // RFC 4231 has no 32-byte key; this one was computed with another implementation.
        assert_eq!(
            Redactor::new([0x0b; 32], []).placeholder("Hi There"),
            "[redacted:198a607e]"
        );
    }

    #[test]
    fn whole_names_are_matched_at_any_depth_and_inside_strings() {
        let mut value = json!({
            "Authorization": "Bearer abc",
            "password_hint": "blue",
            "page_token": "keep",
            "secret": true,
            "http.request.header.x-api-key": ["k"],
            "inner": [{"api-key": "k"}, "{\"client_secret\":\"k\"}", ["cookie", "k"]],
            "list": {"name": "Set-Cookie", "value": "k"},
            "token": "Hello",
        });
        let mut counts = RedactionCounts::new();
        redactor().value(&mut value, &mut counts);
        let k = redactor().placeholder("k");
        assert_eq!(
            value,
            json!({
                "Authorization": format!("Bearer {}", redactor().placeholder("abc")),
                "password_hint": "blue",
                "page_token": "keep",
                "secret": true,
                "http.request.header.x-api-key": [k],
                "inner": [{"api-key": k}, format!("{{\"client_secret\":\"{k}\"}}"), ["cookie", k]],
                "list": {"name": "Set-Cookie", "value": k},
                "token": "Hello",
            })
        );
        assert_eq!(counts.values().sum::<u64>(), 6);
    }

    #[test]
    fn what_the_keep_list_names_is_no_secret_wherever_it_stands() {
        let keeping = Redactor::new([7; 32], ["access_token", "X-Amz-Signature", "token"]);
        let before = json!({
            "accessToken": "k", "body.access_token": "k", "token": "0123456789abcdef01",
            "form": "access_token=k&a=b", "url": "https://h.example/?X-Amz-Signature=k&token=k",
        });
        let mut value = before.clone();
        let mut counts = RedactionCounts::new();
        keeping.value(&mut value, &mut counts);
        assert_eq!(value, before);
        let mut headers = BTreeMap::from([("access-token".to_owned(), "k".to_owned())]);
        keeping.headers(&mut headers, &mut counts);
        assert_eq!(headers["access-token"], "k");
        assert_eq!(counts, RedactionCounts::new());
        Redactor::new([7; 32], []).value(&mut value, &mut counts);
        assert_eq!(counts.values().sum::<u64>(), 6);
    }

    #[test]
    fn redacting_twice_changes_nothing_more() {
        let mut value = json!({
            "password": {"old": "a"},
            "text": "{\"secret\": 5}",
            "authorization": "Bearer xyz",
            "form": "client_secret=a&x=1",
            "url": "https://u:p@h.example/?token=t",
        });
        let mut counts = RedactionCounts::new();
        redactor().value(&mut value, &mut counts);
        let once = value.clone();
        redactor().value(&mut value, &mut counts);
        assert_eq!(value, once);
    }

    #[test]
    fn text_that_only_begins_like_a_placeholder_is_a_secret() {
        let mut value = json!({"password": "[redacted:hunter2"});
        redactor().value(&mut value, &mut RedactionCounts::new());
        assert!(!value.to_string().contains("hunter2"));
    }

    #[test]
    fn the_key_is_not_shown_in_logs() {
        assert!(!format!("{:?}", redactor()).contains('7'));
    }
}
