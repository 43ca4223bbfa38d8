//! The fix phase: the repository looked at, private copies, attempts.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use archal_core::{hash, id};

use crate::cli::context::CommandContext;
use crate::config::Loaded;
use crate::fix::choice::FixerChoice;
use crate::fix::publish::program::Programs;
use crate::git::command;
use crate::preprod::carried::{self, Carried};
use crate::preprod::course::{Course, CourseError};
use crate::preprod::decide::{self, Means, Tree};
use crate::preprod::details::{self, Details};
use crate::preprod::fixers::ChosenShop;
use crate::preprod::handoff;
use crate::preprod::journal::RunJournal;
use crate::preprod::mending::Mender;
use crate::preprod::pull_request::{Proposal, Publisher};
use crate::preprod::report::{FailureOutcome, Proved};
use crate::preprod::status::StopReason;
use crate::preprod::trial::{self, Trials};
use crate::preprod::validation::Validator;
use crate::report::causes::chain;
use crate::report::shell::quoted;
use crate::reproduce::estimate::Estimate;
use crate::reproduce::workplace::{Workshop, WorkspaceOptions};
use crate::run::attempt::Bench;
use crate::run::harness::Wanted;
use crate::run::ready::Ready;
use crate::run::scenarios::Prepared;
use crate::run::suite::SuiteOptions;
use crate::sandbox::StopToken;
use crate::scenario::spec::is_seed_file;

use super::ending::End;

/// What the fix phase is made of.
pub(super) struct Place<'a> {
    pub(super) bench: &'a Bench<'a>,
    pub(super) loaded: &'a Loaded,
    pub(super) wanted: &'a Wanted<'a>,
    pub(super) harness_flag: Option<&'a Path>,
    /// The scenarios that were asked for, and those that guard.
    pub(super) ready: &'a [Ready<'a>],
    pub(super) asked: usize,
    pub(super) scenarios: &'a [Prepared],
    pub(super) guards: &'a [Prepared],
    pub(super) options: &'a SuiteOptions<'a>,
    pub(super) guarding: &'a SuiteOptions<'a>,
    pub(super) journal: &'a RunJournal<'a>,
    pub(super) folder: &'a Path,
    pub(super) means: Means,
    pub(super) choice: &'a FixerChoice,
    pub(super) validator: Option<&'a Validator<'a>>,
    pub(super) work: &'a StopToken,
}

/// Goes through the fix phase; `end` is how the first run ended. None where a signal ended it.
pub(super) fn run(place: &Place<'_>, mut end: End, cx: &CommandContext) -> Option<End> {
    let directory = &place.loaded.directory;
    let repo = directory
        .canonicalize()
        .unwrap_or_else(|_| directory.clone());
    let path = cx.environment.get("PATH").unwrap_or_default();
    let looked = look(&repo, path);
    if let Some(reason) = decide::before_fixing(looked.tree) {
        end.reason = reason;
        end.explanation = looked.said;
        end.way_out = looked.way_out;
        return Some(end);
    }
    let base = looked.said;
    end.base = Some(base.clone());
    let containment = place.bench.probe.containment();
    let workspace = WorkspaceOptions::of(&place.loaded.config);
    let workshop = Workshop {
        repo: &repo,
        base: &base,
        options: &workspace,
        environment: place.bench.environment,
        binary: place.bench.binary,
        containment,
        stop: place.bench.stop,
    };
    let config = &place.loaded.config;
    let seeds: Vec<PathBuf> = config
        .seeds
        .values()
        .filter(|name| is_seed_file(name))
        .map(|name| directory.join(name))
        .collect();
    let source = place.loaded.source.as_ref();
    let in_use = carried::in_use(
        place.scenarios,
        source.map(|source| source.path.as_path()),
        &seeds,
    );
    let carried = match Carried::of(&workshop, &in_use) {
        Ok(carried) => carried,
        Err(error) => {
            end.reason = StopReason::Workspace;
            end.explanation = chain(&error);
            return Some(end);
        }
    };
    end.carried.clone_from(&carried.files);
    let mut asks = in_use.clone();
    asks.extend(carried::in_use(place.guards, None, &[]));
    let asked = asked(&repo, &asks, &config.scenarios);
    // In a copy the harness is looked for at the same place.
    let flag = place.harness_flag.map(|flag| {
        let flag = cx.environment.resolve(flag);
        let inside = flag.strip_prefix(directory).map(Path::to_owned);
        inside.unwrap_or(flag)
    });
    let agent = Wanted {
        flag: flag.as_deref(),
        agent: place.wanted.agent.clone(),
    };
    let reports = end.runs.iter().flat_map(|runs| &runs.scenarios);
    let estimates: Vec<Estimate> = reports.map(trial::estimate).collect();
    let first = end.failures.clone();
    let trials = Trials {
        bench: place.bench,
        ready: place.ready,
        asked: place.asked,
        options: place.options,
        guarding: place.guarding,
        agent: &agent,
        estimates: &estimates,
        workshop,
        journal: place.journal,
        artifacts: place.folder,
    };
    let shown = place.choice.shown();
    // Each clone once, as the first scenario that has it begins.
    let mut states = BTreeMap::new();
    for ready in &place.ready[..place.asked] {
        for (clone, state) in &ready.states {
            states.entry(clone.clone()).or_insert_with(|| state.clone());
        }
    }
    let shop = ChosenShop {
        choice: place.choice,
        cycles: crate::app::cycles(),
        repo: &repo,
        options: &workspace,
        shown: &shown,
        withheld: &workspace.agent_keys,
        variables: &config.workspace.env,
        prices: &place.options.prices,
        bench: place.bench,
        states: &states,
        mode: workspace.sandbox,
    };
    let attempts = place.folder.join("attempts");
    let mender = Mender {
        workshop,
        carried: &carried,
        asked: &asked,
        shop: &shop,
        timeout: std::time::Duration::from_secs(config.preprod.fix_timeout.into()),
        work: place.work,
        scrubber: place.bench.scrubber,
        journal: place.journal,
        folder: &attempts,
    };
    let course = Course {
        trials: &trials,
        mender: &mender,
        carried: &carried,
        validator: place.validator,
        means: place.means,
        fix_harness: config.preprod.fix_harness,
        first: &first,
        proof_runs: config.attach.reproduce_runs,
    };
    let printer = cx.printer.clone();
    match course.run(&mut |line: &str| printer.note(line)) {
        Ok(ended) => {
            let failed: Vec<FailureOutcome> = ended.asked.iter().map(Into::into).collect();
            let end = end.fixed(ended);
            if end.reason != StopReason::Fixed || !config.preprod.open_pr {
                return Some(end);
            }
            printer.note("publishing the patch");
            published(place, end, (&failed, workshop), cx)
        }
        Err(error) => end.unfinished(error, place.journal),
    }
}

/// Publishes what is proved; none where a signal ended it.
fn published(
    place: &Place<'_>,
    mut end: End,
    (failed, workshop): (&[FailureOutcome], Workshop<'_>),
    cx: &CommandContext,
) -> Option<End> {
    let (Some(attempt), Some(patch)) = (end.attempts.last(), &end.patch) else {
        return Some(end);
    };
    let (group, title) = named(&attempt.proved);
    let scrubber = place.bench.scrubber;
    let paths = end.scenarios.iter().map(|one| {
        let path = one.path.strip_prefix(workshop.repo).unwrap_or(&one.path);
        quoted(path)
    });
    let totals = place.journal.totals().unwrap_or_default();
    let text = details::details(&Details {
        title: &title,
        base: workshop.base,
        failures: failed,
        attempt,
        attempts: end.attempts.len(),
        validation: end.validation.as_ref(),
        carried: &end.carried,
        cost: &handoff::cost(&totals),
        next: &format!("archal run {}", paths.collect::<Vec<_>>().join(" ")),
    });
    let text = scrubber.text(&text.unwrap_or_else(|error| error.to_string()));
    let config = &place.loaded.config;
    let publisher = Publisher {
        settings: &config.attach.publish,
        command: config.preprod.pr_command.as_deref(),
        programs: Programs {
            repo: workshop.repo,
            environment: place.bench.environment,
            helper: place.bench.binary,
            stop: place.work,
        },
        workshop,
        bench: place.bench,
        journal: place.journal,
        folder: place.folder,
        now: cx.clock.now(),
    };
    let outcome = publisher.publish(&Proposal {
        patch,
        group: &group,
        title: &scrubber.text(&title),
        text: &text,
        scenarios: &end.scenarios,
        proved: &attempt.proved,
        validation: end.validation.as_ref(),
    });
    match outcome {
        Ok(outcome) => {
            end.pr = outcome.published;
            if let Some((reason, why)) = outcome.failed {
                end.reason = reason;
                end.explanation = format!("the patch is proved and not published: {why}");
            }
            Some(end)
        }
        Err(error) => end.unfinished(error.into(), place.journal),
    }
}

/// What a patch is called that makes these scenarios pass: its branch, and its title.
fn named(proved: &[Proved]) -> (String, String) {
    let ids: Vec<&str> = proved.iter().map(|one| one.scenario.as_str()).collect();
    let group = format!(
        "{}-{}",
        id::slug(ids.first().copied().unwrap_or_default(), 40),
        hash::short(&hash::of_json(&ids))
    );
    let title = match ids.as_slice() {
        [one] => format!("scenario {one} passes"),
        several => format!("{} scenarios pass", several.len()),
    };
    (group, title)
}

/// What the repository is when a fix phase would begin.
struct Looked {
    /// How its tree is.
    tree: Tree,
    /// Its commit, or why nothing can be fixed.
    said: String,
    /// What removes that, where the reason to stop does not say it.
    way_out: Option<String>,
}

/// Looks at the repository.
fn look(repo: &Path, path: &str) -> Looked {
    let nothing = |said: String, way_out: Option<String>| Looked {
        tree: Tree::Nothing,
        said,
        way_out,
    };
    let Ok(top) = command::top(repo, path) else {
        return nothing(format!("{} is no git repository", repo.display()), None);
    };
    if top != repo {
        let why = format!(
            "{} is a folder inside the repository {}; fixes are made for whole repositories",
            repo.display(),
            top.display()
        );
        let config = quoted(&top.join(".archal.json"));
        let way_out = format!("archal preprod run -c {config}, with a configuration there");
        return nothing(why, Some(way_out));
    }
    let Ok(base) = command::head(repo, path) else {
        let way_out = "git add --all && git commit".to_owned();
        let why = format!("{} has no commit", repo.display());
        return nothing(why, Some(way_out));
    };
    match command::changed_tracked_files(repo, path) {
        Ok(changed) if changed.is_empty() => Looked {
            tree: Tree::Clean,
            said: base,
            way_out: None,
        },
        Ok(changed) => {
            let some: Vec<&str> = changed.iter().take(5).map(String::as_str).collect();
            let why = format!(
                "fixes are made from HEAD, and tracked files differ from it: {}{}",
                some.join(", "),
                if changed.len() > some.len() {
                    " and more"
                } else {
                    ""
                }
            );
            Looked {
                tree: Tree::Changed,
                said: why,
                way_out: None,
            }
        }
        Err(error) => {
            let way_out = format!("git -C {} status says more", quoted(repo));
            nothing(chain(&error), Some(way_out))
        }
    }
}

/// Files that say what is asked of the agent, relative to the repository: those in use, and the
/// places that the configuration names.
fn asked(
    repo: &Path,
    in_use: &std::collections::BTreeSet<PathBuf>,
    places: &[String],
) -> Vec<PathBuf> {
    let mut asked: Vec<PathBuf> = places
        .iter()
        .map(|place| PathBuf::from(place.trim_start_matches("./")))
        .filter(|place| place != Path::new("."))
        .collect();
    for file in in_use {
        let file = file.canonicalize().unwrap_or_else(|_| file.clone());
        asked.extend(file.strip_prefix(repo).map(Path::to_owned));
    }
    asked
}

impl End {
    /// The loop came to no end of its own; none where a signal ended it.
    pub(super) fn unfinished(
        mut self,
        error: CourseError,
        journal: &RunJournal<'_>,
    ) -> Option<Self> {
        (self.reason, self.explanation) = match error {
            CourseError::Stopped if journal.is_capped() => (
                StopReason::BudgetCap,
                "what worked was ended because its money was spent".to_owned(),
            ),
            CourseError::Stopped => return None,
            CourseError::Budget(why) => (StopReason::CostReservationDenied, why),
            CourseError::Workspace(why) => (StopReason::Workspace, why),
            CourseError::Step(error) => (StopReason::RunIncomplete, chain(&*error)),
        };
        Some(self)
    }
}
