//! A run as it went: `transcript.json`. What the agent was asked, each call in order, what it
//! said in the end and how it ended.
//!
//! Bodies are kept up to a size that people and judges read; `calls.jsonl` has them whole.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::sandbox::child::ChildOutcome;
use crate::scenario::criteria::CallFact;

use super::trace_file::Step;

/// The value of `schema` in a transcript.
pub const SCHEMA: &str = "archal.transcript";
/// The version of the transcript written here.
pub const VERSION: u32 = 1;
/// The file's name in the folder of a run.
pub const FILE: &str = "transcript.json";

/// Bytes of a body as JSON, above which it is left to `calls.jsonl`.
const BODY: usize = 4 << 10;
/// Calls told; a run may make many more.
const CALLS: usize = 2_000;

/// A run as it went: `transcript.json`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Transcript {
    /// Always `archal.transcript`.
    pub schema: String,
    /// The format's version.
    pub version: u32,
    /// What happened, in order.
    pub entries: Vec<Entry>,
    /// Calls that were made after the last one told here; `calls.jsonl` has all of them.
    #[serde(default, skip_serializing_if = "is_none")]
    pub calls_left_out: usize,
}

/// One thing that happened.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", tag = "kind")]
pub enum Entry {
    /// What the agent was asked.
    Task {
        /// The prompt.
        text: String,
    },
    /// A call to a clone.
    #[serde(rename_all = "camelCase")]
    Call {
        /// Its position in `calls.jsonl`.
        seq: i64,
        /// The clone that answered.
        clone: String,
        /// The operation, where one is modelled.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        operation: Option<String>,
        /// The tool it was made by, where it came over MCP.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        tool: Option<String>,
        /// The method.
        method: String,
        /// Path and query.
        path: String,
        /// The body sent; null where there was none.
        request: Value,
        /// The status answered.
        status: i64,
        /// The body answered; null where there was none.
        response: Value,
    },
    /// What the agent says it did, from the trace it left; its word, and no evidence.
    Step(Step),
    /// What the agent said in the end.
    Answer {
        /// Its words.
        text: String,
    },
    /// How the harness ended.
    End {
        /// The outcome.
        outcome: ChildOutcome,
    },
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde gives a reference")]
fn is_none(number: &usize) -> bool {
    *number == 0
}

impl Transcript {
    /// The same with the agent's own account before its answer.
    #[must_use]
    pub fn with_steps(mut self, steps: Vec<Step>) -> Self {
        let is_answer = |entry: &Entry| matches!(entry, Entry::Answer { .. });
        let before = self.entries.iter().position(is_answer);
        let before = before.unwrap_or(self.entries.len());
        let steps = steps.into_iter().map(Entry::Step);
        self.entries.splice(before..before, steps);
        self
    }
}

/// The transcript of a run.
pub fn of(
    prompt: &str,
    calls: &[CallFact<'_>],
    answer: &str,
    outcome: &ChildOutcome,
) -> Transcript {
    let mut entries = vec![Entry::Task {
        text: prompt.to_owned(),
    }];
    entries.extend(calls.iter().take(CALLS).map(|call| Entry::Call {
        seq: call.seq,
        clone: call.clone.clone(),
        operation: call.operation.clone(),
        tool: call.tool.clone(),
        method: call.method.clone(),
        path: call.target(),
        request: body(call.request.as_deref()),
        status: call.status,
        response: body(call.response.as_deref()),
    }));
    entries.push(Entry::Answer {
        text: answer.to_owned(),
    });
    entries.push(Entry::End {
        outcome: outcome.clone(),
    });
    Transcript {
        schema: SCHEMA.to_owned(),
        version: VERSION,
        entries,
        calls_left_out: calls.len().saturating_sub(CALLS),
    }
}

fn body(body: Option<&Value>) -> Value {
    let Some(body) = body else {
        return Value::Null;
    };
    let size = body.to_string().len();
    if size > BODY {
        Value::from(format!("[{size} bytes, in calls.jsonl]"))
    } else {
        body.clone()
    }
}

#[cfg(test)]
mod tests {
    use std::borrow::Cow;

    use serde_json::json;

    use super::*;

    #[test]
    fn a_run_is_told_from_the_task_to_its_end() {
        let call = |seq, response: Value| CallFact {
            seq,
            clone: "github".to_owned(),
            operation: Some("issues/get".to_owned()),
            tool: (seq == 2).then(|| "issue_read".to_owned()),
            method: "GET".to_owned(),
            path: "/repos/acme/webapp/issues/1".to_owned(),
            status: 200,
            response: Some(Cow::Owned(response)),
            ..CallFact::default()
        };
        let calls = [
            call(1, json!({"number": 1})),
            call(2, json!("x".repeat(BODY))),
        ];
        let transcript = of("Do it.", &calls, "done", &ChildOutcome::Exited { code: 0 });
        insta::assert_json_snapshot!(transcript, @r#"
        {
          "schema": "archal.transcript",
          "version": 1,
          "entries": [
            {
              "kind": "task",
              "text": "Do it."
            },
            {
              "kind": "call",
              "seq": 1,
              "clone": "github",
              "operation": "issues/get",
              "method": "GET",
              "path": "/repos/acme/webapp/issues/1",
              "request": null,
              "status": 200,
              "response": {
                "number": 1
              }
            },
            {
              "kind": "call",
              "seq": 2,
              "clone": "github",
              "operation": "issues/get",
              "tool": "issue_read",
              "method": "GET",
              "path": "/repos/acme/webapp/issues/1",
              "request": null,
              "status": 200,
              "response": "[4098 bytes, in calls.jsonl]"
            },
            {
              "kind": "answer",
              "text": "done"
            },
            {
              "kind": "end",
              "outcome": {
                "how": "exited",
                "code": 0
              }
            }
          ]
        }
        "#);
    }
}
