//! One function for each thing archal stands on.

use std::path::{Path, PathBuf};

use schemars::JsonSchema;
use serde::Serialize;

use super::routes;

use crate::cli::context::CommandContext;
use crate::config;
use crate::judge::settings::Settings;
use crate::sandbox::{asking, confine, hold};
use crate::store::layout::Layout;

/// The oldest git archal works with.
const GIT: (u32, u32) = (2, 38);

/// Whether something can be relied on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(super) enum Status {
    /// It works.
    Ready,
    /// Less than all of it works, or only some commands need it; the detail says what is lost.
    Limited,
    /// Nothing works without it.
    Missing,
}

/// What was found.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Check {
    /// What it is about.
    pub(super) name: &'static str,
    /// Whether it can be relied on.
    pub(super) status: Status,
    /// What was found, for people.
    pub(super) detail: String,
    /// What mends it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) hint: Option<String>,
}

impl Check {
    pub(super) fn new(name: &'static str, status: Status, detail: impl Into<String>) -> Self {
        Self {
            name,
            status,
            detail: detail.into(),
            hint: None,
        }
    }

    pub(super) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}

/// All checks in the order they are printed.
pub(super) fn all(file: Option<&Path>, cx: &CommandContext) -> Vec<Check> {
    // A configuration that is wrong is told below.
    let loaded = config::load(file, Path::new("."), &[], &cx.environment).ok();
    let mut checks = routes::all(loaded.as_ref().map(|loaded| &loaded.config), cx);
    checks.push(sandbox(cx));
    checks.extend([
        git(cx),
        python(cx),
        client("node", cx),
        client("gh", cx),
        state_folder(cx),
        configuration(file, cx),
    ]);
    checks.extend(judge(file, cx));
    checks
}

/// How far a fixer can be confined.
fn sandbox(cx: &CommandContext) -> Check {
    const NAME: &str = "sandbox";
    let binary = &cx.binary;
    let containment = hold::probe(binary).containment();
    let able = confine::able(binary, containment);
    let said = format!("a fixer is confined {}", able.in_one_line());
    if able.is_whole() {
        return Check::new(NAME, Status::Ready, said);
    }
    let check = Check::new(NAME, Status::Limited, said);
    match confine::remedy(&able.missing, containment) {
        Some(command) => check.hint(command),
        None => check,
    }
}

fn git(cx: &CommandContext) -> Check {
    let hint = "apt-get install git";
    match asking::run("git", &["--version"], &cx.environment) {
        Err(reason) => Check::new("git", Status::Missing, reason).hint(hint),
        Ok(text) => match asking::version(&text) {
            Some((major, minor)) if (major, minor) >= GIT => {
                Check::new("git", Status::Ready, format!("{major}.{minor}"))
            }
            Some((major, minor)) => Check::new(
                "git",
                Status::Missing,
                format!(
                    "{major}.{minor} is too old; {}.{} or newer is needed",
                    GIT.0, GIT.1
                ),
            )
            .hint(hint),
            None => Check::new(
                "git",
                Status::Missing,
                format!("does not tell its version: {text}"),
            )
            .hint(hint),
        },
    }
}

fn python(cx: &CommandContext) -> Check {
    match asking::run("python3", &["--version"], &cx.environment) {
        Ok(text) => Check::new("python3", Status::Ready, text.trim_start_matches("Python ")),
        Err(reason) => Check::new(
            "python3",
            Status::Limited,
            format!("{reason}; only `archal demo` needs it"),
        )
        .hint("apt-get install python3"),
    }
}

/// A program that agents use and archal does not need.
fn client(name: &'static str, cx: &CommandContext) -> Check {
    let detail = match asking::run(name, &["--version"], &cx.environment) {
        Ok(text) => match asking::version(text.trim_start_matches('v')) {
            Some((major, minor)) => format!("{major}.{minor}"),
            None => format!("does not tell its version: {text}"),
        },
        Err(reason) => format!("{reason}; only agents that use it need it"),
    };
    Check::new(name, Status::Ready, detail)
}

/// Where archal would write. Nothing is created: the check leaves the folder as it is.
fn state_folder(cx: &CommandContext) -> Check {
    let chosen = cx.environment.get("ARCHAL_STATE_DIR").map(PathBuf::from);
    let layout = Layout::of(&cx.environment.directory, chosen.as_deref());
    let root = layout.root();
    let existing = root.ancestors().find(|folder| folder.exists());
    let writable = existing.is_some_and(|folder| {
        folder.is_dir()
            && tempfile::Builder::new()
                .prefix(".archal-doctor-")
                .tempfile_in(folder)
                .is_ok()
    });
    let shown = root
        .strip_prefix(&cx.environment.directory)
        .unwrap_or(root)
        .display()
        .to_string();
    if writable {
        Check::new("state folder", Status::Ready, shown)
    } else {
        Check::new(
            "state folder",
            Status::Missing,
            format!("{shown} cannot be written"),
        )
        .hint("export ARCHAL_STATE_DIR=<a folder you may write>")
    }
}

/// Who decides `[P]` criteria. Nobody is asked; a configuration that is wrong is told above.
fn judge(file: Option<&Path>, cx: &CommandContext) -> Option<Check> {
    let loaded = config::load(file, Path::new("."), &[], &cx.environment).ok()?;
    Some(match Settings::of(&loaded, false) {
        Err(finding) => {
            let check = Check::new("judge", Status::Missing, finding.message);
            match finding.help {
                Some(help) => check.hint(help),
                None => check,
            }
        }
        Ok(None) => Check::new(
            "judge",
            Status::Ready,
            "none; `[P]` criteria are not evaluated",
        ),
        Ok(Some(settings)) => {
            let variable = &settings.key_variable;
            let has_key = settings.has_key(&cx.environment);
            let key = match (has_key, settings.judge.needs_key) {
                (true, _) => format!("with the key in ${variable}"),
                (false, true) => format!("but ${variable}, which holds its key, is not set"),
                (false, false) => format!("without a key (${variable} is not set)"),
            };
            let detail = format!("{} at {} {key}", settings.judge.model, settings.host());
            if has_key || !settings.judge.needs_key {
                Check::new("judge", Status::Ready, detail)
            } else {
                Check::new("judge", Status::Limited, detail)
                    .hint(format!("export {variable}=<the judge's key>"))
            }
        }
    })
}

fn configuration(file: Option<&Path>, cx: &CommandContext) -> Check {
    match config::load(file, Path::new("."), &[], &cx.environment) {
        Ok(loaded) => {
            let detail = match &loaded.source {
                Some(source) => source.path.display().to_string(),
                None => "no .archal.json; the defaults".to_owned(),
            };
            Check::new("configuration", Status::Ready, detail)
        }
        Err(error) => Check::new("configuration", Status::Missing, error.to_string())
            .hint("archal config show"),
    }
}
