//! What each statement does to the things that are there.

use std::collections::BTreeSet;
use std::ops::Range;

use serde_json::Value;

use super::Misunderstood;
use super::agreement::{Absence, Splits};
use super::detail::nothing;
use super::lexicon::{Lexicon, NounId};
use super::rows::{Row, Rows};
use super::statement::{Detail, Group, Name, Part, Share, Statement, Subject, What, Who};

/// The things that are there so far, and those that were spoken of last.
#[derive(Debug)]
pub(super) struct Telling<'l> {
    pub(super) lexicon: &'l Lexicon,
    pub(super) rows: Rows<'l>,
    it: Option<usize>,
    /// The one thing that this statement brought last.
    here: Option<usize>,
    /// What this statement brought.
    brought: Vec<usize>,
    them: Vec<usize>,
    /// Parts of `them` of which something was said.
    some: Vec<Vec<usize>>,
    /// Those of `them` of which something was said.
    told: BTreeSet<usize>,
    /// Kinds of which so many were said to be there, and in what.
    counted: BTreeSet<(NounId, Option<usize>)>,
    /// How many things are there before anything is said.
    pub(super) base: usize,
    pub(super) splits: Splits,
    pub(super) absences: Vec<Absence>,
    /// Those of which `of` took some last.
    whole: Option<Vec<usize>>,
}

pub(super) type Told<T> = Result<T, Misunderstood>;

pub(super) fn wrong(span: &Range<usize>, message: impl Into<String>) -> Misunderstood {
    Misunderstood {
        span: span.clone(),
        message: message.into(),
        help: None,
    }
}

impl<'l> Telling<'l> {
    pub(super) fn new(lexicon: &'l Lexicon) -> Self {
        let rows = Rows::new(lexicon);
        Self {
            lexicon,
            base: rows.all.len(),
            rows,
            splits: Splits::new(),
            absences: Vec::new(),
            whole: None,
            it: None,
            here: None,
            brought: Vec::new(),
            them: Vec::new(),
            some: Vec::new(),
            told: BTreeSet::new(),
            counted: BTreeSet::new(),
        }
    }

    /// Everything that is there.
    ///
    /// # Errors
    /// Where something is said to have changed before it was made, and where parts or absences
    /// contradict what is there.
    pub(super) fn finish(mut self) -> Told<Vec<Row>> {
        self.agrees()?;
        for at in 0..self.rows.all.len() {
            let row = &self.rows.all[at];
            let created = self.lexicon.seed(row.noun).created.as_ref();
            let Some((made, _)) = created.and_then(|created| row.times.get(created)) else {
                continue;
            };
            if let Some((column, (_, span))) = row.times.iter().find(|(_, (at, _))| at > made) {
                let shown = self.rows.shown(at);
                let message = format!("the {column} of {shown} is before it was made");
                return Err(wrong(span, message));
            }
        }
        Ok(self.rows.all)
    }

    /// Takes in a statement.
    pub(super) fn tell(&mut self, statement: &Statement) -> Told<()> {
        self.here = None;
        self.brought.clear();
        self.take_in(statement)?;
        // `5 open and 2 closed issues`: they are all seven.
        if let Some(last) = self.brought.last() {
            let noun = self.rows.all[*last].noun;
            let same = self.brought.iter().copied();
            let them: Vec<usize> = same.filter(|at| self.rows.all[*at].noun == noun).collect();
            self.speak_of(&them);
        }
        Ok(())
    }

    fn take_in(&mut self, statement: &Statement) -> Told<()> {
        match statement {
            Statement::Exists { groups, within } => {
                let first = match within {
                    Some(subject) => Some(self.one(subject)?),
                    None => None,
                };
                // `3 open and 2 closed issues in acme/webapp`: what stands last is of all.
                let last = groups.last().and_then(place_of);
                for group in groups {
                    let place = match (place_of(group), last) {
                        (Some(_), _) | (None, None) => None,
                        (None, Some(subject)) => self.parent_for(group.noun, subject)?,
                    };
                    self.group(group, place.or(first))?;
                }
            }
            Statement::About { subject, details } => {
                self.whole = None;
                let rows = self.those(subject)?;
                if let Some(whole) = self.whole.take() {
                    self.split(&whole, details, &subject.span);
                }
                match subject.who {
                    Who::It(_) | Who::Named(..) if rows.len() == 1 => {
                        self.it = rows.first().copied();
                    }
                    Who::Them(Share::All | Share::They) => self.some.clear(),
                    Who::Them(_) | Who::OfSoMany(..) => self.some.push(rows.clone()),
                    _ => self.speak_of(&rows),
                }
                self.say(&rows, details)?;
            }
        }
        Ok(())
    }

    fn speak_of(&mut self, rows: &[usize]) {
        if self.them != rows {
            self.them = rows.to_vec();
            self.some.clear();
        }
    }

    /// The parent that `subject` is, where things of this kind are in one of its kind.
    fn parent_for(&mut self, noun: NounId, subject: &Subject) -> Told<Option<usize>> {
        let Some((wanted, _)) = self.lexicon.parent(noun) else {
            return Ok(None);
        };
        let at = self.one(subject)?;
        Ok((self.rows.all[at].noun == wanted).then_some(at))
    }

    /// Makes the things of a group.
    fn group(&mut self, group: &Group, hint: Option<usize>) -> Told<Vec<usize>> {
        let parent = self.parent(group, hint)?;
        if group.count == 0 {
            self.none_of(group.noun, parent, &group.details, &group.span);
        }
        let made = self.made(group, parent)?;
        let held = |detail: &Detail| matches!(&detail.what, What::Holds(_));
        // `a repository with 5 issues`: they are the issues, it is the repository.
        let steps_back = made.len() == 1 && group.details.iter().any(held);
        if let [only] = made.as_slice() {
            self.it = Some(*only);
            self.here = Some(*only);
        }
        let (it, here, before) = (self.it, self.here, self.brought.len());
        self.told.clear();
        self.say(&made, &group.details)?;
        for (item, at) in group.items.iter().zip(&made) {
            self.say(&[*at], &item.details)?;
        }
        (self.it, self.here) = (it, here);
        if !steps_back {
            self.brought.truncate(before);
            self.brought.extend(&made);
            self.them.clone_from(&made);
            self.some.clear();
            self.told.clear();
        }
        for part in &group.parts {
            self.part(part, &made)?;
        }
        Ok(made)
    }

    fn made(&mut self, group: &Group, parent: Option<usize>) -> Told<Vec<usize>> {
        let listed = group.items.len();
        let count = usize::try_from(group.count).unwrap_or(usize::MAX);
        if listed > 0 && listed != count {
            return Err(wrong(
                &group.span,
                format!("{count} are said to be there, and the list has {listed}"),
            ));
        }
        if group.names.is_empty() && group.items.iter().all(|item| item.name.is_none()) {
            self.counted.insert((group.noun, parent));
        }
        let mut made = Vec::new();
        for place in 0..count {
            let item = group.items.get(place);
            let name = group.names.get(place).cloned();
            let name = name.or_else(|| item.and_then(|item| item.name.clone()));
            let span = item.map_or(&group.span, |item| &item.span);
            // `the repository acme/webapp` may have been spoken of before.
            let known = name.as_ref().filter(|name| matches!(name, Name::Text(_)));
            let numbered = self.lexicon.seed(group.noun).number.is_some();
            let known = known.filter(|_| !numbered);
            let known = known.and_then(|name| self.rows.find(group.noun, parent, name));
            let at = match known {
                Some(at) => {
                    self.rows.all[at].only_owns = false;
                    at
                }
                None => self
                    .rows
                    .add(group.noun, parent, name)
                    .map_err(|message| wrong(span, message))?,
            };
            made.push(at);
        }
        Ok(made)
    }

    /// What the things of a group are in.
    fn parent(&mut self, group: &Group, hint: Option<usize>) -> Told<Option<usize>> {
        let Some((noun, _)) = self.lexicon.parent(group.noun) else {
            return Ok(None);
        };
        if let Some(subject) = place_of(group) {
            let at = self.one(subject)?;
            return self.in_kind(at, noun, &subject.span).map(Some);
        }
        if let Some(at) = hint.filter(|at| self.rows.all[*at].noun == noun) {
            return Ok(Some(at));
        }
        if group.count == 0 {
            return Ok(None);
        }
        self.only(noun, &group.span).map(Some)
    }

    fn in_kind(&self, at: usize, noun: NounId, span: &Range<usize>) -> Told<usize> {
        if self.rows.all[at].noun == noun {
            return Ok(at);
        }
        let word = self.lexicon.noun(noun).singular();
        let shown = self.rows.shown(at);
        Err(wrong(span, format!("{shown} is no {word}")))
    }

    /// The one of a kind that is meant where nothing says which.
    fn only(&self, noun: NounId, span: &Range<usize>) -> Told<usize> {
        let of_kind = |at: &usize| self.rows.all[*at].noun == noun;
        if let Some(at) = self.here.filter(of_kind) {
            return Ok(at);
        }
        let word = self.lexicon.noun(noun).singular();
        match self.rows.of(noun).as_slice() {
            [only] => Ok(*only),
            [] => Err(wrong(
                span,
                format!("in which {word}? none was named before"),
            )),
            several => {
                let names: Vec<String> = several.iter().map(|at| self.rows.key(*at)).collect();
                let message = format!("in which {word}? there are {}", names.join(", "));
                Err(wrong(span, message))
            }
        }
    }

    /// The one thing that is meant.
    pub(super) fn one(&mut self, subject: &Subject) -> Told<usize> {
        match self.those(subject)?.as_slice() {
            [only] => Ok(*only),
            several => Err(wrong(
                &subject.span,
                format!("one is meant, these are {}", several.len()),
            )),
        }
    }

    /// The things that are meant.
    fn those(&mut self, subject: &Subject) -> Told<Vec<usize>> {
        let span = &subject.span;
        match &subject.who {
            Who::It(None) => {
                let it = self
                    .it
                    .ok_or_else(|| wrong(span, "it is not clear what it is"))?;
                Ok(vec![it])
            }
            Who::It(Some(noun)) => {
                let of_kind = |at: &usize| self.rows.all[*at].noun == *noun;
                match self.it.filter(of_kind) {
                    Some(at) => Ok(vec![at]),
                    None => Ok(vec![self.only(*noun, span)?]),
                }
            }
            Who::Named(noun, names, place) => {
                let place = match place {
                    Some(place) => Some(self.one(place)?),
                    None => None,
                };
                names
                    .iter()
                    .map(|name| self.named(*noun, name, place, span))
                    .collect()
            }
            Who::Them(share) => {
                let them = self.them.clone();
                if them.is_empty() {
                    return Err(wrong(span, "it is not clear who they are"));
                }
                let clear = matches!(share, Share::All | Share::Rest(_));
                if let Some(some) = self.some.last()
                    && !clear
                {
                    let (all, some) = (them.len(), some.len());
                    let message =
                        format!("it is not clear whether all {all} are meant or the {some}");
                    return Err(Misunderstood {
                        help: Some(format!(
                            "write `all of them`, `of the {all}` or `of the {some}`, or say it in one sentence: `{all} issues, {some} of them …, 2 of them …`"
                        )),
                        ..wrong(span, message)
                    });
                }
                self.of(*share, &them, span)
            }
            Who::OfSoMany(share, count) => {
                let count = usize::try_from(*count).unwrap_or(usize::MAX);
                let spoken = self.some.iter().chain([&self.them]);
                let spoken: Vec<_> = spoken.filter(|rows| rows.len() == count).collect();
                let [rows] = spoken.as_slice() else {
                    let message = format!("it is not clear which {count} are meant");
                    return Err(wrong(span, message));
                };
                let rows = (*rows).clone();
                if rows != self.them {
                    // Of these something was said, but not of some of them.
                    self.told.retain(|at| !rows.contains(at));
                }
                self.of(*share, &rows, span)
            }
            Who::Those(noun, details, share) => {
                let mut found = Vec::new();
                for at in self.rows.of(*noun) {
                    if self.is_so(at, details)? {
                        found.push(at);
                    }
                }
                if found.is_empty() {
                    let word = self.lexicon.noun(*noun).plural();
                    return Err(wrong(span, format!("no such {word} were named before")));
                }
                self.of(*share, &found, span)
            }
        }
    }

    fn named(
        &mut self,
        noun: NounId,
        name: &Name,
        place: Option<usize>,
        span: &Range<usize>,
    ) -> Told<usize> {
        let parent = match (self.lexicon.parent(noun), place) {
            (Some((parent, _)), None) => Some(self.only(parent, span)?),
            (_, place) => place,
        };
        if let Some(at) = self.rows.find(noun, parent, name) {
            return Ok(at);
        }
        let word = self.lexicon.noun(noun).singular();
        let counted = self.counted.contains(&(noun, parent));
        let is_title = matches!(name, Name::Text(_)) && self.lexicon.seed(noun).number.is_some();
        if counted || is_title {
            let shown = match name {
                Name::Number(number) => format!("#{number}"),
                Name::Text(text) => format!("{text:?}"),
            };
            return Err(wrong(
                span,
                format!("there is no {word} {shown} among those named before"),
            ));
        }
        self.rows
            .add(noun, parent, Some(name.clone()))
            .map_err(|message| wrong(span, message))
    }

    /// So many of these: those of which nothing was said yet, first come first.
    fn of(&mut self, share: Share, rows: &[usize], span: &Range<usize>) -> Told<Vec<usize>> {
        let left: Vec<usize> = rows
            .iter()
            .copied()
            .filter(|at| !self.told.contains(at))
            .collect();
        let wanted = match share {
            Share::All | Share::They => return Ok(rows.to_vec()),
            Share::Exactly(count) if usize::try_from(count).is_ok_and(|n| n == rows.len()) => {
                return Ok(rows.to_vec());
            }
            Share::Exactly(count) => count,
            Share::Half if rows.len().is_multiple_of(2) => {
                u64::try_from(rows.len() / 2).unwrap_or(u64::MAX)
            }
            Share::Half => {
                let message = format!("{} cannot be halved", rows.len());
                return Err(wrong(span, message));
            }
            Share::Rest(count) => {
                let all = u64::try_from(left.len()).unwrap_or(u64::MAX);
                if all == 0 || count.is_some_and(|count| count != all) {
                    let message = format!("{all} are left of which nothing was said");
                    return Err(wrong(span, message));
                }
                all
            }
        };
        let wanted = usize::try_from(wanted).unwrap_or(usize::MAX);
        if wanted > left.len() {
            let message = format!(
                "of {} only {} are left of which nothing was said, not {wanted}",
                rows.len(),
                left.len()
            );
            return Err(wrong(span, message));
        }
        let taken = left[..wanted].to_vec();
        self.told.extend(&taken);
        self.whole = Some(rows.to_vec());
        Ok(taken)
    }

    fn part(&mut self, part: &Part, rows: &[usize]) -> Told<()> {
        let taken = self.of(part.share, rows, &part.span)?;
        self.split(rows, &part.details, &part.span);
        self.say(&taken, &part.details)?;
        self.some.push(taken);
        Ok(())
    }

    /// Says these things of all of these.
    fn say(&mut self, rows: &[usize], details: &[Detail]) -> Told<()> {
        for detail in details {
            for (place, at) in rows.iter().enumerate() {
                self.one_thing(*at, &detail.what, (place, rows.len()), &detail.span)?;
            }
        }
        Ok(())
    }

    fn one_thing(
        &mut self,
        at: usize,
        what: &What,
        (place, count): (usize, usize),
        span: &Range<usize>,
    ) -> Told<()> {
        let told = |result: Result<(), String>| result.map_err(|message| wrong(span, message));
        match what {
            What::Sets(sets) => {
                for (column, value) in sets {
                    told(self.rows.set(at, column, value.clone()))?;
                }
            }
            What::Related(relation, values) => {
                self.relate(at, *relation, values, (place, count), span)?;
            }
            What::Measured(relation, value) => {
                let column = self.column(at, *relation);
                told(self.rows.set(at, &column, Value::from(*value)))?;
            }
            What::Unrelated(relation) => {
                let column = self.column(at, *relation);
                let list = self.lexicon.is_list(self.rows.all[at].noun, &column);
                told(self.rows.set(at, &column, nothing(list)))?;
            }
            What::Time { column, age, sets } => {
                for (column, value) in sets {
                    told(self.rows.set(at, column, value.clone()))?;
                }
                let seconds = age.of(place, count);
                let row = &mut self.rows.all[at];
                let known = row.times.insert(column.clone(), (seconds, span.clone()));
                if known.is_some_and(|(before, _)| before != seconds) {
                    let shown = self.rows.shown(at);
                    return Err(wrong(span, format!("{shown} has another {column} already")));
                }
            }
            What::Within(subject) => {
                let parent = self.one(subject)?;
                if self.rows.all[at].parent != Some(parent) {
                    let (shown, other) = (self.rows.shown(at), self.rows.shown(parent));
                    return Err(wrong(span, format!("{shown} is not in {other}")));
                }
            }
            What::Holds(group) => {
                self.group(group, Some(at))?;
            }
            What::HoldsNone(noun) => self.none_of(*noun, Some(at), &[], span),
        }
        Ok(())
    }

    fn column(&self, at: usize, relation: usize) -> String {
        let noun = self.lexicon.noun(self.rows.all[at].noun);
        noun.relations[relation].seed.clone().unwrap_or_default()
    }

    fn relate(
        &mut self,
        at: usize,
        relation: usize,
        values: &[String],
        (place, count): (usize, usize),
        span: &Range<usize>,
    ) -> Told<()> {
        let told = |message: String| wrong(span, message);
        let (noun, parent) = (self.rows.all[at].noun, self.rows.all[at].parent);
        let column = self.column(at, relation);
        let list = self.lexicon.is_list(noun, &column);
        let values = match values {
            [_] => values,
            _ if list => values,
            // Several titles are one for each.
            _ if values.len() == count => &values[place..=place],
            _ => {
                let message = format!("{} values for {count}", values.len());
                return Err(told(message));
            }
        };
        if let Some(target) = self.lexicon.target(noun, relation) {
            let scope = self.lexicon.parent(target).and(parent);
            for value in values {
                self.rows.ensure(target, scope, value).map_err(told)?;
            }
        }
        let value = if list {
            Value::from(values.to_vec())
        } else {
            Value::from(values[0].clone())
        };
        if self.lexicon.seed(noun).name.as_deref() == Some(&column)
            && self.lexicon.seed(noun).number.is_none()
        {
            let named = self.rows.all[at].name.as_deref();
            if named == Some(values[0].as_str()) {
                return Ok(());
            }
            // `a label named bug` got a running name before its own was read.
            self.rows.all[at].name = Some(values[0].clone());
            return Ok(());
        }
        self.rows.set(at, &column, value).map_err(told)
    }
}

/// What a group says it is in.
fn place_of(group: &Group) -> Option<&Subject> {
    group.details.iter().find_map(|detail| match &detail.what {
        What::Within(subject) => Some(subject),
        _ => None,
    })
}
