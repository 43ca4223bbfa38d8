//! Markdown.

use super::operation;
use crate::engine::route::{Action, Route};
use crate::github::markdown;

/// The operations, sorted by id.
pub(super) const ROUTES: &[Route] = &[
    Route {
        info: operation("markdown/render", "POST", "/markdown", "Renders Markdown"),
        docs: "markdown/markdown#render-a-markdown-document",
        guards: &[],
        action: Action::Hook(markdown::render),
    },
    Route {
        info: operation(
            "markdown/render-raw",
            "POST",
            "/markdown/raw",
            "Renders Markdown that is the whole body",
        ),
        docs: "markdown/markdown#render-a-markdown-document-in-raw-mode",
        guards: &[],
        action: Action::Hook(markdown::render_raw),
    },
];
