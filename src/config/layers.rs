//! Flags over environment over file over defaults, and which of them each value came from.

use std::collections::BTreeMap;
use std::fmt;
use std::fs;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use archal_core::diagnostic::{Diagnostic, SourceText, Span, line_and_column};
use archal_core::environment::Environment;
use serde_json::Value;

use super::check;
use super::document::{self, Node, join};
use super::schema::{Config, json_schema};
use super::{allow, grade, judge, notice, redaction, tools};

/// The file's name.
const FILE_NAME: &str = ".archal.json";
/// A larger file is no configuration.
const MAX_BYTES: u64 = 1 << 20;

/// Variables that set keys. Permissions (`attach.allowExternalExecution`) have none: they are
/// given on the command line or in the file, where they can be seen.
pub(super) const VARIABLES: &[(&str, &str)] = &[
    ("ARCHAL_AGENT", "agent"),
    ("ARCHAL_AGENT_MODEL", "agentModel"),
    ("ARCHAL_ATTACH_POLICY", "attach.policy"),
    ("ARCHAL_FIXER", "fixer.name"),
    ("ARCHAL_FIX_COMMAND", "attach.fixCommand"),
    ("ARCHAL_FIX_TIMEOUT", "attach.fixTimeout"),
    ("ARCHAL_JUDGE_MODEL", "judge.model"),
    ("ARCHAL_REPRODUCE_RUNS", "attach.reproduceRuns"),
    ("ARCHAL_ROUTE_MODE", "route.mode"),
    ("ARCHAL_RUNS", "runs"),
    ("ARCHAL_TIMEOUT", "timeout"),
];

/// Names the original product used for variables.
const OLD_VARIABLES: &[(&str, &str)] = &[
    ("ARCHAL_ENGINE_MODEL", "ARCHAL_AGENT_MODEL"),
    ("ARCHAL_ENGINE_TIMEOUT", "ARCHAL_TIMEOUT"),
];

/// A key that a command's option sets.
#[derive(Debug, Clone, PartialEq)]
pub struct Override {
    /// The option as typed: `--runs`.
    pub flag: &'static str,
    /// The key's dotted path: `attach.reproduceRuns`.
    pub path: &'static str,
    /// Its value.
    pub value: Value,
}

impl Override {
    /// An override where the option was given.
    pub fn of(
        flag: &'static str,
        path: &'static str,
        value: Option<impl Into<Value>>,
    ) -> Option<Self> {
        value.map(|value| Self {
            flag,
            path,
            value: value.into(),
        })
    }
}

/// Where a value came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// A command-line option.
    Flag(&'static str),
    /// An environment variable.
    Variable(&'static str),
    /// The file.
    File {
        /// The file.
        path: PathBuf,
        /// Line from 1.
        line: usize,
        /// Column from 1.
        column: usize,
    },
    /// Nothing set it.
    Default,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Flag(flag) => write!(f, "flag {flag}"),
            Self::Variable(name) => write!(f, "environment {name}"),
            Self::File { path, line, column } => write!(f, "{}:{line}:{column}", path.display()),
            Self::Default => f.write_str("default"),
        }
    }
}

/// A configuration in force.
#[derive(Debug, Clone, PartialEq)]
pub struct Loaded {
    /// The values.
    pub config: Config,
    /// Each key's dotted path, its value and where it came from, sorted by path.
    pub keys: Vec<(String, Value, Origin)>,
    /// The file that was read.
    pub source: Option<SourceText>,
    /// What is accepted but worth knowing: old names.
    pub notes: Vec<Diagnostic>,
    /// The folder that relative paths in the configuration start from.
    pub directory: PathBuf,
    spans: BTreeMap<String, Span>,
}

impl Loaded {
    /// A finding about a value, at its place where the file set it: `agent.env.TOKEN`.
    pub fn at(&self, path: &str, finding: Diagnostic) -> Diagnostic {
        match (self.spans.get(path), &self.source) {
            (Some(span), Some(source)) => finding.at(*span).in_file(&source.path),
            _ => finding,
        }
    }

    /// A finding about a part of a text, whose place counts bytes of the text, at its place in the
    /// file: `grade.rules.0.cel`. Without a place there where the file did not set the text.
    pub fn within(&self, path: &str, mut finding: Diagnostic) -> Diagnostic {
        let Some(part) = finding.span.take() else {
            return self.at(path, finding);
        };
        let place = self.spans.get(path).zip(self.source.as_ref());
        let place = place.and_then(|(whole, source)| {
            let span = document::inside(&source.text, *whole, part)?;
            Some(finding.clone().at(span).in_file(&source.path))
        });
        place.unwrap_or(finding)
    }
}

/// Why there is no configuration.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("cannot read the configuration {}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// The cause.
        source: io::Error,
    },
    /// The file is too large to be one.
    #[error("the configuration {} is larger than 1 MiB", path.display())]
    TooLarge {
        /// The file.
        path: PathBuf,
    },
    /// A value is wrong.
    #[error("{}", summary(diagnostics, file.as_ref()))]
    Invalid {
        /// What is wrong, where and what mends it; at least one error.
        diagnostics: Vec<Diagnostic>,
        /// The file, where one was read.
        file: Option<SourceText>,
    },
}

fn summary(diagnostics: &[Diagnostic], source: Option<&SourceText>) -> String {
    let count = diagnostics
        .iter()
        .filter(|finding| finding.is_error())
        .count();
    let what = match source {
        Some(source) => format!("the configuration {}", source.path.display()),
        None => "the configuration".to_owned(),
    };
    match count {
        1 => format!("{what} has an error"),
        _ => format!("{what} has {count} errors"),
    }
}

/// The file in force for work in `directory`: `.archal.json` there, or in the nearest folder
/// above it that belongs to the same git repository.
///
/// Folders outside the repository are not looked at: a file that anyone put into `/tmp` must not
/// decide what runs below it.
pub fn find(directory: &Path) -> Option<PathBuf> {
    let mut candidate = None;
    for folder in directory.ancestors() {
        if candidate.is_none() {
            let file = folder.join(FILE_NAME);
            candidate = file.is_file().then_some(file);
            if folder == directory && candidate.is_some() {
                return candidate;
            }
        }
        if folder.join(".git").exists() {
            return candidate;
        }
    }
    None
}

/// Reads the configuration: the named file, or the one [`find`] finds, or the defaults.
///
/// # Errors
///
/// When a named file does not exist, a file cannot be read, or any layer has an error.
pub fn load(
    file: Option<&Path>,
    directory: &Path,
    flags: &[Override],
    environment: &Environment,
) -> Result<Loaded, ConfigError> {
    let path = match file {
        Some(file) => Some(environment.resolve(file)),
        None => find(&environment.resolve(directory)),
    };
    let folder = path
        .as_deref()
        .and_then(Path::parent)
        .map_or_else(|| environment.resolve(directory), Path::to_owned);
    let source = path
        .map(|path| read(&path, shown(&path, environment)))
        .transpose()?;
    merge(source, folder, flags, environment)
}

/// People know a file by its path from where they stand; a watcher stands at the root.
fn shown(path: &Path, environment: &Environment) -> PathBuf {
    let below = path.strip_prefix(&environment.directory).ok();
    let below = below.filter(|_| environment.directory.parent().is_some());
    below.unwrap_or(path).to_owned()
}

fn read(path: &Path, shown: PathBuf) -> Result<SourceText, ConfigError> {
    let mut text = String::new();
    let read =
        fs::File::open(path).and_then(|file| file.take(MAX_BYTES + 1).read_to_string(&mut text));
    match read {
        Err(source) => Err(ConfigError::Read {
            path: shown,
            source,
        }),
        Ok(count) if count as u64 > MAX_BYTES => Err(ConfigError::TooLarge { path: shown }),
        Ok(_) => Ok(SourceText { path: shown, text }),
    }
}

fn merge(
    source: Option<SourceText>,
    directory: PathBuf,
    flags: &[Override],
    environment: &Environment,
) -> Result<Loaded, ConfigError> {
    let schema = json_schema();
    let schema = schema.as_value();
    let mut findings = Vec::new();
    let mut layers = Layers::new(schema);

    let mut spans = BTreeMap::new();
    if let Some(source) = &source {
        match document::parse(&source.text) {
            Ok(mut node) => {
                findings = check::check(&mut node, schema);
                spans = node.spans();
                layers.file(&node, source);
            }
            Err(finding) => findings.push(finding),
        }
        for finding in &mut findings {
            finding.file = Some(source.path.clone());
        }
    }
    for (name, path) in VARIABLES {
        let old = OLD_VARIABLES.iter().find(|(_, new)| new == name);
        let (name, text) = match (environment.get(name), old) {
            (Some(text), _) => (*name, text),
            (None, Some((old, new))) => match environment.get(old) {
                Some(text) => {
                    findings.push(Diagnostic::note(
                        "config/old-name",
                        format!("the variable `{old}` is now called `{new}`"),
                    ));
                    (*old, text)
                }
                None => continue,
            },
            (None, None) => continue,
        };
        layers.checked(
            path,
            from_text(text),
            name,
            Origin::Variable(name),
            &mut findings,
        );
    }
    for flag in flags {
        let origin = Origin::Flag(flag.flag);
        layers.checked(
            flag.path,
            flag.value.clone(),
            flag.flag,
            origin,
            &mut findings,
        );
    }
    if findings.iter().any(Diagnostic::is_error) {
        return Err(ConfigError::Invalid {
            diagnostics: findings,
            file: source,
        });
    }
    let made = serde_path_to_error::deserialize(&layers.value)
        .map_err(|error: serde_path_to_error::Error<_>| {
            let path = error.path().to_string();
            let told = format!("`{path}`: {}", error.into_inner());
            (path, Diagnostic::error("config/type", told))
        })
        .and_then(|config: Config| {
            let problem = notice::problem(&config.attach.notify)
                .or_else(|| judge::problem(&config))
                .or_else(|| allow::problem("route.allow", &config.route.allow))
                .or_else(|| allow::problem("fixer.hosts", config.fixer.hosts.as_deref()?))
                .or_else(|| tools::problem(&config.tools));
            match problem {
                Some(problem) => Err(problem),
                None => Ok(config),
            }
        });
    let config = match made {
        Ok(config) => config,
        Err((path, mut finding)) => {
            finding.span = spans.get(&path).copied();
            finding.file = source.as_ref().map(|source| source.path.clone());
            return Err(ConfigError::Invalid {
                diagnostics: vec![finding],
                file: source,
            });
        }
    };
    let mut problems = redaction::check(&config.redaction);
    problems.extend(grade::check(&config.grade));
    if !problems.is_empty() {
        let file = source.as_ref().map(|source| &source.path);
        findings.extend(problems.into_iter().map(|(path, mut finding)| {
            finding.span = spans.get(&path).copied();
            finding.file = file.cloned();
            finding
        }));
        return Err(ConfigError::Invalid {
            diagnostics: findings,
            file: source,
        });
    }
    Ok(Loaded {
        config,
        keys: layers.keys(),
        source,
        notes: findings,
        directory,
        spans,
    })
}

/// A variable's text as the value it stands for: a number where it is one, else the text.
fn from_text(text: &str) -> Value {
    text.parse::<u64>()
        .map_or_else(|_| Value::from(text), Value::from)
}

/// The values so far, and the origin of each key that is not default.
struct Layers<'a> {
    schema: &'a Value,
    value: Value,
    origins: BTreeMap<String, Origin>,
}

impl<'a> Layers<'a> {
    fn new(schema: &'a Value) -> Self {
        Self {
            schema,
            // Plain data with string keys has a JSON form.
            value: serde_json::to_value(Config::default()).unwrap_or_default(),
            origins: BTreeMap::new(),
        }
    }

    fn file(&mut self, node: &Node, source: &SourceText) {
        let given = node.to_value();
        let spans = node.spans();
        for path in leaves(self.schema) {
            let Some(value) = given.pointer(&pointer(&path)) else {
                continue;
            };
            let start = spans.get(&path).map_or(0, |span| span.start);
            let (line, column) = line_and_column(&source.text, start);
            let origin = Origin::File {
                path: source.path.clone(),
                line,
                column,
            };
            self.set(&path, value.clone(), origin);
        }
    }

    /// Sets a key from a single value, as a flag or a variable does, after checking it.
    fn checked(
        &mut self,
        path: &str,
        value: Value,
        name: &str,
        origin: Origin,
        findings: &mut Vec<Diagnostic>,
    ) {
        let value = self.as_declared(path, value);
        let wrapped = path.rsplit('.').fold(
            value.clone(),
            |inner, key| serde_json::json!({ key: inner }),
        );
        let checked = document::parse(&wrapped.to_string())
            .map(|mut node| check::check(&mut node, self.schema));
        let problems = checked.unwrap_or_else(|finding| vec![finding]);
        if problems.is_empty() {
            self.set(path, value, origin);
        }
        findings.extend(problems.into_iter().map(|mut finding| {
            finding.span = None;
            finding.message = format!("{name}: {}", finding.message);
            finding
        }));
    }

    /// Digits given for a key that holds text are text.
    fn as_declared(&self, path: &str, value: Value) -> Value {
        let schema_pointer = pointer(path).replace('/', "/properties/");
        let declared = self.schema.pointer(&schema_pointer).map(Value::to_string);
        match declared {
            Some(declared)
                if value.is_number()
                    && !["\"integer\"", "\"number\""]
                        .iter()
                        .any(|name| declared.contains(name)) =>
            {
                Value::from(value.to_string())
            }
            _ => value,
        }
    }

    fn set(&mut self, path: &str, value: Value, origin: Origin) {
        if let Some(place) = self.value.pointer_mut(&pointer(path)) {
            *place = value;
            self.origins.insert(path.to_owned(), origin);
        }
    }

    fn keys(&self) -> Vec<(String, Value, Origin)> {
        leaves(self.schema)
            .into_iter()
            .map(|path| {
                let value = self
                    .value
                    .pointer(&pointer(&path))
                    .cloned()
                    .unwrap_or_default();
                let origin = self.origins.get(&path).cloned().unwrap_or(Origin::Default);
                (path, value, origin)
            })
            .collect()
    }
}

fn pointer(path: &str) -> String {
    format!("/{}", path.replace('.', "/"))
}

/// The dotted path of every key that holds a value rather than further keys, sorted.
pub(super) fn leaves(schema: &Value) -> Vec<String> {
    fn collect(schema: &Value, path: &str, paths: &mut Vec<String>) {
        let properties = schema.get("properties").and_then(Value::as_object);
        match properties {
            Some(properties) => {
                for (name, inner) in properties {
                    collect(inner, &join(path, name), paths);
                }
            }
            None => paths.push(path.to_owned()),
        }
    }
    let mut paths = Vec::new();
    collect(schema, "", &mut paths);
    paths.sort();
    paths
}

#[cfg(test)]
mod tests;
