//! How many steps an expression may take, estimated from the actual sizes before it runs.

use std::collections::BTreeMap;
use std::rc::Rc;

use cel::IdedExpr;
use cel::common::ast::{CallExpr, ComprehensionExpr, Expr, LiteralValue, operators};
use cel::common::types::{CelList, CelMap, CelMapKey, CelString};
use cel::common::value::Val;

use super::fold::Fold;
use super::syntax::children;
use super::values::{ObjectVal, Owned};

/// The most steps an evaluation may be estimated at.
pub(super) const MAX_STEPS: u64 = 10_000_000;

/// Text that functions walk counts a step for so many bytes.
const BYTES_A_STEP: u64 = 64;

/// How large values of an expression can get: the largest of each part. Parts are shared, since each
/// name and field of an expression is one.
#[derive(Debug, Clone, Default)]
enum Shape {
    #[default]
    Scalar,
    Text(u64),
    List(u64, Rc<Shape>),
    Object(Rc<BTreeMap<String, Shape>>),
}

impl Shape {
    fn of(value: &dyn Val) -> Self {
        if let Some(text) = value.downcast_ref::<CelString<'_>>() {
            Self::Text(count(text.inner().len()))
        } else if let Some(list) = value.downcast_ref::<CelList<'_>>() {
            let mut item = Self::Scalar;
            for each in list.inner() {
                item.widen(Self::of(each.as_ref()));
            }
            Self::List(count(list.inner().len()), Rc::new(item))
        } else if let Some(object) = value.downcast_ref::<ObjectVal>() {
            let fields = object.fields().iter();
            let fields = fields.map(|(name, value)| ((*name).to_owned(), Self::of(value.as_ref())));
            Self::Object(Rc::new(fields.collect()))
        } else if let Some(map) = value.downcast_ref::<CelMap<'_>>() {
            let fields = map.inner().iter();
            let fields = fields.filter_map(|(name, value)| match name {
                CelMapKey::String(name) => {
                    Some((name.inner().to_owned(), Self::of(value.as_ref())))
                }
                _ => None,
            });
            Self::Object(Rc::new(fields.collect()))
        } else {
            Self::Scalar
        }
    }

    fn widen(&mut self, other: Self) {
        match (&mut *self, other) {
            (_, Self::Scalar) => {}
            (Self::Text(a), Self::Text(b)) => *a = (*a).max(b),
            (Self::List(a, item), Self::List(b, other)) => {
                *a = (*a).max(b);
                Rc::make_mut(item).widen(Rc::unwrap_or_clone(other));
            }
            (Self::Object(fields), Self::Object(others)) => {
                let fields = Rc::make_mut(fields);
                for (name, other) in Rc::unwrap_or_clone(others) {
                    fields.entry(name).or_default().widen(other);
                }
            }
            (Self::List(..), _) => {}
            (_, other) => *self = other,
        }
    }

    /// What walking a value of this shape takes.
    fn walk(&self) -> u64 {
        match self {
            Self::Scalar => 1,
            Self::Text(bytes) => 1 + bytes / BYTES_A_STEP,
            Self::List(len, _) => len.saturating_add(1),
            Self::Object(fields) => count(fields.len()).saturating_add(1),
        }
    }

    fn field(&self, name: &str) -> Self {
        match self {
            Self::Object(fields) => fields.get(name).cloned().unwrap_or_default(),
            _ => Self::Scalar,
        }
    }

    /// Any part of it.
    fn part(&self) -> Self {
        match self {
            Self::List(_, item) => item.as_ref().clone(),
            Self::Object(fields) => {
                let mut part = Self::Scalar;
                for field in fields.values() {
                    part.widen(field.clone());
                }
                part
            }
            _ => Self::Scalar,
        }
    }
}

fn count(number: usize) -> u64 {
    u64::try_from(number).unwrap_or(u64::MAX)
}

/// An upper estimate of the steps an expression takes over these variables.
pub(super) fn estimate(expr: &IdedExpr, variables: &[(String, Owned)]) -> u64 {
    let mut estimator = Estimator {
        scopes: variables
            .iter()
            .map(|(name, value)| (name.clone(), Shape::of(value.as_ref())))
            .collect(),
    };
    estimator.walk(expr).0
}

struct Estimator {
    scopes: Vec<(String, Shape)>,
}

impl Estimator {
    fn walk(&mut self, expr: &IdedExpr) -> (u64, Shape) {
        match &expr.expr {
            Expr::Literal(LiteralValue::String(text)) => {
                (1, Shape::Text(count(text.inner().len())))
            }
            Expr::Ident(name) => {
                let shape = self.scopes.iter().rev().find(|(scope, _)| scope == name);
                (1, shape.map(|(_, shape)| shape.clone()).unwrap_or_default())
            }
            Expr::Select(select) => {
                let (steps, operand) = self.walk(&select.operand);
                (steps.saturating_add(1), operand.field(&select.field))
            }
            Expr::List(list) => {
                let mut total = 1_u64;
                let mut item = Shape::Scalar;
                for element in &list.elements {
                    let (steps, shape) = self.walk(element);
                    total = total.saturating_add(steps).saturating_add(shape.walk());
                    item.widen(shape);
                }
                (
                    total,
                    Shape::List(count(list.elements.len()), Rc::new(item)),
                )
            }
            Expr::Call(call) => self.call(call, expr),
            Expr::Comprehension(fold) => self.fold(fold),
            Expr::Unspecified | Expr::Literal(_) | Expr::Map(_) | Expr::Struct(_) => {
                let mut total = 1_u64;
                for child in children(expr) {
                    let (steps, shape) = self.walk(child);
                    total = total.saturating_add(steps).saturating_add(shape.walk());
                }
                (total, Shape::Scalar)
            }
        }
    }

    fn call(&mut self, call: &CallExpr, expr: &IdedExpr) -> (u64, Shape) {
        let mut total = 1_u64;
        let mut shapes = Vec::new();
        for child in children(expr) {
            let (steps, shape) = self.walk(child);
            total = total.saturating_add(steps);
            shapes.push(shape);
        }
        let walked = shapes.iter().map(Shape::walk).fold(0, u64::saturating_add);
        let first = shapes.first().cloned().unwrap_or_default();
        let (own, shape) = match call.func_name.as_str() {
            operators::LOGICAL_AND | operators::LOGICAL_OR | operators::LOGICAL_NOT | "size" => {
                (0, Shape::Scalar)
            }
            operators::INDEX => match call.args.get(1).map(|index| &index.expr) {
                Some(Expr::Literal(LiteralValue::String(name))) => (0, first.field(name.inner())),
                _ => (0, first.part()),
            },
            operators::CONDITIONAL => {
                let mut either = shapes.get(1).cloned().unwrap_or_default();
                either.widen(shapes.get(2).cloned().unwrap_or_default());
                (0, either)
            }
            operators::ADD => (walked, sum_of(&shapes)),
            "distinct" => (first.walk().saturating_mul(first.walk()), first),
            "sort" => {
                let len = first.walk();
                let levels = u64::from(u64::BITS - len.leading_zeros());
                (len.saturating_mul(levels), first)
            }
            "min" | "max" => (walked, first.part()),
            "lower" | "string" | "dyn" => (walked, first),
            "split" => {
                let parts = match first {
                    Shape::Text(bytes) => bytes.saturating_add(1),
                    _ => 1,
                };
                (parts, Shape::List(parts, Rc::new(first)))
            }
            _ => (walked, Shape::Scalar),
        };
        (total.saturating_add(own), shape)
    }

    fn fold(&mut self, fold: &ComprehensionExpr) -> (u64, Shape) {
        let (range_steps, range) = self.walk(&fold.iter_range);
        let (len, item) = match range {
            Shape::List(len, item) => (len, Rc::unwrap_or_clone(item)),
            Shape::Object(fields) => (count(fields.len()), Shape::Text(BYTES_A_STEP)),
            Shape::Scalar | Shape::Text(_) => (0, Shape::Scalar),
        };
        let Some(kind) = Fold::of(fold) else {
            return (u64::MAX, Shape::Scalar);
        };
        self.scopes.push((fold.iter_var.clone(), item));
        let mut each = 1_u64;
        let mut last = Shape::Scalar;
        for body in kind.bodies() {
            let (steps, shape) = self.walk(body);
            each = each.saturating_add(steps);
            last = shape;
        }
        self.scopes.pop();
        let shape = match kind {
            Fold::Collect { .. } => {
                if let Shape::List(..) = last {
                    // Collecting a list copies it.
                    each = each.saturating_add(last.walk());
                }
                Shape::List(len, Rc::new(last))
            }
            _ => Shape::Scalar,
        };
        let total = range_steps.saturating_add(len.saturating_mul(each));
        (total, shape)
    }
}

fn sum_of(shapes: &[Shape]) -> Shape {
    match shapes {
        [Shape::List(a, item), Shape::List(b, other)] => {
            let mut item = item.as_ref().clone();
            item.widen(other.as_ref().clone());
            Shape::List(a.saturating_add(*b), Rc::new(item))
        }
        [Shape::Text(a), Shape::Text(b)] => Shape::Text(a.saturating_add(*b)),
        [first, ..] => first.clone(),
        [] => Shape::Scalar,
    }
}
