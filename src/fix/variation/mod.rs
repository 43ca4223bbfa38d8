//! The same failure under other names, which the fixer never saw: a fix that holds for the names
//! and numbers of one trace only is none.
//!
//! A variation rewrites the starting state, what is asked and the criteria together, by what the
//! clones declare of their tables. It is made of a secret that does not exist before the fixer
//! has ended.
//!
//! - [`renaming`]: new names and numbers, put into texts.
//! - [`vocabulary`]: the words of the agent's own code; what the code names stays as it is.
//! - [`document`]: a starting state rewritten.
//! - [`times`]: how far times may move without leaving their day.
//! - [`asked`]: the scenario rewritten.
//! - [`held_back`]: the base and the patch run on a variation.

pub mod asked;
pub mod document;
pub mod held_back;
pub mod renaming;
pub mod times;
pub mod vocabulary;

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};

use archal_core::clone::CloneDescriptor;
use archal_core::hash;
use archal_core::id::{IdSource, SequentialIds};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::run::scenarios::{self, Prepared};

use renaming::Renaming;

/// How many variations are tried.
pub const CANDIDATES: u32 = 3;

/// What a variation is made of.
#[derive(Clone, Copy)]
pub struct Original<'a> {
    /// The scenario with its criteria.
    pub prepared: &'a Prepared,
    /// The starting state, by clone.
    pub seeds: &'a BTreeMap<String, Value>,
    /// What the agent is asked.
    pub task: &'a str,
    /// The words of the agent's own code, lower case.
    pub vocabulary: &'a BTreeSet<String>,
    /// Whether the clocks of the runs stand at a time, so that days of the calendar matter.
    pub is_clock_fixed: bool,
    /// The clones there are.
    pub clones: &'a [CloneDescriptor],
}

/// The same failure under other names.
pub struct Variation {
    /// The scenario, rewritten.
    pub prepared: Prepared,
    /// The starting state, rewritten, by clone.
    pub seeds: BTreeMap<String, Value>,
    /// What the agent is asked, rewritten.
    pub task: String,
    /// The new names and numbers.
    pub renaming: Renaming,
    /// The same, as it is told.
    pub changed: Changed,
}

/// What a variation changes.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Changed {
    /// What it was made of, so that it can be made again.
    pub secret: String,
    /// Which of the candidates it is, from 1.
    pub candidate: u32,
    /// New names of accounts and repositories, by the old ones in lower case.
    pub names: BTreeMap<String, String>,
    /// What was added to every number of an issue, a pull request or the like; 0 for nothing.
    pub numbers: i64,
    /// Tables whose rows stand in another order, as `clone table`.
    pub order: Vec<String>,
    /// Rows that were added, as `clone table key`.
    pub added: Vec<String>,
    /// Seconds by which every time lies further back.
    pub earlier: i64,
}

/// Which parts of it a candidate rewrites: the first everything, the others less, because a name
/// or a number may mean more than it says.
#[derive(Debug, Clone, Copy)]
struct Parts {
    names: bool,
    numbers: bool,
}

impl Parts {
    fn of(candidate: u32) -> Self {
        Self {
            names: candidate != 3,
            numbers: candidate != 2,
        }
    }
}

/// Makes a candidate, from 1 to [`CANDIDATES`], of a secret.
///
/// # Errors
///
/// Why there is none, one sentence.
pub fn make(original: &Original<'_>, secret: &str, candidate: u32) -> Result<Variation, String> {
    let ids = SequentialIds::new(hash::sixty_four_bits(
        format!("{secret} {candidate}").as_bytes(),
    ));
    let parts = Parts::of(candidate);
    let mut renaming = Renaming::default();
    for clone in declared(original) {
        let seed = &original.seeds[clone.name];
        if parts.names {
            for name in document::names(clone, seed) {
                if !original.vocabulary.contains(&name) {
                    renaming.rename(&name, &ids);
                }
            }
        }
        if parts.numbers {
            renaming.numbers.extend(document::numbers(clone, seed));
        }
    }
    if !renaming.numbers.is_empty() {
        renaming.shift = between(&ids, 101, 900);
    }
    if renaming.is_empty() {
        return Err("the starting state has no name or number that may be another".to_owned());
    }
    let mut changed = Changed {
        secret: secret.to_owned(),
        candidate,
        names: renaming.names.clone(),
        numbers: renaming.shift,
        earlier: times::earlier(original, &ids),
        ..Changed::default()
    };
    let mut seeds = original.seeds.clone();
    for clone in declared(original) {
        if let Some(seed) = seeds.get_mut(clone.name) {
            document::rewrite(clone, seed, &renaming, changed.earlier);
            let shuffled = document::shuffle(clone, seed, &ids);
            let added = document::add(clone, seed, original.prepared, &ids);
            let told = |what: String| format!("{} {what}", clone.name);
            changed.order.extend(shuffled.into_iter().map(told));
            changed.added.extend(added.into_iter().map(told));
        }
    }
    let scenario = asked::scenario(original.prepared, &renaming);
    let prepared = scenarios::prepare(scenario, original.clones).map_err(|findings| {
        let why = findings.first().map_or("", |finding| &finding.message);
        format!("its criteria cannot be rewritten: {why}")
    })?;
    Ok(Variation {
        prepared,
        seeds,
        task: renaming.text(original.task),
        renaming,
        changed,
    })
}

/// The clones that the starting state is of.
fn declared<'a>(original: &Original<'a>) -> impl Iterator<Item = &'a CloneDescriptor> {
    let seeds = original.seeds;
    let clones = original.clones.iter();
    clones.filter(move |clone| seeds.contains_key(clone.name))
}

/// A number from `least` to `most`.
fn between(ids: &dyn IdSource, least: i64, most: i64) -> i64 {
    let span = u64::try_from(most - least + 1).unwrap_or(1).max(1);
    least + i64::try_from(ids.next() % span).unwrap_or(0)
}
