//! A clone of a service that keeps notes and nothing else: small enough to know by heart, and
//! with everything the host of clones relies on.
//!
//! `POST /notes {text}`, `GET /notes`, `GET /notes/{id}` and `DELETE /notes/{id}` at
//! `api.echo.test`, with the token of [`ECHO`]'s credentials.

use std::any::Any;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use archal_core::clock::{Timestamp, rfc3339_seconds};
use archal_core::clone::{
    BaseUrl, ChangeKind, CloneDescriptor, CloneRequest, CloneResponse, CloneState, Collection,
    Exchange, Fact, FieldKind, NamedSeed, Observation, OpenClone, OperationInfo, Rendered,
    RowChange, RowDiff, Seed, SeedField, SeedTable, ServiceClone, Stamp, Trouble, ViewField,
    ViewRow, ViewValue, seed_time,
};
use archal_core::diagnostic::Diagnostic;
use archal_core::stability::Stability;
use bytes::Bytes;
use serde_json::{Value, json};

/// The token the clone knows.
const TOKEN: &str = "echo_test_token";

/// The clone's descriptor.
pub const ECHO: CloneDescriptor = CloneDescriptor {
    name: "echo",
    about: "Notes that are kept and given back",
    stability: Stability::Beta,
    hosts: &["api.echo.test"],
    other_hosts: &["files.echo.test"],
    credentials: &[("ECHO_TOKEN", TOKEN)],
    seeds: &[
        NamedSeed {
            name: "empty",
            about: "No notes",
        },
        NamedSeed {
            name: "one-note",
            about: "A note that is 95 days old",
        },
    ],
    keep_fields: &["id"],
    operations: &[
        OperationInfo {
            id: "notes/create",
            method: "POST",
            path: "/notes",
            about: "Keeps a note",
        },
        OperationInfo {
            id: "notes/delete",
            method: "DELETE",
            path: "/notes/{id}",
            about: "Forgets a note",
        },
        OperationInfo {
            id: "notes/get",
            method: "GET",
            path: "/notes/{id}",
            about: "Gives a note back",
        },
        OperationInfo {
            id: "notes/list",
            method: "GET",
            path: "/notes",
            about: "Gives all notes back",
        },
    ],
    collections: &[Collection {
        name: "notes",
        about: "The notes",
        fields: &[
            ViewField {
                name: "id",
                kind: FieldKind::Int,
                nullable: false,
            },
            ViewField {
                name: "text",
                kind: FieldKind::Text,
                nullable: false,
            },
            ViewField {
                name: "created_at",
                kind: FieldKind::Time,
                nullable: false,
            },
        ],
    }],
    vocabulary: "",
    tables: &[SeedTable {
        name: "notes",
        key: "id",
        fields: &[
            SeedField {
                name: "id",
                kind: FieldKind::Int,
                required: true,
                must_be_proved: true,
                references: None,
            },
            SeedField {
                name: "text",
                kind: FieldKind::Text,
                required: true,
                must_be_proved: true,
                references: None,
            },
            SeedField {
                name: "created_at",
                kind: FieldKind::Time,
                required: false,
                must_be_proved: false,
                references: None,
            },
        ],
    }],
    mcp: None,
    sdk: &[],
    coverage: None,
    row_key: |_, _| None,
    seed_schema,
    open,
    reopen,
    base_urls: &[BaseUrl {
        name: "rest",
        host: "api.echo.test",
        path: "",
        variables: &["ECHO_API_URL"],
    }],
    operation_of: |_, method, path| operation_of(method, path),
    changes: archal_core::clone::changes_by_method,
    observe,
};

#[derive(Debug, Clone, PartialEq)]
struct Note {
    text: Arc<str>,
    created: Stamp,
}

type Notes = BTreeMap<i64, Note>;

struct Echo {
    base: Timestamp,
    opened: Arc<Notes>,
    notes: Arc<Notes>,
    next_id: i64,
    root: u64,
    handed_out: BTreeMap<String, String>,
}

struct EchoState {
    base: Timestamp,
    notes: Arc<Notes>,
    handed_out: BTreeMap<String, String>,
}

fn seed_schema() -> Value {
    json!({
        "type": "object",
        "additionalProperties": false,
        "properties": {"notes": {"type": "array", "items": {
            "type": "object",
            "additionalProperties": false,
            "required": ["id", "text"],
            "properties": {
                "id": {"type": "integer"},
                "text": {"type": "string"},
                "created_at": {"type": "string"},
            },
        }}},
    })
}

fn open(cx: &OpenClone<'_>) -> Result<Box<dyn ServiceClone>, Vec<Diagnostic>> {
    let named;
    let document = match cx.seed {
        Seed::Document(document) => document,
        Seed::Named("empty") => {
            named = json!({});
            &named
        }
        Seed::Named("one-note") => {
            named = json!({"notes": [{"id": 1, "text": "first", "created_at": "95d ago"}]});
            &named
        }
        Seed::Named(name) => {
            return Err(vec![Diagnostic::error(
                "seed/unknown",
                format!("echo has no seed named {name}"),
            )]);
        }
    };
    let is_seed = document
        .as_object()
        .is_some_and(|tables| tables.keys().all(|table| table == "notes"));
    if !is_seed {
        return Err(vec![Diagnostic::error(
            "seed/table",
            "a seed of echo is an object with the table `notes`",
        )]);
    }
    let rows = document["notes"].as_array().map_or(&[][..], Vec::as_slice);
    let mut notes = Notes::new();
    for row in rows {
        let (Some(id), Some(text)) = (row["id"].as_i64(), row["text"].as_str()) else {
            return Err(vec![Diagnostic::error(
                "seed/note",
                format!("a note needs an id and a text: {row}"),
            )]);
        };
        let written = row["created_at"].as_str().unwrap_or("1d ago");
        let Some(at) = seed_time(written, cx.base) else {
            return Err(vec![Diagnostic::error(
                "seed/time",
                format!("{written} is not a time"),
            )]);
        };
        let created = Stamp { at, by_call: false };
        let text = Arc::from(text);
        notes.insert(id, Note { text, created });
    }
    let notes = Arc::new(notes);
    Ok(Box::new(Echo {
        base: cx.base,
        opened: Arc::clone(&notes),
        next_id: notes.keys().next_back().map_or(1, |id| id + 1),
        notes,
        root: 1,
        handed_out: BTreeMap::new(),
    }))
}

fn operation_of(method: &str, path: &str) -> Option<&'static str> {
    let method = if method == "HEAD" { "GET" } else { method };
    match (method, path.strip_prefix("/notes")?) {
        ("POST", "") => Some("notes/create"),
        ("GET", "") => Some("notes/list"),
        ("GET", id) if id.starts_with('/') => Some("notes/get"),
        ("DELETE", id) if id.starts_with('/') => Some("notes/delete"),
        _ => None,
    }
}

fn observe(exchange: &Exchange<'_>) -> Observation {
    let operation = operation_of(exchange.method, exchange.path);
    let mut observation = Observation {
        operation,
        is_whole: true,
        ..Observation::default()
    };
    let rows: Vec<&Value> = match exchange.response_body {
        Some(Value::Array(rows)) => rows.iter().collect(),
        Some(row @ Value::Object(_)) => vec![row],
        _ => Vec::new(),
    };
    for row in rows {
        let Some(id) = row["id"].as_i64() else {
            continue;
        };
        if operation == Some("notes/create") {
            observation.facts.push(Fact::Created {
                table: "notes",
                key: id.to_string(),
            });
        }
        observation.facts.push(Fact::Row {
            table: "notes",
            key: id.to_string(),
            fields: row.as_object().map_or_else(BTreeMap::new, |row| {
                row.iter()
                    .map(|(name, value)| (name.clone(), value.clone()))
                    .collect()
            }),
            written: Vec::new(),
        });
    }
    observation
}

impl Echo {
    fn answer(&mut self, request: &CloneRequest, now: Timestamp) -> CloneResponse {
        if request.header("authorization") != Some(&format!("Bearer {TOKEN}")) {
            return message(401, "who are you?");
        }
        let id = request
            .path
            .strip_prefix("/notes/")
            .and_then(|id| id.parse().ok());
        let operation = operation_of(&request.method, &request.path);
        let mut response = match (operation, id) {
            (Some("notes/create"), _) => self.create(request, now),
            (Some("notes/list"), _) => {
                let notes: Vec<_> = self
                    .notes
                    .iter()
                    .map(|(id, note)| self.render(*id, note))
                    .collect();
                let join = |part: fn(&Rendered) -> &Bytes| {
                    let parts: Vec<_> = notes.iter().map(|note| &part(note)[..]).collect();
                    Bytes::from([b"[", &parts.join(&b","[..])[..], b"]"].concat())
                };
                json_response(
                    200,
                    Rendered {
                        wire: join(|note| &note.wire),
                        evidence: join(|note| &note.evidence),
                    },
                )
            }
            (Some("notes/get"), Some(id)) => match self.notes.get(&id) {
                Some(note) => json_response(200, self.render(id, note)),
                None => message(404, "no such note"),
            },
            (Some("notes/delete"), Some(id)) => self.delete(id),
            _ if request.path == "/panic" => panic!("asked to"),
            _ => CloneResponse {
                unmodelled: Some(format!("{} {}", request.method, request.path)),
                ..message(404, "no such operation")
            },
        };
        response.operation = operation;
        response.principal = Some("tester".to_owned());
        response
    }

    fn create(&mut self, request: &CloneRequest, now: Timestamp) -> CloneResponse {
        let body: Value = serde_json::from_slice(&request.body).unwrap_or_default();
        let Some(text) = body["text"].as_str() else {
            return message(422, "a note needs a text");
        };
        let id = self.next_id;
        self.next_id += 1;
        let note = Note {
            text: Arc::from(text),
            created: Stamp {
                at: now,
                by_call: true,
            },
        };
        self.handed_out
            .insert(rfc3339_seconds(now), note.created.evidence(self.base));
        let rendered = self.render(id, &note);
        Arc::make_mut(&mut self.notes).insert(id, note);
        self.changed(id, ChangeKind::Added, json_response(201, rendered))
    }

    fn go_on(&mut self, notes: Arc<Notes>) {
        self.next_id = notes.keys().next_back().map_or(1, |id| id + 1);
        self.notes = notes;
        self.root += 1;
    }

    fn delete(&mut self, id: i64) -> CloneResponse {
        match Arc::make_mut(&mut self.notes).remove(&id) {
            Some(_) => self.changed(
                id,
                ChangeKind::Removed,
                CloneResponse {
                    status: 204,
                    ..CloneResponse::default()
                },
            ),
            None => message(404, "no such note"),
        }
    }

    fn changed(
        &mut self,
        id: i64,
        change: ChangeKind,
        mut response: CloneResponse,
    ) -> CloneResponse {
        self.root += 1;
        response.changes.push(RowChange {
            table: "notes",
            key: id.to_string(),
            change,
        });
        response
    }

    fn render(&self, id: i64, note: &Note) -> Rendered {
        let with = |created: String| {
            Bytes::from(json!({"created_at": created, "id": id, "text": *note.text}).to_string())
        };
        Rendered {
            wire: with(rfc3339_seconds(note.created.at)),
            evidence: with(note.created.evidence(self.base)),
        }
    }
}

impl ServiceClone for Echo {
    fn call(&mut self, request: &CloneRequest, now: Timestamp) -> CloneResponse {
        let before = self.root;
        let mut response = self.answer(request, now);
        response
            .volatile_headers
            .push(("x-echo-now", now.to_string()));
        response.root_before = before;
        response.root_after = self.root;
        response
    }

    // Tests of what goes wrong use the real clones.
    fn trouble(&mut self, _: Trouble) {}

    fn state(&self) -> Arc<dyn CloneState> {
        Arc::new(EchoState {
            base: self.base,
            notes: Arc::clone(&self.notes),
            handed_out: self.handed_out.clone(),
        })
    }

    fn diff(&self) -> Vec<RowDiff> {
        difference(&self.opened, &self.notes)
    }

    fn reset(&mut self) {
        let opened = Arc::clone(&self.opened);
        self.go_on(opened);
    }

    fn restore(&mut self, state: &dyn CloneState) -> bool {
        let state: &dyn Any = state;
        let Some(state) = state.downcast_ref::<EchoState>() else {
            return false;
        };
        self.go_on(Arc::clone(&state.notes));
        true
    }

    fn fork(&self) -> Box<dyn ServiceClone> {
        Box::new(Echo {
            base: self.base,
            opened: Arc::clone(&self.notes),
            notes: Arc::clone(&self.notes),
            next_id: self.next_id,
            root: self.root,
            handed_out: self.handed_out.clone(),
        })
    }
}

impl CloneState for EchoState {
    fn rows(&self, collection: &str) -> Vec<ViewRow> {
        if collection != "notes" {
            return Vec::new();
        }
        self.notes
            .iter()
            .map(|(id, note)| view(*id, note))
            .collect()
    }

    fn to_json(&self) -> Value {
        let notes: Vec<_> = self
            .notes
            .iter()
            .map(|(id, note)| view(*id, note).to_json(self.base))
            .collect();
        json!({"notes": notes})
    }

    fn base(&self) -> Timestamp {
        self.base
    }

    fn evidence_text(&self, text: &str) -> String {
        self.handed_out
            .iter()
            .fold(text.to_owned(), |text, (exact, evidence)| {
                text.replace(exact, evidence)
            })
    }

    fn diff(&self, after: &dyn CloneState) -> Vec<RowDiff> {
        let after: &dyn Any = after;
        let after = after.downcast_ref::<Self>();
        after.map_or_else(Vec::new, |after| difference(&self.notes, &after.notes))
    }

    fn save(&self) -> Result<Value, String> {
        let notes: Vec<_> = self
            .notes
            .iter()
            .map(|(id, note)| {
                json!({
                    "id": id,
                    "text": *note.text,
                    "at": note.created.at.to_string(),
                    "by_call": note.created.by_call,
                })
            })
            .collect();
        Ok(json!({"base": self.base.to_string(), "notes": notes}))
    }
}

fn difference(before: &Notes, after: &Notes) -> Vec<RowDiff> {
    let ids: BTreeSet<_> = before.keys().chain(after.keys()).collect();
    ids.into_iter()
        .filter(|id| before.get(id) != after.get(id))
        .map(|id| RowDiff {
            collection: "notes",
            before: before.get(id).map(|note| view(*id, note)),
            after: after.get(id).map(|note| view(*id, note)),
        })
        .collect()
}

/// Opens what [`EchoState`] saved.
fn reopen(saved: &Value) -> Result<Box<dyn ServiceClone>, Vec<Diagnostic>> {
    let refused = || {
        vec![Diagnostic::error(
            "saved/notes",
            "this is no saved state of echo",
        )]
    };
    let base = saved["base"].as_str().and_then(|base| base.parse().ok());
    let base: Timestamp = base.ok_or_else(refused)?;
    let mut notes = Notes::new();
    for note in saved["notes"].as_array().ok_or_else(refused)? {
        let at = note["at"].as_str().and_then(|at| at.parse().ok());
        let (Some(id), Some(text), Some(at)) = (note["id"].as_i64(), note["text"].as_str(), at)
        else {
            return Err(refused());
        };
        let created = Stamp {
            at,
            by_call: note["by_call"] == true,
        };
        let text = Arc::from(text);
        notes.insert(id, Note { text, created });
    }
    let notes = Arc::new(notes);
    Ok(Box::new(Echo {
        base,
        opened: Arc::clone(&notes),
        next_id: notes.keys().next_back().map_or(1, |id| id + 1),
        notes,
        root: 1,
        handed_out: BTreeMap::new(),
    }))
}

fn view(id: i64, note: &Note) -> ViewRow {
    ViewRow {
        key: id.to_string(),
        fields: vec![
            ("id", ViewValue::Int(id)),
            ("text", ViewValue::Text(Arc::clone(&note.text))),
            ("created_at", ViewValue::Time(note.created)),
        ],
    }
}

fn message(status: u16, text: &str) -> CloneResponse {
    json_response(
        status,
        Bytes::from(json!({"message": text}).to_string()).into(),
    )
}

fn json_response(status: u16, body: Rendered) -> CloneResponse {
    CloneResponse {
        status,
        headers: vec![("content-type", "application/json".to_owned())],
        body,
        ..CloneResponse::default()
    }
}
