//! Why a sentence is not compiled: the part that is not understood, and what may be meant.

use archal_core::diagnostic::Span;

/// A sentence that is not compiled.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// The part that is not understood, a byte range of the sentence.
    pub span: Span,
    /// Why.
    pub message: String,
    /// The nearest known words, or how to say it.
    pub help: Option<String>,
}

impl Refusal {
    /// One at a part.
    pub(super) fn at(span: Span, message: impl Into<String>) -> Self {
        Self {
            span,
            message: message.into(),
            help: None,
        }
    }

    /// One of the whole sentence.
    pub(super) fn whole(text: &str, message: impl Into<String>) -> Self {
        Self::at(
            Span {
                start: 0,
                end: text.len(),
            },
            message,
        )
    }

    /// The same with a way out.
    pub(super) fn with(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// The part of `sentence` that is not understood.
    pub fn part<'s>(&self, sentence: &'s str) -> &'s str {
        sentence
            .get(self.span.start..self.span.end)
            .unwrap_or_default()
    }
}
