//! MCP as its official client speaks it: at GitHub's own address, over stdin and stdout. It creates,
//! reads, updates and deletes, turns pages, and is told what GitHub would refuse it; a tool that is
//! not modelled makes a run inconclusive.

use archal_testkit::cli::TestEnv;

use super::clients;

const SCENARIO: &str = r#"# MCP

## Prompt

Use the tools.

## Success Criteria

- [D] An issue is made each way: `diff.github.issues.added.map(i, i.title) == ["over https", "over stdio"]`
- [D] It is changed: `diff.github.issues.added.map(i, i.body) == ["second", "second"]`
- [D] The client saw what it expected: `run.exitCode == 0`
- [D] Calls name their tool: `calls.filter(c, c.tool == "issue_write" && c.operation == "issues/create" && c.status == 201).size() == 2`
- [D] A tool there is none of is no operation: `calls.filter(c, c.tool == "no_such_tool" && c.status == 400 && c.operation == null).size() == 2`

## Config

clones: github
seed: github:stale-issues
route: isolated
timeout: 60
"#;

/// The official client, and the two ways that lead to the tools.
const CLIENT: &str = r#"
import { pathToFileURL } from "node:url";
const sdk = (name) => import(pathToFileURL(`${process.env.MCP_SDK}/${name}.js`));
const { Client } = await sdk("client/index");
const { StreamableHTTPClientTransport } = await sdk("client/streamableHttp");
const { StdioClientTransport } = await sdk("client/stdio");
const url = new URL("https://api.githubcopilot.com/mcp/");
const headers = { Authorization: `Bearer ${process.env.GITHUB_TOKEN}` };
const command = { command: process.env.ARCHAL, args: ["clone", "mcp", "github"], env: process.env };
const ways = {
  https: () => new StreamableHTTPClientTransport(url, { requestInit: { headers } }),
  stdio: () => new StdioClientTransport(command),
};
const repo = { owner: "acme", repo: "webapp" };
const connect = async (way) => {
  const client = new Client({ name: "test", version: "1" });
  await client.connect(ways[way]());
  return client;
};
"#;

/// What both ways share: lists the tools, makes, reads, changes and deletes, turns pages, and is
/// refused what GitHub refuses.
const AGENT: &str = r#"
const use = async (way, open) => {
  const client = await connect(way);
  const { tools } = await client.listTools();
  if (!tools.every(({ inputSchema }) => inputSchema.type === "object")) throw new Error("schemas");
  const names = tools.map(({ name }) => name).join(" ");
  const call = (name, args) => client.callTool({ name, arguments: { ...repo, ...args } });
  const told = async (name, args) => {
    const { isError, content } = await call(name, args);
    if (isError) throw new Error(`${name}: ${content[0].text}`);
    return content[1]?.resource.text ?? JSON.parse(content[0].text);
  };
  const refused = async (words, name, args) => {
    const { isError, content } = await call(name, args);
    if (!isError || !content[0].text.includes(words)) throw new Error(`${name}: ${content[0].text}`);
  };
  const same = (found, expected) => {
    if (found !== expected) throw new Error(`${found} is not ${expected}`);
  };

  const made = await told("issue_write", { method: "create", title: `over ${way}`, body: "first" });
  const issue_number = Number(made.url.split("/").at(-1));
  const read = () => told("issue_read", { method: "get", issue_number });
  same((await read()).body, "first");
  await told("issue_write", { method: "update", issue_number, body: "second", labels: ["bug"] });
  const after = await read();
  same(`${after.title}: ${after.body} ${after.labels}`, `over ${way}: second bug`);

  const numbers = [];
  let page = { pageInfo: {} };
  do {
    page = await told("list_issues", { state: "OPEN", perPage: 20, after: page.pageInfo.endCursor });
    numbers.push(...page.issues.map(({ number }) => number));
    same(page.totalCount, open);
  } while (page.pageInfo.hasNextPage);
  same(numbers.length, open);
  same(new Set(numbers).size, open);

  const file = { path: `${way}.md`, branch: "main" };
  const write = (content, sha) => ["create_or_update_file", { ...file, content, sha, message: content }];
  const { content: { sha } } = await told(...write("one"));
  await told(...write("two", sha));
  same(await told("get_file_contents", { path: file.path, ref: "main" }), "two");
  await refused(`provided SHA ${sha} is stale`, ...write("three", sha));
  const branch = { branch: `from-${way}`, from_branch: "main" };
  await told("create_branch", branch);
  await refused("failed to create branch: Reference already exists", "create_branch", branch);
  await told("delete_file", { ...file, message: "Less" });
  const kept = await call("get_file_contents", { path: file.path, ref: "main" });
  if (JSON.stringify(kept).includes("successfully")) throw new Error(JSON.stringify(kept));

  await refused("missing required parameter: title", "issue_write", { method: "create" });
  await refused("Validation Failed", "issue_write", { method: "create", title: "No", assignees: ["nobody-there"] });
  await refused("404 Not Found", "issue_write", { method: "update", issue_number: 9999, title: "No" });
  const unknown = await client.callTool({ name: "no_such_tool", arguments: {} }).then(() => "answered", (error) => error.message);
  if (!unknown.includes("unknown tool")) throw new Error(unknown);
  if (process.env.UNMODELLED) await call("delete_repository", {});
  await client.close();
  return names;
};
// Open issues of the seed, and those made here.
const https = await use("https", 47);
const unsigned = await fetch(url, { method: "POST", headers: { "content-type": "application/json", accept: "application/json, text/event-stream" }, body: "{}" });
if (unsigned.status !== 401) throw new Error(`unsigned: ${unsigned.status}`);
const stdio = await use("stdio", 48);
if (https !== stdio) throw new Error(`${https} is not ${stdio}`);
console.log(https);
"#;

/// Asks until it is refused, over each way, and says what it was told.
const ASKS: &str = r#"
for (const way of Object.keys(ways)) {
  const client = await connect(way);
  for (const name of ["issue_read", "issue_read", "issue_write"]) {
    const method = { issue_read: "get", issue_write: "create" }[name];
    const args = { ...repo, method, issue_number: 1, title: "New" };
    const told = await client.callTool({ name, arguments: args }).then(
      ({ isError, content }) => (isError ? content[0].text : "answered"),
      (error) => error.message,
    );
    console.log(way, name, told);
  }
  await client.close();
}
"#;

fn world() -> TestEnv {
    let mut world = TestEnv::new(env!("CARGO_BIN_EXE_archal"));
    world.with_callers_programs();
    let sdk = clients().join("js/node_modules/@modelcontextprotocol/sdk/dist/esm");
    world.set("MCP_SDK", sdk.display().to_string());
    world.set("ARCHAL", env!("CARGO_BIN_EXE_archal"));
    world.write("mcp.md", SCENARIO);
    world.write("harness.mjs", &format!("{CLIENT}{AGENT}"));
    world
}

/// What the client that asks is told in a run with more options.
fn told(options: &[&str]) -> String {
    let world = world();
    world.write("harness.mjs", &format!("{CLIENT}{ASKS}"));
    let mut arguments = vec!["run", "--task", "Ask.", "--clone", "github", "-o", "json"];
    arguments.extend(["--seed", "stale-issues", "--harness", "harness.mjs"]);
    arguments.extend(options);
    let output = world.run(&arguments).ended(0);
    let result = &output.json()["scenarios"][0]["results"][0];
    assert_eq!(result["route"]["level"], "isolated");
    result["answer"].as_str().unwrap_or_default().to_owned()
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

#[test]
fn a_used_up_limit_is_an_answer_of_the_tool() {
    insta::assert_snapshot!(told(&["--rate-limit", "4"]), @r"
    https issue_read answered
    https issue_read answered
    https issue_write answered
    stdio issue_read answered
    stdio issue_read MCP error 0: failed to get issue: GET https://api.github.com/repos/acme/webapp/issues/1: 403 API rate limit exceeded for user ID 83001389. []
    stdio issue_write failed to create issue: POST https://api.github.com/repos/acme/webapp/issues: 403 API rate limit exceeded for user ID 83001389. []
    ");
}

#[test]
fn a_refused_burst_is_an_answer_of_the_tool() {
    let burst = ["--fault", "github:issues/create=rate-limit"];
    insta::assert_snapshot!(told(&burst), @r"
    https issue_read answered
    https issue_read answered
    https issue_write failed to create issue: POST https://api.github.com/repos/acme/webapp/issues: 403 You have exceeded a secondary rate limit. Please wait a few minutes before you try again. []
    stdio issue_read answered
    stdio issue_read answered
    stdio issue_write failed to create issue: POST https://api.github.com/repos/acme/webapp/issues: 403 You have exceeded a secondary rate limit. Please wait a few minutes before you try again. []
    ");
}
