//! What a watched trace directory costs: the first walk, a walk that finds nothing new, the
//! memory for it, and how long after a rename into place the file is told.
//!
//! `cargo bench --bench scan`, with `-- --large` for a million files. What was looked at is kept
//! in SQLite, as the program keeps it.
#![expect(clippy::print_stdout, reason = "the figures are the result")]

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use archal::ingest::watch::{DirectoryWatch, Event, Health, Known, Settings, Sink, Stamp};
use archal_core::clock::{Clock, Timestamp};
use rusqlite::{Connection, OptionalExtension, params};

/// Files in each folder.
const IN_FOLDER: u32 = 10_000;
/// Renames whose delay is taken.
const RENAMES: u32 = 500;
/// How long anything is waited for.
const DEADLINE: Duration = Duration::from_secs(600);

fn main() {
    let is_large = std::env::args().any(|argument| argument == "--large");
    let files = if is_large { 1_000_000 } else { 20_000 };
    let home = tempfile::tempdir().expect("temporary folder");
    let root = home.path().join("traces");
    let begun = Instant::now();
    make(&root, files);
    println!(
        "{files} files made in {:.1} s",
        begun.elapsed().as_secs_f64()
    );

    let before = resident("VmRSS");
    let database = Arc::new(Database::new(&home.path().join("state.db")));
    let (sender, events) = channel();
    let keeper = Arc::clone(&database);
    let sink: Sink = Box::new(move |event| match event {
        Event::Look { path, stamp, .. } if is_new(&path) => {
            sender.send((Instant::now(), Event::Gone { path })).is_ok() && stamp.size > 0
        }
        Event::Look { path, stamp, .. } => {
            keeper.put(&path, stamp);
            true
        }
        other => sender.send((Instant::now(), other)).is_ok(),
    });
    let begun = Instant::now();
    let watch = DirectoryWatch::start(
        &root,
        |_| true,
        Arc::clone(&database) as Arc<dyn Known>,
        Settings::default(),
        Arc::new(RealClock(begun)),
        sink,
    )
    .expect("started");
    let (armed, health) = next(&events);
    assert_eq!(health, Event::Health(Health::Events));
    println!("armed after      {:8.1} ms", millis(armed - begun));
    scanned("first walk", &events, files);
    for _ in 0..2 {
        watch.rescan();
        scanned("nothing new", &events, files);
    }
    println!(
        "memory           {:8.1} MB more than at start, {:.1} MB at most",
        (resident("VmRSS") - before) / 1024.0,
        resident("VmHWM") / 1024.0
    );
    told(&root, &home.path().join("outside"), &events, "told, idle");
    watch.rescan();
    told(
        &root,
        &home.path().join("outside"),
        &events,
        "told, in a walk",
    );
    watch.stop();
}

const NEW: &str = "new-";

fn is_new(path: &Path) -> bool {
    path.file_name()
        .is_some_and(|name| name.as_encoded_bytes().starts_with(NEW.as_bytes()))
}

/// Files of one byte that take no block.
fn make(root: &Path, files: u32) {
    for number in 0..files {
        let folder = root.join(format!("{:04}", number / IN_FOLDER));
        if number % IN_FOLDER == 0 {
            fs::create_dir_all(&folder).expect("new");
        }
        let file = File::create(folder.join(format!("trace-{number:08}.json"))).expect("new");
        file.set_len(1).expect("a hole");
    }
}

fn next(events: &Receiver<(Instant, Event)>) -> (Instant, Event) {
    events.recv_timeout(DEADLINE).expect("told")
}

fn scanned(what: &str, events: &Receiver<(Instant, Event)>, expected: u32) {
    loop {
        if let (_, Event::Scanned { files, took, .. }) = next(events) {
            assert_eq!(files, u64::from(expected));
            println!("{what:16} {:8.1} ms", millis(took));
            return;
        }
    }
}

/// Renames files into place one after the other and shows how long after it each was told.
fn told(root: &Path, outside: &Path, events: &Receiver<(Instant, Event)>, what: &str) {
    let mut delays = Vec::new();
    for number in 0..RENAMES {
        fs::write(outside, "{}").expect("written");
        let path = root.join(format!("0000/{NEW}{what}-{number}.json"));
        let begun = Instant::now();
        fs::rename(outside, &path).expect("moved");
        loop {
            if let (at, Event::Gone { path: told }) = next(events)
                && told == path
            {
                delays.push(at - begun);
                break;
            }
        }
    }
    delays.sort();
    let at = |share: f64| {
        let place = (delays.len() as f64 * share) as usize;
        millis(delays[place.min(delays.len() - 1)])
    };
    println!(
        "{what:16} {:8.3} ms median, {:.3} ms p99",
        at(0.5),
        at(0.99)
    );
}

fn millis(time: Duration) -> f64 {
    time.as_secs_f64() * 1000.0
}

/// Memory of this process in KB.
fn resident(field: &str) -> f64 {
    let status = fs::read_to_string("/proc/self/status").expect("Linux");
    status
        .lines()
        .find_map(|line| line.strip_prefix(field)?.strip_prefix(':'))
        .and_then(|value| value.trim().trim_end_matches(" kB").parse().ok())
        .expect("a number")
}

struct RealClock(Instant);

impl Clock for RealClock {
    fn now(&self) -> Timestamp {
        Timestamp::UNIX_EPOCH
    }

    fn monotonic(&self) -> Duration {
        self.0.elapsed()
    }
}

/// What was looked at. One transaction holds it all: how it is committed is not measured here.
struct Database(Mutex<Connection>);

impl Database {
    fn new(path: &Path) -> Self {
        let connection = Connection::open(path).expect("new");
        connection
            .execute_batch(
                "PRAGMA journal_mode = WAL; PRAGMA synchronous = OFF;
                 CREATE TABLE file (path BLOB PRIMARY KEY, device, inode, size, modified) WITHOUT ROWID;
                 BEGIN",
            )
            .expect("new");
        Self(Mutex::new(connection))
    }

    fn put(&self, path: &Path, stamp: Stamp) {
        let connection = self.0.lock().expect("whole");
        connection
            .prepare_cached("INSERT OR REPLACE INTO file VALUES (?, ?, ?, ?, ?)")
            .and_then(|mut put| {
                put.execute(params![
                    path.as_os_str().as_encoded_bytes(),
                    stamp.device.cast_signed(),
                    stamp.inode.cast_signed(),
                    stamp.size.cast_signed(),
                    stamp.modified_ns
                ])
            })
            .expect("put");
    }
}

impl Known for Database {
    fn stamp(&self, path: &Path) -> Option<Stamp> {
        let connection = self.0.lock().expect("whole");
        let mut get = connection
            .prepare_cached("SELECT device, inode, size, modified FROM file WHERE path = ?")
            .expect("valid");
        get.query_row([path.as_os_str().as_encoded_bytes()], |row| {
            Ok(Stamp {
                device: row.get::<_, i64>(0)?.cast_unsigned(),
                inode: row.get::<_, i64>(1)?.cast_unsigned(),
                size: row.get::<_, i64>(2)?.cast_unsigned(),
                modified_ns: row.get(3)?,
            })
        })
        .optional()
        .expect("answered")
    }

    fn count(&self) -> u64 {
        let connection = self.0.lock().expect("whole");
        connection
            .query_row("SELECT count(*) FROM file", [], |row| row.get::<_, i64>(0))
            .expect("answered")
            .cast_unsigned()
    }

    fn after(&self, _path: Option<&Path>, _most: usize) -> Vec<PathBuf> {
        unreachable!("no file is removed")
    }
}
