//! The file against the schema: every mistake with its place and the nearest right spelling.
//!
//! The schema is the one generated from the typed structs; this walker knows the part of JSON
//! Schema they use, and a test holds that it does.

use archal_core::diagnostic::{Diagnostic, nearest};
use serde_json::{Map, Value};

use super::document::{Member, Node, NodeKind, join};

/// Keys and values that the design names and this version does not have. They are refused, not
/// ignored: a configuration never promises more than it does.
const PLANNED: &[(&str, &str)] = &[("clock", "a fixed clock"), ("pdca", "the PDCA loop")];

/// Names the original product used for keys, and what they are called here.
const OLD_NAMES: &[(&str, &str)] = &[
    ("agent-model", "agentModel"),
    ("autoloop", "attach"),
    ("evaluator-model", "judge.model"),
    ("evaluatorModel", "judge.model"),
    ("model", "judge.model"),
    ("twins", "clones"),
];

/// Renames old keys in place, with a note for each; then finds everything the schema refuses.
pub(super) fn check(node: &mut Node, schema: &Value) -> Vec<Diagnostic> {
    let mut findings = rename_old(node);
    walk(node, schema, "", &mut findings);
    findings
}

/// Finds everything the schema of another file refuses.
pub(super) fn check_plain(node: &Node, schema: &Value) -> Vec<Diagnostic> {
    let mut findings = Vec::new();
    walk(node, schema, "", &mut findings);
    findings
}

fn rename_old(node: &mut Node) -> Vec<Diagnostic> {
    let NodeKind::Object(members) = &mut node.kind else {
        return Vec::new();
    };
    let taken: Vec<Member> = members.clone();
    let mut findings = Vec::new();
    let mut moved = Vec::new();
    members.retain_mut(|member| {
        let known = OLD_NAMES.iter().find(|(old, _)| *old == member.name);
        let Some((old, new)) = known.filter(|(_, new)| planned(new).is_none()) else {
            return true;
        };
        let is_double = has(&taken, new);
        findings.push(
            if is_double {
                Diagnostic::error(
                    "config/duplicate-key",
                    format!("`{old}` is an old name of `{new}`, which is set too"),
                )
            } else {
                Diagnostic::note("config/old-name", format!("`{old}` is now called `{new}`"))
            }
            .at(member.name_span),
        );
        if let Some((outer, inner)) = new.split_once('.') {
            if !is_double {
                moved.push((outer, inner, member.clone()));
            }
            return false;
        }
        (*new).clone_into(&mut member.name);
        !is_double
    });
    for (outer, inner, member) in moved {
        put(members, outer, inner, member);
    }
    findings
}

/// Whether the object has the key of that dotted path.
fn has(members: &[Member], path: &str) -> bool {
    let (outer, rest) = match path.split_once('.') {
        Some((outer, rest)) => (outer, Some(rest)),
        None => (path, None),
    };
    members.iter().any(|member| {
        member.name == outer
            && rest.is_none_or(|rest| match &member.value.kind {
                NodeKind::Object(inner) => has(inner, rest),
                NodeKind::Array(_) | NodeKind::Scalar(_) => false,
            })
    })
}

/// Puts an old key to its place in the object `outer`, which is made where there is none.
fn put(members: &mut Vec<Member>, outer: &str, inner: &str, member: Member) {
    let (name_span, span) = (member.name_span, member.value.span);
    let member = Member {
        name: inner.to_owned(),
        ..member
    };
    match members.iter_mut().find(|known| known.name == outer) {
        Some(known) => {
            // What is no object is told as such by the walk.
            if let NodeKind::Object(known) = &mut known.value.kind {
                known.push(member);
            }
        }
        None => members.push(Member {
            name: outer.to_owned(),
            name_span,
            value: Node {
                span,
                kind: NodeKind::Object(vec![member]),
            },
        }),
    }
}

fn planned(path: &str) -> Option<&'static str> {
    PLANNED
        .iter()
        .find(|(planned, _)| *planned == path)
        .map(|(_, what)| *what)
}

fn not_yet(path: &str, what: &str) -> Diagnostic {
    Diagnostic::error(
        "config/not-yet",
        format!("`{path}` is not supported yet in this version"),
    )
    .with_help(format!("{what} is planned; remove this until then"))
}

fn walk(node: &Node, schema: &Value, path: &str, findings: &mut Vec<Diagnostic>) {
    if alternatives(schema).into_iter().any(takes_anything) {
        return;
    }
    let Some(alternative) = alternative(node, schema) else {
        findings.push(wrong_type(node, schema, path));
        return;
    };
    if let Some(choices) = choices(alternative) {
        check_choice(node, &choices, path, findings);
        return;
    }
    match &node.kind {
        NodeKind::Object(members) => {
            for member in members {
                check_member(member, alternative, path, findings);
            }
            check_required(node, members, alternative, path, findings);
        }
        NodeKind::Array(items) => {
            if let Some(item_schema) = alternative.get("items") {
                for (at, item) in items.iter().enumerate() {
                    walk(item, item_schema, &join(path, &at.to_string()), findings);
                }
            }
        }
        NodeKind::Scalar(value) => check_range(node, value, alternative, path, findings),
    }
}

fn check_member(member: &Member, schema: &Value, path: &str, findings: &mut Vec<Diagnostic>) {
    let inner = join(path, &member.name);
    let properties = schema.get("properties").and_then(Value::as_object);
    if let Some(property) = properties.and_then(|all| all.get(&member.name)) {
        walk(&member.value, property, &inner, findings);
        return;
    }
    match schema.get("additionalProperties") {
        // A map: any name, values of one shape.
        Some(Value::Object(of)) => {
            walk(&member.value, &Value::Object(of.clone()), &inner, findings);
        }
        // Any value at all.
        Some(Value::Bool(true)) => {}
        _ => findings.push(unknown_key(member, &inner, properties)),
    }
}

fn unknown_key(member: &Member, path: &str, known: Option<&Map<String, Value>>) -> Diagnostic {
    let modern = OLD_NAMES
        .iter()
        .find(|(old, _)| *old == path)
        .map_or(path, |(_, new)| new);
    if let Some(what) = planned(modern) {
        return not_yet(path, what).at(member.name_span);
    }
    let names: Vec<&str> = known
        .into_iter()
        .flatten()
        .map(|(name, _)| name.as_str())
        .collect();
    let finding = Diagnostic::error("config/unknown-key", format!("unknown key `{path}`"))
        .at(member.name_span);
    match nearest(&member.name, names.iter().copied()) {
        Some(name) => finding.with_help(format!("did you mean `{name}`?")),
        None => finding.with_help(format!("the keys here are {}", list(&names))),
    }
}

fn check_required(
    node: &Node,
    members: &[Member],
    schema: &Value,
    path: &str,
    findings: &mut Vec<Diagnostic>,
) {
    let required = schema.get("required").and_then(Value::as_array);
    for name in required.into_iter().flatten().filter_map(Value::as_str) {
        if !members.iter().any(|member| member.name == name) {
            findings.push(
                Diagnostic::error(
                    "config/missing-key",
                    format!("`{}` is missing", join(path, name)),
                )
                .at(node.span),
            );
        }
    }
}

fn check_choice(node: &Node, choices: &[&str], path: &str, findings: &mut Vec<Diagnostic>) {
    let given = match &node.kind {
        NodeKind::Scalar(Value::String(given)) => given.as_str(),
        _ => return,
    };
    if choices.contains(&given) {
        return;
    }
    if let Some(what) = planned(&format!("{path}={given}")) {
        findings.push(not_yet(given, what).at(node.span));
        return;
    }
    let finding = Diagnostic::error(
        "config/unknown-value",
        format!("`{path}` cannot be `{given}`"),
    )
    .at(node.span);
    findings.push(match nearest(given, choices.iter().copied()) {
        Some(name) => finding.with_help(format!("did you mean `{name}`?")),
        None => finding.with_help(format!("it is one of {}", list(choices))),
    });
}

fn check_range(
    node: &Node,
    value: &Value,
    schema: &Value,
    path: &str,
    findings: &mut Vec<Diagnostic>,
) {
    let bound = |name| schema.get(name).and_then(Value::as_f64);
    let Some(number) = value.as_f64() else {
        return;
    };
    let (low, high) = (bound("minimum"), bound("maximum"));
    if low.is_some_and(|low| number < low) || high.is_some_and(|high| number > high) {
        let range = match (low, high) {
            (Some(low), Some(high)) => format!("between {low} and {high}"),
            (Some(low), None) => format!("at least {low}"),
            (None, high) => format!("at most {}", high.unwrap_or(f64::INFINITY)),
        };
        findings.push(
            Diagnostic::error("config/range", format!("`{path}` must be {range}")).at(node.span),
        );
    }
}

fn wrong_type(node: &Node, schema: &Value, path: &str) -> Diagnostic {
    let wanted: Vec<&str> = alternatives(schema)
        .into_iter()
        .flat_map(types)
        .filter(|name| *name != "null")
        .map(type_in_words)
        .collect();
    let found = match &node.kind {
        NodeKind::Object(_) => "an object",
        NodeKind::Array(_) => "a list",
        NodeKind::Scalar(Value::String(_)) => "a string",
        NodeKind::Scalar(Value::Bool(_)) => "true or false",
        NodeKind::Scalar(Value::Number(number)) if number.is_f64() => "a number with a fraction",
        NodeKind::Scalar(Value::Number(_)) => "a number",
        NodeKind::Scalar(_) => "null",
    };
    let name = if path.is_empty() {
        "the file".to_owned()
    } else {
        format!("`{path}`")
    };
    let finding = Diagnostic::error(
        "config/type",
        format!("{name} must be {}, not {found}", wanted.join(" or ")),
    )
    .at(node.span);
    match schema.get("description").and_then(Value::as_str) {
        Some(about) if !path.is_empty() => finding.with_help(about.replace('\n', " ")),
        _ => finding,
    }
}

/// The part of `schema` that takes a value of this type.
fn alternative<'a>(node: &Node, schema: &'a Value) -> Option<&'a Value> {
    alternatives(schema)
        .into_iter()
        .find(|schema| types(schema).any(|name| has_type(node, name)))
}

/// Whether a schema says nothing of what a value is.
fn takes_anything(schema: &Value) -> bool {
    let says = ["type", "enum", "oneOf", "const", "$ref"];
    !says.iter().any(|key| schema.get(key).is_some())
}

fn alternatives(schema: &Value) -> Vec<&Value> {
    match schema.get("anyOf").and_then(Value::as_array) {
        Some(all) => all.iter().flat_map(alternatives).collect(),
        None => vec![schema],
    }
}

/// The names of the JSON types a schema takes.
fn types(schema: &Value) -> impl Iterator<Item = &str> {
    let of_choices = choices(schema).map(|_| "string");
    let one = schema.get("type").and_then(Value::as_str);
    let many = schema.get("type").and_then(Value::as_array);
    of_choices
        .or(one)
        .into_iter()
        .chain(many.into_iter().flatten().filter_map(Value::as_str))
}

/// The strings a schema of an enum takes.
fn choices(schema: &Value) -> Option<Vec<&str>> {
    if let Some(all) = schema.get("enum").and_then(Value::as_array) {
        return Some(all.iter().filter_map(Value::as_str).collect());
    }
    let all = schema.get("oneOf").and_then(Value::as_array)?;
    Some(
        all.iter()
            .filter_map(|one| one.get("const").and_then(Value::as_str))
            .collect(),
    )
}

fn has_type(node: &Node, name: &str) -> bool {
    match &node.kind {
        NodeKind::Object(_) => name == "object",
        NodeKind::Array(_) => name == "array",
        NodeKind::Scalar(Value::Null) => name == "null",
        NodeKind::Scalar(Value::Bool(_)) => name == "boolean",
        NodeKind::Scalar(Value::String(_)) => name == "string",
        NodeKind::Scalar(Value::Number(number)) => match name {
            "integer" => !number.is_f64(),
            _ => name == "number",
        },
        NodeKind::Scalar(Value::Array(_) | Value::Object(_)) => false,
    }
}

fn type_in_words(name: &str) -> &str {
    match name {
        "object" => "an object",
        "array" => "a list",
        "boolean" => "true or false",
        "string" => "a string",
        "integer" => "a whole number",
        "number" => "a number",
        other => other,
    }
}

fn list(names: &[&str]) -> String {
    let quoted: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
    quoted.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::document::parse;
    use crate::config::schema::json_schema;

    fn findings(text: &str) -> String {
        let mut node = match parse(text) {
            Ok(node) => node,
            Err(finding) => return format!("{} {}", finding.code, finding.message),
        };
        check(&mut node, json_schema().as_value())
            .iter()
            .map(|finding| {
                let place = finding.span.map_or("", |span| &text[span.start..span.end]);
                let help = finding.help.as_deref().unwrap_or_default();
                let line = format!("{place} | {} | {} | {help}", finding.code, finding.message);
                format!("{}\n", line.trim_end_matches([' ', '|']))
            })
            .collect()
    }

    #[test]
    fn every_mistake_has_its_place_and_a_way_out() {
        insta::assert_snapshot!(findings(
            r#"{
                // comments and trailing commas are fine
                "scenarois": [],
                "runs": 0,
                "timeout": "90",
                "clones": ["github", 7],
                "agent": {"args": [], "cmd": "x"},
                "route": {"mode": "isolate", "allow": []},
                "attach": {"policy": "everything", "reproduceRuns": 1.5},
                "zzz": true,
            }"#
        ), @r#"
            "scenarois" | config/unknown-key | unknown key `scenarois` | did you mean `scenarios`?
            0 | config/range | `runs` must be between 1 and 1000
            "90" | config/type | `timeout` must be a whole number, not a string | Wall-clock limit of one run, in seconds.
            7 | config/type | `clones.1` must be a string, not a number
            "cmd" | config/unknown-key | unknown key `agent.cmd` | the keys here are `args`, `command`, `env`
            {"args": [], "cmd": "x"} | config/missing-key | `agent.command` is missing
            "isolate" | config/unknown-value | `route.mode` cannot be `isolate` | did you mean `isolated`?
            "everything" | config/unknown-value | `attach.policy` cannot be `everything` | it is one of `observe`, `grade`, `reproduce`, `fix`
            1.5 | config/type | `attach.reproduceRuns` must be a whole number, not a number with a fraction | How many times a failure is run to reproduce it.
            "zzz" | config/unknown-key | unknown key `zzz` | the keys here are `agent`, `agentKeys`, `agentModel`, `attach`, `budget`, `clones`, `exposeCloneUrls`, `fixer`, `grade`, `judge`, `passThreshold`, `preprod`, `redaction`, `reproduce`, `retention`, `route`, `runs`, `scenarios`, `seeds`, `tagThresholds`, `timeout`, `title`, `tools`, `workspace`
            "#);
    }

    #[test]
    fn planned_keys_are_refused_and_old_names_taken() {
        insta::assert_snapshot!(findings(
            r#"{"twins": ["github"], "clock": {}, "evaluatorModel": "x", "autoloop": {"poll": 9}}"#
        ), @r#"
            "twins" | config/old-name | `twins` is now called `clones`
            "evaluatorModel" | config/old-name | `evaluatorModel` is now called `judge.model`
            "autoloop" | config/old-name | `autoloop` is now called `attach`
            "clock" | config/not-yet | `clock` is not supported yet in this version | a fixed clock is planned; remove this until then
            "#);
        insta::assert_snapshot!(findings(r#"{"twins": [], "clones": []}"#), @r#""twins" | config/duplicate-key | `twins` is an old name of `clones`, which is set too"#);
    }

    #[test]
    fn an_old_name_of_an_inner_key_goes_to_its_place() {
        let moved = |text: &str| {
            let mut node = parse(text).expect("an object");
            let findings = check(&mut node, json_schema().as_value());
            let told: Vec<&str> = findings
                .iter()
                .map(|finding| finding.code.as_str())
                .collect();
            format!("{} {}", node.to_value(), told.join(" "))
        };
        insta::assert_snapshot!(moved(r#"{"evaluatorModel": "m"}"#), @r#"{"judge":{"model":"m"}} config/old-name"#);
        insta::assert_snapshot!(moved(r#"{"model": "m", "judge": {"timeout": 9}}"#), @r#"{"judge":{"model":"m","timeout":9}} config/old-name"#);
        insta::assert_snapshot!(moved(r#"{"evaluator-model": "m", "judge": {"model": "n"}}"#), @r#"{"judge":{"model":"n"}} config/duplicate-key"#);
    }

    #[test]
    fn what_is_no_json_object_is_said_so() {
        insta::assert_snapshot!(findings("[]"), @"[] | config/type | the file must be an object, not a list");
        insta::assert_snapshot!(findings("// nothing"), @"config/empty the file holds no JSON object");
        insta::assert_snapshot!(findings("{\"a\": 1, \"a\": 2}"), @"config/duplicate-key `a` is set twice");
        insta::assert_snapshot!(findings("{'a': 1}"), @"config/not-json single-quoted strings are not allowed");
        insta::assert_snapshot!(findings("{\"a\" 1}"), @"config/not-json expected colon after the string or word in object property");
    }

    #[test]
    fn planned_and_old_names_are_sorted_and_no_key_is_both_built_and_planned() {
        assert!(PLANNED.is_sorted_by(|a, b| a.0 < b.0));
        assert!(OLD_NAMES.is_sorted_by(|a, b| a.0 < b.0));
        let schema = json_schema();
        for (path, _) in PLANNED {
            let pointer = path.split('.').fold(String::new(), |pointer, name| {
                format!("{pointer}/properties/{name}")
            });
            assert_eq!(schema.as_value().pointer(&pointer), None, "{path} is built");
        }
    }

    /// Words of JSON Schema that say nothing about what is accepted, or that the walker knows.
    const KNOWN_WORDS: &[&str] = &[
        "$schema",
        "additionalProperties",
        "anyOf",
        "const",
        "default",
        "description",
        "enum",
        "format",
        "items",
        "maximum",
        "minimum",
        "oneOf",
        "properties",
        "required",
        "title",
        "type",
    ];

    #[test]
    fn the_schema_uses_only_words_the_walker_knows() {
        fn look(schema: &Value) {
            let Some(object) = schema.as_object() else {
                return;
            };
            for (word, inner) in object {
                assert!(KNOWN_WORDS.contains(&word.as_str()), "{word} is new");
                match word.as_str() {
                    "properties" => inner
                        .as_object()
                        .into_iter()
                        .flatten()
                        .for_each(|(_, of)| look(of)),
                    "anyOf" | "oneOf" => inner.as_array().into_iter().flatten().for_each(look),
                    "items" | "additionalProperties" => look(inner),
                    _ => {}
                }
            }
        }
        look(json_schema().as_value());
    }
}
