//! GitHub's search qualifiers for issues.

use jiff::{SignedDuration, Timestamp};

use super::access::association;
use super::issue_lists::time;
use super::pulls::qualifiers;
use super::render;
use super::tables::{COMMENTS, COMMENTS_BY_ISSUE, ISSUES, REPOS, comment, issue, owner_of, repo};
use crate::engine::key::same;
use crate::engine::root::Root;
use crate::engine::row::Row;

/// Words beyond this many are ignored, as GitHub refuses longer queries.
const MOST_TERMS: usize = 64;

/// A parsed search.
pub(super) struct Query {
    terms: Vec<Term>,
    scopes: Vec<String>,
}

/// One term; it must hold, or must not.
struct Term {
    negated: bool,
    what: What,
}

enum What {
    Word(String),
    Qualifier {
        name: String,
        value: String,
    },
    /// Any of several labels.
    Labels(Vec<String>),
}

impl Query {
    /// Reads a search; `@me` stands for `login`.
    pub(super) fn parse(text: &str, login: Option<&str>) -> Self {
        let mut terms = Vec::new();
        let mut scopes = Vec::new();
        for word in words(text).into_iter().take(MOST_TERMS) {
            let Word { raw, quoted, .. } = word;
            let word = word.text;
            let (negated, word) = match word.strip_prefix('-') {
                Some(rest) if !rest.is_empty() && !quoted => (true, rest.to_owned()),
                _ => (false, word),
            };
            if !quoted && matches!(word.as_str(), "AND" | "OR" | "NOT") {
                continue;
            }
            let what = match word.split_once(':') {
                Some(("label", value)) if !quoted && !value.is_empty() => {
                    What::Labels(listed(raw.split_once(':').map_or("", |(_, value)| value)))
                }
                Some((name, value)) if !quoted && is_qualifier(name) && !value.is_empty() => {
                    let value = match (value, login) {
                        ("@me", Some(login)) => login,
                        (value, _) => value,
                    };
                    if name == "in" {
                        scopes.extend(value.split(',').map(str::to_owned));
                        continue;
                    }
                    What::Qualifier {
                        name: name.to_owned(),
                        value: value.to_owned(),
                    }
                }
                _ => What::Word(word.to_lowercase()),
            };
            terms.push(Term { negated, what });
        }
        Self { terms, scopes }
    }

    /// The repositories it names and must be able to see.
    pub(super) fn named_repos(&self) -> impl Iterator<Item = &str> {
        self.values("repo")
    }

    /// The sort in the search itself, `sort:updated-desc`.
    pub(super) fn sort(&self) -> Option<&str> {
        let sort = self.values("sort").next()?;
        Some(sort.split_once('-').map_or(sort, |(sort, _)| sort))
    }

    /// Whether the sort in the search itself ascends.
    pub(super) fn ascending(&self) -> bool {
        self.values("sort").any(|sort| sort.ends_with("-asc"))
    }

    fn values(&self, of: &str) -> impl Iterator<Item = &str> {
        self.terms.iter().filter_map(move |term| match &term.what {
            What::Qualifier { name, value } if name == of && !term.negated => Some(value.as_str()),
            _ => None,
        })
    }

    /// Whether an issue is found.
    pub(super) fn shows(&self, root: &Root, row: &Row) -> bool {
        // Several repositories, owners or kinds widen the search, all else narrows it.
        let any_of = |names: &[&str]| {
            let mut any = false;
            let mut found = false;
            for term in &self.terms {
                if let What::Qualifier { name, value } = &term.what
                    && !term.negated
                    && names.contains(&name.as_str())
                {
                    any = true;
                    found |= qualifies(root, row, name, value);
                }
            }
            !any || found
        };
        any_of(&["repo", "user", "org"])
            && self.terms.iter().all(|term| {
                let holds = match &term.what {
                    What::Word(word) => self.says(root, row, word),
                    What::Qualifier { name, .. }
                        if !term.negated && matches!(name.as_str(), "repo" | "user" | "org") =>
                    {
                        return true;
                    }
                    What::Qualifier { name, .. } if name == "sort" => return true,
                    What::Qualifier { name, value } => qualifies(root, row, name, value),
                    What::Labels(any) => any
                        .iter()
                        .any(|label| row.texts(issue::LABELS).any(|one| same(one, label))),
                };
                holds != term.negated
            })
    }

    /// How well an issue fits: a word in the title weighs more than one in the body.
    pub(super) fn hits(&self, row: &Row) -> i64 {
        let title = row.text(issue::TITLE).to_lowercase();
        let words = self.terms.iter().filter_map(|term| match &term.what {
            What::Word(word) if !term.negated => Some(word),
            _ => None,
        });
        words.map(|word| i64::from(title.contains(word))).sum()
    }

    fn says(&self, root: &Root, row: &Row, word: &str) -> bool {
        let looks = |at: &str| self.scopes.is_empty() || self.scopes.iter().any(|one| one == at);
        let has = |text: &str| text.to_lowercase().contains(word);
        (looks("title") && has(row.text(issue::TITLE)))
            || (looks("body") && has(row.text(issue::BODY)))
            || (looks("comments") && comments(root, row).any(|one| has(one.text(comment::BODY))))
    }
}

fn comments<'r>(root: &'r Root, row: &Row) -> impl Iterator<Item = &'r Row> + use<'r> {
    let key = root.key(ISSUES, row);
    root.group(COMMENTS, COMMENTS_BY_ISSUE, &key)
        .into_iter()
        .flat_map(|rows| rows.values())
        .map(AsRef::as_ref)
}

fn is_qualifier(name: &str) -> bool {
    if qualifiers::is_qualifier(name) {
        return true;
    }
    matches!(
        name,
        "archived"
            | "assignee"
            | "author"
            | "author-association"
            | "closed"
            | "commenter"
            | "comments"
            | "created"
            | "in"
            | "involves"
            | "is"
            | "mentions"
            | "milestone"
            | "no"
            | "org"
            | "reason"
            | "repo"
            | "sort"
            | "state"
            | "type"
            | "updated"
            | "user"
    )
}

fn qualifies(root: &Root, row: &Row, name: &str, value: &str) -> bool {
    let of_repo = |column: usize| {
        root.named(REPOS, row.text(issue::REPO))
            .is_some_and(|row| row.bool(column))
    };
    let commented =
        |login: &str| comments(root, row).any(|one| same(one.text(comment::USER), login));
    let assigned = |login: &str| row.texts(issue::ASSIGNEES).any(|one| same(one, login));
    let wrote = |login: &str| same(row.text(issue::USER), login);
    let mentions = |login: &str| {
        let mention = format!("@{}", login.to_lowercase());
        row.text(issue::BODY).to_lowercase().contains(&mention)
    };
    let state = row.text(issue::STATE);
    match name {
        "repo" => same(row.text(issue::REPO), value),
        "user" | "org" => same(owner_of(row.text(issue::REPO)), value),
        "state" => state == value.to_lowercase(),
        "is" | "type" => match value.to_lowercase().as_str() {
            value if qualifiers::is(root, row, value).is_some() => {
                qualifiers::is(root, row, value) == Some(true)
            }
            "open" => state == "open",
            "closed" => state == "closed",
            "public" => !of_repo(repo::PRIVATE),
            "private" => of_repo(repo::PRIVATE),
            "locked" => row.bool(issue::LOCKED),
            "unlocked" => !row.bool(issue::LOCKED),
            // Queues: nothing is in one.
            _ => false,
        },
        "archived" => of_repo(repo::ARCHIVED) == (value == "true"),
        "author" => wrote(value),
        "author-association" => root
            .named(REPOS, row.text(issue::REPO))
            .is_some_and(|repo| same(association(root, repo, row.text(issue::USER)), value)),
        "assignee" if value == "*" => row.texts(issue::ASSIGNEES).next().is_some(),
        "assignee" => assigned(value),
        "commenter" => commented(value),
        "mentions" => mentions(value),
        "involves" => wrote(value) || assigned(value) || commented(value) || mentions(value),
        "no" => match value {
            "label" => row.texts(issue::LABELS).next().is_none(),
            "assignee" => row.texts(issue::ASSIGNEES).next().is_none(),
            "milestone" | "project" => true,
            _ => false,
        },
        "milestone" => false,
        "reason" => {
            let reason = value.replace(' ', "_");
            same(row.text(issue::STATE_REASON), &reason)
        }
        "comments" => within(value, |text| text.parse().ok().map(|n: i64| (n, n)), {
            render::issue::comments(root, row)
        }),
        "created" => within(value, span, row.seconds(issue::CREATED_AT)),
        "updated" => within(value, span, row.seconds(issue::UPDATED_AT)),
        "closed" => row
            .time(issue::CLOSED_AT)
            .is_some_and(|closed| within(value, span, closed.at.as_second())),
        name if qualifiers::is_qualifier(name) => {
            qualifiers::holds(root, row, name, value, |at| within(value, span, at))
        }
        _ => false,
    }
}

/// The first and last second that a date or time means.
fn span(text: &str) -> Option<(i64, i64)> {
    let from: Timestamp = time(text)?;
    let day = text.len() == "2026-01-02".len();
    let length = SignedDuration::from_secs(if day { 86_399 } else { 0 });
    Some((from.as_second(), from.checked_add(length).ok()?.as_second()))
}

/// Whether `value` lies in a range: `>a`, `>=a`, `<a`, `<=a`, `a..b` with `*` for no end, `a`.
fn within(range: &str, read: impl Fn(&str) -> Option<(i64, i64)>, value: i64) -> bool {
    let holds = |rest: &str, test: fn(i64, (i64, i64)) -> bool| {
        read(rest).is_some_and(|bound| test(value, bound))
    };
    if let Some(rest) = range.strip_prefix(">=") {
        holds(rest, |value, (first, _)| value >= first)
    } else if let Some(rest) = range.strip_prefix('>') {
        holds(rest, |value, (_, last)| value > last)
    } else if let Some(rest) = range.strip_prefix("<=") {
        holds(rest, |value, (_, last)| value <= last)
    } else if let Some(rest) = range.strip_prefix('<') {
        holds(rest, |value, (first, _)| value < first)
    } else if let Some((from, to)) = range.split_once("..") {
        (from == "*" || holds(from, |value, (first, _)| value >= first))
            && (to == "*" || holds(to, |value, (_, last)| value <= last))
    } else {
        holds(range, |value, (first, last)| {
            (first..=last).contains(&value)
        })
    }
}

/// A word of a search.
#[derive(Debug, Default, PartialEq)]
struct Word {
    /// The word without its quotes.
    text: String,
    /// The word as it was written.
    raw: String,
    /// Whether the whole word was quoted.
    quoted: bool,
}

/// The words of a search; quotes keep words together and are dropped. Between quotes a backslash
/// takes a quote or a backslash as it is.
fn words(text: &str) -> Vec<Word> {
    let mut out = Vec::new();
    let mut word = Word::default();
    let mut inside = false;
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '\\' if inside && chars.peek().is_some_and(|next| matches!(next, '"' | '\\')) => {
                word.raw.push(c);
                let escaped = chars.next();
                word.raw.extend(escaped);
                word.text.extend(escaped);
            }
            '"' => {
                word.quoted |= !inside && word.text.is_empty();
                word.raw.push(c);
                inside = !inside;
            }
            c if c.is_whitespace() && !inside => {
                let ended = std::mem::take(&mut word);
                if !ended.text.is_empty() {
                    out.push(ended);
                }
            }
            c => {
                word.raw.push(c);
                word.text.push(c);
            }
        }
    }
    if !word.text.is_empty() {
        out.push(word);
    }
    out
}

/// The values of a list, `a,"b, c"`: a comma between quotes belongs to its value.
fn listed(raw: &str) -> Vec<String> {
    let mut out = vec![String::new()];
    let mut inside = false;
    let mut chars = raw.chars().peekable();
    while let Some(c) = chars.next() {
        let escaped = (c == '\\' && inside)
            .then(|| chars.next_if(|next| matches!(next, '"' | '\\')))
            .flatten();
        match (c, escaped) {
            ('"', _) => inside = !inside,
            (',', _) if !inside => out.push(String::new()),
            (c, escaped) => {
                if let Some(last) = out.last_mut() {
                    last.push(escaped.unwrap_or(c));
                }
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_keep_quotes_together() {
        let told: Vec<(String, bool)> =
            words(r#"repo:a/b label:"good first issue" "two words" x "a \" b""#)
                .into_iter()
                .map(|word| (word.text, word.quoted))
                .collect();
        assert_eq!(
            told,
            [
                ("repo:a/b".to_owned(), false),
                ("label:good first issue".to_owned(), false),
                ("two words".to_owned(), true),
                ("x".to_owned(), false),
                ("a \" b".to_owned(), true)
            ]
        );
        assert_eq!(
            listed(r#"bug,"a, b","c\" is:closed","d\\""#),
            ["bug", "a, b", "c\" is:closed", "d\\"]
        );
    }

    #[test]
    fn ranges_have_whole_days() {
        let noon = |text: &str| {
            format!("{text}T12:00:00Z")
                .parse::<Timestamp>()
                .expect("valid")
        };
        let on = |range: &str| within(range, span, noon("2026-01-02").as_second());
        for range in [
            "2026-01-02",
            ">2026-01-01",
            ">=2026-01-02",
            "<2026-01-03",
            "<=2026-01-02",
            "2026-01-01..2026-01-02",
            "*..2026-01-02",
            "2026-01-02..*",
            "<2026-01-02T13:00:00Z",
        ] {
            assert!(on(range), "{range}");
        }
        for range in [
            ">2026-01-02",
            "<2026-01-02",
            "2026-01-03",
            "rubbish",
            "<",
            "",
        ] {
            assert!(!on(range), "{range}");
        }
    }
}
