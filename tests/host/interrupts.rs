//! Signals to a process that works in the foreground.

use std::io::{BufRead, BufReader, Lines, Write};
use std::os::unix::process::ExitStatusExt;
use std::process::{Child, ChildStderr, Command, Stdio};
use std::sync::mpsc::channel;

use archal::host::interrupts::{Hangup, Interrupt, Interrupts};
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
    let Ok(hangup) = std::env::var(LISTENER) else {
        return;
    };
    let hangup = match hangup.as_str() {
        "ends" => Hangup::Ends,
        _ => Hangup::Nothing,
    };
    let (said, heard) = channel();
    let interrupts = Interrupts::listen(hangup, move |interrupt| {
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

/// A program that listens, started by `sh` after what `before` says.
struct Listener {
    child: Child,
    lines: Lines<BufReader<ChildStderr>>,
}

impl Listener {
    fn start(hangup: &str, before: &str) -> Self {
        // As from a terminal, also where this one was started by `nohup`.
        let mut child = Command::new("env")
            .args(["--default-signal=HUP", "sh", "-c"])
            .arg(format!("{before} exec \"$@\""))
            .arg("sh")
            .arg(std::env::current_exe().expect("this binary"))
            .args(["--exact", "host::interrupts::listener", "--nocapture"])
            .env(LISTENER, hangup)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .expect("started");
        let lines = BufReader::new(child.stderr.take().expect("a pipe")).lines();
        let mut listener = Self { child, lines };
        assert_eq!(listener.next(), "ready false");
        listener
    }

    fn next(&mut self) -> String {
        self.lines.next().expect("a line").expect("text")
    }

    fn signal(&self, signal: Signal) {
        let pid = Pid::from_raw(self.child.id().cast_signed());
        kill(pid, signal).expect("my own child");
    }

    fn ended_by(mut self) -> Option<i32> {
        self.child.wait().expect("ended").signal()
    }
}

#[test]
fn the_first_signal_asks_the_second_insists_and_the_third_ends_the_process() {
    for (first, second) in [
        (Signal::SIGINT, Signal::SIGTERM),
        (Signal::SIGTERM, Signal::SIGTERM),
        (Signal::SIGHUP, Signal::SIGHUP),
    ] {
        let mut listener = Listener::start("ends", "");
        listener.signal(first);
        assert_eq!(listener.next(), "Orderly true true");
        listener.signal(second);
        assert_eq!(listener.next(), "AtOnce true true");
        listener.signal(Signal::SIGTERM);
        assert_eq!(listener.ended_by(), Some(Signal::SIGTERM as i32));
    }
}

#[test]
fn the_end_of_a_terminal_is_nothing_to_who_has_none_or_was_started_to_ignore_it() {
    for (hangup, before) in [("nothing", ""), ("ends", "trap '' HUP;")] {
        let mut listener = Listener::start(hangup, before);
        listener.signal(Signal::SIGHUP);
        listener.signal(Signal::SIGINT);
        // The first that is heard.
        assert_eq!(listener.next(), "Orderly true true", "{hangup}");
        listener.signal(Signal::SIGINT);
        assert_eq!(listener.next(), "AtOnce true true", "{hangup}");
        listener.signal(Signal::SIGKILL);
        assert_eq!(listener.ended_by(), Some(Signal::SIGKILL as i32));
    }
}
