//! The runs of the corpus again, with a tenth to a half of their spans lost.

use std::collections::{BTreeMap, BTreeSet};

use archal_core::hash;
use archal_testkit::cli::TestEnv;
use serde_json::Value;

use super::{Made, attached, repository, stage};

/// What is lost may hide a failure, and never makes one: no healthy run is reproduced, no other
/// failure than the run's own, and what blocks is named.
pub(super) fn hide_failures_and_make_none(
    world: &TestEnv,
    made: &[Made],
    whole: &BTreeMap<String, Value>,
) {
    let mut places: BTreeMap<String, Vec<(usize, &Made)>> = BTreeMap::new();
    for (nth, made) in made.iter().enumerate() {
        places
            .entry(made.case.place())
            .or_default()
            .push((nth, made));
    }
    let mut told: BTreeMap<String, usize> = BTreeMap::new();
    let mut wrong = Vec::new();
    for (place, here) in places {
        repository(world, &place);
        for (nth, made) in &here {
            let file = format!("{place}/traces/{}.json", made.case.name);
            world.write(file, &with_gaps(made.trace.clone(), *nth).to_string());
        }
        let jobs = attached(world, &place);
        for (_, made) in here {
            // One that lost every span is no trace.
            let Some(job) = jobs.get(&made.case.name) else {
                continue;
            };
            let status = job["status"].as_str().expect("a status");
            *told.entry(status.to_owned()).or_default() += 1;
            let found = |repository: &str, job: &Value| -> BTreeSet<String> {
                let grade = stage(world, repository, "grades", job, "grade.json");
                let grade = grade.expect("a grade");
                let failing = grade["failing"].as_u64().unwrap_or_default();
                let findings = grade["findings"].as_array().expect("findings").iter();
                let failing = usize::try_from(failing).expect("few");
                findings
                    .take(failing)
                    .map(|one| one["subject"].to_string())
                    .collect()
            };
            let is_wrong = match status {
                "reproduced" | "flaky" => {
                    let own = found("desk", &whole[&made.case.name]);
                    made.case.defect.is_none() || found(&place, job).is_disjoint(&own)
                }
                "blocked" => !is_named(job),
                _ => false,
            };
            if is_wrong {
                wrong.push(format!(
                    "{}: {status}: {} {}",
                    made.case.name, job["reason"], job["missing"]
                ));
            }
        }
    }
    assert!(wrong.is_empty(), "{told:?}\n{}", wrong.join("\n"));
    // Neither is everything given up that lost something.
    assert!(told["blocked"] > 10 && told["reproduced"] > 5, "{told:?}");
}

/// Whether a job that is blocked says which thing is not known.
fn is_named(job: &Value) -> bool {
    let missing = job["missing"].as_array().map_or(0, Vec::len);
    let reason = job["reason"].as_str().unwrap_or_default();
    job["reasonCode"] == "evidence"
        && (missing > 0
            || reason.contains("no call of the trace shows")
            || reason == "the trace does not hold what the agent was asked")
}

/// The trace without a tenth to a half of its spans, the same ones each time.
fn with_gaps(mut trace: Value, nth: usize) -> Value {
    let share = (nth % 5 + 1) as f64 / 10.0;
    for resource in trace["resourceSpans"].as_array_mut().expect("resources") {
        for scope in resource["scopeSpans"].as_array_mut().expect("scopes") {
            let spans = scope["spans"].as_array_mut().expect("spans");
            let mut at = 0;
            spans.retain(|_| {
                at += 1;
                let drawn = hash::short(&format!("{nth} {at}"));
                let drawn = u32::from_str_radix(&drawn, 16).expect("eight digits");
                f64::from(drawn) >= share * f64::from(u32::MAX)
            });
        }
    }
    trace
}
