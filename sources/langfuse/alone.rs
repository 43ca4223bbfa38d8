//! What one trace or one observation costs when it cannot be fetched: itself, and not the pass.
//!
//! A service that is down answers a question about one trace as it answers one that is too much for it.
//! So it is asked for something small: where it answers that, and then still not what was asked first,
//! the fault is that trace's own.

use archal_core::diagnostic::Diagnostic;

use super::cursor::Api;
use super::{Langfuse, legacy, observations};
use crate::client::Failure;
use crate::normalise::shown;

/// Fetches what is one thing by itself. The inner failure is its own, the outer one that of the service.
pub(super) fn fetch<T>(
    source: &mut Langfuse,
    api: Api,
    mut fetch: impl FnMut(&mut Langfuse) -> Result<T, Failure>,
) -> Result<Result<T, Failure>, Failure> {
    let failure = match fetch(source) {
        Ok(found) => return Ok(Ok(found)),
        Err(failure) => failure,
    };
    if is_its_own(&failure) {
        return Ok(Err(failure));
    }
    if !failure.is_of_size() {
        return Err(failure);
    }
    answers(source, api)?;
    match fetch(source) {
        Ok(found) => Ok(Ok(found)),
        Err(again) if is_its_own(&again) || again.is_of_size() => Ok(Err(again)),
        Err(again) => Err(again),
    }
}

/// Tells that a trace is left out.
pub(super) fn tell(source: &mut Langfuse, trace: &str, failure: Failure) {
    let why = source.client.told(failure).message;
    source.findings.push(
        Diagnostic::error(
            "langfuse/unreadable-trace",
            format!("trace `{}` cannot be fetched: {why}", shown(trace)),
        )
        .with_help("the other traces are read; see whether Langfuse itself can show this one"),
    );
}

/// Whether a refusal is one of what was asked for, and not of whoever asks or of the path.
fn is_its_own(failure: &Failure) -> bool {
    match failure {
        Failure::TooLarge(_) => true,
        Failure::Refused { status, .. } => {
            (400..500).contains(status) && !matches!(status, 401 | 403 | 404 | 408 | 429)
        }
        _ => false,
    }
}

/// Whether the service answers at all.
fn answers(source: &mut Langfuse, api: Api) -> Result<(), Failure> {
    let query = vec![("limit", "1".to_owned()), ("fields", "core".to_owned())];
    let (path, rate) = match api {
        Api::V2 => (observations::PATH, source.settings.rate.clone()),
        Api::Legacy => (legacy::PATH, source.settings.legacy.clone()),
    };
    source.list(path, query, &rate, false).map(|_| ())
}
