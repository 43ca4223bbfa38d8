//! Every decoder of bytes from outside, with what must hold whatever the bytes are. The fuzz targets call
//! these, and `tests/fuzzed.rs` calls them with the committed corpus.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::LazyLock;

use archal::budget::amount::Usd;
use archal::budget::prices::Prices;
use archal::config::schema::JudgeProvider;
use archal::config::{self, tools::CallTemplate};
use archal::host::protocol;
use archal::ingest::assembly::given::Given;
use archal::ingest::objects::manifest::Manifests;
use archal::ingest::objects::names;
use archal::ingest::registry::{Places, Registry};
use archal::ingest::spool::frame::{self, Found};
use archal::ingest::spool::record;
use archal::judge::{answer, provider};
use archal::record::assemble::{self, End, Ended};
use archal::record::{content, events, model, spool};
use archal::reproduce::recorded::conversation::Protocol;
use archal::scenario::criteria;
use archal::scenario::format;
use archal::session::names::Names;
use archal::session::recording::body::Captured;
use archal::store::layout::Layout;
use archal_core::clone::{CloneDescriptor, CloneRequest, OpenClone, Progress, Seed, ServiceClone};
use archal_core::diagnostic::Diagnostic;
use archal_core::environment::Environment;
use archal_core::pull::Row;
use archal_core::push::{Kept, KeptSpan};
use archal_core::redact::{Literals, RedactionCounts, Redactor};
use archal_core::source::DecodedTrace;
use archal_core::trace::Trace;
use archal_sources::{braintrust, http, langfuse, postgres};
use serde_json::Value;

#[path = "agents.rs"]
mod agents;
#[path = "plugin.rs"]
mod plugin;
#[path = "traces.rs"]
mod traces;

/// A decoder, and what it is called.
pub(crate) type Decoder = fn(&[u8]);

/// All of them, sorted by name: each has a target and a corpus of that name.
pub(crate) const ALL: &[(&str, Decoder)] = &[
    ("agent_output", agents::agent_output),
    ("body_packed", body_packed),
    ("braintrust_answer", braintrust_answer),
    ("clone_request", clone_request),
    ("config_file", config_file),
    ("criterion", criterion),
    ("custom_body", custom_body),
    ("cycle_answer", agents::cycle_answer),
    ("file_decode", traces::file_decode),
    ("harness_answer", agents::harness_answer),
    ("host_line", host_line),
    ("judge_answer", judge_answer),
    ("judge_reply", judge_reply),
    ("langfuse_answer", langfuse_answer),
    ("large_file", traces::large_file),
    ("manifest", manifest),
    ("mcp_answer", agents::mcp_answer),
    ("mcp_message", agents::mcp_message),
    ("name_question", name_question),
    ("otlp_json", traces::otlp_json),
    ("otlp_protobuf", traces::otlp_protobuf),
    ("plugin_output", plugin::plugin_output),
    ("postgres_rows", postgres_rows),
    ("pushed_batch", traces::pushed_batch),
    ("rebuilt_state", traces::rebuilt_state),
    ("recorded_body", recorded_body),
    ("recorded_events", recorded_events),
    ("recorded_model", recorded_model),
    ("recording", recording),
    ("redaction", redaction),
    ("registry_file", registry_file),
    ("scenario", scenario),
    ("seed_document", seed_document),
    ("spool", spool),
    ("tool_template", tool_template),
];

fn redactor() -> Redactor {
    Redactor::new([7; 32], ["id", "number", "full_name"])
}

fn github() -> &'static CloneDescriptor {
    &archal::app::clones()[0]
}

fn open(seed: Seed<'_>) -> Option<Box<dyn ServiceClone>> {
    let base = "2026-03-01T12:00:00Z".parse().expect("a time");
    (github().open)(&OpenClone { base, ids: 7, seed }).ok()
}

/// The prices of models that come with archal.
static PRICES: LazyLock<Prices> = LazyLock::new(|| Prices::load(None).expect("the bundled ones"));

/// Any bytes as a body that is packed, after a letter that says how: it is never unpacked to more than is allowed.
fn body_packed(bytes: &[u8]) {
    const MOST: usize = 1 << 20;
    let Some((letter, body)) = bytes.split_first() else {
        return;
    };
    let encoding = match letter {
        b'g' => "gzip",
        b'z' => "zstd",
        b'd' => "deflate",
        _ => "br",
    };
    if let Ok(unpacked) = archal_sources::unpack(encoding, body, MOST) {
        assert!(encoding != "br" && unpacked.len() <= MOST);
    }
}

/// Any bytes as an answer of Braintrust's API: in whatever order its rows come, they make the same traces.
fn braintrust_answer(bytes: &[u8]) {
    each_trace(braintrust::rows_of(bytes), braintrust::assemble_rows);
}

/// Puts rows together trace by trace, in their order and the other way round.
fn each_trace(
    rows: Vec<Row>,
    assemble: fn(&str, Kept, &mut Vec<Diagnostic>) -> Option<DecodedTrace>,
) {
    let mut traces: BTreeMap<String, Vec<Value>> = BTreeMap::new();
    for row in rows {
        assert!(!row.trace.is_empty() && !row.id.is_empty());
        traces.entry(row.trace).or_default().push(row.body);
    }
    for (id, bodies) in traces {
        let assembled = |bodies: Vec<Value>| {
            let spans = bodies
                .into_iter()
                .map(|body| KeptSpan { shared: None, body });
            let kept = Kept {
                spans: spans.collect(),
                ..Kept::default()
            };
            assemble(&id, kept, &mut Vec::new())
        };
        let turned = bodies.iter().rev().cloned().collect();
        let first = assembled(bodies);
        assert_eq!(assembled(turned), first);
        assert!(first.is_none_or(|made| made.trace.id == id));
    }
}

/// Any bytes as a body in a shape of its sender, after a line with the mapping as JSON.
fn custom_body(bytes: &[u8]) {
    let end = bytes.iter().position(|byte| *byte == b'\n');
    let (mapping, body) = bytes.split_at(end.unwrap_or(bytes.len()));
    let mapping: BTreeMap<String, String> = serde_json::from_slice(mapping).unwrap_or_default();
    match http::decode_custom(&mapping, body) {
        Ok(decoded) => assert!(decoded.traces.iter().all(|one| !one.trace.id.is_empty())),
        Err(findings) => assert!(!findings.is_empty()),
    }
}

/// Any line as what is asked of a watcher and what it answers: whoever asks wrongly is told why.
fn host_line(bytes: &[u8]) {
    if let Err(refusal) = protocol::request(bytes) {
        assert!(!refusal.message.is_empty());
    }
    protocol::reply(bytes);
}

/// Any bytes as a question for a name inside a child's network: what is answered is an answer to it.
fn name_question(bytes: &[u8]) {
    let names = Names::default();
    let is_cloned = |name: &str| name == "api.github.com";
    if let Some(reply) = names.answer(bytes, is_cloned, |_| ()) {
        assert_eq!(reply.get(..2), bytes.get(..2));
        // An answer is no question, or two such servers would talk to each other without end.
        assert!(names.answer(&reply, is_cloned, |_| ()).is_none());
    }
}

/// Any bytes as rows of one trace that were kept, one to a line: the same trace in whatever order they come.
fn postgres_rows(bytes: &[u8]) {
    let lines = bytes.split(|byte| *byte == b'\n');
    let mut bodies: Vec<Value> = lines
        .filter_map(|line| serde_json::from_slice(line).ok())
        .collect();
    let assembled = |bodies: &[Value]| {
        let spans = bodies.iter().map(|body| KeptSpan {
            shared: None,
            body: body.clone(),
        });
        let kept = Kept {
            spans: spans.collect(),
            ..Kept::default()
        };
        postgres::assemble_rows("t", kept, &mut Vec::new())
    };
    let first = assembled(&bodies);
    bodies.reverse();
    assert_eq!(assembled(&bodies), first);
    if let Some(decoded) = first {
        let text = serde_json::to_string(&decoded.trace).expect("it is JSON");
        let again: Trace = serde_json::from_str(&text).expect("it can be read again");
        assert_eq!(again.spans.len(), decoded.trace.spans.len());
    }
}

/// Any bytes as a segment of the log, and as the index of what was given out.
fn spool(bytes: &[u8]) {
    let mut at = 0;
    loop {
        match frame::get(bytes, at) {
            Found::Whole(place) => {
                assert!(place.end > at && place.end <= bytes.len());
                at = place.end;
                lines(&bytes[place]);
            }
            Found::Broken(place) => {
                assert!(place.start == at && place.end > at && place.end < bytes.len());
                at = place.end;
            }
            Found::Torn | Found::End => break,
        }
    }
    // Checksums are rarely hit by chance.
    lines(bytes);
    let folder = Scratch::with("given.txt", bytes);
    let given = Given::open(folder.0.path());
    given.newest_segment();
}

fn lines(payload: &[u8]) {
    for piece in record::pieces(payload).0 {
        for place in std::iter::once(piece.line).chain(piece.shared) {
            let begin = place.offset as usize;
            record::held(&payload[begin..begin + place.length as usize]);
        }
    }
}

/// A folder with one file of these bytes.
struct Scratch(tempfile::TempDir);

impl Scratch {
    fn with(name: &str, bytes: &[u8]) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join(name);
        std::fs::create_dir_all(path.parent().expect("a folder")).expect("new");
        std::fs::write(path, bytes).expect("writable");
        Self(folder)
    }
}

/// Any bytes as `.archal.json`: what is wrong has a place in it.
fn config_file(bytes: &[u8]) {
    let folder = Scratch::with(".archal.json", bytes);
    let file = folder.0.path().join(".archal.json");
    let environment = Environment {
        variables: BTreeMap::new(),
        directory: folder.0.path().to_owned(),
    };
    if let Err(config::ConfigError::Invalid { diagnostics, .. }) =
        config::load(Some(&file), folder.0.path(), &[], &environment)
    {
        assert!(!diagnostics.is_empty());
    }
}

/// Any bytes as the registry of trace sources.
fn registry_file(bytes: &[u8]) {
    let folder = Scratch::with(".archal/trace-sources.json", bytes);
    let layout = Layout::of(folder.0.path(), None);
    let places = Places::of(folder.0.path(), &layout, &Environment::default());
    Registry::read(&places, archal::app::sources()).ok();
}

/// Any bytes as a scenario: one that is given back has nothing wrong, and places lie in it.
fn scenario(bytes: &[u8]) {
    let (read, findings) = format::parse(Path::new("s.md"), bytes, archal::app::clones());
    for finding in &findings {
        if let Some(span) = finding.span {
            assert!(
                span.start <= span.end && span.end <= bytes.len(),
                "{finding:?}"
            );
        }
    }
    assert!(read.is_some() != findings.iter().any(|finding| finding.is_error()));
}

/// Any text as a criterion in CEL, and as a sentence that becomes one.
fn criterion(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let clones: Vec<&CloneDescriptor> = archal::app::clones().iter().collect();
    match criteria::compile(&text, &clones) {
        Ok(compiled) => assert_eq!(compiled.source(), text),
        Err(findings) => {
            assert!(!findings.is_empty());
            for span in findings.iter().filter_map(|finding| finding.span) {
                assert!(span.start <= span.end && span.end <= text.len());
            }
        }
    }
}

/// Any text as the call that a tool of the agent stands for.
fn tool_template(bytes: &[u8]) {
    if let Ok(template) = CallTemplate::read(&String::from_utf8_lossy(bytes)) {
        assert!(template.arguments().all(|name| !name.is_empty()));
    }
}

/// Any bytes as a starting state: one that opens can be written and opened again.
fn seed_document(bytes: &[u8]) {
    let Ok(document) = serde_json::from_slice::<Value>(bytes) else {
        return;
    };
    let Some(clone) = open(Seed::Document(&document)) else {
        return;
    };
    if let Ok(saved) = clone.state().save() {
        let again = (github().reopen)(&saved).expect("what it wrote itself");
        assert_eq!(again.state().to_json(), clone.state().to_json());
    }
    (github().reopen)(&document).ok();
}

/// Any bytes as a request to a clone: method, path, an empty line, the body. A refused one changes nothing.
fn clone_request(bytes: &[u8]) {
    let split = bytes.windows(2).position(|two| two == b"\n\n");
    let (head, body) = bytes.split_at(split.unwrap_or(bytes.len()));
    let head = String::from_utf8_lossy(head);
    let mut words = head.lines().next().unwrap_or_default().splitn(2, ' ');
    let method = words.next().unwrap_or_default().to_owned();
    let target = words.next().unwrap_or_default();
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let mut headers = vec![(
        "authorization".to_owned(),
        format!("Bearer {}", github().credentials[0].1),
    )];
    for line in head.lines().skip(1).take(20) {
        if let Some((name, value)) = line.split_once(": ") {
            headers.push((name.to_ascii_lowercase(), value.to_owned()));
        }
    }
    let mut clone = open(Seed::Named("small-project")).expect("a seed that comes with the clone");
    let request = CloneRequest {
        method,
        scheme: "https".to_owned(),
        host: github().hosts[0].to_owned(),
        path: format!("/{}", path.trim_start_matches('/')),
        query: query.to_owned(),
        headers,
        body: body.get(2..).unwrap_or_default().to_vec().into(),
        spool: None,
    };
    let now = "2026-03-01T12:00:01Z".parse().expect("a time");
    let before = clone.state();
    // What git's own programs do with a body is not this clone's to decode.
    let Progress::Answered(answer) = clone.begin(&request, now) else {
        return;
    };
    assert!((100..600).contains(&answer.status), "{}", answer.status);
    if (400..500).contains(&answer.status) {
        let changed = before.diff(clone.state().as_ref());
        assert!(changed.is_empty(), "{}: {changed:?}", answer.status);
    }
}

/// Any text as what a model answers that judges.
fn judge_answer(bytes: &[u8]) {
    answer::read(&String::from_utf8_lossy(bytes)).ok();
}

/// Any bytes as what the server of a judge answers, in the protocols of all four providers: what is priced is no
/// less than nothing, and what was not counted costs nothing that is known.
fn judge_reply(bytes: &[u8]) {
    for (provider, model) in [
        (JudgeProvider::OpenAi, "gpt-5-mini"),
        (JudgeProvider::Anthropic, "claude-sonnet-4-5"),
        (JudgeProvider::Gemini, "gemini-2.5-pro"),
        (JudgeProvider::Ollama, "gpt-5-mini"),
    ] {
        assert!(PRICES.find(model).is_some(), "{model}");
        let Some(reply) = provider::read(provider, bytes) else {
            continue;
        };
        answer::read(&reply.text).ok();
        if let Some(tokens) = reply.tokens
            && let Some(computed) = PRICES.cost(model, &tokens)
        {
            assert!(computed.amount >= Usd::ZERO, "{tokens:?}");
        }
        assert!(reply.cost.is_none_or(|cost| cost >= Usd::ZERO));
    }
    if let Ok(body) = serde_json::from_slice::<Value>(bytes) {
        provider::complaint(&body);
    }
}

/// Any bytes as an answer of Langfuse's API, of observations and scores: in whatever order its rows come,
/// they make the same traces.
fn langfuse_answer(bytes: &[u8]) {
    each_trace(langfuse::rows_of(bytes), langfuse::assemble_rows);
}

/// Any line as a key, and the bytes behind it as the manifest that lies there: one line of which every
/// file can be shown.
fn manifest(bytes: &[u8]) {
    let end = bytes.iter().position(|byte| *byte == b'\n');
    let (key, body) = bytes.split_at(end.unwrap_or(bytes.len()));
    let key = String::from_utf8_lossy(key);
    if Manifests::Langfuse.is_one(&key) {
        assert!(key.ends_with(".json") && key.contains("/manifests/"));
    }
    match Manifests::Langfuse.read(body) {
        Ok(files) => {
            for file in files {
                let shown = names::shown(&file.key);
                assert!(!shown.chars().any(char::is_control), "{shown:?}");
            }
        }
        Err(why) => assert!(!why.is_empty()),
    }
}

/// Any bytes as a recorded body, after a letter that says how it is packed and whether it came to its
/// end: no more is kept than is allowed, and what is not is said.
fn recorded_body(bytes: &[u8]) {
    const MOST: u64 = 1 << 20;
    let Some((letter, body)) = bytes.split_first() else {
        return;
    };
    let encoding = match letter.to_ascii_lowercase() {
        b'g' => "gzip",
        b'z' => "zstd",
        b'd' => "deflate",
        b'b' => "br",
        b'2' => "deflate, gzip",
        _ => "identity",
    };
    let headers = [("content-encoding".to_owned(), encoding.to_owned())];
    let captured = Captured {
        bytes: Some(body.to_vec().into()),
        length: body.len() as u64,
        hash: "sha256:00".to_owned(),
        is_whole: letter.is_ascii_lowercase(),
    };
    let read = content::read(&captured, &headers, MOST);
    assert!(read.bytes <= MOST);
    assert!(body.is_empty() || read.value.is_some() != read.described.is_some());
    assert!(read.is_cut || captured.is_whole);
    assert!(read.described.is_none() || read.is_cut);
}

/// Any text as the events that a model answers in, in each of the protocols: what they amount to can
/// be read as an answer.
fn recorded_events(bytes: &[u8]) {
    let stream = String::from_utf8_lossy(bytes);
    for protocol in [Protocol::Chat, Protocol::Responses, Protocol::Messages] {
        if let Some(answer) = events::joined(protocol, &stream) {
            read_model(protocol, &Value::Null, Some(&answer));
        }
    }
}

/// Any two lines as a model's request and its answer, in each of the protocols.
fn recorded_model(bytes: &[u8]) {
    let end = bytes.iter().position(|byte| *byte == b'\n');
    let (request, answer) = bytes.split_at(end.unwrap_or(bytes.len()));
    let Ok(request) = serde_json::from_slice::<Value>(request) else {
        return;
    };
    let answer: Option<Value> = serde_json::from_slice(answer).ok();
    for protocol in [Protocol::Chat, Protocol::Responses, Protocol::Messages] {
        read_model(protocol, &request, answer.as_ref());
    }
}

fn read_model(protocol: Protocol, request: &Value, answer: Option<&Value>) {
    let read = model::read(protocol, request, answer);
    let messages = &read.call.messages;
    assert!(read.answered <= messages.len());
    assert!(messages.iter().all(|message| !message.parts.is_empty()));
    let parts: usize = messages.iter().map(|message| message.parts.len()).sum();
    assert!(read.failures().iter().all(|at| *at < parts));
    model::said(&read.call, read.answered);
}

/// Any bytes as what a killed recording left: what can be read of it becomes a trace.
fn recording(bytes: &[u8]) {
    let folder = Scratch::with("one/calls.jsonl", bytes);
    std::fs::write(folder.0.path().join("one/lock"), "").expect("writable");
    let now = "2026-03-01T12:00:00Z".parse().expect("a time");
    for left in spool::left(folder.0.path(), now).expect("locks") {
        let end = End {
            ended: Ended::Unseen,
            ended_at: left.last(),
            stdout: None,
            dropped: left.lost,
        };
        let calls = left.calls.len();
        let literals = Literals::default();
        let made = assemble::trace(left.command, left.calls, end, &literals, &redactor());
        assert!(made.trace.spans.len() > calls);
        assert_eq!(made.trace.revision, made.trace.revision_of());
    }
}

/// Any text, through redaction: it ends, and what stands for a secret is not taken for one.
fn redaction(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let redactor = redactor();
    let mut counts = RedactionCounts::new();
    let once = redactor.text(&text, &mut counts);
    if counts.is_empty() {
        assert_eq!(once, text);
    }
    redactor.document(&text);
    if let Ok(mut value) = serde_json::from_str::<Value>(&text) {
        redactor.value(&mut value, &mut counts);
    }
}
