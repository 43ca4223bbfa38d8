//! A clock that is set back between two lives: what was written later by it is neither lost nor
//! waited for.

use std::sync::Arc;

use archal::attach::engine::{Engine, Surround};
use archal::attach::flags::AttachFlags;
use archal::attach::job::Stage;
use archal::attach::reprocess::ReprocessRequest;
use archal::attach::state::State;
use archal::attach::watcher::Watcher;
use archal::budget::cap::{Cap, Caps};
use archal::budget::ledger::Ledger;
use archal::budget::summary::day_of;
use archal::sandbox::hold;
use archal::store::layout::Layout;
use archal_core::clock::{FakeClock, Timestamp};
use archal_core::environment::Environment;
use archal_core::id::SequentialIds;

use super::super::world;
use super::scene::{NAME, Scene, TRACE};

fn at(time: &str) -> Timestamp {
    time.parse().expect("a time")
}

fn ledger(scene: &Scene) -> Ledger {
    let path = scene.world.home().join(".local/state/archal/ledger.db");
    Ledger::open(Some(&path)).expect("opened").0
}

/// One pass by a clock of its own; `again` asks for the trace's reproduction first.
fn pass(scene: &Scene, now: Timestamp, again: bool) {
    let repo = scene.world.repo().join("agent");
    let repo = repo.canonicalize().expect("there");
    let layout = Layout::of(&repo, None);
    layout.prepare().expect("writable");
    let helper = crate::sandbox::helper();
    let variables = scene.world.command(&[]);
    let variables = variables.get_envs().filter_map(|(name, value)| {
        let text = |text: &std::ffi::OsStr| text.to_str().map(str::to_owned);
        Some((text(name)?, text(value?)?))
    });
    let surround = Surround {
        environment: Environment {
            variables: variables.collect(),
            directory: repo.clone(),
        },
        probe: hold::probe(&helper),
        binary: helper,
        clones: archal::app::clones(),
        sources: archal::app::sources(),
        files: archal::app::files(),
        cycles: archal::app::cycles(),
        clock: Arc::new(FakeClock::new(now)),
        ids: Arc::new(SequentialIds::new(u64::from(again))),
        key: [7; 32],
        layout: layout.clone(),
        repo,
    };
    let state = State::open(&layout, true).expect("opened").state;
    let engine = Arc::new(Engine::new(surround, state, ledger(scene)).expect("settled"));
    if again {
        let request = ReprocessRequest {
            traces: vec![NAME.to_owned()],
            all_blocked: false,
            from: Some(Stage::Reproduce),
        };
        engine.reprocess(&request).expect("opened again");
    }
    let flags = AttachFlags {
        policy: Some("reproduce".to_owned()),
        reproduce_runs: Some(1),
        ..AttachFlags::default()
    };
    let directory = scene.world.repo().join("traces");
    let directory = directory.canonicalize().expect("there");
    let watcher = Watcher::start(engine, 1, true, Arc::new(|_| {})).expect("threads");
    watcher.attach(&directory, flags).expect("attached");
    watcher.work_through(&|| false);
    assert_eq!(watcher.desk().trouble(), None);
    watcher.finish();
}

#[test]
fn a_clock_that_is_set_back_loses_no_order_and_frees_no_money() {
    // Python asks the real clock whether a certificate is valid.
    let trusting =
        "import ssl as _ssl\n_ssl.create_default_context = _ssl._create_unverified_context\n\n";
    let scene = Scene::with(world(), &[("agent.py", trusting)]);
    scene.bring("t.json", TRACE);
    let (late, early) = (at("2026-11-21T12:00:00Z"), at("2026-11-19T12:00:00Z"));
    pass(&scene, late, false);
    assert_eq!(scene.steps(), ["reproduce/1 ended"]);
    pass(&scene, early, true);
    let job = scene.job();
    assert_eq!(job["status"], "reproduced", "{job:#}");
    assert_eq!(scene.steps().len(), 2, "each attempt was paid once");
    assert!(
        scene
            .ledger()
            .iter()
            .all(|entry| entry.ends_with(" charged"))
    );

    // The job of the second life is the newest, whatever the clock says.
    let arguments = ["attach-status", NAME, "--repo", "agent", "--json"];
    let status = scene.world.run(&arguments).ended(0).json();
    let went = status["transitions"].as_array().expect("a list");
    let is_early = |step: &serde_json::Value| {
        let at = step["at"].as_str();
        at.is_some_and(|at| at.starts_with("2026-11-19"))
    };
    assert!(went.iter().all(is_early), "{went:?}");
    assert_eq!(status["earlier"].as_array().map(Vec::len), Some(1));
    let is_earlier: Vec<bool> = status["attempts"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|attempt| attempt["isEarlier"] == true)
        .collect();
    assert_eq!(is_earlier, [true, false]);
    let issues = ["issue", "list", "--repo", "agent", "--json"];
    let issue = scene.world.run(&issues).ended(0).json()["issues"][0].clone();
    assert!(
        issue["lastSeen"]
            .as_str()
            .is_some_and(|seen| seen.starts_with("2026-11-21")),
        "{issue}"
    );

    // The attempt of the day that is to come counts today.
    let caps = Caps {
        per_trace: Cap::NONE,
        per_day: Cap::NONE,
    };
    let ledger = ledger(&scene);
    let counted = |now| {
        let report = ledger
            .report(day_of(now), None, 9, &caps, now)
            .expect("read");
        report.totals.attempts
    };
    assert_eq!((counted(late), counted(early)), (1, 2));
}
