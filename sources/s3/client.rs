//! The SDK's client, as the options want it.

use std::time::Duration;

use archal_core::pull::{PullError, PullErrorKind, Said};
use aws_config::meta::region::RegionProviderChain;
use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_sdk_s3::Client;
use aws_sdk_s3::config::interceptors::InterceptorContext;
use aws_sdk_s3::config::retry::{ClassifyRetry, RetryAction};
use aws_sdk_s3::config::{Credentials, ProvideCredentials};
use aws_types::service_config::ServiceConfigKey;

use super::{place, refusal};
use crate::objects::endpoint;

/// How often a request is made at most, with the SDK's pauses between.
const ATTEMPTS: u32 = 5;
/// The first of these pauses; the others double, up to the SDK's longest.
const FIRST_PAUSE: Duration = Duration::from_millis(if cfg!(test) { 1 } else { 1_000 });
/// How long a connection may take.
const CONNECT: Duration = Duration::from_secs(10);
/// How long an answer may take to begin.
const ANSWER: Duration = Duration::from_secs(60);
/// What credentials are called that come from the options.
const SAID: &str = "the options";

/// A client, and what it was made of.
#[derive(Debug)]
pub(super) struct Made {
    pub(super) client: Client,
    config: SdkConfig,
    profile: Option<String>,
    is_anonymous: bool,
}

/// What was said, checked.
#[derive(Clone)]
pub(super) struct Wanted {
    region: Option<String>,
    profile: Option<String>,
    endpoint: Option<String>,
    is_virtual_host: bool,
    is_anonymous: bool,
    credentials: Option<Credentials>,
}

impl Wanted {
    /// Of options.
    pub(super) fn of(said: &Said) -> Result<Self, PullError> {
        let endpoint = said.text("endpoint").map(str::to_owned);
        if let Some(endpoint) = &endpoint {
            endpoint::host(endpoint)?;
        }
        said.text("region").map_or(Ok(()), place::check_region)?;
        said.text("bucket").map_or(Ok(()), place::check_bucket)?;
        let pair = (said.secret("accessKeyEnv"), said.secret("secretKeyEnv"));
        let credentials = match pair {
            (Some(key), Some(secret)) => {
                let token = said.secret("sessionTokenEnv").map(str::to_owned);
                Some(Credentials::new(key, secret, token, None, SAID))
            }
            (None, None) => None,
            _ => {
                let told = "`accessKeyEnv` and `secretKeyEnv` go together, and both variables are to be set";
                return Err(PullError::new(PullErrorKind::Options, told));
            }
        };
        let is_anonymous = said.switch("anonymous");
        if is_anonymous && credentials.is_some() {
            let told = "`anonymous` and `accessKeyEnv` exclude each other";
            return Err(PullError::new(PullErrorKind::Options, told));
        }
        Ok(Self {
            region: said.text("region").map(str::to_owned),
            profile: said.text("profile").map(str::to_owned),
            endpoint,
            is_virtual_host: said.switch("virtualHost"),
            is_anonymous,
            credentials,
        })
    }

    /// The client; the AWS configuration is read.
    pub(super) async fn made(&self) -> Result<Made, PullError> {
        let region = self.region.clone().map(Region::new);
        let loader = aws_config::defaults(BehaviorVersion::v2026_01_12())
            .retry_config(
                RetryConfig::standard()
                    .with_max_attempts(ATTEMPTS)
                    .with_initial_backoff(FIRST_PAUSE),
            )
            .timeout_config(
                TimeoutConfig::builder()
                    .connect_timeout(CONNECT)
                    .read_timeout(ANSWER)
                    .build(),
            );
        let loader = match &self.profile {
            Some(profile) => loader.profile_name(profile),
            None => loader,
        };
        let loader = match (&self.endpoint, region) {
            (_, Some(region)) => loader.region(region),
            // Other stores take any; the configuration is not asked, for it asks the network.
            (Some(_), None) => loader.region(Region::new("us-east-1")),
            (None, None) => {
                loader.region(RegionProviderChain::default_provider().or_else("us-east-1"))
            }
        };
        let loader = match &self.endpoint {
            Some(endpoint) => loader.endpoint_url(endpoint),
            None => loader,
        };
        let loader = match &self.credentials {
            Some(credentials) => loader.credentials_provider(credentials.clone()),
            None if self.is_anonymous => loader.no_credentials(),
            None => loader,
        };
        let config = loader.load().await;
        config
            .region()
            .map_or(Ok(()), |region| place::check_region(region.as_ref()))?;
        let endpoint = self.endpoint_of(&config);
        if let Some(endpoint) = &endpoint {
            endpoint::host(endpoint)?;
        }
        let mut service = aws_sdk_s3::config::Builder::from(&config);
        service
            .set_force_path_style(Some(endpoint.is_some() && !self.is_virtual_host))
            .set_endpoint_url(endpoint.clone());
        let service = service.retry_classifier(SaysWhen).build();
        let mut config = config.into_builder();
        config.set_endpoint_url(endpoint);
        let config = config.build();
        Ok(Made {
            client: Client::from_conf(service),
            config,
            profile: self.profile.clone(),
            is_anonymous: self.is_anonymous,
        })
    }
}

impl Wanted {
    /// Where the store is, if it is not AWS: as was said, else as the AWS configuration says of S3, else
    /// as it says of all services.
    fn endpoint_of(&self, config: &SdkConfig) -> Option<String> {
        let of_s3 = || {
            let key = ServiceConfigKey::builder()
                .service_id("S3")
                .env("AWS_ENDPOINT_URL")
                .profile("endpoint_url")
                .build();
            config.service_config()?.load_config(key.ok()?)
        };
        let of_all = || config.endpoint_url().map(str::to_owned);
        self.endpoint.clone().or_else(of_s3).or_else(of_all)
    }
}

impl Made {
    /// Whether it asks AWS itself, and no other store that speaks as S3 does.
    pub(super) fn is_aws(&self) -> bool {
        self.config.endpoint_url().is_none()
    }

    /// The region it asks in.
    pub(super) fn region(&self) -> &str {
        self.config.region().map_or("", Region::as_ref)
    }

    /// In which way credentials were found, as a person calls it.
    pub(super) async fn credentials(&self) -> Result<String, PullError> {
        if self.is_anonymous {
            return Ok("none, as `anonymous` says".to_owned());
        }
        let Some(provider) = self.config.credentials_provider() else {
            return Err(refusal::no_credentials(self.profile.as_deref(), ""));
        };
        let found = provider.provide_credentials().await.map_err(|error| {
            refusal::no_credentials(self.profile.as_deref(), &refusal::causes(&error))
        })?;
        // Its name stands in its description alone, which hides the secret.
        let described = format!("{found:?}");
        let name = described
            .split_once("provider_name: \"")
            .and_then(|(_, rest)| rest.split_once('"'));
        let name = name.map_or("the AWS configuration", |(name, _)| way(name));
        Ok(match &self.profile {
            Some(profile) => format!("{name}, profile `{profile}`"),
            None => name.to_owned(),
        })
    }
}

/// A store that says when it wants to be asked again is not asked before (`Waiting::patiently`): the SDK
/// waits a few seconds at most.
#[derive(Debug)]
struct SaysWhen;

impl ClassifyRetry for SaysWhen {
    fn classify_retry(&self, context: &InterceptorContext) -> RetryAction {
        let answer = context.response();
        let says = answer.is_some_and(|answer| {
            let after = answer.headers().get(refusal::AFTER);
            refusal::when(answer.status().as_u16(), after).is_some()
        });
        if says {
            RetryAction::RetryForbidden
        } else {
            RetryAction::NoActionIndicated
        }
    }

    fn name(&self) -> &'static str {
        "the store says when"
    }
}

/// The SDK's name of a provider as people know it.
fn way(name: &str) -> &str {
    match name {
        "EnvironmentVariable" => "AWS_ACCESS_KEY_ID",
        "ProfileProvider" => "~/.aws",
        "CredentialProcess" => "credential_process",
        "SSO" => "SSO",
        "WebIdentityToken" => "web identity",
        "AssumeRoleProvider" => "an assumed role",
        "IMDSv2" => "the instance's role",
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use archal_core::pull::SaidValue;
    use aws_types::service_config::LoadServiceConfig;

    use super::*;

    /// An AWS configuration that says this of S3.
    #[derive(Debug)]
    struct OfS3(&'static str);

    impl LoadServiceConfig for OfS3 {
        fn load_config(&self, key: ServiceConfigKey<'_>) -> Option<String> {
            let is_it = (key.service_id(), key.env(), key.profile());
            (is_it == ("S3", "AWS_ENDPOINT_URL", "endpoint_url")).then(|| self.0.to_owned())
        }
    }

    #[test]
    fn a_region_that_is_no_label_is_refused_from_wherever_it_comes() {
        let none = Said::new(BTreeMap::new());
        let mut wanted = Wanted::of(&none).expect("options");
        wanted.is_anonymous = true;
        // As from the AWS configuration: behind the options.
        wanted.region = Some("evil.example/x".to_owned());
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .expect("a runtime");
        let error = runtime.block_on(wanted.made()).expect_err("refused");
        assert_eq!(error.kind, PullErrorKind::Options);
    }

    #[test]
    fn where_the_configuration_says_that_s3_is_counts_as_what_was_said() {
        let wanted = |endpoint: Option<&str>| {
            let said =
                endpoint.map(|text| ("endpoint".to_owned(), SaidValue::Text(text.to_owned())));
            Wanted::of(&Said::new(BTreeMap::from_iter(said))).expect("options")
        };
        let all = SdkConfig::builder()
            .endpoint_url("https://all.example")
            .build();
        let both = SdkConfig::builder()
            .endpoint_url("https://all.example")
            .service_config(OfS3("http://minio.internal:9000"))
            .build();
        let said = wanted(Some("https://said.example"));
        let of = |wanted: &Wanted, config: &SdkConfig| wanted.endpoint_of(config);
        assert_eq!(of(&said, &both).as_deref(), Some("https://said.example"));
        assert_eq!(
            of(&wanted(None), &all).as_deref(),
            Some("https://all.example")
        );
        assert_eq!(of(&wanted(None), &SdkConfig::builder().build()), None);
        let found = of(&wanted(None), &both).expect("an endpoint");
        assert!(
            endpoint::host(&found).is_err(),
            "{found} is plain text to another machine"
        );
    }
}
