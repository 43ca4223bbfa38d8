//! Who judges, once the settings of `judge` are sound.

use archal_core::diagnostic::Diagnostic;
use http::Uri;

use super::schema::{Agent, Config, Judge, JudgeProvider};

/// The model families of the providers, by how their models' names begin.
const FAMILIES: &[(&str, JudgeProvider)] = &[
    ("chatgpt-", JudgeProvider::OpenAi),
    ("claude-", JudgeProvider::Anthropic),
    ("gemini-", JudgeProvider::Gemini),
    ("gemma-", JudgeProvider::Gemini),
    ("gpt-", JudgeProvider::OpenAi),
    ("o1", JudgeProvider::OpenAi),
    ("o3", JudgeProvider::OpenAi),
    ("o4", JudgeProvider::OpenAi),
];

impl JudgeProvider {
    /// As it is written in configurations.
    pub fn name(self) -> &'static str {
        match self {
            Self::OpenAi => "openai",
            Self::Anthropic => "anthropic",
            Self::Gemini => "gemini",
            Self::Ollama => "ollama",
        }
    }

    /// The address of the provider itself.
    pub fn own_url(self) -> &'static str {
        match self {
            Self::OpenAi => "https://api.openai.com/v1",
            Self::Anthropic => "https://api.anthropic.com",
            Self::Gemini => "https://generativelanguage.googleapis.com",
            Self::Ollama => "http://localhost:11434",
        }
    }
}

/// The provider of a model whose name says whose it is.
pub fn provider_of(model: &str) -> Option<JudgeProvider> {
    let model = model.trim().to_ascii_lowercase();
    FAMILIES
        .iter()
        .find(|(begin, _)| model.starts_with(begin))
        .map(|(_, provider)| *provider)
}

/// A judge that can be asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Chosen {
    /// Whose protocol it speaks.
    pub provider: JudgeProvider,
    /// The model.
    pub model: String,
    /// The address, without a slash at its end.
    pub base_url: String,
    /// Whether nothing but the provider itself is behind that address, which takes no question
    /// without a key.
    pub needs_key: bool,
}

/// The judge of a configuration; none where none is configured.
///
/// # Errors
///
/// What is missing to ask the one that was meant: the key and the finding.
pub fn chosen(judge: &Judge) -> Result<Option<Chosen>, (&'static str, Diagnostic)> {
    if judge.provider.is_none() && judge.model.is_none() && judge.base_url.is_none() {
        return Ok(None);
    }
    let missing = |path: &'static str, what: &str, help: &str| {
        Err((
            path,
            Diagnostic::error("config/judge", what).with_help(help),
        ))
    };
    let Some(model) = judge.model.as_deref().map(str::trim) else {
        return missing(
            "judge",
            "the judge has no model",
            "name it: \"judge\": {\"model\": \"…\"}, or --judge-model <MODEL>",
        );
    };
    let Some(provider) = judge.provider.or_else(|| provider_of(model)) else {
        return missing(
            "judge.model",
            &format!("whose model `{model}` is cannot be told from its name"),
            "name the protocol: \"judge\": {\"provider\": \"openai\"}, or `anthropic`, `gemini`, `ollama`",
        );
    };
    let own = provider.own_url();
    let base_url = judge.base_url.as_deref().unwrap_or(own);
    Ok(Some(Chosen {
        provider,
        model: model.to_owned(),
        base_url: base_url.trim().trim_end_matches('/').to_owned(),
        needs_key: judge.base_url.is_none() && provider != JudgeProvider::Ollama,
    }))
}

/// Whether a URL leads to this machine.
pub fn is_local(url: &str) -> bool {
    let uri: Option<Uri> = url.trim().parse().ok();
    uri.as_ref()
        .and_then(Uri::host)
        .is_some_and(super::notice::is_this_machine)
}

/// What is wrong with the settings: the key and the finding.
pub(super) fn problem(config: &Config) -> Option<(String, Diagnostic)> {
    let judge = &config.judge;
    let finding = |path: &str, what: String, help: &str| {
        let finding = Diagnostic::error("config/judge", what).with_help(help);
        Some((path.to_owned(), finding))
    };
    if config.grade.judge && judge.model.is_none() {
        return finding(
            "grade.judge",
            "`grade.judge` asks a judge, and none is configured".to_owned(),
            "name one: \"judge\": {\"model\": \"gpt-5-mini\"}",
        );
    }
    if judge
        .model
        .as_deref()
        .is_some_and(|model| model.trim().is_empty())
    {
        return finding("judge.model", "`judge.model` is empty".to_owned(), "");
    }
    let name = judge.api_key_env.as_str();
    if !is_variable(name) {
        return finding(
            "judge.apiKeyEnv",
            "`judge.apiKeyEnv` is the name of a variable, not its value".to_owned(),
            "\"apiKeyEnv\": \"ARCHAL_JUDGE_API_KEY\"",
        );
    }
    if let Some(reason) = judge.base_url.as_deref().and_then(unusable) {
        return finding(
            "judge.baseUrl",
            format!("`judge.baseUrl` {reason}"),
            "\"baseUrl\": \"http://localhost:8000/v1\"; a key is named by `judge.apiKeyEnv`",
        );
    }
    // A key that two use is a key that is shared: what a child may spend is the agent's alone.
    let shared = shares(config, name)?;
    finding(
        "judge.apiKeyEnv",
        format!("`{shared}` hands the judge's key `{name}` to the agent"),
        "give the judge a variable of its own; `judge.apiKeyEnv` names it",
    )
}

/// The key of the configuration by which a child would get the variable.
fn shares(config: &Config, name: &str) -> Option<&'static str> {
    let has = |names: &[String]| names.iter().any(|known| known == name);
    let fills = format!("${{{name}}}");
    if has(&config.agent_keys) {
        return Some("agentKeys");
    }
    if has(&config.workspace.env) {
        return Some("workspace.env");
    }
    match &config.agent {
        Some(Agent::Command(command)) if command.env.values().any(|v| v.contains(&fills)) => {
            Some("agent.env")
        }
        _ => None,
    }
}

pub(super) fn is_variable(name: &str) -> bool {
    let mut chars = name.chars();
    chars
        .next()
        .is_some_and(|c| c.is_ascii_alphabetic() || c == '_')
        && chars.all(|c| c.is_ascii_alphanumeric() || c == '_')
}

/// Why no question can be sent to a URL.
fn unusable(url: &str) -> Option<&'static str> {
    let Ok(uri) = url.trim().parse::<Uri>() else {
        return Some("is no URL");
    };
    let with_user = uri
        .authority()
        .is_some_and(|authority| authority.as_str().contains('@'));
    match uri.scheme_str() {
        Some("http" | "https") if uri.host().is_none() => Some("names no host"),
        Some("http" | "https") if with_user || uri.query().is_some() => Some("holds a secret"),
        Some("http" | "https") => None,
        _ => Some("must begin with https:// or http://"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(text: &str) -> Option<String> {
        let config: Config = serde_json::from_str(text).expect("a configuration");
        problem(&config).map(|(path, finding)| format!("{path}: {}", finding.message))
    }

    #[test]
    fn a_judge_is_told_by_provider_or_by_the_models_name() {
        let judge = |text: &str| match chosen(&serde_json::from_str(text).expect("a judge")) {
            Ok(Some(chosen)) => format!(
                "{} {} {} {}",
                chosen.provider.name(),
                chosen.model,
                chosen.base_url,
                chosen.needs_key
            ),
            Ok(None) => "none".to_owned(),
            Err((path, finding)) => format!("{path}: {}", finding.message),
        };
        insta::assert_snapshot!(judge("{}"), @"none");
        insta::assert_snapshot!(judge(r#"{"model": "claude-sonnet-4-6"}"#), @"anthropic claude-sonnet-4-6 https://api.anthropic.com true");
        insta::assert_snapshot!(judge(r#"{"model": "gemini-2.5-pro"}"#), @"gemini gemini-2.5-pro https://generativelanguage.googleapis.com true");
        insta::assert_snapshot!(judge(r#"{"model": "o4-mini"}"#), @"openai o4-mini https://api.openai.com/v1 true");
        insta::assert_snapshot!(judge(r#"{"model": "qwen3", "provider": "ollama"}"#), @"ollama qwen3 http://localhost:11434 false");
        insta::assert_snapshot!(judge(r#"{"model": "x", "provider": "openai", "baseUrl": "http://localhost:1/v1/"}"#), @"openai x http://localhost:1/v1 false");
        insta::assert_snapshot!(judge(r#"{"model": "qwen3"}"#), @"judge.model: whose model `qwen3` is cannot be told from its name");
        insta::assert_snapshot!(judge(r#"{"provider": "gemini"}"#), @"judge: the judge has no model");
    }

    #[test]
    fn a_key_is_a_name_and_nobody_elses() {
        assert_eq!(told("{}"), None);
        assert_eq!(
            told(r#"{"judge": {"baseUrl": "http://gpu.lan:8000/v1"}}"#),
            None
        );
        for (wrong, what) in [
            (
                r#"{"judge": {"apiKeyEnv": "sk-live-1"}}"#,
                "judge.apiKeyEnv: `judge.apiKeyEnv` is the name of a variable, not its value",
            ),
            (
                r#"{"judge": {"apiKeyEnv": "K"}, "agentKeys": ["K"]}"#,
                "judge.apiKeyEnv: `agentKeys` hands the judge's key `K` to the agent",
            ),
            (
                r#"{"judge": {"apiKeyEnv": "K"}, "workspace": {"env": ["K"]}}"#,
                "judge.apiKeyEnv: `workspace.env` hands the judge's key `K` to the agent",
            ),
            (
                r#"{"judge": {"apiKeyEnv": "K"}, "agent": {"command": "a", "env": {"X": "a${K}"}}}"#,
                "judge.apiKeyEnv: `agent.env` hands the judge's key `K` to the agent",
            ),
            (
                r#"{"judge": {"baseUrl": "https://me:pw@example.com"}}"#,
                "judge.baseUrl: `judge.baseUrl` holds a secret",
            ),
            (
                r#"{"judge": {"baseUrl": "example.com"}}"#,
                "judge.baseUrl: `judge.baseUrl` must begin with https:// or http://",
            ),
            (
                r#"{"grade": {"judge": true}}"#,
                "grade.judge: `grade.judge` asks a judge, and none is configured",
            ),
            (
                r#"{"judge": {"model": " "}}"#,
                "judge.model: `judge.model` is empty",
            ),
        ] {
            assert_eq!(told(wrong).as_deref(), Some(what), "{wrong}");
        }
    }
}
