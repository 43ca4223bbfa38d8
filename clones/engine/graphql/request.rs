//! What a client sends, and the answer as a whole.

use apollo_compiler::executable::Operation;
use apollo_compiler::parser::Parser;
use apollo_compiler::response::JsonMap;
use apollo_compiler::validation::{DiagnosticData, Valid};
use apollo_compiler::{ExecutableDocument, ast, introspection};
use archal_core::clone::Rendered;
use serde_json::{Map, Value, json};

use super::arguments::{WrongVariable, variables};
use super::execute::{Error, Execution, Step};
use super::model::{Model, Object, Value as Field};
use super::plan::Query;
use super::schema::{Known, Published};
use crate::engine::pack::Call;
use crate::engine::root::Root;
use crate::engine::writer::Writer;

/// Deepest nesting of a query.
const DEEPEST: usize = 150;

/// A service's GraphQL.
pub(crate) struct Service {
    /// The schema.
    pub schema: Published,
    /// What its types are in the tables.
    pub model: Model,
    /// How it words what is wrong with a query.
    pub words: Words,
}

/// How a service words what is wrong with a query.
pub(crate) struct Words {
    /// A text that is no query: what the parser says, the text, and where.
    pub syntax: fn(message: &str, text: &str, line: usize, column: usize) -> Value,
    /// A query that does not fit the schema; empty where it has no words for it.
    pub invalid: fn(&Known, &ast::Document) -> Vec<Value>,
    /// A variable that is not of its type.
    pub variable: fn(&WrongVariable) -> Value,
    /// More nodes than it answers.
    pub too_many: fn(asked: u64, most: u64) -> Value,
}

/// A request.
#[derive(Debug, Default)]
pub(crate) struct Request {
    /// The document.
    pub query: String,
    /// Values of its variables.
    pub variables: Map<String, Value>,
    /// Which of its operations.
    pub operation: Option<String>,
}

/// An answer.
pub(crate) struct Answer {
    /// The body.
    pub body: Rendered,
    /// What the service has and the clone has not, where the query asked for it.
    pub gaps: Vec<String>,
}

impl Service {
    /// Answers a request.
    pub(crate) fn answer(&'static self, call: &mut Call<'_>, request: &Request) -> Answer {
        let known = self.schema.get();
        let mut parser = Parser::new().recursion_limit(DEEPEST);
        let parsed = parser.parse_ast(&request.query, "query.graphql");
        let document = match parsed {
            Ok(document) => document,
            Err(wrong) => {
                let first = wrong.errors.iter().next();
                let (message, place) = first.map_or((String::new(), None), |one| {
                    (one.error.to_string(), one.line_column_range())
                });
                let (line, column) =
                    place.map_or((1, 1), |place| (place.start.line, place.start.column));
                let error = (self.words.syntax)(&message, &request.query, line, column);
                return refused(call.root(), &[error]);
            }
        };
        let document_of = match document.to_executable_validate(&known.schema) {
            Ok(document) => document,
            // Published clients select fields of one name and of several types in types that no
            // object is both of (`state` of an issue and of a pull request): the services answer.
            Err(wrong)
                if wrong
                    .errors
                    .iter()
                    .all(|one| is_of_several_types(one.error)) =>
            {
                Valid::assume_valid(wrong.partial)
            }
            Err(wrong) => {
                let mut errors = (self.words.invalid)(known, &document);
                if errors.is_empty() {
                    errors = wrong
                        .errors
                        .iter()
                        .map(|one| {
                            let place = one.line_column_range();
                            let places: Vec<Value> = place
                                .map(|place| {
                                    json!({"line": place.start.line, "column": place.start.column})
                                })
                                .into_iter()
                                .collect();
                            json!({"message": one.error.to_string(), "locations": places})
                        })
                        .collect();
                }
                return refused(call.root(), &errors);
            }
        };
        let operation = match document_of.operations.get(request.operation.as_deref()) {
            Ok(operation) => operation,
            Err(_) => {
                let message = match &request.operation {
                    Some(name) => format!("No operation named {}", Value::from(name.as_str())),
                    None if document_of.operations.is_empty() => {
                        "A query must contain an operation".to_owned()
                    }
                    None => "An operation name is required".to_owned(),
                };
                return refused(call.root(), &[json!({"message": message})]);
            }
        };
        let variables = variables(
            &known.schema,
            operation,
            &document_of.sources,
            &request.variables,
        );
        match variables {
            Ok(variables) => self.execute(call, known, &document_of, operation, variables),
            Err(wrong) => {
                let errors: Vec<Value> = wrong.iter().map(self.words.variable).collect();
                refused(call.root(), &errors)
            }
        }
    }

    fn execute(
        &'static self,
        call: &mut Call<'_>,
        known: &'static Known,
        document: &Valid<ExecutableDocument>,
        operation: &Operation,
        variables: Map<String, Value>,
    ) -> Answer {
        let introspected = match introspected(known, document, operation, &variables) {
            Ok(found) => found,
            Err(error) => return refused(call.root(), &[error]),
        };
        let query = Query {
            known,
            document,
            variables,
        };
        let measure = query.measure(operation);
        if measure.nodes > self.model.most_nodes {
            let error = (self.words.too_many)(measure.nodes, self.model.most_nodes);
            return refused(call.root(), &[error]);
        }
        let count = |count: u64| i64::try_from(count).unwrap_or(i64::MAX);
        let root = Object::made(
            "Query",
            vec![
                (NODES, Field::Int(count(measure.nodes))),
                (READS, Field::Int(count(measure.reads))),
            ],
        );
        let mut out = Writer::with_capacity(call.root(), 16_384, 16_384);
        out.raw("{\"data\":");
        let mut execution = Execution::new(query, &self.model, out, introspected);
        execution.run(call, operation, root);
        let Execution {
            mut out, errors, ..
        } = execution;
        let mut gaps: Vec<String> = Vec::new();
        for error in &errors {
            if let Some(gap) = &error.fault.gap
                && !gaps.contains(gap)
            {
                gaps.push(gap.clone());
            }
        }
        if !errors.is_empty() {
            out.key("errors").raw("[");
            for error in &errors {
                write_error(call.root(), error, &mut out);
            }
            out.raw("]");
        }
        out.raw("}");
        Answer {
            body: out.finish(),
            gaps,
        }
    }
}

/// Whether all that is wrong is that fields of one name are of several types.
pub(super) fn is_of_several_types(wrong: &DiagnosticData) -> bool {
    wrong.unstable_error_name() == Some("ConflictingFieldType")
}

/// Where the root object says how many nodes the query asks for at most.
pub(crate) const NODES: &str = "@nodes";
/// Where the root object says how many connections have to be read.
pub(crate) const READS: &str = "@reads";

/// The answers of `__schema` and `__type`, by what the query calls them.
fn introspected(
    known: &Known,
    document: &Valid<ExecutableDocument>,
    operation: &Operation,
    variables: &Map<String, Value>,
) -> Result<Map<String, Value>, Value> {
    let asked = operation
        .root_fields(document)
        .any(|field| matches!(field.name.as_str(), "__schema" | "__type"));
    if !asked || !operation.is_query() {
        return Ok(Map::new());
    }
    let wrong = |message: String| json!({"message": message});
    introspection::check_max_depth(document, operation)
        .map_err(|error| wrong(error.message().to_string()))?;
    let variables: JsonMap = serde_json::from_value(Value::Object(variables.clone()))
        .map_err(|error| wrong(error.to_string()))?;
    let found = introspection::partial_execute(
        &known.schema,
        &known.implementers,
        document,
        operation,
        Valid::assume_valid_ref(&variables),
    )
    .map_err(|error| wrong(error.message().to_string()))?;
    let data = found.data.unwrap_or_default();
    match serde_json::to_value(data).map_err(|error| wrong(error.to_string()))? {
        Value::Object(found) => Ok(found),
        _ => Ok(Map::new()),
    }
}

/// The answer to a request that was not executed.
pub(crate) fn refused(root: &Root, errors: &[Value]) -> Answer {
    let mut out = Writer::new(root);
    let text = json!({"errors": errors}).to_string();
    let said = root.times().rewrite(&text, root.base());
    out.raw_told(&text, said.as_deref().unwrap_or(&text));
    Answer {
        body: out.finish(),
        gaps: Vec::new(),
    }
}

fn write_error(root: &Root, error: &Error, out: &mut Writer) {
    out.item().raw("{");
    if let Some(kind) = error.fault.kind {
        out.key("type").text(kind);
    }
    out.key("path").raw("[");
    for step in &error.path {
        out.item();
        match step {
            Step::Key(key) => out.text(key),
            Step::At(at) => out.raw(&at.to_string()),
        };
    }
    out.raw("]");
    if let Some((line, column)) = error.place {
        out.key("locations")
            .raw(&format!("[{{\"line\":{line},\"column\":{column}}}]"));
    }
    let message = &error.fault.message;
    let said = root.times().rewrite(message, root.base());
    out.key("message")
        .told(message, said.as_deref().unwrap_or(message));
    out.raw("}");
}
