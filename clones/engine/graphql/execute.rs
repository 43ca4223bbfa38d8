//! From a query to its answer.

use apollo_compiler::ast::Type;
use apollo_compiler::executable::{Operation, Selection, SelectionSet};

use super::connection::{Connection, unbounded};
use super::model::{Fault, Field, Index, Model, Object, Outcome, Value};
use super::plan::{Plan, Plans, Query};
use crate::engine::pack::Call;
use crate::engine::row::Row;
use crate::engine::writer::Writer;

/// A step of the way to a field.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Step {
    /// A field by what the answer calls it.
    Key(String),
    /// An item of a list.
    At(usize),
}

/// What went wrong at a field.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Error {
    /// What it is.
    pub fault: Fault,
    /// The way to the field.
    pub path: Vec<Step>,
    /// Line and column of the field in the query.
    pub place: Option<(usize, usize)>,
}

/// A field that is null because of an error, which is written down already.
struct Nothing;

/// What a query asks for at most.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Measure {
    /// Nodes of all connections.
    pub nodes: u64,
    /// How many connections have to be read.
    pub reads: u64,
}

/// An execution.
pub(super) struct Execution<'d> {
    pub(super) query: Query<'d>,
    pub(super) model: &'static Model,
    pub(super) out: Writer,
    pub(super) errors: Vec<Error>,
    pub(super) introspected: serde_json::Map<String, serde_json::Value>,
    path: Vec<Step>,
}

impl<'d> Execution<'d> {
    /// Begins one.
    pub(super) fn new(
        query: Query<'d>,
        model: &'static Model,
        out: Writer,
        introspected: serde_json::Map<String, serde_json::Value>,
    ) -> Self {
        Self {
            query,
            model,
            out,
            errors: Vec::new(),
            introspected,
            path: Vec::new(),
        }
    }

    /// Writes the data of an operation.
    pub(super) fn run(&mut self, call: &mut Call<'_>, operation: &'d Operation, root: Object) {
        let of = if operation.is_mutation() {
            "Mutation"
        } else {
            "Query"
        };
        let plans = self.query.plans(of, &[&operation.selection_set]);
        let mark = self.out.mark();
        let done = if operation.is_mutation() {
            self.mutate(call, &plans)
        } else {
            self.object(call, &plans, &root)
        };
        if done.is_err() {
            self.out.rewind(mark);
            self.out.raw("null");
        }
    }

    /// Mutations run one after the other; one that is refused changes nothing.
    fn mutate(&mut self, call: &mut Call<'_>, plans: &Plans<'d>) -> Result<(), Nothing> {
        self.out.raw("{");
        for plan in plans.iter() {
            self.out.key(plan.key);
            self.path.push(Step::Key(plan.key.to_owned()));
            let mark = self.out.mark();
            let value = if plan.name() == "__typename" {
                Ok("Mutation".into())
            } else {
                match self.index().mutation(plan.name()) {
                    None => Err(Fault::gap(format!("graphql:Mutation.{}", plan.name()))),
                    Some(mutation) => {
                        let before = call.transaction.savepoint();
                        let payload = (mutation.run)(call, &plan.args.object("input"));
                        if payload.is_err() {
                            call.transaction.back_to(before);
                        }
                        payload.map(|mut payload| {
                            let input = plan.args.object("input");
                            let id = input.text("clientMutationId").map(Value::said);
                            payload.made.push(("clientMutationId", id.into()));
                            payload.into()
                        })
                    }
                }
            };
            let done = match value {
                Ok(value) => self.complete(call, plan, plan.ty(), value),
                Err(fault) => self.fail(plan, fault),
            };
            self.path.pop();
            if done.is_err() {
                self.out.rewind(mark);
                self.out.raw("null");
            }
        }
        self.out.raw("}");
        Ok(())
    }

    fn index(&self) -> &'static Index {
        self.model.index()
    }

    fn object(
        &mut self,
        call: &Call<'_>,
        plans: &[Plan<'d>],
        object: &Object,
    ) -> Result<(), Nothing> {
        self.out.raw("{");
        for plan in plans {
            let value = |this: &Self| this.value(call, object, plan);
            self.field(call, plan, value)?;
        }
        self.out.raw("}");
        Ok(())
    }

    fn field(
        &mut self,
        call: &Call<'_>,
        plan: &Plan<'d>,
        value: impl FnOnce(&Self) -> Outcome,
    ) -> Result<(), Nothing> {
        self.out.key(plan.key);
        if let Some(found) = self.introspected.get(plan.key)
            && self.path.is_empty()
        {
            self.out.raw(&found.to_string());
            return Ok(());
        }
        self.path.push(Step::Key(plan.key.to_owned()));
        let mark = self.out.mark();
        let done = match value(self) {
            Ok(value) => self.complete(call, plan, plan.ty(), value),
            Err(fault) => self.fail(plan, fault),
        };
        self.path.pop();
        match done {
            Err(Nothing) if !plan.ty().is_non_null() => {
                self.out.rewind(mark);
                self.out.raw("null");
                Ok(())
            }
            done => done,
        }
    }

    /// The value of a field.
    fn value(&self, call: &Call<'_>, object: &Object, plan: &Plan<'d>) -> Outcome {
        let name = plan.name();
        if name == "__typename" {
            return Ok(object.of.into());
        }
        if let Some((_, value)) = object.made.iter().find(|(key, _)| *key == name) {
            return Ok(value.clone());
        }
        let known = self.index().of(object.of);
        let gap = || Fault::gap(format!("graphql:{}.{name}", object.of));
        let row = || object.row.as_ref().ok_or_else(gap);
        match known.and_then(|known| known.field(name)) {
            Some(Field::Text(at)) => Ok(text(row()?, at)),
            Some(Field::Prose(at)) => Ok(prose(row()?, at)),
            Some(Field::ProseOrEmpty(at)) => Ok(match prose(row()?, at) {
                Value::Null => "".into(),
                value => value,
            }),
            Some(Field::Int(at)) => Ok(row()?.int(at).into()),
            Some(Field::Bool(at)) => Ok(row()?.bool(at).into()),
            Some(Field::Time(at)) => Ok(row()?.time(at).into()),
            Some(Field::Always(value)) => Ok(value.into()),
            Some(Field::Null) => Ok(Value::Null),
            Some(Field::Empty) => Ok(nothing(plan.ty())),
            Some(Field::By(get)) => get(call, object, &plan.args),
            None => {
                let lie = known.is_some_and(|known| known.lacks(name)) || object.of == "Query";
                match nothing(plan.ty()) {
                    _ if lie => Err(gap()),
                    Value::Null if plan.ty().is_non_null() => Err(gap()),
                    value => Ok(value),
                }
            }
        }
    }

    fn complete(
        &mut self,
        call: &Call<'_>,
        plan: &Plan<'d>,
        of: &'d Type,
        value: Value,
    ) -> Result<(), Nothing> {
        match value {
            Value::Null if of.is_non_null() => {
                let fault = Fault::gap(format!("graphql:null in {}", plan.name()));
                return self.fail(plan, fault);
            }
            Value::Null => {
                self.out.raw("null");
            }
            Value::Bool(value) => {
                self.out.bool(value);
            }
            Value::Int(value) => {
                self.out.int(value);
            }
            Value::Float(value) => {
                self.out.raw(&serde_json::Value::from(value).to_string());
            }
            Value::Text(text) => {
                self.out.text(&text);
            }
            Value::Said(text) => {
                let root = call.root();
                let said = root.times().rewrite(&text, root.base());
                self.out.told(&text, said.as_deref().unwrap_or(&text));
            }
            Value::Prose(row, at) => {
                self.out.prose(&row, at);
            }
            Value::Time(stamp) => {
                self.out.time(Some(stamp));
            }
            Value::Object(object) => {
                let plans = plan.below(&self.query, object.of);
                self.object(call, &plans, &object)?;
            }
            Value::List(items) => self.list(call, plan, of.item_type(), items)?,
            Value::Fault(fault) => return self.fail(plan, *fault),
            Value::Connection(connection) => self.connection(call, plan, of, &connection)?,
        }
        Ok(())
    }

    fn list(
        &mut self,
        call: &Call<'_>,
        plan: &Plan<'d>,
        of: &'d Type,
        items: Vec<Value>,
    ) -> Result<(), Nothing> {
        self.out.raw("[");
        for (at, item) in items.into_iter().enumerate() {
            self.out.item();
            let mark = self.out.mark();
            self.path.push(Step::At(at));
            let done = self.complete(call, plan, of, item);
            self.path.pop();
            match done {
                Err(Nothing) if of.is_non_null() => return Err(Nothing),
                Err(Nothing) => {
                    self.out.rewind(mark);
                    self.out.raw("null");
                }
                Ok(()) => {}
            }
        }
        self.out.raw("]");
        Ok(())
    }

    fn connection(
        &mut self,
        call: &Call<'_>,
        plan: &Plan<'d>,
        of: &'d Type,
        connection: &Connection,
    ) -> Result<(), Nothing> {
        let schema = &self.query.known.schema;
        let Some((name, declared)) = schema.types.get_key_value(of.inner_named_type()) else {
            return self.fail(plan, Fault::gap("graphql:connection"));
        };
        let plans = plan.below(&self.query, name.as_str());
        let paged = plans
            .iter()
            .any(|plan| matches!(plan.name(), "nodes" | "edges" | "pageInfo"));
        let bounded = plan.args.get("first").is_some() || plan.args.get("last").is_some();
        let page = if paged && !bounded {
            Err(unbounded(plan.name()))
        } else {
            connection.page(&plan.args, plan.name())
        };
        let page = match page {
            Ok(page) => page,
            Err(fault) => return self.fail(plan, fault),
        };
        let edge = declared
            .as_object()
            .and_then(|declared| declared.fields.get("edges"))
            .map_or("", |edges| edges.ty.inner_named_type().as_str());
        let items = || page.places.iter().map(|at| (*at, &connection.items[*at]));
        let object = Object::made(name.as_str(), connection.made.clone());
        self.out.raw("{");
        for plan in plans.iter() {
            let value = |this: &Self| match plan.name() {
                "totalCount" => Ok(connection.total().into()),
                "nodes" => Ok(Value::List(
                    items().map(|(_, item)| item.node.clone().into()).collect(),
                )),
                "edges" => Ok(Value::List(
                    items()
                        .map(|(at, item)| {
                            let mut made = vec![
                                ("cursor", connection.cursor(at).into()),
                                ("node", item.node.clone().into()),
                            ];
                            made.extend(item.edge.iter().cloned());
                            Object::made(edge, made).into()
                        })
                        .collect(),
                )),
                "pageInfo" => {
                    let cursor = |at: Option<&usize>| at.map(|at| connection.cursor(*at));
                    Ok(Object::made(
                        "PageInfo",
                        vec![
                            ("startCursor", cursor(page.places.first()).into()),
                            ("endCursor", cursor(page.places.last()).into()),
                            ("hasNextPage", page.has_next.into()),
                            ("hasPreviousPage", page.has_previous.into()),
                        ],
                    )
                    .into())
                }
                _ => this.value(call, &object, plan),
            };
            self.field(call, plan, value)?;
        }
        self.out.raw("}");
        Ok(())
    }

    fn fail(&mut self, plan: &Plan<'d>, fault: Fault) -> Result<(), Nothing> {
        let sources = &self.query.document.sources;
        // An alias is where the field begins.
        let name = plan.field.alias.as_ref().unwrap_or(&plan.field.name);
        let place = name.location().and_then(|at| at.line_column(sources));
        self.errors.push(Error {
            fault,
            path: self.path.clone(),
            place: place.map(|place| (place.line, place.column)),
        });
        Err(Nothing)
    }
}

impl<'d> Query<'d> {
    /// What an operation asks for at most.
    pub(super) fn measure(&self, operation: &'d Operation) -> Measure {
        let mut measure = Measure::default();
        self.weigh(&operation.selection_set, 1, &mut measure);
        measure
    }

    fn weigh(&self, set: &'d SelectionSet, parents: u64, measure: &mut Measure) {
        for selection in &set.selections {
            let below = match selection {
                Selection::Field(field) => {
                    let args =
                        super::arguments::arguments(&self.known.schema, field, &self.variables);
                    let asked = args.int("first").or(args.int("last"));
                    let asked = asked.and_then(|asked| u64::try_from(asked).ok());
                    let mut parents = parents;
                    if let Some(asked) = asked
                        && field.ty().inner_named_type().ends_with("Connection")
                    {
                        measure.reads = measure.reads.saturating_add(parents);
                        parents = parents.saturating_mul(asked);
                        measure.nodes = measure.nodes.saturating_add(parents);
                    }
                    Some((&field.selection_set, parents))
                }
                Selection::FragmentSpread(spread) => self
                    .document
                    .fragments
                    .get(&spread.fragment_name)
                    .map(|fragment| (&fragment.selection_set, parents)),
                Selection::InlineFragment(inline) => Some((&inline.selection_set, parents)),
            };
            if let Some((set, parents)) = below {
                self.weigh(set, parents, measure);
            }
        }
    }
}

/// What a type holds where there is nothing.
fn nothing(of: &Type) -> Value {
    if of.is_list() {
        Value::List(Vec::new())
    } else if of.inner_named_type().ends_with("Connection") {
        Connection::default().into()
    } else {
        Value::Null
    }
}

fn text(row: &Row, at: usize) -> Value {
    row.text_or_null(at).into()
}

fn prose(row: &std::sync::Arc<Row>, at: usize) -> Value {
    match row.text_or_null(at) {
        None => Value::Null,
        Some(_) => Value::Prose(std::sync::Arc::clone(row), at),
    }
}
