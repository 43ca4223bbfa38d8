//! Which clones a scenario meets and in which state each starts.

use archal_core::clone::CloneDescriptor;
use archal_core::diagnostic::{Diagnostic, Span, nearest};

use super::super::spec::{Check, Criterion, EMPTY_SEED, SeedBlock, SeedChoice, is_seed_file};
use super::blocks::RawBlock;
use super::inference::{occurs, speaks_of, without_clone};
use super::settings::Field;

/// The clones of the scenario, in order, and the starting states by name.
pub(super) struct Chosen {
    pub(super) clones: Vec<String>,
    pub(super) seeds: Vec<SeedChoice>,
    pub(super) blocks: Vec<SeedBlock>,
}

/// What a scenario says of its clones and starting states.
pub(super) struct Said<'s, 't> {
    pub(super) clones: &'s [Field<'t>],
    pub(super) seeds: &'s [Field<'t>],
    pub(super) blocks: Vec<RawBlock>,
    /// Setup and prompt, in which services are looked for when no clone is named.
    pub(super) words: String,
    pub(super) criteria: &'s [Criterion],
    /// Where to report that there is no clone.
    pub(super) place: Span,
}

/// Looks every name up.
pub(super) fn choose(
    said: Said<'_, '_>,
    catalogue: &[CloneDescriptor],
    diagnostics: &mut Vec<Diagnostic>,
) -> Chosen {
    let before = diagnostics.len();
    let mut clones: Vec<String> = Vec::new();
    for name in said.clones {
        match known(name.text, name.span, catalogue, diagnostics) {
            Some(clone) if clones.iter().any(|known| known == clone.name) => diagnostics.push(
                Diagnostic::error("scenario/clones", format!("`{}` is named twice", name.text))
                    .at(name.span),
            ),
            Some(clone) => clones.push(clone.name.to_owned()),
            None => {}
        }
    }
    if clones.is_empty() && diagnostics.len() == before {
        clones = inferred(&said, catalogue);
        let missing = without_clone(&said.words.to_lowercase(), catalogue);
        if !missing.is_empty() {
            let message = format!("there is no clone yet for {}", missing.join(", "));
            diagnostics.push(Diagnostic::note("scenario/no-clone-yet", message).at(said.place));
        }
        if clones.is_empty() {
            diagnostics.push(
                Diagnostic::error("scenario/no-clone", "the scenario names no clone")
                    .at(said.place)
                    .with_help(format!(
                        "write `clones: {}` under ## Config",
                        names(catalogue).join(", ")
                    )),
            );
        } else {
            diagnostics.push(
                Diagnostic::note(
                    "scenario/clones-inferred",
                    format!(
                        "no clones are named; taken from the text: {}",
                        clones.join(", ")
                    ),
                )
                .at(said.place),
            );
        }
    }
    let mut seeds: Vec<SeedChoice> = Vec::new();
    for seed in said.seeds {
        let Some(choice) = seed_choice(*seed, &clones, catalogue, diagnostics) else {
            continue;
        };
        if seeds.iter().any(|known| known.clone == choice.clone) {
            diagnostics.push(two_states(&choice.clone, seed.span));
        } else {
            seeds.push(choice);
        }
    }
    let blocks = blocks(said.blocks, &clones, &seeds, catalogue, diagnostics);
    Chosen {
        clones,
        seeds,
        blocks,
    }
}

fn names(catalogue: &[CloneDescriptor]) -> Vec<&'static str> {
    catalogue.iter().map(|clone| clone.name).collect()
}

fn known<'c>(
    name: &str,
    span: Span,
    catalogue: &'c [CloneDescriptor],
    diagnostics: &mut Vec<Diagnostic>,
) -> Option<&'c CloneDescriptor> {
    // Services are also written with hyphens.
    let folded = name.to_lowercase().replace('-', "_");
    let found = catalogue.iter().find(|clone| clone.name == folded);
    if found.is_none() {
        let names = names(catalogue);
        let help = match nearest(name, names.iter().copied()) {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!("clones: {}", names.join(", ")),
        };
        diagnostics.push(
            Diagnostic::error(
                "scenario/unknown-clone",
                format!("there is no clone `{name}`"),
            )
            .at(span)
            .with_help(help),
        );
    }
    found
}

/// The clones that seeds, blocks, criteria or words name.
fn inferred(said: &Said<'_, '_>, catalogue: &[CloneDescriptor]) -> Vec<String> {
    let words = said.words.to_lowercase();
    catalogue
        .iter()
        .filter(|clone| {
            let in_seeds = said
                .seeds
                .iter()
                .any(|seed| match seed.text.split_once(':') {
                    Some((name, _)) => name.trim() == clone.name,
                    None => {
                        let mut having =
                            catalogue.iter().filter(|other| has_seed(other, seed.text));
                        having.next().is_some_and(|only| only.name == clone.name)
                            && having.next().is_none()
                    }
                });
            let in_blocks = said.blocks.iter().any(|block| {
                block
                    .clone
                    .as_ref()
                    .is_some_and(|(name, _)| name == clone.name)
            });
            let in_criteria = said
                .criteria
                .iter()
                .any(|criterion| match &criterion.check {
                    Check::Cel { source, .. } => occurs(source, clone.name),
                    Check::Judged { .. } => false,
                });
            in_seeds || in_blocks || in_criteria || speaks_of(&words, clone.name)
        })
        .map(|clone| clone.name.to_owned())
        .collect()
}

/// A file can be a seed of any clone; whether it is one is found out when it is read.
fn has_seed(clone: &CloneDescriptor, name: &str) -> bool {
    name == EMPTY_SEED || is_seed_file(name) || clone.seeds.iter().any(|seed| seed.name == name)
}

fn seed_choice(
    seed: Field<'_>,
    clones: &[String],
    catalogue: &[CloneDescriptor],
    diagnostics: &mut Vec<Diagnostic>,
) -> Option<SeedChoice> {
    let chosen: Vec<&CloneDescriptor> = catalogue
        .iter()
        .filter(|clone| clones.iter().any(|name| name == clone.name))
        .collect();
    if let Some(colon) = seed.text.find(':') {
        let clone_name = seed.slice(0..colon).trimmed();
        let name = seed.slice(colon + 1..seed.text.len()).trimmed();
        let clone = known(clone_name.text, clone_name.span, catalogue, diagnostics)?;
        if !chosen.iter().any(|other| other.name == clone.name) {
            diagnostics.push(
                Diagnostic::error(
                    "scenario/seed",
                    format!("a seed for `{}`, which is not among the clones", clone.name),
                )
                .at(clone_name.span)
                .with_help(format!("add {} to `clones:`", clone.name)),
            );
            return None;
        }
        if !has_seed(clone, name.text) {
            diagnostics.push(unknown_seed(name, &[clone]));
            return None;
        }
        return Some(SeedChoice {
            clone: clone.name.to_owned(),
            name: name.text.to_owned(),
        });
    }
    let having: Vec<&&CloneDescriptor> = chosen
        .iter()
        .filter(|clone| has_seed(clone, seed.text))
        .collect();
    match having.as_slice() {
        [only] => Some(SeedChoice {
            clone: only.name.to_owned(),
            name: seed.text.to_owned(),
        }),
        // Without clones there was a complaint before.
        [] if chosen.is_empty() => None,
        [] => {
            diagnostics.push(unknown_seed(seed, &chosen));
            None
        }
        several => {
            let names: Vec<&str> = several.iter().map(|clone| clone.name).collect();
            diagnostics.push(
                Diagnostic::error(
                    "scenario/seed",
                    format!("seed `{}` exists for {}", seed.text, names.join(" and ")),
                )
                .at(seed.span)
                .with_help(format!("write {}:{}", names[0], seed.text)),
            );
            None
        }
    }
}

fn unknown_seed(seed: Field<'_>, clones: &[&CloneDescriptor]) -> Diagnostic {
    let known: Vec<&str> = clones
        .iter()
        .flat_map(|clone| clone.seeds.iter().map(|seed| seed.name))
        .collect();
    let help = match nearest(seed.text, known.iter().copied()) {
        Some(near) => format!("did you mean `{near}`?"),
        None => format!("seeds: {}", known.join(", ")),
    };
    let names: Vec<&str> = clones.iter().map(|clone| clone.name).collect();
    Diagnostic::error(
        "scenario/unknown-seed",
        format!("{} has no seed `{}`", names.join(" or "), seed.text),
    )
    .at(seed.span)
    .with_help(help)
}

fn two_states(clone: &str, span: Span) -> Diagnostic {
    Diagnostic::error("scenario/seed", format!("two starting states for {clone}")).at(span)
}

fn blocks(
    raw: Vec<RawBlock>,
    clones: &[String],
    seeds: &[SeedChoice],
    catalogue: &[CloneDescriptor],
    diagnostics: &mut Vec<Diagnostic>,
) -> Vec<SeedBlock> {
    let mut blocks: Vec<SeedBlock> = Vec::new();
    for block in raw {
        let clone = match (&block.clone, clones) {
            (Some((name, span)), _) => {
                let Some(clone) = known(name, *span, catalogue, diagnostics) else {
                    continue;
                };
                if !clones.iter().any(|other| other == clone.name) {
                    diagnostics.push(
                        Diagnostic::error(
                            "scenario/seed",
                            format!("a block for `{name}`, which is not among the clones"),
                        )
                        .at(*span)
                        .with_help(format!("add {name} to `clones:`")),
                    );
                    continue;
                }
                clone.name.to_owned()
            }
            (None, [only]) => only.clone(),
            // Without clones there was a complaint before.
            (None, []) => continue,
            (None, several) => {
                diagnostics.push(
                    Diagnostic::error("scenario/seed-block", "for which clone is this block?")
                        .at(block.span)
                        .with_help(format!("name it on the fence: ```yaml {}", several[0])),
                );
                continue;
            }
        };
        let named = seeds.iter().any(|choice| choice.clone == clone);
        if named || blocks.iter().any(|other| other.clone == clone) {
            diagnostics.push(two_states(&clone, block.span));
            continue;
        }
        blocks.push(SeedBlock {
            clone,
            document: block.document,
            span: block.span,
        });
    }
    blocks
}
