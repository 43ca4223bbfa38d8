//! Pages of a listing, over gRPC or JSON.

use std::time::Duration;

use archal_core::clock::Timestamp;
use archal_core::pull::{Object, PullError, PullErrorKind};
use backon::{ExponentialBuilder, Retryable};
use google_cloud_auth::credentials::{CacheableResource, Credentials};
use google_cloud_gax::options::RequestOptionsBuilder as _;
use google_cloud_storage::client::StorageControl;
use reqwest::Client;
use reqwest::header::HeaderMap;
use serde::Deserialize;

use super::client::{ATTEMPTS, FIRST_PAUSE, LONGEST_PAUSE};
use super::refusal::{self, Asked};
use crate::objects::waiting::ANSWER;

/// The largest page, in bytes.
const LARGEST_PAGE: usize = 64 << 20;
/// How long a connection may take.
const CONNECT: Duration = Duration::from_secs(10);

/// What lists.
pub(super) enum Listed {
    /// The control client.
    Grpc(StorageControl),
    /// The JSON API of an endpoint.
    Json {
        client: Client,
        endpoint: String,
        credentials: Credentials,
    },
}

/// Which page.
#[derive(Debug, Clone, Copy)]
pub(super) struct Wanted<'a> {
    pub(super) bucket: &'a str,
    pub(super) prefix: &'a str,
    /// The store's own name of the page, where it is known.
    pub(super) token: Option<&'a str>,
    /// The first key that is wanted, where the token is not known.
    pub(super) from: Option<&'a str>,
    pub(super) most: i32,
}

/// A page, and the store's name of the next.
#[derive(Debug, Default)]
pub(super) struct Page {
    pub(super) objects: Vec<Object>,
    pub(super) next: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct JsonPage {
    #[serde(default)]
    items: Vec<JsonObject>,
    #[serde(default)]
    next_page_token: Option<String>,
}

/// Numbers are texts there.
#[derive(Debug, Deserialize)]
struct JsonObject {
    name: String,
    generation: String,
    size: String,
    #[serde(default)]
    updated: Option<Timestamp>,
}

impl Listed {
    /// Over the JSON API of an endpoint.
    pub(super) fn json(endpoint: &str, credentials: Credentials) -> Result<Self, PullError> {
        let client = Client::builder()
            .connect_timeout(CONNECT)
            .timeout(ANSWER)
            // Credentials go to whom they were meant for.
            .redirect(reqwest::redirect::Policy::none())
            .build()
            .map_err(|error| PullError::new(PullErrorKind::Options, refusal::causes(&error)))?;
        Ok(Self::Json {
            client,
            endpoint: endpoint.to_owned(),
            credentials,
        })
    }

    /// One page.
    pub(super) async fn page(&self, wanted: Wanted<'_>) -> Result<Page, PullError> {
        match self {
            Self::Grpc(control) => over_grpc(control, wanted).await,
            Self::Json { .. } => {
                (|| self.over_json(wanted))
                    .retry(pauses())
                    .sleep(tokio::time::sleep)
                    .when(is_passing)
                    .await
            }
        }
    }

    async fn over_json(&self, wanted: Wanted<'_>) -> Result<Page, PullError> {
        let Self::Json {
            client,
            endpoint,
            credentials,
        } = self
        else {
            return Ok(Page::default());
        };
        let asked = Asked {
            bucket: wanted.bucket,
            is_object: false,
        };
        let most = wanted.most.to_string();
        let mut query = vec![
            ("maxResults", most.as_str()),
            (
                "fields",
                "items(name,generation,size,updated),nextPageToken",
            ),
        ];
        if !wanted.prefix.is_empty() {
            query.push(("prefix", wanted.prefix));
        }
        match (wanted.token, wanted.from) {
            (Some(token), _) => query.push(("pageToken", token)),
            (None, Some(from)) => query.push(("startOffset", from)),
            (None, None) => {}
        }
        let query = query
            .iter()
            .map(|(name, value)| format!("{name}={}", encoded(value)))
            .collect::<Vec<_>>()
            .join("&");
        let address = format!(
            "{endpoint}/storage/v1/b/{}/o?{query}",
            encoded(wanted.bucket)
        );
        let mut request = client.get(address);
        if let CacheableResource::New { data, .. } = headers(credentials).await? {
            request = request.headers(data);
        }
        let unreachable = |error: reqwest::Error| {
            // The address holds what is listed, and no secret; the cause says more.
            let told = refusal::causes(&error.without_url());
            PullError::new(
                PullErrorKind::Unreachable,
                format!("the store cannot be reached: {told}"),
            )
        };
        let mut answer = request.send().await.map_err(unreachable)?;
        let status = answer.status().as_u16();
        let after = answer.headers().get("retry-after");
        let after = after.and_then(|after| after.to_str().ok()?.parse().ok());
        let mut body = Vec::new();
        while let Some(chunk) = answer.chunk().await.map_err(unreachable)? {
            body.extend_from_slice(&chunk);
            if body.len() > LARGEST_PAGE {
                let told = format!("a page of the listing has more than {LARGEST_PAGE} bytes");
                return Err(PullError::new(PullErrorKind::Answer, told));
            }
        }
        if status != 200 {
            let told = String::from_utf8_lossy(&body);
            return Err(refusal::of_status(status, after, &told, asked));
        }
        let read: JsonPage = serde_json::from_slice(&body).map_err(|error| {
            let told = format!("the listing cannot be read: {error}");
            PullError::new(PullErrorKind::Answer, told)
        })?;
        Ok(Page {
            objects: read.items.into_iter().map(object).collect(),
            next: read.next_page_token.filter(|token| !token.is_empty()),
        })
    }
}

/// The pauses between tries of a request.
pub(super) fn pauses() -> ExponentialBuilder {
    ExponentialBuilder::default()
        .with_min_delay(FIRST_PAUSE)
        .with_max_delay(LONGEST_PAUSE)
        .with_max_times(ATTEMPTS as usize - 1)
}

/// Whether it is worth asking again soon. Where the store says when, that counts (`Waiting::patiently`).
pub(super) fn is_passing(error: &PullError) -> bool {
    matches!(
        error.kind,
        PullErrorKind::Unreachable | PullErrorKind::Limited { after: None }
    )
}

/// What says who asks.
pub(super) async fn headers(
    credentials: &Credentials,
) -> Result<CacheableResource<HeaderMap>, PullError> {
    let asked = credentials.headers(Default::default());
    let headers = tokio::time::timeout(ANSWER, asked).await;
    let told = |told: String| refusal::no_credentials(&told);
    headers
        .map_err(|_| {
            told(format!(
                "who gives them says nothing for {} s",
                ANSWER.as_secs()
            ))
        })?
        .map_err(|error| told(refusal::causes(&error)))
}

fn encoded(text: &str) -> String {
    percent_encoding::utf8_percent_encode(text, percent_encoding::NON_ALPHANUMERIC).to_string()
}

fn object(one: JsonObject) -> Object {
    Object {
        key: one.name,
        version: one.generation,
        size: one.size.parse().unwrap_or(0),
        modified: one.updated,
    }
}

async fn over_grpc(control: &StorageControl, wanted: Wanted<'_>) -> Result<Page, PullError> {
    let mut request = control
        .list_objects()
        .set_parent(format!("projects/_/buckets/{}", wanted.bucket))
        .set_page_size(wanted.most)
        .set_prefix(wanted.prefix)
        .with_attempt_timeout(ANSWER);
    match (wanted.token, wanted.from) {
        (Some(token), _) => request = request.set_page_token(token),
        (None, Some(from)) => request = request.set_lexicographic_start(from),
        (None, None) => {}
    }
    let asked = Asked {
        bucket: wanted.bucket,
        is_object: false,
    };
    let answer = request.send().await;
    let answer = answer.map_err(|error| refusal::refusal(&error, asked))?;
    let objects = answer.objects.into_iter().map(|one| Object {
        version: one.generation.to_string(),
        size: u64::try_from(one.size).unwrap_or(0),
        modified: one
            .update_time
            .and_then(|at| Timestamp::new(at.seconds(), at.nanos()).ok()),
        key: one.name,
    });
    Ok(Page {
        objects: objects.collect(),
        next: Some(answer.next_page_token).filter(|token| !token.is_empty()),
    })
}
