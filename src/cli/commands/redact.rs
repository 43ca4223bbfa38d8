//! `archal redact`: what redaction does to a file, and why.

use std::io::Read;
use std::path::{Path, PathBuf};

use archal_core::redact::{Form, Hit, Redacted, RedactionCounts};
use schemars::JsonSchema;
use serde::Serialize;

use crate::cli::arguments::{ConfigFile, JsonOutput};
use crate::cli::bench;
use crate::cli::context::CommandContext;
use crate::cli::error::CliError;
use crate::cli::exit::{self, Exit};
use crate::report::style::Style;
use crate::store::atomic::{self, Durability};

/// The largest input, as for trace files.
const MAX_BYTES: u64 = crate::ingest::file::MAX_FILE;

/// Take the secrets out of a file: JSON, JSON lines or text
///
/// The result goes to stdout. Of JSON only what is a secret changes. The rules are those of
/// every import and every run, with the configuration's own.
#[derive(Debug, clap::Args)]
#[command(after_help = exit::help(&[Exit::Fine, Exit::Usage, Exit::CouldNotRun]))]
pub(crate) struct Args {
    /// The file; `-` or nothing is stdin
    file: Option<PathBuf>,

    /// List what was taken out, where and why, instead of writing the result; never the secret
    #[arg(long)]
    explain: bool,

    /// Write the result to a new file
    #[arg(long, value_name = "OUT")]
    write: Option<PathBuf>,

    #[command(flatten)]
    config: ConfigFile,

    #[command(flatten)]
    output: JsonOutput,
}

/// What redaction did to a file: `archal redact --json`.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct RedactReport<'a> {
    /// `json`, `jsonl` or `text`.
    form: &'static str,
    /// How often each rule fired.
    redactions: &'a RedactionCounts,
    /// The same for each trace of a batch file.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    traces: Vec<TraceReport<'a>>,
    /// Each replacement, with `--explain`.
    #[serde(skip_serializing_if = "Option::is_none")]
    hits: Option<Vec<HitReport<'a>>>,
    /// The result, unless it was written to a file.
    #[serde(skip_serializing_if = "Option::is_none")]
    text: Option<&'a str>,
}

#[derive(Debug, Serialize, JsonSchema)]
struct TraceReport<'a> {
    /// The trace.
    id: &'a str,
    /// How often each rule fired in it.
    redactions: &'a RedactionCounts,
}

#[derive(Debug, Serialize, JsonSchema)]
struct HitReport<'a> {
    /// The rule.
    rule: &'a str,
    /// Where it was: `$.a[0].b`, `3:7` of text.
    at: String,
    /// How many bytes went.
    length: usize,
    /// What stands there now.
    placeholder: &'a str,
    /// Why it went.
    why: &'a str,
}

pub(crate) fn run(args: &Args, cx: &mut CommandContext) -> Result<Exit, CliError> {
    let input = args.file.as_deref().filter(|file| *file != Path::new("-"));
    let loaded = cx.load_config(args.config.config.as_deref(), Path::new("."), &[])?;
    let redactor = bench::redactor(cx, &loaded)?;
    let out = args.write.as_deref().map(|out| cx.environment.resolve(out));
    if let Some(out) = out.as_deref().filter(|out| out.symlink_metadata().is_ok()) {
        return Err(
            CliError::usage(format!("{} exists; nothing is overwritten", out.display()))
                .hint("archal redact <file> --write <a new file>"),
        );
    }
    let text = read(input, cx)?;
    let redacted = redactor.document(&text);
    if let Some(out) = &out {
        atomic::write(out, redacted.text.as_bytes(), Durability::Synced)
            .map_err(CliError::environment)?;
    }
    if cx.printer.is_json() {
        let text = (out.is_none() && !args.explain).then_some(redacted.text.as_str());
        cx.printer
            .document("archal.redact", 1, &report(&redacted, args.explain, text));
    } else if args.explain {
        explain(&redacted, cx);
    } else if let Some(out) = &out {
        let count: u64 = redacted.counts.values().sum();
        cx.printer
            .note(format!("{count} taken out; written to {}", out.display()));
    } else {
        cx.printer.raw(redacted.text.as_bytes());
    }
    Ok(Exit::Fine)
}

fn read(input: Option<&Path>, cx: &CommandContext) -> Result<String, CliError> {
    let mut bytes = Vec::new();
    let (name, outcome) = match input {
        Some(file) => {
            let path = cx.environment.resolve(file);
            // Opening a named pipe would wait for its writer.
            let opened = match std::fs::metadata(&path) {
                Ok(metadata) if metadata.is_dir() => {
                    return Err(CliError::usage(format!("{} is a folder", file.display()))
                        .hint("archal redact <file>"));
                }
                Ok(_) => std::fs::File::open(&path),
                Err(error) => Err(error),
            };
            let read = opened.and_then(|file| file.take(MAX_BYTES + 1).read_to_end(&mut bytes));
            (file.display().to_string(), read)
        }
        None => {
            let read = std::io::stdin().take(MAX_BYTES + 1).read_to_end(&mut bytes);
            ("stdin".to_owned(), read)
        }
    };
    match outcome {
        Err(error) => {
            let missing = error.kind() == std::io::ErrorKind::NotFound;
            let error = format!("cannot read {name}: {error}");
            Err(if missing {
                CliError::usage(error).hint("archal redact <file>")
            } else {
                CliError::environment(error)
            })
        }
        Ok(length) if length as u64 > MAX_BYTES => Err(CliError::usage(format!(
            "{name} is larger than {} MiB",
            MAX_BYTES >> 20
        ))
        .hint("split -C 100M <file>, then archal redact each part")),
        Ok(_) => String::from_utf8(bytes).map_err(|error| {
            let at = error.utf8_error().valid_up_to();
            CliError::usage(format!("{name} is not text: byte {at} is not UTF-8"))
                .hint("a compressed file is redacted when it is imported; unpack it first")
        }),
    }
}

fn report<'a>(redacted: &'a Redacted, explain: bool, text: Option<&'a str>) -> RedactReport<'a> {
    RedactReport {
        form: match redacted.form {
            Form::Json => "json",
            Form::JsonLines => "jsonl",
            Form::Text => "text",
        },
        redactions: &redacted.counts,
        traces: redacted
            .traces
            .iter()
            .map(|trace| TraceReport {
                id: &trace.id,
                redactions: &trace.counts,
            })
            .collect(),
        hits: explain.then(|| {
            redacted
                .hits
                .iter()
                .map(|hit| HitReport {
                    rule: &hit.rule,
                    at: place(hit),
                    length: hit.length,
                    placeholder: &hit.placeholder,
                    why: &hit.why,
                })
                .collect()
        }),
        text,
    }
}

/// `$.traces[0].input` and the column in the string, or line and column of text.
fn place(hit: &Hit) -> String {
    let column = hit.column + 1;
    if hit.path.is_empty() {
        return match hit.line {
            0 => format!("byte {column}"),
            line => format!("{line}:{column}"),
        };
    }
    let mut path = match hit.line {
        0 => "$".to_owned(),
        line => format!("{line}:$"),
    };
    for step in &hit.path {
        let plain = |c: char| c.is_ascii_alphanumeric() || c == '_';
        if step.bytes().all(|b| b.is_ascii_digit()) && !step.is_empty() {
            path.push_str(&format!("[{step}]"));
        } else if !step.is_empty() && step.chars().all(plain) {
            path.push_str(&format!(".{step}"));
        } else {
            path.push_str(&format!("[{step:?}]"));
        }
    }
    if hit.column > 0 {
        path.push_str(&format!(":{column}"));
    }
    path
}

fn explain(redacted: &Redacted, cx: &CommandContext) {
    for hit in &redacted.hits {
        cx.printer.line(format!(
            "{}  {}  {} bytes -> {}\n    {}",
            Style::Heading.paint(&place(hit)),
            hit.rule,
            hit.length,
            hit.placeholder,
            hit.why
        ));
    }
    for trace in &redacted.traces {
        let counts: Vec<String> = trace
            .counts
            .iter()
            .map(|(rule, count)| format!("{rule} {count}"))
            .collect();
        let counts = if counts.is_empty() {
            "nothing".to_owned()
        } else {
            counts.join(", ")
        };
        cx.printer.line(format!("trace {}: {counts}", trace.id));
    }
    let count: u64 = redacted.counts.values().sum();
    cx.printer.line(format!("{count} taken out"));
}
