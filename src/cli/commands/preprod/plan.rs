//! `archal preprod plan`: what a repository has and lacks for the loop, and scenarios to begin with.

use std::io::ErrorKind;
use std::path::{Component, Path, PathBuf};

use crate::cli::arguments::JsonOutput;
use crate::cli::bench;
use crate::cli::context::CommandContext;
use crate::cli::error::CliError;
use crate::cli::exit::{self, Exit};
use crate::fix::repair::link_on_the_way;
use crate::preprod::plan::document::{PreprodPlan, ProposedConfig, SCHEMA, VERSION};
use crate::preprod::plan::{inspect, starters};
use crate::report::shell::quoted;
use crate::report::style::Style;
use crate::store::atomic::{self, Durability};

/// Look at a repository: what it has and lacks for the loop, and scenarios to begin with
///
/// Nothing of the repository is run, and no file that is there is changed.
#[derive(Debug, clap::Args)]
#[command(after_help = exit::help(&[Exit::Fine, Exit::Usage, Exit::CouldNotRun]))]
pub(crate) struct Args {
    /// The repository of the agent
    #[arg(long, value_name = "DIR", default_value = ".")]
    repo: PathBuf,

    /// Where the plan is written [default: `.archal/preprod-plan.json` in the repository]
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,

    /// Write the proposed scenarios [default: into `archal`]
    #[arg(long, value_name = "DIR", num_args = 0..=1, default_missing_value = "archal")]
    write_scenarios: Option<PathBuf>,

    /// Write a configuration, where there is none
    #[arg(long)]
    write_config: bool,

    #[command(flatten)]
    output: JsonOutput,
}

pub(crate) fn run(args: &Args, cx: &mut CommandContext) -> Result<Exit, CliError> {
    let repo = bench::repository(&args.repo, cx)?;
    let folder = args
        .write_scenarios
        .clone()
        .unwrap_or_else(|| "archal".into());
    let is_within = |part| matches!(part, Component::Normal(_) | Component::CurDir);
    if !folder.components().all(is_within) || link_on_the_way(&repo, &folder).is_some() {
        return Err(CliError::usage(format!(
            "scenarios are written into the repository, and {} is none of its folders",
            folder.display()
        )));
    }
    let inspected = inspect::look(&repo, &cx.environment, cx.clones);
    let (mut found, findings) = (inspected.found, inspected.findings);
    let clones: Vec<_> = found
        .services
        .iter()
        .filter_map(|service| cx.clones.iter().find(|clone| clone.name == service.name))
        .collect();
    let mut notes = findings.notes.clone();
    let mut authored = Vec::new();
    for (scenario, problem) in starters::of(&clones, &folder, cx.clones) {
        match problem {
            None => authored.push(scenario),
            Some(why) => notes.push(format!("{} is left out: {why}", scenario.title)),
        }
    }
    if clones.is_empty() {
        notes.push(
            "nothing here shows a service that has a clone, so no scenario is proposed: archal clone list has the clones"
                .to_owned(),
        );
    }
    // What would be overwritten is found out before anything is written.
    if args.write_scenarios.is_some() {
        let there = |path: &str| repo.join(path).symlink_metadata().is_ok();
        if let Some(taken) = authored.iter().find(|one| there(&one.path)) {
            return Err(CliError::usage(format!(
                "{} is there already, and stays as it is",
                taken.path
            ))
            .hint("archal preprod plan --write-scenarios <another folder>"));
        }
        for scenario in &mut authored {
            atomic::create(&repo.join(&scenario.path), scenario.text.as_bytes())
                .map_err(CliError::environment)?;
            scenario.written = true;
            found.scenarios.push(scenario.path.clone());
        }
    }
    let text = inspect::config(&found, &findings, &clones, &folder.display().to_string());
    let mut config = ProposedConfig {
        path: inspect::CONFIG.to_owned(),
        written: false,
        reason: None,
        text,
    };
    if args.write_config {
        config.reason = write_config(&repo, &config)?;
        config.written = config.reason.is_none();
        if config.written {
            found.config = Some(inspect::CONFIG.to_owned());
        }
    }
    let missing = inspect::missing(
        &found,
        &findings,
        &cx.environment,
        !found.scenarios.is_empty(),
    );
    let out = match &args.out {
        Some(file) => cx.environment.resolve(file),
        None => bench::layout(&repo, cx)?.root().join("preprod-plan.json"),
    };
    let next = next(
        &found.scenarios,
        &authored,
        config.written || found.config.is_some(),
    );
    // Its paths are those of the repository.
    let here = cx.environment.directory.canonicalize();
    let next = match here.is_ok_and(|here| here == repo) {
        true => next,
        false => format!("cd {} && {next}", quoted(&repo)),
    };
    let plan = PreprodPlan {
        repo,
        found,
        authored_scenarios: authored,
        config,
        missing,
        notes,
        next,
    };
    write(&out, &plan)?;
    tell(&plan, &out, cx);
    cx.printer.document(SCHEMA, VERSION, &plan);
    Ok(Exit::Fine)
}

/// Writes the configuration; why not, where one is there.
fn write_config(repo: &Path, config: &ProposedConfig) -> Result<Option<String>, CliError> {
    match atomic::create(&repo.join(&config.path), config.text.as_bytes()) {
        Ok(()) => Ok(None),
        Err(atomic::WriteError::Io { source, .. }) if source.kind() == ErrorKind::AlreadyExists => {
            Ok(Some(format!(
                "{} is there, and stays as it is",
                config.path
            )))
        }
        Err(error) => Err(CliError::environment(error)),
    }
}

/// The command that runs the loop: by the configuration, or by the authored paths where none could
/// be written.
fn next(
    scenarios: &[String],
    authored: &[crate::preprod::plan::document::AuthoredScenario],
    has_config: bool,
) -> String {
    let written: Vec<String> = authored
        .iter()
        .filter(|one| one.written)
        .map(|one| quoted(Path::new(&one.path)))
        .collect();
    match (written.is_empty(), has_config, scenarios.is_empty()) {
        (true, _, true) => "archal preprod plan --write-scenarios --write-config".to_owned(),
        (false, _, _) => format!("archal preprod run --dry-run {}", written.join(" ")),
        (true, true, false) => "archal preprod run --dry-run".to_owned(),
        (true, false, false) => {
            let paths: Vec<String> = scenarios.iter().map(|one| quoted(Path::new(one))).collect();
            format!("archal preprod run --dry-run {}", paths.join(" "))
        }
    }
}

fn write(out: &Path, plan: &PreprodPlan) -> Result<(), CliError> {
    #[derive(serde::Serialize)]
    struct File<'a> {
        schema: &'a str,
        version: u32,
        #[serde(flatten)]
        plan: &'a PreprodPlan,
    }
    let file = File {
        schema: SCHEMA,
        version: VERSION,
        plan,
    };
    atomic::write_json(out, &file, Durability::Derived).map_err(CliError::environment)
}

fn tell(plan: &PreprodPlan, out: &Path, cx: &CommandContext) {
    let line = |text: String| cx.printer.line(text);
    let list = |items: &[String]| match items.is_empty() {
        true => "none".to_owned(),
        false => items.join(", "),
    };
    let found = &plan.found;
    line(format!("languages  {}", list(&found.languages)));
    match &found.agent {
        Some(agent) => line(format!(
            "agent      {} ({})",
            agent.command.join(" "),
            agent.why
        )),
        None => line("agent      not found".to_owned()),
    }
    for service in &found.services {
        let clone = if service.has_clone {
            ""
        } else {
            ", which has no clone"
        };
        line(format!(
            "service    {}{clone}: {}",
            service.name,
            service.shown_by.join(", ")
        ));
    }
    line(format!("mcp        {}", list(&found.mcp_configs)));
    let tools: Vec<String> = found.tools.iter().map(|tool| tool.name.clone()).collect();
    line(format!("tools      {}", list(&tools)));
    line(format!(
        "tests      {}",
        found.test_command.as_deref().unwrap_or("none")
    ));
    line(format!("scenarios  {}", list(&found.scenarios)));
    line(format!("ci         {}", list(&found.ci)));
    line(format!(
        "remote     {}",
        found.remote.as_deref().unwrap_or("none")
    ));
    for scenario in &plan.authored_scenarios {
        let action = if scenario.written {
            "wrote"
        } else {
            "proposes"
        };
        line(format!("{action} {}: {}", scenario.path, scenario.title));
    }
    if plan.config.written {
        line(format!("wrote {}", plan.config.path));
    }
    if let Some(reason) = &plan.config.reason {
        cx.printer.note(reason);
    }
    for missing in &plan.missing {
        line(format!(
            "{} {}: {}; {}",
            Style::Warning.paint("missing"),
            missing.what,
            missing.why,
            missing.how
        ));
    }
    for note in &plan.notes {
        cx.printer.note(note);
    }
    line(format!("plan       {}", out.display()));
    line(format!("{} {}", Style::Hint.paint("next:"), plan.next));
}
