//! Braintrust's data plane on the loopback: BTQL as far as sources ask it, as strict as the published
//! one: who may ask, how much a page holds, the cursor inside the query, the limit of a minute.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use archal_core::clock::{Clock, Timestamp};
use serde_json::{Value, json};

use crate::loopback::{Asked, Loopback, Reply};

/// The key it takes.
pub const KEY: &str = "sk-bt-7c5b1d90e4";
/// The project's id.
pub const PROJECT: &str = "0b9f5b1e-9c1c-4c43-9d0b-2d6f0f0a1b2c";
/// The project's name.
pub const NAME: &str = "support";

/// What the project holds, and how the server behaves.
#[derive(Debug, Default)]
pub struct State {
    /// Versions of rows in the order of their writes.
    pub writes: Vec<Value>,
    /// Queries a minute on the project; none where there is no limit.
    pub per_minute: Option<u64>,
    /// The largest answer.
    pub most_body: Option<usize>,
    /// Whether pages may be short or empty before the end, out of order, and have rows twice.
    pub is_ragged: bool,
    /// Ids of rows whose content the server cannot give: it answers 500 to whoever selects it.
    pub broken: BTreeSet<String>,
    /// The project's id by now, where it was made again under its name.
    pub made_again: Option<String>,
    /// Answers that take the place of the next ones.
    pub faults: VecDeque<Reply>,
    /// What was asked.
    pub asked: Vec<Asked>,
    /// Where each row stands: the number of its first write. An edit moves nothing.
    places: BTreeMap<String, i64>,
    window: (i64, u64),
}

/// The server.
pub struct Braintrust {
    loopback: Loopback,
    state: Arc<Mutex<State>>,
}

impl Braintrust {
    /// An empty project. The limit of a minute goes by `clock`.
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        let state = Arc::new(Mutex::new(State::default()));
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
    /// Writes a row at a time: it gets the number of the write.
    pub fn write(&mut self, mut row: Value, at: Timestamp) {
        let number =
            (0x0de1_i64 << 48) | (at.as_second() << 16) | (self.writes.len() as i64 & 0xffff);
        row["_xact_id"] = number.to_string().into();
        let id = row["id"].as_str().unwrap_or_default().to_owned();
        let place = *self.places.entry(id).or_insert(number);
        row["_pagination_key"] = format!("p{place:020}").into();
        row["project_id"] = self.project().into();
        row["log_id"] = "g".into();
        if row["created"].is_null() {
            row["created"] = at.to_string().into();
        }
        self.writes.push(row);
    }

    fn project(&self) -> &str {
        self.made_again.as_deref().unwrap_or(PROJECT)
    }

    fn reply(&mut self, asked: &Asked, now: Timestamp) -> Reply {
        let date = now.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string();
        self.answer(asked, now).header("date", date)
    }

    fn answer(&mut self, asked: &Asked, now: Timestamp) -> Reply {
        if let Some(fault) = self.faults.pop_front() {
            return fault;
        }
        if asked.header("authorization") != Some(&format!("Bearer {KEY}")) {
            return Reply::json(401, &json!({"error": {"message": "Invalid API key"}}));
        }
        match (asked.method.as_str(), asked.path.as_str()) {
            ("GET", "/v1/project") => {
                let is_it = asked.parameter("project_name") == Some(NAME);
                let found = is_it.then(|| json!({"id": self.project(), "name": NAME}));
                let found: Vec<Value> = found.into_iter().collect();
                Reply::json(200, &json!({"objects": found}))
            }
            ("POST", "/btql") => match self.limited(now) {
                Some(refusal) => refusal,
                None => self.query(&asked.json()),
            },
            ("POST", "/api/apikey/login") => {
                let url = format!("http://{}", asked.header("host").unwrap_or_default());
                let organisation =
                    json!({"id": "org-1", "name": "acme", "api_url": url, "proxy_url": url});
                Reply::json(200, &json!({"org_info": [organisation]}))
            }
            ("POST", "/v1/project") if asked.json()["name"] == NAME => Reply::json(
                200,
                &json!({"id": PROJECT, "name": NAME, "org_id": "org-1"}),
            ),
            ("GET", "/version") => Reply::json(200, &json!({"version": "1.1.30"})),
            ("POST", "/logs3") => self.log(&asked.json(), now),
            _ => Reply::json(404, &json!({"error": "Not found"})),
        }
    }

    /// Rows as SDKs write them: whole ones, parts that are put to what a row was, and comments.
    fn log(&mut self, body: &Value, now: Timestamp) -> Reply {
        let Some(rows) = body["rows"].as_array() else {
            return Reply::json(400, &json!({"error": "rows are required"}));
        };
        let mut ids = Vec::new();
        for row in rows {
            if row["project_id"] != PROJECT || row["log_id"] != "g" || !row["id"].is_string() {
                return Reply::json(400, &json!({"error": "a row of no log of a project"}));
            }
            ids.push(row["id"].clone());
            let comment = &row["comment"];
            let id = match comment {
                Value::Null => &row["id"],
                _ => &row["origin"]["id"],
            };
            let known = self.writes.iter().rev().find(|known| known["id"] == *id);
            let mut whole = match (known.cloned(), comment) {
                (Some(mut known), Value::Object(_)) => {
                    let mut comments = known["comments"].take();
                    match &mut comments {
                        Value::Array(comments) => comments.push(comment.clone()),
                        none => *none = json!([comment]),
                    }
                    known["comments"] = comments;
                    known
                }
                (Some(mut known), _) if row["_is_merge"] == true => {
                    merge(&mut known, row);
                    known
                }
                _ => row.clone(),
            };
            if let Value::Object(whole) = &mut whole {
                whole.retain(|name, _| {
                    !["_is_merge", "_audit_source", "_audit_metadata"].contains(&name.as_str())
                });
            }
            whole["is_root"] = whole["span_parents"]
                .as_array()
                .is_none_or(Vec::is_empty)
                .into();
            self.write(whole, now);
        }
        Reply::json(200, &json!({"ids": ids}))
    }

    /// It says that it is too much, and not for how long.
    fn limited(&mut self, now: Timestamp) -> Option<Reply> {
        let most = self.per_minute?;
        let minute = now.as_second().div_euclid(60);
        if self.window.0 != minute {
            self.window = (minute, 0);
        }
        self.window.1 += 1;
        (self.window.1 > most).then(|| Reply::json(429, &json!({"error": "Too many requests"})))
    }

    fn query(&self, body: &Value) -> Reply {
        let Some(query) = body["query"].as_str() else {
            return Reply::json(400, &json!({"error": "query is required"}));
        };
        let parsed = match Query::read(query) {
            Ok(parsed) => parsed,
            Err(error) => {
                return Reply::json(400, &json!({"error": format!("{error} in {query}")}));
            }
        };
        if parsed.from != self.project() {
            return Reply::json(404, &json!({"error": "no such project"}));
        }
        // The newest version of each row stands where the row was first written.
        let mut by_id: BTreeMap<&str, &Value> = BTreeMap::new();
        for row in &self.writes {
            by_id.extend(row["id"].as_str().map(|id| (id, row)));
        }
        let mut newest: Vec<&Value> = by_id
            .into_values()
            .filter(|row| parsed.wants(row))
            .collect();
        newest.sort_by_key(|row| key_of(row));
        if parsed.is_count {
            return Reply::json(
                200,
                &json!({"data": [{"rows": newest.len()}], "cursor": null}),
            );
        }
        if parsed.is_newest_first {
            newest.reverse();
        }
        let (behind, turn) = parsed.cursor.clone().unwrap_or_default();
        let start = if parsed.is_newest_first {
            0
        } else {
            newest.partition_point(|row| key_of(row) <= behind.as_str())
        };
        let mut many = parsed.limit;
        let mut begin = start;
        if self.is_ragged {
            many = match turn % 3 {
                1 => 0,
                2 => many.div_ceil(2),
                _ => many,
            };
            // A row comes again that the last page had.
            begin = if many > 1 {
                start.saturating_sub(1)
            } else {
                start
            };
        }
        let page: Vec<&Value> = newest.iter().skip(begin).take(many).copied().collect();
        let is_broken = |row: &&Value| {
            row["id"]
                .as_str()
                .is_some_and(|id| self.broken.contains(id))
        };
        if parsed.is_whole() && page.iter().any(is_broken) {
            return Reply::json(500, &json!({"error": "Internal server error"}));
        }
        let mut data: Vec<Value> = page.iter().map(|row| parsed.shown(row)).collect();
        if self.is_ragged {
            data.reverse();
        }
        let next = begin + data.len();
        let last = page.last().map_or(behind.as_str(), |row| key_of(row));
        let mut reply = json!({"data": data, "schema": {"type": "array"}});
        if next < newest.len() && !parsed.is_newest_first {
            reply["cursor"] = format!("{last}.{}", turn + 1).into();
        }
        let answer = Reply::json(200, &reply);
        if self.most_body.is_some_and(|most| answer.body.len() > most) {
            return Reply::json(413, &json!({"error": "Response too large"}));
        }
        answer
    }
}

fn key_of(row: &Value) -> &str {
    row["_pagination_key"].as_str().unwrap_or_default()
}

/// Puts a part to a whole: members of objects one by one, everything else as it is.
fn merge(whole: &mut Value, part: &Value) {
    match (whole, part) {
        (Value::Object(whole), Value::Object(part)) => {
            for (name, value) in part {
                merge(whole.entry(name.clone()).or_insert(Value::Null), value);
            }
        }
        (whole, part) => *whole = part.clone(),
    }
}

/// A query in the form with pipes, as far as sources write it.
#[derive(Debug, Default)]
struct Query {
    from: String,
    /// What is shown of a row; all where that is `*`.
    columns: Vec<String>,
    terms: Vec<(String, String, String)>,
    is_any: bool,
    limit: usize,
    cursor: Option<(String, u64)>,
    is_newest_first: bool,
    is_count: bool,
}

impl Query {
    fn read(query: &str) -> Result<Self, String> {
        let mut read = Self {
            limit: 1_000,
            ..Self::default()
        };
        let unquoted = |text: &str| text.trim().trim_matches('\'').replace("''", "'");
        for clause in query.split(" | ") {
            let (name, rest) = clause.split_once(": ").ok_or("a clause without a name")?;
            match name {
                "select" => read.columns = rest.split(", ").map(str::to_owned).collect(),
                "measures" => read.is_count = true,
                "from" => {
                    let inner = rest.strip_prefix("project_logs(").ok_or("no source")?;
                    let inner = inner.strip_suffix(") spans").ok_or("no shape")?;
                    read.from = unquoted(inner);
                }
                "filter" => {
                    read.is_any = rest.contains(" or ");
                    let rest = rest.trim_matches(['(', ')']);
                    for term in rest.split(" and ").flat_map(|term| term.split(" or ")) {
                        let mut words = term.splitn(3, ' ');
                        let mut word = || words.next().unwrap_or_default();
                        let (field, sign, value) = (word(), word(), word());
                        if !["_xact_id", "created", "root_span_id", "is_root"].contains(&field) {
                            return Err(format!("no field {field}"));
                        }
                        read.terms
                            .push((field.to_owned(), sign.to_owned(), unquoted(value)));
                    }
                }
                "sort" => match rest {
                    "_pagination_key asc" => {}
                    "created desc" => read.is_newest_first = true,
                    _ => return Err("no such order".to_owned()),
                },
                "limit" => match rest.parse() {
                    Ok(limit) if limit <= 1_000 => read.limit = limit,
                    _ => return Err("the limit is 1000 at most".to_owned()),
                },
                "cursor" => {
                    let text = unquoted(rest);
                    let (place, turn) = text.split_once('.').ok_or("no cursor")?;
                    let turn = turn.parse().map_err(|_| "no cursor")?;
                    read.cursor = Some((place.to_owned(), turn));
                }
                other => return Err(format!("no clause {other}")),
            }
        }
        Ok(read)
    }

    /// Whether rows are shown with their content.
    fn is_whole(&self) -> bool {
        self.columns
            .iter()
            .any(|name| name == "*" || name == "output")
    }

    fn shown(&self, row: &Value) -> Value {
        let mut row = row.clone();
        if let (Value::Object(fields), false) = (&mut row, self.columns == ["*"]) {
            fields.retain(|name, _| self.columns.contains(name));
        }
        row
    }

    fn wants(&self, row: &Value) -> bool {
        let is_met = |(field, sign, value): &(String, String, String)| {
            let own = row[field.as_str()].as_str().unwrap_or_default();
            match (field.as_str(), sign.as_str()) {
                ("is_root", _) => row["is_root"] == true,
                // Numbers as text: of one length for ages.
                (_, ">") => own > value.as_str(),
                (_, ">=") => own >= value.as_str(),
                _ => own == value,
            }
        };
        if self.is_any {
            self.terms.iter().any(is_met)
        } else {
            self.terms.iter().all(is_met)
        }
    }
}
