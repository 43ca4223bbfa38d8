//! A proved patch made public: by archal itself, or by a command whose work is read back.
//!
//! Either way the commit is archal's, and the same another time. So the remote says whether it is
//! there already, and nothing is opened twice.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::time::Duration;

use archal_core::clock::Timestamp;
use archal_core::hash;
use serde_json::json;

use crate::budget::spent::Spent;
use crate::config::publish::{Publish, PublishAs};
use crate::fix::publish::branch::{self, Author, Commit, Repository};
use crate::fix::publish::decision::{self, Known, Refusal, Rule};
use crate::fix::publish::details::title;
use crate::fix::publish::place::{Place, Targets};
use crate::fix::publish::program::Programs;
use crate::fix::publish::publication::{PREFIX, Publication};
use crate::fix::publish::push::{Remote, StepError};
use crate::fix::publish::readback::{self, Expected, Fault};
use crate::fix::publish::record::{Published, Record, Request};
use crate::fix::publish::secrets;
use crate::git::command::{Git, GitError};
use crate::reproduce::journal::{Journal, Refused};
use crate::reproduce::metering;
use crate::reproduce::workplace::{Workplace, WorkplaceError, Workshop};
use crate::run::attempt::Bench;
use crate::sandbox::child::{ChildOutcome, ChildSpec, DEFAULT_PROCESS_LIMIT};
use crate::sandbox::{self, Hold};
use crate::store::atomic::{self, Durability, WriteError};

use super::journal::{RunJournal, StepRefused};
use super::plan::inspect::without_credentials;
use super::report::{Proved, ScenarioOutcome, ValidationOutcome};
use super::status::StopReason;
use super::validated::{SCHEMA, VERSION, ValidatedDocument};

/// How long the command may take.
const TIMEOUT: Duration = Duration::from_secs(900);
/// How long it may take to end after it was asked to.
const GRACE: Duration = Duration::from_secs(5);
/// Bytes kept of each of its pipes.
const OUTPUT_CAP: usize = 4 << 20;
/// What it printed, in the folder of the artifacts.
const OUTPUT: &str = "pr-command.log";
/// The name of the file, in its private home, in which it may say what it used.
const USAGE_FILE: &str = "archal-usage.json";
/// What it gets of the caller's environment beside what every command gets: the login at the
/// service, and how the service is reached.
const HANDED_ON: &[&str] = &[
    "CURL_CA_BUNDLE",
    "GH_ENTERPRISE_TOKEN",
    "GH_HOST",
    "GH_TOKEN",
    "GITHUB_ENTERPRISE_TOKEN",
    "GITHUB_TOKEN",
    "GIT_SSL_CAINFO",
    "HTTPS_PROXY",
    "HTTP_PROXY",
    "NODE_EXTRA_CA_CERTS",
    "NO_PROXY",
    "SSH_AUTH_SOCK",
    "SSL_CERT_DIR",
    "SSL_CERT_FILE",
    "http_proxy",
    "https_proxy",
    "no_proxy",
];

/// Why nothing can be said of a publication.
#[derive(Debug, thiserror::Error)]
pub enum PublisherError {
    /// archal was asked to stop.
    #[error("stopped before the pull request was read back")]
    Stopped,
    /// The step may not begin, or its end could not be kept.
    #[error(transparent)]
    Refused(#[from] Refused),
    /// No private copy.
    #[error(transparent)]
    Workplace(#[from] WorkplaceError),
    /// The branch could not be checked out in it.
    #[error(transparent)]
    Git(#[from] GitError),
    /// A file could not be written.
    #[error(transparent)]
    Write(#[from] WriteError),
}

impl From<StepRefused> for PublisherError {
    fn from(refused: StepRefused) -> Self {
        Self::Refused(refused.into())
    }
}

/// Why no pull request came of a step of it.
enum Failed {
    /// Nothing can be said.
    Broken(PublisherError),
    /// It may not be published.
    Rule(Refusal),
    /// The command ended badly.
    Command(String),
}

impl<E: Into<PublisherError>> From<E> for Failed {
    fn from(error: E) -> Self {
        Self::Broken(error.into())
    }
}

impl From<StepError> for Failed {
    fn from(error: StepError) -> Self {
        match error {
            StepError::Stopped => Self::Broken(PublisherError::Stopped),
            StepError::Refused(refusal) => Self::Rule(refusal),
            StepError::Write(error) => Self::Broken(error.into()),
        }
    }
}

/// A proved patch.
pub struct Proposal<'a> {
    /// The patch.
    pub patch: &'a Path,
    /// The name of what it repairs, which its branch has.
    pub group: &'a str,
    /// The title, without its prefix.
    pub title: &'a str,
    /// The text.
    pub text: &'a str,
    /// Each scenario as it ended with the patch.
    pub scenarios: &'a [ScenarioOutcome],
    /// The scenarios that were the fixer's.
    pub proved: &'a [Proved],
    /// The validation command's end.
    pub validation: Option<&'a ValidationOutcome>,
}

/// What became of a publication.
pub struct Outcome {
    /// The pull request, or why there is none; none where the command did not come to it.
    pub published: Option<Published>,
    /// Why the loop does not end well, where it does not.
    pub failed: Option<(StopReason, String)>,
}

/// Publishes what is proved.
pub struct Publisher<'a> {
    /// How it is to be published.
    pub settings: &'a Publish,
    /// The command that opens the pull request; none where archal does.
    pub command: Option<&'a str>,
    /// git and gh, in the user's repository.
    pub programs: Programs<'a>,
    /// Makes private copies.
    pub workshop: Workshop<'a>,
    /// Clock, environment, containment; its token ends the command.
    pub bench: &'a Bench<'a>,
    /// Where paid steps are written down.
    pub journal: &'a RunJournal<'a>,
    /// The folder of the artifacts.
    pub folder: &'a Path,
    /// Now.
    pub now: Timestamp,
}

impl Publisher<'_> {
    /// Publishes a patch, and reads back what came of it.
    ///
    /// # Errors
    ///
    /// When it was stopped, has no money or cannot be carried out.
    pub fn publish(&self, proposal: &Proposal<'_>) -> Result<Outcome, PublisherError> {
        let done = match self.command {
            None => self.own(proposal),
            Some(command) => self.by_command(command, proposal),
        };
        let failed = |published: Option<Published>, reason, why: String| Outcome {
            published,
            failed: Some((reason, self.bench.scrubber.text(&why))),
        };
        Ok(match done {
            Ok(published) => match objection(&published) {
                None => Outcome {
                    published: Some(published),
                    failed: None,
                },
                Some((reason, why)) => failed(Some(published), reason, why),
            },
            Err(Failed::Broken(error)) => return Err(error),
            Err(Failed::Command(why)) => failed(None, StopReason::PrCommand, why),
            Err(Failed::Rule(refusal)) => {
                let why = refusal.to_string();
                let published = Published {
                    kind: PublishAs::Pr,
                    request: None,
                    refusal: Some(Refusal {
                        reason: self.bench.scrubber.text(&refusal.reason),
                        ..refusal
                    }),
                    findings: Vec::new(),
                };
                failed(Some(published), StopReason::PrRefused, why)
            }
        })
    }

    fn own(&self, proposal: &Proposal<'_>) -> Result<Published, Failed> {
        fs::create_dir_all(self.folder).map_err(|source| WriteError::Io {
            path: self.folder.to_owned(),
            source,
        })?;
        let published = Publication {
            settings: self.settings,
            programs: self.programs,
            base: self.workshop.base,
            patch: proposal.patch,
            group: proposal.group,
            traces: &[],
            title: proposal.title,
            details: proposal.text,
            folder: self.folder,
            now: self.now,
            scrubber: self.bench.scrubber,
        }
        .run()?;
        Ok(published)
    }

    /// The pull request that a command opens, read back from the service.
    fn by_command(&self, command: &str, proposal: &Proposal<'_>) -> Result<Published, Failed> {
        let patch = fs::read(proposal.patch).unwrap_or_default();
        secrets::none_in(&patch, self.bench.scrubber).map_err(Failed::Rule)?;
        let targets = Targets::of(self.settings, self.programs)?;
        let at = (self.workshop.base, self.folder);
        let place = Place::look(self.settings, &targets, self.programs, at)?;
        let service = place.service();
        let owner = &targets.head.owner;

        // The commit, in a copy of its own.
        let sha256 = hash::sha256(&patch);
        let before = Record::read(self.folder);
        let base = self.workshop.base;
        let mut record = Record::begun(proposal.group, base, &sha256, self.now, before.as_ref());
        let branch = format!("{PREFIX}{}", proposal.group);
        let copy = self.workshop.copy(&[])?;
        let path = self.bench.environment.get("PATH").unwrap_or_default();
        let repository = Repository {
            folder: copy.tree(),
            path,
        };
        let title = title(&self.settings.title_prefix, proposal.title);
        let commit = repository.commit(&Commit {
            base,
            patch: proposal.patch,
            message: &branch::message(&title, proposal.group, &[], base),
            author: &Author {
                name: self.settings.author_name.clone(),
                email: self.settings.author_email.clone(),
            },
            at: &record.at,
            scratch: self.folder,
        })?;
        record.branch = Some(branch.clone());
        record.target = Some(targets.into.shown());
        record.base_branch = Some(place.base_branch.clone());
        record.commit = Some(commit.clone());
        record.write(self.folder)?;
        let expected = Expected {
            files: repository.files(base, &commit)?,
            commit: commit.clone(),
            branch: branch.clone(),
            base: place.base_branch.clone(),
        };

        let known = service.pulls_of(owner, &branch)?;
        // What a person closed stays closed, whoever would open it again.
        decision::open(&known, &commit, &place.base_branch).map_err(Failed::Rule)?;
        if of(&known, &commit).is_none() {
            let remote = Remote {
                programs: self.programs,
                name: &self.settings.remote,
            };
            // What logs in by it is the user's; the command has variables for that.
            let url = without_credentials(remote.address()?.unwrap_or_default());
            let git = |arguments: &[&str]| Git::new(copy.tree(), path).args(arguments).output();
            git(&["checkout", "--quiet", "-B", &branch, &commit])?;
            git(&["remote", "add", &self.settings.remote, &url])?;
            let document = ValidatedDocument {
                schema: SCHEMA.to_owned(),
                version: VERSION,
                truncated: false,
                base: base.to_owned(),
                into: place.base_branch.clone(),
                branch: branch.clone(),
                commit: commit.clone(),
                remote: url,
                title: Some(title),
                body: Some(proposal.text.to_owned()),
                files: expected.files.iter().cloned().collect(),
                scenarios: proposal.scenarios.to_vec(),
                proved: proposal.proved.to_vec(),
                scenario_ids: Vec::new(),
                validation: proposal.validation.cloned(),
                patch: copy.beside("brief").join("fix.patch"),
            };
            atomic::write(&document.patch, &patch, Durability::Derived)?;
            self.run(command, &copy, &document)?;
        }

        // What came of it.
        let known = service.pulls_of(owner, &branch)?;
        let newest = of(&known, &commit).or_else(|| known.first());
        let Some(pull) = newest else {
            let reason = format!(
                "the command ended well, and there is no pull request from {branch} in {}",
                targets.into.full_name()
            );
            return Err(Failed::Rule(Refusal::by(Rule::Refused, reason)));
        };
        let seen = service.seen(pull.number)?;
        let is_merged = seen.is_merged && seen.head == commit;
        let mut findings = match is_merged {
            true => Vec::new(),
            false => readback::faults(&expected, &seen),
        };
        for finding in &mut findings {
            finding.message = self.bench.scrubber.text(&finding.message);
        }
        let page = service.page("pulls", pull.number)?;
        let published = Published {
            kind: PublishAs::Pr,
            request: Some(Request::of(pull.number, page.url, seen)),
            refusal: None,
            findings,
        };
        record.published = Some(published.clone());
        record.write(self.folder)?;
        Ok(published)
    }

    /// Runs the command to its end, as a paid step.
    fn run(
        &self,
        command: &str,
        copy: &Workplace,
        document: &ValidatedDocument,
    ) -> Result<(), Failed> {
        let file = copy.beside("brief").join("validation.json");
        atomic::write_json(&file, document, Durability::Derived)?;
        let usage = copy.home().join(USAGE_FILE);
        let binds = self.workshop.guards(copy)?;
        let spec = ChildSpec {
            command: vec!["sh".to_owned(), "-c".to_owned(), command.to_owned()],
            directory: copy.tree().to_owned(),
            environment: self.environment(copy, document, (&file, &usage)),
            timeout: TIMEOUT,
            idle: None,
            grace: GRACE,
            output_cap: OUTPUT_CAP,
            binds,
            process_limit: Some(DEFAULT_PROCESS_LIMIT),
            confine: copy.confine(self.workshop.options.sandbox, self.bench.environment),
        };
        let hold = Hold {
            helper: self.bench.binary,
            containment: self.bench.probe.containment(),
            stop: self.bench.stop,
        };
        let step = format!("pr/{}", document.commit);
        let attempt = self.journal.open(&step, "pr", None)?;
        let scrubber = self.bench.scrubber;
        let end = metering::metered(self.journal, &attempt, &usage, scrubber, || {
            sandbox::run(&spec, &hold)
        });
        let spent = match &end.outcome {
            ChildOutcome::NotStarted { .. } => Spent::NOTHING,
            _ => metering::read(&usage, scrubber),
        };
        let how = match &end.outcome {
            ChildOutcome::Stopped => {
                self.journal.abandon(&attempt, &spent)?;
                return Err(PublisherError::Stopped.into());
            }
            ChildOutcome::Exited { code } => format!("exited with status {code}"),
            ChildOutcome::Killed { signal } => format!("was killed by signal {signal}"),
            ChildOutcome::TimedOut => "ran out of time".to_owned(),
            ChildOutcome::NotStarted { reason } => format!("could not be started: {reason}"),
        };
        let mut said = end.stdout.clone();
        said.extend_from_slice(&end.stderr);
        let output = self.folder.join(OUTPUT);
        atomic::write(&output, &scrubber.bytes(&said), Durability::Derived)?;
        let record = json!({ "commit": document.commit, "how": how });
        self.journal.end(&attempt, &record, &spent)?;
        match end.succeeded() {
            true => Ok(()),
            false => Err(Failed::Command(format!(
                "the pull request command {how}; what it printed is in {}",
                output.display()
            ))),
        }
    }

    fn environment(
        &self,
        copy: &Workplace,
        document: &ValidatedDocument,
        (file, usage): (&Path, &Path),
    ) -> BTreeMap<String, String> {
        let caller = self.bench.environment;
        let mut environment = copy.environment(caller);
        for name in HANDED_ON {
            if let Some(value) = caller.get(name) {
                environment.insert((*name).to_owned(), value.to_owned());
            }
        }
        let mut set = |name: &str, value: String| {
            environment.insert(name.to_owned(), value);
        };
        // The private home knows no login; the token in the environment is one.
        set("GIT_CONFIG_COUNT", "1".to_owned());
        set("GIT_CONFIG_KEY_0", "credential.helper".to_owned());
        set("GIT_CONFIG_VALUE_0", "!gh auth git-credential".to_owned());
        set("GIT_TERMINAL_PROMPT", "0".to_owned());
        set("GH_PROMPT_DISABLED", "1".to_owned());
        set("ARCHAL_PREPROD_VALIDATION_JSON", document.in_variable());
        set(
            "ARCHAL_PREPROD_VALIDATION_JSON_FILE",
            file.display().to_string(),
        );
        set("ARCHAL_PREPROD_USAGE_PATH", usage.display().to_string());
        environment
    }
}

/// The pull request that ends at a commit, open or merged.
fn of<'k>(known: &'k [Known], commit: &str) -> Option<&'k Known> {
    known
        .iter()
        .find(|pull| pull.head == commit && (pull.is_open || pull.is_merged))
}

/// Why what was published does not count.
fn objection(published: &Published) -> Option<(StopReason, String)> {
    if let Some(refusal) = &published.refusal {
        return Some((StopReason::PrRefused, refusal.to_string()));
    }
    // That a label could not be set is told, and takes nothing from what is proved.
    let wrong = |rule: Fault| rule != Fault::NotLabelled;
    let found: Vec<String> = published
        .findings
        .iter()
        .filter(|finding| wrong(finding.rule))
        .map(|finding| format!("{}: {}", finding.rule.name(), finding.message))
        .collect();
    (!found.is_empty()).then(|| (StopReason::PrVerification, found.join("; ")))
}
