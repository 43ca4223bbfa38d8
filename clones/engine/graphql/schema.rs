//! The published schema of a service, read at the first call that needs it.

use std::sync::OnceLock;

use apollo_compiler::collections::HashMap;
use apollo_compiler::schema::{ExtendedType, Implementers};
use apollo_compiler::validation::Valid;
use apollo_compiler::{Name, Schema};

/// A published schema: its text, and what was made of it once it was needed.
pub(crate) struct Published {
    text: &'static str,
    read: OnceLock<Known>,
}

/// A schema that was read.
pub(crate) struct Known {
    /// The schema.
    pub schema: Valid<Schema>,
    /// Which types implement which interfaces.
    pub implementers: HashMap<Name, Implementers>,
}

impl Published {
    /// A schema of that text.
    pub(crate) const fn new(text: &'static str) -> Self {
        Self {
            text,
            read: OnceLock::new(),
        }
    }

    /// The schema. Published ones break rules of the language here and there (a field that stands
    /// twice in a type), so what can be read of it counts.
    pub(crate) fn get(&self) -> &Known {
        self.read.get_or_init(|| {
            let schema = match Schema::parse(self.text, "schema.graphql") {
                Ok(schema) => schema,
                Err(wrong) => wrong.partial,
            };
            let schema = match schema.validate() {
                Ok(schema) => schema,
                Err(wrong) => Valid::assume_valid(wrong.partial),
            };
            let implementers = schema.implementers_map();
            Known {
                schema,
                implementers,
            }
        })
    }

    /// What breaks rules in it.
    #[cfg(test)]
    pub(crate) fn faults(&self) -> Vec<String> {
        let (schema, mut faults) = match Schema::parse(self.text, "schema.graphql") {
            Ok(schema) => (schema, Vec::new()),
            Err(wrong) => (
                wrong.partial,
                wrong
                    .errors
                    .iter()
                    .map(|one| one.error.to_string())
                    .collect(),
            ),
        };
        if let Err(wrong) = schema.validate() {
            faults.extend(wrong.errors.iter().map(|one| one.error.to_string()));
        }
        faults
    }
}

impl Known {
    /// Whether an object of type `object` is one of `wanted`, an object, interface or union.
    pub(crate) fn is(&self, object: &str, wanted: &str) -> bool {
        object == wanted || self.schema.is_subtype(wanted, object)
    }

    /// Whether a type has no fields.
    pub(crate) fn is_leaf(&self, name: &str) -> bool {
        self.schema
            .types
            .get(name)
            .is_none_or(ExtendedType::is_leaf)
    }
}
