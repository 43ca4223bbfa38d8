//! A journal that lasts as long as the process: for a single pass, in which nothing is resumed.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde_json::Value;

use super::estimate::Estimate;
use super::journal::{AttemptId, Begun, Journal, Refused, StepKey};
use super::spent::Spent;

/// Keeps records in memory and grants every step.
#[derive(Debug, Default)]
pub struct MemoryJournal {
    kept: Mutex<Kept>,
}

#[derive(Debug, Default)]
struct Kept {
    begun: Vec<StepKey>,
    finished: BTreeMap<StepKey, Value>,
}

impl MemoryJournal {
    /// An empty one.
    pub fn new() -> Self {
        Self::default()
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        // Each change is one insertion, so what a panicked thread left is whole.
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Journal for MemoryJournal {
    fn finished(&self, key: &StepKey) -> Result<Option<Value>, Refused> {
        Ok(self.kept().finished.get(key).cloned())
    }

    fn begin(&self, key: &StepKey, _estimate: &Estimate) -> Result<Begun, Refused> {
        let mut kept = self.kept();
        kept.begun.push(key.clone());
        Ok(Begun {
            id: AttemptId(format!("attempt-{}", kept.begun.len())),
            may_spend: None,
        })
    }

    fn meter(&self, _id: &AttemptId, _spent: &Spent) {}

    fn end(&self, id: &AttemptId, record: &Value, _spent: &Spent) -> Result<(), Refused> {
        let mut kept = self.kept();
        let number = id.0.strip_prefix("attempt-");
        let begun = number
            .and_then(|number| number.parse::<usize>().ok()?.checked_sub(1))
            .and_then(|place| kept.begun.get(place).cloned());
        let Some(key) = begun else {
            return Err(Refused::State(
                format!("no attempt {id} was begun here").into(),
            ));
        };
        kept.finished.insert(key, record.clone());
        Ok(())
    }

    fn abandon(&self, _id: &AttemptId, _spent: &Spent) -> Result<(), Refused> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reproduce::journal::Phase;

    #[test]
    fn a_record_is_found_under_the_key_it_was_begun_with() {
        let journal = MemoryJournal::new();
        let key = |slot| StepKey {
            phase: Phase::Before("sweep".to_owned()),
            slot,
        };
        assert_eq!(key(2).to_string(), "before/sweep/2");
        let first = journal.begin(&key(1), &Estimate::UNKNOWN).expect("granted");
        let second = journal.begin(&key(2), &Estimate::UNKNOWN).expect("granted");
        assert_ne!(first.id, second.id);
        let record = serde_json::json!({"shown": "green"});
        journal
            .end(&second.id, &record, &Spent::UNKNOWN)
            .expect("kept");
        assert_eq!(journal.finished(&key(1)).expect("read"), None);
        assert_eq!(journal.finished(&key(2)).expect("read"), Some(record));
        let other = AttemptId("attempt-9".to_owned());
        assert!(journal.end(&other, &Value::Null, &Spent::UNKNOWN).is_err());
    }
}
