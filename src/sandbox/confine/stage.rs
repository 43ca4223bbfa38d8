//! The steps of confinement, as the helper takes them on its way to the child, and what came of each.

use std::path::PathBuf;

use archal_core::confined::{Confined, Refusal, Rule, Witness};

use super::super::control::Start;
use super::super::hold::NOT_ENFORCED;
use super::super::{mounts, processes};
use super::decoys::Decoys;
use super::scratch::Scratch;
use super::{Confine, Network, calls, files, limits, paths};

/// How the process limit is called where the PID namespace enforces it.
const BY_NAMESPACE: &str = "pid namespace";
/// Most programs that are named of those left running.
const MOST_LEFT: usize = 16;

/// What Landlock leaves open of files: no rule of it is for this.
const RIGHTS: &str =
    "rights: Landlock does not keep it from changing the permissions and times of the user's files";
/// What it leaves open of ports: its rules name no host.
const HOSTS: &str = "hosts: Landlock lets it connect to the ports of archal on other machines, too";
/// What it leaves open where a child may reach what archal reaches.
const SOCKETS: &str = "sockets: Landlock does not keep it from the Unix sockets of other programs";

/// A child's way into confinement.
#[derive(Debug)]
pub(in crate::sandbox) struct Stage {
    confine: Confine,
    confined: Confined,
    scratch: Vec<Scratch>,
    decoys: Option<Decoys>,
    limits_namespace: bool,
    has_own_proc: bool,
}

impl Stage {
    /// Of a child that is to be confined.
    pub(in crate::sandbox) fn of(start: &Start) -> Option<Self> {
        Some(Self {
            confine: start.confine.clone()?,
            confined: Confined::default(),
            scratch: Vec::new(),
            decoys: None,
            limits_namespace: false,
            has_own_proc: false,
        })
    }

    /// In namespaces, while this process has its capabilities.
    pub(in crate::sandbox) fn show(&mut self, start: &Start, has_own_proc: bool) {
        self.has_own_proc = has_own_proc;
        self.limits_namespace = has_own_proc && start.process_limit.is_some_and(limits::processes);
        match files::show(&self.confine) {
            Ok(scratch) => {
                self.confined.files = Some("mount namespace".to_owned());
                self.scratch = scratch;
            }
            Err(reason) => {
                self.confined.missing.push(format!("files: {reason}"));
                return;
            }
        }
        match files::hide(&self.confine, &start.directory) {
            Ok(decoys) => self.decoys = Some(decoys),
            Err(reason) => self.confined.missing.push(format!("credentials: {reason}")),
        }
    }

    /// In namespaces, where it has no network of its own: hides what others listen on, as an agent that holds keys
    /// or the daemon of containers.
    pub(in crate::sandbox) fn hide_sockets(&mut self, others: &[PathBuf]) {
        if let Err(reason) = mounts::hide_sockets(others) {
            self.confined.missing.push(format!("sockets: {reason}"));
        }
    }

    /// Told to it as missing.
    pub(in crate::sandbox) fn lacks(&mut self, reasons: &[String]) {
        self.confined.missing.extend_from_slice(reasons);
    }

    /// Last before the child, without privileges and for good: on the thread that starts it.
    /// `limited` says how its processes are limited; the answer is how they are now.
    ///
    /// # Errors
    ///
    /// Where all was required and something is missing.
    pub(in crate::sandbox) fn close(
        &mut self,
        start: &Start,
        limited: &'static str,
    ) -> Result<&'static str, String> {
        let limited = match limited {
            NOT_ENFORCED if self.limits_namespace => BY_NAMESPACE,
            limited => limited,
        };
        self.limits(start, limited);
        self.keep_hidden();
        // The rules of files come before the filter, which refuses nothing that they need.
        let is_held = start.own_network || self.holds(start);
        if let Network::Held { .. } = self.confine.network
            && !is_held
        {
            let reason = "network: nothing keeps it from the network".to_owned();
            self.confined.missing.push(reason);
        }
        let holds_sockets = !start.own_network && self.confine.network != Network::Open;
        match calls::refuse(holds_sockets) {
            Ok(()) => self.confined.calls = Some("seccomp".to_owned()),
            Err(reason) => self
                .confined
                .missing
                .push(format!("system calls: {reason}")),
        }
        if !self.confine.demand.is_met(&self.confined) {
            return Err(format!(
                "not confined as required: {}",
                self.confined.missing.join("; ")
            ));
        }
        Ok(limited)
    }

    /// Whoever writes a file of credentials anew puts another in its place, and the decoy goes with the old one: what
    /// comes to such a folder later cannot be read.
    fn keep_hidden(&mut self) {
        let Some(decoys) = &self.decoys else {
            return;
        };
        if let Err(reason) = paths::hold_reads(&self.confine, decoys.files()) {
            let reason = format!("credentials: files that are written anew: {reason}");
            self.confined.missing.push(reason);
        }
    }

    fn limits(&mut self, start: &Start, limited: &str) {
        let confined = &mut self.confined;
        if limited != NOT_ENFORCED {
            confined.processes = Some(limited.to_owned());
        } else if start.process_limit.is_some() {
            let reason = "processes: no delegated cgroup, and for this user no other limit works";
            confined.missing.push(reason.to_owned());
        }
        let Some(memory) = self.confine.memory else {
            return;
        };
        let by_cgroup = start.is_memory_limited && limited == "cgroup";
        // Both where there is a cgroup: its end of memory is a signal, that of a process an error.
        match (by_cgroup, limits::memory(memory)) {
            (true, _) => confined.memory = Some("cgroup".to_owned()),
            (false, true) => confined.memory = Some("rlimit".to_owned()),
            (false, false) => confined
                .missing
                .push("memory: no limit can be set".to_owned()),
        }
    }

    /// Holds files and ports by Landlock where nothing else does; whether the network is held then.
    fn holds(&mut self, start: &Start) -> bool {
        let has_view = self.confined.files.is_some();
        let ports = match (&self.confine.network, start.own_network) {
            (Network::Held { ports }, false) => Some(ports.as_slice()),
            _ => None,
        };
        let held = match (has_view, ports) {
            (true, None) => {
                if let Err(reason) = paths::hold_names_of_sockets() {
                    let reason = format!("sockets: those with names of no file: {reason}");
                    self.confined.missing.push(reason);
                }
                return false;
            }
            (true, Some(ports)) => paths::hold_ports(ports),
            (false, ports) => paths::hold_all(&self.confine, ports),
        };
        match held {
            Ok(()) => {
                if !has_view {
                    self.confined.files = Some("landlock".to_owned());
                    self.confined.missing.retain(|missing| {
                        !missing.starts_with("files:") && !missing.starts_with("credentials:")
                    });
                    self.confined.missing.push(RIGHTS.to_owned());
                }
                if ports.is_some() {
                    self.confined.missing.push(HOSTS.to_owned());
                } else if !has_view {
                    self.confined.missing.push(SOCKETS.to_owned());
                }
                ports.is_some()
            }
            Err(reason) => {
                let part = if has_view { "network" } else { "files" };
                self.confined.missing.push(format!("{part}: {reason}"));
                false
            }
        }
    }

    /// What was really enforced.
    pub(in crate::sandbox) fn confined(&self, start: &Start) -> Confined {
        let mut confined = self.confined.clone();
        let is_missing = confined
            .missing
            .iter()
            .any(|part| part.starts_with("network:"));
        confined.network = match (&self.confine.network, start.own_network) {
            (_, true) => Some("own network".to_owned()),
            (Network::Open, false) => Some("open".to_owned()),
            (Network::Held { .. }, false) => (!is_missing).then(|| "landlock".to_owned()),
        };
        confined
    }

    /// What was seen of it when the child itself has ended.
    /// Where it `is_ending` because it was told to, nothing of it runs on of its own accord.
    pub(in crate::sandbox) fn refused(&self, is_ending: bool) -> Vec<Refusal> {
        let looked_at = self.decoys.iter().flat_map(Decoys::seen);
        let credentials = looked_at.map(|path: PathBuf| Refusal {
            rule: Rule::Credentials,
            what: path.display().to_string(),
            by: Witness::Seen,
        });
        let written = self.scratch.iter().flat_map(Scratch::outside);
        let written = written.map(|path| Refusal {
            rule: Rule::WritesOutside,
            what: path.display().to_string(),
            by: Witness::Seen,
        });
        let left = self.left(is_ending).into_iter().map(|name| Refusal {
            rule: Rule::Survivors,
            what: name,
            by: Witness::Seen,
        });
        credentials.chain(written).chain(left).collect()
    }

    /// The programs that run on, by name; they end with the namespace.
    fn left(&self, is_ending: bool) -> Vec<String> {
        if !self.has_own_proc || is_ending {
            return Vec::new();
        }
        let own = rustix::process::getpid().as_raw_nonzero().get();
        processes::all()
            .filter(|process| process.id != own && process.lives)
            .map(|process| process.name)
            .take(MOST_LEFT)
            .collect()
    }
}
