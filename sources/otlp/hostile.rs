//! Requests that were made to break a reader.

use std::path::{Path, PathBuf};

use proptest::prelude::*;

use super::attributes::MAX_INDEX;
use super::{Request, assemble, decode_json, decode_protobuf, decode_protobuf_logs};

const JSON: &[u8] = include_bytes!("fixtures/sdk/openinference.json");
const PROTOBUF: &[u8] = include_bytes!("fixtures/sdk/openinference.pb");

/// The inputs that the fuzz target of this name begins with.
fn corpus(target: &str) -> Vec<(PathBuf, Vec<u8>)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz/corpus");
    let mut files: Vec<PathBuf> = std::fs::read_dir(folder.join(target))
        .expect("there")
        .map(|entry| entry.expect("readable").path())
        .collect();
    files.sort();
    files
        .into_iter()
        .map(|path| {
            let bytes = std::fs::read(&path).expect("readable");
            (path, bytes)
        })
        .collect()
}

fn read_on(request: Request) {
    for one in assemble(request, &mut Vec::new()) {
        assert!(!one.trace.id.is_empty());
        assert!(one.trace.spans.iter().all(|span| !span.id.is_empty()));
    }
}

#[test]
fn the_committed_corpus_of_both_encodings_is_read_or_refused() {
    let mut spans = 0;
    for (path, bytes) in corpus("otlp_json") {
        // What an SDK sent in several requests has one on each line; as one body it is refused.
        let requests: Vec<&[u8]> = match decode_json(&bytes) {
            Ok(_) => vec![&bytes],
            Err(_) => bytes.split(|byte| *byte == b'\n').collect(),
        };
        for body in requests.into_iter().filter(|body| !body.is_empty()) {
            let request = decode_json(body).unwrap_or_else(|_| panic!("{}", path.display()));
            spans += request.spans.len();
            read_on(request);
        }
    }
    for (_, bytes) in corpus("otlp_protobuf") {
        if let Ok(request) = decode_protobuf(bytes.clone()) {
            spans += request.spans.len();
            read_on(request);
        }
        read_on(decode_protobuf_logs(bytes).unwrap_or_default());
    }
    assert!(spans >= 15, "the good spans beside the bad ones: {spans}");
}

#[test]
fn ten_thousand_nested_lists_cost_their_span() {
    for (path, bytes) in corpus("otlp_json")
        .into_iter()
        .chain(corpus("otlp_protobuf"))
    {
        if !path.ends_with("nested-10000") {
            continue;
        }
        let request = decode_json(&bytes).or_else(|_| decode_protobuf(bytes));
        let request = request.expect("the envelope is good");
        assert_eq!(
            (request.spans.len(), request.rejected),
            (1, 1),
            "{}",
            path.display()
        );
        let told = request.rejection().expect("it says why");
        assert!(told.contains("recursion limit"), "{told}");
        assert!(told.chars().count() < 220, "{told}");
    }
}

#[test]
fn an_index_of_four_billion_makes_no_message_and_stays_an_attribute() {
    let (_, bytes) = corpus("otlp_protobuf")
        .into_iter()
        .find(|(path, _)| path.ends_with("huge-index"))
        .expect("there");
    let request = decode_protobuf(bytes).expect("it is an export");
    let trace = assemble(request, &mut Vec::new()).remove(0).trace;
    let span = &trace.spans[0];
    assert!(
        span.attributes
            .keys()
            .any(|name| name.contains("4000000000"))
    );
    assert!(span.llm.as_ref().is_some_and(|llm| llm.messages.is_empty()));
}

#[test]
fn messages_missing_between_others_are_said_to_be_cut() {
    let named = |index: usize| {
        format!(
            r#"{{"key":"llm.input_messages.{index}.message.content","value":{{"stringValue":"a"}}}}"#
        )
    };
    let read = |indices: &[usize]| {
        let attributes: Vec<String> = indices.iter().map(|index| named(*index)).collect();
        let text = format!(
            r#"{{"resourceSpans":[{{"scopeSpans":[{{"spans":[{{"traceId":"t","spanId":"s","attributes":[{},
            {{"key":"openinference.span.kind","value":{{"stringValue":"LLM"}}}}]}}]}}]}}]}}"#,
            attributes.join(",")
        );
        let request = decode_json(text.as_bytes()).expect("it is an export");
        assemble(request, &mut Vec::new()).remove(0).trace
    };
    assert_eq!(read(&[0, 1]).completeness.truncated, [""; 0]);
    let gap = read(&[0, 2, MAX_INDEX - 1, MAX_INDEX]);
    assert_eq!(gap.completeness.truncated, ["spans[0].llm.messages"]);
    let messages = gap.spans[0].llm.as_ref().map(|llm| llm.messages.len());
    assert_eq!(messages, Some(3));
}

/// Bytes with some of them changed, taken out or repeated.
fn mutated(bytes: &'static [u8]) -> impl Strategy<Value = Vec<u8>> {
    let edits = (any::<prop::sample::Index>(), any::<u8>(), 0..4_u8);
    prop::collection::vec(edits, 1..8).prop_map(move |edits| {
        let mut bytes = bytes.to_vec();
        for (place, byte, how) in edits {
            // Truncated to one byte, and that one taken out: there is no place left.
            if bytes.is_empty() {
                break;
            }
            let at = place.index(bytes.len());
            match how {
                0 => bytes[at] = byte,
                1 => bytes.insert(at, byte),
                2 => drop(bytes.remove(at)),
                _ => bytes.truncate(at.max(1)),
            }
        }
        bytes
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn any_bytes_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..2_000)) {
        read_on(decode_json(&bytes).unwrap_or_default());
        read_on(decode_protobuf(bytes.clone()).unwrap_or_default());
        read_on(decode_protobuf_logs(bytes).unwrap_or_default());
    }

    #[test]
    fn mutated_exports_are_read_or_refused(json in mutated(JSON), protobuf in mutated(PROTOBUF)) {
        read_on(decode_json(&json).unwrap_or_default());
        read_on(decode_protobuf(protobuf).unwrap_or_default());
    }
}
