//! A watched directory for real: whatever happens in it is told.

mod acts;
mod roots;

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::Write;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel, sync_channel};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use archal::ingest::folder;
use archal::ingest::watch::{DirectoryWatch, Event, Health, Known, Settings, Sink, Stamp, Why};
use archal_core::clock::{Clock, Timestamp};
use tempfile::TempDir;

use super::SOURCE;

/// How long a test waits for what must come.
const DEADLINE: Duration = Duration::from_secs(20);

/// Pauses that end in no test: what is told is told by events.
pub(crate) const BY_EVENTS: Settings = Settings {
    poll: Duration::from_hours(1),
    force_poll: false,
    most_wakeups: 16_384,
    growth: Duration::from_millis(20),
};
const BY_WALKS: Settings = Settings {
    poll: Duration::from_millis(10),
    force_poll: true,
    ..BY_EVENTS
};

struct RealClock(Instant);

impl Clock for RealClock {
    fn now(&self) -> Timestamp {
        Timestamp::UNIX_EPOCH
    }

    fn monotonic(&self) -> Duration {
        self.0.elapsed()
    }
}

pub(crate) fn clock() -> Arc<dyn Clock> {
    Arc::new(RealClock(Instant::now()))
}

/// What was told, as somebody would keep it who reads each file at once.
#[derive(Default)]
struct Ledger(Mutex<BTreeMap<PathBuf, Stamp>>);

impl Ledger {
    fn take(&self, event: &Event) {
        if let Event::Look { path, .. } | Event::Gone { path } = event {
            let mut files = self.0.lock().expect("whole");
            match Stamp::read(path) {
                Ok(stamp) if stamp.size > 0 => files.insert(path.clone(), stamp),
                _ => files.remove(path),
            };
        }
    }

    fn files(&self) -> BTreeMap<PathBuf, Stamp> {
        self.0.lock().expect("whole").clone()
    }
}

impl Known for Ledger {
    fn stamp(&self, path: &Path) -> Option<Stamp> {
        self.0.lock().expect("whole").get(path).copied()
    }

    fn count(&self) -> u64 {
        self.0.lock().expect("whole").len() as u64
    }

    fn after(&self, path: Option<&Path>, most: usize) -> Vec<PathBuf> {
        let files = self.0.lock().expect("whole");
        files
            .keys()
            .filter(|other| path.is_none_or(|path| other.as_path() > path))
            .take(most)
            .cloned()
            .collect()
    }
}

/// A directory in a temporary folder, and who watches it.
pub(crate) struct Watched {
    ledger: Arc<Ledger>,
    events: Receiver<Event>,
    watch: DirectoryWatch,
    root: PathBuf,
    home: TempDir,
}

impl Watched {
    pub(crate) fn new(settings: Settings) -> Self {
        let home = tempfile::tempdir().expect("temporary folder");
        let root = home.path().join("above/traces");
        fs::create_dir_all(&root).expect("new");
        Self::of(home, root, settings)
    }

    pub(crate) fn of(home: TempDir, root: PathBuf, settings: Settings) -> Self {
        let ledger = Arc::new(Ledger::default());
        let (sender, events) = channel();
        let keeper = Arc::clone(&ledger);
        let sink: Sink = Box::new(move |event| {
            keeper.take(&event);
            sender.send(event).is_ok()
        });
        let known: Arc<dyn Known> = Arc::clone(&ledger) as Arc<dyn Known>;
        let watch = DirectoryWatch::start(&root, SOURCE.accepts, known, settings, clock(), sink)
            .expect("started");
        Self {
            ledger,
            events,
            watch,
            root,
            home,
        }
    }

    /// The same, after the first walk.
    pub(crate) fn settled(settings: Settings) -> Self {
        let watched = Self::new(settings);
        watched.until_scanned();
        watched
    }

    pub(crate) fn at(&self, name: &str) -> PathBuf {
        self.root.join(name)
    }

    /// A file beside the directory, to be moved into it.
    fn outside(&self, text: &str) -> PathBuf {
        let path = self.home.path().join("outside");
        fs::write(&path, text).expect("writable");
        path
    }

    /// What is told until `is_it` is, that too.
    #[track_caller]
    pub(crate) fn until(&self, is_it: impl Fn(&Event) -> bool) -> Vec<Event> {
        let begun = Instant::now();
        let mut told = Vec::new();
        while let Ok(event) = self.events.recv_timeout(DEADLINE) {
            let is_last = is_it(&event);
            told.push(event);
            if is_last {
                return told;
            }
            assert!(begun.elapsed() < DEADLINE, "only {told:?}");
        }
        panic!("only {told:?}");
    }

    #[track_caller]
    pub(crate) fn until_scanned(&self) -> Vec<Event> {
        self.until(|event| matches!(event, Event::Scanned { .. }))
    }

    #[track_caller]
    fn until_healthy(&self) {
        self.until(|event| *event == Event::Health(Health::Events));
    }

    /// Why `path` is told next.
    #[track_caller]
    pub(crate) fn look(&self, path: &Path) -> Why {
        let told =
            self.until(|event| matches!(event, Event::Look { path: told, .. } if told == path));
        match told.last() {
            Some(Event::Look { why, stamp, .. }) => {
                assert!(stamp.size > 0);
                *why
            }
            other => panic!("{other:?}"),
        }
    }

    #[track_caller]
    fn gone(&self, gone: &Path) {
        self.until(|event| matches!(event, Event::Gone { path } if path == gone));
    }

    /// A walk that began after this call has ended.
    #[track_caller]
    pub(crate) fn rescan(&self) -> Vec<Event> {
        let asked = self.watch.rescan();
        self.until(|event| matches!(event, Event::Scanned { request, .. } if *request >= asked))
    }

    /// What was told is what lies there.
    #[track_caller]
    pub(crate) fn is_complete(&self) {
        let scan = folder::scan(SOURCE, &self.root).expect("readable");
        let there: BTreeMap<PathBuf, Stamp> = scan
            .files
            .into_iter()
            .map(|path| {
                let stamp = Stamp::read(&path).expect("there");
                (path, stamp)
            })
            .collect();
        assert_eq!(self.ledger.files(), there);
    }
}

#[test]
fn the_first_walk_tells_all_that_was_there() {
    let home = tempfile::tempdir().expect("temporary folder");
    let root = home.path().to_owned();
    fs::create_dir_all(root.join("a/b/c/d")).expect("new");
    for name in [
        "2.json",
        "1.jsonl",
        "a/b/c/3.json",
        "a/b/c/d/deep.json",
        "note.json.swp",
        ".h.json",
    ] {
        fs::write(root.join(name), "{}").expect("writable");
    }
    let watched = Watched::of(home, root, BY_EVENTS);
    let told = watched.until_scanned();
    assert_eq!(told.first(), Some(&Event::Health(Health::Events)));
    let looks: Vec<(PathBuf, Why)> = told
        .iter()
        .filter_map(|event| match event {
            Event::Look { path, why, .. } => Some((path.clone(), *why)),
            _ => None,
        })
        .collect();
    let expected =
        ["1.jsonl", "2.json", "a/b/c/3.json"].map(|name| (watched.at(name), Why::Arrived));
    assert_eq!(looks, expected);
    match told.last() {
        Some(Event::Scanned {
            files, diagnostics, ..
        }) => {
            assert_eq!((*files, diagnostics.as_slice()), (3, &[][..]));
        }
        other => panic!("{other:?}"),
    }
    watched.is_complete();
}

#[test]
fn each_way_to_write_a_file_is_told_by_events() {
    every_way_to_write(&Watched::settled(BY_EVENTS));
}

#[test]
fn a_whole_file_that_is_linked_or_closed_is_not_taken_for_one_that_grows() {
    let watched = Watched::settled(Settings {
        growth: Duration::from_hours(1),
        ..BY_EVENTS
    });
    fs::hard_link(watched.outside("{}"), watched.at("linked.json")).expect("linked");
    assert_eq!(watched.look(&watched.at("linked.json")), Why::Arrived);
    fs::write(watched.at("closed.json"), "{}").expect("written");
    assert_eq!(watched.look(&watched.at("closed.json")), Why::Arrived);
}

#[test]
fn each_way_to_write_a_file_is_told_by_walks() {
    let watched = Watched::new(BY_WALKS);
    let told = watched.until_scanned();
    match told.first() {
        Some(Event::Health(Health::Polling {
            reason,
            advice: None,
        })) => {
            assert_eq!(reason, "events are switched off");
        }
        other => panic!("{other:?}"),
    }
    every_way_to_write(&watched);
}

fn every_way_to_write(watched: &Watched) {
    let at = |name: &str| watched.at(name);
    // Renamed into place, and in the place of another one.
    for why in [Why::Arrived, Why::Changed] {
        fs::rename(watched.outside("{}"), at("renamed.json")).expect("moved");
        assert_eq!(watched.look(&at("renamed.json")), why);
    }
    // Written and closed, and written again.
    fs::write(at("closed.json"), "{}").expect("written");
    assert_eq!(watched.look(&at("closed.json")), Why::Arrived);
    // Appended to: a walk may also see the moment in which a file that is cut is empty, and is right to say it is gone.
    let mut again = File::options()
        .append(true)
        .open(at("closed.json"))
        .expect("there");
    again.write_all(b" ").expect("written");
    drop(again);
    assert_eq!(watched.look(&at("closed.json")), Why::Changed);
    // Linked.
    fs::hard_link(watched.outside("{}"), at("linked.json")).expect("linked");
    assert_eq!(watched.look(&at("linked.json")), Why::Arrived);
    // Never closed, and growing.
    let mut open = File::create(at("open.jsonl")).expect("new");
    open.write_all(b"{}\n").expect("written");
    assert_eq!(watched.look(&at("open.jsonl")), Why::Arrived);
    open.write_all(b"{}\n").expect("written");
    assert_eq!(watched.look(&at("open.jsonl")), Why::Changed);
    // Deleted, emptied, moved away.
    fs::remove_file(at("closed.json")).expect("there");
    watched.gone(&at("closed.json"));
    File::create(at("linked.json")).expect("there");
    watched.gone(&at("linked.json"));
    fs::rename(at("renamed.json"), watched.home.path().join("away")).expect("moved");
    watched.gone(&at("renamed.json"));
    watched.is_complete();
}

#[test]
fn what_is_no_file_of_the_directory_is_never_told() {
    let watched = Watched::settled(BY_EVENTS);
    let at = |name: &str| watched.at(name);
    let secret = watched.outside("{}");
    let pipe = at("pipe.json");
    nix::unistd::mkfifo(&pipe, nix::sys::stat::Mode::S_IRWXU).expect("made");
    symlink(&secret, at("out.json")).expect("linked");
    symlink("/dev/zero", at("device.json")).expect("linked");
    symlink(at("nowhere"), at("dangling.json")).expect("linked");
    symlink(watched.home.path(), at("folder.json")).expect("linked");
    fs::create_dir(at("folder-2.json")).expect("new");
    fs::create_dir(at(".hidden")).expect("new");
    for name in [
        "part.json.tmp",
        "x.json~",
        ".dot.json",
        "note.json.swp",
        ".hidden/x.json",
        "empty.json",
    ] {
        fs::write(at(name), if name == "empty.json" { "" } else { "{}" }).expect("written");
    }
    symlink(at("last.json"), at("inside.json")).expect("linked");
    fs::write(at("last.json"), "{}").expect("written");
    let told: Vec<Event> = [
        watched.until(|event| matches!(event, Event::Look { .. })),
        watched.rescan(),
    ]
    .concat();
    let mut names: Vec<&OsStr> = told
        .iter()
        .filter_map(|event| match event {
            Event::Look { path, .. } | Event::Gone { path } => path.file_name(),
            _ => None,
        })
        .collect();
    names.sort();
    names.dedup();
    assert_eq!(names, ["inside.json", "last.json"]);
    watched.is_complete();
}

#[test]
fn names_that_are_no_text_are_names() {
    let watched = Watched::settled(BY_EVENTS);
    let folder = watched.root.join(OsStr::from_bytes(b"f\xff"));
    fs::create_dir(&folder).expect("new");
    let path = folder.join(OsStr::from_bytes(b"a\xfe.json"));
    fs::write(&path, "{}").expect("written");
    assert_eq!(watched.look(&path), Why::Arrived);
    watched.rescan();
    watched.is_complete();
}

#[test]
fn folders_made_later_are_watched_and_what_was_in_them_first_is_told() {
    let watched = Watched::settled(BY_EVENTS);
    for round in 0..20 {
        let top = format!("top-{round}");
        let deep = watched.at(&top).join("b/c");
        fs::create_dir_all(deep.join("d")).expect("new");
        fs::write(deep.join("d/too-deep.json"), "{}").expect("written");
        let early = deep.join("early.json");
        fs::write(&early, "{}").expect("written");
        watched.look(&early);
        let later = deep.join("later.json");
        fs::rename(watched.outside("{}"), &later).expect("moved");
        watched.look(&later);
    }
    // One that was filled elsewhere.
    let filled = watched.home.path().join("filled");
    fs::create_dir_all(filled.join("b")).expect("new");
    fs::write(filled.join("b/x.json"), "{}").expect("written");
    fs::rename(&filled, watched.at("filled")).expect("moved");
    watched.look(&watched.at("filled/b/x.json"));
    // And away, and another one in its place.
    fs::rename(watched.at("filled"), &filled).expect("moved");
    watched.gone(&watched.at("filled/b/x.json"));
    fs::create_dir_all(watched.at("filled/b")).expect("new");
    fs::write(watched.at("filled/b/y.json"), "{}").expect("written");
    watched.look(&watched.at("filled/b/y.json"));
    fs::write(watched.at("filled/b/z.json"), "{}").expect("written");
    watched.look(&watched.at("filled/b/z.json"));
    watched.rescan();
    watched.is_complete();
}

#[test]
fn an_event_is_told_while_a_walk_is_held_back() {
    let home = tempfile::tempdir().expect("temporary folder");
    for number in 0..10 {
        fs::write(home.path().join(format!("old-{number}.json")), "{}").expect("written");
    }
    fs::create_dir(home.path().join("z")).expect("new");
    let (held, is_held) = channel();
    let (release, released) = channel::<()>();
    let released = Mutex::new(released);
    let (sender, events) = channel();
    let sink: Sink = Box::new(move |event| {
        if let Event::Look { path, .. } = &event
            && path.ends_with("old-0.json")
        {
            held.send(()).expect("the test listens");
            released.lock().expect("whole").recv().expect("released");
        }
        sender.send(event).is_ok()
    });
    let known = Arc::new(Ledger::default());
    let root = home.path();
    let watch = DirectoryWatch::start(root, SOURCE.accepts, known, BY_EVENTS, clock(), sink)
        .expect("started");
    is_held.recv_timeout(DEADLINE).expect("the walk began");
    // The walk has not come by that folder.
    fs::write(root.join("z/new.json"), "{}").expect("written");
    let next = || events.recv_timeout(DEADLINE).expect("told");
    assert_eq!(next(), Event::Health(Health::Events));
    assert!(matches!(next(), Event::Look { path, .. } if path.ends_with("new.json")));
    release.send(()).expect("the walk waits");
    assert!(matches!(next(), Event::Look { path, .. } if path.ends_with("old-0.json")));
    watch.stop();
}

#[test]
fn more_wakeups_than_fit_are_found_by_a_walk() {
    let home = tempfile::tempdir().expect("temporary folder");
    let root = home.path().to_owned();
    let ledger = Arc::new(Ledger::default());
    let keeper = Arc::clone(&ledger);
    // Nobody takes anything until all is written, so that the queue must run over.
    let (sender, events) = sync_channel(0);
    let sink: Sink = Box::new(move |event| {
        keeper.take(&event);
        sender.send(event).is_ok()
    });
    let settings = Settings {
        most_wakeups: 8,
        ..BY_EVENTS
    };
    let known: Arc<dyn Known> = Arc::clone(&ledger) as Arc<dyn Known>;
    let watch = DirectoryWatch::start(&root, SOURCE.accepts, known, settings, clock(), sink)
        .expect("started");
    let next = || events.recv_timeout(DEADLINE).expect("told");
    while !matches!(next(), Event::Scanned { .. }) {}
    for number in 0..300 {
        fs::write(root.join(format!("{number}.json")), "{}").expect("written");
    }
    let asked = loop {
        if let Event::Scanned { request, .. } = next()
            && ledger.count() == 300
        {
            break request;
        }
    };
    assert!(asked > 0, "the queue asked for it");
    watch.stop();
}

#[test]
fn where_no_wakeup_fits_walks_do_it_all() {
    let watched = Watched::settled(Settings {
        most_wakeups: 0,
        ..BY_EVENTS
    });
    let folder = watched.at("a");
    fs::create_dir(&folder).expect("new");
    watched.until_scanned();
    // No walk is due for long: the one that came by the folder asked for its events.
    fs::rename(watched.outside("{}"), folder.join("x.json")).expect("moved");
    assert_eq!(watched.look(&folder.join("x.json")), Why::Arrived);
}

#[test]
fn a_watch_ends_when_it_is_stopped_and_when_nobody_listens() {
    let home = tempfile::tempdir().expect("temporary folder");
    for is_stopped in [true, false] {
        let (sender, events) = channel();
        let sink: Sink = Box::new(move |event| sender.send(event).is_ok() && is_stopped);
        let known = Arc::new(Ledger::default());
        let watch =
            DirectoryWatch::start(home.path(), SOURCE.accepts, known, BY_EVENTS, clock(), sink)
                .expect("started");
        let mut watch = Some(watch);
        if is_stopped {
            events.recv_timeout(DEADLINE).expect("told");
            watch.take().expect("not stopped").stop();
        }
        // The sink is dropped with the last of the threads.
        loop {
            match events.recv_timeout(DEADLINE) {
                Ok(_) => {}
                Err(RecvTimeoutError::Disconnected) => break,
                Err(RecvTimeoutError::Timeout) => panic!("still there"),
            }
        }
    }
}

#[test]
fn a_relative_directory_is_refused() {
    let known = Arc::new(Ledger::default());
    let sink: Sink = Box::new(|_| true);
    let path = Path::new("traces");
    let error = DirectoryWatch::start(path, SOURCE.accepts, known, BY_EVENTS, clock(), sink)
        .err()
        .expect("refused");
    assert!(error.to_string().ends_with("absolute: traces"), "{error}");
}

#[test]
fn many_files_are_told_once() {
    const FILES: u64 = 20_000;
    let home = tempfile::tempdir().expect("temporary folder");
    for folder in 0..20 {
        let folder = home.path().join(folder.to_string());
        fs::create_dir(&folder).expect("new");
        for file in 0..FILES / 20 {
            // One content for all: links are cheaper than files.
            let path = folder.join(format!("{file}.json"));
            let first = home.path().join("0/0.json");
            if path == first {
                fs::write(path, "{}").expect("written");
            } else {
                fs::hard_link(first, path).expect("linked");
            }
        }
    }
    let root = home.path().to_owned();
    let watched = Watched::of(home, root, BY_EVENTS);
    let told = watched.until_scanned();
    assert_eq!(watched.ledger.count(), FILES);
    assert_eq!(told.len() as u64, FILES + 2, "health, each file, the end");
    let again = watched.rescan();
    assert!(
        matches!(again.as_slice(), [Event::Scanned { files: FILES, .. }]),
        "{again:?}"
    );
}
