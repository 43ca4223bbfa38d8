//! What the format promises.

use std::fmt::Write as _;
use std::path::Path;

use archal_core::clone::Seed;
use archal_core::diagnostic::{Diagnostic, line_and_column};

use super::super::fixture::catalogue;
use super::super::spec::{Check, Route, Scenario};
use super::*;

pub(super) fn read(text: &str) -> (Option<Scenario>, Vec<Diagnostic>) {
    parse(
        Path::new("scenarios/Close stale_issues.md"),
        text.as_bytes(),
        &catalogue(),
    )
}

pub(super) fn good(text: &str) -> Scenario {
    let (scenario, diagnostics) = read(text);
    scenario.unwrap_or_else(|| panic!("{}", shown(text, &diagnostics)))
}

/// Each finding with its line and the text it points at.
pub(super) fn shown(text: &str, diagnostics: &[Diagnostic]) -> String {
    let mut out = String::new();
    for diagnostic in diagnostics {
        let place = diagnostic.span.map_or("-".to_owned(), |span| {
            let (line, _) = line_and_column(text, span.start);
            format!("{line}: {:?}", &text[span.start..span.end])
        });
        let help = diagnostic.help.as_deref().unwrap_or("-");
        writeln!(out, "{place} {} [{}]", diagnostic.message, help).expect("text");
    }
    out.trim_end().to_owned()
}

fn refusals(text: &str) -> String {
    let (scenario, diagnostics) = read(text);
    assert!(scenario.is_none(), "accepted: {text}");
    shown(text, &diagnostics)
}

/// A scenario with this Config.
pub(super) fn with_config(config: &str) -> String {
    format!("# T\n## Prompt\nDo it.\n## Checks\n- [D] `run.exitCode == 0`\n## Config\n{config}\n")
}

/// A scenario with these criteria.
pub(super) fn with_criteria(criteria: &str) -> String {
    format!("# T\n## Prompt\nDo it.\n## Checks\n{criteria}\n## Config\nclones: tracker\n")
}

/// A scenario with this Setup and Config.
pub(super) fn with_setup(setup: &str, config: &str) -> String {
    format!(
        "# T\n## Setup\n{setup}\n## Prompt\nDo it.\n## Checks\n- [D] `run.exitCode == 0`\n## Config\n{config}\n"
    )
}

pub(super) const WHOLE: &str = r#"# Close *stale* issues

Some words for people.

## Setup
A repository with stale issues.

```yaml chat
messages:
  - channel: general
    text: hello
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
- `run.exitCode == 0`
- [P] Each comment explains the reason politely
- The `bug` label is respected

## Config
<!-- what it runs on -->
clones: tracker, chat
seed: stale-issues
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
"#;

#[test]
fn a_whole_scenario_is_read() {
    let scenario = good(WHOLE);
    assert_eq!(scenario.id, "close-stale-issues");
    assert_eq!(scenario.title, "Close stale issues");
    assert_eq!(
        scenario.setup.as_deref(),
        Some("A repository with stale issues.")
    );
    assert_eq!(
        scenario.expected.as_deref(),
        Some("Only stale issues are closed.")
    );
    assert!(
        scenario.prompt.starts_with("Close every stale") && scenario.prompt.ends_with("page two.")
    );
    let criteria: Vec<_> = scenario
        .criteria
        .iter()
        .map(|c| {
            (
                c.id.as_str(),
                c.label(),
                matches!(c.check, Check::Cel { .. }),
            )
        })
        .collect();
    assert_eq!(
        criteria,
        [
            (
                "no-issue-labelled-keep-open-is-closed",
                "No issue labelled keep-open is closed",
                true
            ),
            ("c2", "size(tracker.issues) == 3", true),
            ("c3", "run.exitCode == 0", true),
            (
                "each-comment-explains-the-reason-politely",
                "Each comment explains the reason politely",
                false
            ),
            (
                "the-bug-label-is-respected",
                "The `bug` label is respected",
                false
            ),
        ]
    );
    let Check::Cel { source, span, .. } = &scenario.criteria[0].check else {
        panic!("an expression");
    };
    assert_eq!(&WHOLE[span.start..span.end], source);
    let config = &scenario.config;
    assert_eq!(config.clones, ["tracker", "chat"]);
    assert_eq!(config.timeout_seconds, Some(90));
    assert_eq!(config.runs, Some(5));
    assert_eq!(config.tags, ["workflow", "nightly"]);
    assert_eq!(config.evaluator_model.as_deref(), Some("judge-1"));
    assert_eq!(config.route, Some(Route::Proxy));
    assert_eq!(config.pass_threshold, Some(80.0));
    assert_eq!(config.owner.as_deref(), Some("platform"));
    assert_eq!(
        config.since.map(|day| day.to_string()).as_deref(),
        Some("2026-01-31")
    );
    assert!(config.flaky && !config.retired);
    let matching = config.matching.as_ref().expect("a condition");
    assert_eq!(matching.names[0].text(), "stale*");
    assert_eq!(
        matching.input.as_ref().expect("a pattern").source(),
        "close; .*stale"
    );
    assert!(matches!(
        scenario.seed_for("tracker"),
        Seed::Named("stale-issues")
    ));
    assert!(matches!(scenario.seed_for("chat"), Seed::Document(_)));
    assert!(matches!(scenario.seed_for("other"), Seed::Named("empty")));
}

#[test]
fn every_alias_of_a_section_is_known() {
    for (setup, prompt, expected, criteria) in [
        ("Context", "Task", "Expected Behaviour", "Success"),
        ("Initial State", "Instruction", "Behavior", "Criteria"),
        ("setup:", "INSTRUCTIONS", "Judge Notes", "Checks"),
        ("Setup", "Request", "Evaluation  Notes", "Assertions"),
    ] {
        let text = format!(
            "# T\n## {setup}\nx\n## {prompt}\np\n## {expected}\ne\n## {criteria}\n- [D] `run.exitCode == 0`\n## Config\nclones: tracker\nseed: busy\n"
        );
        let scenario = good(&text);
        assert_eq!(
            (scenario.prompt.as_str(), scenario.expected.as_deref()),
            ("p", Some("e"))
        );
    }
}

#[test]
fn missing_parts_are_named() {
    insta::assert_snapshot!(
        [
            "",
            "# T\n",
            "#\n## Prompt\n\n## Checks\n\n## Config\nclones: tracker\n",
            "# T\n## Prompt\nx\n## Checks\n- [P] y\n",
            "## Prompt\nx\n## Checks\n- [P] y\n## Config\nclones: tracker\n",
        ]
        .map(refusals)
        .join("\n--\n"),
        @r###"
        1: "" the scenario has no title [begin with `# What the agent should do`]
        1: "" the scenario has no prompt [add `## Prompt` with what the agent is asked]
        1: "" the scenario has no success criteria [add `## Success Criteria` with one bullet for each]
        1: "" the scenario names no clone [write `clones: chat, tracker` under ## Config]
        --
        1: "# T" the scenario has no prompt [add `## Prompt` with what the agent is asked]
        1: "# T" the scenario has no success criteria [add `## Success Criteria` with one bullet for each]
        1: "# T" the scenario names no clone [write `clones: chat, tracker` under ## Config]
        --
        1: "#" the title is empty [-]
        2: "## Prompt" the prompt is empty [-]
        4: "## Checks" the scenario has no success criteria [write one bullet for each]
        --
        1: "# T" the scenario names no clone [write `clones: chat, tracker` under ## Config]
        --
        1: "## Prompt" the scenario has no title [begin with `# What the agent should do`]
        "###
    );
}

#[test]
fn sections_that_do_not_fit_are_named() {
    insta::assert_snapshot!(
        [
            "# T\n# U\n## Promt\nx\n## Something else\ny\n",
            "# T\n## Prompt\nx\n## Task\ny\n## Checks\n- [P] y\n## Config\nclones: tracker\n",
        ]
        .map(refusals)
        .join("\n--\n"),
        @r###"
        1: "# T" the scenario has no prompt [add `## Prompt` with what the agent is asked]
        1: "# T" the scenario has no success criteria [add `## Success Criteria` with one bullet for each]
        1: "# T" the scenario names no clone [write `clones: chat, tracker` under ## Config]
        2: "# U" a scenario has one title [use ### or deeper for headings inside a section]
        3: "## Promt" unknown section `Promt` [did you mean `## Prompt`?]
        5: "## Something else" unknown section `Something else` [sections: Setup, Prompt, Expected Behavior, Success Criteria, Config, Seed State; use ### or deeper for headings inside a section]
        --
        4: "## Task" a second section `Task` [keep one `## Prompt`]
        "###
    );
}

#[test]
fn settings_that_do_not_fit_are_named() {
    insta::assert_snapshot!(
        [
            "clones: traker\nclones: chat\ntimout: 5",
            "clones: tracker\ntimeout: soon\nruns: 0\npass-threshold: 101\nsince: yesterday\nflaky: maybe\nroute: isolate\nruns: 3",
            "clones: tracker\nclock: fixed\nroute: shim",
            "clones: tracker\nfault: tracker:issues/updte=500, chat:*=drop, tracker:*=200, tracker, tracker:*=2h, tracker:issues/list=2s, tracker:issues/list=drop",
            "clones: tracker, tracker\nowner:\nno colon here\nowner: a\n  b: c",
            "clones: tracker\nmatch: nam=x; tags=; input=close; name=a; name=b",
            "clones: tracker\nmatch:\n  input: /(/\n  tag: x",
            "clones: tracker\nmatch: ;",
        ]
        .map(|config| refusals(&with_config(config)))
        .join("\n--\n"), @r###"
        7: "traker" there is no clone `traker` [did you mean `tracker`?]
        8: "clones" `clones` is written twice [-]
        9: "timout" unknown key `timout` [did you mean `timeout`?]
        --
        8: "soon" a timeout is a number of seconds from 1 to 86400 [write timeout: 90, or 5m]
        9: "0" runs is a whole number from 1 to 1000 [-]
        10: "101" pass-threshold is a number from 0 to 100 [-]
        11: "yesterday" not a day; write 2026-01-31 [-]
        12: "maybe" neither true nor false [-]
        13: "isolate" unknown route [did you mean `isolated`?]
        14: "runs" `runs` is written twice [-]
        --
        8: "fixed" a clock is fixed at a time with its zone [write clock: fixed 2026-01-31T09:00:00Z]
        --
        8: "issues/updte" tracker has no operation `issues/updte` [did you mean `issues/update`?]
        8: "chat" `chat` is not among the clones [clones of this scenario: tracker]
        8: "200" `200` is no effect of a fault [write a status from 400 to 599, a delay up to 600s such as 250ms or 2s, drop, no-answer, cut, rate-limit, stale, webhook-lost or webhook-twice]
        8: "tracker" a fault names a clone, an operation and what happens [write <clone>:<operation>=<what happens>, as in github:issues/update=500, or github:issues/update#2=drop for the second call]
        8: "2h" `2h` is no effect of a fault [write a status from 400 to 599, a delay up to 600s such as 250ms or 2s, drop, no-answer, cut, rate-limit, stale, webhook-lost or webhook-twice]
        8: "tracker:issues/list=drop" two faults for `tracker:issues/list` [-]
        --
        7: "tracker" `tracker` is named twice [-]
        8: "owner" `owner` has no value [-]
        9: "no colon here" a setting is written `key: value` [-]
        10: "owner" `owner` is written twice [-]
        --
        8: "nam" unknown part `nam` of match [did you mean `name`?]
        8: "tags" `tags` has no value [-]
        8: "close" an input pattern stands between slashes [write input=/close .* stale/ or, without regard to case, /…/i]
        8: "name" `name` is written twice [-]
        --
        9: "/(/" not a regular expression: unclosed group [-]
        10: "tag" unknown part `tag` of match [did you mean `tags`?]
        --
        8: "match" match names no traces [write match: name=stale*; tags=nightly; tools=list_issues; input=/pattern/]
        "###);
}

#[test]
fn seeds_that_do_not_fit_are_named() {
    insta::assert_snapshot!(
        [
            "clones: tracker\nseed: stale-isues",
            "clones: tracker, chat\nseed: busy",
            "clones: tracker\nseed: engineering-team",
            "clones: tracker\nseed: chat:busy",
            "clones: tracker\nseed: tracker:busy, tracker:empty, trcker:busy",
        ]
        .map(|config| refusals(&with_config(config)))
        .join("\n--\n"),
        @r###"
        8: "stale-isues" tracker has no seed `stale-isues` [did you mean `stale-issues`?]
        --
        8: "busy" seed `busy` exists for chat and tracker [write chat:busy]
        --
        8: "engineering-team" tracker has no seed `engineering-team` [seeds: busy, empty, stale-issues]
        --
        8: "chat" a seed for `chat`, which is not among the clones [add chat to `clones:`]
        --
        8: "tracker:empty" two starting states for tracker [-]
        8: "trcker" there is no clone `trcker` [did you mean `tracker`?]
        "###
    );
}

#[test]
fn a_bare_seed_binds_to_the_only_clone_that_has_it() {
    let scenario = good(&with_config(
        "clones: tracker, chat\nseed: stale-issues, engineering-team",
    ));
    let seeds: Vec<_> = scenario
        .config
        .seeds
        .iter()
        .map(|seed| (seed.clone.as_str(), seed.name.as_str()))
        .collect();
    assert_eq!(
        seeds,
        [("tracker", "stale-issues"), ("chat", "engineering-team")]
    );
}

#[test]
fn setup_that_is_not_understood_is_quoted() {
    insta::assert_snapshot!(
        [
            with_setup("Twenty issues are older than ninety days.", "clones: tracker"),
            with_setup("```yaml\nissues: [\n```", "clones: tracker"),
            with_setup("```json\n{\"issues\": [1, 2}\n```", "clones: tracker"),
            with_setup("```yaml\na: 1\na: 2\n```", "clones: tracker"),
            with_setup("```yaml\n- 1\n```", "clones: tracker"),
            with_setup("```toml\na = 1\n```", "clones: tracker"),
            with_setup("```\na: 1\n```", "clones: tracker"),
            with_setup("```yaml\na: []\n```", "clones: tracker, chat"),
            with_setup("```yaml trackr\na: []\n```", "clones: tracker"),
            with_setup("```yaml tracker\na: []\n```\n```yaml\na: []\n```", "clones: tracker"),
            with_setup("```yaml tracker\na: []\n```", "clones: tracker\nseed: busy"),
            with_setup("x\n## Seed State\nwords", "clones: tracker\nseed: busy"),
        ]
        .map(|text| refusals(&text))
        .join("\n--\n"), @r###"
        3: "issues are older than ninety days" this part of the starting state is not understood: "issues are older than ninety days" [`archal scenario --help` has what can be said; or name a state with `seed:` under ## Config (tracker:busy, tracker:empty, tracker:stale-issues), or write it as a ```yaml block, and the words are for the judge alone]
        --
        4: "issues: [" not yaml: unclosed bracket '[' [-]
        --
        4: "}" not json: expected `,` or `]` [-]
        --
        5: "a: 2" not yaml: duplicate mapping key: a [-]
        --
        4: "- 1" a starting state is an object of tables, each a list of rows [-]
        --
        3: "```toml" a fenced block here is a starting state in json or yaml, not `toml` [write ```yaml github, or ```text for words]
        --
        3: "```" a fenced block here is a starting state in json or yaml, not one without a language [write ```yaml github, or ```text for words]
        --
        4: "a: []" for which clone is this block? [name it on the fence: ```yaml tracker]
        --
        3: "trackr" there is no clone `trackr` [did you mean `tracker`?]
        --
        7: "a: []" two starting states for tracker [-]
        --
        4: "a: []" two starting states for tracker [-]
        --
        5: "words" Seed State holds fenced blocks only [words for the judge stand under ## Setup]
        "###);
}

#[test]
fn a_sentence_that_is_understood_is_compiled_tagged_or_not() {
    let text = with_criteria(
        "- [D] The run exits\n  successfully.\n- Fewer than 3 calls are made\n- The run is nice\n- [P] No calls are made",
    );
    let (scenario, diagnostics) = parse(Path::new("a.md"), text.as_bytes(), &catalogue());
    let scenario = scenario.unwrap_or_else(|| panic!("{diagnostics:?}"));
    let told: Vec<String> = scenario
        .criteria
        .iter()
        .map(|criterion| match &criterion.check {
            Check::Cel {
                source,
                sentence: Some(sentence),
                ..
            } => format!("{}: {} is {source}", criterion.id, sentence.text),
            Check::Cel { source, .. } => source.clone(),
            Check::Judged { sentence } => format!("{}: [P] {sentence}", criterion.id),
        })
        .collect();
    assert_eq!(
        told,
        [
            "the-run-exits-successfully: The run exits successfully. is run.exitCode == 0 && !run.timedOut",
            "fewer-than-3-calls-are-made: Fewer than 3 calls are made is size(calls) < 3",
            "the-run-is-nice: [P] The run is nice",
            "no-calls-are-made: [P] No calls are made",
        ]
    );
}

#[test]
fn an_untagged_sentence_that_counts_is_not_silently_judged() {
    let parsed = |criteria: &str| {
        let text = with_criteria(criteria).replace("tracker", "github");
        let (_, diagnostics) = parse(Path::new("a.md"), text.as_bytes(), archal_clones::ALL);
        diagnostics
            .into_iter()
            .filter(|each| each.code == "scenario/sentence")
            .map(|each| format!("{} [{}]", each.message, each.help.unwrap_or_default()))
            .collect::<Vec<_>>()
    };
    assert_eq!(
        parsed("- Exactly 3 isues exist\n- The comment is polite\n- [P] No isue is rude"),
        [
            "this is left to the judge, for \"isues\": this word is not known \
          [did you mean `issues`?; or tag it [P] where the judge is to decide it]"
        ]
    );
}

#[test]
fn criteria_that_do_not_fit_are_named() {
    insta::assert_snapshot!(
        [
            "- [D] Exactly 4 issues are closed",
            "- [D] the label `stale` is there",
            "- [D] all have the label `stale`",
            "- [D] Closed: `size(tracker.isues) == 1`",
            "- [D] `size(tracker.issues)`\n- [D] `size(`",
            "- [X] something\n- [D]\n- [ ] todo",
            "Just words.\n\n- [P] one\n  - nested",
            "- [D] `tracker.issues.all(i,\n  i.stat == 'open')`",
        ]
        .map(|criteria| refusals(&with_criteria(criteria)))
        .join("\n--\n"),
        @r###"
        5: "issues" "issues" in a [D] criterion: this word is not known [no clone here declares words; or write the condition as CEL in backticks, or tag it [P] for the judge]
        --
        5: "label" "label" in a [D] criterion: this word is not known [no clone here declares words; or write the condition as CEL in backticks, or tag it [P] for the judge]
        --
        5: "have the label `stale`" "have the label `stale`" in a [D] criterion: this part is not understood [tool calls could stand here; or write the condition as CEL in backticks, or tag it [P] for the judge]
        --
        5: "isues" `tracker` has no collection `isues` [did you mean `issues`?]
        --
        5: "size(tracker.issues)" a criterion is true or false, this is a whole number [compare it with something: `… == 0`]
        6: "" not a CEL expression: it ends too early [-]
        --
        5: "[X]" unknown tag `[X]` [[D] is decided on state, calls and the run, [P] by the judge]
        6: "- [D]" the criterion is empty [-]
        7: "[ ]" unknown tag `[ ]` [[D] is decided on state, calls and the run, [P] by the judge]
        --
        5: "Just words." a criterion is a bullet [write - [D] and the condition in backticks, or - [P] and a sentence]
        8: "- nested" a criterion has no bullets of its own [-]
        --
        5: "`tracker.issues.all(i,\n  i.stat == 'open')`" an object of tracker.issues has no field `stat` [did you mean `state`?]
        "###
    );
}

#[test]
fn ids_are_unique() {
    let scenario = good(&with_criteria(
        "- [P] Be kind\n- [P] Be kind!\n- [P] …\n1. [P] Be kind",
    ));
    let ids: Vec<_> = scenario.criteria.iter().map(|c| c.id.as_str()).collect();
    assert_eq!(ids, ["be-kind", "be-kind-2", "c3", "be-kind-3"]);
}

#[test]
fn old_names_and_inferred_clones_are_noted() {
    let (scenario, notes) = read(&with_config("twins: tracker\nmodel: judge-1"));
    assert_eq!(
        scenario.expect("read").config.evaluator_model.as_deref(),
        Some("judge-1")
    );
    assert_eq!(notes.len(), 2);
    let text = "# T\n## Prompt\nAsk in Chat.\n## Checks\n- [D] `size(tracker.issues) == 0`\n";
    let (scenario, notes) = read(text);
    assert_eq!(scenario.expect("read").config.clones, ["chat", "tracker"]);
    insta::assert_snapshot!(shown(text, &notes), @r###"1: "# T" no clones are named; taken from the text: chat, tracker [-]"###);
}

#[test]
fn files_that_are_no_text_are_refused() {
    let read = |bytes: &[u8]| {
        let (scenario, diagnostics) = parse(Path::new("a.md"), bytes, &catalogue());
        assert!(scenario.is_none());
        format!(
            "{} {:?}",
            diagnostics[0].message,
            diagnostics[0].span.map(|s| (s.start, s.end))
        )
    };
    insta::assert_snapshot!(
        [read(b"# T\n\x00"), read(b"# T\n\xff\xfe"), read(&vec![b'a'; MAX_BYTES + 1])].join("\n"),
        @r###"
        a binary file, not a scenario None
        not text in UTF-8 Some((4, 5))
        a scenario has at most 1048576 bytes None
        "###
    );
    let (scenario, diagnostics) = load(Path::new("no/such.md"), &catalogue());
    assert!(scenario.is_none() && diagnostics[0].code == "scenario/unreadable");
}

#[test]
fn a_byte_order_mark_moves_no_span() {
    let text = format!("\u{feff}{}", with_config("clones: traker"));
    assert!(refusals(&text).contains("\"traker\""));
    let text = "# T\n## Setup\n```yaml\nissues: []\n```\n## Prompt\nDo it.\n## Checks\n- [D] `run.exitCode == 0`\n\
        - [D] The run exits successfully\n## Config\nclones: tracker\nclock: fixed 2026-01-31T09:00:00Z\n\
        fault: tracker:*=2s\n";
    let places = |text: &str| {
        let scenario = good(text);
        let mut places = Vec::new();
        for criterion in &scenario.criteria {
            places.push(criterion.span);
            if let Check::Cel { span, .. } = &criterion.check {
                places.push(*span);
            }
        }
        places.extend(scenario.seed_blocks.iter().map(|block| block.span));
        places.extend(scenario.config.clock.map(|clock| clock.span));
        places.extend(scenario.config.faults.iter().map(|fault| fault.span));
        let places = places
            .iter()
            .map(|place| text[place.start..place.end].to_owned());
        places.collect::<Vec<_>>()
    };
    assert_eq!(places(&format!("\u{feff}{text}")), places(text));
}

#[test]
fn front_matter_is_one_mistake() {
    let text = format!("---\ntitle: x\n---\n{}", with_config("clones: tracker"));
    insta::assert_snapshot!(refusals(&text), @r###"
        1: "---\ntitle: x\n---\n" a scenario has no front matter [delete lines 1-3; settings stand under ## Config]
        "###);
    // A rule is none.
    let ruled = with_config("clones: tracker").replace("# T\n", "# T\n\n---\n\n");
    good(&format!("---\n\n{ruled}"));
}

#[test]
fn windows_line_ends_are_read() {
    let scenario = good(&WHOLE.replace('\n', "\r\n"));
    assert_eq!(scenario.config.clones, ["tracker", "chat"]);
    assert_eq!(scenario.prompt, good(WHOLE).prompt);
    assert_eq!(scenario.config.matching, good(WHOLE).config.matching);
}
