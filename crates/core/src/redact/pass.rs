//! What one pass over an input did: counts, the secrets met, and where, if anybody asked.

use std::collections::{BTreeMap, BTreeSet};

use super::edit::{Edit, Why};

/// How often each rule fired: `key:<name>`, `rule:<id>`, `url:userinfo`, `echo`, `personal:…`.
pub type RedactionCounts = BTreeMap<String, u64>;

/// Secrets looked for again elsewhere.
const MOST_ECHOES: usize = 64;
/// People looked for again elsewhere.
const MOST_PEOPLE: usize = 512;

/// One replacement, without what was replaced.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hit {
    /// What it is counted as.
    pub rule: String,
    /// Where in a document: the names and numbers that lead there.
    pub path: Vec<String>,
    /// The line of plain text, from 1; 0 where it goes over several.
    pub line: usize,
    /// The byte of the string or line it began at.
    pub column: usize,
    /// How many bytes were replaced.
    pub length: usize,
    /// What stands there now.
    pub placeholder: String,
    /// Why, in words.
    pub why: String,
}

/// What a pass has done so far.
#[derive(Debug, Default)]
pub(super) struct Pass {
    pub(super) counts: RedactionCounts,
    pub(super) hits: u64,
    /// So that the same secret is found where no key names it.
    pub(super) secrets: BTreeSet<String>,
    /// People and their pseudonyms.
    pub(super) people: BTreeMap<String, String>,
    trail: Option<Trail>,
}

#[derive(Debug, Default)]
struct Trail {
    path: Vec<String>,
    line: usize,
    hits: Vec<Hit>,
}

impl Pass {
    /// A pass that remembers where each replacement was made.
    pub(super) fn explained() -> Self {
        Self {
            trail: Some(Trail::default()),
            ..Self::default()
        }
    }

    /// The hits of an explained pass.
    pub(super) fn take_hits(&mut self) -> Vec<Hit> {
        let trail = self.trail.as_mut();
        trail.map_or_else(Vec::new, |trail| std::mem::take(&mut trail.hits))
    }

    pub(super) fn enter(&mut self, step: impl FnOnce() -> String) {
        if let Some(trail) = &mut self.trail {
            trail.path.push(step());
        }
    }

    pub(super) fn leave(&mut self) {
        if let Some(trail) = &mut self.trail {
            trail.path.pop();
        }
    }

    pub(super) fn line(&mut self, line: usize) {
        if let Some(trail) = &mut self.trail {
            trail.line = line;
        }
    }

    /// A part of a text was replaced.
    pub(super) fn hit(&mut self, edit: &Edit, secret: &str) {
        self.note_at(&edit.rule, &edit.why, secret, &edit.put, edit.span.start);
        if edit.why == Why::UserInfo
            && let Some((_, password)) = secret.split_once(':')
        {
            self.remember(password);
        }
    }

    /// A whole value was replaced.
    pub(super) fn note(&mut self, rule: &str, why: Why, secret: &str, put: &str) {
        self.note_at(rule, &why, secret, put, 0);
    }

    fn note_at(&mut self, rule: &str, why: &Why, secret: &str, put: &str, column: usize) {
        *self.counts.entry(rule.to_owned()).or_default() += 1;
        self.hits += 1;
        if *why != Why::Person {
            self.remember(secret);
        }
        if let Some(trail) = &mut self.trail {
            trail.hits.push(Hit {
                rule: rule.to_owned(),
                path: trail.path.clone(),
                line: trail.line,
                column,
                length: secret.len(),
                placeholder: put.to_owned(),
                why: why.to_string(),
            });
        }
    }

    /// A person was found who may be named elsewhere.
    pub(super) fn meet(&mut self, name: &str, put: &str) {
        if self.people.len() < MOST_PEOPLE {
            self.people.insert(name.to_owned(), put.to_owned());
        }
    }

    fn remember(&mut self, secret: &str) {
        // A short or word-like secret may be a name elsewhere; reconstruction lives on names.
        let strong = (12..=4096).contains(&secret.len())
            && secret.bytes().any(|b| b.is_ascii_digit())
            && secret.bytes().any(|b| b.is_ascii_alphabetic());
        if strong && self.secrets.len() < MOST_ECHOES {
            self.secrets.insert(secret.to_owned());
        }
    }

    pub(super) fn add_to(self, counts: &mut RedactionCounts) {
        for (rule, count) in self.counts {
            *counts.entry(rule).or_default() += count;
        }
    }
}
