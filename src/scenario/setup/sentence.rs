//! From a sentence to statements, or to the part of it that is not understood.

use std::collections::BTreeSet;

use archal_core::diagnostic::nearest;

use super::Misunderstood;
use super::cursor::Cursor;
use super::lexicon::{Lexicon, NounId};
use super::statement::{Detail, Group, Item, Name, Share, Statement, Subject, What, Who};
use super::words::{Kind, Paragraph, Word};

/// How much of a part that is not understood is quoted, in characters.
const MAX_QUOTE: usize = 120;

/// The kinds of what was spoken of last, for pronouns.
#[derive(Debug, Default)]
pub(super) struct Spoken {
    it: Option<NounId>,
    them: Option<NounId>,
    /// Every kind that was spoken of.
    all: BTreeSet<NounId>,
}

impl Spoken {
    /// Takes in what a statement speaks of.
    fn hear(&mut self, statement: &Statement) {
        match statement {
            Statement::Exists { groups, .. } => {
                for group in groups {
                    self.hear_group(group);
                }
            }
            Statement::About { subject, details } => {
                match &subject.who {
                    Who::Named(noun, names, _) if names.len() == 1 => self.it = Some(*noun),
                    Who::It(Some(noun)) => self.it = Some(*noun),
                    Who::Named(noun, ..) | Who::Those(noun, ..) => self.them = Some(*noun),
                    Who::It(None) | Who::Them(_) | Who::OfSoMany(..) => {}
                }
                self.hear_held(details);
            }
        }
    }

    fn hear_group(&mut self, group: &Group) {
        self.all.insert(group.noun);
        self.them = Some(group.noun);
        if group.count == 1 {
            self.it = Some(group.noun);
            self.hear_held(&group.details);
        }
    }

    fn hear_held(&mut self, details: &[Detail]) {
        for detail in details {
            if let What::Holds(group) = &detail.what {
                self.all.insert(group.noun);
                self.them = Some(group.noun);
            }
        }
    }
}

/// Reads a sentence and the list below it. `spoken` are the kinds of which the sentences before
/// spoke.
pub(super) fn read(
    text: &str,
    paragraph: &Paragraph,
    lexicon: &Lexicon,
    spoken: &mut Spoken,
) -> Result<Vec<Statement>, Misunderstood> {
    let statements = statements(text, paragraph, lexicon, spoken)?;
    for statement in &statements {
        spoken.hear(statement);
    }
    Ok(statements)
}

fn statements(
    text: &str,
    paragraph: &Paragraph,
    lexicon: &Lexicon,
    spoken: &Spoken,
) -> Result<Vec<Statement>, Misunderstood> {
    let mut words = paragraph.words.as_slice();
    let has_list = !paragraph.bullets.is_empty();
    if has_list
        && let Some((last, rest)) = words.split_last()
        && last.kind == Kind::Mark(':')
    {
        words = rest;
    }
    let not_understood = |words: &[Word], at: usize| misunderstood(text, words, at, lexicon);
    let statement = match sentence(words, lexicon, spoken) {
        Ok(statement) => statement,
        Err(stuck) => {
            // `acme/webapp has:` says all it says in its list.
            if has_list && let Some(opening) = opening(words, lexicon, spoken) {
                return listed(&opening, paragraph, lexicon, spoken)
                    .map_err(|(bullet, at)| not_understood(&paragraph.bullets[bullet], at));
            }
            return Err(match stuck {
                Stuck::At(at) => not_understood(words, at),
                Stuck::Ambiguous(at) => Misunderstood {
                    message: "this could be said of the one or of the other".to_owned(),
                    help: Some("say it in a sentence of its own: `They are …`".to_owned()),
                    ..not_understood(words, at)
                },
            });
        }
    };
    if !has_list {
        return Ok(vec![statement]);
    }
    let mut statement = statement;
    let last = match &mut statement {
        Statement::Exists { groups, .. } => groups.last_mut(),
        Statement::About { details, .. } => {
            details
                .iter_mut()
                .rev()
                .find_map(|detail| match &mut detail.what {
                    What::Holds(group) => Some(group),
                    _ => None,
                })
        }
    };
    let Some(last) = last else {
        return Err(not_understood(&paragraph.bullets[0], 0));
    };
    for bullet in &paragraph.bullets {
        let item = item(bullet, last, lexicon, spoken).map_err(|at| not_understood(bullet, at))?;
        last.items.push(item);
    }
    Ok(vec![statement])
}

/// Where a sentence could not be read on.
enum Stuck {
    /// What begins here is not understood.
    At(usize),
    /// What begins here could be said of two things.
    Ambiguous(usize),
}

/// A statement that takes every word, or how far the best attempt came.
fn sentence(words: &[Word], lexicon: &Lexicon, spoken: &Spoken) -> Result<Statement, Stuck> {
    let mut furthest = 0;
    for is_about in [false, true] {
        let mut cursor = Cursor::new(words, lexicon, spoken);
        let found = if is_about {
            about(&mut cursor)
        } else {
            exists(&mut cursor)
        };
        if let Some(statement) = found
            && cursor.is_done()
        {
            return match cursor.ambiguous {
                Some(at) => Err(Stuck::Ambiguous(at)),
                None => Ok(statement),
            };
        }
        furthest = furthest.max(cursor.furthest);
    }
    Err(Stuck::At(furthest))
}

/// `In acme/webapp there are 5 open issues and a label "stale"`.
fn exists(cursor: &mut Cursor<'_, '_>) -> Option<Statement> {
    let within = beginning(cursor);
    cursor.take(&[
        "there is",
        "there are",
        "there's",
        "there exist",
        "there exists",
        "we have",
        "given",
        "it starts with",
    ]);
    let mut groups = groups(cursor)?;
    // `Twenty issues in acme/webapp are closed`: where there were none before, they are new.
    if let [group] = groups.as_mut_slice()
        && !cursor.spoken.all.contains(&group.noun)
        && let Some(details) = cursor.attempt(|cursor| predicate(cursor, group.noun))
    {
        group.details.extend(details);
    }
    Some(Statement::Exists { groups, within })
}

/// `In acme/webapp, …`, `On issue #3 …`.
fn beginning(cursor: &mut Cursor<'_, '_>) -> Option<Subject> {
    cursor.attempt(|cursor| {
        cursor.take(&["in", "on"])?;
        let nouns: Vec<_> = cursor.lexicon.nouns().collect();
        let found = cursor
            .place(None)
            .or_else(|| nouns.into_iter().find_map(|noun| cursor.place(Some(noun))));
        let found = found?;
        cursor.mark(&[',']);
        Some(found)
    })
}

fn groups(cursor: &mut Cursor<'_, '_>) -> Option<Vec<Group>> {
    let mut found = vec![cursor.group()?];
    while let Some(group) = cursor.attempt(|cursor| {
        cursor.separator().then_some(())?;
        cursor.group()
    }) {
        found.push(group);
    }
    Some(found)
}

/// `Two of them are labelled bug`, `acme/webapp has 5 open issues`.
fn about(cursor: &mut Cursor<'_, '_>) -> Option<Statement> {
    let (subject, noun) = subject(cursor)?;
    let details = predicate(cursor, noun)?;
    Some(Statement::About { subject, details })
}

/// `are labelled bug and have 2 comments`.
pub(super) fn predicate(cursor: &mut Cursor<'_, '_>, noun: NounId) -> Option<Vec<Detail>> {
    let has = verb(cursor)?;
    let mut details = Vec::new();
    if has {
        loop {
            let start = cursor.at;
            let what = cursor.one_had(noun)?;
            details.push(Detail {
                what,
                span: cursor.span_from(start),
            });
            details.extend(cursor.details(noun));
            let more = cursor.attempt(|cursor| cursor.separator().then_some(()));
            if more.is_none() {
                break;
            }
        }
    } else {
        if cursor.take(&["empty"]).is_some() {
            return Some(details);
        }
        details = cursor.details(noun);
        if details.is_empty() {
            return None;
        }
        // `They are open and have 2 comments`, `was closed by mona and has no labels`
        while let Some(more) = cursor.attempt(|cursor| {
            cursor.separator().then_some(())?;
            verb(cursor)?;
            let more = cursor.details(noun);
            (!more.is_empty()).then_some(more)
        }) {
            details.extend(more);
        }
    }
    Some(details)
}

/// Whether what follows is what something has, not what it is.
fn verb(cursor: &mut Cursor<'_, '_>) -> Option<bool> {
    if cursor
        .stands("haven't been")
        .or(cursor.stands("hasn't been"))
        .is_some()
    {
        return Some(false);
    }
    let not = [
        "have not been",
        "has not been",
        "had not been",
        "have never been",
        "has never been",
    ];
    if not.iter().any(|phrase| cursor.stands(phrase).is_some()) {
        cursor.go(1);
        return Some(false);
    }
    let verb = cursor.take(&[
        "is",
        "are",
        "was",
        "were",
        "has been",
        "have been",
        "had been",
        "has",
        "have",
        "had",
        "contains",
        "contain",
        "contained",
    ])?;
    cursor.take(&["all", "each", "both", "also", "only"]);
    Some(!matches!(
        verb,
        "is" | "are" | "was" | "were" | "has been" | "have been" | "had been"
    ))
}

/// Of what something is said, and its kind, whose words follow.
fn subject(cursor: &mut Cursor<'_, '_>) -> Option<(Subject, NounId)> {
    let start = cursor.at;
    let (who, noun) = cursor.attempt(who)?;
    let noun = match who {
        Who::Them(_) | Who::OfSoMany(..) => cursor.spoken.them,
        Who::It(None) => cursor.spoken.it,
        _ => noun,
    };
    Some((
        Subject {
            who,
            span: cursor.span_from(start),
        },
        noun?,
    ))
}

fn who(cursor: &mut Cursor<'_, '_>) -> Option<(Who, Option<NounId>)> {
    // acme/webapp, issue #3, issues #3 and #4, the label "bug"
    if let Some(named) = cursor.attempt(|cursor| {
        cursor.take(&["the"]);
        let noun = cursor.attempt(|cursor| cursor.noun().map(|(noun, _)| noun));
        let (noun, name) = match noun {
            Some(noun) => (noun, cursor.name(noun, true)?),
            None => {
                let nouns: Vec<_> = cursor.lexicon.nouns().collect();
                nouns
                    .into_iter()
                    .find_map(|noun| Some((noun, cursor.name(noun, false)?)))?
            }
        };
        let mut names = vec![name];
        while let Some(name) = cursor.attempt(|cursor| {
            cursor.separator().then_some(())?;
            cursor.name(noun, false)
        }) {
            names.push(name);
        }
        let place = cursor.attempt(|cursor| cursor.parent_place(noun));
        Some((Who::Named(noun, names, place.map(Box::new)), Some(noun)))
    }) {
        return Some(named);
    }
    // it, the repository
    if let Some(it) = cursor.attempt(|cursor| {
        if cursor.take(&["it"]).is_some() {
            return Some((Who::It(None), None));
        }
        cursor.take(&["the", "this", "that"])?;
        let (noun, plural) = cursor.noun()?;
        (!plural).then_some((Who::It(Some(noun)), Some(noun)))
    }) {
        return Some(it);
    }
    // all open issues, 2 of the issues labelled bug
    if let Some(those) = cursor.attempt(|cursor| {
        let share = cursor.share();
        let of = cursor.take(&["of the", "of these", "of those", "of"]);
        let article = cursor.take(&["the", "these", "those"]);
        let start = cursor.at;
        let (noun, plural) = cursor.noun_behind_adjectives()?;
        // `Two issues are closed` is of those that were spoken of, where there are any.
        let known = cursor.spoken.all.contains(&noun);
        if matches!(share, Some(Share::Exactly(_))) && of.is_none() && !known {
            return None;
        }
        let end = cursor.at;
        cursor.at = start;
        let mut details = Vec::new();
        while cursor.at < end {
            let from = cursor.at;
            let Some(what) = cursor.adjective(noun) else {
                break;
            };
            details.push(Detail {
                what,
                span: cursor.span_from(from),
            });
            cursor.separator();
        }
        cursor.at = end;
        let said = share.is_some() || article.is_some();
        (plural || said).then_some(())?;
        details.extend(cursor.details(noun));
        let narrow = details
            .iter()
            .all(|detail| !matches!(detail.what, What::Holds(_) | What::HoldsNone(_)));
        let share = share.unwrap_or(Share::All);
        // `the other issues` are those of which nothing was said.
        let who = match share {
            Share::Rest(_) if details.is_empty() => Who::Them(share),
            _ => Who::Those(noun, details, share),
        };
        narrow.then_some((who, Some(noun)))
    }) {
        return Some(those);
    }
    // 3 of the 34
    if let Some(of_so_many) = cursor.attempt(|cursor| {
        let share = cursor.share()?;
        cursor.take(&["of the", "of those", "of these"])?;
        let count = cursor.number()?;
        Some((Who::OfSoMany(share, count), None))
    }) {
        return Some(of_so_many);
    }
    // they, all of them, two of them, the rest
    let share = cursor.share();
    let them = cursor.take(&["they", "these", "those", "of them", "of these", "of those"]);
    let share = match (share, them) {
        (Some(share), _) => share,
        (None, Some("they" | "these" | "those")) => Share::They,
        _ => return None,
    };
    Some((Who::Them(share), None))
}

/// What a list is said of: `acme/webapp has:`, `There are:`, `In acme/webapp:`.
fn opening(words: &[Word], lexicon: &Lexicon, spoken: &Spoken) -> Option<Option<Subject>> {
    let mut cursor = Cursor::new(words, lexicon, spoken);
    let within = beginning(&mut cursor);
    cursor.take(&["there is", "there are", "we have"]);
    if cursor.is_done() && !words.is_empty() {
        return Some(within);
    }
    let mut cursor = Cursor::new(words, lexicon, spoken);
    let start = cursor.at;
    let (who, noun) = cursor.attempt(who)?;
    noun?;
    let subject = Subject {
        who,
        span: cursor.span_from(start),
    };
    verb(&mut cursor).filter(|has| *has)?;
    cursor.is_done().then_some(Some(subject))
}

/// The groups of a list, each a bullet; else which bullet is not understood, and from where on.
fn listed(
    within: &Option<Subject>,
    paragraph: &Paragraph,
    lexicon: &Lexicon,
    spoken: &Spoken,
) -> Result<Vec<Statement>, (usize, usize)> {
    let mut found = Vec::new();
    for (at, bullet) in paragraph.bullets.iter().enumerate() {
        let mut cursor = Cursor::new(bullet, lexicon, spoken);
        let groups = groups(&mut cursor).filter(|_| cursor.is_done());
        let groups = groups.ok_or((at, cursor.furthest))?;
        found.push(Statement::Exists {
            groups,
            within: within.clone(),
        });
    }
    Ok(found)
}

/// One bullet below `There are 3 open issues:`.
fn item(words: &[Word], group: &Group, lexicon: &Lexicon, spoken: &Spoken) -> Result<Item, usize> {
    let mut cursor = Cursor::new(words, lexicon, spoken);
    let start = cursor.at;
    let number = cursor.attempt(|cursor| match cursor.peek()?.kind {
        Kind::Hash(value) => {
            cursor.go(1);
            Some(Name::Number(value))
        }
        _ => None,
    });
    cursor.mark(&[':']);
    let title = cursor.attempt(|cursor| cursor.name(group.noun, true));
    let mut details = Vec::new();
    if let (Some(_), Some(Name::Text(title))) = (&number, &title)
        && let Some(column) = &lexicon.seed(group.noun).name
    {
        let sets = [(column.clone(), title.as_str().into())].into();
        details.push(Detail {
            what: What::Sets(sets),
            span: cursor.span_from(start),
        });
    }
    cursor.mark(&[':', '-', '\u{2013}', '\u{2014}']);
    details.extend(cursor.details(group.noun));
    if !cursor.is_done() {
        return Err(cursor.furthest);
    }
    Ok(Item {
        name: number.or(title),
        details,
        span: cursor.span_from(start),
    })
}

fn misunderstood(text: &str, words: &[Word], at: usize, lexicon: &Lexicon) -> Misunderstood {
    let from = at.min(words.len().saturating_sub(1));
    let start = words.get(from).map_or(0, |word| word.span.start);
    let end = words.last().map_or(start, |word| word.span.end);
    let piece = text.get(start..end).unwrap_or_default();
    let line = piece.split_whitespace().collect::<Vec<_>>().join(" ");
    let quote = match line.char_indices().nth(MAX_QUOTE) {
        Some((cut, _)) => format!("{}…", &line[..cut]),
        None => line,
    };
    let near = words
        .get(from)
        .filter(|word| word.kind == Kind::Plain)
        .and_then(|word| {
            let near = nearest(&word.lower, lexicon.all_words())?;
            let similar = near.len().abs_diff(word.lower.len()) <= 1;
            (near != word.lower && similar).then(|| format!("did you mean `{near}`?"))
        });
    let things = || {
        let nouns: Vec<&str> = lexicon
            .nouns()
            .map(|noun| lexicon.noun(noun).plural())
            .collect();
        (!nouns.is_empty()).then(|| format!("it can speak of {}.", nouns.join(", ")))
    };
    Misunderstood {
        span: start..end,
        message: format!("this part of the starting state is not understood: \"{quote}\""),
        help: near.or_else(things),
    }
}
