//! Exporters of OpenTelemetry's own SDKs, unmodified, push to archal's source.

use std::process::Command;

use archal_core::trace::SpanKind;

use super::clients;
use crate::push::served::{Served, at_once, options, traces};

/// One run of an agent with a call of a tool; prints the trace's id once everything was exported.
const PYTHON: &str = r#"
import sys
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor, SpanExportResult

protocol, at = sys.argv[1:3]
if protocol == "grpc":
    from grpc import Compression
    from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter
    exporter = OTLPSpanExporter(endpoint=at, insecure=True, compression=Compression.Gzip)
else:
    from opentelemetry.exporter.otlp.proto.http import Compression
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    exporter = OTLPSpanExporter(endpoint=f"http://{at}/v1/traces", compression=Compression.Gzip)

export = exporter.export
def checked(spans):
    result = export(spans)
    assert result == SpanExportResult.SUCCESS, result
    return result
exporter.export = checked

provider = TracerProvider(resource=Resource.create({"service.name": "triage"}))
provider.add_span_processor(SimpleSpanProcessor(exporter))
tracer = provider.get_tracer("agent")
with tracer.start_as_current_span("invoke_agent triage") as root:
    root.set_attribute("gen_ai.operation.name", "invoke_agent")
    with tracer.start_as_current_span("execute_tool list_issues") as tool:
        tool.set_attribute("gen_ai.operation.name", "execute_tool")
        tool.set_attribute("gen_ai.tool.name", "list_issues")
        tool.set_attribute("gen_ai.tool.call.arguments", '{"state": "open"}')
    print(format(root.get_span_context().trace_id, "032x"))
provider.shutdown()
"#;

const JAVASCRIPT: &str = r#"
import { createRequire } from "node:module";
const require = createRequire(process.argv[2]);
const { NodeTracerProvider, SimpleSpanProcessor } = require("@opentelemetry/sdk-trace-node");
const { OTLPTraceExporter } = require("@opentelemetry/exporter-trace-otlp-http");
const { trace, context } = require("@opentelemetry/api");
const exporter = new OTLPTraceExporter({ url: `http://${process.argv[3]}/v1/traces`, compression: "gzip" });
const provider = new NodeTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter)] });
const tracer = provider.getTracer("agent");
const root = tracer.startSpan("invoke_agent triage", { attributes: { "gen_ai.operation.name": "invoke_agent" } });
const tool = tracer.startSpan("execute_tool list_issues", { attributes: {
  "gen_ai.operation.name": "execute_tool", "gen_ai.tool.name": "list_issues",
  "gen_ai.tool.call.arguments": '{"state": "open"}' } }, trace.setSpan(context.active(), root));
tool.end();
root.end();
await provider.shutdown();
console.log(root.spanContext().traceId);
"#;

/// Serves, lets a program push one trace, and looks at what came.
fn pushed(program: impl FnOnce(&Served, &std::path::Path) -> Command) {
    let folder = tempfile::tempdir().expect("a folder");
    let served = Served::start(options("otel", folder.path(), at_once()));
    let output = program(&served, folder.path()).output().expect("it starts");
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success(),
        "{text}{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let id = text.trim();
    let mut spans = 0;
    while spans < 2 {
        spans = served.packed().spans;
    }
    let traces = traces(&served.traces);
    let trace = traces
        .get(id)
        .unwrap_or_else(|| panic!("{id} of {traces:?}"));
    assert_eq!(trace.name, "invoke_agent triage");
    assert_eq!(trace.completeness.orphans, 0);
    let tool = trace.spans.iter().find(|span| span.kind == SpanKind::Tool);
    let tool = tool.and_then(|span| span.tool.as_ref()).expect("a tool");
    assert_eq!(tool.name, "list_issues");
    assert_eq!(tool.arguments, Some(serde_json::json!({"state": "open"})));
}

fn python(protocol: &'static str) {
    pushed(|served, folder| {
        let script = folder.join("agent.py");
        std::fs::write(&script, PYTHON).expect("writable");
        let mut command = Command::new(clients().join("python/bin/python"));
        command.arg(script).arg(protocol);
        command.arg(served.at[protocol].to_string());
        command
    });
}

#[test]
fn python_over_http() {
    python("http");
}

#[test]
fn python_over_grpc() {
    python("grpc");
}

#[test]
fn node_over_http_in_json() {
    pushed(|served, folder| {
        let script = folder.join("agent.mjs");
        std::fs::write(&script, JAVASCRIPT).expect("writable");
        let mut command = Command::new("node");
        command.arg(script).arg(clients().join("js/package.json"));
        command.arg(served.at["http"].to_string());
        command
    });
}
