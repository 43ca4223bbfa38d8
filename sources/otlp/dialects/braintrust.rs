//! Braintrust: what its exporters write over OpenTelemetry, and what `crate::braintrust` makes of its
//! rows.

use archal_core::trace::{Score, ScoreOrigin, SpanKind, Usage};
use serde_json::{Map, Value};

use super::plain::tags;
use super::{Dialect, Heading, Said, json_of, places, spoken};
use crate::otlp::attributes::{Taking, text_of};

pub(super) const DIALECT: Dialect = Dialect {
    name: "braintrust",
    fits: |taking, _| {
        [KIND, INPUT[0], INPUT[1], OUTPUT[0], OUTPUT[1]]
            .iter()
            .any(|name| taking.has(name))
    },
    read,
};

const KIND: &str = "braintrust.span_attributes";
const INPUT: [&str; 2] = ["braintrust.input_json", "braintrust.input"];
const OUTPUT: [&str; 2] = ["braintrust.output_json", "braintrust.output"];
const METADATA: &str = "braintrust.metadata";

fn read(taking: &mut Taking, heading: &mut Heading<'_>) -> Said {
    let mut object = |name: &str| match taking.json(&[name], "attributes") {
        Some(Value::Object(map)) => map,
        _ => Map::new(),
    };
    let mut about = object(KIND);
    let mut metadata = object(METADATA);
    let mut metrics = object("braintrust.metrics");
    let scores = object("braintrust.scores");
    let kind = match about.get("type").and_then(Value::as_str) {
        Some("llm") => SpanKind::Llm,
        Some("tool") => SpanKind::Tool,
        _ => SpanKind::Other,
    };
    let text = |from: &mut Map<String, Value>, names: &[&str]| {
        let name = names
            .iter()
            .find(|name| from.get(**name).and_then(text_of).is_some())?;
        from.remove(*name).as_ref().and_then(text_of)
    };
    let (at_input, at_output) = places(Some(kind));
    let mut said = Said {
        kind: Some(kind),
        input: taking.json(&INPUT, at_input),
        output: taking.json(&OUTPUT, at_output),
        usage: usage(&mut metrics),
        session: text(
            &mut metadata,
            &["session_id", "sessionId", "thread_id", "conversation_id"],
        ),
        user: text(&mut metadata, &["user_id", "userId"]),
        tags: tags(taking, &["braintrust.tags"]),
        scores: scores.into_iter().filter_map(score).collect(),
        ..Said::default()
    };
    match kind {
        SpanKind::Llm => {
            said.model = text(&mut metadata, &["model"]);
            said.asked = spoken(taking, INPUT[0], &mut said.input, "user");
            said.answered = spoken(taking, OUTPUT[0], &mut said.output, "assistant");
        }
        SpanKind::Tool => {
            said.tool = text(&mut about, &["name"]).or_else(|| Some(heading.name.to_owned()));
            said.call_id = text(&mut metadata, &["tool_call_id", "toolCallId", "call_id"]);
            said.input = said.input.map(|input| json_of(&input));
            said.output = said.output.map(|output| json_of(&output));
        }
        _ => {}
    }
    about.remove("name");
    if kind != SpanKind::Other {
        about.remove("type");
    }
    for (name, left) in [
        (KIND, about),
        (METADATA, metadata),
        ("braintrust.metrics", metrics),
    ] {
        if !left.is_empty() {
            taking.put(name, Value::Object(left));
        }
    }
    said
}

fn usage(metrics: &mut Map<String, Value>) -> Usage {
    let mut count = |names: &[&str]| {
        let number = names.iter().find_map(|name| metrics.get(*name)?.as_f64());
        for name in names {
            metrics.remove(*name);
        }
        number.filter(|number| *number >= 0.0)
    };
    let tokens = |number: Option<f64>| number.map(|number| number as u64);
    let usage = Usage {
        input_tokens: tokens(count(&["prompt_tokens"])),
        output_tokens: tokens(count(&["completion_tokens"])),
        cached_tokens: tokens(count(&["prompt_cached_tokens"])),
        cost_usd: count(&["estimated_cost", "cost"]),
    };
    for name in ["start", "end", "tokens"] {
        metrics.remove(name);
    }
    usage
}

/// A score without a value was asked for and not given.
fn score((name, value): (String, Value)) -> Option<Score> {
    (!value.is_null()).then_some(Score {
        name,
        value,
        origin: ScoreOrigin::Eval,
        comment: None,
    })
}
