//! Running the watcher of a repository, in the foreground or behind the caller's back.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;

use crate::attach::desk::Told;
use crate::attach::engine::{Attached, Engine, PROBE};
use crate::attach::flags::AttachFlags;
use crate::attach::service::{AttachRequest, GRACE, Service, is_removed};
use crate::attach::settings::Settings;
use crate::attach::state::attachments;
use crate::attach::submitted::job::{Submission, SubmittedJob};
use crate::attach::submitted::queue::{SubmitError, Untold};
use crate::attach::watcher::Watcher;
use crate::host::background::{self, Announcer, BackgroundError, Failure, Launch};
use crate::host::client::{Client, ClientError};
use crate::host::interrupts::{Hangup, Interrupt, Interrupts};
use crate::host::lock::WatcherLock;
use crate::host::log::{LogFile, LogLimits};
use crate::host::protocol::{RefusalKind, Request};
use crate::host::queue::WorkKind;
use crate::host::record::WatcherRecord;
use crate::host::socket::ControlSocket;
use crate::store::layout::Layout;

use super::bench;
use super::context::CommandContext;
use super::error::CliError;
use super::exit::Exit;
use super::pass;

/// How long a watcher may take to answer a request.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);
/// How long a watcher that another process has just begun may take to answer.
const JOIN_PATIENCE: Duration = Duration::from_secs(10);
/// Between two looks at whether it does.
const JOIN_LOOK: Duration = Duration::from_millis(50);
/// Between two looks at a watcher that ends.
const LOOK: Duration = Duration::from_millis(10);
/// How often a state that breaks under a running watcher is begun anew.
const MOST_REPAIRS: u32 = 3;

/// The variable that holds what a watcher in the background begins with, as JSON.
pub(crate) const REQUEST: &str = "ARCHAL_WATCH_REQUEST";

/// A watcher that is to run.
pub(crate) struct Watching {
    /// The repository, absolute and without links.
    pub(crate) repo: PathBuf,
    /// What it begins with.
    pub(crate) begin: Begin,
}

/// What a watcher begins with, beside what the one before it left.
#[derive(Debug, Serialize, serde::Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) enum Begin {
    /// A directory is attached.
    Attach(AttachRequest),
    /// A command is taken over. It has the variables of the watcher, which are those of its caller.
    Submit {
        /// Of which kind.
        kind: WorkKind,
        /// The command.
        submission: Submission,
    },
}

impl Begin {
    /// The directory that is attached.
    fn directory(&self) -> Option<&Path> {
        match self {
            Self::Attach(request) => Some(&request.directory),
            Self::Submit { .. } => None,
        }
    }

    fn jobs(&self) -> Option<usize> {
        match self {
            Self::Attach(request) => request.jobs,
            Self::Submit { .. } => None,
        }
    }
}

/// What a watcher says that was begun for a command.
#[derive(Debug, Serialize, serde::Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct TakenNow {
    /// The watcher's process.
    pub(crate) pid: u32,
    /// The job.
    pub(crate) job: SubmittedJob,
    /// What became of a state that could not be used.
    pub(crate) lost: Option<String>,
}

/// What is said when a watcher is ready.
#[derive(Debug, Serialize, serde::Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ReadyNow {
    /// The watcher's process.
    pub(crate) pid: u32,
    /// Its log; none where it runs in the foreground.
    pub(crate) log: Option<PathBuf>,
    /// Where it is asked.
    pub(crate) socket: PathBuf,
    /// The directory that was attached.
    pub(crate) directory: PathBuf,
    /// How far the loop goes.
    pub(crate) policy: String,
    /// What became of a state that could not be used.
    #[serde(default)]
    pub(crate) lost: Option<String>,
}

/// Where the watcher speaks.
pub(crate) enum Voice {
    /// To the terminal.
    Foreground,
    /// To its log; whoever started it waits for one line.
    Background(Announcer),
}

/// Runs the watcher to its end.
pub(crate) fn run(
    watching: &Watching,
    mut voice: Voice,
    cx: &CommandContext,
) -> Result<Exit, CliError> {
    let mut log = None;
    let mut before = None;
    for _ in 0..=MOST_REPAIRS {
        let round = round(watching, &mut voice, &mut log, before.as_deref(), cx);
        match round {
            Ok(End::Asked(exit)) => return Ok(exit),
            // Nothing is made anew where it was.
            Ok(End::Broken(_)) if is_removed(&watching.repo) => return Ok(Exit::CouldNotRun),
            Ok(End::Broken(attached)) => before = Some(attached),
            Err(error) => {
                if let Voice::Background(announcer) =
                    std::mem::replace(&mut voice, Voice::Foreground)
                {
                    announcer.failed(failure(&error));
                }
                return Err(error);
            }
        }
    }
    Err(CliError::environment(
        "the state breaks again and again; is the disk sound?",
    ))
}

enum End {
    /// By a signal or a request.
    Asked(Exit),
    /// The state broke. What was attached is known to nobody else.
    Broken(Vec<Attached>),
}

fn round(
    watching: &Watching,
    voice: &mut Voice,
    log: &mut Option<LogFile>,
    before: Option<&[Attached]>,
    cx: &CommandContext,
) -> Result<End, CliError> {
    let is_repair = before.is_some();
    let ledger = pass::user_ledger(cx);
    let works = pass::open(&watching.repo, ledger.as_deref(), is_repair, cx)?;
    let (settings, policy) = settings(&works.engine, &watching.begin, is_repair, cx)?;
    let told: Told = match voice {
        Voice::Background(_) if log.is_none() => {
            let scrubber = settings.scrubber.clone();
            let redact = Arc::new(move |line: &str| scrubber.text(line));
            let file = LogFile::open(&works.layout.watcher_log(), LogLimits::default(), redact)
                .map_err(CliError::environment)?;
            file.become_standard_streams()
                .map_err(CliError::environment)?;
            let filter = cx.environment.get("ARCHAL_LOG").unwrap_or("warn");
            file.start(filter, cx.clock.clone())
                .map_err(CliError::environment)?;
            *log = Some(file.clone());
            to_log(file, cx)
        }
        _ => match log {
            Some(file) => to_log(file.clone(), cx),
            None => {
                let printer = cx.printer.clone();
                Arc::new(move |line: &str| printer.note(line))
            }
        },
    };
    let heavy = pass::heavy(watching.begin.jobs(), &settings);
    let watcher = Watcher::start(works.engine.clone(), heavy, false, told.clone())
        .map_err(pass::watcher_error)?;
    let mut taken = None;
    match before {
        None => taken = begin(&watcher, &watching.begin)?,
        Some(attached) => {
            for attached in attached {
                watcher
                    .attach(&attached.directory, attached.flags.clone())
                    .map_err(pass::watcher_error)?;
            }
        }
    }
    // Whoever waits for it is told of a failure up to the announcement, and hands it over again.
    let mut untold = taken.as_ref().and_then(|job| watcher.untold(&job.id));
    if works.is_unchecked {
        watcher.check_behind().map_err(pass::watcher_error)?;
    }
    resume(&watcher, watching.begin.directory(), &told)?;
    // A commit that comes from now on is new.
    watcher.look_at_commits();
    let service = Service::new(watcher);
    let socket = ControlSocket::bind(&works.layout, &cx.environment, &works.lock)
        .map_err(CliError::environment)?;
    let answering = socket
        .serve(service.clone(), cx.clock.clone())
        .map_err(CliError::environment)?;
    let log_path = log.as_ref().map(|_| works.layout.watcher_log());
    let record = WatcherRecord::new(
        cx.clock.now(),
        answering.path().to_owned(),
        log_path.clone(),
    );
    record
        .write(&works.layout, &works.lock)
        .map_err(CliError::environment)?;
    let lost = works.lost.clone();
    let pid = record.pid;
    let now = match (taken, watching.begin.directory()) {
        (Some(job), _) => serde_json::to_value(TakenNow { pid, job, lost }),
        (None, directory) => serde_json::to_value(ReadyNow {
            pid,
            log: log_path,
            socket: record.socket.clone(),
            directory: directory.map(Path::to_owned).unwrap_or_default(),
            policy: policy.clone(),
            lost,
        }),
    }
    .map_err(CliError::internal)?;
    let asked = service.clone();
    let hangup = match voice {
        Voice::Background(_) => Hangup::Nothing,
        Voice::Foreground if log.is_some() => Hangup::Nothing,
        Voice::Foreground => Hangup::Ends,
    };
    let interrupts = Interrupts::listen(hangup, move |interrupt| {
        asked.end(match interrupt {
            Interrupt::Orderly => GRACE,
            Interrupt::AtOnce => Duration::ZERO,
        });
    })
    .map_err(CliError::environment)?;
    match std::mem::replace(voice, Voice::Foreground) {
        Voice::Foreground if log.is_none() => {
            cx.printer
                .note(format!("watching with policy {policy}; Ctrl-C ends it"));
        }
        Voice::Foreground => {}
        Voice::Background(announcer) => {
            if announcer.ready(now) {
                untold.take().into_iter().for_each(Untold::told);
            } else {
                // Whoever started it gave up and does not know of it.
                drop(untold.take());
                service.end(Duration::ZERO);
            }
        }
    }
    let hook = service.clone();
    service
        .watcher()
        .desk()
        .when_broken(Box::new(move || hook.end(Duration::ZERO)));
    let grace = service.until_end();
    let is_gone = is_removed(&watching.repo);
    if is_gone {
        let repo = watching.repo.display();
        told(&format!(
            "the repository {repo} is gone; nothing is left to work on, so this ends"
        ));
    } else {
        told("ending; what runs goes on where it is when archal is attached again");
    }
    let desk = service.watcher().desk();
    let attached = desk.attached().into_iter().map(|now| now.attached);
    let attached: Vec<Attached> = attached.collect();
    // No more requests, and no one who finds the socket.
    drop(answering);
    service.watcher().stop(grace);
    let trouble = service.watcher().desk().trouble();
    let is_broken =
        trouble.is_some_and(|trouble| trouble.is_broken) && !interrupts.is_interrupted();
    service.watcher().desk().when_broken(Box::new(|| {}));
    service.watcher().finish();
    WatcherRecord::remove(&works.layout, &works.lock).map_err(CliError::environment)?;
    told("ended");
    if is_gone {
        return Ok(End::Asked(Exit::CouldNotRun));
    }
    if is_broken {
        let lost = pass::HANDED_OVER;
        told(&format!(
            "the state is broken; it is begun anew and derived again; {lost}"
        ));
        return Ok(End::Broken(attached));
    }
    Ok(End::Asked(if interrupts.is_interrupted() {
        Exit::Interrupted
    } else {
        Exit::Fine
    }))
}

/// The settings for the process itself, and the policy of what is attached.
fn settings(
    engine: &Engine,
    begin: &Begin,
    is_repair: bool,
    cx: &CommandContext,
) -> Result<(Arc<Settings>, String), CliError> {
    match begin {
        Begin::Attach(request) => {
            let probe = Attached {
                id: PROBE,
                directory: request.directory.clone(),
                flags: request.flags.clone(),
            };
            let ready = engine.ready(&probe, true).map_err(pass::ready_error)?;
            if !is_repair {
                pass::say(&ready, cx);
            }
            Ok((ready.settings.clone(), policy_name(ready.policy())))
        }
        Begin::Submit { submission, .. } => {
            let flags = AttachFlags {
                config: submission.config.clone(),
                ..AttachFlags::default()
            };
            let settings = engine.settings(&flags);
            let settings = settings.map_err(|error| pass::ready_error(error.into()))?;
            Ok((Arc::new(settings), String::new()))
        }
    }
}

/// Attaches a directory, or takes a command over, and gives its job.
fn begin(watcher: &Watcher, begin: &Begin) -> Result<Option<SubmittedJob>, CliError> {
    match begin {
        Begin::Attach(request) => {
            let attached = watcher.attach(&request.directory, request.flags.clone());
            attached.map(|_| None).map_err(pass::watcher_error)
        }
        Begin::Submit { kind, submission } => {
            let job = watcher.submit(*kind, submission.clone());
            job.map(Some).map_err(|error| match error {
                SubmitError::State(error) => CliError::environment(error),
                error => CliError::usage(error).hint("archal attach-status"),
            })
        }
    }
}

/// Attaches again what was attached when the watcher before this one ended without being asked.
fn resume(watcher: &Watcher, but: Option<&Path>, told: &Told) -> Result<(), CliError> {
    let all = watcher
        .engine()
        .state()
        .read(attachments::all)
        .map_err(CliError::environment)?;
    for attachment in all {
        if !attachment.is_attached || Some(&*attachment.directory) == but {
            continue;
        }
        let flags: AttachFlags = serde_json::from_value(attachment.flags).unwrap_or_default();
        if let Err(error) = watcher.attach(&attachment.directory, flags) {
            told(&format!(
                "{} is not attached again: {error}",
                attachment.directory.display()
            ));
        }
    }
    Ok(())
}

fn to_log(file: LogFile, cx: &CommandContext) -> Told {
    let clock = cx.clock.clone();
    Arc::new(move |line: &str| file.line(&format!("{:.3} {line}", clock.now())))
}

/// The policy as it is written in options and files.
pub(crate) fn policy_name(policy: crate::config::schema::ExecutionPolicy) -> String {
    serde_json::to_value(policy)
        .ok()
        .and_then(|value| value.as_str().map(str::to_owned))
        .unwrap_or_default()
}

/// Why a process in the background cannot begin, as its caller is told.
pub(crate) fn failure(error: &CliError) -> Failure {
    let mut causes = Vec::new();
    let mut next = error.error.source();
    while let Some(cause) = next {
        causes.push(cause.to_string());
        next = cause.source();
    }
    causes.extend(error.diagnostics.iter().map(|finding| {
        let place = finding
            .file
            .as_ref()
            .map_or_else(String::new, |file| format!("{}: ", file.display()));
        format!("{place}{}", finding.message)
    }));
    Failure {
        exit_code: error.exit().code(),
        message: error.error.to_string(),
        causes,
        hints: error.hints.clone(),
    }
}

/// Starts the watcher in the background; gives what it says when it is ready.
pub(crate) fn start(
    watching: &Watching,
    cx: &CommandContext,
) -> Result<serde_json::Value, CliError> {
    let layout = bench::layout(&watching.repo, cx)?;
    let arguments = ["--repo".to_owned(), watching.repo.display().to_string()];
    let request = serde_json::to_string(&watching.begin).map_err(CliError::internal)?;
    let mut variables = cx.environment.variables.clone();
    // Arguments are there for every user of the machine to read, variables for this one.
    variables.insert(REQUEST.to_owned(), request);
    // The watcher stands in another directory.
    if let Some(elsewhere) = variables.get_mut("ARCHAL_STATE_DIR") {
        *elsewhere = watching.repo.join(&*elsewhere).display().to_string();
    }
    let started = background::start(
        &Launch {
            binary: &cx.binary,
            command: background::BACKGROUND_ARGUMENT,
            arguments: &arguments,
            variables: &variables,
            log: &layout.watcher_log(),
            patience: background::START_PATIENCE,
        },
        cx.clock.as_ref(),
    )
    .map_err(not_started)?;
    Ok(started.payload)
}

fn not_started(error: BackgroundError) -> CliError {
    let BackgroundError::Failed(failure) = error else {
        return CliError::environment(error);
    };
    let mut text = failure.message.clone();
    for cause in &failure.causes {
        text.push_str(": ");
        text.push_str(cause);
    }
    let mut error = if failure.exit_code == Exit::Usage.code() {
        CliError::usage(text)
    } else {
        CliError::environment(text)
    };
    for hint in failure.hints {
        error = error.hint(hint);
    }
    error
}

/// Asks the watcher of a repository; none where there is none.
pub(crate) fn ask(
    layout: &Layout,
    request: &Request,
    patience: Duration,
    cx: &CommandContext,
) -> Result<Option<serde_json::Value>, CliError> {
    asked(layout, request, patience, cx)
        .transpose()
        .map_err(client_error)
}

/// What the watcher of a repository answers; none where there is none.
fn asked(
    layout: &Layout,
    request: &Request,
    patience: Duration,
    cx: &CommandContext,
) -> Option<Result<serde_json::Value, ClientError>> {
    let client = Client::connect(layout)?;
    Some(client.ask(request, patience, &mut |line| cx.printer.note(line)))
}

/// The same for a request that another watcher may take over: one that ends, or was killed a
/// moment ago, is waited for and counts as none.
pub(crate) fn ask_living(
    layout: &Layout,
    request: &Request,
    patience: Duration,
    cx: &CommandContext,
) -> Result<Option<serde_json::Value>, CliError> {
    match asked(layout, request, patience, cx) {
        Some(Err(error)) if is_end(&error) => {
            until_gone(layout, cx)?;
            Ok(None)
        }
        answer => answer.transpose().map_err(client_error),
    }
}

fn is_end(error: &ClientError) -> bool {
    match error {
        ClientError::Gone { .. } | ClientError::Io { .. } => true,
        ClientError::Refused(refusal) => refusal.kind == RefusalKind::Ending,
        _ => false,
    }
}

/// Looks again and again until a watcher that begins answers what is asked for; none where none
/// begins, or where it is gone.
pub(crate) fn while_it_begins<T>(
    layout: &Layout,
    answer: impl Fn() -> Result<Option<T>, CliError>,
    cx: &CommandContext,
) -> Result<Option<T>, CliError> {
    let until = cx.clock.monotonic() + JOIN_PATIENCE;
    while WatcherLock::is_held(layout).map_err(CliError::environment)?
        && cx.clock.monotonic() < until
    {
        if let Some(answer) = answer()? {
            return Ok(Some(answer));
        }
        // Looked at, not waited for: it may listen on its socket, end, or be killed, and no one event
        // tells of all three. At most 200 looks.
        std::thread::sleep(JOIN_LOOK);
    }
    Ok(None)
}

/// Waits for the end of a watcher that was asked for it.
pub(crate) fn until_gone(layout: &Layout, cx: &CommandContext) -> Result<(), CliError> {
    let until = cx.clock.monotonic() + GRACE + PATIENCE;
    while WatcherLock::is_held(layout).map_err(CliError::environment)? {
        if cx.clock.monotonic() > until {
            return Err(CliError::environment("the watcher has not ended yet")
                .hint(format!("tail {}", layout.watcher_log().display())));
        }
        // Looked at, not waited for: to wait for a lock is to take it, and a watcher that begins just then
        // would find it taken. The process is not ours to wait for, and its number may be another's.
        std::thread::sleep(LOOK);
    }
    Ok(())
}

fn client_error(error: ClientError) -> CliError {
    match error {
        ClientError::Refused(refusal) => CliError::refused(refusal, ": "),
        error => CliError::environment(error),
    }
}
