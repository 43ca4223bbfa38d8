//! What follows from the reviews of a cycle: the first row of a table that fits.

use super::super::finding::{self, Severity, Verdict};
use super::super::role::Role;
use super::breaks::Break;

/// A review, counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Review {
    /// Whose.
    pub role: Role,
    /// What it comes to.
    pub verdict: Verdict,
    /// Its CRITICAL findings.
    pub critical: usize,
    /// Its WARNING findings.
    pub warning: usize,
    /// Its INFO findings.
    pub info: usize,
}

impl Review {
    /// A review of a role, counted.
    pub fn of(role: Role, review: &finding::Review) -> Self {
        Self {
            role,
            verdict: review.outcome(),
            critical: review.count(Severity::Critical),
            warning: review.count(Severity::Warning),
            info: review.count(Severity::Info),
        }
    }

    /// Whether it approves and finds nothing.
    pub fn is_clean(&self) -> bool {
        self.approves() && self.warning == 0 && self.info == 0
    }

    /// Whether nothing in it stands in the way.
    pub fn approves(&self) -> bool {
        self.critical == 0 && self.verdict.approves()
    }
}

/// A finding, as far as it decides anything.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Matter {
    /// What makes it the same in another cycle.
    pub id: String,
    /// Whether it blocks.
    pub is_critical: bool,
}

/// What is to be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ruling {
    /// A circuit broke: stop and keep the branch.
    Break,
    /// A CRITICAL that was open at the end of the last cycle is open still: the user decides.
    SameCritical,
    /// The next cycle has more reviewers.
    Escalate,
    /// Merge.
    Merge,
    /// Another cycle.
    CycleBack,
    /// There is no other cycle: the user decides.
    NoCyclesLeft,
}

impl Ruling {
    /// What `cycle.boundary` says that comes next.
    pub fn next_action(self) -> &'static str {
        match self {
            Self::Merge => "complete",
            Self::Escalate | Self::CycleBack => "cycle_back",
            Self::Break | Self::SameCritical | Self::NoCyclesLeft => "user_decision",
        }
    }

    /// The same in the words of the later format.
    pub fn decision(self) -> &'static str {
        match self {
            Self::Merge => "merge",
            Self::Escalate | Self::CycleBack => "cycle_back",
            Self::SameCritical => "escalate",
            Self::Break | Self::NoCyclesLeft => "stop",
        }
    }

    /// Why, in the words of the later format.
    pub fn reason(self) -> &'static str {
        match self {
            Self::Merge => "approved",
            Self::CycleBack => "findings_open",
            Self::Escalate | Self::SameCritical => "escalated",
            Self::Break => "wiggum_break",
            Self::NoCyclesLeft => "max_cycles",
        }
    }
}

/// A ruling, with what it rests on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ruled {
    /// What is to be done.
    pub ruling: Ruling,
    /// The CRITICALs that are open a second time, where that is the reason.
    pub repeated: Vec<String>,
}

/// What a ruling looks at.
#[derive(Debug)]
pub struct Situation<'a> {
    /// The reviews of the cycle.
    pub reviews: &'a [Review],
    /// What they found, each once.
    pub open: &'a [Matter],
    /// What was open at the end of the cycle before.
    pub before: &'a [Matter],
    /// A circuit that broke.
    pub broken: Option<&'a Break>,
    /// Whether the run is to have more reviewers (A1).
    pub escalates: bool,
    /// Whether there is another cycle.
    pub has_cycles: bool,
}

/// The table, from the top; the first row that fits.
pub fn rule(situation: &Situation<'_>) -> Ruled {
    let blocking = situation.open.iter().filter(|matter| matter.is_critical);
    let repeated: Vec<String> = blocking
        .clone()
        .filter(|matter| situation.before.contains(matter))
        .map(|matter| matter.id.clone())
        .collect();
    let is_approved = !situation.reviews.is_empty()
        && situation.reviews.iter().all(Review::approves)
        && blocking.count() == 0;
    let is_hard = situation.broken.is_some_and(|broken| broken.is_hard);
    let ruling = if is_hard {
        Ruling::Break
    } else if !repeated.is_empty() {
        Ruling::SameCritical
    } else if situation.escalates && situation.has_cycles {
        Ruling::Escalate
    } else if is_approved {
        Ruling::Merge
    } else if situation.broken.is_some() {
        // The step that is under way is finished first, and nothing is left of it that is approved.
        Ruling::Break
    } else if situation.has_cycles {
        Ruling::CycleBack
    } else {
        Ruling::NoCyclesLeft
    };
    Ruled { ruling, repeated }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn review(verdict: Verdict, critical: usize) -> Review {
        Review {
            role: Role::Guardian,
            verdict,
            critical,
            warning: 0,
            info: 0,
        }
    }

    fn matter(id: &str) -> Matter {
        Matter {
            id: id.to_owned(),
            is_critical: true,
        }
    }

    #[test]
    fn every_row_of_the_table_comes_after_those_above_it() {
        let bad = [review(Verdict::Rejected, 2)];
        let good = [review(Verdict::Approved, 0)];
        let open = [matter("a")];
        let broken = Break::hard("shadow", "three times");
        let soft = Break::soft("findings", "the same");
        let all = Situation {
            reviews: &bad,
            open: &open,
            before: &open,
            broken: Some(&broken),
            escalates: true,
            has_cycles: true,
        };
        assert_eq!(rule(&all).ruling, Ruling::Break);
        let second = Situation {
            broken: None,
            ..all
        };
        let ruled = rule(&second);
        assert_eq!(ruled.ruling, Ruling::SameCritical);
        assert_eq!(ruled.repeated, ["a"]);
        let third = Situation {
            before: &[],
            broken: Some(&soft),
            ..second
        };
        assert_eq!(rule(&third).ruling, Ruling::Escalate);
        let fourth = Situation {
            reviews: &good,
            open: &[],
            escalates: false,
            ..third
        };
        assert_eq!(rule(&fourth).ruling, Ruling::Merge);
        let fifth = Situation {
            reviews: &bad,
            open: &open,
            ..fourth
        };
        assert_eq!(rule(&fifth).ruling, Ruling::Break);
        let sixth = Situation {
            broken: None,
            ..fifth
        };
        assert_eq!(rule(&sixth).ruling, Ruling::CycleBack);
        let last = Situation {
            has_cycles: false,
            escalates: true,
            ..sixth
        };
        assert_eq!(rule(&last).ruling, Ruling::NoCyclesLeft);
        // Whatever the reviewer says: what is open blocks.
        let lying = Situation {
            reviews: &good,
            ..last
        };
        assert_eq!(rule(&lying).ruling, Ruling::NoCyclesLeft);
        let nobody = Situation {
            reviews: &[],
            open: &[],
            ..lying
        };
        assert_eq!(rule(&nobody).ruling, Ruling::NoCyclesLeft);
    }

    #[test]
    fn a_warning_that_is_found_again_and_then_blocks_is_not_the_same_twice() {
        let now = [matter("a")];
        let before = [Matter {
            is_critical: false,
            ..matter("a")
        }];
        let bad = [review(Verdict::Rejected, 1)];
        let situation = Situation {
            reviews: &bad,
            open: &now,
            before: &before,
            broken: None,
            escalates: false,
            has_cycles: true,
        };
        assert_eq!(rule(&situation).ruling, Ruling::CycleBack);
    }
}
