//! The trace's own calls run again on the rebuilt state, response by response.

use std::collections::BTreeMap;
use std::sync::Arc;

use archal_core::clone::{
    CloneDescriptor, CloneRequest, CloneState, OpenClone, RowChange, RowDiff, Seed, ServiceClone,
};
use archal_core::diagnostic::Diagnostic;
use bytes::Bytes;
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::exchanges::{TracedCall, TracedCalls};
use super::seed::Reconstruction;

/// The most differences kept of one response.
const DIFFERENCES: usize = 8;

/// What came of the replay.
pub struct Replay {
    /// Each call in order.
    pub calls: Vec<ReplayedCall>,
    /// Each clone's state before and after, by name.
    pub clones: BTreeMap<String, ReplayedClone>,
}

/// The state of one clone before and after the replay.
pub struct ReplayedClone {
    /// The rebuilt state.
    pub before: Arc<dyn CloneState>,
    /// The state the trace's calls lead to.
    pub after: Arc<dyn CloneState>,
    /// What they changed.
    pub diff: Vec<RowDiff>,
}

/// One call of the trace on the rebuilt state.
#[derive(Debug, Clone)]
pub struct ReplayedCall {
    /// The span.
    pub span: String,
    /// The clone.
    pub clone: &'static str,
    /// The operation.
    pub operation: Option<&'static str>,
    /// Method.
    pub method: String,
    /// Path and query.
    pub path: String,
    /// The request body as recorded.
    pub request: Value,
    /// The status the clone answered.
    pub status: u16,
    /// The body the clone answered, times as in evidence.
    pub response: Value,
    /// The rows the call changed.
    pub changes: Vec<RowChange>,
    /// Where the clone's answer differs from the recorded one; none where it agrees.
    pub differences: Vec<String>,
}

/// How far the replay agrees with the record.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Agreement {
    /// Calls compared.
    pub calls: usize,
    /// Calls whose response is the recorded one.
    pub agreeing: usize,
    /// The first differences, `span path: recorded, replayed`.
    pub differences: Vec<String>,
}

impl Replay {
    /// Runs the trace's calls on the rebuilt state.
    pub fn run(
        reconstruction: &Reconstruction,
        traced: &TracedCalls<'_>,
        clones: &[CloneDescriptor],
    ) -> Result<Self, Vec<Diagnostic>> {
        let mut open: BTreeMap<&'static str, Running> = BTreeMap::new();
        for (name, seed) in &reconstruction.seeds {
            let Some(descriptor) = clones.iter().find(|clone| clone.name == name) else {
                continue;
            };
            let clone = (descriptor.open)(&OpenClone {
                base: reconstruction.base,
                ids: 0,
                seed: Seed::Document(seed),
            })?;
            let before = clone.state();
            open.insert(
                descriptor.name,
                Running {
                    clone,
                    before,
                    credential: descriptor.credentials.first().map(|(_, dummy)| *dummy),
                    ids: BTreeMap::new(),
                },
            );
        }
        let calls = traced
            .calls
            .iter()
            .filter_map(|call| {
                let running = open.get_mut(call.clone)?;
                Some(running.replay(call, reconstruction.base))
            })
            .collect();
        let clones = open
            .into_iter()
            .map(|(name, running)| {
                let after = ReplayedClone {
                    before: running.before,
                    after: running.clone.state(),
                    diff: running.clone.diff(),
                };
                (name.to_owned(), after)
            })
            .collect();
        Ok(Self { calls, clones })
    }

    /// How far it agrees with the record.
    pub fn agreement(&self) -> Agreement {
        let differences: Vec<String> = self
            .calls
            .iter()
            .flat_map(|call| {
                call.differences
                    .iter()
                    .map(move |difference| format!("{} {difference}", call.span))
            })
            .take(20)
            .collect();
        Agreement {
            calls: self.calls.len(),
            agreeing: self
                .calls
                .iter()
                .filter(|call| call.differences.is_empty())
                .count(),
            differences,
        }
    }
}

struct Running {
    clone: Box<dyn ServiceClone>,
    before: Arc<dyn CloneState>,
    credential: Option<&'static str>,
    /// Ids the service gave to what the trace made, to the ids the clone gave.
    ids: BTreeMap<String, String>,
}

impl Running {
    fn replay(&mut self, call: &TracedCall<'_>, base: Timestamp) -> ReplayedCall {
        let recorded = call.http;
        let path = self.translate(&call.path);
        let query = self.translate(&call.query);
        let body = recorded
            .request_body
            .as_ref()
            .map_or_else(Bytes::new, |body| {
                let text = match body {
                    Value::String(text) => text.clone(),
                    other => other.to_string(),
                };
                Bytes::from(self.translate(&text))
            });
        let mut headers = vec![
            ("accept".to_owned(), "application/json".to_owned()),
            ("user-agent".to_owned(), "archal".to_owned()),
        ];
        if let Some(credential) = self.credential {
            headers.push(("authorization".to_owned(), format!("Bearer {credential}")));
        }
        if !body.is_empty() {
            headers.push(("content-type".to_owned(), "application/json".to_owned()));
        }
        let request = CloneRequest {
            method: recorded.method.clone(),
            scheme: "https".to_owned(),
            host: call.host.clone(),
            path,
            query,
            headers,
            body,
            spool: None,
        };
        let now = call.at.filter(|at| *at >= base).unwrap_or(base);
        let response = self.clone.call(&request, now);
        let evidence = parse(&response.body.evidence);
        // They differ only where a call of this run set a time.
        let apart =
            (response.body.wire != response.body.evidence).then(|| parse(&response.body.wire));
        let wire = apart.as_ref().unwrap_or(&evidence);
        let mut differences = Vec::new();
        if let Some(status) = recorded.status
            && status != response.status
        {
            differences.push(format!(
                "status: recorded {status}, replayed {}",
                response.status
            ));
        } else if let Some(body) = &recorded.response_body {
            self.compare("", body, wire, &evidence, &mut differences);
        }
        ReplayedCall {
            span: call.span.to_owned(),
            clone: call.clone,
            operation: response.operation,
            method: recorded.method.clone(),
            path: if call.query.is_empty() {
                call.path.clone()
            } else {
                format!("{}?{}", call.path, call.query)
            },
            request: recorded.request_body.clone().unwrap_or(Value::Null),
            status: response.status,
            response: evidence,
            changes: response.changes,
            differences,
        }
    }

    fn translate(&self, text: &str) -> String {
        self.ids
            .iter()
            .fold(text.to_owned(), |text, (recorded, ours)| {
                text.replace(recorded, ours)
            })
    }

    /// Compares a recorded body with the clone's, as the client saw it and as evidence.
    ///
    /// A time set by a call is `+run` in evidence and may be any time in the record. An id the
    /// record gives to something the trace made is learnt and translated from then on.
    fn compare(
        &mut self,
        at: &str,
        recorded: &Value,
        wire: &Value,
        evidence: &Value,
        differences: &mut Vec<String>,
    ) {
        if differences.len() >= DIFFERENCES || recorded == wire {
            return;
        }
        match (recorded, wire, evidence) {
            (Value::Object(theirs), Value::Object(ours), Value::Object(proof)) => {
                for name in ["id", "node_id"] {
                    self.learn(theirs.get(name), ours.get(name));
                }
                for (name, theirs) in theirs {
                    let path = format!("{at}/{name}");
                    match (ours.get(name), proof.get(name)) {
                        (Some(ours), Some(proof)) => {
                            self.compare(&path, theirs, ours, proof, differences);
                        }
                        // A field the clone does not render is a gap of the clone, not of the state.
                        _ if theirs.is_null() => {}
                        _ => differences.push(format!("{path}: not rendered")),
                    }
                }
            }
            (Value::Array(theirs), Value::Array(ours), Value::Array(proof)) => {
                if theirs.len() != ours.len() {
                    differences.push(format!(
                        "{at}: recorded {} items, replayed {}",
                        theirs.len(),
                        ours.len()
                    ));
                    return;
                }
                for (index, ((theirs, ours), proof)) in
                    theirs.iter().zip(ours).zip(proof).enumerate()
                {
                    self.compare(&format!("{at}/{index}"), theirs, ours, proof, differences);
                }
            }
            (Value::String(theirs), Value::String(ours), proof) => {
                let set_by_call = proof == "+run" && theirs.parse::<Timestamp>().is_ok();
                if !set_by_call && self.translate(theirs) != *ours {
                    differences.push(format!("{at}: recorded {theirs:?}, replayed {ours:?}"));
                }
            }
            _ => {
                let known = |value: &Value| self.ids.contains_key(&value.to_string());
                if !known(recorded) {
                    differences.push(format!("{at}: recorded {recorded}, replayed {wire}"));
                }
            }
        }
    }

    fn learn(&mut self, recorded: Option<&Value>, ours: Option<&Value>) {
        let text = |value: &Value| match value {
            Value::String(text) if text.len() >= 8 => Some(text.clone()),
            Value::Number(number) if number.as_u64().is_some_and(|id| id >= 10_000) => {
                Some(number.to_string())
            }
            _ => None,
        };
        if let (Some(recorded), Some(ours)) = (recorded.and_then(text), ours.and_then(text))
            && recorded != ours
        {
            self.ids.entry(recorded).or_insert(ours);
        }
    }
}

fn parse(body: &[u8]) -> Value {
    if body.is_empty() {
        return Value::Null;
    }
    serde_json::from_slice(body)
        .unwrap_or_else(|_| Value::String(String::from_utf8_lossy(body).into_owned()))
}
