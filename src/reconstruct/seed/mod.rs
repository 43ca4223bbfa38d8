//! The seed documents that a trace's facts add up to, and what is missing from them.
//!
//! - `build`: the document of one clone.
//! - `found`: contradictions, what was made up, what is missing.
//! - `lists`: which pages of lists are known, and which rows they leave out.
//! - `owned`: what states of the repository add.
//! - `rows`: rows of a document.

mod build;
mod found;
mod lists;
mod owned;
mod rows;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};

use archal_core::clone::CloneDescriptor;
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::exchanges::TracedCalls;
use super::tools::UnmappedTool;
use super::world::World;
use super::{Context, Owned};

pub use found::{Conflict, ConflictKind, Missing, Synthesised};
pub(super) use lists::holds;

/// The state before a trace began, as far as the trace proves it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Reconstruction {
    /// The trace's start in whole seconds; times in the seeds are offsets from it.
    pub base: Timestamp,
    /// A seed document for each clone the trace called.
    pub seeds: BTreeMap<String, Value>,
    /// What proves which field: `github issues acme/webapp#7 state` to a span id, or to where the
    /// repository has the state that the value is from.
    pub proofs: BTreeMap<String, String>,
    /// What was made up because it must exist and no call shows it.
    pub synthesised: Vec<Synthesised>,
    /// Evidence that contradicts other evidence; the earlier one was kept.
    pub conflicts: Vec<Conflict>,
    /// What the trace does not prove. Not empty means blocked.
    pub missing: Vec<Missing>,
    /// Tools of which nothing tells whether they call a service; those with a sign that they do are
    /// among what is missing.
    #[serde(default)]
    pub unmapped: Vec<UnmappedTool>,
}

/// Puts the facts together.
pub(super) fn assemble(
    base: Timestamp,
    traced: &TracedCalls<'_>,
    world: World,
    context: &Context<'_>,
) -> Reconstruction {
    let mut out = Reconstruction {
        base,
        seeds: BTreeMap::new(),
        proofs: BTreeMap::new(),
        synthesised: Vec::new(),
        conflicts: world.conflicts,
        missing: Vec::new(),
        unmapped: Vec::new(),
    };
    for gap in world.gaps {
        out.missing.push(Missing {
            clone: gap.clone.to_owned(),
            entity: gap.call,
            field: "response".to_owned(),
            why: gap.reason,
            span: gap.span,
            how: "record request and response bodies".to_owned(),
        });
    }
    for (span, host) in &traced.without_clone {
        out.missing.push(Missing {
            clone: "none".to_owned(),
            entity: host.clone(),
            field: "state".to_owned(),
            why: "the agent called a service that has no clone".to_owned(),
            span: span.clone(),
            how: "archal clone list".to_owned(),
        });
    }
    out.missing.extend(traced.missing());
    out.unmapped.clone_from(&traced.unmapped);
    let mut budget = build::SYNTHETIC_ROWS_OF_TRACE;
    for (name, part) in world.clones {
        let clones: &[CloneDescriptor] = context.clones;
        if let Some(descriptor) = clones.iter().find(|clone| clone.name == name) {
            let owned: Vec<&Owned> = context
                .owned
                .iter()
                .filter(|owned| owned.clone == name)
                .collect();
            let building = build::Building::new(descriptor, &mut out, &mut budget);
            let seed = building.document(part, &owned);
            out.seeds.insert(name.to_owned(), seed);
        }
    }
    // A page that was not recorded is the cause of much else that is missing.
    out.missing
        .sort_by_key(|missing| !missing.field.starts_with("page "));
    out
}

impl Reconstruction {
    /// The clones that have something missing.
    pub fn incomplete(&self) -> BTreeSet<&str> {
        self.missing
            .iter()
            .map(|missing| missing.clone.as_str())
            .collect()
    }

    /// Takes fields that were made up for missing where somebody reads them: `reads` is asked for
    /// each with clone, table and field.
    pub fn require(&mut self, reads: impl Fn(&str, &str, &str) -> bool) {
        let made = std::mem::take(&mut self.synthesised);
        for one in made {
            let table = one.entity.split(' ').next().unwrap_or_default();
            if one.field.is_empty() || !reads(&one.clone, table, &one.field) {
                self.synthesised.push(one);
                continue;
            }
            self.missing.push(Missing {
                how: found::how(&one.clone),
                why: format!("a criterion reads it, and {}", one.why),
                clone: one.clone,
                entity: one.entity,
                field: one.field,
                span: one.span,
            });
        }
    }
}
