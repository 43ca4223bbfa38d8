//! A clone of a service that takes payments and gives them back: the second clone of scenarios with
//! two, with a table, seeds and a criteria view of its own.
//!
//! `GET /payments`, `POST /payments {amount, currency}` and `POST /payments/{id}/refund` at
//! `api.till.test`, with the token of [`TILL`]'s credentials. Amounts are whole cents.

use std::any::Any;
use std::collections::BTreeMap;
use std::sync::Arc;

use archal_core::clock::Timestamp;
use archal_core::clone::{
    ChangeKind, CloneDescriptor, CloneRequest, CloneResponse, CloneState, Collection, Exchange,
    FieldKind, NamedSeed, Observation, OpenClone, OperationInfo, RowChange, RowDiff, Seed,
    SeedField, SeedTable, ServiceClone, Stamp, Trouble, ViewField, ViewRow, ViewValue, seed_time,
};
use archal_core::diagnostic::Diagnostic;
use bytes::Bytes;
use serde_json::{Value, json};

use crate::echo_clone::ECHO;

/// The token the clone knows.
const TOKEN: &str = "till_test_token";

const fn view(name: &'static str, kind: FieldKind) -> ViewField {
    ViewField {
        name,
        kind,
        nullable: false,
    }
}

const fn seeded(name: &'static str, kind: FieldKind, required: bool) -> SeedField {
    SeedField {
        name,
        kind,
        required,
        must_be_proved: required,
        references: None,
    }
}

/// The clone's descriptor. What it does not say, it has no more than the echo clone.
pub const TILL: CloneDescriptor = CloneDescriptor {
    name: "till",
    about: "Payments that are taken and given back",
    hosts: &["api.till.test"],
    other_hosts: &[],
    credentials: &[("TILL_TOKEN", TOKEN)],
    seeds: &[
        NamedSeed {
            name: "empty",
            about: "No payments",
        },
        NamedSeed {
            name: "three-payments",
            about: "Three payments, one of them given back",
        },
    ],
    keep_fields: &["id", "amount", "currency"],
    operations: &[
        OperationInfo {
            id: "payments/create",
            method: "POST",
            path: "/payments",
            about: "Takes a payment",
        },
        OperationInfo {
            id: "payments/list",
            method: "GET",
            path: "/payments",
            about: "Gives all payments",
        },
        OperationInfo {
            id: "payments/refund",
            method: "POST",
            path: "/payments/{id}/refund",
            about: "Gives a payment back",
        },
    ],
    collections: &[Collection {
        name: "payments",
        about: "The payments",
        fields: &[
            view("id", FieldKind::Int),
            view("amount", FieldKind::Int),
            view("currency", FieldKind::Text),
            view("refunded", FieldKind::Bool),
            view("created_at", FieldKind::Time),
        ],
    }],
    vocabulary: "",
    tables: &[SeedTable {
        name: "payments",
        key: "id",
        fields: &[
            seeded("id", FieldKind::Int, true),
            seeded("amount", FieldKind::Int, true),
            seeded("currency", FieldKind::Text, false),
            seeded("refunded", FieldKind::Bool, false),
            seeded("created_at", FieldKind::Time, false),
        ],
    }],
    row_key: |_, _| None,
    seed_schema,
    open,
    reopen,
    base_urls: &[],
    operation_of: |_, method, path| operation_of(method, path),
    changes: archal_core::clone::changes_by_method,
    observe,
    ..ECHO
};

#[derive(Debug, Clone, PartialEq)]
struct Payment {
    amount: i64,
    currency: Arc<str>,
    refunded: bool,
    created: Stamp,
}

type Payments = BTreeMap<i64, Payment>;

struct Till {
    base: Timestamp,
    opened: Arc<Payments>,
    payments: Arc<Payments>,
    root: u64,
}

struct TillState {
    base: Timestamp,
    payments: Arc<Payments>,
}

fn seed_schema() -> Value {
    json!({
        "type": "object",
        "additionalProperties": false,
        "properties": {"payments": {"type": "array", "items": {
            "type": "object",
            "additionalProperties": false,
            "required": ["id", "amount"],
            "properties": {
                "id": {"type": "integer"},
                "amount": {"type": "integer"},
                "currency": {"type": "string"},
                "refunded": {"type": "boolean"},
                "created_at": {"type": "string"},
            },
        }}},
    })
}

fn refused(message: String) -> Vec<Diagnostic> {
    vec![Diagnostic::error("seed/till", message)]
}

fn open(cx: &OpenClone<'_>) -> Result<Box<dyn ServiceClone>, Vec<Diagnostic>> {
    let document = match cx.seed {
        Seed::Document(document) => document.clone(),
        Seed::Named("empty") => json!({}),
        Seed::Named("three-payments") => json!({"payments": [
            {"id": 1, "amount": 1200, "created_at": "3d ago"},
            {"id": 2, "amount": 900, "created_at": "2d ago", "refunded": true},
            {"id": 3, "amount": 4550, "currency": "usd", "created_at": "1h ago"},
        ]}),
        Seed::Named(name) => return Err(refused(format!("till has no seed named {name}"))),
    };
    Ok(begin(cx.base, read(&document, cx.base)?))
}

fn begin(base: Timestamp, payments: Payments) -> Box<dyn ServiceClone> {
    let payments = Arc::new(payments);
    Box::new(Till {
        base,
        opened: Arc::clone(&payments),
        payments,
        root: 1,
    })
}

fn read(document: &Value, base: Timestamp) -> Result<Payments, Vec<Diagnostic>> {
    let is_seed = document
        .as_object()
        .is_some_and(|tables| tables.keys().all(|table| table == "payments"));
    if !is_seed {
        return Err(refused(
            "a seed of till is an object with the table `payments`".to_owned(),
        ));
    }
    let mut payments = Payments::new();
    for row in document["payments"]
        .as_array()
        .map_or(&[][..], Vec::as_slice)
    {
        let (Some(id), Some(amount)) = (row["id"].as_i64(), row["amount"].as_i64()) else {
            return Err(refused(format!("a payment needs id and amount: {row}")));
        };
        let written = row["created_at"].as_str().unwrap_or("1d ago");
        let at =
            seed_time(written, base).ok_or_else(|| refused(format!("{written} is not a time")))?;
        payments.insert(
            id,
            Payment {
                amount,
                currency: Arc::from(row["currency"].as_str().unwrap_or("eur")),
                refunded: row["refunded"].as_bool().unwrap_or_default(),
                created: Stamp { at, by_call: false },
            },
        );
    }
    Ok(payments)
}

fn operation_of(method: &str, path: &str) -> Option<&'static str> {
    let rest = path.strip_prefix("/payments")?;
    match (method, rest) {
        ("POST", "") => Some("payments/create"),
        ("GET", "") => Some("payments/list"),
        ("POST", rest) if refunded_id(rest).is_some() => Some("payments/refund"),
        _ => None,
    }
}

fn refunded_id(rest: &str) -> Option<i64> {
    rest.strip_prefix('/')?
        .strip_suffix("/refund")?
        .parse()
        .ok()
}

fn observe(exchange: &Exchange<'_>) -> Observation {
    Observation {
        operation: operation_of(exchange.method, exchange.path),
        is_whole: true,
        ..Observation::default()
    }
}

impl Till {
    fn answer(&mut self, request: &CloneRequest, now: Timestamp) -> CloneResponse {
        if request.header("authorization") != Some(&format!("Bearer {TOKEN}")) {
            return json_response(401, &json!({"message": "who are you?"}));
        }
        let operation = operation_of(&request.method, &request.path);
        let mut response = match operation {
            Some("payments/list") => json_response(200, &self.state().to_json()["payments"]),
            Some("payments/create") => self.create(request, now),
            Some("payments/refund") => self.refund(&request.path),
            _ => CloneResponse {
                unmodelled: Some(format!("{} {}", request.method, request.path)),
                ..json_response(404, &json!({"message": "no such operation"}))
            },
        };
        response.operation = operation;
        response
    }

    fn create(&mut self, request: &CloneRequest, now: Timestamp) -> CloneResponse {
        let body: Value = serde_json::from_slice(&request.body).unwrap_or_default();
        let Some(amount) = body["amount"].as_i64().filter(|amount| *amount > 0) else {
            return json_response(422, &json!({"message": "a payment needs an amount"}));
        };
        let id = self.payments.keys().next_back().map_or(1, |last| last + 1);
        let payment = Payment {
            amount,
            currency: Arc::from(body["currency"].as_str().unwrap_or("eur")),
            refunded: false,
            created: Stamp {
                at: now,
                by_call: true,
            },
        };
        Arc::make_mut(&mut self.payments).insert(id, payment);
        self.changed(
            id,
            ChangeKind::Added,
            json_response(201, &json!({"id": id, "amount": amount})),
        )
    }

    fn refund(&mut self, path: &str) -> CloneResponse {
        let id = path.strip_prefix("/payments").and_then(refunded_id);
        let payments = Arc::make_mut(&mut self.payments);
        let Some((id, payment)) = id.and_then(|id| Some((id, payments.get_mut(&id)?))) else {
            return json_response(404, &json!({"message": "no such payment"}));
        };
        if payment.refunded {
            return json_response(409, &json!({"message": "it was given back before"}));
        }
        payment.refunded = true;
        self.changed(
            id,
            ChangeKind::Changed,
            json_response(200, &json!({"id": id, "refunded": true})),
        )
    }

    fn changed(&mut self, id: i64, change: ChangeKind, response: CloneResponse) -> CloneResponse {
        self.root += 1;
        CloneResponse {
            changes: vec![RowChange {
                table: "payments",
                key: id.to_string(),
                change,
            }],
            ..response
        }
    }
}

impl ServiceClone for Till {
    fn call(&mut self, request: &CloneRequest, now: Timestamp) -> CloneResponse {
        let before = self.root;
        let mut response = self.answer(request, now);
        response.root_before = before;
        response.root_after = self.root;
        response
    }

    // Tests of what goes wrong use the real clones.
    fn trouble(&mut self, _: Trouble) {}

    fn state(&self) -> Arc<dyn CloneState> {
        Arc::new(TillState {
            base: self.base,
            payments: Arc::clone(&self.payments),
        })
    }

    fn diff(&self) -> Vec<RowDiff> {
        difference(&self.opened, &self.payments)
    }

    fn reset(&mut self) {
        self.payments = Arc::clone(&self.opened);
        self.root += 1;
    }

    fn restore(&mut self, state: &dyn CloneState) -> bool {
        let state: &dyn Any = state;
        let Some(state) = state.downcast_ref::<TillState>() else {
            return false;
        };
        self.payments = Arc::clone(&state.payments);
        self.root += 1;
        true
    }

    fn fork(&self) -> Box<dyn ServiceClone> {
        Box::new(Till {
            base: self.base,
            opened: Arc::clone(&self.payments),
            payments: Arc::clone(&self.payments),
            root: self.root,
        })
    }
}

impl CloneState for TillState {
    fn rows(&self, collection: &str) -> Vec<ViewRow> {
        let payments = self.payments.iter().filter(|_| collection == "payments");
        payments.map(|(id, payment)| row(*id, payment)).collect()
    }

    fn to_json(&self) -> Value {
        let rows = self.rows("payments");
        let payments: Vec<_> = rows.iter().map(|row| row.to_json(self.base)).collect();
        json!({ "payments": payments })
    }

    fn base(&self) -> Timestamp {
        self.base
    }

    fn evidence_text(&self, text: &str) -> String {
        // Nothing it hands out is a time.
        text.to_owned()
    }

    fn diff(&self, after: &dyn CloneState) -> Vec<RowDiff> {
        let after: &dyn Any = after;
        let after = after.downcast_ref::<Self>();
        after.map_or_else(Vec::new, |after| {
            difference(&self.payments, &after.payments)
        })
    }

    fn save(&self) -> Result<Value, String> {
        let payments: Vec<_> = self
            .payments
            .iter()
            .map(|(id, payment)| {
                json!({
                    "id": id,
                    "amount": payment.amount,
                    "currency": *payment.currency,
                    "refunded": payment.refunded,
                    "created_at": payment.created.at.to_string(),
                    "by_call": payment.created.by_call,
                })
            })
            .collect();
        Ok(json!({"base": self.base.to_string(), "payments": payments}))
    }
}

/// What is different between two states; no payment is ever removed.
fn difference(before: &Payments, after: &Payments) -> Vec<RowDiff> {
    let row = |payments: &Payments, id: i64| payments.get(&id).map(|one| row(id, one));
    after
        .keys()
        .filter(|id| before.get(id) != after.get(id))
        .map(|id| RowDiff {
            collection: "payments",
            before: row(before, *id),
            after: row(after, *id),
        })
        .collect()
}

/// Opens what [`TillState`] saved.
fn reopen(saved: &Value) -> Result<Box<dyn ServiceClone>, Vec<Diagnostic>> {
    let base = saved["base"].as_str().and_then(|base| base.parse().ok());
    let base = base.ok_or_else(|| refused("this is no saved state of till".to_owned()))?;
    let mut payments = read(&json!({"payments": saved["payments"]}), base)?;
    for saved in saved["payments"].as_array().into_iter().flatten() {
        let payment = saved["id"].as_i64().and_then(|id| payments.get_mut(&id));
        if let Some(payment) = payment {
            payment.created.by_call = saved["by_call"] == true;
        }
    }
    Ok(begin(base, payments))
}

fn row(id: i64, payment: &Payment) -> ViewRow {
    ViewRow {
        key: id.to_string(),
        fields: vec![
            ("id", ViewValue::Int(id)),
            ("amount", ViewValue::Int(payment.amount)),
            ("currency", ViewValue::Text(Arc::clone(&payment.currency))),
            ("refunded", ViewValue::Bool(payment.refunded)),
            ("created_at", ViewValue::Time(payment.created)),
        ],
    }
}

fn json_response(status: u16, body: &Value) -> CloneResponse {
    CloneResponse {
        status,
        headers: vec![("content-type", "application/json".to_owned())],
        body: Bytes::from(body.to_string()).into(),
        ..CloneResponse::default()
    }
}
