//! What a crash left open in the ledger is settled by the next start over the same state folder.

use std::path::Path;

use super::entry::{AttemptKey, Entry, State, repo_name};
use super::ledger::{Ledger, LedgerError, step_of};

/// What a start found of attempts that a crash left open.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Recovered {
    /// Nobody recorded them: they never began.
    pub released: Vec<Entry>,
    /// They were recorded and did not end.
    pub interrupted: Vec<Entry>,
}

impl Ledger {
    /// Settles what a crash left open in a repository: an attempt that nobody recorded
    /// (`is_known`) never began and is released, one that was recorded is interrupted. Those of
    /// another state folder are left to whoever has its lock; where that folder is gone nobody
    /// can say any more, and they count as recorded.
    ///
    /// To be called by whoever holds the lock of that repository's state folder, before it starts
    /// attempts, and after it charged those whose end it has recorded.
    pub fn recover(
        &self,
        repo: &Path,
        is_known: impl Fn(&str) -> bool,
    ) -> Result<Recovered, LedgerError> {
        let is_gone = |folder: &String| !Path::new(folder).exists();
        // The caller's question may be slow: it is asked while nobody waits for the ledger.
        let open: Vec<(AttemptKey, bool)> = self
            .open_of(repo)?
            .into_iter()
            .filter_map(|(attempt, holder)| {
                let is_known = if self.is_own(holder.as_ref()) {
                    is_known(&attempt)
                } else if holder.as_ref().is_some_and(is_gone) {
                    true
                } else {
                    return None;
                };
                Some((AttemptKey::new(repo, attempt), is_known))
            })
            .collect();
        self.change(|change| {
            let mut recovered = Recovered::default();
            for (key, is_known) in &open {
                let step = if *is_known {
                    Entry::interrupted
                } else {
                    Entry::released
                };
                match step_of(change, key, step)? {
                    Some(entry) if entry.state == State::Released => recovered.released.push(entry),
                    Some(entry) => recovered.interrupted.push(entry),
                    None => {}
                }
            }
            Ok(recovered)
        })
    }

    /// The attempts of a repository that were reserved for this state folder and have no end,
    /// oldest first.
    pub fn reserved(&self, repo: &Path) -> Result<Vec<String>, LedgerError> {
        let open = self.open_of(repo)?.into_iter();
        Ok(open
            .filter(|(_, holder)| self.is_own(holder.as_ref()))
            .map(|(attempt, _)| attempt)
            .collect())
    }

    /// Whether what that state folder holds is for this one to settle; an entry without one was
    /// made before folders were told apart.
    fn is_own(&self, holder: Option<&String>) -> bool {
        holder.is_none() || self.holder.is_none() || holder == self.holder.as_ref()
    }

    /// Every attempt of a repository that has no end, with the state folder it was reserved for.
    fn open_of(&self, repo: &Path) -> Result<Vec<(String, Option<String>)>, LedgerError> {
        let repo = repo_name(repo);
        self.query(|connection| {
            connection
                .prepare(
                    "SELECT attempt, holder FROM entries
                     WHERE repo = ?1 AND state = 'reserved' ORDER BY id",
                )?
                .query_map([&repo], |row| Ok((row.get(0)?, row.get(1)?)))?
                .collect()
        })
    }
}
