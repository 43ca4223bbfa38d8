//! Secrets inside text: JSON in strings, forms, URLs, and whatever the rules know.

use std::borrow::Cow;
use std::ops::Range;

use serde_json::Value;

use super::edit::{Edit, Why, applied, settled};
use super::encoded::Encoded;
use super::keys::{NEUTRAL, last_part, listed, normalise};
use super::rules::{Found, RULES, entropy};
use super::{
    Pass, RedactionCounts, Redactor, ansi, assignment, personal, placeholder, split_scheme,
};

/// URLs looked at in one text; a text with more is a list of links, not a place for secrets.
const MAX_URLS: usize = 10_000;
/// No shorter text holds a secret with what gives it away.
const SHORTEST: usize = 4;
/// What documentation has in the place of user info.
const EXAMPLES: &[&str] = &[
    "git",
    "user",
    "user:pass",
    "user:password",
    "username",
    "username:password",
];
/// No shorter text holds a secret with a keyword or name.
const SHORTEST_FOR_RULES: usize = 8;
/// How often a text is looked at again after something in it was replaced.
const ROUNDS: usize = 12;
/// How often a text is decoded that was encoded more than once.
const ENCODED: usize = 3;
/// How deep JSON inside strings inside JSON is looked into.
pub(super) const INNER_JSON: u8 = 4;

impl Redactor {
    /// Plain text (a log, what a child printed, an error message) without its secrets. Each line
    /// may be JSON, a form, a URL or a header; secrets may go over several lines, and terminal
    /// sequences hide none.
    pub fn text(&self, text: &str, counts: &mut RedactionCounts) -> String {
        let mut pass = Pass::default();
        let clean = self.plain_text(text, &mut pass);
        pass.add_to(counts);
        clean.unwrap_or_else(|| text.to_owned())
    }

    /// [`Redactor::text`]; none where nothing is to be taken out.
    pub(super) fn plain_text(&self, text: &str, pass: &mut Pass) -> Option<String> {
        let mut lines: Vec<Cow<'_, str>> = Vec::new();
        let mut changed = false;
        for (line, number) in text.split('\n').zip(1..) {
            pass.line(number);
            let clean = self.clean_text(line, None, pass, INNER_JSON);
            changed |= clean.is_some();
            lines.push(clean.map_or_else(|| line.into(), Into::into));
        }
        pass.line(0);
        let mut whole = changed.then(|| lines.join("\n"));
        if lines.len() > 1
            && let Some(clean) = self.clean_plain(whole.as_deref().unwrap_or(text), None, pass)
        {
            whole = Some(clean);
        }
        let clean = self.echoes(whole.as_deref().unwrap_or(text), pass);
        clean.or(whole)
    }

    /// The text without its secrets; none where it has none. `name` is what it stands under.
    pub(super) fn clean_text(
        &self,
        text: &str,
        name: Option<&str>,
        pass: &mut Pass,
        depth: u8,
    ) -> Option<String> {
        if text.len() < SHORTEST {
            return None;
        }
        let start = text.trim_start();
        if start.starts_with(['{', '[', '"'])
            && depth > 0
            && let Ok(mut inner) = serde_json::from_str::<Value>(text)
        {
            let before = pass.hits;
            self.walk(&mut inner, name, pass, depth - 1);
            return (pass.hits > before).then(|| inner.to_string());
        }
        self.clean_plain(text, name, pass)
    }

    /// [`Self::clean_text`] of text that is not JSON.
    pub(super) fn clean_plain(
        &self,
        text: &str,
        name: Option<&str>,
        pass: &mut Pass,
    ) -> Option<String> {
        let mut clean = self.in_rounds(text, name, pass);
        // Replacing takes odd characters away and adds none.
        if Traits::of(text).has(Traits::ODD)
            && let Cow::Owned(visible) = ansi::visible(clean.as_deref().unwrap_or(text))
            && let Some(seen) = self.in_rounds(&visible, name, pass)
        {
            clean = Some(seen);
        }
        clean
    }

    /// What one replacement leaves may be found by another; a text is done when nothing is.
    fn in_rounds(&self, text: &str, name: Option<&str>, pass: &mut Pass) -> Option<String> {
        let mut clean: Option<String> = None;
        for _ in 0..ROUNDS {
            let now = clean.as_deref().unwrap_or(text);
            let edits = settled(self.edits(now, name));
            if edits.is_empty() {
                break;
            }
            for edit in &edits {
                pass.hit(edit, &now[edit.span.clone()]);
            }
            let next = applied(now, &edits);
            clean = Some(next);
        }
        clean
    }

    /// A URL without user info and secret parameters, in its query and in its fragment.
    pub(super) fn clean_url(&self, url: &str, pass: &mut Pass) -> String {
        self.clean_plain(url, None, pass)
            .unwrap_or_else(|| url.to_owned())
    }

    /// Everything to be replaced in a text, in no order.
    fn edits(&self, text: &str, name: Option<&str>) -> Vec<Edit> {
        let mut edits = Vec::new();
        let mut kept = Vec::new();
        let traits = Traits::of(text);
        if traits.has(Traits::COLON) && text.contains("://") {
            self.urls(text, &mut edits, &mut kept);
        } else if traits.has(Traits::EQUALS) && is_form(text) {
            self.pairs(text, 0..text.len(), &mut edits, &mut kept);
        } else if is_relative_url(text) {
            let query = text.find(['?', '#']).map_or(text.len(), |at| at + 1);
            self.pairs(text, query..text.len(), &mut edits, &mut kept);
        }
        if self.rules.has_rules && text.len() >= SHORTEST_FOR_RULES {
            self.rule_edits(text, &mut edits);
            if let Some(name) = name {
                self.named_edits(name, text, &mut edits);
            }
            if traits.has(Traits::PERCENT) {
                self.encoded_edits(text, &mut edits);
            }
        }
        for pattern in &self.rules.patterns {
            pattern.find(text, |span| {
                let secret = &text[span.clone()];
                if !placeholder::is_in(secret) && !self.allows(secret) {
                    let rule = format!("rule:{}", pattern.id);
                    edits.push(self.edit(span, secret, rule, Why::Pattern));
                }
            });
        }
        if self.rules.personal && traits.has(Traits::AT) {
            personal::addresses(text, |span| {
                let put = self.pseudonym_of_address(&text[span.clone()]);
                edits.push(Edit {
                    span,
                    put,
                    rule: "personal:email".to_owned(),
                    why: Why::Person,
                    weak: true,
                });
            });
        }
        if !kept.is_empty() {
            edits.retain(|edit| {
                !kept
                    .iter()
                    .any(|kept| kept.start <= edit.span.start && edit.span.end <= kept.end)
            });
        }
        edits
    }

    fn edit(&self, span: Range<usize>, secret: &str, rule: String, why: Why) -> Edit {
        Edit {
            span,
            put: self.placeholder(secret),
            rule,
            why,
            weak: false,
        }
    }

    fn rule_edits(&self, text: &str, edits: &mut Vec<Edit>) {
        let mut found = Vec::new();
        let mut looked_at = 0;
        RULES.scan(text, &mut found, |stem| {
            // Names are looked at once, whatever parts they have.
            if stem.start < looked_at {
                return;
            }
            let is_secret = |name: &str| self.is_secret_key(name);
            if let Some(found) = assignment::around(text, &stem, is_secret) {
                looked_at = found.value.end;
                let value = &text[found.value.clone()];
                let (scheme, bare) = split_scheme(value);
                let start = found.value.start + scheme.len();
                let trimmed = bare.trim_end();
                if !placeholder::is_in(trimmed) && !self.allows(trimmed) {
                    let name = last_part(&text[found.name]);
                    let rule = format!("key:{}", normalise(name));
                    let why = Why::Key(name.to_owned());
                    edits.push(self.edit(start..start + trimmed.len(), trimmed, rule, why));
                }
            }
        });
        for one in found {
            let secret = &text[one.span.clone()];
            let name = one.name.clone().map(|name| &text[name]);
            if self.is_no_secret(&one, name, secret) {
                continue;
            }
            edits.push(self.edit_of(&one, one.span.clone(), secret));
        }
    }

    /// Secrets that are there only when the text is decoded, as parts of URLs are.
    fn encoded_edits(&self, text: &str, edits: &mut Vec<Edit>) {
        let mut plain = Encoded::of(text, is_form(text));
        for _ in 0..ENCODED {
            let Some(decoded) = plain else { return };
            let mut found = Vec::new();
            self.rule_edits(decoded.text(), &mut found);
            edits.extend(found.into_iter().filter(|edit| !edit.weak).map(|mut edit| {
                let secret = &decoded.text()[edit.span.clone()];
                // No brackets: the URL must stay one that parses.
                edit.put = format!("redacted-{}", self.keyed_hash(secret));
                edit.span = decoded.span(edit.span);
                edit
            }));
            plain = decoded.again();
        }
    }

    fn edit_of(&self, found: &Found<'_>, span: Range<usize>, secret: &str) -> Edit {
        let hundredths = |bits: f64| (bits * 100.0).round() as u32;
        let why = Why::Rule {
            entropy: hundredths(found.entropy),
            floor: hundredths(found.rule.entropy()),
        };
        let mut edit = self.edit(span, secret, format!("rule:{}", found.rule.id()), why);
        edit.weak = found.rule.is_weak();
        edit
    }

    fn is_no_secret(&self, found: &Found<'_>, name: Option<&str>, secret: &str) -> bool {
        let kept = name.is_some_and(|name| {
            self.keeps(name) || found.rule.is_generic() && listed(last_part(name), NEUTRAL)
        });
        kept || placeholder::is_in(secret) || self.allows(secret)
    }

    /// Rules that know a secret by the name before it, for a value that has its name elsewhere.
    fn named_edits(&self, name: &str, text: &str, edits: &mut Vec<Edit>) {
        let fits = |b: u8| {
            b.is_ascii_alphanumeric()
                || matches!(b, b'_' | b'.' | b'=' | b'+' | b'/' | b'~' | b'-' | b':')
        };
        if !(8..=300).contains(&text.len())
            || !text.bytes().all(fits)
            || entropy(text.as_bytes()) < 2.0
        {
            return;
        }
        let joined = format!("{name}=\"{text}\"");
        let before = name.len() + 2;
        let mut found = Vec::new();
        RULES.scan(&joined, &mut found, |_| {});
        for one in found {
            // Some rules count the quotes to the secret.
            let (start, end) = (
                one.span.start.max(before),
                one.span.end.min(joined.len() - 1),
            );
            if !one.rule.is_weak() || start >= end || one.span.start + 1 < before {
                continue;
            }
            let secret = &joined[start..end];
            if !self.is_no_secret(&one, Some(name), secret) {
                edits.push(self.edit_of(&one, start - before..end - before, secret));
            }
        }
    }

    /// The parts of every URL in the text that are secrets, and those that must stay.
    fn urls(&self, text: &str, edits: &mut Vec<Edit>, kept: &mut Vec<Range<usize>>) {
        let mut from = 0;
        for _ in 0..MAX_URLS {
            let Some(at) = text[from..].find("://").map(|at| from + at) else {
                break;
            };
            let end = text[at + 3..]
                .find(|c: char| c.is_whitespace() || matches!(c, '"' | '\'' | '<' | '>' | '`'))
                .map_or(text.len(), |length| at + 3 + length);
            self.url_edits(text, at + 3..end, edits, kept);
            from = end;
        }
    }

    /// What follows `://` of one URL.
    fn url_edits(
        &self,
        text: &str,
        rest: Range<usize>,
        edits: &mut Vec<Edit>,
        kept: &mut Vec<Range<usize>>,
    ) {
        let url = &text[rest.clone()];
        let host_end = url.find(['/', '?', '#']).unwrap_or(url.len());
        if let Some(at) = url[..host_end].rfind('@') {
            let user_info = &url[..at];
            let done = user_info
                .strip_prefix("redacted-")
                .is_some_and(placeholder::is_hash);
            let is_example = EXAMPLES.contains(&user_info);
            if !done && !is_example && !user_info.is_empty() && !self.allows(user_info) {
                edits.push(Edit {
                    span: rest.start..rest.start + at,
                    // No brackets or colons here: the URL must stay one that parses.
                    put: format!("redacted-{}", self.keyed_hash(user_info)),
                    rule: "url:userinfo".to_owned(),
                    why: Why::UserInfo,
                    weak: false,
                });
            }
        }
        if let Some(query) = url.find(['?', '#']) {
            self.pairs(text, rest.start + query + 1..rest.end, edits, kept);
        }
    }

    /// `name=value` pairs between ampersands; browsers' sign-in flows hand tokens over in the
    /// fragment too.
    fn pairs(
        &self,
        text: &str,
        within: Range<usize>,
        edits: &mut Vec<Edit>,
        kept: &mut Vec<Range<usize>>,
    ) {
        let mut at = within.start;
        for pair in text[within].split(['&', '#']) {
            let start = at;
            at += pair.len() + 1;
            let Some((name, value)) = pair.split_once('=') else {
                continue;
            };
            let span = start + name.len() + 1..start + pair.len();
            let (name, index) = (name.rsplit(['?', '\n']).next().unwrap_or(name), name);
            if self.keeps(name) || self.keeps(index) {
                kept.push(span);
                continue;
            }
            if !self.is_secret_parameter(name) {
                continue;
            }
            let (scheme, bare) = split_scheme(value);
            if bare.trim().is_empty() || placeholder::is_one(bare) || self.allows(bare) {
                continue;
            }
            let rule = format!("key:{}", normalise(last_part(name)));
            let why = Why::Parameter(name.to_owned());
            edits.push(self.edit(span.start + scheme.len()..span.end, bare, rule, why));
        }
    }
}

/// Which bytes stand in a text: most texts have none that need a closer look.
#[derive(Clone, Copy)]
struct Traits(u8);

impl Traits {
    const EQUALS: u8 = 1;
    const COLON: u8 = 2;
    const AT: u8 = 4;
    /// Of terminal sequences, or of no ASCII character.
    const ODD: u8 = 8;
    const PERCENT: u8 = 16;

    const TABLE: [u8; 256] = {
        let mut table = [0; 256];
        table[b'=' as usize] = Self::EQUALS;
        table[b':' as usize] = Self::COLON;
        table[b'@' as usize] = Self::AT;
        table[b'%' as usize] = Self::PERCENT;
        table[0x1b] = Self::ODD;
        table[0x08] = Self::ODD;
        let mut byte = 0x80;
        while byte < 256 {
            table[byte] = Self::ODD;
            byte += 1;
        }
        table
    };

    fn of(text: &str) -> Self {
        let bytes = text.bytes();
        Self(bytes.fold(0, |traits, byte| traits | Self::TABLE[usize::from(byte)]))
    }

    fn has(self, which: u8) -> bool {
        self.0 & which != 0
    }
}

/// Whether a text is a form as browsers send it: pairs and nothing else.
fn is_form(text: &str) -> bool {
    !text.contains(char::is_whitespace)
        && text.split('&').all(|pair| {
            pair.split_once('=').is_some_and(|(name, _)| {
                !name.is_empty()
                    && name.bytes().all(|b| {
                        b.is_ascii_alphanumeric()
                            || matches!(b, b'_' | b'-' | b'.' | b'[' | b']' | b'%' | b'+')
                    })
            })
        })
}

/// A path with a query, as request lines and routers have it.
fn is_relative_url(text: &str) -> bool {
    text.starts_with('/') && text.contains(['?', '#']) && !text.contains(char::is_whitespace)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn redactor() -> Redactor {
        Redactor::new([7; 32], ["page_token"])
    }

    #[test]
    fn urls_lose_user_info_and_secret_parameters_only() {
        let mut counts = RedactionCounts::new();
        let url = redactor().url(
            "https://u:p@h.example/x?page=2&access_token=t&page_token=k#id_token=t2",
            &mut counts,
        );
        let (t, t2) = (redactor().placeholder("t"), redactor().placeholder("t2"));
        let user = redactor().keyed_hash("u:p");
        assert_eq!(
            url,
            format!(
                "https://redacted-{user}@h.example/x?page=2&access_token={t}&page_token=k#id_token={t2}"
            )
        );
    }

    #[test]
    fn forms_and_urls_inside_text_are_looked_into() {
        let check = |text: &str| {
            redactor()
                .clean_text(text, None, &mut Pass::default(), 4)
                .unwrap_or_else(|| "same".to_owned())
        };
        let s = redactor().placeholder("s");
        assert_eq!(
            check("grant_type=x&client_secret=s"),
            format!("grant_type=x&client_secret={s}")
        );
        assert_eq!(
            check("see «https://h.example/?sig=s» and http://b.example/"),
            "see «https://h.example/?sig=".to_owned()
                + &redactor().placeholder("s»")
                + " and http://b.example/"
        );
        assert_eq!(check("a = b, password is not a form"), "same");
        assert_eq!(check("https://h.example/?q=password"), "same");
        assert_eq!(check("/x?sig=s"), format!("/x?sig={s}"));
    }
}
