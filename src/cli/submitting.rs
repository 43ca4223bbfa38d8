//! Handing a command to the watcher of a repository, one that runs or one that is started for it, and
//! showing how it stands.

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

use schemars::JsonSchema;
use serde::Serialize;

use crate::attach::submitted::job::{Submission, SubmittedJob, words};
use crate::host::lock::WatcherLock;
use crate::host::protocol::Request;
use crate::host::queue::WorkKind;
use crate::host::record::WatcherRecord;
use crate::report::shell::quoted;
use crate::run::scrub::Scrubber;
use crate::store::layout::Layout;

use super::bench;
use super::context::CommandContext;
use super::error::CliError;
use super::exit::Exit;
use super::watching::{self, Begin, TakenNow, Watching};

/// The option that hands a command over.
const OPTION: &str = "--background";
/// How often a watcher is looked for and started, where others start and end at the same time.
const TRIES: u32 = 3;

/// The command that is handed over: this one.
pub(crate) struct Handed<'a> {
    /// Of which kind it is.
    pub(crate) kind: WorkKind,
    /// The repository.
    pub(crate) repo: &'a Path,
    /// The arguments with which the job does what this command would, and goes on with it.
    pub(crate) arguments: Vec<String>,
    /// Where its artifacts go.
    pub(crate) artifacts: &'a Path,
    /// The configuration that it names.
    pub(crate) config: Option<&'a Path>,
}

/// A command that a watcher took over: `archal preprod run --background --json`.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Submitted {
    /// The watcher's process.
    pid: u32,
    /// Whether it was started for this.
    is_started: bool,
    /// The job.
    job: SubmittedJob,
    /// The command that shows how it stands.
    see: String,
    /// The command that cancels it, and detaches everything else.
    stop: String,
}

/// Hands this command over and says where it is found.
pub(crate) fn submit(handed: &Handed<'_>, cx: &CommandContext) -> Result<Exit, CliError> {
    let repo = bench::repository(handed.repo, cx)?;
    let layout = bench::layout(&repo, cx)?;
    let submission = Submission {
        arguments: handed.arguments.clone(),
        directory: cx.environment.directory.clone(),
        artifacts: handed.artifacts.to_owned(),
        config: handed.config.map(|file| cx.environment.resolve(file)),
        variables: None,
    };
    let mut tries = 0;
    let told = loop {
        tries += 1;
        if let Some(told) = join(&layout, handed.kind, &submission, cx)? {
            break told;
        }
        let watching = Watching {
            repo: repo.clone(),
            begin: Begin::Submit {
                kind: handed.kind,
                submission: submission.clone(),
            },
        };
        match watching::start(&watching, cx) {
            Ok(started) => {
                let taken: TakenNow =
                    serde_json::from_value(started).map_err(CliError::internal)?;
                if let Some(lost) = &taken.lost {
                    cx.printer.note(lost);
                }
                break (taken.pid, taken.job, true);
            }
            // Of several that begin at once one watches, and one that ends is waited for.
            Err(error) if error.exit() == Exit::CouldNotRun && tries < TRIES => {
                if !until_it_answers(&layout, cx)? {
                    return Err(error);
                }
            }
            Err(error) => return Err(error),
        }
    };
    tell(told, &repo, cx);
    Ok(Exit::Fine)
}

/// The state keeps the arguments word for word, so that the job can be begun again: those that hold a
/// key of the caller's own cannot be kept.
pub(crate) fn refuse_keys(arguments: &[String], scrubber: &Scrubber) -> Result<(), CliError> {
    let mut words = arguments.iter();
    let held = words.find_map(|word| scrubber.key_in(word).map(str::to_owned));
    held.map_or(Ok(()), |variable| {
        Err(CliError::usage(format!(
            "an argument holds the value of ${variable}, which is not kept anywhere"
        ))
        .hint(format!(
            "name the variable ('${variable}') and let the command read it"
        )))
    })
}

/// Hands it to the watcher that runs; none where none runs.
fn join(
    layout: &Layout,
    kind: WorkKind,
    submission: &Submission,
    cx: &CommandContext,
) -> Result<Option<(u32, SubmittedJob, bool)>, CliError> {
    let mut submission = submission.clone();
    // Its keys are those of this shell, whatever the watcher was started with.
    submission.variables = Some(cx.environment.variables.clone());
    let payload = serde_json::to_value(submission).map_err(CliError::internal)?;
    let asked = Request::Submit { kind, payload };
    let Some(job) = watching::ask_living(layout, &asked, watching::PATIENCE, cx)? else {
        return Ok(None);
    };
    let job = serde_json::from_value(job).map_err(CliError::internal)?;
    let record = WatcherRecord::read(layout).ok().flatten();
    Ok(Some((record.map_or(0, |record| record.pid), job, false)))
}

/// Waits until a watcher that begins answers or is gone; false when nobody had the lock.
fn until_it_answers(layout: &Layout, cx: &CommandContext) -> Result<bool, CliError> {
    let was_held = WatcherLock::is_held(layout).map_err(CliError::environment)?;
    // One that is asked while it begins may refuse: it is asked again.
    let answer =
        || Ok(watching::ask(layout, &Request::Status, watching::PATIENCE, cx).unwrap_or(None));
    let answered = watching::while_it_begins(layout, answer, cx)?;
    Ok(was_held || answered.is_some())
}

/// What was given of a command of this kind, without the option that hands it over. `artifacts` are
/// those that it goes on in, where what was given does not name them.
pub(crate) fn arguments(
    given: &[OsString],
    kind: WorkKind,
    artifacts: Option<&Path>,
) -> Result<Vec<String>, CliError> {
    let text = |argument: &OsString| word(argument.as_os_str());
    let given: Vec<String> = given.iter().map(text).collect::<Result<_, _>>()?;
    let words =
        words(kind).ok_or_else(|| CliError::internal("a command of this kind is no job"))?;
    // Options of the terminal stand before the command.
    let begin = given.iter().position(|argument| argument == words[0]);
    let mut rest = given
        .into_iter()
        .skip(begin.unwrap_or_default() + words.len());
    let mut made: Vec<String> = words.map(str::to_owned).to_vec();
    if let Some(artifacts) = artifacts {
        made.extend(["--artifacts".to_owned(), word(artifacts.as_os_str())?]);
    }
    for argument in rest.by_ref() {
        let is_last = argument == "--";
        if argument != OPTION {
            made.push(argument);
        }
        if is_last {
            break;
        }
    }
    made.extend(rest);
    Ok(made)
}

/// An argument of a job, which its row keeps as text.
pub(crate) fn word(argument: &OsStr) -> Result<String, CliError> {
    argument.to_str().map(str::to_owned).ok_or_else(|| {
        let shown = argument.to_string_lossy();
        CliError::usage(format!("{shown} is no UTF-8, which {OPTION} needs"))
    })
}

fn tell((pid, job, is_started): (u32, SubmittedJob, bool), repo: &Path, cx: &CommandContext) {
    let repo = quoted(repo);
    let told = Submitted {
        pid,
        is_started,
        see: format!("archal attach-status {} --repo {repo}", job.id),
        stop: format!("archal detach --all --repo {repo}"),
        job,
    };
    let watcher = match is_started {
        true => "the watcher that was started for it",
        false => "the watcher that runs",
    };
    let shown = |path: &PathBuf| path.display().to_string();
    cx.printer.line(format!(
        "{} is the job {} of {watcher} (process {pid})\n  artifacts: {}\n  log:       {}\n  see:       {}\n  stop:      {}",
        told.job.label(),
        told.job.id,
        shown(&told.job.artifacts),
        shown(&told.job.log),
        told.see,
        told.stop,
    ));
    cx.printer.document("archal.submitted", 1, &told);
}

/// A job for a person.
pub(crate) fn text(job: &SubmittedJob) -> String {
    let mut lines = vec![
        format!("{} {}, {}", job.status.name(), job.id, job.label()),
        format!("  command:   {}", job.command()),
        format!("  in:        {}", job.directory.display()),
        format!("  artifacts: {}", job.artifacts.display()),
        format!("  log:       {}", job.log.display()),
        format!("  came:      {}", job.created_at),
    ];
    if !job.reason.is_empty() {
        lines.insert(1, format!("  {}", job.reason));
    }
    if let Some(commit) = &job.commit {
        lines.push(format!("  commit:    {commit}"));
    }
    if let Some(at) = &job.started_at {
        lines.push(format!("  begun:     {at}, {} times in all", job.tries));
    }
    if let Some(at) = &job.ended_at {
        lines.push(format!("  ended:     {at}"));
    }
    if let Some(code) = job.exit_code {
        lines.push(format!("  exit code: {code}"));
    }
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::attach::submitted::job::document;
    use crate::pdca::place::{Place, RunId};

    fn made(given: &[&str], is_named: bool) -> String {
        let given: Vec<OsString> = given.iter().map(OsString::from).collect();
        let artifacts = Some(Path::new("/a/out")).filter(|_| !is_named);
        let made = arguments(&given, WorkKind::Preprod, artifacts);
        made.expect("text").join(" ")
    }

    #[test]
    fn a_job_has_the_arguments_of_its_command_and_names_its_artifacts() {
        assert_eq!(
            made(
                &["preprod", "run", "x.md", "--background", "--dry-run"],
                false
            ),
            "preprod run --artifacts /a/out x.md --dry-run"
        );
        assert_eq!(
            made(
                &["-q", "preprod", "run", "--artifacts", "out", "--background"],
                true
            ),
            "preprod run --artifacts out"
        );
        // Behind the end of options it is the name of a file.
        assert_eq!(
            made(
                &["preprod", "run", "--background", "--", "--background"],
                false
            ),
            "preprod run --artifacts /a/out -- --background"
        );
    }

    #[test]
    fn a_key_of_the_caller_is_refused_and_its_name_is_not() {
        use archal_core::environment::Environment;
        use archal_core::redact::Redactor;
        let mut environment = Environment::default();
        let key = "an-ordinary-looking-value";
        let variables = &mut environment.variables;
        variables.insert("GITHUB_TOKEN".to_owned(), key.to_owned());
        let scrubber = Scrubber::new(Redactor::new([0; 32], []), &environment, &[]);
        let refused = |word: &str| {
            let given = ["preprod", "run", word].map(str::to_owned);
            refuse_keys(&given, &scrubber).err()
        };
        assert!(refused("--validation-command=check $GITHUB_TOKEN").is_none());
        let error = refused(&format!("--validation-command=check {key}")).expect("refused");
        assert_eq!(error.exit(), Exit::Usage);
        let told = error.error.to_string();
        assert!(
            told.contains("$GITHUB_TOKEN") && !told.contains(key),
            "{told}"
        );
    }

    #[test]
    fn the_result_of_a_run_is_found_under_its_name() {
        let folder = Path::new("/a/out");
        let document = |kind, artifacts: &Path| document(kind, artifacts).expect("a document");
        let preprod = document(WorkKind::Preprod, folder);
        assert_eq!(preprod, folder.join(crate::preprod::artifacts::RESULT));
        let place = Place::of(folder);
        let run = RunId::new("r").expect("an id");
        let pdca = document(WorkKind::Pdca, &place.artifacts(&run));
        assert_eq!(pdca, place.result(&run));
    }
}
