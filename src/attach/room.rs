//! Whether the disk has room for more: on a low one nothing is taken in until it has.

use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::store::space::{Space, SpaceError};

/// Between two looks at the disk.
const LOOK: Duration = Duration::from_secs(1);

/// Asks a file system how much room it has.
pub(super) type Ask = fn(&Path) -> Result<Space, SpaceError>;

/// The disk of a state folder, as it was looked at last.
#[derive(Debug)]
pub(super) struct Room {
    folder: PathBuf,
    ask: Ask,
    asked_at: Option<Duration>,
    low: Option<Space>,
}

impl Room {
    /// The disk of a folder, not looked at yet.
    pub(super) fn of(folder: PathBuf, ask: Ask) -> Self {
        Self {
            folder,
            ask,
            asked_at: None,
            low: None,
        }
    }

    /// Looks at the disk, where the last look is a second ago, because there is something to take
    /// in. True where what [`Self::paused`] says changed from or to nothing.
    pub(super) fn look(&mut self, now: Duration) -> bool {
        let is_old = |asked_at| now.saturating_sub(asked_at) >= LOOK;
        if !self.asked_at.is_none_or(is_old) {
            return false;
        }
        self.asked_at = Some(now);
        let was_low = self.low.is_some();
        // A disk that does not say is taken to have room: writing to it says more.
        self.low = (self.ask)(&self.folder).ok().filter(|space| space.is_low());
        was_low != self.low.is_some()
    }

    /// Why nothing is taken in; none where there is room.
    pub(super) fn paused(&self) -> Option<String> {
        let space = self.low?;
        Some(format!(
            "the disk of {} is low, {space}: no file is read until there is more; archal prune removes what is old",
            self.folder.display()
        ))
    }

    /// When to look again; none where there is room.
    pub(super) fn next(&self) -> Option<Duration> {
        self.low?;
        Some(self.asked_at?.saturating_add(LOOK))
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    thread_local! {
        static FREE: Cell<u64> = const { Cell::new(0) };
        static ASKED: Cell<u32> = const { Cell::new(0) };
    }

    fn ask(_: &Path) -> Result<Space, SpaceError> {
        ASKED.set(ASKED.get() + 1);
        Ok(Space {
            free: FREE.get(),
            total: 100_000_000_000,
        })
    }

    #[test]
    fn a_low_disk_pauses_until_it_has_room_and_is_asked_once_a_second() {
        let mut room = Room::of("/state".into(), ask);
        let at = Duration::from_millis;
        FREE.set(2_000_000_000);
        assert!(!room.look(at(0)));
        assert_eq!((room.paused(), room.next()), (None, None));
        FREE.set(999_999_999);
        assert!(!room.look(at(999)), "too early to ask");
        assert_eq!(ASKED.get(), 1);
        assert!(room.look(at(1_000)));
        assert!(!room.look(at(2_000)), "still low, which was told");
        let paused = room.paused().expect("paused");
        assert!(paused.contains("/state"), "{paused}");
        assert!(paused.contains("999 MB free of 100000 MB"), "{paused}");
        assert_eq!(room.next(), Some(at(3_000)));
        FREE.set(1_000_000_000);
        assert!(room.look(at(3_000)));
        assert_eq!((room.paused(), room.next()), (None, None));
        assert_eq!(ASKED.get(), 4);
    }
}
