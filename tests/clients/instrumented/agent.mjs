// The desk again, as Vercel's AI SDK has it: `generateText` with tools, its telemetry on, octokit below.
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";

// Its packages are not beside it.
const packages = createRequire(process.argv[2]);
const load = (name) => import(pathToFileURL(packages.resolve(name)));
const { generateText, stepCountIs, tool } = await load("ai");
const { createOpenAI } = await load("@ai-sdk/openai");
const { OTLPTraceExporter } = await load("@opentelemetry/exporter-trace-otlp-http");
const { resourceFromAttributes } = await load("@opentelemetry/resources");
const { BatchSpanProcessor, NodeTracerProvider } = await load("@opentelemetry/sdk-trace-node");
const { z } = await load("zod");
const bundle = new URL("../dist-bundle/index.js", pathToFileURL(packages.resolve("octokit")));
const { Octokit } = await import(bundle);

const TASK = "Close the newest open issue of octocat/hello-service with a comment, and say which it was.";

const provider = new NodeTracerProvider({
  resource: resourceFromAttributes({ "service.name": process.env.OTEL_SERVICE_NAME }),
  spanProcessors: [new BatchSpanProcessor(new OTLPTraceExporter())],
});
provider.register();

const { issues } = new Octokit({ auth: process.env.GITHUB_TOKEN }).rest;
const one = { owner: z.string(), repo: z.string() };
const numbered = { ...one, issue_number: z.number() };
const method = (call, fields) =>
  tool({ inputSchema: z.object(fields), execute: async (given) => (await call(given)).data });
await generateText({
  model: createOpenAI().chat("model-x"),
  prompt: TASK,
  tools: {
    issues_list_for_repo: method(issues.listForRepo, { ...one, state: z.enum(["open", "closed"]) }),
    issues_create_comment: method(issues.createComment, { ...numbered, body: z.string() }),
    issues_update: method(issues.update, { ...numbered, state: z.string(), state_reason: z.string() }),
  },
  stopWhen: stepCountIs(6),
  experimental_telemetry: { isEnabled: true, functionId: "desk" },
});
await provider.shutdown();
