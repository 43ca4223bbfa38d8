//! Clients and credentials, as the options want them.

use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use archal_core::pull::{PullError, PullErrorKind, Said};
use google_cloud_auth::credentials::service_account::AccessSpecifier;
use google_cloud_auth::credentials::{
    Builder, Credentials, anonymous, external_account, service_account, user_account,
};
use google_cloud_gax::exponential_backoff::ExponentialBackoffBuilder;
use google_cloud_gax::retry_policy::{NeverRetry, RetryPolicyExt};
use google_cloud_storage::client::{Storage, StorageControl};
use google_cloud_storage::read_resume_policy::{ReadResumePolicyExt, Recommended};
use google_cloud_storage::retry_policy::RetryableErrors;
use serde_json::Value;

use super::listing::{self, Listed};
use super::refusal;
use crate::objects::endpoint;

/// What is asked for: nothing is ever written.
const SCOPES: [&str; 1] = ["https://www.googleapis.com/auth/devstorage.read_only"];
/// How often a request is made at most.
pub(super) const ATTEMPTS: u32 = 5;
/// The first pause between them; the others double.
pub(super) const FIRST_PAUSE: Duration = Duration::from_millis(if cfg!(test) { 1 } else { 1_000 });
/// The longest.
pub(super) const LONGEST_PAUSE: Duration = Duration::from_secs(30);
/// The largest credentials file.
const LARGEST_FILE: u64 = 1 << 20;

/// What was said, checked.
#[derive(Clone)]
pub(super) struct Wanted {
    endpoint: Option<String>,
    grpc: Option<String>,
    file: Option<PathBuf>,
    is_anonymous: bool,
}

/// Clients, and what they were made of.
pub(super) struct Made {
    pub(super) storage: Storage,
    pub(super) listed: Listed,
    credentials: Credentials,
    way: String,
}

impl Wanted {
    /// Of options.
    pub(super) fn of(said: &Said) -> Result<Self, PullError> {
        let address = |name: &str| -> Result<Option<String>, PullError> {
            let Some(address) = said.text(name) else {
                return Ok(None);
            };
            endpoint::host(address)?;
            Ok(Some(address.trim_end_matches('/').to_owned()))
        };
        let wanted = Self {
            endpoint: address("endpoint")?,
            grpc: address("grpcEndpoint")?,
            file: said.path("credentialsFile").cloned(),
            is_anonymous: said.switch("anonymous"),
        };
        if wanted.is_anonymous && wanted.file.is_some() {
            let told = "`anonymous` and `credentialsFile` exclude each other";
            return Err(PullError::new(PullErrorKind::Options, told));
        }
        Ok(wanted)
    }

    /// The clients. They need a runtime that lives as long as they do.
    pub(super) async fn made(&self) -> Result<Made, PullError> {
        let (credentials, way) = self.credentials()?;
        let failed = |error: &dyn std::error::Error| {
            let told = format!("cannot make a client: {}", refusal::causes(error));
            PullError::new(PullErrorKind::Options, told)
        };
        // The client's own tries wait longer with each object, and never as long as the store says.
        let mut storage = Storage::builder()
            .with_credentials(credentials.clone())
            .with_retry_policy(NeverRetry)
            .with_read_resume_policy(Recommended.with_attempt_limit(ATTEMPTS));
        if let Some(endpoint) = &self.endpoint {
            storage = storage.with_endpoint(endpoint);
        }
        let storage = storage.build().await.map_err(|error| failed(&error))?;
        let listed = match (&self.endpoint, &self.grpc) {
            (Some(endpoint), None) => Listed::json(endpoint, credentials.clone())?,
            (_, grpc) => {
                let backoff = ExponentialBackoffBuilder::new()
                    .with_initial_delay(FIRST_PAUSE)
                    .with_maximum_delay(LONGEST_PAUSE);
                let mut control = StorageControl::builder()
                    .with_credentials(credentials.clone())
                    .with_retry_policy(RetryableErrors.with_attempt_limit(ATTEMPTS))
                    .with_backoff_policy(backoff.clamp());
                if let Some(grpc) = grpc {
                    control = control.with_endpoint(grpc);
                }
                Listed::Grpc(control.build().await.map_err(|error| failed(&error))?)
            }
        };
        Ok(Made {
            storage,
            listed,
            credentials,
            way,
        })
    }

    fn credentials(&self) -> Result<(Credentials, String), PullError> {
        if self.is_anonymous {
            let told = "none, as `anonymous` says".to_owned();
            return Ok((anonymous::Builder::new().build(), told));
        }
        let unfit = |told: String| {
            PullError::new(PullErrorKind::Denied, told)
                .advice("gcloud auth application-default login")
        };
        let Some(path) = &self.file else {
            let found = Builder::default().with_scopes(SCOPES).build();
            let found = found.map_err(|error| {
                unfit(format!(
                    "there are no credentials: {}",
                    refusal::causes(&error)
                ))
            })?;
            return Ok((found, "the application default credentials".to_owned()));
        };
        let shown = path.display();
        let value = read(path).map_err(|why| unfit(format!("cannot read {shown}: {why}")))?;
        let kind = value["type"].as_str().unwrap_or_default().to_owned();
        let built = match kind.as_str() {
            "service_account" => service_account::Builder::new(value)
                .with_access_specifier(AccessSpecifier::from_scopes(SCOPES))
                .build(),
            "authorized_user" => user_account::Builder::new(value)
                .with_scopes(SCOPES)
                .build(),
            "external_account" => external_account::Builder::new(value)
                .with_scopes(SCOPES)
                .build(),
            _ => {
                return Err(unfit(format!(
                    "{shown} is no file of service_account, authorized_user or external_account credentials"
                )));
            }
        };
        // Its error may quote the file.
        let built =
            built.map_err(|_| unfit(format!("{shown} holds no usable {kind} credentials")))?;
        Ok((built, format!("{shown} ({kind})")))
    }
}

impl Made {
    /// In which way credentials were found, once it is clear that they are some.
    pub(super) async fn way(&self) -> Result<String, PullError> {
        listing::headers(&self.credentials)
            .await
            .map(|_| self.way.clone())
    }
}

fn read(path: &Path) -> Result<Value, String> {
    let file = File::open(path).map_err(|error| error.to_string())?;
    let mut text = String::new();
    file.take(LARGEST_FILE)
        .read_to_string(&mut text)
        .map_err(|error| error.to_string())?;
    serde_json::from_str(&text).map_err(|_| "it is no JSON".to_owned())
}
