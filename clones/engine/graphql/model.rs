//! What a pack says of the types of its schema.

use std::collections::HashMap;
use std::sync::{Arc, OnceLock};

use archal_core::clone::Stamp;

use super::arguments::Args;
use super::connection::Connection;
use crate::engine::pack::Call;
use crate::engine::row::Row;

/// Everything that a service's GraphQL needs beside the schema.
pub(crate) struct Model {
    /// The types that have fields in the tables, by area.
    pub types: &'static [&'static [Type]],
    /// The mutations, by area.
    pub mutations: &'static [&'static [Mutation]],
    /// The types by name, made at the first call.
    pub index: OnceLock<Index>,
    /// Greatest number of nodes a query may ask for.
    pub most_nodes: u64,
}

/// The types by name and their fields by name.
pub(crate) struct Index {
    types: HashMap<&'static str, Known>,
    mutations: HashMap<&'static str, &'static Mutation>,
}

/// A type with its fields by name.
pub(crate) struct Known {
    fields: HashMap<&'static str, Field>,
    gaps: &'static [&'static str],
}

/// A type of the schema.
pub(crate) struct Type {
    /// Its name.
    pub name: &'static str,
    /// Its fields, by group; groups are shared by types that have fields in common.
    pub fields: &'static [&'static [(&'static str, Field)]],
    /// Fields that have no place in the tables and whose absence would tell something wrong.
    pub gaps: &'static [&'static str],
}

/// Gets a field of an object.
pub(crate) type Get = fn(&Call<'_>, &Object, &Args) -> Outcome;

/// What a field is.
#[derive(Clone, Copy)]
pub(crate) enum Field {
    /// A column of text.
    Text(usize),
    /// A column of free text.
    Prose(usize),
    /// A column of free text that is empty where it is null.
    ProseOrEmpty(usize),
    /// A column of numbers.
    Int(usize),
    /// A column of truth values.
    Bool(usize),
    /// A column of times.
    Time(usize),
    /// The same for every object: a truth value.
    Always(bool),
    /// Null for every object.
    Null,
    /// An empty list or connection for every object.
    Empty,
    /// What a function says.
    By(Get),
}

/// A mutation.
pub(crate) struct Mutation {
    /// Its name.
    pub name: &'static str,
    /// Does it, and makes the payload.
    pub run: fn(&mut Call<'_>, &Args) -> Result<Object, Fault>,
}

/// The outcome of a field.
pub(crate) type Outcome = Result<Value, Fault>;

/// What is wrong with a field.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Fault {
    /// Its kind in capitals; none where the service names none.
    pub kind: Option<&'static str>,
    /// What the service says.
    pub message: String,
    /// The gap of the clone that it stands for.
    pub gap: Option<String>,
}

impl Fault {
    /// A fault of a kind.
    pub(crate) fn new(kind: &'static str, message: impl Into<String>) -> Self {
        Self {
            kind: Some(kind),
            message: message.into(),
            gap: None,
        }
    }

    /// What the service has and the clone has not.
    pub(crate) fn gap(what: impl Into<String>) -> Self {
        let what = what.into();
        Self {
            kind: None,
            message: format!("{what} is not modelled by this local clone"),
            gap: Some(what),
        }
    }
}

/// An object of the answer.
#[derive(Debug, Clone)]
pub(crate) struct Object {
    /// The name of its type, never an interface or a union.
    pub of: &'static str,
    /// The row it shows, or whose part it is.
    pub row: Option<Arc<Row>>,
    /// Which part of the row it is: a commit's name, a path.
    pub part: Arc<str>,
    /// Fields that are known already.
    pub made: Vec<(&'static str, Value)>,
}

impl Object {
    /// A row.
    pub(crate) fn row(of: &'static str, row: &Arc<Row>) -> Self {
        Self {
            of,
            row: Some(Arc::clone(row)),
            part: "".into(),
            made: Vec::new(),
        }
    }

    /// A part of a row.
    pub(crate) fn part(of: &'static str, row: &Arc<Row>, part: &str) -> Self {
        Self {
            part: part.into(),
            ..Self::row(of, row)
        }
    }

    /// An object of fields.
    pub(crate) fn made(of: &'static str, made: Vec<(&'static str, Value)>) -> Self {
        Self {
            of,
            row: None,
            part: "".into(),
            made,
        }
    }

    /// The row it shows.
    pub(crate) fn shown(&self) -> Result<&Arc<Row>, Fault> {
        self.row
            .as_ref()
            .ok_or_else(|| Fault::gap(format!("graphql:{}", self.of)))
    }
}

/// A value of the answer.
#[derive(Debug, Clone)]
pub(crate) enum Value {
    /// Null.
    Null,
    /// A truth value.
    Bool(bool),
    /// A number.
    Int(i64),
    /// A number with a fraction.
    Float(f64),
    /// Text that holds no time, or the name of an enum's value.
    Text(Arc<str>),
    /// Free text, in which a time may be repeated.
    Said(Arc<str>),
    /// Free text of a row.
    Prose(Arc<Row>, usize),
    /// A time.
    Time(Stamp),
    /// An object.
    Object(Box<Object>),
    /// A list.
    List(Vec<Value>),
    /// A connection.
    Connection(Connection),
    /// Null for a reason that is told: an item of a list that is not there.
    Fault(Box<Fault>),
}

impl Value {
    /// A text.
    pub(crate) fn text(text: impl Into<Arc<str>>) -> Self {
        Self::Text(text.into())
    }

    /// A free text.
    pub(crate) fn said(text: impl Into<Arc<str>>) -> Self {
        Self::Said(text.into())
    }
}

impl From<bool> for Value {
    fn from(value: bool) -> Self {
        Self::Bool(value)
    }
}

impl From<i64> for Value {
    fn from(value: i64) -> Self {
        Self::Int(value)
    }
}

impl From<usize> for Value {
    fn from(value: usize) -> Self {
        Self::Int(i64::try_from(value).unwrap_or(i64::MAX))
    }
}

impl From<&str> for Value {
    fn from(value: &str) -> Self {
        Self::Text(value.into())
    }
}

impl From<String> for Value {
    fn from(value: String) -> Self {
        Self::Text(value.into())
    }
}

impl From<Stamp> for Value {
    fn from(value: Stamp) -> Self {
        Self::Time(value)
    }
}

impl From<Object> for Value {
    fn from(value: Object) -> Self {
        Self::Object(Box::new(value))
    }
}

impl From<Connection> for Value {
    fn from(value: Connection) -> Self {
        Self::Connection(value)
    }
}

impl<T: Into<Value>> From<Option<T>> for Value {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Null, Into::into)
    }
}

impl<T: Into<Value>> From<Vec<T>> for Value {
    fn from(value: Vec<T>) -> Self {
        Self::List(value.into_iter().map(Into::into).collect())
    }
}

impl Model {
    /// The types and mutations by name.
    pub(crate) fn index(&self) -> &Index {
        self.index.get_or_init(|| Index {
            types: self
                .types
                .iter()
                .copied()
                .flatten()
                .map(|of| {
                    let fields = of.fields.iter().copied().flatten().copied().collect();
                    let gaps = of.gaps;
                    (of.name, Known { fields, gaps })
                })
                .collect(),
            mutations: self
                .mutations
                .iter()
                .copied()
                .flatten()
                .map(|mutation| (mutation.name, mutation))
                .collect(),
        })
    }
}

impl Index {
    /// What is known of a type.
    pub(super) fn of(&self, name: &str) -> Option<&Known> {
        self.types.get(name)
    }

    /// A mutation.
    pub(super) fn mutation(&self, name: &str) -> Option<&'static Mutation> {
        self.mutations.get(name).copied()
    }
}

impl Known {
    /// A field.
    pub(super) fn field(&self, name: &str) -> Option<Field> {
        self.fields.get(name).copied()
    }

    /// Whether the absence of a field would tell something wrong.
    pub(super) fn lacks(&self, name: &str) -> bool {
        self.gaps.contains(&name)
    }
}
