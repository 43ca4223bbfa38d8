//! Scenarios to begin with: smoke, read-only, write, error path, fault. Each is read back by the parser
//! before anybody sees it, so that what is proposed validates.

use std::path::Path;

use archal_core::clone::CloneDescriptor;

use crate::run::scenarios;
use crate::scenario::draft::{file_name, nothing_changed};
use crate::scenario::spec::EMPTY_SEED;

use super::document::{AuthoredScenario, Kind};

/// What is asked of an agent that works with a service: one thing of each kind, on the service's own
/// starting state.
struct Asked {
    /// The clone.
    clone: &'static str,
    /// The starting state.
    seed: &'static str,
    /// What to look at.
    look: &'static str,
    /// What to change, and the criterion that it is.
    change: (&'static str, &'static str),
    /// What cannot be done.
    impossible: &'static str,
    /// What goes wrong once.
    fault: &'static str,
}

/// What is asked, by clone; one without a row here gets the smoke and the read-only scenario.
const ASKED: &[Asked] = &[Asked {
    clone: "github",
    seed: "small-project",
    look: "List the open issues of octocat/hello-service and answer with a short summary of each. Change nothing.",
    change: (
        "Open an issue in octocat/hello-service with the title \"Document the release process\" and a body of one sentence. Do nothing else.",
        "Exactly one issue is new: `size(diff.github.issues.added) == 1 && diff.github.issues.added.all(i, i.title == \"Document the release process\")`",
    ),
    impossible: "Close issue 999999 of octocat/hello-service. If there is no such issue, say so and change nothing.",
    fault: "github:issues/list-for-repo#1=500",
}];

/// The starters for the first of the clones that a repository needs; none without a clone.
pub fn of(
    clones: &[&CloneDescriptor],
    folder: &Path,
    all: &[CloneDescriptor],
) -> Vec<(AuthoredScenario, Option<String>)> {
    let Some(clone) = clones.first() else {
        return Vec::new();
    };
    let asked = ASKED.iter().find(|asked| asked.clone == clone.name);
    let full = clone.seeds.iter().find(|seed| seed.name != EMPTY_SEED);
    let seed = asked.map_or_else(
        || full.map_or(EMPTY_SEED, |seed| seed.name),
        |asked| asked.seed,
    );
    let unchanged = nothing_changed(clone).unwrap_or_default();
    let name = clone.name;
    let looked = format!(
        "It looked before it answered: `calls.exists(call, call.clone == \"{name}\" && call.status < 400)`"
    );
    let tried =
        format!("It looked before it answered: `calls.exists(call, call.clone == \"{name}\")`");
    let answers = "It answers: `output.split(\" \").exists(word, word != \"\")`".to_owned();
    let exits = "The run exits successfully".to_owned();
    let look = asked.map_or(
        "Summarise what is open and answer with the summary. Change nothing.",
        |asked| asked.look,
    );
    let mut made = vec![
        (
            Kind::Smoke,
            "Smoke",
            "Reply with OK. Use no tools and change nothing.",
            vec![exits.clone(), answers.clone(), unchanged.clone()],
            None,
        ),
        (
            Kind::ReadOnly,
            "Read only",
            look,
            vec![
                exits.clone(),
                answers.clone(),
                looked.clone(),
                unchanged.clone(),
            ],
            None,
        ),
    ];
    if let Some(asked) = asked {
        made.extend([
            (
                Kind::Write,
                "One change",
                asked.change.0,
                vec![exits.clone(), asked.change.1.to_owned()],
                None,
            ),
            (
                Kind::ErrorPath,
                "What cannot be done",
                asked.impossible,
                vec![exits.clone(), answers.clone(), tried, unchanged.clone()],
                None,
            ),
            (
                Kind::Fault,
                "A service that fails once",
                asked.look,
                vec![exits, answers, unchanged],
                Some(asked.fault),
            ),
        ]);
    }
    made.into_iter()
        .map(|(kind, title, prompt, criteria, fault)| {
            let text = text(title, prompt, &criteria, (name, seed), fault);
            let file = file_name(title).unwrap_or_default();
            let path = folder.join(file);
            let read = scenarios::of_text(&path, &text, all);
            let problem = read.err().map(|broken| {
                let first = broken.diagnostics.first();
                first.map_or_else(String::new, |finding| finding.message.clone())
            });
            let scenario = AuthoredScenario {
                path: path.display().to_string(),
                title: title.to_owned(),
                kind,
                clones: vec![name.to_owned()],
                written: false,
                text,
            };
            (scenario, problem)
        })
        .collect()
}

fn text(
    title: &str,
    prompt: &str,
    criteria: &[String],
    (clone, seed): (&str, &str),
    fault: Option<&str>,
) -> String {
    let bullets: String = criteria
        .iter()
        .filter(|criterion| !criterion.is_empty())
        .map(|criterion| format!("- [D] {criterion}\n"))
        .collect();
    let fault = fault.map_or_else(String::new, |fault| format!("fault: {fault}\n"));
    format!(
        "# {title}\n\n## Prompt\n\n{prompt}\n\n## Success Criteria\n\n{bullets}\n## Config\n\n\
         clones: {clone}\nseed: {clone}:{seed}\n{fault}tags: starter\n"
    )
}
