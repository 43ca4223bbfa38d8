//! The types of operators and functions.

use cel::common::ast::operators;

use super::types::Type;

/// Every function, with how it is written; for suggestions and help.
pub(super) const FUNCTIONS: &[(&str, &str)] = &[
    ("all", "list.all(x, condition)"),
    ("bool", "bool(text)"),
    ("bytes", "bytes(text)"),
    ("contains", "text.contains(part)"),
    ("days", "days(number)"),
    ("distinct", "list.distinct()"),
    ("double", "double(number)"),
    ("duration", "duration(\"1h30m\")"),
    ("dyn", "dyn(value)"),
    ("endsWith", "text.endsWith(part)"),
    ("exists", "list.exists(x, condition)"),
    ("exists_one", "list.exists_one(x, condition)"),
    ("filter", "list.filter(x, condition)"),
    ("getDate", "time.getDate()"),
    ("getDayOfMonth", "time.getDayOfMonth()"),
    ("getDayOfWeek", "time.getDayOfWeek()"),
    ("getDayOfYear", "time.getDayOfYear()"),
    ("getFullYear", "time.getFullYear()"),
    ("getHours", "time.getHours()"),
    ("getMilliseconds", "time.getMilliseconds()"),
    ("getMinutes", "time.getMinutes()"),
    ("getMonth", "time.getMonth()"),
    ("getSeconds", "time.getSeconds()"),
    ("has", "has(object.field)"),
    ("icontains", "text.icontains(part)"),
    ("int", "int(value)"),
    ("lower", "text.lower()"),
    ("map", "list.map(x, value)"),
    ("matches", "text.matches(\"pattern\")"),
    ("max", "max(list)"),
    ("min", "min(list)"),
    ("size", "size(list)"),
    ("sort", "list.sort()"),
    ("split", "text.split(separator)"),
    ("startsWith", "text.startsWith(part)"),
    ("string", "string(value)"),
    ("sum", "sum(list)"),
    ("timestamp", "timestamp(\"2026-01-31T00:00:00Z\")"),
    ("type", "type(value)"),
];

/// How a function is written.
pub(super) fn usage(name: &str) -> Option<&'static str> {
    FUNCTIONS
        .iter()
        .find(|(function, _)| *function == name)
        .map(|(_, usage)| *usage)
}

/// Why an operator or function cannot be applied.
pub(super) struct Refusal {
    pub(super) message: String,
    pub(super) help: Option<String>,
}

fn refuse<T>(message: String) -> Result<T, Refusal> {
    Err(Refusal {
        message,
        help: None,
    })
}

/// How an operator is written.
fn sign(operator: &str) -> &str {
    operator.trim_matches('_').trim_matches('@')
}

/// The type of `left operator right`, none where it is not such an operator.
pub(super) fn binary(operator: &str, left: &Type, right: &Type) -> Option<Result<Type, Refusal>> {
    let wrong = || {
        refuse(format!(
            "`{}` does not take {left} and {right}",
            sign(operator)
        ))
    };
    Some(match operator {
        operators::EQUALS | operators::NOT_EQUALS => {
            if matches!(
                (left, right),
                (Type::Object(_), Type::Map(_)) | (Type::Map(_), Type::Object(_))
            ) {
                Err(Refusal {
                    message: "an object is never equal to a map written out".to_owned(),
                    help: Some("compare the fields that matter".to_owned()),
                })
            } else if left.can_equal(right) {
                Ok(Type::Bool)
            } else {
                refuse(format!("{left} is never equal to {right}"))
            }
        }
        operators::LESS
        | operators::LESS_EQUALS
        | operators::GREATER
        | operators::GREATER_EQUALS => {
            if ordered(left, right) {
                Ok(Type::Bool)
            } else {
                wrong()
            }
        }
        operators::LOGICAL_AND | operators::LOGICAL_OR => {
            if is_bool(left) && is_bool(right) {
                Ok(Type::Bool)
            } else {
                wrong()
            }
        }
        operators::ADD => match (left, right) {
            (Type::List { .. }, Type::List { .. }) => Ok(left.clone().join(right.clone())),
            (Type::Text, Type::Text) => Ok(Type::Text),
            (Type::Bytes, Type::Bytes) => Ok(Type::Bytes),
            (Type::Time, Type::Duration) | (Type::Duration, Type::Time) => Ok(Type::Time),
            (Type::Duration, Type::Duration) => Ok(Type::Duration),
            _ => arithmetic(left, right).map_or_else(wrong, Ok),
        },
        operators::SUBSTRACT => match (left, right) {
            (Type::Time, Type::Time) | (Type::Duration, Type::Duration) => Ok(Type::Duration),
            (Type::Time, Type::Duration) => Ok(Type::Time),
            _ => arithmetic(left, right).map_or_else(wrong, Ok),
        },
        operators::MULTIPLY | operators::DIVIDE => arithmetic(left, right).map_or_else(wrong, Ok),
        operators::MODULO => match arithmetic(left, right) {
            Some(Type::Double) | None => wrong(),
            Some(kind) => Ok(kind),
        },
        operators::IN => match right {
            Type::Any => Ok(Type::Bool),
            Type::List { item, .. } if item.can_equal(left) => Ok(Type::Bool),
            Type::List { item, .. } => Err(Refusal {
                message: format!("{left} is never in a list of {}", plural(item)),
                help: match (left, item.as_ref()) {
                    (Type::Text, Type::Object(object)) => object
                        .fields
                        .iter()
                        .find(|(name, kind)| {
                            matches!(kind, Type::Text)
                                && matches!(name.as_str(), "name" | "login" | "key")
                        })
                        .map(|(name, _)| format!("look in `.map(x, x.{name})`")),
                    _ => None,
                },
            }),
            Type::Map(_) | Type::Object(_) => Ok(Type::Bool),
            Type::Text => Err(Refusal {
                message: "`in` looks in lists, not in text".to_owned(),
                help: Some("write text.contains(part)".to_owned()),
            }),
            _ => wrong(),
        },
        _ => return None,
    })
}

fn plural(kind: &Type) -> String {
    match kind {
        Type::Text => "texts".to_owned(),
        Type::Int => "whole numbers".to_owned(),
        Type::Double => "numbers".to_owned(),
        Type::Bool => "truth values".to_owned(),
        Type::Time => "times".to_owned(),
        Type::Object(_) => "objects".to_owned(),
        Type::List { .. } => "lists".to_owned(),
        _ => "values".to_owned(),
    }
}

fn is_bool(kind: &Type) -> bool {
    matches!(kind, Type::Bool | Type::Any)
}

fn ordered(left: &Type, right: &Type) -> bool {
    let comparable = |kind: &Type| {
        matches!(
            kind,
            Type::Any
                | Type::Bool
                | Type::Int
                | Type::Double
                | Type::Text
                | Type::Bytes
                | Type::Time
                | Type::Duration
        )
    };
    comparable(left) && comparable(right) && left.can_equal(right)
}

fn arithmetic(left: &Type, right: &Type) -> Option<Type> {
    match (left, right) {
        (Type::Int, Type::Int) => Some(Type::Int),
        (Type::Double, Type::Double) => Some(Type::Double),
        (Type::Any, Type::Null) | (Type::Null, _) => None,
        (Type::Any, _) | (_, Type::Any) => Some(Type::Any),
        _ => None,
    }
}

/// The type of `operator operand`, none where it is not such an operator.
pub(super) fn unary(operator: &str, operand: &Type) -> Option<Result<Type, Refusal>> {
    Some(match (operator, operand) {
        (operators::LOGICAL_NOT, Type::Bool | Type::Any) => Ok(Type::Bool),
        (operators::NEGATE, Type::Int | Type::Double | Type::Any) => Ok(operand.clone()),
        (operators::LOGICAL_NOT | operators::NEGATE, _) => {
            refuse(format!("`{}` does not take {operand}", sign(operator)))
        }
        _ => return None,
    })
}

/// The type of a call of a function with these arguments, of which the first is the value it
/// is called on when `member`.
pub(super) fn function(name: &str, member: bool, arguments: &[Type]) -> Result<Type, Refusal> {
    let wrong = || {
        let given: Vec<String> = arguments
            .iter()
            .map(|argument| match argument {
                Type::List { item, .. } => format!("a list of {}", plural(item)),
                other => other.to_string(),
            })
            .collect();
        Err(Refusal {
            message: format!("`{name}` does not take {}", list_of(&given)),
            help: usage(name).map(|usage| format!("write {usage}")),
        })
    };
    let global_only = matches!(
        name,
        "int"
            | "double"
            | "string"
            | "bool"
            | "bytes"
            | "dyn"
            | "type"
            | "duration"
            | "timestamp"
            | "days"
    );
    let member_only = name.starts_with("get")
        || matches!(name, "contains" | "startsWith" | "endsWith" | "matches");
    if (member && global_only) || (!member && member_only) {
        return Err(Refusal {
            message: format!("`{name}` is not written this way"),
            help: usage(name).map(|usage| format!("write {usage}")),
        });
    }
    match (name, arguments) {
        (
            "size",
            [
                Type::List { .. }
                | Type::Map(_)
                | Type::Text
                | Type::Bytes
                | Type::Object(_)
                | Type::Any,
            ],
        ) => Ok(Type::Int),
        ("contains" | "startsWith" | "endsWith" | "matches", [text, part])
        | ("icontains", [text, part]) => {
            if is_text(text) && is_text(part) {
                Ok(Type::Bool)
            } else {
                wrong()
            }
        }
        ("lower", [text]) if is_text(text) => Ok(Type::Text),
        ("split", [text, separator]) if is_text(text) && is_text(separator) => {
            Ok(Type::list(Type::Text))
        }
        ("sum", [Type::List { item, .. }]) => match item.as_ref() {
            Type::Int | Type::Double | Type::Any => Ok(item.as_ref().clone()),
            // The items of a list written empty are not known to be of any type.
            Type::Null => Ok(Type::Int),
            _ => wrong(),
        },
        ("min" | "max", [Type::List { item, .. }]) if ordered(item, item) => {
            Ok(item.as_ref().clone())
        }
        ("sort", [list @ Type::List { item, .. }]) if ordered(item, item) => Ok(list.clone()),
        ("distinct", [list @ Type::List { .. }]) => Ok(list.clone()),
        ("sum" | "min" | "max", [Type::Any]) => Ok(Type::Any),
        ("sort" | "distinct", [Type::Any]) => Ok(Type::list(Type::Any)),
        ("days", [Type::Int | Type::Any]) => Ok(Type::Duration),
        ("duration", [Type::Text | Type::Duration | Type::Int | Type::Any]) => Ok(Type::Duration),
        ("timestamp", [Type::Text | Type::Time | Type::Int | Type::Any]) => Ok(Type::Time),
        (
            "int",
            [Type::Int | Type::Double | Type::Text | Type::Time | Type::Duration | Type::Any],
        ) => Ok(Type::Int),
        ("double", [Type::Int | Type::Double | Type::Text | Type::Any]) => Ok(Type::Double),
        (
            "string",
            [
                Type::Int
                | Type::Double
                | Type::Text
                | Type::Bool
                | Type::Bytes
                | Type::Time
                | Type::Duration
                | Type::Any,
            ],
        ) => Ok(Type::Text),
        ("bool", [Type::Bool | Type::Text | Type::Any]) => Ok(Type::Bool),
        ("bytes", [Type::Text | Type::Bytes | Type::Any]) => Ok(Type::Bytes),
        ("dyn", [_]) => Ok(Type::Any),
        ("type", [_]) => Ok(Type::Kind),
        ("getHours" | "getMinutes" | "getSeconds" | "getMilliseconds", [Type::Duration])
        | (
            "getHours" | "getMinutes" | "getSeconds" | "getMilliseconds" | "getDate"
            | "getDayOfMonth" | "getDayOfWeek" | "getDayOfYear" | "getFullYear" | "getMonth",
            [Type::Time | Type::Any] | [Type::Time | Type::Any, Type::Text],
        ) => Ok(Type::Int),
        _ => wrong(),
    }
}

fn is_text(kind: &Type) -> bool {
    matches!(kind, Type::Text | Type::Any)
}

fn list_of(items: &[String]) -> String {
    match items {
        [] => "no arguments".to_owned(),
        [one] => one.clone(),
        [first @ .., last] => format!("{} and {last}", first.join(", ")),
    }
}
