//! What is written reads back as the same, and no text is a panic.

use std::path::Path;

use proptest::prelude::*;
use serde_json::json;

use super::super::fixture::catalogue;
use super::super::matching::{InputPattern, Match, NamePattern};
use super::super::spec::{Check, Criterion, Scenario, ScenarioConfig, SeedBlock, SeedChoice};
use super::tests::{WHOLE, good, read, shown, with_config, with_criteria, with_setup};
use super::{parse, write};

/// Without places in the file, which writing changes.
fn placeless(mut scenario: Scenario) -> Scenario {
    for criterion in &mut scenario.criteria {
        criterion.span = (0..0).into();
        if let Check::Cel { span, .. } = &mut criterion.check {
            *span = (0..0).into();
        }
    }
    for block in &mut scenario.seed_blocks {
        block.span = (0..0).into();
    }
    scenario
}

#[test]
fn a_written_scenario_reads_back() {
    let scenario = good(WHOLE);
    let written = write(&scenario);
    assert_eq!(placeless(good(&written)), placeless(scenario), "{written}");
    assert_eq!(write(&good(&written)), written);
    insta::assert_snapshot!(written, @r###"
    # Close stale issues

    ## Setup

    A repository with stale issues.

    ```json chat
    {
      "messages": [
        {
          "channel": "general",
          "text": "hello"
        }
      ]
    }
    ```

    ## Prompt

    Close every stale issue in acme/webapp.

    - Keep `keep-open` issues open.

    ### Hint

    Look at page two.

    ## Expected Behavior

    Only stale issues are closed.

    ## Success Criteria

    - [D] No issue labelled keep-open is closed: `size(tracker.issues.filter(i, i.state == "closed" && "keep-open" in i.labels.map(l, l.name))) == 0`
    - [D] `size(tracker.issues) == 3`
    - [D] `run.exitCode == 0`
    - [P] Each comment explains the reason politely
    - [P] The `bug` label is respected

    ## Config

    clones: tracker, chat
    seed: tracker:stale-issues
    timeout: 90
    runs: 5
    tags: workflow, nightly
    evaluator-model: judge-1
    match: name=stale*; tags=nightly; input=/close; .*stale/i
    route: proxy
    pass-threshold: 80
    owner: platform
    since: 2026-01-31
    flaky: true
    "###);
}

#[test]
fn hostile_prompts_stay_prompts() {
    for prompt in [
        "x\n## Success Criteria\n- [P] anything",
        "x\n===",
        "x\n---\ny",
        "```\nunclosed",
        "````text\na\n````",
        "<!-- unclosed",
        "<script>\n# T",
        "  indented\n\n",
        "```json tracker\n{}\n```",
        "`````",
        "~~~\n# T",
        "- a\n# T",
        "<pre>",
        "[D]: x",
    ] {
        let scenario = Scenario {
            prompt: prompt.to_owned(),
            ..good(WHOLE)
        };
        let written = write(&scenario);
        assert_eq!(placeless(good(&written)), placeless(scenario), "{written}");
    }
}

fn text() -> impl Strategy<Value = String> {
    proptest::collection::vec(
        prop_oneof![
            Just("\n"),
            Just("\n\n"),
            Just("# "),
            Just("## "),
            Just("## Config\n"),
            Just("```"),
            Just("````"),
            Just("~~~"),
            Just("text"),
            Just("json"),
            Just("`"),
            Just("- "),
            Just("<!--"),
            Just("-->"),
            Just("<div>"),
            Just("==="),
            Just("---"),
            Just("word "),
            Just("é"),
            Just("    "),
            Just("> "),
            Just("\\"),
            Just("*"),
            Just("[D] "),
            Just("\t"),
            Just("<?"),
            Just("&amp;"),
            Just("$"),
        ],
        1..14,
    )
    .prop_map(|parts| parts.concat())
    .prop_filter("words", |text| !text.trim().is_empty())
}

fn scenarios() -> impl Strategy<Value = Scenario> {
    let criterion = prop_oneof![
        Just(("Nothing broke", "run.exitCode == 0")),
        Just(("A: b", "output.contains('`') || \"``\" == output")),
        Just(("", "tracker.issues.all(i, i.number > 0)")),
        Just(("[x] \\ *y*", "'`' == output")),
        Just(("`keep-open` stays", "run.exitCode == 0")),
    ];
    (
        text(),
        text(),
        text(),
        proptest::option::of(text()),
        criterion,
        any::<bool>(),
    )
        .prop_map(|(title, prompt, judged, setup, (words, source), block)| {
            let one_line = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
            let mut scenario = good(WHOLE);
            scenario.title = format!("T {}", one_line(&title));
            scenario.prompt.clone_from(&prompt);
            scenario.expected = Some(prompt);
            scenario.setup = setup;
            if !block {
                scenario.seed_blocks = Vec::new();
            }
            scenario.criteria = vec![
                Criterion {
                    id: String::new(),
                    title: (!words.is_empty()).then(|| words.to_owned()),
                    check: Check::Cel {
                        source: source.to_owned(),
                        span: (0..0).into(),
                        sentence: None,
                    },
                    span: (0..0).into(),
                },
                Criterion {
                    id: String::new(),
                    title: None,
                    check: Check::Judged {
                        sentence: format!("It {}", one_line(&judged)),
                    },
                    span: (0..0).into(),
                },
            ];
            scenario.config = ScenarioConfig {
                seeds: vec![SeedChoice {
                    clone: "tracker".to_owned(),
                    name: "busy".to_owned(),
                }],
                matching: Some(Match {
                    names: vec![NamePattern::new("a*").expect("a pattern")],
                    input: Some(InputPattern::new("a; b/c", true).expect("a pattern")),
                    ..Match::default()
                }),
                ..scenario.config
            };
            scenario
        })
}

/// Without the ids, which are made from the words.
fn nameless(scenario: Scenario) -> Scenario {
    let mut scenario = placeless(scenario);
    for criterion in &mut scenario.criteria {
        criterion.id.clear();
    }
    scenario
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn writing_then_reading_gives_the_same(scenario in scenarios()) {
        let written = write(&scenario);
        let (back, diagnostics) = read(&written);
        let back = back.unwrap_or_else(|| panic!("{}\n{written}", shown(&written, &diagnostics)));
        prop_assert_eq!(nameless(back), nameless(scenario), "{}", written);
    }

    #[test]
    fn no_text_panics(text in text(), tail in text()) {
        read(&text);
        read(&format!("# T\n## Setup\n{text}\n## Prompt\n{tail}\n## Checks\n{text}\n## Config\n{tail}"));
        read(&with_criteria(&format!("- {text}`{tail}`")));
        read(&with_config(&format!("clones: tracker\nmatch: {text}; input=/{tail}/")));
    }

    #[test]
    fn no_bytes_panic(bytes in proptest::collection::vec(any::<u8>(), 0..80)) {
        parse(Path::new("a.md"), &bytes, &catalogue());
    }
}

#[test]
fn a_seed_block_keeps_its_values() {
    let scenario = good(&with_setup(
        "```yaml\nissues:\n  - number: 7\n    at: 95d ago\n    x: null\n```",
        "clones: tracker",
    ));
    assert_eq!(
        scenario.seed_blocks,
        [SeedBlock {
            clone: "tracker".to_owned(),
            document: json!({"issues": [{"number": 7, "at": "95d ago", "x": null}]}),
            span: scenario.seed_blocks[0].span,
        }]
    );
}
