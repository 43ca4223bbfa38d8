//! What calls of tools leave behind that no operation answered.

use archal::config::schema::RouteMode;
use archal_core::clone::{CloneDescriptor, McpFace, Tool, ToolAnswer};
use archal_testkit::echo_clone::ECHO;
use serde_json::{Value, json};

use super::{config, output, python, read, run};

/// The echo clone with tools that go wrong.
static WITH_TOOLS: CloneDescriptor = CloneDescriptor {
    mcp: Some(&FACE),
    ..ECHO
};

const FACE: McpFace = McpFace {
    server: "echo-mcp-server",
    remote: None,
    definitions: r#"[
        {"name": "break", "inputSchema": {"type": "object"}},
        {"name": "refuse", "inputSchema": {"type": "object"}}
    ]"#,
    tools: &[
        Tool {
            name: "break",
            operations: &[],
            call: |_, _| panic!("asked to"),
        },
        Tool {
            name: "refuse",
            operations: &[],
            call: |_, _| ToolAnswer::Refused("missing required parameter: note".to_owned()),
        },
    ],
    unmodelled: &["later"],
    restore: |_, _| None,
};

const CLIENT: &str = r#"
import json, os, urllib.request
server = json.load(open(os.environ["ARCHAL_MCP_CONFIG"]))["mcpServers"]["echo"]
def call(name, arguments={"a": 1}, method="tools/call"):
    body = {"jsonrpc": "2.0", "id": 1, "method": method,
            "params": {"name": name, "arguments": arguments}}
    request = urllib.request.Request(server["url"], json.dumps(body).encode(),
        {**server.get("headers", {}), "Content-Type": "application/json", "Accept": "application/json"})
    with urllib.request.urlopen(request, timeout=10) as answer:
        answer = json.load(answer)
    error = answer.get("error")
    print(name, error["message"] if error else answer["result"]["content"][0]["text"])
for name in ["none", "refuse", "break", "later", "refuse"]: call(name)
call("refuse", arguments=[])
call("refuse", method="tools/none")
"#;

#[test]
fn a_tool_call_that_no_operation_answered_is_recorded_for_what_it_was() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut config = config(folder.path(), RouteMode::Isolated, "empty");
    config.clones[0].clone = &WITH_TOOLS;
    let (ended, _) = run(config, python(CLIENT));
    insta::assert_snapshot!(output(&ended), @r#"
    none unknown tool "none"
    refuse missing required parameter: note
    break the tool failed; this is a fault of archal
    later the MCP tool later: not modelled by this local clone
    refuse missing required parameter: note
    refuse the params of tools/call are not its own
    refuse tools/none is not a method of this server
    "#);
    let calls = read(folder.path(), "calls.jsonl");
    let told: Vec<String> = calls
        .lines()
        .map(|line| {
            let call: Value = serde_json::from_str(line).expect("JSON");
            assert_eq!(call["request"]["body"]["arguments"], json!({"a": 1}));
            format!(
                "{} {} {} {}",
                call["mcp"], call["status"], call["unmodelled"], call["response"]["body"]
            )
        })
        .collect();
    insta::assert_snapshot!(told.join("\n"), @r#"
    {"call":1,"tool":"none"} 400 null {"message":"unknown tool \"none\""}
    {"call":2,"tool":"refuse"} 400 null {"message":"missing required parameter: note"}
    {"call":3,"tool":"break"} 500 "the MCP tool break (the tool failed)" null
    {"call":4,"tool":"later"} 501 "the MCP tool later" null
    {"call":5,"tool":"refuse"} 400 null {"message":"missing required parameter: note"}
    "#);
}
