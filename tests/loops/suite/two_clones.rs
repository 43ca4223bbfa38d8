//! Scenarios with two clones, in this process: the catalogue is that of the testkit.

use std::collections::BTreeMap;
use std::num::NonZeroUsize;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use archal::budget::prices::Prices;
use archal::config::schema::RouteMode;
use archal::run::attempt::Bench;
use archal::run::harness::{self, Wanted};
use archal::run::plan::SuitePlan;
use archal::run::ready;
use archal::run::request::Request;
use archal::run::scenarios;
use archal::run::scrub::Scrubber;
use archal::run::seeds::{self, OtherStates, SeedError, StartState};
use archal::run::suite::{self, SuiteOptions};
use archal::run::trouble::TroubleEverywhere;
use archal::sandbox::hold;
use archal::store::layout::Layout;
use archal_core::clone::CloneDescriptor;
use archal_core::environment::Environment;
use archal_core::redact::Redactor;
use archal_testkit::SequentialIds;
use archal_testkit::echo_clone::ECHO;
use archal_testkit::till_clone::TILL;

use super::*;
use crate::sandbox::helper;
use crate::session::RealClock;

const CLONES: [CloneDescriptor; 2] = [ECHO, TILL];

/// Notes every payment and gives the largest back.
const AGENT: &str = r#"
import json, os, urllib.request
def call(host, token, method, path, body=None):
    request = urllib.request.Request("https://" + host + path,
        None if body is None else json.dumps(body).encode(), method=method,
        headers={"Authorization": "Bearer " + os.environ[token]})
    return json.load(urllib.request.urlopen(request, timeout=20))
payments = call("api.till.test", "TILL_TOKEN", "GET", "/payments")
open_ones = [p for p in payments if not p["refunded"]]
for payment in open_ones:
    call("api.echo.test", "ECHO_TOKEN", "POST", "/notes", {"text": "payment %d" % payment["id"]})
largest = max(open_ones, key=lambda p: p["amount"])
call("api.till.test", "TILL_TOKEN", "POST", "/payments/%d/refund" % largest["id"])
print("gave back", largest["id"])
"#;

const SCENARIO: &str = "# Give back\n\n## Prompt\n\nGive the largest payment back.\n\n\
## Success Criteria\n\n\
- [D] One is given back: `size(diff.till.payments.changed) == 1`\n\
- [D] It is the largest: `till.payments.filter(p, p.refunded).exists(p, p.amount == 4550)`\n\
- [D] Each open one has a note: `size(diff.echo.notes.added) == \
size(before.till.payments.filter(p, !p.refunded))`\n\
- [D] Notes come before the money: `calls[0].clone == \"till\" && calls[1].clone == \"echo\"`\n\
- [D] What was noted is kept: `size(echo.notes) == size(before.echo.notes) + 2`\n\n\
## Config\n\nclones: echo, till\nSEED\nruns: 2\n";

struct Place {
    folder: tempfile::TempDir,
    environment: Environment,
}

impl Place {
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let variables =
            BTreeMap::from([("PATH".to_owned(), "/usr/local/bin:/usr/bin:/bin".to_owned())]);
        fs::write(folder.path().join("harness.py"), AGENT).expect("writable");
        Self {
            environment: Environment {
                variables,
                directory: folder.path().to_owned(),
            },
            folder,
        }
    }

    fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Writes a scenario with a line of Config and reads it.
    fn scenario(&self, seed: &str) -> Result<scenarios::Prepared, String> {
        let path = self.path().join("give-back.md");
        fs::write(&path, SCENARIO.replace("SEED", seed)).expect("writable");
        scenarios::load(&path, &CLONES)
            .map(|(prepared, _)| prepared)
            .map_err(|broken| {
                let all: Vec<String> = broken
                    .diagnostics
                    .iter()
                    .map(|one| one.message.clone())
                    .collect();
                all.join("\n")
            })
    }
}

#[test]
fn a_scenario_with_two_clones_runs_on_both_states() {
    let place = Place::new();
    let prepared = place
        .scenario("seed: three-payments, echo:one-note")
        .expect("a scenario");
    let probe = hold::probe(&helper());
    let scrubber = Scrubber::new(
        Redactor::new(
            [5; 32],
            CLONES.iter().flat_map(|clone| clone.keep_fields).copied(),
        ),
        &place.environment,
        &[],
    );
    let (ids, binary) = (SequentialIds::new(1), helper());
    let bench = Bench {
        judge: None,
        clones: &CLONES,
        clock: Arc::new(RealClock(Instant::now())),
        ids: &ids,
        binary: &binary,
        files: archal::app::files(),
        probe: &probe,
        environment: &place.environment,
        allow: &[],
        scrubber: &scrubber,
        stop: None,
    };
    let harness = harness::find(place.path(), &Wanted::default()).expect("a harness");
    let options = SuiteOptions {
        harness: &harness,
        directory: place.path(),
        config: None,
        jobs: NonZeroUsize::new(2).expect("not zero"),
        runs: None,
        default_runs: 1,
        timeout: None,
        default_timeout: Duration::from_secs(60),
        route: None,
        default_route: RouteMode::Auto,
        model: None,
        judge_model: None,
        trouble: TroubleEverywhere::default(),
        states: OtherStates::default(),
        pass_threshold: None,
        default_threshold: 100.0,
        tag_thresholds: BTreeMap::new(),
        tag: None,
        budget: None,
        strict: false,
        prices: Prices::load(None).expect("archal's own"),
        withheld: std::collections::BTreeSet::new(),
        expose_clone_urls: false,
    };
    let ready = [ready::make(&bench, &prepared, &options).expect("ready")];
    let layout = Layout::of(place.path(), None);
    let present = [ready[0].present(&bench, &options)];
    let plan = SuitePlan::new(
        &ids,
        String::new(),
        Request::default(),
        String::new(),
        &present,
    );
    let mut seen = 0;
    let end = suite::run(&bench, &layout, &plan, &ready, &options, &mut |_| seen += 1)
        .expect("a summary");
    let report = &end.report.scenarios[0];
    assert_eq!((report.score.passed, seen), (2, 2), "{report:#?}");
    assert_eq!(report.vacuous, None);
    for result in &report.results {
        let after = fs::read_to_string(result.evidence.join("state-after.json")).expect("evidence");
        assert!(
            after.contains("payment 3") && after.contains("first"),
            "{after}"
        );
    }
}

#[test]
fn a_bare_seed_binds_to_the_only_clone_that_has_it() {
    let place = Place::new();
    let load = |seed| {
        place
            .scenario(seed)
            .map(|prepared| prepared.scenario.config.seeds)
    };
    let seeds = load("seed: three-payments").expect("bound");
    assert_eq!((seeds[0].clone.as_str(), seeds.len()), ("till", 1));
    let error = load("seed: empty").expect_err("both have it");
    assert!(
        error.contains("seed `empty` exists for echo and till"),
        "{error}"
    );
    let error = load("seed: two-payments").expect_err("none has it");
    assert!(
        error.contains("echo or till has no seed `two-payments`"),
        "{error}"
    );

    let names = ["echo".to_owned(), "till".to_owned()];
    let flag = |text: &str| seeds::of_flag(text, &names, &CLONES, place.path());
    let named = |name: &str| StartState::Named(name.to_owned());
    assert_eq!(
        flag("one-note").expect("bound"),
        ("echo".to_owned(), named("one-note"))
    );
    assert_eq!(
        flag("till:empty").expect("bound"),
        ("till".to_owned(), named("empty"))
    );
    let message = |text: &str| flag(text).expect_err("refused").to_string();
    insta::assert_snapshot!(message("empty"), @"seed `empty` exists for echo and till; write echo:empty");
    insta::assert_snapshot!(message("one-notes"), @"echo or till has no seed `one-notes`; did you mean `one-note`?");
    insta::assert_snapshot!(message("till:one-note"), @"till has no seed `one-note`");
    fs::write(place.path().join("seed.json"), "{}").expect("writable");
    assert!(matches!(flag("seed.json"), Err(SeedError::Several { .. })));
    assert!(matches!(
        flag("till:seed.json"),
        Ok((_, StartState::Document(_)))
    ));
    let only_till = ["till".to_owned()];
    let other = seeds::of_flag("echo:one-note", &only_till, &CLONES, place.path());
    assert!(matches!(other, Err(SeedError::NoClone { .. })));
}
