//! The process that does all work of a repository, in the background or in the foreground.
//!
//! - [`queue`], [`pool`]: one queue for all kinds of work, and the threads that work it off.
//! - [`lock`], [`record`]: one such process for a repository, and where it is found.
//! - [`socket`], [`protocol`], [`client`]: how other processes of the user speak with it.
//! - [`background`]: starting it behind the caller's back.
//! - [`log`]: what it writes for people who look later.
//! - [`interrupts`]: how a terminal ends it. [`forwarding`]: signals for another program.
//! - [`memory`]: what a burst needed is given back.
//!
//! It knows nothing of traces: what the work is comes in through [`queue::WorkSource`], what
//! requests mean through [`socket::Handler`].

pub mod background;
pub mod client;
pub mod forwarding;
pub mod interrupts;
pub mod lock;
pub mod log;
pub mod memory;
mod place;
pub mod pool;
#[cfg(test)]
mod pool_tests;
pub mod protocol;
pub mod queue;
pub mod record;
pub mod socket;
