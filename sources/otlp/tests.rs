//! Real and hand-made exports through the dialect adapters.

use archal_core::trace::Trace;
use proptest::prelude::*;

use super::{Request, decode_json};

const SDK_JSON: &str = include_str!("fixtures/python-sdk.json");
const SDK_LINES: &str = include_str!("fixtures/python-sdk.jsonl");
const OLD_NAMES: &str = include_str!("fixtures/old-names.json");

fn read(text: &str) -> Request {
    decode_json(text.as_bytes()).expect("it is an export")
}

fn one_trace(request: Request) -> Trace {
    let mut diagnostics = Vec::new();
    let mut traces = super::assemble(request, &mut diagnostics);
    assert_eq!(traces.len(), 1, "{diagnostics:?}");
    traces.remove(0).trace
}

fn as_text(trace: &Trace) -> String {
    serde_json::to_string_pretty(trace).expect("a trace is JSON")
}

#[test]
fn what_the_python_sdk_writes_is_understood_whole() {
    insta::assert_snapshot!(as_text(&one_trace(read(SDK_JSON))), @r#"
    {
      "id": "6513270e269e0d37f2a74de452e6b438",
      "name": "invoke_agent janitor",
      "revision": "",
      "startedAt": "2026-11-21T11:38:17.420372963Z",
      "endedAt": "2026-11-21T11:38:17.42123662Z",
      "status": "unset",
      "error": null,
      "input": "close stale issues in acme/webapp",
      "output": "Closed 1 issue.",
      "model": "model-x-2026",
      "sessionId": "conv-9",
      "userId": null,
      "environment": "prod",
      "release": "1.4.0",
      "tags": [],
      "metadata": {
        "service.instance.id": "one",
        "telemetry.sdk.language": "python",
        "telemetry.sdk.name": "opentelemetry",
        "telemetry.sdk.version": "1.45.2"
      },
      "scores": [
        {
          "name": "helpful",
          "value": 0.25,
          "origin": "eval",
          "comment": "closed a kept issue"
        }
      ],
      "completeness": {
        "content": true,
        "truncated": [],
        "dropped": 0,
        "orphans": 0
      },
      "spans": [
        {
          "id": "0c5c7fd0a6a3a450",
          "parentId": null,
          "name": "invoke_agent janitor",
          "kind": "agent",
          "startedAt": "2026-11-21T11:38:17.420372963Z",
          "endedAt": "2026-11-21T11:38:17.42123662Z",
          "status": "unset",
          "error": null,
          "input": "close stale issues in acme/webapp",
          "output": null,
          "tool": null,
          "http": null,
          "llm": null,
          "attributes": {
            "gen_ai.agent.name": "janitor"
          }
        },
        {
          "id": "d23f0824128b2f33",
          "parentId": "0c5c7fd0a6a3a450",
          "name": "chat model-x",
          "kind": "llm",
          "startedAt": "2026-11-21T11:38:17.420466432Z",
          "endedAt": "2026-11-21T11:38:17.420481665Z",
          "status": "unset",
          "error": null,
          "input": null,
          "output": null,
          "tool": null,
          "http": null,
          "llm": {
            "model": "model-x-2026",
            "messages": [
              {
                "role": "user",
                "parts": [
                  {
                    "type": "text",
                    "text": "close stale issues in acme/webapp"
                  }
                ]
              },
              {
                "role": "assistant",
                "parts": [
                  {
                    "type": "tool_call",
                    "id": "call_1",
                    "name": "list_issues",
                    "arguments": {
                      "repo": "acme/webapp",
                      "state": "open"
                    }
                  }
                ]
              }
            ],
            "usage": {
              "inputTokens": 120,
              "outputTokens": 18,
              "cachedTokens": null,
              "costUsd": null
            }
          },
          "attributes": {}
        },
        {
          "id": "1818e811892f902b",
          "parentId": "0c5c7fd0a6a3a450",
          "name": "execute_tool list_issues",
          "kind": "tool",
          "startedAt": "2026-11-21T11:38:17.420541744Z",
          "endedAt": "2026-11-21T11:38:17.42061255Z",
          "status": "unset",
          "error": null,
          "input": null,
          "output": null,
          "tool": {
            "name": "list_issues",
            "callId": "call_1",
            "arguments": {
              "repo": "acme/webapp",
              "state": "open"
            },
            "result": [
              {
                "number": 7
              }
            ],
            "resultIsError": false
          },
          "http": null,
          "llm": null,
          "attributes": {}
        },
        {
          "id": "9531985d5d9dc9f8",
          "parentId": "1818e811892f902b",
          "name": "GET",
          "kind": "http",
          "startedAt": "2026-11-21T11:38:17.420591989Z",
          "endedAt": "2026-11-21T11:38:17.420602815Z",
          "status": "unset",
          "error": null,
          "input": null,
          "output": null,
          "tool": null,
          "http": {
            "method": "GET",
            "url": "https://api.github.com/repos/acme/webapp/issues?state=open&page=1",
            "status": 200,
            "requestHeaders": {
              "authorization": "Bearer ghp_planted000000000000000000000001"
            },
            "responseHeaders": {
              "link": "<https://api.github.com/repositories/1/issues?state=open&page=2>; rel=\"next\""
            },
            "requestBody": null,
            "responseBody": [
              {
                "labels": [
                  {
                    "name": "keep-open"
                  }
                ],
                "number": 7,
                "title": "crash on start"
              }
            ]
          },
          "llm": null,
          "attributes": {
            "server.address": "api.github.com"
          }
        },
        {
          "id": "e8e25d940ed90475",
          "parentId": "0c5c7fd0a6a3a450",
          "name": "chat model-x",
          "kind": "llm",
          "startedAt": "2026-11-21T11:38:17.420657326Z",
          "endedAt": "2026-11-21T11:38:17.420667361Z",
          "status": "unset",
          "error": null,
          "input": null,
          "output": null,
          "tool": null,
          "http": null,
          "llm": {
            "model": "model-x",
            "messages": [
              {
                "role": "tool",
                "parts": [
                  {
                    "type": "tool_result",
                    "id": "call_1",
                    "result": [
                      {
                        "number": 7
                      }
                    ]
                  }
                ]
              },
              {
                "role": "assistant",
                "parts": [
                  {
                    "type": "text",
                    "text": "Closed 1 issue."
                  }
                ]
              }
            ],
            "usage": {
              "inputTokens": null,
              "outputTokens": null,
              "cachedTokens": null,
              "costUsd": null
            }
          },
          "attributes": {}
        },
        {
          "id": "36f675cc81e74ef5",
          "parentId": "0c5c7fd0a6a3a450",
          "name": "PATCH",
          "kind": "http",
          "startedAt": "2026-11-21T11:38:17.420698808Z",
          "endedAt": "2026-11-21T11:38:17.421205083Z",
          "status": "error",
          "error": "read timed out",
          "input": null,
          "output": null,
          "tool": null,
          "http": {
            "method": "PATCH",
            "url": "https://api.github.com/repos/acme/webapp/issues/7",
            "status": null,
            "requestBody": {
              "state": "closed"
            },
            "responseBody": null
          },
          "llm": null,
          "attributes": {
            "otel.events": [
              {
                "at": "2026-11-21T11:38:17.421178273Z",
                "attributes": {
                  "exception.escaped": "False",
                  "exception.message": "read timed out",
                  "exception.stacktrace": "Traceback (most recent call last):\nTimeoutError: read timed out",
                  "exception.type": "TimeoutError"
                },
                "name": "exception"
              }
            ]
          }
        }
      ]
    }
    "#);
}

#[test]
fn both_exporters_of_the_python_sdk_give_the_same_trace() {
    let mut lines = Request::default();
    for line in SDK_LINES.lines() {
        lines.spans.extend(read(line).spans);
    }
    let (lines, document) = (one_trace(lines), one_trace(read(SDK_JSON)));
    assert_eq!(as_text(&lines), as_text(&document));
    assert_eq!(lines.revision_of(), document.revision_of());
}

#[test]
fn old_names_are_understood_and_what_was_cut_is_said() {
    insta::assert_snapshot!(as_text(&one_trace(read(OLD_NAMES))), @r#"
    {
      "id": "5b8efff798038103d269b633813fc60c",
      "name": "triage",
      "revision": "",
      "startedAt": "2023-11-14T22:13:20.000000001Z",
      "endedAt": "2023-11-14T22:13:29Z",
      "status": "error",
      "error": "gave up",
      "input": "triage issue 12",
      "output": "Labelled issue 12 as bug.",
      "model": "gpt-old",
      "sessionId": null,
      "userId": null,
      "environment": "staging",
      "release": null,
      "tags": [
        "nightly"
      ],
      "metadata": {},
      "scores": [],
      "completeness": {
        "content": true,
        "truncated": [
          "spans[3].http.responseBody"
        ],
        "dropped": 3,
        "orphans": 0
      },
      "spans": [
        {
          "id": "eee19b7ec3c1b174",
          "parentId": null,
          "name": "triage",
          "kind": "agent",
          "startedAt": "2023-11-14T22:13:20.000000001Z",
          "endedAt": "2023-11-14T22:13:29Z",
          "status": "error",
          "error": "gave up",
          "input": null,
          "output": null,
          "tool": null,
          "http": null,
          "llm": null,
          "attributes": {}
        },
        {
          "id": "eee19b7ec3c1b175",
          "parentId": "eee19b7ec3c1b174",
          "name": "openai.chat",
          "kind": "llm",
          "startedAt": "2023-11-14T22:13:21Z",
          "endedAt": "2023-11-14T22:13:22Z",
          "status": "unset",
          "error": null,
          "input": null,
          "output": null,
          "tool": null,
          "http": null,
          "llm": {
            "model": "gpt-old",
            "messages": [
              {
                "role": "system",
                "parts": [
                  {
                    "type": "text",
                    "text": "You triage."
                  }
                ]
              },
              {
                "role": "user",
                "parts": [
                  {
                    "type": "text",
                    "text": "triage issue 12"
                  }
                ]
              },
              {
                "role": "assistant",
                "parts": [
                  {
                    "type": "tool_call",
                    "id": "call_1",
                    "name": "label",
                    "arguments": {
                      "issue": 12,
                      "label": "bug"
                    }
                  }
                ]
              }
            ],
            "usage": {
              "inputTokens": 40,
              "outputTokens": 9,
              "cachedTokens": null,
              "costUsd": null
            }
          },
          "attributes": {
            "gen_ai.prompt.4000000000.content": "an attack on memory",
            "gen_ai.system": "openai"
          }
        },
        {
          "id": "eee19b7ec3c1b176",
          "parentId": "eee19b7ec3c1b174",
          "name": "execute_tool label",
          "kind": "tool",
          "startedAt": "2023-11-14T22:13:23Z",
          "endedAt": "2023-11-14T22:13:24Z",
          "status": "unset",
          "error": null,
          "input": null,
          "output": null,
          "tool": {
            "name": "label",
            "callId": "call_1",
            "arguments": {
              "issue": 12,
              "label": "bug"
            },
            "result": {
              "content": "no such label",
              "isError": true
            },
            "resultIsError": true
          },
          "http": null,
          "llm": null,
          "attributes": {}
        },
        {
          "id": "eee19b7ec3c1b177",
          "parentId": "eee19b7ec3c1b176",
          "name": "HTTP POST",
          "kind": "http",
          "startedAt": "2023-11-14T22:13:23.1Z",
          "endedAt": "2023-11-14T22:13:23.4Z",
          "status": "unset",
          "error": null,
          "input": null,
          "output": null,
          "tool": null,
          "http": {
            "method": "POST",
            "url": "https://api.github.com/repos/acme/webapp/issues/12/labels?x=1",
            "status": 404,
            "requestHeaders": {
              "content-type": "application/json"
            },
            "requestBody": {
              "labels": [
                "bug"
              ]
            },
            "responseBody": "{\"message\":\"Not Found\",\"documentation_url\":\"https://doc"
          },
          "llm": null,
          "attributes": {
            "net.peer.name": "api.github.com"
          }
        },
        {
          "id": "eee19b7ec3c1b178",
          "parentId": "eee19b7ec3c1b174",
          "name": "chat gpt-old",
          "kind": "llm",
          "startedAt": "2023-11-14T22:13:25Z",
          "endedAt": "2023-11-14T22:13:26Z",
          "status": "unset",
          "error": null,
          "input": null,
          "output": null,
          "tool": null,
          "http": null,
          "llm": {
            "model": "gpt-old",
            "messages": [
              {
                "role": "user",
                "parts": [
                  {
                    "type": "text",
                    "text": "triage issue 12"
                  }
                ]
              },
              {
                "role": "assistant",
                "parts": [
                  {
                    "type": "text",
                    "text": "Labelled issue 12 as bug."
                  }
                ]
              }
            ],
            "usage": {
              "inputTokens": null,
              "outputTokens": null,
              "cachedTokens": null,
              "costUsd": null
            }
          },
          "attributes": {}
        }
      ]
    }
    "#);
}

#[test]
fn a_trace_without_content_says_so() {
    let export = read(
        r#"{"resourceSpans":[{"scopeSpans":[{"spans":[{"traceId":"t","spanId":"s","name":"chat","attributes":{"gen_ai.operation.name":"chat","gen_ai.request.model":"m"}}]}]}]}"#,
    );
    let trace = one_trace(export);
    assert!(!trace.completeness.content);
    assert_eq!(trace.model.as_deref(), Some("m"));
}

#[test]
fn calls_that_only_messages_tell_get_spans_that_say_so() {
    let asked = r#"[{\"role\":\"assistant\",\"parts\":[{\"type\":\"tool_call\",\"id\":\"c1\",\"name\":\"label\",\"arguments\":{\"issue\":12}}]}]"#;
    let told = r#"[{\"role\":\"user\",\"content\":[{\"type\":\"tool_result\",\"tool_use_id\":\"c1\",\"is_error\":true,\"content\":\"no such label\"}]}]"#;
    let chat = |id: &str, start: u8, name: &str, messages: &str| {
        format!(
            r#"{{"traceId":"t","spanId":"{id}","parentSpanId":"agent","name":"chat",
            "startTimeUnixNano":"{start}000000000","endTimeUnixNano":"{start}500000000",
            "attributes":{{"gen_ai.operation.name":"chat","{name}":"{messages}"}}}}"#
        )
    };
    let first = chat("m1", 1, "gen_ai.output.messages", asked);
    let second = chat("m2", 3, "gen_ai.input.messages", told);
    let trace = one_trace(read(&format!(
        r#"{{"resourceSpans":[{{"scopeSpans":[{{"spans":[{first},{second}]}}]}}]}}"#
    )));
    let made: Vec<_> = trace
        .spans
        .iter()
        .filter(|span| span.tool.is_some())
        .collect();
    assert_eq!(made.len(), 1, "{}", as_text(&trace));
    let span = made[0];
    assert_eq!(
        (span.id.as_str(), span.parent_id.as_deref()),
        ("m1/c1", Some("agent"))
    );
    assert_eq!(
        span.attributes["archal.toolCall.joined"],
        "from messages alone"
    );
    assert_eq!(span.started_at, trace.spans[0].ended_at);
    let tool = span.tool.as_ref().expect("it is one");
    assert_eq!(tool.name, "label");
    assert_eq!(tool.arguments, Some(serde_json::json!({"issue": 12})));
    assert!(tool.result_is_error, "the message says that it is an error");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn the_order_of_spans_changes_nothing(
        which in 0..2_usize,
        order in Just((0..12_usize).collect::<Vec<_>>()).prop_shuffle(),
        twice in 0..5_usize,
    ) {
        let export = read([SDK_JSON, OLD_NAMES][which]);
        let whole = one_trace(export.clone());
        let mut shuffled = Request::default();
        for place in order {
            shuffled.spans.extend(export.spans.get(place).cloned());
        }
        // A retried export brings a span again.
        shuffled.spans.extend(export.spans.get(twice).cloned());
        prop_assert_eq!(one_trace(shuffled).revision_of(), whole.revision_of());
    }
}
