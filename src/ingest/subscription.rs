//! A source while it runs: what it is given, and what runs it.

use std::path::PathBuf;
use std::sync::Arc;

use archal_core::clock::Clock;
use archal_core::environment::Environment;
use archal_core::id::IdSource;
use archal_core::program::Programs;
use archal_core::pull::Rates;
use archal_core::redact::Redactor;
use archal_core::source::{SourceDescriptor, SourceStyle};

use super::feed::Feed;
use super::import::Ledger;
use super::pull::{FilePull, PullFeed};
use super::registry::Source;
use super::serve;

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
    /// What starts programs, for a source that talks with one.
    pub programs: Arc<dyn Programs>,
    /// The caller's variables, for secrets that options name.
    pub environment: Environment,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// New ids.
    pub ids: Arc<dyn IdSource>,
    /// How often services may be asked.
    pub rates: Arc<dyn Rates>,
}

/// What runs a source, which has no problems; `ledger` knows what stands in its trace directory.
///
/// # Errors
///
/// Why it cannot run.
pub fn feed(
    subscription: Subscription,
    providers: &'static [SourceDescriptor],
    ledger: Arc<dyn Ledger + Send + Sync>,
) -> Result<Arc<dyn Feed>, String> {
    let provider = subscription.source.provider.clone();
    let known = subscription.source.descriptor(providers);
    let known = known.ok_or_else(|| format!("there is no provider `{provider}`"))?;
    if known.push.is_some() {
        return serve::feed::of(&subscription, known).map_err(|error| error.to_string());
    }
    if let Some(pull) = known.pull {
        return Ok(Arc::new(PullFeed::new(subscription, known, pull, ledger)));
    }
    match (known.style, &known.files) {
        (SourceStyle::Pull, Some(format)) => FilePull::new(subscription, format, ledger)
            .map(|pull| Arc::new(pull) as Arc<dyn Feed>)
            .ok_or_else(|| "`path` is missing".to_owned()),
        _ => Err(format!("`{provider}` cannot run here")),
    }
}
