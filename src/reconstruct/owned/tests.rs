//! What a repository and the scenario of a trace add to what the trace shows.

use archal_core::trace::{HttpExchange, Span, SpanKind};
use serde_json::json;

use super::*;
use crate::reconstruct::tools::Tools;
use crate::run::scenarios;

fn clones() -> &'static [CloneDescriptor] {
    archal_clones::ALL
}

/// A scenario with a Setup in a block.
fn scenario() -> Prepared {
    let text = "# Close\n\n## Setup\n\n```json\n{\"repos\": [{\"full_name\": \"acme/webapp\"}], \"issues\": [{\"repo\": \"acme/webapp\", \"number\": 7, \"title\": \"From the Setup\", \"labels\": [\"stale\"], \"body\": null, \"state\": \"open\", \"assignees\": [], \"locked\": false, \"closed_at\": null, \"user\": \"acme\", \"created_at\": \"90d ago\", \"updated_at\": \"80d ago\"}, {\"repo\": \"acme/webapp\", \"number\": 8, \"title\": \"Another one\", \"user\": \"acme\"}], \"milestones\": [{\"repo\": \"acme/webapp\", \"number\": 1, \"title\": \"1.0\"}], \"labels\": [{\"repo\": \"acme/webapp\", \"name\": \"stale\", \"color\": \"0e8a16\"}]}\n```\n\n## Prompt\n\nClose.\n\n## Success Criteria\n\n- [D] Issue #7 is closed\n\n## Config\n\nclones: github\n";
    let (prepared, _) = scenarios::of_text(Path::new("archal/close.md"), text, clones())
        .unwrap_or_else(|broken| panic!("{:?}", broken.diagnostics));
    prepared
}

/// A trace that closes an issue which it never read.
fn trace() -> Trace {
    let closed = json!({
        "number": 7, "state": "closed", "title": "From the trace",
        "url": "https://api.github.com/repos/acme/webapp/issues/7",
    });
    Trace {
        id: "t".to_owned(),
        started_at: "2026-03-01T12:00:00Z".parse().ok(),
        spans: vec![Span {
            id: "s0".to_owned(),
            kind: SpanKind::Http,
            http: Some(HttpExchange {
                method: "PATCH".to_owned(),
                url: "https://api.github.com/repos/acme/webapp/issues/7".to_owned(),
                status: Some(200),
                request_body: Some(json!({"state": "closed", "labels": []})),
                response_body: Some(closed),
                ..HttpExchange::default()
            }),
            ..Span::default()
        }],
        ..Trace::default()
    }
}

#[test]
fn the_setup_of_the_scenario_fills_gaps_and_nothing_that_the_trace_shows() {
    let prepared = scenario();
    let tools = Tools::default();
    let context = Context {
        clones: clones(),
        tools: &tools,
        owned: &[],
    };
    let (alone, _) = rebuilt(&trace(), &context, Some((&prepared, &[])));
    assert!(!alone.missing.is_empty());
    let (states, problems) = of_scenario(&prepared, "archal/close.md", clones());
    assert_eq!(problems, []);
    let (filled, taken) = rebuilt(&trace(), &context, Some((&prepared, &states)));
    assert_eq!(filled.missing, []);
    // Nothing that the trace has no gap for.
    let state = &filled.seeds["github"];
    assert_eq!(state["issues"].as_array().map(Vec::len), Some(1), "{state}");
    assert_eq!(state["milestones"], Value::Null);
    assert_eq!(state["labels"], Value::Null);
    assert_eq!(taken.len(), 1);
    assert_eq!(
        taken[0].document["issues"].as_array().map(Vec::len),
        Some(1)
    );
    let issue = &filled.seeds["github"]["issues"][0];
    assert_eq!(issue["title"], "From the trace");
    assert_eq!(issue["labels"], json!(["stale"]));
    let proof = filled.proofs.get("github issues acme/webapp#7 labels");
    assert_eq!(proof.map(String::as_str), Some("Setup of archal/close.md"));
    // What the repository owns comes first.
    let owned = [Owned {
        origin: "archal/seeds/github.json".to_owned(),
        clone: "github".to_owned(),
        document: json!({"issues": [{"repo": "acme/webapp", "number": 7, "labels": ["owned"]}]}),
    }];
    let context = Context {
        owned: &owned,
        ..context
    };
    let (both, _) = rebuilt(&trace(), &context, Some((&prepared, &states)));
    assert_eq!(
        both.seeds["github"]["issues"][0]["labels"],
        json!(["owned"])
    );
}

#[test]
fn a_state_that_comes_with_a_clone_says_nothing_of_the_traces_world() {
    let text = "# S\n\n## Prompt\n\nDo.\n\n## Success Criteria\n\n- [D] No issues exist\n\n## Config\n\nclones: github\nseed: github:stale-issues\n";
    let (prepared, _) = scenarios::of_text(Path::new("s.md"), text, clones())
        .unwrap_or_else(|broken| panic!("{:?}", broken.diagnostics));
    let (states, problems) = of_scenario(&prepared, "s.md", clones());
    assert!(states.is_empty() && problems.is_empty(), "{states:?}");
    // A file that is not there is told.
    let text = text.replace("github:stale-issues", "github:./nowhere.json");
    let (prepared, _) = scenarios::of_text(Path::new("s.md"), &text, clones())
        .unwrap_or_else(|broken| panic!("{:?}", broken.diagnostics));
    let (states, problems) = of_scenario(&prepared, "s.md", clones());
    assert!(states.is_empty());
    assert!(
        problems[0]
            .message
            .starts_with("s.md: cannot read the seed")
    );
}

#[test]
fn what_cannot_be_read_of_owned_files_is_told_where_something_is_missing() {
    let folder = tempfile::tempdir().expect("a folder");
    let seeds = folder.path().join(FOLDER);
    fs::create_dir_all(&seeds).expect("a folder");
    for (name, text) in [
        (
            "github.json",
            "{\"issues\": [{\"repo\": \"a/b\", \"number\": 1}]}",
        ),
        ("github-broken.json", "{"),
        (
            "github-odd.json",
            "{\"isues\": [], \"repos\": {}, \"labels\": [1]}",
        ),
        ("gitlab.json", "{}"),
        ("notes.txt", ""),
    ] {
        fs::write(seeds.join(name), text).expect("written");
    }
    let (owned, problems) = of_repository(folder.path(), &BTreeMap::new(), clones());
    let origins: Vec<&str> = owned.iter().map(|one| one.origin.as_str()).collect();
    assert_eq!(
        origins,
        ["archal/seeds/github-odd.json", "archal/seeds/github.json"]
    );
    let told_of: Vec<&str> = problems.iter().map(|one| one.message.as_str()).collect();
    let has = |part: &str| told_of.iter().any(|one| one.contains(part));
    assert!(has("archal/seeds/gitlab.json: its name"), "{told_of:?}");
    assert!(
        has("the seed archal/seeds/github-broken.json is neither"),
        "{told_of:?}"
    );
    assert!(has(
        "archal/seeds/github-odd.json: github has no table isues"
    ));
    assert!(has(
        "archal/seeds/github-odd.json: repos is no list of rows"
    ));
    assert!(has("archal/seeds/github-odd.json: labels[0] is no row"));
    assert_eq!(problems.len(), 5, "{told_of:?}");

    let mut nothing = Vec::new();
    told(&problems, &mut nothing);
    assert_eq!(nothing, []);
    let mut missing = rebuilt(
        &trace(),
        &Context {
            clones: clones(),
            tools: &Tools::default(),
            owned: &[],
        },
        None,
    )
    .0
    .missing;
    let first = missing[0].clone();
    told(&problems, &mut missing);
    assert_eq!(missing[0], first);
    assert_eq!(missing[1].field, "file");
    assert!(missing.len() > problems.len());
}
