//! Snapshots, forks, resets, differences and saved states are exact, after thousands of calls.

use std::collections::BTreeMap;
use std::sync::Arc;

use archal_core::clone::{CloneRequest, CloneResponse, CloneState, RowDiff, ServiceClone, ViewRow};
use jiff::SignedDuration;
use proptest::prop_oneof;
use proptest::strategy::{Strategy, ValueTree};
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use serde_json::Value;

use super::check::{base, json, open, request, send};
use super::{DESCRIPTOR, laws_tests, pulls_laws_tests};

/// Calls of the whole history.
const CALLS: usize = 10_000;
/// Between two looks at everything.
const STRIDE: usize = 1_250;

type Rows = BTreeMap<(&'static str, String), ViewRow>;

/// A state that was taken, and what it was then.
struct Taken {
    state: Arc<dyn CloneState>,
    saved: Value,
    rows: Rows,
    history: Vec<(u16, String, Value)>,
}

/// What shows the refs and what they lead to.
const HISTORY: [&str; 4] = [
    "GET /repos/acme/checkout/branches?per_page=100",
    "GET /repos/acme/checkout/commits?per_page=5",
    "GET /repos/acme/checkout/contents/",
    "GET /repos/acme/checkout/pulls?state=all&per_page=100",
];

fn history(clone: &dyn ServiceClone) -> Vec<(u16, String, Value)> {
    answers(clone.fork().as_mut(), &HISTORY.map(str::to_owned))
}

/// What a state is without the objects of git, which all states of a clone share and none loses.
fn own(saved: &Value) -> Value {
    let mut own = saved.clone();
    own["objects"] = Value::Null;
    own["names"] = Value::Null;
    own
}

impl Taken {
    fn of(clone: &dyn ServiceClone) -> Self {
        let state = clone.state();
        Self {
            saved: state.save().expect("saved"),
            rows: rows(state.as_ref()),
            history: history(clone),
            state,
        }
    }

    #[track_caller]
    fn is_still(&self, clone: &dyn ServiceClone) {
        assert_eq!(own(&clone.state().save().expect("saved")), own(&self.saved));
        assert_eq!(rows(clone.state().as_ref()), self.rows);
        assert_eq!(history(clone), self.history);
    }
}

fn rows(state: &dyn CloneState) -> Rows {
    let mut out = Rows::new();
    for collection in DESCRIPTOR.collections {
        for row in state.rows(collection.name) {
            out.insert((collection.name, row.key.clone()), row);
        }
    }
    out
}

/// `diff` makes `after` of `before`, and says nothing of what did not change.
#[track_caller]
fn leads(before: &Rows, diff: &[RowDiff], after: &Rows) {
    let mut folded = before.clone();
    for row in diff {
        let side = row.after.as_ref().or(row.before.as_ref());
        let key = (row.collection, side.expect("one side").key.clone());
        assert_eq!(row.before.as_ref(), before.get(&key));
        assert_ne!(row.before, row.after);
        match row.after.clone() {
            Some(row) => folded.insert(key, row),
            None => folded.remove(&key),
        };
    }
    assert_eq!(&folded, after);
}

/// What two clones in the same state must have in common.
fn answers(clone: &mut dyn ServiceClone, lines: &[String]) -> Vec<(u16, String, Value)> {
    let answer = |line: &String| {
        let response: CloneResponse = send(clone, line);
        let headers = format!("{:?} {:?}", response.headers, response.changes);
        let body = String::from_utf8_lossy(&response.body.wire).into_owned();
        (response.status, headers, Value::from(body))
    };
    lines.iter().map(answer).collect()
}

/// The branches of the seed, with their commits.
fn branches(clone: &mut dyn ServiceClone) -> Vec<(String, String)> {
    let listed = json(&send(clone, HISTORY[0]));
    let text = |value: &Value| value.as_str().expect("a text").to_owned();
    let branches = listed.as_array().expect("a list").iter();
    branches
        .map(|branch| (text(&branch["name"]), text(&branch["commit"]["sha"])))
        .collect()
}

/// Every so often something is committed, and branches come and go; those of the seed come back, or
/// soon there would be nothing to merge.
fn of_git(number: usize, head: &str, seeded: &[(String, String)]) -> Option<String> {
    const REPO: &str = "/repos/acme/checkout";
    let file = number / 40 % 9;
    let (name, commit) = &seeded[number / 5 % seeded.len()];
    match number % 40 {
        1 | 6 | 11 | 16 | 21 | 26 | 31 | 36 => Some(format!(
            r#"POST {REPO}/git/refs {{"ref":"refs/heads/{name}","sha":"{commit}"}}"#
        )),
        0 => Some(format!(
            r#"PUT {REPO}/contents/f{number}.txt {{"message":"{number}","content":"aGk="}}"#
        )),
        5 => Some(format!(
            r#"POST {REPO}/git/refs {{"ref":"refs/heads/b{file}","sha":"{head}"}}"#
        )),
        10 => Some(format!(
            r#"PUT {REPO}/contents/d{file}/f{number}.txt {{"message":"{number}","content":"aG8=","branch":"b{file}"}}"#
        )),
        30 => {
            let other = (file + 5) % 9;
            Some(format!("DELETE {REPO}/git/refs/heads/b{other}"))
        }
        _ => None,
    }
}

/// A call of a pull request, of one of those that were opened last: others take the low numbers.
fn of_late(line: String, opened: &[u64]) -> String {
    let Some((before, after)) = line.split_once("/pulls/") else {
        return line;
    };
    let digits = after.chars().take_while(char::is_ascii_digit).count();
    match after[..digits].parse::<usize>() {
        Ok(number) if !opened.is_empty() => {
            let number = opened[opened.len() - 1 - number % opened.len().min(6)];
            format!("{before}/pulls/{number}{}", &after[digits..])
        }
        _ => line,
    }
}

#[test]
fn after_ten_thousand_calls_every_state_is_what_it_was() {
    let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &[7; 32]);
    let mut runner = TestRunner::new_with_rng(Config::default(), rng);
    // Issues, labels and comments; pull requests, reviews, merges and commits.
    let of_issues = laws_tests::call()
        .prop_map(|line| line.replace("/repos/octocat/hello-service", "/repos/acme/checkout"));
    let calls = prop_oneof![of_issues, pulls_laws_tests::call()];
    let mut next = || -> String { calls.new_tree(&mut runner).expect("a call").current() };
    let mut clone = open("merge-conflict");
    let seeded = branches(clone.as_mut());
    let opening = Taken::of(clone.as_ref());
    let mut taken: Vec<Taken> = Vec::new();
    let (mut changed, mut merged, mut reviewed) = (0, 0, 0);
    let (mut head, mut opened) = (String::new(), Vec::new());
    for number in 1..=CALLS {
        let line = of_git(number, &head, &seeded).unwrap_or_else(&mut next);
        let line = of_late(line, &opened);
        let sent: CloneRequest = request(&line);
        let minutes = i64::try_from(number).expect("small");
        let response = clone.call(&sent, base() + SignedDuration::from_mins(minutes));
        changed += usize::from(!response.changes.is_empty());
        let made = serde_json::from_slice::<Value>(&response.body.wire).unwrap_or_default();
        if line.contains("/pulls {") {
            opened.extend(made["number"].as_u64());
        }
        merged += usize::from(made["merged"] == true && line.starts_with("PUT"));
        reviewed += usize::from(response.status == 200 && line.contains("/reviews "));
        if let Some(commit) = made["commit"]["sha"].as_str() {
            commit.clone_into(&mut head);
        }
        if number % STRIDE != 0 {
            continue;
        }
        let now = Taken::of(clone.as_ref());
        leads(&opening.rows, &clone.diff(), &now.rows);
        if let Some(earlier) = taken.last() {
            let there = earlier.state.diff(now.state.as_ref());
            leads(&earlier.rows, &there, &now.rows);
            let back = now.state.diff(earlier.state.as_ref());
            leads(&now.rows, &back, &earlier.rows);
        }

        // A fork and what was saved and opened again go on as the clone itself would, and
        // nothing they do is seen by it.
        let more: Vec<String> = (0..20).map(|_| next()).collect();
        let mut fork = clone.fork();
        let mut again = (DESCRIPTOR.reopen)(&now.saved).expect("what was saved opens");
        assert_eq!(again.state().save().expect("saved"), now.saved);
        now.is_still(again.as_ref());
        let forked = answers(fork.as_mut(), &more);
        assert_eq!(answers(again.as_mut(), &more), forked);
        assert_eq!(
            own(&again.state().save().expect("saved")),
            own(&fork.state().save().expect("saved"))
        );
        now.is_still(clone.as_ref());
        assert!(clone.restore(now.state.as_ref()));
        assert_eq!(answers(clone.as_mut(), &more), forked);

        // Back to some state of the past, to the opening, and to now.
        if let Some(past) = taken.get(number / STRIDE * 7 % taken.len().max(1)) {
            assert!(clone.restore(past.state.as_ref()));
            past.is_still(clone.as_ref());
            leads(&opening.rows, &clone.diff(), &past.rows);
        }
        clone.reset();
        opening.is_still(clone.as_ref());
        assert!(clone.diff().is_empty());
        assert!(clone.restore(now.state.as_ref()));
        now.is_still(clone.as_ref());
        taken.push(now);
    }
    assert!(changed > CALLS / 4, "only {changed} calls changed anything");
    let branches = json(&send(clone.as_mut(), HISTORY[0]));
    let branches = branches.as_array().map_or(0, Vec::len);
    assert!(branches > 2, "only {branches} branches");
    assert!(
        merged > 10 && reviewed > 100,
        "{merged} merges, {reviewed} reviews"
    );
}

#[test]
fn a_saved_state_that_was_changed_by_hand_is_refused_with_the_place() {
    let whole = open("small-project").state().save().expect("saved");
    let refused = |change: fn(&mut Value)| {
        let mut saved = whole.clone();
        change(&mut saved);
        match (DESCRIPTOR.reopen)(&saved) {
            Ok(_) => "opened".to_owned(),
            Err(problems) => problems[0].message.clone(),
        }
    };
    let changes: [fn(&mut Value); 6] = [
        |saved| saved["service"] = Value::from("slack"),
        |saved| saved["base"] = Value::from("yesterday"),
        |saved| saved["tables"]["sheep"] = Value::Null,
        |saved| saved["tables"]["issues"]["rows"][0]["version"] = Value::Null,
        |saved| saved["tables"]["issues"]["rows"][0]["values"]["wool"] = Value::from(1),
        |saved| saved["tables"]["issues"]["rows"][0]["values"]["created_at"] = Value::from(1.5),
    ];
    let told: Vec<String> = changes.into_iter().map(refused).collect();
    insta::assert_snapshot!(told.join("\n"), @r"
    this is no saved state of github: service is missing or wrong
    this is no saved state of github: base is missing or wrong
    this is no saved state of github: there is no table sheep
    this is no saved state of github: issues[0] is wrong
    this is no saved state of github: issues[0] has an unknown field wool
    this is no saved state of github: issues[0].created_at is wrong
    ");
}
