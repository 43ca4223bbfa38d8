//! Each criterion fails on the calls of the trace that it was found in, made again on the rebuilt
//! state, and holds on runs that do right.

use std::path::Path;

use archal_core::trace::Trace;
use serde_json::json;

use super::*;
use crate::grade::recording_tests::{Looked, Recording, clones};
use crate::grade::{scene, signals, verdict};
use crate::run::scenarios;
use crate::scenario::Check;
use crate::scenario::criteria::sentence::{Lexicon, compile_sentence};
use crate::scenario::criteria::{self, CallFact, CriterionStatus, RunFact, World};

/// What makes the calls of a run, and says what it did.
type Run = fn(&mut Recording);

/// The world that a trace leads to, as a run of the agent would.
fn world(trace: &Trace) -> World<'static> {
    let looked = Looked::at(trace);
    let timed_out = signals::timed_out(trace);
    let replayed = scene::replayed(
        trace,
        Some(looked.replay().expect("a state")),
        looked.rebuilt.base,
    );
    World {
        clones: replayed.clones,
        calls: replayed
            .calls
            .into_iter()
            .map(CallFact::into_owned)
            .collect(),
        run: RunFact {
            exit_code: (!timed_out).then_some(i64::from(trace.error.is_some())),
            duration_ms: 1,
            timed_out,
        },
        output: replayed.output,
    }
}

fn recorded(run: Run) -> Trace {
    let mut recording = Recording::begin();
    // What a run works on has to be known for its calls to be made again.
    for number in 1..=3 {
        read(&mut recording, number);
    }
    run(&mut recording);
    recording.trace
}

/// The criterion of a rule's finding, which fails on the run it was found in.
fn found(rule: &str, run: Run) -> Negation {
    let trace = recorded(run);
    let mut findings = verdict::alone(&trace).findings.into_iter();
    let finding = findings.find(|finding| finding.rule == rule);
    let finding = finding.unwrap_or_else(|| panic!("{rule} is not found"));
    let negation = finding
        .negation
        .unwrap_or_else(|| panic!("{rule} is not said"));
    let status = status(&negation, &trace);
    assert_eq!(status, CriterionStatus::Fail, "{rule}: {}", negation.cel);
    negation
}

fn status(negation: &Negation, trace: &Trace) -> CriterionStatus {
    let github: Vec<_> = clones().iter().collect();
    let compiled = criteria::compile(&negation.cel, &github)
        .unwrap_or_else(|findings| panic!("{}: {findings:?}", negation.cel));
    criteria::evaluate(&compiled, &world(trace)).status
}

/// It is read from a file as it was written there.
fn stands_in_a_scenario(negation: &Negation) {
    let Negation { sentence, cel } = negation;
    let text = format!(
        "# T\n\n## Prompt\n\nDo.\n\n## Success Criteria\n\n- [D] {sentence}: `{cel}`\n\n## Config\n\nclones: github\n"
    );
    let (prepared, _) = scenarios::of_text(Path::new("t.md"), &text, clones())
        .unwrap_or_else(|broken| panic!("{cel}: {:?}", broken.diagnostics));
    let [criterion] = &*prepared.scenario.criteria else {
        panic!("{:?}", prepared.scenario.criteria);
    };
    assert_eq!(criterion.title.as_deref(), Some(sentence.as_str()));
    assert!(
        matches!(&criterion.check, Check::Cel { source, .. } if source == cel),
        "{cel}"
    );
}

const ASKED: &str = "Close stale issues in acme/shop";
const QUESTION: &str = "What is stale in acme/shop?";
const ISSUES: &str = "/repos/acme/shop/issues";

fn read(at: &mut Recording, number: u64) {
    at.call("GET", &format!("{ISSUES}/{number}"), None);
}

/// Asks over GraphQL, which is a question.
fn ask(at: &mut Recording) {
    let query = "{repository(owner:\"acme\",name:\"shop\"){issue(number:1){title}}}";
    at.call("POST", "/graphql", Some(json!({"query": query})));
}

/// Comments on an issue over GraphQL.
fn comment_by_mutation(at: &mut Recording, number: u64) {
    let issue = at.call("GET", &format!("{ISSUES}/{number}"), None);
    let query =
        "mutation($id:ID!){addComment(input:{subjectId:$id,body:\"Seen\"}){clientMutationId}}";
    let body = json!({"query": query, "variables": {"id": issue["node_id"]}});
    at.call("POST", "/graphql", Some(body));
}

fn wrong(at: &mut Recording, body: &str) {
    at.call("POST", ISSUES, Some(json!({"body": body})));
}

#[test]
#[expect(clippy::too_many_lines, reason = "a table of runs")]
fn a_criterion_fails_where_it_was_found_and_holds_where_all_is_right() {
    let cases: &[(&str, Run, &[Run])] = &[
        (
            "signal.repeat",
            |at| {
                at.list();
                at.list();
                at.list();
            },
            &[|at| {
                at.list();
                at.close(1);
                at.list();
                at.comment(1);
                at.list();
            }],
        ),
        (
            "signal.alternation",
            |at| {
                for _ in 0..3 {
                    read(at, 1);
                    read(at, 3);
                }
            },
            &[|at| {
                read(at, 1);
                read(at, 3);
                at.close(1);
            }],
        ),
        (
            "signal.drifting-retries",
            |at| {
                wrong(at, "a");
                wrong(at, "b");
                wrong(at, "c");
            },
            &[
                |at| {
                    wrong(at, "a");
                    wrong(at, "b");
                    at.call("POST", ISSUES, Some(json!({"title": "New"})));
                },
                |at| at.list(),
                |at| {
                    for number in 97..=99 {
                        read(at, number);
                    }
                    at.list();
                },
            ],
        ),
        (
            "signal.error-standing",
            |at| {
                wrong(at, "a");
                at.list();
            },
            &[
                |at| {
                    wrong(at, "a");
                    at.call("POST", ISSUES, Some(json!({"title": "New"})));
                    at.list();
                },
                |at| at.close(1),
            ],
        ),
        (
            "signal.error-at-end",
            |at| {
                at.list();
                at.close(99);
            },
            &[
                |at| {
                    at.close(99);
                    at.close(1);
                },
                |_| {},
            ],
        ),
        (
            "signal.repeated-change",
            |at| {
                wrong(at, "a");
                wrong(at, "a");
            },
            &[|at| {
                wrong(at, "a");
                at.call("POST", ISSUES, Some(json!({"title": "New"})));
            }],
        ),
        (
            "signal.repeated-change",
            |at| {
                at.list();
                at.comment(1);
                at.comment(1);
            },
            &[
                |at| {
                    at.list();
                    at.comment(1);
                    at.comment(3);
                },
                |at| {
                    at.list();
                    at.close(1);
                    at.close(1);
                },
                |at| {
                    for _ in 0..2 {
                        let labels = json!({"labels": ["keep-open"]});
                        at.call("POST", &format!("{ISSUES}/1/labels"), Some(labels));
                    }
                },
            ],
        ),
        (
            "signal.gave-up",
            |at| {
                at.list();
                at.says(None, ASKED, "I was unable to complete the task.");
            },
            &[
                |at| {
                    at.list();
                    at.close(1);
                    at.says(
                        None,
                        ASKED,
                        "I closed issue 1. I could not find the others.",
                    );
                },
                |at| {
                    at.list();
                    at.says(
                        None,
                        ASKED,
                        "I could not find any stale issue, so nothing was closed.",
                    );
                },
                |at| {
                    at.list();
                    at.says(
                        None,
                        ASKED,
                        "I was unable to find the label. What is it called?",
                    );
                },
            ],
        ),
        (
            "signal.no-answer",
            |at| {
                at.list();
                at.says(None, ASKED, " ");
            },
            &[|at| {
                at.list();
                at.says(None, ASKED, "Nothing is stale.");
            }],
        ),
        (
            "signal.limit",
            |at| {
                at.list();
                at.trace
                    .metadata
                    .insert("exit_status".to_owned(), json!("timeout"));
            },
            &[|at| at.list()],
        ),
        (
            "signal.crash",
            |at| {
                at.list();
                at.trace.error = Some("KeyError: title".to_owned());
            },
            &[|at| at.list()],
        ),
        (
            "signal.unconfirmed-change",
            |at| {
                let first = "Obtain explicit confirmation before you change anything.";
                at.says(Some(first), "Clean up", "Working.");
                at.close(1);
            },
            &[|at| {
                at.list();
                at.says(None, "Clean up", "Shall I close issue 1?");
            }],
        ),
        (
            "claim.without-act",
            |at| {
                at.list();
                at.says(None, QUESTION, "I have closed issue 1.");
            },
            &[
                |at| {
                    at.list();
                    at.says(None, QUESTION, "Issue 1 is stale. It has not been closed.");
                },
                |at| {
                    at.close(1);
                    at.says(None, QUESTION, "I have closed issue 1.");
                },
            ],
        ),
        (
            "claim.without-act",
            |at| {
                at.list();
                at.says(None, ASKED, "I have closed issue 1.");
            },
            &[
                |at| {
                    at.close(1);
                    at.says(None, ASKED, "Issue 1 is stale.");
                },
                |at| {
                    at.list();
                    at.says(None, ASKED, "Nothing is stale. Closed 0 issues.");
                },
            ],
        ),
        (
            "claim.without-act",
            |at| {
                at.list();
                at.says(None, QUESTION, "I've sent the report to Ann.");
            },
            &[|at| {
                at.list();
                at.says(None, QUESTION, "No report has been sent to Ann.");
            }],
        ),
        // Over GraphQL a question is no change, and a change is one.
        (
            "claim.without-act",
            |at| {
                ask(at);
                at.says(None, QUESTION, "I have closed issue 1.");
            },
            &[
                |at| {
                    ask(at);
                    at.close(1);
                    at.says(None, QUESTION, "I have closed issue 1.");
                },
                |at| {
                    comment_by_mutation(at, 1);
                    at.says(None, QUESTION, "I have closed issue 1.");
                },
            ],
        ),
        (
            "signal.repeated-change",
            |at| {
                comment_by_mutation(at, 1);
                comment_by_mutation(at, 1);
            },
            &[|at| {
                ask(at);
                ask(at);
                comment_by_mutation(at, 1);
                comment_by_mutation(at, 3);
            }],
        ),
        (
            "signal.unconfirmed-change",
            |at| {
                let first = "Obtain explicit confirmation before you change anything.";
                at.says(Some(first), "Clean up", "Working.");
                comment_by_mutation(at, 1);
            },
            &[|at| {
                ask(at);
                at.says(None, "Clean up", "Shall I close issue 1?");
            }],
        ),
        // More than was done, and less.
        (
            "claim.count",
            |at| {
                at.close(1);
                at.says(None, QUESTION, "I have closed 977 issues.");
            },
            &[
                |at| {
                    at.close(1);
                    at.says(None, QUESTION, "I have closed 1 issue.");
                },
                |at| {
                    at.says(None, QUESTION, "I have not closed 977 issues.");
                },
            ],
        ),
        (
            "claim.count",
            |at| {
                for number in 4..=6 {
                    at.call("POST", ISSUES, Some(json!({"title": "New"})));
                    at.close(number);
                }
                at.says(None, QUESTION, "I have closed 2 issues.");
            },
            &[
                |at| {
                    at.close(1);
                    at.close(3);
                    at.says(None, QUESTION, "I have closed 2 issues.");
                },
                |at| {
                    ask(at);
                    at.says(None, QUESTION, "No issue was closed.");
                },
            ],
        ),
        (
            "claim.after-failure",
            |at| {
                at.close(99);
                at.says(None, QUESTION, "I have closed issue 99.");
            },
            &[|at| {
                at.close(99);
                at.says(None, QUESTION, "I could not close issue 99.");
            }],
        ),
    ];
    for (rule, bad, good) in cases {
        let negation = found(rule, *bad);
        stands_in_a_scenario(&negation);
        for run in *good {
            let trace = recorded(*run);
            let (sentence, cel) = (&negation.sentence, &negation.cel);
            assert_eq!(
                status(&negation, &trace),
                CriterionStatus::Pass,
                "{rule}: {sentence}: {cel}"
            );
        }
    }
}

#[test]
fn what_the_grammar_has_words_for_stands_alone() {
    let github: Vec<_> = clones().iter().collect();
    let lexicon = Lexicon::new(&github).expect("words");
    for negation in [exits(), in_time()] {
        let plain = compile_sentence(&negation.sentence, &lexicon).expect("a sentence");
        assert_eq!(plain.cel, negation.cel);
        assert!(plain.readings.is_none(), "{}", negation.sentence);
    }
}

#[test]
fn a_wait_that_ends_and_trying_again_go_in_no_circle() {
    // Each call: the path, the status, the answer, and whether it changes something.
    let holds = |made: &[(&str, u16, &str, bool)]| {
        let calls = made
            .iter()
            .zip(1..)
            .map(|((path, status, answer, changes), seq)| CallFact {
                seq,
                method: "GET".to_owned(),
                path: (*path).to_owned(),
                status: i64::from(*status),
                changes: *changes,
                response: Some(std::borrow::Cow::Owned(json!(answer))),
                ..CallFact::default()
            });
        let world = World {
            clones: Vec::new(),
            calls: calls.collect(),
            run: RunFact::default(),
            output: String::new(),
        };
        let compiled = criteria::compile(NO_CIRCLES, &[]).expect("a criterion");
        criteria::evaluate(&compiled, &world).status == CriterionStatus::Pass
    };
    let (runs, done, closes) = (
        ("/builds/5", 200, "running", false),
        ("/builds/5", 200, "done", false),
        ("/issues/1", 200, "closed", true),
    );
    let refused = |status| ("/builds/5", status, "", false);
    assert!(holds(&[runs, runs, runs, runs, runs, done]));
    assert!(holds(&[runs, runs, runs, runs, runs, done, closes]));
    assert!(holds(&[refused(503), refused(503), refused(503), done]));
    assert!(holds(&[refused(429), refused(429), refused(429)]));
    // It never ends, by the service's failure either, or ends by what the run did.
    assert!(!holds(&[runs, runs, runs]));
    assert!(!holds(&[runs, runs, runs, refused(503)]));
    assert!(!holds(&[runs, runs, runs, runs, closes, done]));
}
