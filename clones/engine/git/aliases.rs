//! What evidence writes for ids that follow the clock.
//!
//! The id of a commit is the hash of its times among other things, so the same calls make other
//! ids in every run. Evidence writes the id that the object would have if its times were written
//! as evidence writes times (`-95d`, `+run`) and the ids in it as evidence writes ids: 40 hex
//! digits like any id, the same for the same calls. An object without a time that follows the
//! clock keeps its own id.
//!
//! A commit's time is taken as set by a call when it is not before the base, since the clock of
//! whoever made a pushed commit is that of the run; an earlier one that the clone never handed
//! out is the caller's own and stays.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::Timestamp;

use super::object::{Commit, Kind, Signature, Tag, TreeEntry, write_tree};
use super::objects::{Objects, reading, writing};
use super::oid::Oid;
use crate::engine::times::KnownTimes;

/// Texts of files beyond this many bytes are not searched for times.
const SEARCHED: usize = 256 * 1024;

impl Objects {
    /// The first digits of an id as answers show it; evidence knows it again.
    pub(crate) fn short(&self, oid: &Oid, digits: usize) -> String {
        let short = oid.short(digits);
        writing(&self.shorts).insert(short.clone(), *oid);
        short
    }

    /// What evidence writes for an id; the id itself where nothing in it follows the clock.
    pub(crate) fn alias(&self, oid: &Oid, times: &KnownTimes) -> Oid {
        let mut waiting = vec![*oid];
        while let Some(at) = waiting.last().copied() {
            if reading(&self.aliases).contains_key(&at) {
                waiting.pop();
                continue;
            }
            // Histories are longer than a stack is deep, so what an object needs waits here.
            let needs = self.needs(&at);
            let mut missing: Vec<Oid> = {
                let known = reading(&self.aliases);
                let missing = needs.into_iter().filter(|oid| !known.contains_key(oid));
                missing.collect()
            };
            // The commit of a submodule is in another repository.
            missing.retain(|oid| self.has(oid));
            if missing.is_empty() {
                waiting.pop();
                // What is not there may come with a push, and anybody can name what never does.
                if self.has(&at) {
                    let alias = self.computed(&at, times);
                    writing(&self.aliases).insert(at, alias);
                }
            } else {
                waiting.extend(missing);
            }
        }
        self.known_alias(oid)
    }

    fn known_alias(&self, oid: &Oid) -> Oid {
        reading(&self.aliases).get(oid).copied().unwrap_or(*oid)
    }

    /// The objects whose ids are in an object that may have another id in evidence.
    fn needs(&self, oid: &Oid) -> Vec<Oid> {
        let Some((kind, _)) = self.get(oid) else {
            return Vec::new();
        };
        match kind {
            Kind::Blob => Vec::new(),
            // What a client made itself has no time in it that came from here, or is too much to
            // be looked through.
            Kind::Tree if !self.made_here(oid) => Vec::new(),
            Kind::Tree => {
                let entries = self.tree(oid).unwrap_or_default();
                entries.into_iter().map(|entry| entry.oid).collect()
            }
            Kind::Commit => self.commit(oid).map_or_else(Vec::new, |commit| {
                commit.parents.into_iter().chain([commit.tree]).collect()
            }),
            Kind::Tag => self.tag(oid).map(|tag| tag.object).into_iter().collect(),
        }
    }

    /// The alias of an object whose needs have theirs.
    fn computed(&self, oid: &Oid, times: &KnownTimes) -> Oid {
        let alias = match self.kind(oid) {
            None => None,
            Some(Kind::Blob) => self.alias_of_blob(oid, times),
            Some(Kind::Tree) => self.alias_of_tree(oid),
            Some(Kind::Commit) => self
                .commit(oid)
                .and_then(|commit| self.alias_of_commit(&commit, times)),
            Some(Kind::Tag) => self.tag(oid).and_then(|tag| self.alias_of_tag(&tag, times)),
        };
        alias.unwrap_or(*oid)
    }

    fn alias_of_blob(&self, oid: &Oid, times: &KnownTimes) -> Option<Oid> {
        if !self.made_here(oid) {
            return None;
        }
        let bytes = self.blob(oid).filter(|bytes| bytes.len() <= SEARCHED)?;
        let text = std::str::from_utf8(&bytes).ok()?;
        // Only times: an id in a file would have to have its alias first, and may be anywhere.
        let text = times.rewrite(text, self.base)?;
        Some(Oid::of(Kind::Blob, text.as_bytes()))
    }

    fn alias_of_tree(&self, oid: &Oid) -> Option<Oid> {
        if !self.made_here(oid) {
            return None;
        }
        let entries = self.tree(oid)?;
        let said: Vec<TreeEntry> = entries
            .iter()
            .map(|entry| TreeEntry {
                oid: self.known_alias(&entry.oid),
                ..entry.clone()
            })
            .collect();
        (said != entries).then(|| Oid::of(Kind::Tree, &write_tree(&said)))
    }

    fn alias_of_commit(&self, commit: &Commit, times: &KnownTimes) -> Option<Oid> {
        let author = self.said_time(&commit.author, times);
        let committer = self.said_time(&commit.committer, times);
        let message = times.rewrite(&commit.message, self.base);
        let tree = self.known_alias(&commit.tree);
        let parents: Vec<Oid> = commit
            .parents
            .iter()
            .map(|oid| self.known_alias(oid))
            .collect();
        let same = author.is_none()
            && committer.is_none()
            && message.is_none()
            && tree == commit.tree
            && parents == commit.parents;
        if same {
            return None;
        }
        let mut text = format!("tree {tree}\n");
        for parent in parents {
            text.push_str(&format!("parent {parent}\n"));
        }
        let who = |signature: &Signature, said: Option<String>| {
            let at = said.unwrap_or_else(|| signature.seconds.to_string());
            let (name, email) = (&signature.name, &signature.email);
            format!("{name} <{email}> {at}\n")
        };
        text.push_str(&format!("author {}", who(&commit.author, author)));
        text.push_str(&format!(
            "committer {}\n",
            who(&commit.committer, committer)
        ));
        text.push_str(message.as_deref().unwrap_or(&commit.message));
        Some(Oid::of(Kind::Commit, text.as_bytes()))
    }

    fn alias_of_tag(&self, tag: &Tag, times: &KnownTimes) -> Option<Oid> {
        let object = self.known_alias(&tag.object);
        let said = tag
            .tagger
            .as_ref()
            .and_then(|tagger| self.said_time(tagger, times));
        if object == tag.object && said.is_none() {
            return None;
        }
        let text = format!(
            "object {object}\ntag {}\n{said:?}\n{}",
            tag.name, tag.message
        );
        Some(Oid::of(Kind::Tag, text.as_bytes()))
    }

    /// A time as evidence writes it, where it follows the clock.
    fn said_time(&self, signature: &Signature, times: &KnownTimes) -> Option<String> {
        let at = Timestamp::from_second(signature.seconds).ok()?;
        times
            .evidence(at, self.base)
            .or_else(|| (at >= self.base).then(|| "+run".to_owned()))
    }

    /// `text` with every id of this store written as in evidence, inside GraphQL ids too; none
    /// where nothing changes.
    pub(crate) fn rewrite(&self, text: &str, times: &KnownTimes) -> Option<String> {
        if self.is_empty() {
            return None;
        }
        let coded = self.rewrite_coded(text, times);
        let plain = self.rewrite_plain(coded.as_deref().unwrap_or(text), times);
        plain.or(coded)
    }

    fn rewrite_plain(&self, text: &str, times: &KnownTimes) -> Option<String> {
        let bytes = text.as_bytes();
        let mut out: Option<String> = None;
        let mut copied = 0;
        let mut at = 0;
        while at < bytes.len() {
            if !bytes[at].is_ascii_hexdigit() {
                at += 1;
                continue;
            }
            let run = bytes[at..]
                .iter()
                .take_while(|byte| byte.is_ascii_hexdigit())
                .count();
            let said = match run {
                40 => text[at..at + run].parse().ok().and_then(|oid: Oid| {
                    let alias = self.alias(&oid, times);
                    (alias != oid).then(|| alias.to_string())
                }),
                4..40 => self.known_short(&text[at..at + run]).and_then(|oid| {
                    let alias = self.alias(&oid, times);
                    (alias != oid).then(|| alias.short(run))
                }),
                _ => None,
            };
            if let Some(said) = said {
                let out = out.get_or_insert_with(String::new);
                out.push_str(&text[copied..at]);
                out.push_str(&said);
                copied = at + run;
            }
            at += run;
        }
        out.map(|mut out| {
            out.push_str(&text[copied..]);
            out
        })
    }

    /// The object whose id was handed out in that short form.
    fn known_short(&self, text: &str) -> Option<Oid> {
        reading(&self.shorts).get(text).copied()
    }

    /// Ids of the GraphQL API hold an object's id in base64: a word in capitals, `_`, base64.
    fn rewrite_coded(&self, text: &str, times: &KnownTimes) -> Option<String> {
        let is_part = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-');
        let bytes = text.as_bytes();
        let mut out: Option<String> = None;
        let mut copied = 0;
        let mut from = 0;
        while let Some(mark) = text[from..].find("_k").map(|mark| from + mark) {
            let start = mark + 1;
            let length = bytes[start..]
                .iter()
                .take_while(|byte| is_part(byte))
                .count();
            let coded = &text[start..start + length];
            // Forty digits take 54 characters.
            let said = (length >= 54)
                .then(|| self.rewrite_one(coded, times))
                .flatten();
            if let Some(said) = said {
                let out = out.get_or_insert_with(String::new);
                out.push_str(&text[copied..start]);
                out.push_str(&said);
                copied = start + length;
            }
            from = start + length.max(1);
        }
        out.map(|mut out| {
            out.push_str(&text[copied..]);
            out
        })
    }

    fn rewrite_one(&self, coded: &str, times: &KnownTimes) -> Option<String> {
        let mut bytes = URL_SAFE_NO_PAD.decode(coded).ok()?;
        let at = bytes
            .windows(40)
            .position(|digits| digits.iter().all(u8::is_ascii_hexdigit))?;
        let oid: Oid = std::str::from_utf8(&bytes[at..at + 40])
            .ok()?
            .parse()
            .ok()?;
        let alias = self.alias(&oid, times).to_string();
        bytes[at..at + 40].copy_from_slice(alias.as_bytes());
        Some(URL_SAFE_NO_PAD.encode(bytes))
    }
}
