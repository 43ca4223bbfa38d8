//! The literals of an expression, with their places and what each is compared with.

use archal_core::diagnostic::Span;
use cel::IdedExpr;
use cel::common::ast::{CallExpr, Expr, LiteralValue, operators};

use super::compile::Compiled;
use super::syntax::children;

/// A literal of an expression.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Literal {
    /// Its place in the expression, quotes included.
    pub place: (usize, usize),
    /// What it says.
    pub value: LiteralKind,
    /// The field it is compared with, by its last name: `number`.
    pub field: Option<String>,
}

/// What a literal says.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum LiteralKind {
    /// Text.
    Text(String),
    /// A whole number.
    Int(i64),
}

/// The texts and whole numbers of an expression in the order of their places.
pub fn literals(compiled: &Compiled) -> Vec<Literal> {
    let mut found = Vec::new();
    let mut open: Vec<(&IdedExpr, Option<&str>)> = vec![(&compiled.parsed.expr, None)];
    while let Some((node, field)) = open.pop() {
        if let Expr::Literal(literal) = &node.expr {
            let value = match literal {
                LiteralValue::String(text) => LiteralKind::Text(text.inner().to_owned()),
                LiteralValue::Int(number) => LiteralKind::Int(*number.inner()),
                _ => continue,
            };
            let Span { start, end } = compiled.parsed.token(node);
            let said = compiled.source().get(start..end).unwrap_or_default();
            // What a macro was expanded to stands nowhere in the text.
            let is_there = match &value {
                LiteralKind::Text(_) => said.ends_with(['"', '\'']),
                LiteralKind::Int(number) => said.parse() == Ok(*number),
            };
            if is_there {
                found.push(Literal {
                    place: (start, end),
                    value,
                    field: field.map(str::to_owned),
                });
            }
            continue;
        }
        let below = match &node.expr {
            Expr::Call(call) if is_comparison(call) => call.args.iter().find_map(field_of),
            // The items of a list are compared with what the list is.
            Expr::List(_) => field,
            _ => None,
        };
        open.extend(children(node).into_iter().map(|child| (child, below)));
    }
    found.sort();
    found.dedup_by(|later, earlier| later.place == earlier.place);
    found
}

fn is_comparison(call: &CallExpr) -> bool {
    [
        operators::EQUALS,
        operators::NOT_EQUALS,
        operators::LESS,
        operators::LESS_EQUALS,
        operators::GREATER,
        operators::GREATER_EQUALS,
        operators::IN,
    ]
    .contains(&call.func_name.as_str())
}

fn field_of(side: &IdedExpr) -> Option<&str> {
    match &side.expr {
        Expr::Select(select) => Some(&select.field),
        _ => None,
    }
}
