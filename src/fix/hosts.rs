//! Which hosts a fixer needs: those of its model, by its name.

use crate::config::allow::Allowed;

/// The hosts of a fixer that the configuration names none for.
const KNOWN: &[(&str, &[&str])] = &[
    (
        "aider",
        &[
            "api.anthropic.com",
            "api.openai.com",
            "generativelanguage.googleapis.com",
            "openrouter.ai",
        ],
    ),
    ("claude", &["api.anthropic.com", "platform.claude.com"]),
    (
        "codex",
        &["api.openai.com", "auth.openai.com", "chatgpt.com"],
    ),
    (
        "copilot",
        &[
            "api.github.com",
            "api.githubcopilot.com",
            "*.githubcopilot.com",
        ],
    ),
    (
        "gemini",
        &[
            "cloudcode-pa.googleapis.com",
            "generativelanguage.googleapis.com",
            "oauth2.googleapis.com",
        ],
    ),
    (
        "opencode",
        &[
            "api.anthropic.com",
            "api.openai.com",
            "models.dev",
            "opencode.ai",
            "openrouter.ai",
        ],
    ),
];

/// What a fixer of that name may reach where nobody says it; of a command, which may start any of
/// them, all.
pub fn of(fixer: &str) -> Vec<Allowed> {
    let known = KNOWN.iter().find(|(name, _)| *name == fixer);
    let mut hosts: Vec<&str> = match known {
        Some((_, hosts)) => hosts.to_vec(),
        // The service that a clone answers for is not opened on a guess.
        None => KNOWN
            .iter()
            .filter(|(name, _)| *name != "copilot")
            .flat_map(|(_, hosts)| hosts.iter().copied())
            .collect(),
    };
    hosts.sort_unstable();
    hosts.dedup();
    hosts.iter().filter_map(|host| host.parse().ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_known_host_can_be_let_through() {
        for (name, hosts) in KNOWN {
            assert_eq!(of(name).len(), hosts.len(), "{name}");
        }
        let all = of("command");
        assert!(all.iter().any(|host| host.takes_host("api.openai.com")));
        assert!(!all.iter().any(|host| host.takes_host("api.github.com")));
    }
}
