//! The things that a Setup says there are.

use std::collections::BTreeMap;
use std::ops::Range;

use serde_json::Value;

use super::lexicon::{Lexicon, NounId};
use super::statement::Name;

/// The most things of one Setup.
const MOST: usize = 20_000;

/// One thing.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Row {
    pub(super) noun: NounId,
    pub(super) parent: Option<usize>,
    pub(super) number: Option<u64>,
    pub(super) name: Option<String>,
    /// Columns that were said.
    pub(super) values: BTreeMap<String, Value>,
    /// Moments that were said, in seconds before the run, with their places.
    pub(super) times: BTreeMap<String, (u64, Range<usize>)>,
    /// Its place among its kind in what it belongs to, from 1.
    pub(super) place: usize,
    /// Whether it is only there because something is its.
    pub(super) only_owns: bool,
}

/// All of them; what something belongs to stands before it.
#[derive(Debug)]
pub(super) struct Rows<'l> {
    pub(super) lexicon: &'l Lexicon,
    pub(super) all: Vec<Row>,
    /// How many there are of a kind in one thing.
    counts: BTreeMap<(NounId, Option<usize>), usize>,
    /// The last number in one thing, by the kind that is counted.
    lasts: BTreeMap<(NounId, Option<usize>), u64>,
}

impl<'l> Rows<'l> {
    /// Those that are always there.
    pub(super) fn new(lexicon: &'l Lexicon) -> Self {
        let mut rows = Self {
            lexicon,
            all: Vec::new(),
            counts: BTreeMap::new(),
            lasts: BTreeMap::new(),
        };
        for (clone, words) in lexicon.clones.iter().enumerate() {
            for (table, base) in &words.vocabulary.base {
                let Some(noun) = lexicon.of_table(clone, table) else {
                    continue;
                };
                let column = lexicon.seed(noun).name.as_deref().unwrap_or_default();
                for values in base {
                    let name = values.get(column).and_then(Value::as_str);
                    rows.all.push(Row {
                        noun,
                        parent: None,
                        number: None,
                        name: name.map(str::to_owned),
                        values: values.clone(),
                        times: BTreeMap::new(),
                        place: 1,
                        only_owns: false,
                    });
                }
            }
        }
        rows
    }

    /// Those that a telling came to.
    pub(super) fn finished(lexicon: &'l Lexicon, all: Vec<Row>) -> Self {
        Self {
            lexicon,
            all,
            counts: BTreeMap::new(),
            lasts: BTreeMap::new(),
        }
    }

    pub(super) fn of(&self, noun: NounId) -> Vec<usize> {
        let rows = self.all.iter().enumerate();
        rows.filter(|(_, row)| row.noun == noun)
            .map(|(at, _)| at)
            .collect()
    }

    /// The one of that name, within `parent` where it belongs to something.
    pub(super) fn find(&self, noun: NounId, parent: Option<usize>, name: &Name) -> Option<usize> {
        self.of(noun).into_iter().find(|at| {
            let row = &self.all[*at];
            let called = match name {
                Name::Number(number) => row.number == Some(*number),
                Name::Text(text) => {
                    let own = row.name.as_deref();
                    // A title is a column, not what it is found by alone.
                    let titled = self.lexicon.seed(noun).name.as_ref();
                    let titled = titled.and_then(|column| row.values.get(column)?.as_str());
                    own.or(titled)
                        .is_some_and(|own| own.eq_ignore_ascii_case(text))
                }
            };
            called && (parent.is_none() || row.parent == parent)
        })
    }

    /// A new one.
    pub(super) fn add(
        &mut self,
        noun: NounId,
        parent: Option<usize>,
        name: Option<Name>,
    ) -> Result<usize, String> {
        if self.all.len() >= MOST {
            return Err(format!("more than {MOST} things are said to be there"));
        }
        let seed = self.lexicon.seed(noun);
        let siblings = self.counts.get(&(noun, parent)).copied().unwrap_or(0);
        let series = (self.lexicon.series(noun), parent);
        let last = self.lasts.get(&series).copied().unwrap_or(0);
        let word = self.lexicon.noun(noun).singular();
        if let Some(name) = &name
            && seed.number.is_none() == matches!(name, Name::Text(_))
            // A number behind the last is of none that is there.
            && !matches!(name, Name::Number(number) if *number > last)
            && self.find(noun, parent, name).is_some()
        {
            return Err(match name {
                Name::Number(number) => format!("the {word} #{number} is there already"),
                Name::Text(text) => format!("the {word} {text:?} is there already"),
            });
        }
        let mut row = Row {
            noun,
            parent,
            number: None,
            name: None,
            values: BTreeMap::new(),
            times: BTreeMap::new(),
            place: siblings + 1,
            only_owns: false,
        };
        match (&seed.number, name) {
            (Some(_), Some(Name::Number(number))) => row.number = Some(number),
            (Some(_), title) => {
                row.number = Some(last.saturating_add(1));
                if let (Some(Name::Text(title)), Some(column)) = (title, &seed.name) {
                    row.values.insert(column.clone(), Value::from(title));
                }
            }
            (None, Some(Name::Text(text))) => row.name = Some(text),
            (None, Some(Name::Number(number))) => {
                return Err(format!("a {word} has no number {number}"));
            }
            (None, None) if seed.owner.is_some() => {
                return Err(format!("which {word}? its name is written owner/name"));
            }
            (None, None) if seed.name.is_some() => {
                row.name = Some(format!("{word}-{}", siblings + 1));
            }
            (None, None) => {}
        }
        self.own(&row)?;
        let last = last.max(row.number.unwrap_or(0));
        self.counts.insert((noun, parent), siblings + 1);
        self.lasts.insert(series, last);
        self.all.push(row);
        Ok(self.all.len() - 1)
    }

    /// Makes the owner of a thing whose name is a path.
    fn own(&mut self, row: &Row) -> Result<(), String> {
        let Some(owner) = &self.lexicon.seed(row.noun).owner else {
            return Ok(());
        };
        let word = self.lexicon.noun(row.noun).singular();
        let path = row.name.clone().unwrap_or_default();
        let parts: Vec<&str> = path.split('/').collect();
        let [name, rest] = parts.as_slice() else {
            return Err(format!("a {word} is written owner/name, not {path:?}"));
        };
        if name.is_empty() || rest.is_empty() {
            return Err(format!("a {word} is written owner/name, not {path:?}"));
        }
        let Some(noun) = self.lexicon.called(row.noun.clone, &owner.noun) else {
            return Ok(());
        };
        if self
            .find(noun, None, &Name::Text((*name).to_owned()))
            .is_none()
        {
            let at = self.add(noun, None, Some(Name::Text((*name).to_owned())))?;
            self.all[at].only_owns = true;
        }
        Ok(())
    }

    /// The one of that name, made where it is not there.
    pub(super) fn ensure(
        &mut self,
        noun: NounId,
        parent: Option<usize>,
        name: &str,
    ) -> Result<usize, String> {
        let name = Name::Text(name.to_owned());
        let at = match self.find(noun, parent, &name) {
            Some(at) => at,
            None => self.add(noun, parent, Some(name))?,
        };
        self.all[at].only_owns = false;
        Ok(at)
    }

    /// Says that a column of a row is `value`; a list gets more items.
    pub(super) fn set(&mut self, at: usize, column: &str, value: Value) -> Result<(), String> {
        let shown = self.shown(at);
        let row = &mut self.all[at];
        match (row.values.get_mut(column), value) {
            (Some(Value::Array(items)), Value::Array(more))
                if !items.is_empty() && !more.is_empty() =>
            {
                for item in more {
                    if !items.contains(&item) {
                        items.push(item);
                    }
                }
            }
            (Some(known), value) if *known != value => {
                return Err(format!(
                    "{shown} has the {column} {known} already, not {value}"
                ));
            }
            (_, value) => {
                row.values.insert(column.to_owned(), value);
            }
        }
        Ok(())
    }

    /// The key by which others refer to a row.
    pub(super) fn key(&self, at: usize) -> String {
        let row = &self.all[at];
        match (row.number, row.parent, &row.name) {
            (Some(number), Some(parent), _) => format!("{}#{number}", self.key(parent)),
            (Some(number), None, _) => number.to_string(),
            (None, _, Some(name)) => name.clone(),
            (None, _, None) => String::new(),
        }
    }

    /// A row for people.
    pub(super) fn shown(&self, at: usize) -> String {
        let word = self.lexicon.noun(self.all[at].noun).singular();
        let key = self.key(at);
        if key.is_empty() {
            format!("a {word}")
        } else {
            format!("the {word} {key}")
        }
    }
}
