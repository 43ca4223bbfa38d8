//! The way on from a ledger that keeps money from being spent, at the user's word.

use std::path::{Path, PathBuf};

use archal_core::clock::Timestamp;

use crate::store::database;

use super::ledger::{DAY_MICROS, Ledger, LedgerError, day_start};
use super::summary::Selection;

/// What a repair did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Repaired {
    /// There is no ledger.
    Nothing,
    /// The broken file was put aside; the ledger begins anew, and what was spent is forgotten.
    SetAside(PathBuf),
    /// The ledger is whole. This many entries were dated after today, by a clock that was wrong,
    /// and are dated today now.
    Redated(usize),
}

/// Repairs the ledger at `path`: puts a broken one aside, and dates entries of the future today,
/// so that they do not take from the days to come.
///
/// # Errors
///
/// When the ledger is of a newer archal, or refuses for a reason that is not in its content.
pub fn repair(path: &Path, now: Timestamp) -> Result<Repaired, LedgerError> {
    if !path.exists() {
        return Ok(Repaired::Nothing);
    }
    let redated = Ledger::open(Some(path)).and_then(|(ledger, _)| {
        // Every row is read: a value that cannot be is found here and not at the next attempt.
        ledger.entries(&Selection::default())?;
        let tomorrow = day_start(now).saturating_add(DAY_MICROS);
        ledger.change(|change| {
            change.execute(
                "UPDATE entries SET at = ?1 WHERE at >= ?2",
                [now.as_microsecond(), tomorrow],
            )
        })
    });
    match redated {
        Ok(count) => Ok(Repaired::Redated(count)),
        Err(LedgerError::Broken(_)) => {
            let aside = database::set_aside(path)?;
            Ledger::open(Some(path))?;
            Ok(Repaired::SetAside(aside))
        }
        Err(error) => Err(error),
    }
}
