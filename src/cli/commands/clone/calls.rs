//! `archal clone calls`: what a session's clones were asked, from its evidence.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;

use crate::cli::arguments::JsonOutput;
use crate::cli::context::CommandContext;
use crate::cli::error::CliError;
use crate::cli::exit::{self, Exit};
use crate::cli::output::Printer;
use crate::cli::sessions::reaching::{Named, client_error};
use crate::report::style::Style;
use crate::session::evidence::CallRecord;
use crate::session::service::client::{Client, ClientError};
use crate::session::service::desk::Request;
use crate::session::service::evidence::CALLS;
use crate::session::service::place::{Place, Standing};

/// Most calls of one document.
const MOST: usize = 100_000;

/// What a session's clones were asked and answered, redacted
///
/// Of a session that has ended, or was killed, too. With `--json` each call is whole; with
/// `--follow --json` there is one line a call.
#[derive(Debug, clap::Args)]
#[command(after_help = exit::help(&[Exit::Fine, Exit::Usage, Exit::CouldNotRun, Exit::Interrupted]))]
pub(crate) struct Args {
    /// Only the last ones
    #[arg(long, value_name = "N")]
    last: Option<usize>,

    /// Go on with each call as it comes, until the session ends
    #[arg(long)]
    follow: bool,

    #[command(flatten)]
    session: Named,

    #[command(flatten)]
    output: JsonOutput,
}

/// What clones were asked: `archal clone calls --json`.
#[derive(Serialize, JsonSchema)]
pub(crate) struct CloneCalls {
    /// Each, in order, as it stands in `calls.jsonl`.
    #[schemars(with = "Vec<CallRecord>")]
    calls: Vec<Value>,
}

pub(crate) fn run(args: &Args, cx: &mut CommandContext) -> Result<Exit, CliError> {
    let place = args.session.place(cx)?;
    let path = place.evidence().join(CALLS);
    let client = living(&place)?;
    if client.is_none() && !path.is_file() {
        return Err(
            CliError::environment(format!("no session {} ever ran here", place.name()))
                .hint("archal clone status --all"),
        );
    }
    if let Some(client) = &client {
        let flushed = client.ask::<Value>(&Request::Flush);
        flushed.map_err(client_error)?;
    }
    let read = |error: io::Error| {
        CliError::environment(format!("cannot read {}: {error}", path.display()))
    };
    let mut lines = Lines::open(&path).map_err(read)?;
    let most = args.last.unwrap_or(MOST).min(MOST);
    let mut calls = VecDeque::new();
    let mut skipped = 0_u64;
    while let Some(call) = lines.next().map_err(read)? {
        calls.push_back(call);
        if calls.len() > most {
            calls.pop_front();
            skipped += 1;
        }
    }
    let as_lines = args.follow && cx.printer.is_json();
    for call in &calls {
        if as_lines {
            cx.printer.raw(format!("{call}\n").as_bytes());
        } else {
            tell(call, &cx.printer);
        }
    }
    if skipped > 0 && args.last.is_none() {
        let file = path.display();
        cx.printer
            .note(format!("{skipped} earlier calls are in {file}"));
    }
    if !args.follow {
        if calls.is_empty() {
            cx.printer.line("no calls");
        }
        let calls = calls.into();
        cx.printer
            .document("archal.clone-calls", 1, &CloneCalls { calls });
        return Ok(Exit::Fine);
    }
    let mut last = calls.back().map_or(0, position);
    while let Some(client) = &client {
        match client.ask::<Value>(&Request::Wait { after: last }) {
            Ok(_) => {}
            // It ended; what it wrote at the end is read below.
            Err(ClientError::Silent { .. }) => break,
            Err(error) => return Err(client_error(error)),
        }
        last = follow(&mut lines, last, as_lines, &cx.printer).map_err(read)?;
        if !place.is_held().map_err(CliError::environment)? {
            break;
        }
    }
    follow(&mut lines, last, as_lines, &cx.printer).map_err(read)?;
    Ok(Exit::Fine)
}

/// The session, where it runs.
fn living(place: &Place) -> Result<Option<Client>, CliError> {
    match place.standing().map_err(CliError::environment)? {
        Standing::Running(record) => Client::new(record).map(Some).map_err(client_error),
        _ => Ok(None),
    }
}

fn follow(lines: &mut Lines, mut last: u64, as_lines: bool, printer: &Printer) -> io::Result<u64> {
    while let Some(call) = lines.next()? {
        last = position(&call);
        if as_lines {
            printer.raw(format!("{call}\n").as_bytes());
        } else {
            tell(&call, printer);
        }
    }
    Ok(last)
}

fn position(call: &Value) -> u64 {
    call["seq"].as_u64().unwrap_or(0)
}

fn tell(call: &Value, printer: &Printer) {
    let text = |name: &str| call[name].as_str().unwrap_or_default().to_owned();
    let status = call["status"].as_u64().unwrap_or(0);
    let shown = match status {
        0..400 => status.to_string(),
        _ => Style::Error.paint(&status.to_string()).to_string(),
    };
    let operation = match (&call["unmodelled"], &call["operation"]) {
        (Value::String(gap), _) => Style::Warning
            .paint(&format!("not modelled: {gap}"))
            .to_string(),
        (_, Value::String(operation)) => operation.clone(),
        _ => "no operation".to_owned(),
    };
    let mut line = format!(
        "{:>4}  {} {} {:<6} {}  {operation}",
        position(call),
        text("clone"),
        shown,
        text("method"),
        text("path")
    );
    if let Some(tool) = call["mcp"]["tool"].as_str() {
        line.push_str(&format!("  by the tool {tool}"));
    }
    if let Some(principal) = call["principal"].as_str() {
        line.push_str(&format!("  as {principal}"));
    }
    printer.line(line);
    for change in call["changes"].as_array().into_iter().flatten() {
        let sign = match change["change"].as_str() {
            Some("added") => '+',
            Some("removed") => '-',
            _ => '~',
        };
        let table = change["table"].as_str().unwrap_or_default();
        let key = change["key"].as_str().unwrap_or_default();
        printer.line(format!("        {sign} {table} {key}"));
    }
}

/// The whole lines of a file that grows.
struct Lines {
    file: BufReader<File>,
    path: PathBuf,
}

impl Lines {
    fn open(path: &Path) -> io::Result<Self> {
        Ok(Self {
            file: BufReader::new(File::open(path)?),
            path: path.to_owned(),
        })
    }

    /// The next call; none where there is no more, or only the beginning of one.
    fn next(&mut self) -> io::Result<Option<Value>> {
        loop {
            let mut line = Vec::new();
            self.file.by_ref().read_until(b'\n', &mut line)?;
            if line.last() != Some(&b'\n') {
                // Read again when the rest is there; a kill may have left it for ever.
                let back = i64::try_from(line.len()).unwrap_or(0);
                if back > 0 {
                    self.file.seek(SeekFrom::Current(-back))?;
                }
                return Ok(None);
            }
            match serde_json::from_slice(&line) {
                Ok(call) => return Ok(Some(call)),
                Err(error) => {
                    tracing::warn!(%error, file = %self.path.display(), "a line is no call");
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    #[test]
    fn half_a_line_is_read_when_it_is_whole() {
        let mut file = tempfile::NamedTempFile::new().expect("a file");
        let mut lines = Lines::open(file.path()).expect("readable");
        assert_eq!(lines.next().expect("read"), None);
        file.write_all(b"{\"seq\":1}\n{\"se").expect("written");
        let next = |lines: &mut Lines| lines.next().expect("read").map(|call| position(&call));
        assert_eq!(next(&mut lines), Some(1));
        assert_eq!(next(&mut lines), None);
        file.write_all(b"q\":2}\nbroken\n{\"seq\":3}\n")
            .expect("written");
        assert_eq!(next(&mut lines), Some(2));
        assert_eq!(next(&mut lines), Some(3));
        assert_eq!(next(&mut lines), None);
    }
}
