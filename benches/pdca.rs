//! What a PDCA run of 1,000 events costs to look at, and an event more of it to write.
//!
//! `cargo bench --bench pdca`. A user waits for `dag` and `report`; the goal is 50 ms for each, reading included.

use archal::pdca::dag;
use archal::pdca::event::{Event, Kind, NewEvent};
use archal::pdca::log::Log;
use archal::pdca::place::RunId;
use archal::pdca::progress::Progress;
use archal::pdca::report;
use archal::pdca::role::{Phase, Role, Workflow};
use archal_core::clock::Timestamp;
use criterion::{Criterion, criterion_group, criterion_main};
use serde_json::{Value, json};

/// Events of the run.
const EVENTS: u64 = 1_000;
/// Findings of a review.
const FINDINGS: usize = 5;

/// A thorough run of so many cycles that it has enough events, as the program writes it.
fn write(log: &Log) {
    let mut written = 0;
    let mut add = |kind: Kind, phase: Phase, role: Option<Role>, data: Value| {
        if written < EVENTS {
            let event = NewEvent::new(kind, phase, data);
            let event = match role {
                Some(role) => event.by(role),
                None => event,
            };
            log.append(event, Timestamp::UNIX_EPOCH).expect("written");
            written += 1;
        }
        written == EVENTS
    };
    let start = json!({"task": "Add a greeting", "workflow": "thorough", "max_cycles": 3});
    add(Kind::RunStart, Phase::Plan, None, start);
    for cycle in 1.. {
        for role in Workflow::Thorough.agents() {
            let phase = role.phase();
            let begins = json!({"archetype": role, "cycle": cycle});
            add(Kind::AgentStart, phase, Some(role), begins);
            let ends = json!({
                "archetype": role, "cycle": cycle, "duration_ms": 31_000, "tokens_input": 12_000,
                "tokens_output": 6_000, "estimated_cost_usd": 0.126, "process": 1,
                "artifacts": ["plan-creator.md"], "summary": "What it did in a line of usual length.",
            });
            add(Kind::AgentComplete, phase, Some(role), ends);
            if phase == Phase::Check {
                let finding = |number: usize| {
                    json!({
                        "file": format!("src/file{number}.rs"), "line": 7, "severity": "WARNING",
                        "category": "quality", "description": format!("{role} finds {number} in {cycle}"),
                    })
                };
                let findings: Vec<Value> = (0..FINDINGS).map(finding).collect();
                let verdict =
                    json!({"archetype": role, "verdict": "REJECTED", "findings": findings});
                add(Kind::ReviewVerdict, phase, Some(role), verdict);
            }
        }
        let turns = json!({"from": "check", "to": "act"});
        add(Kind::PhaseTransition, Phase::Act, None, turns);
        let boundary = json!({
            "cycle": cycle, "max_cycles": 3, "next_action": "cycle_back", "critical": 0, "warning": 20,
        });
        if add(Kind::CycleBoundary, Phase::Act, None, boundary) {
            break;
        }
    }
}

fn events(log: &Log) -> Vec<Event> {
    log.read().expect("readable").expect("a log").events
}

fn looks(criterion: &mut Criterion) {
    let folder = tempfile::tempdir().expect("a folder");
    let run = RunId::new("bench").expect("an id");
    let log = Log::new(folder.path().join("bench.jsonl"), run.clone());
    write(&log);
    assert_eq!(events(&log).len() as u64, EVENTS);
    let mut group = criterion.benchmark_group("pdca");
    group.bench_function("dag of 1,000 events", |bencher| {
        bencher.iter(|| dag::render(&events(&log)));
    });
    group.bench_function("report of 1,000 events", |bencher| {
        bencher.iter(|| report::document(&events(&log)));
    });
    group.bench_function("progress of 1,000 events", |bencher| {
        bencher.iter(|| {
            let events = events(&log);
            Progress::of(&events).document(&events, Timestamp::UNIX_EPOCH)
        });
    });
    // The file grows by what is appended; all that an append reads of it is its end.
    let grows = Log::new(folder.path().join("grows.jsonl"), run);
    write(&grows);
    group.bench_function("an event after 1,000", |bencher| {
        bencher.iter(|| {
            let event = NewEvent::new(Kind::AgentStart, Phase::Check, json!({})).by(Role::Sage);
            grows.append(event, Timestamp::UNIX_EPOCH).expect("written")
        });
    });
    group.finish();
}

criterion_group!(benches, looks);
criterion_main!(benches);
