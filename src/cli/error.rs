//! How a failed command is told: what, caused by what, and what to do.

use std::error::Error;
use std::fmt;

use archal_core::diagnostic::{Diagnostic, SourceText};
use schemars::JsonSchema;
use serde::Serialize;

use crate::config::ConfigError;
use crate::host::protocol::{Refusal, RefusalKind};

use super::exit::Exit;

/// Whose business an error is; decides the exit code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum ErrorKind {
    /// The command line is wrong. Exit 2.
    Usage,
    /// A file the user wrote is wrong. Exit 2.
    Config,
    /// Something outside is missing or refuses. Exit 3.
    Environment,
    /// archal itself is wrong. Exit 3.
    Internal,
}

/// An error at the edge of the program.
#[derive(Debug)]
pub struct CliError {
    /// Whose business it is.
    pub kind: ErrorKind,
    /// What went wrong, with its sources.
    pub error: Box<dyn Error + Send + Sync>,
    /// What to do about it, each a command to copy or one sentence.
    pub hints: Vec<String>,
    /// The places in files it comes from.
    pub diagnostics: Vec<Diagnostic>,
    /// The text the diagnostics point into.
    pub source: Option<SourceText>,
}

impl CliError {
    /// The command line is wrong.
    pub fn usage(error: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self::new(ErrorKind::Usage, error)
    }

    /// A file the user wrote is wrong.
    pub fn config(error: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self::new(ErrorKind::Config, error)
    }

    /// What a process of archal that was asked refused, its causes after it, each behind `between`.
    pub fn refused(refusal: Refusal, between: &str) -> Self {
        let mut text = refusal.message;
        for cause in &refusal.causes {
            text.push_str(between);
            text.push_str(cause);
        }
        let mut error = match refusal.kind {
            RefusalKind::Usage => Self::usage(text),
            RefusalKind::Config => Self::config(text),
            _ => Self::environment(text),
        };
        for hint in refusal.hints {
            error = error.hint(hint);
        }
        error
    }

    /// Something outside is missing or refuses.
    pub fn environment(error: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self::new(ErrorKind::Environment, error)
    }

    /// archal itself is wrong.
    pub fn internal(error: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self::new(ErrorKind::Internal, error)
            .hint("this is a bug in archal; the same command with -vv says more")
    }

    fn new(kind: ErrorKind, error: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self {
            kind,
            error: error.into(),
            hints: Vec::new(),
            diagnostics: Vec::new(),
            source: None,
        }
    }

    /// The same error with one more thing to do about it.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hints.push(hint.into());
        self
    }

    /// The same error with the places it comes from, and the text they point into where the
    /// places are in one file.
    #[must_use]
    pub fn at(
        mut self,
        diagnostics: impl IntoIterator<Item = Diagnostic>,
        source: Option<SourceText>,
    ) -> Self {
        self.diagnostics.extend(diagnostics);
        self.source = source;
        self
    }

    /// The exit code it ends the program with.
    pub fn exit(&self) -> Exit {
        match self.kind {
            ErrorKind::Usage | ErrorKind::Config => Exit::Usage,
            ErrorKind::Environment | ErrorKind::Internal => Exit::CouldNotRun,
        }
    }

    /// What caused it, nearest first. A cause whose text the one before it already ends with
    /// is left out.
    pub fn causes(&self) -> Vec<String> {
        let mut causes: Vec<String> = Vec::new();
        let mut said = self.error.to_string();
        let mut next = self.error.source();
        while let Some(cause) = next {
            let text = cause.to_string();
            if !said.ends_with(&text) {
                causes.push(text.clone());
                said = text;
            }
            next = cause.source();
        }
        causes
    }
}

impl fmt::Display for CliError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.error.fmt(f)
    }
}

impl From<ConfigError> for CliError {
    fn from(error: ConfigError) -> Self {
        let (diagnostics, source) = match &error {
            ConfigError::Invalid { diagnostics, file } => (diagnostics.clone(), file.clone()),
            ConfigError::Read { .. } | ConfigError::TooLarge { .. } => (Vec::new(), None),
        };
        Self::config(error).at(diagnostics, source)
    }
}

#[cfg(test)]
mod tests {
    use super::CliError;

    #[derive(Debug, thiserror::Error)]
    #[error("cannot read a.json")]
    struct Outer(#[source] std::io::Error);

    #[test]
    fn causes_are_told_once() {
        let inner = std::io::Error::other("disk on fire");
        let error = CliError::environment(Outer(inner));
        assert_eq!(error.to_string(), "cannot read a.json");
        assert_eq!(error.causes(), ["disk on fire"]);
        assert_eq!(error.exit().code(), 3);
    }
}
