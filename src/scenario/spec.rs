//! The types of a scenario: what an agent is asked, what state it starts from and how the
//! outcome is decided.

use std::fmt;
use std::path::PathBuf;

use archal_core::clone;
use archal_core::clone::Seed;
use archal_core::diagnostic::Span;
use jiff::Timestamp;
use serde_json::Value;

use super::criteria::sentence::Sentence;
use super::matching::Match;

/// Seconds a run may take where neither scenario nor configuration says so.
pub const DEFAULT_TIMEOUT_SECONDS: u64 = 180;
/// The starting state of a clone for which a scenario names none.
pub const EMPTY_SEED: &str = "empty";

/// A scenario as its markdown file has it, every name in it resolved.
#[derive(Debug, Clone, PartialEq)]
pub struct Scenario {
    /// A slug of the file's name without extension; part of failure identities.
    pub id: String,
    /// The file it was read from.
    pub path: PathBuf,
    /// The text of the first heading, for people.
    pub title: String,
    /// The starting state in words, without its seed blocks; for the judge, never for the agent.
    pub setup: Option<String>,
    /// The only text the agent gets.
    pub prompt: String,
    /// What a good outcome looks like, for the judge, never for the agent.
    pub expected: Option<String>,
    /// How the outcome is decided, in file order; at least one.
    pub criteria: Vec<Criterion>,
    /// The settings of the Config section.
    pub config: ScenarioConfig,
    /// Starting states written out in the file.
    pub seed_blocks: Vec<SeedBlock>,
    /// Starting states that the words of the Setup say, where no block and no `seed` does.
    pub said_states: Vec<SeedBlock>,
}

impl Scenario {
    /// The state in which `clone` starts: the file's block, else the named seed, else what the
    /// Setup says, else [`EMPTY_SEED`].
    pub fn seed_for(&self, clone: &str) -> Seed<'_> {
        self.own_seed(clone).unwrap_or(Seed::Named(EMPTY_SEED))
    }

    /// The state the file itself gives `clone`, where it gives one.
    pub fn own_seed(&self, clone: &str) -> Option<Seed<'_>> {
        let of = |states: &'_ [SeedBlock]| states.iter().position(|state| state.clone == clone);
        if let Some(at) = of(&self.seed_blocks) {
            return Some(Seed::Document(&self.seed_blocks[at].document));
        }
        let named = self.config.seeds.iter();
        let named = named.clone().find(|choice| choice.clone == clone);
        named.map(|choice| Seed::Named(&choice.name)).or_else(|| {
            of(&self.said_states).map(|at| Seed::Document(&self.said_states[at].document))
        })
    }

    /// The criterion of that id.
    pub fn criterion(&self, id: &str) -> Option<&Criterion> {
        self.criteria.iter().find(|criterion| criterion.id == id)
    }
}

/// One success criterion.
#[derive(Debug, Clone, PartialEq)]
pub struct Criterion {
    /// Unique in its scenario: a slug of its words, else `c` and its place.
    pub id: String,
    /// What it says in words, where it has any.
    pub title: Option<String>,
    /// How it is decided.
    pub check: Check,
    /// The bullet in the file.
    pub span: Span,
}

impl Criterion {
    /// What to show for it on one line: its words or sentence, else its expression.
    pub fn label(&self) -> &str {
        match (&self.title, &self.check) {
            (Some(title), _) => title,
            (
                None,
                Check::Cel {
                    sentence: Some(sentence),
                    ..
                },
            ) => &sentence.text,
            (None, Check::Cel { source, .. }) => source,
            (None, Check::Judged { sentence }) => sentence,
        }
    }
}

/// How a criterion is decided.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Check {
    /// By an expression over state, calls and the run: `[D]`.
    Cel {
        /// The expression.
        source: String,
        /// Where the expression stands in the file, without its backticks; or the sentence.
        span: Span,
        /// The sentence it was compiled from, where it was not written as CEL.
        sentence: Option<Box<Sentence>>,
    },
    /// By a judge: `[P]`. Without a judge it is not evaluated.
    Judged {
        /// The sentence to judge.
        sentence: String,
    },
}

/// The settings of a scenario. What is none was not written and is left to the configuration.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ScenarioConfig {
    /// The clones the agent meets, in file order; at least one in a scenario that parsed.
    pub clones: Vec<String>,
    /// The named starting states, one for a clone at most.
    pub seeds: Vec<SeedChoice>,
    /// Seconds a run may take.
    pub timeout_seconds: Option<u64>,
    /// How many runs are made.
    pub runs: Option<u32>,
    /// Free labels.
    pub tags: Vec<String>,
    /// The judge's model.
    pub evaluator_model: Option<String>,
    /// Which traces this scenario is for.
    pub matching: Option<Match>,
    /// How the agent's traffic must be routed.
    pub route: Option<Route>,
    /// The time it is for clones and agent when the run begins; the real one where none.
    pub clock: Option<FixedClock>,
    /// What goes wrong on the way to the clones.
    pub faults: Vec<Fault>,
    /// The satisfaction below which the scenario failed, 0 to 100.
    pub pass_threshold: Option<f64>,
    /// Who answers for it.
    pub owner: Option<String>,
    /// The day it was added.
    pub since: Option<jiff::civil::Date>,
    /// Whether it is known to pass only in some runs.
    pub flaky: bool,
    /// Whether it is kept for the record but no longer run.
    pub retired: bool,
}

/// How the agent's traffic reaches the clones.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Route {
    /// In namespaces of its own, at the services' normal URLs.
    Isolated,
    /// Led to the clones from within Node and Python, by proxy variables elsewhere.
    Shim,
    /// Through proxy variables.
    Proxy,
    /// At base URLs that the agent is told.
    Direct,
}

impl Route {
    /// Every route, as files name them.
    pub const ALL: [Self; 4] = [Self::Isolated, Self::Shim, Self::Proxy, Self::Direct];

    /// Its name in files.
    pub fn name(self) -> &'static str {
        match self {
            Self::Isolated => "isolated",
            Self::Shim => "shim",
            Self::Proxy => "proxy",
            Self::Direct => "direct",
        }
    }
}

/// A time at which every run of a scenario begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FixedClock {
    /// The time.
    pub at: Timestamp,
    /// Where the file says so.
    pub span: Span,
}

/// Something that goes wrong with calls to an operation. Shown as files write it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// The clone.
    pub clone: String,
    /// Which calls of it, and what happens to them.
    pub fault: clone::Fault,
    /// Where the file says so.
    pub span: Span,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.clone, self.fault)
    }
}

/// A starting state for one clone, by name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SeedChoice {
    /// The clone.
    pub clone: String,
    /// The name of its seed, or of a seed file relative to the scenario's folder.
    pub name: String,
}

/// Whether a seed's name is the name of a file: it has a folder or an extension.
pub fn is_seed_file(name: &str) -> bool {
    name.contains('/')
        || [".json", ".yaml", ".yml"]
            .iter()
            .any(|extension| name.ends_with(extension))
}

/// A starting state written out in the file.
#[derive(Debug, Clone, PartialEq)]
pub struct SeedBlock {
    /// The clone it is for.
    pub clone: String,
    /// The document, in the clone's seed schema.
    pub document: Value,
    /// Where the document stands in the file.
    pub span: Span,
}
