//! Whether an answer is what the schema says, found by another way than the one that made it.

use apollo_compiler::ExecutableDocument;
use apollo_compiler::ast::Type;
use apollo_compiler::executable::{Selection, SelectionSet};
use apollo_compiler::schema::ExtendedType;
use apollo_compiler::validation::Valid;
use serde_json::Value;

use super::request::is_of_several_types;
use super::schema::Known;

/// What is wrong with the data of an answer; empty where nothing is.
pub(crate) fn faults(
    known: &Known,
    query: &str,
    operation: Option<&str>,
    data: &Value,
) -> Vec<String> {
    let document = ExecutableDocument::parse_and_validate(&known.schema, query, "query.graphql");
    let document = match document {
        Ok(document) => document,
        Err(wrong)
            if wrong
                .errors
                .iter()
                .all(|one| is_of_several_types(one.error)) =>
        {
            Valid::assume_valid(wrong.partial)
        }
        Err(wrong) => return vec![format!("{}", wrong.errors)],
    };
    let Ok(operation) = document.operations.get(operation) else {
        return vec!["no such operation".to_owned()];
    };
    if data.is_null() {
        return Vec::new();
    }
    let mut check = Check {
        known,
        document: &document,
        faults: Vec::new(),
    };
    let of = operation.object_type().as_str();
    check.object(of, &[&operation.selection_set], data, "data");
    check.faults
}

struct Check<'a> {
    known: &'a Known,
    document: &'a ExecutableDocument,
    faults: Vec<String>,
}

impl<'a> Check<'a> {
    fn object(&mut self, of: &str, sets: &[&'a SelectionSet], value: &Value, path: &str) {
        let Some(fields) = value.as_object() else {
            self.faults.push(format!("{path}: {value} is no object"));
            return;
        };
        let mut seen = Vec::new();
        let mut asked = Vec::new();
        for set in sets {
            self.fields(of, set, &mut asked);
        }
        for (key, ty, sets) in asked {
            let path = format!("{path}.{key}");
            seen.push(key.clone());
            // What is left out by a directive is not there.
            if let Some(value) = fields.get(&key) {
                self.value(&ty, &sets, value, &path);
            }
        }
        for key in fields.keys().filter(|key| !seen.contains(key)) {
            self.faults.push(format!("{path}: {key} was not asked for"));
        }
    }

    fn fields(
        &self,
        of: &str,
        set: &'a SelectionSet,
        asked: &mut Vec<(String, Type, Vec<&'a SelectionSet>)>,
    ) {
        for selection in &set.selections {
            match selection {
                Selection::Field(field) => {
                    let key = field.response_key().to_string();
                    match asked.iter_mut().find(|(known, ..)| *known == key) {
                        Some((.., sets)) => sets.push(&field.selection_set),
                        None => asked.push((
                            key,
                            field.definition.ty.clone(),
                            vec![&field.selection_set],
                        )),
                    }
                }
                Selection::InlineFragment(inline) => {
                    let fits = inline.type_condition.as_ref();
                    if fits.is_none_or(|wanted| self.known.is(of, wanted)) {
                        self.fields(of, &inline.selection_set, asked);
                    }
                }
                Selection::FragmentSpread(spread) => {
                    if let Some(fragment) = self.document.fragments.get(&spread.fragment_name)
                        && self.known.is(of, fragment.type_condition())
                    {
                        self.fields(of, &fragment.selection_set, asked);
                    }
                }
            }
        }
    }

    fn value(&mut self, of: &Type, sets: &[&'a SelectionSet], value: &Value, path: &str) {
        if value.is_null() {
            if of.is_non_null() {
                self.faults.push(format!("{path}: null is no {of}"));
            }
            return;
        }
        if of.is_list() {
            let Some(items) = value.as_array() else {
                self.faults.push(format!("{path}: {value} is no list"));
                return;
            };
            for (at, item) in items.iter().enumerate() {
                self.value(of.item_type(), sets, item, &format!("{path}.{at}"));
            }
            return;
        }
        let name = of.inner_named_type().as_str();
        let fits = match self.known.schema.types.get(name) {
            Some(ExtendedType::Enum(declared)) => value
                .as_str()
                .is_some_and(|value| declared.values.contains_key(value)),
            Some(ExtendedType::Object(_)) => {
                self.object(name, sets, value, path);
                true
            }
            Some(ExtendedType::Interface(_) | ExtendedType::Union(_)) => {
                // Which type it is shows where the query asks for `__typename`.
                match value.get("__typename").and_then(Value::as_str) {
                    Some(of) if self.known.is(of, name) => self.object(of, sets, value, path),
                    Some(_) => return self.faults.push(format!("{path}: {value} is no {name}")),
                    None => {}
                }
                value.is_object()
            }
            _ => match name {
                // The service answers numbers of rows whole, though they are longer than its own type
                // allows: the reason why it has a longer one beside it.
                "Int" if path.ends_with(".databaseId") => value.is_i64(),
                "Int" => value
                    .as_i64()
                    .is_some_and(|value| i32::try_from(value).is_ok()),
                "Float" => value.is_number(),
                "Boolean" => value.is_boolean(),
                "DateTime" | "GitTimestamp" | "PreciseDateTime" => value
                    .as_str()
                    .is_some_and(|text| text.parse::<jiff::Timestamp>().is_ok()),
                "URI" => value.as_str().is_some_and(|text| text.starts_with("http")),
                "GitObjectID" => value.as_str().is_some_and(|text| {
                    text.len() == 40 && text.bytes().all(|b| b.is_ascii_hexdigit())
                }),
                "BigInt" => value.is_string() || value.is_number(),
                "JSON" => true,
                _ => value.is_string(),
            },
        };
        if !fits {
            self.faults.push(format!("{path}: {value} is no {of}"));
        }
    }
}
