//! Reproduction and repair that are cut off and go on: nothing is paid twice, and what is left
//! at the end is what an undisturbed job leaves.

mod failure;
mod journal;

use std::collections::BTreeMap;
use std::fs;
use std::panic::{self, AssertUnwindSafe};
use std::path::PathBuf;
use std::thread;

use archal::fix::repair::Repaired;
use archal::reproduce::attempts::Attempts;
use archal::reproduce::decision::Shown;
use archal::reproduce::journal::{Phase, Refused, StepKey};
use archal::reproduce::pool::Places;
use archal::reproduce::seat::Seat;
use archal::reproduce::spent::{Spent, SpentSource};

use failure::{End, Failure};
use journal::{Died, Script};

/// The paid steps of the example's job.
const STEPS: [&str; 10] = [
    "reproduce/1",
    "reproduce/2",
    "fixer/1",
    "green/1",
    "green/2",
    "before/close-stale-issues/1",
    "after/close-stale-issues/1",
    "held-back-base/1/1",
    "held-back/1",
    "regression/1",
];

fn is_fixed(end: &End) -> bool {
    match end {
        End::Repaired(Repaired::Fixed { proof, .. }) => proof.proven,
        End::Repaired(Repaired::Failed { reason, .. } | Repaired::Blocked { reason, .. }) => {
            panic!("{reason}")
        }
        End::NotReproduced(error) => panic!("{error}"),
        End::NotRepaired(error) => panic!("{error}"),
    }
}

/// The folder of a step's slots.
fn slots(failure: &Failure, key: &StepKey) -> PathBuf {
    let fixes = failure.out().join("fixes");
    match &key.phase {
        Phase::Reproduce => failure.out().join("runs"),
        Phase::Release => failure.out().join("release"),
        Phase::Fixer => fixes,
        Phase::Check(number) => fixes.join("checks").join(number.to_string()),
        Phase::Green => fixes.join("green"),
        Phase::Before(scenario) => fixes.join("others/before").join(scenario),
        Phase::After(scenario) => fixes.join("others/after").join(scenario),
        Phase::HeldBackBase(number) => fixes
            .join("held-back")
            .join(number.to_string())
            .join("base"),
        Phase::HeldBack => fixes.join("held-back/patched"),
        Phase::Regression => fixes
            .join("others/regression")
            .join(failure.identity.group()),
    }
}

#[test]
fn a_job_that_dies_at_every_step_pays_each_once_and_leaves_the_same() {
    let undisturbed = Failure::new("");
    let journal = Script::default();
    assert!(is_fixed(&undisturbed.job(&journal)));
    assert_eq!(journal.begun(), STEPS);

    let disturbed = Failure::new("");
    let journal = Script {
        dies_everywhere: true,
        ..Script::default()
    };
    let mut deaths = Vec::new();
    let end = loop {
        match panic::catch_unwind(AssertUnwindSafe(|| disturbed.job(&journal))) {
            Ok(end) => break end,
            Err(why) => {
                let Died(point) = *why.downcast::<Died>().expect("a death of the journal's");
                let (key, call, _) = &point;
                if *call == "begin" {
                    // What a process leaves that dies while its agent runs.
                    let (folder, file) = match key.phase {
                        Phase::Fixer => (slots(&disturbed, key), "candidate.patch"),
                        _ => {
                            let half = format!(".attempt-{}.part", key.slot);
                            (slots(&disturbed, key).join(half), "half-written")
                        }
                    };
                    fs::create_dir_all(&folder).expect("writable");
                    fs::write(folder.join(file), "half").expect("writable");
                }
                deaths.push(point);
            }
        }
    };
    assert!(is_fixed(&end));
    // Before a step is looked up, before and after it begins, before and after its end.
    assert_eq!(deaths.len(), STEPS.len() * 5);

    let mut ended: BTreeMap<String, usize> = BTreeMap::new();
    for attempt in journal.attempts() {
        let key = attempt.key.to_string();
        let before = ended.get(&key).copied();
        assert_eq!(before, None, "{key} was begun again after its end");
        if attempt.end == Some("ended") {
            ended.insert(key, 1);
        }
    }
    assert_eq!(ended.len(), STEPS.len());
    let (expected, found) = (undisturbed.artifacts(), disturbed.artifacts());
    let names = |of: &BTreeMap<String, String>| of.keys().cloned().collect::<Vec<_>>();
    assert_eq!(names(&found), names(&expected));
    for (name, content) in &expected {
        assert_eq!(difference(&found[name], content), None, "{name}");
    }
    assert!(expected.contains_key("fixes/repo.patch") && expected.contains_key("fixes/proof.json"));
}

#[test]
fn a_finished_job_is_told_again_without_an_attempt_or_a_copy() {
    let failure = Failure::new("");
    let journal = Script::default();
    let reproduce = |journal: &Script| {
        failure
            .with(journal, |attempts, workshop| {
                failure.reproduce(attempts, workshop)
            })
            .expect("made")
    };
    let first = reproduce(&journal);
    fs::remove_dir_all(failure.workplaces()).expect("there");
    assert_eq!(reproduce(&journal), first);
    assert_eq!(journal.begun(), ["reproduce/1", "reproduce/2"]);
    assert!(!failure.workplaces().exists());

    // One byte of the evidence is not what it was: that attempt is made again, and only that.
    let calls = failure.out().join("runs/attempt-2/calls.jsonl");
    fs::write(&calls, "").expect("writable");
    let again = reproduce(&journal);
    assert_eq!(
        journal.begun(),
        ["reproduce/1", "reproduce/2", "reproduce/2"]
    );
    assert_eq!(again[0], first[0]);
    assert_ne!(again[1].run.run_id, first[1].run.run_id);
    assert!(fs::metadata(&calls).expect("there").len() > 0);

    // Evidence of something else is none, however whole it is.
    let with_another_model = failure.with(&journal, |attempts, workshop| {
        let attempts = Attempts {
            model: Some("m-2"),
            ..*attempts
        };
        failure.reproduce(&attempts, workshop)
    });
    assert_eq!(with_another_model.expect("made").len(), 2);
    assert_eq!(journal.begun().len(), 5);
}

#[test]
fn a_candidate_that_is_lost_or_changed_is_made_and_proved_anew() {
    let mut failure = Failure::new("");
    let journal = Script::default();
    assert!(is_fixed(&failure.job(&journal)));
    let patch = failure.out().join("fixes/candidate.patch");
    let text = fs::read_to_string(&patch).expect("kept");
    fs::write(&patch, format!("{text}\n")).expect("writable");
    // The fixer does something else now, so no run with the earlier patch counts.
    failure.fix_command = "python3 fix.py && echo '# more' >> agent.py".to_owned();
    assert!(is_fixed(&failure.job(&journal)));
    let again = [
        "fixer/1",
        "green/1",
        "green/2",
        "after/close-stale-issues/1",
        "held-back-base/1/1",
        "held-back/1",
        "regression/1",
    ];
    let begun = journal.begun();
    assert_eq!(begun[..STEPS.len()], STEPS);
    assert_eq!(begun[STEPS.len()..], again);
}

#[test]
fn a_refusal_ends_the_stage_without_a_result_and_the_job_goes_on_later() {
    let failure = Failure::new("");
    let mut journal = Script {
        refused: Some((Phase::Green, || Refused::Stopped)),
        ..Script::default()
    };
    match failure.job(&journal) {
        End::NotRepaired(error) => assert!(error.is_stopped(), "{error}"),
        _ => panic!("it was to stop"),
    }
    assert!(!failure.out().join("fixes/proof.json").exists());
    journal.refused = Some((Phase::Green, || Refused::Budget {
        reason: "the day's money is spent".to_owned(),
    }));
    match failure.job(&journal) {
        End::NotRepaired(error) => {
            assert!(!error.is_stopped());
            assert_eq!(error.to_string(), "the day's money is spent");
        }
        _ => panic!("there was no money"),
    }
    assert_eq!(journal.begun(), STEPS[..3]);
    journal.refused = None;
    assert!(is_fixed(&failure.job(&journal)));
    assert_eq!(journal.begun(), STEPS);
}

/// An agent that says what it spent, then waits until that was noticed.
const METERED_AGENT: &str = r#"import json, os, time
with open(os.environ["AGENT_METRICS_FILE"], "w") as file:
    json.dump({"costUsd": 0.25, "inputTokens": 900, "model": "m-1"}, file)
for _ in range(3000):
    if os.path.exists("NOTICED"):
        break
    time.sleep(0.01)
"#;

#[test]
fn what_is_spent_is_metered_while_it_is_spent_and_a_stopped_attempt_counts_for_nothing() {
    let noticed = tempfile::tempdir().expect("temporary folder");
    let marker = noticed.path().join("noticed");
    let failure = Failure::new(&METERED_AGENT.replace("NOTICED", &marker.display().to_string()));
    let stop = failure.stop.clone();
    let journal = Script {
        // The agent is in the middle of its work then.
        on_meter: Some(Box::new(move || stop.stop())),
        ..Script::default()
    };
    let made = failure.with(&journal, |attempts, workshop| {
        failure.reproduce(attempts, workshop)
    });
    assert!(made.expect_err("it was stopped").is_stopped());
    let attempts = journal.attempts();
    assert_eq!(attempts.len(), 1);
    assert_eq!(attempts[0].end, Some("abandoned"));
    let spent = Spent {
        micros: Some(250_000),
        input_tokens: Some(900),
        model: Some("m-1".to_owned()),
        source: SpentSource::Reported,
        ..Spent::UNKNOWN
    };
    assert_eq!(attempts[0].spent.as_ref(), Some(&spent));
    assert_eq!(attempts[0].metered, [spent]);
    let left = fs::read_dir(failure.out().join("runs")).map_or(0, Iterator::count);
    assert_eq!(left, 0, "a stopped attempt leaves no evidence");
}

#[test]
fn a_fixer_is_told_its_budget_and_its_word_on_usage_is_kept_where_it_is_plausible() {
    let spent_by = |report: &str| {
        let mut failure = Failure::new("");
        failure.fix_command = format!(
            "test \"$ARCHAL_BUDGET_USD\" = 0.750000 && printf '%s' '{report}' > \"$ARCHAL_USAGE_FILE\" && false"
        );
        let journal = Script {
            may_spend: Some(750_000),
            ..Script::default()
        };
        let end = failure.job(&journal);
        assert!(
            matches!(end, End::Repaired(Repaired::Failed { reason, .. }) if reason.contains("status 1"))
        );
        assert!(failure.out().join("fixes/transcript.log").exists());
        journal.attempts().pop().expect("the fixer's").spent
    };
    let whole = r#"{"inputTokens": 5, "outputTokens": 6, "provider": "p", "model": "m", "isByok": false, "costUsd": 0.5}"#;
    let whole = spent_by(whole).expect("charged");
    assert_eq!(whole.micros, Some(500_000));
    assert_eq!(
        (whole.input_tokens, whole.output_tokens),
        (Some(5), Some(6))
    );
    assert_eq!(
        (whole.provider.as_deref(), whole.model.as_deref()),
        (Some("p"), Some("m"))
    );
    assert_eq!(whole.is_byok, Some(false));
    assert_eq!(spent_by(r#"{"costUsd": -5}"#), Some(Spent::UNKNOWN));
}

#[test]
fn the_validation_command_does_not_see_what_a_run_left() {
    let mut failure = Failure::new("open('left-by-a-run', 'w').close()\n");
    failure.validation = Some("test ! -e left-by-a-run".to_owned());
    assert!(is_fixed(&failure.job(&Script::default())));
}

#[test]
fn idle_workplaces_are_used_again_until_one_is_touched_or_the_base_moves() {
    let mut failure = Failure::new("");
    failure.options.setup = Some("echo set-up > installed".to_owned());
    let places = Places::new(1);
    let journal = Script::default();
    let tree = failure.with(&journal, |_, workshop| {
        let one = places.take(workshop).expect("made");
        let other = places.take(workshop).expect("made");
        let tree = one.tree().to_owned();
        assert_ne!(tree, other.tree());
        fs::write(tree.join("left"), "by a run").expect("writable");
        fs::write(one.home().join("left"), "by a run").expect("writable");
        drop(one);
        drop(other);
        assert!(tree.exists());
        tree
    });
    assert_eq!(folders(&failure), 1, "at most one is kept idle");
    let touched = failure.with(&journal, |_, workshop| {
        let seat = places.later(workshop);
        let again = seat.place().expect("taken");
        assert_eq!(again.tree(), tree);
        assert!(!tree.join("left").exists() && !again.home().join("left").exists());
        fs::write(tree.join("installed"), "by a run").expect("writable");
        tree.clone()
    });
    assert!(!touched.exists(), "what the set-up made was touched");
    failure.with(&journal, |_, workshop| {
        let mut poisoned = places.take(workshop).expect("made");
        assert_ne!(poisoned.tree(), tree);
        poisoned.poison();
    });
    assert_eq!(folders(&failure), 0);
    let kept = failure.with(&journal, |_, workshop| {
        places.take(workshop).expect("made").tree().to_owned()
    });
    assert!(kept.exists());
    failure.options.setup = None;
    failure.with(&journal, |_, workshop| {
        let other = places.take(workshop).expect("made");
        assert_ne!(other.tree(), kept);
    });
    assert!(!kept.exists(), "it was set up in another way");
    places.clear();
    assert_eq!(folders(&failure), 0);
}

#[test]
fn jobs_side_by_side_have_a_workplace_each() {
    let failure = Failure::new("");
    let places = Places::new(2);
    let journals = [Script::default(), Script::default()];
    failure.with(&journals[0], |attempts, workshop| {
        thread::scope(|scope| {
            let made = [0, 1].map(|job| {
                let attempts = Attempts {
                    journal: &journals[job],
                    ..*attempts
                };
                let (places, identity) = (&places, &failure.identity);
                let folder = failure.out().join(job.to_string());
                scope.spawn(move || {
                    let seat = places.later(workshop);
                    attempts.make(&Phase::Reproduce, &seat, identity, 1, &folder)
                })
            });
            for job in made {
                let made = job.join().expect("no panic").expect("made");
                assert_eq!(made[0].shown, Shown::RedSame);
            }
        });
    });
    assert_eq!(folders(&failure), 2, "both are kept idle");
    let artifacts = failure.artifacts();
    for name in ["calls.jsonl", "diff.json", "result.json"] {
        let of = |job: usize| {
            let content = &artifacts[&format!("{job}/attempt-1/{name}")];
            content.replace(&format!("out/{job}"), "out")
        };
        assert_eq!(difference(&of(0), &of(1)), None, "{name}");
    }
}

/// Where two texts begin to differ, with a little of what follows.
fn difference(found: &str, expected: &str) -> Option<(String, String)> {
    let same = found.chars().zip(expected.chars());
    let at = same.take_while(|(one, other)| one == other).count();
    let rest = |text: &str| text.chars().skip(at).take(80).collect::<String>();
    (found != expected).then(|| (rest(found), rest(expected)))
}

/// How many workplaces there are.
fn folders(failure: &Failure) -> usize {
    fs::read_dir(failure.workplaces())
        .expect("readable")
        .filter(|entry| entry.as_ref().is_ok_and(|entry| entry.path().is_dir()))
        .count()
}
