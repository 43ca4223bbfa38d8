//! The language of searches, the same for every kind of thing: words, quoted phrases, qualifiers,
//! `AND`, `OR`, `NOT` and parentheses.

use super::too_many_operators;
use crate::engine::pack::Refusal;

/// GitHub takes no more operators than this.
const MOST_OPERATORS: usize = 5;
/// Terms beyond this many are ignored, as GitHub refuses longer searches.
const MOST_TERMS: usize = 64;

/// A parsed search.
#[derive(Debug)]
pub(super) struct Query {
    expression: Expression,
    /// What `in:` names.
    pub scopes: Vec<String>,
    /// What `sort:` names.
    sort: Option<String>,
}

/// What must hold of a thing for it to be found.
#[derive(Debug, PartialEq)]
enum Expression {
    All(Vec<Expression>),
    Any(Vec<Expression>),
    Not(Box<Expression>),
    Term(Term),
}

/// One term.
#[derive(Debug, PartialEq)]
pub(super) enum Term {
    /// A word or a phrase, lower case.
    Word(String),
    /// `name:value`; several values where a list was given.
    Qualifier {
        /// The name, lower case.
        name: String,
        /// The values: any of them.
        values: Vec<String>,
    },
}

impl Query {
    /// Reads a search; `@me` stands for `login`, and `is_qualifier` says which names are
    /// qualifiers: what else stands before a colon is part of a word.
    pub(super) fn parse(
        text: &str,
        login: Option<&str>,
        is_qualifier: fn(&str) -> bool,
    ) -> Result<Self, Refusal> {
        let mut reading = Reading {
            tokens: tokens(text).into_iter().take(MOST_TERMS).collect(),
            at: 0,
            login,
            is_qualifier,
            scopes: Vec::new(),
            sort: None,
            operators: 0,
        };
        let expression = reading.any(0);
        if reading.operators > MOST_OPERATORS {
            return Err(too_many_operators());
        }
        Ok(Self {
            expression,
            scopes: reading.scopes,
            sort: reading.sort,
        })
    }

    /// The sort in the search itself, `sort:updated-desc`.
    pub(super) fn sort(&self) -> Option<&str> {
        let sort = self.sort.as_deref()?;
        let bare = sort.strip_suffix("-asc").or(sort.strip_suffix("-desc"));
        Some(bare.unwrap_or(sort))
    }

    /// Whether the sort in the search itself ascends.
    pub(super) fn ascending(&self) -> bool {
        self.sort
            .as_deref()
            .is_some_and(|sort| sort.ends_with("-asc"))
    }

    /// Whether something is found, where `holds` says it of a single term.
    pub(super) fn finds(&self, holds: &dyn Fn(&Term) -> bool) -> bool {
        self.expression.holds(holds)
    }

    /// Whether something may be found of which only some terms are known yet.
    pub(super) fn may_find(&self, known: &dyn Fn(&Term) -> Option<bool>) -> bool {
        self.expression.known(known) != Some(false)
    }

    /// Whether `in:` names a place, or nothing is named and the place is a usual one.
    pub(super) fn looks(&self, place: &str, usual: &[&str]) -> bool {
        if self.scopes.is_empty() {
            usual.contains(&place)
        } else {
            self.scopes.iter().any(|one| one == place)
        }
    }

    /// The words that are sought, without those that must not occur.
    pub(super) fn words(&self) -> Vec<&str> {
        let mut out = Vec::new();
        self.expression.each(false, &mut |term, negated| {
            if let Term::Word(word) = term
                && !negated
            {
                out.push(word.as_str());
            }
        });
        out
    }

    /// The values of a qualifier that must hold.
    pub(super) fn values(&self, of: &str) -> Vec<&str> {
        let mut out = Vec::new();
        self.expression.each(false, &mut |term, negated| {
            if let Term::Qualifier { name, values } = term
                && name == of
                && !negated
            {
                out.extend(values.iter().map(String::as_str));
            }
        });
        out
    }

    /// Whether it has no term at all.
    pub(super) fn is_empty(&self) -> bool {
        let mut empty = true;
        self.expression.each(false, &mut |_, _| empty = false);
        empty
    }
}

impl Expression {
    fn holds(&self, test: &dyn Fn(&Term) -> bool) -> bool {
        match self {
            Self::All(parts) => {
                // Several repositories or owners widen the search, all else narrows it.
                let mut places = parts.iter().filter(|part| part.is_place()).peekable();
                let somewhere = places.peek().is_none() || places.any(|part| part.holds(test));
                somewhere
                    && parts
                        .iter()
                        .filter(|part| !part.is_place())
                        .all(|part| part.holds(test))
            }
            Self::Any(parts) => parts.iter().any(|part| part.holds(test)),
            Self::Not(part) => !part.holds(test),
            Self::Term(term) => test(term),
        }
    }

    /// Whether it holds, as far as what is known of its terms tells.
    fn known(&self, test: &dyn Fn(&Term) -> Option<bool>) -> Option<bool> {
        let all = |parts: &[Self], holds: bool| {
            let mut found = Some(holds);
            for part in parts {
                match part.known(test) {
                    Some(one) if one == holds => {}
                    Some(one) => return Some(one),
                    None => found = None,
                }
            }
            found
        };
        match self {
            Self::All(parts) => all(parts, true),
            Self::Any(parts) => all(parts, false),
            Self::Not(part) => part.known(test).map(|holds| !holds),
            Self::Term(term) => test(term),
        }
    }

    fn is_place(&self) -> bool {
        matches!(self, Self::Term(Term::Qualifier { name, .. })
            if matches!(name.as_str(), "repo" | "user" | "org"))
    }

    fn each<'t>(&'t self, negated: bool, see: &mut dyn FnMut(&'t Term, bool)) {
        match self {
            Self::All(parts) | Self::Any(parts) => {
                parts.iter().for_each(|part| part.each(negated, see));
            }
            Self::Not(part) => part.each(!negated, see),
            Self::Term(term) => see(term, negated),
        }
    }
}

/// A token of a search.
#[derive(Debug, PartialEq)]
enum Token {
    Open,
    Close,
    Word(Word),
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

struct Reading<'a> {
    tokens: Vec<Token>,
    at: usize,
    login: Option<&'a str>,
    is_qualifier: fn(&str) -> bool,
    scopes: Vec<String>,
    sort: Option<String>,
    operators: usize,
}

impl Reading<'_> {
    fn operator(&mut self, name: &str) -> bool {
        let is = matches!(self.tokens.get(self.at), Some(Token::Word(word))
            if !word.quoted && word.text == name);
        if is {
            self.at += 1;
            self.operators += 1;
        }
        is
    }

    /// Parts between `OR`.
    fn any(&mut self, depth: usize) -> Expression {
        let mut parts = vec![self.all(depth)];
        while self.operator("OR") {
            parts.push(self.all(depth));
        }
        match parts.len() {
            1 => parts.remove(0),
            _ => Expression::Any(parts),
        }
    }

    /// Parts between spaces or `AND`.
    fn all(&mut self, depth: usize) -> Expression {
        let mut parts = Vec::new();
        loop {
            if self.operator("AND") {
                continue;
            }
            let negated = self.operator("NOT");
            let part = match self.tokens.get(self.at) {
                None => break,
                Some(Token::Word(word)) if !word.quoted && word.text == "OR" => break,
                Some(Token::Close) if depth > 0 => break,
                // A parenthesis that closes nothing is passed over.
                Some(Token::Close) => {
                    self.at += 1;
                    continue;
                }
                Some(Token::Open) => {
                    self.at += 1;
                    let inside = self.any(depth + 1);
                    if self.tokens.get(self.at) == Some(&Token::Close) {
                        self.at += 1;
                    }
                    Some(inside)
                }
                Some(Token::Word(_)) => self.term(),
            };
            match part {
                Some(part) if negated => parts.push(Expression::Not(Box::new(part))),
                Some(part) => parts.push(part),
                None => {}
            }
        }
        Expression::All(parts)
    }

    /// The term at hand; none where it only says where to look or how to sort.
    fn term(&mut self) -> Option<Expression> {
        let Some(Token::Word(word)) = self.tokens.get(self.at) else {
            return None;
        };
        self.at += 1;
        let (negated, text) = match word.text.strip_prefix('-') {
            Some(rest) if !rest.is_empty() && !word.quoted => (true, rest),
            _ => (false, word.text.as_str()),
        };
        let split = text.split_once(':').filter(|(name, value)| {
            !word.quoted && !value.is_empty() && (self.is_qualifier)(&name.to_lowercase())
        });
        let term = match split {
            None => Term::Word(text.to_lowercase()),
            Some((name, value)) => {
                let name = name.to_lowercase();
                let raw = word.raw.split_once(':').map_or("", |(_, value)| value);
                // Only labels and places to look are lists; elsewhere a comma is a comma.
                let values = match name.as_str() {
                    "label" | "in" => listed(raw),
                    _ => vec![value.to_owned()],
                };
                let me = |value: String| match (value.as_str(), self.login) {
                    ("@me", Some(login)) => login.to_owned(),
                    _ => value,
                };
                let values: Vec<String> = values.into_iter().map(me).collect();
                match name.as_str() {
                    "in" => {
                        self.scopes.extend(values);
                        return None;
                    }
                    "sort" => {
                        self.sort = values.into_iter().next();
                        return None;
                    }
                    _ => Term::Qualifier { name, values },
                }
            }
        };
        let term = Expression::Term(term);
        Some(if negated {
            Expression::Not(Box::new(term))
        } else {
            term
        })
    }
}

/// The tokens of a search; quotes keep words together and are dropped. Between quotes a backslash
/// takes a quote or a backslash as it is.
fn tokens(text: &str) -> Vec<Token> {
    let mut out = Vec::new();
    let mut word = Word::default();
    let mut inside = false;
    // Parentheses inside a word, as in `main()`, belong to it.
    let mut own = 0_usize;
    let mut chars = text.chars().peekable();
    let end = |word: &mut Word, out: &mut Vec<Token>| {
        let ended = std::mem::take(word);
        if !ended.text.is_empty() {
            out.push(Token::Word(ended));
        }
    };
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
                end(&mut word, &mut out);
                own = 0;
            }
            '(' if !inside && word.raw.is_empty() => out.push(Token::Open),
            ')' if !inside && own == 0 => {
                end(&mut word, &mut out);
                out.push(Token::Close);
            }
            c => {
                match c {
                    '(' if !inside => own += 1,
                    ')' if !inside => own -= 1,
                    _ => {}
                }
                word.raw.push(c);
                word.text.push(c);
            }
        }
    }
    end(&mut word, &mut out);
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

    fn finds(query: &str, thing: &[&str]) -> bool {
        let query = Query::parse(query, Some("octocat"), |name| {
            matches!(name, "label" | "is" | "repo" | "author" | "in" | "sort")
        });
        query.expect("few operators").finds(&|term| match term {
            Term::Word(word) => thing.contains(&word.as_str()),
            Term::Qualifier { name, values } => values
                .iter()
                .any(|value| thing.contains(&format!("{name}:{value}").as_str())),
        })
    }

    #[test]
    fn operators_bind_as_githubs_do() {
        for (query, thing, found) in [
            ("a b", &["a"][..], false),
            ("a AND b", &["a", "b"], true),
            ("a OR b c", &["a"], true),
            ("a OR b c", &["b"], false),
            ("(a OR b) c", &["a"], false),
            ("(a OR b) c", &["b", "c"], true),
            ("a NOT b", &["a", "b"], false),
            ("a -b", &["a"], true),
            ("-label:bug a", &["a", "label:bug"], false),
            ("label:bug,late", &["label:late"], true),
            ("label:\"a, b\",late", &["label:a, b"], true),
            ("repo:x repo:y a", &["repo:y", "a"], true),
            ("author:@me", &["author:octocat"], true),
            ("((a) OR (is:open b", &["is:open", "b"], true),
            ("a) b", &["a", "b"], true),
            ("main()", &["main()"], true),
            ("\"a OR b\"", &["a or b"], true),
            ("foo:bar", &["foo:bar"], true),
            ("IS:open", &["is:open"], true),
        ] {
            assert_eq!(finds(query, thing), found, "{query} on {thing:?}");
        }
        let many = Query::parse("a OR b OR c OR d OR e OR f OR g", None, |_| false);
        assert!(many.is_err());
    }

    #[test]
    fn sorts_and_places_to_look_are_no_terms() {
        let query = Query::parse("a in:title,body sort:created-asc", None, |name| {
            matches!(name, "in" | "sort")
        });
        let query = query.expect("few operators");
        assert_eq!(query.words(), ["a"]);
        assert_eq!(query.scopes, ["title", "body"]);
        assert_eq!((query.sort(), query.ascending()), (Some("created"), true));
    }

    #[test]
    fn lists_keep_quotes_together() {
        assert_eq!(
            listed(r#"bug,"a, b","c\" is:closed","d\\""#),
            ["bug", "a, b", "c\" is:closed", "d\\"]
        );
    }

    proptest::proptest! {
        #[test]
        fn any_text_is_taken(text in "[a-z:()\"\\\\, -]{0,60}") {
            _ = Query::parse(&text, None, |name| name == "a");
        }
    }
}
