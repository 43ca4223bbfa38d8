//! Bodies as HTML and as plain text.

use crate::engine::graphql::model::Fault;
use crate::engine::graphql::model::Value;
use crate::engine::row::Row;

/// A body as HTML.
pub(super) fn html(_: &Row, _: usize) -> Result<Value, Fault> {
    Err(Fault::gap("graphql:bodyHTML"))
}

/// A body as plain text.
pub(super) fn text(_: &Row, _: usize) -> Result<Value, Fault> {
    Err(Fault::gap("graphql:bodyText"))
}
