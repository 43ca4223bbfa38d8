//! One agent: what it is told, a private copy to work in, and what it said.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::driver::outcome::Outcome;
use crate::driver::run::{self, Done, Driver, Work};
use crate::fix::candidate::USAGE_FILE;
use crate::fix::confinement::{Confinement, Walls};
use crate::pdca::finding::Status;
use crate::pdca::place::refuse_link;
use crate::pdca::prompt::{self, Ask, Material};
use crate::pdca::role::{Role, Workflow};
use crate::reproduce::metering;
use crate::reproduce::workplace::Workplace;
use crate::sandbox::child::ChildOutcome;
use crate::sandbox::confine::{self, Demand};
use crate::store::atomic::{self, Durability};

use super::money;
use super::process::{self, Begun, ProcessRecord};
use super::stage::{EngineError, Stage};

/// A longer answer is none.
const LONGEST_ANSWER: usize = 1 << 20;
/// An own text for a role that is longer than this is no text for a role.
const LONGEST_ROLE: u64 = 256 << 10;

/// An agent to start.
#[derive(Debug, Clone, Copy)]
pub struct Call<'a> {
    /// Its role.
    pub role: Role,
    /// What it is asked for.
    pub ask: Ask,
    /// The workflow of the cycle.
    pub workflow: Workflow,
    /// The cycle.
    pub cycle: u32,
    /// Which start of it in the cycle this is.
    pub attempt: u32,
    /// The commit it looks at.
    pub commit: &'a str,
    /// What there is to tell.
    pub material: &'a Material,
    /// The model it is told to use.
    pub model: Option<&'a str>,
    /// What the role is told because of what it did before.
    pub correction: Option<&'a str>,
}

/// What came of it.
#[derive(Debug)]
pub struct Said {
    /// Its answer, without secrets; empty where it did not return.
    pub text: String,
    /// Why it did not return.
    pub failure: Option<String>,
    /// Whether archal was asked to stop.
    pub was_stopped: bool,
    /// What its last line says.
    pub status: Status,
    /// Wall time in milliseconds.
    pub duration_ms: u64,
    /// What it cost in US dollars; an estimate where nobody said.
    pub cost_usd: f64,
    /// Whether that is an estimate.
    pub cost_estimated: bool,
    /// Tokens it sent and received, where they are known.
    pub tokens: Option<(u64, u64)>,
    /// The model, where it is known.
    pub model: Option<String>,
    /// The number of its process.
    pub process: u64,
}

/// An agent that has ended, and the copy it worked in.
#[derive(Debug)]
pub struct Worked {
    /// What it said.
    pub said: Said,
    /// Where it worked.
    pub place: Workplace,
}

/// The user's own text for a role; none where there is none.
fn own_text(stage: &Stage<'_>, role: Role) -> Result<Option<String>, EngineError> {
    let path = stage.place.archetype(role);
    refuse_link(&path)?;
    match std::fs::metadata(&path) {
        Ok(found) if found.is_file() && found.len() <= LONGEST_ROLE => {}
        _ => return Ok(None),
    }
    let text = std::fs::read_to_string(&path);
    text.map(Some)
        .map_err(|source| EngineError::Read { path, source })
}

/// Starts an agent and waits for its end. `place` is a copy it goes on in.
///
/// # Errors
///
/// When there is no copy for it, or its record cannot be kept.
pub fn work(
    stage: &Stage<'_>,
    call: &Call<'_>,
    place: Option<Workplace>,
) -> Result<Worked, EngineError> {
    let workshop = stage.workshop(call.commit);
    let place = match place {
        Some(place) => place,
        None => workshop.open(&[])?,
    };
    let name = process::name(call.role, call.ask == Ask::Risks);
    let number = stage.processes.number();
    let own = own_text(stage, call.role)?;
    let mut parts = prompt::parts(call.role, call.ask, call.material);
    if call.ask != Ask::Commit {
        for path in stage.domain.files(call.role.phase()) {
            // As it is committed: a copy that is gone on in may hold anything.
            if let Some(text) = place.workspace().base_file(Path::new(path))? {
                let text = String::from_utf8_lossy(&text).into_owned();
                parts.push((format!("Context: {path}"), text));
            }
        }
    }
    if let Some(terms) = stage.domain.terms().filter(|_| call.ask != Ask::Commit) {
        parts.push((
            "What this domain calls otherwise than code".to_owned(),
            terms,
        ));
    }
    let mut focus = stage.domain.focus(call.role);
    focus.extend(call.correction.map(str::to_owned));
    let told = prompt::prompt(call.role, call.ask, own.as_deref(), &focus, &parts);
    let told = stage.scrubber.text(&told);
    stage
        .processes
        .keep(number, &name, "prompt.md", told.as_bytes())?;
    let task = place.beside("brief").join("task.md");
    atomic::write(&task, told.as_bytes(), Durability::Derived)?;

    let argv = match &stage.choice.driver {
        Driver::Command(line) => vec!["sh".to_owned(), "-c".to_owned(), line.clone()],
        Driver::Agent(agent) => vec![agent.name.to_owned()],
    };
    let shown = |argv: &[String]| argv.iter().map(|part| stage.scrubber.text(part)).collect();
    let started_at = stage.clock.now();
    let begun = Begun {
        number,
        what: process::AGENT,
        name: &name,
        at: (call.role.phase(), call.cycle),
        attempt: call.attempt,
        argv: shown(&argv),
        started_at,
    };
    // What it may cost counts before it starts: archal may end with it.
    money::reserve(stage, number, call.role, started_at)?;
    let record = ProcessRecord {
        prompt_bytes: told.len() as u64,
        cost_usd: Some(crate::pdca::cost::estimate(call.role).dollars()),
        cost_estimated: true,
        ..begun.record()
    };
    stage.processes.add(&record)?;
    let done = start(stage, call, &place, &task)?;
    let record = record.ended(&done.end, stage.clock.now());

    let end = &done.end;
    let said = said(stage, call, &place, &done, number);
    let mut output = end.stdout.clone();
    output.extend_from_slice(&end.stdout_tail);
    output.extend_from_slice(&end.stderr);
    let output = stage.scrubber.bytes(&output);
    stage.processes.keep(number, &name, "output.log", &output)?;
    stage.processes.add(&ProcessRecord {
        argv: match &stage.choice.driver {
            Driver::Command(_) => record.argv,
            Driver::Agent(_) => shown(&done.command),
        },
        cost_usd: Some(said.cost_usd),
        cost_estimated: said.cost_estimated,
        tokens_input: said.tokens.map(|(input, _)| input),
        tokens_output: said.tokens.map(|(_, output)| output),
        model: said.model.clone(),
        ..record
    })?;
    money::enter(stage, number, &said, started_at);
    Ok(Worked { said, place })
}

fn start(
    stage: &Stage<'_>,
    call: &Call<'_>,
    place: &Workplace,
    task: &Path,
) -> Result<Done, EngineError> {
    let choice = stage.choice;
    let home = place.home();
    let mut environment = place.environment(stage.environment);
    environment.extend(choice.variables(stage.environment, stage.withheld));
    let mut set = |name: &str, value: String| {
        environment.insert(name.to_owned(), value);
    };
    set(
        "ARCHAL_USAGE_FILE",
        home.join(USAGE_FILE).display().to_string(),
    );
    set("ARCHAL_PDCA_REPO", stage.repo.display().to_string());
    set("ARCHAL_PDCA_RUN", stage.run.to_string());
    set(
        "ARCHAL_PDCA_ROLE",
        process::name(call.role, call.ask == Ask::Risks),
    );
    set("ARCHAL_PDCA_CYCLE", call.cycle.to_string());
    set("ARCHAL_PDCA_ATTEMPT", call.attempt.to_string());
    let most = stage.settings.config.costs.per_agent_usd;
    let most = most.map(|usd| usd.dollars());
    if let Some(most) = most {
        set("ARCHAL_BUDGET_USD", format!("{most:.6}"));
    }
    if call.role.writes() {
        for (name, value) in super::change::identity(stage) {
            set(&name, value);
        }
    }
    let tree = place.tree();
    let writable: Vec<&Path> = match call.role.writes() {
        true => vec![tree, &home],
        false => vec![&home],
    };
    let hidden = stage.hidden();
    let hidden: Vec<&Path> = hidden.iter().map(PathBuf::as_path).collect();
    let states = BTreeMap::new();
    let confinement = Confinement {
        mode: stage.sandbox,
        hosts: &choice.hosts,
        clones: &[],
        states: &states,
        clock: std::sync::Arc::clone(&stage.clock),
        helper: stage.binary,
        probe: stage.probe,
        environment: stage.environment,
        scrubber: stage.scrubber,
        stop: Some(stage.stop),
    };
    // An agent's own sandbox cannot start within archal's, so it is left off only where archal's holds as much.
    let has_own = matches!(&choice.driver, Driver::Agent(agent) if agent.own_sandbox.is_some());
    let is_walled = has_own
        && confinement
            .tried(&writable)
            .is_some_and(|tried| confine::is_walled(&tried));
    let demand = match is_walled {
        true => Demand::Walls,
        false => Demand::Nothing,
    };
    let walls = Walls {
        writable: &writable,
        hidden: &hidden,
        session: &place.beside("session"),
    };
    let guards = stage.workshop(call.commit).guards(place)?;
    Ok(run::run(
        &choice.driver,
        &Work {
            prompt: task,
            directory: tree,
            home: &home,
            environment,
            model: call.model.or(choice.model.as_deref()),
            arguments: &choice.arguments,
            budget_usd: most,
            timeout: Duration::from_secs(stage.settings.config.agent_timeout()),
            idle: choice.idle,
            binds: place.shown_to_fixer(stage.sandbox, &guards),
            is_walled,
        },
        &stage.hold(),
        // Whether anything changed is looked at in the commits.
        &|| true,
        &|spec, _| confinement.run_within(spec, &walls, demand),
    ))
}

fn said(stage: &Stage<'_>, call: &Call<'_>, place: &Workplace, done: &Done, process: u64) -> Said {
    let is_too_long = done.answer.len() > LONGEST_ANSWER
        || (done.end.stdout_dropped > 0 && matches!(stage.choice.driver, Driver::Command(_)));
    let failure = match done.outcome {
        Outcome::Changed | Outcome::NoChange if is_too_long => {
            let limit = LONGEST_ANSWER >> 20;
            Some(format!("its answer is longer than {limit} MiB"))
        }
        Outcome::Changed | Outcome::NoChange if done.answer.trim().is_empty() => {
            Some("it said nothing".to_owned())
        }
        Outcome::Changed | Outcome::NoChange => None,
        outcome => Some(match &done.detail {
            Some(detail) => stage.scrubber.text(detail),
            None => format!("{outcome:?}").to_lowercase(),
        }),
    };
    let text = match failure {
        Some(_) => String::new(),
        None => stage.scrubber.text(&harmless(&done.answer)),
    };
    let asked = call.model.or(stage.choice.model.as_deref());
    let used = &done.reading.usage;
    let (cost, tokens, model) = match used.tokens() {
        Some(tokens) => (
            used.cost(stage.prices, asked),
            Some((tokens.input, tokens.output)),
            used.model().or(asked).map(str::to_owned),
        ),
        None => {
            let spent = metering::read(&place.home().join(USAGE_FILE), stage.scrubber);
            let tokens = spent.input_tokens.zip(spent.output_tokens);
            (
                spent.usd(),
                tokens,
                spent.model.clone().or(asked.map(str::to_owned)),
            )
        }
    };
    let never_ran = matches!(done.end.outcome, ChildOutcome::NotStarted { .. });
    let estimate = match never_ran {
        true => 0.0,
        false => crate::pdca::cost::estimate(call.role).dollars(),
    };
    Said {
        status: Status::read(&text),
        text,
        failure,
        was_stopped: done.outcome == Outcome::Stopped,
        duration_ms: u64::try_from(done.end.duration.as_millis()).unwrap_or(u64::MAX),
        cost_usd: cost.unwrap_or(estimate),
        cost_estimated: cost.is_none() && !never_ran,
        tokens,
        model,
        process,
    }
}

/// Text without what a terminal obeys; lines and tabs stay.
fn harmless(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '\u{1b}' => {
                // A colour begins with `[` and ends with a letter.
                if chars.next_if_eq(&'[').is_some() {
                    while chars.next_if(|c| !c.is_ascii_alphabetic()).is_some() {}
                    chars.next();
                }
            }
            '\r' => {}
            '\n' | '\t' => plain.push(c),
            c if c.is_control() => {}
            c => plain.push(c),
        }
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::harmless;

    #[test]
    fn what_a_terminal_obeys_is_taken_out_of_an_answer() {
        assert_eq!(
            harmless("a\u{1b}[31mred\u{1b}[0m\r\nb\u{7}\u{9b}2J\tc"),
            "ared\nb2J\tc"
        );
    }
}
