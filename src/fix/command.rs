//! The fixer that is any program: a shell command run in the fix workspace.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use archal_core::fixer::{FixEnd, FixRecord, FixTask, Fixer};

use crate::reproduce::metering;
use crate::run::scrub::Scrubber;
use crate::sandbox::child::{Bind, ChildOutcome, ChildSpec, Containment, DEFAULT_PROCESS_LIMIT};
use crate::sandbox::{self, Hold, StopToken};
use crate::store::atomic::{self, Durability};

/// Bytes kept of each of the fixer's pipes.
const OUTPUT_CAP: usize = 16 << 20;
/// How long a fixer may take to end after it was asked to.
const GRACE: Duration = Duration::from_secs(10);

/// A shell command.
#[derive(Debug, Clone)]
pub struct CommandFixer<'a> {
    /// The command.
    pub command: String,
    /// Its environment but for the home: `PATH`, locale, and what the configuration names.
    pub environment: BTreeMap<String, String>,
    /// The binary whose helper modes hold children.
    pub binary: &'a Path,
    /// How children can be held here.
    pub containment: Containment,
    /// Folders shown read-only: the user's repository, shared dependencies.
    pub binds: &'a [Bind],
    /// What must not reach a disk.
    pub scrubber: &'a Scrubber,
    /// Where its output is kept.
    pub transcript: PathBuf,
    /// Ends it; none where nobody can ask for it.
    pub stop: Option<&'a StopToken>,
}

impl Fixer for CommandFixer<'_> {
    fn name(&self) -> &str {
        "command"
    }

    fn fix(&self, task: &FixTask<'_>) -> FixRecord {
        let mut environment = self.environment.clone();
        let text = |path: &Path| path.display().to_string();
        environment.insert("HOME".to_owned(), text(task.home));
        environment.insert("TMPDIR".to_owned(), text(task.home));
        environment.insert(
            "ARCHAL_FIX_TASK".to_owned(),
            text(&task.brief.join("task.md")),
        );
        environment.insert("ARCHAL_FIX_BRIEF".to_owned(), text(task.brief));
        environment.insert("ARCHAL_USAGE_FILE".to_owned(), text(task.usage));
        if let Some(budget) = task.budget_usd {
            environment.insert("ARCHAL_BUDGET_USD".to_owned(), format!("{budget:.6}"));
        }
        let end = sandbox::run(
            &ChildSpec {
                command: vec!["sh".to_owned(), "-c".to_owned(), self.command.clone()],
                directory: task.workspace.to_owned(),
                environment,
                timeout: task.timeout,
                grace: GRACE,
                output_cap: OUTPUT_CAP,
                binds: self.binds.to_vec(),
                process_limit: Some(DEFAULT_PROCESS_LIMIT),
            },
            &Hold {
                helper: self.binary,
                containment: self.containment,
                stop: self.stop,
            },
        );
        let spent = metering::read(task.usage, self.scrubber);
        let mut said = end.stdout;
        said.extend_from_slice(&end.stderr);
        let said = self.scrubber.bytes(&said);
        // The transcript is for the reader; the proof does not depend on it.
        let transcript = match atomic::write(&self.transcript, &said, Durability::Synced) {
            Ok(()) => self.transcript.clone(),
            Err(_) => PathBuf::new(),
        };
        let (fix_end, exit_code) = match end.outcome {
            ChildOutcome::Exited { code: 0 } => (FixEnd::Ended, Some(0)),
            ChildOutcome::Exited { code } => (FixEnd::ToolError, Some(code)),
            ChildOutcome::Killed { .. } => (FixEnd::Killed, None),
            ChildOutcome::TimedOut => (FixEnd::Timeout, None),
            ChildOutcome::NotStarted { .. } => (FixEnd::NotStarted, None),
            ChildOutcome::Stopped => (FixEnd::Stopped, None),
        };
        FixRecord {
            fixer: self.name().to_owned(),
            command: self.scrubber.text(&self.command),
            end: fix_end,
            exit_code,
            duration_ms: u64::try_from(end.duration.as_millis()).unwrap_or(u64::MAX),
            containment: match end.containment {
                Containment::Namespaces => "namespaces",
                Containment::Pgroup => "pgroup",
            }
            .to_owned(),
            sandbox: "off".to_owned(),
            cost_usd: spent.usd(),
            usage: spent.usage(),
            transcript,
        }
    }
}
