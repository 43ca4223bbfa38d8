//! A small repair in a repository made for it, to see that a fixer works before it is needed.
//!
//! It runs as in earnest: in a private copy, contained and confined, with a private home and the same variables. Its
//! word is not taken here either: what it repaired is run with numbers it has not seen.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use archal_core::clock::Clock;
use archal_core::environment::Environment;
use archal_core::fixer::{Checked, FixEnd, FixRecord, FixTask, Fixer};

use crate::budget::prices::Prices;
use crate::config::sandbox::SandboxMode;
use crate::git::command::{Git, GitError};
use crate::reproduce::private::{PrivateError, private_folder};
use crate::reproduce::workplace::{Workplace, WorkplaceError, Workshop, WorkspaceOptions};
use crate::run::scrub::Scrubber;
use crate::sandbox::child::{Bind, ChildSpec, DEFAULT_PROCESS_LIMIT};
use crate::sandbox::hold::Probe;
use crate::sandbox::{self, Hold, StopToken};
use crate::store::atomic::{self, Durability, WriteError};

use super::candidate::USAGE_FILE;
use super::choice::FixerChoice;
use super::confinement::Confinement;
use super::driven::DrivenFixer;

/// The file to repair.
const BROKEN: &str = "total.sh";
/// Its text: it subtracts.
const BROKEN_TEXT: &str = "#!/bin/sh
# Prints the sum of its arguments.
sum=0
for number in \"$@\"; do
  sum=$((sum - number))
done
echo \"$sum\"
";
/// What shows that it is broken.
const CHECK: &str = "check.sh";
const CHECK_TEXT: &str = "#!/bin/sh
# Fails where total.sh adds wrongly.
test \"$(sh total.sh 1 2 3)\" = 6
";
/// Sums that the fixer has not seen.
const UNSEEN: &str = "test \"$(sh total.sh 4 5 6)\" = 15 && test \"$(sh total.sh 7)\" = 7";
/// How long one check may take.
const CHECK_TIMEOUT: Duration = Duration::from_secs(20);
/// Bytes kept of the end of what the fixer wrote.
const LAST_WORDS: usize = 2 << 10;

/// What a trial needs.
pub struct Trial<'a> {
    /// Who repairs.
    pub choice: &'a FixerChoice,
    /// The caller's environment.
    pub environment: &'a Environment,
    /// Variables handed on to every child that works in a copy.
    pub variables: &'a [String],
    /// Keys of the agent that is repaired in earnest, which a fixer does not get.
    pub withheld: &'a [String],
    /// The binary whose helper modes hold children.
    pub binary: &'a Path,
    /// How children can be held here.
    pub probe: &'a Probe,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// How far it is confined.
    pub sandbox: SandboxMode,
    /// What must not be shown.
    pub scrubber: &'a Scrubber,
    /// What models cost.
    pub prices: &'a Prices,
    /// How long it may take.
    pub timeout: Duration,
    /// What it may spend, in US dollars, where there is a cap.
    pub budget_usd: Option<f64>,
    /// Ends it.
    pub stop: &'a StopToken,
}

/// How a trial ended.
#[derive(Debug)]
pub struct Tried {
    /// The fixer's record.
    pub record: FixRecord,
    /// The files it changed.
    pub changed: Vec<String>,
    /// Whether only the broken file changed and it adds rightly now.
    pub is_repaired: bool,
    /// The end of what the fixer wrote.
    pub last_words: String,
}

/// Why there was no trial.
#[derive(Debug, thiserror::Error)]
pub enum TrialError {
    /// No folder for it.
    #[error(transparent)]
    Private(#[from] PrivateError),
    /// Its files could not be written.
    #[error(transparent)]
    Write(#[from] WriteError),
    /// git refused.
    #[error(transparent)]
    Git(#[from] GitError),
    /// The private copy could not be made.
    #[error(transparent)]
    Workplace(#[from] WorkplaceError),
}

impl Trial<'_> {
    /// Makes the repository, lets the fixer work in a copy of it, and looks what came of it.
    pub fn run(&self) -> Result<Tried, TrialError> {
        let folder = private_folder(self.environment)?;
        let repo = folder.path().join("repo");
        let base = self.make(&repo)?;
        let options = WorkspaceOptions {
            variables: self.variables.to_vec(),
            sandbox: self.sandbox,
            ..WorkspaceOptions::default()
        };
        let workshop = Workshop {
            repo: &repo,
            base: &base,
            options: &options,
            environment: self.environment,
            binary: self.binary,
            containment: self.probe.containment(),
            stop: Some(self.stop),
        };
        let place = workshop.open(&[])?;
        let transcript = folder.path().join("transcript.log");
        let guards = workshop.guards(&place)?;
        let record = self.fix(
            &place,
            place.shown_to_fixer(self.sandbox, &guards),
            &transcript,
        )?;
        let changed = place.workspace().changed()?;
        let only_it = matches!(&changed[..], [one] if one.path == Path::new(BROKEN));
        let is_repaired = record.end == FixEnd::Changed
            && only_it
            && self.holds(&place, &format!("sh {CHECK} && {UNSEEN}"));
        Ok(Tried {
            record,
            changed: changed
                .iter()
                .map(|one| self.scrubber.text(&one.path.to_string_lossy()))
                .collect(),
            is_repaired,
            last_words: last_words(&transcript),
        })
    }

    fn make(&self, repo: &Path) -> Result<String, TrialError> {
        for (name, text) in [(BROKEN, BROKEN_TEXT), (CHECK, CHECK_TEXT)] {
            atomic::write(&repo.join(name), text.as_bytes(), Durability::Derived)?;
        }
        let path = self.environment.get("PATH").unwrap_or_default();
        let git = || Git::new(repo, path);
        git()
            .args(["init", "--quiet", "--initial-branch=main"])
            .output()?;
        git().args(["add", "--all"]).output()?;
        git()
            .args([
                "-c",
                "user.name=archal",
                "-c",
                "user.email=archal@localhost",
            ])
            .args(["commit", "--quiet", "--message=A sum that is wrong"])
            .output()?;
        Ok(git().args(["rev-parse", "HEAD"]).line()?)
    }

    fn fix(
        &self,
        place: &Workplace,
        binds: &[Bind],
        transcript: &Path,
    ) -> Result<FixRecord, TrialError> {
        let brief = place.beside("brief");
        let task = format!(
            "# Repair {BROKEN}\n\nIn {} the command `sh {CHECK}` fails, because {BROKEN} prints wrong sums. \
             Change {BROKEN} so that it prints the sum of its arguments, and change nothing else.\n",
            place.tree().display()
        );
        atomic::write(&brief.join("task.md"), task.as_bytes(), Durability::Derived)?;
        let mut environment = place.environment(self.environment);
        environment.extend(self.choice.variables(self.environment, self.withheld));
        let confinement = Confinement {
            mode: self.sandbox,
            hosts: &self.choice.hosts,
            clones: &[],
            states: &BTreeMap::new(),
            clock: Arc::clone(&self.clock),
            helper: self.binary,
            probe: self.probe,
            environment: self.environment,
            scrubber: self.scrubber,
            stop: Some(self.stop),
        };
        let fixer = DrivenFixer {
            driver: self.choice.driver.clone(),
            model: self.choice.model.clone(),
            arguments: self.choice.arguments.clone(),
            idle: self.choice.idle,
            environment,
            binary: self.binary,
            containment: self.probe.containment(),
            binds,
            confinement: Some(&confinement),
            scrubber: self.scrubber,
            prices: self.prices,
            transcript: transcript.to_owned(),
            stop: Some(self.stop),
        };
        let home = place.home();
        let changed = || {
            let changed = place.workspace().changed();
            changed.is_ok_and(|changed| !changed.is_empty())
        };
        Ok(fixer.fix(&FixTask {
            workspace: place.tree(),
            installed: &place.installed(),
            home: &home,
            brief: &brief,
            timeout: self.timeout,
            budget_usd: self.budget_usd,
            usage: &home.join(USAGE_FILE),
            changed: &changed,
            check: &|_| Checked::Unknown("this trial has no scenario".to_owned()),
        }))
    }

    /// Whether a shell command succeeds in the copy. What it runs is the fixer's work, so it is
    /// contained and confined as that was.
    fn holds(&self, place: &Workplace, command: &str) -> bool {
        sandbox::run(
            &ChildSpec {
                command: ["sh", "-c", command].map(str::to_owned).to_vec(),
                directory: place.tree().to_owned(),
                environment: place.environment(self.environment),
                timeout: CHECK_TIMEOUT,
                idle: None,
                grace: Duration::from_secs(1),
                output_cap: 1 << 10,
                binds: place.binds().to_vec(),
                process_limit: Some(DEFAULT_PROCESS_LIMIT),
                confine: place.confine(self.sandbox, self.environment),
            },
            &Hold {
                helper: self.binary,
                containment: self.probe.containment(),
                stop: Some(self.stop),
            },
        )
        .succeeded()
    }
}

/// The end of the transcript, from the beginning of a line on, without control characters.
fn last_words(transcript: &Path) -> String {
    let bytes = std::fs::read(transcript).unwrap_or_default();
    let end = &bytes[bytes.len().saturating_sub(LAST_WORDS)..];
    let text = String::from_utf8_lossy(end);
    let lines: Vec<String> = text
        .lines()
        .skip(usize::from(bytes.len() > LAST_WORDS))
        .map(crate::driver::records::line)
        .filter(|line| !line.is_empty())
        .collect();
    lines.join("\n")
}
