//! Running a fixer confined: its files by the sandbox, its network by a session that leads to the
//! clones of the failing scenario and the hosts of its model, and nowhere else.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use archal_core::clock::Clock;
use archal_core::clone::{CloneDescriptor, Trouble};
use archal_core::confined::{Confined, Rule, Witness};
use archal_core::environment::Environment;
use archal_core::fixer::FixTask;
use archal_core::hash;

use crate::config::allow::Allowed;
use crate::config::sandbox::SandboxMode;
use crate::config::schema::RouteMode;
use crate::run::attempt::Bench;
use crate::run::scrub::Scrubber;
use crate::run::seeds::StartState;
use crate::sandbox::child::{ChildEnd, ChildSpec};
use crate::sandbox::confine::{self, Confine, Demand, Network};
use crate::sandbox::hold::Probe;
use crate::sandbox::{Hold, StopToken, hold};
use crate::session::{ClonePlan, Egress, Session, SessionConfig};

/// How a fixer is confined.
pub struct Confinement<'a> {
    /// Whether all of it must hold.
    pub mode: SandboxMode,
    /// What it may reach beside the clones.
    pub hosts: &'a [Allowed],
    /// The clones there are.
    pub clones: &'a [CloneDescriptor],
    /// The starting state of each clone that it may reach.
    pub states: &'a BTreeMap<String, StartState>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// The binary whose helper modes hold children.
    pub helper: &'a Path,
    /// How children can be held here.
    pub probe: &'a Probe,
    /// The caller's environment.
    pub environment: &'a Environment,
    /// What must not reach a disk.
    pub scrubber: &'a Scrubber,
    /// Ends it; none where nobody can ask for it.
    pub stop: Option<&'a StopToken>,
}

/// What of the disk a confined program is given.
#[derive(Debug)]
pub struct Walls<'a> {
    /// Folders that it may write.
    pub writable: &'a [&'a Path],
    /// Folders that it may not even read, beside those with credentials.
    pub hidden: &'a [&'a Path],
    /// A folder for what its network saw.
    pub session: &'a Path,
}

impl<'a> Confinement<'a> {
    /// One in which the clones of a bench are reached, on these states.
    pub fn on(
        bench: &'a Bench<'a>,
        states: &'a BTreeMap<String, StartState>,
        mode: SandboxMode,
        hosts: &'a [Allowed],
    ) -> Self {
        Self {
            mode,
            hosts,
            clones: bench.clones,
            states,
            clock: Arc::clone(&bench.clock),
            helper: bench.binary,
            probe: bench.probe,
            environment: bench.environment,
            scrubber: bench.scrubber,
            stop: bench.stop,
        }
    }

    /// To what a fixer is confined that writes these folders; none where it is not.
    fn confine(&self, writable: &[&Path]) -> Option<Confine> {
        Confine::of(self.mode, self.environment, writable).map(|confine| Confine {
            network: Network::Held { ports: Vec::new() },
            ..confine
        })
    }

    /// How far a fixer that writes these folders would be confined, tried for real; none where it is
    /// not to be. Takes milliseconds.
    pub fn tried(&self, writable: &[&Path]) -> Option<Confined> {
        let confine = self.confine(writable)?;
        Some(confine::tried(
            self.helper,
            self.probe.containment(),
            confine,
        ))
    }

    /// Whether what the mode requires can be had; otherwise what is missing, and what mends it.
    pub fn is_to_be_had(&self, writable: &[&Path]) -> Result<(), String> {
        if self.mode != SandboxMode::Required {
            return Ok(());
        }
        let tried = self.tried(writable).unwrap_or_default();
        if tried.is_whole() {
            return Ok(());
        }
        let mend = confine::remedy(&tried.missing, self.probe.containment())
            .map_or_else(String::new, |command| format!("; mend it with `{command}`"));
        Err(format!(
            "the sandbox is required and this machine cannot make all of it: {}{mend}; or attach with --sandbox best-effort",
            tried.missing.join("; "),
        ))
    }

    /// Runs a fixer's program to its end, and says in it how far it was confined. It is not started
    /// where `demand` is not met, nor where the mode's own is not.
    pub fn run(&self, spec: ChildSpec, task: &FixTask<'_>, demand: Demand) -> ChildEnd {
        let walls = Walls {
            writable: &[task.workspace, task.home],
            hidden: &[],
            session: &task.home.with_file_name("fixer-session"),
        };
        self.run_within(spec, &walls, demand)
    }

    /// The same for a program of any role.
    pub fn run_within(&self, mut spec: ChildSpec, walls: &Walls<'_>, demand: Demand) -> ChildEnd {
        let containment = self.probe.containment();
        let Some(mut confine) = self.confine(walls.writable) else {
            let hold = Hold {
                helper: self.helper,
                containment,
                stop: self.stop,
            };
            return hold::run(&spec, &hold);
        };
        if confine.demand == Demand::Nothing {
            confine.demand = demand;
        }
        let hidden = walls.hidden.iter().map(|path| (*path).to_owned());
        confine.hidden.extend(hidden);
        spec.confine = Some(confine);
        let egress = Egress::of(self.hosts, self.environment);
        let clones = self.states.iter().filter_map(|(name, state)| {
            let clone = self.clones.iter().find(|clone| clone.name == name)?;
            // Whoever needs the service itself for its model gets that.
            let is_let_through = |host: &str| self.hosts.iter().any(|one| one.takes_host(host));
            (!clone.every_host().any(is_let_through)).then_some(ClonePlan {
                clone,
                seed: state.as_seed(),
                trouble: Trouble::default(),
                more_hosts: &[],
            })
        });
        let session = Session::open(SessionConfig {
            clones: clones.collect(),
            route: RouteMode::Auto,
            probe: Some(self.probe.clone()),
            evidence: walls.session.to_owned(),
            clock: Arc::clone(&self.clock),
            ids: hash::sixty_four_bits(b"fixer"),
            helper: self.helper.to_owned(),
            expose_clone_urls: true,
            egress,
            redactor: self.scrubber.redactor().clone(),
            literals: self.scrubber.literals().clone(),
        });
        let session = match session {
            Ok(session) => session.stopped_by(self.stop),
            Err(error) => {
                let reason = format!("it has no network of its own: {error}");
                return hold::not_started(containment, reason);
            }
        };
        let mut end = session.run(spec);
        let finished = session.finish();
        if let (Some(confined), Ok(finished)) = (&mut end.confined, finished) {
            confined.allowed = finished.route.allowed;
            let is_rule = |kind: &str| matches!(kind, "connect" | "name");
            for refused in finished.refused {
                if is_rule(&refused.kind) {
                    confined.refuse(Rule::Network, refused.host, Witness::Seen);
                }
            }
        }
        end
    }
}
