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
        /// Why.
        cause: String,
    },
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
        /// The most frequent cause.
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
    let voids: Vec<&str> = shown
        .iter()
        .filter_map(|shown| match shown {
            Shown::Void { cause } => Some(cause.as_str()),
            _ => None,
        })
        .collect();
    if counted == 0 || voids.len() * 2 >= shown.len() {
        return Decision::Blocked {
            cause: most_frequent(&voids)
                .unwrap_or("no attempt was made")
                .to_owned(),
        };
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

fn most_frequent<'a>(causes: &[&'a str]) -> Option<&'a str> {
    causes
        .iter()
        .max_by_key(|cause| causes.iter().filter(|other| other == cause).count())
        .copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn void() -> Shown {
        Shown::Void {
            cause: "clone gap".to_owned(),
        }
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
    fn void_attempts_do_not_count_and_half_of_them_block() {
        use Shown::RedSame;
        assert_eq!(decide(&[RedSame, RedSame, void()]), Decision::Reproduced);
        let blocked = Decision::Blocked {
            cause: "clone gap".to_owned(),
        };
        assert_eq!(decide(&[RedSame, void()]), blocked);
        assert_eq!(decide(&[void(), void()]), blocked);
        assert!(matches!(decide(&[]), Decision::Blocked { .. }));
    }
}
