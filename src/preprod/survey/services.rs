//! By what a repository shows which services and models its agent uses.

/// A service and what shows it. A service need have no clone yet: one that is seen and has none is
/// told.
#[derive(Debug)]
pub(crate) struct Service {
    /// The name its clone has or would have.
    pub(crate) name: &'static str,
    /// Packages of npm; one that ends with `/` stands for every package of that scope.
    pub(crate) npm: &'static [&'static str],
    /// Packages of PyPI, in lower case with hyphens.
    pub(crate) python: &'static [&'static str],
    /// Crates.
    pub(crate) rust: &'static [&'static str],
    /// Words in the name, command, arguments or address of an MCP server.
    pub(crate) mcp: &'static [&'static str],
    /// What a first scenario asks on the clone's first seed, where there is a clone.
    pub(crate) task: Option<&'static str>,
}

/// The services, by name.
pub(crate) const SERVICES: &[Service] = &[
    Service {
        name: "discord",
        npm: &["discord.js", "@discordjs/"],
        python: &["discord-py", "py-cord", "nextcord"],
        rust: &["serenity", "twilight-http"],
        mcp: &["discord"],
        task: None,
    },
    Service {
        name: "github",
        npm: &["octokit", "@octokit/", "probot"],
        python: &["pygithub", "ghapi", "githubkit", "github3-py"],
        rust: &["octocrab"],
        mcp: &["github"],
        task: Some(
            "List the open issues of octocat/hello-service and answer with a short summary of each. Change nothing.",
        ),
    },
    Service {
        name: "google_workspace",
        npm: &["googleapis", "@googleapis/"],
        python: &["google-api-python-client", "gspread"],
        rust: &["google-gmail1", "google-calendar3"],
        mcp: &["gmail", "google-calendar", "gdrive", "google-workspace"],
        task: None,
    },
    Service {
        name: "jira",
        npm: &["jira.js", "jira-client"],
        python: &["jira", "atlassian-python-api"],
        rust: &["gouqi"],
        mcp: &["jira", "atlassian"],
        task: None,
    },
    Service {
        name: "linear",
        npm: &["@linear/sdk"],
        python: &["linear-api", "linear-python"],
        rust: &[],
        mcp: &["linear"],
        task: None,
    },
    Service {
        name: "slack",
        npm: &["@slack/"],
        python: &["slack-sdk", "slack-bolt", "slackclient"],
        rust: &["slack-morphism"],
        mcp: &["slack"],
        task: None,
    },
    Service {
        name: "stripe",
        npm: &["stripe", "@stripe/agent-toolkit"],
        python: &["stripe", "stripe-agent-toolkit"],
        rust: &["async-stripe"],
        mcp: &["stripe"],
        task: None,
    },
    Service {
        name: "supabase",
        npm: &["@supabase/"],
        python: &["supabase"],
        rust: &[],
        mcp: &["supabase"],
        task: None,
    },
    Service {
        name: "telegram",
        npm: &["telegraf", "grammy", "node-telegram-bot-api"],
        python: &["python-telegram-bot", "aiogram"],
        rust: &["teloxide"],
        mcp: &["telegram"],
        task: None,
    },
];

/// A model's maker and what shows that the agent uses it.
#[derive(Debug)]
pub(crate) struct Model {
    /// The variable its key is in.
    pub(crate) key: &'static str,
    pub(crate) npm: &'static [&'static str],
    pub(crate) python: &'static [&'static str],
    pub(crate) rust: &'static [&'static str],
}

/// The makers of models, by their variable.
pub(crate) const MODELS: &[Model] = &[
    Model {
        key: "ANTHROPIC_API_KEY",
        npm: &[
            "@anthropic-ai/",
            "@ai-sdk/anthropic",
            "@langchain/anthropic",
        ],
        python: &["anthropic", "langchain-anthropic", "claude-agent-sdk"],
        rust: &["anthropic-sdk"],
    },
    Model {
        key: "GEMINI_API_KEY",
        npm: &["@google/genai", "@google/generative-ai"],
        python: &["google-genai", "google-generativeai"],
        rust: &[],
    },
    Model {
        key: "OPENAI_API_KEY",
        npm: &["openai", "@openai/", "@ai-sdk/openai", "@langchain/openai"],
        python: &["openai", "openai-agents", "langchain-openai"],
        rust: &["async-openai"],
    },
];

/// Whether a package is one of these.
pub(crate) fn is_one_of(package: &str, names: &[&str]) -> bool {
    names.iter().any(|name| match name.strip_suffix('/') {
        Some(scope) => package
            .strip_prefix(scope)
            .is_some_and(|rest| rest.starts_with('/')),
        None => package == *name,
    })
}
