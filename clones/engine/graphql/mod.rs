//! GraphQL over the tables of a pack, by the schema that the service publishes.
//!
//! - [`schema`]: the published schema, read at the first call.
//! - [`model`]: what a pack says of the types: a field is a column, a relation or a function.
//! - [`arguments`]: variables and arguments as their types want them.
//! - [`connection`]: pages of connections. [`plan`]: which fields an object is asked for.
//! - [`execute`]: from a query to its answer. [`request`]: what a client sends. [`documents`]: what it sent before.

pub(crate) mod arguments;
pub(crate) mod connection;
pub(crate) mod documents;
pub(crate) mod execute;
pub(crate) mod model;
#[cfg(test)]
pub(crate) mod oracle;
mod plan;
pub(crate) mod request;
pub(crate) mod schema;
