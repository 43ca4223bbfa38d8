//! Which fields an object is asked for: selections with fragments and directives put in, made
//! once for each kind of object that occurs at a place of the query.

use std::cell::RefCell;
use std::rc::Rc;

use apollo_compiler::ast;
use apollo_compiler::executable::{Field, Selection, SelectionSet};
use apollo_compiler::{ExecutableDocument, Node};
use serde_json::{Map, Value};

use super::arguments::{Args, arguments};
use super::schema::Known;

/// The query on its way: what every part of it needs.
pub(super) struct Query<'d> {
    /// The schema.
    pub known: &'static Known,
    /// The document.
    pub document: &'d ExecutableDocument,
    /// Its variables.
    pub variables: Map<String, Value>,
}

/// A field that is asked for.
pub(super) struct Plan<'d> {
    /// What the answer calls it.
    pub key: &'d str,
    /// The field.
    pub field: &'d Node<Field>,
    /// Its arguments.
    pub args: Args,
    sets: Vec<&'d SelectionSet>,
    below: RefCell<Vec<(&'static str, Plans<'d>)>>,
}

/// The fields that an object is asked for.
pub(super) type Plans<'d> = Rc<Vec<Plan<'d>>>;

impl<'d> Plan<'d> {
    /// The name of the field.
    pub(super) fn name(&self) -> &'d str {
        self.field.name.as_str()
    }

    /// Its type.
    pub(super) fn ty(&self) -> &'d ast::Type {
        &self.field.definition.ty
    }

    /// What an object of that type is asked for here.
    pub(super) fn below(&self, query: &Query<'d>, of: &'static str) -> Plans<'d> {
        if let Some((_, plans)) = self.below.borrow().iter().find(|(at, _)| *at == of) {
            return Rc::clone(plans);
        }
        let plans = query.plans(of, &self.sets);
        self.below.borrow_mut().push((of, Rc::clone(&plans)));
        plans
    }
}

impl<'d> Query<'d> {
    /// What an object of type `of` is asked for by these selections.
    pub(super) fn plans(&self, of: &str, sets: &[&'d SelectionSet]) -> Plans<'d> {
        let mut plans = Vec::new();
        let mut seen = Vec::new();
        for set in sets {
            self.collect(of, &set.selections, &mut seen, &mut plans);
        }
        Rc::new(plans)
    }

    fn collect(
        &self,
        of: &str,
        selections: &'d [Selection],
        seen: &mut Vec<&'d str>,
        plans: &mut Vec<Plan<'d>>,
    ) {
        for selection in selections {
            if self.asks(selection, "skip") == Some(true)
                || self.asks(selection, "include") == Some(false)
            {
                continue;
            }
            match selection {
                Selection::Field(field) => {
                    let key = field.response_key().as_str();
                    match plans.iter_mut().find(|plan| plan.key == key) {
                        Some(plan) => plan.sets.push(&field.selection_set),
                        None => plans.push(Plan {
                            key,
                            field,
                            args: arguments(&self.known.schema, field, &self.variables),
                            sets: vec![&field.selection_set],
                            below: RefCell::default(),
                        }),
                    }
                }
                Selection::FragmentSpread(spread) => {
                    let name = spread.fragment_name.as_str();
                    if seen.contains(&name) {
                        continue;
                    }
                    seen.push(name);
                    let Some(fragment) = self.document.fragments.get(name) else {
                        continue;
                    };
                    if self.known.is(of, fragment.type_condition()) {
                        self.collect(of, &fragment.selection_set.selections, seen, plans);
                    }
                }
                Selection::InlineFragment(inline) => {
                    let fits = inline
                        .type_condition
                        .as_ref()
                        .is_none_or(|wanted| self.known.is(of, wanted));
                    if fits {
                        self.collect(of, &inline.selection_set.selections, seen, plans);
                    }
                }
            }
        }
    }

    /// What `@skip` or `@include` says of a selection.
    pub(super) fn asks(&self, selection: &Selection, directive: &str) -> Option<bool> {
        let found = selection.directives().get(directive)?;
        match found.specified_argument_by_name("if")?.as_ref() {
            ast::Value::Boolean(value) => Some(*value),
            ast::Value::Variable(name) => self.variables.get(name.as_str())?.as_bool(),
            _ => None,
        }
    }
}
