//! The sentences kept as data: each with its CEL and what it says of some runs, or with the part
//! for which it is refused.

use std::collections::BTreeMap;

use archal_core::clone::CloneDescriptor;
use serde::Deserialize;
use serde_json::Value;

use super::super::{Lexicon, compile_sentence};
use super::clones::{describe, world};
use super::real;
use crate::scenario::criteria::{CriterionStatus, World, compile, evaluate};

const FILES: &[(&str, &str)] = &[
    ("calls", include_str!("../corpus/calls.json")),
    ("forms", include_str!("../corpus/forms.json")),
    ("github", include_str!("../corpus/github.json")),
    ("linear", include_str!("../corpus/linear.json")),
    ("pulls", include_str!("../corpus/pulls.json")),
    ("refused", include_str!("../corpus/refused.json")),
    ("sense", include_str!("../corpus/sense.json")),
    ("slack", include_str!("../corpus/slack.json")),
    ("stripe", include_str!("../corpus/stripe.json")),
];

/// Clones that are only test data.
pub(super) const CLONES: &[(&str, &str)] = &[
    ("linear", include_str!("../corpus/clones/linear.json")),
    ("slack", include_str!("../corpus/clones/slack.json")),
    ("stripe", include_str!("../corpus/clones/stripe.json")),
];

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    /// The clones, by name: `github` is the one that is shipped, others are test data.
    clones: Vec<String>,
    /// Runs, by name.
    #[serde(default)]
    runs: BTreeMap<String, Value>,
    /// Whose runs these are, where they are those of another file.
    #[serde(default)]
    runs_of: Option<String>,
    #[serde(default)]
    accepted: Vec<Accepted>,
    #[serde(default)]
    refused: Vec<Refused>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Accepted {
    say: String,
    /// Other ways to say it, which are the same CEL.
    #[serde(default)]
    or: Vec<String>,
    cel: String,
    /// The runs of which it is true; of all others it is not.
    #[serde(default)]
    holds: Option<Vec<String>>,
    /// The runs of which it is true for want of anything to look at.
    #[serde(default)]
    vacuous: Vec<String>,
    /// The runs on which its two readings differ.
    #[serde(default)]
    ambiguous: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Refused {
    say: String,
    part: String,
    /// A part of the message or of the help.
    #[serde(default)]
    why: String,
}

fn files() -> Vec<(&'static str, File)> {
    FILES
        .iter()
        .map(|(name, text)| match serde_json::from_str(text) {
            Ok(file) => (*name, file),
            Err(error) => panic!("{name}: {error}"),
        })
        .collect()
}

/// The clone of that name.
pub(super) fn clone(name: &str) -> &'static CloneDescriptor {
    match CLONES.iter().find(|(clone, _)| *clone == name) {
        Some((_, text)) => describe(&serde_json::from_str(text).expect("a clone")),
        None => real(name),
    }
}

fn holds(cel: &str, clones: &[&CloneDescriptor], world: &World) -> Result<(bool, bool), String> {
    let compiled = compile(cel, clones).map_err(|problems| format!("{problems:?}"))?;
    let result = evaluate(&compiled, world);
    match result.status {
        CriterionStatus::Pass => Ok((true, result.vacuous)),
        CriterionStatus::Fail => Ok((false, false)),
        other => Err(format!("{other:?}")),
    }
}

/// What is wrong with one sentence.
fn check(
    each: &Accepted,
    clones: &[&'static CloneDescriptor],
    lexicon: &Lexicon<'_>,
    worlds: &BTreeMap<String, World>,
) -> Vec<String> {
    let mut problems = Vec::new();
    let sentence = match compile_sentence(&each.say, lexicon) {
        Ok(sentence) => sentence,
        Err(refusal) => {
            let part = refusal.part(&each.say);
            let help = refusal.help.unwrap_or_default();
            return vec![format!("refused at {part:?}: {} ({help})", refusal.message)];
        }
    };
    if sentence.cel != each.cel {
        problems.push(format!("is\n  {:?}\nnot\n  {:?}", sentence.cel, each.cel));
    }
    for other in &each.or {
        match compile_sentence(other, lexicon) {
            Ok(other_sentence) if other_sentence.cel == sentence.cel => {}
            Ok(different) => problems.push(format!("{other:?} is {:?}", different.cel)),
            Err(refusal) => problems.push(format!(
                "{other:?} refused at {:?}: {}",
                refusal.part(other),
                refusal.message
            )),
        }
    }
    match compile_sentence(&sentence.canonical, lexicon) {
        Ok(again) if again.cel == sentence.cel => {}
        Ok(again) => problems.push(format!(
            "printed {:?} reads back as {:?}",
            sentence.canonical, again.cel
        )),
        Err(refusal) => problems.push(format!(
            "printed {:?} is refused at {:?}: {}",
            sentence.canonical,
            refusal.part(&sentence.canonical),
            refusal.message
        )),
    }
    for reading in sentence
        .readings
        .iter()
        .flat_map(|readings| [&readings.final_state, &readings.change])
    {
        match compile_sentence(&reading.rewrite, lexicon) {
            Ok(again) if again.cel == reading.cel && again.readings.is_none() => {}
            Ok(again) => problems.push(format!(
                "rewrite {:?} reads back as {:?}, {}",
                reading.rewrite,
                again.cel,
                again.readings.is_some()
            )),
            Err(refusal) => problems.push(format!(
                "rewrite {:?} is refused at {:?}: {}",
                reading.rewrite,
                refusal.part(&reading.rewrite),
                refusal.message
            )),
        }
    }
    let Some(expected) = &each.holds else {
        return problems;
    };
    for (name, world) in worlds {
        match holds(&sentence.cel, clones, world) {
            Ok((passed, vacuous)) => {
                if passed != expected.contains(name) {
                    problems.push(format!("is {passed} of {name}: {}", sentence.cel));
                }
                if vacuous != each.vacuous.contains(name) {
                    problems.push(format!("vacuous of {name}: {vacuous}"));
                }
            }
            Err(error) => problems.push(format!("of {name}: {error}")),
        }
        let differs = sentence.readings.as_ref().is_some_and(|readings| {
            let of = |cel: &str| holds(cel, clones, world).map(|(passed, _)| passed);
            of(&readings.final_state.cel) != of(&readings.change.cel)
        });
        if differs != each.ambiguous.contains(name) {
            problems.push(format!("ambiguous of {name}: {differs}"));
        }
    }
    problems
}

#[test]
fn every_sentence_of_the_corpus_is_what_it_is_said_to_be() {
    let files = files();
    let mut problems = Vec::new();
    for (name, file) in &files {
        let clones: Vec<&'static CloneDescriptor> =
            file.clones.iter().map(|name| clone(name)).collect();
        let lexicon = Lexicon::new(&clones).expect("vocabularies");
        let runs = match &file.runs_of {
            Some(other) => files
                .iter()
                .find(|(name, _)| name == other)
                .map(|(_, file)| &file.runs)
                .expect("the file whose runs these are"),
            None => &file.runs,
        };
        let worlds: BTreeMap<String, World> = runs
            .iter()
            .map(|(name, told)| (name.clone(), world(&clones, told)))
            .collect();
        for each in &file.accepted {
            for problem in check(each, &clones, &lexicon, &worlds) {
                problems.push(format!("{name}: {:?} {problem}", each.say));
            }
        }
        for each in &file.refused {
            match compile_sentence(&each.say, &lexicon) {
                Ok(sentence) => {
                    problems.push(format!("{name}: {:?} is {:?}", each.say, sentence.cel));
                }
                Err(refusal) => {
                    let part = refusal.part(&each.say);
                    let why = format!("{} {}", refusal.message, refusal.help.unwrap_or_default());
                    if part != each.part || !why.contains(&each.why) {
                        problems.push(format!("{name}: {:?} at {part:?}: {why}", each.say));
                    }
                }
            }
        }
    }
    let shown = problems.join("\n");
    assert!(problems.is_empty(), "{} problems\n{shown}", problems.len());
}

#[test]
fn there_are_three_hundred_sentences_and_none_twice() {
    let mut said: Vec<String> = Vec::new();
    let mut with_runs = 0;
    for (name, file) in files() {
        for each in file.accepted {
            with_runs += usize::from(each.holds.is_some());
            said.extend(
                [each.say]
                    .into_iter()
                    .chain(each.or)
                    .map(|say| format!("{name} {say}")),
            );
        }
        said.extend(
            file.refused
                .into_iter()
                .map(|each| format!("{name} {}", each.say)),
        );
    }
    let count = said.len();
    said.sort();
    said.dedup();
    assert_eq!(said.len(), count, "one is there twice");
    assert!(count >= 300, "{count}");
    assert!(with_runs >= 120, "{with_runs}");
}
