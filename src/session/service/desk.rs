//! What a session can be asked, and the answers.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use archal_core::clock::Timestamp;
use archal_core::clone::Seed;
use archal_core::diagnostic::Diagnostic;
use archal_core::redact::RedactionCounts;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::super::record;
use super::entrance::Inside;
use super::live::{Live, Reach, Snapshot, Start};
use super::posts;
use crate::host::protocol::{Refusal, RefusalKind};

/// Most snapshots a session keeps.
const SNAPSHOTS: usize = 1_000;
/// The longest that somebody waits for the next call in one request.
const LONGEST_WAIT: Duration = Duration::from_secs(20);
/// The schema and version of a saved session.
pub const SAVED: (&str, u64) = ("archal.clone-state", 1);

/// What a session can be asked.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "do")]
pub enum Request {
    /// How it stands.
    Status,
    /// To begin a clone anew on another starting state.
    Seed {
        /// The clone.
        clone: String,
        /// On what.
        on: Beginning,
        /// How that is told.
        told: String,
    },
    /// To go back to the starting states: of one clone, or of all.
    Reset {
        /// The clone.
        clone: Option<String>,
    },
    /// To remember the present states.
    Remember {
        /// Under which name; a number where none is given.
        name: Option<String>,
    },
    /// To go back to states that were remembered.
    Recall {
        /// Their name.
        name: String,
    },
    /// To tell the present states as a document.
    Save,
    /// To go on from the states of such a document.
    Load {
        /// It.
        document: Value,
    },
    /// What changed since the start, or since states that were remembered.
    Diff {
        /// Their name.
        since: Option<String>,
    },
    /// What is told webhooks.
    Webhooks,
    /// To let what webhooks are told wait until it is asked for, or go at once again.
    Hold {
        /// Whether it waits.
        holds: bool,
    },
    /// To send what is held.
    Deliver {
        /// The numbers of the deliveries; all where there is none.
        which: Vec<u64>,
    },
    /// To send a delivery once more.
    Redeliver {
        /// Its number.
        number: u64,
    },
    /// To write all evidence there is.
    Flush,
    /// To say when a call is written after this position.
    Wait {
        /// The position.
        after: u64,
    },
    /// How clients and commands get to the clones.
    Way {
        /// Where a command is to be started; none for clients alone.
        directory: Option<PathBuf>,
        /// Variables that decide which Python it uses.
        variables: BTreeMap<String, String>,
    },
    /// To end.
    Stop,
}

/// A starting state as it is sent.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Beginning {
    /// One that comes with the clone.
    Named(String),
    /// A document of the clone's seed schema.
    Document(Value),
    /// A state that was saved.
    Saved(Value),
}

impl Beginning {
    /// As a clone takes it.
    pub fn as_start(&self) -> Start<'_> {
        match self {
            Self::Named(name) => Start::Seed(Seed::Named(name)),
            Self::Document(document) => Start::Seed(Seed::Document(document)),
            Self::Saved(saved) => Start::Saved(saved),
        }
    }
}

/// How a session stands.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Status {
    /// Its name.
    pub name: String,
    /// Its process.
    pub pid: u32,
    /// Which archal it is.
    pub archal: String,
    /// When it started.
    pub started_at: Timestamp,
    /// How long it has run.
    pub uptime_seconds: u64,
    /// Its clones.
    pub clones: Vec<CloneStatus>,
    /// All calls.
    pub calls: u64,
    /// Calls that stand in no file, because there are too many.
    pub unrecorded_calls: u64,
    /// Targets that were refused.
    pub refused: u64,
    /// Deliveries to webhooks, sent or not.
    pub webhooks: u64,
    /// Deliveries to webhooks that stand in no file.
    pub unrecorded_webhooks: u64,
    /// Names of what it remembers.
    pub snapshots: Vec<String>,
    /// Whether commands can have a network of their own.
    pub isolated: bool,
    /// Where its evidence is.
    pub evidence: PathBuf,
    /// Why evidence could not be written, the last time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub trouble: Option<String>,
}

/// How a clone stands.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct CloneStatus {
    /// Its name.
    pub name: String,
    /// On what it started.
    pub start: String,
    /// Its URLs by name.
    pub urls: BTreeMap<String, String>,
    /// Calls that it answered.
    pub calls: u64,
    /// Rows that they changed.
    pub changes: u64,
}

/// How clients and commands get to the clones.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Way {
    /// How each clone is reached.
    pub reach: Vec<Reach>,
    /// For clients that are told URLs.
    pub told: BTreeMap<String, String>,
    /// For clients at the services' own addresses.
    pub routed: BTreeMap<String, String>,
    /// For a command with a network of its own, where that is possible.
    pub inside: Option<super::entrance::Pass>,
}

/// Answers a request.
pub(super) fn answer(live: &Live, request: Request) -> Result<Value, Refusal> {
    match request {
        Request::Status => encoded(&status(live)),
        Request::Seed { clone, on, told } => seed(live, &clone, &on, told),
        Request::Reset { clone } => reset(live, clone.as_deref()),
        Request::Remember { name } => remember(live, name),
        Request::Recall { name } => recall(live, &name),
        Request::Save => save(live),
        Request::Load { document } => load(live, &document),
        Request::Diff { since } => diff(live, since.as_deref()),
        Request::Webhooks => posts::list(live),
        Request::Hold { holds } => {
            live.session.shared.webhooks.hold(holds);
            posts::list(live)
        }
        Request::Deliver { which } => posts::deliver(live, &which),
        Request::Redeliver { number } => posts::again(live, number),
        Request::Flush => Ok(json!({"last": live.flush().last})),
        Request::Wait { after } => Ok(json!({"last": live.evidence.wait(after, LONGEST_WAIT)})),
        Request::Way {
            directory,
            variables,
        } => {
            // Only who starts a command waits for whether it can have a network of its own.
            let inside = match &directory {
                Some(_) => inside(live)?,
                None => None,
            };
            encoded(&Way {
                reach: live.reach.clone(),
                told: live.told().clone(),
                routed: live.routed(),
                inside: directory
                    .zip(inside)
                    .map(|(directory, inside)| inside.pass(&directory, &variables)),
            })
        }
        Request::Stop => {
            live.end.ask();
            Ok(json!({}))
        }
    }
}

fn inside(live: &Live) -> Result<Option<&Inside>, Refusal> {
    let inside = live.inside();
    inside.map_err(|why| Refusal::new(RefusalKind::Environment, why))
}

pub(super) fn encoded(value: &impl Serialize) -> Result<Value, Refusal> {
    serde_json::to_value(value).map_err(|error| Refusal::of(RefusalKind::Internal, &error))
}

pub(super) fn usage(message: String) -> Refusal {
    Refusal::new(RefusalKind::Usage, message)
}

fn find(live: &Live, name: &str) -> Result<usize, Refusal> {
    live.find(name).ok_or_else(|| {
        let has: Vec<&str> = live.clones.iter().map(|clone| clone.name).collect();
        usage(format!(
            "session {} has no clone {name}; it has {}",
            live.name,
            has.join(", ")
        ))
    })
}

/// A clone's refusal of a state.
fn refused(clone: &str, diagnostics: &[Diagnostic]) -> Refusal {
    let message = format!("the {clone} clone refuses the state");
    let mut refusal = Refusal::new(RefusalKind::Config, message);
    refusal.causes = diagnostics
        .iter()
        .map(|finding| match &finding.help {
            Some(help) => format!("{}; {help}", finding.message),
            None => finding.message.clone(),
        })
        .collect();
    refusal
}

fn status(live: &Live) -> Status {
    let written = live.flush();
    let desk = live.desk();
    let uptime = live.clock.now().duration_since(live.started_at);
    let clones = live.reach.iter().zip(&desk.opened).zip(&written.tallies);
    Status {
        name: live.name.clone(),
        pid: std::process::id(),
        archal: env!("CARGO_PKG_VERSION").to_owned(),
        started_at: live.started_at,
        uptime_seconds: uptime.as_secs().try_into().unwrap_or(0),
        clones: clones
            .map(|((reach, (_, start)), (calls, changes))| CloneStatus {
                name: reach.clone.clone(),
                start: start.clone(),
                urls: reach.urls.iter().cloned().collect(),
                calls: *calls,
                changes: *changes,
            })
            .collect(),
        calls: written.tallies.iter().map(|(calls, _)| calls).sum(),
        unrecorded_calls: written.dropped,
        refused: written.refused,
        webhooks: written.webhooks,
        unrecorded_webhooks: written.dropped_webhooks,
        snapshots: desk.snapshots.keys().cloned().collect(),
        isolated: inside(live).is_ok_and(|inside| inside.is_some()),
        evidence: live.session.evidence.clone(),
        trouble: written.trouble,
    }
}

fn seed(live: &Live, clone: &str, on: &Beginning, told: String) -> Result<Value, Refusal> {
    let at = find(live, clone)?;
    let opened = live.opened_on(at, on.as_start());
    let opened = opened.map_err(|diagnostics| refused(clone, &diagnostics))?;
    let mut desk = live.desk();
    desk.opened[at] = (opened.state(), told.clone());
    live.swap(at, |running| *running = opened);
    Ok(json!({"clone": clone, "start": told}))
}

fn reset(live: &Live, clone: Option<&str>) -> Result<Value, Refusal> {
    let which = match clone {
        Some(name) => vec![find(live, name)?],
        None => (0..live.clones.len()).collect(),
    };
    let mut told = Map::new();
    for at in which {
        let rows = live.swap(at, |running| {
            let rows = running.diff().len();
            running.reset();
            rows
        });
        told.insert(live.clones[at].name.to_owned(), rows.into());
    }
    Ok(json!({ "undone": told }))
}

fn states(live: &Live) -> Vec<Arc<dyn archal_core::clone::CloneState>> {
    let clones = live.session.shared.clones.iter();
    clones.map(|hosted| hosted.running().state()).collect()
}

fn remember(live: &Live, name: Option<String>) -> Result<Value, Refusal> {
    let snapshot = Snapshot {
        states: states(live),
        at: live.clock.now(),
    };
    let mut desk = live.desk();
    let name = name.unwrap_or_else(|| {
        let free = (1..).map(|number| format!("snapshot-{number}"));
        let mut free = free.filter(|name| !desk.snapshots.contains_key(name));
        free.next().unwrap_or_default()
    });
    if desk.snapshots.len() >= SNAPSHOTS && !desk.snapshots.contains_key(&name) {
        return Err(usage(format!(
            "a session remembers {SNAPSHOTS} snapshots at most"
        )));
    }
    let replaced = desk.snapshots.insert(name.clone(), snapshot).is_some();
    Ok(json!({"name": name, "replaced": replaced}))
}

fn known(live: &Live, name: &str) -> Result<Snapshot, Refusal> {
    let desk = live.desk();
    desk.snapshots.get(name).cloned().ok_or_else(|| {
        let names: Vec<&str> = desk.snapshots.keys().map(String::as_str).collect();
        let has = if names.is_empty() {
            "none".to_owned()
        } else {
            names.join(", ")
        };
        usage(format!(
            "session {} has no snapshot {name}; it has {has}",
            live.name
        ))
        .hint(format!("archal clone snapshot --save {name}"))
    })
}

fn recall(live: &Live, name: &str) -> Result<Value, Refusal> {
    let snapshot = known(live, name)?;
    let mut told = Map::new();
    for (at, state) in snapshot.states.iter().enumerate() {
        let rows = live.swap(at, |running| {
            let rows = running.state().diff(state.as_ref()).len();
            running.restore(state.as_ref()).then_some(rows)
        });
        let clone = live.clones[at].name;
        let rows = rows.ok_or_else(|| {
            let message = format!("the state of {clone} is another clone's");
            Refusal::new(RefusalKind::Internal, message)
        })?;
        told.insert(clone.to_owned(), rows.into());
    }
    Ok(json!({"name": name, "at": snapshot.at, "changed": told}))
}

fn save(live: &Live) -> Result<Value, Refusal> {
    let states = states(live);
    let saved: Result<Map<String, Value>, String> = live
        .clones
        .iter()
        .zip(&states)
        .map(|(clone, state)| Ok((clone.name.to_owned(), state.save()?)))
        .collect();
    let saved = saved.map_err(|problem| Refusal::new(RefusalKind::Environment, problem))?;
    Ok(json!({
        "schema": SAVED.0,
        "version": SAVED.1,
        "archal": env!("CARGO_PKG_VERSION"),
        "savedAt": live.clock.now(),
        "clones": saved,
    }))
}

/// The states of a document, by clone.
///
/// # Errors
///
/// When it is no document of this kind.
pub fn saved_states(document: &Value) -> Result<&Map<String, Value>, String> {
    if document["schema"] != SAVED.0 {
        return Err(format!("its schema is not {}", SAVED.0));
    }
    if document["version"] != SAVED.1 {
        let version = &document["version"];
        return Err(format!("its version is {version}, not {}", SAVED.1));
    }
    let clones = document["clones"].as_object();
    clones.ok_or_else(|| "it has no `clones`".to_owned())
}

fn load(live: &Live, document: &Value) -> Result<Value, Refusal> {
    let states = saved_states(document).map_err(|why| {
        Refusal::new(
            RefusalKind::Config,
            format!("this is no saved session: {why}"),
        )
    })?;
    // All of it or nothing: what cannot be opened is found before anything changes.
    let mut opened = Vec::new();
    for (name, saved) in states {
        let at = find(live, name)?;
        let clone = live.opened_on(at, Start::Saved(saved));
        opened.push((
            at,
            clone.map_err(|diagnostics| refused(name, &diagnostics))?,
        ));
    }
    let mut told = Map::new();
    for (at, clone) in opened {
        let state = clone.state();
        let rows = live.swap(at, |running| {
            let rows = running.state().diff(state.as_ref()).len();
            running.restore(state.as_ref()).then_some(rows)
        });
        told.insert(live.clones[at].name.to_owned(), rows.unwrap_or(0).into());
    }
    Ok(json!({ "changed": told }))
}

fn diff(live: &Live, since: Option<&str>) -> Result<Value, Refusal> {
    let snapshot = since.map(|name| known(live, name)).transpose()?;
    let mut counts = RedactionCounts::new();
    let mut told = Map::new();
    for (at, hosted) in live.session.shared.clones.iter().enumerate() {
        let running = hosted.running();
        let rows = match &snapshot {
            Some(snapshot) => snapshot.states[at].diff(running.state().as_ref()),
            None => running.diff(),
        };
        let mut value = record::diff(&rows, running.state().base());
        record::evidence_texts(running.state().as_ref(), &mut value);
        live.session.clean().value(&mut value, &mut counts);
        told.insert(hosted.clone.name.to_owned(), value);
    }
    Ok(Value::Object(told))
}
