//! Variables and arguments as their types want them.

use std::collections::BTreeMap;

use apollo_compiler::Schema;
use apollo_compiler::ast;
use apollo_compiler::executable::{Field, Operation};
use apollo_compiler::schema::{ExtendedType, InputValueDefinition};
use serde_json::{Map, Value, json};

/// The arguments of a field, variables put in and defaults filled in.
#[derive(Debug, Clone, Default)]
pub(crate) struct Args(Map<String, Value>);

impl Args {
    /// Arguments of that value; empty where it is no object.
    pub(crate) fn new(value: Value) -> Self {
        match value {
            Value::Object(fields) => Self(fields),
            _ => Self::default(),
        }
    }

    /// An argument; none where it is not given or null.
    pub(crate) fn get(&self, name: &str) -> Option<&Value> {
        self.0.get(name).filter(|value| !value.is_null())
    }

    /// Whether an argument is given, be it null.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.0.contains_key(name)
    }

    /// A text, or the name of an enum's value.
    pub(crate) fn text(&self, name: &str) -> Option<&str> {
        self.get(name)?.as_str()
    }

    /// A number.
    pub(crate) fn int(&self, name: &str) -> Option<i64> {
        self.get(name)?.as_i64()
    }

    /// A truth value.
    pub(crate) fn bool(&self, name: &str) -> Option<bool> {
        self.get(name)?.as_bool()
    }

    /// The texts of a list that narrows what is asked for; none where it is empty.
    pub(crate) fn any_of(&self, name: &str) -> Option<Vec<&str>> {
        self.texts(name).filter(|texts| !texts.is_empty())
    }

    /// The texts of a list.
    pub(crate) fn texts(&self, name: &str) -> Option<Vec<&str>> {
        let items = self.get(name)?.as_array()?;
        Some(items.iter().filter_map(Value::as_str).collect())
    }

    /// The items of a list of objects.
    pub(crate) fn items(&self, name: &str) -> Vec<Args> {
        let items = self.get(name).and_then(Value::as_array);
        let items = items.into_iter().flatten();
        items.map(|item| Self::new(item.clone())).collect()
    }

    /// An input object; empty where it is not given.
    pub(crate) fn object(&self, name: &str) -> Args {
        self.get(name)
            .cloned()
            .map_or_else(Self::default, Self::new)
    }
}

/// A variable whose value is not of its type.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct WrongVariable {
    /// Its name.
    pub name: String,
    /// Its type as the query writes it.
    pub of: String,
    /// What was given.
    pub value: Value,
    /// What is wrong, each with the way to it.
    pub problems: Vec<(Vec<Value>, String)>,
    /// Where the query declares it.
    pub line_column: Option<(usize, usize)>,
}

/// The variables of an operation from what was sent.
pub(crate) fn variables(
    schema: &Schema,
    operation: &Operation,
    sources: &apollo_compiler::parser::SourceMap,
    given: &Map<String, Value>,
) -> Result<Map<String, Value>, Vec<WrongVariable>> {
    let mut out = Map::new();
    let mut wrong = Vec::new();
    for variable in &operation.variables {
        let name = variable.name.as_str();
        let value = match (given.get(name), &variable.default_value) {
            (Some(value), _) => value.clone(),
            (None, Some(default)) => literal(schema, &variable.ty, default, &Map::new()),
            (None, None) if variable.ty.is_non_null() => Value::Null,
            (None, None) => continue,
        };
        let mut problems = Vec::new();
        let coerced = coerce(schema, &variable.ty, &value, &mut Vec::new(), &mut problems);
        if problems.is_empty() {
            out.insert(name.to_owned(), coerced);
        } else {
            let place = variable.location().and_then(|at| at.line_column(sources));
            wrong.push(WrongVariable {
                name: name.to_owned(),
                of: variable.ty.to_string(),
                value,
                problems,
                line_column: place.map(|place| (place.line, place.column)),
            });
        }
    }
    if wrong.is_empty() {
        Ok(out)
    } else {
        Err(wrong)
    }
}

/// The arguments of a field, which validation has found right but for variables inside lists.
pub(super) fn arguments(schema: &Schema, field: &Field, variables: &Map<String, Value>) -> Args {
    let mut out = Map::new();
    for declared in &field.definition.arguments {
        let given = field
            .arguments
            .iter()
            .find(|given| given.name == declared.name);
        let value = given.map(|given| given.value.as_ref());
        if let Some(value) = filled(schema, declared, value, variables) {
            out.insert(declared.name.to_string(), value);
        }
    }
    Args(out)
}

/// The value of an argument or of a field of an input object.
fn filled(
    schema: &Schema,
    declared: &InputValueDefinition,
    given: Option<&ast::Value>,
    variables: &Map<String, Value>,
) -> Option<Value> {
    let default = || {
        let default = declared.default_value.as_ref()?;
        Some(literal(schema, &declared.ty, default, &Map::new()))
    };
    match given {
        None => default(),
        Some(ast::Value::Variable(name)) => match variables.get(name.as_str()) {
            Some(value) => Some(value.clone()),
            None => default(),
        },
        Some(value) => Some(literal(schema, &declared.ty, value, variables)),
    }
}

fn literal(
    schema: &Schema,
    of: &ast::Type,
    value: &ast::Value,
    variables: &Map<String, Value>,
) -> Value {
    match value {
        ast::Value::Null => Value::Null,
        ast::Value::Variable(name) => variables.get(name.as_str()).cloned().unwrap_or_default(),
        ast::Value::List(items) if of.is_list() => items
            .iter()
            .map(|item| literal(schema, of.item_type(), item, variables))
            .collect(),
        // A single value where a list is wanted is a list of one.
        value if of.is_list() => json!([literal(schema, of.item_type(), value, variables)]),
        ast::Value::Enum(name) => json!(name.as_str()),
        ast::Value::String(text) => json!(text),
        ast::Value::Boolean(value) => json!(value),
        ast::Value::Int(number) => {
            let number = number.try_to_i32().map(i64::from);
            match (number, of.inner_named_type().as_str()) {
                (Ok(number), "ID" | "String") => json!(number.to_string()),
                (Ok(number), _) => json!(number),
                (Err(_), _) => Value::Null,
            }
        }
        ast::Value::Float(number) => number
            .try_to_f64()
            .map_or(Value::Null, |number| json!(number)),
        ast::Value::List(items) => items
            .iter()
            .map(|item| literal(schema, of, item, variables))
            .collect(),
        ast::Value::Object(fields) => {
            let mut out = Map::new();
            match schema.get_input_object(of.inner_named_type()) {
                Some(declared) => {
                    for (name, declared) in &declared.fields {
                        let given = fields.iter().find(|(given, _)| given == name);
                        let value = given.map(|(_, value)| value.as_ref());
                        if let Some(value) = filled(schema, declared, value, variables) {
                            out.insert(name.to_string(), value);
                        }
                    }
                }
                // A scalar that takes any JSON.
                None => {
                    for (name, value) in fields {
                        out.insert(name.to_string(), literal(schema, of, value, variables));
                    }
                }
            }
            Value::Object(out)
        }
    }
}

/// A value that was sent as its type wants it; what is wrong goes to `problems`.
fn coerce(
    schema: &Schema,
    of: &ast::Type,
    value: &Value,
    path: &mut Vec<Value>,
    problems: &mut Vec<(Vec<Value>, String)>,
) -> Value {
    if value.is_null() {
        if of.is_non_null() {
            problems.push((path.clone(), "Expected value to not be null".to_owned()));
        }
        return Value::Null;
    }
    if of.is_list() {
        let item_type = of.item_type();
        return match value {
            Value::Array(items) => {
                let mut out = Vec::with_capacity(items.len());
                for (at, item) in items.iter().enumerate() {
                    path.push(json!(at));
                    out.push(coerce(schema, item_type, item, path, problems));
                    path.pop();
                }
                Value::Array(out)
            }
            value => json!([coerce(schema, item_type, value, path, problems)]),
        };
    }
    let name = of.inner_named_type().as_str();
    let mut wrong = |message: String| {
        problems.push((path.clone(), message));
        Value::Null
    };
    let unfit = |value: &Value| format!("Could not coerce value {value} to {name}");
    match (schema.types.get(name), value) {
        (Some(ExtendedType::InputObject(declared)), Value::Object(given)) => {
            let mut out = BTreeMap::new();
            for key in given
                .keys()
                .filter(|key| !declared.fields.contains_key(key.as_str()))
            {
                let mut path = path.clone();
                path.push(json!(key));
                problems.push((path, format!("Field is not defined on {name}")));
            }
            for (key, declared) in &declared.fields {
                let value = match (given.get(key.as_str()), &declared.default_value) {
                    (Some(value), _) => value.clone(),
                    (None, Some(default)) => literal(schema, &declared.ty, default, &Map::new()),
                    (None, None) if declared.ty.is_non_null() => Value::Null,
                    (None, None) => continue,
                };
                path.push(json!(key.as_str()));
                let value = coerce(schema, &declared.ty, &value, path, problems);
                path.pop();
                out.insert(key.to_string(), value);
            }
            out.into_iter().collect::<Map<_, _>>().into()
        }
        (Some(ExtendedType::InputObject(_)), value) => {
            wrong(format!("Expected {value} to be a key-value object."))
        }
        (Some(ExtendedType::Enum(declared)), value) => match value.as_str() {
            Some(text) if declared.values.contains_key(text) => json!(text),
            _ => {
                let values: Vec<&str> = declared.values.keys().map(|key| key.as_str()).collect();
                let given = value
                    .as_str()
                    .map_or_else(|| value.to_string(), |text| format!("\"{text}\""));
                wrong(format!(
                    "Expected {given} to be one of: {}",
                    values.join(", ")
                ))
            }
        },
        (_, value) => match (name, value) {
            ("Int", Value::Number(number)) => match number.as_i64().map(i32::try_from) {
                Some(Ok(number)) => json!(number),
                _ => wrong(unfit(value)),
            },
            ("Float", Value::Number(_))
            | ("Boolean", Value::Bool(_))
            | ("String" | "ID", Value::String(_)) => value.clone(),
            ("ID", Value::Number(number)) => json!(number.to_string()),
            ("Int" | "Float" | "Boolean" | "String" | "ID", value) => wrong(unfit(value)),
            _ => value.clone(),
        },
    }
}
