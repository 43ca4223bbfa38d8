//! A source while it runs: what it is given, and what runs it.

use std::path::PathBuf;
use std::sync::Arc;

use archal_core::clock::Clock;
use archal_core::environment::Environment;
use archal_core::id::IdSource;
use archal_core::redact::Redactor;

use super::registry::Source;

/// What a source is given to run. It writes complete batch files into the source's trace directory,
/// and everything else into its spool.
#[derive(Clone)]
pub struct Subscription {
    /// What was said of it; without problems.
    pub source: Source,
    /// Where what came lies until it stands in a batch file.
    pub spool: PathBuf,
    /// What must not reach a disk.
    pub redactor: Redactor,
    /// The caller's variables, for secrets that options name.
    pub environment: Environment,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// New ids.
    pub ids: Arc<dyn IdSource>,
}
