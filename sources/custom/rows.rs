//! The source over a plugin: what it streams, a page at a time.
//!
//! A page ends at a cursor. What came after the last one before the plugin failed is asked for again.

use archal_core::diagnostic::Diagnostic;
use archal_core::hash;
use archal_core::pull::{Asking, Estimate, Page, Point, PullError, Row, Rows, Standing};
use archal_core::push::Kept;
use archal_core::source::DecodedTrace;
use archal_plugin::message::{self, Pull, Request, Severity};
use serde_json::{Value, json};

use super::line::Line;
use super::said::Plugin;
use super::session::{Heard, Session, told};
use super::whole;
use crate::findings;
use crate::mapping::Mapped;
use crate::normalise::shown;

/// Replies that make a page, at the next cursor.
const ENOUGH: usize = 1000;
/// Bytes that make one.
const ENOUGH_BYTES: u64 = 4 << 20;
/// Replies of a sample.
const SAMPLE: usize = 50;
/// Points of a check that are told.
const MOST_POINTS: usize = 50;
/// The longest sentence of a plugin that is shown.
const MOST_SAID: usize = 500;

/// The source.
pub(super) struct Custom {
    asking: Asking,
    plugin: Plugin,
    running: Option<Running>,
    /// What went wrong behind the page that was given last.
    later: Option<PullError>,
    /// Whether spans came since they last made whole traces.
    is_open: bool,
}

/// A plugin in the midst of its answer.
struct Running {
    session: Session,
    /// Up to where its answer was taken.
    cursor: Value,
}

impl Custom {
    pub(super) fn new(asking: Asking, plugin: Plugin) -> Self {
        Self {
            asking,
            plugin,
            running: None,
            later: None,
            is_open: false,
        }
    }

    fn pull(&self, cursor: &Value, sample: bool) -> Result<Running, PullError> {
        let mut session = Session::start(self.asking.programs.as_ref(), &self.plugin)?;
        let pull = Pull {
            config: self.plugin.config.clone(),
            cursor: cursor.clone(),
            since: self.asking.since.map(|since| since.to_string()),
            most: (if sample { SAMPLE } else { ENOUGH }) as u32,
            sample,
        };
        session.ask(Request::Pull(pull), self.plugin.patience)?;
        Ok(Running {
            session,
            cursor: cursor.clone(),
        })
    }

    /// Takes replies up to a cursor behind enough of them, or to the end.
    fn take(&self, running: &mut Running, enough: usize) -> Result<Taken, PullError> {
        let mut taken = Taken {
            is_open: self.is_open,
            ..Taken::default()
        };
        loop {
            let step = running.session.next(|heard, size| {
                taken.bytes += size;
                taken.reply(heard, &self.plugin)
            });
            match step {
                Ok(Step::More) => {}
                Ok(Step::Cursor { cursor, whole }) => {
                    running.cursor = cursor;
                    // Its clock runs to the next one.
                    running.session.go_on(self.plugin.patience);
                    taken.keep(whole);
                    let is_enough = taken.replies >= enough || taken.bytes >= ENOUGH_BYTES;
                    if is_enough {
                        return Ok(taken);
                    }
                }
                Ok(Step::End { more }) => {
                    taken.keep(!more);
                    taken.end = Some(more);
                    return Ok(taken);
                }
                Ok(Step::Failed(error)) | Err(error) => {
                    // What came before the last cursor counts; the trouble is told after it.
                    if taken.kept.is_none() {
                        return Err(error);
                    }
                    taken.error = Some(error);
                    return Ok(taken);
                }
            }
        }
    }
}

impl Rows for Custom {
    fn check(&mut self) -> Vec<Point> {
        let mut points = Vec::new();
        let checked =
            Session::start(self.asking.programs.as_ref(), &self.plugin).and_then(|mut session| {
                let description = &session.description;
                let (name, version) = (shown(&description.name), shown(&description.version));
                points.push(Point {
                    name: "plugin",
                    standing: Standing::Ready,
                    detail: format!("{name} {version}, protocol {}", description.protocol),
                    advice: None,
                });
                let config = self.plugin.config.clone();
                session.ask(Request::Check { config }, self.plugin.patience)?;
                session.until(|heard| match heard {
                    Heard::Reply(Line::Point(told)) => {
                        if points.len() < MOST_POINTS {
                            points.push(point(told));
                        }
                        None
                    }
                    Heard::Reply(Line::End { .. }) => Some(Ok(())),
                    Heard::Reply(Line::Error(error)) => Some(Err(told(error))),
                    _ => None,
                })??;
                session.end();
                Ok(())
            });
        if let Err(error) = checked {
            points.push(Point {
                name: "plugin",
                standing: Standing::Missing,
                detail: error.message,
                advice: error.advice,
            });
        }
        points
    }

    fn sample(&mut self) -> Result<Page, PullError> {
        let mut running = self.pull(&Value::Null, true)?;
        let taken = self.take(&mut running, SAMPLE)?;
        if taken.end.is_some() {
            running.session.end();
        } else {
            running.session.cancel(self.plugin.patience);
        }
        Ok(taken.page(running.cursor))
    }

    fn estimate(&mut self, _: &Value) -> Result<Option<Estimate>, PullError> {
        Ok(None)
    }

    fn page(&mut self, cursor: &Value) -> Result<Page, PullError> {
        if let Some(error) = self.later.take() {
            self.running = None;
            return Err(error);
        }
        let (mut running, requests) = match self.running.take() {
            Some(running) if running.cursor == *cursor => (running, 0),
            _ => (self.pull(cursor, false)?, 1),
        };
        let mut taken = self.take(&mut running, ENOUGH)?;
        self.is_open = taken.is_open;
        let gone_on = running.cursor.clone();
        match taken.end {
            Some(more) => {
                if more && gone_on == *cursor {
                    taken.end = Some(false);
                    taken.finding(Diagnostic::warning(
                        "plugin/no-progress",
                        "the plugin says that there is more and gives no cursor to go on from",
                    ));
                }
                running.session.end();
            }
            None if taken.error.is_some() => self.later = taken.error.take(),
            None => self.running = Some(running),
        }
        let mut page = taken.page(gone_on);
        page.requests = requests;
        Ok(page)
    }

    fn assemble(
        &self,
        trace: &str,
        kept: Kept,
        findings: &mut Vec<Diagnostic>,
    ) -> Option<DecodedTrace> {
        whole::assemble(trace, kept, findings)
    }
}

/// What a reply is for the page.
enum Step {
    More,
    Cursor { cursor: Value, whole: bool },
    End { more: bool },
    Failed(PullError),
}

/// What was taken of an answer.
#[derive(Default)]
struct Taken {
    rows: Vec<Row>,
    /// Whole traces as JSON, with their projects.
    traces: Vec<(Option<String>, String)>,
    findings: Vec<Diagnostic>,
    replies: usize,
    bytes: u64,
    /// Rows and traces up to the last cursor.
    kept: Option<(usize, usize)>,
    /// Whether spans came, up to that cursor, since they last made whole traces.
    is_open: bool,
    /// Whether there is more, where the answer is complete.
    end: Option<bool>,
    error: Option<PullError>,
}

impl Taken {
    fn keep(&mut self, whole: bool) {
        let kept = self.kept.map_or(0, |(rows, _)| rows);
        self.is_open = !whole && (self.is_open || self.rows.len() > kept);
        self.kept = Some((self.rows.len(), self.traces.len()));
    }

    fn finding(&mut self, finding: Diagnostic) {
        findings::add(&mut self.findings, finding);
    }

    fn reply(&mut self, heard: Heard<'_>, plugin: &Plugin) -> Step {
        let line = match heard {
            Heard::Reply(line) => line,
            Heard::Late => return Step::More,
            Heard::Bad(reason) => {
                self.finding(Diagnostic::warning(
                    "plugin/bad-line",
                    format!("a line of the plugin is no reply: {reason}"),
                ));
                return Step::More;
            }
        };
        self.replies += 1;
        match line {
            Line::Trace { project, trace } => self.traces.push((project, trace.get().to_owned())),
            Line::Span {
                project,
                trace,
                span,
                version,
            } => self.span(project, trace, span, version),
            Line::Row { row, version } => match &plugin.mapping {
                Some(mapping) => match mapping.row(&row) {
                    Mapped::Trace(trace) => {
                        self.traces.push((mapping.project(&row), trace.to_string()));
                    }
                    Mapped::Span { trace, span } => {
                        self.span(mapping.project(&row), trace, span, version);
                    }
                },
                None => {
                    return Step::Failed(PullError::new(
                        archal_core::pull::PullErrorKind::Options,
                        "the plugin gives rows of its own shape, and nothing says which field is what",
                    )
                    .advice("--option mapping=<file>"));
                }
            },
            Line::Diagnostic { severity, message } => {
                let message = said(&message);
                self.finding(match severity {
                    Severity::Error => Diagnostic::error("plugin/error", message),
                    Severity::Warning => Diagnostic::warning("plugin/warning", message),
                    Severity::Note => Diagnostic::note("plugin/note", message),
                });
            }
            Line::Cursor { cursor, whole } => return Step::Cursor { cursor, whole },
            Line::End { more } => return Step::End { more },
            Line::Error(error) => return Step::Failed(told(error)),
            Line::Description(_) | Line::Point(_) | Line::Unknown => {}
        }
        Step::More
    }

    fn span(
        &mut self,
        project: Option<String>,
        trace: Value,
        mut span: Value,
        version: Option<i64>,
    ) {
        let name = |value: Option<&Value>| match value {
            Some(Value::String(text)) if !text.is_empty() => Some(text.clone()),
            Some(Value::Number(number)) => Some(number.to_string()),
            _ => None,
        };
        let Some(id) = name(trace.get("id")) else {
            self.finding(Diagnostic::error(
                "plugin/no-trace",
                "a span does not say of which trace it is",
            ));
            return;
        };
        let time = |field: &str| span.get(field)?.as_str()?.parse().ok();
        let at = time("endedAt").or_else(|| time("startedAt"));
        let is_none = |field: &str| span.get(field).is_none_or(Value::is_null);
        let ends_root = is_none("parentId") && !is_none("endedAt");
        // One without a name has that of what stands in it, so that it is the same when it comes again.
        let row = name(span.get("id")).unwrap_or_else(|| {
            format!(
                "{:016x}",
                hash::sixty_four_bits(span.to_string().as_bytes())
            )
        });
        if let Value::Object(fields) = &mut span {
            fields.insert("id".to_owned(), row.clone().into());
        }
        self.rows.push(Row {
            trace: id,
            id: row,
            version,
            ends_root,
            at,
            body: json!({"project": project, "trace": trace, "span": span}),
        });
    }

    fn page(mut self, cursor: Value) -> Page {
        let all = (self.rows.len(), self.traces.len());
        let (rows, traces) = self.kept.unwrap_or(all);
        self.rows.truncate(rows);
        self.traces.truncate(traces);
        let mut decoded = Vec::with_capacity(self.traces.len());
        for same in self.traces.chunk_by(|one, other| one.0 == other.0) {
            decoded.extend(whole::decode(same, &mut self.findings));
        }
        findings::limit(&mut self.findings);
        let is_last = self.end == Some(false);
        Page {
            is_checkpoint: is_last || !self.is_open,
            is_rooted_whole: false,
            reached: None,
            rows: self.rows,
            traces: decoded,
            cursor,
            is_last,
            requests: 1,
            bytes: self.bytes,
            findings: self.findings,
        }
    }
}

/// Names of points that are told as they are.
const POINTS: &[&str] = &["credentials", "options", "reach", "schema"];

fn point(told: message::Point) -> Point {
    let known = POINTS.iter().find(|known| **known == told.name);
    let detail = said(&told.detail);
    Point {
        name: known.copied().unwrap_or("plugin"),
        standing: match told.standing {
            message::Standing::Ready => Standing::Ready,
            message::Standing::Limited => Standing::Limited,
            message::Standing::Missing => Standing::Missing,
        },
        detail: match known {
            Some(_) => detail,
            None => format!("{}: {detail}", shown(&told.name)),
        },
        advice: told.advice.as_deref().map(said),
    }
}

/// What a plugin says, at most so much of it.
fn said(text: &str) -> String {
    text.chars().take(MOST_SAID).collect()
}
