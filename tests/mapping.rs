//! Calls of tools in traces, over every clone with an official MCP server.

use archal::reconstruct::tools::Tools;
use archal::reconstruct::{Context, exchanges, reconstruct};
use archal_core::clone::CloneDescriptor;
use archal_core::trace::{Span, ToolCall, Trace};
use proptest::prelude::*;
use serde_json::{Map, Value, json};

fn clones() -> &'static [CloneDescriptor] {
    archal::app::clones()
}

fn called(name: &str, arguments: Value, result: Option<Value>) -> Trace {
    Trace {
        id: "t".to_owned(),
        spans: vec![Span {
            id: "s".to_owned(),
            tool: Some(ToolCall {
                name: name.to_owned(),
                arguments: Some(arguments),
                result,
                ..ToolCall::default()
            }),
            ..Span::default()
        }],
        ..Trace::default()
    }
}

fn context(tools: &Tools) -> Context<'_> {
    Context {
        clones: clones(),
        tools,
        owned: &[],
    }
}

/// The operation of the first request that a call is told to be.
fn first_operation(name: &str, arguments: Value) -> Option<&'static str> {
    let tools = Tools::default();
    let trace = called(name, arguments, None);
    let traced = exchanges::of(&trace, &context(&tools));
    let call = traced.calls.first()?;
    let clone = clones().iter().find(|clone| clone.name == call.clone)?;
    (clone.operation_of)(&call.host, &call.http.method, &call.path)
}

/// A value that a schema takes.
fn sample(schema: &Value) -> Value {
    if let Some(first) = schema["enum"].get(0) {
        return first.clone();
    }
    let kind = schema["type"]
        .as_str()
        .or_else(|| schema["type"][0].as_str());
    match kind {
        Some("number" | "integer") => json!(1),
        Some("boolean") => json!(true),
        Some("array") => json!([sample(&schema["items"])]),
        Some("object") => {
            let required = schema["required"].as_array().into_iter().flatten();
            required
                .filter_map(Value::as_str)
                .map(|name| (name.to_owned(), sample(&schema["properties"][name])))
                .collect::<Map<_, _>>()
                .into()
        }
        _ => json!("1"),
    }
}

/// What a tool can be asked to do: as its schema lists it, or as the words for people do.
fn methods(schema: &Value) -> Vec<Value> {
    if let Some(listed) = schema["enum"].as_array() {
        return listed.clone();
    }
    let words = schema["description"].as_str().unwrap_or_default();
    words
        .split('\'')
        .skip(1)
        .step_by(2)
        .map(Value::from)
        .collect()
}

/// Arguments of a tool: the required ones, with every method, alone and with others beside them.
fn samples(schema: &Value) -> Vec<Value> {
    let Some(properties) = schema["properties"].as_object() else {
        return vec![json!({})];
    };
    let base = sample(
        &json!({"type": "object", "required": schema["required"], "properties": properties}),
    );
    let methods = properties.get("method").map(methods);
    let bases: Vec<Value> = match methods {
        None => vec![base],
        Some(methods) => methods
            .iter()
            .map(|method| {
                let mut base = base.clone();
                base["method"] = method.clone();
                base
            })
            .collect(),
    };
    let more: Vec<&String> = properties
        .keys()
        .filter(|name| bases[0].get(*name).is_none())
        .collect();
    let with = |base: &Value, names: &[&String]| {
        let mut all = base.clone();
        for name in names {
            all[name.as_str()] = sample(&properties[name.as_str()]);
        }
        all
    };
    let mut all = Vec::new();
    for base in &bases {
        all.push(base.clone());
        for (at, one) in more.iter().enumerate() {
            all.push(with(base, &[one]));
            all.extend(more[at + 1..].iter().map(|other| with(base, &[one, other])));
        }
    }
    all
}

#[test]
fn a_call_of_every_official_tool_is_one_of_its_operations() {
    let mut lost = Vec::new();
    for clone in clones() {
        let Some(face) = clone.mcp else { continue };
        let definitions: Vec<Value> = serde_json::from_str(face.definitions).expect("a list");
        for (tool, definition) in face.tools.iter().zip(&definitions) {
            let found = samples(&definition["inputSchema"])
                .into_iter()
                .find_map(|arguments| {
                    first_operation(&format!("mcp__{}__{}", clone.name, tool.name), arguments)
                });
            match found {
                Some(operation) if tool.operations.contains(&operation) => {}
                other => lost.push(format!("{}: {other:?}", tool.name)),
            }
        }
    }
    assert_eq!(lost, [""; 0]);
}

#[test]
fn hosts_of_services_with_a_clone_are_not_set_aside() {
    for clone in clones() {
        for host in clone.hosts.iter().chain(clone.other_hosts) {
            let is_aside = exchanges_are_set_aside(host);
            // The models that a service hosts are models.
            assert!(!is_aside || host.starts_with("models."), "{host}");
        }
    }
}

fn exchanges_are_set_aside(host: &str) -> bool {
    archal::reconstruct::hosts::is_aside(host, None, "GET", "/")
}

fn hostile() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        ".{0,12}".prop_map(Value::from),
        prop_oneof![
            Just("{\"content\":"),
            Just("[[[["),
            Just("404 {"),
            Just("../.."),
            Just("a/b"),
            Just("{}}"),
            Just("https://api.github.com/"),
            Just("Could not resolve to a"),
            Just("cursor:v2"),
            Just("…"),
        ]
        .prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 24, 4, |inner| {
        let name = prop_oneof![
            Just("owner"),
            Just("repo"),
            Just("method"),
            Just("content"),
            Just("text"),
            Just("type"),
            Just("result"),
            Just("data"),
            Just("status"),
            Just("issues"),
            Just("pageInfo"),
            Just("kwargs"),
            Just("lc"),
            Just("after"),
            Just("fields"),
            Just("totalCount"),
            Just("issue_number"),
            Just("route"),
        ]
        .prop_map(str::to_owned);
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map(name, inner, 0..5)
                .prop_map(|fields| Value::from(fields.into_iter().collect::<Map<_, _>>())),
        ]
    })
}

fn names() -> impl Strategy<Value = String> {
    let tools: Vec<&'static str> = clones()
        .iter()
        .filter_map(|clone| clone.mcp)
        .flat_map(|face| face.tools.iter().map(|tool| tool.name))
        .collect();
    let operations: Vec<&'static str> = clones()
        .iter()
        .flat_map(|clone| clone.operations.iter().map(|operation| operation.id))
        .collect();
    prop_oneof![
        prop::sample::select(tools).prop_map(|name| format!("mcp__github__{name}")),
        prop::sample::select(operations)
            .prop_map(|id| format!("octokit.rest.{}", id.replace('/', "."))),
        Just("octokit.request".to_owned()),
        Just("repo.get_issue".to_owned()),
        ".{0,40}",
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, ..ProptestConfig::default() })]

    #[test]
    fn hostile_calls_are_told_without_a_panic(name in names(), arguments in hostile(), result in hostile()) {
        let mappings = json!({
            "*x*": {"clone": "github", "call": "PATCH /repos/{+repo}/issues/{issue_number}?a={after}",
                "body": {"a": ["{data}", {"b": "{content.text}"}]}, "result": "/data", "error": "/status"},
        });
        let mappings = serde_json::from_value(mappings).expect("mappings");
        let tools = Tools::of(&mappings);
        let trace = called(&name, arguments, Some(result));
        let context = context(&tools);
        let rebuilt = reconstruct(&trace, &context);
        let traced = exchanges::of(&trace, &context);
        // What cannot be told is told to be so: nothing of the trace is lost silently.
        let is_told = !traced.calls.is_empty()
            || !traced.missing().is_empty()
            || !rebuilt.unmapped.is_empty()
            || name.trim().is_empty()
            || name.contains("github");
        prop_assert!(is_told, "{name}");
    }
}
