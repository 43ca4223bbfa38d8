//! Random runs: they end within their cycles, merge nothing that blocks, and lose no finding.

use archal_core::id::{IdSource, SequentialIds};

use super::super::finding::{Confidence, Verdict};
use super::super::role::{Phase, Role, Workflow};
use super::course::{Course, End, Limit, Step};
use super::ruling::{Matter, Review, Ruling};

/// Steps that no run of three cycles takes.
const TOO_MANY: usize = 200;

struct Chance(SequentialIds);

impl Chance {
    fn below(&self, limit: u64) -> u64 {
        self.0.next() % limit
    }

    fn one_in(&self, chances: u64) -> bool {
        self.below(chances) == 0
    }

    fn score(&self) -> f64 {
        [0.9, 0.5, 0.49, 0.0][usize::try_from(self.below(4)).expect("small")]
    }
}

fn review(role: Role, chance: &Chance, open: &mut Vec<Matter>) -> Review {
    let count = |chances| match chance.one_in(chances) {
        true => chance.below(3) + 1,
        false => 0,
    };
    let (critical, warning) = (count(3), count(2));
    for number in 0..critical + warning {
        open.push(Matter {
            id: format!("file-{}", chance.below(6)),
            is_critical: number < critical,
        });
    }
    let small = |number: u64| usize::try_from(number).expect("small");
    Review {
        role,
        verdict: match (critical, chance.below(4)) {
            (0, 0) => Verdict::Rejected,
            (0, 1) => Verdict::ApprovedWithFixes,
            // A reviewer may approve against its own findings.
            (_, 2 | 3) | (0, _) => Verdict::Approved,
            _ => Verdict::Rejected,
        },
        critical: small(critical),
        warning: small(warning),
        info: 0,
    }
}

fn one_run(seed: u64) {
    let chance = Chance(SequentialIds::new(seed));
    let workflow = Workflow::ALL[usize::try_from(chance.below(3)).expect("small")];
    let limit = match chance.below(6) {
        0 | 1 => Limit::OfWorkflow,
        said => Limit::Said(u32::try_from(said - 1).expect("small")),
    };
    let is_pipeline = chance.one_in(4);
    let mut course = match is_pipeline {
        true => Course::pipeline(limit),
        false => Course::new(workflow, limit),
    };
    let (mut reviews, mut open) = (Vec::new(), Vec::new());
    let (mut explored, mut steps, mut was_ruled_out) = (0, 0, false);
    let mut told: Vec<Vec<Matter>> = Vec::new();
    loop {
        steps += 1;
        assert!(steps < TOO_MANY, "seed {seed} does not end: {course:?}");
        if let Limit::Said(said) = limit {
            assert!(course.cycle() <= said, "seed {seed}: {course:?}");
        }
        assert!(course.cycle() <= course.limit(), "seed {seed}: {course:?}");
        assert!(
            !is_pipeline || course.cycle() <= 2,
            "seed {seed}: {course:?}"
        );
        match course.next().clone() {
            Step::Agent(Role::Explorer) => {
                assert!(!is_pipeline, "seed {seed}");
                explored += 1;
                course.explored();
            }
            Step::Agent(Role::Creator) => {
                assert!(!is_pipeline || course.cycle() == 1, "seed {seed}");
                let confidence = Confidence {
                    // Most runs get past the gate.
                    task_understanding: if chance.one_in(20) { 0.4 } else { 0.9 },
                    solution_completeness: chance.score(),
                    risk_coverage: chance.score(),
                };
                course.created(&confidence);
            }
            Step::Agent(Role::Maker) => course.made(),
            Step::Agent(role) => {
                assert_eq!(role, Role::Guardian);
                (reviews, open) = (Vec::new(), Vec::new());
                let review = review(role, &chance, &mut open);
                reviews.push(review);
                course.guarded(&review);
            }
            Step::RiskResearch => course.risks_researched(),
            Step::Reviewers(roles) => {
                assert!(!is_pipeline || roles.len() == 1, "seed {seed}");
                for role in roles {
                    let review = review(role, &chance, &mut open);
                    reviews.push(review);
                }
                course.reviewed();
                // In a pipeline Sage reviews whoever else did.
                let is_over = course.next() == &Step::Enter(Phase::Act);
                let last = reviews.last().map(|review| review.role);
                assert!(
                    !is_pipeline || is_over == (last == Some(Role::Sage)),
                    "seed {seed}"
                );
            }
            Step::Enter(phase) => {
                assert_ne!(phase, Phase::Plan);
                course.entered(phase);
            }
            Step::Rule => {
                told.push(open.clone());
                let (ruled, _) = course.ruled(&reviews, open.clone(), None);
                was_ruled_out = ruled.ruling != Ruling::Merge;
                if !was_ruled_out {
                    let blocks = open.iter().any(|matter| matter.is_critical);
                    assert!(
                        !blocks && reviews.iter().all(Review::approves),
                        "seed {seed}"
                    );
                }
            }
            Step::Merge => {
                assert!(!was_ruled_out, "seed {seed}");
                if chance.one_in(3) {
                    let tests = Matter {
                        id: "tests".to_owned(),
                        is_critical: true,
                    };
                    told.last_mut().expect("a cycle").push(tests.clone());
                    course.tests_failed(tests);
                } else {
                    course.end(End::Merged);
                }
            }
            Step::CycleBack => course.cycled_back(),
            Step::End(end) => {
                assert!(
                    explored <= 1,
                    "seed {seed}: the Explorer worked {explored} times"
                );
                if end == End::Merged {
                    let last = course.history().last().expect("a cycle");
                    assert!(!last.iter().any(|matter| matter.is_critical), "seed {seed}");
                }
                break;
            }
        }
    }
    let history = course.history();
    let cycles = usize::try_from(course.cycle()).expect("small");
    assert!(
        history.len() == cycles || history.len() + 1 == cycles,
        "seed {seed}"
    );
    assert_eq!(history, told, "seed {seed}: a finding is lost");
}

#[test]
fn random_runs_end_within_their_cycles_and_merge_nothing_that_blocks() {
    for seed in 0..20_000 {
        one_run(seed);
    }
}
