//! One source of the registry, with everything that was said of it.

use std::path::{Path, PathBuf};

use archal_core::diagnostic::{Diagnostic, nearest};
use archal_core::source::{SourceDescriptor, SourceStyle};

use super::options::Options;
use super::planned;

/// The code of what is wrong with a source that does what its user has not allowed.
pub const NOT_ALLOWED: &str = "trace-sources/not-allowed";
/// The longest name.
const MAX_NAME: usize = 40;

/// A source.
#[derive(Debug, Clone, PartialEq)]
pub struct Source {
    /// Its name; part of the identity of each of its traces.
    pub name: String,
    /// The name of its provider, which this version may not have.
    pub provider: String,
    /// Whether it is to run.
    pub is_enabled: bool,
    /// Its options, those that differ between machines among them.
    pub options: Options,
    /// Where its traces are put, absolute.
    pub trace_dir: PathBuf,
    /// Why it cannot be used as it stands, with the places in the file; empty where it can.
    pub problems: Vec<Diagnostic>,
}

impl Source {
    /// Whether its user allowed what it does; not before may it be asked.
    pub fn is_allowed(&self) -> bool {
        !self.problems.iter().any(|one| one.code == NOT_ALLOWED)
    }

    /// Whether traces may be put where it says: that is where they are put when nobody says where, or its
    /// user allowed it.
    pub fn may_be_written(&self, usual: &Path) -> bool {
        self.trace_dir == usual || self.is_allowed()
    }

    /// Its provider among those there are.
    pub fn descriptor<'a>(&self, all: &'a [SourceDescriptor]) -> Option<&'a SourceDescriptor> {
        all.iter().find(|known| known.name == self.provider)
    }

    /// Who begins; none where this version does not have its provider.
    pub fn style(&self, all: &[SourceDescriptor]) -> Option<SourceStyle> {
        self.descriptor(all).map(|known| known.style)
    }
}

/// Why a name cannot be that of a source.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{}` is no name for a source: letters, digits, `-` and `_`, at most {MAX_NAME}, a letter or digit first",
    shown(name)
)]
pub struct NameError {
    /// The name.
    pub name: String,
}

fn shown(name: &str) -> String {
    name.chars()
        .take(MAX_NAME)
        .flat_map(char::escape_debug)
        .collect()
}

/// Whether a source may have that name: it names folders and stands in identities.
///
/// # Errors
///
/// When it may not.
pub fn check_name(name: &str) -> Result<(), NameError> {
    let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
    let is_good = name.len() <= MAX_NAME
        && name.starts_with(|c: char| c.is_ascii_alphanumeric())
        && name.chars().all(fits);
    if is_good {
        Ok(())
    } else {
        Err(NameError {
            name: name.to_owned(),
        })
    }
}

/// Why there is no such provider here.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ProviderError {
    /// A later version will have it.
    #[error(
        "the provider `{name}` is not supported yet in this version; a later one reads {reads}"
    )]
    Planned {
        /// The provider.
        name: String,
        /// What it will read.
        reads: &'static str,
    },
    /// Nobody knows it.
    #[error("there is no provider `{}`", shown(name))]
    Unknown {
        /// The provider.
        name: String,
        /// The nearest right name.
        near: Option<&'static str>,
    },
}

/// The provider of that name.
///
/// # Errors
///
/// Why there is none.
pub fn provider<'a>(
    name: &str,
    all: &'a [SourceDescriptor],
) -> Result<&'a SourceDescriptor, ProviderError> {
    if let Some(known) = all.iter().find(|known| known.name == name) {
        return Ok(known);
    }
    Err(match planned::planned(name) {
        Some(reads) => ProviderError::Planned {
            name: name.to_owned(),
            reads,
        },
        None => ProviderError::Unknown {
            near: nearest(name, all.iter().map(|known| known.name)),
            name: name.to_owned(),
        },
    })
}
