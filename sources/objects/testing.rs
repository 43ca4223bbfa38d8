//! What tests of these sources are asked with.

use std::collections::BTreeMap;
use std::num::NonZeroU32;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use archal_core::clock::{FakeClock, Timestamp};
use archal_core::program::{NotStarted, Program, Programs, Talk};
use archal_core::pull::{Asking, Rates, Said, SaidValue, Stop};

/// Options, and a world in which nothing is waited for.
pub(crate) fn asking(said: &[(&str, SaidValue)]) -> Asking {
    let said: BTreeMap<String, SaidValue> = said
        .iter()
        .map(|(name, value)| ((*name).to_owned(), value.clone()))
        .collect();
    Asking {
        name: "prod".to_owned(),
        options: Said::new(said),
        since: None,
        clock: Arc::new(FakeClock::new(Timestamp::UNIX_EPOCH)),
        rates: Arc::new(Unlimited),
        programs: Arc::new(Nothing),
        stop: Arc::new(Waits::default()),
    }
}

pub(crate) fn text(text: &str) -> SaidValue {
    SaidValue::Text(text.to_owned())
}

/// Never to end, and tells what was waited for: nothing is.
#[derive(Default)]
pub(crate) struct Waits(pub(crate) Mutex<Vec<Duration>>);

impl Stop for Waits {
    fn is_asked(&self) -> bool {
        false
    }

    fn wait(&self, pause: Duration) -> bool {
        self.0.lock().expect("whole").push(pause);
        false
    }
}

struct Unlimited;

impl Rates for Unlimited {
    fn take(&self, _bucket: &str, _per_minute: NonZeroU32) -> Duration {
        Duration::ZERO
    }

    fn hold(&self, _bucket: &str, _pause: Duration) {}
}

struct Nothing;

impl Programs for Nothing {
    fn start(&self, _program: &Program) -> Result<Box<dyn Talk>, NotStarted> {
        unreachable!("a store is no program")
    }
}
