// Runs the agent under one release of the AI SDK and writes what it exports.
//
//   record.mjs <4|5|6|7> <folder>
//
// writes `<folder>/ai_sdk_v<N>.json` and `.pb`: the same spans in both encodings.
import fs from "node:fs";
import path from "node:path";
import { z } from "zod";
import { SYSTEM, TASK, TURNS, tools } from "./agent.mjs";
import { register } from "./provider.mjs";
import { serve } from "./service.mjs";

const [release, folder] = process.argv.slice(2);
const service = await serve();
// Stacks name folders of this machine.
Error.stackTraceLimit = 0;
const provider = register(service.url);
const work = tools(service.url);
const sdk = await import(`ai${release}`);
const mocks = await import(`ai${release}/test`);

let turn = 0;
const numbers = { inputTokens: 120, outputTokens: 18, totalTokens: 138 };
const detailed = {
  inputTokens: { total: 120, noCache: 120, cacheRead: 0, cacheWrite: 0 },
  outputTokens: { total: 18, text: 18, reasoning: 0 },
};
const answers = {
  4: (content) => ({
    text: content.find((part) => part.type === "text")?.text,
    toolCalls: content
      .filter((part) => part.type === "tool-call")
      .map((part) => ({ ...part, toolCallType: "function", args: part.input })),
    finishReason: content[0].type === "text" ? "stop" : "tool-calls",
    usage: { promptTokens: 120, completionTokens: 18 },
    rawCall: { rawPrompt: null, rawSettings: {} },
  }),
  5: (content) => ({
    content,
    finishReason: content[0].type === "text" ? "stop" : "tool-calls",
    usage: numbers,
    warnings: [],
  }),
  6: (content) => ({
    content,
    finishReason: { unified: content[0].type === "text" ? "stop" : "tool-calls", raw: undefined },
    usage: detailed,
    warnings: [],
  }),
};
answers[7] = answers[6];
const kind = { 4: "V1", 5: "V2", 6: "V3", 7: "V4" }[release];
const Model = mocks[`MockLanguageModel${kind}`];
const model = new Model({
  modelId: "model-x",
  provider: "mock",
  doGenerate: async () => answers[release](TURNS[turn++]),
});

const schema = release === "4" ? "parameters" : "inputSchema";
const tool = (fields, execute) =>
  sdk.tool({ description: execute.name, [schema]: z.object(fields), execute });
const given = {
  model,
  system: SYSTEM,
  prompt: TASK,
  tools: {
    list_issues: tool({ repo: z.string(), state: z.string() }, work.list_issues),
    close_issue: tool({ repo: z.string(), number: z.number() }, work.close_issue),
  },
  ...(release === "4" ? { maxSteps: 5 } : { stopWhen: sdk.stepCountIs(5) }),
};
if (release === "7") {
  const { OpenTelemetry } = await import("@ai-sdk/otel");
  sdk.registerTelemetry(new OpenTelemetry());
  given.telemetry = { functionId: "janitor", metadata: { userId: "u-1", sessionId: "s-1" } };
} else {
  given.experimental_telemetry = {
    isEnabled: true,
    functionId: "janitor",
    metadata: { userId: "u-1", sessionId: "s-1" },
  };
}
try {
  await sdk.generateText(given);
} catch (error) {
  // Release 4 ends when a tool throws.
  console.error(String(error));
}
await provider.forceFlush();
await provider.shutdown();
service.close();
const name = path.join(folder, `ai_sdk_v${release}`);
// One request a line, as the collector writes its files.
fs.writeFileSync(`${name}.json`, service.exports["/json"].join("\n") + "\n");
fs.writeFileSync(`${name}.pb`, Buffer.concat(service.exports["/protobuf"]));
