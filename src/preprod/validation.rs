//! The validation command: in the checkout as it is where nothing was fixed, else in a fresh private
//! copy with the patch.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::config::sandbox::SandboxMode;
use crate::reproduce::private::{PrivateError, private_folder};
use crate::reproduce::workplace::{WorkplaceError, Workshop};
use crate::run::attempt::Bench;
use crate::run::environment::{Start, kept};
use crate::sandbox::child::{Bind, ChildEnd, ChildOutcome, ChildSpec, DEFAULT_PROCESS_LIMIT};
use crate::sandbox::confine::Confine;
use crate::sandbox::{self, Hold};
use crate::store::atomic::{self, Durability, WriteError};

use super::report::ValidationOutcome;

/// How long it may take.
const TIMEOUT: Duration = Duration::from_secs(900);
/// How long it may take to end after it was asked to.
const GRACE: Duration = Duration::from_secs(5);
/// Bytes kept of each of its pipes.
const OUTPUT_CAP: usize = 4 << 20;
/// What it printed, in the folder of the artifacts.
const OUTPUT: &str = "validation.log";

/// Why it could not be run.
#[derive(Debug, thiserror::Error)]
pub enum ValidatorError {
    /// archal was asked to stop.
    #[error("stopped before the validation command had ended")]
    Stopped,
    /// No private copy.
    #[error(transparent)]
    Workplace(#[from] WorkplaceError),
    /// No private home.
    #[error(transparent)]
    Private(#[from] PrivateError),
    /// Its output could not be kept.
    #[error(transparent)]
    Write(#[from] WriteError),
}

/// Runs the validation command.
pub struct Validator<'a> {
    /// The command, for a shell.
    pub command: &'a str,
    /// Clock, environment, containment; its token ends it.
    pub bench: &'a Bench<'a>,
    /// How far it is confined.
    pub mode: SandboxMode,
    /// Variables that it is given beside `PATH` and locale.
    pub variables: &'a [String],
    /// The folder of the artifacts.
    pub artifacts: &'a Path,
}

impl Validator<'_> {
    /// In a fresh private copy with `patch`.
    ///
    /// # Errors
    ///
    /// When there is no copy, or it was stopped.
    pub fn in_copy(
        &self,
        workshop: &Workshop<'_>,
        patch: &[u8],
    ) -> Result<ValidationOutcome, ValidatorError> {
        let place = workshop.open(patch)?;
        let environment = place.environment(self.bench.environment);
        let confine = place.confine(self.mode, self.bench.environment);
        let within = (place.tree().to_owned(), confine);
        let end = self.run(within, environment, place.binds().to_vec());
        self.outcome(&end, false)
    }

    /// In the checkout as it is, with a private home.
    ///
    /// # Errors
    ///
    /// When there is no private home, or it was stopped.
    pub fn in_checkout(&self, folder: &Path) -> Result<ValidationOutcome, ValidatorError> {
        let home = private_folder(self.bench.environment)?;
        let start = Start::Cleared {
            named: self.variables,
            home: home.path(),
        };
        let environment = kept(self.bench.environment, start);
        let writable = [folder, home.path()];
        let confine = Confine::of(self.mode, self.bench.environment, &writable);
        let end = self.run((folder.to_owned(), confine), environment, Vec::new());
        self.outcome(&end, true)
    }

    fn run(
        &self,
        (directory, confine): (PathBuf, Option<Confine>),
        environment: BTreeMap<String, String>,
        binds: Vec<Bind>,
    ) -> ChildEnd {
        sandbox::run(
            &ChildSpec {
                command: vec!["sh".to_owned(), "-c".to_owned(), self.command.to_owned()],
                directory,
                environment,
                timeout: TIMEOUT,
                idle: None,
                grace: GRACE,
                output_cap: OUTPUT_CAP,
                binds,
                process_limit: Some(DEFAULT_PROCESS_LIMIT),
                confine,
            },
            &Hold {
                helper: self.bench.binary,
                containment: self.bench.probe.containment(),
                stop: self.bench.stop,
            },
        )
    }

    fn outcome(
        &self,
        end: &ChildEnd,
        in_checkout: bool,
    ) -> Result<ValidationOutcome, ValidatorError> {
        let how = match &end.outcome {
            ChildOutcome::Stopped => return Err(ValidatorError::Stopped),
            ChildOutcome::Exited { code } => format!("exited with status {code}"),
            ChildOutcome::Killed { signal } => format!("was killed by signal {signal}"),
            ChildOutcome::TimedOut => "ran out of time".to_owned(),
            ChildOutcome::NotStarted { reason } => format!("could not be started: {reason}"),
        };
        let mut said = end.stdout.clone();
        said.extend_from_slice(&end.stderr);
        let output = self.artifacts.join(OUTPUT);
        let said = self.bench.scrubber.bytes(&said);
        atomic::write(&output, &said, Durability::Derived)?;
        Ok(ValidationOutcome {
            command: self.bench.scrubber.text(self.command),
            passed: end.succeeded(),
            how,
            in_checkout,
            confined: end.confined.clone(),
            output,
        })
    }
}
