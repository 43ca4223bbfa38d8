//! The tools of a service's official MCP server, as its clone has them.
//!
//! A tool call is requests to the same operations that SDKs call: it changes the same state and
//! leaves the same evidence. What the tool adds is how it reads its arguments and words its answer.

use std::fmt;

use serde_json::{Map, Value};

use super::{CloneRequest, CloneResponse, RecordedTool, Restored};

/// The arguments of a tool call.
pub type Arguments = Map<String, Value>;

/// Sends one request to the clone and gives back what it answered.
pub type Ask<'a> = &'a mut dyn FnMut(CloneRequest) -> CloneResponse;

/// A service's official MCP server.
#[derive(Clone, Copy)]
pub struct McpFace {
    /// The name it gives itself.
    pub server: &'static str,
    /// The host and path at which the vendor serves it, where it does.
    pub remote: Option<(&'static str, &'static str)>,
    /// The definitions of the modelled tools as the vendor publishes them: a JSON array.
    pub definitions: &'static str,
    /// The modelled tools, sorted by name; each has a definition and each definition a tool.
    pub tools: &'static [Tool],
    /// Names of published tools that are not modelled, sorted.
    pub unmodelled: &'static [&'static str],
    /// What the service answered to a request of a recorded tool call, as far as the tool's result
    /// shows it; none where it does not.
    pub restore: fn(&RecordedTool<'_>, &CloneRequest) -> Option<Restored>,
}

impl fmt::Debug for McpFace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("McpFace")
            .field("server", &self.server)
            .field("tools", &self.tools.len())
            .finish_non_exhaustive()
    }
}

/// A modelled tool.
#[derive(Debug, Clone, Copy)]
pub struct Tool {
    /// Its published name: `issue_read`.
    pub name: &'static str,
    /// The ids of the operations it calls, sorted.
    pub operations: &'static [&'static str],
    /// Calls it.
    pub call: fn(&Arguments, Ask<'_>) -> ToolAnswer,
}

/// What a tool answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ToolAnswer {
    /// A result.
    Text(String),
    /// A result with a file in it.
    File {
        /// What the tool says about it.
        text: String,
        /// The address of the file among the server's resources.
        uri: String,
        /// Its media type.
        mime_type: String,
        /// Its content.
        content: FileContent,
    },
    /// A result that says what went wrong (`isError`), for the model to read.
    Refused(String),
    /// An error of the protocol, where the official server answers with one.
    Fault(String),
    /// The arguments ask for something that the service has and the clone does not: what it is.
    Unmodelled(String),
}

/// The content of a file that a tool answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FileContent {
    /// Text.
    Text(String),
    /// Bytes, as base64.
    Base64(String),
}
