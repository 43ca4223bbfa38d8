//! Which setting of an SDK brings what its traces lack; `docs/recording.md` has more of each.

/// By dialect of attributes, sorted: what to set.
const SETTINGS: &[(&str, &str)] = &[
    (
        "ai-sdk",
        "Vercel AI SDK: experimental_telemetry: {isEnabled: true, recordInputs: true, recordOutputs: true}",
    ),
    (
        "langsmith",
        "LangSmith: unset LANGSMITH_HIDE_INPUTS LANGSMITH_HIDE_OUTPUTS",
    ),
    (
        "openinference",
        "OpenInference: unset OPENINFERENCE_HIDE_INPUTS OPENINFERENCE_HIDE_OUTPUTS",
    ),
    ("openllmetry", "OpenLLMetry: TRACELOOP_TRACE_CONTENT=true"),
    (
        "otel-genai",
        "OpenTelemetry: OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT=true, and gen_ai.tool.call.arguments and gen_ai.tool.call.result on spans of tools",
    ),
    (
        "pydantic-ai",
        "Pydantic AI: logfire.instrument_pydantic_ai(include_content=True)",
    ),
];

/// What switches the content of tool calls on, for each SDK whose dialect is spoken; what everybody
/// can do where none is known.
pub(super) fn tool_content<'a>(dialects: impl Iterator<Item = &'a str>) -> Vec<&'static str> {
    let known: Vec<&str> = dialects
        .filter_map(|dialect| {
            let setting = SETTINGS.iter().find(|(name, _)| *name == dialect);
            setting.map(|(_, setting)| *setting)
        })
        .collect();
    if known.is_empty() {
        return vec![
            "OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT=true, or set gen_ai.tool.call.arguments and gen_ai.tool.call.result on the span",
        ];
    }
    known
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_sdk_is_told_its_own_setting() {
        assert!(SETTINGS.is_sorted_by(|one, other| one.0 < other.0));
        let told = tool_content(["openllmetry", "plain"].into_iter());
        assert_eq!(told, ["OpenLLMetry: TRACELOOP_TRACE_CONTENT=true"]);
        let unknown = tool_content(["plain"].into_iter());
        assert!(unknown[0].contains("gen_ai.tool.call.arguments"));
    }
}
