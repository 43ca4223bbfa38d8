//! What every plug-in of the catalogues must hold; a new one adds no code here.

use std::collections::{BTreeMap, BTreeSet};

use archal_core::clock::Timestamp;
use archal_core::clone::{
    CloneDescriptor, CloneRequest, Exchange, FieldKind, OpenClone, Seed, ServiceClone, ViewField,
    ViewValue,
};
use archal_core::diagnostic::Diagnostic;
use archal_core::redact::{RedactionCounts, Redactor};
use archal_testkit::echo_clone::ECHO;
use archal_testkit::till_clone::TILL;
use serde_json::{Value, json};

/// The catalogue, and the smallest clones there are: they hold the contract themselves.
fn clones() -> impl Iterator<Item = &'static CloneDescriptor> {
    archal::app::clones().iter().chain([&ECHO, &TILL])
}

fn base() -> Timestamp {
    "2026-03-01T12:00:00Z".parse().expect("valid")
}

fn open(
    clone: &CloneDescriptor,
    seed: Seed<'_>,
    base: Timestamp,
) -> Result<Box<dyn ServiceClone>, Vec<Diagnostic>> {
    (clone.open)(&OpenClone { base, ids: 7, seed })
}

fn opened(clone: &CloneDescriptor, seed: Seed<'_>, base: Timestamp) -> Box<dyn ServiceClone> {
    match open(clone, seed, base) {
        Ok(opened) => opened,
        Err(findings) => panic!("{} does not open on {seed:?}: {findings:?}", clone.name),
    }
}

#[track_caller]
fn sorted<'a>(what: &str, names: impl IntoIterator<Item = &'a str>) {
    let names: Vec<&str> = names.into_iter().collect();
    assert!(
        names.is_sorted_by(|a, b| a < b),
        "{what} must be sorted without doubles: {names:?}"
    );
}

#[track_caller]
fn named_well(name: &str) {
    let fits = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
    assert!(
        name.starts_with(|c: char| c.is_ascii_lowercase()) && name.chars().all(fits),
        "`{name}` is no lower-snake name"
    );
}

#[test]
fn catalogues_are_sorted_and_named_well() {
    let clones = archal::app::clones();
    let sources = archal::app::sources();
    sorted("clones", clones.iter().map(|clone| clone.name));
    sorted("sources", sources.iter().map(|source| source.name));
    let names = clones.iter().map(|clone| clone.name);
    for name in names.chain(sources.iter().map(|source| source.name)) {
        named_well(name);
    }
}

#[test]
fn options_of_sources_are_sorted_and_their_defaults_can_be_said() {
    for source in archal::app::sources() {
        sorted(source.name, source.options.iter().map(|option| option.name));
        for option in source.options {
            let name = option.name;
            assert!(
                name.chars().all(char::is_alphanumeric) && name.starts_with(char::is_lowercase),
                "{}: `{name}`",
                source.name
            );
            if let Some(default) = option.default {
                let said = archal::ingest::registry::options::check(option, default);
                assert_eq!(said, Ok(()), "{}: `{name}`", source.name);
                assert!(!option.is_required, "{}: `{name}`", source.name);
            }
        }
    }
}

#[test]
fn tools_are_defined_and_call_operations_that_are_modelled() {
    for clone in clones() {
        let Some(face) = clone.mcp else { continue };
        let definitions: Vec<Value> = serde_json::from_str(face.definitions).expect("a list");
        let defined: Vec<&str> = definitions
            .iter()
            .map(|definition| definition["name"].as_str().expect("a name"))
            .collect();
        let tools: Vec<&str> = face.tools.iter().map(|tool| tool.name).collect();
        assert_eq!(defined, tools, "{}", face.server);
        sorted("tools", tools.iter().copied());
        sorted("unmodelled tools", face.unmodelled.iter().copied());
        for definition in &definitions {
            let schema = &definition["inputSchema"];
            assert_eq!(schema["type"], "object", "{definition}");
            assert!(definition["description"].is_string(), "{definition}");
            jsonschema::meta::validate(schema).expect("a JSON Schema");
        }
        for tool in face.tools {
            assert!(!face.unmodelled.contains(&tool.name), "{}", tool.name);
            sorted("operations of a tool", tool.operations.iter().copied());
            for operation in tool.operations {
                let is_modelled = clone.operations.iter().any(|one| one.id == *operation);
                assert!(is_modelled, "{} calls {operation}", tool.name);
            }
        }
    }
}

#[test]
fn no_host_belongs_to_two_clones() {
    let mut seen = BTreeSet::new();
    for clone in clones() {
        assert!(
            !clone.hosts.is_empty(),
            "{} answers for no host",
            clone.name
        );
        for host in clone.every_host().chain(clone.other_hosts.iter().copied()) {
            assert_eq!(host.to_lowercase(), host);
            assert!(seen.insert(host), "{host} is named twice");
        }
    }
}

#[test]
fn credentials_are_dummies_an_agent_can_find() {
    for clone in clones() {
        for (variable, dummy) in clone.credentials {
            let fits = |c: char| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_';
            assert!(variable.chars().all(fits), "{}: {variable}", clone.name);
            assert!(!dummy.is_empty(), "{}: {variable} has no dummy", clone.name);
        }
    }
}

#[test]
fn every_operation_is_found_by_its_own_path() {
    for clone in clones() {
        sorted(
            "operations",
            clone.operations.iter().map(|operation| operation.id),
        );
        for operation in clone.operations {
            let path: Vec<&str> = operation
                .path
                .split('/')
                .map(|part| if part.starts_with('{') { "1" } else { part })
                .collect();
            let path = path.join("/");
            let found = |host: &&str| (clone.operation_of)(host, operation.method, &path);
            assert!(
                clone
                    .hosts
                    .iter()
                    .any(|host| found(host) == Some(operation.id)),
                "{} {}",
                operation.method,
                operation.path
            );
        }
        let first = clone.hosts[0];
        assert_eq!(
            (clone.operation_of)(first, "GET", "/no/such/path/at/all"),
            None
        );
        assert_eq!((clone.operation_of)(first, "", ""), None);
    }
}

#[test]
fn every_named_seed_opens_and_is_a_document_of_its_schema() {
    for clone in clones() {
        sorted("seeds", clone.seeds.iter().map(|seed| seed.name));
        assert!(
            clone.seeds.iter().any(|seed| seed.name == "empty"),
            "{}",
            clone.name
        );
        let schema = (clone.seed_schema)();
        let validator = jsonschema::validator_for(&schema).expect("a valid schema");
        for seed in clone.seeds {
            let document = opened(clone, Seed::Named(seed.name), base())
                .state()
                .to_json();
            let problems: Vec<String> = validator
                .iter_errors(&document)
                .map(|error| format!("{}: {error}", error.instance_path()))
                .collect();
            assert_eq!(problems, [""; 0], "{} {}", clone.name, seed.name);
        }
    }
}

#[test]
fn a_state_written_down_opens_as_the_same_state() {
    for clone in clones() {
        for seed in clone.seeds {
            let first = opened(clone, Seed::Named(seed.name), base())
                .state()
                .to_json();
            let again = opened(clone, Seed::Document(&first), base())
                .state()
                .to_json();
            assert_eq!(first, again, "{} {}", clone.name, seed.name);
        }
    }
}

#[test]
fn a_seed_does_not_depend_on_the_day() {
    let later: Timestamp = "2031-11-30T23:59:59Z".parse().expect("valid");
    for clone in clones() {
        for seed in clone.seeds {
            let one = opened(clone, Seed::Named(seed.name), base())
                .state()
                .to_json();
            let other = opened(clone, Seed::Named(seed.name), later)
                .state()
                .to_json();
            assert_eq!(one, other, "{} {}", clone.name, seed.name);
        }
    }
}

#[test]
fn a_seed_that_is_none_is_a_diagnostic() {
    let odd = [
        json!([]),
        json!("text"),
        json!({"no_such_table_here": []}),
        json!({"": {}}),
    ];
    for clone in clones() {
        let mut seeds = vec![Seed::Named("no-such-seed"), Seed::Named("")];
        seeds.extend(odd.iter().map(Seed::Document));
        for seed in seeds {
            match open(clone, seed, base()) {
                Ok(_) => panic!("{} opens on {seed:?}", clone.name),
                Err(findings) => assert!(findings.iter().any(Diagnostic::is_error)),
            }
        }
    }
}

#[test]
fn tables_refer_to_tables_and_stand_in_the_schema() {
    for clone in clones() {
        let names: BTreeSet<&str> = clone.tables.iter().map(|table| table.name).collect();
        assert_eq!(names.len(), clone.tables.len(), "{}", clone.name);
        let schema = (clone.seed_schema)();
        for (at, table) in clone.tables.iter().enumerate() {
            assert!(
                schema["properties"].get(table.name).is_some(),
                "{}",
                table.name
            );
            let before: Vec<&str> = clone.tables[..=at].iter().map(|table| table.name).collect();
            for field in table.fields {
                if let Some(parent) = field.references {
                    assert!(
                        before.contains(&parent),
                        "{}.{} refers to {parent}, which does not stand before it",
                        table.name,
                        field.name
                    );
                }
            }
        }
    }
}

#[test]
fn rows_are_what_the_criteria_view_declares() {
    for clone in clones() {
        for seed in clone.seeds {
            let state = opened(clone, Seed::Named(seed.name), base()).state();
            assert!(state.rows("no_such_collection").is_empty());
            for collection in clone.collections {
                let rows = state.rows(collection.name);
                let keys: Vec<&str> = rows.iter().map(|row| row.key.as_str()).collect();
                let unique: BTreeSet<&str> = keys.iter().copied().collect();
                assert_eq!(unique.len(), keys.len(), "{} {keys:?}", collection.name);
                for row in &rows {
                    fields_fit(collection.name, collection.fields, &row.fields);
                }
            }
        }
    }
}

#[track_caller]
fn fields_fit(place: &str, declared: &[ViewField], found: &[(&'static str, ViewValue)]) {
    let names: Vec<&str> = declared.iter().map(|field| field.name).collect();
    let found_names: Vec<&str> = found.iter().map(|(name, _)| *name).collect();
    assert_eq!(names, found_names, "{place}");
    for (field, (_, value)) in declared.iter().zip(found) {
        let place = format!("{place}.{}", field.name);
        if *value == ViewValue::Null {
            assert!(field.nullable, "{place} is null");
        } else {
            value_fits(&place, field.kind, value);
        }
    }
}

#[track_caller]
fn value_fits(place: &str, kind: FieldKind, value: &ViewValue) {
    match (kind, value) {
        (FieldKind::Bool, ViewValue::Bool(_))
        | (FieldKind::Int, ViewValue::Int(_))
        | (FieldKind::Text, ViewValue::Text(_))
        | (FieldKind::Time, ViewValue::Time(_)) => {}
        (FieldKind::List(of), ViewValue::List(items)) => {
            for item in items {
                value_fits(place, *of, item);
            }
        }
        (FieldKind::Object(declared), ViewValue::Object(found)) => {
            fields_fit(place, declared, found);
        }
        _ => panic!("{place} is declared {kind:?} and holds {value:?}"),
    }
}

#[test]
fn what_identifies_and_pages_is_never_redacted() {
    for clone in clones() {
        let unique: BTreeSet<&str> = clone.keep_fields.iter().copied().collect();
        assert_eq!(unique.len(), clone.keep_fields.len(), "{}", clone.name);
        let redactor = Redactor::new([1; 32], clone.keep_fields.iter().copied());
        for field in clone.keep_fields {
            assert!(!redactor.is_secret_key(field), "{}: {field}", clone.name);
        }
        for secret in ["authorization", "password", "client_secret"] {
            assert!(
                redactor.is_secret_key(secret),
                "{} keeps {secret}",
                clone.name
            );
        }
    }
}

/// A state without the secrets that secret scanning found in it: those are to be redacted.
fn without_leaks(mut state: Value) -> Value {
    let alerts = state["secret_scanning_alerts"].as_array_mut();
    for alert in alerts.into_iter().flatten() {
        if let Some(alert) = alert.as_object_mut() {
            alert.remove("secret");
        }
    }
    state
}

#[test]
fn redaction_changes_no_value_of_a_seed_or_an_answer() {
    for clone in clones() {
        let redactor = Redactor::new([1; 32], clone.keep_fields.iter().copied());
        let same = |what: &str, value: Value| {
            let mut clean = value.clone();
            let mut counts = RedactionCounts::new();
            redactor.value(&mut clean, &mut counts);
            assert_eq!(clean, value, "{} {what}: {counts:?}", clone.name);
        };
        for seed in clone.seeds {
            let mut service = opened(clone, Seed::Named(seed.name), base());
            same(seed.name, without_leaks(service.state().to_json()));
            for request in requests(clone) {
                let what = format!("{} {}?{}", request.method, request.path, request.query);
                let answer = service.call(&request, base());
                // In evidence a body is JSON where it is, and text elsewhere.
                let text = String::from_utf8_lossy(&answer.body.evidence).into_owned();
                let body = serde_json::from_str(&text).unwrap_or(Value::String(text));
                same(
                    &what,
                    json!({"body": body, "query": request.query, "path": request.path}),
                );
                let mut headers: BTreeMap<String, String> = answer
                    .headers
                    .iter()
                    .map(|(name, value)| ((*name).to_owned(), value.clone()))
                    .collect();
                let before = headers.clone();
                redactor.headers(&mut headers, &mut RedactionCounts::new());
                assert_eq!(headers, before, "{} {what}", clone.name);
            }
            same(seed.name, without_leaks(service.state().to_json()));
        }
    }
}

#[test]
fn a_kept_field_is_kept_whatever_it_looks_like() {
    // As random as a token, and under a name that sounds like one.
    let looks = format!("{}{}", "ghp_", "q7Wz".repeat(4) + "T5mK9xR2vB8nL4cD6fHj");
    for clone in clones() {
        let redactor = Redactor::new([1; 32], clone.keep_fields.iter().copied());
        for field in clone.keep_fields {
            let mut url = format!("https://{}/x?{field}={looks}&page=2", clone.hosts[0]);
            let before = url.clone();
            url = redactor.url(&url, &mut RedactionCounts::new());
            assert_eq!(url, before, "{} {field}", clone.name);
            let mut value = json!({*field: looks, "inner": {"list": [{*field: looks}]}});
            let before = value.clone();
            redactor.value(&mut value, &mut RedactionCounts::new());
            assert_eq!(value, before, "{} {field}", clone.name);
        }
        let mut value = json!({"no_such_field": looks});
        redactor.value(&mut value, &mut RedactionCounts::new());
        assert_ne!(value["no_such_field"], json!(looks), "{}", clone.name);
    }
}

/// One request for each operation, and some that no client would send.
fn requests(clone: &CloneDescriptor) -> Vec<CloneRequest> {
    let host = clone.hosts.first().copied().unwrap_or_default();
    let authorization = clone
        .credentials
        .first()
        .map(|(_, dummy)| ("authorization".to_owned(), format!("Bearer {dummy}")));
    let mut requests = Vec::new();
    let bodies: [&[u8]; 4] = [b"", b"{}", b"[1, \"two\"]", b"\xff\xfe{"];
    let modelled = clone
        .operations
        .iter()
        .map(|operation| (operation.method, operation.path));
    let odd = [
        ("GET", "/"),
        ("BREW", "/%zz/%00"),
        ("POST", "//..//../"),
        ("", ""),
    ];
    for (method, path) in modelled.chain(odd) {
        for (at, body) in bodies.iter().enumerate() {
            requests.push(CloneRequest {
                method: method.to_owned(),
                scheme: "https".to_owned(),
                host: host.to_owned(),
                path: path.replace(['{', '}'], ""),
                query: [
                    "",
                    "page=0&per_page=-1",
                    "page=99999999999999999999",
                    "%=&&=%ff",
                ][at]
                    .to_owned(),
                headers: [("user-agent".to_owned(), "tests".to_owned())]
                    .into_iter()
                    .chain(authorization.iter().cloned())
                    .collect(),
                body: body.to_vec().into(),
                spool: None,
            });
        }
    }
    requests
}

#[test]
fn no_request_is_too_odd() {
    for clone in clones() {
        for seed in clone.seeds {
            let mut service = opened(clone, Seed::Named(seed.name), base());
            for request in requests(clone) {
                let response = service.call(&request, base());
                let status = response.status;
                assert!((200..600).contains(&status), "{request:?} gets {status}");
                assert!(
                    status < 500 || response.unmodelled.is_some(),
                    "{request:?} gets {status}"
                );
                assert!(response.root_after >= response.root_before);
                let changed = response.root_after > response.root_before;
                assert_eq!(changed, !response.changes.is_empty(), "{request:?}");
            }
        }
    }
}

#[test]
fn the_same_calls_leave_the_same_evidence_whenever_they_are_made() {
    let at = |seconds: u64| {
        base()
            .checked_add(std::time::Duration::from_secs(seconds))
            .expect("in range")
    };
    for clone in clones() {
        for seed in clone.seeds {
            let record = |pause: u64| -> Vec<Value> {
                let mut service = opened(clone, Seed::Named(seed.name), base());
                let mut lines: Vec<Value> = requests(clone)
                    .iter()
                    .zip(1..)
                    .map(|(request, step)| {
                        let answer = service.call(request, at(step * pause));
                        json!([
                            answer.status,
                            answer.headers,
                            String::from_utf8_lossy(&answer.body.evidence),
                            answer.changes,
                            answer.root_after,
                        ])
                    })
                    .collect();
                lines.push(service.state().to_json());
                lines
            };
            assert_eq!(record(1), record(61), "{} {}", clone.name, seed.name);
        }
    }
}

#[test]
fn any_recorded_exchange_may_be_observed() {
    let values = [
        Value::Null,
        json!([]),
        json!({}),
        json!([{}, 1, null]),
        json!({"id": -1, "items": "x"}),
    ];
    for clone in clones() {
        let paths = clone
            .operations
            .iter()
            .map(|operation| (operation.method, operation.path.replace(['{', '}'], "")));
        for (method, path) in paths.chain([("GET", String::new()), ("", "/é/%ff".to_owned())]) {
            for (value, status) in values.iter().zip([200, 201, 204, 304, 404]) {
                let observation = (clone.observe)(&Exchange {
                    method,
                    host: clone.hosts.first().copied().unwrap_or_default(),
                    path: &path,
                    query: "page=x",
                    request_body: Some(value),
                    status,
                    response_headers: &[("link".to_owned(), "<;>; rel".to_owned())].into(),
                    response_body: Some(value),
                });
                let known = |id| clone.operations.iter().any(|operation| operation.id == id);
                assert!(observation.operation.is_none_or(known), "{method} {path}");
            }
        }
    }
}

#[test]
fn any_bytes_may_be_decoded() {
    let inputs: [&[u8]; 8] = [
        b"",
        b"\0\0\0\0",
        b"{",
        b"null",
        b"[[[[[[[[",
        b"{\"resourceSpans\": 7}",
        b"{\"schema\": \"archal.trace.upload-batch\", \"version\": 999, \"complete\": true}",
        b"\x1f\x8b\x08\x00cut",
    ];
    for source in archal::app::sources() {
        let Some(files) = source.files else { continue };
        for input in inputs {
            let decoded = (files.decode)(input);
            assert!(decoded.traces.is_empty(), "{}: {input:?}", source.name);
            assert!(
                !decoded.diagnostics.is_empty(),
                "{} says nothing about {input:?}",
                source.name
            );
        }
    }
}
