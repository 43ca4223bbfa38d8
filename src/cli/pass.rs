//! One pass over a trace directory from the command line: `attach` and `demo` share it.

use std::fs::{self, File, TryLockError};
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::attach::engine::{Pass, PassReport};
use crate::attach::options::AttachOptions;
use crate::attach::ready;
use crate::config::{Loaded, Override};
use crate::git::command;
use crate::reproduce::workplace::{Workshop, WorkspaceOptions, dependency_folders};
use crate::run::seeds::OtherStates;
use crate::sandbox::child::Containment;
use crate::scenario::spec::is_seed_file;
use crate::store::layout::Layout;

use super::bench::{self, Tools};
use super::context::CommandContext;
use super::error::CliError;

/// What a pass is made of.
pub(crate) struct PassPlan {
    /// The repository.
    pub(crate) repo: PathBuf,
    /// The configuration file, where one is named.
    pub(crate) config: Option<PathBuf>,
    /// Options that override keys.
    pub(crate) flags: Vec<Override>,
    /// The trace directory.
    pub(crate) directory: PathBuf,
}

/// Makes the pass; `told` is given one line at each step.
pub(crate) fn make(
    plan: &PassPlan,
    cx: &CommandContext,
    told: &mut dyn FnMut(&str),
) -> Result<PassReport, CliError> {
    let loaded = cx.load_config(plan.config.as_deref(), &plan.repo, &plan.flags)?;
    let tools = Tools::new(cx, &loaded)?;
    let bench = tools.bench(cx);
    let layout = bench::layout(&plan.repo, cx)?;
    let _lock = lock(&layout)?;
    let path = cx.environment.get("PATH").unwrap_or_default();
    let top = command::top(&plan.repo, path).map_err(|_| {
        CliError::environment(format!("{} is no git repository", plan.repo.display()))
            .hint("git init && git add --all && git commit -m first")
    })?;
    // git answers without links; a home or a temporary folder may well lie behind one.
    if plan.repo.canonicalize().is_ok_and(|repo| repo != top) {
        return Err(CliError::usage(format!(
            "{} is a folder inside the repository {}; attach works on whole repositories",
            plan.repo.display(),
            top.display()
        ))
        .hint(format!(
            "archal attach <trace-dir> --repo {}",
            top.display()
        )));
    }
    let base = ready::head(&plan.repo, path).map_err(|error| {
        CliError::environment(error).hint("git init && git add --all && git commit -m first")
    })?;
    let options = options(&loaded, &plan.repo, bench.probe.containment())?;
    let workshop = Workshop {
        repo: &plan.repo,
        base: &base,
        options: &options.workspace,
        environment: &cx.environment,
        binary: &cx.binary,
        containment: bench.probe.containment(),
    };
    let wanted = bench::wanted(None, &loaded, &cx.environment)?;
    let ready =
        ready::prepare(&bench, &workshop, &options, &wanted).map_err(CliError::environment)?;
    for broken in &ready.broken {
        for finding in &broken.diagnostics {
            cx.printer.diagnostic(finding, broken.source.as_ref());
        }
    }
    if ready
        .left_out
        .iter()
        .any(|file| file.ends_with(" .archal.json"))
    {
        cx.printer
            .note("`.archal.json` is used as it is in the checkout, with its changes");
    }
    if !ready.left_out.is_empty() {
        cx.printer.note(format!(
            "working on HEAD {}; {} changed files of the checkout are left out",
            &base[..base.len().min(12)],
            ready.left_out.len()
        ));
    }
    let source = cx
        .sources
        .iter()
        .find(|source| source.name == "file")
        .ok_or_else(|| CliError::internal("the file source is not in this build"))?;
    Pass {
        bench: &bench,
        layout: &layout,
        source,
        workshop,
        agent: &wanted,
        ready: &ready,
        options: &options,
    }
    .run(&plan.directory, told)
    .map_err(CliError::environment)
}

fn options(
    loaded: &Loaded,
    repo: &Path,
    containment: Containment,
) -> Result<AttachOptions, CliError> {
    let config = &loaded.config;
    let attach = &config.attach;
    Ok(AttachOptions {
        policy: attach.policy,
        reproduce_runs: attach.reproduce_runs,
        allow_external_execution: attach.allow_external_execution,
        fix_command: attach.fix_command.clone(),
        fix_timeout: Duration::from_secs(attach.fix_timeout.into()),
        validation_command: attach.validation_command.clone(),
        seed_files: config
            .seeds
            .values()
            .filter(|name| is_seed_file(name))
            .cloned()
            .collect(),
        model: config.agent_model.clone(),
        expose_clone_urls: config.expose_clone_urls,
        route: config.route.mode,
        timeout: Duration::from_secs(config.timeout.into()),
        workspace: WorkspaceOptions {
            setup: config.workspace.setup.clone(),
            share: config
                .workspace
                .share
                .clone()
                // Nobody asked for these, so where they cannot be shown they are left out.
                .unwrap_or_else(|| match containment {
                    Containment::Namespaces => dependency_folders(repo),
                    Containment::Pgroup => Vec::new(),
                }),
            variables: config.workspace.env.clone(),
            agent_keys: config.agent_keys.clone(),
        },
        states: OtherStates {
            default: bench::default_states(loaded)?,
            ..OtherStates::default()
        },
        scenarios: config.scenarios.clone(),
    })
}

/// Nobody else works through traces of this repository while the lock is held; the system frees
/// it when this process ends, however it ends.
fn lock(layout: &Layout) -> Result<File, CliError> {
    let path = layout.attach_lock();
    let opened = path
        .parent()
        .map_or(Ok(()), fs::create_dir_all)
        .and_then(|()| File::create(&path));
    let lock = opened.map_err(|error| {
        CliError::environment(format!("cannot make {}: {error}", path.display()))
    })?;
    match lock.try_lock() {
        Ok(()) => Ok(lock),
        Err(TryLockError::WouldBlock) => Err(CliError::environment(
            "another attach works on this repository",
        )
        .hint("wait for its end, or work on a clone of the repository")),
        Err(TryLockError::Error(error)) => Err(CliError::environment(format!(
            "cannot lock {}: {error}",
            path.display()
        ))
        .hint("ARCHAL_STATE_DIR=<a folder on a local disk> archal attach …")),
    }
}
