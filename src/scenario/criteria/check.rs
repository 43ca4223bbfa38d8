//! Checks an expression against the schemas of the clones before it ever runs.

use std::sync::Arc;

use archal_core::clone::CloneDescriptor;
use archal_core::diagnostic::{Diagnostic, Span, nearest};
use cel::IdedExpr;
use cel::common::ast::{
    CallExpr, ComprehensionExpr, EntryExpr, Expr, LiteralValue, MapExpr, SelectExpr, operators,
};

use super::fold::Fold;
use super::references::References;
use super::rules::{self, FUNCTIONS, Refusal};
use super::syntax::Parsed;
use super::types::{ObjectType, Origin, Type, roots};

/// How deep macros over collections may nest.
const MAX_COLLECTION_NESTING: usize = 2;
/// How deep macros of any kind may nest.
const MAX_NESTING: usize = 5;

/// Checks an expression; gives back what it reads, or what is wrong with it.
pub(super) fn check(
    parsed: &Parsed,
    clones: &[&CloneDescriptor],
) -> Result<References, Vec<Diagnostic>> {
    let mut checker = Checker {
        parsed,
        clones,
        roots: roots(clones),
        locals: Vec::new(),
        nesting: Vec::new(),
        references: References::default(),
        diagnostics: Vec::new(),
    };
    let kind = checker.infer(&parsed.expr);
    if !matches!(kind, Type::Bool | Type::Any) {
        checker.report(
            "criterion/not-a-condition",
            format!("a criterion is true or false, this is {kind}"),
            parsed.extent(&parsed.expr),
            Some("compare it with something: `… == 0`".to_owned()),
        );
    }
    if checker.diagnostics.is_empty() {
        Ok(checker.references)
    } else {
        Err(checker.diagnostics)
    }
}

struct Checker<'a> {
    parsed: &'a Parsed,
    clones: &'a [&'a CloneDescriptor],
    roots: Vec<(String, Type)>,
    /// Variables of the macros around, innermost last.
    locals: Vec<(String, Type)>,
    /// For each macro around whether it goes over a collection.
    nesting: Vec<bool>,
    references: References,
    diagnostics: Vec<Diagnostic>,
}

impl Checker<'_> {
    fn report(&mut self, code: &str, message: String, span: Span, help: Option<String>) {
        let mut diagnostic = Diagnostic::error(code, message).at(span);
        diagnostic.help = help;
        self.diagnostics.push(diagnostic);
    }

    fn refuse(&mut self, refusal: Refusal, span: Span) -> Type {
        self.report("criterion/type", refusal.message, span, refusal.help);
        Type::Any
    }

    fn infer(&mut self, expr: &IdedExpr) -> Type {
        match &expr.expr {
            Expr::Unspecified => Type::Any,
            Expr::Literal(literal) => self.literal(literal, expr),
            Expr::Ident(name) => self.variable(name, expr),
            Expr::Select(select) => self.select(select),
            Expr::Call(call) => self.call(call, expr),
            Expr::Comprehension(fold) => self.fold(fold, expr),
            Expr::List(list) => {
                let item = list
                    .elements
                    .iter()
                    .map(|element| self.infer(element))
                    .reduce(Type::join);
                Type::list(item.unwrap_or(Type::Null))
            }
            Expr::Map(map) => self.map(map),
            Expr::Struct(literal) => {
                let message = format!("there is no type `{}` to construct", literal.type_name);
                self.report(
                    "criterion/unknown-type",
                    message,
                    self.parsed.token(expr),
                    None,
                );
                Type::Any
            }
        }
    }

    fn literal(&mut self, literal: &LiteralValue, expr: &IdedExpr) -> Type {
        match literal {
            LiteralValue::Boolean(_) => Type::Bool,
            LiteralValue::Bytes(_) => Type::Bytes,
            LiteralValue::Double(_) => Type::Double,
            LiteralValue::Int(_) => Type::Int,
            LiteralValue::Null => Type::Null,
            LiteralValue::String(_) => Type::Text,
            LiteralValue::UInt(value) => {
                let plain = value.inner().to_string();
                self.report(
                    "criterion/type",
                    "whole numbers are written without `u`".to_owned(),
                    self.parsed.token(expr),
                    Some(format!("write {plain}")),
                );
                Type::Int
            }
        }
    }

    fn map(&mut self, map: &MapExpr) -> Type {
        let mut kind: Option<Type> = None;
        for entry in &map.entries {
            if let EntryExpr::MapEntry(entry) = &entry.expr {
                self.infer(&entry.key);
                let value = self.infer(&entry.value);
                kind = Some(match kind {
                    Some(kind) => kind.join(value),
                    None => value,
                });
            }
        }
        Type::Map(Box::new(kind.unwrap_or(Type::Any)))
    }

    fn variable(&mut self, name: &str, expr: &IdedExpr) -> Type {
        if let Some((_, kind)) = self.locals.iter().rev().find(|(local, _)| local == name) {
            return kind.clone();
        }
        if let Some((_, kind)) = self.roots.iter().find(|(root, _)| root == name) {
            match name {
                "calls" => self.references.calls = true,
                "run" => self.references.run = true,
                "output" => self.references.output = true,
                _ => {}
            }
            return kind.clone();
        }
        let known = self
            .locals
            .iter()
            .chain(&self.roots)
            .map(|(name, _)| name.as_str());
        let help = match nearest(name, known.clone()) {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!("variables: {}", known.collect::<Vec<_>>().join(", ")),
        };
        self.report(
            "criterion/unknown-variable",
            format!("unknown variable `{name}`"),
            self.parsed.token(expr),
            Some(help),
        );
        Type::Any
    }

    fn select(&mut self, select: &SelectExpr) -> Type {
        let operand = self.infer(&select.operand);
        let span = self.parsed.field(&select.operand, &select.field);
        let kind = self.field(&operand, &select.field, span);
        if select.test { Type::Bool } else { kind }
    }

    fn field(&mut self, operand: &Type, name: &str, span: Span) -> Type {
        match operand {
            Type::Any => Type::Any,
            Type::Map(value) => value.as_ref().clone(),
            Type::Object(object) => self.object_field(&Arc::clone(object), name, span),
            Type::List { item, .. } => {
                let help = match item.as_ref() {
                    Type::Object(object) if object.field(name).is_some() => {
                        format!("write `.map(x, x.{name})` for the {name} of each item")
                    }
                    _ => "write .all, .exists, .filter or .map to look at its items".to_owned(),
                };
                self.report(
                    "criterion/type",
                    format!("a list has no field `{name}`, its items have"),
                    span,
                    Some(help),
                );
                Type::Any
            }
            other => {
                let message = format!("{other} has no field `{name}`");
                self.report("criterion/type", message, span, None);
                Type::Any
            }
        }
    }

    fn object_field(&mut self, object: &ObjectType, name: &str, span: Span) -> Type {
        let Some(kind) = object.field(name) else {
            let known: Vec<&str> = object
                .fields
                .iter()
                .map(|(name, _)| name.as_str())
                .collect();
            let help = match nearest(name, known.iter().copied()) {
                Some(near) => format!("did you mean `{near}`?"),
                None if known.is_empty() => format!("it has no {}s", object.member),
                None => format!("its {}s: {}", object.member, known.join(", ")),
            };
            self.report(
                &format!("criterion/unknown-{}", object.member),
                format!("{} has no {} `{name}`", object.what, object.member),
                span,
                Some(help),
            );
            return Type::Any;
        };
        match &object.origin {
            Some(Origin::Clone { clone, view }) => self.references.collection(clone, name, *view),
            Some(Origin::Row {
                clone,
                collection,
                path,
            }) => {
                let path = if path.is_empty() {
                    name.to_owned()
                } else {
                    format!("{path}.{name}")
                };
                self.references.field(clone, collection, &path);
            }
            Some(Origin::Call) | None => {}
        }
        kind.clone()
    }

    fn call(&mut self, call: &CallExpr, expr: &IdedExpr) -> Type {
        let name = call.func_name.as_str();
        match (name, call.args.as_slice()) {
            (operators::CONDITIONAL, [condition, yes, no]) => {
                let tested = self.infer(condition);
                if !matches!(tested, Type::Bool | Type::Any) {
                    let message = format!("`?` decides on true or false, this is {tested}");
                    self.report(
                        "criterion/type",
                        message,
                        self.parsed.extent(condition),
                        None,
                    );
                }
                let yes = self.infer(yes);
                return yes.join(self.infer(no));
            }
            (operators::INDEX, [operand, index]) => return self.index(operand, index),
            (_, [left, right]) if call.target.is_none() && is_binary(name) => {
                return self.binary(name, left, right, expr);
            }
            (operators::LOGICAL_NOT | operators::NEGATE, [operand]) => {
                let kind = self.infer(operand);
                return match rules::unary(name, &kind) {
                    Some(Ok(kind)) => kind,
                    Some(Err(refusal)) => self.refuse(refusal, self.parsed.extent(expr)),
                    None => Type::Any,
                };
            }
            _ => {}
        }
        self.function(call, expr)
    }

    fn binary(&mut self, name: &str, left: &IdedExpr, right: &IdedExpr, expr: &IdedExpr) -> Type {
        let left_type = self.infer(left);
        let right_type = self.infer(right);
        if matches!(
            name,
            operators::EQUALS | operators::NOT_EQUALS | operators::IN
        ) {
            self.call_literals(left, &left_type, right);
            self.call_literals(right, &right_type, left);
        }
        match rules::binary(name, &left_type, &right_type) {
            Some(Ok(kind)) => kind,
            Some(Err(refusal)) => self.refuse(refusal, self.parsed.extent(expr)),
            None => Type::Any,
        }
    }

    fn function(&mut self, call: &CallExpr, expr: &IdedExpr) -> Type {
        let name = call.func_name.as_str();
        let span = self.parsed.function(expr, name);
        if rules::usage(name).is_none() {
            // What is in the parentheses is not looked at: a misspelt macro would only add
            // complaints about its variable.
            if let Some(target) = &call.target {
                self.infer(target);
            }
            let help = nearest(name, FUNCTIONS.iter().map(|(function, _)| *function))
                .and_then(rules::usage)
                .map(|usage| format!("did you mean {usage}?"));
            let help = help.unwrap_or_else(|| {
                let names: Vec<&str> = FUNCTIONS.iter().map(|(name, _)| *name).collect();
                format!("functions: {}", names.join(", "))
            });
            self.report(
                "criterion/unknown-function",
                format!("unknown function `{name}`"),
                span,
                Some(help),
            );
            return Type::Any;
        }
        if matches!(
            name,
            "all" | "exists" | "exists_one" | "filter" | "map" | "has"
        ) {
            // The parser leaves a macro as a call when it has the wrong number of arguments.
            let refusal = Refusal {
                message: format!("`{name}` is not written this way"),
                help: rules::usage(name).map(|usage| format!("write {usage}")),
            };
            return self.refuse(refusal, span);
        }
        let arguments: Vec<&IdedExpr> = call
            .target
            .as_deref()
            .into_iter()
            .chain(&call.args)
            .collect();
        let types: Vec<Type> = arguments
            .iter()
            .map(|argument| self.infer(argument))
            .collect();
        self.text_literals(name, &arguments);
        match rules::function(name, call.target.is_some(), &types) {
            Ok(kind) => kind,
            Err(refusal) => self.refuse(refusal, span),
        }
    }

    /// Refuses text that a function could never read.
    fn text_literals(&mut self, name: &str, arguments: &[&IdedExpr]) {
        let Some(argument) = arguments.last() else {
            return;
        };
        let Some(text) = text_literal(argument) else {
            return;
        };
        let problem = match name {
            "matches" => regex::Regex::new(text)
                .err()
                .map(|error| ("not a regular expression", error.to_string())),
            "timestamp" => chrono::DateTime::parse_from_rfc3339(text)
                .err()
                .map(|error| {
                    (
                        "not a time",
                        format!("{error}; write \"2026-01-31T00:00:00Z\""),
                    )
                }),
            _ => None,
        };
        if let Some((message, help)) = problem {
            let help = help.lines().last().unwrap_or_default();
            let help = help.strip_prefix("error: ").unwrap_or(help).to_owned();
            self.report(
                "criterion/text",
                message.to_owned(),
                self.parsed.token(argument),
                Some(help),
            );
        }
    }

    /// Refuses to compare the clone or operation of a call with names that do not exist: such
    /// a comparison would be silently false.
    fn call_literals(&mut self, field: &IdedExpr, kind: &Type, other: &IdedExpr) {
        let Expr::Select(select) = &field.expr else {
            return;
        };
        if !matches!(kind, Type::Text) || !matches!(select.field.as_str(), "operation" | "clone") {
            return;
        }
        // Only the type of the operand tells a call from another object with such a field; it
        // was inferred before, so its complaints are not repeated.
        let complaints = self.diagnostics.len();
        let operand = self.infer(&select.operand);
        self.diagnostics.truncate(complaints);
        let Type::Object(object) = operand else {
            return;
        };
        if object.origin != Some(Origin::Call) {
            return;
        }
        let literals: Vec<&IdedExpr> = match &other.expr {
            Expr::List(list) => list.elements.iter().collect(),
            _ => vec![other],
        };
        for literal in literals {
            let Some(text) = text_literal(literal) else {
                continue;
            };
            let known: Vec<&str> = if select.field == "clone" {
                self.clones.iter().map(|clone| clone.name).collect()
            } else {
                self.references.operations.insert(text.to_owned());
                self.clones
                    .iter()
                    .flat_map(|clone| clone.operations.iter().map(|operation| operation.id))
                    .collect()
            };
            if known.contains(&text) {
                continue;
            }
            let help = nearest(text, known).map(|near| format!("did you mean \"{near}\"?"));
            self.report(
                &format!("criterion/unknown-{}", select.field),
                format!("there is no {} \"{text}\"", select.field),
                self.parsed.token(literal),
                help,
            );
        }
    }

    fn index(&mut self, operand: &IdedExpr, index: &IdedExpr) -> Type {
        let operand_type = self.infer(operand);
        let index_type = self.infer(index);
        let span = self.parsed.extent(index);
        match (&operand_type, &index_type) {
            (Type::Any, _) => Type::Any,
            (Type::List { item, .. }, Type::Int | Type::Any) => item.as_ref().clone(),
            (Type::Map(value), _) => value.as_ref().clone(),
            (Type::Object(_), Type::Text) => match text_literal(index) {
                Some(name) => self.field(&operand_type, name, span),
                None => {
                    let refusal = Refusal {
                        message: "an object is read by a name that is written out".to_owned(),
                        help: Some("write object.field".to_owned()),
                    };
                    self.refuse(refusal, span)
                }
            },
            (kind, index) => {
                let refusal = Refusal {
                    message: format!("{kind} has no `[…]` with {index}"),
                    help: None,
                };
                self.refuse(refusal, span)
            }
        }
    }

    fn fold(&mut self, fold: &ComprehensionExpr, expr: &IdedExpr) -> Type {
        let span = self.parsed.macro_name(expr);
        let range = self.infer(&fold.iter_range);
        let (item, collection) = match &range {
            Type::List { item, collection } => (item.as_ref().clone(), *collection),
            Type::Any => (Type::Any, false),
            Type::Map(_) => (Type::Text, false),
            other => {
                let refusal = Refusal {
                    message: format!("macros go over lists, this is {other}"),
                    help: None,
                };
                self.refuse(refusal, self.parsed.extent(&fold.iter_range));
                (Type::Any, false)
            }
        };
        if self.roots.iter().any(|(root, _)| *root == fold.iter_var) {
            self.report(
                "criterion/shadowed",
                format!("`{}` is already the name of something else", fold.iter_var),
                span,
                Some("choose another variable".to_owned()),
            );
        }
        let Some(kind) = Fold::of(fold) else {
            return Type::Any;
        };
        self.nesting.push(collection);
        self.check_nesting(span);
        self.locals.push((fold.iter_var.clone(), item));
        let result = self.fold_body(kind, collection);
        self.locals.pop();
        self.nesting.pop();
        result
    }

    fn fold_body(&mut self, kind: Fold<'_>, collection: bool) -> Type {
        match kind {
            Fold::All(condition) | Fold::Exists(condition) | Fold::ExistsOne(condition) => {
                self.condition(condition);
                Type::Bool
            }
            Fold::Collect { guard, item } => {
                if let Some(guard) = guard {
                    self.condition(guard);
                }
                let item = Box::new(self.infer(item));
                Type::List { item, collection }
            }
        }
    }

    fn condition(&mut self, condition: &IdedExpr) {
        let kind = self.infer(condition);
        if !matches!(kind, Type::Bool | Type::Any) {
            let message = format!("a condition is true or false, this is {kind}");
            self.report(
                "criterion/type",
                message,
                self.parsed.extent(condition),
                None,
            );
        }
    }

    fn check_nesting(&mut self, span: Span) {
        let collections = self.nesting.iter().filter(|over| **over).count();
        let (limit, what) = if collections > MAX_COLLECTION_NESTING {
            (MAX_COLLECTION_NESTING, "macros over collections")
        } else if self.nesting.len() > MAX_NESTING {
            (MAX_NESTING, "macros")
        } else {
            return;
        };
        self.report(
            "criterion/nested",
            format!("at most {limit} {what} may stand within each other"),
            span,
            Some("decide it in several criteria, or compare lists of keys".to_owned()),
        );
    }
}

fn is_binary(name: &str) -> bool {
    rules::binary(name, &Type::Any, &Type::Any).is_some()
}

/// The text of a literal.
pub(super) fn text_literal(expr: &IdedExpr) -> Option<&str> {
    match &expr.expr {
        Expr::Literal(LiteralValue::String(text)) => Some(text.inner()),
        _ => None,
    }
}
