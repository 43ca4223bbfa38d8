//! Which changes a document of the GraphQL interface asks for.

use apollo_compiler::ast::{self, OperationType, Selection};
use archal_core::graphql::{DEEPEST, operation, parsed};
use serde_json::{Map, Value};

/// The most mutations of one document that are looked at.
const MOST: usize = 200;

/// One mutation of a document.
#[derive(Debug, PartialEq)]
pub(super) struct Asked {
    /// Its name in the answer.
    pub(super) key: String,
    pub(super) name: String,
    pub(super) input: Map<String, Value>,
}

/// The mutations that a request asks for, in order; none where they cannot be told.
pub(super) fn asked(query: &str, request: &Value) -> Option<Vec<Asked>> {
    let document = parsed(query)?;
    let operation = operation(&document, request)?;
    if operation.operation_type != OperationType::Mutation {
        return None;
    }
    let given_ones = request.get("variables").and_then(Value::as_object);
    let mut variables = given_ones.cloned().unwrap_or_default();
    for variable in &operation.variables {
        if let Some(usual) = &variable.default_value
            && !variables.contains_key(variable.name.as_str())
        {
            let usual = given(usual, &Map::new(), 0)?;
            variables.insert(variable.name.to_string(), usual);
        }
    }
    let variables = &variables;
    let mut asked = Vec::new();
    for selection in &operation.selection_set {
        let Selection::Field(field) = selection else {
            return None;
        };
        let input = field.arguments.iter().find(|one| one.name == "input")?;
        let Value::Object(input) = given(&input.value, variables, 0)? else {
            return None;
        };
        let key = field.alias.as_ref().unwrap_or(&field.name);
        asked.push(Asked {
            key: key.to_string(),
            name: field.name.to_string(),
            input,
        });
        if asked.len() > MOST {
            return None;
        }
    }
    Some(asked)
}

/// A value as it was given; none where it is nested too deep.
fn given(value: &ast::Value, variables: &Map<String, Value>, depth: usize) -> Option<Value> {
    if depth > DEEPEST {
        return None;
    }
    Some(match value {
        ast::Value::Null => Value::Null,
        ast::Value::Variable(name) => variables.get(name.as_str()).cloned().unwrap_or_default(),
        ast::Value::Enum(name) => Value::from(name.as_str()),
        ast::Value::String(text) => Value::from(text.as_str()),
        ast::Value::Boolean(value) => Value::from(*value),
        ast::Value::Int(number) => number.try_to_i32().map_or(Value::Null, Value::from),
        ast::Value::Float(number) => number.try_to_f64().map_or(Value::Null, Value::from),
        ast::Value::List(items) => items
            .iter()
            .map(|item| given(item, variables, depth + 1))
            .collect::<Option<Vec<_>>>()?
            .into(),
        ast::Value::Object(fields) => {
            let mut out = Map::new();
            for (name, value) in fields {
                // A variable without a value is left out.
                let absent = matches!(value.as_ref(),
                    ast::Value::Variable(name) if !variables.contains_key(name.as_str()));
                if !absent {
                    out.insert(name.to_string(), given(value, variables, depth + 1)?);
                }
            }
            Value::Object(out)
        }
    })
}
