//! What can be told only at the end of a Setup: whether parts add up to the whole, and whether what
//! was said not to be there is not there.

use std::collections::BTreeMap;
use std::ops::Range;

use serde_json::Value;

use super::Misunderstood;
use super::lexicon::NounId;
use super::statement::{Detail, What};
use super::telling::{Telling, Told, wrong};

/// Said of parts of the same things: the values of each column, and where the last was said.
pub(super) type Splits = BTreeMap<(Vec<usize>, String), (Vec<Value>, Range<usize>)>;

/// Things that were said not to be there.
#[derive(Debug)]
pub(super) struct Absence {
    noun: NounId,
    parent: Option<usize>,
    /// Which of them: `no open issues`.
    details: Vec<Detail>,
    span: Range<usize>,
}

impl Telling<'_> {
    /// Remembers what is said of some of `whole`.
    pub(super) fn split(&mut self, whole: &[usize], details: &[Detail], span: &Range<usize>) {
        for detail in details {
            let (What::Sets(sets) | What::Time { sets, .. }) = &detail.what else {
                continue;
            };
            for (column, value) in sets {
                let part = self.splits.entry((whole.to_vec(), column.clone()));
                let (values, place) = part.or_insert_with(|| (Vec::new(), span.clone()));
                place.start = place.start.min(span.start);
                place.end = place.end.max(span.end);
                if !values.contains(value) {
                    values.push(value.clone());
                }
            }
        }
    }

    /// Remembers that there are none of a kind.
    pub(super) fn none_of(
        &mut self,
        noun: NounId,
        parent: Option<usize>,
        details: &[Detail],
        span: &Range<usize>,
    ) {
        let place = |detail: &&Detail| !matches!(detail.what, What::Within(_));
        self.absences.push(Absence {
            noun,
            parent,
            details: details.iter().filter(place).cloned().collect(),
            span: span.clone(),
        });
    }

    /// Holds what was said of parts and absences against what is there now.
    ///
    /// # Errors
    /// Where they contradict it.
    pub(super) fn agrees(&mut self) -> Told<()> {
        for absence in std::mem::take(&mut self.absences) {
            self.is_absent(&absence)?;
        }
        self.adds_up()
    }

    fn is_absent(&mut self, absence: &Absence) -> Told<()> {
        let mut there = Vec::new();
        for at in self.rows.of(absence.noun) {
            let row = &self.rows.all[at];
            let elsewhere = absence.parent.is_some() && row.parent != absence.parent;
            if at >= self.base
                && !row.only_owns
                && !elsewhere
                && self.is_so(at, &absence.details)?
            {
                there.push(at);
            }
        }
        let Some(first) = there.first() else {
            return Ok(());
        };
        let word = self.lexicon.noun(absence.noun).plural();
        let such = if absence.details.is_empty() {
            ""
        } else {
            "such "
        };
        let place = absence.parent.map_or_else(String::new, |parent| {
            format!(" in {}", self.rows.shown(parent))
        });
        let message = match there.len() {
            1 => format!(
                "no {such}{word} are said to be{place}, and {} is",
                self.rows.shown(*first)
            ),
            count => format!("no {such}{word} are said to be{place}, and {count} are"),
        };
        Err(wrong(&absence.span, message))
    }

    /// `5 issues: 2 open and 2 closed` leaves one of which nobody said which it is.
    fn adds_up(&self) -> Told<()> {
        for ((whole, column), (values, span)) in &self.splits {
            let is_unsaid = |at: &&usize| !self.rows.all[**at].values.contains_key(column);
            let left = whole.iter().filter(is_unsaid).count();
            if values.len() < 2 || left == 0 {
                continue;
            }
            let message = format!(
                "these parts are {} of {}, and nothing says the {column} of the rest",
                whole.len() - left,
                whole.len()
            );
            return Err(Misunderstood {
                help: Some("say it: `the rest are …`, or count again".to_owned()),
                ..wrong(span, message)
            });
        }
        Ok(())
    }
}
