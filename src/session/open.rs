//! Opening a session, running children in it, and ending it.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use archal_core::clock::{self, Clock, Timestamp};
use archal_core::clone::{CloneDescriptor, CloneState, OpenClone, RowDiff, Seed, Trouble};
use archal_core::diagnostic::Diagnostic;
use archal_core::redact::{Literals, Redactor};

use super::authority::{self, Authority};
use super::door::Door;
use super::egress::{self, Egress};
use super::environment::{self, Endpoints};
use super::evidence::{CallRecord, RefusedEgress, WebhookRecord};
use super::inside::{Inside, children};
use super::ledger::Ledger;
use super::route::{self, RouteLevel, RouteReport};
use super::server::{Hosted, Server, Shared};
use super::webhooks::{self, Outbox};
use super::{mcp, record, trust};
use crate::config::schema::RouteMode;
use crate::sandbox::StopToken;
use crate::sandbox::child::{ChildEnd, ChildSpec};
use crate::sandbox::hold::{self, Hold, InsideNetwork, OwnNetwork, Probe, Probing, Redirect};
use crate::store::atomic::WriteError;

/// The port of the first clone's REST base URL inside a child's own network.
const FIRST_BASE_PORT: u16 = 4401;
/// The port of the first clone's MCP URL inside a child's own network.
const FIRST_TOOLS_PORT: u16 = 4501;
/// Ports that any service host is served on inside.
const SERVICE_PORTS: [u16; 2] = [443, 80];
/// The port of the stub resolver inside.
pub(super) const NAMES_PORT: u16 = 53;
/// The port inside that connections to any other address and port are led to.
const ELSEWHERE_PORT: u16 = 1;

/// A clone to open and its starting state.
#[derive(Debug, Clone)]
pub struct ClonePlan<'a> {
    /// Which.
    pub clone: &'a CloneDescriptor,
    /// On what.
    pub seed: Seed<'a>,
    /// What goes wrong on purpose.
    pub trouble: Trouble,
    /// Hosts that it answers for beside its own, lower case.
    pub more_hosts: &'a [String],
}

impl ClonePlan<'_> {
    /// Every host it answers for.
    pub(super) fn every_host(&self) -> impl Iterator<Item = &str> {
        let own = self.clone.every_host().map(|host| -> &str { host });
        own.chain(self.more_hosts.iter().map(String::as_str))
    }
}

/// What a session needs.
pub struct SessionConfig<'a> {
    /// The clones, each service once.
    pub clones: Vec<ClonePlan<'a>>,
    /// The route asked for.
    pub route: RouteMode,
    /// What holding children is possible, where it was found out before; else it is tried now.
    pub probe: Option<Probe>,
    /// The folder that the evidence is written into, and temporary files of the route until the end.
    pub evidence: PathBuf,
    /// The clock.
    pub clock: Arc<dyn Clock>,
    /// Seeds the clones' id generators.
    pub ids: u64,
    /// The archal binary, which is re-executed as the helper of children; an absolute path.
    pub helper: PathBuf,
    /// Whether children of an `isolated` or `shim` session are told base URLs of the clones; elsewhere they always are.
    pub expose_clone_urls: bool,
    /// What children may reach beside the clones.
    pub egress: Egress,
    /// The redaction rules for the evidence, with the clones' `keep_fields` in them.
    pub redactor: Redactor,
    /// Secrets known by value, which stand in no file of the evidence whatever the rules say.
    pub literals: Literals,
}

/// Why a session could not be opened or ended.
#[derive(Debug, thiserror::Error)]
pub enum SessionError {
    /// A clone refused its seed.
    #[error("clone {clone} refused its starting state")]
    Seed {
        /// The clone.
        clone: &'static str,
        /// What it says about it.
        diagnostics: Vec<Diagnostic>,
    },
    /// Two clones answer for one host.
    #[error("clones {first} and {second} both answer for {host}")]
    HostTwice {
        /// The host.
        host: String,
        /// One of them.
        first: &'static str,
        /// The other.
        second: &'static str,
    },
    /// The route asked for is not to be had here.
    #[error("the isolated route is not possible here: {reason}")]
    Route {
        /// Why.
        reason: String,
    },
    /// The session's certificate authority could not be made.
    #[error("the session's certificates could not be made")]
    Certificates {
        /// The cause.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The server of the clones could not be started.
    #[error("the clones cannot be served")]
    Serve {
        /// The cause.
        source: io::Error,
    },
    /// A file of the session could not be written or read.
    #[error("cannot prepare {}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// The cause.
        source: io::Error,
    },
    /// The evidence could not be written.
    #[error("the evidence of the session cannot be written")]
    Evidence {
        /// The cause.
        #[from]
        source: WriteError,
    },
}

/// An open session. Dropping it without [`Session::finish`] ends it and writes nothing.
pub struct Session {
    pub(super) shared: Arc<Shared>,
    pub(super) server: Server,
    route: RouteReport,
    pub(super) probing: Probing,
    helper: PathBuf,
    pub(super) evidence: PathBuf,
    redactor: Redactor,
    literals: Literals,
    before: Vec<Arc<dyn CloneState>>,
    environment: BTreeMap<String, String>,
    pub(super) doors: Vec<(SocketAddr, Door)>,
    /// The children that run in networks of their own.
    inside: Inside,
    /// Servers of models on this machine that children were told.
    model_servers: Mutex<BTreeSet<SocketAddr>>,
    pub(super) trust: trust::Files,
    stop: Option<StopToken>,
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session")
            .field("route", &self.route)
            .field("evidence", &self.evidence)
            .finish_non_exhaustive()
    }
}

/// What is left of a session.
pub struct SessionEnd {
    /// Virtual now at its start.
    pub base: Timestamp,
    /// The route its children had.
    pub route: RouteReport,
    /// Every call, as in `calls.jsonl`.
    pub calls: Vec<CallRecord>,
    /// How many calls were answered after the record was full; they stand in no file.
    pub dropped_calls: u64,
    /// What children tried to reach and were refused, as in `egress.jsonl`.
    pub refused: Vec<RefusedEgress>,
    /// Every name that was asked for, each once, in order of first asking; only in `isolated`.
    pub names: Vec<String>,
    /// What the clones told webhooks, as in `webhooks.jsonl`.
    pub webhooks: Vec<WebhookRecord>,
    /// How many deliveries were beyond what is kept; they were not sent and stand in no file.
    pub dropped_webhooks: u64,
    /// The clones, in the order of the configuration.
    pub clones: Vec<CloneEnd>,
}

impl fmt::Debug for SessionEnd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SessionEnd")
            .field("base", &self.base)
            .field("route", &self.route)
            .field("calls", &self.calls)
            .field("dropped_calls", &self.dropped_calls)
            .field("refused", &self.refused)
            .field("names", &self.names)
            .field("webhooks", &self.webhooks)
            .field("dropped_webhooks", &self.dropped_webhooks)
            .finish_non_exhaustive()
    }
}

/// What became of a clone.
pub struct CloneEnd {
    /// Its name.
    pub name: &'static str,
    /// Its state at the start.
    pub before: Arc<dyn CloneState>,
    /// Its state at the end.
    pub after: Arc<dyn CloneState>,
    /// What changed in between.
    pub diff: Vec<RowDiff>,
}

impl Session {
    /// Opens the clones, chooses the route and begins to serve.
    pub fn open(config: SessionConfig<'_>) -> Result<Self, SessionError> {
        let probing = Probing::of(config.probe.clone(), &config.helper);
        Self::open_with(authority::LIFETIME, None, probing, config)
    }

    /// The same at a time of its own, which moves with calls alone. The wall clock of children
    /// that run Node or Python stands at it; each writes a line to the file that its variable
    /// `ARCHAL_CLOCK_SEEN` names, which whoever starts them sets.
    pub fn open_at(at: Timestamp, config: SessionConfig<'_>) -> Result<Self, SessionError> {
        let probing = Probing::of(config.probe.clone(), &config.helper);
        Self::open_with(authority::LIFETIME, Some(at), probing, config)
    }

    /// The same with certificates that hold for so long. Whether children can be held in namespaces
    /// is tried only when one is to be.
    pub(super) fn open_for(
        lifetime: Duration,
        config: SessionConfig<'_>,
    ) -> Result<Self, SessionError> {
        let probing = Probing::later(config.probe.clone(), &config.helper);
        Self::open_with(lifetime, None, probing, config)
    }

    fn open_with(
        lifetime: Duration,
        at: Option<Timestamp>,
        probing: Probing,
        config: SessionConfig<'_>,
    ) -> Result<Self, SessionError> {
        // Certificates hold by the real clock, which is that of clients' TLS.
        let now = config.clock.now();
        let base = clock::truncate_to_second(at.unwrap_or(now));
        refuse_shared_hosts(&config.clones)?;
        let mut route = route::choose(config.route, || probing.wait())
            .map_err(|reason| SessionError::Route { reason })?;
        let mut hosted = Vec::new();
        let mut before = Vec::new();
        for plan in &config.clones {
            let mut running = (plan.clone.open)(&OpenClone {
                base,
                ids: config.ids,
                seed: plan.seed,
            })
            .map_err(|diagnostics| SessionError::Seed {
                clone: plan.clone.name,
                diagnostics,
            })?;
            if !plan.trouble.is_none() {
                running.trouble(plan.trouble.clone());
            }
            before.push(running.state());
            let hosts = plan.every_host().map(str::to_owned).collect();
            hosted.push(Hosted::new(*plan.clone, hosts, running));
        }
        let hosts = || config.clones.iter().flat_map(ClonePlan::every_host);
        let authority = Authority::new(hosts(), now, lifetime)
            .map_err(|source| SessionError::Certificates { source })?;
        let trust = trust::Files::write(
            &config.evidence,
            &authority.certificate_pem(),
            hosts(),
            &config.egress,
        )?;
        if route.level != RouteLevel::Direct {
            route.allowed = config.egress.told();
        }
        let ledger = Ledger::new(base, Arc::clone(&config.clock));
        let ledger = match at {
            Some(_) => ledger.standing(),
            None => ledger,
        };
        let inside = Inside {
            level: route.level,
            children: Arc::default(),
        };
        let webhooks = Outbox::new(inside.clone());
        let shared = Shared::new(hosted, Arc::new(authority), ledger, config.egress, webhooks)
            .map_err(|source| SessionError::Certificates { source })?;
        let shared = Arc::new(shared);
        let server =
            Server::start(Arc::clone(&shared)).map_err(|source| SessionError::Serve { source })?;
        let (endpoints, doors) = match route.level {
            RouteLevel::Isolated => {
                inside_endpoints(&config.clones, config.expose_clone_urls, &shared)
            }
            level => {
                let told = level != RouteLevel::Shim || config.expose_clone_urls;
                outside_endpoints(&config.clones, &server, level, told)
                    .map_err(|source| SessionError::Serve { source })?
            }
        };
        if let (RouteLevel::Shim, Some(port)) = (route.level, endpoints.proxy) {
            let straight = shared.egress.addresses();
            let straight: Vec<String> = straight
                .map(|(host, port)| format!("{host}:{port}"))
                .collect();
            trust.write_shims(port, &straight)?;
        }
        let clones: Vec<&CloneDescriptor> = config.clones.iter().map(|plan| plan.clone).collect();
        trust.write_servers(&mcp::servers(&clones, &endpoints.tools))?;
        let mut variables = environment::variables(&clones, &trust, &endpoints, route.level);
        if at.is_some() {
            trust.write_clocks()?;
            environment::stop_clocks(&mut variables, &trust, base);
        }
        Ok(Self {
            environment: variables,
            shared,
            server,
            route,
            probing,
            helper: config.helper,
            evidence: config.evidence,
            redactor: config.redactor,
            literals: config.literals,
            before,
            doors,
            inside,
            model_servers: Mutex::default(),
            trust,
            stop: None,
        })
    }

    /// Virtual now at the start, whole seconds.
    pub fn base(&self) -> Timestamp {
        self.shared.ledger.base()
    }

    /// The route in use.
    pub fn route(&self) -> &RouteReport {
        &self.route
    }

    /// What [`Session::run`] adds to a child's environment. What stands there already is replaced, but
    /// for `NODE_OPTIONS`, `PYTHONPATH` and `JAVA_TOOL_OPTIONS`, of which a child keeps its own part.
    pub fn environment(&self) -> &BTreeMap<String, String> {
        &self.environment
    }

    /// Lets a token end the children that run from now on.
    pub fn stopped_by(mut self, token: Option<&StopToken>) -> Self {
        self.stop = token.cloned();
        self
    }

    /// Runs a child whose traffic reaches the clones, and waits for its end; blocks.
    ///
    /// Variables of its environment that would lead around the route are taken out.
    pub fn run(&self, mut child: ChildSpec) -> ChildEnd {
        environment::apply(&mut child.environment, &self.environment, self.route.level);
        let hold = Hold {
            helper: &self.helper,
            containment: self.probing.wait().containment(),
            stop: self.stop.as_ref(),
        };
        let run = self.server.new_run();
        let end = match self.route.level {
            RouteLevel::Isolated => self.run_inside(&child, &hold, run),
            _ => self.run_outside(child, &hold),
        };
        self.server.settle(run);
        end
    }

    /// Reaches what the session's children listen on.
    pub fn inside(&self) -> Inside {
        self.inside.clone()
    }

    fn run_inside(&self, child: &ChildSpec, hold: &Hold<'_>, run: u64) -> ChildEnd {
        let mut doors = self.doors.clone();
        let told = egress::model_servers(&child.environment);
        for to in told {
            if doors.iter().all(|(address, _)| *address != to) {
                doors.push((to, Door::Loopback { to }));
                self.lock_model_servers().insert(to);
            }
        }
        let tcp: Vec<SocketAddr> = doors.iter().map(|(address, _)| *address).collect();
        let files = self
            .trust
            .binds(&child.directory, &child.environment, &child.command);
        let visible: Vec<PathBuf> = self.shared.egress.sockets().map(Path::to_owned).collect();
        let mut serve = |network: InsideNetwork| {
            for (listener, (_, door)) in network.sockets.tcp.into_iter().zip(&doors) {
                self.server.listen(listener, *door, Some(run));
            }
            for socket in network.sockets.udp {
                self.server.answer_names(socket, run);
            }
            children(&self.inside.children).push((run, network.broker));
        };
        let network = OwnNetwork {
            tcp: &tcp,
            udp: &[NAMES_PORT],
            redirect: Some(redirect()),
            visible: &visible,
            files: &files,
            serve: &mut serve,
        };
        let end = hold::run_isolated(child, hold, network);
        children(&self.inside.children).retain(|(of, _)| *of != run);
        end
    }

    fn lock_model_servers(&self) -> MutexGuard<'_, BTreeSet<SocketAddr>> {
        // An insertion is a single step.
        self.model_servers
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// What takes secrets out of the evidence.
    pub(super) fn clean(&self) -> record::Clean<'_> {
        record::Clean {
            redactor: &self.redactor,
            literals: &self.literals,
        }
    }

    /// Stops serving, writes the evidence and gives it back.
    pub fn finish(self) -> Result<SessionEnd, SessionError> {
        self.server.stop();
        self.shared.webhooks.close();
        let taken = self.shared.ledger.take();
        let mut clones = Vec::new();
        for (hosted, before) in self.shared.clones.iter().zip(&self.before) {
            let running = hosted.running();
            clones.push(CloneEnd {
                name: hosted.clone.name,
                before: Arc::clone(before),
                after: running.state(),
                diff: running.diff(),
            });
        }
        let base = self.base();
        let mut route = self.route.clone();
        let told = self
            .lock_model_servers()
            .iter()
            .map(ToString::to_string)
            .collect::<Vec<_>>();
        route.allowed.extend(told);
        let clean = self.clean();
        let (calls, timings) = record::calls(&self.shared, taken.calls, clean);
        let (posted, dropped_webhooks) = self.shared.webhooks.take();
        let end = SessionEnd {
            base,
            route,
            calls,
            dropped_calls: taken.dropped,
            refused: taken
                .refused
                .into_iter()
                .map(|egress| clean.refused(egress))
                .collect(),
            names: clean.hosts(taken.names),
            webhooks: webhooks::whole(&self.shared, posted, clean),
            dropped_webhooks,
            clones,
        };
        record::write(&self.evidence, &end, &timings, clean)?;
        Ok(end)
    }
}

fn refuse_shared_hosts(plans: &[ClonePlan<'_>]) -> Result<(), SessionError> {
    let mut owners: BTreeMap<&str, &'static str> = BTreeMap::new();
    for plan in plans {
        for host in plan.every_host() {
            if let Some(first) = owners.insert(host, plan.clone.name) {
                return Err(SessionError::HostTwice {
                    host: host.to_owned(),
                    first,
                    second: plan.clone.name,
                });
            }
        }
    }
    Ok(())
}

/// Connections to any other address and port are named and refused.
pub(super) fn redirect() -> Redirect {
    Redirect {
        to: ELSEWHERE_PORT,
        except: SERVICE_PORTS.to_vec(),
        names: NAMES_PORT,
    }
}

/// Where archal listens inside, and what children are told of it.
pub(super) fn inside_endpoints(
    plans: &[ClonePlan<'_>],
    expose: bool,
    shared: &Shared,
) -> (Endpoints, Vec<(SocketAddr, Door)>) {
    let on_all = |port| SocketAddr::from((Ipv4Addr::UNSPECIFIED, port));
    let on_loopback = |port| SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let bases: Vec<u16> = match expose {
        true => (FIRST_BASE_PORT..).take(plans.len()).collect(),
        false => Vec::new(),
    };
    let tools: Vec<(usize, u16)> = with_tools(plans).zip(FIRST_TOOLS_PORT..).collect();
    let mut doors: Vec<(SocketAddr, Door)> = Vec::new();
    doors.extend(SERVICE_PORTS.map(|port| (on_all(port), Door::Service { port })));
    doors.push((on_loopback(NAMES_PORT), Door::Names));
    doors.push((on_loopback(ELSEWHERE_PORT), Door::Elsewhere));
    let base = |(clone, port): (usize, &u16)| (on_all(*port), Door::Base { clone });
    doors.extend(bases.iter().enumerate().map(base));
    let tool = |(clone, port): &(usize, u16)| (on_all(*port), Door::Tools { clone: *clone });
    doors.extend(tools.iter().map(tool));
    let egress = &shared.egress;
    doors.extend(egress.loopback().map(|to| (to, Door::Loopback { to })));
    // For a kernel that leads nothing: the allowed ports at the addresses that names will have.
    let at = |(host, port): (&str, u16)| {
        let address = host.parse().ok().or_else(|| shared.names.address(host))?;
        let address = SocketAddr::from((address, port));
        (!SERVICE_PORTS.contains(&port)).then_some((address, Door::Elsewhere))
    };
    doors.extend(egress.addresses().filter_map(at));
    let endpoints = Endpoints {
        bases,
        tools,
        told: expose,
        ..Endpoints::default()
    };
    (endpoints, doors)
}

fn outside_endpoints(
    plans: &[ClonePlan<'_>],
    server: &Server,
    level: RouteLevel,
    told: bool,
) -> io::Result<(Endpoints, Vec<(SocketAddr, Door)>)> {
    let mut doors = Vec::new();
    let mut listen = |door| {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let address = listener.local_addr()?;
        doors.push((address, door));
        server.listen(listener, door, None);
        io::Result::Ok(address.port())
    };
    let endpoints = Endpoints {
        proxy: match level {
            RouteLevel::Direct => None,
            _ => Some(listen(Door::Proxy)?),
        },
        bases: (0..plans.len())
            .filter(|_| told)
            .map(|clone| listen(Door::Base { clone }))
            .collect::<Result<_, _>>()?,
        tools: with_tools(plans)
            .map(|clone| Ok((clone, listen(Door::Tools { clone })?)))
            .collect::<io::Result<_>>()?,
        told,
        ..Endpoints::default()
    };
    Ok((endpoints, doors))
}

/// The positions of clones that have tools.
fn with_tools(plans: &[ClonePlan<'_>]) -> impl Iterator<Item = usize> {
    let has_tools = |(_, plan): &(usize, &ClonePlan<'_>)| plan.clone.mcp.is_some();
    plans.iter().enumerate().filter(has_tools).map(|(at, _)| at)
}
