//! Scenario files found, read and made ready.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use archal_core::diagnostic::{Diagnostic, nearest};

use crate::cli::bench;
use crate::cli::context::CommandContext;
use crate::cli::error::CliError;
use crate::config::Loaded;
use crate::run::attempt::Bench;
use crate::run::ready::{self, NotReady, Ready};
use crate::run::request::Request;
use crate::run::scenarios::{self, Broken, Prepared};
use crate::run::seeds::{self, OtherStates};
use crate::run::suite::SuiteOptions;
use crate::scenario::Scenario;
use crate::scenario::discover;

/// The most scenarios that are not ready told beside the first.
const MOST_TOLD: usize = 5;

/// The scenarios that are asked for.
pub(crate) struct Found {
    /// They; none where none has the tag.
    pub(crate) scenarios: Vec<Prepared>,
    /// The tags of all that were looked at.
    pub(crate) tags: BTreeSet<String>,
}

/// That no scenario has a tag, and which one may be meant.
pub(crate) fn no_such_tag(tag: &str, tags: &BTreeSet<String>) -> String {
    let near = nearest(tag, tags.iter().map(String::as_str));
    let missing = format!("no scenario has the tag `{tag}`");
    match (near, tags.is_empty()) {
        (Some(near), _) => format!("{missing}; the nearest is `{near}`"),
        (None, true) => format!("{missing} or any other"),
        (None, false) => {
            let some: Vec<&str> = tags.iter().take(MOST_TOLD).map(String::as_str).collect();
            format!("{missing}; there are {}", some.join(", "))
        }
    }
}

/// Why there is nothing to run at all, where that is so: no place is named, or none of them has a
/// scenario.
pub(crate) fn nothing(request: &Request, loaded: &Loaded) -> Option<String> {
    if request.task.is_some() {
        return None;
    }
    let (folder, places) = match request.scenarios.is_empty() {
        true => {
            let named = &loaded.config.scenarios;
            let folder = &loaded.directory;
            (folder, discover::with_regressions(folder, named))
        }
        false => (&request.directory, request.scenarios.clone()),
    };
    if places.is_empty() {
        return Some("no scenario is named and the configuration names none".to_owned());
    }
    let found = discover::discover(folder, &places).ok()?;
    found
        .is_empty()
        .then(|| format!("there is no scenario in {}", places.join(", ")))
}

/// Finds and reads the scenarios that are asked for.
pub(crate) fn scenarios(
    request: &Request,
    loaded: &Loaded,
    cx: &CommandContext,
) -> Result<Found, CliError> {
    if let Some(task) = &request.task {
        let prepared = scenarios::inline(task, &request.clones, &request.directory, cx.clones)
            .map_err(|broken| {
                CliError::usage("the task cannot be run")
                    .at(broken.diagnostics, broken.source)
                    .hint("archal clone list")
            })?;
        cx.printer.note(
            "a task has no criteria of its own: only that the agent exits successfully is checked; \
             what a good outcome is says a scenario",
        );
        return Ok(Found {
            scenarios: vec![prepared],
            tags: BTreeSet::new(),
        });
    }
    let (folder, places) = if request.scenarios.is_empty() {
        let named = &loaded.config.scenarios;
        let folder = &loaded.directory;
        (folder, discover::with_regressions(folder, named))
    } else {
        (&request.directory, request.scenarios.clone())
    };
    if places.is_empty() {
        return Err(
            CliError::usage("no scenario is named and the configuration names none")
                .hint("archal run <scenario.md>")
                .hint("or name a folder in .archal.json: \"scenarios\": [\"archal\"]"),
        );
    }
    let found = discover::discover(folder, &places).map_err(CliError::usage)?;
    let searched = || {
        let names: Vec<String> = places.iter().map(|place| format!("`{place}`")).collect();
        format!("{} in {}", names.join(", "), folder.display())
    };
    if found.is_empty() {
        return Err(
            CliError::usage(format!("there is no scenario below {}", searched()))
                .hint("archal run <scenario.md>")
                .hint("a scenario is a markdown file with `## Prompt` and `## Success Criteria`"),
        );
    }
    let mut all = Vec::new();
    let mut tags = BTreeSet::new();
    for path in found {
        let (prepared, notes) = scenarios::load(&path, cx.clones).map_err(not_a_scenario)?;
        for note in &notes {
            cx.printer.diagnostic(note, None);
        }
        governed(&prepared.scenario)?;
        let config = &prepared.scenario.config;
        let tagged = |tag: &String| config.tags.contains(tag);
        let is_asked_for = request.tag.as_ref().is_none_or(tagged);
        if !config.retired {
            tags.extend(config.tags.iter().cloned());
        }
        match (is_asked_for, config.retired) {
            (true, false) => all.push(prepared),
            (true, true) => cx.printer.note(retired(&prepared.scenario, folder)),
            (false, _) => {}
        }
    }
    if all.is_empty() && request.tag.is_none() {
        return Err(
            CliError::usage(format!("every scenario below {} is retired", searched()))
                .hint("take `retired` out of its Config"),
        );
    }
    Ok(Found {
        scenarios: all,
        tags,
    })
}

/// The regressions of the repository that are not among `asked`: a fix must not break them, whoever
/// asked for what.
pub(crate) fn guards(
    asked: &[Prepared],
    loaded: &Loaded,
    cx: &CommandContext,
) -> Result<Vec<Prepared>, CliError> {
    let folder = &loaded.directory;
    let pack = discover::with_regressions(folder, &[]);
    let found = discover::discover(folder, &pack).map_err(CliError::usage)?;
    let mut guards = Vec::new();
    for path in found {
        let (prepared, _) = scenarios::load(&path, cx.clones).map_err(not_a_scenario)?;
        governed(&prepared.scenario)?;
        let place = |path: &Path| path.canonicalize().unwrap_or_else(|_| path.to_owned());
        let is_asked = |one: &Prepared| place(&one.scenario.path) == place(&path);
        if !prepared.scenario.config.retired && !asked.iter().any(is_asked) {
            guards.push(prepared);
        }
    }
    Ok(guards)
}

/// That a scenario is kept and not run, and who answers for it.
fn retired(scenario: &Scenario, folder: &Path) -> String {
    let path = scenario.path.strip_prefix(folder);
    let path = path.unwrap_or(&scenario.path).display();
    let owner = scenario.config.owner.as_ref();
    let owner = owner.map_or_else(String::new, |owner| format!(", owner {owner}"));
    format!("retired, not run: {path}{owner}")
}

fn not_a_scenario(broken: Broken) -> CliError {
    let what = format!("{} is not a scenario archal can run", broken.path.display());
    CliError::config(what).at(broken.diagnostics, broken.source)
}

/// A scenario in quarantine that nobody answers for would stay there for ever.
fn governed(scenario: &Scenario) -> Result<(), CliError> {
    let config = &scenario.config;
    if !config.flaky || config.retired || (config.owner.is_some() && config.since.is_some()) {
        return Ok(());
    }
    let missing = match (&config.owner, &config.since) {
        (None, None) => "owner and since",
        (None, _) => "owner",
        _ => "since",
    };
    Err(CliError::config(format!(
        "{} is `flaky: true` without {missing}: a scenario in quarantine has somebody who answers \
         for it, and a day",
        scenario.path.display()
    ))
    .hint("under ## Config, write `owner: <who>` and `since: <2026-01-31>`"))
}

/// Every scenario with its starting states opened once.
///
/// # Errors
///
/// What is wrong with all of them together.
pub(crate) fn ready<'a>(
    bench: &Bench<'_>,
    scenarios: &'a [Prepared],
    options: &SuiteOptions<'_>,
) -> Result<Vec<Ready<'a>>, CliError> {
    let mut all = Vec::new();
    let mut wrong = Vec::new();
    for prepared in scenarios {
        match ready::make(bench, prepared, options) {
            Ok(one) => all.push(one),
            Err(error) => wrong.push(error),
        }
    }
    let mut wrong = wrong.into_iter();
    let Some(first) = wrong.next() else {
        return Ok(all);
    };
    let mut more: Vec<Diagnostic> = wrong
        .by_ref()
        .take(MOST_TOLD)
        .map(|error| Diagnostic::error("run/not-ready", error.to_string()))
        .collect();
    let untold = wrong.count();
    if untold > 0 {
        let text = format!("{untold} more scenarios are not ready");
        more.push(Diagnostic::error("run/not-ready", text));
    }
    Err(match first {
        NotReady::Seed(error) => CliError::config(error).at(more, None),
        NotReady::Refused {
            clone,
            scenario,
            diagnostics,
        } => CliError::config(format!(
            "the {clone} clone refuses its starting state in {scenario}"
        ))
        .at(diagnostics.into_iter().chain(more), None)
        .hint(format!("archal schema seed {clone}")),
    })
}

/// Starting states from `--seed`, and from the configuration for clones a scenario leaves open.
pub(crate) fn states(
    request: &Request,
    loaded: &Loaded,
    scenarios: &[Prepared],
    cx: &CommandContext,
) -> Result<OtherStates, CliError> {
    let names: BTreeSet<String> = scenarios
        .iter()
        .flat_map(|prepared| prepared.scenario.config.clones.iter().cloned())
        .collect();
    let names: Vec<String> = names.into_iter().collect();
    let mut forced = BTreeMap::new();
    for text in &request.seeds {
        let (clone, state) = seeds::of_flag(text, &names, cx.clones, &request.directory)
            .map_err(|error| CliError::usage(error).hint("archal clone list"))?;
        if forced.insert(clone.clone(), state).is_some() {
            return Err(CliError::usage(format!(
                "--seed gives {clone} two starting states"
            )));
        }
    }
    Ok(OtherStates {
        forced,
        default: bench::default_states(loaded)?,
    })
}
