//! Langfuse's public API on the loopback, as strict as the published one: who may ask, how much a
//! page holds, groups of fields, cursors, the limit of a minute, and what each release has not.
//!
//! - `written`: what is written to it.

mod written;

use std::collections::{BTreeSet, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use archal_core::clock::{Clock, Timestamp};
use base64::Engine;
use base64::prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD};
use serde_json::{Map, Value, json};

use crate::loopback::{Asked, Loopback, Reply};

pub use written::Spans;

/// The public key of the project.
pub const PUBLIC_KEY: &str = "pk-lf-5c1de4a2";
/// Its secret key.
pub const SECRET_KEY: &str = "sk-lf-0f9b7e3d6a";
/// The project's id.
pub const PROJECT: &str = "clproject0001";

/// Which endpoints there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Release {
    /// Traces; no observations of their own.
    Three,
    /// Both.
    Four,
    /// Observations; no traces.
    EventsOnly,
}

/// What the project holds, and how the server behaves.
#[derive(Debug)]
pub struct State {
    /// Observations in the names of the API; `input` and `output` may be any JSON.
    pub observations: Vec<Value>,
    /// Scores as the third release of their API writes them.
    pub scores: Vec<Value>,
    /// Traces of releases before 4.
    pub traces: Vec<Value>,
    /// Which endpoints there are.
    pub release: Release,
    /// Requests a minute; none where there is no limit.
    pub per_minute: Option<u64>,
    /// The largest answer.
    pub most_body: usize,
    /// Rows that a query may have to sort; more is too slow for the database.
    pub most_sorted: usize,
    /// Whether pages may be short or empty before the end, out of order, and have rows twice.
    pub is_ragged: bool,
    /// Observations whose content the server cannot give: it answers 500 to whoever asks for it.
    pub broken: BTreeSet<String>,
    /// Traces that the server cannot give by themselves: it answers 422 to whoever asks for one.
    pub unreadable: BTreeSet<String>,
    /// What reads spans that SDKs push; without it none are taken.
    pub spans: Option<Spans>,
    /// Answers that take the place of the next ones.
    pub faults: VecDeque<Reply>,
    /// What was asked, path and parameters.
    pub asked: Vec<Asked>,
    window: (i64, u64),
}

/// The server.
pub struct Langfuse {
    loopback: Loopback,
    state: Arc<Mutex<State>>,
}

impl Langfuse {
    /// An empty project. The limit of a minute goes by `clock`.
    pub fn new(release: Release, clock: Arc<dyn Clock>) -> Self {
        let state = Arc::new(Mutex::new(State {
            observations: Vec::new(),
            scores: Vec::new(),
            traces: Vec::new(),
            release,
            per_minute: None,
            most_body: 5 << 20,
            most_sorted: usize::MAX,
            is_ragged: false,
            broken: BTreeSet::new(),
            unreadable: BTreeSet::new(),
            spans: None,
            faults: VecDeque::new(),
            asked: Vec::new(),
            window: (0, 0),
        }));
        let mine = Arc::clone(&state);
        let loopback = Loopback::new(move |asked| {
            let mut state = mine.lock().unwrap_or_else(PoisonError::into_inner);
            state.asked.push(asked.clone());
            state.reply(asked, clock.now())
        });
        Self { loopback, state }
    }

    /// Its base URL.
    pub fn url(&self) -> String {
        self.loopback.url()
    }

    /// What it holds.
    pub fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn reply(&mut self, asked: &Asked, now: Timestamp) -> Reply {
        if let Some(fault) = self.faults.pop_front() {
            return fault;
        }
        let key = BASE64_STANDARD.encode(format!("{PUBLIC_KEY}:{SECRET_KEY}"));
        if asked.header("authorization") != Some(&format!("Basic {key}")) {
            let said = json!({"error": "UnauthorizedError", "message": "Invalid credentials. Confirm that you've configured the correct host."});
            return Reply::json(401, &said);
        }
        if let Some(refusal) = self.limited(now) {
            return refusal;
        }
        let date = now.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string();
        let path = asked.path.as_str();
        let has_new = self.release != Release::Three;
        let has_old = self.release != Release::EventsOnly;
        let is_post = asked.method == "POST";
        let reply = match path {
            "/api/public/scores" if is_post => self.write_scores(asked, now),
            "/api/public/otel/v1/traces" if is_post => self.write_spans(asked),
            "/api/public/projects" => {
                Reply::json(200, &json!({"data": [{"id": PROJECT, "name": "support"}]}))
            }
            "/api/public/v2/observations" if has_new => self.observations(asked),
            "/api/public/v3/scores" if has_new => self.scores(asked),
            "/api/public/v2/scores" if has_old => self.numbered_scores(asked),
            "/api/public/traces" if has_old => self.traces(asked),
            "/api/public/observations" if has_old => self.numbered_observations(asked),
            "/api/public/v2/metrics" if has_new => {
                let count = self.observations.len().to_string();
                Reply::json(200, &json!({"data": [{"count_count": count}]}))
            }
            _ => match path.strip_prefix("/api/public/traces/") {
                Some(id) if has_old => self.trace(id, asked),
                _ => not_found(),
            },
        };
        let reply = if reply.body.len() > self.most_body {
            Reply::json(
                413,
                &json!({"message": "FUNCTION_RESPONSE_PAYLOAD_TOO_LARGE"}),
            )
        } else {
            reply
        };
        reply.header("date", date)
    }

    /// A fixed window of a minute, whose last request is refused already.
    fn limited(&mut self, now: Timestamp) -> Option<Reply> {
        let most = self.per_minute?;
        let minute = now.as_second().div_euclid(60);
        if self.window.0 != minute {
            self.window = (minute, 0);
        }
        self.window.1 += 1;
        if self.window.1 < most {
            return None;
        }
        let left = 60 - now.as_second().rem_euclid(60);
        let said = json!({"message": "Rate limit exceeded", "code": "rate_limited",
            "details": {"retryAfterSeconds": left, "limit": most, "remaining": 0}});
        Some(
            Reply::json(429, &said)
                .header("retry-after", left.to_string())
                .header("x-ratelimit-reset", "Thu Jan 01 2026 00:01:00 GMT+0000"),
        )
    }

    fn observations(&self, asked: &Asked) -> Reply {
        let limit: usize = match asked.parameter("limit").unwrap_or("50").parse() {
            Ok(limit) if limit <= 1_000 => limit,
            _ => return bad("limit must be at most 1000"),
        };
        if asked.parameter("parseIoAsJson") == Some("true") {
            return bad("parseIoAsJson=true is no longer supported");
        }
        let after = match asked.parameter("cursor").map(position) {
            Some(None) => return bad("Invalid cursor format"),
            after => after.flatten(),
        };
        let mut found: Vec<&Value> = self
            .observations
            .iter()
            .filter(|row| is_wanted(row, asked, "startTime", ["fromStartTime", "toStartTime"]))
            .filter(|row| {
                asked
                    .parameter("traceId")
                    .is_none_or(|trace| row["traceId"] == trace)
            })
            .collect();
        let is_unreadable = asked
            .parameter("traceId")
            .is_some_and(|trace| self.unreadable.contains(trace));
        if is_unreadable || (found.len() > self.most_sorted && limit > 1) {
            return slow();
        }
        found.sort_by_key(|row| std::cmp::Reverse(order(row)));
        let (place, turn) = after.map_or((None, 0), |(place, turn)| (Some(place), turn));
        let rest = found
            .iter()
            .filter(|row| place.as_ref().is_none_or(|place| order(row) < *place));
        let mut many = limit;
        if self.is_ragged {
            // Every third page is empty, and every other one short.
            many = match turn % 3 {
                1 => 0,
                2 => limit.div_ceil(2),
                _ => limit,
            };
        }
        let mut rest = rest.peekable();
        let page: Vec<&&Value> = rest.by_ref().take(many).collect();
        let last = page.last().map(|row| order(row)).or_else(|| place.clone());
        let groups = asked.parameter("fields").unwrap_or_default();
        if groups.split(',').any(|group| group == "io")
            && self.has_broken(page.iter().map(|row| **row))
        {
            return fault();
        }
        let mut data: Vec<Value> = page.iter().map(|row| shown(row, asked)).collect();
        if self.is_ragged {
            // In another order, and one of them twice.
            data.reverse();
            data.extend(data.first().cloned());
        }
        let mut meta = Map::new();
        if rest.peek().is_some() {
            let (start, trace, id) = last.unwrap_or((i64::MAX, String::new(), String::new()));
            let cursor = json!([start, trace, id, turn + 1]).to_string();
            meta.insert("cursor".to_owned(), BASE64_STANDARD.encode(cursor).into());
        }
        Reply::json(200, &json!({"data": data, "meta": meta}))
    }

    fn scores(&self, asked: &Asked) -> Reply {
        let limit: usize = match asked.parameter("limit").unwrap_or("50").parse() {
            Ok(limit) if limit <= 100 => limit,
            _ => return bad("limit must be at most 100"),
        };
        let groups: Vec<&str> = asked
            .parameter("fields")
            .unwrap_or_default()
            .split(',')
            .collect();
        let known = ["details", "subject", "annotation", ""];
        if groups.iter().any(|group| !known.contains(group)) {
            return bad("unknown field group");
        }
        let after = asked.parameter("cursor").map(|cursor| {
            let bytes = BASE64_URL_SAFE_NO_PAD.decode(cursor).expect("a cursor");
            String::from_utf8(bytes)
                .expect("a cursor")
                .parse::<usize>()
                .expect("a cursor")
        });
        let start = after.unwrap_or(0);
        // Lists are written with commas here.
        let mut apart = asked.clone();
        apart.query = asked
            .query
            .iter()
            .flat_map(|(name, value)| value.split(',').map(|one| (name.clone(), one.to_owned())))
            .collect();
        let found: Vec<&Value> = self
            .scores
            .iter()
            .filter(|row| is_wanted(row, &apart, "timestamp", ["fromTimestamp", "toTimestamp"]))
            .collect();
        let data: Vec<Value> = found
            .iter()
            .skip(start)
            .take(limit)
            .map(|row| {
                let mut row = (*row).clone();
                if let (Value::Object(row), false) = (&mut row, groups.contains(&"subject")) {
                    row.remove("subject");
                }
                row
            })
            .collect();
        let mut meta = json!({"limit": limit});
        if start + data.len() < found.len() {
            let next = (start + data.len()).to_string();
            meta["cursor"] = BASE64_URL_SAFE_NO_PAD.encode(next).into();
        }
        Reply::json(200, &json!({"data": data, "meta": meta}))
    }

    fn numbered_scores(&self, asked: &Asked) -> Reply {
        let found = self
            .scores
            .iter()
            .filter(|row| is_wanted(row, asked, "timestamp", ["fromTimestamp", "toTimestamp"]));
        let found = found.map(|row| {
            let mut row = row.clone();
            let trace = row["subject"]["traceId"].clone();
            let trace = if trace.is_null() {
                row["subject"]["id"].clone()
            } else {
                trace
            };
            row["traceId"] = trace;
            if let Value::Object(row) = &mut row {
                row.remove("subject");
            }
            row
        });
        numbered(found.collect(), asked)
    }

    fn traces(&self, asked: &Asked) -> Reply {
        let mut found: Vec<&Value> = self
            .traces
            .iter()
            .filter(|row| is_wanted(row, asked, "timestamp", ["fromTimestamp", "toTimestamp"]))
            .collect();
        found.sort_by_key(|row| row["timestamp"].as_str().map(str::to_owned));
        if asked.parameter("orderBy") == Some("timestamp.desc") {
            found.reverse();
        }
        let rows = found.into_iter().map(|row| {
            let mut row = row.clone();
            let ids = self.of_trace(&row["id"]);
            row["observations"] = ids.iter().map(|one| one["id"].clone()).collect();
            row["scores"] = json!([]);
            if asked.parameter("fields") == Some("core") {
                // A group that was not asked for comes empty.
                row["observations"] = json!([]);
                row["totalCost"] = json!(-1);
                (row["input"], row["output"]) = (Value::Null, Value::Null);
            }
            row
        });
        numbered(rows.collect(), asked)
    }

    fn has_broken<'a>(&self, rows: impl IntoIterator<Item = &'a Value>) -> bool {
        let mut ids = rows.into_iter().filter_map(|row| row["id"].as_str());
        ids.any(|id| self.broken.contains(id))
    }

    fn trace(&self, id: &str, asked: &Asked) -> Reply {
        let id = percent_encoding::percent_decode_str(id).decode_utf8_lossy();
        let Some(trace) = self.traces.iter().find(|row| row["id"] == *id) else {
            return not_found();
        };
        if self.unreadable.contains(&*id) {
            return slow();
        }
        let groups = asked.parameter("fields");
        let groups = groups.unwrap_or("core,io,scores,observations,metrics");
        let has = |group: &str| groups.split(',').any(|one| one == group);
        let mut whole = trace.clone();
        if !has("io") {
            // A group that was not asked for comes empty.
            (whole["input"], whole["output"]) = (Value::Null, Value::Null);
        }
        let observations = if has("observations") {
            self.of_trace(&trace["id"])
        } else {
            Vec::new()
        };
        if self.has_broken(&observations) {
            return fault();
        }
        whole["observations"] = observations.into();
        let scores = self
            .scores
            .iter()
            .filter(|score| score["subject"]["id"] == *id);
        let scores = scores.map(|score| {
            let mut score = score.clone();
            score["traceId"] = trace["id"].clone();
            if let Value::Object(score) = &mut score {
                score.remove("subject");
            }
            score
        });
        whole["scores"] = scores.collect();
        Reply::json(200, &whole)
    }

    fn of_trace(&self, trace: &Value) -> Vec<Value> {
        let rows = self.observations.iter();
        rows.filter(|row| row["traceId"] == *trace)
            .cloned()
            .collect()
    }

    fn numbered_observations(&self, asked: &Asked) -> Reply {
        let trace = asked.parameter("traceId").unwrap_or_default();
        if self.unreadable.contains(trace) {
            return slow();
        }
        let reply = numbered(self.of_trace(&Value::from(trace)), asked);
        let body: Value = serde_json::from_slice(&reply.body).unwrap_or_default();
        if self.has_broken(body["data"].as_array().into_iter().flatten()) {
            return fault();
        }
        reply
    }
}

/// A page by its number, with the word that this is on its way out.
fn numbered(rows: Vec<Value>, asked: &Asked) -> Reply {
    let number = |name: &str, otherwise: usize| {
        let given = asked.parameter(name).and_then(|text| text.parse().ok());
        given.unwrap_or(otherwise)
    };
    let (page, limit) = (number("page", 1), number("limit", 50));
    if page == 0 || limit > 100 {
        return bad("page begins at 1, and limit is at most 100");
    }
    let total = rows.len();
    let data: Vec<Value> = rows
        .into_iter()
        .skip((page - 1) * limit)
        .take(limit)
        .collect();
    Reply::json(
        200,
        &json!({
            "data": data,
            "meta": {"page": page, "limit": limit, "totalItems": total, "totalPages": total.div_ceil(limit)},
            "_deprecation": {"message": "This endpoint is deprecated", "sunsetAt": "2026-11-16"},
        }),
    )
}

fn bad(message: &str) -> Reply {
    Reply::json(
        400,
        &json!({"message": message, "error": "InvalidRequestError"}),
    )
}

fn slow() -> Reply {
    Reply::json(422, &json!({"error": "Request timed out"}))
}

fn fault() -> Reply {
    Reply::json(500, &json!({"error": "Internal server error"}))
}

fn not_found() -> Reply {
    let said = json!({"error": "LangfuseNotFoundError", "message": "Not Found"});
    Reply::json(404, &said)
}

/// Where a row stands: later starts first, to the millisecond, then by a hash of the trace, then id.
fn order(row: &Value) -> (i64, String, String) {
    let text = |name: &str| row[name].as_str().unwrap_or_default().to_owned();
    let start: Option<Timestamp> = text("startTime").parse().ok();
    let trace = archal_core::hash::short(&text("traceId"));
    (
        start.map_or(0, Timestamp::as_millisecond),
        trace,
        text("id"),
    )
}

fn position(cursor: &str) -> Option<((i64, String, String), u64)> {
    let bytes = BASE64_STANDARD.decode(cursor).ok()?;
    let (start, trace, id, turn) = serde_json::from_slice(&bytes).ok()?;
    Some(((start, trace, id), turn))
}

fn is_wanted(row: &Value, asked: &Asked, time: &str, bounds: [&str; 2]) -> bool {
    let bound = |name: &str| -> Option<Timestamp> {
        let text = asked.parameter(name)?;
        Some(text.parse().expect("a time as ISO 8601"))
    };
    let at: Timestamp = row[time]
        .as_str()
        .and_then(|text| text.parse().ok())
        .expect("a time");
    let environments: Vec<&str> = asked
        .query
        .iter()
        .filter(|(name, _)| name == "environment")
        .map(|(_, value)| value.as_str())
        .collect();
    bound(bounds[0]).is_none_or(|from| at >= from)
        && bound(bounds[1]).is_none_or(|to| at < to)
        && (environments.is_empty()
            || row["environment"]
                .as_str()
                .is_some_and(|name| environments.contains(&name)))
}

/// A row as far as its groups of fields were asked for.
fn shown(row: &Value, asked: &Asked) -> Value {
    let groups: &[(&str, &[&str])] = &[
        (
            "core",
            &[
                "id",
                "traceId",
                "startTime",
                "endTime",
                "projectId",
                "parentObservationId",
                "type",
            ],
        ),
        (
            "basic",
            &[
                "name",
                "level",
                "statusMessage",
                "version",
                "environment",
                "userId",
                "sessionId",
                "isRootObservation",
            ],
        ),
        ("time", &["completionStartTime", "createdAt", "updatedAt"]),
        ("io", &["input", "output"]),
        ("metadata", &["metadata"]),
        ("model", &["model", "providedModelName", "modelParameters"]),
        ("usage", &["usageDetails", "costDetails", "totalCost"]),
        ("prompt", &["promptName", "promptVersion"]),
        ("metrics", &["latency", "timeToFirstToken"]),
        ("trace_context", &["tags", "release", "traceName"]),
    ];
    let wanted: Vec<&str> = asked
        .parameter("fields")
        .unwrap_or("core,basic")
        .split(',')
        .chain(["core"])
        .collect();
    let mut out =
        json!({"modelId": null, "inputPrice": "0.000001", "outputPrice": null, "totalPrice": null});
    for (group, fields) in groups {
        for field in fields.iter().filter(|_| wanted.contains(group)) {
            let mut value = row[*field].clone();
            if *group == "io" && !value.is_string() && !value.is_null() {
                value = value.to_string().into();
            }
            if let (Value::Object(metadata), "metadata") = (&mut value, *field) {
                cut(
                    metadata,
                    asked.parameter("expandMetadata").unwrap_or_default(),
                );
            }
            out[*field] = value;
        }
    }
    out
}

fn cut(metadata: &mut Map<String, Value>, whole: &str) {
    let whole: Vec<&str> = whole.split(',').collect();
    for (name, value) in metadata {
        if let (Value::String(text), false) = (&*value, whole.contains(&name.as_str())) {
            *value = text.chars().take(200).collect::<String>().into();
        }
    }
}
