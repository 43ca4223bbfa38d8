//! Finding a session of this repository that runs, and asking it.

use std::path::Path;
use std::time::Duration;

use serde::de::DeserializeOwned;

use crate::cli::context::CommandContext;
use crate::cli::error::CliError;
use crate::cli::state;
use crate::session::service::client::{Client, ClientError};
use crate::session::service::desk::Request;
use crate::session::service::place::{DEFAULT_NAME, Place, Record, Standing};
use crate::store::layout::Layout;

/// How long a session that begins or ends may take to be one thing or the other.
const BETWEEN: Duration = Duration::from_secs(10);
/// Between two looks at it.
const LOOK: Duration = Duration::from_millis(20);

/// Which session is meant.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Named {
    /// The session [default: the one that runs, or `default`]
    #[arg(long, value_name = "NAME")]
    pub(crate) name: Option<String>,
}

/// The state folder of the repository that the caller stands in.
///
/// # Errors
///
/// When the working directory cannot be read.
pub(crate) fn layout(cx: &CommandContext) -> Result<Layout, CliError> {
    Ok(state::Place::of(Path::new("."), cx)?.layout)
}

/// All sessions that left something, with how they stand.
///
/// # Errors
///
/// When that cannot be known.
pub(crate) fn all(cx: &CommandContext) -> Result<Vec<(Place, Standing)>, CliError> {
    let places = Place::all(&layout(cx)?).map_err(CliError::environment)?;
    places
        .into_iter()
        .map(|place| {
            let standing = place.standing().map_err(CliError::environment)?;
            Ok((place, standing))
        })
        .collect()
}

impl Named {
    /// The place that is meant.
    ///
    /// # Errors
    ///
    /// When the name is none, or several sessions run and none is named.
    pub(crate) fn place(&self, cx: &CommandContext) -> Result<Place, CliError> {
        let layout = layout(cx)?;
        if let Some(name) = &self.name {
            return Place::of(&layout, name).map_err(CliError::usage);
        }
        let running: Vec<Place> = all(cx)?
            .into_iter()
            .filter(|(_, standing)| matches!(standing, Standing::Running(_) | Standing::Between))
            .map(|(place, _)| place)
            .collect();
        match running.as_slice() {
            [only] => Ok(only.clone()),
            several => match several.iter().find(|place| place.name() == DEFAULT_NAME) {
                Some(place) => Ok(place.clone()),
                None if several.is_empty() => {
                    Place::of(&layout, DEFAULT_NAME).map_err(CliError::internal)
                }
                None => {
                    let names: Vec<&str> = several.iter().map(Place::name).collect();
                    let error = CliError::usage(format!(
                        "several sessions run: {}; which is meant?",
                        names.join(", ")
                    ));
                    Err(error.hint(format!("--name {}", names[0])))
                }
            },
        }
    }

    /// The session, which must run.
    ///
    /// # Errors
    ///
    /// When it does not.
    pub(crate) fn client(&self, cx: &CommandContext) -> Result<Client, CliError> {
        let place = self.place(cx)?;
        let record = running(&place, cx)?;
        Client::new(record).map_err(client_error)
    }

    /// Asks the session.
    ///
    /// # Errors
    ///
    /// When it does not run, or refuses.
    pub(crate) fn ask<T: DeserializeOwned>(
        &self,
        request: &Request,
        cx: &CommandContext,
    ) -> Result<T, CliError> {
        self.client(cx)?.ask(request).map_err(client_error)
    }
}

/// The record of a session that runs; one that begins or ends is waited for.
///
/// # Errors
///
/// When it does not run.
pub(crate) fn running(place: &Place, cx: &CommandContext) -> Result<Record, CliError> {
    let name = place.name();
    match settled(place, cx)? {
        Standing::Running(record) => Ok(record),
        Standing::Crashed(record) => Err(CliError::environment(format!(
            "session {name} (process {}) was killed; nothing answers",
            record.pid
        ))
        .hint(format!("archal clone start <clone> --name {name}"))
        .hint(format!("archal clone stop {name} forgets it"))),
        Standing::Ended | Standing::Between => Err(CliError::environment(format!(
            "no session {name} runs here"
        ))
        .hint(format!("archal clone start <clone> --name {name}"))
        .hint("archal clone status")),
    }
}

/// How a session stands once it is done with beginning or ending.
///
/// # Errors
///
/// When that cannot be known.
pub(crate) fn settled(place: &Place, cx: &CommandContext) -> Result<Standing, CliError> {
    let until = cx.clock.monotonic() + BETWEEN;
    loop {
        let standing = place.standing().map_err(CliError::environment)?;
        if standing != Standing::Between || cx.clock.monotonic() > until {
            return Ok(standing);
        }
        // Looked at, not waited for: what is between has a lock and no record, or a record and no lock,
        // and a lock that ends with its process wakes nobody. At most 500 looks.
        std::thread::sleep(LOOK);
    }
}

/// A session that does not answer as asked, as an error with what to do about it.
pub(crate) fn client_error(error: ClientError) -> CliError {
    match error {
        ClientError::Refused(refusal) => CliError::refused(refusal, "\n  "),
        error => CliError::environment(error).hint("archal clone status"),
    }
}
