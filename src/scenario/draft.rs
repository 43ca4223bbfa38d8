//! A scenario to start from: it validates as it is, and its comments say what can be changed.

use archal_core::clone::CloneDescriptor;

use super::format::slug;
use super::spec::EMPTY_SEED;

/// The longest name of a file, without its extension.
const MAX_NAME: usize = 64;

/// What a new scenario is to be.
#[derive(Debug)]
pub struct Draft<'d> {
    /// Its title.
    pub title: &'d str,
    /// The clones the agent meets; at least one.
    pub clones: &'d [&'d CloneDescriptor],
    /// Their starting states by name; a clone without one gets the first it has that is not empty.
    pub seeds: &'d [(&'static str, String)],
    /// What the agent is asked, where that is known.
    pub prompt: Option<&'d str>,
}

/// The name of the file of a scenario with that title; none where no letter of it can stand in
/// one.
pub fn file_name(title: &str) -> Option<String> {
    let name = slug(title, MAX_NAME);
    (!name.is_empty()).then(|| format!("{name}.md"))
}

/// Writes it.
pub fn draft(draft: &Draft<'_>) -> String {
    let title: Vec<&str> = draft.title.split_whitespace().collect();
    let title: String = title
        .join(" ")
        .chars()
        .flat_map(|c| {
            c.is_ascii_punctuation()
                .then_some('\\')
                .into_iter()
                .chain([c])
        })
        .collect();
    let names: Vec<&str> = draft.clones.iter().map(|clone| clone.name).collect();
    let seeds: Vec<String> = draft
        .clones
        .iter()
        .map(|clone| seed(clone, draft.seeds))
        .collect();
    let first = names.first().copied().unwrap_or_default();
    let prompt = draft
        .prompt
        .unwrap_or("Summarise what is open and answer with the summary. Change nothing.");
    let unchanged: String = draft
        .clones
        .iter()
        .filter_map(|clone| nothing_changed(clone))
        .map(|criterion| format!("- [D] {criterion}\n"))
        .collect();
    format!(
        "# {title}

<!-- The agent gets the Prompt and nothing else of this file. `archal scenario --help` has every section and key. -->

## Prompt

{prompt}

## Expected Behavior

The answer is true of the starting state, and nothing was changed.

## Success Criteria

<!-- One bullet each. [D] is decided on state, calls and answer, without a model: as a sentence, or
     as an expression in backticks. [P] goes to a judge. `archal scenario show` prints what each
     sentence becomes. -->

- [D] The run exits successfully
- [D] It answers: `output.split(\" \").exists(word, word != \"\")`
- [D] It looked before it answered: `calls.exists(call, call.clone == \"{first}\" && call.status < 400)`
{unchanged}
## Config

clones: {}
<!-- Where the clones start. Instead of a seed, a `## Setup` section can say it in words or as a
     ```yaml {first} block; `archal clone list` names the seeds. -->
seed: {}
timeout: 180
<!-- More runs show whether it passes every time. -->
runs: 1
",
        names.join(", "),
        seeds.join(", "),
    )
}

fn seed(clone: &CloneDescriptor, seeds: &[(&'static str, String)]) -> String {
    if let Some((_, name)) = seeds.iter().find(|(owner, _)| *owner == clone.name) {
        return format!("{}:{name}", clone.name);
    }
    let full = clone.seeds.iter().find(|seed| seed.name != EMPTY_SEED);
    format!(
        "{}:{}",
        clone.name,
        full.map_or(EMPTY_SEED, |seed| seed.name)
    )
}

/// A criterion, without its mark, that no row of a clone is another than before; none where the
/// clone has no rows.
pub fn nothing_changed(clone: &CloneDescriptor) -> Option<String> {
    let name = clone.name;
    let parts: Vec<String> = clone
        .collections
        .iter()
        .map(|collection| {
            let diff = format!("diff.{name}.{}", collection.name);
            format!("size({diff}.added) + size({diff}.changed) + size({diff}.removed)")
        })
        .collect();
    let sum = parts.join(" + ");
    (!parts.is_empty()).then(|| format!("Nothing in {name} was changed: `{sum} == 0`"))
}
