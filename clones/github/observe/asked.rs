//! What a document of the GraphQL interface asks for: a question or changes, and which.

use apollo_compiler::ast::{
    self, Definition, Document, OperationDefinition, OperationType, Selection,
};
use apollo_compiler::parser::Parser;
use serde_json::{Map, Value};

/// Deepest nesting of a document.
const DEEPEST: usize = 150;
/// The most mutations of one document that are looked at.
const MOST: usize = 200;

/// What a request is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// It changes nothing.
    Question,
    /// It asks for changes.
    Change,
    /// It cannot be told.
    Unknown,
}

/// One mutation of a document.
#[derive(Debug, PartialEq)]
pub(super) struct Asked {
    /// Its name in the answer.
    pub(super) key: String,
    pub(super) name: String,
    pub(super) input: Map<String, Value>,
}

/// Whether a request asks a question or for changes, by the operation that it runs.
pub(super) fn kind(request: &Value) -> Kind {
    let Some(query) = request.get("query").and_then(Value::as_str) else {
        return Kind::Unknown;
    };
    let Some(document) = parsed(query) else {
        return unparsed(query);
    };
    let changes =
        |operation: &OperationDefinition| operation.operation_type != OperationType::Query;
    match operation(&document, request) {
        Some(operation) => match operation.operation_type {
            OperationType::Query => Kind::Question,
            OperationType::Mutation => Kind::Change,
            OperationType::Subscription => Kind::Unknown,
        },
        // Whichever of them runs.
        None if !operations(&document).any(changes) => Kind::Question,
        None => Kind::Unknown,
    }
}

/// The same of a document that cannot be read as a whole, as one that was cut: changes need their
/// keyword.
fn unparsed(query: &str) -> Kind {
    let mut words = query.split(|c: char| !c.is_alphanumeric() && c != '_');
    let asks = query.trim_start().starts_with('{') || query.trim_start().starts_with("query");
    match asks && !words.any(|word| word == "mutation") {
        true => Kind::Question,
        false => Kind::Unknown,
    }
}

fn parsed(query: &str) -> Option<Document> {
    Parser::new()
        .recursion_limit(DEEPEST)
        .parse_ast(query, "query.graphql")
        .ok()
}

fn operations(document: &Document) -> impl Iterator<Item = &OperationDefinition> {
    document.definitions.iter().filter_map(|one| match one {
        Definition::OperationDefinition(operation) => Some(&**operation),
        _ => None,
    })
}

/// The operation that is run: the one that the request names, or the only one.
fn operation<'d>(document: &'d Document, request: &Value) -> Option<&'d OperationDefinition> {
    let name = request.get("operationName").and_then(Value::as_str);
    let mut operations = operations(document);
    match name.filter(|name| !name.is_empty()) {
        Some(name) => operations.find(|one| one.name.as_ref().is_some_and(|own| own == name)),
        None => operations.next().filter(|_| operations.next().is_none()),
    }
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

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_operation_that_runs_says_whether_anything_is_changed() {
        let both = "query Q{viewer{login}} mutation M{addStar(input:{starrableId:\"R\"}){clientMutationId}}";
        for (query, name, is) in [
            ("{viewer{login}}", None, Kind::Question),
            (
                "mutation{addStar(input:{starrableId:\"R\"}){clientMutationId}}",
                None,
                Kind::Change,
            ),
            // Lines that begin like one are none: a text, a field, a comment.
            (
                "query{search(query:\"\"\"\nmutation of genes\n\"\"\",type:ISSUE,first:1){issueCount}}",
                None,
                Kind::Question,
            ),
            ("query{\n  mutation: viewer{login}\n}", None, Kind::Question),
            (
                "# read\nfragment F on User{login} mutation M{a:addStar(input:{starrableId:\"R\"}){starrable{id}}}",
                None,
                Kind::Change,
            ),
            (
                "query Q{viewer{login}} query R{viewer{id}}",
                None,
                Kind::Question,
            ),
            (both, Some("Q"), Kind::Question),
            (both, Some("M"), Kind::Change),
            (both, None, Kind::Unknown),
            ("subscription{x}", None, Kind::Unknown),
            // What was cut.
            ("query Q{viewer{log", None, Kind::Question),
            (
                "query Q{viewer{login}} mutation M{addSt",
                Some("M"),
                Kind::Unknown,
            ),
            ("fragment F on User{lo", None, Kind::Unknown),
        ] {
            let request = json!({"query": query, "operationName": name});
            assert_eq!(kind(&request), is, "{query} {name:?}");
        }
        assert_eq!(kind(&json!({"id": "persisted"})), Kind::Unknown);
    }
}
