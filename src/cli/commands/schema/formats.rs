//! Every format that archal writes or reads, with the type that its schema is made of.

use schemars::{JsonSchema, schema_for};
use serde_json::Value;

use crate::cli::commands;
use crate::config::schema::json_schema;

/// The formats with a schema of their own, sorted by name: name, one line, schema. Seeds come
/// from the clones.
pub(super) const FORMATS: &[(&str, &str, fn() -> Value)] = &[
    (
        "attach",
        "a pass over traces, `archal attach --json`",
        of::<crate::attach::report::PassReport>,
    ),
    (
        "attach-check",
        "what is ready and what is missing, `archal attach --check --json`",
        of::<crate::attach::check::CheckReport>,
    ),
    (
        "attach-reprocess",
        "jobs that were opened again, `archal attach-reprocess --json`",
        of::<commands::attach_reprocess::Reprocessed>,
    ),
    (
        "attach-started",
        "a watcher that was started or joined, `archal attach --json`",
        of::<crate::cli::watching::ReadyNow>,
    ),
    (
        "attach-status",
        "how everything attached stands, `archal attach-status --json`",
        of::<crate::attach::status::StatusReport>,
    ),
    (
        "budget",
        "what was spent, `archal budget --json`",
        of::<crate::budget::summary::Report>,
    ),
    (
        "budget-repair",
        "what was mended, `archal budget repair --json`",
        of::<commands::budget::RepairedBudget>,
    ),
    (
        "clone-calls",
        "what clones were asked, `archal clone calls --json`",
        of::<commands::clone::CloneCalls>,
    ),
    (
        "clone-diff",
        "what changed, `archal clone diff --json`",
        of::<commands::clone::CloneDiff>,
    ),
    (
        "clone-env",
        "what leads clients to a session, `archal clone env --json`",
        of::<commands::clone::CloneEnvironment>,
    ),
    (
        "clone-list",
        "the clones, `archal clone list --json`",
        of::<commands::clone::CloneList>,
    ),
    (
        "clone-reset",
        "what was undone, `archal clone reset --json`",
        of::<commands::clone::CloneReset>,
    ),
    (
        "clone-schema",
        "what criteria can read of a clone, `archal clone schema --json`",
        of::<commands::clone::CloneSchema>,
    ),
    (
        "clone-seed",
        "clones that began anew, `archal clone seed --json`",
        of::<commands::clone::CloneSeeded>,
    ),
    (
        "clone-seeds",
        "the starting states of a clone, `archal clone seed list --json`",
        of::<commands::clone::CloneSeeds>,
    ),
    (
        "clone-session",
        "a session that was started, `archal clone start --json`",
        of::<crate::session::service::desk::Status>,
    ),
    (
        "clone-snapshot",
        "what was remembered or gone back to, `archal clone snapshot --json`",
        of::<commands::clone::CloneSnapshot>,
    ),
    (
        "clone-snapshots",
        "the snapshots of a session, `archal clone snapshot --list --json`",
        of::<commands::clone::CloneSnapshots>,
    ),
    (
        "clone-status",
        "the sessions of a repository, `archal clone status --json`",
        of::<commands::clone::CloneSessions>,
    ),
    (
        "clone-stop",
        "sessions that were ended, `archal clone stop --json`",
        of::<commands::clone::CloneStopped>,
    ),
    (
        "clone-tools",
        "the MCP tools of a clone, `archal clone tools --json`",
        of::<commands::clone::CloneTools>,
    ),
    (
        "clone-webhooks",
        "what webhooks are told, `archal clone webhooks --json`",
        of::<crate::session::service::posts::Posts>,
    ),
    ("config", "the configuration file `.archal.json`", || {
        json_schema().to_value()
    }),
    (
        "config-show",
        "the configuration in force, `archal config show --json`",
        of::<commands::config::ShownConfig>,
    ),
    (
        "criteria-explain",
        "what became of a sentence, `archal criteria explain --json`",
        of::<crate::scenario::criteria::sentence::Explanation>,
    ),
    (
        "demo",
        "how the demonstration went, `archal demo --json`",
        of::<commands::demo::Demonstration<'static>>,
    ),
    (
        "detach",
        "what was detached, `archal detach --json`",
        of::<crate::attach::service::Detached>,
    ),
    (
        "doctor",
        "what works on this machine, `archal doctor --json`",
        of::<commands::doctor::Checked>,
    ),
    (
        "doctor-network",
        "who could be contacted, `archal doctor --network --json`",
        of::<commands::doctor::Contacts>,
    ),
    (
        "error",
        "why a command failed, with `--json` in place of its document",
        of::<crate::cli::output::ErrorBody<'static>>,
    ),
    (
        "finding",
        "a finding of a grade",
        of::<archal_core::grade::Finding>,
    ),
    (
        "fix-record",
        "the record of a fix attempt",
        of::<archal_core::fixer::FixRecord>,
    ),
    (
        "fixer-list",
        "the coding agents, `archal fixer list --json`",
        of::<commands::fixer::FixerList>,
    ),
    (
        "fixer-test",
        "how a trial ended, `archal fixer test --json`",
        of::<commands::fixer::FixerTest<'static>>,
    ),
    (
        "grade",
        "the grade of a trace, `grade.json`",
        of::<crate::grade::Grade>,
    ),
    (
        "grade-measure",
        "how good the grader is, `archal grade --measure --json`",
        of::<crate::grade::measure::Measured>,
    ),
    (
        "grades",
        "whether traces show failures, `archal grade --json`",
        of::<commands::grade::GradesReport>,
    ),
    (
        "init",
        "what was found and written, `archal init --json`",
        of::<commands::init::InitReport>,
    ),
    (
        "issue",
        "a failure, `archal issue show --json`",
        of::<crate::attach::inbox::document::IssueDetails>,
    ),
    (
        "issue-decided",
        "a decision, `archal issue confirm|dismiss|reopen --json`",
        of::<crate::attach::inbox::document::Decided>,
    ),
    (
        "issue-list",
        "the inbox, `archal issue list --json`",
        of::<crate::attach::inbox::document::IssueList>,
    ),
    (
        "issue-why",
        "why a failure is one, `archal issue why --json`",
        of::<crate::attach::inbox::document::IssueReasons>,
    ),
    (
        "job-status",
        "a run that is a job of the watcher, `archal attach-status <job> --json`",
        of::<crate::attach::submitted::job::SubmittedJob>,
    ),
    (
        "judgement",
        "what a judge said of a trace, `judge.json` beside `grade.json`",
        of::<crate::grade::judged::Judgement>,
    ),
    (
        "label",
        "a line of `labels.jsonl`, what a person said of a trace",
        of::<crate::attach::inbox::labels::LabelLine>,
    ),
    (
        "pdca-bundle",
        "a run in one file, `archal pdca export`",
        of::<crate::pdca::bundle::Bundle>,
    ),
    (
        "pdca-compare",
        "two runs beside each other, `archal pdca replay compare --json`",
        of::<crate::pdca::replay::Compared>,
    ),
    (
        "pdca-config",
        "the settings of runs, `.archeflow/config.yaml`",
        of::<crate::pdca::settings::Config>,
    ),
    (
        "pdca-domain",
        "what a repository is about, `.archeflow/domains/*.yaml`",
        of::<crate::pdca::domain::Domain>,
    ),
    (
        "pdca-event",
        "a line of a run's log, `.archeflow/events/*.jsonl`",
        of::<crate::pdca::event::Event>,
    ),
    (
        "pdca-hooks",
        "commands at points of a run, `.archeflow/hooks.yaml`",
        of::<crate::pdca::settings::Hooks>,
    ),
    (
        "pdca-list",
        "the runs of a repository, `archal pdca list --json`",
        of::<commands::pdca::list::PdcaList>,
    ),
    (
        "pdca-merge",
        "whether a run was merged, `archal pdca merge --json`",
        of::<commands::pdca::merge::PdcaMerge<'static>>,
    ),
    (
        "pdca-progress",
        "where a run stands, `archal pdca progress --json`",
        of::<crate::pdca::progress::Progress>,
    ),
    (
        "pdca-rollback",
        "whether a merge was taken back, `archal pdca rollback --json`",
        of::<commands::pdca::rollback::PdcaRollback<'static>>,
    ),
    (
        "pdca-run",
        "how a run ended, `archal pdca run --json`",
        of::<commands::pdca::run::PdcaRun<'static>>,
    ),
    (
        "pdca-status",
        "how a run stands, `archal pdca status --json`",
        of::<crate::pdca::outline::Outline>,
    ),
    (
        "pdca-timeline",
        "the decisions of a run, `archal pdca replay timeline --json`",
        of::<commands::pdca::replay::Timeline>,
    ),
    (
        "pdca-whatif",
        "other weights of reviewers, `archal pdca replay whatif --json`",
        of::<crate::pdca::replay::WhatIf>,
    ),
    (
        "plugin-check",
        "what a plugin does and gives, `archal plugin check --json`",
        of::<commands::plugin::PluginCheck>,
    ),
    (
        "plugin-new",
        "the plugin that was written, `archal plugin new --json`",
        of::<commands::plugin::NewPlugin>,
    ),
    (
        "plugin-reply",
        "a line from a plugin",
        of::<archal_plugin::message::ReplyLine>,
    ),
    (
        "plugin-request",
        "a line to a plugin",
        of::<archal_plugin::message::RequestLine>,
    ),
    (
        "preprod-failures",
        "what fails and whose fault it is, `preprod-failures.json`",
        of::<crate::preprod::failure::FailuresDocument>,
    ),
    (
        "preprod-interrupted",
        "a run that a signal ended, `archal preprod run --json`",
        of::<commands::preprod::Interrupted>,
    ),
    (
        "preprod-plan",
        "what a repository has and lacks, `preprod-plan.json` and `archal preprod plan --json`",
        of::<crate::preprod::plan::document::PreprodPlan>,
    ),
    (
        "preprod-result",
        "how the loop ended, `preprod-result.json` and `archal preprod run --json`",
        of::<crate::preprod::report::PreprodResult>,
    ),
    (
        "preprod-validation",
        "what was proved of a patch, `ARCHAL_PREPROD_VALIDATION_JSON`",
        of::<crate::preprod::validated::ValidatedDocument>,
    ),
    (
        "price-tables",
        "what models cost, `archal prices --json`",
        of::<commands::prices::PriceTables<'static>>,
    ),
    (
        "prices",
        "a file of prices, `budget.prices`",
        of::<crate::budget::prices::PriceTable>,
    ),
    (
        "proof",
        "the proof of a fix, `proof.json`",
        of::<crate::fix::proof::Proof>,
    ),
    (
        "prune",
        "what went, `archal prune --json`",
        of::<crate::attach::retention::PruneReport>,
    ),
    (
        "redact",
        "what redaction did to a file, `archal redact --json`",
        of::<commands::redact::RedactReport<'static>>,
    ),
    (
        "run",
        "one run of a scenario, `result.json`",
        of::<crate::run::result::RunResult>,
    ),
    (
        "run-estimate",
        "what runs may take, `archal run --dry-run -o json`",
        of::<crate::run::estimate::Estimate>,
    ),
    (
        "run-preflight",
        "what is ready, `archal run --preflight-only -o json`",
        of::<commands::run::looking::Preflight>,
    ),
    (
        "run-summary",
        "a whole suite, `last-run.json` and `archal run -o json`",
        of::<crate::run::report::SuiteReport>,
    ),
    (
        "runs-compare",
        "two suites beside each other, `archal runs compare --json`",
        of::<crate::run::render::compare::Comparison>,
    ),
    (
        "runs-export",
        "what was written, `archal runs export --json`",
        of::<crate::run::kept::documents::Exported>,
    ),
    (
        "runs-list",
        "suites, `archal runs list --json`",
        of::<crate::run::kept::shelf::Listing>,
    ),
    (
        "runs-prune",
        "what went, `archal runs prune --json`",
        of::<crate::run::kept::prune::PruneReport>,
    ),
    (
        "runs-show",
        "a run with what it left, `archal runs show <run> --json`",
        of::<crate::run::kept::documents::ShownRun>,
    ),
    (
        "runs-unfinished",
        "a suite without a summary, `archal runs show <suite> --json`",
        of::<crate::run::kept::documents::UnfinishedSuite>,
    ),
    (
        "scenario-list",
        "the scenarios, `archal scenario list --json`",
        of::<commands::scenario::ScenarioList>,
    ),
    (
        "scenario-new",
        "the scenario that was written, `archal scenario new --json`",
        of::<commands::scenario::NewScenario>,
    ),
    (
        "scenario-show",
        "a scenario as a run takes it, `archal scenario show --json`",
        of::<commands::scenario::ShownScenario>,
    ),
    (
        "scenario-validate",
        "what is wrong with scenarios, `archal scenario validate --json`",
        of::<commands::scenario::ScenarioValidation>,
    ),
    (
        "seed-explain",
        "what a trace proves of the state before it, `archal seed explain --json`",
        of::<crate::reconstruct::explain::Explained>,
    ),
    (
        "submitted",
        "a run that a watcher took over, `archal preprod run --background --json`",
        of::<crate::cli::submitting::Submitted>,
    ),
    (
        "trace",
        "a batch file of traces, `archal.trace.upload-batch`",
        of::<archal_core::trace::Batch>,
    ),
    (
        "trace-import",
        "what was imported, `archal trace-source import|sync --json`",
        of::<commands::trace_source::ImportReport>,
    ),
    (
        "trace-source",
        "a source that was changed, `archal trace-source connect|use|disable --json`",
        of::<commands::trace_source::ChangedSource>,
    ),
    (
        "trace-source-list",
        "the sources, `archal trace-source list --json`",
        of::<commands::trace_source::SourceList>,
    ),
    (
        "trace-source-serving",
        "a push source that listens, `archal trace-source serve --json`",
        of::<commands::trace_source::Serving>,
    ),
    (
        "trace-source-status",
        "how sources do, `archal trace-source status --json`",
        of::<commands::trace_source::SourceStatuses>,
    ),
    (
        "trace-source-test",
        "what is ready of a source, `archal trace-source test --json`",
        of::<commands::trace_source::SourceTest>,
    ),
    (
        "trace-source-watch",
        "pull sources that are asked, `archal trace-source watch --json`",
        of::<commands::trace_source::Watched>,
    ),
    (
        "trace-sources",
        "the registry, `.archal/trace-sources.json`",
        of::<crate::ingest::registry::file::SharedFile>,
    ),
    (
        "trace-status",
        "one trace with its hand-off, `archal attach-status <trace> --json`",
        of::<crate::attach::status::TraceStatus>,
    ),
    (
        "trace-sync",
        "what was got of a source that is asked, `archal trace-source sync --json`",
        of::<commands::trace_source::PassReport>,
    ),
    (
        "transcript",
        "a run as it went, `transcript.json`",
        of::<crate::run::transcript::Transcript>,
    ),
    (
        "watcher",
        "who works for a repository in the background, `watcher.json`",
        of::<crate::host::record::WatcherRecord>,
    ),
];

fn of<T: JsonSchema>() -> Value {
    schema_for!(T).to_value()
}
