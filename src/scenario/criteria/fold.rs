//! The macros `all`, `exists`, `exists_one`, `map` and `filter`, recognised in the
//! comprehensions the parser expands them to, and built anew to find deciding rows.

use cel::IdedExpr;
use cel::common::ast::{CallExpr, ComprehensionExpr, Expr, ListExpr, LiteralValue, operators};
use cel::common::types::CelBool;

/// What a comprehension does with each element.
#[derive(Debug, Clone, Copy)]
pub(super) enum Fold<'e> {
    /// `all`: the condition.
    All(&'e IdedExpr),
    /// `exists`: the condition.
    Exists(&'e IdedExpr),
    /// `exists_one`: the condition.
    ExistsOne(&'e IdedExpr),
    /// `map` and `filter`: what makes an element count, and what is collected of it.
    Collect {
        /// The condition, where there is one.
        guard: Option<&'e IdedExpr>,
        /// What is collected.
        item: &'e IdedExpr,
    },
}

impl<'e> Fold<'e> {
    /// The macro a comprehension came from.
    pub(super) fn of(fold: &'e ComprehensionExpr) -> Option<Self> {
        let Expr::Call(step) = &fold.loop_step.expr else {
            return None;
        };
        match (step.func_name.as_str(), step.args.as_slice()) {
            (operators::LOGICAL_AND, [_, condition]) => Some(Self::All(condition)),
            (operators::LOGICAL_OR, [_, condition]) => Some(Self::Exists(condition)),
            (operators::ADD, [_, items]) => Some(Self::Collect {
                guard: None,
                item: only_item(items)?,
            }),
            (operators::CONDITIONAL, [condition, then, _]) => {
                let Expr::Call(add) = &then.expr else {
                    return None;
                };
                match add.args.as_slice() {
                    [_, items] if matches!(items.expr, Expr::List(_)) => Some(Self::Collect {
                        guard: Some(condition),
                        item: only_item(items)?,
                    }),
                    _ => Some(Self::ExistsOne(condition)),
                }
            }
            _ => None,
        }
    }

    /// The parts evaluated for each element.
    pub(super) fn bodies(self) -> Vec<&'e IdedExpr> {
        match self {
            Self::All(condition) | Self::Exists(condition) | Self::ExistsOne(condition) => {
                vec![condition]
            }
            Self::Collect { guard, item } => guard.into_iter().chain([item]).collect(),
        }
    }
}

fn only_item(list: &IdedExpr) -> Option<&IdedExpr> {
    match &list.expr {
        Expr::List(list) => list.elements.first(),
        _ => None,
    }
}

/// `range.filter(variable, condition)`.
pub(super) fn filter(range: &IdedExpr, variable: &str, condition: IdedExpr) -> IdedExpr {
    let accumulator = "@result";
    let result = || node(Expr::Ident(accumulator.to_owned()));
    let item = node(Expr::List(ListExpr::new(vec![node(Expr::Ident(
        variable.to_owned(),
    ))])));
    node(Expr::Comprehension(Box::new(ComprehensionExpr {
        iter_range: range.clone(),
        iter_var: variable.to_owned(),
        iter_var2: None,
        accu_var: accumulator.to_owned(),
        accu_init: node(Expr::List(ListExpr::new(Vec::new()))),
        loop_cond: node(Expr::Literal(LiteralValue::Boolean(CelBool::from(true)))),
        loop_step: call(
            operators::CONDITIONAL,
            vec![
                condition,
                call(operators::ADD, vec![result(), item]),
                result(),
            ],
        ),
        result: result(),
    })))
}

/// `!expression`.
pub(super) fn not(expr: &IdedExpr) -> IdedExpr {
    call(operators::LOGICAL_NOT, vec![expr.clone()])
}

fn call(name: &str, args: Vec<IdedExpr>) -> IdedExpr {
    node(Expr::Call(CallExpr {
        func_name: name.to_owned(),
        target: None,
        args,
    }))
}

fn node(expr: Expr) -> IdedExpr {
    IdedExpr { id: 0, expr }
}
