//! A small tracker and a chat as clones, for the tests of scenarios.

use std::borrow::Cow;
use std::sync::Arc;

use archal_core::clone::{
    CloneDescriptor, CloneState, Collection, Exchange, FieldKind, NamedSeed, Observation,
    OpenClone, OperationInfo, RowDiff, ServiceClone, Stamp, ViewField, ViewRow, ViewValue,
};
use archal_core::diagnostic::Diagnostic;
use archal_core::stability::Stability;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::criteria::{CallFact, CloneWorld, RunFact, World};

const fn field(name: &'static str, kind: FieldKind) -> ViewField {
    ViewField {
        name,
        kind,
        nullable: true,
    }
}

static LABEL: [ViewField; 2] = [
    field("name", FieldKind::Text),
    field("color", FieldKind::Text),
];
static LABEL_KIND: FieldKind = FieldKind::Object(&LABEL);
static USER: [ViewField; 1] = [field("login", FieldKind::Text)];

static ISSUE: [ViewField; 8] = [
    field("number", FieldKind::Int),
    field("title", FieldKind::Text),
    field("state", FieldKind::Text),
    field("locked", FieldKind::Bool),
    field("labels", FieldKind::List(&LABEL_KIND)),
    field("user", FieldKind::Object(&USER)),
    field("created_at", FieldKind::Time),
    field("closed_at", FieldKind::Time),
];
static COMMENT: [ViewField; 2] = [
    field("issue_number", FieldKind::Int),
    field("body", FieldKind::Text),
];
static TRACKER_COLLECTIONS: [Collection; 2] = [
    Collection {
        name: "comments",
        about: "Comments on issues.",
        fields: &COMMENT,
    },
    Collection {
        name: "issues",
        about: "Issues.",
        fields: &ISSUE,
    },
];
static MESSAGE: [ViewField; 2] = [
    field("channel", FieldKind::Text),
    field("text", FieldKind::Text),
];
static CHAT_COLLECTIONS: [Collection; 1] = [Collection {
    name: "messages",
    about: "Messages.",
    fields: &MESSAGE,
}];
static TRACKER_OPERATIONS: [OperationInfo; 2] = [
    OperationInfo {
        id: "issues/list",
        method: "GET",
        path: "/issues",
        about: "Lists issues.",
    },
    OperationInfo {
        id: "issues/update",
        method: "PATCH",
        path: "/issues/{number}",
        about: "Changes an issue.",
    },
];

const fn seed(name: &'static str) -> NamedSeed {
    NamedSeed { name, about: "" }
}

const TRACKER_SEEDS: &[NamedSeed] = &[seed("busy"), seed("empty"), seed("stale-issues")];
const CHAT_SEEDS: &[NamedSeed] = &[seed("busy"), seed("empty"), seed("engineering-team")];

fn clone(
    name: &'static str,
    seeds: &'static [NamedSeed],
    collections: &'static [Collection],
    operations: &'static [OperationInfo],
) -> CloneDescriptor {
    CloneDescriptor {
        name,
        about: "A clone for tests.",
        stability: Stability::Beta,
        hosts: &[],
        other_hosts: &[],
        credentials: &[],
        seeds,
        keep_fields: &[],
        operations,
        collections,
        vocabulary: "",
        tables: &[],
        mcp: None,
        sdk: &[],
        coverage: None,
        row_key: |_, _| None,
        seed_schema: || json!({}),
        open: refuse,
        reopen: |_| Err(Vec::new()),
        base_urls: &[],
        operation_of: |_, _, _| None,
        changes: archal_core::clone::changes_by_method,
        observe: |_: &Exchange<'_>| Observation::default(),
    }
}

fn refuse(_: &OpenClone<'_>) -> Result<Box<dyn ServiceClone>, Vec<Diagnostic>> {
    Err(vec![Diagnostic::error(
        "fixture/closed",
        "it is only a description",
    )])
}

/// The clones `tracker` and `chat`.
pub(super) fn catalogue() -> Vec<CloneDescriptor> {
    vec![
        clone("chat", CHAT_SEEDS, &CHAT_COLLECTIONS, &[]),
        clone(
            "tracker",
            TRACKER_SEEDS,
            &TRACKER_COLLECTIONS,
            &TRACKER_OPERATIONS,
        ),
    ]
}

/// A state held in vectors.
#[derive(Default)]
pub(super) struct Rows(pub(super) Vec<(&'static str, Vec<ViewRow>)>);

impl CloneState for Rows {
    fn rows(&self, collection: &str) -> Vec<ViewRow> {
        self.0
            .iter()
            .find(|(name, _)| *name == collection)
            .map(|(_, rows)| rows.clone())
            .unwrap_or_default()
    }

    fn to_json(&self) -> Value {
        json!({})
    }

    fn base(&self) -> Timestamp {
        base()
    }

    fn evidence_text(&self, text: &str) -> String {
        text.to_owned()
    }

    fn diff(&self, _: &dyn CloneState) -> Vec<RowDiff> {
        Vec::new()
    }

    fn save(&self) -> Result<Value, String> {
        Ok(json!({}))
    }
}

pub(super) fn base() -> Timestamp {
    "2026-01-10T00:00:00Z".parse().expect("a time")
}

fn days_ago(days: i64) -> ViewValue {
    let at = base()
        .checked_sub(SignedDuration::from_hours(24 * days))
        .expect("in range");
    ViewValue::Time(Stamp { at, by_call: false })
}

/// An issue, `created` days old.
pub(super) fn issue(number: i64, state: &str, labels: &[&str], created: i64) -> ViewRow {
    let label = |name: &&str| {
        ViewValue::Object(vec![
            ("name", ViewValue::Text((*name).into())),
            ("color", ViewValue::Null),
        ])
    };
    let closed_at = if state == "closed" {
        ViewValue::Time(Stamp {
            at: base(),
            by_call: true,
        })
    } else {
        ViewValue::Null
    };
    ViewRow {
        key: format!("acme/webapp#{number}"),
        fields: vec![
            ("number", ViewValue::Int(number)),
            ("title", ViewValue::Text(format!("Issue {number}").into())),
            ("state", ViewValue::Text(state.into())),
            ("locked", ViewValue::Bool(false)),
            (
                "labels",
                ViewValue::List(labels.iter().map(label).collect()),
            ),
            (
                "user",
                ViewValue::Object(vec![("login", ViewValue::Text("mona".into()))]),
            ),
            ("created_at", days_ago(created)),
            ("closed_at", closed_at),
        ],
    }
}

/// A comment.
pub(super) fn comment(issue: i64, body: &str) -> ViewRow {
    ViewRow {
        key: format!("{issue}"),
        fields: vec![
            ("issue_number", ViewValue::Int(issue)),
            ("body", ViewValue::Text(body.into())),
        ],
    }
}

/// A world of one tracker with these issues and comments, in which nothing changed but what
/// `diff` says.
pub(super) fn world(
    before: Vec<ViewRow>,
    after: Vec<ViewRow>,
    comments: Vec<ViewRow>,
    diff: Vec<RowDiff>,
) -> World<'static> {
    World {
        clones: vec![CloneWorld {
            name: "tracker".to_owned(),
            before: Arc::new(Rows(vec![("issues", before)])),
            after: Arc::new(Rows(vec![("issues", after), ("comments", comments)])),
            diff,
            base: base(),
        }],
        calls: vec![CallFact {
            seq: 1,
            clone: "tracker".to_owned(),
            operation: Some("issues/update".to_owned()),
            tool: Some("issue_write".to_owned()),
            method: "PATCH".to_owned(),
            path: "/repos/acme/webapp/issues/2".to_owned(),
            query: String::new(),
            changes: true,
            status: 200,
            request: Some(Cow::Owned(
                json!({"state": "closed", "count": 3, "ratio": 0.5}),
            )),
            response: None,
        }],
        run: RunFact {
            exit_code: Some(0),
            duration_ms: 1_200,
            timed_out: false,
        },
        output: "Closed 1 Stale issue".to_owned(),
    }
}

/// Three issues, of which the run closed the second and it should have been kept open.
pub(super) fn small_world() -> World<'static> {
    let open = issue(2, "open", &["keep-open", "bug"], 95);
    let closed = issue(2, "closed", &["keep-open", "bug"], 95);
    world(
        vec![
            issue(1, "open", &[], 10),
            open.clone(),
            issue(3, "open", &["bug"], 200),
        ],
        vec![
            issue(1, "open", &[], 10),
            closed.clone(),
            issue(3, "open", &["bug"], 200),
        ],
        vec![comment(2, "Closing as stale")],
        vec![RowDiff {
            collection: "issues",
            before: Some(open),
            after: Some(closed),
        }],
    )
}
