//! One call of the service: by `gh`, with the user's own login, or over REST with the token that
//! the environment names. The token is in no argument, file or message of archal's.

use std::path::Path;
use std::time::Duration;

use archal_core::environment::Environment;
use reqwest::header::{ACCEPT, AUTHORIZATION, HeaderValue};
use reqwest::{Method, NoProxy, Proxy, redirect};
use serde_json::Value;

use crate::store::atomic::{self, Durability};

use super::decision::{Refusal, Rule};
use super::program::{ProgramError, Programs};
use super::push::StepError;
use super::target::Target;

/// How long one call may take.
const MOST: Duration = Duration::from_secs(60);
/// A longer answer is none to what is asked here.
const MOST_BYTES: usize = 32 << 20;
const VERSION: (&str, &str) = ("X-GitHub-Api-Version", "2022-11-28");

/// What the service answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// The status.
    pub status: u16,
    /// The body; null where it is no JSON.
    pub body: Value,
}

impl Answer {
    /// Whether it did what was asked.
    pub fn is_fine(&self) -> bool {
        (200..300).contains(&self.status)
    }

    /// What it says where it did not, in one line.
    pub fn message(&self) -> String {
        let text = |value: &Value| value.as_str().map(str::to_owned);
        let mut parts: Vec<String> = text(&self.body["message"]).into_iter().collect();
        let errors = self.body["errors"].as_array();
        parts.extend(
            errors
                .into_iter()
                .flatten()
                .filter_map(|error| text(&error["message"]).or_else(|| text(error)))
                .take(3),
        );
        let line: String = parts.join(": ").replace(['\n', '\r'], " ");
        line.chars().take(300).collect()
    }
}

/// Calls a service.
pub trait Caller {
    /// `gh` or `rest`.
    fn name(&self) -> &'static str;

    /// One call; `path` begins behind the host: `repos/acme/webapp/pulls`.
    fn call(&self, method: &str, path: &str, body: Option<&Value>) -> Result<Answer, StepError>;
}

/// The caller there is: gh where it is installed and logged in, else a token of the environment.
/// A long text is put into a folder of its own in `scratch` while gh reads it.
pub fn caller<'a>(
    target: &'a Target,
    programs: Programs<'a>,
    scratch: &'a Path,
) -> Result<Box<dyn Caller + 'a>, StepError> {
    let status = programs.gh(&["auth", "status", "--hostname", &target.host], MOST);
    let why = match status {
        Ok(said) if said.is_fine => {
            return Ok(Box::new(Gh {
                host: &target.host,
                programs,
                scratch,
            }));
        }
        Err(ProgramError::Stopped) => return Err(StepError::Stopped),
        Ok(_) => format!("gh is not logged in to {}: run gh auth login", target.host),
        Err(_) => "gh is not installed".to_owned(),
    };
    let names: &[&str] = match target.host.as_str() {
        "github.com" => &["GH_TOKEN", "GITHUB_TOKEN"],
        _ => &["GH_ENTERPRISE_TOKEN", "GITHUB_ENTERPRISE_TOKEN"],
    };
    let environment = programs.environment;
    let tokens = names.iter().filter_map(|name| environment.get(name));
    let Some(token) = tokens.into_iter().find(|token| !token.is_empty()) else {
        let reason = format!("{why}, and {} is not set", names.join(" or "));
        return Err(Refusal::by(Rule::NoCredential, reason).into());
    };
    Ok(Box::new(Rest::new(&target.host, token, environment)?))
}

/// `gh api`.
struct Gh<'a> {
    host: &'a str,
    programs: Programs<'a>,
    scratch: &'a Path,
}

impl Caller for Gh<'_> {
    fn name(&self) -> &'static str {
        "gh"
    }

    fn call(&self, method: &str, path: &str, body: Option<&Value>) -> Result<Answer, StepError> {
        let version = format!("{}: {}", VERSION.0, VERSION.1);
        let mut arguments = vec!["api", "--include", "--hostname", self.host];
        arguments.extend(["--method", method, "--header", &version]);
        // Held until gh has read it.
        let mut held = None;
        let file;
        if let Some(body) = body {
            let folder = tempfile::Builder::new()
                .prefix("call-")
                .tempdir_in(self.scratch);
            let folder = folder.map_err(|source| atomic::WriteError::Io {
                path: self.scratch.to_owned(),
                source,
            })?;
            let path = folder.path().join("body.json");
            atomic::write_json(&path, body, Durability::Derived)?;
            file = path.display().to_string();
            arguments.extend(["--input", &file]);
            held = Some(folder);
        }
        arguments.push(path);
        let said = self.programs.gh(&arguments, MOST);
        drop(held);
        let said = said.map_err(|error| match error {
            ProgramError::Stopped => StepError::Stopped,
            error => Refusal::by(Rule::Unreachable, format!("gh: {error}")).into(),
        })?;
        answer_of_gh(&said.stdout).ok_or_else(|| {
            let rule = match said.code {
                Some(4) => Rule::NoCredential,
                _ => Rule::Unreachable,
            };
            Refusal::by(rule, format!("gh: {}", said.last())).into()
        })
    }
}

/// The answer in what `gh api --include` prints: the status line, headers, an empty line, the body.
fn answer_of_gh(printed: &[u8]) -> Option<Answer> {
    let text = String::from_utf8_lossy(printed);
    let first = text.lines().next()?;
    if !first.starts_with("HTTP/") {
        return None;
    }
    let status = first.split_whitespace().nth(1)?.parse().ok()?;
    let end = ["\r\n\r\n", "\n\n"]
        .iter()
        .filter_map(|gap| Some((text.find(gap)?, gap.len())))
        .min();
    let body = end.and_then(|(at, gap)| text.get(at + gap..)).unwrap_or("");
    Some(Answer {
        status,
        body: serde_json::from_str(body).unwrap_or(Value::Null),
    })
}

/// REST with a token.
struct Rest {
    client: reqwest::blocking::Client,
    /// `https://api.github.com`.
    base: String,
    authorization: HeaderValue,
}

impl Rest {
    fn new(host: &str, token: &str, environment: &Environment) -> Result<Self, Refusal> {
        // The one provider of this program; whoever was first has set the same.
        _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
        // As runners of GitHub's workflows say where it is.
        let base = match (host, environment.get("GITHUB_API_URL")) {
            ("github.com", Some(url)) => url.trim_end_matches('/').to_owned(),
            ("github.com", None) => "https://api.github.com".to_owned(),
            (host, _) => format!("https://{host}/api/v3"),
        };
        let broken = |why: String| Refusal::by(Rule::Unreachable, format!("REST: {why}"));
        let mut client = reqwest::blocking::Client::builder()
            .user_agent(concat!("archal/", env!("CARGO_PKG_VERSION")))
            .redirect(redirect::Policy::none())
            .timeout(MOST)
            // The variables come in as an argument, below.
            .no_proxy();
        let of = |names: [&str; 2]| names.into_iter().find_map(|name| environment.get(name));
        let proxy = of(["https_proxy", "HTTPS_PROXY"]).or(of(["all_proxy", "ALL_PROXY"]));
        if let Some(proxy) = proxy.filter(|_| base.starts_with("https:")) {
            let without = of(["no_proxy", "NO_PROXY"]).and_then(NoProxy::from_string);
            let proxy = Proxy::https(proxy).map_err(|error| broken(told(error)))?;
            client = client.proxy(proxy.no_proxy(without));
        }
        let mut authorization = HeaderValue::from_str(&format!("Bearer {token}"))
            .map_err(|_| Refusal::by(Rule::NoCredential, "the token cannot be sent"))?;
        authorization.set_sensitive(true);
        Ok(Self {
            client: client.build().map_err(|error| broken(told(error)))?,
            base,
            authorization,
        })
    }
}

impl Caller for Rest {
    fn name(&self) -> &'static str {
        "rest"
    }

    fn call(&self, method: &str, path: &str, body: Option<&Value>) -> Result<Answer, StepError> {
        let broken = |error| Refusal::by(Rule::Unreachable, format!("REST: {}", told(error)));
        let method = Method::from_bytes(method.as_bytes()).unwrap_or_default();
        let mut request = self
            .client
            .request(method, format!("{}/{path}", self.base))
            .header(AUTHORIZATION, self.authorization.clone())
            .header(ACCEPT, "application/vnd.github+json")
            .header(VERSION.0, VERSION.1);
        if let Some(body) = body {
            request = request.json(body);
        }
        let response = request.send().map_err(broken)?;
        let status = response.status().as_u16();
        let mut bytes = Vec::new();
        use std::io::Read;
        let most = MOST_BYTES as u64;
        if let Err(error) = response.take(most).read_to_end(&mut bytes) {
            return Err(Refusal::by(Rule::Unreachable, format!("REST: {error}")).into());
        }
        Ok(Answer {
            status,
            body: serde_json::from_slice(&bytes).unwrap_or(Value::Null),
        })
    }
}

/// What went wrong, without the address and the headers.
fn told(error: reqwest::Error) -> String {
    let error = error.without_url();
    let mut cause: &dyn std::error::Error = &error;
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    cause.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_gh_prints_is_an_answer_with_a_status() {
        let printed = b"HTTP/2.0 422 Unprocessable Entity\nContent-Type: application/json\r\n\r\n\
            {\"message\":\"Validation Failed\",\"errors\":[{\"message\":\"No commits\\nbetween\"}]}";
        let answer = answer_of_gh(printed).expect("an answer");
        assert_eq!(answer.status, 422);
        assert_eq!(answer.message(), "Validation Failed: No commits between");
        assert_eq!(answer_of_gh(b"error connecting to api.github.com"), None);
    }
}
