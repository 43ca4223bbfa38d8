//! The user's own commands: hooks, and the tests of what was merged.

use std::time::Duration;

use serde_json::json;

use crate::config::sandbox::SandboxMode;
use crate::pdca::event::{Kind, NewEvent};
use crate::pdca::role::Phase;
use crate::pdca::settings::{FailAction, Hook};
use crate::reproduce::workplace::Workplace;
use crate::run::environment::{Start, kept};
use crate::sandbox;
use crate::sandbox::child::{ChildEnd, ChildOutcome, ChildSpec, DEFAULT_PROCESS_LIMIT};
use crate::sandbox::confine::Confine;

use super::process::Begun;
use super::stage::{EngineError, Stage};

/// How long a hook or the tests may take.
const TIMEOUT: Duration = Duration::from_secs(300);
/// How long they may take to end after they were asked to.
const GRACE: Duration = Duration::from_secs(5);
/// Bytes kept of each of their pipes.
const OUTPUT_CAP: usize = 4 << 20;
/// Bytes told of the end of what failed tests wrote.
const TOLD: usize = 2 << 10;

/// How a command ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ran {
    /// Whether it exited with status 0.
    pub passed: bool,
    /// How, for people.
    pub how: String,
    /// The end of what it wrote.
    pub last_words: String,
    /// Whether archal was asked to stop.
    pub was_stopped: bool,
}

/// Runs a hook in the user's checkout. Says whether the run may go on.
///
/// # Errors
///
/// When it cannot be started or its record not be kept.
pub fn hook(
    stage: &Stage<'_>,
    name: &'static str,
    hook: Option<&Hook>,
    (phase, cycle): (Phase, u32),
    variables: &[(&str, String)],
) -> Result<bool, EngineError> {
    let Some(hook) = hook else {
        return Ok(true);
    };
    let default = match name {
        "pre-merge" => FailAction::Abort,
        _ => FailAction::Warn,
    };
    let action = hook.fail_action.unwrap_or(default);
    let home = crate::reproduce::private::private_folder(stage.environment)
        .map_err(crate::reproduce::workplace::WorkplaceError::from)?;
    let start = Start::Cleared {
        named: &stage.options.variables,
        home: home.path(),
    };
    let mut environment = kept(stage.environment, start);
    for (name, value) in variables {
        environment.insert((*name).to_owned(), value.clone());
    }
    environment.insert("ARCHEFLOW_RUN_ID".to_owned(), stage.run.to_string());
    let confine = Confine::of(stage.sandbox, stage.environment, &[stage.repo, home.path()]);
    let spec = ChildSpec {
        command: ["sh", "-c", &hook.command].map(str::to_owned).to_vec(),
        directory: stage.repo.to_owned(),
        environment,
        timeout: TIMEOUT,
        idle: None,
        grace: GRACE,
        output_cap: OUTPUT_CAP,
        binds: Vec::new(),
        process_limit: Some(DEFAULT_PROCESS_LIMIT),
        confine,
    };
    let ran = run(stage, &spec, ("hook", name), (phase, cycle))?;
    if ran.passed {
        return Ok(true);
    }
    (stage.warn)(&format!("the hook {name} {}", ran.how));
    if action == FailAction::Warn {
        return Ok(true);
    }
    stage.emit(NewEvent::new(
        Kind::Decision,
        phase,
        json!({"what": "hook", "chosen": "hook_abort", "rationale": format!("{name} {}", ran.how)}),
    ));
    Ok(false)
}

/// Runs the tests in a copy at the merged commit.
///
/// # Errors
///
/// When its record cannot be kept.
pub fn tests(
    stage: &Stage<'_>,
    place: &Workplace,
    command: &str,
    cycle: u32,
) -> Result<Ran, EngineError> {
    let mode: SandboxMode = stage.sandbox;
    let spec = ChildSpec {
        command: ["sh", "-c", command].map(str::to_owned).to_vec(),
        directory: place.tree().to_owned(),
        environment: place.environment(stage.environment),
        timeout: TIMEOUT,
        idle: None,
        grace: GRACE,
        output_cap: OUTPUT_CAP,
        binds: place.binds().to_vec(),
        process_limit: Some(DEFAULT_PROCESS_LIMIT),
        confine: place.confine(mode, stage.environment),
    };
    run(stage, &spec, ("test", "post-merge"), (Phase::Act, cycle))
}

fn run(
    stage: &Stage<'_>,
    spec: &ChildSpec,
    (what, name): (&str, &str),
    at: (Phase, u32),
) -> Result<Ran, EngineError> {
    let number = stage.processes.number();
    let record = Begun {
        number,
        what,
        name,
        at,
        attempt: 1,
        argv: spec
            .command
            .iter()
            .map(|part| stage.scrubber.text(part))
            .collect(),
        started_at: stage.clock.now(),
    }
    .record();
    stage.processes.add(&record)?;
    let end = sandbox::run(spec, &stage.hold());
    let record = record.ended(&end, stage.clock.now());
    let mut output = end.stdout.clone();
    output.extend_from_slice(&end.stderr);
    let output = stage.scrubber.bytes(&output);
    let file = format!("{what}-{name}");
    stage.processes.keep(number, &file, "output.log", &output)?;
    stage.processes.add(&record)?;
    Ok(Ran {
        passed: end.succeeded(),
        how: how(&end),
        last_words: last_words(&output),
        was_stopped: end.outcome == ChildOutcome::Stopped,
    })
}

fn how(end: &ChildEnd) -> String {
    match &end.outcome {
        ChildOutcome::Exited { code } => format!("exited with status {code}"),
        ChildOutcome::Killed { signal } => format!("was killed by signal {signal}"),
        ChildOutcome::TimedOut => format!("took longer than {} s", TIMEOUT.as_secs()),
        ChildOutcome::Stopped => "was stopped".to_owned(),
        ChildOutcome::NotStarted { reason } => format!("could not be started: {reason}"),
    }
}

fn last_words(output: &[u8]) -> String {
    let end = &output[output.len().saturating_sub(TOLD)..];
    let text = String::from_utf8_lossy(end);
    let lines: Vec<String> = text
        .lines()
        .map(crate::driver::records::line)
        .filter(|line| !line.is_empty())
        .collect();
    lines.join("\n")
}
