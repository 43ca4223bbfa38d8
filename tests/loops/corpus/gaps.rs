//! The runs of the corpus again, with a tenth to a half of their spans lost. `ARCHAL_TEST_GAPS` says
//! another word to draw them by.

use std::collections::{BTreeMap, BTreeSet};

use archal_core::hash;
use archal_testkit::cli::TestEnv;
use serde_json::Value;

use super::{Made, attached, repository, stage};

/// Of the runs that go wrong, how many show it still at the least, in percent.
const SHOWN: usize = 20;
/// And how many may seem to be right at the most: the spans are lost that show what is wrong.
const HIDDEN: usize = 20;

/// A trace that lost spans, and what it lost.
struct Lossy {
    trace: Value,
    lost: Vec<Value>,
}

/// What is lost may hide a failure, and never makes one: no healthy run is reproduced, no other
/// failure than the run's own, and what blocks is named.
pub(super) fn hide_failures_and_make_none(
    world: &TestEnv,
    made: &[Made],
    whole: &BTreeMap<String, Value>,
) -> String {
    let word = word();
    let mut places: BTreeMap<String, Vec<(&Made, Lossy)>> = BTreeMap::new();
    // A service that fails is gone when its run is made again, whatever was lost.
    let made = made.iter().filter(|made| made.case.fault().is_none());
    for (nth, made) in made.enumerate() {
        let lossy = Lossy::of(made.trace.clone(), &word, nth);
        let here = places.entry(made.case.place()).or_default();
        here.push((made, lossy));
    }
    let mut seen = Seen::default();
    for (place, here) in places {
        repository(world, &place);
        for (made, lossy) in &here {
            let file = format!("{place}/traces/{}.json", made.case.name);
            world.write(file, &lossy.trace.to_string());
        }
        let jobs = attached(world, &place);
        for (made, lossy) in here {
            match jobs.get(&made.case.name) {
                Some(job) => seen.look(world, &place, (made, &lossy), (job, whole)),
                // One that lost every span is no trace.
                None => assert!(lossy.is_empty(), "{}", made.case.name),
            }
        }
    }
    assert!(seen.wrong.is_empty(), "{}", seen.told());
    let defects = seen.shown + seen.hidden + seen.unsure + seen.blocked;
    // Neither is everything given up that lost something, nor taken for right.
    assert!(seen.shown * 100 >= SHOWN * defects, "{}", seen.told());
    assert!(seen.hidden * 100 <= HIDDEN * defects, "{}", seen.told());
    seen.told()
}

/// What the draws go by.
#[expect(clippy::disallowed_methods, reason = "set by hand for other draws")]
fn word() -> String {
    std::env::var("ARCHAL_TEST_GAPS").unwrap_or_default()
}

/// What came of them.
#[derive(Default)]
struct Seen {
    by_status: BTreeMap<String, usize>,
    /// Runs that go wrong whose own failure shows, seems not to be there, is left open by the grade, and
    /// needs what is missing.
    shown: usize,
    hidden: usize,
    unsure: usize,
    blocked: usize,
    wrong: Vec<String>,
}

impl Seen {
    fn told(&self) -> String {
        let Self {
            by_status,
            shown,
            hidden,
            unsure,
            blocked,
            wrong,
        } = self;
        format!(
            "{by_status:?}; of those that go wrong {shown} shown, {hidden} hidden, {unsure} unsure, {blocked} blocked\n{}",
            wrong.join("\n")
        )
    }

    fn look(
        &mut self,
        world: &TestEnv,
        place: &str,
        (made, lossy): (&Made, &Lossy),
        (job, whole): (&Value, &BTreeMap<String, Value>),
    ) {
        let status = job["status"].as_str().expect("a status");
        *self.by_status.entry(status.to_owned()).or_default() += 1;
        let of_whole = &whole[&made.case.name];
        let whole = failing(world, made.case.desk(), of_whole);
        let is_own = || {
            let subject = |finding: &Value| finding["subject"].to_string();
            let own: BTreeSet<String> = whole.iter().map(subject).collect();
            let found = failing(world, place, job);
            found.iter().any(|finding| own.contains(&subject(finding)))
        };
        let is_right = match (made.case.defect, status) {
            (Some(_), "reproduced" | "flaky" | "group_member") => {
                self.shown += 1;
                is_own()
            }
            (Some(_), "ok" | "not_reproduced") => {
                self.hidden += 1;
                lossy.hides(&whole) || lossy.is_told(job)
            }
            // It says so itself, and nothing is done about it.
            (Some(_), "unsure") => {
                self.unsure += 1;
                !lossy.lost.is_empty()
            }
            (Some(_), "blocked") => {
                self.blocked += 1;
                lossy.is_named(job) || is_blocked_alike(of_whole, job)
            }
            // A group of healthy runs has one that is run, and that one is looked at.
            (None, "ok" | "unsure" | "not_reproduced" | "group_member") => true,
            (None, "blocked") => lossy.is_named(job),
            _ => false,
        };
        if !is_right {
            let found = failing(world, place, job);
            let found: Vec<&Value> = found.iter().map(|finding| &finding["subject"]).collect();
            let lost: Vec<&Value> = lossy.lost.iter().map(|span| &span["name"]).collect();
            self.wrong.push(format!(
                "{}: {status}: {} {}\nfails by {found:?}, lost {lost:?}",
                made.case.name, job["reason"], job["missing"]
            ));
        }
    }
}

/// The findings that make a job a failure.
pub(super) fn failing(world: &TestEnv, place: &str, job: &Value) -> Vec<Value> {
    let grade = stage(world, place, "grades", job, "grade.json").expect("a grade");
    let failing = grade["failing"].as_u64().unwrap_or_default();
    let failing = usize::try_from(failing).expect("few");
    let mut findings = grade["findings"].as_array().expect("findings").clone();
    findings.truncate(failing);
    findings
}

impl Lossy {
    /// A trace without a tenth to a half of its spans, the same ones each time for a word.
    fn of(mut trace: Value, word: &str, nth: usize) -> Self {
        let share = (nth % 5 + 1) as f64 / 10.0;
        let mut lost = Vec::new();
        for resource in trace["resourceSpans"].as_array_mut().expect("resources") {
            for scope in resource["scopeSpans"].as_array_mut().expect("scopes") {
                let spans = scope["spans"].as_array_mut().expect("spans");
                let mut at = 0;
                spans.retain(|span| {
                    at += 1;
                    let drawn = hash::short(&format!("{word}{nth} {at}"));
                    let drawn = u32::from_str_radix(&drawn, 16).expect("eight digits");
                    let stays = f64::from(drawn) >= share * f64::from(u32::MAX);
                    if !stays {
                        lost.push(span.clone());
                    }
                    stays
                });
            }
        }
        Self { trace, lost }
    }

    /// Whether nothing is left.
    fn is_empty(&self) -> bool {
        let resources = self.trace["resourceSpans"].as_array().expect("resources");
        let scopes = resources
            .iter()
            .flat_map(|one| one["scopeSpans"].as_array());
        let mut spans = scopes.flatten().flat_map(|one| one["spans"].as_array());
        spans.all(Vec::is_empty)
    }

    /// Whether it lost a span that shows one of these findings.
    fn hides(&self, findings: &[Value]) -> bool {
        let lost: BTreeSet<&str> = self
            .lost
            .iter()
            .filter_map(|span| span["spanId"].as_str())
            .collect();
        findings.iter().any(|finding| {
            let spans = finding["spans"].as_array().into_iter().flatten();
            spans
                .filter_map(Value::as_str)
                .any(|span| lost.contains(span))
        })
    }

    /// Whether a job whose failure does not show says that the agent makes a call that the trace does not
    /// have, and the span of that call was lost.
    fn is_told(&self, job: &Value) -> bool {
        let reason = job["reason"].as_str().unwrap_or_default();
        let more = [
            "which the trace does not have",
            "where the trace ends after",
        ];
        more.iter().any(|more| reason.contains(more))
            && self.lost.iter().any(|span| speaks_of(span, reason))
    }

    /// Whether a job that is blocked says which thing is not known, and a span was lost that speaks of
    /// it.
    fn is_named(&self, job: &Value) -> bool {
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        if job["reasonCode"] != "evidence" {
            return false;
        }
        let reason = text(&job["reason"]);
        let missing = job["missing"].as_array().into_iter().flatten();
        let mut named: Vec<String> = missing.map(|one| text(&one["entity"])).collect();
        // What the agent was asked stands in its root span.
        if named == ["the trace"] {
            return self.lost.iter().any(|span| span["parentSpanId"] == "");
        }
        if named.is_empty() {
            named.push(reason);
        }
        named
            .iter()
            .any(|what| self.lost.iter().any(|span| speaks_of(span, what)))
    }
}

/// Whether a trace is blocked by what blocks it with all of its spans.
fn is_blocked_alike(whole: &Value, job: &Value) -> bool {
    let lacks = |job: &Value| job["missing"].get(0).map(|one| one["entity"].clone());
    whole["status"] == "blocked" && lacks(whole).is_some() && lacks(whole) == lacks(job)
}

/// Whether a span speaks of a thing: of the issue that is named, or else of what is listed.
fn speaks_of(span: &Value, what: &str) -> bool {
    let said: String = span.to_string();
    let said: String = said
        .chars()
        .filter(|c| !matches!(c, '\\' | '"' | ' '))
        .collect();
    let lists = |table: &str| {
        let method = format!("list{}", table[..1].to_uppercase() + &table[1..]);
        [format!("/{table}?"), format!("list_{table}"), method]
            .iter()
            .any(|name| said.contains(name))
            || (table == "issues" && said.contains("listForRepo"))
    };
    let number = what
        .split(['#', '/', ' ', ','])
        .zip(what.split(['#', '/', ' ', ',']).skip(1))
        .find_map(|(before, number)| {
            let number: u64 = number.parse().ok()?;
            (before == "issues" || what.contains(&format!("#{number}"))).then_some(number)
        });
    match number {
        Some(number) => {
            let names = [format!("/issues/{number}"), format!("number:{number}")];
            let is_told = |name: &String| {
                said.match_indices(name.as_str()).any(|(at, name)| {
                    !said[at + name.len()..].starts_with(|c: char| c.is_ascii_digit())
                })
            };
            names.iter().any(is_told) || lists("issues")
        }
        None => ["issues", "milestones", "labels", "comments"]
            .iter()
            .any(|table| what.contains(table) && lists(table)),
    }
}
