//! The seed documents that the things of a Setup are.

use std::collections::BTreeMap;

use archal_core::clone::FieldKind;
use serde_json::{Map, Value};

use super::Said;
use super::amounts::{DAY, ago};
use super::lexicon::Lexicon;
use super::rows::{Row, Rows};
use super::statement::Name;

/// One document for each clone of which something was said.
pub(super) fn documents(lexicon: &Lexicon, rows: Vec<Row>) -> Vec<Said> {
    let mut rows = Rows::finished(lexicon, rows);
    order_times(&mut rows);
    let mut found = Vec::new();
    for (clone, words) in lexicon.clones.iter().enumerate() {
        let always: usize = words.vocabulary.base.values().map(Vec::len).sum();
        let own = rows
            .all
            .iter()
            .filter(|row| row.noun.clone == clone)
            .count();
        if own <= always {
            continue;
        }
        let mut document = Map::new();
        for table in words.tables {
            let of_table: Vec<Value> = (0..rows.all.len())
                .filter(|at| {
                    let row = &rows.all[*at];
                    row.noun.clone == clone && lexicon.seed(row.noun).table == table.name
                })
                .map(|at| row_value(&rows, at))
                .collect();
            if !of_table.is_empty() {
                document.insert(table.name.to_owned(), Value::from(of_table));
            }
        }
        found.push(Said {
            clone: words.name.to_owned(),
            document: Value::Object(document),
        });
    }
    found
}

/// Makes moments that were not said agree with those that were: nothing changes before it is made,
/// and nothing is older than what it belongs to.
fn order_times(rows: &mut Rows<'_>) {
    let lexicon = rows.lexicon;
    for at in 0..rows.all.len() {
        let row = &rows.all[at];
        let Some(created) = &lexicon.seed(row.noun).created else {
            continue;
        };
        if row.times.contains_key(created) {
            continue;
        }
        let changed = row
            .times
            .values()
            .max_by_key(|(seconds, _)| *seconds)
            .cloned();
        let parent_changed = row.parent.and_then(|parent| {
            let parent = &rows.all[parent];
            let updated = lexicon.seed(parent.noun).updated.as_ref()?;
            parent.times.get(updated).cloned()
        });
        if let Some(time) = changed.or(parent_changed) {
            rows.all[at].times.insert(created.clone(), time);
        }
    }
    // What something belongs to stands before it.
    for at in (0..rows.all.len()).rev() {
        let Some(age) = age(rows, at) else { continue };
        let row = &rows.all[at];
        let owner = lexicon.seed(row.noun).owner.as_ref().and_then(|owner| {
            let noun = lexicon.called(row.noun.clone, &owner.noun)?;
            let name = row.name.as_deref()?.split('/').next()?;
            rows.find(noun, None, &Name::Text(name.to_owned()))
        });
        for above in row.parent.into_iter().chain(owner) {
            let above_noun = rows.all[above].noun;
            let Some(created) = &lexicon.seed(above_noun).created else {
                continue;
            };
            let said = rows.all[above].times.contains_key(created);
            if !said || parent_is_guessed(rows, above) {
                let older = match self::age(rows, above) {
                    Some(known) => known < age,
                    None => true,
                };
                if older {
                    rows.all[above].times.insert(created.clone(), (age, 0..0));
                }
            }
        }
    }
}

/// Whether the age of a row was made up here, which its empty place shows.
fn parent_is_guessed(rows: &Rows<'_>, at: usize) -> bool {
    let row = &rows.all[at];
    let created = rows.lexicon.seed(row.noun).created.as_ref();
    created
        .and_then(|created| row.times.get(created))
        .is_some_and(|(_, span)| span.is_empty())
}

/// How old a row is, in seconds: as said, else by default.
fn age(rows: &Rows<'_>, at: usize) -> Option<u64> {
    let row = &rows.all[at];
    let seed = rows.lexicon.seed(row.noun);
    let said = seed
        .created
        .as_ref()
        .and_then(|column| row.times.get(column));
    said.map(|(seconds, _)| *seconds)
        .or_else(|| seed.age.map(|days| u64::from(days) * DAY))
}

fn row_value(rows: &Rows<'_>, at: usize) -> Value {
    let lexicon = rows.lexicon;
    let row = &rows.all[at];
    let seed = lexicon.seed(row.noun);
    let mut out: BTreeMap<String, Value> = row.values.clone();
    out.retain(|_, value| !value.is_null());
    if row.only_owns {
        for (owned, other) in rows.all.iter().zip(0..) {
            let owner: Option<_> = lexicon.seed(owned.noun).owner.as_ref();
            let path = owned.name.as_deref().unwrap_or_default();
            let is_its = other != at && path.split('/').next() == row.name.as_deref();
            if let Some(owner) = owner.filter(|_| is_its) {
                for (column, value) in &owner.sets {
                    out.entry(column.clone()).or_insert_with(|| value.clone());
                }
            }
        }
    }
    if let (Some(column), Some(name)) = (&seed.name, &row.name) {
        out.insert(column.clone(), Value::from(name.clone()));
    }
    if let (Some(column), Some(number)) = (&seed.number, row.number) {
        out.insert(column.clone(), Value::from(number));
    }
    if let (Some(parent), Some((_, column))) = (row.parent, lexicon.parent(row.noun)) {
        out.insert(column.to_owned(), Value::from(rows.key(parent)));
    }
    for (column, (seconds, _)) in &row.times {
        out.insert(column.clone(), Value::from(ago(*seconds)));
    }
    let word = lexicon.noun(row.noun).singular();
    let number = row.number.unwrap_or(u64::try_from(row.place).unwrap_or(1));
    for field in lexicon
        .table(row.noun)
        .map_or(&[][..], |table| table.fields)
    {
        if field.required && matches!(field.kind, FieldKind::Text) && !out.contains_key(field.name)
        {
            let text = format!("{}{} {number}", word[..1].to_uppercase(), &word[1..]);
            out.insert(field.name.to_owned(), Value::from(text));
        }
    }
    out.into_iter().collect::<Map<_, _>>().into()
}
