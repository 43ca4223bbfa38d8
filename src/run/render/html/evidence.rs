//! What the template is given of a run's evidence: calls, changes, transcript, outputs.

use serde::Serialize;
use serde_json::Value;

use crate::run::kept::evidence::{Call, Collection, Evidence, Tail};
use crate::run::render::{quote, words};
use crate::run::transcript::{Entry, Transcript};

use super::room::Room;

/// The longest line that is a heading or a label.
const LINE: usize = 300;

/// A text and what was cut from it.
#[derive(Debug, Default, Serialize)]
pub(super) struct Text {
    text: String,
    cut: Option<String>,
}

/// What a run left, as far as there is room for it.
#[derive(Debug, Serialize)]
pub(super) struct EvidenceView {
    calls: Vec<CallView>,
    more_calls: usize,
    changes: Vec<ChangesView>,
    transcript: Vec<EntryView>,
    stdout: Text,
    stderr: Text,
    unreadable: Vec<String>,
}

#[derive(Debug, Serialize)]
struct CallView {
    seq: u64,
    clone: String,
    what: String,
    method: String,
    path: String,
    status: u16,
    class: &'static str,
    latency: String,
    request: Option<Text>,
    response: Option<Text>,
    changes: Vec<String>,
    more_changes: usize,
}

#[derive(Debug, Serialize)]
struct ChangesView {
    clone: String,
    collection: String,
    added: Vec<Text>,
    removed: Vec<Text>,
    changed: Vec<ChangedView>,
    left_out: usize,
}

#[derive(Debug, Serialize)]
struct ChangedView {
    key: String,
    fields: Vec<FieldView>,
}

#[derive(Debug, Serialize)]
struct FieldView {
    name: String,
    before: String,
    after: String,
}

#[derive(Debug, Serialize)]
struct EntryView {
    who: &'static str,
    head: String,
    text: Text,
}

impl EvidenceView {
    /// About how much of the page it takes.
    pub(super) fn bytes(&self) -> usize {
        let texts = |all: &[Text]| all.iter().map(|text| text.text.len() + 80).sum::<usize>();
        let calls: usize = self
            .calls
            .iter()
            .map(|call| {
                let body =
                    |text: &Option<Text>| text.as_ref().map_or(0, |text| text.text.len() + 150);
                400 + call.path.len() + body(&call.request) + body(&call.response)
            })
            .sum();
        let changes: usize = self
            .changes
            .iter()
            .map(|one| {
                let fields = one.changed.iter().flat_map(|row| &row.fields);
                let fields = fields.map(|field| field.before.len() + field.after.len() + 120);
                300 + texts(&one.added) + texts(&one.removed) + fields.sum::<usize>()
            })
            .sum();
        let entries = self
            .transcript
            .iter()
            .map(|entry| entry.head.len() + entry.text.text.len() + 120);
        calls + changes + entries.sum::<usize>() + self.stdout.text.len() + self.stderr.text.len()
    }
}

/// What a run left, cut.
pub(super) fn evidence_view(evidence: Evidence, room: Room) -> EvidenceView {
    EvidenceView {
        calls: evidence.calls.iter().map(|one| call(one, room)).collect(),
        more_calls: evidence.calls_left_out,
        changes: evidence
            .changes
            .into_iter()
            .map(|one| changes(one, room))
            .collect(),
        transcript: evidence
            .transcript
            .map(|given| transcript(&given, room))
            .unwrap_or_default(),
        stdout: output(&evidence.stdout, room),
        stderr: output(&evidence.stderr, room),
        unreadable: evidence
            .unreadable
            .iter()
            .map(|why| quote::line(why, LINE))
            .collect(),
    }
}

fn output(tail: &Tail, room: Room) -> Text {
    let mut text = text(&tail.text, room.text);
    if tail.bytes_left_out > 0 {
        text.cut = Some(format!("{} before this", words::bytes(tail.bytes_left_out)));
    }
    text
}

fn call(call: &Call, room: Room) -> CallView {
    let body = |body: &Value| (!body.is_null()).then(|| pretty(body, room.text));
    let key = |change: &Value| {
        let part = |name: &str| change.get(name).and_then(Value::as_str).unwrap_or_default();
        format!("{} {} {}", part("change"), part("table"), part("key"))
    };
    CallView {
        seq: call.seq,
        clone: quote::line(&call.clone, LINE),
        what: quote::line(&call.what(), LINE),
        method: quote::line(&call.method, LINE),
        path: quote::line(&call.path, LINE),
        status: call.status,
        class: match call.status {
            0..400 => "passed",
            400..500 => "flaky",
            _ => "failed",
        },
        latency: call.latency_us.map_or_else(String::new, latency),
        request: body(&call.request.body),
        response: body(&call.response.body),
        changes: call
            .changes
            .iter()
            .take(room.rows)
            .map(|change| quote::line(&key(change), LINE))
            .collect(),
        more_changes: call.changes.len().saturating_sub(room.rows),
    }
}

fn latency(microseconds: u64) -> String {
    #[expect(clippy::cast_precision_loss, reason = "two digits are shown")]
    let milliseconds = microseconds as f64 / 1_000.0;
    format!("{milliseconds:.2} ms")
}

fn changes(given: Collection, room: Room) -> ChangesView {
    let rows = |rows: &[Value]| rows.iter().map(|row| pretty(row, room.text)).collect();
    ChangesView {
        added: rows(&given.added),
        removed: rows(&given.removed),
        changed: given
            .changed
            .iter()
            .map(|row| {
                let value = |side: &Value, name: &str| {
                    side.get(name)
                        .map_or_else(String::new, |value| quote::row(value, 600))
                };
                ChangedView {
                    key: row
                        .key
                        .as_str()
                        .map_or_else(|| quote::row(&row.key, LINE), |key| quote::line(key, LINE)),
                    fields: row
                        .fields
                        .iter()
                        .map(|name| FieldView {
                            name: quote::line(name, LINE),
                            before: value(&row.before, name),
                            after: value(&row.after, name),
                        })
                        .collect(),
                }
            })
            .collect(),
        left_out: given.left_out,
        clone: quote::line(&given.clone, LINE),
        collection: quote::line(&given.collection, LINE),
    }
}

/// The first entry, which is what the agent was asked, and the last ones: how a run ended says more
/// than how it went on. What is left out between them is said in its place.
fn transcript(given: &Transcript, room: Room) -> Vec<EntryView> {
    let entries = &given.entries;
    let left_out = |what: String| EntryView {
        who: "left out",
        head: what,
        text: Text::default(),
    };
    let cut = entries.len().saturating_sub(room.calls.max(2));
    let first = usize::from(cut > 0);
    let mut told: Vec<EntryView> = entries[..first]
        .iter()
        .map(|one| entry(one, room))
        .collect();
    if cut > 0 {
        let entries = if cut == 1 { "entry" } else { "entries" };
        told.push(left_out(format!("{cut} {entries}")));
    }
    let is_call = |one: &Entry| matches!(one, Entry::Call { .. });
    let after_calls = entries.iter().rposition(is_call).map_or(0, |at| at + 1);
    let mut more_calls = (given.calls_left_out > 0)
        .then(|| left_out(words::count(given.calls_left_out, "more call")));
    for (one, at) in entries.iter().zip(0..).skip(first + cut) {
        if at >= after_calls {
            told.extend(more_calls.take());
        }
        told.push(entry(one, room));
    }
    told
}

fn entry(entry: &Entry, room: Room) -> EntryView {
    let of = |who, head, body: &str| EntryView {
        who,
        head,
        text: text(body, room.text),
    };
    match entry {
        Entry::Task { text } => of("task", String::new(), text),
        Entry::Call {
            method,
            path,
            status,
            operation,
            clone,
            ..
        } => {
            let what = operation.as_deref().unwrap_or("no operation");
            let head = format!("{clone} {what}: {method} {path} answered {status}");
            of("call", quote::line(&head, LINE), "")
        }
        Entry::Step(step) => {
            let input = step.input.as_ref().map(Value::to_string);
            let failed = step
                .error
                .as_deref()
                .map(|error| format!(" failed: {error}"));
            let input = input.as_deref().unwrap_or_default();
            let head = format!("{} {input}{}", step.name, failed.unwrap_or_default());
            of("says it did", quote::line(&head, LINE), "")
        }
        Entry::Answer { text } => of("answer", String::new(), text),
        Entry::End { outcome } => {
            let outcome = serde_json::to_value(outcome).unwrap_or_default();
            of("end", quote::row(&outcome, LINE), "")
        }
    }
}

/// JSON as people read it.
fn pretty(value: &Value, most: usize) -> Text {
    match value {
        Value::String(given) => text(given, most),
        value => text(&format!("{value:#}"), most),
    }
}

/// A text of at most so many bytes.
pub(super) fn text(given: &str, most: usize) -> Text {
    let mut end = given.len().min(most);
    while !given.is_char_boundary(end) {
        end -= 1;
    }
    let left = given.len() - end;
    Text {
        text: quote::plain(&given[..end]),
        cut: (left > 0).then(|| format!("{} more", words::bytes(left as u64))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_transcript_keeps_its_task_its_end_and_says_what_it_left_out() {
        let call = |seq| crate::scenario::criteria::CallFact {
            seq,
            clone: "github".to_owned(),
            method: "GET".to_owned(),
            path: format!("/{seq}"),
            status: 200,
            ..crate::scenario::criteria::CallFact::default()
        };
        let outcome = crate::sandbox::child::ChildOutcome::Exited { code: 0 };
        let shown = |calls: i64, room: Room| {
            let calls: Vec<_> = (1..=calls).map(call).collect();
            let given = crate::run::transcript::of("Do it.", &calls, &"x".repeat(9), &outcome);
            let told = transcript(&given, room);
            let line = |one: &EntryView| {
                let cut = one.text.cut.as_deref().unwrap_or_default();
                format!("{}: {}{}{cut}", one.who, one.head, one.text.text)
            };
            told.iter().map(line).collect::<Vec<_>>().join("\n")
        };
        let room = Room {
            calls: 5,
            text: 8,
            ..Room::default()
        };
        insta::assert_snapshot!(shown(6, room), @r###"
        task: Do it.
        left out: 4 entries
        call: github no operation: GET /5 answered 200
        call: github no operation: GET /6 answered 200
        answer: xxxxxxxx1 B more
        end: {"code":0,"how":"exited"}
        "###);
        assert!(!shown(2, room).contains("left out"));
        let many = shown(2_007, room);
        assert!(many.contains("left out: 7 more calls\nanswer: "), "{many}");
    }

    #[test]
    fn changes_of_a_call_that_are_not_told_are_counted() {
        let change = serde_json::json!({"table": "issues", "key": "a#1", "change": "changed"});
        let given = serde_json::json!({
            "seq": 1, "clone": "github", "method": "PATCH", "path": "/x", "status": 200,
            "request": {"headers": {}, "body": null}, "response": {"headers": {}, "body": null},
            "changes": [change, change, change],
        });
        let room = Room {
            rows: 2,
            ..Room::default()
        };
        let told = call(&serde_json::from_value(given).expect("a call"), room);
        assert_eq!((told.changes.len(), told.more_changes), (2, 1));
    }

    #[test]
    fn cuts_are_between_characters_and_said() {
        let cut = text("aé", 2);
        assert_eq!(
            (cut.text.as_str(), cut.cut.as_deref()),
            ("a", Some("2 B more"))
        );
        assert!(text("aé", 3).cut.is_none());
    }
}
