//! Signals to a process that works in the foreground.

use std::io::{BufRead, BufReader, Write};
use std::os::unix::process::ExitStatusExt;
use std::process::{Command, Stdio};
use std::sync::mpsc::channel;

use archal::host::interrupts::{Interrupt, Interrupts};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

/// The variable that turns the test binary into a program that listens for signals.
const LISTENER: &str = "ARCHAL_TEST_HOST_SIGNALS";

/// Not a test of its own: says what it hears when another test starts this binary for it.
#[test]
#[expect(
    clippy::disallowed_methods,
    reason = "a driver takes its order from there"
)]
fn listener() {
    if std::env::var(LISTENER).is_err() {
        return;
    }
    let (said, heard) = channel();
    let interrupts = Interrupts::listen(move |interrupt| {
        said.send(interrupt).expect("a listener");
    })
    .expect("listening");
    let token = interrupts.token().clone();
    let mut out = std::io::stderr();
    writeln!(out, "ready {}", interrupts.is_interrupted()).expect("written");
    for interrupt in heard {
        let told = match interrupt {
            Interrupt::Orderly => token.is_asked() && !token.is_stopped(),
            Interrupt::AtOnce => token.is_stopped(),
        };
        let line = format!("{interrupt:?} {told} {}", interrupts.is_interrupted());
        writeln!(out, "{line}").expect("written");
    }
}

#[test]
fn the_first_signal_asks_the_second_insists_and_the_third_ends_the_process() {
    for (first, second) in [
        (Signal::SIGINT, Signal::SIGTERM),
        (Signal::SIGTERM, Signal::SIGTERM),
    ] {
        let mut child = Command::new(std::env::current_exe().expect("this binary"))
            .args(["--exact", "host::interrupts::listener", "--nocapture"])
            .env(LISTENER, "1")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .expect("started");
        let pid = Pid::from_raw(child.id().cast_signed());
        let mut lines = BufReader::new(child.stderr.take().expect("a pipe")).lines();
        let mut next = || lines.next().expect("a line").expect("text");
        assert_eq!(next(), "ready false");
        kill(pid, first).expect("my own child");
        assert_eq!(next(), "Orderly true true");
        kill(pid, second).expect("my own child");
        assert_eq!(next(), "AtOnce true true");
        kill(pid, Signal::SIGTERM).expect("my own child");
        let end = child.wait().expect("ended");
        assert_eq!(end.signal(), Some(Signal::SIGTERM as i32));
    }
}
