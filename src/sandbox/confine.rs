//! Confining a child beyond holding it together: which files it may write and not even read, what it
//! may reach, which system calls it may make, how much memory it may take.
//!
//! What enforces it depends on how the child is held. In namespaces it is a view of the file system
//! of its own (`files`, `scratch`, `decoys`) and, where the caller gives it one, a network of its own. In a
//! process group it is Landlock (`paths`), which also holds it to archal's own ports; on macOS a profile of
//! Seatbelt (`seatbelt`). `calls` is seccomp, for both; `limits` are resources. What of it was
//! really enforced is said in the end of the child, never taken for granted; `signs` reads in its
//! output what it says it was refused.

use std::path::{Path, PathBuf};

use archal_core::confined::Confined;
use archal_core::environment::Environment;
use serde::{Deserialize, Serialize};

use crate::config::sandbox::SandboxMode;

use super::child::{ChildOutcome, Containment};
use super::credentials;
use super::hold::{self, Hold, OwnNetwork};

#[cfg(target_os = "linux")]
pub(super) mod calls;
#[cfg(target_os = "linux")]
pub(super) mod decoys;
#[cfg(target_os = "linux")]
pub(super) mod files;
#[cfg(target_os = "linux")]
pub(super) mod limits;
#[cfg(target_os = "linux")]
pub(super) mod paths;
#[cfg(target_os = "linux")]
pub(super) mod scratch;
#[cfg(any(test, not(target_os = "linux")))]
pub(super) mod seatbelt;
pub(super) mod signs;
#[cfg(target_os = "linux")]
pub(super) mod stage;

/// The most memory of a confined child for which nobody chose another amount, in bytes: enough for
/// a coding agent and the builds and tests that it starts.
pub const DEFAULT_MEMORY: u64 = 8 << 30;

/// To what a child is confined.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Confine {
    /// Folders and files that it may write; absolute, and there. Temporary folders of the machine
    /// are its own and go with it, everything else is read-only.
    pub writable: Vec<PathBuf>,
    /// Folders and files that it may not even read; those that are not there are left out.
    pub hidden: Vec<PathBuf>,
    /// What it may reach.
    pub network: Network,
    /// The most memory in bytes: of all of it together where a cgroup is delegated, else of each of
    /// its processes.
    pub memory: Option<u64>,
    /// Without what it is not started at all.
    pub demand: Demand,
}

/// The parts of its confinement without which a child is not started.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Demand {
    /// None: it runs as far confined as can be.
    #[default]
    Nothing,
    /// Those that stand in for a sandbox of its own: [`is_walled`].
    Walls,
    /// All.
    All,
}

impl Demand {
    /// Whether it is met by what was enforced.
    pub(super) fn is_met(self, confined: &Confined) -> bool {
        match self {
            Self::Nothing => true,
            Self::Walls => is_walled(confined),
            Self::All => confined.is_whole(),
        }
    }
}

impl Confine {
    /// What a child is confined to that may write `writable` and reaches what archal reaches; none
    /// where nobody is to be confined.
    pub fn of(mode: SandboxMode, caller: &Environment, writable: &[&Path]) -> Option<Self> {
        (mode != SandboxMode::Off).then(|| Self {
            writable: writable.iter().map(|path| (*path).to_owned()).collect(),
            hidden: credentials::places(caller),
            network: Network::Open,
            memory: Some(DEFAULT_MEMORY),
            demand: match mode {
                SandboxMode::Required => Demand::All,
                SandboxMode::BestEffort | SandboxMode::Off => Demand::Nothing,
            },
        })
    }
}

/// What a confined child may reach.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Network {
    /// What archal itself may reach.
    #[default]
    Open,
    /// What its own network has, where it is run in one; else these TCP ports and nothing else.
    Held {
        /// Ports on which archal listens.
        ports: Vec<u16>,
    },
}

/// Tries for real how far any child can be confined here, with the helper at that path. Takes milliseconds.
pub fn able(helper: &Path, containment: Containment) -> Confined {
    let confine = Confine {
        network: Network::Held { ports: Vec::new() },
        memory: Some(DEFAULT_MEMORY),
        ..Confine::default()
    };
    tried(helper, containment, confine)
}

/// A degree with what set-up and validation commands lack, which keep the machine's network: their sockets of other
/// programs are held in another way than a fixer's. Takes milliseconds.
pub fn with_commands(mut confined: Confined, helper: &Path, containment: Containment) -> Confined {
    let confine = Confine {
        memory: Some(DEFAULT_MEMORY),
        ..Confine::default()
    };
    for missing in tried(helper, containment, confine).missing {
        if !confined.missing.contains(&missing) {
            confined.missing.push(missing);
        }
    }
    confined
}

/// The same to that: with a child that does nothing.
pub fn tried(helper: &Path, containment: Containment, confine: Confine) -> Confined {
    let mut spec = hold::nothing();
    spec.process_limit = Some(super::child::DEFAULT_PROCESS_LIMIT);
    spec.confine = Some(Confine {
        demand: Demand::Nothing,
        ..confine
    });
    let hold = Hold {
        helper,
        containment,
        stop: None,
    };
    let end = match containment {
        Containment::Namespaces => hold::run_isolated(
            &spec,
            &hold,
            OwnNetwork {
                tcp: &[],
                udp: &[],
                redirect: None,
                visible: &[],
                files: &[],
                serve: &mut |_| {},
            },
        ),
        Containment::Pgroup => hold::run(&spec, &hold),
    };
    let mut confined = end.confined.unwrap_or_default();
    match end.outcome {
        ChildOutcome::Exited { code: 0 } => {}
        ChildOutcome::NotStarted { reason } => confined.missing.push(reason),
        other => confined.missing.push(format!(
            "a confined program that does nothing ended: {other:?}"
        )),
    }
    confined
}

/// Whether files, credentials, network and system calls are held, which is what a coding agent's own sandbox
/// would hold. Processes and memory are not among it, nor system calls on macOS.
pub fn is_walled(confined: &Confined) -> bool {
    let others: &[&str] = match cfg!(target_os = "macos") {
        true => &["processes:", "memory:", "system calls:"],
        false => &["processes:", "memory:"],
    };
    let is_other = |missing: &String| others.iter().any(|part| missing.starts_with(part));
    confined.missing.iter().all(is_other)
}

/// The command that mends what is missing of a degree, to copy; none where there is none.
pub fn remedy(missing: &[String], containment: Containment) -> Option<&'static str> {
    let about = |part: &str| missing.iter().any(|missing| missing.starts_with(part));
    match containment {
        Containment::Pgroup if cfg!(target_os = "linux") => Some(
            "sudo sysctl -w kernel.apparmor_restrict_unprivileged_userns=0 user.max_user_namespaces=15000",
        ),
        Containment::Namespaces if about("processes") => {
            Some("systemd-run --user --scope -p Delegate=yes archal attach …")
        }
        Containment::Pgroup | Containment::Namespaces => None,
    }
}
