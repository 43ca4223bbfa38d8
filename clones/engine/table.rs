//! How a pack declares its tables: columns, key, indexes and relations, all constant data.

use archal_core::clone::{FieldKind, SeedField, SeedTable, ViewValue};

use super::key::{Key, Part, fold, folded};
use super::root::Root;
use super::row::Row;
use super::writer::Writer;

/// A table's place in its pack.
pub(crate) type TableId = usize;

/// A table of a pack.
pub(crate) struct Table {
    /// Name, key as written and columns as a seed document has them.
    pub seed: &'static SeedTable,
    /// What a schema says of each column, beside [`SeedTable::fields`].
    pub columns: &'static [Column],
    /// What its key is made of.
    pub key: &'static [By],
    /// Its indexes.
    pub indexes: &'static [Index],
    /// Its natural key as people write it.
    pub name_of: fn(&Row) -> String,
    /// The key of a natural key as people write it.
    pub find: fn(&str) -> Option<Key>,
    /// The column of the service's own number and the number below the first generated one.
    pub id: Option<(usize, i64)>,
    /// Columns of free text, in which a caller may repeat a time.
    pub prose: &'static [usize],
    /// Writes the row as the service shows it inside lists.
    pub render: fn(&Root, &Row, &mut Writer),
}

/// A column: the seed's field and what its schema says of it.
#[derive(Clone, Copy)]
pub(crate) struct Column {
    /// As in the seed document.
    pub field: SeedField,
    /// One line.
    pub about: &'static str,
    /// The texts it may hold; any where empty.
    pub choices: &'static [&'static str],
    /// What it holds where a seed says nothing.
    pub default: Standard,
}

/// What a column holds where nothing is said.
#[derive(Clone, Copy)]
pub(crate) enum Standard {
    /// Null, or what the pack derives from the rest of the row.
    Null,
    /// A truth value.
    Bool(bool),
    /// A number.
    Int(i64),
    /// A text.
    Text(&'static str),
    /// An empty list.
    Empty,
}

impl Standard {
    /// As a value.
    pub(crate) fn value(self) -> ViewValue {
        match self {
            Self::Null => ViewValue::Null,
            Self::Bool(value) => ViewValue::Bool(value),
            Self::Int(value) => ViewValue::Int(value),
            Self::Text(value) => ViewValue::Text(value.into()),
            Self::Empty => ViewValue::List(Vec::new()),
        }
    }
}

impl Column {
    /// An optional column without default.
    pub(crate) const fn new(name: &'static str, kind: FieldKind, about: &'static str) -> Self {
        Self {
            field: SeedField {
                name,
                kind,
                required: false,
                must_be_proved: false,
                references: None,
            },
            about,
            choices: &[],
            default: Standard::Null,
        }
    }

    /// A row without it is refused, and a trace must prove it.
    pub(crate) const fn required(mut self) -> Self {
        self.field.required = true;
        self.field.must_be_proved = true;
        self
    }

    /// A state rebuilt from a trace is only right when the trace proves it.
    pub(crate) const fn proved(mut self) -> Self {
        self.field.must_be_proved = true;
        self
    }

    /// It holds keys of that table.
    pub(crate) const fn of(mut self, table: &'static str) -> Self {
        self.field.references = Some(table);
        self
    }

    /// It holds one of these texts.
    pub(crate) const fn one_of(mut self, choices: &'static [&'static str]) -> Self {
        self.choices = choices;
        self
    }

    /// What it holds where a seed says nothing.
    pub(crate) const fn or(mut self, default: Standard) -> Self {
        self.default = default;
        self
    }
}

/// The fields of a seed table from its columns.
pub(crate) const fn seed_fields<const N: usize>(columns: &[Column; N]) -> [SeedField; N] {
    let mut fields = [columns[0].field; N];
    let mut at = 0;
    while at < N {
        fields[at] = columns[at].field;
        at += 1;
    }
    fields
}

/// What a part of a key is made of.
#[derive(Debug, Clone, Copy)]
pub(crate) enum By {
    /// A column as it is.
    Column(usize),
    /// A text without case.
    Folded(usize),
    /// Each item of a list without case: one entry an item.
    Each(usize),
    /// A text up to a character, without case: the repository of `acme/webapp#7`.
    Before(usize, char),
    /// A text after a character, without case: the slug of `acme/core`.
    After(usize, char),
    /// A text after a character as it is: the path of `acme/webapp:src/main.rs`.
    AfterAsIs(usize, char),
    /// The number after a character: 7 of `acme/webapp#7`.
    NumberAfter(usize, char),
}

/// An index: rows in groups, each group in an order. Its groups know their size.
pub(crate) struct Index {
    /// What the rows of a group have in common.
    pub group: &'static [By],
    /// Their order in the group; must tell any two of them apart.
    pub order: &'static [By],
}

/// A relation between two tables, kept when the target changes.
pub(crate) struct Relation {
    /// The table whose rows refer.
    pub from: TableId,
    /// The table referred to.
    pub to: TableId,
    /// The index of `from` whose groups are the keys of `to`.
    pub index: usize,
    /// What becomes of the referring rows.
    pub on_delete: OnDelete,
}

/// What becomes of referring rows when their target goes.
#[derive(Debug, Clone, Copy)]
pub(crate) enum OnDelete {
    /// They go too.
    Remove,
    /// The target's name leaves their list; renaming the target renames it there, and any
    /// change of the target renders them anew.
    Unlink {
        /// The list column of the referring table.
        list: usize,
        /// The column of the target that holds the name in such a list.
        name: usize,
    },
}

/// The parts of a key of `row`; several keys where a list takes part.
pub(super) fn keys_of(row: &Row, parts: &[By]) -> Vec<Key> {
    let mut keys: Vec<Vec<Part>> = vec![Vec::with_capacity(parts.len())];
    for by in parts {
        if let By::Each(column) = by {
            let items: Vec<Part> = row.texts(*column).map(folded).collect();
            keys = keys
                .iter()
                .flat_map(|key| {
                    items.iter().map(move |item| {
                        let mut key = key.clone();
                        key.push(item.clone());
                        key
                    })
                })
                .collect();
        } else {
            let part = part_of(row, *by);
            for key in &mut keys {
                key.push(part.clone());
            }
        }
    }
    keys.into_iter().map(Key::new).collect()
}

/// The one key of `row` where no list takes part.
pub(super) fn key_of(row: &Row, parts: &[By]) -> Key {
    Key::new(parts.iter().map(|by| part_of(row, *by)))
}

fn part_of(row: &Row, by: By) -> Part {
    match by {
        By::Column(column) => match row.value(column) {
            ViewValue::Int(value) => Part::Int(*value),
            ViewValue::Bool(value) => Part::Int(i64::from(*value)),
            ViewValue::Time(stamp) => Part::Int(stamp.at.as_second()),
            ViewValue::Text(text) => Part::Text(text.clone()),
            ViewValue::Null | ViewValue::List(_) | ViewValue::Object(_) => Part::Int(0),
        },
        By::Folded(column) | By::Each(column) => folded(row.text(column)),
        By::Before(column, mark) => {
            let text = row.text(column);
            Part::Text(fold(
                text.split_once(mark).map_or(text, |(before, _)| before),
            ))
        }
        By::After(column, mark) => {
            let text = row.text(column);
            Part::Text(fold(text.split_once(mark).map_or("", |(_, after)| after)))
        }
        By::AfterAsIs(column, mark) => {
            let text = row.text(column);
            Part::Text(text.split_once(mark).map_or("", |(_, after)| after).into())
        }
        By::NumberAfter(column, mark) => Part::Int(
            row.text(column)
                .split_once(mark)
                .and_then(|(_, after)| after.parse().ok())
                .unwrap_or(0),
        ),
    }
}
