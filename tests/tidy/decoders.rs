//! Whose bytes each place reads: those from outside are held by a fuzz target, or it is said why not.

use std::collections::BTreeSet;

use super::source::{is_program, without_tests};
use crate::fuzzed::decoders;

/// What a line holds where bytes or text become values.
const READS: &[&str] = &[
    "serde_json::from_str",
    "serde_json::from_slice",
    "serde_json::from_reader",
    "serde_json::Deserializer::from_",
    "toml::from_str",
    "serde_saphyr::from_",
    "jsonc_parser::",
    "Packet::parse",
    "GzDecoder::new",
    "use prost::Message",
];

/// What is read in a place.
#[derive(Debug)]
enum Reads {
    /// Bytes from outside; these targets hold it.
    Fuzzed(&'static [&'static str]),
    /// What archal wrote itself or ships, or its user says in arguments.
    Own,
    /// Bytes from outside that no target holds, and why.
    Open(&'static str),
}

use Reads::{Fuzzed, Open, Own};

/// Why a place needs no target: what is read is serde's to hold.
const ONE_FIELD: &str = "a document of which one field is looked at";

/// Places by the beginning of their paths; the longest counts.
const PLACES: &[(&str, Reads)] = &[
    ("clones/engine/", Fuzzed(&["clone_request", "mcp_message"])),
    ("clones/engine/git/serve.rs", Fuzzed(&["clone_request"])),
    ("clones/engine/running.rs", Fuzzed(&["seed_document"])),
    ("clones/github/", Fuzzed(&["clone_request"])),
    ("clones/github/check.rs", Fuzzed(&["seed_document"])),
    ("clones/github/mcp/", Fuzzed(&["mcp_message"])),
    ("crates/core/src/clone/vocabulary.rs", Own),
    ("crates/core/src/redact/", Fuzzed(&["redaction"])),
    ("crates/core/src/redact/rules.rs", Own),
    (
        "plugins/example-runlog/",
        Open("an example, which reads the logs of its own tool"),
    ),
    (
        "plugins/sdk/",
        Open("a plugin hears archal, which is no stranger to it"),
    ),
    ("sources/client/", Open(ONE_FIELD)),
    ("sources/custom/", Fuzzed(&["plugin_output"])),
    ("sources/file/", Fuzzed(&["file_decode", "large_file"])),
    (
        "sources/gcs/",
        Open("the targets are built without the clients of stores"),
    ),
    ("sources/http/", Fuzzed(&["custom_body"])),
    ("sources/otel/answer.rs", Own),
    ("sources/otlp/", Fuzzed(&["otlp_json", "otlp_protobuf"])),
    ("sources/postgres/check.rs", Open(ONE_FIELD)),
    ("sources/raw.rs", Fuzzed(&["file_decode", "otlp_json"])),
    ("sources/server/", Fuzzed(&["body_packed"])),
    ("src/attach/", Own),
    ("src/attach/results/otlp.rs", Open(ONE_FIELD)),
    ("src/budget/", Own),
    ("src/budget/spent.rs", Fuzzed(&["harness_answer"])),
    ("src/cli/", Own),
    ("src/cli/sessions/starting.rs", Fuzzed(&["seed_document"])),
    ("src/config/", Fuzzed(&["config_file", "scenario"])),
    ("src/driver/", Fuzzed(&["agent_output"])),
    ("src/fix/", Own),
    ("src/fix/publish/request.rs", Open(ONE_FIELD)),
    ("src/grade/facts/", Fuzzed(&["rebuilt_state"])),
    ("src/host/", Own),
    ("src/host/protocol.rs", Fuzzed(&["host_line"])),
    ("src/ingest/assembly/", Fuzzed(&["spool"])),
    ("src/ingest/objects/manifest.rs", Fuzzed(&["manifest"])),
    ("src/ingest/pieces/", Fuzzed(&["large_file"])),
    ("src/ingest/plugin/", Fuzzed(&["plugin_output"])),
    ("src/ingest/pull/", Own),
    ("src/ingest/serve/", Own),
    ("src/ingest/spool/", Fuzzed(&["spool", "pushed_batch"])),
    ("src/judge/", Fuzzed(&["judge_answer", "judge_reply"])),
    ("src/judge/cache.rs", Own),
    ("src/judge/quotes.rs", Own),
    ("src/pdca/", Own),
    ("src/pdca/log.rs", Fuzzed(&["cycle_answer"])),
    (
        "src/pdca/script.rs",
        Open("a script of the user's own, read by the YAML that `scenario` holds"),
    ),
    ("src/preprod/", Own),
    ("src/preprod/plan/inspect.rs", Open(ONE_FIELD)),
    (
        "src/preprod/survey/",
        Open("manifests of the user's own repository, read by `serde_json` and `toml`"),
    ),
    ("src/reconstruct/", Fuzzed(&["rebuilt_state"])),
    ("src/record/content.rs", Fuzzed(&["recorded_body"])),
    ("src/record/events.rs", Fuzzed(&["recorded_events"])),
    ("src/record/model.rs", Fuzzed(&["recorded_model"])),
    ("src/record/spool.rs", Fuzzed(&["recording"])),
    ("src/reproduce/", Own),
    ("src/reproduce/dependencies.rs", Open(ONE_FIELD)),
    (
        "src/reproduce/recorded/",
        Open("requests of the agent that is run, compared with its own trace"),
    ),
    ("src/run/", Own),
    ("src/run/answer.rs", Fuzzed(&["harness_answer"])),
    ("src/run/cost.rs", Fuzzed(&["harness_answer"])),
    (
        "src/run/harness/",
        Open("`harness.json` of the user's own repository"),
    ),
    ("src/run/metrics_file.rs", Fuzzed(&["harness_answer"])),
    (
        "src/run/scrub.rs",
        Open("JSON that a child left, whose values `redaction` holds"),
    ),
    (
        "src/run/seeds.rs",
        Open("a document of the user's own, which `seed_document` holds once it is read"),
    ),
    ("src/sandbox/control.rs", Own),
    ("src/scenario/", Fuzzed(&["scenario", "criterion"])),
    ("src/session/", Own),
    ("src/session/names.rs", Fuzzed(&["name_question"])),
    (
        "src/session/remembered.rs",
        Open("bodies of calls, kept as the values that they are"),
    ),
    (
        "src/session/service/control.rs",
        Open("requests with the session's token"),
    ),
    ("src/session/stdio.rs", Fuzzed(&["mcp_answer"])),
];

#[test]
fn whoever_reads_bytes_from_outside_is_held_by_a_fuzz_target_or_says_why_not() {
    let mut used = BTreeSet::new();
    let mut unknown = Vec::new();
    for file in super::files(&[".rs"]) {
        let is_tests = ["/tests/", "/conformance/", "/samples/", "/benches/"]
            .iter()
            .any(|folder| file.path.contains(folder));
        if !is_program(&file) || is_tests {
            continue;
        }
        let reads = without_tests(&file).lines().any(|line| {
            !line.trim_start().starts_with("//") && READS.iter().any(|reads| line.contains(reads))
        });
        if !reads {
            continue;
        }
        let places = PLACES
            .iter()
            .filter(|(place, _)| file.path.starts_with(place));
        match places.max_by_key(|(place, _)| place.len()) {
            Some((place, _)) => {
                used.insert(*place);
            }
            None => unknown.push(file.path),
        }
    }
    assert!(
        unknown.is_empty(),
        "not in the table of this test: {unknown:#?}"
    );
    let targets: BTreeSet<&str> = decoders::ALL.iter().map(|(name, _)| *name).collect();
    for (place, reads) in PLACES {
        assert!(used.contains(place), "nothing is read in {place}");
        match reads {
            Fuzzed(names) => {
                assert!(
                    names.iter().all(|name| targets.contains(name)),
                    "{place}: {names:?}"
                );
            }
            Open(why) => assert!(!why.is_empty(), "{place}"),
            Own => {}
        }
    }
}
