//! Hosts that are called in every run and are no service the agent acts on: the models it thinks
//! with, what watches it, and what hands out credentials of clouds.

/// Models: names of hosts in order; `*.` stands for any name before it, and a `*` inside for any
/// letters.
const MODELS: &[&str] = &[
    "*.api.cognitive.microsoft.com",
    "*.cognitiveservices.azure.com",
    "*.inference.ai.azure.com",
    "*.openai.azure.com",
    "*.services.ai.azure.com",
    "ai-gateway.vercel.sh",
    "aiplatform.googleapis.com",
    "*-aiplatform.googleapis.com",
    "api-inference.huggingface.co",
    "api.ai21.com",
    "api.anthropic.com",
    "api.cerebras.ai",
    "api.cohere.ai",
    "api.cohere.com",
    "api.deepinfra.com",
    "api.deepseek.com",
    "api.fireworks.ai",
    "api.githubcopilot.com",
    "api.groq.com",
    "api.hyperbolic.xyz",
    "api.minimax.io",
    "api.mistral.ai",
    "api.moonshot.ai",
    "api.moonshot.cn",
    "api.novita.ai",
    "api.openai.com",
    "api.perplexity.ai",
    "api.replicate.com",
    "api.sambanova.ai",
    "api.together.ai",
    "api.together.xyz",
    "api.voyageai.com",
    "api.x.ai",
    "api.z.ai",
    "bedrock-agent-runtime.*.amazonaws.com",
    "bedrock-runtime.*.amazonaws.com",
    "codestral.mistral.ai",
    "dashscope-intl.aliyuncs.com",
    "dashscope.aliyuncs.com",
    "gateway.ai.cloudflare.com",
    "generativelanguage.googleapis.com",
    "integrate.api.nvidia.com",
    "models.github.ai",
    "models.inference.ai.azure.com",
    "ollama.com",
    "open.bigmodel.cn",
    "openrouter.ai",
    "router.huggingface.co",
];

/// The others, in the same way.
const ASIDE: &[&str] = &[
    // What watches.
    "*.datadoghq.com",
    "*.datadoghq.eu",
    "*.grafana.net",
    "*.honeycomb.io",
    "*.ingest.*.sentry.io",
    "*.ingest.sentry.io",
    "*.langfuse.com",
    "*.logfire.pydantic.dev",
    "*.nr-data.net",
    "*.posthog.com",
    "*.smith.langchain.com",
    "api.braintrust.dev",
    "api.helicone.ai",
    "api.traceloop.com",
    "api.wandb.ai",
    "app.phoenix.arize.com",
    "logfire-api.pydantic.dev",
    "logfire-eu.pydantic.dev",
    "logfire-us.pydantic.dev",
    "oai.helicone.ai",
    "openaipublic.blob.core.windows.net",
    "otlp.arize.com",
    "trace.wandb.ai",
    // What hands out credentials.
    "169.254.169.254",
    "login.microsoftonline.com",
    "metadata.google.internal",
    "oauth2.googleapis.com",
    "sts.*.amazonaws.com",
    "sts.amazonaws.com",
];

/// Paths at which collectors of OpenTelemetry take what they are sent, at whatever host.
const COLLECTED: &[&str] = &["/v1/logs", "/v1/metrics", "/v1/traces"];
/// The calls of the same over gRPC.
const COLLECTED_BY_GRPC: &str = "/opentelemetry.proto.collector.";
/// The ports of collectors, wherever they run.
const COLLECTORS: &[u16] = &[4317, 4318];
/// Ports at which models and collectors listen on people's own machines.
const LOCAL_PORTS: &[u16] = &[1234, 4317, 4318, 11_434];

/// Whether a call is no call of a service: by its host in lower case, port and path.
pub fn is_aside(host: &str, port: Option<u16>, method: &str, path: &str) -> bool {
    let is_local = matches!(
        host,
        "localhost" | "127.0.0.1" | "[::1]" | "host.docker.internal"
    );
    let posts_to = |end: &str| method == "POST" && path.ends_with(end);
    is_model(host)
        || ASIDE.iter().any(|pattern| fits(pattern, host))
        || (is_local && port.is_some_and(|port| LOCAL_PORTS.contains(&port)))
        || COLLECTED.iter().any(|end| posts_to(end))
        || path.starts_with(COLLECTED_BY_GRPC)
}

/// Whether a connection of which no request was seen may be one to no service, by its host in lower
/// case and port.
pub fn may_be_aside(host: &str, port: Option<u16>) -> bool {
    is_aside(host, port, "", "") || port.is_some_and(|port| COLLECTORS.contains(&port))
}

/// Whether a host, in lower case, is that of a provider of models.
pub fn is_model(host: &str) -> bool {
    MODELS.iter().any(|pattern| fits(pattern, host))
}

fn fits(pattern: &str, host: &str) -> bool {
    let Some((before, behind)) = pattern.split_once('*') else {
        return pattern == host;
    };
    let Some(rest) = host.strip_prefix(before) else {
        return false;
    };
    match behind.split_once('*') {
        None => rest.len() > behind.len() && rest.ends_with(behind),
        Some((inside, end)) => rest
            .find(inside)
            .filter(|at| *at > 0)
            .is_some_and(|at| rest.len() > at + inside.len() + end.len() && rest.ends_with(end)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn models_collectors_and_credentials_are_no_services() {
        for (host, port, method, path) in [
            ("api.openai.com", None, "POST", "/v1/responses"),
            (
                "acme.openai.azure.com",
                None,
                "POST",
                "/openai/deployments/x/chat/completions",
            ),
            (
                "bedrock-runtime.eu-west-1.amazonaws.com",
                None,
                "POST",
                "/model/x/invoke",
            ),
            (
                "europe-west4-aiplatform.googleapis.com",
                None,
                "POST",
                "/v1/x",
            ),
            (
                "us.cloud.langfuse.com",
                None,
                "POST",
                "/api/public/ingestion",
            ),
            ("o1.ingest.us.sentry.io", None, "POST", "/api/1/envelope/"),
            ("collector.internal", Some(4318), "POST", "/v1/traces"),
            (
                "collector.internal",
                None,
                "POST",
                "/opentelemetry.proto.collector.trace.v1.TraceService/Export",
            ),
            ("localhost", Some(11_434), "POST", "/api/chat"),
            ("169.254.169.254", None, "GET", "/latest/meta-data/"),
        ] {
            assert!(is_aside(host, port, method, path), "{host}");
        }
    }

    #[test]
    fn services_are_not_taken_for_them() {
        for (host, path) in [
            ("api.github.com", "/repos/acme/webapp/issues"),
            ("api.openai.com.evil.example", "/v1/x"),
            ("openai.azure.com", "/"),
            ("bedrock-runtime.amazonaws.com.example", "/"),
            ("bedrock-runtime..amazonaws.com", "/"),
            ("s3.amazonaws.com", "/bucket/v1/traces"),
            ("localhost", "/v1/orders"),
            ("", ""),
        ] {
            assert!(!is_aside(host, Some(443), "GET", path), "{host}");
        }
    }
}
