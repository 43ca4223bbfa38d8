//! Sources that are asked: what they have is got again and again.
//!
//! [`ask`] makes one pass over a source that answers: [`pass`] stores page after page, `giving` writes
//! what is quiet. [`feed`] makes passes inside the watcher. What a source is given stands in [`asking`] and
//! [`rates`], what it gave in [`store`], what became of it in [`report`], what is ready of it in [`sample`].
//! `stored` asks for stored objects, and [`files`] looks at files here.

pub mod asking;
pub mod feed;
pub mod files;
mod giving;
pub mod pass;
pub mod rates;
pub mod report;
pub mod sample;
pub mod store;
mod stored;
#[cfg(test)]
mod tests;

use archal_core::clock::Timestamp;
use archal_core::diagnostic::Diagnostic;
use archal_core::pull::{Opened, PullSource, Rows};
use archal_core::source::SourceDescriptor;

pub use feed::PullFeed;
pub use files::FilePull;
pub use report::{PassError, PassReport, Told};

use super::import::Ledger;
use super::pack;
use super::serve::lock_of;
use super::subscription::Subscription;
use crate::host::lock::FileLock;
use crate::sandbox::StopToken;
use crate::store::space;
use asking::{Unseen, Waiting, Waits};
use pass::Pass;
use store::{Pace, RowStore, Standing};

/// A source that is to be asked.
pub struct Ask<'a> {
    /// What it is given.
    pub subscription: &'a Subscription,
    /// Its provider.
    pub provider: &'a SourceDescriptor,
    /// How it is asked.
    pub pull: PullSource,
    /// What stands in its trace directory.
    pub ledger: &'a dyn Ledger,
    /// Traces that ended before are not wanted.
    pub since: Option<Timestamp>,
    /// How many new and updated traces are given out at most.
    pub limit: Option<u64>,
    /// Whether nothing is to be kept.
    pub is_dry: bool,
    /// Whether it is to say first how much there is.
    pub is_estimated: bool,
    /// When to end.
    pub stop: &'a StopToken,
    /// Who hears why there is a long wait.
    pub waits: Option<Waits>,
}

/// What became of a pass, and why it did not come to its end where it did not.
pub type Asked = (PassReport, Result<(), PassError>);

/// One pass over a source. The report says how far it came, whatever ended it.
///
/// # Errors
///
/// Why it could not begin.
pub fn ask(ask: &Ask<'_>, told: &mut dyn FnMut(Told<'_>)) -> Result<Asked, PassError> {
    let subscription = ask.subscription;
    let taken = || PassError::Taken {
        name: subscription.source.name.clone(),
    };
    // Whoever keeps nothing gets in nobody's way.
    let _lock = match ask.is_dry {
        true => None,
        false => Some(FileLock::take(&lock_of(&subscription.spool))?.ok_or_else(taken)?),
    };
    let standing = RowStore::look(&subscription.spool)
        .ok()
        .flatten()
        .and_then(|store| store.standing().ok())
        .unwrap_or_default();
    let options = ask.provider.options;
    let asked = asking::asked(subscription, options, &ask.pull)?;
    let begin = Begin::of(&standing, ask.since, asked.as_deref());
    let stop = Waiting::told(ask.stop, ask.waits.clone());
    let opened = asking::open(subscription, options, &ask.pull, begin.floor, stop)?;
    match opened {
        Opened::Rows(mut rows) => {
            let done = ask_rows(ask, begin, asked.as_deref(), rows.as_mut(), told);
            if !ask.is_dry && is_broken(&done) {
                // Broken further in than where it is opened: the next pass begins with an empty one.
                told(Told::Anew(RowStore::set_aside(&subscription.spool)?));
            }
            done
        }
        Opened::Objects(mut objects) => stored::ask(ask, objects.as_mut(), told),
    }
}

/// Whether a pass ended at a store that is broken.
fn is_broken(asked: &Result<Asked, PassError>) -> bool {
    let (Err(error) | Ok((_, Err(error)))) = asked else {
        return false;
    };
    matches!(error, PassError::Store(error) if error.is_broken())
}

/// Where a pass begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Begin {
    /// What is older is never asked for.
    floor: Option<Timestamp>,
    /// What is older is not wanted now.
    since: Option<Timestamp>,
    /// Whether it begins at nothing, though it was asked before.
    is_anew: bool,
    /// Whether that is because something else was asked.
    is_other: bool,
}

impl Begin {
    /// What was said when a source was first asked holds: its cursor is behind that. Whoever says an
    /// earlier time begins anew; whoever says a later one leaves out for now. A cursor of something else
    /// says nothing of what is asked now.
    fn of(standing: &Standing, said: Option<Timestamp>, asked: Option<&str>) -> Self {
        let is_first = standing.cursor.is_null();
        let is_earlier = match (said, standing.since) {
            (Some(said), Some(floor)) => said < floor,
            _ => false,
        };
        let is_other = match (asked, standing.asked.as_deref()) {
            (Some(asked), Some(before)) => !is_first && asked != before,
            _ => false,
        };
        let is_anew = is_earlier || is_other;
        Self {
            floor: if is_first || is_anew {
                said.or(standing.since)
            } else {
                standing.since
            },
            since: said,
            is_anew,
            is_other,
        }
    }
}

fn ask_rows(
    ask: &Ask<'_>,
    begin: Begin,
    asked: Option<&str>,
    rows: &mut dyn Rows,
    told: &mut dyn FnMut(Told<'_>),
) -> Result<Asked, PassError> {
    let subscription = ask.subscription;
    let folder;
    let mut store = if ask.is_dry {
        folder = tempfile::tempdir().map_err(PassError::Temporary)?;
        RowStore::copied(&subscription.spool, folder.path())?
    } else {
        match RowStore::open(&subscription.spool) {
            Err(error) if error.is_broken() => {
                told(Told::Anew(RowStore::set_aside(&subscription.spool)?));
                RowStore::open(&subscription.spool)?
            }
            opened => opened?,
        }
    };
    let clock = subscription.clock.as_ref();
    let is_resumed = store.standing()?.is_broken_off() && !begin.is_anew;
    store.begin(begin.floor, asked, begin.is_anew, clock.now())?;
    let unseen = Unseen::of(subscription);
    if ask.is_estimated {
        // Whoever cannot say how much there is may still give it.
        let cursor = store.standing()?.cursor;
        if let Ok(Some(estimate)) = rows.estimate(&cursor) {
            told(Told::Estimate(estimate));
        }
    }
    let options = &subscription.source.options;
    let usual = Pace::default();
    let pass = Pass {
        name: &subscription.source.name,
        provider: ask.provider.name,
        directory: &subscription.source.trace_dir,
        spool: &subscription.spool,
        room: &space::of,
        unseen: &unseen,
        ledger: ask.ledger,
        clock,
        stop: ask.stop,
        pace: Pace {
            settle: options.duration("settle").unwrap_or(usual.settle),
            keep: options.duration("keep").unwrap_or(usual.keep),
            ..usual
        },
        floor: begin.floor,
        since: begin.since,
        limit: ask.limit,
        most_held: pack::MOST_HELD,
        is_dry: ask.is_dry,
        is_resumed,
    };
    let (mut report, ended) = pass.run(&mut store, rows, told);
    if begin.is_other {
        let note =
            "its options ask for something else than before, so it is asked from its beginning";
        report
            .diagnostics
            .insert(0, Diagnostic::note("pull/anew", note));
    }
    Ok((report, ended))
}

#[cfg(test)]
mod begin {
    use serde_json::{Value, json};

    use super::*;

    #[test]
    fn what_was_first_said_holds_until_an_earlier_time_is_said() {
        let time = |day: &str| -> Option<Timestamp> {
            Some(format!("2026-01-{day}T00:00:00Z").parse().expect("a time"))
        };
        let standing = |cursor: Value, since| Standing {
            cursor,
            since,
            asked: Some("one".to_owned()),
            ..Standing::default()
        };
        let begin = |floor, since, is_anew| Begin {
            floor,
            since,
            is_anew,
            is_other: false,
        };
        let of = |standing: &Standing, said| Begin::of(standing, said, Some("one"));
        let first = standing(Value::Null, None);
        assert_eq!(of(&first, None), begin(None, None, false));
        assert_eq!(of(&first, time("10")), begin(time("10"), time("10"), false));
        let later = standing(json!(7), time("10"));
        assert_eq!(of(&later, None), begin(time("10"), None, false));
        assert_eq!(of(&later, time("20")), begin(time("10"), time("20"), false));
        assert_eq!(of(&later, time("05")), begin(time("05"), time("05"), true));
        let all = standing(json!(7), None);
        assert_eq!(of(&all, time("10")), begin(None, time("10"), false));
    }

    #[test]
    fn a_cursor_is_of_what_was_asked() {
        let standing = |cursor: Value, asked: Option<&str>| Standing {
            cursor,
            asked: asked.map(str::to_owned),
            ..Standing::default()
        };
        for (cursor, before, now, is_other) in [
            (json!(7), Some("one"), Some("one"), false),
            (json!(7), Some("one"), Some("two"), true),
            // An older archal did not note it.
            (json!(7), None, Some("two"), false),
            (json!(7), Some("one"), None, false),
            (Value::Null, Some("one"), Some("two"), false),
        ] {
            let begin = Begin::of(&standing(cursor, before), None, now);
            assert_eq!((begin.is_anew, begin.is_other), (is_other, is_other));
        }
    }
}
