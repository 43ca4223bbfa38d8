//! A row: typed fields in the order of its table's columns, with its rendering beside it.

use std::sync::{Arc, OnceLock};

use archal_core::clone::{Rendered, Stamp, ViewValue};

/// One version of a row. Rows never change; a write puts another one in its place.
#[derive(Debug)]
pub(crate) struct Row {
    values: Box<[ViewValue]>,
    /// Free texts that hold a time this clone handed out, as evidence writes them, by column.
    said: Vec<(usize, Arc<str>)>,
    /// The number of the write that made it, where it was not changed since by a change of
    /// another row; with its content it is what an entity tag stands for.
    version: u64,
    rendered: OnceLock<(Rendered, u64)>,
}

/// Two rows are the same only where they are one: a write makes another one, whatever is in it.
impl PartialEq for Row {
    fn eq(&self, other: &Self) -> bool {
        std::ptr::eq(self, other)
    }
}

impl Row {
    pub(super) fn new(
        values: Box<[ViewValue]>,
        said: Vec<(usize, Arc<str>)>,
        version: u64,
    ) -> Self {
        Self {
            values,
            said,
            version,
            rendered: OnceLock::new(),
        }
    }

    /// The same row as if an earlier write had made it.
    pub(super) fn with_version(mut self, version: u64) -> Self {
        self.version = version;
        self
    }

    /// A field.
    pub(crate) fn value(&self, column: usize) -> &ViewValue {
        self.values.get(column).unwrap_or(&ViewValue::Null)
    }

    /// A text field; empty where it is null.
    pub(crate) fn text(&self, column: usize) -> &str {
        self.text_or_null(column).unwrap_or_default()
    }

    /// A text field.
    pub(crate) fn text_or_null(&self, column: usize) -> Option<&str> {
        match self.value(column) {
            ViewValue::Text(text) => Some(text),
            _ => None,
        }
    }

    /// A text field as evidence writes it.
    pub(crate) fn said(&self, column: usize) -> &str {
        self.said
            .iter()
            .find(|(at, _)| *at == column)
            .map_or_else(|| self.text(column), |(_, text)| text)
    }

    /// A number; zero where it is null.
    pub(crate) fn int(&self, column: usize) -> i64 {
        match self.value(column) {
            ViewValue::Int(value) => *value,
            _ => 0,
        }
    }

    /// A truth value; false where it is null.
    pub(crate) fn bool(&self, column: usize) -> bool {
        matches!(self.value(column), ViewValue::Bool(true))
    }

    /// A time.
    pub(crate) fn time(&self, column: usize) -> Option<Stamp> {
        match self.value(column) {
            ViewValue::Time(stamp) => Some(*stamp),
            _ => None,
        }
    }

    /// The time in seconds; zero where it is null.
    pub(crate) fn seconds(&self, column: usize) -> i64 {
        self.time(column).map_or(0, |stamp| stamp.at.as_second())
    }

    /// Whether a field is null.
    pub(crate) fn is_null(&self, column: usize) -> bool {
        *self.value(column) == ViewValue::Null
    }

    /// The texts of a list.
    pub(crate) fn texts(&self, column: usize) -> impl Iterator<Item = &str> {
        let items = match self.value(column) {
            ViewValue::List(items) => items.as_slice(),
            _ => &[],
        };
        items.iter().filter_map(|item| match item {
            ViewValue::Text(text) => Some(text.as_ref()),
            _ => None,
        })
    }

    /// The number of the write that made it.
    pub(crate) fn version(&self) -> u64 {
        self.version
    }

    /// Its rendering with a fingerprint of it, made by `render` the first time.
    pub(super) fn rendered_with(
        &self,
        render: impl FnOnce() -> (Rendered, u64),
    ) -> &(Rendered, u64) {
        self.rendered.get_or_init(render)
    }

    /// Its fields to change into another row.
    pub(crate) fn draft(&self) -> Draft {
        Draft(self.values.to_vec())
    }
}

/// The fields of a row to be.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Draft(pub(super) Vec<ViewValue>);

impl Draft {
    /// All null.
    pub(crate) fn empty(columns: usize) -> Self {
        Self(vec![ViewValue::Null; columns])
    }

    /// A field.
    pub(crate) fn get(&self, column: usize) -> &ViewValue {
        self.0.get(column).unwrap_or(&ViewValue::Null)
    }

    /// A text field; empty where it is null.
    pub(crate) fn text(&self, column: usize) -> &str {
        match self.get(column) {
            ViewValue::Text(text) => text,
            _ => "",
        }
    }

    /// A number; zero where it is null.
    pub(crate) fn int(&self, column: usize) -> i64 {
        match self.get(column) {
            ViewValue::Int(value) => *value,
            _ => 0,
        }
    }

    /// Whether a field is null.
    pub(crate) fn is_null(&self, column: usize) -> bool {
        *self.get(column) == ViewValue::Null
    }

    /// The texts of a list.
    pub(crate) fn texts(&self, column: usize) -> Vec<Arc<str>> {
        match self.get(column) {
            ViewValue::List(items) => items
                .iter()
                .filter_map(|item| match item {
                    ViewValue::Text(text) => Some(Arc::clone(text)),
                    _ => None,
                })
                .collect(),
            _ => Vec::new(),
        }
    }

    /// Sets a field.
    pub(crate) fn set(&mut self, column: usize, value: ViewValue) -> &mut Self {
        if let Some(field) = self.0.get_mut(column) {
            *field = value;
        }
        self
    }

    /// Sets a field that is null.
    pub(crate) fn or(&mut self, column: usize, value: impl FnOnce() -> ViewValue) -> &mut Self {
        if self.is_null(column) {
            let value = value();
            self.set(column, value);
        }
        self
    }
}

/// Text as a value.
pub(crate) fn text(text: impl Into<Arc<str>>) -> ViewValue {
    ViewValue::Text(text.into())
}

/// A list of texts as a value.
pub(crate) fn list<T: Into<Arc<str>>>(items: impl IntoIterator<Item = T>) -> ViewValue {
    ViewValue::List(items.into_iter().map(text).collect())
}
