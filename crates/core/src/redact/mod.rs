//! Which values never reach a disk, a log, a model or a child process.
//!
//! A closed list of key names is matched on the whole normalised name (or on the whole last
//! part of a dotted one), never by substring; a published set of rules finds secrets by their
//! own shape; and a keep list protects the fields that reconstruction lives on. Placeholders are
//! keyed hashes, so equal secrets stay equal. [`trace`](Redactor::trace) covers every place of a
//! trace that holds text, [`text`](Redactor::text) plain text, and
//! [`document`](Redactor::document) a file of either.
//!
//! - `keys`, `classes`: names that say what stands under them. `rules`: secrets by their shape.
//! - `text`, `assignment`, `ansi`, `encoded`, `edit`: secrets inside text, and how they are taken out.
//! - `placeholder`: what stands in their place. `personal`: the same for people.
//! - `literals`: secrets known by value. `pattern`: what users add. `pass`: what one pass did. `trace`, `document`: whole inputs.

mod ansi;
mod assignment;
mod classes;
mod document;
mod edit;
mod encoded;
mod keys;
mod literals;
mod pass;
mod pattern;
mod personal;
mod placeholder;
mod rules;
#[cfg(test)]
mod samples;
mod text;
mod trace;

use std::collections::{BTreeMap, HashSet};
use std::fmt;
use std::sync::Arc;

use serde_json::Value;
use sha2::{Digest, Sha256};

pub use document::{Form, Redacted, RedactedTrace};
pub use literals::{Literals, every_text};
pub use pass::{Hit, RedactionCounts};
pub use pattern::{PatternError, RedactionOptions, SecretPattern};

use classes::{Classes, NameClass};
use edit::Why;
use keys::{
    SECRET_KEYS, SECRET_PARAMETERS, is_secret_variable, last_part, listed, normalise, normalised,
};
use pass::Pass;
use pattern::{Allowed, Pattern};
use rules::RULES;
use text::INNER_JSON;

/// What comes before the secret itself in headers that name a scheme.
const SCHEMES: &[&str] = &["bearer", "basic", "token", "apikey", "digest", "bot"];

/// No shorter id is a secret.
const SHORTEST_ID: usize = 14;

/// The redaction rules in force, with the user's key. Cheap to clone.
#[derive(Clone)]
pub struct Redactor {
    rules: Arc<InForce>,
}

struct InForce {
    key: [u8; 32],
    keep: HashSet<String>,
    /// Whether the rules that know secrets by their shape are used.
    has_rules: bool,
    personal: bool,
    patterns: Vec<Pattern>,
    allow: Vec<Allowed>,
    classes: Classes,
}

/// The key is a secret itself and stays out of logs.
impl fmt::Debug for Redactor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Redactor")
            .field("keep", &self.rules.keep)
            .finish_non_exhaustive()
    }
}

impl Redactor {
    /// All rules with a key for placeholders and the fields that must stay as they are.
    pub fn new<'a>(key: [u8; 32], keep: impl IntoIterator<Item = &'a str>) -> Self {
        Self::of(key, keep, true)
    }

    /// The rules by key name alone: what the rules by shape cost is measured against it.
    pub fn by_name_only<'a>(key: [u8; 32], keep: impl IntoIterator<Item = &'a str>) -> Self {
        Self::of(key, keep, false)
    }

    fn of<'a>(key: [u8; 32], keep: impl IntoIterator<Item = &'a str>, has_rules: bool) -> Self {
        Self {
            rules: Arc::new(InForce {
                key,
                keep: keep.into_iter().map(normalise).collect(),
                has_rules,
                personal: false,
                patterns: Vec::new(),
                allow: Vec::new(),
                classes: Classes::default(),
            }),
        }
    }

    /// [`Redactor::new`] with what the user added.
    ///
    /// # Errors
    ///
    /// All patterns and entries that cannot be used.
    pub fn with_options<'a>(
        key: [u8; 32],
        keep: impl IntoIterator<Item = &'a str>,
        options: &RedactionOptions,
    ) -> Result<Self, Vec<PatternError>> {
        let mut errors = Vec::new();
        let mut patterns = Vec::new();
        for (at, pattern) in options.patterns.iter().enumerate() {
            match Pattern::new(at, pattern) {
                Ok(pattern) => patterns.push(pattern),
                Err(error) => errors.push(error),
            }
        }
        let mut allow = Vec::new();
        for (at, entry) in options.allow.iter().enumerate() {
            match Allowed::new(at, entry) {
                Ok(allowed) => allow.push(allowed),
                Err(error) => errors.push(error),
            }
        }
        if !errors.is_empty() {
            return Err(errors);
        }
        Ok(Self {
            rules: Arc::new(InForce {
                key,
                keep: keep.into_iter().map(normalise).collect(),
                has_rules: true,
                personal: options.personal,
                patterns,
                allow,
                classes: Classes::default(),
            }),
        })
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
        let last = last_part(name);
        let is_listed = listed(name, list)
            || last.len() < name.len() && listed(last, list)
            || is_secret_variable(name);
        is_listed && !self.keeps(name)
    }

    /// What a name says, looked up once: the same names stand in every trace.
    fn class(&self, name: &str) -> NameClass {
        if let Some(class) = self.rules.classes.get(name) {
            return class;
        }
        let kept = self.keeps(name);
        let class = NameClass {
            kept,
            secret: !kept && self.is_secret_key(name),
            token: !kept && matches!(last_part(name), "token" | "Token"),
            sounds: !kept && self.rules.has_rules && RULES.may_name(name),
            holds: self.clean_id(name, &mut Pass::default()).is_some(),
        };
        self.rules.classes.put(name, class);
        class
    }

    fn keeps(&self, name: &str) -> bool {
        let kept = |name: &str| normalised(name, |name| self.rules.keep.contains(name));
        let last = last_part(name);
        kept(name) || last.len() < name.len() && kept(last)
    }

    fn allows(&self, secret: &str) -> bool {
        self.rules.allow.iter().any(|one| one.allows(secret))
    }

    /// What stands in the place of a secret, equal for equal secrets: `[redacted:3f9c0a1b]`, or
    /// `ghp_redacted3f9c0a1b0000…` where a clone looks at the format.
    pub fn placeholder(&self, secret: &str) -> String {
        placeholder::of(secret, &self.keyed_hash(secret))
    }

    /// The first 32 bits of HMAC-SHA-256: without the key, not even a short secret can be guessed.
    fn keyed_hash(&self, secret: &str) -> String {
        let pad = |with: u8| {
            let mut block = [with; 64];
            for (byte, key) in block.iter_mut().zip(self.rules.key) {
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

    /// An id, or the name that a trace gives to something, without the secrets in it.
    fn clean_id(&self, id: &str, pass: &mut Pass) -> Option<String> {
        may_hold(id)
            .then(|| self.clean_plain(id, None, pass))
            .flatten()
    }

    /// Keys that hold a secret, with what stands in their place.
    fn clean_keys<'a>(
        &self,
        keys: impl Iterator<Item = &'a String>,
        pass: &mut Pass,
    ) -> Vec<(String, String)> {
        keys.filter(|key| may_hold(key) && self.class(key).holds)
            .filter_map(|key| Some((key.clone(), self.clean_id(key, pass)?)))
            .collect()
    }

    /// Replaces the values of secret keys at any depth, and what the rules find in strings;
    /// strings that hold JSON, a form or URLs are looked into.
    pub fn value(&self, value: &mut Value, counts: &mut RedactionCounts) {
        let mut pass = Pass::default();
        self.walk(value, None, &mut pass, INNER_JSON);
        pass.add_to(counts);
    }

    /// Replaces the values of secret headers, and what the rules find in the others.
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

    /// `name` is what the value stands under; a list's items stand under the list's name.
    fn walk(&self, value: &mut Value, name: Option<&str>, pass: &mut Pass, depth: u8) {
        match value {
            Value::Object(map) => {
                if self.rules.personal {
                    self.people(map, pass);
                }
                let clean = self.clean_keys(map.keys(), pass);
                let members = trace::renamed(clean, |key| map.remove(key));
                map.extend(members);
                let pair = self.named_pair(map, pass);
                for (name, inner) in map.iter_mut() {
                    pass.enter(|| name.clone());
                    self.walk_member(name, pair.as_deref(), inner, pass, depth);
                    pass.leave();
                }
            }
            Value::Array(items) => {
                // Raw header lists are pairs: `["authorization", "Bearer …"]`.
                if let [Value::String(name), secret @ Value::String(_)] = items.as_mut_slice() {
                    let name = name.clone();
                    pass.enter(|| "1".to_owned());
                    if self.is_secret_key(&name) {
                        self.hide(&name, secret, pass);
                    } else if !self.keeps(&name) {
                        let sounds = self.class(&name).sounds;
                        self.walk(secret, Some(name.as_str()).filter(|_| sounds), pass, depth);
                    }
                    pass.leave();
                    pass.enter(|| "0".to_owned());
                    self.walk(&mut items[0], None, pass, depth);
                    pass.leave();
                    return;
                }
                for (at, item) in items.iter_mut().enumerate() {
                    pass.enter(|| at.to_string());
                    self.walk(item, name, pass, depth);
                    pass.leave();
                }
            }
            Value::String(text) => {
                if let Some(clean) = self.clean_text(text, name, pass, depth) {
                    *text = clean;
                }
            }
            Value::Null | Value::Bool(_) | Value::Number(_) => {}
        }
    }

    /// The member of an object; `pair` is the name that the object gives its `value`.
    fn walk_member(
        &self,
        name: &str,
        pair: Option<&str>,
        inner: &mut Value,
        pass: &mut Pass,
        depth: u8,
    ) {
        let class = self.class(name);
        if class.kept && !inner.is_object() && !inner.is_array() {
            return;
        }
        if class.secret || class.token && is_long_token(inner) {
            self.hide(name, inner, pass);
            return;
        }
        let pair = pair.filter(|_| name == "value");
        let name = match pair {
            Some(pair) => Some(pair).filter(|pair| self.class(pair).sounds),
            None => Some(name).filter(|_| class.sounds),
        };
        self.walk(inner, name, pass, depth);
    }

    /// `{"name": "authorization", "value": "Bearer …"}`, as HAR files and header lists have it:
    /// hides the value of a secret, and gives the name of any other.
    fn named_pair(
        &self,
        map: &mut serde_json::Map<String, Value>,
        pass: &mut Pass,
    ) -> Option<String> {
        if !map.contains_key("value") {
            return None;
        }
        let name = ["name", "key"]
            .iter()
            .find_map(|field| map.get(*field).and_then(Value::as_str))?
            .to_owned();
        if self.is_secret_key(&name)
            && let Some(value) = map.get_mut("value")
        {
            pass.enter(|| "value".to_owned());
            self.hide(&name, value, pass);
            pass.leave();
        }
        Some(name)
    }

    /// Puts a placeholder in the place of a secret. Truth values, null and empty text are no
    /// secrets and tell the reader something.
    fn hide(&self, name: &str, value: &mut Value, pass: &mut Pass) {
        let secret = match value {
            Value::Null | Value::Bool(_) => return,
            Value::String(text) if is_version(text) => return,
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
        if bare.trim().is_empty() || placeholder::is_one(bare) || self.allows(bare) {
            return secret.to_owned();
        }
        let put = self.placeholder(bare);
        let name = last_part(name);
        let rule = format!("key:{}", normalise(name));
        pass.note(&rule, Why::Key(name.to_owned()), bare, &put);
        format!("{scheme}{put}")
    }

    fn walk_headers(&self, headers: &mut BTreeMap<String, String>, pass: &mut Pass) {
        for (name, value) in headers {
            if self.keeps(name) {
                continue;
            }
            pass.enter(|| name.clone());
            if self.is_secret_parameter(name) {
                *value = self.hidden(name, value, pass);
            } else if let Some(clean) = self.clean_text(
                value,
                Some(name)
                    .filter(|name| self.class(name).sounds)
                    .map(String::as_str),
                pass,
                1,
            ) {
                *value = clean;
            }
            pass.leave();
        }
    }
}

/// Whether an id is worth a closer look: most are words or hashes, and there are many.
fn may_hold(id: &str) -> bool {
    id.len() >= SHORTEST_ID && !id.bytes().all(|b| b.is_ascii_hexdigit() || b == b'-')
}

/// A key `token` names a secret often, and a piece of a model's answer as often.
fn is_long_token(value: &Value) -> bool {
    value.as_str().is_some_and(|text| {
        text.len() >= 16
            && !text.contains(char::is_whitespace)
            && !text.starts_with(['{', '['])
            && !placeholder::is_in(text)
            // An address may have been shorter than what stands for it.
            && !text.ends_with(personal::DOMAIN)
    })
}

/// Whether it is a version that packages ask for, `^1.2.3`: packages have names like `cookie`.
fn is_version(text: &str) -> bool {
    text.starts_with(['^', '~', '>', '<', '='])
        && text.contains('.')
        && text.bytes().all(|b| {
            b.is_ascii_digit() || matches!(b, b'.' | b'^' | b'~' | b'>' | b'<' | b'=' | b' ' | b'|')
        })
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

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn redactor() -> Redactor {
        Redactor::new([7; 32], ["page_token"])
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
