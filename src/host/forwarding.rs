//! Handing the signals this process gets on to a program that stands in its place.

use std::fs::File;

use signal_hook::consts::{SIGCONT, SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2, SIGWINCH};
use signal_hook::iterator::{Handle, Signals};

use super::interrupts::InterruptsError;

/// What a terminal sends to all its foreground programs itself.
const OF_TERMINALS: [i32; 3] = [SIGINT, SIGQUIT, SIGWINCH];
const OTHERS: [i32; 5] = [SIGTERM, SIGHUP, SIGUSR1, SIGUSR2, SIGCONT];

/// Signals that are handed on until this is dropped; none of them ends this process.
#[derive(Debug)]
pub struct Forwarding {
    handle: Handle,
}

impl Forwarding {
    /// Hands each signal to `to`, on a thread of its own. What a terminal sends reaches the program
    /// without it, where there is one.
    ///
    /// # Errors
    ///
    /// When the system refuses.
    pub fn begin(mut to: impl FnMut(i32) + Send + 'static) -> Result<Self, InterruptsError> {
        let has_terminal = File::open("/dev/tty").is_ok();
        let mut signals = Signals::new(OF_TERMINALS.into_iter().chain(OTHERS))
            .map_err(InterruptsError::Listen)?;
        let handle = signals.handle();
        std::thread::Builder::new()
            .name("signals".to_owned())
            .spawn(move || {
                for signal in signals.forever() {
                    if !has_terminal || !OF_TERMINALS.contains(&signal) {
                        to(signal);
                    }
                }
            })
            .map_err(InterruptsError::Listen)?;
        Ok(Self { handle })
    }
}

impl Drop for Forwarding {
    fn drop(&mut self) {
        self.handle.close();
    }
}
