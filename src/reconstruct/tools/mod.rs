//! Which calls of tools were calls of a cloned service: by the names of official MCP servers, by the
//! names of SDK methods, and by what the repository says of its agent's own tools.

/// What the repository says of its agent's own tools.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Tools {}
