//! A contained run of an agent, from prompt to outcome.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};
use std::time::Duration;

use archal_core::environment::Environment;

use crate::sandbox::child::{Bind, ChildEnd, ChildOutcome, ChildSpec, DEFAULT_PROCESS_LIMIT};
use crate::sandbox::{self, Hold};
use crate::store::atomic::{self, Durability};

use super::answer;
use super::found;
use super::outcome::{self, Outcome};
use super::records::{self, Left, Reading};
use super::table::{Agent, Dialect, NETWORK_VARIABLES, PromptBy};

/// Bytes kept of the beginning of each of its pipes.
const OUTPUT_CAP: usize = 16 << 20;
/// Bytes read of a file it leaves.
const FILE_CAP: u64 = 1 << 20;
/// How long it may take to end after it was asked to.
const GRACE: Duration = Duration::from_secs(10);
/// Gives a program a file as its stdin: `sh -c THIS file program arguments`.
const WITH_STDIN: &str = "exec \"$@\" <\"$0\"";

/// Who does the work.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Driver {
    /// An agent of the table.
    Agent(&'static Agent),
    /// A shell command. `{prompt_file}`, `{workdir}` and `{result_file}` in it are those paths,
    /// quoted.
    Command(String),
}

impl Driver {
    /// The name in records.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Agent(agent) => agent.name,
            Self::Command(_) => "command",
        }
    }
}

/// What an agent is given.
#[derive(Debug)]
pub struct Work<'a> {
    /// The file with the prompt. Everything else in its folder may be read, too.
    pub prompt: &'a Path,
    /// Where it works.
    pub directory: &'a Path,
    /// A private home directory.
    pub home: &'a Path,
    /// The environment it has beside what [`variables`] gives it.
    pub environment: BTreeMap<String, String>,
    /// The model it is told to use.
    pub model: Option<&'a str>,
    /// Further arguments, before the prompt.
    pub arguments: &'a [String],
    /// What it may spend, in US dollars, for agents that keep such a cap themselves.
    pub budget_usd: Option<f64>,
    /// How long it may take.
    pub timeout: Duration,
    /// How long it may be silent, where that is limited.
    pub idle: Option<Duration>,
    /// Folders shown to it elsewhere.
    pub binds: &'a [Bind],
    /// Whether it is run in a sandbox in which its own cannot start.
    pub is_walled: bool,
}

/// How a run ended.
#[derive(Debug)]
pub struct Done {
    /// The outcome.
    pub outcome: Outcome,
    /// Why, where it was not done.
    pub detail: Option<String>,
    /// The command line that was run.
    pub command: Vec<String>,
    /// What its output says.
    pub reading: Reading,
    /// Its answer, as it gave it.
    pub answer: String,
    /// How its process ended, with its raw output.
    pub end: ChildEnd,
}

/// The variables of the caller that an agent gets, with its key. `key` names the variable that
/// holds it, where that is not the agent's own; `withheld` are variables that are somebody else's.
pub fn variables(
    agent: &Agent,
    caller: &Environment,
    key: Option<&str>,
    withheld: &[String],
) -> BTreeMap<String, String> {
    let mut given: BTreeMap<String, String> = NETWORK_VARIABLES
        .iter()
        .chain(agent.variables)
        .filter_map(|name| Some(((*name).to_owned(), caller.get(name)?.to_owned())))
        .collect();
    let from = key_variable(agent, caller, key, withheld);
    if let Some(from) = from
        && let Some(value) = caller.get(&from)
    {
        let name = agent.keys.first().map_or(from.clone(), ToString::to_string);
        given.insert(name, value.to_owned());
    }
    given
}

/// The variable of the caller that an agent's key is taken from; none where there is none.
pub fn key_variable(
    agent: &Agent,
    caller: &Environment,
    key: Option<&str>,
    withheld: &[String],
) -> Option<String> {
    let own = || {
        let mut names = agent.keys.iter().map(ToString::to_string);
        names.find(|name| caller.get(name).is_some() && !withheld.contains(name))
    };
    match key {
        Some(named) => caller.get(named).map(|_| named.to_owned()),
        None => own(),
    }
}

/// Runs it until it and everything it started has ended. `changed` says whether the working
/// directory differs from what it was; `start` runs a child, as [`sandbox::run`] does.
pub fn run(
    driver: &Driver,
    work: &Work<'_>,
    hold: &Hold<'_>,
    changed: &dyn Fn() -> bool,
    start: &dyn Fn(ChildSpec, &Hold<'_>) -> ChildEnd,
) -> Done {
    let places = Places::of(work);
    let mut environment = work.environment.clone();
    let (command, exits, dialect, leaves) = match driver {
        Driver::Agent(agent) => {
            for (name, value) in agent.sets {
                environment.insert((*name).to_owned(), places.filled(value));
            }
            let path = environment.get("PATH").map_or("", String::as_str);
            let Some(program) = found::program(agent.name, path) else {
                let reason = format!("{} is not in PATH", agent.name);
                return missing(hold, reason);
            };
            if let Err(error) = write_files(agent, work.home) {
                return missing(hold, error);
            }
            let command = agent_command(agent, &program, work, &places);
            (command, agent.exits, agent.dialect, agent.leaves)
        }
        Driver::Command(line) => (
            ["sh", "-c", &places.quoted_in(line)]
                .map(str::to_owned)
                .to_vec(),
            &[][..],
            Dialect::Command,
            &[][..],
        ),
    };
    let before = names(work.directory, leaves);
    let end = start(
        ChildSpec {
            command: command.clone(),
            directory: work.directory.to_owned(),
            environment,
            timeout: work.timeout,
            idle: work.idle,
            grace: GRACE,
            output_cap: OUTPUT_CAP,
            binds: work.binds.to_vec(),
            process_limit: Some(DEFAULT_PROCESS_LIMIT),
            confine: None,
        },
        hold,
    );
    for name in names(work.directory, leaves).difference(&before) {
        let path = work.directory.join(name);
        // What stays is seen as a change and judged as one.
        fs::remove_dir_all(&path)
            .or_else(|_| fs::remove_file(&path))
            .ok();
    }
    let (usage, result) = (left(&places.usage), left(&places.result));
    let said = Left {
        stdout: &end.stdout,
        stdout_end: &end.stdout_tail,
        stderr: &end.stderr,
        usage_file: usage.as_deref(),
        result_file: result.as_deref(),
    };
    let reading = records::read(dialect, &said);
    let answer = answer::read(dialect, &said);
    let outcome = outcome::decide(&end.outcome, exits, &reading, changed);
    Done {
        outcome,
        detail: detail(outcome, &reading, &end, work),
        command,
        reading,
        answer,
        end,
    }
}

fn missing(hold: &Hold<'_>, reason: String) -> Done {
    Done {
        outcome: Outcome::NotStarted,
        detail: Some(reason.clone()),
        command: Vec::new(),
        reading: Reading::default(),
        answer: String::new(),
        end: sandbox::hold::not_started(hold.containment, reason),
    }
}

fn detail(outcome: Outcome, reading: &Reading, end: &ChildEnd, work: &Work<'_>) -> Option<String> {
    match outcome {
        Outcome::Changed | Outcome::NoChange | Outcome::Stopped => None,
        Outcome::Timeout if end.was_idle => {
            let silence = work.idle.unwrap_or_default().as_secs();
            Some(format!("it was silent for {silence} s"))
        }
        Outcome::Timeout => Some(format!("it took more than {} s", work.timeout.as_secs())),
        Outcome::NoResult => Some("it exited with 0 and wrote no end record".to_owned()),
        Outcome::Denied if reading.trouble.is_none() && reading.denied > 0 => {
            Some(format!("it was refused a tool {} times", reading.denied))
        }
        _ => {
            let said = reading.trouble.as_ref().map(|trouble| &trouble.message);
            said.filter(|message| !message.is_empty())
                .cloned()
                .or_else(|| match &end.outcome {
                    ChildOutcome::NotStarted { reason } => Some(reason.clone()),
                    _ => records::last_word(&end.stderr),
                })
        }
    }
}

/// Writes what an agent is told in files.
fn write_files(agent: &Agent, home: &Path) -> Result<(), String> {
    for (path, text) in agent.files {
        let written = atomic::write(&home.join(path), text.as_bytes(), Durability::Derived);
        written.map_err(|error| error.to_string())?;
    }
    Ok(())
}

/// The command line of an agent, for people: what stands for something of a run is left as it is, but
/// for the model.
pub fn called(agent: &Agent, model: Option<&str>, arguments: &[String]) -> String {
    let own = |parts: &[&str]| parts.iter().map(ToString::to_string).collect::<Vec<_>>();
    let mut command = vec![agent.name.to_owned()];
    command.extend(own(agent.arguments));
    if let Some(sandbox) = &agent.own_sandbox {
        command.extend(own(sandbox.on));
    }
    if let Some(model) = model {
        let named = own(agent.model);
        command.extend(named.iter().map(|part| part.replace("{model}", model)));
    }
    command.extend(own(agent.budget));
    command.extend(arguments.iter().cloned());
    command.extend(own(agent.last));
    if agent.prompt == PromptBy::Stdin {
        command.push("<{prompt_file}".to_owned());
    }
    command.join(" ")
}

fn agent_command(
    agent: &Agent,
    program: &Path,
    work: &Work<'_>,
    places: &Places<'_>,
) -> Vec<String> {
    let fill = |parts: &[&str]| parts.iter().map(|part| places.filled(part)).collect();
    let mut command: Vec<String> = Vec::new();
    if agent.prompt == PromptBy::Stdin {
        let prompt = work.prompt.display().to_string();
        command.extend([
            "sh".to_owned(),
            "-c".to_owned(),
            WITH_STDIN.to_owned(),
            prompt,
        ]);
    }
    command.push(program.display().to_string());
    command.extend::<Vec<String>>(fill(agent.arguments));
    if let Some(sandbox) = &agent.own_sandbox {
        let said = if work.is_walled {
            sandbox.off
        } else {
            sandbox.on
        };
        command.extend::<Vec<String>>(fill(said));
    }
    if work.model.is_some() {
        command.extend::<Vec<String>>(fill(agent.model));
    }
    if work.budget_usd.is_some() {
        command.extend::<Vec<String>>(fill(agent.budget));
    }
    command.extend(work.arguments.iter().cloned());
    command.extend::<Vec<String>>(fill(agent.last));
    command
}

/// Names in a folder that begin with one of `beginnings`.
fn names(folder: &Path, beginnings: &[&str]) -> BTreeSet<OsString> {
    if beginnings.is_empty() {
        return BTreeSet::new();
    }
    let is_meant = |name: &OsString| {
        let name = name.to_string_lossy();
        beginnings.iter().any(|begin| name.starts_with(begin))
    };
    fs::read_dir(folder)
        .into_iter()
        .flatten()
        .filter_map(|entry| Some(entry.ok()?.file_name()))
        .filter(is_meant)
        .collect()
}

/// A file that it left. A link is not followed; by now nobody is there to put one in its place.
fn left(path: &Path) -> Option<Vec<u8>> {
    fs::symlink_metadata(path)
        .ok()
        .filter(|found| found.is_file() && found.len() <= FILE_CAP)?;
    let mut bytes = Vec::new();
    File::open(path)
        .ok()?
        .take(FILE_CAP)
        .read_to_end(&mut bytes)
        .ok()?;
    Some(bytes)
}

/// What stands for the placeholders.
struct Places<'a> {
    work: &'a Work<'a>,
    result: PathBuf,
    usage: PathBuf,
}

impl<'a> Places<'a> {
    fn of(work: &'a Work<'a>) -> Self {
        Self {
            work,
            result: work.home.join("archal-result.json"),
            usage: work.home.join("archal-agent-usage.json"),
        }
    }

    /// The value of each placeholder.
    fn values(&self) -> [(&'static str, String); 9] {
        let text = |path: &Path| path.display().to_string();
        let prompt = text(self.work.prompt);
        let context = self.work.prompt.parent().map(text).unwrap_or_default();
        let budget = self.work.budget_usd.unwrap_or_default();
        [
            (
                "{prompt}",
                format!("Read the file {prompt} whole and do what it says."),
            ),
            ("{prompt_file}", prompt),
            ("{context}", context),
            ("{workdir}", text(self.work.directory)),
            ("{home}", text(self.work.home)),
            ("{result_file}", text(&self.result)),
            ("{usage_file}", text(&self.usage)),
            ("{model}", self.work.model.unwrap_or_default().to_owned()),
            ("{budget}", format!("{budget:.6}")),
        ]
    }

    fn filled(&self, part: &str) -> String {
        let mut filled = part.to_owned();
        for (name, value) in self.values() {
            if filled.contains(name) {
                filled = filled.replace(name, &value);
            }
        }
        filled
    }

    /// The placeholders of a shell command, quoted. `${workdir}` is the shell's.
    fn quoted_in(&self, line: &str) -> String {
        let mut filled = line.to_owned();
        for (name, value) in self.values() {
            if matches!(name, "{prompt_file}" | "{workdir}" | "{result_file}") {
                let quoted = format!("'{}'", value.replace('\'', "'\\''"));
                let shells = format!("${name}");
                let parts: Vec<String> = filled
                    .split(&shells)
                    .map(|part| part.replace(name, &quoted))
                    .collect();
                filled = parts.join(&shells);
            }
        }
        filled
    }
}

#[cfg(test)]
mod tests {
    use super::super::table;
    use super::*;

    fn work<'a>(arguments: &'a [String]) -> Work<'a> {
        Work {
            prompt: Path::new("/b'r/task.md"),
            directory: Path::new("/w"),
            home: Path::new("/h"),
            environment: BTreeMap::new(),
            model: Some("m"),
            arguments,
            budget_usd: Some(0.5),
            timeout: Duration::from_secs(1),
            idle: None,
            binds: &[],
            is_walled: false,
        }
    }

    #[test]
    fn every_placeholder_is_filled_and_the_prompt_is_last() {
        let arguments = ["--more".to_owned()];
        let work = work(&arguments);
        let places = Places::of(&work);
        for agent in table::ALL {
            let command = agent_command(agent, Path::new("/bin/x"), &work, &places);
            assert!(
                command.iter().all(|part| !part.contains('{')),
                "{command:?}"
            );
            let at = |part: &str| command.iter().position(|each| each == part);
            assert!(at("--more") > at("m"), "{command:?}");
            let last = agent.last.len();
            assert_eq!(at("--more"), Some(command.len() - 1 - last), "{command:?}");
        }
        let sets = table::named("opencode").expect("a row").sets;
        let (_, allowed) = sets.last().expect("its permissions");
        assert!(places.filled(allowed).contains("\"/b'r/**\":\"allow\""));
    }

    #[test]
    fn an_agents_own_sandbox_is_on_unless_it_runs_in_one() {
        let sandbox_of = |is_walled: bool| {
            let work = Work {
                is_walled,
                ..work(&[])
            };
            let codex = table::named("codex").expect("a row");
            let command = agent_command(codex, Path::new("/bin/x"), &work, &Places::of(&work));
            let at = command.iter().position(|part| part == "--sandbox");
            command[at.expect("said") + 1].clone()
        };
        assert_eq!(sandbox_of(false), "workspace-write");
        assert_eq!(sandbox_of(true), "danger-full-access");
    }

    #[test]
    fn a_shell_command_gets_quoted_paths_and_keeps_its_own_variables() {
        let work = work(&[]);
        let line = Places::of(&work).quoted_in("x {prompt_file} ${workdir} {workdir} {other}");
        assert_eq!(line, r"x '/b'\''r/task.md' ${workdir} '/w' {other}");
    }

    #[test]
    fn a_key_is_the_agents_own_or_the_named_one_and_never_somebody_elses() {
        let caller = Environment {
            variables: [
                ("ANTHROPIC_API_KEY", "a"),
                ("FIXER_KEY", "f"),
                ("OTHER", "o"),
            ]
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .into(),
            ..Environment::default()
        };
        let claude = table::named("claude").expect("a row");
        let given = |key, withheld: &[&str]| {
            let withheld: Vec<String> = withheld.iter().map(ToString::to_string).collect();
            variables(claude, &caller, key, &withheld)
        };
        assert_eq!(given(None, &[])["ANTHROPIC_API_KEY"], "a");
        assert_eq!(given(None, &["ANTHROPIC_API_KEY"]).len(), 0);
        let named = given(Some("FIXER_KEY"), &["ANTHROPIC_API_KEY"]);
        assert_eq!(named["ANTHROPIC_API_KEY"], "f");
        assert_eq!(named.len(), 1);
        let aider = table::named("aider").expect("a row");
        let named = variables(aider, &caller, Some("FIXER_KEY"), &[]);
        assert_eq!(named["FIXER_KEY"], "f");
    }
}
