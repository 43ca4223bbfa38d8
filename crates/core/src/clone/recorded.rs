//! What recorded calls of tools and SDKs say of the service's answers.
//!
//! A trace of an agent that calls tools holds their arguments and results, not the requests. A
//! tool's own code says which requests they were; what its result keeps of the answers, the clone
//! knows.

use std::collections::BTreeMap;

use serde_json::Value;

use super::Arguments;

/// A recorded call of a tool of the official MCP server.
#[derive(Debug, Clone, Copy)]
pub struct RecordedTool<'a> {
    /// The tool's published name.
    pub tool: &'a str,
    /// The operation of the request that is asked about, where one is modelled.
    pub operation: Option<&'static str>,
    /// The arguments.
    pub arguments: &'a Arguments,
    /// The result: JSON where it is JSON, else text.
    pub result: &'a Value,
    /// Whether the result says of itself that it is an error.
    pub is_error: bool,
    /// The page of a list that is read with cursors, from 1, as far as the trace shows.
    pub page: u64,
}

/// What a service answered, as far as the record of something else shows it.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Restored {
    /// The status.
    pub status: u16,
    /// Headers, names in lower case.
    pub headers: BTreeMap<String, String>,
    /// The body, with the fields that are known; none where nothing of it is.
    pub body: Option<Value>,
    /// The query that has this answer, where the tool asks for more than it hands on.
    pub query: Option<String>,
}

/// A method of a published SDK that is not named after the operation it calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SdkMethod {
    /// The class of what it is called on: `Repository`.
    pub on: &'static str,
    /// Its name: `get_issue`.
    pub name: &'static str,
    /// The id of the operation it calls.
    pub operation: &'static str,
    /// Its parameters that the operation names otherwise, with what it names them.
    pub parameters: &'static [(&'static str, &'static str)],
    /// The parameter that it sends in Base64 and takes as it is.
    pub encoded: Option<&'static str>,
}
