//! Holding child processes: a child runs in namespaces or a process group of its own, within
//! clocks and output caps, and its end is the end of every descendant.
//!
//! On Linux the binary re-executes itself in hidden modes ([`helper_main`]) that stand between
//! archal and the child; elsewhere a child is held by its process group alone.

pub mod asking;
pub mod broker;
pub mod child;
pub mod confine;
pub mod conversation;
pub mod credentials;
pub mod hold;
pub mod inherited;
pub mod job;
pub mod stop;

#[cfg(target_os = "linux")]
mod cgroup;
#[cfg(target_os = "linux")]
mod control;
#[cfg(target_os = "linux")]
mod init;
#[cfg(target_os = "linux")]
mod launch;
#[cfg(target_os = "linux")]
mod linux;
#[cfg(target_os = "linux")]
mod listening;
#[cfg(target_os = "linux")]
mod loopback;
#[cfg(target_os = "linux")]
mod modes;
#[cfg(target_os = "linux")]
mod mounts;
#[cfg(target_os = "linux")]
mod orphans;
mod pipes;
#[cfg(not(target_os = "linux"))]
mod portable;
#[cfg(target_os = "linux")]
mod privileges;
#[cfg(target_os = "linux")]
mod processes;
#[cfg(target_os = "linux")]
mod redirect;
#[cfg(target_os = "linux")]
mod subreaper;

pub use hold::{Hold, helper_main, probe, run};
pub use stop::StopToken;
