//! What one attempt showed, and what several add up to.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The share of attempts that must show the failure for it to count as reproduced.
pub const REPRODUCED_SHARE: f64 = 0.6;

/// What one attempt showed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", tag = "kind")]
pub enum Shown {
    /// At least the primary finding.
    RedSame,
    /// A failure, but not this one.
    RedOther {
        /// What failed instead.
        failed: Vec<String>,
    },
    /// No failure.
    Green,
    /// Nothing that counts: the harness did not start, or network, model or a gap of a clone cut it off.
    Void {
        /// What cut it off.
        #[serde(default)]
        by: Void,
        /// Why, for a person.
        cause: String,
    },
}

/// What keeps an attempt from saying anything.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Void {
    /// The harness did not start, or failed before its first call.
    Harness,
    /// Something the agent may reach could not be reached, or it trusts no clone.
    Network,
    /// The agent could not reach its model.
    Model,
    /// The agent asked its model something else than in the trace, whose answers were to be replayed.
    Diverged,
    /// The trace holds no answer to a call, of a service without a clone or of one whose rebuilt state
    /// has nothing to say of it.
    Evidence,
    /// A clone does not model an operation that was called.
    Clone,
    /// The agent's clock was to stand at a time, and could not be told so.
    Clock,
    /// A criterion raised, or not all calls were kept.
    #[default]
    Undecided,
}

impl Void {
    /// The reason code of a job that it blocks.
    pub fn code(self) -> &'static str {
        match self {
            Self::Harness => "harness",
            Self::Network => "network",
            Self::Model => "model",
            Self::Diverged => "diverged",
            Self::Evidence => "evidence",
            Self::Clone => "clone",
            Self::Clock => "clock",
            Self::Undecided => "void",
        }
    }
}

/// What the attempts add up to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", tag = "status")]
pub enum Decision {
    /// The failure showed often enough.
    Reproduced,
    /// It showed, but in too few attempts.
    Flaky,
    /// It did not show.
    NotReproduced,
    /// Too few attempts counted.
    Blocked {
        /// The most frequent kind of cause.
        #[serde(default)]
        by: Void,
        /// The most frequent cause of that kind, and how often it came.
        cause: String,
    },
}

/// Attempts that count, and those that showed the failure.
pub fn counts(shown: &[Shown]) -> (u64, u64) {
    let counted = shown
        .iter()
        .filter(|shown| !matches!(shown, Shown::Void { .. }))
        .count() as u64;
    let same = shown
        .iter()
        .filter(|shown| **shown == Shown::RedSame)
        .count() as u64;
    (same, counted)
}

/// Decides by the stated rule: half or more void is blocked; then the share of attempts that
/// were not void and showed the failure.
pub fn decide(shown: &[Shown]) -> Decision {
    let (same, counted) = counts(shown);
    let voids: Vec<(Void, &str)> = shown
        .iter()
        .filter_map(|shown| match shown {
            Shown::Void { by, cause } => Some((*by, cause.as_str())),
            _ => None,
        })
        .collect();
    if counted == 0 || voids.len() * 2 >= shown.len() {
        return blocked(&voids, shown.len());
    }
    #[expect(
        clippy::cast_precision_loss,
        reason = "attempts are far fewer than 2^52"
    )]
    let share = same as f64 / counted as f64;
    if same == 0 {
        Decision::NotReproduced
    } else if share >= REPRODUCED_SHARE {
        Decision::Reproduced
    } else {
        Decision::Flaky
    }
}

/// Names the most frequent cause; of equally frequent ones that of the earlier attempt.
fn blocked(voids: &[(Void, &str)], attempts: usize) -> Decision {
    let often = |void: &(Void, &str)| voids.iter().filter(|other| *other == void).count();
    let kind = |by: Void| voids.iter().filter(|(other, _)| *other == by).count();
    // The last of equal ones is the greatest, so the first attempt comes last.
    let first = voids
        .iter()
        .rev()
        .max_by_key(|void| (kind(void.0), often(void)));
    let Some((by, cause)) = first else {
        return Decision::Blocked {
            by: Void::Undecided,
            cause: "no attempt was made".to_owned(),
        };
    };
    let mut text = format!(
        "{} of {attempts} attempts say nothing: {cause}",
        voids.len()
    );
    let others: std::collections::BTreeSet<&str> = voids
        .iter()
        .map(|(_, other)| *other)
        .filter(|other| other != cause)
        .collect();
    for other in others {
        text.push_str("; ");
        text.push_str(other);
    }
    Decision::Blocked {
        by: *by,
        cause: text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn void(by: Void, cause: &str) -> Shown {
        Shown::Void {
            by,
            cause: cause.to_owned(),
        }
    }

    fn gap() -> Shown {
        void(Void::Clone, "a clone does not model x")
    }

    fn other() -> Shown {
        Shown::RedOther { failed: vec![] }
    }

    #[test]
    fn two_of_three_is_reproduced_and_one_is_flaky() {
        use Shown::{Green, RedSame};
        assert_eq!(decide(&[RedSame, RedSame, Green]), Decision::Reproduced);
        assert_eq!(decide(&[RedSame, other(), Green]), Decision::Flaky);
        assert_eq!(decide(&[Green, Green, other()]), Decision::NotReproduced);
    }

    #[test]
    fn void_attempts_do_not_count_and_half_of_them_block_with_their_cause() {
        use Shown::RedSame;
        assert_eq!(decide(&[RedSame, RedSame, gap()]), Decision::Reproduced);
        let no_start = || void(Void::Harness, "the harness did not start");
        let told = [
            vec![RedSame, gap()],
            vec![no_start(), gap(), gap()],
            vec![no_start(), gap()],
            vec![
                void(Void::Model, "b"),
                gap(),
                void(Void::Model, "a"),
                no_start(),
            ],
            vec![],
        ]
        .map(|shown| match decide(&shown) {
            Decision::Blocked { by, cause } => format!("{} {cause}", by.code()),
            other => format!("{other:?}"),
        });
        insta::assert_snapshot!(told.join("\n"), @r"
        clone 1 of 2 attempts say nothing: a clone does not model x
        clone 3 of 3 attempts say nothing: a clone does not model x; the harness did not start
        harness 2 of 2 attempts say nothing: the harness did not start; a clone does not model x
        model 4 of 4 attempts say nothing: b; a; a clone does not model x; the harness did not start
        void no attempt was made
        ");
    }

    #[test]
    fn what_was_written_down_before_causes_had_kinds_can_be_read() {
        let old = serde_json::json!({"kind": "void", "cause": "x"});
        let read: Shown = serde_json::from_value(old).expect("readable");
        assert_eq!(read, void(Void::Undecided, "x"));
    }
}
