//! So many things of a kind: `5 open issues in acme/webapp labelled stale, 2 of them locked`.

use super::cursor::Cursor;
use super::lexicon::NounId;
use super::sentence::predicate;
use super::statement::{Detail, Group, Name, Part, Share, What};
use super::words::Kind;

/// The beginning of a group.
struct Head {
    noun: NounId,
    count: Option<u64>,
    details: Vec<Detail>,
    plural: bool,
    definite: bool,
}

impl Cursor<'_, '_> {
    /// A group with all that is said of it.
    pub(super) fn group(&mut self) -> Option<Group> {
        let start = self.at;
        self.attempt(|cursor| {
            if let Some(group) = cursor.attempt(Cursor::elided) {
                return Some(group);
            }
            let furthest = cursor.furthest;
            let named_first = cursor.attempt(Cursor::named_first);
            if named_first.is_none() {
                // Any word could have been a name; that one was tried says nothing.
                cursor.furthest = furthest;
            }
            let (head, mut names) = match named_first {
                Some(found) => found,
                None => {
                    let head = cursor.head()?;
                    let names = cursor.names(&head);
                    (head, names)
                }
            };
            cursor.ones = Some(head.noun);
            let mut details = head.details;
            let in_group = std::mem::replace(&mut cursor.in_group, true);
            details.extend(cursor.details(head.noun));
            cursor.in_group = in_group;
            let mut parts = Vec::new();
            if cursor
                .peek()
                .is_some_and(|word| word.kind == Kind::Mark(':'))
            {
                cursor.attempt(|cursor| {
                    cursor.go(1);
                    if names.is_empty()
                        && let Some(listed) = cursor.listed(head.noun)
                    {
                        names = listed;
                        return Some(());
                    }
                    parts.push(cursor.part(head.noun)?);
                    Some(())
                });
            }
            while let Some(part) = cursor.attempt(|cursor| {
                cursor.separator().then_some(())?;
                cursor.part(head.noun)
            }) {
                parts.push(part);
                cursor.mark(&[')']);
            }
            let named = u64::try_from(names.len()).unwrap_or(u64::MAX);
            let count = match head.count {
                Some(count) if names.is_empty() || named == count => count,
                Some(_) => return None,
                None if names.is_empty() => return None,
                None if named > 1 && !head.plural && !head.definite => return None,
                None => named,
            };
            Some(Group {
                noun: head.noun,
                count,
                names,
                details,
                parts,
                items: Vec::new(),
                span: cursor.span_from(start),
            })
        })
    }

    /// `3 open` in `3 open and 2 closed issues`.
    fn elided(&mut self) -> Option<Group> {
        let start = self.at;
        let count = self.number()?;
        let adjectives = self.at;
        for noun in self.lexicon.nouns() {
            self.at = adjectives;
            let mut details = Vec::new();
            while let Some(what) = self.adjective(noun) {
                details.push(Detail {
                    what,
                    span: self.span_from(adjectives),
                });
            }
            let same = self.ahead(|cursor| {
                (cursor.separator() && cursor.noun_is_here(noun).is_none())
                    .then(|| cursor.elided_or_head())
                    .flatten()
            });
            if !details.is_empty() && same == Some(noun) {
                return Some(Group {
                    noun,
                    count,
                    names: Vec::new(),
                    details,
                    parts: Vec::new(),
                    items: Vec::new(),
                    span: self.span_from(start),
                });
            }
        }
        None
    }

    /// The noun of what is counted here, perhaps with others between.
    fn elided_or_head(&mut self) -> Option<NounId> {
        if let Some(group) = self.attempt(Cursor::elided) {
            return Some(group.noun);
        }
        let head = self.head()?;
        head.count.map(|_| head.noun)
    }

    /// `a bug label`, `the "good first issue" label`, `bug and urgent labels`.
    fn named_first(&mut self) -> Option<(Head, Vec<Name>)> {
        let definite = self.take(&["the"]).is_some();
        let count = self.number().or_else(|| self.take(&["a", "an"]).map(|_| 1));
        for noun in self.lexicon.nouns() {
            let seed = self.lexicon.seed(noun);
            if seed.name.is_none() || seed.number.is_some() || seed.owner.is_some() {
                continue;
            }
            let found = self.attempt(|cursor| {
                let mut names = vec![cursor.name(noun, true)?];
                while cursor.noun_is_here(noun).is_none() {
                    cursor.separator().then_some(())?;
                    names.push(cursor.name(noun, true)?);
                }
                let (_, plural) = cursor.noun()?;
                let head = Head {
                    noun,
                    count,
                    details: Vec::new(),
                    plural,
                    definite,
                };
                Some((head, names))
            });
            if found.is_some() {
                return found;
            }
        }
        None
    }

    /// `5 open issues`, `the repository`, `an 40-day-old issue`.
    fn head(&mut self) -> Option<Head> {
        self.attempt(|cursor| {
            cursor.take(&["exactly", "also"]);
            let definite = cursor.take(&["the", "its", "their"]).is_some();
            let count = cursor.number().or_else(|| {
                let one = cursor.take(&["a", "an", "another", "a single", "one more", "a further"]);
                let none = || None;
                one.map_or_else(none, |_| Some(1))
            });
            let count = count.or_else(|| cursor.take(&["no"]).map(|_| 0));
            cursor.take(&[
                "more",
                "other",
                "further",
                "additional",
                "new",
                "existing",
                "empty",
            ]);
            let start = cursor.at;
            // Adjectives are those of the noun behind them.
            let (noun, plural) = cursor.noun_behind_adjectives()?;
            let end = cursor.at;
            cursor.at = start;
            let mut details = Vec::new();
            while cursor.noun_is_here(noun).is_none() {
                let from = cursor.at;
                let what = cursor.adjective(noun)?;
                details.push(Detail {
                    what,
                    span: cursor.span_from(from),
                });
                cursor.separator();
            }
            cursor.at = end;
            (count.is_some() || definite || plural || cursor.name_follows(noun)).then_some(())?;
            Some(Head {
                noun,
                count,
                details,
                plural,
                definite,
            })
        })
    }

    fn name_follows(&mut self, noun: NounId) -> bool {
        self.ahead(|cursor| cursor.name(noun, true).is_some())
    }

    fn noun_is_here(&mut self, noun: NounId) -> Option<()> {
        let found = self.ahead(Cursor::noun);
        found.filter(|(here, _)| *here == noun).map(|_| ())
    }

    /// The noun that comes after words which are all adjectives of it.
    pub(super) fn noun_behind_adjectives(&mut self) -> Option<(NounId, bool)> {
        let start = self.at;
        let candidates: Vec<NounId> = self.lexicon.nouns().collect();
        let mut best: Option<(usize, NounId, bool)> = None;
        for noun in candidates {
            self.at = start;
            loop {
                let here = self.at;
                if let Some((found, plural)) = self.noun() {
                    if found == noun && best.is_none_or(|(end, ..)| self.at > end) {
                        best = Some((self.at, noun, plural));
                    }
                    break;
                }
                self.at = here;
                if self.adjective(noun).is_none() {
                    break;
                }
                self.separator();
            }
        }
        self.at = start;
        let (end, noun, plural) = best?;
        self.go(end - start);
        Some((noun, plural))
    }

    /// Names directly after the noun.
    fn names(&mut self, head: &Head) -> Vec<Name> {
        let seed = self.lexicon.seed(head.noun);
        let mut found = Vec::new();
        if seed.number.is_none() {
            // `a repository named acme/webapp`
            self.attempt(|cursor| {
                let relations = &cursor.lexicon.noun(head.noun).relations;
                let naming = relations
                    .iter()
                    .find(|relation| relation.seed.is_some() && relation.seed == seed.name)?;
                let phrases: Vec<&str> = naming.phrases.iter().map(String::as_str).collect();
                cursor.take(&phrases)?;
                cursor
                    .ahead(|cursor| cursor.name(head.noun, true))
                    .map(|_| ())
            });
        }
        loop {
            let next = self.attempt(|cursor| {
                if !found.is_empty() && !cursor.separator() {
                    return None;
                }
                if seed.number.is_some()
                    && let Some(numbers) = cursor.attempt(Cursor::numbers)
                {
                    // `#3, 2 of them locked`: that is no second number.
                    let bare = !found.is_empty()
                        && cursor.words[cursor.at - 1].kind != Kind::Hash(numbers[0])
                        && numbers.len() == 1;
                    return (!bare).then(|| numbers.into_iter().map(Name::Number).collect());
                }
                cursor.name(head.noun, true).map(|name| vec![name])
            });
            match next {
                Some(names) => found.extend::<Vec<Name>>(names),
                None => return found,
            }
        }
    }

    /// `: "A", "B" and "C"`.
    fn listed(&mut self, noun: NounId) -> Option<Vec<Name>> {
        self.attempt(|cursor| {
            let mut found = Vec::new();
            loop {
                let word = cursor.peek()?;
                let plain = word.kind == Kind::Plain;
                let name = cursor.name(noun, plain)?;
                found.push(name);
                let more = cursor.attempt(|cursor| {
                    cursor.separator().then_some(())?;
                    let plain = cursor.peek()?.kind == Kind::Plain;
                    cursor.ahead(|cursor| cursor.name(noun, plain)).map(|_| ())
                });
                if more.is_none() {
                    return Some(found);
                }
            }
        })
    }

    /// `2 of them with the label keep-open`, `half of which are closed`, `the rest locked`.
    fn part(&mut self, noun: NounId) -> Option<Part> {
        let start = self.at;
        self.attempt(|cursor| {
            cursor.take(&["of which", "of these"]);
            let share = cursor.share()?;
            cursor.take(&[
                "of them",
                "of these",
                "of those",
                "of which",
                "of the issues",
            ]);
            // What counts things of its own begins another group.
            if cursor.ahead(|cursor| cursor.noun_behind_adjectives().is_some()) {
                return None;
            }
            let details = match cursor.attempt(|cursor| predicate(cursor, noun)) {
                Some(details) => details,
                None => cursor.details(noun),
            };
            let says = details
                .iter()
                .any(|detail| !matches!(detail.what, What::Within(_)));
            says.then(|| Part {
                share,
                details,
                span: cursor.span_from(start),
            })
        })
    }

    /// How many of those that were spoken of.
    pub(super) fn share(&mut self) -> Option<Share> {
        self.attempt(|cursor| {
            if cursor
                .take(&[
                    "the rest",
                    "the others",
                    "the remaining ones",
                    "all others",
                    "all the others",
                ])
                .is_some()
            {
                return Some(Share::Rest(None));
            }
            if cursor.take(&["the other", "the remaining"]).is_some() {
                let count = cursor.number();
                cursor.take(&["one", "ones"]);
                return Some(Share::Rest(Some(count.unwrap_or(1))));
            }
            if cursor
                .take(&["all", "both", "each", "every one", "each one"])
                .is_some()
            {
                return Some(Share::All);
            }
            if cursor.take(&["half"]).is_some() {
                return Some(Share::Half);
            }
            cursor.take(&["exactly", "only", "the next", "another"]);
            cursor.number().map(Share::Exactly)
        })
    }
}
