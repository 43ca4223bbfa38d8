//! The example agent's failure, ready to be reproduced and repaired by the library.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use archal::budget::prices::Prices;
use archal::config::schema::RouteMode;
use archal::driver::run::Driver;
use archal::fix::driven::DrivenFixer;
use archal::fix::repair::{Repair, RepairError, Repaired};
use archal::git::command::{self, Git};
use archal::grade::Grade;
use archal::grade::facts::Facts;
use archal::grade::whole::{self, Evidence};
use archal::ingest::{Imported, read_file};
use archal::reconstruct::replay::Replay;
use archal::reconstruct::tools::Tools;
use archal::reconstruct::{self, Context, Reconstruction, exchanges};
use archal::report::rate::Rate;
use archal::reproduce::attempts::{AttemptRecord, Attempts, StepError};
use archal::reproduce::decision::{Shown, counts};
use archal::reproduce::estimate::Estimate;
use archal::reproduce::identity::FailureIdentity;
use archal::reproduce::journal::{Journal, Phase};
use archal::reproduce::seat::Later;
use archal::reproduce::workplace::{Workshop, WorkspaceOptions};
use archal::run::attempt::Bench;
use archal::run::harness::Wanted;
use archal::run::scenarios::{self, Prepared};
use archal::run::scrub::Scrubber;
use archal::run::seeds::{OtherStates, StartState};
use archal::run::trouble::TroubleEverywhere;
use archal::sandbox::StopToken;
use archal::sandbox::hold::{self, Probe};
use archal_core::environment::Environment;
use archal_core::id::SequentialIds;
use archal_core::redact::Redactor;
use serde_json::Value;
use tempfile::TempDir;

use crate::sandbox::helper;
use crate::session::RealClock;

use super::super::{without_held_back_names, without_times};

pub(super) const PATH: &str = "/usr/local/bin:/usr/bin:/bin";
/// How often the failure is run.
const RUNS: u32 = 2;

/// A repository with the example agent, its trace read and graded.
pub(super) struct Failure {
    pub(super) folder: TempDir,
    environment: Environment,
    scrubber: Scrubber,
    probe: Probe,
    base: String,
    prepared: Prepared,
    imported: Imported,
    rebuilt: Reconstruction,
    grade: Grade,
    pub(super) identity: FailureIdentity,
    states: BTreeMap<String, StartState>,
    pub(super) options: WorkspaceOptions,
    pub(super) fix_command: String,
    pub(super) validation: Option<String>,
    pub(super) stop: StopToken,
}

/// How a job ended.
pub(super) enum End {
    Repaired(Repaired),
    NotReproduced(StepError),
    NotRepaired(RepairError),
}

impl Failure {
    /// The example with `agent` in front of its `agent.py`.
    pub(super) fn new(agent: &str) -> Self {
        let folder = tempfile::tempdir().expect("temporary folder");
        let repo = folder.path().join("repo");
        let example = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/issue-janitor");
        copy(&example, &repo);
        let main = fs::read_to_string(repo.join("agent.py")).expect("readable");
        fs::write(repo.join("agent.py"), format!("{agent}{main}")).expect("writable");
        let git = |arguments: &[&str]| {
            Git::new(&repo, PATH)
                .args(["-c", "user.name=t", "-c", "user.email=t@example.com"])
                .env("GIT_AUTHOR_DATE", "2026-11-21T00:00:00Z")
                .env("GIT_COMMITTER_DATE", "2026-11-21T00:00:00Z")
                .args(arguments)
                .output()
                .expect("git works")
        };
        git(&["init", "--quiet"]);
        git(&["add", "--all"]);
        git(&["commit", "--quiet", "-m", "first"]);
        let clones = archal_clones::ALL;
        let keep = clones.iter().flat_map(|clone| clone.keep_fields).copied();
        let redactor = Redactor::new([3; 32], keep);
        let trace = repo.join("traces/2026-11-20-sweep.otlp.json");
        let mut report =
            read_file(archal::app::files(), &trace, &redactor, None).settle(Duration::MAX);
        let imported = report.traces.remove(0);
        let scenario = repo.join("archal/close-stale-issues.md");
        let (prepared, _) = scenarios::load(&scenario, clones).expect("a scenario");
        let context = Context {
            clones,
            tools: &Tools::default(),
            owned: &[],
        };
        let rebuilt = reconstruct::reconstruct(&imported.trace, &context);
        let calls = exchanges::of(&imported.trace, &context);
        let replay = Replay::run(&rebuilt, &calls, clones).expect("a seed");
        let grade = whole::grade(Evidence {
            facts: &Facts::of(&imported.trace),
            identity: imported.identity.clone(),
            matched: Some(&prepared),
            traced: &calls,
            replay: Ok(&replay),
            base: rebuilt.base,
            made_up: &rebuilt.synthesised,
            rules: &[],
            early: Vec::new(),
            judged: None,
            clones,
        });
        let identity =
            FailureIdentity::of(&prepared.scenario.id, grade.failures()).expect("a failure");
        let states = rebuilt
            .seeds
            .iter()
            .map(|(clone, seed)| (clone.clone(), StartState::Document(seed.clone())))
            .collect();
        let variables = [
            ("PATH", PATH.to_owned()),
            ("HOME", text(&folder.path().join("home"))),
            ("XDG_CACHE_HOME", text(&folder.path().join("cache"))),
        ];
        let environment = Environment {
            variables: variables
                .map(|(name, value)| (name.to_owned(), value))
                .into(),
            directory: "/".into(),
        };
        Self {
            base: command::head(&repo, PATH).expect("a commit"),
            scrubber: Scrubber::new(redactor, &environment, &[]),
            probe: hold::probe(&helper()),
            environment,
            prepared,
            imported,
            rebuilt,
            grade,
            identity,
            states,
            options: WorkspaceOptions::default(),
            fix_command: "python3 fix.py".to_owned(),
            validation: None,
            stop: StopToken::new(),
            folder,
        }
    }

    /// Where the artifacts go.
    pub(super) fn out(&self) -> PathBuf {
        self.folder.path().join("out")
    }

    pub(super) fn workplaces(&self) -> PathBuf {
        self.folder.path().join("cache/archal/workspaces")
    }

    pub(super) fn with<T>(
        &self,
        journal: &dyn Journal,
        work: impl FnOnce(&Attempts<'_>, &Workshop<'_>) -> T,
    ) -> T {
        let ids = SequentialIds::new(u64::from(std::process::id()));
        let binary = helper();
        let bench = Bench {
            clones: archal_clones::ALL,
            clock: Arc::new(RealClock(Instant::now())),
            ids: &ids,
            binary: &binary,
            files: archal::app::files(),
            probe: &self.probe,
            environment: &self.environment,
            allow: &[],
            scrubber: &self.scrubber,
            judge: None,
            stop: Some(&self.stop),
        };
        let agent = Wanted {
            flag: None,
            agent: Some((
                "python3".to_owned(),
                vec!["agent.py".to_owned()],
                BTreeMap::new(),
            )),
        };
        let task = self.imported.trace.input_text().expect("a task");
        let attempts = Attempts {
            stand_ins: &[],
            hands: None,
            clock: None,
            bench: &bench,
            prepared: &self.prepared,
            states: &self.states,
            proven: None,
            task: &task,
            agent: &agent,
            model: None,
            timeout: Duration::from_secs(60),
            route: RouteMode::Auto,
            expose_clone_urls: false,
            trouble: &TroubleEverywhere::default(),
            journal,
            estimate: Estimate::UNKNOWN,
        };
        let repo = self.folder.path().join("repo");
        let workshop = Workshop {
            repo: &repo,
            base: &self.base,
            options: &self.options,
            environment: &self.environment,
            binary: &binary,
            containment: self.probe.containment(),
            stop: Some(&self.stop),
        };
        work(&attempts, &workshop)
    }

    /// Runs the failure.
    pub(super) fn reproduce(
        &self,
        attempts: &Attempts<'_>,
        workshop: &Workshop<'_>,
    ) -> Result<Vec<AttemptRecord>, StepError> {
        let seat = Later::new(workshop, &[]);
        let folder = self.out().join("runs");
        attempts.make(&Phase::Reproduce, &seat, &self.identity, RUNS, &folder)
    }

    /// The whole job, as a process does it that knows nothing but the journal and the files.
    pub(super) fn job(&self, journal: &dyn Journal) -> End {
        self.with(journal, |attempts, workshop| {
            let made = match self.reproduce(attempts, workshop) {
                Ok(made) => made,
                Err(error) => return End::NotReproduced(error),
            };
            match self.repair(attempts, workshop, &made) {
                Ok(repaired) => End::Repaired(repaired),
                Err(error) => End::NotRepaired(error),
            }
        })
    }

    fn repair(
        &self,
        attempts: &Attempts<'_>,
        workshop: &Workshop<'_>,
        made: &[AttemptRecord],
    ) -> Result<Repaired, RepairError> {
        let shown: Vec<Shown> = made.iter().map(|attempt| attempt.shown.clone()).collect();
        let (red, counted) = counts(&shown);
        let folder = self.out().join("fixes");
        let other_states = OtherStates::default();
        let grade = serde_json::to_value(&self.grade).unwrap_or(Value::Null);
        let repair = Repair {
            attempts,
            workshop: *workshop,
            identity: &self.identity,
            red: Rate::of(red, counted),
            runs: RUNS,
            scenarios: &[&self.prepared],
            scenario_root: workshop.repo,
            scenario_places: &["archal".to_owned()],
            seed_files: &[],
            unreadable: &[],
            red_runs: made,
            default_timeout: Duration::from_secs(60),
            timeout: Duration::from_secs(60),
            other_states: &other_states,
            validation: self.validation.as_deref(),
            grade: &grade,
            seeds: &self.rebuilt.seeds,
            evidence: &[],
            today: jiff::civil::date(2026, 11, 21),
            fixer_estimate: Estimate::UNKNOWN,
            folder: &folder,
        };
        let bench = attempts.bench;
        repair.run(&DrivenFixer {
            driver: Driver::Command(self.fix_command.clone()),
            model: None,
            arguments: Vec::new(),
            idle: None,
            prices: &Prices::load(None).expect("the bundled table"),
            environment: BTreeMap::from([("PATH".to_owned(), PATH.to_owned())]),
            binary: bench.binary,
            containment: bench.probe.containment(),
            binds: &[],
            confinement: None,
            scrubber: bench.scrubber,
            transcript: folder.join("transcript.log"),
            stop: bench.stop,
        })
    }

    /// Every artifact by its name, with what differs between any two runs taken out.
    pub(super) fn artifacts(&self) -> BTreeMap<String, String> {
        let mut found = BTreeMap::new();
        self.list(&self.out(), &mut found);
        found
    }

    fn list(&self, folder: &Path, found: &mut BTreeMap<String, String>) {
        for entry in fs::read_dir(folder).expect("readable") {
            let path = entry.expect("readable").path();
            if path.is_dir() {
                self.list(&path, found);
                continue;
            }
            let name = text(path.strip_prefix(self.out()).expect("below"));
            let depends_on_time = ["timings.jsonl", "agent-trace.json", "egress.jsonl"];
            let content = if depends_on_time.iter().any(|end| name.ends_with(end)) {
                String::new()
            } else {
                let content = String::from_utf8(fs::read(&path).expect("readable"));
                let content = content.expect("text");
                let content = content.replace(&text(self.folder.path()), "<folder>");
                match serde_json::from_str::<Value>(&content) {
                    Ok(mut value) if name.ends_with(".json") => {
                        without_times(&mut value);
                        without_held_back_names(&mut value);
                        value.to_string()
                    }
                    _ => content,
                }
            };
            // Made of a secret that is another in each job.
            let is_held_back = name.starts_with("fixes/held-back");
            found.insert(name, if is_held_back { String::new() } else { content });
        }
    }
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("writable");
    for entry in fs::read_dir(from).expect("readable") {
        let entry = entry.expect("readable");
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).expect("copied");
        }
    }
}

fn text(path: &Path) -> String {
    path.display().to_string()
}
