//! How a terminal or a service manager ends a process that works in the foreground: the first signal
//! asks, the second insists, the third is the system's.
//!
//! By `signal-hook`: handlers cannot be set without unsafe code otherwise, and blocked signals, the
//! other way, would be inherited by every child.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::{Handle, Signals};
use signal_hook::low_level::emulate_default_handler;

use crate::sandbox::StopToken;

/// What a signal asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Interrupt {
    /// An orderly end: what runs gets its grace.
    Orderly,
    /// An end at once.
    AtOnce,
}

/// What it means that the terminal is gone (SIGHUP).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Hangup {
    /// The same as Ctrl-C, unless whoever started the process had it ignored, as `nohup` does.
    Ends,
    /// Nothing: the process belongs to no terminal.
    Nothing,
}

/// Why signals cannot be heard.
#[derive(Debug, thiserror::Error)]
pub enum InterruptsError {
    /// The system refuses.
    #[error("cannot listen for signals")]
    Listen(#[source] io::Error),
}

/// Ctrl-C and SIGTERM, heard from now on. To be kept to the end of the process: after it was dropped
/// they do nothing.
#[derive(Debug)]
pub struct Interrupts {
    token: StopToken,
    heard: Arc<AtomicUsize>,
    handle: Handle,
}

impl Interrupts {
    /// Listens. `react` is called on a thread of its own, after the token was told.
    pub fn listen(
        hangup: Hangup,
        mut react: impl FnMut(Interrupt) + Send + 'static,
    ) -> Result<Self, InterruptsError> {
        let mut wanted = vec![SIGINT, SIGTERM];
        if hangup == Hangup::Nothing || !is_ignored(SIGHUP) {
            wanted.push(SIGHUP);
        }
        let mut signals = Signals::new(wanted).map_err(InterruptsError::Listen)?;
        let interrupts = Self {
            token: StopToken::new(),
            heard: Arc::default(),
            handle: signals.handle(),
        };
        let (token, heard) = (interrupts.token.clone(), Arc::clone(&interrupts.heard));
        std::thread::Builder::new()
            .name("signals".to_owned())
            .spawn(move || {
                for signal in signals.forever() {
                    if signal == SIGHUP && hangup == Hangup::Nothing {
                        continue;
                    }
                    match heard.fetch_add(1, Ordering::SeqCst) {
                        0 => {
                            token.ask();
                            react(Interrupt::Orderly);
                        }
                        1 => {
                            token.stop();
                            react(Interrupt::AtOnce);
                        }
                        _ => {
                            // Ends the process; children follow it. There is nothing to do if not.
                            emulate_default_handler(signal).ok();
                        }
                    }
                }
            })
            .map_err(InterruptsError::Listen)?;
        Ok(interrupts)
    }

    /// Is asked by the first signal and stopped by the second.
    pub fn token(&self) -> &StopToken {
        &self.token
    }

    /// Whether there was a signal, so that the exit code is 130.
    pub fn is_interrupted(&self) -> bool {
        self.heard.load(Ordering::SeqCst) > 0
    }
}

/// Whether this process ignores a signal, because it was started so. Where that cannot be asked
/// it is taken to be so: listening would undo it.
fn is_ignored(signal: i32) -> bool {
    let Ok(status) = std::fs::read_to_string("/proc/self/status") else {
        return true;
    };
    let mask = status
        .lines()
        .find_map(|line| line.strip_prefix("SigIgn:"))
        .and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
    mask.is_none_or(|mask| mask & (1 << (signal - 1)) != 0)
}

impl Drop for Interrupts {
    fn drop(&mut self) {
        self.handle.close();
    }
}
