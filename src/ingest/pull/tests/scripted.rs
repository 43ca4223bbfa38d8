//! A service that is asked, small enough to know by heart: rows in the order of their changes, pages
//! that hold what was promised, and the troubles that services have.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard};

use archal_core::clock::Timestamp;
use archal_core::diagnostic::Diagnostic;
use archal_core::pull::{Estimate, Page, Point, PullError, PullErrorKind, Row, Rows, Standing};
use archal_core::push::Kept;
use archal_core::source::DecodedTrace;
use archal_core::trace::{Span, Trace};
use serde_json::{Value, json};

/// A row as the service has it.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Written {
    pub(super) trace: String,
    pub(super) id: String,
    pub(super) version: Option<i64>,
    pub(super) ends_root: bool,
    pub(super) at: Option<Timestamp>,
    pub(super) body: Value,
}

/// What the service has, and how it answers.
#[derive(Debug, Default)]
pub(super) struct Service {
    /// In the order in which they were written; a change is another.
    pub(super) written: Vec<Written>,
    /// Rows of a page.
    pub(super) page: usize,
    /// How many rows before its cursor a pass reads again.
    pub(super) overlap: usize,
    /// Every so many requests an empty page comes, with a cursor.
    pub(super) empty_every: Option<u64>,
    /// Every so many requests fail.
    pub(super) fails_every: Option<u64>,
    /// Whether pages come in another order than they were written, with a row twice.
    pub(super) is_untidy: bool,
    /// Only the end of a pass is a place at which traces are whole.
    pub(super) has_no_checkpoints: bool,
    /// Rows come newest first: before the end only traces with a root are whole.
    pub(super) is_newest_first: bool,
    /// Rows come in order of their times, and pages say how far they are.
    pub(super) is_in_order: bool,
    /// A pass ends at what was there when it began.
    pub(super) is_windowed: bool,
    pub(super) requests: u64,
    pub(super) issued: BTreeSet<String>,
}

/// One side of it.
#[derive(Clone)]
pub(super) struct Scripted(pub(super) Arc<Mutex<Service>>);

impl Scripted {
    pub(super) fn new(service: Service) -> Self {
        Self(Arc::new(Mutex::new(service)))
    }

    pub(super) fn service(&self) -> MutexGuard<'_, Service> {
        self.0
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    /// Writes a span of a trace; the root is called `root`.
    pub(super) fn write(&self, trace: &str, id: &str, version: i64, says: &str, at: &str) {
        let parent = (id != "root").then_some("root");
        self.service().written.push(Written {
            trace: trace.to_owned(),
            id: id.to_owned(),
            version: Some(version),
            ends_root: id == "root",
            at: Some(at.parse().expect("a time")),
            body: json!({"id": id, "parent": parent, "says": says, "at": at}),
        });
    }

    /// The traces that it has: of each row the newest version.
    pub(super) fn traces(&self) -> BTreeMap<String, DecodedTrace> {
        let service = self.service();
        let mut newest: BTreeMap<&str, BTreeMap<&str, &Written>> = BTreeMap::new();
        for row in &service.written {
            let of = newest.entry(&row.trace).or_default();
            if of
                .get(row.id.as_str())
                .is_none_or(|known| row.version >= known.version)
            {
                of.insert(&row.id, row);
            }
        }
        newest
            .into_iter()
            .filter_map(|(trace, rows)| {
                let bodies: Vec<Value> = rows.values().map(|row| row.body.clone()).collect();
                Some((trace.to_owned(), together(trace, &bodies, None)?))
            })
            .collect()
    }
}

/// Spans of bodies, added to what there was.
fn together(trace: &str, bodies: &[Value], earlier: Option<DecodedTrace>) -> Option<DecodedTrace> {
    let mut decoded = earlier.unwrap_or_default();
    let mut spans: BTreeMap<String, Span> = BTreeMap::new();
    for span in std::mem::take(&mut decoded.trace.spans) {
        spans.insert(span.id.clone(), span);
    }
    for body in bodies {
        let id = body["id"].as_str()?;
        let at = body["at"].as_str().and_then(|at| at.parse().ok());
        spans.insert(
            id.to_owned(),
            Span {
                id: id.to_owned(),
                parent_id: body["parent"].as_str().map(str::to_owned),
                name: id.to_owned(),
                ended_at: at,
                output: Some(body["says"].clone()),
                ..Span::default()
            },
        );
    }
    decoded.project = Some("support".to_owned());
    decoded.trace = Trace {
        id: trace.to_owned(),
        name: "run".to_owned(),
        spans: spans.into_values().collect(),
        ..Trace::default()
    };
    Some(decoded)
}

impl Rows for Scripted {
    fn check(&mut self) -> Vec<Point> {
        vec![Point {
            name: "reach",
            standing: Standing::Ready,
            detail: "it answers".to_owned(),
            advice: None,
        }]
    }

    fn sample(&mut self) -> Result<Page, PullError> {
        let service = self.service();
        let newest = service.written.iter().rev().take(3).cloned().map(row);
        Ok(Page {
            rows: newest.collect(),
            is_last: true,
            ..Page::default()
        })
    }

    fn estimate(&mut self, _: &Value) -> Result<Option<Estimate>, PullError> {
        Ok(Some(Estimate {
            rows: Some(self.service().written.len() as u64),
            ..Estimate::default()
        }))
    }

    fn page(&mut self, cursor: &Value) -> Result<Page, PullError> {
        let mut service = self.service();
        service.requests += 1;
        let number = service.requests;
        let is_time = |every: Option<u64>| every.is_some_and(|every| number.is_multiple_of(every));
        if is_time(service.fails_every) {
            return Err(PullError::new(PullErrorKind::Unreachable, "nobody answers"));
        }
        assert!(
            cursor.is_null() || service.issued.contains(&cursor.to_string()),
            "a cursor that was never given: {cursor}"
        );
        let place = |name: &str| cursor[name].as_u64().unwrap_or_default();
        let mut from = usize::try_from(place("from")).expect("a place");
        if cursor["ended"] == true {
            from = from.saturating_sub(service.overlap);
        }
        let all = service.written.len();
        let until = cursor["until"].as_u64().filter(|_| service.is_windowed);
        let end = until.map_or(all, |until| usize::try_from(until).expect("a place"));
        let is_empty = is_time(service.empty_every) && cursor["empty"].is_null();
        let to = if is_empty {
            from
        } else {
            (from + service.page).min(end)
        };
        let is_last = !is_empty && to == end;
        let mut rows: Vec<Row> = service.written[from..to].iter().cloned().map(row).collect();
        if service.is_untidy {
            // A row of another page, and all in another order.
            let other = service.written.get(from / 2).cloned().map(row);
            rows.extend(other);
            rows.reverse();
        }
        let cursor = if is_last {
            json!({"from": to, "ended": true})
        } else if is_empty {
            json!({"from": to, "empty": number, "until": end})
        } else {
            json!({"from": to, "until": end})
        };
        service.issued.insert(cursor.to_string());
        let is_checkpoint = !service.has_no_checkpoints && !service.is_newest_first;
        let newest = service.written[..to].iter().filter_map(|row| row.at).max();
        let reached = newest.filter(|_| service.is_in_order);
        Ok(Page {
            bytes: rows.len() as u64 * 100,
            rows,
            cursor,
            is_last,
            is_checkpoint,
            is_rooted_whole: service.is_newest_first,
            reached,
            requests: 1,
            ..Page::default()
        })
    }

    fn assemble(
        &self,
        trace: &str,
        kept: Kept,
        findings: &mut Vec<Diagnostic>,
    ) -> Option<DecodedTrace> {
        let bodies: Vec<Value> = kept.spans.into_iter().map(|span| span.body).collect();
        assert!(
            !bodies.iter().any(|body| body["says"] == "a fault"),
            "a fault of the source"
        );
        if bodies.iter().any(|body| body["says"] == "nothing") {
            findings.push(Diagnostic::error("test/row", "a row says nothing"));
            return None;
        }
        if bodies.iter().any(|body| body["says"] == "not yet") {
            findings.push(Diagnostic::note("test/row", "what it is about comes later"));
            return None;
        }
        together(trace, &bodies, kept.earlier)
    }
}

fn row(kept: Written) -> Row {
    Row {
        trace: kept.trace,
        id: kept.id,
        version: kept.version,
        ends_root: kept.ends_root,
        at: kept.at,
        body: kept.body,
    }
}
