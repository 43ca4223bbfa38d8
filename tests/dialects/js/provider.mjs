// The OpenTelemetry SDK for Node set up to export each span twice to the loopback, as protobuf and as JSON.
import { OTLPTraceExporter as JsonExporter } from "@opentelemetry/exporter-trace-otlp-http";
import { OTLPTraceExporter as ProtobufExporter } from "@opentelemetry/exporter-trace-otlp-proto";
import { UndiciInstrumentation } from "@opentelemetry/instrumentation-undici";
import { registerInstrumentations } from "@opentelemetry/instrumentation";
import { resourceFromAttributes } from "@opentelemetry/resources";
import { BatchSpanProcessor, NodeTracerProvider } from "@opentelemetry/sdk-trace-node";

export function register(url) {
  const provider = new NodeTracerProvider({
    resource: resourceFromAttributes({ "service.name": "issue-janitor" }),
    spanProcessors: [
      new BatchSpanProcessor(new JsonExporter({ url: `${url}/json` })),
      new BatchSpanProcessor(new ProtobufExporter({ url: `${url}/protobuf` })),
    ],
  });
  provider.register();
  const http = new UndiciInstrumentation({
    ignoreRequestHook: (request) => !request.path.startsWith("/repos"),
    headersToSpanAttributes: { responseHeaders: ["content-type"] },
  });
  registerInstrumentations({ instrumentations: [http], tracerProvider: provider });
  return provider;
}
