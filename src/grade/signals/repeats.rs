//! Calls made again and again.

use std::collections::{BTreeMap, HashMap};

use archal_core::grade::{Finding, Owner};
use serde_json::Value;

use super::super::facts::effect::words;
use super::super::facts::looks::{found_nothing, is_of};
use super::super::facts::{Call, Effect, Facts, FailureKind, Step, short};
use super::super::negation;
use super::super::verdict::NOT_SEEN;
use super::Rule;

/// Calls that are meant to be made again.
const WAITS: &[&str] = &["poll", "sleep", "think", "wait"];

fn waits(call: &Call<'_>) -> bool {
    words(&call.name)
        .iter()
        .any(|word| WAITS.contains(&word.as_str()))
}

/// Whether two calls were answered alike.
fn alike(one: &Call<'_>, other: &Call<'_>) -> bool {
    one.key == other.key && one.failure == other.failure && one.result == other.result
}

pub(super) fn repeat(rule: &Rule, facts: &Facts<'_>, found: &mut Vec<Finding>) {
    let mut groups: HashMap<u64, Vec<(&Call<'_>, usize)>> = HashMap::new();
    let mut changes = 0;
    for (call, [is_ended, _]) in facts.calls.iter().zip(ends(&facts.calls)) {
        let before = changes;
        changes += usize::from(call.wrote());
        if waits(call) || is_again(call) {
            continue;
        }
        let group = groups.entry(call.key).or_default();
        // A change in between makes looking again sensible.
        let starts_again = group
            .last()
            .is_some_and(|(last, then)| *then != before || !alike(last, call));
        if starts_again {
            group.clear();
        }
        group.push((call, changes));
        if group.len() == 3 && !is_ended {
            let mut finding = rule.finding(
                &call.name,
                format!(
                    "{} was called three times alike, with the same result",
                    call.name
                ),
                group.iter().map(|(call, _)| call.span),
                &call.arguments.as_deref().map(short).unwrap_or_default(),
                Owner::Agent,
            );
            finding.negation = Some(negation::no_circles());
            found.push(finding);
            return;
        }
    }
}

/// Whether a call failed so that making it again is right.
fn is_again(call: &Call<'_>) -> bool {
    let mut failure = call.failure.iter();
    failure.any(|failure| failure.kind.passes())
}

/// Of each call, whether it and the one before it were waits that ended behind it: one was answered
/// otherwise, and the run had changed nothing by then, nor called what may have.
fn ends(calls: &[Call<'_>]) -> Vec<[bool; 2]> {
    // The next call of each key before such a change, and whether those after it were answered otherwise.
    let mut next: HashMap<u64, (&Call<'_>, bool)> = HashMap::new();
    let mut ends = vec![[false; 2]; calls.len()];
    for (at, call) in calls.iter().enumerate().rev() {
        let before = at.checked_sub(1).map(|before| &calls[before]);
        ends[at] = [Some(call), before].map(|call| {
            let next = call.and_then(|call| Some((call, next.get(&call.key)?)));
            next.is_some_and(|(call, (next, others))| *others || !alike(call, next))
        });
        if call.wrote() {
            next = HashMap::new();
        } else if call.effect == Effect::Unknown && call.answered {
            let own = next.remove_entry(&call.key);
            next = own.into_iter().collect();
        }
        if call.answered && !is_again(call) {
            let (next, others) = next.entry(call.key).or_insert((call, false));
            *others |= !alike(call, next);
        }
    }
    ends
}

pub(super) fn alternation(rule: &Rule, facts: &Facts<'_>, found: &mut Vec<Finding>) {
    let ends = ends(&facts.calls);
    for (window, is_ended) in facts.calls.windows(6).zip(ends.iter().skip(5)) {
        let [a, b, rest @ ..] = window else { continue };
        let is_right = |call: &Call<'_>| waits(call) || is_again(call);
        if a.key == b.key || is_ended.contains(&true) || is_right(a) || is_right(b) {
            continue;
        }
        let by_turns = rest
            .chunks_exact(2)
            .all(|pair| matches!(pair, [c, d] if alike(a, c) && alike(b, d)));
        if by_turns {
            let mut finding = rule.finding(
                &format!("{} {}", a.name, b.name),
                format!(
                    "{} and {} were called by turns, three times alike",
                    a.name, b.name
                ),
                window.iter().map(|call| call.span),
                &a.arguments.as_deref().map(short).unwrap_or_default(),
                Owner::Agent,
            );
            finding.negation = Some(negation::no_circles());
            // Where one only looks, `signal.repeat` finds the same. Of others no run was measured.
            if a.effect == Effect::Write && b.effect == Effect::Write {
                finding.confidence = finding.confidence.min(NOT_SEEN);
            }
            found.push(finding);
            return;
        }
    }
}

pub(super) fn drifting_retries(rule: &Rule, facts: &Facts<'_>, found: &mut Vec<Finding>) {
    /// Failures of one tool since it last went well.
    #[derive(Default)]
    struct Row<'f> {
        failures: Vec<&'f Call<'f>>,
        first: u64,
        drifts: bool,
        told: bool,
    }
    // Where something was last found by a look: what was not there before was looked for and is found.
    let mut found_at = None;
    let is_over = |row: &Row<'_>, found_at: Option<usize>| {
        let is_absent = |call: &&Call<'_>| matches!(&call.failure, Some(one) if one.kind == FailureKind::NotFound);
        let last = row.failures.last().map(|call| call.step);
        found_at > last && row.failures.iter().all(is_absent)
    };
    let mut rows: BTreeMap<&str, Row<'_>> = BTreeMap::new();
    for call in &facts.calls {
        let row = rows.entry(call.name.as_ref()).or_default();
        let Some(failure) = &call.failure else {
            *row = Row::default();
            if call.effect != Effect::Write && call.answered && !found_nothing(call) {
                found_at = Some(call.step);
            }
            continue;
        };
        if is_over(row, found_at) {
            *row = Row::default();
        }
        // A shell runs another command each time, and commands that fail are part of the work.
        if failure.kind.passes() || (call.effect == Effect::Unknown && runs_commands(call)) {
            continue;
        }
        if row.failures.is_empty() {
            row.first = call.key;
        }
        row.drifts |= row.first != call.key;
        if row.failures.len() < 3 || !row.told {
            row.failures.truncate(2);
            row.failures.push(call);
            row.told = row.failures.len() == 3 && row.drifts;
        }
    }
    // What went well in the end was a search for how.
    let told = rows
        .values()
        .filter(|row| row.told && !is_over(row, found_at))
        .min_by_key(|row| row.failures.last().map(|call| call.step));
    let Some((row, last)) = told.and_then(|row| Some((row, row.failures.last()?))) else {
        return;
    };
    let Some(failure) = &last.failure else { return };
    let mut finding = rule.finding(
        &last.name,
        format!(
            "{} failed three times in a row with changing arguments",
            last.name
        ),
        row.failures.iter().map(|call| call.span),
        &failure.text,
        failure.kind.owner(),
    );
    finding.negation = Some(negation::no_third_failure());
    found.push(finding);
}

/// Whether a tool is a shell or an interpreter.
fn runs_commands(call: &Call<'_>) -> bool {
    const SHELLS: &[&str] = &[
        "bash",
        "cmd",
        "command",
        "exec",
        "execute",
        "ipython",
        "powershell",
        "python",
        "run",
        "shell",
        "terminal",
    ];
    words(&call.name)
        .iter()
        .any(|word| SHELLS.contains(&word.as_str()))
}

/// Looks that show what was there before the last change.
#[derive(Default)]
struct Looks<'f> {
    /// The last answer to each.
    last: HashMap<u64, &'f Call<'f>>,
    /// Those since the last change that show nothing new, or nothing at all.
    old: Vec<&'f Call<'f>>,
}

impl<'f> Looks<'f> {
    fn see(&mut self, call: &'f Call<'f>) {
        if call.effect != Effect::Read || !call.answered {
            return;
        }
        let before = self.last.insert(call.key, call);
        if found_nothing(call) || before.is_some_and(|before| alike(before, call)) {
            self.old.push(call);
        }
    }

    /// Whether one shows that a change that was made has not taken.
    fn show_nothing_of(&self, change: &Call<'_>) -> bool {
        self.old.iter().any(|look| is_of(look, change))
    }
}

/// Words in names of tools that make something more each time.
const ADDS: &[&str] = &[
    "add", "append", "book", "buy", "charge", "comment", "create", "credit", "deposit", "email",
    "fork", "insert", "invite", "mail", "make", "message", "new", "order", "pay", "post",
    "purchase", "refund", "reply", "reserve", "send", "start", "submit", "transfer", "withdraw",
];
/// What is there once however often it is added, and lines of logs.
const ONCE: &[&str] = &[
    "assignee",
    "assignees",
    "collaborator",
    "collaborators",
    "label",
    "labels",
    "log",
    "logs",
    "member",
    "members",
    "reviewer",
    "reviewers",
    "star",
    "tag",
    "tags",
];

/// Whether a change that is made twice is there twice. Others leave what they left before.
fn adds(call: &Call<'_>) -> bool {
    let has = |words: &[String], of: &[&str]| words.iter().any(|word| of.contains(&word.as_str()));
    let Some(http) = call.http else {
        let words = words(&call.name);
        return has(&words, ADDS) && !has(&words, ONCE);
    };
    let last = words(call.name.rsplit('/').next().unwrap_or_default());
    if has(&last, &["graphql"]) {
        // Its mutations are named as tools are.
        let query = call.arguments.as_deref().and_then(|body| body.get("query"));
        let Some(query) = query.and_then(Value::as_str) else {
            return true;
        };
        let mut named = query
            .split(|c: char| !c.is_alphanumeric())
            .take(200)
            .map(words);
        return named.any(|words| has(&words, ADDS) && !has(&words, ONCE));
    }
    http.method == "POST" && !has(&last, ONCE)
}

pub(super) fn repeated_change(rule: &Rule, facts: &Facts<'_>, found: &mut Vec<Finding>) {
    // Where each call and each tool last changed something.
    let mut by_key: HashMap<u64, usize> = HashMap::new();
    let mut by_name: HashMap<&str, usize> = HashMap::new();
    for call in facts.calls.iter().filter(|call| call.wrote()) {
        by_key.insert(call.key, call.step);
        by_name.insert(&call.name, call.step);
    }
    let later = |call: &Call<'_>| {
        let last = by_key.get(&call.key).max(by_name.get(call.name.as_ref()));
        last.is_some_and(|last| *last > call.step)
    };
    // Each change with how many others had been made by then: one in between makes it another.
    let mut first: HashMap<u64, (&Call<'_>, usize)> = HashMap::new();
    let mut changes = 0;
    let mut looks = Looks::default();
    for call in &facts.calls {
        if call.effect != Effect::Write {
            looks.see(call);
            continue;
        }
        let then = changes;
        changes += usize::from(call.wrote());
        let is_undone = call.wrote() && looks.show_nothing_of(call);
        if call.wrote() {
            looks.old.clear();
        }
        let Some((before, between)) = first.insert(call.key, (call, changes)) else {
            continue;
        };
        if between != then {
            continue;
        }
        let how = match (&before.failure, &call.failure) {
            (None, None) if before.answered && call.answered && adds(call) && !is_undone => {
                "was made twice"
            }
            (Some(one), Some(two)) if !one.kind.passes() && !two.kind.passes() && !later(call) => {
                "failed and was tried again unchanged"
            }
            _ => continue,
        };
        let mut finding = rule.finding(
            &call.name,
            format!("the same {} {how}", call.name),
            [before.span, call.span],
            &call.arguments.as_deref().map(short).unwrap_or_default(),
            Owner::Agent,
        );
        finding.negation = Some(match call.failure {
            None => negation::no_change_twice(),
            Some(_) => negation::no_refusal_twice(),
        });
        found.push(finding);
        return;
    }
}

/// Words that are too few to be stuck on, in bytes.
const SHORT: usize = 40;

pub(super) fn stuck_words(rule: &Rule, facts: &Facts<'_>, found: &mut Vec<Finding>) {
    let mut said: HashMap<&str, Vec<&str>> = HashMap::new();
    for step in &facts.steps {
        let Step::Agent(words) = step else { continue };
        let text = words.text.trim();
        if text.len() < SHORT {
            continue;
        }
        let spans = said.entry(text).or_default();
        spans.push(words.span);
        if spans.len() == 3 {
            found.push(rule.finding(
                "words",
                "the agent said the same three times".to_owned(),
                spans.iter().copied(),
                text,
                Owner::Agent,
            ));
            return;
        }
    }
}
