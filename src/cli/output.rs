//! Where output goes: stdout is the result, stderr is everything else.
//!
//! Text may be painted freely with [`crate::report::style`]; colours are taken out again where
//! they are not wanted, together with every control character a hostile text might carry.

use std::io::{self, IsTerminal, Write};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use archal_core::diagnostic::{Diagnostic, Severity, SourceText};
use schemars::JsonSchema;
use serde::Serialize;
use tracing_subscriber::EnvFilter;

use crate::report::diagnostic;
use crate::report::style::{self, Style};
use crate::store::json;

use super::error::{CliError, ErrorKind};

/// When to colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Colour {
    /// On a terminal.
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

/// Writes results and messages. Cheap to clone; may be used from several threads.
///
/// Writing never fails at the place of the call: a reader that went away (`| head`) is no error
/// and any other failure is told once at the end by [`Printer::finish`].
#[derive(Clone)]
pub struct Printer {
    streams: Arc<Mutex<Streams>>,
}

struct Streams {
    out: Stream,
    err: Stream,
    json: bool,
    quiet: bool,
    verbose: bool,
}

struct Stream {
    to: Box<dyn Write + Send>,
    colour: bool,
    terminal: bool,
    failure: Option<io::Error>,
}

/// A result as one JSON document.
#[derive(Serialize)]
struct Envelope<'a, T> {
    schema: &'a str,
    version: u32,
    #[serde(flatten)]
    body: &'a T,
}

/// Why a command failed, in place of its document.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct ErrorBody<'a> {
    /// Whose business it is.
    kind: ErrorKind,
    /// What happened.
    error: String,
    /// What led to it, the nearest first.
    caused_by: Vec<String>,
    /// What mends it, commands to copy among them.
    hints: &'a [String],
    /// What is wrong in files, with its places.
    diagnostics: &'a [Diagnostic],
    /// With what the command ends.
    exit_code: u8,
}

impl Printer {
    /// Writes to the process's stdout and stderr.
    pub fn standard(colour: Colour, json: bool) -> Self {
        let paint = |terminal| match colour {
            Colour::Auto => terminal,
            Colour::Always => true,
            Colour::Never => false,
        };
        let (out, err) = (io::stdout(), io::stderr());
        let (out_terminal, err_terminal) = (out.is_terminal(), err.is_terminal());
        Self::new(
            Stream::new(Box::new(out), paint(out_terminal), out_terminal),
            Stream::new(Box::new(err), paint(err_terminal), err_terminal),
            json,
        )
    }

    /// Writes into memory, without colour.
    pub fn captured(json: bool) -> (Self, Captured) {
        let captured = Captured::default();
        let printer = Self::new(
            Stream::new(Box::new(Memory(captured.out.clone())), false, false),
            Stream::new(Box::new(Memory(captured.err.clone())), false, false),
            json,
        );
        (printer, captured)
    }

    fn new(out: Stream, err: Stream, json: bool) -> Self {
        Self {
            streams: Arc::new(Mutex::new(Streams {
                out,
                err,
                json,
                quiet: false,
                verbose: false,
            })),
        }
    }

    /// Whether the result is to be a JSON document.
    pub fn is_json(&self) -> bool {
        self.lock().json
    }

    /// Whether a person watches stderr, so that progress may be drawn.
    pub fn is_terminal(&self) -> bool {
        self.lock().err.terminal
    }

    /// Whether only results and errors are wanted.
    pub fn is_quiet(&self) -> bool {
        self.lock().quiet
    }

    /// Whether more than usual is wanted.
    pub fn is_verbose(&self) -> bool {
        self.lock().verbose
    }

    /// Columns of the terminal the result goes to; none where it goes elsewhere.
    pub fn width(&self) -> Option<usize> {
        let columns = |(width, _): (terminal_size::Width, _)| usize::from(width.0);
        let is_terminal = self.lock().out.terminal;
        is_terminal
            .then(|| terminal_size::terminal_size_of(io::stdout()).map(columns))
            .flatten()
    }

    pub(super) fn set_verbose(&self, verbose: bool) {
        self.lock().verbose = verbose;
    }

    pub(super) fn set_json(&self, json: bool) {
        self.lock().json = json;
    }

    pub(super) fn set_quiet(&self, quiet: bool) {
        self.lock().quiet = quiet;
    }

    /// A line of the result, for people; nothing when the result is a JSON document.
    pub fn line(&self, text: impl AsRef<str>) {
        let mut streams = self.lock();
        if !streams.json {
            streams.out.line(text.as_ref());
        }
    }

    /// The result as a JSON document `{"schema": …, "version": …, …body}`; nothing when the
    /// result is text. `body` must be a struct or a map without these two keys. A command calls this at most once.
    pub fn document(&self, schema: &str, version: u32, body: &impl Serialize) {
        let mut streams = self.lock();
        if streams.json {
            streams.out.json(schema, version, body);
        }
    }

    /// A result that takes the place of the one before: on a terminal on a cleared screen,
    /// elsewhere after it.
    pub fn page(&self, text: impl AsRef<str>) {
        let mut streams = self.lock();
        if streams.out.terminal {
            streams.out.bytes(b"\x1b[H\x1b[2J");
        }
        streams.out.line(text.as_ref().trim_end());
        streams.out.flush();
    }

    /// Bytes of the result as they are: a schema, a man page.
    pub fn raw(&self, bytes: &[u8]) {
        let mut streams = self.lock();
        match std::str::from_utf8(bytes) {
            Ok(text) if text.contains('\u{1b}') => streams.out.text(text),
            _ => streams.out.bytes(bytes),
        }
    }

    /// A message that is not the result; left out by `--quiet`.
    pub fn note(&self, text: impl AsRef<str>) {
        let mut streams = self.lock();
        if !streams.quiet {
            streams.err.line(text.as_ref());
        }
    }

    /// A line on a terminal's stderr that takes the place of the one before, or none any more;
    /// elsewhere nothing.
    pub fn progress(&self, line: Option<&str>) {
        let mut streams = self.lock();
        if streams.quiet || !streams.err.terminal {
            return;
        }
        streams.err.bytes(b"\r\x1b[2K");
        if let Some(line) = line {
            streams.err.text(line);
        }
        streams.err.flush();
    }

    /// A message that is not the result and always said.
    pub fn warning(&self, text: impl AsRef<str>) {
        let text = format!("{} {}", Style::Warning.paint("warning:"), text.as_ref());
        self.lock().err.line(&text);
    }

    /// What is wrong with an input, with its place. Notes are left out by `--quiet`.
    pub fn diagnostic(&self, finding: &Diagnostic, source: Option<&SourceText>) {
        let mut streams = self.lock();
        if !streams.quiet || finding.severity > Severity::Note {
            streams.err.text(&diagnostic::render(finding, source));
        }
    }

    /// Why a command failed: `error:`, `caused by:`, places, `hint:`. The result is then a
    /// document `archal.error` where one was asked for.
    pub fn error(&self, error: &CliError) {
        let mut streams = self.lock();
        let label = match error.kind {
            ErrorKind::Internal => "internal error:",
            ErrorKind::Usage | ErrorKind::Config | ErrorKind::Environment => "error:",
        };
        let mut text = format!("{} {error}\n", Style::Error.paint(label));
        let causes = error.causes();
        for cause in &causes {
            text.push_str(&format!("  caused by: {cause}\n"));
        }
        for finding in &error.diagnostics {
            text.push_str(&diagnostic::render(finding, error.source.as_ref()));
        }
        for hint in &error.hints {
            text.push_str(&format!("{} {hint}\n", Style::Hint.paint("hint:")));
        }
        streams.err.text(&text);
        if streams.json {
            let body = ErrorBody {
                kind: error.kind,
                error: error.to_string(),
                caused_by: causes,
                hints: &error.hints,
                diagnostics: &error.diagnostics,
                exit_code: error.exit().code(),
            };
            streams.out.json("archal.error", 1, &body);
        }
    }

    /// Text for stderr as it is.
    pub(super) fn stderr(&self, text: &str) {
        self.lock().err.text(text);
    }

    /// Flushes, and tells the first failure to write the result.
    ///
    /// # Errors
    ///
    /// When the result could not be written for another reason than a reader that went away.
    pub fn finish(&self) -> Result<(), OutputError> {
        let mut streams = self.lock();
        streams.out.flush();
        streams.err.flush();
        match streams.out.failure.take() {
            Some(source) if source.kind() != io::ErrorKind::BrokenPipe => {
                Err(OutputError { source })
            }
            _ => Ok(()),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Streams> {
        // Streams stay usable whatever a panicking writer left in them.
        self.streams.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The result could not be written.
#[derive(Debug, thiserror::Error)]
#[error("cannot write the result to stdout")]
pub struct OutputError {
    source: io::Error,
}

impl Stream {
    fn new(to: Box<dyn Write + Send>, colour: bool, terminal: bool) -> Self {
        Self {
            to,
            colour,
            terminal,
            failure: None,
        }
    }

    fn line(&mut self, text: &str) {
        self.text(&format!("{text}\n"));
    }

    fn text(&mut self, text: &str) {
        self.bytes(style::harmless(text, self.colour).as_bytes());
    }

    fn json(&mut self, schema: &str, version: u32, body: &impl Serialize) {
        let envelope = Envelope {
            schema,
            version,
            body,
        };
        match json::pretty(&envelope) {
            Ok(mut bytes) => {
                bytes.push(b'\n');
                self.bytes(&bytes);
            }
            Err(error) => self.failed(error.into()),
        }
    }

    fn bytes(&mut self, bytes: &[u8]) {
        if self.failure.is_none()
            && let Err(error) = self.to.write_all(bytes)
        {
            self.failed(error);
        }
    }

    fn flush(&mut self) {
        if self.failure.is_none()
            && let Err(error) = self.to.flush()
        {
            self.failed(error);
        }
    }

    fn failed(&mut self, error: io::Error) {
        self.failure.get_or_insert(error);
    }
}

/// What a captured printer wrote.
#[derive(Debug, Clone, Default)]
pub struct Captured {
    out: Arc<Mutex<Vec<u8>>>,
    err: Arc<Mutex<Vec<u8>>>,
}

impl Captured {
    /// The result so far.
    pub fn stdout(&self) -> String {
        Self::text(&self.out)
    }

    /// The messages so far.
    pub fn stderr(&self) -> String {
        Self::text(&self.err)
    }

    fn text(bytes: &Mutex<Vec<u8>>) -> String {
        let bytes = bytes.lock().unwrap_or_else(PoisonError::into_inner);
        String::from_utf8_lossy(&bytes).into_owned()
    }
}

struct Memory(Arc<Mutex<Vec<u8>>>);

impl Write for Memory {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Sends logs to stderr: warnings, more with `-v`, or what `ARCHAL_LOG` filters.
pub(super) fn start_log(
    verbosity: u8,
    filter: Option<&str>,
    printer: &Printer,
) -> Result<(), CliError> {
    let level = match verbosity {
        // What goes wrong in a tool call is the agent's affair and stands in its answer.
        0 => "warn,rmcp=error",
        1 => "archal=info,warn,rmcp=error",
        2 => "archal=debug,info",
        _ => "trace",
    };
    let filter = EnvFilter::try_new(filter.unwrap_or(level)).map_err(|error| {
        CliError::usage(format!("ARCHAL_LOG is not a log filter: {error}"))
            .hint("ARCHAL_LOG=archal=debug")
    })?;
    let colour = printer.lock().err.colour;
    // A second start in one process (tests) keeps the first log.
    _ = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(io::stderr)
        .with_ansi(colour)
        .with_target(verbosity > 1)
        .try_init();
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn text_and_documents_exclude_each_other() {
        for is_json in [false, true] {
            let (printer, captured) = Printer::captured(is_json);
            printer.line(Style::Good.paint("fine"));
            printer.document("archal.x", 1, &json!({"a": 1}));
            printer.note("by the way");
            let expected = if is_json {
                "{\n  \"schema\": \"archal.x\",\n  \"version\": 1,\n  \"a\": 1\n}\n"
            } else {
                "fine\n"
            };
            assert_eq!(captured.stdout(), expected);
            assert_eq!(captured.stderr(), "by the way\n");
        }
    }

    #[test]
    fn an_error_has_causes_and_hints_and_a_document() {
        let (printer, captured) = Printer::captured(true);
        printer.error(&CliError::usage("no \u{1b}[2Jsuch clone").hint("archal clone list"));
        assert_eq!(
            captured.stderr(),
            "error: no such clone\nhint: archal clone list\n"
        );
        let document: serde_json::Value =
            serde_json::from_str(&captured.stdout()).expect("one JSON document");
        assert_eq!(document["schema"], "archal.error");
        assert_eq!(document["exitCode"], 2);
    }

    struct Full(io::ErrorKind);

    impl Write for Full {
        fn write(&mut self, _bytes: &[u8]) -> io::Result<usize> {
            Err(self.0.into())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_reader_that_went_away_is_no_error_and_a_full_disk_is() {
        for (kind, fine) in [
            (io::ErrorKind::BrokenPipe, true),
            (io::ErrorKind::StorageFull, false),
        ] {
            let printer = Printer::new(
                Stream::new(Box::new(Full(kind)), false, false),
                Stream::new(Box::new(io::sink()), false, false),
                false,
            );
            printer.line("one");
            printer.line("two");
            assert_eq!(printer.finish().is_ok(), fine);
        }
    }
}
