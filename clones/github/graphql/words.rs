//! How GitHub says what is wrong with a query.

use apollo_compiler::ast::{self, Definition, Selection};
use apollo_compiler::parser::{SourceMap, SourceSpan};
use apollo_compiler::schema::{ExtendedType, FieldDefinition};
use apollo_compiler::{Name, Node};
use serde_json::{Value, json};

use crate::engine::graphql::arguments::WrongVariable;
use crate::engine::graphql::request::Words;
use crate::engine::graphql::schema::Known;

/// GitHub's words.
pub(super) const WORDS: Words = Words {
    syntax,
    invalid,
    variable,
    too_many,
};

/// `Expected NAME, actual: RCURLY ("}") at [1, 9]`, or `Unexpected end of document`.
fn syntax(message: &str, text: &str, line: usize, column: usize) -> Value {
    let rest: String = text
        .lines()
        .nth(line.saturating_sub(1))
        .map(|text| text.chars().skip(column.saturating_sub(1)).collect())
        .unwrap_or_default();
    if text.trim().is_empty() || rest.trim().is_empty() {
        return json!({"message": "Unexpected end of document", "locations": []});
    }
    let token: String = match rest.chars().next() {
        Some(first) if first.is_alphanumeric() || first == '_' => rest
            .chars()
            .take_while(|one| one.is_alphanumeric() || *one == '_')
            .collect(),
        first => first.into_iter().collect(),
    };
    let kind = match token.as_str() {
        "{" => "LCURLY",
        "}" => "RCURLY",
        "(" => "LPAREN",
        ")" => "RPAREN",
        "[" => "LBRACKET",
        "]" => "RBRACKET",
        ":" => "COLON",
        "=" => "EQUALS",
        "!" => "BANG",
        "$" => "VAR_SIGN",
        "@" => "DIR_SIGN",
        "|" => "PIPE",
        "\"" => "STRING",
        token if token.starts_with(|one: char| one.is_ascii_digit()) => "INT",
        token if token.starts_with(|one: char| one.is_alphabetic() || one == '_') => "IDENTIFIER",
        _ => "UNKNOWN_CHAR",
    };
    let wanted = if message.contains("Name") || message.contains("name") {
        "Expected NAME, actual"
    } else {
        "Parse error, unexpected"
    };
    json!({
        "message": format!("{wanted}: {kind} ({token:?}) at [{line}, {column}]"),
        "locations": [{"line": line, "column": column}],
    })
}

fn too_many(asked: u64, most: u64) -> Value {
    json!({
        "type": "MAX_NODE_LIMIT_EXCEEDED",
        "message": format!(
            "This query requests up to {} possible nodes which exceeds the maximum limit of {}.",
            grouped(asked),
            grouped(most)
        ),
    })
}

/// 500000 as `500,000`.
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut out = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

fn variable(wrong: &WrongVariable) -> Value {
    let told: Vec<String> = wrong
        .problems
        .iter()
        .filter(|(path, _)| !path.is_empty())
        .map(|(path, problem)| {
            let path: Vec<String> = path
                .iter()
                .map(|step| {
                    step.as_str()
                        .map_or_else(|| step.to_string(), str::to_owned)
                })
                .collect();
            format!("{} ({problem})", path.join("."))
        })
        .collect();
    let more = if told.is_empty() {
        String::new()
    } else {
        format!(" for {}", told.join(", "))
    };
    let problems: Vec<Value> = wrong
        .problems
        .iter()
        .map(|(path, problem)| json!({"path": path, "explanation": problem}))
        .collect();
    let places: Vec<Value> = wrong
        .line_column
        .iter()
        .map(|(line, column)| json!({"line": line, "column": column}))
        .collect();
    json!({
        "extensions": {"value": wrong.value, "problems": problems},
        "locations": places,
        "message": format!(
            "Variable ${} of type {} was provided invalid value{more}",
            wrong.name, wrong.of
        ),
    })
}

fn invalid(known: &Known, document: &ast::Document) -> Vec<Value> {
    let mut check = Check {
        known,
        document,
        errors: Vec::new(),
        path: Vec::new(),
        used: Vec::new(),
        spread: Vec::new(),
    };
    for definition in &document.definitions {
        match definition {
            Definition::OperationDefinition(operation) => check.operation(operation),
            Definition::FragmentDefinition(fragment) => {
                check.path = vec![format!("fragment {}", fragment.name)];
                check.condition(&fragment.type_condition);
                check.selections(&fragment.type_condition, &fragment.selection_set);
            }
            _ => {}
        }
    }
    for definition in &document.definitions {
        if let Definition::FragmentDefinition(fragment) = definition
            && !check.spread.iter().any(|name| *name == fragment.name)
        {
            check.path = vec![format!("fragment {}", fragment.name)];
            let message = format!("Fragment {} was defined, but not used", fragment.name);
            let more =
                json!({"code": "useAndDefineFragment", "fragmentName": fragment.name.as_str()});
            check.tell(fragment.name.location(), message, more);
        }
    }
    check.errors
}

struct Check<'d> {
    known: &'d Known,
    document: &'d ast::Document,
    errors: Vec<Value>,
    path: Vec<String>,
    used: Vec<Name>,
    spread: Vec<Name>,
}

impl Check<'_> {
    fn tell(&mut self, place: Option<SourceSpan>, message: String, extensions: Value) {
        self.errors.push(json!({
            "path": self.path,
            "extensions": extensions,
            "locations": places(place, &self.document.sources),
            "message": message,
        }));
    }

    fn operation(&mut self, operation: &ast::OperationDefinition) {
        let kind = operation.operation_type.name();
        let name = operation.name.as_ref();
        let title = name.map_or_else(|| kind.to_owned(), |name| format!("{kind} {name}"));
        self.path = vec![title];
        self.used.clear();
        let Some(root) = self.known.schema.root_operation(operation.operation_type) else {
            let message = format!("Schema is not configured for {kind}s");
            return self.tell(
                None,
                message,
                json!({"code": format!("missing{kind}Configuration")}),
            );
        };
        let root = root.clone();
        self.selections(&root, &operation.selection_set);
        let title = name.map_or_else(|| format!("anonymous {kind}"), Name::to_string);
        let used = std::mem::take(&mut self.used);
        for variable in &operation.variables {
            if !used.contains(&variable.name) && !self.in_fragments(&variable.name) {
                let name = variable.name.as_str();
                let message = format!("Variable ${name} is declared by {title} but not used");
                let more = json!({"code": "variableNotUsed", "variableName": name});
                self.tell(variable.location(), message, more);
            }
        }
        for name in &used {
            if !operation.variables.iter().any(|known| known.name == *name) {
                let message = format!("Variable ${name} is used by {title} but not declared");
                let more = json!({"code": "variableNotDefined", "variableName": name.as_str()});
                self.tell(name.location(), message, more);
            }
        }
    }

    /// Whether a variable occurs in a fragment of the document.
    fn in_fragments(&self, name: &Name) -> bool {
        self.document
            .definitions
            .iter()
            .any(|definition| match definition {
                Definition::FragmentDefinition(fragment) => {
                    let mut found = Vec::new();
                    variables_of(&fragment.selection_set, &mut found);
                    found.contains(name)
                }
                _ => false,
            })
    }

    fn condition(&mut self, name: &Name) {
        if !self.known.schema.types.contains_key(name) {
            let message = format!("No such type {name}, so it can't be a fragment condition");
            let more = json!({"code": "undefinedType", "typeName": name.as_str()});
            self.tell(name.location(), message, more);
        }
    }

    fn selections(&mut self, of: &str, selections: &[Selection]) {
        for selection in selections {
            for directive in selection_directives(selection) {
                for argument in &directive.arguments {
                    variables_in(&argument.value, &mut self.used);
                }
            }
            match selection {
                Selection::Field(field) => {
                    let key = field.response_name().to_string();
                    self.path.push(key);
                    self.field(of, field);
                    self.path.pop();
                }
                Selection::InlineFragment(inline) => {
                    let step = match &inline.type_condition {
                        None => "...".to_owned(),
                        Some(name) => format!("... on {name}"),
                    };
                    self.path.push(step);
                    if let Some(name) = &inline.type_condition {
                        self.condition(name);
                    }
                    let below = inline.type_condition.as_ref().map_or(of, Name::as_str);
                    self.selections(below, &inline.selection_set);
                    self.path.pop();
                }
                Selection::FragmentSpread(spread) => {
                    let name = &spread.fragment_name;
                    let known = self.document.definitions.iter().any(|definition| {
                        definition
                            .as_fragment_definition()
                            .is_some_and(|fragment| fragment.name == *name)
                    });
                    if !known {
                        let message = format!("Fragment {name} was used, but not defined");
                        let more =
                            json!({"code": "useAndDefineFragment", "fragmentName": name.as_str()});
                        self.path.push(format!("... {name}"));
                        self.tell(name.location(), message, more);
                        self.path.pop();
                    }
                    self.spread.push(name.clone());
                }
            }
        }
    }

    fn field(&mut self, of: &str, field: &Node<ast::Field>) {
        let name = field.name.as_str();
        let place = field.alias.as_ref().unwrap_or(&field.name).location();
        if !self.known.schema.types.contains_key(of) {
            return;
        }
        let Ok(definition) = self.known.schema.type_field(of, name) else {
            let union = matches!(
                self.known.schema.types.get(of),
                Some(ExtendedType::Union(_))
            );
            if union && name != "__typename" {
                let message =
                    format!("Selections can't be made directly on unions (see selections on {of})");
                let more = json!({"code": "selectionMismatch", "nodeName": format!("field '{name}'"), "typeName": of});
                return self.tell(place, message, more);
            }
            let message = format!("Field '{name}' doesn't exist on type '{of}'");
            let more = json!({"code": "undefinedField", "typeName": of, "fieldName": name});
            return self.tell(place, message, more);
        };
        let definition = definition.clone();
        self.arguments(field, &definition, place);
        let inner = definition.ty.inner_named_type().as_str();
        let leaf = self.known.is_leaf(inner);
        match (leaf, field.selection_set.is_empty()) {
            (true, false) => {
                let kind = match self.known.schema.types.get(inner) {
                    Some(ExtendedType::Enum(_)) => "enums",
                    _ => "scalars",
                };
                let names: Vec<String> = field
                    .selection_set
                    .iter()
                    .filter_map(|one| {
                        one.as_field()
                            .map(|field| format!("{:?}", field.name.as_str()))
                    })
                    .collect();
                let message = format!(
                    "Selections can't be made on {kind} (field '{name}' returns {inner} but has selections [{}])",
                    names.join(", ")
                );
                let more = json!({"code": "selectionMismatch", "nodeName": format!("field '{name}'"), "typeName": inner});
                self.tell(place, message, more);
            }
            (false, true) => {
                let message = format!(
                    "Field must have selections (field '{name}' returns {inner} but has no selections. Did you mean '{name} {{ ... }}'?)"
                );
                let more = json!({"code": "selectionMismatch", "nodeName": format!("field '{name}'"), "typeName": inner});
                self.tell(place, message, more);
            }
            _ => self.selections(inner, &field.selection_set),
        }
    }

    fn arguments(
        &mut self,
        field: &ast::Field,
        definition: &FieldDefinition,
        place: Option<SourceSpan>,
    ) {
        let name = field.name.as_str();
        for argument in &field.arguments {
            variables_in(&argument.value, &mut self.used);
            let Some(declared) = definition.argument_by_name(&argument.name) else {
                let given = argument.name.as_str();
                let message = format!("Field '{name}' doesn't accept argument '{given}'");
                let more = json!({
                    "code": "argumentNotAccepted", "name": name,
                    "typeName": "Field", "argumentName": given,
                });
                self.tell(argument.name.location(), message, more);
                continue;
            };
            if !self.fits(&declared.ty, &argument.value) {
                let given = argument.name.as_str();
                let message = format!(
                    "Argument '{given}' on Field '{name}' has an invalid value ({}). Expected type '{}'.",
                    argument.value, declared.ty
                );
                let more = json!({
                    "code": "argumentLiteralsIncompatible",
                    "typeName": "Field", "argumentName": given,
                });
                self.tell(place, message, more);
            }
        }
        let missing: Vec<&str> = definition
            .arguments
            .iter()
            .filter(|declared| {
                declared.is_required()
                    && !field
                        .arguments
                        .iter()
                        .any(|given| given.name == declared.name)
            })
            .map(|declared| declared.name.as_str())
            .collect();
        if !missing.is_empty() {
            let names = missing.join(", ");
            let message = format!("Field '{name}' is missing required arguments: {names}");
            let more = json!({
                "code": "missingRequiredArguments", "className": "Field",
                "name": name, "arguments": names,
            });
            self.tell(place, message, more);
        }
    }

    /// Whether a literal is of a type; variables are judged elsewhere.
    fn fits(&self, of: &ast::Type, value: &ast::Value) -> bool {
        match value {
            ast::Value::Variable(_) => true,
            ast::Value::Null => !of.is_non_null(),
            ast::Value::List(items) if of.is_list() => {
                items.iter().all(|item| self.fits(of.item_type(), item))
            }
            value if of.is_list() => self.fits(of.item_type(), value),
            value => match (self.known.schema.types.get(of.inner_named_type()), value) {
                (Some(ExtendedType::Enum(declared)), ast::Value::Enum(name)) => {
                    declared.values.contains_key(name)
                }
                (Some(ExtendedType::Enum(_)), _) => false,
                (Some(ExtendedType::InputObject(declared)), ast::Value::Object(fields)) => {
                    fields.iter().all(|(name, value)| {
                        declared
                            .fields
                            .get(name)
                            .is_some_and(|declared| self.fits(&declared.ty, value))
                    }) && declared.fields.values().all(|declared| {
                        !declared.is_required()
                            || fields.iter().any(|(name, _)| *name == declared.name)
                    })
                }
                (Some(ExtendedType::InputObject(_)), _) => false,
                (_, value) => match (of.inner_named_type().as_str(), value) {
                    ("Int", ast::Value::Int(number)) => number.try_to_i32().is_ok(),
                    ("Float", ast::Value::Int(_) | ast::Value::Float(_))
                    | ("Boolean", ast::Value::Boolean(_))
                    | ("ID", ast::Value::String(_) | ast::Value::Int(_))
                    | ("String", ast::Value::String(_)) => true,
                    ("Int" | "Float" | "Boolean" | "ID" | "String", _) => false,
                    (_, ast::Value::Enum(_)) => false,
                    _ => true,
                },
            },
        }
    }
}

fn places(place: Option<SourceSpan>, sources: &SourceMap) -> Vec<Value> {
    place
        .and_then(|place| place.line_column(sources))
        .map(|place| json!({"line": place.line, "column": place.column}))
        .into_iter()
        .collect()
}

fn variables_in(value: &ast::Value, out: &mut Vec<Name>) {
    match value {
        ast::Value::Variable(name) if !out.contains(name) => out.push(name.clone()),
        ast::Value::List(items) => items.iter().for_each(|item| variables_in(item, out)),
        ast::Value::Object(fields) => fields
            .iter()
            .for_each(|(_, value)| variables_in(value, out)),
        _ => {}
    }
}

fn variables_of(selections: &[Selection], out: &mut Vec<Name>) {
    for selection in selections {
        match selection {
            Selection::Field(field) => {
                for argument in &field.arguments {
                    variables_in(&argument.value, out);
                }
                variables_of(&field.selection_set, out);
            }
            Selection::InlineFragment(inline) => variables_of(&inline.selection_set, out),
            Selection::FragmentSpread(_) => {}
        }
        for directive in selection_directives(selection) {
            for argument in &directive.arguments {
                variables_in(&argument.value, out);
            }
        }
    }
}

fn selection_directives(selection: &Selection) -> &[Node<ast::Directive>] {
    match selection {
        Selection::Field(field) => &field.directives.0,
        Selection::InlineFragment(inline) => &inline.directives.0,
        Selection::FragmentSpread(spread) => &spread.directives.0,
    }
}
