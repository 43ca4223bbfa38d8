//! A session that lives on its own: its listeners, what clients are told, and its end.

use std::collections::BTreeMap;
use std::io;
use std::net::{Ipv4Addr, TcpListener};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use archal_core::clock::{Clock, Timestamp};
use archal_core::clone::{CloneDescriptor, CloneState, Seed, ServiceClone, Trouble};
use archal_core::diagnostic::Diagnostic;
use archal_core::redact::{Literals, Redactor};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::super::door::Door;
use super::super::egress::Egress;
use super::super::open::{CloneEnd, ClonePlan, Session, SessionConfig, SessionError};
use super::super::{mcp, record};
use super::entrance::{Entrance, Inside};
use super::evidence::Evidence;
use super::place::{self, Claim, PlaceError, Record};
use super::{control, desk};
use crate::config::schema::RouteMode;
use crate::host::memory;
use crate::sandbox::StopToken;
use crate::sandbox::hold::Probe;
use crate::scenario::spec::EMPTY_SEED;
use crate::store::atomic::WriteError;

/// Between two looks at what was recorded.
const FLUSH: Duration = Duration::from_millis(50);
/// After so many looks that found nothing new, a burst is over.
const QUIET: u32 = 20;
/// How long the certificates of a session hold: longer than anybody keeps one.
const CERTIFICATES: Duration = Duration::from_secs(30 * 86_400);
/// Between two looks at whether the session's folder is still there.
const LOOK: Duration = Duration::from_secs(2);

/// On what a clone starts.
#[derive(Debug, Clone, Copy)]
pub enum Start<'a> {
    /// A starting state.
    Seed(Seed<'a>),
    /// A state that was saved.
    Saved(&'a Value),
}

/// What a session needs.
pub struct LiveConfig<'a> {
    /// The clones, each service once, on what, and how that is told.
    pub clones: Vec<(&'static CloneDescriptor, Start<'a>, String)>,
    /// The port of the first base URL, the others follow; free ones where there is none.
    pub port: Option<u16>,
    /// Whether what webhooks are told waits until it is asked for.
    pub hold_webhooks: bool,
    /// What holding children is possible, where it was found out before.
    pub probe: Option<Probe>,
    /// The clock.
    pub clock: Arc<dyn Clock>,
    /// The archal binary; an absolute path.
    pub helper: PathBuf,
    /// What clients may reach beside the clones.
    pub egress: Egress,
    /// The redaction rules for the evidence.
    pub redactor: Redactor,
    /// Secrets known by value.
    pub literals: Literals,
    /// What the control API asks for.
    pub token: String,
    /// Where a private folder for the entrance may be made, the best first.
    pub temporary: Vec<PathBuf>,
}

/// Why a session does not begin or end.
#[derive(Debug, thiserror::Error)]
pub enum LiveError {
    /// The clones cannot be opened or served.
    #[error(transparent)]
    Session(#[from] SessionError),
    /// Its place cannot be used.
    #[error(transparent)]
    Place(#[from] PlaceError),
    /// A port is somebody else's, or not to be had.
    #[error("port {port} cannot be listened on{}", taken(source))]
    Port {
        /// The port.
        port: u16,
        /// The cause.
        source: io::Error,
    },
    /// Something else of the system is not to be had.
    #[error("the session cannot be served: {what}")]
    Serve {
        /// What.
        what: &'static str,
        /// The cause.
        source: io::Error,
    },
    /// The evidence cannot be written.
    #[error(transparent)]
    Evidence(#[from] WriteError),
}

fn taken(error: &io::Error) -> &'static str {
    match error.kind() {
        io::ErrorKind::AddrInUse => ": another program has it",
        _ => "",
    }
}

/// How a clone is reached.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reach {
    /// The clone.
    pub clone: String,
    /// Its base URLs by name (`rest`, `graphql`, `git`), and `mcp`, in that order.
    pub urls: Vec<(String, String)>,
}

/// A session that runs.
pub struct Live {
    pub(super) session: Session,
    pub(super) clones: Vec<&'static CloneDescriptor>,
    pub(super) evidence: Evidence,
    pub(super) reach: Vec<Reach>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) started_at: Timestamp,
    pub(super) name: String,
    pub(super) state: Mutex<Desk>,
    /// What is asked when the session is to end.
    pub(super) end: StopToken,
    told: BTreeMap<String, String>,
    inside: OnceLock<Result<Option<Inside>, String>>,
}

/// What the session remembers beside its clones.
pub(super) struct Desk {
    /// On what each clone started, and how that is told.
    pub(super) opened: Vec<(Arc<dyn CloneState>, String)>,
    /// Snapshots by name.
    pub(super) snapshots: BTreeMap<String, Snapshot>,
}

/// All clones at one moment.
#[derive(Clone)]
pub(super) struct Snapshot {
    pub(super) states: Vec<Arc<dyn CloneState>>,
    pub(super) at: Timestamp,
}

/// A live session with the threads that serve it; dropping it ends them.
pub struct Serving {
    live: Arc<Live>,
    claim: Claim,
    control: control::Control,
    entrance: Option<Entrance>,
    record: Record,
    flushing: Option<std::thread::JoinHandle<()>>,
    flushed: StopToken,
}

impl Serving {
    /// Opens the clones, listens, and says so in the session's record.
    ///
    /// # Errors
    ///
    /// When a starting state is refused, a port is taken or a file cannot be written.
    pub fn begin(claim: Claim, config: LiveConfig<'_>) -> Result<Self, LiveError> {
        let token = config.token.clone();
        let temporary = config.temporary.clone();
        let live = Arc::new(Live::open(&claim, config)?);
        // Whether anybody can come in is found out when the first one wants to.
        let entrance = match cfg!(target_os = "linux") {
            true => Some(Entrance::open(&live, &token, &temporary).map_err(serve("the entrance"))?),
            false => None,
        };
        let control = control::Control::start(Arc::clone(&live), token.clone())
            .map_err(serve("the control API"))?;
        let path = entrance.as_ref().map(|entrance| entrance.path().to_owned());
        let record = place::record(
            &live.name,
            live.started_at,
            control.url(),
            token,
            path.unwrap_or_default(),
        );
        let flushed = StopToken::new();
        let flushing = flusher(Arc::clone(&live), flushed.clone()).map_err(serve("a thread"))?;
        let serving = Self {
            live,
            claim,
            control,
            entrance,
            record,
            flushing: Some(flushing),
            flushed,
        };
        serving.claim.announce(&serving.record)?;
        Ok(serving)
    }

    /// The session.
    pub fn live(&self) -> &Arc<Live> {
        &self.live
    }

    /// How it is reached.
    pub fn record(&self) -> &Record {
        &self.record
    }

    /// Waits until somebody asks for the end, or the session's folder is gone; whether it was asked.
    pub fn until_end(&self) -> bool {
        let folder = self.claim.place().folder();
        loop {
            if self.live.end.wait(LOOK) {
                return true;
            }
            if !folder.is_dir() {
                return false;
            }
        }
    }

    /// Stops serving and writes the rest of the evidence.
    ///
    /// # Errors
    ///
    /// When it cannot be written.
    pub fn finish(mut self) -> Result<(), LiveError> {
        let is_there = self.claim.place().folder().is_dir();
        drop(self.entrance.take());
        self.stop_flushing();
        self.live.session.server.stop();
        self.live.session.shared.webhooks.close();
        self.live.flush();
        let written = if is_there {
            self.live.write_states()
        } else {
            Ok(())
        };
        self.control.stop();
        self.claim.clear()?;
        written
    }

    fn stop_flushing(&mut self) {
        self.flushed.stop();
        if let Some(thread) = self.flushing.take() {
            thread.join().ok();
        }
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        self.stop_flushing();
        self.control.stop();
    }
}

fn serve(what: &'static str) -> impl Fn(io::Error) -> LiveError {
    move |source| LiveError::Serve { what, source }
}

fn flusher(live: Arc<Live>, end: StopToken) -> io::Result<std::thread::JoinHandle<()>> {
    std::thread::Builder::new()
        .name("archal-evidence".to_owned())
        .spawn(move || {
            let (mut last, mut quiet) = (0, 0);
            while !end.wait(FLUSH) {
                let written = live.flush().last;
                quiet = if written == last { quiet + 1 } else { 0 };
                last = written;
                if quiet == QUIET && live.evidence.rest() {
                    memory::give_back();
                }
            }
        })
}

impl Live {
    fn open(claim: &Claim, config: LiveConfig<'_>) -> Result<Self, LiveError> {
        let started_at = config.clock.now();
        let clones: Vec<_> = config.clones.iter().map(|(clone, _, _)| *clone).collect();
        let plans: Vec<ClonePlan<'_>> = config
            .clones
            .iter()
            .map(|(clone, start, _)| match start {
                Start::Seed(seed) => plan(clone, *seed),
                // Only until the state is put in its place.
                Start::Saved(_) => plan(clone, Seed::Named(EMPTY_SEED)),
            })
            .collect();
        let session = Session::open_for(
            CERTIFICATES,
            SessionConfig {
                clones: plans,
                route: RouteMode::Shim,
                probe: config.probe,
                evidence: claim.place().evidence(),
                clock: Arc::clone(&config.clock),
                ids: 0,
                helper: config.helper,
                expose_clone_urls: true,
                egress: config.egress,
                redactor: config.redactor,
                literals: config.literals,
            },
        )?;
        session.shared.webhooks.hold(config.hold_webhooks);
        let mut opened = Vec::new();
        for (at, (clone, start, told)) in config.clones.iter().enumerate() {
            let mut running = session.shared.clones[at].running();
            if let Start::Saved(saved) = start {
                *running = (clone.reopen)(saved).map_err(|diagnostics| SessionError::Seed {
                    clone: clone.name,
                    diagnostics,
                })?;
            }
            opened.push((running.state(), told.clone()));
        }
        let evidence = Evidence::begin(&session.evidence, clones.len())
            .map_err(serve("its evidence cannot be written"))?;
        let (reach, places) = listen(&session, &clones, config.port)?;
        // Nobody else sets it.
        session.shared.places.set(places).ok();
        let told = told(&session, &clones, &reach);
        Ok(Self {
            clones,
            evidence,
            reach,
            clock: config.clock,
            started_at,
            name: claim.place().name().to_owned(),
            state: Mutex::new(Desk {
                opened,
                snapshots: BTreeMap::new(),
            }),
            end: StopToken::new(),
            told,
            inside: OnceLock::new(),
            session,
        })
    }

    /// How each clone is reached.
    pub fn reach(&self) -> &[Reach] {
        &self.reach
    }

    /// What commands with a network of their own find in it, where such networks are to be had. The
    /// first one waits for the trial of that: it takes longer than all else of a session's start.
    ///
    /// # Errors
    ///
    /// When its files cannot be written.
    pub(super) fn inside(&self) -> Result<Option<&Inside>, String> {
        let made = self.inside.get_or_init(|| {
            if self.session.probing.wait().namespaces.is_err() {
                return Ok(None);
            }
            let clones = self.clones.iter();
            let plans: Vec<ClonePlan<'_>> = clones
                .map(|clone| plan(clone, Seed::Named(EMPTY_SEED)))
                .collect();
            let inside = Inside::of(&self.session, &plans);
            inside.map(Some).map_err(|error| error.to_string())
        });
        made.as_ref().map(Option::as_ref).map_err(Clone::clone)
    }

    /// Asking it ends the session.
    pub fn end(&self) -> &StopToken {
        &self.end
    }

    /// Variables that tell clients of base URLs and of MCP where the clones are.
    pub fn told(&self) -> &BTreeMap<String, String> {
        &self.told
    }

    /// Variables that lead clients at the services' own addresses through the session's proxy, and
    /// make them trust it.
    pub fn routed(&self) -> BTreeMap<String, String> {
        let mut variables = self.session.environment().clone();
        variables.retain(|name, _| !self.told.contains_key(name));
        variables
    }

    pub(super) fn desk(&self) -> MutexGuard<'_, Desk> {
        // Every change is one insertion, so it is whole whatever happened.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn flush(&self) -> super::evidence::Written {
        self.evidence
            .flush(&self.session.shared, self.session.clean())
    }

    /// Lets `change` put another state in the place of a clone's.
    pub(super) fn swap<T>(
        &self,
        clone: usize,
        change: impl FnOnce(&mut Box<dyn ServiceClone>) -> T,
    ) -> T {
        let (shared, clean) = (&self.session.shared, self.session.clean());
        // What the state told is not sent when it is gone.
        shared.webhooks.drain("its state was put away first");
        // Nor is the next state told of it.
        drop(shared.webhooks.untold(clone));
        self.evidence.swap(shared, clean, clone, change)
    }

    /// Opens a clone anew, at the present moment.
    pub(super) fn opened_on(
        &self,
        clone: usize,
        start: Start<'_>,
    ) -> Result<Box<dyn ServiceClone>, Vec<Diagnostic>> {
        let descriptor = self.clones[clone];
        match start {
            Start::Saved(saved) => (descriptor.reopen)(saved),
            Start::Seed(seed) => (descriptor.open)(&archal_core::clone::OpenClone {
                base: archal_core::clock::truncate_to_second(self.session.shared.ledger.now()),
                ids: 0,
                seed,
            }),
        }
    }

    fn write_states(&self) -> Result<(), LiveError> {
        let desk = self.desk();
        let shared = &self.session.shared;
        let ended: Vec<CloneEnd> = shared
            .clones
            .iter()
            .zip(&desk.opened)
            .map(|(hosted, (before, _))| {
                let running = hosted.running();
                CloneEnd {
                    name: hosted.clone.name,
                    before: Arc::clone(before),
                    after: running.state(),
                    diff: running.diff(),
                }
            })
            .collect();
        record::write_states(&self.session.evidence, &ended, self.session.clean())?;
        Ok(())
    }

    /// The name and place of a clone in this session.
    pub(super) fn find(&self, name: &str) -> Option<usize> {
        self.clones.iter().position(|clone| clone.name == name)
    }

    /// Answers what the control API was asked.
    pub fn answer(&self, request: desk::Request) -> Result<Value, crate::host::protocol::Refusal> {
        desk::answer(self, request)
    }
}

fn plan<'a>(clone: &'a CloneDescriptor, seed: Seed<'a>) -> ClonePlan<'a> {
    ClonePlan {
        clone,
        seed,
        trouble: Trouble::default(),
        more_hosts: &[],
    }
}

/// Each clone's URLs, and each host with the URL in its place.
type Listening = (Vec<Reach>, Vec<(&'static str, String)>);

/// Listens for clients with base URLs and MCP URLs.
fn listen(
    session: &Session,
    clones: &[&'static CloneDescriptor],
    first: Option<u16>,
) -> Result<Listening, LiveError> {
    let mut next = first;
    let mut bound = |door: Door| {
        let port = next.unwrap_or(0);
        let failed = |source| LiveError::Port { port, source };
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).map_err(failed)?;
        let port = listener.local_addr().map_err(failed)?.port();
        if let Some(taken) = next {
            // Behind the last one the system chooses.
            next = taken.checked_add(1);
        }
        session.server.listen(listener, door, None);
        Ok::<u16, LiveError>(port)
    };
    let mut places: Vec<(&'static str, String)> = Vec::new();
    let mut reach = Vec::new();
    let mut tools = Vec::new();
    for (clone, descriptor) in clones.iter().enumerate() {
        let mut urls = Vec::new();
        let faces = descriptor.base_urls.iter();
        for face in faces.filter(|face| descriptor.hosts.contains(&face.host)) {
            let known = places.iter().find(|(host, _)| *host == face.host);
            let place = match known {
                Some((_, place)) => place.clone(),
                None => {
                    let host = face.host;
                    let port = bound(Door::Host { clone, host })?;
                    let place = format!("http://127.0.0.1:{port}");
                    places.push((host, place.clone()));
                    place
                }
            };
            urls.push((face.name.to_owned(), format!("{place}{}", face.path)));
        }
        if descriptor.mcp.is_some() {
            let port = bound(Door::Tools { clone })?;
            tools.push((clone, port));
            urls.push(("mcp".to_owned(), mcp::url(port)));
        }
        reach.push(Reach {
            clone: descriptor.name.to_owned(),
            urls,
        });
    }
    let descriptors: Vec<&CloneDescriptor> = clones.to_vec();
    session
        .trust
        .write_servers(&mcp::servers(&descriptors, &tools))?;
    Ok((reach, places))
}

/// The variables that name the URLs, and those that hold the clones' credentials.
fn told(
    session: &Session,
    clones: &[&'static CloneDescriptor],
    reach: &[Reach],
) -> BTreeMap<String, String> {
    let mut told = BTreeMap::new();
    let mut bases = Map::new();
    for (clone, reach) in clones.iter().zip(reach) {
        for (name, dummy) in clone.credentials {
            told.insert((*name).to_owned(), (*dummy).to_owned());
        }
        for (name, url) in &reach.urls {
            let service = clone.name.to_ascii_uppercase();
            let variable = format!("ARCHAL_{service}_{}_URL", name.to_ascii_uppercase());
            told.insert(variable, url.clone());
            let face = clone.base_urls.iter().find(|face| face.name == name);
            for variable in face.map_or(&[][..], |face| face.variables) {
                told.insert((*variable).to_owned(), url.clone());
            }
            if name == "rest" {
                bases.insert(clone.name.to_owned(), url.clone().into());
            }
        }
    }
    told.insert(
        "AGENT_CLONE_URLS".to_owned(),
        Value::from(bases).to_string(),
    );
    told.insert("AGENT_ROUTE_HEADERS".to_owned(), "{}".to_owned());
    let servers = session.trust.servers().display().to_string();
    told.insert("ARCHAL_MCP_CONFIG".to_owned(), servers);
    told
}
