//! Bodies that are too long for memory, and calls that a clone does not finish at once.

use std::any::Any;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::CloneResponse;

/// A body in a file. The file is there as long as somebody holds this.
#[derive(Clone)]
pub struct Spool {
    path: PathBuf,
    length: u64,
    hash: Option<String>,
    /// Removes the file when it is dropped.
    _file: Arc<dyn Any + Send + Sync>,
}

impl Spool {
    /// A body of `length` bytes at `path`; `file` removes it when it is dropped. `hash` is that of
    /// the bytes, where they are the same for the same calls.
    pub fn new<F: Any + Send + Sync>(
        path: PathBuf,
        length: u64,
        hash: Option<String>,
        file: F,
    ) -> Self {
        Self {
            path,
            length,
            hash,
            _file: Arc::new(file),
        }
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// How many bytes it has.
    pub fn length(&self) -> u64 {
        self.length
    }

    /// The hash of its bytes, where they are the same for the same calls: `sha256:…`.
    pub fn hash(&self) -> Option<&str> {
        self.hash.as_deref()
    }

    /// What evidence says of it: its length and what it was.
    pub fn described(&self) -> String {
        match &self.hash {
            Some(hash) => format!("[{} bytes, {hash}]", self.length),
            None => format!("[{} bytes]", self.length),
        }
    }
}

impl fmt::Debug for Spool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Spool")
            .field("length", &self.length)
            .finish_non_exhaustive()
    }
}

/// How far a call has come.
#[derive(Debug)]
pub enum Progress {
    /// It is answered.
    Answered(Box<CloneResponse>),
    /// It goes on with work that needs nothing of the clone, so that other calls go on meanwhile.
    Working(Work),
}

/// The part of a call that runs outside the clone.
pub struct Work(Box<dyn FnOnce() -> Done + Send>);

/// What such work came to, for the clone that began it.
pub struct Done(Box<dyn Any + Send>);

impl Work {
    /// Work that gives `T`.
    pub fn new<T: Any + Send>(work: impl FnOnce() -> T + Send + 'static) -> Self {
        Self(Box::new(move || Done(Box::new(work()))))
    }

    /// Does it; it may take long.
    pub fn run(self) -> Done {
        (self.0)()
    }
}

impl Done {
    /// What it came to, where it is a `T`.
    pub fn take<T: Any>(self) -> Option<T> {
        self.0.downcast().ok().map(|done| *done)
    }
}

impl fmt::Debug for Work {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Work").finish_non_exhaustive()
    }
}

impl fmt::Debug for Done {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Done").finish_non_exhaustive()
    }
}
