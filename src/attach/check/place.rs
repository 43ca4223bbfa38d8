//! Directory, repository, state, budget, and what children are held by.

use std::path::{Path, PathBuf};

use archal_core::confined::Confined;

use crate::budget::cap::Cap;
use crate::budget::ledger::Ledger;
use crate::budget::summary::day_of;
use crate::config::ConfigError;
use crate::config::publish::{Publish, PublishAs};
use crate::config::sandbox::SandboxMode;
use crate::config::schema::ExecutionPolicy;
use crate::fix::publish::place::{Place, Targets};
use crate::fix::publish::program::Programs;
use crate::git::command::{self, Git};
use crate::host::record::{self, WatcherState};
use crate::ingest::folder;
use crate::reproduce::private::private_folder;
use crate::sandbox::child::Containment;
use crate::sandbox::confine::{self, Confine, Network};
use crate::sandbox::stop::StopToken;
use crate::session::route::{self, RouteLevel};
use crate::store::space;

use super::super::handoff::quoted;
use super::super::ready::first_commit;
use super::super::reproducing::chain;
use super::super::settings::{Settings, SettingsError};
use super::{Checking, Part, PartStatus, SAMPLE, counted};

/// How many changed files are named.
const MOST_NAMED: usize = 5;

/// The trace directory, and its newest files.
pub(super) fn directory(cx: &Checking<'_>, poll: Option<u64>) -> (Part, Vec<PathBuf>) {
    const NAME: &str = "directory";
    let shown = cx.directory.display();
    let missing = |detail: String| Part::new(NAME, PartStatus::Missing, detail);
    if !cx.directory.exists() {
        let part = missing(format!("{shown} does not exist")).hint(format!(
            "archal attach {} --repo {} --create",
            quoted(cx.directory),
            quoted(cx.repo)
        ));
        return (part, Vec::new());
    }
    if !cx.directory.is_dir() {
        return (missing(format!("{shown} is no folder")), Vec::new());
    }
    let scan = match folder::scan(cx.files, cx.directory) {
        Ok(scan) => scan,
        Err(error) => {
            let part = missing(chain(&error)).hint(format!("chmod u+rx {}", quoted(cx.directory)));
            return (part, Vec::new());
        }
    };
    let every = poll.map_or_else(String::new, |seconds| format!(" every {seconds} s"));
    let how = match space::network_kind(cx.directory) {
        Some(kind) => format!("on a network file system ({kind}), so it is looked through{every}"),
        None => "watched by events".to_owned(),
    };
    let detail = format!("{shown}: {}, {how}", counted(scan.files.len(), "file"));
    let status = if scan.diagnostics.is_empty() {
        PartStatus::Ready
    } else {
        PartStatus::Limited
    };
    let mut part = Part::new(NAME, status, detail);
    for finding in scan.diagnostics.iter().take(MOST_NAMED) {
        let place = finding.file.as_deref().unwrap_or(cx.directory);
        part = part.note(format!("{}: {}", place.display(), finding.message));
    }
    (part, folder::newest(scan.files, SAMPLE))
}

/// Whether the judge of traces has what it takes to be asked; nothing where none is.
pub(super) fn judge(checking: &Checking<'_>, settings: &Settings) -> Option<Part> {
    const NAME: &str = "judge";
    let judge = settings.judge.as_ref()?;
    let variable = &judge.key_variable;
    let detail = format!("{} at {}", judge.judge.model, judge.host());
    if judge.has_key(checking.environment) || !judge.judge.needs_key {
        return Some(Part::new(NAME, PartStatus::Ready, detail));
    }
    let detail = format!("{detail} is not asked: ${variable}, which holds its key, is not set");
    let hint = format!("export {variable}=<the judge's key>");
    Some(Part::new(NAME, PartStatus::Limited, detail).hint(hint))
}

/// The configuration.
pub(super) fn configuration(settings: &Result<Settings, SettingsError>) -> Part {
    const NAME: &str = "configuration";
    let settings = match settings {
        Ok(settings) => settings,
        Err(error) => {
            let mut part = Part::new(NAME, PartStatus::Missing, chain(error));
            let diagnostics = match error {
                SettingsError::Config(ConfigError::Invalid { diagnostics, .. })
                | SettingsError::Agent { diagnostics, .. }
                | SettingsError::Rules { diagnostics, .. } => diagnostics.as_slice(),
                SettingsError::Budget { diagnostic, .. }
                | SettingsError::Judge { diagnostic, .. } => std::slice::from_ref(&**diagnostic),
                _ => &[],
            };
            for finding in diagnostics.iter().take(MOST_NAMED) {
                part = part.note(finding.message.clone());
            }
            return part.hint("archal config show");
        }
    };
    let policy = settings.options.policy.name();
    let detail = match &settings.source {
        Some(source) => format!("{}; policy {policy}", source.path.display()),
        None => format!("no .archal.json, so the defaults; policy {policy}"),
    };
    let notes = settings.notes.iter();
    notes.fold(Part::new(NAME, PartStatus::Ready, detail), |part, note| {
        part.note(note.message.clone())
    })
}

/// The repository, and whether it can be worked on.
pub(super) fn repository(cx: &Checking<'_>) -> (Part, bool) {
    const NAME: &str = "repository";
    let path = cx.environment.get("PATH").unwrap_or_default();
    let missing = |detail: String, hint: String| {
        let part = Part::new(NAME, PartStatus::Missing, detail).hint(hint);
        (part, false)
    };
    let shown = cx.repo.display();
    if command::version(path).is_none() {
        let detail = "git is not installed".to_owned();
        return missing(detail, "apt-get install git".to_owned());
    }
    let top = match command::top(cx.repo, path) {
        Ok(top) => top,
        Err(_) => {
            return missing(
                format!("{shown} is no git repository"),
                first_commit(cx.repo),
            );
        }
    };
    if top != cx.repo {
        return missing(
            format!(
                "{shown} is a folder inside the repository {}",
                top.display()
            ),
            format!(
                "archal attach {} --repo {} --check",
                quoted(cx.directory),
                quoted(&top)
            ),
        );
    }
    let Ok(head) = command::head(cx.repo, path) else {
        return missing(
            format!("{shown} has no commit to work on"),
            first_commit(cx.repo),
        );
    };
    let branch = Git::new(cx.repo, path)
        .args(["symbolic-ref", "--quiet", "--short", "HEAD"])
        .line();
    let branch = branch.map_or_else(|_| "no branch".to_owned(), |name| format!("branch {name}"));
    let detail = format!("{shown} at HEAD {}, {branch}", &head[..head.len().min(12)]);
    match command::changed_tracked_files(cx.repo, path) {
        Err(error) => missing(chain(&error), format!("git -C {} status", quoted(cx.repo))),
        Ok(changed) if changed.is_empty() => (Part::new(NAME, PartStatus::Ready, detail), true),
        Ok(changed) => {
            let named: Vec<&str> = changed
                .iter()
                .take(MOST_NAMED)
                .map(String::as_str)
                .collect();
            let more = match changed.len().saturating_sub(MOST_NAMED) {
                0 => String::new(),
                more => format!(" and {more} more"),
            };
            let note = format!("left out, since not committed: {}{more}", named.join(", "));
            let part = Part::new(NAME, PartStatus::Limited, detail).note(note);
            (part.hint("git commit --all"), true)
        }
    }
}

/// Route and containment.
pub(super) fn route(cx: &Checking<'_>, settings: Option<&Settings>) -> [Part; 2] {
    const HINT: &str = "archal doctor";
    let containment = match (cx.probe.containment(), &cx.probe.namespaces) {
        (Containment::Namespaces, _) => Part::new(
            "sandbox",
            PartStatus::Ready,
            "namespaces: nothing outlives archal, and children see the repository read-only",
        ),
        (Containment::Pgroup, reason) => {
            let why = reason.as_ref().err().map_or("", String::as_str);
            let detail = format!("process groups, since namespaces do not work here: {why}");
            Part::new("sandbox", PartStatus::Limited, detail).hint(HINT)
        }
    };
    let wanted = settings.map(|settings| settings.options.route);
    let route = match route::choose(wanted.unwrap_or_default(), || cx.probe) {
        Err(reason) => Part::new(
            "route",
            PartStatus::Missing,
            format!("`route.mode` asks for isolated, which does not work here: {reason}"),
        )
        .hint(HINT),
        Ok(report) => match (report.level, report.reason) {
            (RouteLevel::Isolated, _) => Part::new(
                "route",
                PartStatus::Ready,
                "isolated: the agent reaches the clones and nothing else",
            ),
            (level, why) => Part::new(
                "route",
                PartStatus::Limited,
                format!(
                    "{}: {}{}",
                    level.name(),
                    level.leak(),
                    why.map_or_else(String::new, |why| format!(" ({why})"))
                ),
            )
            .hint(HINT),
        },
    };
    [route, confined(cx, settings, containment)]
}

/// The same with how far a fixer would be confined, where there may be one.
fn confined(cx: &Checking<'_>, settings: Option<&Settings>, mut part: Part) -> Part {
    let options = settings.map(|settings| &settings.options);
    let wanted = options.filter(|options| options.policy == ExecutionPolicy::Fix);
    let mode = wanted.map_or(SandboxMode::Off, |options| options.sandbox);
    if mode == SandboxMode::Off {
        return part;
    }
    let mut able = tried(cx, mode);
    let has_commands = wanted.is_some_and(|options| {
        options.workspace.setup.is_some() || options.validation_command.is_some()
    });
    if has_commands {
        able = confine::with_commands(able, cx.binary, cx.probe.containment());
    }
    if able.is_whole() {
        part.detail.push_str("; a fixer is confined whole");
        return part;
    }
    part.status = match mode {
        SandboxMode::Required => PartStatus::Missing,
        SandboxMode::BestEffort | SandboxMode::Off => PartStatus::Limited,
    };
    let part = part.note(format!("a fixer is confined {}", able.in_one_line()));
    match confine::remedy(&able.missing, cx.probe.containment()) {
        Some(command) => part.hint(command),
        None => part,
    }
}

/// How far it would be, in a folder as it would have: what stands beside that may be in the way.
fn tried(cx: &Checking<'_>, mode: SandboxMode) -> Confined {
    let containment = cx.probe.containment();
    // Without a folder there is no fix either, which another part says.
    let folder = private_folder(cx.environment).ok();
    let confine = folder.as_ref().and_then(|folder| {
        Some(Confine {
            network: Network::Held { ports: Vec::new() },
            ..Confine::of(mode, cx.environment, &[folder.path()])?
        })
    });
    match confine {
        Some(confine) => confine::tried(cx.binary, containment, confine),
        None => confine::able(cx.binary, containment),
    }
}

/// The caps and what is left of them.
pub(super) fn budget(cx: &Checking<'_>, settings: &Settings) -> Part {
    const NAME: &str = "budget";
    let caps = &settings.caps;
    let said = format!("{} a trace, {} a day", caps.per_trace, caps.per_day);
    let Some(path) = cx.ledger else {
        let detail = format!("{said}; without a home what is spent is counted for one run only");
        return Part::new(NAME, PartStatus::Limited, detail)
            .hint("export XDG_STATE_HOME=<a folder>");
    };
    let report = Ledger::existing(path).and_then(|ledger| {
        ledger
            .map(|ledger| ledger.report(day_of(cx.now), None, 0, caps, cx.now))
            .transpose()
    });
    match report {
        Err(error) => {
            let part = Part::new(NAME, PartStatus::Missing, chain(&error));
            match error.hint() {
                Some(hint) => part.hint(hint),
                None => part,
            }
        }
        Ok(report) => {
            let left = match report {
                Some(report) => report.left_usd,
                None => caps.per_day.amount(),
            };
            match left {
                None => Part::new(NAME, PartStatus::Ready, said),
                Some(left) if left.micros() <= 0 && caps.per_day != Cap::NONE => {
                    let detail =
                        format!("{said}; nothing is left today, so paid steps wait for tomorrow");
                    Part::new(NAME, PartStatus::Limited, detail).hint("archal budget")
                }
                Some(left) => Part::new(
                    NAME,
                    PartStatus::Ready,
                    format!("{said}; ${left} left today"),
                ),
            }
        }
    }
}

/// Where state is kept, and whether a watcher runs.
pub(super) fn state(cx: &Checking<'_>) -> Part {
    const NAME: &str = "state";
    let root = cx.layout.root();
    let shown = root.display();
    let missing =
        |detail: String, hint: &str| Part::new(NAME, PartStatus::Missing, detail).hint(hint);
    if let Some(kind) = space::network_kind(root) {
        return missing(
            format!(
                "{shown} lies on a network file system ({kind}), where locks cannot be relied on"
            ),
            "export ARCHAL_STATE_DIR=<a folder on a local disk>",
        );
    }
    if !is_writable(root) {
        return missing(
            format!("{shown} cannot be written"),
            "export ARCHAL_STATE_DIR=<a folder you may write>",
        );
    }
    let watcher = match record::state(cx.layout) {
        Ok(WatcherState::Alive(record)) => format!("a watcher runs (process {})", record.pid),
        Ok(WatcherState::Dead(_)) => {
            "the last watcher was cut off; attach goes on where it was".to_owned()
        }
        Ok(WatcherState::Absent) => "no watcher runs".to_owned(),
        Ok(WatcherState::Unknown) => "an archal works here now".to_owned(),
        Err(error) => {
            return missing(
                chain(&error),
                "export ARCHAL_STATE_DIR=<a folder you may write>",
            );
        }
    };
    match space::of(root) {
        Err(error) => missing(chain(&error), "export ARCHAL_STATE_DIR=<another folder>"),
        Ok(room) if room.is_low() => Part::new(
            NAME,
            PartStatus::Limited,
            format!("{shown}: little room on the disk, {room}; {watcher}"),
        )
        .hint("archal prune --dry-run"),
        Ok(_) => Part::new(NAME, PartStatus::Ready, format!("{shown}; {watcher}")),
    }
}

/// Whether the user may write to a folder, or make it; nothing is written to find out.
fn is_writable(folder: &Path) -> bool {
    let existing = folder.ancestors().find(|folder| folder.exists());
    existing.is_some_and(|folder| {
        let access = rustix::fs::Access::WRITE_OK | rustix::fs::Access::EXEC_OK;
        folder.is_dir() && rustix::fs::access(folder, access).is_ok()
    })
}

/// Where a proven fix would be published. The remote and its service are asked; nothing is
/// written to them.
pub(super) fn remote(cx: &Checking<'_>, settings: Option<&Settings>) -> Part {
    const NAME: &str = "git remote";
    let options = settings.map(|settings| &settings.options);
    let publish = options.and_then(|options| {
        let goes_so_far = options.policy >= ExecutionPolicy::Fix;
        options.publish.as_ref().filter(|_| goes_so_far)
    });
    if let Some(publish) = publish {
        return published(cx, publish);
    }
    let path = cx.environment.get("PATH").unwrap_or_default();
    let remotes = Git::new(cx.repo, path).arg("remote").output();
    let remotes = remotes.map_or_else(
        |_| Vec::new(),
        |text| {
            let text = String::from_utf8_lossy(&text).into_owned();
            text.lines().map(str::to_owned).collect::<Vec<_>>()
        },
    );
    let detail = if remotes.is_empty() {
        "none; none is needed, since a proven fix is a patch".to_owned()
    } else {
        format!(
            "{}; not used: without --open-pr a proven fix is a patch",
            remotes.join(", ")
        )
    };
    Part::new(NAME, PartStatus::Unneeded, detail)
}

/// What publishing would come to here.
fn published(cx: &Checking<'_>, publish: &Publish) -> Part {
    const NAME: &str = "git remote";
    let path = cx.environment.get("PATH").unwrap_or_default();
    let programs = Programs {
        repo: cx.repo,
        environment: cx.environment,
        helper: cx.binary,
        stop: &StopToken::new(),
    };
    let remote = &publish.remote;
    let base = command::head(cx.repo, path).unwrap_or_default();
    let looked = Targets::of(publish, programs).and_then(|targets| {
        // Nothing is sent, so nothing is put into the folder for it.
        let place = Place::look(publish, &targets, programs, (&base, cx.repo))?;
        let into = targets.into.shown();
        let by = place.caller.name();
        let part = |detail| Part::new(NAME, PartStatus::Ready, detail);
        if publish.publish_as == PublishAs::Issue {
            return Ok(part(format!(
                "{remote}: a proven fix becomes an issue of {into}, by {by}"
            )));
        }
        let part = part(format!(
            "{remote}: a proven fix becomes a draft pull request into {} of {into}, by git and {by}",
            place.base_branch
        ));
        Ok(match place.is_private {
            true => part.note(
                "it is private: where the plan allows no drafts there, the branch is pushed and the address to open it by hand is told",
            ),
            false => part,
        })
    });
    looked.unwrap_or_else(|error| {
        Part::new(
            NAME,
            PartStatus::Missing,
            format!("{remote}: a proven fix stays a patch: {error}"),
        )
    })
}

/// The key that makes placeholders of redacted values.
pub(super) fn key(cx: &Checking<'_>) -> Part {
    const NAME: &str = "redaction key";
    match (&cx.key.warning, cx.key_path) {
        (Some(warning), _) => Part::new(NAME, PartStatus::Limited, warning.clone())
            .note("equal secrets get other placeholders in the next run"),
        (None, Some(path)) if path.exists() => {
            Part::new(NAME, PartStatus::Ready, path.display().to_string())
        }
        (None, path) => {
            let place = path.map_or_else(String::new, |path| format!(", {}", path.display()));
            Part::new(
                NAME,
                PartStatus::Ready,
                format!("made at the first import{place}"),
            )
        }
    }
}
