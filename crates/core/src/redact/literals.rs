//! Secrets that are known by value: those of the caller's own environment, wherever they stand.
//!
//! No rule need know their shape and no keep list spares them. They are looked for as they are, and
//! as JSON and URLs write them.

use std::borrow::Cow;
use std::fmt;

use serde_json::Value;

use super::Redactor;

/// Known secrets, each with what stands in its place.
#[derive(Clone, Default)]
pub struct Literals {
    /// A way to write a secret, and the placeholder; longest first, so that a secret which holds
    /// another is replaced whole.
    forms: Vec<(String, String)>,
}

/// The values are secrets and stay out of logs.
impl fmt::Debug for Literals {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Literals").finish_non_exhaustive()
    }
}

impl Literals {
    /// Those secrets, with the placeholders of the user's key. An empty one is none.
    pub fn new<'a>(redactor: &Redactor, secrets: impl IntoIterator<Item = &'a str>) -> Self {
        let mut forms: Vec<(String, String)> = secrets
            .into_iter()
            .filter(|secret| !secret.is_empty())
            .flat_map(|secret| {
                let placeholder = redactor.placeholder(secret);
                forms(secret)
                    .into_iter()
                    .map(move |form| (form, placeholder.clone()))
            })
            .collect();
        forms.sort_by(|(one, _), (other, _)| {
            other.len().cmp(&one.len()).then_with(|| one.cmp(other))
        });
        forms.dedup();
        Self { forms }
    }

    /// Text without them.
    pub fn text<'a>(&self, text: &'a str) -> Cow<'a, str> {
        let mut text = Cow::Borrowed(text);
        for (form, placeholder) in &self.forms {
            if text.contains(form.as_str()) {
                text = text.replace(form.as_str(), placeholder).into();
            }
        }
        text
    }

    /// A host name without them: whoever asks for one may change its case.
    pub fn host(&self, host: &str) -> String {
        let clean = self.text(host);
        let small = clean.to_ascii_lowercase();
        let hidden = self
            .forms
            .iter()
            .find(|(form, _)| small.contains(&form.to_ascii_lowercase()));
        match hidden {
            Some((form, placeholder)) => small.replace(&form.to_ascii_lowercase(), placeholder),
            None => clean.into_owned(),
        }
    }

    /// Takes them out of every text of a value, names of members among it. Of two members whose names
    /// come to the same one both are kept, the later with a number.
    pub fn value(&self, value: &mut Value) {
        if !self.forms.is_empty() {
            every_text(value, &|text| self.text(text).into_owned());
        }
    }
}

/// Gives every text of a value, names of members among it, to `clean`, and puts what that gives in
/// its place. Of two members whose names come to the same one both are kept, the later with a number.
pub fn every_text(value: &mut Value, clean: &impl Fn(&str) -> String) {
    match value {
        Value::String(text) => *text = clean(text),
        Value::Array(items) => items.iter_mut().for_each(|item| every_text(item, clean)),
        Value::Object(map) => {
            for (name, mut inner) in std::mem::take(map) {
                every_text(&mut inner, clean);
                let wanted = clean(&name);
                let mut free = wanted.clone();
                let mut number = 2_u32;
                while map.contains_key(&free) {
                    free = format!("{wanted} ({number})");
                    number = number.saturating_add(1);
                }
                map.insert(free, inner);
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// The ways in which texts write a secret.
fn forms(secret: &str) -> Vec<String> {
    let quoted = Value::from(secret).to_string();
    let mut forms = vec![
        secret.to_owned(),
        quoted[1..quoted.len() - 1].to_owned(),
        // Libraries differ in the slash, the space and the case.
        percent(secret, "", "%20", true),
        percent(secret, "", "%20", false),
        percent(secret, "/", "%20", true),
        percent(secret, "", "+", true),
    ];
    forms.sort();
    forms.dedup();
    forms
}

fn percent(secret: &str, spared: &str, space: &str, upper: bool) -> String {
    secret
        .bytes()
        .map(|byte| match byte {
            b' ' => space.to_owned(),
            byte if byte.is_ascii_alphanumeric()
                || b"-._~".contains(&byte)
                || spared.as_bytes().contains(&byte) =>
            {
                char::from(byte).to_string()
            }
            byte if upper => format!("%{byte:02X}"),
            byte => format!("%{byte:02x}"),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const SECRET: &str = "acme/9f\"3+7b c2";

    fn literals() -> Literals {
        let redactor = Redactor::new([7; 32], []);
        Literals::new(&redactor, [SECRET, "acme/9f", ""])
    }

    #[test]
    fn a_secret_is_found_however_it_is_written() {
        let put = Redactor::new([7; 32], []).placeholder(SECRET);
        for written in [
            SECRET,
            r#"acme/9f\"3+7b c2"#,
            "acme%2F9f%223%2B7b%20c2",
            "acme%2f9f%223%2b7b%20c2",
            "acme/9f%223%2B7b%20c2",
            "acme%2F9f%223%2B7b+c2",
        ] {
            let text = format!("a {written} b");
            assert_eq!(literals().text(&text), format!("a {put} b"), "{written}");
        }
        assert_eq!(literals().text("nothing"), "nothing");
        assert!(!format!("{:?}", literals()).contains("9f"));
    }

    #[test]
    fn a_host_is_looked_at_without_its_case() {
        let redactor = Redactor::new([7; 32], []);
        let literals = Literals::new(&redactor, ["AbCdEf0123"]);
        let put = redactor.placeholder("AbCdEf0123");
        assert_eq!(
            literals.host("abcdef0123.example.com"),
            format!("{put}.example.com")
        );
        assert_eq!(literals.host("Example.com"), "Example.com");
    }

    #[test]
    fn names_of_members_are_texts_too_and_none_is_lost() {
        let put = Redactor::new([7; 32], []).placeholder(SECRET);
        let mut value = json!({"a": [{SECRET: 1, put.clone(): {"b": SECRET}}]});
        literals().value(&mut value);
        let text = value.to_string();
        assert!(!text.contains("acme/9f"), "{text}");
        let inner = value["a"][0].as_object().expect("an object");
        assert_eq!(inner.len(), 2, "{text}");
        assert!(inner.contains_key(&format!("{put} (2)")), "{text}");
    }
}
