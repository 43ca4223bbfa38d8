//! The process table of the system, as it is at the moment of looking.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

/// One process.
#[derive(Debug)]
pub(super) struct Process {
    /// Its id.
    pub(super) id: i32,
    /// The id of its parent.
    pub(super) parent: i32,
    /// The id of its session.
    pub(super) session: i32,
    /// How many threads it has.
    pub(super) threads: u64,
    /// The name of its program, as far as the kernel keeps it.
    pub(super) name: String,
    /// Whether it runs: one that has ended waits for its parent to hear of it.
    pub(super) lives: bool,
}

/// All processes that can be seen.
pub(super) fn all() -> impl Iterator<Item = Process> {
    fs::read_dir("/proc")
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|entry| {
            let id: i32 = entry.file_name().to_str()?.parse().ok()?;
            let stat = fs::read_to_string(entry.path().join("stat")).ok()?;
            parse(id, &stat)
        })
}

/// From the line of `/proc/<id>/stat`, in which the program's name may hold anything.
fn parse(id: i32, stat: &str) -> Option<Process> {
    let end = stat.rfind(')')?;
    let name = stat.get(stat.find('(')? + 1..end)?.to_owned();
    let fields: Vec<&str> = stat[end + 1..].split_whitespace().collect();
    Some(Process {
        id,
        parent: fields.get(1)?.parse().ok()?,
        session: fields.get(3)?.parse().ok()?,
        threads: fields.get(17)?.parse().ok()?,
        lives: !matches!(*fields.first()?, "Z" | "X"),
        name,
    })
}

/// The ids of all descendants of some processes, without these.
pub(super) fn descendants(table: &[Process], of: impl IntoIterator<Item = i32>) -> BTreeSet<i32> {
    let mut children: BTreeMap<i32, Vec<i32>> = BTreeMap::new();
    for process in table {
        children.entry(process.parent).or_default().push(process.id);
    }
    let mut found = BTreeSet::new();
    let mut open: Vec<i32> = of.into_iter().collect();
    while let Some(parent) = open.pop() {
        for child in children.get(&parent).into_iter().flatten() {
            if found.insert(*child) {
                open.push(*child);
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_is_read_whatever_its_name() {
        let rest = "S 7 12 11 0 -1 4194560 1 0 0 0 0 0 0 0 20 0 3 0 99 0 0";
        let process = parse(12, &format!("12 (a) R 1 (b)) {rest}")).expect("a process");
        assert_eq!((process.id, process.parent), (12, 7));
        assert_eq!((process.session, process.threads), (11, 3));
        assert_eq!((process.name.as_str(), process.lives), ("a) R 1 (b)", true));
        assert!(parse(12, "12 (a) S 7").is_none());
        assert!(parse(12, "").is_none());
    }

    #[test]
    fn descendants_are_found_through_every_generation() {
        let process = |id, parent| Process {
            id,
            parent,
            session: 1,
            threads: 1,
            name: String::new(),
            lives: true,
        };
        let table = [process(5, 4), process(4, 2), process(3, 1), process(2, 1)];
        assert_eq!(descendants(&table, [2]), BTreeSet::from([4, 5]));
        assert_eq!(descendants(&table, [5]), BTreeSet::new());
    }
}
