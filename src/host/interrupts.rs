//! How a terminal or a service manager ends a process that works in the foreground: the first signal
//! asks, the second insists, the third is the system's.
//!
//! By `signal-hook`: handlers cannot be set without unsafe code otherwise, and blocked signals, the
//! other way, would be inherited by every child.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use signal_hook::consts::{SIGINT, SIGTERM};
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

/// Why signals cannot be heard.
#[derive(Debug, thiserror::Error)]
pub enum InterruptsError {
    /// The system refuses.
    #[error("cannot listen for signals")]
    Listen(#[source] io::Error),
}

/// Ctrl-C and SIGTERM, heard from now on. To be kept to the end of the process: after it was dropped
/// they do nothing.
///
/// SIGHUP is left as it is: it ends the process, unless `nohup` said otherwise.
#[derive(Debug)]
pub struct Interrupts {
    token: StopToken,
    heard: Arc<AtomicUsize>,
    handle: Handle,
}

impl Interrupts {
    /// Listens. `react` is called on a thread of its own, after the token was told.
    pub fn listen(
        mut react: impl FnMut(Interrupt) + Send + 'static,
    ) -> Result<Self, InterruptsError> {
        let mut signals = Signals::new([SIGINT, SIGTERM]).map_err(InterruptsError::Listen)?;
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

impl Drop for Interrupts {
    fn drop(&mut self) {
        self.handle.close();
    }
}
