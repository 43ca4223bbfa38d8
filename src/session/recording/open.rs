//! A recording as a whole: opening it, running one command in it, and what it recorded.

use std::collections::BTreeMap;
use std::fmt;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use archal_core::clock::Clock;

use super::super::authority::Authority;
use super::super::door::Door;
use super::super::egress::Egress;
use super::super::environment::{self, Endpoints};
use super::super::ledger::Ledger;
use super::super::open::{NAMES_PORT, SessionError, redirect};
use super::super::route::{self, RouteLevel, RouteReport};
use super::super::server::{Server, Shared};
use super::super::webhooks::Outbox;
use super::super::{Inside, trust};
use super::connection::{self, Recording};
use super::named::NamedHost;
use super::recorder::{Recorded, Recorder, Sink};
use super::upstream::Upstream;
use crate::config::schema::RouteMode;
use crate::sandbox::child::{ChildEnd, ChildSpec};
use crate::sandbox::hold::{self, Hold, InsideNetwork, OwnNetwork, Probe, Signals};

/// How long the certificates hold: longer than any command runs.
const CERTIFICATES: Duration = Duration::from_secs(30 * 86_400);
/// Ports inside on which everything of any address comes in.
const SERVICES: [u16; 2] = [443, 80];
/// The port inside that connections to any other address and port are led to.
const ELSEWHERE: u16 = 1;

/// What a recording needs.
pub struct RecordingConfig<'a> {
    /// Whose calls are recorded.
    pub named: Vec<NamedHost>,
    /// The route asked for; never `direct`, which leads nothing here.
    pub route: RouteMode,
    /// What holding children is possible.
    pub probe: &'a Probe,
    /// A folder for the files of the route until the end.
    pub folder: PathBuf,
    /// The clock.
    pub clock: Arc<dyn Clock>,
    /// Whom the calls are told.
    pub sink: Sink,
    /// The password of the proxy: letters and digits.
    pub password: String,
    /// How the caller reaches the network, and what it trusts.
    pub egress: Egress,
}

impl fmt::Debug for RecordingConfig<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RecordingConfig")
            .field("named", &self.named)
            .field("route", &self.route)
            .finish_non_exhaustive()
    }
}

/// An open recording; dropping it ends it.
pub struct Tape {
    server: Server,
    recorder: Arc<Recorder>,
    route: RouteReport,
    environment: BTreeMap<String, String>,
    doors: Vec<(SocketAddr, Door)>,
    trust: trust::Files,
    visible: Vec<PathBuf>,
}

impl fmt::Debug for Tape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tape")
            .field("route", &self.route)
            .field("recorder", &self.recorder)
            .finish_non_exhaustive()
    }
}

impl Tape {
    /// Chooses the route and begins to serve.
    ///
    /// # Errors
    ///
    /// When the route is not to be had, or its files, certificates or ports are not.
    pub fn open(config: RecordingConfig<'_>) -> Result<Self, SessionError> {
        let failed = |source| SessionError::Certificates { source };
        let serve = |source| SessionError::Serve { source };
        let route = route::choose(config.route, || config.probe)
            .map_err(|reason| SessionError::Route { reason })?;
        let now = config.clock.now();
        let hosts = config.named.iter().flat_map(NamedHost::constraints);
        let authority = Authority::new(hosts, now, CERTIFICATES).map_err(failed)?;
        let authority = Arc::new(authority);
        let trust = trust::Files::write(
            &config.folder,
            &authority.certificate_pem(),
            std::iter::empty(),
            &config.egress,
        )?;
        let roots = trust::roots(&config.egress);
        let upstream = Upstream::new(&Arc::new(config.egress.clone()), &roots).map_err(failed)?;
        let recorder = Arc::new(Recorder::new(
            config.named,
            Arc::clone(&config.clock),
            config.sink,
        ));
        let recording = Recording::new(
            Arc::clone(&recorder),
            upstream,
            Arc::clone(&authority),
            &config.password,
        );
        let ledger = Ledger::new(now, config.clock);
        // Nothing is told to webhooks where there are no clones.
        let webhooks = Outbox::new(Inside {
            level: route.level,
            children: Arc::default(),
        });
        let shared =
            Shared::new(Vec::new(), authority, ledger, config.egress, webhooks).map_err(failed)?;
        // Nobody else sets it.
        shared.recording.set(Arc::new(recording)).ok();
        let server = Server::start(Arc::new(shared)).map_err(serve)?;
        let mut tape = Self {
            environment: BTreeMap::new(),
            doors: Vec::new(),
            visible: Vec::new(),
            server,
            recorder,
            route,
            trust,
        };
        let mut endpoints = Endpoints::default();
        match tape.route.level {
            RouteLevel::Isolated => tape.listen_inside(),
            RouteLevel::Shim | RouteLevel::Proxy | RouteLevel::Direct => {
                endpoints.proxy = Some(tape.listen(Door::Proxy).map_err(serve)?);
                endpoints.java = Some(tape.listen(Door::OwnProxy).map_err(serve)?);
                endpoints.password = Some(config.password);
            }
        }
        if tape.route.level == RouteLevel::Shim {
            let led = tape.listen_led().map_err(serve)?;
            tape.trust.write_leading_shims(&led)?;
        }
        tape.environment = environment::variables(&[], &tape.trust, &endpoints, tape.route.level);
        // That is of clones.
        tape.environment.remove("ARCHAL_MCP_CONFIG");
        if tape.recorder.named().iter().any(NamedHost::is_local) {
            // What is on the loopback goes through the proxy, too.
            for name in ["NO_PROXY", "no_proxy"] {
                tape.environment.insert(name.to_owned(), String::new());
            }
        }
        Ok(tape)
    }

    /// Everything a child reaches comes in here, but for its own loopback; of that, what this
    /// machine's programs serve is where it always is.
    fn listen_inside(&mut self) {
        let on_all = |port| SocketAddr::from((Ipv4Addr::UNSPECIFIED, port));
        let on_loopback = |port| SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        let (listening, sockets) = hold::listening();
        let taken = [SERVICES[0], SERVICES[1], NAMES_PORT, ELSEWHERE];
        let local = connection::loopback(&self.recorder, listening, &taken);
        let services = SERVICES.map(|port| (on_all(port), Door::Service { port }));
        self.doors.extend(services);
        self.doors.push((on_loopback(NAMES_PORT), Door::Names));
        self.doors.push((on_loopback(ELSEWHERE), Door::Elsewhere));
        let local = local.into_iter().map(|to| (to, Door::Loopback { to }));
        self.doors.extend(local);
        self.visible = sockets;
    }

    fn listen(&self, door: Door) -> std::io::Result<u16> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let port = listener.local_addr()?.port();
        self.server.listen(listener, door, None);
        Ok(port)
    }

    /// A port for each port of each named host, as shims are told of them.
    fn listen_led(&self) -> std::io::Result<Vec<(String, u16, u16)>> {
        let mut led = Vec::new();
        for (host, named) in self.recorder.named().iter().enumerate() {
            for port in named.ports() {
                let door = self.listen(Door::Led { host, port: *port })?;
                led.push((named.pattern().to_owned(), *port, door));
            }
        }
        Ok(led)
    }

    /// The route in use.
    pub fn route(&self) -> &RouteReport {
        &self.route
    }

    /// Gives a command the variables of its way, and takes out what would lead it around archal.
    pub fn lead(&self, variables: &mut BTreeMap<String, String>) {
        environment::apply(variables, &self.environment, self.route.level);
    }

    /// Runs a command in a network of its own, with the caller's terminal and streams; only where
    /// that is the route. Blocks.
    pub fn run_attached(
        &self,
        child: &ChildSpec,
        hold: &Hold<'_>,
        started: &mut dyn FnMut(Signals),
    ) -> ChildEnd {
        let run = self.server.new_run();
        let tcp: Vec<SocketAddr> = self.doors.iter().map(|(address, _)| *address).collect();
        let files = self
            .trust
            .binds(&child.directory, &child.environment, &child.command);
        let mut serve = |network: InsideNetwork| {
            for (listener, (_, door)) in network.sockets.tcp.into_iter().zip(&self.doors) {
                self.server.listen(listener, *door, Some(run));
            }
            for socket in network.sockets.udp {
                self.server.answer_names(socket, run);
            }
        };
        let network = OwnNetwork {
            tcp: &tcp,
            udp: &[NAMES_PORT],
            redirect: Some(redirect()),
            visible: &self.visible,
            files: &files,
            serve: &mut serve,
        };
        let end = hold::run_attached(child, hold, network, started);
        self.server.settle(run);
        end
    }

    /// Ends it: no more calls are told. Gives what was recorded beside them.
    pub fn finish(self) -> Recorded {
        let run = self.server.new_run();
        self.server.settle(run);
        // Bodies that are still on their way are recorded as far as they came.
        self.server.stop();
        self.recorder.take()
    }
}
