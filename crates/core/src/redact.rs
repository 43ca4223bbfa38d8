//! Which values never reach a disk, a log, a model or a child process.
//!
//! A closed list of key names is matched on the whole normalised name, never by substring,
//! and a keep list protects the fields that reconstruction lives on. Placeholders are keyed
//! hashes, so equal secrets stay equal.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;
use sha2::{Digest, Sha256};

/// Key names whose values are secrets, normalised: lower case, letters and digits only.
const SECRET_KEYS: &[&str] = &[
    "accesskey",
    "accesstoken",
    "apikey",
    "apitoken",
    "authorization",
    "authtoken",
    "bearertoken",
    "clientsecret",
    "cookie",
    "credential",
    "credentials",
    "csrftoken",
    "idtoken",
    "passphrase",
    "passwd",
    "password",
    "privatekey",
    "proxyauthorization",
    "refreshtoken",
    "secret",
    "secretaccesskey",
    "secretkey",
    "sessiontoken",
    "setcookie",
    "signingsecret",
    "webhooksecret",
    "xapikey",
    "xauthtoken",
    "xgithubtoken",
];

/// The redaction rules in force, with the user's key.
#[derive(Debug, Clone)]
pub struct Redactor {
    key: [u8; 32],
    keep: BTreeSet<String>,
}

/// How often each rule fired.
pub type RedactionCounts = BTreeMap<String, u64>;

impl Redactor {
    /// Rules with a key for placeholders and the fields that must stay as they are.
    pub fn new<'a>(key: [u8; 32], keep: impl IntoIterator<Item = &'a str>) -> Self {
        Self {
            key,
            keep: keep.into_iter().map(normalise).collect(),
        }
    }

    /// Whether values under that key are secrets.
    pub fn is_secret_key(&self, name: &str) -> bool {
        let name = normalise(name);
        !self.keep.contains(&name) && SECRET_KEYS.binary_search(&name.as_str()).is_ok()
    }

    /// What stands in the place of a secret: `[redacted:3f9c0a1b]`, equal for equal secrets.
    pub fn placeholder(&self, secret: &str) -> String {
        let mut hasher = Sha256::new();
        hasher.update(self.key);
        hasher.update(secret.as_bytes());
        let digest = hasher.finalize();
        format!(
            "[redacted:{:02x}{:02x}{:02x}{:02x}]",
            digest[0], digest[1], digest[2], digest[3]
        )
    }

    /// Replaces the values of secret keys at any depth; strings that hold JSON are looked into.
    pub fn value(&self, value: &mut Value, counts: &mut RedactionCounts) {
        match value {
            Value::Object(map) => {
                for (name, inner) in map.iter_mut() {
                    if self.is_secret_key(name) && !is_placeholder(inner) {
                        if !inner.is_null() {
                            let secret = inner
                                .as_str()
                                .map_or_else(|| inner.to_string(), str::to_owned);
                            *inner = Value::String(self.placeholder(&secret));
                            *counts
                                .entry(format!("key:{}", normalise(name)))
                                .or_default() += 1;
                        }
                    } else {
                        self.value(inner, counts);
                    }
                }
            }
            Value::Array(items) => {
                for item in items {
                    self.value(item, counts);
                }
            }
            Value::String(text) => {
                if let Some(inside) = self.json_inside(text, counts) {
                    *text = inside;
                }
            }
            Value::Null | Value::Bool(_) | Value::Number(_) => {}
        }
    }

    /// Replaces the values of secret headers.
    pub fn headers(&self, headers: &mut BTreeMap<String, String>, counts: &mut RedactionCounts) {
        for (name, value) in headers {
            if self.is_secret_key(name) && !value.starts_with("[redacted:") {
                *value = self.placeholder(value);
                *counts
                    .entry(format!("key:{}", normalise(name)))
                    .or_default() += 1;
            }
        }
    }

    /// Replaces the user-info part and secret query values of a URL.
    pub fn url(&self, url: &str, counts: &mut RedactionCounts) -> String {
        let mut url = url.to_owned();
        if let Some(scheme_end) = url.find("://") {
            let start = scheme_end + 3;
            let end = url[start..]
                .find(['/', '?', '#'])
                .map_or(url.len(), |at| start + at);
            if let Some(at) = url[start..end].rfind('@') {
                let user_info = url[start..start + at].to_owned();
                if !user_info.starts_with("[redacted:") {
                    url.replace_range(start..start + at, &self.placeholder(&user_info));
                    *counts.entry("url:userinfo".to_owned()).or_default() += 1;
                }
            }
        }
        let Some(query_start) = url.find('?').map(|at| at + 1) else {
            return url;
        };
        let (head, query) = url.split_at(query_start);
        let pairs: Vec<String> = query
            .split('&')
            .map(|pair| match pair.split_once('=') {
                Some((name, value))
                    if self.is_secret_key(name) && !value.starts_with("[redacted:") =>
                {
                    *counts
                        .entry(format!("key:{}", normalise(name)))
                        .or_default() += 1;
                    format!("{name}={}", self.placeholder(value))
                }
                _ => pair.to_owned(),
            })
            .collect();
        format!("{head}{}", pairs.join("&"))
    }

    fn json_inside(&self, text: &str, counts: &mut RedactionCounts) -> Option<String> {
        if !text.trim_start().starts_with(['{', '[']) {
            return None;
        }
        let mut inner: Value = serde_json::from_str(text).ok()?;
        let before = counts.clone();
        self.value(&mut inner, counts);
        (*counts != before).then(|| inner.to_string())
    }
}

fn is_placeholder(value: &Value) -> bool {
    value
        .as_str()
        .is_some_and(|text| text.starts_with("[redacted:"))
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
    fn the_list_is_sorted_and_normalised() {
        assert!(SECRET_KEYS.is_sorted());
        assert!(SECRET_KEYS.iter().all(|key| normalise(key) == *key));
    }

    #[test]
    fn whole_names_are_matched_at_any_depth_and_inside_strings() {
        let mut value = json!({
            "Authorization": "Bearer abc",
            "password_hint": "blue",
            "page_token": "keep",
            "inner": [{"api-key": "k"}, "{\"client_secret\":\"k\"}"],
        });
        let mut counts = RedactionCounts::new();
        redactor().value(&mut value, &mut counts);
        let k = redactor().placeholder("k");
        assert_eq!(
            value,
            json!({
                "Authorization": redactor().placeholder("Bearer abc"),
                "password_hint": "blue",
                "page_token": "keep",
                "inner": [{"api-key": k}, format!("{{\"client_secret\":\"{k}\"}}")],
            })
        );
        assert_eq!(counts.values().sum::<u64>(), 3);
    }

    #[test]
    fn redacting_twice_changes_nothing_more() {
        let mut value = json!({"password": {"old": "a"}, "text": "{\"secret\": 5}"});
        let mut counts = RedactionCounts::new();
        redactor().value(&mut value, &mut counts);
        let once = value.clone();
        redactor().value(&mut value, &mut counts);
        assert_eq!(value, once);
    }

    #[test]
    fn urls_lose_user_info_and_secret_parameters_only() {
        let mut counts = RedactionCounts::new();
        let url = redactor().url(
            "https://u:p@h.example/x?page=2&access_token=t#f",
            &mut counts,
        );
        assert!(url.contains("page=2"), "{url}");
        assert!(!url.contains("u:p"), "{url}");
        assert!(!url.contains("=t"), "{url}");
    }
}
