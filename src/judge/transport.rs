//! One request, bounded in time and size, cut short when asked to stop.

use std::error::Error;
use std::time::Duration;

use archal_core::environment::Environment;
use http::Uri;
use reqwest::header::{HeaderName, HeaderValue, RETRY_AFTER};
use reqwest::{Client, NoProxy, Proxy, Response, redirect};
use tokio::net::TcpStream;
use tokio::runtime::{Builder, Runtime};

use super::ask::Pause;
use super::provider::WireRequest;
use super::settings::Settings;

/// A longer answer is none to a question like this.
const MOST: usize = 4 << 20;
/// How soon a request ends after somebody asked for it.
const LOOK: Duration = Duration::from_millis(50);

/// A connection to the judge, kept for the next question.
#[derive(Debug)]
pub(super) struct Transport {
    /// None only while it is dropped.
    runtime: Option<Runtime>,
    client: Client,
    /// Whether requests go through a proxy, which alone knows whether the judge is there.
    is_proxied: bool,
}

impl Drop for Transport {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            // A name that is still looked up is not waited for.
            runtime.shutdown_background();
        }
    }
}

/// What a server answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Answered {
    pub(super) status: u16,
    pub(super) retry_after: Option<String>,
    pub(super) body: Vec<u8>,
}

/// Why there is no answer. None of them holds anything of the key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum SendError {
    /// Somebody asked to stop.
    Stopped,
    /// No whole answer came in time.
    Late,
    /// There was no connection.
    Unreachable(String),
    /// The connection broke.
    Broken(String),
    /// The answer was too long.
    TooLarge,
    /// The key cannot be sent.
    BadKey,
    /// There is no such address.
    BadAddress,
}

impl Transport {
    /// A client for the judge of `settings`; nothing is sent yet.
    pub(super) fn new(settings: &Settings, environment: &Environment) -> Result<Self, String> {
        // The one provider of this program; whoever was first has set the same.
        _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
        let mut client = Client::builder()
            .user_agent(concat!("archal/", env!("CARGO_PKG_VERSION")))
            .redirect(redirect::Policy::none())
            .connect_timeout(settings.connect_timeout)
            .timeout(settings.timeout)
            // The variables come in as an argument, below.
            .no_proxy();
        let of = |names: [&str; 2]| names.into_iter().find_map(|name| environment.get(name));
        let proxy = of(["https_proxy", "HTTPS_PROXY"]).or(of(["all_proxy", "ALL_PROXY"]));
        let proxy = proxy.filter(|_| settings.judge.base_url.starts_with("https:"));
        if let Some(proxy) = proxy {
            let without = of(["no_proxy", "NO_PROXY"]).and_then(NoProxy::from_string);
            let proxy = Proxy::https(proxy).map_err(|error| told(error.without_url()))?;
            client = client.proxy(proxy.no_proxy(without));
        }
        Ok(Self {
            runtime: Some(
                Builder::new_current_thread()
                    .enable_all()
                    .build()
                    .map_err(|error| error.to_string())?,
            ),
            client: client.build().map_err(told)?,
            is_proxied: proxy.is_some(),
        })
    }

    /// Sends a request and waits for the whole answer.
    pub(super) fn post(
        &self,
        request: &WireRequest,
        key: Option<&str>,
        pause: &dyn Pause,
    ) -> Result<Answered, SendError> {
        let mut post = self.client.post(&request.url).json(&request.body);
        for (name, value) in request.headers {
            post = post.header(*name, *value);
        }
        if let Some(key) = key {
            let (name, before) = request.key_header;
            let mut value =
                HeaderValue::from_str(&format!("{before}{key}")).map_err(|_| SendError::BadKey)?;
            value.set_sensitive(true);
            post = post.header(HeaderName::from_static(name), value);
        }
        let work = async {
            let response = post.send().await.map_err(failed)?;
            read(response).await
        };
        self.until(pause, work)
    }

    /// Finds out whether the key can be sent and somebody listens at the address; says nothing there.
    pub(super) fn reach(
        &self,
        settings: &Settings,
        key: Option<&str>,
        pause: &dyn Pause,
    ) -> Result<(), SendError> {
        if key.is_some_and(|key| HeaderValue::from_str(key).is_err()) {
            return Err(SendError::BadKey);
        }
        let uri: Uri = settings
            .judge
            .base_url
            .parse()
            .map_err(|_| SendError::BadAddress)?;
        let default = match uri.scheme_str() {
            Some("https") => 443,
            Some("http") => 80,
            _ => return Err(SendError::BadAddress),
        };
        let host = uri.host().filter(|host| !host.is_empty());
        let host = host.ok_or(SendError::BadAddress)?;
        if self.is_proxied {
            return Ok(());
        }
        let place = (
            host.trim_matches(['[', ']']),
            uri.port_u16().unwrap_or(default),
        );
        self.until(pause, async {
            let connect = TcpStream::connect(place);
            match tokio::time::timeout(settings.connect_timeout, connect).await {
                Ok(Ok(_)) => Ok(()),
                Ok(Err(error)) => Err(SendError::Unreachable(error.to_string())),
                Err(_) => Err(SendError::Unreachable(format!(
                    "no connection in {} s",
                    settings.connect_timeout.as_secs()
                ))),
            }
        })
    }

    /// Waits for work, or until somebody asks to stop.
    fn until<T>(
        &self,
        pause: &dyn Pause,
        work: impl Future<Output = Result<T, SendError>>,
    ) -> Result<T, SendError> {
        let stopped = async {
            loop {
                tokio::time::sleep(LOOK).await;
                if pause.is_over() {
                    break;
                }
            }
        };
        let runtime = self.runtime.as_ref().ok_or(SendError::Stopped)?;
        runtime.block_on(async {
            tokio::select! {
                answered = work => answered,
                () = stopped => Err(SendError::Stopped),
            }
        })
    }
}

async fn read(mut response: Response) -> Result<Answered, SendError> {
    let retry_after = response.headers().get(RETRY_AFTER);
    let mut answered = Answered {
        status: response.status().as_u16(),
        retry_after: retry_after.and_then(|text| text.to_str().ok().map(str::to_owned)),
        body: Vec::new(),
    };
    while let Some(chunk) = response.chunk().await.map_err(failed)? {
        if answered.body.len() + chunk.len() > MOST {
            return Err(SendError::TooLarge);
        }
        answered.body.extend_from_slice(&chunk);
    }
    Ok(answered)
}

fn failed(error: reqwest::Error) -> SendError {
    let (is_connect, is_timeout) = (error.is_connect(), error.is_timeout());
    match (is_connect, is_timeout) {
        (true, _) => SendError::Unreachable(told(error)),
        (false, true) => SendError::Late,
        (false, false) => SendError::Broken(told(error)),
    }
}

/// The innermost cause, without the URL.
fn told(error: reqwest::Error) -> String {
    let error = error.without_url();
    let mut cause: &dyn Error = &error;
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    cause.to_string()
}
