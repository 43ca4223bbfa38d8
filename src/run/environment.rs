//! What the agent finds in its environment.

use std::collections::{BTreeMap, BTreeSet};
use std::env;
use std::path::{Path, PathBuf};

use archal_core::clone::CloneDescriptor;
use archal_core::environment::Environment;

use super::harness::Harness;

/// Variables that a cleared environment keeps: where programs are found and which language they speak.
const KEPT: &[&str] = &[
    "PATH", "LANG", "LANGUAGE", "LC_ALL", "LC_CTYPE", "TZ", "TERM",
];

/// Variables that would lead traffic past the route; the route sets its own.
const ROUTING: &[&str] = &[
    "ALL_PROXY",
    "HTTPS_PROXY",
    "HTTP_PROXY",
    "NO_PROXY",
    "all_proxy",
    "http_proxy",
    "https_proxy",
    "no_proxy",
    "NODE_USE_ENV_PROXY",
];

/// Tools whose programs on `PATH` look in the home for what they start: where those programs
/// are, relative to the home, the variable that says where to look instead, and the folder.
const TOOLS: &[(&str, &str, &str)] = &[
    (".cargo/bin", "RUSTUP_HOME", ".rustup"),
    (".pyenv/shims", "PYENV_ROOT", ".pyenv"),
    (".volta/bin", "VOLTA_HOME", ".volta"),
];

/// Where the environment starts from.
#[derive(Debug, Clone, Copy)]
pub enum Start<'a> {
    /// The caller's environment, less keys that are not the agent's: `archal run` by hand.
    Inherited {
        /// Variables that hold keys of the judge or the fixer.
        withheld: &'a BTreeSet<String>,
    },
    /// Nothing but `PATH`, locale, and the named variables; a private home.
    Cleared {
        /// Variables handed on: the agent's own keys and `workspace.env`.
        named: &'a [String],
        /// The private home directory.
        home: &'a Path,
    },
}

/// What one run tells its agent.
#[derive(Debug, Clone, Copy)]
pub struct Told<'a> {
    /// The prompt.
    pub task: &'a str,
    /// The model asked for.
    pub model: Option<&'a str>,
    /// The run's id.
    pub session: &'a str,
    /// A folder of the run where the agent may leave metrics and a trace.
    pub folder: &'a Path,
}

/// The file in [`Told::folder`] where the agent may write token and cost figures.
pub const METRICS_FILE: &str = "agent-metrics.json";
/// The file in [`Told::folder`] where the agent may write its own trace.
pub const TRACE_FILE: &str = "agent-trace.json";

/// Where the harness is: on the user's own machine.
const MODE: &str = "local";

/// The whole environment of a harness, before the route adds its own. `ARCHAL_ENGINE_*` are the
/// names that the first three variables had before.
pub fn of(
    caller: &Environment,
    start: Start<'_>,
    harness: &Harness,
    told: &Told<'_>,
) -> BTreeMap<String, String> {
    let mut environment = kept(caller, start);
    environment.extend(harness.environment.clone());
    let task = format!("{}{}", harness.preamble, told.task);
    let folder = told.folder;
    let mut set = |name: &str, value: String| {
        environment.insert(name.to_owned(), value);
    };
    set("ARCHAL_ENGINE_TASK", task.clone());
    set("AGENT_TASK", task);
    set("ARCHAL_ENGINE_MODE", MODE.to_owned());
    set("AGENT_RUN_MODE", MODE.to_owned());
    set("AGENT_SESSION_ID", told.session.to_owned());
    set(
        "AGENT_METRICS_FILE",
        folder.join(METRICS_FILE).display().to_string(),
    );
    set(
        "AGENT_TRACE_FILE",
        folder.join(TRACE_FILE).display().to_string(),
    );
    if let Some(model) = told.model.or(harness.model.as_deref()) {
        set("ARCHAL_ENGINE_MODEL", model.to_owned());
        set("AGENT_MODEL", model.to_owned());
    }
    environment
}

/// Takes out the caller's own credentials for every service that has a clone: a session puts
/// dummies in place of those it serves, and no others are for the agent.
pub fn without_service_tokens(
    environment: &mut BTreeMap<String, String>,
    clones: &[CloneDescriptor],
) {
    for (name, _) in clones.iter().flat_map(|clone| clone.credentials) {
        environment.remove(*name);
    }
}

/// The part of the caller's environment that a child starts from.
pub fn kept(caller: &Environment, start: Start<'_>) -> BTreeMap<String, String> {
    match start {
        Start::Inherited { withheld } => caller
            .variables
            .iter()
            .filter(|(name, _)| !withheld.contains(*name) && !ROUTING.contains(&name.as_str()))
            .map(|(name, value)| (name.clone(), value.clone()))
            .collect(),
        Start::Cleared { named, home } => {
            let mut kept: BTreeMap<String, String> = KEPT
                .iter()
                .copied()
                .chain(named.iter().map(String::as_str))
                .filter_map(|name| Some((name.to_owned(), caller.get(name)?.to_owned())))
                .collect();
            for (name, folder) in tools(caller) {
                kept.entry(name.to_owned()).or_insert(folder);
            }
            let home = home.display().to_string();
            kept.insert("HOME".to_owned(), home.clone());
            kept.insert("TMPDIR".to_owned(), home);
            kept
        }
    }
}

/// What the tools on the caller's `PATH` are told in a private home, so that they are found there.
fn tools(caller: &Environment) -> impl Iterator<Item = (&'static str, String)> {
    let home = Path::new(caller.get("HOME").unwrap_or_default());
    let path: Vec<PathBuf> = env::split_paths(caller.get("PATH").unwrap_or_default()).collect();
    TOOLS.iter().filter_map(move |(programs, name, folder)| {
        let is_there = home.is_absolute() && path.contains(&home.join(programs));
        let told = caller.get(name).map(str::to_owned);
        let folder = || home.join(folder).display().to_string();
        is_there.then(|| (*name, told.unwrap_or_else(folder)))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tools_that_look_in_the_home_are_told_where_it_was() {
        let caller = Environment {
            variables: [
                ("PATH", "/home/me/.cargo/bin:/home/me/.pyenv/shims:/bin"),
                ("HOME", "/home/me"),
                ("PYENV_ROOT", "/opt/pyenv"),
                ("VOLTA_HOME", "/opt/volta"),
            ]
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .into(),
            directory: "/".into(),
        };
        let start = Start::Cleared {
            named: &[],
            home: Path::new("/private"),
        };
        let variables = kept(&caller, start);
        assert_eq!(variables["RUSTUP_HOME"], "/home/me/.rustup");
        assert_eq!(variables["PYENV_ROOT"], "/opt/pyenv");
        assert!(!variables.contains_key("VOLTA_HOME"));
    }

    fn environment(start: Start<'_>) -> BTreeMap<String, String> {
        let caller = Environment {
            variables: [
                ("PATH", "/bin"),
                ("HOME", "/home/me"),
                ("JUDGE_KEY", "j"),
                ("MODEL_KEY", "m"),
                ("https_proxy", "http://elsewhere"),
            ]
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .into(),
            directory: "/".into(),
        };
        let harness = Harness {
            command: vec!["x".to_owned()],
            preamble: "Be kind.\n\n".to_owned(),
            ..Harness::default()
        };
        let told = Told {
            task: "Do it.",
            model: None,
            session: "run-1",
            folder: Path::new("/run"),
        };
        of(&caller, start, &harness, &told)
    }

    #[test]
    fn by_hand_the_callers_environment_is_kept_less_foreign_keys_and_proxies() {
        let withheld = ["JUDGE_KEY".to_owned()].into();
        let variables = environment(Start::Inherited {
            withheld: &withheld,
        });
        assert_eq!(variables["HOME"], "/home/me");
        assert_eq!(variables["MODEL_KEY"], "m");
        assert!(!variables.contains_key("JUDGE_KEY"));
        assert!(!variables.contains_key("https_proxy"));
        assert_eq!(variables["AGENT_TASK"], "Be kind.\n\nDo it.");
    }

    #[test]
    fn the_callers_own_tokens_of_services_with_clones_are_taken_out() {
        let clone = archal_testkit::echo_clone::ECHO;
        let mut variables: BTreeMap<String, String> = ["ECHO_TOKEN", "OTHER_TOKEN"]
            .map(|name| (name.to_owned(), "real".to_owned()))
            .into();
        without_service_tokens(&mut variables, &[clone]);
        assert_eq!(variables.keys().collect::<Vec<_>>(), ["OTHER_TOKEN"]);
    }

    #[test]
    fn a_cleared_environment_has_only_what_is_named() {
        let variables = environment(Start::Cleared {
            named: &["MODEL_KEY".to_owned()],
            home: Path::new("/private"),
        });
        let names: Vec<&str> = variables.keys().map(String::as_str).collect();
        assert_eq!(
            names,
            [
                "AGENT_METRICS_FILE",
                "AGENT_RUN_MODE",
                "AGENT_SESSION_ID",
                "AGENT_TASK",
                "AGENT_TRACE_FILE",
                "ARCHAL_ENGINE_MODE",
                "ARCHAL_ENGINE_TASK",
                "HOME",
                "MODEL_KEY",
                "PATH",
                "TMPDIR"
            ]
        );
        assert_eq!(variables["HOME"], "/private");
    }
}
