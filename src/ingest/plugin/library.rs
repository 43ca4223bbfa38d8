//! Loading a shared library into this process: what `archal plugin-host` does, in a child that is
//! held and limited. The only place of archal that calls foreign code.
//!
//! What makes it sound is what the header asks of a library, and nothing can prove that of a file.
//! So it is done in a process that holds nothing else: whatever a library does wrong ends that process,
//! which is a finding of its source. Before a function is called, the file must be one that nobody else
//! could have put there, the table must be of a version that is known and at least as long as it is read,
//! and the function must be there. A library is never unloaded: its threads and destructors would outlive
//! its code.
#![expect(
    unsafe_code,
    reason = "foreign code can only be called so; it is done in a process of its own"
)]

use std::ffi::c_void;
use std::fs;
use std::io;
use std::mem::ManuallyDrop;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::ptr;
use std::slice;

use archal_core::hash;
use archal_plugin::message::{ErrorKind, Pull};
use archal_plugin::stdio::Answers;
use archal_plugin::table::{ABI_MAJOR, ABI_MINOR, DONE, MORE, SYMBOL, Sink, Slice, Table};
use archal_plugin::{Failure, Output, Stopped};
use libloading::os::unix::{Library, RTLD_LOCAL, RTLD_NOW};
use serde::Serialize;
use serde_json::Value;

use super::trust::{self, TrustError};

/// The largest library.
const MOST_BYTES: u64 = 1 << 30;
/// A longer reply is none that says why something failed.
const MOST_ERROR: usize = 64 << 10;

/// Why a library is not loaded.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// Anybody could have put it there.
    #[error(transparent)]
    Trust(#[from] TrustError),
    /// It cannot be read.
    #[error("cannot read {}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// The cause.
        source: io::Error,
    },
    /// The system does not load it.
    #[error("{} cannot be loaded", path.display())]
    Load {
        /// The file.
        path: PathBuf,
        /// The cause.
        source: libloading::Error,
    },
    /// It exports no table.
    #[error(
        "{} is no plugin: it exports no `archal_plugin_v1` that gives a table",
        path.display()
    )]
    NoTable {
        /// The file.
        path: PathBuf,
    },
    /// Its table is of another version.
    #[error(
        "{} has the table of version {major}.{minor}, and this archal reads {ABI_MAJOR}.{ABI_MINOR}",
        path.display()
    )]
    Version {
        /// The file.
        path: PathBuf,
        /// Its major version.
        major: u32,
        /// Its minor version.
        minor: u32,
    },
    /// Its table is not what its version says.
    #[error("the table of {} is broken: {what}", path.display())]
    Broken {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        what: &'static str,
    },
}

impl LoadError {
    /// The command that mends it, where there is one.
    pub fn advice(&self) -> Option<String> {
        match self {
            Self::Trust(error) => error.advice(),
            Self::Version { major, .. } if *major < ABI_MAJOR => {
                Some("build the plugin with the SDK of this archal".to_owned())
            }
            Self::Version { .. } => Some("update archal".to_owned()),
            _ => None,
        }
    }
}

/// A library that was loaded, for as long as this process lives.
pub struct Loaded {
    /// Where it lies, without links.
    pub path: PathBuf,
    /// The hash of its file.
    pub sha256: String,
    functions: Functions,
    /// What `open` gave.
    state: Option<*mut c_void>,
    _library: ManuallyDrop<Library>,
}

/// The functions of a table, all of them there.
struct Functions {
    describe: unsafe extern "C" fn(Sink) -> i32,
    check: unsafe extern "C" fn(Slice, Sink) -> i32,
    open: unsafe extern "C" fn(Slice, *mut *mut c_void, Sink) -> i32,
    poll: unsafe extern "C" fn(*mut c_void, Slice, Sink) -> i32,
    close: unsafe extern "C" fn(*mut c_void) -> i32,
}

impl Loaded {
    /// Loads a library.
    ///
    /// # Errors
    ///
    /// Why it is not loaded.
    pub fn load(path: &Path) -> Result<Self, LoadError> {
        let path = trust::trusted(path)?;
        let failed = |source| LoadError::Io {
            path: path.clone(),
            source,
        };
        let size = fs::metadata(&path).map_err(failed)?.len();
        if size > MOST_BYTES {
            return Err(failed(io::Error::other("it is larger than 1 GiB")));
        }
        let sha256 = hash::sha256(&fs::read(&path).map_err(failed)?);
        // SAFETY: loading runs the library's initialisers. That is what was asked for, in a process
        // that holds nothing else.
        let library = unsafe { Library::open(Some(&path), RTLD_NOW | RTLD_LOCAL) };
        let library = library.map_err(|source| LoadError::Load {
            path: path.clone(),
            source,
        })?;
        let library = ManuallyDrop::new(library);
        // SAFETY: whoever exports this name says with it that it is a function of this type.
        let table = unsafe {
            library
                .get::<unsafe extern "C" fn() -> *const Table>(SYMBOL)
                .map(|function| function())
        };
        let table = table.map_err(|_| LoadError::NoTable { path: path.clone() })?;
        Ok(Self {
            functions: functions(table, &path)?,
            path,
            sha256,
            state: None,
            _library: library,
        })
    }

    fn opened(&mut self, config: &Value, out: &mut Output<'_>) -> Result<*mut c_void, Failure> {
        if let Some(state) = self.state {
            return Ok(state);
        }
        let config = bytes(config)?;
        let mut state = ptr::null_mut();
        let open = self.functions.open;
        // SAFETY: the slice and the place for the state last for the call.
        call(out, |sink| unsafe { open(lent(&config), &mut state, sink) })?;
        self.state = Some(state);
        Ok(state)
    }
}

impl Drop for Loaded {
    fn drop(&mut self) {
        if let Some(state) = self.state.take() {
            // SAFETY: `open` gave it, and nobody uses it after this. What is returned changes nothing.
            unsafe { (self.functions.close)(state) };
        }
    }
}

impl Answers for Loaded {
    fn describe(&mut self, out: &mut Output<'_>) -> Result<(), Failure> {
        let describe = self.functions.describe;
        // SAFETY: the sink lasts for the call.
        call(out, |sink| unsafe { describe(sink) }).map(drop)
    }

    fn check(&mut self, config: &Value, out: &mut Output<'_>) -> Result<(), Failure> {
        let config = bytes(config)?;
        let check = self.functions.check;
        // SAFETY: slice and sink last for the call.
        call(out, |sink| unsafe { check(lent(&config), sink) }).map(drop)
    }

    fn pull(&mut self, pull: &Pull, out: &mut Output<'_>) -> Result<bool, Failure> {
        let state = self.opened(&pull.config, out)?;
        let pull = bytes(pull)?;
        let poll = self.functions.poll;
        // SAFETY: `open` gave the state, and `close` was not called; slice and sink last for the call.
        call(out, |sink| unsafe { poll(state, lent(&pull), sink) })
    }
}

/// The functions of the table at an address.
fn functions(table: *const Table, path: &Path) -> Result<Functions, LoadError> {
    let broken = |what| LoadError::Broken {
        path: path.to_owned(),
        what,
    };
    if table.is_null() {
        return Err(LoadError::NoTable {
            path: path.to_owned(),
        });
    }
    if !table.is_aligned() {
        return Err(broken("its address is none of a table"));
    }
    // SAFETY: every version of the table begins with these three, and the address is aligned for them.
    let (major, minor, size) = unsafe {
        (
            (&raw const (*table).abi_major).read(),
            (&raw const (*table).abi_minor).read(),
            (&raw const (*table).struct_size).read(),
        )
    };
    if major != ABI_MAJOR || minor > ABI_MINOR {
        return Err(LoadError::Version {
            path: path.to_owned(),
            major,
            minor,
        });
    }
    if size < size_of::<Table>() {
        return Err(broken("it is shorter than its version says"));
    }
    // SAFETY: the library says that it is at least as long as what is read.
    let table = unsafe { table.read() };
    let missing = || broken("a function is missing");
    Ok(Functions {
        describe: table.describe.ok_or_else(missing)?,
        check: table.check.ok_or_else(missing)?,
        open: table.open.ok_or_else(missing)?,
        poll: table.poll.ok_or_else(missing)?,
        close: table.close.ok_or_else(missing)?,
    })
}

fn bytes(value: &impl Serialize) -> Result<Vec<u8>, Failure> {
    serde_json::to_vec(value).map_err(|error| {
        let message = format!("the request cannot be written: {error}");
        Failure::new(ErrorKind::Answer, message)
    })
}

fn lent(bytes: &[u8]) -> Slice {
    Slice {
        start: bytes.as_ptr(),
        length: bytes.len(),
    }
}

/// What a library pushes into during a call.
struct Pushed<'a, 'b> {
    out: &'a mut Output<'b>,
    is_stopped: bool,
    has_told: bool,
}

/// Calls a function of a library; whether there is more already.
fn call(out: &mut Output<'_>, function: impl FnOnce(Sink) -> i32) -> Result<bool, Failure> {
    let mut pushed = Pushed {
        out,
        is_stopped: false,
        has_told: false,
    };
    let code = function(Sink {
        context: ptr::from_mut(&mut pushed).cast(),
        push: Some(push),
    });
    match code {
        DONE => Ok(false),
        MORE => Ok(true),
        _ if pushed.is_stopped || pushed.has_told => Err(Stopped.into()),
        code => Err(Failure::new(
            ErrorKind::Answer,
            format!("the plugin failed with {code} and did not say why"),
        )),
    }
}

unsafe extern "C" fn push(context: *mut c_void, reply: Slice) -> i32 {
    // No panic of archal's own goes through the library's frames.
    let pushed = catch_unwind(AssertUnwindSafe(|| {
        // SAFETY: `call` made it, lends it for the length of the call, and the header asks for one thread
        // at a time.
        let pushed = unsafe { &mut *context.cast::<Pushed<'_, '_>>() };
        let reply = if reply.start.is_null() {
            &[]
        } else {
            // SAFETY: the library lends it for the length of this call.
            unsafe { slice::from_raw_parts(reply.start, reply.length) }
        };
        pushed.has_told |= is_error(reply);
        pushed.is_stopped |= pushed.out.raw(reply).is_err();
        pushed.is_stopped
    }));
    i32::from(pushed.unwrap_or(true))
}

/// Whether a reply says why there is no answer.
fn is_error(reply: &[u8]) -> bool {
    reply.len() <= MOST_ERROR
        && memchr::memmem::find(reply, b"\"error\"").is_some()
        && serde_json::from_slice::<Value>(reply).is_ok_and(|reply| reply["reply"] == "error")
}
