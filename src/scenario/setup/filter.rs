//! Which of the things that are there are meant: `the open issues`, `issues labelled bug`.

use serde_json::Value;

use super::statement::{Detail, What};
use super::telling::{Telling, Told, wrong};

impl Telling<'_> {
    /// Whether a thing was said to be so.
    pub(super) fn is_so(&mut self, at: usize, details: &[Detail]) -> Told<bool> {
        for detail in details {
            let row = &self.rows.all[at];
            let so = match &detail.what {
                What::Sets(sets) => sets
                    .iter()
                    .all(|(key, value)| row.values.get(key) == Some(value)),
                What::Related(relation, values) => {
                    let declared = &self.lexicon.noun(row.noun).relations[*relation];
                    let column = declared.seed.as_deref().unwrap_or_default();
                    let known = row.values.get(column);
                    values.iter().all(|value| match known {
                        Some(Value::Array(items)) => items.iter().any(|item| item == value),
                        Some(known) => known == value,
                        None => false,
                    })
                }
                What::Within(subject) => {
                    let parent = self.one(subject)?;
                    self.rows.all[at].parent == Some(parent)
                }
                What::Time { column, age, .. } => row
                    .times
                    .get(column)
                    .is_some_and(|(seconds, _)| *seconds == age.of(0, 1)),
                _ => {
                    let message = "things are told apart by state, label and the like";
                    return Err(wrong(&detail.span, message));
                }
            };
            if !so {
                return Ok(false);
            }
        }
        Ok(true)
    }
}
