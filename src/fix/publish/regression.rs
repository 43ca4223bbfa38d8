//! The failure kept as a scenario with its seed.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use archal_core::clock::Timestamp;
use archal_core::clone::CloneDescriptor;
use archal_core::diagnostic::Span;
use serde_json::Value;

use crate::scenario::spec::{FixedClock, ScenarioConfig, SeedChoice};
use crate::scenario::{Scenario, discover, format};

/// Where regressions are kept, relative to the repository.
pub const FOLDER: &str = discover::REGRESSIONS;

/// The configuration of the regression of this failure that a tree has already: the failure came
/// back. None where there is none, or none that can be read.
pub fn earlier(tree: &Path, group: &str, clones: &[CloneDescriptor]) -> Option<ScenarioConfig> {
    let file = tree.join(FOLDER).join(format!("{group}.md"));
    let kept = file.is_file().then(|| format::load(&file, clones).0)?;
    Some(kept?.config)
}

/// A failure kept as a scenario: files by path relative to the repository. It guards since a day,
/// with clocks that stand at a time where those of the failure did. Of an earlier one stays what
/// people say in it: since when, whose it is, and that it is flaky; retired it is no more.
pub fn regression(
    scenario: &Scenario,
    group: &str,
    task: &str,
    seeds: &BTreeMap<String, Value>,
    (since, clock): (jiff::civil::Date, Option<Timestamp>),
    earlier: Option<ScenarioConfig>,
) -> Vec<(PathBuf, Vec<u8>)> {
    let mut kept = scenario.clone();
    kept.id = group.to_owned();
    kept.path = format!("{FOLDER}/{group}.md").into();
    kept.title = format!("Regression: {}", scenario.title);
    kept.prompt = task.to_owned();
    kept.setup = None;
    kept.seed_blocks = Vec::new();
    // Traces go on matching the scenario they matched; this one only guards.
    kept.config.matching = None;
    kept.config.tags = vec!["regression".to_owned()];
    kept.config.runs = None;
    kept.config.since = Some(since);
    kept.config.retired = false;
    if let Some(earlier) = earlier {
        kept.config.since = earlier.since.or(kept.config.since);
        kept.config.owner = earlier.owner.or(kept.config.owner);
        kept.config.flaky = earlier.flaky;
    }
    if let (None, Some(at)) = (kept.config.clock, clock) {
        let span = Span::from(0..0);
        kept.config.clock = Some(FixedClock { at, span });
    }
    kept.config.seeds = Vec::new();
    let mut files = Vec::new();
    for (clone, document) in seeds {
        let name = format!("{group}.{clone}.seed.json");
        let mut bytes = crate::store::json::pretty(document).unwrap_or_default();
        bytes.push(b'\n');
        files.push((PathBuf::from(FOLDER).join(&name), bytes));
        kept.config.seeds.push(SeedChoice {
            clone: clone.clone(),
            name: format!("./{name}"),
        });
    }
    files.push((kept.path.clone(), format::write(&kept).into_bytes()));
    files
}
