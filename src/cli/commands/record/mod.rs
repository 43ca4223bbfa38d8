//! `archal record`: a command's calls to real services, as a trace.
//!
//! - `tail`: the end of what the command writes to stdout.
//! - `rescue`: traces of recordings whose archal was killed.

mod rescue;
mod tail;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use archal_core::clock::Timestamp;
use archal_core::hash;
use archal_core::trace::{Trace, TraceIdentity};
use clap::ValueEnum;
use serde_json::Value;

use crate::cli::arguments::ConfigFile;
use crate::cli::bench;
use crate::cli::context::CommandContext;
use crate::cli::error::CliError;
use crate::cli::exit::Exit;
use crate::cli::in_place::{self, Ended};
use crate::cli::state::Place;
use crate::config::Loaded;
use crate::config::schema::RouteMode;
use crate::host::forwarding::Forwarding;
use crate::ingest::pack::Packer;
use crate::ingest::registry::{Places, Registry};
use crate::record::assemble::{self, Assembled};
use crate::record::call::Entry;
use crate::record::spool::Spool;
use crate::record::{hosts, summary};
use crate::report::shell::{quoted, word};
use crate::run::render::words;
use crate::run::scrub::Scrubber;
use crate::sandbox::child::Containment;
use crate::sandbox::hold::{self, Hold};
use crate::session::recording::named::NamedHost;
use crate::session::recording::open::{RecordingConfig, Tape};
use crate::session::recording::recorder::{Recorded, Sink};
use crate::session::{Egress, RouteLevel};

use tail::Tail;

/// The name of the source, and how names of files begin.
const SOURCE: &str = "record";
/// Most bytes of a file of roots.
const ROOTS: u64 = 16 << 20;

/// Run a command with its real services, and record its calls of them as a trace
///
/// The command has this terminal, its own credentials and its usual URLs. Calls of the hosts that are
/// named go through archal to the services themselves and are written, without secrets, as a trace
/// file that `archal attach` can reconstruct. Nothing else is looked into. What was recorded of a
/// command that fails or is killed is written, too; where archal itself is killed, by the next
/// `archal record`.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  archal record --host github --host openai -- python agent.py \"close stale issues\"\n  archal record --host ghe.example.com:8443 --upstream-ca ca.pem -- node agent.js\n\nExit codes:\n  that of the command; 128 and the number of the signal that ended it\n  2   the command line or the configuration is wrong\n  3   could not run: something is missing, unreachable or blocked; the trace cannot be written"
)]
pub(crate) struct Args {
    /// A host whose calls are recorded: `api.example.com`, `*.example.com`, `host:port`, or a service
    /// by its name, which stands for all its hosts: `github`, `openai`, `anthropic`
    #[arg(long = "host", value_name = "HOST", required_unless_present = "rescue")]
    hosts: Vec<String>,

    /// Where the trace is put, the directory to attach [default: that of the default source]
    #[arg(long, value_name = "DIR")]
    trace_dir: Option<PathBuf>,

    /// What the agent was asked to do [default: the command line]
    #[arg(long, value_name = "TEXT")]
    input: Option<String>,

    /// How calls are led to archal [default: a network of its own, else shims and proxy variables]
    #[arg(long, value_enum, value_name = "ROUTE", default_value_t = Route::Auto)]
    route: Route,

    /// A file of certificates that services are trusted by beside the system's and SSL_CERT_FILE
    #[arg(long, value_name = "FILE")]
    upstream_ca: Option<PathBuf>,

    /// The repository of the agent
    #[arg(long, value_name = "DIR", default_value = ".")]
    repo: PathBuf,

    /// Run nothing: write the traces of recordings whose archal was killed
    #[arg(long, conflicts_with_all = ["hosts", "trace_dir", "input", "upstream_ca", "command"])]
    rescue: bool,

    #[command(flatten)]
    config: ConfigFile,

    /// The command and its arguments
    #[arg(
        last = true,
        required_unless_present = "rescue",
        value_name = "COMMAND"
    )]
    command: Vec<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Route {
    /// `isolated` where namespaces work, else `shim`.
    Auto,
    /// A network of its own.
    Isolated,
    /// Files that Node and Python load at their start; proxy variables for others.
    Shim,
    /// Proxy variables alone.
    Proxy,
}

impl From<Route> for RouteMode {
    fn from(route: Route) -> Self {
        match route {
            Route::Auto => Self::Auto,
            Route::Isolated => Self::Isolated,
            Route::Shim => Self::Shim,
            Route::Proxy => Self::Proxy,
        }
    }
}

/// A command that has ended.
struct Ran {
    ended: Ended,
    stdout: Option<String>,
    started_at: Timestamp,
    ended_at: Timestamp,
    level: RouteLevel,
}

pub(crate) fn run(args: &Args, cx: &mut CommandContext) -> Result<Exit, CliError> {
    let named = named(args, cx)?;
    let roots = roots(args, cx)?;
    let place = Place::of(&args.repo, cx)?;
    let loaded = cx.load_config(args.config.config.as_deref(), &place.repo, &[])?;
    let scrubber = scrubber(&loaded, cx)?;
    if args.rescue {
        let rescued = rescue::all(&place, &scrubber, cx)?;
        return match (rescued.written, rescued.unwritten) {
            (0, 0) => {
                cx.printer.note("no `archal record` was killed");
                Ok(Exit::Fine)
            }
            (_, 0) => Ok(Exit::Fine),
            (_, unwritten) => Err(CliError::environment(format!(
                "{} not written",
                words::count(unwritten, "trace")
            ))),
        };
    }
    let state = "ARCHAL_STATE_DIR=<a folder you may write> archal record …";
    let prepared = place.layout.prepare();
    prepared.map_err(|error| CliError::environment(error).hint(state))?;
    // What an earlier one left is no reason not to record.
    if let Err(error) = rescue::all(&place, &scrubber, cx) {
        cx.printer.warning(error.to_string());
    }
    let directory = directory(args, &place, cx)?;
    let folder = tempfile::Builder::new()
        .prefix("archal-record-")
        .tempdir()
        .map_err(|error| {
            CliError::environment(format!("no temporary folder can be made: {error}"))
                .hint("TMPDIR=<a folder you may write> archal record …")
        })?;
    let mut command = assemble::Command {
        id: format!("rec-{:016x}", cx.ids.next()),
        name: program(&args.command),
        input: args.input.clone().unwrap_or_else(|| line(&args.command)),
        started_at: cx.clock.now(),
        metadata: metadata(&named),
    };
    // From here on what was recorded is to be written, whatever comes.
    let _signals = Forwarding::begin(|_| {}).map_err(CliError::environment)?;
    let recordings = place.layout.recordings();
    let begun = Spool::begin(&recordings, &command, &directory, scrubber.clone());
    let (spool, sink) = begun.map_err(|error| {
        let at = recordings.display();
        CliError::environment(format!("nothing can be written into {at}: {error}")).hint(state)
    })?;
    let way = Way {
        named,
        roots,
        folder: folder.path(),
        sink,
    };
    let (ran, recorded) = match recorded(args, way, cx) {
        Ok(both) => both,
        Err(error) => {
            spool.discard();
            return Err(error);
        }
    };
    command
        .metadata
        .extend(known_at_the_end(ran.level, &recorded));
    command.started_at = ran.started_at;
    let finished = spool.finish().map_err(|error| {
        CliError::environment(format!("what was recorded cannot be read again: {error}"))
    })?;
    if let Some(reason) = &finished.failed {
        let at = recordings.display();
        cx.printer.warning(format!(
            "calls could not be written into {at} as they came: {reason}"
        ));
    }
    let lost = recorded.calls.saturating_sub(finished.calls.len()) as u64;
    let end = assemble::End {
        ended: match ran.ended {
            Ended::Code(code) => assemble::Ended::Code(code),
            Ended::Signal(signal) => assemble::Ended::Signal(signal),
        },
        ended_at: ran.ended_at,
        stdout: ran.stdout.as_deref(),
        dropped: recorded.dropped + lost,
    };
    let told = summary::calls(finished.calls.iter().map(Entry::url));
    let (literals, rules) = (&finished.literals, scrubber.redactor());
    let mut assembled = assemble::trace(command, finished.calls, end, literals, rules);
    assembled.redactions += finished.credentials;
    let path = written(&assembled.trace, &directory, ran.ended_at).map_err(|error| {
        error.hint(format!(
            "it is kept; once {} can be written: archal record --rescue",
            quoted(&directory)
        ))
    })?;
    finished.kept.remove();
    let shown = |path: &Path| shown(path, cx);
    tell(&assembled, &told, &path, cx);
    for line in summary::missing(&recorded) {
        cx.printer.note(format!("not recorded: {line}"));
    }
    if recorded.calls == 0 {
        cx.printer.warning(
            "no call of a named host came by; is it another host, or a client that pins certificates?",
        );
    }
    let repo = quoted(&place.shown);
    let note = |text: String| cx.printer.note(text);
    note(format!("next: archal grade {}", shown(&path)));
    note(format!(
        "next: archal attach {} --repo {repo}",
        shown(&directory)
    ));
    Ok(Exit::Passed(ran.ended.code()))
}

/// What leads a command's calls here.
struct Way<'a> {
    named: Vec<NamedHost>,
    roots: Option<PathBuf>,
    folder: &'a Path,
    sink: Sink,
}

/// The proxy's password, which says nothing of what it is made of.
fn password(secret: [u8; 32]) -> String {
    let mut bytes = b"the proxy of a recording".to_vec();
    bytes.extend(secret);
    hash::sha256(&bytes)
        .chars()
        .skip("sha256:".len())
        .take(32)
        .collect()
}

/// Runs the command while its calls are recorded.
fn recorded(args: &Args, way: Way<'_>, cx: &CommandContext) -> Result<(Ran, Recorded), CliError> {
    let probe = hold::probe(&cx.binary);
    let tape = Tape::open(RecordingConfig {
        named: way.named,
        route: args.route.into(),
        probe: &probe,
        folder: way.folder.to_owned(),
        clock: cx.clock.clone(),
        sink: way.sink,
        password: password(cx.secret()),
        egress: Egress::of(&[], &cx.environment).trusting(way.roots),
    })
    .map_err(bench::session_error)?;
    if let Some(reason) = &tape.route().reason {
        cx.printer.warning(format!(
            "no network of its own: {reason}; a client that is neither Node nor Python and heeds no proxy variables is not recorded"
        ));
    }
    let ran = ran(args, &tape, cx);
    let recorded = tape.finish();
    Ok((ran?, recorded))
}

/// The hosts that the command line names.
fn named(args: &Args, cx: &CommandContext) -> Result<Vec<NamedHost>, CliError> {
    let mut named = Vec::new();
    for host in &args.hosts {
        match hosts::named(host, cx.clones) {
            Ok(hosts) => named.extend(hosts),
            Err((reason, near)) => {
                let error = CliError::usage(format!("--host {}: it {reason}", word(host.clone())));
                return Err(match near {
                    Some(near) => error.hint(format!("did you mean `--host {near}`?")),
                    None => error.hint("archal record --host api.github.com -- <command>"),
                });
            }
        }
    }
    Ok(named)
}

fn scrubber(loaded: &Loaded, cx: &CommandContext) -> Result<Scrubber, CliError> {
    let mut keys = loaded.config.agent_keys.clone();
    keys.push(loaded.config.judge.api_key_env.clone());
    Ok(Scrubber::new(
        bench::redactor(cx, loaded)?,
        &cx.environment,
        &keys,
    ))
}

/// The trace directory, which can be written: that is found out before anything runs.
fn directory(args: &Args, place: &Place, cx: &CommandContext) -> Result<PathBuf, CliError> {
    let directory = match &args.trace_dir {
        Some(folder) => cx.environment.resolve(folder),
        None => {
            let places = Places::of(&place.repo, &place.layout, &cx.environment);
            let registry = Registry::read(&places, cx.sources).map_err(CliError::config)?;
            let default = registry.default().and_then(|name| registry.source(name));
            match default {
                Some(source) if !source.may_be_written(places.traces()) => {
                    let told = format!("the trace source `{}` is not allowed", source.name);
                    let hint = format!("archal trace-source allow {}", source.name);
                    return Err(CliError::config(told).at(source.problems, None).hint(hint));
                }
                Some(source) => source.trace_dir,
                None => places.traces().to_owned(),
            }
        }
    };
    let made = std::fs::create_dir_all(&directory).and_then(|()| {
        tempfile::Builder::new()
            .prefix(".archal-")
            .tempfile_in(&directory)
    });
    if let Err(error) = made {
        return Err(CliError::environment(format!(
            "nothing can be written into {}: {error}",
            directory.display()
        ))
        .hint("archal record --trace-dir <a folder you may write> …"));
    }
    Ok(directory.canonicalize().unwrap_or(directory))
}

/// The file of `--upstream-ca`, which holds certificates.
fn roots(args: &Args, cx: &CommandContext) -> Result<Option<PathBuf>, CliError> {
    let Some(given) = &args.upstream_ca else {
        return Ok(None);
    };
    let path = cx.environment.resolve(given);
    let bad = |why: &str| {
        CliError::usage(format!("--upstream-ca {}: {why}", given.display()))
            .hint("a file of certificates in PEM: -----BEGIN CERTIFICATE-----")
    };
    let size = std::fs::metadata(&path).map_err(|error| bad(&error.to_string()))?;
    if !size.is_file() || size.len() > ROOTS {
        return Err(bad("it is no file of certificates"));
    }
    let text = std::fs::read_to_string(&path).map_err(|error| bad(&error.to_string()))?;
    match text.contains("-----BEGIN CERTIFICATE-----") {
        true => Ok(Some(path)),
        false => Err(bad("there is no certificate in it")),
    }
}

/// Runs the command to its end.
fn ran(args: &Args, tape: &Tape, cx: &CommandContext) -> Result<Ran, CliError> {
    let tail = Tail::begin().map_err(CliError::environment)?;
    let started_at = cx.clock.now();
    let mut variables = cx.environment.variables.clone();
    tape.lead(&mut variables);
    let ended = match tape.route().level {
        RouteLevel::Isolated => isolated(args, tape, variables, cx),
        RouteLevel::Shim | RouteLevel::Proxy | RouteLevel::Direct => {
            in_place::led(&args.command, &cx.environment.directory, &variables)
        }
    };
    let ended_at = cx.clock.now();
    // What was recorded matters more than what was printed.
    let stdout = tail.and_then(|tail| tail.end().ok().flatten());
    Ok(Ran {
        ended: ended?,
        stdout,
        started_at,
        ended_at,
        level: tape.route().level,
    })
}

fn isolated(
    args: &Args,
    tape: &Tape,
    variables: BTreeMap<String, String>,
    cx: &CommandContext,
) -> Result<Ended, CliError> {
    let child = in_place::attended(&args.command, variables, cx);
    let hold = Hold {
        helper: &cx.binary,
        containment: Containment::Namespaces,
        stop: None,
    };
    let mut forwarding = None;
    let mut started = |signals: hold::Signals| {
        forwarding = Some(Forwarding::begin(move |signal| signals.send(signal)));
    };
    let end = tape.run_attached(&child, &hold, &mut started);
    drop(forwarding);
    in_place::held(end.outcome)
}

/// The program, without its folder.
fn program(command: &[String]) -> String {
    let first = command.first().map_or("", String::as_str);
    let name = Path::new(first).file_name();
    name.map_or_else(
        || first.to_owned(),
        |name| name.to_string_lossy().into_owned(),
    )
}

/// The command line as a shell takes it.
fn line(command: &[String]) -> String {
    let words: Vec<String> = command.iter().cloned().map(word).collect();
    words.join(" ")
}

/// What is said of a recording before it begins.
fn metadata(named: &[NamedHost]) -> BTreeMap<String, Value> {
    let hosts: Vec<String> = named.iter().map(ToString::to_string).collect();
    BTreeMap::from([("archal.record.hosts".to_owned(), Value::from(hosts))])
}

/// And once it has ended.
fn known_at_the_end(level: RouteLevel, recorded: &Recorded) -> [(String, Value); 2] {
    let passed: BTreeMap<&str, u64> = recorded
        .passed
        .iter()
        .map(|(host, passed)| (host.as_str(), passed.connections))
        .collect();
    [
        ("archal.record.route".to_owned(), Value::from(level.name())),
        (
            "archal.record.notRecorded".to_owned(),
            serde_json::json!(passed),
        ),
    ]
}

fn written(trace: &Trace, directory: &Path, now: Timestamp) -> Result<PathBuf, CliError> {
    let identity = TraceIdentity {
        source: SOURCE.to_owned(),
        project: String::new(),
        trace: trace.id.clone(),
    };
    let mut packer = Packer::new(directory, SOURCE, SOURCE);
    let full = packer.add(&identity, trace, now);
    let written = full.and_then(|mut full| {
        full.extend(packer.finish(now)?);
        Ok(full)
    });
    let written = written.map_err(|error| {
        CliError::environment(error).hint("archal record --trace-dir <a folder with room> …")
    })?;
    written
        .into_iter()
        .next()
        .map(|packed| packed.path)
        .ok_or_else(|| CliError::internal("the trace was written into no file"))
}

/// A path as it is written in commands: from where the user stands.
fn shown(path: &Path, cx: &CommandContext) -> String {
    let here = cx.environment.directory.canonicalize().unwrap_or_default();
    let inside = path.strip_prefix(&here).ok();
    let inside = inside.filter(|path| !path.as_os_str().is_empty());
    quoted(inside.unwrap_or(path))
}

/// Says what a trace has: `calls` tells of how many hosts.
fn tell(assembled: &Assembled, calls: &str, path: &Path, cx: &CommandContext) {
    cx.printer
        .note(format!("recorded {calls} in {}", shown(path, cx)));
    let redacted = usize::try_from(assembled.redactions).unwrap_or(usize::MAX);
    let (cut, bytes) = assembled.cut;
    let cut = match cut {
        0 => String::new(),
        cut => format!(
            "; too long to keep but for length and hash: {} of {}",
            words::bytes(bytes),
            words::count(cut, "message")
        ),
    };
    let redacted = words::count(redacted, "value");
    cx.printer.note(format!("redacted {redacted}{cut}"));
}
