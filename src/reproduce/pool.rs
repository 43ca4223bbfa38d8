//! Idle workplaces, kept for the next job: copying a repository and setting it up takes longer
//! than most attempts.

use std::borrow::Borrow;
use std::mem;
use std::ops::Deref;
use std::path::PathBuf;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;

use crate::sandbox::child::Containment;

use super::seat::{Later, Seat};
use super::workplace::{Workplace, WorkplaceError, Workshop, WorkspaceOptions};

/// What a workplace was made for; one made for something else is of no use.
#[derive(Debug, Clone, PartialEq, Eq)]
struct MadeFor {
    repo: PathBuf,
    base: String,
    options: WorkspaceOptions,
    containment: Containment,
}

/// Idle workplaces of one commit.
#[derive(Debug)]
pub struct Places {
    most: usize,
    idle: Mutex<Idle>,
}

#[derive(Debug, Default)]
struct Idle {
    made_for: Option<MadeFor>,
    places: Vec<Workplace>,
}

impl Places {
    /// Keeps at most so many idle ones.
    pub fn new(most: usize) -> Self {
        Self {
            most,
            idle: Mutex::default(),
        }
    }

    /// An idle workplace, else a new one. Idle ones of another commit, or set up in another way,
    /// are removed.
    pub fn take(&self, workshop: &Workshop<'_>) -> Result<Taken<'_>, WorkplaceError> {
        let made_for = MadeFor {
            repo: workshop.repo.to_owned(),
            base: workshop.base.to_owned(),
            options: workshop.options.clone(),
            containment: workshop.containment,
        };
        let (found, old) = {
            let mut idle = self.idle();
            if idle.made_for.as_ref() == Some(&made_for) {
                (idle.places.pop(), Vec::new())
            } else {
                idle.made_for = Some(made_for.clone());
                (None, mem::take(&mut idle.places))
            }
        };
        // Removing and copying folders takes its time; nobody waits for it at the lock.
        drop(old);
        let place = match found {
            Some(place) => place,
            None => workshop.open(&[])?,
        };
        Ok(Taken {
            pool: self,
            made_for,
            place: Some(place),
            is_poisoned: false,
        })
    }

    /// A workplace that is taken when the first attempt needs it.
    pub fn later<'a>(&'a self, workshop: &'a Workshop<'a>) -> Later<'a, Taken<'a>> {
        Later::by(workshop.base, &[], || self.take(workshop))
    }

    /// Removes the idle ones.
    pub fn clear(&self) {
        let old = mem::take(&mut self.idle().places);
        drop(old);
    }

    fn idle(&self) -> MutexGuard<'_, Idle> {
        // Places are moved in and out whole, so what a panicked thread left can be used.
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes a place back that is as it was when it had been set up; any other is removed.
    fn take_back(&self, place: Workplace, made_for: &MadeFor) {
        if place.renew().is_err() || !place.is_as_set_up() {
            return;
        }
        let mut idle = self.idle();
        if idle.made_for.as_ref() == Some(made_for) && idle.places.len() < self.most {
            idle.places.push(place);
        } else {
            drop(idle);
            drop(place);
        }
    }
}

/// A workplace that goes back when it is dropped.
#[derive(Debug)]
pub struct Taken<'a> {
    pool: &'a Places,
    made_for: MadeFor,
    place: Option<Workplace>,
    is_poisoned: bool,
}

impl Taken<'_> {
    /// Says that nobody is to use it again.
    pub fn poison(&mut self) {
        self.is_poisoned = true;
    }
}

impl Deref for Taken<'_> {
    type Target = Workplace;

    #[expect(clippy::expect_used, reason = "only the drop takes the place out")]
    fn deref(&self) -> &Workplace {
        self.place.as_ref().expect("there until it is dropped")
    }
}

impl Borrow<Workplace> for Taken<'_> {
    fn borrow(&self) -> &Workplace {
        self
    }
}

impl Seat for Taken<'_> {
    fn base(&self) -> &str {
        Workplace::base(self)
    }

    fn patch(&self) -> &[u8] {
        Workplace::patch(self)
    }

    fn place(&self) -> Result<&Workplace, WorkplaceError> {
        Ok(self)
    }
}

impl Drop for Taken<'_> {
    fn drop(&mut self) {
        if let Some(place) = self.place.take()
            && !self.is_poisoned
            && !thread::panicking()
        {
            self.pool.take_back(place, &self.made_for);
        }
    }
}
