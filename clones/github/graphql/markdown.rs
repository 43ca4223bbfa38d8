//! Bodies as HTML and as plain text.

use crate::engine::graphql::model::Value;
use crate::engine::row::Row;
use crate::github::markdown::{to_html, to_text};

/// A body as HTML.
pub(super) fn html(row: &Row, column: usize) -> Value {
    Value::said(to_html(row.text(column), true))
}

/// A body as plain text.
pub(super) fn text(row: &Row, column: usize) -> Value {
    Value::said(to_text(row.text(column)))
}
