//! A notice posted to a URL.

use std::error::Error;
use std::io::Read;
use std::time::Duration;

use archal_core::clock::{Clock, Timestamp};
use archal_core::environment::Environment;
use jiff::fmt::rfc2822;
use reqwest::blocking::{Client, Response};
use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderValue, RETRY_AFTER};
use reqwest::{NoProxy, Proxy, StatusCode, redirect};
use serde_json::Value;

use crate::attach::state::notices::Outcome;
use crate::config::notice;

use super::{Courier, Told};

/// Why nothing can be posted to a URL; none where it can.
pub(super) fn unusable(url: &str) -> Option<String> {
    let reason = notice::usable(url.trim()).err()?;
    Some(format!("the webhook's URL {reason}"))
}

/// Posts a notice to a URL that can be used. The URL may be a secret: of it, only the host is ever told.
pub(super) fn tell(courier: &Courier<'_>, url: &str, key: &str, body: &Value) -> Told {
    let url = url.trim();
    let mut headers = HeaderMap::new();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    if let Ok(key) = HeaderValue::from_str(key) {
        headers.insert("Idempotency-Key", key);
    }
    let posting = Posting {
        url,
        headers,
        body: body.to_string().into_bytes(),
        timeout: courier.webhook_timeout,
        environment: courier.environment,
    };
    posting.send(courier.clock).told
}

/// The most that is read of an answer, in bytes.
const MOST_ANSWER: usize = 64 << 10;

/// Something that is posted to an address.
pub(in crate::attach) struct Posting<'a> {
    /// Where to.
    pub(in crate::attach) url: &'a str,
    /// Its headers.
    pub(in crate::attach) headers: HeaderMap,
    /// It.
    pub(in crate::attach) body: Vec<u8>,
    /// How long all of it may take.
    pub(in crate::attach) timeout: Duration,
    /// The caller's variables, for proxies.
    pub(in crate::attach) environment: &'a Environment,
}

/// What came of posting something.
#[derive(Debug)]
pub(in crate::attach) struct Posted {
    /// How it went.
    pub(in crate::attach) told: Told,
    /// Whether the receiver does not know who sends, or lets them not.
    pub(in crate::attach) is_locked_out: bool,
    /// What it said when it took it, as far as that is bearable.
    pub(in crate::attach) answer: Vec<u8>,
}

impl Posting<'_> {
    /// Posts it once.
    pub(in crate::attach) fn send(self, clock: &dyn Clock) -> Posted {
        let host = notice::host(self.url).unwrap_or_default();
        let timeout = self.timeout;
        let later = |error: reqwest::Error| Posted {
            told: Told::Later {
                reason: told(&host, error, timeout),
                after: None,
            },
            is_locked_out: false,
            answer: Vec::new(),
        };
        let client = match client(self.url, timeout, self.environment) {
            Ok(client) => client,
            Err(error) => return later(error),
        };
        let sent = client
            .post(self.url)
            .headers(self.headers)
            .body(self.body)
            .send();
        match sent {
            Ok(mut response) => {
                let told = answered(&host, &response, clock.now());
                let until = clock.monotonic().saturating_add(timeout);
                Posted {
                    is_locked_out: matches!(
                        response.status(),
                        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN
                    ),
                    answer: match told {
                        Told::Taken => beginning(&mut response, &|| clock.monotonic() >= until),
                        _ => Vec::new(),
                    },
                    told,
                }
            }
            Err(error) => later(error),
        }
    }
}

/// What a receiver says when it has taken something; what comes late or is too long is left.
fn beginning(response: &mut impl Read, is_late: &dyn Fn() -> bool) -> Vec<u8> {
    let (mut answer, mut piece) = (Vec::new(), [0; 4096]);
    while answer.len() < MOST_ANSWER && !is_late() {
        match response.read(&mut piece) {
            Ok(count) if count > 0 => answer.extend_from_slice(&piece[..count]),
            _ => break,
        }
    }
    answer
}

fn client(
    url: &str,
    timeout: Duration,
    environment: &Environment,
) -> Result<Client, reqwest::Error> {
    // The one provider of this program; whoever was first has set the same.
    _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let mut client = Client::builder()
        .user_agent(concat!("archal/", env!("CARGO_PKG_VERSION")))
        .redirect(redirect::Policy::none())
        .timeout(timeout)
        // The variables come in as an argument, below.
        .no_proxy();
    let of = |names: [&str; 2]| names.into_iter().find_map(|name| environment.get(name));
    let proxy = of(["https_proxy", "HTTPS_PROXY"]).or(of(["all_proxy", "ALL_PROXY"]));
    if let Some(proxy) = proxy.filter(|_| url.starts_with("https:")) {
        let without = of(["no_proxy", "NO_PROXY"]).and_then(NoProxy::from_string);
        client = client.proxy(Proxy::https(proxy)?.no_proxy(without));
    }
    client.build()
}

fn answered(host: &str, response: &Response, now: Timestamp) -> Told {
    let status = response.status();
    if status.is_success() {
        return Told::Taken;
    }
    let is_passing = status.is_server_error()
        || matches!(
            status,
            StatusCode::REQUEST_TIMEOUT | StatusCode::TOO_EARLY | StatusCode::TOO_MANY_REQUESTS
        );
    if is_passing {
        let after = response.headers().get(RETRY_AFTER);
        return Told::Later {
            reason: format!("{host} answered {status}"),
            after: after.and_then(|after| retry_after(after.to_str().ok()?, now)),
        };
    }
    let hint = if status.is_redirection() {
        "; redirects are not followed: give the address it leads to"
    } else {
        ""
    };
    Told::Never {
        outcome: Outcome::GivenUp,
        reason: format!("{host} answered {status}{hint}"),
    }
}

/// `Retry-After`: seconds, or the time of day.
fn retry_after(text: &str, now: Timestamp) -> Option<Duration> {
    if let Ok(seconds) = text.trim().parse() {
        return Some(Duration::from_secs(seconds));
    }
    let until = rfc2822::parse(text.trim()).ok()?.timestamp();
    Some(Duration::try_from(until.duration_since(now)).unwrap_or_default())
}

/// Why nothing was answered, without the URL.
fn told(host: &str, error: reqwest::Error, timeout: Duration) -> String {
    if error.is_timeout() {
        return format!("{host} gave no answer in {} s", timeout.as_secs_f32());
    }
    let error = error.without_url();
    let mut cause: &dyn Error = &error;
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    let what = if error.is_connect() {
        "cannot be reached"
    } else {
        "cannot be asked"
    };
    format!("{host} {what}: {cause}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_forms_of_retry_after_are_understood() {
        let now: Timestamp = "1994-11-06T08:49:00Z".parse().expect("valid");
        let after = |text| retry_after(text, now).map(|after| after.as_secs());
        assert_eq!(after("120"), Some(120));
        assert_eq!(after("Sun, 06 Nov 1994 08:49:37 GMT"), Some(37));
        assert_eq!(after("Sun, 06 Nov 1994 08:00:00 GMT"), Some(0));
        assert_eq!(after("soon"), None);
    }
}
