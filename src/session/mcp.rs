//! The MCP servers of a session's clones: the tools of the official ones, over streamable HTTP.
//!
//! A client that begins a session gets a session id and answers as server-sent events; one that
//! accepts nothing but JSON gets JSON, without a session. A tool call ends in calls of the clone's
//! operations ([`exchange::call_tool`]), which is where evidence comes from.

use std::io;
use std::sync::{Arc, OnceLock, Weak};
use std::time::Duration;

use archal_core::clone::{Arguments, CloneDescriptor, FileContent, McpFace, ToolAnswer};
use http::header::{ACCEPT, AUTHORIZATION, HeaderValue, WWW_AUTHENTICATE};
use http::request::Parts;
use http::{Method, Request, Response, StatusCode};
use http_body_util::Either;
use hyper::body::Incoming;
use rmcp::model::{
    CallToolRequestParams, CallToolResponse, CallToolResult, ContentBlock, CustomRequest,
    CustomResult, ErrorCode, ErrorData, Implementation, ListToolsResult, PaginatedRequestParams,
    ResourceContents, ServerCapabilities, ServerConfig, Tool as Definition,
};
use rmcp::service::{RequestContext, RoleServer};
use rmcp::transport::streamable_http_server::session::local::LocalSessionManager;
use rmcp::transport::streamable_http_server::{StreamableHttpServerConfig, StreamableHttpService};
use rmcp::{ErrorData as McpError, ServerHandler};
use serde_json::{Map, Value, json};

use super::door::Door;
use super::exchange::{self, Body, Instead};
use super::server::{Hosted, Shared};

/// The path of a clone's MCP URL.
const PATH: &str = "/mcp";
/// Most bytes of a message.
const MESSAGE: usize = 32 * 1024 * 1024;
/// A client may be silent for as long as a model thinks; the session ends before that.
const IDLE: Duration = Duration::from_secs(24 * 3600);
/// JSON-RPC's code of an error that has none of its own, as the official servers' library has it.
const NO_CODE: ErrorCode = ErrorCode(0);

/// The requests that are answered.
const KNOWN: [&str; 4] = ["initialize", "ping", "tools/call", "tools/list"];

type Service = StreamableHttpService<Tools, LocalSessionManager>;

/// The servers of the clones, by position; none for a clone without tools.
#[derive(Default)]
pub(super) struct Faces(OnceLock<Vec<Option<Face>>>);

/// A clone's server, once with sessions and once without.
struct Face {
    sessions: Service,
    single: Service,
}

/// Where a request leads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Way {
    /// To the clone's tools.
    Tools,
    /// To its operations.
    Operations,
    /// To a part of the MCP host that is no MCP server.
    Nowhere,
}

/// The address of the tools behind a port.
pub(super) fn url(port: u16) -> String {
    format!("http://127.0.0.1:{port}{PATH}")
}

/// The file that tells clients of MCP where the servers are; `tools` has positions and ports.
pub(super) fn servers(clones: &[&CloneDescriptor], tools: &[(usize, u16)]) -> Value {
    let servers: Map<String, Value> = tools
        .iter()
        .map(|(clone, port)| {
            let clone = clones[*clone];
            let mut server = json!({"type": "http", "url": url(*port)});
            if let Some(bearer) = credential(clone) {
                server["headers"] = json!({"Authorization": bearer});
            }
            (clone.name.to_owned(), server)
        })
        .collect();
    json!({"mcpServers": servers})
}

/// The credential that the clone gives out.
fn credential(clone: &CloneDescriptor) -> Option<String> {
    let (_, token) = clone.credentials.first()?;
    Some(format!("Bearer {token}"))
}

/// Where a request for a clone leads.
pub(super) fn leads_to(shared: &Shared, door: Door, host: &str, clone: usize, path: &str) -> Way {
    let clone = &shared.clones[clone].clone;
    let below = |root: &str| {
        path.strip_prefix(root)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    };
    let remote = clone.mcp.and_then(|face| face.remote);
    match (door, remote) {
        (Door::Tools { .. }, _) if below(PATH) => Way::Tools,
        (Door::Tools { .. }, _) => Way::Nowhere,
        (Door::Base { .. } | Door::Host { .. }, _) => Way::Operations,
        (_, Some((remote, root))) if host == remote && below(root) => Way::Tools,
        (_, Some((remote, _))) if host == remote => Way::Nowhere,
        _ => Way::Operations,
    }
}

/// The servers of a session's clones, made when the first message to one comes.
fn made(shared: &Arc<Shared>) -> Vec<Option<Face>> {
    let make = |(clone, hosted): (usize, &Hosted)| {
        let face = hosted.clone.mcp?;
        let definitions = serde_json::from_str::<Vec<Definition>>(face.definitions)
            .inspect_err(|error| tracing::error!(%error, "{}: tools are not defined", face.server))
            .ok()?;
        let tools = Tools {
            shared: Arc::downgrade(shared),
            clone,
            face,
            definitions: definitions.into(),
        };
        Some(Face {
            sessions: service(tools.clone(), true),
            single: service(tools, false),
        })
    };
    shared.clones.iter().enumerate().map(make).collect()
}

fn service(tools: Tools, sessions: bool) -> Service {
    let mut manager = LocalSessionManager::default();
    manager.session_config.keep_alive = Some(IDLE);
    // Whoever comes through these doors is a child of this session; no browser reaches them.
    let config = StreamableHttpServerConfig::default()
        .disable_allowed_hosts()
        .with_legacy_session_mode(sessions)
        .with_json_response(!sessions)
        .with_max_request_body_bytes(MESSAGE);
    let make = move || Ok::<_, io::Error>(tools.clone());
    StreamableHttpService::new(make, Arc::new(manager), config)
}

/// Answers a message to a clone's MCP server.
pub(super) async fn answer(
    shared: &Arc<Shared>,
    door: Door,
    clone: usize,
    mut request: Request<Incoming>,
) -> Response<Body> {
    let plain = |status, text: &'static str| {
        exchange::plain(status, text).map(|body| Either::Left(Either::Left(body)))
    };
    let faces = shared.faces.0.get_or_init(|| made(shared));
    let Some(Some(face)) = faces.get(clone) else {
        return plain(StatusCode::NOT_FOUND, "this clone has no tools\n");
    };
    // The server has nothing to say unasked, and a stream held open would outlast its client.
    if request.method() == Method::GET {
        return plain(
            StatusCode::METHOD_NOT_ALLOWED,
            "this server does not stream unasked\n",
        );
    }
    // Only who came to the address of the session's own, for which the host is checked.
    let is_own = matches!(door, Door::Tools { .. });
    if !request.headers().contains_key(AUTHORIZATION) {
        let own = credential(&shared.clones[clone].clone)
            .filter(|_| is_own)
            .and_then(|bearer| HeaderValue::from_str(&bearer).ok());
        match own {
            Some(own) => request.headers_mut().insert(AUTHORIZATION, own),
            None => {
                let text = "bad request: missing required Authorization header\n";
                let mut refused = plain(StatusCode::UNAUTHORIZED, text);
                let bearer = HeaderValue::from_static("Bearer error=\"invalid_request\"");
                refused.headers_mut().insert(WWW_AUTHENTICATE, bearer);
                return refused;
            }
        };
    }
    let accepts = |kind: &str| {
        let values = request.headers().get_all(ACCEPT).iter();
        values
            .filter_map(|value| value.to_str().ok())
            .any(|value| value.contains(kind))
    };
    let json_alone = accepts("application/json") && !accepts("text/event-stream");
    let service = if json_alone {
        let both = HeaderValue::from_static("application/json, text/event-stream");
        request.headers_mut().insert(ACCEPT, both);
        &face.single
    } else {
        &face.sessions
    };
    service.handle(request).await.map(Either::Right)
}

/// The tools of one clone.
#[derive(Clone)]
struct Tools {
    shared: Weak<Shared>,
    clone: usize,
    face: &'static McpFace,
    definitions: Arc<[Definition]>,
}

impl Tools {
    fn call(
        &self,
        name: &str,
        arguments: &Arguments,
        caller: &str,
    ) -> Result<ToolAnswer, McpError> {
        let reason = format!("unknown tool \"{name}\"");
        let unknown = || ErrorData::invalid_params(reason.clone(), None);
        let shared = self.shared.upgrade().ok_or_else(unknown)?;
        if let Some(tool) = self.face.tools.iter().find(|tool| tool.name == name) {
            return Ok(exchange::call_tool(
                &shared, self.clone, tool, arguments, caller,
            ));
        }
        let tool_call = shared.ledger.tool_call(name);
        let record = |instead| {
            exchange::record(&shared, self.clone, &tool_call, arguments, instead);
        };
        if self.face.unmodelled.binary_search(&name).is_err() {
            record(Instead::Refused(&reason));
            return Err(unknown());
        }
        let what = format!("the MCP tool {name}");
        record(Instead::Gap(&what));
        Ok(ToolAnswer::Unmodelled(what))
    }
}

impl ServerHandler for Tools {
    fn get_info(&self) -> ServerConfig {
        let version = env!("CARGO_PKG_VERSION");
        ServerConfig::new(ServerCapabilities::builder().enable_tools().build())
            .with_server_info(Implementation::new(self.face.server, version))
    }

    async fn list_tools(
        &self,
        _: Option<PaginatedRequestParams>,
        _: RequestContext<RoleServer>,
    ) -> Result<ListToolsResult, McpError> {
        Ok(ListToolsResult::with_all_items(self.definitions.to_vec()))
    }

    /// The library takes a request whose parameters it cannot read for one that it does not know.
    async fn on_custom_request(
        &self,
        request: CustomRequest,
        _: RequestContext<RoleServer>,
    ) -> Result<CustomResult, McpError> {
        let method = request.method;
        Err(if KNOWN.contains(&method.as_str()) {
            McpError::invalid_params(format!("the params of {method} are not its own"), None)
        } else {
            let said = format!("{method} is not a method of this server");
            McpError::new(ErrorCode::METHOD_NOT_FOUND, said, None)
        })
    }

    async fn call_tool(
        &self,
        request: CallToolRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<CallToolResponse, McpError> {
        let caller = context
            .extensions
            .get::<Parts>()
            .and_then(|parts| parts.headers.get(AUTHORIZATION)?.to_str().ok())
            .unwrap_or_default();
        let arguments = request.arguments.unwrap_or_default();
        let text = |text| vec![ContentBlock::text(text)];
        let result = match self.call(&request.name, &arguments, caller)? {
            ToolAnswer::Text(result) => CallToolResult::success(text(result)),
            ToolAnswer::File {
                text,
                uri,
                mime_type,
                content,
            } => {
                let contents = match content {
                    FileContent::Text(text) => ResourceContents::text(text, uri),
                    FileContent::Base64(blob) => ResourceContents::blob(blob, uri),
                };
                CallToolResult::success(vec![
                    ContentBlock::text(text),
                    ContentBlock::resource(contents.with_mime_type(mime_type)),
                ])
            }
            ToolAnswer::Refused(reason) => CallToolResult::error(text(reason)),
            ToolAnswer::Unmodelled(what) => {
                CallToolResult::error(text(format!("{what}: not modelled by this local clone")))
            }
            ToolAnswer::Fault(reason) => return Err(ErrorData::new(NO_CODE, reason, None)),
        };
        Ok(result.into())
    }
}
