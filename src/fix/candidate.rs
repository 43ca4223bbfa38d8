//! What a fixer left: its one paid step, and the patch that the rules made of its work.
//!
//! The patch is on the disk, synced, before the journal hears that the fixer has ended. So a
//! fixer that has ended is never run again, wherever the proof of its work is cut off. The file
//! is kept beside the other artifacts: whoever resumes after the last of them needs it, too.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use archal_core::fixer::{FixEnd, FixRecord, FixTask, Fixer};
use archal_core::hash;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::git::workspace::Changed;
use crate::reproduce::journal::{Phase, StepKey};
use crate::reproduce::metering;
use crate::reproduce::spent::Spent;
use crate::reproduce::workplace::Workplace;
use crate::scenario::format;
use crate::scenario::spec::is_seed_file;
use crate::store::atomic::{self, Durability, WriteError};

use super::brief::{self, Brief};
use super::conduct::{self, Breach, BreachRule, Consequence};
use super::repair::{Repair, RepairError};
use super::rules::{self, Rule};
use super::weakened;

/// The patch, in the folder of the fix.
pub const FILE: &str = "candidate.patch";
/// The name of the file, in its private home, in which a fixer may say what it used.
pub(super) const USAGE_FILE: &str = "archal-usage.json";
/// What is made from the patch, in the same folder.
const MADE_FROM_IT: &[&str] = &[
    FILE,
    "proof.json",
    "rejected.patch",
    "repo.patch",
    "green",
    "others/after",
    "others/regression",
    "held-back",
    "held-back.json",
];

/// A patch to prove.
#[derive(Debug)]
pub(super) struct Candidate {
    pub(super) patch: Vec<u8>,
    pub(super) ruled: Ruled,
    /// The fixer that made it.
    pub(super) fixer: FixRecord,
    /// The day it was made.
    pub(super) since: jiff::civil::Date,
}

/// What the rules made of a fix.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct Ruled {
    pub(super) reverted: Vec<String>,
    pub(super) review: Vec<String>,
    pub(super) changed: Vec<String>,
    #[serde(default)]
    pub(super) breaches: Vec<Breach>,
}

/// Why there is no patch to prove.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct Rejected {
    pub(super) reason: String,
    /// What is missing, by its code; none where the fixer is to blame.
    #[serde(default)]
    pub(super) blocked: Option<String>,
    #[serde(default)]
    pub(super) breaches: Vec<Breach>,
}

impl From<String> for Rejected {
    fn from(reason: String) -> Self {
        Self {
            reason,
            ..Self::default()
        }
    }
}

impl Rejected {
    /// Because of the last of the breaches.
    fn by(breaches: Vec<Breach>) -> Self {
        Self {
            reason: breaches.last().map(Breach::reason).unwrap_or_default(),
            blocked: None,
            breaches,
        }
    }
}

/// What the journal keeps of the step.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct FixerStep {
    /// Everything the step depended on.
    inputs: String,
    /// The day it was made.
    since: String,
    fixer: FixRecord,
    outcome: Outcome,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
enum Outcome {
    /// A patch; its bytes are in [`FILE`].
    Candidate { sha256: String, ruled: Ruled },
    /// No patch to prove, and why.
    None(Rejected),
}

impl Repair<'_> {
    /// The patch of a fixer that ran earlier, or runs now; or why there is none.
    pub(super) fn candidate(
        &self,
        fixer: &dyn Fixer,
    ) -> Result<Result<Candidate, Rejected>, RepairError> {
        let key = StepKey {
            phase: Phase::Fixer,
            slot: 1,
        };
        let inputs = self.fixer_inputs(fixer);
        let kept = self.attempts.journal.finished(&key)?;
        if let Some(found) = kept.and_then(|kept| self.read_back(kept, &inputs)) {
            return Ok(found);
        }
        let record = self.fixer_step(&key, fixer, &inputs)?;
        // What was written is what counts, now as after a restart.
        self.read_back(record, &inputs)
            .ok_or_else(|| RepairError::Gone {
                path: self.folder.join(FILE),
            })
    }

    /// Everything the fixer's step depends on, as one hash.
    fn fixer_inputs(&self, fixer: &dyn Fixer) -> String {
        hash::of_json(&(
            (self.workshop.base, self.identity, fixer.name()),
            format::write(&self.attempts.prepared.scenario),
            self.seeds,
        ))
    }

    /// A step with an end, where its patch is there and whole.
    fn read_back(&self, kept: Value, inputs: &str) -> Option<Result<Candidate, Rejected>> {
        let step: FixerStep = serde_json::from_value(kept).ok()?;
        if step.inputs != inputs {
            return None;
        }
        let (sha256, ruled) = match step.outcome {
            Outcome::Candidate { sha256, ruled } => (sha256, ruled),
            Outcome::None(rejected) => return Some(Err(rejected)),
        };
        let patch = fs::read(self.folder.join(FILE)).ok()?;
        if hash::sha256(&patch) != sha256 {
            return None;
        }
        Some(Ok(Candidate {
            patch,
            ruled,
            fixer: step.fixer,
            since: step.since.parse().ok()?,
        }))
    }

    /// The fixer's step from its beginning in the journal to its end there.
    fn fixer_step(
        &self,
        key: &StepKey,
        fixer: &dyn Fixer,
        inputs: &str,
    ) -> Result<Value, RepairError> {
        // Whatever costs nothing comes first, so that a fixer which begins also runs.
        self.clear()?;
        let place = self.workshop.open(&[])?;
        let folder = place.beside("brief");
        let seed = serde_json::to_value(self.seeds).unwrap_or_default();
        brief::write(
            &folder,
            &Brief {
                grade: self.grade,
                scenario: &format::write(&self.attempts.prepared.scenario),
                seed: &seed,
                attempts: self.evidence,
            },
        )?;
        let journal = self.attempts.journal;
        let begun = journal.begin(key, &self.fixer_estimate)?;
        let home = place.home();
        let usage = home.join(USAGE_FILE);
        let changed = || {
            let changed = place.workspace().changed();
            changed.is_ok_and(|changed| !changed.is_empty())
        };
        let task = FixTask {
            workspace: place.tree(),
            home: &home,
            brief: &folder,
            timeout: self.timeout,
            budget_usd: Spent::usd_of(begun.may_spend),
            usage: &usage,
            changed: &changed,
        };
        let scrubber = self.attempts.bench.scrubber;
        let record = metering::metered(journal, &begun.id, &usage, scrubber, || fixer.fix(&task));
        let spent = Spent::of_fixer(&record);
        let step = match record.end {
            FixEnd::Stopped => Err(RepairError::Stopped),
            _ => self.keep(&place, record, inputs),
        };
        match step {
            Ok(step) => {
                journal.end(&begun.id, &step, &spent)?;
                Ok(step)
            }
            Err(error) => {
                journal.abandon(&begun.id, &spent)?;
                Err(error)
            }
        }
    }

    /// Takes what the fixer left by the rules, and keeps the patch.
    fn keep(
        &self,
        place: &Workplace,
        record: FixRecord,
        inputs: &str,
    ) -> Result<Value, RepairError> {
        let outcome = match self.outcome(place, &record)? {
            Err(rejected) => Outcome::None(rejected),
            Ok((patch, ruled)) => {
                atomic::write(&self.folder.join(FILE), &patch, Durability::Synced)?;
                Outcome::Candidate {
                    sha256: hash::sha256(&patch),
                    ruled,
                }
            }
        };
        let step = FixerStep {
            inputs: inputs.to_owned(),
            since: self.today.to_string(),
            fixer: record,
            outcome,
        };
        serde_json::to_value(&step).map_err(RepairError::Encode)
    }

    fn outcome(
        &self,
        place: &Workplace,
        record: &FixRecord,
    ) -> Result<Result<(Vec<u8>, Ruled), Rejected>, RepairError> {
        if record.end == FixEnd::Stopped {
            return Err(RepairError::Stopped);
        }
        if let Some(reason) = failed(record) {
            return Ok(Err(reason.into()));
        }
        let mut ruled = match self.apply_rules(place)? {
            Ok(ruled) => ruled,
            Err(rejected) => return Ok(Err(rejected)),
        };
        ruled.breaches.extend(planted_hook(place));
        let scrubber = self.attempts.bench.scrubber;
        let said = fs::read(&record.transcript).unwrap_or_default();
        if let Some(key) = scrubber.key_taken_out_of(&String::from_utf8_lossy(&said)) {
            let detail = format!("it printed the value of {key}, which was taken out");
            let printed = Breach::new(BreachRule::SecretPrinted, detail, Consequence::Without);
            ruled.breaches.push(printed);
        }
        let patch = place.workspace().patch(&[])?;
        let refused = if patch.is_empty() {
            let what = match ruled.reverted.is_empty() {
                true => "the fixer changed nothing",
                false => "the fixer changed only tests, scenarios or seeds",
            };
            Some((BreachRule::NoChange, what.to_owned()))
        } else {
            let key = scrubber.key_in(&added(&patch));
            key.map(|key| {
                (
                    BreachRule::SecretInPatch,
                    format!("it holds the value of {key}"),
                )
            })
        };
        if let Some((rule, detail)) = refused {
            let breach = Breach::new(rule, detail, Consequence::Refused);
            ruled.breaches.push(breach);
            return Ok(Err(Rejected::by(ruled.breaches)));
        }
        let lock = ruled
            .changed
            .iter()
            .find(|path| rules::is_lock_file(Path::new(path)));
        let has_setup = self.workshop.options.setup.is_some();
        if let Some(lock) = lock.filter(|_| !has_setup) {
            return Ok(Err(Rejected {
                reason: format!(
                    "dependencies: the fixer changed {lock}, and nothing installs what it says: \
                     workspace.setup in .archal.json"
                ),
                blocked: Some("dependencies".to_owned()),
                breaches: ruled.breaches,
            }));
        }
        Ok(Ok((patch, ruled)))
    }

    /// Removes what was made from a patch that is lost.
    fn clear(&self) -> Result<(), RepairError> {
        for name in MADE_FROM_IT {
            let path = self.folder.join(name);
            let removed = match path.is_dir() {
                true => fs::remove_dir_all(&path),
                false => fs::remove_file(&path),
            };
            match removed {
                Err(source) if source.kind() != io::ErrorKind::NotFound => {
                    return Err(WriteError::Io { path, source }.into());
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// Puts back what may not be changed and names what must be reviewed; or says what a fix may
    /// not hold at all.
    fn apply_rules(&self, place: &Workplace) -> Result<Result<Ruled, Rejected>, RepairError> {
        let asked = self.asked();
        let mut ruled = Ruled::default();
        for changed in place.workspace().changed()? {
            let shown = changed.path.display().to_string();
            let rule = rules::of(&changed.path, &asked);
            let breaches = self.breaches_of(place, &changed, (rule, &asked))?;
            let is_refused = |breach: &Breach| breach.consequence == Consequence::Refused;
            let refused = breaches.iter().find(|breach| is_refused(breach)).cloned();
            ruled.breaches.extend(breaches);
            if let Some(refused) = refused {
                return Ok(Err(Rejected {
                    reason: refused.reason(),
                    ..Rejected::by(ruled.breaches)
                }));
            }
            match rule {
                Rule::Reverted => {
                    place.workspace().restore(&changed.path)?;
                    ruled.reverted.push(shown);
                }
                Rule::Review => ruled.review.push(shown),
                Rule::Free => {}
            }
        }
        for changed in place.workspace().changed()? {
            if rules::of(&changed.path, &asked) == Rule::Reverted {
                let reason = format!("{} cannot be put back as it was", changed.path.display());
                return Ok(Err(Rejected {
                    reason,
                    ..Rejected::by(ruled.breaches)
                }));
            }
            ruled.changed.push(changed.path.display().to_string());
        }
        Ok(Ok(ruled))
    }

    /// What a changed file is by the rules for fixers.
    fn breaches_of(
        &self,
        place: &Workplace,
        changed: &Changed,
        (rule, asked): (Rule, &[PathBuf]),
    ) -> Result<Vec<Breach>, RepairError> {
        let path = &changed.path;
        let one = |rule, detail: &str, consequence| {
            let breach = Breach::new(rule, detail, consequence);
            vec![breach.at(&path.display().to_string())]
        };
        let how = match changed.status {
            'A' => "it was added",
            'D' => "it was deleted",
            _ => "it was changed",
        };
        if rule == Rule::Reverted && rules::is_asked(path, asked) {
            let rule = BreachRule::ScenarioChanged;
            return Ok(one(rule, how, Consequence::PutBack));
        }
        if changed.is_link && rule != Rule::Reverted {
            let detail = "the fix adds a symbolic link or a submodule";
            return Ok(one(BreachRule::LinkAdded, detail, Consequence::Refused));
        }
        let is_code_with_tests = path.extension().is_some_and(|extension| extension == "rs");
        let consequence = match rule {
            Rule::Reverted => Consequence::PutBack,
            Rule::Review => {
                let rule = match rules::says_what_is_installed(path) {
                    true => BreachRule::DependenciesChanged,
                    false => BreachRule::ProtectedFile,
                };
                return Ok(one(rule, how, Consequence::Review));
            }
            // Tests that stand in the code cannot be put back without it.
            Rule::Free if is_code_with_tests => Consequence::Refused,
            Rule::Free => return Ok(Vec::new()),
        };
        let before = place.workspace().base_file(path)?;
        let before = before.and_then(|bytes| String::from_utf8(bytes).ok());
        let after = small_text(&place.tree().join(path));
        let found = conduct::of_tests(path, before.as_deref(), after.as_deref(), consequence);
        Ok(match (found.is_empty(), rule, changed.status) {
            (false, ..) | (true, Rule::Free | Rule::Review, _) => found,
            (true, Rule::Reverted, 'D') => one(BreachRule::TestDeleted, how, consequence),
            (true, Rule::Reverted, _) => one(BreachRule::TestChanged, how, consequence),
        })
    }

    /// Files that say what is asked of the agent: scenarios and seeds of the base commit, and
    /// the places the configuration names.
    pub(super) fn asked(&self) -> Vec<PathBuf> {
        let plain = |place: &String| PathBuf::from(place.trim_start_matches("./"));
        let mut asked: Vec<PathBuf> = self
            .scenario_places
            .iter()
            .map(plain)
            .filter(|place| place != Path::new("."))
            .collect();
        for prepared in self.scenarios {
            let scenario = &prepared.scenario;
            let path = scenario
                .path
                .strip_prefix(self.scenario_root)
                .unwrap_or(&scenario.path);
            let folder = path.parent().unwrap_or(Path::new(""));
            asked.extend(
                scenario
                    .config
                    .seeds
                    .iter()
                    .filter(|seed| is_seed_file(&seed.name))
                    .map(|seed| folder.join(seed.name.trim_start_matches("./"))),
            );
            asked.push(path.to_owned());
        }
        asked.extend(self.seed_files.iter().map(plain));
        asked
    }
}

/// A hook, or a setting that runs a program, in the `.git` of a workspace. Nobody runs it: archal
/// looks at the files through a store of its own.
fn planted_hook(place: &Workplace) -> Option<Breach> {
    let git = place.tree().join(".git");
    let is_sample = |name: &str| name.ends_with(".sample");
    let hooks = fs::read_dir(git.join("hooks"))
        .into_iter()
        .flatten()
        .flatten();
    let mut names = hooks.map(|entry| entry.file_name().to_string_lossy().into_owned());
    let planted = names
        .find(|name| !is_sample(name))
        .map(|name| format!("hooks/{name}"));
    let config = small_text(&git.join("config")).unwrap_or_default();
    let config = config.to_lowercase();
    let runs = ["hookspath", "fsmonitor", "sshcommand", "[filter"];
    let set = runs.iter().find(|word| config.contains(**word));
    let what = planted.or_else(|| set.map(|word| format!("config: {}", word.trim_matches('['))))?;
    let detail = format!("{what} in the workspace; nothing runs it");
    let breach = Breach::new(BreachRule::GitHook, detail, Consequence::Without);
    Some(breach.at(".git"))
}

/// The text of an ordinary file that a fixer left; a link, a pipe or a device is never opened.
fn small_text(path: &Path) -> Option<String> {
    let found = fs::symlink_metadata(path).ok()?;
    let is_small = found.is_file() && found.len() <= weakened::MOST_BYTES as u64;
    is_small.then(|| fs::read_to_string(path).ok()).flatten()
}

/// The lines that a patch adds.
fn added(patch: &[u8]) -> String {
    let text = String::from_utf8_lossy(patch);
    let lines = text.lines().filter(|line| line.starts_with('+'));
    lines.collect::<Vec<_>>().join("\n")
}

/// Why a fixer that ended so left nothing to prove; none where what it left is looked at.
fn failed(record: &FixRecord) -> Option<String> {
    let code = record.exit_code.unwrap_or(-1);
    let what = match record.end {
        FixEnd::Changed | FixEnd::NoChange | FixEnd::Stopped => return None,
        FixEnd::Denied => "denied: the fixer was refused what it needs".to_owned(),
        FixEnd::LimitTurns => "limit_turns: the fixer came to its limit of turns".to_owned(),
        FixEnd::LimitBudget => "limit_budget: the fixer came to its limit of money".to_owned(),
        FixEnd::Auth => "auth: the fixer has no key that its model takes".to_owned(),
        FixEnd::Quota => "quota: the fixer's model takes no more calls".to_owned(),
        FixEnd::NoResult => "no_result: the fixer did not say that it had ended".to_owned(),
        FixEnd::Timeout => "timeout: the fixer ran out of time".to_owned(),
        FixEnd::Killed => "killed: the fixer was killed".to_owned(),
        FixEnd::ToolError if code == 0 => "tool_error: the fixer failed".to_owned(),
        FixEnd::ToolError => format!("tool_error: the fixer exited with status {code}"),
        FixEnd::NotStarted => "not_started: the fixer could not be started".to_owned(),
    };
    Some(match &record.detail {
        Some(why) => format!("{what} ({why})"),
        None => what,
    })
}
