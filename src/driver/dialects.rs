//! How each agent writes its records.

use serde_json::Value;

use crate::budget::prices::Tokens;

use super::records::{Left, Reading, Trouble, TroubleKind, line};
use super::usage::{Usage, Used};

fn text<'a>(value: &'a Value, pointer: &str) -> &'a str {
    value.pointer(pointer).and_then(Value::as_str).unwrap_or("")
}

fn number(value: &Value, pointer: &str) -> u64 {
    value
        .pointer(pointer)
        .and_then(Value::as_u64)
        .unwrap_or_default()
}

fn is(record: &Value, kind: &str) -> bool {
    record["type"] == kind
}

/// `type: result` is the end. Its `subtype` says `success` without a key, too.
pub(super) fn claude(records: &[Value]) -> Reading {
    let Some(end) = records.iter().rfind(|record| is(record, "result")) else {
        return Reading::default();
    };
    let message = match end["errors"].as_array() {
        Some(errors) => errors
            .iter()
            .filter_map(Value::as_str)
            .collect::<Vec<_>>()
            .join("; "),
        None => text(end, "/result").to_owned(),
    };
    let subtype = text(end, "/subtype");
    let limit = match subtype {
        "error_max_turns" => Some(TroubleKind::LimitTurns),
        "error_max_budget_usd" => Some(TroubleKind::LimitBudget),
        _ => None,
    };
    let is_error = end["is_error"].as_bool().unwrap_or(true) || subtype.starts_with("error");
    let trouble = match limit {
        Some(kind) => Some(Trouble {
            kind,
            message: line(&message),
        }),
        None => is_error.then(|| Trouble::of(&message, end["api_error_status"].as_u64())),
    };
    Reading {
        ended: true,
        trouble,
        denied: end["permission_denials"].as_array().map_or(0, Vec::len),
        usage: Usage {
            models: claude_models(end),
            usd: end["total_cost_usd"].as_f64(),
        },
    }
}

/// The totals of `usage` are zero where a limit ended the run, those of `modelUsage` are not.
fn claude_models(end: &Value) -> Vec<Used> {
    let models = end["modelUsage"].as_object();
    let mut used: Vec<Used> = models
        .into_iter()
        .flatten()
        .map(|(model, said)| Used {
            model: Some(line(model)),
            tokens: Tokens::with_cache_apart(
                number(said, "/inputTokens"),
                number(said, "/cacheReadInputTokens"),
                number(said, "/cacheCreationInputTokens"),
                number(said, "/outputTokens"),
            ),
        })
        .collect();
    let said = &end["usage"];
    if used.is_empty() && said.is_object() {
        used.push(Used {
            model: None,
            tokens: Tokens::with_cache_apart(
                number(said, "/input_tokens"),
                number(said, "/cache_read_input_tokens"),
                number(said, "/cache_creation_input_tokens"),
                number(said, "/output_tokens"),
            ),
        });
    }
    used
}

/// `turn.completed` or `turn.failed` is the end; an item of type `error` is a warning.
pub(super) fn codex(records: &[Value]) -> Reading {
    let mut reading = Reading::default();
    for record in records {
        match text(record, "/type") {
            "turn.completed" => {
                reading.ended = true;
                reading.trouble = None;
                let said = &record["usage"];
                reading.usage.models.push(Used {
                    model: None,
                    tokens: Tokens {
                        input: number(said, "/input_tokens"),
                        cache_read: number(said, "/cached_input_tokens"),
                        cache_write: number(said, "/cache_write_input_tokens"),
                        output: number(said, "/output_tokens"),
                    },
                });
            }
            "turn.failed" => {
                reading.ended = true;
                reading.trouble = Some(Trouble::of(text(record, "/error/message"), None));
            }
            "error" => reading.trouble = Some(Trouble::of(text(record, "/message"), None)),
            "item.completed" if text(record, "/item/status") == "declined" => reading.denied += 1,
            _ => {}
        }
    }
    reading
}

/// A stream with `type: result`, or one JSON document, which is on stderr where it is an error.
pub(super) fn gemini(left: &Left<'_>) -> Reading {
    let records = super::records::records(left);
    if let Some(end) = records.iter().rfind(|record| is(record, "result")) {
        let message = text(end, "/error/message");
        return Reading {
            ended: true,
            trouble: (end["status"] != "success").then(|| Trouble::of(message, None)),
            denied: 0,
            usage: gemini_usage(&end["stats"]),
        };
    }
    let whole = serde_json::from_slice::<Value>(left.stdout).ok();
    let Some(end) = whole.or_else(|| last_document(left.stderr)) else {
        return Reading::default();
    };
    let error = &end["error"];
    let rejected = number(&end, "/stats/tools/totalDecisions/reject");
    Reading {
        ended: end["response"].is_string() || error.is_object(),
        trouble: error
            .is_object()
            .then(|| Trouble::of(text(error, "/message"), error["code"].as_u64())),
        denied: usize::try_from(rejected).unwrap_or(usize::MAX),
        usage: gemini_usage(&end["stats"]),
    }
}

fn gemini_usage(stats: &Value) -> Usage {
    let models = stats["models"].as_object();
    let models = models.into_iter().flatten().map(|(model, said)| Used {
        model: Some(line(model)),
        tokens: match said["tokens"].is_object() {
            true => Tokens {
                input: number(said, "/tokens/prompt"),
                cache_read: number(said, "/tokens/cached"),
                cache_write: 0,
                output: number(said, "/tokens/candidates")
                    .saturating_add(number(said, "/tokens/thoughts")),
            },
            false => Tokens {
                input: number(said, "/input_tokens"),
                cache_read: number(said, "/cached"),
                cache_write: 0,
                output: number(said, "/output_tokens"),
            },
        },
    });
    Usage {
        models: models.collect(),
        usd: None,
    }
}

/// The JSON object at the end of a text, which begins at the last line that is `{` alone.
fn last_document(bytes: &[u8]) -> Option<Value> {
    let end = String::from_utf8_lossy(&bytes[bytes.len().saturating_sub(64 << 10)..]);
    let begin = end.rfind("\n{\n").map_or(0, |at| at + 1);
    serde_json::from_str(end[begin..].trim()).ok()
}

/// `type: result` with `exitCode` is the end; the error stands in `session.error`, the usage in a
/// file.
pub(super) fn copilot(records: &[Value], usage: Option<&[u8]>) -> Reading {
    let Some(end) = records.iter().rfind(|record| is(record, "result")) else {
        return Reading::default();
    };
    let told = records.iter().rfind(|record| is(record, "session.error"));
    let failed = end["exitCode"].as_i64() != Some(0);
    let trouble = told.map(|told| {
        let message = text(told, "/data/message");
        let mut trouble = Trouble::of(
            message,
            told.pointer("/data/statusCode").and_then(Value::as_u64),
        );
        match text(told, "/data/errorType") {
            "authentication" => trouble.kind = TroubleKind::Auth,
            "quota" | "rate_limit" => trouble.kind = TroubleKind::Quota,
            _ => {}
        }
        trouble
    });
    let said: Value = usage
        .and_then(|bytes| serde_json::from_slice(bytes).ok())
        .unwrap_or_default();
    let models = said["modelMetrics"].as_object();
    let models = models.into_iter().flatten().map(|(model, said)| Used {
        model: Some(line(model)),
        tokens: Tokens {
            input: number(said, "/usage/inputTokens"),
            cache_read: number(said, "/usage/cacheReadTokens"),
            cache_write: number(said, "/usage/cacheWriteTokens"),
            output: number(said, "/usage/outputTokens"),
        },
    });
    Reading {
        ended: true,
        trouble: trouble
            .filter(|_| failed)
            .or_else(|| failed.then(|| Trouble::of("it says that it failed", None))),
        denied: 0,
        usage: Usage {
            models: models.collect(),
            usd: None,
        },
    }
}

/// There is no end record: the last `step_finish` says `stop`.
pub(super) fn opencode(records: &[Value]) -> Reading {
    let mut reading = Reading::default();
    let mut tokens = Tokens::default();
    let mut usd = None;
    for record in records {
        match text(record, "/type") {
            "step_start" => reading.ended = false,
            "step_finish" => {
                let part = &record["part"];
                reading.ended = text(part, "/reason") == "stop";
                let step = Tokens::with_cache_apart(
                    number(part, "/tokens/input"),
                    number(part, "/tokens/cache/read"),
                    number(part, "/tokens/cache/write"),
                    number(part, "/tokens/output")
                        .saturating_add(number(part, "/tokens/reasoning")),
                );
                tokens = Tokens {
                    input: tokens.input.saturating_add(step.input),
                    cache_read: tokens.cache_read.saturating_add(step.cache_read),
                    cache_write: tokens.cache_write.saturating_add(step.cache_write),
                    output: tokens.output.saturating_add(step.output),
                };
                reading.usage.models = vec![Used {
                    model: None,
                    tokens,
                }];
                if let Some(cost) = part["cost"].as_f64() {
                    usd = Some(usd.unwrap_or(0.0) + cost);
                }
            }
            "error" => {
                let message = match text(record, "/error/data/message") {
                    "" => text(record, "/error/name"),
                    message => message,
                };
                let status = record.pointer("/error/data/statusCode");
                reading.trouble = Some(Trouble::of(message, status.and_then(Value::as_u64)));
            }
            _ => {}
        }
    }
    reading.usage.usd = usd;
    reading
}

/// Plain text, and exit 0 even where no model was ever reached: lines that begin with `litellm.`
/// are its errors, `Tokens:` lines its usage.
pub(super) fn aider(left: &Left<'_>) -> Reading {
    let mut reading = Reading {
        ended: true,
        ..Reading::default()
    };
    let mut tokens = Tokens::default();
    let mut told = false;
    for part in [left.stdout, left.stdout_end, left.stderr] {
        for said in String::from_utf8_lossy(part).lines() {
            if said.starts_with("litellm.") {
                reading.trouble = Some(Trouble::of(said, None));
            } else if let Some(said) = said.strip_prefix("Tokens: ") {
                told = true;
                tokens.input = tokens.input.saturating_add(count(said, "sent"));
                tokens.output = tokens.output.saturating_add(count(said, "received"));
                reading.trouble = None;
                if let Some((_, cost)) = said.split_once("Cost: ") {
                    let session = cost.split(", ").last().unwrap_or_default();
                    let amount = session.split(' ').next().unwrap_or_default();
                    reading.usage.usd = amount.trim_start_matches('$').parse().ok();
                }
            }
        }
    }
    if told {
        reading.usage.models.push(Used {
            model: None,
            tokens,
        });
    }
    reading
}

/// The number before a word: `1.2k` before `sent`.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a float is cut off at the ends of the integers"
)]
fn count(said: &str, word: &str) -> u64 {
    let mut words = said.split([' ', ',']).filter(|word| !word.is_empty());
    let mut before = "";
    let found = words.any(|next| {
        let is_it = next.trim_end_matches('.') == word;
        if !is_it {
            before = next;
        }
        is_it
    });
    let (digits, unit) = match before.strip_suffix(['k', 'K']) {
        Some(digits) => (digits, 1e3),
        None => match before.strip_suffix('M') {
            Some(digits) => (digits, 1e6),
            None => (before, 1.0),
        },
    };
    match digits.parse::<f64>() {
        Ok(number) if found => (number * unit).round() as u64,
        _ => 0,
    }
}

/// `{"status", "message"}` in the result file, where the command writes one.
pub(super) fn command(result: Option<&[u8]>) -> Reading {
    let said: Value = result
        .and_then(|bytes| serde_json::from_slice(bytes).ok())
        .unwrap_or_default();
    let kind = match text(&said, "/status") {
        "auth" => Some(TroubleKind::Auth),
        "quota" => Some(TroubleKind::Quota),
        "limit_turns" => Some(TroubleKind::LimitTurns),
        "limit_budget" => Some(TroubleKind::LimitBudget),
        "denied" => Some(TroubleKind::Denied),
        "error" => Some(TroubleKind::Other),
        _ => None,
    };
    Reading {
        ended: true,
        trouble: kind.map(|kind| Trouble {
            kind,
            message: line(text(&said, "/message")),
        }),
        ..Reading::default()
    }
}
