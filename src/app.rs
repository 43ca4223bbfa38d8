//! The composition root: the only file that names the catalogues and the real clock.
//!
//! It takes the world once ([`World`]) and hands it down; nothing below asks the operating
//! system for the time, an id or a variable.

use std::collections::BTreeMap;
use std::io;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};

use archal_core::clock::{Clock, Timestamp};
use archal_core::clone::CloneDescriptor;
use archal_core::environment::Environment;
use archal_core::id::{IdSource, SequentialIds};
use archal_core::source::{FileFormat, SourceDescriptor};

use crate::fix::cycles::Cycles;
use crate::pdca::fixer::PdcaFixer;

/// Runs the program, or the hidden helper mode that stands between archal and a contained child.
/// `run` is the command line, which stands above this module.
pub fn main(run: fn(Result<World, WorldError>) -> ExitCode) -> ExitCode {
    let arguments: Vec<String> = std::env::args_os()
        .skip(1)
        .map(|argument| argument.to_string_lossy().into_owned())
        .collect();
    if let Some(code) = crate::sandbox::helper_main(&arguments) {
        return code;
    }
    crate::host::background::leave_caller(&arguments);
    run(World::real())
}

/// The service clones, sorted by name.
pub fn clones() -> &'static [CloneDescriptor] {
    archal_clones::ALL
}

/// The trace sources, sorted by name.
pub fn sources() -> &'static [SourceDescriptor] {
    archal_sources::ALL
}

/// The files of traces that are read.
pub fn files() -> &'static FileFormat {
    &archal_sources::file::FORMAT
}

/// The cycles of agents that are a fixer: the loops stand before them.
pub fn cycles() -> &'static dyn Cycles {
    &PdcaFixer
}

/// Everything that differs between two runs of the program, and what it is made of.
pub struct World {
    /// The caller's variables and working directory.
    pub environment: Environment,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// New ids.
    pub ids: Arc<dyn IdSource>,
    /// The service clones.
    pub clones: &'static [CloneDescriptor],
    /// The trace sources.
    pub sources: &'static [SourceDescriptor],
    /// The files of traces that are read.
    pub files: &'static FileFormat,
    /// This binary, for its hidden modes that hold children.
    pub binary: PathBuf,
    secret: [u8; 32],
}

/// Why the program cannot begin.
#[derive(Debug, thiserror::Error)]
pub enum WorldError {
    /// The working directory was removed or may not be read.
    #[error("the working directory cannot be found")]
    Directory(#[source] io::Error),
    /// The path of this binary is unknown.
    #[error("the path of the archal binary cannot be found")]
    Binary(#[source] io::Error),
    /// The operating system gives no randomness.
    #[error("the operating system gave no random numbers: {0}")]
    Randomness(getrandom::Error),
}

impl World {
    fn real() -> Result<Self, WorldError> {
        let seed = getrandom::u64().map_err(WorldError::Randomness)?;
        let mut secret = [0; 32];
        getrandom::fill(&mut secret).map_err(WorldError::Randomness)?;
        Ok(Self {
            environment: Environment {
                variables: variables(),
                directory: std::env::current_dir().map_err(WorldError::Directory)?,
            },
            clock: Arc::new(SystemClock {
                start: Instant::now(),
            }),
            ids: Arc::new(SequentialIds::new(seed)),
            clones: clones(),
            sources: sources(),
            files: files(),
            binary: std::env::current_exe().map_err(WorldError::Binary)?,
            secret,
        })
    }

    /// 32 bytes of the operating system's randomness, the same for the whole process, for a key on
    /// first use. Ids cannot make them: ids are printed.
    pub fn secret(&self) -> [u8; 32] {
        self.secret
    }
}

#[expect(clippy::disallowed_methods, reason = "taken once, here")]
fn variables() -> BTreeMap<String, String> {
    std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
        .collect()
}

struct SystemClock {
    start: Instant,
}

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "the one real clock")]
    fn now(&self) -> Timestamp {
        Timestamp::now()
    }

    fn monotonic(&self) -> Duration {
        self.start.elapsed()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_two_processes_have_one_secret_and_ids_say_nothing_of_it() {
        let one = World::real().expect("a world");
        let other = World::real().expect("a world");
        assert_ne!(one.secret(), other.secret());
        let before = one.secret();
        one.ids.next();
        assert_eq!(one.secret(), before);
    }
}
