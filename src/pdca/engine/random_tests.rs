//! Random runs of written reviews, through everything that stands between what a reviewer wrote and the merge:
//! reading, the evidence gate, putting together, circuits, the ruling, feedback and money.

use archal_core::id::{IdSource, SequentialIds};

use crate::budget::amount::Usd;
use crate::pdca::consolidate;
use crate::pdca::convergence::{Convergence, is_same_set, oscillating};
use crate::pdca::cost;
use crate::pdca::evidence;
use crate::pdca::feedback;
use crate::pdca::finding::{Confidence, Open, Severity, Verdict};
use crate::pdca::machine::breaks::{self, Signs};
use crate::pdca::machine::course::{Course, End, Limit, Step};
use crate::pdca::machine::ruling::{self, Ruling};
use crate::pdca::role::{Role, Workflow};

use super::act::{self, matter};
use super::check;

/// Steps that no run takes.
const TOO_MANY: usize = 400;
/// What findings are called; few, so that they come again, and words, as numbers do not tell them apart.
const NAMES: [&str; 8] = [
    "leaking", "hanging", "racing", "rounding", "sorting", "caching", "parsing", "naming",
];

struct Chance(SequentialIds);

impl Chance {
    fn below(&self, limit: usize) -> usize {
        let limit = limit as u64;
        usize::try_from(self.0.next() % limit).expect("small")
    }

    fn of<T: Copy>(&self, all: &[T]) -> T {
        all[self.below(all.len())]
    }

    fn cents(&self, most: usize) -> f64 {
        f64::from(u32::try_from(self.below(most)).expect("small")) / 100.0
    }
}

/// A finding as somebody meant it.
#[derive(Debug, Clone, Copy)]
struct Meant {
    name: &'static str,
    severity: Severity,
    shows: bool,
}

/// A review in one of the shapes that reviewers write, what is meant in it, and the verdict it states.
fn written(chance: &Chance) -> (String, Vec<Meant>, Option<Verdict>) {
    let mut text = String::new();
    let mut meant: Vec<Meant> = Vec::new();
    // A fifth of reviews is clean, so that some runs come to their merge.
    let count = [0, 0, 1, 1, 2, 3][chance.below(6)];
    let shape = chance.below(6);
    if shape == 0 {
        text.push_str(
            "| Location | Severity | Category | Description | Fix |\n|---|---|---|---|---|\n",
        );
    }
    for _ in 0..count {
        let name = chance.of(&NAMES);
        if meant.iter().any(|one| one.name == name) {
            continue;
        }
        let severity = chance.of(&[
            Severity::Critical,
            Severity::Warning,
            Severity::Warning,
            Severity::Info,
        ]);
        let shows = chance.below(4) > 0;
        let (place, seen) = match shows {
            true => ("a.rs:7", "; output: `boom`"),
            false => ("a.rs", ""),
        };
        let word = severity.name();
        text.push_str(&match shape {
            0 => format!("| {place} | **{word}** | quality | it is {name}{seen} | mend it |\n"),
            1 => format!("| {word} | {place} | quality | it is {name}{seen} | mend it |\n"),
            5 => format!("| {place} | {word} | quality | it is {name}{seen} | mend it |\n"),
            2 => format!("### {word}: it is {name}\nIn {place}{seen}.\n\n"),
            3 => format!("- **{word}**: it is {name} in {place}{seen}\n"),
            _ => format!("### Challenge: it is {name}\n**Where:** {place}\n**Evidence:** none{seen}\n**Severity:** {word}\n\n"),
        });
        meant.push(Meant {
            name,
            severity,
            shows,
        });
    }
    let verdict = chance.of(&[
        Some(Verdict::Approved),
        Some(Verdict::Approved),
        Some(Verdict::ApprovedWithFixes),
        Some(Verdict::Rejected),
        None,
    ]);
    if let Some(verdict) = verdict {
        text.push_str(&format!("\n### Verdict: {}\n", verdict.name()));
    }
    (text, meant, verdict)
}

/// A run as it goes.
struct Run<'c> {
    chance: &'c Chance,
    seed: u64,
    spent: f64,
    budget: f64,
    /// What the agents cost that were started last.
    last: f64,
    reviews: Vec<(Role, crate::pdca::finding::Review)>,
    meant: Vec<Meant>,
    verdicts: Vec<Option<Verdict>>,
    findings: Vec<Vec<Open>>,
    convergence: Vec<f64>,
}

impl Run<'_> {
    /// Starts these where there is money, and says whether there was.
    fn starts(&mut self, course: &mut Course, roles: &[Role]) -> bool {
        let estimate: f64 = roles
            .iter()
            .map(|role| cost::estimate(*role).dollars())
            .sum();
        if !cost::affords(self.spent, estimate, self.budget) {
            course.end(End::Budget);
            return false;
        }
        assert!(
            self.spent <= self.budget,
            "seed {}: started without money",
            self.seed
        );
        self.last = roles.iter().map(|_| self.chance.cents(60)).sum();
        self.spent += self.last;
        true
    }

    fn review(&mut self, role: Role) -> ruling::Review {
        let (text, meant, verdict) = written(self.chance);
        let gated = evidence::gate(role, &text, "check-x.md");
        // What is kept of it is read alike by a run that goes on.
        if let Some(kept) = &gated.text {
            let again = evidence::gate(role, kept, "check-x.md");
            assert_eq!(again.text, None, "seed {}: {kept}", self.seed);
            let counts = (again.review.findings.len(), gated.review.findings.len());
            assert_eq!(counts.0, counts.1, "seed {}: {kept}", self.seed);
            assert_eq!(
                again.review.outcome(),
                gated.review.outcome(),
                "seed {}: {text}\n---\n{kept}",
                self.seed
            );
        }
        let review = check::with_reason(gated.review, role);
        let counted = ruling::Review::of(role, &review);
        self.reviews.push((role, review));
        self.meant.extend(meant);
        self.verdicts.push(verdict);
        counted
    }

    /// Nothing that somebody meant and showed is missing among what is open, at least as bad as it was meant.
    fn loses_nothing(&self, open: &[Open], document: &str) {
        for one in &self.meant {
            let found = open
                .iter()
                .filter(|open| open.finding.description.contains(one.name));
            let worst = found.map(|open| open.finding.severity).max();
            let least = match one.shows {
                true => one.severity,
                false => Severity::Info,
            };
            assert!(
                worst >= Some(least),
                "seed {}: {one:?} is lost in {open:?}",
                self.seed
            );
            let is_told = document.contains(one.name) || worst < Some(Severity::Critical);
            assert!(
                is_told,
                "seed {}: {one:?} is not told in\n{document}",
                self.seed
            );
        }
    }

    fn rule(&mut self, course: &mut Course) {
        let previous = self.findings.last().cloned().unwrap_or_default();
        let reviews = self.reviews.iter().map(|(role, review)| (*role, review));
        let found = consolidate::consolidate(reviews, &previous);
        let document = feedback::document(course.cycle(), &found);
        self.loses_nothing(&found.open, &document);
        if let Some((last, earlier)) = self.findings.split_last() {
            let came = Convergence::of(earlier, last, &found.open);
            assert!(
                (0.0..=1.0).contains(&came.convergence_score),
                "seed {}",
                self.seed
            );
            self.convergence.push(came.convergence_score);
        }
        let (before, last) = match self.findings.as_slice() {
            [.., before, last] => (before.as_slice(), last.as_slice()),
            [last] => (&[][..], last.as_slice()),
            [] => (&[][..], &[][..]),
        };
        let broken = breaks::look(&Signs {
            oscillating: oscillating(before, last, &found.open).len(),
            convergence: self.convergence.clone(),
            is_unchanged: is_same_set(last, &found.open),
            spent_percent: Some(act::percent(self.spent, self.budget)),
        });
        let reviews: Vec<ruling::Review> = self
            .reviews
            .iter()
            .map(|(role, review)| ruling::Review::of(*role, review))
            .collect();
        let open = found.open.iter().map(matter).collect();
        let (ruled, _) = course.ruled(&reviews, open, broken.first());
        if ruled.ruling == Ruling::Merge {
            let is_critical = |one: &Meant| one.shows && one.severity == Severity::Critical;
            assert!(
                !self.meant.iter().any(is_critical),
                "seed {}: merged over {:?}",
                self.seed,
                self.meant
            );
            for (verdict, (_, review)) in self.verdicts.iter().zip(&self.reviews) {
                let has_warning = review.count(Severity::Warning) > 0;
                let may = match verdict {
                    Some(Verdict::Rejected) => has_warning,
                    Some(_) => true,
                    None => false,
                };
                assert!(
                    may,
                    "seed {}: merged against {verdict:?} {review:?}",
                    self.seed
                );
            }
        }
        self.findings.push(found.open);
    }
}

/// How it ended.
fn one_run(seed: u64) -> End {
    let chance = Chance(SequentialIds::new(seed));
    let workflow = chance.of(&Workflow::ALL);
    let said = chance.below(6);
    let limit = match u32::try_from(said) {
        Ok(said @ 1..) => Limit::Said(said),
        _ => Limit::OfWorkflow,
    };
    let mut course = match chance.below(4) {
        0 => Course::pipeline(limit),
        _ => Course::new(workflow, limit),
    };
    let most = match limit {
        Limit::Said(said) => said,
        // An escalation gives as many as the standard workflow has.
        Limit::OfWorkflow => workflow.max_cycles().max(Workflow::Standard.max_cycles()),
    };
    let mut run = Run {
        chance: &chance,
        seed,
        spent: 0.0,
        budget: 0.3 + chance.cents(1500),
        last: 0.0,
        reviews: Vec::new(),
        meant: Vec::new(),
        verdicts: Vec::new(),
        findings: Vec::new(),
        convergence: Vec::new(),
    };
    for _ in 0..TOO_MANY {
        assert!(course.cycle() <= most, "seed {seed}: {course:?}");
        match course.next().clone() {
            Step::Agent(role) => {
                if !run.starts(&mut course, &[role]) {
                    continue;
                }
                match role {
                    Role::Explorer => course.explored(),
                    Role::Creator => {
                        let sure = Confidence {
                            task_understanding: 0.9,
                            solution_completeness: chance.of(&[0.9, 0.4]),
                            risk_coverage: chance.of(&[0.9, 0.4]),
                        };
                        _ = course.created(&sure);
                    }
                    Role::Maker => course.made(),
                    _ => {
                        (run.reviews, run.meant, run.verdicts) = Default::default();
                        let counted = run.review(role);
                        _ = course.guarded(&counted);
                    }
                }
            }
            Step::RiskResearch => {
                if run.starts(&mut course, &[Role::Explorer]) {
                    course.risks_researched();
                }
            }
            Step::Reviewers(roles) => {
                if run.starts(&mut course, &roles) {
                    for role in roles {
                        _ = run.review(role);
                    }
                    course.reviewed();
                }
            }
            Step::Enter(phase) => course.entered(phase),
            Step::Rule => run.rule(&mut course),
            Step::Merge => course.end(End::Merged),
            Step::CycleBack => course.cycled_back(),
            Step::End(end) => {
                let over = (run.spent - run.budget).max(0.0);
                assert!(
                    over <= run.last,
                    "seed {seed}: {over} too much, and the last cost {}",
                    run.last
                );
                assert!(Usd::reported(run.spent).is_some());
                return end;
            }
        }
    }
    panic!("seed {seed} does not end: {course:?}");
}

#[test]
fn runs_of_random_reviews_end_lose_no_finding_merge_no_critical_and_keep_their_budget() {
    let mut ends = std::collections::BTreeMap::new();
    for seed in 0..4_000 {
        *ends.entry(one_run(seed)).or_insert(0) += 1;
    }
    // All of that would say nothing of runs that end in one way only.
    for end in [
        End::Merged,
        End::MaxCycles,
        End::Escalated,
        End::Broken,
        End::Budget,
    ] {
        assert!(ends.get(&end).copied().unwrap_or(0) > 20, "{ends:?}");
    }
}
