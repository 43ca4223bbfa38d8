//! CEL values made from state, calls and run, directly and only where they are read.
//!
//! Nothing goes through serde: the crate makes unsigned numbers of JSON integers, and
//! subtracting a signed number from one is an error. Objects are shared, so that binding a row
//! to the variable of a macro costs a counter and not a copy of the row.

use std::any::Any;
use std::collections::{BTreeSet, HashMap};
use std::fmt;
use std::sync::Arc;

use archal_core::clone::{Stamp, ViewRow, ViewValue, offset};
use cel::ExecutionError;
use cel::common::traits::{Container, Indexer, Sizer};
use cel::common::types::{
    CelBool, CelDouble, CelDuration, CelInt, CelList, CelMap, CelMapKey, CelNull, CelString,
    CelTimestamp, CelUInt, MAP_TYPE, Type,
};
use cel::common::value::{CowVal, StaticVal, Val};
use jiff::Timestamp;
use serde_json::{Map, Value};

use super::references::References;
use super::types::View;
use super::world::{CallFact, World};

/// A CEL value that owns what it holds.
pub(super) type Owned = Box<dyn Val>;

/// How evidence writes the times that occur in values.
#[derive(Debug, Clone, Default)]
pub(super) struct Times {
    base: Timestamp,
    /// Times that a call of the run set; they differ between runs.
    by_call: BTreeSet<Timestamp>,
}

impl Times {
    fn text(&self, at: Timestamp) -> String {
        if self.by_call.contains(&at) {
            "+run".to_owned()
        } else {
            offset(at, self.base)
        }
    }
}

/// The variables of a criterion.
pub(super) struct Variables {
    pub(super) values: Vec<(String, Owned)>,
    pub(super) times: Times,
}

/// An object with named fields: a row, a part of one, a call, a view of a clone.
#[derive(Clone)]
pub(super) struct ObjectVal(Arc<ObjectData>);

struct ObjectData {
    fields: Vec<(&'static str, Owned)>,
    /// The natural key, where it is a row of a collection.
    key: Option<String>,
    /// Fields that evidence leaves out.
    hidden: &'static [&'static str],
}

impl ObjectVal {
    fn new(fields: Vec<(&'static str, Owned)>) -> Self {
        Self(Arc::new(ObjectData {
            fields,
            key: None,
            hidden: &[],
        }))
    }

    /// The natural key, where it is a row of a collection.
    pub(super) fn key(&self) -> Option<&str> {
        self.0.key.as_deref()
    }

    /// Its fields.
    pub(super) fn fields(&self) -> &[(&'static str, Owned)] {
        &self.0.fields
    }

    fn field(&self, name: &dyn Val) -> Option<&Owned> {
        let name = name.downcast_ref::<CelString<'_>>()?;
        self.0
            .fields
            .iter()
            .find(|(field, _)| *field == name.inner())
            .map(|(_, value)| value)
    }
}

impl fmt::Debug for ObjectVal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let fields = self.0.fields.iter().map(|(name, value)| (name, value));
        f.debug_map().entries(fields).finish()
    }
}

impl Val for ObjectVal {
    fn get_type(&self) -> &Type {
        <Self as Val>::cel_type()
    }

    fn cel_type() -> &'static Type {
        static OBJECT: Type = MAP_TYPE;
        &OBJECT
    }

    fn as_container(&self) -> Option<&dyn Container> {
        Some(self)
    }

    fn as_indexer<'b, 'v>(&'b self) -> Option<&'b (dyn Indexer + 'v)>
    where
        Self: 'v,
    {
        Some(self)
    }

    fn as_sizer(&self) -> Option<&dyn Sizer> {
        Some(self)
    }

    fn equals(&self, other: &dyn Val) -> bool {
        other.downcast_ref::<Self>().is_some_and(|other| {
            Arc::ptr_eq(&self.0, &other.0)
                || (self.0.fields.len() == other.0.fields.len()
                    && self.0.fields.iter().zip(&other.0.fields).all(
                        |((name, value), (other_name, other_value))| {
                            name == other_name && value.equals(other_value.as_ref())
                        },
                    ))
        })
    }

    fn clone_as_boxed<'v>(&self) -> Box<dyn Val + 'v>
    where
        Self: 'v,
    {
        Box::new(self.clone())
    }

    fn as_any(&self) -> Option<&dyn Any> {
        Some(self)
    }
}

impl StaticVal for ObjectVal {}

impl Container for ObjectVal {
    fn contains(&self, name: &dyn Val) -> Result<bool, ExecutionError> {
        Ok(self.field(name).is_some())
    }
}

impl Sizer for ObjectVal {
    fn size(&self) -> CelInt {
        int(self.0.fields.len())
    }
}

impl Indexer for ObjectVal {
    fn get<'b, 'v>(&'b self, name: &dyn Val) -> Result<CowVal<'b, 'v>, ExecutionError>
    where
        Self: 'v,
    {
        self.field(name)
            .map(|value| CowVal::Borrowed(value.as_ref()))
            .ok_or_else(|| no_such_key(name))
    }

    fn steal<'v>(self: Box<Self>, name: &dyn Val) -> Result<Box<dyn Val + 'v>, ExecutionError>
    where
        Self: 'v,
    {
        self.field(name)
            .map(|value| value.clone_as_boxed())
            .ok_or_else(|| no_such_key(name))
    }
}

fn no_such_key(name: &dyn Val) -> ExecutionError {
    let name = name
        .downcast_ref::<CelString<'_>>()
        .map_or("", CelString::inner);
    ExecutionError::no_such_key(name)
}

fn int(number: usize) -> CelInt {
    CelInt::from(i64::try_from(number).unwrap_or(i64::MAX))
}

fn text(text: &str) -> Owned {
    Box::new(CelString::from(text.to_owned()))
}

fn list(items: Vec<Owned>) -> Owned {
    Box::new(CelList::from(items))
}

/// The variables an expression reads.
pub(super) fn variables(world: &World, references: &References) -> Variables {
    let mut times = Times {
        base: world
            .clones
            .first()
            .map(|clone| clone.base)
            .unwrap_or_default(),
        by_call: BTreeSet::new(),
    };
    let mut values: Vec<(String, Owned)> = Vec::new();
    for view in [View::After, View::Before, View::Diff] {
        let clones = clone_views(world, references, view, &mut times);
        match view {
            View::After => {
                for (name, value) in clones {
                    values.push((name.to_owned(), value));
                }
            }
            View::Before => values.push(("before".to_owned(), by_name(clones))),
            View::Diff => values.push(("diff".to_owned(), by_name(clones))),
        }
    }
    if references.calls {
        let calls = world.calls.iter().map(call).collect();
        values.push(("calls".to_owned(), list(calls)));
    }
    if references.run {
        values.push(("run".to_owned(), run(world)));
    }
    if references.output {
        values.push(("output".to_owned(), text(&world.output)));
    }
    Variables { values, times }
}

fn by_name(clones: Vec<(&str, Owned)>) -> Owned {
    let entries: HashMap<CelMapKey<'static>, Owned> = clones
        .into_iter()
        .map(|(name, value)| (CelMapKey::from(name.to_owned()), value))
        .collect();
    Box::new(CelMap::from(entries))
}

/// The clones of the world that an expression reads in one view.
fn clone_views<'w>(
    world: &'w World,
    references: &References,
    view: View,
    times: &mut Times,
) -> Vec<(&'w str, Owned)> {
    let mut clones = Vec::new();
    for clone in &world.clones {
        let mut collections: HashMap<CelMapKey<'static>, Owned> = HashMap::new();
        for reference in &references.collections {
            let name = &reference.collection;
            if reference.clone != clone.name || !references.reads(&clone.name, name, view) {
                continue;
            }
            let value = match view {
                View::After => rows(clone.after.rows(name), times),
                View::Before => rows(clone.before.rows(name), times),
                View::Diff => diff(clone, name, times),
            };
            collections.insert(CelMapKey::from(name.clone()), value);
        }
        if !collections.is_empty() {
            let value: Owned = Box::new(CelMap::from(collections));
            clones.push((clone.name.as_str(), value));
        }
    }
    clones
}

fn rows(rows: Vec<ViewRow>, times: &mut Times) -> Owned {
    list(rows.iter().map(|each| row(each, times)).collect())
}

fn row(row: &ViewRow, times: &mut Times) -> Owned {
    Box::new(ObjectVal(Arc::new(ObjectData {
        fields: object_fields(&row.fields, times),
        key: Some(row.key.clone()),
        hidden: &[],
    })))
}

fn object_fields(
    fields: &[(&'static str, ViewValue)],
    times: &mut Times,
) -> Vec<(&'static str, Owned)> {
    fields
        .iter()
        .map(|(name, value)| (*name, view_value(value, times)))
        .collect()
}

fn view_value(value: &ViewValue, times: &mut Times) -> Owned {
    match value {
        ViewValue::Null => Box::new(CelNull),
        ViewValue::Bool(value) => Box::new(CelBool::from(*value)),
        ViewValue::Int(value) => Box::new(CelInt::from(*value)),
        ViewValue::Text(value) => text(value),
        ViewValue::Time(stamp) => time(*stamp, times),
        ViewValue::List(items) => list(items.iter().map(|item| view_value(item, times)).collect()),
        ViewValue::Object(fields) => Box::new(ObjectVal::new(object_fields(fields, times))),
    }
}

fn time(stamp: Stamp, times: &mut Times) -> Owned {
    if stamp.by_call {
        times.by_call.insert(stamp.at);
    }
    instant(stamp.at)
}

fn instant(at: Timestamp) -> Owned {
    let nanosecond = u32::try_from(at.subsec_nanosecond()).unwrap_or(0);
    chrono::DateTime::from_timestamp(at.as_second(), nanosecond).map_or_else(
        || -> Owned { Box::new(CelNull) },
        |at| Box::new(CelTimestamp::from(at.fixed_offset())),
    )
}

fn diff(clone: &super::world::CloneWorld, collection: &str, times: &mut Times) -> Owned {
    let mut added = Vec::new();
    let mut removed = Vec::new();
    let mut changed = Vec::new();
    for change in clone
        .diff
        .iter()
        .filter(|change| change.collection == collection)
    {
        match (&change.before, &change.after) {
            (None, Some(after)) => added.push(row(after, times)),
            (Some(before), None) => removed.push(row(before, times)),
            (Some(before), Some(after)) => changed.push(row_change(before, after, times)),
            (None, None) => {}
        }
    }
    Box::new(ObjectVal::new(vec![
        ("added", list(added)),
        ("removed", list(removed)),
        ("changed", list(changed)),
    ]))
}

fn row_change(before: &ViewRow, after: &ViewRow, times: &mut Times) -> Owned {
    let fields = after
        .fields
        .iter()
        .filter(|(name, value)| {
            before
                .fields
                .iter()
                .find(|(other, _)| other == name)
                .is_none_or(|(_, other)| other != value)
        })
        .map(|(name, _)| text(name))
        .collect();
    Box::new(ObjectVal(Arc::new(ObjectData {
        fields: vec![
            ("key", text(&after.key)),
            ("before", row(before, times)),
            ("after", row(after, times)),
            ("fields", list(fields)),
        ],
        key: Some(after.key.clone()),
        hidden: &[],
    })))
}

fn call(call: &CallFact) -> Owned {
    let maybe = |name: &Option<String>| -> Owned {
        match name {
            Some(name) => text(name),
            None => Box::new(CelNull),
        }
    };
    Box::new(ObjectVal(Arc::new(ObjectData {
        fields: vec![
            ("seq", Box::new(CelInt::from(call.seq))),
            ("clone", text(&call.clone)),
            ("operation", maybe(&call.operation)),
            ("tool", maybe(&call.tool)),
            ("method", text(&call.method)),
            ("path", text(&call.path)),
            ("query", text(&call.query)),
            ("changes", Box::new(CelBool::from(call.changes))),
            ("status", Box::new(CelInt::from(call.status))),
            ("request", body(call.request.as_deref())),
            ("response", body(call.response.as_deref())),
        ],
        key: None,
        // Bodies stand in the call record; a criterion's evidence names the call.
        hidden: match call.query.is_empty() {
            true => &["changes", "query", "request", "response"],
            false => &["changes", "request", "response"],
        },
    })))
}

fn body(body: Option<&Value>) -> Owned {
    body.map_or_else(|| -> Owned { Box::new(CelNull) }, json_value)
}

/// JSON as a CEL value: whole numbers are signed, fractions are doubles.
fn json_value(value: &Value) -> Owned {
    match value {
        Value::Null => Box::new(CelNull),
        Value::Bool(value) => Box::new(CelBool::from(*value)),
        Value::Number(number) => match number.as_i64() {
            Some(whole) => Box::new(CelInt::from(whole)),
            None => Box::new(CelDouble::from(number.as_f64().unwrap_or(f64::NAN))),
        },
        Value::String(value) => text(value),
        Value::Array(items) => list(items.iter().map(json_value).collect()),
        Value::Object(fields) => {
            let entries: HashMap<CelMapKey<'static>, Owned> = fields
                .iter()
                .map(|(name, value)| (CelMapKey::from(name.clone()), json_value(value)))
                .collect();
            Box::new(CelMap::from(entries))
        }
    }
}

fn run(world: &World) -> Owned {
    let exit_code: Owned = match world.run.exit_code {
        Some(code) => Box::new(CelInt::from(code)),
        None => Box::new(CelNull),
    };
    let started = world.clones.first().map(|clone| clone.base);
    Box::new(ObjectVal::new(vec![
        ("exitCode", exit_code),
        ("durationMs", Box::new(CelInt::from(world.run.duration_ms))),
        ("timedOut", Box::new(CelBool::from(world.run.timed_out))),
        (
            "startedAt",
            started.map_or_else(|| -> Owned { Box::new(CelNull) }, instant),
        ),
    ]))
}

/// A value as evidence writes it, times relative to the run's base.
pub(super) fn to_json(value: &dyn Val, times: &Times) -> Value {
    if let Some(value) = value.downcast_ref::<CelBool>() {
        Value::from(*value.inner())
    } else if let Some(value) = value.downcast_ref::<CelInt>() {
        Value::from(*value.inner())
    } else if let Some(value) = value.downcast_ref::<CelUInt>() {
        Value::from(*value.inner())
    } else if let Some(value) = value.downcast_ref::<CelDouble>() {
        Value::from(*value.inner())
    } else if let Some(value) = value.downcast_ref::<CelString<'_>>() {
        Value::from(value.inner())
    } else if let Some(value) = value.downcast_ref::<CelTimestamp>() {
        let at = value.inner();
        let nanosecond = i32::try_from(at.timestamp_subsec_nanos()).unwrap_or(0);
        Timestamp::new(at.timestamp(), nanosecond)
            .map_or(Value::Null, |at| Value::from(times.text(at)))
    } else if let Some(value) = value.downcast_ref::<CelDuration>() {
        Value::from(format!("{}s", value.inner().num_seconds()))
    } else if let Some(value) = value.downcast_ref::<CelList<'_>>() {
        value
            .inner()
            .iter()
            .map(|item| to_json(item.as_ref(), times))
            .collect()
    } else if let Some(value) = value.downcast_ref::<CelMap<'_>>() {
        let fields: Map<String, Value> = value
            .inner()
            .iter()
            .map(|(name, value)| (map_key(name), to_json(value.as_ref(), times)))
            .collect();
        Value::Object(fields)
    } else if let Some(object) = value.downcast_ref::<ObjectVal>() {
        let fields: Map<String, Value> = object
            .fields()
            .iter()
            .filter(|(name, _)| !object.0.hidden.contains(name))
            .map(|(name, value)| ((*name).to_owned(), to_json(value.as_ref(), times)))
            .collect();
        Value::Object(fields)
    } else {
        Value::Null
    }
}

fn map_key(key: &CelMapKey<'_>) -> String {
    match key {
        CelMapKey::Bool(key) => key.inner().to_string(),
        CelMapKey::Int(key) => key.inner().to_string(),
        CelMapKey::String(key) => key.inner().to_owned(),
        CelMapKey::UInt(key) => key.inner().to_string(),
    }
}
