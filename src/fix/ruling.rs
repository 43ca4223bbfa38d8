//! What the rules for fixers make of a tree that one left: what is put back, what a person has to
//! review, and what no fix may hold.

use std::fs;
use std::path::{Path, PathBuf};

use archal_core::fixer::{FixEnd, FixRecord};
use serde::{Deserialize, Serialize};

use crate::git::command::GitError;
use crate::git::workspace::Changed;
use crate::reproduce::workplace::Workplace;
use crate::run::scrub::Scrubber;

use super::conduct::{self, Breach, BreachRule, Consequence};
use super::rules::{self, Rule};
use super::weakened;

/// What the rules made of a fix.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ruled {
    /// Tests, scenarios and seeds that it changed; put back.
    pub reverted: Vec<String>,
    /// Manifests, lock files, CI and instructions that it changed; for a person to review.
    pub review: Vec<String>,
    /// Files that differ from the base commit.
    pub changed: Vec<String>,
    /// What the fixer did beside repairing the agent.
    #[serde(default)]
    pub breaches: Vec<Breach>,
}

/// Why there is no patch to prove.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rejected {
    /// One sentence.
    pub reason: String,
    /// What is missing, by its code; none where the fixer is to blame.
    #[serde(default)]
    pub blocked: Option<String>,
    /// What the fixer did beside repairing the agent.
    #[serde(default)]
    pub breaches: Vec<Breach>,
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

/// What the rules go by.
pub struct Ruling<'a> {
    /// Files and folders that say what is asked of the agent, relative to the repository.
    pub asked: &'a [PathBuf],
    /// Files that git does not track and that were in the copy from the beginning; whoever put them
    /// there puts them back.
    pub carried: &'a [PathBuf],
    /// Knows the user's keys.
    pub scrubber: &'a Scrubber,
    /// Whether something installs what lock files say.
    pub has_setup: bool,
}

impl Ruling<'_> {
    /// Puts back what may not be changed and names what must be reviewed; or says what a fix may
    /// not hold at all, or that its fixer came to no good end, and what that did all the same.
    ///
    /// # Errors
    ///
    /// When git refuses.
    pub fn of_tree(
        &self,
        place: &Workplace,
        record: &FixRecord,
    ) -> Result<Result<Ruled, Rejected>, GitError> {
        let ruled = match of_end(record) {
            None => self.of_files(place)?,
            Some(reason) => Err(Rejected {
                breaches: self.of_lost(place)?,
                ..reason.into()
            }),
        };
        Ok(ruled.map_err(|mut rejected| {
            rejected.breaches.extend(self.of_conduct(place, record));
            rejected
        }))
    }

    /// What is in a tree that nobody takes anything from.
    fn of_lost(&self, place: &Workplace) -> Result<Vec<Breach>, GitError> {
        let mut breaches = Vec::new();
        for changed in place.workspace().changed()? {
            if !self.is_carried(&changed) {
                let rule = rules::of(&changed.path, self.asked);
                breaches.extend(self.breaches_of(place, &changed, rule)?);
            }
        }
        for breach in &mut breaches {
            breach.consequence = Consequence::Without;
        }
        Ok(breaches)
    }

    fn of_files(&self, place: &Workplace) -> Result<Result<Ruled, Rejected>, GitError> {
        let mut ruled = Ruled::default();
        for changed in place.workspace().changed()? {
            if self.is_carried(&changed) {
                continue;
            }
            let shown = changed.path.display().to_string();
            let rule = rules::of(&changed.path, self.asked);
            let breaches = self.breaches_of(place, &changed, rule)?;
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
            if self.is_carried(&changed) {
                continue;
            }
            if rules::of(&changed.path, self.asked) == Rule::Reverted {
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

    /// What is said of the patch of that tree, of what else is in the workspace and of what the
    /// fixer printed. `is_new` says whether the patch is another than there was before.
    ///
    /// # Errors
    ///
    /// Why it is not to be proved.
    pub fn of_patch(
        &self,
        mut ruled: Ruled,
        place: &Workplace,
        record: &FixRecord,
        (patch, is_new): (&[u8], bool),
    ) -> Result<Ruled, Rejected> {
        ruled.breaches.extend(self.of_conduct(place, record));
        let refused = if !is_new {
            let what = match ruled.reverted.is_empty() {
                true => "the fixer changed nothing",
                false => "the fixer changed only tests, scenarios or seeds",
            };
            Some((BreachRule::NoChange, what.to_owned()))
        } else {
            let key = self.scrubber.key_in(&added(patch));
            key.map(|key| {
                let detail = format!("it holds the value of {key}");
                (BreachRule::SecretInPatch, detail)
            })
        };
        if let Some((rule, detail)) = refused {
            let breach = Breach::new(rule, detail, Consequence::Refused);
            ruled.breaches.push(breach);
            return Err(Rejected::by(ruled.breaches));
        }
        let is_lock = |path: &&String| rules::is_lock_file(Path::new(path));
        if let Some(lock) = ruled
            .changed
            .iter()
            .find(is_lock)
            .filter(|_| !self.has_setup)
        {
            return Err(Rejected {
                reason: format!(
                    "dependencies: the fixer changed {lock}, and nothing installs what it says: \
                     workspace.setup in .archal.json"
                ),
                blocked: Some("dependencies".to_owned()),
                breaches: ruled.breaches,
            });
        }
        Ok(ruled)
    }

    /// What it did beside changing files of the repository.
    fn of_conduct(&self, place: &Workplace, record: &FixRecord) -> Vec<Breach> {
        let mut breaches: Vec<Breach> = planted_hook(place).into_iter().collect();
        breaches.extend(conduct::of_confined(record.confined.as_ref()));
        let said = fs::read(&record.transcript).unwrap_or_default();
        let said = String::from_utf8_lossy(&said);
        if let Some(key) = self.scrubber.key_taken_out_of(&said) {
            let detail = format!("it printed the value of {key}, which was taken out");
            let printed = Breach::new(BreachRule::SecretPrinted, detail, Consequence::Without);
            breaches.push(printed);
        }
        breaches
    }

    fn is_carried(&self, changed: &Changed) -> bool {
        !changed.is_link && self.carried.contains(&changed.path)
    }

    /// What a changed file is by the rules for fixers.
    fn breaches_of(
        &self,
        place: &Workplace,
        changed: &Changed,
        rule: Rule,
    ) -> Result<Vec<Breach>, GitError> {
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
        if rule == Rule::Reverted && rules::is_asked(path, self.asked) {
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
fn of_end(record: &FixRecord) -> Option<String> {
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
        FixEnd::ToolError => match record.exit_code {
            None | Some(0) => "tool_error: the fixer failed".to_owned(),
            Some(code) => format!("tool_error: the fixer exited with status {code}"),
        },
        FixEnd::NotStarted => "not_started: the fixer could not be started".to_owned(),
    };
    Some(match &record.detail {
        Some(why) => format!("{what} ({why})"),
        None => what,
    })
}
