//! Scenarios, clones, harness and fixer.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::time::Duration;

use archal_core::trace::Trace;

use crate::config::schema::ExecutionPolicy;
use crate::driver::run::Driver;
use crate::grade::matching::{self, Matched};
use crate::reproduce::workplace::{Workplace, Workshop};
use crate::run::harness::{self, Harness};
use crate::sandbox::child::{
    ChildEnd, ChildOutcome, ChildSpec, Containment, DEFAULT_PROCESS_LIMIT,
};
use crate::sandbox::hold::{self, Hold, OwnNetwork};

use super::super::evidence::Evidence;
use super::super::ready::Ready;
use super::super::reproducing::chain;
use super::super::settings::Settings;
use super::{Checking, Part, PartStatus, counted};

/// How long a harness that was started without a task may run.
const START: Duration = Duration::from_secs(5);
/// Bytes kept of what it prints.
const OUTPUT: usize = 64 * 1024;
/// Endings of files that an interpreter is given.
const SCRIPTS: &[&str] = &["py", "js", "mjs", "cjs", "ts", "sh", "rb"];
/// How many things of a kind are named.
const MOST_NAMED: usize = 5;

/// Everything of the agent but its fixer.
pub(super) fn all(
    cx: &Checking<'_>,
    ready: &Ready,
    settings: &Settings,
    traces: &[&Trace],
    evidence: &Evidence,
) -> [Part; 3] {
    [
        scenarios(ready, traces),
        clones(cx, ready, evidence),
        harness(cx, ready, settings),
    ]
}

/// Starting states that the repository owns; none where it has none.
pub(super) fn states(ready: &Ready) -> Option<Part> {
    let (owned, problems) = (&ready.owned, &ready.owned_problems);
    if owned.is_empty() && problems.is_empty() {
        return None;
    }
    let detail = format!(
        "{} of the repository fill what traces leave out",
        counted(owned.len(), "starting state")
    );
    let status = match problems.is_empty() {
        true => PartStatus::Ready,
        false => PartStatus::Limited,
    };
    let mut part = Part::new("states", status, detail);
    for problem in problems.iter().take(MOST_NAMED) {
        part = part.note(problem.message.clone());
    }
    if let Some(more) = problems
        .len()
        .checked_sub(MOST_NAMED)
        .filter(|more| *more > 0)
    {
        part = part.note(format!("and {more} more"));
    }
    Some(part)
}

fn scenarios(ready: &Ready, traces: &[&Trace]) -> Part {
    const NAME: &str = "scenarios";
    let (mut matched, mut ties, mut unnamed) = (0, BTreeSet::new(), BTreeSet::new());
    for trace in traces {
        match matching::find(trace, &ready.scenarios) {
            Matched::One(_) => matched += 1,
            Matched::None => _ = unnamed.insert(trace.name.escape_default().to_string()),
            Matched::Tie(one, other) => {
                _ = ties.insert(format!("{} and {}", one.scenario.id, other.scenario.id));
            }
        }
    }
    let all = ready.scenarios.len();
    let mut detail = counted(all, "scenario");
    if !traces.is_empty() {
        detail.push_str(&format!(
            "; {matched} of {} matched by one",
            counted(traces.len(), "sample trace")
        ));
    }
    let is_needed = ready.policy() > ExecutionPolicy::Observe;
    let status = match matched {
        _ if !is_needed => PartStatus::Ready,
        // What is not matched is graded by signals, claims and rules, and gets a scenario.
        _ if all == 0 => PartStatus::Limited,
        matched if matched < traces.len() || !ready.broken.is_empty() => PartStatus::Limited,
        _ => PartStatus::Ready,
    };
    let mut part = Part::new(NAME, status, detail);
    for broken in ready.broken.iter().take(MOST_NAMED) {
        let why = broken.diagnostics.first();
        let why = why.map_or("it cannot be read", |finding| finding.message.as_str());
        let path = ready.relative(&broken.path);
        part = part.note(format!("cannot be used: {}: {why}", path.display()));
    }
    for tie in ties.iter().take(MOST_NAMED) {
        part = part.note(format!("match the same trace equally well: {tie}"));
    }
    for name in unnamed.iter().take(MOST_NAMED) {
        part = part.note(format!("no scenario matches a trace called \"{name}\""));
    }
    let rules = ready.settings.rules.len();
    if is_needed && (all == 0 || !unnamed.is_empty()) {
        part = part.note(format!(
            "without a scenario a trace is graded by signals, claims and {}",
            counted(rules, "rule")
        ));
    }
    if let (Some(name), true) = (unnamed.first(), is_needed) {
        part = part.hint(format!(
            "in the Config of a scenario: match: name={name}, and commit it"
        ));
    } else if all == 0 && is_needed {
        part = part.hint("archal scenario new \"What the agent should do\", and commit it");
    }
    part
}

/// The clones that scenarios use. A scenario that names an unknown one is among the broken.
fn clones(cx: &Checking<'_>, ready: &Ready, evidence: &Evidence) -> Part {
    const NAME: &str = "clones";
    let mut used: BTreeMap<&str, usize> = BTreeMap::new();
    for prepared in &ready.scenarios {
        for name in &prepared.scenario.config.clones {
            *used.entry(name).or_default() += 1;
        }
    }
    let known: Vec<&str> = cx.clones.iter().map(|clone| clone.name).collect();
    let detail = if used.is_empty() {
        format!("no scenario uses one; there are: {}", known.join(", "))
    } else {
        let used: Vec<String> = used
            .iter()
            .map(|(name, count)| format!("{name} (in {})", counted(*count, "scenario")))
            .collect();
        used.join(", ")
    };
    let status = if evidence.without_clone.is_empty() {
        PartStatus::Ready
    } else {
        PartStatus::Limited
    };
    let mut part = Part::new(NAME, status, detail);
    for (host, calls) in evidence.without_clone.iter().take(MOST_NAMED) {
        let host = host.escape_default();
        part = part.note(format!(
            "there is no clone of {host} ({})",
            counted(*calls, "call")
        ));
    }
    if evidence.without_clone.is_empty() {
        part
    } else {
        part.hint("archal clone list")
    }
}

fn harness(cx: &Checking<'_>, ready: &Ready, settings: &Settings) -> Part {
    const NAME: &str = "harness";
    let runs = ready.policy() > ExecutionPolicy::Grade;
    // Below reproduce nothing of the repository is run, not even its set-up.
    let missing = |detail: String| {
        let status = if runs {
            PartStatus::Missing
        } else {
            PartStatus::Limited
        };
        let part = Part::new(NAME, status, detail);
        if runs {
            part
        } else {
            part.note("needed from policy reproduce on")
        }
    };
    if !runs {
        return match &ready.harness {
            Err(error) => missing(chain(error)).hint(NAMED),
            Ok(harness) => match absent(harness, ready.place.tree(), cx) {
                Some(reason) => missing(reason),
                None => Part::new(NAME, PartStatus::Ready, shown(harness, &ready.place))
                    .note("not started: the policy does not allow it to be run"),
            },
        };
    }
    let place = Workshop {
        repo: cx.repo,
        base: &ready.base,
        options: &settings.options.workspace,
        environment: cx.environment,
        binary: cx.binary,
        containment: cx.probe.containment(),
        stop: None,
    }
    .open(&[]);
    let place = match place {
        Ok(place) => place,
        Err(error) => {
            let reason = settings.scrubber.text(&chain(&error));
            return missing(reason)
                .hint("workspace.setup in .archal.json: what installs the dependencies");
        }
    };
    let harness = match harness::find(place.tree(), &settings.agent) {
        Ok(harness) => harness,
        Err(error) => return missing(chain(&error)).hint(NAMED),
    };
    if let Some(reason) = absent(&harness, place.tree(), cx) {
        return missing(reason);
    }
    let part = Part::new(NAME, PartStatus::Ready, shown(&harness, &place));
    if cx.probe.containment() != Containment::Namespaces {
        return part.note("not started: without namespaces it would reach the network");
    }
    started(part, &start(cx, &harness, &place), settings)
}

/// How to name an agent.
const NAMED: &str =
    "in .archal.json: \"agent\": {\"command\": \"python3\", \"args\": [\"agent.py\"]}";

/// What the harness needs and is not there.
fn absent(harness: &Harness, tree: &Path, cx: &Checking<'_>) -> Option<String> {
    let (program, arguments) = harness.command.split_first()?;
    if !harness::is_there(program, tree, cx.environment) {
        return Some(format!("the program {program} is not installed"));
    }
    if let Err(error) = harness::check(harness, tree, cx.environment) {
        return Some(error.to_string());
    }
    // The first file an interpreter is given is the agent.
    let script = arguments.iter().map(Path::new).find(|path| {
        path.extension()
            .is_some_and(|end| SCRIPTS.iter().any(|one| end == *one))
    })?;
    (!tree.join(script).is_file())
        .then(|| format!("{} is not in the repository at HEAD", script.display()))
}

fn shown(harness: &Harness, place: &Workplace) -> String {
    let tree = format!("{}/", place.tree().display());
    harness.command.join(" ").replace(&tree, "")
}

/// Starts the harness without a task and without any network, in its private copy.
fn start(cx: &Checking<'_>, harness: &Harness, place: &Workplace) -> ChildEnd {
    let mut environment = place.environment(cx.environment);
    environment.extend(harness.environment.clone());
    hold::run_isolated(
        &ChildSpec {
            command: harness.command.clone(),
            directory: place.tree().to_owned(),
            environment,
            timeout: START,
            idle: None,
            grace: Duration::from_secs(1),
            output_cap: OUTPUT,
            binds: place.binds().to_vec(),
            process_limit: Some(DEFAULT_PROCESS_LIMIT),
            confine: None,
        },
        &Hold {
            helper: cx.binary,
            containment: cx.probe.containment(),
            stop: None,
        },
        OwnNetwork {
            tcp: &[],
            udp: &[],
            redirect: None,
            visible: &[],
            files: &[],
            serve: &mut |_| {},
        },
    )
}

/// A harness without a task may end as it likes; that it starts is what counts.
fn started(mut part: Part, end: &ChildEnd, settings: &Settings) -> Part {
    let how = match &end.outcome {
        ChildOutcome::NotStarted { reason } => {
            part.status = PartStatus::Missing;
            return part.note(format!("it does not start in a private copy: {reason}"));
        }
        ChildOutcome::Exited {
            code: code @ (126 | 127),
        } => {
            part.status = PartStatus::Missing;
            format!("it does not start in a private copy: status {code}")
        }
        ChildOutcome::Exited { code } => {
            format!("it starts in a private copy; without a task it ends with status {code}")
        }
        ChildOutcome::Killed { signal } => {
            format!("it starts in a private copy; without a task it ends by signal {signal}")
        }
        ChildOutcome::TimedOut | ChildOutcome::Stopped => {
            "it starts in a private copy, and waits for a task".to_owned()
        }
    };
    part = part.note(how);
    let said = settings
        .scrubber
        .text(&String::from_utf8_lossy(&end.stderr));
    match said.lines().rfind(|line| !line.trim().is_empty()) {
        Some(last) if !end.succeeded() => {
            let last: String = last.trim().chars().take(200).collect();
            part.note(format!("its last word: {last}"))
        }
        _ => part,
    }
}

/// The fixer.
pub(super) fn fixer(settings: &Settings) -> Part {
    const NAME: &str = "fixer";
    let options = &settings.options;
    if options.policy < ExecutionPolicy::Fix {
        let detail = format!("not needed: the policy is {}", options.policy.name());
        return Part::new(NAME, PartStatus::Unneeded, detail);
    }
    let Some(fixer) = &options.fixer else {
        return Part::new(
            NAME,
            PartStatus::Missing,
            "there is nothing that repairs the agent",
        )
        .hint("--fixer <name> or --fix-command <command>, or fixer.name or attach.fixCommand in .archal.json");
    };
    let command = match &fixer.driver {
        Driver::Agent(agent) => agent.name.to_owned(),
        Driver::Command(command) => command.clone(),
    };
    if options.allow_external_execution {
        Part::new(NAME, PartStatus::Ready, command)
    } else {
        Part::new(
            NAME,
            PartStatus::Missing,
            format!("{command}: it may not be run"),
        )
        .hint("--allow-external-execution, or attach.allowExternalExecution in .archal.json")
    }
}
