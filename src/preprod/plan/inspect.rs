//! What is in a repository, without running anything of it.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use archal_core::clone::CloneDescriptor;
use archal_core::environment::Environment;
use serde_json::{Value, json};

use crate::git::command::Git;
use crate::preprod::survey::repository::{self, Findings, Kind, MCP_FILES};

use super::document::{Entry, Found, Missing, SeenService};
use super::tools;

/// The configuration's name.
pub(crate) const CONFIG: &str = ".archal.json";
/// The most files of a kind that are told.
const MOST_TOLD: usize = 20;
/// Folders in which scenarios usually are.
const SCENARIO_FOLDERS: &[&str] = &["archal", "scenarios"];
/// Endings of code.
const CODE: &[&str] = &["cjs", "js", "jsx", "mjs", "py", "rs", "ts", "tsx"];

/// What is in a repository, and what it was read from.
pub(crate) struct Inspected {
    /// What is told of it.
    pub(crate) found: Found,
    /// All that manifests and MCP configurations show.
    pub(crate) findings: Findings,
}

/// Looks at the repository.
pub(crate) fn look(
    repo: &Path,
    environment: &Environment,
    clones: &[CloneDescriptor],
) -> Inspected {
    let mut findings = repository::look(repo);
    let files = repository::files(repo, &mut findings);
    let mut found = Found {
        languages: findings.kinds.iter().map(|kind| language(*kind)).collect(),
        services: findings
            .services
            .iter()
            .map(|(name, shown_by)| SeenService {
                name: (*name).to_owned(),
                has_clone: clones.iter().any(|clone| clone.name == *name),
                shown_by: shown_by.clone(),
            })
            .collect(),
        mcp_configs: MCP_FILES
            .iter()
            .filter(|file| repo.join(file).is_file())
            .map(|file| (*file).to_owned())
            .collect(),
        test_command: test_command(repo, &findings, &files),
        ci: ci(repo),
        remote: remote(repo, environment),
        config: repo.join(CONFIG).is_file().then(|| CONFIG.to_owned()),
        ..Found::default()
    };
    let entry = |program: &repository::Program| Entry {
        command: program.command.clone(),
        why: program.why.clone(),
    };
    found.agent = match &findings.harness {
        Some(file) => Some(Entry {
            command: vec![file.clone()],
            why: format!("{file} is a harness"),
        }),
        None => findings.agents.first().map(entry),
    };
    let rest = findings
        .agents
        .iter()
        .skip(usize::from(findings.harness.is_none()));
    found.other_agents = rest.chain(&findings.programs).map(entry).collect();
    let mut declared = BTreeSet::new();
    for file in &files {
        let is_test = is_test(file);
        if is_test && found.tests.len() < MOST_TOLD {
            found.tests.push(file.clone());
        }
        let ending = file.rsplit('.').next().unwrap_or_default();
        if CODE.contains(&ending)
            && !is_test
            && let Some(text) = repository::read(repo, file)
        {
            declared.extend(tools::of(file, &text));
            let language = language_of(ending).to_owned();
            if !found.languages.contains(&language) {
                found.languages.push(language);
            }
            for clone in clones {
                let host = clone.every_host().find(|host| has_host(&text, host));
                if let Some(host) = host {
                    shows(
                        &mut found.services,
                        clone.name,
                        &format!("{host} in {file}"),
                    );
                }
            }
        }
        let is_place = SCENARIO_FOLDERS
            .iter()
            .any(|folder| file.starts_with(&format!("{folder}/")));
        let scenario = (file.ends_with(".md") && is_place)
            .then(|| repository::read(repo, file))
            .flatten()
            .filter(|text| is_scenario(text));
        if let Some(text) = scenario {
            let named = text.lines().filter_map(|line| line.strip_prefix("clones:"));
            for name in named.flat_map(|names| names.split(',')) {
                let is_named = |clone: &&CloneDescriptor| clone.name == name.trim();
                if let Some(clone) = clones.iter().find(is_named) {
                    shows(&mut found.services, clone.name, file);
                }
            }
            found.scenarios.push(file.clone());
        }
    }
    found.tools = declared.into_iter().collect();
    found.languages.sort();
    Inspected { found, findings }
}

fn language(kind: Kind) -> String {
    match kind {
        Kind::Npm => "javascript",
        Kind::Python => "python",
        Kind::Rust => "rust",
    }
    .to_owned()
}

/// The language of code by the ending of its file.
fn language_of(ending: &str) -> &'static str {
    match ending {
        "py" => "python",
        "rs" => "rust",
        _ => "javascript",
    }
}

/// Whether a text holds a host, and not only as a part of another name.
fn has_host(text: &str, host: &str) -> bool {
    let is_of_name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    text.match_indices(host).any(|(at, _)| {
        let before = text[..at].chars().next_back();
        let after = text[at + host.len()..].chars().next();
        !before.is_some_and(is_of_name) && !after.is_some_and(|c| c != '.' && is_of_name(c))
    })
}

/// Notes that something shows a service which has a clone.
fn shows(services: &mut Vec<SeenService>, name: &str, what: &str) {
    let at = services.iter().position(|seen| seen.name == name);
    let at = at.unwrap_or_else(|| {
        services.push(SeenService {
            name: name.to_owned(),
            has_clone: true,
            shown_by: Vec::new(),
        });
        services.len() - 1
    });
    let shown_by = &mut services[at].shown_by;
    if shown_by.len() < MOST_TOLD {
        shown_by.push(what.to_owned());
    }
}

fn is_test(file: &str) -> bool {
    let name = file.rsplit('/').next().unwrap_or_default();
    let in_folder = file
        .split('/')
        .any(|part| matches!(part, "test" | "tests" | "__tests__"));
    let ending = name.rsplit('.').next().unwrap_or_default();
    CODE.contains(&ending)
        && (in_folder
            || name.starts_with("test_")
            || name.contains("_test.")
            || name.contains(".test.")
            || name.contains(".spec."))
}

fn is_scenario(text: &str) -> bool {
    let has = |names: &[&str]| {
        text.lines().any(|line| {
            line.strip_prefix("## ")
                .is_some_and(|head| names.contains(&head.trim()))
        })
    };
    has(&["Prompt", "Task"]) && has(&["Success Criteria", "Checks"])
}

/// The command that runs the tests, where the manifests say it.
fn test_command(repo: &Path, findings: &Findings, files: &[String]) -> Option<String> {
    let package = fs::read_to_string(repo.join("package.json")).ok();
    let package = package.and_then(|text| serde_json::from_str::<Value>(&text).ok());
    let script = package.and_then(|package| package["scripts"]["test"].as_str().map(str::to_owned));
    if script.is_some_and(|script| !script.contains("no test specified")) {
        return Some("npm test".to_owned());
    }
    if findings.kinds.contains(&Kind::Rust) && repo.join("Cargo.toml").is_file() {
        return Some("cargo test".to_owned());
    }
    let has_tests = files
        .iter()
        .any(|file| file.ends_with(".py") && is_test(file));
    has_tests.then(|| "python3 -m pytest".to_owned())
}

/// The files of CI.
fn ci(repo: &Path) -> Vec<String> {
    let mut found: Vec<String> = [".gitlab-ci.yml", ".circleci/config.yml", "Jenkinsfile"]
        .iter()
        .filter(|file| repo.join(file).is_file())
        .map(|file| (*file).to_owned())
        .collect();
    let workflows = fs::read_dir(repo.join(".github/workflows"));
    for entry in workflows.into_iter().flatten().flatten().take(MOST_TOLD) {
        let name = entry.file_name().to_string_lossy().into_owned();
        if name.ends_with(".yml") || name.ends_with(".yaml") {
            found.push(format!(".github/workflows/{name}"));
        }
    }
    found.sort();
    found
}

/// The address of `origin` without what may be a credential.
fn remote(repo: &Path, environment: &Environment) -> Option<String> {
    let path = environment.get("PATH").unwrap_or_default();
    let url = Git::new(repo, path)
        .args(["config", "--get", "remote.origin.url"])
        .line()
        .ok()
        .filter(|url| !url.is_empty())?;
    Some(without_credentials(url))
}

/// An address without what may be a credential in it.
pub(crate) fn without_credentials(url: String) -> String {
    match url.split_once("://") {
        Some((scheme, rest)) => {
            let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
            let host = authority
                .rsplit_once('@')
                .map_or(authority, |(_, host)| host);
            format!("{scheme}://{host}{path}")
        }
        None => url,
    }
}

/// What the loop lacks.
pub(crate) fn missing(
    found: &Found,
    findings: &Findings,
    environment: &Environment,
    has_scenarios: bool,
) -> Vec<Missing> {
    let mut missing = Vec::new();
    let mut lacks = |what: &str, why: &str, how: &str| {
        missing.push(Missing {
            what: what.to_owned(),
            why: why.to_owned(),
            how: how.to_owned(),
        });
    };
    if found.agent.is_none() && found.config.is_none() {
        lacks(
            "a harness",
            "nothing here takes its task from AGENT_TASK, so no scenario can be run",
            "archal init writes one to fill in, or name `agent` in .archal.json",
        );
    }
    if !has_scenarios {
        lacks(
            "scenarios",
            "there is nothing to check",
            "archal preprod plan --write-scenarios, or archal scenario new <name>",
        );
    }
    for service in found.services.iter().filter(|service| !service.has_clone) {
        lacks(
            &format!("a clone of {}", service.name),
            "calls to it are refused in a run",
            "route.allow lets the real service through, or leave it out of scenarios",
        );
    }
    for (key, shown_by) in &findings.models {
        let is_set = environment.get(key).is_some_and(|value| !value.is_empty());
        if !is_set {
            let by = shown_by.first().map_or("", String::as_str);
            lacks(
                key,
                &format!("the agent's model needs it ({by}), and it is not set here"),
                &format!("export {key}=…, and name it in agentKeys"),
            );
        }
    }
    if found.remote.is_none() {
        lacks(
            "a git remote",
            "a fix stays a patch",
            "git remote add origin <url>",
        );
    }
    if found.test_command.is_none() {
        lacks(
            "tests",
            "nothing but the scenarios holds a fix back",
            "--validation-command <command> where there is another check",
        );
    }
    missing
}

/// A configuration of what was found.
pub(crate) fn config(
    found: &Found,
    findings: &Findings,
    clones: &[&CloneDescriptor],
    folder: &str,
) -> String {
    let mut whole = serde_json::Map::new();
    if findings.harness.is_none()
        && let Some(entry) = &found.agent
        && let Some((command, arguments)) = entry.command.split_first()
    {
        whole.insert(
            "agent".to_owned(),
            json!({"command": command, "args": arguments}),
        );
    }
    let names: Vec<&str> = clones.iter().map(|clone| clone.name).collect();
    whole.insert("clones".to_owned(), json!(names));
    whole.insert("scenarios".to_owned(), json!([folder]));
    if !findings.models.is_empty() {
        let keys: Vec<&&str> = findings.models.keys().collect();
        whole.insert("agentKeys".to_owned(), json!(keys));
    }
    if let Some(command) = &found.test_command {
        whole.insert(
            "preprod".to_owned(),
            json!({ "validationCommand": command }),
        );
    }
    format!("{:#}\n", Value::Object(whole))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_is_no_part_of_another_name() {
        assert!(has_host(
            "url = \"https://api.github.com/x\"",
            "api.github.com"
        ));
        assert!(has_host("see github.com.", "github.com"));
        assert!(!has_host("github.comment(1)", "github.com"));
        assert!(!has_host("my-github.com", "github.com"));
    }
}
