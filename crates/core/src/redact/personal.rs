//! Pseudonyms of people: addresses wherever they stand, names in the fields that carry them.
//!
//! Keyed like placeholders, so the same person has the same pseudonym in every trace of a user,
//! and in the format of what they replace: an address stays an address, a login a login.

use std::ops::Range;

use serde_json::{Map, Value};

use super::edit::Why;
use super::keys::{PERSONAL, last_part, listed};
use super::{Pass, Redactor, placeholder};

/// Addresses of pseudonyms belong to a domain that nobody can have.
pub(super) const DOMAIN: &str = "@redacted.example";
/// A shorter name is a word of many texts, and is replaced in its own field only.
const SHORTEST_ECHO: usize = 4;

impl Redactor {
    /// `person-3f9c0a1b@redacted.example`, whatever the case of the address.
    pub(super) fn pseudonym_of_address(&self, address: &str) -> String {
        format!(
            "person-{}{DOMAIN}",
            self.keyed_hash(&address.to_lowercase())
        )
    }

    /// `person-3f9c0a1b`, or `Person 3f9c0a1b` where the name is not a login.
    fn pseudonym(&self, name: &str) -> String {
        let hash = self.keyed_hash(&name.to_lowercase());
        if name.contains(char::is_whitespace) {
            format!("Person {hash}")
        } else {
            format!("person-{hash}")
        }
    }

    /// Replaces the names of people in the fields of an object that carry them.
    pub(super) fn people(&self, map: &mut Map<String, Value>, pass: &mut Pass) {
        let is_organisation = map.get("type").and_then(Value::as_str) == Some("Organization");
        if is_organisation {
            return;
        }
        // `name` names a person beside an address or a login, and anything else elsewhere.
        let of_person = ["email", "login"]
            .iter()
            .any(|field| map.get(*field).is_some_and(Value::is_string));
        for (field, value) in map.iter_mut() {
            if listed(last_part(field), PERSONAL) || of_person && field == "name" {
                pass.enter(|| field.clone());
                self.person(value, pass);
                pass.leave();
            }
        }
    }

    /// The value of a field that names a person, or several.
    pub(super) fn person(&self, value: &mut Value, pass: &mut Pass) {
        match value {
            Value::String(name) => {
                if !is_name(name) || is_pseudonym(name) || self.allows(name) {
                    return;
                }
                let put = self.pseudonym(name);
                pass.note("personal:name", Why::Person, name, &put);
                if name.len() >= SHORTEST_ECHO {
                    pass.meet(name, &put);
                }
                *name = put;
            }
            Value::Array(items) => items.iter_mut().for_each(|item| {
                if item.is_string() {
                    self.person(item, pass);
                }
            }),
            _ => {}
        }
    }
}

/// Whether it can be the name of a person at all; addresses are found wherever they stand.
fn is_name(text: &str) -> bool {
    let odd = |c: char| {
        c.is_control()
            || matches!(
                c,
                '@' | '{' | '}' | '[' | ']' | '"' | '<' | '>' | ':' | '/' | '=' | '\\'
            )
    };
    // What placeholders are made of is nobody's name.
    let own = ["redacted", "person"]
        .iter()
        .any(|word| text.eq_ignore_ascii_case(word));
    !own && !text.trim().is_empty() && text.len() <= 128 && !text.contains(odd)
}

fn is_pseudonym(name: &str) -> bool {
    name.strip_prefix("person-")
        .or_else(|| name.strip_prefix("Person "))
        .is_some_and(placeholder::is_hash)
}

/// Every e-mail address in a text that is no pseudonym.
pub(super) fn addresses(text: &str, mut found: impl FnMut(Range<usize>)) {
    let bytes = text.as_bytes();
    let local = |b: &u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'%' | b'+' | b'-');
    let domain = |b: &u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-');
    for (at, _) in text.match_indices('@') {
        let start = at
            - bytes[..at]
                .iter()
                .rev()
                .take(64)
                .take_while(|b| local(b))
                .count();
        let length = bytes[at + 1..]
            .iter()
            .take(255)
            .take_while(|b| domain(b))
            .count();
        let host = text[at + 1..at + 1 + length].trim_end_matches(['.', '-']);
        let end = at + 1 + host.len();
        let is_host = host.rsplit_once('.').is_some_and(|(before, top)| {
            !before.is_empty() && top.len() >= 2 && top.bytes().all(|b| b.is_ascii_alphabetic())
        });
        let user = &text[start..at];
        let after_slash = start > 0 && bytes[start - 1] == b'/';
        // `git@github.com:` and the user info of URLs are no people.
        if !user.is_empty() && user != "git" && is_host && !after_slash && text[at..end] != *DOMAIN
        {
            found(start..end);
        }
    }
}

/// Replaces each name where it stands as a whole word.
pub(super) fn replace_words(text: &str, name: &str, put: &str) -> Option<String> {
    let mut out: Option<String> = None;
    let mut done = 0;
    let part = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-');
    for (at, found) in text.match_indices(name) {
        let before = text[..at].chars().next_back();
        let after = text[at + found.len()..].chars().next();
        if before.is_some_and(part) || after.is_some_and(part) {
            continue;
        }
        let out = out.get_or_insert_default();
        out.push_str(&text[done..at]);
        out.push_str(put);
        done = at + found.len();
    }
    out.map(|mut out| {
        out.push_str(&text[done..]);
        out
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(text: &str) -> Vec<&str> {
        let mut all = Vec::new();
        addresses(text, |span| all.push(&text[span]));
        all
    }

    #[test]
    fn addresses_are_found_and_look_alikes_are_not() {
        assert_eq!(
            found("mail Ada.L+x@mail.example.com, or <b@c.org>."),
            ["Ada.L+x@mail.example.com", "b@c.org"]
        );
        let none: [&str; 0] = [];
        assert_eq!(
            found("git@github.com:a/b @octocat a@b pkg@1.2.3 person-00aa11bb@redacted.example"),
            none
        );
    }

    #[test]
    fn names_are_replaced_as_whole_words_only() {
        let replaced = replace_words("ada, adam and @ada: see /users/ada", "ada", "p");
        assert_eq!(replaced.as_deref(), Some("p, adam and @p: see /users/p"));
        assert_eq!(replace_words("adam", "ada", "p"), None);
    }
}
