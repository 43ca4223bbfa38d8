//! What the sources that are pushed to share: connections and bodies with bounds, tokens, mappings.

use std::collections::BTreeMap;

use archal_core::diagnostic::nearest;

pub(crate) mod body;
mod callers;
pub(crate) mod connections;
pub(crate) mod token;

pub(crate) use body::Bodies;
pub use body::unpack;
pub(crate) use connections::{Versions, serve};
pub(crate) use token::Token;

/// For sources that read no JSON of other shapes than their own.
///
/// # Errors
///
/// For any field.
pub(crate) fn no_mapping(mapping: &BTreeMap<String, String>) -> Result<(), Vec<String>> {
    known_fields(mapping, &[])
}

/// That a mapping has no other fields than these.
///
/// # Errors
///
/// For each other name, the nearest right one.
pub(crate) fn known_fields(
    mapping: &BTreeMap<String, String>,
    names: &[&str],
) -> Result<(), Vec<String>> {
    let wrong: Vec<String> = mapping
        .keys()
        .filter(|name| !names.contains(&name.as_str()))
        .map(|name| match nearest(name, names.iter().copied()) {
            Some(right) => format!("`{name}` is no field; did you mean `{right}`?"),
            None if names.is_empty() => format!("`{name}` is no field; there is nothing to map"),
            None => format!("`{name}` is no field; there are {}", names.join(", ")),
        })
        .collect();
    if wrong.is_empty() { Ok(()) } else { Err(wrong) }
}
