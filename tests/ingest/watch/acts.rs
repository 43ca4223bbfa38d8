//! Any sequence of changes in a watched directory ends in what lies there.

use std::fs::{self, File};
use std::io::Write;
use std::time::{Duration, Instant};

use archal::ingest::folder;
use archal::ingest::watch::Stamp;
use proptest::prelude::*;

use super::{BY_EVENTS, BY_WALKS, DEADLINE, SOURCE, Watched};

/// What somebody does in the directory; numbers choose among folders and names.
#[derive(Debug, Clone)]
enum Act {
    Write(usize, usize),
    Append(usize, usize),
    MoveIn(usize, usize),
    MoveOut(usize, usize),
    Move(usize, usize, usize),
    Delete(usize, usize),
    Empty(usize, usize),
    HardLink(usize, usize, usize),
    MakeFolder(usize),
    RemoveFolder(usize),
    MoveFolder(usize, usize),
    ReplaceRoot,
    RemakeRoot,
}

const FOLDERS: [&str; 7] = ["", "a", "a/b", "a/b/c", "a/b/c/d", "z", ".hidden"];
const NAMES: [&str; 5] = ["1.json", "2.jsonl", "3.json.gz", ".4.json", "5.json.tmp"];

fn act() -> impl Strategy<Value = Act> {
    let folder = || 0..FOLDERS.len();
    let name = || 0..NAMES.len();
    prop_oneof![
        4 => (folder(), name()).prop_map(|(f, n)| Act::Write(f, n)),
        2 => (folder(), name()).prop_map(|(f, n)| Act::Append(f, n)),
        4 => (folder(), name()).prop_map(|(f, n)| Act::MoveIn(f, n)),
        1 => (folder(), name()).prop_map(|(f, n)| Act::MoveOut(f, n)),
        2 => (folder(), name(), folder()).prop_map(|(f, n, to)| Act::Move(f, n, to)),
        2 => (folder(), name()).prop_map(|(f, n)| Act::Delete(f, n)),
        1 => (folder(), name()).prop_map(|(f, n)| Act::Empty(f, n)),
        1 => (folder(), name(), folder()).prop_map(|(f, n, to)| Act::HardLink(f, n, to)),
        6 => folder().prop_map(Act::MakeFolder),
        1 => folder().prop_map(Act::RemoveFolder),
        1 => (folder(), folder()).prop_map(|(f, to)| Act::MoveFolder(f, to)),
        1 => Just(Act::ReplaceRoot),
        1 => Just(Act::RemakeRoot),
    ]
}

/// Does it; what cannot be done in the present state of the directory is left.
fn perform(watched: &Watched, act: &Act, number: usize) {
    let at = |folder: usize, name: usize| watched.root.join(FOLDERS[folder]).join(NAMES[name]);
    let away = || watched.home.path().join(format!("away-{number}"));
    let outcome = match *act {
        Act::Write(folder, name) => fs::write(at(folder, name), format!("{{\"n\": {number}}}")),
        Act::Append(folder, name) => File::options()
            .append(true)
            .open(at(folder, name))
            .and_then(|mut file| file.write_all(b"\n")),
        Act::MoveIn(folder, name) => fs::rename(
            watched.outside(&format!("{{\"n\": {number}}}")),
            at(folder, name),
        ),
        Act::MoveOut(folder, name) => fs::rename(at(folder, name), away()),
        Act::Move(folder, name, to) => fs::rename(at(folder, name), at(to, name)),
        Act::Delete(folder, name) => fs::remove_file(at(folder, name)),
        Act::Empty(folder, name) => File::create(at(folder, name)).map(drop),
        Act::HardLink(folder, name, to) => fs::hard_link(at(folder, name), at(to, name)),
        Act::MakeFolder(folder) => fs::create_dir_all(watched.root.join(FOLDERS[folder])),
        Act::RemoveFolder(folder) => fs::remove_dir_all(watched.root.join(FOLDERS[folder])),
        Act::MoveFolder(folder, to) => fs::rename(
            watched.root.join(FOLDERS[folder]),
            watched.root.join(FOLDERS[to]),
        ),
        Act::ReplaceRoot => {
            let other = watched.home.path().join("other");
            fs::create_dir_all(other.join("a"))
                .and_then(|()| fs::write(other.join("a/1.json"), format!("{{\"n\": {number}}}")))
                .and_then(|()| fs::rename(&watched.root, away()))
                .and_then(|()| fs::rename(other, &watched.root))
        }
        Act::RemakeRoot => {
            fs::remove_dir_all(&watched.root).and_then(|()| fs::create_dir_all(&watched.root))
        }
    };
    drop(outcome);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    /// Whatever was done: after one more walk, what was told is what lies there.
    #[test]
    fn what_is_told_is_what_is_there(
        acts in proptest::collection::vec(act(), 1..40),
        by_events in any::<bool>(),
    ) {
        let watched = Watched::new(if by_events { BY_EVENTS } else { BY_WALKS });
        for (number, act) in acts.iter().enumerate() {
            perform(&watched, act, number);
        }
        fs::create_dir_all(&watched.root).expect("there");
        watched.rescan();
        watched.is_complete();
    }

    /// Events alone find every file while the directory stays what it is. Only what is written
    /// through another name of a file does not tell by which names it changed.
    #[test]
    fn events_alone_tell_every_file(acts in proptest::collection::vec(act(), 1..40)) {
        let watched = Watched::settled(BY_EVENTS);
        let is_told = |act: &&Act| {
            !matches!(
                act,
                Act::ReplaceRoot | Act::RemakeRoot | Act::RemoveFolder(0) | Act::HardLink(..)
            )
        };
        for (number, act) in acts.iter().filter(is_told).enumerate() {
            perform(&watched, act, number);
        }
        let scan = folder::scan(SOURCE, &watched.root).expect("readable");
        let begun = Instant::now();
        let is_told = || {
            let told = watched.ledger.files();
            scan.files.iter().all(|path| told.get(path).copied() == Stamp::read(path).ok())
        };
        while !is_told() {
            prop_assert!(begun.elapsed() < DEADLINE, "{:?}", watched.ledger.files());
            // The next event, or a pause: the ledger says whether it was the last.
            drop(watched.events.recv_timeout(Duration::from_millis(100)));
        }
    }
}
