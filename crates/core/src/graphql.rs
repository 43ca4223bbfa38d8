//! What a request to a GraphQL interface asks for, whoever serves it.

use apollo_compiler::ast::{Definition, Document, OperationDefinition, OperationType};
use apollo_compiler::parser::Parser;
use serde_json::Value;

/// Deepest nesting of a document.
pub const DEEPEST: usize = 150;

/// What a request is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// It changes nothing.
    Question,
    /// It asks for changes.
    Change,
    /// It cannot be told.
    Unknown,
}

/// Whether a request asks a question or for changes, by the operation that it runs.
pub fn kind(request: &Value) -> Kind {
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

/// A document, unless it is none or is nested too deep.
pub fn parsed(query: &str) -> Option<Document> {
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
pub fn operation<'d>(document: &'d Document, request: &Value) -> Option<&'d OperationDefinition> {
    let name = request.get("operationName").and_then(Value::as_str);
    let mut operations = operations(document);
    match name.filter(|name| !name.is_empty()) {
        Some(name) => operations.find(|one| one.name.as_ref().is_some_and(|own| own == name)),
        None => operations.next().filter(|_| operations.next().is_none()),
    }
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
