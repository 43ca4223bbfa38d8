// Writes digests of issues with the tools of GitHub's MCP server, over the official client. What a
// model would decide is decided by rules here, so that it runs without a key and does the same
// every time.
import { readFile, rm, writeFile } from "node:fs/promises";

import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { StreamableHTTPClientTransport } from "@modelcontextprotocol/sdk/client/streamableHttp.js";

const { mcpServers } = JSON.parse(await readFile(process.env.ARCHAL_MCP_CONFIG, "utf8"));
const { url, headers } = mcpServers.github;
const client = new Client({ name: "digest-mcp", version: "1.0.0" });
await client.connect(new StreamableHTTPClientTransport(new URL(url), { requestInit: { headers } }));

const spans = [];

async function call(name, args) {
  const startedAt = new Date().toISOString();
  const result = await client.callTool({ name, arguments: args });
  const [{ text }] = result.content;
  spans.push({
    id: `s${spans.length + 1}`,
    name,
    kind: "tool",
    startedAt,
    endedAt: new Date().toISOString(),
    status: result.isError ? "error" : "ok",
    input: args,
    output: text.slice(0, 500),
  });
  if (result.isError) throw new Error(`${name}: ${text}`);
  return JSON.parse(text);
}

const task = process.env.AGENT_TASK ?? "";
const [, owner, repo] = /([\w.-]+)\/([\w.-]*\w)/.exec(task) ?? [];
const hidden = [...task.matchAll(/label `(.+?)`/g)].map(([, label]) => label);
const shown = (issue) => !(issue.labels ?? []).some((label) => hidden.includes(label));

async function digest(title, issues) {
  const body = issues.map((issue) => `- #${issue.number} ${issue.title}`).join("\n");
  const { url } = await call("issue_write", { method: "create", owner, repo, title, body });
  return `${issues.length} issues in ${url}`;
}

async function unassignedBugs() {
  const issues = [];
  let after;
  do {
    const page = await call("list_issues", {
      owner,
      repo,
      state: "OPEN",
      labels: ["bug"],
      perPage: 10,
      ...(after && { after }),
    });
    issues.push(...page.issues);
    after = page.pageInfo.hasNextPage ? page.pageInfo.endCursor : undefined;
  } while (after);
  return digest("Unassigned bugs", issues.filter((issue) => issue.assignees.length === 0 && shown(issue)));
}

// The defect: one page is all there is to it.
async function openIssues() {
  const { issues } = await call("list_issues", { owner, repo, state: "OPEN" });
  return digest("Open issues", issues.filter(shown));
}

// The defect: the number of the last digest is kept in a file and not looked up, so every other
// run comments on an issue that is not there.
async function comment() {
  const memory = new URL(".digest.json", import.meta.url);
  const last = await readFile(memory, "utf8").then(JSON.parse, () => undefined);
  await rm(memory, { force: true });
  if (last) {
    await call("add_issue_comment", { owner, repo, issue_number: last, body: "Still true." });
    return `commented on #${last}`;
  }
  const made = await call("issue_write", { method: "create", owner, repo, title: "Weekly digest" });
  await writeFile(memory, made.url.split("/").at(-1));
  return `opened ${made.url}`;
}

// The defect: it waits for as long as it takes.
async function waitForAnswer() {
  for (;;) {
    const args = { method: "get_comments", owner, repo, issue_number: 52 };
    const comments = await call("issue_read", args);
    const answer = comments.find(({ body }) => body.startsWith("Answer:"));
    if (answer) return answer.body;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

const SKILLS = [
  [/unassigned/i, unassignedBugs],
  [/every open/i, openIssues],
  [/weekly/i, comment],
  [/answer/i, waitForAnswer],
];

const skill = SKILLS.find(([words]) => words.test(task))?.[1];
let code = 0;
try {
  if (!owner || !skill) throw new Error(`I do not know how to do that: ${task}`);
  console.log(JSON.stringify({ payloads: [{ text: await skill() }] }));
} catch (error) {
  console.error(error.message);
  code = 1;
}
const trace = {
  id: process.env.AGENT_SESSION_ID,
  name: "digest",
  startedAt: spans[0]?.startedAt,
  endedAt: spans.at(-1)?.endedAt,
  status: code === 0 ? "ok" : "error",
  input: task,
  spans,
};
await writeFile(
  process.env.AGENT_TRACE_FILE,
  JSON.stringify({ schema: "archal.trace.upload-batch", version: 1, complete: true, traces: [trace] }),
);
await client.close();
process.exitCode = code;
