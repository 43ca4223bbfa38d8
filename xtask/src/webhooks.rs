//! What GitHub publishes of the events of webhooks, sliced to those that the clone announces.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use crate::published::{self, DOCUMENT, PACKAGE, VERSION};
use crate::steps::{Failure, root};

/// The slice, below the root.
const PLACE: &str = "clones/github/fixtures/webhooks.json";
/// A schema that is as long as this and occurs again is written once.
const SHARED: usize = 300;

/// The events that the clone announces, with their actions.
const ANNOUNCED: &[(&str, &[&str])] = &[
    ("check-run", &["completed", "created"]),
    ("issue-comment", &["created", "deleted", "edited"]),
    (
        "issues",
        &[
            "assigned",
            "closed",
            "deleted",
            "demilestoned",
            "edited",
            "labeled",
            "locked",
            "milestoned",
            "opened",
            "pinned",
            "reopened",
            "unassigned",
            "unlabeled",
            "unlocked",
            "unpinned",
        ],
    ),
    ("label", &["created", "deleted", "edited"]),
    (
        "milestone",
        &["closed", "created", "deleted", "edited", "opened"],
    ),
    ("ping", &[]),
    (
        "pull-request",
        &[
            "assigned",
            "closed",
            "converted-to-draft",
            "demilestoned",
            "edited",
            "labeled",
            "locked",
            "milestoned",
            "opened",
            "ready-for-review",
            "reopened",
            "review-request-removed",
            "review-requested",
            "synchronize",
            "unassigned",
            "unlabeled",
            "unlocked",
        ],
    ),
    ("pull-request-review", &["dismissed", "edited", "submitted"]),
    (
        "pull-request-review-comment",
        &["created", "deleted", "edited"],
    ),
    ("push", &[]),
    ("release", &["created", "deleted", "edited", "published"]),
    (
        "repository",
        &[
            "archived",
            "edited",
            "privatized",
            "publicized",
            "unarchived",
        ],
    ),
    ("star", &["created", "deleted"]),
    ("status", &[]),
    ("workflow-run", &["completed", "in-progress", "requested"]),
];

/// Writes the slice.
pub(crate) fn write(document: &Value) -> Result<(), Failure> {
    let names = ANNOUNCED.iter().flat_map(|(event, actions)| {
        let whole = actions.is_empty().then(|| (*event).to_owned());
        let each = actions
            .iter()
            .map(move |action| format!("{event}-{action}"));
        whole.into_iter().chain(each)
    });
    let mut payloads = Map::new();
    for name in names {
        let body = &document["x-webhooks"][&name]["post"]["requestBody"];
        let schema = &body["content"]["application/json"]["schema"];
        if !schema.is_object() {
            return Err(Failure::bad(format!("no webhook {name} is published")));
        }
        payloads.insert(name, published::cleaned(schema));
    }
    let mut payloads = Value::Object(payloads);
    let mut schemas = BTreeMap::new();
    published::add_referenced(document, &payloads, &mut schemas);
    let mut shared = Shared::default();
    for schema in schemas.values_mut().chain([&mut payloads]) {
        shared.take_from(schema);
    }
    let mut schemas: Map<String, Value> = schemas.into_iter().collect();
    schemas.extend(shared.schemas);
    let source = format!("npm {PACKAGE} {VERSION}, {DOCUMENT} (MIT)");
    let file = json!({"$defs": schemas, "source": source, "webhooks": payloads});
    published::write(&root().join(PLACE), &format!("{file}\n"))
}

/// Schemas that the document writes again in each event.
#[derive(Default)]
struct Shared {
    names: BTreeMap<String, String>,
    schemas: Map<String, Value>,
}

impl Shared {
    /// Puts a reference in the place of every long object schema within a value.
    fn take_from(&mut self, value: &mut Value) {
        match value {
            Value::Array(items) => items.iter_mut().for_each(|item| self.take_from(item)),
            Value::Object(fields) => {
                fields.values_mut().for_each(|field| self.take_from(field));
                let is_object = fields.get("properties").is_some_and(Value::is_object)
                    && fields.get("type").is_some_and(|kind| !kind.is_object());
                let text = value.to_string();
                if is_object && text.len() > SHARED {
                    let number = self.names.len();
                    let name = self.names.entry(text).or_insert_with(|| {
                        let name = format!("shared-{number}");
                        self.schemas.insert(name.clone(), value.clone());
                        name
                    });
                    *value = json!({"$ref": format!("#/$defs/{name}")});
                }
            }
            _ => {}
        }
    }
}
