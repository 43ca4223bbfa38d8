//! The oldest of very many things, as many as make enough room.

use std::collections::BTreeMap;

use archal_core::clock::Timestamp;

use crate::attach::state::pruned::Part;

use super::plan::Unit;

/// Where a thing stands in the order in which things go: evidence before traces, then by age.
pub(super) type Place = (bool, Timestamp, String);

/// Keeps the first in that order, and never more than it was told to.
#[derive(Debug)]
pub(super) struct Oldest {
    units: BTreeMap<Place, Unit>,
    bytes: u64,
    /// How many bytes are wanted.
    wanted: u64,
    most: usize,
}

impl Oldest {
    /// Wants so many bytes, of at most so many things.
    pub(super) fn new(wanted: u64, most: usize) -> Self {
        Self {
            units: BTreeMap::new(),
            bytes: 0,
            wanted,
            most,
        }
    }

    /// Takes a thing, and lets go of the youngest ones that are not needed for it.
    pub(super) fn offer(&mut self, place: Place, unit: Unit) {
        let is_enough = self.bytes >= self.wanted || self.units.len() >= self.most;
        let last = self.units.last_key_value();
        if is_enough && last.is_some_and(|(last, _)| *last <= place) {
            return;
        }
        self.bytes += unit.bytes();
        if let Some(replaced) = self.units.insert(place, unit) {
            self.bytes -= replaced.bytes();
        }
        while let Some(last) = self.units.last_entry() {
            let without = self.bytes - last.get().bytes();
            if without < self.wanted && self.units.len() <= self.most {
                return;
            }
            self.units.pop_last();
            self.bytes = without;
        }
    }

    /// The things, the first to go first.
    pub(super) fn into_units(self) -> impl Iterator<Item = (Place, Unit)> {
        self.units.into_iter()
    }
}

/// The place of a unit.
pub(super) fn place(unit: &Unit) -> Place {
    let name = match (&unit.trace, unit.paths.first()) {
        (Some((name, _)), _) => name.clone(),
        (None, Some((path, _))) => path.to_string_lossy().into_owned(),
        (None, None) => String::new(),
    };
    (unit.part == Part::Trace, unit.changed, name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn unit(second: i64, bytes: u64) -> Unit {
        Unit {
            trace: None,
            part: Part::Runs,
            changed: Timestamp::from_second(second).expect("in range"),
            paths: vec![(format!("run-{second}").into(), bytes)],
        }
    }

    fn kept(wanted: u64, most: usize, offered: &[(i64, u64)]) -> Vec<i64> {
        let mut oldest = Oldest::new(wanted, most);
        for (second, bytes) in offered {
            let unit = unit(*second, *bytes);
            oldest.offer(place(&unit), unit);
            assert!(oldest.units.len() <= most);
        }
        oldest
            .into_units()
            .map(|((_, at, _), _)| at.as_second())
            .collect()
    }

    #[test]
    fn as_many_of_the_oldest_are_kept_as_make_enough_room_in_whatever_order_they_come() {
        let offered = [(5, 10), (1, 10), (4, 10), (2, 10), (3, 10)];
        assert_eq!(kept(25, 100, &offered), [1, 2, 3]);
        assert_eq!(kept(20, 100, &offered), [1, 2]);
        assert_eq!(kept(1_000, 100, &offered), [1, 2, 3, 4, 5]);
        assert_eq!(kept(25, 2, &offered), [1, 2], "no more than are to be held");
        assert_eq!(kept(5, 100, &[(3, 1), (2, 1), (1, 10)]), [1]);
        assert_eq!(kept(0, 100, &offered), [0; 0]);
    }
}
