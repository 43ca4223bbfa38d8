//! The source over a plugin that is played: what it is asked, and what becomes of what it says.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use archal_core::clock::FakeClock;
use archal_core::program::{Farewell, NotStarted, Patience, Program, Programs, Silence, Talk};
use archal_core::pull::{
    Asking, Opened, Page, PullError, PullErrorKind, Rates, Rows, Said, SaidValue, Standing, Stop,
};
use archal_core::push::{Kept, KeptSpan};
use archal_plugin::message::{
    Description, Error, ErrorKind, Needed, Point, Pull, Reply, ReplyLine, Request, RequestLine,
    Severity, SpanReply,
};
use serde_json::{Value, json};

use super::line::{self, Line};
use super::{SOURCE, whole};

/// What a plugin does when it is asked: lines, or why it says nothing more.
type Play = dyn Fn(&Request) -> Vec<Result<Value, Silence>> + Send + Sync;

struct Stage {
    play: Arc<Play>,
    asked: Arc<Mutex<Vec<Request>>>,
}

impl Programs for Stage {
    fn start(&self, _: &Program) -> Result<Box<dyn Talk>, NotStarted> {
        Ok(Box::new(Actor {
            play: self.play.clone(),
            asked: self.asked.clone(),
            lines: VecDeque::new(),
            line: Vec::new(),
            time: Duration::ZERO,
            left: Duration::ZERO,
        }))
    }
}

struct Actor {
    play: Arc<Play>,
    asked: Arc<Mutex<Vec<Request>>>,
    lines: VecDeque<Result<Value, Silence>>,
    line: Vec<u8>,
    /// What it was given when its clock was last started, and what is left of that.
    time: Duration,
    left: Duration,
}

impl Talk for Actor {
    fn begin(&mut self, patience: Patience) {
        (self.time, self.left) = (patience.time, patience.time);
    }

    fn say(&mut self, line: &str) -> Result<(), Silence> {
        let asked: RequestLine = serde_json::from_str(line).expect("a request");
        for mut reply in (self.play)(&asked.request) {
            if let Ok(Value::Object(fields)) = &mut reply {
                fields.entry("id").or_insert(asked.id.into());
            }
            self.lines.push_back(reply);
        }
        self.asked.lock().expect("no panic").push(asked.request);
        Ok(())
    }

    fn hear(&mut self) -> Result<&[u8], Silence> {
        let line = self.lines.pop_front().unwrap_or(Err(Silence::Ended))?;
        let took = Duration::from_secs(line["takes"].as_u64().unwrap_or_default());
        self.left = self
            .left
            .checked_sub(took)
            .ok_or(Silence::Late(self.time))?;
        self.line = match line {
            Value::String(text) => text.into_bytes(),
            line => line.to_string().into_bytes(),
        };
        Ok(&self.line)
    }

    fn end(&mut self) -> Farewell {
        Farewell {
            trouble: Some("SIGSEGV (signal 11) ended it".to_owned()),
            said: "about to fail".to_owned(),
        }
    }
}

struct Never;

impl Stop for Never {
    fn is_asked(&self) -> bool {
        false
    }

    fn wait(&self, _: Duration) -> bool {
        false
    }
}

impl Rates for Never {
    fn take(&self, _: &str, _: std::num::NonZeroU32) -> Duration {
        Duration::ZERO
    }

    fn hold(&self, _: &str, _: Duration) {}
}

struct Opening {
    rows: Box<dyn Rows>,
    asked: Arc<Mutex<Vec<Request>>>,
}

impl Opening {
    fn pulls(&self) -> Vec<Pull> {
        let asked = self.asked.lock().expect("no panic");
        let pulls = asked.iter().filter_map(|request| match request {
            Request::Pull(pull) => Some(pull.clone()),
            _ => None,
        });
        pulls.collect()
    }
}

fn open(
    options: &[(&str, SaidValue)],
    play: impl Fn(&Request) -> Vec<Result<Value, Silence>> + Send + Sync + 'static,
) -> Opening {
    let asked = Arc::new(Mutex::new(Vec::new()));
    let mut said: BTreeMap<String, SaidValue> = options
        .iter()
        .map(|(name, value)| ((*name).to_owned(), value.clone()))
        .collect();
    said.insert("path".to_owned(), SaidValue::Path("/plugin".into()));
    let now = "2026-03-01T12:00:00Z".parse().expect("a time");
    let asking = Asking {
        name: "mine".to_owned(),
        options: Said::new(said),
        since: None,
        clock: Arc::new(FakeClock::new(now)),
        rates: Arc::new(Never),
        programs: Arc::new(Stage {
            play: Arc::new(play),
            asked: asked.clone(),
        }),
        stop: Arc::new(Never),
    };
    let opened = (SOURCE.pull.expect("it is asked").open)(asking).expect("options");
    let Opened::Rows(rows) = opened else {
        panic!("{opened:?}");
    };
    Opening { rows, asked }
}

fn greeting() -> Vec<Result<Value, Silence>> {
    vec![Ok(
        json!({"reply": "description", "protocol": 1, "name": "played", "version": "1.0"}),
    )]
}

/// A plugin that says this when it is pulled.
fn pulled(lines: Vec<Result<Value, Silence>>) -> impl Fn(&Request) -> Vec<Result<Value, Silence>> {
    move |request| match request {
        Request::Describe { .. } => greeting(),
        Request::Pull(_) => lines.clone(),
        _ => vec![Ok(json!({"reply": "end"}))],
    }
}

fn trace(id: &str) -> Result<Value, Silence> {
    Ok(json!({"reply": "trace", "project": "p", "trace": {"id": id, "name": "run"}}))
}

fn cursor(cursor: u64) -> Result<Value, Silence> {
    Ok(json!({"reply": "cursor", "cursor": cursor}))
}

fn ids(page: &Page) -> Vec<&str> {
    let traces = page.traces.iter();
    traces.map(|one| one.trace.id.as_str()).collect()
}

#[test]
fn what_is_streamed_is_a_page_with_the_cursor_behind_it() {
    let mut opening = open(
        &[],
        pulled(vec![
            trace("a"),
            Ok(
                json!({"reply": "span", "trace": {"id": "b", "name": "nightly"}, "version": 4,
                "span": {"id": "s", "endedAt": "2026-03-01T11:00:00Z"}}),
            ),
            cursor(7),
            trace("c"),
            Ok(json!({"reply": "end"})),
        ]),
    );
    let page = opening.rows.page(&Value::Null).expect("a page");
    assert_eq!(ids(&page), ["a", "c"]);
    assert_eq!(page.traces[0].project.as_deref(), Some("p"));
    let [row] = page.rows.as_slice() else {
        panic!("{page:?}");
    };
    assert_eq!((row.trace.as_str(), row.id.as_str()), ("b", "s"));
    assert_eq!((row.version, row.ends_root), (Some(4), true));
    assert!(row.at.is_some());
    assert_eq!((&page.cursor, page.is_last), (&json!(7), true));
    assert!(page.is_checkpoint && page.requests == 1 && page.bytes > 0);
    opening.rows.page(&page.cursor).expect("a page");
    assert_eq!(opening.pulls()[1].cursor, 7);
}

#[test]
fn a_plugin_that_fails_keeps_what_came_before_its_last_cursor_and_nothing_after() {
    let fails = || vec![trace("a"), cursor(1), trace("b"), Err(Silence::Ended)];
    let mut opening = open(&[], pulled(fails()));
    let page = opening.rows.page(&Value::Null).expect("a page");
    assert_eq!((ids(&page), page.is_last), (vec!["a"], false));
    let failed = opening.rows.page(&page.cursor).expect_err("it ended");
    assert_eq!(failed.kind, PullErrorKind::Answer);
    assert_eq!(
        failed.message,
        "the plugin ended before it had answered: SIGSEGV (signal 11) ended it; it said: about to fail"
    );
    // Then it is started anew, from the cursor.
    opening.rows.page(&page.cursor).expect("a page");
    assert_eq!(opening.pulls()[1].cursor, 1);
    let mut without = open(&[], pulled(vec![trace("a"), Err(Silence::Long(9))]));
    let failed = without.rows.page(&Value::Null).expect_err("too long");
    assert!(failed.message.contains("more than 9 bytes"), "{failed}");
    assert!(
        failed
            .advice
            .is_some_and(|advice| advice.contains("maxLine"))
    );
}

#[test]
fn a_long_answer_is_many_pages_of_one_run() {
    let mut lines: Vec<_> = (0..2500)
        .flat_map(|number| [trace(&format!("t-{number}")), cursor(number)])
        .collect();
    lines.push(Ok(json!({"reply": "end"})));
    let mut opening = open(&[], pulled(lines));
    let (mut cursor, mut seen, mut pages) = (Value::Null, 0, 0);
    loop {
        let page = opening.rows.page(&cursor).expect("a page");
        (seen, pages) = (seen + page.traces.len(), pages + 1);
        cursor = page.cursor;
        if page.is_last {
            break;
        }
    }
    assert_eq!((seen, cursor), (2500, json!(2499)));
    assert!(pages > 2, "{pages}");
    assert_eq!(opening.pulls().len(), 1);
}

#[test]
fn a_plugin_has_its_time_from_cursor_to_cursor() {
    let slow = |id: &str, cursor: u64| {
        let seconds = Ok(json!({"reply": "cursor", "cursor": cursor, "takes": 400}));
        [trace(id), seconds]
    };
    let mut lines = [slow("a", 1), slow("b", 2), slow("c", 3)].concat();
    lines.push(Ok(json!({"reply": "end"})));
    let page = open(&[], pulled(lines)).rows.page(&Value::Null);
    let page = page.expect("a page");
    assert_eq!((ids(&page), page.is_last), (vec!["a", "b", "c"], true));
    // Between two of them it has no more.
    let mut lines = slow("a", 1).to_vec();
    lines.push(Ok(
        json!({"reply": "trace", "trace": {"id": "b"}, "takes": 400}),
    ));
    lines.extend(slow("c", 2));
    let mut late = open(&[], pulled(lines));
    let page = late.rows.page(&Value::Null).expect("a page");
    assert_eq!(ids(&page), ["a"]);
    let error = late.rows.page(&page.cursor).expect_err("late");
    assert!(error.advice.is_some_and(|told| told.contains("timeout")));
}

#[test]
fn spans_that_are_open_stay_so_until_a_cursor_behind_them_says_that_they_are_whole() {
    let span = || Ok(json!({"reply": "span", "trace": {"id": "t"}, "span": {"id": "s"}}));
    let whole = Ok(json!({"reply": "cursor", "cursor": 4, "whole": true}));
    let many = |number| {
        let mut lines = vec![trace("w"); 1000];
        lines.push(cursor(number));
        lines
    };
    let mut lines = [many(1), vec![span(); 1000], vec![cursor(2)], many(3)].concat();
    lines.extend([span(), whole]);
    lines.extend([many(5), many(6)].concat());
    lines.push(Ok(json!({"reply": "end", "more": true})));
    let mut opening = open(&[], pulled(lines));
    let mut cursor = Value::Null;
    let mut told = Vec::new();
    for _ in 0..5 {
        let page = opening.rows.page(&cursor).expect("a page");
        told.push((page.cursor.as_u64(), page.is_checkpoint));
        cursor = page.cursor;
    }
    let of = |cursor, is_checkpoint| (Some(cursor), is_checkpoint);
    assert_eq!(
        told,
        [
            of(1, true),
            of(2, false),
            of(3, false),
            of(5, true),
            of(6, true)
        ]
    );
}

#[test]
fn what_is_no_reply_is_a_finding_and_too_much_of_it_the_end() {
    let odd = vec![
        Ok(json!("print() in the plugin")),
        Ok(json!({"reply": "trace"})),
        Ok(json!({"reply": "trace", "trace": {"id": "late"}, "id": 1})),
        Ok(json!({"reply": "later-word", "trace": 7})),
        Ok(json!({"reply": "trace", "trace": {"id": "t", "name": 7}})),
        Ok(json!({"reply": "span", "trace": {}, "span": {}})),
        Ok(json!({"reply": "diagnostic", "severity": "warning", "message": "row 7 is empty"})),
        Ok(json!({"reply": "end"})),
    ];
    let mut opening = open(&[], pulled(odd));
    let page = opening.rows.page(&Value::Null).expect("a page");
    assert!(page.traces.is_empty() && page.rows.is_empty() && page.is_last);
    let told: Vec<&str> = page
        .findings
        .iter()
        .map(|one| one.message.as_str())
        .collect();
    assert_eq!(
        told,
        [
            "a line of the plugin is no reply: expected value",
            "a line of the plugin is no reply: a `trace` has no `trace`",
            "a span does not say of which trace it is",
            "row 7 is empty",
            "a trace cannot be read: unknown value, expected a string",
        ]
    );
    let mut opening = open(&[], pulled(vec![Ok(json!("debug")); 200]));
    let failed = opening.rows.page(&Value::Null).expect_err("no replies");
    assert!(failed.message.contains("stdout is for replies"), "{failed}");
}

#[test]
fn more_without_a_cursor_is_no_endless_loop() {
    let mut opening = open(&[], pulled(vec![Ok(json!({"reply": "end", "more": true}))]));
    let page = opening.rows.page(&Value::Null).expect("a page");
    assert!(page.is_last);
    assert_eq!(page.findings[0].code, "plugin/no-progress");
    let more = vec![cursor(1), Ok(json!({"reply": "end", "more": true}))];
    let page = open(&[], pulled(more)).rows.page(&Value::Null);
    assert!(!page.expect("a page").is_last);
}

fn refused(description: Value, options: &[(&str, SaidValue)]) -> PullError {
    let mut opening = open(options, move |request| match request {
        Request::Describe { .. } => vec![Ok(description.clone())],
        _ => panic!("it is asked nothing more"),
    });
    opening.rows.page(&Value::Null).expect_err("refused")
}

#[test]
fn a_plugin_is_asked_nothing_where_it_does_not_fit() {
    let text = |text: &str| SaidValue::Text(text.to_owned());
    let of = |more: Value| {
        let mut description =
            json!({"reply": "description", "protocol": 1, "name": "n", "version": "1"});
        let fields = description.as_object_mut().expect("an object");
        fields.extend(more.as_object().cloned().unwrap_or_default());
        description
    };
    let newer = refused(of(json!({"protocol": 2})), &[]);
    assert_eq!(newer.advice.as_deref(), Some("update archal"));
    let options = || of(json!({"options": [{"name": "host", "required": true}]}));
    let missing = refused(options(), &[]);
    assert_eq!(missing.kind, PullErrorKind::Options);
    let unknown = refused(options(), &[("config", text(r#"{"hots": "h"}"#))]);
    assert_eq!(unknown.advice.as_deref(), Some("did you mean `host`?"));
    let ungiven = refused(
        of(json!({"variables": [{"name": "B_KEY", "required": true}]})),
        &[("variables", text("A_KEY"))],
    );
    assert_eq!(
        ungiven.advice.as_deref(),
        Some("--option variables=A_KEY,B_KEY")
    );
    let lies = refused(json!({"reply": "end"}), &[]);
    assert_eq!(lies.kind, PullErrorKind::Answer);
}

#[test]
fn a_check_tells_what_the_plugin_looked_at() {
    let mut opening = open(&[], |request| match request {
        Request::Describe { .. } => greeting(),
        Request::Check { config } => {
            assert_eq!(*config, json!({}));
            vec![
                Ok(
                    json!({"reply": "point", "name": "credentials", "standing": "ready", "detail": "a key"}),
                ),
                Ok(
                    json!({"reply": "point", "name": "colour", "standing": "limited", "detail": "red"}),
                ),
                Ok(json!({"reply": "error", "kind": "denied", "message": "no", "advice": "ask"})),
            ]
        }
        _ => Vec::new(),
    });
    let points = opening.rows.check();
    let told: Vec<(&str, Standing, &str)> = points
        .iter()
        .map(|point| (point.name, point.standing, point.detail.as_str()))
        .collect();
    assert_eq!(
        told,
        [
            ("plugin", Standing::Ready, "played 1.0, protocol 1"),
            ("credentials", Standing::Ready, "a key"),
            ("plugin", Standing::Limited, "colour: red"),
            ("plugin", Standing::Missing, "no"),
        ]
    );
    assert_eq!(points[3].advice.as_deref(), Some("ask"));
}

#[test]
fn a_sample_is_cut_short_and_kept_nowhere() {
    let mut lines: Vec<_> = (0..80)
        .flat_map(|number| [trace(&format!("t-{number}")), cursor(number)])
        .collect();
    lines.push(Ok(json!({"reply": "end"})));
    let mut opening = open(&[], pulled(lines));
    let page = opening.rows.sample().expect("a page");
    assert!(
        (25..80).contains(&page.traces.len()),
        "{}",
        page.traces.len()
    );
    assert!(opening.pulls()[0].sample);
    let asked = opening.asked.lock().expect("no panic");
    assert_eq!(asked.last(), Some(&Request::Cancel));
}

#[test]
fn rows_of_somebodys_own_shape_go_by_the_mapping() {
    let row = || {
        Ok(json!({"reply": "row", "row": {"run": 7, "step": "a", "done": "2026-03-01T12:00:00Z"}}))
    };
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("mapping.json");
    let mapping = r#"{"id": "run", "span.id": "step", "span.endedAt": "done"}"#;
    std::fs::write(&file, mapping).expect("writable");
    let lines = || vec![row(), Ok(json!({"reply": "end"}))];
    let mapping = [("mapping", SaidValue::Path(file))];
    let mut opening = open(&mapping, pulled(lines()));
    let page = opening.rows.page(&Value::Null).expect("a page");
    let row = &page.rows[0];
    assert_eq!(
        (row.trace.as_str(), row.id.as_str(), row.ends_root),
        ("7", "a", true)
    );
    let without = open(&[], pulled(lines())).rows.page(&Value::Null);
    let advice = without.expect_err("no mapping").advice;
    assert_eq!(advice.as_deref(), Some("--option mapping=<file>"));
}

#[test]
fn spans_make_the_same_trace_in_any_order() {
    let body = |trace: Value, span: Value| KeptSpan {
        shared: None,
        body: json!({"project": "p", "trace": trace, "span": span}),
    };
    let spans = vec![
        body(
            json!({"id": "t", "model": "m"}),
            json!({"id": "b", "parentId": "a", "startedAt": "2026-03-01T12:00:01Z"}),
        ),
        body(
            json!({"id": "t", "model": "n", "tags": ["x"]}),
            json!({"id": "a", "name": "run", "status": "error", "error": "boom", "output": 7,
                "startedAt": "2026-03-01T12:00:00Z", "endedAt": "2026-03-01T12:00:03Z"}),
        ),
    ];
    let again: Vec<KeptSpan> = spans.iter().chain(&spans).cloned().collect();
    let made = |spans: Vec<KeptSpan>, lost| {
        let kept = Kept {
            spans,
            lost,
            earlier: None,
        };
        let mut findings = Vec::new();
        let made = whole::assemble("t", kept, &mut findings).expect("a trace");
        assert_eq!(findings, []);
        made
    };
    let one = made(spans.clone(), 2);
    assert_eq!(one, made(spans.iter().rev().cloned().collect(), 2));
    assert_eq!(one, made(again, 2));
    let of = |spans| {
        whole::assemble(
            "t",
            Kept {
                spans,
                ..Kept::default()
            },
            &mut Vec::new(),
        )
    };
    assert_eq!(of(Vec::new()), None);
    assert_eq!(of(vec![body(json!({"id": "t"}), json!(7))]), None);
    let trace = &one.trace;
    assert_eq!(
        (trace.name.as_str(), trace.model.as_deref()),
        ("run", Some("n"))
    );
    assert_eq!(
        (trace.error.as_deref(), &trace.output),
        (Some("boom"), &Some(json!(7)))
    );
    assert!(trace.started_at < trace.ended_at);
    assert_eq!((trace.spans.len(), trace.completeness.dropped), (2, 2));
    assert_eq!(one.project.as_deref(), Some("p"));
}

#[test]
fn what_the_sdk_says_is_read() {
    let replies = [
        Reply::Description(Description {
            options: vec![Needed::default()],
            ..Description::new("n", "1")
        }),
        Reply::Point(Point {
            name: "reach".to_owned(),
            standing: archal_plugin::message::Standing::Ready,
            detail: String::new(),
            advice: None,
        }),
        Reply::Trace {
            project: None,
            trace: json!({"id": "t"}),
        },
        Reply::Span(SpanReply {
            project: Some("p".to_owned()),
            trace: json!({"id": "t"}),
            span: json!({"id": "s"}),
            version: Some(-3),
        }),
        Reply::Row {
            row: json!({}),
            version: None,
        },
        Reply::Diagnostic {
            severity: Severity::Error,
            message: "m".to_owned(),
        },
        Reply::Cursor {
            cursor: json!([1, "x"]),
            whole: true,
        },
        Reply::End { more: true },
        Reply::Error(Error {
            kind: ErrorKind::Limited,
            message: "m".to_owned(),
            advice: None,
            retry_after: Some(7),
        }),
    ];
    let mut kinds = Vec::new();
    for reply in replies {
        let text = serde_json::to_string(&ReplyLine { id: 9, reply }).expect("JSON");
        let (id, line) = line::read(text.as_bytes()).expect("a reply");
        assert_eq!(id, 9);
        assert!(!matches!(line, Line::Unknown), "{text}");
        kinds.push(format!("{line:?}"));
    }
    assert!(kinds[3].contains("Some(-3)") && kinds[6].contains("whole: true"));
    assert!(kinds[8].contains("Some(7)"), "{}", kinds[8]);
}
