//! The checkout and a private copy of HEAD beside each other: what fails in one of them and not, or not
//! in the same way, in the other. What differs is told, and never mended in place of what was asked.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::failure::Failure;

/// A scenario that fails otherwise in a private copy of HEAD than in the checkout.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Differing {
    /// The scenario's id.
    pub scenario: String,
    /// How it fails in the checkout; none where it does not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub checkout: Option<String>,
    /// How it fails in the private copy; none where it does not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub copy: Option<String>,
}

impl Differing {
    /// For a person, in one line.
    pub fn line(&self) -> String {
        let how = |failure: &Option<String>| match failure {
            Some(failure) => format!("fails ({failure})"),
            None => "does not fail".to_owned(),
        };
        format!(
            "{} {} in the checkout and {} in a private copy of HEAD",
            self.scenario,
            how(&self.checkout),
            how(&self.copy)
        )
    }
}

/// Whether two failures of a scenario are the same: they share a criterion that does not hold, or
/// are by the same rule where no criterion says more.
pub fn is_same(one: &Failure, other: &Failure) -> bool {
    let has = |failure: &Failure, id: &str| failure.criteria.iter().any(|own| own.id == id);
    one.path == other.path
        && match (one.criteria.is_empty(), other.criteria.is_empty()) {
            (true, true) => one.classification.rule == other.classification.rule,
            _ => one.criteria.iter().any(|own| has(other, &own.id)),
        }
}

/// What a fixer would work on in one of the two places and not in the other.
pub fn compare(checkout: &[Failure], copy: &[Failure]) -> Vec<Differing> {
    let find = |all: &[Failure], like: &Failure| {
        all.iter()
            .find(|one| one.path == like.path)
            .map(Failure::how)
    };
    let is_shared = |one: &Failure, all: &[Failure]| {
        let mut same = all.iter().filter(|other| other.for_fixer);
        same.any(|other| is_same(one, other))
    };
    let lost = checkout
        .iter()
        .filter(|one| one.for_fixer && !is_shared(one, copy));
    let mut all: Vec<Differing> = lost
        .map(|one| Differing {
            scenario: one.scenario.clone(),
            checkout: Some(one.how()),
            copy: find(copy, one),
        })
        .collect();
    let is_told = |one: &Failure| {
        checkout
            .iter()
            .any(|own| own.for_fixer && own.path == one.path)
    };
    let new = copy.iter().filter(|one| one.for_fixer && !is_told(one));
    all.extend(new.map(|one| Differing {
        scenario: one.scenario.clone(),
        checkout: find(checkout, one),
        copy: Some(one.how()),
    }));
    all
}

#[cfg(test)]
mod tests {
    use super::super::failure::{Category, sample};
    use super::*;

    fn failure(scenario: &str, criterion: &str) -> Failure {
        let mut failure = sample(scenario, "why");
        failure.path = format!("{scenario}.md").into();
        failure.criteria[0].id = criterion.to_owned();
        failure
    }

    #[test]
    fn what_fails_in_one_place_alone_or_otherwise_is_told() {
        let mut foreign = failure("d", "c1");
        foreign.for_fixer = false;
        foreign.classification.category = Category::Environment;
        foreign.classification.fault = None;
        let checkout = [
            failure("a", "c1"),
            failure("b", "c1"),
            failure("c", "c1"),
            failure("d", "c1"),
        ];
        let copy = [
            failure("a", "c1"),
            failure("c", "c2"),
            foreign.clone(),
            failure("e", "c1"),
        ];
        let lines: Vec<String> = compare(&checkout, &copy)
            .iter()
            .map(Differing::line)
            .collect();
        insta::assert_snapshot!(lines.join("\n"), @r"
        b fails (agent (wrong_choice): a criterion does not hold) in the checkout and does not fail in a private copy of HEAD
        c fails (agent (wrong_choice): a criterion does not hold) in the checkout and fails (agent (wrong_choice): a criterion does not hold) in a private copy of HEAD
        d fails (agent (wrong_choice): a criterion does not hold) in the checkout and fails (environment: a criterion does not hold) in a private copy of HEAD
        e does not fail in the checkout and fails (agent (wrong_choice): a criterion does not hold) in a private copy of HEAD
        ");
        assert_eq!(compare(&checkout, &checkout), []);
        // What is nobody's to mend in either place is no matter here.
        assert_eq!(compare(&[foreign.clone()], &[]), []);
        assert_eq!(compare(&[], &[foreign]), []);
    }

    #[test]
    fn a_failure_without_a_criterion_is_the_same_by_its_rule() {
        let mut one = failure("a", "c1");
        one.criteria.clear();
        let mut other = one.clone();
        assert!(is_same(&one, &other));
        other.classification.rule = "agent.stopped-early".to_owned();
        assert!(!is_same(&one, &other));
        assert!(!is_same(&one, &failure("a", "c1")));
    }
}
