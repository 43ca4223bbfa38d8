//! What the files of a repository say about its agent. Nothing of it is run.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::manifests;
use super::services::{MODELS, SERVICES, is_one_of};

/// The most files and folders that are looked at.
const MAX_ENTRIES: usize = 20_000;
/// How deep folders are entered.
const MAX_DEPTH: usize = 6;
/// The most of a file that is read.
const MAX_BYTES: u64 = 512 << 10;
/// Folders that hold nothing of the project's own.
const SKIPPED: &[&str] = &[
    "build",
    "coverage",
    "dist",
    "node_modules",
    "out",
    "target",
    "vendor",
    "venv",
    "__pycache__",
];
/// Files in which MCP servers are configured.
pub(crate) const MCP_FILES: &[&str] = &[
    ".mcp.json",
    "mcp.json",
    ".cursor/mcp.json",
    ".vscode/mcp.json",
    ".claude.json",
    ".claude/settings.json",
    "claude_desktop_config.json",
];
/// Variables by which an agent takes its task from archal.
const TASK_VARIABLES: &[&str] = &["AGENT_TASK", "ARCHAL_ENGINE_TASK"];

/// The ecosystem a manifest is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Kind {
    Npm,
    Python,
    Rust,
}

/// A package a manifest asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Package {
    pub(crate) kind: Kind,
    pub(crate) name: String,
    /// The manifest, relative to the repository.
    pub(crate) file: String,
}

/// A program that may be the agent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Program {
    /// How it would be started.
    pub(crate) command: Vec<String>,
    /// What says so.
    pub(crate) why: String,
}

/// Everything that was found.
#[derive(Debug, Default)]
pub(crate) struct Findings {
    /// Services by name, with what shows each.
    pub(crate) services: BTreeMap<&'static str, Vec<String>>,
    /// Variables of model keys, with what shows each.
    pub(crate) models: BTreeMap<&'static str, Vec<String>>,
    /// Programs that take their task from archal already.
    pub(crate) agents: Vec<Program>,
    /// Programs that manifests name.
    pub(crate) programs: Vec<Program>,
    /// A harness that is there already, relative to the repository.
    pub(crate) harness: Option<String>,
    /// Which kinds of manifest there are.
    pub(crate) kinds: Vec<Kind>,
    /// Whether MCP servers are configured.
    pub(crate) mcp: bool,
    /// What could not be read, and other things to know.
    pub(crate) notes: Vec<String>,
}

/// Looks at a repository.
pub(crate) fn look(root: &Path) -> Findings {
    let mut findings = Findings::default();
    let files = files(root, &mut findings);
    let mut packages = Vec::new();
    for file in &files {
        let name = file.rsplit('/').next().unwrap_or_default();
        let Some(text) = manifests::is_manifest(name)
            .then(|| read(root, file))
            .flatten()
        else {
            continue;
        };
        match manifests::read(name, file, &text) {
            Ok(manifest) => {
                packages.extend(manifest.packages);
                findings.programs.extend(manifest.programs);
                findings.harness = findings.harness.take().or(manifest.harness);
                if !findings.kinds.contains(&manifest.kind) {
                    findings.kinds.push(manifest.kind);
                }
            }
            Err(reason) => findings
                .notes
                .push(format!("{file} cannot be read: {reason}")),
        }
    }
    findings.kinds.sort();
    for package in &packages {
        package_shows(package, &mut findings);
    }
    for file in MCP_FILES {
        mcp(root, file, &mut findings);
    }
    for place in [".archal/", ""] {
        let names = ["json", "ts", "js", "mjs", "cjs", "py", "sh"];
        let there = names
            .iter()
            .map(|extension| format!("{place}harness.{extension}"))
            .find(|file| root.join(file).is_file());
        findings.harness = findings.harness.take().or(there);
    }
    for file in &files {
        if let Some(program) = agent(root, file, &packages) {
            findings.agents.push(program);
        }
    }
    findings
}

/// The files below a folder, the shallow ones first, then by name.
pub(crate) fn files(root: &Path, findings: &mut Findings) -> Vec<String> {
    let mut found: Vec<(usize, String)> = Vec::new();
    let mut open = vec![(root.to_owned(), 0_usize)];
    let mut seen = 0_usize;
    while let Some((folder, depth)) = open.pop() {
        // A folder that may not be read holds nothing that can be said.
        for entry in fs::read_dir(&folder).into_iter().flatten().flatten() {
            seen += 1;
            if seen > MAX_ENTRIES {
                findings.notes.push(format!(
                    "more than {MAX_ENTRIES} files; the rest was not looked at"
                ));
                found.sort();
                return found.into_iter().map(|(_, name)| name).collect();
            }
            let name = entry.file_name();
            let name = name.to_string_lossy();
            let Ok(kind) = entry.file_type() else {
                continue;
            };
            if kind.is_dir() {
                if depth < MAX_DEPTH && !name.starts_with('.') && !SKIPPED.contains(&name.as_ref())
                {
                    open.push((entry.path(), depth + 1));
                }
            } else if kind.is_file()
                && let Ok(below) = entry.path().strip_prefix(root)
            {
                let parts: Vec<_> = below.iter().map(|part| part.to_string_lossy()).collect();
                found.push((depth, parts.join("/")));
            }
        }
    }
    found.sort();
    found.into_iter().map(|(_, name)| name).collect()
}

/// The beginning of a file as text; none where it cannot be read.
pub(crate) fn read(root: &Path, file: &str) -> Option<String> {
    let mut bytes = Vec::new();
    let opened = File::open(root.join(file)).ok()?;
    opened.take(MAX_BYTES).read_to_end(&mut bytes).ok()?;
    Some(String::from_utf8_lossy(&bytes).into_owned())
}

fn package_shows(package: &Package, findings: &mut Findings) {
    let Package { kind, name, file } = package;
    let shows = format!("{name} in {file}");
    let fits = |npm: &[&str], python: &[&str], rust: &[&str]| match kind {
        Kind::Npm => is_one_of(name, npm),
        Kind::Python => is_one_of(name, python),
        Kind::Rust => is_one_of(name, rust),
    };
    for service in SERVICES {
        if fits(service.npm, service.python, service.rust) {
            add(&mut findings.services, service.name, &shows);
        }
    }
    for model in MODELS {
        if fits(model.npm, model.python, model.rust) {
            add(&mut findings.models, model.key, &shows);
        }
    }
}

fn add(to: &mut BTreeMap<&'static str, Vec<String>>, name: &'static str, shows: &str) {
    let known = to.entry(name).or_default();
    if !known.iter().any(|other| other == shows) {
        known.push(shows.to_owned());
    }
}

/// The MCP servers of a configuration file.
fn mcp(root: &Path, file: &str, findings: &mut Findings) {
    let Some(text) = read(root, file) else { return };
    let document: Value = match serde_json::from_str(&text) {
        Ok(document) => document,
        Err(error) => {
            findings
                .notes
                .push(format!("{file} cannot be read: {error}"));
            return;
        }
    };
    let servers = ["mcpServers", "servers"]
        .iter()
        .find_map(|key| document.get(*key)?.as_object());
    for (name, server) in servers.into_iter().flatten() {
        findings.mcp = true;
        let mut words = vec![name.to_lowercase()];
        for key in ["command", "url"] {
            words.extend(
                server
                    .get(key)
                    .and_then(Value::as_str)
                    .map(str::to_lowercase),
            );
        }
        let arguments = server.get("args").and_then(Value::as_array);
        let arguments = arguments.into_iter().flatten().filter_map(Value::as_str);
        words.extend(arguments.map(str::to_lowercase));
        for service in SERVICES {
            let named = |word: &String| service.mcp.iter().any(|known| word.contains(known));
            if words.iter().any(named) {
                add(
                    &mut findings.services,
                    service.name,
                    &format!("the MCP server `{name}` in {file}"),
                );
            }
        }
    }
}

/// A program that reads its task from the variable archal sets.
fn agent(root: &Path, file: &str, packages: &[Package]) -> Option<Program> {
    let path = PathBuf::from(file);
    let extension = path.extension()?.to_str()?;
    let stem = path.file_stem()?.to_str()?;
    let is_code = ["cjs", "js", "mjs", "py", "sh", "ts"].contains(&extension);
    let is_test = stem.starts_with("test")
        || stem.contains(".test")
        || stem.contains(".spec")
        || stem.ends_with("_test")
        || stem == "conftest"
        || stem == "harness";
    let in_tests = file
        .split('/')
        .any(|part| matches!(part, "test" | "tests" | "__tests__"));
    if !is_code || is_test || in_tests {
        return None;
    }
    let text = read(root, file)?;
    let variable = TASK_VARIABLES.iter().find(|name| text.contains(**name))?;
    let command = match extension {
        "py" if root.join("uv.lock").is_file() => vec!["uv", "run", "python"],
        "py" if root.join("poetry.lock").is_file() => vec!["poetry", "run", "python"],
        "py" => vec!["python3"],
        "sh" => vec!["sh"],
        "ts" => vec!["npx", "--no-install", "tsx"],
        _ => vec!["node"],
    };
    let mut why = format!("{file} reads {variable}");
    let has_tsx = packages.iter().any(|package| package.name == "tsx");
    if extension == "ts" && !has_tsx {
        why.push_str("; tsx, which starts it, is in no package.json: npm install -D tsx");
    }
    Some(Program {
        command: command
            .into_iter()
            .map(str::to_owned)
            .chain([file.to_owned()])
            .collect(),
        why,
    })
}
