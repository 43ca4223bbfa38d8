//! `archal schema`: the JSON Schema of every format archal reads or writes.

use archal_core::diagnostic::nearest;
use schemars::schema_for;
use serde_json::Value;

use crate::cli::context::CommandContext;
use crate::cli::error::CliError;
use crate::cli::exit::{self, Exit};
use crate::config::schema::json_schema;

/// The formats with a schema of their own, sorted by name: name, one line, schema. Seeds come
/// from the clones.
const FORMATS: &[(&str, &str, fn() -> Value)] = &[
    (
        "attach",
        "a pass over traces, `archal attach --json`",
        || schema_for!(crate::attach::report::PassReport).to_value(),
    ),
    (
        "attach-check",
        "what is ready and what is missing, `archal attach --check --json`",
        || schema_for!(crate::attach::check::CheckReport).to_value(),
    ),
    (
        "attach-started",
        "a watcher that was started or joined, `archal attach --json`",
        || schema_for!(crate::cli::watching::ReadyNow).to_value(),
    ),
    (
        "attach-status",
        "how everything attached stands, `archal attach-status --json`",
        || schema_for!(crate::attach::status::StatusReport).to_value(),
    ),
    ("budget", "what was spent, `archal budget --json`", || {
        schema_for!(crate::budget::summary::Report).to_value()
    }),
    (
        "clone-list",
        "the clones, `archal clone list --json`",
        || schema_for!(super::clone::CloneList).to_value(),
    ),
    (
        "clone-tools",
        "the MCP tools of a clone, `archal clone tools --json`",
        || schema_for!(super::clone::CloneTools).to_value(),
    ),
    ("config", "the configuration file `.archal.json`", || {
        json_schema().to_value()
    }),
    (
        "detach",
        "what was detached, `archal detach --json`",
        || schema_for!(crate::attach::service::Detached).to_value(),
    ),
    ("finding", "a finding of a grade", || {
        schema_for!(archal_core::grade::Finding).to_value()
    }),
    ("fix-record", "the record of a fix attempt", || {
        schema_for!(archal_core::fixer::FixRecord).to_value()
    }),
    (
        "fixer-list",
        "the coding agents, `archal fixer list --json`",
        || schema_for!(super::fixer::FixerList).to_value(),
    ),
    (
        "fixer-test",
        "how a trial ended, `archal fixer test --json`",
        || schema_for!(super::fixer::FixerTest<'static>).to_value(),
    ),
    ("grade", "the grade of a trace, `grade.json`", || {
        schema_for!(crate::grade::Grade).to_value()
    }),
    (
        "grade-measure",
        "how good the grader is, `archal grade --measure --json`",
        || schema_for!(crate::grade::measure::Measured).to_value(),
    ),
    (
        "grades",
        "whether traces show failures, `archal grade --json`",
        || schema_for!(super::grade::GradesReport).to_value(),
    ),
    (
        "init",
        "what was found and written, `archal init --json`",
        || schema_for!(super::init::InitReport).to_value(),
    ),
    ("issue", "a failure, `archal issue show --json`", || {
        schema_for!(crate::attach::inbox::document::IssueDetails).to_value()
    }),
    (
        "issue-decided",
        "a decision, `archal issue confirm|dismiss|reopen --json`",
        || schema_for!(crate::attach::inbox::document::Decided).to_value(),
    ),
    (
        "issue-list",
        "the inbox, `archal issue list --json`",
        || schema_for!(crate::attach::inbox::document::IssueList).to_value(),
    ),
    (
        "issue-why",
        "why a failure is one, `archal issue why --json`",
        || schema_for!(crate::attach::inbox::document::IssueReasons).to_value(),
    ),
    (
        "job-status",
        "a run that is a job of the watcher, `archal attach-status <job> --json`",
        || schema_for!(crate::attach::submitted::job::SubmittedJob).to_value(),
    ),
    (
        "judgement",
        "what a judge said of a trace, `judge.json` beside `grade.json`",
        || schema_for!(crate::grade::judged::Judgement).to_value(),
    ),
    (
        "label",
        "a line of `labels.jsonl`, what a person said of a trace",
        || schema_for!(crate::attach::inbox::labels::LabelLine).to_value(),
    ),
    (
        "pdca-bundle",
        "a run in one file, `archal pdca export`",
        || schema_for!(crate::pdca::bundle::Bundle).to_value(),
    ),
    (
        "pdca-compare",
        "two runs beside each other, `archal pdca replay compare --json`",
        || schema_for!(crate::pdca::replay::Compared).to_value(),
    ),
    (
        "pdca-config",
        "the settings of runs, `.archeflow/config.yaml`",
        || schema_for!(crate::pdca::settings::Config).to_value(),
    ),
    (
        "pdca-domain",
        "what a repository is about, `.archeflow/domains/*.yaml`",
        || schema_for!(crate::pdca::domain::Domain).to_value(),
    ),
    (
        "pdca-event",
        "a line of a run's log, `.archeflow/events/*.jsonl`",
        || schema_for!(crate::pdca::event::Event).to_value(),
    ),
    (
        "pdca-hooks",
        "commands at points of a run, `.archeflow/hooks.yaml`",
        || schema_for!(crate::pdca::settings::Hooks).to_value(),
    ),
    (
        "pdca-list",
        "the runs of a repository, `archal pdca list --json`",
        || schema_for!(super::pdca::list::PdcaList).to_value(),
    ),
    (
        "pdca-progress",
        "where a run stands, `archal pdca progress --json`",
        || schema_for!(crate::pdca::progress::Progress).to_value(),
    ),
    (
        "pdca-status",
        "how a run stands, `archal pdca status --json`",
        || schema_for!(crate::pdca::outline::Outline).to_value(),
    ),
    (
        "pdca-timeline",
        "the decisions of a run, `archal pdca replay timeline --json`",
        || schema_for!(super::pdca::replay::Timeline).to_value(),
    ),
    (
        "pdca-whatif",
        "other weights of reviewers, `archal pdca replay whatif --json`",
        || schema_for!(crate::pdca::replay::WhatIf).to_value(),
    ),
    (
        "plugin-check",
        "what a plugin does and gives, `archal plugin check --json`",
        || schema_for!(super::plugin::PluginCheck).to_value(),
    ),
    (
        "plugin-new",
        "the plugin that was written, `archal plugin new --json`",
        || schema_for!(super::plugin::NewPlugin).to_value(),
    ),
    ("plugin-reply", "a line from a plugin", || {
        schema_for!(archal_plugin::message::ReplyLine).to_value()
    }),
    ("plugin-request", "a line to a plugin", || {
        schema_for!(archal_plugin::message::RequestLine).to_value()
    }),
    (
        "preprod-failures",
        "what fails and whose fault it is, `preprod-failures.json`",
        || schema_for!(crate::preprod::failure::FailuresDocument).to_value(),
    ),
    (
        "preprod-interrupted",
        "a run that a signal ended, `archal preprod run --json`",
        || schema_for!(crate::cli::commands::preprod::Interrupted).to_value(),
    ),
    (
        "preprod-plan",
        "what a repository has and lacks, `preprod-plan.json` and `archal preprod plan --json`",
        || schema_for!(crate::preprod::plan::document::PreprodPlan).to_value(),
    ),
    (
        "preprod-result",
        "how the loop ended, `preprod-result.json` and `archal preprod run --json`",
        || schema_for!(crate::preprod::report::PreprodResult).to_value(),
    ),
    (
        "preprod-validation",
        "what was proved of a patch, `ARCHAL_PREPROD_VALIDATION_JSON`",
        || schema_for!(crate::preprod::validated::ValidatedDocument).to_value(),
    ),
    ("prices", "a file of prices, `budget.prices`", || {
        schema_for!(crate::budget::prices::PriceTable).to_value()
    }),
    ("proof", "the proof of a fix, `proof.json`", || {
        schema_for!(crate::fix::proof::Proof).to_value()
    }),
    ("prune", "what went, `archal prune --json`", || {
        schema_for!(crate::attach::retention::PruneReport).to_value()
    }),
    ("run", "one run of a scenario, `result.json`", || {
        schema_for!(crate::run::result::RunResult).to_value()
    }),
    (
        "run-estimate",
        "what runs may take, `archal run --dry-run -o json`",
        || schema_for!(crate::run::estimate::Estimate).to_value(),
    ),
    (
        "run-preflight",
        "what is ready, `archal run --preflight-only -o json`",
        || schema_for!(crate::cli::commands::run::looking::Preflight).to_value(),
    ),
    (
        "run-summary",
        "a whole suite, `last-run.json` and `archal run -o json`",
        || schema_for!(crate::run::report::SuiteReport).to_value(),
    ),
    (
        "runs-compare",
        "two suites beside each other, `archal runs compare --json`",
        || schema_for!(crate::run::render::compare::Comparison).to_value(),
    ),
    (
        "runs-export",
        "what was written, `archal runs export --json`",
        || schema_for!(crate::run::kept::documents::Exported).to_value(),
    ),
    ("runs-list", "suites, `archal runs list --json`", || {
        schema_for!(crate::run::kept::shelf::Listing).to_value()
    }),
    (
        "runs-prune",
        "what went, `archal runs prune --json`",
        || schema_for!(crate::run::kept::prune::PruneReport).to_value(),
    ),
    (
        "runs-show",
        "a run with what it left, `archal runs show <run> --json`",
        || schema_for!(crate::run::kept::documents::ShownRun).to_value(),
    ),
    (
        "runs-unfinished",
        "a suite without a summary, `archal runs show <suite> --json`",
        || schema_for!(crate::run::kept::documents::UnfinishedSuite).to_value(),
    ),
    (
        "scenario-list",
        "the scenarios, `archal scenario list --json`",
        || schema_for!(super::scenario::ScenarioList).to_value(),
    ),
    (
        "scenario-new",
        "the scenario that was written, `archal scenario new --json`",
        || schema_for!(super::scenario::NewScenario).to_value(),
    ),
    (
        "scenario-show",
        "a scenario as a run takes it, `archal scenario show --json`",
        || schema_for!(super::scenario::ShownScenario).to_value(),
    ),
    (
        "scenario-validate",
        "what is wrong with scenarios, `archal scenario validate --json`",
        || schema_for!(super::scenario::ScenarioValidation).to_value(),
    ),
    (
        "submitted",
        "a run that a watcher took over, `archal preprod run --background --json`",
        || schema_for!(crate::cli::submitting::Submitted).to_value(),
    ),
    (
        "trace",
        "a batch file of traces, `archal.trace.upload-batch`",
        || schema_for!(archal_core::trace::Batch).to_value(),
    ),
    (
        "trace-import",
        "what was imported, `archal trace-source import|sync --json`",
        || schema_for!(super::trace_source::ImportReport).to_value(),
    ),
    (
        "trace-source",
        "a source that was changed, `archal trace-source connect|use|disable --json`",
        || schema_for!(super::trace_source::ChangedSource).to_value(),
    ),
    (
        "trace-source-list",
        "the sources, `archal trace-source list --json`",
        || schema_for!(super::trace_source::SourceList).to_value(),
    ),
    (
        "trace-source-serving",
        "a push source that listens, `archal trace-source serve --json`",
        || schema_for!(super::trace_source::Serving).to_value(),
    ),
    (
        "trace-source-status",
        "how sources do, `archal trace-source status --json`",
        || schema_for!(super::trace_source::SourceStatuses).to_value(),
    ),
    (
        "trace-source-test",
        "what is ready of a source, `archal trace-source test --json`",
        || schema_for!(super::trace_source::SourceTest).to_value(),
    ),
    (
        "trace-source-watch",
        "pull sources that are asked, `archal trace-source watch --json`",
        || schema_for!(super::trace_source::Watched).to_value(),
    ),
    (
        "trace-sources",
        "the registry, `.archal/trace-sources.json`",
        || schema_for!(crate::ingest::registry::file::SharedFile).to_value(),
    ),
    (
        "trace-status",
        "one trace with its hand-off, `archal attach-status <trace> --json`",
        || schema_for!(crate::attach::status::TraceStatus).to_value(),
    ),
    (
        "trace-sync",
        "what was got of a source that is asked, `archal trace-source sync --json`",
        || schema_for!(super::trace_source::PassReport).to_value(),
    ),
    ("transcript", "a run as it went, `transcript.json`", || {
        schema_for!(crate::run::transcript::Transcript).to_value()
    }),
    (
        "watcher",
        "who works for a repository in the background, `watcher.json`",
        || schema_for!(crate::host::record::WatcherRecord).to_value(),
    ),
];

/// Write the JSON Schema of a format to stdout
///
/// Without a name the formats are listed.
#[derive(Debug, clap::Args)]
#[command(after_help = exit::help(&[Exit::Fine, Exit::Usage]))]
pub(crate) struct Args {
    /// The format
    name: Option<String>,

    /// For `seed`: the clone whose seed document it is
    clone: Option<String>,
}

pub(crate) fn run(args: &Args, cx: &mut CommandContext) -> Result<Exit, CliError> {
    let schema = match (args.name.as_deref(), args.clone.as_deref()) {
        (None, _) => {
            for (name, about) in names(cx) {
                cx.printer.line(format!("{name:<21} {about}"));
            }
            return Ok(Exit::Fine);
        }
        (Some("seed"), clone) => seed(clone, cx)?,
        (Some(name), None) => format(name, cx)?,
        (Some(name), Some(_)) => {
            return Err(CliError::usage(format!("`{name}` takes no further name"))
                .hint(format!("archal schema {name}")));
        }
    };
    cx.printer.raw(&pretty(&schema));
    Ok(Exit::Fine)
}

/// Every schema as the file it has in the reference: name and text.
pub(in crate::cli) fn files(cx: &CommandContext) -> Vec<(String, String)> {
    let formats = FORMATS
        .iter()
        .map(|(name, _, schema)| ((*name).to_owned(), schema()));
    let seeds = cx
        .clones
        .iter()
        .map(|clone| (format!("seed-{}", clone.name), (clone.seed_schema)()));
    formats
        .chain(seeds)
        .map(|(name, schema)| {
            let text = String::from_utf8_lossy(&pretty(&schema)).into_owned();
            (format!("{name}.schema.json"), text)
        })
        .collect()
}

fn names(cx: &CommandContext) -> Vec<(String, String)> {
    let seeds = cx.clones.iter().map(|clone| {
        let about = format!("a starting state of the clone `{}`", clone.name);
        (format!("seed {}", clone.name), about)
    });
    FORMATS
        .iter()
        .map(|(name, about, _)| ((*name).to_owned(), (*about).to_owned()))
        .chain(seeds)
        .collect()
}

fn format(name: &str, cx: &CommandContext) -> Result<Value, CliError> {
    let found = FORMATS.iter().find(|(known, _, _)| *known == name);
    found.map(|(_, _, schema)| schema()).ok_or_else(|| {
        let error = CliError::usage(format!("there is no schema `{name}`"));
        let names = names(cx);
        match nearest(name, names.iter().map(|(name, _)| name.as_str())) {
            Some(name) => error.hint(format!("archal schema {name}")),
            None => error.hint("archal schema"),
        }
    })
}

fn seed(clone: Option<&str>, cx: &CommandContext) -> Result<Value, CliError> {
    let names = || cx.clones.iter().map(|clone| clone.name);
    let wanted = match clone {
        Some(name) => name,
        None => {
            let error = CliError::usage("`seed` needs the name of a clone");
            return Err(names().fold(error, |error, name| {
                error.hint(format!("archal schema seed {name}"))
            }));
        }
    };
    let found = cx.clones.iter().find(|clone| clone.name == wanted);
    found.map(|clone| (clone.seed_schema)()).ok_or_else(|| {
        let error = CliError::usage(format!("there is no clone `{wanted}`"));
        match nearest(wanted, names()) {
            Some(name) => error.hint(format!("archal schema seed {name}")),
            None => error.hint("archal clone list"),
        }
    })
}

fn pretty(schema: &Value) -> Vec<u8> {
    format!("{schema:#}\n").into_bytes()
}
