//! From text to an expression that is known to fit the schemas of the clones.

use std::sync::Arc;

use archal_core::clone::CloneDescriptor;
use archal_core::diagnostic::Diagnostic;

use super::check::check;
use super::references::{Decisive, References};
use super::syntax::{Parsed, parse};

/// A criterion's expression, checked.
#[derive(Debug, Clone)]
pub struct Compiled {
    pub(super) parsed: Arc<Parsed>,
    pub(super) references: Arc<References>,
}

impl Compiled {
    /// The expression as written.
    pub fn source(&self) -> &str {
        self.parsed.source()
    }
}

/// Checks an expression against the schemas of `clones`, each of which is a variable in it.
///
/// # Errors
/// What is wrong with it, spans being byte ranges of `source`: not CEL, unknown variables,
/// collections, fields, functions and operations with the nearest right name, types that do
/// not fit, more nesting than is allowed. Also for collections that happen to be empty.
pub fn compile(source: &str, clones: &[&CloneDescriptor]) -> Result<Compiled, Vec<Diagnostic>> {
    if source.trim().is_empty() {
        return Err(vec![Diagnostic::error(
            "criterion/empty",
            "the expression is empty",
        )]);
    }
    let parsed = parse(source)?;
    let references = Arc::new(check(&parsed, clones)?);
    Ok(Compiled { parsed, references })
}

/// The clones, collections and fields an expression reads.
pub fn references(compiled: &Compiled) -> &References {
    &compiled.references
}

/// What decides a criterion, as far as it is part of a failure's identity.
pub fn decisive(compiled: &Compiled) -> Decisive {
    compiled.references.decisive()
}
