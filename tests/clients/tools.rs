//! MCP as its official client speaks it: at GitHub's own address, over stdin and stdout, and what a
//! tool that is not modelled does to a run.

use archal_testkit::cli::TestEnv;

use super::clients;

const SCENARIO: &str = r#"# MCP

## Prompt

Use the tools.

## Success Criteria

- [D] An issue is made each way: `diff.github.issues.added.map(i, i.title) == ["over https", "over stdio"]`
- [D] The client saw what it expected: `run.exitCode == 0`
- [D] Calls name their tool: `calls.filter(c, c.tool == "issue_write" && c.operation == "issues/create").size() == 2`
- [D] A tool there is none of is no operation: `calls.filter(c, c.tool == "no_such_tool" && c.status == 400 && c.operation == null).size() == 2`

## Config

clones: github
seed: github:stale-issues
route: isolated
timeout: 60
"#;

/// What both ways share: lists the tools, makes an issue, and asks for one that is not there.
const AGENT: &str = r#"
import { pathToFileURL } from "node:url";
const sdk = (name) => import(pathToFileURL(`${process.env.MCP_SDK}/${name}.js`));
const { Client } = await sdk("client/index");
const use = async (transport, title) => {
  const client = new Client({ name: "test", version: "1" });
  await client.connect(transport);
  const { tools } = await client.listTools();
  if (!tools.every(({ inputSchema }) => inputSchema.type === "object")) throw new Error("schemas");
  const names = tools.map(({ name }) => name).join(" ");
  const repo = { owner: "acme", repo: "webapp" };
  const made = await client.callTool({ name: "issue_write", arguments: { ...repo, method: "create", title } });
  if (made.isError) throw new Error(made.content[0].text);
  const wrong = await client.callTool({ name: "issue_write", arguments: { ...repo, method: "update", issue_number: 9999, title } });
  if (!wrong.isError || !wrong.content[0].text.includes("404 Not Found")) throw new Error(wrong.content[0].text);
  const unknown = await client.callTool({ name: "no_such_tool", arguments: {} }).then(() => "answered", (error) => error.message);
  if (!unknown.includes("unknown tool")) throw new Error(unknown);
  if (process.env.UNMODELLED) await client.callTool({ name: "delete_repository", arguments: { ...repo } });
  await client.close();
  return names;
};
const { StreamableHTTPClientTransport } = await sdk("client/streamableHttp");
const url = new URL("https://api.githubcopilot.com/mcp/");
const headers = { Authorization: `Bearer ${process.env.GITHUB_TOKEN}` };
const https = await use(new StreamableHTTPClientTransport(url, { requestInit: { headers } }), "over https");
const unsigned = await fetch(url, { method: "POST", headers: { "content-type": "application/json", accept: "application/json, text/event-stream" }, body: "{}" });
if (unsigned.status !== 401) throw new Error(`unsigned: ${unsigned.status}`);
const { StdioClientTransport } = await sdk("client/stdio");
const command = { command: process.env.ARCHAL, args: ["clone", "mcp", "github"], env: process.env };
const stdio = await use(new StdioClientTransport(command), "over stdio");
if (https !== stdio) throw new Error(`${https} is not ${stdio}`);
console.log(https);
"#;

fn world() -> TestEnv {
    let mut world = TestEnv::new(env!("CARGO_BIN_EXE_archal"));
    world.with_callers_programs();
    let sdk = clients().join("js/node_modules/@modelcontextprotocol/sdk/dist/esm");
    world.set("MCP_SDK", sdk.display().to_string());
    world.set("ARCHAL", env!("CARGO_BIN_EXE_archal"));
    world.write("mcp.md", SCENARIO);
    world.write("harness.mjs", AGENT);
    world
}

#[test]
fn the_official_client_works_at_githubs_address_and_over_stdin() {
    let output = world().run(&["run", "mcp.md", "-o", "json"]).ended(0);
    let result = &output.json()["scenarios"][0]["results"][0];
    let clone = archal::app::clones()
        .iter()
        .find(|clone| clone.name == "github");
    let face = clone.expect("github").mcp.expect("tools");
    let tools: Vec<&str> = face.tools.iter().map(|tool| tool.name).collect();
    assert_eq!(result["answer"], tools.join(" "));
    assert_eq!(result["route"]["level"], "isolated");
}

#[test]
fn a_tool_that_is_not_modelled_makes_a_run_inconclusive() {
    let mut world = world();
    world.set("UNMODELLED", "1");
    let output = world.run(&["run", "mcp.md", "-o", "json"]).ended(4);
    let result = &output.json()["scenarios"][0]["results"][0];
    assert_eq!(
        result["unmodelled"][0], "the MCP tool delete_repository",
        "{result}"
    );
}
