//! What an error of the SDK means, and what mends it.

use std::error::Error;
use std::time::Duration;

use archal_core::pull::{PullError, PullErrorKind};
use aws_sdk_s3::config::http::HttpResponse;
use aws_sdk_s3::error::{ConnectorError, ProvideErrorMetadata, SdkError};

/// The longest part of a message that comes from elsewhere.
const QUOTED: usize = 300;

/// What was asked when it went wrong.
#[derive(Debug, Clone, Copy)]
pub(super) struct Asked<'a> {
    pub(super) bucket: &'a str,
    pub(super) prefix: &'a str,
    pub(super) region: &'a str,
    pub(super) profile: Option<&'a str>,
    /// The permission that it takes.
    pub(super) permission: &'a str,
    /// The key, where an object was asked for.
    pub(super) key: Option<&'a str>,
}

/// Why there is no answer.
pub(super) fn refusal<E>(error: &SdkError<E, HttpResponse>, asked: Asked<'_>) -> PullError
where
    E: ProvideErrorMetadata + Error + 'static,
{
    let response = error.raw_response();
    let status = response.map(|response| response.status().as_u16());
    let header = |name: &str| response.and_then(|response| response.headers().get(name));
    let after = status.and_then(|status| when(status, header(AFTER)));
    let service = error.as_service_error();
    let code = service
        .and_then(ProvideErrorMetadata::code)
        .unwrap_or_default();
    let bucket = asked.bucket;
    match error {
        SdkError::TimeoutError(_) => {
            return PullError::new(
                PullErrorKind::Unreachable,
                "the store does not answer in time",
            );
        }
        SdkError::DispatchFailure(failure) => {
            return not_sent(failure.as_connector_error(), &causes(error), asked);
        }
        SdkError::ConstructionFailure(_) => {
            let told = format!("cannot ask: {}", causes(error));
            return PullError::new(PullErrorKind::Options, told);
        }
        _ => {}
    }
    let kind = |kind, told: String| PullError::new(kind, told);
    match (code, status) {
        ("NoSuchKey", _) => kind(PullErrorKind::Changed, "it is not there any more".into()),
        ("PreconditionFailed" | "ConditionalRequestConflict", _) | (_, Some(412)) => {
            kind(PullErrorKind::Changed, "another version of it is there".into())
        }
        // What stands between says no more than that: the object may well be there.
        ("", Some(404)) if asked.key.is_some() => kind(
            PullErrorKind::Unreachable,
            "the store answers 404 and not what is missing".into(),
        ),
        ("NoSuchBucket", _) => kind(
            PullErrorKind::Missing,
            format!("there is no bucket `{bucket}`"),
        )
        .advice("archal trace-source connect s3 --option bucket=<name>, and --option endpoint= where it is not on AWS"),
        ("InvalidObjectState", _) => kind(
            PullErrorKind::Archived,
            "it is archived, and cannot be read before it is restored".into(),
        )
        .advice(format!("aws s3api restore-object --bucket {bucket} --key <key> --restore-request Days=7")),
        ("RequestTimeTooSkewed" | "RequestExpired", _) => kind(
            PullErrorKind::Denied,
            "this machine's clock is off by more than the store allows".into(),
        )
        .advice("set the clock: timedatectl set-ntp true"),
        ("InvalidAccessKeyId" | "SignatureDoesNotMatch" | "InvalidToken" | "ExpiredToken" | "TokenRefreshRequired", _) => {
            let profile = asked.profile.map(|name| format!(" --profile {name}"));
            kind(
                PullErrorKind::Denied,
                format!("the credentials are refused ({code})"),
            )
            .advice(format!(
                "aws sts get-caller-identity{0}; where they have expired: aws sso login{0}",
                profile.unwrap_or_default()
            ))
        }
        ("PermanentRedirect" | "AuthorizationHeaderMalformed" | "IllegalLocationConstraintException", _)
        | (_, Some(301 | 307 | 308)) => elsewhere(header("x-amz-bucket-region"), asked),
        // A HEAD has no code, and a bucket elsewhere may be told by its region alone.
        (_, Some(400)) if header("x-amz-bucket-region").is_some_and(|at| at != asked.region) => {
            elsewhere(header("x-amz-bucket-region"), asked)
        }
        ("SlowDown" | "Throttling" | "ThrottlingException" | "RequestLimitExceeded" | "TooManyRequests", _)
        | (_, Some(429)) => kind(
            PullErrorKind::Limited { after },
            "the store asks to be asked less often".into(),
        ),
        _ if after.is_some() => kind(
            PullErrorKind::Limited { after },
            "the store asks to be asked later".into(),
        ),
        ("AccessDenied" | "AllAccessDisabled" | "AccountProblem", _) | (_, Some(401 | 403)) => {
            denied(service.and_then(ProvideErrorMetadata::message), asked)
        }
        ("InvalidArgument", _) if asked.key.is_none() => kind(
            PullErrorKind::Changed,
            "the store does not know the place in its listing any more".into(),
        ),
        (_, Some(404)) => kind(PullErrorKind::Missing, format!("there is no bucket `{bucket}`")),
        (_, Some(500..)) => kind(
            PullErrorKind::Unreachable,
            format!("the store has trouble of its own ({})", named(code, status)),
        ),
        _ => kind(
            PullErrorKind::Answer,
            format!("the store answers {}: {}", named(code, status), cut(&causes(error))),
        ),
    }
}

/// The header that says when to ask again.
pub(super) const AFTER: &str = "retry-after";

/// In how long a store that refuses for now wants to be asked again, where it says so.
pub(super) fn when(status: u16, after: Option<&str>) -> Option<Duration> {
    let after = after.filter(|_| matches!(status, 429 | 503));
    after?.trim().parse().ok().map(Duration::from_secs)
}

fn named(code: &str, status: Option<u16>) -> String {
    match (code, status) {
        ("", Some(status)) => status.to_string(),
        ("", None) => "what cannot be read".to_owned(),
        (code, Some(status)) => format!("{status} {code}"),
        (code, None) => code.to_owned(),
    }
}

fn elsewhere(region: Option<&str>, asked: Asked<'_>) -> PullError {
    let bucket = asked.bucket;
    match region {
        Some(region) => PullError::new(
            PullErrorKind::Options,
            format!(
                "the bucket `{bucket}` is in {region}, and {} was asked",
                asked.region
            ),
        )
        .advice(format!("--option region={region}")),
        None => PullError::new(
            PullErrorKind::Options,
            format!("the bucket `{bucket}` is not in {}", asked.region),
        )
        .advice(format!(
            "aws s3api get-bucket-location --bucket {bucket}, then --option region=<it>"
        )),
    }
}

fn denied(message: Option<&str>, asked: Asked<'_>) -> PullError {
    let Asked {
        bucket,
        prefix,
        permission,
        ..
    } = asked;
    let of = if permission == "s3:ListBucket" {
        format!("arn:aws:s3:::{bucket}")
    } else {
        format!("arn:aws:s3:::{bucket}/{prefix}*")
    };
    let told = match message {
        Some(message) => format!("{permission} is denied: {}", cut(message)),
        None => format!("{permission} is denied"),
    };
    PullError::new(PullErrorKind::Denied, told).advice(format!(
        "allow {permission} on {of}; docs/sources-s3.md has the policy"
    ))
}

fn not_sent(failure: Option<&ConnectorError>, told: &str, asked: Asked<'_>) -> PullError {
    let is_known = ["credentials", "token", "sso"];
    if failure.is_some_and(|failure| failure.is_io() || failure.is_timeout()) {
        return PullError::new(
            PullErrorKind::Unreachable,
            format!("the store cannot be reached: {}", cut(told)),
        );
    }
    let lower = told.to_ascii_lowercase();
    if is_known.iter().any(|word| lower.contains(word)) {
        return no_credentials(asked.profile, told);
    }
    PullError::new(
        PullErrorKind::Unreachable,
        format!("the store cannot be asked: {}", cut(told)),
    )
}

/// Nobody says who asks.
pub(super) fn no_credentials(profile: Option<&str>, told: &str) -> PullError {
    let advice = match profile {
        Some(profile) => {
            format!("aws sso login --profile {profile}, or aws configure --profile {profile}")
        }
        None => "aws sso login, or export AWS_PROFILE=<profile>, or --option profile=<profile>; \
                 --option anonymous=true for a public bucket"
            .to_owned(),
    };
    let told = if told.is_empty() {
        "there are no credentials".to_owned()
    } else {
        format!("there are no credentials: {}", cut(told))
    };
    PullError::new(PullErrorKind::Denied, told).advice(advice)
}

/// An error with what caused it.
pub(super) fn causes(error: &dyn Error) -> String {
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
