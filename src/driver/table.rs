//! The coding agents, a row each.
//!
//! In arguments and values these stand for something of the run: `{prompt}` (one sentence that names
//! the file with the prompt), `{prompt_file}`, `{context}` (the folder it lies in), `{workdir}`,
//! `{home}`, `{result_file}`, `{usage_file}`, `{model}` and `{budget}` (US dollars).

use super::records::TroubleKind;

/// How the prompt goes in. Whichever it is, stdin is at its end after it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PromptBy {
    /// The prompt is the agent's stdin.
    Stdin,
    /// An argument names the file: `{prompt_file}` or `{prompt}`.
    File,
}

/// Whose output it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dialect {
    /// Claude Code, `stream-json` or `json`.
    Claude,
    /// Codex, `--json`.
    Codex,
    /// Gemini CLI, `stream-json` or `json`.
    Gemini,
    /// Copilot CLI, `json`.
    Copilot,
    /// opencode, `json`.
    Opencode,
    /// aider, plain text.
    Aider,
    /// Any command: an optional JSON file with its result.
    Command,
}

/// Arguments about an agent's own sandbox, after those of every run.
#[derive(Debug, PartialEq, Eq)]
pub struct OwnSandbox {
    /// Switch it on.
    pub on: &'static [&'static str],
    /// Leave it off, where archal's own holds the agent.
    pub off: &'static [&'static str],
}

/// A coding agent.
#[derive(Debug, PartialEq, Eq)]
pub struct Agent {
    /// Its name in configuration, and its program.
    pub name: &'static str,
    /// The command that installs it.
    pub install: &'static str,
    /// Arguments of every run.
    pub arguments: &'static [&'static str],
    /// Arguments where a model was chosen.
    pub model: &'static [&'static str],
    /// Arguments where there is a cap in dollars that it keeps itself; none where it has no such.
    pub budget: &'static [&'static str],
    /// Arguments after all others, those of the configuration included.
    pub last: &'static [&'static str],
    /// How the prompt goes in.
    pub prompt: PromptBy,
    /// How its output is read.
    pub dialect: Dialect,
    /// Variables that hold its key, the one it gets it in first; none where that depends on
    /// the model.
    pub keys: &'static [&'static str],
    /// Variables of the caller it gets beside `PATH`, locale and what the workspace names.
    pub variables: &'static [&'static str],
    /// Variables set for it: what keeps the user's configuration out and the agent quiet.
    pub sets: &'static [(&'static str, &'static str)],
    /// Files below the private home that are written for it: a path and what stands there.
    pub files: &'static [(&'static str, &'static str)],
    /// What its exit codes say where its records say nothing.
    pub exits: &'static [(i32, TroubleKind)],
    /// The sandbox of its own that it runs commands in, where it has one.
    pub own_sandbox: Option<OwnSandbox>,
    /// Whether it says how many tokens it used.
    pub tells_tokens: bool,
    /// Whether it says what that cost in US dollars.
    pub tells_usd: bool,
    /// Beginnings of names of what it leaves in the working directory for itself.
    pub leaves: &'static [&'static str],
    /// Hosts it talks to unless it is told others.
    pub hosts: &'static str,
}

/// Variables about the way to the network, which every agent gets.
pub const NETWORK_VARIABLES: &[&str] = &[
    "HTTPS_PROXY",
    "HTTP_PROXY",
    "NO_PROXY",
    "https_proxy",
    "http_proxy",
    "no_proxy",
    "NODE_EXTRA_CA_CERTS",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
];

/// Every agent, sorted by name.
pub const ALL: &[Agent] = &[
    Agent {
        name: "aider",
        install: "python3 -m pip install aider-chat",
        arguments: &[
            "--message-file",
            "{prompt_file}",
            "--yes-always",
            "--no-stream",
            "--no-pretty",
            "--no-auto-commits",
            "--no-dirty-commits",
            "--no-gitignore",
            "--no-analytics",
            "--no-check-update",
            "--no-suggest-shell-commands",
        ],
        model: &["--model", "{model}"],
        budget: &[],
        last: &[],
        prompt: PromptBy::File,
        dialect: Dialect::Aider,
        keys: &[],
        variables: &["OPENAI_API_BASE", "OLLAMA_API_BASE"],
        sets: &[],
        files: &[],
        exits: &[],
        own_sandbox: None,
        tells_tokens: true,
        tells_usd: true,
        leaves: &[".aider"],
        hosts: "the host of its model",
    },
    Agent {
        name: "claude",
        install: "npm install --global @anthropic-ai/claude-code",
        arguments: &[
            "-p",
            "--output-format",
            "stream-json",
            "--verbose",
            "--permission-mode",
            "acceptEdits",
            "--setting-sources",
            "user",
            "--strict-mcp-config",
            "--no-session-persistence",
            "--add-dir",
            "{context}",
        ],
        model: &["--model", "{model}"],
        budget: &["--max-budget-usd", "{budget}"],
        last: &[],
        prompt: PromptBy::Stdin,
        dialect: Dialect::Claude,
        keys: &["ANTHROPIC_API_KEY"],
        variables: &["ANTHROPIC_BASE_URL"],
        sets: &[
            ("CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC", "1"),
            ("DISABLE_AUTOUPDATER", "1"),
        ],
        files: &[],
        exits: &[],
        own_sandbox: None,
        tells_tokens: true,
        tells_usd: true,
        leaves: &[],
        hosts: "api.anthropic.com",
    },
    Agent {
        name: "codex",
        install: "npm install --global @openai/codex",
        arguments: &[
            "exec",
            "--json",
            "--ignore-user-config",
            "--ignore-rules",
            "--ephemeral",
            "-c",
            "shell_environment_policy.ignore_default_excludes=false",
            "-o",
            "{result_file}",
        ],
        model: &["-m", "{model}"],
        budget: &[],
        last: &["-"],
        prompt: PromptBy::Stdin,
        dialect: Dialect::Codex,
        keys: &["CODEX_API_KEY", "OPENAI_API_KEY"],
        variables: &[],
        // It runs no command where its home lies in the temporary folder.
        sets: &[("TMPDIR", "{home}/.tmp")],
        files: &[(".tmp/.keep", "")],
        exits: &[],
        own_sandbox: Some(OwnSandbox {
            on: &["--sandbox", "workspace-write"],
            off: &["--sandbox", "danger-full-access"],
        }),
        tells_tokens: true,
        tells_usd: false,
        leaves: &[],
        hosts: "api.openai.com",
    },
    Agent {
        name: "copilot",
        install: "npm install --global @github/copilot",
        arguments: &[
            "--output-format",
            "json",
            "--allow-tool",
            "write",
            "--no-ask-user",
            "--no-custom-instructions",
            "--disable-builtin-mcps",
            "--no-auto-update",
            "--secret-env-vars=COPILOT_GITHUB_TOKEN,COPILOT_PROVIDER_API_KEY",
            "--add-dir",
            "{context}",
            "--usage-output-file",
            "{usage_file}",
        ],
        model: &["--model", "{model}"],
        budget: &[],
        last: &["-p", "{prompt}"],
        prompt: PromptBy::File,
        dialect: Dialect::Copilot,
        keys: &["COPILOT_GITHUB_TOKEN"],
        // With a model of one's own it needs no account.
        variables: &[
            "COPILOT_OFFLINE",
            "COPILOT_PROVIDER_API_KEY",
            "COPILOT_PROVIDER_BASE_URL",
            "COPILOT_PROVIDER_TYPE",
            "COPILOT_PROVIDER_WIRE_API",
        ],
        sets: &[("COPILOT_HOME", "{home}/.copilot")],
        files: &[],
        exits: &[],
        own_sandbox: None,
        tells_tokens: true,
        tells_usd: false,
        leaves: &[],
        hosts: "api.githubcopilot.com, api.github.com",
    },
    Agent {
        name: "gemini",
        install: "npm install --global @google/gemini-cli",
        arguments: &[
            "-o",
            "stream-json",
            "--skip-trust",
            "--approval-mode",
            "auto_edit",
            "--include-directories",
            "{context}",
        ],
        model: &["-m", "{model}"],
        budget: &[],
        last: &["-p", "{prompt}"],
        prompt: PromptBy::File,
        dialect: Dialect::Gemini,
        keys: &["GEMINI_API_KEY"],
        variables: &["GOOGLE_GEMINI_BASE_URL"],
        sets: &[("GEMINI_CLI_HOME", "{home}")],
        // Without the choice it takes a base URL for a gateway and refuses to start.
        files: &[(
            ".gemini/settings.json",
            r#"{"security":{"auth":{"selectedType":"gemini-api-key"}},"privacy":{"usageStatisticsEnabled":false},"general":{"enableAutoUpdate":false}}"#,
        )],
        // An HTTP status comes out as its last eight bits: 401 as 145.
        exits: &[
            (41, TroubleKind::Auth),
            (42, TroubleKind::Other),
            (44, TroubleKind::Other),
            (52, TroubleKind::Other),
            (53, TroubleKind::LimitTurns),
            (54, TroubleKind::Other),
            (55, TroubleKind::Denied),
            (145, TroubleKind::Auth),
            (147, TroubleKind::Auth),
            (173, TroubleKind::Quota),
        ],
        own_sandbox: None,
        tells_tokens: true,
        tells_usd: false,
        leaves: &[],
        hosts: "generativelanguage.googleapis.com",
    },
    Agent {
        name: "opencode",
        install: "npm install --global opencode-ai",
        // Without a title it asks its model for one, and does not say what that took.
        arguments: &["run", "--format", "json", "--pure", "--title", "archal"],
        model: &["-m", "{model}"],
        budget: &[],
        last: &["{prompt}"],
        prompt: PromptBy::File,
        dialect: Dialect::Opencode,
        keys: &[],
        variables: &[],
        sets: &[
            ("OPENCODE_DISABLE_AUTOUPDATE", "1"),
            ("OPENCODE_DISABLE_LSP_DOWNLOAD", "1"),
            ("OPENCODE_DISABLE_SHARE", "1"),
            // A question that nobody answers would hang, so each has its answer here.
            (
                "OPENCODE_PERMISSION",
                r#"{"edit":"allow","bash":"deny","webfetch":"deny","external_directory":{"*":"deny","{context}/**":"allow"}}"#,
            ),
        ],
        files: &[],
        exits: &[],
        own_sandbox: None,
        tells_tokens: true,
        tells_usd: true,
        leaves: &[],
        hosts: "the host of its model, models.dev",
    },
];

/// The agent of that name.
pub fn named(name: &str) -> Option<&'static Agent> {
    ALL.iter().find(|agent| agent.name == name)
}

/// The names, for messages.
pub fn names() -> String {
    let names: Vec<&str> = ALL.iter().map(|agent| agent.name).collect();
    names.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_sorted_and_every_prompt_has_a_way_in() {
        assert!(ALL.windows(2).all(|two| two[0].name < two[1].name));
        for agent in ALL {
            let all = [agent.arguments, agent.last].concat();
            let names_it = all.iter().any(|part| part.contains("{prompt"));
            assert_eq!(names_it, agent.prompt == PromptBy::File, "{}", agent.name);
        }
    }
}
