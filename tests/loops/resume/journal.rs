//! A journal that lasts over restarts, and at which a process can be made to die.

use std::collections::{BTreeMap, BTreeSet};
use std::panic;
use std::sync::Mutex;

use archal::reproduce::estimate::Estimate;
use archal::reproduce::journal::{AttemptId, Begun, Journal, Phase, Refused, StepKey};
use archal::reproduce::spent::Spent;
use serde_json::Value;

/// Where a process dies: the call, and whether it had its effect.
pub(super) type Point = (StepKey, &'static str, bool);

/// What a process died of.
pub(super) struct Died(pub(super) Point);

/// How one attempt came to be and ended.
#[derive(Debug, Clone)]
pub(super) struct Attempt {
    pub(super) key: StepKey,
    /// `ended`, `abandoned`, or none where its process died.
    pub(super) end: Option<&'static str>,
    pub(super) spent: Option<Spent>,
    /// What was known of it while it ran.
    pub(super) metered: Vec<Spent>,
}

#[derive(Default)]
pub(super) struct State {
    attempts: Vec<Attempt>,
    finished: BTreeMap<StepKey, Value>,
    died: BTreeSet<Point>,
}

/// Whom a journal tells of each figure.
pub(super) type Listener = Box<dyn Fn() + Send + Sync>;

#[derive(Default)]
pub(super) struct Script {
    pub(super) state: Mutex<State>,
    /// Whether a process dies at each point that is reached for the first time.
    pub(super) dies_everywhere: bool,
    /// The phase that may not begin, and why.
    pub(super) refused: Option<(Phase, fn() -> Refused)>,
    pub(super) may_spend: Option<i64>,
    pub(super) on_meter: Option<Listener>,
}

impl Script {
    pub(super) fn attempts(&self) -> Vec<Attempt> {
        self.locked(|state| state.attempts.clone())
    }

    /// The steps that were begun, in order.
    pub(super) fn begun(&self) -> Vec<String> {
        let attempts = self.attempts();
        attempts.iter().map(|one| one.key.to_string()).collect()
    }

    fn locked<T>(&self, work: impl FnOnce(&mut State) -> T) -> T {
        work(&mut self.state.lock().expect("nobody panics while it is held"))
    }

    fn die(&self, key: &StepKey, call: &'static str, done: bool) {
        let point = (key.clone(), call, done);
        let is_new = self.dies_everywhere && self.locked(|state| state.died.insert(point.clone()));
        if is_new {
            panic::resume_unwind(Box::new(Died(point)));
        }
    }

    fn end_as(&self, id: &AttemptId, how: &'static str, spent: &Spent) -> StepKey {
        self.locked(|state| {
            let attempt = &mut state.attempts[place(id)];
            assert_eq!(attempt.end, None, "{id} has one end");
            attempt.end = Some(how);
            attempt.spent = Some(spent.clone());
            attempt.key.clone()
        })
    }
}

fn place(id: &AttemptId) -> usize {
    id.0.parse().expect("an id of this journal")
}

impl Journal for Script {
    fn finished(&self, key: &StepKey) -> Result<Option<Value>, Refused> {
        self.die(key, "finished", false);
        Ok(self.locked(|state| state.finished.get(key).cloned()))
    }

    fn begin(&self, key: &StepKey, _estimate: &Estimate) -> Result<Begun, Refused> {
        if let Some((phase, why)) = &self.refused
            && *phase == key.phase
        {
            return Err(why());
        }
        self.die(key, "begin", false);
        let id = self.locked(|state| {
            state.attempts.push(Attempt {
                key: key.clone(),
                end: None,
                spent: None,
                metered: Vec::new(),
            });
            AttemptId((state.attempts.len() - 1).to_string())
        });
        self.die(key, "begin", true);
        Ok(Begun {
            id,
            may_spend: self.may_spend,
        })
    }

    fn meter(&self, id: &AttemptId, spent: &Spent) {
        self.locked(|state| state.attempts[place(id)].metered.push(spent.clone()));
        if let Some(listener) = &self.on_meter {
            listener();
        }
    }

    fn end(&self, id: &AttemptId, record: &Value, spent: &Spent) -> Result<(), Refused> {
        let key = self.locked(|state| state.attempts[place(id)].key.clone());
        self.die(&key, "end", false);
        self.end_as(id, "ended", spent);
        // As a database keeps it.
        let text = record.to_string();
        let record = serde_json::from_str(&text).expect("JSON");
        self.locked(|state| state.finished.insert(key.clone(), record));
        self.die(&key, "end", true);
        Ok(())
    }

    fn abandon(&self, id: &AttemptId, spent: &Spent) -> Result<(), Refused> {
        self.end_as(id, "abandoned", spent);
        Ok(())
    }
}
