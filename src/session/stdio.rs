//! An MCP server on stdin and stdout that hands each message on to one over HTTP.

use std::fmt::Display;
use std::io::{self, BufRead, Read, Write};
use std::path::{Path, PathBuf};

use reqwest::blocking::{Client, Response};
use reqwest::header::{ACCEPT, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use serde::Deserialize;
use serde_json::{Value, json};

/// Most bytes of one message, either way.
const MESSAGE: u64 = 32 * 1024 * 1024;
/// The header that names a session.
const SESSION: &str = "mcp-session-id";
/// JSON-RPC's code for a message that is no JSON.
const NOT_JSON: i32 = -32700;
/// JSON-RPC's code for a failure of the server.
const FAILED: i32 = -32603;

/// A server over HTTP, as the file for clients of MCP names it.
#[derive(Debug, Deserialize)]
pub struct Remote {
    url: String,
    #[serde(default)]
    headers: std::collections::BTreeMap<String, String>,
}

/// Why messages are not handed on.
#[derive(Debug, thiserror::Error)]
pub enum StdioError {
    /// The file that names the servers cannot be read.
    #[error("cannot read the MCP servers in {}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// The cause.
        source: io::Error,
    },
    /// The file that names the servers is not one.
    #[error("{} does not name MCP servers", path.display())]
    Syntax {
        /// The file.
        path: PathBuf,
        /// The cause.
        source: serde_json::Error,
    },
    /// It does not name this one.
    #[error("{} has no server named {name}: the clone is not part of this run", path.display())]
    Absent {
        /// The file.
        path: PathBuf,
        /// The name.
        name: String,
    },
    /// A header of it is none.
    #[error("the header {name} of the MCP server cannot be sent")]
    Header {
        /// The header.
        name: String,
    },
    /// No client can be made.
    #[error("the MCP server cannot be called")]
    Client(#[source] reqwest::Error),
    /// Stdin or stdout is broken.
    #[error("stdin or stdout broke off")]
    Pipe(#[source] io::Error),
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Servers {
    mcp_servers: std::collections::BTreeMap<String, Remote>,
}

impl Remote {
    /// The server of that name in a file that clients of MCP read.
    ///
    /// # Errors
    ///
    /// When the file cannot be read or has no such server.
    pub fn of_file(path: &Path, name: &str) -> Result<Self, StdioError> {
        let text = std::fs::read_to_string(path).map_err(|source| StdioError::Read {
            path: path.to_owned(),
            source,
        })?;
        let mut servers: Servers =
            serde_json::from_str(&text).map_err(|source| StdioError::Syntax {
                path: path.to_owned(),
                source,
            })?;
        servers
            .mcp_servers
            .remove(name)
            .ok_or_else(|| StdioError::Absent {
                path: path.to_owned(),
                name: name.to_owned(),
            })
    }

    fn headers(&self) -> Result<HeaderMap, StdioError> {
        let mut headers = HeaderMap::new();
        for (name, value) in &self.headers {
            let pair = HeaderName::from_bytes(name.as_bytes())
                .ok()
                .zip(HeaderValue::from_str(value).ok());
            let (name, value) = pair.ok_or_else(|| StdioError::Header { name: name.clone() })?;
            headers.insert(name, value);
        }
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        let both = HeaderValue::from_static("application/json, text/event-stream");
        headers.insert(ACCEPT, both);
        Ok(headers)
    }
}

/// Hands on each line of `input` as a message, and writes each answer as a line, until the input
/// ends.
///
/// # Errors
///
/// When a pipe breaks. What goes wrong with a message is answered to it.
pub fn bridge(
    remote: &Remote,
    mut input: impl BufRead,
    mut output: impl Write,
) -> Result<(), StdioError> {
    // Once in a process; a second provider is refused and the first is kept.
    _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let client = Client::builder()
        // A call lasts as long as the tool does, and nothing on the loopback goes astray.
        .timeout(None)
        .no_proxy()
        .build()
        .map_err(StdioError::Client)?;
    let mut headers = remote.headers()?;
    let mut line = Vec::new();
    loop {
        line.clear();
        let mut bounded = input.by_ref().take(MESSAGE);
        if bounded
            .read_until(b'\n', &mut line)
            .map_err(StdioError::Pipe)?
            == 0
        {
            return Ok(());
        }
        if line.iter().all(u8::is_ascii_whitespace) {
            continue;
        }
        for answer in answers(&client, remote, &mut headers, &line) {
            writeln!(output, "{answer}").map_err(StdioError::Pipe)?;
        }
        output.flush().map_err(StdioError::Pipe)?;
    }
}

fn answers(client: &Client, remote: &Remote, headers: &mut HeaderMap, line: &[u8]) -> Vec<Value> {
    let Ok(message) = serde_json::from_slice::<Value>(line) else {
        return vec![failure(&Value::Null, NOT_JSON, "the message is no JSON")];
    };
    let id = message.get("id").unwrap_or(&Value::Null);
    let sent = client
        .post(&remote.url)
        .headers(headers.clone())
        .body(line.to_vec())
        .send();
    match sent {
        Ok(response) => {
            if let Some(session) = response.headers().get(SESSION) {
                headers.insert(SESSION, session.clone());
            }
            read(response, id)
        }
        Err(error) if id.is_null() => {
            tracing::warn!(%error, "a notification was not handed on");
            Vec::new()
        }
        Err(error) => vec![failure(id, FAILED, &error.to_string())],
    }
}

fn read(response: Response, id: &Value) -> Vec<Value> {
    let status = response.status();
    let streams = response
        .headers()
        .get(CONTENT_TYPE)
        .is_some_and(|kind| kind.as_bytes().starts_with(b"text/event-stream"));
    let mut body = Vec::new();
    match response.take(MESSAGE).read_to_end(&mut body) {
        Ok(_) => messages(&body, streams, id, &status),
        Err(error) => vec![failure(id, FAILED, &error.to_string())],
    }
}

/// The messages of an answer: JSON, or the data of server-sent events. Where it has none, the request of that id
/// is told so, with the status.
pub fn messages(body: &[u8], streams: bool, id: &Value, status: &impl Display) -> Vec<Value> {
    let text = String::from_utf8_lossy(body);
    let messages: Vec<Value> = if streams {
        events(&text)
            .filter_map(|data| serde_json::from_str(&data).ok())
            .collect()
    } else {
        serde_json::from_str(&text).into_iter().collect()
    };
    if messages.is_empty() && !id.is_null() {
        let reason = format!("the MCP server answered {status}: {}", text.trim());
        return vec![failure(id, FAILED, &reason)];
    }
    messages
}

/// The data of each server-sent event, its lines joined.
fn events(text: &str) -> impl Iterator<Item = String> {
    text.split("\n\n").map(|event| {
        let lines = event.lines().filter_map(|line| line.strip_prefix("data:"));
        let lines: Vec<&str> = lines
            .map(|line| line.strip_prefix(' ').unwrap_or(line))
            .collect();
        lines.join("\n")
    })
}

fn failure(id: &Value, code: i32, message: &str) -> Value {
    json!({"jsonrpc": "2.0", "id": id, "error": {"code": code, "message": message}})
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_give_their_data_whatever_else_they_say() {
        let text = "data: \nid: 0\nretry: 3000\n\ndata: {\"a\":\ndata:1}\nid: 1\n\n";
        let data: Vec<String> = events(text).filter(|data| !data.is_empty()).collect();
        assert_eq!(data, ["{\"a\":\n1}"]);
    }

    #[test]
    fn a_file_names_its_servers_or_says_what_is_wrong() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("mcp.json");
        let failure = |name: &str| Remote::of_file(&path, name).expect_err("refused");
        assert!(matches!(failure("github"), StdioError::Read { .. }));
        std::fs::write(&path, "[]").expect("written");
        assert!(matches!(failure("github"), StdioError::Syntax { .. }));
        std::fs::write(&path, r#"{"mcpServers":{"github":{"url":"http://x"}}}"#).expect("written");
        assert!(matches!(failure("slack"), StdioError::Absent { .. }));
        let github = Remote::of_file(&path, "github").expect("there");
        assert_eq!(github.url, "http://x");
    }
}
