//! The secret rules: data, one search for all their keywords, and each rule's expression
//! compiled when its keyword is first seen.
//!
//! `published.json` holds gitleaks' rules, `own.json` those added here; `docs/redaction.md` says
//! what was changed. A rule is tried only where one of its keywords stands, so text without
//! keywords costs one pass of an automaton.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::{LazyLock, OnceLock};

use aho_corasick::{AhoCorasick, AhoCorasickKind};
use regex::bytes::{Regex, RegexBuilder};
use serde::Deserialize;

use super::keys::STEMS;

/// Compiled without Unicode classes the largest rule needs a fraction of this.
const SIZE_LIMIT: usize = 16 << 20;
/// How many of the last finds may be the same as the next.
const LAST: usize = 16;
/// How far left of a keyword the name it is part of may begin.
const LONGEST_NAME: usize = 50;

/// The rules in force for everybody.
pub(super) static RULES: LazyLock<Rules> = LazyLock::new(Rules::read);

/// Where a match of a rule stands in relation to its keyword.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Shape {
    /// It begins with the keyword.
    Start,
    /// The keyword is part of a name, then comes `=`, `:` or the like, then the secret.
    Assignment,
    /// Anywhere.
    Free,
}

#[derive(Debug, Deserialize)]
struct Document {
    rules: Vec<RuleData>,
}

/// A rule as it is written down.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct RuleData {
    id: String,
    shape: Shape,
    regex: String,
    keywords: Vec<String>,
    /// Shannon entropy in bits a byte; what has no more is no secret.
    #[serde(default)]
    entropy: f64,
    /// The group that is the secret; else the first that took part, else the whole match.
    secret_group: Option<usize>,
    /// Whether a word must begin with the match.
    #[serde(default)]
    boundary: bool,
    /// How many bytes without space or quote a match has at least.
    #[serde(default)]
    least: usize,
    /// Texts that must stand anywhere, lower case.
    #[serde(default)]
    needs: Vec<String>,
    #[serde(default)]
    allow: Vec<AllowData>,
}

/// What makes a match no secret.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct AllowData {
    target: Target,
    #[serde(default)]
    regexes: Vec<String>,
    /// Words that, anywhere in the secret, make it none.
    #[serde(default)]
    stopwords: Vec<String>,
}

#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Target {
    Secret,
    Match,
    Line,
}

/// A rule in force.
#[derive(Debug)]
pub(super) struct Rule {
    data: RuleData,
    compiled: OnceLock<Option<Compiled>>,
}

#[derive(Debug)]
struct Compiled {
    regex: Regex,
    allow: Vec<(Target, Vec<Regex>, Option<AhoCorasick>)>,
}

/// What a keyword calls for.
#[derive(Debug, Clone, Copy)]
enum Use {
    Rule(usize),
    /// It is part of a name that may be a secret key.
    Stem,
}

/// All rules.
#[derive(Debug)]
pub(super) struct Rules {
    rules: Vec<Rule>,
    keywords: Option<AhoCorasick>,
    uses: Vec<Vec<Use>>,
    /// Values that stand for a value: variables, placeholders of templates, paths.
    templates: LazyLock<Vec<Regex>>,
}

/// A secret that a rule found.
#[derive(Debug, Clone)]
pub(super) struct Found<'a> {
    pub(super) rule: &'a Rule,
    pub(super) span: Range<usize>,
    /// The name that the keyword is part of, for an assignment.
    pub(super) name: Option<Range<usize>>,
    pub(super) entropy: f64,
}

impl Rule {
    pub(super) fn id(&self) -> &str {
        &self.data.id
    }

    /// The floor, 0 for none.
    pub(super) fn entropy(&self) -> f64 {
        self.data.entropy
    }

    /// Whether it knows the secret only by the name before it.
    pub(super) fn is_weak(&self) -> bool {
        self.data.shape == Shape::Assignment
    }

    /// Whether it knows no service, only that a name sounds like a secret.
    pub(super) fn is_generic(&self) -> bool {
        self.data.id == "generic-api-key"
    }

    #[cfg(test)]
    pub(super) fn shape(&self) -> Shape {
        self.data.shape
    }

    #[cfg(test)]
    pub(super) fn keywords(&self) -> impl Iterator<Item = &str> {
        self.data.keywords.iter().map(String::as_str)
    }

    #[cfg(test)]
    pub(super) fn group(&self) -> Option<usize> {
        self.data.secret_group
    }

    #[cfg(test)]
    pub(super) fn expression(&self) -> &str {
        &self.data.regex
    }

    #[cfg(test)]
    pub(super) fn is_compiled(&self) -> bool {
        self.compiled().is_some()
    }

    /// Whether anything may stand between its keyword and the secret.
    fn is_command(&self) -> bool {
        self.data.id.starts_with("curl-")
    }

    /// How far from its keyword a secret may end.
    fn reach(&self) -> usize {
        match self.data.id.as_str() {
            "private-key" | "private-key-cut" => 128 << 10,
            _ if self.is_command() => 4 << 10,
            _ => 16 << 10,
        }
    }

    fn compiled(&self) -> Option<&Compiled> {
        self.compiled
            .get_or_init(|| {
                let regex = match self.data.shape {
                    Shape::Free => compile(&self.data.regex)?,
                    Shape::Start | Shape::Assignment => {
                        compile(&format!(r"\A(?:{})", self.data.regex))?
                    }
                };
                let allow = self
                    .data
                    .allow
                    .iter()
                    .map(|allow| {
                        let regexes = allow.regexes.iter().map(|one| compile(one));
                        let words = (!allow.stopwords.is_empty())
                            .then(|| automaton(&allow.stopwords))
                            .flatten();
                        Some((allow.target, regexes.collect::<Option<_>>()?, words))
                    })
                    .collect::<Option<_>>()?;
                Some(Compiled { regex, allow })
            })
            .as_ref()
    }
}

/// Names and secrets are ASCII; without Unicode classes expressions are a tenth of the size.
fn compile(regex: &str) -> Option<Regex> {
    RegexBuilder::new(regex)
        .unicode(false)
        .size_limit(SIZE_LIMIT)
        .build()
        .ok()
}

fn automaton(words: &[impl AsRef<[u8]>]) -> Option<AhoCorasick> {
    AhoCorasick::builder()
        .ascii_case_insensitive(true)
        .kind(Some(AhoCorasickKind::DFA))
        .build(words)
        .ok()
}

/// Text that stands where a secret will be put in, and names of files.
const TEMPLATES: &[&str] = &[
    r"^(?i:true|false|null|none|undefined)$",
    r"^(?i:a+|b+|c+|d+|e+|f+|g+|h+|i+|j+|k+|l+|m+|n+|o+|p+|q+|r+|s+|t+|u+|v+|w+|x+|y+|z+|\*+|\.+)$",
    r"^\$(?:\d+|\{\d+\}|[A-Z_]+|[a-z_]+|\{(?:[A-Z_]+|[a-z_]+)\})$",
    r"^\$?\{\{[ \t]*[\w ().|&'/=]+[ \t]*\}\}$",
    r"^%(?:[A-Z_]+|[a-z_]+)%$",
    r"^@(?:[A-Z_]+|[a-z_]+)@$",
    r"^/(?:bin|etc|home|opt|tmp|usr|var|Users)/[\w ./-]+$",
];

impl Rules {
    fn read() -> Self {
        let documents = [include_str!("own.json"), include_str!("published.json")];
        let rules: Vec<Rule> = documents
            .iter()
            // A test reads both; a document that cannot be read has no rules.
            .flat_map(|text| {
                serde_json::from_str::<Document>(text)
                    .map_or_else(|_| Vec::new(), |document| document.rules)
            })
            .map(|data| Rule {
                data,
                compiled: OnceLock::new(),
            })
            .collect();
        let mut uses: BTreeMap<&str, Vec<Use>> = BTreeMap::new();
        for (at, rule) in rules.iter().enumerate() {
            for keyword in &rule.data.keywords {
                uses.entry(keyword).or_default().push(Use::Rule(at));
            }
        }
        for stem in STEMS {
            uses.entry(stem).or_default().push(Use::Stem);
        }
        let keywords = automaton(&uses.keys().collect::<Vec<_>>());
        let uses = uses.into_values().collect();
        Self {
            rules,
            keywords,
            uses,
            templates: LazyLock::new(|| TEMPLATES.iter().filter_map(|one| compile(one)).collect()),
        }
    }

    #[cfg(test)]
    pub(super) fn all(&self) -> impl Iterator<Item = &Rule> {
        self.rules.iter()
    }

    /// What the rules find, in no order; `stem` is called for each part of a name that may be
    /// one of a secret.
    pub(super) fn scan<'a>(
        &'a self,
        text: &str,
        found: &mut Vec<Found<'a>>,
        mut stem: impl FnMut(Range<usize>),
    ) {
        let Some(keywords) = &self.keywords else {
            return;
        };
        let mut free: Vec<usize> = Vec::new();
        // Up to where a rule need not be tried again: hostile text could make it read the same
        // over and over.
        let mut done: Vec<(usize, usize)> = Vec::new();
        for hit in keywords.find_overlapping_iter(text) {
            for one in &self.uses[hit.pattern().as_usize()] {
                let at = match one {
                    Use::Stem => {
                        stem(hit.range());
                        continue;
                    }
                    Use::Rule(at) => *at,
                };
                let rule = &self.rules[at];
                match rule.data.shape {
                    Shape::Start if may_start(text, hit.start(), &rule.data) => {
                        let known = done.iter_mut().find(|(of, _)| *of == at);
                        if known
                            .as_ref()
                            .is_some_and(|(_, until)| hit.start() < *until)
                        {
                            continue;
                        }
                        let until = self.try_at(rule, text, hit.start(), found);
                        match known {
                            Some(known) => known.1 = until,
                            None => done.push((at, until)),
                        }
                    }
                    Shape::Assignment if assigns(text, hit.end()) => {
                        self.try_at(rule, text, hit.start(), found);
                    }
                    Shape::Free if !free.contains(&at) => free.push(at),
                    Shape::Start | Shape::Assignment | Shape::Free => {}
                }
            }
        }
        for at in free {
            self.search(&self.rules[at], text, found);
        }
    }

    /// Whether a name has a part by which a rule may know the secret under it.
    pub(super) fn may_name(&self, name: &str) -> bool {
        let Some(keywords) = &self.keywords else {
            return false;
        };
        keywords.find_overlapping_iter(name).any(|hit| {
            self.uses[hit.pattern().as_usize()].iter().any(|one| {
                matches!(one, Use::Rule(at) if self.rules[*at].data.shape == Shape::Assignment)
            })
        })
    }

    /// Whether a value is one that only stands for a secret.
    pub(super) fn is_template(&self, value: &str) -> bool {
        self.templates
            .iter()
            .any(|template| template.is_match(value.as_bytes()))
    }

    /// Tries a rule at a keyword; up to where it need not be tried again.
    fn try_at<'a>(
        &'a self,
        rule: &'a Rule,
        text: &str,
        at: usize,
        found: &mut Vec<Found<'a>>,
    ) -> usize {
        let Some(compiled) = rule.compiled() else {
            return text.len();
        };
        let end = text.len().min(at + rule.reach());
        let Some(captures) = compiled.regex.captures(&text.as_bytes()[at..end]) else {
            if !rule.is_command() {
                return at;
            }
            // From further right in the same line a command has nothing more to offer.
            let line = text.as_bytes()[at..end].iter().position(|b| *b == b'\n');
            return at + line.unwrap_or(rule.reach() / 2);
        };
        let (secret, is_group) = secret_of(&captures, rule.data.secret_group);
        let mut span = at + secret.start..at + secret.end;
        if !is_group || span.end == end {
            // Never leave the tail of a token that is longer than the rule knows.
            let tail = text.as_bytes()[span.end..].iter();
            span.end += tail.take_while(|b| is_word(**b)).count();
        }
        let whole_end = captures.get(0).map_or(span.end, |whole| at + whole.end());
        let start = match rule.data.shape {
            Shape::Assignment => at - name_before(text, at),
            Shape::Start | Shape::Free => at,
        };
        let name = (rule.data.shape == Shape::Assignment).then(|| {
            let rest = text.as_bytes()[at..].iter();
            let rest = rest.take(LONGEST_NAME * 2);
            start..at + rest.take_while(|b| is_name(**b)).count()
        });
        let until = span.end;
        self.keep(rule, compiled, text, span, start..whole_end, name, found);
        until
    }

    fn search<'a>(&'a self, rule: &'a Rule, text: &str, found: &mut Vec<Found<'a>>) {
        if !rule.data.needs.iter().all(|needed| contains(text, needed)) {
            return;
        }
        let Some(compiled) = rule.compiled() else {
            return;
        };
        for captures in compiled.regex.captures_iter(text.as_bytes()) {
            let (span, _) = secret_of(&captures, rule.data.secret_group);
            let whole = captures.get(0).map_or(span.clone(), |whole| whole.range());
            self.keep(rule, compiled, text, span, whole, None, found);
        }
    }

    #[expect(clippy::too_many_arguments, reason = "all of one match")]
    fn keep<'a>(
        &'a self,
        rule: &'a Rule,
        compiled: &Compiled,
        text: &str,
        mut span: Range<usize>,
        whole: Range<usize>,
        name: Option<Range<usize>>,
        found: &mut Vec<Found<'a>>,
    ) {
        // Byte expressions may end inside a character.
        while !text.is_char_boundary(span.start) {
            span.start -= 1;
        }
        while !text.is_char_boundary(span.end) {
            span.end += 1;
        }
        let secret = &text.as_bytes()[span.clone()];
        let entropy = entropy(secret);
        if secret.is_empty() || (rule.data.entropy > 0.0 && entropy <= rule.data.entropy) {
            return;
        }
        let is_known = found
            .iter()
            .rev()
            .take(LAST)
            .any(|known| known.span == span && std::ptr::eq(known.rule, rule));
        if is_known || self.is_template(&text[span.clone()]) {
            return;
        }
        let allowed = compiled.allow.iter().any(|(target, regexes, words)| {
            let bytes = match target {
                Target::Secret => secret,
                Target::Match => &text.as_bytes()[whole.clone()],
                Target::Line => line_around(text.as_bytes(), &whole),
            };
            regexes.iter().any(|regex| regex.is_match(bytes))
                || words.as_ref().is_some_and(|words| words.is_match(secret))
        });
        if !allowed {
            found.push(Found {
                rule,
                span,
                name,
                entropy,
            });
        }
    }
}

/// The group that is the secret, and whether it is one.
fn secret_of(captures: &regex::bytes::Captures<'_>, group: Option<usize>) -> (Range<usize>, bool) {
    let chosen = match group {
        Some(group) => captures.get(group),
        None => captures
            .iter()
            .skip(1)
            .flatten()
            .find(|one| !one.is_empty()),
    };
    let whole = captures.get(0).map_or(0..0, |whole| whole.range());
    chosen.map_or((whole, false), |chosen| (chosen.range(), true))
}

/// Whether a match can begin at a keyword: at the beginning of a word, and long enough.
fn may_start(text: &str, at: usize, rule: &RuleData) -> bool {
    let bytes = text.as_bytes();
    if rule.boundary && at > 0 && is_word(bytes[at - 1]) {
        return false;
    }
    bytes.len() - at >= rule.least
        && bytes[at..at + rule.least]
            .iter()
            .all(|b| !matches!(b, 0..=b' ' | b'"' | b'\'' | b'`'))
}

/// Whether `=`, `:` or the like follows, with no more between than the rules have.
fn assigns(text: &str, end: usize) -> bool {
    let rest = &text.as_bytes()[end..];
    for byte in rest.iter().take(24) {
        match byte {
            b'=' | b':' | b'>' | b'|' | b'?' | b',' => return true,
            b'"' | b'\'' | b'\n' | b'\r' => {}
            b if is_name(*b) || matches!(b, b' ' | b'\t') => {}
            _ => return false,
        }
    }
    false
}

/// How many bytes before `at` belong to the same name.
fn name_before(text: &str, at: usize) -> usize {
    let before = text.as_bytes()[..at].iter().rev();
    before
        .take(LONGEST_NAME)
        .take_while(|b| is_name(**b))
        .count()
}

fn line_around<'a>(bytes: &'a [u8], span: &Range<usize>) -> &'a [u8] {
    let start = bytes[..span.start]
        .iter()
        .rposition(|b| *b == b'\n')
        .map_or(0, |at| at + 1);
    let rest = &bytes[span.end..];
    let end = rest.iter().position(|b| *b == b'\n').unwrap_or(rest.len());
    &bytes[start..span.end + end]
}

pub(super) fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}

pub(super) fn is_name(byte: u8) -> bool {
    is_word(byte) || matches!(byte, b'.' | b'-')
}

/// Whether `text` contains the lower-case `needle` in any case.
fn contains(text: &str, needle: &str) -> bool {
    text.as_bytes()
        .windows(needle.len())
        .any(|window| window.eq_ignore_ascii_case(needle.as_bytes()))
}

/// Shannon entropy in bits a byte.
pub(super) fn entropy(bytes: &[u8]) -> f64 {
    let mut counts = [0_u32; 256];
    for byte in bytes {
        counts[usize::from(*byte)] += 1;
    }
    let length = bytes.len() as f64;
    counts
        .iter()
        .filter(|count| **count > 0)
        .map(|count| f64::from(*count) / length)
        .map(|share| -share * share.log2())
        .sum()
}
