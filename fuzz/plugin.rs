//! Any bytes as what a plugin writes when it is pulled, after a line that says what it is.

use std::collections::BTreeMap;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use archal_core::clock::FakeClock;
use archal_core::program::{Farewell, NotStarted, Patience, Program, Programs, Silence, Talk};
use archal_core::pull::{Asking, Opened, Rates, Said, SaidValue, Stop};
use archal_core::push::{Kept, KeptSpan};
use serde_json::Value;

/// What the plugin says first.
const GREETING: &[u8] =
    br#"{"id":1,"reply":"description","protocol":1,"name":"fuzzed","version":"1"}"#;
/// Pages that are read; each starts the plugin anew at most.
const PAGES: usize = 4;

/// Any bytes as what a plugin writes. What comes of it can be kept: traces and rows have names, and rows make traces.
pub(super) fn plugin_output(bytes: &[u8]) {
    let lines = bytes.split(|byte| *byte == b'\n').map(<[u8]>::to_vec);
    let lines = std::iter::once(GREETING.to_vec()).chain(lines);
    let played = Arc::new(Played(lines.collect()));
    let path = SaidValue::Path("/plugin".into());
    let now = "2026-03-01T12:00:00Z".parse().expect("a time");
    let asking = Asking {
        name: "fuzzed".to_owned(),
        options: Said::new(BTreeMap::from([("path".to_owned(), path)])),
        since: None,
        clock: Arc::new(FakeClock::new(now)),
        rates: played.clone(),
        programs: played.clone(),
        stop: played,
    };
    let source = archal_sources::custom::SOURCE.pull.expect("it is asked");
    let Ok(Opened::Rows(mut rows)) = (source.open)(asking) else {
        panic!("it is opened");
    };
    let mut cursor = Value::Null;
    for _ in 0..PAGES {
        let Ok(page) = rows.page(&cursor) else {
            continue;
        };
        assert!(page.traces.iter().all(|one| !one.trace.id.is_empty()));
        let mut kept: BTreeMap<String, Kept> = BTreeMap::new();
        for row in page.rows {
            assert!(!row.trace.is_empty() && !row.id.is_empty());
            kept.entry(row.trace).or_default().spans.push(KeptSpan {
                shared: None,
                body: row.body,
            });
        }
        for (id, kept) in kept {
            let made = rows.assemble(&id, kept, &mut Vec::new());
            assert!(made.is_none_or(|made| made.trace.id == id));
        }
        cursor = page.cursor;
    }
}

struct Played(Vec<Vec<u8>>);

impl Programs for Played {
    fn start(&self, _: &Program) -> Result<Box<dyn Talk>, NotStarted> {
        Ok(Box::new(Actor {
            lines: self.0.clone(),
            at: 0,
        }))
    }
}

struct Actor {
    lines: Vec<Vec<u8>>,
    at: usize,
}

impl Talk for Actor {
    fn begin(&mut self, _: Patience) {}

    fn say(&mut self, _: &str) -> Result<(), Silence> {
        Ok(())
    }

    fn hear(&mut self) -> Result<&[u8], Silence> {
        let line = self.lines.get(self.at).ok_or(Silence::Ended)?;
        self.at += 1;
        Ok(line)
    }

    fn end(&mut self) -> Farewell {
        Farewell::default()
    }
}

impl Stop for Played {
    fn is_asked(&self) -> bool {
        false
    }

    fn wait(&self, _: Duration) -> bool {
        false
    }
}

impl Rates for Played {
    fn take(&self, _: &str, _: NonZeroU32) -> Duration {
        Duration::ZERO
    }

    fn hold(&self, _: &str, _: Duration) {}
}
