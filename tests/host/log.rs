//! The log of a whole process: its events, its panics, and what else goes to its streams.

use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;

use archal::host::log::{LogError, LogFile, LogLimits};

use super::RunningClock;

/// Names the folder in which the test binary is to write a log.
const WRITER: &str = "ARCHAL_TEST_HOST_LOG";

/// Not a test of its own: logs when another test starts this binary for it.
#[test]
#[expect(
    clippy::disallowed_methods,
    reason = "a driver takes its order from there"
)]
fn writer() {
    let Ok(folder) = std::env::var(WRITER) else {
        return;
    };
    let path = Path::new(&folder).join("attach/watcher.log");
    let limits = LogLimits {
        bytes: 400,
        files: 3,
    };
    let redact = Arc::new(|text: &str| text.replace("hunter2", "[redacted]"));
    let log = LogFile::open(&path, limits, redact).expect("opened");
    log.become_standard_streams().expect("mine");
    let clock = Arc::new(RunningClock::new());
    log.start("info", clock.clone()).expect("started");
    let again = log
        .start("info", clock.clone())
        .expect_err("started already");
    assert!(matches!(again, LogError::Started), "{again}");
    let wrong = log.start("archal=loud,=", clock).expect_err("no filter");
    assert!(matches!(wrong, LogError::Filter { .. }), "{wrong}");
    tracing::info!("the password is hunter2");
    tracing::debug!("not asked for");
    let thread = std::thread::spawn(|| panic!("lost hunter2\nand more"));
    assert!(thread.join().is_err());
    writeln!(std::io::stderr(), "raw {}", "x".repeat(200)).expect("written");
    tracing::info!("in a new file");
    writeln!(std::io::stdout(), "raw again").expect("written");
}

#[test]
fn events_panics_and_streams_of_a_process_are_in_its_log() {
    let folder = tempfile::tempdir().expect("a folder");
    let end = Command::new(std::env::current_exe().expect("this binary"))
        .args(["--exact", "host::log::writer", "--nocapture"])
        .env(WRITER, folder.path())
        .stdin(Stdio::null())
        .output()
        .expect("started");
    let read = |name: &str| {
        let path = folder.path().join("attach").join(name);
        fs::read_to_string(path).expect("there")
    };
    let (new, old) = (read("watcher.log"), read("watcher.log.1"));
    assert!(end.status.success(), "{end:?} {old} {new}");
    assert!(
        old.contains("INFO") && old.contains("the password is [redacted]\n"),
        "{old}"
    );
    assert!(!old.contains("not asked for"), "{old}");
    assert!(old.contains("ERROR"), "{old}");
    assert!(old.contains("lost [redacted]\\nand more\n"), "{old}");
    assert!(old.contains("\nraw xxx"), "{old}");
    assert!(new.contains("in a new file\n"), "{new}");
    assert!(new.contains("raw again\n"), "{new}");
}
