//! A push source at work: its ports, its spool, its assembly, from start to end.
//!
//! [`serve`] runs until it is asked to stop. [`settings`] are those of a registered source,
//! [`feed`] runs it inside the watcher, [`port`] takes the ports, `intake` puts requests into the
//! spool; what is read of it again and packed is in [`super::spool`] and [`super::assembly`].

pub mod feed;
mod intake;
pub mod port;
pub mod settings;

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::channel;
use std::thread;
use std::time::Duration;

use archal_core::clock::Clock;
use archal_core::push::{PushSource, Service};
use archal_core::redact::Redactor;
use archal_core::source::SourceDescriptor;

use super::assembly::given::Given;
use super::assembly::packer::{Heard, Packed, Packer};
use super::assembly::{Assembly, Pace};
use super::spool::recover::{Recovered, recover};
use super::spool::{Segments, Spool, SpoolLimits};
use crate::host::lock::{FileLock, LockError};
use crate::sandbox::StopToken;
use intake::Redacting;
use port::PortError;

/// Threads that decode requests.
const DECODERS: usize = 4;
/// How often it is looked whether to stop.
const STOP_LOOK: Duration = Duration::from_millis(250);
/// How long requests that are under way may take to their end.
const DRAIN: Duration = Duration::from_secs(10);

/// What is served, and where it goes.
#[derive(Debug, Clone)]
pub struct ServeOptions {
    /// The source; it has a [`SourceDescriptor::push`].
    pub source: &'static SourceDescriptor,
    /// The name it is registered under: the source in the identity of its traces.
    pub name: String,
    /// Its spool, `.archal/spool/<name>`; made where there is none.
    pub spool: PathBuf,
    /// Where batch files go; made where there is none.
    pub trace_directory: PathBuf,
    /// An address for each of the source's doors; none where it is off.
    pub addresses: Vec<Option<SocketAddr>>,
    /// The largest body of a request, unpacked, in bytes.
    pub most_body: usize,
    /// Which field of somebody's own JSON is what.
    pub mapping: BTreeMap<String, String>,
    /// The bearer token, where the source needs one.
    pub token: Option<String>,
    /// What takes out secrets.
    pub redactor: Redactor,
    /// When traces are given out.
    pub pace: Pace,
    /// How large the spool may become.
    pub limits: SpoolLimits,
}

/// What is heard of a source while it serves.
#[derive(Debug)]
pub enum Told {
    /// What an earlier process left in the spool was read.
    Recovered(Recovered),
    /// Requests are taken at these addresses, by the names of the doors.
    Listening(Vec<(&'static str, SocketAddr)>),
    /// Traces were written, or could not be.
    Packed(Packed),
    /// Requests are refused from now on, for this reason; or are taken again.
    Refusing(Option<String>),
}

/// Why a source does not serve.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// Nothing can be pushed to it.
    #[error("`{name}` is no source that is pushed to")]
    NoPush {
        /// The provider.
        name: &'static str,
    },
    /// Its mapping is wrong.
    #[error("the mapping of `{name}` is wrong: {}", reasons.join("; "))]
    Mapping {
        /// The provider.
        name: &'static str,
        /// What is wrong with each.
        reasons: Vec<String>,
    },
    /// It takes no request without a token, and has none.
    #[error("`{name}` needs a token that its clients must send, and none is set")]
    NoToken {
        /// The provider.
        name: &'static str,
    },
    /// Another process serves it.
    #[error("another process has the spool {}", spool.display())]
    Taken {
        /// The spool.
        spool: PathBuf,
    },
    /// The spool's lock cannot be taken.
    #[error(transparent)]
    Lock(#[from] LockError),
    /// A port cannot be had.
    #[error(transparent)]
    Port(#[from] PortError),
    /// A folder cannot be made or read.
    #[error("cannot use {}", path.display())]
    Folder {
        /// The folder.
        path: PathBuf,
        /// The cause.
        source: io::Error,
    },
    /// The system gives no thread or timer.
    #[error("cannot start serving")]
    Start(#[source] io::Error),
    /// What puts traces together has ended: what came is in the spool, and no more is taken.
    #[error("what puts traces together has ended with a fault")]
    Fault,
}

/// The lock that the one process has that serves from this spool.
pub fn lock_of(spool: &Path) -> PathBuf {
    spool.join("lock")
}

/// Serves until `stop` is asked; then requests under way are answered, and what was not given out
/// stays in the spool for the next start.
///
/// # Errors
///
/// When it cannot begin, or what puts traces together has a fault. What else goes wrong later is told.
pub fn serve(
    options: ServeOptions,
    clock: &Arc<dyn Clock>,
    stop: &StopToken,
    told: &(dyn Fn(Told) + Sync),
) -> Result<(), ServeError> {
    let push = checked(&options)?;
    let folder_failed = |path: &PathBuf| {
        let path = path.clone();
        move |source| ServeError::Folder { path, source }
    };
    for folder in [&options.spool, &options.trace_directory] {
        make(folder).map_err(folder_failed(folder))?;
    }
    let Some(_lock) = FileLock::take(&lock_of(&options.spool))? else {
        return Err(ServeError::Taken {
            spool: options.spool,
        });
    };
    let listeners = port::listen(push.doors, &options.addresses)?;
    let mut at = Vec::new();
    for (door, listener) in push.doors.iter().zip(&listeners) {
        if let Some(listener) = listener {
            at.push((door.name, listener.local_addr().map_err(ServeError::Start)?));
        }
    }

    let mut assembly = Assembly::new(options.pace);
    let mut numbers: BTreeSet<u32> = super::spool::segments::numbers(&options.spool)
        .map_err(folder_failed(&options.spool))?
        .into_iter()
        .collect();
    let now = clock.monotonic();
    let recovered = recover(&options.spool, &mut |piece| {
        numbers.insert(piece.line.segment);
        assembly.take(piece, now);
    })
    .map_err(folder_failed(&options.spool))?;
    let given = Given::open(&options.spool);
    let (committed, pieces) = channel();
    let spool = Spool::start(
        &options.spool,
        recovered.next.max(given.newest_segment().saturating_add(1)),
        recovered.bytes,
        options.limits,
        Arc::clone(clock),
        committed,
    )
    .map_err(ServeError::Start)?;
    let spool = Arc::new(spool);
    told(Told::Recovered(recovered));

    let packer = Packer {
        provider: options.source.name,
        name: options.name.clone(),
        source: push,
        directory: options.trace_directory.clone(),
        assembly,
        segments: Segments::of(&options.spool),
        sealed: numbers.last().copied(),
        is_refusing: false,
        numbers,
        spool: Arc::clone(&spool),
        given,
        redactor: options.redactor.clone(),
        clock: Arc::clone(clock),
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .max_blocking_threads(DECODERS)
        .build()
        .map_err(ServeError::Start)?;
    thread::scope(|scope| {
        let has_ended = Arc::new(AtomicBool::new(false));
        let ends = Ends(Arc::clone(&has_ended));
        let packing = thread::Builder::new()
            .name("packer".to_owned())
            .spawn_scoped(scope, move || {
                let _ends = ends;
                packer.run(&pieces, &|heard| {
                    told(match heard {
                        Heard::Looked(packed) => Told::Packed(packed),
                        Heard::Refusing(reason) => Told::Refusing(reason),
                    });
                });
            });
        let packing = match packing {
            Ok(packing) => packing,
            Err(error) => {
                spool.end();
                return Err(ServeError::Start(error));
            }
        };
        let service = Service {
            listeners,
            intake: Arc::new(Redacting {
                redactor: options.redactor.clone(),
                spool: Arc::clone(&spool),
            }),
            most_body: options.most_body,
            mapping: options.mapping.clone(),
            token: options.token.clone(),
            stop: stopped(stop.clone(), has_ended),
        };
        told(Told::Listening(at));
        runtime.block_on((push.serve)(service));
        runtime.shutdown_timeout(DRAIN);
        // The packer ends when it has heard of everything that was written.
        spool.end();
        // A panic of the thread was printed by it.
        packing.join().map_err(|_| ServeError::Fault)
    })
}

fn checked(options: &ServeOptions) -> Result<PushSource, ServeError> {
    let name = options.source.name;
    let push = options.source.push.ok_or(ServeError::NoPush { name })?;
    (push.check_mapping)(&options.mapping)
        .map_err(|reasons| ServeError::Mapping { name, reasons })?;
    if push.needs_token && options.token.as_deref().is_none_or(str::is_empty) {
        return Err(ServeError::NoToken { name });
    }
    Ok(push)
}

/// Says that a thread has ended, however it did.
struct Ends(Arc<AtomicBool>);

impl Drop for Ends {
    fn drop(&mut self) {
        self.0.store(true, Ordering::SeqCst);
    }
}

/// Ends when work is to end, or nothing of what comes would be put together.
fn stopped(stop: StopToken, has_ended: Arc<AtomicBool>) -> archal_core::push::Waiting<()> {
    Box::pin(async move {
        // The token has no future of its own.
        while !stop.is_asked() && !has_ended.load(Ordering::SeqCst) {
            tokio::time::sleep(STOP_LOOK).await;
        }
    })
}

/// Makes a folder that outlasts a loss of power, with those above it: each has a name in another.
fn make(folder: &Path) -> io::Result<()> {
    let missing: Vec<&Path> = folder
        .ancestors()
        .take_while(|at| !at.as_os_str().is_empty() && !at.exists())
        .collect();
    fs::create_dir_all(folder)?;
    for made in missing {
        let above = made.parent().filter(|above| !above.as_os_str().is_empty());
        File::open(above.unwrap_or(Path::new(".")))?.sync_all()?;
    }
    Ok(())
}
