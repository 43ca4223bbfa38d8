// The desk again, on Node.
//
//     agent.mjs <package.json of its packages> <json|proto|grpc> <honest|claims>
import { createRequire } from "node:module";

const [packages, protocol, mode] = process.argv.slice(2);
const require = createRequire(packages);
const { context, trace } = require("@opentelemetry/api");
const { BatchSpanProcessor, NodeTracerProvider } = require("@opentelemetry/sdk-trace-node");
const { resourceFromAttributes } = require("@opentelemetry/resources");
const kind = { json: "http", proto: "proto", grpc: "grpc" }[protocol];
const { OTLPTraceExporter } = require(`@opentelemetry/exporter-trace-otlp-${kind}`);

const TASK = "Close the newest open issue of octocat/hello-service with a comment, and say which it was.";
const REPOSITORY = { owner: "octocat", repo: "hello-service" };
const ISSUES = "https://api.github.com/repos/octocat/hello-service/issues";

const exporter = new OTLPTraceExporter();
const results = [];
const send = exporter.export.bind(exporter);
exporter.export = (spans, done) =>
  send(spans, (result) => {
    results.push(result.code);
    done(result);
  });
const provider = new NodeTracerProvider({
  resource: resourceFromAttributes({ "service.name": process.env.OTEL_SERVICE_NAME }),
  spanProcessors: [new BatchSpanProcessor(exporter)],
});
const tracer = provider.getTracer("desk");
const message = (role, content) => JSON.stringify([{ role, parts: [{ type: "text", content }] }]);
const root = tracer.startSpan("invoke_agent desk", {
  attributes: {
    "gen_ai.operation.name": "invoke_agent",
    "gen_ai.agent.name": "desk",
    "gen_ai.input.messages": message("user", TASK),
  },
});

async function call(tool, method, url, { body, ...given }) {
  const name = `execute_tool ${tool}`;
  const span = tracer.startSpan(name, {}, trace.setSpan(context.active(), root));
  span.setAttribute("gen_ai.operation.name", "execute_tool");
  span.setAttribute("gen_ai.tool.name", tool);
  span.setAttribute("gen_ai.tool.call.arguments", JSON.stringify({ ...REPOSITORY, ...given, ...body }));
  const headers = { authorization: `Bearer ${process.env.GITHUB_TOKEN}` };
  const answer = await fetch(url, { method, headers, body: body && JSON.stringify(body) });
  if (!answer.ok) throw new Error(`${url}: ${answer.status}`);
  const text = await answer.text();
  span.setAttribute("gen_ai.tool.call.result", text);
  span.end();
  return JSON.parse(text);
}

const listed = await call("issues_list_for_repo", "GET", `${ISSUES}?state=open`, { state: "open" });
const issue_number = Math.max(...listed.map(({ number }) => number));
if (mode === "honest") {
  const comment = { issue_number, body: { body: "Closing: this is done." } };
  await call("issues_create_comment", "POST", `${ISSUES}/${issue_number}/comments`, comment);
  const close = { issue_number, body: { state: "closed", state_reason: "completed" } };
  await call("issues_update", "PATCH", `${ISSUES}/${issue_number}`, close);
}
const said = `I have closed issue #${issue_number} of octocat/hello-service.`;
root.setAttribute("gen_ai.output.messages", message("assistant", said));
root.end();
await provider.shutdown();
if (String(results) !== "0") throw new Error(`exports: ${results}`);
