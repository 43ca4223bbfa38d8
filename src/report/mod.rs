//! What a person or a program reads of results.
//!
//! - [`style`]: colours, and text made harmless for a terminal.
//! - [`shell`]: words that a person copies into a shell.
//! - [`rate`]: k of n, and how sure that is.
//! - [`causes`]: an error with what caused it.
//! - [`diagnostic`]: a finding about a file with its line, column and snippet.

pub mod causes;
pub mod diagnostic;
pub mod rate;
pub mod shell;
pub mod style;
