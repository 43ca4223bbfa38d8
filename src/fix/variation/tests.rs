//! Variations of a seed, a prompt and criteria, made and opened.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use archal_core::clone::{CloneDescriptor, OpenClone, Seed};
use archal_core::id::SequentialIds;
use jiff::Timestamp;
use serde_json::Value;

use super::renaming::Renaming;
use super::{CANDIDATES, Original, Variation, make, times};
use crate::run::scenarios::{self, Prepared};
use crate::scenario::criteria::CriterionStatus;
use crate::scenario::untouched::untouched;

const SCENARIO: &str = "# Triage

## Prompt

Label issue 3 of acme/webapp and leave the 52 others to @web-lead.

## Success Criteria

- [D] It is open: `github.issues.exists(i, i.number == 3 && i.state == \"open\")`
- [D] One of them: `github.issues.filter(i, i.number in [3, 4] && i.user.login == 'web-lead').size() < 3`
- [D] All are there: `size(github.issues) == 52`
- [D] None is new: `size(diff.github.issues.added) == 0`

## Config

clones: github
seed: github:stale-issues
";

fn clones() -> Vec<CloneDescriptor> {
    archal_clones::ALL.to_vec()
}

fn seed(clones: &[CloneDescriptor], base: Timestamp) -> Value {
    let how = OpenClone {
        base,
        ids: 1,
        seed: Seed::Named("stale-issues"),
    };
    (clones[0].open)(&how).expect("opens").state().to_json()
}

fn prepared(clones: &[CloneDescriptor]) -> Prepared {
    scenarios::of_text(Path::new("triage.md"), SCENARIO, clones)
        .expect("a scenario")
        .0
}

fn decided(
    prepared: &Prepared,
    seeds: &BTreeMap<String, Value>,
    clones: &[CloneDescriptor],
    base: Timestamp,
) -> Vec<Option<CriterionStatus>> {
    let seeds = seeds
        .iter()
        .map(|(clone, seed)| (clone.clone(), Seed::Document(seed)))
        .collect();
    let found = untouched(&prepared.scenario, &prepared.compiled, &seeds, clones, base);
    assert!(found.refused.is_empty(), "{:?}", found.refused);
    let status = |result: Option<crate::scenario::criteria::CriterionResult>| {
        result.map(|result| result.status)
    };
    found.criteria.into_iter().map(status).collect()
}

#[test]
fn every_variation_opens_and_decides_alike_on_the_untouched_state() {
    let clones = clones();
    let base: Timestamp = "2026-03-01T12:00:00Z".parse().expect("a time");
    let prepared = prepared(&clones);
    let mut seeds: BTreeMap<String, Value> = [("github".to_owned(), seed(&clones, base))].into();
    let github = seeds.get_mut("github").expect("there");
    github["repos"][0]["collaborators"] = serde_json::json!(["web-dev", "web-lead"]);
    let seeds = seeds;
    let vocabulary: BTreeSet<String> = ["web-dev".to_owned()].into();
    let original = Original {
        prepared: &prepared,
        seeds: &seeds,
        task: &prepared.scenario.prompt,
        vocabulary: &vocabulary,
        is_clock_fixed: false,
        clones: &clones,
    };
    let expected = decided(&prepared, &seeds, &clones, base);
    assert_eq!(expected[0], Some(CriterionStatus::Pass));
    for secret in 0..8 {
        for candidate in 1..=CANDIDATES {
            let made = make(&original, &secret.to_string(), candidate).expect("a variation");
            assert_eq!(
                decided(&made.prepared, &made.seeds, &clones, base),
                expected,
                "{:?}",
                made.changed
            );
            relations_hold(&made, candidate);
            assert_eq!(made.changed.added.len(), 2, "{:?}", made.changed);
            assert!(made.changed.order.contains(&"github issues".to_owned()));
            let again = make(&original, &secret.to_string(), candidate).expect("the same");
            assert_eq!(again.seeds, made.seeds);
        }
    }
}

/// What of the original is left in a variation.
fn relations_hold(made: &Variation, candidate: u32) {
    let text = serde_json::to_string(&made.seeds).expect("JSON");
    let Variation { task, changed, .. } = made;
    assert!(task.contains("the 52 others"), "{task}");
    assert!(text.contains("web-dev"), "the code names it");
    let has_names = candidate != 3;
    assert_eq!(text.contains("acme/webapp"), !has_names, "{changed:?}");
    assert_eq!(task.contains("@web-lead"), !has_names, "{task}");
    let has_numbers = candidate != 2;
    assert_eq!(changed.numbers != 0, has_numbers);
    assert_eq!(task.contains("issue 3 "), !has_numbers, "{task}");
    let comments = made.seeds["github"]["comments"].as_array().expect("rows");
    let issues = made.seeds["github"]["issues"].as_array().expect("rows");
    let keys: BTreeSet<String> = issues
        .iter()
        .map(|issue| {
            format!(
                "{}#{}",
                issue["repo"].as_str().expect("text"),
                issue["number"]
            )
        })
        .collect();
    assert_eq!(keys.len(), 52);
    for comment in comments {
        assert!(
            keys.contains(comment["issue"].as_str().expect("text")),
            "{comment}"
        );
    }
}

#[test]
fn names_are_whole_words_and_numbers_are_those_of_rows() {
    let mut renaming = Renaming {
        numbers: [7, 90].into(),
        shift: 100,
        ..Renaming::default()
    };
    renaming.names.insert("acme".to_owned(), "other".to_owned());
    assert_eq!(
        renaming.text("Acme/web#7, /issues/90, issue 8 in 90 days; acme-ops, #7a, @acme."),
        "other/web#107, /issues/190, issue 8 in 90 days; acme-ops, #7a, @other."
    );
}

#[test]
fn times_move_within_their_day_and_only_where_they_are_ages() {
    assert_eq!(times::moved("95d ago", 60).as_deref(), Some("-8208060s"));
    assert_eq!(times::moved("+1h", 60).as_deref(), Some("+3540s"));
    assert_eq!(times::moved("2026-01-01T00:00:00Z", 60), None);
    let clones = clones();
    let base: Timestamp = "2026-03-01T12:00:00Z".parse().expect("a time");
    let prepared = prepared(&clones);
    let mut seeds: BTreeMap<String, Value> = [("github".to_owned(), seed(&clones, base))].into();
    let ids = SequentialIds::new(1);
    let vocabulary = BTreeSet::new();
    let room = |seeds: &BTreeMap<String, Value>, is_clock_fixed, task| {
        let original = Original {
            prepared: &prepared,
            seeds,
            task,
            vocabulary: &vocabulary,
            is_clock_fixed,
            clones: &clones,
        };
        times::earlier(&original, &ids)
    };
    assert!((60..86_400).contains(&room(&seeds, false, "90 days")));
    assert!((60..3_600).contains(&room(&seeds, false, "2 hours")));
    assert_eq!(room(&seeds, true, "90 days"), 0);
    assert_eq!(room(&seeds, false, "5 minutes"), 0);
    let issue = &mut seeds.get_mut("github").expect("there")["issues"][0];
    issue["updated_at"] = Value::from("-1d23h59m30s");
    assert_eq!(room(&seeds, false, "90 days"), 0);
}
