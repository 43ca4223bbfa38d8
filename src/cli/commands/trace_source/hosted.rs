//! `archal attach --source`: a database of traces, registered and attached at once.

use std::path::{Path, PathBuf};

use clap::ValueEnum;

use super::connect;
use super::site::{Repo, Site};
use super::test;
use crate::cli::arguments::JsonOutput;
use crate::cli::context::CommandContext;
use crate::cli::error::CliError;
use crate::cli::exit::Exit;

/// Where traces are when they are in a database.
#[derive(Debug, Default, clap::Args)]
#[command(next_help_heading = "Traces in a database (docs/sources-postgres.md)")]
pub(crate) struct Hosted {
    /// Read traces from a database: registers it as a source of this directory, and attaches that
    #[arg(long, value_enum, value_name = "PROVIDER")]
    pub(crate) source: Option<Provider>,

    /// The variable with the connection string
    #[arg(long, value_name = "NAME", requires = "source")]
    database_url_env: Option<String>,

    /// Where the connection string is kept: `env:NAME`
    #[arg(
        long,
        value_name = "REF",
        requires = "source",
        conflicts_with = "database_url_env"
    )]
    database_url_secret_ref: Option<String>,

    /// The source's name, part of the identity of its traces [default: the provider's]
    #[arg(long, value_name = "NAME", requires = "source")]
    source_name: Option<String>,

    /// An id for the source, which is its name where it has none
    #[arg(long, value_name = "ID", requires = "source")]
    source_id: Option<String>,

    /// The table or view of traces, `off` for none [default: ai_traces]
    #[arg(long, value_name = "TABLE", requires = "source")]
    trace_table: Option<String>,

    /// The table or view of spans, `off` for none [default: ai_spans]
    #[arg(long, value_name = "TABLE", requires = "source")]
    span_table: Option<String>,

    /// The column of a trace's id
    #[arg(long, value_name = "COLUMN", requires = "source")]
    trace_id_column: Option<String>,

    /// The column of a span's id
    #[arg(long, value_name = "COLUMN", requires = "source")]
    span_id_column: Option<String>,

    /// The column of the id of a span's trace
    #[arg(long, value_name = "COLUMN", requires = "source")]
    span_trace_id_column: Option<String>,

    /// The column of the id of a span's parent
    #[arg(long, value_name = "COLUMN", requires = "source")]
    parent_span_id_column: Option<String>,

    /// When a trace was last changed
    #[arg(long, value_name = "COLUMN", requires = "source")]
    trace_updated_at_column: Option<String>,

    /// When a span was last changed
    #[arg(long, value_name = "COLUMN", requires = "source")]
    span_updated_at_column: Option<String>,

    /// When a trace was made
    #[arg(long, value_name = "COLUMN", requires = "source")]
    trace_created_at_column: Option<String>,

    /// When a span was made
    #[arg(long, value_name = "COLUMN", requires = "source")]
    span_created_at_column: Option<String>,

    /// How new rows are found: updated_at_id, created_at_id or id [default: updated_at_id]
    #[arg(long, value_name = "MODE", requires = "source")]
    cursor_mode: Option<String>,

    /// Begin with traces of this time
    #[arg(long, value_name = "TIME", requires = "source")]
    traces_watermark_at: Option<String>,

    /// Begin behind this trace
    #[arg(long, value_name = "ID", requires = "source")]
    traces_watermark_id: Option<String>,

    /// Begin with spans of this time
    #[arg(long, value_name = "TIME", requires = "source")]
    spans_watermark_at: Option<String>,

    /// Begin behind this span
    #[arg(long, value_name = "ID", requires = "source")]
    spans_watermark_id: Option<String>,

    /// Read only rows of this workspace
    #[arg(long, value_name = "ID", requires = "source")]
    source_workspace_id: Option<String>,

    /// The column that names a row's workspace [default: workspace_id]
    #[arg(long, value_name = "COLUMN", requires = "source_workspace_id")]
    source_workspace_column: Option<String>,

    /// Any other option of the provider, `name=value`; may be given several times
    #[arg(long, value_name = "NAME=VALUE", requires = "source")]
    source_option: Vec<String>,
}

/// A database that archal reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Provider {
    /// PostgreSQL.
    Postgres,
    /// Supabase.
    Supabase,
}

impl Hosted {
    /// What is ready of the source, of which nothing is registered.
    pub(crate) fn check(
        &self,
        repo: &Path,
        trace_dir: Option<&Path>,
        cx: &mut CommandContext,
    ) -> Result<Exit, CliError> {
        let args = self.connect_args(repo, trace_dir)?;
        let site = Site::of(&args.repo, cx)?;
        let source = connect::imagined(&args, &site, cx)?;
        test::of(site, source, cx)
    }

    /// Registers the source; the directory to attach, which is made.
    pub(crate) fn register(
        &self,
        repo: &Path,
        trace_dir: Option<&Path>,
        cx: &mut CommandContext,
    ) -> Result<PathBuf, CliError> {
        let args = self.connect_args(repo, trace_dir)?;
        let registered = connect::register(&args, cx)?;
        let changed = &registered.changed;
        cx.printer.note(format!(
            "{} the trace source `{}`",
            changed.done, changed.source.name
        ));
        for variable in &changed.unset {
            cx.printer.warning(format!("{variable} is not set here"));
        }
        let directory = registered.directory;
        std::fs::create_dir_all(&directory).map_err(|error| {
            CliError::environment(format!("cannot make {}: {error}", directory.display()))
        })?;
        Ok(directory)
    }

    fn connect_args(
        &self,
        repo: &Path,
        trace_dir: Option<&Path>,
    ) -> Result<connect::Args, CliError> {
        let provider = match self.source {
            Some(Provider::Supabase) => "supabase",
            _ => "postgres",
        };
        Ok(connect::Args {
            provider: provider.to_owned(),
            name: self.source_name.clone().or_else(|| self.source_id.clone()),
            option: self.options()?,
            trace_dir: trace_dir.map(Path::to_owned),
            repo: Repo {
                repo: repo.to_owned(),
                output: JsonOutput::default(),
            },
            ..connect::Args::default()
        })
    }

    /// The flags as options of the provider.
    fn options(&self) -> Result<Vec<String>, CliError> {
        let mut options = vec![format!("urlEnv={}", self.variable()?)];
        let mut add = |name: &str, value: Option<String>| {
            options.extend(value.map(|value| format!("{name}={value}")));
        };
        add("traceTable", self.trace_table.clone());
        add("spanTable", self.span_table.clone());
        add(
            "traceColumns",
            columns(&[
                ("id", &self.trace_id_column),
                ("updatedAt", &self.trace_updated_at_column),
                ("createdAt", &self.trace_created_at_column),
            ])?,
        );
        add(
            "spanColumns",
            columns(&[
                ("id", &self.span_id_column),
                ("traceId", &self.span_trace_id_column),
                ("parentId", &self.parent_span_id_column),
                ("updatedAt", &self.span_updated_at_column),
                ("createdAt", &self.span_created_at_column),
            ])?,
        );
        add("cursorMode", self.cursor_mode.clone());
        let from = |at: &Option<String>, id: &Option<String>| match (at, id) {
            (at, Some(id)) => Some(format!("{},{id}", at.as_deref().unwrap_or_default())),
            (at, None) => at.clone(),
        };
        add(
            "tracesFrom",
            from(&self.traces_watermark_at, &self.traces_watermark_id),
        );
        add(
            "spansFrom",
            from(&self.spans_watermark_at, &self.spans_watermark_id),
        );
        if let Some(workspace) = &self.source_workspace_id {
            let column = self.source_workspace_column.as_deref();
            add(
                "filterColumn",
                Some(column.unwrap_or("workspace_id").to_owned()),
            );
            add("filterValue", Some(workspace.clone()));
        }
        options.extend(self.source_option.iter().cloned());
        Ok(options)
    }

    /// The variable that holds the connection string: that itself is never an argument.
    fn variable(&self) -> Result<&str, CliError> {
        if let Some(variable) = &self.database_url_env {
            return Ok(variable);
        }
        let Some(reference) = &self.database_url_secret_ref else {
            return Err(CliError::usage(
                "where is the connection string? It is named, never given",
            )
            .hint("--database-url-env TRACE_DATABASE_URL"));
        };
        reference.strip_prefix("env:").ok_or_else(|| {
            CliError::usage("a secret is referred to as `env:NAME`; other stores are not read here")
                .hint("run archal with what your store's own command puts into a variable")
        })
    }
}

/// `field=column,field=column` of those that were said.
fn columns(said: &[(&str, &Option<String>)]) -> Result<Option<String>, CliError> {
    let mut pairs = Vec::new();
    for (field, column) in said {
        if let Some(column) = column {
            if column.contains(',') {
                return Err(CliError::usage(format!(
                    "the column of `{field}` has a comma in its name, which cannot be said here"
                ))
                .hint("make a view with another name for it"));
            }
            pairs.push(format!("{field}={column}"));
        }
    }
    Ok((!pairs.is_empty()).then(|| pairs.join(",")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(text: &str) -> Option<String> {
        Some(text.to_owned())
    }

    #[test]
    fn flags_are_options_of_the_source() {
        let hosted = Hosted {
            source: Some(Provider::Postgres),
            database_url_secret_ref: text("env:TRACES"),
            source_id: text("0d9c7f1e-1111-4222-8333-444455556666"),
            span_table: text("prod.steps"),
            trace_id_column: text("run_id"),
            span_trace_id_column: text("run"),
            parent_span_id_column: text("up"),
            cursor_mode: text("created_at_id"),
            traces_watermark_at: text("2026-01-01T00:00:00Z"),
            spans_watermark_id: text("42"),
            source_workspace_id: text("w1"),
            source_option: vec!["overlap=10m".to_owned()],
            ..Hosted::default()
        };
        let args = hosted.connect_args(Path::new("."), None).expect("options");
        assert_eq!(args.name, hosted.source_id);
        assert_eq!(
            args.option,
            [
                "urlEnv=TRACES",
                "spanTable=prod.steps",
                "traceColumns=id=run_id",
                "spanColumns=traceId=run,parentId=up",
                "cursorMode=created_at_id",
                "tracesFrom=2026-01-01T00:00:00Z",
                "spansFrom=,42",
                "filterColumn=workspace_id",
                "filterValue=w1",
                "overlap=10m",
            ]
        );
    }

    #[test]
    fn a_connection_string_is_named_and_never_given() {
        let of = |reference: Option<&str>| Hosted {
            database_url_secret_ref: reference.and_then(text),
            ..Hosted::default()
        };
        for reference in [None, Some("postgres://u:hunter2@h/d"), Some("vault:x")] {
            let error = of(reference).options().expect_err("no variable");
            assert!(!format!("{error:?}").contains("hunter2"));
        }
        let hosted = Hosted {
            trace_id_column: text("a,id=b"),
            ..of(Some("env:X"))
        };
        assert!(hosted.options().is_err());
    }
}
