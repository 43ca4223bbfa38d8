//! What an error means, and what mends it.

use std::error::Error as StdError;
use std::time::Duration;

use archal_core::pull::{PullError, PullErrorKind};
use google_cloud_gax::error::rpc::Code;
use google_cloud_storage::Error;

/// The longest part of a message that comes from elsewhere.
const QUOTED: usize = 300;

/// What was asked when it went wrong.
#[derive(Debug, Clone, Copy)]
pub(super) struct Asked<'a> {
    pub(super) bucket: &'a str,
    /// Whether an object was asked for, and not the listing.
    pub(super) is_object: bool,
}

/// Why there is no answer.
pub(super) fn refusal(error: &Error, asked: Asked<'_>) -> PullError {
    if error.is_authentication() {
        return no_credentials(&causes(error));
    }
    let code = error.status().map(|status| status.code);
    let status = error.http_status_code().or(match code {
        Some(Code::Unauthenticated) => Some(401),
        Some(Code::PermissionDenied) => Some(403),
        Some(Code::NotFound) => Some(404),
        Some(Code::FailedPrecondition) => Some(412),
        Some(Code::ResourceExhausted) => Some(429),
        Some(Code::InvalidArgument) => Some(400),
        Some(Code::Internal | Code::Unavailable) => Some(503),
        _ => None,
    });
    let after = error
        .http_headers()
        .and_then(|headers| headers.get("retry-after"))
        .and_then(|after| after.to_str().ok())
        .and_then(|after| after.parse().ok());
    match status {
        Some(status) => of_status(status, after, &causes(error), asked),
        None if error.is_timeout() || error.is_exhausted() => PullError::new(
            PullErrorKind::Unreachable,
            format!("the store does not answer: {}", cut(&causes(error))),
        ),
        None if error.is_deserialization() => PullError::new(
            PullErrorKind::Answer,
            format!("the answer cannot be read: {}", cut(&causes(error))),
        ),
        None => PullError::new(
            PullErrorKind::Unreachable,
            format!("the store cannot be reached: {}", cut(&causes(error))),
        ),
    }
}

/// Why an answer of that status is none.
pub(super) fn of_status(
    status: u16,
    after: Option<u64>,
    told: &str,
    asked: Asked<'_>,
) -> PullError {
    let bucket = asked.bucket;
    let permission = if asked.is_object {
        "storage.objects.get"
    } else {
        "storage.objects.list"
    };
    match status {
        401 => no_credentials("they are refused"),
        403 => PullError::new(
            PullErrorKind::Denied,
            format!("{permission} is denied: {}", cut(told)),
        )
        .advice(format!(
            "gcloud storage buckets add-iam-policy-binding gs://{bucket} --member=<who> \
             --role=roles/storage.objectViewer"
        )),
        404 | 412 if asked.is_object => PullError::new(
            PullErrorKind::Changed,
            "another version of it is there by now, or none",
        ),
        404 => PullError::new(
            PullErrorKind::Missing,
            format!("there is no bucket `{bucket}`"),
        )
        .advice("archal trace-source connect gcs --option bucket=<name>"),
        400 if !asked.is_object => PullError::new(
            PullErrorKind::Changed,
            format!(
                "the store does not know the place in its listing any more: {}",
                cut(told)
            ),
        ),
        _ if status == 429 || (status == 503 && after.is_some()) => PullError::new(
            PullErrorKind::Limited {
                after: after.map(Duration::from_secs),
            },
            "the store asks to be asked less often",
        ),
        500.. => PullError::new(
            PullErrorKind::Unreachable,
            format!("the store has trouble of its own ({status})"),
        ),
        _ => PullError::new(
            PullErrorKind::Answer,
            format!("the store answers {status}: {}", cut(told)),
        ),
    }
}

/// Nobody says who asks, or nobody believes it.
pub(super) fn no_credentials(told: &str) -> PullError {
    PullError::new(
        PullErrorKind::Denied,
        format!("there are no usable credentials: {}", cut(told)),
    )
    .advice(
        "gcloud auth application-default login, or --option credentialsFile=<file>; \
         --option anonymous=true for a public bucket",
    )
}

/// An error with what caused it.
pub(super) fn causes(error: &dyn StdError) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        let told = cause.to_string();
        if !text.ends_with(&told) {
            text.push_str(": ");
            text.push_str(&told);
        }
        next = cause.source();
    }
    text
}

/// What comes from elsewhere, in one short line.
fn cut(text: &str) -> String {
    text.chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .take(QUOTED)
        .collect()
}
