//! How the money of the day stands, in short.

use std::fmt;

use archal_core::clock::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::amount::Usd;
use super::cap::{Cap, Caps};
use super::ledger::{Ledger, LedgerError};
use super::summary::{Report, Totals, day_of};

/// What all projects of the user took from the cap of a day, and what is left.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Standing {
    /// The day, in UTC: `2026-11-21`.
    pub day: String,
    /// What all projects took from the cap of the day.
    #[serde(flatten)]
    pub totals: Totals,
    /// What is left of the day's cap; null where there is no cap.
    pub left_usd: Option<Usd>,
    /// What may be spent in a day; `none` where there is no cap.
    pub per_day_usd: Cap,
    /// What may be spent on one trace.
    pub per_trace_usd: Cap,
}

impl Standing {
    /// Today's, by a ledger; none for a user who never spent anything.
    ///
    /// # Errors
    ///
    /// When the ledger cannot be read.
    pub fn of(ledger: Option<&Ledger>, caps: &Caps, now: Timestamp) -> Result<Self, LedgerError> {
        let day = day_of(now);
        let report = match ledger {
            Some(ledger) => ledger.report(day, None, 0, caps, now)?,
            None => Report::empty(day, caps),
        };
        Ok(Self {
            day: report.day,
            totals: report.totals,
            left_usd: report.left_usd,
            per_day_usd: report.per_day_usd,
            per_trace_usd: report.per_trace_usd,
        })
    }
}

/// One line: `$0.40 spent today, $0.10 reserved, $4.50 left of $5.00`.
impl fmt::Display for Standing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} today, ", self.totals)?;
        match self.left_usd {
            Some(left) => write!(f, "${left} left of {}", self.per_day_usd),
            None => f.write_str("no cap"),
        }
    }
}

/// `$0.40 spent`, and what is reserved or of unknown cost where something is.
impl fmt::Display for Totals {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "${} spent", self.spent_usd)?;
        if self.reserved_usd > Usd::ZERO {
            write!(f, ", ${} reserved", self.reserved_usd)?;
        }
        match self.unknown_cost {
            0 => Ok(()),
            1 => write!(f, ", 1 attempt of unknown cost (${} held)", self.held_usd),
            more => write!(
                f,
                ", {more} attempts of unknown cost (${} held)",
                self.held_usd
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn usd(micros: i64) -> Usd {
        Usd::from_micros(micros).expect("not below zero")
    }

    #[test]
    fn the_day_is_one_line() {
        let mut standing = Standing {
            day: "2026-11-21".to_owned(),
            totals: Totals {
                spent_usd: usd(400_000),
                ..Totals::default()
            },
            left_usd: Some(usd(4_600_000)),
            per_day_usd: Cap::AtMost(usd(5_000_000)),
            per_trace_usd: Cap::NONE,
        };
        assert_eq!(
            standing.to_string(),
            "$0.40 spent today, $4.60 left of $5.00"
        );
        standing.totals.reserved_usd = usd(100_000);
        standing.totals.held_usd = usd(250_000);
        standing.totals.unknown_cost = 2;
        standing.left_usd = None;
        assert_eq!(
            standing.to_string(),
            "$0.40 spent, $0.10 reserved, 2 attempts of unknown cost ($0.25 held) today, no cap"
        );
    }
}
