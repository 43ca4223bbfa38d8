//! One request, bounded in time and size, cut short when the end is asked for.

use std::error::Error;
use std::io::Read;
use std::time::Duration;

use archal_core::clock::Timestamp;
use archal_core::pull::{PullError, PullErrorKind, Stop};
use flate2::read::MultiGzDecoder;
use jiff::fmt::rfc2822;
use reqwest::header::{
    ACCEPT, ACCEPT_ENCODING, CONTENT_ENCODING, DATE, HeaderMap, HeaderName, HeaderValue,
    RETRY_AFTER, USER_AGENT,
};
use reqwest::{Method, Response, redirect};
use serde_json::Value;
use tokio::runtime::{Builder, Runtime};

use super::{Address, Answer, Failure, Request, Settings};

/// How long a connection may take.
const CONNECT: Duration = Duration::from_secs(10);
/// How long a whole answer may take.
const MOST_TIME: Duration = Duration::from_secs(120);
/// The largest answer, as it comes and unpacked.
const MOST_BYTES: usize = 64 << 20;
/// How soon a request ends after the end was asked for.
const LOOK: Duration = Duration::from_millis(50);
/// What is told of an error's text.
const MOST_SAID: usize = 200;

/// The wire to one service.
pub(super) struct Exchange {
    /// None only while it is dropped.
    runtime: Option<Runtime>,
    client: reqwest::Client,
    service: &'static str,
    address: Address,
    host: String,
    secrets: Vec<String>,
    /// How long a whole answer may take.
    pub(super) most_time: Duration,
    /// The largest answer.
    pub(super) most_bytes: usize,
}

/// What came of one request.
pub(super) struct Came {
    pub(super) answer: Result<Answer, Failure>,
    pub(super) bytes: u64,
}

impl Drop for Exchange {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            // A name that is still looked up is not waited for.
            runtime.shutdown_background();
        }
    }
}

impl Exchange {
    pub(super) fn new(settings: Settings<'_>) -> Result<Self, PullError> {
        // The one provider of this program; whoever was first has set the same.
        _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
        let broken = |why: String| PullError::new(PullErrorKind::Options, why);
        let mut headers = HeaderMap::new();
        headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
        headers.insert(ACCEPT_ENCODING, HeaderValue::from_static("gzip"));
        let agent = concat!("archal/", env!("CARGO_PKG_VERSION"));
        headers.insert(USER_AGENT, HeaderValue::from_static(agent));
        for (name, value) in &settings.headers {
            let mut value = HeaderValue::from_str(value).map_err(|_| {
                broken(format!(
                    "the credential for {} cannot be sent",
                    settings.service
                ))
                .advice("set its variable without line breaks and other control characters")
            })?;
            value.set_sensitive(true);
            headers.insert(HeaderName::from_static(name), value);
        }
        let client = reqwest::Client::builder()
            .default_headers(headers)
            .redirect(redirect::Policy::none())
            .connect_timeout(CONNECT)
            .no_proxy()
            .build()
            .map_err(|error| broken(innermost(error)))?;
        let runtime = Builder::new_current_thread().enable_all().build();
        let mut secrets: Vec<String> = settings
            .headers
            .into_iter()
            .map(|(_, value)| value)
            .chain(settings.secrets.into_iter().map(str::to_owned))
            .filter(|secret| !secret.is_empty())
            .collect();
        // The longest first: one may hold another.
        secrets.sort_by_key(|secret| std::cmp::Reverse(secret.len()));
        Ok(Self {
            runtime: Some(runtime.map_err(|error| broken(error.to_string()))?),
            client,
            service: settings.service,
            host: settings.address.host(),
            address: settings.address,
            secrets,
            most_time: MOST_TIME,
            most_bytes: MOST_BYTES,
        })
    }

    pub(super) fn service(&self) -> &'static str {
        self.service
    }

    pub(super) fn host(&self) -> &str {
        &self.host
    }

    /// Sends a request and reads the whole answer.
    pub(super) fn send(
        &self,
        method: Method,
        request: &Request<'_>,
        stop: &dyn Stop,
        now: Timestamp,
    ) -> Came {
        let mut bytes = 0;
        let answer = self.until(stop, self.exchanged(method, request, now, &mut bytes));
        Came { answer, bytes }
    }

    async fn exchanged(
        &self,
        method: Method,
        request: &Request<'_>,
        now: Timestamp,
        bytes: &mut u64,
    ) -> Result<Answer, Failure> {
        let url = self.address.join(request.path, &request.query);
        let mut sent = self.client.request(method, url);
        if let Some(body) = &request.body {
            sent = sent.json(body);
        }
        let response = sent.send().await.map_err(|error| self.failed(error))?;
        let status = response.status().as_u16();
        let text = |name: HeaderName| {
            let value = response.headers().get(name)?;
            value.to_str().ok().map(str::to_owned)
        };
        let after = text(RETRY_AFTER).and_then(|text| retry_after(&text, now));
        let date = text(DATE).and_then(|text| {
            let date = rfc2822::parse(text.trim()).ok()?;
            Some(date.timestamp())
        });
        let is_packed = text(CONTENT_ENCODING).is_some_and(|name| name.contains("gzip"));
        let body = self.body(response, is_packed, bytes).await;
        if !(200..300).contains(&status) {
            let said = self.said(&body.unwrap_or_default());
            return Err(Failure::Refused {
                status,
                said,
                after,
            });
        }
        let body = body?;
        is_json(&body)?;
        Ok(Answer { body, date })
    }

    async fn body(
        &self,
        mut response: Response,
        is_packed: bool,
        bytes: &mut u64,
    ) -> Result<Vec<u8>, Failure> {
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(|error| self.failed(error))? {
            *bytes += chunk.len() as u64;
            if body.len() + chunk.len() > self.most_bytes {
                return Err(Failure::TooLarge(self.most_bytes));
            }
            body.extend_from_slice(&chunk);
        }
        if !is_packed {
            return Ok(body);
        }
        let mut unpacked = Vec::new();
        let most = self.most_bytes as u64 + 1;
        MultiGzDecoder::new(body.as_slice())
            .take(most)
            .read_to_end(&mut unpacked)
            .map_err(|_| Failure::Cut)?;
        if unpacked.len() > self.most_bytes {
            return Err(Failure::TooLarge(self.most_bytes));
        }
        Ok(unpacked)
    }

    /// What a service says of a refusal, in one line without what is secret.
    fn said(&self, body: &[u8]) -> String {
        let text = String::from_utf8_lossy(body);
        let text = match serde_json::from_str::<Value>(&text) {
            Ok(said) => ["message", "error", "Message", "detail"]
                .iter()
                .find_map(|name| match said.get(*name)? {
                    Value::String(text) => Some(text.clone()),
                    Value::Object(inner) => inner.get("message")?.as_str().map(str::to_owned),
                    _ => None,
                })
                .unwrap_or_default(),
            // A page for browsers tells nobody anything.
            Err(_) if text.trim_start().starts_with('<') => String::new(),
            Err(_) => text.into_owned(),
        };
        // Before anything is cut off: half a secret is still one.
        let mut text = text;
        for secret in &self.secrets {
            text = text.replace(secret, "…");
        }
        let line: String = text
            .chars()
            .map(|c| if c.is_control() { ' ' } else { c })
            .take(MOST_SAID)
            .collect();
        line.trim().trim_end_matches('.').to_owned()
    }

    fn failed(&self, error: reqwest::Error) -> Failure {
        if error.is_connect() {
            return Failure::Unreachable(innermost(error));
        }
        if error.is_timeout() {
            return Failure::Late(self.most_time);
        }
        Failure::Cut
    }

    /// Waits for work, until its time is over, or until the end is asked for.
    fn until(
        &self,
        stop: &dyn Stop,
        work: impl Future<Output = Result<Answer, Failure>>,
    ) -> Result<Answer, Failure> {
        let stopped = async {
            while !stop.is_asked() {
                tokio::time::sleep(LOOK).await;
            }
        };
        let runtime = self.runtime.as_ref().ok_or(Failure::Stopped)?;
        runtime.block_on(async {
            tokio::select! {
                answered = work => answered,
                () = stopped => Err(Failure::Stopped),
                () = tokio::time::sleep(self.most_time) => Err(Failure::Late(self.most_time)),
            }
        })
    }
}

/// Whether a body is one JSON document, by its ends: one that is cut has no end.
fn is_json(body: &[u8]) -> Result<(), Failure> {
    let body = body.trim_ascii();
    match (body.first(), body.last()) {
        (Some(b'{'), Some(b'}')) | (Some(b'['), Some(b']')) => Ok(()),
        (Some(b'{' | b'['), _) | (None, _) => Err(Failure::Cut),
        _ => Err(Failure::NotJson),
    }
}

/// `Retry-After`: seconds, or the time of day.
fn retry_after(text: &str, now: Timestamp) -> Option<Duration> {
    if let Ok(seconds) = text.trim().parse::<f64>() {
        return Duration::try_from_secs_f64(seconds.max(0.0)).ok();
    }
    let until = rfc2822::parse(text.trim()).ok()?.timestamp();
    Some(Duration::try_from(until.duration_since(now)).unwrap_or_default())
}

/// The innermost cause, without the URL.
fn innermost(error: reqwest::Error) -> String {
    let error = error.without_url();
    let mut cause: &dyn Error = &error;
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    cause.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_forms_of_retry_after_are_understood() {
        let now: Timestamp = "1994-11-06T08:49:00Z".parse().expect("valid");
        let after = |text| retry_after(text, now).map(|after| after.as_secs());
        assert_eq!(after("120"), Some(120));
        assert_eq!(after("0.2"), Some(0));
        assert_eq!(after("-5"), Some(0));
        assert_eq!(after("1e300"), None);
        assert_eq!(after("Sun, 06 Nov 1994 08:49:37 GMT"), Some(37));
        assert_eq!(after("Sun, 06 Nov 1994 08:00:00 GMT"), Some(0));
        assert_eq!(after("soon"), None);
    }

    #[test]
    fn what_has_no_end_is_cut_and_a_page_for_browsers_is_no_json() {
        assert_eq!(is_json(b" {\"data\":[]} \n"), Ok(()));
        assert_eq!(is_json(b"{\"data\":["), Err(Failure::Cut));
        assert_eq!(is_json(b""), Err(Failure::Cut));
        assert_eq!(is_json(b"<!doctype html>"), Err(Failure::NotJson));
    }
}
