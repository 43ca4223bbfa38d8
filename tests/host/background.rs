//! A process in the background, as its caller, the system and a terminal see it.

use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use archal::host::background::{self, Announcer, BackgroundError, Failure, Launch, Started};
use archal::host::lock::WatcherLock;
use archal::host::record::{self, WatcherRecord, WatcherState};
use archal::sandbox::StopToken;
use archal::store::layout::Layout;
use archal_core::clock::Timestamp;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::json;

use super::{RunningClock, SOON, eventually};

/// Names the folder of the test binary's background process, and what it is to do.
const WATCHER: &str = "ARCHAL_TEST_HOST_WATCHER";
/// Names the folder in which the test binary is to start a background process.
const STARTER: &str = "ARCHAL_TEST_HOST_STARTER";

/// Not a test of its own: what runs in the background when another test starts this binary for it.
#[test]
#[expect(
    clippy::disallowed_methods,
    reason = "a driver takes its order from there"
)]
fn watcher() {
    let Ok(order) = std::env::var(WATCHER) else {
        return;
    };
    let (behaviour, folder) = order.split_once(' ').expect("an order");
    let folder = Path::new(folder);
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    background::leave_caller(&arguments);
    let announcer = Announcer::take().expect("somebody waits");
    match behaviour {
        "fail" => {
            announcer.failed(Failure {
                exit_code: 3,
                message: "no trace directory".to_owned(),
                causes: vec!["it was removed".to_owned()],
                hints: vec!["archal attach --create traces".to_owned()],
            });
            return;
        }
        "die" => panic!("the disk is on fire"),
        "dawdle" => {
            StopToken::new().wait(SOON);
            return;
        }
        _ => {}
    }
    let layout = Layout::of(folder, None);
    let lock = WatcherLock::take(&layout).expect("known").expect("free");
    let record = WatcherRecord::new(Timestamp::UNIX_EPOCH, layout.watcher_socket(), None);
    record.write(&layout, &lock).expect("written");
    assert!(announcer.ready(json!({"directory": "traces"})));
    writeln!(std::io::stdout(), "said later").expect("written");
    writeln!(std::io::stderr(), "as an error").expect("written");
    while !folder.join("stop").exists() {
        StopToken::new().wait(Duration::from_millis(5));
    }
    WatcherRecord::remove(&layout, &lock).expect("removed");
}

fn start(behaviour: &str, folder: &Path, patience: Duration) -> Result<Started, BackgroundError> {
    let order = format!("{behaviour} {}", folder.display());
    let variables = BTreeMap::from([
        (WATCHER.to_owned(), order),
        ("AGENT_KEY".to_owned(), "kept".to_owned()),
    ]);
    let arguments = ["--exact", "host::background::watcher", "--nocapture"].map(str::to_owned);
    let launch = Launch {
        binary: &std::env::current_exe().expect("this binary"),
        command: background::BACKGROUND_ARGUMENT,
        arguments: &arguments,
        variables: &variables,
        log: &log(folder),
        patience,
    };
    background::start(&launch, &RunningClock::new())
}

fn log(folder: &Path) -> PathBuf {
    Layout::of(folder, None).watcher_log()
}

/// Ends a background process when a test is over, however it ends.
struct Ends(u32);

impl Drop for Ends {
    fn drop(&mut self) {
        // It may have ended already.
        kill(Pid::from_raw(self.0.cast_signed()), Signal::SIGKILL).ok();
    }
}

#[test]
fn it_has_nothing_of_its_caller_but_the_environment() {
    let folder = tempfile::tempdir().expect("a folder");
    let started = start("work", folder.path(), SOON).expect("ready");
    let _ends = Ends(started.pid);
    assert_eq!(started.payload, json!({"directory": "traces"}));
    let layout = Layout::of(folder.path(), None);
    let WatcherState::Alive(record) = record::state(&layout).expect("known") else {
        panic!("it lives");
    };
    assert_eq!(record.pid, started.pid);

    let process = PathBuf::from(format!("/proc/{}", started.pid));
    let stat = fs::read_to_string(process.join("stat")).expect("/proc");
    let after_name = stat.rsplit(')').next().expect("a state");
    let fields: Vec<i64> = after_name
        .split_whitespace()
        .skip(1)
        .take(4)
        .map(|field| field.parse().expect("a number"))
        .collect();
    let [_parent, group, session, terminal] = fields[..] else {
        panic!("{stat}");
    };
    let own = i64::from(started.pid);
    assert_eq!((group, session, terminal), (own, own, 0));
    let link = |name: &str| fs::read_link(process.join(name)).expect("/proc");
    assert_eq!(link("cwd"), Path::new("/"));
    assert_eq!(link("fd/0"), Path::new("/dev/null"));
    for stream in ["fd/1", "fd/2"] {
        assert_eq!(
            link(stream),
            fs::canonicalize(log(folder.path())).expect("there")
        );
    }
    // The line to this test is closed right after what was said over it.
    eventually("an end of every line to its caller", || {
        let open = fs::read_dir(process.join("fd")).expect("/proc").flatten();
        // One may have been closed since it was listed.
        let mut targets = open.filter_map(|entry| fs::read_link(entry.path()).ok());
        !targets.any(|target| {
            let target = target.to_string_lossy().into_owned();
            target.starts_with("pipe:") || target.starts_with("socket:")
        })
    });
    let environment = fs::read(process.join("environ")).expect("/proc");
    let variables: Vec<&[u8]> = environment.split(|byte| *byte == 0).collect();
    assert!(variables.contains(&&b"AGENT_KEY=kept"[..]));
    let words = fs::read(process.join("cmdline")).expect("/proc");
    assert!(!String::from_utf8_lossy(&words).contains("kept"));
    let mode = fs::metadata(log(folder.path()))
        .expect("there")
        .permissions();
    assert_eq!(mode.mode() & 0o777, 0o600);

    fs::write(folder.path().join("stop"), "").expect("writable");
    eventually("its end", || {
        record::state(&layout).expect("known") == WatcherState::Absent
    });
    let said = fs::read_to_string(log(folder.path())).expect("there");
    assert!(
        said.contains("said later\n") && said.contains("as an error\n"),
        "{said}"
    );
}

#[test]
fn a_killed_one_is_known_to_be_dead_and_the_next_can_start() {
    let folder = tempfile::tempdir().expect("a folder");
    let layout = Layout::of(folder.path(), None);
    for _ in 0..2 {
        let started = start("work", folder.path(), SOON).expect("ready");
        drop(Ends(started.pid));
        eventually("its death", || {
            matches!(
                record::state(&layout).expect("known"),
                WatcherState::Dead(_)
            )
        });
    }
}

#[test]
fn why_it_could_not_begin_reaches_its_caller() {
    let folder = tempfile::tempdir().expect("a folder");
    match start("fail", folder.path(), SOON).expect_err("failed") {
        BackgroundError::Failed(failure) => {
            assert_eq!(failure.exit_code, 3);
            assert_eq!(failure.to_string(), "no trace directory");
            assert_eq!(failure.causes, ["it was removed"]);
            assert_eq!(failure.hints, ["archal attach --create traces"]);
        }
        other => panic!("{other:?}"),
    }
    fs::write(log(folder.path()), "from an earlier one\n").expect("writable");
    match start("die", folder.path(), SOON).expect_err("died") {
        BackgroundError::Died { how, said, log: at } => {
            assert_eq!(how, "status 101");
            assert!(said.contains("the disk is on fire"), "{said}");
            assert!(!said.contains("an earlier one"), "{said}");
            assert_eq!(at, log(folder.path()));
        }
        other => panic!("{other:?}"),
    }
    let error = start("dawdle", folder.path(), Duration::from_millis(200)).expect_err("slow");
    assert!(matches!(error, BackgroundError::Slow { .. }), "{error:?}");
}

#[test]
fn what_this_binary_makes_of_the_argument_is_told() {
    let folder = tempfile::tempdir().expect("a folder");
    let launch = Launch {
        binary: Path::new(env!("CARGO_BIN_EXE_archal")),
        command: background::BACKGROUND_ARGUMENT,
        arguments: &["--no-such-option".to_owned()],
        variables: &BTreeMap::new(),
        log: &log(folder.path()),
        patience: SOON,
    };
    match background::start(&launch, &RunningClock::new()).expect_err("refused") {
        BackgroundError::Died { how, said, .. } => {
            assert_eq!(how, "status 2");
            assert!(said.contains("error: "), "{said}");
        }
        other => panic!("{other:?}"),
    }
    let missing = Launch {
        binary: Path::new("/no/such/archal"),
        command: background::BACKGROUND_ARGUMENT,
        ..launch
    };
    let error = background::start(&missing, &RunningClock::new()).expect_err("refused");
    assert!(matches!(error, BackgroundError::Start { .. }), "{error:?}");
}

/// Not a test of its own: a caller that starts a process in the background and ends.
#[test]
#[expect(
    clippy::disallowed_methods,
    reason = "a driver takes its order from there"
)]
fn starter() {
    let Ok(folder) = std::env::var(STARTER) else {
        return;
    };
    let started = start("work", Path::new(&folder), SOON).expect("ready");
    writeln!(std::io::stdout(), "<{}>", started.pid).expect("written");
}

#[test]
fn a_script_that_reads_from_its_caller_comes_to_an_end() {
    let folder = tempfile::tempdir().expect("a folder");
    // A shell that hands its pipe on as a ninth descriptor, too, as careless scripts do.
    let mut shell = Command::new("sh")
        .args([
            "-c",
            "exec 9>&1; \"$0\" --exact host::background::starter --nocapture",
        ])
        .arg(std::env::current_exe().expect("this binary"))
        .env(STARTER, folder.path())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("a shell");
    let mut stdout = shell.stdout.take().expect("a pipe");
    let (send, read) = std::sync::mpsc::channel();
    let reader = std::thread::spawn(move || {
        let mut text = String::new();
        std::io::Read::read_to_string(&mut stdout, &mut text).expect("text");
        send.send(text).expect("a listener");
    });
    assert!(shell.wait().expect("ended").success());
    let layout = Layout::of(folder.path(), None);
    let recorded = WatcherRecord::read(&layout)
        .expect("readable")
        .expect("there");
    let _ends = Ends(recorded.pid);
    let text = read
        .recv_timeout(SOON)
        .expect("the pipe ends with the caller");
    reader.join().expect("no panic");
    assert!(text.contains(&format!("<{}>", recorded.pid)), "{text}");
    let state = record::state(&layout).expect("known");
    assert!(matches!(state, WatcherState::Alive(_)), "{state:?}");
}
