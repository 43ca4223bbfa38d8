//! Running a session of clones to its end, in the foreground or behind the caller's back.

use std::path::PathBuf;
use std::sync::Arc;

use archal_core::hash;
use serde::{Deserialize, Serialize};

use super::starting::Wanted;
use crate::cli::bench;
use crate::cli::context::CommandContext;
use crate::cli::error::CliError;
use crate::config::allow;
use crate::host::background::Announcer;
use crate::host::interrupts::{Hangup, Interrupts};
use crate::host::log::{LogFile, LogLimits};
use crate::run::scrub::Scrubber;
use crate::session::Egress;
use crate::session::service::live::{LiveConfig, LiveError, Serving};
use crate::session::service::place::{Claim, Place};
use crate::store::layout::Layout;

/// The variable that holds what a session in the background begins with, as JSON.
pub(crate) const REQUEST: &str = "ARCHAL_SESSION_REQUEST";

/// A session that is to run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Opening {
    /// Its name.
    pub(crate) name: String,
    /// The state folder of its repository, absolute.
    pub(crate) state: PathBuf,
    /// The port of the first base URL.
    pub(crate) port: Option<u16>,
    /// Whether what webhooks are told waits until it is asked for.
    pub(crate) hold_webhooks: bool,
    /// Its clones.
    pub(crate) wanted: Wanted,
}

impl Opening {
    /// Its place.
    ///
    /// # Errors
    ///
    /// When the name is none.
    pub(crate) fn place(&self) -> Result<Place, CliError> {
        let layout = Layout::of(&self.state, Some(&self.state));
        Place::of(&layout, &self.name).map_err(CliError::usage)
    }

    /// Opens the session.
    ///
    /// # Errors
    ///
    /// When one of that name runs, a state is refused, or something of the system is not to be had.
    pub(crate) fn begin(&self, cx: &CommandContext) -> Result<Serving, CliError> {
        let claim = self.place()?.claim().map_err(CliError::environment)?;
        let Some(claim) = claim else {
            return Err(runs_already(&self.name));
        };
        self.begin_with(claim, cx)
    }

    fn begin_with(&self, claim: Claim, cx: &CommandContext) -> Result<Serving, CliError> {
        let wanted = &self.wanted;
        let loaded = cx.load_config(wanted.config.as_deref(), &wanted.directory, &[])?;
        let chosen = wanted.choose(&bench::default_states(&loaded)?, cx)?;
        let scrubber = Scrubber::new(
            bench::redactor(cx, &loaded)?,
            &cx.environment,
            &loaded.config.agent_keys,
        );
        let temporary = cx.environment.get("TMPDIR").unwrap_or("/tmp");
        let config = LiveConfig {
            clones: chosen
                .iter()
                .map(|chosen| (chosen.clone, chosen.on.as_start(), chosen.told.clone()))
                .collect(),
            port: self.port,
            hold_webhooks: self.hold_webhooks,
            probe: None,
            clock: cx.clock.clone(),
            helper: cx.binary.clone(),
            egress: Egress::of(&allow::entries(&loaded.config.route), &cx.environment),
            literals: scrubber.literals().clone(),
            redactor: scrubber.redactor().clone(),
            // Of the same randomness as a redaction key, and says nothing of it.
            token: hash::sha256(&[&b"session token "[..], &cx.secret()].concat())
                .trim_start_matches("sha256:")
                .to_owned(),
            temporary: vec![PathBuf::from(temporary), PathBuf::from("/tmp")],
        };
        Serving::begin(claim, config).map_err(live_error)
    }
}

/// A session that could not begin or end, as an error with what to do about it.
pub(crate) fn live_error(error: LiveError) -> CliError {
    match error {
        LiveError::Session(error) => bench::session_error(error),
        LiveError::Port { port, .. } => CliError::environment(error)
            .hint(format!("--port {}", port.checked_add(100).unwrap_or(4400)))
            .hint("without --port the system chooses free ones"),
        error => CliError::environment(error),
    }
}

/// The name is taken.
pub(crate) fn runs_already(name: &str) -> CliError {
    CliError::usage(format!("session {name} runs already"))
        .hint(format!("archal clone stop {name}"))
        .hint("archal clone start … --name <another>")
}

/// Runs a session until it is asked to end; `ready` is called when it answers. Says whether it was
/// a signal that ended it.
///
/// # Errors
///
/// When it cannot begin, or its evidence cannot be written.
pub(crate) fn run(
    opening: &Opening,
    hangup: Hangup,
    cx: &CommandContext,
    ready: impl FnOnce(&Serving) -> Result<(), CliError>,
) -> Result<bool, CliError> {
    let serving = opening.begin(cx)?;
    let end = serving.live().end().clone();
    let interrupts =
        Interrupts::listen(hangup, move |_| end.ask()).map_err(CliError::environment)?;
    ready(&serving)?;
    serving.until_end();
    serving.finish().map_err(live_error)?;
    Ok(interrupts.is_interrupted())
}

/// The session behind the caller's back.
///
/// # Errors
///
/// When it cannot begin, which its caller is told too.
pub(crate) fn in_background(cx: &mut CommandContext) -> Result<(), CliError> {
    let announcer = Announcer::take().map_err(CliError::usage)?;
    let request = cx.environment.get(REQUEST).unwrap_or_default();
    let opening: Opening = serde_json::from_str(request)
        .map_err(|error| CliError::usage(format!("the request cannot be read: {error}")))?;
    cx.forget_variable(REQUEST);
    let mut announcer = Some(announcer);
    let ran = log(&opening, cx).and_then(|()| {
        run(&opening, Hangup::Nothing, cx, |serving| {
            let Some(announcer) = announcer.take() else {
                return Ok(());
            };
            // Whoever started it gave up and does not know of it.
            if !announcer.ready(serde_json::json!({"pid": serving.record().pid})) {
                serving.live().end().ask();
            }
            Ok(())
        })
    });
    match (ran, announcer) {
        (Err(error), Some(announcer)) => {
            announcer.failed(crate::cli::watching::failure(&error));
            Err(error)
        }
        (ran, _) => ran.map(drop),
    }
}

/// Its own log takes the place of stdout and stderr.
fn log(opening: &Opening, cx: &CommandContext) -> Result<(), CliError> {
    let loaded = cx.load_config(
        opening.wanted.config.as_deref(),
        &opening.wanted.directory,
        &[],
    )?;
    let scrubber = Scrubber::new(bench::redactor(cx, &loaded)?, &cx.environment, &[]);
    let redact = Arc::new(move |line: &str| scrubber.text(line));
    let path = opening.place()?.log();
    let file = LogFile::open(&path, LogLimits::default(), redact).map_err(CliError::environment)?;
    file.become_standard_streams()
        .map_err(CliError::environment)?;
    let filter = cx.environment.get("ARCHAL_LOG").unwrap_or("warn");
    file.start(filter, cx.clock.clone())
        .map_err(CliError::environment)
}
