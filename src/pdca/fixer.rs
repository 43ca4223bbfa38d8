//! A run as the fixer of the loops: the failing scenarios are Check's first reviewer, and what is approved is
//! merged into the fix workspace, whose tree is the candidate.

use std::fs;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use archal_core::fixer::{FixEnd, FixRecord, FixTask};

use crate::fix::choice::FixerChoice;
use crate::fix::cycles::{Cycles, Ground, NAME};
use crate::git::command::{self, Git, GitError};
use crate::report::causes::chain;
use crate::reproduce::workplace::WorkplaceError;
use crate::sandbox::StopToken;
use crate::sandbox::child::Containment;
use crate::store::atomic::{self, Durability};

use super::artifacts::{self, Artifacts};
use super::domain;
use super::engine::begin;
use super::engine::drive::{self, Memo};
use super::engine::held::Held;
use super::engine::process::Processes;
use super::engine::stage::{EngineError, Record, Stage};
use super::engine::{change, ending};
use super::log::Log;
use super::machine::course::End;
use super::place::{Place, RunId, refuse_link};
use super::players;
use super::role::{Role, Workflow};
use super::settings::{self, Hooks, Settings, Strategy};

/// The branch of the fix workspace that a run is merged into.
const BRANCH: &str = "archal-fix";
/// The cycles of a run that the settings say nothing of: a scenario that still fails is told once.
const CYCLES: u32 = 2;
/// The files of the brief that the task is made of.
const BRIEF: [&str; 4] = ["task.md", "grade.json", "failures.json", "scenario.md"];
/// More of one of them is not told.
const LONGEST: usize = 64 << 10;

/// Runs of agents as a fixer.
#[derive(Debug)]
pub struct PdcaFixer;

/// What became of a run.
struct Came {
    end: FixEnd,
    detail: Option<String>,
    spent: Option<f64>,
    played_by: String,
    sandbox: String,
}

impl Came {
    fn not_started(why: impl ToString) -> Self {
        Self {
            end: FixEnd::NotStarted,
            detail: Some(why.to_string()),
            spent: None,
            played_by: "nobody".to_owned(),
            sandbox: "off".to_owned(),
        }
    }
}

impl Cycles for PdcaFixer {
    fn work(&self, ground: &Ground<'_>, task: &FixTask<'_>) -> FixRecord {
        let began = ground.bench.clock.now();
        let told = Mutex::new(String::new());
        let tell = |line: &str| {
            let mut told = told.lock().unwrap_or_else(PoisonError::into_inner);
            told.push_str(line);
            told.push('\n');
        };
        let came = match prepare(ground) {
            Ok((settings, choice)) => run(ground, task, (&settings, &choice), &tell)
                .unwrap_or_else(|error| Came {
                    end: FixEnd::ToolError,
                    played_by: choice.shown(),
                    ..Came::not_started(chain(&error))
                }),
            Err(why) => Came::not_started(why),
        };
        let scrubber = ground.bench.scrubber;
        let told = told.into_inner().unwrap_or_else(PoisonError::into_inner);
        let kept = scrubber.text(&told);
        let kept = atomic::write(&ground.transcript, kept.as_bytes(), Durability::Synced);
        let lasted = ground.bench.clock.now().duration_since(began);
        FixRecord {
            fixer: NAME.to_owned(),
            command: scrubber.text(&format!("{NAME}, played by {}", came.played_by)),
            end: came.end,
            detail: came.detail.map(|why| scrubber.text(&why)),
            exit_code: None,
            duration_ms: u64::try_from(lasted.as_millis()).unwrap_or_default(),
            containment: match ground.bench.probe.containment() {
                Containment::Namespaces => "namespaces",
                Containment::Pgroup => "pgroup",
            }
            .to_owned(),
            sandbox: came.sandbox,
            confined: None,
            cost_usd: came.spent,
            usage: None,
            transcript: match kept {
                Ok(()) => ground.transcript.clone(),
                Err(_) => Default::default(),
            },
        }
    }
}

/// The settings of runs, and who plays the roles.
fn prepare(ground: &Ground<'_>) -> Result<(Settings, FixerChoice), String> {
    let mut settings =
        settings::load(&Place::of(ground.repo)).map_err(|error| error.to_string())?;
    // They are about the user's repository, and this is a copy that goes.
    settings.hooks = Hooks::default();
    let choice = players::of_fixer(&settings.config, ground.choice)?;
    Ok((settings, choice))
}

fn run(
    ground: &Ground<'_>,
    task: &FixTask<'_>,
    (settings, choice): (&Settings, &FixerChoice),
    tell: &(dyn Fn(&str) + Sync),
) -> Result<Came, EngineError> {
    let bench = ground.bench;
    let repo = task.workspace;
    let path = bench.environment.get("PATH").unwrap_or_default();
    let place = Place::of(&ground.folder);
    let named = |run: &RunId| place.events(run).exists() || place.run(run).exists();
    let run = RunId::of_task(bench.clock.now(), "repair the agent", named);
    place.prepare(&run)?;
    let own = Place::of(ground.repo);
    archetypes(&own, &place)?;
    let domain = domain::load(&own, settings.config.domain.as_deref(), ground.repo);
    let domain = match domain {
        Ok(domain) => domain,
        Err(error) => return Ok(Came::not_started(chain(&error))),
    };
    let (origin, base) = begun(repo, path)?;
    let workflow = settings.config.workflow.unwrap_or(Workflow::Fast);
    let record = Record {
        task: bench.scrubber.text(&told(task.brief)),
        workflow,
        is_pipeline: settings.config.strategy == Strategy::Pipeline,
        reason: "a fixer".to_owned(),
        max_cycles: Some(settings.config.max_cycles.unwrap_or(CYCLES)),
        base_branch: BRANCH.to_owned(),
        base,
        branch: format!("{}{run}", settings.config.git.branch_prefix),
        domain: domain.name.clone(),
    };
    record.write(&place, &run)?;
    let artifacts = Artifacts::of(place.artifacts(&run));
    artifacts.write(artifacts::TASK, record.task.as_bytes())?;
    begin::make_branch(repo, path, &record)?;
    let git = command::common_folder(repo, path)?;
    let log = Log::new(place.events(&run), run.clone());
    let processes = Processes::of(&place, &run);
    let maker = players::committer(choice);
    let stop = ground.stop.within();
    let stage = Stage {
        repo,
        place: &place,
        run: &run,
        record: &record,
        artifacts: &artifacts,
        log: &log,
        processes: &processes,
        settings,
        domain: &domain,
        choice,
        maker: &maker,
        git: &git,
        siblings: Vec::new(),
        withheld: &ground.options.agent_keys,
        options: ground.options,
        sandbox: ground.mode,
        binary: bench.binary,
        probe: bench.probe,
        environment: bench.environment,
        clock: Arc::clone(&bench.clock),
        scrubber: bench.scrubber,
        prices: ground.prices,
        stop: &stop,
        budget_usd: task.budget_usd,
        held: Some(Held {
            base: &origin,
            check: task.check,
        }),
        merges: true,
        is_dry_run: false,
        tell,
        show: &|_| (),
        warn: tell,
    };
    let (mut course, mut memo) = begin::fresh(&stage);
    begin::announce(&stage, &course, &memo, None);
    let (over, timeout) = (StopToken::new(), task.timeout);
    let driven = thread::scope(|scope| {
        scope.spawn(|| {
            // Its clock is that of the whole run, whatever its agents have.
            if !over.wait(timeout) {
                stop.stop();
            }
        });
        let driven = drive::drive(&stage, &mut course, &mut memo);
        over.stop();
        driven
    });
    let end = match driven {
        // It was stopped while a copy was made.
        Err(EngineError::Workplace(WorkplaceError::Stopped)) => End::Stopped,
        driven => driven?,
    };
    ending::finish(&stage, &course, &memo, end)?;
    let was_timed_out = end == End::Stopped && !ground.stop.is_stopped();
    let fix_end = match was_timed_out {
        true => FixEnd::Timeout,
        false => of(end, (task.changed)()),
    };
    let last = processes.read().unwrap_or_default().pop();
    Ok(Came {
        end: fix_end,
        detail: (end != End::Merged).then(|| why(end, &memo)),
        spent: Some(memo.spent),
        played_by: choice.shown(),
        sandbox: last
            .and_then(|last| last.sandbox)
            .unwrap_or_else(|| "off".to_owned()),
    })
}

/// How a fixer ended whose run ended so.
fn of(end: End, has_changed: bool) -> FixEnd {
    match end {
        End::Merged if has_changed => FixEnd::Changed,
        End::Merged => FixEnd::NoChange,
        // What nobody approved is no candidate.
        End::MaxCycles
        | End::Escalated
        | End::Broken
        | End::AwaitingMerge
        | End::NotMerged
        | End::Conflict => FixEnd::NoResult,
        End::Budget => FixEnd::LimitBudget,
        End::Stopped => FixEnd::Stopped,
        End::Planned | End::NeedsUser | End::Blocked | End::Failed | End::HookAbort => {
            FixEnd::ToolError
        }
    }
}

fn why(end: End, memo: &Memo) -> String {
    match memo.why.is_empty() {
        true => format!("the run ended {}", end.status()),
        false => format!("the run ended {}: {}", end.status(), memo.why),
    }
}

/// The commit that the workspace was made of, and the one that the run begins on: with everything that is
/// there, such as what an earlier attempt changed. A branch of that name is checked out.
fn begun(repo: &Path, path: &str) -> Result<(String, String), GitError> {
    let git = || Git::new(repo, path);
    let origin = command::head(repo, path)?;
    git().args(["add", "--all"]).output()?;
    let tree = git().args(["write-tree"]).line()?;
    let name = [
        ("GIT_AUTHOR_NAME", "archal"),
        ("GIT_AUTHOR_EMAIL", "archal@localhost"),
        ("GIT_COMMITTER_NAME", "archal"),
        ("GIT_COMMITTER_EMAIL", "archal@localhost"),
    ]
    .map(|(name, value)| (name.to_owned(), value.to_owned()));
    let base = git()
        .args(["commit-tree", "--no-gpg-sign", "-p", &origin])
        .args(["-m", "what is there before the run", &tree])
        .envs(&name)
        .line()?;
    let branch = change::branch_ref(BRANCH);
    git().args(["update-ref", &branch, &base]).output()?;
    git().args(["symbolic-ref", "HEAD", &branch]).output()?;
    Ok((origin, base))
}

/// The user's own texts for roles go where agents' records are.
fn archetypes(from: &Place, to: &Place) -> Result<(), EngineError> {
    for role in Role::ALL {
        let path = from.archetype(role);
        refuse_link(&path)?;
        if let Ok(text) = fs::read(&path) {
            atomic::write(&to.archetype(role), &text, Durability::Derived)?;
        }
    }
    Ok(())
}

/// The task, from the files of the brief: agents are told it, and have no other place to read it from.
fn told(brief: &Path) -> String {
    let mut task = String::new();
    let mut files: Vec<_> = BRIEF.iter().map(|name| brief.join(name)).collect();
    let scenarios = fs::read_dir(brief.join("scenarios")).into_iter().flatten();
    let mut more: Vec<_> = scenarios.flatten().map(|entry| entry.path()).collect();
    more.sort();
    files.extend(more);
    for file in files {
        let Ok(text) = fs::read_to_string(&file) else {
            continue;
        };
        let mut end = text.len().min(LONGEST);
        while !text.is_char_boundary(end) {
            end -= 1;
        }
        let name = file.file_name().unwrap_or_default().to_string_lossy();
        if !task.is_empty() {
            task.push_str(&format!("\n---- {name}\n"));
        }
        task.push_str(text[..end].trim_end());
        task.push('\n');
    }
    task
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_approved_is_no_candidate() {
        assert_eq!(of(End::Merged, true), FixEnd::Changed);
        assert_eq!(of(End::Merged, false), FixEnd::NoChange);
        assert_eq!(of(End::MaxCycles, true), FixEnd::NoResult);
        assert_eq!(of(End::Budget, true), FixEnd::LimitBudget);
        assert_eq!(of(End::Failed, true), FixEnd::ToolError);
    }

    #[test]
    fn the_task_has_the_brief_and_nothing_too_long() {
        let brief = tempfile::tempdir().expect("a folder");
        let write = |name: &str, text: &str| {
            let path = brief.path().join(name);
            atomic::write(&path, text.as_bytes(), Durability::Derived).expect("written");
        };
        write("task.md", "# Repair\n");
        write("seed.json", "SEED");
        write("grade.json", &"ä".repeat(LONGEST));
        write("scenarios/b.md", "SCENARIO");
        let task = told(brief.path());
        assert!(task.starts_with("# Repair\n\n---- grade.json\nä"), "{task}");
        assert!(task.ends_with("ä\n\n---- b.md\nSCENARIO\n"), "{task}");
        assert!(!task.contains("SEED") && task.len() < 2 * LONGEST);
    }
}
