//! The types criteria are checked with: what the schemas of the clones say, in CEL's terms.

use std::fmt;
use std::sync::Arc;

use archal_core::clone::{CloneDescriptor, Collection, FieldKind, ViewField};

/// The type of an expression, as far as it is known before it runs.
#[derive(Debug, Clone)]
pub(super) enum Type {
    /// Not known: the body of a call, or the rest of an expression that was refused.
    Any,
    Null,
    Bool,
    Int,
    Double,
    Text,
    Bytes,
    Time,
    Duration,
    /// A type's name, the value of `type(x)`.
    Kind,
    /// A list.
    List {
        item: Box<Type>,
        /// Whether it is as long as a collection, rather than a field of a row.
        collection: bool,
    },
    /// A map written in the expression.
    Map(Box<Type>),
    /// An object with known fields.
    Object(Arc<ObjectType>),
}

/// An object with known fields.
#[derive(Debug)]
pub(super) struct ObjectType {
    /// What it is, for messages: `an object of github.issues`.
    pub(super) what: String,
    /// What its fields are, for messages: `field`, `collection`, `clone`.
    pub(super) member: &'static str,
    /// Its fields.
    pub(super) fields: Vec<(String, Type)>,
    /// Where it stands in a clone's view.
    pub(super) origin: Option<Origin>,
}

/// A place in a clone's criteria view.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Origin {
    /// The collections of a clone, in one of the three views.
    Clone { clone: String, view: View },
    /// A row of a collection, or an object in it under `path`.
    Row {
        clone: String,
        collection: String,
        path: String,
    },
    /// A call.
    Call,
}

/// Which state of a clone is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum View {
    After,
    Before,
    Diff,
}

impl ObjectType {
    /// The type of a field.
    pub(super) fn field(&self, name: &str) -> Option<&Type> {
        self.fields
            .iter()
            .find(|(field, _)| field == name)
            .map(|(_, kind)| kind)
    }
}

impl Type {
    /// A list that is not a collection.
    pub(super) fn list(item: Type) -> Self {
        Self::List {
            item: Box::new(item),
            collection: false,
        }
    }

    /// A list as long as a collection.
    pub(super) fn collection(item: Type) -> Self {
        Self::List {
            item: Box::new(item),
            collection: true,
        }
    }

    /// An object.
    pub(super) fn object(
        what: impl Into<String>,
        member: &'static str,
        fields: Vec<(String, Type)>,
        origin: Option<Origin>,
    ) -> Self {
        Self::Object(Arc::new(ObjectType {
            what: what.into(),
            member,
            fields,
            origin,
        }))
    }

    /// Whether a value of this type can equal one of the other.
    pub(super) fn can_equal(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Any | Self::Null, _)
            | (_, Self::Any | Self::Null)
            | (Self::Int | Self::Double, Self::Int | Self::Double)
            | (Self::Bool, Self::Bool)
            | (Self::Text, Self::Text)
            | (Self::Bytes, Self::Bytes)
            | (Self::Time, Self::Time)
            | (Self::Duration, Self::Duration)
            | (Self::Kind, Self::Kind)
            | (Self::Object(_), Self::Object(_)) => true,
            (Self::List { item: a, .. }, Self::List { item: b, .. })
            | (Self::Map(a), Self::Map(b)) => a.can_equal(b),
            _ => false,
        }
    }

    /// The type of a value that may be of either.
    pub(super) fn join(self, other: Self) -> Self {
        match (self, other) {
            (Self::Null, kind) | (kind, Self::Null) => kind,
            (
                Self::List {
                    item: a,
                    collection,
                },
                Self::List {
                    item: b,
                    collection: more,
                },
            ) => Self::List {
                item: Box::new(a.join(*b)),
                collection: collection || more,
            },
            (Self::Map(a), Self::Map(b)) => Self::Map(Box::new(a.join(*b))),
            (Self::Object(a), Self::Object(b)) if a.what == b.what => Self::Object(a),
            (a, b) if std::mem::discriminant(&a) == std::mem::discriminant(&b) => match a {
                Self::Object(_) => Self::Any,
                simple => simple,
            },
            _ => Self::Any,
        }
    }
}

impl fmt::Display for Type {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Any => "a value",
            Self::Null => "null",
            Self::Bool => "a truth value",
            Self::Int => "a whole number",
            Self::Double => "a number",
            Self::Text => "text",
            Self::Bytes => "bytes",
            Self::Time => "a time",
            Self::Duration => "a duration",
            Self::Kind => "a type",
            Self::List { .. } => "a list",
            Self::Map(_) => "a map",
            Self::Object(object) => &object.what,
        })
    }
}

/// The variables a criterion starts with.
pub(super) fn roots(clones: &[&CloneDescriptor]) -> Vec<(String, Type)> {
    let views = |view| -> Vec<(String, Type)> {
        clones
            .iter()
            .map(|clone| (clone.name.to_owned(), clone_type(clone, view)))
            .collect()
    };
    let mut roots = views(View::After);
    roots.push((
        "before".to_owned(),
        Type::object("`before`", "clone", views(View::Before), None),
    ));
    roots.push((
        "diff".to_owned(),
        Type::object("`diff`", "clone", views(View::Diff), None),
    ));
    roots.push(("calls".to_owned(), Type::collection(call_type())));
    roots.push((
        "run".to_owned(),
        fixed(
            "`run`",
            &[
                ("exitCode", Type::Int),
                ("durationMs", Type::Int),
                ("timedOut", Type::Bool),
                ("startedAt", Type::Time),
            ],
            None,
        ),
    ));
    roots.push(("output".to_owned(), Type::Text));
    roots
}

fn call_type() -> Type {
    fixed(
        "a call",
        &[
            ("seq", Type::Int),
            ("clone", Type::Text),
            ("operation", Type::Text),
            ("tool", Type::Text),
            ("method", Type::Text),
            ("path", Type::Text),
            ("query", Type::Text),
            ("changes", Type::Bool),
            ("status", Type::Int),
            ("request", Type::Any),
            ("response", Type::Any),
        ],
        Some(Origin::Call),
    )
}

fn fixed(what: &str, fields: &[(&str, Type)], origin: Option<Origin>) -> Type {
    let fields = fields
        .iter()
        .map(|(name, kind)| ((*name).to_owned(), kind.clone()))
        .collect();
    Type::object(what, "field", fields, origin)
}

fn clone_type(clone: &CloneDescriptor, view: View) -> Type {
    let prefix = match view {
        View::After => "",
        View::Before => "before.",
        View::Diff => "diff.",
    };
    let fields = clone
        .collections
        .iter()
        .map(|collection| {
            let row = row_type(clone.name, collection);
            let kind = match view {
                View::After | View::Before => Type::collection(row),
                View::Diff => diff_type(clone.name, collection.name, row),
            };
            (collection.name.to_owned(), kind)
        })
        .collect();
    Type::object(
        format!("`{prefix}{}`", clone.name),
        "collection",
        fields,
        Some(Origin::Clone {
            clone: clone.name.to_owned(),
            view,
        }),
    )
}

fn diff_type(clone: &str, collection: &str, row: Type) -> Type {
    let change = fixed(
        "a change",
        &[
            ("key", Type::Text),
            ("before", row.clone()),
            ("after", row.clone()),
            ("fields", Type::list(Type::Text)),
        ],
        None,
    );
    fixed(
        &format!("`diff.{clone}.{collection}`"),
        &[
            ("added", Type::collection(row.clone())),
            ("removed", Type::collection(row)),
            ("changed", Type::collection(change)),
        ],
        None,
    )
}

fn row_type(clone: &str, collection: &Collection) -> Type {
    object_type(
        format!("an object of {clone}.{}", collection.name),
        collection.fields,
        clone,
        collection.name,
        "",
    )
}

fn object_type(
    what: String,
    fields: &'static [ViewField],
    clone: &str,
    collection: &str,
    path: &str,
) -> Type {
    let fields = fields
        .iter()
        .map(|field| {
            let below = if path.is_empty() {
                field.name.to_owned()
            } else {
                format!("{path}.{}", field.name)
            };
            let kind = field_type(&field.kind, clone, collection, &below);
            (field.name.to_owned(), kind)
        })
        .collect();
    Type::object(
        what,
        "field",
        fields,
        Some(Origin::Row {
            clone: clone.to_owned(),
            collection: collection.to_owned(),
            path: path.to_owned(),
        }),
    )
}

fn field_type(kind: &FieldKind, clone: &str, collection: &str, path: &str) -> Type {
    match kind {
        FieldKind::Bool => Type::Bool,
        FieldKind::Int => Type::Int,
        FieldKind::Text => Type::Text,
        FieldKind::Time => Type::Time,
        FieldKind::List(item) => Type::list(field_type(item, clone, collection, path)),
        FieldKind::Object(fields) => object_type(
            format!("`{path}` of {clone}.{collection}"),
            fields,
            clone,
            collection,
            path,
        ),
    }
}
