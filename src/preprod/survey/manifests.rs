//! The manifests of packages: what they ask for and which programs they name.

use serde_json::Value;

use super::repository::{Kind, Package, Program};

/// Scripts of a package.json that may start the agent, the likeliest first.
const SCRIPTS: &[&str] = &["agent", "start:agent", "agent:start", "start"];

/// A manifest as far as it matters here.
#[derive(Debug)]
pub(crate) struct Manifest {
    pub(crate) kind: Kind,
    pub(crate) packages: Vec<Package>,
    pub(crate) programs: Vec<Program>,
    /// What `archal.harness` names.
    pub(crate) harness: Option<String>,
}

/// Whether a file of that name is one.
pub(crate) fn is_manifest(name: &str) -> bool {
    matches!(name, "package.json" | "pyproject.toml" | "Cargo.toml") || is_requirements(name)
}

fn is_requirements(name: &str) -> bool {
    name.starts_with("requirements") && name.ends_with(".txt")
}

/// Reads a manifest; what is wrong with it where it cannot be read.
pub(crate) fn read(name: &str, file: &str, text: &str) -> Result<Manifest, String> {
    match name {
        "package.json" => {
            let document = serde_json::from_str(text).map_err(|error| error.to_string())?;
            Ok(package_json(&document, file))
        }
        "pyproject.toml" => Ok(pyproject(&toml(text)?, file)),
        "Cargo.toml" => Ok(cargo(&toml(text)?, file)),
        _ => Ok(requirements(text, file)),
    }
}

fn toml(text: &str) -> Result<Value, String> {
    toml::from_str(text).map_err(|error| error.message().to_owned())
}

/// The folder of a file, with a slash where it is not the repository itself.
fn folder(file: &str) -> &str {
    file.rfind('/').map_or("", |at| &file[..=at])
}

fn keys<'v>(document: &'v Value, path: &[&str]) -> impl Iterator<Item = &'v String> + use<'v> {
    let found = path.iter().try_fold(document, |at, key| at.get(*key));
    found
        .and_then(Value::as_object)
        .into_iter()
        .flat_map(|table| table.keys())
}

fn package_json(document: &Value, file: &str) -> Manifest {
    let sections = [
        "dependencies",
        "devDependencies",
        "optionalDependencies",
        "peerDependencies",
    ];
    let packages = sections
        .iter()
        .flat_map(|section| keys(document, &[*section]))
        .map(|name| Package {
            kind: Kind::Npm,
            name: name.clone(),
            file: file.to_owned(),
        })
        .collect();
    let mut programs = Vec::new();
    let script = SCRIPTS.iter().find(|name| {
        let script = document
            .get("scripts")
            .and_then(|scripts| scripts.get(**name));
        script.is_some_and(Value::is_string)
    });
    if let Some(script) = script {
        let place = folder(file).trim_end_matches('/');
        let mut command = vec!["npm"];
        if !place.is_empty() {
            command.extend(["--prefix", place]);
        }
        command.extend(["run", "--silent", script]);
        programs.push(Program {
            command: command.into_iter().map(str::to_owned).collect(),
            why: format!("the script `{script}` of {file}"),
        });
    }
    let bin = match document.get("bin") {
        Some(Value::String(path)) => Some(path.as_str()),
        Some(Value::Object(several)) if several.len() == 1 => {
            several.values().next().and_then(Value::as_str)
        }
        _ => None,
    };
    let main = document.get("main").and_then(Value::as_str);
    for (what, path) in [("bin", bin), ("main", main)] {
        if let Some(path) = path {
            let path = format!("{}{}", folder(file), path.trim_start_matches("./"));
            programs.push(Program {
                command: vec!["node".to_owned(), path],
                why: format!("`{what}` of {file}"),
            });
        }
    }
    let harness = document.pointer("/archal/harness").and_then(Value::as_str);
    Manifest {
        kind: Kind::Npm,
        packages,
        programs,
        harness: harness.map(|path| format!("{}{path}", folder(file))),
    }
}

fn pyproject(document: &Value, file: &str) -> Manifest {
    let mut names: Vec<String> = Vec::new();
    let lists = ["/project/dependencies", "/tool/uv/dev-dependencies"];
    let listed = lists.iter().filter_map(|path| document.pointer(path));
    let groups = ["/project/optional-dependencies", "/dependency-groups"];
    let grouped = groups
        .iter()
        .filter_map(|path| document.pointer(path)?.as_object())
        .flat_map(|groups| groups.values());
    for list in listed.chain(grouped) {
        let items = list.as_array().into_iter().flatten();
        names.extend(items.filter_map(Value::as_str).filter_map(requirement));
    }
    names.extend(keys(document, &["tool", "poetry", "dependencies"]).map(|name| normal(name)));
    let groups = document
        .pointer("/tool/poetry/group")
        .and_then(Value::as_object);
    for group in groups.into_iter().flat_map(|groups| groups.values()) {
        names.extend(keys(group, &["dependencies"]).map(|name| normal(name)));
    }
    let scripts = keys(document, &["project", "scripts"])
        .chain(keys(document, &["tool", "poetry", "scripts"]));
    let programs = scripts
        .map(|name| Program {
            command: vec![name.clone()],
            why: format!("the script `{name}` of {file}"),
        })
        .collect();
    Manifest {
        kind: Kind::Python,
        packages: python(names, file),
        programs,
        harness: None,
    }
}

fn requirements(text: &str, file: &str) -> Manifest {
    Manifest {
        kind: Kind::Python,
        packages: python(text.lines().filter_map(requirement).collect(), file),
        programs: Vec::new(),
        harness: None,
    }
}

fn python(names: Vec<String>, file: &str) -> Vec<Package> {
    let package = |name| Package {
        kind: Kind::Python,
        name,
        file: file.to_owned(),
    };
    names.into_iter().map(package).collect()
}

/// The package of a line such as `PyGithub>=2 ; python_version > "3.9"`.
fn requirement(line: &str) -> Option<String> {
    let line = line.trim();
    if line.starts_with(['#', '-']) {
        return None;
    }
    let part = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    let end = line.find(|c| !part(c)).unwrap_or(line.len());
    (end > 0).then(|| normal(&line[..end]))
}

/// A package's name as PyPI compares it.
fn normal(name: &str) -> String {
    name.to_lowercase().replace(['_', '.'], "-")
}

fn cargo(document: &Value, file: &str) -> Manifest {
    let sections: [&[&str]; 3] = [
        &["dependencies"],
        &["dev-dependencies"],
        &["workspace", "dependencies"],
    ];
    let packages = sections
        .iter()
        .flat_map(|path| keys(document, path))
        .map(|name| Package {
            kind: Kind::Rust,
            name: name.clone(),
            file: file.to_owned(),
        })
        .collect();
    let name = document.pointer("/package/name").and_then(Value::as_str);
    let programs = name.map(|name| Program {
        command: ["cargo", "run", "--quiet", "--package", name, "--"]
            .map(str::to_owned)
            .to_vec(),
        why: format!("the package `{name}` of {file}"),
    });
    Manifest {
        kind: Kind::Rust,
        packages,
        programs: programs.into_iter().collect(),
        harness: None,
    }
}
