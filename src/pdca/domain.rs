//! What a repository is about: the words of reports, what reviewers look at, and added context.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Component, Path};

use archal_core::diagnostic::Diagnostic;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::metrics;
use super::place::{Place, RunId};
use super::role::{Phase, Role};
use super::settings;
use crate::config::{ConfigError, strict};

/// The domains that archal brings.
const BUILT_IN: [(&str, &str); 3] = [
    ("code", include_str!("domains/code.yaml")),
    ("writing", include_str!("domains/writing.yaml")),
    ("research", include_str!("domains/research.yaml")),
];
/// Files that a repository of code has.
const OF_CODE: [&str; 5] = [
    "package.json",
    "Cargo.toml",
    "pyproject.toml",
    "go.mod",
    "Makefile",
];

/// A file of `.archeflow/domains`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Domain {
    /// Its name.
    pub name: String,
    /// What the terms of code are called here: `tests: consistency checks`.
    #[serde(default)]
    pub concepts: BTreeMap<String, String>,
    /// The figures of a run.
    #[serde(default)]
    pub metrics: Vec<String>,
    /// What a reviewer looks at, by role.
    #[serde(default)]
    pub review_focus: BTreeMap<Role, Vec<String>>,
    /// Files that agents read as well.
    #[serde(default)]
    pub context: Context,
    /// Models of this domain, by role.
    #[serde(default)]
    pub model_overrides: BTreeMap<Role, String>,
}

/// Files that agents read as well, relative to the repository.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Context {
    /// All agents.
    pub always: Vec<String>,
    /// Those of Plan.
    pub plan_phase: Vec<String>,
    /// Those of Do.
    pub do_phase: Vec<String>,
    /// Those of Check.
    pub check_phase: Vec<String>,
}

/// Why there is no such domain.
#[derive(Debug, thiserror::Error)]
pub enum DomainError {
    /// There is no file of it.
    #[error(
        "there is no domain `{0}`: neither code, writing, research nor .archeflow/domains/{0}.yaml"
    )]
    Unknown(String),
    /// Its file is wrong.
    #[error(transparent)]
    Config(#[from] ConfigError),
}

impl Domain {
    /// The files agents of a phase read as well.
    pub fn files(&self, phase: Phase) -> impl Iterator<Item = &str> {
        let of_phase: &[String] = match phase {
            Phase::Plan => &self.context.plan_phase,
            Phase::Do => &self.context.do_phase,
            Phase::Check => &self.context.check_phase,
            Phase::Act => &[],
        };
        self.context
            .always
            .iter()
            .chain(of_phase)
            .map(String::as_str)
    }

    /// What a reviewer looks at.
    pub fn focus(&self, role: Role) -> Vec<String> {
        self.review_focus.get(&role).cloned().unwrap_or_default()
    }

    /// The model of this domain for a role.
    pub fn model(&self, role: Role) -> Option<&str> {
        self.model_overrides.get(&role).map(String::as_str)
    }

    fn over(mut self, base: Self) -> Self {
        for (term, word) in base.concepts {
            self.concepts.entry(term).or_insert(word);
        }
        if self.metrics.is_empty() {
            self.metrics = base.metrics;
        }
        for (role, focus) in base.review_focus {
            self.review_focus.entry(role).or_insert(focus);
        }
        self
    }
}

/// The domain of that name, or the one a repository looks like: of its own file, with what is missing
/// from `code`, or one that archal brings.
///
/// # Errors
///
/// When there is none of that name or its file is wrong.
pub fn load(place: &Place, name: Option<&str>, repo: &Path) -> Result<Domain, DomainError> {
    let name = name.unwrap_or_else(|| detected(repo));
    // A name becomes a file name as an id does.
    if RunId::new(name).is_err() {
        return Err(DomainError::Unknown(name.to_owned()));
    }
    let own = settings::source(&place.domain(name))?;
    match own {
        Some(source) => {
            let read: strict::Read<Domain> = settings::read(&source)?;
            let wrong = wrong_paths(&read);
            if !wrong.is_empty() {
                return Err(DomainError::Config(ConfigError::Invalid {
                    diagnostics: wrong,
                    file: Some(source),
                }));
            }
            Ok(read.value.over(built_in("code")?))
        }
        None => built_in(name),
    }
}

fn built_in(name: &str) -> Result<Domain, DomainError> {
    let known = BUILT_IN.iter().find(|(known, _)| *known == name);
    let (_, text) = known.ok_or_else(|| DomainError::Unknown(name.to_owned()))?;
    let source = archal_core::diagnostic::SourceText {
        path: format!("domains/{name}.yaml").into(),
        text: (*text).to_owned(),
    };
    Ok(settings::read::<Domain>(&source)?.value)
}

/// Places of files that lead out of the repository.
fn wrong_paths(read: &strict::Read<Domain>) -> Vec<Diagnostic> {
    let context = &read.value.context;
    let lists = [
        ("always", &context.always),
        ("plan_phase", &context.plan_phase),
        ("do_phase", &context.do_phase),
        ("check_phase", &context.check_phase),
    ];
    let mut wrong = Vec::new();
    for (list, paths) in lists {
        for (at, path) in paths.iter().enumerate() {
            let is_plain = |part: Component<'_>| matches!(part, Component::Normal(_));
            if path.is_empty() || !Path::new(path).components().all(is_plain) {
                let finding = Diagnostic::error(
                    "pdca/context-path",
                    format!("`{path}` is no plain path within the repository"),
                );
                wrong.push(match read.span(&format!("context.{list}.{at}")) {
                    Some(span) => finding.at(span),
                    None => finding,
                });
            }
        }
    }
    wrong
}

fn detected(repo: &Path) -> &'static str {
    let is_bibliography = |name: &std::ffi::OsStr| name.to_string_lossy().ends_with(".bib");
    let mut names = fs::read_dir(repo).into_iter().flatten().flatten();
    if names.any(|entry| is_bibliography(&entry.file_name())) || repo.join("references").is_dir() {
        // Code with references is code.
        if !OF_CODE.iter().any(|name| repo.join(name).exists()) {
            return "research";
        }
    }
    "code"
}

impl Domain {
    /// What it calls otherwise than code does, for agents: nothing where it is code.
    pub fn terms(&self) -> Option<String> {
        let code = built_in("code").ok()?.concepts;
        let other = self.concepts.iter().filter(|(term, word)| {
            let of_code = code.get(*term);
            of_code != Some(*word)
        });
        let lines: Vec<String> = other
            .map(|(term, word)| format!("- {}: {word}", term.replace('_', " ")))
            .collect();
        (!lines.is_empty()).then(|| lines.join("\n"))
    }

    /// The figures that archal does not count.
    pub fn not_counted(&self) -> Vec<&str> {
        let is_not = |name: &&str| !metrics::COUNTED.contains(name);
        self.metrics
            .iter()
            .map(String::as_str)
            .filter(is_not)
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place() -> (tempfile::TempDir, Place) {
        let folder = tempfile::tempdir().expect("a folder");
        let place = Place::of(folder.path());
        fs::create_dir_all(place.root().join("domains")).expect("a folder");
        (folder, place)
    }

    #[test]
    fn domains_that_are_brought_are_sound_and_whole() {
        let (folder, place) = place();
        for (name, _) in BUILT_IN {
            let domain = load(&place, Some(name), folder.path()).expect(name);
            assert_eq!(domain.name, name);
            assert_eq!(domain.concepts.len(), 7, "{name}");
            for role in [Role::Guardian, Role::Skeptic, Role::Sage, Role::Trickster] {
                assert!(!domain.review_focus[&role].is_empty(), "{name} {role}");
            }
        }
    }

    #[test]
    fn an_own_domain_has_what_it_does_not_say_from_code() {
        let (folder, place) = place();
        let own = "name: law\nconcepts: {tests: citations}\nmetrics: []\ncontext: {always: [a/style.md], check_phase: [b.md]}\n";
        fs::write(place.domain("law"), own).expect("written");
        let domain = load(&place, Some("law"), folder.path()).expect("sound");
        assert_eq!(domain.concepts["tests"], "citations");
        assert_eq!(domain.concepts["review"], "code review");
        let files: Vec<&str> = domain.files(Phase::Check).collect();
        assert_eq!(files, ["a/style.md", "b.md"]);
        assert!(!domain.metrics.is_empty());
    }

    #[test]
    fn a_domain_neither_leads_out_of_the_repository_nor_is_guessed() {
        let (folder, place) = place();
        for path in ["../x", "/etc/passwd", "a/../b"] {
            fs::write(
                place.domain("d"),
                format!("name: d\ncontext: {{always: [{path}]}}\n"),
            )
            .expect("written");
            let error = load(&place, Some("d"), folder.path()).expect_err(path);
            assert!(matches!(error, DomainError::Config(_)), "{error}");
        }
        for name in ["cod", "../code", "a/b"] {
            let error = load(&place, Some(name), folder.path()).expect_err(name);
            assert!(matches!(error, DomainError::Unknown(_)), "{error}");
        }
    }

    #[test]
    fn research_is_known_by_its_references() {
        let (folder, place) = place();
        let name = || load(&place, None, folder.path()).expect("a domain").name;
        assert_eq!(name(), "code");
        fs::write(folder.path().join("x.bib"), "").expect("written");
        assert_eq!(name(), "research");
        fs::write(folder.path().join("Cargo.toml"), "").expect("written");
        assert_eq!(name(), "code");
    }
}
